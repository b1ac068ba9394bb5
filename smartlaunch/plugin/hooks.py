"""pytest hooks of the suite: options, selection, verdicts, summary. ``conftest.py`` loads this module and the steps."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import sys
import time
import traceback
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from pytest_bdd.parser import Scenario, Step

from smartlaunch.catalogue import load
from smartlaunch.errors import Blocked, InternalError, Missing, NonConformance, NotApplicable, SmartLaunchError, Unreachable, UsageError
from smartlaunch.finding import Outcome
from smartlaunch.interruption import close, give_way
from smartlaunch.plugin import bdd, ending, known, lint, marks, options, proofs, side_by_side
from smartlaunch.plugin.binding import OWN_FEATURES, SUITES, Plan, label_of
from smartlaunch.plugin.gates import app_of, gate_of
from smartlaunch.plugin.items import EXCHANGES, JUDGE, PROGRESS, RESULT, RUN, SELECTION, STARTED, STEPS, plan_of, scenario_id
from smartlaunch.plugin.judge import Judge
from smartlaunch.plugin.opening import ALLURE, begin, open_run, options_of, write_reports
from smartlaunch.plugin.results import Skipped, clean, properties_of, result_of
from smartlaunch.plugin.selection import Selection
from smartlaunch.plugin.session import RunSession
from smartlaunch.records.files import JUNIT_FILE, RUN_FILE
from smartlaunch.records.record import StepResult
from smartlaunch.records.store import add_unwritten, load_run
from smartlaunch.reporting.failure import render_findings
from smartlaunch.reporting.summary import Progress


def pytest_addoption(parser: pytest.Parser) -> None:
    """Our options; names stay clear of other plugins'."""
    group = parser.getgroup("smartlaunch", "SMART App Launch conformance")
    options.add_to_pytest(group.addoption)


def pytest_configure(config: pytest.Config) -> None:
    """Register markers; fix the run's folder early, so that workers and Allure agree on it."""
    bdd.install_lookup()
    ending.listen()
    _find_own_features(config)
    for name, what in marks.WORDS.items():
        config.addinivalue_line("markers", f"{name}: {what}")
    config.addinivalue_line("markers", "smartlaunch(plan): one scenario of the suite")
    config.addinivalue_line("markers", "req(id): the requirement a scenario speaks to")
    config.addinivalue_line("markers", "cap(code): the SMART capability that makes a scenario apply")
    config.addinivalue_line("markers", "profile(tag): a tag of the tag table")
    if side_by_side.starts_workers(config):
        config.pluginmanager.register(side_by_side.Starter(config, config.getoption("--run-dir") or ""), "smartlaunch-starter")
    try:
        from smartlaunch.reporting.allure_bridge import AllureBridge
    except ImportError:
        return
    config.pluginmanager.register(AllureBridge(config, example=bdd.EXAMPLE), ALLURE)


