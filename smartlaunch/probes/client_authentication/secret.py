"""Ways in which a client with a secret says the wrong thing about itself, by the words that features use for them."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from smartlaunch.client.authorization import require_settled
from smartlaunch.errors import NotApplicable, NotConfigured, TwinFailed, Unreachable
from smartlaunch.oauth import client_authentication as authentication
from smartlaunch.oauth.client_authentication import Credentials
from smartlaunch.probes.client_authentication import unspent
from smartlaunch.probes.registered import no_refresh_token

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.authorization import AuthorizationAnswer
    from smartlaunch.oauth.token import TokenAnswer

Make = Callable[["App"], Credentials]


def _of(app: App) -> str:
    if app.client.client_secret is None:
        raise NotConfigured(f"the client {app.client.name!r} has no client_secret in the target file", key="[clients.<name>] client_secret")
    return app.client.client_secret.reveal()


def _another(app: App) -> str:
    """A secret of the same length that nobody has."""
    right = _of(app)
    return secrets.token_urlsafe(len(right) + 8)[: max(16, len(right))]


def _other(app: App) -> tuple[str, str]:
    """The id and secret of another client."""
    other = app.other()
    return other.client.client_id, _of(other)


# -- credentials --------------------------------------------------------------------------------------------------------------


def _by_basic(value: Callable[[App], str]) -> Make:
    """Another secret in the header; ``NotApplicable`` where it comes to the right one."""

    def make(app: App) -> Credentials:
        other = value(app)
        if other == _of(app):
            raise NotApplicable("what should be a wrong secret comes to the right one, such as one without letters in the other case")
        return authentication.basic(app.client.client_id, other)

    return make


def _in_header_and_body(app: App) -> Credentials:
    header, body = authentication.basic(app.client.client_id, _of(app)), authentication.post(app.client.client_id, _of(app))
    return Credentials(header.headers, body.form)


def _other_id_in_the_body(app: App) -> Credentials:
    return Credentials(authentication.basic(app.client.client_id, _of(app)).headers, (("client_id", _other(app)[0]),))


def _header(value: Callable[[App], str]) -> Make:
    return lambda app: Credentials(headers=(("Authorization", value(app)),))


WRONG: Mapping[str, Make] = {
    "a wrong secret": _by_basic(_another),
    "an empty secret": _by_basic(lambda _app: ""),
    "the beginning of its secret": _by_basic(lambda app: _of(app)[: len(_of(app)) // 2]),
    "its secret with one character more": _by_basic(lambda app: _of(app) + "x"),
    "its secret in the other case": _by_basic(lambda app: _of(app).swapcase()),
    "the secret of another client": _by_basic(lambda app: _other(app)[1]),
    "no secret": lambda app: authentication.none(app.client.client_id),
    "no word of who it is": lambda _app: Credentials(),
    "the client_id of another client and its own secret": lambda app: authentication.basic(_other(app)[0], _of(app)),
    "a client_id that nobody has": lambda _app: authentication.basic(f"nobody-{secrets.token_hex(6)}", secrets.token_urlsafe(24)),
    "its secret without its client_id": lambda app: authentication.basic("", _of(app)),
    "Basic credentials that are no base64": _header(lambda _app: "Basic %%%"),
    "its secret under the scheme Bearer": _header(lambda app: f"Bearer {_of(app)}"),
    "a wrong secret in the body": lambda app: authentication.post(app.client.client_id, _another(app)),
    "an empty secret in the body": lambda app: authentication.post(app.client.client_id, ""),
    "the secret of another client in the body": lambda app: authentication.post(app.client.client_id, _other(app)[1]),
    "its secret in the header and in the body": _in_header_and_body,
    "the client_id of another client in the body beside its own in the header": _other_id_in_the_body,
}
"""What a client with a secret says about itself; all else in the request is right."""

IN_THE_QUERY = "its credentials in the query"
REDEEMED = (*WRONG, IN_THE_QUERY)
"""What an access token request comes with."""
UNPROVEN = ("no secret", "no assertion", "no word of who it is")
"""Requests without any proof of who the client is."""


# -- token requests -----------------------------------------------------------------------------------------------------------


def redeem(app: App, label: str) -> TokenAnswer:
    """A fresh code redeemed with the credentials that the words name; all else in the request is right.

    ``TwinFailed`` where that brings a token and no secret at all does too: nothing shows then that this one was looked at.
    """

    def make() -> TokenAnswer:
        answer = _redeem(app, label)
        if answer.succeeded and label not in UNPROVEN and any(redeem(app, one).succeeded for one in UNPROVEN if one in WRONG):
            raise TwinFailed("a code brings a token without any secret too", by="missing-secret-refused")
        return answer

    return app.once(f"redeem with {label}", make)


def _redeem(app: App, label: str) -> TokenAnswer:
    if label == IN_THE_QUERY:
        pair = [("client_id", app.client.client_id), ("client_secret", _of(app))]
        joint = "&" if "?" in app.token_endpoint else "?"
        return app.token_request(app.code_form(app.bare_code()), Credentials(), url=f"{app.token_endpoint}{joint}{urlencode(pair)}")
    return redeem_with(app, WRONG[label])


def redeem_with(app: App, make: Make) -> TokenAnswer:
    """A code redeemed with credentials made for it: a fresh one, or one that nobody got anything for yet."""
    return unspent.put(app, "code", app.bare_code, lambda code: app.token_request(app.code_form(code), make(app)))


def refresh(app: App, label: str) -> TokenAnswer:
    """A refresh token of its own used with the credentials that the words name; a right refresh has to succeed first."""
    return refresh_with(app, label, WRONG)


def refresh_with(app: App, label: str, faults: Mapping[str, Make]) -> TokenAnswer:
    """A refresh token of its own used with one of the credentials given by their words; a right refresh has to succeed first.

    ``TwinFailed`` where that brings a token and no authentication at all does too.
    """

    def put() -> TokenAnswer:
        app.once("a right refresh", lambda: right_refresh(app))
        make = faults[label]
        answer = unspent.put(app, "refresh token", lambda: _refresh_token(app), lambda value: app.refresh(value, make(app)))
        if answer.succeeded and label not in UNPROVEN and app.once("refresh unproven", lambda: _refresh_unproven(app)).succeeded:
            raise TwinFailed("a refresh token brings a token without any client authentication too", by="refresh-client-authentication")
        return answer

    return app.once(f"refresh with {label}", put)


def _refresh_unproven(app: App) -> TokenAnswer:
    return app.refresh(_refresh_token(app), authentication.none(app.client.client_id))


def right_refresh(app: App, credentials: Credentials | None = None) -> TokenAnswer:
    """A refresh with the right credentials; ``TwinFailed`` when it brings no token."""
    answer = app.refresh(_refresh_token(app), credentials)
    if answer.exchange.response is None:
        raise Unreachable(f"the token endpoint gave no answer: {answer.exchange.error}")
    if not answer.succeeded:
        raise TwinFailed(f"a right refresh did not bring an access token: {answer.describe()}")
    return answer


def _refresh_token(app: App) -> str:
    """A refresh token of a grant of its own; ``NotApplicable`` when the server issued none."""
    value = app.bare_grant().token.refresh_token
    if not value:
        raise no_refresh_token(app)
    return value


# -- right credentials --------------------------------------------------------------------------------------------------------


def redeem_by_basic(app: App) -> TokenAnswer:
    """A fresh code redeemed with the right credentials in the header, whatever way other scenarios use."""
    return redeem_by(app, "client_secret_basic")


def redeem_by_basic_in_lower_case(app: App) -> TokenAnswer:
    """The same with the scheme in lower case, which counts for nothing (RFC 7235 section 2.1); the usual spelling has to be taken."""
    if not redeem_by_basic(app).succeeded:
        raise NotApplicable("the server does not take the secret by Basic; another scenario judges that")
    right = authentication.basic(app.client.client_id, _of(app))
    lower = Credentials(tuple((name, value.replace("Basic ", "basic ", 1)) for name, value in right.headers))
    return app.once("redeem by basic", lambda: app.token_request(app.code_form(unproven_code(app)), lower))


METHODS: Mapping[str, Callable[[str, str], Credentials]] = {
    "client_secret_basic": authentication.basic,
    "client_secret_post": authentication.post,
}
"""Ways of sending a secret, as the metadata name them."""


def redeem_by(app: App, method: str) -> TokenAnswer:
    """A fresh code redeemed with the right credentials by a method as the metadata name it."""
    proof = METHODS[method](app.client.client_id, _of(app))
    return app.once(f"redeem by {method}", lambda: app.token_request(app.code_form(unproven_code(app)), proof))


def encoding_note(app: App, answer: TokenAnswer) -> str:
    """What the server was given; after a refusal also whether it takes the pair unencoded, as one does that forgot the encoding."""
    words = "`client_id` and secret form-encoded before they are joined"
    if answer.succeeded:
        return words
    pair = f"{app.client.client_id}:{_of(app)}"
    raw = Credentials(headers=(("Authorization", "Basic " + base64.b64encode(pair.encode()).decode()),))
    taken = app.once("redeem unencoded", lambda: app.token_request(app.code_form(unproven_code(app)), raw)).succeeded
    return words + (" (it takes them joined as they are)" if taken else "")


def unproven_code(app: App) -> AuthorizationAnswer:
    """A code that does not ask for an earlier success at the token endpoint: that success is what the scenario judges."""
    answer = app.authorize(app.prepare())
    require_settled(answer)
    if not answer.code:
        raise TwinFailed(f"a right authorization request got no code: {answer.describe()}")
    return answer
