"""Whole launches through the embedded EHR's own pages."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

ROLES = ("public-primary", "confidential-symmetric-primary", "confidential-symmetric-second")


def signed(value: str) -> dict[str, str]:
    return {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion": value}


@pytest.mark.parametrize("client_id", ROLES)
def test_standalone_launch_ends_with_a_patient_that_can_be_read(ehr: Any, client_id: str) -> None:
    ehr.patient = "bruno-castellano"
    body = ehr.grant(client_id)
    assert body["patient"] == "bruno-castellano"
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 3600
    assert body["scope"].split() == [
        "openid",
        "fhirUser",
        "launch/patient",
        "offline_access",
        "patient/Patient.rs",
        "patient/Observation.rs",
    ]
    assert ehr.read("Patient/bruno-castellano", body["access_token"]).status_code == 200
    assert ehr.read("Patient/amelia-stone", body["access_token"]).status_code in (403, 404)
    assert {"/oauth/login", "/oauth/patient", "/oauth/consent"} <= set(ehr.trail)


def test_state_comes_back_byte_for_byte_with_the_issuer(ehr: Any) -> None:
    answer = ehr.authorize()
    assert answer["state"] == "s+1/2 3&=%é"
    assert answer["iss"] == ehr.state.issuer
    assert ehr.landed.startswith("https://public-primary.app.example/redirect?")


def test_post_works_like_get(ehr: Any) -> None:
    assert "code" in ehr.authorize(method="POST")


@pytest.mark.parametrize("uri", ["org.example.app:/callback", "http://127.0.0.1:49717/redirect"])
def test_custom_schemes_and_loopback_addresses_get_their_code(ehr: Any, uri: str) -> None:
    answer = ehr.authorize(redirect_uri=uri)
    assert ehr.landed.startswith(uri + "?")
    assert ehr.exchange(answer["code"], redirect_uri=uri).status_code == 200


def test_ehr_launch_gives_the_charts_patient_and_visit(ehr: Any) -> None:
    visit = "chidi-okafor-"
    from smartlaunch.embedded_ehr.data import encounter_summaries

    visit = encounter_summaries("chidi-okafor")[0]["id"]
    given = ehr.launch("confidential-symmetric-primary", "chidi-okafor", visit)
    assert given["iss"] == ehr.fhir
    scope = "openid fhirUser launch patient/Patient.rs patient/Encounter.r online_access"
    body = ehr.grant("confidential-symmetric-primary", scope=scope, launch=given["launch"])
    assert (body["patient"], body["encounter"]) == ("chidi-okafor", visit)
    assert body["need_patient_banner"] is False
    assert httpx.get(body["smart_style_url"]).json()["color_text"]
    assert body["fhirContext"] == [{"reference": "Location/ward-3-west"}]
    assert "/oauth/patient" not in ehr.trail
    assert ehr.read(f"Encounter/{visit}", body["access_token"]).status_code == 200


@pytest.mark.parametrize("alg", ["ES384", "RS384"])
def test_signed_assertion_stands_for_the_client(ehr: Any, alg: str) -> None:
    client_id = "confidential-asymmetric-primary"
    code = ehr.authorize(client_id)["code"]
    answer = ehr.exchange(code, client_id, **signed(ehr.assertion(client_id, alg=alg)))
    assert answer.status_code == 200, answer.text


def test_id_token_verifies_against_the_published_keys(ehr: Any) -> None:
    body = ehr.grant(scope="openid fhirUser profile launch/patient patient/Patient.r")
    found = ehr.back_end.get(ehr.state.issuer + "/.well-known/openid-configuration").json()
    keys = KeySet.import_key_set(ehr.back_end.get(found["jwks_uri"]).json())
    token = jwt.decode(body["id_token"], keys, algorithms=["RS256"])
    assert token.header["kid"]
    assert token.claims["aud"] == "public-primary"
    assert token.claims["iss"] == found["issuer"] == ehr.state.issuer
    assert token.claims["nonce"] == "n-1"
    assert token.claims["fhirUser"] == ehr.fhir + "/Practitioner/dr-lena-hart"
    assert token.claims["exp"] > time.time()


def test_backend_service_gets_a_short_token_without_a_person(ehr: Any) -> None:
    form = {"grant_type": "client_credentials", "scope": "system/Patient.rs system/MedicationRequest.rs"}
    answer = ehr.token("backend-primary", **form, **signed(ehr.assertion("backend-primary")))
    body = answer.json()
    assert answer.status_code == 200, body
    assert body["scope"] == "system/Patient.rs"
    assert body["expires_in"] <= 300
    assert "refresh_token" not in body
    assert ehr.read("Patient?_count=1", body["access_token"]).status_code == 200


def test_refresh_keeps_scope_and_context_and_rotates_for_public_clients(ehr: Any) -> None:
    body = ehr.grant()
    again = ehr.token(grant_type="refresh_token", refresh_token=body["refresh_token"]).json()
    assert again["access_token"] != body["access_token"]
    assert again["scope"] == body["scope"]
    assert again["patient"] == body["patient"]
    assert again["refresh_token"] != body["refresh_token"]
    replay = ehr.token(grant_type="refresh_token", refresh_token=body["refresh_token"])
    assert (replay.status_code, replay.json()["error"]) == (400, "invalid_grant")
    assert ehr.read("Patient/amelia-stone", again["access_token"]).status_code == 401


def test_online_access_ends_with_the_session_and_offline_access_does_not(ehr: Any) -> None:
    client_id = "confidential-symmetric-primary"
    online = ehr.grant(client_id, scope="launch/patient online_access patient/Patient.r")
    offline = ehr.grant(client_id, scope="launch/patient offline_access patient/Patient.r")
    for body in (online, offline):
        assert ehr.token(client_id, grant_type="refresh_token", refresh_token=body["refresh_token"]).status_code == 200
    ehr.browser.get(ehr.base + "/oauth/logout")
    codes = [ehr.token(client_id, grant_type="refresh_token", refresh_token=b["refresh_token"]).status_code for b in (online, offline)]
    assert codes == [400, 200]


def test_patient_signs_in_and_gets_no_picker(ehr: Any) -> None:
    ehr.username = "amelia.stone"
    body = ehr.grant(scope="openid fhirUser launch/patient patient/*.cruds")
    assert body["patient"] == "amelia-stone"
    assert body["scope"].split()[-1] == "patient/*.rs"
    assert "/oauth/patient" not in ehr.trail


def test_person_without_a_record_of_their_own_gets_no_fhir_user(ehr: Any) -> None:
    ehr.username = "grace.lindqvist"
    body = ehr.grant(scope="openid fhirUser user/Patient.rs")
    assert body["scope"].split() == ["openid", "user/Patient.rs"]


def test_standalone_visit_is_chosen_after_the_patient(ehr: Any) -> None:
    ehr.patient = "chidi-okafor"
    body = ehr.grant(scope="launch/patient launch/encounter patient/Encounter.rs")
    assert body["encounter"].startswith("chidi-okafor-")
    assert "/oauth/encounter" in ehr.trail


def test_the_one_visit_under_way_needs_no_choosing(ehr: Any) -> None:
    body = ehr.grant(scope="launch/patient launch/encounter patient/Encounter.rs")
    assert body["encounter"] == "amelia-stone-admission"
    assert "/oauth/encounter" not in ehr.trail


def test_unticked_scope_is_not_granted(ehr: Any) -> None:
    ehr.ticked = {"openid", "fhirUser", "launch/patient", "patient/Patient.rs"}
    body = ehr.grant()
    assert body["scope"].split() == ["openid", "fhirUser", "launch/patient", "patient/Patient.rs"]
    assert "refresh_token" not in body
    assert ehr.read("Observation?patient=amelia-stone", body["access_token"]).status_code == 403


def test_narrow_registration_cuts_a_wildcard(ehr: Any) -> None:
    body = ehr.grant("public-narrow", scope="launch/patient patient/*.rs patient/Observation.cruds patient/Condition.r")
    assert body["scope"].split() == ["launch/patient", "patient/Patient.rs", "patient/Observation.rs"]


def test_short_lived_registration_has_short_codes_and_tokens(ehr: Any) -> None:
    body = ehr.grant("public-short-lived")
    assert body["expires_in"] == 2
    code = ehr.authorize("public-short-lived")["code"]
    time.sleep(2.1)
    assert ehr.exchange(code, "public-short-lived").json()["error"] == "invalid_grant"
    assert ehr.read("Patient/amelia-stone", body["access_token"]).status_code == 401


def test_granular_scope_survives(ehr: Any) -> None:
    scope = "launch/patient patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs"
    body = ehr.grant(scope=scope)
    assert body["scope"] == scope
    rows = ehr.read("Observation?patient=amelia-stone&category=laboratory", body["access_token"])
    assert rows.status_code in (200, 403)
    assert rows.json().get("total", 0) == 0
