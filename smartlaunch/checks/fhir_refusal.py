"""Checks on the form in which a FHIR server refuses (RFC 6750 section 3, FHIR R4 HTTP)."""

from __future__ import annotations

import re

from smartlaunch.checks.challenge import bearer
from smartlaunch.checks.fhir_access import withholds_type
from smartlaunch.checks.fhir_answer import describe, of_fhir_server
from smartlaunch.checks.members import Findings, show
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Finding, Kind, Outcome, Side

_TAKES_NO_SUCH_REQUEST = frozenset({404, 405, 501})
_ONCE = ("realm", "scope", "error", "error_description", "error_uri")
_INTERNALS = re.compile(
    r"(?im)Traceback \(most recent call last\)|^\s*at [\w$.<>]+\([\w.]+:\d+\)|\b\w+\.\w*(?:Exception|Error)\b: |ORA-\d{5}|SQLSTATE"
    r"|System\.[A-Z]\w+Exception|/(?:usr|var|home|opt|srv)/[\w./-]+\.(?:py|rb|js|php|java)|\b(?:org|com|java|javax)\.[a-z]+(?:\.[A-Za-z]\w*){2,}"
)
_CHARACTERS = {
    "error": re.compile(r"^[\x20-\x21\x23-\x5b\x5d-\x7e]*$"),
    "error_description": re.compile(r"^[\x20-\x21\x23-\x5b\x5d-\x7e]*$"),
    "error_uri": re.compile(r"^[\x21\x23-\x5b\x5d-\x7e]*$"),
    "scope": re.compile(r"^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$"),
}


def has_challenge(requirement: str, exchange: Exchange) -> Findings:
    """A request without a usable token is answered with ``WWW-Authenticate`` and without data.

    The header is due with a refusal for lack of a token, and a page with status 200 is one: not in a batch whose entries are refused one
    by one nor in a search that finds nothing, not where nothing takes such a request at all, not from a firewall.
    """
    found = withholds_type(requirement, exchange, "", "a request without a usable token")
    answer = exchange.answer
    fhir = 200 <= answer.status < 300 and bool(answer.object.get("resourceType"))
    due = not fhir and answer.status not in _TAKES_NO_SUCH_REQUEST and not answer.of_firewall
    if due and not answer.all("www-authenticate"):
        found += of_fhir_server(
            requirement, "a `WWW-Authenticate` header", f"{describe(exchange)} without it", exchange, "header: WWW-Authenticate"
        )
    return found


def is_private(requirement: str, exchange: Exchange) -> Findings:
    """An answer to a token in the query is kept by no shared cache: ``private``, or ``no-store``, which keeps it from every cache."""
    said = [word.strip().lower() for value in exchange.answer.all("cache-control") for word in value.split(",")]
    if "private" in said or "no-store" in said:
        return []
    actual = f"`Cache-Control: {', '.join(said)}`" if said else "no `Cache-Control`"
    return of_fhir_server(requirement, "`Cache-Control` with `private`", actual, exchange, "header: Cache-Control")


def bearer_challenge(requirement: str, exchange: Exchange) -> Findings:
    """One challenge has the scheme ``Bearer`` and at least one parameter."""
    challenge = bearer(exchange)
    if challenge is not None and challenge.parameters:
        return []
    actual = f"`WWW-Authenticate: {', '.join(exchange.answer.all('www-authenticate'))}`"
    return of_fhir_server(
        requirement,
        "a `Bearer` challenge with `realm`, `scope`, `error` or another parameter",
        actual,
        exchange,
        "header: WWW-Authenticate",
    )


def parameters_once(requirement: str, exchange: Exchange) -> Findings:
    """No parameter that the RFC defines occurs twice in the ``Bearer`` challenge."""
    challenge = bearer(exchange)
    names = [k for k, _ in challenge.parameters] if challenge is not None else []
    twice = sorted({n for n in names if n in _ONCE and names.count(n) > 1})
    if not twice:
        return []
    return of_fhir_server(
        requirement, f"`{'`, `'.join(twice)}` once", f"it occurs {names.count(twice[0])} times", exchange, "header: WWW-Authenticate"
    )


