"""App State kept, updated, deleted and found as the guide lays it down, and tidied up behind the suite."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from smartlaunch.client.fhir import JSON
from smartlaunch.client.http import answered
from smartlaunch.client.waits import let_pass
from smartlaunch.errors import NotApplicable, TwinFailed
from smartlaunch.exchange import Endpoint
from smartlaunch.fhir import describe, resources
from smartlaunch.probes.app_state.subjects import base, person, subject, system, token
from smartlaunch.probes.fhir_access import samples

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.exchange import Exchange

CODES = ("smart-launch-conformance", "smart-launch-conformance-2")
"""The state codes of the suite; who registers an app with fixed state codes registers these, below the origin of its redirect URI."""

LONG = "first <&> " + "0123456789" * 600
"""A value as long as settings get, with letters that mean something in markup."""

INDEXED_S = 5.0
"""A search finds what was stored by then."""

Resource = Mapping[str, Any]
Key = tuple[str, str]
"""The code and the subject by which state is known."""


@dataclass(frozen=True)
class State:
    """State that was sent and what the server answered.

    ``tag`` is what ``If-Match`` has to hold, ``before`` what it held before an update.
    """

    sent: Resource
    exchange: Exchange
    tag: str = ""
    before: str = ""

    @property
    def stored(self) -> dict[str, Any]:
        """The resource in the answer, or an empty object."""
        found = self.exchange.answer.object
        return found if found.get("resourceType") == "Basic" else {}

    @property
    def id(self) -> str:
        """The logical id that the server gave."""
        return str(self.stored.get("id") or self.sent.get("id") or "")

    @property
    def accepted(self) -> bool:
        """Whether the server took it."""
        return 200 <= self.exchange.answer.status < 300


@dataclass(frozen=True)
class Search:
    """A search for state with what it has to find."""

    exchange: Exchange
    code: tuple[str, str]
    subject: str
    wanted: State


@dataclass
class _Kept:
    """What the suite keeps at the server, and what it has looked for there already."""

    states: dict[Key, State] = field(default_factory=dict)
    swept: set[Key] = field(default_factory=set)


def _kept(app: App) -> _Kept:
    return app.once("app state kept", _Kept)


# -- requests -----------------------------------------------------------------------------------------------------------------


def body(app: App, about: str, code: str = CODES[0], *, value: str = "first") -> dict[str, Any]:
    """State as the guide lays it down."""
    made: dict[str, Any] = {
        "resourceType": "Basic",
        "code": {"coding": [{"system": system(app), "code": code}]},
        "extension": [
            {"url": f"{system(app)}/preferences", "valueString": json.dumps({"view": value})},
            {"url": f"{system(app)}/layout", "valueString": "two columns, größer"},
        ],
    }
    return {**made, "subject": {"reference": about}} if about else made


def changed(app: App, state: State, value: str) -> dict[str, Any]:
    """The body of a right update of a state."""
    code, about = key_of(state.sent)
    return {**body(app, about, code, value=value), "id": state.id}


def send(app: App, method: str, path: str, bearer: str | None, *, resource: Resource | None = None, tag: str | None = None) -> Exchange:
    """One request for state, with ``If-Match`` where a tag is given."""
    headers = {"If-Match": tag} if tag is not None else {}
    exchange = app.engine.fhir.send(method, f"{base(app)}/{path}", bearer, resource=resource, headers=headers)
    answered(exchange)
    return exchange


def post(app: App, resource: Resource, bearer: str | None) -> State:
    """New state, whatever the server answers."""
    exchange = send(app, "POST", "Basic", bearer, resource=resource)
    state = State(resource, exchange, _tag(exchange))
    if state.accepted and state.id:
        _kept(app).states[key_of(resource)] = state
    return state


def put(app: App, state: State, resource: Resource, tag: str | None) -> State:
    """A change of state, whatever the server answers."""
    exchange = send(app, "PUT", f"Basic/{state.id}", token(app), resource=resource, tag=tag)
    after = State(resource, exchange, _tag(exchange))
    if after.accepted:
        now = replace(after, sent=state.sent) if after.id else replace(state, tag=after.tag or state.tag)
        _kept(app).states[key_of(state.sent)] = now
    return after


def put_together(app: App, state: State, values: Sequence[str]) -> list[Exchange]:
    """Right updates of one version of state that are under way at once, whatever the server answers."""
    headers = [("Accept", JSON), ("Content-Type", JSON), ("Authorization", f"Bearer {token(app)}"), ("If-Match", state.tag or "")]
    bodies = [changed(app, state, value) for value in values]
    exchanges = app.engine.http.send_together(
        "PUT",
        f"{base(app)}/Basic/{state.id}",
        endpoint=Endpoint.FHIR,
        requests=[(headers, json.dumps(one).encode()) for one in bodies],
    )
    for exchange in exchanges:
        if 200 <= answered(exchange).status < 300:
            _kept(app).states[key_of(state.sent)] = replace(state, tag=_tag(exchange) or state.tag)
    return exchanges


def delete(app: App, state: State, tag: str | None) -> Exchange:
    """The end of state, whatever the server answers."""
    exchange = send(app, "DELETE", f"Basic/{state.id}", token(app), tag=tag)
    if 200 <= exchange.answer.status < 300:
        _kept(app).states.pop(key_of(state.sent), None)
    return exchange


def search(app: App, code: str, about: str, bearer: str | None) -> Exchange:
    """The search for state by its code and subject."""
    pair = ("subject", about) if about else ("subject:missing", "true")
    return send(app, "GET", f"Basic?{urlencode([('code', f'{system(app)}|{code}'), pair])}", bearer)


# -- right state --------------------------------------------------------------------------------------------------------------


def create(app: App, about: str, code: str = CODES[0], *, value: str = "first") -> State:
    """New state, whatever the server answers; ``NotApplicable`` when it does not trust the app with the code or the subject."""
    resource = body(app, about, code, value=value)
    make_room(app, resource)
    state = post(app, resource, token(app))
    if state.exchange.answer.status == 403:
        raise NotApplicable(
            f"the server does not let the app keep state under {system(app)}|{code} about {_kind(about)}: {describe(state.exchange.answer)}"
        )
    return state


def made(app: App, who: str = "the patient", code: str = CODES[0]) -> State:
    """State of the scenario's own; ``TwinFailed`` when the server does not take it."""
    state = create(app, subject(app, who), code)
    if not state.accepted or not state.id:
        raise TwinFailed(
            f"right state was not kept: {describe(state.exchange.answer, state.exchange.error)}",
            waited_for="status 201 with the stored Basic resource",
            hint="the scenario on creating App State shows the answer",
            by="app-state-created",
        )
    return state


