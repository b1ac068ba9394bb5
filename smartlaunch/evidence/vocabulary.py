"""The names that redaction goes by, and the words it never touches.

Names are exact and in lower case: a rule that matched parts of names would hide ``token_endpoint`` and miss nothing less.
"""

from __future__ import annotations

from typing import Final

SECRET_PARAMETERS: Final[dict[str, str]] = {
    "access_token": "access_token",
    "token": "access_token",
    "subject_token": "access_token",
    "actor_token": "access_token",
    "registration_access_token": "registration_access_token",
    "initial_access_token": "registration_access_token",
    "refresh_token": "refresh_token",
    "id_token": "id_token",
    "id_token_hint": "id_token",
    "logout_token": "id_token",
    "code": "code",
    "device_code": "code",
    "user_code": "code",
    "code_verifier": "code_verifier",
    "client_secret": "client_secret",
    "client_assertion": "client_assertion",
    "assertion": "client_assertion",
    "software_statement": "client_assertion",
    "request": "request_object",
    "password": "password",
    "passwd": "password",
    "pass": "password",
    "pwd": "password",
    "passphrase": "password",
    "passcode": "password",
    "pin": "password",
    "otp": "password",
    "j_password": "password",
    "clearpass": "password",
    "new_password": "password",
    "current_password": "password",
    "launch": "launch",
    "launch_token": "launch",
    "state": "state",
    "relaystate": "state",
    "samlresponse": "saml",
    "samlrequest": "saml",
    "session_token": "cookie",
    "sessionid": "cookie",
    "jsessionid": "cookie",
    "_csrf": "form_value",
    "csrf": "form_value",
    "csrf_token": "form_value",
    "csrf_token_form": "form_value",
    "csrfmiddlewaretoken": "form_value",
    "authenticity_token": "form_value",
    "__requestverificationtoken": "form_value",
    "xsrf": "form_value",
    "api_key": "authorization",
    "apikey": "authorization",
    "authorization": "authorization",
}
"""Parameter or member name (lower case) -> kind of the secret in it."""

AMBIGUOUS_IN_JSON: Final = frozenset({"code", "state", "launch", "token", "request", "pass", "pin", "assertion", "password"})
"""Names that also mean something harmless inside JSON; there they are secrets only in an object of OAuth's own shape."""

OAUTH_SHAPE: Final = frozenset(
    {"grant_type", "redirect_uri", "code_verifier", "client_id", "response_type", "session_state", "iss", "client_assertion_type", "username"}
)
"""A JSON object with one of these members is an OAuth message, whatever sent it."""

PRIVATE_JWK_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

SECRET_HEADERS: Final = frozenset(
    {
        "x-auth-token",
        "x-access-token",
        "x-api-key",
        "api-key",
        "apikey",
        "ocp-apim-subscription-key",
        "x-csrf-token",
        "x-xsrf-token",
        "x-amz-security-token",
        "x-forwarded-access-token",
        "x-goog-iap-jwt-assertion",
        "x-ms-client-principal",
        "dpop",
        "authentication-info",
        "proxy-authentication-info",
    }
)

CREDENTIAL_HEADERS: Final = frozenset({"authorization", "proxy-authorization"})

PATIENT_SEARCH_PARAMETERS: Final = frozenset(
    {
        "name",
        "family",
        "given",
        "birthdate",
        "identifier",
        "phone",
        "email",
        "telecom",
        "address",
        "address-city",
        "address-postalcode",
        "address-state",
        "address-country",
        "phonetic",
        "gender",
        "death-date",
    }
)

PERSONAL_CLAIMS: Final = frozenset(
    {
        "sub",
        "name",
        "given_name",
        "family_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "username",
        "email",
        "phone_number",
        "address",
        "birthdate",
        "gender",
        "picture",
        "profile_photo",
        "website",
        "displayname",
        "display_name",
        "upn",
        "unique_name",
        "login",
    }
)
"""Members of an introspection or userinfo answer that name a person."""

OPEN_CLAIMS: Final = frozenset(
    {
        "iss",
        "aud",
        "exp",
        "iat",
        "nbf",
        "auth_time",
        "nonce",
        "acr",
        "amr",
        "azp",
        "at_hash",
        "c_hash",
        "s_hash",
        "jti",
        "fhiruser",
        "profile",
        "tenant",
        "ver",
        "scope",
        "client_id",
        "typ",
        "urn:cerner:authorization:claims:version:1",
    }
)
"""Claims of an ID Token that are shown; every other claim is taken for personal data."""

RESERVED_WORDS: Final = frozenset(
    """
    access_denied invalid_request invalid_client invalid_grant invalid_scope invalid_token invalid_target unauthorized_client
    unsupported_grant_type unsupported_response_type server_error temporarily_unavailable insufficient_scope interaction_required
    login_required account_selection_required consent_required invalid_request_uri invalid_request_object request_not_supported
    authorization_code refresh_token client_credentials access_token id_token password passwd launch client_secret client_assertion
    code_verifier code_challenge code_challenge_method client_id redirect_uri response_type grant_type response state scope openid
    fhirUser profile offline_access online_access launch/patient launch/encounter patient encounter Bearer bearer secret token
    expires_in token_type Patient Practitioner Observation Condition Encounter application normal string number object public
    private_key_jwt client_secret_basic client_secret_post client_secret_jwt authorize callback localhost undefined https http://
    https:// 127.0.0.1 text/html application/json username button submit hidden checked sign-in logout signin
    """.split()
)
"""Words of the protocols. A secret equal to one of them is hidden in its field, but never searched for in other text."""

CORRELATION_HEADERS: Final = frozenset(
    {
        "x-request-id",
        "request-id",
        "x-correlation-id",
        "correlation-id",
        "cerner-correlation-id",
        "opc-request-id",
        "opc-client-request-id",
        "x-trace-id",
        "x-b3-traceid",
        "traceparent",
        "x-amzn-requestid",
        "x-amzn-request-id",
        "x-amzn-trace-id",
        "x-amz-request-id",
        "x-amz-cf-id",
        "x-ms-request-id",
        "x-ms-correlation-request-id",
        "client-request-id",
        "x-ms-client-request-id",
        "x-cloud-trace-context",
        "x-goog-request-id",
        "x-okta-request-id",
        "x-vcap-request-id",
        "x-transaction-id",
        "x-interaction-id",
        "x-fapi-interaction-id",
        "x-tracking-id",
        "x-log-id",
        "x-session-trace",
        "x-epic-request-id",
        "x-kong-request-id",
        "x-azure-ref",
        "cf-ray",
        "x-cdn-request-id",
        "activityid",
        "tracecontext",
    }
)
"""Header names (lower case) under which a vendor's support finds a request in its logs."""
