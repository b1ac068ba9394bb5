// Three invented patients and what is recorded of them.

const PEOPLE = [['pat-ash', 'Ash', 'Linden', 'female', '1961-04-02'], ['pat-birch', 'Birch', 'Marlow', 'male', '1988-11-23'], ['pat-cedar', 'Cedar', 'Novak', 'female', '2014-07-09']];
const CATEGORY = 'http://terminology.hl7.org/CodeSystem/observation-category';
const concept = (system, code, display) => ({ coding: [{ system, code, display }], text: display });
const of = (id) => ({ reference: `Patient/${id}` });

const observation = (patient, number, category, code, display, value, unit) => ({
  resourceType: 'Observation',
  id: `${patient}-obs-${number}`,
  status: 'final',
  category: [concept(CATEGORY, category, category)],
  code: concept('http://loinc.org', code, display),
  subject: of(patient),
  effectiveDateTime: `2026-10-0${number}T09:30:00Z`,
  valueQuantity: { value, unit, system: 'http://unitsofmeasure.org', code: unit },
});

const named = (resourceType, id, family, given) => ({ resourceType, id, active: true, name: [{ family, given: [given] }] });

export const records = {
  Patient: PEOPLE.map(([id, given, family, gender, birthDate]) => ({ ...named('Patient', id, family, given), gender, birthDate })),
  Practitioner: [named('Practitioner', 'prac-rowan', 'Rowan', 'Ida'), named('Practitioner', 'prac-sorrel', 'Sorrel', 'Jon')],
  Encounter: PEOPLE.map(([id]) => ({
    resourceType: 'Encounter',
    id: `${id}-visit`,
    status: 'in-progress',
    class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB', display: 'ambulatory' },
    subject: of(id),
    period: { start: '2026-10-05T08:00:00Z' },
  })),
  Condition: PEOPLE.map(([id]) => ({
    resourceType: 'Condition',
    id: `${id}-condition`,
    clinicalStatus: concept('http://terminology.hl7.org/CodeSystem/condition-clinical', 'active', 'Active'),
    category: [concept('http://terminology.hl7.org/CodeSystem/condition-category', 'problem-list-item', 'Problem List Item')],
    code: concept('http://snomed.info/sct', '38341003', 'Hypertension'),
    subject: of(id),
  })),
  Observation: PEOPLE.flatMap(([id], place) => [
    observation(id, 1, 'vital-signs', '8867-4', 'Heart rate', 60 + place, '/min'),
    observation(id, 2, 'vital-signs', '29463-7', 'Body weight', 70 + place, 'kg'),
    observation(id, 3, 'laboratory', '2339-0', 'Glucose', 90 + place, 'mg/dL'),
  ]),
};
