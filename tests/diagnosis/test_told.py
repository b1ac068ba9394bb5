"""What people paste in words of their own: the kinds of fault that real threads taught, each beside one that must not be told the same."""

import base64
import json
from email.utils import parsedate_to_datetime

import pytest

from smartlaunch.diagnosis import Confidence, load
from smartlaunch.diagnosis.inputs.reader import load_together

AUTHORIZE = (
    "https://as.example/authorize?response_type=code&client_id=c1&redirect_uri=https%3A%2F%2Fa.example%2Fcb&scope=launch+openid+fhirUser"
    "&state=abcdefghijklmnopqrstuvwx&aud=https%3A%2F%2Fehr.example%2Ffhir"
)


def _first(text):
    return next(iter(load(text).report().diagnoses), None)


def _console(address):
    return (
        f"Access to fetch at '{address}' from origin 'https://app.example' has been blocked by CORS policy: "
        "No 'Access-Control-Allow-Origin' header is present on the requested resource."
    )


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Fetch API cannot load https://ehr.example/fhir/Patient/1 due to access control checks.", "cors-headers-missing"),
        (_console("https://ehr.example/fhir/Patient/1"), "cors-headers-missing"),
        (_console("https://as.example/oauth2/token"), "cors-at-authorization-server"),
        (_console("https://as.example/oauth2/authorize"), "authorize-asked-by-script"),
        ("oauthlib.oauth2.rfc6749.errors.MismatchingStateError: (mismatching_state) CSRF Warning! State not equal.", "state-not-kept"),
        ('ClientError: unexpected JWT claim value encountered\n[cause]: unexpected ID Token "nonce" claim value', "state-not-kept"),
        ("Callback of the library failed: incorrect state", "state-not-kept"),
        ("The answer came, but it didn't come with a refresh token, though offline_access was asked for.", "no-refresh-came"),
        ("Git login: bad_verification_code", "code-refused"),
        ('{"message":"Client authentication failed.","status_code":500}', "authentication-any"),
        ("ClientAuthError: endpoints_resolution_error: Error: could not resolve endpoints.", "discovery-document-missing"),
        ('The plugin is not requesting the scope "openid", which makes the call of the userinfo endpoint fail.', "userinfo-without-openid"),
        (
            'We request user/Patient.read and user/Observation.read. The tokens come with granted scopes trimmed to "openid fhirUser launch".',
            "no-resource-granted",
        ),
        (
            "{'Content-Type': 'text/html', 'WWW-Authenticate': 'error=\"insufficient_scope\"', 'X-Frame-Options': 'DENY'}",
            "insufficient-scope-answer",
        ),
        ("https://a.example/cb?error=invalid_request&error_description=The+aud+is+not+a+FHIR+server+of+this+one.&state=abcdefgh", "aud-refused"),
        ('{"error": "invalid_client", "error_description": "Basic authentication is not available."}', "authentication-method-off"),
        ('{"error": "unauthorized_client", "error_description": "This client is not registered for this grant_type."}', "grant-type-refused"),
        ('OperationProcessingError: unexpected JWT "iss" (issuer) claim value', "issuer-not-as-expected"),
        ("The page is a 502 Bad Gateway. The log says: { error: 'invalid_grant', error_description: 'Code not valid' }", "code-refused"),
        ("Some.Provider InvalidGrant: refresh token already used", "refresh-refused"),
        ('{"errors":[{"status":401,"title":"Unauthorized","detail":"Invalid client: client is invalid"}]}', "authentication-any"),
        ("NSURLErrorDomain Code=-1003: A server with the specified hostname could not be found.", "name-not-resolved"),
        ("OAuth2AuthenticationException: [authorization_request_not_found]", "state-not-kept"),
        ("Error: Unable to verify authorization request state.", "state-not-kept"),
        ("fail: Some.Validator[0]\n      Invalid redirect_uri: https://a.example/cb", "redirect-refused"),
        ("https://a.example/login?error=request_forbidden&error_debug=The+CSRF+cookie+is+missing&state=abcdefgh", "sign-in-page-lost"),
        ("ERROR id_token signature could not be validated: could not verify signature against any of the keys", "server-key-missing"),
        ("Our app is shown in an iframe. After the sign-in it runs into a redirect loop.", "cookies-blocked-in-frame"),
        (
            "It asks whether CORS is right, but I see no CORS error, only\nPOST https://as.example/oauth2/token 401 (Unauthorized)",
            "browser-refused-at-token",
        ),
        ("The server answers 403 to the preflight of the browser.", "cors-headers-missing"),
        ("[10:50:11 ERR] No client with id 'webapi' found. aborting", "unknown-client-refused"),
        ("We sign in, and then the app says that the code has run out or: code doesn't exist or has expired.", "code-refused"),
        ('{"error":"invalid_client","error_description":"Client authentication failed (e.g., unknown client). The request used method client_secret_basic as token_endpoint_auth_method, and the registration does not allow this method."}', "authentication-method"),
        ('{"error":"invalid_client","error_description":"Client authentication failed (e.g., unknown client). Claim iss of the client_assertion must be the client_id."}', "assertion-unspecified"),
        ("ERROR when validating client assertion: the token is not active", "assertion-refused"),
        ("WARN [org.keycloak.events] type=LOGIN_ERROR, clientId=null, error=cookie_not_found", "sign-in-page-lost"),
        ("dial tcp 127.0.0.1:8080: connect: connection refused", "server-unreachable"),
        ("We ask for the scopes\n\nlaunch openid patient/*.read\n\nand the granted scope is:\n\nlaunch openid\n\nIn the end we get 403 Forbidden.", "wildcard-dropped"),
        ('I request "launch openid patient/*.read", and the granted scopes are "launch openid" only.', "wildcard-dropped"),
        ("We call GET https://ehr.example/fhir/Patient/1?access_token=abcdefgh and are answered 401 Unauthorized.", "token-in-address"),
        ("the page tells me\nredirection URL is not valid", "redirect-refused"),
        ("Our library stops: code verifier from session is empty", "state-not-kept"),
        ("It refuses the token: id_token rejected: Invalid issuer", "id-token-issuer-unusable"),
        ("I got a `Service not found: https://api.example` error when trying to sign in", "aud-refused"),
        ("GET /api/private 401 6.557 ms - 569\nUnauthorizedError: jwt malformed", "opaque-token-at-api"),
        ("After the update our server cannot fetch the JWKS from keys.example any more, whatever we try.", "app-jwks-unreachable"),
    ],
)  # fmt: skip
def test_first_cause(text, rule):
    first = _first(text)
    assert first is not None
    assert first.rule == rule


