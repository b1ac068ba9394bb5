"""The embedded EHR as Oracle Health: what an app and a person meet, over HTTP and with no code of the suite."""

import base64
import hashlib
import html
import json
import re
import secrets
import uuid
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urljoin, urlsplit

import httpx
import pytest

from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.server import serve
from smartlaunch.embedded_ehr.target_file import write_target
from smartlaunch.embedded_ehr.vendors import UnknownVendor, choose, names
from smartlaunch.embedded_ehr.vendors.granting import granted
from smartlaunch.target import load_target

VENDOR = choose("oracle-health")
AUTHORIZATION = "urn:cerner:error:authorization-server:"
RESOURCE = "urn:cerner:error:oauth2:resource-access:"


@dataclass
class Ehr:
    running: object
    browser: httpx.Client
    verifier: str = ""
    pages: list = field(default_factory=list)

    @property
    def base(self):
        return self.running.base_url

    @property
    def fhir(self):
        return self.running.fhir_base_url

    def url(self, name, **places):
        return self.base + VENDOR.path(name, **places)

    def request(self, app, **changes):
        self.verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")
        values = {
            "response_type": "code",
            "client_id": app.client_id,
            "redirect_uri": app.redirect_uri,
            "scope": app.asks,
            "state": "s-1",
            "aud": self.fhir,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        } | changes
        return {k: v for k, v in values.items() if v is not None}

    def authorize(self, app, *, persona="", **changes):
        """Send an authorization request and return the first answer."""
        address = self.url("authorize", persona=persona or app.type)
        return self.browser.get(address, params=self.request(app, **changes))

    def launch(self, app):
        """Open the launch link of an app and return what it is opened with."""
        links = f"{self.base}/console/patients/amelia-stone/apps/{app.app_id}"
        answer = self.browser.get(links)
        while answer.headers.get("location", "").startswith(("/", self.base)):
            answer = self.browser.get(urljoin(self.base, answer.headers["location"]))
        opened = answer.headers["location"]
        assert opened.startswith(app.launch_uri)
        return {k: v[0] for k, v in parse_qs(urlsplit(opened).query).items()}

    def sign_in(self, answer, username, **changes):
        """Go from the loading page through the sign-in, and return the answer after it."""
        self.pages.append(answer)
        properties = json.loads(html.unescape(re.search(r'data-page-properties="([^"]*)"', answer.text)[1]))
        answer = self.browser.get(urljoin(self.base, properties["sessionServiceUri"]))
        assert answer.status_code == 303
        form_page = self.browser.get(urljoin(self.base, answer.headers["location"]))
        self.pages.append(form_page)
        action = re.search(r'action="([^"]*)"', form_page.text)[1]
        password = self.running.sandbox.state.users[username].password
        given = {"username": username, "password": password, "login_username": username, "login_password": password} | changes
        fields = {
            name: given.get(name, value)
            for name, value in re.findall(r'<input[^>]* name="([^"]*)"[^>]*?(?:value="([^"]*)")?[^>]*>', form_page.text)
        }
        fields["to"] = html.unescape(re.search(r'name="to" value="([^"]*)"', form_page.text)[1])
        return self.browser.post(urljoin(self.base, action), data=fields | changes)

    def code(self, app, username="lena.hart", **changes):
        """Authorize to the end and return the parameters that the app gets."""
        answer = self.authorize(app, **changes)
        if answer.status_code == 200:
            answer = self.sign_in(answer, username)
        while answer.headers.get("location", "").startswith(self.base):
            page = self.browser.get(answer.headers["location"])
            self.pages.append(page)
            fields = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
            body = "&".join(f"{k}={html.unescape(v)}" for k, v in [*fields, ("decision", "allow")])
            answer = self.browser.post(
                answer.headers["location"], content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
            )
        return to_app(answer)

    def exchange(self, app, code, short=False, **changes):
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": app.redirect_uri,
            "client_id": app.client_id,
            "code_verifier": self.verifier,
        } | changes
        return self.browser.post(self.url("token_short" if short else "token"), data=form)

    def token(self, app, username="lena.hart", **changes):
        return self.exchange(app, self.code(app, username, **changes)["code"]).json()


