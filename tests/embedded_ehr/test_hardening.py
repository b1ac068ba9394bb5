"""The embedded EHR holds when somebody leans on it: sizes, times, names, odd requests, and weeks of logins."""

from __future__ import annotations

import base64
import itertools
import json
import random
import re
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from smartlaunch.embedded_ehr import state
from smartlaunch.embedded_ehr.core import parse_json
from smartlaunch.embedded_ehr.guard import BODY_LIMIT, Guard, PunctualProtocol
from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.server import RunningSandbox, serve
from smartlaunch.embedded_ehr.state import AccessToken

LIMIT_S = 5.0
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def paths(running: RunningSandbox) -> list[str]:
    """Return the path of every route, with something in its places."""
    found = [route.path for route in running.server.config.app.app.routes]
    return [re.sub(r"{\w+}", "amelia-stone", path.replace("{path:path}", "Observation")) for path in dict.fromkeys(found)]


def exchange(running: RunningSandbox, request: bytes, *, rest: bytes = b"", pause_s: float = 0) -> tuple[bytes, float]:
    """Send bytes and return what came until the server closed, and how long that took."""
    place = urlsplit(running.base_url)
    begun = time.monotonic()
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=LIMIT_S) as connection:
        connection.sendall(request)
        time.sleep(pause_s)
        if rest:
            connection.sendall(rest)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer, time.monotonic() - begun


def test_every_route_refuses_a_body_that_is_too_large(right_server: RunningSandbox) -> None:
    for path, method in itertools.product(paths(right_server), ("GET", "POST", "PUT", "DELETE")):
        stated = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {BODY_LIMIT + 1}\r\n\r\n".encode()
        answer, _ = exchange(right_server, stated)
        assert answer.startswith(b"HTTP/1.1 413 "), f"{method} {path}: {answer[:100]!r}"


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/login", "/fhir/Observation", "/chart/sign-in", "/static/lakeside.css"])
def test_a_body_without_a_stated_length_is_counted(right_server: RunningSandbox, path: str) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(BODY_LIMIT // 65536 + 2):
            yield b"a" * 65536

    with httpx.Client(timeout=LIMIT_S) as client:
        try:
            status = client.post(right_server.base_url + path, content=endless()).status_code
        except httpx.WriteError:
            status = 413  # the server answered and closed while we still wrote
    assert status == 413


def test_headers_that_do_not_end_close_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PunctualProtocol, "header_limit_s", 0.3)
    with serve() as running:
        for begun in (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "):
            answer, took = exchange(running, begun)
            assert (answer, took < 2) == (b"", True)
        right = b"GET /fhir/metadata HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        whole, _ = exchange(running, right, rest=b"Connection: close\r\n\r\n", pause_s=0.1)
        assert whole.startswith(b"HTTP/1.1 200 ")
        with httpx.Client(timeout=LIMIT_S) as client:
            first = client.get(running.base_url + "/fhir/metadata")
            time.sleep(0.5)
            second = client.get(running.base_url + "/fhir/metadata")
            assert [first.status_code, second.status_code] == [200, 200]


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Guard, "body_limit_s", 0.3)
    with serve() as running:
        begun = b"POST /oauth/token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 90\r\n\r\ngrant_type="
        answer, took = exchange(running, begun)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert took < 2


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "127.0.0.1:8080", "[::1]:9", "LOCALHOST"])
def test_loopback_names_are_answered(right_server: RunningSandbox, name: str) -> None:
    address = right_server.base_url + "/fhir/metadata"
    assert httpx.get(address, headers={"Host": name}, timeout=LIMIT_S).status_code == 200


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "[::", "0x7f.1", ""])
def test_other_names_are_refused(right_server: RunningSandbox, name: str) -> None:
    for path in ("/", "/oauth/token", "/fhir/metadata", "/chart"):
        answer = httpx.get(right_server.base_url + path, headers={"Host": name}, timeout=LIMIT_S)
        assert answer.status_code == 421, path


def test_a_request_without_a_name_is_refused(right_server: RunningSandbox) -> None:
    answer, _ = exchange(right_server, b"GET / HTTP/1.0\r\n\r\n")
    assert b" 421 " in answer.splitlines()[0]


