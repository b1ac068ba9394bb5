"""Refreshing as the suite does it: a line of refresh tokens of its own, right refreshes that are shared, and wrong ones.

A server may replace a refresh token at each use, and may end a whole grant when it is misused. So a line keeps the newest token,
proves it good by a right refresh just before each wrong one, and starts again with a fresh grant when a probe has killed it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from smartlaunch.client.grant import Grant
from smartlaunch.client.http import answered
from smartlaunch.errors import Blocked, NotApplicable, TwinFailed
from smartlaunch.exchange import Endpoint, Exchange
from smartlaunch.oauth import client_authentication as authentication
from smartlaunch.oauth import scopes as scope_words
from smartlaunch.oauth.id_token import decode
from smartlaunch.probes.faults import altered

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.oauth.client_authentication import Credentials
    from smartlaunch.oauth.token import TokenAnswer

_SECONDS_APART = 2.1
"""Time stamps of tokens are whole seconds."""

WIDER = {
    "every resource of the patient": "patient/*.cruds",
    "every resource of the user": "user/*.cruds",
    "everything in the system": "system/*.cruds",
}
"""Scopes that no narrow grant contains; one that was granted all the same is skipped."""


@dataclass
class Line:
    """A grant of its own and the newest refresh token that came from it."""

    app: App
    grant: Grant
    current: str

    def refresh(self, scope: str | None = None) -> TokenAnswer:
        """A right refresh; the line goes on with the refresh token it brings, if any."""
        answer = self.app.refresh(self.current, scope=scope)
        answered(answer.exchange)
        if answer.succeeded and answer.refresh_token:
            self.current = answer.refresh_token
        return answer


@dataclass(frozen=True)
class Refreshed:
    """A refresh beside the grant it continues; ``asked`` are the scopes the request named, empty without any."""

    grant: Grant
    answer: TokenAnswer
    asked: tuple[str, ...] = ()

    @property
    def granted(self) -> list[str]:
        """The scopes of the answer; those asked for, or the first ones, when it leaves them out."""
        if "scope" in self.answer.body:
            return self.answer.scopes
        return list(self.asked) or self.grant.granted

    @property
    def lost(self) -> list[str]:
        """Scopes that were due, by what was asked for or by the first grant, and are not in the answer.

        The scopes on launch context have done their work when the app was launched; leaving them out takes nothing away.
        """
        due = self.asked or self.grant.granted
        return [s for s in scope_words.missing(due, self.granted) if not scope_words.CONTEXT.match(s)]

    @property
    def gained(self) -> list[str]:
        """Scopes of the answer beyond what the user granted."""
        return scope_words.added(self.grant.granted, self.granted)

    @property
    def unasked(self) -> list[str]:
        """Scopes of the answer beyond what the request named."""
        return scope_words.added(self.asked, self.granted) if self.asked else []


@dataclass(frozen=True)
class Reuse:
    """A refresh token used again after its replacement: the answer, and what became of the replacement and its access token."""

    replay: TokenAnswer
    after: TokenAnswer
    read: Exchange


@dataclass(frozen=True)
class Renewed:
    """The ID Token of a refresh beside the first one: claims of both, the nonce sent, and when the later one came."""

    answer: TokenAnswer
    first: dict[str, Any]
    second: dict[str, Any]
    nonce: str

    @property
    def exchange(self) -> Exchange:
        """The exchange that brought the later one."""
        return self.answer.exchange

    @property
    def received_at(self) -> float:
        """When the later one came."""
        return self.answer.received_at


def has_refresh_token(grant: Grant) -> Grant:
    """The grant when it has a refresh token, else ``NotApplicable``."""
    if not grant.token.refresh_token:
        raise NotApplicable("the token response has no refresh token; another scenario tells whether one was due")
    return grant


def line(app: App) -> Line:
    """The line that most probes share: made at its first use and alive when it is handed out."""
    return _alive(app.once("refresh line", lambda: _start(app)), lambda: _start(app))


def _alive(kept: Line, start: Callable[[], Line]) -> Line:
    """The line once a right refresh has succeeded; started again when the first one is refused."""
    answer = kept.refresh()
    if not answer.succeeded:
        fresh = start()
        kept.grant, kept.current = fresh.grant, fresh.current
        answer = kept.refresh()
    if not answer.succeeded:
        raise TwinFailed(
            f"a right refresh was refused: {answer.describe()}",
            waited_for="an access token for a fresh refresh token",
            by="refresh-access-token-works",
        )
    return kept


def _start(app: App) -> Line:
    has_refresh_token(app.grant())
    grant = has_refresh_token(app.fresh_grant())
    return Line(app, grant, grant.token.refresh_token)


def _narrow_line(app: App) -> Line:
    """A line whose grant has one clinical scope less than the app may have."""
    dropped = spare_scope(app)
    grant = has_refresh_token(app.fresh_grant(scope=[s for s in app.scopes if s != dropped]))
    if scope_words.covered(dropped, grant.granted):
        raise NotApplicable(f"the server granted `{dropped}` although the app did not ask for it; the scenarios on scopes judge that")
    return Line(app, grant, grant.token.refresh_token)


def spare_scope(app: App) -> str:
    """A clinical scope that the right flow is granted and could do without: not Patient, and not the only one."""
    granted = has_refresh_token(app.grant()).granted
    spare = [s for s in app.scopes if (p := scope_words.parse(s)) and p.resource not in ("*", "Patient") and s in granted]
    others = [s for s in granted if scope_words.parse(s)]
    if not spare or len(others) < 2:
        raise NotApplicable("two clinical scopes, one of them for a single type other than Patient, have to be granted for this")
    return spare[0]


# -- right refreshes ----------------------------------------------------------------------------------------------------------


def refreshed(app: App) -> Refreshed:
    """The first refresh of a grant, without ``scope``; a refusal is ``TwinFailed``, any other answer is judged as it is."""

    def make() -> Refreshed:
        has_refresh_token(app.grant())
        grant = has_refresh_token(app.fresh_grant())
        answer = app.refresh(grant.token.refresh_token)
        answered(answer.exchange)
        if answer.error or answer.response.status >= 300:
            raise TwinFailed(
                f"a right refresh was refused: {answer.describe()}",
                waited_for="an access token for a fresh refresh token",
                by="refresh-access-token-works",
            )
        return Refreshed(grant, answer)

    return app.once("refreshed", make)


def refresh_again(app: App) -> Refreshed:
    """The refresh with the token that a refresh brought; ``NotApplicable`` when it brought none."""

    def make() -> Refreshed:
        first = refreshed(app)
        if not first.answer.refresh_token:
            raise NotApplicable("the refresh response has no new refresh token")
        answer = app.refresh(first.answer.refresh_token)
        answered(answer.exchange)
        return Refreshed(first.grant, answer)

    return app.once("refreshed again", make)


def renewed(app: App) -> Renewed:
    """An ID Token that came with a refresh, issued at least two seconds after the first; ``NotApplicable`` when none comes."""

    def make() -> Renewed:
        own = line(app)
        first = decode(own.grant.token.id_token) if own.grant.token.id_token else None
        if first is None or first.problem:
            raise NotApplicable("the first answer has no readable ID Token")
        time.sleep(max(0.0, own.grant.token.received_at + _SECONDS_APART - time.time()))
        answer = own.refresh()
        if not answer.succeeded:
            raise TwinFailed(f"a right refresh was refused: {answer.describe()}", by="refresh-access-token-works")
        if not answer.id_token:
            raise NotApplicable("the refresh response has no ID Token, which is allowed")
        return Renewed(answer, first.claims, decode(answer.id_token).claims, own.grant.authorization.request.get("nonce"))

    return app.once("renewed ID Token", make)


def refresh_part(app: App) -> Refreshed:
    """A refresh for all scopes but one."""

    def make() -> Refreshed:
        dropped = spare_scope(app)
        own = line(app)
        part = tuple(s for s in own.grant.granted if s != dropped and not scope_words.covered(dropped, [s]))
        return Refreshed(own.grant, own.refresh(scope=" ".join(part)), part)

    return app.once("refreshed for a part", make)


def refresh_whole_after_part(app: App) -> Refreshed:
    """A refresh without ``scope``, with the new refresh token that a refresh for a part brought."""

    def make() -> Refreshed:
        dropped = spare_scope(app)
        own = line(app)
        part = [s for s in own.grant.granted if s != dropped]
        before = own.current
        answer = own.refresh(scope=" ".join(part))
        if not answer.succeeded:
            raise TwinFailed(f"a refresh for a part of the scopes was refused: {answer.describe()}")
        if own.current == before:
            raise NotApplicable("the refresh response has no new refresh token")
        return Refreshed(own.grant, own.refresh())

    return app.once("refreshed whole after a part", make)


def without_browser(app: App) -> Refreshed:
    """A refresh after the browser that gave the authorization is closed with all it knew."""
    grant = _left(app, offline(app), "offline-user")
    return Refreshed(grant, app.refresh(grant.token.refresh_token))


def offline(app: App) -> list[str]:
    """The app's scopes with offline access; ``NotApplicable`` when it has none."""
    if "offline_access" not in app.scopes:
        raise NotApplicable("the scopes of the client in the target file do not have `offline_access`")
    return list(app.scopes)


