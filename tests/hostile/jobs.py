"""Hands jobs to ``forked_runs.py`` and gives back the records of what became of them; other folders of tests do so too."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LIMIT_S = 180


@dataclass(frozen=True)
class Run:
    """One ended run: exit code, None when it had to be killed; its folder; what it said; its record."""

    name: str
    code: int | None
    took_s: float
    folder: Path

    @property
    def said(self) -> str:
        """Everything the run printed."""
        return Path(f"{self.folder}.txt").read_text("utf-8", "replace")

    @property
    def record(self) -> dict[str, Any]:
        """Its run.json."""
        loaded: dict[str, Any] = json.loads((self.folder / "run.json").read_text("utf-8"))
        return loaded

    @property
    def outcomes(self) -> dict[str, str]:
        """Outcome by scenario, without the suite."""
        return {scenario["id"].split("/", 1)[1]: scenario["outcome"] for scenario in self.record["scenarios"]}

    @property
    def secrets(self) -> dict[str, list[str]]:
        """The secrets that went over the wire, by name."""
        loaded: dict[str, list[str]] = json.loads(Path(f"{self.folder}.secrets.json").read_text("utf-8"))
        return loaded


def run(jobs: list[dict[str, Any]], base: Path) -> dict[str, Run]:
    """Run jobs, as forked_runs.py describes them, and return what became of them by name."""
    folders = {job["name"]: base / job["name"].replace(":", "-") for job in jobs}
    lines = [{"limit_s": LIMIT_S, "folder": str(folders[job["name"]]), **job} for job in jobs]
    done = subprocess.run(
        [sys.executable, str(HERE / "forked_runs.py")],
        input=json.dumps(lines) + "\n",
        capture_output=True,
        text=True,
        cwd=base,
        timeout=LIMIT_S * (len(jobs) + 1),
        check=False,
    )
    ended = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(ended) == len(jobs), done.stderr[-3000:]
    return {one["name"]: Run(one["name"], one["code"], one["took_s"], folders[one["name"]]) for one in ended}
