"""A run at a terminal asks for another pasted launch when it would judge more, and goes on without one where none is typed."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from smartlaunch.embedded_ehr import data
from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.server import RunningSandbox, serve
from smartlaunch.embedded_ehr.target_file import write_target

ROOT = Path(__file__).resolve().parents[2]
PATIENT = data.PATIENTS[0]
PUT = ("access-granted-works", "code-reuse-refused", "state-returned")
LIMIT_S = 240.0


def launch_of(ehr: RunningSandbox) -> str:
    app = next(c for c in ehr.sandbox.state.clients.values() if c.role == "public" and c.use == "primary")
    return ehr.sandbox.state.create_launch(app.client_id, next(iter(ehr.sandbox.state.users)), PATIENT, None)


def put(tmp_path: Path, typed: Callable[[RunningSandbox], str]) -> tuple[dict[str, str], str, int]:
    """Run at a terminal of its own, type at each question; the outcomes, what the terminal showed, and how often it asked."""
    with serve(SandboxOptions()) as ehr:
        target = write_target(tmp_path / "target.toml", ehr)
        head, tail = target.read_text("utf-8").split("[ehr_launch]")
        setting = f'kind = "pasted"\niss = "{ehr.fhir_base_url}"\nlaunch = "{launch_of(ehr)}"'
        target.write_text(f"{head}[ehr_launch]\n{setting}\n[limits]{tail.partition('[limits]')[2]}", "utf-8")
        words = [word for slug in PUT for word in ("--scenario", f"ehr-launch-public/{slug}")]
        command = [sys.executable, "-m", "smartlaunch.cli", "run", "--target", str(target), "--no-allure", "--out", str(tmp_path / "run")]
        ours, theirs = pty.openpty()
        environment = {name: value for name, value in os.environ.items() if name != "CI"} | {"PYTHONPATH": str(ROOT)}
        process = subprocess.Popen([*command, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=tmp_path)
        os.close(theirs)
        shown, asked = "", 0
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until:
            ready, _, _ = select.select([ours], [], [], 0.5)
            if ready:
                try:
                    shown += os.read(ours, 4096).decode("utf-8", "replace")
                except OSError:
                    break
            elif process.poll() is not None:
                break
            if len(re.findall(r"goes on without\) > ", shown)) > asked:
                asked += 1
                os.write(ours, f"{typed(ehr)}\n".encode())
        process.wait(30)
        os.close(ours)
    run = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
    return {row["id"].split("/", 1)[1]: row["outcome"] for row in run["scenarios"]}, shown, asked


@pytest.mark.parametrize("whole", [True, False], ids=["a launch URL", "a launch value"])
def test_another_launch_is_asked_for_and_used(tmp_path: Path, whole: bool) -> None:
    given: list[str] = []

    def typed(ehr: RunningSandbox) -> str:
        given.append(launch_of(ehr))
        return f"https://app.example/launch?iss={ehr.fhir_base_url}&launch={given[-1]}" if whole else given[-1]

    outcomes, shown, asked = put(tmp_path, typed)
    assert set(outcomes.values()) == {"passed"}, shown
    assert asked == len(given) > 0
    kept = "".join(path.read_text("utf-8", "replace") for path in (tmp_path / "run").rglob("*") if path.is_file())
    assert not [value for value in given if value in kept], "a launch that was typed is a secret"


def test_nobody_is_asked_twice_who_has_none(tmp_path: Path) -> None:
    outcomes, shown, asked = put(tmp_path, lambda _ehr: "")
    assert asked == 1, shown
    assert outcomes["code-reuse-refused"] == "not-configured"
    assert "passed" in outcomes.values()
