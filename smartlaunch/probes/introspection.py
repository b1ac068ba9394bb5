"""Token introspection as the suite does it (RFC 7662, SMART "Token Introspection").

The caller is the client with role resource-server where the target file has one; such a caller is meant to see every token. Without it
the app asks about its own token, with its own credentials or, as a public client, with the token itself. A server may keep its answers
from such a caller, so what it then refuses is not judged.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from smartlaunch.client.grant import Grant
from smartlaunch.client.http import FORM_TYPE, FORM_WITH_CHARSET, answered
from smartlaunch.errors import NotApplicable, NotConfigured, TwinFailed
from smartlaunch.exchange import Endpoint, Exchange
from smartlaunch.oauth import client_authentication as authentication
from smartlaunch.oauth import scopes as scope_words
from smartlaunch.oauth.client_authentication import Assertion, Credentials
from smartlaunch.oauth.id_token import decode
from smartlaunch.probes import backend_services as client_credentials
from smartlaunch.probes import revocation
from smartlaunch.probes.client_authentication.heeded import require_heeded
from smartlaunch.probes.faults import altered, never_issued, other_end
from smartlaunch.probes.fhir_access.bearer_token import leeway
from smartlaunch.probes.refresh.lines import has_refresh_token
from smartlaunch.probes.refresh.right import renewed
from smartlaunch.probes.refresh.wrong import reused
from smartlaunch.probes.registered import CONTEXT, unless_asked
from smartlaunch.probes.scopes import unticked

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.memory import Aging
    from smartlaunch.oauth.token import TokenAnswer

_CONTEXT = ("patient", "encounter", "fhirContext", "need_patient_banner", "intent", "smart_style_url", "tenant")
"""The launch context that the guide names."""


CLAIMS = ("iss", "sub", "fhirUser")
"""Claims of the ID Token that the answer tells too."""


@dataclass(frozen=True)
class Introspected:
    """What the server says of the access token of a grant."""

    app: App
    grant: Grant
    exchange: Exchange

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object of the answer, or an empty one."""
        return self.exchange.answer.object

    @property
    def expires_at(self) -> float:
        """When the token ends by its ``expires_in``; ``NotApplicable`` when that was not told."""
        if self.grant.token.expires_in is None:
            raise NotApplicable("the token response has no `expires_in` to compare with")
        return self.grant.expires_at

    @property
    def lost(self) -> list[str]:
        """Granted scopes that the answer does not tell."""
        return scope_words.missing(self.grant.granted, scope_words.split(self.body.get("scope")))

    @property
    def gained(self) -> list[str]:
        """Scopes of the answer that were not granted."""
        return scope_words.added(self.grant.granted, scope_words.split(self.body.get("scope")))

    @property
    def id_token_claims(self) -> dict[str, Any]:
        """The claims of the grant's ID Token; ``NotApplicable`` without one."""
        if not self.grant.token.id_token:
            raise unless_asked(self.app, NotApplicable("the token response has no ID Token"), "openid")
        return decode(self.grant.token.id_token).claims

    @property
    def context(self) -> dict[str, Any]:
        """The launch context of the token response; ``NotApplicable`` without any."""
        found = {name: value for name, value in self.grant.token.body.items() if name in _CONTEXT}
        if not found:
            raise unless_asked(self.app, NotApplicable("the token response has no launch context"), *CONTEXT)
        return found


def endpoint(app: App) -> str:
    """The introspection endpoint, or ``NotApplicable``."""
    return app.engine.discovery.offered("introspection_endpoint")


def resource_server(app: App) -> Credentials | None:
    """The credentials of the client with role resource-server, by its secret or its key, or None."""
    client = app.engine.target.find_client("resource-server")
    if client is None:
        return None
    asking = app.beside(client, "")
    return (
        asking.authentication.credentials() if client.client_secret is not None else asking.authentication.credentials_at("introspection")
    )


def bearer(token: str) -> Credentials:
    """A bearer token as the caller's authorization."""
    return Credentials(headers=(("Authorization", f"Bearer {token}"),))


