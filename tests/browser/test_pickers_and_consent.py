"""Choosing a patient and an encounter, and answering the consent question."""

from __future__ import annotations

from dataclasses import replace

import pytest

from smartlaunch.browser import Deselect, LoginPlan
from smartlaunch.browser.recipes import is_consent


@pytest.fixture
def plan(plan):
    return replace(plan, encounter="enc-2")


def done(site, callback):
    site.redirect("/done", f"{callback}?code=1", 303)


PATIENTS = {
    "radio": "<h1>Select a patient</h1><form method='post' action='/done'><label><input type='radio' name='patient' value='bruno'>Bruno C</label>"
    "<label><input type='radio' name='patient' value='amelia-stone'>Amelia Stone</label><button>Continue</button><button name='x' value='1'>Cancel</button></form>",
    "radio-by-name": "<h1>Choose a person</h1><form method='post' action='/done'><label><input type='radio' name='patient' value='1'>CASTELLANO, Bruno</label>"
    "<label><input type='radio' name='patient' value='amelia-stone'>STONE, Amelia (f, 1980)</label><button>OK</button></form>",
    "radio-value-by-name": "<h1>Select patient</h1><form method='post' action='/done'><table><tr><td><input type='radio' name='patient' value='0'></td><td>Bruno C</td></tr>"
    "<tr><td><input type='radio' name='patient' value='amelia-stone'></td><td>Amelia Stone</td></tr></table><button>Next</button></form>",
    "select": "<h1>Patient</h1><form method='post' action='/done'><select name='patient'><option value=''>Choose...</option><option value='b'>Bruno</option>"
    "<option value='amelia-stone'>Amelia Stone</option></select><button>Go</button></form>",
    "buttons": "<h1>Select a patient</h1><form method='post' action='/done'><button name='patient' value='bruno'>Bruno</button>"
    "<button name='patient' value='amelia-stone'>Amelia Stone</button></form>",
    "data-attribute": "<h2>Patients</h2><form id='patientForm' method='post' action='/done'><input type='hidden' id='patient_id' name='patient'><ul>"
    "<li>Bruno <button type='button' class='patient-btn' data-patient-id='bruno'>Select patient</button></li>"
    "<li>Amelia <button type='button' class='patient-btn' data-patient-id='amelia-stone'>Select patient</button></li></ul></form><script>"
    "document.querySelectorAll('.patient-btn').forEach(b => b.onclick = () => { document.getElementById('patient_id').value = b.dataset.patientId;"
    "document.getElementById('patientForm').submit() })</script>",
    "rows": "<h1>Select Patient</h1><input id='search-input' placeholder='Search patients'><table><tbody><tr><td>Bruno</td></tr><tr><td>Stone, Amelia</td></tr></tbody></table>"
    "<style>tbody tr{cursor:pointer}</style><form method='post' action='/done'><input type='hidden' name='patient'></form><script>"
    "document.querySelectorAll('tbody tr').forEach((r, i) => r.onclick = () => { document.forms[0].patient.value = ['b', 'amelia-stone'][i]; document.forms[0].submit() })</script>",
    "select-links-in-rows": "<h1>Patient list</h1><table><tr><td>Bruno</td><td><a href='/pick?p=1'>Select</a></td></tr>"
    "<tr><td>Amelia Stone</td><td><a href='/pick?p=amelia-stone'>Select</a></td></tr></table>",
    "links": "<h1>Choose a record</h1><ul><li><a href='/pick?p=bruno'>Bruno</a></li><li><a href='/pick?p=amelia-stone'>A.S.</a></li></ul>",
    "search": "<h1>Find a patient</h1><form action='/found' method='get'><input name='lname' placeholder='Last name' type='search'><button>Search</button></form>",
    "only-one": "<h1>Select a patient</h1><form method='post' action='/done'><label><input type='radio' name='patient' value='amelia-stone'>Somebody else's name</label><button>OK</button></form>",
}


@pytest.mark.parametrize("layout", list(PATIENTS))
def test_the_configured_patient_is_chosen(site, person, plan, callback, layout):
    site.html("/authorize", PATIENTS[layout], title="EHR")
    site.html(
        "/pick",
        "<form method='post' action='/done'><input type='hidden' name='patient' value='amelia-stone'></form><script>"
        "if (location.search === '?p=amelia-stone') document.forms[0].submit()</script>",
    )
    site.html(
        "/found",
        "<h1>Patients</h1><form method='post' action='/done'><button name='patient' value='x'>Stone, Otto</button><button name='patient' value='amelia-stone'>Stone, Amelia</button></form>",
    )
    done(site, callback)
    use = (
        replace(plan, patient="not-shown")
        if layout in ("radio-by-name", "radio-value-by-name", "rows", "select-links-in-rows", "only-one")
        else plan
    )
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=use)
    assert landing.caught, landing.describe()
    assert site.one("/done").value("patient") == "amelia-stone"
    if layout == "search":
        assert site.one("/found").query["lname"] == "Stone"


