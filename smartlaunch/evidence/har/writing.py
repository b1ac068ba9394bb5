"""Redacted exchanges as a HAR.

Each entry carries a member ``_smartlaunch``, from which the reader gives the exchange back with its facts.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

import smartlaunch
from smartlaunch.exchange import RecordedExchange

OWN_MEMBER: Final = "_smartlaunch"


def write_har(exchanges: Iterable[RecordedExchange], path: Path, *, title: str = "") -> Path:
    """Write exchanges as one HAR, entry by entry, compressed where the name ends in ``.gz``; ``title`` names the scenario or run."""
    comment = f',"comment":{json.dumps(title, ensure_ascii=False)}' if title else ""
    creator = json.dumps({"name": "smart-launch-conformance", "version": smartlaunch.__version__})
    compressed = path.suffix == ".gz"
    with (
        gzip.open(path, "wt", compresslevel=6, encoding="utf-8", errors="replace")
        if compressed
        else path.open("w", encoding="utf-8", errors="replace")
    ) as file:
        file.write(f'{{"log":{{"version":"1.2","creator":{creator}{comment},"pages":[],"entries":[')
        for number, exchange in enumerate(exchanges):
            file.write(",\n" if number else "\n")
            file.write(json.dumps(entry(exchange), ensure_ascii=False, separators=(",", ":")))
        file.write("\n]}}\n")
    return path


def entry(exchange: RecordedExchange) -> dict[str, Any]:
    """One exchange as an entry of a HAR."""
    request: dict[str, Any] = {
        "method": exchange.method,
        "url": exchange.url,
        "httpVersion": exchange.http_version or "HTTP/1.1",
        "cookies": [],
        "headers": _named(exchange.request_headers),
        "queryString": [{"name": name, "value": value} for name, value in _query(exchange.url)],
        "headersSize": -1,
        "bodySize": len(exchange.request_body.encode("utf-8", "replace")),
    }
    if exchange.request_body:
        request["postData"] = {"mimeType": _value(exchange.request_headers, "content-type"), "text": exchange.request_body}
    size = len(exchange.response_body.encode("utf-8", "replace"))
    response = {
        "status": exchange.status,
        "statusText": exchange.reason,
        "httpVersion": exchange.http_version or "HTTP/1.1",
        "cookies": [],
        "headers": _named(exchange.response_headers),
        "content": {"size": size, "mimeType": _value(exchange.response_headers, "content-type"), "text": exchange.response_body},
        "redirectURL": _value(exchange.response_headers, "location"),
        "headersSize": -1,
        "bodySize": size,
    }
    own = {
        "id": exchange.id,
        "actor": exchange.actor,
        "endpoint": exchange.endpoint,
        "truncated": exchange.truncated,
        "error": exchange.error,
        "redirect_of": exchange.redirect_of,
        "tls": exchange.tls,
        "http_version": exchange.http_version,
        "facts": exchange.facts,
        "correlation": exchange.correlation,
    }
    ids = ", ".join(f"{name}: {value}" for name, value in exchange.correlation.items())
    return {
        "startedDateTime": exchange.started,
        "time": exchange.duration_ms,
        "request": request,
        "response": response,
        "cache": {},
        "timings": {"blocked": -1, "dns": -1, "connect": -1, "ssl": -1, "send": 0, "wait": exchange.duration_ms, "receive": 0},
        "comment": f"{exchange.id} {exchange.actor} {exchange.endpoint}" + (f"; {ids}" if ids else ""),
        OWN_MEMBER: own,
    }


def _query(url: str) -> list[tuple[str, str]]:
    return parse_qsl(url.partition("#")[0].partition("?")[2], keep_blank_values=True)


def _named(headers: list[list[str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers]


def _value(headers: list[list[str]], wanted: str) -> str:
    return next((value for name, value in headers if name.lower() == wanted), "")
