"""Permitted ways of HTTP that few servers take: how an answer travels, not what it says.

They stand outermost, so that no endpoint knows of them: a server behind a proxy looks like this.
"""

from __future__ import annotations

import gzip
import json
import secrets
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse

from smartlaunch.embedded_ehr.core import ONE_PATH

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from smartlaunch.embedded_ehr.core import Sandbox

LONG_PATH = "/api/v1/tenants/lakeside-7/fhir/r4"
ANOTHER_HOST = "localhost"
_LONGEST_QUERY = 2048
_PIECE = 11
_EVERY = 60
_BURST = 8
_OPERATIONS = {"authorize": "/oauth/authorize", "token": "/oauth/token", "introspect": "/oauth/introspect", "revoke": "/oauth/revoke"}
SECOND_NAME = "/connect"
_PAGES = ("/oauth/login", "/oauth/patient", "/oauth/encounter", "/oauth/consent", "/oauth/logout", "/oauth/onward", "/oauth/authorize")
_BUFFERED = ("compresses_every_answer", "writes_json_with_blanks_and_escapes", "sends_answers_in_pieces")


class Wire:
    """Middleware that carries requests and answers as the variants have it."""

    def __init__(self, app: ASGIApp, sandbox: Sandbox) -> None:
        self.app = app
        self.sandbox = sandbox
        self.variant = sandbox.variant
        self.served = 0
        self.burst: list[float] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        away = self._away(scope)
        if away:
            await JSONResponse({"message": "try again"}, away, {"Retry-After": "1"})(scope, receive, send)
            return
        if len(scope["query_string"]) > _LONGEST_QUERY and self.variant("limits_addresses_to_2048_characters"):
            await JSONResponse({"message": "too long"}, 414)(scope, receive, send)
            return
        if self.variant("keeps_fhir_below_a_long_path"):
            scope = _shortened(scope)
        if self.variant("has_one_path_for_all_endpoints"):
            scope = _by_operation(scope)
        if self.variant("has_two_names_for_each_endpoint"):
            scope = _by_first_name(scope)
        if self._bursting(scope):
            await HTMLResponse("<h1>Too many requests</h1>", 429, {"Retry-After": "1"})(scope, receive, send)
            return
        answer = _Answer(self, send, gzip_taken="gzip" in headers.get("accept-encoding", "gzip"))
        await self.app(scope, receive, answer.take)

    def _bursting(self, scope: Scope) -> bool:
        """Say whether too many token requests came within a second."""
        if scope["path"] != "/oauth/token" or not self.variant("limits_bursts_of_token_requests"):
            return False
        now = time.monotonic()
        self.burst = [*(at for at in self.burst if at > now - 1), now]
        return len(self.burst) > _BURST

    def _away(self, scope: Scope) -> int:
        """Return the status of a server that has no time just now, once in a while and never for a page."""
        names = {"asks_to_slow_down": 429, "is_away_for_a_moment": 503}
        status = next((status for name, status in names.items() if self.variant(name)), 0)
        if not status or scope["path"].startswith((*_PAGES, "/chart", "/static")) or scope["method"] == "OPTIONS":
            return 0
        self.served += 1
        return status if self.served % _EVERY == 0 else 0


