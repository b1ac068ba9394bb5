"""The values of one run: what ``run.json`` holds. Everything in here is already redacted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from smartlaunch.errors import UsageError
from smartlaunch.exchange import RecordedExchange
from smartlaunch.finding import Finding, Kind, Outcome, Side, Strength
from smartlaunch.records.packing import unpacked

SCHEMA_VERSION = 1
_LAST = 8
"""How many exchanges of a scenario that did not pass are kept whole, whatever else is not."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class FindingRecord:
    """One finding as the run keeps it: the check's words plus the strength and outcome that the judge gave it."""

    requirement: str
    expected: str
    actual: str
    kind: str = Kind.REQUIREMENT.value
    strength: str = ""
    outcome: str = Outcome.FAILED.value
    exchange: str = ""
    pointer: str = ""
    side: str = Side.AUTHORIZATION_SERVER.value
    known: str = ""
    """The ``match`` of the deviation that covers it."""

    @classmethod
    def of(cls, finding: Finding, *, strength: Strength | str = "", outcome: Outcome | str | None = None) -> FindingRecord:
        """Take over a check's finding.

        Without an explicit ``outcome`` the finding's own severity counts, then the strength: SHOULD warns, anything else fails.
        """
        strength_word = str(strength)
        if outcome is None:
            outcome = finding.severity or (Outcome.WARNING if strength_word.startswith("SHOULD") else Outcome.FAILED)
        return cls(
            requirement=finding.requirement,
            expected=finding.expected,
            actual=finding.actual,
            kind=finding.kind.value,
            strength=strength_word,
            outcome=str(outcome),
            exchange=finding.exchange,
            pointer=finding.pointer,
            side=finding.side.value,
        )


@dataclass(frozen=True, slots=True)
class StepResult:
    """One Gherkin step: ``status`` is ``passed``, ``failed``, ``warning`` (only advisories) or ``skipped`` (not reached)."""

    keyword: str
    name: str
    status: str = Outcome.PASSED.value


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """One scenario and how it ended.

    ``reason`` is a sentence for every outcome but ``passed`` and may have several lines; ``exchanges`` are ids in the order in
    which they happened, shared launches included; ``attachments`` are paths relative to the run's folder; ``started`` is ISO 8601
    with a zone; ``launch`` names the shared launch (see :class:`Launch`) that the scenario used, if any.
    ``needs`` is what to write into the target file when it is not configured; ``profile`` names the client and the way of launching
    with which it was judged; ``blocked_by`` is the id of the scenario that judges what this one would have looked at;
    ``block`` holds the kind of the block and the first sentence of the one it goes back to, equal in all that go back to it;
    ``known`` holds the deviation (match, reason, link, expires) that covers all that makes the outcome what it is.
    """

    id: str
    title: str
    feature: str
    rule: str
    suite: str
    requirements: tuple[str, ...]
    outcome: str
    reason: str = ""
    duration_s: float = 0.0
    findings: tuple[FindingRecord, ...] = ()
    exchanges: tuple[str, ...] = ()
    steps: tuple[StepResult, ...] = ()
    attachments: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    inferno: tuple[str, ...] = ()
    started: str = ""
    launch: str = ""
    block: Mapping[str, str] = field(default_factory=dict)
    needs: str = ""
    profile: str = ""
    blocked_by: str = ""
    known: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Accept lists and plain dicts where the type says tuples of records, so that callers and JSON need no ceremony."""
        for name in ("requirements", "exchanges", "attachments", "tags", "inferno"):
            object.__setattr__(self, name, strings(getattr(self, name)))
        object.__setattr__(self, "outcome", str(self.outcome))
        object.__setattr__(self, "findings", tuple(record_of(FindingRecord, f) for f in self.findings))
        object.__setattr__(self, "steps", tuple(record_of(StepResult, s) for s in self.steps))


@dataclass(frozen=True, slots=True)
class Launch:
    """One launch of the app: the exchanges from the first request to the last use of its tokens."""

    id: str
    title: str
    exchanges: tuple[str, ...]
    suite: str = ""

    @classmethod
    def of(cls, data: Any) -> Launch:
        """Read one entry of ``launches[]``, or take over a record."""
        launch = record_of(cls, data)
        return cls(id=launch.id, title=launch.title, exchanges=strings(launch.exchanges), suite=launch.suite)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A likely cause, as ``smartlaunch.diagnosis`` states it, with the scenarios (and findings, where named) it explains."""

    rule: str
    category: str = "other"
    side: str = Side.UNDECIDED.value
    cause: str = ""
    fix: str = ""
    next: str = ""
    confidence: str = "low"
    evidence: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def names_a_cause(self) -> bool:
        """Whether it says more than that a rule is broken and what the rule is for."""
        return self.rule != "requirement-not-met"

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Diagnosis:
        """Read one entry of ``diagnoses[]``; members not named here stay in ``raw`` and go out again as they came."""
        return cls(
            rule=str(data.get("rule", "")),
            category=str(data.get("category", "other")),
            side=str(data.get("side", Side.UNDECIDED.value)),
            cause=_sentence(data.get("cause")),
            fix=_sentence(data.get("fix")),
            next=_sentence(data.get("next")),
            confidence=str(data.get("confidence", "low")),
            evidence=_evidence(data.get("evidence")),
            scenarios=strings(data.get("scenarios") or ()),
            raw=dict(data),
        )


