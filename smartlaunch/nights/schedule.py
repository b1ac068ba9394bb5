"""The course of a night: so many targets at a time, one at a time for each authorization server, retries for what the network blocked.

A target that is done is in the history and on the night's page at once. Whoever kills the night loses at most what was running, and of
that only the scenario under way: what has a result is kept, and the rest is put when the night goes on.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from smartlaunch.errors import SmartLaunchError, UsageError
from smartlaunch.nights.attempt import Attempt, Ended, blocked_by_network, narrowed
from smartlaunch.nights.servers import alone_at, server_of
from smartlaunch.nights.state import Entry, Night, now
from smartlaunch.records.comparison import Comparison, compare
from smartlaunch.records.exits import INTERRUPTED
from smartlaunch.records.history import History
from smartlaunch.records.record import Run
from smartlaunch.records.store import is_run, load_run
from smartlaunch.target import load_target

PARTS = ".parts"


class Runner(Protocol):
    """Carries out attempts, on this machine or on others."""

    def __call__(self, attempt: Attempt, stopped: threading.Event, log: Path) -> Ended:
        """Run one attempt to its end; its folder is then on this machine."""


@dataclass
class Schedule:
    """What a night needs to go its course; ``join`` makes one run of several and writes its reports into a folder."""

    night: Night
    history: History
    runner: Runner
    join: Callable[[list[Path], Path], None]
    jobs: int = 2
    retries: int = 1
    retry_wait_s: float = 60.0
    limit_s: float = 3 * 3600.0
    on_change: Callable[[], None] = lambda: None
    stopped: threading.Event = field(default_factory=threading.Event)
    _servers: dict[str, str] = field(default_factory=dict)
    _busy: set[str] = field(default_factory=set)
    _due: dict[str, float] = field(default_factory=dict)

    def run(self) -> None:
        """Go on until every target is done or the night is stopped."""
        running: dict[Future[None], Entry] = {}
        with ThreadPoolExecutor(max_workers=self.jobs) as pool:
            while not self.stopped.is_set():
                for entry in self._ready(self.jobs - len(running)):
                    self.night.change(entry, state="running", started=entry.started or now())
                    self._busy.add(self._servers[entry.slug])
                    running[pool.submit(self._one, entry)] = entry
                    self.on_change()
                if not running and all(entry.state == "done" for entry in self.night.entries):
                    break
                done, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED) if running else (set(), set())
                if not running:
                    self.stopped.wait(0.2)
                for future in done:
                    entry = running.pop(future)
                    self._busy.discard(self._servers[entry.slug])
                    self._settle(entry, future)
                    self.on_change()
            for future, entry in running.items():
                wait([future])
                self._settle(entry, future)
        if all(entry.state == "done" for entry in self.night.entries):
            self.night.close()

    def _ready(self, room: int) -> list[Entry]:
        """The targets to begin with now: waiting, due, and at servers where nothing runs, each server once."""
        chosen: list[Entry] = []
        taken = {server for server in self._busy if server}
        for entry in self.night.entries:
            if len(chosen) >= room:
                break
            if entry.state != "waiting" or self._due.get(entry.slug, 0.0) > time.monotonic():
                continue
            server = self._servers.get(entry.slug)
            if server is None:
                server = self._servers[entry.slug] = self._server(entry)
            if entry.state == "waiting" and (not server or server not in taken):
                chosen.append(entry)
                taken.add(server)
        return chosen

    def _server(self, entry: Entry) -> str:
        try:
            target = load_target(entry.given)
        except UsageError as exc:
            self.night.change(entry, state="done", code=2, said=str(exc), ended=now())
            return ""
        self.night.change(entry, name=target.name)
        return server_of(target)

    def _one(self, entry: Entry) -> None:
        """One attempt at one target: all of it, or what an earlier attempt left."""
        with alone_at(self._servers[entry.slug], self.stopped.is_set) as free:
            if not free:
                return
            main = self.night.folder / entry.slug
            earlier = load_run(main) if is_run(main) else None
            left = blocked_by_network(earlier) if earlier is not None else []
            whole = earlier is None or not earlier.scenarios or self._changed(entry, earlier)
            if earlier is not None and not whole and not left:
                self.night.change(entry, code=entry.code or 0)
                return
            self.night.change(entry, attempts=entry.attempts + 1)
            folder = main if whole else self.night.folder / PARTS / f"{entry.slug}-{entry.attempts}"
            words = self.night.words if whole else narrowed(self.night.words, left)
            log = self.night.folder / PARTS / f"{entry.slug}.log"
            ended = self.runner(Attempt(entry.given, str(folder), words, self.limit_s), self.stopped, log)
            self.night.change(entry, code=ended.code, said=ended.said)
            if not whole and is_run(folder):
                self._join(main, folder)

    @staticmethod
    def _changed(entry: Entry, earlier: Run) -> bool:
        """Whether the target file says something else than at the first attempt: then nothing of that counts."""
        target = load_target(entry.given)
        stored = earlier.header.get("target")
        return not target.embedded and isinstance(stored, dict) and stored.get("hash") != target.hash

    def _join(self, main: Path, part: Path) -> None:
        whole = self.night.folder / PARTS / f"{main.name}-whole"
        shutil.rmtree(whole, ignore_errors=True)
        self.join([main, part], whole)
        old = self.night.folder / PARTS / f"{main.name}-old"
        shutil.rmtree(old, ignore_errors=True)
        main.rename(old)
        whole.rename(main)
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(part, ignore_errors=True)

    def _settle(self, entry: Entry, future: Future[None]) -> None:
        """Note what an attempt came to: done, or once more later."""
        problem = future.exception()
        if problem is not None:
            said = str(problem) if isinstance(problem, SmartLaunchError) else f"{type(problem).__name__} in the night itself"
            self.night.change(entry, state="done", code=4, said=said, ended=now())
            return
        if (self.stopped.is_set() and entry.code in (None, INTERRUPTED)) or (self.stopped.is_set() and (entry.code or 0) < 0):
            self.night.change(entry, state="waiting")
            return
        main = self.night.folder / entry.slug
        left = blocked_by_network(load_run(main)) if is_run(main) else []
        if left and entry.attempts <= self.retries and not self.stopped.is_set():
            self._due[entry.slug] = time.monotonic() + self.retry_wait_s
            self.night.change(entry, state="waiting")
            return
        if is_run(main):
            self.history.add(load_run(main), main)
        self.night.change(entry, state="done", ended=now())


def comparison_of(night: Night, history: History, entry: Entry) -> Comparison | None:
    """What changed at a target that is done; None where there is no run to compare."""
    main = night.folder / entry.slug
    if entry.state != "done" or not is_run(main):
        return None
    run = load_run(main)
    before = history.before(run)
    return compare(
        before,
        run,
        before_name="the nights before",
        flaky=history.flaky(run),
        nights_down_before=history.nights_down(run),
        first=not before,
    )
