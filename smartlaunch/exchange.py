"""One HTTP exchange as it went over the wire, and as it is kept.

``Exchange`` is the raw record: it lives only in memory and holds secrets. ``smartlaunch.evidence`` derives facts from it, redacts
it and stores a ``RecordedExchange``, the only form that reports, diagnosis and tickets ever see.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from smartlaunch.errors import Blocked, Unreachable

Headers = tuple[tuple[str, str], ...]


_FIREWALL = re.compile(
    r"request (?:was |has been )?(?:blocked|rejected)|support id is|incident id|ray id|web application firewall|application[ -]gateway"
    r"|akamai|cloudfront|imperva|incapsula|mod_security|access denied by (?:security )?policy",
    re.IGNORECASE,
)
TRANSIENT = frozenset({429, 502, 503, 504})
"""Statuses that say "not now" and nothing of the request: those of a limit, or of a proxy whose server is away."""


class Actor(StrEnum):
    """Who sent the request."""

    APP = "app"
    BROWSER = "browser"


class Endpoint(StrEnum):
    """What the request was for; ``page`` is any page of the server that a person sees."""

    DISCOVERY = "discovery"
    OPENID_CONFIGURATION = "openid-configuration"
    METADATA = "metadata"
    JWKS = "jwks"
    AUTHORIZE = "authorize"
    PAGE = "page"
    REDIRECT = "redirect"
    LAUNCH = "launch"
    TOKEN = "token"
    INTROSPECTION = "introspection"
    REVOCATION = "revocation"
    FHIR = "fhir"
    STYLE = "style"
    BRANDS = "brands"
    OTHER = "other"


_CERTIFICATE_OF = {
    **dict.fromkeys((Endpoint.DISCOVERY, Endpoint.METADATA, Endpoint.FHIR), "tls-certificate-of-the-fhir-server"),
    **dict.fromkeys((Endpoint.AUTHORIZE, Endpoint.TOKEN), "tls-certificate-of-the-authorization-server"),
}
"""The scenario that judges the certificate of an endpoint."""


class Failure(StrEnum):
    """Why no answer came, for programs; the sentence for people is the ``error`` of the exchange."""

    NOT_AN_ADDRESS = "not-an-address"
    NOT_SENDABLE = "not-sendable"
    """We could not put the request into HTTP: the other side has no part in it."""
    DNS = "dns"
    REFUSED = "refused"
    NO_CONNECTION = "no-connection"
    TLS_UNTRUSTED = "tls-untrusted"
    TLS = "tls"
    PLAIN_HTTP = "plain-http"
    """The address says https and the port speaks plain http."""
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"
    """What came is no HTTP, or is not in the form that it says it is in."""
    BROKEN_OFF = "broken-off"
    CAUGHT = "caught"
    """The browser was stopped at the address of the app, as it should be: nothing was sent there."""


@dataclass(frozen=True)
class Request:
    """A request as sent. ``url`` is absolute; ``body`` is the bytes on the wire."""

    method: str
    url: str
    headers: Headers = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The first value of a header, or None; names match without regard to case."""
        return _header(self.headers, name)

    @cached_property
    def query(self) -> list[tuple[str, str]]:
        """Query parameters in order, decoded, repeated names kept."""
        return parse_qsl(urlsplit(self.url).query, keep_blank_values=True)

    @cached_property
    def form(self) -> list[tuple[str, str]]:
        """Form parameters of the body in order when it is form-encoded, else empty."""
        if not (self.header("content-type") or "").lower().startswith("application/x-www-form-urlencoded"):
            return []
        return parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True)


