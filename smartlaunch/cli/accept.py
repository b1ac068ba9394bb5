"""``smartlaunch accept``: write what a run found as known deviations, for review."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from smartlaunch.errors import UsageError
from smartlaunch.finding import Outcome
from smartlaunch.records.causes import Cause, group_findings
from smartlaunch.records.exits import GOOD
from smartlaunch.records.record import Run
from smartlaunch.records.store import load_run
from smartlaunch.reporting.words import count, on_side, printable, shortened

_DAYS = 90


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("run", metavar="RUN", help="a run's folder, its id, or latest")
    parser.add_argument("--out", metavar="FILE", help="write here instead of to the terminal; an existing file is left alone")
    parser.add_argument("--warnings", action="store_true", help="also what only warned")
    parser.add_argument("--expires", metavar="DAY", help=f"until when it counts as known (default: in {_DAYS} days)")


def run(args: argparse.Namespace) -> int:
    """Write one entry for each requirement that nothing meets, else for each scenario; nothing counts until somebody has kept it."""
    record = load_run(args.run)
    entries = list(_entries(record, warnings=args.warnings))
    text = "\n".join([_head(record), *(_entry(match, said, _day(args.expires)) for match, said in entries)])
    if not args.out:
        sys.stdout.write(text)
        return GOOD
    try:
        with Path(args.out).open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise UsageError(f"--out {args.out}: the file exists; name a new one, and take over what you keep by hand") from None
    except OSError as exc:
        raise UsageError(f"--out {args.out}: the file cannot be written ({exc.strerror})") from None
    print(
        f"{count(len(entries), 'entry', 'entries')} written to {args.out}; take out what you do not accept, then: --deviations {args.out}"
    )
    return GOOD


def _day(given: str | None) -> date:
    try:
        return date.fromisoformat(given) if given else datetime.now(UTC).date() + timedelta(days=_DAYS)
    except ValueError:
        raise UsageError(f"--expires {given}: a day is wanted, such as 2027-01-31") from None


def _head(record: Run) -> str:
    when = str(record.header.get("start", ""))[:10]
    return (
        f"# What run {printable(record.id)} of {when} found at {printable(record.target_name)}, for review: keep what you know of and\n"
        "# accept, say why, link the ticket. Give the file to `smartlaunch run --deviations FILE`, or move entries into the target file.\n"
    )


def _entries(record: Run, *, warnings: bool) -> Iterator[tuple[str, list[str]]]:
    """What to match and what was found, one for each; a match stands once."""
    told: set[str] = set()
    for cause in group_findings(record):
        if cause.known or (cause.outcome != Outcome.FAILED and not warnings):
            continue
        said = [f"{cause.outcome}, {on_side(cause.side)}", *dict.fromkeys(f"actual: {f.actual}" for f in cause.variants[:3])]
        for match in _matches(record, cause):
            if match not in told:
                told.add(match)
                yield match, said


def _matches(record: Run, cause: Cause) -> list[str]:
    """The requirements where nothing that was judged meets them, else the scenarios: what is met today must stay so."""
    broken: dict[str, None] = {}
    for requirement in cause.requirements:
        shown = [s for s, f in cause.findings if f.requirement == requirement]
        judged = [s for s in record.scenarios if requirement in s.requirements and s.outcome in ("passed", "failed", "warning")]
        if len(judged) > 1 and all(any(f.requirement == requirement for f in s.findings) for s in judged):
            broken[requirement] = None
        else:
            broken |= dict.fromkeys(s.id for s in shown)
    return list(broken)


def _entry(match: str, said: list[str], expires: date) -> str:
    comments = "".join(f"# {shortened(' '.join(printable(line).split()), 160)}\n" for line in said)
    return (
        f"{comments}[[deviations]]\nmatch = {_toml(match)}\nreason = {_toml('to be written: why this is known and accepted')}\n"
        f'# link = "https://"\nexpires = {expires.isoformat()}\n'
    )


def _toml(text: str) -> str:
    """A basic string of TOML; its escapes are those of JSON, but for the one character that JSON leaves as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
