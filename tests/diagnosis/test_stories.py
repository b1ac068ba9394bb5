"""Stories in words of one's own: the cause and its side, in two wordings each, beside a story that is near and must not be told the same."""

import base64
import json

import pytest

from smartlaunch.diagnosis import Confidence, load
from smartlaunch.diagnosis.inputs.issuers import read as read_issuers
from smartlaunch.diagnosis.inputs.prose import read as read_prose
from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.symptoms import PREFIX, symptoms
from smartlaunch.diagnosis.weighing import questions

STORIES = [
    (
        "token-key-not-known", "fhir-server",
        'Since last night our FHIR API answers each fresh token with WWW-Authenticate: Bearer error="invalid_token", error_description="Signing key not found".',
        "JwtBearer of the FHIR facade logs: IDX10503: Signature validation failed. The keys are those of last week.",
        "JwtBearer of the FHIR facade logs: IDX10223: Lifetime validation failed. The keys are those of last week.",
    ),
    (
        "answer-without-access-token", "app",
        "After the callback our library stops with: no access token returned. The sign-in itself is all right.",
        "The exchange is answered 200, but access_token is missing in the token response that the library shows.",
        "The exchange is answered 200, but refresh_token is missing in the token response that the library shows.",
    ),
    (
        "nonce-not-returned", "authorization-server",
        "The request has a nonce, but the id_token comes back without nonce and our client refuses it.",
        "With the broker between us the nonce value is never passed through to the token.",
        "With the broker between us the nonce value is kept in the session of the app.",
    ),
    (
        "session-not-reused", "authorization-server",
        "Clinicians are asked to sign in again on each launch even though they are logged in to the EHR.",
        "From the chart the app opens on a password prompt instead of the current session of the EHR.",
        "From the chart the app opens on a patient list instead of the current patient of the EHR.",
    ),
    (
        "grant-type-unread", "app",
        "I post the code to the token endpoint with grant_type: authorization_code from our job and all it says is unsupported_grant_type.",
        "The token endpoint says that no grant type was given, yet I add it in Postman: invalid_request, Missing parameter grant_type",
        "I post to the token endpoint with grant_type: client_credentials from our job and all it says is unsupported_grant_type.",
    ),
    (
        "user-unknown", "session",
        "The sign-in page takes the password, then we come back with error=access_denied&error_description=Account+not+found at the app.",
        "The hospital's identity provider lets me in, and then the permission page says: User dr.smith was not found.",
        "The hospital's identity provider lets me in, and then the permission page says: Template signin was not found.",
    ),
    (
        "sign-in-loop", "app",
        "Users sign in, and then the callback page goes into a never-ending loop, each time with a new code.",
        "We have signed in and the callback gets into the same loop, each time with another code. Is it us or the server?",
        "We have signed in and the callback runs a for loop over the patients, each time with another code. Is it us or the server?",
    ),
    (
        "discovery-needs-token", "fhir-server",
        "Metadata\nThe capability statement gives a 401 error. Go to https://ehr.example/apis/fhir/metadata and see. It should be open to all.",
        "https://ehr.example/r4/.well-known/smart-configuration is answered with 403 Forbidden, before I have any token.",
        "https://ehr.example/r4/.well-known/smart-configuration is answered with 404, before I have any token.",
    ),
    (
        "server-breaks-specification", "authorization-server",
        "The sign-in service of our region does not comply with the OAuth specification: one code buys two tokens.",
        "According to section 4.1.2.1 of RFC 6749 an error comes with state. This server does not give one back.",
        "According to section 4.1.2.1 of RFC 6749 an error comes with state. This server gives one back.",
    ),
    (
        "token-answer-lacks-member", "authorization-server",
        "Our library stops, for the launcher is not sending expires_in along with the token, and it counts on that.",
        "The token answer comes without the scope field, and the library stops there.",
        "The token answer comes with the scope field, and the library stops there.",
    ),
    (
        "server-replaced", "app",
        "Tutorial\nIt seems that the sandbox at the hospital has been changed since, and I can not run the example against it.",
        "The FHIR server of the course was moved, and nothing in our exercises works with it.",
        "The FHIR server of the course was slow, and nothing in our exercises works with it.",
    ),
    (
        "redirect-is-launch-page", "app",
        "What the console shows for my app is not right, I think:\nLaunch URI: https://app.example/smart/launch\nRedirect URI: https://app.example/smart/launch",
        "Nothing comes of it. These are mine:\n- Redirect URI: https://app.example/start.html\n- Launch URI: https://app.example/start.html",
        "Nothing comes of it. These are mine:\n- Redirect URI: https://app.example/\n- Launch URI: https://app.example/",
    ),
    (
        "request-refused-with-reason", "app",
        'The token request of our job: {"error": "invalid_request", "error_description": "Tier of the caller is unset"}',
        'It answers {"error":"invalid_request","error_message":"Grouping has two entries"} whatever I send to it.',
        'It answers {"error":"invalid_request","error_message":"Bad Request"} whatever I send to it.',
    ),
    (
        "userinfo-refuses-token", "app",
        "Now and then a page says: Unable to fetch user info: 400 Bad Request, Invalid token. Without cookies it works at once.",
        "Our gateway logs: userinfo request failed, the token is not valid. A new window helps.",
        "Our gateway logs: userinfo request failed, the host is not there. A new window helps.",
    ),
    (
        "token-beside-other-proof", "app",
        "The export is ready, and the download of a file answers: Only one auth mechanism allowed. Our client adds its token to every request.",
        "Files of the export lie behind pre-signed links, and each download fails with 400 as soon as my bearer token is sent too.",
        "Files of the export lie behind links of the FHIR server, and each download is answered 401 as soon as my token ends.",
    ),
    (
        "code-spent-or-late", "app",
        "Each hour the token ends. Then I exchange the same authorization code again and get: User session not found. User must re-authenticate.",
        "When the token has ended we send the old authorization code once more, and it is refused.",
        "When the token has ended we run the same code of our program, and it says that the session is not found.",
    ),
    (
        "silent-renewal-unanswered", "app",
        "Renewing\nEvery fifty minutes our page writes to the console: Error from signinSilent: Frame window timed out. Until then all is well.",
        "The library renews in a hidden frame and gives up: silent refresh timed out after 10 seconds. The sign-in itself succeeds.",
        "The library renews in a hidden frame and gets an answer: login_required. The sign-in itself succeeds.",
    ),
    (
        "fhir-request-not-served", "app",
        'I have a token. My search gives: Unknown search parameter "personid" for resource type "Patient". What is it called then?',
        "With the token I call Patient?mrn=3 and the answer is: This server does not know how to handle GET operation[Patient] with parameters [[mrn]]",
        "With the token I call Patient?identifier=3 and the answer is: 403 Forbidden, insufficient_scope",
    ),
    (
        "access-denied-with-reason", "session",
        "I sign in at my insurer and come back with error=access_denied&error_description=This+membership+ended+last+year",
        'The callback says {"error": "access_denied", "message": "No eligible coverage was found for this member"}',
        "I sign in at my insurer and come back with error=access_denied and nothing else.",
    ),
    (
        "redirect-unparsable", "app",
        "When the user allows the access, the server shows: Expected authority at index 9. Our redirect URL has only a scheme in it.",
        "java.net.URISyntaxException: Illegal character in path at index 4, for the callback URL that we have registered",
        "java.net.URISyntaxException: Illegal character in path at index 4, for the token endpoint that we have configured",
    ),
    (
        "address-unparsable", "app",
        "The app stops at the start with MalformedURLException: no protocol: fhir.clinic.example/r4 and never asks for the token.",
        "Invalid URI: The format of the URI could not be determined, says the service when it asks for a token.",
        "The app stops at the start with: unknown protocol version, and never asks for the token.",
    ),
    (
        "session-not-kept", "app",
        "RuntimeError: The session is unavailable because no secret key was set. It is raised when our route begins the sign-in.",
        "The route that begins the sign-in dies with: OAuth2 strategy requires session support. Without the strategy the route works.",
        "The route that begins the sign-in dies with: the user has no session at the hospital. Without the strategy the route works.",
    ),
    (
        "issuer-of-two-addresses", "authorization-server",
        "The gateway rejects our tokens: invalid_token, the iss claim is wrong, expected https://login.clinic.example/realms/a but the token has http://login.clinic.example/realms/a",
        "jwt validation failed: issuer mismatch, token says http://auth:8080/realms/ehr and configured is https://auth.clinic.example/realms/ehr",
        "The issuer is right, expected https://login.clinic.example/realms/a and the token has https://login.clinic.example/realms/a",
    ),
    (
        "issuer-not-as-expected", "app",
        "The client library stops with: issuer does not match, got https://tenant.example/ and configured was https://tenant.example",
        "invalid issuer: expected https://login.example/tenant-a/v2.0, actual https://login.example/tenant-b/v2.0",
        "issuer mismatch: expected https://sso.example/auth/realms/x, actual http://keycloak:8080/auth/realms/x",
    ),
    (
        "own-issuer-refused", "fhir-server",
        'Our FHIR server in a container answers 401 to every call. WWW-Authenticate: Bearer realm="fhir", authorization_uri="https://idp.test:9443", error="invalid_token", error_description="Issuer https://idp.test:9443 is not valid"',
        'WWW-Authenticate: Bearer authorization_uri="https://localhost:5001", error="invalid_token", error_description="The issuer \'https://localhost:5001\' is invalid"',
        'WWW-Authenticate: Bearer authorization_uri="https://localhost:5001", error="invalid_token", error_description="The issuer \'https://other.example\' is invalid"',
    ),
    (
        "other-users-refused", "fhir-server",
        "I signed in as admin and can read every Patient. When a normal user signs in, he gets a token too, but GET /fhir/Patient answers 403 Forbidden for him. What do I have to set?",
        "Everything works with my own account. My colleague signs in to the same app and the FHIR server returns 403 for Observation. Same scopes, same browser.",
        "Nobody can read the Patient. My colleague signs in to the same app and the FHIR server returns 403 for Observation, as it does for me. Same scopes.",
    ),
    (
        "one-version-served", "fhir-server",
        "We ask for patient/Observation.rs and reading observations gets refused by the server. With patient/Observation.read in its place everything works. Are both not the same?",
        "Scopes in the new form are denied: patient/*.rs fails at the data server. However with patient/*.read the request passes.",
        "We ask for patient/Observation.rs and reading observations gets refused by the server. Before, with patient/Immunization.rs in its place everything worked.",
    ),
    (
        "scopes-added-told", "authorization-server",
        "Our test tool complains, because the token answer has scopes that we have not requested, for example user/Practitioner.read. The launch itself goes through.",
        "Token endpoint returns additional scopes which were never asked for, and our client library then stops with an exception. Is it allowed for the server to do so?",
        "Our test tool complains, because the token answer is without the scopes that we have requested, for example user/Practitioner.read.",
    ),
    (
        "state-not-kept", "app",
        "After coming back from the identity provider we get csrf_attack in production, locally all is fine. I do not see our oauth_state cookie in the request of the browser.",
        "On iPhones the callback dies with 'Cross-site request forgery detected'. It seems the state cookie never arrives there.",
        "The callback has the cookie of our state office in it, and everything is fine on iPhones and elsewhere since the last version.",
    ),
    (
        "cors-at-authorization-server", "authorization-server",
        "Our Angular app gets the code all right. Then the call to the token endpoint ends in a CORS error in Chrome, while Postman gets a token with the same values.",
        "I use oidc-client in React with our company's identity server. After the login the console shows that Access-Control-Allow-Origin is missing, and userinfo never loads.",
        "Sign-in works, and then reading the Patient from the FHIR server fails in the browser with a CORS error. The FHIR server is HAPI behind nginx.",
    ),
    (
        "redirect-scheme-of-proxy", "app",
        "In production our app sends redirect_uri with http, not with https, so the server says redirect_uri mismatch. On my laptop it works. TLS ends at the load balancer.",
        "We run behind Apache. The callback that our framework builds starts with http:// while the one in the portal starts with https://, and the provider refuses it.",
        "In production our app sends redirect_uri with another path than registered, so the server says redirect_uri mismatch. On my laptop it works.",
    ),
    (
        "gateway-at-sign-in", "authorization-server",
        'The sandbox login fails for every test user since yesterday: "Sorry, we are unable to process your request right now". It never gets as far as a code.',
        "When I sign in at the launcher it says the service is temporarily unavailable, whatever app I choose, and it did so last night as well.",
        'The sandbox login refuses every test user since yesterday: "Sorry, we do not know your password". It never gets as far as a code.',
    ),
    (
        "gateway-at-fhir", "fhir-server",
        "The FHIR server answers Bad Gateway to everything since noon, /metadata too. Our token is of this morning.",
        "Every read of /Patient ends in an upstream request timeout at their end. Is the FHIR API down?",
        "Every read of /Patient ends in an empty Bundle at their end. Is the FHIR API right?",
    ),
    (
        "about-refresh", "app",
        "Our portal renews its session silently. When a laptop wakes up in the morning, the silent renew has failed, and the user sits there until he signs in again.",
        "After the token refresh in a tab that was in the background, users see the page for guests. Pressing F5 mends it each time.",
        "Our portal renews its membership each May. When a member pays late, the card is left with an old date until he comes again.",
    ),
    (
        "about-launch", "app",
        "Our calculator started by the launcher stops, since there is no encounter chosen in the launch context.",
        "In the standalone launch no patient is selected anywhere, so the app has an undefined patient and stops with an error.",
        "Our calculator started by the launcher works, and the encounter is read from its launch context.",
    ),
    (
        "about-scopes-granted", "registration",
        "The set-up script of the realm never creates the scope bulk_read, neither is it assigned to the client, so the export is of no use to anyone who needs it.",
        "Realm set-up incomplete\nThe scope that the service wants was never added to the realm, so no token has it.",
        "The set-up script of the realm creates the scope bulk_read, and assigns it to the client, so the export is of use to everyone who needs it.",
    ),
    (
        "certificate-not-trusted-by-app", "app",
        "Our back end fetches the token from an identity server in the hospital's own network. requests.exceptions.SSLError: certificate verify failed: unable to get local issuer certificate.",
        "javax.net.ssl.SSLHandshakeException: PKIX path building failed. The authorization server has a certificate of our corporate CA.",
        "javax.net.ssl.SSLHandshakeException: PKIX path validation failed: certificate expired on Sunday. The authorization server has a public certificate.",
    ),
    (
        "certificate-wrong", "authorization-server",
        "Since midnight each token request dies: Error: certificate has expired, CERT_HAS_EXPIRED. Nobody has touched the app.",
        "x509: certificate is valid for login.clinic.example, not auth.clinic.example, says our client in Go when it asks for the token.",
        "x509: certificate signed by unknown authority, says our client in Go when it asks auth.clinic.example for the token.",
    ),
    (
        "inner-name-unreachable", "app",
        "Both run in Docker. The app starts and then: fetch failed, connect ECONNREFUSED 127.0.0.1:8080 at http://localhost:8080/realms/ehr/.well-known/openid-configuration",
        "TypeError: fetch failed in getConfiguration. The discovery address in our settings is https://keycloak/realms/ehr/.well-known/openid-configuration, and in my browser it opens.",
        "TypeError: fetch failed in getConfiguration. The discovery address in our settings is https://login.clinic.example/realms/ehr/.well-known/openid-configuration",
    ),
    (
        "sign-in-told-as-dismissed", "app",
        "On Android promptAsync resolves with type: 'dismiss' although the user has signed in and the address carries a code. On iOS it is a success.",
        "Our Flutter app: after a successful login the plugin throws USER_CANCELLED, and nobody has cancelled anything.",
        "Our Flutter app: the address bar of the custom tab is blue after the login, and nobody has an idea how to make it green.",
    ),
    (
        "discovery-document-wrong", "authorization-server",
        "The smart-configuration returns an authorization_endpoint with another host than the public one, so every launch ends at an address that cannot be reached.",
        "token_endpoint in the openid-configuration lacks the realm in its path, and the code is then exchanged nowhere.",
        "token_endpoint in the openid-configuration has the realm in its path, and the code is then exchanged there.",
    ),
    (
        "fhir-server-failed", "fhir-server",
        "Every search of Observation at our FHIR server answers 500 with a stack trace of a NullPointerException. The token is good, and reading a Patient by id works.",
        "GET https://ehr.example/fhir/Condition?patient=1 gives me HTTP 503 half of the time, with or without filters. The token is not the point.",
        "Every exchange of a code at our token endpoint answers 500 with a stack trace of a NullPointerException. The FHIR server is not yet asked.",
    ),
    (
        "admin-consent-needed", "registration",
        "The screen says that this needs the administrator's consent. I am no administrator of that tenant, what can I do with my FHIR client?",
        "I can't add the permission to the API, as one has to be a tenant administrator for that, so nobody of us can sign in at the moment.",
        "The screen says that the administrator has given consent. I am no administrator of that tenant, and my FHIR client works.",
    ),
    (
        "endpoint-page-not-found", "app",
        "The browser shows Cannot GET /auth/authorize. Our app took it from https://launcher.example/.well-known/openid-configuration//auth/authorize as it was listed.",
        "404 not found, page not found at https://as.example//authorize?response_type=code&client_id=c1&redirect_uri=https%3A%2F%2Fa.example%2Fcb&state=abcdefghijklmnop",
        "The browser shows Cannot GET /charts/today. Our app took it from https://launcher.example/charts as it was listed.",
    ),
    (
        "about-way-back-to-app", "app",
        "The redirect with an https link works in Safari, but from our app the browser window never closes, and the redirect url is never received in the app.",
        "Sign-in on the phone\nThe browser does not close after the sign-in, and our deep link is never called.",
        "The window of the browser is closed by the user, and then he goes home, because it is late and the work is done.",
    ),
    (
        "session-not-kept", "app",
        "Behind the balancer the session is lost between launch and callback, and so the sign-in begins anew each time.",
        "Our express-session cookie is not stored by the browser after the launch page, and the callback finds an empty session.",
        "Behind the balancer the session is found again after launch and callback, and so the sign-in ends well each time.",
    ),
    (
        "sign-in-page-fails", "authorization-server",
        "The authorize page of our server answers 500 when it sends the browser on to its own login page, since its session does not persist.",
        "GET /oauth2/authorize gives HTTP 503 instead of the login, with every client that we have. Our own pages are up.",
        "GET /oauth2/authorize gives HTTP 404 instead of the login, with every client that we have. Our own pages are up.",
    ),
    (
        "user-without-patient", "session",
        "POST /token answers 400 invalid_grant: we could not find a patient match for the account that signed in. It began last night, with several test users.",
        "The launch stops with: No matching patient record found. The user signs in as she always does.",
        "The launch stops with: No matching client found. The user signs in as she always does.",
    ),
    (
        "authorization-header-lost", "app",
        "The call of the introspection endpoint does not send the Authorization header that we have configured, so our server says 401 to it.",
        "Apache strips the Authorization header from the token request, and the client is unknown to the server then.",
        "Apache passes the Authorization header of the token request on, and the client is known to the server then.",
    ),
    (
        "scope-missing", "app",
        "Since the update of Keycloak our plugin, which sends no scope at all, is answered with invalid_scope and nobody can sign in.",
        "The authorize request of our wiki has an empty scope, and the page says that something is not right with it.",
        "The authorize request of our wiki has the scope openid, and the page says that something is not right with it.",
    ),
    (
        "patient-context-missing", "app",
        "The sign-in goes through, and then our importer stops: the token answer did not include a patient id (check the launch/patient scope).",
        "After the exchange our app says: missing patient context in the token response (look at launch/patient).",
        "After the exchange our app says: missing practitioner in the token response (look at fhirUser).",
    ),
    (
        "about-fhir-access", "fhir-server",
        "Role-based access does not come to anything\nThe realm role is not mapped at our API: I obtain an access token, and nothing is shown to me.",
        "With the token of a nurse the roles are ignored by our data service, and reading resources fails, though the login is fine.",
        "With the token of a nurse the roles are heeded by our data service, and reading resources is what it should be.",
    ),
    (
        "cors-headers-missing", "fhir-server",
        "Sign-in works, and then reading the Patient from the FHIR server fails in the browser with a CORS error. The FHIR server is HAPI behind nginx.",
        "From the page https://app.example my fetch of the FHIR base is blocked by CORS, and /metadata too. With curl everything comes.",
        "Our Angular app gets the code all right. Then the call to the token endpoint ends in a CORS error in Chrome, while Postman gets a token with the same values.",
    ),
]  # fmt: skip
SYMPTOMS = {
    "unauthorized-at-fhir": (
        "My app got a token. But the FHIR server answers 401 to my requests for the patient. I do not understand why, can somebody give a hint please?",
        "My app got a token. And the FHIR server answers 200 to my requests for the patient. I do understand why, nobody has to give a hint.",
    ),
    "forbidden-at-fhir": (
        (
            "We hold a token and ask for what is in context with it, and I have no idea why our server then does what it does. Somebody knows?\n"
            "GET /fhir/Patient/1 HTTP/1.1\nHost: ehr.example\nAuthorization: Bearer a1b2c3d4e5f6\n\nHTTP/1.1 403\nContent-Length: 0\n"
        ),
        (
            "We hold a token and ask for what is in context with it, and I have no idea why our server then does what it does. Somebody knows?\n"
            "GET /fhir/Patient/1 HTTP/1.1\nHost: ehr.example\nAuthorization: Bearer a1b2c3d4e5f6\n\nHTTP/1.1 404\nContent-Length: 0\n"
        ),
    ),
    "token-endpoint-401": (
        "When our back end calls it with everything it has, the token endpoint answers 401 and nothing else, whatever we try since this Monday morning.",
        "When our back end calls it with everything it has, the token endpoint answers 200 and nothing else, whatever we try since this Monday morning.",
    ),
    "token-endpoint-400": (
        "When our back end calls it with everything it has, the token endpoint answers 400 and nothing else, whatever we try since this Monday morning.",
        "When our back end calls it with everything it has, the token endpoint answers 200 and nothing else, whatever we try since this Monday morning.",
    ),
    "back-to-sign-in": (
        "We use a library for all of this. The user signs in, and is then sent back to the login page, without any text anywhere. We are stuck here.",
        "We use a library for all of this. The user signs in, and is then sent on to the start page, without any text anywhere. We are glad here.",
    ),
    "nothing-after-sign-in": (
        "After I log in at the hospital's page, only a white page is shown and that is the end. I have tried it in two browsers. Any hint where to look?",
        "After I log in at the hospital's page, the whole chart is shown and that is the end. I have tried it in two browsers. Any wish what to add?",
    ),
    "sign-in-never-begins": (
        "On phones a tap on the Login button makes the page flash, and we are on the start page as before. On a desktop the same button works well.",
        "On phones a tap on the Login button makes the page change, and we are on the page of the hospital as it should be. On a desktop it works well.",
    ),
    "unauthorized-somewhere": (
        "Since we have changed the version of the framework, our plan executor dies with a 401 Unauthorized exception. Before, everything was in its place.",
        "Since we have changed the version of the framework, our plan executor ends with a 200 OK. Before, not everything was in its place, it seems to us.",
    ),
    "page-refuses-request": (
        "Hello, the authorize page only shows Oops, something went wrong, when I open my app from the launcher at the hospital. No text is given on it.",
        "Hello, the authorize page shows the name of my app, when I open it from the launcher at the hospital. A long text is given on it too.",
    ),
}


