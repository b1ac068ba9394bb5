"""``smartlaunch schema target|run``: print a JSON Schema."""

from __future__ import annotations

import argparse
import sys
from importlib import resources

from smartlaunch.records.exits import GOOD


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("of", choices=("target", "run"), help="of the target file, or of run.json")


def run(args: argparse.Namespace) -> int:
    """Print the schema as it is published."""
    sys.stdout.write(resources.files("smartlaunch").joinpath("schemas", f"{args.of}.schema.json").read_text("utf-8"))
    return GOOD
