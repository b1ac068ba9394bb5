"""What a scenario adds to pytest's own JUnit file."""

from __future__ import annotations

from smartlaunch.records.record import ScenarioResult
from smartlaunch.reporting.words import printable, shortened


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
    return [(name, shortened(printable(value), 1_000)) for name, value in found if value]
