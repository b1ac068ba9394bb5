"""For every folder of tests: warnings are errors, and the command line is run in this process and in an empty folder."""

from dataclasses import dataclass

import pytest

from smartlaunch.cli import main
from tests import forking
from tests.forking import Warm

_WARNINGS = (
    "error",
    "ignore:.*asyncio_default_fixture_loop_scope:pytest.PytestDeprecationWarning",
    "ignore::pytest.PytestCacheWarning",
    "ignore:.*httpx.*:DeprecationWarning:fhirclient",
)
"""What Python and libraries warn of is an error in a test; in a run of the suites it is no verdict on a server."""
_SETTINGS = ("SMARTLAUNCH_TARGET", "SMARTLAUNCH_BROWSER", "SMARTLAUNCH_ALLURE", "GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS", "GITLAB_CI")


def pytest_configure(config):
    """Take warnings for errors."""
    for line in _WARNINGS:
        config.addinivalue_line("filterwarnings", line)


@dataclass
class Said:
    """What a command ended with and printed."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        """Both streams."""
        return self.out + self.err


@pytest.fixture
def cli(capsys, tmp_path, monkeypatch):
    """A command line in an empty folder, without settings of the environment."""
    monkeypatch.chdir(tmp_path)
    for name in _SETTINGS:
        monkeypatch.delenv(name, raising=False)

    def call(*words: str) -> Said:
        code = main(list(words))
        captured = capsys.readouterr()
        said = Said(code, captured.out, captured.err)
        assert "Traceback" not in said.all
        return said

    return call


@pytest.fixture(scope="session")
def warm():
    """A process that has everything imported, for the runs of these tests."""
    process = Warm()
    yield process
    process.close()


@pytest.fixture
def in_forks(warm):
    """Runs of the command line made by that process."""
    with forking.in_forks(warm):
        yield
