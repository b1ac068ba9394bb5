"""Checks on the revocation endpoint (RFC 7009): its answers, and what revoked tokens are still good for."""

from __future__ import annotations

from smartlaunch.checks import fhir_refusal, token_error
from smartlaunch.checks.fhir_answer import describe, granted_read
from smartlaunch.checks.members import Findings, show
from smartlaunch.checks.token_error import TOKEN_ERRORS
from smartlaunch.errors import Blocked
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Finding


def answers_200(requirement: str, exchange: Exchange, what: str) -> Findings:
    """A revocation is answered with 200."""
    status = exchange.answer.status
    if status == 200:
        return []
    error = exchange.answer.object.get("error")
    actual = f"status {status}" + (f", `error` is {show(error)}" if error is not None else "")
    return [Finding(requirement, f"status 200 for {what}", actual, exchange.id, "status")]


def takes_form(requirement: str, exchange: Exchange) -> Findings:
    """A POST form with ``token`` is taken, with whatever status of success."""
    status = exchange.answer.status
    if 200 <= status < 300:
        return []
    return [Finding(requirement, "success for a POST form with `token`", f"status {status}", exchange.id, "status")]


def taken_despite_hint(requirement: str, exchange: Exchange) -> Findings:
    """A revocation that is taken without a hint, or with the right one, is not refused for another hint."""
    error = exchange.answer.object.get("error")
    actual = f"status {exchange.answer.status}" + (f", `error` is {show(error)}" if error is not None else "")
    return [Finding(requirement, "a revocation, as with the right hint", actual, exchange.id, "status")]


def read_is_refused(requirement: str, read: Exchange, why: str = "as the access token was revoked") -> Findings:
    """The FHIR server refuses an access token that was revoked; what is neither data nor a status 4xx warns."""
    if not 200 <= read.answer.status < 300:
        return fhir_refusal.clear_refusal("HYGIENE-refusal-form", read)
    return [Finding(requirement, f"status 401, {why}", describe(read), read.id, "status")]


def read_is_answered(requirement: str, read: Exchange, who: str) -> Findings:
    """The FHIR server goes on to accept an access token that the wrong party wanted to revoke."""
    if granted_read(read):
        return []
    return [Finding(requirement, f"a token that stays in force, as {who} asked for its end", describe(read), read.id, "status")]


def refresh_is_refused(requirement: str, exchange: Exchange, what: str = "that was revoked") -> Findings:
    """A refresh token that was revoked brings no token."""
    return token_error.no_token(requirement, exchange, f"a refresh token {what}")


def refresh_is_answered(requirement: str, exchange: Exchange, who: str) -> Findings:
    """A refresh token that the wrong party wanted to revoke goes on to bring tokens."""
    if exchange.answer.object.get("access_token"):
        return []
    error = exchange.answer.object.get("error")
    actual = f"status {exchange.answer.status}" + (f", `error` is {show(error)}" if error is not None else "")
    return [Finding(requirement, f"a refresh token that stays in force, as {who} asked for its end", actual, exchange.id, "status")]


def is_refused(requirement: str, exchange: Exchange, who: str) -> Findings:
    """A request of somebody who did not authenticate is refused, and says so (RFC 7009 section 2.1).

    ``Blocked`` where nothing was refused, since nothing took the request. A status 5xx warns: the server stumbled over it.
    """
    status = exchange.answer.status
    if not 200 <= status < 300:
        if reason := token_error.no_refusal(exchange):
            raise Blocked(reason, waited_for="a refusal of the revocation endpoint: status 400 or 401")
        return token_error.clear_refusal("HYGIENE-refusal-form", exchange)
    return [Finding(requirement, f"a refusal of {who}, as RFC 6749 section 5.2 has it", f"status {status}", exchange.id, "status")]


def defined_error(requirement: str, exchange: Exchange) -> Findings:
    """A refusal names an error of RFC 6749 section 5.2 or ``unsupported_token_type``; names with a colon are extensions."""
    answer = exchange.answer
    if 200 <= answer.status < 300 or answer.status >= 500:
        return []
    error = answer.object.get("error")
    words = "a JSON object with an `error` of RFC 6749 section 5.2 or `unsupported_token_type`"
    if not isinstance(error, str) or not error:
        actual = f"status {answer.status}, " + (answer.json_error or "no `error`")
        return [Finding(requirement, words, actual, exchange.id, "/error")]
    if error in TOKEN_ERRORS or ":" in error:
        return []
    return [Finding(requirement, words, f"it is {show(error)}", exchange.id, "/error")]
