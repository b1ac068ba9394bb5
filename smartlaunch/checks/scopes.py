"""Checks on granted scopes: what came of what was asked (SMART 2.2 "Scopes", RFC 6749 sections 3.3 and 4.1.2.1).

The caller compares meanings and hands over scopes; these checks decide what may not be.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from smartlaunch.checks.members import Findings, advice
from smartlaunch.finding import Finding, Kind, Outcome, Side
from smartlaunch.oauth.scopes import is_clinical, parse

_DEFINED = ("invalid_request", "unauthorized_client", "access_denied")


def code_came(requirement: str, *, came: bool, actual: str, exchange: str) -> Findings:
    """A right request ends with a code; a policy, a registration or a user may stand in its way, so this is an expectation."""
    if came:
        return []
    expected = "an authorization code for a request with nothing wrong in it"
    return [Finding(requirement, expected, actual, exchange, kind=Kind.EXPECTATION, side=Side.UNDECIDED, severity=Outcome.WARNING)]


def all_granted(
    requirement: str, missing: Sequence[str], exchange: str, *, granted: Sequence[str], declared: Collection[str] = ()
) -> Findings:
    """Every scope asked for is granted; the target file may declare that some have to be."""
    return [
        Finding(
            requirement,
            f"`{scope}`, which was asked for, is granted",
            f"granted: {' '.join(granted) or 'nothing'}",
            exchange,
            "/scope",
            kind=Kind.EXPECTATION,
            side=Side.UNDECIDED,
            severity=Outcome.FAILED if scope in declared else Outcome.WARNING,
        )
        for scope in missing
    ]


def left_out_or_refused(
    requirement: str, unknown: str, *, refused: bool, error: str, granted: Sequence[str], came: str, exchange: str
) -> Findings:
    """A scope that cannot be granted is left out of the grant, or the request is refused with ``invalid_scope``.

    Other codes that a client can act on are let through where they overlap with it; an error page tells no code at all.
    """
    expected = f"`{unknown}` left out of the grant, or `error=invalid_scope`"
    if refused and (not error or error == "invalid_scope" or error in _DEFINED):
        return []
    if refused:
        return [Finding(requirement, expected, came, exchange, "parameter: error")]
    if unknown in granted:
        return [Finding(requirement, expected, came, exchange, "/scope")]
    if not granted:
        # RFC 6749 lets a server ignore what was asked for, and its scope value has one scope at least.
        return [Finding(requirement, expected, came, exchange, "/scope", Kind.HYGIENE, severity=Outcome.WARNING)]
    return []


def default_or_refused(requirement: str, *, refused: bool, error: str, told: bool, came: str, exchange: str) -> Findings:
    """A request without ``scope`` brings a default that is told, or ``invalid_scope``; another defined code warns only."""
    expected = "a token whose `scope` tells the default, or `error=invalid_scope`"
    if refused and (not error or error == "invalid_scope"):
        return []
    if refused and error in _DEFINED:
        return [Finding(requirement, expected, came, exchange, "parameter: error", Kind.HYGIENE, severity=Outcome.WARNING)]
    if refused or not told:
        return [Finding(requirement, expected, came, exchange, "/scope")]
    return []


def gains_nothing(requirement: str, scope: str, gained: Sequence[str], *, granted: Sequence[str], exchange: str) -> Findings:
    """A scope with undefined interactions brings none that its letters do not spell and that were not granted without it.

    What the server makes of it otherwise is its choice; that it is told as granted in its undefined form warns.
    """
    found: Findings = []
    if gained:
        found.append(
            Finding(requirement, f"no interactions from the undefined `{scope}`", f"it brought {' '.join(gained)}", exchange, "/scope")
        )
    if scope in granted:
        words = f"the undefined `{scope}` ignored, replaced or rejected"
        found += advice([Finding(requirement, words, "it is granted", exchange, "/scope")])
    return found


def covers(requirement: str, scope: str, *, covered: bool, granted: Sequence[str], exchange: str) -> Findings:
    """A scope of a form that the server claims to support is granted to an app that is registered for it."""
    if covered:
        return []
    return [Finding(requirement, f"`{scope}` granted", f"granted: {' '.join(granted) or 'nothing'}", exchange, "/scope")]


def covers_parameter(requirement: str, scope: str, *, covered: bool, promised: bool, granted: Sequence[str], exchange: str) -> Findings:
    """A scope with a search parameter is granted; no parameter is mandatory, so only one that is named beforehand fails."""
    found = covers(requirement, scope, covered=covered, granted=granted, exchange=exchange)
    return found if promised else advice(found)


def listed_but_withheld(requirement: str, scope: str, *, covered: bool, granted: Sequence[str], exchange: str) -> Findings:
    """A published scope is granted to an app that is registered for it; a refusal warns.

    That a server supports a scope does not say that it grants it to this app and this user; see docs/decisions/scopes-supported.md.
    """
    found = covers(requirement, scope, covered=covered, granted=granted, exchange=exchange)
    return advice(found)


def some_granted(requirement: str, wanted: Sequence[str], missing: Sequence[str], *, granted: Sequence[str], exchange: str) -> Findings:
    """At least one of the scopes of a level is granted; a grant of none of them is no support of the level."""
    if len(missing) < len(wanted):
        return []
    return [Finding(requirement, f"one of {' '.join(wanted)} granted", f"granted: {' '.join(granted) or 'nothing'}", exchange, "/scope")]


def syntax_kept(requirement: str, versions: Sequence[tuple[str, int]], version: int, exchange: str) -> Findings:
    """Scopes asked for and granted in one version come back in its syntax."""
    other = [scope for scope, number in versions if number not in (0, version)]
    if not other:
        return []
    return [Finding(requirement, f"scopes in the syntax of version {version}", f"`{'`, `'.join(other)}`", exchange, "/scope")]


def not_granted(requirement: str, scope: str, *, covered: bool, granted: Sequence[str], exchange: str) -> Findings:
    """What the user left out at the consent page is not granted."""
    if not covered:
        return []
    return [Finding(requirement, f"no `{scope}`, which the user left out", f"granted: {' '.join(granted)}", exchange, "/scope")]


def published_forms(requirement: str, listed: Sequence[str], exchange: str) -> Findings:
    """Each listed scope on FHIR data follows the syntax of the guide; an own form warns, as the server may support it."""
    wrong = [scope for scope in listed if is_clinical(scope) and parse(scope) is None]
    if not wrong:
        return []
    words = "scopes of the syntax that the guide defines, or names of the server's own"
    return advice([Finding(requirement, words, f"`{'`, `'.join(wrong[:5])}`", exchange, "/scopes_supported")])
