"""The course of the run and what it was made with."""

from __future__ import annotations

from typing import Any

from smartlaunch.finding import Outcome
from smartlaunch.records.record import moment
from smartlaunch.reporting.page.material import Page
from smartlaunch.reporting.page.text import mapping
from smartlaunch.reporting.words import (
    OUTCOME_WORDS,
    printable,
    seconds,
)


def timeline(page: Page) -> dict[str, Any]:
    """When each scenario ran, a lane for each suite."""
    timed = [(s, moment(s.started)) for s in page.run.scenarios]
    begin = moment(page.run.header.get("start")) or min((t for _, t in timed if t), default=None)
    ends = [(t - begin).total_seconds() + s.duration_s for s, t in timed if t and begin]
    span = max([*ends, page.run.duration_s, 0.001])
    lanes: dict[str, dict[str, Any]] = {
        suite: {"suite": suite, "bars": [], "counts": {}, "took": 0.0, "number": 0} for suite in page.run.suites
    }
    for scenario, at in timed:
        lane = lanes[scenario.suite]
        lane["number"] += 1
        lane["took"] += scenario.duration_s
        lane["counts"][scenario.outcome] = lane["counts"].get(scenario.outcome, 0) + 1
        if at and begin:
            left = min(99.8, 100 * max(0.0, (at - begin).total_seconds()) / span)
            width = min(100 - left, max(0.15, 100 * scenario.duration_s / span))
            says = f"{printable(scenario.title)}: {OUTCOME_WORDS[scenario.outcome]}, {seconds(scenario.duration_s)}"
            lane["bars"].append({"left": round(left, 3), "width": round(width, 3), "outcome": scenario.outcome, "says": says})
    marks = [{"left": 25 * i, "text": seconds(span * i / 4) if i else "0 s"} for i in range(5)]
    outcomes = [o.value for o in Outcome if page.run.counts[o]]
    return {"lanes": list(lanes.values()), "marks": marks, "drawn": bool(ends), "outcomes": outcomes}


def environment_rows(page: Page) -> list[tuple[str, str]]:
    """What the run was made with."""
    header = page.run.header
    suite, environment, target = (mapping(header.get(name)) for name in ("suite", "environment", "target"))
    rows = [
        ("Run", page.run.id),
        ("Suite", " ".join(str(p) for p in (suite.get("version"), str(suite.get("commit") or "")[:12]) if p)),
        ("Target", f"{target.get('name', '')}, file {str(target.get('hash', ''))[:16]}"),
        ("Vendor", str(target.get("vendor") or "")),
        ("Start", str(header.get("start", ""))),
        ("End", str(header.get("end", ""))),
        ("Zone", str(header.get("zone", ""))),
        *((name.capitalize(), str(value)) for name, value in environment.items() if isinstance(value, str)),
        *((str(name), str(version)) for name, version in mapping(environment.get("libraries")).items()),
        ("Sandbox defects on", ", ".join(map(str, target.get("defects") or ()))),
        ("Sandbox variants on", ", ".join(map(str, target.get("variants") or ()))),
        ("Intrusive probes", "none, the run was passive" if header.get("passive") else ""),
    ]
    return [(name, printable(value)) for name, value in rows if value]
