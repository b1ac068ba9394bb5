"""Makes allure-pytest tell the run as this suite sees it.

allure-pytest alone knows neither Gherkin steps nor features, shows fixtures nobody wrote, and keeps raw tracebacks. Just before it
writes a result, this bridge replaces all of that by what ``scenarios.jsonl`` and ``exchanges.jsonl`` hold: everything in there has
been judged and redacted, so nothing else can get out. It does nothing where Allure is not active, and needs nothing of the plugin
but the property ``scenario`` on the reports and the run's folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from smartlaunch.exchange import RecordedExchange
from smartlaunch.records.files import EXCHANGES_FILE, SCENARIOS_FILE
from smartlaunch.records.record import Run, ScenarioResult
from smartlaunch.records.store import load_run
from smartlaunch.reporting.allure_results import AllurePage, Attachments, complete, fill, wanted

RUN_DIR_VARIABLE = "SMARTLAUNCH_RUN_DIR"


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
        self._attachments = Attachments(_put)
        self._page = AllurePage()
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
        self._page.render(run, run_dir, self.folder)

    def finish(self) -> None:
        """Wait for the page, where one is being made; what went wrong with a result comes out here, when nothing can be lost by it."""
        self._page.finish()
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
        fill(result, scenario, self._steps or [(result.start or _now(),) * 2], self._example)
        result.attachments = self._attachments.of(scenario, self._record.exchanges(run_dir, wanted(scenario)), run_dir)


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


def _put(body: str | bytes, name: str) -> None:
    """Hand a body to allure's writer."""
    import allure_commons

    allure_commons.plugin_manager.hook.report_attached_data(body=body, file_name=name)


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


def _run_dir() -> Path | None:
    name = os.environ.get(RUN_DIR_VARIABLE, "")
    return Path(name) if name else None


def _now() -> int:
    return round(time.time() * 1000)
