"""Each rule fires on a case of its own and stays silent on one close to it; the data of rules and vendors is whole."""

import json
import re
from pathlib import Path

import pytest

import smartlaunch.diagnosis.signals as signals_module
from smartlaunch.diagnosis import load, read_observation, weighing
from smartlaunch.diagnosis.libraries import libraries
from smartlaunch.diagnosis.model import DEFINITIONS, Category
from smartlaunch.diagnosis.signals.observing import observe
from smartlaunch.diagnosis.subjects import subjects
from smartlaunch.diagnosis.symptoms import symptoms
from smartlaunch.diagnosis.vendor import all_vendors

ALIKE = {"expected": "https://as.example", "found": "https://as.example", "ordered": True, "differ_in": "nothing", "refused": True}
URN = "urn:cerner:error:authorization-server:"
ORACLE = "Oracle Health"
AUTHORIZE = "https://authorization.cerner.com/tenants/ec2458f2-1e24-41c8-b71b-0e701af7583d/protocols/oauth2/profiles/smart-v1/personas/provider/authorize"

REQUEST = (
    "https://as.example/authorize?response_type=code&client_id=c1&redirect_uri=https%3A%2F%2Fa.example%2Fcb&scope=openid+fhirUser"
    "&state="
    + "s" * 22
    + "&aud=https%3A%2F%2Fehr.example%2Ffhir&code_challenge=7XKgoitPPSi3blr40UZ8vqDJkQrOyXvudsqQdV1jdC8&code_challenge_method=S256"
)
DOORKEEPER = "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client."

