"""Asks the plain server behind a vendor's front, in memory, and hands its answer on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message

_KEPT = ("type", "asgi", "http_version", "scheme", "client", "server", "state", "extensions")
_OF_THE_BODY = (b"content-length", b"content-type")
_FORM = b"application/x-www-form-urlencoded"


class Inner:
    """The plain server."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def ask(self, request: Request, path: str, *, query: Sequence[tuple[str, str]] | None = None) -> Response:
        """Pass a request on to another path, with its own body and, unless another is given, its own query."""
        raw = request.scope["query_string"] if query is None else urlencode(list(query)).encode()
        return await self._send(request, request.method, path, raw, request.scope["headers"], await request.body())

    async def post(self, request: Request, path: str, form: Sequence[tuple[str, str]]) -> Response:
        """Post a form in the name of a request."""
        body = urlencode(list(form)).encode()
        headers = [(k, v) for k, v in request.scope["headers"] if k not in _OF_THE_BODY]
        headers += [(b"content-type", _FORM), (b"content-length", str(len(body)).encode())]
        return await self._send(request, "POST", path, b"", headers, body)

    async def _send(
        self, request: Request, method: str, path: str, query: bytes, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> Response:
        scope: dict[str, Any] = {key: request.scope[key] for key in _KEPT if key in request.scope}
        scope |= {
            "method": method,
            "path": path,
            "raw_path": quote(path).encode(),
            "root_path": "",
            "query_string": query,
            "headers": list(headers),
        }
        start: dict[str, Any] = {"status": 500, "headers": []}
        chunks: list[bytes] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                chunks.append(message.get("body", b""))

        await self._app(scope, receive, send)
        response = Response(b"".join(chunks), int(start["status"]))
        kept = [(k, v) for k, v in start["headers"] if k.lower() != b"content-length"]
        response.raw_headers = [*kept, (b"content-length", str(len(response.body)).encode())]
        return response
