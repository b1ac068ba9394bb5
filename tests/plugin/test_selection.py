"""What is asked for means the same in a list, in a run and in plain pytest; the options stand in one table."""

import argparse
import re
from pathlib import Path

import pytest

from smartlaunch.cli import child
from smartlaunch.cli import main as smartlaunch
from smartlaunch.errors import UsageError
from smartlaunch.plugin import options
from smartlaunch.plugin.binding import every_plan
from smartlaunch.plugin.selection import Selection
from tests.forking import Warm

ROOT = Path(__file__).resolve().parents[2]
OUTLINE = next(plan for plan in every_plan() if plan.labels and "intrusive" in plan.flags)

ASKED = {
    "passive": ["--passive", "--suite=standalone-public"],
    "requirement": [f"--requirement={OUTLINE.requirements[0]}"],
    "row": [f"--scenario={OUTLINE.id_of(OUTLINE.labels[-1])}"],
    "not default by scenario": [f"--scenario={next(p for p in every_plan() if not p.suite.default).id}"],
}


@pytest.mark.parametrize("words", ASKED.values(), ids=ASKED)
def test_a_list_and_a_collection_hold_the_same_scenarios(
    words: list[str], warm: Warm, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert smartlaunch(["run", "--list", *words]) == 0
    listed = {line.strip() for line in capsys.readouterr().out.splitlines() if re.match(r"  [a-z]\S*/\S+|  [a-z].*\]$", line)}
    parser = argparse.ArgumentParser()
    options.add_to_command(parser)
    asked = options.of_command(parser.parse_args(words))
    paths = [ROOT / "suites" / f"test_{suite.id.replace('-', '_')}.py" for suite in Selection.of(asked).suites]
    command = child.pytest_command(["--collect-only", "-qq", *options.pytest_arguments(asked)], paths=paths)
    log = tmp_path / "said.txt"
    warm.wait(warm.start(["-p", "tests.plugin.ids", *command[command.index("pytest") + 1 :]], log))
    said = log.read_text()
    collected = {line[3:] for line in said.splitlines() if line.startswith("ID ")}
    assert collected == listed != set(), said[-3000:]


def test_the_row_of_an_outline_is_one_scenario() -> None:
    one = Selection.of(options.Options(scenario=(OUTLINE.id_of(OUTLINE.labels[-1]),)))
    assert [one.scenarios_of(plan) for plan in one.plans()] == [(OUTLINE.id_of(OUTLINE.labels[-1]),)]
    with pytest.raises(UsageError, match="no scenario named"):
        Selection.of(options.Options(scenario=(f"{OUTLINE.id}[nothing]",)))


def asked_for(*asked: str, thorough: bool = False) -> set[str]:
    selection = Selection.of(options.Options(scenario=asked, thorough=thorough))
    return {name for plan in selection.plans() for name in selection.scenarios_of(plan)}


def test_a_slug_is_the_scenario_in_every_suite_and_a_star_any_letters() -> None:
    everywhere = asked_for("code-reuse-refused")
    assert {name.split("/")[1] for name in everywhere} == {"code-reuse-refused"}
    assert len(everywhere) > 3
    assert asked_for("standalone-public/code-reuse-*") >= {"standalone-public/code-reuse-refused", "standalone-public/code-reuse-revokes"}
    assert all(name.startswith("standalone-public/code-reuse-") for name in asked_for("standalone-public/code-reuse-*"))
    assert asked_for("code-reuse-refused*") > everywhere, "a star finds the further situations of a usual run"
    assert asked_for("code-reuse-refused*", thorough=True) > asked_for("code-reuse-refused*")
    assert asked_for("*") == {
        name for plan in Selection.of(options.Options()).plans() for name in Selection.of(options.Options()).scenarios_of(plan)
    }
    assert asked_for("support-tickets/*"), "a suite outside the default selection, where only it is meant"
    assert asked_for("*[the-algorithm-none]") > set()
    with pytest.raises(UsageError, match="no scenario named"):
        asked_for("code-reuse.*")


def test_every_option_reaches_the_child_in_the_plugins_word() -> None:
    given = options.Options(
        "t",
        ("a",),
        ("b",),
        ("c", "d"),
        "i",
        ("e",),
        ("f",),
        "g",
        "7",
        headed=True,
        passive=True,
        quick=True,
        thorough=True,
        deviations="h",
        features="i",
        slim=True,
        storage_state="j",
        trace_rules=True,
    )
    words = options.pytest_arguments(given)
    assert {word.partition("=")[0] for word in words} == {
        option.pytest_flag for option in options.OPTIONS if option.attribute in options.Options.__dataclass_fields__
    }
    assert words.count("--scenario=c") == words.count("--scenario=d") == 1
    parsed: dict[str, object] = {}
    parser = argparse.ArgumentParser()
    options.add_to_pytest(parser.add_argument)
    for name, value in vars(parser.parse_args(words)).items():
        parsed[f"--{name.replace('_', '-')}"] = value
    assert options.read(lambda option: parsed.get(option.pytest_flag)) == given


def test_the_embedded_ehr_takes_every_option_that_changes_it() -> None:
    from smartlaunch.embedded_ehr.__main__ import build_parser

    given = options.Options(defect=("a", "b"), variant=("c",), vendor="v", trace_rules=True)
    parsed = build_parser().parse_args(options.ehr_arguments(given))
    assert (parsed.defect, parsed.variant, parsed.vendor, parsed.trace_rules) == (["a", "b"], ["c"], "v", True)
    assert {o.attribute for o in options.OPTIONS if o.ehr} == {"defect", "variant", "vendor", "trace_rules"}
    with pytest.raises(UsageError, match="change the embedded EHR"):
        options.refuse_switches(given)
