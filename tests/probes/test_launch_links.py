"""A link that launches, such as one with the App ID of a registration, is used as often as the EHR lets it."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from smartlaunch.client.app import App
from smartlaunch.embedded_ehr import data
from smartlaunch.errors import LoginStuck, NotConfigured
from smartlaunch.target import EhrLaunch

from .conftest import BASE, World

ROLES = ("public", "confidential-symmetric", "confidential-asymmetric")


def linked(world: World, role: str = "public") -> World:
    """A run whose EHR launches come from a link to one app with one chart."""
    client = world.target.client(role)
    url = f"{BASE}/chart/launch?client_id={client.client_id}&patient={data.PATIENTS[0]}"
    return world.again(ehr_launch=EhrLaunch("link", url=url, patient=data.PATIENTS[0]))


def only(times: int, status: int = 400) -> Callable[[httpx.Request], httpx.Response | None]:
    """What lets a link launch so often, and answers with an error page after that."""
    seen = [0]

    def answer(request: httpx.Request) -> httpx.Response | None:
        seen[0] += request.method == "GET"
        return httpx.Response(status, text="<p>This link has been used.</p>", request=request) if seen[0] > times else None

    return answer


def launch_often(app: App) -> None:
    for _ in range(6):
        app.launched()


@pytest.mark.parametrize("role", ROLES)
def test_a_link_launches_anew_for_each_flow(role: str, worlds: Callable[..., World]) -> None:
    app = linked(worlds(), role).app(role, "ehr")
    values = {launch.launch for launch in (app.launched() for _ in range(3)) if launch is not None}
    assert len(values) == 3
    assert app.grant().token.patient == data.PATIENTS[0]
    assert app.fresh_grant().access_token != app.grant().access_token
    assert not app.launches.pasted(app.client)


def test_a_link_that_the_ehr_limits_is_used_as_often_as_it_lets_it(worlds: Callable[..., World]) -> None:
    world = linked(worlds())
    app = world.app("public", "ehr")
    with world.forged("/chart/launch", only(4)):  # a sign-in comes back to the link
        grant = app.grant()
        app.fresh_grant()
        with pytest.raises(NotConfigured, match="as often as the EHR lets it") as told:
            launch_often(app)
        before = len(world.engine.recorder.exchanges)
        with pytest.raises(NotConfigured):
            app.launched()
        assert len(world.engine.recorder.exchanges) == before
    assert "[ehr_launch] url" in (told.value.key or "")
    assert app.grant() is grant


@pytest.mark.parametrize(("times", "status"), [(0, 400), (4, 500), (4, 503)])
def test_a_link_that_never_launched_and_a_server_that_fails_stay_blocked(times: int, status: int, worlds: Callable[..., World]) -> None:
    world = linked(worlds())
    app = world.app("public", "ehr")
    with world.forged("/chart/launch", only(times, status)), pytest.raises(LoginStuck, match="did not launch the app"):
        launch_often(app)
