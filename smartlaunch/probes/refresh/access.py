"""Access that lasts: offline access after the user has gone, online access while the user is there and after."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from smartlaunch.browser import LoginPlan
from smartlaunch.errors import NotApplicable, NotConfigured, TwinFailed
from smartlaunch.exchange import Endpoint
from smartlaunch.oauth import scopes as scope_words
from smartlaunch.probes.refresh.lines import has_refresh_token
from smartlaunch.probes.refresh.right import Refreshed, read_at_once
from smartlaunch.probes.registered import line_for

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.grant import Grant

_SIGN_OUT_S = 10
_ONLINE_USER = "online-user"


def offline(app: App) -> list[str]:
    """The app's scopes with offline access; ``NotApplicable`` when it has none."""
    if "offline_access" not in app.scopes:
        raise NotConfigured("the scopes of the client in the target file do not have `offline_access`", key=line_for("offline_access"))
    return list(app.scopes)


def online(app: App) -> list[str]:
    """The app's scopes with online access in place of offline access."""
    known = app.client.registered.scopes
    if "online_access" not in app.scopes and known and "online_access" not in known:
        raise NotConfigured("the client is not registered for `online_access`", key="[clients.<name>.registered] scopes")
    return [*(s for s in app.scopes if s not in scope_words.REFRESH), "online_access"]


def online_grant(app: App) -> Grant:
    """A grant of online access in a browser of its own; ``NotApplicable`` when the server grants none."""
    return _online(app)[0]


def _online(app: App) -> tuple[Grant, Refreshed | None]:
    """A grant of online access and what a refresh brings at once: a server may end the session when the user signs in elsewhere."""

    def make() -> tuple[Grant, Refreshed | None]:
        grant = _having(app.fresh_grant(scope=online(app), session=_session(app, _ONLINE_USER)), "online_access")
        if not grant.token.refresh_token:
            return grant, None
        answer = app.refresh(grant.token.refresh_token)
        return grant, Refreshed(grant, answer, read=read_at_once(app, answer))

    return app.once("online grant", make)


def offline_grant(app: App) -> Grant:
    """The right grant when it has offline access."""
    offline(app)
    return _having(app.grant(), "offline_access")


def _having(grant: Grant, scope: str) -> Grant:
    """The grant when its scopes have the given one; a server may choose which apps get it."""
    if scope not in grant.granted:
        raise NotApplicable(f"the server did not grant `{scope}` to this app")
    return grant


def without_browser(app: App) -> Refreshed:
    """A refresh after the browser that gave the authorization is closed with all it knew."""
    grant = _left(app, offline(app), "offline-user")
    answer = app.refresh(grant.token.refresh_token)
    return Refreshed(grant, answer, read=read_at_once(app, answer))


def while_online(app: App) -> Refreshed:
    """A refresh of online access while the user's browser stays open."""
    grant, refreshed = _online(app)
    has_refresh_token(app, grant)
    assert refreshed is not None  # there is one where there is a refresh token
    return refreshed


def offline_after_sign_out(app: App) -> Refreshed:
    """A refresh of offline access after the user signed out."""
    grant = _left(app, offline(app), "leaving-user", sign_out=True)
    return Refreshed(grant, app.refresh(grant.token.refresh_token))


def online_after_sign_out(app: App) -> Refreshed:
    """A refresh of online access after the user signed out."""
    first = while_online(app)
    if not first.answer.succeeded:
        raise TwinFailed(f"online access could not be refreshed before the sign-out: {first.answer.describe()}")
    grant, token = first.grant, first.answer.refresh_token or first.grant.token.refresh_token
    again = app.refresh(token)
    if not again.succeeded:  # it may have ended by a sign-in of the same user in another browser, which is not what is asked here
        grant = has_refresh_token(app, _having(app.fresh_grant(scope=online(app), session=_session(app, _ONLINE_USER)), "online_access"))
        token = grant.token.refresh_token
        again = app.refresh(token)
    if not again.succeeded:
        raise TwinFailed(f"online access could not be refreshed before the sign-out: {again.describe()}")
    _sign_out(app, grant, _session(app, _ONLINE_USER))
    return Refreshed(grant, app.refresh(again.refresh_token or token))


def _left(app: App, scope: list[str], who: str, *, sign_out: bool = False) -> Grant:
    name = _session(app, who)
    _having(app.grant(), "offline_access")
    grant = has_refresh_token(app, _having(app.fresh_grant(scope=scope, session=name), "offline_access"))
    if sign_out:
        _sign_out(app, grant, name)
    app.engine.browser.session(name).close()
    return grant


def _sign_out(app: App, grant: Grant, session: str) -> None:
    """Open the server's sign-out page in the user's browser (OpenID Connect RP-Initiated Logout section 2)."""
    engine = app.engine
    document = engine.discovery.openid.answer.object if engine.discovery.has("issuer") else {}
    url = document.get("end_session_endpoint")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        url = engine.target.login.logout_url
    if not url:
        raise NotApplicable("the OpenID configuration names no `end_session_endpoint`, so the suite cannot sign the user out")
    query = {"client_id": app.client.client_id, **({"id_token_hint": grant.token.id_token} if grant.token.id_token else {})}
    address = f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"
    browser = engine.browser.session(session)
    landing = browser.go(address, catch=[], plan=engine.plan_to_leave(), first=Endpoint.PAGE, login_timeout_s=_SIGN_OUT_S)
    if landing.status is None or not 200 <= landing.status < 300:
        raise NotApplicable(f"the sign-out page answered with status {landing.status}")
    still = browser.go(app.prepare().url, catch=[app.client.redirect_uri], plan=LoginPlan(), login_timeout_s=_SIGN_OUT_S)
    if still.kind == "caught" and any(name == "code" for name, _ in still.params):
        raise NotApplicable("after the sign-out page a right request gets a code without anybody signing in, so nobody was signed out")


def _session(app: App, who: str) -> str:
    return f"{who}-{app.client.name}-{app.launch_kind}"
