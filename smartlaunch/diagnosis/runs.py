"""Diagnose a run: each failure and block gets its cause, and those with one cause become one entry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from smartlaunch.diagnosis.engine import HIGH, MEDIUM, examine
from smartlaunch.diagnosis.flows import materials
from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.model import Category, Confidence, Diagnosis, Evidence, Report
from smartlaunch.diagnosis.vendor import all_vendors, recognise
from smartlaunch.exchange import RecordedExchange
from smartlaunch.finding import Kind, Outcome, Side
from smartlaunch.reporting.run import Run, ScenarioResult

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
TOPICS: tuple[tuple[str, Category], ...] = (
    ("pkce", Category.SERVER_DEFECT),
    ("cors", Category.CORS),
    ("expect", Category.SCOPE_REGISTRATION),
)
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
    report.diagnoses = sorted(merged.values(), key=lambda d: (-_gravity(d, run), -d.weight))
    if not report.diagnoses and any(s.outcome in (Outcome.FAILED, Outcome.BLOCKED) for s in run.scenarios):
        report.missing = _missing(run, target, wanted, scenario)
    return report


def _vendor_of(target: Mapping[str, Any]) -> str:
    name, base = str(target.get("vendor") or ""), str(target.get("fhir_base_url") or "")
    if name in all_vendors():
        return name
    from smartlaunch.diagnosis.weblinks import host_of

    found = recognise([name] if name else [], [host_of(base)] if base else [])
    return found.id if found else ""


def _gravity(item: Diagnosis, run: Run) -> int:
    outcomes = {run.scenario_by_id[s].outcome for s in item.scenarios if s in run.scenario_by_id}
    return 2 if Outcome.FAILED in outcomes else 1 if Outcome.BLOCKED in outcomes else 0


def _causes(result: ScenarioResult, run: Run, target: Mapping[str, Any], vendor: str) -> list[Diagnosis]:
    """The causes of one scenario: of its flow where the flow failed, of its findings where a check did."""
    breaches = [f for f in result.findings if f.kind == Kind.REQUIREMENT and f.side in (Side.AUTHORIZATION_SERVER, Side.FHIR_SERVER)]
    wishes = [f for f in result.findings if f.kind == Kind.EXPECTATION]
    exchanges = [run.exchange_by_id[x] for x in result.exchanges if x in run.exchange_by_id]
    found: list[Diagnosis] = []
    if result.outcome == Outcome.BLOCKED or wishes or not breaches:
        for item in _of_flows(exchanges, target, vendor):
            if result.outcome == Outcome.BLOCKED or not breaches or item.category in _SCOPE_CATEGORIES:
                found.append(item)
    elif not _is_negative(result):
        found += [d for d in _of_flows(exchanges, target, vendor) if d.weight >= MEDIUM and d.side is not Side.AUTHORIZATION_SERVER]
    if found:
        best = found[0]
        best.scenarios = [result.id]
        best.requirements = [f.requirement for f in (wishes or [])] if breaches and wishes else []
        found = [best]
    for finding in breaches:
        if found and not wishes and not _is_negative(result):
            continue
        found.append(
            Diagnosis(
                rule="requirement-not-met",
                category=next((c for word, c in TOPICS if word in finding.requirement.lower()), Category.SERVER_DEFECT),
                side=Side(finding.side),
                cause=f"The server does not do what {finding.requirement} asks: expected {finding.expected}; it gave {finding.actual}.",
                fix="To be mended on the server; the ticket holds the messages that show it.",
                next="Repeat this one scenario, and try the same by hand with the request of the evidence.",
                confidence=Confidence.HIGH if result.outcome == Outcome.FAILED else Confidence.MEDIUM,
                weight=HIGH,
                evidence=[Evidence(finding.actual, exchange=finding.exchange)],
                scenarios=[result.id],
                requirements=[finding.requirement],
            )
        )
    return found


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
