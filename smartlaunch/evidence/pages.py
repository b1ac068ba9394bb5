"""HTML pages without secrets and, when asked, without the words on them.

A login or picker page shows people and patients; what a reader of evidence needs are its title, headings, forms and errors. So the
text of an ordinary page is dropped, while titles, headings, the usual words on buttons and whatever is marked as an error stay. Error
pages keep all. Drawings and embedded images go in any case.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from typing import Final

from smartlaunch import markup

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

_SIGN_IN_FIELDS: Final = frozenset({"username", "user", "user_name", "userid", "user_id", "login", "loginfmt", "j_username", "uid"})
_CHOICE = re.compile(r"(?i)true|false|on|off|yes|no|null|none|[0-9]{1,2}")
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


def tells_of_a_person(name: str, value: str) -> bool:
    """Whether a field of a form that the browser sent to a page may say something of a person.

    What a field means only its page knows, and a page can fill in more than was typed: numbers, dates and addresses of who signs in.
    So all counts but the words of the protocol, the name with which a user signs in, the answers to a question and the labels of buttons.
    """
    known = name.lower() in OPEN_FIELDS or name.lower() in _SIGN_IN_FIELDS
    return not known and _CHOICE.fullmatch(value) is None and _BUTTON.fullmatch(value[:200]) is None


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
    markup.read(text[:_LONGEST], writer)
    rest = f"\n<!-- {len(text) - _LONGEST} characters left out -->" if len(text) > _LONGEST else ""
    return "".join(writer.parts) + rest


class _Writer:
    """Writes a page as it is read; the parser calls it with each tag and piece of text."""

    def __init__(
        self,
        attribute: Callable[[str, str], str],
        field: Callable[[str, str, str], str],
        words: Callable[[str], str],
        *,
        keep_words: bool,
    ) -> None:
        self.parts: list[str] = []
        self._attribute, self._field, self._words, self._keep = attribute, field, words, keep_words
        self._open: list[tuple[str, bool]] = []
        self._spoken = 0
        self._drawing = 0
        self._said: list[str] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Write a tag with its attributes."""
        self._say()
        if tag == "svg" or self._drawing:
            self._drawing += tag == "svg"
            return
        self.parts.append(f"<{tag}{''.join(self._write(tag, name, value, attributes) for name, value in attributes.items())}>")
        if tag not in _VOID:
            marked = any(_MESSAGE.search(attributes.get(name, "")) for name in ("class", "id", "role"))
            spoken = marked or tag in _SPOKEN
            self._open.append((tag, spoken))
            self._spoken += spoken

    def end(self, tag: str) -> None:
        """Write the end of an element."""
        self._say()
        if self._drawing:
            self._drawing -= tag == "svg"
            return
        if tag in _VOID:
            return
        if self._open:
            self._spoken -= self._open.pop()[1]
        self.parts.append(f"</{tag}>")

    def data(self, data: str) -> None:
        """Take a piece of text; it comes in as many as it has entities."""
        self._said.append(data)

    def comment(self, text: str) -> None:
        """Write that there was a comment."""
        self._say()
        if not self._drawing:
            self.parts.append(f"<!-- comment, {len(text)} characters -->")

    def doctype(self, name: str, _public: str | None, _system: str | None) -> None:
        """Write which document it is."""
        self.parts.append(f"<!DOCTYPE {name[:200]}>")

    def pi(self, _target: str, data: str | None = None) -> None:
        """Write that there was an instruction to some machine."""
        self.comment(data or "")

    def close(self) -> None:
        """Write what was said last."""
        self._say()

    def _say(self) -> None:
        data = "".join(self._said)
        self._said.clear()
        if self._drawing or not data:
            return
        inside = self._open[-1][0] if self._open else ""
        if inside == "script":
            self.parts.append(self._words(data) if len(data) <= _LONGEST_SCRIPT else f"/* script, {len(data)} characters */")
        elif inside == "style":
            self.parts.append(f"/* style, {len(data)} characters */")
        elif not data.strip():
            self.parts.append(data)
        elif self._keep or self._spoken or (inside in ("button", "a") and _BUTTON.fullmatch(data[:200])):
            self.parts.append(html.escape(self._words(data), quote=False))
        else:
            self.parts.append("…")

    def _write(self, tag: str, name: str, value: str, values: Mapping[str, str]) -> str:
        if not value:
            return f" {name}"
        if value[:5].lower() == "data:":
            return f' {name}="data:, {len(value)} characters"'
        if name == "value" and tag in ("input", "textarea", "option", "button") and value:
            kind = values.get("type", "text").lower() if tag == "input" else "option"
            value = self._field(values.get("name") or values.get("id") or "", kind, value)
        elif tag == "meta" and name == "content" and (values.get("name") or values.get("property")):
            value = self._field(values.get("name") or values.get("property") or "", "meta", value)
        else:
            value = self._attribute(name, value)
        return f' {name}="{html.escape(value)}"'
