"""``smartlaunch try``: one launch told step by step, and what it says where it stops."""

import json
import re

import pytest

from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.server import serve
from tests.onboarding.conftest import known_of


def flags(known, **changes):
    values = {
        "--fhir-base": known.base,
        "--client-id": known.client_id,
        "--redirect-uri": known.redirect_uri,
        "--username": known.username,
        "--patient": known.patient,
    }
    values |= {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
    return [word for flag, value in values.items() if value is not None for word in ((flag, value) if value is not True else (flag,))]


@pytest.fixture
def launch(cli, monkeypatch, tmp_path):
    """Runs ``try`` with the password in the environment and looks for secrets in all it left."""

    def call(known, **changes):
        monkeypatch.setenv("SMARTLAUNCH_PASSWORD", known.password)
        said = cli("try", *flags(known, out=str(tmp_path / "kept"), **changes))
        left = "".join(path.read_text("utf-8", "replace") for path in (tmp_path / "kept").rglob("*") if path.is_file())
        assert known.password not in said.all + left
        return said

    return call


def steps(said):
    return re.findall(r"^ *[\d.]+ s  (ok|STOP) +([^:]+):", said.out, re.MULTILINE)


def test_a_standalone_launch_is_told_from_start_to_read(launch, known, tmp_path):
    said = launch(known)
    assert said.code == 0, said.all
    assert [name for good, name in steps(said) if good == "ok"][:4] == [
        "SMART configuration",
        "authorization request",
        "authorization",
        "token",
    ]
    assert "Patient by id: status 200" in said.out
    assert "scope: openid" in said.out
    assert "granted: " in said.out
    assert known.patient not in said.out
    assert "It works" in said.out
    run = json.loads((tmp_path / "kept/run.json").read_text())
    assert [row["outcome"] for row in run["scenarios"]] == ["passed"]
    assert (tmp_path / "kept/index.html").is_file()


@pytest.mark.parametrize("form", ["address", "value"])
def test_a_pasted_ehr_launch_is_told(launch, ehr, monkeypatch, form):
    known = known_of(ehr, persona="clinician")
    value = known.launch()
    monkeypatch.setenv("SMARTLAUNCH_LAUNCH", f"{known.launch_uri}?iss={known.base}&launch={value}" if form == "address" else value)
    said = launch(known, ehr=True, patient=None)
    assert said.code == 0, said.all
    assert ("ok", "EHR launch") in steps(said)
    assert value not in said.all


def test_a_client_with_a_secret_takes_it_from_the_environment(launch, ehr, monkeypatch):
    known = known_of(ehr, "confidential-symmetric")
    monkeypatch.setenv("SMARTLAUNCH_SECRET", known.secret)
    said = launch(known, secret=True)
    assert said.code == 0, said.all
    assert known.secret not in said.all


def test_a_secret_without_a_place_is_asked_for_by_its_variable(launch, ehr, monkeypatch):
    monkeypatch.delenv("SMARTLAUNCH_SECRET", raising=False)
    said = launch(known_of(ehr, "confidential-symmetric"), secret=True)
    assert said.code == 2
    assert "export SMARTLAUNCH_SECRET=" in said.err


def test_a_wrong_secret_stops_at_the_token_with_its_cause(launch, ehr, monkeypatch):
    monkeypatch.setenv("SMARTLAUNCH_SECRET", "not-the-secret-of-this-client")
    said = launch(known_of(ehr, "confidential-symmetric"), secret=True)
    assert said.code == 1, said.all
    assert ("STOP", "token") in steps(said)
    assert "invalid_client" in said.out
    assert "registration" in said.out or "credentials" in said.out


def test_a_wrong_redirect_uri_stops_at_the_authorization_with_its_cause(launch, known):
    said = launch(known, redirect_uri="https://app.example/another")
    assert said.code == 1, said.all
    assert ("STOP", "authorization") in steps(said)
    assert "redirect" in said.out.split("It stopped")[1]


def test_an_unknown_client_stops_with_its_cause(launch, known):
    said = launch(known, client_id="nobody")
    assert said.code == 1
    assert "client" in said.out.split("It stopped")[1]


def test_a_wrong_password_is_told_and_sent_once(cli, known, monkeypatch, tmp_path):
    monkeypatch.setenv("SMARTLAUNCH_PASSWORD", "wrong")
    said = cli("try", *flags(known, out=str(tmp_path / "kept")))
    assert said.code == 1
    assert "It stopped: The sign-in page does not take the user name and password" in said.out
    assert "smartlaunch ticket" not in said.out, "no vendor is asked about one's own password"
    assert "password" in said.out.split("It stopped")[1]


def test_an_address_that_is_no_fhir_server_is_told_before_anything_is_opened(cli, known, tmp_path):
    said = cli("try", *flags(known, fhir_base=known.base.removesuffix("/fhir"), username=None, out=str(tmp_path / "kept")))
    assert said.code == 2
    assert "give the FHIR base URL itself" in said.err
    assert not (tmp_path / "kept").exists()


@pytest.fixture(scope="module")
def imitated(tmp_path_factory):
    """A target file of the embedded EHR that imitates the vendor of the two tickets."""
    from smartlaunch.embedded_ehr.target_file import write_target
    from smartlaunch.embedded_ehr.vendors import choose

    vendor = choose("oracle-health")
    with serve(SandboxOptions(profile=vendor.profile, vendor=vendor)) as running:
        yield write_target(tmp_path_factory.mktemp("imitated") / "t.toml", running)


@pytest.mark.parametrize(
    ("client", "stopped", "said_there", "cause"),
    [("vitals-board", "read", "NOT granted: ", "wildcard"), ("bleeding-risk", "authorization", "launch", "launch")],
)
def test_the_two_tickets_are_told_in_one_launch(cli, imitated, client, stopped, said_there, cause):
    """Scopes that vanish and end in a bare 403; a launch that is refused with nothing but a URN."""
    said = cli("try", "--target", str(imitated), "--client", client, "--out", "kept")
    assert said.code == 1, said.all
    assert ("STOP", stopped) in steps(said)
    assert said_there in said.out
    assert cause in said.out.split("It stopped")[1].casefold()
    assert "ticket:   smartlaunch ticket kept" in said.out


def test_what_is_missing_on_the_command_line_is_named(cli):
    said = cli("try", "--client-id", "x")
    assert said.code == 2
    assert "--fhir-base, --redirect-uri are missing" in said.err


def test_a_target_file_is_taken_as_well(cli, tmp_path):
    from smartlaunch.embedded_ehr.target_file import write_target

    with serve(SandboxOptions()) as running:
        write_target(tmp_path / "t.toml", running)
        said = cli("try", "--target", "t.toml", "--out", "kept")
        other = cli("try", "--target", "t.toml", "--client", "nobody", "--out", "kept2")
    assert said.code == 0, said.all
    assert other.code == 2
    assert "no client named 'nobody'" in other.err


def test_the_password_can_be_typed(known, terminal):
    person = terminal("try", *flags(known), env={"SMARTLAUNCH_PASSWORD": ""})
    person.answer(f"The password of {known.username}:", known.password)
    code, rest = person.end()
    assert code == 0, rest
    assert known.password not in rest
    assert "It works" in rest


def test_the_command_that_repeats_it_is_the_one_that_was_typed(launch, known):
    said = launch(known, redirect_uri="https://app.example/another")
    assert f"smartlaunch try --fhir-base {known.base} --client-id {known.client_id} --redirect-uri https://app.example/another" in said.out
    first = said.out.split("It stopped: ")[1].splitlines()[0]
    assert "redirect" in first
