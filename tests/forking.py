"""Many short runs from one process that has everything imported: a run then costs its exchanges, not its start.

A process warms up once and forks a child for each run. ``one_run`` is pytest with some scenarios, ``fork`` whatever else a run needs;
``wait_for`` gives the first that ends, ``work_off`` hands out a whole list of them. A test has its runs made by a ``Warm`` process.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent
PYTEST = ("-q", "-p", "pytest_bdd.plugin", "-p", "no:cacheprovider", "--quiet-progress", "--assert=plain")
"""What every run in a child is started with."""
_PATIENCE_S = 600
"""How long a test waits for one of its runs; longer than a run and those before it may take together."""


@dataclass(frozen=True)
class Ended:
    """A child that ended: its exit code, None where it went over its limit and was killed, and what it cost."""

    pid: int
    code: int | None
    cpu_s: float


@dataclass(frozen=True)
class Job:
    """One run to be made: ``start`` begins it and gives the pid of its child."""

    name: str
    start: Callable[[], int]
    limit_s: float


def warm_up(**environment: str) -> None:
    """Import and parse everything once, before the first fork; ``environment`` is that of every run."""
    os.environ.update({"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environment})
    import httpx  # noqa: F401
    import jsonschema  # noqa: F401
    import jwt  # noqa: F401
    import playwright.sync_api  # noqa: F401
    import pytest
    import pytest_bdd  # noqa: F401
    import uvicorn  # noqa: F401

    import conftest
    import smartlaunch.browser.session
    import smartlaunch.client.preflight
    import smartlaunch.embedded_ehr.target_file
    import smartlaunch.plugin.hooks
    import smartlaunch.plugin.session
    import smartlaunch.reporting.allure_bridge
    import smartlaunch.reporting.html
    import smartlaunch.reporting.junit  # noqa: F401
    from smartlaunch.catalogue import load
    from smartlaunch.embedded_ehr.server import serve
    from smartlaunch.plugin import lint
    from smartlaunch.plugin.binding import every_plan, features
    from smartlaunch.plugin.finish import write_artefacts
    from tests.reporting import sample_run

    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main(["--version", "-p", "pytest_bdd.plugin"])  # imports what pytest itself consists of

    with serve():
        pass  # its keys are made once here, not in every child
    for name in conftest.pytest_plugins:
        importlib.import_module(name)
    features()
    every_plan()
    load()
    lint.problems()
    if os.environ.get("SMARTLAUNCH_REPORTS") != "off":
        with tempfile.TemporaryDirectory() as folder:
            write_artefacts(sample_run.build(Path(folder), clean=True), Path(folder), scrub=str)
    gc.freeze()


def fork(work: Callable[[], int], log: Path) -> int:
    """Do ``work`` in a child of its own group, which says what it says into ``log``; its pid, and what ``work`` gives is its exit code."""
    pid = os.fork()
    if pid:
        return pid
    status = 70
    try:
        os.setsid()
        told = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for number, descriptor in ((0, os.open(os.devnull, os.O_RDONLY)), (1, told), (2, told)):
            os.dup2(descriptor, number)
        status = work()
    except BaseException:  # noqa: BLE001 - the child must never return into the parent's loop; what broke it stands in its log
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def one_run(folder: Path, arguments: Sequence[str], plugins: Callable[[], list[object]] = list) -> int:
    """One pytest run in a forked child, with further plugins that are made there; returns its pid."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)

    def work() -> int:
        import pytest

        os.chdir(ROOT)
        return int(pytest.main([f"--run-dir={folder}", *PYTEST, "--tb=no", *arguments], plugins=plugins()))

    return fork(work, folder / "out.txt")


def ends(deadlines: Mapping[int, float]) -> Iterator[Ended]:
    """The children that have ended by now; one that is over its time is killed with everything it started."""
    late = {child for child, deadline in deadlines.items() if time.monotonic() > deadline}
    for child in deadlines:
        if child in late:
            os.killpg(child, signal.SIGKILL)
        pid, status, usage = os.wait4(child, 0 if child in late else os.WNOHANG)
        if pid:
            yield Ended(pid, None if child in late else os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime)


def wait_for(deadlines: Mapping[int, float]) -> Ended:
    """The first child to end, or to go over its time."""
    while True:
        for ended in ends(deadlines):
            return ended
        time.sleep(0.05)


