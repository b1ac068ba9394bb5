"""What a requirement protects against, what usually breaks it and where to look: data of ``rules/protects.toml``."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Topic:
    """One subject of requirements, with the three sentences."""

    name: str
    protects: str
    usual: str
    look: str


@cache
def _topics() -> tuple[tuple[re.Pattern[str], Topic], ...]:
    data = tomllib.loads(files("smartlaunch.diagnosis").joinpath("rules", "protects.toml").read_text("utf-8"))
    return tuple(
        (re.compile("|".join(row["ids"])), Topic(row["name"], row["protects"], row["usual"], row["look"])) for row in data["topic"]
    )


@cache
def topic_of(requirement: str) -> Topic:
    """The topic of a requirement id; the last one fits every id."""
    return next(topic for pattern, topic in _topics() if pattern.search(requirement))
