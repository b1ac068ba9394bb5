"""How a run ends before its last scenario: by a signal, or because whoever started it is gone.

Every way to end is one way: the main thread is interrupted once, where that cuts nothing in the middle, and the run is closed as always.
What then does not come to an end is ended by force, with all that it has started, and nothing stays in the folder for temporary files.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from pathlib import Path
from typing import Final

from smartlaunch import interruption

LIFELINE: Final = "SMARTLAUNCH_LIFELINE"
"""The environment variable with the number of a pipe that closes when ``smartlaunch run`` is gone."""
SCRATCH: Final = "smartlaunch-run-"
"""How the folder for temporary files of a run begins."""
LAST_S: Final = 8.0


def listen() -> None:
    """Let each signal that asks for an end interrupt this thread once, also where the parent had it ignored."""
    if threading.current_thread() is not threading.main_thread():
        return
    interruption.listen()
    line = os.environ.pop(LIFELINE, "")
    if line:
        os.set_inheritable(int(line), False)
        threading.Thread(target=_watch, args=(int(line),), name="smartlaunch-lifeline", daemon=True).start()


def _watch(line: int) -> None:
    """Wait until the parent is gone, then end as by a signal; what hangs on is ended by force."""
    try:
        os.read(line, 1)
    except OSError:
        return
    parent = os.getpid()
    os.kill(parent, signal.SIGTERM)
    scratch = Path(os.environ.get("TMPDIR", ""))
    if scratch.name.startswith(SCRATCH) and os.fork() == 0:  # one that outlives us, and takes what we leave
        os.setsid()
        _last_of(parent, scratch)
    time.sleep(LAST_S)
    os.killpg(os.getpgid(0), signal.SIGKILL)


def _last_of(parent: int, scratch: Path) -> None:
    for _ in range(int(LAST_S * 10) + 20):
        time.sleep(0.1)
        if os.getppid() != parent:
            break
    remove(scratch)
    os._exit(0)


def remove(scratch: Path) -> None:
    """Remove a folder that a browser may still be writing to for a moment."""
    for _ in range(20):
        shutil.rmtree(scratch, ignore_errors=True)
        if not scratch.exists():
            return
        time.sleep(0.1)
