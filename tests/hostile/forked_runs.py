"""Runs many short runs from one process that has everything imported: a run then costs its exchanges, not its start.

Reads one JSON list of jobs from standard input, forks a child for each (at most ``jobs`` at once), and prints one line of JSON as each
ends. A job is ``{"name", "place", "fault", "spared", "scenarios", "folder", "limit_s", "defects", "crash", "allure", "signal"}``; what is
left out is off. The secrets that went over the wire are written to ``<folder>.secrets.json``, which is no part of the run.
"""

from __future__ import annotations

import builtins
import io
import json
import os
import signal
import sys
import time
import traceback
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT), str(HERE)]


def run_one(job: dict[str, Any]) -> int:
    """Start the hostile server in this process and put the job's scenarios to it; the exit code of ``smartlaunch run``."""
    import pytest
    from hostile_server import hostile

    from smartlaunch.embedded_ehr.options import SandboxOptions
    from smartlaunch.records.exits import exit_code
    from smartlaunch.records.store import load_run

    if job.get("crash"):
        crash()
    folder = Path(job["folder"])
    if job.get("signal"):
        send_a_signal(folder, **job["signal"])
    suites = {identifier.split("/")[0].replace("-", "_") for identifier in job["scenarios"]}
    with hostile(SandboxOptions(defects=tuple(job.get("defects", ())))) as front:
        target = front.write_target(folder.parent, name=folder.name, request_s=job.get("request_s", 2), login_s=job.get("login_s", 8))
        front.misbehave(job.get("place", ""), job.get("fault", ""), job.get("spared", 0))
        allure = ["-p", "allure_pytest.plugin", f"--alluredir={folder / 'allure-results'}"] if job.get("allure") else []
        pytest.main(
            [
                *("-c", str(ROOT / "smartlaunch" / "cli" / "pytest.ini"), f"--rootdir={ROOT}", f"--confcutdir={ROOT}"),
                *("-p", "pytest_bdd.plugin", "-p", "no:cacheprovider", "--quiet-progress", "--assert=plain", "-q", "-W", "error", *allure),
                f"--junitxml={folder / 'junit.xml'}",
                *(f"--scenario={identifier}" for identifier in job["scenarios"]),
                *(f"--target={target}", f"--run-dir={folder}"),
                *(str(ROOT / "suites" / f"test_{suite}.py") for suite in sorted(suites)),
            ]
        )
        Path(f"{folder}.secrets.json").write_text(json.dumps({name: sorted(values) for name, values in front.secrets.items()}))
    return exit_code(load_run(folder))


def crash() -> None:
    """Let our own code break in the middle of a scenario, with secrets in its message."""
    from smartlaunch.client.fhir import Fhir

    def broken(self: Fhir, path: str, token: str | None = None, **_: object) -> None:
        raise RuntimeError(f"broken while reading {path} with Authorization: Bearer {token}, {token!r}, {(token or '').encode()!r}")

    Fhir.read = broken  # type: ignore[method-assign,assignment]


def send_a_signal(folder: Path, *, number: int, file: str) -> None:
    """Signal this process while a file of that name is being opened for writing."""
    really = io.open

    def opening(name: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        opened = really(name, mode, *arguments, **named)
        if set(mode) & set("wax") and Path(str(name)).is_relative_to(folder) and fnmatch(Path(str(name)).name.removesuffix(".tmp"), file):
            os.kill(os.getpid(), number)  # here nobody else holds the file yet
        return opened

    io.open = builtins.open = opening


def fork(job: dict[str, Any]) -> int:
    """Run a job in a child of its own group, with its output in ``<folder>.txt``."""
    pid = os.fork()
    if pid:
        return pid
    status = 70
    try:
        os.setsid()
        log = os.open(f"{job['folder']}.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for number, descriptor in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
            os.dup2(descriptor, number)
        status = run_one(job)
    except BaseException:  # noqa: BLE001 - the child must never return into the parent's loop; what broke it stands in its log
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main() -> None:
    """Work off the jobs."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    import pytest_bdd  # noqa: F401 - imported once for all children

    import smartlaunch.plugin.hooks  # noqa: F401 - as above
    from smartlaunch.plugin.binding import every_plan

    every_plan()
    waiting = json.loads(sys.stdin.readline())
    most = min(len(os.sched_getaffinity(0)), 4)
    running: dict[int, tuple[dict[str, Any], float]] = {}
    while waiting or running:
        while waiting and len(running) < most:
            job = waiting.pop(0)
            running[fork(job)] = (job, time.monotonic())
        time.sleep(0.05)
        for pid, (job, start) in list(running.items()):
            done, status = os.waitpid(pid, os.WNOHANG)
            late = time.monotonic() - start > job["limit_s"]
            if not done and late:
                os.killpg(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            if done or late:
                del running[pid]
                code = os.waitstatus_to_exitcode(status) if done else None
                print(json.dumps({"name": job["name"], "code": code, "took_s": round(time.monotonic() - start, 1)}), flush=True)


if __name__ == "__main__":
    main()
