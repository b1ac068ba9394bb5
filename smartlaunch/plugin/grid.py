"""The grid: in which situations a scenario is put besides the plain one.

A rule is broken in one situation and kept in another, so each scenario is put again elsewhere. ``grid.toml`` says along which
dimensions it binds; here the situations are chosen. A full product would take hours: each scenario takes one further client and
situation, the next scenario of the same feature another one, so that a rule with some scenarios meets most values; ``--thorough`` takes
three for each.
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
COMPANIES = (
    Situation(method="POST", patient="other", token="refreshed", scopes="v1"),
    Situation(user="other", token="narrowed", scopes="wildcard"),
    Situation(method="POST", user="other", token="refreshed", scopes="wildcard"),
    Situation(patient="other", token="narrowed", scopes="v1"),
    Situation(method="POST", user="other", scopes="v1"),
    Situation(patient="other", token="refreshed"),
)
"""The situations that are taken, each of several values: nearly all pairs of values occur in one of them. They are few because each
client in each situation signs in for itself, which is most of what a scenario costs there."""
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
        # Where there are few clients to choose from, the scenarios of a feature differ by their company instead; a feature that is kept
        # to one client is kept to one company in a usual run.
        company = (step if turn else 0) if "profile" not in dimensions else profile + turn if profiles > 2 else step
        situation = _within(dimensions, COMPANIES[company % len(COMPANIES)])
        key = (situation.slug, profile)
        if (situation.slug or (profile and once)) and key not in found:
            found[key] = Cell(situation, profile, step % rows if rows else 0, thorough=bool(found))
    return list(found.values())


def _within(dimensions: Sequence[str], company: Situation) -> Situation:
    """As much of a company as the dimensions of a scenario allow."""
    return Situation(
        method=company.method if "method" in dimensions else "GET",
        user=company.user if "user" in dimensions else "",
        patient=company.patient if "patient" in dimensions else "",
        token=company.token if "token" in dimensions else "",
        scopes=company.scopes if "scopes" in dimensions else "",
    )
