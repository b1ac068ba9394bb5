"""Checks on refusals of the token endpoint (RFC 6749 section 5.2) and on answers that should have been refusals."""

from __future__ import annotations

import re
from collections.abc import Sequence

from smartlaunch.checks.challenge import challenges as challenges_of
from smartlaunch.checks.members import Findings, advice, show
from smartlaunch.errors import Blocked
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Finding, Kind, Outcome

TOKEN_ERRORS = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        # registered by later documents: RFC 8707, RFC 7009, RFC 9449, RFC 9396, OpenID Connect, RFC 8628
        "invalid_target",
        "unsupported_token_type",
        "invalid_dpop_proof",
        "use_dpop_nonce",
        "invalid_authorization_details",
        "interaction_required",
        "server_error",
        "temporarily_unavailable",
        "access_denied",
    }
)
_TEXT = re.compile(r"^[\x20\x21\x23-\x5b\x5d-\x7e]+$")
_URI_REFERENCE = re.compile(r"^(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$")
_INTERNALS = re.compile(
    r"(?im)Traceback \(most recent call last\)|^\s+at [\w$.<>]+\([\w.]+:\d+\)|\b[\w.]+(?:Exception|Error): "
    r"|\bat [A-Za-z_][\w.]+ in /|ORA-\d{5}|SQLSTATE|System\.[A-Z]\w+Exception"
    r"|/(?:usr|var|home|opt|srv)/[\w./-]+\.(?:py|rb|js|php|java)|\b(?:org|com|java|javax)\.[a-z]+(?:\.[A-Za-z]\w*){2,}"
)


def no_token(requirement: str, exchange: Exchange, what: str) -> Findings:
    """The end state: no access token came for a request that must not get one.

    ``Blocked`` where nothing was refused, since nothing took the request. A status 5xx warns: the server stumbled over it.
    """
    token = exchange.answer.object.get("access_token")
    if isinstance(token, str) and token:
        return [
            Finding(
                requirement,
                f"no access token for {what}",
                f"status {exchange.answer.status} with an access token",
                exchange.id,
                "/access_token",
            )
        ]
    reason = no_refusal(exchange)
    if reason:
        raise Blocked(reason, waited_for=f"a refusal of the {exchange.endpoint.value} endpoint: status 400 or 401")
    if exchange.answer.status >= 500:
        return clear_refusal("HYGIENE-refusal-form", exchange)
    return []


def no_refusal(exchange: Exchange) -> str:
    """Why an answer without a token is none of the refusals that a token endpoint may give (RFC 6749 section 5.2), or nothing.

    Another method than POST may rightly be answered in any way that brings no token, another media type than a form's with 415.
    """
    answer = exchange.answer
    status = answer.status
    if answer.of_firewall:
        place = f"the {exchange.endpoint.value} endpoint"
        return f"a firewall in front of {place} answered (status {status}), so the server has not seen the request"
    if exchange.request.method != "POST":
        return ""
    if status in (404, 405, 501):
        return f"status {status} says that the address takes no such request, and nothing of what is wrong with it"
    if 300 <= status < 400:
        return f"status {status} sends the client elsewhere, and says nothing of what is wrong with the request"
    if 200 <= status < 300 and answer.body.strip() and not isinstance(answer.json, dict):
        why = answer.json_error or f"it is {show(answer.json)}"
        return f"status {status} with a body that is no JSON object ({why}), so nobody can tell whether a token is in it"
    return ""


def status_400(requirement: str, exchange: Exchange) -> Findings:
    """A refusal has a status of the 4xx family."""
    actual = exchange.answer.status
    if 400 <= actual < 500:
        return []
    return [Finding(requirement, "status 400, or 401 for a client that failed to authenticate", f"status {actual}", exchange.id, "status")]


def status_by_error(requirement: str, exchange: Exchange) -> Findings:
    """A refusal has status 400, or 401 with ``invalid_client``; without an ``error`` to tell by, both pass."""
    actual, error = exchange.answer.status, exchange.answer.object.get("error")
    if actual == 400 or (actual == 401 and error in (None, "invalid_client")):
        return []
    expected = "status 400, or 401 for a client that failed to authenticate"
    return [Finding(requirement, expected, f"status {actual} with {error!r}" if error else f"status {actual}", exchange.id, "status")]


def has_error(requirement: str, exchange: Exchange) -> Findings:
    """The body is a JSON object with a string ``error``."""
    answer = exchange.answer
    error = answer.object.get("error")
    if isinstance(error, str) and error:
        return []
    if not isinstance(answer.json, dict):
        actual = answer.json_error or f"the body is {show(answer.json)}"
    else:
        actual = "no `error`" if error is None else f"`error` is {show(error)}"
    return [Finding(requirement, "a JSON object with `error`", actual, exchange.id, "/error")]


