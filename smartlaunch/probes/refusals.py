"""Token requests that are refused on different ways through a server, so that the form of each refusal can be looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from smartlaunch.client.http import answered
from smartlaunch.probes import backend_services as client_credentials
from smartlaunch.probes import token
from smartlaunch.probes.client_authentication import assertion, clients, secret
from smartlaunch.probes.refresh import wrong

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.apps import Apps
    from smartlaunch.oauth.token import TokenAnswer


def _foreign_refresh_token(app: App) -> TokenAnswer:
    return app.once("the refusal of a foreign refresh token", lambda: wrong.by_another_client(app))


def _foreign_code(app: App) -> TokenAnswer:
    return app.once("the refusal of a foreign code", lambda: token.redeemed_by_second(app))


OF_APP: Mapping[str, Callable[[App], TokenAnswer]] = {
    "a refresh for more than was granted": lambda app: wrong.wider(app, "a scope it did not ask for before").refreshed.answer,
    "a refresh token of another client": _foreign_refresh_token,
    "a code of another client": _foreign_code,
    "a code with another code verifier": lambda app: token.redeem_with_verifier(app, "another code verifier"),
    "a code that was used": lambda app: token.replayed(app).second,
    "a refresh token that was replaced": lambda app: wrong.reused(app).replay,
    "a refresh token that was revoked": wrong.after_revocation,
}
"""Requests of an app, whichever way it authenticates."""

OF_CLIENT: Mapping[str, Callable[[Apps], TokenAnswer]] = {
    "a refresh with a wrong secret": lambda apps: secret.refresh(apps.of_role("confidential-symmetric"), "a wrong secret"),
    "an assertion that has expired": lambda apps: assertion.present(clients.prover(apps), "an exp claim in the past"),
    "a backend request for a scope that nobody knows": lambda apps: client_credentials.faulty(
        apps.of_role("backend"), "a scope that nobody knows"
    ),
}
"""Requests of a client of one kind."""

REFUSED = (*OF_APP, *OF_CLIENT)
"""Token requests that are refused, by the words that features use for them."""


def refused(apps: Apps, app: App, label: str) -> TokenAnswer:
    """The answer to a request that has to be refused; that it is, other scenarios judge."""
    answer = OF_CLIENT[label](apps) if label in OF_CLIENT else OF_APP[label](app)
    answered(answer.exchange)
    return answer
