"""Starts batches of forked runs and hands out their records."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
LIMIT_S = 180


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


hostile_server = _load("hostile_server")


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


@pytest.fixture(scope="session")
def forked_runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[dict[str, Any]]], dict[str, Run]]:
    """Run jobs, as forked_runs.py describes them, and return what became of them by name."""

    def run(jobs: list[dict[str, Any]]) -> dict[str, Run]:
        base = tmp_path_factory.mktemp("forked")
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

    return run


@pytest.fixture
def hostile() -> Any:
    """The hostile server's module."""
    return hostile_server
