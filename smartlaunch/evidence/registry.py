"""The registry of secret values, and the search for them in any text.

A value that was seen once in a field for secrets is looked for everywhere afterwards: raw, percent-encoded any number of times, with
``+`` for a blank, escaped for JSON or HTML, as base64 or base64url at each of the three alignments, as hexadecimal digits.

The search has to cost little, because every message passes through it. Text is cut into windows of eight bytes; a value of fifteen
or more holds at least one whole window wherever it begins, so only values with a window in common with the text are compared at all.
Windows are read as whole numbers, which costs a millisecond for 100 kB however many secrets there are. Shorter values go by windows of
four bytes, and the few of six bytes are simply looked for.
"""

from __future__ import annotations

import base64
import html
import re
import sys
import threading
from collections import defaultdict
from functools import lru_cache
from html.entities import html5
from typing import Final
from urllib.parse import quote, quote_plus, unquote

from smartlaunch.evidence.vocabulary import RESERVED_WORDS

SHORTEST_SEARCHED: Final = 6
"""Shorter values are hidden in their own field only: a PIN of four digits would be found in every other time stamp."""

_SHORTEST_BY_KIND: Final = {"cookie": 12, "form_value": 12}
_PLAIN_KINDS: Final = frozenset({"person_name"})
"""Kinds that stand in text only: they are many, and nobody sends them as base64."""

