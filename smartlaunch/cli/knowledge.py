"""What the suite knows of itself: requirements, the scenarios that put them, the defects that break them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from smartlaunch.catalogue import load


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


def documents() -> list[str]:
    """Return the documents' ids in order."""
    return list(dict.fromkeys(row.document for row in load().values()))
