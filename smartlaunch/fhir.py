"""What an answer of a FHIR server holds (FHIR R4 RESTful API): a value that checks and probes read alike, without any I/O."""

from __future__ import annotations

from typing import Any

from smartlaunch.exchange import Response


def resources(response: Response, resource_type: str = "") -> list[dict[str, Any]]:
    """The resources an answer discloses: itself, or the entries of a Bundle; OperationOutcomes do not count."""
    body = response.object
    if response.status < 200 or response.status >= 300 or not body:
        found: list[dict[str, Any]] = []
        if body.get("resourceType") not in (None, "OperationOutcome"):
            found = [body]
    elif body.get("resourceType") == "Bundle":
        entries = body.get("entry")
        found = [
            e["resource"]
            for e in (entries if isinstance(entries, list) else [])
            if isinstance(e, dict) and isinstance(e.get("resource"), dict)
        ]
    else:
        found = [body] if "resourceType" in body else []
    return [
        r for r in found if r.get("resourceType") != "OperationOutcome" and (not resource_type or r.get("resourceType") == resource_type)
    ]


def link(response: Response, relation: str) -> str:
    """The address that a Bundle gives under a relation, or an empty string."""
    listed = response.object.get("link")
    links = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return next((one["url"] for one in links if one.get("relation") == relation and isinstance(one.get("url"), str)), "")


def refused(response: Response) -> bool:
    """The end state a refusal is judged by: the answer discloses no resource and no write was accepted."""
    return not resources(response) and not 200 <= response.status < 300


def discloses(response: Response) -> bool:
    """Whether an answer hands out any resource, with whatever status."""
    return bool(resources(response))


def describe(response: Response, error: str = "") -> str:
    """One sentence on an answer, without patient data."""
    if response.status == 0:
        return f"no answer: {error}"
    body = response.object
    kind = body.get("resourceType")
    if kind == "Bundle":
        return f"status {response.status}, a Bundle with {len(resources(response))} resources"
    if kind == "OperationOutcome":
        issues = body.get("issue")
        first = issues[0] if isinstance(issues, list) and issues and isinstance(issues[0], dict) else {}
        return f"status {response.status}, OperationOutcome {first.get('code', '')}: {str(first.get('diagnostics', ''))[:200]}".rstrip(": ")
    if kind:
        return f"status {response.status}, a {kind}"
    return f"status {response.status}, {response.media_type or 'no media type'}"
