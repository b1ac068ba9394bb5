"""``smartlaunch doctor``: what it calls ready has been tried, and each other thing has a line on what to do."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.server import serve
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response
from smartlaunch.onboarding import checkup
from tests.onboarding.conftest import known_of

FILE = """schema = 1
[target]
fhir_base_url = "{base}"
vendor = "{vendor}"
[clients.app]
role = "{role}"
client_id = "{client_id}"
{secret}
scopes = "{scopes}"
redirect_uri = "{redirect_uri}"
launches = ["standalone"]
[users.person]
username = "{username}"
password = {{ env = "PERSON_PASSWORD" }}
persona = "patient"
[patients]
default = "{patient}"
[limits]
request_s = 5
login_s = 20
"""
SCOPES = "openid fhirUser launch/patient patient/Patient.rs patient/Observation.rs"


@pytest.fixture
def doctor(cli, monkeypatch):
    """Runs ``doctor`` on a target file with something changed; the lines by what they are about."""

    def call(known, *words, **changes):
        monkeypatch.setenv("PERSON_PASSWORD", changes.pop("password", known.password))
        values = {"base": known.base, "vendor": "", "role": "public", "client_id": known.client_id, "secret": "", "scopes": SCOPES}
        values |= {"redirect_uri": known.redirect_uri, "username": known.username, "patient": known.patient} | changes
        Path("t.toml").write_text(FILE.format(**values), "utf-8")
        said = cli("doctor", "--target", "t.toml", *words)
        assert known.password not in said.all
        said.lines = {name: verdict for verdict, name in re.findall(r"^(ready|mend|note|unreachable): ([^:]+): ", said.out, re.MULTILINE)}
        return said

    return call


def test_all_that_is_ready_has_been_tried(doctor, known):
    said = doctor(known)
    assert said.code == 0, said.out
    ready = {name for name, verdict in said.lines.items() if verdict == "ready"}
    assert ready == {"reach", "clock", "scopes of app", "client app", "browser", "sign-in (app, standalone)", "patient"}
    assert "ready: smartlaunch run --target t.toml" in said.out
    pictures = sorted(Path("reports/doctor").glob("*/*.jpg"))
    assert len(pictures) >= 2
    assert all(picture.read_bytes()[:2] == b"\xff\xd8" for picture in pictures)


def test_the_patient_is_called_ready_for_what_was_tried_only(doctor, known):
    assert "chosen in the launch and read by its id" in doctor(known).out
    said = doctor(known, scopes="openid launch/patient")
    assert "ready: patient: [patients] default was chosen in the launch" in said.out
    said = doctor(known, scopes="openid fhirUser")
    assert said.lines["patient"] == "note"
    assert "ask for patient/Patient.rs" in said.out


def test_without_a_sign_in_nothing_is_opened(doctor, known):
    said = doctor(known, "--no-sign-in")
    assert said.code == 0
    assert not {"browser", "patient"} & set(said.lines)


def test_a_right_secret_is_ready_and_a_wrong_one_is_to_be_mended(doctor, ehr, monkeypatch):
    known = known_of(ehr, "confidential-symmetric")
    asked = {"role": "confidential-symmetric", "secret": 'client_secret = { env = "THE_SECRET" }'}
    monkeypatch.setenv("THE_SECRET", known.secret)
    said = doctor(known, "--no-sign-in", **asked)
    assert said.lines["client app"] == "ready"
    assert "a code that nobody issued is, with invalid_grant" in said.out
    monkeypatch.setenv("THE_SECRET", "wrong-secret-canary")
    said = doctor(known, "--no-sign-in", **asked)
    assert said.code == 2
    assert said.lines["client app"] == "mend"
    assert "compare client id and secret with the registration" in said.out
    assert "canary" not in said.out


def test_a_secret_that_is_sent_the_wrong_way_is_told_with_the_line_to_write(doctor, monkeypatch):
    with serve(SandboxOptions(defects=("takes_the_secret_in_the_body_only_without_saying_so",))) as running:
        known = known_of(running, "confidential-symmetric")
        monkeypatch.setenv("THE_SECRET", known.secret)
        said = doctor(known, "--no-sign-in", role="confidential-symmetric", secret='client_secret = { env = "THE_SECRET" }')
    assert said.code == 0, said.out
    assert 'write token_endpoint_auth_method = "client_secret_post"' in said.out


@pytest.mark.parametrize("changed", [{"client_id": "nobody"}, {"redirect_uri": "https://app.example/another"}])
def test_a_client_or_redirect_uri_that_is_not_known_is_told_before_anybody_signs_in(doctor, known, changed):
    said = doctor(known, **changed)
    assert said.code == 2
    assert "the authorization server does not take client_id" in said.out
    assert "compare both with the registration" in said.out
    assert not [name for name in said.lines if name.startswith("sign-in")]


def test_a_wrong_password_is_told(doctor, known):
    said = doctor(known, password="wrong-password")
    assert said.code == 2
    assert said.lines["sign-in (app, standalone)"] == "mend"
    assert "smartlaunch try --target T" in said.out


def test_a_patient_who_is_not_there_is_told(doctor, known):
    said = doctor(known, patient="no-such-patient")
    assert said.code == 2
    assert "mend: sign-in" in said.out
    assert "patient" in said.out.split("mend: sign-in")[1]


@pytest.mark.parametrize(
    ("changed", "verdict", "said_there"),
    [
        ({"scopes": "openid patient/observation.rs"}, "mend", "patient/observation.rs: not in a form that the guide knows"),
        ({"scopes": "openid launch/patient patient/*.rs"}, "note", "many servers drop wildcards"),
        ({"scopes": "openid launch/patient patient/*.rs", "vendor": "oracle-health"}, "mend", "drops wildcards without an error"),
        ({"scopes": "openid launch patient/Patient.rs"}, "note", "it needs a launch value"),
        ({"scopes": "openid launch patient/Patient.rs", "vendor": "oracle-health"}, "mend", "it needs a launch value"),
        ({"scopes": "openid patient/Patient.rs"}, "note", "add launch/patient"),
        ({"scopes": "openid launch/patient patient/Patient.rs patient/Observation.read"}, "note", "of both versions"),
    ],
)
def test_scopes_that_will_not_be_granted_are_told(doctor, known, changed, verdict, said_there):
    said = doctor(known, "--no-sign-in", **changed)
    assert f"{verdict}: scopes of app: " in said.out
    assert said_there in said.out
    assert said.code == (2 if verdict == "mend" else 0)


def test_scopes_of_the_other_version_are_told_with_what_to_write(doctor):
    with serve(SandboxOptions(variants=("is_of_edition_1_0",))) as running:
        said = doctor(known_of(running), "--no-sign-in")
    assert said.code == 2, said.out
    assert "write patient/Patient.read patient/Observation.read" in said.out


def dated(date: str, age: str = "") -> Exchange:
    headers = (("Date", date), *((("Age", age),) if age else ()))
    now = datetime.now(UTC)
    return Exchange("x1", Actor.APP, Endpoint.DISCOVERY, now, 10.0, Request("GET", "https://ehr.example"), Response(200, headers, b"{}"))


@pytest.mark.parametrize(
    ("ahead_s", "age", "verdict"),
    [(0, "", "ready"), (3, "", "ready"), (-30, "", "note"), (-30, "30", "ready"), (120, "", "mend"), (-3600, "", "mend")],
)
def test_the_clock_is_judged_by_the_date_header(ahead_s, age, verdict):
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead_s), usegmt=True)
    (line,) = checkup.clock(dated(date, age))
    assert line.verdict == verdict
    assert bool(line.do) == (verdict != "ready")


def test_a_server_without_a_date_is_no_fault():
    (line,) = checkup.clock(dated("soon"))
    assert line.verdict == "note"


def test_https_on_a_port_of_plain_http_is_said_so(doctor, known):
    said = doctor(known, base=known.base.replace("http://", "https://"))
    assert said.code == 3
    assert "https on a port that speaks plain http" in said.out


def test_a_browser_that_does_not_start_is_told(doctor, known, monkeypatch):
    broken = Path("broken").resolve()
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("SMARTLAUNCH_BROWSER", str(broken))
    said = doctor(known)
    assert said.code == 2
    assert said.lines["browser"] == "mend"
    assert "smartlaunch setup" in said.out
