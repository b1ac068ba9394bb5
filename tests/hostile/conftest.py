"""Starts batches of forked runs and hands out their records."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.hostile import jobs
from tests.hostile.jobs import Run

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


hostile_server = _load("hostile_server")


@pytest.fixture(scope="session")
def forked_runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[dict[str, Any]]], dict[str, Run]]:
    """Run jobs and return what became of them by name."""
    return lambda listed: jobs.run(listed, tmp_path_factory.mktemp("forked"))


@pytest.fixture
def hostile() -> Any:
    """The hostile server's module."""
    return hostile_server
