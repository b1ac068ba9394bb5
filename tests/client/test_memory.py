"""What is asked once: answers are kept, also refusals; what may pass by itself is tried again, within limits."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from smartlaunch.client.memory import Logins, Memory, Outages, TokenLife, transient
from smartlaunch.errors import InternalError, LoginStuck, NotApplicable, TwinFailed, Unreachable
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response


class Recorder:
    def __init__(self) -> None:
        self.attached: list[str] = []
        self.made = 0

    @contextmanager
    def scope(self, _name: str) -> Any:
        self.made += 1
        yield SimpleNamespace(ids=[f"x{self.made}"])

    def attach_to_current(self, ids: list[str]) -> None:
        self.attached += ids


class Asked:
    """Something to ask that counts how often it is."""

    def __init__(self, *ends: object) -> None:
        self.ends, self.times = list(ends), 0

    def __call__(self) -> Any:
        end = self.ends[min(self.times, len(self.ends) - 1)]
        self.times += 1
        if isinstance(end, Exception):
            raise end
        return end


@pytest.fixture
def memory() -> Memory:
    return Memory(Recorder())


def exchange(status: int) -> Exchange:
    request = Request("GET", "https://ehr.example/")
    response = Response(status) if status else None
    return Exchange("x", Actor.APP, Endpoint.TOKEN, datetime(2026, 1, 1, tzinfo=UTC), 1.0, request, response)


def test_an_answer_is_handed_out_again_with_its_exchanges(memory: Memory) -> None:
    ask = Asked("a", "b")
    assert [memory.once("k", ask), memory.once("k", ask)] == ["a", "a"]
    assert ask.times == 1
    assert memory.recorder.attached == ["x1", "x1"]  # type: ignore[attr-defined]
    assert memory.has("k")
    assert not memory.has("other")


@pytest.mark.parametrize("end", [TwinFailed("no token"), LoginStuck("a page"), NotApplicable("no such thing")])
def test_a_refusal_or_a_stuck_login_is_kept(memory: Memory, end: Exception) -> None:
    ask = Asked(end)
    for _ in range(4):
        with pytest.raises(type(end), match=str(end)):
            memory.once("k", ask)
    assert ask.times == 1
    assert (memory.failure("k") is end) is not isinstance(end, NotApplicable)


def test_what_may_pass_is_asked_again_and_then_kept(memory: Memory) -> None:
    ask = Asked(Unreachable("away"), "there")
    with pytest.raises(Unreachable):
        memory.once("k", ask)
    assert memory.failure("k") is None
    assert [memory.once("k", ask), memory.once("k", ask)] == ["there", "there"]
    assert ask.times == 2


def test_it_is_not_asked_for_ever(memory: Memory) -> None:
    ask = Asked(Unreachable("away"))
    for _ in range(6):
        with pytest.raises(Unreachable):
            memory.once("k", ask)
    assert ask.times == 3


def test_a_server_that_is_away_is_not_asked_three_times_for_each_thing() -> None:
    outages, asked = Outages(), 0
    for number in range(20):
        ask = Asked(Unreachable("away"))
        memory = Memory(Recorder(), outages)
        for _ in range(3):
            with pytest.raises(Unreachable):
                memory.once(f"k{number}", ask)
        asked += ask.times
    assert asked == 6 - 1 + 20 - 1


@pytest.mark.parametrize(
    ("status", "expected"), [(200, False), (400, False), (401, False), (500, False), (429, True), (502, True), (503, True), (504, True)]
)
def test_statuses_that_say_not_now(status: int, expected: bool) -> None:
    assert transient(exchange(status)) is expected
    assert transient(SimpleNamespace(exchange=exchange(status))) is expected


def test_no_answer_and_other_values_are_no_status() -> None:
    assert not transient("text")
    assert not transient(exchange(0))
    assert transient(Unreachable("away"))


def test_what_lives_is_kept_and_what_died_is_made_anew(memory: Memory) -> None:
    ask, alive = Asked("first", "second"), [True]
    assert [memory.living("k", ask, lambda _: alive[0]) for _ in range(2)] == ["first", "first"]
    alive[0] = False
    assert memory.living("k", ask, lambda _: alive[0]) == "second"
    refused = Asked(TwinFailed("no"))
    for _ in range(2):
        with pytest.raises(TwinFailed):
            memory.living("r", refused, lambda _: False)
    assert refused.times == 1


def test_a_probe_may_let_time_pass_once_only(memory: Memory) -> None:
    def twice() -> Any:
        yield 0.0
        yield 0.0

    with pytest.raises(InternalError, match="waited twice"):
        memory.aged("k", twice)


def test_a_probe_that_cannot_begin_says_so_each_time_it_is_asked(memory: Memory) -> None:
    ends: list[Exception] = [Unreachable("away"), NotApplicable("no waiting")]

    def probe() -> Any:
        if ends:
            raise ends.pop(0)
        yield time.time()

    memory.begin("k", probe)
    with pytest.raises(NotApplicable):
        memory.aged("k", probe)
    with pytest.raises(NotApplicable):
        memory.aged("k", probe)
    assert not ends


def test_a_login_that_never_ended_is_not_repeated_and_one_that_did_is_tried_once_more() -> None:
    logins = Logins()
    logins.note("never", "stuck")
    assert logins.failure("never") == "stuck"
    logins.note("once", None)
    logins.note("once", "stuck")
    assert logins.failure("once") is None
    logins.note("once", "stuck again")
    assert logins.failure("once") == "stuck again"
    logins.note("once", None)
    assert logins.failure("once") is None


def test_tokens_that_a_later_login_ended_are_counted_apart_from_those_that_die_by_themselves() -> None:
    life = TokenLife(renewals_left=1, overtaken_left=3)
    for number in range(3):
        life.begin(f"first {number}")
        life.begin(f"second {number}")
        assert life.renew(f"first {number}"), "our own next login may have ended it"
    life.begin("third")
    assert life.renew("third")
    life.begin("fourth")
    assert not life.renew("fourth"), "nothing else was issued, and one death was allowed"
