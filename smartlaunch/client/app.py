"""The app under the suite's control: one registration, one way of launching, and everything an app does with them.

Right flows are shared (``grant``) and handed out only while they live; flows that a scenario spends or poisons are its own
(``fresh_grant``). Failures of the right flow are remembered, so that hundreds of negatives do not repeat a failing login.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from smartlaunch.client.http import Form, answered
from smartlaunch.errors import Blocked, InternalError, LoginStuck, NotApplicable, TwinFailed, Unreachable
from smartlaunch.exchange import Endpoint, Exchange
from smartlaunch.fhir import describe as describe_fhir
from smartlaunch.oauth import client_authentication as authentication
from smartlaunch.oauth import scopes as scope_words
from smartlaunch.oauth.authorization import AuthorizationAnswer, AuthorizationRequest, Launch, make_request
from smartlaunch.oauth.client_authentication import Credentials
from smartlaunch.oauth.id_token import decode
from smartlaunch.oauth.token import TokenAnswer

if TYPE_CHECKING:
    from smartlaunch.client.engine import Engine
    from smartlaunch.target import Client, User

T = TypeVar("T")

_MARGIN_S = 20
"""A shared token is not handed out in its last seconds: the scenario needs time to use it."""


REDEEMED_LATE = "code redeemed late"

_CODE_LIFETIME_S = 60
"""The guide recommends that codes live about a minute; what is older than this may be expected to be dead."""


@dataclass(frozen=True)
class Grant:
    """One completed flow: what the app sent, what it got, and the EHR launch it came from (standalone: None)."""

    authorization: AuthorizationAnswer
    token: TokenAnswer
    launch: Launch | None = None
    exchanges: tuple[str, ...] = ()

    @property
    def access_token(self) -> str:
        """The access token."""
        return self.token.access_token

    @property
    def requested(self) -> list[str]:
        """The scopes asked for."""
        return self.authorization.request.scopes

    @property
    def granted(self) -> list[str]:
        """The scopes granted; when the answer leaves ``scope`` out, RFC 6749 section 5.1 makes them those asked for."""
        return self.token.scopes if "scope" in self.token.body else self.requested

    @property
    def expires_at(self) -> float:
        """When the access token ends by its ``expires_in``, in seconds since the epoch; far away when unknown."""
        lifetime = self.token.expires_in
        return self.token.received_at + lifetime if lifetime is not None else float("inf")


@dataclass(frozen=True)
class Attempt:
    """A flow that may have failed at any step; ``token`` is None when no code came."""

    authorization: AuthorizationAnswer
    token: TokenAnswer | None = None
    launch: Launch | None = None
    exchanges: tuple[str, ...] = ()

    def describe(self) -> str:
        """One sentence on how far the flow came."""
        if self.token is None:
            return self.authorization.describe()
        return f"the token endpoint answered: {self.token.describe()}"


@dataclass(frozen=True)
class EndState:
    """How far a flow went that should have been refused: ``refused`` < ``code`` < ``token`` < ``data``."""

    stage: str
    authorization: AuthorizationAnswer
    token: TokenAnswer | None = None
    read: Exchange | None = None

    def describe(self) -> str:
        """One sentence on the furthest step reached."""
        if self.read is not None:
            return f"an access token was issued and the FHIR server answered it with {describe_fhir(self.read.answer, self.read.error)}"
        if self.token is not None:
            return f"{self.authorization.describe()}; the token endpoint answered: {self.token.describe()}"
        return self.authorization.describe()

    @property
    def exchange(self) -> str:
        """The exchange that shows the furthest step."""
        if self.read is not None:
            return self.read.id
        return self.token.exchange.id if self.token is not None else self.authorization.exchange


@dataclass(frozen=True)
class Replay:
    """A code redeemed twice: both answers, and a read with the token of the first."""

    first: TokenAnswer
    second: TokenAnswer
    read: Exchange


@dataclass
class TokenLife:
    """What is known of a client's access tokens: how often something happened that could end them, and when each was last good."""

    serial: int = 0
    proven: dict[str, int] = field(default_factory=dict)
    tries_left: int = 6


Aging = Generator[float, None, T]
"""A probe that lets time pass: it yields once, the moment (as in ``time.time``) at which it can go on."""


