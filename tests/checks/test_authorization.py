import base64
import json
import secrets

import pytest

from smartlaunch.checks import authorization as checks
from smartlaunch.finding import Kind, Outcome
from smartlaunch.oauth import pkce, scopes
from smartlaunch.oauth.authorization import make_request


@pytest.mark.parametrize(
    ("parameters", "sent", "actual"),
    [
        ([("state", "a+b c")], "a+b c", ""),
        ([], "abc", "no `state`"),
        ([("state", "a b c")], "a+b c", "differs from character 2"),
        ([("state", "abc")], "abcd", "3 characters"),
        ([("state", "ABC")], "abc", "differs from character 1"),
        ([("state", "x")], "", "a `state`"),
        ([("state", "abc"), ("state", "x")], "abc", ""),
    ],
)
def test_same_state(parameters, sent, actual) -> None:
    found = checks.same_state("R", parameters, sent, "x1")
    assert bool(found) is bool(actual)
    if found:
        assert actual in found[0].actual


def test_a_state_that_differs_is_never_shown() -> None:
    planted = secrets.token_urlsafe(32)
    found = checks.same_state("R", [("state", planted + "x")], planted, "x1")
    assert planted not in repr(found)


@pytest.mark.parametrize(
    ("parameters", "found"),
    [([("code", "c")], 0), ([("error", "access_denied")], 0), ([("code", "c"), ("error", "e")], 1), ([("state", "s")], 1)],
)
def test_code_or_error(parameters, found) -> None:
    assert len(checks.code_or_error("R", parameters, "x1")) == found


def test_not_repeated() -> None:
    assert checks.not_repeated("R", [("code", "a"), ("state", "b")], "x1") == []
    assert "state" in checks.not_repeated("R", [("code", "a"), ("state", "b"), ("state", "b")], "x1")[0].actual


@pytest.mark.parametrize(("error", "found"), [("invalid_request", 0), ("urn:vendor:error", 0), ("bad_thing", 1), ("consent_required", 0)])
def test_defined_error(error, found) -> None:
    assert len(checks.defined_error("R", [("error", error)], "x1")) == found
    assert checks.defined_error("R", [], "x1") == []


def test_error_code() -> None:
    assert checks.error_code("R", [("error", "access_denied")], "x1", "access_denied") == []
    assert "invalid_scope" in checks.error_code("R", [("error", "invalid_scope")], "x1", "access_denied")[0].actual
    assert checks.error_code("R", [], "x1", "access_denied")


@pytest.mark.parametrize(
    ("text", "found"), [("plain text", 0), ('a "quoted" one', 1), ("back\\slash", 1), ("línea", 1), ("two\nlines", 1), ("", 1)]
)
def test_legal_error_text(text, found) -> None:
    assert len(checks.legal_error_text("R", [("error", "invalid_request"), ("error_description", text)], "x1")) == found


@pytest.mark.parametrize(("uri", "found"), [("https://a.example/e?x=1", 0), ("/errors/7", 0), ("not a uri", 1), ("<b>", 1)])
def test_error_uri(uri, found) -> None:
    assert len(checks.error_uri("R", [("error_uri", uri)], "x1")) == found


@pytest.mark.parametrize(
    ("parameters", "claimed", "found"),
    [([("iss", "https://a.example")], True, 0), ([], True, 1), ([], False, 0), ([("iss", "https://a.example/")], False, 1)],
)
def test_issuer(parameters, claimed, found) -> None:
    assert len(checks.issuer("R", parameters, "x1", "https://a.example", claimed=claimed)) == found


@pytest.mark.parametrize(
    ("iss", "found"),
    [("https://a.example/x", 0), ("http://127.0.0.1:8/x", 0), ("http://a.example", 1), ("https://a.example?x=1", 1), ("a.example", 1)],
)
def test_issuer_form(iss, found) -> None:
    assert len(checks.issuer_form("R", [("iss", iss)], "x1")) == found


def test_keeps_query() -> None:
    kept = "https://a.example/cb?site=north&code=c"
    assert checks.keeps_query("R", kept, "https://a.example/cb?site=north", "x1") == []
    assert checks.keeps_query("R", "https://a.example/cb?code=c", "https://a.example/cb?site=north", "x1")
    assert checks.keeps_query("R", "https://a.example/cb?code=c", "https://a.example/cb", "x1") == []


def b64(value) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("5fq1Mw0jgozRMCJxwP2iMWDVO9888OwVHVQZKncGsQk", 0),
        ("f786d3920762c33c0bc76d1d94c9bd10", 0),
        ("12345678", 0),
        (b64({"user": "lena", "patient": "1"}), 1),
        (f"{b64({'alg': 'RS256'})}.{b64({'sub': 'lena'})}.c2ln", 1),
        (f"{b64({'alg': 'dir', 'enc': 'A256GCM'})}.a.b.c.d", 0),
        ("prefix-app-client-77-suffix", 1),
    ],
)
def test_code_not_readable(code, found) -> None:
    assert len(checks.code_not_readable("R", code, ["app-client-77", "x"], "x1")) == found


