"""`smartlaunch report` and the JUnit file, from what lies on disk."""

import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

from runs import STATE, finding, scenario, write

from smartlaunch.cli.child import child_environment
from smartlaunch.records.record import Diagnosis, Run
from smartlaunch.records.store import append_scenario, write_header
from smartlaunch.reporting.html import render_html
from smartlaunch.reporting.junit import write_junit


def properties(case):
    return [(p.get("name"), p.get("value")) for p in case.iter("property")]


def test_junit_says_requirement_outcome_side_cause_and_where_it_stands_in_the_page(tmp_path):
    run = write(
        tmp_path / "r", scenario("a", "failed"), scenario("b", "warning"), scenario("c", "blocked"), scenario("d", "not-applicable")
    )
    explained = Diagnosis(rule="x", side="registration", cause="The scope is not registered.", scenarios=("standalone-public/a",))
    run = Run(run.header, run.scenarios, (), (explained,), (), run.folder)
    root = ET.parse(write_junit([run], tmp_path / "all" / "junit.xml")).getroot()
    assert {k: root.get(k) for k in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
    }
    cases = {case.get("name"): case for case in root.iter("testcase")}
    found = dict(properties(cases["standalone-public/a"]))
    assert (found["requirement"], found["outcome"], found["side"]) == (STATE, "failed", "registration")
    assert found["cause"] == "The scope is not registered."
    path, _, anchor = found["page"].partition("#")
    assert path == "../r/index.html"
    assert f'id="{anchor}"' in render_html(run, {})
    assert cases["standalone-public/b"].find("failure") is None
    assert dict(properties(cases["standalone-public/b"]))["outcome"] == "warning"
    assert cases["standalone-public/c"].find("error").get("message").startswith("blocked: ")


def test_junit_holds_whatever_a_server_said(tmp_path):
    nasty = "a\x00b\x1b[31m\ud800 \ufffe <&>\"' \u202e"
    run = write(tmp_path / "r", scenario("a", "failed", findings=(finding(actual=nasty),)))
    text = write_junit([run], tmp_path / "junit.xml").read_text("utf-8")
    assert ET.fromstring(text).find(".//failure") is not None
    assert not re.search("[\x00\x1b\u202e]", text)


def test_a_run_that_never_began_is_no_green_file(tmp_path):
    run = write(tmp_path / "r", preflight=[{"problem": "no answer", "verdict": "unreachable"}])
    root = ET.parse(write_junit([run], tmp_path / "junit.xml")).getroot()
    assert (root.get("errors"), root.find(".//error").get("message")) == ("1", "no result: no answer")


def test_what_is_missing_is_an_error(tmp_path):
    run = write(tmp_path / "r", scenario("a"), selection=["standalone-public/a", "standalone-public/gone"])
    root = ET.parse(write_junit([run], tmp_path / "junit.xml")).getroot()
    assert [c.get("name") for c in root.iter("testcase") if c.find("error") is not None] == ["standalone-public/gone"]


def test_report_renders_a_run_that_has_only_its_streams(cli, tmp_path):
    folder = tmp_path / "killed"
    write_header(folder, {"id": "killed", "target": {"name": "t"}, "selection": ["s/a", "s/b"], "start": "2026-01-01T00:00:00+00:00"})
    append_scenario(folder, scenario("a", "failed"))
    said = cli("report", "killed")
    assert said.code == 0
    assert "The run was ended before it was done." in said.out
    assert "The run was ended before it was done." in (folder / "index.html").read_text()
    assert "no result" in (folder / "junit.xml").read_text()


def test_report_of_nothing_says_what_there_is(cli):
    said = cli("report", "nope")
    assert (said.code, "no run named 'nope'" in said.err) == (2, True)


def test_a_run_killed_without_warning_is_rendered(cli, tmp_path):
    folder = tmp_path / "r"
    command = [sys.executable, "-m", "smartlaunch.cli", "run", "--target=embedded", "--suite=standalone-public", "--no-allure"]
    process = subprocess.Popen(
        [*command, f"--out={folder}"], env=child_environment(), process_group=0, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        scenarios = folder / "scenarios.jsonl"
        until = time.monotonic() + 60
        while time.monotonic() < until and not (scenarios.is_file() and scenarios.read_bytes().count(b"\n") >= 2):
            time.sleep(0.1)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        pids = [int(pid) for pid in children.read_text().split()] if children.is_file() else []
        process.kill()
        for pid in pids:
            signal_group(pid)
    finally:
        process.kill()
        process.wait()
    assert not (folder / "index.html").exists()
    said = cli("report", str(folder))
    assert said.code == 0
    assert (folder / "index.html").is_file()
    assert "without a result" in said.out


def signal_group(pid: int) -> None:
    import os

    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
