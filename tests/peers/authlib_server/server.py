"""A SMART server around the authorization server of Authlib: grants, PKCE, ID Tokens, errors, introspection and revocation are the library's.

This file adds what SMART asks beyond them (SMART configuration, launch context, clinical scopes, ``aud``), pages to sign in and to consent,
and a small FHIR server behind the tokens. ``server.py CONFIG.json`` prints one line of JSON when it listens and ends when its input closes.
"""

from __future__ import annotations

import html
import json
import os
import secrets
import socket
import sys
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import uvicorn
from authlib.oauth2 import AuthorizationServer, OAuth2Error
from authlib.oauth2.rfc6749 import ClientMixin, OAuth2Payload, OAuth2Request, TokenMixin, grants
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from authlib.oidc.core import AuthorizationCodeMixin, UserInfo
from authlib.oidc.core.grants import OpenIDCode
from joserfc.jwk import KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

sys.path.insert(0, str(Path(__file__).parent.parent))
from small_fhir import CLINICAL, OLD, OPEN, Held, SmallFhir
from small_fhir import Asked as FhirAsked

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
CONFIG = json.loads(Path(sys.argv[1]).read_text("utf-8"))
SOCKET = socket.create_server(("127.0.0.1", 0))
BASE = f"http://127.0.0.1:{SOCKET.getsockname()[1]}"
FHIR = f"{BASE}/fhir"
KEY = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
PLAIN = {"openid", "fhirUser", "offline_access", "launch/patient"}
LIFE_S = 900


# -- what is kept -------------------------------------------------------------------------------------------------------------


@dataclass
class Client(ClientMixin):
    client_id: str
    role: str
    redirect_uri: str = ""
    client_secret: str = ""

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_allowed_scope(self, scope: str | None) -> str | None:
        wanted = (scope or "").split()
        return (
            " ".join(one for one in wanted if one in PLAIN or ((found := CLINICAL.fullmatch(one)) and found[3] and found[3] not in OLD))
            or None
        )

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return bool(self.redirect_uri) and redirect_uri == self.redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        return secrets.compare_digest(self.client_secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in (("none",) if self.role == "public" else ("client_secret_basic", "client_secret_post"))

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in ("authorization_code", "refresh_token") and self.role != "resource-server"


@dataclass
class Code(AuthorizationCodeMixin):
    code: str
    client_id: str
    redirect_uri: str
    scope: str
    user: dict[str, Any]
    patient: str
    nonce: str | None
    code_challenge: str | None
    code_challenge_method: str | None
    made: float = field(default_factory=time.time)

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(self.made)

    def get_acr(self) -> str:
        return ""

    def get_amr(self) -> list[str]:
        return []


@dataclass
class Token(TokenMixin):
    client_id: str
    access_token: str
    refresh_token: str
    scope: str
    user: dict[str, Any]
    patient: str
    issued: float = field(default_factory=time.time)
    revoked: bool = False

    def check_client(self, client: Client) -> bool:
        return self.client_id == client.client_id

    def get_scope(self) -> str:
        return self.scope

    def get_expires_in(self) -> int:
        return LIFE_S

    def is_expired(self) -> bool:
        return time.time() > self.issued + LIFE_S

    def is_revoked(self) -> bool:
        return self.revoked


CLIENTS = {
    one["client_id"]: Client(**{k: one.get(k, "") for k in ("client_id", "role", "redirect_uri", "client_secret")})
    for one in CONFIG["clients"]
}
USERS = {one["username"]: one for one in CONFIG["users"]}
CODES: dict[str, Code] = {}
TOKENS: list[Token] = []
SESSIONS: dict[str, str] = {}


def live(value: str, *names: str) -> Token | None:
    return next((one for one in TOKENS if value and value in [getattr(one, name) for name in names]), None)


# -- the library --------------------------------------------------------------------------------------------------------------


class Payload(OAuth2Payload):
    data: dict[str, str] = {}  # noqa: RUF012 - stands for the property of the base class
    datalist: defaultdict[str, list[str]] = defaultdict(list)  # noqa: RUF012

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.data = dict(reversed(pairs))
        self.datalist = defaultdict(list)
        for name, value in pairs:
            self.datalist[name].append(value)


class Asked(OAuth2Request):
    def __init__(self, request: Request, body: bytes) -> None:
        super().__init__(request.method, str(request.url), headers=request.headers)
        self._args = parse_qsl(request.url.query, keep_blank_values=True)
        is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        self._form = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True) if is_form else []
        self.payload = Payload([*self._args, *self._form])
        self.patient = ""

    @property
    def args(self) -> dict[str, str]:
        return dict(self._args)

    @property
    def form(self) -> dict[str, str]:
        return dict(self._form)


