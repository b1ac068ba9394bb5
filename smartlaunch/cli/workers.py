"""``smartlaunch run --workers N``: the scenarios of one run put by several runs side by side, and joined to one with one report.

Side by side runs what shares no grant: each worker has its own client, browser and session, and takes whole features of a suite, those
of one situation together, so that few logins are made twice. What may lock an account or poison other flows comes after all others, by
itself. A worker that dies is named, and what it did not come to is put again once.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from smartlaunch.addresses import is_loopback
from smartlaunch.cli.child import BROKE, Ended, child_environment, passing_on
from smartlaunch.errors import UsageError
from smartlaunch.plugin import options
from smartlaunch.plugin.binding import Plan
from smartlaunch.plugin.selection import Selection
from smartlaunch.plugin.sharing import LOOK
from smartlaunch.plugin.side_by_side import LAST, unit_of
from smartlaunch.records import files
from smartlaunch.records.exits import INTERNAL
from smartlaunch.records.record import Run
from smartlaunch.records.store import load_run
from smartlaunch.reporting.summary import Progress
from smartlaunch.reporting.words import count
from smartlaunch.target import Target

MOST = 16
_THEIRS = frozenset({"scenario", "requirement", "suite", "quick", "thorough", "ids", "out", "workers"})
"""Options that a worker is not given: what they select stands in its ids."""
_BESIDES = {
    "features/scopes/scope_interactions.feature": 4.0,
    "features/fhir_access/patients_and_users.feature": 3.5,
    "features/app_state/app_state.feature": 3.0,
    "features/scopes/scope_versions.feature": 5.0,
}
"""How many requests more than others a scenario of a feature makes: with a grant of its own, or records that are made and deleted."""
_LOOK_S = 0.5
_END_S = 6.0
"""How long a worker may take to end once it is asked to; it kills what it started itself before that."""


def number_of(asked: str | None, target: Target) -> int:
    """How many workers are wanted: what the command says, else ``limits.workers`` of the target file."""
    if asked is None:
        return target.limits.workers
    if not asked.isdigit() or not 1 <= int(asked) <= MOST:
        raise UsageError(f"--workers {asked}: a whole number from 1 to {MOST} is wanted")
    return int(asked)


# -- who takes what -----------------------------------------------------------------------------------------------------------


@dataclass
class Unit:
    """Scenarios that stay together, and about how much they cost."""

    key: tuple[str, ...]
    ids: list[str] = field(default_factory=list)
    weight: float = 0.0


def divide(selection: Selection, workers: int, *, one_jwk_set: bool) -> tuple[list[list[str]], list[str]]:
    """The ids for each worker, and those that come after all others; ``one_jwk_set`` keeps together who serves keys at one address."""
    units: dict[tuple[str, ...], Unit] = {}
    afterwards: list[str] = []
    for plan in selection.plans():
        ids = list(selection.scenarios_of(plan))
        if plan.flags & LAST:
            afterwards += ids
            continue
        key = unit_of(plan, one_jwk_set=one_jwk_set)
        unit = units.setdefault(key, Unit(key))
        unit.ids += ids
        unit.weight += len(ids) * requests_of(plan)
    # Neighbours are of one suite, and in it what is put again stands together; suites in their own order.
    suites = {suite.id: number for number, suite in enumerate(selection.suites)}
    neighbours = sorted(units.values(), key=lambda unit: (suites.get(unit.key[0], len(suites)), unit.key[1:]))
    return [[i for unit in part for i in unit.ids] for part in _cut(neighbours, workers)], afterwards


def requests_of(plan: Plan) -> float:
    """About how many requests a scenario makes, as counted at the embedded EHR; one that waits counts as long as it takes."""
    probes, chart = "intrusive" in plan.flags, plan.suite.id.startswith("ehr-launch")
    own = 1 + probes + 4.5 * bool(plan.again) + _BESIDES.get(plan.path, 0)
    return own + (5 if chart and probes else chart and bool(plan.again)) + 2 * bool(plan.waits or "waits" in plan.flags)


def _cut(units: Sequence[Unit], workers: int) -> Iterator[list[Unit]]:
    """Parts of about one weight, each of neighbours: units of one suite share its logins."""
    left, total = workers, sum(unit.weight for unit in units)
    part: list[Unit] = []
    for unit in units:
        held = sum(each.weight for each in part)
        if part and left > 1 and held + unit.weight / 2 > total / left:
            yield part
            left, total, part = left - 1, total - held, []
        part.append(unit)
    if part:
        yield part


# -- the workers --------------------------------------------------------------------------------------------------------------


@dataclass
class Worker:
    """One run of a part: a process of its own that writes into a folder of its own."""

    name: str
    folder: Path
    ids: Sequence[str]
    process: subprocess.Popen[bytes] | None = None

    def start(self, asked: options.Options, share: int, look: str) -> subprocess.Popen[bytes]:
        """Begin; the ids go by a file, since they may be thousands. ``look`` is its part in the one look at the target."""
        place = self.folder.with_suffix(".ids")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("\n".join(self.ids) + "\n", encoding="utf-8")
        words = options.command_arguments(asked, without=_THEIRS)
        given = [f"--ids={place}", f"--out={self.folder}", "--workers=1", "--no-allure", "--history=off"]
        # By way of the module that ends with whoever holds the other end of its standard input, however we go.
        command = [sys.executable, "-P", "-m", "smartlaunch.nights.child", f"{self.folder}.lock", "run", *words, *given]
        env = child_environment() | {options.RATE_SHARE: str(share), LOOK: look}
        with self._log() as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=env, process_group=0
            )
        return self.process

    def _log(self) -> IO[bytes]:
        return self.folder.with_suffix(".log").open("wb")

    @property
    def done(self) -> int:
        """How many scenarios have a result."""
        if (self.folder / files.RUN_FILE).is_file():
            return len(self.ids)
        try:
            return (self.folder / files.SCENARIOS_FILE).read_bytes().count(b"\n")
        except OSError:
            return 0

    @property
    def run(self) -> Run | None:
        """What it has recorded, whole or not; None when that is nothing."""
        try:
            return load_run(self.folder)
        except UsageError:
            return None

    @property
    def died(self) -> str:
        """By which signal it ended, if by one."""
        code = self.process.returncode if self.process is not None else 0
        return signal.Signals(-code).name if code and code < 0 else ""

    @property
    def broke(self) -> str:
        """What it said of a pytest that broke off by itself, which no scenario's result holds."""
        if self.process is None or self.process.returncode != INTERNAL:
            return ""
        said = self.folder.with_suffix(".log").read_text("utf-8", "replace")
        return "".join(said.partition(BROKE)[1:])


