"""Every suite against a certified server that nobody here wrote: each outcome that is not a pass is expected, with its reason.

``expected.toml`` holds the expectations. An outcome beyond them is a change of the server, a new scenario to judge, or a false alarm.
"""

from __future__ import annotations

import fnmatch
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
EXPECTED = tomllib.loads((HERE / "oidc_provider" / "expected.toml").read_text("utf-8"))["expected"]
LIMIT_S = 900


@pytest.fixture(scope="session")
def record(oidc_provider: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The record of a run of all default suites; SMARTLAUNCH_PEER_RUN names the folder of one made before."""
    made = os.environ.get("SMARTLAUNCH_PEER_RUN")
    folder = Path(made) if made else tmp_path_factory.mktemp("runs") / "oidc-provider"
    if not made:
        command = [
            sys.executable,
            "-m",
            "smartlaunch.cli",
            "run",
            f"--target={oidc_provider.target_file}",
            "--no-allure",
            f"--out={folder}",
        ]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=folder.parent, env=env, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-3000:]
        assert "Traceback" not in done.stdout + done.stderr
    loaded: dict[str, Any] = json.loads((folder / "run.json").read_text("utf-8"))
    return loaded


def fits(row: dict[str, Any], scenario: dict[str, Any]) -> bool:
    """Whether an expectation speaks of this scenario and outcome."""
    matches = [row["match"]] if isinstance(row["match"], str) else row["match"]
    outcomes = [row["outcome"]] if isinstance(row["outcome"], str) else row["outcome"]
    named = any(fnmatch.fnmatchcase(scenario["id"].replace("[", "("), match.replace("[", "(")) for match in matches)
    return named and scenario["outcome"] in outcomes and row.get("says", "") in scenario["reason"]


def test_each_outcome_that_is_no_pass_is_expected(record):
    surprises = [
        f"{scenario['id']}: {scenario['outcome']}: {scenario['reason'][:300]}"
        for scenario in record["scenarios"]
        if scenario["outcome"] != "passed" and not any(fits(row, scenario) for row in EXPECTED)
    ]
    assert not surprises, "\n".join(surprises)


def test_each_expectation_is_met_by_some_scenario(record):
    stale = [
        row["match"]
        for row in EXPECTED
        if "passed" not in row["outcome"] and not any(fits(row, scenario) for scenario in record["scenarios"])
    ]
    assert not stale


def test_all_default_suites_were_run_and_most_scenarios_judged(record):
    from smartlaunch.plugin.binding import SUITES

    assert {scenario["suite"] for scenario in record["scenarios"]} == {suite.id for suite in SUITES if suite.default}
    judged = [scenario for scenario in record["scenarios"] if scenario["outcome"] in ("passed", "warning", "failed")]
    assert len(judged) > 0.8 * len(record["scenarios"])


def test_no_secret_of_the_server_is_in_the_record(record, oidc_provider):
    text = json.dumps(record)
    secrets = [path.read_text("utf-8") for path in (oidc_provider.target_file.parent / "secrets").iterdir()]
    assert secrets
    assert not [secret[:4] for secret in secrets if secret in text]
