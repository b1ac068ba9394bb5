"""What steps ask for by name: the run's machinery, the scenario's judge, and the app with which it is put."""

from __future__ import annotations

import pytest

from smartlaunch.client.app import App
from smartlaunch.client.apps import Apps
from smartlaunch.client.engine import Engine
from smartlaunch.plugin.binding import Plan, Suite
from smartlaunch.plugin.gates import app_of
from smartlaunch.plugin.items import JUDGE, PROFILE, RUN, plan_of
from smartlaunch.plugin.judge import Judge
from smartlaunch.plugin.session import RunSession


@pytest.fixture(scope="session")
def run_session(request: pytest.FixtureRequest) -> RunSession:
    """The run that is under way."""
    return request.config.stash[RUN]


@pytest.fixture(scope="session")
def engine(run_session: RunSession) -> Engine:
    """The machinery of the run."""
    assert run_session.engine is not None
    return run_session.engine


@pytest.fixture(scope="session")
def apps(run_session: RunSession) -> Apps:
    """The apps of the run, by client and way of launching."""
    assert run_session.apps is not None
    return run_session.apps


@pytest.fixture
def plan(request: pytest.FixtureRequest) -> Plan:
    """What the tags of the running scenario say."""
    found = plan_of(request.node)
    assert found is not None
    return found


@pytest.fixture
def suite(plan: Plan) -> Suite:
    """The suite of the running scenario."""
    return plan.suite


@pytest.fixture
def judge(request: pytest.FixtureRequest) -> Judge:
    """The judge of the running scenario."""
    found: Judge = request.node.stash[JUDGE]
    return found


@pytest.fixture
def app(apps: Apps, plan: Plan, request: pytest.FixtureRequest) -> App:
    """The app of the running scenario's suite.

    A rule that does not depend on the client is put with any client that the target file has.
    """
    found = app_of(apps, plan)
    words = filter(None, (found.client.role, found.launch_kind, found.situation.words))
    request.node.stash[PROFILE] = f"{found.client.name} ({', '.join(words)})"
    return found
