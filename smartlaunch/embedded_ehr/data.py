"""The synthetic people of Lakeside Hospital and their records: three patients, two clinicians, one relative.

All of it is invented. Every start has the same data; what apps write lives in memory and is gone at the end.
"""

from __future__ import annotations

import base64
from typing import Any

from smartlaunch.embedded_ehr.fhir_store import Store

Resource = dict[str, Any]

PATIENTS = ("amelia-stone", "bruno-castellano", "chidi-okafor")

_LOINC = "http://loinc.org"
_SNOMED = "http://snomed.info/sct"
_UCUM = "http://unitsofmeasure.org"
_RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
OBSERVATION_CATEGORY = f"{_TERMINOLOGY}/observation-category"
_MRN = "urn:oid:2.16.840.1.113883.19.5.99999.1"

_WARD = "Location/ward-3-west"
_CLINIC = "Location/family-clinic"
_HOSPITAL = "Organization/lakeside-hospital"
_HART = "Practitioner/dr-lena-hart"
_NASSER = "Practitioner/dr-omar-nasser"

_MEASURES: dict[str, tuple[str, str, str, str, str]] = {
    # name: category, LOINC code, display, unit, UCUM code
    "heart-rate": ("vital-signs", "8867-4", "Heart rate", "/min", "/min"),
    "body-temperature": ("vital-signs", "8310-5", "Body temperature", "°C", "Cel"),
    "oxygen-saturation": ("vital-signs", "59408-5", "Oxygen saturation", "%", "%"),
    "body-weight": ("vital-signs", "29463-7", "Body weight", "kg", "kg"),
    "respiratory-rate": ("vital-signs", "9279-1", "Respiratory rate", "/min", "/min"),
    "hemoglobin-a1c": ("laboratory", "4548-4", "Hemoglobin A1c", "%", "%"),
    "glucose": ("laboratory", "2345-7", "Glucose", "mg/dL", "mg/dL"),
    "creatinine": ("laboratory", "2160-0", "Creatinine", "mg/dL", "mg/dL"),
    "potassium": ("laboratory", "2823-3", "Potassium", "mmol/L", "mmol/L"),
    "hemoglobin": ("laboratory", "718-7", "Hemoglobin", "g/dL", "g/dL"),
}

