"""Each check on launch context passes the right answer and names exactly what is wrong with a wrong one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from smartlaunch.checks import launch_context as checks
from smartlaunch.checks.members import Findings
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response
from smartlaunch.finding import Kind, Outcome

REQ = "SMART-2.2-scopes-and-launch-context-context-patient-a"


def answer(body: object, *, status: int = 200, endpoint: Endpoint = Endpoint.TOKEN) -> Exchange:
    """An answer with the given JSON body."""
    request = Request("GET", "https://ehr.example/x")
    response = Response(status, (("Content-Type", "application/json"),), json.dumps(body).encode())
    return Exchange("x0001", Actor.APP, endpoint, datetime.now(UTC), 1.0, request, response)


def context(*items: object) -> Exchange:
    """A token response with these items in ``fhirContext``."""
    return answer({"access_token": "t", "fhirContext": list(items)})


def resource(body: dict[str, Any], status: int = 200) -> Exchange:
    """A FHIR answer."""
    return answer(body, status=status, endpoint=Endpoint.FHIR)


RICH = context(
    {"reference": "Appointment/7"},
    {"canonical": "https://ehr.example/Questionnaire/1|2", "type": "Questionnaire", "role": "https://ehr.example/role"},
    {"identifier": {"system": "urn:x", "value": "1"}, "type": "ServiceRequest", "role": "launch"},
    {"reference": "Patient/8", "role": "https://ehr.example/guarantor"},
)
ON_CONTEXT: list[Callable[[str, Exchange], Findings]] = [
    checks.fhir_context_objects,
    checks.no_patient_without_role,
    checks.item_names_something,
    checks.item_has_type,
    checks.item_type_agrees,
    checks.own_roles_absolute,
    checks.role_not_empty,
    checks.top_level,
]
MEMBERS = ("reference", "canonical", "identifier", "type", "role")


@pytest.mark.parametrize("check", ON_CONTEXT, ids=lambda c: c.__name__)
def test_rich_context_passes(check: Callable[[str, Exchange], Findings]) -> None:
    assert check(REQ, RICH) == []


@pytest.mark.parametrize("name", MEMBERS)
def test_rich_members_pass(name: str) -> None:
    assert checks.item_member(REQ, RICH, name) == []
    assert checks.items_with(RICH, name) > 0


@pytest.mark.parametrize(
    ("check", "wrong", "pointer"),
    [
        (checks.fhir_context_objects, answer({"fhirContext": {"reference": "A/1"}}), "/fhirContext"),
        (checks.fhir_context_objects, context("Appointment/7"), "/fhirContext/0"),
        (checks.fhir_context_strings, context({"reference": "Appointment/7"}), "/fhirContext/0"),
        (checks.fhir_context_strings, context("Location/1", "Patient/7"), "/fhirContext/1"),
        (checks.fhir_context_strings, answer({"fhirContext": "Location/1"}), "/fhirContext"),
        (checks.no_patient_without_role, context({"reference": "Patient/7"}), "/fhirContext/0"),
        (checks.no_patient_without_role, context({"reference": "Encounter/7", "role": "launch"}), "/fhirContext/0"),
        (checks.no_patient_without_role, context({"identifier": {"value": "1"}, "type": "Patient"}), "/fhirContext/0"),
        (checks.item_names_something, context({"type": "Location"}), "/fhirContext/0"),
        (checks.item_has_type, context({"identifier": {"value": "1"}}), "/fhirContext/0"),
        (checks.item_type_agrees, context({"reference": "Location/1", "type": "Encounter"}), "/fhirContext/0/type"),
        (checks.item_type_agrees, context({"canonical": "https://a.example/Library/b|1", "type": "Measure"}), "/fhirContext/0/type"),
        (checks.own_roles_absolute, context({"reference": "Location/1", "role": "workplace"}), "/fhirContext/0/role"),
        (checks.role_not_empty, context({"reference": "Location/1", "role": ""}), "/fhirContext/0/role"),
        (checks.top_level, answer({"context": {"patient": "7"}}), "/context/patient"),
    ],
)
def test_wrong_context_is_one_finding(check: Callable[[str, Exchange], Findings], wrong: Exchange, pointer: str) -> None:
    assert [(f.requirement, f.pointer) for f in check(REQ, wrong)] == [(REQ, pointer)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reference", "https://ehr.example/Location/1"),
        ("reference", "Ward/1"),
        ("reference", 7),
        ("canonical", "Questionnaire/1"),
        ("identifier", "A-77"),
        ("identifier", {}),
        ("type", "Ward"),
        ("type", ["Location"]),
        ("role", ["launch"]),
    ],
)
def test_wrong_members_are_found(name: str, value: object) -> None:
    found = checks.item_member(REQ, context({"reference": "Location/1", name: value}), name)
    assert [f.pointer for f in found] == [f"/fhirContext/0/{name}"]


def test_the_edition_decides_the_form() -> None:
    assert [f.requirement for f in checks.fhir_context_array(context("Location/1"), "2.2")] == [
        "SMART-2.2-scopes-and-launch-context-fhir-context-a"
    ]
    assert checks.fhir_context_array(context("Location/1"), "2.0") == []
    assert [f.requirement for f in checks.fhir_context_array(RICH, "2.0")][:1] == [
        "SMART-2.2-scopes-and-launch-context-fhir-context-a-strings"
    ]


@pytest.mark.parametrize("value", ["Patient/7", {"reference": "Patient/7"}, "", 7, "a b"])
def test_what_is_no_id(value: object) -> None:
    assert len(checks.resource_id(REQ, answer({"patient": value}), "patient", "Patient")) == 1


def test_an_id_or_nothing_passes() -> None:
    assert checks.resource_id(REQ, answer({"patient": "eq081-VQEgP8drUUqCWzHfw3"}), "patient", "Patient") == []
    assert checks.resource_id(REQ, answer({}), "patient", "Patient") == []


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (checks.boolean_member, True, "false"),
        (checks.string_member, "calm", {"a": 1}),
        (checks.absolute_member, "https://ehr.example/style.json", "/style.json"),
    ],
)
def test_simple_members(check: Callable[[str, Exchange, str], Findings], right: object, wrong: object) -> None:
    assert check(REQ, answer({"m": right}), "m") == []
    assert check(REQ, answer({}), "m") == []
    assert [f.pointer for f in check(REQ, answer({"m": wrong}), "m")] == ["/m"]


def test_presence_and_values() -> None:
    token = answer({"patient": "7"})
    assert checks.present(REQ, token, "patient", "") == []
    assert len(checks.present(REQ, token, "encounter", "")) == 1
    assert len(checks.asked_context(REQ, token, ["patient", "encounter"])) == 1
    assert checks.same_value(REQ, token, "patient", "7", "") == []
    assert len(checks.same_value(REQ, token, "patient", "8", "")) == 1
    expected = checks.expected_value("EXPECT-patient", token, "patient", "8", "", declared=True)
    assert [(f.kind, f.severity) for f in expected] == [(Kind.EXPECTATION, Outcome.FAILED)]
    absent = checks.absent_context(token, ["patient", "encounter"])
    assert [(f.pointer, f.kind, f.severity) for f in absent] == [("/encounter", Kind.EXPECTATION, Outcome.WARNING)]
    assert [f.severity for f in checks.absent_context(token, ["encounter"], ["encounter"])] == [Outcome.FAILED]


@pytest.mark.parametrize(
    ("read", "requirements"),
    [
        (resource({"resourceType": "Patient", "id": "7"}), []),
        (resource({"resourceType": "Patient", "id": "8"}), [REQ]),
        (resource({"resourceType": "OperationOutcome"}), [REQ]),
        (resource({"resourceType": "OperationOutcome"}, 404), [REQ]),
        (resource({"resourceType": "OperationOutcome"}, 403), ["EXPECT-fhir-read"]),
    ],
)
def test_reading_the_patient(read: Exchange, requirements: list[str]) -> None:
    assert [f.requirement for f in checks.names_resource(REQ, read, "patient", "Patient", "7")] == requirements


def test_searches_and_encounters() -> None:
    one = {"resource": {"resourceType": "Patient", "id": "7"}}
    other = {"resource": {"resourceType": "Patient", "id": "8"}}
    assert checks.only_patient(REQ, resource({"resourceType": "Bundle", "entry": [one]}), "7") == []
    assert len(checks.only_patient(REQ, resource({"resourceType": "Bundle", "entry": [one, other]}), "7")) == 1
    same = {"resource": {"resourceType": "Patient", "id": "8", "link": [{"other": {"reference": "Patient/7/_history/2"}}]}}
    assert checks.only_patient(REQ, resource({"resourceType": "Bundle", "entry": [one, same]}), "7") == []
    visit = {"resourceType": "Encounter", "id": "1", "subject": {"reference": "https://ehr.example/fhir/Patient/7"}}
    assert checks.encounter_of_patient(REQ, resource(visit), "7") == []
    assert len(checks.encounter_of_patient(REQ, resource(visit), "8")) == 1
    assert checks.encounter_of_patient(REQ, resource({"resourceType": "OperationOutcome"}, 403), "8") == []


def test_the_style_document() -> None:
    assert checks.document_fetched(REQ, answer({})) == []
    assert len(checks.document_fetched(REQ, answer({}, status=404))) == 1
    assert checks.style_document(REQ, answer({"color_text": "#000"})) == []
    assert len(checks.style_document(REQ, answer({"name": "x"}))) == 1
    assert len(checks.style_document(REQ, answer(["x"]))) == 1


def test_a_style_document_that_changes_at_its_url() -> None:
    one, two = answer({"color_text": "#000", "dim_spacing_size": "2px"}), answer({"color_text": "#111"})
    assert checks.style_stays(REQ, one, one) == []
    assert checks.style_stays(REQ, one, answer(["x"])) == []
    assert checks.style_stays(REQ, answer(["x"]), one) == []
    [finding] = checks.style_stays(REQ, one, two)
    assert finding.actual == "`color_text`, `dim_spacing_size` changed while the URL stayed"


def test_types_asked_for() -> None:
    assert checks.scope_type("launch/imagingstudy") == "ImagingStudy"
    assert checks.scope_type("launch/list?role=https://ehr.example/r") == "List"
    assert [checks.scope_type(s) for s in ("launch", "launch/patient", "launch/encounter", "openid", "launch/ward")] == [""] * 5
    assert checks.context_types(RICH) == {"Appointment", "Questionnaire", "ServiceRequest", "Patient"}
    assert checks.holds_type(REQ, RICH, "Appointment") == []
    assert len(checks.holds_type(REQ, RICH, "Location")) == 1
    assert len(checks.holds_type(REQ, answer({}), "Location")) == 1
    edition_2_0 = answer({"fhirContext": ["Appointment/123", "no reference", 1]})
    assert checks.holds_type(REQ, edition_2_0, "Appointment") == []
    assert len(checks.holds_type(REQ, edition_2_0, "Location")) == 1


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ([{"type": "smart_on_fhir", "locations": ["https://a"], "fhirVersions": ["4.0.1"]}], 0),
        ([{"type": "other"}], 0),
        ([{"type": "smart_on_fhir", "locations": "https://a", "fhirVersions": ["4.0.1"]}], 1),
        ([{"type": "smart_on_fhir"}], 2),
        ([{"locations": ["https://a"], "fhirVersions": ["4.0.1"]}], 1),
        (["x"], 1),
        ({}, 1),
    ],
)
def test_authorization_details(value: object, found: int) -> None:
    assert len(checks.authorization_details(REQ, answer({"authorization_details": value}))) == found


@pytest.mark.parametrize(
    ("name", "right", "wrong"), [("scope", "openid", ["openid"]), ("patient", "p1", "Patient/p1"), ("fhirContext", [], {})]
)
def test_optional_members_of_authorization_details(name: str, right: object, wrong: object) -> None:
    item = {"type": "smart_on_fhir", "locations": ["https://ehr.example/fhir"], "fhirVersions": ["4.0.1"]}
    assert checks.authorization_details(REQ, answer({"authorization_details": [{**item, name: right}]})) == []
    found = checks.authorization_details(REQ, answer({"authorization_details": [{**item, name: wrong}]}))
    assert [f.actual.split(" is ")[0] for f in found] == [f"`{name}`"]


def test_an_encounter_that_names_no_patient_says_nothing() -> None:
    def read(subject: object) -> bool:
        return checks.names_a_patient(answer({"resourceType": "Encounter", "subject": subject}, endpoint=Endpoint.FHIR))

    assert read({"reference": "Patient/p1"})
    assert not read({"reference": "Group/g1"})
    assert not read({"display": "Jane"})
    assert not checks.names_a_patient(answer({}, status=404, endpoint=Endpoint.FHIR))
