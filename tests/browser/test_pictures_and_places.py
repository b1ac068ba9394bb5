"""Pictures show no secret and no person, and what a document names is opened only where it is safe."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page

from smartlaunch.addresses import is_link_local
from smartlaunch.browser import LoginPlan
from smartlaunch.browser.catcher import Net, origin_of
from smartlaunch.browser.pictures import cover, covered
from smartlaunch.browser.session import environment
from smartlaunch.browser.walk.opening import unsafe

PLAN = LoginPlan("lena", "a secret word", patient="amelia-stone", patient_names=["Amelia Stone"])
SECRETS = ("c-8812-authorization-code", "st-5511", "tok.en.value")


@pytest.fixture
def seen(browser, monkeypatch):
    """What the page holds at the moment of each picture: its texts, its fields and its attributes."""
    moments = []

    def shot(self, **options):
        moments.append(
            self.evaluate(
                """() => [document.body.innerText, ...[...document.querySelectorAll('input,textarea,option')].map(e => e.value === undefined ? '' : e.type === 'password' ? '' : e.value),
                ...[...document.querySelectorAll('*')].flatMap(e => ['placeholder', 'title', 'alt'].map(n => e.getAttribute(n) || ''))].join('\\n')"""
            )
        )
        return original(self, **options)

    original = Page.screenshot
    monkeypatch.setattr(Page, "screenshot", shot)

    def scrub(text):
        for secret in SECRETS:
            text = text.replace(secret, "<secret>")
        return text

    monkeypatch.setattr(browser, "scrub", scrub)
    return moments


def test_a_picture_holds_no_secret_in_text_fields_attributes_and_addresses(site, person, seen, callback):
    site.html(
        "/a",
        f"<h1>Error</h1><p>Your code is {SECRETS[0]} and the password a secret word</p><textarea>{SECRETS[1]}</textarea><input value='{SECRETS[2]}'>"
        f"<input placeholder='{SECRETS[2]}'><p title='{SECRETS[1]}'>https://app.example/cb?state={SECRETS[1]}</p><x-y></x-y><p>Plain words stay.</p>"
        f"<script>const s = document.querySelector('x-y').attachShadow({{mode: 'open'}}); s.innerHTML = '<p>{SECRETS[0]}</p>'</script>",
        status=500,
    )
    landing = person.go(f"{site.base}/a", catch=[callback], plan=PLAN)
    assert landing.screenshot
    assert len(seen) == 1
    for secret in (*SECRETS, "a secret word"):
        assert secret not in seen[0]
    assert "Plain words stay." in seen[0]
    assert "Error" in seen[0]


PEOPLE = (
    "<h1>Select a patient</h1><table><thead><tr><th>Name</th><th>Born</th></tr></thead><tbody><tr onclick='1'><td>Bruno Castellano</td><td>1970-02-03</td></tr>"
    "<tr onclick='1'><td>Cara Dunn</td><td>3 April 1980</td></tr></tbody></table><ul><li>Dora Evans <button>Choose</button></li></ul>"
    "<p><b>MRN</b> 0012345678</p><p>Name: Fay Green</p><p>Phone</p><p>555 123 4567</p><label>Date of birth <input value='04/05/1980'></label><p>Choose one to go on.</p>"
)
SHOWN = (
    "Bruno Castellano",
    "1970-02-03",
    "Cara Dunn",
    "3 April 1980",
    "Dora Evans",
    "0012345678",
    "Fay Green",
    "555 123 4567",
    "04/05/1980",
)


def test_a_picture_of_a_picker_shows_nobody(site, person, seen, callback):
    site.html("/a", PEOPLE)
    landing = person.go(f"{site.base}/a", catch=[callback], plan=PLAN)
    assert landing.screenshot, landing.describe()
    for text in SHOWN:
        assert text not in seen[0]
    assert "Choose one to go on." in seen[0]
    assert "Select a patient" in seen[0]


def test_a_picture_shows_people_where_the_target_file_says_so(site, person, browser, seen, callback, monkeypatch):
    monkeypatch.setattr(browser, "people", True)
    site.html("/a", PEOPLE)
    person.go(f"{site.base}/a", catch=[callback], plan=PLAN)
    for text in SHOWN:
        assert text in seen[0]


def test_a_page_is_as_before_after_its_picture(site, person, seen, callback):
    """The consent page is photographed before it is answered, and its script may read what it shows."""
    site.html(
        "/a",
        "<h1>An app wants the record of Amelia Stone</h1><form action='/b'><p id='who'>Amelia Stone, 1980-04-05</p><input name='note' value='born 1980-04-05'>"
        "<button onclick=\"this.value = document.getElementById('who').textContent\" name='d' value=''>Allow</button><button name='d' value='no'>Deny</button></form>",
    )
    site.redirect("/b", f"{callback}?code=1")
    landing = person.go(f"{site.base}/a", catch=[callback], plan=PLAN, capture=True)
    assert landing.captures
    assert "Amelia" not in seen[0]
    assert "1980" not in seen[0]
    assert site.one("/b").query == {"note": "born 1980-04-05", "d": "Amelia Stone, 1980-04-05"}


def test_words_are_covered_in_their_shape():
    assert cover("Amelia, 40") == "••••••, ••"
    assert covered("born 4 May 1980", about_people=False, names=(), scrub=str, people=False) == "born • ••• ••••"
    assert covered("born 4 May 1980", about_people=True, names=(), scrub=str, people=True) == "born 4 May 1980"
    assert covered("Read observations", about_people=False, names=("",), scrub=str, people=False) == "Read observations"


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "data:text/html,<h1>x</h1>", "javascript:alert(1)", "chrome://version", "view-source:http://x/", "ftp://x/y"],
)
def test_only_http_and_https_are_opened(person, callback, url):
    landing = person.go(url, catch=[callback], plan=PLAN)
    assert landing.kind == "unreachable"
    assert "only http and https" in landing.reason
    assert landing.text == ""


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/",
        "http://metadata.google.internal/x",
        "http://[::ffff:169.254.169.254]/",
    ],
)
def test_link_local_addresses_are_not_opened(person, callback, url):
    landing = person.go(url, catch=[callback], plan=PLAN)
    assert landing.kind == "unreachable"
    assert "link-local" in landing.reason


@pytest.mark.parametrize("target", ["http://169.254.169.254/latest", "http://2852039166/", "http://metadata.google.internal/x"])
def test_nothing_leads_to_a_link_local_address(site, person, callback, target):
    site.redirect("/a", target)
    landing = person.go(f"{site.base}/a", catch=[callback], plan=PLAN)
    assert landing.kind == "unreachable"
    assert "link-local" in landing.reason


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "data:text/html,<h1>hello</h1>", "javascript:document.write('hello')", "chrome://version"]
)
def test_no_redirect_leads_out_of_the_web(site, person, callback, target):
    site.redirect("/a", target)
    landing = person.go(f"{site.base}/a", catch=[callback], plan=PLAN)
    assert landing.kind != "caught"
    assert "root:" not in landing.text
    assert "hello" not in landing.text


def test_a_server_that_lives_at_a_link_local_address_is_reached_there():
    assert unsafe("http://169.254.10.1:8080/authorize", "169.254.10.1") == ""
    assert unsafe("http://169.254.169.254/", "169.254.10.1") != ""
    net = Net(["https://app.example/cb"], origin_of("http://169.254.10.1/"), "169.254.10.1")
    assert not net.forbids("http://169.254.10.1/x")
    assert net.forbids("http://169.254.169.254/x")
    assert not is_link_local("10.0.0.1")


def test_the_browser_gets_no_secret_of_the_environment():
    env = {"PATH": "/bin", "HOME": "/root", "https_proxy": "http://proxy:1", "EPIC_CLIENT_SECRET": "s", "PASSWORD_LENA": "p", "LC_ALL": "C"}
    assert environment(env) == {"PATH": "/bin", "HOME": "/root", "https_proxy": "http://proxy:1", "LC_ALL": "C"}


def test_the_running_browser_holds_none_either(person, browser, site, callback, monkeypatch):
    monkeypatch.setenv("SMARTLAUNCH_TEST_SECRET", "must-not-be-handed-on")
    site.redirect("/a", f"{callback}?code=1")
    if browser._browser is not None:
        browser._browser.close()
    person.go(f"{site.base}/a", catch=[callback], plan=PLAN)
    pid = browser._watchdog._browser
    environ = Path(f"/proc/{pid}/environ")
    if not environ.exists():
        pytest.skip("no /proc here")
    held = environ.read_bytes()
    assert b"PATH=" in held
    assert b"must-not-be-handed-on" not in held


def test_a_browser_without_a_sandbox_of_its_own_says_so(person, browser, site, callback):
    site.redirect("/a", f"{callback}?code=1")
    person.go(f"{site.base}/a", catch=[callback], plan=PLAN)
    assert ("without a sandbox" in browser.version) is not browser.sandboxed
    if os.geteuid() == 0:
        assert not browser.sandboxed
