"""The authorization endpoint and the pages between it and the app: login, pickers, consent.

`authorize` judges the request in the order that keeps people safe: who asks and where the answer may go come first, and until both are
sure nothing is ever sent anywhere.  A request that passes becomes a transaction, and `_advance` takes it to its next page.
"""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from starlette.responses import HTMLResponse
from starlette.routing import Route

from smartlaunch.embedded_ehr import data, grants, pages
from smartlaunch.embedded_ehr.core import OAuthError, Parameters, form_parameters, query_parameters, scope_is_well_formed
from smartlaunch.embedded_ehr.launch_context import launch_context
from smartlaunch.embedded_ehr.redirection import deliver, is_registered, redirect
from smartlaunch.embedded_ehr.scopes import in_words
from smartlaunch.embedded_ehr.state import Code, Launch, Transaction, new_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from smartlaunch.embedded_ehr.core import Sandbox
    from smartlaunch.embedded_ehr.registry import Client, User

_CHALLENGE = re.compile(r"[A-Za-z0-9\-._~]{43,128}")
_NAME = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}(:[0-9]+)?")
_S256_CHALLENGE = re.compile(r"[A-Za-z0-9\-_]{43}")
_TRANSACTION_LIFETIME_S = 900
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


class _Refused(Exception):
    """The request cannot be trusted with a redirect: the person gets a page instead."""

    def __init__(self, title: str, message: str, code: str, hint: str = "", *, shown: str | None = None) -> None:
        super().__init__(message)
        self.title, self.message, self.code, self.hint, self.shown = title, message, code, hint, shown


def routes(sandbox: Sandbox) -> list[Route]:
    """Return the routes of the authorization endpoint and of the pages behind it."""
    endpoint = Authorization(sandbox)
    return [
        Route(sandbox.profile.authorize_path, endpoint.authorize, methods=["GET", "POST"]),
        Route("/oauth/login", endpoint.login_page, methods=["GET"]),
        Route("/oauth/login", endpoint.login, methods=["POST"]),
        Route("/oauth/patient", endpoint.patient_page, methods=["GET"]),
        Route("/oauth/patient", endpoint.patient, methods=["POST"]),
        Route("/oauth/encounter", endpoint.encounter_page, methods=["GET"]),
        Route("/oauth/encounter", endpoint.encounter, methods=["POST"]),
        Route("/oauth/consent", endpoint.consent_page, methods=["GET"]),
        Route("/oauth/consent", endpoint.consent, methods=["POST"]),
        Route("/oauth/onward", endpoint.onward, methods=["POST"]),
        Route("/oauth/logout", endpoint.logout, methods=["GET", "POST"]),
    ]