def defined_error(requirement: str, exchange: Exchange) -> Findings:
    """``error`` is one that a specification defines; names with a colon are extensions and let through."""
    error = exchange.answer.object.get("error")
    if not isinstance(error, str) or error in TOKEN_ERRORS or ":" in error:
        return []
    return [
        Finding(requirement, f"`error`: one of {', '.join(sorted(TOKEN_ERRORS)[:6])}, ...", f"it is {show(error)}", exchange.id, "/error")
    ]


def error_is(requirement: str, exchange: Exchange, *accepted: str) -> Findings:
    """``error`` is the one that fits the fault."""
    error = exchange.answer.object.get("error")
    if error in accepted:
        return []
    actual = (
        f"status {exchange.answer.status}, `error` is {show(error)}"
        if error is not None
        else f"status {exchange.answer.status} without `error`"
    )
    return [Finding(requirement, f"`error`: {' or '.join(accepted)}", actual, exchange.id, "/error")]


_OVERLAPS = {"invalid_grant": "invalid_request", "unsupported_grant_type": "unauthorized_client"}
"""Codes whose definition can be read to cover the same request: a value of no form that was ever issued, a grant type nobody may use."""


def error_fits(requirement: str, exchange: Exchange, accepted: str) -> Findings:
    """``error`` is the one that fits the fault; the one whose definition overlaps with it warns."""
    found = error_is(requirement, exchange, accepted)
    return advice(found) if exchange.answer.object.get("error") == _OVERLAPS.get(accepted) else found


def legal_error_text(requirement: str, exchange: Exchange) -> Findings:
    """``error`` and ``error_description`` hold only the characters of the RFC."""
    found = []
    for name in ("error", "error_description"):
        value = exchange.answer.object.get(name)
        if isinstance(value, str) and not _TEXT.match(value):
            found.append(
                Finding(
                    requirement, f"`{name}` of printable ASCII without quote and backslash", f"it is {show(value)}", exchange.id, f"/{name}"
                )
            )
    return found


def error_uri(requirement: str, exchange: Exchange) -> Findings:
    """``error_uri`` is a string with a URI reference."""
    value = exchange.answer.object.get("error_uri")
    if isinstance(value, str) and _URI_REFERENCE.match(value):
        return []
    return [Finding(requirement, "`error_uri`: a URI reference", f"it is {show(value)}", exchange.id, "/error_uri")]


def challenge_for_basic(requirement: str, exchange: Exchange) -> Findings:
    """A client that failed by the ``Authorization`` header gets 401 with ``WWW-Authenticate`` for Basic."""
    answer = exchange.answer
    challenges = ", ".join(answer.all("www-authenticate"))
    if answer.status == 401 and any(challenge.scheme == "basic" for challenge in challenges_of(exchange)):
        return []
    actual = f"status {answer.status}, " + (f"`WWW-Authenticate: {challenges}`" if challenges else "no `WWW-Authenticate`")
    return [Finding(requirement, "status 401 with `WWW-Authenticate: Basic`", actual, exchange.id, "header: WWW-Authenticate")]


def no_internals(requirement: str, exchange: Exchange) -> Findings:
    """An error answer tells nothing of the server's inside."""
    match = _INTERNALS.search(exchange.answer.text[:200_000])
    if match is None:
        return []
    return [
        Finding(
            requirement,
            "no stack trace, class or file name",
            f"the body holds {show(match[0].strip()[:80])}",
            exchange.id,
            "body",
            kind=Kind.HYGIENE,
            severity=Outcome.WARNING,
        )
    ]


def clear_refusal(requirement: str, exchange: Exchange) -> Findings:
    """A refusal is an answer the client can act on: not 5xx, not an empty body."""
    answer = exchange.answer
    if 400 <= answer.status < 500:
        return []
    return [
        Finding(
            requirement,
            "a refusal with a status of the 4xx family",
            f"status {answer.status}",
            exchange.id,
            "status",
            kind=Kind.HYGIENE,
            severity=Outcome.WARNING,
        )
    ]


def one_winner(requirement: str, uses: Sequence[Exchange], what: str) -> Findings:
    """Of two requests at once one at most ends with a token in force; ``uses`` are requests with the tokens, where both brought one.

    403 is said of a token that is in force and not enough.
    """
    good = [use for use in uses if 200 <= use.answer.status < 300 or use.answer.status == 403]
    if len(good) < 2:
        return []
    actual = f"{len(good)} of them brought a token, and each token is in force"
    return [Finding(requirement, f"one token at most for two requests at once with {what}", actual, good[-1].id)]


def no_server_error(requirement: str, exchange: Exchange) -> Findings:
    """What cannot be read is the sender's fault, so the status is not of the 5xx family."""
    answer = exchange.answer
    if answer.status < 500:
        return []
    return [
        Finding(
            requirement,
            "a status below 500 for a request that cannot be read",
            f"status {answer.status}",
            exchange.id,
            "status",
            kind=Kind.HYGIENE,
            severity=Outcome.WARNING,
        )
    ]
