"""The issuers that a message names: which one was expected, which one came, and in what the two differ.

Who compares issuers says both, each library in its own words; what differs between the two tells who has to mend it. A last slash is a
setting of the one who compares; another scheme, host or port under the same path is a server that is asked under two addresses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from smartlaunch.addresses import is_inner
from smartlaunch.diagnosis.material import Material

LONGEST: Final = 60_000
_ADDRESS = re.compile(r"https?://[^\s\"'`<>()\[\]{},;\u201c\u201d\u2018\u2019|\\]+")
_WORD = re.compile(r"(?i)(?<![a-z])(?:[a-z_]*_)?iss(?:uer)?s?(?:uri|url)?\b|issuer|authorization_uri|\bauthority\b")
_WANTED = re.compile(
    r"(?i)expect\w*|configured|requested|required|\bwant\w*|should\b|\bset to\b|setting|trusted|allowed|accepted|valid issuers?|"
    r"authorization_uri|\bauthority\b|known|instead of|\bnot (?:the same as|match\w*|equal\w*)|match(?:es)?\b"
)
_CAME = re.compile(
    r"(?i)\bgot\b|\bgets?\b|\bwas\b|actual\w*|current|received|found|returned|unexpected|invalid|token\b|\bbut\b|provided|has|[\"']iss[\"']"
)
_WRONG = re.compile(
    r"(?i)\b(?:not|never|invalid|wrong|unexpected|unknown|mismatch\w*|differ\w*|refus\w+|reject\w+|fail\w*|errors?|bad|incorrect|untrusted)\b|n[\'\u2019]t\b"
)
_SLASH = re.compile(
    r"(?i)(?:trailing|ending|last|final|closing|extra|additional|missing|without (?:a |the )?|with (?:a |the )?) ?(?:forward[- ])?slash|"
    r"slash (?:at|in) the end|end(?:s|ing)? (?:with|in) (?:a )?[`'\"]?(?:/|slash)|with [`'\"]/[`'\"]"
)
_TWO_ADDRESSES = re.compile(
    r"(?i)\b(?:behind|through|via|in front of|from) (?:a |an |the |my |our )?(?:\w+ )?(?:proxy|nginx|ingress|envoy|"
    r"traefik|gateway|load ?balancer|haproxy)\b|"
    r"\b(?:reverse|front) proxy\b|PROXY_ADDRESS_FORWARDING|KC_HOSTNAME|KC_PROXY|X-Forwarded|front-?end ?url|"
    r"\b(?:internal|inner|external|public|outer)(?:ly)?\b[^.\n]{0,40}\b(?:address|host|hostname|url|route|network|name|domain)\b|"
    r"\b(?:docker|container|kubernetes|cluster|compose|pod)\b|host\.docker\.internal"
)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two issuers of one comparison; without an order both are only named."""

    expected: str
    found: str
    ordered: bool
    refused: bool = False
    """The line that compares them says that something is wrong."""

    @property
    def differ_in(self) -> str:
        """In what they differ: ``nothing``, ``slash``, ``scheme``, ``address`` (host or port under one path) or ``name``."""
        if self.expected == self.found:
            return "nothing"
        if self.expected.rstrip("/") == self.found.rstrip("/"):
            return "slash"
        mine, theirs = urlsplit(self.expected), urlsplit(self.found)
        if mine.path.rstrip("/") != theirs.path.rstrip("/"):
            return "name"
        if mine.netloc == theirs.netloc:
            return "scheme"
        same_host = mine.hostname == theirs.hostname
        return (
            "address" if same_host or is_inner(mine.hostname or "") != is_inner(theirs.hostname or "") or mine.path.strip("/") else "name"
        )


def read(text: str, m: Material) -> None:
    """Note the issuers that a text compares, and whether it tells of two addresses of one server or of a slash."""
    text = text[:LONGEST]
    if _WORD.search(text) is None:
        return
    if (pair := _compared(text)) is not None:
        m.facts["issuers"] = {
            "expected": pair.expected,
            "found": pair.found,
            "ordered": pair.ordered,
            "differ_in": pair.differ_in,
            "refused": pair.refused,
        }
    if _SLASH.search(text):
        m.facts["issuer_slash_told"] = True
    if told := _TWO_ADDRESSES.search(text):
        m.facts["two_addresses_told"] = " ".join(told.group(0).split())[:60]


def _compared(text: str) -> Pair | None:
    """The first comparison in which both issuers stand on one line, else what two lines say of one each."""
    alone: list[tuple[str, str]] = []
    for line in text.splitlines():
        if len(line) > 3000 or (word := _WORD.search(line)) is None:
            continue
        found = [
            (a.group(0).rstrip(".:/") + ("/" if a.group(0).rstrip(".:").endswith("/") else ""), a.start()) for a in _ADDRESS.finditer(line)
        ]
        found = [(address, at) for address, at in found if ".well-known" not in address and "?" not in address]
        if len(found) > 1:
            return replace(_pair(line, word.start(), found), refused=_WRONG.search(line) is not None)
        if found:
            alone.append((found[0][0], _role(line[: found[0][1]])))
    wanted = next((a for a, role in alone if role == "expected"), None)
    came = next((a for a, role in alone if role == "found"), None)
    return Pair(wanted, came, True) if wanted and came else _below_each_other(text)


_LINE_OF = r"^[ \t>*#-]*(?:%s)\b[^\n:]{0,30}:[ \t]*[`'\"]?(https?://[^\s`'\"]+)[`'\"]?[ \t]*$"
_EXPECTED_LINE = re.compile(_LINE_OF % "expected|wanted|configured", re.IGNORECASE | re.MULTILINE)
_CAME_LINE = re.compile(_LINE_OF % "got|actual|found|received|but was|returned", re.IGNORECASE | re.MULTILINE)
_OTHER_ADDRESS = re.compile(r"(?i)redirect|call-?back|audience|\baud\b|endpoint")


def _below_each_other(text: str) -> Pair | None:
    """Two addresses on two lines of one message, of which the words before say that they are issuers."""
    wanted, came = _EXPECTED_LINE.search(text), _CAME_LINE.search(text)
    if wanted is None or came is None or text.count("\n", min(wanted.end(), came.end()), max(wanted.start(), came.start())) > 2:
        return None
    before = text[max(0, min(wanted.start(), came.start()) - 600) : min(wanted.start(), came.start())]
    issuer = max((found.end() for found in _WORD.finditer(before)), default=-1)
    other = max((found.end() for found in _OTHER_ADDRESS.finditer(before)), default=-1)
    return Pair(wanted.group(1), came.group(1), True, refused=True) if issuer > other else None


def _pair(line: str, word: int, found: list[tuple[str, int]]) -> Pair:
    """Two addresses of one line, by the words before each."""
    later = [each for each in found if each[1] > word] or found
    first, second = (later + [each for each in found if each not in later])[:2]
    first, second = sorted((first, second), key=lambda each: each[1])
    roles = _role(line[: first[1]]), _role(line[first[1] + len(first[0]) : second[1]])
    if roles[0] == "expected" and roles[1] != "expected":
        return Pair(first[0], second[0], True)
    if roles[1] == "expected" and roles[0] != "expected":
        return Pair(second[0], first[0], True)
    return Pair(first[0], second[0], False)


def _role(before: str) -> str:
    """Whether the words before an address call it the expected issuer or the one that came; the nearest word counts."""
    near = before[-80:]
    wanted = max((found.end() for found in _WANTED.finditer(near)), default=-1)
    came = max((found.end() for found in _CAME.finditer(near)), default=-1)
    return "" if wanted == came else "expected" if wanted > came else "found"
