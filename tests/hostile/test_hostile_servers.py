"""Servers that hang, stream, drip, break off, redirect for ever or send rubbish at one endpoint, while the rest works.

Each run has to end in time, with the right outcome and exit code, its evidence kept, and no traceback.
"""

from __future__ import annotations

import pytest

SCENARIOS = {
    "discovery": ["standalone-public/smart-configuration-found", "standalone-public/aud-right"],
    "jwks": ["standalone-public/jwks-published", "standalone-public/jwks-key-size", "standalone-public/id-token-signature"],
    "authorize": ["standalone-public/aud-right", "standalone-public/challenge-as-verifier-refused"],
    "token": ["standalone-public/s256-completes", "standalone-public/challenge-as-verifier-refused"],
    "patient": ["standalone-public/bearer-unknown-token", "standalone-public/context-patient-readable"],
    "chart": ["ehr-launch-public/launch-value"],
}
FAULTS = {
    "discovery": {"html": "failed", "10-MB": "failed", "deep": "failed", "huge-number": "failed", "list": "failed", "bad-UTF-8": "failed"},
    "jwks": {"html": "failed", "hangs": "blocked", "lone-surrogate": "failed", "bomb": "failed"},
    "authorize": {
        "hangs": "blocked",
        "html": "blocked",
        "circles": "blocked",
        "wanders": "blocked",
        "closes": "blocked",
        "401-basic": "failed",
    },
    "token": {
        "hangs": "blocked",
        "drips": "blocked",
        "continues": "blocked",
        "long-length": "blocked",
        "circles": "failed",
        "numbers": "failed",
    },
    "patient": {"hangs": "blocked", "html": "failed", "deep": "failed", "redirect-to-junk": "warning", "no-gzip": "blocked"},
    "chart": {"circles": "blocked", "html": "blocked"},
}
"""What becomes of the scenario that judges the place: failed where an answer came (a granted read refused: warning), else blocked."""
JUDGE = {
    "discovery": "smart-configuration-found",
    "jwks": "jwks-published",
    "authorize": "aud-right",
    "token": "s256-completes",
    "patient": "context-patient-readable",
    "chart": "launch-value",
}
CASES = [(place, fault) for place, faults in FAULTS.items() for fault in faults]
LONGEST_S = 150


@pytest.fixture(scope="module")
def runs(forked_runs):
    return forked_runs(
        [{"name": f"{place}:{fault}", "place": place, "fault": fault, "scenarios": SCENARIOS[place]} for place, fault in CASES]
    )


@pytest.mark.parametrize(("place", "fault"), CASES)
def test_a_run_against_a_hostile_server_ends_well(runs, place, fault):
    run = runs[f"{place}:{fault}"]
    assert run.took_s < LONGEST_S
    assert "Traceback" not in run.said
    outcomes = run.outcomes
    assert outcomes[JUDGE[place]] == FAULTS[place][fault], [(s["id"], s["outcome"], s["reason"]) for s in run.record["scenarios"]]
    assert "error" not in outcomes.values()
    assert run.code == (1 if "failed" in outcomes.values() else 3 if "blocked" in outcomes.values() else 0), run.said[-2000:]
    for name in ("index.html", "run.har.gz", "run.json"):
        assert (run.folder / name).stat().st_size > 200


@pytest.mark.parametrize("place", [place for place in SCENARIOS if place not in ("discovery", "jwks")])
def test_no_negative_passes_where_the_right_flow_does_not(runs, place):
    for fault in FAULTS[place]:
        outcomes = runs[f"{place}:{fault}"].outcomes
        for name in ("challenge-as-verifier-refused", "bearer-unknown-token"):
            # A FHIR server that redirects its Patient answers other reads, and the negative is put with one of those.
            other_read = (place, fault, name) == ("patient", "redirect-to-junk", "bearer-unknown-token")
            assert outcomes.get(name, "blocked") == ("passed" if other_read else "blocked"), (fault, outcomes)


def test_what_did_not_come_is_named_with_the_time_it_was_waited_for(runs):
    for place in ("token", "jwks", "patient"):
        reasons = [s["reason"] for s in runs[f"{place}:hangs"].record["scenarios"] if s["outcome"] == "blocked"]
        assert any("within 2 s" in reason for reason in reasons)


def test_the_broken_answer_is_kept_as_evidence(runs):
    exchanges = runs["jwks:html"].record["exchanges"]
    assert any(x["endpoint"] == "jwks" and "Back soon" in x["response_body"] for x in exchanges)
    hanging = runs["token:hangs"].record["exchanges"]
    assert any(x["endpoint"] == "token" and x["status"] == 0 and x["error"] for x in hanging)