class Server(AuthorizationServer):
    def query_client(self, client_id: str) -> Client | None:
        return CLIENTS.get(client_id)

    def save_token(self, token: dict[str, Any], request: Asked) -> None:
        source = request.authorization_code or request.refresh_token
        kept = Token(
            request.client.client_id,
            token["access_token"],
            token.get("refresh_token", ""),
            token.get("scope", ""),
            request.user,
            source.patient,
        )
        TOKENS.append(kept)

    def create_oauth2_request(self, request: Any) -> Asked:
        return request

    def handle_response(self, status: int, body: Any, headers: list[tuple[str, str]]) -> Response:
        if isinstance(body, dict):
            return JSONResponse(body, status, {**dict(headers), **OPEN})
        return Response(body, status, dict(headers))

    def send_signal(self, name: str, *args: Any, **more: Any) -> None:
        """Tell nobody."""


class Audience:
    """``aud`` names this FHIR server (SMART)."""

    def __call__(self, grant: Any) -> None:
        grant.register_hook("after_validate_authorization_request_payload", self.check)

    def check(self, grant: Any, _redirect_uri: str) -> None:
        if grant.request.payload.data.get("aud") != FHIR:
            raise InvalidRequestError("aud is not the FHIR server of this authorization server")


class Context:
    """Launch context beside the token (SMART)."""

    def __call__(self, grant: Any) -> None:
        grant.register_hook("after_create_token_response", self.add)

    def add(self, grant: Any, response: Any) -> None:
        source = grant.request.authorization_code or grant.request.refresh_token
        if source.patient:
            response[1]["patient"] = source.patient


class IdToken(OpenIDCode):
    def exists_nonce(self, nonce: str, request: Asked) -> bool:
        return False

    def resolve_client_private_key(self, client: Client) -> RSAKey:
        return KEY

    def get_client_claims(self, client: Client) -> dict[str, Any]:
        return {"iss": BASE, "aud": [client.client_id]}

    def get_encode_header(self, client: Client) -> dict[str, Any]:
        return {"alg": "RS256", "kid": KEY.kid}

    def generate_user_info(self, user: dict[str, Any], scope: str) -> UserInfo:
        return UserInfo(sub=user["sub"], **({"fhirUser": f"{FHIR}/{user['fhir_user']}"} if "fhirUser" in scope.split() else {}))


class CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post", "none")

    def save_authorization_code(self, code: str, request: Asked) -> None:
        data = request.payload.data
        kept = [data.get(name) for name in ("nonce", "code_challenge", "code_challenge_method")]
        CODES[code] = Code(
            code, request.client.client_id, data.get("redirect_uri", ""), request.scope, request.user, request.patient, *kept
        )

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        found = CODES.get(code)
        return found if found and found.client_id == client.client_id and time.time() < found.made + 60 else None

    def delete_authorization_code(self, authorization_code: Code) -> None:
        CODES.pop(authorization_code.code, None)

    def authenticate_user(self, authorization_code: Code) -> dict[str, Any]:
        return authorization_code.user


class RefreshGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post", "none")
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        found = live(refresh_token, "refresh_token")
        return None if found is None or found.revoked else found

    def authenticate_user(self, refresh_token: Token) -> dict[str, Any]:
        return refresh_token.user

    def revoke_old_credential(self, refresh_token: Token) -> None:
        refresh_token.revoked = True


class Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS = ("client_secret_basic", "client_secret_post", "none")

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:
        return live(token_string, "access_token", "refresh_token")

    def revoke_token(self, token: Token, request: Asked) -> None:
        token.revoked = True


class Introspection(IntrospectionEndpoint):
    CLIENT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:
        return live(token_string, "access_token", "refresh_token")

    def check_permission(self, token: Token, client: Client, request: Asked) -> bool:
        return client.role == "resource-server" or token.check_client(client)

    def introspect_token(self, token: Token) -> dict[str, Any]:
        user = (
            {"iss": BASE, "sub": token.user["sub"], "fhirUser": f"{FHIR}/{token.user['fhir_user']}"}
            if "openid" in token.scope.split()
            else {}
        )
        context = {"patient": token.patient} if token.patient else {}
        return {"client_id": token.client_id, "scope": token.scope, "exp": int(token.issued + LIFE_S), **user, **context}


SERVER = Server()
SERVER.register_token_generator(
    "default",
    BearerTokenGenerator(lambda **_: secrets.token_urlsafe(30), lambda **more: secrets.token_urlsafe(36) if "offline_access" in (more["scope"] or "").split() else None, lambda *_: LIFE_S),
)  # fmt: skip
SERVER.register_grant(CodeGrant, [CodeChallenge(required=True), Audience(), IdToken(), Context()])
SERVER.register_grant(RefreshGrant, [Context()])
SERVER.register_endpoint(Revocation)
SERVER.register_endpoint(Introspection)


# -- pages and endpoints ------------------------------------------------------------------------------------------------------

SAFE = {
    "cache-control": "no-store",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "frame-ancestors 'none'",
}


def page(title: str, form: str, action: str) -> Response:
    return HTMLResponse(
        f"<!doctype html><title>{title}</title><h1>{title}</h1><form method='post' action='{html.escape(action, quote=True)}'>{form}</form>",
        headers=SAFE,
    )


async def authorize(request: Request) -> Response:
    asked = Asked(request, await request.body())
    query = urlencode([*asked._args, *asked._form])
    if request.method == "POST":
        return RedirectResponse(f"/authorize?{query}", 303)
    user = USERS.get(SESSIONS.get(request.cookies.get("session", ""), ""))
    try:
        SERVER.get_consent_grant(asked, end_user=user)
    except OAuth2Error as error:
        return SERVER.handle_error_response(asked, error)
    if user is None:
        return page(
            "Sign in",
            "<label>User name<input name=username></label><label>Password<input type=password name=password></label><button>Sign in</button>",
            f"/login?{query}",
        )
    choice = "".join(f"<label><input type=radio name=patient value={one}>{one}</label>" for one in user["patients"])
    choice = f"<p>Choose a patient</p>{choice}" if "launch/patient" in (asked.scope or "").split() else ""
    return page(
        "Allow access",
        f"<p>The app asks for {html.escape(asked.scope or '')}</p>{choice}<button name=decision value=allow>Allow</button><button name=decision value=deny>Deny</button>",
        f"/consent?{query}",
    )


async def login(request: Request) -> Response:
    form = dict(parse_qsl((await request.body()).decode()))
    user = USERS.get(form.get("username", ""))
    if user is None or not secrets.compare_digest(user["password"].encode(), form.get("password", "").encode()):
        return page(
            "Sign in",
            "<p role=alert>Wrong user name or password</p><label>User name<input name=username></label><label>Password<input type=password name=password></label><button>Sign in</button>",
            f"/login?{request.url.query}",
        )
    value = secrets.token_urlsafe(24)
    SESSIONS[value] = user["username"]
    answer = RedirectResponse(f"/authorize?{request.url.query}", 303)
    answer.set_cookie("session", value, httponly=True, samesite="lax")
    return answer


