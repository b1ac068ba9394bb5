"""What is known of a vendor's sandbox: where it is, what to register and where to click, how it departs, who can sign in.

One data file each. A statement has a source or says of itself that nobody has verified it, and reading a file that does neither fails.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from smartlaunch.errors import InternalError, LookupFailed


@dataclass(frozen=True)
class Base:
    """One FHIR base URL of a sandbox; empty where everybody has an own one."""

    url: str
    persona: str
    note: str
    source: str = ""


@dataclass(frozen=True)
class Statement:
    """One thing that is known; ``name`` is the field of a form, or who signs in. Without a source it is not verified."""

    text: str
    name: str = ""
    source: str = ""
    persona: str = ""
    password_at: str = ""

    @property
    def unverified(self) -> bool:
        """Whether nobody has said so in public."""
        return not self.source


@dataclass(frozen=True)
class Sandbox:
    """One vendor's file; ``targets`` are the names of the bundled target files."""

    id: str
    name: str
    console: str
    checked: str
    targets: tuple[str, ...]
    bases: tuple[Base, ...]
    register: tuple[Statement, ...]
    clicks: tuple[Statement, ...]
    departures: tuple[Statement, ...]
    users: tuple[Statement, ...]
    sources: tuple[str, ...]

    def base_for(self, persona: str) -> Base | None:
        """The base for a persona, else the first one that has an address."""
        known = [base for base in self.bases if base.url]
        return next((base for base in known if base.persona == persona), known[0] if known else None)


@cache
def sandboxes() -> dict[str, Sandbox]:
    """Every sandbox by its id."""
    folder = files("smartlaunch.onboarding").joinpath("sandboxes")
    found = [
        read_sandbox(entry.read_text("utf-8")) for entry in sorted(folder.iterdir(), key=lambda e: e.name) if entry.name.endswith(".toml")
    ]
    return {sandbox.id: sandbox for sandbox in found}


def sandbox_named(name: str) -> Sandbox:
    """The sandbox that a person means by a name: its id, a bundled target, or words of its name."""
    known = sandboxes()
    wanted = re.sub(r"[\s_]+", "-", name.strip().casefold())
    if wanted in known:
        return known[wanted]
    by_target = [box for box in known.values() if wanted in box.targets]
    by_word = [box for box in known.values() if wanted and _words(wanted) <= _words(f"{box.id} {box.name}")]
    if len(by_target or by_word) != 1:
        raise LookupFailed("vendor", name, sorted(known), hint="give the FHIR base URL itself, as the vendor's documents have it")
    return (by_target or by_word)[0]


def sandbox_at(fhir_base_url: str) -> Sandbox | None:
    """The sandbox whose host an address has."""
    host = urlsplit(fhir_base_url).hostname
    return next((box for box in sandboxes().values() if any(host and urlsplit(base.url).hostname == host for base in box.bases)), None)


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", text.casefold()))


def read_sandbox(text: str) -> Sandbox:
    """A sandbox from the text of its file."""
    data = tomllib.loads(text)
    sources: Mapping[str, str] = data.get("sources", {})

    def source(item: Mapping[str, Any]) -> str:
        if bool(item.get("unverified")) == bool(item.get("from")):
            raise InternalError(f"sandbox {data['id']}: {item} needs either a source or the mark `unverified`")
        return sources[item["from"]] if "from" in item else ""

    def statements(table: str, text: str, name: str = "") -> tuple[Statement, ...]:
        rows: Sequence[Mapping[str, Any]] = data.get(table, ())
        return tuple(
            Statement(row.get(text, ""), row.get(name, ""), source(row), row.get("persona", ""), row.get("password_at", "")) for row in rows
        )

    return Sandbox(
        id=data["id"],
        name=data["name"],
        console=data["console"],
        checked=data["checked"],
        targets=tuple(data["targets"]),
        bases=tuple(Base(row["url"], row["persona"], row["note"], source(row)) for row in data["base"]),
        register=statements("register", "value", "field"),
        clicks=statements("click", "do"),
        departures=statements("departure", "what"),
        users=statements("user", "note", "name"),
        sources=tuple(sources.values()),
    )
