"""Pages between the sign-in and the app that ask for something else than an app has to do with: each is answered or passed."""

from dataclasses import replace

import pytest

FORM = "<form method='post' action='/done'>"
PAGES = {
    "language": (
        (
            f"<h1>Choose your language</h1>{FORM}<button name='g' value='en'>English</button>"
            "<button name='g' value='es'>Español</button></form>"
        ),
        {"g": "en"},
    ),
    "terms-scroll": (
        (
            f"<h1>Terms of use</h1><div style='height:60px;overflow:auto' onscroll=\"document.getElementById('b').disabled=false\"><div style='height:600px'>Long terms</div></div>{FORM}"
            "<label><input type='checkbox' required name='read' value='1' onchange=\"document.getElementById('b').disabled=!this.checked\">I have read the terms</label>"
            "<button id='b' disabled name='a' value='ok'>Accept</button></form>"
        ),
        {"a": "ok"},
    ),
    "return-link": (
        ("<h1>All set</h1><p>You have connected Growth Chart to your records.</p><a href='/done'>Return to app</a>"),
        {},
    ),
    "survey-modal": (
        (
            "<h1>Home</h1><div role='dialog' aria-modal='true'><h2>How do you like the portal?</h2>"
            "<button onclick=\"document.querySelector('[role=dialog]').remove()\" aria-label='Close'>&times;</button>"
            f"<button type='button' onclick=\"document.title='rated'\">Rate us</button></div>{FORM}"
            "<p>Growth Chart requests access</p><button name='a' value='allow'>Allow</button>"
            "<button name='a' value='deny'>Deny</button></form>"
        ),
        {"a": "allow"},
    ),
    "purpose": (
        (
            f"<h1>Purpose of use</h1><p>State the purpose for which the app may see patient records.</p>{FORM}"
            "<select name='p' required aria-label='Purpose'><option value=''>Select</option><option value='TREAT'>Treatment</option><option value='HPAYMT'>Payment</option></select>"
            "<button name='a' value='go'>Continue</button></form>"
        ),
        {"p": "TREAT", "a": "go"},
    ),
    "glass": (
        (
            f"<h1>Break the glass</h1><p>The patient's record is restricted. Select a reason for access.</p>{FORM}"
            "<label><input type='radio' name='r' value='direct'>Direct patient care</label>"
            "<label><input type='radio' name='r' value='billing'>Billing</label>"
            "<button name='a' value='accept'>Accept</button><button type='button'>Cancel</button></form>"
        ),
        {"r": "direct", "a": "accept"},
    ),
    "per-category-radios": (
        (
            f"<h1>Growth Chart wants access</h1><p>Choose what to share of Amelia Stone's record.</p>{FORM}"
            "<fieldset><legend>Allergies</legend><label><input type='radio' name='x1' value='1'>Allow</label>"
            "<label><input type='radio' name='x1' value='0'>Do not allow</label></fieldset>"
            "<fieldset><legend>Patient Information</legend><label><input type='radio' name='x2' value='1'>Allow</label>"
            "<label><input type='radio' name='x2' value='0'>Do not allow</label></fieldset>"
            "<button name='a' value='allow'>Allow access</button><button name='a' value='deny'>Deny</button></form>"
        ),
        {"x1": "1", "x2": "1", "a": "allow"},
    ),
    "facility-cards": (
        (
            f"<h1>Select your facility</h1><p>Choose where you work. Patient records are shared within a facility.</p>{FORM}"
            "<button name='f' value='main'>Main Hospital</button><button name='f' value='north'>North Clinic</button>"
            "</form>"
        ),
        {"f": "main"},
    ),
}


@pytest.mark.parametrize("asked", list(PAGES))
def test_a_page_between_is_passed(site, person, plan, callback, asked):
    page, sent = PAGES[asked]
    site.html("/authorize", page)
    site.redirect("/done", f"{callback}?code=1", 303)
    who = replace(plan, patient="amelia-stone", patient_names=("Amelia Stone",), encounter="visit-7")
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=who)
    assert landing.caught, landing.describe()
    assert {name: site.one("/done").value(name) for name in sent} == sent


def test_a_select_of_the_sign_in_form_is_answered(site, person, plan, callback):
    practice = (
        "<label>Practice<select name='p' required><option value=''>Choose</option><option value='north'>North</option></select></label>"
    )
    fields = "<label>User<input name='username'></label><label>Password<input type='password' name='password'></label>"
    site.html("/authorize", f"<h1>Provider login</h1>{FORM}{practice}{fields}<button>Sign in</button></form>")
    site.redirect("/done", f"{callback}?code=1", 303)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert landing.caught, landing.describe()
    sent = site.one("/done")
    assert (sent.value("p"), sent.value("username"), sent.value("password")) == ("north", plan.username, plan.password)


def test_a_denial_answers_what_its_form_must_have(site, person, plan, callback):
    asked = "".join(f"<label><input type='radio' name='t' value='{n}' required>{n} days</label>" for n in (1, 30))
    site.html(
        "/authorize",
        f"<h1>App wants access</h1>{FORM}{asked}<button name='d' value='allow'>Allow</button><button name='d' value='deny'>Deny</button></form>",
    )
    site.redirect("/done", f"{callback}?error=access_denied", 303)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=replace(plan, consent="deny"))
    assert landing.caught, landing.describe()
    assert site.one("/done").value("d") == "deny"


STANDING = "<a href='#content'>Skip to the form</a><p>Every person and record here is invented.</p><main id='content'>"


def test_pages_between_the_sign_in_and_the_consent_are_answered(site, person, plan, callback):
    site.html(
        "/authorize",
        f"{STANDING}<h1>Stay signed in?</h1><form method='post' action='/department'><button name='stay' value='no'>No</button>"
        "<button name='stay' value='yes'>Yes</button></form></main>",
    )
    site.html(
        "/department",
        f"{STANDING}<h1>Where do you work today?</h1><form class='card' method='post' action='/done'><label>Department<select name='department' required>"
        "<option value=''>Please choose</option><option value='cardiology'>Cardiology</option><option value='ward-3'>Ward 3 West</option></select></label>"
        "<button>Continue</button></form></main>",
    )
    site.redirect("/done", f"{callback}?code=1", 303)
    landing = person.go(
        f"{site.base}/authorize", catch=[callback], plan=replace(plan, patient="amelia-stone", patient_names=("Amelia Stone",))
    )
    assert landing.caught, landing.describe()
    assert site.one("/done").value("department") == "cardiology"
