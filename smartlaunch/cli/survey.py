"""``smartlaunch survey``: what thousands of endpoints say of themselves, without any login."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from smartlaunch.catalogue import load
from smartlaunch.cli.output import shown
from smartlaunch.errors import UsageError
from smartlaunch.records.exits import GOOD, INTERRUPTED
from smartlaunch.records.files import REPORTS
from smartlaunch.reporting.words import count, printable, seconds

_LINE_S = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("file", metavar="FILE", help="addresses one a line, a CSV file, a FHIR Bundle or NDJSON of Endpoint resources; or one address")
    add("--out", metavar="DIR", help=f"the folder of the survey; one that was left goes on (default: {REPORTS}/survey-<name of the file>)")
    add("--parallel", metavar="N", type=int, default=64, help="how many requests at a time (default: 64)")
    add("--per-host", metavar="N", type=int, default=4, help="how many of them at one host (default: 4)")
    add("--host-rate", metavar="N", type=float, default=10.0, help="how many a second at one host, 0 for no limit (default: 10)")
    add("--limit-s", metavar="S", type=float, default=20.0, help="how long one answer may take with its redirects (default: 20)")
    add("--parquet", action="store_true", help="also write survey.parquet (optional extra `parquet`)")


def run(args: argparse.Namespace) -> int:
    """Ask, then sum up; a survey that was left goes on where it was."""
    from smartlaunch.survey.endpoints import Endpoint, LeftOut, read_endpoints
    from smartlaunch.survey.gather import RESULTS, Gatherer, Manners
    from smartlaunch.survey.summary import write_summary

    for name, value in (("--parallel", args.parallel), ("--per-host", args.per_host), ("--limit-s", args.limit_s)):
        if value <= 0:
            raise UsageError(f"{name} {value}: more than 0 is wanted")
    path = Path(args.file)
    single = args.file.startswith(("http://", "https://"))
    if not single and not path.is_file():
        raise UsageError(f"{args.file}: no such file")
    folder = Path(args.out) if args.out else Path(REPORTS) / f"survey-{'one' if single else path.stem}"
    folder.mkdir(parents=True, exist_ok=True)
    left_out = LeftOut()
    endpoints = iter([Endpoint(args.file.rstrip("/"))]) if single else read_endpoints(path, left_out)
    manners = Manners(args.parallel, args.per_host, args.host_rate, args.limit_s)
    began = time.monotonic()
    gatherer = Gatherer(manners, load(), on_result=_Progress(began))
    before = {each: signal.signal(each, lambda *_: setattr(gatherer, "stopped", True)) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        asked = asyncio.run(gatherer.run(endpoints, folder / RESULTS))
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    took = time.monotonic() - began
    title = args.file if single else path.stem
    summary = write_summary(folder, folder / RESULTS, load(), left_out=left_out, parquet=args.parquet, title=title)
    earlier = f", {summary.total - asked} asked before" if summary.total > asked else ""
    print(
        f"{summary.kinds['document']} of {count(summary.total, 'endpoint')} answered with a SMART configuration{earlier}; {seconds(took)}"
    )
    if left_out.no_address:
        print(f"{count(left_out.no_address, 'line')} left out, no web address: {', '.join(map(printable, left_out.first[:3]))}")
    print(f"\nreport  {shown((folder / 'index.html').resolve())}")
    if gatherer.stopped:
        print("smartlaunch: interrupted; the same command goes on where it was", file=sys.stderr)
        return INTERRUPTED
    return GOOD


class _Progress:
    """A line a minute, or one that is written over on a terminal."""

    def __init__(self, began: float) -> None:
        self.began, self.done, self.told = began, 0, began
        self.terminal = sys.stderr.isatty() and not os.environ.get("CI")

    def __call__(self) -> None:
        self.done += 1
        now = time.monotonic()
        if now - self.told < (0.2 if self.terminal else _LINE_S):
            return
        self.told = now
        line = f"{count(self.done, 'endpoint')} in {seconds(now - self.began)}"
        sys.stderr.write(f"\r\x1b[K{line}" if self.terminal else f"{line}\n")
        sys.stderr.flush()
