"""``smartlaunch defects``: what the embedded EHR can be made to do wrong."""

from __future__ import annotations

import argparse
import json

from smartlaunch.cli.output import table
from smartlaunch.records.exits import GOOD


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="print a list of {name, summary, requirements}")


def run(args: argparse.Namespace) -> int:
    """List every defect by name."""
    from smartlaunch.embedded_ehr.defects import load_defects

    rows = sorted(load_defects().values(), key=lambda row: row.name)
    if args.json:
        print(json.dumps([{"name": row.name, "summary": row.summary, "requirements": list(row.requirements)} for row in rows], indent=1))
        return GOOD
    table([(row.name, row.summary) for row in rows])
    print(f"\n{len(rows)} defects; use one with: smartlaunch run --defect NAME, or smartlaunch sandbox --defect NAME")
    return GOOD
