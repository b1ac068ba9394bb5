"""The markers of a scenario: by what ``-m`` selects and ``-k`` finds."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from smartlaunch.catalogue import load
from smartlaunch.finding import Strength
from smartlaunch.plugin.binding import SUITES, TAGS, Plan, features_root


def _groups() -> dict[str, str]:
    """Folders and files of the features, by name."""
    root = features_root()
    files = {path.stem: f"scenarios of {path.relative_to(root).as_posix()}" for path in sorted(root.rglob("*.feature"))}
    return files | {path.name: f"scenarios of the group {path.name}" for path in sorted(root.iterdir()) if path.is_dir()}


def _words() -> dict[str, str]:
    strengths = {_word(s): f"speaks to a requirement that says {s.value}" for s in Strength}
    suites = {suite.id: f"scenarios of the suite {suite.id}" for suite in SUITES}
    return {**_groups(), **strengths, **TAGS, **suites}


def _word(strength: Strength) -> str:
    return strength.value.lower().replace(" ", "_")


WORDS = _words()
"""Every marker with what it means; where a tag and a group have one name, the tag's meaning is told and both are marked."""


@cache
def of(plan: Plan) -> tuple[str, ...]:
    """The markers of one plan."""
    path = Path(plan.path)
    strengths = [_word(load()[r].strength) for r in plan.requirements if r in load()]
    return tuple(dict.fromkeys(n for n in (*path.parts[:-1], path.stem, plan.suite.id, *sorted(plan.flags), *strengths) if n in WORDS))
