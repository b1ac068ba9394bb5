"""``smartlaunch open``: show the report of a run in the browser that the person uses."""

from __future__ import annotations

import argparse
import webbrowser

from smartlaunch.errors import UsageError
from smartlaunch.records.exits import GOOD
from smartlaunch.records.files import ALLURE_FILE, HTML_FILE
from smartlaunch.records.store import load_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("run", metavar="RUN", nargs="?", default="latest", help="a run's folder, its id, or latest (the default)")
    parser.add_argument("--allure", action="store_true", help="show the Allure report instead")
    parser.add_argument("--print", action="store_true", help="only say where it is")


def run(args: argparse.Namespace) -> int:
    """Open the page; where no browser can be had its place is said, which is as good."""
    record, name = load_run(args.run), ALLURE_FILE if args.allure else HTML_FILE
    page = record.folder / name if record.folder is not None else None
    if page is None or not page.is_file():
        raise UsageError(f"the run {record.id} has no {name}\n  try: smartlaunch report {args.run}")
    print(page)
    if not args.print:
        webbrowser.open(page.resolve().as_uri())
    return GOOD