@pytest.fixture
def ehr():
    with (
        serve(SandboxOptions(profile=VENDOR.profile, vendor=VENDOR)) as running,
        httpx.Client(timeout=5, follow_redirects=False) as browser,
    ):
        yield Ehr(running, browser)


def app_named(name):
    return next(one for one in VENDOR.apps if one.name == name)


def to_app(answer):
    assert answer.status_code == 302, answer.text
    return {k: v[0] for k, v in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def urn_in(error_uri):
    return unquote(urlsplit(error_uri).path.split("/")[2])


@pytest.mark.parametrize(
    ("changes", "urn"),
    [
        ({"client_id": "d2a94b6c-7f10-4f3e-8a85-61c0e97b3522"}, "oauth2:grant:unknown-client"),
        ({"client_id": "nobody"}, "oauth2:grant:unknown-client"),
        ({"redirect_uri": "https://vitals-board.app.example/callback/"}, "oauth2:grant:invalid-redirect-uri-trailing-slash"),
        ({"redirect_uri": "https://vitals-board.app.example/other"}, "oauth2:grant:invalid-redirect-uri"),
        ({"redirect_uri": "/callback"}, "oauth2:grant:redirect-uri-not-absolute"),
        ({"persona": "patient"}, "oauth2:grant:client-persona-mismatch"),
    ],
)
def test_request_that_cannot_be_trusted_ends_on_an_error_page(ehr, changes, urn):
    answer = ehr.authorize(app_named("vitals-board"), **changes)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{ehr.base}/errors/")
    assert urn_in(answer.headers["location"]) == AUTHORIZATION + urn
    about = parse_qs(urlsplit(answer.headers["location"]).query)
    assert set(about) == {"persona", "client", "tenant"}
    assert answer.headers["cerner-correlation-id"] in answer.headers["location"]
    page = ehr.browser.get(answer.headers["location"])
    assert "<title>Authorization Server</title>" in page.text
    assert f"Error Code:<br><code>{AUTHORIZATION}{urn}</code>" in page.text


def test_unknown_tenant_ends_on_an_error_page(ehr):
    address = ehr.url("authorize").replace(VENDOR.tenant, str(uuid.uuid4()))
    answer = ehr.browser.get(address, params=ehr.request(app_named("vitals-board")))
    assert urn_in(answer.headers["location"]) == AUTHORIZATION + "oauth2:grant:unknown-tenant"


@pytest.mark.parametrize(
    ("changes", "error", "urn"),
    [
        ({}, "invalid_request", "smart-v1:grant:launch:code-required"),
        ({"launch": ""}, "invalid_request", "smart-v1:grant:launch:code-required"),
        ({"scope": "launch/patient openid"}, "invalid_request", "smart-v1:grant:launch:code-required"),
        ({"launch": str(uuid.UUID(int=7))}, "invalid_request", "smart-v1:grant:launch:invalid-launch-code"),
        ({"aud": None}, "invalid_request", "smart-v1:grant:launch:audience-required"),
        ({"aud": "https://elsewhere.example/r4"}, "invalid_request", "smart-v1:grant:launch:unknown-resource-server"),
        ({"response_type": "token"}, "unsupported_response_type", "oauth2:grant:unsupported-response-type"),
        ({"scope": "patient/*.read"}, "access_denied", "oauth2:grant:denied-by-server"),
        ({"scope": None}, "access_denied", "oauth2:grant:denied-by-server"),
    ],
)
def test_refusal_that_the_app_hears_of_has_its_reason_in_error_uri_alone(ehr, changes, error, urn):
    app = app_named("bleeding-risk")
    answer = ehr.authorize(app, **changes)
    assert answer.headers["location"].startswith(app.redirect_uri)
    said = to_app(answer)
    assert set(said) == {"error", "error_uri", "state"}
    assert (said["error"], said["state"]) == (error, "s-1")
    assert urn_in(said["error_uri"]) == AUTHORIZATION + urn
    assert urlsplit(said["error_uri"]).path.endswith(f"/instances/{answer.headers['cerner-correlation-id']}")
    assert parse_qs(urlsplit(said["error_uri"]).query) == {"persona": ["provider"], "client": [app.client_id], "tenant": [VENDOR.tenant]}
    assert "%253A" in answer.headers["location"]


@pytest.mark.parametrize(
    ("name", "asked", "kept"),
    [
        ("vitals-board", "launch openid fhirUser patient/*.read", "fhirUser launch openid"),
        ("vitals-board", "patient/Patient.read patient/Observation.read", "patient/Observation.read patient/Patient.read"),
        ("vitals-board", "patient/Patient.rs patient/Patient.read", "patient/Patient.read"),
        ("growth-curves", "openid patient/Patient.read patient/Observation.read", "openid"),
        ("growth-curves", "patient/Patient.rs patient/Patient.r patient/Patient.*", "patient/Patient.r patient/Patient.rs"),
        ("growth-curves", "patient/*.rs user/Patient.rs system/Patient.rs", ""),
        ("growth-curves", "patient/Condition.rs patient/Patient.cruds patient/Patient.u", ""),
        ("growth-curves", "openid offline_access online_access launch/patient launch/encounter nonsense", "online_access openid"),
        ("my-results", "openid offline_access online_access launch/patient", "launch/patient offline_access openid"),
        ("old-worklist", "user/Observation.write user/Patient.write user/Observation.read", "user/Observation.read user/Observation.write"),
        ("night-feed", "system/Patient.rs system/Patient.read openid patient/Patient.rs", "system/Patient.rs"),
    ],
)
def test_scopes_that_cannot_be_granted_are_left_out(name, asked, kept):
    assert " ".join(granted(VENDOR, app_named(name), asked.split())) == kept


def test_first_ticket_launch_succeeds_and_the_read_is_refused(ehr):
    app = app_named("vitals-board")
    opened = ehr.launch(app)
    assert opened["iss"] == ehr.fhir
    assert str(uuid.UUID(opened["launch"])) == opened["launch"]
    answer = ehr.exchange(app, ehr.code(app, launch=opened["launch"])["code"])
    body = answer.json()
    assert body["scope"] == "fhirUser launch openid"
    assert (body["patient"], body["encounter"], body["expires_in"], body["token_type"]) == (
        "amelia-stone",
        "amelia-stone-admission",
        570,
        "Bearer",
    )
    assert (body["tenant"], body["username"], body["user"]) == (VENDOR.tenant, "lena.hart", "dr-lena-hart")
    assert "fhirContext" not in body
    assert "refresh_token" not in body
    assert {"cerner-correlation-id", "expect-ct", "pragma"} <= set(answer.headers)
    assert answer.headers["access-control-allow-origin"] == "*"
    read = ehr.browser.get(f"{ehr.fhir}/Patient/amelia-stone", headers={"Authorization": f"Bearer {body['access_token']}"})
    assert read.status_code == 403
    assert read.json() == {
        "code": 403,
        "message": f'code="{RESOURCE}insufficient-scopes", error="insufficient_scope", subcode="no_scope_for_resource_path"',
    }
    assert read.headers["opc-request-id"].split("/")[1] == read.headers["x-request-id"][1:33]
    assert "www-authenticate" not in read.headers


def test_first_ticket_after_the_fix(ehr):
    app = app_named("vitals-board")
    body = ehr.token(app, launch=ehr.launch(app)["launch"], scope="launch openid patient/Patient.read")
    read = ehr.browser.get(f"{ehr.fhir}/Patient/amelia-stone", headers={"Authorization": f"Bearer {body['access_token']}"})
    assert (read.status_code, read.json()["id"]) == (200, "amelia-stone")
    assert read.headers["server"] == "Oracle API Gateway"
    other = ehr.browser.get(f"{ehr.fhir}/Patient/bruno-castellano", headers={"Authorization": f"Bearer {body['access_token']}"})
    assert other.status_code == 403


def test_launch_value_counts_once(ehr):
    app = app_named("vitals-board")
    launch = ehr.launch(app)["launch"]
    ehr.token(app, launch=launch)
    assert urn_in(to_app(ehr.authorize(app, launch=launch))["error_uri"]) == AUTHORIZATION + "smart-v1:grant:launch:invalid-launch-code"


def test_launch_of_another_person_is_a_mismatched_identity(ehr):
    app = app_named("vitals-board")
    answer = ehr.sign_in(ehr.authorize(app, launch=ehr.launch(app)["launch"]), "omar.nasser")
    assert urn_in(to_app(answer)["error_uri"]) == AUTHORIZATION + "smart-v1:grant:launch:mismatched-identity"


def test_cancelled_sign_in_and_wrong_password(ehr):
    app = app_named("population-list")
    again = ehr.sign_in(ehr.authorize(app), "lena.hart", password="wrong", action="login")
    assert again.status_code == 200
    assert 'role="alert"' in again.text
    cancelled = ehr.sign_in(ehr.authorize(app), "lena.hart", action="cancel")
    assert urn_in(to_app(cancelled)["error_uri"]) == AUTHORIZATION + "grant:session-service:authentication:cancelled"


def test_provider_meets_the_known_pages_and_no_consent(ehr):
    body = ehr.token(app_named("population-list"))
    loading, form = ehr.pages
    assert "<title>Loading...</title>" in loading.text
    assert 'data-page-id="IdentityProviderRedirectPage"' in loading.text
    assert 'value="C1941"' in form.text
    assert ">Log In</button>" in form.text
    assert body["scope"] == "fhirUser online_access openid user/Observation.rs user/Patient.rs"
    assert "patient" not in body
    assert body["active_ttl"] > 0


def test_patient_meets_the_known_pages(ehr):
    app = app_named("my-results")
    patient_base = ehr.url("fhir", host="fhir-myrecord")
    document = ehr.browser.get(f"{patient_base}/.well-known/smart-configuration").json()
    assert document["authorization_endpoint"] == ehr.url("authorize", persona="patient")
    body = ehr.token(app, "amelia.stone", aud=patient_base)
    _, form, consent = ehr.pages
    assert "<title>Cerner Health - Sign In</title>" in form.text
    for mark in ('id="id_login_username" name="login_username"', 'id="id_login_password" name="login_password"', 'id="signin"'):
        assert mark in form.text
    assert "<title>Authorization Needed</title>" in consent.text
    assert 'label class="inline" for="amelia-stone"' in consent.text
    assert 'id="allowButton"' in consent.text
    assert body["scope"] == "fhirUser launch/patient offline_access openid patient/Observation.rs patient/Patient.rs"
    found = ehr.browser.get(f"{patient_base}/Observation?patient=amelia-stone", headers={"Authorization": f"Bearer {body['access_token']}"})
    assert found.json()["link"][0]["url"].startswith(patient_base)


def test_refresh_brings_no_new_refresh_token(ehr):
    app = app_named("my-results")
    first = ehr.token(app, "amelia.stone")
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], "client_id": app.client_id}
    for _ in range(2):
        answer = ehr.browser.post(ehr.url("token"), data=form).json()
        assert set(answer) == {"access_token", "token_type", "expires_in", "scope"}
        assert answer["expires_in"] == 570
    form["refresh_token"] = "made-up"
    refused = ehr.browser.post(ehr.url("token"), data=form).json()
    assert urn_in(refused["error_uri"]) == AUTHORIZATION + "oauth2:token:refresh-token:token-invalid"


