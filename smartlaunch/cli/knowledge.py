"""What the suite knows of itself: requirements, the scenarios that put them, the defects that break them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from smartlaunch.catalogue import Requirement, load
from smartlaunch.errors import LookupFailed


@cache
def scenarios_by_requirement() -> Mapping[str, tuple[str, ...]]:
    """Return the ids of the scenarios of each requirement."""
    from smartlaunch.plugin.binding import requirement_coverage

    return requirement_coverage()


@cache
def defects_by_requirement() -> Mapping[str, tuple[str, ...]]:
    """Return the names of the defects that break each requirement."""
    from smartlaunch.embedded_ehr.defects import load_defects

    found: dict[str, list[str]] = {}
    for defect in load_defects().values():
        for requirement in defect.requirements:
            found.setdefault(requirement, []).append(defect.name)
    return {key: tuple(sorted(value)) for key, value in found.items()}


def requirement(identifier: str) -> Requirement:
    """Return the requirement of an id, or one of its source numbers; else say which ids come close."""
    rows = load()
    if identifier in rows:
        return rows[identifier]
    folded = {name.lower(): name for name in rows}
    if identifier.lower() in folded:
        return rows[folded[identifier.lower()]]
    raise unknown_requirement(identifier)


def unknown_requirement(identifier: str) -> LookupFailed:
    """Build the error for an unknown id, with the ids of the same document or the closest ones instead of all of them."""
    import difflib

    rows = list(load())
    starts = [start.lower() for start in (identifier, identifier.rsplit("-", 1)[0]) if start]
    near = list(dict.fromkeys(name for start in starts for name in rows if name.lower().startswith(start)))[:8]
    near = near or difflib.get_close_matches(identifier, rows, n=6, cutoff=0.4) or rows[:6]
    return LookupFailed("requirement", identifier, near, hint=f"{len(rows)} in all: smartlaunch requirements")


def documents() -> list[str]:
    """Return the documents' ids in order."""
    return list(dict.fromkeys(row.document for row in load().values()))
