"""The recorder, and the writers that read what it kept."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import threading
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest

from smartlaunch.errors import UsageError
from smartlaunch.evidence import Recorder, Redactor, manifest, replay, sequence
from smartlaunch.evidence.endpoints import EndpointGuess
from smartlaunch.exchange import Actor, Endpoint, Exchange, RecordedExchange, Request, Response
from smartlaunch.records.record import FindingRecord
from smartlaunch.reporting.failure import where

CANARY = "CANARY-9f8e7d6c5b4a-token"
FORM = (("content-type", "application/x-www-form-urlencoded"),)


def exchange(
    recorder,
    endpoint=Endpoint.TOKEN,
    *,
    url="https://as.example.org/token",
    body=b"",
    answer=b"",
    headers=(),
    method="POST",
    actor=Actor.APP,
):
    response = Response(200, (("content-type", "application/json"),), answer)
    return Exchange(
        recorder.next_id(), actor, endpoint, datetime(2026, 5, 1, tzinfo=UTC), 1.0, Request(method, url, headers, body), response
    )


# --- recorder ---------------------------------------------------------------------------------------------------------------------


def test_every_exchange_is_on_disk_at_once_and_without_secrets(tmp_path):
    recorder = Recorder(tmp_path, Redactor())
    recorder.record(exchange(recorder, answer=json.dumps({"access_token": CANARY}).encode()))
    lines = (tmp_path / "exchanges.jsonl").read_text().splitlines()
    assert len(lines) == 1
    assert json.loads(lines[0])["id"] == "x0001"
    assert CANARY not in lines[0]
    assert recorder.get("x0001") is recorder.exchanges[0]
    assert recorder.get("x9999") is None
    recorder.close()
    recorder.close()


def test_facts_are_derived_from_the_raw_message(tmp_path):
    with Recorder(tmp_path, Redactor()) as recorder:
        body = b"grant_type=authorization_code&code_verifier=" + b"v" * 43
        recorded = recorder.record(exchange(recorder, body=body, headers=FORM))
    assert recorded.facts["verifier_length"] == 43
    assert "vvvv" not in recorded.request_body


def test_facts_hold_no_secret():
    recorder = Recorder(None, Redactor())
    url = f"https://as.example.org/a?response_type=code&client_id=c&redirect_uri=https%3A%2F%2Fapp%2Fcb%3Fstate%3D{CANARY}"
    assert CANARY not in repr(recorder.record(exchange(recorder, Endpoint.AUTHORIZE, url=url, method="GET")))


def test_what_is_learned_later_is_hidden_earlier_when_the_run_ends(tmp_path):
    recorder = Recorder(tmp_path, Redactor())
    recorder.record(exchange(recorder, Endpoint.OTHER, url=f"https://as.example.org/x/{CANARY}"))
    recorder.record(exchange(recorder, Endpoint.OTHER, url="https://as.example.org/y"))
    recorder.redactor.learn("access_token", CANARY)
    recorder.close()
    lines = (tmp_path / "exchanges.jsonl").read_text().splitlines()
    assert [json.loads(line)["url"] for line in lines] == ["https://as.example.org/x/<access_token 1>", "https://as.example.org/y"]
    assert recorder.exchanges[0].url.endswith("<access_token 1>")


def test_odd_characters_keep_their_line(tmp_path):
    answer = b'{"access_token": "abcdefgh1234", "a": "\\ud800 \\u2028 \\u0085 x"}'
    with Recorder(tmp_path, Redactor()) as recorder:
        recorder.record(exchange(recorder, answer=answer))
        recorder.record(exchange(recorder, Endpoint.OTHER, url=f"https://as.example.org/{CANARY}"))
        recorder.redactor.learn("access_token", CANARY)
    lines = (tmp_path / "exchanges.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["x0001", "x0002"]
    assert "\ufffd" in json.loads(lines[0])["response_body"]


def test_scopes_nest_and_shared_exchanges_are_attached_again():
    recorder = Recorder(None, Redactor())
    with recorder.scope("launch") as launch:
        recorder.record(exchange(recorder))
    with recorder.scope("outer") as outer:
        recorder.record(exchange(recorder))
        with recorder.scope("inner") as inner:
            recorder.attach_to_current(launch.ids)
            recorder.attach_to_current(launch.ids)
            recorder.record(exchange(recorder))
    recorder.record(exchange(recorder))
    assert launch.ids == ["x0001"]
    assert outer.ids == ["x0002", "x0001", "x0003"]
    assert inner.ids == ["x0001", "x0003"]


def test_a_scope_ends_also_after_an_exception():
    recorder = Recorder(None, Redactor())
    with pytest.raises(ZeroDivisionError), recorder.scope("a") as scope:
        raise ZeroDivisionError
    recorder.record(exchange(recorder))
    assert scope.ids == []


def test_threads_write_whole_lines_and_keep_scopes_apart(tmp_path):
    recorder = Recorder(tmp_path, Redactor())
    seen: dict[int, list[str]] = {}

    def work(number):
        with recorder.scope(str(number)) as scope:
            for _ in range(20):
                recorder.record(exchange(recorder))
        seen[number] = scope.ids

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    recorder.close()
    lines = [json.loads(line) for line in (tmp_path / "exchanges.jsonl").read_text().splitlines()]
    assert len({line["id"] for line in lines}) == 80
    assert sorted(each for ids in seen.values() for each in ids) == sorted(line["id"] for line in lines)


def test_workers_have_ids_of_their_own():
    assert Recorder(None, Redactor(), prefix="w1x").next_id() == "w1x0001"


def test_long_bodies_are_cut_and_marked():
    recorder = Recorder(None, Redactor(), body_bytes=100)
    recorded = recorder.record(exchange(recorder, answer=b'"' + b"a" * 500 + b'"'))
    assert recorded.truncated
    assert recorded.response_body.endswith("402 characters left out")


def test_attachments_are_scrubbed_named_safely_and_never_overwritten(tmp_path):
    recorder = Recorder(tmp_path, Redactor())
    recorder.redactor.learn("access_token", CANARY)
    with recorder.scope("s") as scope:
        paths = [recorder.attach("../../etc/passwd", f"t {CANARY}".encode(), "text/plain; charset=utf-8") for _ in range(2)]
        paths += [recorder.attach(name, b"\x89PNG", "image/png") for name in (f"shot {CANARY}.png", "", "con", "a" * 300)]
    assert paths[:2] == ["attachments/etc-passwd.txt", "attachments/etc-passwd-2.txt"]
    assert (tmp_path / paths[0]).read_text() == "t <access_token 1>"
    assert paths[2] == "attachments/shot-access_token-1-.png"
    assert paths[3:5] == ["attachments/attachment.png", "attachments/_con.png"]
    assert len(paths[5]) < 130
    recorder.close()
    assert scope.attachments == paths == recorder.attachments
    assert Recorder(None, Redactor()).attach("a", b"", "text/plain") == ""


def test_no_canary_in_any_file_of_a_run(tmp_path):
    with Recorder(tmp_path, Redactor()) as recorder:
        for name in ("code", "client_secret", "refresh_token", "password"):
            recorder.record(exchange(recorder, body=f"{name}={CANARY}{name}".encode(), headers=FORM))
        basic = base64.b64encode(f"app:{CANARY}code".encode()).decode()
        recorder.record(exchange(recorder, headers=(("Authorization", f"Basic {basic}"),)))
        recorder.attach("log", f"{CANARY}password and {basic}".encode(), "text/plain")
    manifest.write_manifest(tmp_path)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert "CANARY" not in text
            assert basic not in text


# --- manifest ---------------------------------------------------------------------------------------------------------------------


def test_manifest_tells_what_changed(tmp_path):
    (tmp_path / "attachments").mkdir()
    for name in ("run.json", "attachments/a.png", "b.txt"):
        (tmp_path / name).write_text(name)
    path = manifest.write_manifest(tmp_path)
    assert [line.split("  ")[1] for line in path.read_text().splitlines()] == ["attachments/a.png", "b.txt", "run.json"]
    assert manifest.verify(tmp_path) == []
    if shutil.which("sha256sum"):
        done = subprocess.run(["sha256sum", "--check", "--quiet", "manifest.sha256"], cwd=tmp_path, timeout=30, check=False)
        assert done.returncode == 0
    (tmp_path / "run.json").write_text("changed")
    (tmp_path / "b.txt").unlink()
    (tmp_path / "new.txt").write_text("")
    assert manifest.verify(tmp_path) == ["b.txt is missing", "run.json was changed", "new.txt was added"]
    path.write_text("nonsense\n" + "a" * 64 + "  ../outside\n")
    assert manifest.verify(tmp_path)[:2] == [f"manifest.sha256 line {n} is not a digest and a path inside the folder" for n in (1, 2)]


def test_a_folder_without_manifest_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        manifest.verify(tmp_path)


# --- replay -----------------------------------------------------------------------------------------------------------------------


def kept(**members):
    base = {
        "id": "x1",
        "actor": "app",
        "endpoint": "token",
        "started": "",
        "duration_ms": 0,
        "method": "GET",
        "url": "https://as.example.org/token",
    }
    return RecordedExchange(**(base | members))


def test_curl_reads_secrets_from_the_environment():
    recorded = kept(
        method="POST",
        request_headers=[
            ["Host", "as.example.org"],
            ["Content-Type", "application/x-www-form-urlencoded"],
            ["Authorization", "Basic base64(my-app:<client_secret 1>)"],
            ["sec-fetch-mode", "cors"],
        ],
        request_body="grant_type=authorization_code&code=<code 1>&redirect_uri=https%3A%2F%2Fa%2Fcb",
    )
    assert replay.curl(recorded).split(" \\\n  ") == [
        "curl --include https://as.example.org/token",
        "--header 'Content-Type: application/x-www-form-urlencoded'",
        '--user my-app:"${CLIENT_SECRET_1:?}"',
        "--data-urlencode grant_type=authorization_code",
        '--data-urlencode code="${CODE_1:?}"',
        "--data-urlencode redirect_uri=https://a/cb",
    ]
    assert replay.variables(recorded) == ["CLIENT_SECRET_1", "CODE_1"]


def test_curl_keeps_opened_tokens_and_queries_apart():
    recorded = kept(url='https://a.example.org/x?a=1&state=<state 2 length 43>&id_token_hint=<id_token 1 {"alg":"none"}.{"aud":"x"}>#f')
    assert replay.curl(recorded) == (
        'curl --include \'https://a.example.org/x?a=1\' \\\n  --url-query state="${STATE_2:?}" \\\n  --url-query id_token_hint="${ID_TOKEN_1:?}"'
    )


HOSTILE = "a'; touch pwned; `touch pwned` $(touch pwned) \\ \" ! \x1b[31m \u202e é"


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash here")
def test_a_hostile_request_stays_one_word_in_the_shell(tmp_path):
    recorded = kept(
        method="PUT",
        url=f"https://a.example.org/{HOSTILE}",
        request_headers=[["X-A", HOSTILE]],
        request_body=HOSTILE + '\n<access_token 1>{"a":"b"}',
    )
    probe = tmp_path / "curl"
    probe.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    probe.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "ACCESS_TOKEN_1": "$(touch pwned)", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}
    done = subprocess.run(
        ["bash", "-c", replay.curl(recorded)], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30, check=True
    )
    words = json.loads(done.stdout)
    assert words == [
        "--include", "--request", "PUT", f"https://a.example.org/{HOSTILE}", "--header", f"X-A: {HOSTILE}",
        "--data-raw", HOSTILE + '\n$(touch pwned){"a":"b"}',
    ]  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curl"]
    done = subprocess.run(
        ["bash", "-c", replay.curl(recorded)],
        cwd=tmp_path,
        env=environment | {"ACCESS_TOKEN_1": ""},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode != 0


@pytest.mark.parametrize(
    "recorded",
    [
        kept(url="https://a.example.org/x?q=1&state=<state 1 length 4>"),
        kept(url="https://a.example.org/x?state=<state 1 length 4>&launch=<launch 1>"),
        kept(method="POST", request_headers=[["authorization", "Basic base64(c:<client_secret 1>)"]]),
        kept(
            method="POST",
            request_headers=[["content-type", "application/x-www-form-urlencoded"], ["accept", HOSTILE]],
            request_body="a=<code 1>&b=c",
        ),
        kept(method="POST", request_headers=[["content-type", "application/x-www-form-urlencoded"]], request_body="a=<code 1>"),
        kept(method="POST", request_headers=[["content-type", "application/json"], ["x", "Bearer <access_token 1>"]], request_body=HOSTILE),
    ],
)
def test_httpx_lines_are_python_that_sends_the_same(recorded, monkeypatch):
    sent = {}
    source = replay.httpx_lines(recorded)
    for name in replay.variables(recorded):
        monkeypatch.setenv(name, f"value/{name}")

    class Answer:
        status_code, headers, text = 200, {}, ""

    monkeypatch.setattr("httpx.request", lambda method, url, **rest: sent.update(rest, method=method, url=url) or Answer())
    exec(compile(source, "replay", "exec"), {})
    assert sent["method"] == recorded.method
    assert "<" not in sent["url"]
    if "state=" in recorded.url:
        assert "state=value%2FSTATE_1" in sent["url"]
    if recorded.request_body.startswith("a="):
        assert sent["content"].startswith("a=value%2FCODE_1")
        assert dict(sent["headers"])["content-type"] == "application/x-www-form-urlencoded"


# --- sequence ---------------------------------------------------------------------------------------------------------------------

MARKUP = "</title><script>alert(1)</script><img src=x onerror=alert(1)>\"'&\x1b[31m\u202e"
LAUNCH = [
    kept(id="x1", endpoint="launch", actor="browser", url="https://app/launch?iss=https%3A%2F%2Ff&launch=<launch 1>"),
    kept(id="x2", endpoint="discovery", url="https://f.example.org/r4/.well-known/smart-configuration", status=200, reason="OK"),
    kept(
        id="x3",
        endpoint="authorize",
        actor="browser",
        url="https://as.example.org/authorize?response_type=code&client_id=c&scope=openid&aud=https%3A%2F%2Ff&code_challenge=abc&code_challenge_method=S256",
        status=302,
        response_headers=[["Location", "/login"]],
    ),
    kept(id="x4", endpoint="page", actor="browser", method="POST", status=200),
    kept(id="x5", endpoint="redirect", actor="browser", url="https://app/cb?error=access_denied&state=<state 1 length 4>"),
    kept(id="x6", method="POST", request_headers=[["authorization", "Basic base64(c:<client_secret 1>)"]], request_body="grant_type=authorization_code&code_verifier=<code_verifier 1>", status=400, response_body='{"error":"invalid_grant"}'),
    kept(id="x7", method="POST", request_body="grant_type=refresh_token", status=200, response_body='{"access_token":"<access_token 1>","patient":"1"}'),
    kept(id="x8", endpoint="fhir", url="https://f.example.org/r4/Patient/1", status=403, response_body='{"resourceType":"OperationOutcome"}'),
    kept(id="x9", endpoint="fhir", url="https://f.example.org/r4/Patient/1", error="time-out"),
    kept(id="x10", endpoint="other", url="http://[broken", status=200, response_body="{", reason=MARKUP),
    kept(id=MARKUP, endpoint="page", actor="browser", url=f"https://a/{MARKUP}", status=302, response_headers=[["location", f"https://app/cb?error={MARKUP}"]]),
    kept(id="x12", endpoint="authorize", actor="browser", url="https://a/authorize?response_type=code", status=302, response_headers=[["location", "https://app/cb?code=<code 1>&state=s"]]),
]  # fmt: skip


def test_arrows_say_who_asked_whom_and_what_came():
    rows = sequence.arrows(LAUNCH)
    assert [(row.source, row.target, row.label, row.answer) for row in rows[:9]] == [
        ("browser", "app", "launch (iss, launch)", "caught"),
        ("app", "FHIR server", "SMART configuration", "200 OK"),
        ("browser", "authorization server", "authorize (scope, aud, S256)", "302 redirect"),
        ("browser", "authorization server", "form sent", "200"),
        ("browser", "app", "redirect to the app (state, error)", "caught, access_denied"),
        ("app", "authorization server", "token (authorization_code, verifier, Basic)", "400 invalid_grant"),
        ("app", "authorization server", "token (refresh_token)", "200 access_token, patient"),
        ("app", "FHIR server", "Patient/1", "403 OperationOutcome"),
        ("app", "FHIR server", "Patient/1", "no answer: time-out"),
    ]
    assert rows[2].note == "without state"
    assert [row.exchange for row in rows if row.bad] == ["x5", "x6", "x8", "x9"]
    assert rows[11].answer == "302 redirect (code, state)"


def test_a_page_is_called_by_what_the_browser_found_on_it():
    page = kept(id="x1", endpoint="page", actor="browser", status=200, reason="OK", facts={"page": "login,user,patient,consent"})
    strange = kept(id="x2", endpoint="page", actor="browser", status=200, reason="OK", facts={"page": "<b>"})
    assert [row.answer for row in sequence.arrows([page, strange])] == ["200 page: sign-in, choice of a patient, consent", "200 OK"]


def test_where_the_browser_was_stopped_is_no_missing_answer():
    stopped = {"endpoint": "redirect", "actor": "browser", "url": "https://app/cb?code=<code 1>", "error": "caught in the browser"}
    rows = sequence.arrows([kept(id="x1", **stopped, failure="caught"), kept(id="x2", **stopped, failure="broken-off")])
    assert [(row.answer, row.bad) for row in rows] == [("caught", False), ("no answer: caught in the browser", True)]
    finding = FindingRecord("R", "a", "b", exchange="x1")
    assert where(finding, kept(id="x1", **stopped, failure="caught")).endswith("-> caught in the browser")


def test_drawings_are_accessible_and_safe():
    drawn = sequence.svg(LAUNCH, title=MARKUP) + sequence.table(LAUNCH, caption=MARKUP)
    assert "<script" not in drawn
    assert "<img" not in drawn
    assert "\x1b" not in drawn
    assert "\u202e" not in drawn
    assert 'role="img"' in drawn
    assert drawn.count("<title") == 1 + len(LAUNCH)
    assert "<desc" in drawn
    assert '<th scope="col">' in drawn
    assert sequence.svg(LAUNCH, title="t") == sequence.svg(LAUNCH, title="t")
    ET.fromstring(sequence.svg(LAUNCH, title=MARKUP))
    ET.fromstring(sequence.svg([]))


def test_mermaid_text_has_a_line_for_each_arrow_and_no_markup():
    text = sequence.mermaid(LAUNCH)
    assert text.startswith("sequenceDiagram\n")
    assert "A->>F: SMART configuration" in text
    assert "S--xA: 400 invalid_grant" in text
    assert "Note over B,S: without state" in text
    assert "<" not in text
    assert "\x1b" not in text


def test_long_diagrams_are_described_in_part():
    assert "And 40 more." in sequence.describe(sequence.arrows([LAUNCH[1]] * 100))


def test_endpoint_guesses_survive_a_broken_document():
    guess = EndpointGuess()
    answer = Response(200, (), b"{broken")
    assert guess.endpoint(Request("GET", "https://f/r4/.well-known/smart-configuration"), answer) is Endpoint.DISCOVERY
    assert guess.endpoint(Request("POST", "https://as/revoke", FORM, b"token=1"), None) is Endpoint.REVOCATION
    assert guess.endpoint(Request("GET", "https://as/jwks.json"), None) is Endpoint.JWKS
    assert guess.endpoint(Request("GET", "https://as/.well-known/openid-configuration"), None) is Endpoint.OPENID_CONFIGURATION
    assert guess.endpoint(Request("GET", "https://x/smart-style.json"), None) is Endpoint.STYLE
    assert (
        guess.endpoint(Request("GET", "https://x/brands.json"), Response(200, (("content-type", "application/fhir+json"),)))
        is Endpoint.BRANDS
    )
    assert guess.endpoint(Request("GET", "https://x/authorize"), None, document=True) is Endpoint.AUTHORIZE
