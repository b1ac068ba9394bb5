"""`pytest -n N` makes one run: one folder, one look at the target, one report, one summary."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from smartlaunch.plugin.binding import every_plan
from smartlaunch.plugin.side_by_side import LAST, group, unit_of, wait_for_the_others
from smartlaunch.records.store import load_run

ROOT = Path(__file__).resolve().parents[2]
FEW = [f"standalone-public/{name}" for name in ("aud-right", "smart-configuration-found", "token-response-status", "code-reuse-refused")]
AWAY = """\
schema = 1
[target]
name = "away"
fhir_base_url = "http://127.0.0.1:9/fhir"
[clients.app]
role = "public"
client_id = "a"
scopes = "openid launch/patient patient/*.rs"
redirect_uri = "https://app.example/r"
"""


def put(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "suites/test_standalone_public.py", "-n", "2", "-q", "-p", "no:cacheprovider"]
    command += [f"--run-dir={folder}", "-p", "no:allure_pytest", *words, *(f"--scenario={name}" for name in FEW)]
    environment = {**os.environ, "SMARTLAUNCH_DRAFT": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False)


def test_two_workers_make_one_run(tmp_path: Path) -> None:
    done = put(tmp_path / "run")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    run = load_run(tmp_path / "run")
    assert sorted(s.id for s in run.scenarios) == sorted(FEW)
    assert not run.missing
    assert len(run.header["merged"]) == 2
    assert done.stdout.count("4 scenarios: 4 passed") == 1
    assert [line["probes"] for line in run.preflight if "probes" in line] == ["1"]
    assert len([x for x in run.exchanges if (x.actor, x.endpoint) == ("app", "authorize")]) < 12, "each worker has looked at the clients"
    assert not (tmp_path / "run" / "workers").exists()
    assert (tmp_path / "run" / "index.html").is_file()
    assert (tmp_path / "run" / "manifest.sha256").is_file()


def test_a_target_that_is_away_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "away.toml").write_text(AWAY)
    done = put(tmp_path / "run", f"--target={tmp_path / 'away.toml'}")
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "INTERNALERROR" not in done.stdout
    assert done.stdout.count("Connection") == 1
    assert load_run(tmp_path / "run").preflight_verdict == "unreachable"


class _Item:
    def __init__(self) -> None:
        self.group = ""

    def add_marker(self, mark: pytest.MarkDecorator) -> None:
        self.group = str(mark.args[0])


def test_what_shares_a_grant_stays_together() -> None:
    plans = every_plan()
    items = [_Item() for _ in plans]
    group(zip(items, plans, strict=True))  # type: ignore[arg-type]
    for item, plan in zip(items, plans, strict=True):
        assert (item.group == "last") == bool(plan.flags & LAST)
        assert plan.flags & LAST or item.group == "/".join(unit_of(plan, one_jwk_set=True))
    keys = {plan.suite.role for item, plan in zip(items, plans, strict=True) if item.group == "keys"}
    assert keys == {"confidential-asymmetric", "backend"}


def test_what_comes_last_waits_for_all_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        place = tmp_path / "gw1"
        place.mkdir(exist_ok=True)
        with (place / "scenarios.jsonl").open("a") as out:
            out.write("{}\n")

    monkeypatch.setattr("smartlaunch.plugin.side_by_side.time.sleep", sleep)
    wait_for_the_others(tmp_path / "gw0", 3)
    assert len(slept) == 3
    monkeypatch.setattr("smartlaunch.plugin.side_by_side._LONGEST_S", 0.0)
    wait_for_the_others(tmp_path / "gw0", 30)
