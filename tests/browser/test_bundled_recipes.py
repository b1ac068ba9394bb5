"""Each bundled recipe on the known pages of its product: to allow, to deny, to allow less, to sign out, and each step of it at least once."""

from __future__ import annotations

import re

import pytest
from jsonschema import Draft202012Validator
from starlette.responses import HTMLResponse

from smartlaunch.browser import Deselect, LoginPlan, Recipe, parse_match, parse_steps
from smartlaunch.errors import LoginStuck, TargetFileError
from smartlaunch.onboarding.sandbox import sandboxes
from smartlaunch.target import bundled_recipes, load_recipe, parse_target, recipe_schema
from tests.browser.products import NAME, PASSWORD, PATIENT, PRODUCTS, USER, page
from tests.browser.vendor_pages import KEPT, LEFT_OUT, SIGNING_OUT, VENDORS


def of(name):
    file = bundled_recipes()[name]
    marks = tuple(parse_match(mark, name) for mark in file.marks)
    return Recipe(name, marks, tuple(parse_steps(list(file.steps), source=f"the recipe {name}", places=file.places)))


EVERY = [of(name) for name in bundled_recipes()]


def plan(pages, **more):
    return LoginPlan(USER, PASSWORD, pages.persona, patient=PATIENT, patient_names=[NAME], totp_secret=pages.totp, recipes=EVERY, **more)


def pairs(site):
    return [(k, v) for visit in site.visits for k, v in (*visit.form, *visit.query.items())]


@pytest.fixture
def walk(site, person, callback):
    def walked(pages, plan):
        site.reset()
        person.clear_cookies()
        for path, body in pages.pages.items():
            site.html(path, body)

        def done(_visit):
            refused = pages.denied is not None and pages.denied in pairs(site)
            return HTMLResponse(status_code=303, headers={"location": f"{callback}?{'error=access_denied' if refused else 'code=1'}"})

        site.on("/done", done)
        host = site.base.replace("127.0.0.1", f"{pages.host}.localhost")
        return person.go(f"{host}/authorize", catch=[callback], plan=plan)

    return walked


def by_recipe(landing, name):
    """The numbers of the steps that the recipe did; nothing else may have been done."""
    done = [re.fullmatch(rf"step (\d+) of the recipe {name}", step) for step in landing.steps]
    assert all(done), landing.describe()
    return {int(found[1]) for found in done if found}


@pytest.mark.parametrize("name", list(VENDORS))
def test_a_recipe_leads_through_the_pages_of_its_product(site, walk, name):
    used = set()
    for pages in VENDORS[name]:
        landing = walk(pages, plan(pages))
        assert landing.value("code") == "1", landing.describe()
        assert set(pages.sent.items()) <= set(pairs(site)), pairs(site)
        done = by_recipe(landing, name)
        assert landing.asked_consent == any(entry.role == "allow" for n in done for entry in of(name).steps[n - 1].click)
        used |= done
        if pages.denied is not None:
            landing = walk(pages, plan(pages, consent="deny"))
            assert landing.value("error") == "access_denied", landing.describe()
            assert landing.denied
            by_recipe(landing, name)
        if pages.boxes:
            landing = walk(pages, plan(pages, consent=Deselect([LEFT_OUT])))
            assert landing.value("code") == "1", landing.describe()
            assert landing.unticked == (LEFT_OUT,)
            by_recipe(landing, name)
            sent = {value for key, value in pairs(site) if key == pages.boxes or key.startswith("scope")}
            assert KEPT in sent
            assert LEFT_OUT not in sent
    unseen = {step.number for step in of(name).steps} - used
    assert {n for n in unseen if not any(e.role == "logout" for e in of(name).steps[n - 1].click)} == set()


@pytest.mark.parametrize("name", list(SIGNING_OUT))
def test_a_recipe_signs_out(site, person, name):
    site.html("/out", SIGNING_OUT[name])
    site.html(
        "/gone",
        page("Sign in", "<form method='post' action='/in'><input name='u'><input name='p' type='password'><button>Sign in</button></form>"),
    )
    landing = person.go(f"{site.base}/out", catch=[], plan=LoginPlan(recipes=EVERY, leaving=True), login_timeout_s=4)
    assert len(site.seen("/gone")) == 1, landing.describe()
    assert not site.seen("/in"), "nobody signs in again on the way out"
    assert by_recipe(landing, name)
    staying = person.go(
        f"{site.base}/out", catch=[], plan=LoginPlan(USER, PASSWORD, steps=of(name).steps, only_steps=True), login_timeout_s=4
    )
    assert not staying.steps, "what signs out is pressed on the way out only"


