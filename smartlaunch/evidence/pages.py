"""HTML pages without secrets and, when asked, without the words on them.

A login or picker page shows people and patients; what a reader of evidence needs are its title, headings, forms and errors. So the
text of an ordinary page is dropped, while titles, headings, the usual words on buttons and whatever is marked as an error stay. Error
pages keep all. Drawings and embedded images go in any case.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Final

OPEN_FIELDS: Final = frozenset(
    {
        "client_id",
        "redirect_uri",
        "scope",
        "response_type",
        "response_mode",
        "aud",
        "resource",
        "iss",
        "code_challenge",
        "code_challenge_method",
        "error",
        "error_description",
        "error_uri",
        "nonce",
        "prompt",
        "max_age",
        "grant_type",
        "action",
        "decision",
        "approve",
        "consent",
        "patient",
        "encounter",
        "persona",
        "tenant",
        "lang",
        "locale",
    }
)
"""Fields of a form that hold no secret."""

_LONGEST: Final = 400_000
_LONGEST_SCRIPT: Final = 4_000
_SPOKEN: Final = frozenset({"title", "h1", "h2", "legend"})
_BUTTON = re.compile(
    r"(?i)\W*(?:(?:sign|log)[ -]?(?:in|out|on)|allow|deny|cancel|continue|submit|next|back|accept|decline|agree|approve|authori[sz]e|"
    r"confirm|select|choose|launch|yes|no|ok|close|go|search|grant|reject|skip)"
    r"(?: (?:access|all|app|selected|anyway|without|to|a|patient|and|in))*\W*"
)
_VOID: Final = frozenset({"input", "br", "img", "meta", "link", "hr", "base", "area", "col", "source", "track", "wbr", "embed", "param"})
_MESSAGE = re.compile(r"(?i)error|alert|invalid|danger|failure")
_HTML = re.compile(r"(?i)<!doctype html|<html\b|<head\b|<body\b|<form\b|<script\b|<title\b")


def looks_like_html(text: str) -> bool:
    """Whether a text that begins with ``<`` is a page."""
    return _HTML.search(text[:2000]) is not None


def redact(
    text: str,
    *,
    attribute: Callable[[str, str], str],
    field: Callable[[str, str, str], str],
    words: Callable[[str], str],
    keep_words: bool,
) -> str:
    """The page written anew with its attributes, inputs, scripts and words passed through the functions given."""
    writer = _Writer(attribute, field, words, keep_words=keep_words)
    writer.feed(text[:_LONGEST])
    writer.close()
    rest = f"\n<!-- {len(text) - _LONGEST} characters left out -->" if len(text) > _LONGEST else ""
    return "".join(writer.parts) + rest


class _Writer(HTMLParser):
    """Writes a page as it is read; never fails, because HTMLParser takes anything."""

    def __init__(
        self,
        attribute: Callable[[str, str], str],
        field: Callable[[str, str, str], str],
        words: Callable[[str], str],
        *,
        keep_words: bool,
    ) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._attribute, self._field, self._words, self._keep = attribute, field, words, keep_words
        self._open: list[tuple[str, bool]] = []
        self._drawing = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "svg" or self._drawing:
            self._drawing += tag == "svg"
            return
        written = "".join(self._write(tag, name, value, values) for name, value in attrs)
        self.parts.append(f"<{tag}{written}>")
        if tag not in _VOID:
            marked = any(_MESSAGE.search(values.get(name, "")) for name in ("class", "id", "role"))
            self._open.append((tag, marked or tag in _SPOKEN))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "svg" or self._drawing:
            return
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._drawing:
            self._drawing -= tag == "svg"
            return
        for at in range(len(self._open) - 1, max(-1, len(self._open) - 50), -1):
            if self._open[at][0] == tag:
                del self._open[at:]
                break
        self.parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if self._drawing:
            return
        inside = self._open[-1][0] if self._open else ""
        if inside == "script":
            self.parts.append(self._words(data) if len(data) <= _LONGEST_SCRIPT else f"/* script, {len(data)} characters */")
        elif inside == "style":
            self.parts.append(f"/* style, {len(data)} characters */")
        elif not data.strip():
            self.parts.append(data)
        elif self._keep or any(spoken for _, spoken in self._open) or (inside in ("button", "a") and _BUTTON.fullmatch(data)):
            self.parts.append(html.escape(self._words(data), quote=False))
        else:
            self.parts.append("…")

    def handle_decl(self, decl: str) -> None:
        self.parts.append(f"<!{decl[:200]}>")

    def handle_comment(self, data: str) -> None:
        self.parts.append(f"<!-- comment, {len(data)} characters -->")

    def _write(self, tag: str, name: str, value: str | None, values: dict[str, str]) -> str:
        if value is None:
            return f" {name}"
        if value[:5].lower() == "data:":
            return f' {name}="data:, {len(value)} characters"'
        if name == "value" and tag in ("input", "textarea", "option", "button") and value:
            kind = values.get("type", "text").lower() if tag == "input" else "option"
            value = self._field(values.get("name") or values.get("id") or "", kind, value)
        else:
            value = self._attribute(name, value)
        return f' {name}="{html.escape(value)}"'