class Stopped(Ended):
    """The run was ended by a signal; ``runs`` is what the workers had recorded."""

    def __init__(self, number: int, runs: Sequence[Run]) -> None:
        """Keep the signal and the runs."""
        super().__init__(number)
        self.runs = runs


def run_side_by_side(
    asked: options.Options, selection: Selection, target: Target, folder: Path, workers: int
) -> tuple[list[Run], list[str]]:
    """Put a selection with so many workers; gives the runs to join, in the order of their parts, and what broke in a worker.

    ``Stopped`` when a signal ended it.
    """
    one_jwk_set = not target.embedded and any(c.jwks_uri and is_loopback(c.jwks_uri) for c in target.clients.values())
    parts, afterwards = divide(selection, workers, one_jwk_set=one_jwk_set)
    place = folder / files.WORKERS
    total = sum(map(len, parts)) + len(afterwards)
    progress = Progress(sys.stderr, total)
    runs: list[Run] = []
    broken: list[str] = []
    seen = Path(tempfile.mkdtemp(prefix="smartlaunch-look-")) / "seen.json"
    try:
        phases = [[Worker(str(n), place / str(n), ids) for n, ids in enumerate(parts, 1)], [Worker("last", place / "last", afterwards)]]
        for crew in phases:
            ready = [worker for worker in crew if worker.ids]
            runs += _phase(asked, ready, progress, sum(len(run.scenarios) for run in runs), seen)
            broken += [worker.broke for worker in ready if worker.broke]
            if any(run.preflight_verdict != "ok" for run in runs):
                break  # one verdict on the configuration
    finally:
        progress.close()
        shutil.rmtree(seen.parent, ignore_errors=True)
    return runs, broken


def _phase(asked: options.Options, crew: Sequence[Worker], progress: Progress, before: int, seen: Path) -> list[Run]:
    """Let a crew run to its end, and put once more what a dead worker has left."""
    _work(asked, crew, progress, before, seen)
    runs = []
    for worker in crew:
        run = worker.run
        runs += [run] if run is not None else []
        missing = [name for name in worker.ids if run is None or name not in run.scenario_by_id]
        if missing and worker.died:
            progress.clear()
            print(
                f"smartlaunch: worker {worker.name} was ended by {worker.died}; {count(len(missing), 'scenario')} are put again",
                file=sys.stderr,
            )
            second = Worker(f"{worker.name}-again", worker.folder.with_name(f"{worker.folder.name}-again"), missing)
            _work(asked, [second], progress, before + sum(len(each.scenarios) for each in runs), seen)
            runs += [second.run] if second.run is not None else []
    return runs


def _work(asked: options.Options, crew: Sequence[Worker], progress: Progress, before: int, seen: Path) -> None:
    """Let a crew run to its end, looking now and then how far it is."""
    running: list[subprocess.Popen[bytes]] = []
    with passing_on(running, within_s=_END_S) as came:
        for worker in crew:
            first = not running and not seen.exists()
            running.append(worker.start(asked, len(crew), f"{'first' if first else 'told'}:{seen}"))
        while any(process.poll() is None for process in running):
            time.sleep(_LOOK_S)
            progress.reached(before + sum(worker.done for worker in crew), f"{count(len(crew), 'worker')} at it")
    for process in running:
        if process.stdin is not None:
            process.stdin.close()
    if came:
        raise Stopped(came[0], [run for worker in crew if (run := worker.run) is not None])


def clear(folder: Path) -> None:
    """Take away what the workers wrote, once it is joined."""
    shutil.rmtree(folder / files.WORKERS, ignore_errors=True)
