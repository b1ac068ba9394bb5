"""The discovery documents as an app reads them, and the SMART configuration asked for in unusual ways."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smartlaunch.client.discovery import absolute, usable
from smartlaunch.client.http import answered
from smartlaunch.errors import Blocked, NotApplicable
from smartlaunch.exchange import Endpoint
from smartlaunch.oauth.client_authentication import basic
from smartlaunch.probes.faults import never_issued

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.apps import Apps
    from smartlaunch.client.engine import Engine
    from smartlaunch.exchange import Exchange

ACCEPT: Mapping[str, str | None] = {
    "an Accept header for FHIR": "application/fhir+json",
    "an Accept header for HTML": "text/html",
    "an Accept header for XML": "application/xml",
    "no Accept header": None,
}
"""What else an app may say that it takes; the SMART configuration is JSON all the same."""


def _seen(engine: Engine, exchange: Exchange) -> Exchange:
    """A document that was fetched before, as evidence of the running scenario too."""
    answered(exchange)
    engine.recorder.attach_to_current([exchange.id])
    return exchange


def smart_configuration(engine: Engine) -> Exchange:
    """The SMART configuration."""
    return _seen(engine, engine.discovery.exchange)


def smart_configuration_with(engine: Engine, accept: str) -> Exchange:
    """The SMART configuration asked for anew, with another ``Accept`` header or none."""
    return engine.discovery.read(accept=ACCEPT[accept])


BESIDE: Mapping[str, Callable[[], dict[str, str]]] = {
    "an access token that nobody issued": lambda: {"Authorization": f"Bearer {never_issued()}"},
    "Basic credentials that nobody has": lambda: dict(basic(f"nobody-{never_issued()[:8]}", never_issued()).headers),
    "a cookie that nobody set": lambda: {"Cookie": f"session={never_issued()}"},
    "an entity tag of another document": lambda: {"If-None-Match": '"smart-launch-conformance"'},
}
"""What a careless app sends along with the request for a document that is there for everybody."""


def smart_configuration_beside(engine: Engine, label: str) -> Exchange:
    """The SMART configuration asked for anew with something along that it does not depend on."""
    return engine.discovery.read(beside=BESIDE[label]())


def openid_configuration(engine: Engine) -> Exchange:
    """The OpenID configuration below the named issuer; ``NotApplicable`` when none is named."""
    if not engine.discovery.has("issuer"):
        why = ", which edition 1.0 does not ask for" if engine.target.edition == "1.0" else "; the scenario on that member judges it"
        raise NotApplicable(f"the SMART configuration has no `issuer`{why}")
    return _seen(engine, engine.discovery.openid_configuration)


def openid_configuration_there_is(apps: Apps) -> Exchange:
    """The OpenID configuration below the named issuer, or where there is none the one below the ``iss`` of the ID Tokens."""
    named = openid_configuration(apps.engine)
    if not usable(named):
        with contextlib.suppress(Blocked, NotApplicable):
            apps.any().grant()  # its ID Token tells
    return _seen(apps.engine, apps.engine.discovery.openid)


ENDPOINTS: Mapping[str, tuple[str, Endpoint]] = {
    "authorization_endpoint": ("GET", Endpoint.AUTHORIZE),
    "token_endpoint": ("POST", Endpoint.TOKEN),
    "jwks_uri": ("GET", Endpoint.JWKS),
    "introspection_endpoint": ("POST", Endpoint.INTROSPECTION),
    "revocation_endpoint": ("POST", Endpoint.REVOCATION),
}
"""The endpoints that both documents name, and how to ask whether anything is there."""


@dataclass(frozen=True)
class Documents:
    """The two documents, and what was answered at both addresses of an endpoint that they name differently."""

    configuration: Exchange
    openid: Exchange
    reached: Mapping[str, tuple[Exchange, Exchange]]


def both_documents(apps: Apps) -> Documents:
    """Read both documents, and ask with nothing to say at each address on which they part."""
    engine, openid = apps.engine, openid_configuration_there_is(apps)
    configuration, reached = smart_configuration(engine), {}
    for name, (method, endpoint) in ENDPOINTS.items():
        addresses = [str(document.heard.object.get(name, "")) for document in (configuration, openid)]
        if addresses[0] != addresses[1] and all(absolute(url) for url in addresses):
            form = () if method == "POST" else None
            ours, theirs = (engine.http.send(method, url, endpoint=endpoint, form=form) for url in addresses)
            reached[name] = ours, theirs
    return Documents(configuration, openid, reached)


def capability_statement(engine: Engine, app: App) -> Exchange:
    """The CapabilityStatement; no sentence of FHIR says that it is for everybody, so a server that refuses is asked with a token."""
    exchange = _seen(engine, engine.discovery.metadata)
    if exchange.answer.status not in (401, 403):
        return exchange
    return _seen(engine, engine.fhir.read("metadata", app.grant().access_token))
