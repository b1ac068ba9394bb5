"""Makes allure-pytest tell the run as this suite sees it.

allure-pytest alone knows neither Gherkin steps nor features, shows fixtures nobody wrote, and keeps raw tracebacks. Just before it
writes a result, this bridge replaces all of that by what ``scenarios.jsonl`` and ``exchanges.jsonl`` hold: everything in there has
been judged and redacted, so nothing else can get out. It does nothing where Allure is not active, and needs nothing of the plugin
but the property ``scenario`` on the reports and the run's folder.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from smartlaunch.catalogue import load
from smartlaunch.evidence import replay
from smartlaunch.exchange import RecordedExchange
from smartlaunch.finding import Outcome
from smartlaunch.records.files import EXCHANGES_FILE, SCENARIOS_FILE
from smartlaunch.records.record import Run, ScenarioResult
from smartlaunch.records.store import load_run
from smartlaunch.reporting.failure import render_findings
from smartlaunch.reporting.page.text import answer
from smartlaunch.reporting.words import OUTCOME_WORDS, SIDE_WORDS, printable, shortened

if TYPE_CHECKING:
    from smartlaunch.reporting.allure_html import Rendering

RUN_DIR_VARIABLE = "SMARTLAUNCH_RUN_DIR"
MOST_EXCHANGES = 25
LONGEST_BODY = 20_000
SHORT_BODY = 1_000

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


class AllureBridge:
    """A pytest plugin object; ``active`` says whether an Allure folder was asked for."""

    def __init__(self, config: pytest.Config, *, example: str = "") -> None:
        """Register with allure where it is active; ``example`` is the parameter that carries an outline's row.

        Captured output is kept out of its files, for nobody has scrubbed it.
        """
        self._config, self._example = config, example
        self.folder = Path(str(config.getoption("allure_report_dir", None) or "")) if config.getoption("allure_report_dir", None) else None
        self._scenario = ""
        self._steps: list[tuple[int, int]] = []
        self._began = 0
        self._record = _Record()
        self._sources: dict[tuple[str, int], str] = {}
        self._rendering: Rendering | None = None
        self._begun = False
        self.problem: Exception | None = None
        self._hooks: Any = None
        if self.active:
            import allure_commons

            config.option.attach_capture = False
            self._hooks = Hooks(self)
            allure_commons.plugin_manager.register(self._hooks, "smartlaunch")

    @property
    def active(self) -> bool:
        """Whether allure-pytest is there and was given a folder."""
        return self.folder is not None

    # --- what pytest tells

    def pytest_sessionstart(self) -> None:
        """Let Allure write no containers: they hold fixtures only, seven files for each scenario. What it writes may fail."""
        if not self.active:
            return
        import allure_commons

        for hook in allure_commons.plugin_manager.hook.report_container.get_hookimpls():
            hook.function = _no_container
        for name in ("report_result", "report_attached_data", "report_attached_file"):
            for hook in getattr(allure_commons.plugin_manager.hook, name).get_hookimpls():
                if hook.plugin is not self._hooks:
                    hook.function = self._going_on(hook.function)

    def _going_on(self, write: Callable[..., None]) -> Callable[..., None]:
        """A writer of Allure's that does not end the run where there is no room for its file."""

        def written(*arguments: Any) -> None:
            try:
                write(*arguments)
            except OSError as exc:
                self.problem = self.problem or exc

        return written

    def pytest_runtest_logstart(self) -> None:
        """Forget the scenario before."""
        self._scenario, self._steps = "", []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note which scenario is under way."""
        self._scenario = next((str(v) for k, v in report.user_properties if k == "scenario"), self._scenario)

    @pytest.hookimpl(optionalhook=True)
    def pytest_bdd_before_step(self) -> None:
        """Note when a step begins."""
        self._began = _now()

    @pytest.hookimpl(optionalhook=True)
    def pytest_bdd_after_step(self) -> None:
        """Note when a step has ended well."""
        self._steps.append((self._began, _now()))

    @pytest.hookimpl(optionalhook=True)
    def pytest_bdd_step_error(self) -> None:
        """Note when a step has broken off."""
        self._steps.append((self._began, _now()))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Add diagnoses, categories and environment to the results, then render them where a renderer is installed."""
        run_dir = _run_dir()
        if self.folder is None or hasattr(self._config, "workerinput") or run_dir is None or not self.folder.is_dir():
            return
        from smartlaunch.errors import UsageError

        if not self._begun:
            with contextlib.suppress(UsageError):
                self.begin(load_run(run_dir), run_dir)
        self.finish()

    def pytest_unconfigure(self) -> None:
        """Leave allure as it was found."""
        if self._hooks is not None:
            import allure_commons

            allure_commons.plugin_manager.unregister(plugin=self._hooks)
            self._hooks = None

    def begin(self, run: Run, run_dir: Path) -> None:
        """Complete the results of a run that has ended, and begin to render them; the end of the session waits for the page."""
        if self.folder is None or not self.folder.is_dir():
            return
        self._begun = True
        complete(self.folder, run)
        if os.environ.get("SMARTLAUNCH_ALLURE", "").lower() not in ("off", "0", "no"):
            from smartlaunch.reporting.allure_html import begin_rendering

            self._rendering = begin_rendering(self.folder, run_dir / "allure.html", title=run.target_name)

    def finish(self) -> None:
        """Wait for the page, where one is being made; what went wrong with a result comes out here, when nothing can be lost by it."""
        rendering, self._rendering = self._rendering, None
        if rendering is not None:
            rendering.finish()
        problem, self.problem = self.problem, None
        if problem is not None:
            raise problem

    # --- what allure is given

    def rewrite(self, result: Any) -> None:
        """Replace what allure-pytest gathered by the scenario's own record; other tests only lose their fixture noise."""
        run_dir = _run_dir()
        scenario = self._record.scenario(run_dir, self._scenario) if self._scenario and run_dir else None
        if scenario is None or run_dir is None:
            return
        _fill(result, scenario, self._steps, self._example)
        result.attachments = [*self._exchanges(run_dir, scenario), *_files(run_dir, scenario)]

    def _exchanges(self, run_dir: Path, scenario: ScenarioResult) -> list[Any]:
        """The exchanges as text, an attachment each, those of a finding first."""
        shown = [f.exchange for f in scenario.findings if f.exchange]
        wanted = list(dict.fromkeys([*shown, *scenario.exchanges[-MOST_EXCHANGES:]]))
        found = self._record.exchanges(run_dir, wanted)
        spoken_of = bool(scenario.findings) or scenario.outcome in (Outcome.BLOCKED, Outcome.ERROR)
        return [self._exchange(x, LONGEST_BODY if spoken_of else SHORT_BODY) for x in found]

    def _exchange(self, exchange: RecordedExchange, longest: int) -> Any:
        """One exchange as an attachment: written once, and referred to by every scenario that it belongs to."""
        from allure_commons.model2 import Attachment

        name = f"{exchange.id} {exchange.method} {exchange.endpoint} {exchange.status or ('caught' if exchange.caught else 'no answer')}"
        key = (exchange.id, longest)
        if key not in self._sources:
            self._sources[key] = _attach(name, exchange_text(exchange, longest=longest), "text/plain", "txt").source
        return Attachment(name=name, source=self._sources[key], type="text/plain")


