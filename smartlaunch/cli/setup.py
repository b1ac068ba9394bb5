"""``smartlaunch setup``: find or get the browser and the Allure renderer."""

from __future__ import annotations

import argparse

from smartlaunch.records.exits import GOOD, USAGE
from smartlaunch.setup import Outcome, set_up


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--with-apt", action="store_true", help="install Debian's package chromium-headless-shell when no browser is found (root)"
    )
    parser.add_argument("--check", action="store_true", help="only say what is there; fetch nothing")
    parser.add_argument("--browser", metavar="PATH", help="the browser to use, instead of looking for one")


def run(args: argparse.Namespace) -> int:
    """Set up and say which way was taken."""
    result = set_up(with_apt=args.with_apt, check=args.check, browser=args.browser, say=lambda line: print(line, flush=True))
    _show("browser", result.browser)
    _show("allure", result.allure)
    return GOOD if result.ok else USAGE


def _show(name: str, outcome: Outcome) -> None:
    print(f"{name}: {'ok' if outcome.ok else 'missing'}, {outcome.how}")
    for line in () if outcome.ok else outcome.tried:
        print(f"  - {line}")
