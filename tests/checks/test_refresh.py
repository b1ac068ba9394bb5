"""Each check on refresh responses passes the right answer and names exactly what is wrong with a wrong one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from smartlaunch.checks import refresh as checks
from smartlaunch.checks.members import Findings
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response
from smartlaunch.finding import Kind, Outcome, Side

REQ = "SMART-2.2-app-launch-refresh-response-a"
RIGHT: dict[str, Any] = {
    "access_token": "second-access-token",
    "token_type": "Bearer",
    "expires_in": 3600,
    "scope": "patient/*.rs",
    "refresh_token": "second-refresh-token",
    "patient": "123",
}
FIRST = {"patient": "123", "encounter": "9", "access_token": "first-access-token"}


def answer(body: object, *, status: int = 200, endpoint: Endpoint = Endpoint.TOKEN) -> Exchange:
    """An answer with the given JSON body."""
    response = Response(status, (("Content-Type", "application/json"),), json.dumps(body).encode())
    return Exchange("x0001", Actor.APP, endpoint, datetime.now(UTC), 1.0, Request("POST", "https://ehr.example/token"), response)


def having(**changes: Any) -> Exchange:
    """The right body with members changed; None leaves one out."""
    return answer({k: v for k, v in {**RIGHT, **changes}.items() if v is not None})


REFUSED = answer({"error": "invalid_grant"}, status=400)
READ = answer({"resourceType": "Patient", "id": "123"}, endpoint=Endpoint.FHIR)
READ_REFUSED = answer({"resourceType": "OperationOutcome"}, status=401, endpoint=Endpoint.FHIR)


def actual(findings: Findings) -> str:
    """The one statement of a finding, which is for the right requirement."""
    assert len(findings) == 1
    assert findings[0].requirement == REQ
    assert findings[0].exchange == "x0001"
    return findings[0].actual


def test_a_refresh_token_that_was_asked_for_is_expected() -> None:
    asked = ["offline_access", "patient/*.rs"]
    assert checks.refresh_token_expected(answer(RIGHT), asked, declared=None) == []
    assert checks.refresh_token_expected(having(refresh_token=None), ["patient/*.rs"], declared=None) == []
    assert checks.refresh_token_expected(having(refresh_token=None), asked, declared=False) == []
    [finding] = checks.refresh_token_expected(having(refresh_token=None), asked, declared=None)
    assert (finding.kind, finding.severity, finding.side) == (Kind.EXPECTATION, Outcome.WARNING, Side.UNDECIDED)
    [finding] = checks.refresh_token_expected(having(refresh_token=None), asked, declared=True)
    assert finding.severity is Outcome.FAILED
    [finding] = checks.refresh_token_expected(having(refresh_token=None), [], declared=True)
    assert finding.expected == "a refresh token, as the target file expects"


def test_a_grant_of_offline_access_has_a_refresh_token() -> None:
    assert checks.has_refresh_token(REQ, answer(RIGHT), "offline_access") == []
    assert actual(checks.has_refresh_token(REQ, having(refresh_token=None), "offline_access")) == "it is absent"
    assert actual(checks.has_refresh_token(REQ, having(refresh_token=7), "offline_access")) == 'it is "int"'


def test_a_right_refresh_brings_a_token() -> None:
    assert checks.yields_token(REQ, answer(RIGHT), "of the grant") == []
    assert actual(checks.yields_token(REQ, REFUSED, "of the grant")) == 'status 400, `error` is "invalid_grant"'
    assert actual(checks.yields_token(REQ, answer({}), "of the grant")) == "status 200"
    assert checks.accepted(REQ, READ) == []
    assert "401" in actual(checks.accepted(REQ, READ_REFUSED))


def test_the_access_token_is_new() -> None:
    assert checks.new_access_token(REQ, answer(RIGHT), "first-access-token") == []
    assert actual(checks.new_access_token(REQ, having(access_token=None), "first-access-token")) == "it is absent"
    assert actual(checks.new_access_token(REQ, answer(RIGHT), "second-access-token")) == "it is the one of the first answer"


def test_scopes_are_kept_without_a_word_on_them() -> None:
    assert checks.keeps_scopes(REQ, answer(RIGHT), [], []) == []
    assert actual(checks.keeps_scopes(REQ, answer(RIGHT), ["openid"], [])) == "`openid` are missing"
    assert actual(checks.keeps_scopes(REQ, answer(RIGHT), [], ["user/*.cruds"])) == "`user/*.cruds` came with it"
    assert len(checks.keeps_scopes(REQ, answer(RIGHT), ["openid"], ["user/*.cruds"])) == 2


def test_a_refresh_for_a_part_brings_the_part_or_the_whole() -> None:
    assert checks.part_or_whole(REQ, answer(RIGHT), [], []) == []
    assert [f.severity for f in checks.part_or_whole(REQ, answer(RIGHT), ["openid"], [])] == [None]
    assert [f.severity for f in checks.part_or_whole(REQ, answer(RIGHT), [], ["user/*.cruds"])] == [None]
    refused = checks.part_or_whole(REQ, answer({"error": "invalid_scope"}), [], [])
    assert [f.severity for f in refused] == [Outcome.WARNING]


def test_only_another_patient_fails_and_the_order_of_an_array_is_nothing() -> None:
    first = {"patient": "a", "intent": "x", "fhirContext": [{"reference": "A/1"}, {"reference": "B/2"}], "smart_style_url": "https://s/1"}
    same = {**first, "fhirContext": first["fhirContext"][::-1], "smart_style_url": "https://s/2"}
    assert checks.same_context(REQ, answer(same), first) == []
    assert [f.severity for f in checks.same_context(REQ, answer({**first, "patient": "b", "intent": "y"}), first)] == [
        None,
        Outcome.WARNING,
    ]


def test_a_wider_token_reads_nothing_more() -> None:
    assert checks.reads_nothing_wider(REQ, READ_REFUSED, "a search") == []
    empty = answer({"resourceType": "Bundle", "type": "searchset"}, endpoint=Endpoint.FHIR)
    assert checks.reads_nothing_wider(REQ, empty, "a search") == []
    assert "status 200" in actual(checks.reads_nothing_wider(REQ, READ, "a search"))


def test_launch_context_stays_or_is_left_out() -> None:
    assert checks.same_context(REQ, answer(RIGHT), FIRST) == []
    assert checks.same_context(REQ, having(patient=None), FIRST) == []
    assert actual(checks.same_context(REQ, having(patient="456"), FIRST)) == "it has another value"
    assert checks.same_context(REQ, having(intent="x"), FIRST) == []


CLAIMS = {"iss": "https://ehr.example", "sub": "abc", "aud": "app", "iat": 1000}


@pytest.mark.parametrize("name", ["iss", "sub"])
def test_claims_stay_the_same(name: str) -> None:
    assert checks.same_claim(REQ, answer(RIGHT), CLAIMS, CLAIMS, name) == []
    assert checks.same_claim(REQ, answer(RIGHT), {}, CLAIMS, name) == []
    assert actual(checks.same_claim(REQ, answer(RIGHT), CLAIMS, {**CLAIMS, name: "other"}, name)) == "it has another value"
    assert actual(checks.same_claim(REQ, answer(RIGHT), CLAIMS, {}, name)) == "it is absent"


def test_the_person_stays_the_same_however_the_reference_is_written() -> None:
    first = {"fhirUser": "https://ehr.example/fhir/Practitioner/1"}
    assert checks.same_person(REQ, answer(RIGHT), first, first) == []
    assert checks.same_person(REQ, answer(RIGHT), first, {"fhirUser": "Practitioner/1"}) == []
    assert checks.same_person(REQ, answer(RIGHT), {}, first) == []
    assert actual(checks.same_person(REQ, answer(RIGHT), first, {"fhirUser": "Practitioner/2"})) == "it names another resource"


def test_the_audience_contains_the_first_one() -> None:
    assert checks.audience_kept(REQ, answer(RIGHT), CLAIMS, {"aud": ["app", "other"]}) == []
    assert checks.audience_kept(REQ, answer(RIGHT), {"aud": ["app"]}, CLAIMS) == []
    assert actual(checks.audience_kept(REQ, answer(RIGHT), CLAIMS, {"aud": "other"})) == 'it is "other"'
    assert actual(checks.audience_kept(REQ, answer(RIGHT), CLAIMS, {})) == "it is absent"


def test_the_time_of_issue_is_that_of_the_refresh() -> None:
    assert checks.issued_now(REQ, answer(RIGHT), {"iat": 1003}, CLAIMS, 1003.4) == []
    assert actual(checks.issued_now(REQ, answer(RIGHT), {"iat": 1000}, CLAIMS, 1003.4)) == "it is that of the first ID Token"
    assert actual(checks.issued_now(REQ, answer(RIGHT), {"iat": 900}, CLAIMS, 1003.0)) == "it is before that of the first ID Token"
    [skewed] = checks.issued_now(REQ, answer(RIGHT), {"iat": 1103}, CLAIMS, 1003.0)
    assert (skewed.actual, skewed.severity) == ("it is 100 s from the time of the answer", Outcome.WARNING)
    assert actual(checks.issued_now(REQ, answer(RIGHT), {}, CLAIMS, 1003.0)) == "it is absent"
    assert actual(checks.issued_now(REQ, answer(RIGHT), {"iat": "1003"}, CLAIMS, 1003.0)) == 'it is "1003"'


def test_there_is_no_nonce() -> None:
    assert checks.no_nonce(REQ, answer(RIGHT), {}) == []
    assert actual(checks.no_nonce(REQ, answer(RIGHT), {"nonce": "n"})) == "it is there"


def test_a_nonce_that_is_there_is_the_one_that_was_sent() -> None:
    assert checks.same_nonce(REQ, answer(RIGHT), {}, "n") == []
    assert checks.same_nonce(REQ, answer(RIGHT), {"nonce": "n"}, "n") == []
    assert actual(checks.same_nonce(REQ, answer(RIGHT), {"nonce": "m"}, "n")) == "it is another value"


def test_refresh_tokens_are_replaced_unless_they_are_bound() -> None:
    assert checks.replaced(REQ, answer(RIGHT), "first-refresh-token") == []
    assert checks.replaced(REQ, having(refresh_token=None, token_type="DPoP"), "first-refresh-token") == []
    assert actual(checks.replaced(REQ, having(refresh_token=None), "x")) == "the refresh response has no `refresh_token`"
    assert actual(checks.replaced(REQ, answer(RIGHT), "second-refresh-token")) == "it is the same as before"


def test_dead_tokens_bring_nothing() -> None:
    assert checks.ended(REQ, REFUSED, "it") == []
    assert checks.ended(REQ, READ_REFUSED, "it") == []
    assert actual(checks.ended(REQ, answer(RIGHT), "it")) == "status 200 with an access token"
    assert "status 200" in actual(checks.ended(REQ, READ, "it"))


def test_online_access_after_the_sign_out_is_a_warning() -> None:
    assert checks.ends_with_the_session(REQ, REFUSED) == []
    [finding] = checks.ends_with_the_session(REQ, answer(RIGHT))
    assert (finding.kind, finding.severity) == (Kind.HYGIENE, Outcome.WARNING)


def test_a_refresh_token_that_is_no_string_is_not_called_the_same() -> None:
    assert actual(checks.replaced(REQ, answer({"refresh_token": ["old"]}), "old")) == 'it is "list" and no string'
    assert actual(checks.replaced(REQ, answer({"refresh_token": "old"}), "old")) == "it is the same as before"
