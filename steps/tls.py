"""Phrases on TLS: how endpoints are reached, and how they must not be."""

from __future__ import annotations

from pytest_bdd import given, then, when

from smartlaunch.checks import tls as checks
from smartlaunch.client.app import App
from smartlaunch.client.engine import Engine
from smartlaunch.exchange import Exchange
from smartlaunch.plugin.judge import Judge
from smartlaunch.plugin.phrases import Phrase
from smartlaunch.probes import tls
from smartlaunch.probes.tls import Address, Handshake


@given(Phrase("the address of the {name}", name=tls.NAMES), target_fixture="address")
def address(engine: Engine, name: str) -> Address:
    return tls.address(engine, name)


@given("the addresses of all endpoints with TLS", target_fixture="addresses")
def addresses(engine: Engine) -> list[Address]:
    return tls.addresses(engine)


@given("the addresses of authorization and token endpoint with TLS", target_fixture="addresses")
def oauth_addresses(engine: Engine) -> list[Address]:
    return tls.oauth_addresses(engine)


@when("a client connects with TLS 1.2 or later", target_fixture="handshake")
def connect(engine: Engine, address: Address) -> Handshake:
    return tls.modern(engine, address)


@when("a client sends a made-up bearer token to it by plain http", target_fixture="plain_answer")
def plain_bearer(engine: Engine, address: Address) -> Exchange:
    return tls.plain_bearer(engine, address)


@then("the token is not looked at")
def takes_no_token(judge: Judge, plain_answer: Exchange) -> None:
    judge(checks.takes_no_token(judge.requirement, plain_answer))


@then("a secured connection comes about")
def secured(judge: Judge, handshake: Handshake) -> None:
    where = handshake.address
    judge(
        checks.reached_by_tls(
            judge.requirement,
            where.name,
            where.url,
            handshake.version,
            handshake.problem,
            where.exchange,
            where.pointer,
            fhir=where.name == "FHIR base URL",
        )
    )


@then("none takes TLS 1.0 or 1.1")
def no_outdated(judge: Judge, engine: Engine, addresses: list[Address]) -> None:
    shakes = [tls.outdated(engine, each) for each in addresses]
    judge([f for s in shakes for f in checks.refuses_outdated(judge.requirement, s.address.origin, s.version)])


@then("each has a certificate that verifies for its host name")
def certificates(judge: Judge, engine: Engine, addresses: list[Address]) -> None:
    shakes = [tls.verified(engine, each) for each in addresses]
    judge([f for s in shakes for f in checks.certificate_verifies(judge.requirement, s.address.origin, s.problem)])


@then("none answers with content by plain http")
def no_plain_http(judge: Judge, engine: Engine, addresses: list[Address]) -> None:
    answers = [(each, tls.plainly(engine, each)) for each in addresses]
    judge([f for each, answer in answers for f in checks.not_by_plain_http(judge.requirement, answer, each.name)])


@then("the pages of the authorization server tell the browser to stay with https")
def strict_transport(judge: Judge, app: App) -> None:
    judge(checks.strict_transport(judge.requirement, tls.pages(app)))
