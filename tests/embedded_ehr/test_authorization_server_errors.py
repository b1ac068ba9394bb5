"""Each refusal of the authorization server, in its form."""

from __future__ import annotations

import base64
import http.server
import json
import threading
import time
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

APP = "confidential-asymmetric-primary"
BASIC = "confidential-symmetric-primary"


def b64(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def backend(ehr: Any, value: str, app: str = "backend-primary", /, **form: Any) -> Any:
    fields = {
        "grant_type": "client_credentials",
        "scope": "system/Patient.rs",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": value,
    } | form
    return ehr.token(app, **fields)


def refused(response: Any, error: str, status: int = 400) -> None:
    assert (response.status_code, response.json()["error"]) == (status, error), response.text
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"] == "application/json"


# -- authorization ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "nobody"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": "https://evil.example/redirect"},
        {"redirect_uri": "https://public-primary.app.example/redirect/"},
        {"redirect_uri": "https://public-primary.app.example/redirect?x=1"},
        {"redirect_uri": "https://public-primary.app.example/Redirect"},
        {"redirect_uri": "https://public-primary.app.example:444/redirect"},
        {"redirect_uri": "http://public-primary.app.example/redirect"},
        {"redirect_uri": "https://public-second.app.example/redirect"},
        {"redirect_uri": "https://public-primary.app.example/x/../redirect"},
        {"redirect_uri": "https://a@public-primary.app.example/redirect"},
        {"redirect_uri": "http://127.0.0.1:49718/redirect"},
    ],
)
def test_nothing_is_sent_to_a_place_that_is_not_trusted(ehr: Any, changes: dict[str, Any]) -> None:
    values = {k: v for k, v in (ehr.request() | changes).items() if v is not None}
    assert ehr.ask(values)["page"] == "400"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": 'openid "x"'}, "invalid_scope"),
        ({"scope": "nonsense"}, "invalid_scope"),
        ({"aud": None}, "invalid_request"),
        ({"aud": "https://other.example/fhir"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": "launch patient/Patient.r"}, "invalid_request"),
        ({"scope": "launch patient/Patient.r", "launch": "forged"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"request": "e30"}, "request_not_supported"),
        ({"response_mode": "fragment"}, "invalid_request"),
    ],
)
def test_other_errors_are_sent_to_the_app_with_its_state(ehr: Any, changes: dict[str, Any], error: str) -> None:
    answer = ehr.authorize(**changes)
    assert answer["error"] == error
    assert answer["state"] == "s+1/2 3&=%é"
    assert answer["iss"] == ehr.state.issuer
    assert "code" not in answer


def test_aud_with_a_trailing_slash_is_the_same_server(ehr: Any) -> None:
    assert "code" in ehr.authorize(aud=ehr.fhir + "/")


def test_repeated_parameters_are_refused(ehr: Any) -> None:
    pairs = [*ehr.request().items()]
    assert ehr.ask([*pairs, ("scope", "openid")])["error"] == "invalid_request"
    assert ehr.ask([*pairs, ("redirect_uri", "https://evil.example/")])["page"] == "400"


def test_denial_reaches_the_app(ehr: Any) -> None:
    ehr.decision = "deny"
    assert ehr.authorize()["error"] == "access_denied"


def test_launch_of_another_app_or_person_is_refused(ehr: Any) -> None:
    scope = "launch patient/Patient.r"
    foreign = ehr.state.create_launch("public-second", "lena.hart", "amelia-stone")
    assert ehr.authorize(scope=scope, launch=foreign)["error"] == "invalid_request"
    other = ehr.state.create_launch("public-primary", "omar.nasser", "amelia-stone")
    assert ehr.authorize(scope=scope, launch=other)["error"] == "access_denied"


def test_expired_launch_is_refused(ehr: Any) -> None:
    value = ehr.state.create_launch("public-primary", "lena.hart", "amelia-stone")
    ehr.state.launches[value].expires_at -= 1000
    assert ehr.authorize(scope="launch patient/Patient.r", launch=value)["error"] == "invalid_request"


def test_person_without_patients_cannot_choose_one(ehr: Any) -> None:
    ehr.username = "grace.lindqvist"
    assert ehr.authorize()["error"] == "access_denied"


def test_patient_of_another_list_cannot_be_chosen(ehr: Any) -> None:
    ehr.username, ehr.patient = "omar.nasser", "chidi-okafor"
    with pytest.raises(AssertionError, match="do not end"):
        ehr.authorize()


def test_wrong_password_shows_the_form_again(ehr: Any) -> None:
    page = ehr.browser.get(ehr.base + "/oauth/authorize", params=ehr.request(), follow_redirects=True)
    transaction = page.url.params["transaction"]
    form = {"transaction": transaction, "username": "lena.hart", "password": "wrong"}
    again = ehr.browser.post(ehr.base + "/oauth/login", data=form)
    assert "not right" in again.text
    assert "set-cookie" not in again.headers


