"""Runs the command line in this process and keeps what it prints."""

from dataclasses import dataclass

import pytest

from smartlaunch.cli import main


@dataclass
class Said:
    code: int
    out: str
    err: str


@pytest.fixture
def cli(capsys, tmp_path, monkeypatch):
    """A command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("SMARTLAUNCH_TARGET", "SMARTLAUNCH_BROWSER", "SMARTLAUNCH_ALLURE"):
        monkeypatch.delenv(name, raising=False)

    def call(*words: str) -> Said:
        code = main(list(words))
        captured = capsys.readouterr()
        said = Said(code, captured.out, captured.err)
        assert "Traceback" not in said.out + said.err
        return said

    return call
