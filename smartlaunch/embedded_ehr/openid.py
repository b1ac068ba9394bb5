"""OpenID Connect: the configuration document, the JWK Set and the ID Token."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import warnings
from typing import TYPE_CHECKING, Any

from joserfc import jws
from starlette.responses import Response as PlainResponse
from starlette.routing import Route

from smartlaunch.embedded_ehr.core import NO_STORE, add_registered_members, json_answer, json_media_type, list_for_others
from smartlaunch.embedded_ehr.defects.id_token import CLAIMS, ID_TOKEN_LIFETIME_S, OPENID_CONFIGURATION, Claims, Metadata
from smartlaunch.embedded_ehr.defects.spoiling import spoil
from smartlaunch.embedded_ehr.keys import ec_key, rsa_key
from smartlaunch.embedded_ehr.plain_http import with_plain_http
from smartlaunch.embedded_ehr.wire import SECOND_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joserfc.jwk import ECKey, RSAKey
    from starlette.requests import Request
    from starlette.responses import Response

    from smartlaunch.embedded_ehr.core import Sandbox
    from smartlaunch.embedded_ehr.registry import Client, User
    from smartlaunch.embedded_ehr.state import AccessToken

_KEY = "lakeside-2026"
_REQUIRED = (
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "response_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
)
_ODD_KEY = "lakeside/2026+keys=signing.v1:" + "0123456789abcdef" * 11
_SECOND_KEY = "lakeside-node-2"
_LONG_SUBJECT = " lakeside|people/ward 3 (west);"
_UNKNOWN_KEYS: list[dict[str, Any]] = [
    {"kty": "AKP", "alg": "ML-DSA-44", "kid": "lakeside-pq", "pub": "x" * 1750},
    {"kty": "OKP", "crv": "Ed25519", "kid": "lakeside-ed", "use": "sig", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    {"kty": "LAKE", "kid": "lakeside-next", "use": "sig"},
]
"""Public keys that a client passes over: of kinds that are newer than it, or that nobody knows."""


def routes(sandbox: Sandbox) -> list[Route]:
    """Return the routes of the public documents."""

    async def configuration(_: Request) -> Response:
        document, defects = openid_configuration(sandbox), sandbox.defects
        if defects("openid_configuration_is_missing"):
            return json_answer({"message": "not found"}, status=404)
        if defects("openid_configuration_is_text"):
            return json_answer(document, media_type="text/plain")
        if defects("openid_configuration_is_answered_with_201"):
            return json_answer(document, status=201)
        return json_answer(document, headers={"Cache-Control": "max-age=60"}, media_type=json_media_type(sandbox))

    async def jwks(_: Request) -> Response:
        if sandbox.defects("serves_no_jwks"):
            return json_answer({"message": "not found"}, status=404)
        return json_answer(jwk_set(sandbox), headers={"Cache-Control": "max-age=60"}, media_type=json_media_type(sandbox))

    async def userinfo(request: Request) -> Response:
        if request.method == "POST" and sandbox.defects("refuses_post_at_userinfo"):
            return json_answer({"error": "invalid_request"}, status=405, headers={"Allow": "GET"})
        return userinfo_answer(sandbox, request.headers.get("authorization", ""))

    if sandbox.variant("does_not_offer_openid"):
        return [Route("/oauth/jwks", jwks, methods=["GET"])]
    return [
        Route("/oauth/userinfo", userinfo, methods=["GET", "POST"]),
        Route("/oauth/.well-known/openid-configuration", configuration, methods=["GET"]),
        Route("/oauth/jwks", jwks, methods=["GET"]),
    ]


def userinfo_answer(sandbox: Sandbox, authorization: str) -> Response:
    """Return the claims of the person behind an access token with the scope openid (OpenID Connect Core section 5.3)."""
    defects = sandbox.defects
    scheme, _, value = authorization.partition(" ")
    known = scheme.lower() == "bearer" and (scheme == "Bearer" or not defects("demands_capitalised_bearer_at_userinfo"))
    token = sandbox.state.access_tokens.get(value) if known else None
    token = token or _taken_for_one(sandbox, value)
    remembered = token is not None and token.looked_up and defects("userinfo_remembers_tokens_that_it_answered")
    ended = token is not None and token.revoked and not remembered and not defects("userinfo_answers_revoked_tokens")
    if token is not None and (ended or token.expires_at < sandbox.state.now() or token.user is None or "openid" not in token.scopes):
        token = None
    if token is None:
        if scheme.lower() == "bearer" and defects("userinfo_answers_any_token"):
            return json_answer({"sub": "somebody"}, headers=NO_STORE)
        challenge = 'Bearer realm="Lakeside", error="invalid_token"'
        return json_answer({"error": "invalid_token"}, status=401, headers={"WWW-Authenticate": challenge})
    token.looked_up = True
    subject = token.subject or ""
    renewed = bool(token.context.get("_renewed"))
    if defects("userinfo_names_another_subject") or (renewed and defects("userinfo_names_another_subject_after_a_refresh")):
        subject += "-7"
    if sandbox.variant("signs_userinfo"):
        claims = {"iss": sandbox.state.issuer, "aud": token.client_id, "sub": subject}
        key = signing_key(sandbox)
        signed = sign(claims, key, {"alg": "RS256", "typ": "JWT", "kid": key.kid})
        return PlainResponse(signed, media_type="application/jwt", headers=NO_STORE)
    if defects("answers_userinfo_as_text"):
        return json_answer({"sub": subject}, headers=NO_STORE, media_type="text/plain")
    return json_answer({"sub": subject}, headers=NO_STORE)


def _taken_for_one(sandbox: Sandbox, value: str) -> AccessToken | None:
    """Return the access token that a broken server sees in something that is none."""
    state, defects = sandbox.state, sandbox.defects
    refresh, beside = state.lookup_refresh_token(value), state.lookup_id_token(value)
    if refresh is not None and defects("userinfo_answers_refresh_tokens"):
        return next((one for one in state.access_tokens.values() if one.grant == refresh.grant), None)
    if beside is not None and defects("userinfo_answers_id_tokens"):
        return beside
    alike = next((one for issued, one in state.access_tokens.items() if len(value) > 4 and issued[:-4] == value[:-4]), None)
    return alike if alike is not None and alike.value != value and defects("userinfo_ignores_the_end_of_a_token") else None


def openid_configuration(sandbox: Sandbox) -> dict[str, Any]:
    """Return the OpenID Provider's metadata (OpenID Connect Discovery section 3)."""
    state, defects = sandbox.state, sandbox.defects
    document: dict[str, Any] = {
        "issuer": state.issuer,
        "authorization_endpoint": sandbox.authorize_url,
        "token_endpoint": sandbox.token_url,
        "jwks_uri": f"{state.base_url}/oauth/jwks",
        "userinfo_endpoint": f"{state.base_url}/oauth/userinfo",
        "introspection_endpoint": sandbox.introspection_url,
        "revocation_endpoint": sandbox.revocation_url,
        "end_session_endpoint": f"{state.base_url}/oauth/logout",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "subject_types_supported": ["pairwise" if sandbox.variant("gives_each_app_another_subject") else "public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["openid", "fhirUser", "profile", "offline_access", "online_access"],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "fhirUser", "name"],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
    }
    if sandbox.variant("does_not_send_iss_parameter"):
        del document["authorization_response_iss_parameter_supported"]
    if sandbox.variant("does_not_offer_userinfo"):
        del document["userinfo_endpoint"]
    if sandbox.variant("has_two_names_for_each_endpoint"):
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "introspection_endpoint", "revocation_endpoint"):
            document[name] = document[name].replace("/oauth/", f"{SECOND_NAME}/", 1)
    list_for_others(sandbox, document)
    add_registered_members(sandbox, document)
    if sandbox.variant("publishes_the_least_openid_configuration"):
        document = {name: value for name, value in document.items() if name in _REQUIRED}
    if sandbox.variant("takes_secrets_in_the_header_only"):
        document["token_endpoint_auth_methods_supported"] = ["client_secret_basic", "private_key_jwt"]
    if sandbox.variant("signs_id_tokens_with_a_second_algorithm_too"):
        document["id_token_signing_alg_values_supported"] = ["RS256", "ES384"]
    if sandbox.variant("leaves_out_auth_time"):
        document["claims_supported"].remove("auth_time")
    for algorithm in ("RS384", "ES384"):
        if sandbox.variant(f"takes_{algorithm.lower()}_only"):
            document["token_endpoint_auth_signing_alg_values_supported"] = [algorithm]
    spoil(defects, Metadata(document, state.base_url), OPENID_CONFIGURATION)
    if sandbox.variant("adds_members_everywhere"):
        document["x_vendor_release"] = "2026.11"
    return with_plain_http(document, defects)


