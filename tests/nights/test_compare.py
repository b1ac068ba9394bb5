"""What changed from one run to another: what counts as worse, what does not, and how it is told."""

import email
import json
import sqlite3
import subprocess
import sys
from email.policy import default
from pathlib import Path

import pytest
from runs import CACHE, STATE, finding, scenario, write

from smartlaunch.catalogue import load
from smartlaunch.errors import UsageError
from smartlaunch.records.comparison import Before, Change, before_of, compare, is_down
from smartlaunch.records.history import History
from smartlaunch.records.record import Run
from smartlaunch.reporting import telling
from smartlaunch.reporting.changes import as_json, headline, night_headline

DOWN = {"kind": "unreachable", "cause": "no route"}
KNOWN = {"match": "x", "reason": "r"}


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (("passed", {}), ("failed", {}), Change.REGRESSED),
        (("warning", {}), ("failed", {}), Change.REGRESSED),
        (("passed", {}), ("warning", {}), Change.REGRESSED),
        (("failed", {}), ("passed", {}), Change.FIXED),
        (("failed", {}), ("warning", {}), Change.FIXED),
        (("passed", {}), ("passed", {}), None),
        (("failed", {}), ("failed", {}), None),
        (("failed", {}), ("failed", {"findings": (finding(actual="another thing"),)}), Change.REASON),
        (
            ("failed", {"findings": (finding(actual="took 3 s (x0001)"),)}),
            ("failed", {"findings": (finding(actual="took 9 s (x0077)"),)}),
            None,
        ),
        (("passed", {}), ("blocked", {"block": DOWN}), Change.BLOCKED),
        (("passed", {}), ("error", {}), Change.BLOCKED),
        (("blocked", {}), ("blocked", {}), None),
        (("blocked", {}), ("passed", {}), None),
        (("blocked", {}), ("failed", {}), Change.NEW),
        (("not-configured", {}), ("failed", {}), Change.NEW),
        (("passed", {}), ("not-applicable", {}), None),
        (("passed", {}), ("failed", {"known": KNOWN}), None),
        (("failed", {"known": KNOWN}), ("failed", {}), None),
        (("failed", {"known": KNOWN}), ("passed", {}), Change.FIXED),
        (None, ("failed", {}), Change.NEW),
        (None, ("passed", {}), Change.NEW),
        (("passed", {}), None, Change.VANISHED),
    ],
)
def test_what_became_of_a_scenario(tmp_path, before, after, change):
    a, b = ([scenario("keeps")] + ([scenario("x", each[0], **each[1])] if each else []) for each in (before, after))
    found = compare(before_of(write(tmp_path / "a", *a)), write(tmp_path / "b", *b, day=2))
    assert [(e.scenario, e.change) for e in found.entries] == ([("standalone-public/x", change)] if change else [])
    red = change is Change.REGRESSED and after[0] == "failed"
    assert found.red() is red
    assert found.red(strict=True) is (change is Change.REGRESSED)


def test_a_scenario_that_ran_without_a_result_has_not_vanished(tmp_path):
    a = write(tmp_path / "a", scenario("x"), scenario("y"))
    b = write(tmp_path / "b", scenario("x"), selection=["standalone-public/x", "standalone-public/y"])
    assert compare(before_of(a), b).entries == ()


def down(folder, day):
    return write(folder, day=day, preflight=[{"problem": "no answer", "verdict": "unreachable"}], selection=["standalone-public/x"])


def test_a_server_that_is_down_is_no_regression_until_it_has_been_for_some_nights(tmp_path):
    history = History(tmp_path / "h.sqlite")
    history.add(write(tmp_path / "1", scenario("x"), day=1))
    reds = []
    for day in (2, 3, 4):
        run = down(tmp_path / str(day), day)
        history.add(run)
        found = compare(history.before(run), run, nights_down_before=history.nights_down(run))
        reds.append((found.nights_down, found.red(down_nights=3), len(found.entries)))
        assert f"for {day - 1} nights in a row" in headline(found, {}) or day == 2
    assert reds == [(1, False, 0), (2, False, 0), (3, True, 0)]
    after = write(tmp_path / "5", scenario("x", "failed"), day=5)
    history.add(after)
    found = compare(history.before(after), after, nights_down_before=history.nights_down(after))
    assert [e.change for e in found.entries] == [Change.REGRESSED], "what it was before the nights without an answer counts"
    assert found.entries[0].since.startswith("2026-11-01")


