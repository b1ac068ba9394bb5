"""A fault of the embedded EHR told three ways - the run, its HAR and the pasted error - gets answers that do not contradict each other."""

import gzip

import pytest

from smartlaunch.diagnosis import load
from smartlaunch.diagnosis.model import Confidence, Side
from smartlaunch.diagnosis.weighing import rules
from smartlaunch.embedded_ehr.vendors import names
from smartlaunch.records.store import load_run
from tests.forking import PYTEST

pytestmark = pytest.mark.xdist_group("agreement")

LAUNCH = "standalone-public/token-response-scope"
SYMMETRIC = "standalone-confidential-symmetric"
ASYMMETRIC = "standalone-confidential-asymmetric"

SAMPLE = {
    "refuses_s256": LAUNCH,
    "refuses_public_clients": LAUNCH,
    "refuses_basic_authentication": f"{SYMMETRIC}/basic-authentication-taken",
    "refuses_client_secret_in_the_body": f"{SYMMETRIC}/listed-auth-method-works[client_secret_post]",
    "refuses_right_aud": LAUNCH,
    "refuses_standalone_launches": LAUNCH,
    "refuses_ehr_launches": "ehr-launch-public/capability-launch-ehr",
    "refuses_form_at_token_endpoint": LAUNCH,
    "refuses_every_token": "standalone-public/fhir-read",
    "refuses_backend_services": "backend-services/backend-token-issued",
    "refuses_system_scopes": "backend-services/backend-data",
    "refuses_get_at_authorization_endpoint": LAUNCH,
    "refuses_post_at_authorization_endpoint": "standalone-public/authorize-by-post",
    "refuses_unknown_parameters": LAUNCH,
    "refuses_long_verifier": "standalone-public/s256-verifier-forms[a-code-verifier-of-128-characters]",
    "refuses_clients_with_a_jwks": f"{ASYMMETRIC}/registered-jwks",
    "refuses_rs384_and_es384_assertions": f"{ASYMMETRIC}/assertion-algorithms",
    "refuses_es384_assertions": f"{ASYMMETRIC}/listed-algorithm-works[ES384]",
    "refuses_user_scopes": "standalone-public/user-scope-works",
    "refuses_fhir_user_read": "standalone-public/fhir-user-readable",
    "refuses_online_refresh": "ehr-launch-public/refresh-online-works",
    "refuses_narrower_scopes_at_refresh": "standalone-public/refresh-part",
    "refuses_patient_in_context": "standalone-public/context-patient-readable",
    "refuses_preflight_on_token_endpoint": "standalone-public/cors-token-preflight",
    "refuses_preflight_on_fhir_endpoints": "standalone-public/cors-fhir-preflight",
    "drops_patient_scopes": "standalone-public/access-patient-granted",
    "drops_user_scopes": "standalone-public/access-user-granted",
    "omits_scope": LAUNCH,
    "omits_code": "standalone-public/authorization-code-issued",
    "omits_state": "standalone-public/state-returned",
    "omits_id_token": "standalone-public/id-token-present",
    "omits_patient_context": "standalone-public/context-launch-patient",
    "omits_fhir_user_claim": "standalone-public/fhir-user-present",
    "omits_nonce": "standalone-public/id-token-nonce",
    "id_token_is_already_expired": "standalone-public/id-token-not-expired",
    "answers_errors_as_html": "standalone-public/denial-is-an-error",
    "answers_fhir_as_html": "standalone-public/fhir-read",
    "answers_bad_token_with_500": "standalone-public/refusal-invalid-token",
    "smart_configuration_omits_token_endpoint": "standalone-public/token-endpoint-listed",
    "smart_configuration_needs_a_token": "standalone-public/smart-configuration-found",
}
"""Defect, and the scenario that meets it."""

IMITATIONS = {
    "imitation-scopes": ("oracle-health", "support-tickets/tickets-scopes-granted[vitals-board]"),
    "imitation-code": ("oracle-health", "support-tickets/tickets-code[bleeding-risk]"),
    "imitation-fixed": ("oracle-health:fixed", "support-tickets/tickets-code[bleeding-risk]"),
}
"""A vendor that the embedded EHR imitates, and a scenario against it."""

