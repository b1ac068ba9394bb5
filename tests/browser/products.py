"""Sets of pages in the shape of real products, in our own words: what stands where, how it is named, what a script does with it.

Each set begins at ``/authorize`` and ends at ``/done`` with a decision. What a page sends is looked up over all visits, so it does not
matter whether a form, a link or a script sends it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

USER, PASSWORD, PATIENT, NAME = "lena.hart@example.org", "correct horse", "amelia-stone", "Amelia Stone"
SIGNED_IN = {"user": USER, "password": PASSWORD}


@dataclass(frozen=True)
class Product:
    """Pages by path; what a person who allows must have sent; the pair that a denial sends, None where the page knows no denial."""

    pages: dict[str, str]
    sent: dict[str, str] = field(default_factory=lambda: dict(SIGNED_IN))
    denied: tuple[str, str] | None = ("decision", "deny")
    persona: str = ""
    never: tuple[str, ...] = ()
    """Names that must not have been sent: boxes to remember, other providers, other users."""
    known: str = PATIENT
    """The patient's id as the target file has it."""
    before: dict[str, str] = field(default_factory=dict)
    """What else is sent on the way."""


def page(title: str, body: str) -> str:
    return f"<!doctype html><html><head><title>{title}</title></head><body>{body}</body></html>"


def spa(title: str, script: str, shell: str = "") -> str:
    """A page that its script builds; ``post`` sends pairs and returns the answer's text, ``show`` puts markup in the place."""
    return page(
        title,
        f"""{shell}<div id="root"><p>Loading</p></div><script>
        const root = document.getElementById('root'), $ = q => root.querySelector(q);
        const post = (to, pairs) => fetch(to, {{method: 'POST', body: new URLSearchParams(pairs)}}).then(r => r.text());
        const show = (html, act) => setTimeout(() => {{ root.innerHTML = html; const f = $('form');
          if (f) f.onsubmit = e => {{ e.preventDefault(); act(Object.fromEntries(new FormData(f, e.submitter)), e.submitter); }}; }}, 60);
        {script}</script>""",
    )


def consent(action: str, allow: str, deny: str, lead: str = "An app asks for access to your record") -> str:
    return page("Consent", f"<h1>{lead}</h1><form method='post' action='{action}'>{allow}{deny}</form>")


PRODUCTS: dict[str, Product] = {}

PRODUCTS["keycloak"] = Product(
    {
        "/authorize": page(
            "Sign in to clinic",
            "<header id='kc-header'>CLINIC</header><h1 id='kc-page-title'>Sign in to your account</h1><form id='kc-form-login' method='post' action='/auth'>"
            "<label for='username'>Username or email</label><input id='username' name='user' autocomplete='username' autofocus>"
            "<label for='password'>Password</label><input id='password' name='password' type='password' autocomplete='current-password'>"
            "<button type='button' aria-label='Show password'>o</button><label><input id='rememberMe' name='rememberMe' type='checkbox'> Remember me</label>"
            "<a href='/forgot'>Forgot Password?</a><input type='hidden' name='credentialId'><input id='kc-login' name='login' type='submit' value='Sign In'></form>"
            "<p>New user? <a href='/register'>Register</a></p><a id='social-google' href='/google'>Google</a>",
        ),
        "/auth": page(
            "Grant access",
            "<h1 id='kc-page-title'>Grant Access to Growth Chart</h1><h3>Do you grant these access privileges?</h3><ul><li>patient/Observation.rs</li></ul>"
            "<form method='post' action='/done'><input type='hidden' name='code' value='x'><input name='accept' id='kc-login' type='submit' value='Yes'>"
            "<input name='cancel' id='kc-cancel' type='submit' value='No'></form>",
        ),
    },
    sent={**SIGNED_IN, "accept": "Yes"},
    denied=("cancel", "No"),
    never=("rememberMe",),
)

PRODUCTS["okta"] = Product(
    {
        "/authorize": spa(
            "Clinic - Sign In",
            """show(`<h2>Sign In</h2><form><label for="i1">Username</label><input id="i1" name="user" autocomplete="username">
            <label><input type="checkbox" name="rememberMe">Keep me signed in</label><input type="submit" value="Next"></form>
            <a href="/unlock">Unlock account?</a><a href="/help">Help</a>`, async first => { await post('/idp/identify', first);
            show(`<h2>Verify with your password</h2><p>lena.hart@example.org</p><form><label for="i2">Password</label>
            <input id="i2" name="credentials.passcode" type="password" autocomplete="current-password">
            <input type="submit" value="Verify"></form><a href="/forgot">Forgot password?</a><a href="/authorize">Back to sign in</a>`,
            async second => { await post('/idp/challenge', second); location.href = '/consent'; }); });""",
        ),
        "/idp/identify": "ok",
        "/idp/challenge": "ok",
        "/consent": consent(
            "/done",
            "<input class='button' type='submit' name='decision' value='Allow Access'>",
            "<input class='button-clear' type='submit' name='decision' value=\"Don't Allow\">",
            "Growth Chart would like to:",
        ),
    },
    sent={"user": USER, "credentials.passcode": PASSWORD, "decision": "Allow Access"},
    denied=("decision", "Don't Allow"),
    never=("rememberMe",),
)

PRODUCTS["entra"] = Product(
    {
        "/authorize": page(
            "Sign in to your account",
            "<style>.away{position:fixed;bottom:0;right:0;width:0;height:0;opacity:0}</style><form method='post' action='/password'><div role='heading'>Sign in</div>"
            "<input type='email' name='user' id='i0116' placeholder='Email, phone, or Skype' aria-label='Enter your email, phone, or Skype.'>"
            "<input name='passwd' type='password' id='i0118' tabindex='-1' aria-hidden='true' class='away'><a href='/signup'>Create one!</a>"
            "<a href='/cannot'>Can't access your account?</a><input type='submit' id='idSIButton9' value='Next'></form><div role='button' tabindex='0'>Sign-in options</div>",
        ),
        "/password": page(
            "Sign in to your account",
            "<form method='post' action='/kmsi'><div>lena.hart@example.org</div><div role='heading'>Enter password</div><input name='password' type='password' id='i0118' "
            "placeholder='Password' aria-label='Enter the password'><a href='/forgot'>Forgot my password</a><input type='submit' id='idSIButton9' value='Sign in'></form>",
        ),
        "/kmsi": page(
            "Sign in to your account",
            "<form method='post' action='/grant'><div role='heading'>Stay signed in?</div><p>Do this to be asked less often.</p><label><input type='checkbox' "
            "name='DontShowAgain' value='true'>Don't show this again</label><input type='button' id='idBtn_Back' value='No' onclick=\"this.form.action='/grant?stay=no';"
            "this.form.submit()\"><input type='submit' id='idSIButton9' name='stay' value='Yes'></form>",
        ),
        "/grant": page(
            "Sign in to your account",
            "<div role='heading'>Permissions requested</div><p>Growth Chart, unverified</p><p>This app would like to:</p><ul><li>View your basic profile</li></ul>"
            "<form method='post' action='/done'><input type='submit' name='decision' id='idBtn_Back' value='Cancel'>"
            "<input type='submit' name='decision' id='idBtn_Accept' value='Accept'></form>",
        ),
    },
    sent={**SIGNED_IN, "stay": "no", "decision": "Accept"},
    denied=("decision", "Cancel"),
    never=("DontShowAgain",),
)  # fmt: skip

PRODUCTS["entra-another-account"] = Product(
    {
        "/authorize": page(
            "Sign in to your account",
            "<div role='heading'>Pick an account</div><div role='button' tabindex='0' onclick=\"location.href='/as-otto'\"><div>Otto Other</div><small>otto@other.example</small>"
            "<small>Signed in</small></div><div role='button' tabindex='0' onclick=\"location.href='/form'\">Use another account</div>",
        ),
        "/as-otto": "-> /done?as=otto",
        "/form": PRODUCTS["entra"].pages["/authorize"],
        "/password": PRODUCTS["entra"].pages["/password"],
        "/kmsi": PRODUCTS["entra"].pages["/kmsi"],
        "/grant": PRODUCTS["entra"].pages["/grant"],
    },
    sent={**SIGNED_IN, "decision": "Accept"},
    denied=("decision", "Cancel"),
    never=("as",),
)  # fmt: skip