@pytest.mark.parametrize(("rule", "side", "text"), [(rule, side, text) for rule, side, one, two, _ in STORIES for text in (one, two)])
def test_story_has_its_cause_and_side(rule, side, text):
    first = load(text).report().diagnoses[0]
    assert (first.rule, first.side.value) == (rule, side)
    assert first.confidence is not Confidence.HIGH


@pytest.mark.parametrize(("rule", "near"), [(rule, near) for rule, _, _, _, near in STORIES])
def test_story_that_is_near_has_another(rule, near):
    assert rule not in [d.rule for d in load(near).report().diagnoses]


def test_every_symptom_has_its_cases_and_asks_for_what_exists():
    assert sorted(SYMPTOMS) == sorted(s.id for s in symptoms())
    for symptom in symptoms():
        assert len(symptom.causes) == 2
        assert symptom.causes[0].category is not symptom.causes[1].category
        assert set(symptom.asks) <= set(questions()[0])


@pytest.mark.parametrize("symptom", sorted(SYMPTOMS))
def test_symptom_names_two_causes_and_what_tells_them_apart(symptom):
    report = load(SYMPTOMS[symptom][0]).report()
    assert [d.rule for d in report.diagnoses] == [f"{PREFIX}{symptom}-1", f"{PREFIX}{symptom}-2"]
    assert {d.confidence for d in report.diagnoses} == {Confidence.LOW}
    assert len({d.next for d in report.diagnoses}) == 1
    assert report.missing


