"""A fault of the embedded EHR told three ways - the run, its HAR and the pasted error - gets answers that do not contradict each other."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from smartlaunch.diagnosis import load
from smartlaunch.diagnosis.model import Confidence, Side
from smartlaunch.diagnosis.weighing import rules
from smartlaunch.embedded_ehr.vendors import names
from smartlaunch.records.store import load_run

sys.path.insert(0, str(Path(__file__).parent))
from agreement_runs import IMITATIONS, SAMPLE

ROOT = Path(__file__).parents[2]
LIMIT_S = 1800

pytestmark = pytest.mark.xdist_group("agreement")

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
def runs(tmp_path_factory):
    """The folders of all runs, by defect or vendor; made in one process, which costs what a dozen single runs would."""
    folder = tmp_path_factory.mktemp("agreement")
    env = {k: v for k, v in os.environ.items() if not k.startswith("SMARTLAUNCH_RUN")} | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("agreement_runs.py")), str(folder)],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
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
