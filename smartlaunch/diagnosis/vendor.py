"""What is known of a vendor, from one data file each; ``generic`` holds what everybody says.

A file may hold: ``names``, ``hosts`` and ``marks`` (wording that nobody else uses) by which the vendor is recognised, ``traits`` that
rules ask for, ``urn`` and ``phrase`` tables that translate its wording into ``says:`` signals, ``advice`` that adds to a rule's fix or
next step, and facts about its hosts. Wording of every vendor is read whoever is named, so that naming the vendor, or not, or a wrong
one, takes nothing away; the named one's counts first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from smartlaunch.diagnosis import data, libraries
from smartlaunch.errors import LookupFailed, UsageError


@dataclass(frozen=True)
class Phrase:
    """A wording and what it means: in whose mouth it counts, and at which stage of the flow (empty: at any).

    ``unless`` is wording beside which it means nothing, as a sentence that lists all possible reasons.
    """

    says: str
    pattern: re.Pattern[str]
    who: frozenset[str]
    at: frozenset[str] = frozenset()
    unless: re.Pattern[str] | None = None
    source: str = ""
    vendor: str = ""
    context: bool = False
    """It tells what a text is about, not what is wrong: read beside whatever else the same words say."""

    def found_in(self, text: str, who: str, stage: str = "", known: tuple[libraries.Found, ...] = ()) -> re.Match[str] | None:
        """The place in a text that says it, or None; a stage that is not known excludes nothing.

        A phrase that is nobody's own says nothing about the words of a sentence that is ``known`` in full.
        """
        if who not in self.who or (stage and self.at and stage not in self.at):
            return None
        if self.unless is not None and _search(self.unless, text):
            return None
        found = _search(self.pattern, text)
        while found is not None and known and not (self.vendor or self.context) and libraries.covered(*found.span(), known):
            found = _search(self.pattern, text, found.end() or 1)
        return found


_END_OF_A_WORD = re.compile(r"(?<=[a-z])(?<!can)not?\b", re.IGNORECASE)


def _search(pattern: re.Pattern[str], text: str, start: int = 0) -> re.Match[str] | None:
    """The place that a pattern finds; one that begins with "no" or "not" begins a word there: the end of "Inferno" denies nothing."""
    found = pattern.search(text, start)
    while found is not None and _END_OF_A_WORD.match(text, found.start()):
        found = pattern.search(text, found.start() + 1)
    return found


@dataclass(frozen=True)
class Vendor:
    """One vendor's knowledge joined with the generic one."""

    id: str
    name: str
    names: tuple[re.Pattern[str], ...] = ()
    hosts: tuple[re.Pattern[str], ...] = ()
    marks: tuple[re.Pattern[str], ...] = ()
    traits: frozenset[str] = frozenset()
    phrases: tuple[Phrase, ...] = ()
    urns: tuple[tuple[str, str], ...] = ()
    """Folded endings of URNs and what they say, longest first."""
    host_tenants: tuple[tuple[str, str], ...] = ()
    environments: tuple[tuple[str, str], ...] = ()
    bad_paths: tuple[tuple[str, str], ...] = ()
    bad_launches: tuple[tuple[str, str], ...] = ()
    open_hosts: tuple[tuple[str, str], ...] = ()
    retired_hosts: tuple[tuple[str, str], ...] = ()
    advice: dict[str, dict[str, str]] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    ticket: str = "generic"

    def says_of_urn(self, urn: str) -> str:
        """What an error URN means, by its ending; unknown ones give an empty string.

        Spellings vary between the documents and the wire, so separators are folded and the longest known ending wins.
        """
        folded = fold(urn)
        return next((says for ending, says in self.urns if folded == ending or folded.endswith("-" + ending)), "")

    def says_in(self, text: str, who: str, stage: str = "") -> Iterator[tuple[str, str, str]]:
        """What a text says, the words that say it, and the vendor or library whose wording it is (empty: anybody's)."""
        yield from _read(self.id, text, who, stage)


def fold(urn: str) -> str:
    """A URN with its separators made equal, for comparing."""
    return re.sub(r"[:_]+", "-", urn.lower()).rstrip("-")


@lru_cache(maxsize=4096)
def _read(vendor: str, text: str, who: str, stage: str) -> tuple[tuple[str, str, str], ...]:
    """Kept, because a run meets the same error page and the same error body again and again."""
    known = libraries.said_in(text)
    guessed = tuple(
        (phrase.says, " ".join(found.group(0).split())[:160], phrase.vendor)
        for phrase in _wording(vendor)
        if (found := phrase.found_in(text, who, stage, known))
    )
    return (*((each.says, each.words, each.library) for each in known), *guessed)


