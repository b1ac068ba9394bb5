"""FHIR requests as an app makes them with an access token (RFC 6750, FHIR R4 RESTful API)."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Any
from urllib.parse import urljoin, urlsplit

from smartlaunch.client.http import Http
from smartlaunch.client.waits import let_pass
from smartlaunch.exchange import Endpoint, Exchange
from smartlaunch.fhir import created_at, is_gone

JSON = "application/fhir+json"
_YOUNG_S = 3.0
_SPREAD_S = 1.5
"""How long the news of a token may take from the authorization server to the FHIR server."""
_IN_VAIN = 2
"""After so many overtaken tokens that stayed dead, they are taken to be ended by the later login and not to be late."""


class Fhir:
    """The FHIR server of one target."""

    def __init__(self, http: Http, base_url: str) -> None:
        self._http = http
        self._unused: dict[str, tuple[float, str, int]] = {}
        self._issued: Counter[str] = Counter()
        self._in_vain = 0
        self._written: dict[str, dict[str, str]] = {}
        """What was created and is not known to be gone: its address, and the headers with which it can be deleted."""
        self.base_url = base_url.rstrip("/")
        self.always_sent: dict[str, str] = {}

    def for_page(self, origin: str) -> Fhir:
        """The same server as a browser asks it for a page: every request names the origin of the page."""
        page = copy(self)
        page.always_sent = {"Origin": origin}
        return page

    def expect(self, token: str, holder: str = "") -> None:
        """Say that a token was issued just now: its first use may come before the FHIR server knows of it.

        ``holder`` tells those apart of whose tokens a later one cannot end an earlier one.
        """
        self._issued[holder] += 1
        self._unused[token] = (time.monotonic(), holder, self._issued[holder])

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
        """One request below the base URL; no ``Authorization`` header when the token is None.

        A read that is the first use of a new token is tried once more where it is answered with 401: the news of a token may take a
        moment to reach every server, and a token may begin to be valid in the second that follows. Not so where a later login of ours may
        have ended it and this was seen to be the server's way: each such token would cost the wait in vain.
        """
        all_headers = {"Accept": JSON, **self.always_sent, **(headers or {})}
        if token is not None:
            all_headers["Authorization"] = f"{scheme} {token}"
        content = None
        if resource is not None:
            content = json.dumps(resource).encode()
            all_headers.setdefault("Content-Type", JSON)
        url = path if path.startswith("http") else f"{self.base_url}/{path}" if path else self.base_url
        issued = self._unused.pop(token, None) if token is not None else None
        exchange = self._http.send(method, url, endpoint=Endpoint.FHIR, headers=all_headers, form=form, content=content)
        moved = moved_by_a_slash(exchange)
        if moved:
            exchange = self._http.send(method, moved, endpoint=Endpoint.FHIR, headers=all_headers, form=form, content=content)
        if (
            issued is not None
            and method == "GET"
            and exchange.heard.status == 401
            and scheme.lower() == "bearer"
            and self._may_be_late(issued)
        ):
            let_pass(_SPREAD_S)
            exchange = self._http.send(method, url, endpoint=Endpoint.FHIR, headers=all_headers, form=form, content=content)
            if self._is_overtaken(issued):
                self._in_vain = self._in_vain + 1 if exchange.heard.status == 401 else 0
        self._note(method, url, exchange, all_headers)
        return exchange

    def _may_be_late(self, issued: tuple[float, str, int]) -> bool:
        """Whether a token that is refused may be one that the FHIR server has not heard of yet."""
        return time.monotonic() - issued[0] < _YOUNG_S and not (self._in_vain >= _IN_VAIN and self._is_overtaken(issued))

    def _is_overtaken(self, issued: tuple[float, str, int]) -> bool:
        """Whether another token was issued after this one to somebody for whom a server may keep one only."""
        return issued[2] != self._issued[issued[1]]

    def _note(self, method: str, url: str, exchange: Exchange, headers: Mapping[str, str]) -> None:
        status = exchange.heard.status
        if is_gone(method, status):
            self._written.pop(url, None)
        created = created_at(method, url, status, exchange.heard.header("location") or "")
        if created:
            self._written[created] = {name: headers[name] for name in ("Accept", "Authorization") if name in headers}

    def take_back(self, seconds: float, in_force: Callable[[str], str] = str) -> None:
        """Delete what the run created and did not delete itself; what is still there after that stays, and the report names it.

        The token that created something may be over by then; ``in_force`` gives the one that has taken its place, or the same.
        """
        until = time.monotonic() + seconds
        for url, headers in list(self._written.items()):
            if time.monotonic() > until:
                return
            gone = self._http.send("DELETE", url, endpoint=Endpoint.FHIR, headers=headers)
            scheme, _, token = headers.get("Authorization", "").partition(" ")
            if gone.heard.status == 401 and (current := in_force(token)) != token:
                renewed = {**headers, "Authorization": f"{scheme} {current}"}
                gone = self._http.send("DELETE", url, endpoint=Endpoint.FHIR, headers=renewed)
            if is_gone("DELETE", gone.heard.status):
                self._written.pop(url, None)

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


def moved_by_a_slash(exchange: Exchange) -> str:
    """Where a redirect leads that only adds or takes a slash at the end of the path on the same server; nothing for any other."""
    answer = exchange.heard
    place = answer.header("location") or ""
    if answer.status not in (301, 307, 308) or not place:
        return ""
    asked, there = urlsplit(exchange.request.url), urlsplit(urljoin(exchange.request.url, place))
    same = asked[:2] == there[:2] and asked.query == there.query and asked.path != there.path
    return there.geturl() if same and asked.path.rstrip("/") == there.path.rstrip("/") else ""
