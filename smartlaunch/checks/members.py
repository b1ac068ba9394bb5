"""Checks on single members and headers that many documents share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from smartlaunch.addresses import is_loopback
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Finding, Kind, Outcome, Side

Findings = list[Finding]
_MISSING = object()


def age(exchange: Exchange) -> float:
    """For how many seconds a cache has kept an answer, as its ``Age`` header tells (RFC 9111 section 5.1)."""
    value = (exchange.answer.header("age") or "").strip()
    return float(value) if value.isascii() and value.isdigit() else 0.0


def skew(exchange: Exchange) -> float:
    """By how many seconds the server's clock is ahead of ours, as its ``Date`` header tells; 0 without one."""
    try:
        theirs = parsedate_to_datetime(exchange.answer.header("date") or "")
    except (TypeError, ValueError):
        return 0.0
    theirs = theirs if theirs.tzinfo is not None else theirs.replace(tzinfo=UTC)
    seconds = (theirs - exchange.started).total_seconds() - exchange.duration_ms / 1000 + age(exchange)
    return seconds if abs(seconds) > 1 else 0.0


def advice(findings: Findings) -> Findings:
    """The same statements as good practice: the sentence may be read so that it does not go as far, so they warn at most."""
    return [replace(finding, kind=Kind.HYGIENE, severity=Outcome.WARNING) for finding in findings]


def charset_changes_nothing(requirement: str, plain: Exchange, named: Exchange, *members: str) -> Findings:
    """A form whose media type names its charset is answered as one without: with one status, and one value of the members."""
    want, got = plain.answer, named.answer
    if want.status == got.status and all(same(want.object.get(name), got.object.get(name)) for name in members):
        return []
    and_members = "".join(f" and the same `{name}`" for name in members)
    told = "".join(f", `{name}` is {show(got.object.get(name))}" for name in members)
    words = f"status {want.status}{and_members}, as without `charset`"
    return [Finding(requirement, words, f"status {got.status}{told}", named.id, "header: Content-Type")]


def same(one: object, two: object) -> bool:
    """Whether two JSON values are equal; the order of an array says nothing here."""
    if isinstance(one, list) and isinstance(two, list):
        rest = list(two)
        for item in one:
            match = next((number for number, other in enumerate(rest) if same(item, other)), None)
            if match is None:
                return False
            rest.pop(match)
        return not rest
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(same(one[name], two[name]) for name in one)
    return type(one) is type(two) and one == two


def show(value: object) -> str:
    """A value for people: JSON-like, cut to 120 characters."""
    import json

    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."


def absolute_url(value: object) -> str:
    """Why a value is not an absolute http(s) URL, or an empty string."""
    if not isinstance(value, str):
        return f"{show(value)} is not a string"
    if value != value.strip() or not value or re.search(r"[\s<>\"{}|\\^`]", value):
        return f"{show(value)} is blank or has characters that no URL has"
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return f"{show(value)} is not a URL"
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        return f"{show(value)} is not an absolute http(s) URL"
    return ""


def secure_url(value: object) -> str:
    """Why a value is not an https URL (http on loopback is let through), or an empty string."""
    problem = absolute_url(value)
    if problem:
        return problem
    parts = urlsplit(str(value))
    return "" if parts.scheme.lower() == "https" or is_loopback(parts.hostname or "") else f"{show(value)} does not use TLS"


def objects_in(exchange: Exchange, name: str) -> list[tuple[int, dict[str, Any]]]:
    """The objects of an array in the body, each with its place; anything but an array has none."""
    value = exchange.answer.object.get(name)
    return [(number, item) for number, item in enumerate(value) if isinstance(item, dict)] if isinstance(value, list) else []


def issuer_url(value: object) -> str:
    """Why a value cannot be an issuer, an https URL (http on loopback is let through) without query and fragment; else an empty string."""
    problem = secure_url(value)
    return problem or (f"{show(value)} has a query or fragment" if any(mark in str(value) for mark in "?#") else "")


def string(value: object) -> str:
    """Why a value is not a non-blank string, or an empty string."""
    if not isinstance(value, str):
        return f"{show(value)} is not a string"
    return "" if value.strip() else "it is blank"


def strings(value: object) -> str:
    """Why a value is not an array of non-blank strings, or an empty string."""
    if not isinstance(value, list):
        return f"{show(value)} is not an array"
    wrong = [v for v in value if not isinstance(v, str) or not v.strip()]
    return f"it holds {show(wrong[0])}, which is not a non-blank string" if wrong else ""


def some_strings(value: object) -> str:
    """Why a value is not an array of at least one non-blank string, or an empty string."""
    return strings(value) or ("" if value else "it is an empty array")


def mapping(value: object) -> str:
    """Why a value is not a JSON object, or an empty string."""
    return "" if isinstance(value, dict) else f"{show(value)} is not an object"


def boolean(value: object) -> str:
    """Why a value is not a JSON boolean, or an empty string."""
    return "" if isinstance(value, bool) else f"{show(value)} is not a boolean"


def number(value: object) -> str:
    """Why a value is not a JSON number, or an empty string."""
    return "" if isinstance(value, (int, float)) and not isinstance(value, bool) else f"{show(value)} is not a number"


def absent(exchange: Exchange) -> str:
    """Why a member is not there: it is absent, or there is no JSON object that could have it."""
    answer = exchange.answer
    return "it is absent" if isinstance(answer.json, dict) else f"there is no JSON object: {answer.json_error or show(answer.json)}"


def require_member(
    requirement: str,
    document: Mapping[str, Any],
    name: str,
    rule: Callable[[object], str],
    exchange: Exchange,
    *,
    required: bool,
    words: str,
    side: Side = Side.AUTHORIZATION_SERVER,
) -> Findings:
    """One member: present where it must be, and of the right form wherever it is."""
    value = document.get(name, _MISSING)
    if value is _MISSING:
        return [Finding(requirement, f"`{name}`: {words}", absent(exchange), exchange.id, f"/{name}", side=side)] if required else []
    problem = rule(value)
    return [Finding(requirement, f"`{name}`: {words}", problem, exchange.id, f"/{name}", side=side)] if problem else []


def require_header(requirement: str, exchange: Exchange, name: str, directive: str, *, side: Side = Side.AUTHORIZATION_SERVER) -> Findings:
    """A header that holds a directive among others, in any case of letters."""
    values = exchange.answer.all(name)
    found = {part.strip().lower().split("=")[0] for value in values for part in value.split(",")}
    if directive.lower() in found:
        return []
    actual = f"`{name}: {', '.join(values)}`" if values else f"no `{name}` header"
    return [Finding(requirement, f"`{name}: {directive}`", actual, exchange.id, f"header: {name}", side=side)]


def media_type(requirement: str, exchange: Exchange, *accepted: str, side: Side = Side.AUTHORIZATION_SERVER) -> Findings:
    """The media type, whatever its parameters."""
    actual = exchange.answer.media_type
    if actual in accepted:
        return []
    return [
        Finding(
            requirement,
            f"`Content-Type: {' or '.join(accepted)}`",
            f"`{exchange.answer.header('content-type') or 'no Content-Type'}`",
            exchange.id,
            "header: Content-Type",
            side=side,
        )
    ]


def status(requirement: str, exchange: Exchange, *accepted: int, side: Side = Side.AUTHORIZATION_SERVER) -> Findings:
    """The status of an answer."""
    actual = exchange.answer.status
    if actual in accepted:
        return []
    return [Finding(requirement, f"status {' or '.join(map(str, accepted))}", f"status {actual}", exchange.id, "status", side=side)]