def updated(app: App, state: State, *, value: str = "second") -> State:
    """State after a right update; ``TwinFailed`` when the server does not take it."""
    after = put(app, state, changed(app, state, value), state.tag)
    if not after.accepted:
        raise TwinFailed(f"a right update was refused: {describe(after.exchange.answer, after.exchange.error)}")
    return after


def created(app: App) -> State:
    """State about the patient, made once; what the server answers is for the scenarios to judge."""
    return app.once("app state", lambda: create(app, subject(app, "the patient"), value=LONG))


def shared(app: App) -> State:
    """The same, for scenarios that judge its parts."""
    state = created(app)
    if not state.accepted:
        raise TwinFailed(f"right state was not kept: {describe(state.exchange.answer)}")
    return state


def updated_once(app: App) -> State:
    """State after one right update."""
    first = made(app)
    return replace(updated(app, first), before=first.tag)


def about_person(app: App, kind: str) -> State:
    """State about a resource of a type; right state about the patient has to be kept first.

    About others than the patient in context and the user a server may answer as it does to whoever may not know of them.
    """
    shared(app)
    about = person(app, kind)
    state = create(app, about, CODES[1])
    in_context = kind == "Patient" or about.endswith(f"/{samples.fhir_user(app)}")
    if not in_context and state.exchange.answer.status in (401, 404, 422) and not _not_supported(state.exchange):
        raise NotApplicable(f"the server keeps no state about a {kind} out of context: {describe(state.exchange.answer)}")
    return state


def _not_supported(exchange: Exchange) -> bool:
    """Whether a refusal says by its code that there is no such thing here, and not that somebody may not know."""
    issues = exchange.answer.object.get("issue")
    return any(one.get("code") == "not-supported" for one in issues if isinstance(one, dict)) if isinstance(issues, list) else False


def round_trip(app: App) -> list[tuple[str, Exchange]]:
    """State made, found, changed and deleted, each as the guide lays it down; ends with the first step that was refused."""
    state = create(app, subject(app, "the patient"))
    steps = [("create", state.exchange)]
    if not state.accepted or not state.id:
        return steps
    steps.append(("search", search(app, CODES[0], subject(app, "the patient"), token(app))))
    after = put(app, state, changed(app, state, "second"), state.tag)
    steps.append(("update", after.exchange))
    if after.accepted:
        steps.append(("delete", delete(app, state, after.tag or state.tag)))
    return steps


def found_updated(app: App) -> tuple[State, Exchange]:
    """State after a right update, and the search that finds it; ``TwinFailed`` where that search does not."""
    after = updated(app, made(app))
    exchange = until_found(app, key_of(after.sent)[1], after)
    if _good_without(exchange, after.id):
        raise TwinFailed("the search does not find the state that was updated", by="app-state-found")
    return after, exchange


# -- several states, and finding them -------------------------------------------------------------------------------------------


def several(app: App) -> list[State]:
    """State under two codes, and under one code about the patient, the user and nobody; subjects that do not apply are left out."""
    return app.once("app state of several codes and subjects", lambda: _several(app))


def _several(app: App) -> list[State]:
    states = [made(app, "the patient", CODES[0]), create(app, subject(app, "the patient"), CODES[1])]
    for who in ("the user", "nobody"):
        try:
            states.append(create(app, subject(app, who), CODES[0]))
        except NotApplicable:
            continue
    return states


