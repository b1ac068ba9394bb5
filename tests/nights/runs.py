"""Makes small runs on disk, as a night leaves them."""

from dataclasses import replace
from pathlib import Path

from smartlaunch.records.record import FindingRecord, Run, ScenarioResult
from smartlaunch.records.store import append_scenario, assemble, load_run, write_header, write_run

STATE, CACHE = "SMART-2.2-app-launch-state-a", "SMART-2.2-app-launch-cache-b"


def finding(requirement=STATE, actual="no `state`", outcome="failed", **more):
    return FindingRecord(requirement=requirement, expected="as asked", actual=actual, outcome=outcome, **more)


def scenario(name, outcome="passed", requirements=(STATE,), suite="standalone-public", findings=None, **more):
    if findings is None:
        findings = (finding(requirements[0], outcome=outcome),) if outcome in ("failed", "warning") else ()
    return ScenarioResult(
        id=f"{suite}/{name}",
        title=f"title of {name}",
        feature="f",
        rule="r",
        suite=suite,
        requirements=tuple(requirements),
        outcome=outcome,
        findings=findings,
        reason=more.pop("reason", "; ".join(f.actual for f in findings) or ("because" if outcome != "passed" else "")),
        **more,
    )


def write(folder: Path, *scenarios: ScenarioResult, day=1, target="ehr-a", base="https://a.example/fhir", minutes=2, **header) -> Run:
    start = f"2026-11-{day:02}T01:00:00+00:00"
    head = {
        "schema": 1,
        "id": folder.name,
        "target": target
        if isinstance(target, dict)
        else {"name": target, "given": f"{target}.toml", "fhir_base_url": base, "hash": "sha256:1"},
        "selection": [s.id for s in scenarios],
        "preflight": [],
        "start": start,
        "end": f"2026-11-{day:02}T01:{minutes:02}:00+00:00",
        **header,
    }
    write_header(folder, head)
    for each in scenarios:
        append_scenario(folder, each)
    write_run(assemble(folder, head), folder)
    return load_run(folder)


def changed(run: Run, **more) -> Run:
    return replace(run, header={**run.header, **more})
