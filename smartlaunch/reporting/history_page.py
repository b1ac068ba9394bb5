"""The page of a history: by target a heat map of the nights, the course of each requirement, and the trend of the time a run takes.

One file that asks nobody for anything; it has no script at all. What was steady is counted and folded, so that what changed is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from markupsafe import Markup

from smartlaunch.finding import Outcome
from smartlaunch.records.history import Course, History, Night
from smartlaunch.reporting.page.text import web
from smartlaunch.reporting.pages import environment, resource
from smartlaunch.reporting.words import OUTCOME_LETTERS, OUTCOME_WORDS, WORST_FIRST, Rows, printable, seconds

NIGHTS = 45
MOST_ROWS = 400
_STEADY = (Outcome.PASSED.value, Outcome.NOT_APPLICABLE.value, Outcome.NOT_CONFIGURED.value)
_WIDTH, _HEIGHT = 720, 140


def write_history_page(history: History, path: Path, rows: Rows, *, target: str = "", title: str = "", links: bool = True) -> Path:
    """Write the page, of one target or of all; ``links`` says whether the reports of the runs lie beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_history(history, rows, target=target, title=title, beside=path.parent if links else None), encoding="utf-8")
    return path


def render_history(history: History, rows: Rows, *, target: str = "", title: str = "", beside: Path | None = None) -> str:
    """The page as text."""
    sections = [_section(history, name, base, rows, beside) for name, base in history.targets() if not target or name == target]
    made = environment()
    made.globals.update(words=OUTCOME_WORDS, letters=OUTCOME_LETTERS)
    return made.get_template("history.html.j2").render(
        css=Markup(resource("report.css") + resource("history.css")),  # noqa: S704 - our own files
        title=title or "History",
        sections=sections,
    )


def _section(history: History, name: str, base: str, rows: Rows, beside: Path | None) -> dict[str, Any]:
    nights = history.nights(name, base, last=NIGHTS)
    courses = history.courses(name, base, last=NIGHTS)
    columns = [night.start for night in nights]
    by_requirement: dict[str, list[Course]] = {}
    for course in courses:
        for requirement in course.requirements or (course.scenario,):
            by_requirement.setdefault(requirement, []).append(course)
    heat = [_row(requirement, found, columns, rows) for requirement, found in by_requirement.items()]
    moving = sorted((row for row in heat if not row["steady"]), key=lambda row: row["order"])
    return {
        "name": printable(name),
        "slug": "t-" + "".join(c if c.isalnum() else "-" for c in f"{name}-{base}".lower()),
        "base": printable(base),
        "nights": [_night(night, beside) for night in nights],
        "rows": moving[:MOST_ROWS],
        "more": max(0, len(moving) - MOST_ROWS),
        "steady": len(heat) - len(moving),
        "trend": _trend(nights),
        "scenarios": [_scenario(c) for c in sorted(courses, key=lambda c: (-c.flips, c.scenario)) if not _is_steady(c)][:MOST_ROWS],
    }


def _night(night: Night, beside: Path | None) -> dict[str, Any]:
    folder = Path(night.folder) if night.folder else None
    page = folder / "index.html" if folder and beside else None
    link = ""
    if page is not None and beside is not None and page.is_file() and page.is_relative_to(beside.resolve()):
        link = page.relative_to(beside.resolve()).as_posix()
    counts = [(o, night.counts[o]) for o in WORST_FIRST if night.counts.get(o)]
    told = "did not answer" if night.down else ", ".join(f"{n} {OUTCOME_WORDS[o]}" for o, n in counts) or "nothing ran"
    return {
        "day": night.start[8:10],
        "month": night.start[:7],
        "when": night.start[:16].replace("T", " "),
        "link": link,
        "told": told,
        "took": seconds(night.seconds),
        "down": night.down,
    }


def _row(requirement: str, courses: Sequence[Course], columns: Sequence[str], rows: Rows) -> dict[str, Any]:
    """One requirement: the worst of its scenarios for each night."""
    worst: dict[str, str] = {}
    for course in courses:
        for night, outcome, known in course.results:
            word = "known" if known else outcome
            if night not in worst or _badness(word) < _badness(worst[night]):
                worst[night] = word
    cells = [worst.get(night, "") for night in columns]
    row = rows.get(requirement)
    present = [cell for cell in cells if cell]
    return {
        "id": requirement,
        "url": web(row.url) if row else "",
        "text": row.text if row else "",
        "cells": [{"outcome": c, "letter": _letter(c), "word": _word(c)} for c in cells],
        "course": _course(cells, columns),
        "steady": all(cell in _STEADY for cell in present),
        "order": (_badness(present[-1]) if present else 99, requirement),
    }


def _course(cells: Sequence[str], columns: Sequence[str]) -> list[str]:
    """The timeline in words: one part for each stretch of nights with one outcome, the latest first."""
    stretches = [list(group) for _, group in groupby(((c, n) for c, n in zip(cells, columns, strict=True) if c), key=lambda pair: pair[0])]
    told: list[str] = []
    for stretch in reversed(stretches):
        word, first, last = _word(stretch[0][0]), stretch[0][1][:10], stretch[-1][1][:10]
        span = f"on {first}" if first == last and len(stretch) == 1 else f"from {first} to {last}"
        told.append(f"{word} since {first}" if not told else f"{word} {span}")
    return told


def _scenario(course: Course) -> dict[str, str]:
    return {
        "id": printable(course.scenario),
        "title": printable(course.title),
        "first": course.first_seen[:10],
        "passed": course.last_passed[:10] or "never",
        "took": seconds(course.seconds),
        "flaky": f"{round(100 * course.flakiness)} %" if course.flips else "",
        "last": course.results[-1][1] if course.results else "",
    }


def _is_steady(course: Course) -> bool:
    return all(outcome in _STEADY for _, outcome, _ in course.results)


def _trend(nights: Sequence[Night]) -> dict[str, Any] | None:
    """The time of each run as a line; None where there is nothing to draw a line between."""
    found = [(number, night) for number, night in enumerate(nights) if night.seconds and not night.down]
    if len(found) < 2:
        return None
    top = max(night.seconds for _, night in found)
    across = max(1, len(nights) - 1)
    points = [
        {
            "x": round(8 + (_WIDTH - 16) * number / across, 1),
            "y": round(_HEIGHT - 8 - (_HEIGHT - 24) * night.seconds / top, 1),
            "told": f"{night.start[:10]}: {seconds(night.seconds)}",
        }
        for number, night in found
    ]
    return {
        "width": _WIDTH,
        "height": _HEIGHT,
        "points": points,
        "line": " ".join(f"{p['x']},{p['y']}" for p in points),
        "said": f"first {seconds(found[0][1].seconds)}, last {seconds(found[-1][1].seconds)}, longest {seconds(top)}",
    }


def _badness(outcome: str) -> int:
    order = (*WORST_FIRST[:3], "known", *WORST_FIRST[3:])
    return order.index(outcome) if outcome in order else len(order)


def _letter(outcome: str) -> str:
    return "K" if outcome == "known" else OUTCOME_LETTERS.get(outcome, "")


def _word(outcome: str) -> str:
    return "known deviation" if outcome == "known" else OUTCOME_WORDS.get(outcome, "not run")
