"""A code becomes tokens: what the access token request has to show, and what it gets (RFC 6749 section 4.1.3, RFC 7636)."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from smartlaunch.embedded_ehr import grants
from smartlaunch.embedded_ehr.core import OAuthError, Parameters
from smartlaunch.embedded_ehr.defects.spoiling import excused, whim
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
from smartlaunch.embedded_ehr.state import AccessToken, Code, RefreshToken
from smartlaunch.embedded_ehr.token_issuing import REFRESH_LIFETIME_S, GrantType
from smartlaunch.embedded_ehr.token_refusals import bad_grant, missing

if TYPE_CHECKING:
    from smartlaunch.embedded_ehr.registry import Client

_LOSE_CHALLENGES = (
    "accepts_empty_challenge",
    "loses_the_challenge_after_a_mistyped_password",
    "loses_the_challenge_where_nothing_is_asked",
    "forgets_the_challenge_after_a_wrong_verifier",
)
_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


class CodeExchange(GrantType):
    """The grant type ``authorization_code`` over one running server."""

    def answer(self, client: Client, given: Parameters, arrived: float) -> dict[str, Any]:
        """Give tokens for a code that is this client's, unused, and comes with its redirect URI and verifier."""
        defects, now = self.defects, self.state.now()
        value = given.get("code")
        if value is None:
            raise missing(self.defects, "code")
        code = self.state.codes.get(value) or self._resembling_code(value)
        if code is None:
            if defects("accepts_any_code"):
                own = (c for c in self.state.codes.values() if c.client_id == client.client_id)
                code = next((replace(c, used=False, expires_at=now + 60) for c in own), None)
            if code is None:
                raise bad_grant(self.defects, "The code is not known.")
        if code.client_id != client.client_id and not self._trades_codes(client, code):
            code.used = code.used or self.variant("ends_a_code_at_every_failed_exchange")
            raise bad_grant(self.defects, "The code was issued to another client.").by("foreign_codes")
        if code.used and not (arrived < code.used_at and defects("lets_two_requests_at_once_redeem_one_code")):
            if not defects("keeps_tokens_of_a_replayed_code"):
                self._end_what_came_of(code)
            again = defects("accepts_code_twice") or (not client.public and defects("accepts_code_of_confidential_clients_twice"))
            if not again:
                code.used = not defects("takes_a_code_again_after_refusing_it")
                message = "The code has been used before."
                if defects("answers_used_codes_with_another_code"):
                    raise OAuthError("invalid_request", message).by("used_codes")
                raise bad_grant(self.defects, message).by("used_codes")
        late = defects("accepts_expired_code") or (not client.public and defects("accepts_expired_code_of_confidential_clients"))
        if code.expires_at < now and not late:
            raise bad_grant(self.defects, "The code has expired.")
        try:
            self._require_what_it_is_bound_to(client, code, given)
        except OAuthError:
            code.used = code.used or self.variant("ends_a_code_at_every_failed_exchange")
            raise
        code.used, code.used_at = True, time.monotonic()
        return self._issue_for_code(client, code)

    def _require_what_it_is_bound_to(self, client: Client, code: Code, given: Parameters) -> None:
        defects = self.defects
        if not (code.posted and defects("ignores_redirect_uri_at_exchange_of_posted_requests")):
            self._require_redirect_uri(code, given)
        unlooked = (code.posted and defects("compares_no_verifier_of_posted_requests")) or (
            "launch" in code.scopes and defects("compares_no_verifier_in_ehr_launches")
        )
        if not unlooked:
            self._require_verifier(client, code, given)
        if code.put_off:
            raise bad_grant(self.defects, code.put_off)

    def _resembling_code(self, value: str) -> Code | None:
        """Return a code that is not the one that came but like it, which only a broken server looks for."""
        codes = self.state.codes
        if self.defects("ignores_the_end_of_a_code"):
            return next((code for code in codes.values() if code.value[:-4] == value[:-4]), None)
        if value != value.strip() and self.defects("trims_codes"):
            return codes.get(value.strip())
        if self.defects("ignores_case_of_codes"):
            return next((code for code in codes.values() if code.value.casefold() == value.casefold()), None)
        return None

    def _trades_codes(self, client: Client, code: Code) -> bool:
        of_public = self.sandbox.client(code.client_id).public
        both = not client.public and not of_public
        if not client.public and of_public and self.defects("gives_codes_of_public_clients_to_confidential_ones"):
            return True
        if client.public and not of_public and self.defects("gives_codes_of_confidential_clients_to_public_ones"):
            return True
        return self.defects("accepts_code_of_another_client") or (both and self.defects("accepts_code_of_another_confidential_client"))

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

    def _require_redirect_uri(self, code: Code, given: Parameters) -> None:
        named = given.get("redirect_uri")
        if named == code.redirect_uri:
            return
        if named is None:
            if not self.defects("accepts_exchange_without_redirect_uri"):
                if self.variant("answers_missing_members_with_invalid_grant"):
                    message = "The redirect_uri is missing."
                    raise OAuthError("invalid_grant", message)
                raise missing(self.defects, "redirect_uri")
            return
        if not self.sandbox.client(code.client_id).public and self.defects("ignores_redirect_uri_of_confidential_clients_at_exchange"):
            return
        if named in self.sandbox.client(code.client_id).redirect_uris and self.defects(
            "accepts_another_registered_redirect_uri_at_exchange"
        ):
            return
        if not excused(self.defects, (code.redirect_uri, named), OTHER_REDIRECT_URI):
            raise bad_grant(self.defects, "The redirect_uri is not the one of the authorization request.")

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
                raise bad_grant(self.defects, "There was no code_challenge in the authorization request.")
            return
        if code.code_challenge == "" and any(map(self.defects, _LOSE_CHALLENGES)):
            return
        if asked.verifier is None:
            self._require_sent_verifier(asked)
        elif code.code_challenge_method == "plain":
            if asked.verifier != code.code_challenge:
                raise bad_grant(self.defects, "The code_verifier is not the code_challenge.")
        else:
            self._require_fitting_verifier(asked)

    def _require_sent_verifier(self, asked: Exchange) -> None:
        if excused(self.defects, asked, MISSING_VERIFIER):
            return
        if self.variant("answers_missing_members_with_invalid_grant"):
            message = "The code_verifier is missing."
            raise OAuthError("invalid_grant", message)
        raise missing(self.defects, "code_verifier")

    def _require_fitting_verifier(self, asked: Exchange) -> None:
        verifier = asked.verifier or ""
        if not _VERIFIER.fullmatch(verifier) and not excused(self.defects, asked, MALFORMED_VERIFIER):
            raise bad_grant(self.defects, "The code_verifier is not 43 to 128 unreserved characters.")
        refused = whim(self.defects, asked, REFUSED_VERIFIERS)
        if refused:
            raise bad_grant(self.defects, refused)
        if asked.hashed == asked.challenge or excused(self.defects, asked, WRONG_VERIFIER):
            return
        if self.defects("forgets_the_challenge_after_a_wrong_verifier"):
            asked.code.code_challenge = ""
        elif not self.variant("keeps_code_after_wrong_verifier"):
            asked.code.used = True
        message = "The code_verifier does not fit the code_challenge."
        if self.defects("answers_wrong_verifier_with_another_code"):
            raise OAuthError("invalid_request", message).by("wrong_verifiers")
        if not asked.client.public and self.defects("answers_wrong_verifier_of_confidential_clients_with_another_code"):
            raise OAuthError("invalid_client", message).by("wrong_verifiers")
        raise bad_grant(self.defects, message).by("wrong_verifiers")

    def _issue_for_code(self, client: Client, code: Code) -> dict[str, Any]:
        user, patient = self.sandbox.user(code.user), code.patient
        chosen = bool(patient) and "launch" not in code.scopes and patient != next(iter(user.patients), patient)
        if chosen and self.defects("keeps_to_the_first_patient_whoever_is_chosen"):
            patient = user.patients[0]
        access = self.issuing.access_token(
            client,
            scopes=code.scopes,
            patient=self._enforced_patient(code, patient),
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
        could = grants.grant(self.sandbox, client, user, list(code.requested)) if left_out else []
        if set(could) > set(code.scopes):
            access.offered = tuple(could)
            if self.defects("reports_scopes_that_the_user_left_out"):
                body["scope"] = " ".join(could)
        body |= code.context
        refresh = self._first_refresh_token(client, code)
        if refresh is not None:
            body["refresh_token"] = refresh.value
        if "openid" in code.scopes or self.defects("sends_id_token_without_openid_scope"):
            self.issuing.add_id_token(client, code, access, body)
        return body

    def _enforced_patient(self, code: Code, patient: str | None) -> str | None:
        """Return the patient that the FHIR server will hold the token to, and hold no other token to it."""
        if "launch" not in code.scopes or not patient:
            return patient
        earlier = [
            token
            for token in self.state.access_tokens.values()
            if (token.client_id, token.user) == (code.client_id, code.user) and "launch" in token.scopes and token.patient
        ]
        if earlier and self.defects("lets_earlier_tokens_follow_the_latest_launch"):
            for token in earlier:
                token.patient = patient
        if earlier and self.defects("enforces_the_patient_of_an_earlier_launch"):
            return earlier[0].patient
        return patient

    def _first_refresh_token(self, client: Client, code: Code) -> RefreshToken | None:
        offline, online = "offline_access" in code.scopes, "online_access" in code.scopes
        if not offline and not online and not self.variant("gives_a_refresh_token_to_every_app"):
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
            expires_at=now + REFRESH_LIFETIME_S,
            nonce=code.nonce,
            auth_time=code.auth_time,
            requested=code.requested,
        )
        self.state.refresh_tokens[token.value] = token
        return token
