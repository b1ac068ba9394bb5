"""``smartlaunch requirements``: every requirement, with the scenarios that put it and the defects that break it."""

from __future__ import annotations

import argparse
import json
from typing import Any

from smartlaunch.catalogue import Requirement, load
from smartlaunch.cli.knowledge import defects_by_requirement, documents, scenarios_by_requirement
from smartlaunch.cli.output import table
from smartlaunch.errors import LookupFailed
from smartlaunch.records.exits import GOOD


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="print the rows with their scenarios and defects")
    parser.add_argument("--document", metavar="ID", help="only those of one document")
    parser.add_argument("--uncovered", action="store_true", help="only those that bind a server and that no scenario puts")


def run(args: argparse.Namespace) -> int:
    """List the requirements in document order."""
    rows = list(load().values())
    if args.document:
        known = documents()
        wanted = next((name for name in known if name.lower() == args.document.lower()), None)
        if wanted is None:
            raise LookupFailed("document", args.document, known)
        rows = [row for row in rows if row.document == wanted]
    scenarios, defects = scenarios_by_requirement(), defects_by_requirement()
    if args.uncovered:
        rows = [row for row in rows if row.binding and row.id not in scenarios]
    if args.json:
        print(json.dumps([_as_json(row, scenarios.get(row.id, ()), defects.get(row.id, ())) for row in rows], indent=1, ensure_ascii=False))
        return GOOD
    table([(row.id, _line(row, len(scenarios.get(row.id, ())))) for row in rows])
    covered = sum(1 for row in rows if row.id in scenarios)
    print(f"\n{len(rows)} requirements, {covered} put by scenarios; more of one: smartlaunch explain ID")
    return GOOD


def _line(row: Requirement, count: int) -> str:
    put = f"{count} scenario{'s' if count != 1 else ''}" if count else f"not put: {row.reason}" if row.reason else "no scenario"
    return f"{row.strength.value}  {row.text}  [{row.actor}; {put}]"


def _as_json(row: Requirement, scenarios: tuple[str, ...], defects: tuple[str, ...]) -> dict[str, Any]:
    return {
        "id": row.id,
        "document": row.document,
        "source": row.url,
        "text": row.text,
        "actor": row.actor,
        "strength": row.strength.value,
        "source_ids": list(row.source_ids),
        "condition": row.condition,
        "capability": row.capability,
        "client_role": row.client_role,
        "editions": list(row.editions),
        "reason": row.reason,
        "inferno": list(row.inferno),
        "in_short": row.source,
        "note": row.note,
        "scenarios": list(scenarios),
        "defects": list(defects),
    }
