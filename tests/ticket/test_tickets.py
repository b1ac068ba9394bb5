"""Tickets say what support asks for, keep secrets in, stay what they are, and are equal for equal input."""

import argparse
import base64
import json
import re
import sys
import zipfile
from dataclasses import asdict
from pathlib import Path

import pytest

from smartlaunch.cli import main
from smartlaunch.diagnosis import load
from smartlaunch.errors import LookupFailed, UsageError
from smartlaunch.ticket import SecretInTicketError, build, write
from smartlaunch.ticket import cli as ticket_cli
from smartlaunch.ticket import markdown as md
from smartlaunch.ticket.content import ORACLE_FIELDS
from smartlaunch.ticket.package import safe_name

sys.path.insert(0, str(Path(__file__).parents[1] / "diagnosis"))
from flow_maker import CODE, LAUNCH, ORACLE, ORACLE_AUTH, ORACLE_BASE, STATE, TOKEN, VERIFIER, Flow

SECRETS = (CODE, TOKEN, VERIFIER, STATE, LAUNCH, "pa55word-5ecret")


def _write(loaded, out, scenario="", vendor="", *, pictures=False):
    ticket = build(loaded, vendor, scenario)
    report = loaded.report(vendor, ticket.scenario.id if ticket.scenario else "")
    return ticket, write(ticket, loaded, report, out, pictures=pictures)


def _run_file(tmp_path, flow, **scenario):
    folder = tmp_path / "run"
    folder.mkdir()
    exchanges = [asdict(x) for x in flow.record().exchanges]
    row = {
        "id": "standalone-public/one",
        "title": "The patient is read",
        "feature": "f",
        "rule": "r",
        "suite": "standalone-public",
        "requirements": [],
        "outcome": "failed",
        "reason": "",
        "exchanges": [x["id"] for x in exchanges],
        **scenario,
    }
    run = {
        "header": {"schema": 1, "id": "r1", "target": {"name": "t", "vendor": "oracle-health", "fhir_base_url": ORACLE_BASE}},
        "scenarios": [row],
        "exchanges": exchanges,
        "diagnoses": [],
    }
    (folder / "run.json").write_text(json.dumps(run), encoding="utf-8")
    return folder


def test_oracle_ticket_has_the_thirteen_fields_in_order(tmp_path):
    ticket, _ = _write(load(str(Flow(**ORACLE).har(tmp_path / "a.har"))), tmp_path / "out")
    places = [ticket.text.index(f"**{name}**") for name in ORACLE_FIELDS]
    assert len(places) == 13
    assert places == sorted(places)
    fields = re.split(r"\n\*\*(?:" + "|".join(re.escape(n) for n in ORACLE_FIELDS) + r")\*\*\n", ticket.text)
    assert "client-1" in fields[9]
    assert "patient/*.read" in fields[10]
    assert "no_scope_for_resource_path" in fields[11]
    assert "req-" in fields[12]
    assert "2026-05-04" in fields[13]
    assert ticket.text.count("please fill in") == 6
    assert "wildcard" in ticket.title or "scopes" in ticket.title


def test_generic_ticket_has_every_section(tmp_path):
    flow = Flow(verifier="another-0123456789-abcdefghijklmnopqrstuvwxyz-x", token_status=400, token_error={"error": "invalid_grant"})
    ticket, _ = _write(load(str(flow.har(tmp_path / "a.har"))), tmp_path / "out")
    for heading in ("## Expected", "## Actual", "## Steps to repeat", "## Requests", "## Likely cause", "## Ruled out", "## Environment"):
        assert heading in ticket.text
    assert "state came back as sent" in ticket.text
    assert "`invalid_grant`" in ticket.text
    assert "belongs to the code challenge" not in ticket.text.split("## Ruled out")[1]
    assert len(ticket.text.split()) < 900, "too long for two minutes"


def test_nothing_secret_leaves(tmp_path):
    for number, change in enumerate((ORACLE, {"token_status": 400, "token_error": {"error": "invalid_grant"}}, {"twice": True})):
        _, paths = _write(load(str(Flow(**change).har(tmp_path / f"{number}.har"))), tmp_path / str(number))
        texts = [paths[0].read_text("utf-8")]
        with zipfile.ZipFile(paths[1]) as archive:
            assert archive.testzip() is None
            texts += [archive.read(name).decode("utf-8", "replace") for name in archive.namelist()]
        for secret in SECRETS:
            assert not any(secret in text for text in texts), secret