def test_blocked_by_the_network_alone_is_down(tmp_path):
    assert is_down(write(tmp_path / "a", scenario("x", "blocked", block=DOWN)))
    assert not is_down(write(tmp_path / "b", scenario("x", "blocked", block={"kind": "login-stuck"})))
    assert not is_down(write(tmp_path / "c", scenario("x", "blocked", block=DOWN), scenario("y")))


def test_the_sentence_says_what_since_when_and_whose_side(tmp_path):
    a = write(tmp_path / "a", scenario("x"), scenario("y"), scenario("z", requirements=(CACHE,)))
    b = write(tmp_path / "b", scenario("x", "failed"), scenario("y", "failed"), scenario("z", "failed", (CACHE,)), day=2)
    said = headline(compare(before_of(a), b), load())
    assert said.startswith(f"ehr-a: {STATE} (")
    assert "no longer met in 2 scenarios, last met 2026-11-01 01:00, on the side of the authorization server: no `state`" in said
    assert said.endswith("1 more scenario with other rules")
    assert "\n" not in said


def test_of_three_targets_with_one_worse_there_is_one_line_and_the_right_one(tmp_path):
    found = []
    for name in ("ehr-a", "ehr-b", "ehr-c"):
        a = write(tmp_path / f"{name}1", scenario("x"), target=name)
        b = write(tmp_path / f"{name}2", scenario("x", "failed" if name == "ehr-b" else "passed"), target=name, day=2)
        found.append(compare(before_of(a), b))
    said = night_headline(found, load())
    assert said.startswith(f"ehr-b: {STATE}")
    assert "ehr-a" not in said
    assert "more" not in said
    told = telling.Told(found, load())
    assert told.red
    assert [e.scenario for _, e in told.regressions] == ["standalone-public/x"]


def regressed(tmp_path, actual="no `state`"):
    a = write(tmp_path / "a", scenario("x"))
    b = write(tmp_path / "b", scenario("x", "failed", findings=(finding(actual=actual),)), day=2)
    return telling.Told([compare(before_of(a), b)], load(), link="https://ci.example/1")


def test_every_form_says_in_its_first_line_what_changed(tmp_path):
    told = regressed(tmp_path)
    telling.write_all(told, tmp_path / "tell")
    read = {path.name: path.read_text() for path in (tmp_path / "tell").iterdir()}
    for text in (
        read["github.md"].splitlines()[0].replace("\\", ""),
        read["github-annotations.txt"].splitlines()[0],
        json.loads(read["slack.json"])["text"],
        json.loads(read["slack.json"])["blocks"][0]["text"]["text"],
        json.loads(read["teams.json"])["attachments"][0]["content"]["body"][0]["text"],
        email.message_from_string(read["mail.eml"], policy=default).get_content().splitlines()[0],
        json.loads(read["changes.json"])["headline"],
    ):
        assert STATE in text
        assert "no longer met" in text
    assert STATE in email.message_from_string(read["mail.eml"], policy=default)["Subject"]
    assert json.loads(read["badge.json"]) == {
        "schemaVersion": 1,
        "label": "SMART App Launch",
        "message": "1 scenario worse",
        "color": "red",
    }
    quality = json.loads(read["gl-code-quality-report.json"])
    assert [(q["check_name"], q["severity"]) for q in quality] == [(STATE, "major")]


