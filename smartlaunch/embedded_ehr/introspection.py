"""Token introspection (RFC 7662) and revocation (RFC 7009)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from smartlaunch.embedded_ehr.core import (
    NO_STORE,
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
    required,
    unsupported_media_type,
)
from smartlaunch.embedded_ehr.defects.introspection import DESCRIPTION, Description
from smartlaunch.embedded_ehr.defects.spoiling import spoil
from smartlaunch.embedded_ehr.grants import listed

if TYPE_CHECKING:
    from starlette.requests import Request

    from smartlaunch.embedded_ehr.client_authentication import ClientAuthentication
    from smartlaunch.embedded_ehr.registry import Client
    from smartlaunch.embedded_ehr.state import AccessToken, RefreshToken


def routes(sandbox: Sandbox, authentication: ClientAuthentication) -> list[Route]:
    """Return the routes of both endpoints; the first is left out where the server does not offer it."""
    revocation = RevocationEndpoint(sandbox, authentication)
    found = [Route("/oauth/revoke", revocation.answer, methods=["POST"])]
    if sandbox.variant("does_not_offer_revocation"):
        found = []
    absent = sandbox.variant("does_not_offer_introspection") or sandbox.defects("lists_an_introspection_endpoint_that_is_not_there")
    if not absent:
        introspection = IntrospectionEndpoint(sandbox, authentication)
        found.append(Route("/oauth/introspect", introspection.answer, methods=["POST"]))
    return found


_LAG_S = 2
"""How long a server takes to end a token at all its places."""


class _Untold(Exception):
    """The caller may not know of tokens, and is told that none is active."""


class IntrospectionEndpoint(Part):
    """Tells a resource server what a token stands for."""

    def __init__(self, sandbox: Sandbox, authentication: ClientAuthentication) -> None:
        super().__init__(sandbox)
        self.authentication = authentication

    async def answer(self, request: Request) -> Response:
        """Answer one introspection request."""
        try:
            given = await self._parameters(request)
            caller = await self._caller(request, given)
            loose = given.get("token") is None and self.defects("answers_missing_token_at_introspection_with_inactive")
            value = None if loose else required(given, "token")
        except _Untold:
            return json_answer({"active": False}, headers=dict(NO_STORE), media_type=json_media_type(self.sandbox))
        except OAuthError as problem:
            return error_answer(self.sandbox, problem)
        hint = given.get("token_type_hint")
        known_here = self.state.lookup_access_token(value or "") is not None
        if hint == "refresh_token" and known_here and self.defects("heeds_a_wrong_token_type_hint_at_introspection"):
            value = None
        if hint not in {None, "access_token", "refresh_token"} and self.defects("refuses_an_unknown_token_type_hint_at_introspection"):
            return error_answer(self.sandbox, OAuthError("unsupported_token_type", "The token_type_hint is not known."))
        body = self._describe(value or "", caller)
        if "active" in body and body["active"] is False and self.defects("answers_inactive_with_an_error"):
            return json_answer({"active": False, "error": "invalid_token"}, status=400)
        headers = dict(NO_STORE)
        silent = body == {"active": False} and self.defects("answers_inactive_as_text")
        if silent or self.defects("answers_introspection_as_text"):
            return Response(json.dumps(body) if silent else str(body), 200, headers, "text/plain")
        return json_answer(body, headers=headers, media_type=json_media_type(self.sandbox))

    async def _parameters(self, request: Request) -> Parameters:
        if self.sandbox.variant("takes_introspected_token_from_the_query"):
            query = query_parameters(request)
            if query.get("token"):
                return query
        if self.defects("refuses_form_at_introspection") or (names_charset(request) and self.defects("refuses_a_charset_at_introspection")):
            raise unsupported_media_type()
        try:
            return await form_parameters(request)
        except OAuthError as problem:
            if self.defects("crashes_on_malformed_requests_at_introspection"):
                raise crash() from problem
            raise

    async def _caller(self, request: Request, given: Parameters) -> Client | None:
        """Find who asks; None for a caller that may ask about every token."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and (scheme == "Bearer" or not self.defects("demands_capitalised_bearer_at_introspection")):
            return self._bearer(value.strip())
        if self.sandbox.variant("lets_everybody_introspect"):
            return None
        if scheme.lower() != "basic" and not given.get("client_assertion") and not given.get("client_id"):
            if self.defects("lets_anybody_introspect"):
                return None
            raise self._challenge("Introspection needs a client's authentication or a bearer token.")
        try:
            client = await self.authentication.authenticate(request, given)
        except OAuthError as problem:
            if self.defects("introspects_for_wrong_credentials"):
                return None
            if self.defects("answers_wrong_credentials_at_introspection_with_inactive"):
                raise _Untold from problem
            if self.defects("answers_wrong_credentials_at_introspection_with_403"):
                raise OAuthError(problem.error, problem.description, status=403) from problem
            headers = problem.headers or self._basic()
            if self.defects("refuses_wrong_credentials_at_introspection_without_challenge"):
                headers = {}
            raise OAuthError(problem.error, problem.description, status=401, headers=headers) from problem
        if client.public:
            raise self._challenge("A client without credentials cannot introspect.")
        if client.role == "resource-server":
            return None
        self._keep_apps_out()
        return client

    def _bearer(self, value: str) -> Client | None:
        """Find who asks with a bearer token; None for a caller that may ask about every token."""
        if self.defects("refuses_bearer_tokens_at_introspection"):
            message = "Bearer tokens are not accepted here."
            raise OAuthError("invalid_request", message)
        token, refresh = self.state.lookup_access_token(value), self.state.lookup_refresh_token(value)
        good = token is not None and not token.revoked and token.expires_at > self.state.now()
        if token is not None and token.revoked and self.defects("accepts_revoked_bearer_tokens_at_introspection"):
            good = True
        if refresh is not None and not refresh.revoked and self.defects("accepts_refresh_tokens_as_bearer_at_introspection"):
            good = True
        if token is None and self._resembles_one(value):
            good = True
        if not good and not self.defects("accepts_any_bearer_token_at_introspection"):
            raise self._challenge("The bearer token is not valid.")
        self._keep_apps_out()
        if token is not None and self.sandbox.variant("lets_a_bearer_see_its_own_tokens_only"):
            return self.sandbox.client(token.client_id)
        return None

    def _resembles_one(self, value: str) -> bool:
        """Say whether a broken server takes a value for an access token that is none."""
        if self.state.lookup_id_token(value) is not None:
            return self.defects("accepts_id_tokens_as_bearer_at_introspection")
        alike = any(issued[:-4] == value[:-4] for issued in self.state.access_tokens)
        return alike and self.defects("ignores_the_end_of_bearer_tokens_at_introspection")

    def _keep_apps_out(self) -> None:
        """Refuse a caller who is an app, where this server tells resource servers only."""
        variant, message = self.sandbox.variant, "Introspection is for resource servers."
        if variant("refuses_apps_at_introspection_with_400"):
            raise OAuthError("invalid_request", message)
        if variant("refuses_apps_at_introspection_with_403"):
            raise OAuthError("access_denied", message, status=403)
        if variant("tells_apps_that_their_tokens_are_not_active"):
            raise _Untold

    def _basic(self) -> dict[str, str]:
        return {"WWW-Authenticate": f'Basic realm="{self.sandbox.profile.realm}"'}

    def _challenge(self, description: str) -> OAuthError:
        realm = self.sandbox.profile.realm
        return OAuthError("invalid_token", description, status=401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"'})

    def _describe(self, value: str, caller: Client | None) -> dict[str, Any]:
        defects, now = self.defects, self.state.now()
        token = self.state.lookup_access_token(value)
        if token is None:
            refresh = self.state.lookup_refresh_token(value)
            if refresh is not None and not self.sandbox.variant("knows_no_refresh_tokens_at_introspection"):
                return self._describe_refresh(refresh, caller)
            of_id_token, code = self.state.lookup_id_token(value), self.state.codes.get(value)
            if of_id_token is not None and defects("calls_id_tokens_active"):
                return self._active(of_id_token)
            if code is not None and defects("calls_codes_active"):
                return {"active": True, "scope": " ".join(code.scopes), "client_id": code.client_id, "exp": int(now) + 60}
            foreign = value.count(".") == 2 and of_id_token is None
            if (foreign and defects("calls_foreign_jwts_active")) or defects("calls_unknown_tokens_active"):
                return {"active": True, "scope": "openid", "client_id": "unknown", "exp": int(now) + 60}
            return self._inactive(None)
        late = bool(token.context.get("_renewed")) and defects("calls_expired_refreshed_tokens_active")
        if token.expires_at <= now and not late and not defects("calls_expired_tokens_active"):
            return self._inactive(token)
        if token.revoked and not self._overlooks_revocation(token):
            return self._inactive(token)
        if caller is not None and caller.client_id != token.client_id:
            return self._inactive(None)
        if caller is None and defects("hides_tokens_from_resource_servers"):
            return self._inactive(None)
        token.told = True
        return self._active(token)

    def _overlooks_revocation(self, token: AccessToken) -> bool:
        of_grant = any(one.revoked for one in self.state.refresh_tokens.values() if one.grant == token.grant)
        if token.told and self.defects("remembers_tokens_that_it_called_active"):
            return True
        return self.defects("calls_revoked_tokens_active") or (of_grant and self.defects("calls_tokens_of_a_revoked_refresh_token_active"))

    def _inactive(self, token: AccessToken | None) -> dict[str, Any]:
        defects = self.defects
        if defects("answers_inactive_as_string"):
            return {"active": "false"}
        if defects("omits_active"):
            return {}
        body: dict[str, Any] = {"active": False}
        if token is not None and defects("discloses_inactive_tokens"):
            body |= {"client_id": token.client_id, "scope": " ".join(token.scopes), "patient": token.patient}
        return body

    def _active(self, token: AccessToken) -> dict[str, Any]:
        """Describe a good token as RFC 7662 and the guide have it, and then as the defects have it."""
        body: dict[str, Any] = {
            "active": True,
            "scope": " ".join(listed(self.sandbox, token.scopes)),
            "client_id": token.client_id,
            "exp": int(token.expires_at),
            "iat": int(token.issued_at),
            "token_type": "Bearer",
            "aud": token.aud,
        }
        body |= {name: value for name, value in token.context.items() if not name.startswith("_")}
        claims = token.context.get("_id_token")
        if isinstance(claims, dict):
            body |= {name: claims[name] for name in ("iss", "sub", "fhirUser") if name in claims}
        elif token.subject is not None:
            body["sub"] = token.subject
        first = next((one for one in self.state.access_tokens.values() if one.grant == token.grant), token)
        of_both = (one for one in self.state.access_tokens.values() if (one.client_id, one.user) == (token.client_id, token.user))
        earlier = next((one.patient for one in of_both if one.patient), token.patient)
        about = Description(
            body,
            token,
            first if token.context.get("_renewed") else None,
            earlier if earlier != token.patient else None,
            registered=self.sandbox.client(token.client_id).scopes if token.user is None else (),
        )
        spoil(self.defects, about, DESCRIPTION)
        if self.sandbox.variant("adds_members_everywhere"):
            body["__node"] = 3
        if self.sandbox.variant("describes_tokens_no_more_than_it_has_to"):
            for name in ("iat", "token_type", "aud"):
                body.pop(name, None)
        if self.sandbox.variant("describes_tokens_more_fully"):
            body |= {"scope": " ".join(sorted(body["scope"].split())), "aud": [body["aud"], "https://lakeside.example/audit"]}
            body |= {
                "nbf": int(token.issued_at),
                "jti": f"{token.grant[:8]}.{int(token.issued_at)}",
                "username": token.user or token.client_id,
            }
        return body

    def _describe_refresh(self, token: RefreshToken, caller: Client | None) -> dict[str, Any]:
        now = self.state.now()
        ended = token.revoked and not (token.used and self.defects("calls_replaced_refresh_tokens_active"))
        if ended or token.expires_at <= now or (caller is not None and caller.client_id != token.client_id):
            return {"active": False}
        return {
            "active": True,
            "scope": " ".join(listed(self.sandbox, token.scopes)),
            "client_id": token.client_id,
            "exp": int(token.expires_at),
            "iat": int(token.issued_at),
        }


class RevocationEndpoint(Part):
    """Ends a token before its time."""

    def __init__(self, sandbox: Sandbox, authentication: ClientAuthentication) -> None:
        super().__init__(sandbox)
        self.authentication = authentication

    async def answer(self, request: Request) -> Response:
        """Answer one revocation request; a token that is not known is as good as revoked."""
        defects = self.defects
        try:
            given = await self._parameters(request)
            client: Client | None
            try:
                client = await self.authentication.authenticate(request, given)
            except OAuthError:
                wrong = given.get("client_secret") or request.headers.get("authorization")
                if wrong and defects("answers_wrong_credentials_at_revocation_with_200"):
                    return Response(status_code=200, headers={"Cache-Control": "no-store"})
                if wrong and defects("refuses_wrong_credentials_at_revocation_without_challenge"):
                    raise OAuthError("invalid_client", "The client is not known.", status=401) from None
                if not defects("revokes_without_authentication") and not (wrong and defects("revokes_for_wrong_credentials")):
                    raise
                client = None
            self._require_kind_of_client(client, given)
            value = required(given, "token")
            hint = given.get("token_type_hint")
            if hint == "access_token" and value in self.state.refresh_tokens and defects("heeds_a_wrong_token_type_hint_at_revocation"):
                value = ""
            self._require_hint(hint, value)
            odd = hint not in {None, "access_token", "refresh_token"} and value in self.state.refresh_tokens
            if not (odd and defects("does_not_revoke_refresh_tokens_with_an_unknown_hint")):
                self._revoke(client, value)
        except OAuthError as problem:
            if defects("answers_refused_revocation_with_another_code"):
                problem.error = "REVOKE-17"
            return error_answer(self.sandbox, problem)
        status = 202 if defects("answers_revocation_with_202") else 500 if defects("answers_revocation_with_500") else 200
        if self.sandbox.variant("answers_revocations_with_json"):
            return json_answer({"result": "ok", "revoked_at": int(self.state.now())}, status=status, headers={"Cache-Control": "no-store"})
        return Response(status_code=status, headers={"Cache-Control": "no-store"})

    async def _parameters(self, request: Request) -> Parameters:
        if self.defects("refuses_form_at_revocation") or (names_charset(request) and self.defects("refuses_a_charset_at_revocation")):
            raise unsupported_media_type()
        try:
            return await form_parameters(request)
        except OAuthError as problem:
            if self.defects("crashes_on_malformed_requests_at_revocation"):
                raise crash() from problem
            raise

    def _require_kind_of_client(self, client: Client | None, given: Parameters) -> None:
        """Serve every kind of client that the token endpoint serves, which a broken server does not."""
        if client is not None and client.public and self.defects("refuses_public_clients_at_revocation"):
            message = "Every client has to authenticate here."
            raise OAuthError("invalid_client", message, status=401)
        if given.get("client_assertion") and self.defects("refuses_signed_assertions_at_revocation"):
            message = "Signed assertions are not taken here."
            raise OAuthError("invalid_client", message, status=401)

    def _require_hint(self, hint: str | None, value: str) -> None:
        """Take any hint; a right server looks for the token whatever the hint says."""
        if hint not in {None, "access_token", "refresh_token"} and self.defects("refuses_an_unknown_token_type_hint_at_revocation"):
            message = "The token_type_hint is not known."
            raise OAuthError("invalid_request", message)
        known = hint == "refresh_token" and value in self.state.access_tokens
        if known and self.defects("refuses_a_wrong_token_type_hint_at_revocation"):
            message = "The token is no refresh token."
            raise OAuthError("invalid_request", message)

    def _revoke(self, client: Client | None, value: str) -> None:
        defects = self.defects
        access, refresh = self.state.lookup_access_token(value), self.state.lookup_refresh_token(value)
        token = access or refresh
        if access is not None and access.revoked and defects("answers_a_second_revocation_with_an_error"):
            message = "The token is not active."
            raise OAuthError("invalid_request", message)
        if access is not None and self.sandbox.variant("revokes_refresh_tokens_only"):
            message = "Access tokens are not revoked here; they end soon."
            raise OAuthError("unsupported_token_type", message)
        if token is None:
            if defects("answers_unknown_token_at_revocation_with_an_error"):
                message = "The token is not known."
                raise OAuthError("invalid_request", message)
            return
        strange = client is not None and token.client_id != client.client_id
        loose = defects("revokes_tokens_of_other_clients") or (refresh and defects("revokes_refresh_tokens_of_other_clients"))
        loose = loose or (client is not None and client.public and defects("lets_public_clients_revoke_tokens_of_others"))
        if strange and not loose:
            message = "The token was issued to another client."
            raise OAuthError("unauthorized_client", message)
        if access is not None and not self._spares(access):
            self._end_access_token(access)
            if self.sandbox.variant("revokes_the_grant_with_its_access_token"):
                self.state.revoke_grant(access.grant)
        if refresh is not None:
            self._revoke_refresh_token(refresh)

    def _end_access_token(self, access: AccessToken) -> None:
        """End an access token, at once or as soon as every part of the server has heard of it."""
        if self.sandbox.variant("revokes_a_moment_later"):
            access.expires_at = min(access.expires_at, self.state.now() + _LAG_S)
        else:
            access.revoked = True

    def _revoke_refresh_token(self, refresh: RefreshToken) -> None:
        defects = self.defects
        of_refresh = any(one.used for one in self.state.refresh_tokens.values() if one.grant == refresh.grant)
        if defects("does_not_revoke_refresh_tokens") or (of_refresh and defects("does_not_revoke_new_refresh_tokens")):
            return
        refresh.revoked = True
        if not defects("keeps_access_tokens_of_a_revoked_refresh_token"):
            self._end(refresh.grant)
        if defects("revokes_a_refresh_token_and_revives_the_one_before"):
            for before in self.state.refresh_tokens.values():
                if before.grant == refresh.grant and before.used:
                    before.used = before.revoked = False

    def _end(self, grant: str) -> None:
        """End what came of a grant, which a broken server does by halves."""
        kept = [one for one in self.state.access_tokens.values() if one.grant == grant and one.context.get("_renewed") and not one.revoked]
        self.state.revoke_grant(grant)
        if kept and self.defects("keeps_refreshed_access_tokens_of_a_revoked_refresh_token"):
            for one in kept:
                one.revoked = False

    def _spares(self, access: AccessToken) -> bool:
        """Say whether a broken server leaves an access token in force that it was asked to revoke."""
        defects = self.defects
        return (
            defects("does_not_revoke_access_tokens")
            or (bool(access.context.get("_renewed")) and defects("does_not_revoke_refreshed_access_tokens"))
            or (access.user is None and defects("does_not_revoke_backend_tokens"))
        )
