"""Take a pasted text apart: what in it is a command, a message, JSON, a URL, a console line, and what is only prose around them.

Each finder looks at what the finders before it left. A text that is one thing from end to end gives one piece; a forum post gives many.
"""

from __future__ import annotations

import ast
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from smartlaunch.diagnosis import scopes
from smartlaunch.diagnosis.inputs import commands, console, messages, tokens, xmltext
from smartlaunch.diagnosis.inputs.weblinks import URN

LONGEST = 1_000_000
"""Characters of a text that are looked at; of a longer one the end is, because that is where a log tells what failed."""
LONG_LOG = 60_000
LONG_LOG_LINES = 300
MOST_TELLING = 60
MOST_PIECES = 400
_DEEPEST = 60
_LITERAL = 40_000
_MOST_SPENT = 2_000_000
"""Characters looked at in vain for the ends of objects, after which no more are looked for."""
_PAGE = re.compile(r"<!doctype html\b|<html\b", re.IGNORECASE)
_URL = re.compile(
    r"(?<![\w+.-])[A-Za-z][A-Za-z0-9+.-]{1,40}:(?://(?=[^\s\"'<>`|\\^,;)])|/(?=[?]))[^\s\"'<>`|\\^{}]*(?:\{\{?[\w.-]+\}?\}[^\s\"'<>`|\\^{}]*)*"
)
_QUERY = re.compile(
    r"(?<![^\s\"'`(])(?:/[\w.~/-]{0,200}(?=\?))?[?#&]?(?:[A-Za-z][\w.-]{0,40})=[^\s&\"'`<>]*(?:&[A-Za-z][\w.\[\]-]{0,40}=[^\s&\"'`<>]*)*"
)
_OAUTH_QUERY = re.compile(
    r"(?:^|[?&#])(?:error|error_uri|error_description|grant_type|response_type|code_challenge|code_verifier|client_assertion|redirect_uri)="
)
_STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'", re.DOTALL)
_BARE_KEY = re.compile(r"([{,]\s*)([A-Za-z_$][\w$-]*)\s*:")
_TRAILING = re.compile(r",(\s*[}\]])")
_LEFT_BLANK = re.compile(r"(:\s*)(?:<([^<>\"\n{}]{0,80})>|\.{3}|\u2026|\[([\w .-]{1,60})\](?=\s*[,}])|([A-Za-z_][\w-]{0,60})(?=\s*[,}]))")
"""A value that somebody took out of an object before showing it, so that it is no JSON any more."""
_AROUND = re.compile(r"[ \t]+(?=[&?])|(?<=[&?=])[ \t]+")
"""Blanks beside a separator, which come from breaking the line and never from a value."""
_TELLING = re.compile(
    r"(?i)\b(?:error|warn(?:ing)?|fatal|severe|exception|fail(?:ed|ure|s)?|denied|refused|unauthori[sz]ed|forbidden|invalid\w*|expired|"
    r"mismatch\w*|insufficient\w*|AADSTS\d+)\b|(?:status|HTTP)\W{1,4}[45]\d\d\b|[?&]error=|urn:cerner:error|\"level\":\s*(?:[45678]\d|\"(?:error|warn|fatal))"
)
_NS_ERROR = re.compile(r"\b((?:Domain=)?[A-Za-z][\w.]{5,80}) Code=(-?\d{1,5})\b")
"""How Apple's systems write the number of an error; "Code=" before a value is an authorization code everywhere else."""
_PREFIXES = re.compile(r"(?m)^[ \t]*(?:[><]|&gt;|&lt;)[ \t]?(?=\S)|^[ \t]*[><][ \t]*$")


@dataclass(slots=True)
class Piece:
    """One thing found in a text: its kind, its words, and what it was read as."""

    kind: str
    text: str
    start: int
    end: int
    data: Any = None


Finder = Callable[[str], Iterable[Piece]]


