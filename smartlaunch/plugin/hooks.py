"""pytest hooks of the suite: options, selection, verdicts, summary. ``conftest.py`` loads this module and the steps."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import time
import traceback
from collections.abc import Generator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_bdd.parser import Scenario, Step

from smartlaunch.catalogue import load
from smartlaunch.client.app import App
from smartlaunch.client.apps import Apps
from smartlaunch.client.engine import Engine
from smartlaunch.client.situation import PLAIN
from smartlaunch.errors import Blocked, Missing, NonConformance, NotApplicable, NotConfigured, SmartLaunchError, Unreachable, UsageError
from smartlaunch.finding import Outcome
from smartlaunch.plugin import bdd, known, lint, options, proofs
from smartlaunch.plugin.binding import SUITES, Plan, Suite, judged_at, label_of
from smartlaunch.plugin.judge import Judge
from smartlaunch.plugin.selection import Selection
from smartlaunch.plugin.session import RunSession, elapsed, explain_internal
from smartlaunch.probes import ahead
from smartlaunch.records.files import JUNIT_FILE, REPORTS, RUN_FILE
from smartlaunch.records.record import SCHEMA_VERSION, ScenarioResult, StepResult
from smartlaunch.records.store import add_unwritten, load_run, new_run_folder, write_header
from smartlaunch.reporting.failure import render_findings
from smartlaunch.reporting.summary import Progress
from smartlaunch.target import APP_ROLES, LAUNCHES

RUN = pytest.StashKey[RunSession]()
PROGRESS = pytest.StashKey[Progress]()
JUDGE = pytest.StashKey[Judge]()
STEPS = pytest.StashKey[list[StepResult]]()
EXCHANGES = pytest.StashKey[Any]()
STARTED = pytest.StashKey[float]()
RESULT = pytest.StashKey[ScenarioResult]()
PROFILE = pytest.StashKey[str]()
_RUN_DIR = "SMARTLAUNCH_RUN_DIR"
_ALLURE = "smartlaunch-allure-bridge"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Our options; names stay clear of other plugins'."""
    group = parser.getgroup("smartlaunch", "SMART App Launch conformance")
    options.add_to_pytest(group.addoption)


def pytest_configure(config: pytest.Config) -> None:
    """Register markers; fix the run's folder early, so that workers and Allure agree on it."""
    bdd.install_lookup()
    config.addinivalue_line("markers", "smartlaunch(plan): one scenario of the suite")
    config.addinivalue_line("markers", "req(id): the requirement a scenario speaks to")
    config.addinivalue_line("markers", "cap(code): the SMART capability that makes a scenario apply")
    config.addinivalue_line("markers", "profile(tag): a tag of the tag table")
    try:
        from smartlaunch.reporting.allure_bridge import AllureBridge
    except ImportError:
        return
    config.pluginmanager.register(AllureBridge(config, example=bdd.EXAMPLE), _ALLURE)


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


def plan_of(item: pytest.Item) -> Plan | None:
    """The plan of a scenario item, or None for an ordinary test."""
    mark = item.get_closest_marker("smartlaunch")
    return mark.kwargs["plan"] if mark is not None else None


