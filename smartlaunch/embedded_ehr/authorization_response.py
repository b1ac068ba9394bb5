"""What the authorization endpoint answers: a page for the person, or a code or an error at the app's own redirect URI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.responses import HTMLResponse

from smartlaunch.embedded_ehr import grants, pages
from smartlaunch.embedded_ehr.core import Part
from smartlaunch.embedded_ehr.defects.authorization import CODES, SENT, NewCode, Sent
from smartlaunch.embedded_ehr.defects.spoiling import spoil
from smartlaunch.embedded_ehr.launch_context import launch_context
from smartlaunch.embedded_ehr.redirection import deliver, redirect
from smartlaunch.embedded_ehr.state import Code, new_secret

if TYPE_CHECKING:
    from starlette.responses import Response

    from smartlaunch.embedded_ehr.authorization_request import Untrusted
    from smartlaunch.embedded_ehr.core import OAuthError
    from smartlaunch.embedded_ehr.state import Transaction


_ODD = "~.%7E+%&=;/?#[]@!'(*)"
_VISIBLE = "".join(chr(number) for number in range(0x20, 0x7F))
_DRAWN_BY_SCRIPT = ("patient_picker", "patient_table", "encounter_picker", "consent", "consent_again")


class Answers(Part):
    """The answers of one running server."""

    def show(self, name: str, *, status: int = 200, **context: Any) -> Response:
        """Answer with a page."""
        search = self.variant("has_a_search_box_on_every_page")
        deep = name in _DRAWN_BY_SCRIPT and self.variant("serves_its_pickers_with_status_404")
        status = 404 if deep else status
        response = pages.page(name, status=status, rules=self.defects, shell_search=search, scripted=deep, **context)
        if self.defects("leaks_the_request_by_referrer"):
            response.headers["Referrer-Policy"] = "unsafe-url"
        return response

    def error_page(self, refused: Untrusted) -> Response:
        """Tell the person what is wrong, and send the browser nowhere."""
        status = 200 if self.variant("shows_error_pages_with_status_200") else 400
        if self.defects("answers_untrusted_requests_with_status_500"):
            status = 500
        if self.defects("shows_a_blank_page_for_an_untrusted_redirect_uri"):
            return HTMLResponse("", status)
        if refused.shown is not None and self.defects("reflects_request_values_on_error_pages"):
            return HTMLResponse(f"<!doctype html><title>Error</title><p>Not registered: {refused.shown}</p>", status)
        if self.sandbox.profile.error_style == "redirect" or self.variant("sends_the_browser_to_an_error_page"):
            query = urlencode({"code": refused.code, "message": refused.message})
            return redirect(self.sandbox, f"{self.state.base_url}/oauth/error?{query}")
        return self.show("error", status=status, title=refused.title, message=refused.message, code=refused.code, hint=refused.hint)

    def gone(self) -> Response:
        """Tell the person that the sign-in is over."""
        hint = "Go back to the app and sign in again."
        return self.show(
            "error", status=400, title="This sign-in has ended", message="It took too long or is over.", code="invalid_request", hint=hint
        )

    def issue(self, transaction: Transaction) -> Response:
        """Issue the code for a decided transaction and send it to the app."""
        if self.state.transactions.pop(transaction.value, None) is None:
            return self.gone()
        client, values, now = self.sandbox.client(transaction.client_id), transaction.parameters, self.state.now()
        granted = list(transaction.context.get("granted", []))
        if self.defects("adds_unrequested_scopes"):
            granted = [*granted, "patient/*.cruds", "user/*.cruds"]
        if self.variant("adds_a_scope_of_its_own"):
            granted = [*granted, "https://lakeside.example/scope/session"]
        lifetime = client.code_lifetime_s or self.sandbox.profile.code_lifetime_s
        if client.code_lifetime_s is None and self.variant("gives_codes_ten_seconds"):
            lifetime = 10
        if self.defects("issues_codes_that_live_for_an_hour"):
            lifetime = 3600
        value = self._new_value()
        challenge = values.get("code_challenge")
        unasked = transaction.session_is_older and not transaction.decided
        if challenge and unasked and self.defects("loses_the_challenge_where_nothing_is_asked"):
            challenge = ""
        new = NewCode(value, client.client_id, transaction.username or "", len(self.state.codes))
        spoil(self.defects, new, CODES)
        code = Code(
            value=new.value,
            client_id=client.client_id,
            redirect_uri=transaction.redirect_uri,
            code_challenge=challenge,
            code_challenge_method=values.get("code_challenge_method"),
            requested=tuple(grants.split(values.get("scope", ""))),
            scopes=tuple(granted),
            user=transaction.username or "",
            aud=values.get("aud", self.state.fhir_base_url),
            patient=transaction.patient or None,
            encounter=transaction.encounter,
            context=launch_context(self.sandbox, transaction, granted),
            nonce=self._nonce(client.client_id, transaction),
            session=transaction.session,
            grant=transaction.value,
            auth_time=transaction.auth_time,
            issued_at=now,
            expires_at=now + lifetime,
            put_off=transaction.put_off,
            posted=bool(transaction.context.get("posted")),
        )
        if self.variant("keeps_one_code_for_each_user"):
            for earlier in self.state.codes.values():
                if (earlier.client_id, earlier.user) == (code.client_id, code.user):
                    earlier.expires_at = min(earlier.expires_at, now)
        if self.variant("ends_an_access_token_at_the_next_code"):
            for token in self.state.access_tokens.values():
                if (token.client_id, token.user) == (code.client_id, code.user):
                    token.revoked = True
        self.state.codes[code.value] = code
        answer = {"code": code.value}
        if values.get("response_type") not in {None, "code"} and self.defects("issues_tokens_at_authorization_endpoint"):
            answer = {"access_token": new_secret(), "token_type": "Bearer"}
        if self.defects("omits_code"):
            answer = {}
        return self.send(transaction.redirect_uri, values, answer, posted=code.posted)

    def _new_value(self) -> str:
        """Return the value of a new code, made of whatever characters this server likes."""
        value = new_secret() + (_ODD if self.variant("writes_codes_with_punctuation") else "")
        return (value + _VISIBLE * 40)[:3000] if self.variant("issues_codes_of_3000_characters") else value

    def _nonce(self, client_id: str, transaction: Transaction) -> str | None:
        """Return the nonce that the ID Token will carry, which is that of this request and of no other."""
        earlier = (one.nonce for one in self.state.codes.values() if (one.client_id, one.user) == (client_id, transaction.username))
        first = next((nonce for nonce in earlier if nonce), None)
        if first and self.defects("returns_the_nonce_of_an_earlier_login"):
            return first
        if transaction.launch is not None and self.defects("omits_nonce_in_ehr_launches"):
            return None
        if transaction.context.get("posted") and self.defects("omits_nonce_of_posted_requests"):
            return None
        nonce = transaction.parameters.get("nonce")
        if nonce and len(nonce) > 32 and self.defects("cuts_nonce_to_32_characters"):
            return nonce[:32]
        return nonce

    def fail(self, transaction: Transaction, problem: OAuthError) -> Response:
        """End a transaction with an error at the app's redirect URI."""
        self.state.transactions.pop(transaction.value, None)
        values = transaction.parameters
        denied = transaction.context.get("posted") and problem.error == "access_denied"
        if denied and self.defects("omits_state_in_denials_of_posted_requests"):
            values = {name: value for name, value in values.items() if name != "state"}
        return self.send_error(transaction.redirect_uri, values, problem)

    def send_error(self, redirect_uri: str, values: dict[str, str], problem: OAuthError, *, posted: bool = False) -> Response:
        """Send an error to the app's own redirect URI."""
        if posted and self.defects("shows_posted_errors_instead_of_sending_them"):
            return self.show(
                "error", status=400, title="This request is not valid", message=problem.description, code=problem.error, hint=""
            )
        if posted and self.defects("invents_error_codes_of_posted_requests"):
            problem.error = "ERR-4711"
        if self.defects("shows_errors_instead_of_sending_them") or self.variant("shows_request_errors_as_a_page"):
            is_denial = problem.error == "access_denied"
            if not (is_denial and self.variant("shows_request_errors_as_a_page")):
                return self.show(
                    "error", status=400, title="This request is not valid", message=problem.description, code=problem.error, hint=""
                )
        answer = {"error": problem.error, "error_description": problem.description}
        if self.variant("leaves_out_error_description"):
            answer.pop("error_description", None)
        if values.get("prompt") == "none" and self.defects("omits_state_in_silent_errors"):
            values = {name: value for name, value in values.items() if name != "state"}
        if (
            values.get("prompt") == "none"
            and "+" in values.get("state", "")
            and self.defects("turns_plus_in_the_state_of_silent_errors_into_space")
        ):
            values = {**values, "state": values["state"].replace("+", " ")}
        return self.send(redirect_uri, values, answer, failed=True, posted=posted)

    def send(
        self, redirect_uri: str, values: dict[str, str], answer: dict[str, str], *, failed: bool = False, posted: bool = False
    ) -> Response:
        """Send an answer to the app, with the state of its request and the issuer."""
        if values.get("state") is not None:
            answer["state"] = values["state"]
        of_launch = values.get("launch") is not None and self.defects("sends_iss_of_the_launch_as_issuer")
        answer["iss"] = self.state.fhir_base_url if of_launch else self.state.issuer
        spoil(self.defects, Sent(answer, failed=failed), SENT)
        if posted and self.defects("omits_iss_in_posted_errors" if failed else "omits_iss_parameter_of_posted_requests"):
            answer.pop("iss", None)
        if self.variant("does_not_send_iss_parameter"):
            answer.pop("iss", None)
        if self.variant("adds_members_everywhere"):
            answer["session_state"] = new_secret()
        if self.variant("ends_redirects_with_a_fragment") and "code" in answer:
            answer |= {"scope": values.get("scope", ""), "authuser": "0"}
        return deliver(self.sandbox, redirect_uri, answer)
