"""What a FHIR answer holds, told without patient data."""

from __future__ import annotations

from typing import Any

from smartlaunch.exchange import Exchange


def describe(exchange: Exchange) -> str:
    """One sentence on an answer: status, resource type, and the issue of an OperationOutcome."""
    answer = exchange.answer
    if exchange.response is None:
        return f"no answer: {exchange.error}"
    kind = answer.object.get("resourceType")
    if kind == "OperationOutcome":
        issues = answer.object.get("issue")
        first = issues[0] if isinstance(issues, list) and issues and isinstance(issues[0], dict) else {}
        details = str(first.get("diagnostics", ""))[:200]
        return f"status {answer.status}, OperationOutcome {first.get('code', '')}" + (f": {details}" if details else "")
    if kind == "Bundle":
        return f"status {answer.status}, a Bundle with {len(found(exchange))} resources"
    return f"status {answer.status}, " + (f"a {kind}" if kind else answer.media_type or "no media type")


def found(exchange: Exchange, resource_type: str = "") -> list[dict[str, Any]]:
    """The resources that an answer discloses: itself, or the entries of a Bundle; an OperationOutcome is none."""
    body = exchange.answer.object
    entries = body.get("entry") if body.get("resourceType") == "Bundle" else [{"resource": body}]
    resources = [e.get("resource") for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
    return [
        r
        for r in resources
        if isinstance(r, dict)
        and r.get("resourceType") not in (None, "OperationOutcome")
        and (not resource_type or r.get("resourceType") == resource_type)
    ]
