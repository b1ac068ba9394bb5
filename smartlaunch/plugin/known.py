"""Known deviations: which results they say beforehand, and what became of each of them.

A deviation on a requirement covers the findings of that requirement and nothing else; one on a scenario covers whatever that scenario
finds. The outcome stays what it is: what is known is told under its own heading and changes no colour.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from smartlaunch.finding import Outcome
from smartlaunch.records.record import ScenarioResult
from smartlaunch.target import Deviation

_COVERED = (Outcome.FAILED.value, Outcome.WARNING.value)


def mark(
    result: ScenarioResult, deviations: Sequence[Deviation], earlier: Mapping[str, ScenarioResult], *, today: date | None = None
) -> ScenarioResult:
    """The result with what is known of it; ``earlier`` are the results of the run so far, by id.

    A scenario is known when every finding that makes its outcome is covered. A blocked one is known when the scenario that judges
    what it would have looked at is known, or when it is named itself; that the network is down is never known beforehand.
    """
    current = [d for d in deviations if not d.expired(today)]
    if not current:
        return result
    if result.outcome in _COVERED:
        covered = {id(f): _of_finding(current, result, f.requirement) for f in result.findings}
        findings = tuple(replace(f, known=d.match) if (d := covered[id(f)]) else f for f in result.findings)
        first = next((d for f in result.findings if f.outcome == result.outcome and (d := covered[id(f)])), None)
        whole = first is not None and all(f.known for f in findings if f.outcome == result.outcome)
        return replace(result, findings=findings, known=_told(first) if whole and first else {})
    if result.outcome != Outcome.BLOCKED:
        return result
    behind = earlier.get(result.blocked_by)
    if behind is not None and behind.known:
        return replace(result, known=behind.known)
    named = next((d for d in current if any(d.names(i) for i in _scenario_names(result))), None)
    return replace(result, known=_told(named)) if named is not None and result.block.get("kind") != "unreachable" else result


def account(
    results: Iterable[ScenarioResult],
    deviations: Sequence[Deviation],
    known_ids: Iterable[str],
    *,
    whole: bool = True,
    today: date | None = None,
) -> list[dict[str, Any]]:
    """What became of each deviation; ``known_ids`` are the scenarios and requirements that there are at all.

    One is gone only when all that it names was judged: a scenario that was not selected or could not be judged may still show it.
    ``whole`` says that nothing was left out of the selection.
    """
    results, every = list(results), list(known_ids)
    found = []
    for deviation in deviations:
        meant = [r for r in results if _means(deviation, r)]
        judged = any(r.outcome in (Outcome.PASSED, *_COVERED) for r in meant)
        open_ = any(r.outcome in (Outcome.BLOCKED, Outcome.ERROR) for r in meant)
        named = any(deviation.names(i) for r in meant for i in _scenario_names(r))
        seen = [r.id for r in results if r.known.get("match") == deviation.match or any(f.known == deviation.match for f in r.findings)]
        if deviation.expired(today):
            state = "expired"
        elif seen:
            state = "seen"
        elif not any(deviation.names(i) for i in every):
            state = "unknown"
        else:
            state = "gone" if judged and not open_ and (whole or named) else "not-judged"
        found.append({**_told(deviation), "state": state, "scenarios": seen})
    return found


def _told(deviation: Deviation) -> dict[str, str]:
    members = {
        "match": deviation.match,
        "reason": deviation.reason,
        "link": deviation.link,
        "expires": deviation.expires.isoformat() if deviation.expires else "",
    }
    return {name: text for name, text in members.items() if text}


def _of_finding(deviations: Sequence[Deviation], result: ScenarioResult, requirement: str) -> Deviation | None:
    names = (*_scenario_names(result), requirement, f"{requirement}{_label(result)}")
    return next((d for d in deviations if any(d.names(name) for name in names)), None)


def _means(deviation: Deviation, result: ScenarioResult) -> bool:
    label = _label(result)
    names = [*_scenario_names(result), *(n for r in result.requirements for n in (r, f"{r}{label}"))]
    return any(deviation.names(name) for name in names)


def _scenario_names(result: ScenarioResult) -> tuple[str, str]:
    """The scenario's id, and that of the outline whose row it is."""
    return result.id, result.id.removesuffix(_label(result))


def _label(result: ScenarioResult) -> str:
    """The label of the row in its brackets, empty for a scenario of its own."""
    found = re.search(r"\[.*\]$", result.id)
    return found[0] if found else ""
