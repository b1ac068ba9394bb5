"""Requests as a browser sends them for a page of some origin (Fetch standard, SMART "Cross-Origin Resource Sharing")."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from smartlaunch.client.discovery import WELL_KNOWN
from smartlaunch.client.http import Form, answered
from smartlaunch.errors import NotApplicable, NotConfigured, TwinFailed
from smartlaunch.exchange import Endpoint, Exchange
from smartlaunch.oauth.client_authentication import Credentials, basic
from smartlaunch.probes.faults import never_issued
from smartlaunch.probes.fhir_access import writing
from smartlaunch.probes.fhir_access.grants import covering, scope
from smartlaunch.probes.fhir_access.reads import EVERY_READ, EVERYTHING, NEXT_PAGE, next_page
from smartlaunch.probes.fhir_access.requests import each, twin_of
from smartlaunch.probes.fhir_access.samples import patient, sample
from smartlaunch.probes.refresh.lines import refused, shared_line

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.engine import Engine
    from smartlaunch.client.fhir import Fhir
    from smartlaunch.target import Client

FOREIGN = "https://smart-launch-conformance.invalid"
"""An origin that no app is registered with."""
NO_ORIGIN = "null"
"""What a browser sends for a page without an origin, such as one in a sandboxed frame."""


@dataclass(frozen=True)
class Call:
    """A call for a page: its origin and the answer; ``method`` and ``header`` are what a preflight asked for."""

    origin: str
    exchange: Exchange
    method: str = ""
    header: str = ""


def origin_of(app: App) -> str:
    """The origin the app is registered with; ``NotApplicable`` when its redirect URI is not that of a page in a browser."""
    uri = urlsplit(app.client.redirect_uri)
    if _native(app.client):
        raise NotApplicable(f"the client {app.client.name!r} is registered as a native app, not as a page in a browser")
    if uri.scheme not in ("http", "https") or not uri.hostname:
        raise NotConfigured(
            f"the redirect URI of the client {app.client.name!r} has no origin: it is not that of a page in a browser",
            key="[clients.<name>] redirect_uri",
        )
    if uri.scheme == "http":
        raise NotConfigured(
            f"the redirect URI of the client {app.client.name!r} may be that of a native app", key="[clients.<name>] redirect_uri"
        )
    return f"{uri.scheme}://{uri.netloc}".lower()


def _native(client: Client) -> bool:
    """Whether the registration says so; native apps claim https redirect URIs too (RFC 8252 section 7.2)."""
    return client.registered.app_type.strip().lower() == "native"


@dataclass(frozen=True)
class _Document:
    """A public document: where it is, and the answer that the app itself was given."""

    endpoint: Endpoint
    accept: str
    url: Callable[[Engine], str]
    own: Callable[[Engine], Exchange]


DOCUMENTS: Mapping[str, _Document] = {
    "SMART configuration": _Document(
        Endpoint.DISCOVERY,
        "application/json",
        lambda engine: engine.discovery.fhir_base_url + WELL_KNOWN,
        lambda engine: engine.discovery.exchange,
    ),
    "CapabilityStatement": _Document(
        Endpoint.METADATA,
        "application/fhir+json",
        lambda engine: f"{engine.fhir.base_url}/metadata",
        lambda engine: engine.discovery.metadata,
    ),
}
"""Documents that a page of any origin may read."""


def public_document(engine: Engine, name: str, origin: str = FOREIGN) -> Call:
    """A public document fetched for a page of any origin; ``TwinFailed`` when it is not even served to the app."""
    apps = [client for client in engine.target.clients.values() if client.role == "public"]
    if not any(client.redirect_uri.startswith("https://") and not _native(client) for client in apps):
        raise NotConfigured(
            "no public client with an https redirect URI is configured: nothing tells that the server has apps in browsers",
            key="[clients.<name>] redirect_uri",
        )
    document = DOCUMENTS[name]
    own = document.own(engine)
    if answered(own).status != 200:
        raise TwinFailed(f"the {name} is answered with status {own.answer.status}")
    headers = {"Accept": document.accept, "Origin": origin}
    exchange = engine.http.send("GET", document.url(engine), endpoint=document.endpoint, headers=headers, follow=5)
    answered(exchange)
    return Call(origin, exchange)


def redeem(app: App) -> Call:
    """A right access token request for a page of the app."""
    origin = origin_of(app)

    def make() -> Call:
        token = app.token_request(app.code_form(app.bare_code()), headers={"Origin": origin})
        answered(token.exchange)
        return Call(origin, token.exchange)

    return app.once("redeem for a page", make)


def refresh(app: App) -> Call:
    """A right refresh for a page of the app; the same for no page has just succeeded."""
    origin = origin_of(app)

    def make() -> Call:
        line = shared_line(app)
        form = [("grant_type", "refresh_token"), ("refresh_token", line.current)]
        token = app.token_request(form, headers={"Origin": origin})
        if token.succeeded and token.refresh_token:
            line.current = token.refresh_token
        if not token.succeeded:
            raise refused(token)
        return Call(origin, token.exchange)

    return app.once("refresh for a page", make)


def redeem_junk(app: App, origin: str = "") -> Call:
    """An access token request that has to be refused, for a page."""
    page = origin or origin_of(app)
    form = app.code_form(app.grant().authorization, code=never_issued())
    token = app.token_request(form, headers={"Origin": page})
    answered(token.exchange)
    return Call(page, token.exchange)


REFUSED: Mapping[str, Callable[[App], tuple[Form, Credentials | None]]] = {
    "Basic credentials that nobody has": lambda app: (
        app.code_form(app.grant().authorization, code=never_issued()),
        basic(f"nobody-{secrets.token_hex(6)}", secrets.token_urlsafe(24)),
    ),
    "a refresh token that nobody has": lambda _app: ([("grant_type", "refresh_token"), ("refresh_token", never_issued())], None),
}
"""Further token requests that have to be refused: the form, and other credentials than the app's own."""


