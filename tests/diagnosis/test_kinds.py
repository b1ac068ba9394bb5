"""Each kind of input by itself: what is taken from it, what the answer says was read and left, and that no secret comes back."""

import base64
import json

import pytest

from smartlaunch.diagnosis import load
from smartlaunch.diagnosis.inputs.reader import load_together
from smartlaunch.diagnosis.text import render
from smartlaunch.errors import LookupFailed

AUTHORIZE = (
    "https://auth.example.org/authorize?response_type=code&client_id=abc&redirect_uri=https%3A%2F%2Fapp.example.org%2Fcb"
    "&scope=launch+openid&state=0123456789abcdef0123456789abcdef&aud=https%3A%2F%2Fehr.example.org%2Ffhir"
)
ERROR = '{"error": "invalid_client", "error_description": "Invalid client credentials"}'


def _jwt(header, claims):
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims)]
    return ".".join([*parts, "c2lnbmF0dXJlLW9mLXRoZS10b2tlbi0xMjM0NQ"])


def _material(text):
    return load(text).found[0]


@pytest.mark.parametrize(
    "text",
    [
        AUTHORIZE.replace("&", "\n&"),
        AUTHORIZE.replace("&", " &"),
        f"<{AUTHORIZE}>",
        f'"{AUTHORIZE}"',
        f"`{AUTHORIZE}`",
        AUTHORIZE[:60] + "\n   " + AUTHORIZE[60:],
        AUTHORIZE.replace("&", "&amp;"),
        AUTHORIZE.replace("launch+openid", "launch openid"),
        "> " + AUTHORIZE.replace("&", "\n> &"),
        f"The request is {AUTHORIZE.replace('launch+openid', 'launch openid')} and nothing follows.",
    ],
)
def test_address_in_every_dress(text):
    m = _material(text)
    assert m.client_id == "abc"
    assert m.redirect_sent == "https://app.example.org/cb"
    assert m.requested is not None
    assert m.requested.items == ("launch", "openid")
    assert m.aud == "https://ehr.example.org/fhir"


def test_two_addresses_on_two_lines_stay_two():
    loaded = load(f"https://app.example.org/launch?iss=https%3A%2F%2Fehr.example.org%2Ffhir&launch=abc123\n{AUTHORIZE}&launch=other456")
    assert loaded.read[:2] == ["a launch of the app at app.example.org", "an authorization request at auth.example.org"]
    assert loaded.found[0].facts["aud_equals_base"] is True


@pytest.mark.parametrize(
    ("claims", "kind"),
    [
        ({"iss": "c", "sub": "c", "aud": "https://auth.example.org/token", "exp": 400, "iat": 100, "jti": "x"}, "client assertion"),
        ({"iss": "https://auth.example.org", "scope": "patient/Patient.rs openid", "exp": 700, "iat": 100}, "access token"),
        ({"iss": "https://auth.example.org", "nonce": "n", "aud": "c", "sub": "Jane", "fhirUser": "Practitioner/1"}, "ID Token"),
    ],
)
def test_claims_of_a_token_are_read_and_its_signature_is_not_kept(claims, kind):
    token = _jwt({"alg": "RS256", "kid": "k1"}, claims)
    loaded = load(token)
    assert loaded.found[0].facts["jwt"]["kind"] == kind
    assert loaded.found[0].facts["jwt"]["claims"]["iss"] == claims["iss"]
    assert token.rsplit(".", 1)[1] not in repr(loaded.found) + json.dumps(loaded.report().to_json())
    assert "Jane" not in repr(loaded.found)


def test_scopes_and_life_of_an_access_token_are_known():
    m = _material(_jwt({"alg": "RS256"}, {"iss": "x", "scp": ["patient/Patient.rs"], "exp": 700, "iat": 100}))
    assert m.granted is not None
    assert m.granted.items == ("patient/Patient.rs",)
    assert m.facts["expires_in"] == 600


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"data": {"error": "invalid_scope"}, "status": 400}, 400, "invalid_scope"),
        ({"error": {"code": "invalid_grant", "message": "code expired", "status": 400}}, 400, "invalid_grant"),
        ({"errors": [{"errorCode": "invalid_token", "detail": "expired"}]}, 0, "invalid_token"),
        ({"response": {"status": 401, "body": '{"error":"invalid_client"}'}}, 401, "invalid_client"),
        ({"statusCode": "403", "message": '{"error":"insufficient_scope"}'}, 403, "insufficient_scope"),
        ({"error": "Unauthorized", "status": 401, "path": "/fhir/Patient/1", "timestamp": "t"}, 401, None),
        ({"detail": {"error": "access_denied", "error_description": "no"}}, 0, "access_denied"),
    ],
)
def test_error_is_found_in_its_wrapping(body, status, code):
    m = _material(json.dumps(body))
    assert m.errors == ([code] if code else [])
    assert m.statuses.get("any", 0) == status