def jwk_set(sandbox: Sandbox) -> dict[str, Any]:
    """Return the public keys that verify this server's signatures."""
    defects = sandbox.defects
    key = dict(signing_key(sandbox).as_dict(private=False))
    if sandbox.variant("publishes_bare_keys"):
        key = {name: value for name, value in key.items() if name not in ("use", "alg")}
    second = dict(rsa_key(_SECOND_KEY).as_dict(private=False))
    if defects("publishes_private_key_members"):
        key = dict(signing_key(sandbox).as_dict(private=True))
    if defects("publishes_certificates_without_bare_keys"):
        key = {"kty": "RSA", "kid": key["kid"], "use": "sig", "x5t": "9Zx8Zq0pV1m2dM1mYkS3n2E6zpk"}
    if defects("publishes_keys_without_kid") or sandbox.variant("publishes_its_only_key_without_kid"):
        del key["kid"]
    if defects("publishes_keys_for_encryption_only"):
        key["use"] = "enc"
    keys = [key, second] if sandbox.variant("signs_with_two_keys_in_turn") else [key]
    if defects("publishes_two_keys_with_one_kid"):
        keys.append(dict(rsa_key("lakeside-2025").as_dict(private=False)) | {"kid": _KEY})
    if defects("publishes_a_symmetric_key"):
        keys.append({"kty": "oct", "kid": "session", "k": base64.urlsafe_b64encode(b"lakeside-session-key").decode()})
    if defects("publishes_mixed_keys_without_use"):
        other = dict(rsa_key("lakeside-2025").as_dict(private=False)) | {"alg": "RSA-OAEP"}
        keys = [{name: value for name, value in one.items() if name != "use"} for one in (*keys, other)]
    if defects("publishes_no_keys"):
        keys = []
    if sandbox.variant("publishes_several_keys") or "id_token_has_no_kid_beside_several_keys" in defects:
        keys += [dict(rsa_key("lakeside-2025").as_dict(private=False)), dict(ec_key("lakeside-ec").as_dict(private=False))]
    if sandbox.variant("publishes_keys_of_unknown_kinds"):
        keys = [*_UNKNOWN_KEYS, *keys]
    return {"keys": keys}


