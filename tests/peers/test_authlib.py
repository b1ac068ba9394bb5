"""The standalone suites against Authlib's authorization server: each outcome that is not a pass is expected, with its reason."""

from __future__ import annotations

from typing import Any

import pytest

from tests.peers import outcomes

EXPECTED = outcomes.expected_of("authlib_server")
SUITES = ("standalone-public", "standalone-confidential-symmetric")


@pytest.fixture(scope="session")
def record(authlib_server: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The record of a run of the suites that its registrations can bear."""
    return outcomes.run(authlib_server.target_file, tmp_path_factory.mktemp("runs") / "authlib", *SUITES)


def test_each_outcome_that_is_no_pass_is_expected(record):
    found = outcomes.surprises(record, EXPECTED)
    assert not found, "\n".join(found)


def test_each_expectation_is_met_by_some_scenario(record):
    assert not outcomes.stale(record, EXPECTED)


def test_nothing_is_blocked_and_most_is_judged(record):
    of = [scenario["outcome"] for scenario in record["scenarios"] if scenario["suite"] in SUITES]
    assert not {"blocked", "error"} & set(of)
    assert sum(one in ("passed", "warning", "failed") for one in of) > 400


def test_no_secret_of_the_server_is_in_the_record(record, authlib_server):
    assert not outcomes.secrets_in(record, authlib_server.target_file.parent / "secrets")
