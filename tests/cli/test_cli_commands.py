"""The commands that only tell: their output, their JSON, and what they say to a wrong word."""

import json
import resource
import subprocess
import sys

import jsonschema
import pytest

from smartlaunch import __version__
from smartlaunch.catalogue import load
from smartlaunch.cli import COMMANDS
from smartlaunch.embedded_ehr.defects import load_defects
from smartlaunch.plugin.binding import SUITES


def test_help_lists_every_command_and_is_quick():
    def spent() -> float:
        """Processor time of the children: the clock on the wall tells more of the machine than of the command."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    best = 9.0
    for _ in range(3):
        start = spent()
        done = subprocess.run([sys.executable, "-m", "smartlaunch.cli", "--help"], capture_output=True, text=True, check=True, timeout=30)
        best = min(best, spent() - start)
    assert all(command in done.stdout for command in COMMANDS)
    assert best < 0.3


def test_help_imports_nothing_heavy():
    script = "import sys; from smartlaunch.cli import main; main(['--help']); print([m for m in ('pytest','httpx','playwright','jsonschema') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_command_has_help(cli):
    for command in COMMANDS:
        said = cli(command, "--help")
        assert said.code == 0
        assert f"smartlaunch {command}" in said.out


def test_the_version_is_printed(cli):
    assert cli("--version").out.strip() == f"smartlaunch {__version__}"


def test_without_a_command_the_help_is_printed_as_a_mistake(cli):
    said = cli()
    assert said.code == 2
    assert "COMMAND" in said.out


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["rnu"], "did you mean 'run'?"),
        (["xyzzy"], "there are: run, "),
        (["--verison"], "did you mean --version?"),
        (["run", "--targt", "x"], "did you mean --target?"),
        (["run", "stray"], "unknown argument: stray"),
        (["run", "--suite"], "expected one argument"),
        (["schema"], "required"),
        (["schema", "trget"], "invalid choice"),
        (["sandbox", "--port", "x"], "is no port"),
        (["sandbox", "--port", "70000"], "is no port"),
        (["sandbox", "--defect", "omit_state"], "did you mean: omits_state"),
        (["requirements", "--document", "RFC7637"], "did you mean: RFC7636"),
        (["explain", "RFC7636-4.66"], "RFC7636-4.6"),
        (["explain", "faild"], "failed"),
    ],
)
def test_wrong_words_get_a_hint_and_exit_code_2(cli, words, part):
    said = cli(*words)
    assert said.code == 2
    assert part in said.err
    assert said.out == ""


def test_schemas_are_printed_as_published(cli):
    for of in ("target", "run"):
        said = cli("schema", of)
        assert said.code == 0
        jsonschema.Draft202012Validator.check_schema(json.loads(said.out))


def test_defects_are_listed_by_name(cli):
    rows = json.loads(cli("defects", "--json").out)
    assert [row["name"] for row in rows] == sorted(load_defects())
    assert all(set(row) == {"name", "summary", "requirements"} and row["summary"] for row in rows)
    plain = cli("defects").out
    assert all(row["name"] in plain for row in rows)


def test_requirements_come_with_their_scenarios_and_defects(cli):
    rows = json.loads(cli("requirements", "--json").out)
    assert [row["id"] for row in rows] == list(load())
    known = set(load_defects())
    assert all(set(row["defects"]) <= known for row in rows)
    for name in ("source_ids", "actor", "source", "strength", "condition", "reason", "scenarios"):
        assert all(name in row for row in rows)
    some = [row for row in rows if row["scenarios"]]
    assert some
    assert all("/" in scenario for row in some for scenario in row["scenarios"])


def test_requirements_can_be_limited(cli):
    rows = json.loads(cli("requirements", "--json", "--document", "rfc7636").out)
    assert rows
    assert {row["document"] for row in rows} == {"RFC7636"}
    uncovered = json.loads(cli("requirements", "--json", "--uncovered").out)
    assert all(not row["scenarios"] and row["actor"] == "server" for row in uncovered)
    assert "requirements" in cli("requirements", "--document", "RFC7636").out


def test_explain_knows_every_kind_of_id(cli):
    requirement = next(row for row in load().values() if row.document == "RFC7636")
    said = cli("explain", requirement.id.lower())
    assert said.code == 0
    assert requirement.id in said.out
    assert requirement.strength.value in said.out
    defect = next(iter(load_defects().values()))
    assert defect.name in cli("explain", defect.name).out
    assert "exit code 3" in cli("explain", "blocked").out.lower()
    assert "by default" in cli("explain", SUITES[0].id).out
    listed = cli("run", "--list", "--suite", SUITES[0].id).out
    scenario = next(line.strip() for line in listed.splitlines() if line.strip().startswith(SUITES[0].id + "/"))
    said = cli("explain", scenario)
    assert said.code == 0
    assert "Scenario" in said.out
    assert "features/" in said.out


def test_a_reader_that_leaves_early_is_no_error():
    done = subprocess.run(
        f"{sys.executable} -m smartlaunch.cli requirements | head -n 1; echo ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""
