"""Each check on introspection responses passes the right answer and names exactly what is wrong with a wrong one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from smartlaunch.checks import introspection as checks
from smartlaunch.checks.members import Findings
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response

REQ = "SMART-2.2-token-introspection-active"
RIGHT: dict[str, Any] = {"active": True, "scope": "openid patient/*.rs", "client_id": "app", "exp": 2000, "iat": 1000, "patient": "123"}
Check = Callable[[str, Exchange], Findings]


def answer(body: object, *, status: int = 200, media_type: str = "application/json") -> Exchange:
    """An introspection response."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = (("Content-Type", media_type),) if media_type else ()
    request = Request("POST", "https://ehr.example/introspect")
    return Exchange("x1", Actor.APP, Endpoint.INTROSPECTION, datetime.now(UTC), 1.0, request, Response(status, headers, content))


def having(**changes: Any) -> Exchange:
    """The right body with members changed; None leaves one out."""
    return answer({k: v for k, v in {**RIGHT, **changes}.items() if v is not None})


INACTIVE = answer({"active": False})
REFUSED = answer({"error": "invalid_client"}, status=401)

PASSES: list[tuple[Check, Exchange]] = [
    (checks.answers_form, answer(RIGHT)),
    (checks.answers_form, INACTIVE),
    (checks.json_object, answer(RIGHT, media_type="application/json; charset=utf-8")),
    (checks.active_is_boolean, answer(RIGHT)),
    (checks.active_is_boolean, INACTIVE),
    (checks.active, answer(RIGHT)),
    (checks.not_active, INACTIVE),
    (checks.not_active, REFUSED),
    (checks.says_false, INACTIVE),
    (checks.says_false, REFUSED),
    (checks.no_error, INACTIVE),
    (checks.tells_nothing_else, INACTIVE),
    (checks.tells_nothing_else, answer(RIGHT)),
    (checks.time_stamps, answer(RIGHT)),
    (checks.time_stamps, INACTIVE),
    (checks.scope_string, answer(RIGHT)),
    (checks.scope_string, INACTIVE),
    (checks.expiry, answer(RIGHT)),
    (checks.refused_with_401, REFUSED),
    (checks.refused, answer({}, status=400)),
    (checks.accepts_bearer, answer(RIGHT)),
]
FAILS: list[tuple[Check, Exchange, str]] = [
    (checks.answers_form, answer({}, status=415), "status 415"),
    (checks.answers_form, answer({}), "no `active`"),
    (checks.json_object, answer(RIGHT, media_type="text/plain"), "`text/plain`"),
    (checks.json_object, answer(RIGHT, media_type=""), "`no Content-Type`"),
    (checks.json_object, answer([1]), "the body is [1]"),
    (checks.json_object, answer(b"{"), "the body is not JSON"),
    (checks.active_is_boolean, having(active="true"), 'it is "true"'),
    (checks.active_is_boolean, having(active=None), "it is absent"),
    (checks.active, INACTIVE, "it is false"),
    (checks.active, answer({}, status=404), "status 404 without `active`"),
    (checks.not_active, answer(RIGHT), "it is true"),
    (checks.not_active, having(active="True"), 'it is "True"'),
    (checks.says_false, having(active="false"), 'it is "false"'),
    (checks.says_false, answer({}), "it is absent"),
    (checks.no_error, answer({"active": False}, status=400), "status 400"),
    (checks.tells_nothing_else, answer({"active": False, "scope": "x", "patient": "1"}), "also `patient`, `scope`"),
    (checks.time_stamps, having(exp="2000"), 'it is "2000"'),
    (checks.time_stamps, having(iat=1.5), "it is 1.5"),
    (checks.time_stamps, having(exp=True), "it is true"),
    (checks.scope_string, having(scope=["a"]), 'it is ["a"]'),
    (checks.expiry, having(exp=None), "it is absent"),
    (checks.expiry, having(exp="2000"), 'it is "2000"'),
    (checks.refused_with_401, answer({}, status=403), "status 403"),
    (checks.refused, INACTIVE, "status 200"),
    (checks.refused, answer({}, status=500), "status 500"),
    (checks.accepts_bearer, REFUSED, "status 401"),
]


