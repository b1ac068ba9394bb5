"""Answers of the token endpoint that many scenarios look at: to the right request, to unusual but right ones, to a wrong one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from smartlaunch.client.http import answered
from smartlaunch.errors import Missing, NotApplicable, NotConfigured, TwinFailed
from smartlaunch.exchange import Endpoint, Exchange
from smartlaunch.oauth.scopes import IDENTITY
from smartlaunch.oauth.token import TokenAnswer
from smartlaunch.probes import cors
from smartlaunch.probes.faults import never_issued
from smartlaunch.probes.refresh import right
from smartlaunch.probes.refresh.lines import shared_line
from smartlaunch.probes.registered import line_for, no_refresh_token

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.grant import Grant

_UNKNOWN_SCOPE = "https://smart-launch-conformance.invalid/scope/nobody-knows"

TOKENS: Mapping[str, str] = {"access": "access_token", "refresh": "refresh_token"}
"""The tokens that must not be guessable, with the member that holds each."""


def token(app: App) -> TokenAnswer:
    """The answer to the right access token request, also when it is malformed; an OAuth error is ``TwinFailed``."""
    attempt = app.shared_attempt()
    if attempt.token is None:
        raise TwinFailed(f"a right authorization request got no code: {attempt.authorization.describe()}", by="authorization-code-issued")
    answered(attempt.token.exchange)
    if attempt.token.error or attempt.token.response.status >= 300:
        raise TwinFailed(f"a right access token request was refused: {attempt.token.describe()}", by="token-response-holds-token")
    return attempt.token


def readable(app: App) -> TokenAnswer:
    """The same answer when it is a JSON object; ``Missing`` when it is not."""
    answer = token(app)
    if not isinstance(answer.response.json, dict):
        problem = answer.response.json_error or "no JSON object"
        raise Missing(f"the token response cannot be read: {problem}", by="token-response-holds-token")
    return answer


def having(app: App, name: str) -> TokenAnswer:
    """The same answer when it has the member, else ``NotApplicable``."""
    answer = token(app)
    if not answer.text(name):
        raise no_refresh_token(app) if name == "refresh_token" else NotApplicable(f"the token response has no `{name}`")
    return answer


def granted(app: App) -> list[str]:
    """The scopes of the right flow, as its token response tells them, in ``scope`` or by what it brings."""
    answer = readable(app)
    if "scope" not in answer.body:
        return list(app.scopes)
    return [*answer.scopes, *(scope for scope in app.scopes if scope not in answer.scopes and answer.brings(scope))]


def require_scope(app: App, scope: str) -> TokenAnswer:
    """The answer when the scope was asked for and granted, else ``NotApplicable``."""
    if scope not in app.scopes:
        raise NotConfigured(f"the scopes of the client in the target file do not have `{scope}`", key=line_for(scope))
    if scope not in granted(app):
        raise NotApplicable(f"the server did not grant `{scope}`")
    return readable(app)


def refused(app: App) -> TokenAnswer:
    """The answer to an access token request with a code that was never issued."""
    grant = app.grant()
    return app.once(
        "token response to a code never issued", lambda: app.token_request(app.code_form(grant.authorization, code=never_issued()))
    )


def refreshed(app: App) -> TokenAnswer:
    """The answer to the right use of a refresh token of its own."""
    return right.refreshed(app).answer


def _refresh_without_accept(app: App) -> Exchange:
    """A right refresh whose request does not say what it takes."""

    def make() -> Exchange:
        line, proof = shared_line(app), app.authentication.credentials()
        form = [("grant_type", "refresh_token"), ("refresh_token", line.current), *proof.form]
        headers = [("Accept", ""), *proof.headers]
        exchange = app.engine.http.send("POST", app.token_endpoint, endpoint=Endpoint.TOKEN, headers=headers, form=form)
        line.current = TokenAnswer(exchange).refresh_token or line.current
        return exchange

    return app.once("refresh without Accept", make)


FURTHER: Mapping[str, Callable[[App], Exchange]] = {
    "a second refresh": lambda app: right.again(app).answer.exchange,
    "a refresh for a part": lambda app: right.part(app).answer.exchange,
    "the request of a page": lambda app: cors.redeem(app).exchange,
    "the refresh of a page": lambda app: cors.refresh(app).exchange,
    "a refresh without an Accept header": _refresh_without_accept,
}
"""Further right requests for a token."""


def further(app: App, way: str) -> TokenAnswer:
    """The answer to a further right request; ``NotApplicable`` where it brought no token."""
    answer = TokenAnswer(FURTHER[way](app))
    answered(answer.exchange)
    if not answer.succeeded:
        raise NotApplicable(f"{way} brought no token to look at; another scenario judges that")
    return answer


def without_identity(app: App) -> TokenAnswer:
    """The token response to a request without identity scopes; ``NotApplicable`` of a server of OpenID Connect alone."""
    scopes = [scope for scope in app.scopes if scope not in IDENTITY]
    if not scopes or len(scopes) == len(app.scopes):
        raise NotConfigured("the scopes of the client in the target file do not have `openid` and others", key=line_for("openid"))
    app.grant()
    attempt = app.once("flow without identity", lambda: app.attempt(scope=scopes, doubtful=True))
    if attempt.token is None:
        raise NotApplicable(f"the server gives no code for scopes without `openid`: {attempt.describe()}")
    return app.require_grant(attempt).token


def with_unknown_scope(app: App) -> TokenAnswer:
    """The token response to the right request with one scope more that no server can grant; most grant the rest."""
    app.grant()
    attempt = app.once("flow with an unknown scope", lambda: app.attempt(scope=[*app.scopes, _UNKNOWN_SCOPE], doubtful=True))
    if attempt.token is None or not attempt.token.succeeded:
        raise NotApplicable(f"the server refuses the whole request: {attempt.describe()}")
    return attempt.token


# -- one more grant -----------------------------------------------------------------------------------------------------------


def of_another_user(app: App) -> Grant:
    """A grant of another person for the same app."""
    fitting = app.engine.target.other_users()
    if not fitting:
        raise NotConfigured("the target file names one user only; a second one is needed", key="[users.<name>]")
    return app.grant(user=fitting[0])


def of_second_login(app: App) -> Grant:
    """One more grant of the first user, from a login in a browser that knows nothing of the first."""
    return app.once("grant of a second login", lambda: app.fresh_grant(session=f"second-login-{app.client.name}-{app.launch_kind}"))
