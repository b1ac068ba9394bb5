"""The app under the suite's control: one registration, one way of launching, and the right flows of an app.

Right flows are shared (``grant``) and handed out only while they live (``tokens``); flows that a scenario spends or poisons are its own
(``fresh_grant``). What is wrong on purpose is no business of an app: ``smartlaunch.probes`` puts it, and takes the app for what is
right in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, TypeVar

from smartlaunch.client.access_tokens import RIGHT_FLOW, AccessTokens
from smartlaunch.client.authentication import Authentication
from smartlaunch.client.authorization import AuthorizationAnswer, require_settled
from smartlaunch.client.engine import Engine
from smartlaunch.client.grant import Attempt, Grant
from smartlaunch.client.http import Form, answered
from smartlaunch.client.keys import Keys
from smartlaunch.client.launch import Launches
from smartlaunch.client.memory import Aging, Logins, Memory
from smartlaunch.client.proof import doubtful
from smartlaunch.client.situation import PLAIN, Situation
from smartlaunch.errors import Blocked, LoginStuck, NotApplicable, TwinFailed, Unreachable
from smartlaunch.exchange import TRANSIENT, Endpoint, Exchange
from smartlaunch.oauth import scopes as scope_words
from smartlaunch.oauth.authorization import AuthorizationRequest, Launch, make_request
from smartlaunch.oauth.client_authentication import Credentials
from smartlaunch.oauth.id_token import decode
from smartlaunch.oauth.token import TokenAnswer
from smartlaunch.target import Client, User

T = TypeVar("T")
_OFFLINE = frozenset({"openid", "offline_access"})


class PastedLaunchRefused(Blocked):
    """A launch that a person put into the target file is spent or too old."""


@dataclass
class App:
    """One client registration launched in one way: ``standalone``, ``ehr``, or not at all (``""``, a backend service).

    ``beside`` gives the app of another registration; ``situation`` is the company of its right flows.
    """

    engine: Engine
    client: Client
    launch_kind: str
    launches: Launches
    keys: Keys
    beside: Callable[[Client, str], App]
    situation: Situation = PLAIN
    _session_is_no_matter: bool = False
    """Whether a sign-in was seen to bring no more than a session from before."""

    @cached_property
    def memory(self) -> Memory:
        """What this app has asked."""
        return Memory(self.engine.recorder, self.engine.outages)

    @cached_property
    def authentication(self) -> Authentication:
        """How its client authenticates."""
        return Authentication(self.engine, self.client, self.keys)

    @cached_property
    def tokens(self) -> AccessTokens:
        """Its access tokens, those that live."""
        return AccessTokens(self.engine, self.client, self.memory, self.scopes)

    @cached_property
    def _logins(self) -> Logins:
        return Logins()

    def other(self, use: str = "second") -> App:
        """The app with the same role and launch that has another registration, or ``NotApplicable``."""
        return self.beside(self.engine.target.client(self.client.role, use), self.launch_kind)

    # -- requests ---------------------------------------------------------------------------------------------------------

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes this app asks for in its way of launching."""
        return self.situation.scopes_for(self.client.ehr_launch_scopes if self.launch_kind == "ehr" else self.client.scopes)

    @property
    def user(self) -> User | None:
        """Who signs in where a probe names nobody."""
        target = self.engine.target
        return target.another_user() if self.situation.user else target.first_user

    @property
    def patient(self) -> str:
        """The patient to choose where a probe names none; empty leaves it to the target file."""
        return self.engine.target.another_patient(self.user) if self.situation.patient else ""

    def _in_session(self, session: str) -> str:
        """The browser session of a flow: what a server remembers of one user or choice does not decide in another situation."""
        if not self.situation.user and not self.situation.patient:
            return session
        return f"{session or self.client.name}-{self.situation.slug}"

    @property
    def _signs_in_anew(self) -> bool:
        """Whether each flow begins with a sign-in, since within a session the server was seen to grant less."""
        return self._way in self.engine.granted_less_within_a_session

    @property
    def _asks_for_consent(self) -> bool:
        """Whether its requests for offline access ask for consent, since without that the server was seen to leave it away."""
        return self._way in self.engine.offline_with_consent

    @property
    def _way(self) -> tuple[str, str]:
        """The client and its way of being launched, by which is kept what its flows need."""
        return self.client.name, self.launch_kind

    @property
    def token_endpoint(self) -> str:
        """The token endpoint of the server."""
        return self.engine.discovery.url("token_endpoint")

    def request(self, *, scope: Sequence[str] | None = None, launch: Launch | None = None) -> AuthorizationRequest:
        """A right authorization request; an EHR launch needs its launch."""
        request = make_request(
            self.engine.discovery.url("authorization_endpoint"),
            client_id=self.client.client_id,
            redirect_uri=self.client.redirect_uri,
            scope=" ".join(scope if scope is not None else self.scopes),
            aud=self.engine.target.aud or (launch.iss if launch is not None else self.engine.target.fhir_base_url),
            launch=launch.launch if launch is not None else "",
        )
        if self._asks_for_consent and set(request.scopes) >= _OFFLINE:
            request = request.having(prompt="consent")
        return request if self.situation.method == "GET" else request.by(self.situation.method)

    def launched(self, user: User | None = None, *, patient: str = "", session: str = "") -> Launch | None:
        """A fresh EHR launch, or None for a standalone app."""
        if self.launch_kind != "ehr":
            return None
        return self.launches.obtain(self.client, user or self.user, patient=patient or self.patient, session=self._in_session(session))

    def prepare(self, *, scope: Sequence[str] | None = None, user: User | None = None) -> AuthorizationRequest:
        """A right request ready to be changed by a negative; in an EHR launch with a launch value of its own."""
        return self.request(scope=scope, launch=self.launched(user))

    def authorize(
        self,
        request: AuthorizationRequest,
        *,
        user: User | None = None,
        consent: str | Sequence[str] = "allow",
        patient: str = "",
        session: str = "",
        catch: Sequence[str] = (),
        mistypes: bool = False,
    ) -> AuthorizationAnswer:
        """Put a request to the server with the browser and say where the browser ended.

        ``consent`` is ``allow``, ``deny`` or the scopes to untick; ``catch`` lists further addresses a negative watches for. A user who
        ``mistypes`` types a wrong password first, and the right one after that.
        """
        uris = (self.client.redirect_uri, request.redirect_uri, *catch)
        where = self._in_session(session)
        if not session and self._signs_in_anew:
            where = f"{where or self.client.name}-anew"
            self.engine.browser.session(where).close()
        answer = self.engine.authorize(
            request, catch=uris, user=user or self.user, consent=consent, patient=patient or self.patient, session=where, mistypes=mistypes
        )
        if not answer.code:
            self.engine.proofs.refused(self.client.name, self._prove_plainly)
        else:
            self.tokens.suspect()  # a server that keeps few logins for each user may have ended an older one for this
        return answer

    # -- token requests ---------------------------------------------------------------------------------------------------

    def token_request(
        self,
        form: Form,
        credentials: Credentials | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        method: str = "POST",
        url: str = "",
        content: bytes | None = None,
    ) -> TokenAnswer:
        """Send a form to the token endpoint with the given or this client's right credentials; ``Unreachable`` when no answer comes.

        A connection that breaks off is neither an answer nor a refusal, so it must not pass for either.
        """
        proof = credentials if credentials is not None else self.authentication.credentials()
        all_headers = [("Accept", "application/json"), *proof.headers, *(headers or {}).items()]
        body = [*form, *proof.form] if content is None else None
        exchange = self.engine.http.send(
            method, url or self.token_endpoint, endpoint=Endpoint.TOKEN, headers=all_headers, form=body, content=content
        )
        return self._received(exchange)

    def token_requests_together(self, forms: Sequence[Form], credentials: Sequence[Credentials]) -> list[TokenAnswer]:
        """Send several forms to the token endpoint so that all are under way at once, each with credentials of its own."""
        requests = [
            ([("Accept", "application/json"), *proof.headers], [*form, *proof.form]) for form, proof in zip(forms, credentials, strict=True)
        ]
        exchanges = self.engine.http.send_together("POST", self.token_endpoint, endpoint=Endpoint.TOKEN, requests=requests)
        return [self._received(exchange) for exchange in exchanges]

    def _received(self, exchange: Exchange) -> TokenAnswer:
        answered(exchange)
        answer = TokenAnswer(exchange)
        if answer.succeeded:
            self.tokens.begin(answer.access_token)
            if answer.id_token and not self.engine.discovery.issuer_of_id_tokens:
                self.engine.discovery.issuer_of_id_tokens = str(decode(answer.id_token).claims.get("iss", ""))
        else:
            self.engine.proofs.refused(self.client.name, self._prove_plainly)
        return answer

    def code_form(self, answer: AuthorizationAnswer, **changes: str | None) -> list[tuple[str, str]]:
        """The form of a right access token request; changes set a parameter, None leaves it out."""
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": answer.code,
            "redirect_uri": answer.request.redirect_uri,
            "code_verifier": answer.request.proof.code_verifier,
        }
        form.update(changes)
        return [(k, v) for k, v in form.items() if v is not None]

    def exchange(self, answer: AuthorizationAnswer, credentials: Credentials | None = None, **changes: str | None) -> TokenAnswer:
        """Exchange a code for a token."""
        return self.token_request(self.code_form(answer, **changes), credentials)

    def refresh(self, refresh_token: str, credentials: Credentials | None = None, **changes: str | None) -> TokenAnswer:
        """Use a refresh token."""
        form: dict[str, str | None] = {"grant_type": "refresh_token", "refresh_token": refresh_token, **changes}
        return self.token_request([(k, v) for k, v in form.items() if v is not None], credentials)

    # -- whole flows ------------------------------------------------------------------------------------------------------

    def attempt(
        self,
        *,
        scope: Sequence[str] | None = None,
        user: User | None = None,
        patient: str = "",
        session: str = "",
        consent: str | Sequence[str] = "allow",
        change: Callable[[AuthorizationRequest], AuthorizationRequest] | None = None,
        doubtful: bool = False,
    ) -> Attempt:
        """One flow as far as it goes; a login that gets stuck is ``LoginStuck``, all else is in the answer.

        ``change`` makes the request another one that is right too. The same login that never came to its end is not tried twice.
        ``doubtful`` says that the server may refuse this request, which it also does by a page on which nothing can be done.
        """
        right = consent == "allow" and change is None
        login = f"{' '.join(sorted(scope if scope is not None else self.scopes))} of {user.name if user else ''} for {patient}"
        known = self._logins.failure(login) if right else None
        if isinstance(known, LoginStuck):
            raise known
        if isinstance(known, Attempt):
            self.engine.recorder.attach_to_current(list(known.exchanges))
            return known
        again = partial(self._attempt, scope, user, patient, session, consent, change, doubtful=doubtful)
        usual = right and not session and user in (None, self.user)
        within = usual and (self.launch_kind == "ehr" or self.engine.signed_in(self.user))
        try:
            attempt = again()
        except LoginStuck as exc:
            anew = self._out_of_the_session(again) if within else None
            if anew is None:
                if right:
                    self._logins.note(login, exc)
                raise
            attempt = anew
        if right:
            self._logins.note(login, attempt if _refused(attempt) else None)
        if usual:
            lost = [one for one in _lacking(attempt) if scope_words.covered(one, self._granted_first)]
            attempt = self._after_a_sign_in(attempt, lost, again)
        return attempt

    @property
    def _granted_first(self) -> list[str]:
        """What the right flow was granted; nothing before it ended."""
        ended = self.memory.outcome(RIGHT_FLOW)
        return ended.token.scopes if isinstance(ended, Attempt) and ended.token is not None else []

    def _attempt(
        self,
        scope: Sequence[str] | None,
        user: User | None,
        patient: str,
        session: str,
        consent: str | Sequence[str],
        change: Callable[[AuthorizationRequest], AuthorizationRequest] | None,
        *,
        doubtful: bool,
    ) -> Attempt:
        with self.engine.recorder.scope("launch") as scope_used:
            launch = self.launched(user, patient=patient, session=session)
            request = self.request(scope=scope, launch=launch)
            request = change(request) if change is not None else request
            answer = self.authorize(request, user=user, consent=consent, patient=patient, session=session)
            if consent == "allow" and not (doubtful and answer.turned_away):
                require_settled(answer)
            if launch is not None and launch.pasted and not answer.code:
                raise PastedLaunchRefused(
                    f"the server does not take the pasted launch: {answer.describe()}",
                    waited_for="an authorization code for the launch of the target file",
                    hint="a launch lives for minutes, mostly for one use and one app: write a fresh `iss` and `launch` into [ehr_launch],"
                    " or let the suite launch by a page or link",
                )
            token = self.exchange(answer) if answer.code else None
            if token is not None and not token.succeeded and not (launch is not None and launch.pasted):

                def again() -> AuthorizationAnswer:
                    nonlocal answer
                    answer = self.authorize(self.prepare(scope=scope, user=user), user=user, patient=patient, session=session)
                    return answer

                token = self._with_secret_the_other_way(token, again)
            if token is not None and token.succeeded and self.situation.token and consent == "allow":
                token = self._refreshed(token)
            if token is not None and token.succeeded and consent == "allow":
                self.engine.proofs.good(self.client.name)
        return Attempt(answer, token, launch, tuple(scope_used.ids))

    def _with_secret_the_other_way(self, refused: TokenAnswer, fresh: Callable[[], AuthorizationAnswer]) -> TokenAnswer:
        """The answer to a right token request that was refused for its client authentication, with the secret sent the other way.

        Metadata may not tell how a server takes secrets, so the other form is tried, once in a run for each client; ``fresh`` gets
        another code, since the first attempt may have spent the one there was. What works is used from then on, and told.
        """
        client, methods = self.client, self.engine.secret_methods
        if not self.authentication.secret_method_is_open or not (refused.error == "invalid_client" or refused.response.status == 401):
            return refused
        before = self.authentication.secret_method
        methods[client.name] = "client_secret_basic" if before == "client_secret_post" else "client_secret_post"
        answer = fresh()
        token = self.exchange(answer) if answer.code else refused
        if not token.succeeded:
            methods[client.name] = before
            return refused
        self.engine.notes.append(
            f"[clients.{client.name}]: the server refuses the secret by {before} and takes it by {self.authentication.secret_method};"
            f' write token_endpoint_auth_method = "{self.authentication.secret_method}" to begin with that'
        )
        return token

    def _refreshed(self, first: TokenAnswer) -> TokenAnswer:
        """The answer to a refresh in the place of the first one; ``NotApplicable`` where none can be had."""
        if not first.refresh_token:
            raise NotApplicable("no refresh token came, so there is no refreshed token to judge")
        scopes = self.situation.fewer(first.scopes)
        answer = self.refresh(first.refresh_token, scope=" ".join(scopes) if scopes is not None else None)
        if not answer.succeeded:
            raise NotApplicable(f"the refresh that this situation needs did not succeed: {answer.describe()}")
        return answer.after(first)

    def in_force(self, token: TokenAnswer) -> str:
        """The access token of an answer as it is by now: that of the living grant once its time is nearly over or a login has ended it."""
        return self.grant().access_token if self.tokens.nearly_over(token) else self.tokens.current(token.access_token)

    def fresh_grant(self, *, scope: Sequence[str] | None = None, user: User | None = None, session: str = "") -> Grant:
        """A grant of the scenario's own; ``TwinFailed`` when the server does not give it."""
        self.grant()
        return self.require_grant(self.attempt(scope=scope, user=user, session=session))

    def fresh_code(self, *, scope: Sequence[str] | None = None) -> AuthorizationAnswer:
        """A code of the scenario's own, not yet exchanged; ``TwinFailed`` when none came."""
        self.grant()
        return self._code(scope)

    def bare_codes(self) -> Callable[[], AuthorizationAnswer]:
        """What gives a bare code each time and asks the token endpoint for nothing then: for when the client's keys are not in place."""
        scope = self._bare_scopes()
        return lambda: self._code(scope)

    def _code(self, scope: Sequence[str] | None) -> AuthorizationAnswer:
        answer = self.authorize(self.prepare(scope=scope))
        require_settled(answer)
        if not answer.code:
            raise TwinFailed(f"a right authorization request got no code: {answer.describe()}", by="authorization-code-issued")
        return answer

    def bare_code(self) -> AuthorizationAnswer:
        """A code of the scenario's own for which nobody has to choose a patient: for what does not depend on the scopes granted."""
        return self.fresh_code(scope=self._bare_scopes())

    def bare_grant(self) -> Grant:
        """A grant of the scenario's own for which nobody has to choose a patient."""
        return self.fresh_grant(scope=self._bare_scopes())

    def _bare_scopes(self) -> tuple[str, ...] | None:
        """The granted scopes that need no context, once a flow with them has succeeded; None where only all of them will do."""
        self.grant()
        return self._bare or None

    @cached_property
    def _bare(self) -> tuple[str, ...]:
        granted = self.grant().token.scopes
        bare = tuple(s for s in self.scopes if s in granted and not s.startswith(("launch", "patient/")))
        if self.launch_kind == "ehr" or not any(s.startswith("user/") for s in bare):
            return ()
        try:
            token = self.attempt(scope=bare).token
        except Blocked:
            return ()
        return bare if token is not None and token.succeeded and bool(token.refresh_token) == bool(self.grant().token.refresh_token) else ()

    def shared_attempt(self) -> Attempt:
        """The one right flow that scenarios judge step by step; made once and kept, also when it failed."""
        return self.once(RIGHT_FLOW, self._first_attempt)

    @property
    def gets_nowhere(self) -> bool:
        """Whether the right flow was gone through and brought no access token."""
        ended = self.memory.outcome(RIGHT_FLOW)
        return isinstance(ended, Blocked) or (isinstance(ended, Attempt) and (ended.token is None or not ended.token.succeeded))

    def _first_attempt(self) -> Attempt:
        """The right flow; of several pasted launches each is tried until the server takes one, since the first may be too old."""
        while True:
            within = self.launch_kind == "ehr" or self.engine.signed_in(self.user)
            try:
                attempt = self.attempt()
                again = partial(self._attempt, None, None, "", "", "allow", None, doubtful=False)
                attempt = self._after_a_sign_in(attempt, _lacking(attempt), again) if within else attempt
                return self._with_consent_asked_for(attempt, again)
            except PastedLaunchRefused:
                if not self.launches.left(self.client):
                    raise

    def _begun_with_a_sign_in(self, again: Callable[[], Attempt], better: Callable[[Attempt], bool]) -> Attempt | None:
        """A flow begun with a sign-in, as all later ones of this app are where that is better; where it is not, it is not tried again."""
        if self._session_is_no_matter or self._signs_in_anew or self.launches.pasted(self.client):
            return None
        anew = self._begun_otherwise(self.engine.granted_less_within_a_session, again, better)
        self._session_is_no_matter = anew is None
        return anew

    def _begun_otherwise(
        self, ways: set[tuple[str, str]], again: Callable[[], Attempt], better: Callable[[Attempt], bool]
    ) -> Attempt | None:
        """The flow once more, with this app among those whose flows begin in another way; it stays there where that is better."""
        ways.add(self._way)
        with suppress(Blocked):
            if better(anew := again()):
                return anew
        ways.discard(self._way)
        return None

    def _out_of_the_session(self, again: Callable[[], Attempt]) -> Attempt | None:
        """A flow that got stuck within a session, begun with a sign-in; None where that gets no further either.

        A server may let those who were signed in already go on with no more than they had asked for then. That is told.
        """
        anew = self._begun_with_a_sign_in(again, lambda attempt: attempt.succeeded)
        if anew is None:
            return None
        self.engine.notes.append(
            f"[clients.{self.client.name}]: in a session that was there already a login gets stuck that ends well after a sign-in; so that"
            " the rest can be judged, each of the app's flows begins with a sign-in"
        )
        return anew

    def _after_a_sign_in(self, within: Attempt, lacking: Sequence[str], again: Callable[[], Attempt]) -> Attempt:
        """A flow within a session, or the same one begun with a sign-in where that is granted what this one lacks.

        A server may have a policy for people who were signed in already, which says nothing of what the app can be granted. It is told,
        and from then on each flow of this app begins with a sign-in, so that the rest can be judged.
        """

        def gained(attempt: Attempt) -> list[str]:
            return [scope for scope in lacking if attempt.succeeded and scope not in _lacking(attempt)]

        anew = self._begun_with_a_sign_in(again, lambda attempt: bool(gained(attempt))) if lacking else None
        if anew is None:
            return within
        how = "from the EHR, in the session of its chart" if self.launch_kind == "ehr" else "in a session that was there already"
        self.engine.notes.append(
            f"[clients.{self.client.name}]: launched {how}, the app is granted less than after a sign-in: not {' '.join(gained(anew))}; so"
            " that the rest can be judged, each of its flows begins with a sign-in"
        )
        return anew

    def _with_consent_asked_for(self, first: Attempt, again: Callable[[], Attempt]) -> Attempt:
        """The right flow, or the same one with ``prompt=consent`` where only that is given offline access.

        OpenID Connect has a server pass over ``offline_access`` in a request that asks for no consent, unless it has reasons of its own
        (Core section 11); the guide has no word of it. That is told, and the app's later requests ask for it, so that refreshes can be
        judged.
        """
        if not self._left_without_offline_access(first) or self.launches.pasted(self.client):
            return first
        anew = self._begun_otherwise(
            self.engine.offline_with_consent,
            again,
            lambda attempt: attempt.succeeded and not self._left_without_offline_access(attempt),
        )
        if anew is None:
            return first
        note = (
            f"[clients.{self.client.name}]: the server gives offline_access only to requests with prompt=consent (so OpenID Connect"
            " Core section 11); so that refreshes can be judged, each of the app's requests asks for consent"
        )
        if note not in self.engine.notes:
            self.engine.notes.append(note)
        return anew

    def _left_without_offline_access(self, attempt: Attempt) -> bool:
        """Whether offline access was asked for with OpenID Connect of a server that offers it, and neither the scope nor its token came."""
        discovery = self.engine.discovery
        offered = "permission-offline" in discovery.capabilities or "offline_access" in discovery.listed("scopes_supported")
        if not offered or attempt.token is None or not set(attempt.authorization.request.scopes) >= _OFFLINE:
            return False
        return "offline_access" in _lacking(attempt)

    def grant(self, scope: Sequence[str] | None = None, user: User | None = None) -> Grant:
        """A living grant, shared by all scenarios that only look at it."""
        usual = scope is None and user is None
        key = f"grant {' '.join(scope) if scope is not None else ''} of {user.name if user is not None else ''}"
        failure = self.memory.failure(key) or (self.memory.failure(RIGHT_FLOW) if usual else None)
        if failure is not None:
            raise TwinFailed(
                f"the right flow that this scenario builds on did not succeed: {failure.message}",
                hint=failure.hint,
                by=failure.by,
                because=failure,
            )

        def make() -> Grant:
            first = usual and not self.memory.has(key)
            return self.require_grant(self.shared_attempt() if first else self.attempt(scope=scope, user=user))

        return self.tokens.lend(key, make)

    # -- what a run remembers ---------------------------------------------------------------------------------------------

    def once(self, key: str, make: Callable[[], T]) -> T:
        """What ``make`` gives, asked once in a run; several scenarios judge different sides of one answer (see ``Memory``)."""
        return self.memory.once(key, make)

    def aged(self, key: str, probe: Callable[[], Aging[T]]) -> T:
        """Like ``once`` for a probe that lets time pass."""
        return self.memory.aged(key, probe)

    def begin(self, key: str, probe: Callable[[], Aging[Any]]) -> None:
        """Begin a probe that lets time pass, so that other scenarios can use that time."""
        self.memory.begin(key, probe)

    def ripen(self) -> None:
        """Go on with every begun probe whose time has come."""
        self.memory.ripen()

    def require_grant(self, attempt: Attempt) -> Grant:
        """The grant of a right attempt; ``TwinFailed`` when it ended without an access token, ``Unreachable`` when no answer came."""
        if attempt.token is None or not attempt.token.succeeded:
            answer = attempt.token
            if answer is not None and answer.exchange.response is None:
                raise Unreachable(f"the token endpoint gave no answer: {answer.exchange.error}")
            if answer is not None and answer.response.status in TRANSIENT:
                raise Unreachable(f"the token endpoint answered a right request with status {answer.response.status}")
            raise TwinFailed(
                f"the right flow did not end with an access token: {attempt.describe()}",
                waited_for="an access token for a request with nothing wrong in it",
                hint="see the scenarios on authorization and token of this suite, they show the answer",
                by="authorization-code-issued" if answer is None else "token-response-holds-token",
            )
        return Grant(attempt.authorization, attempt.token, attempt.launch, attempt.exchanges)

    # -- what refusals rest on ---------------------------------------------------------------------------------------------

    def prove(self) -> TokenAnswer | None:
        """Go through the right flow once more, whatever is remembered of it; ``Blocked`` says that it no longer goes well.

        A backend service asks for a token, an app goes the whole way; the token comes back. Nothing is proved with pasted launches, of
        which each serves once.
        """
        if self.launch_kind == "ehr" and self.launches.pasted(self.client):
            return None
        if self.launch_kind:
            attempt = self._attempt(None, None, "", "", "allow", None, doubtful=False)
            grant = self.require_grant(attempt)
            token = grant.token
        else:
            token = self.token_request([("grant_type", "client_credentials"), ("scope", " ".join(self.scopes))])
            if not token.succeeded:
                raise TwinFailed(f"a right request for a token no longer succeeds: {token.describe()}")
        read = self.tokens.read_again(token)
        if read is not None and not 200 <= read.answer.status < 300:
            raise TwinFailed(f"a read that succeeded before is refused to a good token: status {read.answer.status}")
        self.engine.proofs.good(self.client.name)
        return token

    def _prove_plainly(self) -> None:
        self.beside(self.client, self.launch_kind).prove()

    def require_still_right(self, answer: AuthorizationAnswer) -> AuthorizationAnswer:
        """The answer to a wrong request; ``TwinFailed`` where it may come from something else and the right flow no longer goes well.

        Asked in the same browser session. A page that was seen just before the right flow went well is one about the request.
        """
        seen = (answer.landing.kind, answer.landing.status, answer.landing.title, answer.landing.text[:200])
        if doubtful(answer) and seen not in self._harmless:
            try:
                self.prove()
            except Blocked as exc:
                raise TwinFailed(
                    f"{answer.describe()}; after that a right request no longer succeeds either: {exc.message}",
                    waited_for="the right flow, which has to go well before and after a wrong request",
                    hint=exc.hint,
                    because=exc,
                ) from exc
            self._harmless.add(seen)
        return answer

    @cached_property
    def _harmless(self) -> set[tuple[str, int, str, str]]:
        """Refusals after which the right flow went well, by what the page showed."""
        return set()


def _lacking(attempt: Attempt) -> list[str]:
    """The scopes asked for that a flow was not granted; none where it came to no token."""
    if attempt.token is None or not attempt.token.succeeded:
        return []
    return Grant(attempt.authorization, attempt.token).lacking


def _refused(attempt: Attempt) -> bool:
    """Whether a right login ended in a refusal that would come again: no code, and nothing that says "not now"."""
    answer = attempt.authorization
    return not answer.code and answer.error not in ("server_error", "temporarily_unavailable") and answer.landing.status < 500
