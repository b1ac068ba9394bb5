"""The registry of secret values, and the search for them in any text.

A value that was seen once in a field for secrets is looked for everywhere afterwards: raw, percent-encoded any number of times, escaped
for JSON or HTML however deeply, as base64, base64url or hexadecimal digits, also of each other and of UTF-16; in other case, broken over
lines, split by tags or by characters that nobody sees.

The search is linear in the text. It looks at four views of it: as it is; decoded, where one pass undoes all nested escapes of a place at
once; its skeleton, which has no case, blanks, tags and invisible characters; and what its base64 and hexadecimal runs hold. Each view knows
where its characters came from, so what is found in it is cut out of the text itself.

Literals are found in two steps. Text is cut into windows of eight bytes; a value of fifteen or more holds at least one whole window
wherever it begins, so only values with a window in common with the text are compared at all. Windows are read as whole numbers, which costs
a millisecond for 100 kB however many secrets there are. Shorter values go by windows of four bytes, and the few of six bytes are simply
looked for. Where many are left they are looked for at once, by an automaton.
"""

from __future__ import annotations

import base64
import re
import sys
import threading
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from html.entities import html5
from typing import Final, NamedTuple
from urllib.parse import quote, quote_plus

from smartlaunch.evidence.vocabulary import RESERVED_WORDS

SHORTEST_SEARCHED: Final = 6
"""Shorter values are hidden in their own field only: a PIN of four digits would be found in every other time stamp."""

_SHORTEST_BY_KIND: Final = {"cookie": 12, "form_value": 12, "opaque_value": 16}
_PLAIN_KINDS: Final = frozenset({"person_name"})
"""Kinds that stand in text only: they are many, and nobody sends them as base64."""

_SHORTEST_BARE: Final = 10
"""Shorter values are not looked for in other case or between tags: words would be taken for them."""

_WEAK = re.compile(r"[A-Za-z]{6,7}|[a-z0-9]{6,7}|[0-9]{6,11}")
_LONGEST_ENCODED: Final = 65_536
_LONGEST_TAIL: Final = 4_096
_LAYERS: Final = 6
_NESTED: Final = 3
_MANY: Final = 24
PLACEHOLDER = re.compile(r"<[a-z_]{3,30} [0-9]{1,6}(?: length [0-9]{1,7})?>")
_BASE64: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-")
_ENTITIES: Final = {name[:-1]: char for name, char in html5.items() if name.endswith(";") and len(char) == 1}
_ESCAPE = re.compile(
    r"(?P<percent>(?:%(?:25)*[0-9A-Fa-f]{2})+)"
    r"|&(?P<nested>(?:amp;)*)(?:\#(?P<dec>[0-9]{1,7})|\#[xX](?P<hex>[0-9A-Fa-f]{1,6})|(?P<name>[A-Za-z][A-Za-z0-9]{1,31}));?"
    r"|(?P<slash>\\+)(?:u(?P<high>[dD][89abAB][0-9A-Fa-f]{2})\\+u(?P<low>[dD][c-fC-F][0-9A-Fa-f]{2})|u(?P<unit>[0-9A-Fa-f]{4})"
    r"|x(?P<octet>[0-9A-Fa-f]{2})|(?P<sign>[\"'/])|(?P<line>[nrtbf]))?"
)
_PERCENT = re.compile(r"%(?:25)*([0-9A-Fa-f]{2})")
_UNSEEN: Final = "\0\u00ad\u034f\u115f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff\ufffd"
_TAG = re.compile("<[^<>]{0,200}>")
_INVISIBLE = re.compile(f"[{_UNSEEN}]+")
_NO_SIGN = re.compile(rf"(?:<[^<>]{{0,200}}>|[\s{_UNSEEN}]+)+")
_BETWEEN: Final = "\n<>\n"
"""Stands between texts that are looked through together: no escape, run or tag goes over it."""
_RUN = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_HEXADECIMAL = re.compile(r"(?:[0-9a-f]{2})+|(?:[0-9A-F]{2})+")
_URLSAFE: Final = str.maketrans("-_", "+/")
_TO_URLSAFE: Final = str.maketrans("+/", "-_")
_LOWER: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


