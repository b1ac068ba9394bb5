"""Requests that write, by the words that features use for them, and what the suite writes: resources of its own."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from smartlaunch.errors import NotApplicable
from smartlaunch.probes.fhir_access.samples import Sample, identifier_of

if TYPE_CHECKING:
    from smartlaunch.client.fhir import Fhir
    from smartlaunch.exchange import Exchange

BODIES: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "Observation": (
        {
            "status": "final",
            "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}],
            "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]},
            "effectiveDateTime": "2020-02-02T02:02:02Z",
            "valueQuantity": {"value": 61, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
        },
        [{"op": "replace", "path": "/status", "value": "amended"}],
    ),
    "Condition": (
        {
            "clinicalStatus": {
                "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "resolved"}],
            },
            "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "problem-list-item"}]}],
            "code": {"text": "Conformance test, to be deleted"},
        },
        [{"op": "add", "path": "/recordedDate", "value": "2020-02-02"}],
    ),
}
"""What the suite writes where it may: the body without its patient, and a patch of it."""

_NUMBERS = itertools.count(1)

_FHIRPATH: Mapping[str, list[dict[str, Any]]] = {
    "Observation": [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": "Observation.status"},
        {"name": "value", "valueCode": "amended"},
    ],
    "Condition": [
        {"name": "type", "valueCode": "add"},
        {"name": "path", "valueString": "Condition"},
        {"name": "name", "valueString": "recordedDate"},
        {"name": "value", "valueDateTime": "2020-02-02"},
    ],
}
"""The same patches as FHIRPath Patch."""

_PATCH_TYPE = "application/json-patch+json"


def body(kind: str, whose: str) -> dict[str, Any]:
    """A resource of the suite's own about a patient, none like another: a server may refuse or merge what it takes for a duplicate."""
    number = next(_NUMBERS)
    moment = f"2020-02-02T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}Z"
    named = {"system": "urn:smart-launch-conformance", "value": secrets.token_hex(8)}
    made = {"resourceType": kind, **BODIES[kind][0], "identifier": [named], "subject": {"reference": f"Patient/{whose}"}}
    if kind == "Observation":
        made |= {"effectiveDateTime": moment, "valueQuantity": {**made["valueQuantity"], "value": 60 + number % 40}}
    else:
        made |= {"code": {"text": f"Conformance test {number}, to be deleted"}, "onsetDateTime": moment}
    return made


@dataclass(frozen=True)
class Written:
    """What is written: a new body about a patient, and the resource of the suite's own that it is for."""

    own: Sample
    resource: dict[str, Any]
    whose: str

    @property
    def kind(self) -> str:
        """The type."""
        return str(self.resource["resourceType"])

    @property
    def updated(self) -> dict[str, Any]:
        """The body as the next version of the resource."""
        return {**self.resource, "id": self.own.id}

    @property
    def condition(self) -> str:
        """The search by the identifier that the suite gave its resource."""
        return urlencode([("identifier", identifier_of(self.own.resource) or f"|{self.own.id}")])

    @property
    def tag(self) -> str:
        """The version of the resource as an ETag."""
        if not self.own.version:
            raise NotApplicable(f"the server gives {self.kind} no version")
        return f'W/"{self.own.version}"'


Write = Callable[["Fhir", Written, str | None], "Exchange"]


def new_id() -> str:
    """An id that no resource has."""
    return f"conformance-{int(time.time() * 1000) % 10**9}-{next(_NUMBERS)}"


def fhirpath(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """A FHIRPath Patch of one operation."""
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}


def json_patch(
    fhir: Fhir, path: str, token: str | None, operations: list[dict[str, Any]], headers: Mapping[str, str] | None = None
) -> Exchange:
    """A JSON Patch."""
    return fhir.send("PATCH", path, token, resource=operations, headers={"Content-Type": _PATCH_TYPE, **(headers or {})})


def _update_of_a_new_id(fhir: Fhir, it: Written, token: str | None) -> Exchange:
    new = new_id()
    return fhir.send("PUT", f"{it.kind}/{new}", token, resource={**it.resource, "id": new})


def _with_an_absolute_reference(fhir: Fhir, it: Written, token: str | None) -> Exchange:
    about = {"reference": f"{fhir.base_url}/Patient/{it.whose}"}
    return fhir.send("POST", it.kind, token, resource={**it.resource, "subject": about})


def _conditional_update(fhir: Fhir, it: Written, token: str | None) -> Exchange:
    named = {**it.resource, "identifier": it.own.resource.get("identifier")}
    return fhir.send("PUT", f"{it.kind}?{it.condition}", token, resource=named)


Entry = Callable[[Written], dict[str, Any]]


