"""Launch values in wrong hands: forged, altered, of another app, of another user."""

from __future__ import annotations

import secrets
from dataclasses import replace

from smartlaunch.client.app import App
from smartlaunch.client.authorization import require_settled
from smartlaunch.client.launch import Opened
from smartlaunch.oauth.authorization import Launch
from smartlaunch.probes import faults
from smartlaunch.probes.authorization import EndState, pursue
from smartlaunch.target import User


def opened(app: App) -> Opened:
    """What the EHR opens the app with."""
    return app.once("ehr launch", lambda: app.launches.open(app.client))


def twice(app: App) -> list[Launch]:
    """Two launches of the app, one after the other; pasted ones come after the grant that judges most."""
    if app.launches.pasted(app.client):
        app.grant()
    return [app.launches.obtain(app.client), app.launches.obtain(app.client)]


def forged(app: App) -> EndState:
    """The flow with a launch value that no EHR issued."""
    app.grant()
    return _with(app, Launch(app.engine.target.fhir_base_url, secrets.token_urlsafe(32)))


def altered(app: App) -> EndState:
    """The flow with a real launch value in which one character is changed."""
    app.grant()
    real = app.launches.obtain(app.client)
    return _with(app, replace(real, launch=faults.altered(real.launch)))


def of_another_app(app: App) -> EndState:
    """The flow with a launch value that the EHR issued to another app; that app's own launch has to succeed first."""
    other = app.other()
    app.grant()
    other.grant()
    return _with(app, app.launches.obtain(other.client))


def of_another_user(app: App) -> EndState:
    """The flow of one user with a launch value from another user's session; both users' own launches have to succeed first."""
    other = app.engine.target.colleague()
    app.grant()
    app.grant(user=other)
    return _with(app, app.launches.obtain(app.client), user=other)


def _with(app: App, launch: Launch, user: User | None = None) -> EndState:
    answer = app.authorize(app.request(launch=launch), user=user)
    if answer.landing.kind in ("unreachable", "timeout"):
        require_settled(answer)
    return pursue(app, answer)
