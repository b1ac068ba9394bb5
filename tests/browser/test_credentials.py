"""Credentials that worked are good, those that never did are sent once, and what is neither refusal nor success is told for what it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse

from smartlaunch.browser import LoginPlan
from smartlaunch.browser.credentials import MAX_STRIKES, Ledger
from smartlaunch.browser.recipes import blames_credentials, locked_words, obstacle_of
from smartlaunch.browser.snapshot import Control, PageSnapshot
from smartlaunch.errors import LoginStuck

FORM = "<form method='post' action='/login?{query}'><label>User name <input name='u'></label><label>Password <input type='password' name='p'></label><button>Sign in</button></form>"
CONSENT = "<h1>An app wants access</h1><form method='post' action='/done'><button name='d' value='allow'>Allow</button><button name='d' value='deny'>Deny</button></form>"


@pytest.fixture
def server(site, callback):
    """Signs in at ``/authorize``; ``/authorize?bad=...`` shows the form as well, and then refuses in those words."""
    site.on("/authorize", lambda v: HTMLResponse(FORM.format(query=f"bad={v.query['bad']}" if "bad" in v.query else "")))

    def login(visit):
        if "bad" in visit.query:
            return HTMLResponse(
                f"<div class='error' role='alert'>{visit.query['bad']}</div>{FORM.format(query='bad=' + visit.query['bad'])}",
                status_code=400,
            )
        return HTMLResponse(CONSENT)

    site.on("/login", login)
    site.redirect("/done", f"{callback}?code=1", 303)
    return site


def go(person, site, plan, callback, bad=""):
    person.clear_cookies()
    return person.go(f"{site.base}/authorize{f'?bad={bad}' if bad else ''}", catch=[callback], plan=plan)


def test_a_sign_in_that_fails_after_one_that_worked_is_a_refusal_of_that_request(server, person, plan, callback):
    assert go(person, server, plan, callback).caught
    landing = go(person, server, plan, callback, "This app may not ask for that")
    assert (landing.kind, landing.refused_sign_in) == ("error-page", "This app may not ask for that")
    assert landing.obstacle == ""
    assert landing.screenshot
    assert plan.password not in repr(landing)
    assert go(person, server, plan, callback).caught
    assert len(server.seen("/login")) == 3


def test_the_words_of_an_answer_to_a_script_are_kept_as_evidence(site, person, plan, kept, callback):
    site.html(
        "/authorize",
        """<h1>Sign in</h1><form id="f"><label>Email <input type="email" name="email"></label><label>Password <input type="password" name="p"></label>
        <button type="submit">Sign in</button></form><script>
        document.getElementById('f').onsubmit = e => { e.preventDefault();
          fetch('/auth/login' + location.search, {method: 'POST'}).then(r => r.ok ? r.text().then(to => { location.href = to; }) : 0); };
        </script>""",
    )
    refusal = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "details": {"text": "Invalid launch context"}}]}
    site.on("/auth/login", lambda v: JSONResponse(refusal, status_code=400) if "bad" in v.query else HTMLResponse(f"{callback}?code=1"))
    assert go(person, site, plan, callback).caught
    kept.exchanges.clear()
    landing = go(person, site, plan, callback, "1")
    assert landing.kind == "error-page"
    assert landing.refused_sign_in == "POST /auth/login answered 400: Invalid launch context"
    told = [e for e in kept.exchanges if e.id in landing.refusal_exchanges]
    assert [(e.request.method, e.answer.status) for e in told] == [("POST", 400)]
    assert b"Invalid launch context" in told[0].answer.body
    assert go(person, site, plan, callback).caught


def test_a_form_that_comes_back_without_a_word_is_a_refusal_too(server, person, plan, callback):
    assert go(person, server, plan, callback).caught
    server.on("/login", lambda v: HTMLResponse(FORM.format(query="")))
    assert go(person, server, plan, callback).refused_sign_in == "no reason given"


def test_credentials_that_worked_are_not_called_wrong_more_than_three_times_in_a_row(server, person, plan, callback):
    assert go(person, server, plan, callback).caught
    for _ in range(MAX_STRIKES):
        assert go(person, server, plan, callback, "Wrong password").refused_sign_in == "Wrong password"
    sent = len(server.seen("/login"))
    with pytest.raises(LoginStuck, match="3 times in a row"):
        go(person, server, plan, callback)
    assert len(server.seen("/login")) == sent


def test_a_sign_in_that_works_wipes_the_slate(server, person, plan, callback):
    for _ in range(MAX_STRIKES + 1):
        assert go(person, server, plan, callback).caught
        assert go(person, server, plan, callback, "Wrong password").refused_sign_in
    for _ in range(MAX_STRIKES + 1):
        assert go(person, server, plan, callback, "No such app").refused_sign_in == "No such app"
    assert go(person, server, plan, callback).caught


def test_a_way_in_without_a_password_proves_nothing_about_it(server, person, plan, callback):
    server.redirect("/authorize", f"{callback}?code=1")
    assert go(person, server, plan, callback).caught
    server.on("/authorize", lambda v: HTMLResponse(FORM.format(query="bad=Wrong")))
    with pytest.raises(LoginStuck):
        go(person, server, plan, callback, "Wrong")
    with pytest.raises(LoginStuck, match="refused earlier in this run"):
        go(person, server, plan, callback)
    assert len(server.seen("/login")) == 1


def test_an_account_that_the_page_calls_locked_is_told_at_once_and_left_alone(server, person, plan, callback):
    assert go(person, server, plan, callback).caught
    landing = go(person, server, plan, callback, "Your account has been temporarily locked. Try again in 30 minutes.")
    assert (landing.kind, landing.obstacle) == ("no-way-on", "locked")
    assert "Your account has been temporarily locked" in landing.reason
    for changed in (plan, replace(plan, password="another one")):
        again = go(person, server, changed, callback)
        assert (again.kind, again.obstacle) == ("no-way-on", "locked")
        assert "nothing more is sent" in again.reason
    assert len(server.seen("/login")) == 2
    assert go(person, server, replace(plan, username="someone.else@example.org"), callback).caught


def test_a_page_without_a_form_that_says_locked(server, person, plan, callback):
    server.html("/login", "<h1>Account locked</h1><p>Call the help desk.</p><a href='/help'>Help</a>", status=403)
    landing = go(person, server, plan, callback)
    assert (landing.kind, landing.obstacle) == ("error-page", "locked")
    assert go(person, server, plan, callback).obstacle == "locked"
    assert len(server.seen("/login")) == 1


def test_a_locked_account_is_left_alone_on_the_first_of_two_pages(site, person, plan, callback):
    site.html(
        "/authorize", "<form method='post' action='/second'><label>Email <input type='email' name='e'></label><button>Next</button></form>"
    )
    site.html(
        "/second",
        "<form method='post' action='/login'><label>Password <input type='password' name='p'></label><button>Sign in</button></form>",
    )
    site.html("/login", "<h1>You have been locked out</h1>")
    assert go(person, site, plan, callback).obstacle == "locked"
    assert go(person, site, plan, callback).obstacle == "locked"
    assert len(site.seen("/second")) == 1


AFTER = {
    "captcha": ("captcha", "<h1>One more step</h1><iframe src='/captcha/box' style='width:300px;height:80px'></iframe>", 200),
    "captcha-on-the-form": ("captcha", FORM.format(query="") + "<iframe src='/captcha/box' style='width:300px;height:80px'></iframe>", 200),
    "one-time-code": ("second-factor", "<h1>Check it is you</h1><form><label>Code <input autocomplete='one-time-code'></label><button>Verify</button></form>", 200),
    "push": ("second-factor", "<h1>Approve this sign-in request</h1><p>Open your authenticator app and tap 42.</p>", 200),
    "too-many-requests": ("rate-limit", "<h1>Slow down</h1>", 429),
    "too-many-in-words": ("rate-limit", "<h1>Too many requests</h1><p>Come back in a minute.</p>", 200),
    "unavailable": ("outage", "<h1>503 Service Unavailable</h1>", 503),
    "maintenance": ("outage", "<h1>Scheduled maintenance</h1><p>The portal is closed until eight.</p>", 200),
    "firewall": ("firewall", "<h1>Sorry, you have been blocked</h1><p>Ray ID: 8f2</p>", 403),
}  # fmt: skip


@pytest.mark.parametrize("name", list(AFTER))
def test_what_is_neither_refusal_nor_success_is_told_for_what_it_is(server, person, plan, callback, name):
    obstacle, page, status = AFTER[name]
    server.html("/captcha/box", "<p>I am no robot</p>")
    server.html("/login", page, status=status)
    landing = go(person, server, plan, callback)
    assert landing.obstacle == obstacle, landing.describe()
    assert landing.refused_sign_in == ""
    assert len(server.seen("/login")) == 1


def test_a_password_behind_a_captcha_that_never_worked_is_not_sent_twice(server, person, plan, callback):
    server.html("/captcha/box", "<p>I am no robot</p>")
    server.html("/login", AFTER["captcha-on-the-form"][1])
    assert go(person, server, plan, callback).obstacle == "captcha"
    with pytest.raises(LoginStuck, match="refused earlier"):
        go(person, server, plan, callback)
    assert len(server.seen("/login")) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, "<h1>invalid_request</h1><p>Something went wrong. Please try again later.</p>"),
        (400, "<h1>Unknown app</h1><iframe src='/captcha/box?size=invisible' style='width:256px;height:60px'></iframe>"),
        (403, "<h1>Access denied</h1><p>The app is not registered for this scope.</p>"),
        (500, "<h1>Internal error</h1>"),
    ],
)
def test_an_error_page_is_no_obstacle(site, person, plan, callback, status, body):
    site.html("/authorize", body, status=status)
    landing = go(person, site, plan, callback)
    assert (landing.kind, landing.obstacle) == ("error-page", "")


def test_a_consent_page_that_speaks_of_locks_is_answered(server, person, plan, callback):
    server.html("/login", CONSENT.replace("<form", "<p>Your account is locked to this app until you revoke it.</p><form"))
    assert go(person, server, plan, callback).caught


@pytest.mark.parametrize(
    ("said", "blamed"),
    [
        ("", True),
        ("Invalid username or password.", True),
        ("The user name or password is incorrect", True),
        ("We do not know this account", True),
        ("Your credentials did not match", True),
        ("Authentication failed", True),
        ("Das Kennwort ist falsch", True),
        ("Invalid client", False),
        ("This app may not launch", False),
        ("POST /auth/login answered 400: Invalid scope", False),
        ("The launch parameter has expired", False),
    ],
)
def test_words_that_blame_the_credentials(said, blamed):
    assert blames_credentials(said) is blamed


@pytest.mark.parametrize(
    ("said", "locked"),
    [
        ("Your account is locked", True),
        ("This account has been disabled by an administrator", True),
        ("Too many failed login attempts. Wait 15 minutes.", True),
        ("You have been locked out.", True),
        ("Ihr Konto ist gesperrt", True),
        ("Account locked", True),
        ("Invalid username or password. Accounts are locked after five attempts", False),
        ("Sign in to your account", False),
        ("Access to some records is blocked", False),
    ],
)
def test_words_for_a_locked_account(said, locked):
    assert bool(locked_words(PageSnapshot(errors=(said,)))) is locked


def test_an_ordinary_sign_in_form_is_no_obstacle():
    controls = (
        Control(0, "text", name="user", form=0),
        Control(1, "password", name="p", form=0),
        Control(2, "button", text="Sign in", form=0),
    )
    text = "Sign in. For two-factor authentication have your phone ready."
    assert obstacle_of(PageSnapshot(title="Sign in", text=text, controls=controls)) is None


def test_the_ledger_keeps_hosts_and_users_apart():
    ledger, lena, otto = Ledger(), LoginPlan("lena", "a"), LoginPlan("otto", "a")
    ledger.note_success("one.example", lena)
    assert ledger.worked("one.example", lena)
    assert not ledger.worked("two.example", lena)
    assert not ledger.worked("one.example", otto)
    ledger.note_refusal("two.example", lena, blamed=False)
    assert ledger.held_back("two.example", lena)
    assert not ledger.held_back("one.example", lena)
    assert "lena" not in repr(vars(ledger))


def test_a_redirect_with_an_error_proves_no_credentials(site, person, plan, callback):
    site.html("/authorize", FORM.format(query=""))
    site.on("/login", lambda v: RedirectResponse(f"{callback}?error=access_denied", 303))
    assert go(person, site, plan, callback).caught
    site.html("/login", f"<p class='error'>Wrong password</p>{FORM.format(query='')}")
    with pytest.raises(LoginStuck, match="Wrong password"):
        go(person, site, plan, callback)
