"""Each check on the token response passes the right answer and names exactly what is wrong with a wrong one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from smartlaunch.checks import token_response as checks
from smartlaunch.checks.members import Findings
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response

REQ = "SMART-2.2-app-launch-token-response-a"
RIGHT: dict[str, Any] = {
    "access_token": "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4",
    "token_type": "Bearer",
    "expires_in": 3600,
    "scope": "openid fhirUser launch/patient patient/*.rs",
    "patient": "123",
}


def answer(body: object, *, status: int = 200, raw: bytes | None = None) -> Exchange:
    """A token response with the given JSON body."""
    content = raw if raw is not None else json.dumps(body).encode()
    response = Response(status, (("Content-Type", "application/json"),), content)
    request = Request("POST", "https://ehr.example/token")
    return Exchange("x0001", Actor.APP, Endpoint.TOKEN, datetime.now(UTC), 1.0, request, response)


_CLAIMS = base64.urlsafe_b64encode(b'{"iat": 1000, "exp": 1600}').decode().rstrip("=")
LIVES_TEN_MINUTES = f"e30.{_CLAIMS}.sig"


def having(**changes: Any) -> Exchange:
    """The right body with members changed; None leaves one out."""
    return answer({k: v for k, v in {**RIGHT, **changes}.items() if v is not None})


Check = Callable[[str, Exchange], Findings]
BODY_CHECKS: list[Check] = [
    checks.holds_token_or_error, checks.json_body, checks.access_token, checks.token_type, checks.lifetime, checks.lifetime_is_true, checks.lives_an_hour_at_most,
    checks.json_types, checks.scope_listed, checks.scope_syntax, checks.scope_once, checks.token_characters, checks.fits_a_header, checks.without_id_token,
    checks.own_names,
]  # fmt: skip


@pytest.mark.parametrize("check", BODY_CHECKS, ids=lambda c: c.__name__)
def test_a_right_answer_passes(check: Check) -> None:
    assert check(REQ, answer(RIGHT)) == []


@pytest.mark.parametrize(
    ("check", "wrong", "pointer", "word"),
    [
        (checks.holds_token_or_error, answer({"token": "x"}), "body", "`token`"),
        (checks.holds_token_or_error, answer([1]), "body", "[1]"),
        (checks.holds_token_or_error, answer(None, raw=b"access_token=x"), "body", "not JSON"),
        (checks.json_body, answer({"data": RIGHT}), "/data", "inside the member `data`"),
        (checks.json_body, answer([RIGHT]), "body", "an array"),
        (checks.access_token, having(access_token=None), "/access_token", "absent"),
        (checks.access_token, having(access_token=" "), "/access_token", "blank"),
        (checks.access_token, having(access_token=7), "/access_token", "a number"),
        (checks.token_type, having(token_type="mac"), "/token_type", '"mac"'),
        (checks.token_type, having(token_type=None), "/token_type", "absent"),
        (checks.lifetime, having(expires_in=None), "/expires_in", "absent"),
        (checks.lifetime_is_true, having(expires_in=0), "/expires_in", "dead on arrival"),
        (checks.lifetime, having(expires_in="soon"), "/expires_in", '"soon"'),
        (checks.lifetime_is_true, having(expires_in=1_700_000_000), "/expires_in", "a moment"),
        (checks.lifetime_is_true, having(expires_in=-1), "/expires_in", "dead on arrival"),
        (checks.lifetime_is_true, having(expires_in=600_000, access_token=LIVES_TEN_MINUTES), "/expires_in", "milliseconds"),
        (checks.lifetime, having(expires_in="3600"), "/expires_in", '"3600"'),
        (checks.lives_an_hour_at_most, having(expires_in=3601), "/expires_in", "3601"),
        (checks.lives_an_hour_at_most, having(expires_in="7200"), "/expires_in", "7200"),
        (checks.json_types, having(expires_in="3600"), "/expires_in", "a string"),
        (checks.json_types, having(expires_in=True), "/expires_in", "a boolean"),
        (checks.json_types, having(scope=["openid"]), "/scope", "an array"),
        (checks.scope_listed, having(scope=None), "/scope", "absent"),
        (checks.scope_listed, having(scope=["openid"]), "/scope", "not a string"),
        (checks.scope_listed, having(scope="openid,patient/*.rs"), "/scope", "joined"),
        (checks.scope_syntax, having(scope="openid  fhirUser"), "/scope", "space"),
        (checks.scope_syntax, having(scope=""), "/scope", "empty"),
        (checks.scope_syntax, having(scope='a"b'), "/scope", "character"),
        (checks.token_characters, having(access_token="a b"), "/access_token", '" "'),
        (checks.fits_a_header, having(access_token="a" * 9000), "/access_token", "9022"),
        (checks.without_id_token, having(id_token="a.b.c"), "/id_token", "there"),
        (checks.own_names, having(practitioner="7"), "/practitioner", "`practitioner`"),
        (checks.own_names, having(site="Location/7"), "/site", "`site`"),
        (checks.own_names, having(scope="openid chart-review"), "/scope", "chart-review"),
    ],
)
def test_a_wrong_answer_is_one_finding(check: Check, wrong: Exchange, pointer: str, word: str) -> None:
    found = check(REQ, wrong)
    assert [(f.requirement, f.pointer, f.exchange) for f in found] == [(REQ, pointer, "x0001")]
    assert word in found[0].actual


@pytest.mark.parametrize(
    ("check", "permitted"),
    [
        (checks.token_type, having(token_type="bearer")),
        (checks.holds_token_or_error, answer({"error": "invalid_grant"}, status=400)),
        (checks.scope_listed, having(scope="patient/Observation.rs?code=a,b openid")),
        (checks.own_names, having(__theme="calm", session_state="1", ext_expires_in=1, **{"https://ehr.example/site": "Location/7"})),
        (checks.own_names, having(scope="openid __own https://ehr.example/scope smart/orchestrate_launch system/*.read")),
        (checks.lives_an_hour_at_most, having(expires_in=None)),
        (checks.lifetime_is_true, having(expires_in="3600")),
        (checks.lifetime_is_true, having(expires_in=600, access_token=LIVES_TEN_MINUTES)),
        (checks.lifetime_is_true, having(expires_in="soon")),
    ],
)
def test_permitted_choices_pass(check: Check, permitted: Exchange) -> None:
    assert check(REQ, permitted) == []


def test_no_check_shows_the_token() -> None:
    wrong = having(access_token="not a token but secret", expires_in="x")
    assert all("secret" not in f.actual + f.expected for check in BODY_CHECKS for f in check(REQ, wrong))


@pytest.mark.parametrize(
    ("token", "found"),
    [
        ("opaque-and-long-enough", 0),
        (base64.urlsafe_b64encode(b'{"sub":"1"}').decode(), 0),
        (base64.urlsafe_b64encode(b'{"user":{"password":"x"}}').decode(), 1),
        ("aGVhZA." + base64.urlsafe_b64encode(b'{"a":"hunter22"}').decode().rstrip("=") + ".c2ln", 1),
        (base64.b64encode(b"lena:hunter22").decode(), 1),
        (base64.urlsafe_b64encode(b'{"refresh_token":""}').decode(), 0),
    ],
)
def test_secrets_in_readable_tokens(token: str, found: int) -> None:
    assert len(checks.holds_no_secret("HYGIENE-token-readable", having(access_token=token), ["hunter22"])) == found


@pytest.mark.parametrize(
    ("one", "two", "same_user", "found"),
    [
        ("q" * 43, "z" * 43, True, 0),
        ("prefix-" + "q" * 22, "prefix-" + "z" * 22, True, 0),
        ("at-500001", "at-500002", True, 1),
        ("a" * 40 + "1" + "b" * 40, "a" * 40 + "2" + "b" * 40, True, 1),
        ("abcdefgh", "stuvwxyz", True, 1),
        ("q" * 43, "q" * 43, True, 0),
        ("q" * 43, "q" * 43, False, 1),
    ],
)
def test_guessable_tokens(one: str, two: str, same_user: bool, found: int) -> None:
    findings = checks.unguessable("RFC6749-10.3-a", having(access_token=one), having(access_token=two), "access_token", same_user=same_user)
    assert len(findings) == found
    assert all(one not in f.actual and two not in f.actual for f in findings)


def test_a_missing_token_is_not_judged_for_strength() -> None:
    assert checks.unguessable("RFC6749-10.4-a", answer(RIGHT), answer(RIGHT), "refresh_token", same_user=True) == []


def test_a_member_is_not_called_absent_where_there_is_no_object() -> None:
    page = answer(None, raw=b"<html>")
    for check in (checks.lifetime, checks.access_token, checks.token_type, checks.scope_listed):
        assert "there is no JSON object" in check("R", page)[0].actual


def test_a_scope_that_stands_twice_is_named() -> None:
    [finding] = checks.scope_once(REQ, having(scope="openid patient/*.rs openid"))
    assert finding.actual == "twice or more: openid"
    assert checks.scope_once(REQ, having(scope=["openid", "openid"])) == []
