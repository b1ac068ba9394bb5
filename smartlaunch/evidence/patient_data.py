"""FHIR resources without the people in them.

What stays is what a support desk needs to see the protocol: the type, ids, references, codes, links, totals and OperationOutcomes.
Everything else (names, addresses, dates of birth, identifiers, narrative, photos, notes, measured values) becomes one placeholder,
so that the shape of the answer can still be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

HIDDEN: Final = "<patient data>"

_OPEN_RESOURCES: Final = frozenset(
    {
        "OperationOutcome",
        "CapabilityStatement",
        "StructureDefinition",
        "OperationDefinition",
        "SearchParameter",
        "CodeSystem",
        "ValueSet",
        "ImplementationGuide",
        "TerminologyCapabilities",
        "CompartmentDefinition",
        "Subscription",
        "SubscriptionTopic",
    }
)
_PEOPLE: Final = frozenset({"Patient", "Practitioner", "RelatedPerson", "Person"})
_OPEN_MEMBERS: Final = frozenset(
    {
        "resourceType",
        "id",
        "reference",
        "system",
        "code",
        "status",
        "intent",
        "mode",
        "type",
        "total",
        "relation",
        "versionId",
        "lastUpdated",
        "profile",
        "source",
        "active",
        "version",
        "userSelected",
        "fhirVersion",
        "severity",
        "diagnostics",
        "location",
        "expression",
        "method",
        "etag",
        "url",
        "fullUrl",
    }
)
_ADDRESSES: Final = frozenset({"url", "fullUrl", "reference"})
_CODED: Final = frozenset({"system", "version", "code", "display", "userSelected"})
_NARRATIVE: Final = frozenset({"text", "div", "photo", "note", "data", "signature"})
_XML_VALUE = re.compile(r"<([A-Za-z]+)((?:\s+[\w:-]+=\"[^\"]*\")*?)\s+value=(\"[^\"]*\"|'[^']*')")
_XML_DIV = re.compile(r"<div\b|</div\b[^<>]{0,40}>")
_XML_OUTCOME = re.compile(r"<(?:\w+:)?(?:OperationOutcome|CapabilityStatement)\b")


def is_resource(value: Any) -> bool:
    """Whether a JSON value is a FHIR resource."""
    return isinstance(value, dict) and isinstance(value.get("resourceType"), str)


def names(resource: dict[str, Any]) -> list[str]:
    """The full names of the people in a resource or Bundle, as pages are likely to write them.

    They are hidden on pages too: a chart or a patient picker shows them long before or after the FHIR server does.
    """
    entries = resource.get("entry")
    inner = [each.get("resource") for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
    found: list[str] = []
    for person in [resource, *inner[:50]]:
        if isinstance(person, dict) and person.get("resourceType") in _PEOPLE and isinstance(person.get("name"), list):
            for name in person["name"][:5]:
                found += _written(name) if isinstance(name, dict) else []
    return [name for name in dict.fromkeys(found) if len(name) >= 6]


def _written(name: dict[str, Any]) -> list[str]:
    family = name.get("family")
    given = [each for each in name.get("given") or [] if isinstance(each, str) and each] if isinstance(name.get("given"), list) else []
    ways = [name["text"]] if isinstance(name.get("text"), str) and " " in name["text"] else []
    if isinstance(family, str) and family and given:
        every = " ".join(given)
        ways += [f"{every} {family}", f"{given[0]} {family}", f"{family}, {every}", f"{family}, {given[0]}", f"{family} {given[0]}"]
    return ways + [way.upper() for way in ways]


def reduce_resource(value: Any, address: Callable[[str], str], *, public: bool = False) -> Any:
    """Keep the shape of a resource and hide the person in it; ``address`` redacts the URLs that stay.

    ``public`` is for documents that are published on purpose, such as brand bundles: they are returned as they are.
    """
    if public or (isinstance(value, dict) and value.get("resourceType") in _OPEN_RESOURCES):
        return value
    return _reduce(value, address, "")


def reduce_xml(text: str) -> str:
    """The same for FHIR in XML: every ``value`` that is not of an open member is hidden, and so is the narrative."""
    if _XML_OUTCOME.search(text[:2000]):
        return text

    def hide(match: re.Match[str]) -> str:
        if match.group(1) in _OPEN_MEMBERS:
            return match.group()
        return f'<{match.group(1)}{match.group(2)} value="{HIDDEN.replace("<", "&lt;").replace(">", "&gt;")}"'

    return _XML_VALUE.sub(hide, _without_narrative(text))


def _without_narrative(text: str) -> str:
    """XHTML is hidden from the first of its ``div`` to the end of the last; where one is not closed, to the end of the text."""
    parts: list[str] = []
    at = depth = 0
    for match in _XML_DIV.finditer(text):
        if match.group() == "<div":
            if not depth:
                parts += [text[at : match.start()], "<div>&lt;patient data&gt;</div>"]
            depth += 1
        elif depth:
            depth -= 1
            at = match.end()
    return "".join(parts if depth else [*parts, text[at:]])


def _reduce(value: Any, address: Callable[[str], str], name: str) -> Any:
    if isinstance(value, dict):
        if is_resource(value) and value["resourceType"] in _OPEN_RESOURCES:
            return value
        coding = name in ("coding", "tag", "security", "class") and set(value) <= _CODED | {"id", "extension"}
        return {
            key: _scalar(item, address, key, coding=coding) if not isinstance(item, (dict, list)) else _member(item, address, key)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_reduce(item, address, name) if isinstance(item, (dict, list)) else _scalar(item, address, name) for item in value]
    return HIDDEN


def _member(item: Any, address: Callable[[str], str], key: str) -> Any:
    if key in _NARRATIVE:
        return HIDDEN
    return _reduce(item, address, key)


def _scalar(item: Any, address: Callable[[str], str], key: str, *, coding: bool = False) -> Any:
    if item is None:
        return None
    if key in _ADDRESSES and isinstance(item, str):
        return HIDDEN if item.startswith("data:") else address(item)
    if key in _OPEN_MEMBERS or (coding and key in _CODED):
        return item
    return HIDDEN