_WEAK = re.compile(r"[A-Za-z]{6,7}|[a-z0-9]{6,7}|[0-9]{6,11}")
_LONGEST_ENCODED: Final = 65_536
_WITHHELD: Final = "<withheld, a secret could not be removed>"
PLACEHOLDER = re.compile(r"<[a-z_]{3,30} [0-9]{1,6}(?: length [0-9]{1,7})?>")
_PROTECTED = r"(<[a-z_]{3,30} [0-9]{1,6}(?: length [0-9]{1,7})?>)"
_BASE64 = "[A-Za-z0-9+/_-]"
_ESCAPES = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([\"'/\\]))")
_SURROGATES = re.compile(r"[\ud800-\udbff][\udc00-\udfff]")
_ENTITY_NAMES: dict[str, list[str]] = defaultdict(list)
for _name, _char in html5.items():
    if _name.endswith(";") and len(_char) == 1 and _char.isascii():
        _ENTITY_NAMES[_char].append(_name)


class SecretRegistry:
    """Knows every secret of a run and hides each behind the same placeholder wherever it stands."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._placeholders: dict[str, str] = {}
        self._counts: dict[str, int] = defaultdict(int)
        self._patterns: dict[str, tuple[str, str]] = {}
        self._long: dict[int, list[str]] = defaultdict(list)
        self._short: dict[int, list[str]] = defaultdict(list)
        self._shortest: list[str] = []
        self._weak: dict[str, re.Pattern[str]] = {}
        self._blanks = False

    def learn(self, kind: str, value: str) -> str:
        """Register a secret and return its placeholder; a known value keeps the placeholder that it got first."""
        if not value or PLACEHOLDER.fullmatch(value):
            return value
        with self._lock:
            known = self._placeholders.get(value)
            if known is not None:
                return known
            self._counts[kind] += 1
            extra = f" length {len(value)}" if kind == "state" else ""
            placeholder = self._placeholders[value] = f"<{kind} {self._counts[kind]}{extra}>"
            if _is_searched(kind, value):
                self._index(kind, value, placeholder)
                if kind == "private_key":
                    for line in value.splitlines():
                        if len(line.strip()) >= 16 and "-----" not in line:
                            self._add(line.strip(), placeholder, "", "")
            return placeholder

    def placeholder(self, value: str) -> str | None:
        """The placeholder of a known value, else None."""
        return self._placeholders.get(value)

    @property
    def searched(self) -> list[str]:
        """The encoded forms that are looked for; tests and the ticket's last check read them."""
        return list(self._patterns)

    def scrub(self, text: str) -> str:
        """Replace every known secret in a text, in whatever encoding it stands there."""
        if not text or not self._patterns:
            return text
        with self._lock:
            found = self._present(text)
            if found:
                text = self._replace(text, found)
            if not self._blanks and "%" not in text and "&" not in text and "\\" not in text:
                return text
            hidden = self._hidden(text)
            if not hidden:
                return text
            for form in sorted(hidden, key=lambda each: (-len(each), each)):
                text = _flexible(form, form in self._weak).sub(self._patterns[form][0], text)
            hidden = self._hidden(text)
            if hidden:
                text = re.sub(r"\S+", lambda word: _WITHHELD if self._hidden(word.group()) else word.group(), text)
                if self._hidden(text):
                    return _WITHHELD
            return text

    def leaks(self, text: str) -> list[str]:
        """The placeholders of secrets that stand in a text; empty when it is clean."""
        with self._lock:
            forms = self._present(text) | self._hidden(text)
            return sorted({self._patterns[form][0] for form in forms})

    def cut_tail(self, text: str) -> str:
        """Hide the beginning of a known secret at the very end of a text that was cut off there."""
        with self._lock:
            for value, placeholder in self._placeholders.items():
                if len(value) < SHORTEST_SEARCHED:
                    continue
                tail = text[-len(value) :]
                at = tail.find(value[:4])
                while at >= 0:
                    if value.startswith(tail[at:]):
                        return text[: len(text) - len(tail) + at] + placeholder
                    at = tail.find(value[:4], at + 1)
        return text

    def _index(self, kind: str, value: str, placeholder: str) -> None:
        weak = _WEAK.fullmatch(value) is not None
        self._add(value, placeholder, "(?<![A-Za-z0-9])" if weak else "", "(?![A-Za-z0-9])" if weak else "")
        if weak:
            self._weak[value] = re.compile(self._patterns[value][1])
        self._blanks = self._blanks or " " in value
        if len(value) > _LONGEST_ENCODED or kind in _PLAIN_KINDS:
            return
        forms = {value, quote(value, safe=""), quote_plus(value)}
        for form in forms:
            raw = form.encode("utf-8", "surrogatepass")
            for shift in range(3):
                encoded = base64.b64encode(b"\0" * shift + raw).decode()
                first, last = -(-8 * shift // 6), 8 * (shift + len(raw)) // 6
                core = encoded[first:last]
                before = f"{_BASE64}?" if shift else ""
                after = f"{_BASE64}?" if (shift + len(raw)) % 3 else ""
                for each in {core, core.replace("+", "-").replace("/", "_")}:
                    if len(each) >= SHORTEST_SEARCHED:
                        self._add(each, placeholder, before, after)
            self._add(raw.hex(), placeholder, "", "")
            self._add(raw.hex().upper(), placeholder, "", "")

    def _add(self, form: str, placeholder: str, before: str, after: str) -> None:
        if form in self._patterns:
            return
        self._patterns[form] = (placeholder, f"{before}{re.escape(form)}{after}")
        raw = form.encode("utf-8", "surrogatepass")
        if len(raw) < 7:
            self._shortest.append(form)
            return
        size, index = (8, self._long) if len(raw) >= 15 else (4, self._short)
        window = raw[-(2 * size - 1) :]
        for at in range(size):
            index[int.from_bytes(window[at : at + size], sys.byteorder)].append(form)

    def _present(self, text: str) -> set[str]:
        candidates = set(self._shortest)
        raw = memoryview(text.encode("utf-8", "surrogatepass"))
        whole = raw[: len(raw) // 8 * 8]
        if self._long:
            for gram in set(filter(self._long.__contains__, whole.cast("Q"))):
                candidates.update(self._long[gram])
        whole = raw[: len(raw) // 4 * 4]
        if self._short:
            for gram in set(filter(self._short.__contains__, whole.cast("I"))):
                candidates.update(self._short[gram])
        return {form for form in candidates if form in text and (form not in self._weak or self._weak[form].search(text))}

    def _hidden(self, text: str) -> set[str]:
        hits: set[str] = set()
        view = text
        for _ in range(5):
            if self._blanks and "+" in view:
                hits |= {form for form in self._present(view.replace("+", " ")) if " " in form}
            decoded = _decode(view)
            if decoded == view:
                break
            view = decoded
            hits |= self._present(view)
        return hits

    def _replace(self, text: str, found: set[str]) -> str:
        ordered = sorted(found, key=lambda form: (-len(form), form))
        pattern = "|".join([_PROTECTED, *(f"({self._patterns[form][1]})" for form in ordered)])

        def put(match: re.Match[str]) -> str:
            index = match.lastindex or 1
            return match.group() if index == 1 else self._patterns[ordered[index - 2]][0]

        return re.sub(pattern, put, text)


def _is_searched(kind: str, value: str) -> bool:
    if len(value) < _SHORTEST_BY_KIND.get(kind, SHORTEST_SEARCHED) or value in RESERVED_WORDS or not any(c.isalnum() for c in value):
        return False
    return not (kind in _SHORTEST_BY_KIND and value.isalpha() and value.islower())


def _decode(text: str) -> str:
    """Undo one layer of percent, HTML and backslash encoding at once."""
    if "%" in text:
        text = unquote(text, errors="surrogateescape")
    if "&" in text:
        text = html.unescape(text)
    if "\\" in text:
        text = _ESCAPES.sub(_unescape, text)
        if _SURROGATES.search(text):
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _unescape(match: re.Match[str]) -> str:
    digits = match.group(1) or match.group(2)
    return chr(int(digits, 16)) if digits else match.group(3)


@lru_cache(maxsize=256)
def _flexible(form: str, weak: bool) -> re.Pattern[str]:
    """A pattern that finds a value with each of its characters encoded in a way of its own."""
    slash = r"(?:\\|%(?:25)*5[cC])+"
    end = "(?:;|%(?:25)*3[bB])"
    ampersand = f"(?:&|%(?:25)*26)(?:amp{end})*"
    number = f"{ampersand}(?:#|%(?:25)*23)"
    parts = []
    for char in form:
        octets = "".join(f"%(?:25)*{_digits(f'{octet:02x}')}" for octet in char.encode("utf-8", "surrogatepass"))
        code = ord(char)
        ways = [re.escape(char), octets, f"{number}0*{code}{end}?", f"{number}[xX]0*{_digits(f'{code:x}')}{end}?"]
        ways += [f"{ampersand}{re.escape(name[:-1])}{end}" for name in _ENTITY_NAMES.get(char, ())]
        units = char.encode("utf-16-be", "surrogatepass").hex()
        ways.append("".join(f"{slash}u{_digits(units[at : at + 4])}" for at in range(0, len(units), 4)))
        if code < 0x100:
            ways.append(f"{slash}x{_digits(f'{code:02x}')}")
        if char in "\"'/\\":
            ways.append(f"{slash}(?:{re.escape(char)}|{octets})")
        if char == " ":
            ways.append(r"\+")
        parts.append(f"(?:{'|'.join(ways)})")
    body = "".join(parts)
    if weak:
        body = rf"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f][0-9A-Fa-f])|(?<=\\u[0-9A-Fa-f]{{4}})){body}(?![A-Za-z0-9])"
    return re.compile(body)


def _digits(digits: str) -> str:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits)
