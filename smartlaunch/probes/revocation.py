"""Token revocation as the suite does it (RFC 7009)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smartlaunch.client.grant import Grant
from smartlaunch.client.http import FORM_TYPE, FORM_WITH_CHARSET, answered
from smartlaunch.client.waits import let_pass
from smartlaunch.errors import NotApplicable, NotConfigured, TwinFailed
from smartlaunch.exchange import Endpoint, Exchange
from smartlaunch.fhir import describe
from smartlaunch.probes.faults import never_issued
from smartlaunch.probes.refresh.lines import has_refresh_token
from smartlaunch.probes.registered import line_for

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.oauth.client_authentication import Credentials
    from smartlaunch.oauth.token import TokenAnswer

SPREAD_S = 2.0
"""RFC 7009 section 2 lets the news of a revocation take a moment to reach every server."""


@dataclass(frozen=True)
class Use:
    """Reads with an access token before and after what should end it; None where the app may read nothing."""

    before: Exchange | None
    after: Exchange | None

    @property
    def judged(self) -> Exchange:
        """The later read; ``NotConfigured`` when there is none, ``TwinFailed`` when the token was no good before."""
        if self.before is None or self.after is None:
            raise NotConfigured(
                "the app asks for no scope on FHIR data, so nobody sees whether a token works", key=line_for("patient/<type>.rs")
            )
        if not 200 <= answered(self.before).status < 300:
            raise TwinFailed(f"a fresh access token is answered with status {self.before.answer.status}", by="bearer-header")
        return self.after


@dataclass(frozen=True)
class Revoked:
    """The answer to a revocation, and what the revoked tokens are still good for; None where that was not tried."""

    answer: Exchange
    read: Exchange | None = None
    refresh: TokenAnswer | None = None

    @property
    def tried(self) -> Exchange:
        """The read with the access token; ``NotApplicable`` when the revocation was refused."""
        if self.read is None:
            raise NotApplicable("the revocation was refused; another scenario judges that")
        return self.read

    @property
    def refreshed(self) -> Exchange:
        """The refresh with the refresh token; ``NotApplicable`` when the revocation was refused."""
        if self.refresh is None:
            raise NotApplicable("the revocation was refused; another scenario judges that")
        return self.refresh.exchange


def endpoint(app: App) -> str:
    """The revocation endpoint, or ``NotApplicable``."""
    return app.engine.discovery.offered("revocation_endpoint")


def revoke(app: App, token: str | None, *, hint: str = "", credentials: Credentials | None = None, media_type: str = FORM_TYPE) -> Exchange:
    """Ask for the end of a token; the app's right credentials unless others are given."""
    proof = credentials if credentials is not None else app.authentication.credentials_at("revocation")
    form = [("token", token)] if token is not None else []
    if hint:
        form.append(("token_type_hint", hint))
    headers = [("Accept", "application/json"), *proof.headers, ("Content-Type", media_type)]
    return app.engine.http.send("POST", endpoint(app), endpoint=Endpoint.REVOCATION, headers=headers, form=[*form, *proof.form])


def own_grant(app: App) -> Grant:
    """A new grant whose access token works, to be ended."""
    endpoint(app)
    grant = app.fresh_grant()
    twin = app.tokens.probe(grant)
    if not 200 <= answered(twin).status < 300:
        raise TwinFailed(f"the FHIR server answers a fresh access token with status {twin.answer.status}")
    return grant


def access_token(app: App, hint: str = "access_token") -> Revoked:
    """An access token revoked and then tried at the FHIR server."""

    def make() -> Revoked:
        if hint != "access_token":
            _require_revoked(access_token(app).tried)
        grant = own_grant(app)
        answer = revoke(app, grant.access_token, hint=hint)
        return Revoked(answer, read_until_refused(app, grant) if 200 <= answered(answer).status < 300 else None)

    return app.once(f"revoke access token {hint}", make)


def of_service(service: App) -> Revoked:
    """A backend service's access token revoked and then tried at the FHIR server."""

    def make() -> Revoked:
        endpoint(service)
        token = service.token_request([("grant_type", "client_credentials"), ("scope", " ".join(service.scopes))])
        if not token.succeeded:
            raise TwinFailed(f"a right client credentials request was refused: {token.describe()}", by="backend-access-token")
        before = service.tokens.probe(token)
        if not 200 <= answered(before).status < 300:
            raise TwinFailed(
                f"the FHIR server answers a fresh access token with status {before.answer.status}", by="backend-token-accepted"
            )
        answer = revoke(service, token.access_token, hint="access_token")
        return Revoked(answer, read_until_refused(service, token) if 200 <= answered(answer).status < 300 else None)

    return service.once("revoke a token of a service", make)


def refresh_token(app: App, hint: str = "refresh_token") -> Revoked:
    """A refresh token revoked and then used; then the access token of its grant."""

    def make() -> Revoked:
        endpoint(app)
        has_refresh_token(app, app.grant())
        require_there(app)
        if hint != "refresh_token":
            _require_refresh_tokens_end(app)
        grant = has_refresh_token(app, own_grant(app))
        answer = revoke(app, grant.token.refresh_token, hint=hint)
        app.tokens.suspect()
        if not 200 <= answered(answer).status < 300:
            return Revoked(answer)
        read = read_until_refused(app, grant)
        return Revoked(answer, read, app.refresh(grant.token.refresh_token))

    return app.once(f"revoke refresh token {hint}", make)


