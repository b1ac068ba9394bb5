"""What every request has to keep to before the server looks at what it asks: its host, its size and its time.

The embedded EHR listens on the loopback address only, yet a page in the same machine's browser can reach it. A name that somebody else
resolves to that address (DNS rebinding) is refused, and no request may hold memory or a connection for as long as it likes.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_LIMIT = 4 * 1024 * 1024
"""Above what any route takes; the token endpoint and the FHIR server say in their own form what is too large for them."""
BODY_LIMIT_S = 20.0
HEADER_LIMIT_S = 10.0
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class _Refused(Exception):
    """A request that goes no further."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Guard:
    """The application behind the limits."""

    body_limit_s = BODY_LIMIT_S

    def __init__(self, app: ASGIApp, base_url: str) -> None:
        self.app = app
        self.names = _LOOPBACK | {urlsplit(base_url).hostname or ""}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, whole and in time, or say why not."""
        if scope["type"] != "http":
            return
        scope.setdefault("state", {})["arrived"] = time.monotonic()  # by its headers; the body may be long in coming
        headers = {name.lower(): value for name, value in scope["headers"]}
        try:
            self._require_own_host(headers.get(b"host", b""))
            _require_size(headers.get(b"content-length", b""))
            first = await self._whole_body(receive)
        except _Refused as refusal:
            # The rest of the body is not waited for, so the connection cannot serve another request.
            told = {"Date": formatdate(time.time(), usegmt=True), "Connection": "close", "Cache-Control": "no-store"}
            await PlainTextResponse(f"{refusal}\n", refusal.status, told)(scope, receive, send)
            return
        waiting: list[Message] = [first]

        async def replay() -> Message:
            return waiting.pop() if waiting else await receive()

        await self.app(scope, replay, send)

    def _require_own_host(self, header: bytes) -> None:
        try:
            name = urlsplit(f"//{header.decode('ascii')}").hostname or ""
        except ValueError:
            name = ""
        if name not in self.names:
            raise _Refused(421, "This server answers for its own name only.")

    async def _whole_body(self, receive: Receive) -> Message:
        body = bytearray()
        due = asyncio.get_running_loop().time() + self.body_limit_s
        while True:
            try:
                async with asyncio.timeout_at(due):
                    message = await receive()
            except TimeoutError:
                raise _Refused(408, "The request body did not come in time.") from None
            if message["type"] != "http.request":
                return message
            body += message.get("body", b"")
            if len(body) > BODY_LIMIT:
                raise _Refused(413, "The request body is too large.")
            if not message.get("more_body", False):
                return {"type": "http.request", "body": bytes(body), "more_body": False}


def _require_size(stated: bytes) -> None:
    with contextlib.suppress(ValueError):
        if int(stated) > BODY_LIMIT:
            raise _Refused(413, "The request body is too large.")


class PunctualProtocol(H11Protocol):
    """Closes a connection whose request line and headers take longer than a limit.

    uvicorn has a limit for connections that are idle after an answer, and none for those that never ask anything.
    """

    header_limit_s = HEADER_LIMIT_S

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares it
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._due: asyncio.TimerHandle | None = None
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what came, and wait for the rest of the headers as long as they are not complete."""
        before: Any = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._stop_waiting()
        elif self.cycle is None or self.cycle.response_complete:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._due is None:
            self._due = self.loop.call_later(self.header_limit_s, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