@cache
def _wording(vendor: str) -> tuple[Phrase, ...]:
    """Every phrase, those of the vendor first, then those of everybody, then those of all others."""
    known = all_vendors()
    others = (p for v in known.values() if v.id not in (vendor, "generic") for p in v.phrases)
    own = known[vendor].phrases if vendor != "generic" else ()
    return (*own, *known["generic"].phrases, *others)


@cache
def all_vendors() -> dict[str, Vendor]:
    """Every vendor file by id, ``generic`` among them."""
    found: dict[str, Vendor] = {}
    for _, file in data.read_all("vendors"):
        vendor = _vendor(file)
        if vendor.id in found:
            raise UsageError(f"two vendor files have the id {vendor.id}")
        found[vendor.id] = vendor
    return found


def vendor_named(name: str) -> Vendor:
    """The vendor a person names, by id or by one of its names; raises ``LookupFailed`` for an id that nobody has."""
    vendors = all_vendors()
    if name in vendors:
        return vendors[name]
    found = recognise([name], [])
    if found is None:
        raise LookupFailed("vendor", name, sorted(vendors))
    return found


def recognise(names: Iterable[str], hosts: Iterable[str], texts: Iterable[str] = ()) -> Vendor | None:
    """The vendor that a name, a host or the wording of a server points to, or None."""
    said, seen, read = [n for n in names if n], [h for h in hosts if h], [t for t in texts if t]
    for vendor in all_vendors().values():
        if any(p.search(n) for p in vendor.names for n in said):
            return vendor
    for vendor in all_vendors().values():
        if any(p.search(h) for p in vendor.hosts for h in seen):
            return vendor
    return next((v for v in all_vendors().values() if any(p.search(t) for p in v.marks for t in read)), None)


def _vendor(file: dict[str, Any]) -> Vendor:
    source = next(iter(file.get("sources", [])), "")
    owner = "" if file["id"] == "generic" else file["id"]
    urns = {fold(ending): entry["says"] for entry in file.get("urn", []) for ending in entry["endings"]}
    return Vendor(
        id=file["id"],
        name=file["name"],
        names=tuple(re.compile(p, re.IGNORECASE) for p in file.get("names", [])),
        hosts=tuple(re.compile(p, re.IGNORECASE) for p in file.get("hosts", [])),
        marks=tuple(re.compile(p) for p in file.get("marks", [])),
        traits=frozenset(file.get("traits", [])),
        phrases=tuple(_phrase(entry, owner, source) for entry in file.get("phrase", [])),
        urns=tuple(sorted(urns.items(), key=lambda item: -len(item[0]))),
        host_tenants=_pairs(file.get("wrong_host", []), "host", "tenant"),
        environments=_pairs(file.get("environment", []), "name", "host"),
        bad_paths=_pairs(file.get("bad_path", []), "pattern", "because"),
        bad_launches=_pairs(file.get("bad_launch", []), "pattern", "because"),
        open_hosts=_pairs(file.get("open_host", []), "host", "because"),
        retired_hosts=_pairs(file.get("retired_host", []), "host", "because"),
        advice={entry["rule"]: {k: v for k, v in entry.items() if k != "rule"} for entry in file.get("advice", [])},
        sources=tuple(file.get("sources", [])),
        ticket=file.get("ticket", "generic"),
    )


def _phrase(entry: dict[str, Any], vendor: str, source: str) -> Phrase:
    return Phrase(
        entry["says"],
        _any_of(entry["any"]),
        frozenset(entry.get("who", ["server"])),
        at=frozenset(entry.get("at", [])),
        unless=_any_of(entry["unless"]) if entry.get("unless") else None,
        source=entry.get("source", source),
        vendor=vendor,
        context=entry.get("context", False),
    )


def _any_of(patterns: list[str]) -> re.Pattern[str]:
    """One pattern of many; ``<bad>`` and its like stand for the ways in which everybody says the same thing."""
    whole = "|".join(f"(?:{p})" for p in patterns)
    for name, words in _parts().items():
        whole = whole.replace(f"<{name}>", f"(?:{words})")
    return re.compile(whole, re.IGNORECASE)


@cache
def _parts() -> dict[str, str]:
    """The parts of patterns, by name, from ``generic.toml``."""
    parts: dict[str, str] = data.read("vendors", "generic.toml")["parts"]
    return parts


def _pairs(entries: list[dict[str, str]], left: str, right: str) -> tuple[tuple[str, str], ...]:
    return tuple((entry[left], entry[right]) for entry in entries)