def test_members_of_an_error_body_are_the_words_of_the_server():
    m = _material('{"error": "invalid_request", "error_hint": "Make sure that the various parameters are correct", "trace_id": "t-1"}')
    assert not m.unknown
    assert any("various parameters" in said.text for said in m.texts("server"))


def test_resource_is_left_and_nothing_of_it_kept():
    loaded = load('{"resourceType": "Patient", "id": "p1", "name": [{"family": "Featherstonehaugh"}]}')
    assert loaded.left == ["a FHIR resource of type Patient: nothing of it is kept"]
    assert "Featherstonehaugh" not in repr(loaded.found) + json.dumps(loaded.report().to_json())


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ({"authorization_endpoint": "https://a.example/az", "token_endpoint": "https://a.example/t", "issuer": "https://a.example", "capabilities": []}, "a discovery document of https://a.example"),
        ({"resourceType": "CapabilityStatement", "rest": [{"security": {"extension": [{"url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris", "extension": [{"url": "token", "valueUri": "https://a.example/t"}]}]}}]}, "a CapabilityStatement"),
        ({"keys": [{"kty": "RSA", "kid": "k1"}]}, "a JWK Set with 1 keys"),
    ],
)  # fmt: skip
def test_document_is_recognized(document, what):
    loaded = load(json.dumps(document))
    assert loaded.read == [what]
    assert not loaded.report().diagnoses or loaded.report().diagnoses[0].confidence.value != "high"


def test_discovered_endpoint_is_compared_with_the_one_used():
    document = '{"authorization_endpoint": "https://other.example.org/authorize", "token_endpoint": "https://other.example.org/token", "capabilities": []}'
    assert load_together([document, AUTHORIZE]).found[0].facts["endpoint_as_discovered"] is False
    assert load_together([document.replace("other", "auth"), AUTHORIZE]).found[0].facts["endpoint_as_discovered"] is True


def test_inputs_together_are_one_launch(tmp_path):
    path = tmp_path / "body.json"
    path.write_text(ERROR, encoding="utf-8")
    loaded = load_together([AUTHORIZE, str(path)])
    assert len(loaded.found) == 1
    assert loaded.found[0].client_id == "abc"
    assert loaded.found[0].errors == ["invalid_client"]


@pytest.mark.parametrize(
    "text",
    [
        "{'error': 'invalid_grant', 'x': None}",
        "{ error: 'invalid_grant', at: undefined }",
        "{\"error\": 'invalid_grant', }",
        '"{\\"error\\": \\"invalid_grant\\"}"',
        '{"error": "invalid_grant", "error_description": <their words>}',
        '{"error": "invalid_grant", "trace": TRACE_ID, "more": ..., ...}',
    ],
)
def test_object_in_any_spelling(text):
    assert _material(text).errors == ["invalid_grant"]


def test_nothing_in_xml_is_expanded():
    bomb = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><Error><code>invalid_scope</code><message>&b;</message></Error>'
    m = _material(bomb)
    assert m.errors == ["invalid_scope"]
    assert "aaaaaaaaaa" * 2 not in repr(m)


SECRET = "Pl4nted-5ecret-9f8e7d6c"


