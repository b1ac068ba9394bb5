"""The record of one run: what ``run.json`` holds, how it is put together, and what it means.

A run writes as it goes: ``header.json`` at the start, one line of ``scenarios.jsonl`` per scenario, one line of
``exchanges.jsonl`` per exchange. :func:`assemble` joins them into one :class:`Run`, also after a kill, and so does
:func:`load_run` on a folder that never got its ``run.json``. Everything in here is already redacted.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from smartlaunch.errors import LookupFailed, UsageError
from smartlaunch.exchange import RecordedExchange
from smartlaunch.finding import Finding, Kind, Outcome, Side, Strength

SCHEMA_VERSION = 1
RUN_FILE = "run.json"
HEADER_FILE = "header.json"
SCENARIOS_FILE = "scenarios.jsonl"
EXCHANGES_FILE = "exchanges.jsonl"
LAUNCHES_FILE = "launches.jsonl"
DIAGNOSES_FILE = "diagnoses.json"

NO_RESULT = "the run ended before this scenario gave a result"

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
    """One Gherkin step: ``status`` is ``passed``, ``failed`` or ``skipped`` (not reached)."""

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
    with which it was judged.
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
    needs: str = ""
    profile: str = ""

    def __post_init__(self) -> None:
        """Accept lists and plain dicts where the type says tuples of records, so that callers and JSON need no ceremony."""
        for name in ("requirements", "exchanges", "attachments", "tags", "inferno"):
            object.__setattr__(self, name, _strings(getattr(self, name)))
        object.__setattr__(self, "outcome", str(self.outcome))
        object.__setattr__(self, "findings", tuple(_record(FindingRecord, f) for f in self.findings))
        object.__setattr__(self, "steps", tuple(_record(StepResult, s) for s in self.steps))


@dataclass(frozen=True, slots=True)
class Launch:
    """One launch of the app: the exchanges from the first request to the last use of its tokens.

    The engine may write them to ``launches.jsonl``; where it does not, :func:`launches_of` finds them in the exchanges.
    """

    id: str
    title: str
    exchanges: tuple[str, ...]
    suite: str = ""


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
            scenarios=_strings(data.get("scenarios") or ()),
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
    def missing(self) -> tuple[str, ...]:
        """Selected scenarios that never gave a result."""
        return _strings(self._member("coverage").get("missing", ()))

    @property
    def judged(self) -> int:
        """How many scenarios came to a verdict on the server."""
        return sum(self.counts[o] for o in (Outcome.PASSED, Outcome.FAILED, Outcome.WARNING))

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
    def preflight(self) -> list[Mapping[str, Any]]:
        """What the check before the run said: lines with ``problem``, ``verdict`` and perhaps ``fix``."""
        lines = self.header.get("preflight")
        return [line for line in lines if isinstance(line, Mapping)] if isinstance(lines, list) else []

    @property
    def preflight_verdict(self) -> str:
        """``mend`` when the configuration is wrong, ``unreachable`` when the target did not answer, else ``ok``."""
        said = {str(line.get("verdict", "")) for line in self.preflight}
        return next((word for word in ("mend", "unreachable") if word in said), "ok")

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
                "exchanges": [vars(x) for x in self.exchanges],
                "launches": self.launches,
                "diagnoses": [_diagnosis_dict(d) for d in self.diagnoses],
            }
        )
        return plain

    @classmethod
    def of(cls, data: Mapping[str, Any], *, folder: Path | None = None) -> Run:
        """Read what :meth:`as_dict` gave; members that a later version added are left aside."""
        header = data.get("header")
        if not isinstance(header, Mapping):
            raise UsageError("this is not a run.json: it has no header")
        return cls(
            header=dict(header),
            scenarios=tuple(_record(ScenarioResult, s) for s in data.get("scenarios", ())),
            exchanges=tuple(_record(RecordedExchange, x) for x in data.get("exchanges", ())),
            diagnoses=tuple(Diagnosis.of(d) for d in data.get("diagnoses", ())),
            launches=tuple(_launch(launch) for launch in data.get("launches", ())),
            folder=folder,
        )


# --- writing as the run goes -------------------------------------------------------------------------------------------


def write_header(folder: Path, header: Mapping[str, Any]) -> None:
    """Keep the header at the start of a run, so that a killed run can still say what it was."""
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / HEADER_FILE, json.dumps({"schema": SCHEMA_VERSION, **header}, ensure_ascii=False, indent=1) + "\n")


def append_scenario(folder: Path, result: ScenarioResult) -> None:
    """Add one result to ``scenarios.jsonl``.

    One write of one line in append mode: several workers may share the file, and a kill costs the last line at most.
    """
    folder.mkdir(parents=True, exist_ok=True)
    line = json.dumps(asdict(result), ensure_ascii=False, separators=(",", ":")) + "\n"
    with (folder / SCENARIOS_FILE).open("ab", buffering=0) as out:
        out.write(line.encode("utf-8", "backslashreplace"))


def assemble(folder: Path, header: Mapping[str, Any] | None = None) -> Run:
    """Join what a run wrote into one record.

    The last result of a scenario counts. Selected scenarios (``header.selection``) without a result are named in
    ``header.coverage.missing``: a run that did not put every selected scenario is not a good run.
    """
    stored = _json_file(folder / HEADER_FILE)
    merged: dict[str, Any] = {"schema": SCHEMA_VERSION, **(stored if isinstance(stored, dict) else {}), **(header or {})}
    by_id: dict[str, ScenarioResult] = {}
    for line in _json_lines(folder / SCENARIOS_FILE):
        result = _record(ScenarioResult, line)
        by_id.pop(result.id, None)
        by_id[result.id] = result
    exchanges = tuple(_record(RecordedExchange, line) for line in _json_lines(folder / EXCHANGES_FILE))
    launches = tuple(_launch(line) for line in _json_lines(folder / LAUNCHES_FILE))
    diagnoses = _json_file(folder / DIAGNOSES_FILE)
    scenarios = tuple(by_id.values())
    merged["coverage"] = _coverage(merged, scenarios)
    if not merged.get("end"):
        merged["interrupted"] = True
        merged["end"] = max((x.started for x in exchanges), default=merged.get("start", ""))
    return Run(
        header=merged,
        scenarios=scenarios,
        exchanges=exchanges,
        diagnoses=tuple(Diagnosis.of(d) for d in diagnoses) if isinstance(diagnoses, list) else (),
        launches=launches,
        folder=folder,
    )


def with_diagnoses(run: Run, diagnoses: Sequence[Mapping[str, Any]]) -> Run:
    """The run with what explains it."""
    return replace(run, diagnoses=tuple(Diagnosis.of(d) for d in diagnoses))


def write_run(run: Run, folder: Path) -> Path:
    """Write ``run.json``: one scenario and one exchange per line, so that it is quick to write and can be compared by eye."""
    data = run.as_dict()
    parts = ['{\n"header": ', json.dumps(data["header"], ensure_ascii=False, indent=1)]
    for name in ("scenarios", "exchanges", "launches", "diagnoses"):
        lines = [json.dumps(item, ensure_ascii=False) for item in data[name]]
        parts += [f',\n"{name}": [', "\n" if lines else "", ",\n".join(lines), "\n" if lines else "", "]"]
    parts.append("\n}\n")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / RUN_FILE
    _replace(path, "".join(parts))
    return path


# --- reading -----------------------------------------------------------------------------------------------------------


def load_run(name: str | Path, reports_dir: Path | None = None) -> Run:
    """Load a run by file, folder, id or the word ``latest``.

    A name that is no path is looked up in ``reports_dir``; what is not found is answered with what exists.
    """
    reports = reports_dir or Path("reports")
    known = _run_folders(reports)
    if str(name) == "latest":
        if not known:
            raise LookupFailed("run", "latest", [], hint=f"{reports} holds no run; start one with: smartlaunch run --target embedded")
        return _load_folder(max(known, key=_written))
    path = Path(name)
    if path.is_file():
        return _load_file(path)
    for folder in (path, reports / str(name)):
        if _is_run(folder):
            return _load_folder(folder)
    raise LookupFailed("run", str(name), [folder.name for folder in known], hint="give a run's folder, its run.json, its id, or latest")


def _load_folder(folder: Path) -> Run:
    file = folder / RUN_FILE
    return _load_file(file) if file.is_file() else assemble(folder)


def _load_file(path: Path) -> Run:
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as exc:
        raise UsageError(f"{path} cannot be read as a run.json: {exc}") from exc
    if not isinstance(data, dict):
        raise UsageError(f"{path} is not a run.json: its top is not an object")
    schema = data.get("header", {}).get("schema") if isinstance(data.get("header"), dict) else None
    if isinstance(schema, int) and schema > SCHEMA_VERSION:
        raise UsageError(f"{path} was written by a later version (schema {schema}, this one reads up to {SCHEMA_VERSION})")
    try:
        return Run.of(data, folder=path.parent)
    except (TypeError, ValueError, AttributeError) as exc:
        raise UsageError(f"{path} is not a run.json: {exc}") from exc


def _run_folders(reports: Path) -> list[Path]:
    return sorted(p for p in reports.iterdir() if _is_run(p)) if reports.is_dir() else []


def _is_run(folder: Path) -> bool:
    return folder.is_dir() and any((folder / name).is_file() for name in (RUN_FILE, SCENARIOS_FILE, HEADER_FILE))


def _written(folder: Path) -> tuple[float, str]:
    times = [(folder / name).stat().st_mtime for name in (RUN_FILE, SCENARIOS_FILE, HEADER_FILE) if (folder / name).is_file()]
    return max(times), folder.name


# --- meaning -----------------------------------------------------------------------------------------------------------


def exit_code(run: Run, *, strict: bool = False) -> int:
    """What ``smartlaunch run`` ends with: the first of 2, 1, 4, 3 that holds, else 0.

    2 the configuration is wrong (preflight); 1 something failed (or warned, when ``strict``); 4 our own error or a scenario
    without a result; 3 something blocked, nothing judged, or the target out of reach at preflight.
    """
    if run.preflight_verdict == "mend":
        return 2
    counts = run.counts
    if counts[Outcome.FAILED] or (strict and counts[Outcome.WARNING]):
        return 1
    unreachable = run.preflight_verdict == "unreachable"
    if unreachable and not run.judged:
        return 3
    if counts[Outcome.ERROR] or run.missing:
        return 4
    return 3 if counts[Outcome.BLOCKED] or not run.judged or unreachable else 0


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
    def first(self) -> FindingRecord:
        """The finding that stands for all: of a failure before a warning, in run order."""
        return next((f for _, f in self.findings if f.outcome == self.outcome), self.findings[0][1])

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

    One cause: the same requirement, expected and actual once ordinals, ids and times are left aside; or the same diagnosis.
    """
    groups: dict[str, list[tuple[ScenarioResult, FindingRecord]]] = {}
    diagnosed: dict[str, Diagnosis] = {}
    for scenario in run.scenarios:
        explained = run.diagnoses_for(scenario.id)
        for finding in scenario.findings:
            diagnosis = next((d for d in explained if _explains(d, scenario, finding)), None)
            key = f"diagnosis {_diagnosis_key(diagnosis)}" if diagnosis else _statement(finding)
            if diagnosis:
                diagnosed.setdefault(key, diagnosis)
            groups.setdefault(key, []).append((scenario, finding))
    causes = []
    for key, members in groups.items():
        failed = any(f.outcome == Outcome.FAILED for _, f in members)
        side = diagnosed[key].side if key in diagnosed else Counter(f.side for _, f in members).most_common(1)[0][0]
        outcome = Outcome.FAILED.value if failed else Outcome.WARNING.value
        causes.append(Cause(key=key, outcome=outcome, side=side, findings=tuple(members), diagnosis=diagnosed.get(key)))
    return sorted(causes, key=lambda c: (c.outcome != Outcome.FAILED, all(f.kind != Kind.EXPECTATION for _, f in c.findings)))


