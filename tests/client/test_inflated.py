"""What an encoding grows to counts against the limit while it grows, in every layer."""

import gzip
import resource
import zlib

import httpx
import pytest

from smartlaunch.client.http import Http
from smartlaunch.client.inflated import Inflated
from smartlaunch.exchange import Endpoint, Failure

TEXT = b"nothing but the same words, again and again; " * 200


def undone(encodings: list[str], data: bytes, limit: int = 1_000_000, chunk: int = 500) -> bytes:
    inflated = Inflated(encodings, limit)
    for start in range(0, len(data), chunk):
        inflated.take(data[start : start + chunk])
        if inflated.full:
            break
    return inflated.body


@pytest.mark.parametrize(
    ("encodings", "data"),
    [
        ([], TEXT),
        (["identity"], TEXT),
        (["gzip"], gzip.compress(TEXT)),
        (["X-GZIP"], gzip.compress(TEXT)),
        (["deflate"], zlib.compress(TEXT)),
        (["deflate"], zlib.compress(TEXT)[2:-4]),
        (["gzip", "gzip"], gzip.compress(gzip.compress(TEXT))),
        (["deflate", " gzip"], gzip.compress(zlib.compress(TEXT))),
    ],
)
def test_right_encodings_are_undone(encodings: list[str], data: bytes) -> None:
    assert undone(encodings, data) == TEXT


def test_an_encoding_that_nobody_asked_for_stays_as_it_came() -> None:
    assert undone(["br"], TEXT) == TEXT


@pytest.mark.parametrize("encodings", [["gzip"], ["deflate"], ["gzip", "gzip"]])
def test_bytes_that_do_not_fit_are_a_decoding_error(encodings: list[str]) -> None:
    with pytest.raises(httpx.DecodingError):
        undone(encodings, b"this is no such thing at all, whatever the header says")


def test_too_many_layers_are_refused() -> None:
    with pytest.raises(httpx.DecodingError, match="9 content encodings"):
        Inflated(["gzip"] * 9, 1000)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_a_bomb_stops_at_the_limit_in_every_layer(layers: int) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(200)) + packer.flush()
    for _ in range(layers - 1):
        bomb = gzip.compress(bomb)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = undone(["gzip"] * layers, bomb, limit=2_000_000, chunk=65536)
    assert 2_000_000 < len(found) <= 2_100_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000


class Kept:
    def __init__(self) -> None:
        self.number = 0

    def next_id(self) -> str:
        self.number += 1
        return f"x{self.number}"

    def record(self, exchange: object) -> None:
        pass


def asked(answer: httpx.Response, url: str = "http://127.0.0.1/x"):
    http = Http(Kept(), body_bytes=1000, transport=httpx.MockTransport(lambda _: answer))
    return http.send("GET", url, endpoint=Endpoint.FHIR)


def test_a_body_past_the_limit_is_cut_and_says_so() -> None:
    packed = gzip.compress(gzip.compress(bytes(5_000_000)))
    response = asked(httpx.Response(200, headers={"content-encoding": "gzip, gzip"}, stream=httpx.ByteStream(packed))).answer
    assert response.truncated
    assert len(response.body) == 1000


@pytest.mark.parametrize("url", ["file:///etc/passwd", "data:text/plain,x", "javascript:alert(1)", "ftp://127.0.0.1/x", "//127.0.0.1/x"])
def test_no_scheme_but_http_and_https_is_called(url: str) -> None:
    exchange = asked(httpx.Response(200, text="never"), url)
    assert exchange.response is None
    assert exchange.failure is Failure.NOT_AN_ADDRESS
