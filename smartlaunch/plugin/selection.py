"""Which scenarios a run puts: the same rules for ``smartlaunch run``, its ``--list``, and plain pytest."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from smartlaunch.catalogue import Requirement, load
from smartlaunch.errors import LookupFailed, UsageError
from smartlaunch.plugin.binding import BY_ID, SUITES, Plan, Suite, plans
from smartlaunch.plugin.options import Options


@dataclass(frozen=True)
class Selection:
    """What was asked for, every name in it known. ``suites`` are those whose binders are needed."""

    suites: tuple[Suite, ...]
    requirements: frozenset[str]
    scenarios: frozenset[str]
    passive: bool = False
    quick: bool = False
    thorough: bool = False

    @classmethod
    def of(cls, options: Options, *, files_named: bool = False) -> Selection:
        """Check the names; a suite outside the default selection takes part when it, one of its scenarios or its file is named."""
        for suite in options.suite:
            if suite not in BY_ID:
                raise LookupFailed("suite", suite, list(BY_ID))
        named = files_named or bool(options.scenario or options.ids)
        suites = tuple(s for s in SUITES if (s.id in options.suite if options.suite else s.default or named))
        requirements = frozenset(requirement(identifier).id for identifier in options.requirement)
        scenarios = frozenset(name for asked in options.scenario for name in _scenarios(asked, suites, thorough=options.thorough))
        if options.ids:
            listed = _listed(options.ids, suites, thorough=options.thorough)
            scenarios = scenarios & listed if options.scenario else listed
            suites = tuple(suite for suite in suites if any(name.startswith(f"{suite.id}/") for name in scenarios))
        return cls(suites, requirements, scenarios, options.passive, options.quick, options.thorough)

    def wants(self, plan: Plan, label: str = "") -> bool:
        """Whether a scenario, or one row of it, is asked for."""
        return (
            plan.suite in self.suites
            and (not self.requirements or bool(self.requirements & set(plan.requirements)))
            and (not self.scenarios or bool(self.scenarios & {plan.id, plan.id_of(label)}))
            and (not self.quick or "quick" in plan.flags)
            and (not self.passive or "intrusive" not in plan.flags)
            and (not plan.thorough or self.thorough or bool(self.scenarios))
        )

    def scenarios_of(self, plan: Plan) -> tuple[str, ...]:
        """The ids of the scenarios that come of a plan: one, or one for each row that is asked for."""
        return tuple(plan.id_of(label) for label in plan.labels or ("",) if self.wants(plan, label))

    def plans(self) -> list[Plan]:
        """Every plan of which at least one scenario is asked for, in the order in which they run."""
        return [plan for suite in self.suites for plan in plans(suite.id) if self.scenarios_of(plan)]


def requirement(identifier: str) -> Requirement:
    """The requirement of an id, capital letters or not; else say which ids come close."""
    rows = load()
    if identifier in rows:
        return rows[identifier]
    folded = {name.lower(): name for name in rows}
    if identifier.lower() in folded:
        return rows[folded[identifier.lower()]]
    raise unknown_requirement(identifier)


def unknown_requirement(identifier: str) -> LookupFailed:
    """The error for an unknown id, with the ids of the same document or the closest ones instead of all of them."""
    rows = list(load())
    starts = [start.lower() for start in (identifier, identifier.rsplit("-", 1)[0]) if start]
    near = list(dict.fromkeys(name for start in starts for name in rows if name.lower().startswith(start)))[:8]
    near = near or difflib.get_close_matches(identifier, rows, n=6, cutoff=0.4) or rows[:6]
    return LookupFailed("requirement", identifier, near, hint=f"{len(rows)} in all: smartlaunch requirements")


def _listed(place: str, suites: Sequence[Suite], *, thorough: bool) -> frozenset[str]:
    """The scenarios of a file, an id a line; raises ``UsageError`` where it cannot be read or names none."""
    try:
        lines = Path(place).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"--ids {place}: it cannot be read ({exc})") from None
    asked = dict.fromkeys(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    if not asked:
        raise UsageError(f"--ids {place}: it names no scenario")
    return frozenset(name for each in asked for name in _scenarios(each, suites, thorough=thorough))


def _scenarios(asked: str, suites: Sequence[Suite], *, thorough: bool) -> list[str]:
    """The ids that are meant: an id, a slug (that scenario in every suite), or either with ``*`` for any letters.

    An id means its scenario whatever else is asked for. A slug or ``*`` finds what a usual run puts; a suite outside the default
    selection only where nothing else is meant, a further situation only with ``--thorough``.
    """
    ids = _ids(tuple(suites))
    if asked in ids:
        return [asked]
    pattern = re.compile(r"(?:.*/)?" * ("/" not in asked) + ".*".join(map(re.escape, asked.split("*"))))
    found = [name for name, plan in ids.items() if pattern.fullmatch(name) and (thorough or not plan.thorough)]
    if not found:
        raise _unknown_scenario(asked, list(ids))
    return [name for name in found if ids[name].suite.default] or found


@cache
def _ids(suites: tuple[Suite, ...]) -> Mapping[str, Plan]:
    return {name: plan for suite in suites for plan in plans(suite.id) for name in (plan.id, *map(plan.id_of, plan.labels))}


def _unknown_scenario(identifier: str, known: Sequence[str]) -> LookupFailed:
    slug = identifier.rsplit("/", 1)[-1].split("[", 1)[0]
    near = sorted(name for name in known if name.split("[", 1)[0].endswith(f"/{slug}"))[:6]
    near = near or difflib.get_close_matches(identifier, sorted(known), n=6, cutoff=0.4) or sorted(known)[:6]
    return LookupFailed("scenario", identifier, near, hint=f"{len(known)} in all: smartlaunch run --list")
