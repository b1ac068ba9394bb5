"""Make the runs that the test of agreement looks at: one forked child for each defect, of one process that has everything imported.

python tests/support_tickets/agreement_runs.py FOLDER [DEFECT...]

A run by itself costs four seconds of start, forty of them would cost more than all they look at.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.forking import Job, one_run, warm_up, work_off

LIMIT_S = 240
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


def main(folder: Path, wanted: list[str]) -> int:
    todo = [(name, f"--defect={name}", scenario) for name, scenario in SAMPLE.items()]
    todo += [(name, f"--smartlaunch-vendor={vendor}", scenario) for name, (vendor, scenario) in IMITATIONS.items()]
    warm_up(SMARTLAUNCH_DRAFT="1", SMARTLAUNCH_EMBEDDED="thread")

    def start(name: str, option: str, scenario: str) -> int:
        module = f"suites/test_{scenario.split('/', maxsplit=1)[0].replace('-', '_')}.py"
        return one_run(folder / name, [module, option, f"--scenario={scenario}"])

    jobs = [Job(each[0], partial(start, *each), LIMIT_S) for each in todo if not wanted or each[0] in wanted]
    for job, ended, took in work_off(jobs, at_once=2):
        print(f"{job.name}: {took:.1f} s, {ended.cpu_s:.1f} s of CPU", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