# rule -> (what fires it, what is close and must not); "_facts" are facts as a recorder derives them, "_set" fields of the material
CASES = {
    "access-too-wide": ({"notes": "every user who is signed in gets all patients"}, {"notes": "every user who is signed in gets a token"}),
    "origin-not-registered": ({"error": "invalid_request", "error_description": "error_reason: invalid_origin"}, {"error": "invalid_request", "error_description": "error_reason: a_valid_origin"}),
    "broker-failed": ({"error": "type=IDENTITY_PROVIDER_LOGIN_ERROR, error=identity_provider_login_failure"}, {"error": "type=IDENTITY_PROVIDER_LOGIN, identity_provider=ehr"}),
    "sign-in-begun-twice": ({"error": "BrowserAuthError: interaction_in_progress: Interaction is currently in progress."}, {"error": "BrowserAuthError: interaction is over"}),
    "redirect-answer-lost": ({"error": "Error: No state in response"}, {"error": "Error: the state is in the response"}),
    "endpoint-elsewhere": ({"error": "Error loading discovery document: Endpoint is on a different host than authority: https://login.example.com/authorize"}, {"error": "the endpoints are on the host of the authority"}),
    "logout-hint-refused": ({"error": "invalid_request", "error_description": "could not validate id_token_hint"}, {"error": "invalid_request", "error_description": "id_token_hint is validated"}),
    "method-not-allowed": ({"error": "invalid_request", "http_status": 405}, {"error": "invalid_request", "http_status": 404}),
    "response-iss-missing": ({"error": 'OperationProcessingError: response parameter "iss" (issuer) missing'}, {"error": 'response parameter "iss" (issuer) read'}),
    "refresh-answered-400": ({"http_status": 400, "token_request": {"grant_type": "refresh_token", "refresh_token": "r", "client_id": "app"}}, {"http_status": 400, "error": "invalid_grant", "token_request": {"grant_type": "refresh_token", "refresh_token": "r", "client_id": "app"}}),
    "library-setting-missing": ({"error": "TypeError: OAuth2Strategy requires a clientID option"}, {"error": "TypeError: OAuth2Strategy has its options"}),
    "id-token-absent": ({"error": "[invalid_id_token] Missing (required) ID Token in Token Response for Client Registration: ehr"}, {"error": "[invalid_id_token] ID Token in Token Response for Client Registration: ehr"}),
    "id-token-unusable": ({"error": "PlatformException: Invalid ID Token"}, {"error": "PlatformException: ID Token"}),
    "id-token-algorithm": ({"error": "RPError: unexpected JWT alg received, expected RS256, got: HS256"}, {"error": "RPError: JWT alg received, RS256"}),
    "token-algorithm": ({"error": 'JOSEAlgNotAllowed: "alg" (Algorithm) Header Parameter value not allowed'}, {"error": 'JOSEAlg: "alg" (Algorithm) Header Parameter value'}),
    "own-key-unusable": ({"error": "Error: secretOrPrivateKey must be an asymmetric key when using RS384"}, {"error": "Error: an asymmetric key when using RS384"}),
    "assertion-key-absent": ({"error": "TypeError: no client jwks provided for signing a client assertion with"}, {"error": "TypeError: client jwks provided"}),
    "account-of-another-sign-in": ({"error": "OAuthAccountNotLinked"}, {"error": "OAuthAccountLinked"}),
    "session-key-changed": ({"error": "Exception: Unable to unprotect the message.State."}, {"error": "Exception: the message.State."}),
    "api-not-set-up": ({"error": "InvalidOperationException: No authenticationScheme was specified, and there was no DefaultChallengeScheme found."}, {"error": "InvalidOperationException: the scheme was found."}),
    "code-challenge-not-offered": ({"error": "Error: Required PKCE code challenge method (`S256`) was not found in the server's codeChallengeMethods declaration."}, {"error": "Error: PKCE in the server's declaration."}),
    "sign-in-stale": ({"error": "AuthorizationError: Too much time has elapsed since last authentication."}, {"error": "AuthorizationError: some time has gone by"}),
    "answer-body-unread": ({"error": "TypeError: incoming message body missing, include a body parser prior to this method call"}, {"error": "TypeError: incoming message"}),
    "server-keys-unreadable": ({"error": "JOSEError: Expected 200 OK from the JSON Web Key Set HTTP response"}, {"error": "JOSEError: 200 OK from the JSON Web Key Set HTTP response"}),
    "userinfo-failed": ({"error": "InternalOAuthError: Failed to fetch user profile"}, {"error": "InternalOAuthError: the user profile"}),
    "embedded-page-signs-in": ({"error": "BrowserAuthError: redirect_in_iframe: Redirects are not supported for iframed or brokered applications"}, {"error": "BrowserAuthError: redirects are supported"}),
    "not-signed-in-yet": ({"error": "Exception: Cannot sign headers since I have no access token"}, {"error": "Exception: the headers were signed"}),
    "nonce-required": ({"error": "Nonce required for implicit and hybrid flow with openid scope"}, {"error": "The nonce is there for implicit and hybrid flow with openid scope"}),
    "user-without-app": ({"error": "social_core.exceptions.AuthForbidden: Your credentials aren't allowed"}, {"error": "social_core.exceptions: Your credentials are allowed"}),
    "sign-in-ended-by-window": ({"error": "AuthorizationException: User cancelled flow"}, {"error": "AuthorizationException: flow"}),
    "discovery-needs-token": ({"_told": "The address https://ehr.example/fhir/.well-known/smart-configuration answers 401 Unauthorized."}, {"_told": "The address https://ehr.example/fhir/.well-known/smart-configuration answers 404 Not Found."}),
    "server-breaks-specification": ({"notes": "the token endpoint does not follow RFC 6749"}, {"notes": "the token endpoint follows RFC 6749"}),
    "token-answer-lacks-member": ({"notes": "the server is not sending expires_in"}, {"notes": "the server is sending expires_in"}),
    "server-replaced": ({"notes": "the sandbox has been replaced"}, {"notes": "the sandbox has been useful"}),
    "redirect-is-launch-page": ({"redirect_uri": "https://a.example/launch", "launch_uri": "https://a.example/launch"}, {"redirect_uri": "https://a.example/cb", "launch_uri": "https://a.example/launch"}),
    "request-refused-with-reason": ({"error": "invalid_request", "error_description": "Domain header absent"}, {"error": "invalid_request", "error_description": "Bad Request"}),
    "client-refused-with-reason": ({"error": "invalid_client", "error_description": "Tier of the app is closed"}, {"error": "invalid_client", "error_description": "invalid client"}),
    "grant-refused-with-reason": ({"error": "invalid_grant", "error_description": "Nothing is stored under it"}, {"error": "invalid_grant", "error_description": "null"}),
    "userinfo-refuses-token": ({"error": "Unable to fetch user info: 400 Bad Request: Invalid token"}, {"error": "Unable to fetch user info: no route"}),
    "token-beside-other-proof": ({"error": "Only one auth mechanism allowed; use the signature or the Authorization header"}, {"error": "The signature does not match"}),
    "fhir-request-not-served": ({"fhir_request": "GET Patient?who=1", "error": "The FHIR endpoint on this server does not know how to handle GET operation[Patient] with parameters [[who]]"}, {"fhir_request": "GET Patient?who=1", "error": "The FHIR endpoint on this server knows how to handle the GET"}),
    "silent-renewal-unanswered": ({"error": "Error: Frame window timed out"}, {"error": "Error: Frame window closed"}),
    "access-denied-with-reason": ({"error": "access_denied", "error_description": "No eligible membership was found for the member"}, {"error": "access_denied", "error_description": "denied"}),
    "redirect-unparsable": ({"redirect_uri": "app://", "error": "Expected authority at index 6: app://"}, {"token_endpoint": "https//as.example/token", "error": "Expected authority at index 6: app://"}),
    "address-unparsable": ({"token_endpoint": "https//as.example/token", "error": "java.net.MalformedURLException: no protocol: https//as.example/token"}, {"redirect_uri": "app://cb", "error": "java.net.MalformedURLException: no protocol: x"}),
    "token-request-unauthorized": ({"token_request": "POST /token grant_type=password, Basic", "http_status": 401}, {"token_request": "POST /token grant_type=password, Basic", "http_status": 400}),
    "assertion-told-refused": ({"error": "invalid_client", "notes": "we sign a JWT with RS384 for the backend service"}, {"error": "invalid_client", "notes": "we send the id and the secret"}),
    "token-audience-not-app": ({"error": "audience from claim aud with value [account] does not match with any of allowed audiences map[app:{}]"}, {"error": "the audience was read from the claim aud"}),
    "api-sends-to-sign-in": ({"notes": "the FHIR server redirects to the login page although a valid token is sent"}, {"notes": "the app redirects to the login page, as it should"}),
    "grant-gives-no-refresh": ({"token_request": "grant_type=client_credentials", "notes": "no refresh token came"}, {"token_request": "grant_type=authorization_code", "notes": "no refresh token came"}),
    "endpoint-empty": ({"error": "Get : unsupported protocol scheme"}, {"error": "Get https://as.example/userinfo: no answer"}),
    "claim-not-there": ({"error": "Can not get identifier from provider"}, {"error": "The provider gave an identifier"}),
    "smart-scopes-dropped": ({"requested_scopes": "openid launch fhirUser patient/*.read", "granted_scopes": "openid"}, {"requested_scopes": "openid launch fhirUser patient/*.read", "granted_scopes": "openid launch fhirUser"}),
    "https-needed": ({"error": "(insecure_transport) OAuth 2 MUST utilize https."}, {"error": "OAuth 2 is spoken over https."}),
    "wildcard-dropped": ({"requested_scopes": "openid patient/*.read", "granted_scopes": "openid"}, {"requested_scopes": "openid patient/*.read", "granted_scopes": "openid patient/*.read"}),
    "wildcard-dropped-by-policy": ({"vendor": ORACLE, "requested_scopes": "openid patient/*.read", "granted_scopes": "openid"}, {"vendor": "Epic", "requested_scopes": "openid patient/*.read", "granted_scopes": "openid"}),
    "wildcard-refused": ({"requested_scopes": "openid user/Patient.*", "error": "invalid_scope"}, {"requested_scopes": "openid user/Patient.read", "error": "invalid_scope"}),
    "scope-ill-formed": ({"requested_scopes": "patient/Patient.create patient/Patient.read", "granted_scopes": "patient/Patient.read"}, {"requested_scopes": "patient/Patient.write patient/Patient.read", "granted_scopes": "patient/Patient.read"}),
    "scope-comma": ({"requested_scopes": "system/Patient.read,system/Slot.read", "error": "invalid_scope"}, {"requested_scopes": "system/Patient.read system/Slot.read", "error": "invalid_scope"}),
    "scope-contexts-mixed": ({"requested_scopes": "patient/Patient.rs system/Patient.rs", "error": "invalid_scope"}, {"requested_scopes": "patient/Patient.rs user/Patient.rs", "error": "invalid_scope"}),
    "version-mismatch": ({"smart_version": "v2", "requested_scopes": "patient/Patient.read", "error": "invalid_scope"}, {"smart_version": "v2", "requested_scopes": "patient/Patient.rs", "error": "invalid_scope"}),
    "all-plain-scopes-dropped": ({"vendor": ORACLE, "requested_scopes": "launch patient/Patient.read", "granted_scopes": "launch"}, {"vendor": ORACLE, "requested_scopes": "launch patient/Patient.read patient/Slot.read", "granted_scopes": "launch patient/Patient.read"}),
    "other-version-dropped": ({"requested_scopes": "patient/Patient.rs patient/Observation.read", "granted_scopes": "patient/Patient.rs"}, {"requested_scopes": "patient/Patient.rs patient/Observation.rs", "granted_scopes": "patient/Patient.rs"}),
    "scopes-not-registered": ({"requested_scopes": "openid patient/Slot.read", "registered_scopes": "openid patient/Patient.read", "error": "invalid_scope"}, {"requested_scopes": "openid patient/Patient.read", "registered_scopes": "openid patient/Patient.read", "error": "invalid_scope"}),
    "some-scopes-dropped": ({"requested_scopes": "patient/Patient.read patient/Slot.read", "granted_scopes": "patient/Patient.read"}, {"requested_scopes": "patient/Patient.read patient/Slot.read", "granted_scopes": "patient/Patient.read ... (list cut)"}),
    "scope-not-allowed": ({"error": "unauthorized_client", "error_description": "scope is not allowed"}, {"error": "unauthorized_client", "error_description": "scope is allowed"}),
    "nothing-grantable": ({"urn": URN + "oauth2:token:empty-scopes"}, {"urn": URN + "oauth2:token:empty-scope-cache"}),
    "scope-refused": ({"error": "invalid_scope", "requested_scopes": "openid"}, {"error": "invalid_request", "requested_scopes": "openid"}),
    "system-asks-person-scopes": ({"app_type": "system", "requested_scopes": "patient/Patient.read", "error": "invalid_scope"}, {"app_type": "system", "requested_scopes": "system/Patient.read", "error": "invalid_scope"}),
    "offline-dropped": ({"requested_scopes": "openid offline_access", "granted_scopes": "openid"}, {"requested_scopes": "openid offline_access", "granted_scopes": "openid offline_access"}),
    "persona-scopes-dropped": ({"app_type": "provider", "requested_scopes": "openid launch/patient", "granted_scopes": "openid"}, {"app_type": "patient", "requested_scopes": "openid launch/patient", "granted_scopes": "openid"}),
    "launch-without-value": ({"urn": URN + "smart-v1:grant:launch:code-required"}, {"urn": URN + "smart-v1:grant:launch:invalid-launch-code"}),
    "launch-value-invalid": ({"urn": URN + "smart-v1:grant:launch:invalid-code"}, {"urn": URN + "oauth2:token:code:invalid"}),
    "launch-value-reused": ({"_facts": {"launch_reused": True}}, {"_facts": {"launch_reused": False, "launch_equal": True}}),
    "launch-patient-on-provider": ({"vendor": ORACLE, "app_type": "provider", "requested_scopes": "launch/patient openid"}, {"vendor": ORACLE, "app_type": "patient", "requested_scopes": "launch/patient openid"}),
    "opened-without-launch": ({"error": "no authorization server found", "launch_uri": "http://localhost/launch.html"}, {"error": "the authorization server answered", "launch_uri": "http://localhost/launch.html"}),
    "system-token-has-no-patient": ({"app_type": "system", "notes": "the token carries no patient"}, {"app_type": "patient", "notes": "the token carries no patient"}),
    "patient-context-missing": ({"error": "Cannot enforce patient claims without a launch context", "http_status": 400}, {"error": "Cannot enforce claims", "http_status": 400}),
    "encounter-required": ({"urn": "urn:cerner:error:oauth2:resource-access:encounter-required"}, {"urn": "urn:cerner:error:oauth2:resource-access:encounter-closed"}),
    "launch-out-of-order": ({"urn": URN + "preauthentication"}, {"urn": URN + "authentication"}),
    "redirect-not-registered": ({"redirect_uri": "https://a.example/cb/", "registered_redirect_uri": "https://a.example/cb"}, {"redirect_uri": "https://a.example/cb", "registered_redirect_uri": "https://a.example/cb"}),
    "redirect-refused": ({"error": "redirect_uri is not registered"}, {"error": "redirect_uri is registered"}),
    "redirect-not-absolute": ({"redirect_uri": "myapp://", "error": "invalid_request"}, {"redirect_uri": "myapp://cb", "error": "invalid_request"}),
    "redirect-differs-between-steps": ({"_facts": {"redirect_uri_equal": False}, "error": "invalid_grant"}, {"_facts": {"redirect_uri_equal": True}, "error": "invalid_grant"}),
    "no-detail-page": ({"error": "OAuth2 Error", "redirect_uri": "https://a.example/cb"}, {"error": "OAuth2 Error"}),
    "app-id-as-client-id": ({"client_id": "a1", "app_id": "a1"}, {"client_id": "a1", "app_id": "b2"}),
    "unknown-client-refused": ({"error": "unknown client", "http_status": 400}, {"error": "known client", "http_status": 400}),
    "client-is-another-one": ({"registered_client_id": "f010a897-b662-4152-bb22-b87bcd3cba54", "error_context": "client=908d5cee-a54b-434d-847a-9765a9df9c53"}, {"registered_client_id": "f010a897-b662-4152-bb22-b87bcd3cba54", "error_context": "client=f010a897-b662-4152-bb22-b87bcd3cba54"}),
    "code-client-mismatch": ({"urn": URN + "oauth2:token:code:client:mismatch"}, {"urn": URN + "oauth2:token:code:client"}),
    "client-not-enabled": ({"urn": URN + "oauth2:grant:unauthorized-client-for-tenant"}, {"urn": URN + "oauth2:grant:unknown-client"}),
    "grant-type-refused": ({"error": "unsupported_grant_type"}, {"error": "invalid_grant"}),
    "grant-type-unread": ({"error": "invalid_request", "error_description": "The grant_type parameter is missing."}, {"error": "invalid_request", "error_description": "The code parameter is missing."}),
    "grant-type-misspelt": ({"error": "unsupported_grant_type", "error_description": "The grant_type [refresh_token\\n] is not known."}, {"error": "unsupported_grant_type", "error_description": "The grant_type [refresh_token] is not known."}),
    "user-unknown": ({"error": "invalid_user", "error_description": "User not found."}, {"error": "invalid_user_info", "error_description": "User session not found."}),
    "configuration-faulty": ({"_facts": {"configuration_faults": ["token_endpoint is missing"]}}, {"_facts": {"configuration_faults": []}}),
    "request-redirect-http": ({"authorize_url": REQUEST.replace("https%3A%2F%2Fa.example", "http%3A%2F%2Fa.example")}, {"authorize_url": REQUEST.replace("https%3A%2F%2Fa.example", "http%3A%2F%2Flocalhost%3A8080")}),
    "answer-without-access-token": ({"error": "TypeError: no access token provided"}, {"error": "TypeError: no client provided"}),
    "nonce-not-returned": ({"_told": "We send a nonce, but the nonce is not returned in the id_token of this server."}, {"_told": "We send a nonce, and the nonce is returned in the id_token of this server, yet it fails."}),
    "session-not-reused": ({"_told": "The launch from the chart shows the login page instead of using the existing session of the clinician."}, {"_told": "The launch from the chart shows a blank page instead of using the existing session of the clinician."}),
    "redirect-not-sent": ({"error": "invalid_grant", "error_description": "The parameter redirect_uri is missing."}, {"error": "invalid_grant", "error_description": "The parameter client_id is missing."}),
    "state-missing-from-error": ({"error": "invalid_target", "_facts": {"state_present": True, "state_returned": False}}, {"error": "invalid_target", "_facts": {"state_present": True, "state_returned": True}}),
    "unsupported-response": ({"error": "unsupported_response_type"}, {"error": "unsupported_grant_type"}),
    "unauthorized-client": ({"error": "unauthorized_client"}, {"error": "unauthorized"}),
    "bearer-at-token-endpoint": ({"token_request": "Authorization: Bearer abc"}, {"token_request": "Authorization: Basic abc"}),
    "basic-percent-encoded": ({"_facts": {"basic_percent_encoded": True}, "error": "invalid_client"}, {"_facts": {"basic_percent_encoded": False}, "error": "invalid_client"}),
    "authorization-header-refused": ({"urn": URN + "oauth2:token:invalid_authorization_header"}, {"urn": URN + "oauth2:token:invalid_client_credentials"}),
    "credentials-refused": ({"urn": URN + "oauth2:token:invalid-client-credentials"}, {"urn": URN + "oauth2:token:invalid-authorization-header"}),
    "confidential-without-authentication": ({"privacy": "confidential", "token_request": "code exchange without Authorization header", "error": "invalid_client"}, {"privacy": "public", "token_request": "code exchange without Authorization header", "error": "invalid_client"}),
    "public-client-with-secret": ({"privacy": "public", "token_request": "authorization_code, Basic", "error": "invalid_client"}, {"privacy": "confidential", "token_request": "authorization_code, Basic", "error": "invalid_client"}),
    "refresh-without-authentication": ({"privacy": "confidential", "token_request": "grant_type=refresh_token without Basic"}, {"privacy": "confidential", "token_request": "grant_type=refresh_token with Basic"}),
    "assertion-faulty": ({"client_assertion": {"iss_equals_sub": False, "lifetime_seconds": 60}, "error": "invalid_client"}, {"client_assertion": {"iss_equals_sub": True, "lifetime_seconds": 60}, "error": "invalid_client"}),
    "assertion-refused": ({"error": "invalid_client", "error_description": "jti was used before"}, {"error": "invalid_client", "error_description": "it was used before"}),
    "assertion-key": ({"urn": URN + "client-assertion:jwt-bearer:invalid-signature"}, {"urn": URN + "client-assertion:jwt-bearer:other"}),
    "assertion-not-accepted": ({"token_request": "client_credentials, client_assertion", "error": "invalid_client"}, {"token_request": "client_credentials, client_assertion", "error": "invalid_scope"}),
    "clock-skew": ({"clock_skew": 400, "error": "invalid_client"}, {"clock_skew": 4, "error": "invalid_client"}),
    "client-refused": ({"token_request": "authorization_code, Basic", "error": "invalid_client"}, {"token_request": "authorization_code, Basic", "error": "invalid_grant"}),
    "token-request-form": ({"token_request": "application/json body"}, {"token_request": "form body"}),
    "pkce-ill-formed": ({"code_verifier": "a+b/" * 12, "error": "invalid_grant"}, {"code_verifier": "a-b_" * 12, "error": "invalid_grant"}),
    "pkce-mismatch": ({"code_verifier": "a" * 43, "code_challenge": "b" * 43}, {"code_verifier": "a" * 43, "code_challenge": "ZtNPunH49FD35FWYhT5Tv8I7vRKQJ8uxMaL0_9eHjNA"}),
    "pkce-verifier-missing": ({"token_request": "authorization_code, no code_verifier", "http_status": 400}, {"token_request": "authorization_code, no code_verifier", "http_status": 200}),
    "pkce-refused": ({"error_description": "code_verifier does not match", "error": "invalid_grant"}, {"error_description": "code does not match", "error": "invalid_grant"}),
    "pkce-challenge-missing": ({"error_description": "code_challenge is required", "error": "invalid_request"}, {"error_description": "code is required", "error": "invalid_request"}),
    "aud-missing": ({"urn": URN + "smart-v1:grant:launch:audience-required"}, {"urn": URN + "smart-v1:grant:launch:audience-known"}),
    "aud-differs": ({"aud": "https://a.example/fhir", "fhir_base": "https://b.example/fhir"}, {"aud": "https://a.example/fhir", "fhir_base": "https://a.example/fhir"}),
    "aud-slash": ({"aud": "https://a.example/fhir/", "fhir_base": "https://a.example/fhir", "error": "invalid_request"}, {"aud": "https://a.example/fhir", "fhir_base": "https://a.example/fhir", "error": "invalid_request"}),
    "aud-refused": ({"urn": URN + "smart-v1:grant:launch:unknown-resource-server"}, {"urn": URN + "smart-v1:grant:launch:resource-server"}),
    "identity-mismatch": ({"urn": URN + "smart-v1:grant:launch:mismatchted-identity"}, {"urn": URN + "smart-v1:grant:launch:identity"}),
    "user-refused": ({"urn": URN + "oauth2:grant:denied-by-user"}, {"urn": URN + "oauth2:grant:denied-by-server"}),
    "consent-form-stale": ({"urn": URN + "oauth2:grant:csrf-security-failure"}, {"urn": URN + "oauth2:grant:csrf"}),
    "patient-not-open": ({"urn": URN + "oauth2:grant:invalid-patient-id"}, {"urn": URN + "oauth2:grant:patient-id"}),
    "account-locked": ({"error": "account is locked", "http_status": 401}, {"error": "account is open", "http_status": 401}),
    "session-over": ({"error": "session has expired", "http_status": 401}, {"error": "session has begun", "http_status": 401}),
    "state-altered": ({"_facts": {"state_present": True, "state_returned": True, "state_returned_equal": False}}, {"_facts": {"state_present": True, "state_returned": True, "state_returned_equal": True}}),
    "frame-refused": ({"error": "Refused to display the page in a frame", "launch_type": "EHR launch"}, {"error": "the page is in a frame", "launch_type": "EHR launch"}),
    "storage-lost-in-frame": ({"error": "third-party cookies are blocked, session gone", "launch_type": "iframe"}, {"error": "cookies are kept", "launch_type": "iframe"}),
    "frame-over-http": ({"launch_type": "EHR launch in an iframe", "launch_uri": "http://localhost/launch"}, {"launch_type": "EHR launch in an iframe", "launch_uri": "https://localhost/launch"}),
    "works-only-in-own-tab": ({"launch_type": "EHR launch", "notes": "opened in a new tab it works"}, {"launch_type": "EHR launch", "notes": "opened in a new tab it fails"}),
    "cors-with-credentials": ({"_facts": {"cors_wildcard_with_credentials": True}}, {"_facts": {"cors_wildcard_with_credentials": False}}),
    "cors-headers-missing": ({"error": "blocked by CORS policy", "http_status": 200}, {"error": "blocked by policy", "http_status": 200}),
    "browser-could-not-read": ({"error": "TypeError: Network request failed", "fhir_request": "GET metadata from a browser"}, {"error": "TypeError: x is undefined", "fhir_request": "GET metadata from a browser"}),
    "tenant-unknown": ({"urn": URN + "oauth2:grant:unknown-tenant"}, {"urn": URN + "oauth2:grant:tenant"}),
    "tenant-malformed": ({"vendor": ORACLE, "token_endpoint": "https://authorization.cerner.com/tenants/ec2458f2-1e24-41c8-b71b-0e701af7583dX/token", "http_status": 400}, {"vendor": ORACLE, "token_endpoint": "https://authorization.cerner.com/tenants/ec2458f2-1e24-41c8-b71b-0e701af7583d/token", "http_status": 400}),
    "tenant-mismatch": ({"urn": "urn:cerner:error:oauth2:resource-access:tenant-mismatch"}, {"urn": "urn:cerner:error:oauth2:resource-access:tenant-matches"}),
    "tenant-not-configured": ({"urn": URN + "oauth2:grant:tenant-not-configured"}, {"urn": URN + "oauth2:grant:not-configured"}),
    "environments-mixed": ({"vendor": ORACLE, "authorize_url": "https://authorization.sandboxcerner.com/tenants/x/authorize", "fhir_base": "https://fhir-ehr.cerner.com/r4/x"}, {"vendor": ORACLE, "authorize_url": "https://authorization.cerner.com/tenants/x/authorize", "fhir_base": "https://fhir-ehr.cerner.com/r4/x"}),
    "persona-mismatch": ({"urn": URN + "oauth2:grant:client-persona-mismatch"}, {"urn": URN + "oauth2:grant:client-mismatch"}),
    "persona-differs": ({"app_type": "patient", "authorize_url": AUTHORIZE}, {"app_type": "provider", "authorize_url": AUTHORIZE}),
    "endpoint-not-found": ({"vendor": ORACLE, "authorize_url": AUTHORIZE.replace("smart-v1", "smart-v2"), "http_status": 404}, {"vendor": ORACLE, "authorize_url": AUTHORIZE, "http_status": 400}),
    "discovery-document-missing": ({"fhir_request": "GET https://a.example/.well-known/smart-configuration", "http_status": 404}, {"fhir_request": "GET https://a.example/.well-known/smart-configuration", "http_status": 200}),
    "endpoint-not-discovered": ({"_facts": {"endpoint_as_discovered": False}, "error": "invalid_request"}, {"_facts": {"endpoint_as_discovered": True}, "error": "invalid_request"}),
    "code-spent-or-late": ({"code_reused": True, "error": "invalid_grant"}, {"code_reused": False, "error": "invalid_grant"}),
    "code-refused": ({"error": "invalid_grant", "error_description": "authorization code is expired"}, {"error": "invalid_grant", "error_description": "authorization is expired"}),
    "token-expired-by-clock": ({"token_age": 600, "expires_in": 570, "http_status": 401}, {"token_age": 60, "expires_in": 570, "http_status": 401}),
    "token-ran-out": ({"http_status": 401, "notes": "after 10 minutes every call fails"}, {"http_status": 401, "notes": "every call fails at once"}),
    "no-refresh-asked": ({"requested_scopes": "openid launch", "error": "no refresh token"}, {"requested_scopes": "openid launch offline_access", "error": "no refresh token"}),
    "no-refresh-given": ({"requested_scopes": "openid offline_access", "error": "no refresh_token in the answer"}, {"requested_scopes": "openid offline_access", "error": "refresh_token in the answer"}),
    "refresh-refused": ({"error": "invalid_grant", "error_description": "refresh token is revoked"}, {"error": "invalid_grant", "error_description": "refresh soon"}),
    "refresh-session-over": ({"urn": URN + "oauth2:token:refresh-token:session-invalid"}, {"urn": URN + "oauth2:token:refresh-token:token-invalid"}),
    "grant-does-not-cover": ({"granted_scopes": "patient/Patient.rs", "fhir_request": "GET Slot/1", "http_status": 403}, {"granted_scopes": "patient/Slot.rs", "fhir_request": "GET Slot/1", "http_status": 403}),
    "insufficient-scope-answer": ({"fhir_request": "GET Slot/1", "http_status": 403, "error": "insufficient_scope"}, {"fhir_request": "GET Slot/1", "http_status": 403}),
    "search-with-read-only": ({"granted_scopes": "patient/Slot.r", "fhir_request": "GET Slot?x=1", "http_status": 403}, {"granted_scopes": "patient/Slot.rs", "fhir_request": "GET Slot?x=1", "http_status": 403}),
    "refused-despite-scope": ({"granted_scopes": "patient/Slot.rs", "fhir_request": "GET Slot/1", "http_status": 403, "error": "insufficient_scope"}, {"granted_scopes": "patient/Slot.rs", "fhir_request": "GET Slot/1", "http_status": 403}),
    "user-not-authorized": ({"urn": "urn:cerner:error:oauth2:resource-access:user-not-authorized"}, {"urn": "urn:cerner:error:oauth2:resource-access:user-known"}),
    "search-parameters-missing": ({"error": "one of the required parameter combinations was not provided", "http_status": 403}, {"error": "the parameter combinations were provided", "http_status": 403}),
    "no-token-sent": ({"urn": "urn:cerner:error:oauth2:resource-access:token-required"}, {"urn": "urn:cerner:error:oauth2:resource-access:token-seen"}),
    "assertion-sent-as-token": ({"_facts": {"bearer_kind": "client_assertion"}, "fhir_request": "GET Patient/1", "http_status": 401}, {"_facts": {"bearer_kind": "access_token"}, "fhir_request": "GET Patient/1", "http_status": 401}),
    "wrong-token-sent": ({"_facts": {"bearer_kind": "id_token"}}, {"_facts": {"bearer_kind": "access_token"}}),
    "token-not-accepted": ({"fhir_request": "GET Patient/1", "http_status": 401, "error": "invalid_token"}, {"fhir_request": "GET Patient/1", "http_status": 404, "error": "invalid_token"}),
    "server-key-missing": ({"error": "could not find key ID 'a' in available keys: ['b']", "launch_type": "EHR launch"}, {"error": "found key ID 'a' in available keys: ['a']", "launch_type": "EHR launch"}),
    "name-not-resolved": ({"error": "getaddrinfo ENOTFOUND host", "launch_type": "EHR launch"}, {"error": "host found", "launch_type": "EHR launch"}),
    "server-failed": ({"http_status": 503}, {"http_status": 403}),
    "gateway-trouble": ({"error": "Bad Gateway", "launch_type": "standalone"}, {"error": "Bad gate", "launch_type": "standalone"}),
    "id-token-issuer": ({"_facts": {"id_token_issuer_differs": True}}, {"_facts": {"id_token_issuer_differs": False}}),
    "blocked-before-oauth": ({"token_request": "client_credentials, Basic", "http_status": 403, "response_body": "Access denied"}, {"token_request": "client_credentials, Basic", "http_status": 403, "response_body": {"error": "access_denied"}}),
    "blocked-at-edge": ({"error": "request was blocked by the web application firewall", "http_status": 403}, {"error": "request was let through", "http_status": 403}),
    "tls-failed": ({"error": "certificate verify failed", "launch_type": "standalone"}, {"error": "verify failed", "launch_type": "standalone"}),
    "rate-limited": ({"http_status": 429}, {"http_status": 409}),
    "request-too-long": ({"http_status": 414, "error": "URI too long"}, {"http_status": 414, "error": "URI"}),
    "client-id-missing": ({"token_request": "grant_type=refresh_token", "error": "invalid_request", "error_description": "Check the `client_id` parameter"}, {"token_request": "grant_type=refresh_token", "error": "invalid_request", "error_description": "Check the `code` parameter"}),
    "scope-missing": ({"error": "invalid_request", "error_description": "Missing scope"}, {"error": "invalid_request", "error_description": "Missing state"}),
    "launch-link-malformed": ({"vendor": ORACLE, "launch_uri": "https://smart.sandboxcerner.com/smart/apps/4ec4333f?PAT_PersonId=1"}, {"vendor": ORACLE, "launch_uri": "https://smart.sandboxcerner.com/smart/t1/apps/4ec4333f?PAT_PersonId=1"}),
    "sign-in-needed": ({"error": "login_required"}, {"error": "invalid_request"}),
    "token-not-yet-valid": ({"error": "the token was issued in the future", "http_status": 401}, {"error": "the token was issued", "http_status": 401}),
    "launch-page-missing": ({"launch_uri": "https://a.example/launch.html (returned 404)"}, {"launch_uri": "https://a.example/launch.html"}),
    "server-unreachable": ({"_facts": {"unreachable": "connection refused"}}, {"_facts": {"token_issued": True}}),
    "fresh-token-refused": ({"_facts": {"bearer_kind": "access_token", "token_expired": False}, "fhir_request": "GET Patient/1", "http_status": 401}, {"_facts": {"bearer_kind": "access_token", "token_expired": True}, "fhir_request": "GET Patient/1", "http_status": 401}),
    "s256-refused": ({"_facts": {"code_challenge_present": True, "code_challenge_base64url": True, "code_challenge_method": "S256"}, "error": "invalid_request", "error_description": "The transform algorithm is not supported."}, {"_facts": {"code_challenge_present": True, "code_challenge_base64url": True, "code_challenge_method": "plain"}, "error": "invalid_request", "error_description": "The transform algorithm is not supported."}),
    "tenants-differ": ({"aud": "https://fhir-ehr.cerner.com/r4/ec2458f2-1e24-41c8-b71b-0e701af7583d", "authorize_url": AUTHORIZE.replace("ec2458f2", "aaaa58f2"), "http_status": 401}, {"aud": "https://fhir-ehr.cerner.com/r4/ec2458f2-1e24-41c8-b71b-0e701af7583d", "authorize_url": AUTHORIZE, "http_status": 401}),
    "request-malformed": ({"urn": URN + "oauth2:grant:invalid-request"}, {"urn": URN + "oauth2:grant:request"}),
    "request-client_id": ({"authorize_url": REQUEST.replace("client_id=c1&", "")}, {"authorize_url": REQUEST}),
    "request-redirect_uri": ({"authorize_url": REQUEST.replace("%2Fcb", "%2Fcb%23x")}, {"authorize_url": REQUEST}),
    "request-response_type": ({"authorize_url": REQUEST.replace("=code&", "=token&")}, {"authorize_url": REQUEST}),
    "request-scope": ({"authorize_url": REQUEST.replace("openid+", "openid,")}, {"authorize_url": REQUEST}),
    "request-launch": ({"authorize_url": REQUEST + "&launch=abc"}, {"authorize_url": REQUEST.replace("openid", "launch+openid") + "&launch=abc"}),
    "request-launch-mixed": ({"authorize_url": REQUEST.replace("openid", "launch+launch/patient") + "&launch=abc"}, {"authorize_url": REQUEST.replace("openid", "launch/patient")}),
    "request-pkce": ({"authorize_url": REQUEST.replace("=S256", "=s256")}, {"authorize_url": REQUEST}),
    "request-pkce-absent": ({"authorize_url": REQUEST.partition("&code_challenge=")[0], "error": "invalid_request"}, {"authorize_url": REQUEST, "error": "invalid_request"}),
    "request-aud": ({"authorize_url": REQUEST, "discovery_base": "https://other.example/fhir"}, {"authorize_url": REQUEST, "discovery_base": "https://ehr.example/fhir"}),
    "request-state": ({"authorize_url": REQUEST.replace("&state=" + "s" * 22, "")}, {"authorize_url": REQUEST}),
    "request-state-short": ({"authorize_url": REQUEST.replace("s" * 22, "s" * 21)}, {"authorize_url": REQUEST}),
    "request-doubled": ({"authorize_url": REQUEST + "&client_id=c1"}, {"authorize_url": REQUEST + "&prompt=login"}),
    "request-endpoint": ({"authorize_url": REQUEST + "&grant_type=authorization_code"}, {"authorize_url": REQUEST}),
    "request-encoding": ({"authorize_url": REQUEST.replace("&", "&amp;", 1)}, {"authorize_url": REQUEST}),
    "code-not-sent": ({"token_request": "grant_type=authorization_code&code=&client_id=c", "error": "invalid_grant"}, {"token_request": "grant_type=authorization_code&code=abcdef&client_id=c", "error": "invalid_grant"}),
    "state-of-another-origin": ({"error": "No matching state found in storage", "notes": "it starts on http and comes back on https, which has another storage"}, {"error": "No matching state found in storage", "notes": "it starts on https and comes back on https"}),
    "credentials-absent": ({"error": "invalid_client", "error_description": "AADSTS7000218: no secret"}, {"error": "invalid_client", "error_description": "AADSTS7000299: no secret"}),
    "public-refuses-secret": ({"error": "invalid_client", "error_description": "AADSTS700025: public"}, {"error": "invalid_client", "error_description": "AADSTS700026: public"}),
    "browser-origin-platform": ({"error": "invalid_request", "error_description": "AADSTS9002326: cross-origin"}, {"error": "invalid_request", "error_description": "AADSTS9002329: origin"}),
    "authentication-any": ({"error": "invalid_client", "error_description": "Client authentication failed"}, {"error": "invalid_client", "error_description": "Client authentication succeeded"}),
    "authentication-method": ({"error": "invalid_client", "error_description": "client cannot authenticate with methods: ['none']"}, {"error": "invalid_client", "error_description": "client may authenticate with methods: ['none']"}),
    "assertion-kid": ({"error": "invalid_client", "error_description": "The client_assertion JWT kid is invalid."}, {"error": "invalid_client", "error_description": "The client_assertion JWT is read."}),
    "assertion-unspecified": ({"error": "invalid_client", "error_description": "Client authentication failed: client_assertion"}, {"error": "invalid_client", "error_description": "Client authentication failed: client_assertions"[:-11]}),
    "app-jwks-unreachable": ({"error": "invalid_client", "error_description": "Unable to fetch the JWKS: timeout"}, {"error": "invalid_client", "error_description": "The JWKS was fetched"}),
    "client-not-granted": ({"error": "access_denied", "error_description": 'You need to create a "client-grant"'}, {"error": "access_denied", "error_description": "You need to create a client"}),
    "user-not-assigned": ({"error": "access_denied", "error_description": "User is not assigned to the client application."}, {"error": "access_denied", "error_description": "User is assigned to the client application."}),
    "user-of-other-tenant": ({"error": "access_denied", "error_description": "AADSTS50020: other tenant"}, {"error": "access_denied", "error_description": "AADSTS50021: tenant"}),
    "admin-consent-needed": ({"error": "access_denied", "error_description": "Administrator consent is required"}, {"error": "access_denied", "error_description": "Consent is required"}),
    "access-policy-denied": ({"error": "access_denied", "error_description": "Policy evaluation failed for this request"}, {"error": "access_denied", "error_description": "Policy evaluated for this request"}),
    "registration-document-refused": ({"error": 'Unexpected value for parameter "jwks": expecting "array"', "http_status": 400}, {"error": 'Unexpected value for parameter "name"', "http_status": 400}),
    "state-lost-between-tabs": ({"error": "state mismatch", "notes": "sign-in in two tabs at once"}, {"error": "state mismatch", "notes": "sign-in in one window"}),
    "sign-in-page-lost": ({"error": "Cookie not found. Please make sure cookies are enabled in your browser."}, {"error": "Cookies were set in your browser.", "http_status": 400}),
    "fhir-user-not-there": ({"error": "User is not available"}, {"error": "User is there"}),
    "fhir-user-dropped": ({"error": "User is not available", "requested_scopes": "openid fhirUser launch", "granted_scopes": "launch"}, {"error": "User is not available", "requested_scopes": "openid fhirUser launch", "granted_scopes": "openid fhirUser launch"}),
    "code-sent-as-token": ({"fhir_request": "GET Patient/1", "notes": "the bearer header carries the authorization code"}, {"fhir_request": "GET Patient/1", "notes": "the bearer header carries the access token"}),
    "token-of-another-audience": ({"fhir_request": "GET Patient/1", "http_status": 401, "www_authenticate": 'Bearer error="invalid_token", error_description="The audience is invalid"'}, {"authorize_url": REQUEST, "error": "invalid_request", "error_description": "The audience is invalid"}),
    "token-of-another-issuer": ({"fhir_request": "GET Patient/1", "http_status": 401, "www_authenticate": 'Bearer error="invalid_token", error_description="The iss claim is not valid"'}, {"fhir_request": "GET Patient/1", "http_status": 401, "www_authenticate": 'Bearer error="invalid_token", error_description="The sub claim is not valid"'}),
    "token-key-not-known": ({"fhir_request": "GET Patient/1", "http_status": 401, "error": "Another algorithm expected, or no matching key(s) found"}, {"fhir_request": "GET Patient/1", "http_status": 401, "error": "A matching key was found"}),
    "token-revoked": ({"fhir_request": "GET Patient/1", "http_status": 401, "error": "The access token was revoked"}, {"fhir_request": "GET Patient/1", "http_status": 401, "error": "The access token was read"}),
    "token-from-elsewhere": ({"fhir_request": "GET Patient/1", "http_status": 401, "token_endpoint": "https://login.other.example/token", "fhir_base": "https://practice.example.org/fhir"}, {"fhir_request": "GET Patient/1", "http_status": 401, "token_endpoint": "https://auth.example.org/token", "fhir_base": "https://practice.example.org/fhir"}),
    "host-retired": ({"authorize_url": "https://cpsapisandbox.virenceaz.com:9443/oauth2/authorize", "error": "DNS_PROBE_FINISHED_NXDOMAIN"}, {"authorize_url": "https://ap25sandbox.fhirapi.athenahealth.com/oauth2/authorize", "error": "DNS_PROBE_FINISHED_NXDOMAIN"}),
    "grant-refused-any": ({"error": "invalid_grant", "error_description": DOORKEEPER}, {"error": "invalid_grant", "error_description": "The provided authorization grant is valid."}),
    "challenge-was-absent": ({"error": "invalid_grant", "error_description": "PKCE code verifier specified but challenge not present in authorization"}, {"error": "invalid_grant", "error_description": "PKCE code verifier specified"}),
    "id-token-audience": ({"error": "ID token validation failed: aud claim does not hold the client id"}, {"error": "invalid_token", "error_description": "The audience is invalid", "fhir_request": "GET Patient/1"}),
    "id-token-issuer-unusable": ({"notes": "the openid-configuration under the issuer is an HTML page"}, {"notes": "the openid-configuration under the issuer is right"}),
    "token-decoded-by-app": ({"error": "Cannot read property 'exp' of null"}, {"error": "Cannot read property 'name' of null"}),
    "no-refresh-came": ({"refresh_token": "not returned", "expires_in": 570}, {"refresh_token": "not returned", "requested_scopes": "openid launch"}),
    "public-client-gets-none": ({"vendor": "Epic", "privacy": "public", "error": "no refresh token"}, {"vendor": "Epic", "privacy": "confidential", "error": "no refresh token"}),
    "refresh-refused-by-library": ({"error": "Unable to refresh. No offline_access scope found."}, {"error": "Unable to read. No offline scope."}),
    "subscription-key-missing": ({"http_status": 401, "error": "Access denied due to missing subscription key"}, {"http_status": 401, "error": "Access denied due to a key"}),
    "export-needs-system-scopes": ({"fhir_request": "GET Group/1/$export", "http_status": 403, "error": "insufficient_scope"}, {"fhir_request": "GET Group/1", "http_status": 403, "error": "insufficient_scope"}),
    "endpoint-page-not-found": ({"authorize_url": REQUEST, "error": "the resource not found"}, {"authorize_url": REQUEST, "error": "the resource was found"}),
    "launch-value-not-taken": ({"launch": "abc", "urn": URN + "smart-v1:grant:launch:code-required"}, {"urn": URN + "smart-v1:grant:launch:code-required"}),
    "sign-in-endpoint-wrong": ({"error": "invalid_request", "error_description": "AADSTS50194: one tenant only"}, {"error": "invalid_request", "error_description": "AADSTS50195: one tenant only"}),
    "library-refuses-grant": ({"error": 'Scope has changed from "openid launch" to "openid".'}, {"error": 'Scope is "openid" as before.'}),
    "redirect-page-bare": ({"error": "No 'state' parameter found. Please (re)launch the app.", "http_status": 400}, {"error": "No 'code' parameter found. Please (re)launch the app.", "http_status": 400}),
    "scope-unlike-registered": ({"requested_scopes": "patient/*.read", "registered_scopes": "launch patient/*.*", "error": "invalid_scope"}, {"requested_scopes": "patient/*.*", "registered_scopes": "launch patient/*.*", "error": "invalid_scope"}),
    "issuer-not-as-expected": ({"error": "jwt issuer invalid. expected: https://as.example"}, {"error": "jwt issuer valid. expected: https://as.example"}),
    "mixed-content": ({"_facts": {"mixed_content": "http://ehr.example/fhir"}}, {"_facts": {"console_cors": True}}),
    "token-names-other-audience": ({"_facts": {"jwt": {"kind": "token", "claims": {"aud": "https://graph.example"}}, "fhir_host": "ehr.example"}, "fhir_request": "GET Patient/1", "http_status": 401}, {"_facts": {"jwt": {"kind": "token", "claims": {"aud": ["https://graph.example", "https://ehr.example/fhir"]}}, "fhir_host": "ehr.example"}, "fhir_request": "GET Patient/1", "http_status": 401}),
    "token-names-other-issuer": ({"_facts": {"jwt": {"kind": "token", "claims": {"iss": "https://other.example"}}, "issuer": "https://as.example"}, "fhir_request": "GET Patient/1", "http_status": 401}, {"_facts": {"jwt": {"kind": "token", "claims": {"iss": "https://as.example/"}}, "issuer": "https://as.example"}, "fhir_request": "GET Patient/1", "http_status": 401}),
    "refresh-grant-refused": ({"error": "invalid_grant", "notes": "it happens when I try to refresh the token"}, {"error": "invalid_grant", "notes": "it happens when I exchange the code"}),
    "discovery-incomplete": ({"error": "TypeError: token_endpoint must be configured on the issuer", "http_status": 500}, {"error": "TypeError: token_endpoint is configured on the issuer", "http_status": 500}),
    "userinfo-subject-differs": ({"error": "sub of the userinfo answer does not match the ID Token"}, {"error": "sub of the userinfo answer matches the ID Token"}),
    "cors-at-authorization-server": ({"_facts": {"cors_missing": "token"}}, {"_facts": {"cors_missing": "fhir"}}),
    "authorize-asked-by-script": ({"_facts": {"cors_missing": "preflight", "cors_address": "https://as.example/oauth2/authorize"}}, {"_facts": {"cors_missing": "preflight", "cors_address": "https://as.example/oauth2/token"}}),
    "state-not-kept": ({"error": "state mismatch", "http_status": 400}, {"error": "state is right", "http_status": 400}),
    "cookies-blocked-in-frame": ({"notes": "it runs in an iframe", "error": "cookies are blocked", "http_status": 400}, {"notes": "it runs in a tab", "error": "cookies are blocked", "http_status": 400}),
    "browser-refused-at-token": ({"_facts": {"console_status": 401}, "token_endpoint": "https://as.example/token", "http_status": 401}, {"_facts": {"console_status": 400}, "token_endpoint": "https://as.example/token", "http_status": 400}),
    "opaque-token-at-api": ({"fhir_request": "GET Patient/1", "http_status": 401, "error": "The token in the request is not in JWS format"}, {"fhir_request": "GET Patient/1", "http_status": 401, "error": "The token in the request is in JWS format"}),
    "answer-is-a-page": ({"error": "invalid character '<' looking for beginning of value"}, {"error": "invalid character 'a' in the name"}),
    "token-in-address": ({"_facts": {"token_in_address": True}, "fhir_request": "GET Patient/1", "http_status": 401}, {"fhir_request": "GET Patient/1", "http_status": 401}),
    "app-link-unknown": ({"error": "net::ERR_UNKNOWN_URL_SCHEME"}, {"error": "net::ERR_UNKNOWN"}),
    "state-too-weak": ({"error": "The state is missing or is considered too weak"}, {"error": "The state is strong"}),
    "email-not-accepted": ({"error": "email in id_token (a@b.example) isn't verified"}, {"error": "email in id_token is verified"}),
    "popup-lost": ({"error": "BrowserAuthError: popup_window_error"}, {"error": "BrowserAuthError: other_window"}),
    "answer-without-token": ({"error": "(missing_token) Missing access token parameter."}, {"error": "(missing_code) Missing code parameter."}),
    "parameter-not-for-token": ({"error": "invalid_request", "error_description": "Scope parameter is not supported on an authorization code access_token exchange request"}, {"error": "invalid_request", "error_description": "Scope parameter is supported on an access_token request"}),
    "no-resource-granted": ({"requested_scopes": "openid patient/Patient.read", "granted_scopes": "openid"}, {"requested_scopes": "openid patient/Patient.read patient/Slot.read", "granted_scopes": "openid patient/Patient.read"}),
    "userinfo-without-openid": ({"error": "type=USER_INFO_REQUEST_ERROR, error=access_denied, auth_method=validate_access_token"}, {"error": "type=USER_INFO_REQUEST_ERROR, error=invalid_token, auth_method=validate_access_token"}),
    "of-another-patient": ({"http_status": 403, "error": "Interaction with 'Patient/7' is not permitted under patient scope for patient context '[8]'."}, {"http_status": 403, "error": "Interaction with 'Patient/7' is not permitted."}),
    "right-verifier-refused": ({"_facts": {"verifier_length": 128, "verifier_unreserved": True, "verifier_matches_challenge": True}, "error": "invalid_grant", "error_description": "The code_verifier is too long."}, {"_facts": {"verifier_length": 129, "verifier_unreserved": True, "verifier_matches_challenge": True}, "error": "invalid_grant", "error_description": "The code_verifier is too long."}),
    "issued-refresh-refused": ({"_facts": {"refresh_token_known": True}, "token_request": "grant_type=refresh_token", "error": "invalid_grant", "error_description": "The refresh token is not valid."}, {"_facts": {"refresh_token_known": False}, "token_request": "grant_type=refresh_token", "error": "invalid_grant", "error_description": "The refresh token is not valid."}),
    "authentication-method-off": ({"error": "invalid_client", "error_description": "Client secrets in the body are not available."}, {"error": "invalid_client", "error_description": "Client secrets in the body are available."}),
    "issuer-of-two-addresses": ({"error": "jwt issuer invalid", "_facts": {"two_addresses_told": "behind a proxy"}}, {"error": "jwt issuer invalid", "_facts": {"issuer_slash_told": True}}),
    "own-issuer-refused": ({"fhir_request": "GET Patient/1", "http_status": 401, "error": "untrusted issuer", "_facts": {"issuers": ALIKE}}, {"error": "untrusted issuer", "_facts": {"issuers": ALIKE}}),
    "other-users-refused": ({"_told": "With my own account it works. Other users get 403 from the FHIR server when they read the Patient."}, {"_told": "With my own account it fails, as for other users: 403 from the FHIR server when they read the Patient."}),
    "one-version-served": ({"_told": "With patient/Slot.read in the token it works. With patient/Slot.rs reading fails, and I see no reason at all for that."}, {"_told": "With patient/Slot.read in the token it fails. With patient/Slot.rs reading fails too, and I see no reason at all for that."}),
    "scopes-added-told": ({"_told": "The token answer has additional scopes that we never asked for, and our client library stops at it each time."}, {"_told": "The token answer has all of the scopes that we ever asked for, and our client library goes on at once."}),
    "redirect-scheme-of-proxy": ({"_told": "Behind our nginx the redirect_uri begins with http instead of https, and the server takes it for an unknown one. What do we have to set?"}, {"_told": "Behind our nginx the redirect_uri begins with https as it has to, and the server takes it for an unknown one. What do we have to set?"}),
    "gateway-at-sign-in": ({"_told": "Since Friday the login of the sandbox shows that it cannot process our request at this time. We have not changed anything."}, {"_told": "Since Friday the data of the sandbox shows that it cannot process our request at this time. We have not changed anything."}),
    "gateway-at-fhir": ({"_told": "Since Friday each call of the FHIR server shows a page with Bad Gateway on it. We have not changed anything in our client."}, {"_told": "Since Friday each call of the login page shows a page with Bad Gateway on it. We have not changed anything in our client."}),
    "certificate-not-trusted-by-app": ({"error": "unable to get local issuer certificate"}, {"error": "certificate has expired"}),
    "certificate-wrong": ({"error": "certificate has expired"}, {"error": "self-signed certificate in certificate chain"}),
    "inner-name-unreachable": ({"error": "connect ECONNREFUSED", "_facts": {"inner_address": "localhost:8080"}}, {"error": "connect ECONNREFUSED", "_facts": {"address_joined": "//auth"}}),
    "discovery-document-wrong": ({"_told": "The smart-configuration of the server names a wrong token endpoint, one of another host, and so our app cannot exchange the code."}, {"_told": "The smart-configuration of the server names the right token endpoint, one of the same host, and so our app can exchange the code."}),
    "fhir-server-failed": ({"fhir_request": "GET Patient/1", "http_status": 500}, {"token_endpoint": "https://as.example/token", "http_status": 500}),
    "sign-in-told-as-dismissed": ({"_told": "On Android the result of AuthSession is dismiss, with no code in it. It is the same on two phones of ours."}, {"_told": "On Android the result of AuthSession is success, with a code in it. It is the same on two phones of ours."}),
    "session-not-kept-in-frame": ({"launch_type": "EHR launch in an iframe", "error": "session cookie does not persist"}, {"launch_type": "standalone", "error": "session cookie does not persist"}),
    "session-not-kept": ({"_told": "The session is lost between the launch and our callback, each time we try it with two servers."}, {"_told": "The session is kept between the launch and our callback, each time we try it with two servers."}),
    "sign-in-page-fails": ({"authorize_url": REQUEST, "_facts": {}, "_authorize": 500}, {"authorize_url": REQUEST, "_facts": {}, "_authorize": 404}),
    "user-without-patient": ({"error": "invalid_grant", "error_description": "Unable to find a patient record for this account"}, {"error": "invalid_grant", "error_description": "Unable to find a session for this account"}),
    "authorization-header-lost": ({"_told": "Our refresh request leaves without the Authorization header, and the server answers 401 to it since the update."}, {"_told": "Our refresh request leaves with the Authorization header, and the server answers 200 to it since the update."}),
    "sign-in-loop": ({"error": "ERR_TOO_MANY_REDIRECTS", "http_status": 302}, {"error": "ERR_ABORTED", "http_status": 302}),
}  # fmt: skip


