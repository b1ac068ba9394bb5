"""SMART clinical scopes: grammar of both versions, their meaning, and what covers what.

The guide, "Scopes for requesting FHIR Resources": version 1 ``.read`` means ``.rs``, ``.write`` means ``.cud`` and ``.*`` means
``.cruds``. Meanings are compared here, never strings, so a server that answers in the other form is not blamed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl

LEVELS = ("patient", "user", "system")
IDENTITY = ("openid", "fhirUser", "profile", "email", "address", "phone")
"""Scopes of OpenID Connect and of the guide that tell who the user is."""
REFRESH = ("offline_access", "online_access")
"""Scopes that bring a refresh token."""
_LEVEL = re.compile(rf"^({'|'.join(LEVELS)})/")
_CLINICAL = re.compile(_LEVEL.pattern + r"(\*|[A-Z][A-Za-z]*)\.([a-z*]+)(?:\?(.+))?$")
V1_MEANS = {"read": "rs", "write": "cud", "*": "cruds"}
_V2 = re.compile(r"^c?r?u?d?s?$")
_TOKEN = re.compile(r"^[\x21\x23-\x5b\x5d-\x7e]+$")
CONTEXT = re.compile(r"^launch(/[a-z][A-Za-z]*(\?role=.+)?)?$")


@dataclass(frozen=True, slots=True)
class Clinical:
    """A scope on FHIR data: who (``patient`` ``user`` ``system``), type or ``*``, interactions out of ``cruds``, parameters."""

    level: str
    resource: str
    interactions: frozenset[str]
    parameters: frozenset[tuple[str, str]] = frozenset()
    version: int = 2

    def covers(self, other: Clinical) -> bool:
        """Whether everything the other scope allows is allowed by this one."""
        return (
            self.level == other.level
            and self.resource in ("*", other.resource)
            and self.interactions >= other.interactions
            and self.parameters <= other.parameters
        )


def split(value: object) -> list[str]:
    """The scopes of a ``scope`` string in order; anything but a string has none."""
    return value.split() if isinstance(value, str) else []


def well_formed(value: str) -> bool:
    """Whether a ``scope`` string follows RFC 6749 section 3.3: tokens of the listed characters, one space between."""
    return bool(value) and all(_TOKEN.match(part) for part in value.split(" "))


def parse(scope: str) -> Clinical | None:
    """A clinical scope's meaning, or None for other scopes and for interactions the guide does not define."""
    match = _CLINICAL.match(scope)
    if not match:
        return None
    level, resource, letters, query = match.groups()
    if letters in V1_MEANS and not query:
        return Clinical(level, resource, frozenset(V1_MEANS[letters]), version=1)
    if not _V2.match(letters):
        return None
    return Clinical(level, resource, frozenset(letters), frozenset(parse_qsl(query or "", keep_blank_values=True)))


def is_clinical(scope: str) -> bool:
    """Whether a scope asks for FHIR data by how it begins, well formed or not."""
    return _LEVEL.match(scope) is not None


def is_ill_formed(scope: str) -> bool:
    """Whether a scope begins as one on FHIR data and goes on as none that the guide knows."""
    return is_clinical(scope) and parse(scope) is None


def version_of(scope: str) -> int:
    """1 or 2 for a clinical scope, 0 for any other; ``.*`` without more is version 1."""
    parsed = parse(scope)
    return parsed.version if parsed else 0


def missing(requested: Iterable[str], granted: Iterable[str]) -> list[str]:
    """Requested scopes whose meaning the granted ones do not cover together.

    A clinical scope counts as granted when the union of granted scopes covers each of its interactions.
    """
    have = list(granted)
    return [scope for scope in requested if not covered(scope, have)]


def covered(scope: str, granted: Iterable[str]) -> bool:
    """Whether the granted scopes together allow all that the scope means."""
    have = list(granted)
    if scope in have:
        return True
    wanted = parse(scope)
    if wanted is None:
        return False
    return all(
        any(
            mine.covers(Clinical(wanted.level, wanted.resource, frozenset(letter), wanted.parameters))
            for mine in map(parse, have)
            if mine is not None
        )
        for letter in wanted.interactions
    )


def added(requested: Iterable[str], granted: Iterable[str]) -> list[str]:
    """Granted scopes whose meaning goes beyond what was requested."""
    asked = list(requested)
    return [scope for scope in granted if not covered(scope, asked)]


def allows(granted: Iterable[str], level: str, resource: str, interaction: str) -> bool:
    """Whether the granted scopes allow an interaction (one of ``cruds``) on a type without any parameter limit."""
    return covered(f"{level}/{resource}.{interaction}", granted)


def other_version(scope: str) -> str:
    """The same meaning in the other version's words, or the scope itself where there are none."""
    back = {"".join(sorted(v, key="cruds".index)): k for k, v in V1_MEANS.items()}
    parsed = parse(scope)
    if parsed is None or parsed.parameters:
        return scope
    letters = "".join(sorted(parsed.interactions, key="cruds".index))
    if parsed.version == 1:
        return f"{parsed.level}/{parsed.resource}.{letters}"
    return f"{parsed.level}/{parsed.resource}.{back[letters]}" if letters in back else scope
