"""The launch context that goes beside the access token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smartlaunch.embedded_ehr import data
from smartlaunch.embedded_ehr.defects.launch_context import FHIR_CONTEXT, Items
from smartlaunch.embedded_ehr.defects.spoiling import spoil
from smartlaunch.embedded_ehr.fhir_interaction import types_of
from smartlaunch.embedded_ehr.pages import SMART_STYLE_PATH

if TYPE_CHECKING:
    from smartlaunch.embedded_ehr.core import Sandbox
    from smartlaunch.embedded_ehr.state import Transaction

TENANT = "5d0c8e6e-2f1b-4a53-9d3e-7a1f60c1b2aa"
INTENT = "review-chart"


def launch_context(sandbox: Sandbox, transaction: Transaction, granted: list[str]) -> dict[str, Any]:
    """Return the context members of the token response.

    ``need_patient_banner`` and ``smart_style_url`` are for apps inside the EHR's own window, so only an EHR launch has them.
    """
    defects = sandbox.defects
    context: dict[str, Any] = {}
    embedded = "launch" in granted and transaction.launch is not None
    confidential = not sandbox.state.clients[transaction.client_id].public
    _put_patient(sandbox, context, transaction)
    if confidential and defects("omits_patient_context_for_confidential_apps"):
        context.pop("patient", None)
    _put_encounter(sandbox, context, transaction, granted, embedded=embedded)
    wants_place = any(one.partition("?")[0] == "launch/location" for one in granted)
    if embedded or (wants_place and not defects("drops_requested_fhir_context")):
        _put_fhir_context(sandbox, context, transaction)
    if not embedded and "fhirContext" in context and defects("sends_fhir_context_as_object_in_standalone_launches"):
        context["fhirContext"] = context["fhirContext"][0]
    if embedded and context.get("fhirContext") and defects("sends_empty_role_in_fhir_context_of_ehr_launches"):
        context["fhirContext"][0] = {**context["fhirContext"][0], "role": ""}
    if embedded and wants_place and defects("drops_requested_fhir_context"):
        del context["fhirContext"]
    if embedded:
        _put_banner(sandbox, context)
        if transaction.username != next(iter(sandbox.state.users)) and defects("sends_need_patient_banner_as_string_to_other_users"):
            context["need_patient_banner"] = "false"
        _put_style(sandbox, context)
        if confidential and "smart_style_url" in context and defects("sends_relative_smart_style_url_to_confidential_apps"):
            context["smart_style_url"] = SMART_STYLE_PATH
        context["intent"] = {"name": INTENT} if defects("sends_intent_as_object") else INTENT
        context["tenant"] = 4711 if defects("sends_tenant_as_number") else TENANT
    if defects("sends_context_under_names_of_its_own"):
        context["location"] = "ward-3-west"
    if defects("sends_malformed_authorization_details"):
        context["authorization_details"] = [{"type": "smart_on_fhir", "locations": sandbox.state.fhir_base_url}]
    if not embedded and transaction.patient and sandbox.variant("sends_context_that_nobody_asked_for"):
        visit = next(iter(data.encounter_summaries(transaction.patient)), None)
        if visit is not None and "Encounter" in types_of(sandbox.variant):
            context.setdefault("encounter", visit["id"])
        context.setdefault("fhirContext", [])
        context |= {"need_patient_banner": True, "tenant": TENANT}
    if sandbox.variant("keeps_optional_context_to_itself"):
        for member in ("intent", "tenant") if wants_place else ("intent", "tenant", "fhirContext"):
            context.pop(member, None)
    return context


def _put_patient(sandbox: Sandbox, context: dict[str, Any], transaction: Transaction) -> None:
    defects, patient = sandbox.defects, transaction.patient
    if not patient or defects("omits_patient_context"):
        return
    context["patient"] = patient
    if transaction.launch is not None and defects("omits_patient_context_in_ehr_launch"):
        del context["patient"]
    elif defects("sends_patient_as_reference"):
        context["patient"] = f"Patient/{patient}"
    elif defects("sends_patient_as_object"):
        context["patient"] = {"reference": f"Patient/{patient}"}
    elif defects("sends_unknown_patient"):
        context["patient"] = f"{patient}-7"
    elif defects("names_another_patient_than_the_token_has"):
        context["patient"] = next(one for one in data.PATIENTS if one != patient)
    elif patient == data.PATIENTS[1] and defects("sends_the_second_patient_as_reference"):
        context["patient"] = f"Patient/{patient}"
    elif defects("nests_launch_context"):
        context["context"] = {"patient": context.pop("patient")}


def _put_encounter(sandbox: Sandbox, context: dict[str, Any], transaction: Transaction, granted: list[str], *, embedded: bool) -> None:
    defects, encounter = sandbox.defects, transaction.encounter
    wanted = embedded or "launch/encounter" in granted
    if not encounter or not wanted or "Encounter" not in types_of(sandbox.variant) or defects("omits_encounter_context"):
        return
    if not embedded and defects("omits_encounter_in_standalone_launches"):
        return
    context["encounter"] = encounter
    if defects("sends_encounter_as_reference"):
        context["encounter"] = f"Encounter/{encounter}"
    elif defects("sends_unknown_encounter"):
        context["encounter"] = f"{encounter}-7"
    elif transaction.patient != data.PATIENTS[0] and defects("sends_the_encounter_of_the_first_patient_for_all"):
        context["encounter"] = data.encounter_summaries(data.PATIENTS[0])[0]["id"]
    elif defects("sends_encounter_of_another_patient"):
        other = next(one for one in data.PATIENTS if one != transaction.patient)
        context["encounter"] = data.encounter_summaries(other)[0]["id"]


def _put_banner(sandbox: Sandbox, context: dict[str, Any]) -> None:
    defects = sandbox.defects
    if defects("omits_need_patient_banner"):
        return
    context["need_patient_banner"] = "false" if defects("sends_need_patient_banner_as_string") else False
    if defects("sends_need_patient_banner_as_number"):
        context["need_patient_banner"] = 0


def _put_style(sandbox: Sandbox, context: dict[str, Any]) -> None:
    defects = sandbox.defects
    if sandbox.variant("sends_no_style_url"):
        return
    context["smart_style_url"] = sandbox.state.base_url + SMART_STYLE_PATH
    if defects("sends_relative_smart_style_url"):
        context["smart_style_url"] = SMART_STYLE_PATH


def _put_fhir_context(sandbox: Sandbox, context: dict[str, Any], transaction: Transaction) -> None:
    defects = sandbox.defects
    if "Location" not in types_of(sandbox.variant):
        return
    items: list[Any] = [{"reference": "Location/ward-3-west"}]
    if sandbox.variant("sends_rich_fhir_context"):
        items += [
            {
                "canonical": "https://lakeside.example/Questionnaire/falls-risk|2.1",
                "type": "Questionnaire",
                "role": "https://lakeside.example/role/questionnaire-to-display",
            },
            {"identifier": {"system": "urn:oid:2.16.840.1.113883.19.5", "value": "A-77"}, "type": "ServiceRequest"},
            {"reference": f"Patient/{transaction.patient}", "role": "https://lakeside.example/role/guarantor"},
        ]
    if defects("sends_fhir_context_as_object"):
        context["fhirContext"] = items[0]
        return
    spoil(defects, Items(items, sandbox.state.fhir_base_url, transaction.patient or ""), FHIR_CONTEXT)
    context["fhirContext"] = items
