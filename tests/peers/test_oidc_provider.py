"""Every suite against a certified server that nobody here wrote: each outcome that is not a pass is expected, with its reason.

``expected.toml`` holds the expectations. An outcome beyond them is a change of the server, a new scenario to judge, or a false alarm.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.peers import outcomes

EXPECTED = outcomes.expected_of("oidc_provider")


@pytest.fixture(scope="session")
def record(oidc_provider: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The record of a run of all default suites; SMARTLAUNCH_PEER_RUN names the folder of one made before."""
    made = os.environ.get("SMARTLAUNCH_PEER_RUN")
    if made:
        return outcomes.read(Path(made))
    return outcomes.run(oidc_provider.target_file, tmp_path_factory.mktemp("runs") / "oidc-provider")


def test_each_outcome_that_is_no_pass_is_expected(record):
    found = outcomes.surprises(record, EXPECTED)
    assert not found, "\n".join(found)


def test_each_expectation_is_met_by_some_scenario(record):
    assert not outcomes.stale(record, EXPECTED)


def test_all_default_suites_were_run_and_most_scenarios_judged(record):
    from smartlaunch.plugin.binding import SUITES

    assert {scenario["suite"] for scenario in record["scenarios"]} == {suite.id for suite in SUITES if suite.default}
    judged = [scenario for scenario in record["scenarios"] if scenario["outcome"] in ("passed", "warning", "failed")]
    assert len(judged) > 0.8 * len(record["scenarios"])


def test_no_secret_of_the_server_is_in_the_record(record, oidc_provider):
    assert not outcomes.secrets_in(record, oidc_provider.target_file.parent / "secrets")