def take_apart(text: str) -> tuple[list[Piece], str]:
    """The pieces of a text in its order, and the prose that is left."""
    text = tidy(text)
    whole = _whole(text)
    if whole is not None:
        return [whole], ""
    found: list[Piece] = []
    rest = text
    for finder in _FINDERS:
        new = list(_apart(finder(rest)))[: MOST_PIECES - len(found)]
        if not new:
            continue
        found += new
        parts, at = [], 0
        for piece in sorted(new, key=lambda p: p.start):
            words = rest[piece.start : piece.end]
            parts += [rest[at : piece.start], words if _told_in_words(piece, rest) else re.sub(r"[^\n]", " ", words)]
            at = piece.end
        rest = "".join([*parts, rest[at:]])
    return sorted(found, key=lambda p: p.start), rest


def _told_in_words(piece: Piece, text: str) -> bool:
    """Whether an address stands inside a sentence that would say less without it, as "service not found: https://..."."""
    before = text[max(0, piece.start - 60) : piece.start].rpartition("\n")[2]
    return (
        piece.kind == "url"
        and len(piece.text) < 200
        and "?" not in piece.text
        and re.search(r"[a-z]{3,} [\w ]*[a-z]{3,}:? ?[\"'`(]?$", before) is not None
    )


def condensed(text: str) -> tuple[str, str]:
    """A long log cut down to the lines that tell of an error, with their neighbours, and a sentence about it.

    The last lines are kept when there are too many, because that is where a log tells what failed. A text that is short, or no log, comes
    back as it is.
    """
    lines = text.split("\n")
    if len(text) < LONG_LOG or len(lines) < LONG_LOG_LINES or _PAGE.match(text.lstrip()[:200]):
        return text, ""
    telling = [number for number, line in enumerate(lines) if _TELLING.search(line[:4000])][-MOST_TELLING:]
    near = {n for number in telling for n in range(number - 1, number + 4) if 0 <= n < len(lines)}
    if not near:
        return "\n".join(lines[-LONG_LOG_LINES:]), f"of {len(lines)} lines the last {LONG_LOG_LINES} were looked at: none tells of an error"
    return "\n".join(lines[n] for n in sorted(near)), f"of {len(lines)} lines {len(near)} were looked at: the last that tell of an error"


def tidy(text: str) -> str:
    """A text as it was before mail, forums and terminals put their marks into it."""
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ").replace("\u200b", "")
    text = _NS_ERROR.sub(r"\1 error \2", text)
    if not _PAGE.match(text.lstrip()[:200]):
        if "&amp;" in text:
            text = text.replace("&amp;", "&")
        text = _PREFIXES.sub("", text) if re.search(r"(?m)^[ \t]*[><][ \t]", text) else text
    return text[-LONGEST:]


def _whole(text: str) -> Piece | None:
    """The text as one piece when it is JSON, a page or an address from end to end."""
    stripped = text.strip()
    if stripped[:1] in ("{", "["):
        try:
            return Piece("json", stripped, 0, len(text), json.loads(stripped, strict=False))
        except (ValueError, RecursionError):
            pass
    if stripped[:1] == '"' and stripped[-1:] == '"' and '\\"' in stripped:
        try:
            inner = json.loads(stripped, strict=False)
            return Piece("json", stripped, 0, len(text), json.loads(inner, strict=False))
        except (ValueError, TypeError, RecursionError):
            pass
    if _PAGE.match(stripped[:200]) and not re.search(r"</html\s*>\s*\S", stripped, re.IGNORECASE):
        return Piece("page", stripped, 0, len(text))
    bare = stripped.strip("<>\"'`\u201c\u201d\u2018\u2019 \n\t,;")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]{1,40}:/", bare) and (joined := _broken_url(bare)):
        return Piece("url", joined, 0, len(text))
    return None


