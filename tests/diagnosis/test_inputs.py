"""Every kind of input is read; broken and hostile ones give a clear error or a clean answer."""

import argparse
import json
import sys
from pathlib import Path

import pytest

from smartlaunch.diagnosis import load
from smartlaunch.diagnosis.cli import add_arguments, run
from smartlaunch.diagnosis.text import plain, render
from smartlaunch.errors import LookupFailed, UsageError

sys.path.insert(0, str(Path(__file__).parent))
from flow_maker import Flow

ERROR_URI = "https://authorization.cerner.com/errors/urn%3Acerner%3Aerror%3Aauthorization-server%3Asmart-v1%3Agrant%3Alaunch%3Acode-required/instances/847e48ff-956f-4f96-8585-2d0ccb19d40a?persona=provider&client=c1&tenant=ec2458f2-1e24-41c8-b71b-0e701af7583d"
REDIRECT = "myapp://smart-redirect/?state=s&error=invalid_request&error_uri=https%3A%2F%2Fauthorization.cerner.com%2Ferrors%2Furn%253Acerner%253Aerror%253Aauthorization-server%253Asmart-v1%253Agrant%253Alaunch%253Ainvalid-launch-code%2Finstances%2Fdccf77c1-9bb9-43aa-82c1-b6b9c07c95e2%3Fpersona%3Dprovider%26client%3Dc%26tenant%3Dt"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (ERROR_URI, "launch-without-value"),
        (REDIRECT, "launch-value-invalid"),
        ("https://app.example.org/cb?error=invalid_scope&error_description=scope+is+not+allowed&state=1", "scope-not-allowed"),
        ("https://app.example.org/cb#error=access_denied&error_description=The+user+denied+the+request", "user-refused"),
        ('{"error": "invalid_grant", "error_description": "PKCE verification failed"}', "pkce-refused"),
        (
            '{"error": "invalid_client", "error_uri": "https://authorization.cerner.com/errors/urn%3Acerner%3Aerror%3Aauthorization-server%3Aoauth2%3Atoken%3Ainvalid-client-credentials/instances/1?client=unknown&tenant=t"}',
            "credentials-refused",
        ),
        ('{"vendor": "Cerner", "requested_scopes": "launch patient/*.read", "granted_scopes": "launch"}', "wildcard-dropped-by-policy"),
        (
            '{"vendor": "Cerner", "observed": {"requested_scopes": "launch patient/*.read", "granted_scopes": "launch"}}',
            "wildcard-dropped-by-policy",
        ),
        (
            "https://as.example.org/authorize?client_id=c&response_type=code&scope=launch+openid&redirect_uri=https%3A%2F%2Fa.example%2Fcb&state=12345&aud=x",
            "launch-without-value",
        ),
    ],
)
def test_pasted_input(text, rule):
    assert load(text).report().diagnoses[0].rule == rule


def test_persona_client_and_instance_are_read_from_error_uri():
    m = load(ERROR_URI).found[0]
    assert (m.persona, m.client_id_in_error, m.instances) == ("provider", "c1", ["847e48ff-956f-4f96-8585-2d0ccb19d40a"])


def test_thin_authorize_url_is_declined_with_what_is_missing():
    report = load(
        "https://as.example.org/authorize?client_id=c&response_type=code&scope=openid&redirect_uri=https%3A%2F%2Fa.example%2Fcb"
        f"&state={'s' * 22}&aud=https%3A%2F%2Fehr.example%2Ffhir&code_challenge={'c' * 43}&code_challenge_method=S256"
    ).report()
    assert report.declined
    assert report.missing


@pytest.mark.parametrize(
    ("content", "needle"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not text"),
        (b"\xff\xfe\x00\x01\x00\x00", "not text"),
        (b'{"log": {"version": "9.9", "entries": []}}', "version"),
        (b"PK\x03\x04 cut off", "ZIP"),
        (b"\x1f\x8b\x08 cut off", "cannot be unpacked"),
    ],
)
def test_file_that_cannot_be_read_is_refused_by_name(content, needle, tmp_path):
    path = tmp_path / "input.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=needle) as caught:
        load(str(path))
    assert "input.json" in str(caught.value)


@pytest.mark.parametrize("content", [b"{", b"[1, 2]", b"hello there", b"[" * 100000, b"{}", b"null", b'"text"', b"<a/>"])
def test_what_says_nothing_is_declined_and_named(content, tmp_path):
    path = tmp_path / "input.json"
    path.write_bytes(content)
    report = load(str(path)).report()
    assert report.declined
    assert report.missing
    assert report.left
    assert not report.read


def test_truncated_and_odd_hars(tmp_path):
    good = Flow(fhir_status=504).har(tmp_path / "good.har").read_text("utf-8")
    for number, text in enumerate(
        ("\ufeff" + good, good[: len(good) * 3 // 4], good.replace('"text": "', '"encoding": "base64", "text": "'))
    ):
        path = tmp_path / f"odd{number}.har"
        path.write_text(text, encoding="utf-8")
        report = load(str(path)).report()
        assert report.source == "har"
    no_bodies = json.loads(good)
    for entry in no_bodies["log"]["entries"]:
        entry["response"]["content"].pop("text", None)
        entry["request"].pop("postData", None)
    path = tmp_path / "bare.har"
    path.write_text(json.dumps(no_bodies), encoding="utf-8")
    assert load(str(path)).report().diagnoses[0].rule == "fhir-server-failed"


def test_har_without_any_flow_is_declined(tmp_path):
    path = tmp_path / "empty.har"
    path.write_text('{"log": {"version": "1.2", "entries": []}}', encoding="utf-8")
    report = load(str(path)).report()
    assert report.declined
    assert report.missing


def test_hostile_strings_stay_text():
    hostile = "\x1b]0;title\x07\x1b[31mred\x1b[0m <script>alert(1)</script> \u202eevil"
    report = load(
        json.dumps({"error": "invalid_client", "error_description": "client authentication failed " + hostile, "notes": hostile})
    ).report()
    shown = render(report, hostile)
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\u202e" not in shown
    assert plain("a\x1b[2Jb") == "ab"


def test_unknown_run_and_vendor_are_named(tmp_path):
    with pytest.raises(UsageError):
        load("no-such-run", tmp_path)
    with pytest.raises(LookupFailed):
        _cli(["{}", "--vendor", "nobody-knows-it"])


def _cli(arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(arguments))


def test_command_prints_text_and_the_documented_json(capsys):
    assert _cli([ERROR_URI]) == 0
    text = capsys.readouterr().out
    assert "launch-context" in text
    assert "cause:" in text
    assert _cli([ERROR_URI, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert {"diagnoses", "missing", "client_findings", "named", "unknown_keys", "vendor"} <= set(data)
    assert set(data["diagnoses"][0]) >= {"rule", "category", "side", "cause", "fix", "next", "confidence", "evidence"}
    assert data["vendor"] == "oracle-health"


def test_several_inputs_give_a_list(capsys):
    assert _cli([ERROR_URI, REDIRECT, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2


def test_same_input_same_answer():
    assert json.dumps(load(ERROR_URI).report().to_json()) == json.dumps(load(ERROR_URI).report().to_json())


def test_redirect_difference_is_shown_character_by_character():
    report = load('{"redirect_uri": "https://a.example/Callback", "registered_redirect_uri": "https://a.example/callback"}').report()
    assert "upper and lower case" in report.diagnoses[0].cause
    assert "[C]allback" in report.diagnoses[0].cause
