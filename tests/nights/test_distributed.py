"""Targets handed to a real scheduler with two real workers, one of them killed: nothing lost, nothing doubled."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from test_nightly import Sandbox

from smartlaunch.cli.child import child_environment
from smartlaunch.errors import SmartLaunchError, UsageError
from smartlaunch.nights.distributed import OnWorkers, pack, unpack
from smartlaunch.records.history import History
from smartlaunch.records.store import load_run


def free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return place.getsockname()[1]


def start(tmp_path: Path, *words: str) -> subprocess.Popen:
    log = (tmp_path / f"{words[0]}-{len(list(tmp_path.glob('*.log')))}.log").open("wb")
    with log:
        return subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:], "--no-dashboard"],
            env=child_environment(),
            cwd=tmp_path,
            stdout=log,
            stderr=log,
        )


@pytest.fixture
def cluster(tmp_path):
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    processes = [start(tmp_path, "scheduler", "--host", "127.0.0.1", "--port", str(port))]
    own = ("--nthreads", "1", "--no-nanny", "--resources", "browser=1", "--local-directory", str(tmp_path / "dask"))
    processes += [start(tmp_path, "worker", address, "--name", name, *own) for name in ("one", "two")]
    yield address, processes[1:]
    for process in reversed(processes):
        process.kill()
        process.wait()


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task")
    return [int(child) for path in found.glob("*/children") for child in path.read_text().split()] if found.is_dir() else []


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="which worker runs something is read from /proc")
def test_a_worker_that_is_killed_costs_nothing_and_doubles_nothing(cluster, tmp_path):
    address, workers = cluster
    sandboxes = [Sandbox(tmp_path, name).start() for name in ("ehr-one", "ehr-two", "ehr-three")]
    try:
        words = ["nightly", *(str(s.file) for s in sandboxes), "--scheduler", address, "--scenario=standalone-public/state-returned"]
        night = subprocess.Popen(
            [sys.executable, "-m", "smartlaunch.cli", *words, "--no-allure", "--out=night", "--history=h.sqlite"],
            env=child_environment(),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        until = time.monotonic() + 240
        while time.monotonic() < until and not all(children(worker.pid) for worker in workers) and night.poll() is None:
            time.sleep(0.1)
        assert night.poll() is None, night.stdout.read()
        os.kill(workers[0].pid, signal.SIGKILL)
        out, _ = night.communicate(timeout=600)
    finally:
        for each in sandboxes:
            each.stop()
    assert night.returncode == 0, out.decode()
    state = json.loads((tmp_path / "night" / "night.json").read_text())
    assert [(t["state"], t["code"], t["attempts"]) for t in state["targets"]] == [("done", 0, 1)] * 3
    history = History(tmp_path / "h.sqlite")
    assert len(history.targets()) == 3
    for name, base in history.targets():
        assert len(history.nights(name, base)) == 1
        run = load_run(tmp_path / "night" / name)
        assert [s.outcome for s in run.scenarios] == ["passed"]
        assert (tmp_path / "night" / name / "index.html").is_file()


def test_an_address_without_a_scheduler_is_a_mistake(monkeypatch):
    monkeypatch.setattr("smartlaunch.nights.distributed._CONNECT_S", 1)
    with pytest.raises(UsageError, match="no scheduler answers"):
        OnWorkers(f"tcp://127.0.0.1:{free_port()}")


def test_a_folder_comes_back_as_it_was_and_never_outside(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c.txt").write_text("x")
    unpack(pack(tmp_path / "a"), tmp_path / "z")
    assert (tmp_path / "z" / "b" / "c.txt").read_text() == "x"
    evil = io.BytesIO()
    with zipfile.ZipFile(evil, "w") as out:
        out.writestr("../evil.txt", "x")
    with pytest.raises(SmartLaunchError, match="outside"):
        unpack(evil.getvalue(), tmp_path / "z")
    assert not (tmp_path / "evil.txt").exists()
    assert (tmp_path / "z" / "b" / "c.txt").is_file()
