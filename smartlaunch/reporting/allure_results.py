"""What Allure is given: one result for each scenario, from what the run has recorded, so nothing else can get out.

While a run goes, allure-pytest writes them and the bridge fills in each; ``smartlaunch report`` and a run of several workers write all of
them once more from the record.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import shutil
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smartlaunch.catalogue import load
from smartlaunch.evidence import replay
from smartlaunch.exchange import RecordedExchange
from smartlaunch.finding import Outcome
from smartlaunch.records.files import ALLURE_FILE, ALLURE_RESULTS
from smartlaunch.records.record import Run, ScenarioResult, moment
from smartlaunch.reporting.failure import render_findings
from smartlaunch.reporting.page.text import answer
from smartlaunch.reporting.words import OUTCOME_WORDS, SIDE_WORDS, printable, shortened

if TYPE_CHECKING:
    from smartlaunch.reporting.allure_html import Rendering

MOST_EXCHANGES = 25
LONGEST_BODY = 20_000

STATUS = {
    Outcome.PASSED.value: "passed",
    Outcome.WARNING.value: "passed",
    Outcome.FAILED.value: "failed",
    Outcome.NOT_APPLICABLE.value: "skipped",
    Outcome.NOT_CONFIGURED.value: "skipped",
    Outcome.BLOCKED.value: "broken",
    Outcome.ERROR.value: "broken",
}

SEVERITY = {"SHALL": "critical", "SHALL NOT": "critical", "SHOULD": "normal", "SHOULD NOT": "normal"}

KNOWN = "known deviation"
CATEGORIES: list[dict[str, Any]] = [
    {"name": "Known deviations", "matchedStatuses": ["failed", "broken", "passed"], "messageRegex": f"(?s){KNOWN}.*"},
    {"name": "Advisories", "matchedStatuses": ["passed"], "messageRegex": f"(?s){OUTCOME_WORDS[Outcome.WARNING]}.*"},
    {"name": "A requirement is not met", "matchedStatuses": ["failed"]},
    {"name": "Blocked: could not be judged", "matchedStatuses": ["broken"], "messageRegex": "(?s)blocked.*"},
    {"name": "Error of the suite", "matchedStatuses": ["broken"]},
    {"name": "Not configured: the target file cannot show it", "matchedStatuses": ["skipped"], "messageRegex": "(?s)not configured.*"},
    {"name": "Does not apply", "matchedStatuses": ["skipped"]},
]


class Attachments:
    """The files that a result refers to, each its own: Allure shows a file with the first result that names it and misses it in all others.

    So what nobody will read is not written out for each scenario anew: of what nothing was found in, a list tells where its exchanges are.
    """

    def __init__(self, put: Callable[[str | bytes, str], object]) -> None:
        """``put`` is given a body and the name of its file."""
        self._put = put

    def of(self, scenario: ScenarioResult, exchanges: Sequence[RecordedExchange], run_dir: Path) -> list[Any]:
        """The exchanges as text, one each where something was found, then the scenario's files."""
        if _spoken_of(scenario):
            told = [self._written(_name(x), exchange_text(x), "text/plain", "txt") for x in exchanges]
        else:
            told = [self._written("exchanges", exchange_list(exchanges), "text/plain", "txt")] if exchanges else []
        return [*told, *self._files(run_dir, scenario)]

    def _files(self, run_dir: Path, scenario: ScenarioResult) -> list[Any]:
        kinds = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".txt": "text/plain", ".json": "application/json"}
        found = []
        for name in scenario.attachments:
            path = (run_dir / name).resolve()
            kind = kinds.get(path.suffix.lower())
            if kind and path.is_file() and path.is_relative_to(run_dir.resolve()):
                found.append(self._written(Path(name).name, path.read_bytes(), kind, path.suffix[1:]))
        return found

    def _written(self, name: str, body: str | bytes, kind: str, extension: str) -> Any:
        from allure_commons.model2 import Attachment

        source = f"{uuid.uuid4()}-attachment.{extension}"
        self._put(body, source)
        return Attachment(name=name, source=source, type=kind)


