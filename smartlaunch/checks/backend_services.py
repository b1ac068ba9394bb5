"""Checks on backend services: what their tokens cover, how long they live, and what their refusals say."""

from __future__ import annotations

from collections.abc import Sequence

from smartlaunch.checks import discovery, token_error
from smartlaunch.checks.client_authentication import ASYMMETRIC
from smartlaunch.checks.fhir_answer import describe, found
from smartlaunch.checks.members import Findings, advice, show
from smartlaunch.checks.token_response import seconds_of
from smartlaunch.errors import Blocked
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Finding, Side

LIFETIME_S = 300
"""What the guide recommends."""
SHORT_S = 3600
"""The guide gives no number for short-lived; what lives longer than an hour is not, whatever the reading."""


def lives_at_most(requirement: str, exchange: Exchange, limit_s: int) -> Findings:
    """``expires_in`` is not over the limit; that it is there and a number, another rule judges."""
    value = exchange.answer.object.get("expires_in")
    seconds = seconds_of(value)
    if seconds is None or seconds <= limit_s:
        return []
    return [Finding(requirement, f"`expires_in`: {limit_s} or less", f"it is {show(value)}", exchange.id, "/expires_in")]


def no_refresh_token(requirement: str, exchange: Exchange) -> Findings:
    """The answer brings no refresh token."""
    if not exchange.answer.object.get("refresh_token"):
        return []
    return [Finding(requirement, "no `refresh_token`", "it is there", exchange.id, "/refresh_token")]


def nothing_beyond(requirement: str, exchange: Exchange, excess: Sequence[str], limit: str) -> Findings:
    """No scope was granted beyond a limit that the words name; ``excess`` are those that were."""
    if not exchange.answer.object.get("access_token"):
        return token_error.no_token(requirement, exchange, f"a request beyond {limit}")
    if not excess:
        return []
    return [Finding(requirement, f"no scope beyond {limit}", f"an access token for {show(' '.join(excess))} too", exchange.id, "/scope")]


def explains_itself(requirement: str, exchange: Exchange) -> Findings:
    """A refusal has ``error_description`` or ``error_uri`` beside its ``error``; without that, another rule is broken."""
    body = exchange.answer.object
    if "error" not in body:
        return []
    if any(isinstance(body.get(name), str) and body[name].strip() for name in ("error_description", "error_uri")):
        return []
    return [Finding(requirement, "`error_description` or `error_uri`", "neither is there", exchange.id, "/error_description")]


def meets_asymmetric_discovery(requirement: str, configuration: Exchange) -> Findings:
    """The SMART configuration has what the profile of asymmetric client authentication lists."""
    return [
        *discovery.contains(requirement, configuration, "capabilities", ASYMMETRIC),
        *discovery.member(requirement, configuration, "token_endpoint", "an absolute URL", required=True),
        *advice(discovery.member(requirement, configuration, "scopes_supported", "an array of strings", required=True)),
        *discovery.contains(requirement, configuration, "token_endpoint_auth_methods_supported", "private_key_jwt"),
        *discovery.contains(requirement, configuration, "token_endpoint_auth_signing_alg_values_supported", "RS384", "ES384", any_of=True),
    ]


def nothing_disclosed(requirement: str, exchange: Exchange, what: str) -> Findings:
    """The FHIR server hands out no resource."""
    if not found(exchange):
        return []
    return [Finding(requirement, f"no data {what}", describe(exchange), exchange.id, "body", side=Side.FHIR_SERVER)]


def token_taken(requirement: str, exchange: Exchange) -> Findings:
    """A token that has just been issued is one: 401 says that it is none, which no policy on data is about."""
    if exchange.answer.status != 401:
        if exchange.answer.status >= 500 or 300 <= exchange.answer.status < 400:
            raise Blocked(f"{describe(exchange)} does not say whether the token was looked at", waited_for="an answer to the token")
        return []
    words = "an answer to a token that has just been issued, whatever it may read"
    return [Finding(requirement, words, describe(exchange), exchange.id, "status", side=Side.FHIR_SERVER)]


def fails(requirement: str, exchange: Exchange, what: str) -> Findings:
    """The FHIR server answers with a failure, not with an empty success."""
    if exchange.answer.status >= 400:
        return []
    return [Finding(requirement, f"a failure for {what}", describe(exchange), exchange.id, "status", side=Side.FHIR_SERVER)]
