"""``smartlaunch login``: a person is watched once, and what was written down replays; a kept session signs a run in."""

import argparse
import json
from pathlib import Path

import pytest

from smartlaunch.cli import login
from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.server import serve
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
    said = cli("login", "try", "--target", target, "--recipe", "steps.toml")
    assert said.code == 0, f"{text}\n{said.all}"
    assert "done:     step 1 of steps.toml" in said.out
    Path(target).write_text(Path(target).read_text() + '\n[login]\nrecipe = "steps"\n\n' + text)
    pasted = cli("login", "try", "--target", target)
    assert pasted.code == 0, f"{text}\n{pasted.all}"
    assert "done:     step 1 of the target file" in pasted.out


def test_a_recipe_for_other_pages_is_named_with_file_and_line(cli, target):
    Path("other.toml").write_text('[[login.steps]]\npage = { has = "#password" }\nclick = "#nowhere"\n')
    said = cli("login", "try", "--target", target, "--recipe", "other.toml")
    assert said.code == 3
    assert "other.toml:1: step 1 of other.toml cannot click '#nowhere'" in said.out
    assert "no recipe named 'oracle'" in cli("login", "try", "--target", target, "--recipe", "oracle").err


def test_a_login_that_gets_stuck_is_told_with_a_step_to_paste(cli, target):
    Path(target).write_text(
        Path(target).read_text() + '\n[login]\nrecipe = "steps"\n[[login.steps]]\npage = { has = "#nowhere" }\nclick = "#nowhere"\n'
    )
    said = cli("login", "try", "--target", target)
    assert said.code == 3
    assert "[[login.steps]]" in said.out
    assert 'role = "password"' in said.out


STEPS = """
[login]
recipe = "steps"

[[login.steps]]
page = { has = "#password" }
fill = [{ selector = "#username", role = "user" }, { selector = "#password", role = "password" }]
click = "button[type='submit']"

[[login.steps]]
page = { title_contains = "Choose a patient" }
choose = "button[name='patient'][value='{patient}']"

[[login.steps]]
page = { title_contains = "Allow access" }
click = [
  { selector = "input[type='checkbox'][value='{scope}']", role = "untick" },
  { selector = "button[value='allow']", role = "allow" },
  { selector = "button[value='deny']", role = "deny" },
]

[[login.steps]]
page = { title_contains = "Sign out" }
click = { selector = "button:has-text('Sign out')", role = "logout" }
"""


def test_a_run_denies_allows_less_and_signs_out_by_the_steps_and_begins_with_the_kept_session(tmp_path, cli):
    """On a server that asks before it signs out; the automatic recipe does nothing, since the steps have every answer."""
    with serve(SandboxOptions(variants=("asks_before_signing_out",))) as asking:
        write_target(tmp_path / "t.toml", asking)
        text = Path("t.toml").read_text() + STEPS
        assert "intrusive = true\n" in text
        Path("t.toml").write_text(text.replace("intrusive = true\n", "intrusive = false\n"))
        assert cli("login", "try", "--target", "t.toml", "--storage-state", "state.json").code == 0
        slugs = ("authorization-code-issued", "denial-access-denied", "scopes-unticked", "refresh-offline-signed-out")
        chosen = [word for slug in (*slugs, "aud-of-another-server") for word in ("--scenario", f"standalone-public/{slug}")]
        said = cli("run", "--target", "t.toml", "--storage-state", "state.json", "--no-allure", "--out", "run", *chosen)
    assert said.code == 0, said.all
    record = json.loads(Path("run/run.json").read_text())
    outcomes = {scenario["id"]: scenario["outcome"] for scenario in record["scenarios"]}
    left = {name: outcomes.pop(name) for name in list(outcomes) if "aud-of-another-server" in name}
    assert outcomes == dict.fromkeys([f"standalone-public/{slug}" for slug in slugs], "passed")
    assert set(left.values()) == {"not-configured"}, "what a right app never sends takes leave"
    assert f"this run is passive: {len(left)} scenarios" in said.all
    assert "`[probes] intrusive = true`" in said.all
    assert record["header"]["passive"] is True
    first = next(scenario["exchanges"] for scenario in record["scenarios"] if scenario["id"].endswith("authorization-code-issued"))
    begun = [exchange for exchange in record["exchanges"] if exchange["id"] in first]
    assert begun
    assert not [x for x in begun if x["method"] == "POST" and "login" in x["url"]], "the kept session was signed in already"


def test_wrong_words_are_told(cli, target, tmp_path):
    assert "invalid choice" in cli("login", "again").err or cli("login", "again").code == 2
    assert "no client named 'nobody'" in cli("login", "try", "--target", target, "--client", "nobody").err
    said = cli("run", "--target", target, "--storage-state", "none.json")
    assert said.code == 2
    assert "no such file" in said.err
    Path("there.toml").write_text("kept")
    assert "is left alone" in cli("login", "record", "--target", target, "--out", "there.toml").err