def send(app: App, token: str | None, credentials: Credentials, *, hint: str = "", media_type: str = FORM_TYPE) -> Exchange:
    """Ask about a token; None leaves it out."""
    form = [("token", token)] if token is not None else []
    if hint:
        form.append(("token_type_hint", hint))
    headers = [("Accept", "application/json"), *credentials.headers, ("Content-Type", media_type)]
    return app.engine.http.send("POST", endpoint(app), endpoint=Endpoint.INTROSPECTION, headers=headers, form=[*form, *credentials.form])


def with_charset(app: App) -> Exchange:
    """The question about the token of the right flow in a form whose media type names the charset; the usual one has to be answered."""
    known = live(app)

    def make() -> Exchange:
        token = _still_active(app) if known.body.get("active") is True else known.grant.access_token
        return send(app, token, caller(app), media_type=FORM_WITH_CHARSET)

    return app.once("introspect with charset", make)


def caller(app: App) -> Credentials:
    """Who asks."""
    known = resource_server(app)
    if known is not None:
        return known
    return app.authentication.credentials_at("introspection") if app.client.role != "public" else bearer(app.grant().access_token)


def live(app: App) -> Introspected:
    """The answer about the access token of the right flow; ``NotConfigured`` when a caller other than a resource server is kept out."""
    endpoint(app)
    grant = app.grant()

    def make() -> Introspected:
        exchange = send(app, grant.access_token, caller(app))
        answer = answered(exchange)
        if resource_server(app) is not None and answer.status in (401, 403):
            raise TwinFailed(
                f"the introspection endpoint refuses the client with role resource-server (status {answer.status})",
                waited_for="an answer about the access token of the app",
                hint="check client_id and client_secret of that client in the target file",
            )
        if resource_server(app) is None and (400 <= answer.status < 500 or answer.object.get("active") is False):
            raise NotConfigured(
                f"the server does not let this app introspect its own token (status {answer.status}), and the target file names no client"
                " that may",
                key='[clients.<name>] role = "resource-server"',
            )
        return Introspected(app, grant, exchange)

    return app.once("introspection", make)


@dataclass(frozen=True)
class OfService:
    """What the server says of the access token of a backend service, beside the token response."""

    token: TokenAnswer
    exchange: Exchange

    @property
    def lost(self) -> list[str]:
        """Granted scopes that the answer does not tell."""
        return scope_words.missing(self.token.scopes, scope_words.split(self.exchange.answer.object.get("scope")))

    @property
    def gained(self) -> list[str]:
        """Scopes of the answer that were not granted."""
        return scope_words.added(self.token.scopes, scope_words.split(self.exchange.answer.object.get("scope")))


def of_service(service: App) -> OfService:
    """The answer about a backend service's token, asked by the resource server or else by the service itself."""
    endpoint(service)

    def make() -> OfService:
        answer = client_credentials.token(service)  # that of the right request may be over by now, or overtaken by a later one
        asking = resource_server(service) or service.authentication.credentials_at("introspection")
        exchange = send(service, answer.access_token, asking)
        if answered(exchange).object.get("active") is not True:
            raise NotApplicable(f"the server does not call the token of the backend service active (status {exchange.answer.status})")
        return OfService(answer, exchange)

    return service.once("introspection of a service", make)


def of_service_for_less(service: App) -> OfService:
    """The answer about a backend service's token for one of its scopes only; that about one for all of them comes first."""
    of_service(service)
    scope, _, _ = client_credentials.narrowed(service)

    def make() -> OfService:
        answer = client_credentials.token(service, scope)
        exchange = send(service, answer.access_token, resource_server(service) or service.authentication.credentials_at("introspection"))
        if answered(exchange).object.get("active") is not True:
            raise NotApplicable(f"the server does not call the token of the backend service active (status {exchange.answer.status})")
        return OfService(answer, exchange)

    return service.once("introspection of a service for less", make)


def proven(app: App) -> Introspected:
    """The right query, which has to have been answered before any other is judged."""
    known = live(app)
    if known.exchange.answer.status != 200:
        raise TwinFailed(
            f"the right introspection request was answered with status {known.exchange.answer.status}", by="introspection-form"
        )
    return known


