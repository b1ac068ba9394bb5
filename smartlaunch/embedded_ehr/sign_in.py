"""The pages between the authorization endpoint and the app: login, pickers, consent, and the way from one to the next."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from smartlaunch.embedded_ehr import data, grants
from smartlaunch.embedded_ehr.core import OAuthError, Parameters, Part, form_parameters, query_parameters
from smartlaunch.embedded_ehr.redirection import redirect
from smartlaunch.embedded_ehr.scopes import in_words
from smartlaunch.embedded_ehr.state import new_secret
from smartlaunch.embedded_ehr.wire import at_another_host

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from smartlaunch.embedded_ehr.authorization_response import Answers
    from smartlaunch.embedded_ehr.core import Sandbox
    from smartlaunch.embedded_ehr.registry import User
    from smartlaunch.embedded_ehr.state import Launch, Transaction

_TRANSACTION_LIFETIME_S = 900
_FORM_COOKIE = "lakeside_form"
_PERIODS = ("1 hour", "30 days", "1 year")


class SignIn(Part):
    """The pages of one running server."""

    def __init__(self, sandbox: Sandbox, answers: Answers) -> None:
        super().__init__(sandbox)
        self.answers = answers

    # -- from page to page ----------------------------------------------------------------------------------------------

    def signed_in(self, transaction: Transaction, username: str, session: str, since: float) -> None:
        """Note who has signed in for a transaction."""
        transaction.username, transaction.session, transaction.auth_time = username, session, since

    def _page(self, name: str, transaction: Transaction) -> Response:
        if transaction.parameters.get("prompt") == "none":
            return self.answers.fail(transaction, OAuthError("interaction_required", "The person would have to act."))
        query = urlencode({"transaction": transaction.value})
        place = f"{self.state.base_url}/oauth/{name}?{query}"
        return redirect(self.sandbox, at_another_host(place) if self.variant("signs_people_in_at_another_host") else place)

    def advance(self, transaction: Transaction) -> Response:
        """Take the transaction to its next page, or to its end."""
        if transaction.username is None:
            return self._page("login", transaction)
        user = self.sandbox.user(transaction.username)
        late = transaction.context.get("problem")
        if isinstance(late, OAuthError):
            return self.answers.fail(transaction, late)
        launch = transaction.launch
        foreign = launch is not None and launch.username not in {"", user.username}
        if foreign and not self.defects("accepts_launch_of_another_user"):
            return self.answers.fail(transaction, OAuthError("access_denied", "The launch belongs to another person's session."))
        if transaction.session_is_older and not transaction.same_person and self.variant("asks_whether_to_go_on_as_the_same_person"):
            return self._page("person", transaction)
        offered = self._offered(transaction)
        if not offered and not self.defects("grants_nothing_but_a_token"):
            return self.answers.fail(transaction, OAuthError("access_denied", "This person can delegate none of the requested scopes."))
        if launch is None and self.variant("wants_a_patient_for_every_app") and not grants.needs_patient(offered):
            return self.answers.fail(transaction, OAuthError("invalid_scope", "Apps work with one patient here; ask for launch/patient."))
        if launch is not None and transaction.patient is None:
            self._take_launch(transaction, launch)
        if launch is None and not grants.needs_patient(offered) and self.variant("names_the_patient_without_being_asked"):
            transaction.patient = next(iter(user.patients), None)
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
        return self.answers.issue(transaction)

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
        if launch.patient and launch.encounter and self.defects("gives_the_newest_encounter_of_the_chart"):
            transaction.encounter = data.encounter_summaries(launch.patient)[0]["id"]
        opened = self.state.open_charts.get(launch.username)
        if opened and opened != launch.patient and self.defects("gives_the_patient_of_the_open_chart"):
            transaction.patient, transaction.encounter = opened, None
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
            return self.answers.fail(transaction, OAuthError("access_denied", "There is no patient that this person may see."))
        lone = "launch/patient" not in transaction.parameters.get("scope", "").split() and transaction.launch is None
        if lone and self.defects("grants_lone_patient_scopes_without_a_patient"):
            transaction.patient = ""
            return None
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

    def _app(self, transaction: Transaction) -> str:
        return self.sandbox.client(transaction.client_id).name

    async def login_page(self, request: Request) -> Response:
        """Show the login form."""
        transaction = self._open(query_parameters(request))
        if transaction is None:
            return self.answers.gone()
        return self._login_form(transaction)

    def _login_form(self, transaction: Transaction, error: str = "", status: int = 200) -> Response:
        name = "login"
        token = new_secret()
        if self.variant("asks_name_and_password_on_two_pages"):
            name = "login_user" if transaction.typed_username is None else "login_password"
        response = self.answers.show(
            name,
            status=status,
            transaction=transaction.value,
            app=self._app(transaction),
            error=error,
            username=transaction.typed_username or "",
            password_asked=not self.variant("asks_no_password"),
            email_example=self.variant("asks_for_an_address_without_a_label"),
        )
        if self.variant("takes_no_sign_in_without_a_cookie"):
            response.set_cookie(_FORM_COOKIE, token, httponly=True, samesite="strict", path="/oauth")
        return response

    async def login(self, request: Request) -> Response:
        """Check name and password and start a session."""
        given = await form_parameters(request)
        transaction = self._open(given)
        if transaction is None:
            return self.answers.gone()
        if given.get("decision") == "deny":
            if self.defects("shows_a_page_to_who_cancels_the_sign_in"):
                return self.answers.gone()
            return self.answers.fail(transaction, OAuthError("access_denied", "The person did not sign in."))
        if self.variant("takes_no_sign_in_without_a_cookie") and not request.cookies.get(_FORM_COOKIE):
            return self._login_form(transaction, "Your browser sends no cookies.", 403)
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
            if self.defects("loses_state_after_a_mistyped_password"):
                transaction.parameters.pop("state", None)
            if self.defects("loses_the_nonce_after_a_mistyped_password"):
                transaction.parameters.pop("nonce", None)
            if self.defects("loses_the_challenge_after_a_mistyped_password"):
                transaction.parameters["code_challenge"] = ""
            return self._login_form(transaction, "Name or password is not right.", 401 if self.variant("answers_401_to_bad_login") else 200)
        return self._after_login(transaction, user)

    def _knows(self, user: User, password: str | None) -> bool:
        return password is not None and hmac.compare_digest(user.password.encode(), password.encode())

    def _after_login(self, transaction: Transaction, user: User) -> Response:
        session = self.state.begin_session(user.username)
        self.signed_in(transaction, user.username, session.value, session.started_at)
        if self.variant("asks_whether_to_stay_signed_in"):
            response = self.answers.show("stay", transaction=transaction.value, question="stay")
        elif self.variant("shows_a_form_that_goes_on_by_itself"):
            response = self.answers.show("onward", transaction=transaction.value)
        else:
            response = self.advance(transaction)
        self.state.set_cookie(response, session)
        return response

    async def person_page(self, request: Request) -> Response:
        """Ask whether the person who is signed in is the one who wants to go on."""
        transaction = self._mine(request, self._open(query_parameters(request)))
        if transaction is None:
            return self.answers.gone()
        user = self.sandbox.user(transaction.username or "")
        return self.answers.show("person", transaction=transaction.value, app=self._app(transaction), user=user.display)

    async def person(self, request: Request) -> Response:
        """Go on as the person who is signed in, or ask for somebody else's name and password."""
        given = await form_parameters(request)
        transaction = self._mine(request, self._open(given))
        if transaction is None:
            return self.answers.gone()
        transaction.same_person = True
        if given.get("decision") == "another":
            transaction.username = None
        return self.advance(transaction)

    async def onward(self, request: Request) -> Response:
        """Go on from a page that asks nothing which matters, or that goes on by itself."""
        given = await form_parameters(request)
        transaction = self._mine(request, self._open(given))
        if transaction is not None and given.get("stay"):
            return self.answers.show("stay", transaction=transaction.value, question="department")
        if transaction is not None and given.get("department") is None and self.variant("asks_whether_to_stay_signed_in"):
            return self.answers.show("stay", transaction=transaction.value, question="department")
        return self.answers.gone() if transaction is None else self.advance(transaction)

    async def logout(self, request: Request) -> Response:
        """End the browser's session, and with it everything granted for as long as the person is online."""
        if request.method == "GET" and self.variant("asks_before_signing_out"):
            return self.answers.show("sign_out")
        response = self.answers.show("signed_out")
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
        if session is None or session.username != transaction.username:
            return None
        latest = next(one for one in reversed(self.state.transactions.values()) if one is transaction or one.session == session.value)
        return latest if latest is not transaction and self.defects("keeps_one_request_for_each_browser") else transaction

    async def patient_page(self, request: Request) -> Response:
        """Let the person choose a patient."""
        transaction = self._mine(request, self._open(query_parameters(request)))
        if transaction is None:
            return self.answers.gone()
        user = self.sandbox.user(transaction.username or "")
        rows = data.patient_summaries(user.patients)
        name = "patient_table" if self.variant("shows_patients_in_a_table") else "patient_picker"
        return self.answers.show(name, transaction=transaction.value, app=self._app(transaction), patients=rows)

    async def patient(self, request: Request) -> Response:
        """Take the chosen patient."""
        given = await form_parameters(request)
        transaction = self._mine(request, self._open(given))
        if transaction is None:
            return self.answers.gone()
        if given.get("decision") == "deny":
            return self.answers.fail(transaction, OAuthError("access_denied", "No patient was chosen."))
        chosen = given.get("patient")
        allowed = self.sandbox.user(transaction.username or "").patients
        if chosen is None or chosen not in allowed:
            return self._page("patient", transaction)
        transaction.patient = chosen
        if self.defects("gives_another_patient_than_the_chosen_one"):
            transaction.patient = next(one for one in data.PATIENTS if one != chosen)
        return self.advance(transaction)

    async def encounter_page(self, request: Request) -> Response:
        """Let the person choose a visit."""
        transaction = self._mine(request, self._open(query_parameters(request)))
        if transaction is None:
            return self.answers.gone()
        rows = data.encounter_summaries(transaction.patient or "")
        return self.answers.show("encounter_picker", transaction=transaction.value, app=self._app(transaction), encounters=rows)

    async def encounter(self, request: Request) -> Response:
        """Take the chosen visit."""
        given = await form_parameters(request)
        transaction = self._mine(request, self._open(given))
        if transaction is None:
            return self.answers.gone()
        if given.get("decision") == "deny":
            return self.answers.fail(transaction, OAuthError("access_denied", "No visit was chosen."))
        visits = [row["id"] for row in data.encounter_summaries(transaction.patient or "")]
        chosen = given.get("encounter")
        if chosen not in visits:
            return self._page("encounter", transaction)
        transaction.encounter, transaction.encounter_done = chosen, True
        return self.advance(transaction)

    # -- consent --------------------------------------------------------------------------------------------------------

    def _offered(self, transaction: Transaction) -> list[str]:
        client = self.sandbox.client(transaction.client_id)
        user = self.sandbox.user(transaction.username or "")
        offered = grants.grant(self.sandbox, client, user, grants.split(transaction.parameters.get("scope", "")))
        if transaction.session_is_older and self.variant("gives_less_within_a_session"):
            return [one for one in offered if one not in grants.REFRESH and not one.startswith("user/")]
        if transaction.launch is not None and self.variant("gives_no_offline_access_from_the_chart"):
            return [one for one in offered if one != "offline_access"]
        asked = transaction.parameters
        if (
            asked.get("prompt") != "consent"
            and "openid" in asked.get("scope", "")
            and self.variant("wants_consent_asked_for_offline_access")
        ):
            return [one for one in offered if one != "offline_access"]
        return offered

    async def consent_page(self, request: Request) -> Response:
        """Ask whether the app may have what it asks for, a box for each scope."""
        transaction = self._mine(request, self._open(query_parameters(request)))
        if transaction is None:
            return self.answers.gone()
        user = self.sandbox.user(transaction.username or "")
        rows = [{"value": one, "text": in_words(one), "required": one in grants.CONTEXT} for one in self._offered(transaction)]
        patient = data.display_name(transaction.patient) if transaction.patient else ""
        before = self.state.approved.get((user.username, transaction.client_id), set())
        again = {row["value"] for row in rows} <= before and self.variant("confirms_an_earlier_consent")
        return self.answers.show(
            "consent_again" if again else "consent",
            transaction=transaction.value,
            app=self._app(transaction),
            user=user.display,
            patient=patient,
            scopes=rows,
            deniable=not self.variant("offers_no_way_to_deny"),
            periods=_PERIODS if self.variant("asks_how_long_access_is_wanted") else (),
        )

    async def consent(self, request: Request) -> Response:
        """Take the person's decision."""
        given = await form_parameters(request)
        transaction = self._mine(request, self._open(given))
        if transaction is None:
            return self.answers.gone()
        before = self.state.approved.get((transaction.username or "", transaction.client_id), set())
        if given.get("decision") != "allow":
            if given.get("sure") is None and self.variant("asks_again_before_a_denial"):
                return self.answers.show("sure", transaction=transaction.value, app=self._app(transaction))
            once_allowed = set(self._offered(transaction)) <= before and self.defects("takes_an_earlier_consent_for_a_denial")
            if once_allowed or self.defects("grants_access_after_denial"):
                transaction.context["granted"] = self._offered(transaction)
                transaction.decided = True
                return self.answers.issue(transaction)
            if self.defects("shows_a_page_after_denial"):
                return self.answers.show(
                    "error", status=403, title="Access denied", message="You have denied access.", code="access_denied", hint=""
                )
            if self.defects("sends_another_error_after_denial"):
                return self.answers.fail(transaction, OAuthError("server_error", "The person has denied access."))
            return self.answers.fail(transaction, OAuthError("access_denied", "The person has denied access."))
        if given.get("period") not in _PERIODS and self.variant("asks_how_long_access_is_wanted"):
            return self._page("consent", transaction)
        ticked = set(given.all("scope"))
        offered = self._offered(transaction)
        kept = [one for one in offered if one in ticked or one in grants.CONTEXT]
        if kept != offered and self.defects("ignores_unticked_scopes"):
            kept = offered
        if before & (set(offered) - set(kept)) and self.defects("adds_what_was_allowed_before_to_a_consent"):
            kept = [one for one in offered if one in kept or one in before]
        if "openid" not in kept:
            kept = [one for one in kept if one not in {"fhirUser", "profile"}]
        if not any(one not in grants.CONTEXT for one in kept) and any(one not in grants.CONTEXT for one in offered):
            return self.answers.fail(transaction, OAuthError("access_denied", "The person has left nothing to grant."))
        if transaction.session_is_older and self.variant("keeps_a_session_to_what_was_allowed_in_it"):
            allowed = self.state.sessions[transaction.session or ""].approved.get((transaction.username or "", transaction.client_id))
            if allowed is not None and not set(kept) <= allowed:
                return self._page("consent", transaction)
        transaction.context["granted"] = kept
        transaction.decided = True
        self._remember(transaction, offered, kept)
        return self.answers.issue(transaction)

    def _remember(self, transaction: Transaction, offered: list[str], kept: list[str]) -> None:
        """What was allowed before stays allowed, unless the person took it back this time."""
        key = (transaction.username or "", transaction.client_id)
        for holder in (self.state, self.state.sessions[transaction.session or ""]):
            holder.approved[key] = (holder.approved.get(key, set()) - set(offered)) | set(kept)