def _fires(rule, case):
    case = dict(case)
    facts = case.pop("_facts", {})
    authorized = case.pop("_authorize", 0)
    m = load(case["_told"]).found[0] if "_told" in case else read_observation(case)
    m.facts.update(facts)
    if authorized:
        m.statuses["authorize"] = authorized
    if facts:
        m.structured.add("exchanges")
    vendor = weighing.vendor_of(m)
    return weighing.weigh(next(r for r in weighing.rules() if r.id == rule), observe(m, vendor), vendor, m)


def test_every_rule_has_its_cases():
    assert sorted(CASES) == sorted(r.id for r in weighing.rules())


@pytest.mark.parametrize("rule", sorted(CASES))
def test_rule_fires(rule):
    found = _fires(rule, CASES[rule][0])
    assert found is not None
    assert found.evidence
    for text in (found.cause, found.fix, found.next):
        assert text
        assert "{" not in text.replace("{FHIR base}", "").replace("{base}", "").replace("{id}", "").replace("{iss}", "")


@pytest.mark.parametrize("rule", sorted(CASES))
def test_rule_is_silent_on_a_near_miss(rule):
    assert _fires(rule, CASES[rule][1]) is None


def test_rules_name_only_what_exists():
    source = "".join(p.read_text("utf-8") for p in Path(signals_module.__file__).parent.glob("*.py"))
    says = {p.says for v in all_vendors().values() for p in v.phrases} | {s for v in all_vendors().values() for _, s in v.urns}
    says |= {sentence.says for known in libraries().values() for sentence in known.sentences}
    ids = {r.id for r in weighing.rules()}
    made = re.compile(
        r"^(?:request|error|status|grant|auth|any-status|token-status|authorize-status):|^(?:is|access|requested-only|dropped-all|redirect-differs)-"
    )
    named: set[tuple[str, str]] = set()
    for rule in weighing.rules():
        for name in (*rule.all, *rule.any, *rule.none, *rule.supports, *rule.against, *rule.unsure, *rule.yields):
            named.add((rule.id, name))
        assert set(rule.explains) <= ids, rule.id
        assert set(rule.asks) <= set(weighing.questions()[0]), rule.id
        assert set(rule.open) <= {category.value for category in Category}, rule.id
        assert rule.all or rule.any, rule.id
    named |= {(subject.id, name) for subject in subjects() for name in subject.none}
    named |= {(symptom.id, name) for symptom in symptoms() for name in symptom.steps}
    for owner, name in named:
        if name.startswith("says:"):
            assert name[5:] in says, (owner, name)
        else:
            assert f'"{name}"' in source or made.match(name), (owner, name)


