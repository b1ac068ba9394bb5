"""The process of one attempt: ``smartlaunch run`` that ends when the night that started it is gone.

Standard input is a pipe from the night: when it closes, the run is asked to end, writes its report, and is ended by force after that.
The lock of the target is held meanwhile, so that a night which goes on waits until nobody writes to its folders any more.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

from smartlaunch.nights.state import take_lock

_GRACE_S = 40.0
_LOCK_S = 90.0


def watch() -> None:
    """End with the night."""
    while os.read(0, 4096):  # not through sys.stdin, whose lock would keep the interpreter from ending
        pass
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(_GRACE_S)
    os._exit(130)


def hold(path: Path) -> int:
    """Take the lock of the target and keep it to the end of the process; the number is that of the open file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    until = time.monotonic() + _LOCK_S
    while not take_lock(number):
        if time.monotonic() > until:
            sys.stderr.write("smartlaunch: an earlier attempt at this target still runs\n")
            raise SystemExit(4)
        time.sleep(0.2)
    return number


if __name__ == "__main__":
    import runpy

    signal.signal(signal.SIGINT, signal.default_int_handler)
    hold(Path(sys.argv[1]))
    threading.Thread(target=watch, daemon=True).start()
    sys.argv = ["smartlaunch", *sys.argv[2:]]
    runpy.run_module("smartlaunch.cli", run_name="__main__")
