"""Rules that a server keeps in general and breaks in one situation: the situation shows it, and its neighbour does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Ehr

SCOPE = "openid launch/patient offline_access patient/Patient.rs patient/Observation.rs"
CONFIDENTIAL = "confidential-symmetric-primary"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
Look = Callable[[Ehr], Any]


def refreshed(ehr: Ehr) -> Any:
    return ehr.token(grant_type="refresh_token", refresh_token=ehr.grant(scope=SCOPE)["refresh_token"])


def backend(ehr: Ehr, **more: Any) -> Any:
    form = {"grant_type": "client_credentials", "scope": "system/Patient.rs", "client_assertion_type": ASSERTION}
    return ehr.token("backend-primary", **form, client_assertion=ehr.assertion("backend-primary", **more))


def second_use(client_id: str) -> Look:
    def look(ehr: Ehr) -> int:
        code = ehr.authorize(client_id, scope=SCOPE)["code"]
        assert ehr.exchange(code, client_id).status_code == 200
        return ehr.exchange(code, client_id).status_code

    return look


def other_redirect_uri(client_id: str) -> Look:
    return lambda ehr: (
        ehr.exchange(ehr.authorize(client_id, scope=SCOPE)["code"], client_id, redirect_uri="https://else.example").status_code
    )


def introspected(kind: str) -> Look:
    def look(ehr: Ehr) -> Any:
        code = ehr.authorize(scope=SCOPE)["code"]
        held = {"code": code, **ehr.exchange(code).json()}
        headers = {"Authorization": f"Bearer {held['access_token']}"}
        return ehr.back_end.post(ehr.base + "/oauth/introspect", data={"token": held[kind]}, headers=headers).json()["active"]

    return look


def state(method: str, sent: str = "some-state", **more: Any) -> Look:
    return lambda ehr: ehr.authorize(method=method, state=sent, **more).get("state")


def wrong_aud(method: str) -> Look:
    return lambda ehr: "code" in ehr.authorize(method=method, aud="https://other.example/fhir")


def read(path: str) -> Look:
    return lambda ehr: ehr.read(path, ehr.grant(scope="openid launch/patient patient/Observation.rs")["access_token"]).status_code


SITUATIONS: dict[str, tuple[Look, Look]] = {
    "lets_refresh_responses_be_cached": (
        lambda ehr: refreshed(ehr).headers.get("cache-control"),
        lambda ehr: backend(ehr).headers.get("cache-control"),
    ),
    "lets_backend_responses_be_cached": (
        lambda ehr: backend(ehr).headers.get("cache-control"),
        lambda ehr: refreshed(ehr).headers.get("cache-control"),
    ),
    "sends_backend_tokens_as_text": (
        lambda ehr: backend(ehr).headers.get("content-type"),
        lambda ehr: refreshed(ehr).headers.get("content-type"),
    ),
    "omits_token_type_at_refresh": (lambda ehr: "token_type" in refreshed(ehr).json(), lambda ehr: "token_type" in backend(ehr).json()),
    "accepts_code_of_confidential_clients_twice": (second_use(CONFIDENTIAL), second_use("public-primary")),
    "ignores_redirect_uri_of_confidential_clients_at_exchange": (other_redirect_uri(CONFIDENTIAL), other_redirect_uri("public-primary")),
    "calls_id_tokens_active": (introspected("id_token"), introspected("code")),
    "calls_codes_active": (introspected("code"), introspected("id_token")),
    "trims_state": (state("GET", " some state "), state("GET")),
    "loses_state_of_posted_requests": (state("POST"), state("GET")),
    "ignores_aud_of_posted_requests": (wrong_aud("POST"), wrong_aud("GET")),
    "loses_state_of_posted_errors": (state("POST", response_type="token"), state("GET", response_type="token")),
    "opens_the_patient_to_every_scope": (read("Patient/amelia-stone"), read("Condition")),
    "sends_expires_in_of_zero": (lambda ehr: backend(ehr).json()["expires_in"] > 0, lambda ehr: backend(ehr).status_code),
}


@pytest.mark.parametrize("name", sorted(SITUATIONS))
def test_the_rule_is_broken_there_and_only_there(ehr: Ehr, start_ehr: Any, name: str) -> None:
    there, beside = SITUATIONS[name]
    broken = start_ehr(defects=(name,))
    assert there(broken) != there(ehr)
    assert beside(broken) == beside(ehr)
