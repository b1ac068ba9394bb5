"""One run's machinery: the target, the recorded HTTP client, the browser, discovery, and the apps that act on them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from smartlaunch.client.app import App, TokenLife
from smartlaunch.client.discovery import Discovery
from smartlaunch.client.fhir import Fhir
from smartlaunch.client.http import Http
from smartlaunch.client.keys import Keys
from smartlaunch.client.launch import Launches
from smartlaunch.errors import LoginStuck, NotApplicable
from smartlaunch.exchange import Actor, Endpoint, RecordedExchange
from smartlaunch.oauth.authorization import AuthorizationAnswer, AuthorizationRequest

if TYPE_CHECKING:
    from smartlaunch.browser import Browser, Landing, LoginPlan
    from smartlaunch.evidence.recorder import Recorder
    from smartlaunch.target import Client, Target, User


class Engine:
    """Everything a run needs, made once; apps and discovery are cached on it."""

    def __init__(self, target: Target, recorder: Recorder, browser: Browser, *, passive: bool = False) -> None:
        self.target, self.recorder, self.browser, self.passive = target, recorder, browser, passive
        limits = target.limits
        self.http = Http(
            recorder,
            request_s=limits.request_s,
            body_bytes=limits.body_bytes,
            rate=limits.rate or 0,
            ca_file=str(target.ca_file or ""),
        )
        self.discovery = Discovery(self.http, target.fhir_base_url)
        self.fhir = Fhir(self.http, target.fhir_base_url)
        self.launches = Launches(self)
        self.keys = Keys(self)
        self.token_lives: dict[str, TokenLife] = {}
        self._apps: dict[tuple[str, str], App] = {}
        self._walked: list[str] = []

    def close(self) -> None:
        """Close browser, connections and the key server."""
        self.keys.close()
        self.browser.close()
        self.http.close()

    # -- apps -------------------------------------------------------------------------------------------------------------

    def app_of(self, client: Client, launch_kind: str) -> App:
        """The app of one registration in one way of launching; always the same object."""
        key = (client.name, launch_kind)
        if key not in self._apps:
            self._apps[key] = App(self, client, launch_kind)
        return self._apps[key]

    def ripen(self) -> None:
        """Go on with every begun probe whose time has come."""
        for app in list(self._apps.values()):
            app.ripen()

    def app(self, role: str, launch_kind: str) -> App:
        """The app of a suite; ``NotApplicable`` says what the target lacks for it."""
        client = next((c for c in self.target.clients.values() if c.role == role and c.use == "primary"), None)
        if client is None:
            raise NotApplicable(f"no client with role = {role!r} is configured in the target file")
        reason = self.cannot_launch(launch_kind)
        if reason:
            raise NotApplicable(reason)
        return self.app_of(client, launch_kind)

    def any_app(self, launch_kind: str = "standalone") -> App:
        """Any app that can launch, for rules that do not depend on the client: public first, the wanted way of launching first."""
        roles = ("public", "confidential-symmetric", "confidential-asymmetric")
        reasons = []
        for kind in (launch_kind, "ehr" if launch_kind == "standalone" else "standalone"):
            for role in roles:
                try:
                    return self.app(role, kind)
                except NotApplicable as exc:
                    reasons.append(str(exc))
        raise NotApplicable("; ".join(dict.fromkeys(reasons)))

    def app_with_redirect_query(self) -> App:
        """An app that can launch and whose registered redirect URI has a query of its own; ``NotApplicable`` when there is none."""
        for client in self.target.clients.values():
            if urlsplit(client.redirect_uri).query and client.use in ("primary", "second"):
                for kind in ("standalone", "ehr"):
                    if not self.cannot_launch(kind):
                        return self.app_of(client, kind)
        raise NotApplicable("no configured client has a redirect URI with a query")

    def cannot_launch(self, launch_kind: str) -> str:
        """Why this way of launching does not apply to the target, or an empty string."""
        capability = {"ehr": "launch-ehr", "standalone": "launch-standalone"}[launch_kind]
        claimed = self.discovery.capabilities
        if claimed and capability not in claimed:
            return f"the server does not claim the capability `{capability}`"
        return self.launches.available() if launch_kind == "ehr" else ""

    def user(self, user: User | None = None) -> User | None:
        """The given user, or the first of the target file."""
        return user if user is not None else next(iter(self.target.users.values()), None)

    def visible_patient(self, user: User | None, patient: str) -> str:
        """The patient, or the first one that the user is known to see when that one is not among them."""
        who = self.user(user)
        if who is None or not who.patients or patient in who.patients:
            return patient
        return who.patients[0]

    # -- browser ----------------------------------------------------------------------------------------------------------

    def plan(
        self, user: User | None, *, consent: str | Sequence[str] = "allow", patient: str = "", extra_steps: Sequence[Mapping[str, Any]] = ()
    ) -> LoginPlan:
        """How the browser gets through the login for one user."""
        from smartlaunch.browser import Deselect, LoginPlan, parse_steps

        who = self.user(user)
        wanted = patient or self.visible_patient(who, self.target.patients.default or "")
        login = self.target.login
        return LoginPlan(
            username=who.username if who is not None else "",
            password=who.password.reveal() if who is not None and who.password is not None else "",
            persona=(who.persona or "") if who is not None else "",
            patient=wanted or None,
            patient_names=target_names(self.target, wanted),
            consent="deny" if consent == "deny" else "allow" if isinstance(consent, str) else Deselect(list(consent)),
            steps=parse_steps([*extra_steps, *login.steps]) or None,
            # Steps say how to allow; to deny, or to allow less, takes the recipe.
            only_steps=login.recipe == "steps" and consent == "allow",
        )

    def authorize(
        self,
        app: App,
        request: AuthorizationRequest,
        *,
        user: User | None,
        consent: str | Sequence[str],
        patient: str,
        session: str,
        catch: Sequence[str],
    ) -> AuthorizationAnswer:
        """Open an authorization request in the browser of its user and wait for where it ends."""
        who = self.user(user)
        with self.recorder.scope("authorize") as scope:
            landing = self.browser.session(session or (who.name if who is not None else "nobody")).go(
                request.url,
                method=request.method,
                form=list(request.parameters) if request.method == "POST" else None,
                catch=list(dict.fromkeys(u for u in (app.client.redirect_uri, request.redirect_uri, *catch) if u)),
                plan=self.plan(user, consent=consent, patient=patient),
            )
        require_no_obstacle(landing)
        if landing.caught:
            self._walked += scope.ids  # a way that ended on an error page showed none of the pages on which a user decides
        return AuthorizationAnswer(request, landing, tuple(scope.ids), time.time())

    def authorize_as_nobody(self, app: App, request: AuthorizationRequest) -> AuthorizationAnswer:
        """Open a request in a browser without cookies and give no credentials."""
        from smartlaunch.browser import LoginPlan

        session = self.browser.fresh_session()
        try:
            with self.recorder.scope("authorize") as scope:
                landing = session.go(request.url, catch=[app.client.redirect_uri], plan=LoginPlan())
        finally:
            session.close()
        return AuthorizationAnswer(request, landing, tuple(scope.ids), time.time())

    def open_chart(self, app: App, user: User | None, *, patient: str, session: str = "") -> Landing:
        """Open the chart of the target and launch the app from it."""
        who = self.user(user)
        setting = self.target.ehr_launch
        assert setting is not None
        browser = self.browser.session(session or (who.name if who is not None else "nobody"))
        catch = [app.client.launch_uri or ""]
        plan = self.plan(user, patient=patient, extra_steps=setting.steps)
        if setting.kind == "link":
            return browser.go(setting.url or "", catch=catch, plan=plan, first=Endpoint.PAGE, caught=Endpoint.LAUNCH)
        return browser.open_chart(
            setting.url or "", plan=plan, patient=patient, app_name=app.client.name, client_id=app.client.client_id, catch=catch
        )

    # -- what went over the wire ------------------------------------------------------------------------------------------

    def issuer_parameter(self) -> tuple[bool, str]:
        """Whether the metadata claim the ``iss`` response parameter (RFC 9207 section 3), and the issuer they name."""
        documents = [self.discovery.document]
        if self.discovery.has("issuer"):
            documents.append(self.discovery.openid_configuration.answer.object)
        claimed = any(d.get("authorization_response_iss_parameter_supported") is True for d in documents)
        issuer = next((d["issuer"] for d in documents if isinstance(d.get("issuer"), str)), "")
        return claimed, issuer

    def exchanges_of(self, answer: AuthorizationAnswer) -> list[RecordedExchange]:
        """The recorded exchanges of an authorization, in order."""
        return [x for x in map(self.recorder.get, answer.exchanges) if x is not None]

    def redirect_status(self, answer: AuthorizationAnswer) -> int | None:
        """The status of the redirect that brought the browser to the app; None when it came by a page."""
        hops = [x for x in self.exchanges_of(answer) if x.actor == Actor.BROWSER and 300 <= x.status < 400]
        arrived = [x for x in self.exchanges_of(answer) if x.endpoint == Endpoint.REDIRECT]
        if not arrived or not arrived[-1].redirect_of:
            return None
        return next((x.status for x in hops if x.id == arrived[-1].redirect_of), None)

    def forms_sent(self) -> list[RecordedExchange]:
        """The forms that the browser sent on its ways through authorizations so far; only the first of them signs in."""
        return [x for x in self._seen() if x.method == "POST"]

    def pages_seen(self) -> list[RecordedExchange]:
        """The pages of the server that the user saw in authorizations so far, the first under each address."""
        pages = [
            x
            for x in self._seen()
            if x.status == 200
            and x.endpoint in (Endpoint.AUTHORIZE, Endpoint.PAGE)
            and any(k.lower() == "content-type" and "html" in v.lower() for k, v in x.response_headers)
        ]
        first: dict[str, RecordedExchange] = {}
        for page in pages:
            first.setdefault(page.url.split("?")[0], page)
        return list(first.values())

    def _seen(self) -> Iterator[RecordedExchange]:
        for identifier in self._walked:
            exchange = self.recorder.get(identifier)
            if exchange is not None and exchange.actor == Actor.BROWSER:
                yield exchange


def require_no_obstacle(landing: Landing) -> None:
    """Raise ``LoginStuck`` where a walk ended at a lock, a captcha, a second factor, a limit or an outage: nothing is judged by those."""
    if landing.obstacle:
        raise LoginStuck(
            f"the login ended at something that is neither a refusal nor a success ({landing.obstacle})\n{landing.describe()}",
            waited_for="the navigation back to the app",
            hint="see the page by hand, in a browser; use a test user without a second factor, and wait where the server asks for it",
            artifacts=(landing.screenshot,) if landing.screenshot else (),
        )


def target_names(target: Target, patient: str) -> tuple[str, ...]:
    """The names under which a picker may show a patient."""
    return tuple(target.patients.names.get(patient, ()))
