"""The recorded HTTP client: every exchange is kept, also one without an answer, and its end has a kind."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from smartlaunch.client.http import Http, answered
from smartlaunch.errors import Blocked, Unreachable
from smartlaunch.exchange import Endpoint, Exchange, Failure

URL = "https://ehr.example/fhir/Patient/1"


class Sink:
    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    def next_id(self) -> str:
        return f"x{len(self.exchanges) + 1}"

    def record(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)


def http(handler: Callable[[httpx.Request], httpx.Response] | None = None, **limits: Any) -> tuple[Http, Sink]:
    sink = Sink()
    return Http(sink, transport=httpx.MockTransport(handler) if handler is not None else None, **limits), sink


def send(handler: Callable[[httpx.Request], httpx.Response] | None, url: str = URL, **more: Any) -> Exchange:
    client, _ = http(handler)
    try:
        return client.send("GET", url, endpoint=Endpoint.FHIR, **more)
    finally:
        client.close()


def failing(exc: Exception, cause: Exception | None = None) -> Callable[[httpx.Request], httpx.Response]:
    def handler(_request: httpx.Request) -> httpx.Response:
        raise exc from cause

    return handler


def test_a_right_answer_is_recorded_as_it_went_over_the_wire() -> None:
    client, sink = http(lambda _: httpx.Response(200, json={"id": "1"}, headers={"X-Request-Id": "r"}))
    exchange = client.send("POST", URL, endpoint=Endpoint.TOKEN, headers={"Accept": ""}, form=[("a", "b c")])
    assert sink.exchanges == [exchange]
    assert exchange.request.form == [("a", "b c")]
    assert exchange.request.header("accept") is None
    assert exchange.answer.object == {"id": "1"}
    assert exchange.failure is None
    assert answered(exchange) is exchange.response


@pytest.mark.parametrize(
    ("exc", "cause", "kind", "words"),
    [
        (httpx.ReadTimeout("late"), None, Failure.TIMEOUT, "within 15 s"),
        (httpx.ConnectError("x"), socket.gaierror(-2, "Name or service not known"), Failure.DNS, "no connection"),
        (httpx.ConnectError("x"), ConnectionRefusedError(111, "refused"), Failure.REFUSED, "no connection"),
        (httpx.ConnectError("x"), ssl.SSLCertVerificationError("self-signed"), Failure.TLS_UNTRUSTED, "is not trusted"),
        (httpx.ConnectError("x"), ssl.SSLError("handshake"), Failure.TLS, "no connection"),
        (httpx.ConnectError("x"), None, Failure.NO_CONNECTION, "no connection"),
        (httpx.RemoteProtocolError("x"), None, Failure.PROTOCOL, "broke the HTTP protocol"),
        (httpx.LocalProtocolError("illegal header"), None, Failure.NOT_SENDABLE, "could not be sent"),
        (httpx.ReadError("reset"), None, Failure.BROKEN_OFF, "broke off"),
        (httpx.UnsupportedProtocol("x"), None, Failure.NOT_AN_ADDRESS, "not an address"),
    ],
)
def test_each_end_without_an_answer_has_its_kind(exc: Exception, cause: Exception | None, kind: Failure, words: str) -> None:
    exchange = send(failing(exc, cause))
    assert exchange.failure is kind
    assert words in exchange.error
    assert exchange.response is None


def test_a_body_that_its_encoding_does_not_fit_is_the_servers() -> None:
    exchange = send(lambda _: httpx.Response(200, stream=httpx.ByteStream(b"no gzip"), headers={"Content-Encoding": "gzip"}))
    assert exchange.failure is Failure.PROTOCOL
    assert "Content-Encoding" in exchange.error
    packed = httpx.ByteStream(gzip.compress(b"{}"))
    assert send(lambda _: httpx.Response(200, stream=packed, headers={"Content-Encoding": "gzip"})).answer.body == b"{}"


@pytest.mark.parametrize("token", ["tökén", "to\nken", "to\x00ken"])
def test_a_token_that_no_header_can_carry_is_not_sent_and_nobody_is_blamed(token: str) -> None:
    exchange = send(failing(AssertionError("sent")), headers={"Authorization": f"Bearer {token}"})
    assert exchange.failure is Failure.NOT_SENDABLE
    assert "the header Authorization" in exchange.error
    assert token not in exchange.error
    with pytest.raises(Blocked) as caught:
        answered(exchange)
    assert not isinstance(caught.value, Unreachable)


@pytest.mark.parametrize("url", ["https://[::1", "ht tp://x", "https://ehr.example:port/"])
def test_what_is_no_address_is_told_as_it_was_written(url: str) -> None:
    exchange = send(None, url)
    assert exchange.failure is Failure.NOT_AN_ADDRESS
    assert url in exchange.error


def test_silence_is_unreachable() -> None:
    with pytest.raises(Unreachable, match=r"an answer from ehr\.example to GET https://ehr\.example/fhir/Patient/1"):
        answered(send(failing(httpx.ReadTimeout("late"))))


def test_bodies_are_cut_at_the_limit() -> None:
    client, _ = http(lambda _: httpx.Response(200, content=b"x" * 100), body_bytes=10)
    response = client.send("GET", URL, endpoint=Endpoint.FHIR).answer
    assert (response.body, response.truncated) == (b"x" * 10, True)


@pytest.mark.parametrize("after", ["0", format_datetime(datetime.now(UTC) - timedelta(seconds=5))])
def test_retry_after_is_obeyed(after: str) -> None:
    answers = [httpx.Response(503, headers={"Retry-After": after}), httpx.Response(200), httpx.Response(200)]
    client, sink = http(lambda _: answers.pop(0))
    assert client.send("GET", URL, endpoint=Endpoint.FHIR).answer.status == 200
    assert [x.heard.status for x in sink.exchanges] == [503, 200]


def test_a_retry_after_that_is_too_long_is_not_waited_for() -> None:
    client, sink = http(lambda _: httpx.Response(429, headers={"Retry-After": "3600"}))
    assert client.send("GET", URL, endpoint=Endpoint.FHIR).heard.status == 429
    assert len(sink.exchanges) == 1


@pytest.mark.parametrize("after", ["soon", ""])
def test_without_a_readable_retry_after_the_pause_is_the_own_one(after: str) -> None:
    client, sink = http(lambda _: httpx.Response(429, headers={"Retry-After": after} if after else {}), back_off_s=0.001)
    client.send("GET", URL, endpoint=Endpoint.FHIR)
    assert len(sink.exchanges) == 4


def test_redirects_are_followed_as_far_as_asked_and_not_in_a_circle() -> None:
    hops = {"/a": "/b", "/b": "/c", "/c": "/a"}

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"Location": hops[request.url.path]} if request.url.path in hops else {})

    def paths(follow: int, start: str = "/a") -> list[str]:
        client, sink = http(handler)
        client.send("GET", f"https://ehr.example{start}", endpoint=Endpoint.FHIR, follow=follow)
        return [httpx.URL(x.request.url).path for x in sink.exchanges]

    assert paths(0) == ["/a"]
    assert paths(1) == ["/a", "/b"]
    assert paths(9) == ["/a", "/b", "/c"]
    assert paths(9, "/end") == ["/end"]


def test_a_rate_is_kept() -> None:
    client, sink = http(lambda _: httpx.Response(200), rate=20)
    for _ in range(3):
        client.send("GET", URL, endpoint=Endpoint.FHIR)
    assert (sink.exchanges[2].started - sink.exchanges[0].started).total_seconds() >= 0.09


def test_a_drip_ends_at_the_deadline_of_the_whole_exchange() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            for _ in range(100):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return
                stop.wait(0.05)

    stop = threading.Event()
    thread = threading.Thread(target=drip)
    thread.start()
    client, _ = http(request_s=0.4)
    exchange = client.send("GET", f"http://127.0.0.1:{listener.getsockname()[1]}/", endpoint=Endpoint.FHIR)
    client.close()
    stop.set()
    thread.join(10)
    listener.close()
    assert exchange.failure is Failure.TIMEOUT
    assert exchange.duration_ms < 2000


def test_nobody_listening_is_refused_and_nobody_by_that_name_is_dns() -> None:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        assert send(None, f"http://127.0.0.1:{place.getsockname()[1]}/").failure is Failure.REFUSED
    assert send(None, "http://nobody.invalid/").failure is Failure.DNS


class Counting(BaseHTTPRequestHandler):
    """Counts the requests whose headers have come and whose body has not."""

    lock = threading.Lock()
    open_now = 0
    most = 0

    def do_POST(self) -> None:
        kind = type(self)
        with kind.lock:
            kind.open_now += 1
            kind.most = max(kind.most, kind.open_now)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with kind.lock:
            kind.open_now -= 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


def test_requests_that_are_sent_together_are_under_way_at_once() -> None:
    Counting.most = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    client, sink = http(None)
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}/token"
        requests = [([("Accept", "application/json")], [("code", name)]) for name in ("one", "two")]
        exchanges = client.send_together("POST", url, endpoint=Endpoint.TOKEN, requests=requests)
    finally:
        client.close()
        server.shutdown()
        server.server_close()
    assert Counting.most == 2
    assert sink.exchanges == exchanges
    assert [each.answer.text for each in exchanges] == ["code=one", "code=two"]
    assert [each.request.form for each in exchanges] == [[("code", "one")], [("code", "two")]]


def test_a_request_that_cannot_be_sent_keeps_no_other_waiting() -> None:
    client, sink = http(lambda request: httpx.Response(200, content=request.read()))
    requests = [([("X-Illegal", "\u00e9")], [("a", "1")]), ([], [("a", "2")])]
    first, second = client.send_together("POST", URL, endpoint=Endpoint.TOKEN, requests=requests)
    assert first.failure is Failure.NOT_SENDABLE
    assert second.answer.status == 200
    assert len(sink.exchanges) == 2


def test_no_cookie_is_kept_from_one_request_to_the_next() -> None:
    seen: list[str | None] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("cookie"))
        return httpx.Response(200, headers={"Set-Cookie": "session=1; Path=/"})

    client, _ = http(handler)
    for _ in range(2):
        client.send("GET", URL, endpoint=Endpoint.FHIR)
    assert seen == [None, None]


@pytest.mark.parametrize(
    ("method", "status", "sent"), [("GET", 503, 3), ("GET", 429, 3), ("POST", 429, 3), ("POST", 503, 1), ("GET", 500, 1)]
)
def test_not_now_is_waited_out_where_nothing_is_done_twice(method: str, status: int, sent: int) -> None:
    answers = [status, status, 200, 200]
    client, sink = http(lambda _: httpx.Response(answers.pop(0)), back_off_s=0.001)
    client.send(method, URL, endpoint=Endpoint.TOKEN)
    assert len(sink.exchanges) == sent
    assert client.slowed is (status == 429)


def test_a_server_that_names_the_time_when_it_is_back_has_not_carried_out_a_post() -> None:
    answers = [httpx.Response(503, headers={"Retry-After": "0"}), httpx.Response(200)]
    client, sink = http(lambda _: answers.pop(0))
    client.send("POST", URL, endpoint=Endpoint.TOKEN)
    assert [x.heard.status for x in sink.exchanges] == [503, 200]


@pytest.mark.parametrize("rate", [0.0, 30.0])
def test_a_server_that_had_its_rest_is_asked_as_fast_as_before(rate: float, monkeypatch: pytest.MonkeyPatch) -> None:
    answers, pauses = [429], list[float]()
    client, _ = http(lambda _: httpx.Response(answers.pop() if answers else 200), rate=rate, back_off_s=0)
    monkeypatch.setattr("smartlaunch.client.http.let_pass", pauses.append)
    monkeypatch.setattr("smartlaunch.client.http.time", SimpleNamespace(monotonic=lambda: 7.0, time=time.time))
    for _ in range(200):
        client.send("GET", URL, endpoint=Endpoint.FHIR)
    paces = [round(1 / pause) for pause in pauses if pause]
    assert list(dict.fromkeys(paces)) == [4, 8, 16, 30 if rate else 32]
    assert paces.count(8) == paces.count(16) == 40
    assert paces[-1] == (30 if rate else 32)
    assert len(paces) < 170 or rate, "nothing is waited for any more"


def test_waiting_ends_when_a_run_has_waited_enough() -> None:
    client, sink = http(lambda _: httpx.Response(429, headers={"X-RateLimit-Reset": "0"}), patience_s=0, back_off_s=0.001)
    client.send("GET", URL, endpoint=Endpoint.FHIR)
    assert len(sink.exchanges) == 4
    client, sink = http(lambda _: httpx.Response(429), patience_s=0)
    exchange = client.send("GET", URL, endpoint=Endpoint.FHIR)
    assert len(sink.exchanges) == 1
    with pytest.raises(Unreachable, match="says nothing of the request"):
        _ = exchange.answer


def test_an_answer_that_is_no_tls_is_called_plain_http() -> None:
    cause = ssl.SSLError(1, "wrong version number")
    cause.reason = "WRONG_VERSION_NUMBER"
    exchange = send(failing(httpx.ConnectError("x"), cause))
    assert exchange.failure is Failure.PLAIN_HTTP
    assert "https on a port that speaks plain http" in exchange.error
