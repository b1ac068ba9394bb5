"""What a requirement protects against, what usually breaks it and where to look: data of ``rules/protects.toml``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from smartlaunch.diagnosis import data


@dataclass(frozen=True, slots=True)
class Topic:
    """One subject of requirements, with the three sentences."""

    name: str
    protects: str
    usual: str
    look: str


@cache
def _topics() -> tuple[tuple[re.Pattern[str], Topic], ...]:
    return tuple(
        (re.compile("|".join(row["ids"])), Topic(row["name"], row["protects"], row["usual"], row["look"]))
        for row in data.read("rules", "protects.toml")["topic"]
    )


@cache
def topic_of(requirement: str) -> Topic:
    """The topic of a requirement id; the last one fits every id."""
    return next(topic for pattern, topic in _topics() if pattern.search(requirement))