def online(app: App) -> list[str]:
    """The app's scopes with online access in place of offline access."""
    known = app.client.registered.scopes
    if "online_access" not in app.scopes and known and "online_access" not in known:
        raise NotApplicable("the client is not registered for `online_access`")
    return [*(s for s in app.scopes if s not in ("offline_access", "online_access")), "online_access"]


def online_grant(app: App) -> Grant:
    """A grant of online access in a browser of its own; ``NotApplicable`` when the server grants none."""

    def make() -> Grant:
        grant = app.fresh_grant(scope=online(app), session=_session(app, "online-user"))
        return granted(grant, "online_access")

    return app.once("online grant", make)


def offline_grant(app: App) -> Grant:
    """The right grant when it has offline access."""
    offline(app)
    return granted(app.grant(), "offline_access")


def granted(grant: Grant, scope: str) -> Grant:
    """The grant when its scopes have the given one; a server may choose which apps get it."""
    if scope not in grant.granted:
        raise NotApplicable(f"the server did not grant `{scope}` to this app")
    return grant


def while_online(app: App) -> Refreshed:
    """A refresh of online access while the user's browser stays open."""
    grant = has_refresh_token(online_grant(app))
    return app.once("refreshed online", lambda: Refreshed(grant, app.refresh(grant.token.refresh_token)))