def test_pages_of_a_transaction_need_its_own_browser(ehr: Any) -> None:
    page = ehr.browser.get(ehr.base + "/oauth/authorize", params=ehr.request(), follow_redirects=True)
    transaction = page.url.params["transaction"]
    form = {"transaction": transaction, "username": "lena.hart", "password": ehr.state.users["lena.hart"].password}
    ehr.browser.post(ehr.base + "/oauth/login", data=form)
    stranger = ehr.back_end.post(ehr.base + "/oauth/consent", data={"transaction": transaction, "decision": "allow"})
    assert stranger.status_code == 400


# -- codes and PKCE -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": ""}, "invalid_request"),
        ({"code_verifier": "w" * 64}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"redirect_uri": "org.example.app:/callback"}, "invalid_grant"),
        ({"code": "junk"}, "invalid_grant"),
        ({"code": None}, "invalid_request"),
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unauthorized_client"),
    ],
)
def test_exchange_is_refused(ehr: Any, changes: dict[str, Any], error: str) -> None:
    code = ehr.authorize()["code"]
    refused(ehr.exchange(code, **changes), error)


def test_challenge_is_no_verifier(ehr: Any) -> None:
    values = ehr.request()
    code = ehr.ask(values)["code"]
    refused(ehr.exchange(code, code_verifier=values["code_challenge"]), "invalid_grant")


@pytest.mark.parametrize("verifier", ["a" * 43, "Az09-._~" * 16])
def test_shortest_and_longest_verifier_work(ehr: Any, verifier: str) -> None:
    import hashlib

    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    code = ehr.authorize(code_challenge=challenge)["code"]
    assert ehr.exchange(code, code_verifier=verifier).status_code == 200


def test_replayed_code_ends_the_tokens_it_brought(ehr: Any) -> None:
    code = ehr.authorize()["code"]
    body = ehr.exchange(code).json()
    refused(ehr.exchange(code), "invalid_grant")
    assert ehr.read("Patient/amelia-stone", body["access_token"]).status_code == 401
    refused(ehr.token(grant_type="refresh_token", refresh_token=body["refresh_token"]), "invalid_grant")


def test_code_belongs_to_its_client(ehr: Any) -> None:
    code = ehr.authorize()["code"]
    refused(ehr.exchange(code, "public-second"), "invalid_grant")


# -- client authentication ----------------------------------------------------------------------------------------------


def test_wrong_secret_in_the_header_is_challenged(ehr: Any) -> None:
    code = ehr.authorize(BASIC)["code"]
    answer = ehr.exchange(code, BASIC, auth=(BASIC, "wrong"))
    refused(answer, "invalid_client", 401)
    assert answer.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    "form",
    [
        {"client_id": BASIC},
        {"client_id": BASIC, "client_secret": "wrong"},
        {"client_id": BASIC, "client_secret": ""},
        {"client_id": "nobody", "client_secret": "x"},
        {"client_id": "public-primary", "client_secret": "x"},
        {"client_id": APP},
    ],
)
def test_client_that_does_not_prove_itself_is_refused(ehr: Any, form: dict[str, str]) -> None:
    refused(ehr.token("public-primary", grant_type="authorization_code", code="x", **form), "invalid_client")


def test_two_ways_of_authentication_are_refused(ehr: Any) -> None:
    secret = ehr.client(BASIC).secret
    form = {"grant_type": "authorization_code", "code": "x", "client_id": BASIC, "client_secret": secret}
    refused(ehr.token(BASIC, auth=(BASIC, secret), **form), "invalid_request")


def test_secret_of_another_client_is_refused(ehr: Any) -> None:
    answer = ehr.token(BASIC, auth=(BASIC, ehr.client("confidential-symmetric-narrow").secret), grant_type="authorization_code", code="x")
    refused(answer, "invalid_client", 401)


@pytest.mark.parametrize(
    ("case", "changes"),
    [
        ("right", {}),
        ("right RS384", {"alg": "RS384"}),
        ("no kid", {"kid": None}),
        ("unknown kid", {"kid": "other"}),
        ("foreign jku", {"header": {"jku": "http://127.0.0.1:9/jwks.json"}}),
        ("other iss", {"iss": "backend-second"}),
        ("no iss", {"iss": None}),
        ("no sub", {"sub": None}),
        ("other sub", {"sub": "backend-second"}),
        ("no aud", {"aud": None}),
        ("other aud", {"aud": "https://other.example/token"}),
        ("no exp", {"exp": None}),
        ("past exp", {"exp": int(time.time()) - 600}),
        ("far exp", {"exp": int(time.time()) + 3600}),
        ("nbf ahead", {"nbf": int(time.time()) + 3600}),
        ("no jti", {"jti": None}),
        ("other algorithm", {"alg": "RS256"}),
    ],
)
def test_assertions_are_judged(ehr: Any, case: str, changes: dict[str, Any]) -> None:
    answer = backend(ehr, ehr.assertion("backend-primary", **changes))
    if case.startswith("right"):
        assert answer.status_code == 200, answer.text
    else:
        refused(answer, "invalid_client")


