"""One finding as text, always in one order.

Id and requirement; expected; actual; where; likely cause; what to try; evidence id. The message of a failed scenario, the
terminal summary and the Allure entry all use it, so that a person learns to read it once.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping

from smartlaunch.exchange import RecordedExchange
from smartlaunch.finding import Kind
from smartlaunch.records.record import Diagnosis, FindingRecord
from smartlaunch.reporting.words import ENDPOINT_WORDS, SIDE_WORDS, Rows, address, printable, shortened

_LABEL = 14
_LONGEST = 700


def headline(finding: FindingRecord, rows: Rows) -> str:
    """The id, the strength and the requirement's sentence."""
    row = rows.get(finding.requirement)
    kind = "" if finding.kind == Kind.REQUIREMENT else f" ({finding.kind})"
    strength = f" {finding.strength}" if finding.strength else ""
    return f"{finding.requirement}{strength}{kind}" + (f": {row.text}" if row else "")


def where(finding: FindingRecord, exchange: RecordedExchange | None) -> str:
    """The exchange, its endpoint and the place in it, or an empty string."""
    if exchange is None:
        return ", ".join(p for p in (finding.exchange, finding.pointer) if p)
    origin, path = address(exchange.url)
    answer = exchange.status or (exchange.error if exchange.caught else f"no answer ({exchange.error})")
    endpoint = ENDPOINT_WORDS.get(exchange.endpoint, exchange.endpoint)
    place = f"{exchange.id}, {endpoint}: {exchange.method} {origin}{path} -> {answer}"
    return f"{place}, {finding.pointer}" if finding.pointer else place


def render_finding(
    finding: FindingRecord,
    rows: Rows,
    *,
    exchange: RecordedExchange | None = None,
    diagnosis: Diagnosis | None = None,
    width: int = 100,
) -> list[str]:
    """The lines of one finding; parts that are not known are left out, the order never changes."""
    row = rows.get(finding.requirement)
    parts = [
        ("expected", finding.expected),
        ("actual", finding.actual),
        ("where", where(finding, exchange)),
        ("side", SIDE_WORDS.get(diagnosis.side if diagnosis else finding.side, finding.side)),
        _cause(diagnosis),
        ("what to try", " ".join(p for p in (diagnosis.fix, diagnosis.next) if p) if diagnosis else ""),
        ("evidence", finding.exchange),
        ("read", row.url if row else ""),
        ("in short", row.source if row else ""),
    ]
    lines = wrapped(headline(finding, rows), width, indent="", hanging="  ")
    for label, text in parts:
        if text:
            lines += wrapped(text, width, indent=f"  {label:<{_LABEL}}", hanging="  " + " " * _LABEL)
    return lines


def _cause(diagnosis: Diagnosis | None) -> tuple[str, str]:
    """The likely cause with its confidence; where none is known beyond expected and actual, why the rule is there."""
    if diagnosis is None or not diagnosis.cause:
        return "likely cause", ""
    if not diagnosis.names_a_cause:
        return "why", diagnosis.cause
    return "likely cause", f"{diagnosis.cause} (confidence: {diagnosis.confidence})"


def render_findings(
    findings: Iterable[FindingRecord],
    rows: Rows,
    *,
    exchanges: Mapping[str, RecordedExchange] | None = None,
    diagnoses: Iterable[Diagnosis] = (),
    width: int = 100,
) -> str:
    """The findings of one scenario as the message of its failure, one blank line between them."""
    known = exchanges or {}
    best = next(iter(diagnoses), None)
    blocks = [render_finding(f, rows, exchange=known.get(f.exchange), diagnosis=best, width=width) for f in findings]
    return "\n\n".join("\n".join(block) for block in blocks)


def wrapped(text: str, width: int, *, indent: str, hanging: str) -> list[str]:
    """A text made safe, cut to a readable length and wrapped; long words such as URLs are never broken."""
    lines: list[str] = []
    for part in shortened(printable(text), _LONGEST).splitlines() or [""]:
        lines += textwrap.wrap(
            part,
            max(width, len(hanging) + 20),
            initial_indent=indent if not lines else hanging,
            subsequent_indent=hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines
