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

_PLUGINS = ("pytest_bdd.plugin", "allure_pytest.plugin")
_CLEAN_UP_S = 30
_DROPPED = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER", "SMARTLAUNCH_TARGET", "SMARTLAUNCH_RUN_DIR")


class Ended(Exception):
    """The run was ended by a signal; the child has written what it had."""


def pytest_command(arguments: Sequence[str], *, paths: Sequence[Path]) -> list[str]:
    """Return the command line of the child."""
    root = suite_root()
    fixed = ["-c", str(Path(__file__).with_name("pytest.ini")), f"--rootdir={root}", f"--confcutdir={root}", "-p", "no:cacheprovider"]
    fixed.append("--assert=plain")  # no check is a bare assert; rewriting a hundred modules takes longer than a login
    plugins = [part for name in _PLUGINS for part in ("-p", name)]
    return [sys.executable, "-P", "-m", "pytest", *fixed, *plugins, *arguments, *map(str, paths)]


def child_environment(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the child's environment: nothing that changes pytest, and this package importable also when it is not installed."""
    values = {key: value for key, value in (os.environ if env is None else env).items() if key not in _DROPPED}
    values["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    package_parent = Path(__file__).resolve().parent.parent.parent
    if package_parent == suite_root():  # a checkout; in site-packages this would put every package before the standard library
        values["PYTHONPATH"] = os.pathsep.join(filter(None, (str(package_parent), values.get("PYTHONPATH", ""))))
    return values


def run_pytest(command: Sequence[str], *, env: Mapping[str, str], output: IO[bytes] | None) -> int:
    """Run the child to its end and return its exit code; its standard output goes to ``output`` or, with None, to ours.

    The child is in a group of its own, so that Ctrl-C reaches it once, through us, and it can close the browser and write its
    reports; a second Ctrl-C, or no end within the limit, kills it.
    """
    process = subprocess.Popen(list(command), env=dict(env), stdin=subprocess.DEVNULL, stdout=output, process_group=0)  # noqa: S603 - our own pytest
    with _ending(process) as ended:
        code = process.wait()
    if ended.is_set():
        raise Ended
    return code


@contextmanager
def _ending(process: subprocess.Popen[bytes]) -> Iterator[threading.Event]:
    """Pass Ctrl-C and a request to end on to the child, once politely and then by force."""
    ended = threading.Event()
    timer = threading.Timer(_CLEAN_UP_S, lambda: _signal_group(process, signal.SIGKILL))
    timer.daemon = True

    def handle(_number: int, _frame: FrameType | None) -> None:
        if ended.is_set():
            _signal_group(process, signal.SIGKILL)
            return
        ended.set()
        timer.start()
        process.send_signal(signal.SIGINT)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, handle) for number in numbers} if threading.current_thread() is threading.main_thread() else {}
    try:
        yield ended
    finally:
        timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)
        if process.poll() is None:
            _signal_group(process, signal.SIGKILL)


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
