"""The authorization endpoint.

A request is judged in the order that keeps people safe (`authorization_request`). One that passes becomes a transaction, which the pages
take to its end (`sign_in`); what goes back to the app or the person is made in one place (`authorization_response`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from starlette.responses import RedirectResponse
from starlette.routing import Route

from smartlaunch.embedded_ehr.authorization_request import Elsewhere, RequestRules, Untrusted
from smartlaunch.embedded_ehr.authorization_response import Answers
from smartlaunch.embedded_ehr.core import OAuthError, Parameters, Part, form_parameters, query_parameters
from smartlaunch.embedded_ehr.sign_in import SignIn
from smartlaunch.embedded_ehr.state import Launch, Transaction, new_secret
from smartlaunch.embedded_ehr.wire import ANOTHER_HOST, at_another_host

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from smartlaunch.embedded_ehr.core import Sandbox
    from smartlaunch.embedded_ehr.registry import Client

_HALLS = 4
"""How often a server sends the browser on that does so more than once."""


def routes(sandbox: Sandbox) -> list[Route]:
    """Return the routes of the authorization endpoint and of the pages behind it."""
    endpoint = Authorization(sandbox)
    pages = endpoint.pages
    return [
        Route(sandbox.profile.authorize_path, endpoint.authorize, methods=["GET", "POST"]),
        Route("/oauth/hall", endpoint.hall, methods=["GET"]),
        Route("/oauth/login", pages.login_page, methods=["GET"]),
        Route("/oauth/login", pages.login, methods=["POST"]),
        Route("/oauth/patient", pages.patient_page, methods=["GET"]),
        Route("/oauth/patient", pages.patient, methods=["POST"]),
        Route("/oauth/encounter", pages.encounter_page, methods=["GET"]),
        Route("/oauth/encounter", pages.encounter, methods=["POST"]),
        Route("/oauth/consent", pages.consent_page, methods=["GET"]),
        Route("/oauth/consent", pages.consent, methods=["POST"]),
        Route("/oauth/person", pages.person_page, methods=["GET"]),
        Route("/oauth/person", pages.person, methods=["POST"]),
        Route("/oauth/onward", pages.onward, methods=["POST"]),
        Route("/oauth/logout", pages.logout, methods=["GET", "POST"]),
    ]


class Authorization(Part):
    """The endpoint of one running server."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.answers = Answers(sandbox)
        self.rules = RequestRules(sandbox)
        self.pages = SignIn(sandbox, self.answers)
        self.kept: dict[str, Parameters] = {}

    async def authorize(self, request: Request) -> Response:
        """Take an authorization request by GET or POST."""
        if request.method == "POST" and (
            self.defects("refuses_post_at_authorization_endpoint") or self.defects("neither_claims_nor_takes_post")
        ):
            return self.answers.show("error", status=405, title="Method not allowed", message="Use GET.", code="invalid_request", hint="")
        if request.method == "GET" and self.defects("refuses_get_at_authorization_endpoint"):
            return self.answers.show("error", status=405, title="Method not allowed", message="Use POST.", code="invalid_request", hint="")
        if self.variant("signs_people_in_at_another_host") and request.url.hostname != ANOTHER_HOST:
            status = 307 if request.method == "POST" else 302
            return RedirectResponse(at_another_host(str(request.url)), status)
        given = Parameters([])
        try:
            kept = self.kept.get(request.query_params.get("resume", ""))
            given = kept or (await form_parameters(request) if request.method == "POST" else query_parameters(request))
            if kept is None and self.variant("takes_requests_in_by_a_redirect"):
                return self._taken_in(given)
            client, redirect_uri = self.rules.who_and_where(given, posted=request.method == "POST")
        except OAuthError as problem:
            return self.answers.error_page(Untrusted("This request cannot be read", problem.description, problem.error))
        except Elsewhere as elsewhere:
            return self.answers.send_error(elsewhere.redirect_uri, given.flat(), OAuthError("unauthorized_client", elsewhere.message))
        except Untrusted as refused:
            return self.answers.error_page(refused)
        values = self._values(given, posted=request.method == "POST")
        try:
            return self._start(request, client, redirect_uri, given, values)
        except OAuthError as problem:
            if problem.status == 500:
                return self.answers.show("error", status=500, title="Error", message=problem.description, code=problem.error, hint="")
            if request.method == "POST" and self.defects("loses_state_of_posted_errors"):
                values.pop("state", None)
            return self.answers.send_error(redirect_uri, values, problem, posted=request.method == "POST")

    def _taken_in(self, given: Parameters) -> Response:
        """Keep a request, and send the browser to where it goes on by GET, as a server does that hands requests to another part of it."""
        name = new_secret()
        self.kept[name] = given
        return RedirectResponse(f"{self.state.base_url}/oauth/hall?resume={name}", 303, {"Cache-Control": "no-store"})

    async def hall(self, request: Request) -> Response:
        """Send the browser from place to place, and in the end back with the request that was kept."""
        name, steps = request.query_params.get("resume", ""), request.query_params.get("step", "")
        if len(steps) < _HALLS:
            return RedirectResponse(f"{self.state.base_url}/oauth/hall?resume={name}&step={steps}i", 302)
        return RedirectResponse(f"{self.state.base_url}{self.sandbox.profile.authorize_path}?resume={name}", 302)

    def _values(self, given: Parameters, *, posted: bool) -> dict[str, str]:
        """Return the parameters as this server reads them."""
        values = given.flat()
        if posted and self.defects("loses_state_of_posted_requests"):
            values.pop("state", None)
        if posted and "+" in values.get("state", "") and self.defects("turns_plus_in_a_posted_state_into_space"):
            values["state"] = values["state"].replace("+", " ")
        state = values.get("state", "")
        if unquote(state) != state and self.defects("decodes_state_twice"):
            values["state"] = state = unquote(state)
        if posted and state != state.strip() and self.defects("trims_state_of_posted_requests"):
            values["state"] = state.strip()
        if posted and self.defects("ignores_aud_of_posted_requests"):
            values["aud"] = self.state.fhir_base_url
        if given.sent_empty("code_challenge") and self.defects("accepts_empty_challenge"):
            values["code_challenge"] = ""
        return values

    def _start(self, request: Request, client: Client, redirect_uri: str, given: Parameters, values: dict[str, str]) -> Response:
        self.rules.require_readable(given, values, posted=request.method == "POST")
        if "openid" not in values.get("scope", "openid").split() and self.variant("is_an_openid_provider_alone"):
            return self.answers.show("refused", title="Sign-in service", message="This request asks for no sign-in by OpenID Connect.")
        delayed = self.variant("reports_errors_after_login")
        problem: OAuthError | None = None
        launch: Launch | None = None
        put_off = ""
        try:
            launch, put_off = self.rules.judge(client, values)
        except OAuthError as found:
            if not delayed:
                raise
            problem = found
        if launch is not None and request.method == "POST" and self.defects("forgets_the_launch_of_posted_requests"):
            launch = None
        in_browser = self.state.session_of(request)
        elsewhere = launch is not None and (in_browser is None or in_browser.username != launch.username)
        if elsewhere and self.variant("binds_launches_to_the_browser"):
            message = "This launch belongs to a session that this browser does not have."
            raise OAuthError("access_denied", message)
        now = self.state.now()
        transaction = Transaction(new_secret(), client.client_id, redirect_uri, values, launch=launch, put_off=put_off, issued_at=now)
        transaction.context["posted"] = request.method == "POST"
        if problem is not None:
            transaction.context["problem"] = problem
        self.state.forget_what_is_over()
        self.state.transactions[transaction.value] = transaction
        session = None if self.variant("asks_for_a_sign_in_each_time") else self.state.session_of(request)
        if session is None and self.defects("authorizes_without_login"):
            session = self.state.begin_session(self.rules.widest_user().username)
            self.pages.signed_in(transaction, session.username, session.value, now)
            response = self.pages.advance(transaction)
            self.state.set_cookie(response, session)
            return response
        if session is not None and values.get("prompt") not in {"login", "select_account"}:
            self.pages.signed_in(transaction, session.username, session.value, session.started_at)
        elif values.get("prompt") == "none":
            message = "Nobody is signed in."
            raise OAuthError("login_required", message)
        return self.pages.advance(transaction)
