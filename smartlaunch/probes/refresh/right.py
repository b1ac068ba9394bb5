"""Right refreshes that scenarios judge from different sides: of everything, of a part, and with an ID Token."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smartlaunch.client.http import answered
from smartlaunch.client.waits import let_pass
from smartlaunch.errors import Blocked, NotApplicable, NotConfigured
from smartlaunch.exchange import Exchange
from smartlaunch.oauth import scopes as scope_words
from smartlaunch.oauth.id_token import decode
from smartlaunch.probes.refresh.lines import go_on, own_grant, refused, shared_line, spare_scope

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.grant import Grant
    from smartlaunch.oauth.token import TokenAnswer

KEPT_CLAIMS = ("iss", "sub")
"""Claims that the ID Token of a refresh has from the first one."""

_SECONDS_APART = 2.1
"""Time stamps of tokens are whole seconds."""


@dataclass(frozen=True)
class Refreshed:
    """A refresh beside the grant it continues; ``asked`` are the scopes the request named, empty without any."""

    grant: Grant
    answer: TokenAnswer
    asked: tuple[str, ...] = ()
    read: Exchange | None = None
    """A read with the new access token at once, as a later login may end it; None where nothing can be read."""

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
class Renewed:
    """The ID Token of a refresh beside the first one: claims of both, the nonce sent, and when the later one came."""

    grant: Grant
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


def refreshed(app: App) -> Refreshed:
    """The first refresh of a grant, without ``scope``; a refusal is ``TwinFailed``, any other answer is judged as it is."""

    def make() -> Refreshed:
        grant = own_grant(app)
        answer = _first_refresh(app, grant.token.refresh_token)
        if answer.access_token == grant.access_token:
            _let_a_second_pass(grant)
            answer = _first_refresh(app, answer.refresh_token or grant.token.refresh_token)
        return Refreshed(grant, answer, read=read_at_once(app, answer))

    return app.once("refreshed", make)


def _first_refresh(app: App, refresh_token: str) -> TokenAnswer:
    answer = app.refresh(refresh_token)
    answered(answer.exchange)
    if answer.error or answer.response.status >= 300:
        raise refused(answer, waited_for="an access token for a fresh refresh token")
    return answer


def _let_a_second_pass(grant: Grant) -> None:
    """Wait until a time of issue can differ: two tokens of one content and one second, without an id of their own, are the same string."""
    let_pass(grant.token.received_at + _SECONDS_APART - time.time())


def again(app: App) -> Refreshed:
    """The refresh with the token that a refresh brought; ``NotApplicable`` when it brought none.

    A server may end a whole grant when its user signs in once more, and other scenarios do so. What is refused is therefore asked once
    more with nothing in between.
    """

    def make() -> Refreshed:
        second = _second(app, refreshed(app))
        if second.answer.succeeded:
            return second
        grant = own_grant(app)
        return _second(app, Refreshed(grant, _first_refresh(app, grant.token.refresh_token)))

    return app.once("refreshed again", make)


def _second(app: App, first: Refreshed) -> Refreshed:
    if not first.answer.refresh_token:
        raise NotApplicable("the refresh response has no new refresh token")
    answer = app.refresh(first.answer.refresh_token)
    answered(answer.exchange)
    return Refreshed(first.grant, answer, read=read_at_once(app, answer) if answer.succeeded else None)


def with_empty_scope(app: App) -> Refreshed:
    """A refresh whose ``scope`` has no value, which is one without it; one without it has to go well first."""

    def make() -> Refreshed:
        refreshed(app)
        grant = own_grant(app)
        answer = app.refresh(grant.token.refresh_token, scope="")
        answered(answer.exchange)
        return Refreshed(grant, answer)

    return app.once("refreshed with an empty scope", make)


def renewed(app: App) -> Renewed:
    """An ID Token that came with a refresh, issued at least two seconds after the first; ``NotApplicable`` when none comes."""

    def make() -> Renewed:
        own = shared_line(app)
        first = decode(own.grant.token.id_token) if own.grant.token.id_token else None
        if first is None or first.problem:
            raise NotApplicable("the first answer has no readable ID Token")
        _let_a_second_pass(own.grant)
        answer = go_on(app, own)
        if not answer.succeeded:
            raise refused(answer, of=own)
        if not answer.id_token:
            raise NotApplicable("the refresh response has no ID Token, which is allowed")
        return Renewed(own.grant, answer, first.claims, decode(answer.id_token).claims, own.grant.authorization.request.get("nonce"))

    return app.once("renewed ID Token", make)


def renewed_after_a_sign_in(app: App) -> Renewed:
    """The same after the user has signed in elsewhere, since a server may keep one time for a user, whatever login a token is of."""

    def make() -> Renewed:
        renewed(app)
        own = shared_line(app)
        _let_a_second_pass(own.grant)
        app.fresh_grant(session=f"{app.client.name}-signs-in-elsewhere")
        answer = go_on(app, own)
        if not answer.succeeded:
            raise NotApplicable("the server ends a grant when its user signs in elsewhere")
        if not (answer.id_token and own.grant.token.id_token):
            raise NotApplicable("the refresh response has no ID Token, which is allowed")
        first, later = decode(own.grant.token.id_token).claims, decode(answer.id_token).claims
        return Renewed(own.grant, answer, first, later, own.grant.authorization.request.get("nonce"))

    return app.once("renewed ID Token after a sign-in elsewhere", make)


def part(app: App) -> Refreshed:
    """A refresh for all scopes but one."""
    return app.once("refreshed for a part", lambda: part_at_once(app))


def part_at_once(app: App) -> Refreshed:
    """The same made anew: for who uses its access token, which a later login may have ended."""
    dropped = spare_scope(app)
    own = shared_line(app)
    asked = tuple(s for s in own.grant.granted if s != dropped and not scope_words.covered(dropped, [s]))
    return Refreshed(own.grant, go_on(app, own, " ".join(asked)), asked)


def whole_after_part(app: App, *, replaced: bool = True) -> Refreshed:
    """A refresh without ``scope`` after one for a part: with the new refresh token that it brought, or with the same one."""

    def make() -> tuple[Refreshed, bool]:
        dropped = spare_scope(app)
        own = shared_line(app)
        before = own.current
        answer = go_on(app, own, " ".join(s for s in own.grant.granted if s != dropped))
        if not answer.succeeded:
            raise refused(answer, of=own)
        renewed = own.current != before
        return Refreshed(own.grant, go_on(app, own)), renewed

    made, by_a_new_one = app.once("refreshed whole after a part", make)
    if by_a_new_one is not replaced:
        raise NotApplicable(f"the refresh response has {'no' if replaced else 'a'} new refresh token")
    return made


def read_at_once(app: App, answer: TokenAnswer) -> Exchange | None:
    """A read with the access token of a refresh before anybody logs in again; None where there is none, or nothing to read."""
    try:
        return app.tokens.probe(answer) if answer.succeeded else None
    except NotConfigured:
        return None


def require_alive(app: App, refreshed: Refreshed) -> Exchange:
    """A read with the token that a refresh brought; ``Blocked`` when the first token of the line could not do it either."""
    if refreshed.read is not None and 200 <= refreshed.read.heard.status < 300:
        return refreshed.read
    twin = app.tokens.probe(app.grant())
    if not 200 <= answered(twin).status < 300:
        raise Blocked(f"the FHIR server answers the first access token with status {twin.answer.status}")
    return app.tokens.probe(refreshed.answer)
