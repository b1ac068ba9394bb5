"""A FHIR server that gives data without any token is found open once; what nothing can show on it is blocked, and blames nobody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from smartlaunch.checks.fhir_access import disclosed
from smartlaunch.errors import TwinFailed
from smartlaunch.probes import launch_context
from smartlaunch.probes.fhir_access import bearer_token, interactions

OPEN, DEAF = "accepts_missing_token", "accepts_token_under_any_scheme"
PROBES: dict[str, Callable[[Any], Any]] = {
    "another scheme": lambda app: bearer_token.sent(app, "the scheme Basic"),
    "another type": lambda app: interactions.other_type(app, "read").exchange,
    "a search of another type": lambda app: interactions.other_type(app, "search by POST").exchange,
    "a search for patients": lambda app: launch_context.patient_search(app)[1],
}
"""Requests that a closed server refuses or narrows."""
WRONG = {
    "another scheme": DEAF,
    "a search for patients": "search_shows_other_patient",
    "another type": "ignores_scopes",
    "a search of another type": "ignores_scopes",
}


@pytest.mark.parametrize("name", PROBES)
def test_what_an_open_server_gives_says_nothing_about_the_token(name: str, worlds: Any) -> None:
    world = worlds(*filter(None, (OPEN, WRONG.get(name))), fresh=True)
    with pytest.raises(TwinFailed, match="without any token") as raised:
        PROBES[name](world.app())
    assert raised.value.by == "bearer-no-token"


@pytest.mark.parametrize("name", WRONG)
def test_what_a_closed_server_gives_to_a_wrong_token_is_its_fault(name: str, worlds: Any) -> None:
    assert disclosed(PROBES[name](worlds(WRONG[name], fresh=True).app()))


def test_a_good_token_in_a_right_way_is_judged_on_an_open_server_too(worlds: Any) -> None:
    assert disclosed(bearer_token.sent(worlds(OPEN, fresh=True).app(), "the scheme in lower case"))
