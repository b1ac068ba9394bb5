"""Probes that let time pass: begun early, finished when their time has come, asked for later."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from smartlaunch.client.app import App
from smartlaunch.client.memory import Outages
from smartlaunch.errors import NotApplicable
from smartlaunch.plugin.binding import every_plan
from smartlaunch.probes import ahead


class Recorder:
    def __init__(self) -> None:
        self.attached: list[str] = []
        self.made = 0

    @contextmanager
    def scope(self, _name: str) -> Iterator[Any]:
        self.made += 1
        yield SimpleNamespace(ids=[f"x{self.made}"])

    def attach_to_current(self, ids: list[str]) -> None:
        self.attached += ids


@pytest.fixture
def app() -> App:
    return App(SimpleNamespace(recorder=Recorder(), outages=Outages()), SimpleNamespace(name="app"), "standalone", *[None] * 3)  # type: ignore[arg-type]


def test_every_beginning_belongs_to_a_scenario_that_waits() -> None:
    assert set(ahead.BEGINNINGS) == {what for plan in every_plan() for what in plan.waits}


def test_what_was_begun_is_finished_when_its_time_has_come(app: App) -> None:
    steps: list[str] = []

    def probe() -> Any:
        steps.append("begun")
        yield time.time() + 0.05
        steps.append("finished")
        return "end"

    app.begin("k", probe)
    app.ripen()
    assert steps == ["begun"]
    time.sleep(0.06)
    app.ripen()
    assert steps == ["begun", "finished"]
    assert app.aged("k", probe) == "end"
    assert steps == ["begun", "finished"]
    assert app.engine.recorder.attached == ["x1", "x2"]


def test_what_nobody_began_is_waited_for(app: App) -> None:
    def probe() -> Any:
        yield time.time() + 0.05
        return "end"

    began = time.time()
    assert app.aged("k", probe) == "end"
    assert time.time() - began >= 0.05


def test_a_reason_not_to_begin_is_kept_and_told_again(app: App) -> None:
    def probe() -> Any:
        yield from refused()

    def refused() -> Iterator[float]:
        raise NotApplicable("no waiting")

    app.begin("k", probe)
    for _ in range(2):
        with pytest.raises(NotApplicable, match="no waiting"):
            app.aged("k", probe)


def test_a_reason_at_the_end_is_told(app: App) -> None:
    def probe() -> Any:
        yield 0.0
        raise NotApplicable("too late")

    with pytest.raises(NotApplicable, match="too late"):
        app.aged("k", probe)
