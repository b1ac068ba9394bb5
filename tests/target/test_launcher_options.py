"""The options of the SMART Health IT launcher: readable keys that become its codes."""

import base64
import json

import pytest

from smartlaunch.errors import TargetFileError
from smartlaunch.target import launcher, parse_target

FILE = """schema = 1
[target]
fhir_base_url = "https://launch.smarthealthit.org/v/r4/fhir"
[target.smart_launcher]
{options}
[clients.app]
role = "public"
client_id = "app"
redirect_uri = "https://app.example/redirect"
launch_uri = "https://app.example/launch"
scopes = "openid {scope}"
"""
BASE = "https://launch.smarthealthit.org/v/r4"


def decoded(code):
    """What the launcher's own decoder would read: base64url without padding, a JSON array of 17."""
    parts = json.loads(base64.urlsafe_b64decode(code + "=" * (-len(code) % 4)))
    assert len(parts) == 17
    return parts


def target(options, scope="launch/patient"):
    return parse_target(FILE.format(options=options, scope=scope))


def test_a_standalone_launch_has_the_code_in_its_base():
    found = target(
        'launch_type = "patient-standalone"\npatient = ["p1", "p2"]\npkce = "always"\nclient_id = "app"\nredirect_uris = "https://app.example/redirect"'
    )
    head, _, tail = found.fhir_base_url.removeprefix(f"{BASE}/sim/").partition("/")
    assert tail == "fhir"
    assert decoded(head) == [3, "p1,p2", "", "AUTO", 0, 0, 0, "", "https://app.example/redirect", "app", "", "", "", "", 0, 2, ""]
    assert found.ehr_launch is None


def test_an_ehr_launch_has_the_code_in_its_launch_value():
    found = target(
        'launch_type = "provider-ehr"\nskip_login = true\nsim_ehr = true\nencounter = "MANUAL"\nclient_type = "confidential-asymmetric"',
        "launch",
    )
    assert found.fhir_base_url == f"{BASE}/fhir"
    assert found.ehr_launch.kind == "pasted"
    assert found.ehr_launch.reusable
    assert found.ehr_launch.iss == f"{BASE}/fhir"
    assert decoded(found.ehr_launch.launch[0]) == [0, "", "", "MANUAL", 1, 0, 1, "", "", "", "", "", "", "", 2, 1, ""]
    assert found.clients["app"].launches == ("ehr",)
    assert found.pasted_launches == ()


def test_a_backend_service_keeps_what_it_can_use():
    parts = decoded(
        launcher.code(
            {
                "launch_type": "backend-service",
                "patient": "p1",
                "skip_login": True,
                "jwks_url": "https://app.example/jwks",
                "client_type": "backend-service",
            }
        )
    )
    assert parts == [4, "", "", "", 0, 0, 0, "", "", "", "", "", "https://app.example/jwks", "", 3, 1, ""]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ('launch_type = "provider-standalon"', "did you mean `provider-standalone`"),
        ('patient = "p1"', "`launch_type` is missing"),
        ('launch_type = "patient-portal"\nclient_secret = "x"', "unknown key `client_secret`"),
        ('launch_type = "patient-portal"\nskip_login = "yes"', "must be true or false"),
    ],
)
def test_a_wrong_option_is_named(options, said):
    with pytest.raises(TargetFileError, match=said):
        target(options)


def test_two_sources_of_a_launch_are_refused():
    text = (
        FILE.format(options='launch_type = "provider-ehr"', scope="launch") + '[ehr_launch]\nkind = "link"\nurl = "https://ehr.example/"\n'
    )
    with pytest.raises(TargetFileError, match="both say where the EHR launch comes from"):
        parse_target(text)