def test_vendor_files_name_only_rules_that_exist_and_every_meaning_is_used():
    ids = {r.id for r in weighing.rules()}
    used = {n for r in weighing.rules() for n in (*r.all, *r.any, *r.none, *r.supports, *r.against)}
    for vendor in all_vendors().values():
        assert set(vendor.advice) <= ids, vendor.id
        for says in {p.says for p in vendor.phrases} | {s for _, s in vendor.urns}:
            assert f"says:{says}" in used, (vendor.id, says)


def test_every_wording_of_a_vendor_names_its_source():
    for vendor in all_vendors().values():
        for phrase in vendor.phrases:
            assert vendor.id == "generic" or phrase.source.startswith("https://"), (vendor.id, phrase.says)


def test_at_least_fifteen_authorization_servers_are_known_by_their_wording():
    assert sum(1 for v in all_vendors().values() if v.id != "generic" and len(v.phrases) + len(v.urns) >= 5) >= 15


@pytest.mark.parametrize("case", json.loads((Path(__file__).parent / "cases.json").read_text("utf-8")), ids=lambda c: c["id"])
def test_naming_the_vendor_never_makes_an_answer_weaker(case):
    bare = weighing.examine(read_observation(dict(case["observed"])))
    named = weighing.examine(read_observation({"vendor": case["vendor"], **case["observed"]}))
    if bare.diagnoses and bare.diagnoses[0].category.value in (case["category"], *case.get("also", ())):
        assert named.diagnoses, case["id"]
        assert named.diagnoses[0].weight >= bare.diagnoses[0].weight or named.diagnoses[0].confidence == bare.diagnoses[0].confidence


