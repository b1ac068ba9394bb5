"""Lines of refresh tokens: a grant of the suite's own and the newest refresh token that came from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable, TwinFailed
from smartlaunch.oauth import scopes as scope_words
from smartlaunch.probes.registered import no_refresh_token

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.grant import Grant
    from smartlaunch.oauth.token import TokenAnswer


@dataclass
class Line:
    """A grant of its own and the newest refresh token that came from it."""

    grant: Grant
    current: str


def go_on(app: App, line: Line, scope: str | None = None) -> TokenAnswer:
    """A right refresh; the line goes on with the refresh token it brings, if any."""
    answer = app.refresh(line.current, scope=scope)
    answered(answer.exchange)
    if answer.succeeded and answer.refresh_token:
        line.current = answer.refresh_token
    return answer


def has_refresh_token(app: App, grant: Grant) -> Grant:
    """The grant when it has a refresh token, else ``NotApplicable``."""
    if not grant.token.refresh_token:
        raise no_refresh_token(app)
    return grant


def own_grant(app: App) -> Grant:
    """A grant of the scenario's own with a refresh token."""
    has_refresh_token(app, app.grant())
    return has_refresh_token(app, app.fresh_grant())


def shared_line(app: App) -> Line:
    """The line that most probes share: made at its first use and alive when it is handed out."""
    return _alive(app, "refresh line", lambda: _line(own_grant(app)))


def narrow_line(app: App) -> Line:
    """A line whose grant has one clinical scope less than the app may have."""
    return _alive(app, "narrow refresh line", lambda: _narrow(app))


def _alive(app: App, key: str, start: Callable[[], Line]) -> Line:
    """The line once a right refresh has succeeded; started again when the first one is refused."""
    kept = app.once(key, start)
    answer = go_on(app, kept)
    if not answer.succeeded:
        fresh = start()
        kept.grant, kept.current = fresh.grant, fresh.current
        answer = go_on(app, kept)
    if not answer.succeeded:
        raise refused(answer, waited_for="an access token for a fresh refresh token")
    return kept


def _line(grant: Grant) -> Line:
    return Line(grant, grant.token.refresh_token)


def _narrow(app: App) -> Line:
    dropped = spare_scope(app)
    grant = has_refresh_token(app, app.fresh_grant(scope=[s for s in app.scopes if s != dropped]))
    if scope_words.covered(dropped, grant.granted):
        raise NotApplicable(f"the server granted `{dropped}` although the app did not ask for it; the scenarios on scopes judge that")
    return _line(grant)


def spare_scope(app: App) -> str:
    """A clinical scope that the right flow is granted and could do without: not Patient, and not the only one."""
    granted = has_refresh_token(app, app.grant()).granted
    spare = [s for s in app.scopes if (p := scope_words.parse(s)) and p.resource not in ("*", "Patient") and s in granted]
    others = [s for s in granted if scope_words.parse(s)]
    if not spare or len(others) < 2:
        raise NotApplicable("two clinical scopes, one of them for a single type other than Patient, have to be granted for this")
    return spare[0]


def refused(answer: TokenAnswer, *, waited_for: str = "", of: Line | None = None) -> TwinFailed:
    """The error to raise when a right refresh did not succeed, be it the first of a line or one with a token that a refresh brought."""
    renewed = of is not None and ("refresh_token", of.grant.token.refresh_token) not in answer.exchange.request.form
    by = "refresh-new-refresh-token-works" if renewed else "refresh-access-token-works"
    return TwinFailed(f"a right refresh was refused: {answer.describe()}", waited_for=waited_for, by=by)
