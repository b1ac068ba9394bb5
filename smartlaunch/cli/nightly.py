"""``smartlaunch nightly``: many targets in one night, told in one sentence; 1 only when something became worse."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from types import FrameType

from smartlaunch.catalogue import load
from smartlaunch.cli.child import child_environment
from smartlaunch.cli.compare import DOWN_NIGHTS
from smartlaunch.cli.output import shown
from smartlaunch.errors import UsageError
from smartlaunch.nights.attempt import Attempt, Ended, carry_out
from smartlaunch.nights.page import row_of, write_index
from smartlaunch.nights.schedule import Runner, Schedule, comparison_of
from smartlaunch.nights.state import Night, only_one, open_night
from smartlaunch.plugin import options
from smartlaunch.records.comparison import Comparison
from smartlaunch.records.exits import FAILED, GOOD, INTERNAL, INTERRUPTED, USAGE, exit_code
from smartlaunch.records.files import HISTORY_FILE, JUNIT_FILE, REPORTS
from smartlaunch.records.history import History
from smartlaunch.records.record import Run
from smartlaunch.records.store import is_run, load_run
from smartlaunch.reporting.history_page import write_history_page
from smartlaunch.reporting.junit import write_junit
from smartlaunch.reporting.telling import Told, tell_ci, write_all
from smartlaunch.reporting.words import count, seconds

NIGHTS = "nights"
TELL = "tell"
_PASSED_ON = ("suite", "requirement", "scenario", "passive", "quick", "thorough", "deviations", "slim", "no-allure")
_LINE_S = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("targets", metavar="TARGETS", nargs="+", help="targets, or a file with one target a line (any file that does not end in .toml)")
    add("--jobs", metavar="N", type=int, default=2, help="how many targets at a time, one browser each (default: 2)")
    add("--scheduler", metavar="ADDRESS", help="hand the targets to the workers of this Dask scheduler (optional extra `distributed`)")
    add("--retries", metavar="N", type=int, default=1, help="how often to put again what the network blocked (default: 1)")
    add("--retry-wait", metavar="S", type=float, default=60.0, help="seconds to wait before that (default: 60)")
    add("--limit-min", metavar="MIN", type=float, default=180.0, help="end a target's run after so many minutes (default: 180)")
    add("--down-nights", metavar="N", type=int, default=DOWN_NIGHTS, help=f"be red for a target down so often (default: {DOWN_NIGHTS})")
    add("--history", metavar="FILE", help=f"the history (default: {HISTORY_FILE} beside the nights)")
    add("--out", metavar="DIR", help=f"the folder of the night (default: a new one under ./{REPORTS}/{NIGHTS}/)")
    add("--new", action="store_true", help="begin a new night, also where one was left unfinished")
    add("--keep", metavar="N", type=int, help="afterwards delete all but the last N runs of each target; the history keeps what they said")
    add("--link", metavar="URL", default="", help="where people find the page, for what is told elsewhere")
    add("--strict", action="store_true", help="count what only warns as worse, too")
    add("--strict-known", action="store_true", help="be red for a deviation that expired or no longer occurs")
    options.add_to_command(parser, *_PASSED_ON)


def run(args: argparse.Namespace) -> int:
    """Go on with the night that was left, or begin one."""
    given = _targets(args.targets)
    for name, value, least in (("--jobs", args.jobs, 1), ("--retries", args.retries, 0), ("--down-nights", args.down_nights, 1)):
        if value < least:
            raise UsageError(f"{name} {value}: at least {least} is wanted")
    words = tuple(options.passed_on(args, _PASSED_ON))
    base = Path.cwd() / REPORTS / NIGHTS
    night = open_night(args.out, base, given, words, new=args.new)
    history = History(Path(args.history) if args.history else night.folder.parent / HISTORY_FILE)
    with only_one(night.folder):
        night.save()
        if not args.scheduler:
            return _night(args, night, history, _local)
        from smartlaunch.nights.distributed import OnWorkers

        workers = OnWorkers(args.scheduler, {"CI": "true"})
        args.jobs = max(args.jobs, workers.browsers)
        try:
            return _night(args, night, history, workers)
        finally:
            workers.close()


def _targets(words: list[str]) -> list[str]:
    """The targets: each word one, or the lines of a file."""
    found: list[str] = []
    for word in words:
        path = Path(word)
        if path.suffix == ".toml" or not path.is_file():
            found.append(word)
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            name = line.partition("#")[0].strip()
            beside = path.parent / name
            if name:
                found.append(str(beside) if name.endswith(".toml") and beside.is_file() else name)
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise UsageError(f"{twice[0]} is named twice")
    if not found:
        raise UsageError("no target is named")
    return [str(Path(name).resolve()) if name.endswith(".toml") and Path(name).is_file() else name for name in found]


def _night(args: argparse.Namespace, night: Night, history: History, runner: Runner) -> int:
    began, last = time.monotonic(), [time.monotonic()]

    def changed() -> None:
        _tell_page(args, night, history)
        if time.monotonic() - last[0] > _LINE_S or all(e.state == "done" for e in night.entries):
            last[0] = time.monotonic()
            _line(night, began)

    schedule = Schedule(
        night,
        history,
        runner,
        _join,
        jobs=args.jobs,
        retries=args.retries,
        retry_wait_s=args.retry_wait,
        limit_s=60 * args.limit_min,
        on_change=changed,
    )
    over = sum(entry.state == "done" for entry in night.entries)
    print(
        f"night {night.id}: {count(len(night.entries), 'target')}{f', {over} done before' if over else ''}, in {shown(night.folder)}",
        flush=True,
    )
    with _ending(schedule.stopped) as number, _minutes(night, began):
        schedule.run()
    told = _tell_page(args, night, history)
    if not night.over:
        print(f"smartlaunch: interrupted; the same command goes on with {shown(night.folder)}", file=sys.stderr)
        return 143 if number[0] == signal.SIGTERM else INTERRUPTED
    return _finish(args, night, history, told)


def _finish(args: argparse.Namespace, night: Night, history: History, told: Told) -> int:
    """Write what is told elsewhere, print the sentence, prune, and say how the night ended."""
    write_junit((run for _, run in _runs(night)), night.folder / JUNIT_FILE, several=True)
    write_all(told, night.folder / TELL)
    print(f"\n{told.headline}")
    for line in tell_ci(told):
        print(line)
    for entry in night.entries:
        if not is_run(night.folder / entry.slug):
            print(f"  {entry.given} was not run: {entry.said or 'see its log'}")
    print(f"\nreport   {shown(night.folder / 'index.html')}\nhistory  {shown(night.folder / 'history.html')}")
    if args.keep:
        print(f"{count(len(history.prune(args.keep, night.folder.parent)), 'run')} deleted")
    return _code(args, night, told)


def _code(args: argparse.Namespace, night: Night, told: Told) -> int:
    """1 for what became worse, and for what fails where there was nothing to compare with; then 4, then 2."""
    if told.red:
        return FAILED
    codes = {entry.code for entry in night.entries}
    firsts = {c.after for c in told.comparisons if c.first}
    for _, run in _runs(night):
        judged = exit_code(run, strict=args.strict, strict_known=args.strict_known)
        outdated = exit_code(run, strict_known=args.strict_known, regressed=False) == FAILED
        if outdated or (run.id in firsts and judged == FAILED):
            return FAILED
    if INTERNAL in codes or any(code is not None and code < 0 for code in codes):
        return INTERNAL
    return USAGE if USAGE in codes else GOOD


def _runs(night: Night) -> Iterator[tuple[str, Run]]:
    """The runs there are, one in memory at a time."""
    for entry in night.entries:
        if is_run(night.folder / entry.slug):
            yield entry.slug, load_run(night.folder / entry.slug)


def _tell_page(args: argparse.Namespace, night: Night, history: History) -> Told:
    """Write the page of the night as it stands; what is asked of a run is kept, the run itself is not."""
    found: list[Comparison] = []
    rows = []
    lost = [entry.name or entry.given for entry in night.entries if entry.state == "done" and not is_run(night.folder / entry.slug)]
    told = Told(found, load(), args.strict, args.down_nights, args.link, lost)
    for entry in night.entries:
        main = night.folder / entry.slug
        comparison = comparison_of(night, history, entry)
        if comparison is not None:
            found.append(comparison)
        rows.append(row_of(entry, load_run(main) if entry.state == "done" and is_run(main) else None, comparison, told))
    write_index(night, rows, told)
    write_history_page(history, night.folder / "history.html", load())
    return told


def _local(attempt: Attempt, stopped: threading.Event, log: Path) -> Ended:
    """An attempt on this machine."""
    return carry_out(attempt, stopped, {**child_environment(), "CI": os.environ.get("CI", "true")}, log)


def _join(runs: list[Path], folder: Path) -> None:
    """One run of several, without a word."""
    from smartlaunch.cli.merge import join

    with redirect_stdout(StringIO()):
        join([load_run(each) for each in runs], folder, allure=False)


def _line(night: Night, began: float) -> None:
    """How far the night is, as one line."""
    done = [entry for entry in night.entries if entry.state == "done"]
    running = [entry.name or entry.given for entry in night.entries if entry.state == "running"]
    failed = sum(entry.code not in (0, None) for entry in done)
    waits = f", now {', '.join(running[:3])}" if running else ""
    left = len(night.entries) - len(done)
    print(f"{seconds(time.monotonic() - began)}: {len(done)} done, {left} left, {failed} not green{waits}", flush=True)


@contextmanager
def _minutes(night: Night, began: float) -> Iterator[None]:
    """A line each minute, also while nothing changes."""
    over = threading.Event()

    def tell() -> None:
        while not over.wait(_LINE_S):
            _line(night, began)

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()


@contextmanager
def _ending(stopped: threading.Event) -> Iterator[list[int]]:
    """Stop the night at a signal: what runs writes its report; the answer is which signal it was."""
    number = [0]

    def handle(given: int, _frame: FrameType | None) -> None:
        number[0] = given
        stopped.set()

    if threading.current_thread() is not threading.main_thread():
        yield number
        return
    before = {each: signal.signal(each, handle) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield number
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
