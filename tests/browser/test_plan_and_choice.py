"""What needs no browser: the choice of one, the steps of a target file, and the recipes on made-up pages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from smartlaunch.browser import Deselect, LoginPlan, find_browser, parse_steps, unpacked_folder
from smartlaunch.browser.plan import Entry, PageMatch
from smartlaunch.browser.recipes import Act, Memory, Refused, Stuck, Wait, decide, is_consent
from smartlaunch.browser.recording import plain_failure
from smartlaunch.browser.snapshot import Control, PageSnapshot
from smartlaunch.errors import UsageError


def program(folder, name):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_headless_shell_comes_before_the_full_browser(tmp_path):
    program(tmp_path, "chromium")
    shell = program(tmp_path, "chromium-headless-shell")
    choice = find_browser(env={"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert (choice.path, choice.how) == (shell, "chromium-headless-shell on PATH")


def test_a_setting_wins_and_must_exist(tmp_path):
    mine = program(tmp_path / "mine", "my-browser")
    program(tmp_path, "chromium")
    env = {"PATH": str(tmp_path), "SMARTLAUNCH_BROWSER": str(mine), "XDG_CACHE_HOME": str(tmp_path)}
    assert find_browser(env=env).path == mine
    assert find_browser("chromium", env=env).path == tmp_path / "chromium"
    with pytest.raises(UsageError, match="SMARTLAUNCH_BROWSER"):
        find_browser(env={**env, "SMARTLAUNCH_BROWSER": "/nowhere/browser"})
    with pytest.raises(UsageError, match="as asked"):
        find_browser("/nowhere/browser", env=env)


def test_playwrights_own_and_the_unpacked_one_are_found(tmp_path):
    env = {"PATH": "", "XDG_CACHE_HOME": str(tmp_path)}
    unpacked = program(unpacked_folder(env), "chromium")
    program(unpacked.parent / "lib", "libnss3.so")
    choice = find_browser(env=env)
    assert (choice.path, choice.library_path) == (unpacked, unpacked.parent / "lib")
    program(tmp_path / "ms-playwright" / "chromium-1200", "INSTALLATION_COMPLETE")
    assert find_browser(env=env).path is None


def test_no_browser_says_what_to_type(tmp_path):
    with pytest.raises(UsageError) as caught:
        find_browser(env={"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)})
    assert "smartlaunch setup" in str(caught.value)
    assert "playwright install chromium" in str(caught.value)


def test_steps_are_read():
    steps = parse_steps([{"page": {"has": "#a"}, "fill": {"selector": "#a", "role": "user"}, "click": "#b"}, {"wait": "#c"}])
    assert steps[0].page == PageMatch(has="#a")
    assert steps[0].fill == (Entry("#a", "user"),)
    assert steps[1].selectors(LoginPlan()) == ["#c"]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ({}, "a list of tables"),
        ([{"clik": "#a"}], "did you mean `click`"),
        ([{"page": {"url": "x"}, "click": "#a"}], "unknown key `url`"),
        ([{}], "does nothing"),
        ([{"fill": {"selector": "#a"}}], "role or value is missing"),
        ([{"fill": {"role": "user"}}], "selector is missing"),
        ([{"fill": {"selector": "#a", "role": "user", "value": "x"}}], "both given"),
        ([{"fill": {"selector": "#a", "role": "usr"}}], "unknown role `usr`, did you mean `user`"),
        ([{"click": {"selector": "#a", "role": "password"}}], "unknown role `password`; there are allow, deny, untick, logout"),
        ([{"fill": {"selector": 3, "value": "x"}}], "a text is wanted"),
        ([{"page": "x", "click": "#a"}], "a table is wanted"),
        ([{"click": "#a"}, {"click": 5}], r"login.steps\[2\].click"),
    ],
)
def test_wrong_steps_are_named(raw, says):
    with pytest.raises(UsageError, match=says):
        parse_steps(raw)


PLAN = LoginPlan("lena", "very secret", patient="p1", patient_names=["Amelia Stone"])
USER = Control(0, "text", tag="input", type="text", name="username", form=0)
PASSWORD = Control(1, "password", tag="input", type="password", name="password", form=0)
BUTTON = Control(2, "button", tag="button", text="Sign in", form=0, submit=True)
LOGIN = PageSnapshot(url="https://ehr.example/login", title="Sign in", controls=(USER, PASSWORD, BUTTON))


def test_a_sign_in_is_done_once_and_then_refused():
    memory = Memory()
    action = decide(LOGIN, PLAN, memory)
    assert isinstance(action, Act)
    assert [(op.kind, op.control.ref, op.value) for op in action.ops] == [("fill", 0, "lena"), ("fill", 1, "very secret"), ("click", 2, "")]
    assert "very secret" not in repr(action)
    memory.note(action)
    again = PageSnapshot(url="https://ehr.example/login?error", controls=LOGIN.controls, errors=("Wrong password",))
    refused = decide(again, PLAN, memory)
    assert isinstance(refused, Refused)
    assert "Wrong password" in refused.reason


def test_who_mistypes_sends_another_password_first_and_then_the_right_one_once():
    memory, slips = Memory(), replace(PLAN, mistypes=True)
    typed = []
    for _ in range(2):
        action = decide(LOGIN, slips, memory)
        assert isinstance(action, Act)
        typed += [op.value for op in action.ops if op.kind == "fill" and op.secret]
        memory.note(action)
    assert typed[0] not in ("", PLAN.password)
    assert PLAN.password not in typed[0]
    assert typed[1:] == [PLAN.password]
    assert isinstance(decide(LOGIN, slips, memory), Refused)


def test_another_sign_in_form_of_another_host_is_filled():
    memory = Memory()
    first = decide(LOGIN, PLAN, memory)
    assert isinstance(first, Act)
    memory.note(first)
    assert isinstance(decide(PageSnapshot(url="https://idp.example/", controls=LOGIN.controls), PLAN, memory), Act)


def test_an_empty_page_is_waited_for():
    assert decide(PageSnapshot(), PLAN, Memory()) == Wait()


def test_the_same_notice_is_not_passed_for_ever():
    page = PageSnapshot(title="Notice", controls=(Control(0, "button", tag="button", text="Continue", form=0, submit=True),))
    memory = Memory()
    for _ in range(2):
        action = decide(page, PLAN, memory)
        assert isinstance(action, Act)
        memory.note(action)
    assert isinstance(decide(page, PLAN, memory), Stuck)


@pytest.mark.parametrize("text", ["Log out", "Forgot password?", "Cancel", "Back", "Create an account", "Delete my data"])
def test_some_buttons_are_never_pressed(text):
    page = PageSnapshot(
        title="Page", controls=(Control(0, "button", tag="button", text=text, form=0, submit=True), Control(1, "link", tag="a", text=text))
    )
    assert decide(page, PLAN, Memory()) == Wait()


def test_consent_is_told_from_a_sign_in():
    allow = Control(0, "button", tag="button", text="Allow", form=0, submit=True)
    deny = Control(1, "button", tag="button", text="Deny", form=0, submit=True)
    assert is_consent(PageSnapshot(controls=(allow, deny)))
    assert not is_consent(LOGIN)
    assert not is_consent(PageSnapshot(text="Stay signed in?", controls=(allow, deny)))


def test_deselect_takes_any_sequence():
    assert Deselect(scopes=["a", "b"]) == Deselect(("a", "b"))


def test_failures_are_said_in_plain_words():
    assert plain_failure("net::ERR_CONNECTION_REFUSED at x") == "the connection was refused (ERR_CONNECTION_REFUSED)"
    assert plain_failure("net::ERR_CERT_WEAK_KEY") == "the certificate is not trusted (ERR_CERT_WEAK_KEY)"
    assert plain_failure("strange") == "the browser gave the request up"
