"""On which line of a TOML text each key stands.

``tomllib`` gives values without places, and a message about a target file has to name the line.  The scanner is only run on
text that ``tomllib`` has accepted, so it need not know what is wrong, only where things are.
"""

from __future__ import annotations

Path = tuple[str | int, ...]
_BARE_END = ",]}#\n"
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\", "e": "\x1b"}
_HEX = {"x": 2, "u": 4, "U": 8}


class LineIndex:
    """The lines of a TOML text by path; list items and arrays of tables count from 0."""

    def __init__(self, text: str) -> None:
        """Read the text once; it must be valid TOML."""
        self._lines: dict[Path, int] = {}
        _Scanner(text, self._lines).run()

    def line(self, path: Path) -> int | None:
        """Return the 1-based line of a key, or of its nearest parent when the key itself is not written."""
        while path:
            if path in self._lines:
                return self._lines[path]
            path = path[:-1]
        return None


class _Scanner:
    """One pass over the text; ``pos`` is where it stands and ``line`` the line of ``pos``."""

    def __init__(self, text: str, lines: dict[Path, int]) -> None:
        self.text, self.lines = text.replace("\r\n", "\n"), lines
        self.pos, self.row = 0, 1
        self.arrays: dict[Path, int] = {}

    def run(self) -> None:
        table: Path = ()
        while self._skip_blank():
            row = self.row
            if self.text.startswith("[[", self.pos):
                self._advance(2)
                written = self._key()
                self._advance(2)
                base = self._resolve(written[:-1])
                self.arrays[(*base, written[-1])] = self.arrays.get((*base, written[-1]), -1) + 1
                self.lines.setdefault((*base, written[-1]), row)
                table = (*base, written[-1], self.arrays[(*base, written[-1])])
                self._note(table, row)
            elif self.text[self.pos] == "[":
                self._advance(1)
                table = self._resolve(self._key())
                self._advance(1)
                self._note(table, row, header=True)
            else:
                self._pair(table)

    def _resolve(self, written: Path) -> Path:
        """Turn a header's path into a real one: a name that is an array of tables means its last table."""
        real: Path = ()
        for part in written:
            real = (*real, part)
            if real in self.arrays:
                real = (*real, self.arrays[real])
        return real

    def _note(self, path: Path, row: int, *, header: bool = False) -> None:
        """Remember the line of a path and of the parents that are not written yet; a table's own header wins."""
        for end in range(1, len(path)):
            self.lines.setdefault(path[:end], row)
        if header:
            self.lines[path] = row
        else:
            self.lines.setdefault(path, row)

    def _pair(self, table: Path) -> None:
        row = self.row
        path = (*table, *self._key())
        self._note(path, row)
        self._advance(1)  # the equals sign
        self._value(path)

    def _key(self) -> Path:
        parts: list[str] = []
        while True:
            self._skip_space()
            char = self.text[self.pos]
            if char in "\"'":
                parts.append(self._string())
            else:
                start = self.pos
                while self.pos < len(self.text) and (self.text[self.pos].isalnum() or self.text[self.pos] in "-_"):
                    self.pos += 1
                parts.append(self.text[start : self.pos])
            self._skip_space()
            if self.pos >= len(self.text) or self.text[self.pos] != ".":
                return tuple(parts)
            self._advance(1)

    def _value(self, path: Path) -> None:
        self._skip_blank()
        char = self.text[self.pos]
        if char in "\"'":
            self._string()
        elif char == "[":
            self._advance(1)
            number = 0
            while self._skip_blank() and self.text[self.pos] != "]":
                self._note((*path, number), self.row)
                self._value((*path, number))
                self._comma()
                number += 1
            self._advance(1)
        elif char == "{":
            self._advance(1)
            while self._skip_blank() and self.text[self.pos] != "}":
                self._pair(path)
                self._comma()
            self._advance(1)
        else:
            while self.pos < len(self.text) and self.text[self.pos] not in _BARE_END:
                self.pos += 1

    def _comma(self) -> None:
        if self._skip_blank() and self.text[self.pos] == ",":
            self._advance(1)

    def _string(self) -> str:
        quote = self.text[self.pos]
        if self.text.startswith(quote * 3, self.pos):
            return self._long_string(quote)
        self._advance(1)
        out: list[str] = []
        while self.text[self.pos] != quote:
            if self.text[self.pos] == "\\" and quote == '"':
                out.append(self._escape())
            else:
                out.append(self.text[self.pos])
                self._advance(1)
        self._advance(1)
        return "".join(out)

    def _escape(self) -> str:
        mark = self.text[self.pos + 1]
        self._advance(2)
        if mark in _HEX:
            digits = self.text[self.pos : self.pos + _HEX[mark]]
            self._advance(len(digits))
            return chr(int(digits, 16))
        return _ESCAPES.get(mark, mark)

    def _long_string(self, quote: str) -> str:
        """Step over a string in triple quotes, which is never a key; up to two quotes may stand before its end."""
        self._advance(3)
        while not self.text.startswith(quote * 3, self.pos):
            self._advance(2 if quote == '"' and self.text[self.pos] == "\\" else 1)
        while self.text.startswith(quote, self.pos):
            self._advance(1)
        return ""

    def _advance(self, count: int) -> None:
        self.row += self.text.count("\n", self.pos, self.pos + count)
        self.pos += count

    def _skip_space(self) -> None:
        while self.pos < len(self.text) and self.text[self.pos] in " \t":
            self.pos += 1

    def _skip_blank(self) -> bool:
        """Step over blanks, line ends and comments; say whether anything is left."""
        while self.pos < len(self.text):
            char = self.text[self.pos]
            if char in " \t\r\n":
                self._advance(1)
            elif char == "#":
                end = self.text.find("\n", self.pos)
                self.pos = len(self.text) if end < 0 else end
            else:
                return True
        return False
