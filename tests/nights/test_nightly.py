"""Many targets in a night: order, retries, going on after a kill, two nights at once, and what is told."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from runs import scenario, write

from smartlaunch.cli.child import child_environment
from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.server import start
from smartlaunch.embedded_ehr.target_file import write_target
from smartlaunch.errors import UsageError
from smartlaunch.nights import schedule as module
from smartlaunch.nights.attempt import Ended, blocked_by_network, narrowed
from smartlaunch.nights.schedule import Schedule
from smartlaunch.nights.servers import alone_at, server_of
from smartlaunch.nights.state import Night, only_one, open_night
from smartlaunch.records.history import History
from smartlaunch.records.merging import merge
from smartlaunch.records.store import load_run, write_run
from smartlaunch.target import load_target

TARGET = """\
schema = 1
[target]
name = "{name}"
fhir_base_url = "{base}"
[clients.web]
role = "public"
client_id = "web-1"
scopes = "openid"
redirect_uri = "https://app.example/redirect"
"""
DOWN = {"kind": "unreachable", "cause": "no route"}


@dataclass
class Fake:
    """Writes runs instead of making them; notes what ran beside what."""

    results: dict = field(default_factory=dict)
    calls: list = field(default_factory=list)
    now: set = field(default_factory=set)
    beside: set = field(default_factory=set)
    takes: float = 0.05
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, attempt, stopped, log):
        name = Path(attempt.target).stem
        with self.lock:
            self.calls.append((name, attempt.words))
            self.beside |= {frozenset((name, other)) for other in self.now}
            self.now.add(name)
            turn = sum(n == name for n, _ in self.calls) - 1
        time.sleep(self.takes)
        made = self.results.get(name, [[scenario("x")]])
        found = made[min(turn, len(made) - 1)]
        target = load_target(attempt.target)
        write(Path(attempt.folder), *found, **self.header(found, target))
        with self.lock:
            self.now.discard(name)
        return Ended(0 if found else 3)

    def header(self, found, target):
        more = (
            {"preflight": [{"problem": "no answer", "verdict": "unreachable"}], "selection": ["standalone-public/x"]} if not found else {}
        )
        return {"target": {"name": target.name, "fhir_base_url": target.fhir_base_url, "hash": target.hash}} | more


def join(folders, out):
    out.mkdir(parents=True)
    write_run(merge([load_run(f) for f in folders]).run, out)


@pytest.fixture
def targets(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "server_of", lambda target: target.fhir_base_url.split("/")[2])

    def make(**bases):
        for name, base in bases.items():
            (tmp_path / f"{name}.toml").write_text(TARGET.format(name=name, base=base))
        return [str(tmp_path / f"{name}.toml") for name in bases]

    return make


def night_of(tmp_path, given, runner, *, folder="night", **more):
    night = open_night(str(tmp_path / folder), tmp_path, given, ())
    plan = Schedule(night, History(tmp_path / "h.sqlite"), runner, join, **{"retry_wait_s": 0.0, **more})
    return night, plan


def test_one_run_at_a_time_for_each_server_and_others_beside_it(tmp_path, targets):
    given = targets(a1="https://a.example/1", a2="https://a.example/2", b="https://b.example/1", a3="https://a.example/3")
    runner = Fake(takes=0.6)
    night, plan = night_of(tmp_path, given, runner, jobs=3)
    plan.run()
    assert night.over
    assert sorted(name for name, _ in runner.calls) == ["a1", "a2", "a3", "b"]
    assert not {frozenset(pair) for pair in (("a1", "a2"), ("a1", "a3"), ("a2", "a3"))} & runner.beside
    assert runner.beside, "targets of different servers run side by side"


def test_only_what_the_network_blocked_is_put_again_and_takes_its_place(tmp_path, targets):
    runner = Fake({"a": [[scenario("x"), scenario("y", "blocked", block=DOWN), scenario("z", "failed")], [scenario("y")]]})
    night, plan = night_of(tmp_path, targets(a="https://a.example/1"), runner)
    plan.run()
    assert [words for _, words in runner.calls] == [(), ("--scenario=standalone-public/y",)]
    assert {s.id.rpartition("/")[2]: s.outcome for s in load_run(night.folder / "a").scenarios} == {
        "x": "passed",
        "y": "passed",
        "z": "failed",
    }
    assert night.entries[0].attempts == 2


def test_retries_are_bounded_and_a_target_never_reached_is_put_again_whole(tmp_path, targets):
    runner = Fake({"a": [[]]})
    night, plan = night_of(tmp_path, targets(a="https://a.example/1"), runner, retries=2)
    plan.run()
    assert [words for _, words in runner.calls] == [()] * 3
    assert night.over
    assert [n.down for n in History(tmp_path / "h.sqlite").nights("a", "https://a.example/1")] == [True]


def test_a_night_that_was_left_goes_on_where_it_was(tmp_path, targets):
    given = targets(a="https://a.example/1", b="https://b.example/1")
    night, _ = night_of(tmp_path, given, Fake())
    night.save()
    night.change(night.entries[0], state="done", code=0)
    night.change(night.entries[1], state="running", attempts=1)
    write(
        night.folder / "b",
        scenario("x"),
        selection=["standalone-public/x", "standalone-public/y"],
        target={"name": "b", "fhir_base_url": "https://b.example/1", "hash": load_target(given[1]).hash},
    )
    runner = Fake({"b": [[scenario("y")]]})
    again, plan = night_of(tmp_path, given, runner)
    plan.run()
    assert runner.calls == [("b", ("--scenario=standalone-public/y",))]
    assert [s.id for s in load_run(again.folder / "b").scenarios] == ["standalone-public/x", "standalone-public/y"]
    with pytest.raises(UsageError, match="is over"):
        night_of(tmp_path, given, runner)


def test_a_target_file_that_changed_meanwhile_is_put_whole(tmp_path, targets):
    given = targets(a="https://a.example/1")
    night, _ = night_of(tmp_path, given, Fake())
    night.save()
    write(
        night.folder / "a", scenario("x"), selection=["standalone-public/x", "standalone-public/y"], target={"name": "a", "hash": "other"}
    )
    runner = Fake()
    plan = night_of(tmp_path, given, runner)[1]
    plan.run()
    assert [words for _, words in runner.calls] == [()]


def test_the_usual_night_is_found_again_only_when_it_is_the_same_and_fresh(tmp_path, targets):
    given = targets(a="https://a.example/1")
    night = open_night(None, tmp_path / "nights", given, ("--quick",))
    night.save()
    assert open_night(None, tmp_path / "nights", given, ("--quick",)).folder == night.folder
    assert open_night(None, tmp_path / "nights", given, ()).folder != night.folder
    assert open_night(None, tmp_path / "nights", given, ("--quick",), new=True).folder != night.folder
    with only_one(night.folder):
        assert open_night(None, tmp_path / "nights", given, ("--quick",)).folder != night.folder
        with pytest.raises(UsageError, match="under way in another process"), only_one(night.folder):
            pass
    night.start = "2020-01-01T00:00:00+00:00"
    night.save()
    assert open_night(None, tmp_path / "nights", given, ("--quick",)).folder != night.folder


def test_a_folder_with_something_else_and_other_targets_are_refused(tmp_path, targets):
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "x.jpg").write_bytes(b"x")
    with pytest.raises(UsageError, match="holds something else"):
        open_night(str(tmp_path / "holiday"), tmp_path, ["embedded"], ())
    open_night(str(tmp_path / "n"), tmp_path, ["embedded"], ()).save()
    with pytest.raises(UsageError, match="begun with other targets"):
        open_night(str(tmp_path / "n"), tmp_path, ["other"], ())
    (tmp_path / "n" / "night.json").write_text("{}")
    with pytest.raises(UsageError, match="cannot be read"):
        Night.load(tmp_path / "n")


def test_a_broken_target_or_runner_is_told_and_costs_nothing_else(tmp_path, targets):
    given = [*targets(a="https://a.example/1", b="https://b.example/1"), str(tmp_path / "gone.toml")]

    class Bad(Fake):
        def __call__(self, attempt, stopped, log):
            if "a.toml" in attempt.target:
                raise OSError("disk full")
            return super().__call__(attempt, stopped, log)

    night, plan = night_of(tmp_path, given, Bad())
    plan.run()
    assert [(e.state, e.code) for e in night.entries] == [("done", 4), ("done", 0), ("done", 2)]
    assert "OSError" in night.entries[0].said
    assert "gone.toml" in night.entries[2].said


def test_stopped_in_the_middle_it_is_waiting_not_done(tmp_path, targets):
    given = targets(a="https://a.example/1")

    def runner(attempt, stopped, log):
        stopped.set()
        return Ended(130)

    night, plan = night_of(tmp_path, given, runner)
    plan.run()
    assert (night.entries[0].state, night.over) == ("waiting", False)


def test_words_are_narrowed_to_what_is_left():
    assert narrowed(("--quick", "--suite=a", "--deviations=f", "--passive"), ["s/x"]) == ("--deviations=f", "--passive", "--scenario=s/x")


def test_what_the_network_blocked(tmp_path):
    run = write(
        tmp_path / "a",
        scenario("x", "blocked", block=DOWN),
        scenario("y", "blocked", block={"kind": "login-stuck"}),
        scenario("z", "failed"),
        selection=["standalone-public/x", "standalone-public/lost"],
    )
    assert blocked_by_network(run) == ["standalone-public/x", "standalone-public/lost"]
    mend = write(tmp_path / "b", preflight=[{"problem": "p", "verdict": "mend"}], selection=["standalone-public/x"])
    assert blocked_by_network(mend) == []


def test_the_server_is_that_of_the_smart_configuration_read_with_the_headers_of_the_target(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHT_KEY", "planted-key")
    import http.server

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            good = "/good" in self.path and self.headers["X-Api-Key"] == "planted-key"
            body = b'{"authorization_endpoint": "https://auth.example/t/authorize"}' if good else b"[" * 100_000
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    found = []
    for path in ("good", "bad"):
        text = TARGET.format(name="t", base=f"{base}/{path}").replace(
            "[clients", 'headers = { X-Api-Key = { env = "NIGHT_KEY" } }\n[clients', 1
        )
        (tmp_path / "t.toml").write_text(text)
        found.append(server_of(load_target(tmp_path / "t.toml")))
    server.shutdown()
    server.server_close()
    (tmp_path / "t.toml").write_text(TARGET.format(name="t", base="http://127.0.0.1:1/x"))
    assert found == ["auth.example:443", f"127.0.0.1:{server.server_port}"]
    assert server_of(load_target(tmp_path / "t.toml")) == "127.0.0.1:1"
    assert server_of(load_target("embedded")) == ""


def test_mistakes_end_with_2(cli, tmp_path):
    (tmp_path / "list.txt").write_text("embedded\n# a comment\nembedded\n")
    for words, said in (
        (("list.txt",), "named twice"),
        (("embedded", "--jobs", "0"), "--jobs 0"),
        (("embedded", "--suite", "x", "--retries", "-1"), "--retries -1"),
    ):
        found = cli("nightly", *words)
        assert (found.code, said in found.err) == (2, True)


# -- with real servers ----------------------------------------------------------------------------------------------------


class Sandbox:
    """An embedded EHR on a port of its own, which can be started again with a defect."""

    def __init__(self, folder, name):
        self.file, self.name, self.port = folder / f"{name}.toml", name, 0

    def start(self, *defects):
        self.running = start(SandboxOptions(port=self.port, defects=defects))
        self.port = urlsplit(self.running.base_url).port
        write_target(self.file, self.running, name=self.name)
        return self

    def stop(self):
        self.running.stop()


@pytest.fixture
def sandboxes(tmp_path):
    found = [Sandbox(tmp_path, name).start() for name in ("ehr-one", "ehr-two", "ehr-three")]
    yield found
    for each in found:
        each.stop()


SCENARIOS = ("--scenario=standalone-public/state-returned", "--scenario=standalone-public/well-known-json")


def test_two_nights_with_a_defect_between_them_are_one_line_and_the_right_one(cli, sandboxes, tmp_path):
    words = ("nightly", *(str(s.file) for s in sandboxes), "--scenario", "standalone-public/state-returned", "--no-allure")
    words = (*words, "--history", "h.sqlite")
    first = cli(*words, "--out", "night1")
    assert first.code == 0, first.out + first.err
    assert "nothing became worse at 3 targets (3 targets for the first time)" in first.out
    sandboxes[1].stop()
    sandboxes[1].start("omits_state")
    second = cli(*words, "--out", "night2", "--link", "https://ci.example/7")
    assert second.code == 1
    (line,) = [row for row in second.out.splitlines() if "no longer met" in row]
    assert line.startswith("ehr-two: SMART-2.2-app-launch-state-a (")
    assert "on the side of the authorization server: no `state`" in line
    assert "ehr-one" not in line
    root = ET.parse("night2/junit.xml").getroot()
    assert (root.get("tests"), root.get("failures")) == ("3", "1")
    pages = [p.get("value") for p in root.iter("property") if p.get("name") == "page"]
    assert sorted(page.partition("#")[0] for page in pages) == ["ehr-one/index.html", "ehr-three/index.html", "ehr-two/index.html"]
    assert json.loads(Path("night2/tell/slack.json").read_text())["text"].startswith("ehr-two: ")
    index = Path("night2/index.html").read_text()
    assert "<script" not in index
    assert "no longer met" in index
    assert Path("night2/history.html").is_file()


def test_a_killed_night_goes_on_and_loses_nothing(cli, tmp_path):
    words = ["nightly", "embedded", "--suite=standalone-public", "--quick", "--no-allure", "--out=night", "--history=h.sqlite"]
    process = subprocess.Popen(
        [sys.executable, "-m", "smartlaunch.cli", *words], env=child_environment(), cwd=tmp_path, stdout=subprocess.DEVNULL, process_group=0
    )
    results = tmp_path / "night" / "embedded" / "scenarios.jsonl"
    until = time.monotonic() + 120
    while time.monotonic() < until and not (results.is_file() and results.read_bytes().count(b"\n") >= 3):
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = {json.loads(line)["id"]: json.loads(line)["started"] for line in results.read_bytes().splitlines()[:3]}
    assert not json.loads((tmp_path / "night" / "night.json").read_text())["end"]
    said = cli(*words)
    assert said.code == 0, said.out + said.err
    run = load_run(tmp_path / "night" / "embedded")
    assert not run.missing
    assert {name: run.scenario_by_id[name].started for name in done} == done, "what had a result was not put again"
    assert [n.name for n in History(tmp_path / "h.sqlite").nights("embedded", "")] == [run.id]


def test_sigterm_ends_a_night_with_143_and_its_page(tmp_path):
    words = ["nightly", "embedded", "--suite=standalone-public", "--no-allure", "--out=night"]
    process = subprocess.Popen(
        [sys.executable, "-m", "smartlaunch.cli", *words],
        env=child_environment(),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    results = tmp_path / "night" / "embedded" / "scenarios.jsonl"
    until = time.monotonic() + 120
    while time.monotonic() < until and not results.is_file():
        time.sleep(0.1)
    process.terminate()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 143, out
    assert b"the same command goes on" in out
    assert b"Traceback" not in out
    assert "not done" in (tmp_path / "night" / "index.html").read_text()


def test_two_nights_at_once_do_not_meet_at_one_server():
    name = f"test-{os.getpid()}.example:443"
    with alone_at(name, lambda: False) as first, alone_at(name, lambda: True) as second, alone_at("", lambda: True) as nobody:
        assert (first, second, nobody) == (True, False, True)
    with alone_at(name, lambda: True) as again:
        assert again