class Span(NamedTuple):
    """Where a secret stands in a text, and what is to stand there instead."""

    start: int
    end: int
    placeholder: str


class _Form(NamedTuple):
    """One way to write a secret."""

    placeholder: str
    before: bool = False
    """Whether the base64 character in front also holds bits of it."""
    after: bool = False
    alone: bool = False
    """Whether it counts only by itself: a secret that is a word is a part of many names, such as `client` of `client_id`."""


class _Forms:
    """Literals that are looked for together."""

    def __init__(self) -> None:
        self.known: dict[str, _Form] = {}
        self._long: dict[int, list[str]] = defaultdict(list)
        self._short: dict[int, list[str]] = defaultdict(list)
        self._shortest: list[str] = []

    def add(self, text: str, form: _Form) -> None:
        """Look for a text too; what is known keeps its placeholder."""
        if text in self.known:
            return
        self.known[text] = form
        raw = text.encode("utf-8", "surrogatepass")
        if len(raw) < 7:
            self._shortest.append(text)
            return
        size, index = (8, self._long) if len(raw) >= 15 else (4, self._short)
        window = raw[-(2 * size - 1) :]
        for at in range(size):
            index[int.from_bytes(window[at : at + size], sys.byteorder)].append(text)

    def spans(self, text: str) -> list[Span]:
        """Every place where one of them stands."""
        found = self._candidates(text)
        return [span for start, form in _places(text, found) if (span := self._span(text, start, form)) is not None] if found else []

    def _candidates(self, text: str) -> list[str]:
        candidates = set(self._shortest)
        raw = memoryview(text.encode("utf-8", "surrogatepass"))
        if self._long:
            for gram in set(filter(self._long.__contains__, raw[: len(raw) // 8 * 8].cast("Q"))):
                candidates.update(self._long[gram])
        if self._short:
            for gram in set(filter(self._short.__contains__, raw[: len(raw) // 4 * 4].cast("I"))):
                candidates.update(self._short[gram])
        return sorted(candidates)

    def _span(self, text: str, start: int, literal: str) -> Span | None:
        form, end = self.known[literal], start + len(literal)
        before, after = text[start - 1 : start], text[end : end + 1]
        if form.alone and (_is_word(before) or _is_word(after)):
            return None
        if form.before and before in _BASE64:
            start -= 1
        if form.after and after in _BASE64:
            end += 1
        return Span(start, end, form.placeholder)


def _places(text: str, literals: list[str]) -> Iterator[tuple[int, str]]:
    """Where each literal begins: one by one where they are few, all at once where they are many."""
    if len(literals) > _MANY:
        from ahocorasick_rs import AhoCorasick

        for number, start, _ in AhoCorasick(literals, store_patterns=False).find_matches_as_indexes(
            text.encode("utf-8", "replace").decode(), overlapping=True
        ):
            yield start, literals[number]
        return
    for literal in literals:
        at = text.find(literal)
        while at >= 0:
            yield at, literal
            at = text.find(literal, at + len(literal))


def _is_word(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char in ("_", "-"))


class _View:
    """A text made from another, which knows where each of its characters was: ``marks`` are (place here, place there, step)."""

    def __init__(self, text: str, marks: list[tuple[int, int, int]]) -> None:
        self.text, self._marks = text, marks
        self._starts = [mark[0] for mark in marks]

    def back(self, spans: list[Span]) -> list[Span]:
        """The same places in the text that this was made from."""
        return [Span(self._there(start), self._there(end - 1, after=True), placeholder) for start, end, placeholder in spans]

    def _there(self, here: int, *, after: bool = False) -> int:
        number = bisect_right(self._starts, here) - 1
        start, there, step = self._marks[number]
        last = number + 1 == len(self._marks) or self._marks[number + 1][0] > here + 1
        if after and not last:
            return self._marks[number + 1][1]
        return there + (here - start + after) * step


class SecretRegistry:
    """Knows every secret of a run and hides each behind the same placeholder wherever it stands."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._placeholders: dict[str, str] = {}
        self._public: set[str] = set()
        self._counts: dict[str, int] = defaultdict(int)
        self._exact = _Forms()
        self._bare = _Forms()

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
            if _is_searched(kind, value) and not any(value in public for public in self._public):
                self._index(kind, value, placeholder)
                if kind == "private_key":
                    for line in value.splitlines():
                        if len(line.strip()) >= 16 and "-----" not in line:
                            self._exact.add(line.strip(), _Form(placeholder))
            return placeholder

    def publish(self, values: Iterable[str]) -> None:
        """Name values that are no secret, before any is learnt: what is part of one of them is hidden in its own field only."""
        self._public.update(value for value in values if value)

    def placeholder(self, value: str) -> str | None:
        """The placeholder of a known value, else None."""
        return self._placeholders.get(value)

    @property
    def searched(self) -> list[str]:
        """The encoded forms that are looked for; tests and the ticket's last check read them."""
        return list(self._exact.known)

    def scrub(self, text: str) -> str:
        """Replace every known secret in a text, in whatever encoding it stands there."""
        if not text or not self._exact.known:
            return text
        with self._lock:
            spans = self._spans(text, _NESTED)
        return _without(text, spans) if spans else text

    def suspect(self, texts: Iterable[str], *, plainly: bool = False) -> set[str]:
        """Those of the texts in which a secret may stand: one look at all costs far less than a look at each.

        ``plainly`` looks for what stands there as it is or in escapes, which is quick enough for all that a run has written.
        """
        each = [text for text in dict.fromkeys(texts) if len(text) >= SHORTEST_SEARCHED]
        starts: list[int] = []
        length = 0
        for text in each:
            starts.append(length)
            length += len(text) + len(_BETWEEN)
        whole = _BETWEEN.join(each)
        with self._lock:
            spans = self._spans(whole, 0 if plainly else _NESTED, bare=not plainly) if self._exact.known else []
        if plainly:
            spans = _outside_placeholders(whole, spans)
        return {
            each[at]
            for span in spans
            for at in range(bisect_right(starts, span.start) - 1, bisect_right(starts, max(span.start, span.end - 1)))
        }

    def leaks(self, text: str) -> list[str]:
        """The placeholders of secrets that stand in a text; empty when it is clean."""
        with self._lock:
            return sorted({span.placeholder for span in _outside_placeholders(text, self._spans(text, _NESTED))})

    def stands_plainly_in(self, text: str) -> bool:
        """Whether a secret stands in a text as it is, in base64 or in hexadecimal digits; the quickest of all looks."""
        with self._lock:
            return bool(_outside_placeholders(text, self._exact.spans(text)))

    def cut_tail(self, text: str) -> str:
        """Hide the beginning of a known secret at the very end of a text that was cut off there."""
        with self._lock:
            for value, placeholder in self._placeholders.items():
                if len(value) < SHORTEST_SEARCHED:
                    continue
                tail = text[-min(len(value), _LONGEST_TAIL) :]
                at = tail.find(value[:4])
                while at >= 0:
                    if value.startswith(tail[at:]):
                        return text[: len(text) - len(tail) + at] + placeholder
                    at = tail.find(value[:4], at + 1)
        return text

    def _index(self, kind: str, value: str, placeholder: str) -> None:
        weak = _WEAK.fullmatch(value) is not None
        self._exact.add(value, _Form(placeholder, alone=weak))
        plain = _decoded(value).text
        for written in {plain, value.replace(" ", "+"), plain.replace(" ", "+")}:
            if len(written) >= SHORTEST_SEARCHED:
                self._exact.add(written, _Form(placeholder, alone=weak))
        if len(value) > _LONGEST_ENCODED or kind in _PLAIN_KINDS:
            return
        bare = not weak and len(value) >= _SHORTEST_BARE and not value.isalpha()
        for written in {value, quote(value, safe=""), quote_plus(value)}:
            raw = written.encode("utf-8", "surrogatepass")
            for shift in range(3):
                encoded = base64.b64encode(b"\0" * shift + raw).decode()
                first, last = -(-8 * shift // 6), 8 * (shift + len(raw)) // 6
                core = encoded[first:last]
                form = _Form(placeholder, before=shift > 0, after=(shift + len(raw)) % 3 > 0)
                for each in {core, core.translate(_TO_URLSAFE)}:
                    if len(each) >= SHORTEST_SEARCHED:
                        self._exact.add(each, form)
                        if bare and len(each) >= 16:
                            self._bare.add(each.translate(_LOWER), form)
            self._exact.add(raw.hex(), _Form(placeholder))
            self._exact.add(raw.hex().upper(), _Form(placeholder))
        skeleton = _bared(plain)
        if bare and len(skeleton) >= _SHORTEST_BARE:
            self._bare.add(skeleton, _Form(placeholder))

    def _spans(self, text: str, depth: int, *, bare: bool = True) -> list[Span]:
        """Every place of the text where a secret stands, in whatever form."""
        spans = self._exact.spans(text)
        views: list[_View] = []
        for _ in range(_LAYERS):
            view = _decoded(views[-1].text if views else text)
            if view.text == (views[-1].text if views else text):
                break
            views.append(view)
            spans += _all_back(self._exact.spans(view.text), views)
        last = views[-1].text if views else text
        if bare and self._bare.known:
            found = self._bare.spans(_bared(last))
            if found:
                spans += _all_back(_skeleton(last).back(found), views)
        if depth:
            spans += _all_back(self._inside(last, depth), views)
        return spans

    def _inside(self, text: str, depth: int) -> list[Span]:
        """The base64 and hexadecimal runs that hold a secret, each as a whole."""
        runs: list[tuple[int, int]] = []
        starts: list[int] = []
        parts: list[str] = []
        length = 0
        for match in _RUN.finditer(text):
            for held in _held(match.group()):
                runs.append(match.span())
                starts.append(length)
                parts.append(held)
                length += len(held) + 1
        if not parts:
            return []
        found = self._spans("\n".join(parts), depth - 1)
        return [Span(*runs[bisect_right(starts, span.start) - 1], span.placeholder) for span in found]


def _all_back(spans: list[Span], views: list[_View]) -> list[Span]:
    for view in reversed(views if spans else []):
        spans = view.back(spans)
    return spans


def _without(text: str, spans: list[Span]) -> str:
    """The text with the spans replaced; spans that overlap go as one, under the name of the longest."""
    parts: list[str] = []
    at = 0
    for start, end, placeholder in _joined(_outside_placeholders(text, spans)):
        parts += [text[at:start], placeholder]
        at = end
    return "".join([*parts, text[at:]])


def _joined(spans: list[Span]) -> list[Span]:
    joined: list[Span] = []
    longest = 0
    for span in sorted(spans, key=lambda each: (each.start, -each.end, each.placeholder)):
        if joined and span.start < joined[-1].end:
            start, end, placeholder = joined[-1]
            if span.end - span.start > longest:
                longest, placeholder = span.end - span.start, span.placeholder
            joined[-1] = Span(start, max(end, span.end), placeholder)
        else:
            joined.append(span)
            longest = span.end - span.start
    return joined


def _outside_placeholders(text: str, spans: list[Span]) -> list[Span]:
    """Only what does not lie inside a placeholder that stands there already."""
    if not spans or "<" not in text:
        return spans
    own = [match.span() for match in PLACEHOLDER.finditer(text)]
    starts = [start for start, _ in own]

    def inside(span: Span) -> bool:
        number = bisect_right(starts, span.start) - 1
        return number >= 0 and span.end <= own[number][1]

    return [span for span in spans if not inside(span)]


def _decoded(text: str) -> _View:
    """The text with the percent, HTML and backslash escapes of each place undone, all that are nested at once."""
    if "%" not in text and "&" not in text and "\\" not in text:
        return _View(text, [(0, 0, 1)])
    parts: list[str] = []
    marks: list[tuple[int, int, int]] = [(0, 0, 1)]
    at = here = 0
    for match in _ESCAPE.finditer(text):
        start, end = match.span()
        run = match.group("percent")
        char = None if run is not None else _char(match)
        if run is None and char is None:
            if not match.group("nested"):
                continue
            char, end = "&", match.end("nested")  # what follows is no entity
        parts.append(text[at:start])
        here += start - at
        if run is not None:
            here = _add_octets(run, start, here, parts, marks)
        else:
            assert char is not None
            parts.append(char)
            marks.append((here, start, end - start))
            here += len(char)
        marks.append((here, end, 1))
        at = end
    parts.append(text[at:])
    return _View("".join(parts), marks)


def _add_octets(run: str, start: int, here: int, parts: list[str], marks: list[tuple[int, int, int]]) -> int:
    """Write what a run of percent escapes stands for; the place after it."""
    if "%25" not in run:
        octets = bytes.fromhex(run.replace("%", ""))
        if octets.isascii():
            parts.append(octets.decode())
            marks.append((here, start, 3))
            return here + len(octets)
    places = [(match.start(), match.group(1)) for match in _PERCENT.finditer(run)]
    octets = bytes.fromhex("".join(digits for _, digits in places))
    decoded = octets.decode("utf-8", "surrogateescape")
    parts.append(decoded)
    number = 0
    for char in decoded:
        marks.append((here, start + places[number][0], 1))
        number += len(char.encode("utf-8", "surrogateescape"))
        here += 1
    return here


def _char(match: re.Match[str]) -> str | None:
    """What an escape stands for, None where it is none."""
    if (name := match.group("name")) is not None:
        return _ENTITIES.get(name)
    if match.group("slash") is None:
        code = int(match.group("dec")) if match.group("dec") else int(match.group("hex"), 16)
        return chr(code) if code <= sys.maxunicode else None
    if match.group("high"):
        return chr(0x10000 + ((int(match.group("high"), 16) & 0x3FF) << 10) + (int(match.group("low"), 16) & 0x3FF))
    digits = match.group("unit") or match.group("octet")
    if digits:
        return chr(int(digits, 16))
    if match.group("line"):
        return "\n"
    return match.group("sign") or ""  # how many there are depends on how often a text was quoted, so they do not count


def _bared(text: str) -> str:
    """The skeleton of a text: without tags, blanks, case and what nobody sees."""
    if "<" in text:
        text = _TAG.sub("", text)
    if not text.isascii() or "\0" in text:
        return "".join(_INVISIBLE.sub("", text).split()).translate(_LOWER)
    return "".join(text.split()).lower()


def _skeleton(text: str) -> _View:
    """The same, with the places that its characters came from."""
    marks = [(0, 0, 1)]
    at = here = 0
    for match in _NO_SIGN.finditer(text):
        here += match.start() - at
        at = match.end()
        marks.append((here, at, 1))
    return _View(_bared(text), marks)


def _held(run: str) -> list[str]:
    """What a run of base64 or hexadecimal digits may hold, as text; UTF-16 reads like its letters once its zeros are gone."""
    raws = [bytes.fromhex(run)] if _HEXADECIMAL.fullmatch(run) else []
    bare = run.rstrip("=").translate(_URLSAFE)
    raws.append(base64.b64decode(bare[: len(bare) - (len(bare) % 4 == 1)] + "=" * (-len(bare) % 4 % 3)))
    return [raw.replace(b"\0", b"").decode("utf-8", "replace") for raw in raws]


def _is_searched(kind: str, value: str) -> bool:
    if len(value) < _SHORTEST_BY_KIND.get(kind, SHORTEST_SEARCHED) or value in RESERVED_WORDS or not any(c.isalnum() for c in value):
        return False
    return not (kind in _SHORTEST_BY_KIND and value.isalpha() and value.islower())
