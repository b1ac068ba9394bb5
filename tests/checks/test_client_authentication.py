"""Each check on client authentication passes the right answer and names exactly what is wrong with a wrong one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from smartlaunch.checks import client_authentication as checks
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response
from smartlaunch.finding import Kind, Outcome

REQ = "SMART-2.2-client-confidential-symmetric-backend"


def answer(body: object, *, asked: str = "", status: int = 200) -> Exchange:
    """An answer with the given JSON body to a form that asked for the given scope."""
    form = urlencode({"grant_type": "client_credentials", "scope": asked}).encode()
    request = Request("POST", "https://ehr.example/token", (("Content-Type", "application/x-www-form-urlencoded"),), form)
    response = Response(status, (("Content-Type", "application/json"),), json.dumps(body).encode())
    return Exchange("x0001", Actor.APP, Endpoint.TOKEN, datetime.now(UTC), 1.0, request, response)


@pytest.mark.parametrize(
    ("body", "actual"),
    [
        ({"capabilities": ["launch-ehr", "client-confidential-asymmetric"]}, ""),
        ({"capabilities": ["launch-ehr"]}, 'it is ["launch-ehr"]'),
        ({"capabilities": "client-confidential-asymmetric"}, 'it is "client-confidential-asymmetric"'),
        ({}, "it is absent"),
    ],
)
def test_capability_of_assertions(body: object, actual: str) -> None:
    found = checks.lists_asymmetric(REQ, answer(body))
    assert [f.actual for f in found] == ([actual] if actual else [])
    assert all((f.requirement, f.pointer, f.exchange) == (REQ, "/capabilities", "x0001") for f in found)


@pytest.mark.parametrize(
    ("methods", "actual"),
    [
        (["GET", "GET"], ""),
        ([], ""),
        (["GET", "POST"], "it was asked for by POST"),
        (["HEAD", "GET"], ""),
        (["HEAD"], "it was asked for by HEAD"),
    ],
)
def test_fetched_by_get(methods: list[str], actual: str) -> None:
    found = checks.fetched_by_get(REQ, answer({}), methods)
    assert [f.actual for f in found] == ([actual] if actual else [])


@pytest.mark.parametrize(("first", "second", "wrong"), [(1, 0, False), (0, 0, False), (0, 1, False), (1, 1, True), (2, 1, True)])
def test_key_set_is_kept(first: int, second: int, wrong: bool) -> None:
    found = checks.kept(REQ, "x0002", first, second)
    assert bool(found) is wrong
    assert all(f.exchange == "x0002" and f"{first} times" in f.actual for f in found)


@pytest.mark.parametrize(
    ("body", "asked", "actual"),
    [
        ({"error": "unauthorized_client"}, "system/Patient.rs", ""),
        ({"access_token": "", "scope": "system/Patient.rs"}, "system/Patient.rs", ""),
        ({"access_token": "t", "scope": "profile"}, "system/Patient.rs", ""),
        ({"access_token": "t", "scope": "profile system/Patient.rs"}, "", 'an access token for "system/Patient.rs"'),
        ({"access_token": "t"}, "system/Patient.rs", 'an access token for "system/Patient.rs"'),
        ({"access_token": "t"}, "", ""),
    ],
)
def test_no_system_token(body: object, asked: str, actual: str) -> None:
    found = checks.no_system_token(REQ, answer(body, asked=asked))
    assert [f.actual for f in found] == ([actual] if actual else [])
    assert all(f.pointer == "/scope" for f in found)


def test_good_practice_only_warns() -> None:
    assert checks.no_token_by_good_practice(REQ, answer({"error": "invalid_client"}), "this request") == []
    (found,) = checks.no_token_by_good_practice(REQ, answer({"access_token": "t"}), "this request")
    assert (found.kind, found.severity, found.expected) == (Kind.HYGIENE, Outcome.WARNING, "no access token for this request")


@pytest.mark.parametrize(
    ("status", "body", "actual"),
    [
        (200, {"access_token": "t"}, ""),
        (200, {}, ""),
        (401, {"error": "invalid_client"}, 'status 401, `error` is "invalid_client"'),
        (500, {}, "status 500"),
    ],
)
def test_authenticated(status: int, body: object, actual: str) -> None:
    found = checks.authenticated(REQ, answer(body, status=status), "the right secret")
    assert [(f.expected, f.actual) for f in found] == ([("the client let in with the right secret", actual)] if actual else [])


def test_a_listed_method_that_lets_nobody_in() -> None:
    refused = Exchange(
        "x1",
        Actor.APP,
        Endpoint.TOKEN,
        datetime.now(UTC),
        5,
        Request("POST", "https://e.example/token"),
        Response(401, (("Content-Type", "application/json"),), b'{"error": "invalid_client"}'),
    )
    assert checks.authenticated_by_listed("R", refused, "client_secret_basic")[0].severity is None
    assert checks.authenticated_by_listed("R", refused, "client_secret_post")[0].severity is Outcome.WARNING
