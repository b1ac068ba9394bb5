"""The synthetic records are valid FHIR R4 by somebody else's models, hang together, and are the same at every start."""

from __future__ import annotations

from typing import Any

import pytest
from fhirclient.models.fhirelementfactory import FHIRElementFactory

from smartlaunch.embedded_ehr import data, fhir_search
from smartlaunch.embedded_ehr.defects import Defects, Variants
from smartlaunch.embedded_ehr.fhir_access import COMPARTMENT, patients_of
from smartlaunch.embedded_ehr.fhir_interaction import TYPES
from smartlaunch.embedded_ehr.fhir_metadata import capability_statement
from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.registry import User
from smartlaunch.embedded_ehr.state import State

BASE = "http://ehr.test/fhir"
STORE = data.seed_store()
RESOURCES = [version.resource for version in STORE.versions() if version.resource is not None]


def references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [found for item in node for found in references(item)]
    if isinstance(node, dict):
        own = [node["reference"]] if isinstance(node.get("reference"), str) else []
        return own + [found for value in node.values() for found in references(value)]
    return []


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda found: f"{found['resourceType']}-{found['id']}")
def test_resource(resource: dict[str, Any]) -> None:
    FHIRElementFactory.instantiate(resource["resourceType"], resource)
    for reference in references(resource):
        kind, _, resource_id = reference.partition("/")
        assert STORE.get(kind, resource_id) is not None, reference
    if resource["resourceType"] in COMPARTMENT:
        assert len(patients_of(resource, BASE)) == 1


def test_every_patient_has_what_apps_look_for() -> None:
    for patient in data.PATIENTS:
        for kind in ("Encounter", "Observation", "Condition", "AllergyIntolerance", "MedicationRequest", "DocumentReference"):
            found = [row for row in STORE.resources(kind) if fhir_search.matches(row, "patient", patient, BASE)]
            assert found, (patient, kind)
        for category in ("vital-signs", "laboratory"):
            observations = STORE.resources("Observation")
            assert any(
                fhir_search.matches(row, "patient", patient, BASE) and fhir_search.matches(row, "category", category, BASE)
                for row in observations
            )
        assert data.encounter_summaries(patient)


def test_every_type_of_the_data_can_be_asked_for() -> None:
    assert {resource["resourceType"] for resource in RESOURCES} <= set(TYPES)


def test_capability_statement_is_valid() -> None:
    state = State("http://ehr.test", clients={}, users={"a": User("a", "b", "A", None, "clinician", ())})
    statement = capability_statement(state, Defects(), Variants(), SandboxOptions())
    FHIRElementFactory.instantiate("CapabilityStatement", statement)
