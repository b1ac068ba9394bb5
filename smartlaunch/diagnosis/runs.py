"""Diagnose a run: each failure and block gets its cause, and those with one cause become one entry.

Nothing is decided by the words of a step or a reason: a probe is known by its tags, a block by its kind and by the block it goes back to,
a breach by its requirement, its row and the place it points to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from smartlaunch.diagnosis import own_side
from smartlaunch.diagnosis.breaches import as_diagnosis, gather, is_probe
from smartlaunch.diagnosis.inputs.flows import materials
from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.model import Category, Confidence, Diagnosis, Evidence, Missing, Report
from smartlaunch.diagnosis.vendor import all_vendors, recognise
from smartlaunch.diagnosis.weighing import DECLINE, examine
from smartlaunch.exchange import RecordedExchange
from smartlaunch.finding import Kind, Outcome, Side
from smartlaunch.records import commands
from smartlaunch.records.record import FindingRecord, Run, ScenarioResult

_JUDGED = (Outcome.FAILED, Outcome.BLOCKED, Outcome.WARNING)
_SCOPE_CATEGORIES = frozenset(
    {Category.SCOPE_REGISTRATION, Category.SCOPE_SYNTAX, Category.SCOPE_VERSION, Category.TOKEN_LIFETIME, Category.LAUNCH_CONTEXT}
)
_OWN_HAND = frozenset({Category.CORS, Category.EMBEDDING})
"""What an app does by its own code: in a run that is this suite, so it is no advice for a person's app."""