def scenario_id(item: pytest.Item) -> str:
    """``<suite>/<slug>[<label>]``, stable for ever."""
    plan = plan_of(item)
    assert plan is not None
    return plan.id_of(label_of(bdd.row_of(item)))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Check features against the catalogue, then keep what was asked for; scenarios tagged ``@last`` go to the end."""
    ours = [item for item in items if plan_of(item) is not None]
    if not ours:
        return
    problems = lint.problems()
    if problems:
        raise pytest.UsageError("the features and the catalogue do not agree:\n" + "\n".join(f"  {p}" for p in problems))
    selection = _selection(config)
    kept = [item for item in items if (plan := plan_of(item)) is None or selection.wants(plan, label_of(bdd.row_of(item)))]
    gone = sorted(set(items) - set(kept), key=items.index) if len(kept) < len(items) else []
    if gone:
        config.hook.pytest_deselected(items=gone)
    order = {suite.id: number for number, suite in enumerate(SUITES)}

    def key(item: pytest.Item) -> tuple[int, bool]:
        plan = plan_of(item)
        return (-1, False) if plan is None else (order[plan.suite.id], "last" in plan.flags)

    items[:] = sorted(kept, key=key)


def _options(config: pytest.Config) -> options.Options:
    """What was asked for, in the words of the plugin."""
    return options.read(lambda option: config.getoption(option.pytest_flag) if option.pytest_flag else None)


def _selection(config: pytest.Config) -> Selection:
    try:
        return Selection.of(_options(config), files_named=any("test_" in str(arg) for arg in config.args))
    except UsageError as exc:
        raise pytest.UsageError(str(exc)) from None


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Open the run before the first scenario and close it after the last, whatever happens between."""
    ours = [item for item in session.items if plan_of(item) is not None]
    if not ours or session.config.option.collectonly:
        return (yield)
    config = session.config
    quiet = True if config.getoption("--quiet-progress") or config.getoption("capture") != "no" else None
    progress = config.stash[PROGRESS] = Progress(sys.stderr, len(ours), quiet)
    progress.doing("checking the configuration")
    run = _open_run(config, ours)
    gc.freeze()  # features, steps and catalogue stay to the end; there is no use in looking through them again and again
    usual = gc.get_threshold()
    gc.set_threshold(50_000, *usual[1:])  # most of what a run makes is kept to its end
    try:
        _begin(run, ours)
        return (yield)
    finally:
        progress.doing("writing the reports")
        try:
            run.close()
            _write_reports(config, run)
        finally:
            gc.set_threshold(*usual)
            progress.close()


def _begin(run: RunSession, items: list[pytest.Item]) -> None:
    """Begin what lets time pass, so that it costs no time."""
    assert run.apps is not None
    for item in items:
        plan = plan_of(item)
        if plan is not None and plan.waits and len(items) > 1 and _gate(plan, run) is None:
            with contextlib.suppress(NotApplicable, Blocked, UsageError):  # the scenario itself will meet it and say so
                app = _app_of(run.apps, plan)
                for what in plan.waits:
                    ahead.begin(app, what)


def _open_run(config: pytest.Config, items: list[pytest.Item]) -> RunSession:
    from smartlaunch.client.preflight import preflight

    option = config.getoption
    folder = Path(option("--run-dir") or os.environ.get(_RUN_DIR) or new_run_folder(Path.cwd() / REPORTS))
    os.environ[_RUN_DIR] = str(folder)
    run = RunSession(
        _options(config),
        folder,
        selection=[scenario_id(item) for item in items],
    )
    config.stash[RUN] = run
    try:
        engine = run.start()
        intrusive = [i for i in items if (p := plan_of(i)) and "intrusive" in p.flags]
        run.preflight = preflight(engine, intrusive=len(intrusive))
    except UsageError as exc:
        run.preflight = [{"problem": run.scrub(str(exc)), "verdict": "mend"}]
        _fail_preflight(config, run)
    except BaseException:
        run.close()
        raise
    if any(line["verdict"] in ("mend", "unreachable") for line in run.preflight):
        _fail_preflight(config, run)
    write_header(run.folder, run.header())
    return run


def _fail_preflight(config: pytest.Config, run: RunSession) -> None:
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
    write_header(run.folder, header)
    run.close()
    finish(run.folder, lambda: header, scrub=run.scrub)
    config.stash[RUN] = run
    reached = all(line["verdict"] != "unreachable" for line in run.preflight)
    lines = [line["problem"] for line in run.preflight if line["verdict"] in ("mend", "unreachable")]
    title = "before the run, mend this:" if reached else "the target cannot be reached:"
    ended = pytest.ExitCode.USAGE_ERROR if reached else pytest.ExitCode.NO_TESTS_COLLECTED
    pytest.exit(f"{title}\n" + "\n".join(lines), returncode=ended)


