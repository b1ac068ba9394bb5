"""``smartlaunch ticket``: a support ticket from a run, a HAR, a URL, an error body or an observation file. Nothing is sent."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from smartlaunch.diagnosis.inputs.reader import READABLE, keep_readable, load
from smartlaunch.diagnosis.text import plain
from smartlaunch.diagnosis.vendor import vendor_named
from smartlaunch.ticket.content import build, build_all
from smartlaunch.ticket.package import pictures_of, write


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("input", metavar="INPUT", help="run folder or id, run.json, HAR, URL, JSON body, observation file")
    parser.add_argument("--scenario", default="", metavar="ID", help="the scenario of a run (default: the first that failed)")
    parser.add_argument("--vendor", default="", metavar="V", help="whose form and knowledge to use (default: told from names and hosts)")
    parser.add_argument("--all", action="store_true", help="a ticket for each cause of a run, in folders 01, 02, ... below DIR")
    parser.add_argument(
        "--with-screenshots", action="store_true", help="put the scenario's pictures in, masked as they are; look at them first"
    )
    parser.add_argument("--out", default="ticket", metavar="DIR", help="where ticket.md and ticket.zip go (default: ./ticket)")
    parser.add_argument("--readable", action="append", default=[], metavar="NAME", help=READABLE)
    parser.add_argument("--reports", default="reports", metavar="DIR", help="where runs are looked up by id (default: reports)")


def run(args: argparse.Namespace) -> int:
    """Write the ticket and say where it is; a secret in it is a usage error and nothing is written."""
    if args.vendor:
        vendor_named(args.vendor)
    keep_readable(args.readable)
    loaded = load(args.input, Path(args.reports))
    tickets = build_all(loaded, args.vendor) if args.all else [build(loaded, args.vendor, args.scenario)]
    for number, ticket in enumerate(tickets, 1):
        report = loaded.report(args.vendor, ticket.scenario.id if ticket.scenario else "")
        folder = Path(args.out) / f"{number:02d}" if args.all else Path(args.out)
        paths = write(ticket, loaded, report, folder, pictures=args.with_screenshots)
        sys.stdout.write(plain(ticket.title) + "\n" + "\n".join(str(path) for path in paths) + "\n")
        sys.stdout.write(_of_pictures(len(pictures_of(ticket, loaded)), taken=args.with_screenshots))
    return 0


def _of_pictures(number: int, *, taken: bool) -> str:
    """What became of the pictures, where there are any."""
    if not number:
        return ""
    what = "1 screenshot" if number == 1 else f"{number} screenshots"
    if taken:
        return f"{what} inside: secrets and persons are masked by what stood on the page; look at them before you send it\n"
    return f"{what} left out; --with-screenshots puts them in\n"
