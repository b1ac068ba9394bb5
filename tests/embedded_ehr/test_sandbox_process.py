"""The embedded EHR as a process, and the target file it writes."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from smartlaunch.embedded_ehr.__main__ import describe, main
from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.server import serve
from smartlaunch.embedded_ehr.target_file import write_target
from smartlaunch.target import load_target

ROOT = Path(__file__).parents[2]


def test_child_says_when_it_is_ready_and_ends_with_its_parents_pipe(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "smartlaunch.embedded_ehr",
        "--die-with-parent",
        "--ready-stdout",
        "--write-target",
        str(tmp_path / "t.toml"),
    ]
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdin is not None
        ready = json.loads(child.stdout.readline())
        found = httpx.get(ready["fhir_base_url"] + "/.well-known/smart-configuration", timeout=5).json()
        assert found["token_endpoint"].startswith(ready["base_url"])
        assert load_target(str(tmp_path / "t.toml")).fhir_base_url == ready["fhir_base_url"]
        child.stdin.close()
        assert child.wait(5) == 0
    finally:
        child.kill()
        child.wait(5)
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()


def test_a_port_that_is_taken_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with serve() as running:
        port = running.base_url.rsplit(":", 1)[1]
        assert main(["--port", port]) == 2
    said = capsys.readouterr().err
    assert f"port {port} is taken" in said
    assert "try: another --port" in said


def test_server_in_a_thread_is_ready_within_a_second() -> None:
    begun = time.monotonic()
    with serve() as running:
        assert httpx.get(running.base_url + "/", timeout=5).status_code == 200
        assert time.monotonic() - begun < 1
    with pytest.raises(httpx.ConnectError):
        httpx.get(running.base_url + "/", timeout=5)


def test_target_file_has_every_secret_aside_and_private(tmp_path: Path) -> None:
    with serve(SandboxOptions(passwords={"lena.hart": "pass word"})) as running:
        path = write_target(tmp_path / "deep" / "embedded.toml", running)
        text, state = path.read_text(), running.sandbox.state
        secrets = [user.password for user in state.users.values()] + [client.secret for client in state.clients.values() if client.secret]
        assert not [value for value in secrets if value in text]
        for file in (path.parent / "embedded.secrets").iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        target = load_target(str(path))
        assert target.fhir_base_url == running.fhir_base_url
        assert {(client.role, client.use) for client in target.clients.values()} == {(c.role, c.use) for c in state.clients.values()}
        assert target.user("lena-hart").password.reveal() == "pass word"
        assert target.find_user(patients=False).username == "grace.lindqvist"
        for client in target.clients.values():
            registered = state.clients[client.client_id]
            if registered.secret:
                assert client.client_secret.reveal() == registered.secret
            if registered.private_jwks:
                assert client.private_keys() == registered.private_jwks["keys"]
        assert target.missing_secrets() == []
        write_target(path, running)


def test_people_are_told_what_they_need_and_no_tokens() -> None:
    with serve(SandboxOptions(defects=("omits_state",))) as running:
        text = describe(running)
        assert running.fhir_base_url in text
        assert running.sandbox.state.users["lena.hart"].password in text
        assert "omits_state" in text
        assert all(client.secret not in text for client in running.sandbox.state.clients.values() if client.secret)


def test_unknown_defect_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--defect", "omits_everything"]) == 2
    assert "no defect is named 'omits_everything'" in capsys.readouterr().err


def test_clients_can_be_added_and_unknown_fields_are_refused() -> None:
    extra = {"client_id": "mine", "name": "Mine", "role": "public", "redirect_uris": ["https://mine.example/cb"]}
    with serve(SandboxOptions(extra_clients=(extra,))) as running:
        assert running.sandbox.state.clients["mine"].redirect_uris == ("https://mine.example/cb",)
    with pytest.raises(ValueError, match="no field colour"), serve(SandboxOptions(extra_clients=(extra | {"colour": "red"},))):
        pass
