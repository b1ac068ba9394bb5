"""The quick lookup of steps is in pytest-bdd's place, and finds what pytest-bdd's own would find."""

import importlib
from types import SimpleNamespace

import pytest

from smartlaunch.plugin import step_lookup

BDD = importlib.import_module("pytest_bdd.scenario")


def test_it_takes_the_place_of_pytest_bdds_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BDD, "find_fixturedefs_for_step", object())
    step_lookup.install()
    assert BDD.find_fixturedefs_for_step is step_lookup.find_fixturedefs_for_step


def test_it_finds_the_same(request: pytest.FixtureRequest) -> None:
    for kind, name in (
        ("when", "the app asks for authorization"),
        ("then", "the app gets an access token for it"),
        ("when", "nobody says this"),
    ):
        step = SimpleNamespace(type=kind, name=name)
        manager, node = request._fixturemanager, request.node
        assert list(step_lookup.find_fixturedefs_for_step(step, manager, node)) == list(_slow(step, manager, node))


def _slow(step, manager, node):
    names = list(manager._arg2node2fixturedefs) + [n for n in manager._arg2nodeid2fixturedefs if n not in manager._arg2node2fixturedefs]
    for name in names:
        for fixturedef in manager.getfixturedefs(name, node) or ():
            context = BDD.step_function_context_registry.get(fixturedef.func)
            if context is not None and context.type in (None, step.type) and context.parser.is_matching(step.name):
                yield fixturedef