def found(app: App, who: str) -> Search:
    """The search for state under one code about someone, while other state is there too."""
    states, about = several(app), subject(app, who)
    own = next((s for s in states if key_of(s.sent) == (CODES[0], about) and s.accepted), None)
    if own is None:
        raise NotApplicable(f"the server keeps no state of the app about {_kind(about)}")
    own = _again(app, own)
    return Search(until_found(app, about, own), (system(app), CODES[0]), about, own)


def until_lost(app: App, code: str, about: str, unwanted: State) -> Exchange:
    """The search, put again for some seconds while it still finds what was deleted just now."""
    until = time.monotonic() + INDEXED_S
    exchange = search(app, code, about, token(app))
    while any(one.get("id") == unwanted.id for one in resources(exchange.answer, "Basic")) and time.monotonic() < until:
        let_pass(INDEXED_S / 5)
        exchange = search(app, code, about, token(app))
    return exchange


def until_found(app: App, about: str, wanted: State, code: str = CODES[0]) -> Exchange:
    """The search, put again for some seconds while it does not find what was kept just now: an index may follow the store."""
    until = time.monotonic() + INDEXED_S
    exchange = search(app, code, about, token(app))
    while _good_without(exchange, wanted.id) and time.monotonic() < until:
        let_pass(INDEXED_S / 5)
        exchange = search(app, code, about, token(app))
    return exchange


def says_of(app: App, about: str, state: State) -> Exchange | None:
    """The search that says whether state is there; None where it says nothing, since not even fresh state about the same is found."""
    exchange = until_found(app, about, state)
    if not _good_without(exchange, state.id):
        return exchange
    fresh = create(app, about, CODES[0])
    return exchange if fresh.accepted and not _good_without(until_found(app, about, fresh), fresh.id) else None


def _good_without(exchange: Exchange, wanted: str) -> bool:
    return 200 <= exchange.answer.status < 300 and all(one.get("id") != wanted for one in resources(exchange.answer, "Basic"))


def by_another_system(app: App) -> Exchange:
    """The search for the app's state by its code, as a code of another system; the right search has to find it first."""
    own = found(app, "the patient")
    if not any(one.get("id") == own.wanted.id for one in resources(own.exchange.answer, "Basic")):
        raise TwinFailed("the search by the right code does not find the state of the app", by="app-state-found")
    pairs = [("code", f"{system(app)}/another|{CODES[0]}"), ("subject", own.subject)]
    return send(app, "GET", f"Basic?{urlencode(pairs)}", token(app))


def _again(app: App, state: State) -> State:
    """The state, made again where another scenario has deleted or changed it since."""
    now = _kept(app).states.get(key_of(state.sent))
    if now is not None and now.id == state.id and now.tag == state.tag:
        return state
    code, about = key_of(state.sent)
    return create(app, about, code)


# -- tidying up ---------------------------------------------------------------------------------------------------------------


def make_room(app: App, resource: Resource) -> None:
    """Delete what the suite itself keeps under the same code and subject, from this run and from one that was broken off."""
    key, kept = key_of(resource), _kept(app)
    if key in kept.states:
        _remove(app, kept.states[key])
    if key in kept.swept:
        return
    kept.swept.add(key)
    exchange = search(app, *key, token(app))
    for one in resources(exchange.answer, "Basic"):
        if key_of(one) == key and _coding(one).get("system") == system(app) and one.get("id"):
            version = one.get("meta", {}).get("versionId", "")
            _remove(app, State(one, _alone(exchange, one), f'W/"{version}"'))


def _remove(app: App, state: State) -> None:
    delete(app, state, state.tag)
    _kept(app).states.pop(key_of(state.sent), None)


def clean_up(app: App) -> None:
    """Delete what the suite keeps; what cannot be deleted stays, the run's exchanges name it."""
    for state in list(_kept(app).states.values()):
        _remove(app, state)


def _alone(exchange: Exchange, resource: Resource) -> Exchange:
    """An exchange as if its answer held one resource of the Bundle only."""
    return replace(exchange, response=replace(exchange.answer, body=json.dumps(resource).encode()))


def _tag(exchange: Exchange) -> str:
    """The ``ETag``; where it is missing, the one that FHIR makes of ``meta.versionId``, so that the run can go on."""
    tag = exchange.answer.header("etag")
    if tag:
        return tag
    meta = exchange.answer.object.get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return f'W/"{version}"' if version else ""


def key_of(resource: Resource) -> Key:
    """The code and the subject of state."""
    about = resource.get("subject")
    return str(_coding(resource).get("code", "")), str(about.get("reference", "")) if isinstance(about, dict) else ""


def _kind(about: str) -> str:
    """Whom state is about without saying who it is."""
    return f"a {about.split('/')[-2]}" if about.count("/") > 1 else "nobody"


def _coding(resource: Resource) -> dict[str, Any]:
    code = resource.get("code")
    listed: Sequence[Any] = code.get("coding") or () if isinstance(code, dict) else ()
    first = listed[0] if listed else {}
    return first if isinstance(first, dict) else {}
