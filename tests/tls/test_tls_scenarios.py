"""The scenarios on TLS apply to a server with TLS and pass there; the defect matrix shows that each can fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from smartlaunch.embedded_ehr.defects import load_defects
from smartlaunch.plugin.binding import every_plan

ROOT = Path(__file__).resolve().parents[2]
PLANS = [plan for plan in every_plan() if Path(plan.path).parent.name == "tls"]


def test_every_requirement_on_tls_has_a_defect_that_comes_with_tls() -> None:
    shown = {requirement for defect in load_defects().values() if "tls" in defect.needs for requirement in defect.requirements}
    assert PLANS
    assert sorted({requirement for plan in PLANS for requirement in plan.requirements} - shown) == []


def test_the_embedded_ehr_with_tls_passes_every_scenario(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "suites/test_standalone_public.py", "-q", "--quiet-progress", "-p", "no:allure_pytest"]
    command += ["--variant=serves_by_https", f"--run-dir={tmp_path}", *(f"--scenario={plan.id}" for plan in PLANS)]
    environment = {**os.environ, "SMARTLAUNCH_REPORTS": "off", "SMARTLAUNCH_DRAFT": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False)
    found = {r["id"]: r["outcome"] for r in map(json.loads, (tmp_path / "scenarios.jsonl").read_text("utf-8").splitlines())}
    assert done.returncode == 0, done.stdout[-2000:]
    assert len(found) >= len(PLANS)
    assert set(found.values()) == {"passed"}
