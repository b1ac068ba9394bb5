"""The judge goes by the rule that a finding breaks, never by the strongest that its scenario speaks to."""

import ast
import re
from pathlib import Path

import pytest

from smartlaunch.catalogue import EDITIONS, Catalogue, Requirement, load
from smartlaunch.client.discovery import JUDGED_BY
from smartlaunch.errors import InternalError, Missing
from smartlaunch.finding import Finding, Outcome, Strength
from smartlaunch.plugin.binding import every_plan, judged_at
from smartlaunch.plugin.judge import Judge

ROOT = Path(__file__).resolve().parents[2]
NAMED_BY_THEIR_STEPS = {
    "authorization-code-issued",
    "iss-parameter-is-issuer",
    "iss-parameter-posted",
    "id-token-signed",
    "patient-scope-batch",
}
"""Scenarios that speak to several duties; their steps say which one a finding breaks."""


def row(identifier: str, strength: Strength, *, restates: tuple[str, ...] = (), editions: tuple[str, ...] = EDITIONS) -> Requirement:
    return Requirement(identifier, "D", "D", "https://d.example", "text", "server", strength, restates=restates, editions=editions)


def judge(*rows: Requirement, edition: str = "2.2") -> Judge:
    return Judge(Catalogue({r.id: r for r in rows}), frozenset(r.id for r in rows), lambda text: text, edition)


SHALL, SHOULD = row("A-1", Strength.SHALL), row("B-1", Strength.SHOULD)


def test_a_finding_has_the_strength_of_its_own_rule() -> None:
    both = judge(SHALL, SHOULD)
    both([Finding(both.rule("B-1"), "e", "a")])
    assert both.outcome is Outcome.WARNING
    both([Finding(both.rule("A-1"), "e", "a")])
    assert both.outcome is Outcome.FAILED


def test_several_duties_want_a_name() -> None:
    with pytest.raises(InternalError, match="A-1, B-1"):
        _ = judge(SHALL, SHOULD).requirement
    with pytest.raises(InternalError):
        judge(SHALL, SHOULD).rule("C-1")


def test_a_row_that_restates_another_leaves_the_word_to_it() -> None:
    again = row("Z-1", Strength.SHALL, restates=("A-1",))
    third = row("0-1", Strength.SHALL, restates=("Z-1",))
    assert judge(SHALL, again, third).requirement == "A-1"
    assert judge(again).requirement == "Z-1"


def test_a_row_that_does_not_bind_the_edition_is_not_named() -> None:
    late = row("A-2", Strength.SHALL, editions=("2.2",))
    early = row("B-2", Strength.SHALL, restates=("A-2",))
    assert judge(late, early).requirement == "A-2"
    assert judge(late, early, edition="1.0").requirement == "B-2"
    assert judge(late, early, edition="1.0").rule("A-2") == "B-2"


def test_only_listed_scenarios_have_several_duties() -> None:
    catalogue = load()
    several = {
        plan.slug
        for plan in every_plan()
        for edition in EDITIONS
        if len(catalogue.duties(r for r in plan.requirements if edition in catalogue[r].editions)) > 1
    }
    assert several - {"fhir-context-array"} == NAMED_BY_THEIR_STEPS


def test_rows_restate_rows_that_exist_and_never_in_a_circle() -> None:
    catalogue = load()
    assert [r for r in catalogue.values() if set(r.restates) - set(catalogue)] == []
    assert [r.id for r in catalogue.values() if r.id in catalogue._restated(r.id)] == []


def test_what_is_not_there_blocks_all_but_the_scenario_that_judges_it() -> None:
    this = judge(SHALL)
    this.scenario = "looks-at-it"
    this.needs(there=True, by="judges-it", what="no document")
    with pytest.raises(Missing, match="no document") as caught:
        this.needs(there=False, by="judges-it", what="no document")
    assert caught.value.by == "judges-it"
    this.scenario = "judges-it"
    this.needs(there=False, by="judges-it", what="no document")


def test_every_scenario_that_blocks_others_exists() -> None:
    slugs = {plan.slug for plan in every_plan()}
    rooms = ("smartlaunch/client", "smartlaunch/probes", "smartlaunch/plugin", "steps")  # where a block comes from
    text = "\n".join(path.read_text(encoding="utf-8") for room in rooms for path in (ROOT / room).rglob("*.py"))
    needed = {
        str(call.args[1].value)
        for room in rooms
        for path in (ROOT / room).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "needs"
        and len(call.args) > 1
        and isinstance(call.args[1], ast.Constant)
    }
    assert len(needed) > 10
    named = {*re.findall(r'\bby="([a-z0-9-]+)"', text), *needed, *JUDGED_BY.values()}
    assert len(named) > 10
    assert named - slugs == set()


def test_a_block_names_the_scenario_of_its_own_suite_or_the_one_where_it_is_put() -> None:
    assert judged_at("authorization-code-issued", "standalone-confidential-symmetric") == (
        "standalone-confidential-symmetric/authorization-code-issued"
    )
    once = judged_at("openid-configuration-found", "standalone-confidential-symmetric")
    assert once.endswith("/openid-configuration-found")
    assert judged_at("no-such-scenario", "standalone-public") == ""
    ids = {plan.id for plan in every_plan()}
    elsewhere = {(plan.slug, plan.suite.id) for plan in every_plan() if plan.again}
    assert elsewhere
    assert {judged_at(slug, suite) for slug, suite in sorted(elsewhere)[::20]} <= ids
