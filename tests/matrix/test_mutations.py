"""A mechanical change is the one it says; the committed table has few changes that nobody notices and nobody explains."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

sys.path.insert(0, str(Path(__file__).resolve().parent))

import mutations
from mutating import Mutating, Mutation, apply, forwarding, place_of

from smartlaunch.embedded_ehr.server import RunningSandbox, serve

HEADERS = [(b"content-type", b"application/json"), (b"location", b"https://app.example/cb?code=aB&state=x")]
BODY = {"scope": "openid", "expires_in": 300, "list": ["a", "b"], "flag": True, "deep": [{"id": "one"}, {"id": "two"}]}
UNEXPLAINED = 3
"""How many in a hundred changes may be noticed by nobody without a reason why that does no harm."""


def changed(where: str, kind: str) -> object:
    _, _, body, did = apply(Mutation("", "body", where, kind), 200, HEADERS, json.dumps(BODY).encode())
    assert did
    return json.loads(body)


@pytest.mark.parametrize(
    ("where", "kind", "value"),
    [
        ("/scope", "null", None),
        ("/scope", "empty", ""),
        ("/scope", "number", 7),
        ("/scope", "doubled", "openid openid"),
        ("/scope", "other case", "OPENID"),
        ("/scope", "padded", " openid "),
        ("/expires_in", "string", "300"),
        ("/expires_in", "negative", -300),
        ("/expires_in", "thousandfold", 300000),
        ("/expires_in", "zero", 0),
        ("/flag", "opposite", False),
        ("/list", "without a", ["b"]),
        ("/list", "doubled", ["a", "b", "a", "b"]),
        ("/list", "empty", []),
        ("/deep", "string", "{'id': 'one'} {'id': 'two'}"),
    ],
)
def test_a_member_is_changed_as_its_kind_says(where: str, kind: str, value: object) -> None:
    assert changed(where, kind) == {**BODY, where[1:]: value}


def test_a_member_goes_is_renamed_or_stands_twice() -> None:
    assert "scope" not in dict(changed("/scope", "absent"))
    assert dict(changed("/scope", "name in other case"))["SCOPE"] == "openid"
    _, _, body, _ = apply(Mutation("", "body", "/scope", "twice"), 200, HEADERS, json.dumps(BODY).encode())
    assert body.count(b'"scope"') == 2


def test_each_item_of_a_list_of_objects_is_changed() -> None:
    assert dict(changed("/deep/*/id", "absent"))["deep"] == [{}, {}]


def test_what_is_not_there_is_not_changed() -> None:
    answer = (200, HEADERS, b'{"a": 1}')
    assert apply(Mutation("", "body", "/scope", "null"), *answer) == (*answer, False)
    assert apply(Mutation("", "header", "etag", "absent"), *answer) == (*answer, False)
    assert apply(Mutation("", "redirect", "iss", "absent"), *answer) == (*answer, False)


def test_headers_statuses_and_parameters_of_a_redirect_are_changed() -> None:
    assert apply(Mutation("", "status", "", "307"), 302, HEADERS, b"")[0] == 307
    assert apply(Mutation("", "header", "Content-Type", "twice"), 200, HEADERS, b"")[1].count(HEADERS[0]) == 2
    assert apply(Mutation("", "header", "Content-Type", "absent"), 200, HEADERS, b"")[1] == HEADERS[1:]
    _, headers, _, did = apply(Mutation("", "redirect", "code", "other case"), 302, HEADERS, b"")
    assert did
    assert headers[1] == (b"location", b"https://app.example/cb?code=Ab&state=x")


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        (("GET", "/fhir/Patient/7", "", 200), "GET /fhir/{type}/{id} 200"),
        (("GET", "/fhir/Patient/7/_history/2", "", 200), "GET /fhir/{type}/{id}/_history/{version} 200"),
        (("POST", "/oauth/token", "grant_type=refresh_token&refresh_token=x", 200), "POST /oauth/token refresh_token 200"),
        (("POST", "/oauth/token", "grant_type=refresh_token&refresh_token=x", 400), "POST /oauth/token 400"),
    ],
)
def test_answers_of_one_kind_have_one_place(asked: tuple[str, str, str, int], place: str) -> None:
    assert place_of(*asked) == place


def test_a_mutation_is_read_as_it_is_written() -> None:
    for mutation in (Mutation("GET /x 200", "body", "/a/b c", "without d e"), Mutation("GET /x 200", "status", "", "404")):
        assert Mutation.read(str(mutation)) == mutation


# -- in front of a server ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ehr() -> Iterator[RunningSandbox]:
    with serve() as running:
        yield running


def through(ehr: RunningSandbox, mutation: Mutation | None) -> httpx.Response:
    """The SMART configuration as it comes through the proxy."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    own = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(Mutating(forwarding(ehr.base_url, own), mutation), log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        until = time.monotonic() + 10
        while not server.started and time.monotonic() < until:
            time.sleep(0.01)
        answer = httpx.get(f"{own}/fhir/.well-known/smart-configuration", headers={"Origin": "https://app.example"})
        assert ehr.base_url not in answer.text
        return answer
    finally:
        server.should_exit = True
        thread.join(10)


def test_the_proxy_writes_its_own_address_and_changes_nothing_else(ehr: RunningSandbox) -> None:
    answer = through(ehr, None)
    own = f"{answer.url.scheme}://{answer.url.netloc.decode()}"
    direct = httpx.get(f"{ehr.fhir_base_url}/.well-known/smart-configuration", headers={"Origin": "https://app.example"})
    assert answer.text == direct.text.replace(ehr.base_url, own)
    assert answer.headers["access-control-allow-origin"] == direct.headers["access-control-allow-origin"]


def test_the_proxy_makes_the_change(ehr: RunningSandbox) -> None:
    place = "GET /fhir/.well-known/smart-configuration 200"
    assert "token_endpoint" not in through(ehr, Mutation(place, "body", "/token_endpoint", "absent")).json()
    assert through(ehr, Mutation(place, "status", "", "404")).status_code == 404
    assert through(ehr, Mutation(place, "header", "content-type", "absent")).headers.get("content-type") is None


# -- the table -----------------------------------------------------------------------------------------------------------------------


def test_few_changes_are_noticed_by_nobody_without_a_reason() -> None:
    table = mutations.read()
    assert table
    open_ones = [str(m) for m, (verdict, _) in table.items() if verdict not in ("noticed", "preflight") and not mutations.why_harmless(m)]
    assert len(open_ones) * 100 <= UNEXPLAINED * len(table), "\n".join(open_ones)


def test_no_change_makes_the_suite_fall_over() -> None:
    assert [str(m) for m, (verdict, _) in mutations.read().items() if verdict in ("error", "broken")] == []


def test_each_reason_is_needed_and_says_why() -> None:
    rows = mutations.reasons()
    assert [row for kind in ("outside", "harmless") for row in rows[kind] if not row.get("reason") or not row.keys() - {"reason"}] == []
