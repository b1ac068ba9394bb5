"""Error bodies as servers, gateways and HTTP libraries hand them on: one OAuth or FHIR error, whatever it is wrapped in.

A library puts the body under ``data`` or ``response``, a gateway under ``fault`` or ``errors``, a framework renames the members. What
is looked for is always the same: error code, words of the server, status, challenge, address. Members that are not known are the
server's words too, never the asker's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

DEEPEST = 8
MOST_MEMBERS = 400
_CODE = re.compile(r"^[A-Za-z][A-Za-z0-9]*(?:[_-][A-Za-z0-9]+)*$")
_OAUTH_CODE = re.compile(r"^[a-z]+(?:_[a-z]+)+$")
_CODE_MEMBERS = ("error", "error_code", "errorcode", "errorCode", "err", "error_type", "type", "name", "code", "__type")
_STATUS_MEMBERS = (
    "status",
    "statusCode",
    "status_code",
    "httpStatus",
    "http_status",
    "httpStatusCode",
    "code",
    "errorCode",
    "responseStatus",
)
_TEXT_MEMBERS = frozenset(
    [
        "error_description", "errorDescription", "message", "msg", "detail", "details", "title", "reason", "description", "faultstring",
        "errorSummary", "errorMessage", "error_message", "error_hint", "error_debug", "hint", "developerMessage", "diagnostics", "text",
        "display", "localizedMessage", "errormessage", "errorcode", "subcode", "Name", "Message", "error_reason", "suberror", "cause",
        "statusText", "reasonPhrase", "stack", "stack_trace", "exception", "localizedDescription", "userMessage", "errorInfo", "body",
        "error_code", "errorCode", "code", "type", "name", "__type", "log", "event",
    ]
)  # fmt: skip
_ADDRESS_MEMBERS = frozenset({"config", "request", "req", "options", "originalRequest"})
_QUIET = frozenset(
    {"stack", "timestamp", "time", "trace_id", "traceId", "correlation_id", "correlationId", "requestId", "request_id", "id", "level"}
)
_HEADER_MEMBERS = frozenset({"headers", "header", "responseHeaders"})
_TOKEN_MEMBERS = frozenset({"access_token", "id_token", "refresh_token"})


@dataclass
class Found:
    """What a body says, whatever it was wrapped in."""

    errors: list[str] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    """Member and words, in order; nothing of a patient's resource."""
    error_uri: str = ""
    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    request: Mapping[str, Any] = field(default_factory=dict)
    """Method, url, headers and data of the request, when the wrapper names it."""
    path: str = ""
    outcome: bool = False
    token: Mapping[str, Any] | None = None
    wrapped: list[str] = field(default_factory=list)
    """The members that the error was found under."""


def unwrap(data: Any) -> Found:
    """Everything an error body says; a body that says nothing gives an empty answer."""
    found = Found()
    budget = [MOST_MEMBERS]
    _walk(data, found, (), budget)
    return found


def parsed(text: str) -> Any:
    """JSON inside a string, else None."""
    stripped = text.strip()
    if len(stripped) > 1_000_000 or stripped[:1] not in ("{", "["):
        return None
    try:
        return json.loads(stripped, strict=False)
    except (ValueError, RecursionError):
        return None


def _walk(data: Any, found: Found, path: tuple[str, ...], budget: list[int]) -> None:
    if len(path) > DEEPEST or budget[0] <= 0:
        return
    if isinstance(data, list):
        for item in data[:50]:
            _walk(item, found, path, budget)
        return
    if isinstance(data, str):
        inner = parsed(data)
        if inner is not None:
            _walk(inner, found, path, budget)
        elif path and data.strip():
            found.texts.append((path[-1], data))
        return
    if not isinstance(data, Mapping):
        return
    if data.get("resourceType") not in (None, "OperationOutcome"):
        return
    found.outcome = found.outcome or data.get("resourceType") == "OperationOutcome"
    if found.token is None and _is_token(data):
        found.token = data
    _members(data, found, path, budget)


def _is_token(data: Mapping[str, Any]) -> bool:
    return bool(_TOKEN_MEMBERS & set(data)) and ("access_token" in data or "token_type" in data) and "grant_type" not in data


def _members(data: Mapping[str, Any], found: Found, path: tuple[str, ...], budget: list[int]) -> None:
    _status(data, found)
    code = _code(data)
    if code and code not in found.errors:
        found.errors.append(code)
        found.wrapped += [name for name in path if name not in found.wrapped]
    for key, value in data.items():
        budget[0] -= 1
        if budget[0] <= 0:
            return
        name = str(key)
        if name in _ADDRESS_MEMBERS and isinstance(value, Mapping):
            if not found.request and value.get("url"):
                found.request = value
        elif name.lower() in _HEADER_MEMBERS or name in _HEADER_MEMBERS:
            found.headers += list(_headers(value))
        elif name == "error_uri" and isinstance(value, str):
            found.error_uri = found.error_uri or value
        elif name == "path" and isinstance(value, str):
            found.path = found.path or value
        elif name == "url" and isinstance(value, str) and not found.request and path[:1] != ("meta",):
            found.request = {"url": value, **({"method": data["method"]} if isinstance(data.get("method"), str) else {})}
        elif isinstance(value, (Mapping, list)):
            _walk(value, found, (*path, name), budget)
        elif isinstance(value, str) and value.strip():
            _text(name, value, code, found, path, budget)
        elif isinstance(value, (int, float)) and not isinstance(value, bool) and name in ("error_codes", "subcode"):
            found.texts.append((name, str(value)))


def _text(name: str, value: str, code: str, found: Found, path: tuple[str, ...], budget: list[int]) -> None:
    inner = parsed(value)
    if inner is not None:
        _walk(inner, found, (*path, name), budget)
    elif name in _TEXT_MEMBERS or name in ("error", "err", "error_type"):
        if name == "stack":
            found.texts.append((name, value.strip().partition("\n")[0][:500]))
        elif value != code:
            found.texts.append((name, value))
    elif name not in _QUIET and name not in _TOKEN_MEMBERS and found.token is None and (" " in value or "_" in value or "-" in value):
        found.texts.append((name, value[:500]))


def _code(data: Mapping[str, Any]) -> str:
    """The error code of an object: OAuth's member first, then those that others use for it."""
    value = data.get("error")
    if isinstance(value, str) and _CODE.match(value.strip()) and (_OAUTH_CODE.match(value.strip()) or "error_description" in data):
        return value.strip()
    for name in _CODE_MEMBERS:
        value = data.get(name)
        if isinstance(value, str) and _OAUTH_CODE.match(value.strip()) and value.strip() != "not_found":
            return value.strip()
    return ""


def _status(data: Mapping[str, Any], found: Found) -> None:
    for name in _STATUS_MEMBERS:
        value = data.get(name)
        if isinstance(value, bool):
            continue
        if isinstance(value, str) and re.fullmatch(r"[1-5]\d\d(?: [A-Za-z ]{2,30})?", value.strip()):
            value = int(value.strip()[:3])
        if isinstance(value, int) and 100 <= value <= 599:
            found.status = found.status or value
            return


def _headers(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield str(name), ", ".join(str(v) for v in item) if isinstance(item, list) else str(item)
    elif isinstance(value, list):
        for item in value[:100]:
            if isinstance(item, Mapping) and isinstance(item.get("name") or item.get("key"), str):
                yield str(item.get("name") or item.get("key")), str(item.get("value", ""))