@pytest.mark.parametrize("symptom", sorted(SYMPTOMS))
def test_story_without_the_symptom_names_no_two_causes(symptom):
    assert not any(d.rule.startswith(PREFIX + symptom) for d in load(SYMPTOMS[symptom][1]).report().diagnoses)


def test_of_two_subjects_that_lead_together_both_are_named():
    report = load(
        "Either of two\nThe callback URL with its last slash fails, or the client secret in the Basic header does: I cannot tell."
    ).report()
    assert {d.rule for d in report.diagnoses} == {"about-redirect-uri", "about-client-authentication"}
    assert {d.confidence for d in report.diagnoses} == {Confidence.LOW}


def test_one_sentence_beside_many_does_not_outweigh_the_subject_of_the_text():
    text = "Silent renew loses the refresh token\n1. Sign in.\n2. Unplug the network.\n3. The silent renew ends in a network error.\n4. The refresh token is gone."
    assert load(text).report().diagnoses[0].rule == "about-refresh"
    assert load("3. The fetch ends in a network error.").report().diagnoses[0].rule == "browser-could-not-read"


def test_call_of_a_client_library_tells_that_the_fhir_server_answered():
    code = "I call `await client.request(`Encounter/${id}`)` in my route and all that comes back to me is HttpError: 401 Unauthorized, whatever I try."
    assert load(code).found[0].statuses == {"fhir": 401}
    assert load(code.replace("client.request(`Encounter", "api.ask(`Order")).found[0].statuses == {"any": 401}


