"""What a run remembers, so that nothing is asked twice: answers that several scenarios judge, and what became of right flows.

One rule for failures. An answer is kept, also when it is a refusal, a reason why a rule does not apply, or a login that got stuck:
asking again would cost a login each time and end the same. What may pass by itself is never kept: no connection, a time-out, status
429, 502, 503 or 504. It is tried again by whoever asks next, a few times for each key, until the run has met too many in a row.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar, cast

from smartlaunch.client.waits import let_pass
from smartlaunch.errors import Blocked, InternalError, NotApplicable, Unreachable
from smartlaunch.exchange import TRANSIENT, Exchange

T = TypeVar("T")

Aging = Generator[float, None, T]
"""A probe that lets time pass: it yields once, the moment (as in ``time.time``) at which it can go on."""

_TRIES = 3
"""How often one thing is tried that may succeed the next time."""
_GOOD_FOR_S = 120.0
"""For so long a token that was good is taken to be, where nothing has happened: sessions end that nobody uses."""
_IN_A_ROW = 6
"""After so many in a row, with no answer in between, the server is away: what is met from then on is kept."""


class Recorder(Protocol):
    """What the memory needs of the evidence recorder."""

    def scope(self, name: str) -> Any:
        """Collect the ids of what is recorded inside a ``with``."""
        ...

    def attach_to_current(self, ids: list[str]) -> None:
        """Add earlier exchanges to what is being judged now."""
        ...


@dataclass
class TokenLife:
    """What is known of access tokens: how often something happened that could end them, and when each was last good."""

    serial: int = 0
    renewals_left: int = 40
    overtaken_left: int = 4000
    """A whole run has two thousand scenarios, each of which may begin with a login that ends what the one before left."""
    silent: bool = False
    ends_overtaken: bool = False
    """Whether a token was found dead after a later login and no token by itself: the server keeps one for each user."""
    _issued: int = 0
    _proven: dict[str, tuple[int, float, int]] = field(default_factory=dict)

    def begin(self, token: str) -> None:
        """A token was issued, which may have ended all others."""
        self.serial += 1
        self._issued += 1
        self.prove(token)

    def prove(self, token: str) -> None:
        """A token was good just now."""
        self._proven[token] = (self.serial, time.monotonic(), self._issued)

    def is_proven(self, token: str) -> bool:
        """Whether nothing has happened since a token was good, or there is no use in asking."""
        serial, at, _ = self._proven.get(token, (-1, 0.0, -1))
        return self.silent or (serial == self.serial and time.monotonic() - at < _GOOD_FOR_S)

    def renew(self, token: str) -> bool:
        """Count a token that was found dead; false when there have been too many.

        A server may keep one token for each user, so that each login of ours ends the one before: that costs a login each time and tells
        nothing of how long tokens live. What dies by itself is another matter.
        """
        if self._proven.get(token, (0, 0.0, self._issued))[2] != self._issued:
            self.ends_overtaken = True
            self.overtaken_left -= 1
            return self.overtaken_left >= 0
        self.renewals_left -= 1
        return self.renewals_left >= 0


@dataclass
class Logins:
    """What became of right logins, by what they asked for.

    A login that has never come to its end is not repeated: it would cost the login's whole limit each time. One that did may fail once
    for a reason that passes, such as a session that another scenario ended, so it is tried once more.
    """

    _ended: set[str] = field(default_factory=set)
    _failed: dict[str, list[object]] = field(default_factory=dict)

    def failure(self, key: str) -> object:
        """The failure that has to be handed out again, or None where the login is worth a try."""
        failed = self._failed.get(key, [])
        return failed[-1] if len(failed) >= (2 if key in self._ended else 1) else None

    def note(self, key: str, failure: object) -> None:
        """Remember how a login ended; ``failure`` is None when it went well."""
        if failure is None:
            self._ended.add(key)
            self._failed.pop(key, None)
        else:
            self._failed.setdefault(key, []).append(failure)


@dataclass
class Outages:
    """How often in a row nothing usable came back; shared by all memories of a run."""

    in_a_row: int = 0

    def count(self, *, transient: bool) -> None:
        """Count one end."""
        self.in_a_row = self.in_a_row + 1 if transient else 0

    @property
    def lasting(self) -> bool:
        """Whether waiting for the server has to end."""
        return self.in_a_row >= _IN_A_ROW


@dataclass(frozen=True)
class _Kept:
    outcome: object
    ids: tuple[str, ...]


@dataclass
class Memory:
    """What one app has asked, by key."""

    recorder: Recorder
    outages: Outages = field(default_factory=Outages)
    _kept: dict[str, _Kept] = field(default_factory=dict)
    _aging: dict[str, tuple[Aging[object], float, tuple[str, ...]]] = field(default_factory=dict)
    _tries: dict[str, int] = field(default_factory=dict)

    def once(self, key: str, make: Callable[[], T]) -> T:
        """What ``make`` gives, made once per run and handed out again with its exchanges; its refusal to give is kept too."""
        kept = self._kept.get(key)
        return cast("T", self._hand_out(kept if kept is not None else self._make(key, make)))

    def living(self, key: str, make: Callable[[], T], alive: Callable[[T], bool]) -> T:
        """Like ``once`` for what may die in the meantime, such as a grant: made anew when it is no longer alive."""
        kept = self._kept.get(key)
        if kept is None or (not isinstance(kept.outcome, Exception) and not alive(cast("T", kept.outcome))):
            kept = self._make(key, make)
        return cast("T", self._hand_out(kept))

    def failure(self, key: str) -> Blocked | None:
        """The failure that is remembered under a key."""
        kept = self._kept.get(key)
        return kept.outcome if kept is not None and isinstance(kept.outcome, Blocked) else None

    def outcome(self, key: str) -> object:
        """What is remembered under a key, a failure too; None where nothing is."""
        kept = self._kept.get(key)
        return kept.outcome if kept is not None else None

    def has(self, key: str) -> bool:
        """Whether something is remembered under a key."""
        return key in self._kept

    def _hand_out(self, kept: _Kept) -> object:
        self.recorder.attach_to_current(list(kept.ids))
        if isinstance(kept.outcome, Exception):
            raise kept.outcome
        return kept.outcome

    def _make(self, key: str, make: Callable[[], object], before: tuple[str, ...] = ()) -> _Kept:
        with self.recorder.scope(key) as used:
            try:
                outcome: object = make()
            except (Blocked, NotApplicable) as exc:
                outcome = exc
        return self._keep(key, _Kept(outcome, (*before, *used.ids)))

    def _keep(self, key: str, made: _Kept) -> _Kept:
        """Keep an end unless it may be another one the next time."""
        passing = transient(made.outcome)
        self.outages.count(transient=passing)
        self._tries[key] = self._tries.get(key, 0) + 1
        if not passing or self._tries[key] >= _TRIES or self.outages.lasting:
            self._kept[key] = made
        return made

    # -- what lets time pass ------------------------------------------------------------------------------------------------

    def aged(self, key: str, probe: Callable[[], Aging[T]]) -> T:
        """Like ``once`` for a probe that lets time pass; what ``begin`` has begun earlier is only waited for."""
        ended = self._begin(key, probe) or self._ripen(key) or self._kept[key]
        return cast("T", self._hand_out(ended))

    def begin(self, key: str, probe: Callable[[], Aging[Any]]) -> None:
        """Begin a probe that lets time pass, so that other scenarios can use that time."""
        self._begin(key, probe)

    def _begin(self, key: str, probe: Callable[[], Aging[Any]]) -> _Kept | None:
        """Begin where that has not been done; what made it fail at once, else None."""
        if key in self._kept or key in self._aging:
            return None
        aging = probe()
        with self.recorder.scope(key) as used:
            try:
                ripe = next(aging)
            except (Blocked, NotApplicable) as exc:
                return self._keep(key, _Kept(exc, tuple(used.ids)))
        self._aging[key] = (aging, ripe, tuple(used.ids))
        return None

    def ripen(self) -> None:
        """Go on with everything that was begun and whose time has come."""
        for key, (_, ripe, _) in list(self._aging.items()):
            if ripe <= time.time():
                self._ripen(key)

    def _ripen(self, key: str) -> _Kept | None:
        """Wait for the time of what was begun and finish it; None when nothing was."""
        if key not in self._aging:
            return None
        aging, ripe, ids = self._aging.pop(key)
        let_pass(ripe - time.time())
        return self._make(key, partial(_rest_of, aging), ids)


def transient(outcome: object) -> bool:
    """Whether an end may be another one the next time: no answer came, or one that says "not now"."""
    if isinstance(outcome, Exception):
        return isinstance(outcome, Unreachable)
    answer = getattr(outcome, "token", None) or outcome  # a flow is as far as its token response
    exchange = answer if isinstance(answer, Exchange) else getattr(answer, "exchange", None)
    if not isinstance(exchange, Exchange):
        return False
    return exchange.response is not None and exchange.response.status in TRANSIENT


def _rest_of(aging: Aging[object]) -> object:
    try:
        next(aging)
    except StopIteration as end:
        return end.value
    raise InternalError("a probe that lets time pass waited twice")
