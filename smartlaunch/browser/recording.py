"""What the browser sent and received, as exchanges.

Events are only collected while the walk goes on; headers are asked for after the landing, bodies before the page is left, because
the browser forgets them then.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from smartlaunch.exchange import Actor, Endpoint, Exchange, Failure, Headers, Request, Response

RECORDED = ("document", "xhr", "fetch")
BUSY = ("document", "xhr", "fetch", "script")
_TEXTUAL = ("html", "json", "xml", "text/plain", "x-www-form-urlencoded")


@dataclass
class Entry:
    """One request of the browser, while it is going on."""

    request: Any
    kind: str
    url: str
    method: str
    navigation: bool
    started: datetime
    clock: float
    response: Any = None
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    finished: float | None = None
    failure: str = ""
    body: bytes | None = None
    truncated: bool = False
    caught: bool = False
    posted: bytes = b""
    pages: list[str] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """Whether it becomes an exchange."""
        return self.kind in RECORDED or self.caught

    @property
    def redirects(self) -> bool:
        """Whether the answer sends the browser elsewhere."""
        return 300 <= self.status < 400 and "location" in self.headers

    @property
    def media_type(self) -> str:
        """The media type of the answer in lower case."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()


class Recording:
    """The requests of one walk, in order."""

    def __init__(self, *, body_limit: int) -> None:
        self.entries: list[Entry] = []
        self.busy: dict[Any, Entry] = {}
        self.last_event = time.monotonic()
        self.sent = 0
        self._by_request: dict[Any, Entry] = {}
        self._body_limit = body_limit

    def request(self, request: Any, *, caught: bool) -> Entry:
        """Note a request that starts."""
        kind = request.resource_type
        entry = Entry(
            request, kind, request.url, request.method, request.is_navigation_request(), datetime.now(UTC), time.monotonic(), caught=caught
        )
        entry.posted = _posted(request)
        if kind in BUSY:
            self.busy[request] = entry
            self.sent += 1
            self.last_event = entry.clock
        if kind in RECORDED or entry.navigation:
            self.entries.append(entry)
            self._by_request[request] = entry
        return entry

    def response(self, response: Any) -> Entry | None:
        """Note the head of an answer."""
        entry = self._by_request.get(response.request)
        if entry is not None:
            entry.response, entry.status = response, response.status
            entry.headers = {k.lower(): v for k, v in response.headers.items()}
            self.last_event = time.monotonic()
        return entry

    def done(self, request: Any, failure: str = "") -> Entry | None:
        """Note the end of a request."""
        if self.busy.pop(request, None) is not None:
            self.last_event = time.monotonic()
        entry = self._by_request.get(request)
        if entry is not None:
            entry.finished = time.monotonic()
            entry.failure = failure
        return entry

    def recognized(self, topic: str) -> None:
        """Note what the page that is shown is about: one thing after the other where a script builds all pages in one document."""
        shown = next((e for e in reversed(self.entries) if e.navigation and e.response is not None and not (e.caught or e.redirects)), None)
        if shown is not None and topic not in shown.pages:
            shown.pages.append(topic)

    def waiting_for_document(self) -> Entry | None:
        """A navigation that has had no answer yet."""
        return next((e for e in self.busy.values() if e.navigation and e.response is None and not e.caught), None)

    def quiet_for(self) -> float:
        """Seconds since anything happened on the network, 0 while a request is open."""
        open_ones = any(not e.caught for e in self.busy.values())
        return 0.0 if open_ones else time.monotonic() - self.last_event

    def fetch_bodies(self) -> None:
        """Ask for the bodies of finished documents and data, as far as the browser still has them."""
        from playwright.sync_api import Error

        for entry in self.entries:
            if (
                entry.body is not None
                or entry.response is None
                or entry.finished is None
                or entry.failure
                or entry.caught
                or entry.redirects
            ):
                continue
            entry.body = b""
            if not any(part in entry.media_type for part in _TEXTUAL) and entry.media_type:
                continue
            length = entry.headers.get("content-length", "")
            if length.isdigit() and int(length) > 4 * self._body_limit:
                entry.truncated = True
                continue
            try:
                body = entry.response.body()
            except Error:
                continue  # the page was left before its body was asked for
            entry.truncated = len(body) > self._body_limit
            entry.body = body[: self._body_limit]

    def exchanges(self, next_id: Callable[[], str], *, first: Endpoint, caught: Endpoint) -> list[Exchange]:
        """Turn what was collected into exchanges; asks the browser for complete headers where an answer came."""
        ids: dict[Any, str] = {}
        made = []
        seen_first = False
        for entry in self.entries:
            if not entry.kept:
                continue
            name = next_id()
            ids[entry.request] = name
            endpoint = caught if entry.caught else (Endpoint.PAGE if seen_first else first)
            seen_first = True
            before = entry.request.redirected_from
            made.append(self._exchange(entry, name, endpoint, ids.get(before, "") if before else ""))
        return made

    def made_before(self, number: int) -> int:
        """How many exchanges come of the first entries."""
        return sum(entry.kept for entry in self.entries[:number])

    def _exchange(self, entry: Entry, name: str, endpoint: Endpoint, redirect_of: str) -> Exchange:
        whole = entry.response is not None and not entry.caught and not entry.failure
        end = entry.finished if entry.finished is not None else time.monotonic()
        started, duration = entry.started, (end - entry.clock) * 1000
        if whole:
            timing = entry.request.timing
            if timing.get("startTime", 0) > 0:
                started = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=timing["startTime"])
            if timing.get("responseEnd", -1) > 0:
                duration = float(timing["responseEnd"])
        request = Request(entry.method, entry.url, _headers(entry, whole), entry.posted)
        response = None
        error = ""
        if entry.caught:
            error = "caught in the browser; nothing was sent to this address"
        elif entry.response is None:
            error = plain_failure(entry.failure) if entry.failure else "no answer came before the browser went on"
        else:
            response = Response(
                entry.status, _answer_headers(entry, whole), entry.body or b"", entry.response.status_text, truncated=entry.truncated
            )
        return Exchange(
            name,
            Actor.BROWSER,
            endpoint,
            started,
            round(duration, 3),
            request,
            response,
            error,
            redirect_of,
            _tls(entry) if whole else "",
            failure=Failure.CAUGHT if entry.caught else None,
            page=",".join(entry.pages),
        )


