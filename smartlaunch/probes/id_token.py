"""ID Tokens as they came, the keys that verify them, and what ``fhirUser`` and the UserInfo endpoint lead to (OpenID Connect Core)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from smartlaunch.addresses import origin
from smartlaunch.client.grant import Grant
from smartlaunch.client.http import answered
from smartlaunch.errors import Missing, NotApplicable, NotConfigured, TwinFailed
from smartlaunch.exchange import Endpoint, Exchange
from smartlaunch.oauth import scopes as scope_words
from smartlaunch.oauth.id_token import IdToken, decode, verify
from smartlaunch.probes import authorization, revocation
from smartlaunch.probes.faults import other_end
from smartlaunch.probes.refresh.lines import has_refresh_token
from smartlaunch.probes.refresh.right import renewed
from smartlaunch.probes.registered import line_for, unless_asked
from smartlaunch.probes.token_response import granted, readable, require_scope

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.engine import Engine
    from smartlaunch.oauth.token import TokenAnswer
    from smartlaunch.target import User


@dataclass(frozen=True)
class Identity:
    """An ID Token as it came: the token response, header and claims, the nonce sent, and whose login it was."""

    token: TokenAnswer
    id_token: IdToken
    nonce: str
    granted: tuple[str, ...]
    user: User | None = None

    @property
    def claims(self) -> dict[str, Any]:
        """The claims, or none when the token could not be decoded."""
        return self.id_token.claims

    @property
    def header(self) -> dict[str, Any]:
        """The header, or an empty one."""
        return self.id_token.header


def identity(app: App) -> Identity:
    """The ID Token of the right flow."""
    answer = readable(app)
    request = app.shared_attempt().authorization.request
    return _identity(app, answer, request.get("nonce"), tuple(granted(app)), app.user)


def identity_of(app: App, grant: Grant) -> Identity:
    """The ID Token of a grant."""
    return _identity(app, grant.token, grant.authorization.request.get("nonce"), tuple(grant.granted), None)


def identity_of_posted(app: App) -> Identity:
    """The ID Token that a right request by POST led to."""
    attempt = authorization.posted(app)
    if attempt.token is None or not attempt.token.succeeded:
        raise TwinFailed(f"the code of a right request by POST brought no token: {attempt.describe()}", by="authorize-by-post")
    return _identity(app, attempt.token, attempt.authorization.request.get("nonce"), tuple(attempt.token.scopes), app.user)


def identity_after_slip(app: App) -> Identity:
    """The ID Token of a request whose user typed a wrong password first."""

    def make() -> tuple[TokenAnswer, str]:
        answer = authorization.mistyped(app, "once more")
        return app.exchange(answer), answer.request.get("nonce")

    token, nonce = app.once("token after a mistyped password", make)
    if not token.succeeded:
        raise NotApplicable(f"after a wrong password the right one brings no token: {token.describe()}")
    return _identity(app, token, nonce, tuple(token.scopes), app.user)


def identity_of_refresh(app: App) -> Identity:
    """The ID Token of a refresh, as a later one about the same login."""
    later = renewed(app)
    return Identity(later.answer, decode(later.answer.id_token), later.nonce, tuple(later.answer.scopes))


def require_public_subjects(engine: Engine) -> None:
    """``NotApplicable`` unless the server says that it has one subject of a user for all clients (OpenID Connect Core section 8)."""
    document = engine.discovery.openid
    engine.recorder.attach_to_current([document.id])
    if document.answer.object.get("subject_types_supported") != ["public"]:
        raise NotApplicable("the OpenID configuration does not have `public` as its only subject type")


def with_fhir_user(app: App) -> Identity:
    """The ID Token of the right flow when ``fhirUser`` was granted."""
    require_scope(app, "fhirUser")
    return identity(app)


def _identity(app: App, answer: TokenAnswer, nonce: str, scopes: tuple[str, ...], user: User | None) -> Identity:
    if not answer.id_token:
        if "openid" not in app.scopes:
            raise NotConfigured("the scopes of the client in the target file do not have `openid`", key=line_for("openid"))
        if "openid" not in scopes:
            raise NotApplicable("the server did not grant `openid`")
        raise Missing("the token response has no ID Token", by="id-token-present")
    return Identity(answer, decode(answer.id_token), nonce, scopes, user)


# -- issuer and keys ----------------------------------------------------------------------------------------------------------


def issuer(engine: Engine) -> str:
    """The issuer of the OpenID configuration; ``Missing`` where there is no such document."""
    discovery = engine.discovery
    below = discovery.url("issuer")
    document = discovery.openid
    engine.recorder.attach_to_current([discovery.exchange.id, document.id])
    value = document.answer.object.get("issuer")
    if not isinstance(value, str) or not value:
        found = document.answer.status == 200 and document.answer.object
        by = "openid-issuer-form" if found else "openid-configuration-found"
        raise Missing(f"no OpenID configuration below {below} tells the issuer: status {document.answer.status}", by=by)
    return value


def jwks(engine: Engine) -> Exchange:
    """The JWK Set."""
    exchange = engine.discovery.jwks
    answered(exchange)
    engine.recorder.attach_to_current([exchange.id])
    return exchange


def verified(engine: Engine, of: Identity) -> IdToken:
    """The ID Token with its signature checked against the published keys; ``Missing`` without a JWK Set."""
    exchange = jwks(engine)
    if not engine.discovery.keys:
        raise Missing(f"there is no JWK Set with keys: status {exchange.answer.status}", by="jwks-published")
    return verify(of.token.id_token, engine.discovery.keys)


# -- the resource of the user -------------------------------------------------------------------------------------------------


def is_elsewhere(engine: Engine, of: Identity) -> bool:
    """Whether ``fhirUser`` is an absolute URL outside the target's FHIR base URL."""
    value = of.claims.get("fhirUser")
    return isinstance(value, str) and "://" in value and not stands_below(value, engine.fhir.base_url)


