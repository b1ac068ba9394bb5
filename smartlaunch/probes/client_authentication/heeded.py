"""Whether a server looks at client authentication where a code is redeemed: what it takes there says nothing more elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from smartlaunch.errors import TwinFailed
from smartlaunch.probes.client_authentication import assertion, secret

if TYPE_CHECKING:
    from smartlaunch.client.app import App

_AT_THE_EXCHANGE: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "confidential-symmetric": {
        "no client authentication": ("no word of who it is", "missing-secret-refused"),
        "a client_id alone": ("no secret", "missing-secret-refused"),
        "wrong client authentication": ("a wrong secret", "wrong-secret-refused"),
    },
    "confidential-asymmetric": {
        "no client authentication": ("no word of who it is", "missing-assertion-refused"),
        "a client_id alone": ("no assertion", "missing-assertion-refused"),
        "wrong client authentication": ("the signature of a key that nobody registered", "missing-assertion-refused"),
    },
}
"""The words of `either.WRONG`, for each kind of client, with the same where a code is redeemed and the scenario that judges it there."""


def require_heeded(app: App, label: str) -> None:
    """``TwinFailed`` where a code brings a token with the same in place of authentication: the server is found there."""
    words, by = _AT_THE_EXCHANGE.get(app.client.role, {}).get(label, ("", ""))
    if not words:
        return
    symmetric = app.client.role == "confidential-symmetric"
    if words == "a wrong secret" and not app.authentication.credentials().headers:
        words = "a wrong secret in the body"
    if (secret.redeem if symmetric else assertion.redeem)(app, words).succeeded:
        raise TwinFailed(f"a code brings a token with {words} too", by=by)
