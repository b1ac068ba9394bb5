"""The ids in messages under which a support desk finds a request."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from smartlaunch.evidence.vocabulary import CORRELATION_HEADERS
from smartlaunch.exchange import Exchange

_INSTANCE = re.compile(r"/instances/([^/?#]+)")
_INSTANCE_PARAMETERS: Final = frozenset(
    {"correlationid", "correlation_id", "correlation-id", "requestid", "request_id", "traceid", "trace_id", "instance"}
)


def correlation(exchange: Exchange) -> dict[str, str]:
    """The ids in an answer under which a support desk finds the request, by header name as sent."""
    sent_and_received = (*exchange.request.headers, *exchange.heard.headers)
    found = {name: value for name, value in sent_and_received if name.lower() in CORRELATION_HEADERS and value}
    for address in _error_addresses(exchange):
        match = _INSTANCE.search(address)
        if match:
            found["error_uri instance"] = unquote(match.group(1))
        for key, value in parse_qsl(urlsplit(address).query) if "?" in address else []:
            if key.lower() in _INSTANCE_PARAMETERS and value:
                found.setdefault(f"error_uri {key}", value)
    return found


def _error_addresses(exchange: Exchange) -> list[str]:
    addresses = []
    uri = exchange.heard.object.get("error_uri") if len(exchange.heard.body) < 65_536 else None
    if isinstance(uri, str):
        addresses.append(uri)
    for url in (exchange.request.url, exchange.heard.header("location") or ""):
        if "error_uri=" in url:
            head, _, fragment = url.partition("#")
            pairs = parse_qsl(head.partition("?")[2]) + parse_qsl(fragment)
            addresses += [value for name, value in pairs if name == "error_uri"]
        elif "/errors/" in url:
            addresses.append(url)
    return addresses
