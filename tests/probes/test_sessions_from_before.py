"""A session from before, in which a server grants less than after a sign-in, is noticed and told, and takes nothing from what is judged."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from smartlaunch.client.app import App
from smartlaunch.probes import token_response

from .conftest import World

LESS = ("gives_less_within_a_session",)


def told(world: World, app: App) -> list[str]:
    return [note for note in world.engine.notes if note.startswith(f"[clients.{app.client.name}]") and "sign-in" in note]


def test_what_a_session_from_before_keeps_back_is_told_and_judged(worlds: Callable[..., World]) -> None:
    world = worlds(variants=LESS, fresh=True)
    first, second = world.app("public"), world.app("confidential-symmetric")
    assert not first.grant().lacking
    assert not second.grant().lacking
    assert second.fresh_grant().token.refresh_token
    assert not told(world, first)
    (note,) = told(world, second)
    assert "offline_access" in note


@pytest.mark.parametrize("role", ["public", "confidential-symmetric", "confidential-asymmetric"])
def test_an_app_that_only_the_ehr_launches_is_told_of_the_session_of_its_chart(role: str, worlds: Callable[..., World]) -> None:
    world = worlds(variants=LESS, fresh=True)
    app = world.app(role, "ehr")
    assert not app.grant().lacking
    assert app.fresh_grant().token.refresh_token
    (note,) = told(world, app)
    assert "in the session of its chart" in note


def test_what_no_sign_in_brings_is_no_matter_of_the_session(worlds: Callable[..., World]) -> None:
    world = worlds(variants=("grants_no_offline_access",), fresh=True)
    first, second = world.app("public"), world.app("public", "ehr")
    assert first.grant().lacking == second.grant().lacking == ["offline_access"]
    assert not world.engine.notes
    assert not world.engine.granted_less_within_a_session


def test_a_server_without_such_a_policy_is_asked_once(worlds: Callable[..., World]) -> None:
    world = worlds(fresh=True)
    app = world.app("public", "ehr")
    app.grant()
    assert not any(name.endswith("-anew") for name in world.engine.browser.made)  # type: ignore[attr-defined]  # the browser of these tests


def test_context_and_identity_that_came_need_not_be_listed(worlds: Callable[..., World]) -> None:
    world = worlds(variants=("leaves_launch_scopes_out_of_the_answer",), fresh=True)
    for kind in ("standalone", "ehr"):
        app = world.app("public", kind)
        grant = app.grant()
        assert not any(scope.startswith("launch") for scope in grant.granted)
        assert not grant.lacking
        assert {scope for scope in app.scopes if scope.startswith("launch")} <= set(token_response.granted(app))


@pytest.mark.parametrize("kind", ["standalone", "ehr"])
def test_a_refresh_token_that_came_shows_offline_access_granted_where_it_is_not_listed(kind: str, worlds: Callable[..., World]) -> None:
    world = worlds(variants=("leaves_offline_access_out_of_the_answer",), fresh=True)
    app = world.app("public", kind)
    grant = app.grant()
    assert "offline_access" not in grant.granted
    assert not grant.lacking
    assert "offline_access" in token_response.granted(app)
    assert not world.engine.notes


def test_the_later_flows_of_the_only_app_are_granted_what_the_first_one_was(worlds: Callable[..., World]) -> None:
    world = worlds(variants=LESS, fresh=True)
    app = world.app("public")
    assert app.grant().token.refresh_token
    assert app.fresh_grant().token.refresh_token
    (note,) = told(world, app)
    assert "in a session that was there already" in note
    assert app.fresh_grant(scope=[scope for scope in app.scopes if scope != "online_access"]).token.refresh_token


def test_a_sign_in_that_changes_nothing_is_not_tried_again(worlds: Callable[..., World]) -> None:
    world = worlds(variants=("grants_no_offline_access",), fresh=True)
    app = world.app("public", "ehr")
    app.grant()
    before = len(world.engine.recorder.exchanges)
    app.fresh_grant()
    once = len(world.engine.recorder.exchanges) - before
    app.fresh_grant()
    assert len(world.engine.recorder.exchanges) - before == 2 * once


def test_a_login_that_gets_stuck_in_a_session_from_before_is_begun_with_a_sign_in(worlds: Callable[..., World]) -> None:
    world = worlds(variants=("keeps_a_session_to_what_was_allowed_in_it",), fresh=True)
    app = world.app("public")
    fewer = [scope for scope in app.scopes if scope != "online_access"]
    assert app.attempt(scope=fewer[:-1]).succeeded
    assert app.fresh_grant(scope=fewer).token.succeeded
    (note,) = told(world, app)
    assert "gets stuck" in note
    assert app.grant().token.succeeded


@pytest.mark.parametrize("kind", ["standalone", "ehr"])
def test_offline_access_that_comes_only_with_consent_asked_for_is_asked_for_so_and_told(kind: str, worlds: Callable[..., World]) -> None:
    world = worlds(variants=("wants_consent_asked_for_offline_access",), fresh=True)
    app = world.app("public", kind)
    assert not app.grant().lacking
    assert not app.fresh_grant().lacking
    (note,) = (note for note in world.engine.notes if "prompt=consent" in note)
    assert note.startswith(f"[clients.{app.client.name}]")
    assert app.request(scope=[scope for scope in app.scopes if scope != "offline_access"]).get("prompt") == ""
    assert app.request().having(prompt="none").get("prompt") == "none"


def test_no_consent_is_asked_for_where_that_brings_no_offline_access(worlds: Callable[..., World]) -> None:
    world = worlds(variants=("gives_no_offline_access_from_the_chart",), fresh=True)
    app = world.app("public", "ehr")
    assert app.grant().lacking == ["offline_access"]
    assert app.request().get("prompt") == ""
    assert not world.engine.notes
