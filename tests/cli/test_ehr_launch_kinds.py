"""The two ways to an EHR launch that need no chart page: a link that launches, and a launch that a person pasted."""

import json

import pytest

from smartlaunch.embedded_ehr import data
from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.server import serve
from smartlaunch.embedded_ehr.target_file import write_target

PATIENT = data.PATIENTS[0]
REASON = "each pasted launch serves one flow, and other scenarios have spent all 1"


@pytest.fixture
def run(cli, in_forks, tmp_path):
    """Runs the suite of a public app launched from the EHR on an EHR of its own, with another [ehr_launch]; the scenarios by id."""

    def run(setting):
        with serve(SandboxOptions()) as ehr:
            target = write_target(tmp_path / "target.toml", ehr)
            head, tail = target.read_text("utf-8").split("[ehr_launch]")
            target.write_text(f"{head}[ehr_launch]\n{setting(ehr)}\n[limits]{tail.partition('[limits]')[2]}", "utf-8")
            said = cli(
                "run", "--target", str(target), "--suite", "ehr-launch-public", "--quick", "--no-allure", "--out", str(tmp_path / "run")
            )
        record = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
        return said, {row["id"].split("/", 1)[1]: row for row in record["scenarios"]}

    return run


def app_of(ehr):
    return next(client for client in ehr.sandbox.state.clients.values() if client.role == "public" and client.use == "primary")


def test_a_link_launches_the_app(run):
    said, scenarios = run(
        lambda ehr: (
            f'kind = "link"\npatient = "{PATIENT}"\nurl = "{ehr.base_url}/chart/launch?client_id={app_of(ehr).client_id}&patient={PATIENT}"'
        )
    )
    assert said.code == 0, said.out
    assert scenarios["access-granted-works"]["outcome"] == "passed"
    assert not [row["reason"] for row in scenarios.values() if row.get("reason") == REASON]


def test_a_pasted_launch_serves_one_scenario(run):
    def pasted(ehr):
        user = next(iter(ehr.sandbox.state.users))
        value = ehr.sandbox.state.create_launch(app_of(ehr).client_id, user, PATIENT, None)
        return f'kind = "pasted"\niss = "{ehr.fhir_base_url}"\nlaunch = "{value}"'

    said, scenarios = run(pasted)
    assert said.code == 0, said.out
    assert scenarios["access-granted-works"]["outcome"] == "passed"
    assert REASON in [row.get("reason") for row in scenarios.values()]


def test_a_spent_launch_is_blocked_and_not_failed(run):
    said, scenarios = run(lambda ehr: f'kind = "pasted"\niss = "{ehr.fhir_base_url}"\nlaunch = "no-such-launch"')
    assert said.code == 3, said.out
    assert {row["outcome"] for row in scenarios.values()} <= {"passed", "blocked", "not-applicable", "not-configured"}
    assert "does not take the pasted launch" in " ".join(said.out.split())
