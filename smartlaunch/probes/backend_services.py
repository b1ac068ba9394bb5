"""The client credentials grant of backend services (RFC 6749 section 4.4, SMART Backend Services)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable, NotConfigured, TwinFailed
from smartlaunch.exchange import Exchange
from smartlaunch.fhir import resources
from smartlaunch.oauth import scopes as scope_words
from smartlaunch.probes.fhir_access.bearer_token import leeway
from smartlaunch.probes.fhir_access.samples import Query, searched

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.engine import Engine
    from smartlaunch.client.memory import Aging
    from smartlaunch.oauth.client_authentication import Credentials
    from smartlaunch.oauth.token import TokenAnswer
    from smartlaunch.target import Client

_TYPES = ("MedicationRequest", "Coverage", "DocumentReference", "Procedure", "Condition", "Observation", "Patient")
"""Types that a backend service may have been refused at registration."""


def require_offered(engine: Engine) -> None:
    """``NotApplicable`` where neither the target file nor the server's SMART configuration speaks of backend services.

    A server offers them by the grant type, by the way in which they authenticate, or by scopes that only they have.
    """
    seen = engine.discovery
    configured = any(client.role == "backend" for client in engine.target.clients.values())
    if configured or "client_credentials" in seen.listed("grant_types_supported"):
        return
    if "client-confidential-asymmetric" in seen.capabilities or "private_key_jwt" in seen.listed("token_endpoint_auth_methods_supported"):
        return
    if not any(scope.startswith("system/") for scope in seen.listed("scopes_supported")):
        raise NotApplicable("nothing in the SMART configuration speaks of backend services, and the target file has none")


def ask(app: App, credentials: Credentials | None = None, **changes: str | None) -> TokenAnswer:
    """A right client credentials request; changes set a parameter, None leaves it out."""
    form: dict[str, str | None] = {"grant_type": "client_credentials", "scope": " ".join(app.scopes), **changes}
    return app.token_request([(k, v) for k, v in form.items() if v is not None], credentials)


def right(app: App) -> TokenAnswer:
    """The answer to the one right request of a run; scenarios judge different sides of it."""
    answer = app.once("client credentials", lambda: ask(app))
    answered(answer.exchange)
    return answer


def right_response(app: App) -> TokenAnswer:
    """The successful answer to the right request, whatever it holds; ``TwinFailed`` when the server refused it."""
    answer = right(app)
    if not answer.succeeded and not 200 <= answer.response.status < 300:
        raise TwinFailed(f"a right client credentials request was refused: {answer.describe()}", by="backend-access-token")
    return answer


def require_right(app: App) -> TokenAnswer:
    """The right request's answer, or ``TwinFailed`` when it brought no token."""
    return _with_token(right(app), "a right client credentials request")


def token(app: App, scope: str | None = None) -> TokenAnswer:
    """A fresh access token of the backend service, for all its scopes or the given one; ``TwinFailed`` when none came."""
    answer = ask(app) if scope is None else ask(app, scope=scope)
    return _with_token(answer, f"a right client credentials request for {scope or 'all scopes'}")


FORMS: Mapping[str, dict[str, str | None]] = {
    "no grant_type": {"grant_type": None},
    "an unknown grant_type": {"grant_type": "client_credential"},
    "no scope": {"scope": None},
    "a scope that nobody knows": {"scope": "system/Patient.xyz"},
}
"""One form parameter set to another value; None leaves it out."""


def _outside(app: App) -> str:
    """A scope on a type that the registration leaves out, or an empty string."""
    registered = app.client.registered.scopes
    absent = (name for name in _TYPES if not any(scope_words.covered(f"system/{name}.{i}", registered) for i in "rs"))
    return next((f"system/{name}.rs" for name in absent), "")


def _beside_own(app: App) -> str:
    outside = _outside(app)
    return " ".join([*app.scopes, outside]) if outside else ""


def _wider(app: App) -> str:
    """The first scope of the client with every interaction."""
    first = next((parsed for parsed in map(scope_words.parse, app.scopes) if parsed is not None), None)
    return f"{first.level}/{first.resource}.cruds" if first is not None else ""


def _in_version_1(wanted: Callable[[App], str]) -> Callable[[App], str]:
    """The same in the syntax of version 1, which a server that knows version 2 may read by another way."""
    return lambda app: scope_words.other_version(wanted(app)) if wanted(app) else ""


BEYOND: Mapping[str, Callable[[App], str]] = {
    "a type outside its registration": _outside,
    "a type outside its registration in version 1": _in_version_1(_outside),
    "more interactions in version 1 than it is registered for": _in_version_1(_wider),
    "a type outside its registration beside its own scopes": _beside_own,
    "every type": lambda _app: "system/*.rs",
    "more interactions than it is registered for": _wider,
    "a patient scope": lambda _app: "patient/Patient.rs",
    "a user scope": lambda _app: "user/Patient.rs",
}
"""Scopes that the registration does not allow."""

