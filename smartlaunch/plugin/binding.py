"""Which scenarios belong to which suite, decided by tags alone.

A suite is one client profile: a role and a way of launching. A scenario without profile tags belongs to every suite that launches an
app; ``@once`` keeps it to the first suite that fits, for rules that do not depend on the client.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smartlaunch.client.situation import PLAIN, Situation
from smartlaunch.errors import InternalError
from smartlaunch.plugin import bdd, grid
from smartlaunch.target import APP_ROLES, LAUNCHES

if TYPE_CHECKING:
    from pytest_bdd.parser import Feature, ScenarioTemplate

ROLES = (*APP_ROLES, "backend")


@dataclass(frozen=True)
class Suite:
    """One client profile; ``launch`` is empty for backend services. Suites outside ``default`` run only when named."""

    id: str
    role: str
    launch: str
    default: bool = True
    features: str = ""
    """Only features below this folder, for suites outside the ordinary selection."""


SUITES = (
    Suite("standalone-public", "public", "standalone"),
    Suite("standalone-confidential-symmetric", "confidential-symmetric", "standalone"),
    Suite("standalone-confidential-asymmetric", "confidential-asymmetric", "standalone"),
    Suite("ehr-launch-public", "public", "ehr"),
    Suite("ehr-launch-confidential-symmetric", "confidential-symmetric", "ehr"),
    Suite("ehr-launch-confidential-asymmetric", "confidential-asymmetric", "ehr"),
    Suite("backend-services", "backend", ""),
    Suite("support-tickets", "public", "standalone", default=False, features="support_tickets"),
)
BY_ID = {suite.id: suite for suite in SUITES}

TAGS = {
    "once": "does not depend on the client: bound in the first suite that fits",
    "standalone": "only where the app launches by itself",
    "ehr": "only where the EHR launches the app",
    "public": "only public clients",
    "confidential-symmetric": "only clients with a secret",
    "confidential-asymmetric": "only clients with a key pair",
    "backend": "only backend services",
    "intrusive": "sends requests that a right app never sends; left out by --passive",
    "denial": "the person at the browser refuses, so that the refusal is what it is about",
    "writes": "creates or changes FHIR data; only with probes.allow_writes",
    "lockout": "may lock an account; only with probes.lockout",
    "last": "may poison other flows; runs after the rest of its suite",
    "waits": "lets time pass, within limits.wait_for_expiry_s; @waits:<what> is begun before the first scenario",
    "quick": "part of the --quick selection",
}
VALUED_TAGS = {"id", "req", "cap", "waits"}


@dataclass(frozen=True)
class Plan:
    """One scenario of one suite, with what its tags say."""

    suite: Suite
    slug: str
    title: str
    feature: str
    rule: str
    requirements: tuple[str, ...]
    capabilities: tuple[str, ...]
    flags: frozenset[str]
    waits: tuple[str, ...]
    path: str
    line: int
    template: Any = field(compare=False, repr=False, default=None)
    situation: Situation = PLAIN
    again: bool = False
    """Put again, with another client or in another situation than the scenario's own."""
    thorough: bool = False
    """Only with ``--thorough``: the situation is one more than the usual run takes."""

    @property
    def id(self) -> str:
        """``suite/slug``, or ``suite/slug@situation``, without the label of an outline's row."""
        return f"{self.suite.id}/{self.name}"

    @property
    def name(self) -> str:
        """The scenario's name in its suite; ``@elsewhere`` marks one that is put with another client than usual and is plain otherwise."""
        if not self.again:
            return self.slug
        return f"{self.slug}@{self.situation.slug or 'elsewhere'}"

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The labels of an outline's rows, from their first column; none for a plain scenario."""
        return tuple(label_of(row) for row in bdd.rows(self.template))

    def id_of(self, label: str) -> str:
        """``suite/slug[label]``, stable for ever; without a label the plan's own id."""
        return f"{self.id}[{label}]" if label else self.id

    def title_of(self, row: Mapping[str, Any]) -> str:
        """The title with the values of a row in it."""
        title = self.title + (f" ({self.situation.words})" if self.situation.words else "")
        for key, value in row.items():
            title = title.replace(f"<{key}>", str(value))
        return title


def label_of(row: Mapping[str, Any]) -> str:
    """The label of an outline's row: its first column, without spaces."""
    return str(next(iter(row.values()))).replace(" ", "-") if row else ""


def features_root() -> Path:
    """The folder of the features, in a checkout and in an installed wheel."""
    from smartlaunch._suite import suite_root

    return suite_root() / "features"


OWN_FEATURES = "SMARTLAUNCH_FEATURES"
"""A folder of the user with feature files of their own, which run beside ours."""


def own_features_root() -> Path | None:
    """The folder of the user's own features, where one is named."""
    name = os.environ.get(OWN_FEATURES, "")
    return Path(name).resolve() if name else None


