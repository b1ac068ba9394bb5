"""Passes that rest on refusals, held against a right flow that comes after them.

A scenario that wants a refusal passes when it gets one. That is worth something only while right requests go well, so the right flow of
each client that was refused something is gone through again after some such scenarios and at the end of their suite. Where it no longer
goes well, the passes since it last did are taken back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from smartlaunch.client.http import answered
from smartlaunch.errors import Blocked, NotApplicable, TwinFailed, Unreachable, UsageError
from smartlaunch.finding import Finding, Kind, Outcome

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.engine import Engine
    from smartlaunch.plugin.binding import Plan
    from smartlaunch.plugin.session import RunSession
    from smartlaunch.records.record import ScenarioResult

_AT_MOST = 12
"""So many scenarios rest on one proof."""
_RESTING = frozenset({Outcome.PASSED.value, Outcome.WARNING.value})


def note(engine: Engine, plan: Plan, result: ScenarioResult) -> None:
    """Remember a scenario that concluded something from a refusal."""
    refused = engine.proofs.seen()
    if "intrusive" in plan.flags and result.outcome in _RESTING:
        for client in refused:
            engine.proofs.rests(client, result.id)


def prove_what_is_due(run: RunSession, engine: Engine, *, last: bool) -> None:
    """Prove what enough scenarios rest on, at the end of a suite all of it; ``TwinFailed`` tells pytest's own report of a failure."""
    lost = [words for client in engine.proofs.due(1 if last else _AT_MOST) if (words := _prove(run, engine, client))]
    if lost:
        raise TwinFailed("\n".join(lost))


def _prove(run: RunSession, engine: Engine, client: str) -> str:
    """Go through the right flow of a client; what rests on it is blocked where it fails, and a sentence says so."""
    try:
        engine.proofs.prove(client)
    except (NotApplicable, UsageError):
        return ""  # nothing is left to prove anything with
    except Blocked as exc:
        named = engine.proofs.taken_back(client)
        reason = (
            f"it rests on refusals to the client {client!r}, and after them the right flow no longer went well: {exc.message}"
            "\nthe refusals may have come of that: a lock, a captcha, a limit, an outage"
        )
        block = {"kind": TwinFailed.kind, "cause": run.scrub(exc.message.partition("\n")[0])}
        for result in [each for each in run.results if each.id in named]:
            run.amend(replace(result, outcome=Outcome.BLOCKED.value, reason=run.scrub(reason), block=block))
        return f"{len(named)} scenarios are blocked: {reason}"
    return ""


# -- requests that get no answer ----------------------------------------------------------------------------------------------


def answers_others(plan: Plan, app: App | None, ended: BaseException | None) -> bool:
    """Whether a scenario ended without an answer although the server answers right requests."""
    if not isinstance(ended, Unreachable) or ended.because is not None or "intrusive" not in plan.flags or app is None:
        return False
    if app.engine.outages.lasting:
        return False
    try:
        answered(app.tokens.probe(app.prove() or app.grant()))
    except (Blocked, NotApplicable, UsageError):
        return False
    return True


def no_answer(ended: Unreachable) -> list[Finding]:
    """The finding of a request that a server does not get over: twice no answer, and right requests are answered before and after."""
    return [
        Finding(
            "HYGIENE-refusal-form",
            "an answer to a request that is to be refused",
            f"none, twice, although right requests are answered before and after: {ended.message}",
            kind=Kind.HYGIENE,
            severity=Outcome.WARNING,
        )
    ]