def _still_active(app: App) -> str:
    """The access token of the living grant, which the right query has just called active; ``TwinFailed`` where it no longer does."""
    grant = app.grant()
    if answered(send(app, grant.access_token, caller(app))).object.get("active") is True:
        return grant.access_token
    try:
        read: Exchange | None = app.tokens.probe(grant)
    except NotConfigured:
        read = None
    if read is not None and 200 <= read.heard.status < 300:
        raise TwinFailed("the right query calls a token inactive that the FHIR server still takes, and called it active before")
    raise TwinFailed("the token has ended by itself since it was called active")


def with_hint(app: App, hint: str) -> Introspected:
    """The right query with a ``token_type_hint`` that does not fit."""
    known = proven(app)
    if known.body.get("active") is not True:
        raise TwinFailed("without a hint the token was not called active", by="introspection-active")

    def make() -> Introspected:
        token = _still_active(app)
        return replace(known, exchange=send(app, token, caller(app), hint=hint))  # an assertion serves once

    return app.once(f"introspection with hint {hint}", make)


@dataclass(frozen=True)
class Later:
    """What the server says of the first access token of a grant, and of one that a refresh brought seconds later for the same time."""

    first: Exchange
    second: Exchange
    renewed: Introspected
    """The later answer beside the token response of the refresh."""


def of_renewed(app: App) -> Later:
    """The answers about both; ``NotApplicable`` where their lives differ in length or the first one has ended."""
    proven(app)
    found = renewed(app)

    def make() -> Later:
        first, second = found.grant.token, found.answer
        if first.access_token == second.access_token:
            raise NotApplicable("the refresh brought the first access token again; `refresh-new-access-token` judges that")
        if first.expires_in is None or first.expires_in != second.expires_in:
            raise NotApplicable("the token of the refresh is not for as long as the first one, so their ends need not differ")
        exchanges = [send(app, token.access_token, caller(app)) for token in (first, second)]
        if any(answered(exchange).object.get("active") is not True for exchange in exchanges):
            raise NotApplicable("one of the two tokens is not called active, so there is no `exp` to compare")
        grant = Grant(found.grant.authorization, second, found.grant.launch)
        return Later(exchanges[0], exchanges[1], Introspected(app, grant, exchanges[1]))

    return app.once("introspection of a renewed token", make)


def of_less(app: App) -> Introspected:
    """The answer about a token from which the user left a scope out; ``NotApplicable`` where nothing could be left out."""
    proven(app)
    _, asked = unticked(app)

    def make() -> Introspected:
        grant = app.require_grant(asked.attempt)
        exchange = send(app, grant.access_token, caller(app))
        if answered(exchange).object.get("active") is not True:
            raise NotApplicable(f"the server does not call the token active (status {exchange.answer.status})")
        return Introspected(app, grant, exchange)

    return app.once("introspection of less", make)


def without_token(app: App) -> Exchange:
    """A query that lacks the token."""
    proven(app)
    return app.once("introspection of nothing", lambda: send(app, None, caller(app)))


EXPIRED = "introspection of a token that has expired"


@dataclass(frozen=True)
class Expired:
    """The queries about a token after its time, and about one that came of a refresh of the same grant; None where none came."""

    first: Exchange
    renewed: Exchange | None = None


def _expired(app: App) -> Exchange:
    return app.aged(EXPIRED, lambda: expire(app)).first


def _expired_of_refresh(app: App) -> Exchange:
    renewed = app.aged(EXPIRED, lambda: expire(app)).renewed
    if renewed is None:
        raise NotApplicable("no refresh brought a token whose time could be waited for; the scenarios on refreshes judge that")
    return renewed


def _asked_about(token: Callable[[App], str]) -> Callable[[App], Exchange]:
    return lambda app: send(app, token(app), caller(app))


def _id_token(app: App) -> str:
    value = live(app).grant.token.id_token
    if not value:
        raise unless_asked(app, NotApplicable("the token response has no ID Token"), "openid")
    return value


def _foreign_jwt(app: App) -> str:
    """An access token in the form of RFC 9068 for this server, by an issuer and a key that nobody knows."""
    now = int(time.time())
    key = authentication.new_key("ES384")
    claims = {
        "iss": "https://authorization.other.example",
        "aud": app.engine.target.fhir_base_url,
        "client_id": app.client.client_id,
        "sub": "somebody",
        "scope": " ".join(app.scopes),
        "iat": now,
        "exp": now + 300,
        "jti": secrets.token_urlsafe(24),
    }
    return authentication.encode({"typ": "at+jwt", "kid": key["kid"]}, claims, key, "ES384")


