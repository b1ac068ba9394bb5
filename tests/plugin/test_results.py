"""What becomes of a scenario that was broken off."""

import contextlib
import time
from types import SimpleNamespace

import pytest

from smartlaunch.errors import Blocked
from smartlaunch.plugin.binding import every_plan
from smartlaunch.plugin.items import EXCHANGES, STARTED, STEPS
from smartlaunch.plugin.results import result_of
from smartlaunch.records.record import ScenarioResult

RUN = SimpleNamespace(scrub=str)


def broken_off(slug: str, exc: Exception) -> ScenarioResult:
    plan = next(plan for plan in every_plan() if plan.slug == slug)
    stash = pytest.Stash()
    stash[EXCHANGES], stash[STEPS], stash[STARTED] = (
        (contextlib.nullcontext(), SimpleNamespace(ids=[], attachments=[])),
        [],
        time.monotonic(),
    )
    item = SimpleNamespace(stash=stash, get_closest_marker=lambda _: SimpleNamespace(kwargs={"plan": plan}))
    return result_of(item, plan, RUN, exc)


def test_a_block_names_the_scenario_that_judges_what_is_missing():
    result = broken_off("bearer-cookie", Blocked("no read is answered", by="bearer-header"))
    assert (result.outcome, result.blocked_by) == ("blocked", "standalone-public/bearer-header")
    assert "blocked by: standalone-public/bearer-header" in result.reason


def test_nothing_is_blocked_by_itself():
    result = broken_off("bearer-header", Blocked("no read is answered", by="bearer-header"))
    assert (result.outcome, result.blocked_by, result.reason) == ("blocked", "", "no read is answered")
