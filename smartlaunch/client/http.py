"""HTTP of the app under test's stand-in: one httpx client, every exchange recorded, nothing without a limit.

A broken or missing answer is not an exception here: it is an exchange whose ``response`` is None and whose ``error`` says why, so
that evidence is kept in every case. ``answered`` turns it into ``Unreachable`` where a scenario cannot go on without it.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

import httpcore
import httpx

from smartlaunch import __version__
from smartlaunch.errors import Unreachable
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response

Form = Sequence[tuple[str, str]]
USER_AGENT = f"smart-launch-conformance/{__version__}"
_CHUNK = 65536


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

    ``request_s`` bounds a whole exchange from connecting to the last byte, however slowly the server drips; ``body_bytes`` bounds
    what is read of a body; ``rate`` is the most requests a second (0: no bound); ``retry_s`` is the longest ``Retry-After`` obeyed.
    """

    def __init__(
        self, sink: Sink, *, request_s: float = 15, body_bytes: int = 5_000_000, rate: float = 0, ca_file: str = "", retry_s: float = 10
    ) -> None:
        self._sink, self._request_s, self._body_bytes, self._rate, self._retry_s = sink, request_s, body_bytes, rate, retry_s
        context = ssl.create_default_context()
        if ca_file:
            context.load_verify_locations(ca_file)
        self.ssl_context = context
        self._transport = _DeadlineTransport(context)
        self._client = httpx.Client(transport=self._transport, timeout=request_s, follow_redirects=False, trust_env=False)
        self._client.headers = httpx.Headers({"user-agent": USER_AGENT, "accept-encoding": "gzip, deflate"})
        self._last = 0.0

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

        429 and 503 with a ``Retry-After`` within the limit are tried once more.
        """
        pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
        if form is not None:
            content = urlencode(list(form)).encode()
            if not any(k.lower() == "content-type" for k, _ in pairs):
                pairs.append(("Content-Type", "application/x-www-form-urlencoded"))
        exchange = self._once(method, url, endpoint, pairs, content)
        wait = _retry_after(exchange.response)
        if wait is not None and wait <= self._retry_s:
            time.sleep(wait)
            exchange = self._once(method, url, endpoint, pairs, content)
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

    def _once(
        self, method: str, url: str, endpoint: Endpoint, headers: list[tuple[str, str]], content: bytes | None, redirect_of: str = ""
    ) -> Exchange:
        if self._rate > 0:
            pause = self._last + 1 / self._rate - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            self._last = time.monotonic()
        identifier = self._sink.next_id()
        started, tick = datetime.now(UTC).astimezone(), time.monotonic()
        response: Response | None = None
        error, tls, sent = "", "", Request(method, url, tuple(headers), content or b"")
        self._transport.deadline = tick + self._request_s
        try:
            built = self._client.build_request(method, url, headers=headers, content=content)
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
            error = _sentence(exc, url, self._request_s)
        exchange = Exchange(
            identifier, Actor.APP, endpoint, started, (time.monotonic() - tick) * 1000, sent, response, error, redirect_of, tls
        )
        self._sink.record(exchange)
        return exchange

    def _read(self, response: httpx.Response) -> tuple[bytes, bool]:
        parts: list[bytes] = []
        size = 0
        for chunk in response.iter_bytes(_CHUNK):
            parts.append(chunk)
            size += len(chunk)
            if size > self._body_bytes:
                return b"".join(parts)[: self._body_bytes], True
        return b"".join(parts), False


def answered(exchange: Exchange) -> Response:
    """The response of an exchange, or ``Unreachable`` when none came."""
    if exchange.response is None:
        host = urlsplit(exchange.request.url).netloc
        raise Unreachable(
            f"{exchange.endpoint.value}: {exchange.error}",
            waited_for=f"an answer from {host} to {exchange.request.method} {exchange.request.url.split('?')[0]}",
            hint="check that the address in the target file is right and the server is up, then run `smartlaunch doctor`",
        )
    return exchange.response


def _retry_after(response: Response | None) -> float | None:
    if response is None or response.status not in (429, 503):
        return None
    value = (response.header("retry-after") or "").strip()
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def _pairs(raw: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[str, str]]:
    for key, value in raw:
        yield key.decode("latin-1"), value.decode("latin-1")


def _tls_version(response: httpx.Response) -> str:
    stream = response.extensions.get("network_stream")
    tls = stream.get_extra_info("ssl_object") if stream is not None else None
    return str(tls.version()) if tls is not None else ""


def _sentence(exc: Exception, url: str, request_s: float) -> str:
    host = urlsplit(url).netloc
    text = str(exc)
    if isinstance(exc, httpx.TimeoutException):
        return f"no complete answer from {host} within {request_s:g} s"
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return f"the certificate of {host} is not trusted ({text}); set `ca_file` in [target] when it is a private one"
    if isinstance(exc, httpx.ConnectError):
        return f"no connection to {host}: {text}"
    if isinstance(exc, httpx.RemoteProtocolError):
        return f"{host} broke the HTTP protocol: {text}"
    if isinstance(exc, httpx.DecodingError):
        return f"{host} sent a body that its Content-Encoding does not fit"
    if isinstance(exc, (httpx.UnsupportedProtocol, httpx.InvalidURL, UnicodeError, ValueError)):
        return f"{url!r} is not an address that can be called: {text}"
    return f"the exchange with {host} broke off: {type(exc).__name__} {text}".rstrip()


class _DeadlineStream(httpcore.NetworkStream):
    """A socket whose reads and writes share one deadline, so that a slow drip ends too."""

    def __init__(self, stream: httpcore.NetworkStream, owner: _DeadlineTransport) -> None:
        self._stream, self._owner = stream, owner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._owner.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._owner.left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        inner = self._stream.start_tls(ssl_context, server_hostname, self._owner.left(timeout, httpcore.ConnectTimeout))
        return _DeadlineStream(inner, self._owner)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _DeadlineBackend(httpcore.SyncBackend):
    def __init__(self, owner: _DeadlineTransport) -> None:
        self._owner = owner

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        kwargs["timeout"] = self._owner.left(kwargs.get("timeout"), httpcore.ConnectTimeout)
        return _DeadlineStream(super().connect_tcp(*args, **kwargs), self._owner)


class _DeadlineTransport(httpx.BaseTransport):
    """httpx over httpcore with one deadline for the whole exchange instead of one per read."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.deadline = float("inf")
        self._pool = httpcore.ConnectionPool(
            ssl_context=context, max_connections=10, keepalive_expiry=30, network_backend=_DeadlineBackend(self)
        )

    def left(self, timeout: float | None, error: type[Exception]) -> float:
        """Seconds until the deadline, or the error when it has passed."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise error("the deadline of the exchange has passed")
        return left if timeout is None else min(left, timeout)

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
        (httpcore.UnsupportedProtocol, httpx.UnsupportedProtocol),
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
