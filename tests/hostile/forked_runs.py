"""Runs against a hostile server, each in a forked child of this process (``tests/forking.py``).

Reads one JSON list of jobs from standard input, forks a child for each, and prints one line of JSON as each ends. A job is ``{"name",
"place", "fault", "spared", "scenarios", "folder", "limit_s", "defects", "crash", "allure", "meddle", "late"}``; what is left out is off. The
secrets that went over the wire are written to ``<folder>.secrets.json``, which is no part of the run.
"""

from __future__ import annotations

import builtins
import gc
import io
import json
import os
import re
import signal
import sys
import tempfile
import threading
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

RESULTS = "allure"
"""Where the results of Allure are: not where a run keeps its own, which go when the page is there."""
HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT), str(HERE)]

from smartlaunch import interruption  # noqa: E402 - found by the path above
from tests import forking  # noqa: E402


def run_one(job: dict[str, Any]) -> int:
    """Start the hostile server in this process and put the job's scenarios to it; the exit code of ``smartlaunch run``."""
    import pytest
    from hostile_server import hostile

    from smartlaunch.embedded_ehr.options import SandboxOptions
    from smartlaunch.errors import UsageError
    from smartlaunch.records.exits import exit_code
    from smartlaunch.records.store import load_run

    if job.get("crash"):
        crash()
    if job.get("late"):
        learn_late(job["late"])
    folder = Path(job["folder"])
    if job.get("meddle"):
        os.environ["SMARTLAUNCH_ALLURE"] = "off"  # nobody looks at the page
        meddle(folder, **job["meddle"])
    suites = {identifier.split("/")[0].replace("-", "_") for identifier in job["scenarios"]}
    with hostile(SandboxOptions(defects=tuple(job.get("defects", ())))) as front:
        target = front.write_target(folder.parent, name=folder.name, request_s=job.get("request_s", 2), login_s=job.get("login_s", 8))
        front.misbehave(job.get("place", ""), job.get("fault", ""), job.get("spared", 0))
        allure = ["-p", "allure_pytest.plugin", f"--alluredir={folder / RESULTS}"] if job.get("allure") else []
        code = pytest.main(
            [
                *("-c", str(ROOT / "smartlaunch" / "cli" / "pytest.ini"), f"--rootdir={ROOT}", f"--confcutdir={ROOT}"),
                *(*forking.PYTEST, "-W", "error", *allure),
                f"--junitxml={folder / 'junit.xml'}",
                *(f"--scenario={identifier}" for identifier in job["scenarios"]),
                *(f"--target={target}", f"--run-dir={folder}"),
                *(str(ROOT / "suites" / f"test_{suite}.py") for suite in sorted(suites)),
            ]
        )
        Path(f"{folder}.secrets.json").write_text(json.dumps({name: sorted(values) for name, values in front.secrets.items()}))
    try:
        return exit_code(load_run(folder))
    except UsageError:
        return int(code)


def crash() -> None:
    """Let our own code break in the middle of a scenario, with secrets in its message."""
    from smartlaunch.client.fhir import Fhir

    def broken(self: Fhir, path: str, token: str | None = None, **_: object) -> None:
        raise RuntimeError(f"broken while reading {path} with Authorization: Bearer {token}, {token!r}, {(token or '').encode()!r}")

    Fhir.read = broken  # type: ignore[method-assign,assignment]


def learn_late(value: str) -> None:
    """Let the run learn only when its last scenario has ended that a value is a secret."""
    from smartlaunch.plugin.session import RunSession

    close = RunSession.close

    def closed(self: RunSession, *, quickly: bool = False) -> None:
        self.redactor.learn("access_token", value)
        close(self, quickly=quickly)

    RunSession.close = closed  # type: ignore[method-assign]


def meddle(folder: Path, *, signal_at: str = "", number: int = 0, full_at: str = "") -> None:
    """Signal this process while a file of that name is being opened for writing; let there be no room for files of that name."""
    really = io.open

    def opening(name: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        written = set(mode) & set("wax+") and not isinstance(name, int) and Path(os.fsdecode(name)).is_relative_to(folder)
        final = re.sub(r"^\.(.*)\.\w+$|\.tmp$", r"\1", Path(os.fsdecode(name)).name) if written else ""
        if written and full_at and fnmatch(final, full_at):
            return really("/dev/full", mode, *arguments, **named)
        opened = really(name, mode, *arguments, **named)
        if written and signal_at and fnmatch(final, signal_at):
            os.kill(os.getpid(), number)  # here nobody else holds the file yet
        return opened

    io.open = builtins.open = opening


def put_one_run() -> None:
    """Put one run here, before any child is made: what it imports, reads and compiles all children have. It fails, so it is diagnosed too."""
    import allure_pytest.plugin  # noqa: F401 - a run without Allure does not

    ours = [os.dup(number) for number in (1, 2)]
    job = {"place": "discovery", "fault": "html", "scenarios": ["standalone-public/smart-configuration-found"]}
    with tempfile.TemporaryDirectory() as scratch, Path(os.devnull).open("wb") as nowhere:
        for number in (1, 2):
            os.dup2(nowhere.fileno(), number)
        run_one({**job, "folder": f"{scratch}/run"})
        sys.stdout.flush()
        sys.stderr.flush()
    for number, kept in enumerate(ours, 1):
        os.dup2(kept, number)
        os.close(kept)
    for number in interruption.SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    assert threading.active_count() == 1, threading.enumerate()  # the others would not be in the children
    gc.collect()
    gc.freeze()


def main() -> None:
    """Work off the jobs."""
    listed = json.loads(sys.stdin.readline())
    forking.warm_up()
    if len(listed) > 1:
        put_one_run()
    jobs = [
        forking.Job(job["name"], lambda job=job: forking.fork(lambda: run_one(job), Path(f"{job['folder']}.txt")), job["limit_s"])
        for job in listed
    ]
    for job, ended, took in forking.work_off(jobs, min(len(os.sched_getaffinity(0)), 4)):
        print(json.dumps({"name": job.name, "code": ended.code, "took_s": round(took, 1)}), flush=True)


if __name__ == "__main__":
    main()
