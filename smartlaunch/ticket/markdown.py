"""Markdown that stays what it says: foreign text cannot become a link, a heading, a mention, HTML or an escape sequence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from smartlaunch.diagnosis.text import plain

_SPECIAL = re.compile(r"[\\`\[\]|<$]|!(?=\[)|(?<=\])\(|~(?=~)|(?<=~)~|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
"""Characters that change what stands around them; an underscore inside a word, a bracket or a plus sign in a line does not."""
_AT_THE_START = re.compile(r"^([-=+>#])")
_MENTION = re.compile(r"@(?=\w)")
_REFERENCE = re.compile(r"(?<![\w&/])#(?=\d)")
_SCHEME = re.compile(r"\b(javascript|data|vbscript|file):", re.IGNORECASE)
_BARE_LINK = re.compile(r"\b(https?|ftp)://|\bwww\.", re.IGNORECASE)


def line(text: str) -> str:
    """A foreign text as one line of plain Markdown."""
    flat = " ".join(plain(text).split())
    escaped = _SPECIAL.sub(r"\\\g<0>", flat).replace("&", "&amp;")
    if escaped.count("*") > 1:
        escaped = escaped.replace("*", "\\*")
    escaped = _MENTION.sub("&#64;", escaped)
    escaped = _SCHEME.sub(r"\1&#58;", escaped)
    escaped = _BARE_LINK.sub(lambda m: m.group(0).replace("://", "&#58;//").replace("www.", "www&#46;"), escaped)
    return re.sub(r"^(\d+)([.)])(?=\s)", r"\1\\\2", _AT_THE_START.sub(r"\\\1", escaped))


def sentence(text: str) -> str:
    """A text of ours, which may quote a foreign one: what stands between backticks is code, all else as in `line`."""
    parts = " ".join(plain(text).split()).split("`")
    if len(parts) % 2 == 0 or not all(part.strip() for part in parts[1::2]):
        return line(text)
    return "".join(code(part) if number % 2 else _within(part) for number, part in enumerate(parts))


def _within(part: str) -> str:
    """A part of a line, with the blanks at its ends."""
    return f"{' ' * part[:1].isspace()}{line(part)}{' ' * part[-1:].isspace()}" if part.strip() else part


def code(text: str, *, table: bool = False) -> str:
    """A foreign text as a code span, with a fence that it cannot close."""
    flat = " ".join(plain(text).split()) or " "
    fence = "`" * (max((len(run) for run in re.findall(r"`+", flat)), default=0) + 1)
    padded = f" {flat} " if flat[0] == "`" or flat[-1] == "`" else flat
    shown = f"{fence}{padded}{fence}"
    return shown.replace("|", "\\|") if table else shown


def block(text: str, language: str = "") -> str:
    """Several lines as a code block that they cannot close."""
    clean = "\n".join(plain(row).rstrip() for row in text.splitlines())
    fence = "`" * max(3, max((len(run) for run in re.findall(r"`+", clean)), default=0) + 1)
    return f"{fence}{language}\n{clean}\n{fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(cell or " " for cell in row) + " |" for row in rows)])


def link(text: str, url: str) -> str:
    """A link that this program makes itself; the address comes from its own data."""
    return f"[{line(text)}]({url.replace(' ', '%20').replace(')', '%29')})"
