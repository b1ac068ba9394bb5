"""Known deviations: what they cover, what they do not, and what is told of each."""

import json
import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path

import pytest
from runs import CACHE, STATE, finding, scenario, write

from smartlaunch.catalogue import load
from smartlaunch.errors import UsageError
from smartlaunch.finding import Outcome
from smartlaunch.plugin import known
from smartlaunch.plugin.binding import every_plan
from smartlaunch.records.exits import exit_code
from smartlaunch.records.record import Run
from smartlaunch.reporting.allure_results import message_of
from smartlaunch.reporting.html import render_html
from smartlaunch.reporting.junit import write_junit
from smartlaunch.reporting.summary import render_summary
from smartlaunch.reporting.words import verdict
from smartlaunch.target import Deviation, load_deviations

TODAY = date(2026, 11, 28)
NAMES = ["standalone-public/a", "standalone-public/b[x]", STATE, CACHE]


def deviation(match, **more):
    return Deviation(match, "ticket 7 is open", **more)


def marked(result, *deviations, earlier=()):
    return known.mark(result, deviations, {r.id: r for r in earlier}, today=TODAY)


@pytest.mark.parametrize("match", [STATE, "standalone-public/a", "standalone-public/*", "SMART-2.2-app-launch-state*"])
def test_a_finding_is_known_by_its_requirement_or_its_scenario(match):
    result = marked(scenario("a", "failed"), deviation(match, link="https://t.example/7"))
    assert result.outcome == "failed"
    assert result.known == {"match": match, "reason": "ticket 7 is open", "link": "https://t.example/7"}
    assert [f.known for f in result.findings] == [match]


@pytest.mark.parametrize(
    ("match", "covers"),
    [
        ("standalone-public/b[x]", True),
        ("standalone-public/b", True),
        (f"{STATE}[x]", True),
        (f"{STATE}[y]", False),
        ("standalone-public/b[y]", False),
        ("standalone-public/b[*]", True),
        (CACHE, False),
    ],
)
def test_a_row_is_named_by_its_label(match, covers):
    assert bool(marked(scenario("b[x]", "failed"), deviation(match)).known) is covers


def test_a_deviation_on_one_requirement_does_not_cover_another_finding_of_the_scenario():
    both = scenario("a", "failed", (STATE, CACHE), findings=(finding(STATE), finding(CACHE)))
    result = marked(both, deviation(STATE))
    assert result.known == {}
    assert [f.known for f in result.findings] == [STATE, ""]
    assert exit_code(Run({}, (result,))) == 1
    assert exit_code(Run({}, (marked(both, deviation(STATE), deviation(CACHE)),))) == 0


def test_a_known_failure_leaves_a_new_warning_to_strict():
    mixed = scenario("a", "failed", (STATE, CACHE), findings=(finding(STATE), finding(CACHE, outcome="warning")))
    run = Run({}, (marked(mixed, deviation(STATE)),))
    assert exit_code(run) == 0
    assert exit_code(run, strict=True) == 1


def test_an_expired_deviation_covers_nothing():
    assert not marked(scenario("a", "failed"), deviation(STATE, expires=date(2026, 11, 27))).known
    assert marked(scenario("a", "failed"), deviation(STATE, expires=TODAY)).known["expires"] == "2026-11-28"


def test_what_a_known_failure_blocks_is_known_and_the_network_never_is():
    failed = marked(scenario("a", "failed"), deviation(STATE))
    behind = scenario("b", "blocked", blocked_by="standalone-public/a", block={"kind": "blocked", "cause": "c"})
    down = scenario("b", "blocked", block={"kind": "unreachable", "cause": "no route"})
    assert marked(behind, deviation(STATE), earlier=[failed]).known["match"] == STATE
    assert not marked(behind, deviation(STATE)).known
    assert not marked(down, deviation("standalone-public/*")).known
    assert exit_code(Run({}, (failed, marked(behind, deviation(STATE), earlier=[failed])))) == 0


@pytest.mark.parametrize(
    ("results", "match", "more", "whole", "state"),
    [
        ([scenario("a", "failed")], STATE, {}, True, "seen"),
        ([scenario("a")], STATE, {}, True, "gone"),
        ([scenario("a")], STATE, {}, False, "not-judged"),
        ([scenario("a")], "standalone-public/a", {}, False, "gone"),
        ([scenario("a"), scenario("b[x]", "blocked")], STATE, {}, True, "not-judged"),
        ([scenario("a", "not-configured")], STATE, {}, True, "not-judged"),
        ([scenario("a", "failed")], STATE, {"expires": date(2026, 1, 1)}, True, "expired"),
        ([scenario("a", "failed")], "SMART-2.2-app-lunch-state-a", {}, True, "unknown"),
    ],
)
def test_what_became_of_a_deviation(results, match, more, whole, state):
    given = (deviation(match, **more),)
    results = [known.mark(r, given, {}, today=TODAY) for r in results]
    assert [line["state"] for line in known.account(results, given, NAMES, whole=whole, today=TODAY)] == [state]


