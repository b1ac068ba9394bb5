"""Words that steps of a login had before recipes were data: a file that has them is read as before, and told the words of today."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from smartlaunch.target.problems import Place, Problems

_KEYS = {"wait_for": "wait", "select": "choose"}
_ROLES = {"username": "user", "password": "password", "one_time_code": "one-time-code", "patient": "patient", "encounter": "encounter"}
"""What stood as ``value`` and meant something that the target file knows."""


def take_older_words(document: dict[str, Any], problems: Problems) -> None:
    """Put the words of today in the place of older ones, with a warning for each; what is of another form is left to the check."""
    for path, step in _steps(document):
        for old, new in _KEYS.items():
            if old in step and new not in step:
                step[new] = step.pop(old)
                _warn(problems, (*path, old), f"`{old}` is called `{new}` by now")
        for key in ("fill", "choose"):
            entries = step.get(key)
            for entry in entries if isinstance(entries, list) else [entries]:
                if isinstance(entry, dict):
                    _take_role(entry, path, problems)


def _take_role(entry: dict[str, Any], path: Place, problems: Problems) -> None:
    word = entry.get("value")
    role = _ROLES.get(word) if isinstance(word, str) else None
    if role is not None and "role" not in entry:
        del entry["value"]
        entry["role"] = role
        _warn(problems, path, f'`value = "{word}"` is written `role = "{role}"` by now')


def _steps(document: dict[str, Any]) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Each step of the file that is a table, with its place."""
    clients = document.get("clients")
    own = [(("clients", str(name), "ehr_launch"), client.get("ehr_launch")) for name, client in _tables(clients)]
    for place, table in [(("login",), document.get("login")), (("ehr_launch",), document.get("ehr_launch")), *own]:
        steps = table.get("steps") if isinstance(table, dict) else None
        for number, step in enumerate(steps if isinstance(steps, list) else []):
            if isinstance(step, dict):
                yield (*place, "steps", number), step


def _tables(value: object) -> list[tuple[str, dict[str, Any]]]:
    return [(name, table) for name, table in value.items() if isinstance(table, dict)] if isinstance(value, dict) else []


def _warn(problems: Problems, path: Place, text: str) -> None:
    problems.warnings.append(f"{problems.shown}:{problems.lines.line(path)}: {text}")