def offline_after_sign_out(app: App) -> Refreshed:
    """A refresh of offline access after the user signed out."""
    grant = _left(app, offline(app), "leaving-user", sign_out=True)
    return Refreshed(grant, app.refresh(grant.token.refresh_token))


def online_after_sign_out(app: App) -> Refreshed:
    """A refresh of online access after the user signed out."""
    first = while_online(app)
    if not first.answer.succeeded:
        raise TwinFailed(f"online access could not be refreshed before the sign-out: {first.answer.describe()}")
    _sign_out(app, first.grant, _session(app, "online-user"))
    return Refreshed(first.grant, app.refresh(first.answer.refresh_token or first.grant.token.refresh_token))


def _left(app: App, scope: list[str], who: str, *, sign_out: bool = False) -> Grant:
    name = _session(app, who)
    granted(app.grant(), "offline_access")
    grant = has_refresh_token(granted(app.fresh_grant(scope=scope, session=name), "offline_access"))
    if sign_out:
        _sign_out(app, grant, name)
    app.engine.browser.session(name).close()
    return grant


def _sign_out(app: App, grant: Grant, session: str) -> None:
    """Open the server's sign-out page in the user's browser (OpenID Connect RP-Initiated Logout section 2)."""
    engine = app.engine
    document = engine.discovery.openid_configuration.answer.object if engine.discovery.has("issuer") else {}
    url = document.get("end_session_endpoint")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise NotApplicable("the OpenID configuration names no `end_session_endpoint`, so the suite cannot sign the user out")
    from urllib.parse import urlencode

    query = {"client_id": app.client.client_id, **({"id_token_hint": grant.token.id_token} if grant.token.id_token else {})}
    landing = engine.browser.session(session).go(
        f"{url}{'&' if '?' in url else '?'}{urlencode(query)}", catch=[], plan=engine.plan(None), first=Endpoint.PAGE, login_timeout_s=10
    )
    if landing.status is None or not 200 <= landing.status < 300:
        raise NotApplicable(f"the sign-out page answered with status {landing.status}")


def _session(app: App, who: str) -> str:
    return f"{who}-{app.client.name}-{app.launch_kind}"


# -- wrong refreshes ----------------------------------------------------------------------------------------------------------


def wrong_token(app: App, label: str) -> TokenAnswer:
    """A refresh with something else in place of the refresh token."""
    own = line(app)
    value = {
        "a made-up refresh token": secrets.token_urlsafe(32),
        "a refresh token with one character changed": altered(own.current),
        "an access token": own.grant.access_token,
        "an authorization code": own.grant.authorization.code,
        "an empty refresh token": "",
    }[label]
    return app.once(f"refresh with {label}", lambda: app.refresh(value))


def without_token(app: App) -> TokenAnswer:
    """A refresh request that lacks the refresh token."""
    line(app)
    return app.token_request([("grant_type", "refresh_token")])


def by_another_client(app: App) -> TokenAnswer:
    """A refresh token of this app in the hands of the second client, which authenticates rightly as itself."""
    other = app.other()
    own = line(app)
    other.grant()
    return other.refresh(own.current)


