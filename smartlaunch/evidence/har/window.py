"""JSON values out of a sliding window over a file, one at a time and never more of them than a few.

The JSON decoder is asked for one value at a known place of the window, so it runs at its own speed; a value over the limit is stepped over
without being decoded.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import Any, BinaryIO, Final

from smartlaunch.errors import UsageError

_CHUNK: Final = 4 * 1024 * 1024
_BLANK = re.compile(r"[ \t\r\n]*+")
_STRING_REST = re.compile(r"(?:[^\"\\]++|\\.)*+", re.DOTALL)
_STRUCTURE = re.compile(r"[\"{}\[\]]")


class HarError(UsageError):
    """A file cannot be read as a HAR; the message says what it looks like instead and what to do."""


class UnusableValue(Exception):
    """A value cannot be decoded here and has to be stepped over; the message says why, as the end of a sentence."""


class Truncated(Exception):
    """The file ends inside a value."""


class Window:
    """A sliding window over the file's text, and a JSON decoder that works inside it."""

    def __init__(self, file: BinaryIO, name: str, largest: int) -> None:
        self.name, self.largest = name, largest
        self._file = file
        self._text, self._at, self._ended, self._passed = "", 0, False, 0
        head = file.read(4)
        encoding = "utf-8"
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            encoding = "utf-16"
        elif head.startswith(codecs.BOM_UTF8):
            encoding = "utf-8-sig"
        file.seek(0)
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._json = json.JSONDecoder(strict=False)

    def fill(self, size: int = _CHUNK) -> bool:
        """Read on; False at the end of the file."""
        if self._ended:
            return False
        raw = self._file.read(size)
        self._ended = not raw
        self._passed += self._at
        self._text = self._text[self._at :] + self._decoder.decode(raw, self._ended)
        self._at = 0
        return not self._ended

    def peek(self) -> str:
        """The next character that is not blank, or "" at the end."""
        while True:
            match = _BLANK.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self.fill():
                return ""

    def take(self, expected: str) -> None:
        """Step over one character that has to come next."""
        found = self.peek()
        if not found:
            raise Truncated
        if found != expected:
            raise self.wrong(f"{expected!r} was expected, {found!r} stands there")
        self._at += 1

    def value(self) -> Any:
        """Decode the value that begins here and step over it."""
        if not self.peek():
            raise Truncated
        size = _CHUNK
        while True:
            try:
                value, end = self._json.raw_decode(self._text, self._at)
            except json.JSONDecodeError as exc:
                cut_off = exc.pos >= len(self._text) - 16 or exc.msg.startswith("Unterminated string")
                if not cut_off:
                    raise self.wrong(exc.msg, exc.pos) from exc
            except RecursionError:
                raise UnusableValue("is nested too deeply") from None
            except ValueError:
                raise UnusableValue("holds a number that is too long") from None
            else:
                if end < len(self._text) or self._ended or self._text[end - 1] in '}]"':
                    self._at = end
                    return value
            if len(self._text) - self._at > self.largest:
                raise UnusableValue(f"is larger than {max(1, self.largest // (1024 * 1024))} MB")
            size = max(_CHUNK, min(len(self._text) - self._at, 4 * _CHUNK))
            if not self.fill(size):
                raise Truncated

    def head(self) -> str:
        """The first characters of what comes next, to name it by."""
        return self._text[self._at : self._at + 4000]

    def step_over(self) -> None:
        """Go past the value that begins here without decoding or keeping it."""
        depth, inside = 0, False
        while True:
            if inside:
                match = _STRING_REST.match(self._text, self._at)
                self._at = match.end() if match else self._at
                if self._at < len(self._text) and self._text[self._at] == '"':
                    inside = False
                    self._at += 1
                    if depth == 0:
                        return
                    continue
            else:
                found = _STRUCTURE.search(self._text, self._at)
                if found:
                    self._at = found.end()
                    sign = found.group()
                    inside = sign == '"'
                    depth += (sign in "{[") - (sign in "}]")
                    if depth == 0 and not inside:
                        return
                    continue
                self._at = len(self._text)
            if not self.fill():
                raise Truncated

    def wrong(self, problem: str, position: int | None = None) -> HarError:
        """The error for a place where the JSON is broken."""
        place = self._passed + (self._at if position is None else position)
        hint = "save the HAR again from the browser's network panel"
        return HarError(f"{self.name}: not JSON at character {place}: {problem}\n  try: {hint}")
