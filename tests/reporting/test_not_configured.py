"""What this target file cannot show is told apart from what does not bind, with the lines that would let most be judged."""

import json
from importlib import resources

import jsonschema
import pytest

from smartlaunch.catalogue import load
from smartlaunch.finding import Outcome
from smartlaunch.records.causes import wishes
from smartlaunch.records.exits import exit_code
from smartlaunch.records.record import Run, ScenarioResult
from smartlaunch.reporting.allure_results import CATEGORIES, STATUS, message_of
from smartlaunch.reporting.html import render_html
from smartlaunch.reporting.junit import junit_properties
from smartlaunch.reporting.summary import render_summary
from smartlaunch.reporting.words import verdict

SECOND = '[clients.<name>]\nuse = "second"'
WRITES = "[probes] allow_writes = true"


def scenario(name: str, outcome: str, needs: str = "", reason: str = "because") -> ScenarioResult:
    return ScenarioResult(
        id=f"s/{name}", title=name, feature="f", rule="r", suite="s", requirements=(), outcome=outcome, reason=reason, needs=needs
    )


@pytest.fixture
def run() -> Run:
    return Run(
        header={
            "schema": 1,
            "id": "x",
            "target": {"name": "t"},
            "start": "",
            "end": "",
            "selection": [],
            "preflight": [],
            "coverage": {"missing": []},
        },
        scenarios=(
            scenario("a", "passed", reason=""),
            scenario("b", "not-configured", WRITES, "writing is not allowed"),
            scenario("c", "not-configured", SECOND, "there is no second client"),
            scenario("d", "not-configured", SECOND, "there is no other client"),
            scenario("e", "not-configured", reason="no launch is left"),
            scenario("f", "not-applicable", reason="the server does not claim it"),
        ),
    )


def test_what_lets_most_be_judged_comes_first(run):
    assert [(w.key, len(w.scenarios)) for w in wishes(run)] == [('[clients.<name>] use = "second"', 2), (WRITES, 1)]


def test_the_summary_counts_it_apart_and_names_the_lines(run):
    text = render_summary(run, load(), width=110)
    assert "1 passed, 1 not applicable, 4 not configured" in text
    assert "not applicable: the server does not claim it" in text
    assert '[clients.<name>] use = "second": 2 more scenarios' in text
    assert f"{WRITES}: 1 more scenario\n" in text
    assert text.index("2 more scenarios") < text.index("1 more scenario\n")
    assert "not configured for 1 other reason" in text


def test_few_lines_are_named_and_the_rest_counted(run):
    many = Run(header=run.header, scenarios=tuple(scenario(str(n), "not-configured", f"key{n}") for n in range(8)))
    text = render_summary(many, load(), width=110)
    assert text.count("more scenario") == 5
    assert "and 3 lines more, in the report" in text


def test_the_page_names_every_line(run):
    page = render_html(run, load())
    assert "[clients.&lt;name&gt;] use = &#34;second&#34;" in page
    assert "2 more scenarios" in page
    assert page.count('class="row o-not-configured"') >= 1
    assert page.count('class="row o-not-applicable"') >= 1


def test_allure_and_junit_skip_it_with_reason_and_line(run):
    second = run.scenario_by_id["s/c"]
    assert STATUS[second.outcome] == "skipped"
    message = message_of(second)
    assert message.startswith("not configured: there is no second client")
    assert 'use = "second"' in message
    assert next(c["name"] for c in CATEGORIES if c["matchedStatuses"] == ["skipped"]).startswith("Not configured")
    found = junit_properties(second)
    assert ("reason", "there is no second client") in found
    assert ("needs", SECOND) in found


def test_it_neither_fails_nor_passes(run):
    assert exit_code(run) == 0
    nothing = Run(header=run.header, scenarios=run.scenarios[1:])
    assert exit_code(nothing) == 3
    assert "4 not configured" in verdict(nothing).sentence


def test_the_schema_knows_it(run):
    schema = json.loads(resources.files("smartlaunch").joinpath("schemas", "run.schema.json").read_text("utf-8"))
    assert set(schema["$defs"]["outcome"]["enum"]) == {o.value for o in Outcome}
    jsonschema.Draft202012Validator(schema["$defs"]["scenario"] | {"$defs": schema["$defs"]}).validate(run.as_dict()["scenarios"][1])
