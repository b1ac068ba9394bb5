"""A small FHIR server behind the tokens of a peer: invented records, read and search by scopes; knows neither framework nor library.

Imported by the servers, which run as programs of their own: the standard library only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

CLINICAL = re.compile(r"(patient|user)/(\*|[A-Z][A-Za-z]+)\.(c?r?u?d?s?|read|write|\*)")
OPEN = {"access-control-allow-origin": "*", "access-control-allow-headers": "authorization, content-type, accept"}
OLD = {"read": "rs", "write": "cud", "*": "cruds"}
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"


@dataclass(frozen=True)
class Held:
    """What an access token opens."""

    scope: str
    patient: str
    patients: tuple[str, ...]
    """All whom the user may see."""


@dataclass(frozen=True)
class Asked:
    """A request to the FHIR server; ``path`` is what comes after the base URL."""

    method: str
    path: str
    query: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class SmallFhir:
    """``held`` looks an access token up: what it opens, or None where it is not good (any more)."""

    def __init__(self, base: str, patients: tuple[str, ...], practitioners: tuple[str, ...], held: Callable[[str], Held | None]) -> None:
        self.base, self.held = base, held
        self.records: dict[str, list[dict[str, Any]]] = {
            "Patient": [{"resourceType": "Patient", "id": one, "name": [{"family": one.upper(), "given": ["Test"]}]} for one in patients],
            "Observation": [
                _of("Observation", f"{one}-{kind}", one, status="final", code={"text": kind}, category=[_category(kind)])
                for one in patients
                for kind in ("vital-signs", "laboratory")
            ],
            "Condition": [_of("Condition", f"{one}-condition", one, code={"text": "made up"}) for one in patients],
            "Practitioner": [{"resourceType": "Practitioner", "id": one, "name": [{"family": "Test"}]} for one in practitioners],
        }

    def answer(self, asked: Asked) -> Answer:
        if asked.method == "OPTIONS":
            return Answer(204, headers=dict(OPEN))
        if asked.path == "metadata":
            return _resource(self.metadata())
        sent = re.fullmatch(r"(?i)bearer ([A-Za-z0-9._~+/-]+=*)", asked.headers.get("authorization", ""))
        held = self.held(sent[1]) if sent else None
        if held is None:
            challenge = 'Bearer realm="fhir", error="invalid_token"' if sent else 'Bearer realm="fhir"'
            return _problem(401, "login", "a valid access token is needed", {"www-authenticate": challenge})
        kind, _, rest = asked.path.partition("/")
        if kind not in self.records:
            return _problem(404, "not-supported", "there is no such thing here")
        searching = (rest == "" and asked.method == "GET") or (rest == "_search" and asked.method == "POST")
        if not searching and asked.method != "GET":
            return _problem(405, "not-supported", "nothing is written here", {"allow": "GET"})
        seen = self.visible(held, kind, "s" if searching else "r")
        if seen is None:
            challenge = 'Bearer realm="fhir", error="insufficient_scope"'
            return _problem(403, "forbidden", "no scope for this", {"www-authenticate": challenge})
        if searching:
            return self.found(asked, kind, rest, seen)
        found = next((one for one in seen if one["id"] == rest), None)
        return _resource(found) if found else _problem(404, "not-found", "there is no such record for this app")

    def found(self, asked: Asked, kind: str, rest: str, seen: list[dict[str, Any]]) -> Answer:
        pairs = parse_qsl(asked.query) + (parse_qsl(asked.body.decode("utf-8", "replace")) if rest else [])
        found = [one for one in seen if all(_fits(one, *pair) for pair in pairs)]
        limit = int(dict(pairs).get("_count", "100"))
        return _resource(
            {
                "resourceType": "Bundle",
                "type": "searchset",
                "total": len(found),
                "link": [{"relation": "self", "url": asked.url}],
                "entry": [{"fullUrl": f"{self.base}/{kind}/{one['id']}", "resource": one} for one in found[:limit]],
            }
        )

    def visible(self, held: Held, kind: str, letter: str) -> list[dict[str, Any]] | None:
        """The records that the scopes of a token open; None when none of them is about this type and interaction."""
        parsed = [one for one in map(CLINICAL.fullmatch, held.scope.split()) if one and one[2] in ("*", kind)]
        levels = {one[1] for one in parsed if letter in OLD.get(one[3], one[3])}
        if not levels:
            return None
        reach = {*([held.patient] if "patient" in levels else []), *(held.patients if "user" in levels else [])}
        if kind == "Practitioner":
            return self.records[kind] if "user" in levels else []
        return [one for one in self.records[kind] if _subject(one) in reach]

    def metadata(self) -> dict[str, Any]:
        types = [{"type": kind, "interaction": [{"code": "read"}, {"code": "search-type"}]} for kind in self.records]
        about = {"status": "active", "date": "2026-11-01", "kind": "instance", "fhirVersion": "4.0.1", "format": ["json"]}
        return {"resourceType": "CapabilityStatement", **about, "rest": [{"mode": "server", "resource": types}]}


def _of(kind: str, name: str, patient: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": name, "subject": {"reference": f"Patient/{patient}"}, **more}


def _category(code: str) -> dict[str, Any]:
    return {"coding": [{"system": CATEGORY, "code": code}]}


def _subject(one: dict[str, Any]) -> str:
    reference: str = one.get("subject", {}).get("reference", f"Patient/{one['id']}")
    return reference.removeprefix("Patient/")


def _fits(one: dict[str, Any], name: str, value: str) -> bool:
    if name == "_id":
        return one["id"] in value.split(",")
    if name in ("patient", "subject"):
        return "subject" in one and _subject(one) == value.removeprefix("Patient/")
    if name == "category":
        codes = {coding["code"] for concept in one.get("category", []) for coding in concept["coding"]}
        return value.rpartition("|")[2] in codes
    return True


def _resource(body: dict[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    sent = {**OPEN, "cache-control": "no-store", "content-type": "application/fhir+json", **(headers or {})}
    return Answer(status, json.dumps(body).encode(), sent)


def _problem(status: int, code: str, text: str, headers: Mapping[str, str] | None = None) -> Answer:
    issue = {"severity": "error", "code": code, "diagnostics": text}
    return _resource({"resourceType": "OperationOutcome", "issue": [issue]}, status, headers)