@pytest.mark.parametrize(
    "text",
    [
        "SMART App Launch lets an app obtain a launch context. The app asks for the scope launch and gets a token with patient in it.",
        "We refresh the token every 10 minutes with the refresh token, which works well for us in production since May.",
        "Thank you for the great library! I use it with Epic and Cerner, and both of them work.",
        "How do I add a second redirect URI to my client in the console? I did not find it in the menu.",
        "Release notes: adds support for PKCE and for SameSite cookies, drops Node 12.",
        "The FHIR server is up. The token endpoint is up. All tests pass.",
        "Which scopes do you recommend for an app that shows observations of one patient?",
        "Is it possible to run the launcher offline on my own machine with Docker?",
        "In our clinic the login page is blue. The design of the consent page could be nicer, I think.",
    ],
)
def test_text_without_trouble_names_no_cause(text):
    assert load(text).report().declined


@pytest.mark.parametrize(
    "text",
    [
        "Our tool sits behind a proxy that ends TLS. It compares the response with the redirect_uri. The match fails because of the wrong scheme.",
        "Trouble with Caddy in front\nThe callback is made from the request. It says http where our registration has https, and so it is no match.",
    ],
)
def test_scheme_and_redirect_may_stand_in_different_sentences(text):
    assert load(text).report().diagnoses[0].rule == "redirect-scheme-of-proxy"


