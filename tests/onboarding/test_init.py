"""``smartlaunch init``: by flags and at a terminal, and what it says to what is no FHIR server."""

import json
import re
import socket
import stat
import threading
import tomllib
from pathlib import Path

import pytest

from smartlaunch.cli import init, parser_for
from smartlaunch.onboarding.discovering import Server, base_of
from smartlaunch.onboarding.keypair import make_jwks
from smartlaunch.onboarding.proposal import Answers, offered_auth, offered_launches, scopes_for, version_of
from smartlaunch.onboarding.sandbox import sandboxes
from smartlaunch.onboarding.sheet import sheet
from smartlaunch.onboarding.writing import target_text
from smartlaunch.target import load_target, parse_target


@pytest.fixture
def answering():
    """A server that answers every request with the same bytes."""
    servers = []

    def serve(head: str, body: str) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        servers.append(listener)
        reply = f"HTTP/1.1 {head}\r\nContent-Length: {len(body.encode())}\r\nConnection: close\r\n\r\n{body}".encode()

        def loop():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(reply)

        threading.Thread(target=loop, daemon=True).start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    yield serve
    for listener in servers:
        listener.close()


def test_flags_alone_give_a_file_that_is_ready(cli, known, monkeypatch, tmp_path):
    monkeypatch.setenv("MY_PASSWORD", known.password)
    said = cli(
        "init", known.base, "--name", "mine", "--launch", "standalone", "--auth", "none", "--client-id", known.client_id,
        "--redirect-uri", known.redirect_uri, "--username", known.username, "--password-env", "MY_PASSWORD", "--patient", known.patient,
    )  # fmt: skip
    assert said.code == 0, said.all
    target = load_target("targets/mine.toml")
    client = target.clients["app"]
    assert (client.role, client.client_id, client.redirect_uri, client.launches) == (
        "public",
        known.client_id,
        known.redirect_uri,
        ("standalone",),
    )
    assert "patient/Observation.rs" in client.scopes
    assert target.first_user.password.reveal() == known.password
    assert target.patients.default == known.patient
    assert known.redirect_uri in said.out
    assert "ready" in said.out
    assert known.password not in (tmp_path / "targets/mine.toml").read_text()
    assert "\n# rate = 5" in (tmp_path / "targets/mine.toml").read_text(), "nobody's guest on loopback"


def test_a_key_pair_is_made_and_only_its_owner_reads_it(cli, known, tmp_path):
    said = cli("init", known.base, "--out", "mine.toml", "--auth", "key", "--launch", "both", "--redirect-uri", known.redirect_uri)
    assert said.code == 0, said.all
    private, public = tmp_path / "mine.secrets/private.jwks.json", tmp_path / "mine.jwks.json"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE(private.parent.stat().st_mode) == 0o700
    keys = json.loads(public.read_text())["keys"]
    assert {key["alg"] for key in keys} == {"ES384", "RS384"}
    assert not {"d", "p", "q", "dp", "dq", "qi"} & {name for key in keys for name in key}
    target = load_target(
        "mine.toml", env={"MINE_CLIENT_ID": "x", **dict.fromkeys(re.findall(r'env = "(\w+)"', (tmp_path / "mine.toml").read_text()), "x")}
    )
    assert [key["kid"] for key in target.clients["app"].private_keys()] == [key["kid"] for key in keys]
    assert target.clients["app"].launches == ("standalone", "ehr")
    assert "next: register the app, set" in said.out
    assert "mine.jwks.json" in said.out


def test_nothing_that_is_there_is_overwritten(cli, known, tmp_path):
    (tmp_path / "mine.toml").write_text("mine")
    said = cli("init", known.base, "--out", "mine.toml", "--auth", "key")
    assert said.code == 2
    assert "is there already and is left alone" in said.err
    assert (tmp_path / "mine.toml").read_text() == "mine"
    (tmp_path / "other.secrets").mkdir()
    (tmp_path / "other.secrets/private.jwks.json").write_text("kept")
    said = cli("init", known.base, "--out", "other.toml", "--auth", "key")
    assert said.code == 2
    assert (tmp_path / "other.secrets/private.jwks.json").read_text() == "kept"
    assert not (tmp_path / "other.toml").exists()