def challenge_characters(requirement: str, exchange: Exchange) -> Findings:
    """The parameters of the ``Bearer`` challenge hold only the characters of RFC 6750 section 3."""
    challenge = bearer(exchange)
    wrong = [(k, v) for k, v in (challenge.parameters if challenge else ()) if k in _CHARACTERS and not _CHARACTERS[k].match(v)]
    return [
        f
        for name, value in wrong
        for f in of_fhir_server(
            requirement,
            f"`{name}` of the characters that RFC 6750 section 3 allows",
            f"it is {show(value)}",
            exchange,
            "header: WWW-Authenticate",
        )
    ]


def names_error(requirement: str, exchange: Exchange) -> Findings:
    """The challenge to a refused token has ``error``."""
    challenge = bearer(exchange)
    if challenge is None or challenge.get("error"):
        return []
    return of_fhir_server(requirement, "`error` in the `Bearer` challenge", "there is none", exchange, "header: WWW-Authenticate")


def names_no_error(requirement: str, exchange: Exchange) -> Findings:
    """The challenge to a request without a token has no ``error``."""
    challenge = bearer(exchange)
    if challenge is None or not challenge.get("error"):
        return []
    return of_fhir_server(
        requirement, "no `error` for a request without a token", f"`error={challenge.get('error')}`", exchange, "header: WWW-Authenticate"
    )


def refusal_form(requirement: str, exchange: Exchange, status: int, error: str) -> Findings:
    """The refusal has the status, and its ``Bearer`` challenge the error, that RFC 6750 section 3.1 names."""
    challenge = bearer(exchange)
    found: Findings = []
    if exchange.answer.status != status:
        found += of_fhir_server(requirement, f"status {status}", describe(exchange), exchange, "status")
    if challenge is not None and challenge.get("error") and challenge.get("error") != error:
        found += of_fhir_server(requirement, f"`error={error}`", f"`error={challenge.get('error')}`", exchange, "header: WWW-Authenticate")
    return found


def names_insufficient_scope(requirement: str, exchange: Exchange) -> Findings:
    """A refusal for lack of scope has status 403 and says ``insufficient_scope``."""
    found = refusal_form(requirement, exchange, 403, "insufficient_scope")
    challenge = bearer(exchange)
    if not found and (challenge is None or not challenge.get("error")):
        found += of_fhir_server(
            requirement, "`error=insufficient_scope` in a `Bearer` challenge", "there is none", exchange, "header: WWW-Authenticate"
        )
    return found


def operation_outcome(requirement: str, exchange: Exchange) -> Findings:
    """A refused request is answered with an OperationOutcome that has an issue."""
    body = exchange.answer.object
    issues = body.get("issue")
    if body.get("resourceType") == "OperationOutcome" and isinstance(issues, list) and issues:
        return []
    return of_fhir_server(requirement, "an OperationOutcome with an issue", describe(exchange), exchange, "body")


def clear_refusal(requirement: str, exchange: Exchange) -> Findings:
    """A refusal has a status of the 4xx family."""
    if 400 <= exchange.answer.status < 500:
        return []
    return [
        Finding(
            requirement,
            "a refusal with a status of the 4xx family",
            describe(exchange),
            exchange.id,
            "status",
            Kind.HYGIENE,
            Side.FHIR_SERVER,
            Outcome.WARNING,
        )
    ]


def no_internals(requirement: str, exchange: Exchange, token: str = "") -> Findings:
    """A refusal tells nothing of the server's inside and does not repeat the token."""
    text = exchange.answer.text
    match = _INTERNALS.search(text)
    actual = (
        f"it holds {show(match[0].strip())}" if match else "it repeats the token that was sent" if len(token) > 8 and token in text else ""
    )
    if not actual:
        return []
    return [
        Finding(
            requirement,
            "no stack trace, path, class or database name, and no token",
            actual,
            exchange.id,
            "body",
            Kind.HYGIENE,
            Side.FHIR_SERVER,
            Outcome.WARNING,
        )
    ]
