"""How a run begins and ends: its folder, the look at the configuration, what is begun ahead, the reports."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from smartlaunch.errors import Blocked, NotApplicable, UsageError
from smartlaunch.plugin import options, side_by_side
from smartlaunch.plugin.asking import at_the_terminal
from smartlaunch.plugin.gates import app_of, gate_of
from smartlaunch.plugin.items import RUN, plan_of, scenario_id
from smartlaunch.plugin.session import RunSession
from smartlaunch.plugin.sharing import Look
from smartlaunch.probes import ahead
from smartlaunch.records.files import EXCHANGES_FILE, HEADER_FILE, REPORTS, SCENARIOS_FILE
from smartlaunch.records.record import SCHEMA_VERSION
from smartlaunch.records.store import new_run_folder, write_header

_RUN_DIR = "SMARTLAUNCH_RUN_DIR"
ALLURE = "smartlaunch-allure-bridge"


def options_of(config: pytest.Config) -> options.Options:
    """What was asked for, in the words of the plugin."""
    return options.read(lambda option: config.getoption(option.pytest_flag) if option.pytest_flag else None)


def open_run(config: pytest.Config, items: list[pytest.Item]) -> RunSession:
    """Open the run: its folder, its session, and one look at the configuration, one for all workers."""
    from smartlaunch.client.preflight import intrusive_note, preflight

    option = config.getoption
    folder = side_by_side.prepare(config) or Path(option("--run-dir") or os.environ.get(_RUN_DIR) or new_run_folder(Path.cwd() / REPORTS))
    os.environ[_RUN_DIR] = str(folder)
    run = RunSession(
        options_of(config),
        folder,
        selection=[scenario_id(item) for item in items],
    )
    config.stash[RUN] = run
    bridge = config.pluginmanager.get_plugin(ALLURE)
    run.allure_results = bridge.folder if bridge is not None else None
    look = Look.of(os.environ)
    try:
        engine = run.start()
        assert run.apps is not None
        run.apps.launches.ask = at_the_terminal()
        intrusive = [i for i in items if (p := plan_of(i)) and "intrusive" in p.flags]
        told = look.hear(engine) if look is not None and not look.first else None
        if told is None:
            run.preflight = preflight(engine, intrusive=len(intrusive))
        else:
            own = 0 if side_by_side.is_worker(config) else len(intrusive)  # there the first one has counted those of all
            run.preflight = [line for line in told if "probes" not in line] + intrusive_note(engine.target, own)
        if look is not None:
            look.tell(run.preflight, engine)
    except UsageError as exc:
        run.preflight = [{"problem": run.scrub(str(exc)), "verdict": "mend"}]
        fail_preflight(config, run)
    except BaseException:
        run.close()
        raise
    finally:
        if look is not None:
            look.tell(None, None)  # whatever kept this one from looking may not keep the others waiting
    if any(line["verdict"] in ("mend", "unreachable") for line in run.preflight):
        fail_preflight(config, run)
    _keep_header(run, run.header())
    return run


def _keep_header(run: RunSession, header: Mapping[str, Any]) -> None:
    """Write the header, which only a run that is killed needs; where there is no room for it, the run says so at its end."""
    try:
        write_header(run.folder, header)
    except OSError as exc:
        run.lost[HEADER_FILE] = str(exc.strerror or exc)


def begin(run: RunSession, items: list[pytest.Item]) -> None:
    """Begin what lets time pass, so that it costs no time."""
    assert run.apps is not None
    for item in items:
        plan = plan_of(item)
        if plan is not None and plan.waits and len(items) > 1 and gate_of(plan, run) is None:
            with contextlib.suppress(NotApplicable, Blocked, UsageError):  # the scenario itself will meet it and say so
                app = app_of(run.apps, plan)
                for what in plan.waits:
                    ahead.begin(app, what)


def fail_preflight(config: pytest.Config, run: RunSession) -> None:
    """One configuration verdict instead of hundreds of blocked lines."""
    from smartlaunch.plugin.finish import finish

    try:
        header = run.header()
    except UsageError:
        header = {
            "schema": SCHEMA_VERSION,
            "id": run.folder.name,
            "selection": run.selection,
            "preflight": run.preflight,
            "target": {"name": run.options.target},
            "start": run.started.isoformat(),
            "end": datetime.now(UTC).isoformat(),
        }
    run.folder.mkdir(parents=True, exist_ok=True)
    _keep_header(run, header)
    run.close()
    if side_by_side.is_worker(config):  # whoever started it says so, once
        config.stash[side_by_side.UNUSABLE] = True
        return
    finish(run.folder, lambda: header, scrub=run.scrub, lost=run.lost)
    config.stash[RUN] = run
    reached = all(line["verdict"] != "unreachable" for line in run.preflight)
    lines = [line["problem"] for line in run.preflight if line["verdict"] in ("mend", "unreachable")]
    title = "before the run, mend this:" if reached else "the target cannot be reached:"
    ended = pytest.ExitCode.USAGE_ERROR if reached else pytest.ExitCode.NO_TESTS_COLLECTED
    pytest.exit(f"{title}\n" + "\n".join(lines), returncode=ended)


def write_reports(config: pytest.Config, run: RunSession) -> None:
    """Write every report of the run."""
    from smartlaunch.plugin.finish import finish

    if os.environ.get("SMARTLAUNCH_REPORTS") == "off":
        return
    if side_by_side.is_worker(config):
        _keep_header(run, run.header())
        return
    page = config.pluginmanager.get_plugin(ALLURE)
    finish(
        run.folder,
        run.header,
        scrub=run.scrub,
        on_run=page.begin if page is not None else None,
        at_end=page.finish if page is not None else None,
        slim=run.options.slim,
        lost=run.lost,
        results=run.results if SCENARIOS_FILE in run.lost else None,
        recorded=run.recorder.exchanges if EXCHANGES_FILE in run.lost else None,
    )
    config.stash[RUN] = run
