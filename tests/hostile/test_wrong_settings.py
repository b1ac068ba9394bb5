"""Settings that do not fit the server: each a clear message with what to do, the right exit code, and no traceback."""

from __future__ import annotations

import contextlib
import io
import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from smartlaunch.cli import main
from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.server import RunningSandbox, serve
from smartlaunch.embedded_ehr.target_file import write_target
from tests.forking import Warm, in_forks


class Ran:
    """One run of the command line."""

    def __init__(self, warm: Warm, target: Path, folder: Path, *scenarios: str) -> None:
        words = ["run", f"--target={target}", "--no-allure", f"--out={folder}", *(f"--scenario={scenario}" for scenario in scenarios)]
        said = io.StringIO()
        with in_forks(warm), contextlib.chdir(folder.parent), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            self.code = main(words)
        self.said, self.folder = re.sub(r"\s+", " ", said.getvalue()), folder
        assert "Traceback" not in self.said

    @property
    def scenarios(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((self.folder / "run.json").read_text("utf-8"))["scenarios"]
        return found


@pytest.fixture(scope="module")
def ehr():
    with serve(SandboxOptions()) as running:
        yield running


def settings(running: RunningSandbox, folder: Path) -> Path:
    """The right target file, with short limits."""
    path = write_target(folder / "ehr.toml", running, name="ehr", wait_for_expiry_s=0)
    path.write_text(path.read_text("utf-8").replace("login_s = 30", "login_s = 15"), "utf-8")
    return path


def secret_of(target: Path, name: str) -> Path:
    """The file of one secret."""
    return target.parent / f"{target.stem}.secrets" / name


def test_a_wrong_password_blocks_with_what_the_login_page_said(ehr, warm, tmp_path):
    target = settings(ehr, tmp_path)
    for path in secret_of(target, "x").parent.glob("*.password"):
        path.write_text("wrong-canary-password", "utf-8")
    ran = Ran(warm, target, tmp_path / "run", "standalone-public/aud-right")
    assert ran.code == 3
    (scenario,) = ran.scenarios
    assert scenario["outcome"] == "blocked"
    assert "password" in scenario["reason"].lower()
    assert "canary" not in ran.said + (tmp_path / "run" / "run.json").read_text("utf-8")


def test_a_wrong_client_secret_blocks_and_is_named_as_the_cause(ehr, warm, tmp_path):
    target = settings(ehr, tmp_path)
    secret_of(target, "confidential-symmetric-primary.secret").write_text("wrong-canary-secret", "utf-8")
    ran = Ran(warm, target, tmp_path / "run", "standalone-confidential-symmetric/access-token-lifetime")
    assert ran.code == 3
    (scenario,) = ran.scenarios
    assert scenario["outcome"] == "blocked"
    assert "invalid_client" in scenario["reason"]
    assert "secret" in ran.said
    assert "canary" not in ran.said + (tmp_path / "run" / "run.json").read_text("utf-8")


def test_a_missing_environment_variable_is_named_before_anything_is_sent(ehr, warm, tmp_path):
    target = settings(ehr, tmp_path)
    text = re.sub(r"(?m)^password = .*$", 'password = { env = "NO_SUCH_PASSWORD" }', target.read_text("utf-8"), count=1)
    target.write_text(text, "utf-8")
    ran = Ran(warm, target, tmp_path / "run", "standalone-public/aud-right")
    assert ran.code == 2
    assert "NO_SUCH_PASSWORD" in ran.said
    assert not (tmp_path / "run" / "exchanges.jsonl").exists() or not (tmp_path / "run" / "exchanges.jsonl").read_text()


def test_an_unknown_client_is_one_verdict_with_what_to_compare(ehr, warm, tmp_path):
    target = settings(ehr, tmp_path)
    target.write_text(target.read_text("utf-8").replace('client_id = "public-primary"', 'client_id = "public-primarx"'), "utf-8")
    ran = Ran(warm, target, tmp_path / "run", "standalone-public/aud-right")
    assert ran.code == 2
    assert "public-primarx" in ran.said
    assert "registration" in ran.said


def test_a_closed_port_is_unreachable(ehr, warm, tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        target = settings(ehr, tmp_path)
        target.write_text(target.read_text("utf-8").replace(ehr.fhir_base_url, f"http://127.0.0.1:{unused.getsockname()[1]}/fhir"), "utf-8")
        ran = Ran(warm, target, tmp_path / "run", "standalone-public/aud-right")
    assert ran.code == 3
    assert "try:" in ran.said


def test_an_untrusted_certificate_is_judged_and_blocks_the_rest_and_a_ca_file_mends_it(warm, tmp_path):
    with serve(SandboxOptions(tls=True)) as running:
        target = settings(running, tmp_path)
        trusting = target.read_text("utf-8")
        target.write_text(re.sub(r"(?m)^ca_file = .*\n", "", trusting), "utf-8")
        judged = "standalone-public/tls-certificate-of-the-fhir-server"
        ran = Ran(warm, target, tmp_path / "untrusted", "standalone-public/aud-right", judged)
        assert ran.code == 1
        outcomes = {scenario["id"].partition("/")[2]: scenario["outcome"] for scenario in ran.scenarios}
        assert outcomes == {"aud-right": "blocked", "tls-certificate-of-the-fhir-server": "failed"}
        assert {s["blocked_by"] for s in ran.scenarios if s["outcome"] == "blocked"} == {judged}
        assert "not trusted" in ran.said
        assert "ca_file" in ran.said
        assert "\nca_file = " in trusting
        target.write_text(trusting, "utf-8")
        ran = Ran(warm, target, tmp_path / "trusted", "standalone-public/aud-right")
        assert ran.code == 0, ran.said[-2000:]