def test_a_patient_that_is_not_offered_is_said_plainly(site, person, plan, callback):
    site.html(
        "/authorize",
        "<h1>Select a patient</h1><form method='post' action='/done'><button name='patient' value='a'>Anna</button><button name='patient' value='b'>Bert</button></form>",
    )
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert landing.kind == "no-way-on"
    assert "not among the 2" in landing.reason
    assert landing.not_offered
    assert site.seen("/done") == []


def test_the_name_of_the_signed_in_patient_is_no_choice(site, person, plan, callback):
    site.html(
        "/authorize",
        "<header><button>Amelia Stone</button></header><h1>An app wants access to the record of Amelia Stone</h1>"
        "<form method='post' action='/done'><button name='d' value='allow'>Allow</button><button name='d' value='deny'>Deny</button></form>",
    )
    done(site, callback)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert landing.caught, landing.describe()
    assert site.one("/done").value("d") == "allow"


ENCOUNTERS = {
    "radio": "<h1>Select an encounter</h1><form method='post' action='/done'><label><input type='radio' name='encounter' value='enc-1'>Monday</label>"
    "<label><input type='radio' name='encounter' value='enc-2'>Tuesday</label><button>Continue</button></form>",
    "select": "<h1>Visit</h1><form method='post' action='/done'><select name='encounter'><option value='enc-1'>Mon</option><option value='enc-2'>Tue</option></select><button>OK</button></form>",
    "buttons": "<h1>Choose a visit for this patient</h1><form method='post' action='/done'><button name='encounter' value='enc-1'>Mon</button><button name='encounter' value='enc-2'>Tue</button></form>",
}


@pytest.mark.parametrize("layout", list(ENCOUNTERS))
@pytest.mark.parametrize("wanted", ["enc-2", None])
def test_an_encounter_is_chosen(site, person, plan, callback, layout, wanted):
    site.html("/authorize", ENCOUNTERS[layout])
    done(site, callback)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=replace(plan, encounter=wanted))
    assert landing.caught, landing.describe()
    assert site.one("/done").value("encounter") == (wanted or "enc-1")


def test_no_encounter_is_left_out(site, person, plan, callback):
    site.html("/authorize", "<h1>Select an encounter</h1><p>There are none.</p><a href='/done'>Continue without an encounter</a>")
    done(site, callback)
    assert person.go(f"{site.base}/authorize", catch=[callback], plan=plan).caught


CONSENTS = {
    "plain": "<h1>App wants access</h1><form method='post' action='/done'><button name='d' value='allow'>Allow</button><button name='d' value='deny'>Deny</button></form>",
    "keycloak-like": "<form id='kc-oauth' method='post' action='/done'><p>Grant access to the app</p><input name='d' id='kc-login' type='submit' value='Yes'>"
    "<input name='d' id='kc-cancel' type='submit' value='No'></form>",
    "simulator": "<h1>Authorize App Launch</h1><p>Do you want to share with this app?</p><form method='post' action='/done'><button id='approve' name='d' value='Approve'>Approve</button>"
    "<button id='deny' name='d' value='Deny'>Deny</button></form>",
    "deny-first": "<h1>Permission</h1><form method='post' action='/done'><button name='d' value='Do not allow'>Don't allow</button><button name='d' value='Allow'>Allow access</button></form>",
    "other-language": "<h1>Berechtigung</h1><form method='post' action='/done'><button name='d' value='a'>Zulassen</button><button name='d' value='n'>Ablehnen</button></form>",
    "icons-with-values": "<h1>Consent</h1><form method='post' action='/done'><button name='d' value='allow'>&#10003;</button><button name='d' value='deny'>&#10007;</button></form>",
    "continue-and-cancel": "<h1>Share your data</h1><p>The app requests access</p><form method='post' action='/done'><button name='d' value='go'>Continue</button>"
    "<button name='d' value='cancel'>Cancel</button></form>",
}
ANSWERS = {
    "plain": ("allow", "deny"),
    "keycloak-like": ("Yes", "No"),
    "simulator": ("Approve", "Deny"),
    "deny-first": ("Allow", "Do not allow"),
    "other-language": ("a", "n"),
    "icons-with-values": ("allow", "deny"),
    "continue-and-cancel": ("go", "cancel"),
}


