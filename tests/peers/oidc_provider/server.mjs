// A SMART server around the certified library oidc-provider: the library is the authorization server, this file adds what SMART asks
// beyond OpenID Connect (SMART configuration, launch context, clinical scopes, `aud`) and a small FHIR server behind its tokens.
//
// node server.mjs CONFIG.json MODULES: prints one line of JSON with the base URL when it listens, ends when its input closes.

import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { OPEN, answerFhir, capabilityStatement, json, problem, readForm, resource } from '../node/fhir.mjs';
import { chartPage, consentPage, errorPage, loggedOutPage, loginPage, logoutPage, patientPage, patientsPage } from '../node/pages.mjs';
import { records } from '../node/records.mjs';
import { covers, parseScope } from '../node/scopes.mjs';

const [configFile, modules] = process.argv.slice(2);
const { Provider, errors } = await import(pathToFileURL(join(modules, 'oidc-provider', 'lib', 'index.js')));
const { clients, users } = JSON.parse(readFileSync(configFile, 'utf8'));

const IDENTITY = ['openid', 'fhirUser', 'offline_access'];
const CONTEXT = ['launch', 'launch/patient', 'launch/encounter'];
const LAUNCH_LIFE_MS = 300_000;

const listener = http.createServer((req, res) => route(req, res).catch((error) => fail(res, error)));
await new Promise((resolve) => { listener.listen(0, '127.0.0.1', resolve); });
const base = `http://127.0.0.1:${listener.address().port}`;
const fhirBase = `${base}/fhir`;

const byId = new Map(clients.map((client) => [client.client_id, client]));
const userNamed = (name) => users.find((user) => user.username === name);
const userOf = (id) => users.find((user) => subject(user) === id);
const chartSessions = new Map(); // cookie value -> username
const launches = new Map(); // launch value -> { client_id, patient, encounter, username, until }
const contexts = new Map(); // grant id -> { patient, encounter }
const choices = new Map(); // interaction -> patient picked on the way to the consent page

// -- the authorization server -----------------------------------------------------------------------------------------------------

const configuration = {
  clients: clients.map((client) => ({
    client_id: client.client_id,
    client_name: client.name,
    ...(client.client_secret ? { client_secret: client.client_secret } : {}),
    ...(client.jwks_uri ? { jwks_uri: client.jwks_uri } : {}),
    ...(client.jwks ? { jwks: client.jwks } : {}),
    token_endpoint_auth_method: { public: 'none', 'confidential-symmetric': 'client_secret_basic', 'resource-server': 'client_secret_basic' }[client.role] ?? 'private_key_jwt',
    grant_types: { backend: ['client_credentials'], 'resource-server': [] }[client.role] ?? ['authorization_code', 'refresh_token'],
    response_types: client.redirect_uri ? ['code'] : [],
    redirect_uris: client.redirect_uri ? [client.redirect_uri] : [],
  })),
  jwks: { keys: [{ ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }] },
  cookies: { keys: [randomBytes(24).toString('base64url')] },
  scopes: [...IDENTITY, ...CONTEXT],
  claims: { openid: ['sub'], fhirUser: ['fhirUser'] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  responseTypes: ['code'],
  clientAuthMethods: ['none', 'client_secret_basic', 'private_key_jwt'],
  enabledJWA: { clientAuthSigningAlgValues: ['RS384', 'ES384'], idTokenSigningAlgValues: ['RS256'] },
  clientBasedCORS: () => true,
  // The library's own dispatcher refuses loopback addresses, and there the suite serves its JWK Set.
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
  rotateRefreshToken: true,
  // Each consent makes a new grant here; bound to the session, a token would die at the app's next login.
  expiresWithSession: () => false,
  extraParams: {
    aud(ctx, value) {
      if (!ctx.oidc.params.scope) throw new errors.InvalidScope('scope is missing');
      if (value !== fhirBase) throw new errors.InvalidRequest(value ? 'aud is not a FHIR server of this authorization server' : 'aud is missing');
    },
    launch(ctx, value, client) {
      if (value !== undefined && !liveLaunch(value, client.clientId)) throw new errors.InvalidRequest('launch is unknown or over');
      if (value === undefined && ctx.oidc.requestParamScopes.has('launch')) throw new errors.InvalidRequest('launch is missing');
    },
  },
  features: {
    devInteractions: { enabled: false },
    dPoP: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    rpInitiatedLogout: { enabled: true, logoutSource: (ctx, form) => { ctx.type = 'html'; ctx.body = logoutPage(form); }, postLogoutSuccessSource: (ctx) => { ctx.type = 'html'; ctx.body = loggedOutPage(); } },
    userinfo: { enabled: false },
    clientCredentials: { enabled: true },
    revocation: { enabled: true },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (ctx, client, oneOf) => oneOf?.[0] ?? (ctx.oidc.route === 'token' ? fhirBase : ctx.oidc.params.aud),
      useGrantedResource: () => true,
      getResourceServerInfo(ctx, resource, client) {
        if (resource !== fhirBase) throw new errors.InvalidTarget('this FHIR server is unknown here');
        const granted = ctx.oidc.entities.Grant?.getResourceScope(resource) ?? '';
        const asked = ctx.oidc.route === 'token' && granted ? granted : ctx.oidc.params.scope ?? '';
        const scope = asked.split(' ').filter((one) => permitted(one, client.clientId)).join(' ');
        if (!scope && ctx.oidc.params.grant_type === 'client_credentials') throw new errors.InvalidScope('no scope that this client may have', asked);
        return {
          scope,
          audience: fhirBase,
          accessTokenFormat: 'opaque',
          accessTokenTTL: byId.get(client.clientId).lifetime_s ?? (ctx.oidc.params.grant_type === 'client_credentials' ? 300 : 900),
        };
      },
    },
  },
  ttl: {
    AuthorizationCode: (ctx, code, client) => byId.get(client.clientId).lifetime_s ?? 60,
    ClientCredentials: () => 300,
    Grant: 3600,
    IdToken: 900,
    Interaction: 600,
    RefreshToken: 3600,
    Session: 3600,
  },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  loadExistingGrant: (ctx) => (ctx.oidc.result?.consent ? ctx.oidc.provider.Grant.find(ctx.oidc.result.consent.grantId) : undefined),
  findAccount(ctx, id) {
    const user = userOf(id);
    return user && { accountId: id, claims: () => ({ sub: subject(user), ...(user.fhir_user && { fhirUser: `${fhirBase}/${user.fhir_user}` }) }) };
  },
  renderError(ctx, out) {
    ctx.type = 'html';
    ctx.body = errorPage(out);
  },
};