def test_an_address_of_a_document_counts_as_its_base(cli, known):
    said = cli("init", f"{known.base}/.well-known/smart-configuration", "--out", "mine.toml")
    assert said.code == 0, said.all
    assert f"found:     {known.base}\n" in said.out


def test_a_server_that_is_out_of_reach_is_said_so(cli):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    said = cli("init", f"http://127.0.0.1:{port}/fhir")
    assert said.code == 3
    assert "no connection" in said.err


@pytest.mark.parametrize(
    ("head", "body", "says"),
    [
        (
            "200 OK\r\nContent-Type: text/html",
            "<html><title>Welcome to our portal</title>",
            'a web page titled "Welcome to our portal" comes',
        ),
        (
            "404 Not Found\r\nContent-Type: text/plain",
            "nothing",
            "neither /.well-known/smart-configuration (status 404) nor /metadata (status 404)",
        ),
        ("200 OK\r\nContent-Type: application/json", "[1]", "is there and holds no JSON object"),
        ("500 Oops\r\nContent-Type: text/plain", "", "(status 500)"),
    ],
)
def test_what_is_no_fhir_server_is_told_by_what_it_says(cli, answering, tmp_path, head, body, says):
    said = cli("init", f"http://{answering(head, body)}/fhir")
    assert said.code == 2
    assert says in said.err
    assert list(tmp_path.iterdir()) == []


def test_https_on_a_port_of_plain_http_is_said_so(cli, answering):
    said = cli("init", f"https://{answering('200 OK', '')}/fhir")
    assert said.code == 2
    assert "https on a port that speaks plain http" in said.err


def test_a_fhir_server_without_a_smart_configuration_gets_a_file_and_a_note(cli, answering):
    where = answering("200 OK\r\nContent-Type: application/fhir+json", '{"resourceType": "CapabilityStatement"}')
    # the same body comes for the SMART configuration, so discovery takes it for one without endpoints
    said = cli("init", f"http://{where}/fhir", "--out", "mine.toml")
    assert said.code == 0
    assert "no app can launch" in said.out


def test_without_a_terminal_a_server_has_to_be_named(cli):
    said = cli("init")
    assert said.code == 2
    assert "no server is named" in said.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nobody's ehr"], "no vendor named"),
        (["keycloak"], "every user of Keycloak with a FHIR server has a FHIR base of their own"),
        (["--auth", "magic", "x"], "invalid choice"),
        (["http://127.0.0.1:1/fhir", "--ca-file", "none.pem"], "no such file"),
    ],
)
def test_wrong_words_are_told(cli, words, says):
    said = cli("init", *words)
    assert said.code == 2
    assert says in said.err


def test_a_redirect_uri_that_is_none_is_refused(cli, known):
    said = cli("init", known.base, "--redirect-uri", "app.example/redirect#x")
    assert said.code == 2
    assert "--redirect-uri" in said.err


def test_questions_at_a_terminal_end_in_doctor(known, terminal, tmp_path):
    person = terminal("init")
    person.answer("A vendor's name, or the FHIR base URL:", "http://127.0.0.1:1/fhir")  # nobody is there: asked again
    assert "no connection" in person.answer("A vendor's name, or the FHIR base URL:", known.base)
    shown = person.answer("  which [standalone]:", "by post")
    assert "the EHR opens it" in shown
    person.answer("  which [standalone]:", "standalone")
    person.answer("  which [none]:", "none")
    person.answer("The client id", known.client_id)
    person.answer("Its redirect URI", "nonsense")
    person.answer("Its redirect URI", known.redirect_uri)
    person.answer("Who signs in", known.username)
    person.answer("The id of a patient", known.patient)
    person.answer("A patient or a clinician", "patient")
    person.answer("The password", known.password)
    code, rest = person.end()
    assert code == 0, rest
    assert "written: targets/" in rest
    assert "ready" in rest
    assert known.password not in rest
    (path,) = (tmp_path / "targets").glob("*.toml")
    secret = path.parent / f"{path.stem}.secrets/user.password"
    assert secret.read_text() == known.password
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert load_target(str(path)).first_user.password.reveal() == known.password