_RECORDS: dict[str, dict[str, Any]] = {
    "amelia-stone": {
        "family": "Stone",
        "given": ["Amelia", "Ruth"],
        "gender": "female",
        "birth": "1958-03-14",
        "mrn": "LS-104233",
        "phone": "+1 555 0142",
        "address": {"line": ["12 Harbour Lane"], "city": "Lakeside", "state": "VT", "postalCode": "05001", "country": "US"},
        "practitioner": _HART,
        "encounters": [
            ("admission", "in-progress", "IMP", "inpatient encounter", "Admission for pneumonia", "2026-11-16T08:40:00Z", None, _WARD),
            ("checkup", "finished", "AMB", "ambulatory", "Annual check-up", "2026-04-21T09:00:00Z", "2026-04-21T09:35:00Z", _CLINIC),
        ],
        "measures": [
            (
                "2026-11-20T07:30:00Z",
                "admission",
                {"heart-rate": 88, "body-temperature": 37.9, "oxygen-saturation": 94, "respiratory-rate": 20},
            ),
            ("2026-11-19T07:35:00Z", "admission", {"heart-rate": 96, "body-temperature": 38.6, "oxygen-saturation": 91}),
            ("2026-11-19T06:10:00Z", "admission", {"potassium": 4.1, "creatinine": 0.9, "hemoglobin": 12.8}),
            ("2026-04-21T09:10:00Z", "checkup", {"body-weight": 68.4, "hemoglobin-a1c": 6.9, "glucose": 128}),
        ],
        "pressures": [("2026-11-20T07:30:00Z", "admission", 128, 76), ("2026-04-21T09:10:00Z", "checkup", 134, 82)],
        "conditions": [
            ("pneumonia", "233604007", "Pneumonia", "encounter-diagnosis", "admission", "2026-11-16"),
            ("type-2-diabetes", "44054006", "Type 2 diabetes mellitus", "problem-list-item", "checkup", "2014-06-02"),
        ],
        "allergies": [("penicillin", "91936005", "Allergy to penicillin", "medication", "high")],
        "medications": [
            ("metformin", "860975", "Metformin 500 MG extended release tablet", "One tablet with the evening meal", "checkup"),
            ("doxycycline", "1649988", "Doxycycline hyclate 100 MG capsule", "One capsule twice a day for 7 days", "admission"),
        ],
        "document": ("discharge-summary", "34133-9", "Summary of episode note", "Plan of discharge: home with oral antibiotics."),
    },
    "bruno-castellano": {
        "family": "Castellano",
        "given": ["Bruno"],
        "gender": "male",
        "birth": "1971-11-02",
        "mrn": "LS-118870",
        "phone": "+1 555 0177",
        "address": {"line": ["4 Mill Street", "Flat 2"], "city": "Lakeside", "state": "VT", "postalCode": "05001", "country": "US"},
        "practitioner": _NASSER,
        "encounters": [
            ("cardiology", "in-progress", "AMB", "ambulatory", "Cardiology follow-up", "2026-11-20T13:00:00Z", None, _CLINIC),
            ("emergency", "finished", "EMER", "emergency", "Chest pain", "2026-09-03T22:15:00Z", "2026-09-04T03:20:00Z", _WARD),
        ],
        "measures": [
            ("2026-11-20T13:10:00Z", "cardiology", {"heart-rate": 64, "body-weight": 91.2, "oxygen-saturation": 98}),
            ("2026-09-03T22:40:00Z", "emergency", {"potassium": 3.6, "creatinine": 1.1, "glucose": 104, "hemoglobin": 15.1}),
        ],
        "pressures": [("2026-11-20T13:10:00Z", "cardiology", 146, 91), ("2026-09-03T22:30:00Z", "emergency", 162, 98)],
        "conditions": [
            ("hypertension", "38341003", "Hypertensive disorder", "problem-list-item", "cardiology", "2021-02-11"),
            ("angina", "194828000", "Angina", "encounter-diagnosis", "emergency", "2026-09-03"),
        ],
        "allergies": [("shellfish", "227037002", "Fish and shellfish", "food", "low")],
        "medications": [("lisinopril", "314076", "Lisinopril 10 MG oral tablet", "One tablet every morning", "cardiology")],
        "document": ("clinic-letter", "11488-4", "Consult note", "Blood pressure above target; dose to be raised."),
    },
    "chidi-okafor": {
        "family": "Okafor",
        "given": ["Chidi"],
        "gender": "male",
        "birth": "2015-07-30",
        "mrn": "LS-130951",
        "phone": "+1 555 0193",
        "address": {"line": ["77 Orchard Road"], "city": "Northbay", "state": "VT", "postalCode": "05033", "country": "US"},
        "practitioner": _HART,
        "encounters": [
            ("asthma-review", "finished", "AMB", "ambulatory", "Asthma review", "2026-10-08T15:20:00Z", "2026-10-08T15:50:00Z", _CLINIC),
        ],
        "measures": [
            (
                "2026-10-08T15:25:00Z",
                "asthma-review",
                {"heart-rate": 92, "body-weight": 37.5, "oxygen-saturation": 97, "respiratory-rate": 22},
            ),
            ("2026-10-08T15:40:00Z", "asthma-review", {"hemoglobin": 13.2, "glucose": 90}),
        ],
        "pressures": [("2026-10-08T15:25:00Z", "asthma-review", 104, 64)],
        "conditions": [("asthma", "195967001", "Asthma", "problem-list-item", "asthma-review", "2020-09-15")],
        "allergies": [("peanut", "91935009", "Allergy to peanut", "food", "high")],
        "medications": [("albuterol", "745679", "Albuterol 0.09 MG/ACTUAT metered dose inhaler", "Two puffs when needed", "asthma-review")],
        "document": ("action-plan", "18776-5", "Plan of care note", "Asthma action plan, agreed with the family."),
    },
}


def seed_store() -> Store:
    """Return a new store that holds the whole hospital."""
    return Store([*_staff(), *(resource for patient_id in PATIENTS for resource in _record(patient_id))])


def patient_summaries(patient_ids: tuple[str, ...] = PATIENTS) -> list[dict[str, str]]:
    """List patients as the pickers and the chart show them: id, name, birth_date, gender, mrn."""
    return [
        {
            "id": patient_id,
            "name": display_name(patient_id),
            "birth_date": _RECORDS[patient_id]["birth"],
            "gender": _RECORDS[patient_id]["gender"],
            "mrn": _RECORDS[patient_id]["mrn"],
        }
        for patient_id in patient_ids
        if patient_id in _RECORDS
    ]


def encounter_summaries(patient_id: str) -> list[dict[str, str]]:
    """List a patient's visits as the picker shows them, the current one first: id, display, period, status."""
    return [
        {"id": f"{patient_id}-{name}", "display": reason, "period": _period_words(start, end), "status": status}
        for name, status, _, _, reason, start, end, _ in _RECORDS.get(patient_id, {}).get("encounters", ())
    ]


def display_name(patient_id: str) -> str:
    """Return a patient's name as a person reads it."""
    record = _RECORDS[patient_id]
    return f"{record['given'][0]} {record['family']}"


