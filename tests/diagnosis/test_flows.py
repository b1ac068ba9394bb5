"""A live run, its run.json and a HAR of one flow lead to one answer; faults in a flow are found, and a good flow has none."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from smartlaunch.diagnosis import diagnose_run, load
from smartlaunch.diagnosis.inputs.flows import materials
from smartlaunch.diagnosis.weighing import examine
from smartlaunch.evidence.har.writing import write_har

sys.path.insert(0, str(Path(__file__).parent))
from flow_maker import APP, BASE, CODE, LAUNCH, ORACLE, ORACLE_AUTH, ORACLE_BASE, STATE, TOKEN, VERIFIER, Flow, b64

LAUNCH_URI = "https://authorization.cerner.com/errors/urn%3Acerner%3Aerror%3Aauthorization-server%3Asmart-v1%3Agrant%3Alaunch%3Acode-required/instances/847e48ff-956f-4f96-8585-2d0ccb19d40a?persona=provider&client=other&tenant=t"
ASSERTION = (
    f"{b64({'alg': 'RS384'})}.{b64({'iss': 'client-1', 'sub': 'client-1', 'aud': 'x', 'exp': 1, 'jti': 'j'})}.c2lnbmF0dXJlLXNpZ25hdHVyZQ"
)

FAULTS = {
    "scopes dropped, Oracle": (ORACLE, "wildcard-dropped-by-policy"),
    "launch code required, Oracle": ({"base": ORACLE_BASE, "auth": ORACLE_AUTH, "aud": ORACLE_BASE, "launch": None, "authorize_error": {"error": "invalid_request", "error_uri": LAUNCH_URI}}, "launch-without-value"),
    "one scope dropped": ({"granted": "launch openid fhirUser patient/Patient.rs", "fhir": "Observation?patient=1", "fhir_status": 403, "fhir_body": {"error": "insufficient_scope"}}, "some-scopes-dropped"),
    "verifier of another place": ({"verifier": "another-0123456789-abcdefghijklmnopqrstuvwxyz-x", "token_status": 400, "token_error": {"error": "invalid_grant"}}, "pkce-mismatch"),
    "verifier in plain base64": ({"verifier": "a+b/" * 12, "challenge": "jFtUhY/me1ri0Y5qAMJN7TbBpkpTKqSmbabxzkxO3 k=", "token_status": 400, "token_error": {"error": "invalid_grant"}}, "pkce-ill-formed"),
    "no verifier": ({"verifier": None, "token_status": 400, "token_error": {"error": "invalid_grant"}}, "pkce-verifier-missing"),
    "code used twice": ({"twice": True}, "code-spent-or-late"),
    "code too late": ({"exchange_after": 400, "token_status": 400, "token_error": {"error": "invalid_grant", "error_description": "authorization code expired"}}, "code-spent-or-late"),
    "state altered": ({"returned_state": "something-else"}, "state-altered"),
    "redirect differs at the token request": ({"token_redirect": APP + "/callback/", "token_status": 400, "token_error": {"error": "invalid_grant"}}, "redirect-differs-between-steps"),
    "aud of another server": ({"aud": "https://other.example.org/fhir", "authorize_error": {"error": "invalid_request", "error_description": "Bad audience value"}}, "aud-differs"),
    "launch value made up": ({"launch": "made-up", "authorize_error": {"error": "invalid_request", "error_description": "invalid launch"}}, "launch-value-invalid"),
    "token run out": ({"fhir_after": 700, "fhir_status": 401, "fhir_body": {"error": "invalid_token"}}, "token-expired-by-clock"),
    "assertion as bearer": ({"bearer": ASSERTION, "fhir_status": 401, "fhir_body": {"error": "invalid_token"}}, "assertion-sent-as-token"),
    "bearer at the token endpoint": ({"token_headers": [("Authorization", "Bearer abcdef0123456789")], "token_status": 401, "token_error": {"error": "invalid_client"}}, "bearer-at-token-endpoint"),
    "fresh token refused": ({"fhir_status": 401, "fhir_body": {"error": "invalid_token"}}, "fresh-token-refused"),
    "server down": ({"fhir_status": 504, "fhir_body": {"message": "gateway timeout"}}, "fhir-server-failed"),
    "refresh refused": ({"refresh": (400, {"error": "invalid_grant", "error_description": "refresh token expired"}), "fhir_status": 401, "fhir_body": {}}, "refresh-refused"),
    "scope not covered": ({"fhir": "Binary/9", "fhir_status": 403, "fhir_body": {"error": "insufficient_scope"}}, "grant-does-not-cover"),
}  # fmt: skip


def _run_of(recorder, outcome="blocked"):
    exchanges = [asdict(x) for x in recorder.exchanges]
    scenario = {
        "id": "standalone-public/one",
        "title": "One",
        "feature": "f",
        "rule": "r",
        "suite": "standalone-public",
        "requirements": [],
        "outcome": outcome,
        "reason": "",
        "exchanges": [x["id"] for x in exchanges],
    }
    return {
        "header": {"schema": 1, "id": "r1", "target": {"name": "t", "vendor": "", "fhir_base_url": BASE}},
        "scenarios": [scenario],
        "exchanges": exchanges,
        "diagnoses": [],
    }


def _answers(report):
    return [(d.rule, d.category.value, d.confidence.value) for d in report.diagnoses]


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_found_alike_in_live_run_run_json_and_har(name, tmp_path):
    change, rule = FAULTS[name]
    flow = Flow(**change)
    recorder = flow.record()
    live = sorted((d for m in materials(recorder.exchanges, "run") for d in examine(m).diagnoses), key=lambda d: -d.weight)
    foreign = load(str(flow.har(tmp_path / "browser.har"))).report()
    own = load(str(write_har(recorder.exchanges, tmp_path / "own.har"))).report()
    (tmp_path / "run.json").write_text(json.dumps(_run_of(recorder)), encoding="utf-8")
    run = load(str(tmp_path / "run.json")).report()
    assert live, "no diagnosis"
    assert live[0].rule == rule, [(d.rule, d.weight) for d in live]
    assert foreign.diagnoses[0].rule == own.diagnoses[0].rule == run.diagnoses[0].rule == rule
    assert _answers(foreign) == _answers(own)
    assert {foreign.diagnoses[0].confidence, own.diagnoses[0].confidence, run.diagnoses[0].confidence} == {live[0].confidence}


def test_good_flow_gives_no_diagnosis(tmp_path):
    flow = Flow()
    recorder = flow.record()
    for path in (flow.har(tmp_path / "a.har"), write_har(recorder.exchanges, tmp_path / "b.har")):
        report = load(str(path)).report()
        assert report.diagnoses == []
        assert report.missing == []
        assert report.client_findings == []
    assert diagnose_run(_run_of(recorder, "passed")) == []


def test_refresh_after_expiry_that_works_is_no_fault(tmp_path):
    flow = Flow(fhir_after=10)
    flow.add(
        "GET",
        f"{BASE}/Patient/1",
        401,
        body={"error": "invalid_token"},
        headers=[("Authorization", f"Bearer {TOKEN}")],
        media="application/fhir+json",
    )
    flow.add(
        "POST",
        "https://auth.example.org/token",
        200,
        form={"grant_type": "refresh_token", "refresh_token": "r"},
        body={
            "access_token": "n3w",
            "token_type": "Bearer",
            "scope": "launch openid fhirUser patient/Patient.rs patient/Observation.rs",
            "expires_in": 570,
        },
    )
    flow.add(
        "GET",
        f"{BASE}/Patient/1",
        200,
        body={"resourceType": "Patient"},
        headers=[("Authorization", "Bearer n3w")],
        media="application/fhir+json",
    )
    assert load(str(flow.har(tmp_path / "a.har"))).report().diagnoses == []


def test_no_secret_in_any_answer(tmp_path):
    for name, (change, _) in FAULTS.items():
        report = json.dumps(load(str(Flow(**change).har(tmp_path / "a.har"))).report().to_json())
        for secret in (CODE, TOKEN, VERIFIER, STATE, LAUNCH, "pa55word"):
            assert secret not in report, name


def test_failures_with_one_cause_are_one_entry():
    recorder = Flow(**FAULTS["server down"][0]).record()
    run = _run_of(recorder)
    run["scenarios"].append({**run["scenarios"][0], "id": "standalone-public/two"})
    found = diagnose_run(run)
    assert len(found) == 1
    assert found[0]["scenarios"] == ["standalone-public/one", "standalone-public/two"]


def test_a_breach_of_the_server_is_named_with_its_requirement():
    run = _run_of(Flow().record(), "failed")
    run["scenarios"][0]["findings"] = [
        {
            "requirement": "SMART-2.2-app-launch-pkce-b",
            "expected": "a refusal",
            "actual": "a code",
            "exchange": "x0004",
            "kind": "requirement",
            "strength": "SHALL NOT",
            "outcome": "failed",
            "side": "authorization-server",
        }
    ]
    found = diagnose_run(run)
    assert found[0]["category"] == "server-defect"
    assert found[0]["side"] == "authorization-server"
    assert found[0]["requirements"] == ["SMART-2.2-app-launch-pkce-b"]


def test_scope_expectation_is_explained_by_the_grant():
    run = _run_of(Flow(granted="launch openid fhirUser patient/Patient.rs").record(), "warning")
    run["scenarios"][0]["findings"] = [
        {"requirement": "expect-scopes", "expected": "all scopes", "actual": "one is missing", "kind": "expectation", "outcome": "warning"}
    ]
    assert diagnose_run(run)[0]["rule"] == "some-scopes-dropped"


def test_passed_scenarios_are_not_diagnosed():
    assert diagnose_run(_run_of(Flow(**FAULTS["server down"][0]).record(), "passed")) == []


@pytest.mark.parametrize(
    ("change", "needle"),
    [
        ({"challenge": None, "verifier": None}, "code_challenge"),
        ({"aud": ""}, "no aud"),
        ({"scope": "launch patient/Patient.search"}, "outside the grammar"),
        ({"origin": APP, "token_headers": [("Authorization", "Basic Y2xpZW50LTE6czNjcmV0LTEyMzQ=")]}, "script in the browser"),
    ],
)
def test_client_rules_are_reported_with_their_requirement(change, needle, tmp_path):
    report = load(str(Flow(**change).har(tmp_path / "a.har"))).report()
    found = [f for f in report.client_findings if needle in f.text]
    assert found
    assert all(f.requirement.startswith(("SMART-", "RFC", "OIDC")) for f in found)


def test_token_in_url_and_short_state_break_client_rules(tmp_path):
    flow = Flow()
    flow.add("GET", f"{BASE}/Patient/1?access_token={TOKEN}", 200, body={"resourceType": "Patient"}, media="application/fhir+json")
    for item in flow.items:
        item["url"] = item["url"].replace(STATE, "1234")
    report = load(str(flow.har(tmp_path / "a.har"))).report()
    texts = " ".join(f.text for f in report.client_findings)
    assert "access_token in the URL" in texts
    assert "state has 4 characters" in texts


def test_scenarios_blocked_by_a_failed_twin_get_its_cause():
    change = {"authorize_error": {"error": "invalid_request", "error_description": "The transform algorithm is not supported."}}
    run = _run_of(Flow(**change).record(), "failed")
    actual = "the browser came back with error=invalid_request (The transform algorithm is not supported.)"
    run["scenarios"][0]["findings"] = [
        {
            "requirement": "SMART-2.2-app-launch-pkce-a",
            "expected": "an access token",
            "actual": actual,
            "exchange": "x0004",
            "outcome": "failed",
        }
    ]
    twin = {
        **run["scenarios"][0],
        "id": "standalone-public/two",
        "outcome": "blocked",
        "findings": [],
        "exchanges": [],
        "reason": f"the right flow that this scenario builds on did not succeed: {actual}",
        "tags": ["intrusive"],
        "block": {"kind": "twin-failed", "cause": actual},
    }
    run["scenarios"].append(twin)
    found = diagnose_run(run)
    assert [(d["rule"], d["scenarios"]) for d in found] == [("s256-refused", ["standalone-public/one", "standalone-public/two"])]


def test_refusal_of_a_flow_without_a_visible_fault_is_not_blamed_on_anyone():
    run = _run_of(Flow(authorize_error={"error": "access_denied"}).record(), "failed")
    run["scenarios"][0]["findings"] = [
        {
            "requirement": "SMART-2.2-app-launch-pkce-a",
            "expected": "an access token",
            "actual": "the browser came back with error=access_denied",
            "exchange": "x0004",
            "outcome": "failed",
        }
    ]
    found = diagnose_run(run)
    assert [(d["rule"], d["side"], d["confidence"]) for d in found] == [("right-flow-refused", "undecided", "low")]


def test_probe_on_purpose_is_judged_by_its_finding():
    run = _run_of(
        Flow(
            verifier="another-0123456789-abcdefghijklmnopqrstuvwxyz-x", token_status=400, token_error={"error": "invalid_request"}
        ).record(),
        "failed",
    )
    run["scenarios"][0] |= {
        "tags": ["intrusive"],
        "findings": [
            {
                "requirement": "RFC7636-4.6",
                "expected": "invalid_grant",
                "actual": "invalid_request",
                "exchange": "x0007",
                "outcome": "failed",
            }
        ],
    }
    assert [d["rule"] for d in diagnose_run(run)] == ["requirement-not-met"]


@pytest.mark.parametrize(
    ("tail", "rule"),
    [
        ("oauth2:grant:unknown-client", "unknown-client-refused"),
        ("oauth2:grant:invalid-redirect-uri", "redirect-refused"),
        ("oauth2:grant:client-persona-mismatch", "persona-mismatch"),
    ],
)
def test_error_page_in_place_of_a_redirect_is_read(tail, rule, tmp_path):
    flow = Flow(base=ORACLE_BASE, auth=ORACLE_AUTH, aud=ORACLE_BASE)
    flow.items = flow.items[:3]
    page = (
        "https://authorization.cerner.com/errors/"
        + ("urn:cerner:error:authorization-server:" + tail).replace(":", "%3A")
        + "/instances/847e48ff-956f-4f96-8585-2d0ccb19d40a?persona=provider&client=c&tenant=t"
    )
    flow.items[-1] |= {"status": 303, "text": "", "answer": [("Content-Type", "text/html"), ("Location", page)]}
    flow.add("GET", page, 200, page=True)
    report = load(str(flow.har(tmp_path / "a.har"))).report()
    assert report.diagnoses[0].rule == rule
    assert report.vendor == "oracle-health"
