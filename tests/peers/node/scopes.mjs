// SMART scopes of both editions: `patient/Observation.rs?category=...` and `patient/Observation.read`.

const OLD = { read: 'rs', write: 'cud', '*': 'cruds' };
const PLAIN = /^(openid|fhirUser|offline_access|launch|launch\/(patient|encounter))$/;

/** A clinical scope as level, resource type, interactions and search parameters; undefined for any other text. */
export function parseScope(text) {
  const found = /^(patient|user|system)\/([A-Z][A-Za-z]*|\*)\.(read|write|\*|c?r?u?d?s?)(\?.*)?$/.exec(text);
  if (!found || !found[3]) return undefined;
  const [, level, type, word, query] = found;
  return { level, type, interactions: OLD[word] ?? word, query: query ? [...new URLSearchParams(query.slice(1))] : [] };
}

/** Whether a registration lets an app have a scope. */
export function covers(registered, text) {
  if (PLAIN.test(text)) return registered.includes(text);
  const wanted = parseScope(text);
  if (!wanted || wanted.query.some(([name]) => name !== 'category')) return false;
  return registered.map(parseScope).some((own) => own && own.level === wanted.level && (own.type === '*' || own.type === wanted.type)
    && [...wanted.interactions].every((one) => own.interactions.includes(one)));
}

/** Whether some scope opens an interaction on a resource type. */
export function allows(scopes, type, interaction) {
  return scopes.some((scope) => (scope.type === '*' || scope.type === type) && scope.interactions.includes(interaction));
}

/** Whether the scopes open one record, given the patients that each level may reach; `system` reaches all. */
export function reaches(scopes, type, interaction, record, patients) {
  return scopes.some((scope) => allows([scope], type, interaction) && fits(scope, record)
    && (scope.level === 'system' || ofOneOf(record, patients[scope.level], scope.level === 'user')));
}

function fits(scope, record) {
  return scope.query.every(([, value]) => (record.category ?? []).some((one) => one.coding.some((coding) => [coding.code, `${coding.system}|${coding.code}`].includes(value))));
}

function ofOneOf(record, patients, shared) {
  if (record.resourceType === 'Patient') return patients.includes(record.id);
  return record.subject ? patients.some((patient) => record.subject.reference === `Patient/${patient}`) : shared;
}
