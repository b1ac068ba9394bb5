"""The known pages of the vendors with a bundled recipe, imitated: the ids, names and titles that are published, the rest in our own words.

Each set begins at ``/authorize`` on a host of the vendor's name and ends at ``/done``; a form that names a scope sends what is left ticked.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.browser.products import NAME, PASSWORD, PATIENT, USER, page, spa

KEPT, LEFT_OUT = "patient/Patient.rs", "patient/Observation.rs"


@dataclass(frozen=True)
class Pages:
    """Pages by path; what a person who allows must have sent, what one who denies."""

    pages: dict[str, str]
    sent: dict[str, str]
    denied: tuple[str, str] | None = ("decision", "deny")
    boxes: str = ""
    """The name under which the boxes of scopes are sent, where there are any."""
    host: str = "ehr.example"
    persona: str = "patient"
    totp: str = ""


def form(to: str, inner: str, **more: str) -> str:
    attributes = "".join(f' {key}="{value}"' for key, value in more.items())
    return f'<form method="post" action="{to}"{attributes}>{inner}</form>'


def boxes(name: str = "scope") -> str:
    return "".join(f'<label><input type="checkbox" name="{name}" value="{s}" checked> {s}</label>' for s in (KEPT, LEFT_OUT))


VENDORS: dict[str, list[Pages]] = {
    "oracle-health": [
        Pages(
            {
                "/authorize": page(
                    "Cerner Health - Sign In",
                    form(
                        "/warn",
                        '<label for="id_login_username">Username</label><input id="id_login_username" name="u"><label for="id_login_password">Password</label>'
                        '<input id="id_login_password" name="p" type="password"><button id="signin">Sign in</button>',
                    ),
                ),
                "/warn": page("Authorization Needed", "<h1>Warning: Unknown app</h1>" + form("/records", '<button id="proceedButton">Proceed</button>')),
                "/records": page(
                    "Authorization Needed",
                    "<h2>Allow access to the records of:</h2>"
                    + form(
                        "/done",
                        '<style>input[type=radio]{position:absolute;opacity:0;width:0}</style><input type="radio" name="person" id="99" value="99"><label for="99">OTHER (Self)</label>'
                        f'<input type="radio" name="person" id="{PATIENT}" value="{PATIENT}"><label for="{PATIENT}">A. STONE (Child)</label>'
                        '<button id="allowButton" name="decision" value="allow">Allow</button><button id="denyButton" name="decision" value="deny">Deny</button>',
                    ),
                ),
            },
            {"u": USER, "p": PASSWORD, "person": PATIENT, "decision": "allow"},
        ),
        Pages(
            {
                "/authorize": page(
                    "Authorization Needed",
                    form(
                        "/done",
                        f'<label for="{PATIENT}"><input type="checkbox" name="record" id="{PATIENT}" value="{PATIENT}" checked> A. STONE (Self)</label>'
                        '<button id="allowButton" name="decision" value="allow">Allow</button><button id="denyButton" name="decision" value="deny">Deny</button>',
                    ),
                ),
            },
            {"record": PATIENT, "decision": "allow"},
        ),
        Pages(
            {
                "/authorize": page(
                    "Provider Sign In",
                    form(
                        "/done",
                        '<input name="username"><input name="password" type="password"><input name="domain" value="C1941"><button type="button">Cancel</button><button>Log In</button>',
                    ),
                )
            },
            {"username": USER, "password": PASSWORD},
            denied=None,
            host="authorization.cerner.com",
            persona="clinician",
        ),
    ],
    "epic": [
        Pages(
            {
                "/authorize": page(
                    "MyChart - Login Page",
                    form("/terms", '<label for="Login">Username</label><input id="Login" name="u"><input id="Password" name="p" type="password"><input type="submit" value="Sign in">'),
                ),
                "/terms": page("MyChart - Terms", "<h1>Terms</h1>" + form("/sure", '<button name="ok" value="1">Accept</button><button name="ok" value="0">Decline and log out</button>')),
                "/sure": page(
                    "MyChart - Are you sure?",
                    "<p>The app has said that it:</p>" + form("/share", '<button title="Continue to next page">Continue</button><button name="back" value="1">Cancel</button>'),
                ),
                "/share": page(
                    "MyChart - Are you sure?",
                    "<h1>What would you like to share?</h1>"
                    + form("/done", boxes() + '<button name="decision" value="allow">Allow access</button><button name="decision" value="deny">Do not allow access</button>'),
                ),
            },
            {"u": USER, "p": PASSWORD, "ok": "1", "decision": "allow"},
            boxes="scope",
        ),
        Pages(
            {"/authorize": page("Hyperspace", form("/done", '<input id="username" name="u"><input id="password" name="p" type="password"><button id="loginbutton">Log in</button>'))},
            {"u": USER, "p": PASSWORD},
            denied=None,
            host="fhir.epic.com.interconnect-fhir-oauth",
            persona="clinician",
        ),
    ],
    "smart-health-it": [
        Pages(
            {
                "/authorize": page(
                    "SMART Login Required",
                    f'<form id="login"><select class="user"><option value="smart-1">Dr. No</option><option value="{USER}">Lena Hart</option></select><input type="password" id="password" value="demo">'
                    "<button type='submit'>Login</button></form><script>login.onsubmit = e => { e.preventDefault(); location.href = '/picker?u=' + document.querySelector('.user').value }</script>",
                ),
                "/picker": page(
                    "SMART Patient Picker",
                    "<style>tr.patient { cursor: pointer }</style><h2>Select Patient</h2><table><tr class='patient' id='patient-b'><td>Bruno C</td></tr>"
                    f"<tr class='patient' id='patient-{PATIENT}'><td>{NAME}</td></tr></table><script>document.querySelectorAll('.patient').forEach(r => r.onclick = () => "
                    "{ location.href = '/approve?person=' + r.id.replace('patient-', '') })</script>",
                ),
                "/approve": page(
                    "Authorize",
                    "<h2>Authorize App Launch</h2><button id='deny'>Deny</button><button id='approve'>Approve</button><script>deny.onclick = () => { location.href = '/done?decision=deny' };"
                    "approve.onclick = () => { location.href = '/done?decision=allow' }</script>",
                ),
            },
            {"u": USER, "person": PATIENT, "decision": "allow"},
        ),
        Pages(
            {
                "/authorize": page(
                    "SMART Login Required",
                    "<form id='login'><input class='user'><input type='password' id='password' value='demo'><button type='submit'>Login</button></form>"
                    "<script>login.onsubmit = e => { e.preventDefault(); location.href = '/done?u=' + encodeURIComponent(document.querySelector('.user').value) }</script>",
                )
            },
            {"u": USER},
            denied=None,
        ),
        Pages(
            {
                "/authorize": spa(
                    "SMART Launcher - Practitioner Login",
                    f"""show(`<h2>Practitioner Login</h2><select><option value="">Please Select</option><option value="{USER}">Lena Hart</option></select>
                    <input type="password" value="demo" disabled><button type="button">Login</button>`);
                    setTimeout(() => {{ $('button').onclick = () => {{ location.href = '/pick?u=' + $('select').value }} }}, 80);""",
                ),
                "/pick": page(
                    "SMART Launcher - Select Patient",
                    f"<table><tr title='Click to select patient with ID b' onclick=\"location.href='/done?person=b'\"><td>Bruno C</td></tr>"
                    f"<tr title='Click to select patient with ID {PATIENT}' onclick=\"location.href='/done?person={PATIENT}'\"><td>{NAME}</td></tr></table>",
                ),
            },
            {"u": USER, "person": PATIENT},
            denied=None,
        ),
    ],
    "athenahealth": [
        Pages(
            {
                "/authorize": page(
                    "Login",
                    form("/who", '<input id="okta-signin-username" name="u"><input id="okta-signin-password" name="p" type="password"><input id="okta-signin-submit" type="submit" value="Sign In">'),
                ),
                "/who": page(
                    "Login",
                    "<h1>Select a health record</h1><ul><li onclick=\"location.href='/ask?person=other'\">Jake M. (you)</li>"
                    f"<li onclick=\"location.href='/ask?person={PATIENT}'\">{NAME}</li></ul>",
                ),
                "/ask": page("Login", form("/done", '<button name="decision" value="allow">I agree</button><button name="decision" value="deny">I do not agree</button>')),
            },
            {"u": USER, "p": PASSWORD, "person": PATIENT, "decision": "allow"},
            host="identity.athenahealth.com",
        )
    ],
    "eclinicalworks": [
        Pages(
            {
                "/authorize": page(
                    "healow - Health and Online Wellness",
                    form("/about", '<input id="username" name="u"><input id="pwd" name="p" type="password"><button id="btnLoginSubmit">Login</button>'),
                ),
                "/about": page("LoginUi", "<h2>What you need to know about the app</h2>" + form("/share", "<button> Continue </button>")),
                "/share": page(
                    "LoginUi",
                    "<h2>Personal Information Sharing</h2>"
                    + form("/done", boxes() + '<button name="decision" value="allow">Approve</button><button name="decision" value="deny">Deny</button>'),
                ),
            },
            {"u": USER, "p": PASSWORD, "decision": "allow"},
            boxes="scope",
        )
    ],
    "meditech": [
        Pages(
            {
                "/authorize": page("Sign in", form("/ask", '<label>Logon ID <input name="u"></label><label>Password <input name="p" type="password"></label><input type="submit" value="Log On">')),
                "/ask": page("Authorize", form("/done", '<input type="submit" name="decision" value="Authorize"><input type="submit" name="decision" value="Cancel">')),
            },
            {"u": USER, "p": PASSWORD, "decision": "Authorize"},
            denied=("decision", "Cancel"),
            host="greenfield.meditech.com",
        )
    ],
    "nextgen": [
        Pages(
            {
                "/authorize": page("NextGen HealthCare", form("/ask", '<input id="Username" name="u"><input id="Password" name="p" type="password"><button>Next</button>')),
                "/ask": page(
                    "Connect",
                    form("/stay", '<button id="btnAllow" name="decision" value="allow">Allow</button><button id="btnDeny" name="decision" value="deny" formaction="/done">Deny</button>'),
                ),
                "/stay": page("Connect", "<p>Keep me signed in?</p>" + form("/done", '<label><input type="checkbox" name="keep"> Keep me signed in</label><button>Next</button>')),
            },
            {"u": USER, "p": PASSWORD, "decision": "allow"},
            host="fhir.nextgen.com",
        )
    ],
    "veradigm": [
        Pages(
            {
                "/authorize": page(
                    "Allscripts FHIR Authorization - ",
                    form("/ask", '<input id="username" name="u"><input id="passwordEntered" name="p" type="password"><button id="local-login">Log in</button>'),
                ),
                "/ask": page(
                    "Allscripts FHIR Authorization - ",
                    "<p>Uncheck the permissions you do not wish to grant.</p>"
                    + form("/done", boxes() + '<button name="decision" value="no">No, Do Not Allow</button><button name="decision" value="yes">Yes, Allow</button>'),
                ),
            },
            {"u": USER, "p": PASSWORD, "decision": "yes"},
            denied=("decision", "no"),
            boxes="scope",
        )
    ],
    "medplum": [
        Pages(
            {
                "/authorize": spa(
                    "Medplum",
                    f"""show(`<h1>Growth Chart</h1><form><input name="email" type="email"><button type="button">Register</button><button type="submit">Next</button></form>`,
                    async one => {{ await post('/step', one); show(`<form><input name="password" type="password"><input type="checkbox" name="remember"><button type="submit">Sign in</button></form>`,
                    async two => {{ await post('/step', two); show(`<h1>Choose scope</h1><form>` + ['{KEPT}', '{LEFT_OUT}'].map(s =>
                    `<label><input type="checkbox" name="${{s}}" value="${{s}}" checked>${{s}}</label>`).join('') + `<button type="submit">Set scope</button></form>`,
                    three => {{ location.href = '/done?decision=allow&' + new URLSearchParams(Object.values(three).map(s => ['scope', s])) }}) }}) }});""",
                ),
                "/step": "ok",
            },
            {"email": USER, "password": PASSWORD, "decision": "allow"},
            denied=None,
            boxes="scope",
        )
    ],
    "openemr": [
        Pages(
            {
                "/authorize": page(
                    "OpenEMR Authorization",
                    form(
                        "/code",
                        '<input placeholder="Registered username" name="username"><input type="password" name="password"><button name="user_role" value="api">OpenEMR Login</button>'
                        '<button name="user_role" value="portal-api">Patient Login</button><input type="checkbox" name="persist_login" id="persist_login">',
                        id="userLogin",
                        name="userLogin",
                    ),
                ),
                "/code": page("OpenEMR Authorization", form("/pick", '<input id="totp_token" name="mfa_token"><button name="user_role" value="api">Authenticate TOTP</button>')),
                "/pick": page(
                    "OpenEMR Authorization",
                    form(
                        "/scopes",
                        '<input type="hidden" name="person" id="person"><button data-patient-id="b">Select patient</button>'
                        f'<button data-patient-id="{PATIENT}">Select patient</button>',
                    )
                    + "<script>document.querySelectorAll('button').forEach(b => b.onclick = () => { person.value = b.dataset.patientId })</script>",
                ),
                "/scopes": page(
                    "OpenEMR Authorization",
                    form(
                        "/done",
                        "".join(
                            f'<input type="checkbox" class="resource-master-checkbox" data-resource="{s.split("/")[1].split(".")[0]}" name="scope" value="{s}" checked>'
                            for s in (KEPT, LEFT_OUT)
                        )
                        + '<button id="authorize-btn" name="proceed" value="1">Authorize</button><button type="button">Cancel</button>',
                    ),
                ),
            },
            {"username": USER, "password": PASSWORD, "user_role": "api", "person": PATIENT, "proceed": "1"},
            denied=None,
            boxes="scope",
            persona="clinician",
            totp="JBSWY3DPEHPK3PXP",
        ),
        Pages(
            {
                "/authorize": page(
                    "OpenEMR Authorization",
                    form(
                        "/done",
                        '<input name="username"><input type="password" name="password"><button name="user_role" value="api">OpenEMR Login</button>'
                        '<button name="user_role" value="portal-api">Patient Login</button>',
                        id="userLogin",
                    ),
                )
            },
            {"username": USER, "password": PASSWORD, "user_role": "portal-api"},
            denied=None,
        ),
    ],
    "keycloak": [
        Pages(
            {
                "/authorize": page(
                    "Sign in to clinic",
                    form("/otp", '<input id="username" name="username"><input id="password" name="password" type="password"><input id="kc-login" name="login" type="submit" value="Sign In">'),
                ),
                "/otp": page("Sign in to clinic", form("/grant", '<input id="otp" name="otp"><input id="kc-login" name="login" type="submit" value="Sign In">')),
                "/grant": page("Grant access", form("/done", '<input name="accept" id="kc-login" type="submit" value="Yes"><input name="cancel" id="kc-cancel" type="submit" value="No">')),
            },
            {"username": USER, "password": PASSWORD, "accept": "Yes"},
            denied=("cancel", "No"),
            totp="JBSWY3DPEHPK3PXP",
        )
    ],
    "azure": [
        Pages(
            {
                "/authorize": page(
                    "Sign in to your account",
                    form("/pass", '<input type="email" name="loginfmt" id="i0116"><input name="hidden" type="password" style="display:none"><input type="submit" id="idSIButton9" value="Next">'),
                ),
                "/pass": page("Sign in to your account", form("/stay", '<input name="passwd" type="password" id="i0118"><input type="submit" id="idSIButton9" value="Sign in">')),
                "/stay": page(
                    "Sign in to your account",
                    "<p>Stay signed in?</p>" + form("/grant", '<input type="submit" id="idBtn_Back" name="stay" value="No"><input type="submit" id="idSIButton9" name="stay" value="Yes">'),
                ),
                "/grant": page(
                    "Sign in to your account",
                    "<p>Permissions requested</p>"
                    + form("/scopes", '<input type="submit" name="decision" formaction="/done" id="idBtn_Back" value="Cancel"><input type="submit" name="decision" id="idBtn_Accept" value="Accept">'),
                ),
                "/scopes": page(
                    "Scope selector",
                    form("/done", boxes() + '<button name="decision" value="ok">Authorize application</button><button name="decision" value="Cancel">Cancel</button>'),
                ),
            },
            {"loginfmt": USER, "passwd": PASSWORD, "stay": "No", "decision": "ok"},
            denied=("decision", "Cancel"),
        ),
        Pages(
            {
                "/authorize": page(
                    "Scope selector",
                    form("/done", boxes() + '<button name="decision" value="ok">Authorize application</button><button name="decision" value="Cancel">Cancel</button>'),
                )
            },
            {"decision": "ok"},
            denied=("decision", "Cancel"),
            boxes="scope",
        ),
    ],
    "blue-button": [
        Pages(
            {
                "/authorize": page(
                    "Medicare.gov",
                    form(
                        "/ask",
                        '<label for="username-textbox">Username</label><input id="username-textbox" name="u"><label for="password-textbox">Password</label>'
                        '<input id="password-textbox" name="p" type="password"><button id="login-button">Log in</button>',
                    ),
                ),
                "/ask": page(
                    "Authorize",
                    form("/done", '<input id="deny" type="submit" name="decision" value="Cancel"><input id="approve" type="submit" name="allow" value="Connect">'),
                ),
            },
            {"u": USER, "p": PASSWORD, "allow": "Connect"},
            denied=("decision", "Cancel"),
        ),
        Pages(
            {"/authorize": page("Mock Login", form("/done", '<input id="username" name="u"><input id="mbi" name="mbi"><input id="email" name="email"><button type="submit">Sign In</button>'))},
            {"u": USER},
            denied=None,
        ),
    ],
    "va-lighthouse": [
        Pages(
            {
                "/authorize": page("Choose Login Provider", '<h1>Sign in to VA.gov</h1><a class="logingov" href="/other">Login.gov</a><a class="idme-signin" href="/idme">ID.me</a>'),
                "/idme": page("Sign in to ID.me", form("/second", '<input id="user_email" name="u"><input id="user_password" name="p" type="password"><input type="submit" value="Sign in">')),
                "/second": page("Complete your sign in", form("/ask", '<input name="code" autocomplete="one-time-code"><button type="submit">Continue</button>')),
                "/ask": page(
                    "Department of Veteran Affairs Evaluation - Sign In",
                    form("/done", '<button name="decision" value="Allow Access">Allow Access</button><button name="decision" value="Don\'t Allow">Don\'t Allow</button>'),
                ),
            },
            {"u": USER, "p": PASSWORD, "decision": "Allow Access"},
            denied=("decision", "Don't Allow"),
            totp="JBSWY3DPEHPK3PXP",
        )
    ],
    "hapi": [
        Pages(
            {
                "/authorize": page("Smile CDR - Log In", form("/pick", '<input name="u" id="username"><input name="p" type="password" id="password"><button type="submit">Log In</button>')),
                "/pick": page(
                    "Smile CDR - Context",
                    form("/ask", f'<select name="patient"><option value="">(none)</option><option value="b">Bruno C</option><option value="{PATIENT}">{NAME}</option></select><button>Continue</button>'),
                ),
                "/ask": page(
                    "Smile CDR - Approve",
                    form(
                        "/done",
                        "".join(f'<label><input type="checkbox" name="scope_{s}" value="{s}" checked>{s}</label>' for s in (KEPT, LEFT_OUT))
                        + '<button name="decision" value="approve">Approve</button><button name="decision" value="reject">Reject</button>',
                    ),
                ),
            },
            {"u": USER, "p": PASSWORD, "patient": PATIENT, "decision": "approve"},
            denied=("decision", "reject"),
            boxes=f"scope_{KEPT}",
        )
    ],
}  # fmt: skip

SIGNING_OUT = {
    "keycloak": page(
        "Logging out",
        form("/gone", '<p>Do you want to log out?</p><input id="kc-logout" name="confirmLogout" type="submit" value="Logout">'),
    )
}