def _spoken_of(scenario: ScenarioResult) -> bool:
    return bool(scenario.findings) or scenario.outcome in (Outcome.BLOCKED, Outcome.ERROR)


def _name(exchange: RecordedExchange) -> str:
    return f"{exchange.id} {exchange.method} {exchange.endpoint} {exchange.status or ('caught' if exchange.caught else 'no answer')}"


def wanted(scenario: ScenarioResult) -> list[str]:
    """The exchanges that go along, those of a finding first."""
    found = [f.exchange for f in scenario.findings if f.exchange]
    return list(dict.fromkeys([*found, *scenario.exchanges[-MOST_EXCHANGES:]]))


def write_results(run: Run, run_dir: Path, folder: Path) -> None:
    """Write a result for each scenario of a run, and what goes with them all, in the place of what the folder held."""
    from allure_commons.logger import AllureFileLogger
    from allure_commons.model2 import TestResult

    shutil.rmtree(folder, ignore_errors=True)
    logger: Any = AllureFileLogger(str(folder))  # type: ignore[no-untyped-call]
    attachments = Attachments(logger.report_attached_data)
    for scenario in run.scenarios:
        began = moment(scenario.started) or datetime.now(UTC)
        start = round(began.timestamp() * 1000)
        result = TestResult(uuid=str(uuid.uuid4()), start=start, stop=start + round(scenario.duration_s * 1000))
        fill(result, scenario)
        found = [run.exchange_by_id[x] for x in wanted(scenario) if x in run.exchange_by_id]
        result.attachments = attachments.of(scenario, found, run_dir)
        logger.report_result(result)
    complete(folder, run)


class AllurePage:
    """The page of a run: begun when the run is explained, so that other reports are made meanwhile, and waited for at the end.

    What it is made of goes when it is there, for ``smartlaunch report`` makes it again; without a renderer it stays, for whoever has one.
    """

    def __init__(self) -> None:
        self._made_of: Path | None = None
        self._rendering: Rendering | None = None

    def begin(self, run: Run, run_dir: Path) -> None:
        """Write the results and let them be rendered."""
        results = run_dir / ALLURE_RESULTS
        write_results(run, run_dir, results)
        self.render(run, run_dir, results)

    def render(self, run: Run, run_dir: Path, results: Path) -> None:
        """Let results be rendered that are there, where a renderer is installed; only those in the run's own folder go afterwards."""
        from smartlaunch.reporting.allure_html import begin_rendering

        self._made_of = results if results == run_dir / ALLURE_RESULTS else None
        self._rendering = begin_rendering(results, run_dir / ALLURE_FILE, title=run.target_name)

    def finish(self) -> None:
        """Wait for the page."""
        rendering, self._rendering = self._rendering, None
        if rendering is not None and rendering.finish() is not None and self._made_of is not None:
            shutil.rmtree(self._made_of, ignore_errors=True)