PERIODS = {
    "radio buttons": "<fieldset><legend>For how long?</legend><label><input type='radio' name='t' value='1'>1 hour</label>"
    "<label><input type='radio' name='t' value='2'>for 30 days</label></fieldset>",
    "a select": "<label>Who may know, and until when? <select name='t' required><option value=''>Please choose</option><option value='1'>Just this once</option>"
    "<option value='2'>1 year</option></select></label>",
    "a purpose": "<fieldset><legend>What for?</legend><label><input type='radio' name='t' value='1'>Treatment</label>"
    "<label><input type='radio' name='t' value='2'>Research</label></fieldset>",
}


@pytest.mark.parametrize("asked", list(PERIODS))
def test_a_question_beside_the_consent_is_no_choice_of_a_patient(site, person, plan, callback, asked):
    box = "<label><input type='checkbox' name='scope' value='openid' checked>Know who you are</label>"
    buttons = "<button name='d' value='allow'>Allow</button><button name='d' value='deny'>Deny</button>"
    site.html(
        "/authorize",
        f"<h1>App wants access</h1><p>Patient Bruno C.</p><form method='post' action='/done'>{box}{PERIODS[asked]}{buttons}</form>",
    )
    done(site, callback)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=replace(plan, patient="amelia-stone", encounter="visit-7"))
    assert landing.caught, landing.describe()
    assert site.one("/done").value("t") == "1"
    assert site.one("/done").value("d") == "allow"


@pytest.mark.parametrize("layout", list(CONSENTS))
@pytest.mark.parametrize("consent", ["allow", "deny"])
def test_consent_is_given_or_denied(site, person, plan, callback, layout, consent):
    site.html("/authorize", CONSENTS[layout])
    done(site, callback)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=replace(plan, consent=consent), capture=True)
    assert landing.caught, landing.describe()
    assert site.one("/done").value("d") == ANSWERS[layout][consent == "deny"]
    assert len(landing.captures) == 1


BOXES = {
    "values": "<label><input type='checkbox' name='scope' value='patient/Patient.rs' checked>Demographics</label>"
    "<label><input type='checkbox' name='scope' value='patient/Observation.rs' checked>Results</label>",
    "labels": "<label><input type='checkbox' name='scope' value='patient/Patient.rs' checked>patient/Patient.rs</label>"
    "<input type='checkbox' id='o' name='scope' value='patient/Observation.rs' checked><label for='o'>patient/Observation.rs (read and search)</label>",
    "resource-words": "<label><input type='checkbox' name='grant[Patient][]' value='patient/Patient.rs' checked>Patient</label>"
    "<label><input type='checkbox' name='grant[Observation][]' value='patient/Observation.rs' checked>Observations</label>",
    "unticked-at-first": "<label><input type='checkbox' name='scope' value='patient/Patient.rs'>Demographics</label>"
    "<label><input type='checkbox' name='scope' value='patient/Observation.rs'>Results</label>",
}


@pytest.mark.parametrize("layout", list(BOXES))
@pytest.mark.parametrize("less", [True, False])
def test_scopes_can_be_unticked(site, person, plan, callback, layout, less):
    site.html(
        "/authorize",
        f"<h1>App wants access</h1><form method='post' action='/done'>{BOXES[layout]}<label><input type='checkbox' name='keep' value='1'>Remember this decision</label>"
        "<button name='d' value='allow'>Allow</button><button name='d' value='deny'>Deny</button></form>",
    )
    done(site, callback)
    consent = Deselect(scopes=["patient/Observation.rs"]) if less else "allow"
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=replace(plan, consent=consent))
    assert landing.caught, landing.describe()
    given = [v for k, v in site.one("/done").form if k not in ("d", "keep")]
    assert given == (["patient/Patient.rs"] if less else ["patient/Patient.rs", "patient/Observation.rs"])
    assert site.one("/done").value("keep") is None


def test_a_page_without_boxes_cannot_allow_less(site, person, plan, callback):
    site.html("/authorize", CONSENTS["plain"])
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=replace(plan, consent=Deselect(["patient/Observation.rs"])))
    assert landing.kind == "no-way-on"
    assert "no box" in landing.reason
    assert site.seen("/done") == []


