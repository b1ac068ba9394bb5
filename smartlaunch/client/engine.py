"""What every app of a run acts with: the target, the recorded HTTP client, the browser, discovery."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit

from smartlaunch.browser import Browser, Consent, Deselect, Landing, LoginPlan, LoginStep, Recipe, parse_match, parse_steps
from smartlaunch.client.authorization import AuthorizationAnswer, require_no_obstacle
from smartlaunch.client.discovery import Discovery
from smartlaunch.client.fhir import Fhir
from smartlaunch.client.memory import Memory, Outages, TokenLife
from smartlaunch.client.proof import Proofs
from smartlaunch.client.reaching import http_for
from smartlaunch.client.trust import Trust
from smartlaunch.exchange import Actor, Endpoint, RecordedExchange
from smartlaunch.oauth.authorization import AuthorizationRequest
from smartlaunch.target import Client, EhrLaunch, RecipeFile, Target, User, bundled_recipes

if TYPE_CHECKING:
    import httpx

    from smartlaunch.evidence.recorder import Recorder

T = TypeVar("T")


class Engine:
    """Everything a run needs, made once. It knows nothing of apps: those stand above it, see ``smartlaunch.client.apps``."""

    def __init__(
        self,
        target: Target,
        recorder: Recorder,
        browser: Browser,
        *,
        passive: bool = False,
        rate_share: int = 1,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.target, self.recorder, self.browser, self.passive = target, recorder, browser, passive
        self.trust = Trust(target.fhir_base_url, target.limits.hosts)
        browser.withheld = self.trust.withheld
        self.http = http_for(target, recorder, rate_share=rate_share, transport=transport, trust=self.trust)
        self.discovery = Discovery(self.http, target.fhir_base_url)
        self.fhir = Fhir(self.http, target.fhir_base_url)
        self.token_lives: dict[str, TokenLife] = {}
        self.secret_methods: dict[str, str] = {}
        """How each client with a secret was found to send it, where neither target file nor metadata say so."""
        self.notes: list[str] = []
        """What was learned on the way and the user should know."""
        self.outages = Outages()
        self.proofs = Proofs()
        self.asks_consent = False
        """Whether a page of this server has asked for consent in this run; one that does not ask again remembers the answer."""
        self.granted_less_within_a_session: set[tuple[str, str]] = set()
        """The apps, by client and way of launching, that were granted less in a session from before than after a sign-in."""
        self.offline_with_consent: set[tuple[str, str]] = set()
        """The apps, by client and way of launching, that are given offline access only where their requests ask for consent."""
        self._walked: list[str] = []
        self._in_use: set[str] = set()

    @cached_property
    def memory(self) -> Memory:
        """What a run asks once whatever the app."""
        return Memory(self.recorder, self.outages)

    def once(self, key: str, make: Callable[[], T]) -> T:
        """What ``make`` gives, asked once in a run (see ``Memory``)."""
        return self.memory.once(key, make)

    def close(self) -> None:
        """Close browser and connections."""
        self.browser.close()
        self.http.close()

    # -- browser ----------------------------------------------------------------------------------------------------------

    @cached_property
    def _steps(self) -> list[LoginStep]:
        """The steps of the target file, then those of the recipe that it names."""
        login = self.target.login
        own = parse_steps(list(login.steps), places=login.places)
        return [*own, *(_steps_of(login.chosen, login.chosen.path) if login.chosen is not None else ())]

    @cached_property
    def _recipes(self) -> tuple[Recipe, ...]:
        """The recipes that are offered the pages; a target file that names one, or has steps only, wants no other."""
        files = bundled_recipes().values() if self.target.login.recipe == "automatic" else ()
        return tuple(
            Recipe(f.name, tuple(parse_match(mark, f"{f.path}: marks") for mark in f.marks), tuple(_steps_of(f, f"the recipe {f.name}")))
            for f in files
        )

    def plan(
        self, user: User | None, *, consent: str | Sequence[str] = "allow", patient: str = "", launch: EhrLaunch | None = None
    ) -> LoginPlan:
        """How the browser gets through the login for one user, in the pages of an EHR from which it launches too."""
        who = user or self.target.first_user
        wanted = patient or self.target.visible_patient(who, self.target.patients.default or "")
        extra = parse_steps(list(launch.steps), where="ehr_launch.steps", source="[ehr_launch]", places=launch.places) if launch else []
        steps = [*extra, *self._steps]
        answer: Consent = "deny" if consent == "deny" else "allow" if isinstance(consent, str) else Deselect(list(consent))
        return LoginPlan(
            username=who.username if who is not None else "",
            password=who.password.reveal() if who is not None and who.password is not None else "",
            totp_secret=who.totp_secret.reveal() if who is not None and who.totp_secret is not None else "",
            persona=(who.persona or "") if who is not None else "",
            patient=wanted or None,
            encounter=self._encounter(wanted) or None,
            patient_names=tuple(self.target.patients.names.get(wanted, ())),
            consent=answer,
            steps=steps or None,
            recipes=self._recipes,
            # Where no step says how to deny, or to allow less, it takes the automatic recipe.
            only_steps=self.target.login.recipe == "steps" and (answer == "allow" or any(step.answers(answer) for step in steps)),
        )

    def plan_to_leave(self) -> LoginPlan:
        """How the browser gets through a sign-out: nobody signs in again on the way."""
        alone = self.target.login.recipe == "steps" and any(entry.role == "logout" for step in self._steps for entry in step.click)
        return LoginPlan(steps=self._steps or None, recipes=self._recipes, only_steps=alone, leaving=True)

    def _encounter(self, patient: str) -> str:
        """The encounter that the target file expects, or names for the patient of its EHR launch."""
        expected = self.target.expect.encounter
        if isinstance(expected, str) and expected:
            return expected
        setting = self.target.ehr_launch
        return (setting.encounter or "") if setting is not None and patient == (setting.patient or self.target.patients.default) else ""

    def authorize(
        self,
        request: AuthorizationRequest,
        *,
        catch: Sequence[str],
        user: User | None = None,
        consent: str | Sequence[str] = "allow",
        patient: str = "",
        session: str = "",
        mistypes: bool = False,
    ) -> AuthorizationAnswer:
        """Open an authorization request in the browser of its user and wait for where it ends; ``catch`` are the ways back to the app."""
        name = self._session_of(user, session)
        with self.recorder.scope("authorize") as scope:
            landing = self.browser.session(name).go(
                request.url,
                method=request.method,
                form=list(request.parameters) if request.method == "POST" else None,
                catch=list(dict.fromkeys(u for u in catch if u)),
                plan=replace(self.plan(user, consent=consent, patient=patient), mistypes=mistypes),
            )
        require_no_obstacle(landing)
        self._came_back(name, landing)
        self.asks_consent = self.asks_consent or landing.asked_consent
        if landing.caught:
            self._walked += scope.ids  # a way that ended on an error page showed none of the pages on which a user decides
        return AuthorizationAnswer(request, landing, tuple(scope.ids), time.time())

    def cookies_of(self, user: User | None, url: str) -> str:
        """The cookies that the browser of a user has for an address since the last login."""
        return self.browser.session(self._session_of(user)).cookies_for(url)

    def signed_in(self, user: User | None) -> bool:
        """Whether somebody may be signed in in a user's browser session: it led back to an app before, or begins with what was kept."""
        name = self._session_of(user)
        return name in self._in_use or (self.browser.kept_state is not None and self.browser.kept_state[0] == name)

    def _came_back(self, session: str, landing: Landing) -> Landing:
        if landing.caught:
            self._in_use.add(session)
        return landing

    def _session_of(self, user: User | None, session: str = "") -> str:
        """The name of the browser session: one for each user, unless a flow has its own."""
        who = user or self.target.first_user
        return session or (who.name if who is not None else "nobody")

    def authorize_as_nobody(self, request: AuthorizationRequest, *, catch: Sequence[str]) -> AuthorizationAnswer:
        """Open a request in a browser without cookies and give no credentials."""
        session = self.browser.fresh_session()
        try:
            with self.recorder.scope("authorize") as scope:
                landing = session.go(request.url, catch=list(catch), plan=LoginPlan())
        finally:
            session.close()
        return AuthorizationAnswer(request, landing, tuple(scope.ids), time.time())

    def open_chart(self, client: Client, setting: EhrLaunch, user: User | None, *, patient: str, session: str = "") -> Landing:
        """Open the chart or link of an EHR and launch a client from it."""
        name = self._session_of(user, session)
        browser = self.browser.session(name)
        catch = [client.launch_uri or ""]
        plan = self.plan(user, patient=patient, launch=setting)
        if setting.kind == "link":
            landing = browser.go(setting.url or "", catch=catch, plan=plan, first=Endpoint.PAGE, caught=Endpoint.LAUNCH)
        else:
            landing = browser.open_chart(
                setting.url or "", plan=plan, patient=patient, app_name=client.name, client_id=client.client_id, catch=catch
            )
        return self._came_back(name, landing)

    def watch_for_launch(self, client: Client, setting: EhrLaunch, user: User | None, *, session: str = "") -> Landing:
        """Open the address where a person starts a launch, in the browser that is shown, and wait for it; nothing is done there."""
        limit_s = self.target.limits.login_s
        sys.stderr.write(
            f"\nsmartlaunch: launch the app of [clients.{client.name}] from the EHR, in the browser window; waiting up to {limit_s:g} s\n"
        )
        sys.stderr.flush()
        return self.browser.session(self._session_of(user, session)).go(
            setting.url,
            catch=[client.launch_uri or ""],
            plan=LoginPlan(),
            first=Endpoint.PAGE,
            caught=Endpoint.LAUNCH,
            login_timeout_s=limit_s,
            by_hand=True,
        )

    # -- what went over the wire ------------------------------------------------------------------------------------------

    def issuer_parameter(self, sent: str = "") -> tuple[bool, str]:
        """Whether the metadata claim the ``iss`` response parameter (RFC 9207 section 3), and the issuer they name.

        Where the SMART configuration names no issuer, the metadata are those below the ``iss`` value that was ``sent``.
        """
        documents = [self.discovery.document]
        if self.discovery.has("issuer"):
            documents.append(self.discovery.openid.answer.object)
        elif sent:
            documents += self.discovery.metadata_of(sent)
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
        """The forms with a password that the browser sent on its ways through authorizations so far."""
        return [x for x in self._seen() if x.method == "POST" and "<password" in unquote(x.request_body)]

    def pages_seen(self) -> list[RecordedExchange]:
        """The pages of the server that the user saw in authorizations so far, the first under each address."""
        pages = [
            x
            for x in self._seen()
            if x.status == 200
            and urlsplit(x.url).netloc in self._own_hosts()
            and x.endpoint in (Endpoint.AUTHORIZE, Endpoint.PAGE)
            and any(k.lower() == "content-type" and "html" in v.lower() for k, v in x.response_headers)
        ]
        first: dict[str, RecordedExchange] = {}
        for page in pages:
            first.setdefault(page.url.split("?")[0], page)
        return list(first.values())

    def _own_hosts(self) -> set[str]:
        """The hosts of the authorization server; a page of somebody else's identity provider is not its own."""
        members = [self.discovery.url(name) for name in ("authorization_endpoint", "token_endpoint") if self.discovery.has(name)]
        return {urlsplit(url).netloc for url in [self.target.fhir_base_url, *members]}

    def _seen(self) -> Iterator[RecordedExchange]:
        for identifier in self._walked:
            exchange = self.recorder.get(identifier)
            if exchange is not None and exchange.actor == Actor.BROWSER:
                yield exchange


def _steps_of(recipe: RecipeFile, source: str) -> list[LoginStep]:
    return parse_steps(list(recipe.steps), where=f"{recipe.path}: login.steps", source=source, places=recipe.places)
