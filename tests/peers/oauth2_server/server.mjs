// A SMART server around @node-oauth/oauth2-server in an express app: the library checks client, redirect URI, state, PKCE, codes, refresh tokens and
// bearer tokens, and knows no OpenID Connect. This file adds what SMART asks beyond it (SMART configuration, launch context, `aud`), the model
// that the library keeps its things in, and pages; the FHIR server behind the tokens is that of all peers in JavaScript.
//
// node server.mjs CONFIG.json MODULES: prints one line of JSON with the base URL when it listens, ends when its input closes.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { OPEN, answerFhir, capabilityStatement, json, problem, resource } from '../node/fhir.mjs';
import { chartPage, consentPage, errorPage, loginPage, patientPage, patientsPage } from '../node/pages.mjs';
import { records } from '../node/records.mjs';
import { covers, parseScope } from '../node/scopes.mjs';

const [configFile, modules] = process.argv.slice(2);
const load = createRequire(join(modules, 'any.js'));
const express = load('express');
const OAuth2Server = load('@node-oauth/oauth2-server');
const { clients, users } = JSON.parse(readFileSync(configFile, 'utf8'));

const app = express();
const listener = app.listen(0, '127.0.0.1');
await new Promise((resolve) => { listener.on('listening', resolve); });
const base = `http://127.0.0.1:${listener.address().port}`;
const fhirBase = `${base}/fhir`;

const byId = new Map(clients.map((client) => [client.client_id, { ...client, id: client.client_id, name: client.client_id, grants: ['authorization_code', 'refresh_token'], redirectUris: [client.redirect_uri] }]));
const userNamed = (name) => users.find((user) => user.username === name);
const sessions = new Map(); // cookie value -> username
const launches = new Map(); // launch value -> { client_id, patient, username, until }
const codes = new Map();
const tokens = new Map(); // access token -> token
const refreshTokens = new Map();
const pending = new Map(); // user and request -> patient picked on the way to the consent page

// -- the library and its model ------------------------------------------------------------------------------------------------------

const model = {
  // The library asks with null at the authorization endpoint, and with what it was sent at the token endpoint.
  getClient: (id, secret) => {
    const client = byId.get(id);
    return client && (secret === null || (client.client_secret ?? '') === (secret ?? '')) ? client : false;
  },
  validateScope(user, client, scope = []) {
    const allowed = scope.filter((one) => covers(client.registered, one));
    return allowed.length > 0 && allowed;
  },
  saveAuthorizationCode(code, client, user) {
    const saved = { ...code, client, user };
    codes.set(code.authorizationCode, saved);
    return saved;
  },
  getAuthorizationCode: (value) => codes.get(value),
  revokeAuthorizationCode: ({ authorizationCode }) => codes.delete(authorizationCode),
  saveToken(token, client, user) {
    const { authorizationCode, refreshToken, refreshTokenExpiresAt, ...made } = token;
    const offline = token.scope.includes('offline_access');
    const told = user.patient && token.scope.some((one) => ['launch', 'launch/patient'].includes(one));
    const saved = { ...made, ...(offline && { refreshToken, refreshTokenExpiresAt }), client, user, ...(told && { patient: user.patient }) };
    tokens.set(saved.accessToken, saved);
    if (offline) refreshTokens.set(refreshToken, saved);
    return saved;
  },
  getRefreshToken: (value) => refreshTokens.get(value),
  revokeToken: ({ refreshToken }) => refreshTokens.delete(refreshToken),
  getAccessToken: (value) => tokens.get(value),
};

const oauth = new OAuth2Server({
  model,
  accessTokenLifetime: 900,
  authorizationCodeLifetime: 60,
  allowExtendedTokenAttributes: true,
  requireClientAuthentication: { authorization_code: false, refresh_token: false },
});

function said(res, response) {
  const location = response.headers.location;
  if (location) return res.set('cache-control', 'no-store').redirect(303, location);
  res.writeHead(response.status ?? 200, { ...response.headers, ...OPEN, 'content-type': 'application/json' }).end(JSON.stringify(response.body));
}

// -- pages and endpoints ------------------------------------------------------------------------------------------------------------

const SAFE = { 'cache-control': 'no-store', 'x-frame-options': 'DENY', 'content-security-policy': "frame-ancestors 'none'", 'referrer-policy': 'no-referrer' };
const page = (res, text, status = 200) => res.status(status).set(SAFE).type('html').send(text);
const signedIn = (req) => userNamed(sessions.get(/(?:^|; )session=([^;]*)/.exec(req.headers.cookie ?? '')?.[1]));

/** The signed-in user, or undefined after the sign-in page was sent. */
function whoever(req, res) {
  const user = signedIn(req);
  if (user) return user;
  const known = req.method === 'POST' && req.body?.password !== undefined && userNamed(req.body.username);
  if (!known || known.password !== req.body.password) {
    page(res, loginPage(req.body?.password === undefined ? undefined : 'The user name or the password is wrong.'));
    return undefined;
  }
  const value = randomBytes(24).toString('base64url');
  sessions.set(value, known.username);
  res.appendHeader('set-cookie', `session=${value}; Path=/; HttpOnly; SameSite=Lax`);
  return known;
}

function liveLaunch(value, clientId, username) {
  const launch = launches.get(value);
  return launch && launch.client_id === clientId && launch.username === username && launch.until > Date.now() ? launch : undefined;
}