def _find_own_features(config: pytest.Config) -> None:
    """Let the binders see the user's own feature files: they are imported at collection, which is later."""
    given = config.getoption("--smartlaunch-features")
    if not given:
        return
    folder = Path(given)
    if not folder.is_dir() or not any(folder.rglob("*.feature")):
        raise pytest.UsageError(f"--smartlaunch-features {given}: this is no folder with feature files")
    os.environ[OWN_FEATURES] = str(folder.resolve())


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark a scenario with its group, suite, tags and strengths, so that `-m` and `-k` select by them."""
    plan = plan_of(item)
    for name in marks.of(plan) if plan is not None else ():
        item.add_marker(name)


def pytest_bdd_apply_tag(tag: str, function: Any) -> bool:
    """Turn ``@req:X`` and ``@cap:X`` into marks that ``-m "req(id='X')"`` selects; everything else is the plan's business."""
    name, _, value = tag.partition(":")
    if name == "req":
        pytest.mark.req(id=value)(function)
    elif name == "cap":
        pytest.mark.cap(code=value)(function)
    elif name != "id":
        pytest.mark.profile(tag=tag)(function)
    return True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Check features against the catalogue, then keep what was asked for; scenarios tagged ``@last`` go to the end."""
    ours = [item for item in items if plan_of(item) is not None]
    if not ours:
        return
    problems = (*lint.problems(), *lint.missing_steps())
    if problems:
        raise pytest.UsageError("the features and the catalogue do not agree:\n" + "\n".join(f"  {p}" for p in problems))
    selection = _selection(config)
    kept = [item for item in items if (plan := plan_of(item)) is None or selection.wants(plan, label_of(bdd.row_of(item)))]
    gone = sorted(set(items) - set(kept), key=items.index) if len(kept) < len(items) else []
    if gone:
        config.hook.pytest_deselected(items=gone)
    items[:] = _in_order(kept, options_of(config).shuffle)
    if side_by_side.is_worker(config):
        side_by_side.group((item, plan_of(item)) for item in items)
        items.sort(key=_comes_last)


def _comes_last(item: pytest.Item) -> bool:
    plan = plan_of(item)
    return plan is not None and bool(plan.flags & side_by_side.LAST)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, obj: object) -> list[pytest.Item] | None:
    """No item for a scenario of which nothing is asked for: to make two thousand and to keep one takes longer than to put it."""
    plans = [mark.kwargs["plan"] for mark in getattr(obj, "pytestmark", ()) if getattr(mark, "name", "") == "smartlaunch"]
    if not plans:
        return None
    try:
        selection = _selection(collector.config)
    except pytest.UsageError:  # told once, when everything is collected
        return None
    return None if selection.scenarios_of(plans[0]) else []


def _in_order(items: list[pytest.Item], seed: str) -> list[pytest.Item]:
    """The items by suite, those tagged ``@last`` at the end of theirs; with a seed, suites and scenarios in an order drawn by it."""
    suites = [suite.id for suite in SUITES]
    if seed:
        chance = random.Random(seed)  # noqa: S311 - an order to try, no secret
        items = sorted(items, key=lambda item: item.nodeid)
        chance.shuffle(items)
        chance.shuffle(suites)
    order = {identifier: number for number, identifier in enumerate(suites)}

    def key(item: pytest.Item) -> tuple[int, bool]:
        plan = plan_of(item)
        return (-1, False) if plan is None else (order[plan.suite.id], "last" in plan.flags)

    return sorted(items, key=key)


def _selection(config: pytest.Config) -> Selection:
    if SELECTION not in config.stash:
        try:
            config.stash[SELECTION] = Selection.of(options_of(config), files_named=any("test_" in str(arg) for arg in config.args))
        except UsageError as exc:
            raise pytest.UsageError(str(exc)) from None
    return config.stash[SELECTION]


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Open the run before the first scenario and close it after the last, whatever happens between."""
    ours = [item for item in session.items if plan_of(item) is not None]
    if not ours or session.config.option.collectonly:
        return (yield)
    config = session.config
    worker = side_by_side.is_worker(config)
    quiet = True if worker or config.getoption("--quiet-progress") or config.getoption("capture") != "no" else None
    progress = config.stash[PROGRESS] = Progress(sys.stderr, len(ours), quiet)
    progress.doing("checking the configuration")
    run = open_run(config, ours)
    if config.stash.get(side_by_side.UNUSABLE, False):
        return (yield)
    gc.freeze()  # features, steps and catalogue stay to the end; there is no use in looking through them again and again
    usual = gc.get_threshold()
    gc.set_threshold(50_000, *usual[1:])  # most of what a run makes is kept to its end
    interrupted = False
    try:
        if not worker:  # which does not know what it will be given
            begin(run, ours)
        return (yield)
    except KeyboardInterrupt:
        interrupted = True
        raise
    finally:
        close()
        progress.doing("writing the reports")
        try:
            run.close(quickly=interrupted)
            _scrub_reports(config, run)
            if not (interrupted and os.environ.get("SMARTLAUNCH_SUMMARY") == "off"):  # then `smartlaunch run` does so, from what is on disk
                write_reports(config, run)
        except InternalError as exc:
            raise pytest.exit.Exception(clean(exc, run), returncode=pytest.ExitCode.INTERNAL_ERROR) from None
        finally:
            gc.set_threshold(*usual)
            progress.close()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """Put nothing in a worker whose target is not fit for a run."""
    return True if item.config.stash.get(side_by_side.UNUSABLE, False) else None