def stands_below(url: str, base: str) -> bool:
    """Whether a URL stands below another one, however scheme, host and a usual port are written."""
    one, two = urlsplit(url.rstrip("/")), urlsplit(base)
    return origin(one) == origin(two) and one.path.startswith(two.path.rstrip("/") + "/")


def fhir_user_read(app: App, of: Identity) -> Exchange:
    """The resource that ``fhirUser`` names, read with the access token at the FHIR server of the target and nowhere else."""
    engine = app.engine
    value = of.claims.get("fhirUser")
    if not isinstance(value, str) or not value:
        raise NotApplicable("the ID Token has no `fhirUser`")
    if is_elsewhere(engine, of):
        raise NotApplicable("`fhirUser` is on another server, to which the app does not send its token")
    reference = "/".join(value.rstrip("/").split("/_history/")[0].split("/")[-2:])
    kind = reference.split("/")[0]
    if not any(scope_words.allows(of.granted, level, kind, "r") for level in ("user", "patient")):
        raise unless_asked(app, NotApplicable(f"no granted scope lets the app read the {kind}"), f"user/{kind}.r", f"patient/{kind}.r")
    exchange = engine.fhir.read(reference, app.in_force(of.token))
    answered(exchange)
    return exchange


def of_unresourced(app: App) -> Grant:
    """A grant of identity to a user for whom the target file names no FHIR resource."""
    user = app.engine.target.user_without_resource()
    reading = [scope for scope in app.scopes if scope.startswith("user/")]
    launch = ["launch"] if app.launch_kind == "ehr" else []
    app.grant()
    scopes = [*launch, "openid", "fhirUser", *reading]
    attempt = app.once("flow of an unresourced user", lambda: app.attempt(scope=scopes, user=user, doubtful=True))
    if attempt.token is None or not attempt.token.succeeded:
        raise NotApplicable(f"the server gives this user no access at all: {attempt.describe()}")
    return Grant(attempt.authorization, attempt.token, attempt.launch, attempt.exchanges)


def unreadable(app: App, grant: Grant, read: Exchange | None) -> bool:
    """Whether ``fhirUser`` names a resource that the app cannot read with what it was granted."""
    value = identity_of(app, grant).claims.get("fhirUser")
    return isinstance(value, str) and bool(value) and read is None


def unresourced_read(app: App, grant: Grant) -> Exchange | None:
    """What ``fhirUser`` of such a grant leads to; None when that cannot be read."""
    try:
        return fhir_user_read(app, identity_of(app, grant))
    except NotApplicable:
        return None


# -- UserInfo -----------------------------------------------------------------------------------------------------------------


def usual_userinfo(app: App) -> Exchange:
    """The answer to a usual request; ``NotApplicable`` when it is a refusal."""
    return as_usual(app, userinfo(app.engine, app.grant().access_token))


def as_usual(app: App, usual: Exchange) -> Exchange:
    """The answer to a usual request; ``NotApplicable`` when it is a refusal."""
    if not 200 <= usual.answer.status < 300:
        refused = NotApplicable("the UserInfo endpoint does not answer a usual request; another scenario judges that")
        raise unless_asked(app, refused, "openid")
    return usual


def userinfo_by_post(app: App) -> Exchange:
    """The answer to a request by POST with the token in the header, once one by GET has been answered."""
    usual_userinfo(app)
    return userinfo(app.engine, app.grant().access_token, method="POST")


def userinfo_of_revoked(app: App) -> Exchange:
    """The answer to an access token that was revoked, once a usual request has been answered."""
    usual_userinfo(app)
    return userinfo(app.engine, revocation.revoked_access_token(app))


def _refresh_token(app: App) -> str:
    return has_refresh_token(app, app.grant()).token.refresh_token


def _own_id_token(app: App) -> str:
    value = app.grant().token.id_token
    if not value:
        raise unless_asked(app, NotApplicable("the token response has no ID Token"), "openid")
    return value


OTHERS: Mapping[str, Callable[[App], str]] = {
    "its refresh token": _refresh_token,
    "its ID Token": _own_id_token,
    "an access token with another end": lambda app: other_end(app.grant().access_token),
}
"""What comes in place of an access token with the scope ``openid``."""


def userinfo_of_other(app: App, label: str) -> Exchange:
    """The answer to what is no access token of a user, once a usual request has been answered."""
    usual_userinfo(app)
    return app.once(f"userinfo with {label}", lambda: userinfo(app.engine, OTHERS[label](app)))


def userinfo(engine: Engine, access_token: str, *, scheme: str = "Bearer", method: str = "GET") -> Exchange:
    """The UserInfo endpoint's answer to an access token."""
    document = engine.discovery.openid.answer.object
    url = document.get("userinfo_endpoint") or engine.discovery.document.get("userinfo_endpoint")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise NotApplicable("the server offers no UserInfo endpoint")
    headers = {"Authorization": f"{scheme} {access_token}", "Accept": "application/json"}
    exchange = engine.http.send(method, url, endpoint=Endpoint.OTHER, headers=headers, form=() if method == "POST" else None)
    answered(exchange)
    return exchange
