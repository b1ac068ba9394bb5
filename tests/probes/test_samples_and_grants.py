"""The pure parts of the probes: what is found in resources, what counts as done, what a grant covers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from smartlaunch.checks.fhir_answer import disclosed, done
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response
from smartlaunch.probes.fhir_access.grants import covers
from smartlaunch.probes.fhir_access.requests import INTERACTIONS, WRITES, letter_of
from smartlaunch.probes.fhir_access.samples import Sample, categories, other_patient, references_in, texts_in
from smartlaunch.probes.fhir_access.writes import BODIES


def answer(status: int, body: Any = None) -> Exchange:
    content = json.dumps(body).encode() if body is not None else b""
    request = Request("GET", "https://ehr.example/fhir/Observation")
    return Exchange("x1", Actor.APP, Endpoint.FHIR, datetime(2026, 11, 21, tzinfo=UTC), 1.0, request, Response(status, (), content))


def test_references_are_found_anywhere_and_cut_to_type_and_id() -> None:
    element = [
        {"individual": {"reference": "https://ehr.example/fhir/Practitioner/a/_history/3"}},
        {"reference": "Organization/b"},
        {"reference": "#contained"},
        {"reference": "urn:uuid:1"},
        "no reference",
    ]
    assert references_in(element) == ["Practitioner/a", "Organization/b"]
    assert references_in(None) == []


def test_texts_leave_out_what_tells_nobody_apart() -> None:
    assert texts_in([{"use": "official", "family": "Stone", "given": ["Amelia"], "state": "VT"}]) == ["Stone", "Amelia"]
    assert texts_in(None) == []


def test_categories_of_lists_and_single_concepts() -> None:
    assert categories({"category": [{"coding": [{"system": "s", "code": "a"}, {"code": "b"}, {"display": "c"}]}]}) == (
        ("s", "a"),
        ("", "b"),
    )
    assert categories({"category": {"coding": [{"code": "a"}]}}) == (("", "a"),)
    assert categories({"category": "food"}) == ()


def test_disclosed_looks_into_bundles_of_bundles() -> None:
    inner = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Observation", "id": "o"}}]}
    outer = {"resourceType": "Bundle", "entry": [{"resource": inner}, {"resource": {"resourceType": "OperationOutcome"}}]}
    assert [r["id"] for r in disclosed(answer(200, outer), "Observation")] == ["o"]
    assert disclosed(answer(403, {"resourceType": "OperationOutcome"})) == []


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (201, {"resourceType": "Observation"}, True),
        (204, None, True),
        (403, None, False),
        (200, {"resourceType": "Bundle", "entry": [{"response": {"status": "201 Created"}}]}, True),
        (200, {"resourceType": "Bundle", "entry": [{"response": {"status": "403"}}]}, False),
        (200, {"resourceType": "Bundle"}, False),
    ],
)
def test_done(status: int, body: Any, expected: bool) -> None:
    assert done(answer(status, body)) is expected


def test_covers_at_any_level_without_limits() -> None:
    assert covers(["user/*.rs"], "Observation", "s")
    assert not covers(["patient/Observation.rs?category=x"], "Observation", "r")
    assert not covers(["patient/Condition.rs"], "Observation", "r")


def test_sample() -> None:
    sample = Sample({"resourceType": "Observation", "id": "o", "meta": {"versionId": "3"}})
    assert (sample.reference, sample.version) == ("Observation/o", "3")
    assert Sample({"resourceType": "Observation", "meta": "none"}).version == ""


def test_every_interaction_has_a_letter_and_every_body_a_patch() -> None:
    assert {"create", "update", "patch", "delete"} <= set(WRITES)
    assert {letter_of(word) for word in INTERACTIONS} == set("cruds")
    assert all(patch for _, patch in BODIES.values())


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [(None, "other"), (("here", "other"), "other"), (("here", "third"), "third"), (("here",), "other"), ((), "other")],
)
def test_the_other_patient_is_one_whom_the_user_sees_where_there_is_one(seen: tuple[str, ...] | None, wanted: str) -> None:
    grant = SimpleNamespace(token=SimpleNamespace(patient="here"))
    target = SimpleNamespace(patients=SimpleNamespace(default="here", other="other"))
    app: Any = SimpleNamespace(grant=lambda: grant, engine=SimpleNamespace(target=target), user=SimpleNamespace(patients=seen))
    assert other_patient(app) == wanted
