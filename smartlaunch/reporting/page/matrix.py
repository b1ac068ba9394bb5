"""The requirements against the suites."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from smartlaunch.records.record import ScenarioResult
from smartlaunch.reporting.page.material import Page
from smartlaunch.reporting.page.text import web
from smartlaunch.reporting.words import (
    OUTCOME_WORDS,
    WORST_FIRST,
    count,
)


def matrix(page: Page) -> dict[str, Any]:
    """Requirements against suites."""
    suites = page.run.suites
    cells: dict[tuple[str, str], list[ScenarioResult]] = {}
    for scenario in page.run.scenarios:
        for requirement in scenario.requirements:
            cells.setdefault((requirement, scenario.suite), []).append(scenario)
    used = dict.fromkeys(r for r, _ in cells)
    listed = [r for r in page.rows.values() if r.id in used or getattr(r, "actor", "server") == "server"]
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in listed:
        title = str(getattr(row, "title", "") or "Requirements")
        groups.setdefault(title, []).append(_matrix_row(page, row.id, row, cells, suites))
    groups = dict(sorted(groups.items(), key=lambda g: (not g[0].startswith("SMART"), g[1][0]["id"].startswith("HYGIENE"))))
    unknown = [r for r in used if r not in page.rows]
    if unknown:
        groups["Not in the catalogue"] = [_matrix_row(page, r, None, cells, suites) for r in unknown]
    rows = [row for group in groups.values() for row in group]
    return {
        "suites": [{"id": s, "words": s.split("-")} for s in suites],
        "groups": [{"title": t, "rows": g, "used": sum(r["used"] for r in g)} for t, g in groups.items()],
        "used": sum(r["used"] for r in rows),
        "total": len(rows),
        "strengths": sorted({r["strength"] for r in rows if r["strength"]}),
        "outcomes": [o for o in WORST_FIRST if any(o in r["outcomes"] for r in rows)],
    }


def _matrix_row(
    page: Page,
    requirement: str,
    row: Any,
    cells: Mapping[tuple[str, str], Sequence[ScenarioResult]],
    suites: Iterable[str],
) -> dict[str, Any]:
    found: list[dict[str, Any] | None] = []
    for suite in suites:
        scenarios = cells.get((requirement, suite), ())
        if not scenarios:
            found.append(None)
            continue
        worst = min(scenarios, key=lambda s: WORST_FIRST.index(s.outcome))
        says = f"{OUTCOME_WORDS[worst.outcome]}, {count(len(scenarios), 'scenario')} in {suite}"
        found.append({"outcome": worst.outcome, "anchor": page.anchors[worst.id], "number": len(scenarios), "says": says})
    return {
        "id": requirement,
        "text": row.text if row else "",
        "url": web(row.url) if row else "",
        "strength": str(row.strength) if row else "",
        "reason": getattr(row, "reason", "") if row else "",
        "condition": getattr(row, "condition", "") if row else "",
        "cells": found,
        "used": any(found),
        "outcomes": sorted({c["outcome"] for c in found if c}),
    }
