"""A refresh token becomes an access token: whose it is, whether it lives, which scopes it gives (RFC 6749 section 6)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from smartlaunch.embedded_ehr import grants
from smartlaunch.embedded_ehr.core import OAuthError, Parameters
from smartlaunch.embedded_ehr.defects.refresh import REFRESH_RESPONSE, Refreshed
from smartlaunch.embedded_ehr.defects.spoiling import spoil
from smartlaunch.embedded_ehr.openid import subject_of
from smartlaunch.embedded_ehr.scopes import covered, parse_resource_scope
from smartlaunch.embedded_ehr.state import AccessToken, Code, RefreshToken
from smartlaunch.embedded_ehr.token_issuing import REFRESH_LIFETIME_S, GrantType
from smartlaunch.embedded_ehr.token_refusals import bad_grant, missing

if TYPE_CHECKING:
    from smartlaunch.embedded_ehr.registry import Client


class TokenRefresh(GrantType):
    """The grant type ``refresh_token`` over one running server."""

    def answer(self, client: Client, given: Parameters, arrived: float) -> dict[str, Any]:
        """Give a new access token for a refresh token that is this client's and lives."""
        token = self._shown_refresh_token(client, given)
        self._require_live(token, arrived)
        try:
            scopes = self._scopes_of_refresh(token, given)
        except OAuthError:
            self._suspect(token)
            raise
        if scopes != token.scopes and self.defects("keeps_a_narrowed_scope_for_good"):
            token.scopes = scopes
        if self.variant("revokes_the_old_access_token_at_refresh"):
            self.state.revoke_access_tokens(token.grant)
        user = self.sandbox.user(token.user)
        self._mix_up_launches(token)
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
        first = next((one for one in self.state.access_tokens.values() if one.grant == token.grant), access)
        if first is not access and self.defects("ends_refreshed_access_tokens_with_the_first"):
            access.expires_at = first.expires_at
        if not self.variant("leaves_context_out_at_refresh"):
            body |= token.context
        refreshed = Refreshed(body, token, self.state)
        spoil(self.defects, refreshed, REFRESH_RESPONSE)
        body["_way"] = "refreshes_for_a_part" if scopes != token.scopes else "second_refreshes" if refreshed.is_again() else ""
        redeemed = [code for code in self.state.codes.values() if code.grant == token.grant and code.used]
        if redeemed and self.defects("takes_a_code_again_after_a_refresh"):
            redeemed[0].used = False
        if refreshed.is_again() and self.defects("knows_no_access_tokens_of_a_second_refresh"):
            access.revoked = True
        if self._rotates(client):
            body["refresh_token"] = self._rotate(token).value
        if "openid" in scopes and not self.variant("leaves_id_token_out_at_refresh"):
            self.issuing.add_id_token(client, token, access, body)
        return body

    def _suspect(self, token: RefreshToken) -> None:
        """Take a refresh that must not be for the sign of a thief, and end all that came of the grant."""
        if self.variant("ends_the_grant_at_a_wrong_refresh"):
            self.state.revoke_grant(token.grant)

    def _mix_up_launches(self, token: RefreshToken) -> None:
        """Let a refresh have the context of a launch that was not its own."""
        if "launch" not in token.scopes:
            return
        same = (token.client_id, token.user)
        launched = [one for one in self.state.codes.values() if (one.client_id, one.user) == same and "launch" in one.scopes and one.used]
        if launched and launched[-1].patient != token.patient and self.defects("refreshes_with_the_context_of_the_latest_launch"):
            token.patient, token.encounter, token.context = launched[-1].patient, launched[-1].encounter, launched[-1].context

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
            raise missing(self.defects, "refresh_token")
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
            raise bad_grant(self.defects, message)
        of_public = self.sandbox.client(token.client_id).public
        both = not client.public and not of_public
        if not client.public and of_public and self.defects("gives_refresh_tokens_of_public_clients_to_confidential_ones"):
            return token
        loose = self.defects("accepts_refresh_token_of_another_client") or (
            both and self.defects("accepts_refresh_token_of_another_confidential_client")
        )
        renewed = any(one.used for one in self.state.refresh_tokens.values() if one.grant == token.grant)
        loose = loose or (renewed and self.defects("binds_renewed_refresh_tokens_to_no_client"))
        if token.client_id != client.client_id and not loose:
            self._suspect(token)
            raise bad_grant(self.defects, "The refresh token was issued to another client.").by("foreign_refresh_tokens")
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
            expires_at=now + REFRESH_LIFETIME_S,
        )

    def _require_live(self, token: RefreshToken, arrived: float) -> None:
        """Require that nothing has ended the refresh token: use, revocation, sign-out, time."""
        defects = self.defects
        together = token.used and arrived < token.used_at and defects("lets_two_requests_at_once_use_one_refresh_token")
        later = any(one.used and one.used_at > token.used_at for one in self.state.refresh_tokens.values() if one.grant == token.grant)
        long_gone = token.used and later and defects("knows_the_last_replaced_refresh_token_only")
        if token.revoked and not together and not long_gone and not (token.used and defects("accepts_rotated_refresh_token")):
            if token.used and not defects("keeps_tokens_after_refresh_token_replay"):
                self.state.revoke_grant(token.grant)
            if not defects("accepts_revoked_refresh_token"):
                message = "The refresh token has been used or revoked."
                if defects("answers_ended_refresh_tokens_with_another_code"):
                    raise OAuthError("invalid_token", message).by("ended_refresh_tokens")
                raise bad_grant(self.defects, message).by("ended_refresh_tokens")
        if token.online and self._is_offline(token) and not defects("keeps_online_access_after_logout"):
            raise bad_grant(self.defects, "The person is not signed in any more.")
        if token.expires_at < self.state.now():
            raise bad_grant(self.defects, "The refresh token has expired.")
        renewed = any(one.used for one in self.state.refresh_tokens.values() if one.grant == token.grant)
        if renewed and defects("refuses_renewed_refresh_tokens"):
            raise bad_grant(self.defects, "The refresh token is not valid.")
        if token.online and defects("refuses_online_refresh"):
            raise bad_grant(self.defects, "The refresh token is not valid.")

    def _is_offline(self, token: RefreshToken) -> bool:
        session = self.state.sessions.get(token.session or "")
        return session is None or session.ended

    def _scopes_of_refresh(self, token: RefreshToken, given: Parameters) -> tuple[str, ...]:
        """Return the same scopes, or fewer when fewer are asked; never more than the person granted."""
        defects, asked = self.defects, given.get("scope")
        if given.sent_empty("scope") and defects("takes_an_empty_scope_at_refresh_for_no_scope"):
            return tuple(one for one in token.scopes if one == "openid")
        if asked is None:
            return self._same_scopes(token)
        if self.sandbox.variant("ignores_scope_at_refresh"):
            return token.scopes
        wanted = grants.split(asked)
        wider = [one for one in wanted if one not in token.scopes and not covered(one, token.scopes) and not token.unbound]
        if wider and self.defects("compares_scopes_at_refresh_without_their_interactions"):
            types = {one.partition(".")[0] for one in token.scopes if "/" in one}
            wider = [one for one in wider if "/" not in one or one.partition(".")[0] not in types]
        if wider and self.defects("compares_scopes_at_refresh_without_their_query"):
            wider = [one for one in wider if one.partition("?")[0] not in {scope.partition("?")[0] for scope in token.scopes}]
        if any(_is_of_version_1(one) for one in wider) and self.defects("compares_no_version_1_scopes_at_refresh"):
            wider = [one for one in wider if not _is_of_version_1(one)]
        if any("/" not in one for one in wider) and self.defects("gives_openid_at_refresh_for_the_asking"):
            wider = [one for one in wider if "/" in one]
        if wider and self.defects("gives_scopes_at_refresh_that_were_asked_for_at_first"):
            wider = [one for one in wider if one not in token.requested]
        if wider:
            if defects("grants_wider_scopes_at_refresh"):
                return tuple(wanted)
            if self.variant("cuts_wider_scopes_at_refresh"):
                return tuple(one for one in wanted if one not in wider)
            message = "The scope goes beyond what was granted."
            if defects("answers_wider_scopes_at_refresh_with_another_code"):
                raise OAuthError("access_denied", message).by("wider_refreshes")
            raise OAuthError("invalid_scope", message).by("wider_refreshes")
        if defects("refuses_narrower_scopes_at_refresh"):
            message = "The scope is not the one that was granted."
            raise OAuthError("invalid_scope", message)
        return tuple(wanted)

    def _same_scopes(self, token: RefreshToken) -> tuple[str, ...]:
        """Return the scopes of a refresh that names none: those that were granted."""
        defects = self.defects
        if defects("narrows_scopes_at_refresh"):
            return token.scopes[: max(1, len(token.scopes) - 1)]
        if defects("widens_scopes_at_refresh"):
            return (*token.scopes, "patient/*.cruds", "user/*.cruds")
        client, user = self.sandbox.client(token.client_id), self.sandbox.user(token.user)
        could = tuple(grants.grant(self.sandbox, client, user, list(token.requested)))
        if set(could) > set(token.scopes) and defects("refreshes_with_the_scopes_before_the_consent"):
            return could
        return token.scopes

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


def _is_of_version_1(scope: str) -> bool:
    parsed = parse_resource_scope(scope)
    return parsed is not None and parsed.version == 1
