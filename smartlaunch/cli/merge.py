"""``smartlaunch merge``: join runs of one target, such as the shards of a CI matrix, to one run with one report."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from smartlaunch.catalogue import load
from smartlaunch.cli.folders import folder_of
from smartlaunch.cli.report import render
from smartlaunch.finding import Outcome
from smartlaunch.records.exits import GOOD, exit_code
from smartlaunch.records.merging import merge
from smartlaunch.records.record import Run
from smartlaunch.records.store import load_run, write_header, write_run


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
    merged = merge(runs, order)
    whole = merged.run
    header = {**whole.header, "id": folder.name, "coverage": _coverage(whole)}
    folder.mkdir(parents=True, exist_ok=True)
    for source, name in merged.files:
        place = folder / name
        if source.is_file() and place.resolve().is_relative_to(folder.resolve()):
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, place)
    write_header(folder, header)
    write_run(Run(header, whole.scenarios, whole.exchanges, (), whole.launches), folder)
    code = render(load_run(folder), folder, allure=allure, told=told)
    return load_run(folder), code


def _coverage(whole: Run) -> dict[str, object]:
    """How many binding requirements there are, were selected, were judged by the runs together."""
    binding = {row.id for row in load().values() if row.binding}
    judged = {r for s in whole.scenarios if s.outcome in (Outcome.PASSED, Outcome.FAILED, Outcome.WARNING) for r in s.requirements}
    selected = {r for s in whole.scenarios for r in s.requirements}
    return {
        "binding": len(binding),
        "selected": len(binding & selected),
        "judged": len(binding & judged),
        "missing": list(whole.missing),
    }
