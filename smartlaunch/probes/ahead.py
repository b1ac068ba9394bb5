"""What lets time pass is begun before the first scenario, so that the others run in the meantime.

Only clients registered with short-lived codes and tokens are used that way: nothing else a run does touches them, so what dies there
dies by its age.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from smartlaunch.errors import NotApplicable
from smartlaunch.probes import backend_services as client_credentials
from smartlaunch.probes import introspection, token
from smartlaunch.probes.fhir_access import bearer_token

if TYPE_CHECKING:
    from smartlaunch.client.app import App

BEGINNINGS: dict[str, Callable[[App], None]] = {
    "code": lambda app: app.begin(token.REDEEMED_LATE, lambda: token.redeem_late(app)),
    "access-token": lambda app: app.begin(bearer_token.EXPIRED, lambda: bearer_token.expire(app)),
    "introspected-token": lambda app: app.begin(introspection.EXPIRED, lambda: introspection.expire(app)),
    "backend-token": lambda app: app.begin(client_credentials.EXPIRED, lambda: client_credentials.expire(app)),
}
"""By the word of the tag ``@waits:<word>``: what has to age."""


def begin(app: App, what: str) -> None:
    """Begin to let something age, where the client is registered for it."""
    try:
        app.other("short-lived")
    except NotApplicable:
        return
    BEGINNINGS[what](app)