def diagnose_run(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The ``diagnoses[]`` of a run, best first; ``run`` is what ``run.json`` holds."""
    known = Run.of(run)
    if not _looked_at(known, "") and not own_side.of_preflight(known):
        return []  # what vendors say need not be read where there is nothing to explain
    return [item.to_json() for item in diagnose(known).diagnoses]


def diagnose(run: Run, vendor: str = "", scenario: str = "") -> Report:
    """The report on a run, or on one scenario of it."""
    wanted = vendor or _vendor_of(_target(run))
    report = Report(source="run", vendor=wanted)
    results = _looked_at(run, scenario)
    merged: dict[tuple[str, str], Diagnosis] = {}
    breaches: list[tuple[ScenarioResult, FindingRecord]] = []
    for result in results:
        found, broken = _causes(result, run, wanted)
        breaches += broken
        for item in found:
            known = merged.setdefault((item.rule, item.cause), item)
            if known is not item:
                known.scenarios += [s for s in item.scenarios if s not in known.scenarios]
                known.requirements += [r for r in item.requirements if r not in known.requirements]
    found = [*own_side.of_preflight(run), *merged.values(), *(as_diagnosis(b, run) for b in gather(breaches, run))]
    _attach(found, results, run)
    if scenario:
        found = [d for d in found if scenario in d.scenarios or not d.scenarios]
        results = [r for r in results if r.id == scenario]
    order = {r.id: n for n, r in enumerate(run.scenarios)}
    report.diagnoses = sorted(found, key=lambda d: (d.side is not Side.TARGET_FILE, -_gravity(d, run), -d.weight, _place(d, order)))
    if not report.diagnoses and any(r.outcome in (Outcome.FAILED, Outcome.BLOCKED) for r in results):
        report.missing = _missing(results, run, wanted) or [
            Missing("what the server holds against the request", "Ask those who run it, with the times and ids of its answers.")
        ]
    return report


def _looked_at(run: Run, scenario: str) -> list[ScenarioResult]:
    """The results to explain; of one that was blocked by another, all, because its cause lies there."""
    judged = [r for r in run.scenarios if r.outcome in _JUDGED]
    one = run.scenario_by_id.get(scenario)
    if not scenario or (one is not None and (one.blocked_by or one.block)):
        return judged
    return [r for r in judged if r.id == scenario]


def _target(run: Run) -> Mapping[str, Any]:
    target = run.header.get("target")
    return target if isinstance(target, Mapping) else {}


def _vendor_of(target: Mapping[str, Any]) -> str:
    name, base = str(target.get("vendor") or ""), str(target.get("fhir_base_url") or "")
    if name in all_vendors():
        return name
    from smartlaunch.diagnosis.inputs.weblinks import host_of

    found = recognise([name] if name else [], [host_of(base)] if base else [])
    return found.id if found else ""


def _gravity(item: Diagnosis, run: Run) -> int:
    outcomes = {run.scenario_by_id[s].outcome for s in item.scenarios if s in run.scenario_by_id}
    return 2 if Outcome.FAILED in outcomes else 1 if Outcome.BLOCKED in outcomes else 0


def _place(item: Diagnosis, order: Mapping[str, int]) -> int:
    return min((order[s] for s in item.scenarios if s in order), default=0)


def _causes(result: ScenarioResult, run: Run, vendor: str) -> tuple[list[Diagnosis], list[tuple[ScenarioResult, FindingRecord]]]:
    """The causes of one scenario, and its findings that are the server's own.

    Of a flow that did not come through the flow is diagnosed; a probe's own request is never held against app or registration.
    """
    own = own_side.of_block(result, run)
    if own is not None:
        return [own], []
    servers = [f for f in result.findings if f.kind == Kind.REQUIREMENT and f.side in (Side.AUTHORIZATION_SERVER, Side.FHIR_SERVER)]
    wishes = [f.requirement for f in result.findings if f.kind == Kind.EXPECTATION]
    probe = is_probe(result)
    refused = [] if probe else [f for f in servers if _was_refused(run.exchange_by_id.get(f.exchange))]
    found: list[Diagnosis] = []
    if not probe and (result.outcome == Outcome.BLOCKED or refused or wishes or not servers):
        exchanges = [run.exchange_by_id[x] for x in result.exchanges if x in run.exchange_by_id]
        found = _of_flows(exchanges, _target(run), vendor)
        if wishes and servers and not refused:
            found = [d for d in found if d.category in _SCOPE_CATEGORIES]
        found = found[:1]
    for item in found:
        item.fix, item.next = " ".join(filter(None, (item.fix, item.next))), commands.again(result, run)
        item.scenarios = [result.id]
        item.requirements = wishes if servers and not refused else []
    if refused and not found:
        found = [_refusal(refused[0], result, run)]
    if not found and (stuck := own_side.of_stuck_login(result, run)) is not None:
        found = [stuck]
    return found, [(result, f) for f in servers if f not in refused]


def _was_refused(exchange: RecordedExchange | None) -> bool:
    return exchange is not None and (exchange.status >= 400 or "error" in exchange.facts)


def _refusal(finding: FindingRecord, result: ScenarioResult, run: Run) -> Diagnosis:
    """The server refuses a flow in which no rule sees a fault; whose it is cannot be told from the messages."""
    return Diagnosis(
        rule="right-flow-refused",
        category=Category.OTHER,
        side=Side.UNDECIDED,
        cause=f"A flow in which no fault can be seen is refused: {finding.actual}.",
        fix="Compare the registration with the target file: client id, redirect URI, scopes, kind of client. If they agree, report it.",
        next=commands.again(result, run),
        confidence=Confidence.LOW,
        weight=DECLINE,
        evidence=[Evidence(finding.actual, exchange=finding.exchange)],
        scenarios=[result.id],
    )


def _attach(diagnoses: Sequence[Diagnosis], results: Iterable[ScenarioResult], run: Run) -> None:
    """Give a blocked scenario the cause of the scenario or of the block that it goes back to."""
    explained = {s: d for d in diagnoses for s in d.scenarios}
    by_failure: dict[str, Diagnosis] = {}
    for known, item in explained.items():
        for said in _failure_of(run.scenario_by_id.get(known)):
            by_failure.setdefault(said, item)
    for result in results:
        if result.outcome != Outcome.BLOCKED or result.id in explained:
            continue
        cause = explained.get(result.blocked_by) or by_failure.get(str(result.block.get("cause") or "-"))
        if cause is not None:
            cause.scenarios.append(result.id)


def _failure_of(result: ScenarioResult | None) -> list[str]:
    """What other scenarios record as the block they go back to, when this one failed or was blocked."""
    if result is None:
        return []
    return [*(f.actual for f in result.findings), *([str(result.block["cause"])] if result.block.get("cause") else [])]


def _of_flows(exchanges: Iterable[RecordedExchange], target: Mapping[str, Any], vendor: str) -> list[Diagnosis]:
    found: list[Diagnosis] = []
    for m in _materials(exchanges, target):
        found += [d for d in examine(m, vendor).diagnoses if not (d.side is Side.APP and d.category in _OWN_HAND)]
    return sorted(found, key=lambda d: -d.weight)


def materials_of(run: Run, exchanges: Iterable[RecordedExchange]) -> list[Material]:
    """The flows among some exchanges of a run, with what its header knows of the registration."""
    return _materials(exchanges, _target(run))


def _materials(exchanges: Iterable[RecordedExchange], target: Mapping[str, Any]) -> list[Material]:
    listed = list(exchanges)
    return materials(listed, "run", _registered(listed, target))


def _registered(exchanges: Iterable[RecordedExchange], target: Mapping[str, Any]) -> Mapping[str, Any]:
    """Facts of the registration of the one client that the messages name; of two clients neither is held against the other."""
    clients = target.get("clients")
    if not isinstance(clients, Mapping):
        return {}
    seen = {str(x.facts.get("client_id")) for x in exchanges if x.facts.get("client_id")}
    known = [c for c in clients.values() if isinstance(c, Mapping) and c.get("client_id") in seen]
    if len(known) != 1 or len(seen) != 1:
        return {}
    extra = known[0].get("registered")
    # Its redirect URI is the one that was sent; that it is registered is what the file believes, and no fact against a server that says no.
    told = {name: value for name, value in known[0].items() if name != "redirect_uri"}
    return {**told, **(extra if isinstance(extra, Mapping) else {})}


def _missing(results: Iterable[ScenarioResult], run: Run, vendor: str) -> list[Missing]:
    for result in results:
        if result.outcome not in (Outcome.FAILED, Outcome.BLOCKED):
            continue
        exchanges = [run.exchange_by_id[x] for x in result.exchanges if x in run.exchange_by_id]
        for m in _materials(exchanges, _target(run)):
            if missing := examine(m, vendor).missing:
                return missing
    return []