@pytest.mark.parametrize(
    "text",
    [
        f"curl -u 'client:{SECRET}",
        f"we use --user client:{SECRET} and get a 401",
        f"password: {SECRET}",
        f"My client secret is {SECRET}, could that be it?",
        f"Authorization: Bearer {SECRET}",
        f"Cookie: JSESSIONID={SECRET}; other=1",
        f"Set-Cookie: s={SECRET}; Path=/",
        f"Ocp-Apim-Subscription-Key: {SECRET}",
        f"https://user:{SECRET}@ehr.example.org/fhir/Patient/1 answered 401",
        f"https://app.example.org/cb#access_token={SECRET}&state=x",
        f"{{'client_secret': '{SECRET}', 'error': 'invalid_client'}}",
        f"{{ clientSecret: '{SECRET}', error: 'invalid_client' }}",
        json.dumps({"config": {"headers": {"X-Api-Key": SECRET}}, "status": 401}),
        f"<token><access_token>{SECRET}</access_token></token>",
        f'type="LOGIN_ERROR", code="{SECRET}", error="invalid_code"',
        json.dumps({"kty": "RSA", "kid": "k", "d": SECRET}),
        f"grant_type=password&username=u&password={SECRET}",
        f"GET /fhir/Patient HTTP/1.1\nHost: e.example.org\nAuthorization: Bearer {SECRET}\n\nHTTP/1.1 401 Unauthorized\n\nno",
        f"launch token {SECRET} was refused: invalid launch token={SECRET}",
        f"state={SECRET}",
        f"error: invalid_grant {SECRET} {SECRET}\ncode_verifier = {SECRET}",
    ],
)
def test_planted_secret_does_not_come_back(text):
    loaded = load(text)
    out = json.dumps(loaded.report().to_json()) + render(loaded.report(), loaded.name)
    assert SECRET not in out
    assert SECRET not in repr(loaded.found)


def test_word_that_may_be_a_secret_is_not_repeated(tmp_path):
    with pytest.raises(LookupFailed) as caught:
        load("ya29.A0AfH6SMBx-12345-abcdefGHIJ", tmp_path)
    assert "ya29" not in str(caught.value)
    with pytest.raises(LookupFailed, match="no-such-run"):
        load("no-such-run", tmp_path)


@pytest.mark.parametrize("place", [0, 2500, 4999])
@pytest.mark.parametrize("form", ["plain", "json"])
def test_error_in_a_long_log_is_found_wherever_it_stands(place, form):
    quiet = (
        "2026-02-03 10:00:00,123 INFO [http-8080] served GET https://ehr.example.org/fhir/Patient/%d in 12 ms"
        if form == "plain"
        else '{"level": 30, "time": %d, "msg": "request completed"}'
    )
    loud = (
        f"2026-02-03 10:00:00,123 ERROR [http-8080] token request failed: {ERROR}"
        if form == "plain"
        else json.dumps({"level": 50, "time": 1, "msg": f"token request failed: {ERROR}"})
    )
    lines = [quiet % number for number in range(5000)]
    lines[place] = loud
    report = load("\n".join(lines)).report()
    assert report.diagnoses[0].rule == "credentials-refused"
    assert any("of 5000 lines" in line for line in report.warnings)


def test_long_log_without_any_error_is_declined():
    report = load("\n".join(f"2026-02-03 10:00:00 INFO request {n} completed in {n} ms by the worker" for n in range(5000))).report()
    assert report.declined
    assert any("none tells of an error" in line for line in report.warnings)


def test_error_code_is_no_authorization_code():
    m = _material("- Error Code: urn:cerner:error:authorization-server:smart-v1:grant:launch:code-required\n- Error code: AADSTS7000218")
    assert m.urns == ["urn:cerner:error:authorization-server:smart-v1:grant:launch:code-required"]
    assert any("AADSTS7000218" in said.text for said in m.said)


def test_redirect_in_an_access_log_is_read_without_its_host():
    line = '203.0.113.7 - - [05/Jan/2026:10:00:00 +0000] "GET /cb?error=invalid_scope&error_description=not+allowed&state=abc HTTP/1.1" 200 512'
    m = _material(line)
    assert m.errors == ["invalid_scope"]
    assert not m.fhir


def test_copied_fetch_call_is_read_as_a_request():
    m = _material(
        'fetch("https://auth.example.org/token", {"headers": {"content-type": "application/x-www-form-urlencoded", "authorization": "Basic YWJjOng="},'
        ' "body": "grant_type=authorization_code&code=abc&redirect_uri=x", "method": "POST"});\n' + ERROR
    )
    assert m.grant_type == "authorization_code"
    assert m.client_auth == "client_secret_basic"
    assert m.errors == ["invalid_client"]
