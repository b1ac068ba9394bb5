"""Requests for App State that have to be refused, and state that a server may be unable to keep; right state has to be kept first."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smartlaunch.errors import NotApplicable, TwinFailed
from smartlaunch.fhir import describe, resources
from smartlaunch.probes.app_state.keeping import (
    CODES,
    State,
    body,
    changed,
    create,
    delete,
    key_of,
    made,
    make_room,
    post,
    put,
    put_together,
    says_of,
    search,
    send,
    shared,
    until_found,
    until_lost,
    updated,
)
from smartlaunch.probes.app_state.subjects import base, subject, system, token
from smartlaunch.probes.fhir_access import samples
from smartlaunch.probes.fhir_access.grants import covering, covers, require_patient_level, require_uncovered, scope
from smartlaunch.probes.fhir_access.requests import Trial

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.exchange import Exchange

_LARGE = 300 * 1024


@dataclass(frozen=True)
class Change:
    """A change of state that was tried: the state before it, the answer, what was sent, and a search that followed a refusal."""

    state: State
    exchange: Exchange
    tried: Mapping[str, Any] | None = None
    after: Exchange | None = None


# -- state out of the ordinary ------------------------------------------------------------------------------------------------


def _number(app: App, resource: dict[str, Any]) -> None:
    resource["extension"].append({"url": f"{system(app)}/size", "valueInteger": 12})


def _parts(app: App, resource: dict[str, Any]) -> None:
    inner = {"url": "colour", "valueString": "blue"}
    resource["extension"].append({"url": f"{system(app)}/theme", "extension": [inner]})


def _large(_app: App, resource: dict[str, Any]) -> None:
    resource["extension"][0]["valueString"] = "x" * _LARGE


def _own_id(_app: App, resource: dict[str, Any]) -> None:
    resource["id"] = "conformance-chosen-by-the-app"


ODDITIES: Mapping[str, Callable[[App, dict[str, Any]], None]] = {
    "an extension with a number": _number,
    "an extension with parts": _parts,
    "more than 256 kB": _large,
    "an id of its own": _own_id,
}
"""What is out of the ordinary about new state."""


def odd(app: App, what: str) -> State:
    """State with something that a server may be unable to keep; right state has to be kept first."""
    shared(app)
    resource = body(app, subject(app, "the patient"))
    ODDITIES[what](app, resource)
    make_room(app, resource)
    return post(app, resource, token(app))


# -- updates and deletes ------------------------------------------------------------------------------------------------------


def _update(app: App, state: State, tag: str | None) -> Exchange:
    return put(app, state, changed(app, state, "third"), tag).exchange


CHANGES: Mapping[str, Callable[[App, State, str | None], Exchange]] = {"update": _update, "delete": delete}
"""What is done to state on the strength of an ``If-Match``."""


def _with_end(app: App, state: State, exchange: Exchange, tried: Mapping[str, Any] | None = None) -> Change:
    """The change with what a refusal has left."""
    if 200 <= exchange.answer.status < 300:
        return Change(state, exchange, tried)
    return Change(state, exchange, tried, says_of(app, key_of(state.sent)[1], state))


def _tried(app: App, action: str, state: State) -> Mapping[str, Any] | None:
    return changed(app, state, "third") if action == "update" else None


def without_if_match(app: App, action: str) -> Change:
    """An update or a delete without ``If-Match``; the same with it has to work."""
    state = updated(app, made(app))
    return _with_end(app, state, CHANGES[action](app, state, None), _tried(app, action, state))


def outdated(app: App, action: str) -> Change:
    """An update or a delete on the strength of a version that is no longer the latest."""
    first = made(app)
    second = updated(app, first)
    if not first.tag or first.tag == second.tag:
        raise NotApplicable("the server gives no new `ETag` with an update; another scenario judges that")
    return _with_end(app, second, CHANGES[action](app, second, first.tag), _tried(app, action, second))


def raced(app: App) -> list[Exchange]:
    """Two updates at once on the strength of one version; ``TwinFailed`` where one after the other goes as well, or neither goes."""

    def make() -> list[Exchange]:
        late = outdated(app, "update")
        if 200 <= late.exchange.answer.status < 300:
            raise TwinFailed("an update of an outdated version is carried out also when it comes later", by="app-state-outdated-update")
        exchanges = put_together(app, made(app), ("third", "fourth"))
        if not any(200 <= one.answer.status < 300 for one in exchanges):
            raise TwinFailed("neither of two right updates at once was carried out", by="app-state-update-answer")
        return exchanges

    return app.once("race of updates of app state", make)


def after_delete(app: App, action: str) -> Change:
    """An update or a delete of state that was deleted."""
    state = made(app)
    gone = delete(app, state, state.tag)
    if not 200 <= gone.answer.status < 300:
        raise TwinFailed(f"a right delete was refused: {describe(gone.answer)}")
    return Change(state, CHANGES[action](app, state, state.tag))


def _another_code(app: App, resource: dict[str, Any]) -> None:
    resource["code"] = {"coding": [{"system": system(app), "code": CODES[1]}]}


def _another_subject(app: App, resource: dict[str, Any]) -> None:
    resource["subject"] = {"reference": subject(app, "the user")}


def _no_subject(app: App, resource: dict[str, Any]) -> None:
    subject(app, "nobody")
    del resource["subject"]


FIXED: Mapping[str, Callable[[App, dict[str, Any]], None]] = {
    "another code": _another_code,
    "another subject": _another_subject,
    "no subject": _no_subject,
}
"""Changes of what is fixed once state is made."""


def rewritten(app: App, what: str) -> Change:
    """An update that changes what is fixed."""
    state = updated(app, made(app))
    resource = changed(app, state, "third")
    FIXED[what](app, resource)
    exchange = put(app, state, resource, state.tag).exchange
    if exchange.answer.status == 403:
        raise NotApplicable(f"the server does not trust the app with what it would become: {describe(exchange.answer)}")
    return _with_end(app, state, exchange, resource)


# -- without the right to -----------------------------------------------------------------------------------------------------


def _of_other_data(app: App) -> str:
    """The app's own token, whose scopes say nothing of state."""
    own = app.grant()
    if any(covers(own.granted, "Basic", letter) for letter in "cruds"):
        raise NotApplicable("the app's own scopes cover App State")
    return own.access_token