TOLD_ALIKE = {
    "refuses_s256": "s256-refused",
    "refuses_public_clients": "credentials-absent",
    "refuses_basic_authentication": "authentication-method-off",
    "refuses_client_secret_in_the_body": "authentication-method-off",
    "refuses_long_verifier": "right-verifier-refused",
    "refuses_online_refresh": "issued-refresh-refused",
    "refuses_backend_services": "grant-type-refused",
    "refuses_right_aud": "aud-refused",
    "refuses_every_token": "fresh-token-refused",
}
"""The rule that the run and its HAR come to alike."""

ONLY_A_RUN = {"requirement-not-met", "right-flow-refused"}
"""What only a run can say: a HAR does not know what was asked of the server."""

EXPLAINS = {rule.id: set(rule.explains) for rule in rules()}


@pytest.fixture(scope="module")
def runs(warm, tmp_path_factory):
    """The folders of all runs, by defect or vendor."""
    folder = tmp_path_factory.mktemp("agreement")
    todo = [(name, f"--defect={name}", scenario) for name, scenario in SAMPLE.items()]
    todo += [(name, f"--smartlaunch-vendor={vendor}", scenario) for name, (vendor, scenario) in IMITATIONS.items()]
    numbers = []
    for name, option, scenario in todo:
        (folder / name).mkdir()
        words = [*PYTEST, "--tb=no", f"--run-dir={folder / name}", option, f"--scenario={scenario}"]
        words.append(f"suites/test_{scenario.split('/', maxsplit=1)[0].replace('-', '_')}.py")
        numbers.append(warm.start(words, folder / name / "out.txt"))
    for number in numbers:
        warm.wait(number)
    return folder


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


def _told(folder, tmp_path):
    """The first cause by the run, by its HAR alone and by the pasted error; None for what cannot be told."""
    assert (folder / "run.json").exists(), (folder / "out.txt").read_text("utf-8")
    (tmp_path / "alone.har").write_bytes(gzip.decompress((folder / "run.har.gz").read_bytes()))
    pasted = _pasted(load_run(folder))
    return _first(str(folder)), _first(str(tmp_path / "alone.har")), _first(pasted) if pasted else None


def _agree(fuller, narrower):
    """Whether two views fit: one category, or what the narrower one sees is what the fuller one explains."""
    return fuller.category == narrower.category or narrower.rule in EXPLAINS[fuller.rule]


@pytest.mark.parametrize("defect", sorted(SAMPLE))
def test_run_har_and_pasted_error_agree(runs, tmp_path, defect):
    run, har, pasted = _told(runs / defect, tmp_path)
    if defect in TOLD_ALIKE:
        assert [d and d.rule for d in (run, har)] == [TOLD_ALIKE[defect]] * 2
    if run and har and run.rule not in ONLY_A_RUN:
        assert _agree(run, har)
    if har and pasted:
        assert _agree(har, pasted)
    sure = [d for d in (run, har, pasted) if d and d.confidence is Confidence.HIGH]
    assert len({d.category for d in sure}) < 2, sure
    assert all(d.side in (Side.AUTHORIZATION_SERVER, Side.FHIR_SERVER) for d in sure), sure


@pytest.mark.parametrize("name", ["imitation-scopes", "imitation-code"])
def test_refusal_of_an_imitated_vendor_is_told_alike(runs, tmp_path, name):
    run, har, pasted = _told(runs / name, tmp_path)
    assert run
    assert har
    assert run.category == har.category
    assert run.side == har.side
    assert pasted is None or pasted.category == har.category


def test_imitated_vendor_is_blamed_for_nothing_when_the_app_is_mended(runs, tmp_path):
    assert _told(runs / "imitation-fixed", tmp_path) == (None, None, None)


def test_sample_is_large_enough():
    assert len(SAMPLE) >= 40
    assert {vendor for vendor, _ in IMITATIONS.values()} == set(names())