PRODUCTS["go-on-as"] = Product(
    {
        "/authorize": page(
            "Clinic",
            "<h1>Welcome back</h1><p>Growth Chart wants to connect.</p><form method='post' action='/grant'>"
            "<button name='who' value='same'>Continue as Dr. Lena Hart</button><button name='who' value='another'>Use another account</button></form>",
        ),
        "/grant": page(
            "Clinic",
            "<h1>Allow access</h1><p>Growth Chart asks to read your records.</p><form method='post' action='/done'>"
            "<button name='decision' value='allow'>Allow</button><button name='decision' value='deny'>Deny</button></form>",
        ),
    },
    sent={"who": "same", "decision": "allow"},
    denied=("decision", "deny"),
)  # fmt: skip

PRODUCTS["auth0"] = Product(
    {
        "/authorize": page(
            "Log in | Clinic",
            "<h1>Welcome</h1><p>Log in to Clinic to go on to Growth Chart.</p><form method='post' action='/u/password'><input type='hidden' name='state' value='s'>"
            "<label for='username'>Email address*</label><input id='username' name='user' inputmode='email' autocomplete='email' required>"
            "<div style='position:absolute;left:-9999px'><button type='submit' name='action' value='default' tabindex='-1' aria-hidden='true'></button></div>"
            "<button type='submit' name='action' value='default' data-action-button-primary='true'>Continue</button></form>"
            "<p>Don't have an account? <a href='/signup'>Sign up</a></p><form method='post' action='/google'><button type='submit' data-provider='google'>Continue with Google</button></form>",
        ),
        "/u/password": page(
            "Enter your password to log in | Clinic",
            "<h1>Enter Your Password</h1><form method='post' action='/u/consent'><span>lena.hart@example.org</span><a href='/authorize' aria-label='Edit email address'>Edit</a>"
            "<input type='text' name='username' value='lena.hart@example.org' readonly autocomplete='username' style='display:none'>"
            "<label for='password'>Password*</label><input id='password' name='password' type='password' autocomplete='current-password' required>"
            "<button type='button' aria-label='Show password'>o</button><a href='/reset'>Forgot password?</a>"
            "<button type='submit' name='action' value='default' data-action-button-primary='true'>Continue</button></form>",
        ),
        "/u/consent": page(
            "Authorize App | Clinic",
            "<h1>Authorize App</h1><p>Growth Chart is requesting access to your account.</p><form method='post' action='/done'>"
            "<button type='submit' name='decision' value='decline'>Decline</button><button type='submit' name='decision' value='accept'>Accept</button></form>",
        ),
    },
    sent={**SIGNED_IN, "decision": "accept"},
    denied=("decision", "decline"),
)  # fmt: skip

PRODUCTS["cognito-classic"] = Product(
    {
        "/authorize": page(
            "Signin",
            "<style>.visible-xs{display:none}</style>"
            + "".join(
                f"<div class='{shown}'><form method='post' name='cognitoSignInForm' action='/login'><input type='hidden' name='_csrf' value='c'>"
                "<div><label for='signInFormUsername'>Username</label></div><input id='signInFormUsername' name='user' type='text' placeholder='Username'>"
                "<label for='signInFormPassword'>Password</label><input id='signInFormPassword' name='password' type='password' placeholder='Password'>"
                "<a href='/forgotPassword'>Forgot your password?</a><input type='hidden' name='cognitoAsfData'><input name='signInSubmitButton' type='Submit' value='Sign in'>"
                "</form></div>"
                for shown in ("visible-md", "visible-xs")
            ),
        ),
        "/login": consent(
            "/done", "<button name='decision' value='allow'>Allow</button>", "<button name='decision' value='deny'>Deny</button>"
        ),
    },
    before={"signInSubmitButton": "Sign in"},
)

PRODUCTS["cognito-managed"] = Product(
    {
        "/authorize": spa(
            "Clinic",
            """show(`<h1>Sign in</h1><p>Sign in to your account.</p><form><label>Email address<input name="user" type="email" placeholder="name@host.com"></label>
            <button type="submit">Next</button></form><span>New user? <a href="/signup">Create an account</a></span>`, async first => { await post('/step', first);
            show(`<h1>Enter your password</h1><form><input name="user2" value="lena.hart@example.org" readonly aria-label="Email address"><label>Password
            <input name="password" type="password"></label><label><input type="checkbox">Show password</label><button type="submit">Continue</button></form>
            <a href="/forgot">Forgot your password?</a>`, async second => { await post('/step', second); location.href = '/consent'; }); });""",
        ),
        "/step": "ok",
        "/consent": consent(
            "/done", "<button name='decision' value='allow'>Allow</button>", "<button name='decision' value='deny'>Deny</button>"
        ),
    },
)

PRODUCTS["ory"] = Product(
    {
        "/authorize": page(
            "Sign in",
            "<h2>Sign in</h2><form method='post' action='/self-service'><button name='provider' value='google' type='submit' formnovalidate>Sign in with Google</button></form>"
            "<form method='post' action='/self-service'><input type='hidden' name='csrf_token' value='t'><label>ID<input name='user' required></label>"
            "<label>Password<input name='password' type='password' required></label><button type='submit' name='method' value='password'>Sign in</button>"
            "<button type='submit' name='method' value='code' formnovalidate>Send sign in code</button></form><a href='/recovery'>Recover account</a>",
        ),
        "/self-service": page(
            "Consent",
            "<h1>An application requests access to your data!</h1><form method='post' action='/done'><p>Hi, the application wants to access resources on your behalf:</p>"
            "<input class='grant_scope' type='checkbox' id='openid' value='openid' name='grant_scope'><label for='openid'>openid</label>"
            "<input class='grant_scope' type='checkbox' id='o' value='patient/Observation.rs' name='grant_scope'><label for='o'>patient/Observation.rs</label>"
            "<p>Do you want to be asked next time?</p><input type='checkbox' id='remember' name='remember' value='1'><label for='remember'>Do not ask me again</label>"
            "<input type='submit' name='decision' value='Allow access'><input type='submit' name='decision' value='Deny access'></form>",
        ),
    },
    sent={**SIGNED_IN, "method": "password", "grant_scope": "patient/Observation.rs", "decision": "Allow access"},
    denied=("decision", "Deny access"),
    never=("remember", "provider"),
)

MEDPLUM_SHELL = "<header><button aria-label='Logo'>o</button><input placeholder='Search' aria-label='Search' role='combobox'><button>User menu</button></header>"
PRODUCTS["medplum"] = Product(
    {
        "/authorize": spa(
            "Medical data platform",
            """show(`<h1>Growth Chart</h1><form><label for="m1">Email *</label><input id="m1" name="user" type="email" placeholder="name@domain.com" required>
            <button type="button" data-form-type="navigation">Register</button><button type="submit">Next</button></form>`, async first => { await post('/auth/method', first);
            show(`<h1>Growth Chart</h1><form><label for="m2">Password *</label><input id="m2" name="password" type="password" autocomplete="off" required>
            <button type="button">Forgot password</button><input type="checkbox" id="remember" name="remember"><label for="remember">Remember me</label>
            <button type="submit">Sign in</button></form>`, async second => { await post('/auth/login', second);
            show(`<h3>Choose a Project</h3><input placeholder="Search"><div><div role="option" data-combobox-option="true"><p>Lena Hart</p><p>Clinic North</p></div>
            <div role="option" data-combobox-option="true"><p>Lena Hart</p><p>Clinic South</p></div></div><button type="button">Create a new project</button>`);
            setTimeout(() => root.querySelectorAll('[role=option]').forEach((o, i) => { o.onclick = async () => { await post('/auth/profile', {profile: 'p' + i});
            show(`<form><h1>Choose scope</h1>` + ['openid', 'user/Patient.rs', 'patient/Observation.rs'].map(s => `<div><input type="checkbox" id="${s}" name="${s}" checked>
            <label for="${s}">${s}</label></div>`).join('') + `<button type="submit">Set scope</button></form>`, async chosen => {
            await post('/auth/scope', {scope: Object.keys(chosen).join(' ')}); location.href = '/done?decision=set'; }); }; }), 100); }); });""",
        ),
        "/auth/method": "ok",
        "/auth/login": "ok",
        "/auth/profile": "ok",
        "/auth/scope": "ok",
    },
    sent={**SIGNED_IN, "profile": "p0", "scope": "openid user/Patient.rs patient/Observation.rs"},
    denied=None,
    never=("remember",),
)

