"""A server of the first edition is judged by the rules that bind it."""

import json

import pytest

from smartlaunch.catalogue import load
from smartlaunch.plugin.judge import Judge

EARLIER = ("fhir-metadata-service", "fhir-metadata-addresses", "fhir-metadata-agrees")
LATER = ("missing-verifier-refused", "s256-listed", "pkce-not-stripped")
ALWAYS = ("id-token-signature", "id-token-iss", "access-granted-works")


@pytest.mark.usefixtures("in_forks")
def test_a_server_of_edition_1_0_is_judged_by_the_rules_of_its_time(cli, tmp_path):
    asked = [f"--scenario=standalone-public/{name}" for name in (*EARLIER, *LATER, *ALWAYS)]
    said = cli("run", "--variant", "is_of_edition_1_0", "--no-allure", "--out", str(tmp_path / "run"), *asked)
    assert said.code == 0, said.out
    record = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
    assert record["header"]["target"]["edition"] == "1.0"
    found = {row["id"].split("/")[1].split("[")[0]: row["outcome"] for row in record["scenarios"]}
    assert found == dict.fromkeys((*EARLIER, *ALWAYS), "passed") | dict.fromkeys(LATER, "not-applicable")


def test_a_finding_names_a_rule_that_binds_the_edition():
    rows = load()
    later, always = "SMART-2.2-app-launch-pkce-c", "RFC6749-5.1-a"
    assert "1.0" not in rows[later].editions
    assert "1.0" in rows[always].editions
    tags = frozenset([later, always])
    assert Judge(rows, tags, str, "2.2").rule(later) == later
    assert Judge(rows, tags, str, "1.0").rule(later) == Judge(rows, tags, str, "1.0").requirement == always
