"""A fault of the embedded EHR told three ways - the run, its HAR and the pasted error - gets answers that do not contradict each other."""

import gzip

import pytest

from smartlaunch.diagnosis import load
from smartlaunch.diagnosis.model import Confidence, Side
from smartlaunch.records.store import load_run
from tests.hostile import jobs

LAUNCH = "standalone-public/token-response-scope"

SAMPLE = [
    ("refuses_s256", LAUNCH, "s256-refused"),
    ("refuses_public_clients", LAUNCH, "credentials-absent"),
    (
        "refuses_basic_authentication",
        "standalone-confidential-symmetric/token-response-scope",
        "",
    ),  # the app goes on with the secret in the body
    ("refuses_right_aud", LAUNCH, ""),
    ("refuses_standalone_launches", LAUNCH, ""),
    ("refuses_form_at_token_endpoint", LAUNCH, ""),
    ("refuses_every_token", "standalone-public/fhir-read", ""),
    ("refuses_backend_services", "backend-services/backend-token-issued", ""),
    ("refuses_get_at_authorization_endpoint", LAUNCH, ""),
    ("refuses_unknown_parameters", LAUNCH, ""),
    ("drops_patient_scopes", LAUNCH, ""),
    ("omits_scope", LAUNCH, ""),
    ("answers_errors_as_html", "standalone-public/denial-is-an-error", ""),
]
"""Defect, the scenario that meets it, and the rule that the run and its HAR come to alike ("": no one rule is asked for)."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run for each defect, all from one process that has everything imported."""
    listed = [
        {"name": defect, "defects": [defect], "scenarios": [scenario], "request_s": 15, "login_s": 40} for defect, scenario, _ in SAMPLE
    ]
    return jobs.run(listed, tmp_path_factory.mktemp("runs"))


def _pasted(run):
    """What a person copies out of the last answer that refuses: its body, or the address with the error in it."""
    refused = [x for x in run.exchanges if x.status >= 400 or "error" in x.facts]
    if not refused:
        return ""
    last = refused[-1]
    location = next((v for k, v in last.response_headers if k.lower() == "location"), "")
    return last.response_body if last.status >= 400 else last.url if "error=" in last.url else location


def _first(text):
    return next(iter(load(text).report().diagnoses), None)


@pytest.mark.parametrize(("defect", "scenario", "rule"), SAMPLE, ids=[d for d, _, _ in SAMPLE])
def test_run_har_and_pasted_error_agree(runs, tmp_path, defect, scenario, rule):
    folder = runs[defect].folder
    run = load_run(folder)
    assert [one.id for one in run.scenarios] == [scenario]
    (tmp_path / "alone.har").write_bytes(gzip.decompress((folder / "run.har.gz").read_bytes()))
    pasted = _pasted(run)
    told = [d for d in (_first(str(folder)), _first(str(tmp_path / "alone.har")), _first(pasted) if pasted else None) if d]
    if rule:
        assert [d.rule for d in told[:2]] == [rule, rule]
    sure = [d for d in told if d.confidence is Confidence.HIGH]
    assert len({d.category for d in sure}) < 2, sure
    assert all(d.side in (Side.AUTHORIZATION_SERVER, Side.FHIR_SERVER) for d in sure), sure