OPENEMR_LOGIN = (
    "<h4>Sign In</h4><hr><form method='post' name='userLogin' id='userLogin' action='/select'><input type='hidden' name='csrf_token_form' value='t'>"
    "<input placeholder='Email if required' type='email' name='email'><input placeholder='Registered username' type='text' name='user' value=''>"
    "<input placeholder='******' type='password' name='password'><button type='submit' name='user_role' value='api'>EMR Login</button>"
    "<button type='submit' name='user_role' value='portal-api'>Patient Login</button><input type='checkbox' name='persist_login' id='persist_login' value='1'>"
    "<label for='persist_login'>Remember Me</label></form>"
)
OPENEMR_CONSENT = (
    "<form method='post' name='userLogin' action='/done'><h4>Authorizing for Application <strong>Growth Chart</strong></h4><h5>Grant this application access to do the following</h5>"
    "<div class='card'><input type='checkbox' class='resource-master-checkbox' id='resource_Observation_master' data-resource='Observation' checked>"
    "<button type='button' aria-expanded='false'><strong>Observations</strong> <small>Measurements</small> <span class='badge'>PATIENT</span></button></div>"
    "<label><input type='checkbox' class='app-scope' name='scope[openid]' value='openid' checked><div>Permission to know who you are</div></label>"
    "<h5>Identity Information Requested</h5><button type='submit' name='proceed' value='1' id='authorize-btn'>Authorize</button>"
    "<button type='button' onclick='history.back()'>Cancel</button><input type='checkbox' name='persist_login' id='p' value='1'><label for='p'>Remember Me</label></form>"
    "<script>document.getElementById('authorize-btn').onclick = e => { e.preventDefault(); const i = document.createElement('input'); i.type = 'hidden';"
    "i.name = 'proceed'; i.value = '1'; document.forms[0].appendChild(i); document.forms[0].submit(); }</script>"
)
PRODUCTS["openemr-provider"] = Product(
    {
        "/authorize": page("EMR Authorization", OPENEMR_LOGIN),
        "/select": page(
            "EMR Authorization",
            "<h4>Patient Selection</h4><form action='/found' method='GET'><input name='search[fname]' type='text' placeholder='First Name'><input name='search[mname]' type='text' "
            "placeholder='Middle Name'><input name='search[lname]' type='text' placeholder='Last Name'><input type='submit' value='Search'></form>"
            "<p class='alert alert-info'>Too many search results found. Narrow your search.</p><table><thead><tr><th>Name</th><th>DOB</th><th></th></tr></thead><tbody>"
            "<tr><td>Bruno C</td><td>1970-02-03</td><td><button data-patient-id='b' class='btn patient-btn'>Select patient</button></td></tr></tbody></table>"
            "<form method='post' id='patientForm' action='/scopes'><input id='patient_id' type='hidden' name='patient_id'></form>",
        ),
        "/found": page(
            "EMR Authorization",
            "<h4>Patient Selection</h4><form action='/found' method='GET'><input name='search[fname]' placeholder='First Name' value='Amelia'><input name='search[lname]' "
            "placeholder='Last Name' value='Stone'><input type='submit' value='Search'></form><table><thead><tr><th>Name</th><th>DOB</th><th></th></tr></thead><tbody>"
            "<tr><td>Otto Stone</td><td>1971-01-01</td><td><button data-patient-id='o' class='btn patient-btn'>Select patient</button></td></tr>"
            "<tr><td>Amelia Stone</td><td>1980-04-05</td><td><button data-patient-id='amelia-stone' class='btn patient-btn'>Select patient</button></td></tr></tbody></table>"
            "<form method='post' id='patientForm' action='/scopes'><input id='patient_id' type='hidden' name='patient_id'></form><script>"
            "document.querySelectorAll('.patient-btn').forEach(b => b.addEventListener('click', e => { patient_id.value = e.target.dataset.patientId; patientForm.submit(); }))</script>",
        ),
        "/scopes": page("EMR Authorization", OPENEMR_CONSENT),
    },
    sent={**SIGNED_IN, "user_role": "api", "search[lname]": "Stone", "search[fname]": "Amelia", "patient_id": PATIENT, "proceed": "1"},
    denied=None,
    persona="provider",
    known="3f0c-unknown",
    never=("persist_login",),
)

PRODUCTS["openemr-portal"] = Product(
    {
        "/authorize": page("EMR Authorization", OPENEMR_LOGIN.replace("/select", "/scopes")),
        "/scopes": page("EMR Authorization", OPENEMR_CONSENT),
    },
    sent={**SIGNED_IN, "user_role": "portal-api", "proceed": "1"},
    denied=None,
    persona="patient",
    never=("persist_login",),
)

BLUE_BUTTON_LOGIN = page(
    "Mock Login",
    "<h1>Component inputs for simulating the sign-in locally</h1><h2>Use only synthetic beneficiary info</h2><form method='post' action='/consent'>"
    "<h3>Quick select user (optional):</h3><label for='userSelect'>Select a pre-configured test user:</label><select id='userSelect'>"
    "<option value=''>-- Select a user or enter manually below --</option><option value='{\"username\": \"BBUser00001\"}'>BBUser00001 - Jane</option></select>"
    "<h3>Manual entry:</h3><label for='username'>Username (SUB):</label><input type='text' id='username' name='user' placeholder='e.g., testuser1'>"
    "<label for='hicn'>HICN:</label><input id='hicn' name='hicn'><label for='mbi'>MBI:</label><input id='mbi' name='mbi'>"
    "<label for='name'>Display Name:</label><input id='name' name='name'><label for='first_name'>First Name:</label><input id='first_name' name='first_name'>"
    "<label for='email'>Email:</label><input type='email' id='email' name='email' placeholder='e.g., testuser1@example.com'>"
    "<button type='submit'>Sign In</button></form>",
)
BLUE_BUTTON_CONSENT = page(
    "Authorize",
    "<h1><span>Connect your Medicare claims data to</span> Growth Chart?</h1><p>If you connect, Growth Chart will have access to information about your:</p><ul><li>Doctor visits</li></ul>"
    "<form id='authorizationForm' method='post' action='/done'><fieldset><input type='hidden' name='share_demographic_scopes' value='False'>"
    "<input id='radio_1' name='share_demographic_scopes' type='checkbox' value='True' checked><label for='radio_1'>Personal Information<br>Your name, address, date of birth</label></fieldset>"
    "<input id='deny' type='submit' name='decision' value='Cancel'><input id='approve' type='submit' name='allow' value='Connect'></form>",
)
PRODUCTS["blue-button"] = Product(
    {"/authorize": BLUE_BUTTON_LOGIN, "/consent": BLUE_BUTTON_CONSENT},
    sent={"user": USER, "share_demographic_scopes": "True", "allow": "Connect"},
    denied=("decision", "Cancel"),
    persona="patient",
)
PRODUCTS["blue-button-listed"] = Product(
    {
        "/authorize": BLUE_BUTTON_LOGIN.replace("BBUser00001", USER).replace(
            "</form>",
            "</form><script>userSelect.onchange = e => { username.value = JSON.parse(e.target.value).username; mbi.value = '1EG4'; }</script>",
        ),
        "/consent": BLUE_BUTTON_CONSENT,
    },
    sent={"user": USER, "mbi": "1EG4", "allow": "Connect"},
    denied=("decision", "Cancel"),
    persona="patient",
)