def badly_authenticated(app: App, label: str) -> TokenAnswer:
    """A refresh with client authentication that is missing or wrong."""
    own = line(app)
    return app.refresh(own.current, bad_credentials(app, label))


def bad_credentials(app: App, label: str) -> Credentials:
    """Client authentication with one fault, for confidential clients of either kind."""
    client_id = app.client.client_id
    if label == "no client authentication":
        return authentication.Credentials()
    if label == "a client_id alone":
        return authentication.none(client_id)
    if label != "wrong client authentication":
        raise KeyError(label)
    if app.client.role == "confidential-asymmetric":
        right = app.assertion()
        return replace(right, key={**authentication.new_key(right.algorithm), "kid": right.key.get("kid")}).credentials()
    wrong = secrets.token_urlsafe(24)
    right_way = app.credentials()
    return authentication.basic(client_id, wrong) if right_way.headers else authentication.post(client_id, wrong)


def after_revocation(app: App) -> TokenAnswer:
    """The refresh token of a grant of its own, used after its revocation."""
    from smartlaunch.probes.revocation import revoke

    def make() -> TokenAnswer:
        has_refresh_token(app.grant())
        grant = has_refresh_token(app.fresh_grant())
        first = app.refresh(grant.token.refresh_token)
        if not first.succeeded:
            raise TwinFailed(f"a right refresh was refused: {first.describe()}", by="refresh-access-token-works")
        token = first.refresh_token or grant.token.refresh_token
        answer = revoke(app, token, hint="refresh_token")
        app.suspect()
        if not 200 <= answered(answer).status < 300:
            raise TwinFailed(f"the revocation was refused with status {answer.answer.status}; the scenarios on revocation judge that")
        return app.refresh(token)

    return app.once("refresh after revocation", make)


def wider(app: App, label: str) -> tuple[Refreshed, Exchange | None]:
    """A refresh for what was not granted, and a read that only the wider scope would allow."""

    def make() -> tuple[Refreshed, Exchange | None]:
        dropped = spare_scope(app)
        own = _alive(app.once("narrow refresh line", lambda: _narrow_line(app)), lambda: _narrow_line(app))
        extra = dropped if label == "a scope it did not ask for before" else WIDER[label]
        if scope_words.covered(extra, own.grant.granted):
            raise NotApplicable(f"`{extra}` was granted already")
        before, asked = own.current, (*own.grant.granted, extra)
        answer = own.refresh(scope=" ".join(asked))
        own.current = own.current if answer.succeeded else before
        read = _use(app, dropped, own.grant, answer)
        return Refreshed(own.grant, answer, asked), read

    return app.once(f"refresh for {label}", make)


def _use(app: App, scope: str, grant: Grant, answer: TokenAnswer) -> Exchange | None:
    parsed = scope_words.parse(scope)
    patient = grant.token.patient or app.engine.target.patients.default
    if not answer.succeeded or parsed is None or "s" not in parsed.interactions or not patient:
        return None
    if any(scope_words.allows(grant.granted, level, parsed.resource, "s") for level in ("patient", "user", "system")):
        return None
    name = "_id" if parsed.resource == "Patient" else "patient"
    if parsed.level == "user" and parsed.resource not in ("Observation", "Condition", "Encounter"):
        return None
    return app.engine.fhir.search(parsed.resource, [(name, patient), ("_count", "1")], answer.access_token)


def reused(app: App) -> Reuse:
    """A refresh token used again after it was replaced; ``NotApplicable`` when the server does not replace them."""

    def make() -> Reuse:
        has_refresh_token(app.grant())
        grant = has_refresh_token(app.fresh_grant())
        old = grant.token.refresh_token
        answer = app.refresh(old)
        answered(answer.exchange)
        if not answer.succeeded:
            raise TwinFailed(f"a right refresh was refused: {answer.describe()}", by="refresh-access-token-works")
        if not answer.refresh_token or answer.refresh_token == old:
            raise NotApplicable("the server does not replace refresh tokens of this client")
        replay = app.refresh(old)
        app.suspect()
        answered(replay.exchange)
        after = app.refresh(answer.refresh_token)
        return Reuse(replay, after, app.probe(answer))

    return app.once("refresh token reuse", make)


def require_alive(app: App, token: TokenAnswer) -> Exchange:
    """A read with a token that a refresh brought; ``Blocked`` when the first token of the line could not do it either."""
    twin = app.probe(app.grant())
    if not 200 <= answered(twin).status < 300:
        raise Blocked(f"the FHIR server answers the first access token with status {twin.answer.status}")
    return app.probe(token)
