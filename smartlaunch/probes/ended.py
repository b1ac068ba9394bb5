"""An access token that every place has taken before it was revoked, asked about at each of them after that.

A server that keeps an answer for a while finds a token good that has ended since; one that was never asked before does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable, TwinFailed
from smartlaunch.exchange import Exchange
from smartlaunch.probes import id_token, introspection, revocation
from smartlaunch.probes.refresh.lines import go_on, refused, shared_line

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.grant import Grant
    from smartlaunch.oauth.token import TokenAnswer


@dataclass(frozen=True)
class Ended:
    """What is answered about a revoked access token where it was taken before; or why that place has nothing to tell."""

    introspection: Exchange | NotApplicable
    userinfo: Exchange | NotApplicable


def after_revocation(app: App) -> Ended:
    """The answers about a token that was taken everywhere and then revoked, so that the FHIR server refuses it."""
    return app.once("a token that was taken everywhere and then revoked", lambda: _after_revocation(app))


def told(found: Exchange | NotApplicable) -> Exchange:
    """The answer of one place, or the error that says why there is none."""
    if isinstance(found, NotApplicable):
        raise found
    return found


def _after_revocation(app: App) -> Ended:
    revocation.endpoint(app)
    fresh = _fresh(app)
    token = fresh.access_token
    read = answered(app.tokens.probe(fresh))
    if not 200 <= read.status < 300:
        raise TwinFailed(f"the FHIR server answers a fresh access token with status {read.status}")
    before = [_asked(app, token), _looked_up(app, token)]
    answer = revocation.revoke(app, token, hint="access_token")
    app.tokens.suspect()
    if not 200 <= answered(answer).status < 300 or 200 <= revocation.read_until_refused(app, fresh).answer.status < 300:
        raise NotApplicable("no access token could be revoked; the scenarios on revocation judge that")
    after = (_asked, _looked_up)
    return Ended(*(found if isinstance(found, NotApplicable) else again(app, token) for found, again in zip(before, after, strict=True)))


def _fresh(app: App) -> Grant | TokenAnswer:
    """An access token of its own, by a refresh where there is a refresh token: that takes no login."""
    if not app.grant().token.refresh_token:
        return revocation.own_grant(app)
    answer = go_on(app, shared_line(app))
    if not answer.succeeded:
        raise refused(answer)
    return answer


def _asked(app: App, token: str) -> Exchange | NotApplicable:
    """The answer of introspection; the error where it does not know the app's tokens at all."""
    try:
        introspection.proven(app)
    except NotApplicable as exc:
        return exc
    exchange = introspection.send(app, token, introspection.caller(app))
    answered(exchange)
    return exchange


def _looked_up(app: App, token: str) -> Exchange | NotApplicable:
    """The answer of the UserInfo endpoint; the error where there is none, or it answers no usual request."""
    try:
        id_token.usual_userinfo(app)
    except NotApplicable as exc:
        return exc
    return id_token.userinfo(app.engine, token)
