"""Observations of real and made-up cases lead to the right category, and thin ones are declined."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from smartlaunch.diagnosis import Confidence, examine, read_observation

HERE = Path(__file__).parent
OWN = json.loads((HERE / "cases.json").read_text("utf-8"))
SHARED = Path(os.environ.get("SMARTLAUNCH_CASES", HERE.parents[1].parent / "shared" / "tickets" / "cases.json"))


def _report(case, notes=True):
    observed = {"vendor": case["vendor"], **case["observed"]}
    if not notes:
        observed.pop("notes", None)
    return examine(read_observation(observed))


@pytest.mark.parametrize("case", OWN, ids=[c["id"] for c in OWN])
def test_own_case(case):
    report = _report(case)
    first = report.diagnoses[0].category.value if report.diagnoses else None
    assert first in (case["category"], *case.get("also", ())), [d.to_json() for d in report.diagnoses]


def test_own_cases_are_many_and_of_many_vendors():
    assert len(OWN) >= 60
    assert len({c["vendor"] for c in OWN}) >= 10
    assert len({c["category"] for c in OWN if c["category"]}) >= 17


@pytest.mark.parametrize("case", [c for c in OWN if c["category"] is None and not c["id"].startswith("fine-")], ids=lambda c: c["id"])
def test_declined_case_says_what_is_missing(case):
    report = _report(case)
    if report.declined:
        assert report.missing
        assert all(m.what and m.how for m in report.missing)


def test_without_notes_nothing_wrong_is_stated_with_high_confidence():
    for case in OWN:
        report = _report(case, notes=False)
        for item in report.diagnoses[:1]:
            if item.confidence is Confidence.HIGH:
                assert item.category.value in (case["category"], *case.get("also", ())), case["id"]


@pytest.mark.skipif(not SHARED.exists(), reason="the shared list of real cases is not here")
@pytest.mark.parametrize("notes", [True, False], ids=["with notes", "without notes"])
def test_shared_cases(notes, capsys):
    cases = json.loads(SHARED.read_text("utf-8"))
    confusion, right, decidable, wrong_high, guessed = Counter(), 0, 0, [], []
    for case in cases:
        report = _report(case, notes)
        first = report.diagnoses[0] if report.diagnoses else None
        got = first.category.value if first else "declined"
        if case["decidable"]:
            decidable += 1
            right += got == case["category"]
            confusion[case["category"], got] += 1
            if first and got != case["category"] and first.confidence is Confidence.HIGH:
                wrong_high.append(case["id"])
        elif first:
            guessed.append(case["id"])
        if not first:
            assert report.missing, case["id"]
    with capsys.disabled():
        print(f"\n{'with' if notes else 'without'} notes: {right} of {decidable} decidable cases right")
        for (wanted, got), count in sorted(confusion.items()):
            if wanted != got:
                print(f"  {count} x {wanted} read as {got}")
    assert not wrong_high
    assert not guessed
    assert right >= 0.9 * decidable
