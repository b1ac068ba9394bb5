"""The token endpoint: codes, refresh tokens and client assertions in; what comes out is made by `token_issuing`."""

from __future__ import annotations

import hmac
import json
import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
from starlette.responses import Response
from starlette.routing import Route

from smartlaunch.embedded_ehr import grants
from smartlaunch.embedded_ehr.core import (
    FORM,
    MAX_BODY,
    NO_STORE,
    OAuthError,
    Parameters,
    Sandbox,
    crash,
    error_answer,
    form_parameters,
    json_answer,
    json_media_type,
    query_parameters,
)
from smartlaunch.embedded_ehr.defects.refresh import REFRESH_RESPONSE, Refreshed
from smartlaunch.embedded_ehr.defects.spoiling import excused, spoil, whim
from smartlaunch.embedded_ehr.defects.token import (
    MALFORMED_VERIFIER,
    MISSING_CHALLENGE,
    MISSING_VERIFIER,
    OTHER_REDIRECT_URI,
    REFUSED_VERIFIERS,
    WRONG_VERIFIER,
    Exchange,
)
from smartlaunch.embedded_ehr.openid import subject_of
from smartlaunch.embedded_ehr.scopes import covered
from smartlaunch.embedded_ehr.state import AccessToken, Code, RefreshToken, new_secret
from smartlaunch.embedded_ehr.token_issuing import Issuing

if TYPE_CHECKING:
    from starlette.requests import Request

    from smartlaunch.embedded_ehr.client_authentication import ClientAuthentication
    from smartlaunch.embedded_ehr.registry import Client

_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")
_REFRESH_LIFETIME_S = 90 * 86400
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


