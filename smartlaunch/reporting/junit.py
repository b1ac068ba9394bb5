"""JUnit XML of one run or of many, and what a scenario adds to pytest's own JUnit file.

Written from the run's record and not by pytest, so that it can be written again from what is on disk, of several workers or targets at
once, with the diagnosis, and with a link to the place in the page.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from smartlaunch.catalogue import load
from smartlaunch.finding import Outcome
from smartlaunch.records.files import HTML_FILE
from smartlaunch.records.record import Diagnosis, Run, ScenarioResult
from smartlaunch.reporting.failure import render_findings
from smartlaunch.reporting.page.material import anchors_of
from smartlaunch.reporting.words import OUTCOME_WORDS, printable, shortened

_LONGEST = 20_000
_SKIPPED = (Outcome.NOT_APPLICABLE.value, Outcome.NOT_CONFIGURED.value)
_ERRORS = (Outcome.BLOCKED.value, Outcome.ERROR.value)


def write_junit(runs: Iterable[Run], path: Path, *, several: bool = False) -> Path:
    """Write one file for one run or for many, a ``testsuite`` for each suite of each; ``several`` puts the target into its name."""
    root = ET.Element("testsuites", name="smartlaunch")
    for run in runs:
        for suite in run.suites:
            _suite(root, run, suite, path.parent, several=several)
        if not run.suites or run.missing:
            _without_result(root, run)
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(each.get(name, "0")) for each in root)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))  # in place: what is named may be a device or a pipe
    return path


def _suite(root: ET.Element, run: Run, suite: str, folder: Path, *, several: bool) -> None:
    scenarios = [s for s in run.scenarios if s.suite == suite]
    name = f"{run.target_name} / {suite}" if several else suite
    element = ET.SubElement(root, "testsuite", name=_text(name), timestamp=str(run.header.get("start", ""))[:19], hostname="localhost")
    _numbers(element, scenarios)
    properties = ET.SubElement(element, "properties")
    for key, value in (("target", run.target_name), ("run", run.id), ("fhir_base_url", _base(run))):
        ET.SubElement(properties, "property", name=key, value=_text(value))
    anchors = anchors_of(s.id for s in run.scenarios)
    page = os.path.relpath(run.folder / HTML_FILE, folder) if run.folder else HTML_FILE
    for scenario in scenarios:
        case = ET.SubElement(element, "testcase", classname=_text(name), name=_text(scenario.id), time=f"{scenario.duration_s:.3f}")
        found = ET.SubElement(case, "properties")
        explained = run.diagnoses_for(scenario.id)
        extra = [*_causes(scenario, explained), ("page", f"{page}#{anchors[scenario.id]}")]
        for key, value in [*junit_properties(scenario), *extra]:
            ET.SubElement(found, "property", name=key, value=_text(value))
        _end(case, run, scenario, explained)


def _numbers(element: ET.Element, scenarios: Sequence[ScenarioResult]) -> None:
    """The counts as a reader of JUnit takes them: what is known is skipped, not failed."""
    outcomes = ["known" if s.known and s.outcome != Outcome.WARNING else s.outcome for s in scenarios]
    element.set("tests", str(len(scenarios)))
    element.set("failures", str(outcomes.count(Outcome.FAILED.value)))
    element.set("errors", str(sum(outcome in _ERRORS for outcome in outcomes)))
    element.set("skipped", str(sum(outcome in (*_SKIPPED, "known") for outcome in outcomes)))
    element.set("time", f"{sum(s.duration_s for s in scenarios):.3f}")


def _end(case: ET.Element, run: Run, scenario: ScenarioResult, explained: Sequence[Diagnosis]) -> None:
    """How the test case ended, in the four words that JUnit has."""
    first = scenario.reason.partition("\n")[0]
    if scenario.known and scenario.outcome != Outcome.WARNING:
        ET.SubElement(case, "skipped", message=_text(f"known deviation: {scenario.known.get('reason', '')}", 500))
    elif scenario.outcome == Outcome.FAILED:
        message = ET.SubElement(case, "failure", message=_text(first, 500), type=OUTCOME_WORDS[scenario.outcome])
        told = render_findings(scenario.findings, load(), exchanges=run.exchange_by_id, diagnoses=explained)
        message.text = _text(told, _LONGEST)
    elif scenario.outcome in _ERRORS:
        word = OUTCOME_WORDS[scenario.outcome]
        ET.SubElement(case, "error", message=_text(f"{word}: {first}", 500), type=word).text = _text(scenario.reason, _LONGEST)
    elif scenario.outcome in _SKIPPED:
        ET.SubElement(case, "skipped", message=_text(f"{OUTCOME_WORDS[scenario.outcome]}: {first}", 500))


def _without_result(root: ET.Element, run: Run) -> None:
    """What was selected and gave no result, and what the check before the run said, so that no file is green for want of tests."""
    said = "; ".join(str(line.get("problem", "")) for line in run.preflight) or "the run ended before it gave a result"
    missing = run.missing or (run.id or "run",)
    one = ET.SubElement(root, "testsuite", name=_text(f"{run.target_name} / not run"), timestamp=str(run.header.get("start", ""))[:19])
    one.set("hostname", "localhost")
    for name, number in (("tests", len(missing)), ("failures", 0), ("errors", len(missing)), ("skipped", 0)):
        one.set(name, str(number))
    one.set("time", "0.000")
    for identifier in missing:
        case = ET.SubElement(one, "testcase", classname=_text(f"{run.target_name} / not run"), name=_text(identifier), time="0.000")
        ET.SubElement(case, "error", message=_text(f"no result: {said}", 500), type="no result")


def _causes(scenario: ScenarioResult, explained: Sequence[Diagnosis]) -> list[tuple[str, str]]:
    """Whose side it is and why, the diagnosis before what the check alone could say."""
    if not scenario.findings and not explained:
        return []
    sides = [d.side for d in explained[:1]] or list(dict.fromkeys(f.side for f in scenario.findings))
    causes = [d.cause for d in explained[:1] if d.cause]
    return [*(("side", side) for side in sides), *(("cause", cause) for cause in causes)]


def _base(run: Run) -> str:
    target = run.header.get("target")
    return str(target.get("fhir_base_url", "")) if isinstance(target, dict) else ""


def _text(value: str, longest: int = 1_000) -> str:
    """A text that XML can hold: control characters and lone surrogates as escapes, cut to a length."""
    return (
        shortened(printable(value), longest)
        .encode("utf-8", "backslashreplace")
        .decode("utf-8")
        .replace("\ufffe", "?")
        .replace("\uffff", "?")
    )


def junit_properties(result: ScenarioResult) -> list[tuple[str, str]]:
    """The properties of one test case, in a fixed order.

    JUnit knows four ends and this suite seven, so the outcome stands here in its own word. Values are made printable: XML has no way
    to hold most control characters.
    """
    found = [
        ("scenario", result.id),
        ("outcome", result.outcome),
        ("feature", result.feature),
        ("rule", result.rule),
        *(("requirement", r) for r in result.requirements),
        *(("inferno", i) for i in result.inferno),
        *(("finding", f"{f.outcome}: {f.requirement}: {f.actual}") for f in result.findings),
        *(("exchange", f.exchange) for f in result.findings if f.exchange),
    ]
    if result.reason and not result.findings:
        found.append(("reason", result.reason))
    if result.needs:
        found.append(("needs", result.needs))
    if result.known:
        found.append(("known", " ".join(filter(None, (result.known.get("reason", ""), result.known.get("link", ""))))))
    return [(name, shortened(printable(value), 1_000)) for name, value in found if value]
