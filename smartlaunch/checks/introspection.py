"""Checks on introspection responses (RFC 7662 section 2.2, SMART "Token Introspection")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from smartlaunch.checks.members import Findings, absent, same, show, skew
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Finding

_CLOCK_S = 60
_ALLOWED_BESIDE = {"active"}


def answers_form(requirement: str, exchange: Exchange) -> Findings:
    """A POST form with ``token`` is answered with 200 and a JSON object that has ``active``."""
    answer = exchange.answer
    if answer.status != 200:
        return [Finding(requirement, "status 200 for a POST form with `token`", f"status {answer.status}", exchange.id, "status")]
    if "active" not in answer.object:
        return [Finding(requirement, "a JSON object with `active`", answer.json_error or "no `active`", exchange.id, "/active")]
    return []


def json_object(requirement: str, exchange: Exchange) -> Findings:
    """The answer is a JSON object with the media type of JSON."""
    answer = exchange.answer
    words = "a JSON object with the media type `application/json`"
    if answer.media_type != "application/json":
        return [Finding(requirement, words, f"`{answer.header('content-type') or 'no Content-Type'}`", exchange.id, "header: Content-Type")]
    if isinstance(answer.json, dict):
        return []
    return [Finding(requirement, words, answer.json_error or f"the body is {show(answer.json)}", exchange.id, "body")]


def active_is_boolean(requirement: str, exchange: Exchange) -> Findings:
    """``active`` is there and is a JSON boolean."""
    body = exchange.answer.object
    if isinstance(body.get("active"), bool):
        return []
    actual = f"it is {show(body['active'])}" if "active" in body else absent(exchange)
    return [Finding(requirement, "`active`: a JSON boolean", actual, exchange.id, "/active")]


def active(requirement: str, exchange: Exchange) -> Findings:
    """A token in force is called active."""
    body = exchange.answer.object
    if body.get("active") is True:
        return []
    actual = f"it is {show(body['active'])}" if "active" in body else f"status {exchange.answer.status} without `active`"
    return [Finding(requirement, "`active`: true, as the token is in force", actual, exchange.id, "/active")]


def not_active(requirement: str, exchange: Exchange) -> Findings:
    """A token that is not in force is not called active, in whatever form the answer says so."""
    value = exchange.answer.object.get("active")
    if value is True or (isinstance(value, str) and value.lower() == "true"):
        return [Finding(requirement, "`active`: false, as the token is not in force", f"it is {show(value)}", exchange.id, "/active")]
    return []


def says_false(requirement: str, exchange: Exchange) -> Findings:
    """The answer about a token that is not in force says ``active`` false as a JSON boolean."""
    if exchange.answer.status != 200:
        return []
    value = exchange.answer.object.get("active")
    if value is False:
        return []
    actual = f"it is {show(value)}" if "active" in exchange.answer.object else absent(exchange)
    return [Finding(requirement, "`active`: false, as the token is not in force", actual, exchange.id, "/active")]


def no_error(requirement: str, exchange: Exchange) -> Findings:
    """A proper query about a token that is not in force is answered with 200."""
    status = exchange.answer.status
    if status == 200:
        return []
    return [Finding(requirement, "status 200 with `active` false", f"status {status}", exchange.id, "status")]


def tells_nothing_else(requirement: str, exchange: Exchange) -> Findings:
    """The answer about a token that is not in force has no member beside ``active``."""
    body = exchange.answer.object
    if body.get("active") is not False:
        return []
    more = sorted(set(body) - _ALLOWED_BESIDE)
    if not more:
        return []
    return [Finding(requirement, "`active` alone", f"also {', '.join(f'`{name}`' for name in more)}", exchange.id, f"/{more[0]}")]


def time_stamps(requirement: str, exchange: Exchange) -> Findings:
    """``exp``, ``iat`` and ``nbf`` are integers wherever they are."""
    body = exchange.answer.object
    return [
        Finding(requirement, f"`{name}`: an integer time stamp", f"it is {show(body[name])}", exchange.id, f"/{name}")
        for name in ("exp", "iat", "nbf")
        if name in body and (isinstance(body[name], bool) or not isinstance(body[name], int))
    ]


def scope_string(requirement: str, exchange: Exchange) -> Findings:
    """``scope`` is a string wherever it is."""
    body = exchange.answer.object
    if "scope" not in body or isinstance(body["scope"], str):
        return []
    return [Finding(requirement, "`scope`: a string of scopes with spaces between", f"it is {show(body['scope'])}", exchange.id, "/scope")]


def scope_of_grant(requirement: str, exchange: Exchange, lost: Sequence[str], gained: Sequence[str]) -> Findings:
    """``scope`` is there and means what the token response granted."""
    body = exchange.answer.object
    words = "`scope` as in the token response"
    value = body.get("scope")
    if not isinstance(value, str):
        actual = absent(exchange) if value is None else f"it is {show(value)}"
        return [Finding(requirement, words, actual, exchange.id, "/scope")]
    found = []
    if lost:
        found.append(Finding(requirement, words, f"`{' '.join(lost)}` are missing", exchange.id, "/scope"))
    if gained:
        found.append(Finding(requirement, words, f"`{' '.join(gained)}` were not granted", exchange.id, "/scope"))
    return found


def client_id(requirement: str, exchange: Exchange, expected: str) -> Findings:
    """``client_id`` is the client that the token was issued to."""
    value = exchange.answer.object.get("client_id")
    if value == expected:
        return []
    actual = absent(exchange) if value is None else f"it is {show(value)}"
    return [Finding(requirement, f"`client_id`: {show(expected)}", actual, exchange.id, "/client_id")]


def expiry(requirement: str, exchange: Exchange) -> Findings:
    """``exp`` is there and is an integer."""
    value = exchange.answer.object.get("exp")
    if isinstance(value, int) and not isinstance(value, bool):
        return []
    actual = absent(exchange) if value is None else f"it is {show(value)}"
    return [Finding(requirement, "`exp`: an integer time stamp", actual, exchange.id, "/exp")]


def expiry_agrees(requirement: str, exchange: Exchange, expires_at: float) -> Findings:
    """``exp`` agrees with ``expires_in`` of the token response, by the server's own clock; a minute of difference is let through."""
    value = exchange.answer.object.get("exp")
    expires_at += skew(exchange)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value - expires_at) <= _CLOCK_S:
        return []
    words = f"`exp`: about {expires_at:.0f}, the time of issue plus `expires_in`"
    return [Finding(requirement, words, f"it is {show(value)}, {value - expires_at:+.0f} s", exchange.id, "/exp")]


