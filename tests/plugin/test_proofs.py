"""Passes that rest on refusals stand only while the right flow goes well; a request that gets no answer is named, not the network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from smartlaunch.catalogue import load
from smartlaunch.client.memory import Outages
from smartlaunch.client.proof import Proofs
from smartlaunch.errors import Blocked, LoginStuck, NotApplicable, TwinFailed, Unreachable
from smartlaunch.plugin import hooks, items, proofs
from smartlaunch.plugin.binding import every_plan
from smartlaunch.plugin.judge import Judge
from smartlaunch.plugin.session import RunSession
from smartlaunch.records.record import ScenarioResult

PLAN = next(plan for plan in every_plan() if "intrusive" in plan.flags)
RIGHT = next(plan for plan in every_plan() if "intrusive" not in plan.flags)


def result(identifier: str, outcome: str = "passed") -> ScenarioResult:
    return ScenarioResult(
        id=identifier, title="", feature="", rule="", suite="s", requirements=(), outcome=outcome, reason="", duration_s=0.0
    )


def world(tmp_path: Path, failure: Exception | None = None) -> tuple[RunSession, Any]:
    """A run and its engine, with one client whose right flow fails as given."""

    def prove() -> None:
        if failure is not None:
            raise failure

    engine = SimpleNamespace(proofs=Proofs(), outages=Outages())
    engine.proofs.refused("web", prove)
    return RunSession(options=None, folder=tmp_path), engine  # type: ignore[arg-type]


def conclude(run: RunSession, engine: Any, plan: Any, *results: ScenarioResult) -> None:
    for each in results:
        engine.proofs.refused("web", lambda: None)
        run.add(each)
        proofs.note(engine, plan, each)


def outcomes(run: RunSession) -> list[str]:
    return [each.outcome for each in run.results]


def test_passes_are_taken_back_when_the_right_flow_fails_at_the_end_of_the_suite(tmp_path: Path) -> None:
    run, engine = world(tmp_path, LoginStuck("the account is locked", hint="unlock it"))
    conclude(run, engine, PLAN, result("a"), result("b", "failed"))
    conclude(run, engine, RIGHT, result("c"))
    proofs.prove_what_is_due(run, engine, last=False)
    assert outcomes(run) == ["passed", "failed", "passed"]
    with pytest.raises(TwinFailed, match="the account is locked"):
        proofs.prove_what_is_due(run, engine, last=True)
    assert outcomes(run) == ["blocked", "failed", "passed"]
    assert run.results[0].block == {"kind": "twin-failed", "cause": "the account is locked"}


@pytest.mark.parametrize("failure", [None, NotApplicable("no launch is left")])
def test_passes_stand_when_the_right_flow_goes_well_or_cannot_be_gone_through(tmp_path: Path, failure: Exception | None) -> None:
    run, engine = world(tmp_path, failure)
    conclude(run, engine, PLAN, result("a"))
    proofs.prove_what_is_due(run, engine, last=True)
    assert outcomes(run) == ["passed"]


def test_a_good_flow_between_them_keeps_the_earlier_ones(tmp_path: Path) -> None:
    run, engine = world(tmp_path, Blocked("locked"))
    conclude(run, engine, PLAN, result("a"))
    engine.proofs.good("web")
    conclude(run, engine, PLAN, *(result(f"b{n}") for n in range(12)))
    with pytest.raises(TwinFailed):
        proofs.prove_what_is_due(run, engine, last=False)
    assert outcomes(run) == ["passed", *["blocked"] * 12]


class Item:
    """A scenario that is put again, with what it ends in then."""

    def __init__(self, ends: Exception | None, run: Any) -> None:
        self.ends, self.runs = ends, 0
        self.config = SimpleNamespace(stash={items.RUN: run})
        self.stash = {items.STEPS: ["x"], items.JUDGE: Judge(load(), frozenset(), str)}

    def runtest(self) -> None:
        self.runs += 1
        if self.ends is not None:
            raise self.ends


def ended(monkeypatch: Any, first: Any, again: Exception | None, failure: Exception | None = None, plan: Any = PLAN) -> tuple[Item, Any]:
    def prove() -> None:
        if failure is not None:
            raise failure

    answered = SimpleNamespace(answer=SimpleNamespace(status=200))
    app = SimpleNamespace(
        engine=SimpleNamespace(outages=Outages()), prove=prove, grant=lambda: None, tokens=SimpleNamespace(probe=lambda _: answered)
    )
    monkeypatch.setattr(hooks, "app_of", lambda _apps, _plan: app)
    item = Item(again, SimpleNamespace(apps=object()))
    return item, hooks.unless_answered(item, plan, first)  # type: ignore[arg-type]


SILENCE = Unreachable("no complete answer within 15 s")


def test_a_request_that_the_server_does_not_get_over_is_a_finding_that_names_it(monkeypatch: Any) -> None:
    item, end = ended(monkeypatch, SILENCE, Unreachable("no complete answer within 15 s"))
    assert end is None
    ((finding, _),) = item.stash[items.JUDGE].findings  # type: ignore[attr-defined]
    assert (finding.requirement, item.runs) == ("HYGIENE-refusal-form", 1)
    assert item.stash[items.JUDGE].outcome.value == "warning"  # type: ignore[attr-defined]


def test_an_answer_the_second_time_counts(monkeypatch: Any) -> None:
    assert ended(monkeypatch, SILENCE, None)[1] is None
    assert isinstance(ended(monkeypatch, SILENCE, NotApplicable("not here"))[1], NotApplicable)


@pytest.mark.parametrize(
    ("first", "failure", "plan"),
    [
        (SILENCE, Unreachable("the server is away"), PLAN),
        (SILENCE, None, RIGHT),
        (LoginStuck("x"), None, PLAN),
        (Unreachable("x", because=SILENCE), None, PLAN),
    ],
)
def test_it_is_the_server_where_right_requests_get_no_answer_either(monkeypatch: Any, first: Any, failure: Any, plan: Any) -> None:
    item, end = ended(monkeypatch, first, None, failure, plan)
    assert (end, item.runs) == (first, 0)


def test_nothing_is_tried_when_the_server_has_been_away_for_long() -> None:
    app: Any = SimpleNamespace(engine=SimpleNamespace(outages=Outages(in_a_row=99)), prove=lambda: None)
    assert not proofs.answers_others(PLAN, app, SILENCE)
    assert not proofs.answers_others(replace(PLAN), None, SILENCE)


def test_a_read_that_gets_no_answer_with_a_good_token_either_is_no_finding() -> None:
    class Silent:
        @property
        def answer(self) -> None:
            raise Unreachable("no complete answer")

    app: Any = SimpleNamespace(
        engine=SimpleNamespace(outages=Outages()), prove=lambda: None, grant=lambda: None, tokens=SimpleNamespace(probe=lambda _: Silent())
    )
    assert not proofs.answers_others(PLAN, app, Unreachable("no complete answer"))


def test_a_backend_service_is_proved_by_the_token_it_gets_and_needs_no_launch() -> None:
    def no_launch() -> None:
        raise Blocked("the SMART configuration has no usable `authorization_endpoint`")

    read: list[object] = []

    def probe(token: object) -> Any:
        read.append(token)
        return SimpleNamespace(answer=SimpleNamespace(status=404))

    app: Any = SimpleNamespace(
        engine=SimpleNamespace(outages=Outages()), prove=lambda: "a token", grant=no_launch, tokens=SimpleNamespace(probe=probe)
    )
    assert proofs.answers_others(PLAN, app, Unreachable("no complete answer"))
    assert read == ["a token"]
