"""Read a curl command as a person pastes it: quotes of three shells, line ends with a backslash, a caret or a backtick."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from urllib.parse import quote_plus

from smartlaunch.exchange import Request

LONGEST = 60_000
_START = re.compile(r"(?m)(?:^|(?<=[`\s$>(]))curl(?:\.exe)?(?=[ \t]*[\\^`][ \t]*\r?\n|[ \t]+(?:[-'\"$\\^`<{]|[A-Za-z][\w+.-]*[./:]))")
"""A command goes on with an option, a quotation or an address; in "the curl command from ..." nobody types one."""
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
_DATA = frozenset({"-d", "--data", "--data-raw", "--data-ascii", "--data-binary", "--json"})
_WITH_VALUE = frozenset(
    [
        "-A", "-b", "-c", "-C", "-D", "-e", "-E", "-F", "-m", "-o", "-T", "-w", "-x", "-y", "-Y", "-z",
        "--cacert", "--cert", "--key", "--connect-timeout",
        "--max-time", "--output", "--proxy", "--user-agent", "--referer", "--cookie-jar", "--resolve", "--form", "--form-string",
        "--retry", "--write-out",
    ]
)  # fmt: skip
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


def starts(text: str) -> list[int]:
    """Where commands begin."""
    return [m.start() for m in _START.finditer(text)][:50]


def words(text: str, start: int) -> tuple[list[str], int, bool]:
    """The words of the command that begins at ``start``, where it ends, and whether it is whole.

    It ends at the first line end that does not continue it; one that ends inside a quotation was cut off.
    """
    found: list[str] = []
    word: list[str] = []
    begun, quote, at, end = False, "", start, min(len(text), start + LONGEST)
    while at < end:
        sign, following = text[at], text[at + 1 : at + 2]
        if quote:
            if quote != "'" and sign == "\\" and following:
                escaped = following in '"\\$`\n' if quote == '"' else True
                word.append((_ESCAPES.get(following, following) if quote == "$'" else following) if escaped else sign + following)
                at += 2
                continue
            if sign == quote[-1]:
                quote = ""
            else:
                word.append(sign)
        elif sign in "\\^`" and re.match(r"[ \t]*\r?\n", text[at + 1 : at + 8]):
            at += 1 + len((re.match(r"[ \t]*\r?\n", text[at + 1 :]) or [""])[0])
            _close(word, found, begun)
            begun = False
            continue
        elif sign in "\\^" and following:
            word.append(following)
            begun = True
            at += 1
        elif sign in "'\"":
            quote, begun = ("$'" if sign == "'" and word == ["$"] else sign), True
            if quote == "$'":
                word.clear()
        elif sign == "\n" or (sign in "`;|" and not word) or (sign == "`" and word):
            break
        elif sign in " \t\r":
            _close(word, found, begun)
            begun = False
        else:
            word.append(sign)
            begun = True
        at += 1
    _close(word, found, begun)
    return found, at, not quote


def _close(word: list[str], found: list[str], begun: bool) -> None:
    if begun or word:
        found.append("".join(word))
        word.clear()


def request(tokens: list[str]) -> Request | None:
    """The request that a command sends, or None when it names no URL."""
    call = _Call()
    queue = list(tokens[1:])
    while queue:
        word = queue.pop(0)
        name, value = _option(word, queue)
        if name:
            call.option(name, value)
        else:
            call.word(word)
    return call.request()


@dataclass
class _Call:
    """What a command line has said so far."""

    method: str = ""
    url: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    media_type: str = ""
    """What curl calls the body by itself, where no header says otherwise."""
    as_query: bool = False

    def option(self, name: str, value: str) -> None:
        """Take an option with its value."""
        if name in ("-X", "--request"):
            self.method = value.upper()
        elif name in ("-H", "--header"):
            left, _, right = value.partition(":")
            self.headers.append((left.strip(), right.strip()))
        elif name in ("-u", "--user"):
            if value:  # without a colon curl asks for the password
                pair = value if ":" in value else f"{value}:typed-at-the-prompt"
                self.headers.append(("Authorization", "Basic " + base64.b64encode(pair.encode()).decode()))
        elif name in ("-b", "--cookie"):
            self.headers.append(("Cookie", value))
        elif name == "--oauth2-bearer":
            self.headers.append(("Authorization", "Bearer " + value))
        elif name in ("-G", "--get"):
            self.as_query = True
        elif name in ("-I", "--head"):
            self.method = self.method or "HEAD"
        elif name in ("-F", "--form", "--form-string"):
            self.method = self.method or "POST"
            self.media_type = "multipart/form-data"
        elif name == "--url":
            self.url = self.url or value
        else:
            self._body(name, value)

    def _body(self, name: str, value: str) -> None:
        if name == "--data-urlencode":
            left, equals, right = value.partition("=")
            self.data.append(f"{left}={quote_plus(right)}" if equals else quote_plus(left))
        elif name in _DATA:
            self.data.append(value)
        else:
            return
        self.media_type = "application/json" if name == "--json" else self.media_type or "application/x-www-form-urlencoded"

    def word(self, word: str) -> None:
        """Take a word that is no option: the address, or a method before it."""
        if not self.url and (_looks_like_url(word) or word.startswith("$") or "{{" in word):
            self.url = word.strip("<>")
        elif word.upper() in _METHODS:
            self.method = self.method or word.upper()

    def request(self) -> Request | None:
        """The request, or None without an address."""
        if not self.url:
            return None
        url, body, headers = self.url, "&".join(self.data), list(self.headers)
        if self.as_query and body:
            url, body = url + ("&" if "?" in url else "?") + body, ""
        if self.media_type and not self.as_query and not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", self.media_type))
        return Request(self.method or ("POST" if body else "GET"), url, tuple(headers), body.encode("utf-8", "replace"))


def _option(word: str, queue: list[str]) -> tuple[str, str]:
    """An option's name with its value, taken from the queue when it needs one; an empty name for a plain word."""
    if not word.startswith("-") or word == "-":
        return "", ""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        if equals:
            return name, value
    else:
        name = word[:2]
        if len(word) > 2 and name in ("-X", "-H", "-u", "-d", "-b"):
            return name, word[2:]
        if len(word) > 2:
            name = "-" + word[-1]
    takes = name in _DATA | _WITH_VALUE or name in (
        "-X", "--request", "-H", "--header", "-u", "--user", "-b", "--cookie", "--data-urlencode", "--url", "--oauth2-bearer",
    )  # fmt: skip
    return name, queue.pop(0) if takes and queue else ""


def _looks_like_url(word: str) -> bool:
    return "://" in word or re.match(r"[\w.-]+\.[a-z]{2,}(?::\d+)?(?:/|$)", word) is not None or word.startswith("localhost")
