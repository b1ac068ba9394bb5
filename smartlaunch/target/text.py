"""A file as text and as TOML; what is wrong with it is said in the words and lines of the file."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from smartlaunch.errors import TargetFileError
from smartlaunch.target.problems import Problems

_MAX_FILE = 1_000_000


def text_of(path: Path, problems: Problems, elsewhere: str) -> str:
    """The text of a file, or why it cannot be read; ``elsewhere`` says what else could be named where its folder has nothing."""
    try:
        if path.is_dir():
            raise problems.failure("this is a folder, not a target file", hint="name the .toml file in it")
        if not path.exists():
            near = sorted(path.name for path in path.parent.glob("*.toml")) if path.parent.is_dir() else []
            listed = f"{path.parent} has: {', '.join(near)}" if near else elsewhere
            raise problems.failure("no such file", hint=listed)
        if not path.is_file():
            raise problems.failure("this is not a regular file")
        with path.open("rb") as stream:
            raw = stream.read(_MAX_FILE + 1)
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or type(exc).__name__
        raise problems.failure(f"the file cannot be read ({reason})") from None
    if len(raw) > _MAX_FILE:
        raise problems.failure(f"the file is larger than {_MAX_FILE} bytes, which no target file needs to be")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise problems.failure("the file is not UTF-8", raw.count(b"\n", 0, exc.start) + 1, "save it as UTF-8 text") from None


def document_of(text: str, problems: Problems) -> dict[str, Any]:
    """What a text says as TOML, or where it is none."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise _syntax_error(text, str(exc), problems) from None
    except RecursionError:
        raise problems.failure("the file is nested too deeply") from None


def _syntax_error(text: str, message: str, problems: Problems) -> TargetFileError:
    """Say a parser's complaint in the file's words; the offending line itself is not shown, it may hold a secret."""
    rows = text.splitlines()
    place = re.search(r"\(at line (\d+), column (\d+)\)", message)
    line = int(place[1]) if place else max(len(rows), 1)
    reason = re.sub(r"\s*\(at [^)]*\)$", "", message)
    row = rows[line - 1] if line <= len(rows) else ""
    key = re.match(r"\s*([\w.\"'-]+)\s*=", row)
    table = re.match(r"\s*\[+\s*([\w.\"' -]+?)\s*\]", row)
    if "overwrite" in reason and key:
        return problems.failure(f"key `{key[1]}` is written twice", line, "keep one of the two")
    if ("twice" in reason or "overwrite" in reason or "Cannot mutate" in reason) and table:
        return problems.failure(f"table [{table[1]}] is written twice", line, "keep one table and put all its keys there")
    subject = f" in the value of `{key[1]}`" if key else ""
    return problems.failure(f"this is not TOML: {reason[:1].lower()}{reason[1:]}{subject}", line, 'texts need quotes: key = "value"')