LAUNCHER_1_LOGIN = (
    "<div class='navbar'><a class='navbar-brand' href='#'>SMART EHR</a></div><div class='panel'><b>Practitioner Login</b><form id='login'>"
    "<div><label>User Name</label><select class='user'><option value='smart-1'>Dr. No</option><option value='lena.hart@example.org'>Lena Hart</option></select></div>"
    "<div><label for='password'>Password</label><input type='password' id='password' value='demo'><p><small>For demonstration only. ANY password will be accepted.</small></p></div>"
    "<button type='submit'><span style='display:none'>Continue Without User</span><span>Login</span></button></form></div><script>"
    "document.getElementById('login').onsubmit = e => { e.preventDefault(); location.href = '/picker?user=' + document.querySelector('.user').value; }</script>"
)
LAUNCHER_AUTHORIZE = (
    "<h2>Authorize App Launch</h2><h4>This application is requesting permission to:</h4><ul><li>Read all data about the selected patient</li></ul>"
    "<div><button type='button' id='deny'>Deny</button> <button type='button' id='approve'>Approve</button></div><script>"
    "deny.onclick = () => { location.href = '/done?auth_success=0'; }; approve.onclick = () => { location.href = '/done?auth_success=1'; }</script>"
)
LAUNCHER_1_PICKER = (
    "<style>th, tr.patient>td { cursor: pointer }</style><div class='navbar'><a class='navbar-brand' href='#'>SMART EHR</a></div><h2>Select Patient</h2>"
    "<form id='search-form' onsubmit='return false'><input id='search-text' type='text' placeholder='Search by name...'><input type='submit' value='Search'></form>"
    "<table><thead><tr class='no-hover'><th id='col-header-name'><span>Name</span></th><th id='col-header-gender'>Gender</th><th>Age</th></tr></thead><tbody>"
    "<tr class='patient' id='patient-b'><td><input type='radio'>&nbsp;Bruno C</td><td>M</td><td>50y</td></tr>"
    "<tr class='patient' id='patient-amelia-stone'><td><input type='radio'>&nbsp;Amelia Stone</td><td>F</td><td>40y</td></tr>"
    "<tr id='paging'><td colspan='3'><button id='paging-previous'>Previous</button><button id='paging-next'>Next</button></td></tr></tbody></table><script>"
    "document.querySelector('table').onclick = e => { const row = e.target.closest('.patient'); if (row) location.href = '/approve?patient=' + row.id.replace('patient-', ''); };"
    "document.querySelectorAll('th').forEach(t => t.onclick = () => post());</script>"
)
PRODUCTS["launcher-1"] = Product(
    {
        "/authorize": page("SMART Login Required", LAUNCHER_1_LOGIN),
        "/picker": page("SMART Patient Picker", LAUNCHER_1_PICKER),
        "/approve": page("Authorize", LAUNCHER_AUTHORIZE),
    },
    sent={"user": USER, "patient": PATIENT, "auth_success": "1"},
    denied=("auth_success", "0"),
    persona="provider",
)

LAUNCHER_1_FETCHING = LAUNCHER_1_PICKER.replace("return false", "event.preventDefault(); load(this.firstElementChild.value)").replace(
    "<script>",
    "<script>const body = document.querySelector('tbody'), paging = body.innerHTML.slice(body.innerHTML.indexOf('<tr id=\"paging\"')), rows = {b: 'Bruno C', "
    "'amelia-stone': 'Amelia Stone'}; const load = text => { body.innerHTML = '<tr><td colspan=3><img></td></tr>'; fetch('/step?search=' + text).then(() => setTimeout(() => {"
    "const found = Object.keys(rows).filter(id => rows[id].includes(text)); body.innerHTML = found.map(id => `<tr class='patient' id='patient-${id}'><td>"
    "<input type='radio'>&nbsp;${rows[id]}</td><td>F</td></tr>`).join('') + (found.length ? paging : '<tr class=no-hover><td colspan=3>No patients found.</td></tr>'); },"
    " 120)); }; load('');",
)
PRODUCTS["launcher-1-fetching"] = replace(
    PRODUCTS["launcher-1"],
    pages={**PRODUCTS["launcher-1"].pages, "/picker": page("SMART Patient Picker", LAUNCHER_1_FETCHING)},
    never=("clicked",),
)

PRODUCTS["launcher-1-patient"] = Product(
    {
        "/authorize": page(
            "SMART Login Required",
            "<b>Patient Login</b><form id='login'><label>User Id</label><input class='user'><label for='password'>Password</label><input type='password' id='password' value='demo'>"
            "<button type='submit'>Login</button></form><script>document.getElementById('login').onsubmit = e => { e.preventDefault();"
            "location.href = '/approve?patient=' + encodeURIComponent(document.querySelector('.user').value); }</script>",
        ),
        "/approve": page("SMART Patient Portal", LAUNCHER_AUTHORIZE),
    },
    sent={"patient": USER, "auth_success": "1"},
    denied=("auth_success", "0"),
    persona="patient",
)

LAUNCHER_2_LOGIN = spa(
    "SMART Launcher - Practitioner Login",
    """show(`<h2><img src="/logo.png" alt="Logo"> Practitioner Login</h2><hr><div><label>Practitioner</label><select><option value="">Please Select</option>
    <option value="smart-1" selected>Albertine Orn</option><option value="lena.hart@example.org">Lena Hart</option></select></div>
    <div><label for="password">Password</label><input type="password" value="demo-password" disabled><div>ANY password will be accepted.</div></div><hr>
    <button type="button">Login</button>`);
    setTimeout(() => { $('button').onclick = () => { location.href = '/select-patient?provider=' + $('select').value; }; }, 80);""",
)


def launcher_2_picker(pages: list[list[tuple[str, str]]], path: str = "/approve", noun: str = "patient") -> str:
    rows = [[{"id": identifier, "name": name} for identifier, name in group] for group in pages]
    return spa(
        f"SMART Launcher - Select {noun.capitalize()}",
        f"""const all = {rows!r}; let at = 0, text = '';
        const draw = () => {{ const flat = all.flat().filter(p => p.name.includes(text)), shown = text ? flat : all[at];
          root.innerHTML = `<style>tr {{ cursor: pointer }}</style><h2>Select {noun.capitalize()}</h2><form><input type="search" id="search-input" placeholder="Search by name...">
          <button type="submit"><i></i> Search</button></form><table><thead><tr class="no-hover"><th tabindex="0" title="Click to sort by family name">Name</th>
          <th tabindex="0">Gender</th><th tabindex="0">Age</th></tr></thead><tbody>` + (shown.length ? '' : '<tr class="no-hover"><td colspan="3"><b>None found</b></td></tr>') +
          shown.map(p => `<tr tabindex="0" title="Click to select {noun} with ID ${{p.id}}" data-row><td><input type="radio" disabled><span>${{p.name}}</span></td><td>F</td><td>40y</td></tr>`).join('') +
          `</tbody><tfoot><tr><td colspan="4"><div>{noun.capitalize()}s 1 to 2</div><div><button type="button" class="btn" ${{at ? '' : 'disabled'}}>Previous</button>&nbsp;
          <button class="btn btn-primary" ${{at < all.length - 1 ? '' : 'disabled'}}>Next</button></div></td></tr></tfoot></table>`;
          $('form').onsubmit = e => {{ e.preventDefault(); text = $('input').value; fetch('/step?search=' + text).then(draw); }};
          root.querySelectorAll('[data-row]').forEach((r, i) => r.onclick = () => {{ location.href = '{path}?{noun}=' + shown[i].id; }});
          root.querySelectorAll('th').forEach(t => t.onclick = () => fetch('/step?sorted=1'));
          const next = [...root.querySelectorAll('button')].find(b => b.textContent === 'Next'); next.onclick = () => {{ at++; fetch('/step?turned=1').then(draw); }}; }};
        setTimeout(draw, 80);""",
    )


