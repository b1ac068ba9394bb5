"""Exchanges as the page shows them: rows that say who talks to whom, and the data behind the view of one."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from smartlaunch.evidence import replay
from smartlaunch.evidence.sequence import page_words
from smartlaunch.reporting.page.material import Page
from smartlaunch.reporting.page.text import answer, place
from smartlaunch.reporting.words import (
    ENDPOINT_WORDS,
    printable,
    shortened,
)

BODIES_BUDGET = 3_000_000
MOST_ROWS = 40


@dataclass
class _Interner:
    """Stores each long text once; the page's data refers to it by number."""

    texts: list[str] = field(default_factory=list)
    index: dict[str, int] = field(default_factory=dict)

    def __call__(self, text: str) -> int:
        if text not in self.index:
            self.index[text] = len(self.texts)
            self.texts.append(text)
        return self.index[text]


def exchange_rows(page: Page, ids: Iterable[str]) -> list[dict[str, Any]]:
    """Exchanges in their order, each with who sends it where, and whether something was found in it; the last of many."""
    found = [page.run.exchange_by_id[x] for x in dict.fromkeys(ids) if x in page.run.exchange_by_id]
    return [
        {
            "id": x.id,
            "actor": x.actor,
            "endpoint": f"page: {said}" if (said := page_words(x)) else ENDPOINT_WORDS.get(x.endpoint, x.endpoint),
            "place": place(x),
            "answer": answer(x),
            "ms": round(x.duration_ms),
            "bad": x.id in page.bad,
        }
        for x in found[-MOST_ROWS:]
    ]


def exchange_data(page: Page) -> str:
    """All exchanges for the dialog, base64 of zlib of JSON: long texts stored once and cut, so that the page keeps its size."""
    bodies = {b for x in page.run.exchanges for b in (x.request_body, x.response_body) if b}
    lengths = [len(b) for b in bodies]
    cap = next((c for c in (16_000, 8_000, 4_000, 2_000, 1_000, 400) if sum(min(n, c) for n in lengths) <= BODIES_BUDGET), 150)
    keep = _Interner()
    rows = [
        [
            x.id,
            x.actor,
            ENDPOINT_WORDS.get(x.endpoint, x.endpoint),
            x.started,
            round(x.duration_ms),
            x.method,
            keep(x.url),
            [[keep(k), keep(shortened(v, 2_000))] for k, v in x.request_headers],
            keep(x.request_body[:cap]),
            x.status,
            x.reason,
            x.http_version,
            [[keep(k), keep(shortened(v, 2_000))] for k, v in x.response_headers],
            keep(x.response_body[:cap]),
            len(x.response_body) if len(x.response_body) > cap else 0,
            x.truncated,
            "" if x.status else answer(x),
            x.redirect_of,
            x.tls,
            x.correlation,
            keep(shortened(replay.curl(x), 3_000)) if x.actor == "app" else keep(""),
        ]
        for x in page.run.exchanges
    ]
    text = json.dumps({"texts": [printable(t) for t in keep.texts], "rows": rows}, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode("utf-8", "backslashreplace"), 9)).decode()


def runs_of(ids: Iterable[str]) -> str:
    """Ids in words, those that follow each other as one: ``x0008 to x0016, x0053``; the page's script makes links of them."""
    found: list[list[str]] = []
    for each in ids:
        if found and each[1:].isdigit() and found[-1][-1][1:].isdigit() and int(each[1:]) == int(found[-1][-1][1:]) + 1:
            found[-1].append(each)
        else:
            found.append([each])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in found)