const subject = (user) => createHash('sha256').update(user.username).digest('hex').slice(0, 32);

function permitted(scope, clientId, user) {
  return covers(byId.get(clientId).registered, scope) && (scope !== 'fhirUser' || user === undefined || Boolean(user.fhir_user));
}

function liveLaunch(value, clientId) {
  const launch = launches.get(value);
  return launch && launch.client_id === clientId && launch.until > Date.now() ? launch : undefined;
}

const provider = new Provider(base, configuration);

provider.use(async (ctx, next) => {
  await next();
  if (ctx.oidc?.route === 'token' && ctx.status === 200) Object.assign(ctx.body, launchContext(ctx.oidc.entities.AccessToken));
  if (ctx.oidc?.route === 'introspection' && ctx.body?.active) await describeToken(ctx);
});
const answer = provider.callback();

function launchContext(token) {
  const context = contexts.get(token?.grantId);
  if (!context) return {};
  const problem = context.patient && records.Condition.find((one) => one.subject.reference === `Patient/${context.patient}`);
  return {
    ...(context.patient && { patient: context.patient }),
    ...(context.encounter && { encounter: context.encounter }),
    ...(problem && context.launched && { fhirContext: [{ reference: `Condition/${problem.id}`, type: 'Condition', role: `${base}/role/reason-for-launch` }] }),
    ...(context.launched && { intent: 'reconcile-medications' }),
    need_patient_banner: !context.launched,
    smart_style_url: `${base}/style.json`,
    tenant: 'grove-clinic',
  };
}

/** Add launch context and the identity to what the library says of a token. */
async function describeToken(ctx) {
  const token = ctx.oidc.entities.AccessToken ?? ctx.oidc.entities.RefreshToken;
  Object.assign(ctx.body, launchContext(token));
  const user = token && userOf(token.accountId);
  if (user && token.scopes?.has('openid')) ctx.body.sub = subject(user);
  if (user?.fhir_user && token.scopes?.has('fhirUser')) ctx.body.fhirUser = `${fhirBase}/${user.fhir_user}`;
}

// -- pages of the authorization server --------------------------------------------------------------------------------------------