def signing_key(sandbox: Sandbox) -> RSAKey:
    """Return the key that signs ID Tokens."""
    if sandbox.defects("signs_with_a_weak_key"):
        return rsa_key(_KEY + "-weak", 1024)
    return rsa_key(_ODD_KEY if sandbox.variant("writes_long_key_ids") else _KEY)


def sign(payload: dict[str, Any], key: RSAKey | ECKey, header: dict[str, Any]) -> str:
    """Return a compact JWS of the claims."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a defect signs with a key that joserfc warns of
        return jws.serialize_compact(header, json.dumps(payload), key, algorithms=[header["alg"]])


def _fhir_user(sandbox: Sandbox, user: User) -> str | None:
    defects, base = sandbox.defects, sandbox.state.fhir_base_url
    if user.fhir_user is None:
        return f"{base}/Practitioner/{user.username.replace('.', '-')}"
    if defects("omits_fhir_user_claim"):
        return None
    if sandbox.variant("sends_relative_fhir_user"):
        return user.fhir_user
    if defects("sends_fhir_user_without_type"):
        return user.fhir_user.partition("/")[2]
    if defects("sends_fhir_user_of_a_wrong_type"):
        return f"{base}/Organization/lakeside-hospital"
    if defects("sends_fhir_user_of_another_person"):
        return f"{base}/Practitioner/{'dr-omar-nasser' if user.username == 'lena.hart' else 'dr-lena-hart'}"
    first = next(iter(sandbox.state.users.values()))
    if user.username != first.username and defects("sends_fhir_user_of_the_first_user_to_others"):
        return f"{base}/{first.fhir_user}"
    if not str(user.fhir_user).startswith("Patient/") and defects("sends_fhir_user_of_another_kind"):
        return f"{base}/Patient/amelia-stone"
    if defects("sends_fhir_user_that_does_not_exist"):
        return f"{base}/{user.fhir_user}-7"
    if defects("sends_fhir_user_of_another_server"):
        return f"https://other-ehr.example/fhir/{user.fhir_user}"
    return f"{base}/{user.fhir_user}"


def subject_of(sandbox: Sandbox, client: Client, user: User) -> str:
    """Return the identifier of a person, the same for every app or one for each (OpenID Connect Core section 8)."""
    if not sandbox.variant("gives_each_app_another_subject") and not sandbox.defects("gives_each_app_another_subject_unsaid"):
        return (user.subject + _LONG_SUBJECT * 8)[:255] if sandbox.variant("writes_long_subjects") else user.subject
    return hashlib.sha256(f"{client.client_id} {user.subject}".encode()).hexdigest()[:24]


def _subject(sandbox: Sandbox, client: Client, user: User, issued: float) -> str:
    defects = sandbox.defects
    if defects("uses_one_subject_for_everybody"):
        return "ehr-user"
    if defects("changes_subject_at_each_login"):
        return hashlib.sha256(f"{user.subject}{issued}".encode()).hexdigest()[:24]
    if defects("sends_subject_longer_than_255_characters"):
        return user.subject * 12
    return subject_of(sandbox, client, user)


def id_token(
    sandbox: Sandbox,
    client: Client,
    user: User,
    *,
    scopes: tuple[str, ...],
    nonce: str | None,
    auth_time: float,
    access_token: str,
    renewed: bool = False,
    first: Mapping[str, Any] | None = None,
    patient: str | None = None,
) -> tuple[str, dict[str, Any]]:
    """Return a signed ID Token and its claims, right ones first, and then as the defects have them."""
    state, now = sandbox.state, int(sandbox.state.now())
    digest = hashlib.sha256(access_token.encode()).digest()
    claims: dict[str, Any] = {
        "iss": state.issuer,
        "sub": _subject(sandbox, client, user, auth_time),
        "aud": client.client_id,
        "exp": now + (60 if sandbox.variant("gives_id_tokens_a_minute") else ID_TOKEN_LIFETIME_S),
        "iat": now,
        "auth_time": int(auth_time),
        "at_hash": base64.urlsafe_b64encode(digest[:16]).decode().rstrip("="),
    }
    if nonce is not None and not renewed:
        claims["nonce"] = nonce
    fhir_user = _fhir_user(sandbox, user) if "fhirUser" in scopes else None
    if fhir_user is not None:
        claims["fhirUser"] = fhir_user
    if "profile" in scopes:
        claims["name"] = user.display
    if sandbox.variant("names_the_authorized_party"):
        claims["azp"] = client.client_id
    if sandbox.variant("leaves_out_auth_time"):
        del claims["auth_time"]
    if sandbox.variant("sends_more_registered_claims"):
        claims |= {"nbf": now, "jti": hashlib.sha256(f"{now}{access_token}".encode()).hexdigest(), "acr": "0", "amr": ["pwd", "otp"]}
    if sandbox.variant("sends_the_least_id_token"):
        claims = {name: value for name, value in claims.items() if name not in ("at_hash", "auth_time", "name")}
    if sandbox.variant("tells_more_of_the_person"):
        claims |= {"preferred_username": user.username, "locale": "en-US", "updated_at": now - 86400, "zoneinfo": "America/New_York"}
        claims |= {"email": f"{user.username}@lakeside.example", "email_verified": True, "profile": fhir_user or f"{state.base_url}/me"}
    before = first or {}
    about = Claims(
        claims,
        state.base_url,
        now,
        user.subject,
        renewed=renewed,
        first_iat=before.get("iat"),
        first_at_hash=before.get("at_hash"),
        is_patient=user.persona == "patient",
        of_launch="launch" in scopes,
        patient=patient,
        last_sign_in=int(max((code.auth_time for code in state.codes.values() if code.user == user.username), default=auth_time)),
    )
    spoil(sandbox.defects, about, CLAIMS)
    if sandbox.variant("sends_audience_as_list"):
        claims["aud"] = [client.client_id]
    if sandbox.variant("names_a_second_audience"):
        claims |= {"aud": [client.client_id, "https://lakeside.example/audit"], "azp": client.client_id}
    if sandbox.variant("adds_members_everywhere"):
        claims["sid"] = "2f9b"
    return _signed(sandbox, client, claims, renewed=renewed), claims


def _signed(sandbox: Sandbox, client: Client, claims: dict[str, Any], *, renewed: bool) -> str:
    defects, key = sandbox.defects, signing_key(sandbox)
    if len(sandbox.state.id_tokens) % 2 and sandbox.variant("signs_with_two_keys_in_turn"):
        key = rsa_key(_SECOND_KEY)
    header: dict[str, Any] = {"alg": "RS256", "typ": "JWT", "kid": key.kid}
    if sandbox.variant("sends_the_least_id_token"):
        del header["typ"]
    if sandbox.variant("tells_more_of_the_person"):
        header["x5t#S256"] = _b64({"made": "up"})
    if defects("id_token_names_its_key_by_url") or (renewed and defects("refreshed_id_token_names_its_key_by_url")):
        header["jku"] = f"{sandbox.state.base_url}/oauth/jwks"
    if defects("id_token_has_unknown_kid"):
        header["kid"] = "lakeside-2019"
    if defects("id_token_has_no_kid_beside_several_keys") or sandbox.variant("publishes_its_only_key_without_kid"):
        del header["kid"]
    if defects("does_not_sign_id_tokens"):
        return f"{_b64({'alg': 'none', 'typ': 'JWT'})}.{_b64(claims)}."
    if defects("signs_id_tokens_with_hs256"):
        body = f"{_b64({'alg': 'HS256', 'typ': 'JWT'})}.{_b64(claims)}"
        secret = (client.secret or client.client_id).encode()
        mac = hmac.new(secret, body.encode(), hashlib.sha256).digest()
        return f"{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
    if defects("signs_id_tokens_with_es384_only"):
        elliptic = ec_key("lakeside-ec")
        return sign(claims, elliptic, {"alg": "ES384", "typ": "JWT", "kid": elliptic.kid})
    if not client.public and defects("signs_id_tokens_of_confidential_clients_with_a_key_it_does_not_publish"):
        return sign(claims, rsa_key("lakeside-unpublished"), header)
    late = renewed and defects("signs_refreshed_id_tokens_with_a_key_it_does_not_publish")
    if late or defects("signs_id_tokens_with_a_key_it_does_not_publish"):
        return sign(claims, rsa_key("lakeside-unpublished"), header)
    token = sign(claims, key, header)
    if defects("breaks_the_signature_of_id_tokens") or (renewed and defects("breaks_the_signature_of_refreshed_id_tokens")):
        head, payload, signature = token.split(".")
        token = f"{head}.{payload}.{'B' if signature[0] != 'B' else 'C'}{signature[1:]}"
    return token


def _b64(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
