"""App State at the EHR (SMART App Launch 2.2, "App State"): an app's own small resources, made, changed, found and deleted.

Only state under the suite's own codes is ever touched. A server need not keep more than one state for a code and subject, so what a
scenario made before for the same two is deleted first, and at the end of the run all of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable, TwinFailed
from smartlaunch.fhir import describe, resources
from smartlaunch.oauth import scopes as words

if TYPE_CHECKING:
    from smartlaunch.client.app import App, Grant
    from smartlaunch.exchange import Exchange
    from smartlaunch.probes.fhir_access.reach import Reach

CAPABILITY = "smart-app-state"
SERVER_STATEMENT = "http://hl7.org/fhir/smart-app-launch/CapabilityStatement/smart-app-state-server"
BASIC_PROFILE = "http://hl7.org/fhir/smart-app-launch/StructureDefinition/smart-app-state-basic"
CODES = ("smart-launch-conformance", "smart-launch-conformance-2")
"""The state codes of the suite; who registers an app with fixed state codes registers these, below the origin of its redirect URI."""
_FALLBACK_SYSTEM = "urn:smart-launch-conformance"
_LARGE = 300 * 1024
_JUNK = "conformance-no-such-token"

Resource = Mapping[str, Any]


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
class Change:
    """A change of state that was tried: the state before it, and the answer."""

    state: State
    exchange: Exchange


@dataclass(frozen=True)
class Search:
    """A search for state with what it has to find."""

    exchange: Exchange
    code: tuple[str, str]
    subject: str
    wanted: State


@dataclass
class AppState:
    """The App State of one app."""

    app: App
    reach: Reach
    _kept: dict[tuple[str, str], State] = field(default_factory=dict)
    _swept: set[tuple[str, str]] = field(default_factory=set)
    _found: list[State] = field(default_factory=list)

    # -- where, as whom, about whom -------------------------------------------------------------------------------------------

    @property
    def base(self) -> str:
        """The FHIR base URL of the state: the server's own or that of an associated endpoint; ``NotApplicable`` without either."""
        discovery = self.app.engine.discovery
        if CAPABILITY in discovery.capabilities:
            return discovery.fhir_base_url
        for endpoint in self.associated():
            if isinstance(endpoint.get("url"), str):
                return str(endpoint["url"]).rstrip("/")
        raise NotApplicable(f"the server does not claim the capability `{CAPABILITY}`")

    def associated(self) -> list[dict[str, Any]]:
        """The associated endpoints that claim the capability."""
        listed = self.app.engine.discovery.document.get("associated_endpoints")
        return (
            [e for e in listed if isinstance(e, dict) and CAPABILITY in (e.get("capabilities") or ())] if isinstance(listed, list) else []
        )

    def grant(self) -> Grant:
        """A grant of scopes on state, of patient and user level where the server gives both; ``NotApplicable`` when it gives none."""
        _ = self.base
        claimed = self.app.engine.discovery.capabilities
        version = 1 if "permission-v1" in claimed and "permission-v2" not in claimed else self.reach.version
        letters = "cruds" if version == 1 else "cuds"  # in version 1 nothing stands between reading, writing and both
        user, patient = (self.reach.scope("Basic", letters, level, version) for level in ("user", "patient"))
        reasons = []
        for wanted in ([patient, user], [user], [patient]):
            try:
                found = self.reach.granted(wanted)
            except NotApplicable as exc:
                reasons.append(str(exc))
                continue
            if any(all(words.allows(found.granted, level, "Basic", letter) for letter in "cuds") for level in ("user", "patient")):
                return found
            reasons.append(f"it grants {' '.join(found.granted) or 'nothing'}")
        raise NotApplicable(f"the server grants the app no scopes on App State: {'; '.join(reasons)}")

    @property
    def token(self) -> str:
        """A living access token for state."""
        return self.grant().access_token

    def subject(self, who: str) -> str:
        """An absolute reference to whom state is about; empty for state about nobody."""
        base = self.app.engine.discovery.fhir_base_url
        if who == "nobody":
            if not words.allows(self.grant().granted, "user", "Basic", "c"):
                raise NotApplicable("state about nobody needs a user/ scope, which the server does not grant")
            return ""
        if who == "the patient":
            return f"{base}/Patient/{self.grant().token.patient or self.reach.patient}"
        if who == "the user":
            reference = self.reach.fhir_user()
            if "/" not in reference or not words.allows(self.grant().granted, "user", "Basic", "c"):
                raise NotApplicable("the user's own resource is not known, or no user/ scope is granted")
            return f"{base}/{reference}"
        return self._person(who)

    def _person(self, kind: str) -> str:
        """A resource of a type that exists at the server: the user, the patient, or one that a search finds."""
        base, user = self.app.engine.discovery.fhir_base_url, self.reach.fhir_user()
        if kind == "Patient":
            return self.subject("the patient")
        if user.startswith(f"{kind}/"):
            return f"{base}/{user}"
        grant = self.reach.covering([self.reach.scope(kind, "rs", "user")])
        query = [("patient", self.reach.patient)] if kind == "RelatedPerson" else []
        for parameters in (query, [("_count", "1")]):
            found = resources(answered(self.app.engine.fhir.search(kind, parameters, grant.access_token)), kind)
            if found and found[0].get("id"):
                return f"{base}/{kind}/{found[0]['id']}"
        raise NotApplicable(f"the server shows the app no {kind}")

    @property
    def system(self) -> str:
        """The system of the suite's state codes: the origin of the app, as the guide recommends."""
        parts = urlsplit(self.app.client.redirect_uri)
        return f"{parts.scheme}://{parts.netloc}" if parts.scheme == "https" and parts.netloc else _FALLBACK_SYSTEM

    def body(self, subject: str, code: str = CODES[0], *, value: str = "first") -> dict[str, Any]:
        """State as the guide lays it down."""
        made: dict[str, Any] = {
            "resourceType": "Basic",
            "code": {"coding": [{"system": self.system, "code": code}]},
            "extension": [
                {"url": f"{self.system}/preferences", "valueString": json.dumps({"view": value})},
                {"url": f"{self.system}/layout", "valueString": "two columns, größer"},
            ],
        }
        return {**made, "subject": {"reference": subject}} if subject else made

    # -- requests -----------------------------------------------------------------------------------------------------------

    def _send(self, method: str, path: str, token: str | None, *, resource: Resource | None = None, tag: str | None = None) -> Exchange:
        headers = {"If-Match": tag} if tag is not None else {}
        exchange = self.app.engine.fhir.send(method, f"{self.base}/{path}", token, resource=resource, headers=headers)
        answered(exchange)
        return exchange

    def _post(self, body: Resource, token: str | None) -> State:
        exchange = self._send("POST", "Basic", token, resource=body)
        state = State(body, exchange, _tag(exchange))
        if state.accepted and state.id:
            self._kept[_key(body)] = state
        return state

    def create(self, subject: str, code: str = CODES[0], *, value: str = "first") -> State:
        """New state, whatever the server answers; ``NotApplicable`` when it does not trust the app with the code or the subject."""
        body = self.body(subject, code, value=value)
        self._make_room(body)
        state = self._post(body, self.token)
        if state.exchange.answer.status == 403:
            raise NotApplicable(
                f"the server does not let the app keep state under {self.system}|{code}"
                f" about {_kind(subject)}: {describe(state.exchange.answer)}"
            )
        return state

    def made(self, who: str = "the patient", code: str = CODES[0]) -> State:
        """State of the scenario's own; ``TwinFailed`` when the server does not take it."""
        state = self.create(self.subject(who), code)
        if not state.accepted or not state.id:
            raise TwinFailed(
                f"right state was not kept: {describe(state.exchange.answer, state.exchange.error)}",
                waited_for="status 201 with the stored Basic resource",
                hint="the scenario on creating App State shows the answer",
            )
        return state

    def updated(self, state: State, *, value: str = "second") -> State:
        """State after a right update; ``TwinFailed`` when the server does not take it."""
        state = self._put(state, self._with_value(state, value), state.tag)
        if not state.accepted:
            raise TwinFailed(f"a right update was refused: {describe(state.exchange.answer, state.exchange.error)}")
        return state

    def _with_value(self, state: State, value: str) -> dict[str, Any]:
        subject = state.sent.get("subject", {}).get("reference", "")
        code = state.sent["code"]["coding"][0]["code"]
        return {**self.body(subject, code, value=value), "id": state.id}

    def _put(self, state: State, body: Resource, tag: str | None, *, token: str | None = None) -> State:
        exchange = self._send("PUT", f"Basic/{state.id}", token or self.token, resource=body, tag=tag)
        after = State(body, exchange, _tag(exchange))
        if after.accepted:
            self._kept[_key(state.sent)] = replace(after, sent=state.sent) if after.id else replace(state, tag=after.tag or state.tag)
        return after

    def _delete(self, state: State, tag: str | None, *, token: str | None = None) -> Exchange:
        exchange = self._send("DELETE", f"Basic/{state.id}", token or self.token, tag=tag)
        if 200 <= exchange.answer.status < 300:
            self._kept.pop(_key(state.sent), None)
        return exchange

    def _search(self, code: str, subject: str, token: str | None) -> Exchange:
        about = ("subject", subject) if subject else ("subject:missing", "true")
        return self._send("GET", f"Basic?{urlencode([('code', f'{self.system}|{code}'), about])}", token)

    # -- right and wrong requests -------------------------------------------------------------------------------------------

    def created(self) -> State:
        """State about the patient, made once; what the server answers is for the scenarios to judge."""
        return self.app.once("app state", lambda: self.create(self.subject("the patient")))

    def shared(self) -> State:
        """The same, for scenarios that judge its parts."""
        state = self.created()
        if not state.accepted:
            raise TwinFailed(f"right state was not kept: {describe(state.exchange.answer)}")
        return state

    def updated_once(self) -> State:
        """State after one right update."""
        first = self.made()
        return replace(self.updated(first), before=first.tag)

    def odd(self, what: str) -> State:
        """State with something that a server may be unable to keep; right state has to be kept first."""
        self.shared()
        subject = self.subject("the patient")
        body = self.body(subject)
        match what:
            case "an extension with a number":
                body["extension"].append({"url": f"{self.system}/size", "valueInteger": 12})
            case "an extension with parts":
                inner = {"url": "colour", "valueString": "blue"}
                body["extension"].append({"url": f"{self.system}/theme", "extension": [inner]})
            case "more than 256 kB":
                body["extension"][0]["valueString"] = "x" * _LARGE
            case "an id of its own":
                body["id"] = "conformance-chosen-by-the-app"
            case _:
                raise KeyError(what)
        self._make_room(body)
        return self._post(body, self.token)

    def about(self, kind: str) -> State:
        """State about a resource of a type; right state about the patient has to be kept first."""
        self.shared()
        return self.create(self._person(kind), CODES[1])

    def without_if_match(self, action: str) -> Change:
        """An update or a delete without ``If-Match``; the same with it has to work."""
        state = self.updated(self.made())
        if action == "update":
            return Change(state, self._put(state, self._with_value(state, "third"), None).exchange)
        return Change(state, self._delete(state, None))

    def outdated(self, action: str) -> Change:
        """An update or a delete on the strength of a version that is no longer the latest."""
        first = self.made()
        second = self.updated(first)
        if not first.tag or first.tag == second.tag:
            raise NotApplicable("the server gives no new `ETag` with an update; another scenario judges that")
        if action == "update":
            return Change(second, self._put(second, self._with_value(second, "third"), first.tag).exchange)
        return Change(second, self._delete(second, first.tag))

    def rewritten(self, what: str) -> Change:
        """An update that changes what is fixed."""
        state = self.updated(self.made())
        body = self._with_value(state, "third")
        match what:
            case "another code":
                body["code"] = {"coding": [{"system": self.system, "code": CODES[1]}]}
            case "another subject":
                body["subject"] = {"reference": self.subject("the user")}
            case "no subject":
                self.subject("nobody")
                del body["subject"]
            case _:
                raise KeyError(what)
        exchange = self._put(state, body, state.tag).exchange
        if exchange.answer.status == 403:
            raise NotApplicable(f"the server does not trust the app with what it would become: {describe(exchange.answer)}")
        return Change(state, exchange)

    def after_delete(self, action: str) -> Change:
        """An update or a delete of state that was deleted."""
        state = self.made()
        gone = self._delete(state, state.tag)
        if not 200 <= gone.answer.status < 300:
            raise TwinFailed(f"a right delete was refused: {describe(gone.answer)}")
        if action == "update":
            return Change(state, self._put(state, self._with_value(state, "third"), state.tag).exchange)
        return Change(state, self._delete(state, state.tag))

    def unauthorized(self, action: str, token: str) -> Change:
        """A request with no token, with one that nobody issued, or with one whose scopes say nothing of state."""
        value: str | None = {"no token": None, "a token that nobody issued": _JUNK, "a token for other data": ""}[token]
        if value == "":
            granted = self.reach.own
            if any(words.allows(granted.granted, level, "Basic", letter) for level in ("patient", "user", "system") for letter in "cruds"):
                raise NotApplicable("the app's own scopes cover App State")
            value = granted.access_token
        state = self.updated(self.made())
        subject = self.subject("the patient")
        match action:
            case "create":
                body = self.body(subject, CODES[1])
                self._make_room(body)
                exchange = self._post(body, value).exchange
            case "search":
                exchange = self._search(CODES[0], subject, value)
            case "update":
                exchange = self._send("PUT", f"Basic/{state.id}", value, resource=self._with_value(state, "third"), tag=state.tag)
            case "delete":
                exchange = self._send("DELETE", f"Basic/{state.id}", value, tag=state.tag)
            case _:
                raise KeyError(action)
        return Change(state, exchange)

    # -- several states, and finding them ---------------------------------------------------------------------------------------

    def several(self) -> list[State]:
        """State under two codes, and under one code about the patient, the user and nobody; subjects that do not apply are left out."""
        return self.app.once("app state of several codes and subjects", self._several)

    def _several(self) -> list[State]:
        made = [self.made("the patient", CODES[0]), self.create(self.subject("the patient"), CODES[1])]
        for who in ("the user", "nobody"):
            try:
                made.append(self.create(self.subject(who), CODES[0]))
            except NotApplicable:
                continue
        return made

    def found(self, who: str) -> Search:
        """The search for state under one code about someone, while other state is there too."""
        states, subject = self.several(), self.subject(who)
        own = next((s for s in states if _key(s.sent) == (CODES[0], subject) and s.accepted), None)
        if own is None:
            raise NotApplicable(f"the server keeps no state of the app about {_kind(subject)}")
        own = self._again(own)
        return Search(self._search(CODES[0], subject, self.token), (self.system, CODES[0]), subject, own)

    def _again(self, state: State) -> State:
        """The state, made again where another scenario has deleted or changed it since."""
        now = self._kept.get(_key(state.sent))
        if now is not None and now.id == state.id and now.tag == state.tag:
            return state
        subject, code = state.sent.get("subject", {}).get("reference", ""), state.sent["code"]["coding"][0]["code"]
        return self.create(subject, code)

    def all_found(self) -> list[Search]:
        """A search for each of several states, all of them there at once."""
        searches = []
        for state in [self._again(s) for s in self.several() if s.accepted]:
            code, subject = _key(state.sent)
            searches.append(Search(self._search(code, subject, self.token), (self.system, code), subject, state))
        return searches

    def round_trip(self) -> list[tuple[str, Exchange]]:
        """State made, found, changed and deleted, each as the guide lays it down; ends with the first step that was refused."""
        state = self.create(self.subject("the patient"))
        steps = [("create", state.exchange)]
        if not state.accepted or not state.id:
            return steps
        steps.append(("search", self._search(CODES[0], self.subject("the patient"), self.token)))
        after = self._put(state, self._with_value(state, "second"), state.tag)
        steps.append(("update", after.exchange))
        if after.accepted:
            steps.append(("delete", self._delete(state, after.tag or state.tag)))
        return steps

    # -- cleaning up ----------------------------------------------------------------------------------------------------------

    def _make_room(self, body: Resource) -> None:
        """Delete what the suite itself keeps under the same code and subject, from this run and from one that was broken off."""
        key = _key(body)
        kept = self._kept.get(key)
        if kept is not None:
            self._remove(kept)
        if key in self._swept:
            return
        self._swept.add(key)
        exchange = self._search(*key, self.token)
        for resource in resources(exchange.answer, "Basic"):
            if _key(resource) == key and _system(resource) == self.system and resource.get("id"):
                version = resource.get("meta", {}).get("versionId", "")
                self._remove(State(resource, replace_body(exchange, resource), f'W/"{version}"'))

    def _remove(self, state: State) -> None:
        self._delete(state, state.tag)
        self._kept.pop(_key(state.sent), None)

    def clean_up(self) -> None:
        """Delete what the suite wrote; what cannot be deleted stays, the run's exchanges name it."""
        for state in list(self._kept.values()):
            self._remove(state)


def replace_body(exchange: Exchange, resource: Resource) -> Exchange:
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


def _key(body: Resource) -> tuple[str, str]:
    """The code and the subject by which state is known."""
    coding = _coding(body)
    subject = body.get("subject")
    return str(coding.get("code", "")), str(subject.get("reference", "")) if isinstance(subject, dict) else ""


def _kind(subject: str) -> str:
    """Whom state is about without saying who it is."""
    return f"a {subject.split('/')[-2]}" if subject.count("/") > 1 else "nobody"


def _system(body: Resource) -> str:
    return str(_coding(body).get("system", ""))


def _coding(body: Resource) -> dict[str, Any]:
    code = body.get("code")
    listed: Sequence[Any] = code.get("coding") or () if isinstance(code, dict) else ()
    first = listed[0] if listed else {}
    return first if isinstance(first, dict) else {}
