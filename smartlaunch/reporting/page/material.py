"""What the parts of the page share: the run, its causes, the anchors of its scenarios, the room left for pictures."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from smartlaunch.records.causes import Cause, group_findings
from smartlaunch.records.record import Run, ScenarioResult
from smartlaunch.reporting.words import (
    Rows,
    sections,
)

IMAGES_BUDGET = 3_000_000
_IMAGES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}


@dataclass
class Page:
    """What every part of the page draws on; ``images_left`` is what the pictures may still weigh."""

    run: Run
    rows: Rows
    folder: Path | None
    causes: list[Cause] = field(init=False)
    anchors: dict[str, str] = field(init=False)
    cause_of: dict[str, list[tuple[int, Cause]]] = field(init=False, default_factory=dict)
    bad: frozenset[str] = field(init=False)
    """The exchanges in which something was found."""
    images_left: int = IMAGES_BUDGET

    def __post_init__(self) -> None:
        """Group the findings and give every scenario its place in the page."""
        self.causes = group_findings(self.run)
        self.bad = frozenset(finding.exchange for cause in self.causes for _, finding in cause.findings)
        self.anchors = anchors_of([s.id for s in self.run.scenarios])
        for number, cause in enumerate((c for _, group in sections(self.causes) for c in group), 1):
            for scenario in cause.scenarios:
                self.cause_of.setdefault(scenario.id, []).append((number, cause))


def anchors_of(ids: Iterable[str]) -> dict[str, str]:
    """A fragment for each scenario id, unique in the page."""
    taken: Counter[str] = Counter()
    anchors: dict[str, str] = {}
    for name in ids:
        slug = "s-" + (re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower() or "scenario")
        taken[slug] += 1
        anchors[name] = slug if taken[slug] == 1 else f"{slug}--{taken[slug]}"
    return anchors


def images(page: Page, scenario: ScenarioResult) -> list[dict[str, str]]:
    """The scenario's pictures as data URLs, as long as they fit; what does not fit stays a link."""
    found: list[dict[str, str]] = []
    for name in scenario.attachments:
        kind = _IMAGES.get(PurePosixPath(name).suffix.lower())
        path = page.folder / name if page.folder and kind and relative(name) else None
        if path is None or not path.is_file() or path.stat().st_size > page.images_left:
            continue
        data = path.read_bytes()
        page.images_left -= len(data)
        found.append({"name": name, "src": f"data:{kind};base64,{base64.b64encode(data).decode()}"})
    return found


def relative(name: str) -> str:
    """A path inside the run's folder as a link, or an empty string for anything else."""
    path = PurePosixPath(name)
    return "" if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name else quote(name)