def run_with(tmp_path, *deviations):
    results = [
        known.mark(r, deviations, {}, today=TODAY)
        for r in (scenario("a", "failed"), scenario("b[x]"), scenario("c", requirements=(CACHE,)))
    ]
    return write(tmp_path / "r", *results, deviations=known.account(results, deviations, [*NAMES, "standalone-public/c"], today=TODAY))


def test_it_is_told_everywhere_and_changes_no_colour(tmp_path):
    run = run_with(tmp_path, deviation(STATE, link="https://t.example/7"), deviation(CACHE), deviation("X-*", expires=date(2026, 1, 1)))
    assert exit_code(run) == 0
    assert exit_code(run, strict_known=True) == 1
    assert verdict(run).word == "Passed with known deviations"
    said = render_summary(run, load(), width=200)
    assert "Known deviations (3)" in said
    assert f"{STATE} seen in 1 scenario: ticket 7 is open (https://t.example/7)" in said
    assert f"{CACHE} no longer occurs" in said
    assert "X-* is past its day" in said
    assert "Failures" not in said
    page = render_html(run, load())
    assert 'id="known-deviations"' in page
    assert 'href="https://t.example/7"' in page
    assert "no longer occurs" in page
    tree = ET.parse(write_junit([run], tmp_path / "junit.xml")).getroot()
    assert (tree.get("failures"), tree.get("skipped")) == ("0", "1")
    assert tree.find(".//skipped").get("message") == "known deviation: ticket 7 is open"
    assert message_of(run.scenario_by_id["standalone-public/a"], run).startswith("known deviation: ticket 7 is open")


def test_only_what_is_outdated_is_strict(tmp_path):
    assert exit_code(run_with(tmp_path, deviation(STATE)), strict_known=True) == 0


def test_a_file_of_deviations_is_read_like_a_target_file(tmp_path):
    path = tmp_path / "known.toml"
    path.write_text(f'[[deviations]]\nmatch = "{STATE}"\nreason = "r"\nexpires = 2027-01-31\n')
    assert load_deviations(path) == (Deviation(STATE, "r", "", date(2027, 1, 31)),)
    for text, said in (
        ('[[deviations]]\nmatch = "a"\nreasn = "r"\n', "did you mean `reason`"),
        ("[target]\n", "unknown key `target`"),
        ("", "`deviations` is missing"),
        ('[[deviations]]\nmatch = "a"\nreason = "r"\nexpires = "soon"\n', "must be a day"),
    ):
        path.write_text(text)
        with pytest.raises(UsageError, match=said):
            load_deviations(path)


def test_accept_writes_what_the_next_run_knows(cli, tmp_path):
    write(
        tmp_path / "r",
        scenario("a", "failed"),
        scenario("b[x]", "failed"),
        scenario("c", "failed", (CACHE,)),
        scenario("d", "passed", (CACHE,)),
        scenario("e", "warning", ("SMART-2.2-app-launch-pkce-a",)),
    )
    said = cli("accept", "r", "--out", "known.toml", "--expires", "2027-01-31")
    assert said.code == 0
    found = load_deviations("known.toml")
    assert {d.match for d in found} == {STATE, "standalone-public/c"}
    assert {d.expires for d in found} == {date(2027, 1, 31)}
    assert cli("accept", "r", "--out", "known.toml").code == 2
    assert cli("accept", "r", "--expires", "soon").code == 2
    assert "SMART-2.2-app-launch-pkce-a" not in cli("accept", "r").out
    assert "standalone-public/e" in cli("accept", "r", "--warnings").out


def test_a_mistake_in_the_file_ends_with_2_before_anything_starts(cli):
    Path("known.toml").write_text("[[deviations]]\n")
    said = cli("run", "--target", "embedded", "--deviations", "known.toml")
    assert (said.code, "known.toml" in said.err) == (2, True)


@pytest.mark.usefixtures("in_forks")
def test_a_real_run_is_green_with_what_accept_wrote_and_strict_known_when_it_is_mended(cli):
    plan = next(p for p in every_plan() if p.slug == "state-returned" and p.suite.id == "standalone-public")
    words = ("run", "--target", "embedded", "--scenario", plan.id, "--no-allure")
    broken = (*words, "--defect", "omits_state")
    assert cli(*broken, "--out", "first").code == 1
    assert cli("accept", "first", "--out", "known.toml").code == 0
    second = cli(*broken, "--out", "second", "--deviations", "known.toml", "--strict-known")
    assert (second.code, "Known deviations (1)" in second.out) == (0, True)
    third = cli(*words, "--out", "third", "--deviations", "known.toml", "--strict-known")
    assert (third.code, "no longer occurs" in third.out) == (1, True)
    lines = json.loads(Path("third/run.json").read_text())["header"]["deviations"]
    assert [line["state"] for line in lines] == ["gone"]
    assert Outcome.FAILED.value in Path("second/run.json").read_text()
    (Path("second") / "run.json").unlink()
    (Path("second") / "index.html").unlink()
    again = cli("report", "second")
    assert (again.code, "Known deviations (1)" in again.out) == (0, True)
    assert all((Path("second") / name).is_file() for name in ("run.json", "index.html", "junit.xml", "run.har.gz", "manifest.sha256"))
