"""A person logs in once, played by a script with real key strokes, and what was done becomes the steps of a recipe."""

from __future__ import annotations

import json
import stat
import tomllib

import pytest

from smartlaunch.browser import Deselect, LoginPlan, parse_steps
from smartlaunch.browser.proposing import UNKNOWN
from smartlaunch.browser.watching import Watcher, as_text
from tests.browser.products import PASSWORD, PATIENT, USER

SIGN_IN = (
    "<form method='post' action='/who'><label>Name <input id='name' name='u'></label><input name='p' type='password'><select name='site'><option value=''>-</option>"
    "<option value='north'>North</option></select><button>Enter the house</button></form>"
)
CHOICE = "<h1>Odd list</h1><div onclick=\"location.href='/ask'\"><button type='button' id='row'>amelia-stone</button></div>"
CONSENT = "<form action='/done'><button name='d' value='y'>Fine with me</button><button name='d' value='n'>Not at all</button></form>"


@pytest.fixture
def odd(site, callback):
    """Pages that no recipe knows."""
    site.html("/authorize", SIGN_IN, title="House door")
    site.html("/who", CHOICE, title="Whom")
    site.html("/ask", CONSENT, title="Well?")
    site.redirect("/done", f"{callback}?code=1", 303)
    return site


def playing(browser, acts):
    """A person at the browser: on each page, by its title, what they do."""
    done = set()

    def act(page):
        if page.title in acts and page.title not in done:
            done.add(page.title)
            acts[page.title](browser.page())
        return False

    return act


def person_who_knows(browser):
    def door(page):
        page.fill("#name", "lena")
        page.fill("#name", USER)
        page.fill("input[type=password]", PASSWORD)
        page.select_option("select", "north")
        page.click("button", no_wait_after=True)

    return playing(
        browser,
        {
            "House door": door,
            "Whom": lambda p: p.click("#row", no_wait_after=True),
            "Well?": lambda p: p.click("button >> nth=0", no_wait_after=True),
        },
    )


def test_what_a_person_does_becomes_steps_that_replay(odd, browser, callback):
    plan = LoginPlan(USER, PASSWORD, patient=PATIENT)
    watcher, session = Watcher(plan), browser.fresh_session("watched")
    landing = session.go(f"{odd.base}/authorize", catch=[callback], plan=plan, watch=watcher.saw, stop_when=person_who_knows(session))
    session.close()
    assert landing.caught, landing.describe()
    text = as_text(watcher.steps())
    assert PASSWORD not in text
    assert USER not in text
    assert PATIENT not in text
    steps = tomllib.loads(text)["login"]["steps"]
    assert [step.get("click") for step in steps] == ['button:has-text("Enter the house")', "#row", 'button[name="d"][value="y"]']
    assert steps[0]["fill"] == [{"selector": "#name", "role": "user"}, {"selector": 'input[name="p"]', "role": "password"}]
    assert steps[0]["choose"] == [{"selector": 'select[name="site"]', "value": "north"}]
    odd.visits.clear()
    replayed = browser.fresh_session("replayed")
    again = replayed.go(
        f"{odd.base}/authorize",
        catch=[callback],
        plan=LoginPlan(USER, PASSWORD, patient=PATIENT, steps=parse_steps(steps), only_steps=True),
    )
    replayed.close()
    assert again.caught, again.describe()
    assert dict(odd.one("/who").form) == {"u": USER, "p": PASSWORD, "site": "north"}


def test_nothing_is_done_by_the_recipe_while_a_person_is_watched(site, browser, callback):
    site.html(
        "/authorize",
        "<form method='post' action='/done'><input name='u'><input name='p' type='password'><button>Sign in</button></form>",
        title="Sign in",
    )
    session = browser.fresh_session("watched")
    landing = session.go(
        f"{site.base}/authorize", catch=[callback], plan=LoginPlan(USER, PASSWORD), watch=lambda _e: None, login_timeout_s=3
    )
    session.close()
    assert landing.kind == "timeout"
    assert not [visit for visit in site.visits if visit.method == "POST"]


def test_enter_in_a_field_is_a_press(site, browser, callback):
    site.html("/authorize", "<form method='post' action='/done'><input id='u' name='u'></form>", title="Door")
    site.redirect("/done", f"{callback}?code=1", 303)

    def door(page):
        page.fill("#u", USER)
        page.press("#u", "Enter", no_wait_after=True)

    watcher, session = Watcher(LoginPlan(USER)), browser.fresh_session("watched")
    landing = session.go(
        f"{site.base}/authorize", catch=[callback], plan=LoginPlan(USER), watch=watcher.saw, stop_when=playing(session, {"Door": door})
    )
    session.close()
    assert landing.caught
    assert tomllib.loads(as_text(watcher.steps()))["login"]["steps"][0]["press"] == "#u"


def event(kind="fill", **more):
    return {"kind": kind, "selector": "#a", "type": "text", "url": "https://ehr.example/a", "title": "A", "value": "", **more}


