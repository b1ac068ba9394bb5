"""``smartlaunch merge``: join runs of one target, such as the shards of a CI matrix, to one run with one report."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from smartlaunch.cli.folders import folder_of
from smartlaunch.cli.report import render
from smartlaunch.plugin import finish
from smartlaunch.records.exits import GOOD, exit_code
from smartlaunch.records.record import Run
from smartlaunch.records.store import load_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("runs", metavar="RUN", nargs="+", help="the runs, in the order in which they were made")
    parser.add_argument("--out", metavar="DIR", help="the folder of the whole (default: a new one under ./reports/)")
    parser.add_argument("--strict", action="store_true", help="let warnings end with 1")
    parser.add_argument("--no-allure", action="store_true", help="do not render the Allure report")


def run(args: argparse.Namespace) -> int:
    """Join, write every report, and end as one run would have."""
    whole, code = join([load_run(name) for name in args.runs], folder_of(args.out), allure=not args.no_allure)
    return exit_code(whole, strict=args.strict) if code == GOOD else code


def join(runs: list[Run], folder: Path, *, allure: bool, told: bool = True, order: Sequence[str] = ()) -> tuple[Run, int]:
    """Write the run of all into a folder; the number is 0 when every report could be written."""
    code = render(finish.join(runs, folder, order), folder, allure=allure, told=told)
    return load_run(folder), code
