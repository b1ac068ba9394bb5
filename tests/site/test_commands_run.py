"""Every command that the documents show is run as it is printed: only its target and its files are put in, and a whole run is cut to a scenario.

What is not run stands in `NOT_RUN`, with the reason; what is only named in a sentence, without its arguments, is asked for its help.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import shlex
import shutil
from pathlib import Path

import pytest

from smartlaunch.cli import main, parser_for
from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.server import serve
from smartlaunch.embedded_ehr.target_file import write_target
from smartlaunch.records import files
from tests.site.test_site import documented

NOT_RUN = {
    "init": "it asks at a terminal; tests/onboarding/test_init.py answers there",
    "setup": "it may get a browser; CI begins with it",
    "open": "it opens the browser of a person",
    "login record": "a person logs in; tests/onboarding/test_login.py plays one",
    "sandbox": "it serves until it is ended; tests/embedded_ehr/test_sandbox_process.py starts and ends it",
    "nightly sandboxes.txt --scheduler": "it wants a Dask scheduler; tests/nights/test_distributed.py has one",
}
"""The beginnings of commands, and why they are not run here."""
ONE = "standalone-public/token-response-no-store"
FILES = {
    "answer.txt": "HTTP/1.1 400 Bad Request\nContent-Type: application/json\n\n" + '{"error":"invalid_grant"}',
    "answer.json": '{"error":"invalid_scope","error_description":"unknown scope"}',
    "call.txt": "curl -X POST https://as.example/token -d grant_type=authorization_code -d code=abc\n" + '{"error":"invalid_client"}',
    "page.html": "<html><title>Error</title><body>The redirect URI included is not valid.</body></html>",
    "document.json": '{"authorization_endpoint":"https://as.example/authorize","capabilities":[]}',
    "post.txt": "The launch works, but the token lacks scopes: granted openid, asked openid patient/Observation.rs, and the read is a 403.",
}
RECIPE = """
[[login.steps]]
page = { has = "#password" }
fill = [{ selector = "#username", role = "user" }, { selector = "#password", role = "password" }]
click = "button[type='submit']"
"""
OWN = """
Feature: Our own

  @req:SMART-2.2-app-launch-state-a
  Rule: The authorization response carries the state

    @id:our-own-state
    Scenario: The state comes back
      When the app asks for authorization
      Then the browser brings an authorization code to the app
"""
VALUES = {
    "ID": "SMART-2.2-app-launch-state-a",
    "<id>": "SMART-2.2-app-launch-state-a",
    "https://...": "https://app.example/cb?error=access_denied&state=x",
    "?error=...": "?error=invalid_scope&error_description=unknown",
    "eyJ...": "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2FzLmV4YW1wbGUiLCJleHAiOjF9.c2ln",
    "saved-from-browser.har": "launch.har",
    "my.har": "launch.har",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder in which the documents' commands find what they name: a served EHR with one mistake, target files, a run, recordings."""
    folder = tmp_path_factory.mktemp("world")
    before, settings = Path.cwd(), dict(os.environ)
    os.environ.update(SMARTLAUNCH_ALLURE="off", SMARTLAUNCH_EMBEDDED="thread")
    os.chdir(folder)
    try:
        with serve(SandboxOptions(defects=("omits_cache_control_at_token_endpoint",))) as ehr:
            for name in ("our-sandbox", "ours", "ehr", "targets/ours", "targets/T"):
                Path(name).parent.mkdir(exist_ok=True)
                write_target(folder / f"{name}.toml", ehr)
            for name, text in FILES.items():
                Path(name).write_text(text)
            Path("sandboxes.txt").write_text("targets/ours.toml\n")
            Path("own").mkdir()
            Path("own/own.feature").write_text(OWN)
            Path("ours-login.toml").write_text(RECIPE)
            Path("endpoints.json").write_text(
                json.dumps({"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Endpoint", "address": ehr.fhir_base_url}}]})
            )
            assert main(["run", "--target", "our-sandbox.toml", "--scenario", ONE, "--no-allure"]) == 1, "the mistake is found"
            made = next(Path(files.REPORTS).glob("*/run.json")).parent
            for name in ("RUN", "A", "B", "part-1", "part-2"):
                shutil.copytree(made, name)
            Path("launch.har").write_bytes(gzip.decompress((made / files.HAR_FILE).read_bytes()))
            yield ehr
    finally:
        os.chdir(before)
        os.environ.clear()
        os.environ.update(settings)


def reason(words):
    return next((why for start, why in NOT_RUN.items() if " ".join(words).startswith(start)), "")


def reduced(words, ehr):
    """The words as they are run: values in the place of names that stand for some, a whole run cut to what costs little."""
    state = ehr.sandbox.state
    client = next(c for c in state.clients.values() if c.role == "public" and c.use == "primary")
    user = next(u for u in state.users.values() if u.persona == "patient" and u.patients)
    os.environ["SMARTLAUNCH_PASSWORD"] = user.password
    known = {**VALUES, "URL": ehr.fhir_base_url, "URI": client.redirect_uris[0], "USER": user.username, "DIR": "own", "FILE": "state.json"}
    name = words[0]
    put = [known.get(word, word) for word in words]
    if name == "try":
        put[put.index("--client-id") + 1] = client.client_id
    if "NAME" in put:
        put[put.index("NAME")] = "asks_before_signing_out" if name == "run" else "omits_state"
    if name == "run" and "--list" not in put:
        put.append("--list")
    if name == "nightly":
        put = (
            ["nightly", "sandboxes.txt", "--scenario", ONE, "--no-allure", "--retries", "0"]
            if put[1:] == ["sandboxes.txt"]
            else [*put, "--help"]
        )
    if name == "ticket" and "latest" in put:
        put[put.index("latest")] = "RUN"  # a try or a night of another test may be the latest, and nothing failed in it
    if name in ("report", "merge"):
        put.append("--no-allure")
    return put


def needs_more(words):
    """Whether a command is only named: its parser wants arguments that are not there, or it would do nothing without."""
    try:
        parser_for(words[0])[0].parse_args(words)
    except SystemExit:
        return True
    return words in (["try"], ["doctor"], ["diagnose"], ["ticket"], ["login", "try"])


@pytest.mark.parametrize("text", [text for text in documented() if not reason(shlex.split(text, comments=True)[1:])])
def test_a_command_of_the_documents_runs(text, world, capsys, monkeypatch):
    words = shlex.split(text, comments=True)[1:]
    monkeypatch.setattr("sys.stdin", io.StringIO('{"error":"invalid_grant"}'))
    put = [words[0], "--help"] if needs_more(words) else reduced(words, world)
    code = main(put)
    said = capsys.readouterr()
    assert code in (0, 1), f"{documented()[text]}: {' '.join(put)} ended with {code}\n{said.out[-800:]}{said.err[-800:]}"
    assert said.out.strip(), put


def test_what_is_not_run_is_in_the_documents_and_there_are_few_of_it():
    shown = [" ".join(shlex.split(text, comments=True)[1:]) for text in documented()]
    for start in NOT_RUN:
        assert any(command.startswith(start) for command in shown), start
    assert len([command for command in shown if reason(command.split())]) < 15
