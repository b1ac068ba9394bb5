"""What a signal is, and the list of the predicates that look for one.

A signal is a name that rules refer to, with the sentence that shows it. Names that begin with ``says:`` are statements of a server or
browser, translated from its own wording by the vendor files, so that rules know no vendor's spelling.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.model import Evidence
from smartlaunch.diagnosis.vendor import Vendor


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing seen; ``values`` fill the places in a rule's text."""

    name: str
    evidence: Evidence
    values: tuple[tuple[str, str], ...] = ()


Predicate = Callable[[Material, Vendor], Iterator[Signal]]
PREDICATES: list[Predicate] = []


def predicate(function: Predicate) -> Predicate:
    """Add a predicate to those that are run over each material."""
    PREDICATES.append(function)
    return function


def saw(name: str, text: str, exchange: str = "", by: str = "", **values: str) -> Signal:
    """One sighting."""
    return Signal(name, Evidence(text, exchange=exchange, by=by), tuple(values.items()))


def listed(items: Sequence[str], limit: int = 8) -> str:
    """A list in a sentence; what is past the limit is counted."""
    shown = " ".join(items[:limit])
    return shown + (f" and {len(items) - limit} more" if len(items) > limit else "")


def shortened(text: str) -> str:
    """The beginning of what somebody says, on one line, as evidence shows it."""
    return " ".join(text.split())[:140]


def first_of(pattern: re.Pattern[str], texts: Iterable[str]) -> str:
    """The first words in some texts that a pattern finds, or an empty string."""
    return next((found.group() for text in texts if (found := pattern.search(text)) is not None), "")


def is_guid(text: str) -> bool:
    """Whether a text has the form of a GUID, as many vendors' ids of clients and tenants."""
    return re.fullmatch(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text) is not None