def test_a_text_that_nobody_knows_is_not_kept():
    watcher = Watcher(LoginPlan(USER, PASSWORD, patient=PATIENT))
    watcher.saw(event(value="my dog's name"))
    watcher.saw(event(selector="#b", value=PATIENT))
    watcher.saw(event(selector="#c", value="123456", autocomplete="one-time-code"))
    watcher.saw(event(selector="#d", value="hunter2", type="password"))
    (text,) = watcher.steps()
    assert "dog" not in text
    assert "hunter2" not in text
    assert [entry.get("role", entry.get("value")) for entry in tomllib.loads(text)["login"]["steps"][0]["fill"]] == [
        UNKNOWN,
        "patient",
        "one-time-code",
        "password",
    ]


def test_a_recorded_answer_to_the_question_for_consent_can_also_deny_and_allow_less(site, browser, person, callback):
    """The person only allows; how the page is denied, and which box leaves a scope out, is told from its controls."""
    box = "<label><input type='checkbox' name='scope' value='{0}' checked> {0}</label>"
    boxes = "".join(box.format(scope) for scope in ("openid", "patient/Observation.rs"))
    site.html(
        "/authorize",
        f"<h1>Allow access?</h1><form action='/done'>{boxes}<button name='d' value='y'>Allow</button><button name='d' value='n'>Deny</button></form>",
        title="Consent",
    )
    site.redirect("/done", f"{callback}?code=1", 303)
    watcher, session = Watcher(LoginPlan(USER)), browser.fresh_session("watched")
    press = playing(session, {"Consent": lambda page: page.click("button >> nth=0", no_wait_after=True)})
    landing = session.go(
        f"{site.base}/authorize",
        catch=[callback],
        plan=LoginPlan(USER),
        watch=watcher.saw,
        stop_when=lambda page: watcher.looks(page) or press(page),
    )
    session.close()
    assert landing.caught
    steps = parse_steps(tomllib.loads(as_text(watcher.steps()))["login"]["steps"])
    assert [(entry.role, entry.selector) for entry in steps[0].click] == [
        ("untick", 'input[type="checkbox"][value="{scope}"]'),
        ("allow", 'button[name="d"][value="y"]'),
        ("deny", 'button:has-text("Deny")'),
    ]
    for consent, sent in (("deny", ["n"]), (Deselect(["patient/Observation.rs"]), ["y"])):
        site.visits.clear()
        person.go(f"{site.base}/authorize", catch=[callback], plan=LoginPlan(USER, steps=steps, only_steps=True, consent=consent))
        assert [site.one("/done").query["d"]] == sent
        assert (site.one("/done").query["scope"] == "openid") == (consent != "deny")


def test_persons_are_kept_out_of_what_is_pressed():
    watcher = Watcher(LoginPlan(USER, PASSWORD, patient=PATIENT, patient_names=["Amelia Stone"]))
    for selector in (
        'button:has-text("Amelia Stone female, born 1980-04-05")',
        f'button[name="patient"][value="{PATIENT}"]',
        'tr:has-text("Otto Stone 1971-01-01")',
    ):
        watcher.saw(event("click", selector=selector))
    pressed = [step["click"] for step in tomllib.loads(as_text(watcher.steps()))["login"]["steps"]]
    assert pressed == ['button:has-text("{patient_name}")', 'button[name="patient"][value="{patient}"]', 'tr:has-text("...")']


def test_events_of_a_hostile_page_do_no_harm():
    watcher = Watcher(LoginPlan(USER, PASSWORD))
    for odd_event in ({}, {"kind": 3, "selector": None}, {"selector": "x" * 10_000, "kind": "fill", "url": "::", "title": '"\n[probes]'}):
        watcher.saw(odd_event)
    for _ in range(1000):
        watcher.saw(event("click", selector="#x"))
    assert len(watcher.steps()) <= 400
    tomllib.loads(as_text(watcher.steps()))


def test_a_kept_session_is_signed_in_already(site, browser, callback, tmp_path):
    def authorize(visit):
        from starlette.responses import HTMLResponse

        if "sid=1" in visit.headers.get("cookie", ""):
            return HTMLResponse(status_code=303, headers={"location": f"{callback}?code=1"})
        return HTMLResponse(
            "<title>Sign in</title><form method='post' action='/in'><input name='u'><input name='p' type='password'><button>Sign in</button></form>"
        )

    def signed_in(_visit):
        from starlette.responses import HTMLResponse

        return HTMLResponse(status_code=303, headers={"location": f"{callback}?code=1", "set-cookie": "sid=1; Path=/"})

    site.on("/authorize", authorize)
    site.on("/in", signed_in)
    session, kept = browser.fresh_session("first"), tmp_path / "state.json"
    assert session.go(f"{site.base}/authorize", catch=[callback], plan=LoginPlan(USER, PASSWORD)).caught
    session.keep_state(kept)
    session.close()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "sid" in json.loads(kept.read_text())["cookies"][0]["name"]
    browser.kept_state = ("second", kept)
    try:
        again = browser.session("second")
        landing = again.go(f"{site.base}/authorize", catch=[callback], plan=LoginPlan())
        again.close()
    finally:
        browser.kept_state = None
    assert landing.caught
    assert len(site.seen("/in")) == 1
