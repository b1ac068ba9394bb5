"""What the formal profiles on User-access Brands and FHIR R4 ask of the elements of a Bundle, an Organization and an Endpoint.

The guide calls its profiles the source of truth. What stands here is what breaks them with severity error whoever publishes: the type of
an element and whether it repeats, invariants, fixed values. An element that they do not name is nobody's fault here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from smartlaunch.checks.members import show

Resource = Mapping[str, Any]
Problem = tuple[str, str]
"""Where something is wrong below the resource, and what."""

ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
BRAND = "http://hl7.org/fhir/StructureDefinition/organization-brand"
PORTAL = "http://hl7.org/fhir/StructureDefinition/organization-portal"
FHIR_VERSION = "http://hl7.org/fhir/StructureDefinition/endpoint-fhir-version"
_STATUSES = frozenset({"active", "suspended", "error", "off", "entered-in-error", "test"})
_SYSTEMS = frozenset({"phone", "fax", "email", "pager", "url", "sms", "other"})
_USES_OF_CONTACT = frozenset({"home", "work", "temp", "old", "mobile"})
_USES_OF_ADDRESS = frozenset({"home", "work", "temp", "old", "billing"})
_TYPES_OF_ADDRESS = frozenset({"postal", "physical", "both"})
_USES_OF_IDENTIFIER = frozenset({"usual", "official", "temp", "secondary", "old"})
_VERSION = re.compile(r"\d+\.\d+(\.\d+)?(-[A-Za-z0-9.]+)?")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _object(value: object) -> bool:
    return isinstance(value, dict) and bool(value)


def _id(value: object) -> bool:
    return isinstance(value, str) and bool(_ID.fullmatch(value))


@dataclass(frozen=True)
class Element:
    """What FHIR R4 says of an element: its type in words, what fits it, and whether it is an array."""

    words: str
    fits: Callable[[object], bool]
    many: bool = False

    def problem(self, value: object) -> str:
        """Why a value is none of this element, or an empty string."""
        if self.many:
            if not isinstance(value, list) or not value:
                return f"it is {show(value)} and no array of {self.words}s"
            bad = [one for one in value if one is not None and not self.fits(one)]
            return f"it holds {show(bad[0])}, which is no {self.words}" if bad else ""
        return "" if self.fits(value) else f"it is {show(value)} and no {self.words}"


_STRING, _BOOLEAN, _COMPLEX = Element("string", _text), Element("boolean", _flag), Element("object", _object)
_STRINGS, _COMPLEXES = Element("string", _text, many=True), Element("object", _object, many=True)
_BASIC = {"id": Element("id", _id), "meta": _COMPLEX, "text": _COMPLEX, "language": _STRING, "implicitRules": _STRING}
_EXTENDED = {**_BASIC, "extension": _COMPLEXES, "modifierExtension": _COMPLEXES, "contained": _COMPLEXES, "identifier": _COMPLEXES}
ORGANIZATION: Mapping[str, Element] = {
    **_EXTENDED,
    **dict.fromkeys(("type", "telecom", "address", "endpoint", "contact"), _COMPLEXES),
    "active": _BOOLEAN,
    "alias": _STRINGS,
    "partOf": _COMPLEX,
}
ENDPOINT: Mapping[str, Element] = {
    **_EXTENDED,
    **dict.fromkeys(("contact", "payloadType"), _COMPLEXES),
    **dict.fromkeys(("status", "name"), _STRING),
    **dict.fromkeys(("connectionType", "managingOrganization", "period"), _COMPLEX),
    **dict.fromkeys(("payloadMimeType", "header"), _STRINGS),
}
_CONTACT_POINT: Mapping[str, Element] = {"value": _STRING, "period": _COMPLEX, "extension": _COMPLEXES}
_ADDRESS: Mapping[str, Element] = {
    **dict.fromkeys(("use", "type", "text", "city", "district", "state", "postalCode", "country"), _STRING),
    "line": _STRINGS,
    "period": _COMPLEX,
    "extension": _COMPLEXES,
}

_PARTS: Mapping[str, Mapping[str, tuple[str, bool]]] = {
    BRAND: {"brandLogo": ("valueUrl", True), "brandLogoLicense": ("valueUrl", True), "brandBundle": ("valueUrl", True)},
    PORTAL: {
        "portalName": ("valueString", False),
        "portalDescription": ("valueMarkdown", False),
        "portalUrl": ("valueUrl", False),
        "portalLogo": ("valueUrl", True),
        "portalLogoLicense": ("valueUrl", True),
        "portalEndpoint": ("valueReference", True),
    },
}
"""The parts of both extensions: under which name each has its value, and whether it may repeat."""


def objects(value: object) -> list[dict[str, Any]]:
    """The objects of an array; none of anything else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def absent(element: object) -> bool:
    """Whether an element says that its value is absent."""
    return isinstance(element, dict) and any(one.get("url") == ABSENT for one in objects(element.get("extension")))


def forms(resource: Resource, elements: Mapping[str, Element], place: str = "") -> Iterator[Problem]:
    """The elements of a resource that have not the type or the cardinality of FHIR R4."""
    for name, element in elements.items():
        if name in resource and (problem := element.problem(resource[name])):
            yield f"{place}/{name}", problem


