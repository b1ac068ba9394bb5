"""Cross-origin resource sharing: public documents for everyone, tokens and data for the registered apps' origins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response

from smartlaunch.embedded_ehr.defects.spoiling import excused

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from smartlaunch.embedded_ehr.core import Sandbox

_Case = tuple[str, set[str]]


def _whole(origin: str) -> tuple[str, str]:
    scheme, _, host = origin.partition("://")
    return scheme, host


COMPARED: dict[str, Callable[[_Case], bool]] = {
    "echoes_foreign_origins_with_credentials": lambda _: True,
    "compares_the_beginning_of_an_origin": lambda case: any(case[0].startswith(one) for one in case[1]),
    "compares_the_end_of_an_origin": lambda case: any(case[0].endswith(_whole(one)[1]) for one in case[1]),
    "compares_an_origin_without_its_port": lambda case: case[0].rpartition(":")[0] in case[1],
    "compares_an_origin_without_its_scheme": lambda case: any(_whole(case[0])[1] == _whole(one)[1] for one in case[1]),
    "allows_the_null_origin_with_credentials": lambda case: case[0] == "null",
}
"""How each defect compares an origin with those that are registered; all of them allow credentials as well."""
_BAD_REQUEST = 400

CLOSED_TO_PAGES: dict[str, Callable[[str], bool]] = {
    "no_cors_on_fhir_searches": lambda path: path.count("/") == _OF_A_TYPE,
    "no_cors_on_histories": lambda path: "/_history" in path,
    "no_cors_on_batches": lambda path: path.rstrip("/") == "/fhir",
}
"""Which addresses of the FHIR server each defect closes to pages."""

UNMARKED: dict[str, Callable[[tuple[str, int]], bool]] = {
    "no_cors_on_token_errors": lambda told: told[0] == "token" and told[1] >= _BAD_REQUEST,
    "no_cors_on_refused_authentication": lambda told: told == ("token", 401),
    "no_cors_on_fhir_errors": lambda told: told[0] == "fhir" and told[1] >= _BAD_REQUEST,
    "no_cors_on_what_is_not_there": lambda told: told == ("fhir", 404),
    "no_cors_on_what_was_created": lambda told: told == ("fhir", 201),
    "no_cors_on_fhir_challenges": lambda told: told == ("fhir", 401),
    "no_cors_on_what_scopes_leave_out": lambda told: told == ("fhir", 403),
}
"""Which answers each defect leaves without the headers, by the place (`token` or `fhir`) and the status."""
_PUBLIC = (
    "/.well-known/smart-configuration",
    "/fhir/.well-known/smart-configuration",
    "/fhir/metadata",
    "/oauth/.well-known/openid-configuration",
    "/oauth/jwks",
    "/brands.json",
)
_PROTECTED = ("/oauth/token", "/oauth/introspect", "/oauth/revoke", "/oauth/userinfo")
_EXPOSED = "Content-Location, ETag, Last-Modified, Location, WWW-Authenticate, X-Request-Id"
_METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
_HEADERS = "Accept, Authorization, Content-Type, If-Match, If-None-Exist, If-None-Match, Prefer, X-Requested-With"
_OF_A_TYPE = 2
"""Slashes in the path of a search."""


class Cors:
    """Middleware that adds the headers and answers preflight requests."""

    def __init__(self, app: ASGIApp, sandbox: Sandbox) -> None:
        self.app = app
        self.sandbox = sandbox
        self._first: dict[str, str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin, path = headers.get("origin"), scope["path"]
        kind = self._kind(path)
        if origin is None or kind is None:
            await self.app(scope, receive, send)
            return
        foreign = origin not in self._registered()
        if foreign and kind != "public" and self.sandbox.variant("refuses_requests_of_foreign_origins"):
            await PlainTextResponse("Invalid CORS request", 403)(scope, receive, send)
            return
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            if kind in ("public", "oauth") and self.sandbox.variant("answers_no_needless_preflight"):
                await Response(status_code=405, headers={"Allow": "GET" if kind == "public" else "POST"})(scope, receive, send)
                return
            response = self._preflight(kind, path, origin)
            await response(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                if path == self.sandbox.profile.token_path and self.sandbox.defects("lets_caches_keep_tokens_for_other_origins"):
                    del MutableHeaders(scope=message)["cache-control"]
                refresh = scope.get("state", {}).get("grant_type") == "refresh_token"
                if not (refresh and message["status"] < _BAD_REQUEST and self.sandbox.defects("no_cors_on_answers_to_refreshes")):
                    self._mark(MutableHeaders(scope=message), kind, path, origin, message["status"])
            await send(message)

        await self.app(scope, receive, sending)

    def _registered(self) -> set[str]:
        return {one for client in self.sandbox.state.clients.values() for one in client.origins}

    def _kind(self, path: str) -> str | None:
        if path in _PUBLIC:
            return "public"
        if path in _PROTECTED or path == self.sandbox.profile.token_path:
            return "oauth"
        if path == self.sandbox.profile.authorize_path and self.sandbox.defects("allows_foreign_origins_at_authorization_endpoint"):
            return "public"
        return "fhir" if path == "/fhir" or path.startswith("/fhir/") else None

    def _allowed(self, kind: str, path: str, origin: str) -> str | None:
        """Return the value of Access-Control-Allow-Origin, or None where the origin gets nothing."""
        defects = self.sandbox.defects
        registered = self._registered()
        if kind == "public":
            if path.endswith("smart-configuration") and defects("no_cors_on_smart_configuration"):
                return None
            if path == "/fhir/metadata" and defects("no_cors_on_metadata"):
                return None
            foreign = origin not in registered
            closed = (
                (foreign and defects("allows_registered_origins_only_on_discovery"))
                or (foreign and path == "/fhir/metadata" and defects("allows_registered_origins_only_on_metadata"))
                or (origin == "null" and defects("allows_no_null_origin_on_discovery"))
            )
            if closed:
                return None
            first = self._first.setdefault(path, origin)
            named = first if first != origin and defects("keeps_the_first_origin_with_a_document") else None
            return named or (origin if self.sandbox.variant("echoes_the_origin_on_public_documents") else "*")
        if path == self.sandbox.profile.token_path and defects("no_cors_on_token_endpoint"):
            return None
        if kind == "fhir" and defects("no_cors_on_fhir_endpoints"):
            return None
        if kind == "fhir" and excused(defects, path, CLOSED_TO_PAGES):
            return None
        if origin in registered:
            if defects("allows_a_fixed_origin_only"):
                return "https://portal.lakeside.example"
            if defects("doubles_the_allowed_origin"):
                return f"{origin}, {origin}"
            return "*" if self.sandbox.variant("allows_every_origin") else origin
        if self.sandbox.variant("allows_every_origin"):
            return "*"
        return origin if self._trusted(origin, registered) else None

    def _trusted(self, origin: str, registered: set[str]) -> bool:
        """Tell whether a broken comparison takes an origin for a registered one; such a server allows it credentials as well."""
        return excused(self.sandbox.defects, (origin, registered), COMPARED)

    def _mark(self, headers: MutableHeaders, kind: str, path: str, origin: str, status: int) -> None:
        defects = self.sandbox.defects
        place = "token" if path == self.sandbox.profile.token_path else kind
        if excused(defects, (place, status), UNMARKED):
            return
        allowed = self._allowed(kind, path, origin)
        for name in ("access-control-allow-origin", "access-control-allow-credentials"):
            if name in headers:
                del headers[name]
        if allowed is not None:
            headers["Access-Control-Allow-Origin"] = allowed
            if kind != "public" and defects("sends_two_allowed_origins"):
                headers.append("Access-Control-Allow-Origin", "*")
            if kind == "fhir" and defects("sends_the_allowed_origin_twice_with_data"):
                headers.append("Access-Control-Allow-Origin", allowed)
            if not self.sandbox.variant("lists_no_more_than_cors_needs"):
                headers["Access-Control-Expose-Headers"] = _EXPOSED
            self._allow_credentials(headers, kind, origin)
        if kind == "fhir" and defects("lets_caches_keep_answers_for_every_origin"):
            headers["Cache-Control"] = "private, max-age=60"
        elif kind != "public":
            headers.add_vary_header("Origin")

    def _allow_credentials(self, headers: MutableHeaders, kind: str, origin: str) -> None:
        own = origin in self._registered() and self.sandbox.variant("allows_credentials_to_registered_origins")
        if kind != "public" and (own or any(self.sandbox.defects(name) for name in COMPARED)):
            headers["Access-Control-Allow-Credentials"] = "true"

    def _preflight(self, kind: str, path: str, origin: str) -> Response:
        defects = self.sandbox.defects
        if path == self.sandbox.profile.token_path and defects("refuses_preflight_on_token_endpoint"):
            return Response(status_code=405, headers={"Allow": "POST"})
        if kind == "fhir" and defects("refuses_preflight_on_fhir_endpoints"):
            return Response(status_code=405, headers={"Allow": "GET, POST, PUT, PATCH, DELETE"})
        if kind == "fhir" and defects("asks_a_token_for_preflight"):
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
        response = Response(status_code=200 if self.sandbox.variant("answers_preflight_with_200") else 204)
        allowed = self._allowed(kind, path, origin)
        response.headers["Vary"] = "Origin, Access-Control-Request-Headers"
        if allowed is None:
            return response
        names = _HEADERS
        if kind == "fhir" and defects("preflight_leaves_authorization_out"):
            names = _HEADERS.replace("Authorization, ", "")
        if kind == "fhir" and defects("fhir_preflight_leaves_content_type_out"):
            names = _HEADERS.replace("Content-Type, ", "")
        if kind == "fhir" and defects("fhir_preflight_allows_headers_by_an_asterisk"):
            names = "*"
        if path == self.sandbox.profile.token_path and defects("preflight_leaves_content_type_out"):
            names = _HEADERS.replace("Content-Type, ", "")
        methods = _METHODS
        if defects("preflight_leaves_methods_out"):
            methods = "OPTIONS"
        if kind == "fhir" and defects("preflight_allows_no_writes"):
            methods = "GET, POST, OPTIONS"
        response.headers.update(
            {
                "Access-Control-Allow-Origin": allowed,
                "Access-Control-Allow-Methods": methods,
                "Access-Control-Allow-Headers": names,
                "Access-Control-Max-Age": "600",
            }
        )
        if self.sandbox.variant("lists_no_more_than_cors_needs"):
            del response.headers["Access-Control-Max-Age"]
        if self.sandbox.variant("allows_credentials_to_registered_origins"):
            response.headers["Access-Control-Allow-Credentials"] = "true"
            response.headers["Access-Control-Allow-Headers"] += "".join(f", X-Lakeside-{number}" for number in range(40))
        if self.sandbox.variant("names_no_methods_that_always_may_be"):
            response.headers["Access-Control-Allow-Methods"] = "PUT, PATCH, DELETE"
        return response