@pytest.mark.parametrize(
    ("text", "vendor"),
    [
        ("AADSTS50011: The redirect URI does not match", "entra"),
        ("One or more scopes are not configured for the authorization server resource.", "okta"),
        ('<p id="kc-error-message">We are sorry</p>', "keycloak"),
        ('{"fault": {"faultstring": "Invalid Access Token"}}', "apigee"),
        ("unknown, invalid, or expired refresh token", "ping"),
        ("OAuth 2.0 Parameter: redirect_uri", "spring"),
    ],
)
def test_vendor_is_told_from_its_wording(text, vendor):
    assert weighing.vendor_of(read_observation({"error": text})).id == vendor


@pytest.mark.parametrize(
    ("vendor", "text", "says"),
    [
        ("ibm", "Cannot enforce 'patient/*' claims without a launch context", "patient-context-missing"),
        ("ibm", "read permission for 'Patient/1' is not granted by any of the provided scopes", "scope-insufficient"),
    ],
)
def test_wording_means_what_it_says(vendor, text, says):
    m = read_observation({"vendor": vendor, "error_description": text})
    assert weighing.vendor_of(m).id == vendor
    assert f"says:{says}" in observe(m, weighing.vendor_of(m))


@pytest.mark.parametrize(
    "words", ["{} client registered", "{} code verifier", "{} required role", "{} code in the request", "{} subscription key"]
)
def test_end_of_a_word_denies_nothing(words):
    generic = all_vendors()["generic"]
    denied = {says for says, _, _ in generic.says_in(words.format("no"), "server")}
    assert denied
    assert not denied & {says for says, _, _ in generic.says_in(words.format("Inferno"), "server")}


