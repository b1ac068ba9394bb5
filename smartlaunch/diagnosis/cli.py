"""``smartlaunch diagnose``: name the likely cause in whatever a person has in hand when a launch fails. Nothing is sent."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from smartlaunch.diagnosis.inputs.reader import READABLE, keep_readable, load, load_together
from smartlaunch.diagnosis.text import render
from smartlaunch.diagnosis.vendor import vendor_named


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        "input",
        nargs="+",
        metavar="INPUT",
        help="run folder or id, HAR (also gzip or ZIP), file or text of any kind: address, error body, curl command, "
        "log, forum post; - reads standard input",
    )
    parser.add_argument("--json", action="store_true", help="print the documented structure instead of text")
    parser.add_argument("--together", action="store_true", help="the inputs are parts of one launch: one answer for all of them")
    parser.add_argument(
        "--vendor", default="", metavar="V", help="read it with this vendor's knowledge (default: told from names and hosts)"
    )
    parser.add_argument("--readable", action="append", default=[], metavar="NAME", help=READABLE)
    parser.add_argument("--reports", default="reports", metavar="DIR", help="where runs are looked up by id (default: reports)")


def run(args: argparse.Namespace) -> int:
    """Diagnose each input and print the answers; 0 also when the facts do not decide."""
    if args.vendor:
        vendor_named(args.vendor)
    reports_dir = Path(args.reports)
    keep_readable(args.readable)
    inputs = [load_together(args.input, reports_dir)] if args.together else [load(text, reports_dir) for text in args.input]
    found = [(loaded, loaded.report(args.vendor)) for loaded in inputs]
    if args.json:
        reports = [{"input": loaded.name, **report.to_json()} for loaded, report in found]
        sys.stdout.write(json.dumps(reports[0] if len(reports) == 1 else reports, ensure_ascii=False, indent=1) + "\n")
        return 0
    sys.stdout.write("\n".join(render(report, loaded.name) for loaded, report in found))
    if len(found) > 1:
        sys.stdout.write("\nEach input was judged by itself; if they are parts of one launch, add --together.\n")
    return 0
