"""A made run for every test of the reports."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


def _load(name: str):
    spec = importlib.util.spec_from_file_location(f"reporting_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


sample_run = _load("sample_run")


@pytest.fixture(scope="session")
def sample():
    """The module that makes runs."""
    return sample_run


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """A run with failures, warnings, blocked scenarios and markup everywhere."""
    return sample_run.build(tmp_path_factory.mktemp("runs") / "20261121T224003Z")


@pytest.fixture(scope="session")
def clean_run(tmp_path_factory):
    """A run in which all is well."""
    return sample_run.build(tmp_path_factory.mktemp("runs") / "clean", clean=True)