def work_off(jobs: Sequence[Job], at_once: int) -> Iterator[tuple[Job, Ended, float]]:
    """Make every run, so many at once, and tell of each as it ends, with the seconds it took."""
    waiting = list(jobs)
    running: dict[int, tuple[Job, float]] = {}
    while waiting or running:
        while waiting and len(running) < at_once:
            job = waiting.pop(0)
            running[job.start()] = (job, time.monotonic())
        ended = wait_for({pid: begun + job.limit_s for pid, (job, begun) in running.items()})
        job, begun = running.pop(ended.pid)
        yield job, ended, time.monotonic() - begun


class Warm:
    """A process of its own that has everything imported, and makes the runs that a test asks for, some of them at once."""

    def __init__(self, at_once: int = 2) -> None:
        command = [sys.executable, str(Path(__file__)), str(at_once)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self.number = 0
        self.ended: dict[int, int | None] = {}

    def start(
        self, arguments: Sequence[str], log: Path, *, env: Mapping[str, str] | None = None, cwd: Path = ROOT, limit_s: float = 240
    ) -> int:
        """Have pytest run with these arguments, its words going to ``log`` and the embedded EHR in its process; the number of the run."""
        from smartlaunch.cli.child import child_environment

        assert self.process.stdin is not None
        self.number += 1
        job = {"arguments": list(arguments), "log": str(log), "cwd": str(cwd), "limit_s": limit_s, "number": self.number}
        job["env"] = {**({**child_environment(), "SMARTLAUNCH_ALLURE": "off"} if env is None else env), "SMARTLAUNCH_EMBEDDED": "thread"}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return self.number

    def wait(self, number: int) -> int | None:
        """The exit code of a run; None where it went over its limit."""
        assert self.process.stdout is not None
        hurry = threading.Timer(_PATIENCE_S, self.process.kill)
        hurry.start()
        try:
            while number not in self.ended:
                line = self.process.stdout.readline()
                assert line, f"the warm process is gone, or said nothing of run {number} within {_PATIENCE_S} s"
                told = json.loads(line)
                self.ended[told["number"]] = told["code"]
        finally:
            hurry.cancel()
        return self.ended[number]

    def close(self) -> None:
        """Let it go; a run that is still under way goes with it."""
        self.process.communicate()


@contextlib.contextmanager
def in_forks(warm: Warm) -> Iterator[None]:
    """Let ``smartlaunch run``, called in this process, have its pytest made by the warm one, with the embedded EHR in it as well."""
    from smartlaunch.cli import child

    def run_pytest(command: Sequence[str], *, env: Mapping[str, str], output: IO[bytes] | None, lines: Sequence[int] = ()) -> int:
        assert not lines, "nobody sits at a terminal here"
        with tempfile.NamedTemporaryFile() as log:
            arguments = command[command.index("pytest") + 1 :]
            code = warm.wait(warm.start(arguments, Path(log.name), env=env, cwd=Path.cwd()))
            said = Path(log.name).read_bytes()
        if output is not None:
            output.write(said)
        else:
            sys.stdout.write(said.decode("utf-8", "replace"))
        return -signal.SIGKILL if code is None else code

    before = child.run_pytest
    child.run_pytest = run_pytest
    try:
        yield
    finally:
        child.run_pytest = before


def make_one(job: Mapping[str, Any]) -> int:
    """The run that a job describes, in this process."""
    import pytest

    os.environ.clear()
    os.environ.update(job["env"])
    tempfile.tempdir = None  # as the environment has it
    os.chdir(job["cwd"])
    return int(pytest.main(job["arguments"]))


def serve(at_once: int) -> None:
    """Make the runs that are asked for line by line, until nobody asks any more."""
    warm_up()
    waiting: list[dict[str, Any]] = []
    running: dict[int, tuple[int, float]] = {}
    asked, rest = selectors.DefaultSelector(), b""
    asked.register(sys.stdin, selectors.EVENT_READ)
    while True:
        for _ in asked.select(0.02 if running or waiting else None):  # all that ran may have ended at once
            came = os.read(sys.stdin.fileno(), 1 << 16)
            if not came:
                for pid in running:
                    os.killpg(pid, signal.SIGKILL)
                return
            *lines, rest = (rest + came).split(b"\n")
            waiting += map(json.loads, lines)
        while waiting and len(running) < at_once:
            job = waiting.pop(0)
            running[fork(partial(make_one, job), Path(job["log"]))] = (job["number"], time.monotonic() + job["limit_s"])
        for ended in ends({pid: deadline for pid, (_, deadline) in running.items()}):
            print(json.dumps({"number": running.pop(ended.pid)[0], "code": ended.code}), flush=True)


if __name__ == "__main__":
    sys.path[0] = str(ROOT)
    serve(int(sys.argv[1]))
