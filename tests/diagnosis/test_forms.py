"""One fault in every form in which people hand it on: the same first cause from each, and no secret back from any."""

import argparse
import json
import sys
from pathlib import Path

import pytest

from smartlaunch.diagnosis import load
from smartlaunch.diagnosis.cli import add_arguments, run
from smartlaunch.diagnosis.text import render

sys.path.insert(0, str(Path(__file__).parent))
from form_maker import SECRETS, hars, texts

FAULTS = {
    "client": ({"error": "invalid_client", "error_description": "Unknown client"}, "unknown-client-refused"),
    "scope": ({"error": "invalid_scope", "error_description": "The scope is not allowed for this client"}, "scope-not-allowed"),
    "secret": ({"error": "invalid_client", "error_description": "Invalid client credentials"}, "credentials-refused"),
    "redirect": ({"error": "invalid_grant", "error_description": "redirect_uri does not match the one of the authorization request"}, "redirect-refused"),
    "late": ({"error": "invalid_grant", "error_description": "authorization code expired"}, "code-refused"),
}  # fmt: skip
TEXTS = sorted(texts({"error": "x", "error_description": "y"}))
FILES = sorted(hars({"error": "x", "error_description": "y"}))


@pytest.mark.parametrize("form", TEXTS)
@pytest.mark.parametrize("fault", FAULTS)
def test_same_cause_from_every_text(fault, form):
    body, rule = FAULTS[fault]
    report = load(texts(body)[form]).report()
    assert report.diagnoses, (report.read, report.left)
    assert report.diagnoses[0].rule == rule, [(d.rule, d.weight) for d in report.diagnoses]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("fault", FAULTS)
def test_same_cause_from_every_recording(fault, name, tmp_path):
    body, rule = FAULTS[fault]
    path = tmp_path / name
    path.write_bytes(hars(body)[name])
    report = load(str(path)).report()
    assert report.diagnoses[0].rule == rule, [(d.rule, d.weight) for d in report.diagnoses]
    assert "1 x access token request" in report.read


def test_there_are_at_least_twenty_forms():
    assert len(TEXTS) + len(FILES) >= 30


def _cli(*arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(arguments))


@pytest.mark.parametrize("fault", ["secret", "scope"])
def test_no_secret_comes_back_from_any_form(fault, tmp_path, capsys):
    body, _ = FAULTS[fault]
    for form, text in texts(body).items():
        for arguments in ((text,), (text, "--json")):
            assert _cli(*arguments) == 0
        out = "".join(capsys.readouterr())
        assert not [s for s in SECRETS if s in out], form
    for name, content in hars(body).items():
        path = tmp_path / name
        path.write_bytes(content)
        report = load(str(path)).report()
        out = json.dumps(report.to_json()) + render(report, name)
        assert not [s for s in SECRETS if s in out], name


def test_the_material_holds_no_secret_either():
    for form, text in texts(FAULTS["secret"][0]).items():
        loaded = load(text)
        for m in loaded.found:
            assert not [s for s in SECRETS if s in repr(m)], form
        assert not [s for s in SECRETS if s in repr(loaded.exchanges)], form
