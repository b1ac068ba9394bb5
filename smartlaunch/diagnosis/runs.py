"""Diagnose a run: each failure and block gets its cause, and those with one cause become one entry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from smartlaunch.diagnosis.inputs.flows import materials
from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.model import Category, Confidence, Diagnosis, Evidence, Report
from smartlaunch.diagnosis.vendor import all_vendors, recognise
from smartlaunch.diagnosis.weighing import DECLINE, HIGH, examine
from smartlaunch.exchange import RecordedExchange
from smartlaunch.finding import Kind, Outcome, Side
from smartlaunch.records.record import FindingRecord, Run, ScenarioResult

_ON_PURPOSE = (
    "which is wrong",
    "forged",
    "denies",
    "refuse",
    "reject",
    "no code",
    "no access token",
    "brings an error",
    "expired",
    "altered",
)
"""Words of steps in which the app, or the person at the browser, does something wrong on purpose."""
_SHORTEST_QUOTE = 20
_SCOPE_CATEGORIES = frozenset(
    {Category.SCOPE_REGISTRATION, Category.SCOPE_SYNTAX, Category.SCOPE_VERSION, Category.TOKEN_LIFETIME, Category.LAUNCH_CONTEXT}
)


def diagnose_run(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The ``diagnoses[]`` of a run, best first; ``run`` is what ``run.json`` holds."""
    return [item.to_json() for item in diagnose(Run.of(run)).diagnoses]


def diagnose(run: Run, vendor: str = "", scenario: str = "") -> Report:
    """The report on a run, or on one scenario of it."""
    target = run.header.get("target")
    target = target if isinstance(target, Mapping) else {}
    wanted = vendor or _vendor_of(target)
    report = Report(source="run", vendor=wanted)
    merged: dict[tuple[str, str], Diagnosis] = {}
    for result in run.scenarios:
        if scenario and result.id != scenario:
            continue
        if result.outcome not in (Outcome.FAILED, Outcome.BLOCKED, Outcome.WARNING):
            continue
        for item in _causes(result, run, target, wanted):
            key = (item.rule, item.cause)
            if key in merged:
                known = merged[key]
                known.scenarios += [s for s in item.scenarios if s not in known.scenarios]
                known.requirements += [r for r in item.requirements if r not in known.requirements]
            else:
                merged[key] = item
    _attach(merged.values(), run, scenario)
    report.diagnoses = sorted(merged.values(), key=lambda d: (-_gravity(d, run), -d.weight))
    if not report.diagnoses and any(s.outcome in (Outcome.FAILED, Outcome.BLOCKED) for s in run.scenarios):
        report.missing = _missing(run, target, wanted, scenario)
    return report


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


def _causes(result: ScenarioResult, run: Run, target: Mapping[str, Any], vendor: str) -> list[Diagnosis]:
    """The causes of one scenario: of its flow where the flow did not come through, of its findings where the server's answer is wrong."""
    breaches = [f for f in result.findings if f.kind == Kind.REQUIREMENT and f.side in (Side.AUTHORIZATION_SERVER, Side.FHIR_SERVER)]
    wishes = [f.requirement for f in result.findings if f.kind == Kind.EXPECTATION]
    blocked = result.outcome == Outcome.BLOCKED
    negative = _is_negative(result) and not blocked
    exchanges = [run.exchange_by_id[x] for x in result.exchanges if x in run.exchange_by_id]
    refused = [] if negative else [f for f in breaches if _was_refused(run.exchange_by_id.get(f.exchange))]
    found: list[Diagnosis] = []
    if blocked or refused or wishes or not breaches:
        found = _of_flows(exchanges, target, vendor)
        if wishes and breaches and not refused:
            found = [d for d in found if d.category in _SCOPE_CATEGORIES]
        found = found[:1]
    for item in found:
        item.scenarios = [result.id]
        item.requirements = wishes if breaches and not refused else []
    for finding in breaches:
        if finding in refused and found:
            continue
        found.append(_refusal(finding, result) if finding in refused else _breach(finding, result))
    return found


def _was_refused(exchange: RecordedExchange | None) -> bool:
    return exchange is not None and (exchange.status >= 400 or "error" in exchange.facts)