@pytest.mark.parametrize("words", ["The token contains not enough scope to make this call", "Forbidden: the scopes are too few for this"])
def test_too_few_scopes_are_told_of_the_token(words):
    first = (
        load(f"I can sign in, but the search of Appointments is answered 403 Forbidden. In the answer it says: {words}.")
        .report()
        .diagnoses[0]
    )
    assert (first.rule, first.side.value) == ("insufficient-scope-answer", "app")


def test_mention_of_a_silent_request_is_no_refusal_of_one():
    text = "The library renews with prompt=none in a frame. Now the refresh token is expired, and the token endpoint answers 400 to each renewal."
    assert load(text).report().diagnoses[0].category.value == "token-lifetime"
    assert (
        load("The request with prompt=none is answered with an error: login_required").report().diagnoses[0].category.value
        == "identity-session"
    )


def test_status_without_a_story_is_no_symptom():
    assert load('{"http_status": 401, "fhir_request": "GET Patient/1"}').report().declined


@pytest.mark.parametrize(
    ("text", "differ_in"),
    [
        ('issuer did not match, expected "https://a.example" got "https://a.example/"', "slash"),
        ("Invalid issuer: expected 'https://a.example/t1', but was 'https://a.example/t2'", "name"),
        ("issuer: expected: https://a.example current: http://a.example", "scheme"),
        ("Invalid token issuer. Expected 'http://kc:8080/realms/a', but was 'http://kc/realms/a'", "address"),
        ("unexpected issuer `https://a.example` (expected `https://a.example`)", "nothing"),
    ],
)
def test_issuers_of_one_message_are_compared(text, differ_in):
    m = Material()
    read_issuers(text, m)
    assert m.facts["issuers"]["differ_in"] == differ_in
    assert m.facts["issuers"]["ordered"]


def test_challenge_pasted_without_its_header_is_no_credential():
    m = load(
        'It says: Bearer authorization_uri="https://as.example", error="invalid_token", error_description="The audience is invalid"'
    ).found[0]
    assert m.errors == ["invalid_token"]
    assert not any("<access_token" in said.text for said in m.said)


def test_key_of_a_message_is_no_secret():
    report = load('{"message_key": "csrf_attack", "message": "It failed"}').report()
    assert report.diagnoses[0].rule == "state-not-kept"


def test_cause_that_the_story_tells_to_be_in_order_comes_second():
    story = "My program gets a token and the FHIR server answers 401 Unauthorized to every request, for three days now, whatever I read."
    assert load(story).report().diagnoses[0].category.value == "fhir-authorization"
    told = load(story + " The token is sent in the Authorization: Bearer header.").report().diagnoses
    assert [d.category.value for d in told] == ["aud", "fhir-authorization"]