TOKENS: Mapping[str, Callable[[App], str | None]] = {
    "no token": lambda _app: None,
    "a token that nobody issued": lambda _app: "conformance-no-such-token",
    "a token for other data": _of_other_data,
}
"""Tokens that give no right to state."""


def _create_with(app: App, _state: State, bearer: str | None) -> Exchange:
    resource = body(app, subject(app, "the patient"), CODES[1])
    make_room(app, resource)
    return post(app, resource, bearer).exchange


def _search_with(app: App, _state: State, bearer: str | None) -> Exchange:
    return search(app, CODES[0], subject(app, "the patient"), bearer)


def _update_with(app: App, state: State, bearer: str | None) -> Exchange:
    return send(app, "PUT", f"Basic/{state.id}", bearer, resource=changed(app, state, "third"), tag=state.tag)


def _delete_with(app: App, state: State, bearer: str | None) -> Exchange:
    return send(app, "DELETE", f"Basic/{state.id}", bearer, tag=state.tag)


ACTIONS: Mapping[str, Callable[[App, State, str | None], Exchange]] = {
    "create": _create_with,
    "search": _search_with,
    "update": _update_with,
    "delete": _delete_with,
}
"""What is done with a token that gives no right to it."""


def unauthorized(app: App, action: str, bearer: str) -> Change:
    """A request with no token, with one that nobody issued, or with one whose scopes say nothing of state."""
    value = TOKENS[bearer](app)
    state = updated(app, made(app))
    exchange = ACTIONS[action](app, state, value)
    return _with_end(app, state, exchange, _tried(app, action, state)) if action in CHANGES else Change(state, exchange)