@pytest.mark.parametrize(
    "text",
    [
        "We have verified that the redirect URI is not registered twice, and everything is right.",
        "The redirect URI is correct. It works now, thanks.",
        "I have checked that the token is not expired.",
    ],
)
def test_what_the_asker_found_in_order_is_no_cause(text):
    assert _first(text) is None


def test_what_only_the_asker_says_is_never_sure():
    first = _first(
        "Since Monday our server cannot fetch the JWKS of the app, I wonder why. The redirect URI is not registered either, maybe."
    )
    assert first is not None
    assert first.confidence is not Confidence.HIGH


def test_length_and_time_of_an_access_log_are_no_status():
    assert "the status 401" in load('"GET /fhir/Patient HTTP/1.1" 401 569 invalid token').report().read
    assert not any("569" in line for line in load("GET /api/private 401 6.557 ms - 569 Unauthorized").report().read)


def test_request_of_plain_oauth_is_not_refused_for_lacking_aud():
    first = _first(
        "https://as.example/authorize?response_type=code&client_id=c&redirect_uri=https%3A%2F%2Fa.example\nhttps://as.example/error?error=invalid_request"
    )
    assert first is None or first.rule != "aud-missing"


def test_scope_with_an_asterisk_beside_credentials_is_no_matter_of_cors():
    first = _first('{"error": "invalid_client", "error_description": "patient/*.read was asked for. Invalid client credentials"}')
    assert first.category.value == "client-auth"
    assert _first("Access-Control-Allow-Origin is * and the request is sent with credentials").category.value == "cors"


