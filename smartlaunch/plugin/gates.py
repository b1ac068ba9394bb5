"""Whether a scenario is put, decided in set-up before anything is sent for it, and with which app."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from smartlaunch.catalogue import load
from smartlaunch.client.app import App
from smartlaunch.client.apps import Apps
from smartlaunch.client.situated import possible, require_situation
from smartlaunch.client.situation import PLAIN
from smartlaunch.errors import Blocked, Missing, NotApplicable, NotConfigured, UsageError
from smartlaunch.plugin.binding import Plan
from smartlaunch.plugin.session import RunSession
from smartlaunch.target import APP_ROLES, LAUNCHES

_SIGN_ON = "sso-openid-connect"
_ON_ID_TOKENS = ("id_token/", "refreshed_id_token")
"""Features that bind as soon as an ID Token comes."""


def gate_of(plan: Plan, run: RunSession) -> NotApplicable | Missing | None:
    """Why a scenario is not put at all, before anything is sent for it."""
    catalogue = load()
    edition, engine = run.target.edition, run.engine
    rows = [catalogue[r] for r in plan.requirements]
    if rows and all(edition not in row.editions for row in rows):
        return NotApplicable(f"the rule does not bind edition {edition}")
    if "writes" in plan.flags and not run.target.probes.allow_writes:
        return NotConfigured(
            "writing is not allowed: set probes.allow_writes in the target file to let the suite create and change its own data",
            key="[probes] allow_writes = true",
        )
    if "intrusive" in plan.flags and not run.target.probes.intrusive:
        return NotConfigured(
            "what a right app never sends is not allowed on this server: set probes.intrusive in the target file if you may try it",
            key="[probes] intrusive = true",
        )
    if "lockout" in plan.flags and not run.target.probes.lockout:
        return NotConfigured(
            "probes that may lock an account are not allowed: set probes.lockout in the target file", key="[probes] lockout = true"
        )
    assert engine is not None
    missing = [c for c in plan.capabilities if c not in engine.discovery.capabilities and not (c == _SIGN_ON and _signs_on(plan, run))]
    if missing and not engine.discovery.document:
        return Missing("there is no SMART configuration that could claim a capability", by="smart-configuration-found")
    if missing:
        return NotApplicable(f"the server does not claim the capability {', '.join(f'`{c}`' for c in missing)}")
    return None


def _signs_on(plan: Plan, run: RunSession) -> bool:
    """Whether a rule on ID Tokens binds although nothing claims them: an app was given one."""
    if not any(part in plan.path for part in _ON_ID_TOKENS):
        return False
    assert run.apps is not None
    with contextlib.suppress(NotApplicable, Blocked, UsageError):
        app = usual_app(run.apps, plan)
        return "openid" in app.scopes and bool(app.grant().token.id_token)
    return False


def app_of(apps: Apps, plan: Plan) -> App:
    """The app with which a plan is put, in as much of its situation as the target file can give.

    Where nothing of it is left and the client is the one that puts the scenario anyway, it is not put a second time.
    """
    if not plan.again:
        return usual_app(apps, plan)
    elsewhere = True
    try:
        app = apps.launched(plan.suite.role, plan.suite.launch)
    except NotApplicable:
        kinds, roles = _bearable(plan)
        app, elsewhere = apps.any(kinds, roles), False
    situation = possible(app, plan.situation)
    if situation == PLAIN and not (elsewhere and "once" in plan.flags):
        raise NotConfigured(
            f"the target file can show no other situation than the usual one ({plan.situation.words or plan.suite.id})",
            key="[users.<second>], [patients] other, `offline_access` in the scopes, or [clients.<another>]",
        )
    situated = apps.in_situation(app, situation)
    require_situation(situated)
    return situated


def _bearable(plan: Plan) -> tuple[Sequence[str], Sequence[str]]:
    """The ways of launching and the roles that a scenario's tags leave open."""
    return [kind for kind in LAUNCHES if kind in plan.flags] or LAUNCHES, [role for role in APP_ROLES if role in plan.flags] or APP_ROLES


def usual_app(apps: Apps, plan: Plan) -> App:
    """The app with which a scenario is put.

    A rule that does not depend on the client is put with the first that can bear it, in whichever way that one can be launched.
    """
    suite = plan.suite
    if suite.role == "backend":
        return apps.of_role("backend")
    if "once" in plan.flags:
        return apps.any(*_bearable(plan))
    return apps.launched(suite.role, suite.launch)
