"""Lines of a browser's console: each browser words the same refusal in its own way, and names the address in its own place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from smartlaunch.diagnosis.inputs.weblinks import host_of
from smartlaunch.diagnosis.material import Material

_PLACE = r"(?P<url>(?:https?://)?(?:<[^<>\n]{1,60}>|\{{1,2}[\w .-]{1,60}\}{1,2}|https?://[^\s'\"\u2018\u2019\u201c\u201d<>]+)[^\s'\"\u2018\u2019\u201c\u201d<>]*)"
_ORIGIN = r"(?P<origin>https?://[^\s'\"\u2018\u2019\u201c\u201d<>/]+)"

_KINDS: Final[tuple[tuple[str, str], ...]] = (
    (
        "cors",
        r"Access to (?:fetch|XMLHttpRequest|font|script|image|resource)[^\n]{0,60}? at '?" + _PLACE + r"'?[^\n]{0,400}? from origin '?"
        + r"(?:null\b|" + _ORIGIN + ")",
    ),
    ("cors", rf"Cross-Origin Request Blocked[^\n]{{0,160}}?remote resource at {_PLACE}"),
    ("cors", rf"XMLHttpRequest cannot load {_PLACE}"),
    ("cors", rf"Fetch API cannot load {_PLACE}"),
    ("cors", rf"Origin {_ORIGIN} is not allowed by Access-Control-Allow-Origin"),
    ("cors", r"(?:CORS (?:header|request|policy|preflight)|Access-Control-Allow-(?:Origin|Headers|Credentials|Methods))[^\n]{0,200}"),
    ("mixed", rf"Mixed Content:[^\n]{{0,200}}?(?:insecure|resource)[^\n]{{0,80}}?'?{_PLACE}"),
    ("mixed", rf"Blocked loading mixed (?:active|display) content\W{{0,4}}{_PLACE}"),
    ("mixed", rf"\[blocked\][^\n]{{0,200}}?insecure content from {_PLACE}"),
    ("frame", rf"Refused to (?:display|frame|load) '?{_PLACE}'?[^\n]{{0,200}}"),
    ("frame", rf"(?:Load denied by X-Frame-Options|The loading of)[^\n]{{0,40}}?{_PLACE}[^\n]{{0,200}}"),
    ("form", rf"Refused to send form data to '?{_PLACE}'?[^\n]{{0,200}}"),
    ("network", rf"(?:GET|POST|OPTIONS|PUT)\s+{_PLACE}\s+(?:net::ERR_[A-Z_]+|(?P<status>[45]\d\d)\b[^\n]{{0,60}})"),
    ("network", r"Failed to load resource:[^\n]{0,120}?status of (?P<status2>[45]\d\d)"),
    ("network", r"net::ERR_[A-Z_]+"),
)  # fmt: skip
_COMPILED: Final = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _KINDS)
_NAMES: Final = {
    "cors": "a cross-origin refusal of the browser",
    "mixed": "a mixed-content refusal of the browser",
    "frame": "a refusal to be framed",
    "form": "a form that the page's policy held back",
    "network": "a failed request in the browser's console",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a console, with what it names."""

    kind: str
    text: str
    url: str = ""
    origin: str = ""
    status: int = 0

    @property
    def what(self) -> str:
        """The line in a few words."""
        return _NAMES[self.kind] + (f" (to {host_of(self.url)})" if self.url else "")


def find(text: str) -> list[tuple[int, int, Line]]:
    """Every console line with its place; a line is taken whole."""
    found: list[tuple[int, int, Line]] = []
    for start, end in _lines(text):
        line = text[start:end]
        for kind, pattern in _COMPILED:
            match = pattern.search(line)
            if match is None:
                continue
            named = match.groupdict()
            status = named.get("status") or named.get("status2") or ""
            url = (named.get("url") or "").rstrip(".,;)'")
            found.append((start, end, Line(kind, line.strip()[:1500], url, named.get("origin") or "", int(status or 0))))
            break
        if len(found) >= 100:
            break
    return found


def read(line: Line, m: Material) -> None:
    """Take a line into the material: the browser's words count as a message, its address as what was asked."""
    m.structured.add("console")
    m.hear("server", "console", line.text)
    m.facts["from_browser"] = True
    if line.status:
        m.statuses.setdefault("any", line.status)
        m.facts["console_status"] = line.status
    if line.kind == "cors":
        m.facts["console_cors"] = True
        if line.url:
            m.facts.setdefault("cors_address", line.url.partition("?")[0])
    if line.kind == "mixed":
        m.facts["mixed_content"] = line.url.partition("?")[0] or True


def _lines(text: str) -> list[tuple[int, int]]:
    """Line by line; a console line that was wrapped when it was pasted is joined with the next one."""
    found: list[tuple[int, int]] = []
    at = 0
    for line in text.splitlines(keepends=True):
        end = at + len(line)
        if len(line) < 4000:
            found.append((at, at + len(line.rstrip("\r\n"))))
        at = end
    return found
