"""The automatic recipe on sets of pages in the shape of real products: a person signs in, chooses, allows or denies."""

from __future__ import annotations

import pytest
from starlette.responses import HTMLResponse

from smartlaunch.browser import Deselect, LoginPlan, parse_steps
from tests.browser.products import MEDPLUM_SHELL, NAME, PASSWORD, PRODUCTS, USER, consent, launcher_2_picker, page, spa


@pytest.fixture
def install(site, callback):
    def installed(product):
        for path, body in product.pages.items():
            if body.startswith("-> "):
                site.redirect(path, f"{site.base}{body[3:]}")
            else:
                site.html(path, body)

        def done(visit):
            refused = product.denied is not None and product.denied in pairs_of([visit])
            target = f"{callback}?error=access_denied" if refused else f"{callback}?code=c-1"
            return HTMLResponse(status_code=303, headers={"location": target})

        site.on("/done", done)

    return installed


def pairs_of(visits):
    return [(k, v) for visit in visits for k, v in (*visit.form, *visit.query.items())]


def plan_of(product, **more):
    names = [] if more.pop("nameless", False) else [NAME]
    return LoginPlan(USER, PASSWORD, product.persona, patient=product.known, patient_names=names, **more)


@pytest.mark.parametrize("name", list(PRODUCTS))
def test_a_person_signs_in_chooses_and_allows(site, person, install, callback, name):
    product = PRODUCTS[name]
    install(product)
    landing = person.go(
        f"{site.base}/authorize", catch=[callback], plan=plan_of(product, nameless=name in ("launcher-2-by-id", "launcher-1-fetching"))
    )
    pairs = pairs_of(site.visits)
    assert landing.value("code") == "c-1", f"{landing.describe()}\n{pairs}"
    for pair in {**product.sent, **product.before}.items():
        assert pair in pairs, f"{landing.steps}\n{pairs}"
    assert sum(v == PASSWORD for _, v in pairs) == (PASSWORD in product.sent.values())
    assert not {k for k, _ in pairs} & set(product.never), f"{landing.steps}\n{pairs}"


@pytest.mark.parametrize("name", list(PRODUCTS))
def test_a_person_signs_in_chooses_and_denies(site, person, install, callback, name):
    product = PRODUCTS[name]
    install(product)
    plan = plan_of(product, consent="deny", nameless=name in ("launcher-2-by-id", "launcher-1-fetching"))
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    if product.denied is None:
        assert landing.kind == "no-way-on", landing.describe()
        assert not site.seen("/done")
        return
    assert landing.value("error") == "access_denied", f"{landing.describe()}\n{pairs_of(site.visits)}"
    assert product.denied in pairs_of(site.visits)


def test_a_scope_is_unticked_in_the_shape_of_a_page_that_lists_scopes(site, person, install, callback):
    product = PRODUCTS["medplum"]
    install(product)
    plan = plan_of(product, consent=Deselect(["patient/Observation.rs"]))
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert landing.caught, landing.describe()
    assert ("scope", "openid user/Patient.rs") in pairs_of(site.visits)


@pytest.mark.parametrize("boxes", [True, False])
def test_a_page_that_asks_for_the_patient_and_for_consent_has_asked_for_consent(site, person, install, callback, boxes):
    product = PRODUCTS["django-oauth-toolkit-patients"]
    install(product)
    if boxes:
        box = "<label><input type='checkbox' name='scope' value='patient/Observation.rs' checked> patient/Observation.rs</label>"
        site.html("/ask", product.pages["/ask"].replace("<fieldset>", f"{box}<fieldset>"))
    allowed = person.go(f"{site.base}/authorize", catch=[callback], plan=plan_of(product))
    assert allowed.asked_consent
    fewer = person.go(f"{site.base}/authorize", catch=[callback], plan=plan_of(product, consent=Deselect(["patient/Observation.rs"])))
    assert fewer.caught == boxes, fewer.describe()
    assert fewer.unticked == (("patient/Observation.rs",) if boxes else ())
    assert boxes or "no box to untick" in fewer.reason


def test_a_box_for_a_scope_is_no_patient_and_the_button_beside_it_no_choice(site, person, install, callback):
    product = PRODUCTS["medplum"]
    install(product)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan_of(product))
    assert not [step for step in landing.steps if "patient" in step], landing.steps


