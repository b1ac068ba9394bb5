"""Each probe is shown a right answer, a wrong one, and none: the first holds, the second does not, the third is neither."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from smartlaunch.errors import Blocked

from . import cases_access, cases_authorization, cases_clients, cases_grants, cases_identity
from .cases import Case
from .conftest import World

CASES = [
    *cases_authorization.CASES,
    *cases_access.CASES,
    *cases_clients.CASES,
    *cases_grants.CASES,
    *cases_identity.CASES,
]


def test_no_two_cases_have_one_name() -> None:
    assert len({one.name for one in CASES}) == len(CASES)


@pytest.mark.parametrize("one", CASES, ids=lambda c: c.name)
def test_a_right_answer_holds(one: Case, right: World) -> None:
    assert one.holds(one.ask(right))


@pytest.mark.parametrize("one", [c for c in CASES if c.defect], ids=lambda c: c.name)
def test_a_wrong_answer_does_not(one: Case, worlds: Callable[..., World]) -> None:
    assert not one.holds(one.ask(worlds(one.defect)))


SILENT = {one.probe: one for one in CASES if one.silent and (one.defect or one.quiet)}
"""One case of each probe: its words make no difference to a server that keeps silent."""


@pytest.mark.parametrize("one", SILENT.values(), ids=lambda c: c.name)
def test_no_answer_is_neither(one: Case, worlds: Callable[..., World]) -> None:
    world = worlds(fresh=True)
    one.warm(world)
    with world.silent(one.silent):
        try:
            answer = one.ask(world)
        except Blocked:
            return
    landing = getattr(answer, "landing", None)
    if landing is None or landing.kind != "unreachable":
        pytest.fail(f"{one.name}: no answer passed for one")
