"""``smartlaunch report``: render a run again from what is on disk, also one that was killed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from smartlaunch.errors import UsageError
from smartlaunch.records import files
from smartlaunch.records.exits import GOOD, INTERNAL
from smartlaunch.records.record import Run
from smartlaunch.records.store import load_run, write_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("run", metavar="RUN", help="a run's folder, its id, or latest")
    parser.add_argument("--no-allure", action="store_true", help="do not render the Allure report")


def run(args: argparse.Namespace) -> int:
    """Write every artefact again; what the run found stays as it was judged then."""
    record = load_run(args.run)
    folder = record.folder
    if folder is None:
        raise UsageError(f"{args.run} has no folder to write to")
    if not (folder / files.RUN_FILE).is_file():
        write_run(record, folder)
    return render(record, folder, allure=not args.no_allure)


def render(record: Run, folder: Path, *, allure: bool, told: bool = True) -> int:
    """Explain the run and write every form of it, the digests last; print the summary unless somebody else does."""
    from smartlaunch.catalogue import load
    from smartlaunch.evidence.manifest import write_manifest
    from smartlaunch.evidence.redaction import Redactor
    from smartlaunch.plugin.finish import write_artefacts
    from smartlaunch.reporting.allure_results import AllurePage
    from smartlaunch.reporting.summary import render_summary, takes_colour

    page = AllurePage() if allure else None
    record = write_artefacts(record, folder, scrub=Redactor().scrub, page=page)
    write_manifest(folder)
    if not told:
        return GOOD
    paths = {name: str(path) for name, path in files.reports(folder).items()}
    sys.stdout.write(render_summary(record, load(), paths=paths, colour=takes_colour(sys.stdout)))
    for lost in record.unwritten:
        print(f"smartlaunch: {lost.get('artefact')} could not be written: {lost.get('problem')}", file=sys.stderr)
    return INTERNAL if record.unwritten else GOOD