def test_assertion_signed_by_another_or_by_nobody_is_refused(ehr: Any) -> None:
    other = ehr.client("backend-second").private_jwks["keys"][0]
    own = next(key for key in ehr.client("backend-primary").private_jwks["keys"] if key["kty"] == "EC")
    refused(backend(ehr, ehr.assertion("backend-primary", key=other, kid=own["kid"])), "invalid_client")
    good = ehr.assertion("backend-primary")
    head, payload, signature = good.split(".")
    refused(backend(ehr, f"{head}.{payload}.{signature[::-1]}"), "invalid_client")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    refused(backend(ehr, f"{b64({'alg': 'none', 'typ': 'JWT'})}.{payload}."), "invalid_client")
    shared = OctKey.import_key(json.dumps(own))
    refused(backend(ehr, jwt.encode({"alg": "HS256", "kid": own["kid"]}, claims, shared, algorithms=["HS256"])), "invalid_client")
    refused(backend(ehr, "not a jwt"), "invalid_client")
    refused(backend(ehr, good, client_assertion_type="urn:example:other"), "invalid_client")
    refused(backend(ehr, good, client_id="backend-second"), "invalid_client")
    assert backend(ehr, good).status_code == 200


def test_assertion_serves_once(ehr: Any) -> None:
    value = ehr.assertion("backend-primary")
    assert backend(ehr, value).status_code == 200
    refused(backend(ehr, value), "invalid_client")


@pytest.mark.parametrize(
    ("scope", "error"), [(None, "invalid_scope"), ("system/Procedure.r", "invalid_scope"), ("patient/*.rs", "invalid_scope")]
)
def test_backend_service_stays_within_its_preauthorization(ehr: Any, scope: Any, error: str) -> None:
    refused(backend(ehr, ehr.assertion("backend-primary"), scope=scope), error)


@pytest.fixture
def key_host() -> Iterator[Any]:
    """A developer's web server with a JWK Set whose content and cache header the test sets."""

    class Host(http.server.BaseHTTPRequestHandler):
        asked = 0
        keys: ClassVar[list[Any]] = []
        cache = "max-age=60"

        def do_GET(self) -> None:
            type(self).asked += 1
            body = json.dumps({"keys": self.keys}).encode()
            self.send_response(200)
            self.send_header("Cache-Control", self.cache)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Host)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield Host, f"http://127.0.0.1:{server.server_port}/jwks.json"
    server.shutdown()
    server.server_close()
    thread.join(2)


@pytest.mark.parametrize(("cache", "asked"), [("max-age=60", 1), ("no-store", 2)])
def test_keys_are_fetched_and_kept_as_their_host_says(start_ehr: Any, key_host: Any, cache: str, asked: int) -> None:
    host, place = key_host
    ehr = start_ehr(client_jwks_uri=place)
    client_id = "confidential-asymmetric-second"
    host.keys = [{k: v for k, v in key.items() if k != "d"} for key in ehr.client(client_id).private_jwks["keys"]]
    host.cache, host.asked = cache, 0
    for header in ({}, {"jku": place}):
        code = ehr.authorize(client_id)["code"]
        form = {
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": ehr.assertion(client_id, header=header),
        }
        assert ehr.exchange(code, client_id, **form).status_code == 200
    assert host.asked == asked


# -- the endpoint -------------------------------------------------------------------------------------------------------


def test_token_endpoint_takes_forms_by_post_only(ehr: Any) -> None:
    url = ehr.base + "/oauth/token"
    refused(ehr.back_end.get(url), "invalid_request", 405)
    refused(ehr.back_end.post(url, json={"grant_type": "authorization_code"}), "invalid_request")
    refused(ehr.back_end.post(url + "?grant_type=authorization_code&code=x&client_id=public-primary"), "invalid_request")
    twice = b"grant_type=authorization_code&code=a&code=b&client_id=public-primary"
    refused(ehr.back_end.post(url, content=twice, headers={"content-type": "application/x-www-form-urlencoded"}), "invalid_request")
    raw = b"grant_type=\xff\xfe"
    refused(ehr.back_end.post(url, content=raw, headers={"content-type": "application/x-www-form-urlencoded"}), "invalid_request")