def _period_words(start: str, end: str | None) -> str:
    day = start[:10]
    if end is None:
        return f"since {day}"
    return day if end[:10] == day else f"{day} to {end[:10]}"


def _coding(system: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def _narrative(text: str) -> Resource:
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>'}


def _staff() -> list[Resource]:
    def practitioner(resource_id: str, given: str, family: str, npi: str) -> Resource:
        return {
            "resourceType": "Practitioner",
            "id": resource_id,
            "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": npi}],
            "active": True,
            "name": [{"use": "official", "family": family, "given": [given], "prefix": ["Dr."]}],
        }

    def role(resource_id: str, who: str, specialty: str, code: str) -> Resource:
        return {
            "resourceType": "PractitionerRole",
            "id": resource_id,
            "active": True,
            "practitioner": {"reference": who},
            "organization": {"reference": _HOSPITAL},
            "specialty": [_coding(_SNOMED, code, specialty)],
            "location": [{"reference": _CLINIC}],
        }

    def location(resource_id: str, name: str) -> Resource:
        return {
            "resourceType": "Location",
            "id": resource_id,
            "status": "active",
            "name": name,
            "managingOrganization": {"reference": _HOSPITAL},
        }

    return [
        {
            "resourceType": "Organization",
            "id": "lakeside-hospital",
            "identifier": [{"system": "urn:ietf:rfc:3986", "value": "https://lakeside.example"}],
            "active": True,
            "name": "Lakeside Hospital",
            "telecom": [{"system": "url", "value": "https://lakeside.example"}],
        },
        location("ward-3-west", "Ward 3 West"),
        location("family-clinic", "Family Clinic"),
        practitioner("dr-lena-hart", "Lena", "Hart", "9941339108"),
        practitioner("dr-omar-nasser", "Omar", "Nasser", "9941339215"),
        practitioner("nurse-ida-lund", "Ida", "Lund", "9941339322"),
        role("lena-hart-family-medicine", _HART, "Family medicine", "419772000"),
        role("omar-nasser-cardiology", _NASSER, "Cardiology", "394579002"),
        {
            "resourceType": "RelatedPerson",
            "id": "ngozi-okafor",
            "active": True,
            "patient": {"reference": "Patient/chidi-okafor"},
            "relationship": [_coding(f"{_TERMINOLOGY}/v3-RoleCode", "MTH", "mother")],
            "name": [{"family": "Okafor", "given": ["Ngozi"]}],
        },
    ]


def _record(patient_id: str) -> list[Resource]:
    record = _RECORDS[patient_id]
    subject = {"reference": f"Patient/{patient_id}", "display": display_name(patient_id)}
    made: list[Resource] = [_patient(patient_id, record)]
    made += [_encounter(patient_id, subject, record["practitioner"], *row) for row in record["encounters"]]
    count: dict[str, int] = {}
    for at, visit, values in record["measures"]:
        for name, value in values.items():
            count[name] = count.get(name, 0) + 1
            made.append(_measure(f"{patient_id}-{name}-{count[name]}", subject, f"Encounter/{patient_id}-{visit}", at, name, value))
    for number, (at, visit, high, low) in enumerate(record["pressures"], start=1):
        made.append(_pressure(f"{patient_id}-blood-pressure-{number}", subject, f"Encounter/{patient_id}-{visit}", at, high, low))
    for name, code, display, category, visit, onset in record["conditions"]:
        made.append(_condition(patient_id, subject, name, _coding(_SNOMED, code, display), category, visit, onset))
    for name, code, display, category, criticality in record["allergies"]:
        made.append(
            {
                "resourceType": "AllergyIntolerance",
                "id": f"{patient_id}-{name}",
                "clinicalStatus": _coding(f"{_TERMINOLOGY}/allergyintolerance-clinical", "active", "Active"),
                "verificationStatus": _coding(f"{_TERMINOLOGY}/allergyintolerance-verification", "confirmed", "Confirmed"),
                "category": [category],
                "criticality": criticality,
                "code": _coding(_SNOMED, code, display),
                "patient": subject,
            }
        )
    for name, code, display, dosage, visit in record["medications"]:
        made.append(
            {
                "resourceType": "MedicationRequest",
                "id": f"{patient_id}-{name}",
                "status": "active",
                "intent": "order",
                "medicationCodeableConcept": _coding(_RXNORM, code, display),
                "subject": subject,
                "encounter": {"reference": f"Encounter/{patient_id}-{visit}"},
                "authoredOn": "2026-11-16",
                "requester": {"reference": record["practitioner"]},
                "dosageInstruction": [{"text": dosage}],
            }
        )
    name, code, display, text = record["document"]
    made.append(_document(patient_id, subject, record["practitioner"], name, _coding(_LOINC, code, display), text))
    return made


