"""What is wrong with a target file, in the words and lines of the file, all of it at once."""

from __future__ import annotations

from dataclasses import dataclass

from smartlaunch.errors import TargetFileError
from smartlaunch.target.lines import LineIndex

Place = tuple[str | int, ...]
"""A place in a target file, as the keys that lead to it."""
_SHOWN_PROBLEMS = 12


@dataclass(frozen=True)
class _Problem:
    line: int | None
    text: str
    hint: str = ""


class Problems:
    """Collects what is wrong with one file, and what is worth a warning, before anything is raised."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.lines = LineIndex("")
        self.warnings: list[str] = []
        self._found: list[_Problem] = []

    def add(self, path: Place, text: str, hint: str = "") -> None:
        """Note a problem at a place of the file."""
        self._found.append(_Problem(self.lines.line(path), text, hint))

    def add_raised(self, error: TargetFileError) -> None:
        """Note a problem that was raised, with the line that it names."""
        self._found.append(_Problem(error.line, error.problem, error.hint))

    def require_none(self) -> None:
        """Raise what was found as one `TargetFileError`, in the order of the lines."""
        if not self._found:
            return
        found = sorted(dict.fromkeys(self._found), key=lambda item: item.line or 0)
        first, rest = found[0], found[1:_SHOWN_PROBLEMS]
        more = [f"  {self.shown}{f':{item.line}' if item.line else ''}: {item.text}" for item in rest]
        if len(found) > _SHOWN_PROBLEMS:
            more.append(f"  and {len(found) - _SHOWN_PROBLEMS} more")
        raise self.failure("\n".join([first.text, *more]), first.line, first.hint)

    def failure(self, text: str, line: int | None = None, hint: str = "") -> TargetFileError:
        """The error for a file that cannot be read further."""
        return TargetFileError(text, path=self.shown, line=line, hint=hint)


def dotted(path: Place) -> str:
    """The keys that lead to a place, joined by dots."""
    out = ""
    for part in path:
        out += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if out else part
    return out


def named(path: Place) -> str:
    """A place by its name."""
    return f"`{dotted(path)}`" if path else "the file"


def section(path: Place) -> str:
    """Where a key stands: the table, or the top of the file."""
    if not path:
        return "at the top of the file"
    if isinstance(path[-1], int):
        return f"in [[{dotted(path[:-1])}]] number {path[-1] + 1}"
    return f"in [{dotted(path)}]"
