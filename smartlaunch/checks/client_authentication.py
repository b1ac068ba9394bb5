"""Checks on how a server lets clients prove who they are, beyond the refusals that ``token_error`` judges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from smartlaunch.checks import token_error
from smartlaunch.checks.members import Findings, advice, show
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Finding, Kind, Outcome

ASYMMETRIC = "client-confidential-asymmetric"


def lists_asymmetric(requirement: str, configuration: Exchange) -> Findings:
    """A server that took a signed assertion lists the capability for it."""
    capabilities = configuration.answer.object.get("capabilities")
    if isinstance(capabilities, list) and ASYMMETRIC in capabilities:
        return []
    return [
        Finding(
            requirement,
            f"`capabilities` with `{ASYMMETRIC}`, as the server authenticated a client by its key",
            f"it is {show(capabilities)}" if capabilities is not None else "it is absent",
            configuration.id,
            "/capabilities",
        )
    ]


def authenticated(requirement: str, exchange: Exchange, proof: str) -> Findings:
    """The client was let in; that the answer then has all it needs, other rules judge."""
    answer = exchange.answer
    if 200 <= answer.status < 300:
        return []
    error = answer.object.get("error")
    actual = f"status {answer.status}" + (f", `error` is {show(error)}" if error is not None else "")
    return [Finding(requirement, f"the client let in with {proof}", actual, exchange.id, "/error")]


def fetched_by_get(requirement: str, token: Exchange, methods: Sequence[str]) -> Findings:
    """The server sent a GET to the JWK Set URL; a HEAD or OPTIONS beside it takes nothing from that."""
    wrong = sorted(set(methods) - {"GET", "HEAD", "OPTIONS"}) or ([] if "GET" in methods else sorted(set(methods)))
    if not wrong:
        return []
    return [Finding(requirement, "the JWK Set fetched by GET", f"it was asked for by {', '.join(wrong)}", token.id)]


def kept(requirement: str, exchange: str, first: int, second: int) -> Findings:
    """A JWK Set that was fetched for one request is not fetched again for the next while its cache header allows keeping it."""
    if not first or not second:
        return []
    return [
        Finding(
            requirement,
            "a JWK Set that is kept for as long as its `Cache-Control` allows",
            f"it was fetched {first} times for one token request and {second} times for the next, within its `max-age`",
            exchange,
        )
    ]


def no_system_token(requirement: str, exchange: Exchange) -> Findings:
    """No token for system scopes came; a token for something else is not that of a backend service."""
    body = exchange.answer.object
    if not (isinstance(body.get("access_token"), str) and body["access_token"]):
        return token_error.no_token(requirement, exchange, "system scopes")
    # Without `scope` the answer grants what was asked for (RFC 6749 section 5.1).
    scope = body.get("scope") if "scope" in body else dict(exchange.request.form).get("scope")
    system = [one for one in str(scope or "").split() if one.startswith("system/")]
    if not system:
        return []
    return [Finding(requirement, "no token for system scopes", f"an access token for {show(' '.join(system))}", exchange.id, "/scope")]


def no_token_by_good_practice(requirement: str, exchange: Exchange, what: str) -> Findings:
    """No access token came for a request that no document of SMART makes a server refuse, but that a careful one does."""
    found = token_error.no_token(requirement, exchange, what)
    return [replace(finding, kind=Kind.HYGIENE, severity=Outcome.WARNING) for finding in found]


def authenticated_by_listed(requirement: str, exchange: Exchange, method: str) -> Findings:
    """A listed method lets a client in that proves itself by it.

    SMART makes ``client_secret_basic`` a duty. A client may have been registered for that method alone, which does not show from
    outside, so a refusal of another listed method warns.
    """
    found = authenticated(requirement, exchange, f"right credentials by `{method}`")
    if method == "client_secret_basic":
        return found
    return [replace(finding, kind=Kind.HYGIENE, severity=Outcome.WARNING) for finding in found]


def in_time(requirement: str, exchange: Exchange, late_s: float) -> Findings:
    """A changed JWK Set is heeded once the old one is over; a pause between two fetches of up to half a minute warns."""
    if late_s < 1:
        return []
    actual = f"only {late_s:.0f} s later, as the server waits before it fetches again"
    return advice([Finding(requirement, "the key that was withdrawn refused once the time of the set is over", actual, exchange.id)])