WRONG = (*FORMS, *BEYOND)
"""What may be wrong with a client credentials request."""


def faulty(app: App, label: str) -> TokenAnswer:
    """The request with the fault that the words name, once the right one has succeeded."""
    require_right(app)
    return app.once(f"client credentials {label}", lambda: ask(app, None, **(FORMS[label] if label in FORMS else _beyond(app, label))))


def _beyond(app: App, label: str) -> dict[str, str | None]:
    """What to ask for; ``NotApplicable`` when the registration allows it or is not known."""
    registered = app.client.registered.scopes
    if not registered:
        raise NotConfigured(
            f"the target file does not say what the client {app.client.name!r} is registered for: registered.scopes",
            key="[clients.<name>.registered] scopes",
        )
    wanted = BEYOND[label](app)
    if not wanted or all(scope_words.covered(scope, registered) for scope in wanted.split()):
        raise NotConfigured("the client is registered for that too", key="[clients.<name>.registered] scopes")
    return {"scope": wanted}


def beyond_registration(client: Client, answer: TokenAnswer) -> list[str]:
    """The granted scopes that the client is not registered for; ``NotApplicable`` when the answer does not say what it grants."""
    if answer.succeeded and "scope" not in answer.body:
        raise NotApplicable("the token response has no `scope`; the scenario on that member judges it")
    return [scope for scope in scope_words.added(client.registered.scopes, answer.scopes) if scope_words.parse(scope) is not None]


def wildcards_only(scopes: list[str]) -> bool:
    """Whether each scope is one on every type, which may be read as all that the policy for the client gives."""
    parsed = [scope_words.parse(scope) for scope in scopes]
    return bool(parsed) and all(one is not None and one.level == "system" and one.resource == "*" for one in parsed)


def beyond_request(answer: TokenAnswer) -> list[str]:
    """The granted clinical scopes that were not asked for."""
    asked = scope_words.split(dict(answer.exchange.request.form).get("scope"))
    return [scope for scope in scope_words.added(asked, answer.scopes) if scope_words.parse(scope) is not None]


def narrowed(app: App) -> tuple[str, str, str]:
    """One scope of the client that allows searching, and the types it does and does not cover; ``NotApplicable`` without two types."""
    types: dict[str, str] = {}
    for scope in app.scopes:
        parsed = scope_words.parse(scope)
        if parsed is not None and parsed.level == "system" and "s" in parsed.interactions and not parsed.parameters:
            if parsed.resource == "*":
                types |= {name: f"system/{name}.rs" for name in ("Patient", "Observation")}
            else:
                types.setdefault(parsed.resource, scope)
    if len(types) < 2:
        raise NotApplicable("the client asks for fewer than two resource types, so nothing lies outside a narrower request")
    allowed, other = sorted(types, key=lambda name: name != "Patient")[:2]
    return types[allowed], allowed, other


def search(app: App, token: TokenAnswer, resource: str) -> Exchange:
    """A search of a type that asks for one result; an EHR may want a patient named, and a category."""
    return _asked(app, token, resource)[0]


def _asked(app: App, token: TokenAnswer, resource: str) -> tuple[Exchange, Query]:
    return searched(app.engine.fhir, resource, _limit(app, resource), token.access_token)


def _limit(app: App, resource: str) -> Query:
    patient = app.engine.target.patients.default
    whose = (("_id" if resource == "Patient" else "patient", patient),) if patient else ()
    return (("_count", "1"), *whose)


OF_DATA: Mapping[str, Callable[[App, TokenAnswer, str], Exchange]] = {
    "search": search,
    "search by POST": lambda app, answer, kind: app.engine.fhir.search_by_post(kind, _limit(app, kind), answer.access_token),
}
"""Requests that a dead token is tried with beside the read."""


def unsupported_type(app: App) -> str:
    """A resource type that the CapabilityStatement does not list; ``NotApplicable`` when it lists all that come to mind."""
    rest = _objects(answered(app.engine.discovery.metadata).object.get("rest"))
    listed = {str(entry.get("type")) for part in rest for entry in _objects(part.get("resource"))}
    if not listed:
        raise NotApplicable("the CapabilityStatement lists no resource types")
    for name in ("SubstanceSpecification", "MolecularSequence", "TestScript", "ResearchElementDefinition", "VerificationResult"):
        if name not in listed:
            return name
    raise NotApplicable("the CapabilityStatement lists even the rarest resource types")


EXPIRED = "backend token expired"


def expired(app: App) -> Exchange:
    """The read with an access token whose time is over; the client with short-lived tokens is used where there is one."""
    return app.aged(EXPIRED, lambda: expire(app))[READ]