def _write_reports(config: pytest.Config, run: RunSession) -> None:
    from smartlaunch.plugin.finish import finish

    if os.environ.get("SMARTLAUNCH_REPORTS") == "off":
        return
    bridge = config.pluginmanager.get_plugin(_ALLURE)
    finish(
        run.folder,
        run.header,
        scrub=run.scrub,
        on_run=bridge.begin if bridge is not None else None,
        at_end=bridge.finish if bridge is not None else None,
    )
    config.stash[RUN] = run


# -- one scenario ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def run_session(request: pytest.FixtureRequest) -> RunSession:
    """The run that is under way."""
    return request.config.stash[RUN]


@pytest.fixture(scope="session")
def engine(run_session: RunSession) -> Engine:
    """The machinery of the run."""
    assert run_session.engine is not None
    return run_session.engine


@pytest.fixture(scope="session")
def apps(run_session: RunSession) -> Apps:
    """The apps of the run, by client and way of launching."""
    assert run_session.apps is not None
    return run_session.apps


@pytest.fixture
def plan(request: pytest.FixtureRequest) -> Plan:
    """What the tags of the running scenario say."""
    found = plan_of(request.node)
    assert found is not None
    return found


@pytest.fixture
def suite(plan: Plan) -> Suite:
    """The suite of the running scenario."""
    return plan.suite


@pytest.fixture
def judge(request: pytest.FixtureRequest) -> Judge:
    """The judge of the running scenario."""
    found: Judge = request.node.stash[JUDGE]
    return found


@pytest.fixture
def app(apps: Apps, plan: Plan, request: pytest.FixtureRequest) -> App:
    """The app of the running scenario's suite.

    A rule that does not depend on the client is put with any client that the target file has.
    """
    found = _app_of(apps, plan)
    words = filter(None, (found.client.role, found.launch_kind, found.situation.words))
    request.node.stash[PROFILE] = f"{found.client.name} ({', '.join(words)})"
    return found


def _app_of(apps: Apps, plan: Plan) -> App:
    """The app with which a plan is put, in as much of its situation as the target file can give.

    Where nothing of it is left and the client is the one that puts the scenario anyway, it is not put a second time.
    """
    if not plan.again:
        return _usual_app(apps, plan)
    elsewhere = True
    try:
        app = apps.launched(plan.suite.role, plan.suite.launch)
    except NotApplicable:
        kinds, roles = _bearable(plan)
        app, elsewhere = apps.any(kinds, roles), False
    situation = app.possible(plan.situation)
    if situation == PLAIN and not (elsewhere and "once" in plan.flags):
        raise NotConfigured(
            f"the target file can show no other situation than the usual one ({plan.situation.words or plan.suite.id})",
            key="[users.<second>], [patients] other, `offline_access` in the scopes, or [clients.<another>]",
        )
    situated = apps.in_situation(app, situation)
    situated.require_situation()
    return situated


def _bearable(plan: Plan) -> tuple[Sequence[str], Sequence[str]]:
    """The ways of launching and the roles that a scenario's tags leave open."""
    return [kind for kind in LAUNCHES if kind in plan.flags] or LAUNCHES, [role for role in APP_ROLES if role in plan.flags] or APP_ROLES


