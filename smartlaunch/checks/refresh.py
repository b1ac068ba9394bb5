"""Checks on refresh responses beside the grant they continue (SMART "Refresh access token", RFC 6749 6, OpenID Core 12.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from smartlaunch.checks import fhir_refusal, token_error
from smartlaunch.checks.fhir_answer import describe, found, granted_read
from smartlaunch.checks.members import Findings, absent, advice, same, show, skew
from smartlaunch.checks.token_response import CONTEXT_MEMBERS
from smartlaunch.exchange import Endpoint, Exchange
from smartlaunch.finding import Finding, Kind, Outcome, Side
from smartlaunch.oauth.scopes import REFRESH


def refresh_token_expected(exchange: Exchange, requested: Sequence[str], *, declared: bool | None) -> Findings:
    """A request for offline or online access brings a refresh token; fails only where the target file declares that it does."""
    asked = [scope for scope in REFRESH if scope in requested]
    has = bool(exchange.answer.object.get("refresh_token"))
    if has or declared is False or not (asked or declared):
        return []
    return [
        Finding(
            "EXPECT-refresh-token",
            f"a refresh token, as the app asked for `{'` and `'.join(asked)}`" if asked else "a refresh token, as the target file expects",
            f"no `refresh_token`; granted: `{exchange.answer.object.get('scope', '')}`",
            exchange.id,
            "/refresh_token",
            kind=Kind.EXPECTATION,
            side=Side.UNDECIDED,
            severity=Outcome.FAILED if declared else Outcome.WARNING,
        )
    ]


def has_refresh_token(requirement: str, exchange: Exchange, scope: str) -> Findings:
    """A grant of offline or online access has a refresh token."""
    value = exchange.answer.object.get("refresh_token")
    if isinstance(value, str) and value:
        return []
    actual = absent(exchange) if value is None else f"it is {show(type(value).__name__)}"
    return [Finding(requirement, f"`refresh_token`, as `{scope}` was granted", actual, exchange.id, "/refresh_token")]


def yields_token(requirement: str, exchange: Exchange, when: str) -> Findings:
    """A right refresh brings an access token."""
    body = exchange.answer.object
    if isinstance(body.get("access_token"), str) and body["access_token"]:
        return []
    error = f", `error` is {show(body['error'])}" if "error" in body else ""
    return [
        Finding(
            requirement, f"an access token for the refresh token {when}", f"status {exchange.answer.status}{error}", exchange.id, "/error"
        )
    ]


def accepted(requirement: str, read: Exchange) -> Findings:
    """The FHIR server takes the access token that a refresh brought."""
    if granted_read(read):
        return []
    return [Finding(requirement, "an access token that the FHIR server accepts", describe(read), read.id, "status")]


def new_access_token(requirement: str, exchange: Exchange, first: str) -> Findings:
    """The access token of a refresh is there and is not the first one again."""
    value = exchange.answer.object.get("access_token")
    if not isinstance(value, str) or not value:
        return [Finding(requirement, "`access_token`: a new access token", absent(exchange), exchange.id, "/access_token")]
    if value != first:
        return []
    return [Finding(requirement, "`access_token`: a new access token", "it is the one of the first answer", exchange.id, "/access_token")]


def keeps_scopes(requirement: str, exchange: Exchange, lost: Sequence[str], gained: Sequence[str]) -> Findings:
    """A refresh without ``scope`` has the scopes of the grant, no less and no more."""
    wrong = []
    if lost:
        wrong.append(Finding(requirement, "the scopes of the original grant", f"`{' '.join(lost)}` are missing", exchange.id, "/scope"))
    return [*wrong, *no_wider(requirement, exchange, gained)]


def no_wider(requirement: str, exchange: Exchange, gained: Sequence[str]) -> Findings:
    """No refresh has a scope that the user did not grant."""
    if not gained:
        return []
    return [Finding(requirement, "no scope beyond the original grant", f"`{' '.join(gained)}` came with it", exchange.id, "/scope")]


def part_or_whole(requirement: str, exchange: Exchange, lost: Sequence[str], gained: Sequence[str]) -> Findings:
    """A refresh for a part of the scopes has at least this part and at most the original grant; a refusal warns.

    The guide says that the scope of the answer is that of the original token, and that it can differ from the scopes asked for.
    """
    body = exchange.answer.object
    if not body.get("access_token"):
        return advice(yields_token(requirement, exchange, "with a part of its scopes"))
    words = "the scopes asked for, or those of the original grant"
    wrong = [Finding(requirement, words, f"`{' '.join(lost)}` are missing", exchange.id, "/scope")] if lost else []
    return [*wrong, *no_wider(requirement, exchange, gained)]


def reads_nothing_wider(requirement: str, read: Exchange, scope_of: str) -> Findings:
    """A token that came of a refresh for more reads nothing that only the wider scope allows."""
    if not found(read):
        return []
    return [
        Finding(
            requirement,
            f"a refusal of {scope_of} to a token whose grant does not cover it",
            describe(read),
            read.id,
            "status",
        )
    ]


def same_context(requirement: str, exchange: Exchange, first: Mapping[str, Any]) -> Findings:
    """The patient that a refresh repeats is that of the first answer; other context that changed warns, and none may be left out.

    A style URL has to change with the style, and ``fhirContext`` has no order.
    """
    body = exchange.answer.object
    changed = [
        Finding(requirement, f"`{name}` as in the original grant, or not at all", "it has another value", exchange.id, f"/{name}")
        for name in CONTEXT_MEMBERS
        if name in body and name in first and name != "smart_style_url" and not same(body[name], first[name])
    ]
    grave = [finding for finding in changed if finding.pointer == "/patient"]
    return [*grave, *advice([finding for finding in changed if finding not in grave])]


def same_claim(requirement: str, exchange: Exchange, first: Mapping[str, Any], second: Mapping[str, Any], name: str) -> Findings:
    """A claim of the ID Token of a refresh has the value of the first ID Token."""
    if name not in first or second.get(name) == first[name]:
        return []
    actual = "it is absent" if name not in second else "it has another value"
    return [Finding(requirement, f"the claim `{name}` of the first ID Token", actual, exchange.id, "/id_token")]


def same_person(requirement: str, exchange: Exchange, first: Mapping[str, Any], second: Mapping[str, Any]) -> Findings:
    """``fhirUser`` names the resource of the first ID Token, whether both are relative, both absolute, or one of each."""
    before, after = (str(claims.get("fhirUser", "")).rstrip("/").split("/")[-2:] for claims in (first, second))
    if "fhirUser" not in first or before == after:
        return []
    return [Finding(requirement, "the person of the first ID Token in `fhirUser`", "it names another resource", exchange.id, "/id_token")]


def same_party(requirement: str, exchange: Exchange, first: Mapping[str, Any], second: Mapping[str, Any]) -> Findings:
    """``azp`` is that of the first ID Token; where that one has none, the later one has none."""
    if second.get("azp") == first.get("azp"):
        return []
    if "azp" not in first:
        return [Finding(requirement, "no claim `azp`, as in the first ID Token", "it is there", exchange.id, "/id_token")]
    return same_claim(requirement, exchange, first, second, "azp")


def same_sign_in(requirement: str, exchange: Exchange, first: Mapping[str, Any], second: Mapping[str, Any]) -> Findings:
    """``auth_time`` is that of the first ID Token; where that one has none, it is no later than that one."""
    words, value = "the claim `auth_time` with the time of the sign-in", second.get("auth_time")
    if "auth_time" in first:
        if value == first["auth_time"]:
            return []
        return [Finding(requirement, words, "it is not that of the first ID Token", exchange.id, "/id_token")]
    issued = first.get("iat")
    if not isinstance(value, (int, float)) or not isinstance(issued, (int, float)) or value <= issued + _CLOCK_S:
        return []
    return [Finding(requirement, words, "it is after the first ID Token was issued", exchange.id, "/id_token")]


def audience_kept(requirement: str, exchange: Exchange, first: Mapping[str, Any], second: Mapping[str, Any]) -> Findings:
    """The audience of the first ID Token is in the audience of the later one, be it a string or an array."""
    lost = set(_listed(first.get("aud"))) - set(_listed(second.get("aud")))
    if not lost:
        return []
    actual = f"it is {show(second['aud'])}" if "aud" in second else "it is absent"
    return [Finding(requirement, "the claim `aud` with the first one's audience", actual, exchange.id, "/id_token")]


def issued_now(requirement: str, exchange: Exchange, claims: Mapping[str, Any], first: Mapping[str, Any], received_at: float) -> Findings:
    """``iat`` is the time this ID Token was issued; a minute of clock difference is let through.

    Two tokens may come within one second, so equal values say nothing by themselves: the first ``iat`` has to be older than the
    answer by more than the refresh took, which the suite makes sure of by waiting.
    """
    value, old = claims.get("iat"), first.get("iat")
    words = "the claim `iat` with the time of this ID Token"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return [Finding(requirement, words, "it is absent" if value is None else f"it is {show(value)}", exchange.id, "/id_token")]
    if value == old:
        return [Finding(requirement, words, "it is that of the first ID Token", exchange.id, "/id_token")]
    if isinstance(old, (int, float)) and value < old:
        return [Finding(requirement, words, "it is before that of the first ID Token", exchange.id, "/id_token")]
    received_at += skew(exchange)
    if abs(value - received_at) > _CLOCK_S:
        actual = f"it is {abs(value - received_at):.0f} s from the time of the answer"
        return advice([Finding(requirement, words, actual, exchange.id, "/id_token")])
    return []


def no_nonce(requirement: str, exchange: Exchange, claims: Mapping[str, Any]) -> Findings:
    """The ID Token of a refresh has no ``nonce``; that it is another one than was sent, a rule of its own judges too."""
    if "nonce" not in claims:
        return []
    return [Finding(requirement, "no claim `nonce`", "it is there", exchange.id, "/id_token")]


def same_nonce(requirement: str, exchange: Exchange, claims: Mapping[str, Any], sent: str) -> Findings:
    """A ``nonce`` in the ID Token of a refresh is the one of the authorization request."""
    if claims.get("nonce", sent) == sent:
        return []
    return [Finding(requirement, "the `nonce` of the authorization request, or none", "it is another value", exchange.id, "/id_token")]


def replaced(requirement: str, exchange: Exchange, old: str) -> Findings:
    """A public client gets a new refresh token with each use, unless its tokens are bound to it by other means (DPoP)."""
    body = exchange.answer.object
    if str(body.get("token_type", "")).lower() == "dpop":
        return []
    value = body.get("refresh_token")
    if isinstance(value, str) and value and value != old:
        return []
    same = "it is the same as before" if value == old else f"it is {show(type(value).__name__)} and no string"
    actual = "the refresh response has no `refresh_token`" if not value else same
    return [Finding(requirement, "`refresh_token`: a new one at each use", actual, exchange.id, "/refresh_token")]


def ended(requirement: str, exchange: Exchange, what: str) -> Findings:
    """A token that should be dead brings nothing: neither a new token nor data; what is no refusal either warns."""
    if exchange.endpoint == Endpoint.TOKEN:
        return token_error.no_token(requirement, exchange, what)
    if not 200 <= exchange.answer.status < 300:
        return fhir_refusal.clear_refusal("HYGIENE-refusal-form", exchange)
    return [Finding(requirement, f"a refusal of {what}", describe(exchange), exchange.id, "status")]


def ends_with_the_session(requirement: str, exchange: Exchange) -> Findings:
    """Online access is usable for as long as the user remains online; going on after the sign-out warns, as no sentence forbids it."""
    if not exchange.answer.object.get("access_token"):
        return []
    return [
        Finding(
            requirement,
            "no access token once the user has signed out",
            f"status {exchange.answer.status} with an access token",
            exchange.id,
            "/access_token",
            kind=Kind.HYGIENE,
            severity=Outcome.WARNING,
        )
    ]


_CLOCK_S = 60


def _listed(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []
