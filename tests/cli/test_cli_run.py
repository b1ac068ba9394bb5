"""``smartlaunch run`` up to the point where pytest starts, and what is made of its end."""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from smartlaunch._suite import suite_root
from smartlaunch.cli import child, run
from smartlaunch.plugin import options
from smartlaunch.plugin.binding import SUITES, every_plan
from smartlaunch.records.store import load_run

TARGET = """\
schema = 1
[target]
fhir_base_url = "https://ehr.example/fhir"
[clients.web]
role = "public"
client_id = "web-1"
scopes = "openid"
redirect_uri = "https://app.example/redirect"
"""


def test_the_list_names_every_default_suite_and_sends_nothing(cli):
    said = cli("run", "--list", "--target", "no-such-target")
    assert said.code == 0
    for suite in SUITES:
        assert (f"{suite.id} (" in said.out) == (suite.default and f"  {suite.id}/" in said.out)
    assert not Path("reports").exists()


def test_the_list_follows_suite_and_requirement(cli):
    whole = cli("run", "--list").out
    lines = [line.strip() for line in whole.splitlines()]
    scenario = next(line for line in lines if line.startswith("standalone-public/"))
    requirement = lines[lines.index(scenario) + 2].split(", ")[0]
    chosen = cli("run", "--list", "--suite", "standalone-public", "--requirement", requirement.upper()).out
    assert scenario in chosen
    assert "ehr-launch-public" not in chosen
    only = cli("run", "--list", "--scenario", scenario).out
    assert only.splitlines()[-1] == "1 scenario selected"


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--suite", "standalone-publc"], "did you mean: standalone-public"),
        (["--requirement", "SMART-2.2-app-launch-pkce-z"], "SMART-2.2-app-launch-pkce-a"),
        (["--scenario", "standalone-public/nope"], "no scenario named"),
        (["--target", "embeded"], "did you mean: embedded"),
        (["--target", "gone.toml"], "gone.toml: no such file"),
        (["--target", "."], "no target named"),
        (["--target", "./"], "this is a folder"),
        (["--target", ""], "no target named"),
        (["--defect", "omit_state"], "did you mean: omits_state"),
        (["--variant", "nope"], "no variant named"),
        (["--target", "good.toml", "--defect", "omits_state"], "embedded EHR"),
        (["--target", "bad.toml"], "bad.toml:6: unknown key `clientid` in [clients.web], did you mean `client_id`?"),
        (["--out", "good.toml"], "this is a file"),
        (["--out", "full"], "holds holiday.jpg, which is no part of a run"),
        (["--out", "good.toml/x"], "cannot be used"),
    ],
)
def test_mistakes_end_with_2_before_anything_starts(cli, words, part, monkeypatch):
    Path("good.toml").write_text(TARGET)
    Path("bad.toml").write_text(TARGET.replace("client_id", "clientid"))
    Path("full").mkdir()
    Path("full/holiday.jpg").write_bytes(b"x")
    monkeypatch.setattr(child, "run_pytest", lambda *_, **__: pytest.fail("pytest was started"))
    said = cli("run", *words)
    assert said.code == 2
    assert part in said.err
    assert Path("full/holiday.jpg").exists()


def test_the_target_can_come_from_the_environment(cli, monkeypatch):
    monkeypatch.setenv("SMARTLAUNCH_TARGET", "from-environment")
    assert "no target named 'from-environment'" in cli("run").err


def arguments(**more: object) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    run.add_arguments(parser)
    words = [part for key, value in more.items() for part in ([f"--{key}"] if value is True else [f"--{key}", str(value)])]
    return parser.parse_args(words)


def test_options_reach_pytest_in_its_words():
    words = run.pytest_arguments(
        given := arguments(headed=True, passive=True, quick=True, defect="omits_state", variant="a", requirement="X-1", target="t"),
        options.of_command(given),
        Path("out"),
    )
    for option in (
        "--target=t",
        "--run-dir=out",
        "--smartlaunch-headed",
        "--passive",
        "--quick",
        "--defect=omits_state",
        "--variant=a",
        "--requirement=X-1",
    ):
        assert option in words
    assert not any(word.startswith("--junitxml") for word in words)  # written from the run's record, not by pytest


def test_the_child_sees_nothing_of_the_folder_it_is_called_from(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (tmp_path / "conftest.py").write_text("raise SystemExit('the conftest of the folder was loaded')\n")
    (tmp_path / "pytest.py").write_text("raise SystemExit('a module of the folder was loaded')\n")
    for package in ("steps", "suites", "features"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise SystemExit('a package of the folder was loaded')\n")
    env = child.child_environment({**os.environ, "PYTEST_ADDOPTS": "--no-such-option", "PYTEST_PLUGINS": "no_such_plugin"})
    command = child.pytest_command(["--collect-only", "-q"], paths=[suite_root() / "suites" / "test_standalone_public.py"])
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    text = done.stdout + done.stderr
    assert "of the folder was loaded" not in text
    assert "no-such-option" not in text
    assert "test_standalone_public.py" in text or "the features and the catalogue do not agree" in text


def record(folder: Path, outcomes: list[str], **header: object) -> None:
    """Write a run as the plugin does."""
    from smartlaunch.records.record import ScenarioResult
    from smartlaunch.records.store import append_scenario, assemble, write_header, write_run

    results = [
        ScenarioResult(id=f"s/{n}", title="t", feature="f", rule="r", suite="s", requirements=(), outcome=outcome, reason="because")
        for n, outcome in enumerate(outcomes)
    ]
    head = {
        "schema": 1,
        "id": "x",
        "start": "2026-01-01T00:00:00+00:00",
        "end": "2026-01-01T00:00:09+00:00",
        "target": {"name": "t"},
        **header,
    }
    write_header(folder, head)
    for result in results:
        append_scenario(folder, result)
    write_run(assemble(folder, head), folder)


@pytest.mark.parametrize(
    ("outcomes", "pytest_code", "strict", "code"),
    [
        (["passed"], 0, False, 0),
        (["passed", "not-applicable"], 0, False, 0),
        (["passed", "warning"], 0, False, 0),
        (["passed", "warning"], 0, True, 1),
        (["passed", "failed", "error", "blocked"], 1, False, 1),
        (["passed", "error", "blocked"], 1, False, 4),
        (["passed", "blocked"], 1, False, 3),
        (["not-applicable"], 0, False, 3),
        (["passed"], 3, False, 4),
        (["passed"], 1, False, 4),
        (["failed"], 3, False, 4),
        (["passed"], -9, False, 4),
    ],
)
def test_the_exit_code_follows_from_the_record(cli, monkeypatch, outcomes, pytest_code, strict, code):
    folder = Path("out").resolve()

    def fake(_command, *, env, output):
        assert env["SMARTLAUNCH_SUMMARY"] == "off"
        output.write(b"pytest's own words")
        record(folder, outcomes)
        return pytest_code

    monkeypatch.setattr(child, "run_pytest", fake)
    said = cli("run", "--out", "out", *(["--strict"] if strict else []))
    assert said.code == code
    assert said.out.count("out/run.json") == 1
    assert ("pytest's own words" in said.err) == (
        (code == 4 and pytest_code not in (0, 1)) or (outcomes == ["passed"] and pytest_code == 1)
    )
    assert ("internal error" in said.err) == (pytest_code == 3)


def test_a_report_that_could_not_be_written_is_named_and_ends_with_4(cli, monkeypatch):
    folder = Path("out").resolve()

    def fake(_command, *, env, output):
        record(folder, ["passed"], unwritten=[{"artefact": "index.html", "problem": "OSError: no space left"}])
        return 0

    monkeypatch.setattr(child, "run_pytest", fake)
    said = cli("run", "--out", "out")
    assert said.code == 4
    assert "index.html could not be written: OSError: no space left" in said.out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_a_junit_file_that_cannot_be_written_leaves_everything_else(cli):
    scenario = next(plan.id for plan in every_plan() if "quick" in plan.flags and not plan.labels)
    said = cli("run", "--scenario", scenario, "--no-allure", "--out", "out", "--junit", "/dev/full")
    assert said.code == 4
    assert "--junit /dev/full could not be written" in said.err
    assert Path("/dev/full").is_char_device()
    assert "1 passed" in said.out
    assert all((Path("out") / name).is_file() for name in ("run.json", "index.html", "run.har.gz", "manifest.sha256"))


def test_a_manifest_that_cannot_be_written_costs_nothing_else(cli, monkeypatch):
    folder = Path("out").resolve()

    def fake(_command, *, env, output):
        record(folder, ["passed"])
        (folder / "manifest.sha256").mkdir()
        return 0

    monkeypatch.setattr(child, "run_pytest", fake)
    said = cli("run", "--out", "out")
    assert said.code == 4
    assert "manifest.sha256 could not be written" in said.err
    assert "1 passed" in said.out


def test_a_preflight_verdict_is_the_exit_code(cli, monkeypatch):
    folder = Path("out").resolve()

    def fake(_command, *, env, output):
        record(folder, [], preflight=[{"verdict": "mend", "problem": "the client is unknown"}])
        return 2

    monkeypatch.setattr(child, "run_pytest", fake)
    said = cli("run", "--out", "out")
    assert said.code == 2
    assert "the client is unknown" in said.out


def test_a_pytest_that_leaves_no_record_is_our_error_and_its_words_are_scrubbed(cli, monkeypatch):
    monkeypatch.setenv("EHR_PASSWORD", "pass-canary-1")

    def fake(_command, *, env, output):
        output.write(b"INTERNALERROR> it was pass-canary-1, client_secret=abc-canary-2\n")
        return 3

    monkeypatch.setattr(child, "run_pytest", fake)
    said = cli("run")
    assert said.code == 4
    assert "INTERNALERROR" in said.err
    assert "canary" not in said.err


BREAKS = """
def pytest_runtest_logreport(report):
    if report.when == "teardown":
        raise KeyError("somebody else's plugin")
"""


def test_an_error_inside_pytest_leaves_the_record_and_is_told(cli, monkeypatch, tmp_path):
    """With a real pytest, whose own machinery breaks after the first scenario."""
    (tmp_path / "breaks_pytest.py").write_text(BREAKS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(child, "PLUGINS", (*child.PLUGINS, "breaks_pytest"))
    chosen = ["--scenario", "standalone-public/capabilities-listed", "--scenario", "standalone-public/token-endpoint-listed"]
    said = cli("run", *chosen, "--no-allure", "--out", "out")
    assert said.code == 4
    assert f"{child.BROKE} an internal error; what was recorded until then is in out" in said.err
    assert "somebody else's plugin" in said.err
    kept = load_run(Path("out"))
    assert [s.outcome for s in kept.scenarios] == ["passed"]
    assert kept.missing
    assert all((Path("out") / name).is_file() for name in ("index.html", "run.har.gz", "junit.xml", "manifest.sha256"))


def test_an_old_run_in_the_folder_does_not_count(cli, monkeypatch):
    folder = Path("out").resolve()
    record(folder, ["failed"])

    def fake(_command, *, env, output):
        assert not (folder / "scenarios.jsonl").exists()
        record(folder, ["passed"])
        return 0

    monkeypatch.setattr(child, "run_pytest", fake)
    assert cli("run", "--out", "out").code == 0


def test_an_unexpected_error_leaves_one_line_and_a_log_without_secrets(cli, monkeypatch):
    Path("reports").mkdir()
    monkeypatch.setenv("EHR_PASSWORD", "pass-canary-1")

    def fake(*_args, **_more):
        raise RuntimeError("it was pass-canary-1 and Authorization: Basic Y2FuYXJ5LTI=, code=canary-3&state=x")

    monkeypatch.setattr(child, "run_pytest", fake)
    said = cli("run")
    assert said.code == 4
    assert len(said.err.splitlines()) == 1
    log = next(Path("reports").glob("smartlaunch-crash-*.log"))
    assert str(log) in said.err
    text = log.read_text()
    assert "RuntimeError" in text
    assert "canary" not in text
    assert "Y2FuYXJ5" not in text
    assert log.stat().st_mode & 0o077 == 0


SLOW = """\
import signal, sys, time
def stop(*_):
    open({mark!r}, "a").write("int\\n")
    if {stubborn}:
        return
    sys.exit(2)
signal.signal(signal.SIGINT, stop)
open({mark!r}, "a").write("ready\\n")
end = time.monotonic() + 60
while time.monotonic() < end:
    time.sleep(0.05)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("stubborn", [False, True])
def test_the_child_is_told_once_to_end_and_killed_when_it_does_not(tmp_path, number, stubborn):
    mark = tmp_path / "mark"

    def press() -> None:
        while not mark.exists():
            time.sleep(0.02)
        os.kill(os.getpid(), number)
        if stubborn:
            while mark.read_text().count("int") < 1:
                time.sleep(0.02)
            os.kill(os.getpid(), number)

    thread = threading.Thread(target=press, daemon=True)
    start = time.monotonic()
    thread.start()
    with pytest.raises(child.Ended):
        child.run_pytest([sys.executable, "-c", SLOW.format(mark=str(mark), stubborn=stubborn)], env=os.environ, output=None)
    thread.join(5)
    assert time.monotonic() - start < 20
    assert mark.read_text().splitlines() == ["ready", "int"]


def test_an_interrupted_run_says_where_its_record_is(cli, monkeypatch):
    folder = Path("out").resolve()

    def fake(*_args, **_more):
        record(folder, ["passed"])
        raise child.Ended

    monkeypatch.setattr(child, "run_pytest", fake)
    said = cli("run", "--out", "out")
    assert said.code == 130
    assert "interrupted" in said.err
    assert json.loads((folder / "run.json").read_text())["scenarios"]


def test_a_folder_for_temporary_files_without_room_is_named_before_anything_is_done(cli, monkeypatch):
    def full(*_arguments, **_named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkdtemp", full)
    said = cli("run", "--target=embedded", "--scenario=standalone-public/aud-right")
    assert said.code == 2
    assert "No space left on device" in said.err
    assert "TMPDIR" in said.err