@dataclass(frozen=True)
class Response:
    """An answer as received. ``truncated`` says that the body went over the limit and was cut."""

    status: int
    headers: Headers = ()
    body: bytes = b""
    reason: str = ""
    http_version: str = ""
    truncated: bool = False

    def header(self, name: str) -> str | None:
        """The first value of a header, or None; names match without regard to case."""
        return _header(self.headers, name)

    def all(self, name: str) -> list[str]:
        """Every value of a header, in order."""
        return [v for k, v in self.headers if k.lower() == name.lower()]

    @property
    def media_type(self) -> str:
        """The media type in lower case without parameters, or an empty string."""
        return (self.header("content-type") or "").split(";")[0].strip().lower()

    @cached_property
    def text(self) -> str:
        """The body as UTF-8, wrong bytes replaced."""
        return self.body.decode("utf-8", "replace")

    @cached_property
    def json(self) -> Any:
        """The parsed JSON body, or None when the body is not JSON; see ``json_error``."""
        return self._parsed[0]

    @property
    def json_error(self) -> str:
        """Why the body is not JSON, or an empty string."""
        return self._parsed[1]

    @cached_property
    def _parsed(self) -> tuple[Any, str]:
        if self.truncated:
            return None, "the body went over the size limit and was cut"
        try:
            return json.loads(self.body.decode("utf-8")), ""
        except UnicodeDecodeError as exc:
            return None, f"the body is not UTF-8 (byte {exc.start})"
        except (ValueError, RecursionError) as exc:
            return None, f"the body is not JSON ({exc})"

    @property
    def of_firewall(self) -> bool:
        """Whether a firewall in front of the server answered, which has not let the request through."""
        return 400 <= self.status < 600 and not self.object and _FIREWALL.search(self.text[:4000]) is not None

    @property
    def object(self) -> dict[str, Any]:
        """The JSON body when it is an object, else an empty dict."""
        return self.json if isinstance(self.json, dict) else {}


@dataclass(frozen=True)
class Exchange:
    """One request with its answer, or with the reason why none came.

    ``started`` has a zone; ``duration_ms`` is wall time to the last byte; ``error`` is a sentence when ``response`` is None
    and ``failure`` its kind where that is known;
    ``redirect_of`` is the id of the exchange whose redirect this one follows; ``page`` is what the browser found on the page that came
    (``login``, ``patient``, ``consent``, as the recipes call it; several with commas); ``tls`` is the negotiated version or empty.
    """

    id: str
    actor: Actor
    endpoint: Endpoint
    started: datetime
    duration_ms: float
    request: Request
    response: Response | None = None
    error: str = ""
    redirect_of: str = ""
    tls: str = ""
    failure: Failure | None = None
    page: str = ""

    @property
    def answer(self) -> Response:
        """The response; ``Unreachable`` when none came or it says "not now", so that neither is judged as a refusal or as a fault."""
        if self.failure is Failure.NOT_SENDABLE:
            raise Blocked(f"{self.endpoint.value}: {self.error}", waited_for="a request that HTTP can carry")
        if self.response is None:
            host = urlsplit(self.request.url).netloc
            raise Unreachable(
                f"{self.endpoint.value}: {self.error}",
                waited_for=f"an answer from {host} to {self.request.method} {self.request.url.split('?')[0]}",
                hint="check that the address in the target file is right and the server is up, then run `smartlaunch doctor`",
                by=_CERTIFICATE_OF.get(self.endpoint, "tls-certificate") if self.failure is Failure.TLS_UNTRUSTED else "",
            )
        if self.response.status in TRANSIENT:
            raise Unreachable(
                f"{self.endpoint.value}: status {self.response.status}, which says nothing of the request",
                waited_for=f'an answer other than "not now" to {self.request.method} {self.request.url.split("?")[0]}',
                hint="set [limits] rate in the target file where the server limits requests, and run again when it is in service",
            )
        return self.response

    @property
    def heard(self) -> Response:
        """The response, or an empty one with status 0 when none came: for evidence, and for what silence is right for."""
        return self.response or Response(status=0)


@dataclass
class RecordedExchange:
    """The redacted form of an exchange, as ``run.json`` holds it.

    Headers are ordered [name, value] pairs; bodies are text (redacted, perhaps cut); ``facts`` were derived before redaction;
    ``correlation`` maps header names (as sent) and ``error_uri instance`` to ids that a support desk can look up.
    """

    id: str
    actor: str
    endpoint: str
    started: str
    duration_ms: float
    method: str
    url: str
    request_headers: list[list[str]] = field(default_factory=list)
    request_body: str = ""
    status: int = 0
    reason: str = ""
    http_version: str = ""
    response_headers: list[list[str]] = field(default_factory=list)
    response_body: str = ""
    truncated: bool = False
    error: str = ""
    redirect_of: str = ""
    tls: str = ""
    failure: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    correlation: dict[str, str] = field(default_factory=dict)

    @property
    def caught(self) -> bool:
        """Whether the browser was stopped here on its way to the app, as it should be."""
        return self.failure == Failure.CAUGHT


def _header(headers: Headers, name: str) -> str | None:
    wanted = name.lower()
    return next((value for key, value in headers if key.lower() == wanted), None)
