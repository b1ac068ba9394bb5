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


@given("the https address of the FHIR server", target_fixture="addresses")
def fhir_addresses(engine: Engine) -> list[Address]:
    return tls.addresses(engine, ("FHIR base URL",))


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


@when("a client that knows TLS 1.0 and 1.1 only connects to each", target_fixture="handshakes")
def connect_outdated(engine: Engine, addresses: list[Address]) -> list[Handshake]:
    return [tls.outdated(engine, each) for each in addresses]


@when("a client connects to each and checks the certificate", target_fixture="handshakes")
def connect_verified(engine: Engine, addresses: list[Address]) -> list[Handshake]:
    return [tls.verified(engine, each) for each in addresses]


@when("a client asks each by plain http", target_fixture="plain_answers")
def ask_plainly(engine: Engine, addresses: list[Address]) -> list[tuple[Address, Exchange]]:
    return [(each, tls.plainly(engine, each)) for each in addresses]


@when("the user goes through the pages of the login by https", target_fixture="secure_pages")
def secure_pages_seen(app: App) -> list[tuple[str, str]]:
    return tls.pages(app)


@then("none takes TLS 1.0 or 1.1")
def no_outdated(judge: Judge, handshakes: list[Handshake]) -> None:
    judge([f for s in handshakes for f in checks.refuses_outdated(judge.requirement, s.address.origin, s.version)])


@then("each has a certificate that verifies for its host name")
def certificates(judge: Judge, handshakes: list[Handshake]) -> None:
    judge([f for s in handshakes for f in checks.certificate_verifies(judge.requirement, s.address.origin, s.problem)])


@then("none answers with content by plain http")
def no_plain_http(judge: Judge, plain_answers: list[tuple[Address, Exchange]]) -> None:
    judge([f for each, answer in plain_answers for f in checks.not_by_plain_http(judge.requirement, answer, each.name)])


@then("the pages of the authorization server tell the browser to stay with https")
def strict_transport(judge: Judge, secure_pages: list[tuple[str, str]]) -> None:
    judge(checks.strict_transport(judge.requirement, secure_pages))
