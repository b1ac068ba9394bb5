"""Every scenario, under its feature and rule."""

from __future__ import annotations

from typing import Any

from smartlaunch.finding import Outcome
from smartlaunch.records.record import ScenarioResult
from smartlaunch.reporting.page.exchanges import runs_of
from smartlaunch.reporting.page.material import Page, images, relative
from smartlaunch.reporting.page.text import tally, web
from smartlaunch.reporting.words import (
    printable,
    seconds,
    shortened,
)

MOST_CHIPS = 40


def features(page: Page) -> list[dict[str, Any]]:
    """Every scenario under its feature and rule."""
    features: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for scenario in page.run.scenarios:
        features.setdefault(scenario.feature, {}).setdefault(scenario.rule, []).append(_scenario(page, scenario))
    return [
        {
            "title": printable(title) or "Scenarios",
            "rules": [{"title": printable(rule), "scenarios": found} for rule, found in rules.items()],
            "counts": tally(s["outcome"] for found in rules.values() for s in found),
        }
        for title, rules in features.items()
    ]


def _scenario(page: Page, scenario: ScenarioResult) -> dict[str, Any]:
    known = [page.run.exchange_by_id[x] for x in scenario.exchanges if x in page.run.exchange_by_id]
    return {
        "id": scenario.id,
        "anchor": page.anchors[scenario.id],
        "title": printable(scenario.title),
        "suite": scenario.suite,
        "outcome": scenario.outcome,
        "sides": sorted({f.side for f in scenario.findings}),
        "reason": printable(shortened(scenario.reason, 2000)).splitlines(),
        "took": seconds(scenario.duration_s),
        "requirements": [{"id": r, "url": web(page.rows[r].url) if r in page.rows else ""} for r in scenario.requirements],
        "inferno": scenario.inferno,
        "steps": [{"keyword": s.keyword, "name": printable(s.name), "status": s.status} for s in scenario.steps],
        "causes": [(number, cause.first.requirement) for number, cause in page.cause_of.get(scenario.id, ())],
        "exchanges": runs_of(x.id for x in known[-MOST_CHIPS:]),
        "left_out": max(0, len(known) - MOST_CHIPS),
        "attachments": [a for a in scenario.attachments if relative(a)],
        "images": images(page, scenario) if scenario.outcome == Outcome.PASSED else [],
    }