def test_what_a_server_says_is_no_command_no_markup_and_no_mention(tmp_path):
    nasty = "%0A\n::error::x\n<!channel> *b* [x](javascript:1) |`c`| <script>\x1b[31m"
    told = regressed(tmp_path, nasty)
    lines = telling.github_commands(told)
    assert all("\n" not in line for line in lines)
    assert sum(line.startswith("::") for line in lines) == len(lines)
    assert "<script>" not in telling.markdown(told).replace("\\<script\\>", "")
    assert "<!channel>" not in json.dumps(telling.slack(told))
    assert "\x1b" not in telling.mail(told) + telling.markdown(told)
    assert email.message_from_string(telling.mail(told), policy=default)["Subject"].count("\n") == 0


def test_the_job_summary_is_added_to(tmp_path):
    place = tmp_path / "summary.md"
    place.write_text("earlier\n")
    told = regressed(tmp_path)
    lines = telling.tell_ci(told, {"GITHUB_STEP_SUMMARY": str(place), "GITHUB_ACTIONS": "true"})
    assert place.read_text().startswith("earlier\n**ehr-a")
    assert lines[0].startswith("::error title=SMART App Launch::ehr-a")
    assert telling.tell_ci(told, {}) == []


def test_compare_ends_with_1_only_for_what_became_worse(cli, tmp_path):
    write(tmp_path / "a", scenario("x"), scenario("y", "failed"))
    write(tmp_path / "b", scenario("x", "failed"), scenario("y"), day=2)
    said = cli("compare", "a", "b")
    assert said.code == 1
    assert said.out.startswith(f"ehr-a: {STATE}")
    assert "Regressed (1)\n  standalone-public/x  passed -> failed" in said.out
    assert "Fixed (1)" in said.out
    assert cli("compare", "a", "a").code == 0
    data = json.loads(cli("compare", "a", "b", "--json").out)
    assert [(c["scenario"], c["change"]) for c in data["changes"]] == [
        ("standalone-public/x", "regressed"),
        ("standalone-public/y", "fixed"),
    ]
    assert "- Regressed (1)" in cli("compare", "a", "b", "--markdown").out
    assert cli("compare", "a", "nope").code == 2


def test_compare_tells_flaky_apart_with_a_history(cli, tmp_path):
    history = History(tmp_path / "h.sqlite")
    for day, outcome in enumerate(["passed", "failed", "passed", "failed", "passed"], 1):
        history.add(write(tmp_path / f"n{day}", scenario("x", outcome), day=day))
    write(tmp_path / "b", scenario("x", "failed"), day=9)
    assert cli("compare", "n5", "b").code == 1
    said = cli("compare", "n5", "b", "--history", "h.sqlite")
    assert (said.code, "Flaky" in said.out) == (0, True)


# -- the history ----------------------------------------------------------------------------------------------------------


def test_the_history_knows_first_seen_last_passed_duration_and_flakiness(tmp_path):
    history = History(tmp_path / "h.sqlite")
    for day, outcome in enumerate(["passed", "blocked", "failed", "passed", "failed"], 1):
        history.add(write(tmp_path / f"n{day}", scenario("x", outcome, duration_s=float(day)), day=day))
    (course,) = history.courses("ehr-a", "https://a.example/fhir")
    assert course.first_seen.startswith("2026-11-01")
    assert course.last_passed.startswith("2026-11-04")
    assert course.seconds == 3.0
    assert (course.flips, course.flakiness) == (3, 1.0)
    assert course.requirements == (STATE,)
    nights = history.nights("ehr-a", "https://a.example/fhir", last=2)
    assert [(n.name, n.seconds, dict(n.counts)) for n in nights] == [("n4", 120.0, {"passed": 1}), ("n5", 120.0, {"failed": 1})]
    assert [len(c.results) for c in history.courses("ehr-a", "https://a.example/fhir", last=2)] == [2]