class _Answer:
    """One answer on its way out."""

    def __init__(self, wire: Wire, send: Send, *, gzip_taken: bool) -> None:
        self.wire, self.send, self.gzip_taken = wire, send, gzip_taken
        self.variant = wire.variant
        self.buffered = any(self.variant(name) for name in _BUFFERED)
        self.start: Message = {}
        self.body = b""

    async def take(self, message: Message) -> None:
        """Take a message of the application, and send on what is ready."""
        if message["type"] == "http.response.start":
            self.start = message
            self._change_headers(MutableHeaders(scope=message))
            if not self.buffered:
                await self.send(self._written(message))
            return
        if not self.buffered:
            await self.send(message)
            return
        self.body += message.get("body", b"")
        if not message.get("more_body", False):
            await self._finish()

    async def _finish(self) -> None:
        headers, body = MutableHeaders(scope=self.start), self.body
        if self.variant("writes_json_with_blanks_and_escapes") and "json" in headers.get("content-type", "") and body:
            body = json.dumps(json.loads(body), indent=4).replace("/", "\\/").encode("ascii") + b"\r\n"
        if self.variant("compresses_every_answer") and self.gzip_taken and body:
            body = gzip.compress(body)
            headers["Content-Encoding"] = "gzip"
            headers.add_vary_header("Accept-Encoding")
        if "content-length" in headers:
            headers["Content-Length"] = str(len(body))
        if not self.variant("sends_answers_in_pieces") or not body:
            await self.send(self._written(self.start))
            await self.send({"type": "http.response.body", "body": body})
            return
        del headers["content-length"]
        await self.send(self._written(self.start))
        for at in range(0, len(body), _PIECE * (1 + len(body) // 500)):
            piece = body[at : at + _PIECE * (1 + len(body) // 500)]
            await self.send({"type": "http.response.body", "body": piece, "more_body": True})
        await self.send({"type": "http.response.body", "body": b""})

    def _change_headers(self, headers: MutableHeaders) -> None:
        base = self.wire.sandbox.state.base_url
        place = headers.get("location", "")
        if place.startswith(f"{base}/") and self.variant("redirects_with_relative_locations"):
            headers["Location"] = place.removeprefix(base)
        if self.variant("closes_every_connection"):
            headers["Connection"] = "close"
        if self.variant("tells_its_limits"):
            headers["RateLimit-Limit"], headers["RateLimit-Remaining"], headers["RateLimit-Reset"] = "60", "0", "1"
            headers["X-RateLimit-Remaining"], headers["Warning"] = "0", '299 - "Node 3 is slow"'
            headers["Deprecation"], headers["Link"] = "@1688169599", '<https://lakeside.example/docs>; rel="help"'
        if self.variant("sets_a_cookie_with_every_answer"):
            headers.append("Set-Cookie", f"lakeside_node={secrets.token_hex(4)}; Path=/; HttpOnly; SameSite=None; Secure")

    def _written(self, start: Message) -> Message:
        if self.variant("writes_header_names_in_capitals"):
            return {**start, "headers": [(name.upper(), value) for name, value in start["headers"]]}
        return start


def _shortened(scope: Scope) -> Scope:
    """Return the request with the FHIR server at the place where the routes have it."""
    path, raw = scope["path"], scope.get("raw_path", b"")
    if path != LONG_PATH and not path.startswith(f"{LONG_PATH}/"):
        return scope
    return {**scope, "path": "/fhir" + path.removeprefix(LONG_PATH), "raw_path": b"/fhir" + raw.removeprefix(LONG_PATH.encode())}


def _by_operation(scope: Scope) -> Scope:
    """Return the request with the endpoint that its query names as its path."""
    if scope["path"] != ONE_PATH:
        return scope
    pairs = scope["query_string"].split(b"&")
    named = next((pair.partition(b"=")[2].decode("ascii", "replace") for pair in pairs if pair.startswith(b"op=")), "")
    path: str = _OPERATIONS.get(named, ONE_PATH)
    left = b"&".join(pair for pair in pairs if not pair.startswith(b"op="))
    return {**scope, "path": path, "raw_path": path.encode(), "query_string": left}


def _by_first_name(scope: Scope) -> Scope:
    """Return the request with the endpoint under the name that the SMART configuration has for it."""
    if not scope["path"].startswith(f"{SECOND_NAME}/"):
        return scope
    path = "/oauth/" + scope["path"].removeprefix(f"{SECOND_NAME}/")
    return {**scope, "path": path, "raw_path": path.encode()}


def at_another_host(url: str) -> str:
    """Return an address of this server with another of the names of its machine."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{ANOTHER_HOST}:{parts.port}").geturl()
