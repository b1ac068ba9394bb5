"""The token endpoint: who asks, for which grant type, and how the answer is sent; each grant type has a module of its own."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import anyio
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from smartlaunch.embedded_ehr.code_exchange import CodeExchange
from smartlaunch.embedded_ehr.core import (
    FORM,
    MAX_BODY,
    NO_STORE,
    OTHER_GRANT_TYPES,
    OAuthError,
    Parameters,
    Part,
    Sandbox,
    crash,
    error_answer,
    form_parameters,
    json_answer,
    json_media_type,
    names_charset,
    query_parameters,
    unsupported_media_type,
)
from smartlaunch.embedded_ehr.defects.spoiling import spoil
from smartlaunch.embedded_ehr.defects.token import AT_REFRESH, FURTHER, REFUSALS, Further, Refusal
from smartlaunch.embedded_ehr.direct_grants import DirectGrants
from smartlaunch.embedded_ehr.token_issuing import Issuing
from smartlaunch.embedded_ehr.token_refresh import TokenRefresh
from smartlaunch.embedded_ehr.token_refusals import missing

if TYPE_CHECKING:
    from starlette.requests import Request

    from smartlaunch.embedded_ehr.client_authentication import ClientAuthentication
    from smartlaunch.embedded_ehr.registry import Client

_HANG_S = 30
_KNOWN = {
    "grant_type",
    "code",
    "redirect_uri",
    "code_verifier",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "refresh_token",
    "scope",
    "username",
    "password",
    "resource",
}


def routes(sandbox: Sandbox, authentication: ClientAuthentication) -> list[Route]:
    """Return the token endpoint's route."""
    endpoint = TokenEndpoint(sandbox, authentication)
    return [Route(sandbox.profile.token_path, endpoint.answer, methods=["GET", "POST"])]


