"""A run's causes are told by its data: one cause one entry, the cause before what follows, no probe held against the app."""

import json

import pytest

from smartlaunch.diagnosis.protects import topic_of
from smartlaunch.diagnosis.runs import diagnose
from smartlaunch.diagnosis.text import render
from smartlaunch.records.record import Run
from smartlaunch.reporting.words import verdict

TOKEN = {"method": "POST", "url": "https://as.example/token", "endpoint": "token", "actor": "app", "started": "2026-05-04T10:00:00+00:00"}


def _exchange(number, body, status=200, **facts):
    return {
        **TOKEN,
        "id": f"x{number:04d}",
        "status": status,
        "duration_ms": 1.0,
        "request_headers": [],
        "request_body": "",
        "response_headers": [["Content-Type", "application/json"]],
        "response_body": json.dumps(body),
        "facts": {"grant_type": "authorization_code", **facts},
    }


def _scenario(name, outcome="failed", **more):
    return {
        "id": f"standalone-public/{name}", "title": name, "feature": "f", "rule": "r", "suite": "standalone-public", "requirements": [],
        "outcome": outcome, "reason": "", "exchanges": [], "tags": [], **more,
    }  # fmt: skip


def _finding(requirement, actual, exchange="x0001", pointer="", **more):
    return {"requirement": requirement, "expected": "as the rule says", "actual": actual, "exchange": exchange, "pointer": pointer, **more}


def _run(scenarios, exchanges=(), **header):
    target = {"name": "embedded", "fhir_base_url": "https://ehr.example/fhir", "vendor": "", "clients": {}}
    return Run.of(
        {
            "header": {"schema": 1, "id": "r", "target": target, **header},
            "scenarios": scenarios,
            "exchanges": list(exchanges),
            "diagnoses": [],
        }
    )


SCOPE = "SMART-2.2-app-launch-token-response-e"


def test_what_follows_from_an_absent_member_is_folded_below_it():
    without = {"access_token": "t", "token_type": "Bearer"}
    run = _run(
        [
            _scenario("unknown[a]", findings=[_finding("RFC6749-4.1.2.1-h", "a token for xyz", "x0001", "/scope")], tags=["intrusive"]),
            _scenario("listed", findings=[_finding(SCOPE, "it is absent", "x0002", "/scope")], tags=["quick"]),
        ],
        [_exchange(1, without), _exchange(2, without)],
    )
    (only,) = diagnose(run).diagnoses
    assert only.requirements[0] == SCOPE
    assert "1 further scenario fail because the answer has no `scope`" in only.cause
    assert set(only.scenarios) == {"standalone-public/listed", "standalone-public/unknown[a]"}


def test_findings_at_a_member_that_is_there_stay_causes_of_their_own():
    there = {"access_token": "t", "scope": "openid"}
    run = _run(
        [
            _scenario("unknown", findings=[_finding("RFC6749-4.1.2.1-h", "a token for xyz", "x0001", "/scope")]),
            _scenario("listed", findings=[_finding(SCOPE, "two spaces", "x0002", "/scope")]),
        ],
        [_exchange(1, there), _exchange(2, there)],
    )
    assert len(diagnose(run).diagnoses) == 2


def test_rows_of_one_outline_are_one_entry():
    rows = [_scenario(f"state[{n}]", findings=[_finding("SMART-2.2-app-launch-state-a", f"state {n} is lost")]) for n in range(4)]
    (only,) = diagnose(_run(rows, [_exchange(1, {})])).diagnoses
    assert len(only.scenarios) == 4


@pytest.mark.parametrize("tag", ["intrusive", "denial"])
def test_refused_probe_is_not_held_against_the_app(tag):
    refused = _exchange(1, {"error": "invalid_grant"}, 400, error="invalid_grant", verifier_present=True, verifier_matches_challenge=False)
    run = _run([_scenario("verifier", "blocked", exchanges=["x0001"], tags=[tag])], [refused])
    assert not diagnose(run).diagnoses
    near = _run([_scenario("verifier", "blocked", exchanges=["x0001"])], [refused])
    assert diagnose(near).diagnoses[0].rule == "pkce-mismatch"


def test_of_two_clients_neither_is_held_against_the_other():
    clients = {"a": {"client_id": "one", "redirect_uri": "https://a.example/cb"}, "b": {"client_id": "two"}}
    target = {"name": "t", "fhir_base_url": "https://ehr.example/fhir", "clients": clients}
    both = [_exchange(1, {}, client_id="one"), _exchange(2, {"error": "x"}, 400, client_id="two", error="invalid_grant")]
    run = _run([_scenario("s", "blocked", exchanges=["x0001", "x0002"])], both, target=target)
    assert not [d for d in diagnose(run).diagnoses if d.category.value == "client-registration"]


def test_wrong_configuration_is_said_first_and_on_the_side_of_the_target_file():
    run = _run(
        [],
        preflight=[
            {"verdict": "mend", "problem": "[clients.a]: client_id is not known\n  try: compare it"},
            {"verdict": "note", "problem": "n"},
        ],
    )
    (only,) = diagnose(run).diagnoses
    assert (only.side.value, only.cause, only.fix) == ("target-file", "[clients.a]: client_id is not known", "compare it")
    assert "target-file" in render(diagnose(run))


