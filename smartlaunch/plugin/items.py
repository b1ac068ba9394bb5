"""What hangs at pytest's configuration and at its items: the run, and what is known of the scenario that an item puts."""

from __future__ import annotations

from typing import Any

import pytest

from smartlaunch.plugin import bdd
from smartlaunch.plugin.binding import Plan, label_of
from smartlaunch.plugin.judge import Judge
from smartlaunch.plugin.selection import Selection
from smartlaunch.plugin.session import RunSession
from smartlaunch.records.record import ScenarioResult, StepResult
from smartlaunch.reporting.summary import Progress

RUN = pytest.StashKey[RunSession]()
PROGRESS = pytest.StashKey[Progress]()
JUDGE = pytest.StashKey[Judge]()
STEPS = pytest.StashKey[list[StepResult]]()
EXCHANGES = pytest.StashKey[Any]()
STARTED = pytest.StashKey[float]()
RESULT = pytest.StashKey[ScenarioResult]()
PROFILE = pytest.StashKey[str]()
SELECTION = pytest.StashKey[Selection]()


def plan_of(item: pytest.Item) -> Plan | None:
    """The plan of a scenario item, or None for an ordinary test."""
    mark = item.get_closest_marker("smartlaunch")
    return mark.kwargs["plan"] if mark is not None else None


def scenario_id(item: pytest.Item) -> str:
    """``<suite>/<slug>[<label>]``, stable for ever."""
    plan = plan_of(item)
    assert plan is not None
    return plan.id_of(label_of(bdd.row_of(item)))