def never_made(app: App) -> Change:
    """An update of an id that no state has; what a broken server makes of it is deleted at once."""
    right = made(app, "the patient", CODES[1])
    path = f"Basic/conformance-{secrets.token_hex(8)}"
    resource = {**changed(app, right, "third"), "id": path.partition("/")[2]}
    exchange = send(app, "PUT", path, token(app), resource=resource, tag=right.tag)
    if 200 <= exchange.answer.status < 300:
        send(app, "DELETE", path, token(app), tag=exchange.answer.header("etag") or right.tag)
    return Change(right, exchange)


ABOUT_ANOTHER = ("create", "search")
"""What is tried with state about another patient."""


def about_another_patient(app: App, action: str) -> Trial:
    """State about another patient, made or looked for with a token whose scopes are those of the patient in context alone."""
    base(app)
    whose = samples.other_patient(app)
    grant = covering(app, [scope(app, "Basic", "cuds", "patient", 2)])
    require_patient_level(grant, "Basic")
    own, other = (f"{app.engine.discovery.fhir_base_url}/Patient/{one}" for one in (samples.patient(app), whose))
    right = body(app, own, CODES[1])
    make_room(app, right)
    twin = post(app, right, grant.access_token)
    if not twin.accepted:
        raise NotApplicable(f"the token keeps no state about its own patient: {describe(twin.exchange.answer)}")
    if action == "create":
        wrong = body(app, other, CODES[1])
        make_room(app, wrong)
        exchange = post(app, wrong, grant.access_token).exchange
        return Trial("create", "Basic", exchange, tuple(grant.granted), twin.exchange)
    theirs = made_about(app, other)
    exchange = search(app, CODES[1], other, grant.access_token)
    return Trial("search", "Basic", exchange, tuple(grant.granted), twin.exchange, frozenset({theirs.id}))


def outside_code(app: App) -> Trial:
    """The search for state of another code than the one that a scope names; both are found with the app's own scopes."""
    about = subject(app, "the patient")
    inside, other = kept = [create(app, about, code) for code in CODES]
    for state, code in zip(kept, CODES, strict=True):
        if not state.accepted or not _finds(until_found(app, about, state, code), state):
            raise TwinFailed("the app does not find its own state", by="app-state-found")
    grant = covering(app, [f"{scope(app, 'Basic', 's', 'patient', 2)}?code={system(app)}|{CODES[0]}"])
    require_uncovered(grant, "Basic", "s")
    within = search(app, CODES[0], about, grant.access_token)
    if not _finds(within, inside):
        raise NotApplicable(f"a search of Basic with a token for one code brings nothing: {describe(within.answer)}")
    exchange = search(app, CODES[1], about, grant.access_token)
    return Trial("search", "Basic", exchange, tuple(grant.granted), within, frozenset({other.id}))


def _finds(exchange: Exchange, state: State) -> bool:
    return any(one.get("id") == state.id for one in resources(exchange.answer, "Basic"))


def made_about(app: App, about: str) -> State:
    """State about somebody, kept with the token that may keep it; ``NotApplicable`` where the server does not take it."""
    state = create(app, about, CODES[1])
    if not state.accepted or not state.id:
        raise NotApplicable(f"the server keeps no state about another patient: {describe(state.exchange.answer)}")
    return state


def found_none(app: App) -> tuple[State, Exchange]:
    """A search for state that was deleted, which therefore finds none."""
    state = made(app, "the patient", CODES[1])
    gone = delete(app, state, state.tag)
    if not 200 <= gone.answer.status < 300:
        raise TwinFailed(f"a right delete was refused: {describe(gone.answer)}")
    return state, until_lost(app, CODES[1], key_of(state.sent)[1], state)