def refresh_token_of_grant(app: App) -> Revoked:
    """A refresh token revoked, for the sake of its access tokens: they end with it where the server can end access tokens at all."""
    endpoint(app)
    has_refresh_token(app, app.grant())
    require_access_tokens_end(app)
    return refresh_token(app)


def revoked_access_token(app: App) -> str:
    """An access token that was revoked, and that the FHIR server refuses for it; ``NotApplicable`` where none can be had."""
    done = access_token(app)
    if done.read is None or 200 <= done.read.answer.status < 300:
        raise NotApplicable("no access token could be revoked; the scenarios on revocation judge that")
    return next(v for k, v in done.answer.request.form if k == "token")


def require_access_tokens_end(app: App) -> None:
    """``NotApplicable`` when the server revokes no access token that it is asked to: then it need not end those of a grant either."""
    tried = access_token(app)
    if tried.read is None:
        raise NotApplicable(f"the server does not revoke access tokens: {describe(tried.answer.answer)}")
    _require_revoked(tried.tried)


def _require_refresh_tokens_end(app: App) -> None:
    """``NotApplicable`` when the server does not revoke a refresh token under the right hint either."""
    if refresh_token(app).refreshed.answer.object.get("access_token"):
        raise NotApplicable("the server does not revoke refresh tokens; another scenario judges that")


def _require_revoked(read: Exchange) -> None:
    if 200 <= read.answer.status < 300:
        raise NotApplicable("the server does not revoke access tokens; another scenario judges that")


def used(app: App, grant: Grant | TokenAnswer) -> Exchange | None:
    """A read with a token that is to be ended, so that a refusal afterwards tells of its end; None where the app may read nothing."""
    try:
        return app.tokens.probe(grant)
    except NotConfigured:
        return None


def read_until_refused(app: App, grant: Grant | TokenAnswer) -> Exchange:
    """The app's read with a token that has been ended, again and again while the word spreads."""
    read = app.tokens.probe(grant)
    deadline = time.monotonic() + SPREAD_S
    while 200 <= read.answer.status < 300 and time.monotonic() < deadline:
        let_pass(SPREAD_S / 3)
        read = app.tokens.probe(grant)
    return read


def require_there(app: App) -> Exchange:
    """The answer to a right revocation; ``TwinFailed`` where it is neither a success nor a refusal, so that nobody is at the endpoint.

    A redirect, for example, loses the form: what was sent was not looked at, and no other answer of this endpoint tells anything.
    """
    answer = access_token(app).answer
    status = answered(answer).status
    if 300 <= status < 400 or status in (404, 405) or status >= 500:
        raise TwinFailed(f"the revocation endpoint answers a right revocation with status {status}", by="revocation-status-access")
    return answer


def _require_let_in(app: App) -> None:
    """``TwinFailed`` where the endpoint lets this client revoke nothing: then what it answers to other requests of it tells nothing."""
    status = require_there(app).answer.status
    if status in (401, 403):
        raise TwinFailed(f"the revocation endpoint lets the app revoke nothing of its own: status {status}", by="revocation-status-access")


def require_carried_out(app: App) -> None:
    """``TwinFailed`` where the app's own right revocation is not carried out: then it tells nothing that another one is not either."""
    answer = require_there(app)
    if not 200 <= answer.answer.status < 300 and answer.answer.object.get("error") != "unsupported_token_type":
        raise TwinFailed(f"the app cannot revoke its own access token: status {answer.answer.status}", by="revocation-status-access")


def unknown(app: App) -> Exchange:
    """The revocation of a token that the server never issued."""
    endpoint(app)
    app.grant()
    _require_let_in(app)
    return app.once("revoke unknown", lambda: revoke(app, never_issued()))


def unknown_with_charset(app: App) -> Exchange:
    """The same in a form whose media type names the charset."""
    return app.once("revoke unknown with charset", lambda: revoke(app, never_issued(), media_type=FORM_WITH_CHARSET))


def again(app: App) -> Exchange:
    """The revocation of an access token that was revoked before."""

    def make() -> Exchange:
        known = access_token(app)
        if known.read is None:
            raise NotApplicable("the first revocation was refused; another scenario judges that")
        return revoke(app, dict(known.answer.request.form)["token"], hint="access_token")

    return app.once("revoke again", make)


def without_token(app: App) -> Exchange:
    """A revocation request that lacks the token."""
    endpoint(app)
    app.grant()
    _require_let_in(app)
    return app.once("revoke nothing", lambda: revoke(app, None))


def require_refusal(exchange: Exchange) -> None:
    """``NotApplicable`` when a request was carried out that this scenario wants to see refused."""
    if 200 <= answered(exchange).status < 300:
        raise NotApplicable("the request was not refused")
