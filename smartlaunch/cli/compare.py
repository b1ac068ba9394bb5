"""``smartlaunch compare``: say what changed from one run to another; 1 only when something became worse."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from smartlaunch.records.comparison import Comparison, before_of, compare
from smartlaunch.records.exits import FAILED, GOOD
from smartlaunch.records.history import History
from smartlaunch.records.record import Run
from smartlaunch.records.store import load_run

DOWN_NIGHTS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("before", metavar="A", help="the earlier run: its folder, its id, or latest")
    parser.add_argument("after", metavar="B", help="the later run")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument("--strict", action="store_true", help="count what only warns as worse, too")
    parser.add_argument("--history", metavar="FILE", help="a history, which knows what is flaky and for how long a target has been down")
    parser.add_argument(
        "--down-nights",
        metavar="N",
        type=int,
        default=DOWN_NIGHTS,
        help=f"let a target that has been down for so many runs end with 1 (default: {DOWN_NIGHTS})",
    )


def run(args: argparse.Namespace) -> int:
    """Compare and print."""
    from smartlaunch.catalogue import load
    from smartlaunch.reporting.changes import as_json, as_markdown, as_text

    before, after = load_run(args.before), load_run(args.after)
    found = compared(before, after, Path(args.history) if args.history else None)
    if args.json:
        print(json.dumps(as_json(found, load(), strict=args.strict), indent=1))
    else:
        show = as_markdown([found], load(), strict=args.strict) if args.markdown else as_text(found, load(), strict=args.strict)
        sys.stdout.write(show)
    return FAILED if found.red(strict=args.strict, down_nights=args.down_nights) else GOOD


def compared(before: Run, after: Run, history: Path | None) -> Comparison:
    """Two runs, with what a history knows beyond them."""
    from smartlaunch.records.comparison import is_down

    known = History(history) if history is not None else None
    return compare(
        before_of(before),
        after,
        before_name=before.id,
        flaky=known.flaky(after) if known else (),
        nights_down_before=known.nights_down(after) if known else int(is_down(before)),
    )