def test_the_same_run_again_takes_the_place_of_the_first(tmp_path):
    history = History(tmp_path / "h.sqlite")
    first = write(tmp_path / "n1", scenario("x", "failed"), scenario("gone"))
    history.add(first)
    history.add(write(tmp_path / "n2", scenario("x"), day=2))
    history.add(write(tmp_path / "again" / "n1", scenario("x")))
    assert [len(c.results) for c in history.courses("ehr-a", "https://a.example/fhir")] == [2]
    assert history.before(first) == {}


def test_a_clock_that_jumps_back_does_not_turn_the_nights_around(tmp_path):
    history = History(tmp_path / "h.sqlite")
    history.add(write(tmp_path / "n1", scenario("x"), day=20))
    run = write(tmp_path / "n2", scenario("x", "failed"), day=2)
    history.add(run)
    assert history.before(run)["standalone-public/x"].outcome == "passed"


def test_what_vanished_long_ago_is_not_told_every_night(tmp_path):
    history = History(tmp_path / "h.sqlite")
    told = []
    for day, names in enumerate([["x", "y"], ["x"], ["x"]], 1):
        run = write(tmp_path / f"n{day}", *map(scenario, names), day=day)
        history.add(run)
        told.append(len(compare(history.before(run), run).of(Change.VANISHED)))
    assert told == [0, 1, 0]


def test_targets_on_this_machine_are_told_by_name_and_others_by_address_too(tmp_path):
    history = History(tmp_path / "h.sqlite")
    history.add(write(tmp_path / "n1", scenario("x"), target="embedded", base="http://127.0.0.1:1234/fhir"))
    again = write(tmp_path / "n2", scenario("x"), target="embedded", base="http://127.0.0.1:9/fhir", day=2)
    history.add(again)
    other = write(tmp_path / "n3", scenario("x"), base="https://b.example/fhir")
    history.add(other)
    assert history.before(again)
    assert history.before(other) == {}


WRITER = """
import sys
from pathlib import Path
sys.path[:0] = [{tests!r}]
from runs import scenario, write
from smartlaunch.records.history import History
for n in range(15):
    History(Path({path!r})).add(write(Path({folder!r}) / f"{{sys.argv[1]}}-{{n}}", scenario("x"), scenario("y"), target=sys.argv[1]))
"""


def test_two_writers_at_once_lose_nothing(tmp_path):
    path = tmp_path / "h.sqlite"
    code = WRITER.format(tests=str(Path(__file__).parent), path=str(path), folder=str(tmp_path))
    children = [subprocess.Popen([sys.executable, "-c", code, name]) for name in ("a", "b")]
    assert [child.wait(60) for child in children] == [0, 0]
    history = History(path)
    assert sum(len(c.results) for name, base in history.targets() for c in history.courses(name, base)) == 2 * 15 * 2