def test_scopes_that_stand_in_a_sentence_are_read():
    text = (
        "We asked for scopes like system/Slot.read system/Patient.read and system/Patient.write in the token request.\n"
        '{"access_token": <valid token>, "scope": "system/Slot.read system/Patient.read", "token_type": "Bearer"}\n'
        "The write to Patient is refused with 403."
    )
    first = load(text).report().diagnoses[0]
    assert (first.rule, first.side.value) == ("some-scopes-dropped", "registration")
    assert "system/Patient.write" in first.cause


def test_progress_of_curl_is_no_message():
    text = (
        'With the curl command from https://docs.example/how I get a "invalid_client" error:\n'
        "*  CAfile: /etc/ssl/cert.pem\n* successfully set certificate verify locations:\n* TLSv1.2 (OUT), TLS handshake, Client hello (1):"
    )
    assert load(text).report().diagnoses[0].category.value == "client-auth"
    assert (
        load(text.replace("* successfully set certificate verify locations:", "curl: (60) self-signed certificate"))
        .report()
        .diagnoses[0]
        .category.value
        == "other"
    )


def test_header_that_a_shell_fills_in_is_not_ill_formed():
    command = 'curl https://as.example/token -H "Authorization: Basic $(echo -n $ID:$SECRET | base64)" -d grant_type=client_credentials -d scope=system/Patient.read\n'
    answer = '{"error": "invalid_client"}'
    assert "authorization-header-refused" not in [d.rule for d in load(command + answer).report().diagnoses]
    assert (
        load(command.replace("$(echo -n $ID:$SECRET | base64)", "id:secret") + answer).report().diagnoses[0].rule
        == "authorization-header-refused"
    )


def test_name_of_a_variable_is_no_redirect_uri():
    route = "The route calls authorize_redirect(redirect_uri=cfg.callback_uri) and dies there with a stack trace."
    assert not load(route).found[0].redirect_sent
    assert load(route.replace("cfg.callback_uri", "/callback_uri")).found[0].redirect_sent == "/callback_uri"


@pytest.mark.parametrize(
    ("text", "statuses"),
    [
        ("I post a Patient to the server with Postman. I am getting error as Unauthorized. What is missing?", {"fhir": 401}),
        ("When I read an Observation from the FHIR server, the response is Forbidden, every time.", {"fhir": 403}),
        ("The token endpoint says unauthorized_client when I ask it for a token, every time.", {}),
        ("Only an authorized person may see this page of the hospital, says its owner.", {}),
    ],
)
def test_status_may_be_told_by_its_words(text, statuses):
    assert load(text).found[0].statuses == statuses


def test_fresh_token_that_is_called_invalid_has_two_causes():
    told = load(
        "I get a token without trouble. With it GET /Patient/1 shows me: Invalid access token. The token is one minute old."
    ).report()
    assert [d.rule for d in told.diagnoses] == ["either-unauthorized-at-fhir-1", "either-unauthorized-at-fhir-2"]


def test_address_that_lacks_what_every_app_sends_was_shortened():
    story = "Here is what stands in the address bar when the page with the error of the hospital comes up: "
    short = story + "https://as.example/oauth2/authorize?client_id=abc-1&scope=openid+fhirUser which I have cut for you."
    assert not any(d.rule.startswith("request-") for d in load(short).report().diagnoses)
    whole = (
        story
        + "https://as.example/oauth2/authorize?client_id=abc-1&response_type=code&state=0123456789abcdef0123&scope=openid+fhirUser&aud=https://a.example/fhir for you."
    )
    assert load(whole).report().diagnoses[0].rule == "request-redirect_uri"


def test_key_of_an_encrypted_token_is_no_key_of_an_assertion():
    text = "Refreshing a token fails: invalid_grant: The specified kid 'k' is not found for JWE. The sign-in itself works."
    assert load(text).report().diagnoses[0].rule == "refresh-grant-refused"
    assert load(text.replace("JWE", "the client assertion")).report().diagnoses[0].category.value == "client-auth"


@pytest.mark.parametrize(
    "text",
    [
        'At one customer: oauth2: "invalid_client" "Missing or incomplete basic auth header in token request."',
        'The token endpoint says {"error": {"code": 500, "message": "invalid_client: malformed basic authentication header"}}',
    ],
)
def test_header_of_the_client_is_told_before_the_status(text):
    assert load(text).report().diagnoses[0].rule == "authorization-header-refused"


def test_address_behind_its_name_is_read_where_other_things_stand_around_it():
    m = load(
        "Please help.\n- Redirect URI: https://a.example/cb\n- Registered redirect URI = https://a.example/callback\nIt gives an error."
    ).found[0]
    assert m.redirect_sent == "https://a.example/cb"
    assert list(m.redirect_registered) == ["https://a.example/callback"]


def test_word_that_ends_in_no_denies_nothing():
    assert "unknown-client-refused" not in [
        d.rule for d in load("The Inferno client does not take a POST at its redirect URI. Is it meant so?").report().diagnoses
    ]
    assert load("The server says: no client registered under this id.").report().diagnoses[0].rule == "unknown-client-refused"


def test_missing_address_in_the_state_is_a_lost_state():
    text = "After the sign-in our log has: Missing redirect URL in OAuth callback state for provider x."
    assert load(text).report().diagnoses[0].category.value == "identity-session"
    assert load("After the sign-in the page has: Missing redirect URL.").report().diagnoses[0].category.value == "redirect-uri"


def test_page_that_never_leaves_for_the_sign_in_is_told():
    text = (
        "On the public host the library is not redirecting to my authorization server, and no error is shown. On localhost all of it works."
    )
    assert load(text).report().diagnoses[0].rule == "either-sign-in-never-begins-1"


def test_jwt_of_the_client_is_told_as_its_authentication():
    text = "I chose asymmetric auth with a JWKS. The token endpoint: invalid_client: Invalid client details token: jwt malformed"
    assert load(text).report().diagnoses[0].category.value == "client-auth"


@pytest.mark.parametrize(
    "text",
    [
        'POST /oauth2/token?grant_type=authorization_code&code=abcdefgh&client_id=app HTTP/1.1\nHost: as.example\n\n{"error":"invalid_request"}',
        'curl -X POST \'https://as.example/token?grant_type=refresh_token&refresh_token=abcdefgh\'\n\n{"error":"unsupported_grant_type"}',
        "I send https://as.example/token?grant_type=authorization_code&code=abcdefgh&client_id=app and get unsupported_grant_type",
    ],
)
def test_token_request_in_an_address_is_told(text):
    assert load(text).report().diagnoses[0].rule == "grant-type-unread"


