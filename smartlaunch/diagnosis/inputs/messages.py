"""Read HTTP as it goes over the wire, and as ``curl -v`` and proxies print it: requests, answers, and single header lines."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

METHODS = "GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS"
LONGEST_BODY = 200_000
_REQUEST = re.compile(rf"(?m)^[ \t]{{0,40}}({METHODS})[ \t]{{1,40}}(\S{{1,20000}})(?:[ \t]{{1,40}}HTTP/[\d.]{{1,5}})?[ \t]{{0,40}}\r?$")
_ANSWER = re.compile(r"(?m)^[ \t]{0,40}HTTP/\d(?:\.\d)?[ \t]{1,40}(\d{3})(?:[ \t]{1,40}([^\r\n]{0,200}))?\r?$")
_HEADER = re.compile(r"[ \t]*([A-Za-z][A-Za-z0-9-]{1,60}):[ \t]*([^\r\n]*)\r?\n?")
_LONE = re.compile(
    r"(?im)^[ \t]{0,40}[-*]?[ \t]{0,40}[\"'`]?(location|www-authenticate|authorization|set-cookie|cookie|proxy-authenticate|"
    r"access-control-allow-origin|"
    r"x-frame-options|content-security-policy|x-api-key|ocp-apim-subscription-key|"
    r"x-amzn-errortype)[\"'`]?[ \t]{0,40}:[ \t]{0,40}(.{0,20000})"
)


@dataclass(frozen=True, slots=True)
class Message:
    """One message: a request has a method, an answer a status."""

    method: str = ""
    url: str = ""
    status: int = 0
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""

    def header(self, name: str) -> str:
        """The first value of a header, or an empty string."""
        return next((v for k, v in self.headers if k.lower() == name), "")


def find(text: str) -> list[tuple[int, int, Message]]:
    """Every message in a text with its place; a request line needs an absolute address, a version, or header lines after it."""
    begins = [(m, True) for m in _REQUEST.finditer(text)] + [(m, False) for m in _ANSWER.finditer(text)]
    begins.sort(key=lambda each: each[0].start())
    found: list[tuple[int, int, Message]] = []
    for number, (line, is_request) in enumerate(begins[:200]):
        start = line.start()
        limit = begins[number + 1][0].start() if number + 1 < len(begins) else len(text)
        headers, at = _headers(text, line.end(), limit)
        whole = "HTTP/" in line.group(0)
        if is_request and not whole and not headers and "://" not in line.group(2):
            continue
        before = at
        body, at = _body(text, at, limit, headers) if whole or headers else ("", at)
        if is_request and body and (line.group(1) in ("GET", "HEAD") or _OF_ANSWER.match(body)):
            body, at = "", before
        if is_request:
            url = _absolute(line.group(2), headers)
            found.append((start, at, Message(method=line.group(1), url=url, headers=headers, body=body)))
        else:
            found.append((start, at, Message(status=int(line.group(1)), reason=(line.group(2) or "").strip(), headers=headers, body=body)))
    return found


_OF_ANSWER = re.compile(
    r"""\s*(?:\{(?=[^{}]{0,2000}"error"\s*:\s*["{])(?![^{}]*"grant_type")|\{(?=[^{}]{0,400}"resourceType"\s*:\s*"OperationOutcome")|<OperationOutcome)"""
)
"""A body that only a server writes: below a request it is the answer, whose first line was left out."""


def lone_headers(text: str) -> list[tuple[int, int, str, str]]:
    """Header lines that stand alone, with place, name and value."""
    return [(m.start(), m.end(), m.group(1).lower(), m.group(2).strip().strip("\"'`,")) for m in _LONE.finditer(text)][:200]


def _headers(text: str, at: int, limit: int) -> tuple[tuple[tuple[str, str], ...], int]:
    found: list[tuple[str, str]] = []
    while at < limit and text[at] in "\r\n":
        if text.startswith(("\n\n", "\r\n\r\n"), at) and found:
            break
        at += 1
        if len(found) == 0 and text[at - 1 : at + 1] == "\n\n":
            break
    while at < limit and (line := _HEADER.match(text, at, limit)):
        found.append((line.group(1), line.group(2).strip()))
        at = line.end()
    return tuple(found), at


def _body(text: str, at: int, limit: int, headers: tuple[tuple[str, str], ...]) -> tuple[str, int]:
    """What stands after the empty line: JSON, a form or a page; prose that follows is left to others."""
    gap = re.compile(r"[ \t]*\r?\n(?:[ \t]*\r?\n)*").match(text, at, limit)
    start = gap.end() if gap else at
    rest = text[start : min(limit, start + LONGEST_BODY)]
    media = next((v.lower() for k, v in headers if k.lower() == "content-type"), "")
    if rest.lstrip()[:1] in ("{", "["):
        blanks = len(rest) - len(rest.lstrip())
        try:
            end_of_json = json.JSONDecoder(strict=False).raw_decode(rest, blanks)[1]
        except (ValueError, RecursionError):
            end_of_json = 0
        if end_of_json:
            return rest[:end_of_json], start + end_of_json
    if rest.lstrip()[:1] in ("{", "[", "<"):
        end = re.search(r"\n[ \t]*```|\n[ \t]*\r?\n(?=[A-Za-z*#])", rest)
        body = rest[: end.start()] if end else rest
        return body, start + len(body)
    if "urlencoded" in media or re.match(r"[\w.-]+=[^\s]*(?:&[\w.-]+=|\s*$)", rest):
        end = re.search(r"\n[ \t]*(?:\r?\n|```)|\n(?![\w.&%-]+=)", rest)
        body = rest[: end.start()] if end else rest
        return re.sub(r"\s*\n\s*", "", body).strip(), start + len(body)
    return "", at


def _absolute(target: str, headers: tuple[tuple[str, str], ...]) -> str:
    if "://" in target:
        return target
    host = next((v for k, v in headers if k.lower() == "host"), "")
    return f"https://{host}{target}" if host else target