def _broken_url(text: str) -> str:
    """An address that was broken over lines or has blanks in it, put together; empty when more than an address stands there."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if len(lines) == 1:
        line = lines[0]
        if not re.search(r"\s", line):
            return line
        return _AROUND.sub("", line.replace("\t", " ")) if _blanks_of_a_url(line) else ""
    if len(lines) > 80 or any(
        re.search(r"[A-Za-z][\w+.-]*://", line) and not re.search(r"=[A-Za-z][\w+.-]*://", line) for line in lines[1:]
    ):
        return ""
    if any(" " in line and not _blanks_of_a_url(line) for line in lines):
        return ""
    if any(":" in line and "=" not in line and "%" not in line and "/" not in line for line in lines[1:]):
        return ""
    if "?" not in text and "&" not in text:
        return ""
    return "".join(lines)


def _blanks_of_a_url(line: str) -> bool:
    """Whether the blanks in a line stand inside one address: between scopes, or before the next parameter."""
    words = line.split()
    for before, after in itertools.pairwise(words):
        continues = after[:1] in "&?" or re.match(r"[\w.-]+=", after) or before.endswith(("&", "?", "=")) or "&" in after
        value = re.split(r"[&]", after)[0]
        if not continues and scopes.kind_of(value) is scopes.Kind.FOREIGN and value not in ("id_token", "token", "code"):
            return False
    return True


def _apart(found: Iterable[Piece]) -> Iterator[Piece]:
    """Pieces that do not overlap, in order."""
    at = 0
    for piece in sorted(found, key=lambda p: (p.start, -p.end)):
        if piece.start >= at and piece.end > piece.start:
            yield piece
            at = piece.end


# --- finders, the surest first ------------------------------------------------------------------------------------------------------


def _pages(text: str) -> Iterator[Piece]:
    for begin in _PAGE.finditer(text):
        close = re.compile(r"</html\s*>", re.IGNORECASE).search(text, begin.end())
        yield Piece("page", text[begin.start() : close.end() if close else len(text)], begin.start(), close.end() if close else len(text))


def _xml(text: str) -> Iterator[Piece]:
    for start, end in xmltext.find(text):
        yield Piece("xml", text[start:end], start, end)


def _commands(text: str) -> Iterator[Piece]:
    for start in commands.starts(text):
        found, end, whole = commands.words(text, start)
        request = commands.request(found)
        if request is not None:
            yield Piece("curl", text[start:end], start, end, (request, whole))


def _messages(text: str) -> Iterator[Piece]:
    for start, end, message in messages.find(text):
        yield Piece("request" if message.method else "answer", text[start:end], start, end, message)


def _objects(text: str) -> Iterator[Piece]:
    """JSON objects and arrays, Python literals, and what a console prints of an object."""
    decoder = json.JSONDecoder(strict=False)
    at, spent = 0, 0
    for begin in re.finditer(r"[\[{]", text):
        if begin.start() < at:
            continue
        if spent > _MOST_SPENT:
            break
        following = text[begin.start() + 1 : begin.start() + 60].lstrip()
        if begin.group() == "[" and following[:1] not in ("{", '"', "'"):
            continue
        if begin.group() == "{" and not re.match(r"[\"'}]|[A-Za-z_$][\w$-]*\s*:", following):
            continue
        spent += 200
        try:
            data, at = decoder.raw_decode(text, begin.start())
        except (ValueError, RecursionError):
            end = _balanced(text, begin.start())
            spent += (end or min(len(text), begin.start() + _LITERAL)) - begin.start()
            data = lenient(text[begin.start() : end]) if end else None
            if data is None:
                continue
            at = end
        if isinstance(data, (dict, list)) and data:
            yield Piece("json", text[begin.start() : at], begin.start(), at, data)


def _balanced(text: str, start: int) -> int:
    """Where the bracket at ``start`` is closed, or 0."""
    depth, at = 0, start
    for sign in re.finditer(r"[\[{\]}]|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'", text[start : start + _LITERAL]):
        mark = sign.group()
        depth += (mark in "[{") - (mark in "]}")
        at = start + sign.end()
        if depth == 0 and mark in ("]", "}"):
            return at
        if depth > _DEEPEST:
            return 0
    return 0


def lenient(text: str) -> Any:
    """An object in the spelling of Python or JavaScript, or JSON with a comma too many; None when it is none of these."""
    if len(text) > _LITERAL:
        return None
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        found = None
    if isinstance(found, (dict, list)):
        return _plain(found)
    strings: list[str] = []

    def keep(match: re.Match[str]) -> str:
        body = match.group()[1:-1]
        strings.append(json.dumps(body.replace("\\'", "'").replace('\\"', '"').replace("\\n", "\n").replace("\\/", "/")))
        return f"\x00{len(strings) - 1}\x00"

    bare = _STRING.sub(keep, text)
    bare = re.sub(r"\bundefined\b|\bNone\b", "null", bare)
    bare = re.sub(r"\bTrue\b", "true", re.sub(r"\bFalse\b", "false", bare))
    bare = re.sub(r"\[(?:Object|Function|Array|Circular|Getter)[^\]\[]*\]|<ref \*\d+>", "null", bare)
    bare = _LEFT_BLANK.sub(_quoted, _BARE_KEY.sub(r'\1"\2":', bare))
    bare = _TRAILING.sub(r"\1", re.sub(r",\s*(?:\.{3}|\u2026)(?=\s*[}\]])", "", bare))
    restored = re.sub(r"\x00(\d+)\x00", lambda m: strings[int(m.group(1))], bare)
    try:
        found = json.loads(restored, strict=False)
    except (ValueError, RecursionError, IndexError):
        return None
    return found if isinstance(found, (dict, list)) else None


def _quoted(found: re.Match[str]) -> str:
    """The place of a value that was taken out, as a string; a literal of JSON stays."""
    word = found.group(2) or found.group(3) or found.group(4) or ""
    return found.group(0) if word in ("true", "false", "null") else found.group(1) + json.dumps(f"<{word}>")


def _plain(value: Any, depth: int = 0) -> Any:
    """A Python literal as JSON has it."""
    if depth > _DEEPEST:
        return None
    if isinstance(value, dict):
        return {str(k): _plain(v, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(v, depth + 1) for v in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)


def _headers(text: str) -> Iterator[Piece]:
    for start, end, name, value in messages.lone_headers(text):
        yield Piece("header", text[start:end], start, end, (name, value))


def _console(text: str) -> Iterator[Piece]:
    for start, end, line in console.find(text):
        yield Piece("console", text[start:end], start, end, line)


def _urls(text: str) -> Iterator[Piece]:
    for found in _URL.finditer(text):
        start, end = found.span()
        link = text.find("](", start, end)
        end = link if link > 0 else _extended(text, start, end)
        url = _AROUND.sub("", re.sub(r"\n\s*", "", text[start:end])).rstrip(".,;)]>*_:!")
        if len(url) > 6:
            yield Piece("url", url, start, end)


def _extended(text: str, start: int, end: int) -> int:
    """The end of an address that goes on after a line end or a blank: a parameter begins there, or a scope stands there."""
    if "?" not in text[start:end]:
        more = re.compile(r"[ \t]{0,40}\n[ \t]{0,40}(?=\?[\w.-]+=)").match(text, end)
        if not more:
            return end
        end = more.end()
        following = re.compile(r"\S+").match(text, end)
        end = following.end() if following else end
    while True:
        more = re.compile(r"[ \t]{0,40}\n?[ \t]{0,40}((?:&|[a-z_]{2,30}=)[^\s\"'<>`]*)").match(text, end)
        if more is None:
            more = re.compile(r"[ \t]{1,40}([^\s\"'<>`]+)").match(text, end)
            if more is None or not _is_scope(more.group(1)) or "scope=" not in text[start:end]:
                return end
        end = more.end()


def _is_scope(word: str) -> bool:
    return scopes.kind_of(re.split(r"&", word)[0].rstrip(".,;")) is not scopes.Kind.FOREIGN


def _queries(text: str) -> Iterator[Piece]:
    for found in _QUERY.finditer(text):
        query = found.group().rstrip(",;")
        if not re.search(r"=[^&]", query):
            continue
        if _OAUTH_QUERY.search(query) and ("&" in query or query[:1] in "?#/" or re.search(r"(?:error|grant_type)=", query)):
            yield Piece("form", query[query.find("?") :] if query.startswith("/") else query, found.start(), found.start() + len(query))


def _tokens(text: str) -> Iterator[Piece]:
    for found in tokens.PATTERN.finditer(text):
        yield Piece("jwt", found.group(), found.start(), found.end())


def _urns(text: str) -> Iterator[Piece]:
    for found in URN.finditer(text):
        yield Piece("urn", found.group(), found.start(), found.end())


_FINDERS: tuple[Finder, ...] = (_pages, _xml, _commands, _messages, _objects, _headers, _console, _urls, _queries, _tokens, _urns)
