"""The terminal: summary, progress line, rendered findings."""

from __future__ import annotations

import io
import re
import time

import pytest

from smartlaunch.catalogue import load
from smartlaunch.exchange import RecordedExchange
from smartlaunch.records.files import reports
from smartlaunch.records.record import Diagnosis, FindingRecord, Run, ScenarioResult
from smartlaunch.reporting.failure import render_finding, render_findings
from smartlaunch.reporting.junit import junit_properties
from smartlaunch.reporting.summary import Progress, render_summary, takes_colour
from smartlaunch.reporting.words import printable, seconds, spent, verdict, wished

FINDING = FindingRecord(
    "SMART-2.2-app-launch-cache-b",
    "a Pragma header with no-cache",
    "no Pragma header",
    strength="SHALL",
    exchange="x0008",
    pointer="header: Pragma",
)


def test_verdict_comes_first_then_failures_then_what_was_not_judged(run):
    text = render_summary(run, load(), paths={"report": "reports/x/index.html"}, width=100)
    lines = text.splitlines()
    assert lines[0].startswith("FAILED  3 causes break 5 of 64 judged scenarios.")
    order = [text.index(w) for w in ("Failures (3)", "Advisories (1)", "Not judged (6)", "70 scenarios:", "reports/x/index.html")]
    assert order == sorted(order)
    assert "failures on the side of: the app's registration, the authorization server" in text
    assert "warning" not in text.lower().replace("advisories", "")


def test_what_blocks_has_its_diagnosis(run):
    text = render_summary(run, load(), width=100)
    assert text.index("waited for: a field for the user name") < text.index("likely cause: The login page is built in a way")


def test_a_clean_run_is_short(clean_run):
    text = render_summary(clean_run, load(), width=100)
    assert text.startswith("PASSED  Nothing was found wrong in 67 judged scenarios.")
    assert "Failures" not in text
    assert "3 not applicable: judged once, in suite standalone-public" in text


@pytest.mark.parametrize("width", [40, 60, 110])
def test_lines_fit_unless_a_word_is_longer(run, width):
    for line in render_summary(run, load(), width=width).splitlines():
        assert len(line) <= width or max(map(len, line.split())) > width - 20, line


def test_colours_only_where_asked(run):
    assert "\x1b[" not in render_summary(run, load(), width=100)
    coloured = render_summary(run, load(), width=100, colour=True)
    assert "\x1b[1;31mFAILED\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == render_summary(run, load(), width=100)


def test_a_run_folder_names_the_reports_that_are_there(run):
    assert reports(run.folder)["run.json"] == run.folder / "run.json"
    assert "Allure" not in reports(run.folder)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "wanted"),
    [(Terminal(), {}, True), (Terminal(), {"NO_COLOR": "1"}, False), (Terminal(), {"TERM": "dumb"}, False), (io.StringIO(), {}, False)],
)
def test_takes_colour(stream, environ, wanted):
    assert takes_colour(stream, environ) is wanted


def test_a_hostile_server_cannot_reach_the_terminal():
    nasty = "ok\x1b[2J\x1b]0;title\x07\r\u202egnp.exe\x9b31m"
    scenario = ScenarioResult("s/a", "t", "f", "r", "s", ("R-1",), "failed", findings=(FindingRecord("R-1", "x", nasty, strength="SHALL"),))
    blocked = ScenarioResult("s/b\x1b[1m", "t", "f", "r", "s", (), "blocked", reason=nasty)
    text = render_summary(Run(header={"target": {"name": nasty}}, scenarios=(scenario, blocked)), {}, width=100)
    assert not set(text) & {"\x1b", "\x07", "\r", "\u202e", "\x9b"}
    assert "\\x1b[2J" in text


def test_order_of_a_rendered_finding():
    diagnosis = Diagnosis(rule="r", side="registration", cause="the cause", fix="the fix", next="the next step", confidence="high")
    lines = "\n".join(render_finding(FINDING, load(), diagnosis=diagnosis))
    assert lines.startswith("SMART-2.2-app-launch-cache-b SHALL: The token response has a")
    order = [lines.index(w) for w in ("expected", "actual", "where", "side", "likely cause", "what to try", "evidence")]
    assert order == sorted(order)
    assert "the app's registration" in lines


def test_findings_do_not_hide_each_other():
    text = render_findings([FINDING, FindingRecord("R-9", "a", "b")], load())
    assert "SMART-2.2-app-launch-cache-b" in text
    assert "R-9" in text


def test_printable_keeps_readable_text():
    assert printable("naïve 日本語\n\ttab") == "naïve 日本語\n\ttab"
    assert printable("a\x00b") == "a\\x00b"


def test_seconds():
    assert [seconds(v) for v in (0.04, 9.94, 42.4, 185)] == ["0.0 s", "9.9 s", "42 s", "3 min 5 s"]


def test_what_would_judge_more_is_a_line_of_the_file_or_a_word_of_the_command():
    assert wished(["[patients] other", "[ehr_launch]"]) == ("To judge more, add to the target file", ["[patients] other", "[ehr_launch]"])
    assert wished(["[ehr_launch]", "--headed"]) == ("To judge more", ["[ehr_launch]", "run with --headed"])


def test_where_the_time_of_a_run_went():
    def asked(second, ms):
        return RecordedExchange(
            id=f"x{second}",
            actor="app",
            endpoint="fhir",
            method="GET",
            url="https://f.example/r4",
            started=f"2026-11-01T01:00:{second:02}+00:00",
            duration_ms=ms,
        )

    header = {"start": "2026-11-01T01:00:00+00:00", "end": "2026-11-01T01:01:00+00:00", "let_pass_s": 7.5}
    exchanges = (asked(1, 4000), asked(2, 1000), asked(4, 3000), asked(20, 500))
    run = Run(header=header, exchanges=exchanges)
    assert run.answers_s == pytest.approx(6.5)
    assert spent(run) == "6.5 s for answers, 7.5 s waited on purpose, 46 s its own"
    assert spent(Run(header={**header, "merged": ["a", "b"]}, exchanges=exchanges)) == ""
    assert spent(Run(header={})) == ""


@pytest.mark.parametrize(
    ("outcomes", "header", "word"),
    [
        (["passed"], {}, "Passed"),
        (["passed", "passed", "passed", "not-configured"], {}, "Passed"),
        (["passed", "passed", "not-configured"], {}, "Passed in part"),
        (["passed", "not-applicable", "not-applicable", "not-applicable"], {}, "Passed"),
        (["passed", "warning"], {}, "Passed with advisories"),
        (["passed", "blocked"], {}, "Incomplete"),
        (["passed"], {"coverage": {"missing": ["s/x"]}}, "Incomplete"),
        (["not-applicable"], {}, "Nothing judged"),
        (["blocked", "failed"], {}, "Failed"),
        ([], {"preflight": [{"problem": "p", "verdict": "mend"}]}, "Not run"),
        ([], {"preflight": [{"problem": "p", "verdict": "unreachable"}]}, "Not run"),
    ],
)
def test_verdict(outcomes, header, word):
    scenarios = tuple(ScenarioResult(f"s/{i}", "t", "f", "r", "s", (), o) for i, o in enumerate(outcomes))
    assert verdict(Run(header=header, scenarios=scenarios)).word == word


def test_preflight_problems_are_told():
    run = Run(header={"preflight": [{"problem": "the client id was refused", "verdict": "mend", "fix": "set client_id"}]})
    text = render_summary(run, {}, width=80)
    assert "NOT RUN" in text
    assert "the client id was refused" in text
    assert "try: set client_id" in text


def test_junit_properties(run):
    failed = next(s for s in run.scenarios if s.outcome == "failed")
    found = junit_properties(failed)
    assert ("outcome", "failed") in found
    assert ("scenario", failed.id) in found
    assert [v for k, v in found if k == "requirement"] == list(failed.requirements)
    blocked = next(s for s in run.scenarios if s.outcome == "blocked")
    assert dict(junit_properties(blocked))["reason"].startswith("the login page")


# --- progress


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_progress_tells_launch_scenario_and_time():
    clock, stream = Clock(), Terminal()
    progress = Progress(stream, 12, environ={}, clock=clock)
    clock.now = 61.0
    progress.doing("standalone-public, signing in")
    assert progress.line == " 0/12 01:01  standalone-public, signing in"
    clock.now = 62.0
    progress.scenario("The app sends a plain challenge\x1b[2J")
    progress.done("failed")
    assert progress.line == " 1/12 01:02, 1 not passed  The app sends a plain challenge\\x1b[2J"
    progress.close()
    assert stream.getvalue().startswith("\r\x1b[K 0/12")
    assert stream.getvalue().endswith("\r\x1b[K")


@pytest.mark.parametrize(("stream", "environ"), [(io.StringIO(), {}), (Terminal(), {"CI": "true"}), (Terminal(), {"TERM": "dumb"})])
def test_progress_without_a_terminal_is_a_line_a_minute(stream, environ, monkeypatch):
    monkeypatch.setattr("smartlaunch.reporting.summary.MINUTE_S", 0.05)
    progress = Progress(stream, 3, environ=environ)
    progress.scenario("the first")
    progress.done("failed")
    progress.scenario("the second\x1b[2J")
    until = time.monotonic() + 10
    while not stream.getvalue() and time.monotonic() < until:
        time.sleep(0.01)
    progress.close()
    first = stream.getvalue().splitlines()[0]
    assert re.fullmatch(r"[\d.]+ s: 1 done, 2 left, 1 not passed so far; now: the second\\x1b\[2J", first)
    assert "\r" not in stream.getvalue()


def test_progress_without_a_terminal_says_nothing_before_a_minute_is_over():
    stream = io.StringIO()
    progress = Progress(stream, 3, environ={})
    progress.doing("x")
    progress.done("passed")
    progress.close()
    assert stream.getvalue() == ""


def test_progress_says_about_how_long_it_will_take_yet():
    clock = Clock()
    progress = Progress(Terminal(), 100, environ={}, clock=clock)
    for _ in range(25):
        progress.done("passed")
    clock.now = 60.0
    assert progress.line.startswith(" 25/100 01:00, about 3 min 0 s left")


def test_progress_survives_a_closed_stream():
    stream = Terminal()
    progress = Progress(stream, 3, environ={})
    stream.close()
    progress.doing("x")
    progress.done("passed")
    assert progress.quiet
