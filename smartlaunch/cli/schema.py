"""``smartlaunch schema target|recipe|run``: print a JSON Schema."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import resources

from smartlaunch.records.exits import GOOD
from smartlaunch.target import recipe_schema


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("of", choices=("target", "recipe", "run"), help="of the target file, of a recipe file, or of run.json")


def run(args: argparse.Namespace) -> int:
    """Print the schema as it is published."""
    if args.of == "recipe":
        sys.stdout.write(json.dumps(recipe_schema(), indent=2, ensure_ascii=False) + "\n")
        return GOOD
    sys.stdout.write(resources.files("smartlaunch").joinpath("schemas", f"{args.of}.schema.json").read_text("utf-8"))
    return GOOD