async function interaction(req, res) {
  const details = await provider.interactionDetails(req, res);
  const form = req.method === 'POST' ? await readForm(req) : undefined;
  if (details.prompt.name === 'login') return logIn(req, res, details, form);
  const { client_id: clientId, launch: launchValue, scope = '' } = details.params;
  const launch = launchValue && liveLaunch(launchValue, clientId);
  const user = userOf(details.session.accountId);
  if (launchValue && launch?.username !== user.username) return refuse(req, res, 'the launch belongs to another session');
  if (form?.get('decision') === 'deny') return refuse(req, res, 'the user refused');
  const asked = scope.split(' ').filter((one) => permitted(one, clientId, user));
  const needsPatient = !launch && (asked.includes('launch/patient') || asked.some((one) => one.startsWith('patient/')));
  const visible = records.Patient.filter((patient) => user.patients.includes(patient.id));
  if (form?.has('patient') && visible.some((patient) => patient.id === form.get('patient'))) choices.set(details.uid, form.get('patient'));
  if (needsPatient && !choices.has(details.uid)) {
    if (visible.length === 0) return refuse(req, res, 'the user has no patients');
    if (visible.length > 1) return html(res, patientPage(visible));
    choices.set(details.uid, visible[0].id);
  }
  if (form?.get('decision') !== 'allow') return html(res, consentPage(byId.get(clientId).name, asked));
  const allowed = asked.filter((one) => form.getAll('scope').includes(one));
  const grant = new provider.Grant({ accountId: subject(user), clientId });
  grant.addOIDCScope(allowed.filter((one) => configuration.scopes.includes(one)).join(' '));
  grant.addResourceScope(fhirBase, allowed.join(' '));
  const refused = scope.split(' ').filter((one) => !allowed.includes(one));
  grant.rejectOIDCScope(refused.filter((one) => configuration.scopes.includes(one)).join(' '));
  grant.rejectResourceScope(fhirBase, refused.join(' '));
  const grantId = await grant.save();
  const patient = launch ? launch.patient : choices.get(details.uid);
  const withEncounter = launch || allowed.includes('launch/encounter');
  const encounter = withEncounter ? launch?.encounter ?? records.Encounter.find((one) => one.subject.reference === `Patient/${patient}`)?.id : undefined;
  const told = launch ? allowed.includes('launch') : allowed.includes('launch/patient');
  contexts.set(grantId, { compartment: patient, patient: told ? patient : undefined, encounter: told ? encounter : undefined, launched: Boolean(launch) });
  choices.delete(details.uid);
  return provider.interactionFinished(req, res, { consent: { grantId } }, { mergeWithLastSubmission: true });
}

async function logIn(req, res, details, form) {
  let user = userNamed(chartSessions.get(cookie(req, 'chart')));
  if (form) {
    user = signedIn(form);
    if (!user) return html(res, loginPage('The user name or the password is wrong.'), 200);
    openChartSession(res, user);
  }
  if (!user) return html(res, loginPage());
  return provider.interactionFinished(req, res, { login: { accountId: subject(user) } }, { mergeWithLastSubmission: false });
}

function refuse(req, res, why) {
  return provider.interactionFinished(req, res, { error: 'access_denied', error_description: why }, { mergeWithLastSubmission: false });
}

// -- the chart --------------------------------------------------------------------------------------------------------------------

async function chart(req, res, url) {
  const form = req.method === 'POST' ? await readForm(req) : undefined;
  let user = userNamed(chartSessions.get(cookie(req, 'chart')));
  if (!user && form?.has('password')) {
    user = signedIn(form);
    if (user) openChartSession(res, user);
  }
  if (!user) return html(res, loginPage(form && 'The user name or the password is wrong.'));
  const patient = records.Patient.find((one) => url.pathname === `/chart/${one.id}` && user.patients.includes(one.id));
  if (!patient) return html(res, patientsPage(user, records.Patient.filter((one) => user.patients.includes(one.id))));
  const client = byId.get(form?.get('app'));
  if (!client?.launch_uri) return html(res, chartPage(patient, clients.filter((one) => one.launch_uri)));
  const launch = randomBytes(24).toString('base64url');
  const encounter = records.Encounter.find((one) => one.subject.reference === `Patient/${patient.id}`);
  launches.set(launch, { client_id: client.client_id, patient: patient.id, encounter: encounter?.id, username: user.username, until: Date.now() + LAUNCH_LIFE_MS });
  const target = new URL(client.launch_uri);
  target.searchParams.set('iss', fhirBase);
  target.searchParams.set('launch', launch);
  res.writeHead(303, { location: target.href, 'cache-control': 'no-store' }).end();
}

function signedIn(form) {
  const user = userNamed(form.get('username'));
  return user && user.password === form.get('password') ? user : undefined;
}

function openChartSession(res, user) {
  const value = randomBytes(24).toString('base64url');
  chartSessions.set(value, user.username);
  res.appendHeader('set-cookie', `chart=${value}; Path=/; HttpOnly; SameSite=Lax`);
}