@dataclass
class _Shared:
    grant: Grant | None = None
    failure: Blocked | None = None
    attempt: Attempt | None = None


@dataclass
class App:
    """One client registration launched in one way (``standalone`` or ``ehr``)."""

    engine: Engine
    client: Client
    launch_kind: str
    _shared: dict[tuple[str, str], _Shared] = field(default_factory=dict)
    _made: dict[str, tuple[object, tuple[str, ...]]] = field(default_factory=dict)
    _aging: dict[str, tuple[Aging[object], float, tuple[str, ...]]] = field(default_factory=dict)
    _bare: tuple[str, ...] | None = None

    # -- requests ---------------------------------------------------------------------------------------------------------

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes this app asks for in its way of launching."""
        return tuple(self.client.ehr_launch_scopes if self.launch_kind == "ehr" else self.client.scopes)

    @property
    def token_endpoint(self) -> str:
        """The token endpoint of the server."""
        return self.engine.discovery.url("token_endpoint")

    def request(self, *, scope: Sequence[str] | None = None, launch: Launch | None = None) -> AuthorizationRequest:
        """A right authorization request; an EHR launch needs its launch."""
        return make_request(
            self.engine.discovery.url("authorization_endpoint"),
            client_id=self.client.client_id,
            redirect_uri=self.client.redirect_uri,
            scope=" ".join(scope if scope is not None else self.scopes),
            aud=launch.iss if launch is not None else self.engine.target.fhir_base_url,
            launch=launch.launch if launch is not None else "",
        )

    def launched(self, user: User | None = None) -> Launch | None:
        """A fresh EHR launch, or None for a standalone app."""
        return self.engine.launches.obtain(self, user) if self.launch_kind == "ehr" else None

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
    ) -> AuthorizationAnswer:
        """Put a request to the server with the browser and say where the browser ended.

        ``consent`` is ``allow``, ``deny`` or the scopes to untick; ``catch`` lists further addresses a negative watches for.
        """
        return self.engine.authorize(self, request, user=user, consent=consent, patient=patient, session=session, catch=catch)

    # -- client authentication --------------------------------------------------------------------------------------------

    def credentials(self) -> Credentials:
        """The right credentials of this client for one token request."""
        role = self.client.role
        if role == "public":
            return authentication.none(self.client.client_id)
        if role in ("confidential-symmetric", "resource-server") and self.client.client_secret is not None:
            secret = self.client.client_secret.reveal()
            methods = self.engine.discovery.listed("token_endpoint_auth_methods_supported")
            if methods and "client_secret_basic" not in methods and "client_secret_post" in methods:
                return authentication.post(self.client.client_id, secret)
            return authentication.basic(self.client.client_id, secret)
        return self.assertion().credentials()

    def assertion(self, algorithm: str = "") -> authentication.Assertion:
        """A right client assertion, with the key of the given algorithm or the one the server says it verifies."""
        self.engine.keys.serve(self.client)
        return authentication.make_assertion(
            self.client.client_id,
            self.token_endpoint,
            self.engine.keys.signing_key(self.client, algorithm),
            jwks_uri=self.client.jwks_uri or "",
        )

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
        proof = credentials if credentials is not None else self.credentials()
        all_headers = [("Accept", "application/json"), *proof.headers, *(headers or {}).items()]
        body = [*form, *proof.form] if content is None else None
        exchange = self.engine.http.send(
            method, url or self.token_endpoint, endpoint=Endpoint.TOKEN, headers=all_headers, form=body, content=content
        )
        answered(exchange)
        answer = TokenAnswer(exchange)
        if answer.succeeded:
            self._life.serial += 1
            self._life.proven[answer.access_token] = self._life.serial
            if answer.id_token and self.engine.target.edition == "1.0" and not self.engine.discovery.issuer_of_id_tokens:
                self.engine.discovery.issuer_of_id_tokens = str(decode(answer.id_token).claims.get("iss", ""))
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

    def attempt(self, *, scope: Sequence[str] | None = None, user: User | None = None, session: str = "") -> Attempt:
        """One right flow as far as it goes; a login that gets stuck is ``LoginStuck``, all else is in the answer."""
        with self.engine.recorder.scope("launch") as scope_used:
            launch = self.launched(user)
            answer = self.authorize(self.request(scope=scope, launch=launch), user=user, session=session)
            require_settled(answer)
            if launch is not None and launch.pasted and not answer.code:
                raise Blocked(
                    f"the server does not take the pasted launch: {answer.describe()}",
                    waited_for="an authorization code for the launch of the target file",
                    hint="a launch lives for minutes, mostly for one use and one app: write a fresh `iss` and `launch` into [ehr_launch],"
                    " or let the suite launch by a page or link",
                )
            token = self.exchange(answer) if answer.code else None
        return Attempt(answer, token, launch, tuple(scope_used.ids))

    def fresh_grant(self, *, scope: Sequence[str] | None = None, user: User | None = None, session: str = "") -> Grant:
        """A grant of the scenario's own; ``TwinFailed`` when the server does not give it."""
        self.grant()
        return self.require_grant(self.attempt(scope=scope, user=user, session=session))

    def fresh_code(self, *, scope: Sequence[str] | None = None) -> AuthorizationAnswer:
        """A code of the scenario's own, not yet exchanged; ``TwinFailed`` when none came."""
        self.grant()
        answer = self.authorize(self.prepare(scope=scope))
        require_settled(answer)
        if not answer.code:
            raise TwinFailed(f"a right authorization request got no code: {answer.describe()}")
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
        if self._bare is None:
            self._bare = self._proven_bare_scopes()
        return self._bare or None

    def _proven_bare_scopes(self) -> tuple[str, ...]:
        granted = self.grant().token.scopes
        bare = tuple(s for s in self.scopes if s in granted and not s.startswith(("launch", "patient/")))
        if self.launch_kind == "ehr" or not any(s.startswith("user/") for s in bare):
            return ()
        try:
            token = self.attempt(scope=bare).token
        except Blocked:
            return ()
        return bare if token is not None and token.succeeded and bool(token.refresh_token) == bool(self.grant().token.refresh_token) else ()

    def once(self, key: str, make: Callable[[], T]) -> T:
        """What ``make`` gives, made once per run and handed out again with its exchanges; its refusal to give is kept too.

        Several scenarios judge different sides of one answer; asking again would cost a login each time and add nothing.
        """
        if key not in self._made:
            self._keep(key, make)
        outcome, ids = self._made[key]
        self.engine.recorder.attach_to_current(list(ids))
        if isinstance(outcome, (Blocked, NotApplicable)):
            raise outcome
        return cast("T", outcome)

    def _keep(self, key: str, make: Callable[[], object], before: tuple[str, ...] = ()) -> None:
        with self.engine.recorder.scope(key) as used:
            try:
                outcome: object = make()
            except (Blocked, NotApplicable) as exc:
                outcome = exc
        self._made[key] = (outcome, (*before, *used.ids))

    def aged(self, key: str, probe: Callable[[], Aging[T]]) -> T:
        """Like ``once`` for a probe that lets time pass; what ``begin`` has begun earlier is only waited for."""
        self.begin(key, probe)
        self.ripen(key, wait=True)
        return self.once(key, partial(_unbegun, key))

    def begin(self, key: str, probe: Callable[[], Aging[Any]]) -> None:
        """Begin a probe that lets time pass, so that other scenarios can use that time."""
        if key in self._made or key in self._aging:
            return
        aging = probe()
        with self.engine.recorder.scope(key) as used:
            try:
                ripe = next(aging)
            except (Blocked, NotApplicable) as exc:
                self._made[key] = (exc, tuple(used.ids))
                return
        self._aging[key] = (aging, ripe, tuple(used.ids))

    def ripen(self, key: str = "", *, wait: bool = False) -> None:
        """Go on with what was begun and whose time has come: that of ``key``, or all; with ``wait`` its time is waited for."""
        for name in [key] if key else list(self._aging):
            aging, ripe, ids = self._aging.get(name, (None, 0.0, ()))
            left = ripe - time.time()
            if aging is None or (left > 0 and not wait):
                continue
            del self._aging[name]
            time.sleep(max(0.0, left))
            self._keep(name, partial(_rest_of, aging), ids)

    def vary(self, variation: Callable[[AuthorizationRequest], AuthorizationRequest]) -> Attempt:
        """The right flow with an unusual but permitted request, as far as it goes; the usual one has to succeed first."""
        self.grant()
        with self.engine.recorder.scope("launch") as scope_used:
            answer = self.authorize(variation(self.prepare()))
            require_settled(answer)
            token = self.exchange(answer) if answer.code else None
        return Attempt(answer, token, None, tuple(scope_used.ids))

    def ask_wrong(self, fault: Callable[[AuthorizationRequest], AuthorizationRequest], *, catch: Sequence[str] = ()) -> AuthorizationAnswer:
        """A request with one fault, put to the server once the right one has succeeded."""
        self.grant()
        return self.authorize(fault(self.prepare()), catch=catch)

    def denied(self) -> AuthorizationAnswer:
        """A right request that the user refuses at the consent page; ``NotApplicable`` when no such page is shown."""
        self.grant()
        answer = self.authorize(self.prepare(), consent="deny", session=f"{self.client.name}-denial")
        if answer.code and not any("deny" in step.lower() for step in answer.landing.steps):
            raise NotApplicable("the server asked for no consent, so there was nothing to deny")
        if not answer.arrived and not any("deny" in step.lower() for step in answer.landing.steps):
            require_settled(answer)
        return answer

    def shared_attempt(self) -> Attempt:
        """The one right flow that scenarios judge step by step; made once and kept, also when it failed."""
        shared = self._shared.setdefault(("", ""), _Shared())
        if shared.attempt is None and shared.failure is None:
            try:
                shared.attempt = self.attempt()
            except Blocked as exc:
                shared.failure = exc
        if shared.attempt is None:
            assert shared.failure is not None
            raise shared.failure
        self.engine.recorder.attach_to_current(list(shared.attempt.exchanges))
        return shared.attempt

    def grant(self, scope: Sequence[str] | None = None, user: User | None = None) -> Grant:
        """A living grant, shared by all scenarios that only look at it."""
        key = (" ".join(scope) if scope is not None else "", user.name if user is not None else "")
        shared = self._shared.setdefault(key, _Shared())
        if shared.failure is not None:
            raise TwinFailed(
                f"the right flow that this scenario builds on did not succeed: {shared.failure.message}", hint=shared.failure.hint
            )
        if shared.grant is not None and self.living(shared.grant):
            self.engine.recorder.attach_to_current(list(shared.grant.exchanges))
            return shared.grant
        try:
            if key == ("", "") and shared.grant is None:
                attempt = self.shared_attempt()
            else:
                attempt = self.attempt(scope=scope, user=user)
            shared.grant = self.require_grant(attempt)
        except Blocked as exc:
            shared.failure = exc
            raise
        return shared.grant

    def suspect(self) -> None:
        """Say that a probe may have made the server revoke this client's tokens; each shared grant is tried before its next use."""
        self._life.serial += 1

    @property
    def _life(self) -> TokenLife:
        return self.engine.token_lives.setdefault(self.client.name, TokenLife())

    def living(self, grant: Grant) -> bool:
        """Whether a grant from before can be handed out again: a server may end tokens when the app logs in once more.

        Tried by one read, and only where the client got other tokens since the last one.
        """
        life, token = self._life, grant.access_token
        if time.time() > grant.expires_at - min(_MARGIN_S, (grant.token.expires_in or 60) / 4):
            return False
        if life.proven.get(token) == life.serial or life.tries_left <= 0:
            return True
        answer = self.probe(grant.token).answer
        if answer.status == 401:
            life.tries_left -= 1
            return False
        if not answer.status:
            life.tries_left = 0  # a server that keeps silent would cost its limit each time
        life.proven[token] = life.serial
        return True

    def require_grant(self, attempt: Attempt) -> Grant:
        """The grant of a right attempt; ``TwinFailed`` when it ended without an access token, ``Unreachable`` when no answer came."""
        if attempt.token is None or not attempt.token.succeeded:
            if attempt.token is not None and attempt.token.exchange.response is None:
                raise Unreachable(f"the token endpoint gave no answer: {attempt.token.exchange.error}")
            raise TwinFailed(
                f"the right flow did not end with an access token: {attempt.describe()}",
                waited_for="an access token for a request with nothing wrong in it",
                hint="see the scenarios on authorization and token of this suite, they show the answer",
            )
        return Grant(attempt.authorization, attempt.token, attempt.launch, attempt.exchanges)

    def ask_each_grant_type(self) -> dict[str, Exchange]:
        """What the token endpoint says to a request with nothing but a grant type, for each that the SMART configuration lists.

        ``NotApplicable`` when none is listed. A grant type that another of the configured clients is there for is asked as that one.
        """
        listed = self.engine.discovery.listed("grant_types_supported")
        if not listed:
            raise NotApplicable("the SMART configuration lists no grant types")
        backend = self.engine.target.find_client("backend")
        answers = {}
        for name in listed:
            asking = self.engine.app_of(backend, "") if name == "client_credentials" and backend is not None else self
            answers[name] = asking.token_request([("grant_type", name)]).exchange
            answered(answers[name])
        return answers

    def signed_in_by_nobody(self) -> AuthorizationAnswer:
        """A right request in a browser without any session, whose user has no credentials to give."""
        self.grant()
        return self.engine.authorize_as_nobody(self, self.prepare())

    # -- launch values in wrong hands ---------------------------------------------------------------------------------------

    def with_forged_launch(self) -> EndState:
        """The flow with a launch value that no EHR issued."""
        self.grant()
        return self._with_launch(Launch(self.engine.target.fhir_base_url, secrets.token_urlsafe(32)))

    def with_altered_launch(self) -> EndState:
        """The flow with a real launch value in which one character is changed."""
        self.grant()
        real = self.engine.launches.obtain(self)
        place = len(real.launch) // 2
        changed = real.launch[:place] + ("A" if real.launch[place] != "A" else "B") + real.launch[place + 1 :]
        return self._with_launch(replace(real, launch=changed))

    def with_foreign_launch(self) -> EndState:
        """The flow with a launch value that the EHR issued to another app; that app's own launch has to succeed first."""
        other = second(self)
        self.grant()
        other.grant()
        return self._with_launch(self.engine.launches.obtain(other))

    def with_launch_of_another_user(self) -> EndState:
        """The flow of one user with a launch value from another user's session; both users' own launches have to succeed first."""
        users = [u for u in self.engine.target.users.values() if u.patients != ()]
        first = self.engine.user()
        other = next((u for u in users if first is not None and u.name != first.name and u.persona == first.persona), None)
        if other is None:
            raise NotApplicable("the target file has no second user of the first one's persona")
        self.grant()
        self.grant(user=other)
        return self._with_launch(self.engine.launches.obtain(self), user=other)

    def _with_launch(self, launch: Launch, user: User | None = None) -> EndState:
        answer = self.authorize(self.request(launch=launch), user=user)
        if answer.landing.kind in ("unreachable", "timeout"):
            require_settled(answer)
        return self.pursue(answer)

    # -- codes in wrong hands and at wrong times ----------------------------------------------------------------------------

    def redeemed_by_second(self) -> TokenAnswer:
        """A fresh code of this app, redeemed by the second client with its own right credentials and this app's verifier."""
        other = second(self)
        answer = self.bare_code()
        return other.token_request(self.code_form(answer))

    def redeemed_late(self) -> TokenAnswer:
        """A code redeemed after its time.

        The client registered with short-lived codes is used where there is one. ``NotApplicable`` when the target file allows no
        waiting.
        """
        return self.aged(REDEEMED_LATE, self.redeem_late)

    def redeem_late(self) -> Aging[TokenAnswer]:
        """The probe of ``redeemed_late``."""
        limit_s = self.engine.target.limits.wait_for_expiry_s
        if limit_s <= 0:
            raise NotApplicable("waiting is not allowed: set limits.wait_for_expiry_s in the target file to let codes and tokens expire")
        try:
            app = second(self, "short-lived")
        except NotApplicable:
            if limit_s < _CODE_LIFETIME_S:
                raise NotApplicable(
                    f"codes may live {_CODE_LIFETIME_S} s; limits.wait_for_expiry_s = {limit_s:g} is shorter and no client with"
                    " use = 'short-lived' is configured"
                ) from None
            app = self
        answer = app.fresh_code()
        yield time.time() + min(limit_s, _CODE_LIFETIME_S if app is self else limit_s)
        return app.exchange(answer)

    def replayed(self) -> Replay:
        """A code of its own redeemed twice; other tokens of this client are tried before they are handed out again."""
        answer = self.fresh_code()
        first = self.exchange(answer)
        if not first.succeeded:
            raise TwinFailed(f"a fresh code was not redeemed: {first.describe()}")
        replay = self.exchange(answer)
        self.suspect()
        return Replay(first, replay, self.probe(first))

    # -- how far does it go -----------------------------------------------------------------------------------------------

    def pursue(self, answer: AuthorizationAnswer, **changes: str | None) -> EndState:
        """Go on from an answer that should have been a refusal as far as the server lets the app."""
        if not answer.code:
            return EndState("refused", answer)
        token = self.token_request(self.code_form(answer, **changes))
        if not token.succeeded:
            return EndState("code", answer, token)
        read = self.probe(token)
        return EndState("data" if 200 <= read.answer.status < 300 else "token", answer, token, read)

    def probe(self, token: TokenAnswer | Grant) -> Exchange:
        """A harmless FHIR read that the token should allow."""
        answer = token.token if isinstance(token, Grant) else token
        return self.engine.fhir.read(self.probe_path(answer), answer.access_token)

    def probe_path(self, token: TokenAnswer) -> str:
        """What to read with a token: the patient in context, else the first type its scopes allow."""
        granted = token.scopes or list(self.scopes)
        if token.patient and any(scope_words.allows(granted, level, "Patient", "r") for level in ("patient", "user")):
            return f"Patient/{token.patient}"
        patient = token.patient or (self.engine.target.patients.default or "")
        for parsed in filter(None, map(scope_words.parse, granted)):
            resource = "Patient" if parsed.resource == "*" else parsed.resource
            if "s" in parsed.interactions:
                limit = (
                    f"?patient={patient}&_count=1" if patient and resource != "Patient" else f"?_id={patient}" if patient else "?_count=1"
                )
                return resource + limit
            if "r" in parsed.interactions and resource == "Patient" and patient:
                return f"Patient/{patient}"
        return f"Patient/{patient}" if patient else "Patient?_count=1"


