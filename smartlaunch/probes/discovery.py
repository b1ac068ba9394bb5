"""The discovery documents as an app reads them, and the SMART configuration asked for in unusual ways."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from smartlaunch.client.discovery import usable
from smartlaunch.client.http import answered
from smartlaunch.errors import Blocked, NotApplicable

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


def capability_statement(engine: Engine, app: App) -> Exchange:
    """The CapabilityStatement; no sentence of FHIR says that it is for everybody, so a server that refuses is asked with a token."""
    exchange = _seen(engine, engine.discovery.metadata)
    if exchange.answer.status not in (401, 403):
        return exchange
    return _seen(engine, engine.fhir.read("metadata", app.grant().access_token))