def test_every_vendor_has_a_recipe_and_every_recipe_says_where_it_is_from():
    assert set(bundled_recipes()) == set(sandboxes()) == set(VENDORS)
    for name, recipe in bundled_recipes().items():
        assert recipe.vendors == (name,)
        assert recipe.marks
        assert recipe.checked
        assert recipe.sources or recipe.unverified, name
        assert load_recipe(f"smartlaunch/target/recipes/{name}.toml").steps == recipe.steps
    Draft202012Validator.check_schema(recipe_schema())


OWN = {
    "azure": {"entra", "entra-another-account", "azure-sample"},
    "eclinicalworks": {"healow"},
    "keycloak": {"keycloak"},
    "medplum": {"medplum"},
    "blue-button": {"blue-button", "blue-button-listed"},
    "smart-health-it": {name for name in PRODUCTS if name.startswith("launcher-")},
    "oracle-health": {"oracle-patient", "oracle-provider"},
    "openemr": {"openemr-provider", "openemr-portal"},
}


@pytest.mark.parametrize("name", list(PRODUCTS))
def test_no_recipe_takes_the_pages_of_another_product_for_its_own(name):
    for path, body in PRODUCTS[name].pages.items():
        title = (re.search(r"<title>(.*?)</title>", body) or [""] * 2)[1]
        ids = set(re.findall(r"\bid=[\"']([^\"']+)", body))
        fits = {
            recipe.name
            for recipe in EVERY
            for mark in recipe.marks
            if not mark.url_contains and mark.title_contains.lower() in title.lower() and (not mark.has or mark.has[1:] in ids)
        }
        strangers = {recipe for recipe in fits if name not in OWN.get(recipe, ())}
        # Both the launcher and Blue Button have something with the id `approve`; their steps tell a button from an input.
        assert strangers <= ({"smart-health-it", "blue-button"} if "approve" in ids else set()), path


def test_a_page_that_has_changed_is_left_to_the_automatic_recipe_and_told(site, walk):
    pages = VENDORS["keycloak"][0]
    changed = type(pages)(
        {**pages.pages, "/grant": pages.pages["/grant"].replace('id="kc-cancel"', 'id="new"')}, pages.sent, pages.denied, totp=pages.totp
    )
    landing = walk(changed, plan(changed, consent="deny"))
    assert landing.value("error") == "access_denied", landing.describe()
    said = next(step for step in landing.steps if step.startswith("left to the automatic recipe"))
    assert re.search(r"step 3 of the recipe keycloak \(keycloak.toml:\d+\) cannot click '#kc-cancel'", said)


def test_a_page_that_two_recipes_know_is_left_to_the_automatic_one(site, person, callback):
    site.html("/authorize", page("Two", "<form method='post' action='/done'><button id='go'>Continue</button></form>"))
    site.redirect("/done", f"{callback}?code=1", 303)
    steps = [{"page": {"has": "#go"}, "click": "#go"}]
    twins = [
        Recipe(
            name,
            (parse_match({"title_contains": "Two"}, "marks"),),
            tuple(parse_steps(steps, source=f"the recipe {name}", places=[f"{name}.toml:3"])),
        )
        for name in ("one", "other")
    ]
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=LoginPlan(recipes=twins))
    assert landing.caught
    assert landing.steps[0] == "left to the automatic recipe: one (one.toml:3) and other (other.toml:3) both know the page"


def test_a_password_that_a_recipe_sent_in_vain_is_not_sent_again(site, person, callback):
    site.html("/authorize", VENDORS["keycloak"][0].pages["/authorize"])
    site.html("/otp", VENDORS["keycloak"][0].pages["/authorize"].replace("<form", "<p role='alert'>Invalid username or password.</p><form"))
    with pytest.raises(LoginStuck, match="refused"):
        person.go(f"{site.base}/authorize", catch=[callback], plan=LoginPlan(USER, "wrong", recipes=EVERY))
    assert sum(v == "wrong" for _, v in pairs(site)) == 1


# --- bad input -------------------------------------------------------------------------------------------------------------------

