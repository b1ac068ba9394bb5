"""Client authentication that is missing or wrong, for confidential clients of either kind."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from smartlaunch.oauth import client_authentication as authentication
from smartlaunch.oauth.client_authentication import Credentials

if TYPE_CHECKING:
    from smartlaunch.client.app import App


def _wrong(app: App) -> Credentials:
    """A proof of the client's own kind, by a key or secret that nobody has."""
    if app.client.role == "confidential-asymmetric":
        right = app.authentication.assertion()
        return replace(right, key={**authentication.new_key(right.algorithm), "kid": right.key.get("kid")}).credentials()
    wrong = secrets.token_urlsafe(24)
    right_way = app.authentication.credentials()
    make = authentication.basic if right_way.headers else authentication.post
    return make(app.client.client_id, wrong)


WRONG: Mapping[str, Callable[[App], Credentials]] = {
    "no client authentication": lambda _app: Credentials(),
    "a client_id alone": lambda app: authentication.none(app.client.client_id),
    "wrong client authentication": _wrong,
}
"""What comes in place of a confidential client's right authentication."""