def _patient(patient_id: str, record: dict[str, Any]) -> Resource:
    return {
        "resourceType": "Patient",
        "id": patient_id,
        "text": _narrative(f"{record['given'][0]} {record['family']}, born {record['birth']}"),
        "identifier": [
            {
                "use": "usual",
                "type": _coding(f"{_TERMINOLOGY}/v2-0203", "MR", "Medical record number"),
                "system": _MRN,
                "value": record["mrn"],
            }
        ],
        "active": True,
        "name": [{"use": "official", "family": record["family"], "given": record["given"]}],
        "telecom": [{"system": "phone", "value": record["phone"], "use": "home"}],
        "gender": record["gender"],
        "birthDate": record["birth"],
        "address": [record["address"]],
        "generalPractitioner": [{"reference": record["practitioner"]}],
        "managingOrganization": {"reference": _HOSPITAL},
    }


def _encounter(
    patient_id: str,
    subject: Resource,
    practitioner: str,
    name: str,
    status: str,
    code: str,
    display: str,
    reason: str,
    start: str,
    end: str | None,
    place: str,
) -> Resource:
    return {
        "resourceType": "Encounter",
        "id": f"{patient_id}-{name}",
        "status": status,
        "class": {"system": f"{_TERMINOLOGY}/v3-ActCode", "code": code, "display": display},
        "subject": subject,
        "participant": [{"individual": {"reference": practitioner}}],
        "period": {"start": start} if end is None else {"start": start, "end": end},
        "reasonCode": [{"text": reason}],
        "location": [{"location": {"reference": place}}],
        "serviceProvider": {"reference": _HOSPITAL},
    }


def _quantity(name: str, value: float) -> Resource:
    _, _, _, unit, code = _MEASURES[name]
    return {"value": value, "unit": unit, "system": _UCUM, "code": code}


def _observation(resource_id: str, subject: Resource, encounter: str, at: str, category: str, code: Resource) -> Resource:
    display = {"vital-signs": "Vital Signs", "laboratory": "Laboratory"}[category]
    return {
        "resourceType": "Observation",
        "id": resource_id,
        "status": "final",
        "category": [_coding(OBSERVATION_CATEGORY, category, display)],
        "code": code,
        "subject": subject,
        "encounter": {"reference": encounter},
        "effectiveDateTime": at,
        "issued": at,
    }


def _measure(resource_id: str, subject: Resource, encounter: str, at: str, name: str, value: float) -> Resource:
    category, code, display, _, _ = _MEASURES[name]
    base = _observation(resource_id, subject, encounter, at, category, _coding(_LOINC, code, display))
    return {**base, "valueQuantity": _quantity(name, value)}


def _pressure(resource_id: str, subject: Resource, encounter: str, at: str, high: int, low: int) -> Resource:
    base = _observation(resource_id, subject, encounter, at, "vital-signs", _coding(_LOINC, "85354-9", "Blood pressure"))
    parts = (("8480-6", "Systolic blood pressure", high), ("8462-4", "Diastolic blood pressure", low))
    return {
        **base,
        "component": [
            {"code": _coding(_LOINC, code, display), "valueQuantity": {"value": value, "unit": "mmHg", "system": _UCUM, "code": "mm[Hg]"}}
            for code, display, value in parts
        ],
    }


def _condition(patient_id: str, subject: Resource, name: str, code: Resource, category: str, visit: str, onset: str) -> Resource:
    display = {"problem-list-item": "Problem List Item", "encounter-diagnosis": "Encounter Diagnosis"}[category]
    return {
        "resourceType": "Condition",
        "id": f"{patient_id}-{name}",
        "clinicalStatus": _coding(f"{_TERMINOLOGY}/condition-clinical", "active", "Active"),
        "verificationStatus": _coding(f"{_TERMINOLOGY}/condition-ver-status", "confirmed", "Confirmed"),
        "category": [_coding(f"{_TERMINOLOGY}/condition-category", category, display)],
        "code": code,
        "subject": subject,
        "encounter": {"reference": f"Encounter/{patient_id}-{visit}"},
        "onsetDateTime": onset,
    }


def _document(patient_id: str, subject: Resource, author: str, name: str, code: Resource, text: str) -> Resource:
    encoded = base64.b64encode(text.encode()).decode()
    return {
        "resourceType": "DocumentReference",
        "id": f"{patient_id}-{name}",
        "status": "current",
        "type": code,
        "category": [
            _coding("http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "clinical-note", "Clinical Note")
        ],
        "subject": subject,
        "date": "2026-11-19T10:00:00Z",
        "author": [{"reference": author}],
        "content": [{"attachment": {"contentType": "text/plain", "data": encoded, "title": code["text"]}}],
    }