SMALL = 'schema = 1\n[target]\nfhir_base_url = "https://ehr.example/fhir"\nvendor = "keycloak"\n[clients.web]\nrole = "public"\nclient_id = "w"\nscopes = "openid"\nredirect_uri = "https://app.example/r"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '[[login.steps]]\nclick = "#a"\n[[login.steps]]\nfill = { selector = "#u", role = "usr" }',
            r"r.toml:4: .*role.* is 'usr', must be one of user, password.*did you mean `user`",
        ),
        (
            '[[login.steps]]\nclick = [{ selector = "#a", role = "alow" }]',
            r"r.toml:2: .*'alow', must be one of allow, deny, untick, logout; did you mean `allow`",
        ),
        ('[[login.steps]]\nfill = { selector = "#u", value = "username" }', r"r.toml:2: .*role = \"user\""),
        ('[[login.steps]]\nfill = { selector = "#u" }', r"r.toml:2: .*must be a selector with either a role or a value"),
        ('[[login.steps]]\nfill = { selector = "#u", role = "user", value = "x" }', r"r.toml:2: .*either a role or a value"),
        ('[[login.steps]]\nselect = "#u"', r"r.toml:2: unknown key `select`"),
        ("[[login.steps]]\nclick = 3", r"r.toml:2: `login.steps\[1\].click` must be a text"),
        ('[recipe]\nmarks = [{ has = "form #x" }]\n[[login.steps]]\nclick = "#a"', r"r.toml:2: .*id of a control"),
        ('[recipe]\nname = "x"', r"r.toml: key `login` is missing"),
    ],
)
def test_a_recipe_file_that_is_wrong_is_named_with_its_line(tmp_path, text, says):
    (tmp_path / "r.toml").write_text(text)
    with pytest.raises(TargetFileError, match=says):
        parse_target(f'{SMALL}[login]\nrecipe = "r.toml"\n', path=str(tmp_path / "t.toml"))


def test_a_recipe_that_is_not_there_or_is_for_another_vendor_is_told(tmp_path):
    with pytest.raises(TargetFileError, match=r"t.toml:11: there is no recipe `keycloack`, did you mean `keycloak`\?"):
        parse_target(f'{SMALL}[login]\nrecipe = "keycloack"\n', path="t.toml")
    with pytest.raises(TargetFileError, match=r"gone.toml: no such file"):
        parse_target(f'{SMALL}[login]\nrecipe = "gone.toml"\n', path=str(tmp_path / "t.toml"))
    (warning,) = parse_target(f'{SMALL}[login]\nrecipe = "epic"\n', path="t.toml").warnings
    assert warning == "t.toml:11: login.recipe `epic` is for the pages of epic, and target.vendor is keycloak; its recipe is `keycloak`"
    assert parse_target(f'{SMALL}[login]\nrecipe = "keycloak"\n', path="t.toml").warnings == ()


def named(steps):
    return parse_steps(steps, source="own.toml", places=[f"own.toml:{3 * n + 1}" for n in range(len(steps))])


def test_a_selector_that_fits_two_elements_is_told_by_file_and_line(site, person, callback):
    site.html("/authorize", "<h1>Door</h1><button>Nurse</button><button>Nurse</button>", title="Door")
    steps = named([{"page": {"title_contains": "Door"}, "click": "button:has-text('Nurse')"}])
    with pytest.raises(LoginStuck, match=r"own.toml:1: step 1 of own.toml cannot click .*: it fits 2 elements of the page"):
        person.go(f"{site.base}/authorize", catch=[callback], plan=LoginPlan(steps=steps), step_timeout_s=1)


def test_a_step_on_an_element_that_is_missing_is_told_by_file_and_line(site, person, callback):
    site.html("/authorize", "<h1>Door</h1><button>Nurse</button>", title="Door")
    steps = named([{"page": {"has": "#nowhere"}, "click": "#nowhere"}, {"page": {"title_contains": "Door"}, "click": "#gone"}])
    with pytest.raises(LoginStuck, match=r"own.toml:4: step 2 of own.toml cannot click '#gone'"):
        person.go(f"{site.base}/authorize", catch=[callback], plan=LoginPlan(steps=steps), step_timeout_s=0.5)


def test_a_recipe_for_other_pages_is_told_where_the_login_gets_stuck(site, person, callback):
    site.html("/authorize", "<h1>Closed for today</h1>", title="Door")
    steps = named([{"page": {"has": "#nowhere"}, "click": "#nowhere"}])
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=LoginPlan(steps=steps), step_timeout_s=1)
    assert landing.kind == "no-way-on"
    assert "no step of own.toml (own.toml:1) names a page of this login" in landing.reason
