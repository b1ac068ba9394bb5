"""Revocation by somebody whose token it is not: who cannot authenticate as the client, or is another one (RFC 7009 section 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smartlaunch.client.grant import Grant
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable, TwinFailed
from smartlaunch.exchange import Exchange
from smartlaunch.probes.client_authentication import either
from smartlaunch.probes.client_authentication.heeded import require_heeded
from smartlaunch.probes.refresh.lines import has_refresh_token
from smartlaunch.probes.revocation import Revoked, endpoint, own_grant, require_carried_out, revoke

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.oauth.token import TokenAnswer


def badly_authenticated(app: App, label: str) -> Revoked:
    """A revocation by someone who holds the token and cannot authenticate as the client."""

    def make() -> Revoked:
        require_carried_out(app)
        grant = app.tokens.lend("grant that nobody may revoke", lambda: own_grant(app))  # living: a later login may have ended it
        before = app.tokens.probe(grant)
        if not 200 <= answered(before).status < 300:
            raise TwinFailed(f"the token that nobody may revoke is refused before anybody tries: status {before.answer.status}")
        answer = revoke(app, grant.access_token, hint="access_token", credentials=either.WRONG[label](app))
        answered(answer)
        app.tokens.suspect()
        read = app.tokens.probe(grant)
        if 200 <= answer.answer.status < 300:
            require_heeded(app, label)
        return Revoked(answer, read)

    return app.once(f"revoke with {label}", make)


def _coveted(app: App, kind: str) -> Grant:
    """A grant that another client wants to end, once that client has ended a token of its own of the same kind."""
    endpoint(app)
    other = app.other()
    theirs = app.once("grant of the other client, to be ended by it", other.fresh_grant)

    def make() -> Exchange:
        token = theirs.access_token if kind == "access_token" else has_refresh_token(other, theirs).token.refresh_token
        return revoke(other, token, hint=kind)

    twin = app.once(f"the other client ends its own {kind}", make)
    if answered(twin).object.get("error") == "unsupported_token_type":
        raise NotApplicable(f"the server revokes no {kind}; the scenarios on an app's own tokens judge that")
    if not 200 <= twin.answer.status < 300:
        raise TwinFailed(
            f"the second client cannot revoke a token of its own: status {twin.answer.status}", by=f"revocation-{kind.replace('_', '-')}"
        )
    return app.tokens.lend("grant that another client wants to end", lambda: own_grant(app))


def refresh_token_by_another_client(app: App) -> TokenAnswer:
    """What a refresh token brings after the second client, which authenticates rightly as itself, has asked for its end."""

    def make() -> TokenAnswer:
        grant = has_refresh_token(app, _coveted(app, "refresh_token"))
        answered(revoke(app.other(), grant.token.refresh_token, hint="refresh_token"))
        app.tokens.suspect()
        return app.refresh(grant.token.refresh_token)

    return app.once("refresh after a revocation by another client", make)


def by_another_client(app: App) -> Revoked:
    """A revocation by the second client, which authenticates rightly as itself."""

    def make() -> Revoked:
        other, grant = app.other(), _coveted(app, "access_token")
        answer = revoke(other, grant.access_token, hint="access_token")
        answered(answer)
        app.tokens.suspect()
        return Revoked(answer, app.tokens.probe(grant))

    return app.once("revoke by another client", make)