async function authorize(req, res) {
  const asked = req.query;
  const client = byId.get(asked.client_id);
  if (!client || !client.redirectUris.includes(asked.redirect_uri)) {
    return page(res, errorPage({ error: 'invalid_client', error_description: 'the app or its redirect URI is unknown' }), 400);
  }
  const back = (error, text) => {
    const to = new URL(client.redirect_uri);
    for (const [name, value] of Object.entries({ error, error_description: text, state: asked.state })) if (value) to.searchParams.set(name, value);
    return res.set('cache-control', 'no-store').redirect(303, to.href);
  };
  if (asked.aud !== fhirBase) return back('invalid_request', 'aud is not the FHIR server of this authorization server');
  const user = whoever(req, res);
  if (!user) return undefined;
  const scopes = String(asked.scope ?? '').split(' ');
  const launch = asked.launch && liveLaunch(asked.launch, asked.client_id, user.username);
  if (asked.launch ? !launch : scopes.includes('launch')) return back('invalid_request', 'launch is missing, unknown or over');
  const needed = !launch && scopes.some((one) => one === 'launch/patient' || one.startsWith('patient/'));
  const chosen = user.patients.includes(req.body?.patient) ? req.body.patient : undefined;
  if (needed && !chosen && !req.body?.decision) return page(res, patientPage(records.Patient.filter((one) => user.patients.includes(one.id))));
  const kept = launch?.patient ?? chosen ?? pending.get(`${user.username} ${req.originalUrl}`);
  if (!req.body?.decision) {
    pending.set(`${user.username} ${req.originalUrl}`, kept);
    return page(res, consentPage(client.name, scopes.filter((one) => covers(client.registered, one))));
  }
  const ticked = [req.body.scope ?? []].flat();
  const request = new OAuth2Server.Request({
    headers: req.headers,
    method: 'GET',
    query: { ...asked, scope: asked.scope && (scopes.filter((one) => ticked.includes(one)).join(' ') || asked.scope), allowed: req.body.decision === 'allow' ? 'true' : 'false' },
  });
  const response = new OAuth2Server.Response();
  try {
    await oauth.authorize(request, response, { authenticateHandler: { handle: () => ({ username: user.username, patient: kept }) } });
  } catch (error) {
    if (!response.headers.location) return page(res, errorPage({ error: error.name, error_description: error.message }), error.code ?? 500);
  }
  return said(res, response);
}

async function token(req, res) {
  const response = new OAuth2Server.Response();
  try {
    await oauth.token(new OAuth2Server.Request({ headers: req.headers, method: req.method, query: req.query, body: req.body ?? {} }), response);
  } catch (error) {
    response.status = error.code ?? 500;
    response.body ??= {};
    if (!response.body.error) response.body = { error: error.name, error_description: error.message };
  }
  return said(res, response);
}

function chart(req, res) {
  const user = whoever(req, res);
  if (!user) return undefined;
  const patient = records.Patient.find((one) => one.id === req.params.patient && user.patients.includes(one.id));
  if (!patient) return page(res, patientsPage(user, records.Patient.filter((one) => user.patients.includes(one.id))));
  const client = byId.get(req.body?.app);
  if (!client?.launch_uri) return page(res, chartPage(patient, [...byId.values()]));
  const value = randomBytes(24).toString('base64url');
  launches.set(value, { client_id: client.client_id, patient: patient.id, username: user.username, until: Date.now() + 300_000 });
  const to = new URL(client.launch_uri);
  to.searchParams.set('iss', fhirBase);
  to.searchParams.set('launch', value);
  return res.set('cache-control', 'no-store').redirect(303, to.href);
}

const smartConfiguration = () => ({
  authorization_endpoint: `${base}/authorize`,
  token_endpoint: `${base}/token`,
  grant_types_supported: ['authorization_code', 'refresh_token'],
  response_types_supported: ['code'],
  code_challenge_methods_supported: ['S256'],
  token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
  scopes_supported: ['offline_access', 'launch', 'launch/patient', 'patient/*.rs', 'user/*.rs'],
  capabilities: ['launch-ehr', 'launch-standalone', 'client-public', 'client-confidential-symmetric', 'context-ehr-patient', 'context-standalone-patient', 'permission-offline', 'permission-patient', 'permission-user', 'permission-v2'],
});

async function fhir(req, res) {
  const path = req.path.replace(/^\//, '');
  if (req.method === 'OPTIONS') return res.writeHead(204, OPEN).end();
  if (path === '.well-known/smart-configuration') return json(res, smartConfiguration(), 200, OPEN);
  if (path === 'metadata') return resource(res, capabilityStatement(fhirBase, 'oauth2-server'));
  const response = new OAuth2Server.Response();
  let held;
  try {
    held = await oauth.authenticate(new OAuth2Server.Request({ headers: req.headers, method: req.method, query: req.query, body: req.body ?? {} }), response);
  } catch (error) {
    return problem(res, error.code ?? 500, 'login', error.message, response.headers);
  }
  const scopes = held.scope.map(parseScope).filter(Boolean);
  const patients = { patient: [held.user.patient], user: userNamed(held.user.username).patients };
  return answerFhir(req, res, { base: fhirBase, path, query: new URL(req.originalUrl, base).searchParams, scopes, patients });
}

const form = express.urlencoded({ extended: false });
app.disable('x-powered-by');
app.get('/authorize', authorize);
app.post('/authorize', form, authorize);
app.options('/token', (req, res) => res.writeHead(204, OPEN).end());
app.all('/token', form, token);
app.get(['/chart', '/chart/:patient'], chart);
app.post(['/chart', '/chart/:patient'], form, chart);
app.use('/fhir', form, fhir);

process.stdin.resume().on('end', () => process.exit(0));
process.stdout.write(`${JSON.stringify({ base_url: base, fhir_base_url: fhirBase })}\n`);