def test_address_that_may_be_cut_off_is_not_judged_with_high_confidence():
    first = _first(AUTHORIZE)
    assert first.rule == "launch-without-value"
    assert first.confidence is Confidence.MEDIUM
    refused = json.dumps({"authorize_url": AUTHORIZE, "error": "invalid_request", "error_description": "launch is required"})
    assert _first(refused).confidence is Confidence.HIGH


@pytest.mark.parametrize("blank", ["[RedirectUri]", "<red-uri>", "{redirect_uri}", "your_redirect_uri", "***"])
def test_place_that_the_asker_left_blank_is_no_fault(blank):
    first = _first(f"curl -d 'grant_type=authorization_code&client_id=c&code=x&redirect_uri={blank}' https://as.example/token\n"
                   '{"error":"invalid_client"}')  # fmt: skip
    assert first is None or first.rule != "redirect-not-absolute"


def test_request_without_anything_of_smart_is_not_blamed_for_lacking_aud():
    plain = (
        "https://as.example/authorize?response_type=code&client_id=c1&redirect_uri=https%3A%2F%2Fa.example%2Fcb&scope={}&state=" + "s" * 22
    )
    assert "request-aud" not in [d.rule for d in load(plain.format("openid+email")).report().diagnoses]
    assert "request-aud" in [d.rule for d in load(plain.format("openid+patient/Patient.rs")).report().diagnoses]


def _refused(claims, date="Sat, 07 Mar 2026 10:00:00 GMT"):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    token = f"{part({'alg': 'RS256'})}.{part(claims)}.{'c2lnbmF0dXJl' * 4}"
    return f"GET /fhir/Patient/1 HTTP/1.1\nHost: ehr.example\nAuthorization: Bearer {token}\n\nHTTP/1.1 401 Unauthorized\nDate: {date}\n\n"


GOOD = {"iss": "https://as.example", "aud": "https://ehr.example/fhir", "exp": 1_900_000_000, "scope": "patient/*.rs"}


def test_error_code_is_no_authorization_code():
    assert _first("<html><title>Method not allowed</title><p>Use POST. Error code invalid_request</p></html>") is None


