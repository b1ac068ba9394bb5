"""What was granted, used: each granted scope on FHIR data tried once for each way of reading that it allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable
from smartlaunch.fhir import resources
from smartlaunch.oauth import scopes as words
from smartlaunch.probes.fhir_access.requests import Trial
from smartlaunch.probes.fhir_access.samples import PREFERRED, fhir_user, search

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.grant import Grant


_NO_SEARCH_BY_POST = frozenset({403, 404, 405, 415, 501})
"""What servers answer that search by GET only, as nothing in SMART forbids."""


def requests_of(app: App, grant: Grant, key: str) -> list[Trial]:
    """Each granted scope on FHIR data tried once for each way of reading that it allows."""
    return app.once(f"granted requests {key}", lambda: _requests_of(app, grant))


def own_requests(app: App) -> list[Trial]:
    """The requests that the app's own grant allows."""
    return requests_of(app, app.grant(), "of the app's own grant")


def _requests_of(app: App, grant: Grant) -> list[Trial]:
    trials: list[Trial] = []
    patient = grant.token.patient or app.engine.target.patients.default
    own_user = fhir_user(app)
    # Who the user is may have cost a login, which may have ended the token.
    fhir, token, posted = app.engine.fhir, app.tokens.current(grant.access_token), False
    for scope in grant.granted:
        parsed = words.parse(scope)
        if parsed is None or parsed.parameters or (parsed.level == "patient" and not patient):
            continue
        for kind in (*PREFERRED[:2], "Patient") if parsed.resource == "*" else (parsed.resource,):
            identifier = own_user.partition("/")[2] if own_user.startswith(f"{kind}/") else ""
            identifier = patient if kind == "Patient" and patient else identifier
            identifier = grant.token.encounter if kind == "Encounter" else identifier
            if "s" in parsed.interactions and patient and kind in (*PREFERRED, "Patient"):
                exchange, query = search(app, kind, patient, token)
                trials.append(Trial("search", kind, exchange, tuple(grant.granted), scope=scope))
                found = resources(exchange.answer, kind)
                identifier = identifier or (str(found[0].get("id", "")) if found else "")
                if not posted:
                    posted = True
                    exchange = fhir.search_by_post(kind, query, token)
                    if exchange.answer.status in _NO_SEARCH_BY_POST:
                        continue
                    trials.append(Trial("search by POST", kind, exchange, tuple(grant.granted), scope=scope))
            if "r" in parsed.interactions and identifier:
                exchange = fhir.read(f"{kind}/{identifier}", token)
                trials.append(Trial("read", kind, exchange, tuple(grant.granted), scope=scope, ids=frozenset({identifier})))
    for trial in trials:
        answered(trial.exchange)
    if not trials:
        raise NotApplicable(f"none of the granted scopes can be tried: {' '.join(grant.granted) or 'none was granted'}")
    return trials