@dataclass(frozen=True)
class Unjudged:
    """Scenarios that were not judged for one and the same reason, with the diagnosis of it where there is one."""

    outcome: str
    reason: str
    scenarios: tuple[ScenarioResult, ...]
    diagnosis: Diagnosis | None = None


def group_unjudged(run: Run) -> list[Unjudged]:
    """Join scenarios without a verdict by outcome and reason: errors, blocked, not-configured, not-applicable; most scenarios first."""
    order = [Outcome.ERROR.value, Outcome.BLOCKED.value, Outcome.NOT_CONFIGURED.value, Outcome.NOT_APPLICABLE.value]
    groups: dict[tuple[str, str], list[ScenarioResult]] = {}
    for scenario in run.scenarios:
        if scenario.outcome in order:
            groups.setdefault((scenario.outcome, normalised(scenario.reason)), []).append(scenario)
    found = []
    for (outcome, _), members in groups.items():
        diagnosis = next(iter(run.diagnoses_for(members[0].id)), None) if outcome == Outcome.BLOCKED else None
        found.append(Unjudged(outcome, members[0].reason or "no reason was given", tuple(members), diagnosis))
    return sorted(found, key=lambda u: (order.index(u.outcome), -len(u.scenarios)))


def launches_of(run: Run) -> list[Launch]:
    """The launches of a run: those the engine named, else those that the order of the exchanges shows.

    A launch begins with the browser's request to the launch URL or, without one, to the authorization endpoint, with the discovery
    just before it, and lasts until the next begins.
    """
    if run.launches:
        return list(run.launches)
    found: list[list[RecordedExchange]] = []
    discovered: list[RecordedExchange] = []
    heading_for_authorize = False
    for exchange in run.exchanges:
        opens_launch = exchange.endpoint == "launch" and not exchange.redirect_of
        opens_authorize = exchange.endpoint == "authorize" and not exchange.redirect_of and exchange.actor == "browser"
        if opens_launch or (opens_authorize and not heading_for_authorize):
            found.append([*discovered, exchange])
            discovered, heading_for_authorize = [], opens_launch
        elif exchange.endpoint in _DISCOVERY:
            discovered.append(exchange)
        elif found:
            found[-1] += [*discovered, exchange]
            discovered = []
            if exchange.endpoint in ("authorize", "token"):
                heading_for_authorize = False
    suite_of = {x: s.suite for s in reversed(run.scenarios) for x in s.exchanges}
    return [
        Launch(
            id=f"launch-{number}",
            title=("EHR launch" if any(x.endpoint == "launch" for x in group) else "Authorization") + f" {number}",
            exchanges=tuple(x.id for x in group),
            suite=next((suite_of[x.id] for x in group if x.id in suite_of), ""),
        )
        for number, group in enumerate(found, 1)
    ]


