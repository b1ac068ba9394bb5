"""What a HAR shows, what it cannot show, and what the reader says of that."""

import json
import os
import sys
import threading
from pathlib import Path

import pytest

import smartlaunch.diagnosis.inputs.opening as opening_module
from smartlaunch.diagnosis import load
from smartlaunch.diagnosis.inputs.flows import changed
from smartlaunch.diagnosis.text import render
from smartlaunch.errors import UsageError

sys.path.insert(0, str(Path(__file__).parent))
from flow_maker import Flow
from form_maker import SECRETS, har, texts

BODY = {"error": "invalid_client", "error_description": "Invalid client credentials"}


def _report(data, path):
    path.write_text(json.dumps(data), encoding="utf-8")
    return load(str(path)).report()


def test_recording_that_ends_at_the_redirect_says_so(tmp_path):
    data = har(BODY)
    del data["log"]["entries"][3]
    report = _report(data, tmp_path / "a.har")
    assert report.declined
    assert report.missing[0].what == "the access token request and its answer"
    assert any("token request is not in the file" in line for line in report.warnings)
    assert "No fault seen" not in render(report)


def test_whole_recording_of_a_good_flow_has_nothing_missing(tmp_path):
    report = load(str(Flow().har(tmp_path / "a.har"))).report()
    assert report.declined
    assert not report.missing
    assert not report.warnings


def test_recording_without_any_oauth_request_says_so(tmp_path):
    data = har(BODY)
    for entry in data["log"]["entries"]:
        entry["request"] |= {"method": "GET", "url": "https://www.example.org/news"}
        entry["request"].pop("postData", None)
        entry["response"] |= {"status": 200, "redirectURL": "", "headers": []}
        entry["response"]["content"]["text"] = "news"
    report = _report(data, tmp_path / "a.har")
    assert report.declined
    assert any("no request of an OAuth flow" in line for line in report.warnings)
    assert "preserve log" in report.missing[0].how


def test_half_of_the_server_is_told_as_such(tmp_path):
    data = har(BODY)
    del data["log"]["entries"][:3]
    report = _report(data, tmp_path / "a.har")
    assert report.diagnoses[0].rule == "credentials-refused"
    assert any("only the server's half" in line for line in report.warnings)


@pytest.mark.parametrize("order", [[3, 2, 1, 0], [1, 0, 3, 2], [0, 1, 2, 3]])
def test_entries_are_taken_in_the_order_of_their_start(order, tmp_path):
    data = har(BODY)
    wanted = _report(data, tmp_path / "a.har").to_json()
    data["log"]["entries"] = [data["log"]["entries"][n] for n in order]
    report = _report(data, tmp_path / "b.har")
    assert [d["rule"] for d in report.to_json()["diagnoses"]] == [d["rule"] for d in wanted["diagnoses"]]
    assert any("they were sorted" in line for line in report.warnings) is (order != [0, 1, 2, 3])


def test_sanitized_recording_blames_nobody_for_what_the_browser_left_out(tmp_path):
    data = har({"error": "invalid_client", "error_description": "no"})
    for entry in data["log"]["entries"]:
        entry["request"]["headers"] = [h for h in entry["request"]["headers"] if h["name"] == "Content-Type"]
    report = _report(data, tmp_path / "a.har")
    assert any("sanitized" in line for line in report.warnings)
    assert not any("without-authentication" in d.rule or d.rule == "no-token-sent" for d in report.diagnoses)
    data["log"]["creator"]["name"] = "another writer"
    assert not any("sanitized" in line for line in _report(data, tmp_path / "b.har").warnings)


@pytest.mark.parametrize("frame", [lambda e: e, lambda e: {"entries": e}, lambda e: {"log": {"entries": e}}, lambda e: {"x": 1, "log": {"version": "1.2", "entries": e}}])  # fmt: skip
def test_entries_without_their_frame(frame, tmp_path):
    report = _report(frame(har(BODY)["log"]["entries"]), tmp_path / "entries.json")
    assert report.source == "har"
    assert report.diagnoses[0].rule == "credentials-refused"