class TokenEndpoint:
    """The endpoint over one running server."""

    def __init__(self, sandbox: Sandbox, authentication: ClientAuthentication) -> None:
        self.sandbox = sandbox
        self.state = sandbox.state
        self.defects = sandbox.defects
        self.variant = sandbox.variant
        self.authentication = authentication
        self.issuing = Issuing(sandbox)
        self._arrived = 0.0
        self._signed_by_app = False

    async def answer(self, request: Request) -> Response:
        """Answer a token request, or say in the RFC's form why not."""
        try:
            await self._fall_over(request)
            given = await self._parameters(request)
            request.state.grant_type = given.get("grant_type")
            client = await self.authentication.authenticate(request, given)
            self._arrived = getattr(request.state, "arrived", time.monotonic())
            body = await self._granted(client, given)
        except OAuthError as problem:
            return error_answer(self.sandbox, problem)
        self._signed_by_app = client.role == "confidential-asymmetric"
        return self._success(body, given.get("grant_type") or "")

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
            message = "Send application/json."
            raise OAuthError("invalid_request", message, status=415)
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
        if given.repeated() and not defects("accepts_repeated_token_parameters"):
            message = f"{', '.join(given.repeated())} came more than once."
            raise OAuthError("invalid_request", message)
        return given

    async def _granted(self, client: Client, given: Parameters) -> dict[str, Any]:
        kind = given.get("grant_type")
        if kind is not None and kind != kind.lower() and self.defects("ignores_case_of_grant_type"):
            kind = kind.lower()
        if kind is None:
            if not (given.get("code") and self.defects("accepts_missing_grant_type")):
                raise self._missing("grant_type")
            kind = "authorization_code"
        if kind not in {"authorization_code", "refresh_token", "client_credentials"}:
            if given.get("code") and self.defects("accepts_unknown_grant_type_with_a_code"):
                kind = "authorization_code"
            elif client.role == "backend" and self.defects("accepts_unknown_grant_type_of_backend_services"):
                kind = "client_credentials"
            else:
                if self.defects("hangs_on_unknown_grant_types"):
                    await anyio.sleep(_HANG_S)
                if kind == "password" and self.defects("offers_password_grant"):
                    return self._password(client, given)
                code = "invalid_grant" if self.defects("answers_unknown_grant_type_with_another_code") else "unsupported_grant_type"
                message = "The grant_type is not supported."
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
            return self._exchange(client, given)
        if kind == "refresh_token":
            return self._refresh(client, given)
        return self._client_credentials(client, given)

    # -- authorization_code ---------------------------------------------------------------------------------------------

    def _exchange(self, client: Client, given: Parameters) -> dict[str, Any]:
        defects, now = self.defects, self.state.now()
        value = given.get("code")
        if value is None:
            raise self._missing("code")
        code = self.state.codes.get(value) or self._resembling_code(value)
        if code is None:
            if defects("accepts_any_code"):
                own = (c for c in self.state.codes.values() if c.client_id == client.client_id)
                code = next((replace(c, used=False, expires_at=now + 60) for c in own), None)
            if code is None:
                raise self._bad_code("The code is not known.")
        if code.client_id != client.client_id and not self._trades_codes(client, code):
            raise self._bad_code("The code was issued to another client.")
        if code.used and not (self._arrived < code.used_at and defects("lets_two_requests_at_once_redeem_one_code")):
            if not defects("keeps_tokens_of_a_replayed_code"):
                self._end_what_came_of(code)
            again = defects("accepts_code_twice") or (not client.public and defects("accepts_code_of_confidential_clients_twice"))
            if not again:
                code.used = not defects("takes_a_code_again_after_refusing_it")
                raise self._bad_code("The code has been used before.")
        late = defects("accepts_expired_code") or (not client.public and defects("accepts_expired_code_of_confidential_clients"))
        if code.expires_at < now and not late:
            raise self._bad_code("The code has expired.")
        if not (code.posted and defects("ignores_redirect_uri_at_exchange_of_posted_requests")):
            self._require_redirect_uri(code, given)
        if not (code.posted and defects("compares_no_verifier_of_posted_requests")):
            self._require_verifier(client, code, given)
        if code.put_off:
            raise self._bad_code(code.put_off)
        code.used, code.used_at = True, time.monotonic()
        return self._issue_for_code(client, code)

    def _resembling_code(self, value: str) -> Code | None:
        """Return a code that is not the one that came but like it, which only a broken server looks for."""
        codes = self.state.codes
        if value != value.strip() and self.defects("trims_codes"):
            return codes.get(value.strip())
        if self.defects("ignores_case_of_codes"):
            return next((code for code in codes.values() if code.value.casefold() == value.casefold()), None)
        return None

    def _trades_codes(self, client: Client, code: Code) -> bool:
        both = not client.public and not self.sandbox.client(code.client_id).public
        return self.defects("accepts_code_of_another_client") or (both and self.defects("accepts_code_of_another_confidential_client"))

    def _missing(self, name: str) -> OAuthError:
        code = "access_denied" if self.defects("answers_missing_parameters_with_another_code") else "invalid_request"
        return OAuthError(code, f"The {name} is missing.")

    def _end_what_came_of(self, code: Code) -> None:
        """End the tokens of a code that was sent twice; a careful server ends all that the app has of the person."""
        if self.defects("keeps_refresh_token_of_a_replayed_code"):
            self.state.revoke_access_tokens(code.grant)
            return
        self.state.revoke_grant(code.grant)
        if self.variant("ends_all_tokens_of_the_app_at_a_replay"):
            issued: list[AccessToken | RefreshToken] = [*self.state.access_tokens.values(), *self.state.refresh_tokens.values()]
            for token in issued:
                if (token.client_id, token.user) == (code.client_id, code.user):
                    token.revoked = True

    def _bad_code(self, description: str) -> OAuthError:
        if self.defects("answers_bad_codes_with_another_code"):
            return OAuthError("invalid_request", description)
        if self.defects("answers_bad_codes_with_401"):
            return OAuthError("invalid_grant", description, status=401)
        if self.defects("answers_bad_codes_with_403"):
            return OAuthError("invalid_grant", description, status=403)
        return OAuthError("invalid_grant", description)

    def _require_redirect_uri(self, code: Code, given: Parameters) -> None:
        named = given.get("redirect_uri")
        if named == code.redirect_uri:
            return
        if named is None:
            if not self.defects("accepts_exchange_without_redirect_uri"):
                if self.variant("answers_missing_members_with_invalid_grant"):
                    message = "The redirect_uri is missing."
                    raise OAuthError("invalid_grant", message)
                raise self._missing("redirect_uri")
            return
        if not self.sandbox.client(code.client_id).public and self.defects("ignores_redirect_uri_of_confidential_clients_at_exchange"):
            return
        if named in self.sandbox.client(code.client_id).redirect_uris and self.defects(
            "accepts_another_registered_redirect_uri_at_exchange"
        ):
            return
        if not excused(self.defects, (code.redirect_uri, named), OTHER_REDIRECT_URI):
            raise self._bad_code("The redirect_uri is not the one of the authorization request.")

    def _read_verifier(self, given: Parameters) -> str | None:
        """Return the verifier, which counts to its last character."""
        verifier = given.get("code_verifier")
        if verifier and verifier != verifier.strip() and self.defects("trims_verifier"):
            return verifier.strip()
        if verifier and verifier.endswith("=") and self.defects("takes_padding_off_the_verifier"):
            return verifier.rstrip("=")
        return verifier

    def _require_verifier(self, client: Client, code: Code, given: Parameters) -> None:
        """Require the verifier whose hash came with the authorization request (RFC 7636 section 4.6)."""
        asked = Exchange(
            client, code, self._read_verifier(given), sent_empty=given.sent_empty("code_verifier"), codes=self.state.codes.values()
        )
        if code.code_challenge is None:
            if not self.variant("is_of_edition_1_0") and not excused(self.defects, asked, MISSING_CHALLENGE):
                raise self._bad_code("There was no code_challenge in the authorization request.")
            return
        if code.code_challenge == "" and self.defects("accepts_empty_challenge"):
            return
        if asked.verifier is None:
            self._require_sent_verifier(asked)
        elif code.code_challenge_method == "plain":
            if asked.verifier != code.code_challenge:
                raise self._bad_code("The code_verifier is not the code_challenge.")
        else:
            self._require_fitting_verifier(asked)

    def _require_sent_verifier(self, asked: Exchange) -> None:
        if excused(self.defects, asked, MISSING_VERIFIER):
            return
        if self.variant("answers_missing_members_with_invalid_grant"):
            message = "The code_verifier is missing."
            raise OAuthError("invalid_grant", message)
        raise self._missing("code_verifier")

    def _require_fitting_verifier(self, asked: Exchange) -> None:
        verifier = asked.verifier or ""
        if not _VERIFIER.fullmatch(verifier) and not excused(self.defects, asked, MALFORMED_VERIFIER):
            raise self._bad_code("The code_verifier is not 43 to 128 unreserved characters.")
        refused = whim(self.defects, asked, REFUSED_VERIFIERS)
        if refused:
            raise self._bad_code(refused)
        if asked.hashed == asked.challenge or excused(self.defects, asked, WRONG_VERIFIER):
            return
        if not self.variant("keeps_code_after_wrong_verifier"):
            asked.code.used = True
        message = "The code_verifier does not fit the code_challenge."
        if self.defects("answers_wrong_verifier_with_another_code"):
            raise OAuthError("invalid_request", message)
        raise self._bad_code(message)

    def _issue_for_code(self, client: Client, code: Code) -> dict[str, Any]:
        user = self.sandbox.user(code.user)
        access = self.issuing.access_token(
            client,
            scopes=code.scopes,
            patient=code.patient,
            encounter=code.encounter,
            user=code.user,
            fhir_user=user.fhir_user,
            aud=code.aud,
            grant=code.grant,
            session=code.session,
            context=code.context,
            subject=subject_of(self.sandbox, client, user),
        )
        left_out = [scope for scope in code.requested if scope not in code.scopes]
        if any(scope.startswith("system/") for scope in left_out) and self.defects("honours_system_scopes_that_it_left_out"):
            access.enforced = code.requested
        if left_out and self.defects("honours_scopes_that_the_user_left_out"):
            access.enforced = tuple(scope for scope in code.requested if not scope.startswith("system/"))
        body = self.issuing.body(client, access, requested=code.requested)
        body |= code.context
        refresh = self._first_refresh_token(client, code)
        if refresh is not None:
            body["refresh_token"] = refresh.value
        if "openid" in code.scopes or self.defects("sends_id_token_without_openid_scope"):
            self.issuing.add_id_token(client, code, access, body)
        return body

    def _first_refresh_token(self, client: Client, code: Code) -> RefreshToken | None:
        offline, online = "offline_access" in code.scopes, "online_access" in code.scopes
        if not offline and not online:
            return None
        if offline and self.defects("withholds_refresh_token_for_offline_access"):
            return None
        if online and self.defects("withholds_refresh_token_for_online_access"):
            return None
        now = self.state.now()
        token = RefreshToken(
            value=self.issuing.new_refresh_value(),
            client_id=client.client_id,
            scopes=code.scopes,
            user=code.user,
            grant=code.grant,
            aud=code.aud,
            patient=code.patient,
            encounter=code.encounter,
            context=code.context,
            online=online,
            session=code.session,
            issued_at=now,
            expires_at=now + _REFRESH_LIFETIME_S,
            nonce=code.nonce,
            auth_time=code.auth_time,
            requested=code.requested,
        )
        self.state.refresh_tokens[token.value] = token
        return token

    # -- the token and the answer ---------------------------------------------------------------------------------------

    def _success(self, body: dict[str, Any], kind: str) -> Response:
        defects = self.defects
        headers = dict(NO_STORE)
        if kind == "refresh_token" and defects("lets_refresh_responses_be_cached"):
            headers = {}
        if kind == "client_credentials" and defects("lets_backend_responses_be_cached"):
            headers = {}
        if kind == "client_credentials" and defects("omits_cache_control_for_backend_services"):
            headers.pop("Cache-Control", None)
        if self._signed_by_app and defects("omits_cache_control_for_asymmetric_clients"):
            headers.pop("Cache-Control", None)
        if kind == "refresh_token" and defects("omits_pragma_at_refresh"):
            headers.pop("Pragma", None)
        if defects("omits_cache_control_at_token_endpoint"):
            headers.pop("Cache-Control", None)
        if defects("omits_pragma_at_token_endpoint"):
            headers.pop("Pragma", None)
        if defects("lets_token_responses_be_cached"):
            headers["Cache-Control"] = "private, max-age=300"
        status = 201 if defects("answers_token_requests_with_201") else 200
        if defects("wraps_token_response"):
            body = {"token": body}
        if defects("answers_token_requests_as_text") or (kind == "client_credentials" and defects("sends_backend_tokens_as_text")):
            return Response(json.dumps(body), status, headers, "text/plain")
        if defects("answers_token_requests_as_a_form"):
            text = "&".join(f"{name}={value}" for name, value in body.items())
            return Response(text, status, headers, FORM)
        return json_answer(body, status=status, headers=headers, media_type=json_media_type(self.sandbox))

    # -- refresh_token --------------------------------------------------------------------------------------------------

    def _refresh(self, client: Client, given: Parameters) -> dict[str, Any]:
        token = self._shown_refresh_token(client, given)
        self._require_live(token)
        scopes = self._scopes_of_refresh(token, given)
        if scopes != token.scopes and self.defects("keeps_a_narrowed_scope_for_good"):
            token.scopes = scopes
        if self.variant("revokes_the_old_access_token_at_refresh"):
            self.state.revoke_access_tokens(token.grant)
        user = self.sandbox.user(token.user)
        access = self.issuing.access_token(
            client,
            scopes=scopes,
            patient=token.patient,
            encounter=token.encounter,
            user=token.user,
            fhir_user=user.fhir_user,
            aud=token.aud,
            grant=token.grant,
            session=token.session,
            context=token.context | {"_renewed": True},
            subject=subject_of(self.sandbox, client, user),
        )
        self._remember_narrowing(client, token, scopes)
        if scopes != token.scopes and self.defects("keeps_the_whole_scope_in_force_after_a_refresh_for_a_part"):
            access.enforced = token.scopes
        body = self.issuing.body(client, access, requested=scopes)
        if not self.variant("leaves_context_out_at_refresh"):
            body |= token.context
        spoil(self.defects, Refreshed(body, token, self.state), REFRESH_RESPONSE)
        if self._rotates(client):
            body["refresh_token"] = self._rotate(token).value
        if "openid" in scopes and not self.variant("leaves_id_token_out_at_refresh"):
            self.issuing.add_id_token(client, token, access, body)
        return body

    def _remember_narrowing(self, client: Client, token: RefreshToken, scopes: tuple[str, ...]) -> None:
        """Let a refresh for a part have consequences that it must not have."""
        if scopes == token.scopes:
            return
        if not self._rotates(client) and self.defects("shrinks_a_refresh_token_that_stays"):
            token.scopes = scopes
        if self.defects("forgets_the_grant_after_a_refresh_for_a_part"):
            token.unbound = True

    def _shown_refresh_token(self, client: Client, given: Parameters) -> RefreshToken:
        """Return what is known of the refresh token that this client shows."""
        value = given.get("refresh_token")
        if value is None:
            raise self._missing("refresh_token")
        token = self.state.refresh_tokens.get(value)
        if token is None and self.defects("ignores_case_of_refresh_tokens"):
            token = next((one for one in self.state.refresh_tokens.values() if one.value.casefold() == value.casefold()), None)
        if token is None and self.defects("accepts_any_refresh_token"):
            token = next((t for t in self.state.refresh_tokens.values() if t.client_id == client.client_id), None)
        if token is None:
            token = self._mistaken_for_refresh_token(value)
        if token is None:
            message = "The refresh token is not known."
            if self.defects("answers_unknown_refresh_tokens_with_another_code"):
                raise OAuthError("invalid_request", message)
            raise self._bad_code(message)
        both = not client.public and not self.sandbox.client(token.client_id).public
        loose = self.defects("accepts_refresh_token_of_another_client") or (
            both and self.defects("accepts_refresh_token_of_another_confidential_client")
        )
        if token.client_id != client.client_id and not loose:
            raise self._bad_code("The refresh token was issued to another client.")
        return token

    def _mistaken_for_refresh_token(self, value: str) -> RefreshToken | None:
        """Return what a server makes of a value that is good for something else, and takes for a refresh token."""
        access, code = self.state.access_tokens.get(value), self.state.codes.get(value)
        found: AccessToken | Code | None = None
        if access is not None and access.user is not None and self.defects("takes_access_tokens_for_refresh_tokens"):
            found = access
        elif code is not None and self.defects("takes_codes_for_refresh_tokens"):
            found = code
        if found is None:
            return None
        now = self.state.now()
        return RefreshToken(
            value=value,
            client_id=found.client_id,
            scopes=found.scopes,
            user=found.user or "",
            grant=found.grant,
            aud=found.aud,
            patient=found.patient,
            encounter=found.encounter,
            context={name: one for name, one in found.context.items() if not name.startswith("_")},
            online=False,
            session=found.session,
            issued_at=now,
            expires_at=now + _REFRESH_LIFETIME_S,
        )

    def _require_live(self, token: RefreshToken) -> None:
        """Require that nothing has ended the refresh token: use, revocation, sign-out, time."""
        defects = self.defects
        together = token.used and self._arrived < token.used_at and defects("lets_two_requests_at_once_use_one_refresh_token")
        if token.revoked and not together and not (token.used and defects("accepts_rotated_refresh_token")):
            if token.used and not defects("keeps_tokens_after_refresh_token_replay"):
                self.state.revoke_grant(token.grant)
            if not defects("accepts_revoked_refresh_token"):
                raise self._bad_code("The refresh token has been used or revoked.")
        if token.online and self._is_offline(token) and not defects("keeps_online_access_after_logout"):
            raise self._bad_code("The person is not signed in any more.")
        if token.expires_at < self.state.now():
            raise self._bad_code("The refresh token has expired.")
        if token.online and defects("refuses_online_refresh"):
            raise self._bad_code("The refresh token is not valid.")

    def _is_offline(self, token: RefreshToken) -> bool:
        session = self.state.sessions.get(token.session or "")
        return session is None or session.ended

    def _scopes_of_refresh(self, token: RefreshToken, given: Parameters) -> tuple[str, ...]:
        """Return the same scopes, or fewer when fewer are asked; never more than the person granted."""
        defects, asked = self.defects, given.get("scope")
        if given.sent_empty("scope") and defects("takes_an_empty_scope_at_refresh_for_no_scope"):
            return tuple(one for one in token.scopes if one == "openid")
        if asked is None:
            if defects("narrows_scopes_at_refresh"):
                return token.scopes[: max(1, len(token.scopes) - 1)]
            if defects("widens_scopes_at_refresh"):
                return (*token.scopes, "patient/*.cruds", "user/*.cruds")
            return token.scopes
        if self.sandbox.variant("ignores_scope_at_refresh"):
            return token.scopes
        wanted = grants.split(asked)
        wider = [one for one in wanted if one not in token.scopes and not covered(one, token.scopes) and not token.unbound]
        if wider and self.defects("gives_scopes_at_refresh_that_were_asked_for_at_first"):
            wider = [one for one in wider if one not in token.requested]
        if wider:
            if defects("grants_wider_scopes_at_refresh"):
                return tuple(wanted)
            if self.variant("cuts_wider_scopes_at_refresh"):
                return tuple(one for one in wanted if one not in wider)
            message = "The scope goes beyond what was granted."
            if defects("answers_wider_scopes_at_refresh_with_another_code"):
                raise OAuthError("access_denied", message)
            raise OAuthError("invalid_scope", message)
        if defects("refuses_narrower_scopes_at_refresh"):
            message = "The scope is not the one that was granted."
            raise OAuthError("invalid_scope", message)
        return tuple(wanted)

    def _rotates(self, client: Client) -> bool:
        if self.variant("rotates_every_refresh_token"):
            return True
        if self.variant("never_rotates_refresh_tokens"):
            return False
        return client.public and not self.defects("never_rotates_refresh_tokens_of_public_clients")

    def _rotate(self, token: RefreshToken) -> RefreshToken:
        now = self.state.now()
        changes = {"value": self.issuing.new_refresh_value(), "issued_at": now, "revoked": False, "used": False, "used_at": 0.0}
        fresh = RefreshToken(**{**token.__dict__, **changes})
        if self.defects("loses_scopes_with_rotation"):
            fresh.scopes = fresh.scopes[: max(1, len(fresh.scopes) - 1)]
        token.used = token.revoked = True
        token.used_at = time.monotonic()
        self.state.refresh_tokens[fresh.value] = fresh
        return fresh

    # -- client_credentials and password --------------------------------------------------------------------------------

    def _client_credentials(self, client: Client, given: Parameters) -> dict[str, Any]:
        defects, scope = self.defects, given.get("scope")
        if scope is None:
            if not self.variant("fills_in_missing_scope_of_backend_services"):
                message = "The scope is missing."
                raise OAuthError("invalid_scope", message)
            scope = " ".join(client.scopes)
        requested = grants.split(scope)
        # An app gets as far as this through a defect only, and has no pre-authorization that could limit it.
        granted = grants.grant_system(self.sandbox, client, requested) if client.role == "backend" else requested
        if not granted:
            message = "None of the requested scopes is within what this client may have."
            raise OAuthError("invalid_scope", message)
        if granted != requested and self.variant("refuses_scopes_outside_registration"):
            message = "A requested scope is not within what this client may have."
            raise OAuthError("invalid_scope", message)
        if defects("gives_backend_services_more_than_they_ask"):
            granted = list(dict.fromkeys([*granted, *client.scopes]))
        access = self.issuing.access_token(
            client,
            scopes=tuple(granted),
            patient=None,
            encounter=None,
            user=None,
            fhir_user=None,
            aud=self.state.fhir_base_url,
            grant=new_secret(),
        )
        body = self.issuing.body(client, access, requested=tuple(requested))
        if defects("gives_refresh_token_to_backend_services"):
            body["refresh_token"] = new_secret()
        return body

    def _password(self, client: Client, given: Parameters) -> dict[str, Any]:
        """Sign in with name and password, which a server must not offer (RFC 9700 section 2.4)."""
        user = self.state.users.get(given.get("username") or "")
        if user is None or not hmac.compare_digest(user.password, given.get("password") or ""):
            message = "Name or password is not right."
            raise OAuthError("invalid_grant", message)
        requested = grants.split(given.get("scope") or "user/Patient.rs")
        access = self.issuing.access_token(
            client,
            scopes=tuple(grants.grant(self.sandbox, client, user, requested)),
            patient=None,
            encounter=None,
            user=user.username,
            fhir_user=user.fhir_user,
            aud=self.state.fhir_base_url,
            grant=new_secret(),
        )
        return self.issuing.body(client, access, requested=tuple(requested))
