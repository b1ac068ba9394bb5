"""What a story shows where nothing in it tells the cause: a symptom at a step, with its two usual causes and what tells them apart.

Most people who are stuck write no message, only what happened: they signed in and a white page came, or the FHIR server answered 401. One
cause would be a guess; two, with the look that decides between them, are the next step. Neither is ever sure.
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from functools import cache
from typing import Any

from smartlaunch.diagnosis import data
from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.model import Category, Confidence, Diagnosis, Evidence
from smartlaunch.diagnosis.subjects import unsettled
from smartlaunch.finding import Side

PREFIX = "either-"
"""How the rules of an answer begin that names two causes of one symptom."""
WEIGHT = 41
"""What the first of the two weighs: above declining, below everything else."""


@dataclass(frozen=True)
class Cause:
    """One of the two causes of a symptom."""

    category: Category
    side: Side
    cause: str
    fix: str
    settled: re.Pattern[str] | None
    """By which words a story tells that just this is in order; then the other cause comes first."""


@dataclass(frozen=True)
class Symptom:
    """What is seen at which step, what usually causes it, and the look that tells these apart."""

    id: str
    told: str
    steps: tuple[str, ...]
    """Signals that show it by themselves."""
    story: re.Pattern[str] | None
    apart: str
    asks: tuple[str, ...]
    causes: tuple[Cause, ...]


@cache
def symptoms() -> tuple[Symptom, ...]:
    """Every symptom, in the order of the file."""
    return tuple(_symptom(row) for row in data.read("rules", "symptoms.toml")["symptom"])


def _symptom(row: dict[str, Any]) -> Symptom:
    return Symptom(
        row["id"],
        row["told"],
        tuple(row.get("steps", ())),
        re.compile(row["story"], re.IGNORECASE) if "story" in row else None,
        row["apart"],
        tuple(row["asks"]),
        tuple(_cause(each) for each in row["cause"]),
    )


def _cause(row: dict[str, Any]) -> Cause:
    settled = re.compile(row["settled"], re.IGNORECASE) if "settled" in row else None
    return Cause(Category(row["category"]), Side(row["side"]), row["cause"], row["fix"], settled)


def asks_of(rule: str) -> tuple[str, ...]:
    """What would tell the causes of a symptom apart; nothing for the rule of another kind of answer."""
    return next((s.asks for s in symptoms() if rule.startswith(PREFIX + s.id + "-")), ())


def told(m: Material, seen: Container[str]) -> list[Diagnosis]:
    """The two causes of the first symptom that a story tells; none where nobody tells a story."""
    if m.source != "text" or "copied-by-hand" not in seen:
        return []
    sentences = unsettled(m)
    for symptom in symptoms():
        words = _words(symptom, seen, sentences)
        if words:
            causes = [(cause, f"{PREFIX}{symptom.id}-{number + 1}") for number, cause in enumerate(symptom.causes)]
            in_order = sorted(causes, key=lambda each: _is_settled(each[0], m))
            return [_diagnosis(rule, place, cause, symptom.apart, words) for place, (cause, rule) in enumerate(in_order)]
    return []


def _is_settled(cause: Cause, m: Material) -> bool:
    return cause.settled is not None and any(cause.settled.search(said.text) is not None for said in m.said if said.who != "setting")


def _words(symptom: Symptom, seen: Container[str], sentences: list[str]) -> str:
    """The words of a story, or the status, that show a symptom."""
    if any(step in seen for step in symptom.steps):
        return symptom.told
    if symptom.story is None:
        return ""
    found = next((hit for sentence in sentences if (hit := symptom.story.search(sentence)) is not None), None)
    return "" if found is None else " ".join(found.group(0).split())[:100]


def _diagnosis(rule: str, place: int, cause: Cause, apart: str, words: str) -> Diagnosis:
    return Diagnosis(
        rule=rule,
        category=cause.category,
        side=cause.side,
        cause=cause.cause,
        fix=cause.fix,
        next=apart,
        confidence=Confidence.LOW,
        weight=WEIGHT - place,
        evidence=[Evidence(f'no message decides between two causes; what is told: "{words}"', by="asker")],
    )