def test_what_cannot_be_done_is_denied():
    assert "app-link-unknown" in {says for says, _, _ in all_vendors()["generic"].says_in("it cannot return to the app", "server")}


def test_every_category_is_defined_and_used():
    assert set(DEFINITIONS) == set(Category)
    assert {r.category for r in weighing.rules()} == set(Category)


ORACLE_URNS = re.findall(
    r"\S+",
    """oauth2:grant:invalid-request oauth2:grant:unknown-client oauth2:grant:client-persona-mismatch oauth2:grant:invalid-redirect-uri
    oauth2:grant:invalid-redirect-uri-trailing-slash oauth2:grant:redirect-uri-not-absolute oauth2:grant:redirect-uri-not-registered
    oauth2:grant:unknown-tenant oauth2:grant:tenant-not-configured oauth2:grant:unauthorized-client-for-tenant oauth2:grant:unsupported-response-type
    oauth2:grant:missing-patient oauth2:grant:denied-by-server oauth2:grant:denied-by-user oauth2:grant:csrf-security-failure oauth2:grant:invalid-patient-id
    oauth2:grant:authorized-representative-server-error oauth2:grant:server-error smart-v1:grant:launch:audience-required
    smart-v1:grant:launch:launch-code-required smart-v1:grant:launch:code-required smart-v1:grant:launch:invalid-code
    smart-v1:grant:launch:invalid-launch-code smart-v1:grant:launch:mismatchted-identity smart-v1:grant:launch:mismatched-identity
    smart-v1:grant:launch:unknown-resource-server smart-v1:grant:launch:audience-not-white-listed smart-v1:grant:launch:unsupported-version
    smart-v1:grant:launch:unregistered-service smart-v1:grant:launch:unspecified grant:session-service:authentication:cancelled
    grant:session-service:authentication:error preauthentication unregistered-authorized-representatives-server server-error
    oauth2:token:unsupported-grant-type oauth2:token:invalid-redirect-uri oauth2:token:empty-scopes oauth2:token:terminated-client
    oauth2:token:code:invalid oauth2:token:code-invalid-or-expired oauth2:token:code:client:mismatch oauth2:token:code:tenant:mismatch
    oauth2:token:code:tenant-terminated oauth2:token:code:tenant-invalid oauth2:token:invalid-tenant oauth2:token:invalid_authorization_header
    oauth2:token:invalid-authorization-header oauth2:token:invalid_client_credentials oauth2:token:invalid-client-credentials
    client-assertion:jwt-bearer:invalid-signature oauth2:token:patient-scope-requires-one-patient-id oauth2:token:tenant-not-enabled-for-testing
    oauth2:token:client-not-enabled-for-testing oauth2:token:invalid-testing-scenario oauth2:token:refresh-token:token-invalid
    oauth2:token:refresh-token:session-invalid oauth2:token:refresh-token:tenant-terminated""",
)
RESOURCE_URNS = [
    "token-required",
    "expired",
    "insufficient-scopes",
    "token-not-authorized",
    "user-not-authorized",
    "signature-verification-failed",
    "signature-keys-unavailable",
    "issuer-not-trusted",
    "tenant-mismatch",
    "profile-not-supported",
    "encounter-required",
    "server-error",
]