def _entry_of_a_create(it: Written) -> dict[str, Any]:
    return {"resource": it.resource, "request": {"method": "POST", "url": it.kind}}


def _entry_with_a_search(it: Written) -> dict[str, Any]:
    about = {"reference": f"Patient?_id={it.whose}"}
    return {"resource": {**it.resource, "subject": about}, "request": {"method": "POST", "url": it.kind}}


def _entry_of_an_update(it: Written) -> dict[str, Any]:
    return {"resource": it.updated, "request": {"method": "PUT", "url": it.own.reference}}


def _entry_of_a_new_id(it: Written) -> dict[str, Any]:
    new = new_id()
    return {"resource": {**it.resource, "id": new}, "request": {"method": "PUT", "url": f"{it.kind}/{new}"}}


def _entry_of_a_delete(it: Written) -> dict[str, Any]:
    return {"request": {"method": "DELETE", "url": it.own.reference}}


def _wrapped(bundle: str, entry: Entry) -> Write:
    """A batch or transaction of one write."""
    return lambda fhir, it, token: fhir.send("POST", "", token, resource={"resourceType": "Bundle", "type": bundle, "entry": [entry(it)]})


NEW_ID = "update of a new id"
BY_URL = "create with an absolute reference"
ON_A_CONDITION = "create on a condition"
BY_VERSION = "update with If-Match"
BY_SEARCH = "transaction with a reference by a search"

FURTHER_SENT: Mapping[str, tuple[str, Write]] = {
    "create with Prefer": (
        "c",
        lambda fhir, it, token: fhir.send("POST", it.kind, token, resource=it.resource, headers={"Prefer": "return=minimal"}),
    ),
    "update with a trailing slash": ("u", lambda fhir, it, token: fhir.send("PUT", f"{it.own.reference}/", token, resource=it.updated)),
    "patch with If-Match": (
        "u",
        lambda fhir, it, token: json_patch(fhir, it.own.reference, token, BODIES[it.kind][1], {"If-Match": it.tag}),
    ),
    "FHIRPath patch": ("u", lambda fhir, it, token: fhir.send("PATCH", it.own.reference, token, resource=fhirpath(_FHIRPATH[it.kind]))),
    "conditional patch": ("u", lambda fhir, it, token: json_patch(fhir, f"{it.kind}?{it.condition}", token, BODIES[it.kind][1])),
    "delete with If-Match": ("d", lambda fhir, it, token: fhir.send("DELETE", it.own.reference, token, headers={"If-Match": it.tag})),
    "delete with a trailing slash": ("d", lambda fhir, it, token: fhir.send("DELETE", f"{it.own.reference}/", token)),
    "batch with an update": ("u", _wrapped("batch", _entry_of_an_update)),
    "batch with an update of a new id": ("u", _wrapped("batch", _entry_of_a_new_id)),
    "batch with a delete": ("d", _wrapped("batch", _entry_of_a_delete)),
    "transaction with an update": ("u", _wrapped("transaction", _entry_of_an_update)),
    "transaction with a delete": ("d", _wrapped("transaction", _entry_of_a_delete)),
    BY_SEARCH: ("c", _wrapped("transaction", _entry_with_a_search)),
}
"""Rarer forms of a write, which are put together for each rule, each with the letter of the scope that it needs."""

SENT: Mapping[str, tuple[str, Write]] = {
    "create": ("c", lambda fhir, it, token: fhir.send("POST", it.kind, token, resource=it.resource)),
    "update": ("u", lambda fhir, it, token: fhir.send("PUT", it.own.reference, token, resource=it.updated)),
    "patch": ("u", lambda fhir, it, token: json_patch(fhir, it.own.reference, token, BODIES[it.kind][1])),
    "delete": ("d", lambda fhir, it, token: fhir.send("DELETE", it.own.reference, token)),
    NEW_ID: ("u", _update_of_a_new_id),
    BY_URL: ("c", _with_an_absolute_reference),
    ON_A_CONDITION: (
        "c",
        lambda fhir, it, token: fhir.send(
            "POST", it.kind, token, resource=it.resource, headers={"If-None-Exist": urlencode([("identifier", identifier_of(it.resource))])}
        ),
    ),
    BY_VERSION: ("u", lambda fhir, it, token: fhir.send("PUT", it.own.reference, token, resource=it.updated, headers={"If-Match": it.tag})),
    "conditional update": ("u", _conditional_update),
    "conditional delete": ("d", lambda fhir, it, token: fhir.send("DELETE", f"{it.kind}?{it.condition}", token)),
    "batch with a create": ("c", _wrapped("batch", _entry_of_a_create)),
    "transaction with a create": ("c", _wrapped("transaction", _entry_of_a_create)),
    **FURTHER_SENT,
}
"""Every write by its words, with the letter of the scope that it needs."""
