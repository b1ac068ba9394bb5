"""Real discovery documents put to the discovery checks; each finding was read against the guide and stands here with its verdict.

The documents lie in the folder of shared facts beside a developer's checkout and are not part of the project.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from smartlaunch.checks import discovery as checks
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response

CAPTURES = Path(__file__).resolve().parents[3] / "shared" / "reference" / "captures"
pytestmark = pytest.mark.skipif(not CAPTURES.is_dir(), reason="the folder of captured answers is not beside this checkout")

SMART = {
    "oracle-smart-configuration-fhir-ehr-code.json": set(),
    "oracle-smart-configuration-fhir-myrecord.json": set(),
    # Both claim asymmetric client authentication and leave out the algorithms they verify. The guide makes the member a SHALL for a
    # server with that capability ("Client Authentication: Asymmetric", advertising support), so these are real departures.
    "epic-smart-configuration.json": {"algorithms"},
    "athenahealth-smart-configuration.json": {"algorithms"},
}


def exchange(name: str) -> Exchange:
    document = json.loads((CAPTURES / name).read_text(encoding="utf-8"))
    body = json.dumps(document.get("body", document)).encode()
    return Exchange(
        "x1",
        Actor.APP,
        Endpoint.DISCOVERY,
        datetime.now(UTC),
        1,
        Request("GET", "https://ehr.example/fhir/.well-known/smart-configuration"),
        Response(200, (("Content-Type", "application/json"),), body),
    )


def shall(answer: Exchange) -> set[str]:
    """What the SHALL rules on the document find, by member."""
    listed = answer.answer.object.get("capabilities", [])
    found = {
        "json": checks.json_object("R", answer),
        "absolute": checks.absolute_endpoints("R", answer),
        "authorization_endpoint": checks.member("R", answer, "authorization_endpoint", "a string", required=True),
        "token_endpoint": checks.member("R", answer, "token_endpoint", "a string", required=True),
        "capabilities": checks.member("R", answer, "capabilities", "an array of strings", required=True),
        "grant_types_supported": checks.member("R", answer, "grant_types_supported", "an array of strings", required=True),
        "grant types fit": checks.grant_types("R", answer),
        "code_challenge_methods_supported: S256": checks.contains("R", answer, "code_challenge_methods_supported", "S256"),
        "code_challenge_methods_supported: plain": checks.lacks("R", answer, "code_challenge_methods_supported", "plain"),
        "auth methods": checks.member("R", answer, "token_endpoint_auth_methods_supported", "an array of strings", required=False),
        "associated endpoints": checks.associated_endpoints("R", answer),
    }
    if "sso-openid-connect" in listed:
        found["issuer"] = checks.member("R", answer, "issuer", "an absolute URL", required=True)
        found["jwks_uri"] = checks.member("R", answer, "jwks_uri", "an absolute URL", required=True)
    if "client-confidential-asymmetric" in listed:
        found["private_key_jwt"] = checks.contains("R", answer, "token_endpoint_auth_methods_supported", "private_key_jwt")
        found["algorithms"] = checks.contains(
            "R", answer, "token_endpoint_auth_signing_alg_values_supported", "RS384", "ES384", any_of=True
        )
    return {name for name, findings in found.items() if findings}


@pytest.mark.parametrize("name", SMART)
def test_smart_configuration(name: str) -> None:
    assert shall(exchange(name)) == SMART[name]


@pytest.mark.parametrize("name", ["oracle-openid-configuration.json", "epic-openid-configuration.json"])
def test_openid_configuration(name: str) -> None:
    answer = exchange(name)
    found = {
        member
        for member, form in (("issuer", "an absolute URL"), ("authorization_endpoint", "an absolute URL"), ("jwks_uri", "an absolute URL"))
        if checks.member("R", answer, member, form, required=True)
    }
    assert found == set()
    assert checks.contains("R", answer, "response_types_supported", "code") == []
    assert checks.contains("R", answer, "id_token_signing_alg_values_supported", "RS256") == []


def test_capabilities_of_other_hl7_guides_are_known() -> None:
    # Oracle Health and athenahealth list `health-cards`, which the SMART Health Cards guide defines.
    assert {name for name in SMART if checks.known_capabilities("R", exchange(name))} == set()


def test_every_server_claims_a_complete_set() -> None:
    # Oracle's provider host has no `context-standalone-patient`, but all of Clinician Access for EHR Launch.
    assert {name for name in SMART if checks.supports_a_capability_set("R", exchange(name))} == set()