def test_refresh_can_narrow_and_never_widen(ehr: Any) -> None:
    body = ehr.grant(BASIC)
    ask = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
    fewer = ehr.token(BASIC, **ask, scope="patient/Patient.r").json()
    assert fewer["scope"] == "patient/Patient.r"
    assert ehr.read("Observation?patient=amelia-stone", fewer["access_token"]).status_code == 403
    refused(ehr.token(BASIC, **ask, scope="patient/*.cruds"), "invalid_scope")
    assert ehr.token(BASIC, **ask).json()["scope"] == body["scope"]
    refused(ehr.token("confidential-symmetric-second", **ask), "invalid_grant")
    refused(ehr.token("public-primary", client_id=BASIC, **ask), "invalid_client")


# -- introspection and revocation ---------------------------------------------------------------------------------------


def introspect(ehr: Any, token: str, **request: Any) -> Any:
    if not request:
        request = {"auth": ("resource-server-primary", ehr.client("resource-server-primary").secret)}
    return ehr.back_end.post(ehr.base + "/oauth/introspect", data={"token": token}, **request)


def test_introspection_tells_what_the_token_response_told(ehr: Any) -> None:
    body = ehr.grant()
    found = introspect(ehr, body["access_token"]).json()
    assert found["active"] is True
    assert found["scope"] == body["scope"]
    assert found["client_id"] == "public-primary"
    assert found["patient"] == body["patient"]
    assert abs(found["exp"] - time.time() - body["expires_in"]) < 5
    claims = json.loads(base64.urlsafe_b64decode(body["id_token"].split(".")[1] + "=="))
    assert {name: found[name] for name in ("iss", "sub", "fhirUser")} == {name: claims[name] for name in ("iss", "sub", "fhirUser")}
    assert not [name for name in found if name.startswith("_")]


def test_introspection_is_for_those_who_may(ehr: Any) -> None:
    body = ehr.grant()
    token = body["access_token"]
    assert introspect(ehr, "junk").json() == {"active": False}
    assert introspect(ehr, token, headers={"Authorization": f"Bearer {token}"}).json()["active"] is True
    assert introspect(ehr, token, headers={"Authorization": "Bearer junk"}).status_code == 401
    assert introspect(ehr, token, headers={"X": "y"}).status_code == 401
    assert introspect(ehr, token, auth=("resource-server-primary", "wrong")).status_code == 401
    assert introspect(ehr, token, auth=(BASIC, ehr.client(BASIC).secret)).json() == {"active": False}


def test_revocation_ends_what_it_names(ehr: Any) -> None:
    body = ehr.grant(BASIC)
    mine = (BASIC, ehr.client(BASIC).secret)
    revoke = ehr.base + "/oauth/revoke"
    theirs = ehr.back_end.post(revoke, data={"token": body["access_token"], "client_id": "public-primary"})
    assert theirs.status_code == 400
    assert introspect(ehr, body["access_token"]).json()["active"] is True
    assert ehr.back_end.post(revoke, data={"token": "unknown"}, auth=mine).status_code == 200
    assert ehr.back_end.post(revoke, data={"token": body["access_token"]}).status_code == 400
    assert ehr.back_end.post(revoke, data={"token": body["refresh_token"]}, auth=mine).status_code == 200
    assert introspect(ehr, body["access_token"]).json() == {"active": False}
    refused(ehr.token(BASIC, grant_type="refresh_token", refresh_token=body["refresh_token"]), "invalid_grant")


# -- cross-origin calls -------------------------------------------------------------------------------------------------


def test_origins_get_what_they_may(ehr: Any) -> None:
    mine, foreign = "https://public-primary.app.example", "https://evil.example"
    http_client = ehr.back_end
    found = http_client.get(ehr.fhir + "/.well-known/smart-configuration", headers={"Origin": foreign})
    assert found.headers["access-control-allow-origin"] == "*"
    assert http_client.get(ehr.fhir + "/metadata", headers={"Origin": foreign}).headers["access-control-allow-origin"] == "*"
    for path in ("/oauth/token", "/fhir/Patient"):
        asking = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
        preflight = http_client.options(ehr.base + path, headers={"Origin": mine} | asking)
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == mine
        assert "Authorization" in preflight.headers["access-control-allow-headers"]
        assert "access-control-allow-origin" not in http_client.options(ehr.base + path, headers={"Origin": foreign} | asking).headers
        real = http_client.post(ehr.base + path, headers={"Origin": mine})
        assert real.headers["access-control-allow-origin"] == mine
        assert "Origin" in real.headers["vary"]
        assert "access-control-allow-origin" not in http_client.post(ehr.base + path, headers={"Origin": foreign}).headers
