"""Five minutes as a new user spends them: nothing but a client id and a login, no target file; and what goes wrong is told before the run.

The times are in docs/five-minutes.md. A machine that is busy with other things takes longer; the bound here only says that no step hangs.
"""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import pytest

from smartlaunch.embedded_ehr.options import SandboxOptions
from tests.onboarding.conftest import behind, known_of

BOUND_S = 300


class Front:
    """The embedded EHR with its sign-in page as somebody else has changed it."""

    def __init__(self, app):
        self.app, self.how = app, ""

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or not self.how or not re.search(r"/(login|authorize)$", scope["path"]) or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        if self.how == "slow":
            await asyncio.sleep(30)
        page = {
            "slow": "late",
            "popup": "<title>Sign in</title><h1>Pop-up blocked</h1><p>Please allow pop-ups for this site, then try again.</p>"
            "<script>document.addEventListener('x', () => window.open('/login'))</script>",
        }[self.how].encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": page})


@pytest.fixture(scope="module")
def fronted():
    with behind(Front) as both:
        yield both


def begin(cli, known, monkeypatch, *more, password=None):
    monkeypatch.setenv("MY_PASSWORD", password or known.password)
    return cli(
        "init", known.base, "--out", "mine.toml", "--launch", "standalone", "--client-id", known.client_id, "--redirect-uri", known.redirect_uri,
        "--username", known.username, "--password-env", "MY_PASSWORD", "--patient", known.patient, *(more or ("--auth", "none")),
    )  # fmt: skip


def test_from_nothing_to_a_judged_server(cli, known, monkeypatch):
    began = time.monotonic()
    said = begin(cli, known, monkeypatch)
    ready = time.monotonic() - began
    assert said.code == 0, said.all
    assert "ready: smartlaunch run --target mine.toml" in said.out
    run = cli("run", "--target", "mine.toml", "--quick", "--no-allure", "--out", "run")
    whole = time.monotonic() - began
    assert run.code == 0, run.all
    print(f"ready after {ready:.1f} s")
    print(f"whole after {whole:.1f} s")
    assert whole < BOUND_S


def first_mend(said):
    return next(line for line in said.out.splitlines() if line.startswith(("mend:", "unreachable:")))


def test_a_wrong_secret_is_told_before_the_run(cli, ehr, monkeypatch):
    known = known_of(ehr, "confidential-symmetric")
    monkeypatch.setenv("MY_SECRET", "not-the-secret")
    said = begin(cli, known, monkeypatch, "--auth", "secret", "--secret-env", "MY_SECRET")
    assert said.code == 2
    assert first_mend(said).startswith("mend: client app: client id and secret are refused")


def test_a_wrong_patient_is_told_before_the_run(cli, known, monkeypatch):
    known.patient = "no-such-patient"
    said = begin(cli, known, monkeypatch)
    assert said.code == 2
    assert "patient" in first_mend(said)


def test_a_wrong_redirect_uri_is_told_before_the_run(cli, known, monkeypatch):
    known.redirect_uri = "https://app.example/elsewhere"
    said = begin(cli, known, monkeypatch)
    assert said.code == 2
    assert "redirect_uri = 'https://app.example/elsewhere'" in first_mend(said)


def test_a_wrong_password_is_told_before_the_run(cli, known, monkeypatch):
    said = begin(cli, known, monkeypatch, password="wrong")
    assert said.code == 2
    assert "the sign-in was refused" in first_mend(said)


def test_scopes_of_the_other_version_are_told_before_the_run(cli, known, monkeypatch):
    from smartlaunch.embedded_ehr.server import serve

    with serve(SandboxOptions(variants=("is_of_edition_1_0",))) as running:
        said = begin(cli, known_of(running), monkeypatch, "--auth", "none", "--scopes", "openid launch/patient patient/Patient.rs")
    assert said.code == 2
    assert "scopes of version 2 are asked for, and the server speaks version 1" in first_mend(said)
    assert "write patient/Patient.read" in said.out


@pytest.mark.parametrize(("how", "says"), [("popup", "Please allow pop-ups for this site"), ("slow", "did not answer within")])
def test_a_page_that_does_not_come_or_wants_a_popup_is_told_before_the_run(cli, fronted, monkeypatch, how, says):
    running, front = fronted
    known = known_of(running)
    assert begin(cli, known, monkeypatch, "--auth", "none", "--no-doctor").code == 0
    text = Path("mine.toml").read_text("utf-8")
    Path("mine.toml").write_text(text.replace("[limits]\n", "[limits]\nrequest_s = 2\nlogin_s = 8\n"), "utf-8")
    front.how = how
    try:
        said = cli("doctor", "--target", "mine.toml")
    finally:
        front.how = ""
    assert said.code in (2, 3), said.out
    assert says in said.out


def test_a_page_that_changed_is_told_with_the_step_that_no_longer_fits(cli, known, monkeypatch):
    assert begin(cli, known, monkeypatch, "--auth", "none", "--no-doctor").code == 0
    with Path("mine.toml").open("a", encoding="utf-8") as file:
        file.write(
            '\n[[login.steps]]\npage = { title_contains = "Sign in" }\nfill = { selector = "#user-of-old", role = "user" }\nclick = "#go-of-old"\n'
        )
    text = Path("mine.toml").read_text("utf-8")
    Path("mine.toml").write_text(text.replace("[limits]\n", "[limits]\nrequest_s = 4\nlogin_s = 20\n"), "utf-8")
    said = cli("doctor", "--target", "mine.toml")
    assert said.code == 2
    assert "step 1 of [login.steps] cannot fill '#user-of-old'" in first_mend(said)
