"""What the defects make of ``fhirContext``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smartlaunch.embedded_ehr.defects.spoiling import Change

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Items:
    """The items of ``fhirContext``, of which the first is a Location, and what a broken one may name."""

    items: list[Any]
    fhir_base_url: str
    patient: str

    def as_strings(self) -> None:
        """Write each item as nothing but its reference."""
        self.items[:] = [item.get("reference", "") for item in self.items]


def _first(make: Callable[[Items], dict[str, Any]]) -> Change[Items]:
    return Change(lambda it: it.items.__setitem__(0, make(it)))


def _first_with(name: str, value: object) -> Change[Items]:
    return Change(lambda it: it.items[0].update({name: value}))


def _one_more(make: Callable[[Items], dict[str, Any]]) -> Change[Items]:
    return Change(lambda it: it.items.append(make(it)))


FHIR_CONTEXT: dict[str, Change[Items]] = {
    "sends_fhir_context_items_as_strings": Change(Items.as_strings),
    "sends_fhir_context_item_without_reference": _first(lambda _: {"type": "Location"}),
    "sends_absolute_fhir_context_reference": _first(lambda it: {"reference": f"{it.fhir_base_url}/Location/ward-3-west"}),
    "sends_patient_in_fhir_context": _one_more(lambda it: {"reference": f"Patient/{it.patient}"}),
    "sends_a_further_item_without_reference_in_fhir_context": _one_more(lambda _: {"type": "Location"}),
    "sends_an_empty_role_in_a_further_item_of_fhir_context": _one_more(lambda _: {"reference": "Location/family-clinic", "role": ""}),
    "sends_patient_with_role_launch_in_fhir_context": _one_more(lambda it: {"reference": f"Patient/{it.patient}", "role": "launch"}),
    "sends_encounter_in_fhir_context": _one_more(lambda it: {"reference": f"Encounter/{it.patient}-admission"}),
    "sends_a_patient_identifier_in_fhir_context": _one_more(
        lambda _: {"identifier": {"system": "urn:oid:2.16.840.1.113883.19.5", "value": "A-77"}, "type": "Patient"}
    ),
    "sends_a_urn_as_reference_in_fhir_context": _one_more(lambda _: {"reference": "urn:uuid:0b4a1b4e-5f0e-4d43-9a3e-7a1f60c1b2aa"}),
    "sends_a_reference_without_id_in_fhir_context": _one_more(lambda _: {"reference": "Location"}),
    "sends_a_reference_of_an_unknown_type_in_fhir_context": _one_more(lambda _: {"reference": "WardRound/7"}),
    "sends_null_in_fhir_context": Change(lambda it: it.items.append(None)),
    "sends_empty_role_in_fhir_context": _first_with("role", ""),
    "sends_role_as_list_in_fhir_context": _first_with("role", ["https://lakeside.example/role/place"]),
    "sends_relative_canonical_in_fhir_context": _one_more(lambda _: {"canonical": "falls-risk", "type": "Questionnaire"}),
    "sends_canonical_without_type_in_fhir_context": _one_more(
        lambda _: {"canonical": "https://lakeside.example/fhir/Questionnaire/falls-risk"}
    ),
    "sends_relative_role_in_fhir_context": _first_with("role", "place-of-work"),
    "sends_type_that_contradicts_its_reference": _first_with("type", "Encounter"),
    "sends_type_that_contradicts_its_canonical": _one_more(
        lambda _: {"canonical": "https://lakeside.example/fhir/Questionnaire/falls-risk", "type": "PlanDefinition"}
    ),
    "sends_identifier_in_fhir_context_as_string": _first(lambda _: {"identifier": "A-77", "type": "ServiceRequest"}),
    "sends_unknown_type_in_fhir_context": _one_more(
        lambda _: {"identifier": {"system": "urn:oid:2.16.840.1.113883.19.5", "value": "A-77"}, "type": "WardRound"}
    ),
}
"""What each defect makes of the right items."""
