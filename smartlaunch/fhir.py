"""What an answer of a FHIR server holds (FHIR R4 RESTful API): a value that checks and probes read alike, without any I/O."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urljoin

from smartlaunch.exchange import RecordedExchange, Response


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


def created_at(method: str, url: str, status: int, location: str) -> str:
    """The address of what a request has created, or an empty string when it created nothing."""
    if status != 201 or method not in ("POST", "PUT", "PATCH"):
        return ""
    return urljoin(url, location).partition("/_history")[0] if location else url if method != "POST" else ""


def is_gone(method: str, status: int) -> bool:
    """Whether nothing is left at an address after a request."""
    return method == "DELETE" and (200 <= status < 300 or status in (404, 410))


def left_behind(exchanges: Iterable[RecordedExchange]) -> list[str]:
    """The addresses of what the requests created and none of them deleted, in order."""
    there: dict[str, None] = {}
    for each in exchanges:
        if is_gone(each.method, each.status):
            there.pop(each.url, None)
        location = next((value for name, value in each.response_headers if name.lower() == "location"), "")
        created = created_at(each.method, each.url, each.status, location)
        if created:
            there[created] = None
    return list(there)