PRODUCTS["launcher-2"] = Product(
    {
        "/authorize": LAUNCHER_2_LOGIN,
        "/select-patient": launcher_2_picker([[("b", "Bruno C"), (PATIENT, "Mrs. Amelia Stone")]], "/encounter"),
        "/encounter": launcher_2_picker([[("e1", "Check up"), ("e2", "Well child visit")]], "/approve", "encounter"),
        "/approve": page("SMART Launcher - Authorize Launch", LAUNCHER_AUTHORIZE),
    },
    sent={"provider": USER, "patient": PATIENT, "encounter": "e1", "auth_success": "1"},
    denied=("auth_success", "0"),
    persona="provider",
    never=("sorted", "search"),
)
PRODUCTS["launcher-2-by-name"] = Product(
    {
        **PRODUCTS["launcher-2"].pages,
        "/select-patient": launcher_2_picker([[("b", "Bruno C"), ("c", "Cara D")], [("s7", "Mrs. Amelia Stone")]]),
    },
    sent={"provider": USER, "search": "Stone", "patient": "s7", "auth_success": "1"},
    denied=("auth_success", "0"),
    known="not-its-id",
    never=("sorted",),
)
PRODUCTS["launcher-2-by-id"] = Product(
    {
        **PRODUCTS["launcher-2"].pages,
        "/select-patient": launcher_2_picker([[("b", "Bruno C"), ("c", "Cara D")], [("d", "Dan E"), (PATIENT, "Somebody Else")]]),
    },
    sent={"provider": USER, "turned": "1", "patient": PATIENT, "auth_success": "1"},
    denied=("auth_success", "0"),
    never=("sorted",),
)

PRODUCTS["oracle-patient"] = Product(
    {
        "/authorize": page("Loading...", "<div id='r'></div><script>setTimeout(() => { location.href = '/session' }, 80)</script>"),
        "/session": page(
            "Sign In",
            "<h1>Sign in to the portal</h1><form method='post' action='/saml'><label for='id_login_username'>Username</label><input id='id_login_username' name='user'>"
            "<label for='id_login_password'>Password</label><input id='id_login_password' name='password' type='password'><input type='checkbox' name='keep' id='k'>"
            "<label for='k'>Remember me</label><button id='signin' type='submit'>Sign in</button><a href='/forgot'>Forgot password?</a></form>",
        ),
        "/saml": page(
            "", "<body onload='document.forms[0].submit()'><form method='post' action='/warn'><input type='hidden' name='SAMLResponse' value='PHNhbWw+'><noscript><button>Continue</button></noscript></form>"
        ),
        "/warn": page(
            "Authorization Needed",
            "<h1>Warning: Unknown app</h1><p>We do not know this app.</p><form method='post' action='/records'><button id='proceedButton' type='submit'>Proceed</button>"
            "<button name='decision' value='deny' formaction='/done'>Cancel</button></form>",
        ),
        "/records": page(
            "Authorization Needed",
            "<style>input[type=radio]{position:absolute;opacity:0}</style><h2>Allow access to the record(s) of:</h2><form method='post' action='/done'>"
            "<input type='radio' name='person' id='99' value='99'><label for='99'>OTHER (Self, 34)</label>"
            "<input type='radio' name='person' id='amelia-stone' value='amelia-stone'><label for='amelia-stone'>A. STONE (Child, 4)</label>"
            "<button id='allowButton' name='decision' value='allow'>Allow</button><button id='denyButton' name='decision' value='deny'>Deny</button></form>",
        ),
    },
    sent={**SIGNED_IN, "person": PATIENT, "decision": "allow"},
    persona="patient",
    never=("keep",),
)  # fmt: skip

PRODUCTS["oracle-provider"] = Product(
    {
        "/authorize": page(
            "Provider Sign In",
            "<form method='post' action='/place'><input name='user' placeholder='User name'><input type='password' name='password' placeholder='Password'>"
            "<input name='domain' value='C1941' aria-label='Domain'><input type='checkbox' name='keep' aria-label='Remember Username'>"
            "<button type='button'>Cancel</button><button>Log In</button></form>",
        ),
        "/place": page(
            "Choose a location",
            "<h1>Select your facility</h1><form method='post' action='/patient'><label for='f'>Facility</label><select id='f' name='facility'><option value='north'>North Hospital</option>"
            "<option value='south'>South Hospital</option></select><button>Continue</button></form>",
        ),
        "/patient": page(
            "Patient search",
            "<h1>Find a patient</h1><form action='/results' method='get'><label>Last name <input name='last'></label><label>First name <input name='first'></label>"
            "<label>Date of birth <input name='dob' placeholder='MM/DD/YYYY'></label><label>MRN <input name='mrn'></label><button>Search</button></form>",
        ),
        "/results": page(
            "Patient search",
            "<h1>Patients</h1><table><thead><tr><th>Name</th><th>Born</th></tr></thead><tbody><tr onclick=\"location.href='/done?patient=o'\"><td>STONE, OTTO</td><td>01/01/1971</td></tr>"
            "<tr onclick=\"location.href='/ask?patient=amelia-stone'\"><td>STONE, AMELIA</td><td>04/05/1980</td></tr></tbody></table>",
        ),
        "/ask": consent("/done", "<button name='decision' value='allow'>Authorize</button>", "<button name='decision' value='deny'>Do not authorize</button>"),
    },
    sent={**SIGNED_IN, "domain": "C1941", "facility": "north", "last": "Stone", "first": "Amelia", "patient": PATIENT, "decision": "allow"},
    persona="provider",
    known="12724066",
    never=("keep",),
)  # fmt: skip

PRODUCTS["mychart"] = Product(
    {
        "/authorize": page(
            "Portal - Login Page",
            "<h1>Portal</h1><form method='post' action='/terms'><label for='Login'>Username</label><input id='Login' name='user'><label for='Password'>Password</label>"
            "<input id='Password' type='password' name='password'><input type='submit' value='Sign in'></form><a href='/signup'>Sign up now</a>",
        ),
        "/terms": page(
            "Portal - Terms", "<h1>Terms and conditions</h1><p>They have changed.</p><form method='post' action='/who'><button name='ok' value='1'>Accept</button><a href='/logout'>Decline and log out</a></form>"
        ),
        "/who": page(
            "Portal - Choose", "<h1>Whose record would you like to share?</h1><ul><li><a href='/sure?person=self'>Lena Hart (me)</a></li><li><a href='/sure?person=amelia-stone'>Amelia Stone</a></li></ul>"
        ),
        "/sure": page(
            "Portal - Are you sure?",
            "<h1>Are you sure?</h1><p>The app has said that it:</p><ul><li>may keep data</li></ul><form method='post' action='/share'><button>Continue</button></form><a href='/home'>Cancel</a>",
        ),
        "/share": page(
            "Portal - Share",
            "<h1>What would you like to share?</h1><form method='post' action='/done'><label><input type='checkbox' name='s' value='patient/Observation.rs' checked>Observations</label>"
            "<fieldset><legend>How long?</legend><label><input type='radio' name='t' value='1h'>1 hour</label><label><input type='radio' name='t' value='3m'>3 months</label></fieldset>"
            "<button name='decision' value='allow'>Allow access</button><button name='decision' value='deny'>Do not allow</button></form>",
        ),
    },
    sent={**SIGNED_IN, "person": PATIENT, "s": "patient/Observation.rs", "t": "1h", "decision": "allow"},
    persona="patient",
)  # fmt: skip

