"""What a client has no scope for is told as its registration's, and not as a silence of the server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from smartlaunch.checks.fhir_answer import disclosed
from smartlaunch.client.app import App
from smartlaunch.errors import NotApplicable, NotConfigured
from smartlaunch.oauth.scopes import REFRESH
from smartlaunch.probes.fhir_access import interactions
from smartlaunch.probes.registered import CONTEXT, line_for, no_refresh_token, types_of_data, unless_all_asked, unless_asked, unless_named
from smartlaunch.target import Registered

from .conftest import World

SILENCE = NotApplicable("the answer lacks it")


def app(scopes: str, *, ehr: str = "", registered: str = "") -> Any:
    client = SimpleNamespace(
        scopes=tuple(scopes.split()),
        launches=("standalone", "ehr") if ehr else ("standalone",),
        ehr_launch_scopes=tuple(ehr.split()) or ("launch",),
        registered=SimpleNamespace(scopes=tuple(registered.split())),
    )
    return SimpleNamespace(client=client)


@pytest.mark.parametrize(
    ("scopes", "wanted", "configured"),
    [
        ("openid fhirUser", ("openid",), True),
        ("launch/patient patient/*.rs", ("openid",), False),
        ("user/Observation.rs", ("patient/",), False),
        ("patient/Observation.rs", ("patient/",), True),
        ("user/Observation.rs", CONTEXT, False),
        ("launch patient/Observation.rs", CONTEXT, True),
        ("launch/encounter", CONTEXT, True),
        ("launchpad", CONTEXT, False),
        ("online_access", REFRESH, True),
        ("patient/*.read", ("patient/*.rs",), True),
        ("patient/Observation.rs", ("patient/*.rs",), False),
    ],
)
def test_what_no_scope_asks_for_is_not_configured(scopes: str, wanted: tuple[str, ...], configured: bool) -> None:
    said = unless_asked(app(scopes), SILENCE, *wanted)
    assert isinstance(said, NotConfigured) is not configured
    if not configured:
        assert str(said).startswith("the answer lacks it; the scopes of the client in the target file have ")
        assert isinstance(said, NotConfigured)
        assert said.key.startswith('[clients.<name>] scopes = "... ')


def test_scopes_of_either_way_of_launching_and_of_the_registration_count() -> None:
    assert unless_asked(app("openid", ehr="launch openid"), SILENCE, "launch") is SILENCE
    assert unless_asked(app("openid", registered="offline_access"), SILENCE, *REFRESH) is SILENCE
    told = NotConfigured("another reason", key="[users.<name>]")
    assert unless_asked(app("openid"), told, "launch") is told


def test_a_scope_beyond_the_registration_is_named() -> None:
    own = app("patient/Observation.rs patient/Condition.rs")
    assert unless_all_asked(own, SILENCE, ["patient/Observation.r", "patient/Condition.rs"]) is SILENCE
    said = unless_all_asked(own, SILENCE, ["patient/Observation.rs", "user/Observation.rs", "patient/*.rs"])
    assert isinstance(said, NotConfigured)
    assert str(said).endswith("do not have user/Observation.rs patient/*.rs")


@pytest.mark.parametrize(
    ("scopes", "named"),
    [
        ("patient/Patient.rs patient/Observation.rs", 1),
        ("patient/Observation.rs user/Condition.read", 2),
        ("openid launch/patient", 0),
        ("patient/*.rs", None),
        ("system/Observation.rs", 0),
    ],
)
def test_a_client_with_scopes_for_one_type_shows_no_second(scopes: str, named: int | None) -> None:
    own = app(scopes)
    assert types_of_data(own) == named
    assert isinstance(unless_named(own, 2, SILENCE), NotConfigured) == (named in (0, 1))


def test_a_missing_refresh_token_is_the_servers_where_the_client_asks_for_lasting_access() -> None:
    assert not isinstance(no_refresh_token(app("openid offline_access")), NotConfigured)
    said = no_refresh_token(app("openid"))
    assert isinstance(said, NotConfigured)
    assert str(said).endswith("neither `offline_access` nor `online_access`")


@pytest.mark.parametrize(
    ("scope", "line"),
    [
        ("openid", "openid"),
        ("offline_access", "offline_access"),
        ("patient/*.rs", "patient/*.rs"),
        ("user/Observation.rs", "user/<type>.rs"),
        ("patient/Observation.rs?category=x|y", "patient/<type>.rs"),
    ],
)
def test_the_line_to_write_names_the_scope(scope: str, line: str) -> None:
    assert line_for(scope) == f'[clients.<name>] scopes = "... {line}"'


def test_what_is_missing_is_what_to_write() -> None:
    own = app("launch/patient")
    assert no_refresh_token(own).key == line_for("offline_access")  # type: ignore[attr-defined]
    assert unless_asked(own, SILENCE, "patient/").key == line_for("patient/<type>.rs")  # type: ignore[attr-defined]
    assert unless_asked(app("openid"), SILENCE, *CONTEXT).key == line_for("launch/patient")  # type: ignore[attr-defined]


def of_one_type(world: World) -> App:
    only = ("launch/patient", "patient/Observation.rs")
    return world.with_client(scopes=only, ehr_launch_scopes=only, registered=Registered()).app("public")


@pytest.mark.parametrize("interaction", ["read", "search"])
@pytest.mark.parametrize(("defects", "told"), [((), False), (("ignores_scopes",), True)])
def test_an_app_with_scopes_for_one_type_shows_that_scopes_count(
    interaction: str, defects: tuple[str, ...], told: bool, worlds: Callable[..., World]
) -> None:
    """The patient in context is there, and its own resource is of a type that such an app was not granted."""
    app = of_one_type(worlds(*defects, fresh=True))
    trial = interactions.other_type(app, interaction)
    assert (trial.resource_type, trial.ids) == ("Patient", {app.grant().token.patient})
    assert bool(disclosed(trial.exchange, "Patient")) is told


def test_a_request_that_a_server_does_not_know_is_no_refusal(worlds: Callable[..., World], monkeypatch: pytest.MonkeyPatch) -> None:
    app = of_one_type(worlds(fresh=True))
    unknown = interactions.other_type(app, "search").exchange
    unknown = replace(unknown, response=replace(unknown.answer, status=501, body=b""))
    monkeypatch.setattr(interactions, "tried_in_vain", lambda *_: unknown)
    with pytest.raises(NotApplicable, match="does not offer the read of Patient"):
        interactions.other_type(app, "read")