@pytest.mark.parametrize(
    ("codes", "found"),
    [
        (["SplxlOBeZQQYbYS6WxSbIA" + str(i) * 12 for i in range(4)], 1),
        ([f"code-{i:08}" for i in range(4)], 1),
        (["same"] * 4, 1),
        (["a1B2c3D4", "e5F6g7H8", "i9J0k1L2"], 1),
        (["5fq1Mw0jgozRMCJxwP2iMWDVO9888OwVHVQZKncGsQk"], 0),
    ],
)
def test_codes_unguessable(codes, found) -> None:
    assert len(checks.codes_unguessable("R", codes, "x1")) == found


def test_random_codes_are_never_called_guessable() -> None:
    for _ in range(400):
        assert checks.codes_unguessable("R", [secrets.token_urlsafe(24) for _ in range(4)], "x1") == []
        assert checks.codes_unguessable("R", [secrets.token_hex(16) for _ in range(4)], "x1") == []


# -- the requests themselves follow the rules they test ------------------------------------------------------------------------


def request(redirect_uri="https://app.example/cb"):
    return make_request(
        "https://ehr.example/authorize?tenant=1",
        client_id="app",
        redirect_uri=redirect_uri,
        scope="openid launch/patient",
        aud="https://ehr.example/fhir",
    )


def test_right_request() -> None:
    made, again = request(), request()
    assert made.url.startswith("https://ehr.example/authorize?tenant=1&response_type=code&")
    assert made.state != again.state
    assert len(made.state) >= 22
    assert pkce.proof_of(made.proof.code_verifier) == made.proof
    assert made.get("nonce")
    assert "%20" in made.url
    assert "+" not in made.url.split("scope=")[1].split("&")[0]


# -- scopes ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("granted", "wanted", "covered"),
    [
        ("patient/Patient.rs", "patient/Patient.read", True),
        ("patient/Patient.read", "patient/Patient.rs", True),
        ("patient/*.read", "patient/Patient.r", True),
        ("patient/*.cruds", "patient/Patient.write", True),
        ("patient/Patient.r patient/Patient.s", "patient/Patient.rs", True),
        ("patient/Patient.r", "patient/Patient.rs", False),
        ("user/Patient.rs", "patient/Patient.rs", False),
        ("patient/Observation.rs?category=a|b", "patient/Observation.rs", False),
        ("patient/Observation.rs", "patient/Observation.rs?category=a|b", True),
        ("openid fhirUser", "openid", True),
        ("openid", "fhirUser", False),
        ("patient/Patient.*", "patient/Patient.cruds", True),
    ],
)
def test_scope_meaning(granted, wanted, covered) -> None:
    assert scopes.covered(wanted, granted.split()) is covered


@pytest.mark.parametrize(
    "scope",
    ["patient/Patient.dus", "patient/Patient.", "patient/patient.rs", "Patient.rs", "patient/Patient.rx", "patient/Patient.read?a=b"],
)
def test_undefined_scopes_have_no_meaning(scope) -> None:
    assert scopes.parse(scope) is None


@pytest.mark.parametrize(
    ("scope", "other"),
    [
        ("patient/Patient.read", "patient/Patient.rs"),
        ("patient/Patient.rs", "patient/Patient.read"),
        ("user/*.*", "user/*.cruds"),
        ("patient/A.r", "patient/A.r"),
        ("openid", "openid"),
    ],
)
def test_other_version(scope, other) -> None:
    assert scopes.other_version(scope) == other


@pytest.mark.parametrize(("value", "good"), [("a b", True), ("a  b", False), ("", False), (" a", False), ('a"b', False), ("a,b", True)])
def test_well_formed(value, good) -> None:
    assert scopes.well_formed(value) is good


@pytest.mark.parametrize(
    ("url", "method", "where"),
    [
        ("https://app.example/cb?code=1&state=2", "GET", ""),
        ("https://app.example/cb?error=access_denied", "GET", ""),
        ("https://app.example/cb?site=north&code=1#_=_", "GET", ""),
        ("https://app.example/cb#code=1&state=2", "GET", "in the fragment"),
        ("https://app.example/cb?site=north#code=1", "GET", "in the fragment"),
        ("https://app.example/cb", "POST", "posted in a form"),
        ("https://app.example/cb?site=north", "GET", "nowhere in the address"),
    ],
)
def test_in_query(url, method, where) -> None:
    found = checks.in_query("R", url, method, "x1")
    assert [f.actual for f in found] == ([where] if where else [])


def test_a_code_for_what_may_be_overlooked_warns() -> None:
    assert checks.no_code_by_good_practice("R", "x1", "an error page", code=False) == []
    (finding,) = checks.no_code_by_good_practice("R", "x1", "a code", code=True)
    assert (finding.kind, finding.severity) == (Kind.HYGIENE, Outcome.WARNING)
