"""A run of the suites against an independent server, and its outcomes held against what is expected of that server, with the reasons."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
LIMIT_S = 900


def expected_of(folder: str) -> list[dict[str, Any]]:
    """The rows of a server's ``expected.toml``: which scenarios do not pass, and why that is right."""
    rows: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / folder / "expected.toml").read_text("utf-8"))["expected"]
    return rows


def run(target: Path, folder: Path, *suites: str) -> dict[str, Any]:
    """The record of a run; of all default suites when none is named."""
    command = [sys.executable, "-m", "smartlaunch.cli", "run", f"--target={target}", "--no-allure", f"--out={folder}"]
    command += [f"--suite={suite}" for suite in suites]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder.parent, env=env, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-3000:]
    assert "Traceback" not in done.stdout + done.stderr
    return read(folder)


def read(folder: Path) -> dict[str, Any]:
    """The record of a run made before."""
    loaded: dict[str, Any] = json.loads((folder / "run.json").read_text("utf-8"))
    return loaded


def fits(row: dict[str, Any], scenario: dict[str, Any]) -> bool:
    """Whether an expectation speaks of this scenario and outcome."""
    matches = [row["match"]] if isinstance(row["match"], str) else row["match"]
    outcomes = [row["outcome"]] if isinstance(row["outcome"], str) else row["outcome"]
    plain = re.sub(r"@[^\[]*", "", scenario["id"])  # what a server does wrong once it does wrong in other situations too
    ids = [one.replace("[", "(") for one in (scenario["id"], plain)]
    named = any(fnmatch.fnmatchcase(one, match.replace("[", "(")) for match in matches for one in ids)
    return named and scenario["outcome"] in outcomes and row.get("says", "") in scenario["reason"]


def surprises(record: dict[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    """Each outcome that is no pass and that no row expects."""
    return [
        f"{scenario['id']}: {scenario['outcome']}: {scenario['reason'][:300]}"
        for scenario in record["scenarios"]
        if scenario["outcome"] != "passed" and not any(fits(row, scenario) for row in rows)
    ]


def stale(record: dict[str, Any], rows: list[dict[str, Any]]) -> list[Any]:
    """Each row that no scenario meets, unless it allows a pass."""
    return [row["match"] for row in rows if "passed" not in row["outcome"] and not any(fits(row, one) for one in record["scenarios"])]


def secrets_in(record: dict[str, Any], store: Path) -> list[str]:
    """The beginnings of the target file's secrets that stand in the record; there have to be secrets to look for."""
    text, secrets = json.dumps(record), [path.read_text("utf-8") for path in store.iterdir()]
    assert secrets
    return [secret[:4] for secret in secrets if secret in text]
