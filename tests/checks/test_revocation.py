"""Each check on revocation passes the right answer and names exactly what is wrong with a wrong one."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from smartlaunch.checks import revocation as checks
from smartlaunch.checks.members import Findings
from smartlaunch.errors import Unreachable
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response

REQ = "RFC7009-2.1-a"


def answer(body: object = None, *, status: int = 200) -> Exchange:
    """An answer with a JSON body, or without any."""
    content = b"" if body is None else json.dumps(body).encode()
    request = Request("POST", "https://ehr.example/revoke")
    response = Response(status, (("Content-Type", "application/json"),), content)
    return Exchange("x1", Actor.APP, Endpoint.REVOCATION, datetime.now(UTC), 1.0, request, response)


def actual(findings: Findings) -> str:
    """What the one finding says."""
    assert len(findings) == 1
    assert (findings[0].requirement, findings[0].exchange) == (REQ, "x1")
    return findings[0].actual


def test_a_revocation_is_answered_with_200() -> None:
    assert checks.answers_200(REQ, answer(), "it") == []
    assert actual(checks.answers_200(REQ, answer(status=202), "it")) == "status 202"
    assert actual(checks.answers_200(REQ, answer({"error": "invalid_request"}, status=400), "it")) == (
        'status 400, `error` is "invalid_request"'
    )


def test_a_form_is_taken_with_any_success() -> None:
    assert checks.takes_form(REQ, answer(status=204)) == []
    assert actual(checks.takes_form(REQ, answer(status=415))) == "status 415"


def test_a_revoked_access_token_is_refused() -> None:
    assert checks.read_is_refused(REQ, answer(status=401)) == []
    assert "status 200" in actual(checks.read_is_refused(REQ, answer({"resourceType": "Patient"})))


def test_a_token_that_others_wanted_to_end_lives_on() -> None:
    assert checks.read_is_answered(REQ, answer({"resourceType": "Patient"}), "someone else") == []
    assert "status 401" in actual(checks.read_is_answered(REQ, answer(status=401), "someone else"))


def test_a_revoked_refresh_token_brings_nothing() -> None:
    assert checks.refresh_is_refused(REQ, answer({"error": "invalid_grant"}, status=400)) == []
    assert actual(checks.refresh_is_refused(REQ, answer({"access_token": "abc"}))) == "status 200 with an access token"


def test_a_refusal_names_a_defined_error() -> None:
    for right in (answer(), answer({"error": "unsupported_token_type"}, status=400)):
        assert checks.defined_error(REQ, right) == []
    with pytest.raises(Unreachable, match="status 503"):
        checks.defined_error(REQ, answer(status=503))
    assert checks.defined_error(REQ, answer({"error": "urn:example:no"}, status=400)) == []
    assert actual(checks.defined_error(REQ, answer({"error": "REVOKE-17"}, status=400))) == 'it is "REVOKE-17"'
    assert actual(checks.defined_error(REQ, answer({}, status=400))) == "status 400, no `error`"
    assert actual(checks.defined_error(REQ, answer(status=400))).startswith("status 400, the body is not JSON")


def test_a_refresh_token_that_others_wanted_to_end_lives_on() -> None:
    assert checks.refresh_is_answered(REQ, answer({"access_token": "abc"}), "someone else") == []
    dead = answer({"error": "invalid_grant"}, status=400)
    assert actual(checks.refresh_is_answered(REQ, dead, "someone else")) == 'status 400, `error` is "invalid_grant"'
    assert actual(checks.refresh_is_answered(REQ, answer(status=400), "someone else")) == "status 400"


def test_who_does_not_authenticate_is_refused() -> None:
    assert checks.is_refused(REQ, answer({"error": "invalid_client"}, status=401), "nobody") == []
    assert actual(checks.is_refused(REQ, answer(), "nobody")) == "status 200"
