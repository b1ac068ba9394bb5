"""What a FHIR answer holds, told without patient data."""

from __future__ import annotations

from typing import Any

from smartlaunch.checks.members import Findings
from smartlaunch.errors import LimitExceeded
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Finding, Kind, Outcome, Side


def describe(exchange: Exchange) -> str:
    """One sentence on an answer: status, resource type, and the issue of an OperationOutcome."""
    answer = exchange.answer
    kind = answer.object.get("resourceType")
    if kind == "OperationOutcome":
        issues = answer.object.get("issue")
        first = issues[0] if isinstance(issues, list) and issues and isinstance(issues[0], dict) else {}
        details = str(first.get("diagnostics", ""))[:200]
        return f"status {answer.status}, OperationOutcome {first.get('code', '')}" + (f": {details}" if details else "")
    if kind == "Bundle":
        return f"status {answer.status}, a Bundle with {len(found(exchange))} resources"
    return f"status {answer.status}, " + (f"a {kind}" if kind else answer.media_type or "no media type")


def _whole(exchange: Exchange) -> dict[str, Any]:
    """The JSON object of an answer; ``LimitExceeded`` where the answer was cut, so that nobody can say what is not in it."""
    if exchange.answer.truncated:
        raise LimitExceeded(
            f"the answer to {exchange.request.method} {exchange.request.url.split('?')[0]} went over the size limit and was cut",
            waited_for="the whole answer",
            hint="raise limits.body_bytes in the target file",
        )
    return exchange.answer.object


def found(exchange: Exchange, resource_type: str = "") -> list[dict[str, Any]]:
    """The resources that an answer discloses: itself, or the entries of a Bundle; an OperationOutcome is none."""
    body = _whole(exchange)
    entries = body.get("entry") if body.get("resourceType") == "Bundle" else [{"resource": body}]
    resources = [e.get("resource") for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
    return [
        r
        for r in resources
        if isinstance(r, dict)
        and r.get("resourceType") not in (None, "OperationOutcome")
        and (not resource_type or r.get("resourceType") == resource_type)
    ]


def _tells_of_error(body: dict[str, Any]) -> bool:
    issues = body.get("issue") if body.get("resourceType") == "OperationOutcome" else None
    return any(isinstance(i, dict) and i.get("severity") in ("error", "fatal") for i in issues) if isinstance(issues, list) else False


def done(exchange: Exchange) -> bool:
    """Whether a write was carried out: a 2xx status without an error in its outcome, in a batch that of its entries too."""
    answer = exchange.answer
    if not 200 <= answer.status < 300 or _tells_of_error(answer.object):
        return False
    if answer.object.get("resourceType") != "Bundle":
        return True
    entries = answer.object.get("entry")
    states = [e["response"].get("status", "") for e in entries or [] if isinstance(e, dict) and isinstance(e.get("response"), dict)]
    return bool(states) and all(str(state).startswith("2") for state in states)


def granted_read(exchange: Exchange) -> bool:
    """Whether a read or search was answered with success and FHIR: a page with status 200, or no body, is no data."""
    return 200 <= exchange.answer.status < 300 and isinstance(_whole(exchange).get("resourceType"), str)


def refused_read(read: Exchange, words: str) -> Findings:
    """A read that a granted scope covers was refused: the server's policy may do so, the app has to know."""
    return [
        Finding(
            "EXPECT-fhir-read",
            words,
            describe(read),
            read.id,
            "status",
            kind=Kind.EXPECTATION,
            side=Side.FHIR_SERVER,
            severity=Outcome.WARNING,
        )
    ]


def disclosed(exchange: Exchange, resource_type: str = "") -> list[dict[str, Any]]:
    """The resources of an answer with any status, those of Bundles inside a Bundle too; OperationOutcomes do not count."""
    found: list[dict[str, Any]] = []
    waiting: list[Any] = [_whole(exchange)]
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, dict):
            continue
        kind = one.get("resourceType")
        if kind == "Bundle":
            entries = one.get("entry")
            waiting += [e.get("resource") for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
        elif kind not in (None, "OperationOutcome") and (not resource_type or kind == resource_type):
            found.append(one)
    return found


def of_fhir_server(requirement: str, expected: str, actual: str, exchange: Exchange, pointer: str = "") -> Findings:
    """One finding on an answer of the FHIR server."""
    return [Finding(requirement, expected, actual, exchange.id, pointer, side=Side.FHIR_SERVER)]


def belongs_to(resource: dict[str, Any]) -> set[str]:
    """The ids of the patients that a resource names as its own: Patient itself, ``patient``, or ``subject``."""
    if resource.get("resourceType") == "Patient":
        return {str(resource.get("id"))}
    found = set()
    for element in ("patient", "subject", "beneficiary"):
        value = resource.get(element)
        for one in value if isinstance(value, list) else [value]:
            reference = one.get("reference") if isinstance(one, dict) else None
            parts = reference.rstrip("/").split("/_history")[0].split("/")[-2:] if isinstance(reference, str) else []
            if len(parts) == 2 and parts[0] == "Patient":
                found.add(parts[1])
    return found


def categories_of(resource: dict[str, Any]) -> list[tuple[str, str]]:
    """The codings of a resource's ``category``, each as system and code."""
    value = resource.get("category")
    concepts = [c for c in (value if isinstance(value, list) else [value]) if isinstance(c, dict)]
    listed = [concept.get("coding") for concept in concepts]
    codings = [c for coding in listed if isinstance(coding, list) for c in coding]
    return [(str(c.get("system", "")), str(c.get("code", ""))) for c in codings if isinstance(c, dict)]