class TokenEndpoint(Part):
    """The endpoint over one running server."""

    def __init__(self, sandbox: Sandbox, authentication: ClientAuthentication) -> None:
        super().__init__(sandbox)
        self.authentication = authentication
        issuing = Issuing(sandbox)
        self.codes = CodeExchange(sandbox, issuing)
        self.refreshing = TokenRefresh(sandbox, issuing)
        self.direct = DirectGrants(sandbox, issuing)

    async def answer(self, request: Request) -> Response:
        """Answer a token request, or say in the RFC's form why not."""
        try:
            if request.method == "GET" and self.variant("sends_get_requests_to_the_sign_in"):
                return RedirectResponse(f"{self.state.base_url}/chart", 302)
            self._require_form(request)
            await self._fall_over(request)
            given = await self._parameters(request)
            request.state.grant_type = given.get("grant_type")
            client = await self._authenticated(request, given)
            arrived = getattr(request.state, "arrived", time.monotonic())
            try:
                body = await self._granted(client, given, arrived)
            except OAuthError:
                self.authentication.came_to_nothing(request)
                raise
        except OAuthError as problem:
            return self._refusal(problem, getattr(request.state, "grant_type", ""))
        return self._success(body, given.get("grant_type") or "", client, request)

    def _refusal(self, problem: OAuthError, kind: str) -> Response:
        refreshing = kind == "refresh_token"
        refusal = Refusal(problem, f"{problem.way}_at_refresh" if refreshing and problem.way == AT_REFRESH else problem.way)
        spoil(self.defects, refusal, REFUSALS)
        if refusal.html or (refreshing and self.defects("answers_refused_refreshes_as_html")):
            return Response(f"<h1>{problem.error}</h1>", problem.status, dict(NO_STORE), "text/html")
        return error_answer(self.sandbox, problem)

    async def _authenticated(self, request: Request, given: Parameters) -> Client:
        try:
            return await self.authentication.authenticate(request, given)
        except OAuthError as problem:
            refreshing = given.get("grant_type") == "refresh_token" and problem.error == "invalid_client"
            if refreshing and problem.status == 401 and self.defects("answers_failed_basic_authentication_at_refresh_with_400"):
                raise OAuthError(problem.error, problem.description).by(problem.way) from problem
            if refreshing and self.defects("answers_failed_authentication_at_refresh_with_another_code"):
                raise OAuthError("invalid_grant", problem.description).by(problem.way) from problem
            raise

    def _require_form(self, request: Request) -> None:
        """Turn another media type away before anything is read, where this server does."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != FORM and self.variant("answers_other_media_types_with_415"):
            message = f"The request body has to be {FORM}."
            raise OAuthError("invalid_request", message, status=415)

    async def _fall_over(self, request: Request) -> None:
        """Fail in one of the ways of a server that takes the body of a request for granted."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if request.method == "POST" and kind != FORM and self.defects("crashes_on_other_media_types"):
            raise crash()
        length = request.headers.get("content-length", "")
        if kind != FORM or not length.isdigit() or int(length) > MAX_BODY:
            return
        body = await request.body()
        if not body and request.method == "POST" and not request.url.query and self.defects("crashes_on_an_empty_body"):
            raise crash()
        if re.search(rb"%(?![0-9A-Fa-f]{2})", body) and self.defects("crashes_on_a_bare_percent_sign"):
            raise crash()

    async def _parameters(self, request: Request) -> Parameters:
        """Take the parameters from the form body, and from nowhere else."""
        defects = self.defects
        if request.method in {"GET", "HEAD"}:
            if defects("accepts_get_at_token_endpoint"):
                return query_parameters(request)
            query = query_parameters(request)
            if query.get("grant_type") == "refresh_token" and defects("refreshes_by_get"):
                return query
            message = "The token endpoint takes POST only."
            raise OAuthError("invalid_request", message, status=405, headers={"Allow": "POST"})
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == FORM and defects("refuses_form_at_token_endpoint"):
            raise unsupported_media_type()
        if names_charset(request) and defects("refuses_a_charset_in_the_content_type"):
            raise unsupported_media_type()
        query = query_parameters(request)
        if kind != FORM and query.pairs and defects("takes_token_parameters_from_the_query"):
            return query
        try:
            given = await form_parameters(request)
        except OAuthError as problem:
            if defects("shows_a_stack_trace_for_requests_it_cannot_read"):
                problem.description = 'Traceback (most recent call last): File "/srv/ehr/oauth/forms.py", line 41, in read'
            raise
        if query.pairs and defects("takes_token_parameters_from_the_query"):
            given = Parameters(query.pairs + given.pairs)
        if defects("refuses_empty_token_parameters") and not all(value for _, value in given.pairs):
            message = "A parameter has no value."
            raise OAuthError("invalid_request", message)
        unknown = [name for name, _ in given.pairs if name not in _KNOWN]
        if unknown and defects("refuses_unknown_token_parameters"):
            message = f"Not a parameter of this endpoint: {', '.join(unknown)}."
            raise OAuthError("invalid_request", message)
        for name, defect in (
            ("client_assertion", "refuses_an_empty_client_assertion"),
            ("refresh_token", "refuses_an_empty_refresh_token"),
        ):
            if given.sent_empty(name) and given.get("code") and defects(defect):
                message = f"The {name} is not valid."
                raise OAuthError("invalid_request", message)
        loose = defects("accepts_repeated_token_parameters") or (
            given.get("grant_type") == "refresh_token" and defects("accepts_repeated_parameters_of_a_refresh")
        )
        if given.repeated() and not loose:
            message = f"{', '.join(given.repeated())} came more than once."
            raise OAuthError("invalid_request", message)
        return given

    async def _granted(self, client: Client, given: Parameters, arrived: float) -> dict[str, Any]:
        kind = given.get("grant_type")
        if kind is not None and kind != kind.lower() and self.defects("ignores_case_of_grant_type"):
            kind = kind.lower()
        if kind is None:
            if not (given.get("code") and self.defects("accepts_missing_grant_type")):
                raise missing(self.defects, "grant_type")
            kind = "authorization_code"
        if kind in OTHER_GRANT_TYPES and self.variant("lists_grant_types_for_other_clients"):
            message = "This client is not registered for this grant_type."
            raise OAuthError("unauthorized_client", message)
        if kind not in {"authorization_code", "refresh_token", "client_credentials"}:
            if given.get("code") and self.defects("accepts_unknown_grant_type_with_a_code"):
                kind = "authorization_code"
            elif client.role == "backend" and self.defects("accepts_unknown_grant_type_of_backend_services"):
                kind = "client_credentials"
            else:
                if self.defects("hangs_on_unknown_grant_types"):
                    await anyio.sleep(_HANG_S)
                if kind == "password" and self.defects("offers_password_grant"):
                    return self.direct.password(client, given)
                code = "invalid_grant" if self.defects("answers_unknown_grant_type_with_another_code") else "unsupported_grant_type"
                message = "The grant_type is not supported."
                if self.defects("repeats_an_unknown_grant_type_in_quotes"):
                    message = f'The grant_type "{kind}" is not supported.'
                raise OAuthError(code, message)
        if kind == "client_credentials" and client.role == "backend" and self.defects("refuses_backend_services"):
            message = "This client is not registered for this grant_type."
            raise OAuthError("unauthorized_client", message)
        loosely = kind == "client_credentials" and (
            (not client.public and self.defects("gives_client_credentials_to_every_client"))
            or (client.public and self.defects("gives_client_credentials_to_public_clients"))
        )
        if kind not in client.grant_types and not loosely:
            message = "This client is not registered for this grant_type."
            code = "invalid_grant" if self.defects("answers_a_forbidden_grant_type_with_another_code") else "unauthorized_client"
            raise OAuthError(code, message)
        if kind == "authorization_code":
            return self.codes.answer(client, given, arrived)
        if kind == "refresh_token":
            return self.refreshing.answer(client, given, arrived)
        return self.direct.client_credentials(client, given)

    def _against_caches(self, kind: str, client: Client) -> dict[str, str]:
        """Return the headers that keep an answer out of caches, as far as the defects leave them."""
        defects, headers = self.defects, dict(NO_STORE)
        of_service, of_refresh = kind == "client_credentials", kind == "refresh_token"
        if (of_refresh and defects("lets_refresh_responses_be_cached")) or (of_service and defects("lets_backend_responses_be_cached")):
            headers = {}
        if (
            (of_service and defects("omits_cache_control_for_backend_services"))
            or (client.role == "confidential-asymmetric" and defects("omits_cache_control_for_asymmetric_clients"))
            or defects("omits_cache_control_at_token_endpoint")
        ):
            headers.pop("Cache-Control", None)
        if (
            (of_service and defects("omits_pragma_for_backend_services"))
            or (of_refresh and defects("omits_pragma_at_refresh"))
            or defects("omits_pragma_at_token_endpoint")
        ):
            headers.pop("Pragma", None)
        if defects("lets_token_responses_be_cached"):
            headers["Cache-Control"] = "private, max-age=300"
        return headers

    def _success(self, body: dict[str, Any], kind: str, client: Client, request: Request) -> Response:
        defects = self.defects
        ways = {body.pop("_way", "")}
        if "origin" in request.headers:
            ways.add({"refresh_token": "refreshes_of_pages", "authorization_code": "requests_of_pages"}.get(kind, ""))
        if "accept" not in request.headers:
            ways.add("requests_without_accept")
        answer = Further(body, self._against_caches(kind, client), frozenset(ways))
        spoil(defects, answer, FURTHER)
        headers = answer.headers
        status = 201 if defects("answers_token_requests_with_201") else 200
        if defects("wraps_token_response"):
            body = {"token": body}
        if (
            answer.text
            or defects("answers_token_requests_as_text")
            or (kind == "client_credentials" and defects("sends_backend_tokens_as_text"))
        ):
            return Response(json.dumps(body), status, headers, "text/plain")
        if defects("answers_token_requests_as_a_form"):
            text = "&".join(f"{name}={value}" for name, value in body.items())
            return Response(text, status, headers, FORM)
        response = json_answer(body, status=status, headers=headers, media_type=json_media_type(self.sandbox))
        if self.variant("lists_more_cache_directives") and "Cache-Control" in headers:
            response.headers["Cache-Control"] = "no-cache, max-age=0"
            response.headers.append("Cache-Control", "must-revalidate,No-Store")
            response.headers["Expires"] = "0"
        return response