@pytest.mark.parametrize(
    ("form", "headers", "status", "error", "urn"),
    [
        (
            {"grant_type": "authorization_code", "code": "x", "client_id": "vitals"},
            {},
            400,
            "invalid_grant",
            "oauth2:token:code-invalid-or-expired",
        ),
        ({"grant_type": "password", "client_id": "vitals"}, {}, 400, "unsupported_grant_type", "oauth2:token:unsupported-grant-type"),
        (
            {"grant_type": "client_credentials", "scope": "system/Patient.rs"},
            {"Authorization": "Bearer e30.e30.e30"},
            401,
            "invalid_client",
            "oauth2:token:invalid-authorization-header",
        ),
        (
            {"grant_type": "client_credentials", "scope": "system/Patient.rs"},
            {"Authorization": "Basic eDp5"},
            401,
            "invalid_client",
            "oauth2:token:invalid-client-credentials",
        ),
        (
            {"grant_type": "client_credentials", "scope": "system/Patient.read"},
            {"Authorization": "night-feed"},
            400,
            "invalid_scope",
            "oauth2:token:empty-scopes",
        ),
        (
            {"grant_type": "client_credentials", "scope": "system/*.rs"},
            {"Authorization": "night-feed"},
            400,
            "invalid_scope",
            "oauth2:token:empty-scopes",
        ),
    ],
)
def test_token_refusal_has_a_code_and_an_error_uri(ehr, form, headers, status, error, urn):
    feed = app_named("night-feed")
    if headers.get("Authorization") == "night-feed":
        secret = ehr.running.sandbox.state.clients[feed.client_id].secret
        headers = {"Authorization": "Basic " + base64.b64encode(f"{feed.client_id}:{secret}".encode()).decode()}
    form = {k: app_named("vitals-board").client_id if v == "vitals" else v for k, v in form.items()}
    answer = ehr.browser.post(ehr.url("token"), data=form, headers=headers)
    body = answer.json()
    assert set(body) == {"error", "error_uri"}
    assert (answer.status_code, body["error"]) == (status, error)
    assert urn_in(body["error_uri"]) == AUTHORIZATION + urn
    about = parse_qs(urlsplit(body["error_uri"]).query)
    assert "persona" not in about
    assert (about["client"] == ["unknown"]) == (error == "invalid_client")
    assert answer.headers["cerner-correlation-id"] in body["error_uri"]


