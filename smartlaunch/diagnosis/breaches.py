"""Broken requirements of a run as causes: one cause one entry, the cause before what follows from it.

What belongs together is told by data: the requirement, the scenario an outline's rows share, and the place in the message that a finding
points to. Where an answer lacks a member, everything else that is found at that place of such answers follows from it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from smartlaunch.diagnosis.model import Category, Confidence, Diagnosis, Evidence
from smartlaunch.diagnosis.protects import topic_of
from smartlaunch.diagnosis.weighing import HIGH
from smartlaunch.exchange import RecordedExchange
from smartlaunch.finding import Outcome, Side
from smartlaunch.records import commands
from smartlaunch.records.causes import normalised
from smartlaunch.records.record import FindingRecord, Run, ScenarioResult


@dataclass(slots=True)
class Breach:
    """Findings with one cause: the first of them, all others, and what only follows from it."""

    found: list[tuple[ScenarioResult, FindingRecord]] = field(default_factory=list)
    follows: list[tuple[ScenarioResult, FindingRecord]] = field(default_factory=list)

    @property
    def first(self) -> tuple[ScenarioResult, FindingRecord]:
        """The finding that stands for all: of a right flow before one of a probe, of a failure before a warning."""
        return min(self.found, key=lambda pair: (pair[1].outcome != Outcome.FAILED, is_probe(pair[0])))


def is_probe(result: ScenarioResult) -> bool:
    """Whether a scenario does something wrong on purpose, so that a refusal is what it is about."""
    return bool({"intrusive", "denial"} & set(result.tags))


def slug_of(scenario: str) -> str:
    """A scenario's id without its suite and without the label of its row."""
    return scenario.partition("/")[2].partition("[")[0] or scenario


def gather(pairs: Iterable[tuple[ScenarioResult, FindingRecord]], run: Run) -> list[Breach]:
    """Join findings with one cause, in run order, and fold what follows from an absent member below it."""
    breaches: list[Breach] = []
    by_key: dict[str, Breach] = {}
    for result, finding in pairs:
        keys = _keys(result, finding)
        breach = next((by_key[key] for key in keys if key in by_key), None)
        if breach is None:
            breach = Breach()
            breaches.append(breach)
        breach.found.append((result, finding))
        for key in keys:
            by_key.setdefault(key, breach)
    return _fold(breaches, run)


def _keys(result: ScenarioResult, finding: FindingRecord) -> tuple[str, str]:
    """Rows of one outline say the same, and so do findings on one requirement with the same words at the same place."""
    return (
        f"row {slug_of(result.id)} {finding.requirement} {finding.kind}",
        f"said {finding.requirement} {finding.pointer} {normalised(finding.actual)} {finding.kind}",
    )


def _fold(breaches: list[Breach], run: Run) -> list[Breach]:
    roots: dict[str, Breach] = {}
    for breach in breaches:
        result, finding = breach.first
        place = _absent(finding, run)
        if place and (place not in roots or _aside(roots[place].first[0]) > _aside(result)):
            roots[place] = breach
    kept = []
    for breach in breaches:
        place = next((p for _, f in breach.found if (p := _absent(f, run))), "")
        root = roots.get(place) if place else None
        if root is None or root is breach:
            kept.append(breach)
        else:
            root.follows += [*breach.found, *breach.follows]
    return kept


def _aside(result: ScenarioResult) -> int:
    """How far a scenario is from the rule itself: what every run puts first, then other right flows, then probes."""
    return 2 * is_probe(result) + ("quick" not in result.tags)


def _absent(finding: FindingRecord, run: Run) -> str:
    """The place a finding points to, if the answer has nothing there; empty when it has, or when this cannot be seen."""
    exchange = run.exchange_by_id.get(finding.exchange)
    member = re.fullmatch(r"/([A-Za-z_]+)", finding.pointer)
    if exchange is None or member is None or not 200 <= exchange.status < 300:
        return ""
    body = _members(exchange)
    return f"{exchange.endpoint} {finding.pointer}" if body is not None and member.group(1) not in body else ""


def _members(exchange: RecordedExchange) -> frozenset[str] | None:
    try:
        body = json.loads(exchange.response_body)
    except (ValueError, RecursionError):
        return None
    return frozenset(body) if isinstance(body, dict) else None


def as_diagnosis(breach: Breach, run: Run) -> Diagnosis:
    """What a breach says beyond expected and actual: what the rule protects, what usually breaks it, where to look."""
    result, finding = breach.first
    topic = topic_of(finding.requirement)
    scenarios = list(dict.fromkeys(r.id for r, _ in [*breach.found, *breach.follows]))
    place = finding.pointer.lstrip("/")
    further = len({r.id for r, _ in breach.follows})
    folded = f" {further} further scenario{'s' if further != 1 else ''} fail because the answer has no `{place}`." if further else ""
    evidence = [Evidence(f"expected {finding.expected}; actual: {finding.actual}", exchange=finding.exchange)]
    evidence += [Evidence(f"in {r.id} follows: {f.actual}", exchange=f.exchange) for r, f in breach.follows[:3]]
    return Diagnosis(
        rule="requirement-not-met",
        category=Category.CORS if topic.name == "cors" else Category.SERVER_DEFECT,
        side=Side(finding.side),
        cause=f"{topic.protects} What usually breaks it: {topic.usual}{folded}",
        fix=f"Look at {topic.look}.",
        next=commands.again(result, run),
        confidence=Confidence.HIGH if any(f.outcome == Outcome.FAILED for _, f in breach.found) else Confidence.MEDIUM,
        weight=HIGH,
        evidence=evidence,
        scenarios=scenarios,
        requirements=list(dict.fromkeys(f.requirement for _, f in [*breach.found, *breach.follows])),
    )
