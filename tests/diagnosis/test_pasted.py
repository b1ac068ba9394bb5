"""What people paste, in the wording of real servers, libraries and browsers: read, and answered with an accepted category or not at all."""

import json
from pathlib import Path

import pytest

from smartlaunch.diagnosis import Confidence, load

CASES = json.loads((Path(__file__).parent / "pasted.json").read_text("utf-8"))


def _first(case):
    report = load(case["text"]).report()
    return report, report.diagnoses[0] if report.diagnoses else None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_pasted_text_is_read_and_nothing_wrong_is_said_with_high_confidence(case):
    report, first = _first(case)
    assert report.read or report.left
    assert report.diagnoses or report.missing
    if first is not None and first.confidence is Confidence.HIGH:
        assert first.category.value in case["accept"]


def test_nine_in_ten_of_the_decidable_are_right(capsys):
    decidable = [case for case in CASES if case["accept"]]
    wrong = []
    for case in decidable:
        _, first = _first(case)
        if first is None or first.category.value not in case["accept"]:
            wrong.append(f"{case['id']}: {first.rule if first else 'declined'}")
    with capsys.disabled():
        print(f"\n{len(decidable) - len(wrong)} of {len(decidable)} pasted texts right", *wrong, sep="\n  ")
    assert len(CASES) >= 40
    assert len(wrong) <= len(decidable) * 0.12