def fill(result: Any, scenario: ScenarioResult, times: Sequence[tuple[int, int]] = (), example: str = "") -> None:
    """Say of a scenario what the run has recorded of it; ``times`` are those of its steps, ``example`` the parameter with its row."""
    from allure_commons.model2 import Label, Link, StatusDetails

    rows = load()
    result.name = printable(scenario.title)
    result.fullName = scenario.id
    result.testCaseId = result.historyId = hashlib.sha256(scenario.id.encode()).hexdigest()[:32]
    result.titlePath = [scenario.suite, scenario.feature, *([scenario.rule] if scenario.rule else [])]
    result.description = "\n\n".join(p for p in (scenario.feature, scenario.rule, f"`{scenario.id}`") if p)
    result.descriptionHtml = None
    result.status = STATUS[scenario.outcome]
    message = message_of(scenario)
    result.statusDetails = StatusDetails(message=message, known=True if scenario.known else None) if message else None
    result.steps = _steps(scenario, times, result.start)
    result.parameters = _parameters(result.parameters, example) if example else _row(scenario)
    strengths = [str(rows[r].strength) for r in scenario.requirements if r in rows]
    labels = {
        ("epic", scenario.suite),
        ("feature", scenario.feature),
        ("story", scenario.rule or scenario.feature),
        ("parentSuite", scenario.suite),
        ("suite", scenario.feature),
        ("framework", "pytest-bdd"),
        ("language", "python"),
        ("severity", min((SEVERITY.get(s, "minor") for s in strengths), key=("critical", "normal", "minor").index, default="minor")),
        ("outcome", scenario.outcome),
        ("scenario", scenario.id),
        *((("known", "yes"), ("tag", "known deviation")) if scenario.known else ()),
        *(("requirement", r) for r in scenario.requirements),
        *(("side", SIDE_WORDS.get(f.side, f.side)) for f in scenario.findings),
        *(("tag", OUTCOME_WORDS[o]) for o in (scenario.outcome,) if o in (Outcome.WARNING, Outcome.BLOCKED, Outcome.ERROR)),
        *(("tag", t) for t in scenario.tags if not t.startswith(("@id:", "@req:"))),
        *(("inferno", i) for i in scenario.inferno),
    }
    result.labels = [Label(name=n, value=printable(v)) for n, v in sorted(labels) if v]
    result.links = [Link(type="requirement", url=rows[r].url, name=r) for r in scenario.requirements if r in rows]
    link = scenario.known.get("link", "")
    if link.startswith(("https://", "http://")):
        result.links.append(Link(type="issue", url=link, name="known deviation"))


def message_of(scenario: ScenarioResult, run: Run | None = None) -> str:
    """What stands in the red box: outcome, then the findings in their fixed order, with the diagnosis once the run has one."""
    if scenario.outcome == Outcome.PASSED:
        return printable(scenario.reason)
    head = OUTCOME_WORDS[scenario.outcome]
    if scenario.known:
        head = f"{KNOWN}: {scenario.known.get('reason', '')}\n{head}"
    if not scenario.findings:
        needs = f"\nwould be judged with: {scenario.needs}" if scenario.needs else ""
        return printable(f"{head}: {scenario.reason}{needs}")
    exchanges = run.exchange_by_id if run else None
    diagnoses = run.diagnoses_for(scenario.id) if run else ()
    return f"{head}\n\n{render_findings(scenario.findings, load(), exchanges=exchanges, diagnoses=diagnoses, width=110)}"


def _row(scenario: ScenarioResult) -> list[Any]:
    """The label of the outline's row, which is all of it that an id has."""
    from allure_commons.model2 import Parameter

    label = scenario.id.partition("[")[2].removesuffix("]")
    return [Parameter(name="example", value=printable(label))] if label else []


def _steps(scenario: ScenarioResult, times: Sequence[tuple[int, int]], start: int | None) -> list[Any]:
    from allure_commons.model2 import TestStepResult

    last = start
    steps = []
    for number, step in enumerate(scenario.steps):
        began, ended = times[number] if number < len(times) else (last, last) if times else (None, None)
        last = ended
        status = STATUS.get(scenario.outcome, "failed") if step.status == "failed" else STATUS.get(step.status, step.status)
        if step.status == "failed" and status in ("passed", "skipped"):
            status = "skipped"
        name = printable(f"{step.keyword} {step.name}")
        steps.append(TestStepResult(name=name, status=status, stage="finished", start=began, stop=ended))
    return steps


