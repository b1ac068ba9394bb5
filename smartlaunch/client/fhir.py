"""FHIR requests as an app makes them with an access token (RFC 6750, FHIR R4 RESTful API)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from smartlaunch.client.http import Http
from smartlaunch.exchange import Endpoint, Exchange

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
