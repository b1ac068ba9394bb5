"""Grants of chosen scopes on FHIR data, in the app's own version of the syntax.

A server need not grant what an app asks for: what it refuses or leaves out is ``NotApplicable`` and no breach by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from smartlaunch.client.grant import Attempt, Grant
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable, TwinFailed
from smartlaunch.oauth import scopes as words
from smartlaunch.probes.registered import unless_all_asked

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.target import User

LEVELS = ("patient", "user", "system")
_NOT_ON_DATA = {"launch/encounter"}


def level(app: App) -> str:
    """``patient`` where the app asks for such scopes, else ``user``."""
    return "patient" if any(p is not None and p.level == "patient" for p in map(words.parse, app.scopes)) else "user"


def version(app: App) -> int:
    """The version of scopes that the app writes."""
    written = [words.version_of(s) for s in app.scopes]
    return 1 if 1 in written and 2 not in written else 2


def scope(app: App, resource_type: str, letters: str, at: str = "", in_version: int = 0) -> str:
    """A scope of the level ``at`` in a version of the syntax; without them, in those of the app."""
    text = f"{at or level(app)}/{resource_type}.{letters}"
    return words.other_version(text) if (in_version or version(app)) == 1 else text


def base(app: App, at: str) -> list[str]:
    """The scopes beside those on FHIR data; without patient scopes no patient is asked for."""
    left_out = _NOT_ON_DATA | ({"launch/patient"} if at == "user" else set()) | (set() if app.situation.token else set(words.REFRESH))
    plain = [s for s in app.scopes if words.parse(s) is None and s not in left_out]
    if at == "patient" and not {"launch", "launch/patient"} & set(plain):
        plain.append("launch/patient")
    return plain


def attempt(
    app: App,
    scopes: Sequence[str] | None,
    *,
    user: User | None = None,
    patient: str = "",
    consent: str | Sequence[str] = "allow",
    session: str = "",
    doubtful: bool = False,
) -> Attempt:
    """The right flow with another ``scope``, as far as it goes; None leaves ``scope`` out."""
    return app.attempt(
        scope=scopes or (),
        user=user,
        patient=patient,
        session=session or (f"{app.client.name}-{patient}" if patient else ""),
        consent=consent,
        change=None if scopes is not None else lambda request: request.having(scope=None),
        doubtful=doubtful,
    )


def granted(app: App, scopes: Sequence[str], *, user: User | None = None, patient: str = "") -> Grant:
    """A living grant of these scopes on FHIR data; ``NotApplicable`` when the server refuses the request."""
    app.grant()
    key = f"granted {' '.join(scopes)} to {user.name if user else ''} for {patient}"
    return app.tokens.lend(key, lambda: _launched(app, scopes, user, patient))


def _launched(app: App, scopes: Sequence[str], user: User | None, patient: str) -> Grant:
    at = "patient" if any(s.startswith("patient/") for s in scopes) else "user"
    made = attempt(app, [*base(app, at), *scopes], user=user, patient=patient, doubtful=True)
    answer, token = made.authorization, made.token
    if token is None or not token.succeeded:
        if token is not None:
            answered(token.exchange)
        actual = token.describe() if token is not None else answer.describe()
        status = token.response.status if token is not None else answer.landing.status
        if status >= 500:
            raise TwinFailed(f"the server stumbles over a request for {' '.join(scopes)}: {actual}")
        raise unless_all_asked(app, NotApplicable(f"the server gives no token for {' '.join(scopes)}: {actual}"), scopes)
    return Grant(answer, token, made.launch, made.exchanges)


def covering(app: App, scopes: Sequence[str], *, user: User | None = None, patient: str = "") -> Grant:
    """A grant whose scopes cover these; ``NotApplicable`` names those the server left out."""
    grant = granted(app, scopes, user=user, patient=patient)
    absent = words.missing(scopes, grant.granted)
    if absent:
        less = NotApplicable(f"the server does not grant {' '.join(absent)}; it grants {' '.join(grant.granted) or 'nothing'}")
        raise unless_all_asked(app, less, absent)
    return grant


def covers(scopes: Sequence[str], kind: str, letter: str) -> bool:
    """Whether granted scopes allow an interaction on a type at any level."""
    return any(words.allows(scopes, at, kind, letter) for at in LEVELS)


def require_uncovered(grant: Grant, kind: str, letter: str) -> None:
    """``NotApplicable`` when the grant allows what a probe wants to see refused."""
    if covers(grant.granted, kind, letter):
        raise NotApplicable(f"the server granted more than was asked for, so nothing is left to refuse: {' '.join(grant.granted)}")


def require_patient_level(grant: Grant, *kinds: str) -> None:
    """``NotApplicable`` when the grant reaches beyond the patient in context for one of these types."""
    wider = [s for s in grant.granted if (p := words.parse(s)) is not None and p.level != "patient" and p.resource in ("*", *kinds)]
    if wider:
        raise NotApplicable(f"the server also granted {' '.join(wider)}, which may reach other patients")
