"""Many short runs from one process that has everything imported: a run then costs its exchanges, not its start.

A process warms up once and forks a child for each run. ``one_run`` is pytest with some scenarios, ``fork`` whatever else a run needs;
``wait_for`` gives the first that ends, ``work_off`` hands out a whole list of them.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTEST = ("-q", "-p", "pytest_bdd.plugin", "-p", "no:cacheprovider", "--quiet-progress", "--assert=plain")
"""What every run in a child is started with."""


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


def wait_for(deadlines: Mapping[int, float]) -> Ended:
    """The first child to end; one that goes over its time is killed with everything it started."""
    late: set[int] = set()
    while True:
        pid, status, usage = os.wait4(-1, os.WNOHANG)
        if pid in deadlines:
            return Ended(pid, None if pid in late else os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime)
        for child in [child for child, deadline in deadlines.items() if time.monotonic() > deadline and child not in late]:
            late.add(child)
            os.killpg(child, signal.SIGKILL)
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
