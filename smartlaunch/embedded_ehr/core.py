"""What the endpoints share: the running server's parts, strict parameter parsing, and answers in the forms the RFCs prescribe."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from smartlaunch.embedded_ehr.defects import Defects, Variants
    from smartlaunch.embedded_ehr.options import SandboxOptions
    from smartlaunch.embedded_ehr.profile import Profile
    from smartlaunch.embedded_ehr.registry import Client, User
    from smartlaunch.embedded_ehr.state import State

FORM = "application/x-www-form-urlencoded"
ONE_PATH = "/oauth/server"
"""Where a server stands whose endpoints differ by their query only."""
MAX_BODY = 256 * 1024
_MOST_NESTING = 64
_SCOPE_SYNTAX = re.compile(r"[!#-\[\]-~]+(?: [!#-\[\]-~]+)*")


@dataclass(frozen=True)
class Sandbox:
    """The parts of one running server."""

    options: SandboxOptions
    state: State
    defects: Defects
    variant: Variants

    @property
    def profile(self) -> Profile:
        """The vendor's data."""
        return self.options.profile

    @property
    def token_url(self) -> str:
        """The absolute URL of the token endpoint."""
        if self.variant("has_one_path_for_all_endpoints"):
            return f"{self.state.base_url}{ONE_PATH}?op=token"
        return self.state.base_url + self.profile.token_path + ("?tenant=lakeside" if self.variant("has_endpoints_with_a_query") else "")

    @property
    def introspection_url(self) -> str:
        """The absolute URL of the introspection endpoint."""
        return self.state.base_url + (
            f"{ONE_PATH}?op=introspect" if self.variant("has_one_path_for_all_endpoints") else "/oauth/introspect"
        )

    @property
    def revocation_url(self) -> str:
        """The absolute URL of the revocation endpoint."""
        return self.state.base_url + (f"{ONE_PATH}?op=revoke" if self.variant("has_one_path_for_all_endpoints") else "/oauth/revoke")

    @property
    def authorize_url(self) -> str:
        """The absolute URL of the authorization endpoint."""
        if self.variant("has_one_path_for_all_endpoints"):
            return f"{self.state.base_url}{ONE_PATH}?op=authorize"
        address = self.state.base_url + self.profile.authorize_path
        queried = self.variant("has_endpoints_with_a_query") or self.defects("refuses_the_query_of_its_own_authorization_endpoint")
        return f"{address}?tenant=lakeside" if queried else address

    def client(self, client_id: str) -> Client:
        """Return a client that is known to exist."""
        return self.state.clients[client_id]

    def user(self, username: str) -> User:
        """Return a user that is known to exist."""
        return self.state.users[username]


class Part:
    """A part of one running server, with what every part asks for: its state, what is broken in it and what is unusual."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.state = sandbox.state
        self.defects = sandbox.defects
        self.variant = sandbox.variant


class OAuthError(Exception):
    """A request that cannot be granted, in the terms of RFC 6749."""

    def __init__(self, error: str, description: str, *, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status
        self.headers = dict(headers or {})
        self.way = ""

    def by(self, way: str) -> OAuthError:
        """Return it with the way by which the server came to refuse, which defects go by."""
        self.way = way
        return self


def crash() -> OAuthError:
    """Return what a server says that did not expect a request."""
    return OAuthError("server_error", "Something went wrong.", status=500)


def unsupported_media_type() -> OAuthError:
    """Return what a server says that takes no form, or none of this kind."""
    return OAuthError("invalid_request", "Send application/json.", status=415)


def names_charset(request: Request) -> bool:
    """Say whether the media type of a request names its charset."""
    return "charset" in request.headers.get("content-type", "").lower()


class Parameters:
    """Request parameters in their order, with repeated ones kept apart.

    RFC 6749 section 3.1: one without a value counts as absent, and none may come twice.
    """

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.pairs = pairs
        self._first: dict[str, str] = {}
        self._count: dict[str, int] = {}
        for name, value in pairs:
            self._first.setdefault(name, value)
            self._count[name] = self._count.get(name, 0) + 1

    def get(self, name: str) -> str | None:
        """Return the value; None when absent or empty."""
        return self._first.get(name) or None

    def sent_empty(self, name: str) -> bool:
        """Say whether the parameter came without a value."""
        return self._first.get(name) == ""

    def all(self, name: str) -> list[str]:
        """Return every value of a parameter that may repeat."""
        return [value for key, value in self.pairs if key == name]

    def repeated(self) -> list[str]:
        """Name the parameters that came more than once."""
        return [name for name, count in self._count.items() if count > 1]

    def flat(self) -> dict[str, str]:
        """Return the parameters that have a value."""
        return {name: value for name, value in self._first.items() if value}


def required(given: Parameters, name: str) -> str:
    """Return a parameter's value, or refuse the request that lacks it."""
    value = given.get(name)
    if value is None:
        message = f"The {name} is missing."
        raise OAuthError("invalid_request", message)
    return value


def query_parameters(request: Request) -> Parameters:
    """Return the parameters of the query."""
    return Parameters(_decode(request.scope["query_string"]))


async def form_parameters(request: Request) -> Parameters:
    """Return the parameters of a form body; anything else in the body is an ``invalid_request``."""
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != FORM:
        message = f"The request body has to be {FORM}."
        raise OAuthError("invalid_request", message)
    return Parameters(_decode(await read_body(request)))


