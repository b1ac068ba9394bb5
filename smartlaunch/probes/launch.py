"""Launch values in wrong hands: forged, altered, of another app, of another user."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from smartlaunch.checks.fhir_answer import disclosed
from smartlaunch.client.app import App
from smartlaunch.client.authorization import require_settled
from smartlaunch.client.http import answered
from smartlaunch.client.launch import Opened
from smartlaunch.errors import NotApplicable, TwinFailed
from smartlaunch.exchange import Exchange
from smartlaunch.fhir import describe
from smartlaunch.oauth import scopes as words
from smartlaunch.oauth.authorization import Launch
from smartlaunch.oauth.token import TokenAnswer
from smartlaunch.probes import faults
from smartlaunch.probes.authorization import EndState, pursue
from smartlaunch.probes.fhir_access.samples import other_patient
from smartlaunch.probes.registered import no_refresh_token
from smartlaunch.target import User


def opened(app: App) -> Opened:
    """What the EHR opens the app with."""
    return app.once("ehr launch", lambda: app.launches.open(app.client))


def twice(app: App) -> list[Launch]:
    """Two launches of the app, one after the other; pasted ones come after the grant that judges most."""
    if app.launches.pasted(app.client):
        app.grant()
    return [app.launches.obtain(app.client), app.launches.obtain(app.client)]


@dataclass(frozen=True)
class Misused:
    """How far a flow with a wrong launch value went, and which context says nothing of that value."""

    end: EndState
    launched: Mapping[str, str]
    """The context of the launch that the value belongs to, as far as it is known."""
    known: tuple[Mapping[str, str], ...] = ()
    """Context that comes without the value: what the user chose, her own record, what a request with no launch value brings."""
    forged: bool = False
    """No EHR issued the value."""


def forged(app: App) -> Misused:
    """The flow with a launch value that no EHR issued."""
    own = _context(app.grant().token.body)
    return _with(app, Launch(app.engine.target.fhir_base_url, secrets.token_urlsafe(32)), own, forged=True)


def altered(app: App) -> Misused:
    """The flow with a real launch value whose end is changed, where one that is signed has its signature."""
    own = _context(app.grant().token.body)
    real = app.launches.obtain(app.client)
    return _with(app, replace(real, launch=faults.other_end(real.launch)), own, forged=True)


def of_another_app(app: App) -> Misused:
    """The flow with a launch value that the EHR issued to another app; that app's own launch has to succeed first."""
    other = app.other()
    app.grant()
    theirs = _context(other.grant().token.body)
    return _with(app, app.launches.obtain(other.client), theirs)


def of_another_user(app: App) -> Misused:
    """The flow of one user with a launch value from another user's session; both users' own launches have to succeed first."""
    other = app.engine.target.colleague()
    theirs = _context(app.grant().token.body)
    app.grant(user=other)
    return _with(app, app.launches.obtain(app.client), theirs, user=other)


@dataclass(frozen=True)
class Overtaken:
    """The token of a launch that was used after another chart had been opened, and the patient of that chart.

    ``reads`` are what each token gave of its own patient once both had come, ``before`` what the first gave while it was the only one;
    None, and none, where that one names no patient.
    """

    token: TokenAnswer
    other: str
    before: Exchange | None
    reads: tuple[tuple[TokenAnswer, Exchange], ...]
    refreshed: TokenAnswer | None


@dataclass(frozen=True)
class Reading:
    """A token's read of the patient that it names."""

    patient: str
    exchange: Exchange


def overtaken(app: App) -> Overtaken:
    """A launch, a second one from another patient's chart, and then the token of the first; the second has to bring its patient, too."""
    return app.once("an overtaken launch", lambda: _overtaken(app))


def _overtaken(app: App) -> Overtaken:
    other = other_patient(app)
    first, second = app.launched(), app.launched(patient=other)
    answer = app.authorize(app.request(launch=first))
    if not answer.code:
        raise NotApplicable(f"the server ends a launch when another chart is opened: {answer.describe()}")
    token = app.exchange(answer)
    before = _own_patient(app, token) if token.patient else None
    later = app.authorize(app.request(launch=second))
    known = app.exchange(later) if later.code else None
    if known is None or known.patient != other:
        raise NotApplicable(f"no login brings the patient {other} into context, so nothing shows that another chart was opened")
    reads = tuple((one, _own_patient(app, one)) for one in (token, known) if before is not None)
    return Overtaken(token, other, before, reads, app.refresh(token.refresh_token) if token.refresh_token else None)


def _own_patient(app: App, token: TokenAnswer) -> Exchange:
    return app.engine.fhir.read(f"Patient/{token.patient}", token.access_token)


def apart(app: App) -> list[Reading]:
    """What the tokens of two launches gave of their own patients; the first had read its own before the second launch."""
    found = overtaken(app)
    if found.before is None:
        raise NotApplicable("the token response names no patient, so there is none to read; another scenario judges that")
    if not words.allows(found.token.scopes, "patient", "Patient", "r"):
        raise NotApplicable("no `patient/` scope that reads the patient was granted")
    if not disclosed(found.before, "Patient"):
        raise TwinFailed(f"the token of the first launch does not read its own patient: {describe(answered(found.before))}")
    readings = [Reading(token.patient, exchange) for token, exchange in found.reads if answered(exchange).status != 401]
    if not readings:
        raise NotApplicable("the server ends the tokens of a launch at the next one")
    return readings


def refreshed_apart(app: App) -> tuple[TokenAnswer, TokenAnswer]:
    """The token response of the first launch, and that of its refresh after the second launch."""
    found = overtaken(app)
    if found.refreshed is None:
        raise no_refresh_token(app)
    if not found.refreshed.succeeded:
        raise NotApplicable(f"the server ends the refresh token of a launch at the next one: {found.refreshed.describe()}")
    if not found.refreshed.patient:
        raise NotApplicable("the refresh response names no patient")
    return found.token, found.refreshed


def _with(app: App, launch: Launch, launched: Mapping[str, str], user: User | None = None, *, forged: bool = False) -> Misused:
    answer = app.authorize(app.request(launch=launch), user=user)
    if answer.landing.kind in ("unreachable", "timeout"):
        require_settled(answer)
    end = pursue(app, app.require_still_right(answer))
    came = _came(end)
    if not came:
        return Misused(end, launched, forged=forged)
    if answer.chose_patient:
        return Misused(end, launched, (came,), forged=forged)
    return Misused(end, launched, (_only_patient(app, user), _inferred(app, user)), forged=forged)


def _came(end: EndState) -> dict[str, str]:
    return _context(end.token.body) if end.token is not None and end.token.succeeded else {}


def _context(body: Mapping[str, Any]) -> dict[str, str]:
    return {name: body[name] for name in ("patient", "encounter") if isinstance(body.get(name), str) and body[name]}


def _only_patient(app: App, user: User | None) -> dict[str, str]:
    """The patient whom a user sees alone: her own record, or the one patient that the target file names for her."""
    who = user or app.user or app.engine.target.first_user
    kind, _, number = (who.fhir_user if who is not None else "").rpartition("/")
    if kind.rpartition("/")[2] == "Patient":
        return {"patient": number}
    return {"patient": who.patients[0]} if who is not None and who.patients is not None and len(who.patients) == 1 else {}


def _inferred(app: App, user: User | None) -> dict[str, str]:
    """The context that the same request brings without any launch value, where the user chose nothing."""
    answer = app.authorize(app.request(), user=user)
    return {} if answer.chose_patient else _came(pursue(app, answer))
