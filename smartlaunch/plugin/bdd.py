"""All that this suite takes of pytest-bdd beyond its documented use, in one place.

pytest-bdd has no public way to bind a parsed scenario to a function, and none to say which parameter carries the row of an outline.
A test names the version that this was made for, and looks for each private name in it.

The lookup of steps is ours: pytest-bdd looks a phrase up by going through all fixtures of the session, twice a step; with some
hundreds of phrases that takes a tenth of a run. Phrases are registered when modules are collected and stay, so what a module sees is
gathered once.
"""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import replace
from itertools import count
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from pytest_bdd.parser import Feature, ScenarioTemplate

MADE_FOR = "9.0"
"""The line of pytest-bdd whose private parts are used here."""
EXAMPLE = "_pytest_bdd_example"
"""The parameter of a test that carries the row of an outline."""
LOOKUP = "find_fixturedefs_for_step"

_Registered = tuple[int, Any, Any]
"""A phrase: its place in the order of all, what pytest-bdd knows of it, its fixture."""
_visible: WeakKeyDictionary[Any, tuple[dict[str, list[_Registered]], list[_Registered]]] = WeakKeyDictionary()
_matching: WeakKeyDictionary[Any, dict[tuple[str, str], list[Any]]] = WeakKeyDictionary()


def read_feature(root: Path, path: Path) -> Feature:
    """A feature, with the parser that will run it."""
    from pytest_bdd.feature import get_feature

    return get_feature(str(root), path.relative_to(root).as_posix())


def rows(template: ScenarioTemplate) -> tuple[dict[str, str], ...]:
    """The rows of an outline's Examples; none for a plain scenario."""
    return tuple({str(k): str(v) for k, v in row.items()} for examples in template.examples for row in examples.as_contexts())


def with_row(template: ScenarioTemplate, number: int) -> ScenarioTemplate:
    """An outline with one of its rows only; a plain scenario as it is."""
    if not template.examples:
        return template
    seen = 0
    for examples in template.examples:
        if number < seen + len(examples.examples):
            one = copy(template)  # a new one would lose its steps, which are no argument of its making
            one.examples = [replace(examples, examples=[examples.examples[number - seen]])]
            return one
        seen += len(examples.examples)
    raise IndexError(number)


def row_of(item: Any) -> dict[str, Any]:
    """The row with which a collected test runs; empty for a plain scenario."""
    call = getattr(item, "callspec", None)
    return (call.params.get(EXAMPLE) or {}) if call is not None else {}


def test_function(feature: Feature, template: ScenarioTemplate, body: Callable[[], None]) -> Callable[..., Any]:
    """The function that puts one scenario, an outline with all its rows."""
    scenario = importlib.import_module("pytest_bdd.scenario")  # the package has a function of that name
    decorate = scenario._get_scenario_decorator(  # noqa: SLF001 - there is no public way from a parsed scenario to a function
        feature=feature, feature_name=feature.rel_filename, templated_scenario=template, scenario_name=template.name
    )
    function: Callable[..., Any] = decorate(body)
    return function


def phrases() -> list[Any]:
    """Every phrase that is registered, with its ``type`` (None for any keyword) and its ``parser``."""
    from pytest_bdd.steps import step_function_context_registry

    return list(step_function_context_registry.values())


def install_lookup() -> None:
    """Put our lookup of steps in pytest-bdd's place; a version without that place keeps its own."""
    module = importlib.import_module("pytest_bdd.scenario")
    if hasattr(module, LOOKUP):
        setattr(module, LOOKUP, find_fixturedefs_for_step)


def find_fixturedefs_for_step(step: Any, fixturemanager: Any, node: Any) -> Iterable[Any]:
    """The fixtures whose phrase matches a step, as seen from the module of its node."""
    known = _matching.setdefault(node.parent, {})
    key = (step.type, step.name)
    if key not in known:
        worded, others = _phrases(fixturemanager, node)
        found = [*worded.get(step.name, ()), *(each for each in others if each[1].parser.is_matching(step.name))]
        known[key] = [fixturedef for _, context, fixturedef in sorted(found, key=itemgetter(0)) if context.type in (None, step.type)]
    return known[key]


def _phrases(fixturemanager: Any, node: Any) -> tuple[dict[str, list[_Registered]], list[_Registered]]:
    """The phrases that the module of a node sees: those that are one wording by that wording, and all others."""
    from pytest_bdd import parsers
    from pytest_bdd.compat import get_fixture_names, getfixturedefs
    from pytest_bdd.steps import step_function_context_registry

    found = _visible.get(node.parent)
    if found is None:
        worded: dict[str, list[_Registered]] = defaultdict(list)
        others: list[_Registered] = []
        order = count()
        for name in get_fixture_names(fixturemanager=fixturemanager):
            for fixturedef in getfixturedefs(fixturemanager, name, node) or ():
                context = step_function_context_registry.get(fixturedef.func)
                if context is not None:
                    place = worded[context.parser.name] if type(context.parser) is parsers.string else others
                    place.append((next(order), context, fixturedef))
        found = _visible[node.parent] = (worded, others)
    return found
