"""``smartlaunch history``: the page of a history, or what it knows as JSON; ``--keep N`` prunes old runs."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from smartlaunch.cli.output import shown
from smartlaunch.errors import UsageError
from smartlaunch.records.exits import GOOD
from smartlaunch.records.files import HISTORY_FILE, REPORTS
from smartlaunch.records.history import History, target_key
from smartlaunch.records.store import load_run
from smartlaunch.reporting.words import count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--history", metavar="FILE", help=f"the history (default: {REPORTS}/{HISTORY_FILE})")
    parser.add_argument("--target", metavar="NAME", help="only this target, as its file names it")
    parser.add_argument("--out", metavar="FILE", help="the page (default: history.html beside the history)")
    parser.add_argument("--json", action="store_true", help="print what is known of each scenario instead of writing the page")
    parser.add_argument("--add", metavar="RUN", action="append", default=[], help="take a run in first; may be given several times")
    parser.add_argument("--keep", metavar="N", type=int, help="delete the folders of all but the last N runs of each target")


def run(args: argparse.Namespace) -> int:
    """Take in, prune, then show."""
    path = Path(args.history or Path(REPORTS) / HISTORY_FILE)
    if not path.is_file() and not args.add:
        raise UsageError(f"{path}: there is no history yet\n  try: smartlaunch run, or smartlaunch history --add RUN")
    if args.keep is not None and args.keep < 1:
        raise UsageError(f"--keep {args.keep}: at least 1 is wanted")
    history = History(path)
    for name in args.add:
        history.add(load_run(name))
    if args.keep is not None:
        print(f"{count(len(history.prune(args.keep, path.parent)), 'run')} deleted")
    if args.json:
        print(json.dumps([_target(history, *key) for key in _chosen(history, args.target)], indent=1))
        return GOOD
    from smartlaunch.catalogue import load
    from smartlaunch.reporting.history_page import write_history_page

    _chosen(history, args.target)
    out = Path(args.out) if args.out else path.with_name("history.html")
    try:
        write_history_page(history, out, load(), target=args.target or "")
    except OSError as exc:
        raise UsageError(f"--out {out}: the file cannot be written ({exc.strerror})") from None
    print(f"history  {shown(out.resolve())}")
    return GOOD


def _chosen(history: History, name: str | None) -> list[tuple[str, str]]:
    return [target_key(history, name)] if name else history.targets()


def _target(history: History, name: str, base: str) -> dict[str, Any]:
    return {
        "target": name,
        "fhir_base_url": base,
        "nights": [
            {"run": n.name, "start": n.start, "seconds": n.seconds, "down": n.down, "counts": dict(n.counts)}
            for n in history.nights(name, base)
        ],
        "scenarios": [
            {
                "id": course.scenario,
                "first_seen": course.first_seen,
                "last_passed": course.last_passed,
                "seconds": round(course.seconds, 3),
                "flakiness": round(course.flakiness, 3),
                "outcome": course.results[-1][1],
            }
            for course in history.courses(name, base)
        ],
    }