def _replaced(app: App) -> str:
    """A refresh token that was replaced, used again and refused for it."""
    done = reused(app)
    if done.replay.succeeded:
        raise NotApplicable("the refresh token that was replaced still works; `refresh-reuse-refused` judges that")
    return next(v for k, v in done.replay.exchange.request.form if k == "refresh_token")


INACTIVE: Mapping[str, Callable[[App], Exchange]] = {
    "was never issued": _asked_about(lambda _app: never_issued()),
    "has one character changed": _asked_about(lambda app: altered(live(app).grant.access_token)),
    "was revoked": _asked_about(revocation.revoked_access_token),
    "is an authorization code": _asked_about(lambda app: app.bare_code().code),
    "is an ID Token": _asked_about(_id_token),
    "is a JWT of another issuer": _asked_about(_foreign_jwt),
    "has expired": _expired,
    "came of a refresh and has expired": _expired_of_refresh,
    "is a refresh token that was replaced and refused": _asked_about(_replaced),
}
"""Proper queries about a token that is not in force, by what is the matter with it."""


def inactive(app: App, label: str) -> Exchange:
    """A proper query about a token that is not in force."""
    proven(app)
    exchange = INACTIVE[label](app) if "expired" in label else app.once(f"query of a token that {label}", lambda: INACTIVE[label](app))
    answered(exchange)
    return exchange


def expire(app: App) -> Aging[Expired]:
    """The probe of a token whose time is over."""
    proven(app)
    limit_s = app.engine.target.limits.wait_for_expiry_s
    if limit_s <= 0:
        raise NotConfigured(
            "waiting is not allowed: set limits.wait_for_expiry_s in the target file to let tokens expire", key="[limits] wait_for_expiry_s"
        )
    other = app.other("short-lived")
    grant = other.fresh_grant()
    lifetime = grant.token.expires_in
    if lifetime is None or lifetime + leeway(app) > limit_s:
        raise NotConfigured(
            f"a token of the client with use = 'short-lived' lives longer than limits.wait_for_expiry_s = {limit_s:g}",
            key="[limits] wait_for_expiry_s",
        )
    if resource_server(app) is not None and send(app, grant.access_token, caller(app)).answer.object.get("active") is not True:
        raise TwinFailed("the token was not called active before it expired")
    renewed = other.refresh(grant.token.refresh_token) if grant.token.refresh_token else None
    if renewed is None or not renewed.succeeded or renewed.expires_in is None or renewed.expires_in + leeway(app) > limit_s:
        yield grant.expires_at + leeway(app)
        return Expired(send(app, grant.access_token, caller(app)))
    yield max(grant.expires_at, renewed.received_at + renewed.expires_in) + leeway(app)
    return Expired(send(app, grant.access_token, caller(app)), send(app, renewed.access_token, caller(app)))


def _nobody(_app: App) -> Credentials:
    return Credentials()


def _unknown_bearer(_app: App) -> Credentials:
    return bearer("x" * 40)


def _wrong_secret(app: App) -> Credentials:
    """A wrong secret of the caller; ``NotApplicable`` when the endpoint asks nobody for credentials."""
    if unauthorized(app, "no authorization").answer.status == 200:
        raise NotApplicable("the introspection endpoint is not protected, which SMART allows")
    if not any(value.startswith("Basic ") for _, value in caller(app).headers):
        raise NotConfigured(
            "no client with a secret is known to introspect; configure one with role = 'resource-server'",
            key='[clients.<name>] role = "resource-server"',
        )
    client = app.engine.target.find_client("resource-server") or app.client
    return authentication.basic(client.client_id, secrets.token_urlsafe(24))


def _foreign_key(right: Assertion) -> Assertion:
    return replace(right, key={**authentication.new_key(right.algorithm), "kid": right.key.get("kid")})


