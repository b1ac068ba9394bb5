"""Each check on the ID Token passes right claims and names exactly what is wrong with wrong ones."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from smartlaunch.checks import id_token as checks
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response

REQ = "OIDC-Core-3.1.3.7-a"
NOW = 1_800_000_000.0
ACCESS = "access-token"
AT_HASH = base64.urlsafe_b64encode(hashlib.sha256(ACCESS.encode()).digest()[:16]).decode().rstrip("=")
CLAIMS: dict[str, Any] = {
    "iss": "https://ehr.example/oauth", "sub": "u1", "aud": "app", "exp": NOW + 300, "iat": NOW - 1, "nonce": "n", "at_hash": AT_HASH,
    "fhirUser": "https://ehr.example/fhir/Practitioner/7",
}  # fmt: skip
HEADER = {"alg": "RS256", "kid": "k"}


def answer(body: object, *, status: int = 200) -> Exchange:
    """An answer with the given JSON body."""
    request = Request("GET", "https://ehr.example/x")
    response = Response(status, (("Content-Type", "application/json"),), json.dumps(body).encode())
    return Exchange("x0001", Actor.APP, Endpoint.TOKEN, datetime.now(UTC), 1.0, request, response)


TOKEN = answer({"access_token": ACCESS, "id_token": "a.b.c"})


def having(**changes: Any) -> dict[str, Any]:
    """The right claims with some changed; None leaves one out."""
    return {k: v for k, v in {**CLAIMS, **changes}.items() if v is not None}


def test_right_claims_pass() -> None:
    assert checks.present(REQ, TOKEN) == []
    assert checks.signed(REQ, TOKEN, HEADER, "") == []
    assert checks.algorithm(REQ, TOKEN, HEADER) == []
    assert checks.no_key_headers(REQ, TOKEN, HEADER) == []
    assert checks.names_its_key(REQ, TOKEN, HEADER, 3) == []
    assert checks.names_its_key(REQ, TOKEN, {"alg": "RS256"}, 1) == []
    assert checks.signature_verifies(REQ, TOKEN, "") == []
    assert checks.issuer_form(REQ, TOKEN, CLAIMS) == []
    assert checks.issuer_is(REQ, TOKEN, CLAIMS, "https://ehr.example/oauth") == []
    assert checks.subject_form(REQ, TOKEN, CLAIMS) == []
    assert checks.audience(REQ, TOKEN, CLAIMS, "app") == []
    assert checks.audience(REQ, TOKEN, having(aud=["app", "other"]), "app") == []
    assert checks.authorized_party(REQ, TOKEN, CLAIMS, "app") == []
    assert checks.numeric_date(REQ, TOKEN, CLAIMS, "exp") == []
    assert checks.not_expired(REQ, TOKEN, CLAIMS, NOW) == []
    assert checks.login_before(REQ, TOKEN, having(auth_time=CLAIMS["iat"])) == []
    assert checks.login_before(REQ, TOKEN, having(auth_time=NOW - 86400)) == []
    assert checks.in_force(REQ, TOKEN, having(nbf=NOW), NOW) == []
    assert checks.freshly_issued(REQ, TOKEN, CLAIMS, NOW) == []
    assert checks.nonce(REQ, TOKEN, CLAIMS, "n") == []
    assert checks.access_token_hash(REQ, TOKEN, HEADER, CLAIMS) == []
    assert checks.fhir_user_present(REQ, TOKEN, CLAIMS) == []
    assert checks.fhir_user_form(REQ, TOKEN, CLAIMS) == []
    assert checks.fhir_user_expected(REQ, TOKEN, CLAIMS, "Practitioner/7") == []
    assert checks.fhir_user_expected(REQ, TOKEN, CLAIMS, "PractitionerRole/9") == []
    assert checks.fhir_user_expected(REQ, TOKEN, CLAIMS, "Person/9") == []
    assert checks.fhir_user_here(TOKEN, elsewhere=False) == []


WRONG = {
    "present": lambda: checks.present(REQ, answer({"access_token": ACCESS})),
    "present as object": lambda: checks.present(REQ, answer({"id_token": {}})),
    "signed": lambda: checks.signed(REQ, TOKEN, {"alg": "none"}, ""),
    "signed by nothing": lambda: checks.signed(REQ, answer({"id_token": "a.b."}), HEADER, ""),
    "signed in one part": lambda: checks.signed(REQ, TOKEN, {}, "it has 1 parts where a signed JWT has three"),
    "algorithm": lambda: checks.algorithm(REQ, TOKEN, {"alg": "ES384"}),
    "key headers": lambda: checks.no_key_headers(REQ, TOKEN, {**HEADER, "jku": "https://x"}),
    "kid": lambda: checks.names_its_key(REQ, TOKEN, {"alg": "RS256"}, 2),
    "signature": lambda: checks.signature_verifies(REQ, TOKEN, "Signature verification failed"),
    "iss with query": lambda: checks.issuer_form(REQ, TOKEN, having(iss="https://ehr.example/oauth?x=1")),
    "iss by http": lambda: checks.issuer_form(REQ, TOKEN, having(iss="http://ehr.example/oauth")),
    "iss absent": lambda: checks.issuer_form(REQ, TOKEN, having(iss=None)),
    "iss other": lambda: checks.issuer_is(REQ, TOKEN, CLAIMS, "https://ehr.example/oauth/"),
    "sub absent": lambda: checks.subject_form(REQ, TOKEN, having(sub=None)),
    "sub long": lambda: checks.subject_form(REQ, TOKEN, having(sub="x" * 256)),
    "sub beyond ASCII": lambda: checks.subject_form(REQ, TOKEN, having(sub="é")),
    "sub a number": lambda: checks.subject_form(REQ, TOKEN, having(sub=7)),
    "aud": lambda: checks.audience(REQ, TOKEN, CLAIMS, "other"),
    "aud absent": lambda: checks.audience(REQ, TOKEN, having(aud=None), "app"),
    "azp": lambda: checks.authorized_party(REQ, TOKEN, having(azp="other"), "app"),
    "exp absent": lambda: checks.numeric_date(REQ, TOKEN, having(exp=None), "exp"),
    "exp text": lambda: checks.numeric_date(REQ, TOKEN, having(exp="1"), "exp"),
    "exp in milliseconds": lambda: checks.numeric_date(REQ, TOKEN, having(exp=NOW * 1000), "exp"),
    "a login to come": lambda: checks.login_before(REQ, TOKEN, having(auth_time=CLAIMS["iat"] + 61)),
    "a login in words": lambda: checks.login_before(REQ, TOKEN, having(auth_time="yesterday")),
    "not in force yet": lambda: checks.in_force(REQ, TOKEN, having(nbf=NOW + 61), NOW),
    "in force at a time in words": lambda: checks.in_force(REQ, TOKEN, having(nbf="now"), NOW),
    "expired": lambda: checks.not_expired(REQ, TOKEN, having(exp=NOW - 61), NOW),
    "future": lambda: checks.freshly_issued(REQ, TOKEN, having(iat=NOW + 61), NOW),
    "old": lambda: checks.freshly_issued(REQ, TOKEN, having(iat=NOW - 601), NOW),
    "nonce": lambda: checks.nonce(REQ, TOKEN, CLAIMS, "m"),
    "nonce absent": lambda: checks.nonce(REQ, TOKEN, having(nonce=None), "n"),
    "at_hash": lambda: checks.access_token_hash(REQ, TOKEN, HEADER, having(at_hash="AAAA")),
    "subject changed": lambda: checks.same_subject(REQ, TOKEN, CLAIMS, having(sub="u2")),
    "subject shared": lambda: checks.other_subject(REQ, TOKEN, CLAIMS, CLAIMS),
    "fhirUser absent": lambda: checks.fhir_user_present(REQ, TOKEN, having(fhirUser=None)),
    "fhirUser of another type": lambda: checks.fhir_user_form(REQ, TOKEN, having(fhirUser="Organization/7")),
    "fhirUser a bare id": lambda: checks.fhir_user_form(REQ, TOKEN, having(fhirUser="7")),
    "fhirUser an object": lambda: checks.fhir_user_form(REQ, TOKEN, having(fhirUser={"reference": "Practitioner/7"})),
    "fhirUser of another kind of person": lambda: checks.fhir_user_expected(REQ, TOKEN, CLAIMS, "Patient/7"),
    "fhirUser of another person": lambda: checks.fhir_user_expected(REQ, TOKEN, CLAIMS, "Practitioner/8"),
    "fhirUser gone": lambda: checks.fhir_user_leads(REQ, answer({"resourceType": "OperationOutcome"}, status=404), CLAIMS),
    "fhirUser leads astray": lambda: checks.fhir_user_leads(REQ, answer({"resourceType": "Practitioner", "id": "8"}), CLAIMS),
    "fhirUser granted for nobody": lambda: checks.fhir_user_withheld(REQ, TOKEN, ["openid", "fhirUser"], None),
    "UserInfo of another": lambda: checks.userinfo_subject(REQ, answer({"sub": "u2"}), CLAIMS),
    "UserInfo without sub": lambda: checks.userinfo_subject(REQ, answer({"name": "x"}), CLAIMS),
    "UserInfo refused": lambda: checks.userinfo_subject(REQ, answer({}, status=401), CLAIMS),
    "UserInfo no object": lambda: checks.userinfo_subject(REQ, answer([]), CLAIMS),
    "UserInfo for anyone": lambda: checks.userinfo_refuses(REQ, answer({"sub": "u1"})),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_one_finding(name: str) -> None:
    found = WRONG[name]()
    assert [(f.requirement, f.exchange) for f in found] == [(REQ, "x0001")]
    assert all("u1" not in f.actual and "u2" not in f.actual for f in found)


def test_a_refused_read_of_the_user_is_an_expectation() -> None:
    refused = checks.fhir_user_leads(REQ, answer({"resourceType": "OperationOutcome"}, status=403), CLAIMS)
    assert [f.requirement for f in refused + checks.fhir_user_here(TOKEN, elsewhere=True)] == ["EXPECT-fhir-read"] * 2


@pytest.mark.parametrize(
    "value", ["Patient/7", "https://ehr.example/fhir/RelatedPerson/7/", "https://ehr.example/fhir/Person/7/_history/1"]
)
def test_forms_of_fhir_user(value: str) -> None:
    assert checks.user_reference(value) is not None


def test_permitted_choices_pass() -> None:
    assert checks.fhir_user_withheld(REQ, TOKEN, ["openid"], None) == []
    assert checks.fhir_user_withheld(REQ, TOKEN, ["fhirUser"], answer({"resourceType": "Person", "id": "1"})) == []
    assert len(checks.userinfo_refuses(REQ, answer({}, status=401))) == 1
    assert len(checks.userinfo_refuses(REQ, answer({}))) == 1
    claims = base64.urlsafe_b64encode(b'{"sub":"u1"}').decode().rstrip("=")
    request = Request("GET", "https://ehr.example/x")
    signed = Exchange("x", Actor.APP, Endpoint.OTHER, datetime.now(UTC), 1.0, request, Response(200, (), f"h.{claims}.s".encode()))
    assert checks.userinfo_subject(REQ, signed, CLAIMS) == []
    assert checks.same_subject(REQ, TOKEN, CLAIMS, CLAIMS) == []
    assert checks.other_subject(REQ, TOKEN, CLAIMS, having(sub="u2")) == []


def test_support_of_rs256_is_what_binds() -> None:
    assert checks.supports_rs256(REQ, TOKEN, "RS256", []) == []
    assert checks.supports_rs256(REQ, TOKEN, "ES256", ["RS256", "ES256"]) == []
    assert len(checks.supports_rs256(REQ, TOKEN, "ES256", ["ES256"])) == 1


def test_an_id_token_that_says_it_is_unsigned_breaks_a_rule_of_its_own() -> None:
    assert len(checks.not_unsigned(REQ, TOKEN, {"alg": "None"}, "")) == 1
    assert checks.not_unsigned(REQ, TOKEN, {"alg": "HS256"}, "") == []


def test_issued_in_time_to_come() -> None:
    token = answer({})
    assert checks.issued_before(REQ, token, {"iat": NOW}, NOW) == []
    assert checks.issued_before(REQ, token, {"iat": NOW + 300}, NOW) == [], "clocks differ"
    assert checks.issued_before(REQ, token, {"iat": NOW - 86400}, NOW) == []
    assert checks.issued_before(REQ, token, {}, NOW) == []
    assert "86400 s after" in checks.issued_before(REQ, token, {"iat": NOW + 86400}, NOW)[0].actual
