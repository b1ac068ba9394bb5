"""What a search parameter means: which values of a resource it looks at and when they match.

Granular scopes use the same meaning, so a scope and a search can never disagree about a category.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

Resource = dict[str, Any]

_COMMON: dict[str, tuple[str, str]] = {"_id": ("id", "id"), "_lastUpdated": ("date", "meta.lastUpdated")}

# For each type and search parameter: its kind, and the path of the values it looks at.
PARAMETERS: dict[str, dict[str, tuple[str, str]]] = {
    "AllergyIntolerance": {
        "patient": ("reference", "patient"),
        "code": ("token", "code"),
        "category": ("token", "category"),
        "clinical-status": ("token", "clinicalStatus"),
        "criticality": ("token", "criticality"),
    },
    "Basic": {"code": ("token", "code"), "subject": ("reference", "subject"), "patient": ("reference", "subject")},
    "Condition": {
        "identifier": ("token", "identifier"),
        "patient": ("reference", "subject"),
        "subject": ("reference", "subject"),
        "encounter": ("reference", "encounter"),
        "category": ("token", "category"),
        "code": ("token", "code"),
        "clinical-status": ("token", "clinicalStatus"),
        "onset-date": ("date", "onsetDateTime"),
    },
    "DocumentReference": {
        "patient": ("reference", "subject"),
        "subject": ("reference", "subject"),
        "type": ("token", "type"),
        "category": ("token", "category"),
        "status": ("token", "status"),
        "date": ("date", "date"),
        "author": ("reference", "author"),
    },
    "Encounter": {
        "patient": ("reference", "subject"),
        "subject": ("reference", "subject"),
        "class": ("token", "class"),
        "status": ("token", "status"),
        "date": ("date", "period"),
        "participant": ("reference", "participant.individual"),
        "location": ("reference", "location.location"),
    },
    "Location": {"name": ("string", "name"), "status": ("token", "status"), "organization": ("reference", "managingOrganization")},
    "MedicationRequest": {
        "patient": ("reference", "subject"),
        "subject": ("reference", "subject"),
        "encounter": ("reference", "encounter"),
        "status": ("token", "status"),
        "intent": ("token", "intent"),
        "code": ("token", "medicationCodeableConcept"),
        "authoredon": ("date", "authoredOn"),
        "requester": ("reference", "requester"),
    },
    "Observation": {
        "identifier": ("token", "identifier"),
        "patient": ("reference", "subject"),
        "subject": ("reference", "subject"),
        "encounter": ("reference", "encounter"),
        "category": ("token", "category"),
        "code": ("token", "code"),
        "status": ("token", "status"),
        "date": ("date", "effectiveDateTime"),
    },
    "Organization": {"name": ("string", "name"), "identifier": ("token", "identifier")},
    "Patient": {
        "identifier": ("token", "identifier"),
        "name": ("string", "name"),
        "family": ("string", "name.family"),
        "given": ("string", "name.given"),
        "gender": ("token", "gender"),
        "birthdate": ("date", "birthDate"),
        "general-practitioner": ("reference", "generalPractitioner"),
        "organization": ("reference", "managingOrganization"),
    },
    "Practitioner": {"identifier": ("token", "identifier"), "name": ("string", "name"), "family": ("string", "name.family")},
    "PractitionerRole": {
        "practitioner": ("reference", "practitioner"),
        "organization": ("reference", "organization"),
        "specialty": ("token", "specialty"),
        "location": ("reference", "location"),
    },
    "RelatedPerson": {"patient": ("reference", "patient"), "name": ("string", "name"), "relationship": ("token", "relationship")},
}

RESULT_PARAMETERS = frozenset(
    {"_count", "_elements", "_format", "_include", "_offset", "_pretty", "_revinclude", "_sort", "_summary", "_total", "_type"}
)
_DATE = re.compile(r"(eq|ne|gt|ge|lt|le|sa|eb|ap)?(\d{4}(?:-\d\d(?:-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?)?)?)")


class BadSearch(ValueError):
    """A search parameter whose value cannot be understood."""


def definition(resource_type: str, name: str) -> tuple[str, str] | None:
    """Return kind and path of a search parameter, or None when this server does not know it for the type."""
    return PARAMETERS.get(resource_type, {}).get(name) or _COMMON.get(name)


def reference_names(resource_type: str) -> list[str]:
    """Name the reference parameters of a type, which are what `_include` can follow."""
    return [name for name, (kind, _) in PARAMETERS.get(resource_type, {}).items() if kind == "reference"]


def references(resource: Resource, name: str) -> list[str]:
    """Return the references a resource holds under a reference parameter."""
    found = definition(str(resource["resourceType"]), name)
    if found is None or found[0] != "reference":
        return []
    return [str(value["reference"]) for value in _values(resource, found[1]) if isinstance(value, dict) and "reference" in value]


def matches(resource: Resource, name: str, value: str, base_url: str) -> bool:
    """Tell whether a resource matches one search parameter; an unknown parameter matches nothing."""
    plain, _, modifier = name.partition(":")
    found = definition(str(resource["resourceType"]), plain)
    if found is None:
        return False
    kind, path = found
    values = list(_values(resource, path))
    if modifier == "missing":
        return (not values) is (value == "true")
    alternatives = _split(value)
    if kind == "date":
        return any(_date_matches(item, wanted) for item in values for wanted in alternatives)
    if kind == "id":
        return resource["id"] in alternatives
    if kind == "string":
        return any(_string_matches(text, wanted, modifier) for text in _texts(values) for wanted in alternatives)
    if kind == "reference":
        only_type = modifier if modifier[:1].isupper() else ("Patient" if plain == "patient" else "")
        return any(_reference_matches(item, wanted, only_type, base_url) for item in values for wanted in alternatives)
    hit = any(_token_matches(item, wanted) for item in values for wanted in alternatives)
    return not hit if modifier == "not" else hit


def _split(value: str) -> list[str]:
    return [part.replace("\\,", ",") for part in re.split(r"(?<!\\),", value)]


def _values(node: Any, path: str) -> Iterator[Any]:
    head, _, rest = path.partition(".")
    found = node.get(head) if isinstance(node, dict) else None
    for item in found if isinstance(found, list) else [] if found is None else [found]:
        if rest:
            yield from _values(item, rest)
        else:
            yield item


def _texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from _texts(value.get(key, "") for key in ("family", "text"))
            yield from _texts(value.get("given", []))


def _string_matches(text: str, wanted: str, modifier: str) -> bool:
    if modifier == "exact":
        return text == wanted
    if modifier == "contains":
        return wanted.lower() in text.lower()
    return text.lower().startswith(wanted.lower())


def _tokens(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, bool):
        yield "", str(value).lower()
    elif isinstance(value, str):
        yield "", value
    elif isinstance(value, dict):
        if "coding" in value or "text" in value:
            for coding in value.get("coding", []):
                yield from _tokens(coding)
        else:
            yield str(value.get("system", "")), str(value.get("code", value.get("value", "")))


def _token_matches(value: Any, wanted: str) -> bool:
    system, bar, code = wanted.rpartition("|")
    for have_system, have_code in _tokens(value):
        if code and code != have_code:
            continue
        if not bar or system == have_system:
            return True
    return False


def _reference_matches(value: Any, wanted: str, only_type: str, base_url: str) -> bool:
    have = value.get("reference", "") if isinstance(value, dict) else ""
    have, wanted = have.removeprefix(f"{base_url}/"), wanted.removeprefix(f"{base_url}/")
    if only_type and not have.startswith(f"{only_type}/"):
        return False
    return have == wanted or ("/" not in wanted and have.rpartition("/")[2] == wanted)


def _period(text: str) -> tuple[datetime, datetime]:
    """Return the first moment a FHIR date means, and the first moment after it."""
    if len(text) == 4:
        return datetime(int(text), 1, 1, tzinfo=UTC), datetime(int(text) + 1, 1, 1, tzinfo=UTC)
    if len(text) == 7:
        year, month = int(text[:4]), int(text[5:7])
        return datetime(year, month, 1, tzinfo=UTC), datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    start = datetime.fromisoformat(text)
    if start.tzinfo is None:
        start = start.replace(tzinfo=UTC)
    length = timedelta(days=1) if len(text) == 10 else timedelta(minutes=1) if text.count(":") == 1 else timedelta(seconds=1)
    return start, start + length


def _date_matches(value: Any, wanted: str) -> bool:
    match = _DATE.fullmatch(wanted)
    if match is None:
        raise BadSearch(f"{wanted} is no date")
    try:
        low, high = _period(match[2])
        if isinstance(value, dict):
            start = _period(value["start"])[0] if "start" in value else datetime.min.replace(tzinfo=UTC)
            end = _period(value["end"])[1] if "end" in value else datetime.max.replace(tzinfo=UTC)
        else:
            start, end = _period(str(value))
    except (ValueError, OverflowError) as error:
        raise BadSearch(f"{wanted} is no date") from error
    within = low <= start and end <= high
    return {
        "eq": within,
        "ne": not within,
        "gt": end > high,
        "ge": end > high or within,
        "lt": start < low,
        "le": start < low or within,
        "sa": start >= high,
        "eb": end <= low,
        "ap": start < high and end > low,
    }[match[1] or "eq"]