def _expired_proof(right: Assertion) -> Assertion:
    then = int(time.time()) - 3600
    return right.having(claims={"exp": then, "iat": then - 240})


UNAUTHORIZED: Mapping[str, Callable[[App], Credentials]] = {
    "no authorization": _nobody,
    "a made-up bearer token": _unknown_bearer,
    "a revoked bearer token": lambda app: bearer(revocation.revoked_access_token(app)),
    "its refresh token as a bearer token": lambda app: bearer(has_refresh_token(app, app.grant()).token.refresh_token),
    "its ID Token as a bearer token": lambda app: bearer(_id_token(app)),
    "a bearer token with another end": lambda app: bearer(other_end(app.grant().access_token)),
    "a wrong secret": _wrong_secret,
}
"""Callers without authorization, or with a wrong one."""

BY_ASSERTION: Mapping[str, Callable[[Assertion], Assertion]] = {
    "an assertion that another key signed": _foreign_key,
    "an assertion that has expired": _expired_proof,
}
"""What is wrong with the assertion of a client that asks about a token of its own."""
CALLERS = (*UNAUTHORIZED, *BY_ASSERTION)


def _by_assertion(app: App, label: str) -> Exchange:
    """The query of a backend service about its own token with a wrong assertion; with a right one the token is called active."""
    service = app.beside(app.engine.target.client("backend"), "")
    token = client_credentials.token(service).access_token  # a fresh one, which nothing has ended yet
    usual = send(service, token, service.authentication.credentials_at("introspection"))
    if answered(usual).object.get("active") is not True:
        raise NotApplicable(f"the server does not call the token of the backend service active (status {usual.answer.status})")
    return send(service, token, BY_ASSERTION[label](service.authentication.assertion()).credentials())


def unauthorized(app: App, label: str) -> Exchange:
    """The right query by a caller without authorization, or with a wrong one."""
    known = proven(app)
    if label in BY_ASSERTION:
        return app.once(f"introspection with {label}", lambda: _by_assertion(app, label))
    credentials = UNAUTHORIZED[label](app)

    def make() -> Exchange:
        answer = send(app, known.grant.access_token, credentials)
        if label == "a wrong secret" and answer.heard.status == 200 and app.engine.target.find_client("resource-server") is None:
            require_heeded(app, "wrong client authentication")
        return answer

    return app.once(f"introspection with {label}", make)


def by_bearer(app: App) -> Introspected:
    """The query of a client that may introspect, authorized by its own access token.

    A confidential client that the endpoint has answered about its own token may introspect. 403 says that its token has not the scope
    that the server wants, which the guide leaves to it.
    """
    endpoint(app)
    if app.client.role == "public":
        raise NotApplicable("whether a public client may introspect cannot be known")
    grant = app.grant()

    def make() -> Introspected:
        own = send(app, grant.access_token, app.authentication.credentials())
        if answered(own).object.get("active") is not True:
            raise NotApplicable("the server does not let this app introspect with its credentials")
        exchange = send(app, grant.access_token, bearer(grant.access_token))
        if answered(exchange).status in (401, 403):
            raise NotApplicable(
                f"the app's access token may lack the scope that the introspection endpoint wants (status {exchange.answer.status})"
            )
        return Introspected(app, grant, exchange)

    return app.once("introspection by bearer", make)


def by_bearer_in_lower_case(app: App) -> Introspected:
    """The query by bearer token with the scheme in lower case; the same with the usual spelling has to be taken."""
    if by_bearer(app).exchange.answer.status != 200:
        raise NotApplicable("the endpoint does not take the bearer token; another scenario judges that")
    grant = app.grant()

    def make() -> Introspected:
        own = Credentials(headers=(("Authorization", f"bearer {grant.access_token}"),))
        return Introspected(app, grant, send(app, grant.access_token, own))

    return app.once("introspection by bearer in lower case", make)


def of_another_client(app: App) -> Introspected:
    """The query of the client with role resource-server about the app's token, which was issued to another client.

    ``NotConfigured`` without such a client: an app that is let see its own tokens is not yet one that may see those of others.
    """
    if resource_server(app) is None:
        raise NotConfigured("nothing says that a client may introspect tokens of others", key='[clients.<name>] role = "resource-server"')
    return live(app)
