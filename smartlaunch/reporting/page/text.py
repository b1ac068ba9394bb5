"""Texts as the page shows them: made safe, cut to a length, the place of a finding marked."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from smartlaunch.exchange import RecordedExchange
from smartlaunch.reporting.words import (
    WORST_FIRST,
    address,
    printable,
    shortened,
)

FINDING_BODY = 6_000


def ticks(text: str) -> Markup:
    """A text with what stands between backticks set as code, everything escaped."""
    parts = printable(text).split("`")
    if len(parts) % 2 == 0:
        return escape("`".join(parts))
    return Markup("").join(_code(part) if i % 2 else escape(part) for i, part in enumerate(parts))


def _code(text: str) -> Markup:
    """A word of code; one that begins with hyphens is an option, which no line break may cut after them."""
    if text.startswith("-"):
        return Markup('<code class="option">{}</code>').format(text)
    return Markup("<code>{}</code>").format(text)


def web(url: str) -> str:
    """A link that leads to the web, or nothing."""
    return url if url.startswith(("https://", "http://")) else ""


def capital(text: str) -> str:
    """A text with a capital first."""
    return text[:1].upper() + text[1:]


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def place(exchange: RecordedExchange) -> str:
    """Method and address, without query."""
    return printable(shortened(f"{exchange.method} {''.join(address(exchange.url))}", 300))


def answer(exchange: RecordedExchange) -> str:
    """Status and reason, or why there is none."""
    if exchange.status:
        return printable(f"{exchange.status} {exchange.reason}".strip())
    return f"no answer: {printable(exchange.error)}" if exchange.error and not exchange.caught else "caught"


def headers_of(headers: Iterable[Sequence[str]], marked: str) -> list[tuple[str, str, bool]]:
    """Headers made safe, with whether each is the place of the finding."""
    return [(printable(k), printable(shortened(v, 2_000)), bool(marked) and k.lower() == marked) for k, v in headers]


def tally(outcomes: Iterable[str]) -> list[tuple[str, int]]:
    """How many of each outcome, worst first."""
    found = Counter(outcomes)
    return [(o, found[o]) for o in WORST_FIRST if found[o]]


def body_lines(body: str, *, pointer: str = "", parameter: str = "") -> list[tuple[str, bool]]:
    """A body as lines, each with whether it is the place of the finding; JSON is set out, a form gets a line per parameter."""
    if not body:
        return []
    if len(body) <= 20 * FINDING_BODY and body.lstrip()[:1] in ("{", "["):
        path = [p.replace("~1", "/").replace("~0", "~") for p in pointer.split("/")[1:]] if pointer else None
        with contextlib.suppress(ValueError, RecursionError):
            return _cut(_json_lines(json.loads(body), path))
    if re.fullmatch(r"[\w.~%<> -]+=[^\n&]*(?:&[\w.~%<> -]+=[^\n&]*)*", body[:FINDING_BODY]):
        return _cut((part, bool(parameter) and part.split("=")[0] == parameter) for part in body.split("&"))
    return _cut((line, False) for line in body[: FINDING_BODY + 1].splitlines())


def _cut(lines: Iterable[tuple[str, bool]]) -> list[tuple[str, bool]]:
    kept: list[tuple[str, bool]] = []
    left = FINDING_BODY
    for line, marked in lines:
        left -= len(line) + 1
        if left < 0:
            kept.append((printable(line[: max(0, left + len(line))]) + "… cut here, the rest is in run.json", marked))
            break
        kept.append((printable(line), marked))
    return kept


def _json_lines(value: Any, path: list[str] | None, indent: str = "", lead: str = "", tail: str = "") -> Iterator[tuple[str, bool]]:
    """The lines of a JSON value, those of the member that ``path`` leads to marked."""
    here = path == []
    if isinstance(value, (dict, list)) and value:
        opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
        items = list(value.items()) if isinstance(value, dict) else [(str(i), v) for i, v in enumerate(value)]
        yield f"{indent}{lead}{opening}", here
        for number, (key, item) in enumerate(items, 1):
            inner = path[1:] if path and path[0] == key else ([] if here else None)
            name = f"{json.dumps(key, ensure_ascii=False)}: " if isinstance(value, dict) else ""
            yield from _json_lines(item, inner, indent + "  ", name, "," if number < len(items) else "")
        yield f"{indent}{closing}{tail}", here
    else:
        yield f"{indent}{lead}{json.dumps(value, ensure_ascii=False)}{tail}", here