_DISCOVERY = ("discovery", "metadata", "openid-configuration")

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


def moment(value: Any) -> datetime | None:
    """An ISO 8601 time, or None when it is none; without a zone it is taken as UTC."""
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _statement(finding: FindingRecord) -> str:
    return "\n".join((finding.requirement, normalised(finding.expected), normalised(finding.actual), finding.kind))


def _diagnosis_key(diagnosis: Diagnosis) -> str:
    return f"{diagnosis.rule}\n{normalised(diagnosis.cause)}"


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


# --- small readers -----------------------------------------------------------------------------------------------------


def _coverage(header: Mapping[str, Any], scenarios: Sequence[ScenarioResult]) -> dict[str, Any]:
    """The header's own numbers (of requirements) plus the selected scenarios that gave no result."""
    given = header.get("coverage")
    selected = header.get("selection")
    done = {s.id for s in scenarios}
    missing = [i for i in dict.fromkeys(_strings(selected)) if i not in done] if isinstance(selected, list) else []
    return {**(given if isinstance(given, Mapping) else {}), "missing": missing}


def _json_lines(path: Path) -> Iterator[Mapping[str, Any]]:
    """The objects of a JSON-lines file; a line cut by a kill is left out."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict):
                yield value


def _json_file(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _record(kind: type[_T], data: Any) -> _T:
    """A record from a dict, unknown members left aside; a record that is one already passes through."""
    if isinstance(data, kind):
        return data
    if not isinstance(data, Mapping):
        raise TypeError(f"a {kind.__name__} is a JSON object, not {type(data).__name__}")
    names = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    return kind(**{str(k): v for k, v in data.items() if k in names})


def _launch(data: Any) -> Launch:
    launch = _record(Launch, data)
    return Launch(id=launch.id, title=launch.title, exchanges=_strings(launch.exchanges), suite=launch.suite)


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


def _strings(values: Iterable[Any] | str | None) -> tuple[str, ...]:
    if values is None:
        return ()
    return (values,) if isinstance(values, str) else tuple(str(v) for v in values)


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


def _replace(path: Path, text: str) -> None:
    """Write a file in one move, so that a reader never sees half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(text.encode("utf-8", "backslashreplace"))
    temporary.replace(path)
