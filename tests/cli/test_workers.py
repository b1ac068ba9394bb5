"""Several workers: who takes what, one report, and what becomes of a worker that dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from smartlaunch.cli import workers
from smartlaunch.cli.child import BROKE
from smartlaunch.cli.workers import Unit, Worker, divide, number_of, requests_of
from smartlaunch.errors import UsageError
from smartlaunch.plugin.options import Options
from smartlaunch.plugin.selection import Selection
from smartlaunch.records.record import ScenarioResult
from smartlaunch.records.store import append_scenario, assemble, load_run, write_header, write_run
from smartlaunch.target import load_target

HEAD = {
    "schema": 1,
    "id": "x",
    "start": "2026-01-01T00:00:00+00:00",
    "end": "2026-01-01T00:00:09+00:00",
    "target": {"name": "t"},
}
FEW = ("authorization-code-issued", "aud-right", "token-response-status", "token-response-json-body", "access-granted-works")


@pytest.fixture(scope="module")
def everything() -> Selection:
    return Selection.of(Options())


@pytest.mark.parametrize("workers", [2, 4, 16])
def test_every_scenario_goes_to_one_worker(everything: Selection, workers: int) -> None:
    parts, afterwards = divide(everything, workers, one_jwk_set=False)
    dealt = [name for part in (*parts, afterwards) for name in part]
    assert sorted(dealt) == sorted(name for plan in everything.plans() for name in everything.scenarios_of(plan))
    assert len(dealt) == len(set(dealt))
    assert len(parts) == workers
    flags = {name: plan.flags for plan in everything.plans() for name in everything.scenarios_of(plan)}
    assert all(flags[name] & {"last", "lockout"} for name in afterwards)
    assert not any(flags[name] & {"last", "lockout"} for part in parts for name in part)


def test_the_parts_are_of_about_one_weight_and_few_suites_are_in_two(everything: Selection) -> None:
    parts, _ = divide(everything, 4, one_jwk_set=False)
    costs = {name: requests_of(plan) for plan in everything.plans() for name in everything.scenarios_of(plan)}
    sums = [sum(costs[name] for name in part) for part in parts]
    assert max(sums) < 1.3 * min(sums)
    logins = [{(name.split("/")[0], name.partition("@")[2].partition("[")[0]) for name in part} for part in parts]
    assert sum(map(len, logins)) <= len(set().union(*logins)) + 4 * 4, "a login is made anew where a worker takes up a suite or situation"


def test_who_serves_keys_at_one_address_stays_together(everything: Selection) -> None:
    parts, _ = divide(everything, 4, one_jwk_set=True)
    serving = [n for n, part in enumerate(parts) if any("asymmetric/" in name or name.startswith("backend") for name in part)]
    assert len(serving) == 1


def test_a_number_that_is_none_is_named() -> None:
    target = load_target("embedded")
    assert number_of(None, target) == 1
    assert number_of("3", target) == 3
    for wrong in ("0", "17", "two", "-1"):
        with pytest.raises(UsageError, match="from 1 to 16"):
            number_of(wrong, target)
    assert Unit(("a",)).ids == []


def _few(tmp_path: Path) -> list[str]:
    """The ids of some scenarios of two suites, which are also written to a file."""
    wanted = {f"{suite}/{name}" for suite in ("standalone-public", "standalone-confidential-symmetric") for name in FEW}
    ids = [plan.id for plan in Selection.of(Options()).plans() if plan.id in wanted]
    (tmp_path / "some.ids").write_text("# a shard\n" + "\n".join(ids) + "\n")
    assert len({name.split("/")[0] for name in ids}) == 2
    return ids


def test_two_workers_make_one_run(cli, tmp_path: Path) -> None:
    asked = _few(tmp_path)
    said = cli("run", "--ids=some.ids", "--workers", "2", "--no-allure", "--out", "whole")
    assert said.code == 0, said.out + said.err
    run = load_run(tmp_path / "whole")
    assert sorted(s.id for s in run.scenarios) == sorted(asked)
    assert not run.missing
    assert len({x.id for x in run.exchanges}) == len(run.exchanges)
    assert len(run.header["merged"]) == 2
    assert not (tmp_path / "whole" / "workers").exists()
    assert (tmp_path / "whole" / "index.html").is_file()
    serial = cli("run", "--ids=some.ids", "--no-allure", "--out", "serial")
    assert serial.code == 0
    alone = load_run(tmp_path / "serial")
    assert {s.id: s.outcome for s in alone.scenarios} == {s.id: s.outcome for s in run.scenarios}
    looks, look = ([x for x in each.exchanges if (x.actor, x.endpoint) == ("app", "authorize")] for each in (run, alone))
    assert len(looks) == len(look) > 0, "one look at the clients for all workers"
    assert [line for line in run.preflight if "probes" in line] == [line for line in alone.preflight if "probes" in line]


def test_the_joined_run_stands_in_the_order_of_one_run(cli, tmp_path: Path) -> None:
    asked = _few(tmp_path)
    place = tmp_path / "some.ids"
    place.write_text("\n".join(reversed(asked)) + "\n")
    assert cli("run", "--ids=some.ids", "--workers", "2", "--no-allure", "--out", "whole").code == 0
    assert [s.id for s in load_run(tmp_path / "whole").scenarios] == asked


def test_a_target_that_is_away_is_told_as_one_run_tells_it(cli, tmp_path: Path) -> None:
    text = (
        'schema = 1\n[target]\nname = "away"\nfhir_base_url = "http://127.0.0.1:9/fhir"\n'
        '[clients.app]\nrole = "public"\nclient_id = "a"\nscopes = "openid launch/patient patient/*.rs"\nredirect_uri = "https://app.example/r"\n'
    )
    (tmp_path / "away.toml").write_text(text)
    several, one = (cli("run", "--target=away.toml", "--quick", "--no-allure", "--out", f"w{n}", f"--workers={n}") for n in (2, 1))
    assert several.code == one.code == 3
    assert several.out.splitlines()[0] == one.out.splitlines()[0]
    assert "was ended before it was done" not in several.out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_all_workers_with_a_report(tmp_path: Path, number: int, code: int) -> None:
    command = [sys.executable, "-m", "smartlaunch.cli", "run", "--workers=2", "--suite=standalone-public", "--no-allure", "--out=whole"]
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": root}, stderr=subprocess.PIPE, text=True)
    streams = [tmp_path / "whole" / "workers" / str(n) / "scenarios.jsonl" for n in (1, 2)]
    deadline = time.monotonic() + 120
    while not all(stream.exists() and stream.read_bytes().count(b"\n") > 2 for stream in streams):
        assert time.monotonic() < deadline, "no worker has put anything within two minutes"
        time.sleep(0.1)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in err
    run = load_run(tmp_path / "whole")
    assert run.scenarios
    assert run.missing
    assert (tmp_path / "whole" / "index.html").is_file()
    assert not (tmp_path / "whole" / "workers").exists()


def test_workers_end_with_whoever_started_them(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "smartlaunch.cli", "run", "--workers=2", "--suite=standalone-public", "--no-allure", "--out=whole"]
    process = subprocess.Popen(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])})
    place = str(tmp_path / "whole").encode()

    def alive() -> int:
        found = 0
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                found += place in line.read_bytes()
        return found

    deadline = time.monotonic() + 60
    while alive() < 4:  # two workers, and what runs in them
        assert time.monotonic() < deadline, "the workers were not there within a minute"
        time.sleep(0.1)
    process.kill()
    process.wait()
    while alive() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert alive() == 0


def test_what_a_dead_worker_left_is_put_again(cli, tmp_path: Path) -> None:
    killed: list[int] = []
    wanted = f"--out={(tmp_path / 'whole' / 'workers' / '2').resolve()}".encode()  # its own, and no other's that runs on this machine

    def kill() -> None:
        deadline = time.monotonic() + 120
        while not killed and time.monotonic() < deadline:
            for place in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    words = place.read_bytes().split(b"\0")
                    if wanted in words:
                        killed.append(int(place.parent.name))
                        os.kill(killed[0], signal.SIGKILL)
                        return
            time.sleep(0.05)

    watcher = threading.Thread(target=kill, daemon=True)
    watcher.start()
    asked = _few(tmp_path)
    said = cli("run", "--ids=some.ids", "--workers", "2", "--no-allure", "--out", "whole")
    watcher.join(5)
    assert killed
    assert said.code == 0, said.out + said.err
    assert "worker 2 was ended by SIGKILL" in said.err
    run = load_run(tmp_path / "whole")
    assert not run.missing
    assert sorted(s.id for s in run.scenarios) == sorted(asked)


@pytest.mark.parametrize("code", [0, 4])
def test_a_pytest_that_broke_off_in_a_worker_ends_all_with_4_and_is_told(code: int, cli, tmp_path: Path, monkeypatch) -> None:
    asked = _few(tmp_path)
    monkeypatch.setattr(workers, "_LOOK_S", 0.05)

    def start(self: Worker, _asked: Options, _share: int, _look: str) -> subprocess.Popen[bytes]:
        write_header(self.folder, HEAD)
        for name in self.ids:
            append_scenario(self.folder, ScenarioResult(name, "t", "f", "r", name.split("/", maxsplit=1)[0], (), "passed"))
        write_run(assemble(self.folder, HEAD), self.folder)
        said = f"a line\n{BROKE} an internal error; what was recorded\nINTERNALERROR> KeyError: 'x'\n"
        self.folder.with_suffix(".log").write_text(said)
        number = code if self.name == "2" else 0
        self.process = subprocess.Popen([sys.executable, "-S", "-c", f"raise SystemExit({number})"], stdin=subprocess.PIPE)
        return self.process

    monkeypatch.setattr(Worker, "start", start)
    said = cli("run", "--ids=some.ids", "--workers", "2", "--no-allure", "--out", "whole")
    assert said.code == code, said.out + said.err
    assert ("KeyError" in said.err) == (f"{BROKE} an internal error" in said.err) == (code == 4)
    assert sorted(s.id for s in load_run(tmp_path / "whole").scenarios) == sorted(asked)


def test_a_file_of_ids_that_names_nothing_is_an_error(cli, tmp_path: Path) -> None:
    empty = tmp_path / "empty.ids"
    empty.write_text("# nothing\n")
    assert "it names no scenario" in cli("run", f"--ids={empty}", "--list").err
    assert "cannot be read" in cli("run", "--ids=nowhere", "--list").err