class Hooks:
    """What allure calls; made apart so that pytest does not take its methods for hooks of its own."""

    def __init__(self, bridge: AllureBridge) -> None:
        import allure_commons

        def report_result(result: Any) -> None:
            try:
                bridge.rewrite(result)
            except Exception as exc:  # noqa: BLE001 - one result of Allure's must not end a run
                bridge.problem = bridge.problem or exc
                _empty(result)  # nobody has scrubbed what allure-pytest gathered

        self.report_result = allure_commons.hookimpl(tryfirst=True)(report_result)


def _no_container(container: Any) -> None:
    """Take the place of Allure's writer of containers."""


def _empty(result: Any) -> None:
    result.statusDetails = result.description = result.descriptionHtml = None
    result.parameters, result.steps, result.attachments = [], [], []


class _Record:
    """Reads the run's lines as they are added, so that a long run is not read again for every scenario."""

    def __init__(self) -> None:
        self._places: dict[Path, int] = {}
        self._scenarios: dict[str, Mapping[str, Any]] = {}
        self._exchanges: dict[str, Mapping[str, Any]] = {}

    def scenario(self, run_dir: Path, name: str) -> ScenarioResult | None:
        self._read(run_dir / SCENARIOS_FILE, self._scenarios)
        data = self._scenarios.get(name)
        return ScenarioResult(**data) if data is not None else None

    def exchanges(self, run_dir: Path, names: Iterable[str]) -> list[RecordedExchange]:
        self._read(run_dir / EXCHANGES_FILE, self._exchanges)
        return [RecordedExchange(**self._exchanges[n]) for n in names if n in self._exchanges]

    def _read(self, path: Path, into: dict[str, Mapping[str, Any]]) -> None:
        try:
            with path.open("rb") as lines:
                lines.seek(self._places.get(path, 0))
                for line in lines:
                    if not line.endswith(b"\n"):
                        break
                    self._places[path] = self._places.get(path, 0) + len(line)
                    with contextlib.suppress(ValueError):
                        data = json.loads(line)
                        into[data["id"]] = data
        except OSError:
            return