@dataclass(frozen=True)
class Run:
    """A whole run. ``header`` is JSON as it stands in the file; see ``schemas/run.schema.json`` for its members."""

    header: Mapping[str, Any]
    scenarios: tuple[ScenarioResult, ...] = ()
    exchanges: tuple[RecordedExchange, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    launches: tuple[Launch, ...] = ()
    folder: Path | None = field(default=None, compare=False)

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many scenarios ended in each outcome; every outcome is a key."""
        found = Counter(s.outcome for s in self.scenarios)
        return {outcome.value: found.get(outcome.value, 0) for outcome in Outcome}

    @cached_property
    def exchange_by_id(self) -> dict[str, RecordedExchange]:
        """The exchanges by their id."""
        return {x.id: x for x in self.exchanges}

    @cached_property
    def scenario_by_id(self) -> dict[str, ScenarioResult]:
        """The scenarios by their id."""
        return {s.id: s for s in self.scenarios}

    @property
    def spoken_of(self) -> frozenset[str]:
        """The exchanges that a finding names, and the last ones of what did not come to a good end: what a person will want to read."""
        ended = (Outcome.FAILED, Outcome.WARNING, Outcome.BLOCKED, Outcome.ERROR)
        found = {finding.exchange for scenario in self.scenarios for finding in scenario.findings}
        return frozenset(found | {x for s in self.scenarios if s.outcome in ended for x in s.exchanges[-_LAST:]})

    @property
    def missing(self) -> tuple[str, ...]:
        """Selected scenarios that never gave a result."""
        return strings(self._member("coverage").get("missing", ()))

    @property
    def judged(self) -> int:
        """How many scenarios came to a verdict on the server."""
        return sum(self.counts[o] for o in (Outcome.PASSED, Outcome.FAILED, Outcome.WARNING))

    @property
    def bound(self) -> int:
        """How many scenarios bind this server: all that were selected but those whose rule does not apply."""
        return len(self.scenarios) + len(self.missing) - self.counts[Outcome.NOT_APPLICABLE]

    @cached_property
    def known(self) -> tuple[ScenarioResult, ...]:
        """The scenarios whose outcome a deviation says beforehand."""
        return tuple(s for s in self.scenarios if s.known)

    def unknown(self, outcome: Outcome) -> int:
        """How many scenarios ended so without a deviation that says it; a warning beside a known failure counts as a warning."""
        return sum(
            (s.outcome == outcome and not s.known)
            or (outcome is Outcome.WARNING and bool(s.known) and any(f.outcome == outcome and not f.known for f in s.findings))
            for s in self.scenarios
        )

    @property
    def deviations(self) -> list[Mapping[str, Any]]:
        """What became of each deviation: ``match``, ``reason``, ``state`` and, where given, ``link``, ``expires``, ``scenarios``."""
        lines = self.header.get("deviations")
        return [line for line in lines if isinstance(line, Mapping)] if isinstance(lines, list) else []

    @property
    def suites(self) -> tuple[str, ...]:
        """The suites in the order in which they ran."""
        return tuple(dict.fromkeys(s.suite for s in self.scenarios))

    @property
    def id(self) -> str:
        """The run's id, or its folder's name."""
        return str(self.header.get("id") or (self.folder.name if self.folder else ""))

    @property
    def target_name(self) -> str:
        """The target's name as its file gives it."""
        return str(self._member("target").get("name", ""))

    @property
    def duration_s(self) -> float:
        """Seconds from start to end, 0 when one of them is not known."""
        start, end = moment(self.header.get("start")), moment(self.header.get("end"))
        return max(0.0, (end - start).total_seconds()) if start and end else 0.0

    @property
    def let_pass_s(self) -> float:
        """Seconds for which time was let pass, 0 where that was not recorded."""
        said = self.header.get("let_pass_s")
        return float(said) if isinstance(said, int | float) and not isinstance(said, bool) else 0.0

    @cached_property
    def answers_s(self) -> float:
        """Seconds in which at least one request was on its way: how long the servers were waited for."""
        spans: list[tuple[float, float]] = []
        for exchange in self.exchanges:
            if start := moment(exchange.started):
                spans.append((start.timestamp(), start.timestamp() + exchange.duration_ms / 1000))
        waited = until = 0.0
        for began, ended in sorted(spans):
            waited += max(0.0, ended - max(began, until))
            until = max(until, ended)
        return waited

    @property
    def preflight(self) -> list[Mapping[str, Any]]:
        """What the check before the run said: lines with ``problem``, ``verdict`` and perhaps ``fix``."""
        lines = self.header.get("preflight")
        return [line for line in lines if isinstance(line, Mapping)] if isinstance(lines, list) else []

    @property
    def preflight_verdict(self) -> str:
        """``mend`` when the configuration is wrong, ``unreachable`` when the target did not answer, else ``ok``."""
        said = {str(line.get("verdict", "")) for line in self.preflight}
        return next((word for word in ("mend", "unreachable") if word in said), "ok")

    @property
    def unwritten(self) -> list[Mapping[str, Any]]:
        """The artefacts that could not be made, each with ``artefact`` and ``problem``."""
        lines = self.header.get("unwritten")
        return [line for line in lines if isinstance(line, Mapping)] if isinstance(lines, list) else []

    def _member(self, name: str) -> Mapping[str, Any]:
        value = self.header.get(name)
        return value if isinstance(value, Mapping) else {}

    def diagnoses_for(self, scenario_id: str) -> list[Diagnosis]:
        """The diagnoses that explain a scenario, best first."""
        return [d for d in self.diagnoses if scenario_id in d.scenarios]

    def as_dict(self) -> dict[str, Any]:
        """The run as ``run.json`` holds it, of JSON's own types only."""
        plain: dict[str, Any] = _plain(
            {
                "header": self.header,
                "scenarios": self.scenarios,
                "launches": self.launches,
                "diagnoses": [_diagnosis_dict(d) for d in self.diagnoses],
            }
        )
        plain["exchanges"] = [dict(vars(x)) for x in self.exchanges]  # plain as they are, and three quarters of it all
        return plain

    @classmethod
    def of(cls, data: Mapping[str, Any], *, folder: Path | None = None) -> Run:
        """Read what :meth:`as_dict` gave; members that a later version added are left aside."""
        header = data.get("header")
        if not isinstance(header, Mapping):
            raise UsageError("this is not a run.json: it has no header")
        exchanges, rest = data.get("exchanges", ()), data.get("packed")
        return cls(
            header=dict(header),
            scenarios=tuple(record_of(ScenarioResult, s) for s in data.get("scenarios", ())),
            exchanges=tuple(record_of(RecordedExchange, x) for x in (unpacked(exchanges, rest) if rest else exchanges)),
            diagnoses=tuple(Diagnosis.of(d) for d in data.get("diagnoses", ())),
            launches=tuple(Launch.of(launch) for launch in data.get("launches", ())),
            folder=folder,
        )


def moment(value: Any) -> datetime | None:
    """An ISO 8601 time, or None when it is none; without a zone it is taken as UTC."""
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def record_of(kind: type[_T], data: Any) -> _T:
    """A record from a dict, unknown members left aside; a record that is one already passes through."""
    if isinstance(data, kind):
        return data
    if not isinstance(data, Mapping):
        raise TypeError(f"a {kind.__name__} is a JSON object, not {type(data).__name__}")
    names = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    return kind(**{str(k): v for k, v in data.items() if k in names})


def strings(values: Iterable[Any] | str | None) -> tuple[str, ...]:
    """Texts from whatever JSON held: one text, several, or none."""
    if values is None:
        return ()
    return (values,) if isinstance(values, str) else tuple(str(v) for v in values)


def _diagnosis_dict(diagnosis: Diagnosis) -> dict[str, Any]:
    own = {f.name: getattr(diagnosis, f.name) for f in fields(diagnosis) if f.name != "raw"}
    return {**own, **diagnosis.raw}


def _plain(value: Any) -> Any:
    """The value with lists for tuples and dicts for records and other mappings, all the way down."""
    if isinstance(value, str):
        return value
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def _sentence(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(str(v) for v in value)
    return "" if value is None else str(value)


def _evidence(value: Any) -> tuple[str, ...]:
    """Evidence as lines of text, whichever shape the diagnosis chose."""
    if value is None:
        return ()
    if isinstance(value, Mapping):
        return tuple(f"{k}: {v}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in value)
    return (str(value),)
