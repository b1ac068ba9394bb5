"""The command line in an empty folder, and small runs."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def cli(cli, monkeypatch):
    """Runs of nights make no page of Allure's."""
    monkeypatch.setenv("SMARTLAUNCH_ALLURE", "off")
    return cli