def expired_in(app: App, form: str) -> Exchange:
    """Another request with that token; ``NotApplicable`` where it brought nothing while the token was alive."""
    found = app.aged(EXPIRED, lambda: expire(app))
    if form not in found:
        raise NotApplicable(f"the {form} brought nothing while the token was alive")
    return found[form]


READ = "read"


def expire(app: App) -> Aging[dict[str, Exchange]]:
    """The probe of ``expired``."""
    limit_s = app.engine.target.limits.wait_for_expiry_s
    if limit_s <= 0:
        raise NotConfigured(
            "waiting is not allowed: set limits.wait_for_expiry_s in the target file to let tokens expire", key="[limits] wait_for_expiry_s"
        )
    with contextlib.suppress(NotApplicable):
        app = app.other("short-lived")
    answer = token(app)
    lifetime = answer.expires_in
    if lifetime is None or lifetime <= 0 or lifetime + leeway(app) > limit_s:
        raise NotConfigured(
            f"the access token lives {answer.body.get('expires_in')} s by its expires_in;"
            f" it can be waited for up to limits.wait_for_expiry_s = {limit_s:g} s",
            key="[limits] wait_for_expiry_s",
        )
    alive = app.tokens.probe(answer)
    answered(alive)
    if not 200 <= alive.answer.status < 300:
        raise TwinFailed(f"the token was refused while it was alive: status {alive.answer.status}")
    kind = next((p.resource for p in map(scope_words.parse, answer.scopes) if p is not None and "s" in p.interactions), "")
    kind = "Patient" if kind == "*" else kind
    worked = [form for form, ask_for in OF_DATA.items() if kind and resources(ask_for(app, answer, kind).answer, kind)]
    yield answer.received_at + lifetime + leeway(app)
    return {READ: app.tokens.probe(answer), **{form: OF_DATA[form](app, answer, kind) for form in worked}}


def _with_token(answer: TokenAnswer, what: str) -> TokenAnswer:
    answered(answer.exchange)
    if not answer.succeeded:
        raise TwinFailed(
            f"{what} did not bring an access token: {answer.describe()}",
            waited_for="an access token for a request with nothing wrong in it",
            hint="see the scenario on the backend token response, it shows the answer",
            by="backend-access-token",
        )
    return answer


# -- data with a backend token ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reach:
    """What a token for one type opens: a search of that type, and a search and a read of a type that it was not asked for."""

    inside: Exchange
    outside: Exchange
    outside_read: Exchange | None
    what: str


def reach(app: App) -> Reach:
    """Searches and a read with a token that was asked for one type only; ``TwinFailed`` when that type is refused too.

    The granted scopes decide what lies outside: a server that grants more than was asked for is judged elsewhere.
    """
    return app.once("reach of a narrow token", lambda: _reach(app))


def _reach(app: App) -> Reach:
    scope, allowed, other = narrowed(app)
    known, query = _asked(app, token(app), other)  # before the next token is issued, which may be the end of this one
    found = resources(answered(known), other)
    if not found:
        raise NotApplicable(
            f"a search of {other} with a token for all scopes brings none (status {known.answer.status}), so its refusal to another token"
            " proves nothing"
        )
    narrow = token(app, scope)
    if any(scope_words.allows(narrow.scopes, "system", other, letter) for letter in "rs"):
        raise NotApplicable(f"the token for {scope} covers {other} too; the scenario on narrower requests judges that")
    inside = search(app, narrow, allowed)
    if not 200 <= answered(inside).status < 300:
        raise NotApplicable(
            f"a search of {allowed} with a token for {scope} is answered with status {inside.answer.status}: the service may be for bulk"
            " export only, and the scenario on the data of a backend service tells it"
        )
    outside = app.engine.fhir.search(other, query, narrow.access_token)
    answered(outside)
    read = app.engine.fhir.read(f"{other}/{found[0]['id']}", narrow.access_token) if found and found[0].get("id") else None
    if read is not None:
        answered(read)
    return Reach(inside, outside, read, f"of type {other} for a token whose scope is {scope}")


_MOST_TYPES = 5


def search_each(app: App) -> list[Exchange]:
    """A search of the first few types that a token for all scopes covers; ``NotApplicable`` when it covers none by search."""
    wide = token(app)
    parsed = [each for each in map(scope_words.parse, wide.scopes or app.scopes) if each is not None]
    fitting = [each.resource for each in parsed if each.level == "system" and "s" in each.interactions]
    types = list(dict.fromkeys(name for each in fitting for name in (("Patient", "Observation") if each == "*" else (each,))))
    if not types:
        raise NotApplicable("no granted `system/` scope allows a search")
    return [search(app, wide, name) for name in types[:_MOST_TYPES]]


def search_unsupported(app: App) -> Exchange:
    """A search of a type that the server does not list, with all that the service may have."""
    name = unsupported_type(app)
    wide = token(app)
    exchange = app.engine.fhir.search(name, [("_count", "1")], wide.access_token)
    answered(exchange)
    return exchange


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
