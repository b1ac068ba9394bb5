"""``smartlaunch login``: a person is watched once, and what was written down replays; a kept session signs a run in."""

import argparse
import json
from pathlib import Path

import pytest

from smartlaunch.cli import login
from smartlaunch.embedded_ehr.target_file import write_target
from smartlaunch.plugin.options import Options
from smartlaunch.plugin.session import RunSession
from tests.onboarding.conftest import known_of


@pytest.fixture
def target(ehr, tmp_path, cli):
    write_target(tmp_path / "t.toml", ehr)
    return "t.toml"


def test_a_replay_tells_what_was_done_with_a_picture_of_each_page(cli, target, ehr):
    said = cli("login", "try", "--target", target, "--storage-state", "state.json")
    assert said.code == 0, said.all
    assert "logged in: a code came back to the app" in said.out
    assert "done:     filled user name and password" in said.out
    assert len(list(Path("reports/login").glob("*/*.jpg"))) >= 2
    assert Path("state.json").stat().st_mode & 0o777 == 0o600
    assert known_of(ehr).password not in said.all
    run = cli(
        "run",
        "--target",
        target,
        "--storage-state",
        "state.json",
        "--scenario",
        "standalone-public/authorization-code-issued",
        "--no-allure",
        "--out",
        "run",
    )
    assert run.code == 0, run.all
    exchanges = json.loads(Path("run/run.json").read_text())["exchanges"]
    assert not [x for x in exchanges if x["method"] == "POST" and "login" in x["url"]], "the kept session was signed in already"


def test_a_person_who_is_watched_leaves_steps_that_replay(cli, target, ehr, tmp_path, capsys):
    """A script plays the person, on the pages of the embedded EHR."""
    session = RunSession(Options(target=target), tmp_path / "watched")
    known = session.target.first_user
    done = set()

    def act(page):
        browser = session.engine.browser.session("watched").page()
        if page.document in done:
            return False
        done.add(page.document)
        session.engine.browser.beat(60)  # a person's hands are no page that hangs
        if browser.locator("input[type=password]").count():
            browser.locator("input:not([type=hidden])").first.fill(known.username)
            browser.fill("input[type=password]", known.password.reveal())
            browser.locator("button[type=submit], button").first.click(no_wait_after=True)
        elif page.title == "Choose a patient":
            browser.click(f"button[value='{session.target.patients.default}']", no_wait_after=True)
        else:
            browser.locator("button[type=submit]").first.click(no_wait_after=True)
        return False

    args = argparse.Namespace(what="record", target=target, client=None, out="steps.toml")
    try:
        code = login.record(args, session, act)
    finally:
        session.close()
    assert code == 0, capsys.readouterr().out
    text = Path("steps.toml").read_text()
    assert known.password.reveal() not in text
    assert known.username not in text
    assert "{patient}" in text or session.target.patients.default not in text
    Path(target).write_text(Path(target).read_text() + '\n[login]\nrecipe = "steps"\n\n' + text)
    said = cli("login", "try", "--target", target)
    assert said.code == 0, f"{text}\n{said.all}"
    assert "done:     step 1 of the target file" in said.out


def test_a_login_that_gets_stuck_is_told_with_a_step_to_paste(cli, target):
    Path(target).write_text(
        Path(target).read_text() + '\n[login]\nrecipe = "steps"\n[[login.steps]]\npage = { has = "#nowhere" }\nclick = "#nowhere"\n'
    )
    said = cli("login", "try", "--target", target)
    assert said.code == 3
    assert "[[login.steps]]" in said.out
    assert 'role = "password"' in said.out


def test_wrong_words_are_told(cli, target, tmp_path):
    assert "invalid choice" in cli("login", "again").err or cli("login", "again").code == 2
    assert "no client named 'nobody'" in cli("login", "try", "--target", target, "--client", "nobody").err
    said = cli("run", "--target", target, "--storage-state", "none.json")
    assert said.code == 2
    assert "no such file" in said.err
    Path("there.toml").write_text("kept")
    assert "is left alone" in cli("login", "record", "--target", target, "--out", "there.toml").err