@pytest.mark.parametrize(
    ("given", "sent", "how"),
    [
        ("a+b/c==", "a b/c==", "plus-to-blank"),
        ("a b", "a+b", "blank-to-plus"),
        ("a%2Bb", "a+b", "decoded-twice"),
        ("a+b", "a%2Bb", "encoded-twice"),
        ("abcdef==", "abcdef", "cut"),
        ("AbC", "abc", "case"),
        ("abc", "xyz", ""),
        ("abc", "abc", ""),
    ],
)
def test_how_a_value_was_changed(given, sent, how):
    assert changed(given, sent) == how


def test_changed_launch_value_is_a_fact_of_recordings_and_of_pasted_addresses(tmp_path):
    launch = "https://app.example.org/launch?iss=https%3A%2F%2Fehr.example.org%2Ffhir&launch=abc%2Bdef"
    asked = "https://ehr.example.org/authorize?response_type=code&client_id=c&redirect_uri=https%3A%2F%2Fapp.example.org%2Fcb&scope=launch&state=s&launch=abc+def"
    data = har(BODY)
    data["log"]["entries"][0]["request"]["url"], data["log"]["entries"][1]["request"]["url"] = launch, asked
    data["log"]["entries"][1]["response"] |= {"status": 400, "headers": [], "redirectURL": ""}
    del data["log"]["entries"][2:]
    (tmp_path / "a.har").write_text(json.dumps(data), encoding="utf-8")
    assert load(str(tmp_path / "a.har")).found[0].facts["launch_changed"] == "plus-to-blank"
    assert load(f"{launch}\n{asked}").found[0].facts["launch_changed"] == "plus-to-blank"


def test_pipe_is_read_and_a_silent_one_is_refused_by_name(tmp_path, monkeypatch):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text(json.dumps(BODY), encoding="utf-8"))
    writer.start()
    try:
        assert load(str(pipe)).report().diagnoses[0].rule == "credentials-refused"
    finally:
        writer.join(timeout=10)
    monkeypatch.setattr(opening_module, "WAIT_S", 0.2)
    keep = os.open(pipe, os.O_RDWR)
    try:
        with pytest.raises(UsageError, match="pipe or device"):
            load(str(pipe))
    finally:
        os.close(keep)


def test_pipe_that_nobody_writes_to_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(opening_module, "WAIT_S", 0.2)
    pipe = tmp_path / "lonely"
    os.mkfifo(pipe)
    with pytest.raises(UsageError, match="lonely"):
        load(str(pipe))


def test_device_that_never_ends_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(opening_module, "LARGEST_PIPE", 1_000_000)
    with pytest.raises(UsageError, match="/dev/zero"):
        load("/dev/zero")


def test_archive_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    import gzip

    monkeypatch.setattr(opening_module, "LARGEST_UNPACKED", 100_000)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b"\0" * 10_000_000))
    with pytest.raises(UsageError, match="unpacks to more"):
        load(str(path))


def test_cut_archive_gives_what_is_whole(tmp_path):
    import gzip

    packed = gzip.compress(json.dumps(har(BODY)).encode(), compresslevel=0)
    path = tmp_path / "cut.har.gz"
    path.write_bytes(packed[:-200])
    report = load(str(path)).report()
    assert report.source == "har"
    assert any("cut off" in line for line in report.warnings)


def test_standard_input(monkeypatch, capsys):
    class Piped:
        buffer = __import__("io").BytesIO(texts(BODY)["forum post"].encode())

        @staticmethod
        def isatty():
            return False

    monkeypatch.setattr(sys, "stdin", Piped)
    report = load("-").report()
    assert report.diagnoses[0].rule == "credentials-refused"
    assert not [s for s in SECRETS if s in json.dumps(report.to_json()) + capsys.readouterr().out]