PRODUCTS["athena"] = Product(
    {
        "/authorize": page(
            "Sign in",
            "<h1>Log in with your Health account</h1><form method='post' action='/second'><label>Email<input type='email' name='user' autocomplete='username'></label><button>Continue</button>"
            "</form><a href='/create'>Create an account</a>",
        ),
        "/second": page(
            "Sign in",
            "<h1>Log in with your Health account</h1><form method='post' action='/practice'><input type='hidden' name='u' value='x'><label>Password<input type='password' name='password'></label>"
            "<button>Log in</button></form>",
        ),
        "/practice": page(
            "Choose", "<h1>Select a practice</h1><form method='post' action='/who'><button name='practice' value='1'>Riverside Family Practice</button><button name='practice' value='2'>Hill Clinic</button></form>"
        ),
        "/who": page(
            "Choose",
            "<h1>Select the patient whose data you want to share</h1><form method='post' action='/ask'><label><input type='radio' name='patient' value='me'>Lena Hart</label>"
            "<label><input type='radio' name='patient' value='amelia-stone'>Amelia Stone</label><button>Next</button></form>",
        ),
        "/ask": consent("/done", "<button name='decision' value='allow'>I agree</button>", "<button name='decision' value='deny'>I do not agree</button>"),
    },
    sent={**SIGNED_IN, "practice": "1", "patient": PATIENT, "decision": "allow"},
    persona="patient",
)  # fmt: skip

PRODUCTS["identityserver"] = Product(
    {
        "/authorize": page(
            "Login",
            "<nav><a href='/'>Duty Server</a></nav><h1>Login</h1><p>Choose how to login</p><form method='post' action='/consent'><h2>Local Account</h2><label for='Input_Username'>Username</label>"
            "<input id='Input_Username' name='user' placeholder='Username' autofocus><label for='Input_Password'>Password</label><input type='password' id='Input_Password' name='password' placeholder='Password'>"
            "<input type='checkbox' id='r' name='Input.RememberLogin' value='true'><label for='r'>Remember My Login</label><button name='Input.Button' value='login'>Login</button>"
            "<button name='Input.Button' value='cancel'>Cancel</button></form><h2>External Account</h2><a href='/ext'>OpenID Connect</a>",
        ),
        "/consent": page(
            "Consent",
            "<h1>Growth Chart is requesting your permission</h1><p>Uncheck the permissions you do not wish to grant.</p><form method='post' action='/done'><h3>Personal Information</h3>"
            "<input type='checkbox' name='Input.ScopesConsented' id='s1' value='openid' checked disabled><input type='hidden' name='Input.ScopesConsented' value='openid'><label for='s1'>Your user identifier (required)</label>"
            "<h3>Application Access</h3><input type='checkbox' name='Input.ScopesConsented' id='s2' value='patient/Observation.rs' checked><label for='s2'>Observations</label>"
            "<label for='d'>Description</label><input id='d' name='Input.Description' placeholder='Description or name of device'>"
            "<input type='checkbox' name='Input.RememberConsent' id='rc' value='true' checked><label for='rc'>Remember My Decision</label>"
            "<button name='decision' value='yes'>Yes, Allow</button><button name='decision' value='no'>No, Do Not Allow</button></form>",
        ),
    },
    sent={**SIGNED_IN, "Input.Button": "login", "Input.ScopesConsented": "patient/Observation.rs", "decision": "yes"},
    denied=("decision", "no"),
    never=("Input.RememberLogin",),
)  # fmt: skip

PRODUCTS["spring"] = Product(
    {
        "/authorize": page(
            "Please sign in",
            "<form method='post' action='/ask'><h2>Please sign in</h2><p><label for='username' style='display:none'>Username</label><input id='username' name='user' placeholder='Username' required></p>"
            "<p><input type='password' name='password' placeholder='Password' required></p><input type='hidden' name='_csrf' value='x'><button type='submit'>Sign in</button></form>",
        ),
        "/ask": page(
            "OAuth Approval",
            "<h1>OAuth Approval</h1><p>Do you authorize 'growth-chart' to access your protected resources?</p><form method='post' action='/done'><input name='user_oauth_approval' value='true' type='hidden'>"
            "<ul><li>scope.openid: <label><input type='radio' name='scope.openid' value='true'> Approve</label> <label><input type='radio' name='scope.openid' value='false' checked> Deny</label></li></ul>"
            "<input name='authorize' value='Authorize' type='submit'></form>",
        ),
    },
    sent={**SIGNED_IN, "scope.openid": "true"},
    denied=("scope.openid", "false"),
)  # fmt: skip

PRODUCTS["django-oauth-toolkit"] = Product(
    {
        "/authorize": page(
            "Log in",
            "<h1>Clinic administration</h1><form method='post' id='login-form' action='/ask'><input type='hidden' name='csrfmiddlewaretoken' value='x'><label for='id_username'>Username:</label>"
            "<input name='user' autofocus maxlength='150' required id='id_username'><label for='id_password'>Password:</label><input type='password' name='password' required id='id_password'>"
            "<input type='submit' value='Log in'></form>",
        ),
        "/ask": page(
            "Authorize",
            "<form id='authorizationForm' method='post' action='/done'><h3>Authorize Growth Chart?</h3><p>Application requires the following permissions</p><ul><li>Read observations</li></ul>"
            "<input type='submit' name='decision' value='Cancel'><input type='submit' name='allow' value='Authorize'></form>",
        ),
    },
    sent={**SIGNED_IN, "allow": "Authorize"},
    denied=("decision", "Cancel"),
)  # fmt: skip

PRODUCTS["django-oauth-toolkit-patients"] = replace(
    PRODUCTS["django-oauth-toolkit"],
    pages={
        **PRODUCTS["django-oauth-toolkit"].pages,
        "/ask": page(
            "Authorize",
            "<form id='authorizationForm' method='post' action='/done'><h3>Authorize Growth Chart?</h3><p>Application requires the following permissions</p><ul><li>Read observations</li></ul>"
            f"<fieldset><legend>Patient</legend><p><label><input type='radio' name='patient' value='b'> Bruno C</label></p><p><label><input type='radio' name='patient' value='{PATIENT}'> {NAME}</label></p>"
            "</fieldset><input type='submit' name='decision' value='Cancel'><input type='submit' name='allow' value='Authorize'></form>",
        ),
    },
    sent={**SIGNED_IN, "patient": PATIENT, "allow": "Authorize"},
)  # fmt: skip

PRODUCTS["oidc-provider"] = Product(
    {
        "/authorize": page(
            "Sign-in",
            "<div class='login-card'><h1>Sign-in</h1><form autocomplete='off' action='/interaction' method='post'><input type='hidden' name='prompt' value='login'>"
            "<input required type='text' name='user' placeholder='Enter any login' autofocus><input required type='password' name='password' placeholder='and password'>"
            "<button type='submit' class='login login-submit'>Sign-in</button></form><div class='login-help'><a href='/done?abort=1'>[ Cancel ]</a></div></div>",
        ),
        "/interaction": page(
            "Consent",
            "<div class='login-card'><h1>Authorize</h1><div><p>this is a new authorization</p><ul><li>scopes:</li><ul><li>patient/Observation.rs</li></ul></ul></div>"
            "<form autocomplete='off' action='/done' method='post'><input type='hidden' name='prompt' value='consent'><button autofocus type='submit'>Continue</button></form>"
            "<div class='login-help'><a href='/done?abort=1'>[ Cancel ]</a></div></div>",
        ),
    },
    sent={**SIGNED_IN, "prompt": "consent"},
    denied=("abort", "1"),
)  # fmt: skip

PRODUCTS["azure-b2c"] = Product(
    {
        "/authorize": spa(
            "Sign in",
            """show(`<div class="social"><button id="GoogleExchange">Google</button></div><form id="localAccountForm"><h2>Sign in with your email address</h2>
            <label for="signInName">Email Address</label><input type="email" id="signInName" name="user" placeholder="Email Address" pattern="[^ ]+@[^ ]+">
            <label for="password">Password</label><input type="password" id="password" name="password" placeholder="Password"><a href="/forgot">Forgot your password?</a>
            <button id="next" type="submit" form="localAccountForm">Sign in</button></form><p>Don't have an account? <a id="createAccount" href="/up">Sign up now</a></p>`,
            async all => { await post('/SelfAsserted', all); location.href = '/ask'; });""",
        ),
        "/SelfAsserted": "ok",
        "/ask": consent("/done", "<button name='decision' value='allow'>Accept</button>", "<button name='decision' value='deny'>Cancel</button>", "Growth Chart needs permission"),
    },
)  # fmt: skip

