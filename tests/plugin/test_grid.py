"""The grid puts every binding scenario elsewhere, and every pair of values somewhere in a feature."""

from collections import defaultdict
from itertools import combinations

import pytest

from smartlaunch.client.situation import PLAIN
from smartlaunch.plugin import binding, grid

AGAIN = [plan for plan in binding.every_plan() if plan.again]
NAMES = {feature.rel_filename.removeprefix("features/").removesuffix(".feature"): feature for feature in binding.features()}


def test_the_table_names_features_and_scenarios_that_exist() -> None:
    excepted = grid.table().excepted
    assert set(excepted) <= set(NAMES)
    assert set(grid.table().scenarios) <= {plan.slug for plan in binding.every_plan()}
    for slugs in set(excepted.values()):
        features = [name for name, own in excepted.items() if own == slugs]
        known = {plan.slug for plan in binding.every_plan() if plan.path.removeprefix("features/").removesuffix(".feature") in features}
        assert slugs <= known, f"{features}: {sorted(slugs - known)}"


def test_every_binding_scenario_is_put_in_one_more_situation_and_in_others_when_asked() -> None:
    usual, thorough = defaultdict(int), defaultdict(int)
    for plan in AGAIN:
        (thorough if plan.thorough else usual)[(plan.path, plan.slug)] += 1
    binding_slugs = {
        (feature.rel_filename, plan.slug)
        for feature in binding.features()
        for plan in binding.every_plan()
        if plan.path == feature.rel_filename and not plan.again and not plan.waits and grid.dimensions_of(plan.path, plan.slug)
    }
    assert set(usual) == binding_slugs
    assert set(usual.values()) == {1}
    assert max(thorough.values()) == grid.THOROUGH - 1


def test_ids_are_unique_and_name_the_situation() -> None:
    ids = [plan.id_of(label) for plan in binding.every_plan() for label in plan.labels or ("",)]
    assert len(ids) == len(set(ids))
    assert all(plan.situation.slug in plan.id and "@" in plan.id for plan in AGAIN)
    assert all("@" not in plan.id for plan in binding.every_plan() if not plan.again)


def test_one_row_of_an_outline_is_put_again() -> None:
    assert all(len(plan.labels) <= 1 for plan in AGAIN)
    assert any(plan.labels for plan in AGAIN)
    assert all(any(step.type == "then" for step in plan.template.steps) for plan in AGAIN)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_scenarios_of_a_feature_meet_all_pairs_of_values(name: str) -> None:
    """With ``--thorough``; a feature with few scenarios meets what it can."""
    plans = [plan for plan in AGAIN if plan.path.endswith(f"{name}.feature")]
    if len({plan.slug for plan in plans}) < 8:
        return
    dimensions = set().union(*(grid.dimensions_of(plan.path, plan.slug) for plan in plans)) - {"profile", "user", "patient"}
    values = {"method": grid.METHODS, "token": grid.TOKENS, "scopes": grid.SCOPES}
    met = {(a, getattr(p.situation, a), b, getattr(p.situation, b)) for p in plans for a, b in combinations(sorted(dimensions), 2)}
    wanted = {(a, x, b, y) for a, b in combinations(sorted(dimensions), 2) for x in values[a] for y in values[b] if x or y}
    assert len(wanted - met) <= len(wanted) // 3, sorted(wanted - met)


def test_every_profile_is_met_by_every_feature_that_binds_there() -> None:
    by_feature = defaultdict(set)
    for plan in AGAIN:
        if "profile" in grid.dimensions_of(plan.path, plan.slug):
            by_feature[plan.path].add(plan.suite.id)
    assert len(by_feature) >= 15
    assert set().union(*by_feature.values()) == {suite.id for suite in binding.SUITES if suite.default and suite.launch} - {
        "standalone-public"
    } | (set().union(*by_feature.values()) & {"standalone-public"})
    assert sum(len(suites) >= 2 for suites in by_feature.values()) >= 12, by_feature


def test_what_is_put_again_differs_from_the_usual() -> None:
    usual = {(plan.suite.id, plan.slug) for plan in binding.every_plan() if not plan.again}
    assert all(plan.situation != PLAIN or (plan.suite.id, plan.slug) not in usual for plan in AGAIN)
