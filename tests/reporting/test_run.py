"""The record of a run: reading, writing, putting together, meaning."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import jsonschema
import pytest

from smartlaunch.errors import LookupFailed, UsageError
from smartlaunch.finding import Finding, Kind, Outcome, Side, Strength
from smartlaunch.records.causes import group_findings, group_unjudged, normalised
from smartlaunch.records.exits import exit_code
from smartlaunch.records.launches import launches_of
from smartlaunch.records.record import FindingRecord, Run, ScenarioResult
from smartlaunch.records.store import append_scenario, assemble, load_run, write_header, write_run

SCHEMA = json.loads((Path(__file__).parents[2] / "smartlaunch" / "schemas" / "run.schema.json").read_text())


def scenario(name, outcome="passed", **more):
    given = {"title": name, "feature": "F", "rule": "R", "suite": "s", "requirements": ["R-1"]} | more
    return ScenarioResult(id=f"s/{name}", outcome=outcome, **given)


def finding(actual="none", **more):
    given = {"requirement": "R-1", "expected": "something", "strength": "SHALL"} | more
    return FindingRecord(actual=actual, **given)


def test_schema_is_valid_and_holds(run, clean_run):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for each in (run, clean_run):
        validator.validate(json.loads((each.folder / "run.json").read_text()))


@pytest.mark.parametrize("breakage", [{"outcome": "fine"}, {"findings": [{"requirement": "x"}]}, {"extra": 1}, {"id": "no-suite"}])
def test_schema_sees_a_wrong_scenario(clean_run, breakage):
    data = json.loads((clean_run.folder / "run.json").read_text())
    data["scenarios"][0] |= breakage
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(data)


def test_what_is_written_is_read_again(run):
    again = load_run(run.folder)
    assert again == run
    assert load_run(run.folder / "run.json") == run
    assert again.as_dict() == json.loads((run.folder / "run.json").read_text())


def test_load_by_id_and_latest(tmp_path, sample):
    reports = tmp_path / "reports"
    sample.build(reports / "older", scenarios=5)
    sample.build(reports / "newer", scenarios=5)
    past = time.time() - 100
    for path in (reports / "older").iterdir():
        os.utime(path, (past, past))
    assert load_run("older", reports).folder == reports / "older"
    assert load_run("latest", reports).folder == reports / "newer"
    with pytest.raises(LookupFailed, match=r"did you mean: newer"):
        load_run("newest", reports)


def test_latest_without_runs_says_how_to_start_one(tmp_path):
    with pytest.raises(LookupFailed, match="smartlaunch run"):
        load_run("latest", tmp_path / "nothing")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"scenarios": []}',
        '{"header": 3}',
        '{"header": {}, "scenarios": [3]}',
        '{"header": {"schema": 99}}',
        '{"header": {}, "scenarios": [{"id": "x"}]}',
    ],
)
def test_a_file_that_is_no_record_is_named(tmp_path, text):
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"run\.json"):
        load_run(path)


def test_later_members_are_left_aside(tmp_path):
    append_scenario(tmp_path, scenario("a"))
    data = assemble(tmp_path, {"end": "2026-01-01T00:00:00+00:00"}).as_dict()
    data["scenarios"][0]["later"] = 1
    assert Run.of(data).scenarios[0].id == "s/a"


def test_a_killed_run_still_reads(tmp_path):
    folder = tmp_path / "killed"
    write_header(folder, {"id": "killed", "selection": ["s/a", "s/b", "s/c"], "start": "2026-01-01T00:00:00+00:00"})
    append_scenario(folder, scenario("a"))
    append_scenario(folder, scenario("b"))
    with (folder / "scenarios.jsonl").open("a") as out:
        out.write('{"id": "s/c", "title": "cut')
    run = load_run("killed", tmp_path)
    assert [s.id for s in run.scenarios] == ["s/a", "s/b"]
    assert run.missing == ("s/c",)
    assert run.header["interrupted"] is True
    assert exit_code(run) == 4


def test_the_last_result_of_a_scenario_counts(tmp_path):
    append_scenario(tmp_path, scenario("a", "blocked"))
    append_scenario(tmp_path, scenario("a"))
    assert [s.outcome for s in assemble(tmp_path, {}).scenarios] == ["passed"]


def made(*scenarios, **header):
    return Run(header=header, scenarios=tuple(scenarios))


@pytest.mark.parametrize(
    ("outcomes", "header", "strict", "code"),
    [
        (["passed"], {}, False, 0),
        (["passed", "not-applicable"], {}, False, 0),
        (["passed", "warning"], {}, False, 0),
        (["passed", "warning"], {}, True, 1),
        (["failed", "error", "blocked"], {}, False, 1),
        (["passed", "error", "blocked"], {}, False, 4),
        (["passed"], {"coverage": {"missing": ["s/x"]}}, False, 4),
        (["passed", "blocked"], {}, False, 3),
        (["not-applicable"], {}, False, 3),
        ([], {}, False, 3),
        ([], {"preflight": [{"problem": "no client", "verdict": "mend"}], "coverage": {"missing": ["s/x"]}}, False, 2),
        ([], {"preflight": [{"problem": "no answer", "verdict": "unreachable"}], "coverage": {"missing": ["s/x"]}}, False, 3),
        (["passed"], {"preflight": [{"problem": "clock is 2 s off", "verdict": "note"}]}, False, 0),
    ],
)
def test_exit_code(outcomes, header, strict, code):
    assert exit_code(made(*(scenario(str(i), o) for i, o in enumerate(outcomes)), **header), strict=strict) == code


def test_one_cause_one_entry():
    run = made(
        scenario("a", "failed", findings=[finding("token <access_token 1> in exchange x0003 after 12 ms")]),
        scenario("b", "failed", findings=[finding("token <access_token 7> in exchange x0041 after 9 ms")]),
        scenario("c", "failed", findings=[finding("no token")]),
    )
    causes = group_findings(run)
    assert [(c.count, [s.id for s in c.scenarios]) for c in causes] == [(2, ["s/a", "s/b"]), (1, ["s/c"])]


def test_what_differs_in_substance_stays_apart():
    run = made(scenario("a", "failed", findings=[finding("status 400")]), scenario("b", "failed", findings=[finding("status 403")]))
    assert len(group_findings(run)) == 2
    assert normalised("kid 'a' <id_token 2 {x}>") != normalised("kid 'b' <id_token 2 {x}>")


def test_one_diagnosis_joins_different_findings(run):
    causes = group_findings(run)
    joined = [c for c in causes if c.diagnosis]
    assert len(joined) == 1
    assert joined[0].count == 4
    assert joined[0].side == "registration"
    assert len(joined[0].requirements) == 2
    assert joined[0].outcome == "failed"
    assert causes[0] is joined[0]
    assert len(joined[0].variants) == 2


def test_a_diagnosis_that_names_requirements_takes_no_others():
    diagnosis = {"rule": "d", "cause": "c", "scenarios": ["s/a"], "requirements": ["R-2"]}
    both = [finding("x"), finding("y", requirement="R-2")]
    data = made(scenario("a", "failed", findings=both)).as_dict() | {"diagnoses": [diagnosis]}
    causes = group_findings(Run.of(data | {"header": {}}))
    assert {(c.first.requirement, bool(c.diagnosis)) for c in causes} == {("R-2", True), ("R-1", False)}


def test_unjudged_are_joined_by_reason(run):
    groups = group_unjudged(run)
    assert [(g.outcome, len(g.scenarios)) for g in groups] == [("error", 1), ("blocked", 3), ("not-applicable", 2)]


def test_what_one_thing_blocked_is_told_once_in_the_shortest_words():
    block = {"kind": "sign-in-refused", "cause": "the sign-in was refused"}
    first = scenario("a", "blocked", reason="the sign-in was refused\npage: Sign in", block=block)
    later = scenario("b", "blocked", reason="what this builds on did not succeed: the sign-in was refused\npage: Sign in", block=block)
    other = scenario("c", "blocked", reason="no answer", block={"kind": "unreachable", "cause": "no answer"})
    groups = group_unjudged(made(later, first, other))
    assert [(g.reason, len(g.scenarios)) for g in groups] == [(first.reason, 2), ("no answer", 1)]


def test_launches_begin_at_the_browser_and_take_their_discovery(run):
    launches = launches_of(run)
    assert [launch.title for launch in launches] == [
        "Authorization 1",
        "Authorization 2",
        "Authorization 3",
        "EHR launch 4",
        "EHR launch 5",
    ]
    first = [run.exchange_by_id[x].endpoint for x in launches[3].exchanges]
    assert first[:3] == ["discovery", "launch", "authorize"]
    assert launches[1].suite == "standalone-confidential-symmetric"


def test_a_check_s_finding_becomes_a_record():
    raw = Finding("R-1", "a", "b", exchange="x0001", side=Side.FHIR_SERVER)
    assert FindingRecord.of(raw, strength=Strength.SHOULD).outcome == "warning"
    assert FindingRecord.of(raw, strength=Strength.SHALL_NOT).outcome == "failed"
    wish = Finding("R-1", "a", "b", kind=Kind.EXPECTATION, severity=Outcome.WARNING)
    assert FindingRecord.of(wish, strength=Strength.SHALL).outcome == "warning"
    assert FindingRecord.of(raw, strength="SHALL", outcome=Outcome.WARNING).outcome == "warning"


def test_odd_text_survives_the_files(tmp_path):
    text = "\ud800 lone surrogate, \x00, \u2028, </script>"
    append_scenario(tmp_path, scenario("a", "failed", reason=text, findings=[finding(text)]))
    run = assemble(tmp_path, {"end": "x"})
    assert write_run(run, tmp_path).is_file()
    assert load_run(tmp_path).scenarios[0].findings