def test_equal_input_gives_equal_files(tmp_path):
    har = Flow(**ORACLE).har(tmp_path / "a.har")
    first = _write(load(str(har)), tmp_path / "one")[1]
    second = _write(load(str(har)), tmp_path / "two")[1]
    for left, right in zip(first, second, strict=True):
        assert left.read_bytes() == right.read_bytes()


@pytest.mark.parametrize(
    "notes",
    [
        "state mismatch, we sent client_secret=Sup3rS3cretValue and got invalid state",
        "token: eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlc2lnbmF0dXJl",
        "-----BEGIN RSA PRIVATE KEY-----\nabc",
        "Authorization: Bearer abcdef0123456789abcdef",
    ],
)
def test_refuses_when_a_secret_would_get_out(notes, tmp_path):
    loaded = load(json.dumps({"error": "invalid_client", "error_description": notes, "token_request": "authorization_code, Basic"}))
    ticket = build(loaded)
    ticket.text += notes
    with pytest.raises(SecretInTicketError) as caught:
        write(ticket, loaded, loaded.report(), tmp_path / "out")
    assert "ticket.md" in str(caught.value)
    for value in ("Sup3rS3cretValue", "eyJhbGci", "abcdef0123456789abcdef"):
        assert value not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_refuses_a_secret_that_the_har_taught(tmp_path):
    loaded = load(str(Flow(**ORACLE).har(tmp_path / "a.har")))
    ticket = build(loaded)
    ticket.text += f"\nby the way {TOKEN}"
    with pytest.raises(SecretInTicketError) as caught:
        write(ticket, loaded, loaded.report(), tmp_path / "out")
    assert TOKEN not in str(caught.value)


def test_ticket_of_a_run_has_run_html_har_and_manifest(tmp_path):
    folder = _run_file(tmp_path, Flow(**ORACLE))
    ticket, paths = _write(load(str(folder)), tmp_path / "out", "one")
    assert ticket.vendor == "oracle-health"
    with zipfile.ZipFile(paths[1]) as archive:
        names = set(archive.namelist())
        assert {"ticket.md", "flow.har", "run.json", "index.html", "manifest.sha256", "diagnosis.json", "sequence.mmd"} <= names
        assert json.loads(archive.read("run.json"))["scenarios"][0]["id"] == "standalone-public/one"


BREACH = {
    "requirement": "SMART-2.2-app-launch-aud-b",
    "expected": "a refusal",
    "actual": "an access token was issued",
    "strength": "SHALL",
    "side": "authorization-server",
}


def test_ticket_of_a_probe_names_the_right_server_and_the_wrong_parameter(tmp_path):
    """A probe names another server on purpose; the steps have to lead to ours, and to the answer that should not have come."""
    folder = _run_file(tmp_path, Flow(base=ORACLE_BASE, auth=ORACLE_AUTH, aud="https://other.example/r4"))
    data = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    read = next(x for x in data["exchanges"] if x["endpoint"] == "fhir")
    assert read["status"] == 200
    data["scenarios"][0]["findings"] = [{**BREACH, "exchange": read["id"]}]
    (folder / "run.json").write_text(json.dumps(data), encoding="utf-8")
    text = build(load(str(folder)), "generic").text
    steps = text[text.index("## Steps to repeat") : text.index("## Requests")]
    assert f"FHIR base URL: `{ORACLE_BASE}`" in steps
    assert "aud `https://other.example/r4`" in steps
    assert f"FHIR request (`{read['id']}`)" in steps
    assert "Expected: a refusal. Actual: an access token was issued." in text
    assert "What we ask for: " in text


@pytest.mark.parametrize("outcome", ["passed", "not-applicable"])
def test_a_run_without_a_failure_gives_a_ticket_only_when_told_which(tmp_path, outcome):
    folder = _run_file(tmp_path, Flow(), outcome=outcome)
    with pytest.raises(UsageError, match="nothing failed in this run"):
        build(load(str(folder)))
    assert build(load(str(folder)), scenario="one").scenario.outcome == outcome


