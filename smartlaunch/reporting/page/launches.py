"""The launches, drawn as sequences."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from smartlaunch.evidence import sequence
from smartlaunch.exchange import Endpoint
from smartlaunch.records.launches import launches_of
from smartlaunch.records.record import moment
from smartlaunch.reporting.page.exchanges import exchange_rows
from smartlaunch.reporting.page.material import Page
from smartlaunch.reporting.words import printable, seconds

MOST_ARROWS = 40


def launches(page: Page) -> list[dict[str, Any]]:
    """The launches, those of one shape drawn once; launches in which something was found come first."""
    shapes: dict[tuple[Any, ...], list[Any]] = {}
    for launch in launches_of(page.run):
        exchanges = [page.run.exchange_by_id[x] for x in launch.exchanges if x in page.run.exchange_by_id]
        if exchanges:
            shape = tuple((x.endpoint, x.actor, x.method, x.status, x.id in page.bad) for x in exchanges[:MOST_ARROWS])
            shapes.setdefault((launch.suite, *shape), []).append((launch, exchanges))
    found = []
    for alike in shapes.values():
        launch, exchanges = alike[0]
        first, last = moment(exchanges[0].started), moment(exchanges[-1].started)
        took = (last - first).total_seconds() + exchanges[-1].duration_ms / 1000 if first and last else 0.0
        found.append(
            {
                "id": launch.id,
                "title": printable(launch.title),
                "suite": launch.suite,
                "number": len(exchanges),
                "took": seconds(max(0.0, took)),
                "alike": [printable(other.title) for other, _ in alike[1:]],
                "bad": sum(x.id in page.bad for x in exchanges),
                "complete": any(x.endpoint == Endpoint.TOKEN and x.status == 200 for x in exchanges),
                "diagram": Markup(sequence.svg(exchanges[:MOST_ARROWS], title=launch.title)),  # noqa: S704 - escaped by its writer
                "left_out": max(0, len(exchanges) - MOST_ARROWS),
                "rows": exchange_rows(page, [x.id for x in exchanges[:MOST_ARROWS]]),
            }
        )
    return sorted(found, key=lambda launch: (-launch["bad"], not launch["complete"]))