def expiry_moves(requirement: str, exchange: Exchange, first: Exchange) -> Findings:
    """``exp`` of a token that was issued seconds after another one, for the same time, is later than that one's."""
    before, after = first.answer.object.get("exp"), exchange.answer.object.get("exp")
    if not isinstance(before, int | float) or not isinstance(after, int | float) or after > before:
        return []
    return [Finding(requirement, f"`exp`: later than {show(before)}, that of the first token", f"it is {show(after)}", exchange.id, "/exp")]


def context(requirement: str, exchange: Exchange, expected: Mapping[str, Any]) -> Findings:
    """Each launch context parameter of the token response returns with its value."""
    body = exchange.answer.object
    return [
        Finding(
            requirement,
            f"`{name}` as in the token response",
            "it has another value" if name in body else absent(exchange),
            exchange.id,
            f"/{name}",
        )
        for name, value in expected.items()
        if name not in body or not same(body[name], value)
    ]


def claim(requirement: str, exchange: Exchange, claims: Mapping[str, Any], name: str) -> Findings:
    """A claim of the ID Token returns with its value, when the ID Token has it."""
    body = exchange.answer.object
    if name not in claims or body.get(name, _ABSENT) == claims[name]:
        return []
    actual = "it has another value" if name in body else absent(exchange)
    return [Finding(requirement, f"`{name}` as in the ID Token", actual, exchange.id, f"/{name}")]


def kept_from(requirement: str, exchange: Exchange, who: str) -> Findings:
    """A caller who may not ask learns nothing: any status but success, or an answer that calls the token inactive."""
    answer = exchange.answer
    if not 200 <= answer.status < 300 or answer.object.get("active") is not True:
        return []
    return [Finding(requirement, f"a refusal of a caller with {who}", f"status {answer.status} with `active` true", exchange.id, "status")]


def refused_with_401(requirement: str, exchange: Exchange) -> Findings:
    """A caller with wrong credentials gets 401."""
    status = exchange.answer.status
    if status == 401:
        return []
    return [Finding(requirement, "status 401 for a caller with a wrong secret", f"status {status}", exchange.id, "status")]


def refused(requirement: str, exchange: Exchange) -> Findings:
    """A query without ``token`` is refused."""
    status = exchange.answer.status
    if 400 <= status < 500:
        return []
    return [Finding(requirement, "a status of the 4xx family for a query without `token`", f"status {status}", exchange.id, "status")]


def accepts_bearer(requirement: str, exchange: Exchange) -> Findings:
    """A client that may introspect is let in with its bearer token."""
    status = exchange.answer.status
    if status == 200:
        return []
    return [Finding(requirement, "status 200 for a client that may introspect", f"status {status}", exchange.id, "status")]


_ABSENT = object()