@cache
def features() -> tuple[Feature, ...]:
    """Every feature, parsed once with the parser that will run it, in the order of their paths; those of the user last."""
    root, own = features_root(), own_features_root()
    ours = [bdd.read_feature(root, path) for path in sorted(root.rglob("*.feature"))]
    theirs = [bdd.read_feature(own.parent, path) for path in sorted(own.rglob("*.feature"))] if own is not None else []
    return (*ours, *theirs)


def is_own(feature: Feature) -> bool:
    """Whether a feature is one of the user's."""
    own = own_features_root()
    return own is not None and Path(feature.filename).resolve().is_relative_to(own)


@cache
def plans(suite_id: str) -> tuple[Plan, ...]:
    """The scenarios of one suite in feature order, those tagged ``@last`` at the end."""
    suite = BY_ID[suite_id]
    found = [plan for plan in _all_plans() if plan.suite is suite]
    return tuple(sorted(found, key=lambda plan: "last" in plan.flags))


@cache
def _all_plans() -> tuple[Plan, ...]:
    return tuple(
        plan
        for feature in features()
        for number, template in enumerate(feature.scenarios.values())
        for plan in _plans_of(feature, template, number)
    )


def every_plan() -> tuple[Plan, ...]:
    """Every scenario of every suite."""
    return tuple(plan for suite in SUITES for plan in plans(suite.id))


def tags_of(feature: Feature, template: ScenarioTemplate) -> set[str]:
    """All tags of a scenario: its own, its rule's, its feature's."""
    rule = template.rule.tags if template.rule is not None else set()
    return set(template.tags) | set(rule) | set(feature.tags)


def _plans_of(feature: Feature, template: ScenarioTemplate, number: int) -> Iterator[Plan]:
    """The plans of one scenario, the ``number``-th of its feature: one in each of its suites, then those in further situations."""
    tags = tags_of(feature, template)
    values = {name: tuple(sorted(t.split(":", 1)[1] for t in tags if t.startswith(name + ":"))) for name in VALUED_TAGS}
    flags = frozenset(name for t in tags if (name := t.partition(":")[0]) in TAGS)
    fitting = _suites_of(feature, flags)
    first = Plan(
        suite=fitting[0],
        slug=values["id"][0] if values["id"] else "",
        title=template.name,
        feature=feature.name or "",
        rule=template.rule.name if template.rule is not None else "",
        requirements=values["req"],
        capabilities=values["cap"],
        flags=flags,
        waits=values["waits"],
        path=feature.rel_filename,
        line=template.line_number,
        template=template,
    )
    yield from (replace(first, suite=suite) for suite in (fitting[:1] if "once" in flags else fitting))
    if first.waits or is_own(feature):
        return
    once = "once" in flags
    for cell in grid.cells(feature.rel_filename, first.slug, number, profiles=len(fitting), once=once, rows=len(bdd.rows(template))):
        yield replace(
            first,
            suite=fitting[cell.profile],
            flags=flags - {"quick"},
            template=bdd.with_row(template, cell.row),
            situation=cell.situation,
            again=True,
            thorough=cell.thorough,
        )


def _suites_of(feature: Feature, flags: frozenset[str]) -> list[Suite]:
    """The suites whose clients can bear a scenario; one that is put ``@once`` runs in the first of them."""
    folder = Path(feature.rel_filename).parent.name if feature.rel_filename else ""
    special = [s for s in SUITES if s.features]
    if any(folder == s.features for s in special):
        return [s for s in special if s.features == folder]
    roles, launches = flags & set(ROLES), flags & set(LAUNCHES)
    return [
        s
        for s in SUITES
        if not s.features and (s.role in roles if roles else s.role != "backend") and (not launches or s.launch in launches)
    ]


def bind(namespace: dict[str, Any], suite_id: str) -> None:
    """Put one test function per scenario of a suite into a module's namespace."""
    import pytest

    by_path = {feature.rel_filename: feature for feature in features()}
    for plan in plans(suite_id):
        feature = by_path[plan.path]

        def body() -> None:
            """Nothing after the steps: the judge speaks when they are done."""

        name = "test_" + re.sub(r"\W", "_", plan.name)
        if name in namespace:
            raise InternalError(f"{plan.path}:{plan.line}: the id {plan.name!r} is given to two scenarios of the suite {suite_id}")
        function = bdd.test_function(feature, plan.template, body)
        function.__name__ = function.__qualname__ = name
        function.__module__ = namespace["__name__"]
        namespace[name] = pytest.mark.smartlaunch(plan=plan)(function)


def requirement_coverage() -> dict[str, tuple[str, ...]]:
    """Which scenario ids (``suite/slug``) speak to which requirement."""
    found: dict[str, list[str]] = {}
    for plan in every_plan():
        for requirement in plan.requirements:
            found.setdefault(requirement, []).append(plan.id)
    return {key: tuple(dict.fromkeys(value)) for key, value in found.items()}


def judged_at(slug: str, suite: str) -> str:
    """The id of the scenario with a slug: that of the suite itself, else of the one where it is put once; never of another situation."""
    suites = [plan.suite.id for plan in every_plan() if plan.slug == slug and not plan.again]
    return f"{suite if suite in suites else suites[0]}/{slug}" if suites else ""
