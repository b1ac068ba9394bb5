"""The readable answer of ``diagnose``; everything that came from outside is made harmless for a terminal."""

from __future__ import annotations

import re
import textwrap

from smartlaunch.diagnosis.model import DEFINITIONS, Diagnosis, Report

_CONTROL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
_WIDTH = 100
BROKEN_RULE = "requirement-not-met"
"""The rule of a breach of which nothing more is known than expected and actual: no cause is claimed for it."""


def plain(text: str) -> str:
    """A text without escape sequences and control characters."""
    return _CONTROL.sub("", text)


def render(report: Report, name: str = "") -> str:
    """The whole report as lines of text."""
    head = plain(f"{name} ({report.source}{', ' + report.vendor if report.vendor else ''})") if name or report.vendor else ""
    lines = [head, ""] if head else []
    if not report.diagnoses and not report.missing:
        lines.append("No fault seen: nothing in this flow failed.")
    elif not report.diagnoses:
        lines.append("The facts do not decide.")
    for number, item in enumerate(report.diagnoses, 1):
        lines += [*_cause(number, item), ""]
    if report.missing:
        lines.append("What would help:")
        for missing in report.missing:
            lines += _wrap(f"{missing.what}: {missing.how}", "- ")
        lines.append("")
    if report.client_findings:
        lines.append("Rules for apps that these messages break:")
        for finding in report.client_findings:
            where = f" ({finding.exchange})" if finding.exchange else ""
            lines += _wrap(f"{finding.requirement}: {finding.text}{where}", "- ")
        lines.append("")
    for title, items in (
        ("Not known to any rule:", report.named),
        ("Keys kept but not read:", report.unknown_keys),
        ("About the file:", report.warnings),
        ("Read in the input:", report.read),
        ("Left aside:", report.left),
    ):
        if items:
            lines.append(title)
            for line in items:
                lines += _wrap(line, "- ")
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _cause(number: int, item: Diagnosis) -> list[str]:
    lines = [f"{number}. {item.category} on the side: {item.side} (confidence {item.confidence}, rule {item.rule})"]
    lines += _wrap(DEFINITIONS[item.category], "   ", first="   ")
    broken = item.rule == BROKEN_RULE
    told = [("found", item.evidence[0].text), ("why", item.cause)] if broken and item.evidence else [("cause", item.cause)]
    for title, text in (*told, ("fix", item.fix), ("next", item.next)):
        lines += _command(title, text) or _wrap(text, "          ", first=f"   {title + ':':<7}")
    for seen in item.evidence[1 if broken else 0 : 6]:
        lines += _wrap(str(seen), "            ", first="          ")
    if item.scenarios:
        shown = ", ".join(item.scenarios[:5]) + (f" and {len(item.scenarios) - 5} more" if len(item.scenarios) > 5 else "")
        lines += _wrap(f"explains {shown}", "            ", first="          ")
    lines += [plain(("   read:  " if at == 0 else "          ") + source) for at, source in enumerate(item.sources[:4])]
    return lines


def _command(title: str, text: str) -> list[str]:
    """A command stays on one line, so that it can be pasted."""
    return [plain(f"   {title + ':':<7}{text}")] if text.startswith(("smartlaunch ", "curl ")) else []


def _wrap(text: str, indent: str, first: str | None = None) -> list[str]:
    hang = indent if first is not None else " " * len(indent)
    return textwrap.wrap(
        plain(text),
        _WIDTH,
        initial_indent=first if first is not None else indent,
        subsequent_indent=hang,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]