# -- odd requests -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def token(right_server: RunningSandbox) -> str:
    held, value, now = right_server.sandbox.state, "t" * 40, time.time()
    held.access_tokens[value] = AccessToken(
        value, "public-primary", ("patient/*.cruds",), "amelia-stone", None, None, "lena.hart", held.fhir_base_url, now, now + 900
    )
    return value


@pytest.mark.parametrize(
    "body",
    [
        "[" * 100000,
        '{"a":' * 500 + "1" + "}" * 500,
        '{"resourceType":"Observation","valueQuantity":{"value":NaN}}',
        '{"resourceType":"Observation","note":"\\ud800"}',
        '{"resourceType":"Observation","subject":"Patient/amelia-stone"}',
        '{"resourceType":"Observation","subject":{"reference":["x"]}}',
        '{"resourceType":"Observation","code":{"coding":["x"]}}',
        '{"resourceType":"Observation","extension":{}}',
        "1" * 5000,
        "\ufeff{}",
    ],
    ids=["brackets", "deep", "nan", "half-a-character", "subject", "reference", "coding", "extension", "digits", "mark"],
)
def test_json_that_cannot_be_kept_is_a_bad_request(right_server: RunningSandbox, token: str, body: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    answer = httpx.post(right_server.fhir_base_url + "/Observation", content=body.encode(), headers=headers, timeout=LIMIT_S)
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_nesting_has_a_bound_and_what_is_within_it_is_read() -> None:
    assert parse_json(b"[" * 60 + b"]" * 60)
    with pytest.raises(ValueError, match="too deeply"):
        parse_json(b"[" * 70 + b"]" * 70)


def test_a_patch_cannot_nest_a_resource_deeper_and_deeper(right_server: RunningSandbox, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json-patch+json"}
    address, deep = right_server.fhir_base_url + "/Observation/amelia-stone-heart-rate-2", json.loads("[" * 40 + "]" * 40)
    first = httpx.patch(address, json=[{"op": "add", "path": "/note", "value": [deep]}], headers=headers, timeout=LIMIT_S)
    assert first.status_code == 200
    below = "/note/0" + "/0" * 39 + "/-"
    second = httpx.patch(address, json=[{"op": "add", "path": below, "value": deep}], headers=headers, timeout=LIMIT_S)
    assert second.status_code == 422


def odd_requests(running: RunningSandbox, token: str) -> Iterator[dict[str, Any]]:
    """Yield requests that nobody who read a specification would send, the same at each run."""
    chance = random.Random(7)
    bodies = [
        b"",
        b"%",
        b"%ff=%fe&a",
        b"a=b&a=c",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"[7]",
        b"{}",
        b'{"resourceType":"Basic","code":"x","meta":[]}',
    ]
    bodies += [b'{"resourceType":"Bundle","type":"batch","entry":[{"request":{"url":7}}]}', b'[{"op":"add","path":"","value":1}]']
    kinds = [b"", b"application/x-www-form-urlencoded", b"application/fhir+json", b"multipart/form-data", b"text/plain; charset=bogus"]
    kinds += [b"multipart/form-data; boundary=x", b"application/json-patch+json", b"\xff"]
    known = b"Bearer " + token.encode()
    signs = [None, known, known, b"Bearer", b"Basic", b"Basic !!!", b"Basic " + base64.b64encode(b"\xff:x"), b"junk", b"Bearer \xe9"]
    queries = ["%", "%ff=%fe", "a=1&a=2", "_count=-1", "_count=x", "_include=a:b:c", "date=ge", "code=|", "client_id=%00", "scope=%00"]
    queries += ["client_id=public-primary&redirect_uri=http://[", "subject:missing=x", "_lastUpdated=xx", "_sort=-", "transaction=x"]
    for path in [*paths(running), "/fhir/Basic", "/fhir/_search", "/fhir/Observation/_search", "/fhir/Observation/x/_history/1"]:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"):
            headers = {"Content-Type": chance.choice(kinds)}
            sign = chance.choice(signs)
            headers |= {"Authorization": sign} if sign else {}
            yield {"method": method, "url": path, "content": chance.choice(bodies), "headers": headers}
        for query in chance.sample(queries, 4):
            yield {"method": "GET", "url": f"{path}?{query}", "headers": {"Authorization": known}}
            yield {"method": "POST", "url": path, "content": query.encode(), "headers": {"Content-Type": kinds[1]}}


def odd_assertions() -> Iterator[str]:
    """Yield client assertions with a member of another kind, and some that are none at all."""

    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    header, claims = {"alg": "RS384", "typ": "JWT", "kid": "x"}, {"iss": "backend-primary", "sub": "backend-primary", "aud": "x", "exp": 1}
    odd: list[Any] = [None, 7, [], {}, [1], {"a": 1}, True, 1e308, 10**400, "\u00e9"]
    for name, value in itertools.product((*header, "jku", "jwk", "crit", "b64"), odd):
        yield f"{part(header | {name: value})}.{part(claims)}.AAAA"
    for name, value in itertools.product((*claims, "jti", "nbf"), odd):
        yield f"{part(header)}.{part(claims | {name: value})}.AAAA"
    deep = base64.urlsafe_b64encode(b"[" * 50000).decode()
    yield from ("", ".", "..", "a.b.c", f"{part(header)}.{part([])}.x", f"{deep}.{part({})}.x")


def test_no_odd_request_is_answered_with_an_error_of_the_server(right_server: RunningSandbox, token: str) -> None:
    with httpx.Client(base_url=right_server.base_url, timeout=LIMIT_S) as client:
        asked = [(request, client.request(**request).status_code) for request in odd_requests(right_server, token)]
        for endpoint, assertion in itertools.product(("/oauth/token", "/oauth/introspect", "/oauth/revoke"), odd_assertions()):
            form = {"grant_type": "client_credentials", "token": "x", "scope": "system/Patient.rs"}
            form |= {"client_assertion": assertion, "client_assertion_type": ASSERTION}
            asked.append(({"assertion": assertion, "url": endpoint}, client.post(endpoint, data=form).status_code))
    assert len(asked) > 500
    assert [request for request, status in asked if status >= 500] == []


# -- weeks --------------------------------------------------------------------------------------------------------------


def test_what_a_login_leaves_behind_is_forgotten(start_ehr: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ehr = start_ehr()
    held, late = ehr.state, [0.0]
    monkeypatch.setattr(held, "now", lambda: time.time() + late[0])
    for _ in range(4):
        ehr.browser.cookies.clear()
        ehr.grant(scope="openid fhirUser launch/patient patient/Patient.rs")
    kinds = (held.sessions, held.codes, held.access_tokens, held.id_tokens)
    assert [len(kind) for kind in kinds] == [4, 4, 4, 4]
    late[0] = 1.9 * 3600.0
    held.forget_what_is_over()
    assert [len(kind) for kind in kinds] == [4, 0, 4, 4], "an hour after its end a token is forgotten, and not before"
    late[0] = 3 * 86400.0
    ehr.browser.cookies.clear()
    ehr.grant(scope="openid fhirUser launch/patient patient/Patient.rs")
    assert [len(kind) for kind in kinds] == [1, 1, 1, 1]
    assert (held.transactions, held.launches) == ({}, {})


def test_a_refresh_token_that_lives_is_not_forgotten(start_ehr: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ehr = start_ehr()
    body = ehr.grant(scope="openid launch/patient offline_access patient/Patient.rs")
    late = 30 * 86400.0
    monkeypatch.setattr(ehr.state, "now", lambda: time.time() + late)
    ehr.state.forget_what_is_over()
    assert ehr.token(grant_type="refresh_token", refresh_token=body["refresh_token"]).status_code == 200


def test_of_each_kind_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "MOST_OF_A_KIND", 3)
    with serve(SandboxOptions()) as running:
        held = running.sandbox.state
        values = [held.begin_session("lena.hart").value for _ in range(5)]
        monkeypatch.setattr(held, "now", lambda: time.time() + 90)
        held.forget_what_is_over()
        assert list(held.sessions) == values[2:]
