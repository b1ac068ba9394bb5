"""HTTP of the app under test's stand-in: one httpx client, every exchange recorded, nothing without a limit.

A broken or missing answer is not an exception here: it is an exchange whose ``response`` is None and whose ``error`` says why, so
that evidence is kept in every case. ``answered`` turns it into ``Unreachable`` where a scenario cannot go on without it.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Protocol
from urllib.parse import unquote, urlencode, urlsplit

import httpcore
import httpx

from smartlaunch import __version__
from smartlaunch.client.inflated import Inflated
from smartlaunch.client.trust import Trust, carries_secret
from smartlaunch.client.waits import let_pass
from smartlaunch.errors import UsageError
from smartlaunch.exchange import TRANSIENT, Actor, Endpoint, Exchange, Failure, Request, Response
from smartlaunch.interruption import at_rest, give_way

Form = Sequence[tuple[str, str]]
FORM_TYPE = "application/x-www-form-urlencoded"
FORM_WITH_CHARSET = f"{FORM_TYPE};charset=UTF-8"
"""How a browser's ``fetch`` names the media type of a form."""
USER_AGENT = f"smart-launch-conformance/{__version__}"
_CHUNK = 65536
_DIGITS = 12
"""More digits than that in a ``Retry-After`` are nonsense, and long ones would not even be a number of seconds."""
_GATE_S = 5.0
_ARRIVAL_S = 0.05
"""What was sent before the last byte has arrived by then."""

_REPEATABLE = ("GET", "HEAD", "OPTIONS")
"""What may be sent again after a proxy's 502, 503 or 504: the server behind it may have done the work of anything else."""
_PAUSES = (1, 2, 4)
"""How long to wait before each repetition where the answer does not say it, in units of ``back_off_s``."""
_AN_EPOCH_TIME = 1_000_000_000
_SLOWER = 4.0
"""Requests a second once the server has said that there were too many, unless the target file allows fewer."""
_CALM = 40
"""After so many requests at a lower rate that were not too many, twice as many a second are tried."""
_AT_WILL = 40.0
"""A rate that nobody notices any more."""


class Sink(Protocol):
    """What takes the exchanges; the evidence recorder is one."""

    def next_id(self) -> str:
        """A new exchange id."""
        ...

    def record(self, exchange: Exchange) -> object:
        """Keep an exchange."""
        ...


