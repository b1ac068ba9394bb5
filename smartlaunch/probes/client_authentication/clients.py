"""Which registration puts a question on client authentication, in whichever way of launching the server offers."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from smartlaunch.errors import NotApplicable, NotConfigured

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.apps import Apps

_WITH_KEYS = ("backend", "confidential-asymmetric")
_USES = ("primary", "second")


def reserved_app(apps: Apps) -> App:
    """An app whose id or secret has characters that form-encoding changes; ``NotApplicable`` when no client has any."""
    for app in apps.any_of(["confidential-symmetric"], _USES):
        secret = app.client.client_secret
        if secret is not None and any(quote_plus(value) != value for value in (app.client.client_id, secret.reveal())):
            return app
    raise NotConfigured(
        "no client with role = 'confidential-symmetric' has a character in its id or secret that form-encoding changes",
        key="[clients.<name>] client_secret",
    )


def prover(apps: Apps) -> App:
    """The client that puts assertions to the server; ``NotApplicable`` when the target file has none with a key pair.

    A fault is put with the request that costs least: the client credentials request of a backend service where one is configured.
    """
    return apps.of_role("backend" if apps.target.find_client("backend") is not None else "confidential-asymmetric")


def registered_with(apps: Apps, *, url: bool) -> App:
    """A client that registered the URL of its JWK Set, or the set itself; ``NotApplicable`` without one."""
    for app in apps.any_of(_WITH_KEYS, _USES):
        if bool(app.client.jwks_uri) is url:
            return app
    raise NotConfigured(
        f"no client with a key pair {'has' if url else 'is without'} a jwks_uri in the target file", key="[clients.<name>] jwks_uri"
    )


def publisher(apps: Apps) -> App:
    """A client whose JWK Set the suite serves itself, on loopback; ``NotApplicable`` when no client has one."""
    reasons = []
    for app in apps.any_of(_WITH_KEYS, _USES):
        if app.client.jwks_uri:
            try:
                app.keys.server(app.client)
            except NotApplicable as exc:
                reasons.append(str(exc))
            else:
                return app
    raise NotConfigured(
        "; ".join(reasons) or "no client has a jwks_uri, so no key set can change during the run", key="[clients.<name>] jwks_uri"
    )


def of_another_kind(app: App) -> App:
    """An app that authenticates where this one does not, or the other way round, launched as this one is; ``NotConfigured`` without one."""
    roles = ("confidential-symmetric", "confidential-asymmetric") if app.client.role == "public" else ("public",)
    for client in filter(None, map(app.engine.target.find_client, roles)):
        if app.launch_kind in client.launches:
            return app.beside(client, app.launch_kind)
    raise NotConfigured(
        f"the target file has no client with role = {' or '.join(map(repr, roles))} that is launched as this one is",
        key="[clients.<name>] role",
    )
