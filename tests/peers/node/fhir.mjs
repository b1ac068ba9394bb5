// The small FHIR server behind the tokens of the peers in JavaScript; who holds which token is theirs to say.

import { randomBytes } from 'node:crypto';

import { records } from './records.mjs';
import { allows, reaches } from './scopes.mjs';

export const OPEN = { 'access-control-allow-origin': '*', 'access-control-allow-headers': 'authorization, content-type, accept', 'access-control-allow-methods': 'GET, POST, PUT, DELETE, OPTIONS' };

/** What comes of a request whose access token opens `scopes` on `patients` (by level). */
export async function answerFhir(req, res, { base, path, query: asked, scopes, patients }) {
  const [type, id, ...more] = path.split('/');
  if (!(type in records) || more.length) return problem(res, 404, 'not-supported', 'there is no such thing here');
  const searching = id === undefined && req.method === 'GET' || id === '_search' && req.method === 'POST';
  const interaction = searching ? 's' : { GET: 'r', POST: 'c', PUT: 'u', DELETE: 'd' }[req.method];
  if (!interaction || interaction === 'c' ? id !== undefined : !searching && !id) return problem(res, 405, 'not-supported', 'this cannot be done here', { allow: 'GET, POST, PUT, DELETE' });
  if (!allows(scopes, type, interaction)) return tooLittle(res, `no scope lets this app do this with ${type}`);
  if ('cud'.includes(interaction)) return write(req, res, { base, type, id, interaction, scopes, patients });
  const visible = records[type].filter((record) => reaches(scopes, type, interaction, record, patients));
  if (!searching) {
    const found = visible.find((record) => record.id === id);
    if (found) return resource(res, found);
    const exists = records[type].some((record) => record.id === id);
    return exists ? tooLittle(res, 'this record is not open to this app') : problem(res, 404, 'not-found', 'there is no such record');
  }
  const query = new URLSearchParams(asked);
  if (req.method === 'POST') for (const [name, one] of await readForm(req)) query.append(name, one);
  const matching = visible.filter((record) => matches(record, query));
  const limit = Number(query.get('_count') ?? 50);
  return resource(res, {
    resourceType: 'Bundle',
    type: 'searchset',
    total: matching.length,
    link: [{ relation: 'self', url: `${base}/${type}?${query}` }],
    entry: matching.slice(0, limit).map((record) => ({ fullUrl: `${base}/${type}/${record.id}`, resource: record, search: { mode: 'match' } })),
  });
}

/** Create, update or delete one record; the result, too, has to be within reach of the scopes. */
async function write(req, res, { base, type, id, interaction, scopes, patients }) {
  const place = records[type].findIndex((record) => record.id === id);
  if (interaction !== 'c' && place < 0) return problem(res, 404, 'not-found', 'there is no such record');
  if (place >= 0 && !reaches(scopes, type, interaction, records[type][place], patients)) return tooLittle(res, 'this record is not open to this app');
  if (interaction === 'd') {
    records[type].splice(place, 1);
    return res.writeHead(204, OPEN).end();
  }
  let record;
  try {
    record = JSON.parse(await readBody(req));
  } catch {
    return problem(res, 400, 'invalid', 'the body is not JSON');
  }
  if (record?.resourceType !== type || (id && record.id !== id)) return problem(res, 400, 'invalid', 'the body is not the resource of this address');
  if (interaction === 'c') record.id = randomBytes(12).toString('hex');
  if (!reaches(scopes, type, interaction, record, patients)) return tooLittle(res, 'this record would not be open to this app');
  if (interaction === 'c') records[type].push(record);
  else records[type][place] = record;
  return resource(res, record, interaction === 'c' ? 201 : 200, { location: `${base}/${type}/${record.id}` });
}

function tooLittle(res, text) {
  problem(res, 403, 'forbidden', text, { 'www-authenticate': 'Bearer realm="fhir", error="insufficient_scope"' });
}

function matches(record, query) {
  const codes = (concepts) => [concepts].flat().flatMap((concept) => concept?.coding ?? []);
  const has = (codings, wanted) => wanted.split(',').some((one) => codings.some((coding) => one.includes('|') ? one === `${coding.system}|${coding.code}` : one === coding.code));
  for (const [name, value] of query) {
    const patient = value.replace(/^.*Patient\//, '');
    if (name === '_id' && !value.split(',').includes(record.id)) return false;
    if ((name === 'patient' || name === 'subject') && record.subject?.reference !== `Patient/${patient}`) return false;
    if (name === 'category' && !has(codes(record.category), value)) return false;
    if (name === 'code' && !has(codes(record.code), value)) return false;
  }
  return true;
}

export function capabilityStatement(base, library) {
  const type = (name) => ({ type: name, interaction: ['read', 'search-type', 'create', 'update', 'delete'].map((code) => ({ code })), searchParam: [{ name: '_id', type: 'token' }, ...(name === 'Observation' ? [{ name: 'category', type: 'token' }] : [])] });
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: '2026-11-01',
    kind: 'instance',
    fhirVersion: '4.0.1',
    format: ['json'],
    implementation: { description: `a SMART layer around ${library}`, url: base },
    software: { name: `${library} with SMART` },
    rest: [{ mode: 'server', security: { service: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/restful-security-service', code: 'SMART-on-FHIR' }] }] }, resource: Object.keys(records).map(type) }],
  };
}

export const json = (res, body, status = 200, headers = {}) => res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
export const resource = (res, body, status = 200, headers = {}) => json(res, body, status, { ...OPEN, 'content-type': 'application/fhir+json', 'cache-control': 'no-store', ...headers });

export function problem(res, status, code, text, headers = {}) {
  resource(res, { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code, diagnostics: text }] }, status, headers);
}

async function readBody(req) {
  const chunks = [];
  for await (const chunk of req) {
    chunks.push(chunk);
    if (chunks.reduce((sum, one) => sum + one.length, 0) > 100_000) throw new Error('the body is too large');
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Forms that a framework has read before are in `req.body`. */
export const readForm = async (req) => new URLSearchParams(req.body ?? await readBody(req));
