"""What a page says and what stands in it, read in time that grows with the page alone, however broken it is.

The parser of libxml2 calls its reader tag by tag and builds nothing. Patterns over raw markup look for an end that never comes, again from
each beginning; parsers that build a tree walk up it for each new tag.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from lxml import etree

_UNREADABLE: Final = re.compile("[\ud800-\udfff]")
_UNSAID: Final = frozenset({"script", "style"})


class Reader(Protocol):
    """What is called with the parts of a page, in their order."""

    def start(self, tag: str, attributes: Mapping[str, str], /) -> None:
        """Take the beginning of an element."""

    def end(self, tag: str, /) -> None:
        """Take its end, which the page may have left out."""

    def data(self, data: str, /) -> None:
        """Take a piece of text with its entities undone; a script's text too."""

    def comment(self, text: str, /) -> None:
        """Take a comment."""

    def close(self) -> None:
        """Take the end of the page."""


class Element(NamedTuple):
    """An element as it was opened."""

    tag: str
    attributes: Mapping[str, str]


def read(page: str, reader: Reader) -> None:
    """Put a page to its reader; whatever is no page is text."""
    parser = etree.HTMLParser(target=reader, huge_tree=True, encoding="utf-8")
    try:
        parser.feed(_UNREADABLE.sub("\ufffd", page).encode())
        parser.close()
    except etree.LxmlError:  # nothing in it that a page has
        reader.close()


def words(page: str, *, unsaid: frozenset[str] = _UNSAID) -> str:
    """The words of a page in one line, without those inside elements that nobody reads."""
    reader = _Words(unsaid)
    read(page, reader)
    return " ".join("".join(reader.said).split())


def elements(page: str) -> list[Element]:
    """Every element of a page, in order, with names of tags and attributes in lower case."""
    reader = _Elements()
    read(page, reader)
    return reader.found


class _Words:
    def __init__(self, unsaid: frozenset[str]) -> None:
        self.said: list[str] = []
        self._unsaid, self._inside = unsaid, 0

    def start(self, tag: str, _attributes: Mapping[str, str]) -> None:
        self._inside += tag in self._unsaid
        self.said.append(" ")

    def end(self, tag: str) -> None:
        self._inside -= tag in self._unsaid
        self.said.append(" ")

    def data(self, data: str) -> None:
        if not self._inside:
            self.said.append(data)

    def comment(self, _text: str) -> None:
        return

    def close(self) -> None:
        return


class _Elements(_Words):
    def __init__(self) -> None:
        super().__init__(_UNSAID)
        self.found: list[Element] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.found.append(Element(tag, {name: value or "" for name, value in attributes.items()}))
