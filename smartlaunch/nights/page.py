"""The index page of a night: the sentence, then a row for each target with its report; one file without a script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup

from smartlaunch.nights.state import Entry, Night
from smartlaunch.records.comparison import Comparison
from smartlaunch.records.files import HTML_FILE
from smartlaunch.records.record import Run
from smartlaunch.reporting.changes import headline
from smartlaunch.reporting.pages import environment, resource
from smartlaunch.reporting.telling import Told
from smartlaunch.reporting.words import OUTCOME_WORDS, WORST_FIRST, printable, seconds, verdict


def row_of(entry: Entry, run: Run | None, comparison: Comparison | None, told: Told) -> dict[str, Any]:
    """One target of the page."""
    worse = comparison.red(strict=told.strict, down_nights=told.down_nights) if comparison else False
    if run is None:
        words = {"waiting": "not begun", "running": "under way"}
        return {
            "name": printable(entry.name or entry.given),
            "link": "",
            "tone": "error" if entry.state == "done" else "not-applicable",
            "word": "not run" if entry.state == "done" else words[entry.state],
            "said": printable("; ".join(line.strip() for line in entry.said.splitlines())),
            "counts": "",
            "took": "",
            "attempts": entry.attempts,
        }
    found = verdict(run)
    counts = ", ".join(f"{run.counts[o]} {OUTCOME_WORDS[o]}" for o in WORST_FIRST if run.counts[o])
    return {
        "name": printable(run.target_name),
        "link": f"{entry.slug}/{HTML_FILE}",
        "tone": "failed" if worse else found.tone,
        "word": "Worse" if worse else found.word if entry.state == "done" else "under way",
        "said": headline(comparison, told.rows, strict=told.strict) if comparison else found.sentence,
        "counts": counts,
        "took": seconds(run.duration_s),
        "attempts": entry.attempts,
    }


def write_index(night: Night, rows: list[dict[str, Any]], told: Told) -> Path:
    """Write the page."""
    made = environment()
    done = sum(entry.state == "done" for entry in night.entries)
    text = made.get_template("night.html.j2").render(
        css=Markup(resource("report.css") + resource("history.css")),  # noqa: S704 - our own files
        night=night,
        headline=told.headline if told.comparisons or told.not_run else "No target is done yet.",
        word=told.word if told.comparisons or told.not_run else "Under way",
        rows=rows,
        left=len(night.entries) - done,
    )
    path = night.folder / HTML_FILE
    path.write_text(text, encoding="utf-8", errors="backslashreplace")
    return path