# --- building blocks ---------------------------------------------------------------------------------------------------


def _fill(result: Any, scenario: ScenarioResult, times: list[tuple[int, int]], example: str) -> None:
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
    result.steps = _steps(scenario, times, result.start or _now())
    result.parameters = _parameters(result.parameters, example)
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


def _steps(scenario: ScenarioResult, times: list[tuple[int, int]], start: int) -> list[Any]:
    from allure_commons.model2 import TestStepResult

    last = start
    steps = []
    for number, step in enumerate(scenario.steps):
        began, ended = times[number] if number < len(times) else (last, last)
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


def exchange_text(exchange: RecordedExchange, *, longest: int = LONGEST_BODY) -> str:
    """An exchange as people read it: request, response, correlation ids, the curl line."""

    def part(first: str, headers: Iterable[Iterable[str]], body: str) -> str:
        head = "\n".join([first, *(": ".join(h) for h in headers)])
        return f"{head}\n\n{shortened(body, longest)}" if body else head

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


def _files(run_dir: Path, scenario: ScenarioResult) -> list[Any]:
    kinds = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".txt": "text/plain", ".json": "application/json"}
    found = []
    for name in scenario.attachments:
        path = (run_dir / name).resolve()
        kind = kinds.get(path.suffix.lower())
        if kind and path.is_file() and path.is_relative_to(run_dir.resolve()):
            found.append(_attach(Path(name).name, path.read_bytes(), kind, path.suffix[1:]))
    return found


def _attach(name: str, body: str | bytes, kind: str, extension: str) -> Any:
    """Hand a body to allure's writer and return what the result says of it."""
    import allure_commons
    from allure_commons.model2 import Attachment

    source = f"{uuid.uuid4()}-attachment.{extension}"
    allure_commons.plugin_manager.hook.report_attached_data(body=body, file_name=source)
    return Attachment(name=name, source=source, type=kind)


# --- at the end --------------------------------------------------------------------------------------------------------


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


def _run_dir() -> Path | None:
    name = os.environ.get(RUN_DIR_VARIABLE, "")
    return Path(name) if name else None


def _now() -> int:
    return round(time.time() * 1000)
