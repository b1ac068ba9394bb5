"""Pictures of pages, with what must not be seen blanked before they are taken and put back afterwards.

Passwords, codes and tokens stand in text, fields, attributes and addresses of a page as well as in its password field; pickers and
charts show people. So every text of the page goes through the run's redactor, and what looks like a person's is blanked as well. What
cannot be read here (pictures, canvases, foreign documents, closed trees, what a style sheet writes) is not shown either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from smartlaunch.browser.snapshot import BLANK_SCRIPT, COVER_SCRIPT, TEXTS_SCRIPT, UNCOVER_SCRIPT

SHOT_QUALITY = 85
"""Of pictures, as JPEG: text stays sharp, at a quarter of the size of a PNG and a third of the time."""
_PERSONAL = re.compile(
    r"\b\d{1,4}[./-]\d{1,2}[./-]\d{1,4}\b|\b\d{1,2}\.? (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w* \d{2,4}\b|"
    r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w* \d{1,2},? \d{4}\b|\b\d[\d -]{3,}\d\b|\S+@\S+\.\w+",
    re.IGNORECASE,
)
"""Dates, long numbers, addresses of mail."""


def cover(text: str) -> str:
    """A text of the same shape that says nothing."""
    return re.sub(r"\w", "\u2022", text)


def covered(text: str, *, about_people: bool, names: Sequence[str], scrub: Callable[[str], str], people: bool) -> str:
    """What may be seen of one text of a page; ``people`` says that persons may be shown."""
    safe = scrub(text)
    if people:
        return safe
    if about_people or any(name and name.casefold() in text.casefold() for name in names):
        return cover(text)
    return _PERSONAL.sub(lambda found: cover(found[0]), safe)


def split(texts: Sequence[tuple[str, bool, int]]) -> list[list[int]]:
    """The numbers of texts that stand in one block and make one text there, such as a code with a tag for each letter."""
    blocks: dict[int, list[int]] = {}
    for number, (_, _, block) in enumerate(texts):
        if block >= 0:
            blocks.setdefault(block, []).append(number)
    return [numbers for numbers in blocks.values() if len(numbers) > 1]


def take_picture(
    page: Any, *, password: str, names: Sequence[str], picker: bool, scrub: Callable[[str], str], people: bool
) -> bytes:  # fmt: skip
    """A JPEG of the page with everything covered that must not be seen; the page is as before afterwards."""
    page.evaluate(BLANK_SCRIPT, password)
    texts = page.evaluate(TEXTS_SCRIPT, picker)

    def hide(text: str) -> str:
        return scrub(text.replace(password, cover(password)) if password else text)

    shown = [covered(text, about_people=personal, names=names, scrub=hide, people=people) for text, personal, _ in texts]
    for numbers in split(texts):
        whole = "".join(shown[number] for number in numbers)
        if hide(whole) != whole:
            for number in numbers:
                shown[number] = cover(shown[number])
    changed = [[number, now] for number, (now, (text, *_)) in enumerate(zip(shown, texts, strict=True)) if now != text]
    page.evaluate(COVER_SCRIPT, [changed, people])
    try:
        return bytes(page.screenshot(type="jpeg", quality=SHOT_QUALITY, timeout=4000, animations="disabled", caret="hide"))
    finally:
        page.evaluate(UNCOVER_SCRIPT)
