"""Named defects and legal variants, and which of them a request consulted.

A defect is one broken rule of a server; a variant is a permitted choice that few servers take.  Both are rows of TOML files, one
for each area of the features: ``defects/AREA.toml`` here, ``variants/AREA.toml`` in the folder beside.  The code asks
``defects("omits_state")`` at the one place where the rule lives; the call answers whether it is broken and notes that this request
came to the rule, which is how the defect matrix learns which requests exercise which rule.

Where an answer or a decision can be wrong in many ways, the server's own module says how it is right, and the table of its area in
this folder (``defects/AREA.py``) says how each defect spoils it: see `smartlaunch.embedded_ehr.defects.spoiling`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

_DEFECTS = Path(__file__).parent
_VARIANTS = _DEFECTS.parent / "variants"

consulted: ContextVar[set[str] | None] = ContextVar("consulted", default=None)
"""The defects that the request in hand has asked about; None when nobody traces."""


class UnknownName(LookupError):
    """A defect or variant was named that no table describes."""


@dataclass(frozen=True)
class Defect:
    """One row of the defect tables: what the server does wrong and which requirements that breaks.

    ``unnoticed`` says what no scenario puts to a server yet, for a defect that the suites do not see; the matrix holds it to that.
    """

    name: str
    summary: str
    requirements: tuple[str, ...]
    consequences: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    unnoticed: str = ""


@dataclass(frozen=True)
class Variant:
    """One row of the variant tables: an unusual choice, and the text that permits it."""

    name: str
    summary: str
    permitted_because: str
    source: str


def _rows(folder: Path, table: str) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("*.toml")):
        yield from tomllib.loads(path.read_text(encoding="utf-8")).get(table, [])


@cache
def load_defects() -> dict[str, Defect]:
    """Return every described defect by name."""
    found: dict[str, Defect] = {}
    for row in _rows(_DEFECTS, "defect"):
        defect = Defect(
            name=row["name"],
            summary=row["summary"],
            requirements=tuple(row.get("requirements", ())),
            consequences=tuple(row.get("consequences", ())),
            needs=tuple(row.get("needs", ())),
            unnoticed=row.get("unnoticed", ""),
        )
        if defect.name in found:
            message = f"defect {defect.name!r} is described twice"
            raise ValueError(message)
        found[defect.name] = defect
    return found


@cache
def load_variants() -> dict[str, Variant]:
    """Return every described variant by name."""
    found: dict[str, Variant] = {}
    for row in _rows(_VARIANTS, "variant"):
        variant = Variant(row["name"], row["summary"], row["permitted_because"], row["source"])
        if variant.name in found:
            message = f"variant {variant.name!r} is described twice"
            raise ValueError(message)
        found[variant.name] = variant
    return found


class _Switches:
    """A set of names that are on, asked by calling it."""

    kind: ClassVar[str] = ""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._known = self._load()
        self._on = frozenset(names)
        for name in sorted(self._on):
            self._require_known(name)

    @staticmethod
    def _load() -> frozenset[str]:
        raise NotImplementedError

    def _require_known(self, name: str) -> None:
        if name not in self._known:
            message = f"no {self.kind} is named {name!r}"
            raise UnknownName(message)

    def __call__(self, name: str) -> bool:
        """Say whether ``name`` is on."""
        self._require_known(name)
        return name in self._on

    def __iter__(self) -> Iterator[str]:
        """Go through the names that are on, sorted."""
        return iter(sorted(self._on))

    def __len__(self) -> int:
        """Count the names that are on."""
        return len(self._on)

    def __contains__(self, name: object) -> bool:
        """Say whether ``name`` is on, without noting that anyone asked."""
        return name in self._on


class Defects(_Switches):
    """The broken rules of one server; a call also notes that the rule was consulted."""

    kind = "defect"

    @staticmethod
    def _load() -> frozenset[str]:
        return frozenset(load_defects())

    def __call__(self, name: str) -> bool:
        """Say whether the rule is broken, and note that this request came to it."""
        answer = super().__call__(name)
        seen = consulted.get()
        if seen is not None:
            seen.add(name)
        return answer


class Variants(_Switches):
    """The permitted but unusual choices of one server."""

    kind = "variant"

    @staticmethod
    def _load() -> frozenset[str]:
        return frozenset(load_variants())