def server(**document):
    return Server("https://ehr.example/fhir", document)


def test_what_is_proposed_follows_from_what_is_advertised():
    old = server(capabilities=["launch-ehr", "client-public", "permission-v1"], scopes_supported=["openid", "launch", "patient/*.read"])
    assert offered_launches(old) == ["ehr"]
    assert offered_auth(old) == ["none"]
    assert version_of(old) == 1
    assert scopes_for(old, Answers("x", launch="ehr"))[:3] == ("openid", "launch", "patient/Patient.read")
    few = server(
        capabilities=["launch-standalone", "context-standalone-patient", "permission-v2"],
        scopes_supported=["launch/patient", "patient/Patient.rs"],
    )
    assert scopes_for(few, Answers("x")) == ("launch/patient", "patient/Patient.rs")
    methods = server(token_endpoint_auth_methods_supported=["private_key_jwt"])
    assert offered_auth(methods) == ["key"]
    assert offered_launches(server()) == ["standalone", "ehr", "both"]
    assert scopes_for(methods, Answers("x", auth="backend")) == ("system/Patient.rs", "system/Observation.rs")
    clinician = server(capabilities=["launch-standalone", "permission-user", "permission-v2"])
    assert "user/Patient.rs" in scopes_for(clinician, Answers("x", persona="clinician"))
    assert Server("x", oauth_uris={"token": "y"}).edition == "1.0"


@pytest.mark.parametrize("auth", ["none", "secret", "key", "backend"])
@pytest.mark.parametrize("launch", ["standalone", "ehr", "both"])
def test_every_file_that_can_be_written_is_read(auth, launch):
    found = server(capabilities=["permission-v2"])
    answers = Answers(
        found.base, name='A "quoted" \\ näme', launch=launch, auth=auth, client_id="id", redirect_uri="org.example:/r", username="ü", persona="the role",
        launch_uri="https://app.example/l" if launch != "standalone" else "", patient="p1", secret=("env", "S"), password=("env", "P"), key="k.json",
    )  # fmt: skip
    target = parse_target(target_text(answers, scopes_for(found, answers), found, None))
    assert target.name == answers.name
    assert target.first_user.username == "ü"
    lines = "\n".join(sheet(answers, ("openid", "launch/patient"), sandboxes()["epic"], public_key="k"))
    assert ("Redirect URI        org.example:/r" in lines) == (auth != "backend")
    assert "(unverified)" in lines


def test_a_base_is_taken_out_of_what_was_pasted():
    assert base_of(" https://x/fhir/ ") == base_of("https://x/fhir/metadata") == "https://x/fhir"


def test_private_and_public_keys_belong_together():
    import jwt

    private, public = make_jwks()
    for one, other in zip(private["keys"], public["keys"], strict=True):
        token = jwt.encode({"a": 1}, jwt.PyJWK(one), algorithm=one["alg"])
        assert jwt.decode(token, jwt.PyJWK(other), algorithms=[one["alg"]]) == {"a": 1}


@pytest.mark.parametrize(("flags", "written"), [([], None), (["--intrusive"], True), (["--no-intrusive"], False)])
def test_whether_a_server_may_be_sent_what_a_right_app_never_sends_is_written(cli, known, flags, written):
    """On another machine's server it is asked for, and without an answer the file says no."""
    said = cli("init", known.base, "--out", "mine.toml", "--client-id", "x", "--no-doctor", *flags)
    assert said.code == 0, said.all
    document = tomllib.loads(Path("mine.toml").read_text("utf-8"))
    assert document.get("probes", {}).get("intrusive") == written


def test_leave_for_another_machines_server_is_written_in_any_case():
    parser, _, _ = parser_for("init")
    found = init.Found(Server("https://ehr.example/fhir"), None)
    for flags, allowed in (([], False), (["--intrusive"], True)):
        answers = init.answers_of(parser.parse_args(["init", "https://ehr.example/fhir", *flags]), found, asking=False)
        assert answers.intrusive is allowed
        assert f"intrusive = {str(allowed).lower()}" in target_text(answers, ["openid"], found.server, None)