async def read_body(request: Request) -> bytes:
    """Read the body up to a limit."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            message = "The request body is too large."
            raise OAuthError("invalid_request", message, status=413)
    return bytes(body)


def parse_json(raw: bytes) -> Any:
    """Read JSON that can be handled and sent again; everything else is a `ValueError`.

    Python's reader takes more than RFC 8259 has (NaN), fails on the stack where brackets are nested deeply, and lets halves of
    characters in that no answer can be encoded with.
    """
    try:
        value = json.loads(raw, parse_constant=_no_number)
    except RecursionError:
        message = "nested too deeply"
        raise ValueError(message) from None
    level, nesting = [value], 0
    while level:
        nesting += 1
        if nesting > _MOST_NESTING:
            message = "nested too deeply"
            raise ValueError(message)
        level = [one for holder in level if isinstance(holder, dict | list) for one in _held(holder)]
    if b"\\u" in raw:
        json.dumps(value, ensure_ascii=False).encode()  # an error of encoding is a ValueError
    return value


def _held(holder: dict[str, Any] | list[Any]) -> list[Any]:
    return list(holder.values()) if isinstance(holder, dict) else holder


def _no_number(name: str) -> Any:
    message = f"{name} is no JSON"
    raise ValueError(message)


def _decode(raw: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=200)
    except ValueError as problem:
        message = "The parameters are not a well-formed form."
        raise OAuthError("invalid_request", message) from problem


def scope_is_well_formed(value: str) -> bool:
    """Say whether a scope value keeps the grammar of RFC 6749 section 3.3."""
    return _SCOPE_SYNTAX.fullmatch(value) is not None


def json_answer(
    body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None, media_type: str = "application/json"
) -> Response:
    """Answer with JSON."""
    return Response(json.dumps(body, ensure_ascii=False), status, dict(headers or {}), media_type)


NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def error_answer(sandbox: Sandbox, problem: OAuthError) -> Response:
    """Answer a direct request with an error in the form of RFC 6749 section 5.2."""
    defects = sandbox.defects
    headers = dict(NO_STORE)
    status, error = problem.status, problem.error
    body: dict[str, Any] = {"error": error, "error_description": problem.description}
    if defects("answers_errors_with_status_200"):
        status = 200
    elif defects("answers_errors_with_status_500"):
        status = 500
    if defects("omits_error_code_in_errors"):
        del body["error"]
    if defects("invents_error_codes"):
        body["error"] = "E1047"
    if defects("sends_error_code_with_illegal_characters"):
        body["error"] = f'"{error}"'
    if defects("omits_error_description"):
        del body["error_description"]
    if defects("discloses_internals_in_errors"):
        body["error_description"] = (
            f'{problem.description} Traceback (most recent call last): File "/srv/ehr/oauth/token.py", line 218, in exchange; '
            "psycopg2.errors.UniqueViolation: duplicate key value violates unique constraint"
        )
    if defects("sends_a_malformed_error_uri_with_token_errors"):
        body["error_uri"] = "see the manual, page <12>"
    headers |= problem.headers
    if defects("answers_errors_as_html") or (error == "invalid_client" and defects("answers_failed_authentication_as_html")):
        return Response(f"<html><body><h1>{error}</h1></body></html>", status, headers, "text/html")
    if defects("answers_errors_as_plain_text"):
        return Response(f"error={error}", status, headers, "text/plain")
    if sandbox.variant("adds_members_everywhere"):
        body |= {"error_uri": f"{sandbox.state.base_url}/", "trace_id": "b1f0c7", "__vendor": {"node": 3}}
    if sandbox.variant("leaves_out_error_description"):
        body.pop("error_description", None)
    return json_answer(body, status=status, headers=headers, media_type=json_media_type(sandbox))


OTHER_GRANT_TYPES = (
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:grant-type:token-exchange",
)
OTHER_RESPONSE_TYPES = ("token", "id_token", "code id_token")
_OTHER_AUTHENTICATION = ("tls_client_auth", "client_secret_jwt", "none")


def list_for_others(sandbox: Sandbox, document: dict[str, Any]) -> None:
    """Put what none of the apps here is registered for, and others are, into the lists of a metadata document."""
    lists = {
        "lists_grant_types_for_other_clients": ("grant_types_supported", OTHER_GRANT_TYPES),
        "lists_response_types_for_other_clients": ("response_types_supported", OTHER_RESPONSE_TYPES),
        "lists_authentication_methods_for_other_clients": ("token_endpoint_auth_methods_supported", _OTHER_AUTHENTICATION),
    }
    for name, (member, more) in lists.items():
        if member in document and sandbox.variant(name):
            document[member] = [*document[member], *more]


def add_registered_members(sandbox: Sandbox, document: dict[str, Any]) -> None:
    """Put members of other registered documents into the metadata, whose features are there and bind nobody."""
    if not sandbox.variant("lists_members_of_other_standards"):
        return
    base = sandbox.state.base_url
    document |= {
        "pushed_authorization_request_endpoint": f"{base}/oauth/par",
        "require_pushed_authorization_requests": False,
        "device_authorization_endpoint": f"{base}/oauth/device",
        "dpop_signing_alg_values_supported": ["ES256"],
        "tls_client_certificate_bound_access_tokens": False,
        "mtls_endpoint_aliases": {"token_endpoint": f"{base}/mtls/token"},
        "service_documentation": f"{base}/docs",
        "ui_locales_supported": ["en", "fr-CA"],
        "op_policy_uri": f"{base}/policy",
        "acr_values_supported": ["0", "urn:lakeside:gold"],
        "display_values_supported": ["page", "touch"],
        "protected_resources": [sandbox.state.fhir_base_url],
    }


def json_media_type(sandbox: Sandbox) -> str:
    """Return the media type of JSON answers."""
    return "application/json; charset=utf-8" if sandbox.variant("names_charset_of_json") else "application/json"
