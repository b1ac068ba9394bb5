"""What the embedded EHR remembers of a person's consent, and for how long."""

from __future__ import annotations

from typing import Any

import pytest

PAGE = "/oauth/consent"
SCOPES = "openid fhirUser launch/patient offline_access patient/Patient.rs patient/Observation.rs"


def asked(ehr: Any, client_id: str = "public-primary", **changes: Any) -> bool:
    """Whether an authorization that succeeds shows the consent page."""
    ehr.trail.clear()
    assert "code" in ehr.authorize(client_id, **changes)
    return PAGE in ehr.trail


def test_consent_is_asked_once_for_the_same_or_less(ehr: Any) -> None:
    assert asked(ehr)
    assert not asked(ehr)
    assert not asked(ehr, scope=SCOPES.replace(" patient/Observation.rs", ""))


def test_more_scopes_another_app_and_prompt_ask_again(ehr: Any) -> None:
    assert asked(ehr)
    assert asked(ehr, scope=SCOPES + " patient/Condition.rs")
    assert asked(ehr, "public-second")
    assert asked(ehr, prompt="consent")


def test_what_is_taken_back_is_asked_again(ehr: Any) -> None:
    assert asked(ehr)
    ehr.ticked = {"openid", "fhirUser", "launch/patient", "patient/Patient.rs"}
    assert asked(ehr, prompt="consent")
    assert asked(ehr)
    assert not asked(ehr, scope="openid fhirUser launch/patient patient/Patient.rs")


def test_a_denial_allows_nothing(ehr: Any) -> None:
    ehr.decision = "deny"
    assert ehr.authorize()["error"] == "access_denied"
    ehr.decision = "allow"
    assert asked(ehr)


def another_browser(ehr: Any) -> bool:
    ehr.browser.cookies.clear()
    return asked(ehr)


def test_another_session_is_asked_again(ehr: Any) -> None:
    assert asked(ehr)
    assert another_browser(ehr)


@pytest.mark.parametrize(("variant", "again", "elsewhere"), [("remembers_consent", False, False), ("asks_consent_every_time", True, True)])
def test_variants_remember_longer_or_not_at_all(start_ehr: Any, variant: str, again: bool, elsewhere: bool) -> None:
    ehr = start_ehr(variants=(variant,))
    assert asked(ehr)
    assert asked(ehr) is again
    assert another_browser(ehr) is elsewhere


@pytest.mark.parametrize(("scope", "outcome"), [("openid fhirUser user/Practitioner.r", "error"), (SCOPES, "code")])
def test_a_server_may_want_a_patient_for_every_app(start_ehr: Any, scope: str, outcome: str) -> None:
    answer = start_ehr(variants=("wants_a_patient_for_every_app",)).authorize(scope=scope)
    assert outcome in answer
    assert answer.get("error") in (None, "invalid_scope")
