"""The features agree with tag table, catalogue, defects and step definitions."""

import inspect
import re
from pathlib import Path

import pytest
from pytest_bdd.steps import step_function_context_registry

from smartlaunch.plugin import lint
from smartlaunch.plugin.binding import BY_ID, SUITES, every_plan, features, plans

ROOT = Path(__file__).resolve().parents[2]


def test_features_catalogue_and_defects_agree() -> None:
    assert (*lint.agreement(), *lint.ids_given_once(), *lint.unbroken(), *lint.uncovered()) == ()


def test_every_suite_has_scenarios() -> None:
    assert {suite.id for suite in SUITES if not plans(suite.id)} == set()


def test_a_scenario_kept_to_one_suite_is_in_one_suite_only() -> None:
    suites: dict[str, set[str]] = {}
    for plan in every_plan():
        if "once" in plan.flags and not plan.again:
            suites.setdefault(plan.slug, set()).add(plan.suite.id)
    assert {slug: found for slug, found in suites.items() if len(found) > 1} == {}


def test_binders_exist_for_every_suite() -> None:
    assert {path.stem.removeprefix("test_").replace("_", "-") for path in (ROOT / "suites").glob("test_*.py")} == set(BY_ID)


@pytest.fixture(scope="module")
def definitions() -> list:
    import importlib

    for path in sorted((ROOT / "steps").glob("*.py")):
        if path.stem != "__init__":
            importlib.import_module(f"smartlaunch._suite.steps.{path.stem}")
    return list(step_function_context_registry.values())


def matching(step, definitions) -> list:
    return [d for d in definitions if d.type in (None, step.type) and d.parser.is_matching(step.name)]


def test_every_step_has_exactly_one_definition(definitions) -> None:
    wrong, used = [], set()
    for feature in features():
        for template in feature.scenarios.values():
            contexts = [c for e in template.examples for c in e.as_contexts()] or [{}]
            for context in contexts:
                for step in template.render(context).steps:
                    found = matching(step, definitions)
                    if len(found) != 1:
                        wrong.append(f"{feature.rel_filename}: {step.type} {step.name!r}: {len(found)} definitions")
                    used |= {id(d) for d in found}
    assert sorted(set(wrong)) == []
    ours = [d for d in definitions if (d.step_func.__module__ or "").startswith("smartlaunch._suite")]
    assert [f"{d.step_func.__module__.split('.')[-1]}.{d.step_func.__name__}" for d in ours if id(d) not in used] == []


def test_scenarios_hold_no_addresses_and_no_json() -> None:
    bad = []
    for path in sorted((ROOT / "features").rglob("*.feature")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.match(r"\s*(Given|When|Then|And|But)\b", line) and re.search(r"https?://|[{}]", line):
                bad.append(f"{path.name}:{number}")
    assert bad == []


GIVEN_TO_ALL = {"judge", "engine", "app", "apps", "plan", "suite", "request", "run_session"}
"""What every step may ask for: the fixtures of the plugin."""


def test_what_a_step_asks_for_was_handed_over_before(definitions) -> None:
    import importlib

    modules = [importlib.import_module(f"smartlaunch._suite.steps.{p.stem}") for p in (ROOT / "steps").glob("*.py") if p.stem != "__init__"]
    fixtures = GIVEN_TO_ALL | {n for m in modules for n, o in vars(m).items() if type(o).__name__ == "FixtureFunctionDefinition"}
    missing = []
    for feature in features():
        for template in feature.scenarios.values():
            there = set(fixtures)
            row = next((context for examples in template.examples for context in examples.as_contexts()), {})
            for step in template.render(row).steps:
                for found in matching(step, definitions)[:1]:
                    asked = set(inspect.signature(found.step_func).parameters) - set(found.parser.parse_arguments(step.name) or ())
                    missing += [f"{feature.rel_filename}:{template.line_number}: {step.name!r} asks for {name}" for name in asked - there]
                    there |= {found.target_fixture} - {None}
    assert missing == []
