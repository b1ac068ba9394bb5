"""What client libraries say, whole sentences of each library as data (``libraries/``).

A phrase of the vendor files is a guess at how people and servers word a thing; a sentence of a library is known in full, so it means
one thing whoever pastes it. Where one is found, no guess is made about the same words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from smartlaunch.diagnosis import data

OWNER = "library:"
"""How the owner of a sentence begins, where the owners of phrases are vendors."""
_SERVERS = "servers.toml"
_GAP = ".{0,160}?"
_QUOTES = "[\\\\\"'`\u2018\u2019\u201c\u201d]"
_QUOTE_MARKS = re.compile(_QUOTES)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a library and what it means; ``key`` is the part that a text has to hold before it is looked at closely."""

    says: str
    library: str
    key: str
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Library:
    """A library by name, with the place where its sentences stand; what a toolkit of servers says comes in an answer."""

    id: str
    name: str
    source: str
    sentences: tuple[Sentence, ...]
    answers: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A sentence of a library in a text: what it means, the words, whose it is, and where it stands."""

    says: str
    words: str
    library: str
    start: int
    end: int


@cache
def libraries() -> dict[str, Library]:
    """Every library by id."""
    found: dict[str, Library] = {}
    for name, file in data.read_all("libraries"):
        for row in file["library"]:
            sentences = tuple(_sentence(says, row["id"], text) for says, texts in row["says"].items() for text in texts)
            found[row["id"]] = Library(row["id"], row["name"], row["source"], sentences, name == _SERVERS)
    return found


def speaker_of(owner: str) -> str:
    """Who says a sentence of a library: the library itself, or an answer, for other servers may use the words of a toolkit too."""
    if not owner.startswith(OWNER):
        return ""
    known = libraries()[owner.removeprefix(OWNER)]
    return f"an answer in the words of {known.name}" if known.answers else known.name


@lru_cache(maxsize=4096)
def said_in(text: str) -> tuple[Found, ...]:
    """The sentences of libraries in a text; of two at the same place the longer one counts."""
    spelt = _spelt(text)
    all_of_it = [each for known in libraries().values() for each in known.sentences if each.key in spelt]
    hits = [_found(each, hit) for each in all_of_it if (hit := each.pattern.search(text)) is not None]
    return tuple(hit for hit in hits if not any(_inside(hit, other) for other in hits))


def covered(start: int, end: int, found: tuple[Found, ...]) -> bool:
    """Whether a place in a text belongs to a sentence that is known in full."""
    return any(start < each.end and each.start < end for each in found)


def _found(sentence: Sentence, hit: re.Match[str]) -> Found:
    return Found(sentence.says, " ".join(hit.group().split())[:160], OWNER + sentence.library, *hit.span())


def _inside(hit: Found, other: Found) -> bool:
    longer = other.end - other.start > hit.end - hit.start
    return longer and other.start <= hit.start and hit.end <= other.end


def _sentence(says: str, library: str, text: str) -> Sentence:
    pieces = [piece.strip() for piece in text.split("{}")]
    whole = _GAP.join(_piece(piece) for piece in pieces if piece)
    before = r"(?<!\w)" if pieces[0][:1].isalnum() else ""
    after = r"(?!\w)" if pieces[-1][-1:].isalnum() else ""
    return Sentence(
        says, library, max((_spelt(piece) for piece in pieces), key=len), re.compile(before + whole + after, re.IGNORECASE | re.DOTALL)
    )


def _piece(text: str) -> str:
    """A literal part: however its blanks, quotation marks and line ends were changed on the way to the text."""
    return "".join(_letters(text))


def _letters(text: str) -> Iterator[str]:
    for part in re.split(r"(\s+|" + _QUOTES + "+)", text):
        if not part:
            continue
        yield r"\s+" if part.isspace() else _QUOTES + "{0,3}" if _QUOTE_MARKS.match(part) else re.escape(part)


def _spelt(text: str) -> str:
    """A text in small letters without quotation marks, its blanks made equal: cheap to search."""
    return " ".join(_QUOTE_MARKS.sub("", text).lower().split())