def test_a_kill_leaves_all_of_a_run_or_nothing(tmp_path):
    path = tmp_path / "h.sqlite"
    history = History(path)
    history.add(write(tmp_path / "n1", scenario("x")))
    code = (
        "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE');"
        "c.execute('DELETE FROM result'); c.execute(\"UPDATE run SET name = 'half'\"); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -9
    assert [n.name for n in history.nights("ehr-a", "https://a.example/fhir")] == ["n1"]
    history.add(write(tmp_path / "n2", scenario("x"), day=2))
    assert [len(c.results) for c in history.courses("ehr-a", "https://a.example/fhir")] == [2]


def test_a_file_of_something_else_or_of_a_later_version_is_refused(tmp_path):
    later, other, text = (tmp_path / name for name in ("later", "other", "text"))
    for path, statement in ((later, "PRAGMA user_version = 99"), (other, "CREATE TABLE holiday (a)")):
        with sqlite3.connect(path) as connection:
            connection.execute(statement)
    text.write_text("not a database, but long enough to be taken for one" * 100)
    for path, said in ((later, "later version"), (other, "something else"), (text, "cannot be used")):
        with pytest.raises(UsageError, match=said):
            History(path)


def test_pruning_takes_folders_of_runs_inside_the_given_folder_only(tmp_path):
    history = History(tmp_path / "reports" / "h.sqlite")
    for day in (1, 2, 3):
        history.add(write(tmp_path / "reports" / f"n{day}", scenario("x"), day=day))
    history.add(write(tmp_path / "elsewhere", scenario("x"), day=4))
    history.add(write(tmp_path / "reports" / "n5", scenario("x"), day=5))
    (tmp_path / "reports" / "n1" / "run.json").unlink()
    for name in ("header.json", "scenarios.jsonl"):
        (tmp_path / "reports" / "n1" / name).unlink()
    gone = history.prune(1, tmp_path / "reports")
    assert sorted(p.name for p in gone) == ["n2", "n3"]
    assert (tmp_path / "elsewhere" / "run.json").is_file()
    assert (tmp_path / "reports" / "n1").is_dir(), "what is no run is left alone"
    assert (tmp_path / "reports" / "n5" / "run.json").is_file()
    assert [len(c.results) for c in history.courses("ehr-a", "https://a.example/fhir")] == [5]


def test_headlines_of_quiet_nights(tmp_path):
    run = write(tmp_path / "a", scenario("x", "failed"), scenario("y"))
    first = compare({}, run, first=True)
    assert headline(first, {}) == "ehr-a: first run, nothing to compare with; 1 scenario failed"
    same = compare(before_of(run), run)
    assert headline(same, {}) == "ehr-a: nothing became worse (1 still failing)"
    assert night_headline([same, same], {}) == "nothing became worse at 2 targets (2 still failing)"
    assert as_json(same, {})["changes"] == []
    assert compare({"s/x": Before("passed", current=False)}, Run(run.header)).entries == ()


def test_a_first_night_says_what_failed_and_not_that_nothing_is_worse(tmp_path):
    red = compare({}, write(tmp_path / "a", scenario("x", "failed"), scenario("y", "failed")), first=True)
    green_run = write(tmp_path / "b", scenario("x"))
    green, same = compare({}, green_run, first=True), compare(before_of(green_run), green_run)
    assert (
        night_headline([red, green], {}) == "nothing became worse at 2 targets (2 targets for the first time, 2 scenarios of theirs failed)"
    )
    told = telling.Told([red, same], load())
    assert told.word == "2 scenarios failed, the first time"
    assert telling.github_commands(told)[0].startswith("::warning ")
    assert telling.teams(told)["attachments"][0]["content"]["body"][0]["color"] == "Warning"
    assert telling.Told([green], load()).word == "Nothing failed, the first time"
    lacking = telling.Told([green], load(), not_run=["gone.toml"])
    assert lacking.word == "1 target not run"
    assert lacking.headline.endswith("nothing failed; gone.toml was not run")
    assert telling.badge(lacking)["message"] == "1 target not run"
    assert telling.Told([], load(), not_run=["a", "b"]).headline == "a, b were not run"
    assert telling.Told([green, same], load()).word == "Nothing worse"
    assert regressed(tmp_path / "c").word == "Worse"


@pytest.mark.usefixtures("in_forks")
def test_a_run_with_a_baseline_is_red_only_for_what_became_worse(cli):
    words = ("run", "--target", "embedded", "--suite", "standalone-public", "--scenario", "standalone-public/state-returned", "--no-allure")
    broken = (*words, "--defect", "omits_state")
    assert cli(*words, "--out", "good", "--history", "h.sqlite").code == 0
    assert cli(*broken, "--out", "bad", "--history", "h.sqlite").code == 1
    worse = cli(*broken, "--out", "again", "--baseline", "good", "--history", "h.sqlite")
    assert (worse.code, "no longer met in 1 scenario" in worse.out) == (1, True)
    same = cli(*broken, "--out", "same", "--baseline", "bad", "--history", "h.sqlite")
    assert (same.code, "nothing became worse (1 still failing)" in same.out) == (0, True)
    assert cli(*words, "--baseline", "nope").code == 2
    assert [n.name for n in History(Path("h.sqlite")).nights("embedded", "")] == ["good", "bad", "again", "same"]
