"""Lays out text for a terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from pathlib import Path

_NARROW, _WIDE, _INDENT = 60, 140, 2


def width() -> int:
    """Return the width to write in."""
    return max(_NARROW, min(_WIDE, shutil.get_terminal_size((100, 24)).columns))


def table(rows: Sequence[tuple[str, str]]) -> None:
    """Print names with their sentences: beside each other where there is room, else below."""
    longest = max((len(name) for name, _ in rows), default=0)
    room = width() - longest - _INDENT
    for name, sentence in rows:
        if room >= width() // 2:
            lines = textwrap.wrap(sentence, room) or [""]
            print(f"{name:<{longest}}{' ' * _INDENT}{lines[0]}".rstrip())
            for line in lines[1:]:
                print(f"{'':<{longest + _INDENT}}{line}")
        else:
            print(name)
            paragraph(sentence, indent=4)


def paragraph(text: str, *, indent: int = 0) -> None:
    """Print wrapped text."""
    print(textwrap.fill(text, width(), initial_indent=" " * indent, subsequent_indent=" " * indent, break_on_hyphens=False))


def field(name: str, text: str) -> None:
    """Print one line of a record, wrapped under its own name."""
    if text:
        print(
            textwrap.fill(
                text,
                width(),
                initial_indent=f"{name + ':':<14}",
                subsequent_indent=" " * 14,
                break_on_hyphens=False,
                break_long_words=False,
            )
        )


def shown(path: Path) -> str:
    """Return a path as a person would type it from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
