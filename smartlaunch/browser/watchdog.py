"""Ends a tab whose own script lets nobody in.

Playwright's calls into a page have no limit: a page with an endless loop would hold the whole run. A thread watches a deadline that
each step of a walk moves on; when it passes, the processes that draw pages are ended, and if that does not help, the browser. The
waiting call then fails like any other, and cookies, which live in the browser process, survive the first remedy.
"""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from typing import Any

GRACE_S = 4.0
LAST_RESORT_S = 15.0


class Watchdog:
    """A deadline with a thread behind it."""

    def __init__(self, browser: Any) -> None:
        self._cdp = browser.new_browser_cdp_session()
        self._condition = threading.Condition()
        self._deadline: float | None = None
        self._renderers: list[int] = []
        self._browser = 0
        self._stopped = False
        self._fed = True
        self._wakes_at = math.inf
        """When the thread looks again by itself; it is woken only for an earlier deadline, since most beats put it off."""
        self.bites = 0
        self.learn()
        self._thread = threading.Thread(target=self._watch, name="smartlaunch-browser-watchdog", daemon=True)
        self._thread.start()

    def learn(self) -> None:
        """Ask which processes draw pages now; called from the thread that drives the browser."""
        processes = self._cdp.send("SystemInfo.getProcessInfo")["processInfo"]
        self._renderers = [int(p["id"]) for p in processes if p["type"] == "renderer"]
        self._browser = next((int(p["id"]) for p in processes if p["type"] == "browser"), 0)

    def beat(self, seconds: float) -> None:
        """Give the driving thread this long until it beats again."""
        with self._condition:
            self._fed = True
            self._deadline = time.monotonic() + seconds
            if self._deadline < self._wakes_at:
                self._condition.notify()

    def end_pages(self) -> None:
        """End the processes that draw pages, now."""
        with self._condition:
            for pid in self._renderers:
                _end(pid)

    def rest(self) -> None:
        """Stop watching until the next beat."""
        with self._condition:
            self._fed = True
            self._deadline = None

    def stop(self) -> None:
        """End the thread."""
        with self._condition:
            self._stopped = True
            self._condition.notify()
        self._thread.join(timeout=2)

    def _watch(self) -> None:
        bitten = False
        with self._condition:
            while not self._stopped:
                left = None if self._deadline is None else self._deadline - time.monotonic()
                if left is None or left > 0:
                    bitten = bitten and not self._fed
                    self._wakes_at = math.inf if self._deadline is None else self._deadline
                    self._condition.wait(left)
                    continue
                victims = [self._browser] if bitten else self._renderers
                self.bites += 1
                for pid in victims:
                    _end(pid)
                self._deadline = None if bitten else time.monotonic() + LAST_RESORT_S
                self._fed = False
                bitten = not bitten


def _end(pid: int) -> None:
    try:
        if pid > 0:
            os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    except OSError:
        return  # it ended by itself
