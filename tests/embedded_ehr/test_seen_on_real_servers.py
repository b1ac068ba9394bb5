"""Defects and permitted choices that were seen on servers of others: each shows from outside, and the right server does not have it."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import httpx
import pytest

from .conftest import LIMIT_S, Ehr

SCOPE = "openid fhirUser launch/patient offline_access patient/Patient.rs patient/Observation.rs"


def posted_error(ehr: Ehr) -> dict[str, str]:
    return ehr.authorize(method="POST", response_type="token")


def aud_by_name(ehr: Ehr) -> bool:
    return "code" in ehr.authorize(aud="https://fhir.hospital.example/fhir")


def refreshed(ehr: Ehr, value: str, **more: Any) -> httpx.Response:
    return ehr.token(grant_type="refresh_token", refresh_token=value, **more)


def access_token_as_refresh_token(ehr: Ehr) -> int:
    return refreshed(ehr, ehr.grant(scope=SCOPE)["access_token"]).status_code


def code_as_refresh_token(ehr: Ehr) -> int:
    code = ehr.authorize(scope=SCOPE)["code"]
    ehr.exchange(code)
    return refreshed(ehr, code).status_code


def junk_refresh_token(ehr: Ehr) -> str:
    return str(refreshed(ehr, "junk").json()["error"])


def after_a_narrowing(ehr: Ehr) -> str:
    first = ehr.grant("confidential-symmetric-primary", scope=SCOPE)["refresh_token"]
    asked = {"grant_type": "refresh_token", "refresh_token": first}
    assert ehr.token("confidential-symmetric-primary", **asked, scope="patient/Patient.rs").json()["scope"] == "patient/Patient.rs"
    return str(ehr.token("confidential-symmetric-primary", **asked).json()["scope"])


def revocation(ehr: Ehr) -> int:
    values = {"token": ehr.grant(scope=SCOPE)["access_token"], "client_id": "public-primary"}
    return ehr.back_end.post(ehr.base + "/oauth/revoke", data=values).status_code


def lower_case(path: str, **more: Any) -> Any:
    def ask(ehr: Ehr) -> int:
        token = ehr.grant(scope=SCOPE)["access_token"]
        return ehr.back_end.post(ehr.base + path, data={"token": token}, headers={"Authorization": f"bearer {token}"}).status_code

    return ask


def without_a_scheme(ehr: Ehr) -> int:
    form = {"grant_type": "authorization_code", "code": "x", "client_id": "public-primary"}
    return ehr.back_end.post(ehr.base + "/oauth/token", data=form, headers={"Authorization": "junk"}).status_code


def secret_in_the_header(ehr: Ehr) -> tuple[int, bool]:
    answer = ehr.exchange(ehr.authorize("confidential-symmetric-primary")["code"], "confidential-symmetric-primary")
    document = ehr.back_end.get(ehr.fhir + "/.well-known/smart-configuration").json()
    return answer.status_code, "token_endpoint_auth_methods_supported" in document


def refreshed_aud(ehr: Ehr) -> bool:
    token = refreshed(ehr, ehr.grant(scope=SCOPE)["refresh_token"]).json()["id_token"]
    payload = token.split(".")[1]
    return "aud" in json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def long_wait(ehr: Ehr) -> bool:
    begun = time.monotonic()
    try:
        ehr.back_end.post(ehr.base + "/oauth/token", data={"grant_type": "wish", "client_id": "public-primary"}, timeout=0.5)
    except httpx.ReadTimeout:
        return True
    return time.monotonic() - begun > LIMIT_S


DEFECTS = {
    "loses_state_of_posted_errors": lambda ehr: "state" in posted_error(ehr),
    "accepts_aud_of_any_named_host": aud_by_name,
    "refreshed_id_token_omits_aud": refreshed_aud,
    "takes_access_tokens_for_refresh_tokens": access_token_as_refresh_token,
    "takes_codes_for_refresh_tokens": code_as_refresh_token,
    "answers_unknown_refresh_tokens_with_another_code": junk_refresh_token,
    "keeps_a_narrowed_scope_for_good": after_a_narrowing,
    "answers_revocation_with_500": revocation,
    "demands_capitalised_bearer_at_introspection": lower_case("/oauth/introspect"),
    "demands_capitalised_bearer_at_userinfo": lower_case("/oauth/userinfo"),
    "fails_on_authorization_without_a_scheme": without_a_scheme,
    "takes_the_secret_in_the_body_only_without_saying_so": secret_in_the_header,
    "hangs_on_unknown_grant_types": long_wait,
}


@pytest.mark.parametrize("name", sorted(DEFECTS))
def test_a_defect_shows(ehr: Ehr, start_ehr: Any, name: str) -> None:
    assert DEFECTS[name](ehr) != DEFECTS[name](start_ehr(defects=(name,)))


# -- permitted choices --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "shows_patients_in_a_table",
        "asks_no_password",
        "asks_for_an_address_without_a_label",
        "has_a_search_box_on_every_page",
        "shows_a_form_that_goes_on_by_itself",
        "confirms_an_earlier_consent",
        "refuses_at_the_token_endpoint",
        "names_iss_support_in_openid_configuration_only",
        "revokes_the_old_access_token_at_refresh",
        "publishes_its_only_key_without_kid",
        "ignores_tokens_outside_the_header",
        "answers_401_to_what_a_token_does_not_reach",
    ],
)
def test_a_right_flow_is_right_under_every_choice(start_ehr: Any, name: str) -> None:
    ehr = start_ehr(variants=(name,))
    for _ in range(2):
        body = ehr.grant(scope=SCOPE)
        assert body["scope"] == SCOPE
        ehr.browser.cookies.clear()
    assert ehr.read("Patient/amelia-stone", body["access_token"]).status_code == 200
    again = refreshed(ehr, body["refresh_token"]).json()
    assert ehr.read("Patient/amelia-stone", again["access_token"]).status_code == 200


def test_a_wrong_aud_or_launch_ends_at_the_exchange(start_ehr: Any) -> None:
    ehr = start_ehr(variants=("refuses_at_the_token_endpoint",))
    for wrong in ({"aud": "https://other.example/fhir"}, {"scope": "openid launch patient/Patient.rs", "launch": "forged"}):
        answer = ehr.exchange(ehr.authorize(**wrong)["code"])
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_refresh_ends_the_token_before_it(start_ehr: Any) -> None:
    ehr = start_ehr(variants=("revokes_the_old_access_token_at_refresh",))
    body = ehr.grant(scope=SCOPE)
    assert refreshed(ehr, body["refresh_token"]).status_code == 200
    assert ehr.read("Patient/amelia-stone", body["access_token"]).status_code == 401


def test_a_single_key_needs_no_kid(start_ehr: Any) -> None:
    ehr = start_ehr(variants=("publishes_its_only_key_without_kid",))
    keys = ehr.back_end.get(ehr.base + "/oauth/jwks").json()["keys"]
    assert [("kid" in key) for key in keys] == [False]


def test_a_token_in_the_query_is_a_parameter_like_any_other(start_ehr: Any) -> None:
    ehr = start_ehr(variants=("ignores_tokens_outside_the_header",))
    token = ehr.grant(scope=SCOPE)["access_token"]
    assert ehr.read(f"Patient/amelia-stone?access_token={token}", token).status_code == 200
    assert ehr.back_end.get(f"{ehr.fhir}/Patient/amelia-stone?access_token={token}").status_code == 401


def test_a_patient_out_of_reach_is_refused_with_401(start_ehr: Any) -> None:
    ehr = start_ehr(variants=("answers_401_to_what_a_token_does_not_reach",))
    answer = ehr.read("Patient/bruno-castellano", ehr.grant(scope=SCOPE)["access_token"])
    assert (answer.status_code, 'error="insufficient_scope"' in answer.headers["www-authenticate"]) == (401, True)