async def decide(request: Request) -> Response:
    form = dict(parse_qsl((await request.body()).decode()))
    user = USERS.get(SESSIONS.get(request.cookies.get("session", ""), ""))
    asked = Asked(request, b"")
    try:
        grant = SERVER.get_consent_grant(asked, end_user=user)
    except OAuth2Error as error:
        return SERVER.handle_error_response(asked, error)
    asked.patient = form.get("patient", "") if user and form.get("patient") in user["patients"] else ""
    return SERVER.create_authorization_response(asked, grant_user=user if form.get("decision") == "allow" else None, grant=grant)


async def token(request: Request) -> Response:
    return SERVER.create_token_response(Asked(request, await request.body()))


def endpoint(name: str) -> Any:
    async def answer(request: Request) -> Response:
        return SERVER.create_endpoint_response(name, Asked(request, await request.body()))

    return answer


def configuration(_request: Request) -> Response:
    offered = {
        "issuer": BASE,
        "jwks_uri": f"{BASE}/jwks",
        "authorization_endpoint": f"{BASE}/authorize",
        "token_endpoint": f"{BASE}/token",
        "introspection_endpoint": f"{BASE}/introspect",
        "revocation_endpoint": f"{BASE}/revoke",
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "scopes_supported": [*sorted(PLAIN), "patient/*.rs", "user/*.rs"],
    }
    smart = ["launch-standalone", "authorize-post", "client-public", "client-confidential-symmetric", "sso-openid-connect", "context-standalone-patient", "permission-offline", "permission-patient", "permission-user", "permission-v2"]  # fmt: skip
    openid = {
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["sub", "fhirUser"],
    }
    return JSONResponse(
        {**offered, **(openid if _request.url.path.endswith("openid-configuration") else {"capabilities": smart})}, headers=OPEN
    )


def jwks(_request: Request) -> Response:
    return JSONResponse(KeySet([KEY]).as_dict(private=False), headers=OPEN)


# -- FHIR ---------------------------------------------------------------------------------------------------------------------


def opened(value: str) -> Held | None:
    found = live(value, "access_token")
    if found is None or found.is_expired() or found.revoked:
        return None
    return Held(found.scope, found.patient, tuple(found.user["patients"]))


RECORDS = SmallFhir(FHIR, ("pat-elm", "pat-fir"), ("prac-yew",), opened)


async def fhir(request: Request) -> Response:
    path = request.path_params["path"]
    if path == ".well-known/smart-configuration" and request.method == "GET":
        return configuration(request)
    asked = FhirAsked(request.method, path, request.url.query, str(request.url), request.headers, await request.body())
    answer = RECORDS.answer(asked)
    return Response(answer.body, answer.status, answer.headers)


APP = Starlette(
    routes=[
        Route("/authorize", authorize, methods=["GET", "POST"]),
        Route("/login", login, methods=["POST"]),
        Route("/consent", decide, methods=["POST"]),
        Route("/token", token, methods=["GET", "POST"]),
        Route("/introspect", endpoint("introspection"), methods=["POST"]),
        Route("/revoke", endpoint("revocation"), methods=["POST"]),
        Route("/.well-known/openid-configuration", configuration),
        Route("/jwks", jwks),
        Route("/fhir/{path:path}", fhir, methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
    ]
)


def main() -> None:
    running = uvicorn.Server(uvicorn.Config(APP, log_level="warning", lifespan="off"))

    def wait() -> None:
        sys.stdin.read()
        running.should_exit = True

    threading.Thread(target=wait, daemon=True).start()
    print(json.dumps({"base_url": BASE, "fhir_base_url": FHIR}), flush=True)
    running.run(sockets=[SOCKET])


if __name__ == "__main__":
    main()