def _breach(finding: FindingRecord, result: ScenarioResult) -> Diagnosis:
    """The server's answer breaks a requirement."""
    return Diagnosis(
        rule="requirement-not-met",
        category=Category.CORS if "cors" in finding.requirement.lower() else Category.SERVER_DEFECT,
        side=Side(finding.side),
        cause=f"The server does not do what {finding.requirement} asks. Expected: {finding.expected}. Actual: {finding.actual}.",
        fix="Mend it on the server; the messages of the evidence show it.",
        next="Repeat this one scenario, and try the same by hand with the request of the evidence.",
        confidence=Confidence.HIGH if result.outcome == Outcome.FAILED else Confidence.MEDIUM,
        weight=HIGH,
        evidence=[Evidence(finding.actual, exchange=finding.exchange)],
        scenarios=[result.id],
        requirements=[finding.requirement],
    )


def _refusal(finding: FindingRecord, result: ScenarioResult) -> Diagnosis:
    """The server refuses a flow in which no rule sees a fault; whose it is cannot be told from the messages."""
    return Diagnosis(
        rule="right-flow-refused",
        category=Category.OTHER,
        side=Side.UNDECIDED,
        cause=f"A flow in which no fault can be seen is refused: {finding.actual}.",
        fix="Compare the registration with the target file: client id, redirect URI, scopes, kind of client. If they agree, report it.",
        next="Send the same requests with another client that is known to work at this server.",
        confidence=Confidence.LOW,
        weight=DECLINE,
        evidence=[Evidence(finding.actual, exchange=finding.exchange)],
        scenarios=[result.id],
    )


def _attach(diagnoses: Iterable[Diagnosis], run: Run, scenario: str) -> None:
    """Give scenarios that were blocked by the failure of another flow the cause of that failure; their reason quotes it."""
    listed = list(diagnoses)
    explained = {s for d in listed for s in d.scenarios}
    quotes = [(text, d) for d in listed for s in d.scenarios for text in _said(run.scenario_by_id[s]) if len(text) >= _SHORTEST_QUOTE]
    for result in run.scenarios:
        if result.outcome == Outcome.BLOCKED and result.id not in explained and (not scenario or result.id == scenario):
            match = next((d for text, d in quotes if text in result.reason), None)
            if match is not None:
                match.scenarios.append(result.id)


def _said(result: ScenarioResult) -> list[str]:
    first = result.reason.splitlines()[0] if result.reason else ""
    return [*(f.actual for f in result.findings), first, first.partition(": ")[2]]


def _is_negative(result: ScenarioResult) -> bool:
    """Whether a scenario breaks a rule on purpose: then its refusals are what it is about."""
    return "intrusive" in {tag.lstrip("@") for tag in result.tags} or any(
        word in step.name.lower() for step in result.steps for word in _ON_PURPOSE
    )


def _of_flows(exchanges: Iterable[RecordedExchange], target: Mapping[str, Any], vendor: str) -> list[Diagnosis]:
    found: list[Diagnosis] = []
    for m in _materials(exchanges, target):
        found += examine(m, vendor).diagnoses
    return sorted(found, key=lambda d: -d.weight)


def materials_of(run: Run, exchanges: Iterable[RecordedExchange]) -> list[Material]:
    """The flows among some exchanges of a run, with what its header knows of the registration."""
    target = run.header.get("target")
    return _materials(exchanges, target if isinstance(target, Mapping) else {})


def _materials(exchanges: Iterable[RecordedExchange], target: Mapping[str, Any]) -> list[Material]:
    listed = list(exchanges)
    return materials(listed, "run", _registered(listed, target))


def _registered(exchanges: Iterable[RecordedExchange], target: Mapping[str, Any]) -> Mapping[str, Any]:
    """Facts of the registration whose client id the messages name, as far as the run's header holds them."""
    clients = target.get("clients")
    if not isinstance(clients, Mapping):
        return {}
    seen = {str(x.facts.get("client_id")) for x in exchanges if x.facts.get("client_id")}
    for client in clients.values():
        if isinstance(client, Mapping) and client.get("client_id") in seen:
            extra = client.get("registered")
            return {**client, **(extra if isinstance(extra, Mapping) else {})}
    return {}


def _missing(run: Run, target: Mapping[str, Any], vendor: str, scenario: str) -> list[Any]:
    for result in run.scenarios:
        if (scenario and result.id != scenario) or result.outcome not in (Outcome.FAILED, Outcome.BLOCKED):
            continue
        exchanges = [run.exchange_by_id[x] for x in result.exchanges if x in run.exchange_by_id]
        for m in _materials(exchanges, target):
            if missing := examine(m, vendor).missing:
                return missing
    return []