def test_refused_sign_in_is_one_entry_for_all_that_go_back_to_it():
    block = {"kind": "sign-in-refused", "cause": "the sign-in was refused: wrong"}
    run = _run(
        [
            _scenario("first", "blocked", block=block, reason="the sign-in was refused: wrong"),
            _scenario("second", "blocked", block=block, tags=["intrusive"]),
            _scenario("other", "blocked", block={"kind": "twin-failed", "cause": "something else"}),
        ]
    )
    (only,) = diagnose(run).diagnoses
    assert only.side.value == "target-file"
    assert only.scenarios == ["standalone-public/first", "standalone-public/second"]
    assert verdict(run).sentence.startswith("The sign-in page does not take the user name and password of the target file: mend")


def test_command_names_target_file_and_imitated_vendor_as_they_were_written():
    block = {"kind": "not-offered", "cause": "c"}
    for given, imitates, expected in (
        ("../my ehr.toml", "", "'--target=../my ehr.toml' --scenario standalone-public/first"),
        ("embedded", "oracle-health:fixed", "--target=embedded --scenario standalone-public/first --vendor oracle-health:fixed"),
    ):
        run = _run([_scenario("first", "blocked", block=block)], target={"name": "embedded", "given": given, "imitates": imitates})
        assert diagnose(run).diagnoses[0].next == f"smartlaunch run {expected}"


def test_patient_that_no_page_offers_is_a_fault_of_the_target_file():
    said = "the login got stuck on the page 'Choose'. The configured patient is not among the 3 that the page offers. Visible controls: a"
    run = _run([_scenario("first", "blocked", block={"kind": "not-offered", "cause": said}, reason=said)])
    (only,) = diagnose(run).diagnoses
    assert (only.side.value, only.confidence.value) == ("target-file", "high")
    assert "Visible controls" not in only.evidence[0].text
    assert verdict(run).sentence.startswith("What the target file asks for is not among")


def test_blocked_by_another_scenario_gets_its_cause_also_when_asked_alone():
    run = _run(
        [
            _scenario("found", findings=[_finding("SMART-2.2-conformance-well-known-a", "status 404")]),
            _scenario("read", "blocked", blocked_by="standalone-public/found", block={"kind": "blocked", "cause": "no document"}),
        ],
        [_exchange(1, {}, 404)],
    )
    (only,) = diagnose(run, scenario="standalone-public/read").diagnoses
    assert only.scenarios == ["standalone-public/found", "standalone-public/read"]


def test_next_step_is_a_command_to_paste():
    run = _run([_scenario("state[a row]", findings=[_finding("SMART-2.2-app-launch-state-a", "no state")])], [_exchange(1, {})])
    (only,) = diagnose(run).diagnoses
    assert only.next == "smartlaunch run --target=embedded --scenario 'standalone-public/state[a row]'"
    assert f"   next:  {only.next}\n" in render(diagnose(run))
    assert "Actual" not in only.cause


def test_every_requirement_has_a_topic_and_most_have_one_of_their_own():
    from smartlaunch.catalogue import load

    names = [topic_of(row.id).name for row in load().values() if not str(row.actor).endswith("client")]
    assert names.count("any") < 0.05 * len(names)


PAGE = {"endpoint": "page", "actor": "browser", "method": "GET", "facts": {}, "response_body": "", "duration_ms": 1.0}


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ([["sec-fetch-dest", "empty"], ["accept", "*/*"]], "login-stuck"),
        ([["sec-fetch-dest", "image"]], "login-stuck"),
        ([["user-agent", "a browser"]], "login-stuck"),
        ([["sec-fetch-dest", "document"]], "endpoint-not-found"),
        ([["accept", "text/html"]], "endpoint-not-found"),
        ([], "endpoint-not-found"),
    ],
)
def test_what_a_page_asks_for_is_no_answer_to_the_authorization_request(headers, named):
    authorize = {
        **_exchange(1, {}, 302, client_id="a", response_type="code"),
        "endpoint": "authorize",
        "url": "https://as.example/authorize",
    }
    part = {**_exchange(2, {}, 404), **PAGE, "url": "https://as.example/part", "request_headers": headers}
    block = {"kind": "login-stuck", "cause": 'the page says "you have no credential for this". Visible controls: button "Log out"'}
    run = _run([_scenario("one", "blocked", block=block, exchanges=["x0001", "x0002"])], [authorize, part])
    (only,) = diagnose(run).diagnoses
    assert only.rule == named
    if named == "login-stuck":
        assert [e.text for e in only.evidence] == ['the page says "you have no credential for this".']


def test_a_flow_that_stopped_is_never_called_one_without_a_fault():
    report = diagnose(_run([_scenario("one", "blocked")]))
    assert not report.diagnoses
    assert "nothing in this flow failed" not in render(report)
    assert "What would help" in render(report)
