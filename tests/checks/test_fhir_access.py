"""Each check on the FHIR server's answers: one answer that passes, and those that make it speak."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from smartlaunch.checks import challenge, fhir_access, fhir_answer, fhir_refusal, fhir_rest, oauth_uris
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response
from smartlaunch.finding import Finding, Kind, Outcome, Side

REQ = "SMART-2.2-app-launch-token-validation-b"
VITAL = ("http://terminology.hl7.org/CodeSystem/observation-category", "vital-signs")
LABORATORY = (VITAL[0], "laboratory")


def answer(status: int = 200, body: Any = None, *headers: tuple[str, str], raw: bytes | None = None, token: str = "") -> Exchange:
    content = raw if raw is not None else json.dumps(body).encode() if body is not None else b""
    kind = () if any(k.lower() == "content-type" for k, _ in headers) else (("Content-Type", "application/fhir+json"),)
    sent = (("Authorization", f"Bearer {token}"),) if token else ()
    return Exchange(
        "x7",
        Actor.APP,
        Endpoint.FHIR,
        datetime(2026, 11, 21, tzinfo=UTC),
        1.0,
        Request("GET", "https://ehr.example/fhir/Observation", sent),
        Response(status, (*kind, *headers), content),
    )


def observation(identifier: str = "o1", patient: str = "p1", category: tuple[str, str] = VITAL) -> dict[str, Any]:
    coding = {"system": category[0], "code": category[1]}
    return {
        "resourceType": "Observation",
        "id": identifier,
        "subject": {"reference": f"Patient/{patient}"},
        "category": [{"coding": [coding]}],
    }


def bundle(*resources: dict[str, Any], kind: str = "searchset", mode: str = "match") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": r, "search": {"mode": mode}} for r in resources]}


def outcome(code: str = "forbidden", text: str = "no") -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code, "diagnostics": text}]}


def challenged(value: str, status: int = 401) -> Exchange:
    return answer(status, outcome("login"), ("WWW-Authenticate", value))


def only(found: list[Finding]) -> Finding:
    assert len(found) == 1
    assert found[0].requirement == REQ
    assert found[0].side is Side.FHIR_SERVER
    assert found[0].exchange == "x7"
    return found[0]


# -- challenges ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Bearer", [("bearer", ())]),
        ('Bearer realm="a, b", error="invalid_token"', [("bearer", (("realm", "a, b"), ("error", "invalid_token")))]),
        ("bearer error=invalid_token", [("bearer", (("error", "invalid_token"),))]),
        ('Basic realm="x", Bearer realm="y"', [("basic", (("realm", "x"),)), ("bearer", (("realm", "y"),))]),
        ('Negotiate abc==, Bearer scope="a b"', [("negotiate", ()), ("bearer", (("scope", "a b"),))]),
        ('Bearer realm = "a\\"b"', [("bearer", (("realm", 'a"b'),))]),
        ('Bearer error="a", error="b"', [("bearer", (("error", "a"), ("error", "b")))]),
        ("", []),
        ('"broken', []),
    ],
)
def test_challenges_are_read(value: str, expected: list[tuple[str, tuple[tuple[str, str], ...]]]) -> None:
    assert [(c.scheme, c.parameters) for c in challenge.challenges(challenged(value))] == expected


def test_several_headers_are_several_challenges() -> None:
    both = answer(401, outcome(), ("WWW-Authenticate", 'Basic realm="x"'), ("WWW-Authenticate", 'Bearer realm="y"'))
    found = challenge.bearer(both)
    assert found is not None
    assert found.get("realm") == "y"
    assert found.get("error") == ""


def test_has_challenge() -> None:
    assert fhir_refusal.has_challenge(REQ, challenged("Bearer")) == []
    assert only(fhir_refusal.has_challenge(REQ, answer(401, outcome()))).pointer == "header: WWW-Authenticate"
    assert only(fhir_refusal.has_challenge(REQ, answer(200, observation()))).pointer == "body"
    assert fhir_refusal.has_challenge(REQ, answer(405)) == []
    assert fhir_refusal.has_challenge(REQ, answer(200, {"resourceType": "Bundle", "entry": [{"response": {"status": "401"}}]})) == []
    assert only(fhir_refusal.has_challenge(REQ, answer(403, outcome()))).pointer == "header: WWW-Authenticate"


def test_bearer_challenge() -> None:
    assert fhir_refusal.bearer_challenge(REQ, challenged('Bearer realm="x"')) == []
    assert "Basic" in only(fhir_refusal.bearer_challenge(REQ, challenged('Basic realm="x"'))).actual
    assert only(fhir_refusal.bearer_challenge(REQ, challenged("Bearer"))).pointer == "header: WWW-Authenticate"


def test_parameters_once() -> None:
    assert fhir_refusal.parameters_once(REQ, challenged('Bearer realm="x", error="invalid_token", extra="1", extra="2"')) == []
    assert "`error`" in only(fhir_refusal.parameters_once(REQ, challenged('Bearer error="a", error="b"'))).expected
    assert fhir_refusal.parameters_once(REQ, answer(401, outcome())) == []


def test_challenge_characters() -> None:
    assert fhir_refusal.challenge_characters(REQ, challenged('Bearer error_description="it is over, friend", scope="a b"')) == []
    assert "error_description" in only(fhir_refusal.challenge_characters(REQ, challenged('Bearer error_description="expiré"'))).expected
    assert "scope" in only(fhir_refusal.challenge_characters(REQ, challenged('Bearer scope="a  b"'))).expected
    assert fhir_refusal.challenge_characters(REQ, answer(401)) == []


def test_names_error_and_names_no_error() -> None:
    with_error, without = challenged('Bearer error="invalid_token"'), challenged('Bearer realm="x"')
    assert fhir_refusal.names_error(REQ, with_error) == []
    assert only(fhir_refusal.names_error(REQ, without)).actual == "there is none"
    assert fhir_refusal.names_no_error(REQ, without) == []
    assert "invalid_token" in only(fhir_refusal.names_no_error(REQ, with_error)).actual
    assert fhir_refusal.names_error(REQ, answer(401)) == []


def test_refusal_form() -> None:
    assert fhir_refusal.refusal_form(REQ, challenged('Bearer error="invalid_token"'), 401, "invalid_token") == []
    assert fhir_refusal.refusal_form(REQ, answer(401, outcome()), 401, "invalid_token") == []
    assert only(fhir_refusal.refusal_form(REQ, answer(403, outcome()), 401, "invalid_token")).pointer == "status"
    wrong = challenged('Bearer error="invalid_request"')
    assert only(fhir_refusal.refusal_form(REQ, wrong, 401, "invalid_token")).pointer == "header: WWW-Authenticate"


def test_names_insufficient_scope() -> None:
    assert fhir_refusal.names_insufficient_scope(REQ, challenged('Bearer error="insufficient_scope"', 403)) == []
    assert only(fhir_refusal.names_insufficient_scope(REQ, challenged('Bearer realm="x"', 403))).pointer == "header: WWW-Authenticate"
    assert only(fhir_refusal.names_insufficient_scope(REQ, challenged('Bearer error="insufficient_scope"', 401))).pointer == "status"


def test_operation_outcome() -> None:
    assert fhir_refusal.operation_outcome(REQ, answer(403, outcome())) == []
    assert only(fhir_refusal.operation_outcome(REQ, answer(403, None, ("Content-Type", "text/html"), raw=b"<h1>403</h1>")))
    assert only(fhir_refusal.operation_outcome(REQ, answer(403, {"resourceType": "OperationOutcome", "issue": []})))


def test_clear_refusal() -> None:
    assert fhir_refusal.clear_refusal(REQ, answer(403, outcome())) == []
    found = only(fhir_refusal.clear_refusal(REQ, answer(500, outcome())))
    assert found.kind is Kind.HYGIENE


def test_no_internals() -> None:
    assert fhir_refusal.no_internals(REQ, answer(401, outcome(text="The access token has expired.")), "abcdefghijkl") == []
    assert "Traceback" in only(fhir_refusal.no_internals(REQ, answer(401, outcome(text="Traceback (most recent call last): File")))).actual
    repeats = only(fhir_refusal.no_internals(REQ, answer(401, outcome(text="Received: abcdefghijkl")), "abcdefghijkl"))
    assert "abcdefghijkl" not in repeats.actual


# -- what is given and withheld -------------------------------------------------------------------------------------------------


def test_withholds_type() -> None:
    assert fhir_access.withholds_type(REQ, answer(403, outcome()), "Observation", "read") == []
    assert fhir_access.withholds_type(REQ, answer(200, bundle(outcome())), "Observation", "read") == []
    assert fhir_access.withholds_type(REQ, answer(200, {"resourceType": "Patient", "id": "p"}), "Observation", "read") == []
    assert only(fhir_access.withholds_type(REQ, answer(200, observation()), "Observation", "read", ["patient/Patient.rs"]))
    assert only(fhir_access.withholds_type(REQ, answer(403, observation()), "Observation", "read"))
    nested = bundle(bundle(observation()), kind="batch-response")
    assert only(fhir_access.withholds_type(REQ, answer(200, nested), "Observation", "batch with a search"))
    assert fhir_access.withholds_type(REQ, answer(200, {"resourceType": "Bundle", "entry": "none"}), "", "read") == []
    assert fhir_access.withholds_type(REQ, answer(200, {"resourceType": "Bundle", "entry": [{"resource": 1}]}), "", "read") == []


def test_withholds_ids() -> None:
    assert fhir_access.withholds_ids(REQ, answer(200, bundle(observation("o2"))), {"o1"}, "search") == []
    assert fhir_access.withholds_ids(REQ, answer(403, outcome()), {"o1"}, "read") == []
    assert only(fhir_access.withholds_ids(REQ, answer(200, bundle(observation("o1"))), {"o1"}, "search", ["patient/Observation.rs?code=a"]))


def head(status: int) -> Exchange:
    one = answer(status)
    return replace(one, request=replace(one.request, method="HEAD"))


def test_keeps_existence() -> None:
    for silent in (answer(403, outcome()), answer(200, {**bundle(), "total": 0}), answer(200, bundle()), head(404)):
        assert fhir_access.keeps_existence(REQ, silent, "question") == []
    assert (
        "a total of 3"
        in only(fhir_access.keeps_existence(REQ, answer(200, {**bundle(), "total": 3}), "search", ["patient/Patient.r"])).actual
    )
    assert only(fhir_access.keeps_existence(REQ, head(200), "HEAD request")).actual == "status 200"
    assert only(fhir_access.keeps_existence(REQ, answer(200, bundle(observation())), "search"))


def test_carries_nothing_out() -> None:
    assert fhir_access.carries_nothing_out(REQ, answer(403, outcome()), "create") == []
    refused = {"resourceType": "Bundle", "type": "batch-response", "entry": [{"response": {"status": "403"}}]}
    assert fhir_access.carries_nothing_out(REQ, answer(200, refused), "batch with a create") == []
    assert only(fhir_access.carries_nothing_out(REQ, answer(201), "create", ["patient/Observation.r"]))
    done = {"resourceType": "Bundle", "type": "batch-response", "entry": [{"response": {"status": "201 Created"}}]}
    assert only(fhir_access.carries_nothing_out(REQ, answer(200, done), "batch with a create"))


def test_discloses_sample() -> None:
    assert fhir_access.discloses_sample(REQ, answer(200, bundle(observation())), "Observation", {"o1"}, "search") == []
    assert fhir_access.discloses_sample(REQ, answer(200, observation()), "", (), "read") == []
    assert only(fhir_access.discloses_sample(REQ, answer(200, bundle(observation("o2"))), "Observation", {"o1"}, "search"))
    assert "403" in only(fhir_access.discloses_sample(REQ, answer(403, outcome()), "Observation", {"o1"}, "read")).actual


def test_carried_out() -> None:
    assert fhir_access.carried_out(REQ, answer(204), "delete") == []
    assert only(fhir_access.carried_out(REQ, answer(403, outcome()), "delete")).pointer == "status"


def test_belongs_to() -> None:
    assert fhir_answer.belongs_to({"resourceType": "Patient", "id": "p1"}) == {"p1"}
    assert fhir_answer.belongs_to(
        {"resourceType": "Observation", "subject": {"reference": "https://x.example/fhir/Patient/p1/_history/2"}}
    ) == {"p1"}
    assert fhir_answer.belongs_to({"resourceType": "Coverage", "beneficiary": [{"reference": "Patient/p1"}]}) == {"p1"}
    assert fhir_answer.belongs_to({"resourceType": "Observation", "subject": {"reference": "Group/g"}}) == set()


def test_withholds_patient() -> None:
    assert fhir_access.withholds_patient(REQ, answer(200, bundle(observation())), {"p2"}, "search") == []
    assert fhir_access.withholds_patient(REQ, answer(403, outcome()), {"p2"}, "search") == []
    found = only(fhir_access.withholds_patient(REQ, answer(200, bundle(observation(), observation("o2", "p2"))), {"p2"}, "search"))
    assert "1 of another patient" in found.actual


def test_tells_nothing() -> None:
    assert fhir_access.tells_nothing(REQ, answer(403, outcome()), ["Castellano"], "read") == []
    found = only(fhir_access.tells_nothing(REQ, answer(403, outcome(text="Bruno Castellano")), ["Castellano", "1971-11-02"], "read"))
    assert "Castellano" not in found.actual


def test_fits_category() -> None:
    assert fhir_access.fits_category(REQ, answer(200, bundle(observation())), "Observation", [VITAL]) == []
    mixed = bundle(observation(), observation("o2", category=LABORATORY))
    assert "laboratory" in only(fhir_access.fits_category(REQ, answer(200, mixed), "Observation", [VITAL])).actual
    assert "none" in only(fhir_access.fits_category(REQ, answer(200, {"resourceType": "Observation"}), "Observation", [VITAL])).actual


def test_granted_works() -> None:
    assert fhir_access.granted_works(REQ, answer(200, bundle()), "search", "patient/Observation.rs") == []
    assert fhir_access.granted_works(REQ, answer(400, outcome()), "search", "patient/Observation.rs") == []
    found = only(fhir_access.granted_works(REQ, answer(403, outcome()), "search", "patient/Observation.rs"))
    assert (found.kind, found.severity) == (Kind.EXPECTATION, "warning")
    assert fhir_access.granted_works(REQ, answer(403), "search", "s", declared=True)[0].severity == "failed"


def test_something_works() -> None:
    assert fhir_access.something_works(REQ, [answer(403, outcome()), answer(200, bundle())], "user/ scopes") == []
    assert fhir_access.something_works(REQ, [], "user/ scopes") == []
    assert fhir_access.something_works(REQ, [answer(400, outcome()), answer(404)], "user/ scopes") == []
    assert not fhir_access.says_something([answer(400, outcome()), answer(404)])
    assert only(fhir_access.something_works(REQ, [answer(400, outcome()), answer(403)], "user/ scopes")).actual.startswith("each of 1 ")
    assert only(fhir_access.something_works(REQ, [answer(403, outcome()), answer(401)], "user/ scopes")).pointer == "status"


# -- FHIR R4 ------------------------------------------------------------------------------------------------------------------


def test_capability_statement() -> None:
    assert fhir_rest.capability_statement(REQ, answer(200, {"resourceType": "CapabilityStatement"})) == []
    assert only(fhir_rest.capability_statement(REQ, answer(401, outcome())))


def test_resource_read() -> None:
    assert fhir_rest.resource_read(REQ, answer(200, observation()), "Observation/o1") == []
    assert "another id" in only(fhir_rest.resource_read(REQ, answer(200, observation("o2")), "Observation/o1")).actual
    assert "without an id" in only(fhir_rest.resource_read(REQ, answer(200, {"resourceType": "Observation"}), "Observation/o1")).actual
    html = answer(200, observation(), ("Content-Type", "text/html"))
    assert only(fhir_rest.resource_read(REQ, html, "Observation/o1")).pointer == "header: Content-Type"
    other = answer(200, {"resourceType": "Patient", "id": "o1"})
    assert "with that id" in only(fhir_rest.resource_read(REQ, other, "Observation/o1")).actual


def test_searchset() -> None:
    assert fhir_rest.searchset(REQ, answer(200, bundle())) == []
    assert "collection" in only(fhir_rest.searchset(REQ, answer(200, bundle(kind="collection")))).actual


def test_matches() -> None:
    good = answer(200, bundle(observation()))
    assert fhir_rest.matches_are(REQ, good, "Observation") == []
    assert fhir_rest.matches_patient(REQ, good, "p1") == []
    assert fhir_rest.matches_category(REQ, good, VITAL) == []
    included = answer(200, bundle({"resourceType": "Encounter"}, mode="include"))
    assert fhir_rest.matches_are(REQ, included, "Observation") == []
    assert only(fhir_rest.matches_are(REQ, answer(200, bundle({"resourceType": "Encounter"})), "Observation")).pointer == "/entry"
    assert only(fhir_rest.matches_patient(REQ, good, "p2"))
    assert only(fhir_rest.matches_category(REQ, good, LABORATORY))
    assert fhir_rest.matches_patient(REQ, answer(200, bundle({"resourceType": "Observation"})), "p1") == []


def test_finds_again() -> None:
    found = answer(200, bundle(observation("o1")))
    assert fhir_rest.finds_again(REQ, found, {"o1"}) == []
    finding = only(fhir_rest.finds_again(REQ, found, {"o1", "o2"}))
    assert "1 of 2" in finding.actual
    assert finding.kind == Kind.HYGIENE


def test_batch_entries() -> None:
    good = {"resourceType": "Bundle", "entry": [{"response": {"status": "200"}}, {"response": {"status": "404 Not Found"}}]}
    assert fhir_rest.batch_entries(REQ, answer(200, good), 2) == []
    assert only(fhir_rest.batch_entries(REQ, answer(200, good), 3))
    assert only(fhir_rest.batch_entries(REQ, answer(200, {"resourceType": "Bundle", "entry": [{"response": {"status": 200}}]}), 1))
    assert only(fhir_rest.batch_entries(REQ, answer(200, observation()), 1))


def test_created() -> None:
    assert fhir_rest.created(REQ, answer(201, None, ("Location", "https://x.example/fhir/Observation/o1"))) == []
    assert [f.pointer for f in fhir_rest.created(REQ, answer(200, observation()))] == ["status", "header: Location"]


def test_utf8() -> None:
    assert fhir_rest.utf8(REQ, answer(200, observation())) == []
    assert fhir_rest.utf8(REQ, answer(200, observation(), ("Content-Type", "application/fhir+json; charset=UTF-8"))) == []
    assert "iso-8859-1" in only(fhir_rest.utf8(REQ, answer(200, {}, ("Content-Type", "application/json; charset=iso-8859-1")))).actual
    assert "UTF-8" in only(fhir_rest.utf8(REQ, answer(200, raw=b'{"a": "\xe9"}'))).actual


# -- SMART 1.0 ----------------------------------------------------------------------------------------------------------------


def test_smart_service() -> None:
    def statement(code: str) -> Exchange:
        service = [{"coding": [{"code": code}]}]
        return answer(200, {"resourceType": "CapabilityStatement", "rest": [{"security": {"service": service}}]})

    assert oauth_uris.smart_service(REQ, statement("SMART-on-FHIR")) == []
    assert "OAuth" in only(oauth_uris.smart_service(REQ, statement("OAuth"))).actual
    assert "none" in only(oauth_uris.smart_service(REQ, answer(200, {}))).actual


def test_oauth_uris() -> None:
    both = {"authorize": "https://x.example/a", "token": "https://x.example/t"}
    assert oauth_uris.oauth_uris(REQ, answer(), both) == []
    assert "`token`" in only(oauth_uris.oauth_uris(REQ, answer(), {"authorize": "https://x.example/a"})).actual


def test_same_uris() -> None:
    found = {"authorize": "https://X.example/a/", "token": "https://x.example/t"}
    document = {"authorization_endpoint": "https://x.example/a", "token_endpoint": "https://x.example/t"}
    assert oauth_uris.same_uris(REQ, answer(), found, document) == []
    assert "`token`" in only(oauth_uris.same_uris(REQ, answer(), {**found, "token": "/other"}, document)).expected
    relative = {"authorization_endpoint": "auth/a", "token_endpoint": "/t"}
    here = replace(answer(), request=Request("GET", "https://x.example/fhir/metadata"))
    assert oauth_uris.same_uris(REQ, here, {"authorize": "https://x.example/fhir/auth/a", "token": "https://x.example/t"}, relative) == []
    assert oauth_uris.same_uris(REQ, answer(), found, {}) == []


def test_a_statement_behind_a_token_warns() -> None:
    assert fhir_rest.for_everybody(REQ, answer(200, {"resourceType": "CapabilityStatement"})) == []
    assert fhir_rest.for_everybody(REQ, answer(404)) == []
    assert only(fhir_rest.for_everybody(REQ, answer(401))).severity is Outcome.WARNING


def test_an_answer_that_nothing_has_changed_tells_of_data() -> None:
    assert fhir_access.tells_of_data(answer(304))
    assert [f.actual for f in fhir_access.keeps_existence(REQ, answer(304), "read with If-None-Match")] == ["status 304"]
    assert fhir_access.keeps_existence(REQ, answer(403), "read with If-None-Match") == []
