"""Scopes as people and servers write them.

A scope list comes as a parameter, as JSON, or inside a sentence that lists some and cuts the rest. ``ScopeList`` keeps both what
was read and whether the list is whole, because a scope missing from a cut list was not necessarily dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from smartlaunch.oauth import scopes as grammar


class Kind(StrEnum):
    """What a scope is for, as far as its spelling shows."""

    V1 = "v1"
    V2 = "v2"
    LAUNCH = "launch"
    IDENTITY = "identity"
    ACCESS = "access"
    ILL_FORMED = "ill-formed"
    FOREIGN = "foreign"


_LAUNCH = re.compile(r"^launch(/[a-z][a-zA-Z-]*(\?.*)?)?$")
_IDENTITY = frozenset({*grammar.IDENTITY, "sub"})
_DOTTED = re.compile(r"^(patient|user|system)\.([A-Z][A-Za-z]*|\*|all)\.(read|write|\*|[cruds]+)$")
_IN_PROSE = re.compile(
    r"(?<![\w/.:-])(?:(?:patient|user|system)[/.](?:[A-Z][A-Za-z]*|\*|X)\.(?:\*|[A-Za-z]+)(?:\?[^\s,;\"')]+)?"
    r"|launch/[A-Za-z][A-Za-z.]*|launch(?![\w/.:-])|openid|fhirUser|profile|email|offline_access|online_access)(?![\w/-])"
)
_CUT = re.compile(r"\.\.\.|…|\bcut\b|not shown|list (?:is )?cut|truncated|past the cut|\betc\b|and so on|\(very long list\)", re.IGNORECASE)
_NOT_GRANTED = re.compile(
    r"\b(?:no|not|without|lacks|lacking|missing|minus|except)\s+(?:the\s+|any\s+)?(\.[a-z*]+|[\w/.*]+)", re.IGNORECASE
)
_ABSENT = re.compile(
    r"([\w/.*]+)\s+(?:is\s+|was\s+|are\s+)?(?:absent|missing|not (?:granted|present|returned|included)|dropped)", re.IGNORECASE
)


def kind_of(scope: str) -> Kind:
    """Classify one scope by its spelling."""
    parsed = grammar.parse(scope)
    if parsed is not None:
        return Kind.V1 if parsed.version == 1 else Kind.V2
    if _LAUNCH.match(scope):
        return Kind.LAUNCH
    if scope in _IDENTITY:
        return Kind.IDENTITY
    if scope in grammar.REFRESH:
        return Kind.ACCESS
    if grammar.is_clinical(scope) or scope.startswith("launch/") or _DOTTED.match(scope):
        return Kind.ILL_FORMED
    return Kind.FOREIGN


def is_resource(scope: str) -> bool:
    """Whether a scope asks for FHIR data, well written or not."""
    return grammar.is_clinical(scope) or _DOTTED.match(scope) is not None


def is_dotted(scope: str) -> bool:
    """Whether a scope uses dots for slashes, as some gateways want it."""
    return _DOTTED.match(scope) is not None


def is_wildcard(scope: str) -> bool:
    """Whether a scope stands for every resource type or every right."""
    return is_resource(scope) and ("/*." in scope or ".*" in scope)


def has_resource_wildcard(scope: str) -> bool:
    """Whether a scope stands for every resource type."""
    return "/*." in scope and is_resource(scope)


def context_of(scope: str) -> str:
    """``patient``, ``user`` or ``system`` of a resource scope, else an empty string."""
    found = re.match(r"^(patient|user|system)[/.]", scope)
    return found.group(1) if found else ""


def resource_of(scope: str) -> str:
    """The resource type of a resource scope, ``*`` for all, else an empty string."""
    found = re.match(r"^(?:patient|user|system)[/.]([A-Za-z]+|\*)\.", scope)
    return found.group(1) if found else ""


def rights_of(scope: str) -> str:
    """The rights of a resource scope as v2 letters."""
    found = re.match(r"^(?:patient|user|system)/(?:[A-Za-z]+|\*)\.([a-z*]+)", scope)
    if not found:
        return ""
    return grammar.V1_MEANS.get(found.group(1), found.group(1))


_NEEDED = {"read": "r", "search": "s", "create": "c", "update": "u", "delete": "d"}


def covers(scopes: Iterable[str], resource: str, interaction: str) -> bool:
    """Whether any scope allows an interaction on a resource type."""
    letter = _NEEDED.get(interaction, "r")
    return any(resource_of(s) in (resource, "*") and letter in rights_of(s) for s in scopes)


@dataclass(frozen=True)
class ScopeList:
    """Scopes read from one place; ``whole`` is false when the source says that some were left out."""

    items: tuple[str, ...] = ()
    whole: bool = True
    absent: tuple[str, ...] = field(default=())
    """Scopes or ``.verb`` endings that the source says are not in the list."""
    comma: bool = False
    verbs: tuple[str, ...] = field(default=())
    """Bare ``.verb`` endings that the source says are in the list, as in "the .read scopes"."""

    def __contains__(self, scope: object) -> bool:
        """Whether a scope is listed by its exact spelling."""
        return scope in self.items

    @property
    def resources(self) -> list[str]:
        """The resource scopes."""
        return [s for s in self.items if is_resource(s)]

    def of(self, *kinds: Kind) -> list[str]:
        """The scopes of some kinds."""
        return [s for s in self.items if kind_of(s) in kinds]


def from_parameter(value: str) -> ScopeList:
    """Read the ``scope`` parameter of a message exactly as sent."""
    comma = "," in value
    items = [part.strip(",") for part in value.replace(",", " ").split()] if comma else value.split()
    return ScopeList(tuple(dict.fromkeys(i for i in items if i)), comma=comma)


def from_text(value: str) -> ScopeList:
    """Read scopes out of a parameter value or out of a sentence about them."""
    cut = _CUT.search(value) is not None
    words = value.split()
    plain = bool(words) and all(kind_of(w.strip(",")) is not Kind.FOREIGN for w in words)
    if plain:
        return ScopeList(from_parameter(value).items, whole=not cut, comma="," in value)
    absent: list[str] = []
    for pattern in (_NOT_GRANTED, _ABSENT):
        for found in pattern.finditer(value):
            word = found.group(1).strip(".,;()") if not found.group(1).startswith(".") else found.group(1).rstrip(",;)")
            if word.startswith(".") or kind_of(word) is not Kind.FOREIGN:
                absent.append(word)
    except_part = re.search(r"\bexcept\b([^;.(]*(?:\([^)]*\))?)", value)
    if except_part:
        absent += list(re.findall(r"[A-Z][A-Za-z]+", except_part.group(1)))
    said = [m.group(0).rstrip(".") for m in _IN_PROSE.finditer(value)]
    items = [s for s in dict.fromkeys(said) if s not in absent]
    verbs = tuple(dict.fromkeys(v for v in re.findall(r"(?<![\w/*])\.(?:read|write|rs|cruds|r|s)\b", value) if v not in absent))
    return ScopeList(
        tuple(items), whole=not cut, absent=tuple(absent), comma=bool(re.search(r"\w,\s*(?:patient|user|system)/", value)), verbs=verbs
    )
