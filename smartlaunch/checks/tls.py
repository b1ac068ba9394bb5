"""Checks on TLS: what a handshake or a request without TLS told, already in words (RFC 9325, RFC 6797)."""

from __future__ import annotations

from collections.abc import Sequence

from smartlaunch.checks.challenge import bearer
from smartlaunch.checks.fhir_answer import describe
from smartlaunch.checks.members import Findings
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Finding, Side

GOOD = ("TLSv1.2", "TLSv1.3")


def reached_by_tls(
    requirement: str, name: str, url: str, version: str, problem: str, exchange: str = "", pointer: str = "", *, fhir: bool = False
) -> Findings:
    """An endpoint has an https address and agrees on TLS 1.2 or later."""
    if url.lower().startswith("https:") and version in GOOD:
        return []
    side = Side.FHIR_SERVER if fhir else Side.AUTHORIZATION_SERVER
    actual = f"its address begins with {url.split(':', 1)[0].lower()}:" if not url.lower().startswith("https:") else problem or version
    return [Finding(requirement, f"the {name} by https with TLS 1.2 or later", actual, exchange, pointer, side=side)]


def refuses_outdated(requirement: str, origin: str, version: str) -> Findings:
    """A handshake for TLS 1.0 and 1.1 comes to nothing."""
    if not version:
        return []
    return [Finding(requirement, f"{origin} takes no TLS below 1.2", f"it agreed on {version}")]


def certificate_verifies(requirement: str, origin: str, problem: str) -> Findings:
    """The certificate is of a known authority, in its time, and for this host name."""
    if not problem:
        return []
    expected = f"a certificate that verifies for {origin}, by this machine's authorities or the `ca_file` of [target]"
    return [Finding(requirement, expected, problem)]


def not_by_plain_http(requirement: str, exchange: Exchange, name: str) -> Findings:
    """Plain http brings no answer, a redirect, a refusal, or a page that any host may show; never data."""
    answer = exchange.heard
    page = answer.media_type in ("text/html", "text/plain", "")
    if not 200 <= answer.status < 300 or page:
        return []
    return [Finding(requirement, f"no content of the {name} by plain http", describe(exchange), exchange.id, "status")]


def takes_no_token(requirement: str, exchange: Exchange) -> Findings:
    """A bearer token by plain http meets no FHIR server that would look at it: neither a resource nor a challenge for bearer tokens."""
    answer = exchange.heard
    challenge = answer.status == 401 and bearer(exchange) is not None
    resource = isinstance(answer.object.get("resourceType"), str)
    if not challenge and not resource:
        return []
    return [
        Finding(
            requirement,
            "no FHIR server by plain http",
            f"{describe(exchange)}, so tokens are taken without TLS",
            exchange.id,
            "status",
            side=Side.FHIR_SERVER,
        )
    ]


def strict_transport(requirement: str, pages: Sequence[tuple[str, str]]) -> Findings:
    """Pages by https tell the browser to stay with https, for longer than no time."""
    for exchange, value in pages:
        ages = [part.split("=", 1)[1].strip(' "') for part in value.lower().split(";") if part.strip().startswith("max-age=")]
        if not ages or not ages[0].isdigit() or int(ages[0]) == 0:
            actual = f"`Strict-Transport-Security: {value}`" if value else "no `Strict-Transport-Security` header"
            expected = "`Strict-Transport-Security: max-age=...`"
            return [Finding(requirement, expected, actual, exchange, "header: Strict-Transport-Security")]
    return []