def _usual_app(apps: Apps, plan: Plan) -> App:
    """The app with which a scenario is put.

    A rule that does not depend on the client is put with the first that can bear it, in whichever way that one can be launched.
    """
    suite = plan.suite
    if suite.role == "backend":
        return apps.of_role("backend")
    if "once" in plan.flags:
        return apps.any(*_bearable(plan))
    return apps.launched(suite.role, suite.launch)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Gate a scenario by edition, capability and permission before anything is sent for it."""
    plan = plan_of(item)
    if plan is None:
        return (yield)
    run = item.config.stash[RUN]
    item.config.stash[PROGRESS].scenario(f"{plan.suite.id}: {plan.title_of(bdd.row_of(item))}")
    assert run.apps is not None
    run.apps.ripen()
    item.stash[STARTED] = time.monotonic()
    item.stash[STEPS] = []
    item.stash[JUDGE] = Judge(load(), frozenset(plan.requirements), run.scrub, run.target.edition, plan.slug)
    manager = run.recorder.scope(scenario_id(item))
    item.stash[EXCHANGES] = (manager, manager.__enter__())
    gate = _gate(plan, run)
    if isinstance(gate, Missing):
        raise gate
    if gate is not None:
        raise Skipped(str(gate), gate)
    return (yield)


def _gate(plan: Plan, run: RunSession) -> NotApplicable | Missing | None:
    """Why a scenario is not put at all, before anything is sent for it."""
    catalogue = load()
    edition, engine = run.target.edition, run.engine
    rows = [catalogue[r] for r in plan.requirements]
    if rows and all(edition not in row.editions for row in rows):
        return NotApplicable(f"the rule does not bind edition {edition}")
    if "writes" in plan.flags and not run.target.probes.allow_writes:
        return NotConfigured(
            "writing is not allowed: set probes.allow_writes in the target file to let the suite create and change its own data",
            key="[probes] allow_writes = true",
        )
    if "lockout" in plan.flags and not run.target.probes.lockout:
        return NotConfigured(
            "probes that may lock an account are not allowed: set probes.lockout in the target file", key="[probes] lockout = true"
        )
    assert engine is not None
    missing = [c for c in plan.capabilities if c not in engine.discovery.capabilities]
    if missing and not engine.discovery.document:
        return Missing("there is no SMART configuration that could claim a capability", by="smart-configuration-found")
    if missing:
        return NotApplicable(f"the server does not claim the capability {', '.join(f'`{c}`' for c in missing)}")
    return None


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
        app = _app_of(run.apps, plan) if isinstance(ended, Unreachable) and run.apps is not None else None
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


class Skipped(pytest.skip.Exception):  # type: ignore[name-defined, misc]
    """What pytest takes as a skip, with what the suite knows of its cause."""

    def __init__(self, message: str, cause: NotApplicable) -> None:
        """Keep the cause for the record of the scenario."""
        self.cause = cause
        super().__init__(message)


def _clean(exc: BaseException, run: RunSession) -> str:
    return run.scrub(explain_internal(exc) if not isinstance(exc, (SmartLaunchError, AssertionError)) else str(exc))


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
        report.longrepr = _clean(exc, run)
        if call.when == "call" and not isinstance(exc, NonConformance):
            report.when = "setup"  # pytest, JUnit and Allure call a failure outside the call an error
    report.sections = [(title, run.scrub(text)) for title, text in report.sections]
    ended = call.when == "call" or (call.when == "setup" and exc is not None)
    if ended:
        result = known.mark(_result(item, plan, run, exc), run.deviations, {each.id: each for each in run.results})
        item.stash[RESULT] = result
        run.add(result)
        if run.engine is not None:
            proofs.note(run.engine, plan, result)
        item.config.stash[PROGRESS].done(Outcome.PASSED.value if result.known else result.outcome)
        report.user_properties.extend(_properties(result))
        setattr(report, "smartlaunch_outcome", "known" if result.known else result.outcome)  # noqa: B010 - TestReport takes extra attributes for other hooks
        if result.known and report.failed:
            report.outcome = "skipped"  # what is known is no failure, in pytest's exit code, in JUnit, and in what `--lf` remembers
            report.longrepr = (str(item.path), item.location[1] or 0, f"known deviation: {result.known['reason']}")
    elif call.when == "teardown" and exc is not None:
        report.longrepr = _clean(exc, run)
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


def _properties(result: ScenarioResult) -> list[tuple[str, object]]:
    from smartlaunch.reporting.junit import junit_properties

    return list(junit_properties(result))


def _result(item: pytest.Item, plan: Plan, run: RunSession, exc: BaseException | None) -> ScenarioResult:
    judge = item.stash.get(JUDGE, None)
    manager, scope = item.stash[EXCHANGES]
    manager.__exit__(None, None, None)
    catalogue = load()
    outcome, reason, needs, blocked_by = Outcome.PASSED, "", "", ""
    block: dict[str, str] = {}
    steps = item.stash[STEPS]
    attachments: tuple[str, ...] = ()
    if exc is None:
        assert judge is not None
        outcome, reason = judge.outcome, "\n".join(judge.notes)
    elif isinstance(exc, pytest.skip.Exception):
        outcome, reason = Outcome.NOT_APPLICABLE, run.scrub(exc.msg or "")
        cause = getattr(exc, "cause", None)
        if isinstance(cause, NotConfigured):
            outcome, needs = Outcome.NOT_CONFIGURED, cause.key
    elif isinstance(exc, NonConformance):
        outcome = Outcome.FAILED
    elif isinstance(exc, Blocked):
        outcome, reason, attachments = Outcome.BLOCKED, run.scrub(str(exc)), exc.artifacts
        blocked_by = judged_at(exc.by, plan.suite.id) if exc.by else ""
        reason = f"{reason}\nblocked by: {blocked_by}" if blocked_by else reason
        block = {"kind": exc.root.kind, "cause": run.scrub(exc.root.message.partition("\n")[0])}
    else:
        outcome, reason = Outcome.ERROR, _clean(exc, run)
        attachments = (run.keep_traceback(plan.slug, "".join(traceback.format_exception(exc))),)
    findings = judge.records() if judge is not None else ()
    if outcome in (Outcome.FAILED, Outcome.WARNING) and findings:
        reason = "; ".join(f.actual for f in findings if f.outcome == outcome.value)[:2000]
    return ScenarioResult(
        id=scenario_id(item),
        title=plan.title_of(bdd.row_of(item)),
        feature=plan.template.feature.name or "",
        rule=plan.rule,
        suite=plan.suite.id,
        requirements=plan.requirements,
        outcome=outcome.value,
        reason=reason,
        duration_s=elapsed(item.stash[STARTED]),
        findings=findings,
        exchanges=tuple(dict.fromkeys(scope.ids)),
        steps=tuple(steps),
        attachments=tuple(attachments),
        tags=tuple(sorted(plan.flags)),
        blocked_by=blocked_by,
        inferno=tuple(dict.fromkeys(t for r in plan.requirements if r in catalogue for t in catalogue[r].inferno)),
        needs=needs,
        block=block,
        profile=item.stash.get(PROFILE, ""),
        started=datetime.fromtimestamp(time.time() - elapsed(item.stash[STARTED]), UTC).isoformat(timespec="milliseconds"),
    )


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
        return (yield)
    except Exception as exc:  # noqa: BLE001 - the run and its own reports are complete; whatever broke is named in them
        files = {Path(frame.filename).stem for frame in traceback.extract_tb(exc.__traceback__)}
        add_unwritten(run.folder, JUNIT_FILE if "junitxml" in files else "a report of pytest", _clean(exc, run))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Our own summary, after pytest's."""
    run = config.stash.get(RUN, None)
    if run is None or not (run.folder / RUN_FILE).exists() or os.environ.get("SMARTLAUNCH_SUMMARY") == "off":
        return
    from smartlaunch.reporting.summary import render_summary

    written = load_run(run.folder)
    paths = {"report": run.folder / "index.html", "run.json": run.folder / RUN_FILE}
    terminalreporter.write_line("")
    for line in render_summary(written, load(), paths=paths, colour=terminalreporter.hasmarkup).splitlines():
        terminalreporter.write_line(line)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Write the digests of every file once all are there; ``smartlaunch run`` does so itself."""
    from smartlaunch.evidence.manifest import write_manifest

    run = config.stash.get(RUN, None)
    if run is not None and (run.folder / RUN_FILE).exists() and os.environ.get("SMARTLAUNCH_SUMMARY") != "off":
        write_manifest(run.folder)
