"""Ways in which a client with a secret says the wrong thing about itself, by the words that features use for them."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote_plus, urlencode

from smartlaunch.errors import NotApplicable, TwinFailed, Unreachable
from smartlaunch.oauth import client_authentication as authentication
from smartlaunch.oauth.client_authentication import Credentials

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.apps import Apps
    from smartlaunch.client.authorization import AuthorizationAnswer
    from smartlaunch.oauth.token import TokenAnswer


def secret_app(apps: Apps) -> App:
    """The app with a secret, in whichever way of launching the server offers; ``NotApplicable`` when none is configured."""
    return apps.of_role("confidential-symmetric")


def _wrong(secret: str) -> str:
    """A secret of the same length that nobody has."""
    return secrets.token_urlsafe(len(secret) + 8)[: max(16, len(secret))]


def _other(app: App) -> tuple[str, str]:

    client = app.other().client
    if client.client_secret is None:
        raise NotApplicable(f"the client {client.name!r} has no client_secret in the target file")
    return client.client_id, client.client_secret.reveal()


def _secret(app: App) -> str:
    if app.client.client_secret is None:
        raise NotApplicable(f"the client {app.client.name!r} has no client_secret in the target file")
    return app.client.client_secret.reveal()


def _both(app: App) -> Credentials:
    header, body = authentication.basic(app.client.client_id, _secret(app)), authentication.post(app.client.client_id, _secret(app))
    return Credentials(header.headers, body.form)


Make = Callable[["App"], Credentials]

_WRONG_SECRETS: dict[str, Callable[[App], str]] = {
    "a wrong secret": lambda app: _wrong(_secret(app)),
    "an empty secret": lambda _app: "",
    "the beginning of its secret": lambda app: _secret(app)[: len(_secret(app)) // 2],
    "its secret with one character more": lambda app: _secret(app) + "x",
    "its secret in the other case": lambda app: _secret(app).swapcase(),
    "the secret of another client": lambda app: _other(app)[1],
}
_WAYS: dict[str, Make] = {
    "no secret": lambda app: authentication.none(app.client.client_id),
    "no word of who it is": lambda _app: Credentials(),
    "the client_id of another client and its own secret": lambda app: authentication.basic(_other(app)[0], _secret(app)),
    "a client_id that nobody has": lambda _app: authentication.basic(f"nobody-{secrets.token_hex(6)}", secrets.token_urlsafe(24)),
    "its secret without its client_id": lambda app: authentication.basic("", _secret(app)),
    "Basic credentials that are no base64": lambda _app: Credentials(headers=(("Authorization", "Basic %%%"),)),
    "its secret under the scheme Bearer": lambda app: Credentials(headers=(("Authorization", f"Bearer {_secret(app)}"),)),
    "a wrong secret in the body": lambda app: authentication.post(app.client.client_id, _wrong(_secret(app))),
    "an empty secret in the body": lambda app: authentication.post(app.client.client_id, ""),
    "the secret of another client in the body": lambda app: authentication.post(app.client.client_id, _other(app)[1]),
    "its secret in the header and in the body": _both,
    "the client_id of another client in the body beside its own in the header": lambda app: Credentials(
        authentication.basic(app.client.client_id, _secret(app)).headers, (("client_id", _other(app)[0]),)
    ),
}
IN_THE_QUERY = "its credentials in the query"


def credentials(app: App, label: str) -> Credentials:
    """The credentials that the words name; a label that comes to the right secret is ``NotApplicable``."""
    if label in _WAYS:
        return _WAYS[label](app)
    value = _WRONG_SECRETS[label](app)
    if value == _secret(app):
        raise NotApplicable(f"the client's secret is the same with {label}")
    return authentication.basic(app.client.client_id, value)


def redeem(app: App, label: str) -> TokenAnswer:
    """A fresh code redeemed with the credentials that the words name; all else in the request is right."""
    return app.once(f"redeem with {label}", lambda: _redeem(app, label))


def _redeem(app: App, label: str) -> TokenAnswer:
    if label == IN_THE_QUERY:
        pair = [("client_id", app.client.client_id), ("client_secret", _secret(app))]
        joint = "&" if "?" in app.token_endpoint else "?"
        return app.token_request(app.code_form(app.bare_code()), Credentials(), url=f"{app.token_endpoint}{joint}{urlencode(pair)}")
    proof = credentials(app, label)
    return app.token_request(app.code_form(app.bare_code()), proof)


def refresh(app: App, label: str) -> TokenAnswer:
    """A refresh token of its own used with the credentials that the words name; a right refresh has to succeed first."""
    return app.once(f"refresh with {label}", lambda: _refresh(app, label))


def _refresh(app: App, label: str) -> TokenAnswer:
    app.once("a right refresh", lambda: right_refresh(app))
    return app.refresh(refresh_token(app), credentials(app, label))


def right_refresh(app: App) -> TokenAnswer:
    """A refresh with the right credentials; ``TwinFailed`` when it brings no token."""
    answer = app.refresh(refresh_token(app))
    if answer.exchange.response is None:
        raise Unreachable(f"the token endpoint gave no answer: {answer.exchange.error}")
    if not answer.succeeded:
        raise TwinFailed(f"a right refresh did not bring an access token: {answer.describe()}")
    return answer


def refresh_token(app: App) -> str:
    """A refresh token of a grant of its own; ``NotApplicable`` when the server issued none."""
    value = app.bare_grant().token.refresh_token
    if not value:
        raise NotApplicable("the server issued no refresh token to this client")
    return value


def reserved_app(apps: Apps) -> App:
    """An app whose id or secret has characters that form-encoding changes; ``NotApplicable`` when no client has any."""
    for app in apps.any_of(["confidential-symmetric"], ("primary", "second")):
        secret = app.client.client_secret
        if secret is not None and any(quote_plus(value) != value for value in (app.client.client_id, secret.reveal())):
            return app
    raise NotApplicable("no client with role = 'confidential-symmetric' has a character in its id or secret that form-encoding changes")


def redeem_by_basic(app: App) -> TokenAnswer:
    """A fresh code redeemed with the right credentials in the header, whatever way other scenarios use."""
    proof = authentication.basic(app.client.client_id, _secret(app))
    return app.once("redeem by Basic", lambda: app.token_request(app.code_form(_code(app)), proof))


def redeem_by(app: App, method: str) -> TokenAnswer:
    """A fresh code redeemed with the right credentials by a method as the metadata name it."""
    if method == "client_secret_basic":
        return redeem_by_basic(app)
    proof = authentication.post(app.client.client_id, _secret(app))
    return app.once("redeem by post", lambda: app.token_request(app.code_form(_code(app)), proof))


def encoding_note(app: App, answer: TokenAnswer) -> str:
    """What the server was given; after a refusal also whether it takes the pair unencoded, as one does that forgot the encoding."""
    words = "`client_id` and secret form-encoded before they are joined"
    if answer.succeeded:
        return words
    pair = f"{app.client.client_id}:{_secret(app)}"
    raw = Credentials(headers=(("Authorization", "Basic " + base64.b64encode(pair.encode()).decode()),))
    taken = app.once("redeem unencoded", lambda: app.token_request(app.code_form(_code(app)), raw)).succeeded
    return words + (" (it takes them joined as they are)" if taken else "")


def _code(app: App) -> AuthorizationAnswer:
    """A code that does not ask for an earlier success at the token endpoint: that success is what the scenario judges."""
    from smartlaunch.client.authorization import require_settled

    answer = app.authorize(app.prepare())
    require_settled(answer)
    if not answer.code:
        raise TwinFailed(f"a right authorization request got no code: {answer.describe()}")
    return answer


# -- grants that are not for everybody ------------------------------------------------------------------------------------------


def public_app(apps: Apps) -> App:
    """The app without credentials, in whichever way of launching the server offers."""
    return apps.of_role("public")


def client_credentials(app: App, label: str) -> TokenAnswer:
    """A client credentials request of an app that is no backend service, with the scopes that the words name."""
    app.grant()
    service = app.engine.target.find_client("backend")
    scope = {
        "system scopes": " ".join(service.scopes if service is not None and service.scopes else ("system/Patient.rs",)),
        "its own scopes": " ".join(app.scopes),
        "no scope": None,
    }[label]
    form = [("grant_type", "client_credentials")] + ([("scope", scope)] if scope else [])
    return app.once(f"client credentials for {label}", lambda: app.token_request(form))


def password(app: App) -> TokenAnswer:
    """The password grant with a user whose login works; ``NotApplicable`` when the target file has no password."""
    user = app.engine.target.first_user
    if user is None or user.password is None:
        raise NotApplicable("the target file has no user with a password")
    app.grant()
    form = [
        ("grant_type", "password"),
        ("username", user.username),
        ("password", user.password.reveal()),
        ("scope", " ".join(app.scopes)),
    ]
    return app.once("password grant", lambda: app.token_request(form))
