"""Finds the definition of a step without asking pytest about every fixture each time.

pytest-bdd looks a phrase up by going through all fixtures of the session, twice a step; with some hundreds of phrases that takes a
tenth of a run. Phrases are registered when modules are collected and stay, so what a module sees is gathered once.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

from pytest_bdd.compat import get_fixture_names, getfixturedefs
from pytest_bdd.steps import step_function_context_registry

_PLACE = "find_fixturedefs_for_step"
_visible: WeakKeyDictionary[Any, list[tuple[Any, Any]]] = WeakKeyDictionary()
_matching: WeakKeyDictionary[Any, dict[tuple[str, str], list[Any]]] = WeakKeyDictionary()


def install() -> None:
    """Put the lookup in pytest-bdd's place; a version without that place keeps its own."""
    module = importlib.import_module("pytest_bdd.scenario")  # the package has a function of that name
    if hasattr(module, _PLACE):
        setattr(module, _PLACE, find_fixturedefs_for_step)


def find_fixturedefs_for_step(step: Any, fixturemanager: Any, node: Any) -> Iterable[Any]:
    """The fixtures whose phrase matches a step, as seen from the module of its node."""
    known = _matching.setdefault(node.parent, {})
    key = (step.type, step.name)
    if key not in known:
        known[key] = [
            fixturedef
            for context, fixturedef in _phrases(fixturemanager, node)
            if context.type in (None, step.type) and context.parser.is_matching(step.name)
        ]
    return known[key]


def _phrases(fixturemanager: Any, node: Any) -> list[tuple[Any, Any]]:
    """The phrases that the module of a node sees."""
    found = _visible.get(node.parent)
    if found is None:
        found = _visible[node.parent] = [
            (context, fixturedef)
            for name in get_fixture_names(fixturemanager=fixturemanager)
            for fixturedef in getfixturedefs(fixturemanager, name, node) or ()
            if (context := step_function_context_registry.get(fixturedef.func)) is not None
        ]
    return found
