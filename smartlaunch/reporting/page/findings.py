"""The findings: a card for each cause, with the messages that show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from smartlaunch.evidence import replay
from smartlaunch.exchange import RecordedExchange
from smartlaunch.finding import Kind
from smartlaunch.records import commands
from smartlaunch.records.causes import Cause
from smartlaunch.records.record import FindingRecord, ScenarioResult
from smartlaunch.reporting.page.exchanges import exchange_rows
from smartlaunch.reporting.page.material import Page, images
from smartlaunch.reporting.page.text import body_lines, capital, headers_of, place, web
from smartlaunch.reporting.words import (
    ENDPOINT_WORDS,
    on_side,
    printable,
    sections,
    shortened,
)


@dataclass
class _Message:
    """One exchange laid out for a finding: lines of header and body, the place of the finding marked."""

    exchange: RecordedExchange
    endpoint: str
    request_headers: list[tuple[str, str, bool]]
    response_headers: list[tuple[str, str, bool]]
    request_body: list[tuple[str, bool]]
    response_body: list[tuple[str, bool]]
    curl: str


def finding_sections(page: Page) -> list[dict[str, Any]]:
    """The causes as cards under their headings."""
    number = 0
    found = []
    for title, causes in sections(page.causes):
        cards = []
        for cause in causes:
            number += 1
            cards.append(_card(page, number, cause))
        found.append({"title": title, "cards": cards, "slug": title.lower().replace(" ", "-").replace(",", "")})
    return found


def _card(page: Page, number: int, cause: Cause) -> dict[str, Any]:
    finding = cause.first
    row = page.rows.get(finding.requirement)
    exchanges = dict.fromkeys(f.exchange for f in cause.variants if f.exchange in page.run.exchange_by_id)
    places = {f.exchange: f.pointer for f in reversed(cause.variants)}
    return {
        "number": number,
        "outcome": cause.outcome,
        "finding": finding,
        "heading": row.text if row and finding.kind == Kind.REQUIREMENT else printable(shortened(capital(finding.expected), 200)),
        "url": web(row.url) if row else "",
        "note": getattr(row, "note", "") if row else "",
        "side": on_side(cause.side),
        "count": cause.count,
        "scenarios": [{"id": s.id, "title": printable(s.title), "anchor": page.anchors[s.id]} for s in cause.scenarios],
        "variants": [_statement(page, f) for f in cause.variants[:8]],
        "more_variants": max(0, len(cause.variants) - 8),
        "known": _deviation(page, finding.known) if finding.known else None,
        "diagnosis": cause.diagnosis,
        "line": _in_one_line(cause),
        "commands": _commands(page, cause.lead),
        "log": exchange_rows(page, cause.lead.exchanges),
        "messages": [_message(page.run.exchange_by_id[x], places.get(x, "")) for x in list(exchanges)[:3]],
        "images": images(page, cause.lead),
    }


def _commands(page: Page, scenario: ScenarioResult) -> list[dict[str, str]]:
    """What to type for a scenario, under the words of its button."""
    found = {"Copy: run it again": commands.again(scenario, page.run), "Copy: write the ticket": commands.ticket(scenario, page.run)}
    return [{"what": what, "text": printable(text)} for what, text in found.items()]


def _in_one_line(cause: Cause) -> str:
    """What the list says of a cause before it is opened: the diagnosis where it knows more than the rule, else what came."""
    known = cause.diagnosis is not None and cause.diagnosis.names_a_cause
    said = cause.diagnosis.cause if known and cause.diagnosis is not None else cause.first.actual
    return printable(shortened(capital(said.strip().partition("\n")[0]), 220))


def _deviation(page: Page, match: str) -> dict[str, str]:
    """What is said of the deviation that covers a finding."""
    found = next((d for d in page.run.deviations if d.get("match") == match), {})
    return {
        "reason": printable(str(found.get("reason", "")) or match),
        "link": web(str(found.get("link", ""))),
        "expires": printable(str(found.get("expires", ""))),
    }


def _statement(page: Page, finding: FindingRecord) -> dict[str, str]:
    row = page.rows.get(finding.requirement)
    exchange = page.run.exchange_by_id.get(finding.exchange)
    return {
        "requirement": finding.requirement,
        "text": row.text if row else "",
        "url": web(row.url) if row else "",
        "says": row.source if row else "",
        "strength": finding.strength,
        "kind": finding.kind,
        "expected": printable(shortened(finding.expected, 2000)),
        "actual": printable(shortened(finding.actual, 2000)),
        "exchange": finding.exchange if exchange else "",
        "where": place(exchange) if exchange else "",
        "pointer": printable(finding.pointer),
    }


def _message(exchange: RecordedExchange, pointer: str) -> _Message:
    header = pointer.removeprefix("header:").strip().lower() if pointer.startswith("header:") else ""
    parameter = pointer.removeprefix("parameter:").strip() if pointer.startswith("parameter:") else ""
    return _Message(
        exchange=exchange,
        endpoint=ENDPOINT_WORDS.get(exchange.endpoint, exchange.endpoint),
        request_headers=headers_of(exchange.request_headers, ""),
        response_headers=headers_of(exchange.response_headers, header),
        request_body=body_lines(exchange.request_body, parameter=parameter),
        response_body=body_lines(exchange.response_body, pointer=pointer if pointer.startswith("/") else ""),
        curl=printable(replay.curl(exchange)),
    )