def refused_request(app: App, label: str) -> Call:
    """An access token request that has to be refused, for a page of the app."""
    page = origin_of(app)
    form, credentials = REFUSED[label](app)
    token = app.token_request(form, credentials, headers={"Origin": page})
    answered(token.exchange)
    return Call(page, token.exchange)


def read(app: App, token: str = "", origin: str = "") -> Call:
    """A FHIR read for a page, with the app's token or the one given."""
    page = origin or origin_of(app)
    grant = app.grant()
    exchange = app.engine.fhir.send("GET", app.tokens.probe_path(grant.token), token or grant.access_token, headers={"Origin": page})
    answered(exchange)
    return Call(page, exchange)


def read_with_junk(app: App) -> Call:
    """A FHIR read for a page, with a token that was never issued."""
    return read(app, never_issued())


def preflight_of_token_request(app: App) -> Call:
    """The question whether a page of the app may post a form to the token endpoint."""
    origin = origin_of(app)
    app.grant()
    return _preflight(app.engine, app.token_endpoint, Endpoint.TOKEN, origin, "POST", "content-type")


def preflight_of_read(app: App) -> Call:
    """The question whether a page of the app may send a bearer token to the FHIR server."""
    origin = origin_of(app)
    url = f"{app.engine.fhir.base_url}/{app.tokens.probe_path(app.grant().token)}"
    return _preflight(app.engine, url, Endpoint.FHIR, origin, "GET", "authorization")


def preflight_of_update(app: App, header: str = "authorization") -> Call:
    """The question whether a page of the app may update a resource; ``NotApplicable`` when the FHIR server claims no update."""
    origin = origin_of(app)
    statement = app.engine.discovery.metadata.answer.object
    kind = next((str(r.get("type")) for r in _resources(statement) if "update" in _interactions(r)), "")
    if not kind:
        raise NotApplicable("the CapabilityStatement claims no update of any resource")
    return _preflight(app.engine, f"{app.engine.fhir.base_url}/{kind}/1", Endpoint.FHIR, origin, "PUT", header)


PLACES: Mapping[str, Callable[[App], Call]] = {
    "the token endpoint": lambda app: redeem_junk(app, FOREIGN),
    "a FHIR endpoint": lambda app: read(app, origin=FOREIGN),
}
"""What a page that nobody registered calls."""


LOOKALIKES: Mapping[str, Callable[[str, str], str]] = {
    "a host that begins like that of the app": lambda scheme, host: f"{scheme}://{host}.smart-launch-conformance.invalid",
    "a host that ends like that of the app": lambda scheme, host: f"{scheme}://not-{host}",
    "another port of the app's host": lambda scheme, host: f"{scheme}://{host.partition(':')[0]}:8444",
    "the app's host without TLS": lambda _scheme, host: f"http://{host}",
    "no origin of its own": lambda _scheme, _host: NO_ORIGIN,
}
"""Origins that nobody registered and that a careless comparison takes for that of the app; ``null`` is that of a sandboxed frame."""


