"""Writes a small pytest project that uses the bridge as the suite's plugin does, so that it is tried with the real allure-pytest."""

from __future__ import annotations

CONFTEST = """
import os
import pathlib

import pytest

from smartlaunch.finding import Outcome
from smartlaunch.reporting.allure_bridge import AllureBridge
from smartlaunch.reporting.junit import junit_properties
from smartlaunch.records.record import ScenarioResult, StepResult, FindingRecord
from smartlaunch.records.store import append_scenario, assemble, write_header, write_run

RUN = pathlib.Path(os.environ["SMARTLAUNCH_RUN_DIR"])


def pytest_configure(config):
    config.pluginmanager.register(AllureBridge(config), "bridge")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = yield
    mark = item.get_closest_marker("scenario")
    if mark and call.when == "call":
        outcome, findings = mark.args[0], []
        if outcome in ("failed", "warning"):
            findings = [FindingRecord("SMART-2.2-app-launch-cache-b", "a Pragma header with no-cache", "no Pragma header <b>", strength="SHALL", outcome=outcome, exchange="x0002", pointer="header: Pragma")]
        result = ScenarioResult(
            id=f"standalone-public/{item.name}", title=f"Title of {item.name}", feature="Token response", rule="Tokens are not cached", suite="standalone-public",
            requirements=["SMART-2.2-app-launch-cache-b"], outcome=outcome, reason="could not be judged" if not findings else "", findings=findings,
            exchanges=["x0001", "x0002"], attachments=["attachments/login.png", "../outside.txt"], tags=["quick"],
            steps=[StepResult("Given", "the app has launched"), StepResult("When", "it asks"), StepResult("Then", "it holds", "passed" if outcome in ("passed", "warning") else "failed"), StepResult("And", "more", "passed" if outcome in ("passed", "warning") else "skipped")],
        )
        append_scenario(RUN, result)
        report.user_properties.extend(junit_properties(result))
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session):
    if not hasattr(session.config, "workerinput"):
        write_run(assemble(RUN, {"id": RUN.name, "target": {"name": "Example EHR"}, "end": "2026-11-21T22:00:00+00:00"}), RUN)


@pytest.fixture
def noisy_fixture():
    print("canary-secret-in-stdout")
    return "canary-secret-in-fixture"
"""

TESTS = """
import pytest
import pytest_bdd

pytest_bdd.scenarios("one.feature")


@pytest.mark.scenario("failed")
def test_fails(noisy_fixture):
    secret = "canary-secret-in-local"
    assert secret == noisy_fixture


@pytest.mark.scenario("warning")
def test_warns(noisy_fixture):
    pass


@pytest.mark.scenario("blocked")
def test_blocked(noisy_fixture):
    raise RuntimeError("canary-secret-in-exception")


@pytest.mark.scenario("not-applicable")
def test_skips():
    pytest.skip("not claimed")


def test_ordinary():
    pass


@pytest_bdd.given(pytest_bdd.parsers.parse("a number {n}"))
def _(n):
    pass
"""

FEATURE = """Feature: Numbers
  Scenario Outline: A number is given
    Given a number <n>
    Examples:
      | n |
      | 404 |
"""

INI = """[pytest]
markers =
    scenario(outcome): one of ours
bdd_features_base_dir = .
"""
