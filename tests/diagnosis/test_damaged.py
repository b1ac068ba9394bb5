"""Input that is cut, mixed or doubled: never a traceback, never a secret back, never a wrong cause with high confidence."""

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartlaunch.diagnosis import Confidence, load
from smartlaunch.diagnosis.text import render
from smartlaunch.errors import UsageError

sys.path.insert(0, str(Path(__file__).parent))
from form_maker import SECRETS, hars, texts

BODIES = {
    "client-auth": {"error": "invalid_client", "error_description": "Invalid client credentials"},
    "scope-registration": {"error": "invalid_scope", "error_description": "The scope is not allowed for this client"},
    "redirect-uri": {"error": "invalid_grant", "error_description": "redirect_uri does not match the one of the authorization request"},
}
ALLOWED = {
    "client-auth": {"client-auth", "client-registration"},
    "scope-registration": {"scope-registration"},
    "redirect-uri": {"redirect-uri"},
}
FORMS = {category: texts(body) for category, body in BODIES.items()}
RECORDINGS = {category: {k: v for k, v in hars(body).items() if k.endswith(".har")} for category, body in BODIES.items()}
CATEGORIES = st.sampled_from(sorted(BODIES))
NOISE = st.text(st.characters(exclude_characters="*"), max_size=80)
NAMES = st.sampled_from(sorted(FORMS["client-auth"]))


def _look(text, allowed, present=""):
    """Read a text and judge the answer; an empty one or a bare word may be refused."""
    refused = ""
    if text.strip() == "-":
        return  # standard input
    try:
        report = load(text).report()
    except UsageError as exc:
        refused = str(exc)
    assert not [s for s in SECRETS if s in refused], present
    if refused:
        return
    out = json.dumps(report.to_json()) + render(report, "x")
    assert not [s for s in SECRETS if s in out], present
    for first in report.diagnoses[:1]:
        if first.confidence is Confidence.HIGH:
            assert first.category.value in allowed, (first.rule, first.weight, report.read)


@settings(max_examples=150, deadline=None)
@given(CATEGORIES, NAMES, st.floats(0, 1), st.floats(0, 1))
def test_cut(category, name, left, right):
    text = FORMS[category][name]
    begin, end = sorted((int(left * len(text)), int(right * len(text))))
    if begin or not text.startswith("https://"):  # half an address may look whole
        _look(text[begin:end], ALLOWED[category], name)


@settings(max_examples=80, deadline=None)
@given(CATEGORIES, NAMES, st.floats(0, 1))
def test_cut_at_the_end(category, name, right):
    text = FORMS[category][name]
    text = text[: int(right * len(text))]
    if not (text.startswith("https://") and "\n" not in text):  # half an address may look whole
        _look(text, ALLOWED[category], name)


@settings(max_examples=60, deadline=None)
@given(CATEGORIES, NAMES, st.sampled_from(["\n", "\n\n---\n\n", " "]))
def test_doubled(category, name, between):
    text = FORMS[category][name]
    _look(text + between + text, ALLOWED[category], name)


@settings(max_examples=80, deadline=None)
@given(CATEGORIES, CATEGORIES, NAMES, NAMES)
def test_mixed(one, other, left, right):
    _look(FORMS[one][left] + "\n\n" + FORMS[other][right], ALLOWED[one] | ALLOWED[other], f"{left} {right}")


@settings(max_examples=60, deadline=None)
@given(CATEGORIES, NAMES, NOISE, st.floats(0, 1))
def test_disturbed(category, name, noise, place):
    text = FORMS[category][name]
    if any(word in text for word in ("code_challenge=", "code_verifier", "Authorization")):
        return  # noise inside a request is a fault of its own
    at = int(place * len(text))
    _look(text[:at] + noise + text[at:], ALLOWED[category], name)


@settings(max_examples=40, deadline=None)
@given(CATEGORIES, st.sampled_from(sorted(RECORDINGS["client-auth"])), st.floats(0, 1))
def test_recording_that_is_cut(tmp_path_factory, category, name, right):
    content = RECORDINGS[category][name]
    path = tmp_path_factory.mktemp("cut") / "cut.har"
    path.write_bytes(content[: int(right * len(content))])
    _look(str(path), ALLOWED[category], name)


@pytest.mark.parametrize("noise", ["{" * 5000, "[" * 5000, "<" * 5000, "%25" * 5000, "a=" * 5000, "\\" * 5000, "'" * 5001, "curl " * 2000, "eyJ" * 3000, "https://" * 2000, "HTTP/1.1 400\n" * 2000, "&" * 5000, "(" * 5000, "```\n" * 2000, '{"a":' * 3000, "urn:a:" * 3000, "error: " * 3000, " " * 60000, "error " + " " * 60000 + "x", "- " * 20000, "\n" * 60000, "a b " * 20000, "a://b?c=d " + " " * 40000, "&amp;" * 9000, "GET " * 9000])  # fmt: skip
def test_repetition_takes_no_long(noise):
    import time

    begin = time.process_time()
    _look(noise, set())
    assert time.process_time() - begin < 4