def test_token_request_in_a_body_is_no_request_in_an_address():
    both = 'curl \'https://as.example/token?grant_type=authorization_code\' -d grant_type=authorization_code -d code=abcdefgh\n\n{"error":"unsupported_grant_type"}'
    assert load(both).report().diagnoses[0].rule == "grant-type-refused"
    text = 'curl https://as.example/token -d grant_type=authorization_code -d code=abcdefgh -d client_id=app\n\n{"error":"unsupported_grant_type"}'
    assert load(text).report().diagnoses[0].rule == "grant-type-refused"


def test_loop_after_the_sign_in_is_no_fault_of_a_shortened_request():
    request = "https://ehr.example/oauth2/authorize?client_id=app&redirect_uri=https%3A%2F%2Fa.example%2Fcb&response_type=code&state=hidden"
    text = f"Is it only me? I am sent to and fro between {request} and https://ehr.example/start, until the browser tells of too many redirects."
    assert load(text).report().diagnoses[0].rule == "sign-in-loop"
    refused = f"Is it only me? I open {request} for the pilot clinic of our region, and the server only says invalid_request."
    assert load(refused).report().diagnoses[0].rule != "sign-in-loop"


def test_state_that_an_error_lacks_is_not_what_the_error_is_about():
    text = "I send https://ehr.example/authorize?response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fa.example%2Fcb&scope=openid&aud=https%3A%2F%2Fehr.example%2Ffhir&state=abc and come back to https://a.example/cb?error=invalid_user&error_description=User%20not%20found."
    assert load(text).report().diagnoses[0].rule == "user-unknown"


def test_answer_below_a_request_needs_no_status_line():
    refused = '{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"forbidden","diagnostics":"insufficient scope"}]}'
    request = "GET /fhir/Patient/1 HTTP/1.1\nHost: ehr.example\nAuthorization: Bearer abcdef.gh\n\n"
    read = load(request + refused).report()
    assert read.diagnoses[0].category.value == "fhir-authorization"
    assert "an OperationOutcome" in read.read
    sent = 'POST /fhir/Patient HTTP/1.1\nHost: ehr.example\nContent-Type: application/fhir+json\n\n{"resourceType":"Patient","active":true}'
    assert load(sent).report().diagnoses == []


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("grant_type=authorization_code&code=&redirect_uri=https%3A%2F%2Fa.example%2Fcb&client_id=app", "code-not-sent"),
        ("grant_type=authorization_code&code=undefined&redirect_uri=https%3A%2F%2Fa.example%2Fcb&client_id=app", "code-not-sent"),
        ("grant_type=authorization_code&redirect_uri=https%3A%2F%2Fa.example%2Fcb&client_id=app&code=", ""),
        ("grant_type=authorization_code&code=abcdefgh&redirect_uri=https%3A%2F%2Fa.example%2Fcb&client_id=app", ""),
    ],
)
def test_code_that_is_named_and_not_given_is_told_of_the_form_alone(text, rule):
    assert [d.rule for d in load(text).report().diagnoses][:1] == ([rule] if rule else [])


REFUSED = '\n{"error":"invalid_request"}'


@pytest.mark.parametrize(
    "text",
    [
        "curl https://ehr.example/token -F grant_type=authorization_code -F code=abcdefgh" + REFUSED,
        json.dumps(
            {
                "info": {"name": "n", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
                "item": [
                    {
                        "request": {
                            "method": "POST",
                            "url": "https://ehr.example/token",
                            "body": {"mode": "raw", "raw": '{"grant_type":"authorization_code"}', "options": {"raw": {"language": "json"}}},
                        },
                        "response": [{"code": 400, "body": '{"error":"unsupported_grant_type"}'}],
                    }
                ],
            }
        ),
    ],
)
def test_token_request_that_is_no_form_is_told(text):
    assert load(text).report().diagnoses[0].rule == "token-request-form"


def test_reason_of_a_refusal_outweighs_a_verifier_that_is_not_there():
    sent = "curl https://ehr.example/token -d grant_type=authorization_code -d code=abcdefgh -d client_id=app\n"
    named = load(sent + '{"error":"invalid_grant","error_description":"Missing redirect_uri"}').report().diagnoses[0]
    assert named.rule == "redirect-not-sent"
    assert load(sent + '{"error":"invalid_grant"}').report().diagnoses[0].rule == "pkce-verifier-missing"


def test_error_without_state_is_first_of_all_that_error():
    request = (
        "https://ehr.example/authorize?response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fa.example%2Fcb&scope=openid&state="
        + "s" * 24
    )
    back = "\n\nHTTP/1.1 302 Found\nLocation: https://a.example/cb?error=invalid_request&error_description=Invalid+aud\n"
    causes = [d.rule for d in load(request + "&aud=https%3A%2F%2Fehr.example%2Ffhir" + back).report().diagnoses]
    assert causes[0] == "aud-refused"
    assert "state-altered" not in causes


def test_gateway_that_refuses_a_token_is_told_by_its_number():
    read = load('{"fault":{"faultstring":"Invalid access token","detail":{"errorcode":"oauth.v2.InvalidAccessToken"}}}').report()
    assert read.vendor == "apigee"
    assert read.diagnoses[0].category.value == "fhir-authorization"


CONFIGURATION = {
    "authorization_endpoint": "https://as.example/authorize",
    "token_endpoint": "https://as.example/token",
    "grant_types_supported": ["authorization_code"],
    "capabilities": ["launch-ehr", "permission-v2"],
    "code_challenge_methods_supported": ["S256"],
}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({}, ""),
        ({"token_endpoint": None}, "token_endpoint"),
        ({"code_challenge_methods_supported": ["plain"]}, "plain"),
        ({"code_challenge_methods_supported": None}, "code_challenge_methods_supported"),
        ({"code_challenge_methods_supported": None, "capabilities": ["launch-ehr"], "grant_types_supported": None}, ""),
        ({"capabilities": ["launch-ehr", "permission-v2", "sso-openid-connect"], "issuer": "https://as.example"}, "jwks_uri"),
    ],
)
def test_configuration_is_looked_at_on_its_own(change, named):
    document = {k: v for k, v in (CONFIGURATION | change).items() if v is not None}
    found = load(json.dumps(document)).report().diagnoses
    assert [d.rule for d in found] == (["configuration-faulty"] if named else [])
    assert not named or named in found[0].cause


