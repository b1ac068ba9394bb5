"""Starts pytest as a child with the bundled configuration, and ends it cleanly.

The child must see nothing of the folder the user stands in: no ``pytest.ini``, no ``conftest.py``, no plugins that happen to be
installed, no module that shadows one of ours.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO

from smartlaunch._suite import suite_root
from smartlaunch.interruption import SIGNALS
from smartlaunch.plugin.ending import LIFELINE

BROKE = "smartlaunch: pytest ended with"
"""How the line begins that tells of a pytest which broke off by itself."""
PLUGINS = ("pytest_bdd.plugin", "allure_pytest.plugin")
_CLEAN_UP_S = 3.5
"""How long the child may take to close what it has opened; the reports are then written from what is on disk."""
_DROPPED = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER", "SMARTLAUNCH_TARGET", "SMARTLAUNCH_RUN_DIR")


class Ended(Exception):
    """The run was ended by a signal; what the child had recorded is on disk."""

    def __init__(self, number: int = signal.SIGINT, *, at_once: bool = False) -> None:
        """Keep which signal it was, and whether it came twice."""
        self.number, self.at_once = number, at_once
        super().__init__(signal.Signals(number).name)


def pytest_command(arguments: Sequence[str], *, paths: Sequence[Path]) -> list[str]:
    """Return the command line of the child."""
    root = suite_root()
    fixed = ["-c", str(Path(__file__).with_name("pytest.ini")), f"--rootdir={root}", f"--confcutdir={root}", "-p", "no:cacheprovider"]
    fixed.append("--assert=plain")  # no check is a bare assert; rewriting a hundred modules takes longer than a login
    plugins = [part for name in PLUGINS for part in ("-p", name)]
    return [sys.executable, "-P", "-m", "pytest", *fixed, *plugins, *arguments, *map(str, paths)]


def child_environment(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the child's environment: nothing that changes pytest, and this package importable also when it is not installed."""
    values = {key: value for key, value in (os.environ if env is None else env).items() if key not in _DROPPED}
    values["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    package_parent = Path(__file__).resolve().parent.parent.parent
    if package_parent == suite_root():  # a checkout; in site-packages this would put every package before the standard library
        values["PYTHONPATH"] = os.pathsep.join(filter(None, (str(package_parent), values.get("PYTHONPATH", ""))))
    return values


def run_pytest(command: Sequence[str], *, env: Mapping[str, str], output: IO[bytes] | None, lines: Sequence[int] = ()) -> int:
    """Run the child to its end and return its exit code; its standard output goes to ``output`` or, with None, to ours.

    ``lines`` are open files that the child inherits.

    The child is in a group of its own, so that Ctrl-C reaches it once, through us, and it can close the browser and write its
    reports; a second Ctrl-C, or no end within the limit, kills it.
    """
    line, ours = os.pipe()  # closes when we are gone, however that came about
    try:
        process = subprocess.Popen(  # noqa: S603 - our own pytest
            list(command),
            env={**env, LIFELINE: str(line)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            process_group=0,
            pass_fds=(line, *lines),
        )
        os.close(line)
        with passing_on([process]) as came:
            code = process.wait()
    finally:
        os.close(ours)
    if came:
        raise Ended(came[0], at_once=len(came) > 1)
    return code


@contextmanager
def passing_on(processes: Sequence[subprocess.Popen[bytes]], *, within_s: float = _CLEAN_UP_S) -> Iterator[list[int]]:
    """Pass each signal that asks for an end on to the children, once politely and then by force; gives the signals that came.

    The sequence may grow meanwhile. What does not end within the limit is killed, and so is what still runs when the block is left.
    """
    came: list[int] = []

    def kill() -> None:
        for process in processes:
            _signal_group(process, signal.SIGKILL)

    timer = threading.Timer(within_s, kill)
    timer.daemon = True

    def handle(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        if len(came) > 1:
            kill()
            return
        timer.start()
        for process in processes:
            process.send_signal(signal.SIGINT)

    main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, handle) for number in SIGNALS if not _is_ignored(number)} if main else {}
    try:
        yield came
    finally:
        timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)
        kill()


def _is_ignored(number: int) -> bool:
    """Whether whoever started us wants no end by it: ``nohup`` ignores a hang-up, a shell Ctrl-C for what runs in its background."""
    return number != signal.SIGTERM and signal.getsignal(number) is signal.SIG_IGN


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    """Reach what still runs; a process that has been waited for is nobody's any more."""
    if process.poll() is not None:
        return
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
