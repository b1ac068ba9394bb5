"""User-access Brands of one target: the bundle that the SMART configuration links to, fetched once, and as a page of any origin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smartlaunch.checks import brands as checks
from smartlaunch.client.http import answered
from smartlaunch.errors import LimitExceeded, Missing, NotApplicable, TwinFailed
from smartlaunch.exchange import Endpoint

if TYPE_CHECKING:
    from smartlaunch.client.engine import Engine
    from smartlaunch.exchange import Exchange

LINK = "user_access_brand_bundle"
IDENTIFIER = "user_access_brand_identifier"
FOREIGN_ORIGIN = "https://page-of-nobody.example"
"""A page that no server knows: the bundle is for everyone."""


def identifier(engine: Engine) -> Any:
    """``user_access_brand_identifier``, or None when it is absent."""
    return engine.discovery.document.get(IDENTIFIER)


def _fetch(engine: Engine, **headers: str) -> Exchange:
    accept = {"Accept": "application/fhir+json, application/json;q=0.9"}
    return engine.http.send("GET", engine.discovery.url(LINK), endpoint=Endpoint.BRANDS, headers={**accept, **headers}, follow=5)


def answer(engine: Engine) -> Exchange:
    """The answer at the address, whatever it is; ``NotApplicable`` when no address is given."""
    if not engine.discovery.has(LINK):
        raise NotApplicable(f"the SMART configuration has no `{LINK}`")
    exchange = engine.once("brand bundle", lambda: _fetch(engine))
    answered(exchange)
    if exchange.answer.truncated:
        raise LimitExceeded(
            f"the brand bundle is larger than {engine.target.limits.body_bytes} bytes",
            waited_for="the whole brand bundle",
            hint="raise limits.body_bytes in the target file",
        )
    return exchange


def bundle(engine: Engine) -> Exchange:
    """The brand bundle; ``Missing`` when something else came, which the scenario on the link judges."""
    exchange = answer(engine)
    if exchange.answer.status != 200 or exchange.answer.object.get("resourceType") != "Bundle":
        raise Missing(
            f"`{LINK}` leads to no Bundle (status {exchange.answer.status})",
            waited_for="a Bundle with status 200",
            hint="the scenario on the link itself shows the answer",
            by="brand-bundle-is-collection",
        )
    return exchange


def from_a_page(engine: Engine) -> Exchange:
    """The bundle as a page of an unknown origin asks for it."""
    bundle(engine)
    exchange = engine.once("brand bundle for a page", lambda: _fetch(engine, Origin=FOREIGN_ORIGIN))
    answered(exchange)
    return exchange


def twice(engine: Engine) -> tuple[Exchange, Exchange]:
    """The same bundle asked for two times; ``TwinFailed`` where it has no ``timestamp``, ``NotApplicable`` where it changed meanwhile."""
    first, second = bundle(engine), from_a_page(engine)
    if not isinstance(first.answer.object.get("timestamp"), str):
        raise TwinFailed("the brand bundle has no `timestamp`", by="brand-bundle-timestamp")
    if not checks.same_entries(first, second):
        raise NotApplicable("the brand bundle changed between two requests for it")
    return first, second


def again(engine: Engine) -> Exchange:
    """The bundle asked for a second time, with the ``ETag`` of the first answer."""
    tag = bundle(engine).answer.header("etag")
    if not tag:
        raise NotApplicable("the brand bundle has no `ETag`; another scenario judges that")
    headers = {"If-None-Match": tag, "Origin": FOREIGN_ORIGIN}
    exchange = engine.once("brand bundle again", lambda: _fetch(engine, **headers))
    answered(exchange)
    return exchange
