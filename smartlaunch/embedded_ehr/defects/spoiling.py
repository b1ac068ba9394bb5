"""How defects spoil what the server does right, as tables.

The server's own module builds the right answer or takes the right decision, in one place, without a switch in it. What can be wrong
with it is a table beside the rows of the area: a defect's name, and what it does.

- A *change* alters a right answer (`spoil`).
- An *excuse* lets a request pass that a right server refuses (`excused`).
- A *whim* refuses a request that a right server takes (`whim`).

Each of the three asks the switches only where the defect could show, and asking notes that the request came to the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
Switches = Callable[[str], bool]
"""What says whether a name is on: the defects or the variants of a server."""


def anywhere(_: object) -> bool:
    """Say that a defect can show in every case."""
    return True


@dataclass(frozen=True)
class Change(Generic[T]):
    """What a defect makes of a right answer, and in which cases it can."""

    make: Callable[[T], None]
    where: Callable[[T], bool] = anywhere


@dataclass(frozen=True)
class Whim(Generic[T]):
    """The case that a defect refuses although it is right, and the sentence that it says."""

    where: Callable[[T], bool]
    text: str


def spoil(switches: Switches, right: T, changes: Mapping[str, Change[T]]) -> None:
    """Alter a right answer by every change whose name is on, in the order of the table."""
    for name, change in changes.items():
        if change.where(right) and switches(name):
            change.make(right)


def excused(switches: Switches, case: T, excuses: Mapping[str, Callable[[T], bool]]) -> bool:
    """Say whether something that is on lets a faulty request pass."""
    return any(where(case) and switches(name) for name, where in excuses.items())


def whim(switches: Switches, case: T, whims: Mapping[str, Whim[T]]) -> str:
    """Return why a right request is refused all the same, or an empty text."""
    return next((one.text for name, one in whims.items() if one.where(case) and switches(name)), "")
