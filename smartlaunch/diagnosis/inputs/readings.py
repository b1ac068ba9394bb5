"""What comes out of a text: the material, what was taken from it and what was left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from smartlaunch.diagnosis.material import Material
from smartlaunch.evidence.redaction import Redactor
from smartlaunch.exchange import RecordedExchange

_SHOWN = 40


@dataclass
class Reading:
    """What came out of a text: the material, what was taken from it and what was left."""

    m: Material
    redactor: Redactor
    read: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    exchanges: list[RecordedExchange] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    """Entries of a HAR that stood in the text."""

    def took(self, what: str) -> None:
        """Note once what was taken."""
        if what and what not in self.read and len(self.read) < _SHOWN:
            self.read.append(what)

    def leave(self, what: str) -> None:
        """Note once what was not used."""
        if what and what not in self.left and len(self.left) < _SHOWN:
            self.left.append(what)