def _posted(request: Any) -> bytes:
    if request.method == "GET":
        return b""
    return bytes(request.post_data_buffer or b"")


def _headers(entry: Entry, whole: bool) -> Headers:
    from playwright.sync_api import Error

    if whole and entry.finished is not None:
        try:
            return tuple(entry.request.all_headers().items())
        except Error:
            pass
    return tuple(entry.request.headers.items())


def _answer_headers(entry: Entry, whole: bool) -> Headers:
    from playwright.sync_api import Error

    if whole and entry.finished is not None:
        try:
            return tuple((h["name"], h["value"]) for h in entry.response.headers_array())
        except Error:
            pass
    return tuple(entry.headers.items())


def _tls(entry: Entry) -> str:
    from playwright.sync_api import Error

    if not entry.url.startswith("https:"):
        return ""
    try:
        details = entry.response.security_details() or {}
    except Error:
        return ""
    return str(details.get("protocol", "")).replace("TLS ", "TLSv")


_FAILURES = {
    "ERR_TOO_MANY_REDIRECTS": "the server redirects in a circle",
    "ERR_CONNECTION_REFUSED": "the connection was refused",
    "ERR_CONNECTION_RESET": "the connection was reset",
    "ERR_CONNECTION_CLOSED": "the connection was closed without an answer",
    "ERR_CONNECTION_TIMED_OUT": "no connection came within the browser's limit",
    "ERR_TIMED_OUT": "no answer came within the browser's limit",
    "ERR_EMPTY_RESPONSE": "the server closed the connection without an answer",
    "ERR_INVALID_HTTP_RESPONSE": "the server did not answer in HTTP",
    "ERR_RESPONSE_HEADERS_TOO_BIG": "the headers of the answer are too large for the browser",
    "ERR_INVALID_REDIRECT": "the server redirects to an address that is not valid",
    "ERR_UNSAFE_REDIRECT": "the server redirects to an address that the browser does not allow",
    "ERR_UNSAFE_PORT": "the browser does not open this port",
    "ERR_NAME_NOT_RESOLVED": "the host name is not known",
    "ERR_ADDRESS_UNREACHABLE": "the host cannot be reached",
    "ERR_INTERNET_DISCONNECTED": "there is no network",
    "ERR_PROXY_CONNECTION_FAILED": "the proxy cannot be reached",
    "ERR_SSL_PROTOCOL_ERROR": "the TLS handshake failed",
    "ERR_SSL_VERSION_OR_CIPHER_MISMATCH": "the server offers no TLS version that the browser takes",
    "ERR_CERT_AUTHORITY_INVALID": "the certificate is not trusted: its issuer is unknown; see ca_file in the target file",
    "ERR_CERT_DATE_INVALID": "the certificate has expired or is not valid yet",
    "ERR_CERT_COMMON_NAME_INVALID": "the certificate is for another host",
    "ERR_BLOCKED_BY_CLIENT": "the way leads to a link-local address, where clouds keep their metadata; it is not opened",
    "ERR_TOO_MANY_RETRIES": "the server asks for the same again and again",
    "ERR_BLOCKED_BY_RESPONSE": "the answer forbids being shown",
    "ERR_INVALID_AUTH_CREDENTIALS": "the server asks for HTTP authentication, which the recipe does not do",
    "ERR_CONTENT_LENGTH_MISMATCH": "the answer is shorter than it says",
    "ERR_INCOMPLETE_CHUNKED_ENCODING": "the answer broke off",
    "ERR_CONTENT_DECODING_FAILED": "the answer's content encoding is broken",
    "ERR_HTTP2_PROTOCOL_ERROR": "the server broke the HTTP/2 protocol",
}


def failure_code(text: str) -> str:
    """The browser's own code in an error text, such as ``ERR_NAME_NOT_RESOLVED``, or an empty string."""
    import re

    found = re.search(r"ERR_[A-Z0-9_]+", text)
    return found[0] if found else ""


def plain_failure(text: str) -> str:
    """Say in plain words why no answer came, keeping the browser's code."""
    code = failure_code(text)
    if not code:
        return "the browser gave the request up"
    known = _FAILURES.get(code) or ("the certificate is not trusted" if code.startswith("ERR_CERT") else "no answer came")
    return f"{known} ({code})"