@pytest.mark.parametrize(
    "urn", [URN + tail for tail in ORACLE_URNS] + ["urn:cerner:error:oauth2:resource-access:" + tail for tail in RESOURCE_URNS]
)
def test_every_documented_oracle_urn_is_read(urn):
    vendor = all_vendors()["oracle-health"]
    assert vendor.says_of_urn(urn)
    assert vendor.says_of_urn(urn.replace("-", "_")) == vendor.says_of_urn(urn)


def test_unknown_urn_is_named_and_not_guessed():
    report = weighing.examine(read_observation({"vendor": ORACLE, "urn": URN + "oauth2:grant:moon-phase"}))
    assert report.declined
    assert "moon-phase" in report.named[0]


def test_unknown_error_code_is_named_and_not_guessed():
    report = weighing.examine(read_observation({"error": "moon_phase_wrong"}))
    assert report.declined
    assert "moon_phase_wrong" in report.named[0]


def test_unknown_keys_are_kept_and_named():
    report = weighing.examine(read_observation({"moon": "full", "error": "invalid_grant"}))
    assert report.unknown_keys == ["moon"]


def test_own_cases_fire_under_their_vendor():
    cases = json.loads((Path(__file__).parent / "cases.json").read_text("utf-8"))
    assert all(weighing.vendor_of(read_observation({"vendor": c["vendor"]})).id for c in cases)
