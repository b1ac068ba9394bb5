"""One thing asked of the FHIR server, and what came of it; a request and an entry of a batch alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from smartlaunch.embedded_ehr import fhir_search

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smartlaunch.embedded_ehr.defects import Variants
    from smartlaunch.embedded_ehr.fhir_store import Resource

TYPES = tuple(sorted(fhir_search.PARAMETERS))
_IN_A_COMPARTMENT = 3
_PATIENT_NAMES = frozenset({"patient", "subject", "subject:Patient", "patient._id"})


_LACKING: dict[str, frozenset[str]] = {
    "has_no_observations": frozenset({"Observation"}),
    "has_no_encounters": frozenset({"Encounter"}),
    "has_patients_and_conditions_only": frozenset(TYPES) - {"Patient", "Condition", "Practitioner"},
}


def types_of(variant: Variants) -> tuple[str, ...]:
    """Return the types that this server has: it may leave out whichever it likes."""
    lacking = {kind for name, kinds in _LACKING.items() if variant(name) for kind in kinds}
    return tuple(kind for kind in TYPES if kind not in lacking)


@dataclass(frozen=True)
class Interaction:
    """One thing asked of the server: a request, or an entry of a batch."""

    method: str
    path: str
    parameters: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    raw: str = ""
    """The method and the address as they were sent."""
    place: int = 0
    """Which entry of a batch this is, from 0 on."""
    arrived: datetime | None = None
    """When its request came."""

    @property
    def forms(self) -> frozenset[str]:
        """In which unusual forms this is asked: rules are forgotten for one of them and kept for the rest."""
        path, names = [part for part in self.path.split("/") if part], {name for name, _ in self.parameters}
        kind = path[0] if path else ""
        found = {
            "trailing slash": len(path) > 1 and self.path.endswith("/"),
            "percent-encoded": len(_segments(self.raw)) > 1 and "%" in _segments(self.raw)[-1],
            "percent-encoded type": "%" in _segments(self.raw)[0],
            "matrix parameter": ";" in self.raw.partition("?")[0],
            "dot segments": "%2e" in self.raw.partition("?")[0].lower(),
            "lower case": bool(kind) and kind[0].isalpha() and kind not in TYPES,
            "_format": "_format" in names,
            "_elements": "_elements" in names,
            "_id": "_id" in names and kind != "Patient",
            "identifier": "identifier" in names,
            "chained": any("." in name for name in names),
            "later page": "_offset" in names,
            "system history": path == ["_history"],
            "$everything": path[-1:] == ["$everything"],
            "absolute": self.raw.startswith("absolute "),
            "HEAD": self.raw.startswith("HEAD "),
            "count": ("_summary", "count") in self.parameters,
            "search by post": path[-1:] == ["_search"],
            "search": self.method == "GET" and len(path) < 2 and path != ["_history"],
            "system search": self.method == "GET" and not path,
            "history": "_history" in path,
            "bundle": self.method == "POST" and not path,
            "write": self.method in ("PUT", "PATCH", "DELETE") or (self.method == "POST" and len(path) == 1 and path != ["_search"]),
            "_has": any(name.startswith("_has:") for name in names),
            "subject:Patient": "subject:Patient" in names,
            "patient by reference": any("/" in value for name, value in self.parameters if name == "patient"),
            "_summary": "_summary" in names and ("_summary", "count") not in self.parameters,
            "_sort": "_sort" in names,
            "include of everything": any(name == "_include" and value.endswith("*") for name, value in self.parameters),
            "system search by post": self.method == "POST" and path == ["_search"],
            "names a patient": bool(names & _PATIENT_NAMES) or (kind == "Patient" and "_id" in names),
            "list of patients": any("," in value for name, value in self.parameters if name in _PATIENT_NAMES or name == "_id"),
            "later entry": self.place > 0,
            "two patients": len({value.rpartition("/")[2] for name, value in self.parameters if name in _PATIENT_NAMES}) > 1,
            "search by post with a query": path[-1:] == ["_search"] and "?" in self.raw,
            "doubled slash": "//" in self.raw.partition("?")[0],
            "list of ids": any(name == "_id" and "," in value for name, value in self.parameters) and kind != "Patient",
            "everything of a type": path[-1:] == ["$everything"] and "_type" in names,
            "encounter": "encounter" in names,
            "compartment": len(path) == _IN_A_COMPARTMENT and path[0] == "Patient" and path[2] in TYPES,
            "If-None-Exist": bool(self.header("if-none-exist")),
            "If-Match": bool(self.header("if-match")),
            "absolute subject": "://" in _subject(self.body),
            "names a public document": any("metadata" in value or ".well-known" in value for _, value in self.parameters),
            "conditional read": bool(self.header("if-modified-since") or self.header("if-none-match")),
            "If-Modified-Since": bool(self.header("if-modified-since")),
            "patient by address": any("://" in value for name, value in self.parameters if name in _PATIENT_NAMES),
            "patient twice": [name for name, _ in self.parameters].count("patient") > 1,
            "chained by identifier": any(name.endswith(".identifier") for name in names),
            "$lastn": path[-1:] == ["$lastn"],
            "everything by post": path[-1:] == ["$everything"] and self.method == "POST",
            "compartment by post": len(path) == _IN_A_COMPARTMENT + 1 and path[0] == "Patient" and path[3] == "_search",
            "whole compartment": len(path) == _IN_A_COMPARTMENT and path[0] == "Patient" and path[2] == "*",
            "search with _elements": len(path) < 2 and "_elements" in names,
            "_summary=true": ("_summary", "true") in self.parameters,
            "_lastUpdated": "_lastUpdated" in names,
            "_total": "_total" in names,
            "search with a trailing slash": len(path) == 1 and self.path.endswith("/"),
            "_since": "_since" in names,
            "type history": path[1:] == ["_history"],
            "leading slash": self.raw.startswith("slash "),
            "FHIRPath patch": self.method == "PATCH" and isinstance(self.body, dict),
            "conditional reference": self.raw.startswith("conditional reference "),
        }
        return frozenset(form for form, there in found.items() if there)

    def header(self, name: str) -> str:
        """Return a header by its lower-case name, or an empty text."""
        return self.headers.get(name, "")


def _segments(raw: str) -> list[str]:
    """Return the parts of the path of a request below the base, as they were sent; one empty part for the base itself."""
    path = raw.partition(" ")[2].partition("?")[0].strip("/")
    return path.split("/")[1:] or [""]


def _subject(body: Any) -> str:
    """Return the reference to the patient in a resource that came, however it is written."""
    subject = body.get("subject") if isinstance(body, dict) else None
    return str(subject.get("reference", "")) if isinstance(subject, dict) else ""


@dataclass
class Answer:
    """What came of an interaction."""

    status: int
    resource: Resource | None = None
    headers: dict[str, str] = field(default_factory=dict)


def outcome(code: str, text: str, severity: str = "error") -> Resource:
    """Return an OperationOutcome with one issue."""
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": code, "diagnostics": text}]}


def version_headers(resource: Resource) -> dict[str, str]:
    """Return the headers that tell the version of a resource."""
    modified = datetime.fromisoformat(resource["meta"]["lastUpdated"])
    return {"ETag": f'W/"{resource["meta"]["versionId"]}"', "Last-Modified": format_datetime(modified.astimezone(UTC), usegmt=True)}


def instant(at: datetime) -> str:
    """Return a moment as FHIR writes it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
