"""Grants that are not for every client: client credentials of an app, and the password of a user."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from smartlaunch.errors import NotConfigured

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.oauth.token import TokenAnswer


def _system_scopes(app: App) -> str:
    service = app.engine.target.find_client("backend")
    return " ".join(service.scopes if service is not None and service.scopes else ("system/Patient.rs",))


SCOPES: Mapping[str, Callable[[App], str]] = {
    "system scopes": _system_scopes,
    "its own scopes": lambda app: " ".join(app.scopes),
    "no scope": lambda _app: "",
}
"""What an app that is no backend service asks for with its own credentials; nothing leaves ``scope`` out."""


def client_credentials(app: App, label: str) -> TokenAnswer:
    """A client credentials request of an app that is no backend service, with the scopes that the words name."""
    app.grant()
    scope = SCOPES[label](app)
    form = [("grant_type", "client_credentials")] + ([("scope", scope)] if scope else [])
    return app.once(f"client credentials for {label}", lambda: app.token_request(form))


def password(app: App) -> TokenAnswer:
    """The password grant with a user whose login works; ``NotApplicable`` when the target file has no password."""
    user = app.engine.target.first_user
    if user is None or user.password is None:
        raise NotConfigured("the target file has no user with a password", key="[users.<name>]")
    app.grant()
    form = [
        ("grant_type", "password"),
        ("username", user.username),
        ("password", user.password.reveal()),
        ("scope", " ".join(app.scopes)),
    ]
    return app.once("password grant", lambda: app.token_request(form))