def _parameters(given: Iterable[Any], example: str) -> list[Any]:
    """One parameter for each value of the outline's row; everything else allure found is a fixture's business."""
    from allure_commons.model2 import Parameter

    found: list[Any] = []
    for parameter in given or ():
        if parameter.name == example:
            with contextlib.suppress(ValueError, SyntaxError):
                values = ast.literal_eval(parameter.value)
                found += [Parameter(name=printable(str(k)), value=printable(str(v))) for k, v in values.items()]
    return found


def exchange_list(exchanges: Iterable[RecordedExchange]) -> str:
    """Exchanges a line each, and where they stand whole."""
    lines = [f"{_name(x)}  {x.url.partition('?')[0]}" for x in exchanges]
    return printable("\n".join([*lines, "", "Each stands whole in the report beside this page: index.html#x0001"]))


def exchange_text(exchange: RecordedExchange) -> str:
    """An exchange as people read it: request, response, correlation ids, the curl line."""

    def part(first: str, headers: Iterable[Iterable[str]], body: str) -> str:
        head = "\n".join([first, *(": ".join(h) for h in headers)])
        return f"{head}\n\n{shortened(body, LONGEST_BODY)}" if body else head

    status = f"{exchange.http_version} {exchange.status} {exchange.reason}".strip() if exchange.status else answer(exchange)
    parts = [
        f"{exchange.id}  {exchange.started}  {exchange.duration_ms:.0f} ms  {exchange.tls}".rstrip(),
        part(f"{exchange.method} {exchange.url}", exchange.request_headers, exchange.request_body),
        part(status, exchange.response_headers, exchange.response_body),
    ]
    if exchange.correlation:
        parts.append("\n".join(f"{k}: {v}" for k, v in exchange.correlation.items()))
    if exchange.actor == "app":
        parts.append(replay.curl(exchange))
    return printable("\n\n----\n\n".join(parts))


def complete(folder: Path, run: Run) -> None:
    """Add to a folder of results what is known only at the end: diagnoses, categories, environment."""
    explained = any(scenario.findings for scenario in run.scenarios)
    for path in folder.glob("*-result.json") if explained else ():
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        scenario = run.scenario_by_id.get(str(data.get("fullName", "")))
        if scenario is not None and scenario.findings:
            data["statusDetails"] = {**(data.get("statusDetails") or {}), "message": message_of(scenario, run)}
            causes = dict.fromkeys(found.rule for found in run.diagnoses_for(scenario.id)[:1])
            data["labels"] = [*(data.get("labels") or ()), *({"name": "cause", "value": cause} for cause in causes)]
            path.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8", errors="backslashreplace")
    (folder / "categories.json").write_text(json.dumps(CATEGORIES, indent=1), encoding="utf-8")
    (folder / "environment.properties").write_text("".join(f"{k}={v}\n" for k, v in _environment(run)), encoding="utf-8")


def _environment(run: Run) -> list[tuple[str, str]]:
    """Name and value pairs in the escapes of Java's property files."""
    header = run.header
    target = header.get("target") if isinstance(header.get("target"), Mapping) else {}
    environment = header.get("environment") if isinstance(header.get("environment"), Mapping) else {}
    suite = header.get("suite") if isinstance(header.get("suite"), Mapping) else {}
    assert isinstance(target, Mapping)
    assert isinstance(environment, Mapping)
    assert isinstance(suite, Mapping)
    pairs = [
        ("target", target.get("name")),
        ("fhir_base_url", target.get("fhir_base_url")),
        ("editions", ", ".join(map(str, header.get("editions") or ()))),
        ("suite", suite.get("version")),
        ("start", header.get("start")),
        ("browser", environment.get("browser")),
        ("python", environment.get("python")),
    ]

    def escaped(text: str) -> str:
        line = printable(text).replace("\\", "\\\\").replace("\n", " ")
        return "".join(c if ord(c) < 127 else f"\\u{ord(c):04x}" if ord(c) < 0x10000 else "?" for c in line)

    return [(name, escaped(str(value))) for name, value in pairs if value]
