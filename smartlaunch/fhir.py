"""FHIR requests as an app makes them with an access token (RFC 6750, FHIR R4 RESTful API)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from smartlaunch.exchange import Endpoint, Exchange, Response
from smartlaunch.http import Http

JSON = "application/fhir+json"


class Fhir:
    """The FHIR server of one target."""

    def __init__(self, http: Http, base_url: str) -> None:
        self._http = http
        self.base_url = base_url.rstrip("/")

    def send(
        self,
        method: str,
        path: str,
        token: str | None,
        *,
        form: Sequence[tuple[str, str]] | None = None,
        resource: Mapping[str, Any] | Sequence[Any] | None = None,
        headers: Mapping[str, str] | None = None,
        scheme: str = "Bearer",
    ) -> Exchange:
        """One request below the base URL; no ``Authorization`` header when the token is None."""
        all_headers = {"Accept": JSON, **(headers or {})}
        if token is not None:
            all_headers["Authorization"] = f"{scheme} {token}"
        content = None
        if resource is not None:
            content = json.dumps(resource).encode()
            all_headers.setdefault("Content-Type", JSON)
        url = path if path.startswith("http") else f"{self.base_url}/{path}" if path else self.base_url
        return self._http.send(method, url, endpoint=Endpoint.FHIR, headers=all_headers, form=form, content=content)

    def read(self, reference: str, token: str | None) -> Exchange:
        """Read ``Type/id`` or an absolute URL."""
        return self.send("GET", reference, token)

    def search(self, resource: str, parameters: Sequence[tuple[str, str]], token: str | None) -> Exchange:
        """Search a type by GET."""
        from urllib.parse import urlencode

        query = f"?{urlencode(list(parameters))}" if parameters else ""
        return self.send("GET", f"{resource}{query}", token)

    def search_by_post(self, resource: str, parameters: Sequence[tuple[str, str]], token: str | None) -> Exchange:
        """Search a type by POST to ``_search``."""
        return self.send("POST", f"{resource}/_search", token, form=parameters)


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
