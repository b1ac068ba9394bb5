"""Lists for programs, explanations by any name, the last report, and completion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from smartlaunch.plugin.options import Options
from smartlaunch.plugin.selection import Selection


def test_the_list_as_json_is_the_selection(cli) -> None:
    said = cli("run", "--list", "--json", "--suite", "standalone-public", "--quick")
    found = json.loads(said.out)
    selection = Selection.of(Options(suite=("standalone-public",), quick=True))
    assert [each["id"] for each in found] == [name for plan in selection.plans() for name in selection.scenarios_of(plan)]
    assert {"id", "suite", "slug", "title", "feature", "rule", "requirements", "tags", "situation", "place"} <= set(found[0])
    assert all(Path(each["place"].partition(":")[0]).suffix == ".feature" for each in found)
    assert cli("run", "--json").code == 2


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("@intrusive", "left out by --passive"),
        ("last", "may poison other flows"),
        ("aud", "features/authorization/aud.feature"),
        ("scopes", "features/scopes/granted_scopes.feature"),
        ("keycloak", "docs/diagnosis/keycloak.md, docs/vendors/keycloak.md"),
        ("oracle-health", "docs/vendors/oracle-health.md"),
        ("keycloak", "4 steps of the recipe `keycloak`"),
        ("some-scopes-dropped", "category: scope-registration"),
        ("scope-registration", "some-scopes-dropped"),
        ("1", "list 2.2.0"),
        ("aud-right", "standalone-public/aud-right"),
    ],
)
def test_explain_knows_whatever_a_report_names(cli, name: str, says: str) -> None:
    said = cli("explain", name)
    assert said.code == 0, said.err
    assert says in " ".join(said.out.split())


def test_what_nobody_knows_is_said_with_what_comes_close(cli) -> None:
    said = cli("explain", "keycloack")
    assert said.code == 2
    assert "no requirement, scenario, suite, tag, feature, defect, cause, category, vendor or outcome named 'keycloack'" in said.err


def test_the_last_report_is_shown(cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr("webbrowser.open", shown.append)
    assert cli("open").code == 2
    folder = tmp_path / "reports" / "20260101T000000Z"
    folder.mkdir(parents=True)
    header = {
        "schema": 1,
        "id": folder.name,
        "target": {"name": "t"},
        "start": "",
        "end": "",
        "selection": [],
        "preflight": [],
        "coverage": {},
    }
    (folder / "run.json").write_text(json.dumps({"header": header, "scenarios": [], "exchanges": [], "launches": [], "diagnoses": []}))
    assert "try: smartlaunch report latest" in cli("open").err
    (folder / "index.html").write_text("<title>a report</title>")
    said = cli("open")
    assert Path(said.out.strip()).resolve() == (folder / "index.html").resolve()
    assert shown == [(folder / "index.html").as_uri()]
    cli("open", "--print")
    assert len(shown) == 1


def completed(line: str, tmp_path: Path) -> list[str]:
    place = tmp_path / "words"
    env = {
        **os.environ,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(place),
        "_ARGCOMPLETE_IFS": "\n",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    subprocess.run([sys.executable, "-m", "smartlaunch.cli"], env=env, capture_output=True, check=False, timeout=60)
    return [word.strip() for word in place.read_text().split("\n") if word.strip()] if place.exists() else []


def test_the_shell_is_told_commands_options_and_names(tmp_path: Path) -> None:
    assert {"run", "report", "requirements"} <= set(completed("smartlaunch r", tmp_path))
    assert "--suite" in completed("smartlaunch run --su", tmp_path)
    assert completed("smartlaunch run --suite ehr-launch-p", tmp_path) == ["ehr-launch-public"]
    assert "omits_state" in completed("smartlaunch run --defect omits_s", tmp_path)