def lookalike_calls(app: App, page: str) -> list[Call]:
    """Calls of both protected places for a page whose origin looks like that of the app."""
    scheme, _, host = origin_of(app).partition("://")
    origin = LOOKALIKES[page](scheme, host)
    return [redeem_junk(app, origin), read(app, origin=origin)]


FHIR_CALLS: Mapping[str, Callable[[Fhir, str, str, Mapping[str, str]], Exchange]] = {
    "search": lambda fhir, whose, token, page: fhir.send("GET", f"Observation?patient={whose}", token, headers=page),
    "search by POST": lambda fhir, whose, token, page: fhir.send(
        "POST", "Observation/_search", token, form=[("patient", whose)], headers=page
    ),
    "read of what is not there": lambda fhir, _whose, token, page: fhir.send("GET", "Observation/conformance-none", token, headers=page),
}
"""What a page asks of the FHIR server beside a read."""


def fhir_call(app: App, request: str) -> Call:
    """A request to the FHIR server for a page of the app; the same for no page is answered alike."""
    page, grant = origin_of(app), app.grant()
    whose = grant.token.patient or app.engine.target.patients.default
    if not whose:
        raise NotConfigured("no patient is known to search for", key="[patients] default")
    exchange = FHIR_CALLS[request](app.engine.fhir, whose, grant.access_token, {"Origin": page})
    answered(exchange)
    return Call(page, exchange)


FURTHER_CALLS = (
    *("vread", "instance history", "type history", "compartment search", "system search", NEXT_PAGE, EVERYTHING),
    *("batch with a read", "search with _elements", "read with If-None-Match of another version"),
)
"""Further requests of a page, which are put together."""


def further_calls(app: App) -> list[Call]:
    """Further requests to the FHIR server for a page of the app, of those that the app is given data for without a page."""
    page, own, token = origin_of(app), sample(app), app.grant().access_token

    def put(form: str) -> Call:
        wanted = replace(own, link=next_page(app.engine.fhir, own, token)) if form == NEXT_PAGE else own
        twin_of(app, form, wanted, token)
        exchange = EVERY_READ[form](app.engine.fhir.for_page(page), wanted, app.tokens.current(token))
        answered(exchange)
        return Call(page, exchange)

    return each(FURTHER_CALLS, put)


def beyond_scopes(app: App) -> Call:
    """A read that the scopes of a token do not cover, for a page of the app; ``NotApplicable`` where it is not forbidden."""
    page, (inside, outside) = origin_of(app), (sample(app), sample(app, 1))
    grant = covering(app, [scope(app, inside.type, "rs")])
    exchange = app.engine.fhir.send("GET", outside.reference, app.tokens.current(grant.access_token), headers={"Origin": page})
    if answered(exchange).status != 403:
        raise NotApplicable(f"a read that the scopes do not cover is answered with status {exchange.answer.status} and not with 403")
    return Call(page, exchange)


def created(app: App) -> Call:
    """A right create for a page of the app."""
    page = origin_of(app)
    exchange, _ = writing.created_own(app, writing.kind_to_write(app), patient(app), {"Origin": page})
    return Call(page, exchange)


def foreign_call(app: App, place: str) -> Call:
    """A call for a page that nobody registered."""
    return PLACES[place](app)


def foreign_authorization(app: App) -> Call:
    """The authorization endpoint called for a page, as no browser navigation does it."""
    app.grant()
    headers = {"Accept": "text/html", "Origin": FOREIGN}
    exchange = app.engine.http.send("GET", app.prepare().url, endpoint=Endpoint.AUTHORIZE, headers=headers)
    answered(exchange)
    return Call(FOREIGN, exchange)


def _preflight(engine: Engine, url: str, endpoint: Endpoint, origin: str, method: str, header: str) -> Call:
    headers = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": header}
    exchange = engine.http.send("OPTIONS", url, endpoint=endpoint, headers=headers)
    answered(exchange)
    return Call(origin, exchange, method, header)


def _resources(statement: dict[str, Any]) -> list[dict[str, Any]]:
    rest = statement.get("rest")
    return [
        resource
        for part in (rest if isinstance(rest, list) else [])
        if isinstance(part, dict) and isinstance(part.get("resource"), list)
        for resource in part["resource"]
        if isinstance(resource, dict)
    ]


def _interactions(resource: dict[str, Any]) -> set[str]:
    listed = resource.get("interaction")
    return {str(i.get("code")) for i in (listed if isinstance(listed, list) else []) if isinstance(i, dict)}
