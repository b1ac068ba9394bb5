"""Which scenarios belong to which suite, decided by tags alone.

A suite is one client profile: a role and a way of launching. A scenario without profile tags belongs to every suite that launches an
app; ``@once`` keeps it to the first suite that fits, for rules that do not depend on the client.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smartlaunch.errors import InternalError
from smartlaunch.plugin import bdd

if TYPE_CHECKING:
    from pytest_bdd.parser import Feature, ScenarioTemplate

ROLES = ("public", "confidential-symmetric", "confidential-asymmetric", "backend")
LAUNCHES = ("standalone", "ehr")


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

    @property
    def id(self) -> str:
        """``suite/slug``, without the label of an outline's row."""
        return f"{self.suite.id}/{self.slug}"

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The labels of an outline's rows, from their first column; none for a plain scenario."""
        return tuple(label_of(row) for row in bdd.rows(self.template))

    def id_of(self, label: str) -> str:
        """``suite/slug[label]``, stable for ever; without a label the plan's own id."""
        return f"{self.id}[{label}]" if label else self.id

    def title_of(self, row: Mapping[str, Any]) -> str:
        """The title with the values of a row in it."""
        title = self.title
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


@cache
def features() -> tuple[Feature, ...]:
    """Every feature, parsed once with the parser that will run it, in the order of their paths."""
    root = features_root()
    return tuple(bdd.read_feature(root, path) for path in sorted(root.rglob("*.feature")))


@cache
def plans(suite_id: str) -> tuple[Plan, ...]:
    """The scenarios of one suite in feature order, those tagged ``@last`` at the end."""
    suite = BY_ID[suite_id]
    found = [plan for plan in _all_plans() if plan.suite is suite]
    return tuple(sorted(found, key=lambda plan: "last" in plan.flags))


@cache
def _all_plans() -> tuple[Plan, ...]:
    return tuple(plan for feature in features() for template in feature.scenarios.values() for plan in _plans_of(feature, template))


def every_plan() -> tuple[Plan, ...]:
    """Every scenario of every suite."""
    return tuple(plan for suite in SUITES for plan in plans(suite.id))


def tags_of(feature: Feature, template: ScenarioTemplate) -> set[str]:
    """All tags of a scenario: its own, its rule's, its feature's."""
    rule = template.rule.tags if template.rule is not None else set()
    return set(template.tags) | set(rule) | set(feature.tags)


def _plans_of(feature: Feature, template: ScenarioTemplate) -> Iterator[Plan]:
    tags = tags_of(feature, template)
    values = {name: tuple(sorted(t.split(":", 1)[1] for t in tags if t.startswith(name + ":"))) for name in VALUED_TAGS}
    flags = frozenset(name for t in tags if (name := t.partition(":")[0]) in TAGS)
    slug = values["id"][0] if values["id"] else ""
    for suite in _suites_of(feature, flags):
        yield Plan(
            suite=suite,
            slug=slug,
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


def _suites_of(feature: Feature, flags: frozenset[str]) -> list[Suite]:
    folder = Path(feature.rel_filename).parent.name if feature.rel_filename else ""
    special = [s for s in SUITES if s.features]
    if any(folder == s.features for s in special):
        return [s for s in special if s.features == folder]
    roles, launches = flags & set(ROLES), flags & set(LAUNCHES)
    fitting = [
        s
        for s in SUITES
        if not s.features and (s.role in roles if roles else s.role != "backend") and (not launches or s.launch in launches)
    ]
    return fitting[:1] if "once" in flags else fitting


def bind(namespace: dict[str, Any], suite_id: str) -> None:
    """Put one test function per scenario of a suite into a module's namespace."""
    import pytest

    by_template = {id(t): f for f in features() for t in f.scenarios.values()}
    for plan in plans(suite_id):
        feature = by_template[id(plan.template)]

        def body() -> None:
            """Nothing after the steps: the judge speaks when they are done."""

        name = "test_" + plan.slug.replace("-", "_")
        if name in namespace:
            raise InternalError(f"{plan.path}:{plan.line}: the id {plan.slug!r} is given to two scenarios of the suite {suite_id}")
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
    """The id of the scenario with a slug: that of the suite itself, else that of the suite where it is put once."""
    suites = [plan.suite.id for plan in every_plan() if plan.slug == slug]
    return f"{suite if suite in suites else suites[0]}/{slug}" if suites else ""
