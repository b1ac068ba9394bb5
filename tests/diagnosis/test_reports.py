"""Public reports that nobody here wrote for: every input is read, and the first answer is of an accepted category and side."""

import json
import os
from pathlib import Path

import pytest

from smartlaunch.diagnosis import Confidence, load

HERE = Path(__file__).parent
FOLDER = Path(os.environ.get("SMARTLAUNCH_REPORTS", HERE.parents[1].parent / "shared" / "tickets" / "reports"))
EXPECTED = sorted(FOLDER.glob("*.expect")) if FOLDER.is_dir() else []


def _input(expect):
    return next(path for path in sorted(FOLDER.glob(expect.stem + ".*")) if path.suffix != ".expect")


def _first(expect):
    report = load(str(_input(expect))).report()
    return report, report.diagnoses[0] if report.diagnoses else None


@pytest.mark.skipif(not EXPECTED, reason="the shared reports are not here")
@pytest.mark.parametrize("expect", EXPECTED, ids=lambda path: path.stem)
def test_report_is_read(expect):
    report, _ = _first(expect)
    assert report.read
    assert report.diagnoses or report.missing


@pytest.mark.skipif(not EXPECTED, reason="the shared reports are not here")
@pytest.mark.parametrize("expect", EXPECTED, ids=lambda path: path.stem)
def test_no_report_is_answered_wrongly_with_high_confidence(expect):
    wanted = json.loads(expect.read_text("utf-8"))
    _, first = _first(expect)
    if first is not None and first.confidence is Confidence.HIGH:
        assert first.category.value in wanted["accept"]
        assert first.side.value in wanted["side"]


@pytest.mark.skipif(not EXPECTED, reason="the shared reports are not here")
def test_every_report_is_answered_rightly(capsys):
    wrong = []
    for expect in EXPECTED:
        wanted = json.loads(expect.read_text("utf-8"))
        _, first = _first(expect)
        if first is None or first.category.value not in wanted["accept"] or first.side.value not in wanted["side"]:
            wrong.append(f"{expect.stem}: {(first.rule, first.category.value, first.side.value) if first else 'declined'}")
    with capsys.disabled():
        print(f"\n{len(EXPECTED) - len(wrong)} of {len(EXPECTED)} reports right", *wrong, sep="\n  ")
    assert not wrong
