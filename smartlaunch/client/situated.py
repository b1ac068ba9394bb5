"""What of a situation a server, a launch and a target file can give, and whether right flows succeed in it."""

from __future__ import annotations

from dataclasses import replace

from smartlaunch.client.app import App
from smartlaunch.client.reading import candidates
from smartlaunch.client.situation import PLAIN, Situation
from smartlaunch.errors import Blocked, NotApplicable, NotConfigured, Unreachable

_ANYBODY = "anybody"
"""A patient's id, where it is only asked whether scopes allow any read that the suite can make."""


def possible(app: App, situation: Situation) -> Situation:
    """As much of a situation as the target file, the plain launch and the server can give.

    Without a second user, patient or refresh token it is less, and where the server does not claim to take requests by POST.
    """
    plain = app.beside(app.client, app.launch_kind)
    chooses = app.launch_kind != "ehr" or app.launches.chooses(app.client)
    user = situation.user if chooses and app.engine.target.other_users() else ""
    patient = situation.patient
    if patient:
        try:
            app.engine.target.another_patient(app.engine.target.first_user)
        except NotConfigured:
            patient = ""
    token = situation.token if not situation.token or plain.grant().token.refresh_token else ""
    method = situation.method if "authorize-post" in app.engine.discovery.capabilities else PLAIN.method
    return replace(situation, method=method, user=user, patient=patient if chooses else "", token=token)


def require_situation(app: App) -> None:
    """``NotApplicable`` where a right flow does not succeed in this situation though it does without it."""
    if app.situation == PLAIN:
        return
    plain = app.beside(app.client, app.launch_kind)
    usual = plain.grant()
    try:
        here = app.grant()
    except Blocked as exc:
        if isinstance(exc, Unreachable):
            raise
        raise NotApplicable(f"{app.situation.words}: a right flow does not succeed that way here: {exc.message}") from exc
    if candidates(usual.granted, _ANYBODY) and not candidates(here.granted, _ANYBODY):
        raise NotApplicable(f"{app.situation.words}: the server grants no scope on FHIR data that way")