def test_the_search_box_of_a_frame_around_the_page_is_no_picker(site, person):
    launch = "https://app.example/launch"
    site.html(
        "/ehr",
        spa(
            "Patient",
            """show(`<main><h1>Patient</h1><table><tbody><tr><td><a href="/Patient/b">Bruno C</a></td></tr><tr><td><a href="/Patient/amelia-stone">Amelia Stone</a></td></tr>
            </tbody></table></main>`);""",
            MEDPLUM_SHELL,
        ),
    )
    site.html("/Patient/amelia-stone", page("Amelia Stone", f"{MEDPLUM_SHELL}<h1>Apps</h1><a href='/go'>Growth Chart</a>"))
    site.redirect("/go", f"{launch}?iss=x&launch=abc")
    plan = LoginPlan(USER, PASSWORD, patient_names=[NAME])
    landing = person.open_chart(f"{site.base}/ehr", plan=plan, patient="amelia-stone", app_name="Growth Chart", catch=[launch])
    assert landing.caught, landing.describe()
    assert not [step for step in landing.steps if "searched" in step]


def test_a_search_that_finds_nobody_falls_back_to_the_list(site, person, install, callback):
    product = PRODUCTS["launcher-2-by-id"]
    install(product)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan_of(product, nameless=True))
    assert landing.caught, landing.describe()
    assert ("search", "amelia-stone") in pairs_of(site.visits)
    assert ("search", "") in pairs_of(site.visits)


def test_a_patient_on_no_page_of_the_list_is_said_plainly(site, person, install, callback):
    product = PRODUCTS["launcher-2-by-id"]
    install(product)
    site.html("/select-patient", launcher_2_picker([[("b", "Bruno C"), ("c", "Cara D")], [("d", "Dan E"), ("f", "Fay G")]]))
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan_of(product, nameless=True))
    assert landing.kind == "no-way-on"
    assert "not among the" in landing.reason
    assert not [v for v in site.visits if "sorted" in v.query]


def test_what_a_page_without_controls_says_is_quoted(site, person, callback):
    site.html(
        "/authorize", spa("Authorize", "show('<p><big>Do you want to launch this application? No useful scopes requested!</big></p>')")
    )
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=LoginPlan(USER, PASSWORD))
    assert landing.kind == "no-way-on"
    assert "No useful scopes requested!" in landing.reason


def test_a_form_that_is_shown_for_a_moment_is_not_taken_for_one_that_was_sent(site, person, callback):
    """Single sign-on: the form is there until the script has heard that the user is known."""
    form = "<form method='post' action='/login'><label>User name <input name='user'></label><label>Password <input type='password' name='password'></label><button>Sign in</button></form>"
    site.html("/authorize", page("Sign in", f"{form}<script>setTimeout(() => {{ location.href = '/ask' }}, 400)</script>"))
    site.html("/ask", consent("/done", "<button>Allow</button>", "<button name='d' value='n'>Deny</button>"))
    site.redirect("/done", f"{callback}?code=1", 303)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=LoginPlan())
    assert landing.caught, landing.describe()


def test_a_page_that_goes_on_by_itself_is_waited_for_after_a_step_that_failed(site, person, callback):
    site.html(
        "/authorize",
        page(
            "Door",
            "<input id='a'><script>setTimeout(() => { a.remove(); setTimeout(() => { location.href = '/ask' }, 500) }, 150)</script>",
        ),
    )
    site.html("/ask", consent("/done", "<button>Allow</button>", "<button name='d' value='n'>Deny</button>"))
    site.redirect("/done", f"{callback}?code=1", 303)
    steps = parse_steps([{"page": {"title_contains": "Door"}, "fill": {"selector": "#a", "role": "user"}, "click": "#b"}])
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=LoginPlan(USER, PASSWORD, steps=steps), step_timeout_s=1)
    assert landing.caught, landing.describe()
    assert landing.steps[0].startswith("allowed")


def test_a_chart_that_breaks_is_told_with_its_text_controls_and_script_errors(site, person):
    body = "<h1>Apps</h1><p>Nothing is set up here, born 1980-04-05.</p><button>Reload</button>"
    site.html("/ehr", page("Chart", f"{body}<script>setTimeout(() => {{ throw new Error('apps is not a function') }}, 20)</script>"))
    landing = person.open_chart(
        f"{site.base}/ehr", plan=LoginPlan(), patient=None, app_name="Growth Chart", catch=["https://app.example/launch"]
    )
    told = landing.describe()
    assert landing.kind == "no-way-on"
    assert 'button "Reload"' in told
    assert "the page says: Apps Nothing is set up here, born ..." in told
    assert "script error: " in told
    assert "apps is not a function" in told
    assert "1980" not in told


def test_a_demonstration_without_a_password_of_ours_is_let_be(site, person, install, callback):
    product = PRODUCTS["launcher-1-patient"]
    install(product)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=LoginPlan("pat-1", ""))
    assert landing.caught, landing.describe()
    assert ("patient", "pat-1") in pairs_of(site.visits)
