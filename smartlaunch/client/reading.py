"""What to read with an access token, so that a refusal is one of the token and of nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from smartlaunch.oauth import scopes as words

_COMMON = ("Observation", "Condition", "Encounter")
"""What a wildcard is tried with beside Patient."""
WITHOUT_PATIENT = frozenset(
    """
    ActivityDefinition Binary Bundle CapabilityStatement CodeSystem Composition ConceptMap Device Endpoint Group HealthcareService
    InsurancePlan Library Location Measure Medication MedicationKnowledge MessageHeader NamingSystem OperationDefinition Organization
    OrganizationAffiliation Parameters PlanDefinition Practitioner PractitionerRole Questionnaire Schedule SearchParameter Slot
    StructureDefinition Substance Task ValueSet
    """.split()  # noqa: SIM905 - as in the list of resource types
)
"""Types whose search has no parameter ``patient`` in FHIR R4, or need not have it."""


def candidates(granted: Sequence[str], patient: str, known: str = "") -> list[str]:
    """Harmless reads that these scopes should allow, the likeliest first; none where they allow only what nobody knows an id of.

    ``patient`` is the one in context, ``known`` one that the target file names.
    """
    found: list[str] = []
    if patient and any(words.allows(granted, level, "Patient", "r") for level in ("patient", "user")):
        found.append(f"Patient/{patient}")
    whose = patient or known
    for parsed in filter(None, map(words.parse, granted)):
        for kind in ("Patient", *_COMMON) if parsed.resource == "*" else (parsed.resource,):
            if "r" in parsed.interactions and kind == "Patient" and whose:
                found.append(f"Patient/{whose}")
            if "s" in parsed.interactions:
                found.append(_search(kind, whose))
    return list(dict.fromkeys(found))


def _search(kind: str, patient: str) -> str:
    if kind == "Patient" and patient:
        return f"Patient?_id={patient}"
    if patient and kind not in WITHOUT_PATIENT:
        return f"{kind}?patient={patient}&_count=1"
    return f"{kind}?_count=1"