def test_a_run_that_never_began_says_why_there_is_no_ticket(tmp_path):
    folder = _run_file(tmp_path, Flow())
    data = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    data["scenarios"] = []
    data["header"]["preflight"] = [{"verdict": "unreachable", "problem": "no connection to ehr.example"}]
    (folder / "run.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(UsageError, match=r"no connection to ehr\.example"):
        build(load(str(folder)))


def test_unknown_scenario_lists_what_exists(tmp_path):
    folder = _run_file(tmp_path, Flow())
    with pytest.raises(LookupFailed, match="standalone-public/one"):
        build(load(str(folder)), scenario="two")


def test_attachments_cannot_leave_the_folder(tmp_path):
    (tmp_path / "secret.png").write_bytes(b"outside")
    folder = _run_file(
        tmp_path,
        Flow(),
        attachments=["../secret.png", "/etc/passwd", "attachments/../../secret.png", "attachments/ok.png", "attachments/a.txt"],
    )
    (folder / "attachments").mkdir()
    (folder / "attachments" / "ok.png").write_bytes(b"inside")
    (folder / "attachments" / "a.txt").write_bytes(b"text")
    _, paths = _write(load(str(folder)), tmp_path / "out", pictures=True)
    with zipfile.ZipFile(paths[1]) as archive:
        for name in archive.namelist():
            assert not name.startswith("/")
            assert ".." not in name
        shots = [n for n in archive.namelist() if n.startswith("screenshots/")]
        assert shots == ["screenshots/ok.png"]
        assert archive.read(shots[0]) == b"inside"


def test_pictures_go_along_only_when_they_are_asked_for_and_it_is_said(tmp_path, capsys):
    folder = _run_file(tmp_path, Flow(), attachments=["attachments/one.png", "attachments/two.jpg"])
    (folder / "attachments").mkdir()
    for name in ("one.png", "two.jpg"):
        (folder / "attachments" / name).write_bytes(f"picture {name}".encode())
    inside = {}
    for words in ((), ("--with-screenshots",)):
        assert main(["ticket", str(folder), "--out", str(tmp_path / "out"), *words]) == 0
        with zipfile.ZipFile(tmp_path / "out" / "ticket.zip") as archive:
            inside[words] = {name: archive.read(name) for name in archive.namelist()}
    without, with_them = inside.values()
    said = capsys.readouterr().out
    assert "2 screenshots left out; --with-screenshots puts them in" in said
    assert "2 screenshots inside" in said
    assert {"screenshots/one.png", "screenshots/two.jpg"} == set(with_them) - set(without)
    pictures = [base64.b64encode(f"picture {name}".encode()) for name in ("one.png", "two.jpg")]
    assert not any(picture in content or b"attachments/" in content for picture in pictures for content in without.values())
    assert b"attachments/one.png" in with_them["run.json"]


def test_names_are_made_safe():
    assert safe_name("../../etc/passwd") == "etc-passwd"
    assert safe_name("...") == "file"
    assert "/" not in safe_name("a/b\\c\x00d")


HOSTILE = "# head\n[click](javascript:alert(1)) <img src=x onerror=alert(1)> @everyone ``` | a | http://evil.example \x1b[31m"


def test_markdown_injection_is_harmless():
    shown = md.line(HOSTILE)
    assert "\n" not in shown
    assert "\x1b" not in shown
    assert "javascript:" not in shown
    assert "](" not in shown
    assert "@everyone" not in shown
    assert "http://" not in shown
    assert not re.search(r"(?<!\\)[<|`\[]", shown)
    fenced = md.code("a ``` b | c", table=True)
    assert fenced.startswith("````")
    assert "\\|" in fenced
    assert md.block("```\n# x").startswith("````")


def test_hostile_observation_stays_text(tmp_path):
    loaded = load(
        json.dumps(
            {
                "error": "invalid_scope",
                "error_description": "scope is not allowed " + HOSTILE,
                "requested_scopes": "openid",
                "vendor": HOSTILE,
                "redirect_uri": HOSTILE,
            }
        )
    )
    ticket, paths = _write(loaded, tmp_path / "out")
    body = re.sub(r"(`+).*?\1", "", ticket.text, flags=re.DOTALL)
    assert not re.search(r"(?<!\\)<(?!br>)", body)
    assert "](javascript" not in body
    assert "\x1b" not in paths[0].read_text("utf-8")


def test_command_writes_both_files(tmp_path, capsys):
    har = Flow(**ORACLE).har(tmp_path / "a.har")
    parser = argparse.ArgumentParser()
    ticket_cli.add_arguments(parser)
    assert ticket_cli.run(parser.parse_args([str(har), "--out", str(tmp_path / "out")])) == 0
    out = capsys.readouterr().out
    assert "ticket.md" in out
    assert "ticket.zip" in out
    assert (tmp_path / "out" / "ticket.zip").exists()


def test_declined_ticket_lists_what_is_missing(tmp_path):
    ticket, _ = _write(load('{"error": "invalid_grant", "vendor": "Cerner"}'), tmp_path / "out")
    assert "do not decide" in ticket.text
    assert "please fill in" in ticket.text


def test_cause_on_the_own_side_is_mended_first(tmp_path):
    ticket = build(load(json.dumps({"vendor": "Oracle Health", "requested_scopes": "launch patient/*.read", "granted_scopes": "launch"})))
    assert ticket.text.splitlines()[2].startswith("> **Mend this first.** The likely cause is on your own side, the app:")
    servers = build(load(json.dumps({"http_status": 503, "token_request": "authorization_code, Basic"})))
    assert "Mend this first" not in servers.text


def test_target_file_fault_gives_no_ticket_to_a_vendor(tmp_path):
    block = {"kind": "sign-in-refused", "cause": "the sign-in was refused: wrong"}
    folder = _run_file(tmp_path, Flow(**ORACLE), outcome="blocked", block=block)
    with pytest.raises(UsageError, match="target file has to be mended first"):
        build(load(str(folder)))
    with pytest.raises(UsageError, match="no cause that a vendor could act on"):
        ticket_cli.build_all(load(str(folder)))


def test_all_writes_a_ticket_for_each_cause(tmp_path, capsys):
    folder = _run_file(tmp_path, Flow())
    run = json.loads((folder / "run.json").read_text("utf-8"))
    first = run["scenarios"][0]
    asked = {"expected": "as the rule says", "exchange": first["exchanges"][-1]}
    run["scenarios"] = [
        {**first, "id": f"standalone-public/{name}", "findings": [{**asked, "requirement": requirement, "actual": name}]}
        for name, requirement in (("one", "SMART-2.2-app-launch-state-a"), ("two", "SMART-2.2-app-launch-pkce-a"))
    ]
    (folder / "run.json").write_text(json.dumps(run), encoding="utf-8")
    parser = argparse.ArgumentParser()
    ticket_cli.add_arguments(parser)
    assert ticket_cli.run(parser.parse_args([str(folder), "--all", "--out", str(tmp_path / "out")])) == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["01", "02"]
    assert (tmp_path / "out" / "02" / "ticket.md").is_file()
    capsys.readouterr()


@pytest.mark.parametrize(
    "text", ["redirect_uri is https-only (see RFC 6749)", "patient/*.read", "a + b", "state of 43 characters!", "{base}/x"]
)
def test_plain_forms_stay_as_they_are(text):
    assert md.line(text) == text


@pytest.mark.parametrize("text", ["_em_", "*em* and *more*", "[a](b)", "![a](b)", "~~gone~~", "<b>", "a | b"])
def test_forms_that_mean_something_are_escaped(text):
    assert md.line(text) != text


def test_a_sentence_keeps_its_code_and_nothing_else():
    assert md.sentence("a JSON object with `error`, and no `x | y`") == "a JSON object with `error`, and no `x | y`"
    assert md.sentence("`x` [here](http://e.example) `y`") == f"`x` {md.line('[here](http://e.example)')} `y`"
    for broken in (HOSTILE, "one ` alone", "empty `` pair", "` `"):
        assert md.sentence(broken) == md.line(broken)


def test_a_ticket_tells_no_error_of_another_answer(tmp_path):
    """A finding on the answer to a code is not explained by what a later request was answered with."""
    flow = Flow(refresh=(400, {"error": "invalid_scope"}))
    token = next(x.id for x in flow.record().exchanges if x.endpoint == "token")
    folder = _run_file(tmp_path, flow, findings=[{**BREACH, "exchange": token}])
    data = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    for exchange in data["exchanges"]:
        exchange["status"] = 400 if exchange["id"] == token else exchange["status"]
        exchange["response_body"] = "<h1>Wrong</h1>" if exchange["id"] == token else exchange["response_body"]
    (folder / "run.json").write_text(json.dumps(data), encoding="utf-8")
    ticket = build(load(str(folder)), "generic")
    assert "is answered 400." in ticket.text
    assert "invalid_scope" not in ticket.title + ticket.text.partition("## Steps to repeat")[0]