def test_system_app_gets_its_registered_scopes(ehr):
    feed = app_named("night-feed")
    secret = ehr.running.sandbox.state.clients[feed.client_id].secret
    answer = ehr.browser.post(
        ehr.url("token_short"),
        data={"grant_type": "client_credentials", "scope": "system/Patient.rs system/Condition.rs"},
        auth=(feed.client_id, secret),
    )
    assert (answer.json()["scope"], answer.json()["expires_in"]) == ("system/Patient.rs", 570)


def test_wrong_tenant_at_the_token_endpoint(ehr):
    app = app_named("vitals-board")
    answer = ehr.browser.post(
        ehr.url("token").replace(VENDOR.tenant, VENDOR.tenant + "0"),
        data={"grant_type": "authorization_code", "code": "x", "client_id": app.client_id},
    )
    assert urn_in(answer.json()["error_uri"]) == AUTHORIZATION + "oauth2:token:invalid-tenant"


def test_patient_scope_without_a_patient_is_refused_at_the_token_endpoint(ehr):
    app = app_named("growth-curves")
    code = ehr.code(app, scope="openid patient/Patient.rs")["code"]
    assert urn_in(ehr.exchange(app, code).json()["error_uri"]) == AUTHORIZATION + "oauth2:token:patient-scope-requires-one-patient-id"


