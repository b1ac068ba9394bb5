"""What the authorization server asks of an authorization request before anybody sees a page.

Who asks and where the answer may go come first: until both are sure nothing is ever sent anywhere (`Untrusted`). What else is wrong
with a request is an `OAuthError`, and goes to the app's own redirect URI.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smartlaunch.embedded_ehr import data, grants
from smartlaunch.embedded_ehr.core import OTHER_RESPONSE_TYPES, OAuthError, Parameters, Part, scope_is_well_formed
from smartlaunch.embedded_ehr.defects.authorization import CHALLENGES, RESPONSE_TYPES, Audience, Challenge, resembles_own
from smartlaunch.embedded_ehr.defects.spoiling import excused
from smartlaunch.embedded_ehr.redirection import is_registered
from smartlaunch.embedded_ehr.state import Launch

if TYPE_CHECKING:
    from collections.abc import Callable

    from smartlaunch.embedded_ehr.registry import Client, User

_S256_CHALLENGE = re.compile(r"[A-Za-z0-9\-_]{43}")
_SHORTEST_STATE = 8
_KNOWN = {
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "aud",
    "resource",
    "launch",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "prompt",
    "max_age",
    "login_hint",
    "ui_locales",
    "display",
    "response_mode",
    "id_token_hint",
    "acr_values",
    "claims",
    "request",
    "request_uri",
}


class Untrusted(Exception):
    """The request cannot be trusted with a redirect: the person gets a page instead."""

    def __init__(self, title: str, message: str, code: str, hint: str = "", *, shown: str | None = None) -> None:
        super().__init__(message)
        self.title, self.message, self.code, self.hint, self.shown = title, message, code, hint, shown


class Elsewhere(Untrusted):
    """A place that was never registered, and that a broken server answers to."""

    def __init__(self, redirect_uri: str) -> None:
        super().__init__("This request is not valid", "The request is not valid.", "invalid_request")
        self.redirect_uri = redirect_uri


class RequestRules(Part):
    """The rules on a request, over one running server."""

    def who_and_where(self, given: Parameters, *, posted: bool) -> tuple[Client, str]:
        """Find the client and a redirect URI of its own, or refuse without sending the browser anywhere."""
        twice = {"client_id", "redirect_uri"} & set(given.repeated())
        if twice and not self.defects("accepts_repeated_redirect_uri"):
            message = f"{' and '.join(sorted(twice))} came more than once."
            raise Untrusted("This request is not valid", message, "invalid_request", "An app sends each parameter once.")
        uris = given.all("redirect_uri")
        redirect_uri = (uris[-1] if len(uris) > 1 else given.get("redirect_uri")) or None
        client = self.state.clients.get(given.get("client_id") or "")
        if client is None:
            if redirect_uri and self.defects("redirects_unknown_clients"):
                raise Elsewhere(redirect_uri)
            if self.defects("accepts_unknown_client") and redirect_uri:
                return self.state.clients["public-primary"], redirect_uri
            hint = "Check the client id against the app's registration."
            raise Untrusted("This app is not known here", "The client_id is missing or not registered.", "unauthorized_client", hint)
        if not client.redirect_uris:
            message = "This client is not registered for sign-in."
            raise Untrusted("This app cannot sign people in", message, "unauthorized_client")
        if redirect_uri is None:
            if len(client.redirect_uris) == 1 and self.variant("fills_in_the_only_redirect_uri"):
                return client, client.redirect_uris[0]
            if self.defects("guesses_a_missing_redirect_uri"):
                return client, client.redirect_uris[0]
            raise Untrusted("This request is not valid", "The redirect_uri is missing.", "invalid_request", "Send the registered one.")
        if uris and len(uris) > 1:
            return client, redirect_uri
        if not is_registered(self.sandbox, client, redirect_uri):
            foul_scope = not scope_is_well_formed(given.get("scope") or "")
            if self.defects("redirects_errors_to_unregistered_redirect_uri") or (
                foul_scope and self.defects("judges_the_scope_before_the_redirect_uri")
            ):
                raise Elsewhere(redirect_uri)
            foul_type = given.get("response_type") not in (None, "code")
            if foul_type and self.defects("judges_the_response_type_before_the_redirect_uri"):
                raise Elsewhere(redirect_uri)
            if posted and self.defects("redirects_posted_errors_to_unregistered_redirect_uri"):
                raise Elsewhere(redirect_uri)
            if given.get("prompt") == "none" and self.defects("redirects_silent_errors_to_unregistered_redirect_uri"):
                raise Elsewhere(redirect_uri)
            hint = "It has to be equal, character by character, to one in the app's registration."
            message = "The redirect_uri is not registered for this app."
            raise Untrusted("This app cannot be sent there", message, "invalid_request", hint, shown=redirect_uri)
        return client, redirect_uri

    def require_readable(self, given: Parameters, values: dict[str, str], *, posted: bool) -> None:
        """Refuse what this server cannot take for one request, whatever it asks for."""
        twice = [n for n in given.repeated() if n != "redirect_uri" or not self.defects("accepts_repeated_redirect_uri")]
        loose = self.defects("accepts_repeated_parameters") or (posted and self.defects("accepts_repeated_parameters_by_post"))
        if twice and not loose:
            message = f"{', '.join(twice)} came more than once."
            raise OAuthError("invalid_request", message)
        if set(values) - _KNOWN and (
            self.defects("refuses_unknown_parameters") or (posted and self.defects("refuses_unknown_parameters_by_post"))
        ):
            message = f"Not a parameter of this server: {', '.join(sorted(set(values) - _KNOWN))}."
            raise OAuthError("invalid_request", message)
        if len(values.get("state", "")) < _SHORTEST_STATE and self.variant("refuses_short_states"):
            message = "The state is missing or too short."
            raise OAuthError("invalid_request", message)
        if "tenant" in values and self.defects("refuses_the_query_of_its_own_authorization_endpoint"):
            message = "Not a parameter of this server: tenant."
            raise OAuthError("invalid_request", message)
        if given.sent_empty("launch") and self.defects("takes_an_empty_launch_for_an_unknown_one"):
            message = "The launch value is not known."
            raise OAuthError("invalid_request", message)
        for name, defect in (("max_age", "refuses_an_empty_max_age"), ("request", "refuses_an_empty_request_object")):
            if given.sent_empty(name) and self.defects(defect):
                message = f"The {name} is not valid."
                raise OAuthError("invalid_request", message)
        if any(not value for _, value in given.pairs) and self.defects("treats_empty_parameters_as_values"):
            message = "A parameter has an empty value."
            raise OAuthError("invalid_request", message)

    def judge(self, client: Client, values: dict[str, str]) -> tuple[Launch | None, str]:
        """Judge what is asked for: the launch it belongs to, and why no token will come of it where the exchange says so and not this."""
        self._require_response_type(values)
        self._require_plain_request(values)
        self._require_challenge(client, values)
        put_off = self._put_off(lambda: self._require_aud(values))
        requested = self._require_scope(client, values)
        self._require_offered_launch(requested)
        launch, why = self._launch_or_put_off(client, values, requested)
        return launch, put_off or why

    def _put_off(self, require: Callable[[], None]) -> str:
        """Return why no token will come of the request, where the server says so at the exchange and not at once."""
        try:
            require()
        except OAuthError as problem:
            if not self.variant("refuses_at_the_token_endpoint"):
                raise
            return problem.description
        return ""

    def _launch_or_put_off(self, client: Client, values: dict[str, str], requested: list[str]) -> tuple[Launch | None, str]:
        found: list[Launch | None] = [None]

        def require() -> None:
            found[0] = self._require_launch(client, values, requested)

        why = self._put_off(require)
        return found[0], why

    def _require_response_type(self, values: dict[str, str]) -> None:
        kind = values.get("response_type")
        if kind == "code":
            return
        if excused(self.defects, kind, RESPONSE_TYPES):
            return
        if kind is None:
            message = "The response_type is missing."
            raise OAuthError("invalid_request", message)
        if kind in OTHER_RESPONSE_TYPES and self.variant("lists_response_types_for_other_clients"):
            message = "This app is not registered for this response_type."
            raise OAuthError("unauthorized_client", message)
        message = "Only the response_type code is supported."
        if self.defects("answers_wrong_response_type_with_another_code"):
            raise OAuthError("invalid_scope", message)
        raise OAuthError("unsupported_response_type", message)

    def _require_plain_request(self, values: dict[str, str]) -> None:
        """Refuse the optional ways of OpenID Connect that this server does not take."""
        for name, code in (("request", "request_not_supported"), ("request_uri", "request_uri_not_supported")):
            if name in values:
                message = f"The parameter {name} is not supported."
                raise OAuthError(code, message)
        if values.get("response_mode", "query") != "query":
            message = "Only the response_mode query is supported."
            raise OAuthError("invalid_request", message)

    def _require_challenge(self, client: Client, values: dict[str, str]) -> None:
        """Require a code challenge by S256, so that a stolen code is worth nothing."""
        given = Challenge(values.get("code_challenge"), values.get("code_challenge_method"), public=client.public)
        if self.variant("is_of_edition_1_0"):
            values.pop("code_challenge", None)
            return
        if not given.value and self.variant("requires_challenge_at_the_exchange"):
            return
        if given.value and given.method is None and self.defects("treats_missing_challenge_method_as_plain"):
            values["code_challenge_method"] = "plain"
            return
        problem = _problem_of(given)
        if not problem and self.defects("refuses_s256"):
            problem = "The transform algorithm is not supported."
        if problem and not excused(self.defects, given, CHALLENGES):
            raise OAuthError("invalid_request", problem)

    def _require_aud(self, values: dict[str, str]) -> None:
        """Require that the token is wanted for this FHIR server, so that a counterfeit one cannot use this login."""
        base, aud = self.state.fhir_base_url, values.get("aud")
        if aud is None and self.variant("takes_resource_for_aud"):
            aud = values.get("resource")
        if aud is None:
            if not self.variant("fills_in_a_missing_aud") and not self.defects("accepts_missing_aud"):
                message = "The aud is missing: it names the FHIR server that the token is for."
                raise OAuthError("invalid_request", message)
            aud = base
        elif aud != base and aud.rstrip("/") == base and self.variant("refuses_aud_with_trailing_slash"):
            message = "The aud has a trailing slash."
            raise OAuthError("invalid_request", message)
        own = aud.rstrip("/") == base and not (aud == base and "aud" in values and self.defects("refuses_right_aud"))
        if not own and (self.variant("leaves_aud_to_the_fhir_server") or self.defects("accepts_token_for_other_audience")):
            return
        launched = "launch" in values and self.defects("ignores_aud_in_ehr_launches")
        if not own and not launched and not resembles_own(self.defects, Audience(aud, base)):
            if self.defects("answers_a_wrong_aud_with_status_500"):
                message = "No such FHIR server."
                raise OAuthError("server_error", message, status=500)
            message = "The aud is not a FHIR server of this authorization server."
            raise OAuthError("invalid_request", message)
        values["aud"] = base

    def _require_scope(self, client: Client, values: dict[str, str]) -> list[str]:
        scope = values.get("scope")
        if scope is None:
            if self.variant("fills_in_a_missing_scope"):
                values["scope"] = "launch/patient patient/Patient.rs"
                return grants.split(values["scope"])
            message = "The scope is missing."
            code = "invalid_request" if self.defects("answers_missing_scope_with_another_code") else "invalid_scope"
            raise OAuthError(code, message)
        if not scope_is_well_formed(scope) and not self.defects("accepts_malformed_scope_value"):
            message = "The scope is not a list of scopes separated by single spaces."
            raise OAuthError("invalid_scope", message)
        requested = grants.split(scope)
        unknown = [one for one in requested if not grants.is_known(one)]
        if unknown and self.variant("refuses_unknown_scopes"):
            message = f"Not a scope of this server: {' '.join(unknown)}."
            raise OAuthError("invalid_scope", message)
        if unknown and self.defects("fails_on_unknown_scopes"):
            message = "Internal error."
            raise OAuthError("server_error", message)
        possible = grants.grant(self.sandbox, client, self.widest_user(), requested)
        if not possible and not self.defects("grants_nothing_but_a_token"):
            message = "None of the requested scopes can be granted to this app."
            raise OAuthError("invalid_scope", message)
        dropped = [one for one in requested if one not in possible]
        if dropped and self.variant("refuses_scopes_outside_registration"):
            message = "A requested scope is not registered for this app."
            raise OAuthError("invalid_scope", message)
        lone = grants.needs_patient(requested) and "launch/patient" not in requested and "launch" not in requested
        if lone and self.variant("refuses_patient_scopes_without_context"):
            message = "A patient/ scope needs the scope launch or launch/patient."
            raise OAuthError("invalid_scope", message)
        return requested

    def widest_user(self) -> User:
        """Return the person who may delegate most: what not even they can grant, nobody can."""
        return max(self.state.users.values(), key=lambda user: (user.fhir_user is not None, len(user.rights), len(user.patients)))

    def _require_offered_launch(self, requested: list[str]) -> None:
        """Refuse a way of launching that a broken server claims but does not have."""
        if "launch" in requested and (self.variant("offers_standalone_launch_only") or self.defects("refuses_ehr_launches")):
            message = "EHR launch is not available."
            raise OAuthError("invalid_scope", message)
        if "launch" not in requested and (self.variant("offers_ehr_launch_only") or self.defects("refuses_standalone_launches")):
            message = "Start this app from the chart."
            raise OAuthError("access_denied", message)

    def _require_launch(self, client: Client, values: dict[str, str], requested: list[str]) -> Launch | None:
        """Find the launch that the request belongs to: known, fresh, and made for this app."""
        value, defects = values.get("launch"), self.defects
        if "launch" not in requested:
            return None
        if value is None:
            if self.variant("treats_launch_scope_without_value_as_standalone"):
                return None
            message = "The scope launch needs the launch parameter that the EHR gave to the app."
            raise OAuthError("invalid_request", message)
        launch = self.state.launches.get(value)
        if launch is None and self.defects("ignores_the_end_of_a_launch"):
            launch = next((one for issued, one in self.state.launches.items() if issued[:-4] == value[:-4]), None)
        if launch is not None and self.defects("gives_the_context_of_the_latest_launch"):
            launch = next(one for one in reversed(self.state.launches.values()) if one.username == launch.username)
        if launch is not None and self.defects("gives_the_context_of_the_first_launch"):
            same = (launch.username, launch.client_id)
            launch = next(one for one in self.state.launches.values() if (one.username, one.client_id) == same)
        now = self.state.now()
        if launch is None:
            if defects("grants_foreign_patient_for_forged_launch"):
                return Launch(value, client.client_id, "", data.PATIENTS[0], None, now, now + 60)
            message = "The launch value is not known."
            raise OAuthError("invalid_request", message)
        if launch.expires_at < now:
            message = "The launch has expired."
            raise OAuthError("invalid_request", message)
        if launch.client_id != client.client_id and not defects("accepts_launch_of_another_client"):
            message = "The launch was not made for this app."
            raise OAuthError("invalid_request", message)
        if self.variant("takes_a_launch_once"):
            del self.state.launches[value]
        return launch


def _problem_of(given: Challenge) -> str:
    """What is wrong with a code challenge, or an empty text."""
    if not given.value:
        return "The code_challenge is missing."
    if given.method is None:
        return "The code_challenge_method is missing, which means plain, and plain is not supported."
    if given.method != "S256":
        return "The transform algorithm is not supported: use S256."
    return "" if _S256_CHALLENGE.fullmatch(given.value) else "The code_challenge is not 43 base64url characters."