def require_settled(answer: AuthorizationAnswer) -> None:
    """Raise ``LoginStuck`` or ``Unreachable`` when the browser got neither an answer nor a refusal."""
    landing = answer.landing
    if landing.kind == "unreachable" or (landing.kind == "timeout" and not landing.title and not landing.controls):
        raise Unreachable(
            f"the browser got no answer: {landing.reason or landing.text or landing.title}",
            waited_for="the authorization endpoint",
            hint="run `smartlaunch doctor`",
        )
    if landing.kind in ("no-way-on", "timeout"):
        controls = "; ".join(landing.controls[:12]) if landing.controls else "none"
        raise LoginStuck(
            f"the login got stuck on the page {landing.title!r} (status {landing.status}) after: {', '.join(landing.steps) or 'nothing'}."
            + (f" {landing.reason[0].upper()}{landing.reason[1:]}." if landing.reason else "")
            + f" Visible controls: {controls}",
            waited_for="the navigation back to the app",
            hint="add a step for this page to [login] of the target file, see docs/target-file.md, or run with --headed and help by hand",
            artifacts=(landing.screenshot,) if landing.screenshot else (),
        )


def _rest_of(aging: Aging[object]) -> object:
    try:
        next(aging)
    except StopIteration as end:
        return end.value
    raise InternalError("a probe that lets time pass waited twice")


def _unbegun(key: str) -> NoReturn:
    raise InternalError(f"{key!r} was neither begun nor given up")


def second(app: App, use: str = "second") -> App:
    """The app with the same role and launch that has another registration, or ``NotApplicable``."""
    for client in app.engine.target.clients.values():
        if client.use == use and client.role == app.client.role:
            return app.engine.app_of(client, app.launch_kind)
    raise NotApplicable(f"no client with use = {use!r} and role = {app.client.role!r} is configured in the target file")


def registered_of_another(app: App) -> str:
    """The redirect URI of another app of the target file that this one does not have; ``NotApplicable`` when there is none."""
    for client in app.engine.target.clients.values():
        if client.redirect_uri and client.client_id != app.client.client_id and client.redirect_uri != app.client.redirect_uri:
            return client.redirect_uri
    raise NotApplicable("no other client of the target file has a redirect URI of its own")


def with_changes(answer: AuthorizationAnswer, **changes: Any) -> AuthorizationAnswer:
    """An answer with fields replaced, for probes that reuse a code in another request's name."""
    return replace(answer, **changes)
