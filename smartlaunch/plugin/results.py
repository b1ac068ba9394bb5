"""What became of a scenario, as the record that all reports read."""

from __future__ import annotations

import time
import traceback
from datetime import UTC, datetime

import pytest

from smartlaunch.catalogue import load
from smartlaunch.errors import Blocked, NonConformance, NotApplicable, NotConfigured, SmartLaunchError
from smartlaunch.finding import Outcome
from smartlaunch.plugin import bdd
from smartlaunch.plugin.binding import Plan, judged_at
from smartlaunch.plugin.items import EXCHANGES, JUDGE, PROFILE, STARTED, STEPS, scenario_id
from smartlaunch.plugin.session import RunSession, elapsed, explain_internal
from smartlaunch.records.record import ScenarioResult


class Skipped(pytest.skip.Exception):  # type: ignore[name-defined, misc]
    """What pytest takes as a skip, with what the suite knows of its cause."""

    def __init__(self, message: str, cause: NotApplicable) -> None:
        """Keep the cause for the record of the scenario."""
        self.cause = cause
        super().__init__(message)


def clean(exc: BaseException, run: RunSession) -> str:
    """An exception in words, without secrets."""
    return run.scrub(explain_internal(exc) if not isinstance(exc, (SmartLaunchError, AssertionError)) else str(exc))


def properties_of(result: ScenarioResult) -> list[tuple[str, object]]:
    """What JUnit tells of a result."""
    from smartlaunch.reporting.junit import junit_properties

    return list(junit_properties(result))


def result_of(item: pytest.Item, plan: Plan, run: RunSession, exc: BaseException | None) -> ScenarioResult:
    """The record of a scenario, from its judge and from what broke it off."""
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
        blocked_by = judged_at(exc.by, plan.suite.id) if exc.by not in ("", plan.slug) else ""  # nothing is blocked by itself
        reason = f"{reason}\nblocked by: {blocked_by}" if blocked_by else reason
        block = {"kind": exc.root.kind, "cause": run.scrub(exc.root.message.partition("\n")[0])}
    else:
        outcome, reason = Outcome.ERROR, clean(exc, run)
        attachments = (run.keep_traceback(plan.slug, "".join(traceback.format_exception(exc))),)
    if outcome in (Outcome.FAILED, Outcome.WARNING, Outcome.BLOCKED, Outcome.ERROR):
        attachments = tuple(dict.fromkeys((*attachments, *scope.attachments)))
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