def _recorded(claims, folder):
    """The refused request alone, as a browser saves it."""
    sent, _, answer = _refused(claims).partition("\n\n")
    headers = [{"name": "Authorization", "value": sent.partition("Authorization: ")[2]}]
    request = {
        "method": "GET",
        "url": "https://ehr.example/fhir/Patient/1",
        "httpVersion": "HTTP/1.1",
        "headers": headers,
        "queryString": [],
        "cookies": [],
        "headersSize": -1,
        "bodySize": -1,
    }
    date = [{"name": "Date", "value": answer.partition("Date: ")[2].strip()}]
    response = {
        "status": 401,
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "headers": date,
        "cookies": [],
        "content": {"size": 0, "mimeType": ""},
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": -1,
    }
    entry = {
        "startedDateTime": parsedate_to_datetime(date[0]["value"]).isoformat(),
        "time": 1,
        "request": request,
        "response": response,
        "cache": {},
        "timings": {"send": 0, "wait": 1, "receive": 0},
    }
    path = folder / "refused.har"
    path.write_text(json.dumps({"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}, "entries": [entry]}}), encoding="utf-8")
    return load(str(path)).report()


@pytest.mark.parametrize(
    ("changed", "rule"),
    [({"aud": "https://graph.example"}, "token-names-other-audience"), ({"exp": 1_700_000_000}, "token-expired-by-clock"), ({}, None)],
)
def test_refused_token_of_a_recording_is_compared_too(changed, rule, tmp_path):
    report = _recorded(GOOD | changed, tmp_path)
    assert (report.diagnoses[0].rule if report.diagnoses else None) == rule
    assert "c2lnbmF0dXJl" not in json.dumps(report.to_json())


@pytest.mark.parametrize(
    "text",
    [
        "POST /authorize HTTP/1.1\nHost: as.example\nContent-Type: application/x-www-form-urlencoded\n\ngrant_type=authorization_code&code=abc&client_id=c1",
        "curl https://as.example/oauth2/authorize -d 'grant_type=authorization_code&code=abc&client_id=c1'",
    ],
)
def test_code_exchanged_at_the_authorize_address(text):
    assert _first(text).rule == "request-endpoint"
    assert getattr(_first(text.replace("authorize", "token")), "rule", None) != "request-endpoint"


def test_plus_that_was_encoded_joins_two_scopes():
    assert _first(AUTHORIZE.replace("launch+openid+fhirUser", "openid%2BfhirUser")).rule == "request-scope"
    assert getattr(_first(AUTHORIZE.replace("launch+openid+fhirUser", "openid%20fhirUser")), "rule", None) != "request-scope"


@pytest.mark.parametrize(
    ("claims", "rule"),
    [
        (GOOD | {"aud": "https://graph.example"}, "token-names-other-audience"),
        (GOOD | {"aud": ["https://graph.example", "https://ehr.example/fhir"]}, None),
        (GOOD | {"aud": "api://default"}, None),
        (GOOD | {"exp": 1_700_000_000}, "token-expired-by-clock"),
        (GOOD, None),
    ],
)
def test_refused_token_is_compared_with_host_and_time(claims, rule):
    report = load(_refused(claims)).report()
    assert (report.diagnoses[0].rule if report.diagnoses else None) == rule
    assert "c2lnbmF0dXJl" not in json.dumps(report.to_json())


def test_inputs_together_are_one_flow(tmp_path):
    request = {
        "startedDateTime": "2026-03-07T10:00:00.000Z",
        "time": 1,
        "request": {"method": "GET", "url": AUTHORIZE, "headers": [], "queryString": [], "httpVersion": "HTTP/1.1"},
        "response": {
            "status": 302, "statusText": "", "httpVersion": "HTTP/1.1", "content": {},
            "headers": [{"name": "Location", "value": "https://a.example/cb?code=abc&state=abcdefghijklmnopqrstuvwx"}],
        },
    }  # fmt: skip
    path = tmp_path / "launch.har"
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": [request]}}), encoding="utf-8")
    loaded = load_together([str(path), '{"error": "invalid_grant", "error_description": "PKCE verification failed"}'])
    assert len(loaded.found) == 1
    assert loaded.found[0].client_id == "c1"
    assert loaded.found[0].errors == ["invalid_grant"]
    assert loaded.report().diagnoses[0].category.value == "pkce"


LONG = "We wonder what is wrong here, for on our own machine the very same app had worked since the first of May.\n"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        # the step is told from the sentence about the status
        (LONG + "The tokens are issued, and then GET Patient is answered with 403.", "about-fhir-access"),
        ("curl -X POST https://as.example/oauth2/token -u 'c:s3cretvalue' -d 'grant_type=password&username=u'\n\nAnd I get a 401 error.", "token-request-unauthorized"),
        # what is hidden or left out when a story is told
        (
            LONG + "https://as.example/authorize?response_type=code&client_id=c1&redirect_uri=https%3A%2F%2Fa.example%2Fcb&state=abcdefgh\n"
            "It comes back with https://a.example/cb?error=invalid_client&error_description=Unknown%20client and nothing else.",
            "unknown-client-refused",
        ),
        # a general symptom gives way to the words of a message
        ("The call fails with status 500 and the message says: `code_verifier does not match`.", "pkce-refused"),
        # one word more or less decides which parameter is meant
        ("OPError: invalid_grant (Missing code verifier.)", "pkce-verifier-missing"),
        ("Error when validating client assertion: Token audience doesn't match domain.", "assertion-refused"),
        ('oidc: expected audience "app" got ["account"]', "token-audience-not-app"),
        ("AADSTS50158: External security challenge not satisfied.", "sign-in-needed"),
        ("error=invalid_request&error_description=AADSTS90094: the grant needs an administrator", "admin-consent-needed"),
        ("(insecure_transport) OAuth 2 MUST utilize https.", "https-needed"),
        ("Correlation failed.", "state-not-kept"),
        ("Signed JWT rejected: Another algorithm expected, or no matching key(s) found", "server-key-missing"),
        ("Error: disallowed_useragent", "frame-refused"),
        ('{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}', "refresh-refused"),
        ('{"error": "incorrect_client_credentials"}', "credentials-refused"),
        ("The provided reply URL is not an approved reply address.", "redirect-refused"),
        ('http://as.example/token?grant_type=client_credentials&scope=openid%20offline_access\n{"access_token": "abc", "token_type": "Bearer"}\nNo refresh token is in it.', "grant-gives-no-refresh"),
        ('Get "": unsupported protocol scheme ""', "endpoint-empty"),
        ("The plugin does not set the `scope` parameter.", "scope-missing"),
        ("Our browser is looping since the update.", "sign-in-loop"),
        ("TLSSocket.socketErrorListener (_http_client.js:310:9)", "server-unreachable"),
        ("E/AppAuth: Response received for unknown request with state", "state-not-kept"),
        (
            ("Our redirect_uri is made anew for each customer\n"
            '{"error": "invalid_grant", "error_description": "The provided authorization grant is invalid, expired, revoked, does not match the '
            'redirection URI used in the authorization request, or was issued to another client."}'),
            "about-redirect-uri",
        ),
        ("jwt.exceptions.ImmatureSignatureError: The token is not yet valid (iat)", "token-not-yet-valid"),
    ],
)  # fmt: skip
def test_first_cause_of_a_story(text, rule):
    first = _first(text)
    assert first is not None
    assert first.rule == rule


def test_fraction_of_a_second_in_a_log_is_no_status():
    assert not any("406" in line for line in load("02:31:18,406 ERROR [org.example] the assertion was refused").report().read)


def test_state_left_out_of_an_address_is_told_of_a_server_only_where_the_address_is_whole():
    sent = "https://as.example/authorize?response_type=code&client_id=c1&redirect_uri=https%3A%2F%2Fa.example%2Fcb&state=abcdefghijklmnopqrstuvwx"
    back = "https://a.example/cb?code=abcdefgh"
    first = _first(LONG + f"{sent}\n{back} is where it comes back to, and then our app says nothing at all for a while.")
    assert first is None or first.confidence is not Confidence.HIGH


def test_ids_that_a_story_hides_are_no_fault_of_the_request():
    hidden = AUTHORIZE.replace("client_id=c1", "client_id=our_client_id")
    assert not any(d.rule == "request-client_id" for d in load(LONG + hidden + "\nThe page says Oops.").report().diagnoses)
    assert any(d.rule == "request-client_id" for d in load(hidden).report().diagnoses)


def test_address_that_a_blank_cuts_is_not_judged_for_what_follows():
    cut = "https://as.example/authorize?client_id=c1&redirect_uri= https://a.example/cb&response_type=code&scope=openid"
    assert not any(d.rule.startswith("request-re") for d in load(LONG + cut).report().diagnoses)


def test_what_only_the_asker_retells_stays_below_high_whatever_the_rule():
    first = _first("I opened the launch page directly in the browser, without any iss or launch, because I do not know them.")
    assert first.rule == "opened-without-launch"
    assert first.confidence is not Confidence.HIGH


def test_request_without_anything_of_smart_lacks_no_aud():
    url = "https://as.example/oauth2/auth?client_id=c&response_type=code&scope=offline_access&redirect_uri=https%3A%2F%2Fa.example%2Fcb&state=abcdefghi"
    told = load(f"{url}\nhttps://a.example/cb?error=invalid_request&state=abcdefghi").report()
    assert not any(d.rule == "aud-missing" for d in told.diagnoses)


def test_answer_shown_without_a_refresh_token_is_no_complaint_about_it():
    shown = '{"access_token": "abc", "token_type": "Bearer", "expires_in": 300, "scope": "openid"}'
    about = LONG + f"This is the answer:\n{shown}\nand the page stays white, whatever we do to the colours of it."
    assert not any(d.rule == "no-refresh-came" for d in load(about).report().diagnoses)
    assert any(d.rule == "no-refresh-came" for d in load(about + " We wanted to refresh it.").report().diagnoses)


def test_message_that_names_every_reason_stays_first_where_the_text_is_about_none_of_them():
    message = (
        "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the authorization request, "
        "or was issued to another client."
    )
    assert _first(f'{{"error": "invalid_grant", "error_description": "{message}"}}').rule == "grant-refused-any"


def test_lack_of_a_parameter_is_told_only_where_it_is_said_to_lack():
    assert _first("The plugin does set the `scope` parameter.") is None


def test_link_of_markdown_is_one_address():
    url = AUTHORIZE.replace("scope=launch+openid+fhirUser", "scope=openid+fhirUser")
    report = load(f"The request is [{url}]({url}) and nothing comes.").report()
    assert not any(d.rule == "request-doubled" for d in report.diagnoses)
    assert "an authorization request at as.example" in report.read


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("It is a public client with no client_secret, and something fails.", "unknown-client-refused"),
        ("The grant with PKCE is always throwing invalid_client.", "pkce-refused"),
    ],
)
def test_word_that_only_begins_alike_is_not_that_word(text, rule):
    assert not any(d.rule == rule for d in load(text).report().diagnoses)