def test_token_is_read_back_without_persons_and_signature():
    part = base64.urlsafe_b64encode(
        json.dumps(
            {"iss": "https://as.example/x", "aud": "https://ehr.example/fhir", "exp": 1600000000, "sub": "jane.roe", "scope": "openid"}
        ).encode()
    )
    read = load("eyJhbGciOiJSUzI1NiJ9." + part.decode().rstrip("=") + ".c2lnbmVk").report()
    told = " ".join(read.read)
    assert "of as.example, for ehr.example, valid until 2020-09-13 12:26 UTC" in told
    assert "jane" not in told
    assert "c2ln" not in told


SENT = (
    "https://ehr.example/authorize?response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fa.example%2Fcb&scope=openid"
    "&state=abcdefghijklmnopqrstuvwx&aud=https%3A%2F%2Fehr.example%2Ffhir"
    "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("%2Ffhir", "%2Ffhir%2Fmetadata", "it ends with '/metadata' (character 25)"),
        ("%2Ffhir", "%2Ffhir%2F.well-known%2Fsmart-configuration", "'/.well-known/smart-configuration'"),
        ("%2Ffhir", "%2Ffhir%2Fmetadata-team", ""),
        ("scope=openid", "scope=launch%20openid&launch=undefined", "launch: it is 'undefined'"),
        ("scope=openid", "scope=launch%20openid&launch=undefined7", ""),
        ("scope=openid", "scope=launch%20openid&launch=nil", "launch: it is 'nil'"),
        ("scope=openid", "scope=openid%C2%A0fhirUser", "character 7 is no plain one (NO-BREAK SPACE)"),
        ("scope=openid", "scope=openid%20fhirUser", ""),
        ("=https%3A%2F%2Fa.", "=http%3A%2F%2Fa.", "redirect_uri: http on the host"),
        ("=https%3A%2F%2Fa.example", "=http%3A%2F%2F127.0.0.1%3A3000", ""),
        ("=https%3A%2F%2Fa.example", "=http%3A%2F%2F192.168.1.7%3A3000", ""),
        ("=https%3A%2F%2Fa.example", "=http%3A%2F%2F192.168.a.example", "redirect_uri: http on the host"),
    ],
)
def test_request_names_the_value_that_no_server_takes(old, new, named):
    found = load(SENT.replace(old, new)).report().diagnoses
    assert not named or named in found[0].evidence[0].text
    assert named or not found


def test_code_of_the_server_log_outweighs_the_page_of_the_browser():
    page = "The browser shows: Invalid parameter: redirect_uri. "
    assert load(page).report().diagnoses[0].rule == "redirect-refused"
    log = "2026-01-01 09:00:00 WARN [events] type=LOGIN_ERROR, clientId=portal, error=client_not_found"
    assert load(page + "In the log of the server stands\n" + log).report().diagnoses[0].category.value == "client-registration"


def test_words_of_a_message_do_not_choose_among_its_own_causes():
    text = '{"errors":[{"status":401,"title":"Unauthorized","detail":"Invalid client: client is invalid"}]}'
    assert load("Our callback logs get_access_token_error with " + text).report().diagnoses[0].rule == "authentication-any"


def test_what_a_description_of_claims_says_of_replays_is_no_refusal():
    text = 'ERROR request access to invalid scope {"scope":"system/Patient.read","known":{"nonce":{"description":"Value used to detect replay attacks"}}}'
    assert load(text).report().diagnoses[0].category.value == "scope-registration"


@pytest.mark.parametrize(
    ("of", "told"),
    [("Our check of the issuer fails after the update:", True), ("Our check of the issuer's redirect address fails:", False)],
)
def test_issuers_on_two_lines_are_compared(of, told):
    text = of + "\n\nExpected: https://as.example/realms/clinic\nGot:      https://as.example/realms/clinic/\n"
    assert ("issuer-not-as-expected" in [d.rule for d in load(text).report().diagnoses]) is told


def test_subject_of_the_message_itself_leaves_nothing_open():
    text = (
        "With client authentication by client_secret_basic the client authentication of our app is refused: the token endpoint says "
        "client authentication failed. An invalid client is not registered like that, we think."
    )
    assert load(text).report().diagnoses[0].category.value == "client-auth"


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("code_challenge_method", "pkce-challenge-missing"),
        ("code_verifier", "pkce-verifier-missing"),
        ("scope", "scope-missing"),
        ("client_id", "client-id-missing"),
        ("code", "code-not-sent"),
        ("aud", "aud-missing"),
        ("zone", "request-malformed"),
    ],
)
def test_parameter_that_a_message_misses_is_its_only_cause(name, rule):
    assert [d.rule for d in load(f"Missing parameter: {name}").report().diagnoses] == [rule]


def test_launch_value_that_a_program_does_not_have_is_told_of_a_story_too():
    request = SENT.replace("scope=openid", "scope=launch%20openid&launch={}")
    story = "It stops at the sign-in page, and I do not know why. Our page opens " + request + " for the clinic. Is that right?"
    for value, rules in (("nil", ["request-launch"]), ("nil7", [])):
        assert [d.rule for d in load(story.replace("{}", value)).report().diagnoses if d.rule.startswith("request-")] == rules


def test_setting_of_an_issuer_is_no_progress_of_curl():
    settings = "Our application.yml has\n  issuer: https://as.example/realms/a\n  subject: what the user is called"
    assert "realms/a . subject: what" in read_prose(settings, alone=False).asker.replace("  ", " ")
    assert "ehr.example" not in read_prose("It shows\n*  issuer: C=US; O=A\n*  subject: CN=ehr.example", alone=False).asker


def test_question_that_shows_a_demand_is_one():
    told = load("The logs of the token endpoint show that it requires a client secret: invalid_client")
    assert told.report().diagnoses[0].rule == "credentials-absent"
    assert "credentials-absent" not in [d.rule for d in load("How come that it requires a client secret?").report().diagnoses]