PRODUCTS["forgerock"] = Product(
    {
        "/authorize": spa(
            "Sign In",
            """show(`<h1>Sign In</h1><form><div><input id="callback_1" name="user" type="text" placeholder=" "><label for="callback_1">User Name</label></div>
            <div><input id="callback_2" name="password" type="password" placeholder=" "><label for="callback_2">Password</label><button type="button" aria-label="Toggle">o</button></div>
            <button type="submit">Next</button></form>`, async all => { await post('/json/authenticate', all); location.href = '/ask'; });""",
        ),
        "/json/authenticate": "ok",
        "/ask": consent("/done", "<button name='decision' value='allow'>Allow</button>", "<button name='decision' value='deny'>Deny</button>", "Growth Chart requests the following information"),
    },
)  # fmt: skip

PRODUCTS["wso2"] = Product(
    {
        "/authorize": page(
            "Sign In",
            "<h3>Sign In</h3><form method='post' action='/ask' id='loginForm'><input type='text' id='usernameUserInput' placeholder='Username' name='user' required>"
            "<input type='password' id='password' name='password' placeholder='Password' autocomplete='off' required><input type='checkbox' id='chkRemember' name='chkRemember'>"
            "<label for='chkRemember'>Remember me on this computer</label><button type='submit'>Sign In</button></form>",
        ),
        "/ask": page(
            "Consent",
            "<h4>Growth Chart requests access to your profile</h4><form method='post' action='/done'><div><label><input type='checkbox' name='consent_select_all' id='all'>Select All</label></div>"
            "<div><label><input type='checkbox' class='mandatory-claim' name='consent_0' required>Mail address *</label></div>"
            "<label><input type='radio' name='decision' id='approveCb' value='approve'>Approve once</label><label><input type='radio' name='decision' value='approveAlways'>Approve always</label>"
            "<input type='submit' value='Continue'><input type='submit' name='refuse' value='Deny' formnovalidate></form>",
        ),
    },
    sent={**SIGNED_IN, "consent_0": "on", "decision": "approve"},
    denied=("refuse", "Deny"),
    never=("chkRemember",),
)  # fmt: skip

PRODUCTS["continue-as"] = Product(
    {
        "/authorize": page(
            "Welcome back",
            "<h1>Welcome back</h1><form method='post' action='/ask'><p>You are signed in as lena.hart@example.org.</p><button name='as' value='same'>Continue as Lena Hart</button></form>"
            "<a href='/other'>Use a different account</a>",
        ),
        "/ask": consent("/done", "<button name='decision' value='allow'>Allow</button>", "<button name='decision' value='deny'>Deny</button>"),
    },
    sent={"as": "same", "decision": "allow"},
)  # fmt: skip

PRODUCTS["continue-as-another"] = Product(
    {
        "/authorize": page(
            "Welcome back",
            "<h1>Welcome back</h1><form method='post' action='/done'><p>You are signed in as otto@other.example.</p><button name='as' value='otto'>Continue as Otto Other</button></form>"
            "<a href='/form'>Not you? Use a different account</a>",
        ),
        "/form": page(
            "Sign in",
            "<form method='post' action='/ask'><label>User name <input name='user'></label><label>Password <input type='password' name='password'></label><button>Sign in</button></form>",
        ),
        "/ask": consent("/done", "<button name='decision' value='allow'>Allow</button>", "<button name='decision' value='deny'>Deny</button>"),
    },
    sent={**SIGNED_IN, "decision": "allow"},
    never=("as",),
)  # fmt: skip

PRODUCTS["consent-in-parts"] = Product(
    {
        "/authorize": page("Sign in", "<form method='post' action='/1'><label>Member ID <input name='user'></label><label>PIN or password <input type='password' name='password'></label><button>Log on</button></form>"),
        "/1": page("Permissions", "<h1>Share your data</h1><p>Part 1 of 3: who you are</p><form method='post' action='/2'><label><input type='checkbox' name='a' value='openid' checked>Your identity</label><button>Continue</button><button name='decision' value='deny' formaction='/done'>Cancel</button></form>"),
        "/2": page("Permissions", "<h1>Share your data</h1><p>Part 2 of 3: your record</p><form method='post' action='/3'><label><input type='checkbox' name='b' value='patient/Observation.rs' checked>Results</label><button>Continue</button><button name='decision' value='deny' formaction='/done'>Cancel</button></form>"),
        "/3": page("Permissions", "<h1>Share your data</h1><p>Part 3 of 3: for how long</p><form method='post' action='/done'><label><input type='checkbox' name='c' value='offline_access' checked>While you are away</label><button>Continue</button><button name='decision' value='deny'>Cancel</button></form>"),
    },
    sent={**SIGNED_IN, "a": "openid", "b": "patient/Observation.rs", "c": "offline_access"},
    persona="patient",
)  # fmt: skip

PRODUCTS["notices"] = Product(
    {
        "/authorize": page("Sign in", "<form method='post' action='/n1'><label>User name <input name='user'></label><label>Password <input type='password' name='password'></label><button>Sign in</button></form>"),
        "/n1": page("System use", "<h1>Authorized use only</h1><p>This system holds protected health information.</p><form method='post' action='/n2'><button name='n' value='1'>I acknowledge</button></form>"),
        "/n2": page("Welcome", "<h1>Your password expires in 12 days</h1><form method='post' action='/n3'><button name='now' value='1'>Change now</button><button name='n' value='2'>Remind me later</button></form>"),
        "/n3": page("Survey", "<h1>How do you like the portal?</h1><a href='/survey'>Take the survey</a><a href='/ask?n=3'>No, thanks</a>"),
        "/ask": consent("/done", "<button name='decision' value='allow'>Allow</button>", "<button name='decision' value='deny'>Deny</button>"),
    },
    sent={**SIGNED_IN, "n": "3", "decision": "allow"},
    never=("now",),
)  # fmt: skip

PRODUCTS["picker-by-birth-date"] = Product(
    {
        "/authorize": page("Sign in", "<form method='post' action='/pick'><label>User name <input name='user'></label><label>Password <input type='password' name='password'></label><button>Sign in</button></form>"),
        "/pick": page(
            "Patients",
            "<h1>Select a patient</h1><form action='/found'><label>Name <input name='name'></label><label>Birth date <input type='date' name='born'></label><button>Find</button></form><p>Nobody yet.</p>",
        ),
        "/found": page(
            "Patients",
            "<h1>Select a patient</h1><form action='/found'><label>Name <input name='name' value='Stone'></label><label>Birth date <input type='date' name='born'></label><button>Find</button></form>"
            "<form method='post' action='/ask'><div class='card'>Amelia Stone, born 4 May 1980 <button name='patient' value='77'>Select</button></div>"
            "<div class='card'>Otto Stone, born 1 January 1971 <button name='patient' value='78'>Select</button></div></form>",
        ),
        "/ask": consent("/done", "<button name='decision' value='allow'>Allow</button>", "<button name='decision' value='deny'>Deny</button>"),
    },
    sent={**SIGNED_IN, "name": "Stone", "patient": "77", "decision": "allow"},
    known="not-shown",
)  # fmt: skip

PRODUCTS["picker-by-id"] = Product(
    {
        "/authorize": PRODUCTS["picker-by-birth-date"].pages["/authorize"],
        "/pick": page("Patients", "<h1>Open a patient</h1><form action='/found'><label>MRN <input name='mrn' required></label><button>Search</button></form>"),
        "/found": page("Patients", "<h1>Choose the patient</h1><form method='post' action='/ask'><label><input type='radio' name='patient' value='amelia-stone'>STONE, A.</label><button>Open</button></form>"),
        "/ask": PRODUCTS["picker-by-birth-date"].pages["/ask"],
    },
    sent={**SIGNED_IN, "mrn": PATIENT, "patient": PATIENT, "decision": "allow"},
)  # fmt: skip

