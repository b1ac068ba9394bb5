"""Sign-in pages as vendors build them, in our own words: the recipe has never seen any of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.responses import PlainTextResponse

from smartlaunch.browser import LoginPlan, parse_steps
from smartlaunch.errors import LoginStuck

USER, PASSWORD = "lena.hart@example.org", "correct horse"


def finish(site, callback, path="/done"):
    site.redirect(path, f"{callback}?code=1", 303)


def sent(site, path="/done"):
    return site.one(path).form


LAYOUTS = {
    "labels": '<form method="post" action="/done"><label>User name <input name="u"></label><label>Password <input type="password" name="p"></label>'
    "<button>Sign in</button></form>",
    "patient-portal": "<h1>Sign in to the portal</h1><form method='post' action='/done'><label for='id_login_username'>Username</label>"
    "<input id='id_login_username' name='u'><label for='id_login_password'>Password</label><input id='id_login_password' name='p' type='password'>"
    "<input type='checkbox' name='keep' id='k'><label for='k'>Remember me</label><button id='signin' type='submit'>Sign in</button>"
    "<a href='/forgot'>Forgot password?</a></form>",
    "provider-with-domain": "<form method='post' action='/done'><input name='u' placeholder='User name'><input type='password' name='p' placeholder='Password'>"
    "<input name='domain' value='C1941' aria-label='Domain'><input type='checkbox' name='keep' aria-label='Remember Username'>"
    "<button type='button'>Cancel</button><button>Log In</button></form>",
    "mychart-like": "<title>Portal - Login Page</title><form method='post' action='/done'><label for='Login'>Username</label><input id='Login' name='u'>"
    "<label for='Password'>Password</label><input id='Password' type='password' name='p'><input type='submit' value='Sign in'></form>",
    "keycloak-like": "<form id='kc-form-login' method='post' action='/done'><label for='username'>Username or email</label><input id='username' name='u' autofocus>"
    "<label for='password'>Password</label><input id='password' name='p' type='password'><button type='button' aria-label='Show password'>o</button>"
    "<input type='checkbox' id='rememberMe' name='keep'><input name='login' id='kc-login' type='submit' value='Sign In'></form>"
    "<a href='/register'>Register</a><a href='/google'>Sign in with Google</a>",
    "okta-like": "<form method='post' action='/done'><label for='okta-signin-username'>Username</label><input id='okta-signin-username' name='u'>"
    "<label for='okta-signin-password'>Password</label><input id='okta-signin-password' name='p' type='password'>"
    "<input type='submit' id='okta-signin-submit' value='Sign In'></form><a href='/help'>Need help signing in?</a>",
    "no-words-at-all": "<form method='post' action='/done'><input name='u'><input type='password' name='p'><input type='submit' value='&raquo;'></form>",
    "other-language": "<form method='post' action='/done'><label>Utilisateur<input name='u'></label><label>Mot de passe<input type='password' name='p'></label>"
    "<button type='reset'>Effacer</button><button>Se connecter</button></form>",
    "table-with-search-box": "<form action='/search'><input type='search' name='q' placeholder='Search'><button>Search</button></form>"
    "<form method='post' action='/done'><table><tr><td>User ID</td><td><input name='u'></td></tr><tr><td>Password</td><td>"
    "<input type='password' name='p'></td></tr></table><input type='image' alt='Login' src='/x.png'></form>",
    "beside-registration": "<form method='post' action='/register'><input name='e' type='email'><input type='password' name='n1' autocomplete='new-password'"
    " placeholder='New password'><input type='password' name='n2' placeholder='Repeat password'><button>Create account</button></form>"
    "<form method='post' action='/done'><input name='u' type='email' autocomplete='username'><input type='password' name='p'><button>Log in</button></form>",
    "prefilled-user": "<form method='post' action='/done'><input name='u' id='user' value='someone.else'><input type='password' name='p'><button>OK</button></form>",
    "honeypot": "<form method='post' action='/done'><input name='website' style='position:absolute;left:-9999px'><input name='u' placeholder='Email or username'>"
    "<input type='password' name='p'><button>Continue</button></form>",
    "social-first": "<a href='/google' role='button'>Continue with Google</a><form method='post' action='/done'><button type='submit' name='sso' value='1'>Use SSO</button>"
    "<input name='u' autocomplete='username'><input type='password' name='p'><button type='submit'>Continue</button></form>",
    "described-only": "<form method='post' action='/done'><input name='x' aria-describedby='d1'><input name='u' aria-describedby='d2'><input name='y' aria-describedby='d3'>"
    "<input type='password' name='p'><button>Go</button></form><ul><li id='d1'>Site code</li><li id='d2'>Your user name</li><li id='d3'>Ward</li></ul>",
    "cookie-banner-in-front": "<script>addEventListener('load', () => document.querySelectorAll('#c button').forEach(b => b.onclick = () => "
    "document.querySelector('#c').remove()))</script><form method='post' action='/done'><input name='u' id='user'><input name='p' type='password'><button>Sign in</button></form>"
    "<div id='c' role='dialog' aria-modal='true' style='position:fixed;inset:0;background:#fff'><p>We use cookies</p>"
    "<button>Accept all</button><button>Only necessary</button></div>",
}


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_signs_in_on_one_page(site, person, plan, callback, layout):
    site.html("/authorize", LAYOUTS[layout], title="Sign in")
    finish(site, callback)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert landing.caught, landing.describe()
    form = dict(sent(site))
    assert (form["u"], form["p"]) == (USER, PASSWORD)
    assert "keep" not in form
    assert form.get("domain", "C1941") == "C1941"
    assert "sso" not in form
    assert not form.get("website")
    assert PASSWORD not in repr(landing)
    assert PASSWORD not in repr(plan)


STEPS = [
    {
        "page": {"has": "#name"},
        "fill": [{"selector": "#name", "role": "user"}, {"selector": "#secret", "role": "password"}],
        "click": "#in",
    }
]
FORM = "<form method='post' action='/done'><input id='name' name='u'><input id='secret' name='p' type='password'><button id='in'>Sign in</button></form>"


def test_steps_alone_sign_in(site, person, plan, callback):
    site.html("/authorize", FORM)
    finish(site, callback)
    alone = replace(plan, steps=parse_steps(STEPS), only_steps=True)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=alone)
    assert landing.caught, landing.describe()
    assert landing.steps == ("step 1 of the target file",)


def test_steps_alone_leave_other_pages_untouched(site, person, plan, callback):
    site.html("/authorize", FORM.replace("id='name'", "id='other'"))
    finish(site, callback)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=replace(plan, steps=parse_steps(STEPS), only_steps=True))
    assert landing.kind == "no-way-on"
    assert "login.recipe is `steps`" in landing.reason
    assert not [visit for visit in site.visits if visit.method == "POST"]


def test_signs_in_on_two_pages(site, person, plan, callback):
    site.html(
        "/authorize",
        "<form method='post' action='/second'><label>Email<input type='email' name='email'></label><button>Next</button></form>",
    )
    site.html(
        "/second",
        "<form method='post' action='/done'><input name='email' value='lena.hart@example.org' readonly><label>Password<input type='password' name='password'></label>"
        "<label><input type='checkbox' id='remember'>Remember me</label><button>Sign in</button></form>",
    )
    finish(site, callback)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert landing.caught, landing.describe()
    assert site.one("/second").value("email") == USER
    assert site.one("/done").value("password") == PASSWORD


def test_signs_in_on_two_steps_of_one_script_page(site, person, plan, callback):
    site.html(
        "/authorize",
        """<div id="root">Loading...</div><script>
        const root = document.getElementById('root');
        setTimeout(() => {
          root.innerHTML = '<form id="f"><label>Email <input name="email" type="email" required></label><button type="submit">Next</button></form>';
          document.getElementById('f').onsubmit = event => {
            event.preventDefault();
            const email = root.querySelector('input').value;
            fetch('/method', {method: 'POST', body: new URLSearchParams({email})}).then(() => {
              root.innerHTML = '<form id="g"><label>Password <input name="password" type="password"></label><button type="submit">Sign in</button></form>';
              document.getElementById('g').onsubmit = second => {
                second.preventDefault();
                const password = root.querySelector('input').value;
                fetch('/login', {method: 'POST', body: new URLSearchParams({email, password})}).then(r => r.text()).then(to => { location.href = to; });
              };
            });
          };
        }, 120);
        </script>""",
        title="Sign in",
    )
    site.html("/method", "ok")
    site.on("/login", lambda _v: PlainTextResponse(f"{callback}?code=1"))
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert landing.caught, landing.describe()
    assert site.one("/method").value("email") == USER
    assert site.one("/login").value("password") == PASSWORD


def test_signs_in_within_a_shadow_root_and_with_trusted_clicks_only(site, person, plan, callback):
    site.html(
        "/authorize",
        """<x-login></x-login><script>
        customElements.define('x-login', class extends HTMLElement { connectedCallback() {
          const root = this.attachShadow({mode: 'open'});
          root.innerHTML = '<label for="a">User name</label><input id="a"><label for="b">Password</label><input id="b" type="password"><div role="button" tabindex="0">Log in</div>';
          root.querySelector('[role=button]').onclick = e => { if (e.isTrusted) location.href =
            '/done?u=' + encodeURIComponent(root.querySelector('#a').value) + '&p=' + encodeURIComponent(root.querySelector('#b').value); };
        } });
        </script>""",
    )
    finish(site, callback)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert landing.caught, landing.describe()
    assert site.one("/done").query == {"u": USER, "p": PASSWORD}


def test_signs_in_within_a_frame_of_the_same_origin(site, person, plan, callback):
    site.html("/authorize", "<h1>Welcome</h1><iframe src='/inner' style='width:500px;height:300px'></iframe>")
    site.html(
        "/inner",
        "<form method='post' action='/done' target='_top'><input name='u' id='username'><input name='p' type='password'><button>Sign in</button></form>",
    )
    finish(site, callback)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert landing.caught, landing.describe()
    assert dict(sent(site)) == {"u": USER, "p": PASSWORD}


def test_signs_in_within_a_frame_of_another_origin(site, person, plan, callback):
    other = site.base.replace("127.0.0.1", "localhost")
    site.html("/authorize", f"<h1>Welcome</h1><iframe src='{other}/inner' style='width:500px;height:300px'></iframe>")
    site.html(
        "/inner",
        "<form method='post' action='/done' target='_top'><input name='u' id='username'><input name='p' type='password'><button>Sign in</button></form>",
    )
    finish(site, callback)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert landing.caught, landing.describe()


def test_a_simulator_with_a_list_of_users_and_a_disabled_password(site, person, plan, callback):
    site.html(
        "/authorize",
        "<h1>Practitioner Login</h1><form method='post' action='/done'><select name='user' class='form-control'><option value='1'>Dr. No</option>"
        "<option value='lena.hart@example.org'>Lena Hart</option></select><input type='password' value='x' disabled><button>Login</button></form>",
    )
    finish(site, callback)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert landing.caught, landing.describe()
    assert site.one("/done").value("user") == USER


@pytest.mark.parametrize(("persona", "wanted"), [("provider", "api"), ("patient", "portal-api"), ("", "api")])
def test_role_buttons_of_one_form(site, person, callback, persona, wanted):
    site.html(
        "/authorize",
        "<form id='userLogin' method='post' action='/done'><input name='username'><input type='password' name='password'>"
        "<label><input type='checkbox' name='persist_login'>Remember</label><button name='user_role' value='api'>OpenEMR Login</button>"
        "<button name='user_role' value='portal-api'>Patient Login</button></form>",
    )
    finish(site, callback)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=LoginPlan(USER, PASSWORD, persona))
    assert landing.caught, landing.describe()
    assert site.one("/done").value("user_role") == wanted


@pytest.mark.parametrize(("persona", "wanted"), [("provider", "/staff"), ("patient", "/member")])
def test_a_page_that_asks_who_signs_in(site, person, callback, persona, wanted):
    site.html("/authorize", "<h1>Who are you?</h1><a href='/staff'>I am a provider</a><a href='/member'>I am a patient</a>")
    site.redirect("/staff", f"{callback}?code=1")
    site.redirect("/member", f"{callback}?code=1")
    assert person.go(f"{site.base}/authorize", catch=[callback], plan=LoginPlan(USER, PASSWORD, persona)).caught
    assert len(site.seen(wanted)) == 1


def test_the_whole_way_of_a_health_portal(site, person, plan, callback):
    """Loading page, script redirect, sign-in, self-posting hand-off, warning, records with consent."""
    site.html(
        "/authorize", "<title>Loading...</title><div id='r'></div><script>setTimeout(() => { location.href = '/realm' }, 80)</script>"
    )
    site.redirect("/realm", f"{site.base}/idp", 303)
    site.html("/idp", LAYOUTS["patient-portal"].replace("/done", "/idp-post"))
    site.html(
        "/idp-post",
        "<body onload='document.forms[0].submit()'><form method='post' action='/saml'><input type='hidden' name='SAMLResponse' value='PHNhbWw+'>"
        "<button>Continue</button></form>",
    )
    site.html(
        "/saml",
        "<title>Authorization Needed</title><h1>Warning: Unknown app</h1><p>We do not know this app.</p><form method='post' action='/warned'>"
        "<button id='proceedButton' type='submit'>Proceed</button><button type='button'>Cancel</button></form>",
    )
    site.html(
        "/warned",
        "<title>Authorization Needed</title><h2>Allow access to the record(s) of:</h2><form method='post' action='/done'>"
        "<style>input[type=radio]{position:absolute;opacity:0}</style>"
        "<input type='radio' name='person' id='99' value='99'><label for='99'>OTHER (Self, 34)</label>"
        "<input type='radio' name='person' id='amelia-stone' value='amelia-stone'><label for='amelia-stone'>A. STONE (Child, 4)</label>"
        "<button id='allowButton' name='decision' value='allow'>Allow</button><button id='denyButton' name='decision' value='deny'>Deny</button></form>",
    )
    finish(site, callback)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert landing.caught, landing.describe()
    assert sent(site) == [("person", "amelia-stone"), ("decision", "allow")]
    assert site.one("/saml").value("SAMLResponse") == "PHNhbWw+"


def test_the_whole_way_of_a_portal_with_durations(site, person, plan, callback):
    site.html("/authorize", LAYOUTS["mychart-like"].replace("/done", "/sure"))
    site.html(
        "/sure",
        "<title>Portal - Are you sure?</title><h1>Are you sure?</h1><p>The app has said that it:</p><ul><li>may keep data</li></ul>"
        "<form method='post' action='/share'><button>Continue</button></form><a href='/home'>Cancel</a>",
    )
    site.html(
        "/share",
        "<h1>What would you like to share?</h1><form method='post' action='/done'><label><input type='checkbox' name='s' value='patient/Observation.rs' checked>"
        "Observations</label><fieldset><legend>How long?</legend><label><input type='radio' name='t' value='1h'>1 hour</label>"
        "<label><input type='radio' name='t' value='3m'>3 months</label></fieldset><button>Allow access</button><button name='no' value='1'>Do not allow</button></form>",
    )
    finish(site, callback)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert landing.caught, landing.describe()
    assert sent(site) == [("s", "patient/Observation.rs"), ("t", "1h")]


def test_notices_are_passed_and_stay_signed_in_is_declined(site, person, plan, callback):
    site.html("/authorize", LAYOUTS["labels"].replace("/done", "/stay"))
    site.html(
        "/stay",
        "<h1>Stay signed in?</h1><form method='post' action='/phone'><button name='a' value='yes'>Yes</button><button name='a' value='no'>No</button></form>",
    )
    site.html(
        "/phone",
        "<h1>Add a phone number</h1><form method='post' action='/x'><input name='tel' type='tel' required><button>Save</button></form><a href='/terms'>Skip for now, maybe later</a>",
    )
    site.html(
        "/terms",
        "<h1>New terms</h1><form method='post' action='/done'><label><input type='checkbox' name='ok' required>I agree to the terms</label><button>Continue</button></form>",
    )
    finish(site, callback)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert landing.caught, landing.describe()
    assert site.one("/phone").value("a") == "no"
    assert dict(sent(site)) == {"ok": "on"}


# --- refusals --------------------------------------------------------------------------------------------------------------------


def test_a_refused_password_is_sent_once_and_never_again(site, person, plan, callback):
    site.html("/authorize", LAYOUTS["keycloak-like"].replace("/done", "/login"))
    site.html(
        "/login",
        "<div class='alert-error'>Invalid username or password.</div>" + LAYOUTS["keycloak-like"].replace("/done", "/login"),
        status=401,
    )
    with pytest.raises(LoginStuck) as caught:
        person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    message = str(caught.value)
    assert "Invalid username or password." in message
    assert "accounts lock" in message
    assert PASSWORD not in message
    assert caught.value.artifacts
    assert len(site.seen("/login")) == 1
    with pytest.raises(LoginStuck, match="refused earlier in this run"):
        person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert len(site.seen("/login")) == 1


def test_a_password_refused_by_script_is_sent_once(site, person, plan, callback):
    site.html(
        "/authorize",
        """<form id="f"><input id="username"><input type="password" id="password"><button>Sign in</button><p id="e" role="alert"></p></form><script>
        document.getElementById('f').onsubmit = e => { e.preventDefault(); fetch('/login', {method: 'POST'}).then(() => {
          document.getElementById('e').textContent = 'Wrong credentials'; }); };
        </script>""",
    )
    site.html("/login", "no", status=401)
    with pytest.raises(LoginStuck, match="Wrong credentials"):
        person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert len(site.seen("/login")) == 1


def test_an_unknown_user_name_on_the_first_of_two_pages(site, person, plan, callback):
    page = "<form method='post' action='/next'><input name='email' type='email'><button>Next</button></form>"
    site.html("/authorize", page)
    site.html("/next", "<p class='error'>We do not know this account</p>" + page)
    with pytest.raises(LoginStuck, match="We do not know this account"):
        person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert len(site.seen("/next")) == 1


def test_a_slow_answer_is_no_refusal(site, person, plan, callback):
    import asyncio

    from starlette.responses import RedirectResponse

    site.html("/authorize", LAYOUTS["labels"])

    async def slow():
        await asyncio.sleep(1.6)
        return RedirectResponse(f"{callback}?code=1", 303)

    site.on("/done", lambda _v: slow())
    assert person.go(f"{site.base}/authorize", catch=[callback], plan=plan).caught
    assert len(site.seen("/done")) == 1


def test_a_second_factor_is_said_plainly(site, person, plan, callback):
    site.html("/authorize", LAYOUTS["labels"])
    site.html(
        "/done",
        "<h1>Two-factor authentication</h1><form method='post' action='/x'><label>One-time code <input id='totp_token' autocomplete='one-time-code'></label><button>Verify</button></form>",
    )
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert landing.kind == "no-way-on"
    assert "one-time code" in landing.reason
    assert landing.screenshot


def test_missing_credentials_are_said_plainly(site, person, callback):
    site.html("/authorize", LAYOUTS["labels"])
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=LoginPlan())
    assert landing.kind == "no-way-on"
    assert "the target file gives none" in landing.reason
    assert site.seen("/done") == []


def test_a_page_for_a_new_password_is_said_plainly(site, person, plan, callback):
    site.html(
        "/authorize",
        "<h1>Your password has expired</h1><form method='post' action='/done'><input type='password' name='a' placeholder='New password'>"
        "<input type='password' name='b' placeholder='Confirm password'><button>Change</button></form>",
    )
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert "new password" in landing.reason
    assert site.seen("/done") == []


def test_a_user_name_that_the_form_does_not_take_is_said_plainly(site, person, callback):
    site.html("/authorize", "<form method='post' action='/next'><input name='email' type='email'><button>Next</button></form>")
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=LoginPlan("lena", PASSWORD))
    assert landing.kind == "no-way-on"
    assert "cannot be sent" in landing.reason
    assert site.seen("/next") == []


def test_enter_is_pressed_when_the_button_does_nothing(site, person, plan, callback):
    site.html(
        "/authorize",
        "<script>1</script><form method='post' action='/done'><input name='u' id='user'><input name='p' type='password'><button type='button'>Sign in</button><input type='submit' hidden></form>",
    )
    finish(site, callback)
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert landing.caught, landing.describe()
    assert dict(sent(site)) == {"u": USER, "p": PASSWORD}


def test_a_form_that_sends_nothing_is_not_taken_for_a_refusal(site, person, plan, callback):
    site.html(
        "/authorize", "<script>1</script><form><input name='u' id='user'><input name='p' type='password'></form><button>Sign in</button>"
    )
    landing = person.go(f"{site.base}/authorize", catch=[callback], plan=plan)
    assert landing.kind == "no-way-on"
    assert "sent anything" in landing.reason