def _scrub_reports(config: pytest.Config, run: RunSession) -> None:
    """Hide what was learned late in the reports that pytest keeps for what it prints at the end."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    reports = [each for listed in terminal.stats.values() for each in listed] if terminal is not None else []
    told = {id(each): _told(each) for each in reports}
    late = run.redactor.registry.suspect(told.values(), plainly=True)
    for report in reports:
        if told[id(report)] in late:
            clean = run.scrub(told[id(report)])
            report.longrepr = clean if isinstance(report.longrepr, str) else (*report.longrepr[:2], clean)


def _told(report: object) -> str:
    """What a report says of its scenario; a skip tells file and line before it."""
    text = getattr(report, "longrepr", None)
    return text if isinstance(text, str) else str(text[2]) if isinstance(text, tuple) else ""


# -- one scenario ---------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Gate a scenario by edition, capability and permission before anything is sent for it."""
    plan = plan_of(item)
    if plan is None:
        return (yield)
    give_way()
    run = item.config.stash[RUN]
    if side_by_side.is_worker(item.config) and _comes_last(item):
        side_by_side.wait_for_the_others(run.folder, sum(not _comes_last(each) for each in item.session.items))
    item.config.stash[PROGRESS].scenario(f"{plan.suite.id}: {plan.title_of(bdd.row_of(item))}")
    assert run.apps is not None
    run.apps.ripen()
    item.stash[STARTED] = time.monotonic()
    item.stash[STEPS] = []
    item.stash[JUDGE] = Judge(load(), frozenset(plan.requirements), run.scrub, run.target.edition, plan.slug)
    manager = run.recorder.scope(scenario_id(item))
    item.stash[EXCHANGES] = (manager, manager.__enter__())
    gate = gate_of(plan, run)
    if isinstance(gate, Missing):
        raise gate
    if gate is not None:
        raise Skipped(str(gate), gate)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Let the judge speak when all steps have run; a rule that does not apply becomes a skip with its reason."""
    plan = plan_of(item)
    if plan is None:
        return (yield)
    judge, ended, result = item.stash[JUDGE], None, None
    try:
        result = yield
    except (NotApplicable, Blocked) as exc:
        ended = unless_answered(item, plan, exc)
    if judge.outcome is not Outcome.FAILED:
        if isinstance(ended, NotApplicable):
            raise Skipped(item.config.stash[RUN].scrub(str(ended)), ended) from ended
        if ended is not None:
            raise ended
        if not judge.judged:
            raise SmartLaunchError("the scenario ended without any judgement: one of its Then steps is missing")
        return result
    exchanges = {x.id: x for x in item.config.stash[RUN].recorder.exchanges}
    raise NonConformance(render_findings(judge.records(), judge.catalogue, exchanges=exchanges)) from None


def unless_answered(item: pytest.Item, plan: Plan, ended: NotApplicable | Blocked) -> NotApplicable | Blocked | None:
    """How a scenario ended; one without an answer is put once more where right requests are answered; a second silence is a finding."""
    run, app = item.config.stash[RUN], None
    with contextlib.suppress(NotApplicable, Blocked, UsageError):
        app = app_of(run.apps, plan) if isinstance(ended, Unreachable) and run.apps is not None else None
    if not proofs.answers_others(plan, app, ended):
        return ended
    item.stash[STEPS].clear()
    again: NotApplicable | Blocked | None = None
    try:
        item.runtest()
    except (NotApplicable, Blocked) as exc:
        again = exc
    if isinstance(again, Unreachable) and proofs.answers_others(plan, app, again):
        item.stash[JUDGE](proofs.no_answer(again))
        return None
    return again


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn what happened into one of the seven outcomes, keep it, and take secrets out of everything pytest will print."""
    plan = plan_of(item)
    if plan is None:
        return (yield)
    run = item.config.stash[RUN]
    exc = call.excinfo.value if call.excinfo is not None else None
    report = yield
    if report.failed and exc is not None:
        report.longrepr = clean(exc, run)
        if call.when == "call" and not isinstance(exc, NonConformance):
            report.when = "setup"  # pytest, JUnit and Allure call a failure outside the call an error
    report.sections = [(title, run.scrub(text)) for title, text in report.sections]
    ended = call.when == "call" or (call.when == "setup" and exc is not None)
    if ended:
        result = known.mark(result_of(item, plan, run, exc), run.deviations, {each.id: each for each in run.results})
        item.stash[RESULT] = result
        run.add(result)
        if run.engine is not None:
            proofs.note(run.engine, plan, result)
        item.config.stash[PROGRESS].done(Outcome.PASSED.value if result.known else result.outcome)
        report.user_properties.extend(properties_of(result))
        setattr(report, "smartlaunch_outcome", "known" if result.known else result.outcome)  # noqa: B010 - TestReport takes extra attributes for other hooks
        if result.known and report.failed:
            report.outcome = "skipped"  # what is known is no failure, in pytest's exit code, in JUnit, and in what `--lf` remembers
            report.longrepr = (str(item.path), item.location[1] or 0, f"known deviation: {result.known['reason']}")
    elif call.when == "teardown" and exc is not None:
        report.longrepr = clean(exc, run)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, None, None]:
    """Go through the right flows on which refusals rest, when enough do so or the suite ends."""
    result = yield
    plan, following = plan_of(item), plan_of(nextitem) if nextitem is not None else None
    run = item.config.stash.get(RUN, None)
    if plan is not None and run is not None and run.engine is not None:
        proofs.prove_what_is_due(run, run.engine, last=following is None or following.suite != plan.suite)
    return result


