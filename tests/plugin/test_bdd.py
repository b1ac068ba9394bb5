"""The one place that knows pytest-bdd's private parts fits the version that is installed."""

import ast
import importlib
import inspect
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest

from smartlaunch.plugin import bdd

BDD = importlib.import_module("pytest_bdd.scenario")


PRIVATE = {
    "pytest_bdd.scenario": {
        "_get_scenario_decorator": ["feature", "feature_name", "templated_scenario", "scenario_name"],
        bdd.LOOKUP: ["step", "fixturemanager", "node"],
    },
    "pytest_bdd.feature": {"get_feature": ["base_path", "filename", "encoding"]},
    "pytest_bdd.compat": {"get_fixture_names": ["fixturemanager"], "getfixturedefs": ["fixturemanager", "fixturename", "node"]},
}
ROOT = Path(__file__).resolve().parents[2]


def test_it_was_made_for_this_version() -> None:
    said = "look through smartlaunch/plugin/bdd.py again and name the new version there"
    assert version("pytest-bdd").rsplit(".", 1)[0] == bdd.MADE_FOR, said


@pytest.mark.parametrize(("module", "name"), [(m, n) for m, names in PRIVATE.items() for n in names])
def test_each_private_name_is_there_and_takes_what_it_is_given(module: str, name: str) -> None:
    function = getattr(importlib.import_module(module), name)
    taken = list(inspect.signature(inspect.unwrap(function)).parameters)
    assert taken[: len(PRIVATE[module][name])] == PRIVATE[module][name]


def test_a_row_travels_in_the_parameter_that_is_named_here() -> None:
    assert f'"{bdd.EXAMPLE}"' in inspect.getsource(BDD)


def test_nobody_else_reaches_into_pytest_bdd() -> None:
    """Its step decorators, parsers and parsed values are documented; everything else goes through the one module."""
    open_parts = {"pytest_bdd", "pytest_bdd.parser", "pytest_bdd.parsers"}
    reaching = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in ("smartlaunch", "steps", "suites")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path != Path(bdd.__file__)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pytest_bdd") and node.module not in open_parts)
        or (isinstance(node, ast.Constant) and node.value == bdd.EXAMPLE)
    ]
    assert reaching == []


def test_it_takes_the_place_of_pytest_bdds_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BDD, "find_fixturedefs_for_step", object())
    bdd.install_lookup()
    assert BDD.find_fixturedefs_for_step is bdd.find_fixturedefs_for_step


def test_it_finds_the_same(request: pytest.FixtureRequest) -> None:
    for kind, name in (
        ("when", "the app asks for authorization"),
        ("then", "the app gets an access token for it"),
        ("when", "nobody says this"),
    ):
        step = SimpleNamespace(type=kind, name=name)
        manager, node = request._fixturemanager, request.node
        assert list(bdd.find_fixturedefs_for_step(step, manager, node)) == list(_slow(step, manager, node))


def _slow(step, manager, node):
    names = list(manager._arg2node2fixturedefs) + [n for n in manager._arg2nodeid2fixturedefs if n not in manager._arg2node2fixturedefs]
    for name in names:
        for fixturedef in manager.getfixturedefs(name, node) or ():
            context = BDD.step_function_context_registry.get(fixturedef.func)
            if context is not None and context.type in (None, step.type) and context.parser.is_matching(step.name):
                yield fixturedef