def test_a_page_without_deny_cannot_be_denied(site, person, plan, callback):
    site.html("/authorize", "<h1>App wants access</h1><form method='post' action='/done'><button>Allow</button></form>")
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=replace(plan, consent="deny"))
    assert landing.kind == "no-way-on"
    assert "no way to deny" in landing.reason
    assert landing.no_denial


def test_the_only_button_beside_the_name_of_the_patient_is_no_choice_of_a_patient(site, person, plan, callback):
    box = "<label><input type='checkbox' name='scope' value='patient/Patient.rs' checked>Read and find Patient</label>"
    asks = f"<p>Patient <strong>Amelia Stone</strong></p><form method='post' action='/done'>{box}<button>Allow</button></form>"
    site.html("/authorize", f"<h1>Allow Growth Chart to connect?</h1>{asks}")
    named = replace(plan, consent="deny", patient="amelia-stone", patient_names=("Amelia Stone",))
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=named)
    assert landing.no_denial
    assert site.seen("/done") == []


def test_a_caller_can_stop_at_the_consent_page(site, person, plan, callback):
    site.html("/authorize", CONSENTS["plain"])
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan, stop_when=is_consent)
    assert landing.kind == "stopped"
    assert "App wants access" in landing.text
    assert site.seen("/done") == []


def test_a_question_after_deny_is_agreed_to(site, person, plan, callback):
    site.html(
        "/authorize", CONSENTS["plain"] + "<script>document.querySelector('[value=deny]').onclick = () => confirm('Are you sure?')</script>"
    )
    done(site, callback)
    assert person.go(f"{site.base}/authorize", catch=[callback], plan=replace(plan, consent="deny")).caught


@pytest.mark.parametrize(
    "buttons",
    [
        "<button name='sure' value='y'>Yes, deny access</button><a href='/authorize'>Back</a>",
        "<button name='sure' value='y'>Yes</button><button name='sure' value='n'>No</button>",
    ],
)
def test_a_page_after_deny_that_asks_whether_it_was_meant_is_agreed_to(site, person, plan, callback, buttons):
    site.html("/authorize", CONSENTS["plain"].replace("/done", "/asked"))
    site.html("/asked", f"<h1>Are you sure?</h1><p>App will not get access.</p><form method='post' action='/done'>{buttons}</form>")
    done(site, callback)
    assert person.go(f"{site.base}/authorize", catch=[callback], plan=replace(plan, consent="deny")).caught
    assert site.one("/done").value("sure") == "y"


# --- an EHR's own pages ----------------------------------------------------------------------------------------------------------

LAUNCH = "https://app.example/launch"
CHARTS = {
    "list-then-tile": (
        "<h1>My patients</h1><table><tr><td>Bruno</td><td><a href='/chart/bruno'>Open</a></td></tr><tr><td>Amelia Stone</td><td><a href='/chart/amelia-stone'>Open chart</a></td></tr></table>",
        (
            "<h1>Amelia Stone</h1><nav><a href='/home'>Patients</a></nav><div class='card'><h3>Other app</h3><a href='/x'>Launch</a></div>"
            "<div class='card'><h3>Growth Chart</h3><a href='/launch'>Launch</a></div>"
        ),
    ),
    "named-button": (
        "<h1>Patients</h1><ul><li><a href='/chart/amelia-stone'>Amelia</a></li></ul>",
        "<form action='/launch'><button>Growth Chart</button></form><form action='/x'><button>Launch something else</button></form>",
    ),
    "client-id": (
        "<h1>Patients</h1><a href='/chart/amelia-stone'>Amelia Stone</a>",
        "<form action='/x'><button name='app' value='other'>Launch</button></form><form action='/launch'><button name='app' value='client-1'>Launch</button></form>",
    ),
    "select": (
        "<h1>Patients</h1><a href='/chart/amelia-stone'>Amelia Stone</a>",
        "<form action='/launch'><select name='app'><option value='o'>Other</option><option value='g'>Growth Chart</option></select><button>Launch app</button></form>",
    ),
    "links-that-name-several": (
        "<h1>Patients</h1><a href='/chart/amelia-stone'>Amelia Stone</a>",
        (
            "<ul><li>client-0 <a href='/x?all=client-0&amp;all=client-1&amp;open=0'>Launch</a></li>"
            "<li>client-1 <a href='/launch?all=client-0&amp;all=client-1&amp;open=1'>Launch</a></li></ul>"
        ),
    ),
    "links-that-name-several-and-one": (
        "<h1>Patients</h1><a href='/chart/amelia-stone'>Amelia Stone</a>",
        "<p><a href='/x?all=client-0&amp;all=client-1&amp;app=client-0'>Launch</a> <a href='/launch?all=client-0&amp;all=client-1&amp;app=client-1'>Launch</a></p>",
    ),
    "pop-up": (
        "<h1>Patients</h1><a href='/chart/amelia-stone'>Amelia Stone</a>",
        "<a target='_blank' href='/launch'>Launch Growth Chart</a>",
    ),
}