def contact_points(resource: Resource, name: str) -> Iterator[Problem]:
    """Each ContactPoint has known words, and a ``system`` for its ``value`` (cpt-2)."""
    for number, one in enumerate(objects(resource.get(name))):
        place = f"/{name}/{number}"
        yield from forms(one, _CONTACT_POINT, place)
        if "value" in one and "system" not in one and not absent(one.get("_system")):
            yield place, "a `value` without a `system`"
        codes = {"system": (_SYSTEMS, "system of a ContactPoint"), "use": (_USES_OF_CONTACT, "use of a ContactPoint")}
        yield from _coded(one, place, codes)


def _coded(resource: Resource, place: str, codes: Mapping[str, tuple[frozenset[str], str]]) -> Iterator[Problem]:
    """The elements whose code is none of those that FHIR R4 binds as required."""
    for name, (known, words) in codes.items():
        if name in resource and not (isinstance(resource[name], str) and resource[name] in known):
            yield f"{place}/{name}", f"{show(resource[name])} is no {words}"


def identifiers(resource: Resource) -> Iterator[Problem]:
    """Each identifier has a use that FHIR defines, if any."""
    for number, one in enumerate(objects(resource.get("identifier"))):
        yield from _coded(one, f"/identifier/{number}", {"use": (_USES_OF_IDENTIFIER, "use of an Identifier")})


def extension_parts(resource: Resource) -> Iterator[Problem]:
    """The parts of the extensions on brand and portal have their values under the right name, and those that stand once do."""
    for number, extension in enumerate(objects(resource.get("extension"))):
        known, seen = _PARTS.get(str(extension.get("url")), {}), set[str]()
        for inner, part in enumerate(objects(extension.get("extension")) if known else []):
            url, place = str(part.get("url")), f"/extension/{number}/extension/{inner}"
            value, many = known.get(url, ("", True))
            if url in seen and not many:
                yield place, f"`{url}` stands there twice"
            seen.add(url)
            others = [name for name in part if name.startswith("value") and name != value]
            if value and others:
                yield place, f"`{url}` has `{others[0]}`, and its type is `{value}`"


def brand(resource: Resource) -> Iterator[Problem]:
    """What is wrong with a Brand as an Organization."""
    yield from forms(resource, ORGANIZATION)
    yield from contact_points(resource, "telecom")
    yield from extension_parts(resource)
    yield from identifiers(resource)
    for number, one in enumerate(objects(resource.get("telecom"))):
        if one.get("use") == "home":
            yield f"/telecom/{number}/use", "the telecom of an organization is never of use `home`"
    for number, one in enumerate(objects(resource.get("address"))):
        yield from forms(one, _ADDRESS, f"/address/{number}")
        codes = {"use": (_USES_OF_ADDRESS, "use of an Address"), "type": (_TYPES_OF_ADDRESS, "type of an Address")}
        yield from _coded(one, f"/address/{number}", codes)
        if one.get("use") == "home":
            yield f"/address/{number}/use", "the address of an organization is never of use `home`"


def endpoint(resource: Resource) -> Iterator[Problem]:
    """What is wrong with an Endpoint, beside what has findings of its own."""
    yield from forms(resource, ENDPOINT)
    yield from contact_points(resource, "contact")
    yield from identifiers(resource)
    status = resource.get("status")
    if not (isinstance(status, str) and status in _STATUSES) and not ("status" not in resource and absent(resource.get("_status"))):
        yield "/status", f"{show(status)} is no status of an Endpoint" if "status" in resource else "there is no `status`"
    if "payloadType" not in resource:
        yield "/payloadType", "there is no `payloadType`, which R4 requires"
    for number, one in enumerate(objects(resource.get("extension"))):
        if one.get("url") != FHIR_VERSION or absent(one.get("_valueCode")):
            continue
        code = one.get("valueCode")
        if not isinstance(code, str) or not _VERSION.fullmatch(code):
            yield f"/extension/{number}", f"the FHIR version is {show(code)} as `valueCode`"


def collection(bundle: Resource) -> Iterator[Problem]:
    """What a collection has not: the members of searches and batches, entries without a resource, one address twice (bdl-1 to bdl-7)."""
    meta = bundle.get("meta")
    if isinstance(meta, dict) and "lastUpdated" not in meta and not absent(meta.get("_lastUpdated")):
        yield "/meta", "there is no `lastUpdated` in it, which the profile requires"
    if "total" in bundle:
        yield "/total", "`total` is for searches and histories"
    listed, seen = bundle.get("entry"), set[tuple[str, str]]()
    for number, entry in enumerate(objects(listed)):
        for name in ("search", "request", "response"):
            if name in entry:
                yield f"/entry/{number}/{name}", f"`{name}` is not for an entry of a collection"
        resource = entry.get("resource")
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            yield f"/entry/{number}", "the entry has no resource"
            continue
        meta, address = resource.get("meta"), entry.get("fullUrl")
        version = str(meta.get("versionId", "")) if isinstance(meta, dict) else ""
        if isinstance(address, str) and (address, version) in seen:
            yield f"/entry/{number}/fullUrl", "another entry has the same `fullUrl`"
        if isinstance(address, str) and "/_history/" in address:
            yield f"/entry/{number}/fullUrl", "the `fullUrl` names a version"
        seen.add((str(address), version))