class Http:
    """One recorded HTTP client.

    ``request_s`` bounds a whole exchange from connecting to the last byte, however slowly the server drips; ``body_bytes`` bounds what
    is read of a body; ``rate`` is the most requests a second (0: no bound); ``retry_s`` is the longest wait before one request is sent
    again, ``patience_s`` that of a whole run. ``headers_for`` gives what goes to a host beside the app's own headers, ``certificate``
    is the app's own as PEM file and the text of its key. A ``transport`` takes the place of the network, and of its deadline. No cookie
    is kept: an app that runs on a server sends none, and what a session opens is not opened by the token that is being judged.
    """

    def __init__(
        self,
        sink: Sink,
        *,
        request_s: float = 15,
        body_bytes: int = 5_000_000,
        rate: float = 0,
        ca_file: str = "",
        headers_for: Callable[[str], Mapping[str, str]] = lambda _host: {},
        proxy: str = "",
        certificate: tuple[str, str] | None = None,
        retry_s: float = 10,
        patience_s: float = 90,
        back_off_s: float = 1,
        transport: httpx.BaseTransport | None = None,
        trust: Trust | None = None,
    ) -> None:
        self._trust = trust
        self._sink, self._request_s, self._body_bytes, self._rate, self._retry_s = sink, request_s, body_bytes, rate, retry_s
        self._patience_s, self._back_off_s = patience_s, back_off_s
        self.slowed = False
        """Whether the server has said that there were too many requests, so that fewer are sent."""
        context = ssl.create_default_context()
        if ca_file:
            context.load_verify_locations(ca_file)
        if certificate is not None:
            _show_certificate(context, *certificate)
        self._headers_for = headers_for
        self.ssl_context = context
        self._deadline = _Deadline()
        barred = trust.barred if trust is not None and not proxy else _nobody_barred  # a proxy is where the user's file says it is
        wire = transport if transport is not None else _DeadlineTransport(context, self._deadline, barred, proxy)
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        self._client = httpx.Client(transport=wire, timeout=request_s, follow_redirects=False, trust_env=False, cookies=no_cookies)
        self._client.headers = httpx.Headers({"user-agent": USER_AGENT, "accept-encoding": "gzip, deflate"})
        self._last = 0.0
        self._most, self._calm = rate, 0

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def send(
        self,
        method: str,
        url: str,
        *,
        endpoint: Endpoint,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        form: Form | None = None,
        content: bytes | None = None,
        follow: int = 0,
    ) -> Exchange:
        """Send one request and return its exchange; follows at most ``follow`` redirects of a GET, each recorded.

        An answer that says "not now" is waited out within limits: 429 for every request, as a limit comes before the work, the other
        ones for requests that change nothing.
        """
        pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
        if form is not None:
            content = urlencode(list(form)).encode()
            if not any(k.lower() == "content-type" for k, _ in pairs):
                pairs.append(("Content-Type", FORM_TYPE))
        exchange = self._patiently(method, url, endpoint, pairs, content)
        hops = 0
        seen = {url}
        while follow and exchange.response is not None and exchange.response.status in (301, 302, 303, 307, 308):
            location = exchange.response.header("location")
            if not location:
                break
            target = str(httpx.URL(exchange.request.url).join(location))
            hops += 1
            if hops > follow or target in seen:
                break
            seen.add(target)
            exchange = self._once(method, target, endpoint, pairs, content, redirect_of=exchange.id)
        return exchange

    def send_together(
        self, method: str, url: str, *, endpoint: Endpoint, requests: Sequence[tuple[Sequence[tuple[str, str]], Form | bytes]]
    ) -> list[Exchange]:
        """Send requests that are under way at once: the last byte of each is held until all are there.

        Each has its headers and its form, or a body whose media type is among the headers.

        A server that looks before it writes down finds the same for all of them then. None is tried again.
        """
        gate = threading.Barrier(len(requests))
        jobs = []
        for headers, body in requests:
            content = body if isinstance(body, bytes) else urlencode(list(body)).encode()
            kind = [] if isinstance(body, bytes) else [("Content-Type", FORM_TYPE)]
            pairs = [*headers, *kind, ("Content-Length", str(len(content)))]
            jobs.append((self._sink.next_id(), pairs, content))

        def put(job: tuple[str, list[tuple[str, str]], bytes]) -> Exchange:
            identifier, pairs, content = job
            try:
                return self._heard(identifier, method, url, endpoint, pairs, content, held=_held(content, gate))
            finally:
                gate.abort()  # who failed before the gate must not keep the others waiting

        with ThreadPoolExecutor(len(jobs)) as pool:
            exchanges = list(pool.map(put, jobs))
        for exchange in exchanges:
            self._sink.record(exchange)
        return exchanges

    def _patiently(self, method: str, url: str, endpoint: Endpoint, headers: list[tuple[str, str]], content: bytes | None) -> Exchange:
        exchange = self._once(method, url, endpoint, headers, content)
        for pause in _PAUSES:
            response = exchange.response
            if response is None or response.status not in TRANSIENT or not _may_be_put_again(method, response):
                break
            if response.status == 429:
                self.slowed, self._rate, self._calm = True, min(self._rate or _SLOWER, _SLOWER), 0
            wait = _told_wait(response)
            wait = pause * self._back_off_s if wait is None else wait
            if wait > min(self._retry_s, self._request_s, self._patience_s):
                break
            self._patience_s -= wait
            let_pass(wait)
            exchange = self._once(method, url, endpoint, headers, content)
        return exchange

    def _hurry(self) -> None:
        """Send more again once the server has had its rest: one limit that was met is not the pace of the whole run."""
        if not self.slowed or self._rate == self._most:
            return
        self._calm += 1
        if self._calm < _CALM:
            return
        self._rate, self._calm = 2 * self._rate, 0
        if (self._most and self._rate > self._most) or self._rate > _AT_WILL:
            self._rate = self._most

    def _once(
        self, method: str, url: str, endpoint: Endpoint, headers: list[tuple[str, str]], content: bytes | None, redirect_of: str = ""
    ) -> Exchange:
        if self._rate > 0:
            pause = self._last + 1 / self._rate - time.monotonic()
            if pause > 0:
                let_pass(pause)
            self._last = time.monotonic()
        self._hurry()
        exchange = self._heard(self._sink.next_id(), method, url, endpoint, headers, content, redirect_of=redirect_of)
        self._sink.record(exchange)
        give_way()
        return exchange

    def _heard(
        self,
        identifier: str,
        method: str,
        url: str,
        endpoint: Endpoint,
        headers: list[tuple[str, str]],
        content: bytes | None,
        *,
        redirect_of: str = "",
        held: Iterable[bytes] | None = None,
    ) -> Exchange:
        """One exchange, not yet recorded; ``held`` is the content in the parts in which it is to be sent."""
        started, tick = datetime.now(UTC).astimezone(), time.monotonic()
        response: Response | None = None
        error, tls, sent = "", "", Request(method, url, tuple(headers), content or b"")
        self._deadline.at = tick + self._request_s
        failure: Failure | None = None
        try:
            _require_address(url)
            given = {name.lower() for name, _ in headers}
            headers = [*headers, *((k, v) for k, v in self._headers_for(urlsplit(url).netloc).items() if k.lower() not in given)]
            _require_sendable(headers)
            self._require_trust(url, headers, content)
            built = self._client.build_request(method, url, headers=headers, content=content if held is None else held)
            if built.headers.get("accept") == "":
                del built.headers["accept"]  # httpx adds one of its own where none is given
            sent = Request(method, str(built.url), tuple(_pairs(built.headers.raw)), content or b"")
            with_stream = self._client.send(built, stream=True)
            try:
                body, truncated = self._read(with_stream)
                tls = _tls_version(with_stream)
                response = Response(
                    with_stream.status_code,
                    tuple(_pairs(with_stream.headers.raw)),
                    body,
                    with_stream.reason_phrase,
                    with_stream.http_version,
                    truncated,
                )
            finally:
                with_stream.close()
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError, OSError) as exc:
            failure, response = failure_of(exc), None
            error = _sentence(failure, exc, url, self._request_s)
        took_ms = (time.monotonic() - tick) * 1000
        return Exchange(identifier, Actor.APP, endpoint, started, took_ms, sent, response, error, redirect_of, tls, failure)

    def _require_trust(self, url: str, headers: list[tuple[str, str]], content: bytes | None) -> None:
        if self._trust is None:
            return
        why = self._trust.barred(urlsplit(url).hostname or "") or (carries_secret(headers, content) and self._trust.withheld(url))
        if why:
            raise _NotSendable(why)

    def _read(self, response: httpx.Response) -> tuple[bytes, bool]:
        if response.is_stream_consumed:  # an answer made in memory, as tests give it: httpx has read it whole
            return response.content[: self._body_bytes], len(response.content) > self._body_bytes
        inflated = Inflated(response.headers.get_list("content-encoding", split_commas=True), self._body_bytes)
        for chunk in response.iter_raw(_CHUNK):
            inflated.take(chunk)
            if inflated.full:
                return inflated.body[: self._body_bytes], True
        return inflated.body, False


