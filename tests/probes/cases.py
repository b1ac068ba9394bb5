"""What each probe is asked, and what tells a right answer from a wrong one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from smartlaunch.checks.fhir_answer import belongs_to, disclosed, done


@dataclass(frozen=True)
class Case:
    """A probe: ``holds`` is true of a right server's answer and false of that of a server with ``defect``.

    ``silent`` is the part of a path under which the server then gives no answer; ``warm`` is done before it falls silent.
    """

    name: str
    ask: Callable[[Any], Any]
    holds: Callable[[Any], bool]
    defect: str = ""
    silent: str = ""
    warm: Callable[[Any], Any] = lambda world: world.app().grant()
    quiet: bool = False
    """Whether it is shown no answer although no defect is named."""

    @property
    def probe(self) -> str:
        """The first two words of its name, which all cases of one probe share."""
        return " ".join(self.name.split()[:2])


def refused(token: Any) -> bool:
    """Whether a token request was answered, and not with a token."""
    return token.exchange.response is not None and not token.succeeded


def issued(token: Any) -> bool:
    """Whether a token request brought a token."""
    return bool(token.succeeded)


def withheld(exchange: Any) -> bool:
    """Whether a FHIR request was answered, and not with data."""
    return exchange.response is not None and not disclosed(exchange)


def given(exchange: Any) -> bool:
    """Whether a FHIR request brought data."""
    return exchange.answer.status == 200 and bool(disclosed(exchange))


def trial_given(trial: Any) -> bool:
    """Whether a trial brought what it was after, or carried out what it was to write."""
    if trial.interaction.startswith(("create", "update", "patch", "delete")) or "create" in trial.interaction:
        return done(trial.exchange)
    found = [r.get("id") for r in disclosed(trial.exchange, trial.resource_type)]
    return bool(set(found) & trial.ids if trial.ids else found)


def trial_refused(trial: Any) -> bool:
    """Whether a trial brought none of the type it was after, and wrote nothing."""
    writes = trial.interaction.startswith(("create", "update", "patch", "delete")) or "create" in trial.interaction
    return not done(trial.exchange) if writes else not disclosed(trial.exchange, trial.resource_type)


def none_of_patient(trial: Any) -> bool:
    """Whether a trial brought nothing of the patients it was after."""
    return not [r for r in disclosed(trial.exchange) if belongs_to(r) & trial.ids]


def status(*accepted: int) -> Callable[[Any], bool]:
    """Whether an exchange was answered with one of these."""
    return lambda exchange: exchange.answer.status in accepted
