"""The head of the page: what was run, how it ended, what was not judged."""

from __future__ import annotations

from collections import Counter
from typing import Any

from smartlaunch.records.causes import group_unjudged
from smartlaunch.records.record import moment
from smartlaunch.reporting.page.material import Page, images
from smartlaunch.reporting.page.text import mapping
from smartlaunch.reporting.words import (
    OUTCOME_WORDS,
    printable,
    seconds,
    spent,
)


def facts(page: Page) -> list[tuple[str, str]]:
    """What was run, in a few pairs at the head of the page."""
    header = page.run.header
    target = mapping(header.get("target"))
    facts = [
        ("Edition", ", ".join(map(str, header.get("editions", ())))),
        ("Took", seconds(page.run.duration_s) if page.run.duration_s else ""),
        ("Of that", spent(page.run)),
        ("Exchanges", f"{len(page.run.exchanges):,}"),
        ("FHIR base URL", str(target.get("fhir_base_url", ""))),
    ]
    return [(name, printable(value)) for name, value in facts if value]


def started(page: Page) -> dict[str, str]:
    """When the run began: for a reader without script as the clock of the machine that ran it says, else in the reader's own zone."""
    start = moment(page.run.header.get("start"))
    return {"iso": start.isoformat(), "words": start.strftime("%d %B %Y, %H:%M:%S %Z")} if start else {}


def share(page: Page) -> dict[str, Any]:
    """How much was judged of what binds this server: a run that could look at little is no good news, however green."""
    judged, bound = page.run.judged, page.run.bound
    return {"judged": judged, "bound": bound, "percent": 100 * judged // bound if bound else 0}


def strip(page: Page) -> list[dict[str, Any]]:
    """The outcomes as parts of a bar."""
    total = max(1, len(page.run.scenarios))
    order = ("failed", "known", "warning", "passed", "blocked", "error", "not-configured", "not-applicable")
    numbers = Counter("known" if s.known else s.outcome for s in page.run.scenarios)
    words = {**OUTCOME_WORDS, "warning": "with advisories", "known": "known deviations"}
    return [
        {"outcome": o, "word": words[o], "number": numbers[o], "share": round(100 * numbers[o] / total, 3)} for o in order if numbers[o]
    ]


def problems(page: Page) -> list[dict[str, str]]:
    """What the check before the run said."""
    tones = {"mend": "failed", "unreachable": "blocked"}
    return [
        {
            "message": printable(str(line.get("problem", ""))),
            "fix": printable(str(line.get("fix", ""))),
            "tone": tones.get(str(line.get("verdict", "")), "not-applicable"),
        }
        for line in page.run.preflight
    ]


def unjudged(page: Page) -> list[dict[str, Any]]:
    """What was not judged, by reason."""
    return [
        {
            "outcome": group.outcome,
            "lines": printable(group.reason).splitlines() or [""],
            "scenarios": [{"id": s.id, "title": printable(s.title), "anchor": page.anchors[s.id]} for s in group.scenarios],
            "images": [i for s in group.scenarios[:1] for i in images(page, s)],
            "diagnosis": group.diagnosis,
        }
        for group in group_unjudged(page.run)
    ]