@pytest.mark.parametrize(("check", "exchange"), PASSES, ids=[f"{c.__name__}-{n}" for n, (c, _) in enumerate(PASSES)])
def test_a_right_answer_passes(check: Check, exchange: Exchange) -> None:
    assert check(REQ, exchange) == []


@pytest.mark.parametrize(("check", "exchange", "words"), FAILS, ids=[f"{c.__name__}-{n}" for n, (c, _, _) in enumerate(FAILS)])
def test_a_wrong_answer_is_named(check: Check, exchange: Exchange, words: str) -> None:
    [finding] = check(REQ, exchange)
    assert (finding.requirement, finding.exchange) == (REQ, "x1")
    assert finding.actual.startswith(words)


def actual(findings: Findings) -> str:
    """What the one finding says."""
    assert len(findings) == 1
    return findings[0].actual


def test_the_scope_is_that_of_the_grant() -> None:
    assert checks.scope_of_grant(REQ, answer(RIGHT), [], []) == []
    assert actual(checks.scope_of_grant(REQ, having(scope=None), [], [])) == "it is absent"
    assert actual(checks.scope_of_grant(REQ, having(scope=["a"]), [], [])) == 'it is ["a"]'
    assert actual(checks.scope_of_grant(REQ, answer(RIGHT), ["openid"], [])) == "`openid` are missing"
    assert actual(checks.scope_of_grant(REQ, answer(RIGHT), [], ["a"])) == "`a` were not granted"


def test_the_client_is_the_one_that_got_the_token() -> None:
    assert checks.client_id(REQ, answer(RIGHT), "app") == []
    assert actual(checks.client_id(REQ, answer(RIGHT), "other")) == 'it is "app"'
    assert actual(checks.client_id(REQ, having(client_id=None), "app")) == "it is absent"


def test_the_expiry_agrees_with_the_token_response() -> None:
    assert checks.expiry_agrees(REQ, answer(RIGHT), 2059.5) == []
    assert checks.expiry_agrees(REQ, having(exp="x"), 2000) == []
    assert actual(checks.expiry_agrees(REQ, answer(RIGHT), 9200)) == "it is 2000, -7200 s"


def test_the_expiry_of_a_later_token_is_later() -> None:
    assert checks.expiry_moves(REQ, having(exp=2002), answer(RIGHT)) == []
    assert checks.expiry_moves(REQ, having(exp="x"), answer(RIGHT)) == []
    assert actual(checks.expiry_moves(REQ, answer(RIGHT), answer(RIGHT))) == "it is 2000"


def test_the_launch_context_returns() -> None:
    assert checks.context(REQ, answer(RIGHT), {"patient": "123"}) == []
    assert actual(checks.context(REQ, answer(RIGHT), {"patient": "456"})) == "it has another value"
    assert actual(checks.context(REQ, answer(RIGHT), {"intent": "x"})) == "it is absent"


def test_claims_of_the_id_token_return() -> None:
    body = having(sub="abc")
    assert checks.claim(REQ, body, {"sub": "abc"}, "sub") == []
    assert checks.claim(REQ, body, {}, "sub") == []
    assert actual(checks.claim(REQ, body, {"sub": "xyz"}, "sub")) == "it has another value"
    assert actual(checks.claim(REQ, body, {"iss": "x"}, "iss")) == "it is absent"


def test_a_caller_without_right_learns_nothing() -> None:
    for right in (REFUSED, INACTIVE, answer(RIGHT, status=403)):
        assert checks.kept_from(REQ, right, "no right to ask") == []
    assert actual(checks.kept_from(REQ, answer(RIGHT), "no right to ask")) == "status 200 with `active` true"