PRODUCTS["smile-cdr"] = Product(
    {
        "/authorize": page(
            "Log In", "<form method='post' action='/pick' id='login-form'><h3>Please log in</h3><input name='user' placeholder='Username' id='username'><input name='password' type='password' id='password' placeholder='Password'>"
            "<button type='submit'>Log In</button></form>",
        ),
        "/pick": page(
            "Context", "<h3>Choose the context</h3><form method='post' action='/ask'><label for='p'>Patient</label><select name='patient' id='p'><option value=''>(none)</option><option value='b'>Bruno C</option>"
            "<option value='Patient/amelia-stone'>Stone, Amelia</option></select><button>Continue</button></form>",
        ),
        "/ask": page(
            "Approve", "<h3>The following application is requesting access</h3><form method='post' action='/done'><label><input type='checkbox' name='scope_openid' checked>openid</label>"
            "<label><input type='checkbox' name='scope_patient/Observation.rs' checked>patient/Observation.rs</label><button name='decision' value='approve'>Approve</button>"
            "<button name='decision' value='reject'>Reject</button></form>",
        ),
    },
    sent={**SIGNED_IN, "patient": f"Patient/{PATIENT}", "decision": "approve"},
    denied=("decision", "reject"),
)  # fmt: skip

PRODUCTS["veradigm"] = Product(
    {
        "/authorize": page(
            "Authorization",
            "<h2>Sign in with your EHR account</h2><form method='post' action='/ehr'><label for='UserName'>Username</label><input id='UserName' name='clinician'>"
            "<label for='Password'>Password</label><input id='Password' name='secret' type='password'><button>Log In</button></form>"
            "<hr><a class='btn' href='/portal'>Are you a Patient?</a>",
        ),
        "/portal": page(
            "Portal - Sign In",
            "<h1>Welcome back</h1><form method='post' action='/agree'><div><input placeholder='Email address' name='user' type='email'></div>"
            "<div><input placeholder='Password' name='password' type='password'></div><label><input type='checkbox' name='trust'> Trust this device</label>"
            "<button type='submit'>Sign In</button><a href='/forgot'>Trouble signing in?</a></form>",
        ),
        "/agree": consent(
            "/done", "<button name='decision' value='agree'>I Agree</button>", "<button name='decision' value='deny'>Decline</button>"
        ),
    },
    sent={**SIGNED_IN, "decision": "agree"},
    persona="patient",
    never=("clinician", "secret", "trust"),
)

PRODUCTS["meditech"] = Product(
    {
        "/authorize": page(
            "Sign in",
            "<main><h1>Patient and Consumer Health Portal</h1><form method='post' action='/records'><fieldset><legend>Log on</legend>"
            "<label>Logon ID <input name='user' autocapitalize='off'></label><label>Password <input name='password' type='password'></label></fieldset>"
            "<input type='submit' value='Log On'><a href='/enroll'>Enroll now</a></form></main>",
        ),
        "/records": page(
            "Select a record",
            "<h1>Whose record shall be shared?</h1><ul><li><form method='post' action='/terms'><input type='hidden' name='patient' value='bruno-c'><button>Bruno C</button></form></li>"
            "<li><form method='post' action='/terms'><input type='hidden' name='patient' value='amelia-stone'><button>Amelia Stone</button></form></li></ul>",
        ),
        "/terms": consent(
            "/done", "<input type='submit' name='decision' value='Authorize'>", "<input type='submit' name='decision' value='Cancel'>"
        ),
    },
    sent={**SIGNED_IN, "patient": PATIENT, "decision": "Authorize"},
    denied=("decision", "Cancel"),
)

PRODUCTS["nextgen"] = Product(
    {
        "/authorize": page(
            "Practice",
            "<h1>Select your practice</h1><form method='post' action='/login'><label for='practice'>Practice</label><select id='practice' name='practice' required>"
            "<option value='' disabled>Choose one</option><option value='10' selected>Lakeside Family Medicine</option></select><button>Continue</button></form>",
        ),
        "/login": page(
            "Patient API Login",
            "<form method='post' action='/ask'><table><tr><td><label for='u'>User Name</label></td><td><input id='u' name='user'></td></tr>"
            "<tr><td><label for='p'>Password</label></td><td><input id='p' name='password' type='password'></td></tr></table>"
            "<button name='action' value='login'>Login</button><button name='action' value='cancel'>Cancel</button></form>",
        ),
        "/ask": consent(
            "/done",
            "<button name='decision' value='yes'>Allow access</button>",
            "<button name='decision' value='deny'>Deny access</button>",
        ),
    },
    sent={"practice": "10", **SIGNED_IN, "action": "login", "decision": "yes"},
)

PRODUCTS["healow"] = Product(
    {
        "/authorize": spa(
            "healow",
            """show(`<h2>Log in with your portal account</h2><form><input name="user" placeholder="Username / Email / Mobile"><button>Next</button></form>`,
            (sent) => post('/step', sent).then(() => show(`<h2>Enter your password</h2><form><input name="password" type="password" aria-label="Password">
            <button type="button" aria-label="Show password">o</button><button>Login</button></form>`,
            (more) => post('/step', more).then(() => show(`<h2>Growth Chart wants to access your health information</h2><form>
            <label><input type="checkbox" name="scope" value="patient/Observation.rs" checked> Observations</label>
            <button name="decision" value="approve">Approve</button><button name="decision" value="deny">Reject</button></form>`,
            (last) => { location.href = '/done?' + new URLSearchParams(last); })))));""",
        ),
        "/step": "ok",
    },
    sent={**SIGNED_IN, "decision": "approve", "scope": "patient/Observation.rs"},
)

PRODUCTS["login-gov"] = Product(
    {
        "/authorize": page(
            "Sign in",
            "<h1>Sign in for existing users</h1><form method='post' action='/rules'><label for='e'>Email address</label><input id='e' name='user' type='email' autocomplete='email' required>"
            "<label for='p'>Password</label><input id='p' name='password' type='password' required><label><input type='checkbox' name='show'> Show password</label>"
            "<button type='submit'>Sign in</button></form><a href='/new'>Create an account</a><a href='/piv'>Sign in with your government employee ID</a>",
        ),
        "/rules": page(
            "Connect",
            "<h1>Continue to Health API</h1><p>We will share your information with it.</p><form method='post' action='/share'><button type='submit'>Agree and continue</button></form>",
        ),
        "/share": consent(
            "/done",
            "<button name='decision' value='allow'>Allow Access</button>",
            "<button name='decision' value='deny'>Do not allow</button>",
        ),
    },
    sent={**SIGNED_IN, "decision": "allow"},
    denied=None,  # the page before the question already says that something will be shared, and has one button
    never=("show",),
)

PRODUCTS["azure-sample"] = Product(
    {
        "/authorize": page(
            "Sign in to your account",
            "<form method='post' action='/pass'><input type='email' name='loginfmt' placeholder='Email, phone, or Skype' aria-label='Enter your email'>"
            "<input type='submit' id='idSIButton9' value='Next'></form>",
        ),
        "/pass": page(
            "Sign in to your account",
            "<div>lena.hart@example.org</div><form method='post' action='/scopes'><input name='password' type='password' placeholder='Password'>"
            "<a href='/forgot'>Forgot my password</a><input type='submit' id='idSIButton9' value='Sign in'></form>",
        ),
        "/scopes": spa(
            "Scope selector",
            """show(`<h1>Authorize application</h1><p>Choose what Growth Chart may do.</p><form><label><input type="checkbox" name="scope" value="patient.Observation.rs" checked>
            patient/Observation.rs</label><button name="decision" value="ok">Authorize application</button><button name="decision" value="deny" type="submit">Cancel</button></form>`,
            (sent) => post('/step', sent).then(() => { location.href = '/done?' + new URLSearchParams(sent); }));""",
        ),
        "/step": "ok",
    },
    sent={"loginfmt": USER, "password": PASSWORD, "decision": "ok"},
)
