"""The grid: in which situations a scenario is put besides the plain one.

A rule is broken in one situation and kept in another, so each scenario is put again elsewhere. ``grid.toml`` says along which
dimensions it binds; here the situations are chosen. A full product would take hours: each scenario takes one further situation in
which all its dimensions differ from the plain one, the next scenario of the same rule another one, so that a rule with some scenarios
meets each value; ``--thorough`` takes as many as the longest dimension needs for every scenario to meet each value.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from smartlaunch.client.situation import Situation
from smartlaunch.errors import InternalError

METHODS, TOKENS, SCOPES = ("POST", "GET"), ("refreshed", "narrowed", ""), ("v1", "wildcard", "")
"""The values along a dimension, the plain one last."""
DIMENSIONS = ("profile", "method", "user", "patient", "token", "scopes")
THOROUGH = 3
"""How many situations a scenario takes with ``--thorough``: as many as the longest dimension has values."""


@dataclass(frozen=True)
class Cell:
    """One scenario in one situation; ``row`` is the number of the outline's row that is put there, ``thorough`` asks for the option."""

    situation: Situation
    profile: int
    row: int
    thorough: bool


@dataclass(frozen=True)
class Table:
    """``grid.toml`` as it is read: dimensions by feature, dimensions by slug (which go before), and the slugs taken out of a feature."""

    features: Mapping[str, tuple[str, ...]]
    scenarios: Mapping[str, tuple[str, ...]]
    excepted: Mapping[str, frozenset[str]]


@cache
def table() -> Table:
    """The table, read once; a test looks whether what it names exists."""
    data = tomllib.loads(resources.files("smartlaunch.plugin").joinpath("grid.toml").read_text("utf-8"))
    features: dict[str, tuple[str, ...]] = {}
    scenarios: dict[str, tuple[str, ...]] = {}
    excepted: dict[str, frozenset[str]] = {}
    for entry in data["binds"]:
        unknown = set(entry["dimensions"]) - set(DIMENSIONS)
        if unknown:
            raise InternalError(f"grid.toml: unknown dimensions {', '.join(sorted(unknown))}")
        for slug in entry.get("scenarios", ()):
            scenarios[slug] = tuple(entry["dimensions"])
        for feature in entry.get("features", ()):
            features[feature] = tuple(entry["dimensions"])
            excepted[feature] = frozenset(entry.get("except", ()))
    return Table(features, scenarios, excepted)


def dimensions_of(feature: str, slug: str) -> tuple[str, ...]:
    """The dimensions along which a scenario binds; ``feature`` is its path below ``features/``."""
    name, known = feature.removeprefix("features/").removesuffix(".feature"), table()
    if slug in known.scenarios:
        return known.scenarios[slug]
    return () if slug in known.excepted.get(name, ()) else known.features.get(name, ())


def cells(feature: str, slug: str, number: int, *, profiles: int, once: bool, rows: int) -> list[Cell]:
    """The situations of the scenario with this number in its feature.

    ``profiles`` is with how many it can be put, ``once`` that it is usually put with the first of them only, ``rows`` how many its
    outline has.
    """
    dimensions = dimensions_of(feature, slug)
    if not dimensions:
        return []
    found: dict[tuple[str, int], Cell] = {}
    for turn in range(THOROUGH):
        step = number + turn
        profile = 1 + step % (profiles - 1) if "profile" in dimensions and profiles > 1 else 0
        situation = _situation(dimensions, number, turn)
        key = (situation.slug, profile)
        if (situation.slug or (profile and once)) and key not in found:
            found[key] = Cell(situation, profile, step % rows if rows else 0, thorough=bool(found))
    return list(found.values())


def _situation(dimensions: Sequence[str], number: int, turn: int) -> Situation:
    """The situation of a scenario's turn; the dimensions turn at different paces, so that the scenarios of a feature meet all pairs."""
    who = tuple(word for word in ("patient", "user") if word in dimensions)
    company = _taken((*who, ""), number, turn) if who else ""
    return Situation(
        method=METHODS[(number + turn) % 2] if "method" in dimensions else "GET",
        user="other" if company == "user" else "",
        patient="other" if company == "patient" else "",
        token=_taken(TOKENS, number + number // 2, turn) if "token" in dimensions else "",
        scopes=_taken(SCOPES, number + number // 4, turn, plain_at=1) if "scopes" in dimensions else "",
    )


def _taken(values: Sequence[str], number: int, turn: int, *, plain_at: int = -1) -> str:
    """The value of a turn: those that are not plain, beginning at another one for each scenario, and the plain one in its place."""
    special = [*values[:-1]]
    start = number % len(special)
    order = [*special[start:], *special[:start]]
    order.insert(plain_at if plain_at >= 0 else len(order), values[-1])
    return order[turn % len(order)]
