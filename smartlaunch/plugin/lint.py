"""The features against the tag table, the catalogue and the sandbox's defects; what does not agree stops the run.

pytest-bdd itself drops one of two scenarios with the same title, picks one of two matching steps, and finds a missing step only when
the target has been contacted; so all of that is checked here, with the parser that will run the features.
"""

from __future__ import annotations

import difflib
import os
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache

from smartlaunch.catalogue import load
from smartlaunch.finding import Strength
from smartlaunch.plugin import bdd
from smartlaunch.plugin.binding import TAGS, VALUED_TAGS, every_plan, features, is_own, requirement_coverage, tags_of
from smartlaunch.plugin.phrases import unknown_labels
from smartlaunch.probes.ahead import BEGINNINGS

_SLUG = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")


@cache
def problems() -> tuple[str, ...]:
    """Everything that is wrong, as ``file:line: sentence``; empty when all is well."""
    found = (*agreement(), *ids_given_once(), *unknown_words())
    # While a feature is written before its defect, only what would break the run stops it.
    return found if os.environ.get("SMARTLAUNCH_DRAFT") else (*found, *unbroken(), *uncovered())


def agreement() -> list[str]:
    """What the features and their tags have that catalogue and tag table do not know."""
    catalogue = load()
    found = []
    for feature in features():
        found += [
            f"{feature.rel_filename}: two scenarios have the title {title!r}, pytest-bdd would drop one"
            for title, count in Counter(_raw_titles(feature.filename)).items()
            if count > 1
        ]
        for template in feature.scenarios.values():
            where = f"{feature.rel_filename}:{template.line_number}"
            tags = tags_of(feature, template)
            ids = [t for t in template.tags if t.startswith("id:")]
            if len(ids) != 1:
                found.append(f"{where}: a scenario has exactly one @id:<slug> of its own, this one has {len(ids)}")
            elif not _SLUG.match(ids[0][3:]):
                found.append(f"{where}: the slug {ids[0][3:]!r} is not lower case words joined by hyphens")
            requirements = [t[4:] for t in tags if t.startswith("req:")]
            if not requirements:
                found.append(f"{where}: the scenario speaks to no requirement: tag it or its Rule with @req:<id>")
            found += [
                f"{where}: unknown requirement {r}: smartlaunch/catalogue/ has no row of that id"
                for r in requirements
                if r not in catalogue
            ]
            found += [f"{where}: @{t} is not in the tag table" for t in tags if t not in TAGS and t.partition(":")[0] not in VALUED_TAGS]
            ahead = [t.removeprefix("waits:") for t in sorted(tags) if t.startswith("waits:")]
            found += [f"{where}: @waits:{what}: nothing of that name can be begun ahead" for what in ahead if what not in BEGINNINGS]
            if template.rule is None:
                found.append(f"{where}: the scenario stands under no Rule")
            found += [f"{where}: an Examples table has tags" for e in template.examples if e.tags]
            found += [f"{where}: {problem}" for problem in order_of_steps([step.type for step in template.steps])]
    return found


def order_of_steps(kinds: Sequence[str]) -> list[str]:
    """What is wrong with the order of a scenario's steps: what there is (Given), what the app does (When), what is looked at (Then)."""
    found = [f"the scenario has no {kind.capitalize()}" for kind in ("when", "then") if kind not in kinds]
    if list(kinds) != sorted(kinds, key=("given", "when", "then").index):
        found.append("the steps of a scenario go Given, When, Then, and none of them twice")
    return found


def ids_given_once() -> list[str]:
    """Ids that two scenarios of a suite have."""
    found = []
    seen: dict[tuple[str, str], str] = {}
    for plan in every_plan():
        key = (plan.suite.id, plan.slug)
        if key in seen and seen[key] != f"{plan.path}:{plan.line}":
            found.append(f"{plan.path}:{plan.line}: the id {plan.slug!r} is already given at {seen[key]}")
        seen[key] = f"{plan.path}:{plan.line}"
    return found


def unknown_words() -> list[str]:
    """Words that no probe knows, with the steps loaded as they are in every run; without them there is nothing to compare."""
    steps = {
        step.name: f"{feature.rel_filename}:{template.line_number}"
        for feature in features()
        for template in feature.scenarios.values()
        for context in [c for e in template.examples for c in e.as_contexts()] or [{}]
        for step in template.render(context).steps
    }
    return [f"{steps[step]}: {step!r}: {why}" for step, why in unknown_labels(steps).items()]


@cache
def missing_steps() -> tuple[str, ...]:
    """Steps of the user's own features that no phrase matches, with the phrases that come closest; ours are held by a test."""
    contexts = bdd.phrases()
    phrases = sorted({context.parser.name for context in contexts})
    found = []
    for feature in features():
        for template in feature.scenarios.values() if is_own(feature) else ():
            for row in [c for e in template.examples for c in e.as_contexts()] or [{}]:
                for step in template.render(row).steps:
                    if not any(c.type in (None, step.type) and c.parser.is_matching(step.name) for c in contexts):
                        close = difflib.get_close_matches(step.name, phrases, n=2, cutoff=0.5)
                        near = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
                        where = f"{feature.rel_filename}:{step.line_number}"
                        found.append(f"{where}: there is no step {step.keyword} {step.name!r}{near}")
    return tuple(dict.fromkeys(found))


def unbroken() -> list[str]:
    """Requirements with a scenario that no defect breaks."""
    from smartlaunch.embedded_ehr.defects import load_defects

    broken = {requirement for defect in load_defects().values() for requirement in defect.requirements}
    catalogue = load()
    return [
        f"{requirement}: no defect of the embedded EHR breaks it, so nothing shows that {scenarios[0]} can fail: add one to "
        f"smartlaunch/embedded_ehr/defects/, or set SMARTLAUNCH_DRAFT=1 while you write"
        for requirement, scenarios in requirement_coverage().items()
        if requirement in catalogue and catalogue[requirement].strength is not Strength.MAY and requirement not in broken
    ]


def uncovered() -> list[str]:
    """Requirements that bind and have neither scenario nor reason."""
    covered = requirement_coverage()
    return [
        f"{row.id}: neither a scenario nor a reason: write one of the two"
        for row in load().values()
        if row.binding and not row.reason and row.id not in covered
    ]


def _raw_titles(path: str) -> list[str]:
    with open(path, encoding="utf-8") as stream:  # noqa: PTH123 - pytest-bdd gives a plain string
        return [m[1].strip() for line in stream if (m := re.match(r"\s*(?:Scenario|Scenario Outline|Example):(.*)", line))]