def _held(content: bytes, gate: threading.Barrier) -> Iterator[bytes]:
    """All but the last byte, and the last one when the other requests have come as far."""
    yield content[:-1]
    with contextlib.suppress(threading.BrokenBarrierError):
        gate.wait(_GATE_S)
        time.sleep(_ARRIVAL_S)
    yield content[-1:]


def answered(exchange: Exchange) -> Response:
    """The response of an exchange, or ``Unreachable`` when none came: said where a step waits for the answer itself."""
    return exchange.answer


def _may_be_put_again(method: str, response: Response) -> bool:
    """Whether a request can be sent once more without doing twice what it asks for.

    A server that limits requests, or that is out of service for a time it names, has not carried it out.
    """
    return method in _REPEATABLE or response.status == 429 or (response.status == 503 and _told_wait(response) is not None)


def _told_wait(response: Response) -> float | None:
    """The seconds that an answer asks to wait: ``Retry-After``, or the ``X-RateLimit-Reset`` that many servers send in its place."""
    value = (response.header("retry-after") or "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:_DIGITS])
    try:
        when = parsedate_to_datetime(value)
        return max(0.0, ((when if when.tzinfo is not None else when.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError, OverflowError):
        pass
    reset = next((v.strip() for name in ("x-ratelimit-reset", "x-rate-limit-reset") if (v := response.header(name) or "")), "")
    if not (reset.isascii() and reset.isdigit() and len(reset) <= _DIGITS):
        return None
    return max(0.0, float(reset) - time.time()) if float(reset) > _AN_EPOCH_TIME else float(reset)


def _pairs(raw: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[str, str]]:
    for key, value in raw:
        yield key.decode("latin-1"), value.decode("latin-1")


def _tls_version(response: httpx.Response) -> str:
    stream = response.extensions.get("network_stream")
    tls = stream.get_extra_info("ssl_object") if stream is not None else None
    return str(tls.version()) if tls is not None else ""


class _NotSendable(ValueError):
    """A header that HTTP cannot carry."""


_FIELD_VALUE = re.compile(r"[\t\x20-\x7e]*")


def _require_address(url: str) -> None:
    """Only http and https are ever called, whatever a document or a redirect of the server names."""
    scheme = urlsplit(url).scheme.lower()
    if scheme not in ("http", "https"):
        raise httpx.UnsupportedProtocol(f"only http and https are called, not {scheme or 'an address without a scheme'}")


def _require_sendable(headers: list[tuple[str, str]]) -> None:
    for name, value in headers:
        if not _FIELD_VALUE.fullmatch(value):
            raise _NotSendable(f"the header {name} would hold a character that HTTP does not allow there")


_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "UNKNOWN_PROTOCOL")
"""What OpenSSL says of an answer that is no TLS at all."""


def failure_of(exc: Exception) -> Failure:
    """The kind of a failure, by what was raised and what that came from."""
    causes = list(_causes(exc))
    if any(isinstance(cause, ssl.SSLError) and getattr(cause, "reason", "") in _NO_TLS for cause in causes):
        return Failure.PLAIN_HTTP
    kinds: tuple[tuple[tuple[type[BaseException], ...], Failure], ...] = (
        ((_NotSendable, httpx.LocalProtocolError), Failure.NOT_SENDABLE),
        ((httpx.TimeoutException,), Failure.TIMEOUT),
        ((ssl.SSLCertVerificationError,), Failure.TLS_UNTRUSTED),
        ((ssl.SSLError,), Failure.TLS),
        ((socket.gaierror,), Failure.DNS),
        ((ConnectionRefusedError,), Failure.REFUSED),
        ((httpx.ConnectError,), Failure.NO_CONNECTION),
        ((httpx.RemoteProtocolError, httpx.DecodingError), Failure.PROTOCOL),
        ((httpx.UnsupportedProtocol, httpx.InvalidURL, ValueError), Failure.NOT_AN_ADDRESS),
    )
    return next((kind for types, kind in kinds if any(isinstance(cause, types) for cause in causes)), Failure.BROKEN_OFF)


def _causes(exc: BaseException | None) -> Iterator[BaseException]:
    while exc is not None:
        yield exc
        exc = exc.__cause__ or exc.__context__


def _sentence(failure: Failure, exc: Exception, url: str, request_s: float) -> str:
    host, text = urlsplit(url).netloc if failure is not Failure.NOT_AN_ADDRESS else "", str(exc)
    broken = f"the exchange with {host} broke off: {type(exc).__name__} {text}".rstrip()
    undecodable = f"{host} sent a body that its Content-Encoding does not fit"
    return {
        Failure.TIMEOUT: f"no complete answer from {host} within {request_s:g} s",
        Failure.TLS_UNTRUSTED: f"the certificate of {host} is not trusted ({text}); set `ca_file` in [target] when it is a private one",
        Failure.TLS: f"no connection to {host}: {text}",
        Failure.PLAIN_HTTP: f"{host} does not speak TLS: this is https on a port that speaks plain http; write http://, or another port",
        Failure.DNS: f"no connection to {host}: {text}",
        Failure.REFUSED: f"no connection to {host}: {text}",
        Failure.NO_CONNECTION: f"no connection to {host}: {text}",
        Failure.PROTOCOL: undecodable if isinstance(exc, httpx.DecodingError) else f"{host} broke the HTTP protocol: {text}",
        Failure.NOT_AN_ADDRESS: f"{url!r} is not an address that can be called: {text}",
        Failure.NOT_SENDABLE: f"the request could not be sent: {text}",
        Failure.BROKEN_OFF: broken,
    }[failure]


def proxy_parts(proxy: str) -> tuple[str, tuple[str, str] | None]:
    """The address of a proxy, and the user name and password that stand in it."""
    parts = urlsplit(proxy)
    address = f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"
    return address, (unquote(parts.username), unquote(parts.password or "")) if parts.username else None


def _show_certificate(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Let the context show a certificate where a server asks for one; its key is on disk for that moment only."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as stream:  # made with mode 0600
        stream.write(key)
        stream.flush()
        try:
            context.load_cert_chain(certificate, stream.name)
        except (OSError, ssl.SSLError) as exc:
            raise UsageError(
                f"target.client_certificate and target.client_key do not belong together, or are no PEM ({type(exc).__name__})"
            ) from None


class _Deadline:
    """The moment by which an exchange has to be over."""

    def __init__(self) -> None:
        self.at = float("inf")

    def left(self, timeout: float | None, error: type[Exception]) -> float:
        """Seconds until then, or the error when it has passed."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise error("the deadline of the exchange has passed")
        return left if timeout is None else min(left, timeout)


class _DeadlineStream(httpcore.NetworkStream):
    """A socket whose reads and writes share one deadline, so that a slow drip ends too."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._deadline.left(timeout, httpcore.ReadTimeout)
        with at_rest():
            return self._stream.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        inner = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left(timeout, httpcore.ConnectTimeout))
        return _DeadlineStream(inner, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _nobody_barred(_host: str, _at: str) -> str:
    return ""


class _DeadlineBackend(httpcore.SyncBackend):
    def __init__(self, deadline: _Deadline, barred: Callable[[str, str], str]) -> None:
        self._deadline, self._barred = deadline, barred

    def connect_tcp(self, host: str, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        kwargs["timeout"] = self._deadline.left(kwargs.get("timeout"), httpcore.ConnectTimeout)
        stream = super().connect_tcp(host, *args, **kwargs)
        if why := self._barred(host, str(stream.get_extra_info("server_addr")[0])):
            stream.close()
            raise _NotSendable(why)
        return _DeadlineStream(stream, self._deadline)


class _DeadlineTransport(httpx.BaseTransport):
    """httpx over httpcore with one deadline for the whole exchange instead of one per read."""

    def __init__(self, context: ssl.SSLContext, deadline: _Deadline, barred: Callable[[str, str], str], proxy: str = "") -> None:
        settings: dict[str, Any] = {"ssl_context": context, "max_connections": 10, "keepalive_expiry": 30}
        settings["network_backend"] = _DeadlineBackend(deadline, barred)
        self._pool: httpcore.ConnectionPool
        if proxy:
            address, login = proxy_parts(proxy)
            self._pool = httpcore.HTTPProxy(proxy_url=address, proxy_auth=login, **settings)
        else:
            self._pool = httpcore.ConnectionPool(**settings)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        wire = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _mapped():
            answer = self._pool.handle_request(wire)
        return httpx.Response(status_code=answer.status, headers=answer.headers, stream=_Body(answer.stream), extensions=answer.extensions)

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with _mapped():
            yield from self._stream

    def close(self) -> None:
        self._stream.close()


class _mapped:  # noqa: N801 - reads as a with statement
    """Turn httpcore's errors into httpx's, as httpx's own transport does."""

    _MAP: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
        (httpcore.ConnectTimeout, httpx.ConnectTimeout),
        (httpcore.ReadTimeout, httpx.ReadTimeout),
        (httpcore.WriteTimeout, httpx.WriteTimeout),
        (httpcore.PoolTimeout, httpx.PoolTimeout),
        (httpcore.ConnectError, httpx.ConnectError),
        (httpcore.ReadError, httpx.ReadError),
        (httpcore.WriteError, httpx.WriteError),
        (httpcore.ProxyError, httpx.ProxyError),
        (httpcore.UnsupportedProtocol, httpx.UnsupportedProtocol),
        (httpcore.LocalProtocolError, httpx.LocalProtocolError),
        (httpcore.ProtocolError, httpx.RemoteProtocolError),
    )

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, _tb: object) -> None:
        if exc is None:
            return
        for source, target in self._MAP:
            if isinstance(exc, source):
                raise target(str(exc)) from exc
