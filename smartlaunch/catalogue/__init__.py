"""The requirements, one TOML file per source document, loaded and checked once.

A row says what binds, where it stands and how strongly; which scenarios and which sandbox defects speak to it is found out from the
features and from the sandbox, never written here twice.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, cast

from smartlaunch.errors import InternalError
from smartlaunch.finding import Finding, Kind, Outcome, Strength

EDITIONS = ("1.0", "2.0", "2.2")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One rule of one document, in our own words.

    ``source_ids`` are the numbers of the 2.2.0 list; ``reason`` says why no outside test judges it (empty when one does);
    ``inferno`` names the tests of that suite that correspond. ``restates`` names rows that state the same duty nearer to SMART: where
    one of them binds too, a finding is told under it. ``source`` says in our own words which sentence the obligation rests on.
    """

    id: str
    document: str
    title: str
    url: str
    text: str
    actor: str
    strength: Strength
    source_ids: tuple[int, ...] = ()
    capability: str = ""
    client_role: str = ""
    editions: tuple[str, ...] = EDITIONS
    condition: str = ""
    reason: str = ""
    inferno: tuple[str, ...] = ()
    note: str = ""
    restates: tuple[str, ...] = ()
    source: str = ""

    @property
    def binding(self) -> bool:
        """Whether a scenario has to exist unless a reason stands in the row."""
        return self.actor == "server" and self.strength in _BINDING


_BINDING = (Strength.SHALL, Strength.SHALL_NOT, Strength.SHOULD, Strength.SHOULD_NOT)


@dataclass(frozen=True)
class Catalogue(Mapping[str, Requirement]):
    """All requirements by id, in document order."""

    rows: dict[str, Requirement] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Requirement:
        """The row of an id."""
        return self.rows[key]

    def __iter__(self) -> Iterator[str]:
        """The ids in document order."""
        return iter(self.rows)

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    def duties(self, identifiers: Iterable[str]) -> list[str]:
        """The ids among these that stand for a duty of their own: a row that restates another of them is left out."""
        given = sorted(set(identifiers))
        return [each for each in given if not self._restated(each) & set(given)]

    def _restated(self, identifier: str) -> set[str]:
        found: set[str] = set()
        waiting = list(self.rows[identifier].restates) if identifier in self.rows else []
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += self.rows[one].restates if one in self.rows else ()
        return found

    def severity(self, finding: Finding) -> Outcome:
        """What a finding makes of its scenario: failed, warning, or passed for a MAY."""
        if finding.kind is not Kind.REQUIREMENT and finding.severity is not None:
            return finding.severity
        row = self.rows.get(finding.requirement)
        if row is None:
            raise InternalError(f"a check names the unknown requirement {finding.requirement!r}")
        if finding.kind is Kind.REQUIREMENT and row.strength.fails:
            return Outcome.FAILED
        if row.strength.fails or row.strength.warns or finding.kind is not Kind.REQUIREMENT:
            return Outcome.WARNING
        return Outcome.PASSED


@cache
def load() -> Catalogue:
    """Read every document of the catalogue; an ``InternalError`` names a malformed row."""
    rows: dict[str, Requirement] = {}
    folder = files(__package__)
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if not entry.name.endswith(".toml"):
            continue
        data = tomllib.loads(entry.read_text(encoding="utf-8"))
        document = data.get("document", {})
        for raw in data.get("requirement", []):
            row = _row(entry.name, document, raw)
            if row.id in rows:
                raise InternalError(f"{entry.name}: the id {row.id} is given twice")
            rows[row.id] = row
    return Catalogue(rows)


def _row(name: str, document: Mapping[str, Any], raw: Mapping[str, Any]) -> Requirement:
    try:
        section = str(raw.get("section", ""))
        url = section if section.startswith("http") else str(document["url"]) + section
        return Requirement(
            id=raw["id"],
            document=str(document["id"]),
            title=str(document["title"]),
            url=url,
            text=raw["text"],
            actor=raw["actor"],
            strength=Strength(raw["strength"]),
            source_ids=tuple(raw.get("source_ids", ())),
            capability=raw.get("capability", ""),
            client_role=raw.get("client_role", ""),
            editions=tuple(raw.get("editions", document.get("default_editions", EDITIONS))),
            condition=raw.get("condition", ""),
            reason=raw.get("reason", ""),
            inferno=tuple(cast("list[str]", raw.get("inferno", ()))),
            note=raw.get("note", ""),
            restates=tuple(raw.get("restates", ())),
            source=raw.get("source", ""),
        )
    except (KeyError, ValueError) as exc:
        raise InternalError(f"{name}: the row {raw.get('id', raw)!r} is malformed: {exc!r}") from exc
