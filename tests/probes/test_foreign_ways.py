"""What servers that nobody here wrote do in their own way: offer no backend services, refuse on a page without a way on."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from smartlaunch.browser import Landing
from smartlaunch.checks.refresh import audience_kept
from smartlaunch.checks.scopes import default_or_refused
from smartlaunch.client.authorization import AuthorizationAnswer
from smartlaunch.client.situated import require_situation
from smartlaunch.client.situation import Situation
from smartlaunch.errors import LoginStuck, NotApplicable
from smartlaunch.probes import backend_services, scopes

AWAY = Landing("no-way-on", status=200, title="Launcher", text="No useful scopes requested!")


def engine(*roles: str, capabilities: tuple[str, ...] = (), **listed: list[str]) -> Any:
    discovery = SimpleNamespace(capabilities=frozenset(capabilities), listed=lambda member: listed.get(member, []))
    return SimpleNamespace(discovery=discovery, target=SimpleNamespace(clients={role: SimpleNamespace(role=role) for role in roles}))


@pytest.mark.parametrize(
    "one",
    [
        engine("public", "backend"),
        engine(grant_types_supported=["client_credentials"]),
        engine(capabilities=("client-confidential-asymmetric",)),
        engine(token_endpoint_auth_methods_supported=["private_key_jwt"]),
        engine(scopes_supported=["system/*.rs"]),
    ],
    ids=["configured", "grant type", "capability", "method", "scopes"],
)
def test_backend_services_that_are_spoken_of(one: Any) -> None:
    backend_services.require_offered(one)


def test_backend_services_that_nobody_speaks_of() -> None:
    with pytest.raises(NotApplicable, match="speaks of backend services"):
        backend_services.require_offered(engine("public", capabilities=("launch-ehr",), scopes_supported=["patient/*.read"]))


@pytest.mark.parametrize(
    ("landing", "away"),
    [
        (AWAY, True),
        (replace(AWAY, controls=('button "Next"',)), False),
        (replace(AWAY, text=" "), False),
        (replace(AWAY, obstacle="captcha"), False),
    ],
    ids=["words only", "a button", "nothing", "a captcha"],
)
def test_a_page_that_turns_the_request_away(right: Any, monkeypatch: pytest.MonkeyPatch, landing: Landing, away: bool) -> None:
    app = right.again().app()
    app.grant()
    monkeypatch.setattr(type(app), "authorize", lambda _app, request, **_more: AuthorizationAnswer(request, landing))
    if not away:
        with pytest.raises(LoginStuck):
            scopes.without_scope(app)
        return
    asked = scopes.without_scope(app)
    assert asked.refused
    assert not default_or_refused("R", refused=asked.refused, error=asked.error, told=False, came=asked.describe(), exchange="")
    with pytest.raises(LoginStuck):
        app.attempt()


def test_a_refreshed_id_token_without_audience_is_called_so() -> None:
    exchange: Any = SimpleNamespace(id="x1")
    found = audience_kept("R", exchange, {"aud": "app"}, {})
    assert found[0].actual == "it is absent"
    assert audience_kept("R", exchange, {"aud": "app"}, {"aud": None})[0].actual == "it is null"


@pytest.mark.parametrize("granted", [["openid", "launch/patient"], ["openid", "patient/Observation.read"]], ids=["nothing", "something"])
def test_a_situation_in_which_nothing_on_data_is_granted_does_not_apply(
    right: Any, monkeypatch: pytest.MonkeyPatch, granted: list[str]
) -> None:
    world = right.again()
    app = world.app()
    usual, there = app.grant(), world.apps.in_situation(app, Situation(scopes="v1"))
    grants = {"": usual, "v1": SimpleNamespace(granted=granted)}
    monkeypatch.setattr(type(app), "grant", lambda one: grants[one.situation.scopes])
    if "patient/Observation.read" in granted:
        require_situation(there)
        return
    with pytest.raises(NotApplicable, match="no scope on FHIR data"):
        require_situation(there)
