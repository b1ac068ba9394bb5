"""What is known of a vendor, from one data file each; ``generic`` holds what everybody says.

A file may hold: ``names`` and ``hosts`` by which the vendor is recognised, ``traits`` that rules ask for, ``urn`` and ``phrase`` tables
that translate its wording into ``says:`` signals, ``advice`` that adds to a rule's fix or next step, and facts about its hosts.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from smartlaunch.errors import LookupFailed, UsageError


@dataclass(frozen=True)
class Phrase:
    """A wording and what it means; ``who`` says in whose mouth it counts."""

    says: str
    pattern: re.Pattern[str]
    who: frozenset[str]


@dataclass(frozen=True)
class Vendor:
    """One vendor's knowledge joined with the generic one."""

    id: str
    name: str
    names: tuple[re.Pattern[str], ...] = ()
    hosts: tuple[re.Pattern[str], ...] = ()
    traits: frozenset[str] = frozenset()
    phrases: tuple[Phrase, ...] = ()
    own_words: frozenset[str] = frozenset()
    urns: tuple[tuple[str, str], ...] = ()
    """Folded endings of URNs and what they say, longest first."""
    host_tenants: tuple[tuple[str, str], ...] = ()
    environments: tuple[tuple[str, str], ...] = ()
    bad_paths: tuple[tuple[str, str], ...] = ()
    bad_launches: tuple[tuple[str, str], ...] = ()
    open_hosts: tuple[tuple[str, str], ...] = ()
    advice: dict[str, dict[str, str]] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    ticket: str = "generic"

    def says_of_urn(self, urn: str) -> str:
        """What an error URN means, by its ending; unknown ones give an empty string.

        Spellings vary between the documents and the wire, so separators are folded and the longest known ending wins.
        """
        folded = fold(urn)
        return next((says for ending, says in self.urns if folded == ending or folded.endswith("-" + ending)), "")

    def says_in(self, text: str, who: str) -> Iterator[tuple[str, str]]:
        """What a text says, with the words that say it."""
        yield from _read(self.id, text, who)


def fold(urn: str) -> str:
    """A URN with its separators made equal, for comparing."""
    return re.sub(r"[:_]+", "-", urn.lower()).rstrip("-")


@lru_cache(maxsize=2048)
def _read(vendor: str, text: str, who: str) -> tuple[tuple[str, str], ...]:
    """Kept, because a run meets the same error page and the same error body again and again."""
    return tuple(
        (phrase.says, " ".join(found.group(0).split())[:160])
        for phrase in all_vendors()[vendor].phrases
        if who in phrase.who and (found := phrase.pattern.search(text))
    )


@cache
def all_vendors() -> dict[str, Vendor]:
    """Every vendor file by id, ``generic`` among them."""
    found: dict[str, Vendor] = {}
    folder = files("smartlaunch.diagnosis").joinpath("vendors")
    base = _load(folder.joinpath("generic.toml").read_text("utf-8"), None)
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".toml"):
            vendor = base if entry.name == "generic.toml" else _load(entry.read_text("utf-8"), base)
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


def recognise(names: Iterable[str], hosts: Iterable[str]) -> Vendor | None:
    """The vendor that a name or a host points to, or None."""
    said, seen = [n for n in names if n], [h for h in hosts if h]
    for vendor in all_vendors().values():
        if any(p.search(n) for p in vendor.names for n in said):
            return vendor
    for vendor in all_vendors().values():
        if any(p.search(h) for p in vendor.hosts for h in seen):
            return vendor
    return None


def _load(text: str, base: Vendor | None) -> Vendor:
    data = tomllib.loads(text)
    own = tuple(_phrase(entry) for entry in data.get("phrase", []))
    urns = {fold(ending): entry["says"] for entry in data.get("urn", []) for ending in entry["endings"]}
    return Vendor(
        id=data["id"],
        name=data["name"],
        names=tuple(re.compile(p, re.IGNORECASE) for p in data.get("names", [])),
        hosts=tuple(re.compile(p, re.IGNORECASE) for p in data.get("hosts", [])),
        traits=frozenset(data.get("traits", [])),
        phrases=own + (base.phrases if base else ()),
        own_words=frozenset(p.says for p in own) if base else frozenset(),
        urns=tuple(sorted(urns.items(), key=lambda item: -len(item[0]))),
        host_tenants=_pairs(data.get("wrong_host", []), "host", "tenant"),
        environments=_pairs(data.get("environment", []), "name", "host"),
        bad_paths=_pairs(data.get("bad_path", []), "pattern", "because"),
        bad_launches=_pairs(data.get("bad_launch", []), "pattern", "because"),
        open_hosts=_pairs(data.get("open_host", []), "host", "because"),
        advice={entry["rule"]: {k: v for k, v in entry.items() if k != "rule"} for entry in data.get("advice", [])},
        sources=tuple(data.get("sources", [])),
        ticket=data.get("ticket", "generic"),
    )


def _phrase(entry: dict[str, Any]) -> Phrase:
    return Phrase(
        entry["says"], re.compile("|".join(f"(?:{p})" for p in entry["any"]), re.IGNORECASE), frozenset(entry.get("who", ["server"]))
    )


def _pairs(entries: list[dict[str, str]], left: str, right: str) -> tuple[tuple[str, str], ...]:
    return tuple((entry[left], entry[right]) for entry in entries)
