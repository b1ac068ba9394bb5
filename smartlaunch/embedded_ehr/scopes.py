"""SMART scopes for FHIR resources: their syntax, their meaning, and the words a person reads for them.

A scope has a level (`patient`, `user`, `system`), a resource type or `*`, the interactions it allows, and in the second version of the
syntax any number of search parameters. Both versions parse to one shape, so the rest of the server knows only one meaning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Iterable

CREATE, READ, UPDATE, DELETE, SEARCH = "c", "r", "u", "d", "s"
INTERACTIONS = "cruds"

_V1_MEANING = {"read": "rs", "write": "cud", "*": "cruds"}
_SCOPE = re.compile(
    r"(?P<level>patient|user|system)/(?P<type>\*|[A-Z][A-Za-z]*)"
    r"\.(?:(?P<v1>read|write|\*)|(?P<v2>(?=[cruds])c?r?u?d?s?)(?:\?(?P<query>[!#-\[\]-~]+))?)"
)

_TYPE_WORDS = {
    "*": "everything in the record",
    "AllergyIntolerance": "allergies and intolerances",
    "Basic": "settings this app keeps here",
    "Condition": "problems and diagnoses",
    "DocumentReference": "clinical documents",
    "Encounter": "visits",
    "Location": "places of care",
    "MedicationRequest": "prescriptions",
    "Observation": "measurements and results",
    "Organization": "organisations",
    "Patient": "name, birth date and contact details",
    "Practitioner": "clinicians",
    "PractitionerRole": "the roles of clinicians",
    "RelatedPerson": "relatives and carers",
}
_OTHER_WORDS = {
    "openid": "Know who you are when you sign in",
    "fhirUser": "See your own user profile",
    "profile": "See your own user profile",
    "launch": "Know which chart is open",
    "launch/patient": "Ask which patient to work with",
    "launch/encounter": "Ask which visit to work with",
    "offline_access": "Stay connected when you are signed out",
    "online_access": "Stay connected while you are signed in",
}
_CATEGORY_WORDS = {
    "laboratory": "laboratory results",
    "vital-signs": "vital signs",
    "encounter-diagnosis": "diagnoses of visits",
    "problem-list-item": "problem list",
}


@dataclass(frozen=True, slots=True)
class ResourceScope:
    """One scope that gives access to FHIR resources, in whichever version it was written."""

    text: str
    level: str
    resource_type: str
    interactions: frozenset[str]
    parameters: tuple[tuple[str, str], ...] = field(default=())
    version: int = 2

    def covers_type(self, resource_type: str) -> bool:
        """Tell whether the scope speaks of this resource type."""
        return self.resource_type in ("*", resource_type)

    def allows(self, interaction: str, resource_type: str) -> bool:
        """Tell whether type and interaction are allowed; the search parameters are judged elsewhere, on the resource."""
        return interaction in self.interactions and self.covers_type(resource_type)


def parse_resource_scope(text: str) -> ResourceScope | None:
    """Parse one scope; None when it is no scope for FHIR resources or its interactions are out of order."""
    match = _SCOPE.fullmatch(text)
    if match is None:
        return None
    if match["v1"]:
        return ResourceScope(text, match["level"], match["type"], frozenset(_V1_MEANING[match["v1"]]), version=1)
    parameters = tuple(parse_qsl(match["query"], keep_blank_values=True)) if match["query"] else ()
    return ResourceScope(text, match["level"], match["type"], frozenset(match["v2"]), parameters)


def resource_scopes(scopes: Iterable[str]) -> tuple[ResourceScope, ...]:
    """Keep the scopes for FHIR resources, in their order."""
    parsed = (parse_resource_scope(scope) for scope in scopes)
    return tuple(scope for scope in parsed if scope is not None)


def covers(wide: str, narrow: str) -> bool:
    """Tell whether everything the second scope allows is allowed by the first, whatever the version of either."""
    if wide == narrow:
        return True
    outer, inner = parse_resource_scope(wide), parse_resource_scope(narrow)
    if outer is None or inner is None:
        return False
    if outer.level != inner.level or not inner.interactions <= outer.interactions:
        return False
    if outer.resource_type not in ("*", inner.resource_type):
        return False
    return set(outer.parameters) <= set(inner.parameters)


def covered(scope: str, by: Iterable[str]) -> bool:
    """Tell whether a scope lies within the union of others, counting the interactions of several scopes together."""
    others = tuple(by)
    if any(covers(wide, scope) for wide in others):
        return True
    inner = parse_resource_scope(scope)
    if inner is None:
        return False
    joined: set[str] = set()
    for outer in resource_scopes(others):
        same = outer.level == inner.level and outer.covers_type(inner.resource_type)
        if same and (outer.resource_type == "*" or inner.resource_type != "*") and set(outer.parameters) <= set(inner.parameters):
            joined |= outer.interactions
    return inner.interactions <= joined


def as_version_2(text: str) -> str:
    """Rewrite a scope of the first version in the second; anything else comes back as it is."""
    scope = parse_resource_scope(text)
    if scope is None or scope.version != 1:
        return text
    letters = "".join(letter for letter in INTERACTIONS if letter in scope.interactions)
    return f"{scope.level}/{scope.resource_type}.{letters}"


def in_words(text: str) -> str:
    """Say in plain words what a scope allows, for the consent page."""
    known = _OTHER_WORDS.get(text)
    if known:
        return known
    scope = parse_resource_scope(text)
    if scope is None:
        return f"Use the extension {text}"
    what = _TYPE_WORDS.get(scope.resource_type, f"{scope.resource_type} resources")
    categories = [value.rpartition("|")[2] for name, value in scope.parameters if name == "category"]
    if categories:
        what = " and ".join(_CATEGORY_WORDS.get(category, f"{what} of category {category}") for category in categories)
    elif scope.parameters:
        what += " (" + ", ".join(f"{name} is {value}" for name, value in scope.parameters) + ")"
    whose = {"patient": "of this patient", "user": "you can see", "system": "in the whole system"}[scope.level]
    return f"{_verbs(scope.interactions)} {what} {whose}"


def _verbs(interactions: frozenset[str]) -> str:
    verbs = []
    if interactions & {READ, SEARCH}:
        verbs.append("find" if READ not in interactions else "see")
    if CREATE in interactions:
        verbs.append("add")
    if UPDATE in interactions:
        verbs.append("change")
    if DELETE in interactions:
        verbs.append("delete")
    text = verbs[0] if len(verbs) == 1 else f"{', '.join(verbs[:-1])} and {verbs[-1]}"
    return text.capitalize()