class Authorization:
    """The endpoint with its pages, over one running server."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.state = sandbox.state
        self.defects = sandbox.defects
        self.variant = sandbox.variant

    def _show(self, name: str, *, status: int = 200, **context: Any) -> Response:
        search = self.variant("has_a_search_box_on_every_page")
        response = pages.page(name, status=status, rules=self.defects, shell_search=search, **context)
        if self.defects("leaks_the_request_by_referrer"):
            response.headers["Referrer-Policy"] = "unsafe-url"
        return response

    # -- the request ----------------------------------------------------------------------------------------------------

    async def authorize(self, request: Request) -> Response:
        """Take an authorization request by GET or POST."""
        if request.method == "POST" and self.defects("refuses_post_at_authorization_endpoint"):
            return self._show("error", status=405, title="Method not allowed", message="Use GET.", code="invalid_request", hint="")
        if request.method == "GET" and self.defects("refuses_get_at_authorization_endpoint"):
            return self._show("error", status=405, title="Method not allowed", message="Use POST.", code="invalid_request", hint="")
        given = Parameters([])
        try:
            given = await form_parameters(request) if request.method == "POST" else query_parameters(request)
            client, redirect_uri = self._who_and_where(given)
        except OAuthError as problem:
            return self._error_page(_Refused("This request cannot be read", problem.description, problem.error))
        except _Elsewhere as elsewhere:
            return self._send_error(elsewhere.redirect_uri, given.flat(), OAuthError("unauthorized_client", elsewhere.message))
        except _Refused as refused:
            return self._error_page(refused)
        values = given.flat()
        if request.method == "POST" and self.defects("loses_state_of_posted_requests"):
            values.pop("state", None)
        if request.method == "POST" and self.defects("ignores_aud_of_posted_requests"):
            values["aud"] = self.state.fhir_base_url
        if given.sent_empty("code_challenge") and self.defects("accepts_empty_challenge"):
            values["code_challenge"] = ""
        try:
            return self._start(request, client, redirect_uri, given, values)
        except OAuthError as problem:
            if request.method == "POST" and self.defects("loses_state_of_posted_errors"):
                values.pop("state", None)
            return self._send_error(redirect_uri, values, problem)

    def _error_page(self, refused: _Refused) -> Response:
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
        return self._show("error", status=status, title=refused.title, message=refused.message, code=refused.code, hint=refused.hint)

    def _who_and_where(self, given: Parameters) -> tuple[Client, str]:
        """Find the client and a redirect URI of its own, or refuse without sending the browser anywhere."""
        twice = {"client_id", "redirect_uri"} & set(given.repeated())
        if twice and not self.defects("accepts_repeated_redirect_uri"):
            message = f"{' and '.join(sorted(twice))} came more than once."
            raise _Refused("This request is not valid", message, "invalid_request", "An app sends each parameter once.")
        uris = given.all("redirect_uri")
        redirect_uri = (uris[-1] if len(uris) > 1 else given.get("redirect_uri")) or None
        client = self.state.clients.get(given.get("client_id") or "")
        if client is None:
            if redirect_uri and self.defects("redirects_unknown_clients"):
                raise _Elsewhere(redirect_uri)
            if self.defects("accepts_unknown_client") and redirect_uri:
                return self.state.clients["public-primary"], redirect_uri
            hint = "Check the client id against the app's registration."
            raise _Refused("This app is not known here", "The client_id is missing or not registered.", "unauthorized_client", hint)
        if not client.redirect_uris:
            message = "This client is not registered for sign-in."
            raise _Refused("This app cannot sign people in", message, "unauthorized_client")
        if redirect_uri is None:
            if len(client.redirect_uris) == 1 and self.variant("fills_in_the_only_redirect_uri"):
                return client, client.redirect_uris[0]
            if self.defects("guesses_a_missing_redirect_uri"):
                return client, client.redirect_uris[0]
            raise _Refused("This request is not valid", "The redirect_uri is missing.", "invalid_request", "Send the registered one.")
        if uris and len(uris) > 1:
            return client, redirect_uri
        if not is_registered(self.sandbox, client, redirect_uri):
            foul_scope = not scope_is_well_formed(given.get("scope") or "")
            if self.defects("redirects_errors_to_unregistered_redirect_uri") or (
                foul_scope and self.defects("judges_the_scope_before_the_redirect_uri")
            ):
                raise _Elsewhere(redirect_uri)
            hint = "It has to be equal, character by character, to one in the app's registration."
            message = "The redirect_uri is not registered for this app."
            raise _Refused("This app cannot be sent there", message, "invalid_request", hint, shown=redirect_uri)
        return client, redirect_uri

    def _start(self, request: Request, client: Client, redirect_uri: str, given: Parameters, values: dict[str, str]) -> Response:
        self._require_readable(given, values)
        delayed = self.variant("reports_errors_after_login")
        problem: OAuthError | None = None
        launch: Launch | None = None
        put_off = ""
        try:
            self._require_response_type(values)
            self._require_plain_request(values)
            self._require_challenge(client, values)
            put_off = self._put_off(lambda: self._require_aud(values))
            requested = self._require_scope(client, values)
            self._require_offered_launch(requested)
            launch, why = self._launch_or_put_off(client, values, requested)
            put_off = put_off or why
        except OAuthError as found:
            if not delayed:
                raise
            problem = found
        now = self.state.now()
        transaction = Transaction(new_secret(), client.client_id, redirect_uri, values, launch=launch, put_off=put_off, issued_at=now)
        if problem is not None:
            transaction.context["problem"] = problem
        self.state.forget_what_is_over()
        self.state.transactions[transaction.value] = transaction
        session = self.state.session_of(request)
        if session is None and self.defects("authorizes_without_login"):
            session = self.state.begin_session(self._widest_user().username)
            self._signed_in(transaction, session.username, session.value, now)
            response = self._advance(transaction)
            self.state.set_cookie(response, session)
            return response
        if session is not None and values.get("prompt") not in {"login", "select_account"}:
            self._signed_in(transaction, session.username, session.value, session.started_at)
        elif values.get("prompt") == "none":
            message = "Nobody is signed in."
            raise OAuthError("login_required", message)
        return self._advance(transaction)

    def _require_readable(self, given: Parameters, values: dict[str, str]) -> None:
        """Refuse what this server cannot take for one request, whatever it asks for."""
        twice = [n for n in given.repeated() if n != "redirect_uri" or not self.defects("accepts_repeated_redirect_uri")]
        if twice and not self.defects("accepts_repeated_parameters"):
            message = f"{', '.join(twice)} came more than once."
            raise OAuthError("invalid_request", message)
        if set(values) - _KNOWN and self.defects("refuses_unknown_parameters"):
            message = f"Not a parameter of this server: {', '.join(sorted(set(values) - _KNOWN))}."
            raise OAuthError("invalid_request", message)
        if "tenant" in values and self.defects("refuses_the_query_of_its_own_authorization_endpoint"):
            message = "Not a parameter of this server: tenant."
            raise OAuthError("invalid_request", message)
        if any(not value for _, value in given.pairs) and self.defects("treats_empty_parameters_as_values"):
            message = "A parameter has an empty value."
            raise OAuthError("invalid_request", message)

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
        if kind is None:
            if self.defects("accepts_missing_response_type"):
                return
            message = "The response_type is missing."
            raise OAuthError("invalid_request", message)
        if self.defects("ignores_response_type"):
            return
        if self.defects("issues_tokens_at_authorization_endpoint") and kind in {"token", "id_token token", "code token"}:
            return
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
        challenge, method = values.get("code_challenge"), values.get("code_challenge_method")
        defects = self.defects
        if self.variant("is_of_edition_1_0"):
            values.pop("code_challenge", None)
            return
        if not challenge:
            if self.variant("requires_challenge_at_the_exchange"):
                return
            if challenge == "" or defects("accepts_missing_challenge"):
                return
            if not client.public and defects("requires_challenge_of_public_clients_only"):
                return
            message = "The code_challenge is missing."
            raise OAuthError("invalid_request", message)
        if method is None:
            if defects("treats_missing_challenge_method_as_plain"):
                values["code_challenge_method"] = "plain"
                return
            message = "The code_challenge_method is missing, which means plain, and plain is not supported."
            raise OAuthError("invalid_request", message)
        if method == "S256" and defects("refuses_s256"):
            message = "The transform algorithm is not supported."
            raise OAuthError("invalid_request", message)
        if method == "plain" and defects("accepts_plain_challenge"):
            return
        if method != "S256":
            if method not in {"plain", "S256"} and defects("accepts_unknown_challenge_method"):
                return
            message = "The transform algorithm is not supported: use S256."
            raise OAuthError("invalid_request", message)
        if not _S256_CHALLENGE.fullmatch(challenge):
            message = "The code_challenge is not 43 base64url characters."
            raise OAuthError("invalid_request", message)

    def _require_aud(self, values: dict[str, str]) -> None:
        """Require that the token is wanted for this FHIR server, so that a counterfeit one cannot use this login."""
        base = self.state.fhir_base_url
        aud, defects = values.get("aud"), self.defects
        if aud is None and self.variant("takes_resource_for_aud"):
            aud = values.get("resource")
        if aud is None:
            if self.variant("fills_in_a_missing_aud") or defects("accepts_missing_aud"):
                values["aud"] = base
                return
            message = "The aud is missing: it names the FHIR server that the token is for."
            raise OAuthError("invalid_request", message)
        if aud == base and defects("refuses_right_aud"):
            message = "The aud is not a FHIR server of this authorization server."
            raise OAuthError("invalid_request", message)
        if aud.rstrip("/") == base:
            if aud != base and self.variant("refuses_aud_with_trailing_slash"):
                message = "The aud has a trailing slash."
                raise OAuthError("invalid_request", message)
            values["aud"] = base
            return
        if self.variant("leaves_aud_to_the_fhir_server") or defects("accepts_token_for_other_audience"):
            return
        loosely = (
            (_host(aud) == _host(base) and defects("compares_host_of_aud_only"))
            or (_path(aud) == _path(base) and defects("compares_path_of_aud_only"))
            or (_path(aud) == _path(base) and _NAME.fullmatch(_host(aud)) is not None and defects("accepts_aud_of_any_named_host"))
            or (aud.startswith(base) and defects("accepts_aud_with_right_prefix"))
            or defects("ignores_aud")
        )
        if loosely:
            values["aud"] = base
            return
        message = "The aud is not a FHIR server of this authorization server."
        raise OAuthError("invalid_request", message)

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
        possible = grants.grant(self.sandbox, client, self._widest_user(), requested)
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

    def _widest_user(self) -> User:
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

    # -- from page to page ----------------------------------------------------------------------------------------------

    def _signed_in(self, transaction: Transaction, username: str, session: str, since: float) -> None:
        transaction.username, transaction.session, transaction.auth_time = username, session, since

    def _page(self, name: str, transaction: Transaction) -> Response:
        if transaction.parameters.get("prompt") == "none":
            return self._fail(transaction, OAuthError("interaction_required", "The person would have to act."))
        query = urlencode({"transaction": transaction.value})
        return redirect(self.sandbox, f"{self.state.base_url}/oauth/{name}?{query}")

    def _advance(self, transaction: Transaction) -> Response:
        """Take the transaction to its next page, or to its end."""
        if transaction.username is None:
            return self._page("login", transaction)
        user = self.sandbox.user(transaction.username)
        client = self.sandbox.client(transaction.client_id)
        late = transaction.context.get("problem")
        if isinstance(late, OAuthError):
            return self._fail(transaction, late)
        launch = transaction.launch
        foreign = launch is not None and launch.username not in {"", user.username}
        if foreign and not self.defects("accepts_launch_of_another_user"):
            return self._fail(transaction, OAuthError("access_denied", "The launch belongs to another person's session."))
        offered = grants.grant(self.sandbox, client, user, grants.split(transaction.parameters.get("scope", "")))
        if not offered and not self.defects("grants_nothing_but_a_token"):
            return self._fail(transaction, OAuthError("access_denied", "This person can delegate none of the requested scopes."))
        if launch is None and self.variant("wants_a_patient_for_every_app") and not grants.needs_patient(offered):
            return self._fail(transaction, OAuthError("invalid_scope", "Apps work with one patient here; ask for launch/patient."))
        if launch is not None and transaction.patient is None:
            self._take_launch(transaction, launch)
        if transaction.patient is None and grants.needs_patient(offered):
            question = self._patient_question(transaction, user)
            if question is not None:
                return question
        visit_wanted = "launch/encounter" in offered and transaction.encounter is None and not transaction.encounter_done
        if visit_wanted and transaction.patient and not self._take_visit(transaction):
            return self._page("encounter", transaction)
        if not transaction.decided and not self._consent_known(transaction, offered):
            return self._page("consent", transaction)
        if not transaction.decided:
            transaction.context["granted"] = offered
        return self._finish(transaction)

    def _take_visit(self, transaction: Transaction) -> bool:
        """Take the patient's visit where there is nothing to choose: one is under way, or there is none at all."""
        visits = data.encounter_summaries(transaction.patient or "")
        under_way = [row["id"] for row in visits if row["status"] == "in-progress"]
        if len(under_way) == 1 and not self.variant("asks_for_visit_under_way"):
            transaction.encounter, transaction.encounter_done = under_way[0], True
        return transaction.encounter_done or not visits

    def _take_launch(self, transaction: Transaction, launch: Launch) -> None:
        """Take patient and encounter from the chart that the app was launched from."""
        if self.defects("ignores_launch_context"):
            return
        transaction.patient, transaction.encounter = launch.patient, launch.encounter
        if launch.patient and launch.encounter and self.defects("gives_another_encounter_than_the_chart"):
            visits = [row["id"] for row in data.encounter_summaries(launch.patient)]
            transaction.encounter = next((one for one in visits if one != launch.encounter), None)
        if launch.patient and self.defects("gives_another_patient_than_the_chart"):
            transaction.patient = next(one for one in data.PATIENTS if one != launch.patient)
            transaction.encounter = None

    def _consent_known(self, transaction: Transaction, offered: list[str]) -> bool:
        if self.variant("asks_no_consent"):
            return True
        if self.sandbox.user(transaction.username or "").persona in self.sandbox.profile.no_consent:
            return True
        if transaction.parameters.get("prompt") == "consent":
            return False
        return set(offered) <= self._allowed_before(transaction)

    def _allowed_before(self, transaction: Transaction) -> set[str]:
        """What the person has allowed the app in this session; with a variant ever, with another nothing that lasts."""
        if self.variant("asks_consent_every_time"):
            return set()
        holder = self.state if self.variant("remembers_consent") else self.state.sessions.get(transaction.session or "")
        return set() if holder is None else holder.approved.get((transaction.username or "", transaction.client_id), set())

    def _patient_question(self, transaction: Transaction, user: User) -> Response | None:
        """Choose the patient where there is nothing to ask, else ask."""
        if user.persona == "patient" and user.patients:
            transaction.patient = user.patients[0]
            return None
        if not user.patients:
            return self._fail(transaction, OAuthError("access_denied", "There is no patient that this person may see."))
        if self.defects("leaves_patient_context_out") or user.persona in self.sandbox.profile.no_patient_choice:
            transaction.patient = ""
            return None
        if self.variant("chooses_the_patient_without_asking"):
            transaction.patient = user.patients[0]
            return None
        return self._page("patient", transaction)

    # -- login ----------------------------------------------------------------------------------------------------------

    def _open(self, given: Parameters) -> Transaction | None:
        found = self.state.transactions.get(given.get("transaction") or "")
        if found is None or self.state.now() - found.issued_at > _TRANSACTION_LIFETIME_S:
            return None
        return found

    def _gone(self) -> Response:
        hint = "Go back to the app and sign in again."
        return self._show(
            "error", status=400, title="This sign-in has ended", message="It took too long or is over.", code="invalid_request", hint=hint
        )

    def _app(self, transaction: Transaction) -> str:
        return self.sandbox.client(transaction.client_id).name

    async def login_page(self, request: Request) -> Response:
        """Show the login form."""
        transaction = self._open(query_parameters(request))
        if transaction is None:
            return self._gone()
        return self._login_form(transaction)

    def _login_form(self, transaction: Transaction, error: str = "", status: int = 200) -> Response:
        name = "login"
        if self.variant("asks_name_and_password_on_two_pages"):
            name = "login_user" if transaction.typed_username is None else "login_password"
        return self._show(
            name,
            status=status,
            transaction=transaction.value,
            app=self._app(transaction),
            error=error,
            username=transaction.typed_username or "",
            password_asked=not self.variant("asks_no_password"),
            email_example=self.variant("asks_for_an_address_without_a_label"),
        )

    async def login(self, request: Request) -> Response:
        """Check name and password and start a session."""
        given = await form_parameters(request)
        transaction = self._open(given)
        if transaction is None:
            return self._gone()
        if given.get("decision") == "deny":
            return self._fail(transaction, OAuthError("access_denied", "The person did not sign in."))
        username = (given.get("username") or transaction.typed_username or "").strip()
        password = given.get("password")
        if self.variant("asks_name_and_password_on_two_pages") and password is None and username:
            transaction.typed_username = username
            return self._page("login", transaction)
        user = self.state.users.get(username)
        asked = not self.variant("asks_no_password")
        right = user is not None and (not asked or self._knows(user, password))
        if user is None or not right:
            transaction.typed_username = None
            return self._login_form(transaction, "Name or password is not right.", 401 if self.variant("answers_401_to_bad_login") else 200)
        return self._after_login(transaction, user)

    def _knows(self, user: User, password: str | None) -> bool:
        return password is not None and hmac.compare_digest(user.password.encode(), password.encode())

    def _after_login(self, transaction: Transaction, user: User) -> Response:
        session = self.state.begin_session(user.username)
        self._signed_in(transaction, user.username, session.value, session.started_at)
        if self.variant("shows_a_form_that_goes_on_by_itself"):
            response = self._show("onward", transaction=transaction.value)
        else:
            response = self._advance(transaction)
        self.state.set_cookie(response, session)
        return response

    async def onward(self, request: Request) -> Response:
        """Go on from the page that goes on by itself."""
        transaction = self._mine(request, self._open(await form_parameters(request)))
        return self._gone() if transaction is None else self._advance(transaction)

    async def logout(self, request: Request) -> Response:
        """End the browser's session, and with it everything granted for as long as the person is online."""
        response = self._show("signed_out")
        session = self.state.sign_out(request, response)
        if session is not None and not self.defects("keeps_online_access_after_logout"):
            for token in self.state.refresh_tokens.values():
                if token.online and token.session == session.value:
                    token.revoked = True
        if session is not None and self.defects("ends_offline_access_at_logout"):
            for token in self.state.refresh_tokens.values():
                if token.session == session.value:
                    token.revoked = True
        return response

    # -- pickers --------------------------------------------------------------------------------------------------------

    def _mine(self, request: Request, transaction: Transaction | None) -> Transaction | None:
        """Return the transaction if it belongs to the person in this browser."""
        if transaction is None or transaction.username is None:
            return None
        session = self.state.session_of(request)
        return transaction if session is not None and session.username == transaction.username else None

    async def patient_page(self, request: Request) -> Response:
        """Let the person choose a patient."""
        transaction = self._mine(request, self._open(query_parameters(request)))
        if transaction is None:
            return self._gone()
        user = self.sandbox.user(transaction.username or "")
        rows = data.patient_summaries(user.patients)
        name = "patient_table" if self.variant("shows_patients_in_a_table") else "patient_picker"
        return self._show(name, transaction=transaction.value, app=self._app(transaction), patients=rows)

    async def patient(self, request: Request) -> Response:
        """Take the chosen patient."""
        given = await form_parameters(request)
        transaction = self._mine(request, self._open(given))
        if transaction is None:
            return self._gone()
        if given.get("decision") == "deny":
            return self._fail(transaction, OAuthError("access_denied", "No patient was chosen."))
        chosen = given.get("patient")
        allowed = self.sandbox.user(transaction.username or "").patients
        if chosen is None or chosen not in allowed:
            return self._page("patient", transaction)
        transaction.patient = chosen
        if self.defects("gives_another_patient_than_the_chosen_one"):
            transaction.patient = next(one for one in data.PATIENTS if one != chosen)
        return self._advance(transaction)

    async def encounter_page(self, request: Request) -> Response:
        """Let the person choose a visit."""
        transaction = self._mine(request, self._open(query_parameters(request)))
        if transaction is None:
            return self._gone()
        rows = data.encounter_summaries(transaction.patient or "")
        return self._show("encounter_picker", transaction=transaction.value, app=self._app(transaction), encounters=rows)

    async def encounter(self, request: Request) -> Response:
        """Take the chosen visit."""
        given = await form_parameters(request)
        transaction = self._mine(request, self._open(given))
        if transaction is None:
            return self._gone()
        if given.get("decision") == "deny":
            return self._fail(transaction, OAuthError("access_denied", "No visit was chosen."))
        visits = [row["id"] for row in data.encounter_summaries(transaction.patient or "")]
        chosen = given.get("encounter")
        if chosen not in visits:
            return self._page("encounter", transaction)
        transaction.encounter, transaction.encounter_done = chosen, True
        return self._advance(transaction)

    # -- consent --------------------------------------------------------------------------------------------------------

    def _offered(self, transaction: Transaction) -> list[str]:
        client = self.sandbox.client(transaction.client_id)
        user = self.sandbox.user(transaction.username or "")
        return grants.grant(self.sandbox, client, user, grants.split(transaction.parameters.get("scope", "")))

    async def consent_page(self, request: Request) -> Response:
        """Ask whether the app may have what it asks for, a box for each scope."""
        transaction = self._mine(request, self._open(query_parameters(request)))
        if transaction is None:
            return self._gone()
        user = self.sandbox.user(transaction.username or "")
        rows = [{"value": one, "text": in_words(one), "required": one in grants.CONTEXT} for one in self._offered(transaction)]
        patient = data.display_name(transaction.patient) if transaction.patient else ""
        before = self.state.approved.get((user.username, transaction.client_id), set())
        again = {row["value"] for row in rows} <= before and self.variant("confirms_an_earlier_consent")
        return self._show(
            "consent_again" if again else "consent",
            transaction=transaction.value,
            app=self._app(transaction),
            user=user.display,
            patient=patient,
            scopes=rows,
        )

    async def consent(self, request: Request) -> Response:
        """Take the person's decision."""
        given = await form_parameters(request)
        transaction = self._mine(request, self._open(given))
        if transaction is None:
            return self._gone()
        if given.get("decision") != "allow":
            if self.defects("grants_access_after_denial"):
                transaction.context["granted"] = self._offered(transaction)
                transaction.decided = True
                return self._finish(transaction)
            if self.defects("shows_a_page_after_denial"):
                return self._show(
                    "error", status=403, title="Access denied", message="You have denied access.", code="access_denied", hint=""
                )
            if self.defects("sends_another_error_after_denial"):
                return self._fail(transaction, OAuthError("server_error", "The person has denied access."))
            return self._fail(transaction, OAuthError("access_denied", "The person has denied access."))
        ticked = set(given.all("scope"))
        offered = self._offered(transaction)
        kept = [one for one in offered if one in ticked or one in grants.CONTEXT]
        if kept != offered and self.defects("ignores_unticked_scopes"):
            kept = offered
        if "openid" not in kept:
            kept = [one for one in kept if one not in {"fhirUser", "profile"}]
        if not any(one not in grants.CONTEXT for one in kept) and any(one not in grants.CONTEXT for one in offered):
            return self._fail(transaction, OAuthError("access_denied", "The person has left nothing to grant."))
        transaction.context["granted"] = kept
        transaction.decided = True
        self._remember(transaction, offered, kept)
        return self._finish(transaction)

    def _remember(self, transaction: Transaction, offered: list[str], kept: list[str]) -> None:
        """What was allowed before stays allowed, unless the person took it back this time."""
        key = (transaction.username or "", transaction.client_id)
        for holder in (self.state, self.state.sessions[transaction.session or ""]):
            holder.approved[key] = (holder.approved.get(key, set()) - set(offered)) | set(kept)

    # -- the answer -----------------------------------------------------------------------------------------------------

    def _finish(self, transaction: Transaction) -> Response:
        """Issue the code and send it to the app."""
        if self.state.transactions.pop(transaction.value, None) is None:
            return self._gone()
        client, values, now = self.sandbox.client(transaction.client_id), transaction.parameters, self.state.now()
        granted = list(transaction.context.get("granted", []))
        if self.defects("adds_unrequested_scopes"):
            granted = [*granted, "patient/*.cruds", "user/*.cruds"]
        lifetime = client.code_lifetime_s or self.sandbox.profile.code_lifetime_s
        if self.defects("issues_codes_that_live_for_an_hour"):
            lifetime = 3600
        code = Code(
            value=self._new_code(client, transaction.username or ""),
            client_id=client.client_id,
            redirect_uri=transaction.redirect_uri,
            code_challenge=values.get("code_challenge"),
            code_challenge_method=values.get("code_challenge_method"),
            requested=tuple(grants.split(values.get("scope", ""))),
            scopes=tuple(granted),
            user=transaction.username or "",
            aud=values.get("aud", self.state.fhir_base_url),
            patient=transaction.patient or None,
            encounter=transaction.encounter,
            context=launch_context(self.sandbox, transaction, granted),
            nonce=values.get("nonce"),
            session=transaction.session,
            grant=transaction.value,
            auth_time=transaction.auth_time,
            issued_at=now,
            expires_at=now + lifetime,
            put_off=transaction.put_off,
        )
        self.state.codes[code.value] = code
        answer = {"code": code.value}
        if values.get("response_type") not in {None, "code"} and self.defects("issues_tokens_at_authorization_endpoint"):
            answer = {"access_token": new_secret(), "token_type": "Bearer"}
        if self.defects("omits_code"):
            answer = {}
        return self._send(transaction.redirect_uri, values, answer)

    def _new_code(self, client: Client, username: str) -> str:
        if self.defects("issues_sequential_codes"):
            return f"code-{len(self.state.codes) + 100001}"
        if self.defects("issues_short_codes"):
            return new_secret()[:6]
        if self.defects("issues_readable_codes"):
            return f"{client.client_id}.{username}.{new_secret()[:12]}"
        if self.defects("repeats_codes"):
            return f"{client.client_id}-{username}-7d1f5a0c2b9e48f6a3c1"
        return new_secret()

    def _fail(self, transaction: Transaction, problem: OAuthError) -> Response:
        self.state.transactions.pop(transaction.value, None)
        return self._send_error(transaction.redirect_uri, transaction.parameters, problem)

    def _send_error(self, redirect_uri: str, values: dict[str, str], problem: OAuthError) -> Response:
        """Send an error to the app's own redirect URI."""
        if self.defects("shows_errors_instead_of_sending_them") or self.variant("shows_request_errors_as_a_page"):
            is_denial = problem.error == "access_denied"
            if not (is_denial and self.variant("shows_request_errors_as_a_page")):
                return self._show(
                    "error", status=400, title="This request is not valid", message=problem.description, code=problem.error, hint=""
                )
        answer = {"error": problem.error, "error_description": problem.description}
        if self.defects("sends_authorization_error_description_with_illegal_characters"):
            answer["error_description"] = f'"{problem.description}"\n'
        if self.defects("sends_malformed_error_uri"):
            answer["error_uri"] = "see the manual, page <12>"
        if self.defects("redirects_without_an_error_code"):
            del answer["error"]
        if self.defects("invents_authorization_error_codes"):
            answer["error"] = "ERR-4711"
        if self.variant("leaves_out_error_description"):
            answer.pop("error_description", None)
        return self._send(redirect_uri, values, answer, failed=True)

    def _send(self, redirect_uri: str, values: dict[str, str], answer: dict[str, str], *, failed: bool = False) -> Response:
        state, defects = values.get("state"), self.defects
        if state is not None:
            returned: str | None = state
            if failed:
                if defects("omits_state_in_errors"):
                    returned = None
                elif defects("alters_state_in_errors"):
                    returned = state + "0"
            elif defects("omits_state"):
                returned = None
            elif defects("returns_a_state_of_its_own"):
                returned = new_secret()
            if returned is not None:
                returned = self._mangled(returned)
                answer["state"] = returned
        if failed:
            if not defects("omits_iss_in_errors"):
                answer["iss"] = self.state.issuer
        elif not defects("omits_iss_parameter_though_advertised"):
            answer["iss"] = self.state.issuer
        if "iss" in answer and defects("sends_iss_parameter_with_a_query"):
            answer["iss"] = f"{self.state.issuer}?tenant=1"
        if "iss" in answer and defects("sends_wrong_iss_parameter"):
            answer["iss"] = "https://other-ehr.example/oauth"
        if self.variant("does_not_send_iss_parameter"):
            answer.pop("iss", None)
        if self.variant("adds_members_everywhere"):
            answer["session_state"] = new_secret()
        return deliver(self.sandbox, redirect_uri, answer)

    def _mangled(self, state: str) -> str:
        defects = self.defects
        if state != state.strip() and defects("trims_state"):
            return state.strip()
        if defects("cuts_state_to_32_characters"):
            return state[:32]
        if defects("lowers_case_of_state"):
            return state.lower()
        if defects("replaces_reserved_characters_of_state"):
            return re.sub(r"[^A-Za-z0-9]", "_", state)
        if defects("turns_plus_in_state_into_space"):
            return state.replace("+", " ")
        if defects("encodes_state_twice"):
            return urlencode({"": state})[1:]
        return state


class _Elsewhere(_Refused):
    """A place that was never registered, and that a broken server answers to."""

    def __init__(self, redirect_uri: str) -> None:
        super().__init__("This request is not valid", "The request is not valid.", "invalid_request")
        self.redirect_uri = redirect_uri


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def _path(url: str) -> str:
    try:
        return urlsplit(url).path.rstrip("/")
    except ValueError:
        return ""
