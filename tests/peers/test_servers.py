"""Independent servers of several makes, each put through the suites that its registrations can bear: what is no pass is expected, with its reason.

``expected.toml`` beside each server holds the expectations. An outcome beyond them is a change of the server, a new scenario to judge, or a
false alarm.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.peers import outcomes

SERVERS = {
    "authlib_server": ("standalone-public", "standalone-confidential-symmetric"),
    "django_server": ("standalone-public", "ehr-launch-confidential-symmetric"),
    "oauth2_server": ("standalone-public", "ehr-launch-confidential-symmetric"),
}
"""The suites of each: one in which rules are put that do not depend on the client, and another kind of client."""


@dataclass(frozen=True)
class Run:
    """A run, and what is expected of its server."""

    record: dict[str, Any]
    expected: list[dict[str, Any]]
    target_file: Path


@pytest.fixture(scope="session", params=list(SERVERS))
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of the suites of one server; SMARTLAUNCH_PEER_RUN_<SERVER> names the folder of one made before."""
    name = request.param
    target = request.getfixturevalue(name).target_file
    made = os.environ.get(f"SMARTLAUNCH_PEER_RUN_{name.upper()}")
    record = outcomes.read(Path(made)) if made else outcomes.run(target, tmp_path_factory.mktemp("runs") / name, *SERVERS[name])
    record["scenarios"] = [one for one in record["scenarios"] if one["suite"] in SERVERS[name]]
    return Run(record, outcomes.expected_of(name), target)


def test_each_outcome_that_is_no_pass_is_expected(run):
    found = outcomes.surprises(run.record, run.expected)
    assert not found, "\n".join(found)


def test_each_expectation_is_met_by_some_scenario(run):
    assert not outcomes.stale(run.record, run.expected)


def test_nothing_is_blocked_and_most_is_judged(run):
    of = [scenario["outcome"] for scenario in run.record["scenarios"]]
    assert not {"blocked", "error"} & set(of)
    assert sum(one in ("passed", "warning", "failed") for one in of) > 400


def test_no_secret_of_the_server_is_in_the_record(run):
    assert not outcomes.secrets_in(run.record, run.target_file.parent / "secrets")