def test_granted_list_after_a_denial_is_read():
    m = load('I ask for patient/*.read launch openid, and I am not getting every scope, only got "openid launch".').found[0]
    assert m.granted is not None
    assert m.granted.items == ("openid", "launch")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('Some people get "iat is in the future" in the browser since their clocks were put back.', "token-not-yet-valid"),
        ('The token endpoint says {"error": "invalid_client", "error_description": "iat is in the future"}.', "assertion-refused"),
        ("The gateway logs: Jwks doesn't have key to match kid or alg from Jwt", "server-key-missing"),
        ("The library stops because `issuer` does not match what the document has.", "issuer-not-as-expected"),
        (
            'POST /token answers 401 {"error": "invalid_request", "error_description": "client_secret has to be sent in the header"}',
            "authentication-any",
        ),
        (
            f"The redirect_uri gets another scheme\n{LONG}The redirect_uri scheme changes from http to https behind our proxy, and the login fails.",
            "redirect-scheme-of-proxy",
        ),
    ],
)
def test_first_cause_by_wider_words(text, rule):
    assert _first(text).rule == rule


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("The provider is at https://as.example/.well-known/openid-configuration). Id Token validation fails.", "id-token-issuer-unusable"),
        ("{scope: 'openid profile', client_id: 'c', response_type: 'code'} gives error=invalid_request", "aud-missing"),
        ("The issuer checks out, everything matches.", "issuer-not-as-expected"),
        ("The gateway does have the key to match the kid.", "server-key-missing"),
        ("A client_secret was provided.", "authentication-any"),
        (
            f"The redirect page gets another colour scheme\n{LONG}The colour scheme changes behind our proxy, and the login fails.",
            "redirect-scheme-of-proxy",
        ),
        ('{"error": "invalid_client", "error_description": "iat is in the future"}', "token-not-yet-valid"),
    ],
)
def test_near_words_are_not_that_cause(text, rule):
    assert not any(d.rule == rule for d in load(text).report().diagnoses)