def pytest_report_teststatus(report: Any) -> tuple[str, str, str] | None:
    """Our outcomes under our own words in pytest's progress and counts."""
    outcome = getattr(report, "smartlaunch_outcome", None)
    words = {
        "warning": ("advisory", "w", "ADVISORY"),
        "blocked": ("error", "B", "BLOCKED"),
        "error": ("error", "E", "ERROR"),
        "not-applicable": ("skipped", "n", "NOT APPLICABLE"),
        "not-configured": ("skipped", "c", "NOT CONFIGURED"),
        "known": ("known", "k", "KNOWN"),
    }
    return words.get(outcome) if outcome is not None else None


# -- steps ----------------------------------------------------------------------------------------------------------------


def pytest_bdd_before_step() -> None:
    """Between two steps nothing is under way."""
    give_way()


def pytest_bdd_after_step(request: pytest.FixtureRequest, step: Step) -> None:
    """Remember a step that ran through, and whether it found something."""
    found = request.node.stash[JUDGE].since_last_asked()
    request.node.stash[STEPS].append(StepResult(step.keyword.strip(), step.name, found.value))


def pytest_bdd_step_error(request: pytest.FixtureRequest, scenario: Scenario, step: Step) -> None:
    """Remember the step that broke off, and those never reached."""
    _broke_off(request, scenario, step)


def pytest_bdd_step_func_lookup_error(request: pytest.FixtureRequest, scenario: Scenario, step: Step) -> None:
    """Remember a step that has no definition."""
    _broke_off(request, scenario, step)


def _broke_off(request: pytest.FixtureRequest, scenario: Scenario, step: Step) -> None:
    node: pytest.Item = request.node
    done = node.stash[STEPS]
    done.append(StepResult(step.keyword.strip(), step.name, "failed"))
    rest = list(scenario.steps)
    after = rest[rest.index(step) + 1 :] if step in rest else []
    done.extend(StepResult(s.keyword.strip(), s.name, "skipped") for s in after)


# -- the end --------------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """Keep what another plugin's report, such as pytest's own JUnit file, could not do from ending the process with a traceback."""
    run = session.config.stash.get(RUN, None)
    if run is None:
        return (yield)
    try:
        yield
        _scrub_file(session.config.getoption("xmlpath", None), run)
    except Exception as exc:  # noqa: BLE001 - the run and its own reports are complete; whatever broke is named in them
        files = {Path(frame.filename).stem for frame in traceback.extract_tb(exc.__traceback__)}
        artefact = JUNIT_FILE if "junitxml" in files else "a report of pytest"
        sys.stderr.write(f"smartlaunch: {artefact} could not be written: {clean(exc, run)}\n")
        with contextlib.suppress(OSError, UsageError):
            add_unwritten(run.folder, artefact, clean(exc, run))


def _scrub_file(name: str | None, run: RunSession) -> None:
    """Hide what was learned late in a file that pytest has written from what it kept scenario by scenario."""
    if not name or not (path := Path(os.path.expandvars(name)).expanduser()).is_file():
        return
    text = path.read_text("utf-8")
    if run.redactor.registry.suspect([text], plainly=True):
        path.write_text(run.scrub(text), encoding="utf-8")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Our own summary, after pytest's."""
    folder = _folder_of(config)
    if folder is None or not (folder / RUN_FILE).exists() or os.environ.get("SMARTLAUNCH_SUMMARY") == "off":
        return
    from smartlaunch.reporting.summary import render_summary

    written = load_run(folder)
    paths = {"report": folder / "index.html", "run.json": folder / RUN_FILE}
    terminalreporter.write_line("")
    for line in render_summary(written, load(), paths=paths, colour=terminalreporter.hasmarkup).splitlines():
        terminalreporter.write_line(line)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Write the digests of every file once all are there; ``smartlaunch run`` does so itself."""
    from smartlaunch.evidence.manifest import write_manifest

    folder = _folder_of(config)
    if folder is not None and (folder / RUN_FILE).exists() and os.environ.get("SMARTLAUNCH_SUMMARY") != "off":
        write_manifest(folder)


def _folder_of(config: pytest.Config) -> Path | None:
    """The folder of the run, also of one that several workers made."""
    run = config.stash.get(RUN, None)
    return run.folder if run is not None else config.stash.get(side_by_side.JOINED, None)
