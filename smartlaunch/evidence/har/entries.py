"""The entries of a HAR as they stand in the file, in bounded memory; what is over the limit is named and stepped over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from smartlaunch.evidence.har.members import object_of, text_of
from smartlaunch.evidence.har.window import HarError, Truncated, UnusableValue, Window

LARGEST_ENTRY: Final = 16 * 1024 * 1024
_VERSIONS: Final = ("", "1.1", "1.2", "1.3")
_NAMED = re.compile(r"\"(method|url)\"\s*:\s*\"([^\"\\?#]{1,200})")


@dataclass
class HarReport:
    """What a reader should know of a HAR beside its exchanges: what was left out and what looked odd, one sentence each."""

    entries: int = 0
    creator: str = ""
    version: str = ""
    skipped: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def warn(self, sentence: str) -> None:
        """Note something once, however often it happens."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)


def read_entries(path: Path, report: HarReport, *, largest_entry: int = LARGEST_ENTRY) -> Iterator[tuple[int, dict[str, Any]]]:
    """The entries of a HAR as they stand in the file, with their number from 1, in bounded memory."""
    try:
        file = path.open("rb")
    except OSError as exc:
        raise HarError(f"{path}: cannot be opened ({exc.strerror or type(exc).__name__})") from exc
    with file:
        stream = Window(file, path.name, largest_entry)
        yield from _walk(stream, report)


def _walk(stream: Window, report: HarReport) -> Iterator[tuple[int, dict[str, Any]]]:
    name, seen, found = stream.name, 0, False
    first = stream.peek()
    if not first:
        raise HarError(f"{name}: the file is empty")
    if first != "{":
        raise HarError(f"{name}: not a HAR, it begins with {stream.head()[:20]!r}; a HAR is a JSON object with the member log")
    try:
        for outer in _members(stream):
            if outer != "log":
                _pass(stream, report, f"member {outer[:40]}")
                continue
            if stream.peek() != "{":
                raise HarError(f"{name}: not a HAR, its member log is no object")
            for member in _members(stream):
                if member == "entries":
                    if stream.peek() != "[":
                        raise HarError(f"{name}: not a HAR, log.entries is no array")
                    found = True
                    for number, item in _elements(stream, report):
                        seen = number
                        if item is not None:
                            yield number, item
                elif member in ("version", "creator"):
                    _describe(member, stream, report)
                else:
                    _pass(stream, report, f"log.{member[:40]}")
    except Truncated:
        if not report.entries:
            raise HarError(f"{name}: the file is cut off before the first whole entry; save the HAR again") from None
        report.warn(f"the file is cut off after entry {seen}; what follows is missing")
        return
    if not found:
        raise HarError(f"{name}: JSON, but not a HAR: there is no log.entries")


def _members(stream: Window) -> Iterator[str]:
    """The names of an object's members; whoever asks has to consume each value."""
    stream.take("{")
    if stream.peek() == "}":
        stream.take("}")
        return
    while True:
        if stream.peek() != '"':
            stream.take('"')
        key = stream.value()
        stream.take(":")
        yield key
        if stream.peek() == "}":
            stream.take("}")
            return
        stream.take(",")


def _elements(stream: Window, report: HarReport) -> Iterator[tuple[int, dict[str, Any] | None]]:
    stream.take("[")
    if stream.peek() == "]":
        stream.take("]")
        return
    number = 0
    while True:
        number += 1
        try:
            item = stream.value()
        except UnusableValue as exc:
            name = _name_of(stream.head())
            stream.step_over()
            report.skipped.append(f"entry {number}{name} {exc}")
            item = None
        else:
            if isinstance(item, dict):
                report.entries += 1
            else:
                report.skipped.append(f"entry {number} is no object")
                item = None
        yield number, item
        if stream.peek() == "]":
            stream.take("]")
            return
        stream.take(",")


def _describe(member: str, stream: Window, report: HarReport) -> None:
    value = stream.value()
    if member == "creator":
        creator = object_of(value)
        report.creator = f"{text_of(creator.get('name'))} {text_of(creator.get('version'))}".strip()[:80]
        return
    report.version = text_of(value) if isinstance(value, str) else str(value)
    if report.version not in _VERSIONS:
        if report.entries:
            report.warn(f"the file says HAR version {report.version[:20]!r}; it was read as 1.2")
            return
        raise HarError(f"{stream.name}: HAR version {report.version[:20]!r} is not read; versions 1.1 to 1.3 are")


def _pass(stream: Window, report: HarReport, what: str) -> None:
    try:
        stream.value()
    except UnusableValue as exc:
        stream.step_over()
        report.warn(f"{what} {exc} and was left out")


def _name_of(head: str) -> str:
    found: dict[str, str] = {}
    for match in _NAMED.finditer(head):
        found.setdefault(match.group(1), match.group(2))
    words = " ".join(found[part] for part in ("method", "url") if part in found)
    return f" ({words})" if words else ""
