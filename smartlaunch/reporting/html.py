"""The HTML page of a run: one file, no request to anywhere, always written.

This module turns a :class:`~smartlaunch.records.record.Run` into what the page shows; the templates lay it out. Every text that came
from a server is escaped by the template engine, and a content security policy in the page forbids any script but our own.
Bodies are cut and repeated texts are stored once, so that a run of thousands of exchanges stays a page that opens at once.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from smartlaunch.finding import Outcome
from smartlaunch.records.causes import wishes
from smartlaunch.records.files import HTML_FILE
from smartlaunch.records.record import Run
from smartlaunch.reporting.page.course import environment_rows, timeline
from smartlaunch.reporting.page.exchanges import exchange_data
from smartlaunch.reporting.page.findings import finding_sections
from smartlaunch.reporting.page.head import facts, problems, share, started, strip, unjudged
from smartlaunch.reporting.page.launches import launches
from smartlaunch.reporting.page.material import Page
from smartlaunch.reporting.page.matrix import matrix
from smartlaunch.reporting.page.scenarios import features
from smartlaunch.reporting.page.text import capital
from smartlaunch.reporting.pages import environment, resource
from smartlaunch.reporting.words import (
    OUTCOME_LETTERS,
    OUTCOME_WORDS,
    SIDE_WORDS,
    Rows,
    deviation_line,
    on_side,
    printable,
    seconds,
    verdict,
    wished,
)

MOST_LAUNCHES = 60


def write_html(run: Run, folder: Path, rows: Rows) -> Path:
    """Write ``index.html`` into the run's folder and return its path."""
    path = folder / HTML_FILE
    path.write_text(render_html(run, rows, folder=folder), encoding="utf-8", errors="backslashreplace")
    return path


def render_html(run: Run, rows: Rows, *, folder: Path | None = None) -> str:
    """The page as text; ``folder`` is where the attachments lie."""
    page = Page(run, rows, folder or run.folder)
    return _environment().get_template("index.html.j2").render(_view(page))


@cache
def _environment() -> Environment:
    made = environment()
    made.filters["seconds"] = seconds
    made.globals.update(words=OUTCOME_WORDS, letters=OUTCOME_LETTERS, on_side=on_side)
    return made


def _view(page: Page) -> dict[str, Any]:
    """What the template is given, a part of the page each."""
    script = resource("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    drawn, said, wanted = launches(page), problems(page), wishes(page.run)
    title, keys = wished(wish.key for wish in wanted)
    return {
        "css": Markup(resource("report.css")),  # noqa: S704 - our own file
        "script": Markup(script),  # noqa: S704 - our own file
        "script_digest": digest,
        "run": page.run,
        "title": f"{verdict(page.run).word} · {page.run.target_name or 'SMART App Launch'}",
        "verdict": verdict(page.run),
        "facts": facts(page),
        "started": started(page),
        "share": share(page),
        "strip": strip(page),
        "problems": [p for p in said if p["tone"] != Outcome.NOT_APPLICABLE],
        "deviations": [{"line": deviation_line(d), "state": str(d.get("state", ""))} for d in page.run.deviations],
        "notes": [capital(p["message"]) for p in said if p["tone"] == Outcome.NOT_APPLICABLE],
        "unjudged": unjudged(page),
        "folded": (Outcome.NOT_CONFIGURED.value, Outcome.NOT_APPLICABLE.value),
        "wish_title": title,
        "wishes": [{"key": printable(key), "number": len(wish.scenarios)} for wish, key in zip(wanted, keys, strict=True)],
        "sections": finding_sections(page),
        "matrix": matrix(page),
        "launches": drawn[:MOST_LAUNCHES],
        "more_launches": len(drawn[MOST_LAUNCHES:]),
        "features": features(page),
        "timeline": timeline(page),
        "environment": environment_rows(page),
        "exchange_data": exchange_data(page),
        "sides": {f.side: SIDE_WORDS.get(f.side, f.side) for s in page.run.scenarios for f in s.findings},
        "exchanges_total": len(page.run.exchanges),
    }