// -- the FHIR server --------------------------------------------------------------------------------------------------------------

function smartConfiguration() {
  return {
    issuer: base,
    jwks_uri: `${base}/jwks`,
    authorization_endpoint: `${base}/auth`,
    token_endpoint: `${base}/token`,
    introspection_endpoint: `${base}/token/introspection`,
    revocation_endpoint: `${base}/token/revocation`,
    grant_types_supported: ['authorization_code', 'client_credentials', 'refresh_token'],
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: ['RS384', 'ES384'],
    scopes_supported: [...IDENTITY, ...CONTEXT, 'patient/*.cruds', 'user/*.cruds', 'system/*.rs', 'patient/*.read', 'user/*.read'],
    capabilities: [
      'launch-ehr', 'launch-standalone', 'authorize-post', 'client-public', 'client-confidential-symmetric', 'client-confidential-asymmetric',
      'sso-openid-connect', 'context-banner', 'context-style', 'context-ehr-patient', 'context-ehr-encounter', 'context-standalone-patient',
      'context-standalone-encounter', 'permission-offline', 'permission-patient', 'permission-user', 'permission-v1', 'permission-v2',
    ],
  };
}

async function fhir(req, res, url) {
  if (req.method === 'OPTIONS') return res.writeHead(204, OPEN).end();
  const path = url.pathname.slice('/fhir/'.length);
  if (path === '.well-known/smart-configuration') return json(res, smartConfiguration(), 200, { ...OPEN, 'cache-control': 'no-store' });
  if (path === 'metadata') return resource(res, capabilityStatement(fhirBase, 'oidc-provider'));
  const value = /^Bearer ([A-Za-z0-9._~+/-]+=*)$/i.exec(req.headers.authorization ?? '')?.[1];
  if (value && url.searchParams.has('access_token')) return problem(res, 400, 'invalid', 'the access token came twice');
  const token = value && (await provider.AccessToken.find(value) ?? await provider.ClientCredentials.find(value));
  if (!token || token.isExpired || [token.aud].flat()[0] !== fhirBase) {
    return problem(res, 401, 'login', 'a valid access token is needed', { 'www-authenticate': value ? 'Bearer realm="fhir", error="invalid_token"' : 'Bearer realm="fhir"' });
  }
  const scopes = (token.scope ?? '').split(' ').map(parseScope).filter(Boolean);
  const patients = { patient: [contexts.get(token.grantId)?.compartment], user: userOf(token.accountId)?.patients ?? [] };
  return answerFhir(req, res, { base: fhirBase, path, query: url.searchParams, scopes, patients });
}

// -- HTTP -------------------------------------------------------------------------------------------------------------------------

async function route(req, res) {
  const url = new URL(req.url, base);
  if (url.pathname === '/fhir' || url.pathname.startsWith('/fhir/')) return fhir(req, res, url);
  if (url.pathname === '/style.json') return json(res, { color_background: '#fdfdf8', color_highlight: '#2f6b3c', dim_font_size: '16px', font_family_body: 'Georgia, serif' }, 200, { ...OPEN, 'cache-control': 'max-age=60' });
  if (url.pathname.startsWith('/interaction/')) return interaction(req, res);
  if (url.pathname === '/chart' || url.pathname.startsWith('/chart/')) return chart(req, res, url);
  if (url.pathname === '/auth') {
    // The library takes GET only, unless its cookies may travel across sites, and gives offline access only with the consent prompt.
    const asked = req.method === 'POST' ? await readForm(req) : url.searchParams;
    if (req.method === 'POST') return res.writeHead(303, { location: `/auth?${asked}`, 'cache-control': 'no-store' }).end();
    if (!asked.has('prompt')) req.url = `/auth?${url.search ? `${url.search.slice(1)}&` : ''}prompt=consent`;
  }
  return answer(req, res);
}

const PAGE = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'x-frame-options': 'DENY',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
};

const cookie = (req, name) => new RegExp(`(?:^|; )${name}=([^;]*)`).exec(req.headers.cookie ?? '')?.[1];
const html = (res, page, status = 200) => res.writeHead(status, PAGE).end(page);

function fail(res, error) {
  process.stderr.write(`${error.stack}\n`);
  const expired = error.name === 'SessionNotFound';
  if (!res.headersSent) html(res, errorPage({ error: expired ? 'session_not_found' : 'server_error' }), expired ? 400 : 500);
}

process.stdin.resume().on('end', () => process.exit(0));
process.stdout.write(`${JSON.stringify({ base_url: base, fhir_base_url: fhirBase })}\n`);
