"""What a text is about, where neither a message nor a fact in it decides.

People name one fault in a hundred wordings, and no list of sentences holds them all. But the words around one kind of fault are few: who
writes of a callback URL that does not match speaks of the redirect URI, whichever server said no. So the subjects (``rules/subjects.toml``)
are weighed against each other by their cues: a cue counts once, where it stands best, most in the first line and where trouble is spoken
of. The leading subject is a likely cause only when it leads clearly, and it is never a sure one.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from smartlaunch.diagnosis import data
from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.model import Category, Confidence, Diagnosis, Evidence
from smartlaunch.finding import Side

PREFIX = "about-"
"""How the rule of a subject is called in an answer."""
WEIGHT = 44
"""What a cause weighs that only the subject of a text points to: low, and above declining."""
FIRST_LINE, TROUBLE, MESSAGE, ELSEWHERE = 2.0, 1.5, 1.8, 0.7
ENOUGH, ALONE, CLEARLY, STRONG = 4.5, 3.0, 1.3, 3
"""What a subject has to reach, beside others and alone, and by how much it has to lead the next one of another kind."""
TRIED = 5.0
"""What a try counts that leaves a part out and works."""
_WORKS = r"(?<!not )(?<!n.t )(?<!never )\b(?:works?|worked|succeeds?|passes|goes (?:through|away)|disappears|no (?:error|problem))\b"
_WITHOUT = (
    r"\b(?:without|remov(?:e|ed|es|ing)|omit(?:s|ted|ting)?|disabl(?:e|ed|ing)|drop(?:s|ped|ping)?|leav(?:e|es|ing) out|left out|"
    r"comment(?:ed|ing)? out|skip(?:s|ped|ping)?|(?:turn|switch)(?:ed|ing)? off|chang(?:e|ed|ing)|replac(?:e|ed|ing))\b"
)
FAINT, FAINT_WEIGHT = 2.8, 40
"""What a subject has to reach to be named where a text would be declined otherwise, and what it weighs then."""
_TROUBLE = re.compile(
    r"(?i)\b(?:errors?|fail\w*|invalid\w*|incorrect\w*|\w+_denied|\w+_mismatch|insufficient\w*|unable|refus\w+|reject\w+|denied|deny|forbidden|unauthori[sz]ed\w*|missing|wrong|"
    r"problems?|issues?|stuck|trouble|mismatch\w*|unknown|broken|lost|blocked|stop(?:s|ped)|dies|died|crash\w*|complain\w*|gone|4\d\d|500)\b"
)
_LACK = re.compile(r"(?i)\b(?:no|not|cannot|can.t|never|without|expired)\b|n.t\b")
"""Weaker words of trouble: beside them something may just as well be told to be in order."""
_SETTLED = re.compile(
    r"(?i)\b(?:verified|confirmed|checked|made sure|ruled out|(?:is|are) (?:correct|fine|right|valid)(?! for)|"
    r"work(?:s|ing)? (?:fine|well|perfectly|flawlessly|correctly|as expected)|"
    r"worked|matches exactly|successfully)\b"
)
_SENTENCES = re.compile(r"(?<=[.!?:])\s+|\s\.\s|\n|[,;]?\s+(?=(?:but|however)\b)", re.IGNORECASE)
"""A sentence ends where what is in order turns into what is not, too."""


@dataclass(frozen=True)
class Subject:
    """One kind of fault with the words that are used around it."""

    id: str
    category: Category
    side: Side
    cues: tuple[tuple[float, re.Pattern[str]], ...]
    cause: str
    fix: str
    next: str
    asks: tuple[str, ...]
    none: tuple[str, ...] = ()
    """Signals beside which it is no cause."""
    tried: re.Pattern[str] | None = None
    """Words that tell of a try in which it works once this is left out, switched off or changed."""


@dataclass(frozen=True)
class Told:
    """A subject as one text shows it."""

    subject: Subject
    score: float
    words: tuple[str, ...]
    strong: bool = False
    """One of its strongest words is there at all."""
    plain: bool = False
    """One of its strongest words stands in the first line, in a message or where trouble is spoken of."""
    top: float = 0.0
    """The weight of its strongest word: of two that score alike the more particular one comes first."""


@cache
def subjects() -> tuple[Subject, ...]:
    """Every subject, in the order of the file."""
    return tuple(_subject(row) for row in data.read("rules", "subjects.toml")["subject"])


def _subject(row: dict[str, Any]) -> Subject:
    cues = tuple((float(weight), re.compile(pattern, re.IGNORECASE)) for weight, pattern in row["cues"])
    return Subject(
        row["id"],
        Category(row["category"]),
        Side(row["side"]),
        cues,
        row["cause"],
        row["fix"],
        row["next"],
        tuple(row.get("asks", ())),
        tuple(row.get("none", ())),
        _tried(row["parts"]) if "parts" in row else None,
    )


def _tried(parts: str) -> re.Pattern[str]:
    """A sentence in which something works without the named part: it says more than any guess what is to blame."""
    either = rf"{_WORKS}.{{0,60}}?{_WITHOUT}.{{0,50}}?\b(?:{parts})|{_WITHOUT}.{{0,50}}?\b(?:{parts})\b.{{0,60}}?{_WORKS}"
    return re.compile(either, re.IGNORECASE)


def subject_named(rule: str) -> Subject | None:
    """The subject behind the rule of an answer, or None."""
    return next((s for s in subjects() if PREFIX + s.id == rule), None)


def weighed(m: Material, seen: Container[str] = ()) -> list[Told]:
    """The subjects of a text that somebody wrote, the strongest first; of other inputs none."""
    if m.source != "text":
        return []
    units = _units(m)
    open_to_it = [subject for subject in subjects() if not any(name in seen for name in subject.none)]
    story = [said.text[:6000] for said in m.said if said.who != "setting"]
    found = [told for subject in open_to_it if (told := _told(subject, units, story)).score > 0]
    return sorted(found, key=lambda told: (-told.score, -told.top))


def leading(m: Material, seen: Container[str] = ()) -> Told | None:
    """The subject that leads clearly, or None."""
    found = weighed(m, seen)
    if not found or not found[0].strong or not (len(found[0].words) > 1 or found[0].plain):
        return None
    other = next((t for t in found[1:] if t.subject.category is not found[0].subject.category), None)
    alone = len(found[0].words) > 1 and (other is None or found[0].score >= 2 * other.score)
    if found[0].score < (ALONE if alone else ENOUGH):
        return None
    return found[0] if other is None or found[0].score >= CLEARLY * other.score else None


def near_each_other(m: Material, seen: Container[str] = ()) -> list[Diagnosis]:
    """The two subjects that lead a text together, where neither leads the other: both, for one of them it is."""
    clear = [t for t in weighed(m, seen) if t.score >= ENOUGH and t.strong and (t.plain or len(t.words) > 1)]
    first = next(iter(clear), None)
    other = next((t for t in clear[1:] if first is not None and t.subject.category is not first.subject.category), None)
    if first is None or other is None:
        return []
    return [replace(diagnosis(told), weight=WEIGHT - number) for number, told in enumerate((first, other))]


def faint(m: Material, seen: Container[str] = ()) -> list[Diagnosis]:
    """At most two subjects that a text names by a strong word in a sentence of trouble, for where nothing else tells anything."""
    named = [t for t in weighed(m, seen) if t.plain and t.score >= FAINT]
    first = next(iter(named), None)
    if first is None:
        return []
    other = next((t for t in named[1:] if t.subject.category is not first.subject.category), None)
    return [replace(diagnosis(told), weight=FAINT_WEIGHT - at) for at, told in enumerate([first, *([other] if other else [])])]


def diagnosis(told: Told, before: Sequence[Diagnosis] = ()) -> Diagnosis:
    """The cause that a subject stands for, with the words that show it; it is put before some others, but never made surer by that."""
    subject = told.subject
    return Diagnosis(
        rule=PREFIX + subject.id,
        category=subject.category,
        side=subject.side,
        cause=subject.cause,
        fix=subject.fix,
        next=subject.next,
        confidence=Confidence.LOW,
        weight=max([WEIGHT, *(item.weight + 1 for item in before)]),
        evidence=[Evidence("no message decides; the text speaks of " + ", ".join(f'"{words}"' for words in told.words[:5]))],
    )


def unsettled(m: Material) -> list[str]:
    """The sentences of a story, the first line among them, without those that tell what is in order."""
    return [text for _, text in _units(m)]


def _units(m: Material) -> list[tuple[float, str]]:
    first = str(m.facts.get("first_line") or "")
    units: list[tuple[float, str]] = [(FIRST_LINE, first)] if first else []
    for said in m.said:
        if said.who == "setting":
            continue
        for sentence in _SENTENCES.split(said.text)[:120]:
            settled = _SETTLED.search(sentence) is not None
            if _TROUBLE.search(sentence) or (not settled and _LACK.search(sentence)):
                units.append((MESSAGE if said.who == "server" and said.where != "line" else TROUBLE, sentence[:600]))
            elif not settled:
                units.append((ELSEWHERE, sentence[:600]))
    return units


def _told(subject: Subject, units: list[tuple[float, str]], story: list[str]) -> Told:
    score, words, strong, plain, top = 0.0, [], False, False, 0.0
    if subject.tried is not None and (hit := next((h for text in story if (h := subject.tried.search(text))), None)) is not None:
        score, words, strong, plain, top = TRIED * TROUBLE, [" ".join(hit.group().split())[:60]], True, True, TRIED
    for weight, pattern in subject.cues:
        best, seen = 0.0, ""
        for factor, text in units:
            if factor > best and (found := pattern.search(text)) is not None:
                best, seen = factor, " ".join(found.group().split())[:60]
        if best:
            score += weight * best
            words.append(seen)
            strong, top = strong or weight >= STRONG, max(top, weight)
            plain = plain or (weight >= STRONG and best >= TROUBLE)
    return Told(subject, score, tuple(dict.fromkeys(words)), strong, plain, top)