def test_redirect_uri_left_out_twice_is_the_registered_one(ehr):
    app = app_named("population-list")
    answer = ehr.code(app, redirect_uri=None)
    form = {"grant_type": "authorization_code", "code": answer["code"], "client_id": app.client_id, "code_verifier": ehr.verifier}
    assert ehr.browser.post(ehr.url("token"), data=form).json()["expires_in"] == 570


@pytest.mark.parametrize(
    ("headers", "tail"), [({}, "token-required"), ({"Authorization": "Bearer made-up"}, "signature-verification-failed")]
)
def test_fhir_request_without_a_good_token(ehr, headers, tail):
    answer = ehr.browser.get(f"{ehr.fhir}/Patient/amelia-stone", headers=headers)
    assert (answer.status_code, answer.json()["message"]) == (401, f'code="{RESOURCE}{tail}"')
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_expired_token_is_named(ehr):
    token = ehr.token(app_named("population-list"))["access_token"]
    ehr.running.sandbox.state.access_tokens[token].expires_at = 0
    answer = ehr.browser.get(f"{ehr.fhir}/Patient?_id=amelia-stone", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["message"] == f'code="{RESOURCE}expired"'


def test_unknown_tenant_or_host_at_the_fhir_server(ehr):
    for address in (ehr.fhir.replace(VENDOR.tenant, str(uuid.uuid4())), ehr.fhir.replace("fhir-ehr-code", "fhir-open")):
        answer = ehr.browser.get(f"{address}/Patient/1")
        assert (answer.status_code, answer.text) == (403, "Tenant not valid or accessible")


def test_discovery_is_the_vendors(ehr):
    document = ehr.browser.get(f"{ehr.fhir}/.well-known/smart-configuration").json()
    assert "refresh_token" not in document["grant_types_supported"]
    assert "/hosts/fhir-ehr-code/" in document["token_endpoint"]
    assert "/personas/provider/" in document["authorization_endpoint"]
    assert "launch/patient" not in document["scopes_supported"]
    assert not [one for one in document["scopes_supported"] if "*" in one]
    token = ehr.token(app_named("population-list"))
    claims = json.loads(base64.urlsafe_b64decode(token["id_token"].split(".")[1] + "=="))
    assert claims["iss"] == f"{document['issuer']}/oidc/idsps/{VENDOR.tenant}/"
    openid = ehr.browser.get(f"{claims['iss']}.well-known/openid-configuration").json()
    assert openid["issuer"] == claims["iss"]
    assert ehr.browser.get(openid["jwks_uri"]).json()["keys"]
    assert claims["fhirUser"].startswith(ehr.fhir)


def test_other_endpoints_are_there(ehr):
    token = ehr.token(app_named("population-list"))
    assert ehr.browser.get(ehr.url("style")).json()["color_background"]
    assert ehr.browser.options(ehr.url("token")).status_code == 200
    assert ehr.browser.get(ehr.url("manage")).status_code == 200
    assert ehr.browser.get(ehr.base + "/").status_code == 200
    form = {"token": token["access_token"], "client_id": app_named("population-list").client_id}
    assert ehr.browser.post(ehr.url("revoke"), data=form).status_code == 200
    read = ehr.browser.get(f"{ehr.fhir}/Patient?_id=amelia-stone", headers={"Authorization": f"Bearer {token['access_token']}"})
    assert read.status_code == 401


def test_target_file_tells_before_and_after_the_fix(tmp_path):
    asked = {}
    for name in names():
        vendor = choose(name)
        with serve(SandboxOptions(profile=vendor.profile, vendor=vendor)) as running:
            target = load_target(write_target(tmp_path / f"{name.replace(':', '-')}.toml", running))
        assert target.vendor == "oracle-health"
        asked[name] = target.clients
    before, after = asked["oracle-health"], asked["oracle-health:fixed"]
    assert "patient/*.read" in before["vitals-board"].scopes
    assert not [one for one in after["vitals-board"].scopes if "*" in one]
    assert not before["bleeding-risk"].launch_uri
    assert after["bleeding-risk"].launch_uri
    assert {name: one.client_id for name, one in before.items()} == {name: one.client_id for name, one in after.items()}
    assert {name: one.registered for name, one in before.items()} == {name: one.registered for name, one in after.items()}
    assert before["vitals-board"].app_id
    assert before["vitals-board"].app_id != before["vitals-board"].client_id


def test_unknown_vendor_is_named():
    with pytest.raises(UnknownVendor, match="oracle-health"):
        choose("oracle")
    with pytest.raises(UnknownVendor, match="oracle-health:fixed"):
        choose("oracle-health:boxes")