@pytest.mark.parametrize("layout", list(CHARTS))
def test_an_app_is_launched_from_a_chart(site, person, plan, kept, layout):
    patients, chart = CHARTS[layout]
    site.html(
        "/ehr",
        "<form method='post' action='/ehr/home'><input name='u' id='user'><input type='password' name='p'><button>Sign in</button></form>",
    )
    site.html("/ehr/home", patients)
    site.html("/chart/amelia-stone", chart)
    site.html("/chart/bruno", "<h1>Bruno</h1>")
    site.redirect("/launch", f"{LAUNCH}?iss=https%3A%2F%2Ffhir.example&launch=abc")
    landing = person.open_chart(
        f"{site.base}/ehr", plan=plan, patient="amelia-stone", app_name="Growth Chart", client_id="client-1", catch=[LAUNCH]
    )
    assert landing.caught, landing.describe()
    assert landing.value("launch") == "abc"
    assert (kept.exchanges[0].endpoint, kept.exchanges[-1].endpoint) == ("page", "launch")


def test_the_first_chart_is_opened_where_no_patient_is_configured(site, person, plan):
    site.html("/ehr", "<h1>My patients</h1><p><a href='/chart/amelia-stone'>Amelia Stone</a></p><p><a href='/chart/bruno'>Bruno</a></p>")
    site.html("/chart/amelia-stone", "<h1>Amelia Stone</h1><a href='/launch'>Launch Growth Chart</a>")
    site.redirect("/launch", f"{LAUNCH}?iss=https%3A%2F%2Ffhir.example&launch=abc")
    nobody = replace(plan, patient=None, patient_names=[])
    landing = person.open_chart(f"{site.base}/ehr", plan=nobody, patient=None, app_name="Growth Chart", client_id="c", catch=[LAUNCH])
    assert landing.caught, landing.describe()
    assert "opened the first chart, since no patient is configured" in landing.steps


def test_a_chart_without_the_app_is_said_plainly(site, person, plan):
    site.html("/ehr", "<h1>Patients</h1><a href='/chart/amelia-stone'>Amelia Stone</a>")
    site.html("/chart/amelia-stone", "<h1>Amelia Stone</h1><p>No apps.</p>")
    landing = person.open_chart(
        f"{site.base}/ehr", plan=LoginPlan(patient_names=["Amelia Stone"]), patient="amelia-stone", app_name="Growth Chart", catch=[LAUNCH]
    )
    assert landing.kind == "no-way-on"
    assert landing.steps


def test_a_button_that_opens_a_menu_is_no_answer_and_what_a_page_calls_out_is_told(site, person, plan, callback):
    site.html(
        "/authorize",
        "<h1>Connection</h1><p role='alert'>You lack the credential to access these scopes</p>"
        "<button id='selectGrant' data-toggle='dropdown' aria-haspopup='true'>Manage</button><button id='out'>Log out</button>",
    )
    site.html("/asks", "<p role='alert'>The field is required</p><label>Badge number <input name='badge'></label>")
    assert not person.go(f"{site.base}/asks", catch=[callback], plan=plan).complaint
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert landing.kind == "no-way-on"
    assert not landing.steps
    assert 'the page says "You lack the credential to access these scopes"' in landing.reason
    assert landing.complaint == "You lack the credential to access these scopes"


def test_a_page_that_comes_back_is_quoted(site, person, plan, callback):
    site.html(
        "/authorize",
        "<h1>Allow access?</h1><p class='toast error'>No such permission</p><form><button>Allow</button><button>Deny</button></form>",
    )
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert "came back unchanged" in landing.reason
    assert landing.reason.endswith('the page says "No such permission"')
    assert landing.complaint == "No such permission"


def test_a_page_that_tells_an_error_and_leads_home_is_left_there(site, person, plan, callback):
    site.html("/authorize", "<div role='alert'>The scope is not valid</div><a href='/portal' class='btn btn-danger'>Go to portal</a>")
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert not site.seen("/portal")
    assert 'the page says "The scope is not valid"' in landing.reason
    assert landing.complaint == "The scope is not valid"
