"""What a page that stopped the login is told with: a step for exactly this page, ready to paste."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest
from starlette.responses import HTMLResponse

from smartlaunch.browser import LoginPlan, parse_steps
from smartlaunch.browser.proposing import UNKNOWN, propose, selector
from smartlaunch.browser.snapshot import Control, Option, PageSnapshot
from tests.browser.products import NAME, PASSWORD, PATIENT, PRODUCTS, USER

BY_PASTING = [
    "keycloak",
    "mychart",
    "identityserver",
    "spring",
    "django-oauth-toolkit",
    "oidc-provider",
    "login-gov",
    "nextgen",
    "cognito-classic",
    "healow",
]
"""Products through whose pages one gets by pasting what is proposed, one page after the other, without mending a word."""


def pasted(proposals):
    return parse_steps(tomllib.loads("\n".join(proposals))["login"]["steps"]) if proposals else []


@pytest.mark.parametrize("name", BY_PASTING)
def test_proposals_pasted_one_by_one_lead_through_a_product(site, person, callback, name):
    product = PRODUCTS[name]
    for path, body in product.pages.items():
        site.redirect(path, f"{site.base}{body[3:]}") if body.startswith("-> ") else site.html(path, body)
    site.on("/done", lambda _visit: HTMLResponse(status_code=303, headers={"location": f"{callback}?code=c-1"}))
    proposals: list[str] = []
    for _ in range(6):
        plan = LoginPlan(USER, PASSWORD, product.persona, patient=PATIENT, patient_names=[NAME], steps=pasted(proposals), only_steps=True)
        person.clear_cookies()
        landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
        if landing.caught:
            break
        assert landing.proposal, landing.describe()
        assert landing.proposal not in proposals, landing.describe()
        assert landing.proposal in landing.describe()
        proposals.append(landing.proposal)
    assert landing.value("code") == "c-1", "\n\n".join(proposals)
    assert USER not in "".join(proposals)
    assert PASSWORD not in "".join(proposals)


def test_what_is_not_known_is_left_open_and_named(site, person, callback):
    site.html(
        "/authorize",
        "<h1>One more thing</h1><form method='post' action='/x'><label for='w'>Ward key</label><input id='w' name='ward' required><button id='on'>Enter ward</button></form>",
        title="Ward",
    )
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=LoginPlan(USER, PASSWORD), step_timeout_s=2)
    assert landing.kind == "no-way-on"
    step = tomllib.loads(landing.proposal)["login"]["steps"][0]
    assert step["page"] == {"url_contains": "/authorize", "title_contains": "Ward", "has": "#w"}
    assert step["fill"] == [{"selector": "#w", "value": UNKNOWN}]
    assert step["click"] == "#on"
    assert 'write what to give for "Ward key"' in landing.proposal


def test_nothing_is_proposed_for_a_page_without_controls_or_with_an_error(site, person, callback):
    site.html("/authorize", "<p>Closed</p>")
    assert person.go(f"{site.base}/authorize", catch=[callback], plan=LoginPlan()).proposal == ""
    site.html("/authorize", "<p>No</p><button>Home</button>", status=500)
    assert person.go(f"{site.base}/authorize", catch=[callback], plan=LoginPlan()).proposal == ""


def page(*controls, url="https://ehr.example/login", title="Login"):
    return PageSnapshot(url=url, title=title, controls=controls)


@pytest.mark.parametrize(
    ("control", "found"),
    [
        (Control(1, "text", "input", "text", id="user", name="u"), "#user"),
        (Control(1, "text", "input", "text", id=":r1:", name="u"), 'input[name="u"]'),
        (Control(1, "text", "input", "text", id="field-83920174"), 'input[type="text"]'),
        (Control(1, "button", "button", "submit", text="Log In"), 'button:has-text("Log In")'),
        (Control(1, "button", "input", "submit", value="Log In"), 'input[value="Log In"]'),
        (Control(1, "link", "a", text="Continue", href="/x"), 'a:has-text("Continue")'),
        (Control(1, "button", "button", data=("data-testid=go",), text="born 1980-04-05"), 'button[data-testid="go"]'),
    ],
)
def test_a_selector_holds_for_another_visit(control, found):
    assert selector(control) == found


def test_persons_are_kept_out_of_a_proposal():
    step = propose(
        page(Control(1, "button", "button", id="go"), url="https://ehr.example/p/12724066", title="Chart of 12724066"), LoginPlan()
    )
    assert "12724066" not in step
    patient = Control(1, "select", "select", id="who", label="Patient", options=(Option("p9", "Stone"), Option(PATIENT, NAME)))
    step = propose(page(patient, Control(2, "button", "button", text="Go on")), replace(LoginPlan(), patient=PATIENT))
    assert 'role = "patient"' in step
    assert NAME not in step


def test_the_patient_in_a_selector_is_the_patient_of_the_file(site, person, callback):
    site.html(
        "/authorize",
        "<table><tr><td>p-1</td><td><a href='/no'>x</a></td></tr><tr><td>amelia-stone</td><td><a href='/done'>x</a></td></tr></table>",
        title="Odd",
    )
    site.redirect("/done", f"{callback}?code=1", 303)
    steps = parse_steps([{"page": {"title_contains": "Odd"}, "click": "tr:has-text('{patient}') a"}])
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=LoginPlan(patient=PATIENT, steps=steps, only_steps=True))
    assert landing.caught, landing.describe()


def test_enter_is_pressed_in_a_field(site, person, plan, callback):
    site.html("/authorize", "<form method='post' action='/done'><input id='u' name='u'></form>", title="Door")
    site.redirect("/done", f"{callback}?code=1", 303)
    steps = parse_steps([{"page": {"title_contains": "Door"}, "fill": {"selector": "#u", "role": "user"}, "press": "#u"}])
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=replace(plan, steps=steps, only_steps=True))
    assert landing.caught, landing.describe()
    assert site.one("/done").value("u") == USER
