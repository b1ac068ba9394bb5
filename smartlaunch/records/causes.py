"""What a run came to, by cause: findings that say the same thing, and scenarios that were not judged for the same reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from smartlaunch.finding import Kind, Outcome
from smartlaunch.records.record import Diagnosis, FindingRecord, Run, ScenarioResult


@dataclass(frozen=True)
class Cause:
    """Findings that say the same thing, as one entry.

    ``outcome`` is the worst among them; ``findings`` pairs each finding with its scenario; ``diagnosis`` is set when they are one
    because one diagnosis explains them. ``first`` is the finding to show.
    """

    key: str
    outcome: str
    side: str
    findings: tuple[tuple[ScenarioResult, FindingRecord], ...]
    diagnosis: Diagnosis | None = None

    @property
    def known(self) -> bool:
        """Whether a deviation covers it."""
        return bool(self.findings[0][1].known)

    @property
    def first(self) -> FindingRecord:
        """The finding that stands for all: of a failure before a warning, in run order."""
        return next((f for _, f in self.findings if f.outcome == self.outcome), self.findings[0][1])

    @property
    def lead(self) -> ScenarioResult:
        """The scenario of the finding that stands for all."""
        return next(s for s, f in self.findings if f is self.first)

    @property
    def count(self) -> int:
        """How many findings this entry stands for."""
        return len(self.findings)

    @property
    def scenarios(self) -> tuple[ScenarioResult, ...]:
        """The scenarios it shows in, each once."""
        return tuple({s.id: s for s, _ in self.findings}.values())

    @property
    def requirements(self) -> tuple[str, ...]:
        """The requirements it breaks, each once."""
        return tuple(dict.fromkeys(f.requirement for _, f in self.findings))

    @property
    def variants(self) -> tuple[FindingRecord, ...]:
        """One finding for each different statement among them, ``first`` first."""
        distinct = {_statement(f): f for _, f in reversed(self.findings)}
        distinct.pop(_statement(self.first), None)
        return (self.first, *reversed(distinct.values()))


def group_findings(run: Run) -> list[Cause]:
    """Join findings with one cause into one entry, failures first, each kind in run order.

    One cause: the same requirement, expected and actual once ordinals, ids and times are left aside; or the same diagnosis. What a
    deviation covers is a cause of its own, last.
    """
    groups: dict[str, list[tuple[ScenarioResult, FindingRecord]]] = {}
    diagnosed: dict[str, Diagnosis] = {}
    for scenario in run.scenarios:
        explained = run.diagnoses_for(scenario.id)
        for finding in scenario.findings:
            diagnosis = next((d for d in explained if _explains(d, scenario, finding)), None)
            key = _diagnosis_key(diagnosis, finding) if diagnosis else _statement(finding)
            key = f"known {finding.known}\n{key}" if finding.known else key
            if diagnosis:
                diagnosed.setdefault(key, diagnosis)
            groups.setdefault(key, []).append((scenario, finding))
    causes = []
    for key, members in groups.items():
        failed = any(f.outcome == Outcome.FAILED for _, f in members)
        side = diagnosed[key].side if key in diagnosed else Counter(f.side for _, f in members).most_common(1)[0][0]
        outcome = Outcome.FAILED.value if failed else Outcome.WARNING.value
        causes.append(Cause(key=key, outcome=outcome, side=side, findings=tuple(members), diagnosis=diagnosed.get(key)))
    return sorted(causes, key=lambda c: (c.known, c.outcome != Outcome.FAILED, all(f.kind != Kind.EXPECTATION for _, f in c.findings)))


@dataclass(frozen=True)
class Unjudged:
    """Scenarios that were not judged for one and the same reason, with the diagnosis of it where there is one."""

    outcome: str
    reason: str
    scenarios: tuple[ScenarioResult, ...]
    diagnosis: Diagnosis | None = None


def group_unjudged(run: Run) -> list[Unjudged]:
    """Join scenarios without a verdict by outcome and what kept them from one, most scenarios first within each outcome.

    That is the first cause where several scenarios were blocked by it, each in its own words, else the reason.
    """
    order = [Outcome.ERROR.value, Outcome.BLOCKED.value, Outcome.NOT_CONFIGURED.value, Outcome.NOT_APPLICABLE.value]
    groups: dict[tuple[str, str], list[ScenarioResult]] = {}
    for scenario in run.scenarios:
        if scenario.outcome in order and not scenario.known:
            cause = "\n".join((scenario.block["kind"], scenario.block["cause"])) if scenario.block else scenario.reason
            groups.setdefault((scenario.outcome, normalised(cause)), []).append(scenario)
    found = []
    for (outcome, _), members in groups.items():
        diagnosis = next(iter(run.diagnoses_for(members[0].id)), None) if outcome == Outcome.BLOCKED else None
        reason = min((each.reason for each in members), key=len)
        found.append(Unjudged(outcome, reason or "no reason was given", tuple(members), diagnosis))
    return sorted(found, key=lambda u: (order.index(u.outcome), -len(u.scenarios)))


@dataclass(frozen=True)
class Wish:
    """What one more line in the target file would let be judged."""

    key: str
    scenarios: tuple[ScenarioResult, ...]


def wishes(run: Run) -> list[Wish]:
    """What to write into the target file, what lets most scenarios be judged first; a scenario that names no key has no wish."""
    by_key: dict[str, list[ScenarioResult]] = {}
    for scenario in run.scenarios:
        if scenario.outcome == Outcome.NOT_CONFIGURED and scenario.needs:
            by_key.setdefault(" ".join(scenario.needs.split()), []).append(scenario)
    return sorted((Wish(key, tuple(found)) for key, found in by_key.items()), key=lambda wish: -len(wish.scenarios))


_VARYING = re.compile(
    r"<(?P<kind>[a-z_ ]+?) \d+(?: [^<>]*)?>"
    r"|\bx\d{4,}\b"
    r"|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
    r"|\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|\b\d+(?:\.\d+)? ?(?:ms|s|seconds)\b",
    re.IGNORECASE,
)


def normalised(text: str) -> str:
    """A text without what differs from one occurrence to the next: ordinals, exchange ids, UUIDs, times, white space."""
    return " ".join(_VARYING.sub(lambda m: f"<{m['kind']}>" if m["kind"] else "<*>", text).split()).casefold()


def _statement(finding: FindingRecord) -> str:
    return "\n".join((finding.requirement, normalised(finding.expected), normalised(finding.actual), finding.kind))


def _diagnosis_key(diagnosis: Diagnosis, finding: FindingRecord) -> str:
    """What two findings share that have one cause; where none is named, one rule is all that they can share."""
    return f"diagnosis {diagnosis.rule}\n{normalised(diagnosis.cause) if diagnosis.names_a_cause else finding.requirement}"


def _explains(diagnosis: Diagnosis, scenario: ScenarioResult, finding: FindingRecord) -> bool:
    """Whether a diagnosis speaks of this finding: it may name requirements, else it explains the whole scenario."""
    named = diagnosis.raw.get("findings") or diagnosis.raw.get("requirements")
    if not isinstance(named, list) or not named:
        return True
    for entry in named:
        if isinstance(entry, Mapping):
            if entry.get("requirement") == finding.requirement and entry.get("scenario", scenario.id) == scenario.id:
                return True
        elif entry == finding.requirement:
            return True
    return False
