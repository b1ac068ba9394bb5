"""Watches a person log in once and writes down the steps: what was done on which page, with roles in the place of what was typed.

What was typed is compared with what the target file knows and forgotten: a password is a ``password`` by its field, never by its text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from smartlaunch.browser import lexicon as words
from smartlaunch.browser.landing import told
from smartlaunch.browser.plan import LoginPlan
from smartlaunch.browser.proposing import UNKNOWN, answers, entry, page_table, quoted
from smartlaunch.browser.recipes import is_consent
from smartlaunch.browser.snapshot import PageSnapshot

_MOST = 400


@dataclass
class _Page:
    """What was done on one page, in order; a press ends it."""

    url: str
    title: str
    fills: dict[str, str] = field(default_factory=dict)
    selects: dict[str, str] = field(default_factory=dict)
    click: str = ""
    answers: tuple[str, ...] = ()
    """The lines with the presses that answer the question for consent, where the page asks it."""

    @property
    def empty(self) -> bool:
        return not (self.fills or self.selects or self.click)


@dataclass
class Watcher:
    """Takes what the pages tell, and gives the steps."""

    plan: LoginPlan
    pages: list[_Page] = field(default_factory=list)
    told: int = 0
    questions: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

    def looks(self, page: PageSnapshot) -> bool:
        """Look at the page that is shown, and note how the question for consent is answered on it; nothing ends by that."""
        if is_consent(page):
            self.questions[_place(page.url), page.title] = tuple(answers(page))
        return False

    def saw(self, event: Mapping[str, Any]) -> None:
        """Take one thing that a person did; pages are foreign, so nothing of it is taken for granted."""
        self.told += 1
        text = {name: value for name, value in event.items() if isinstance(value, str)}
        if self.told > _MOST or not text.get("selector"):
            return
        page = self._page(text.get("url", ""), text.get("title", ""))
        kind, selector = text.get("kind"), text["selector"][:200]
        if kind == "fill":
            page.fills[selector] = self._role(text, page)
        elif kind == "select":
            page.selects[selector] = "patient" if text.get("value") == self.plan.patient else text.get("value", "")
        elif kind == "enter":
            page.click = page.click or f"{selector} >> press Enter"
        elif kind == "click":
            page.click = self._pressed(selector)
            page.answers = self._answering(text, page)

    def _answering(self, text: Mapping[str, str], page: _Page) -> tuple[str, ...]:
        """The answers to the question for consent, with what was pressed as the one that allows, where it was that."""
        lines = self.questions.get((_place(page.url), page.title), ())
        said = text.get("said", "")
        if not lines or text.get("type") in ("checkbox", "radio") or words.DENY.search(said) or words.CANCEL.search(said):
            return ()
        allowing = f'  {{ selector = {quoted(page.click)}, role = "allow" }},'
        return tuple(allowing if '"allow"' in line else line for line in lines)

    def _page(self, url: str, title: str) -> _Page:
        """The page as it stands: a new one for another address, and after a press."""
        last = self.pages[-1] if self.pages else None
        if last is None or last.click or _place(last.url) != _place(url):
            last = _Page(url, title)
            self.pages.append(last)
        return last

    def _role(self, text: Mapping[str, str], page: _Page) -> str:
        """What was typed, by its role; a text that nobody knows is not kept."""
        typed = text.get("value", "")
        if text.get("type") == "password":
            return "one-time-code" if text.get("autocomplete") == "one-time-code" else "password"
        if text.get("autocomplete") == "one-time-code":
            return "one-time-code"
        known = {self.plan.username: "user", self.plan.patient or "": "patient", self.plan.encounter or "": "encounter"}
        if typed and typed in known:
            return known[typed]
        if not self.plan.username and "user" not in page.fills.values():
            return "user"
        return UNKNOWN

    def _pressed(self, selector: str) -> str:
        """What was pressed: the patient's id or name stands for the patient of the file; what else may be about a person is left out."""
        patient = self.plan.patient
        if patient and patient in selector:
            return selector.replace(patient, "{patient}")
        element, mark, said = selector.partition(":has-text(")
        name = next((name for name in self.plan.patient_names if name and name in said), "")
        if name:
            return f'{element}:has-text("{{patient_name}}")'
        return f'{element}:has-text("{UNKNOWN}")' if mark and "..." in told(said) else selector

    def steps(self) -> list[str]:
        """The steps in TOML, one text each."""
        return [_step(page) for page in self.pages if not page.empty]


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path}"


def _step(page: _Page) -> str:
    return "\n".join(_lines(page))


def _lines(page: _Page) -> Iterator[str]:
    first = next(iter((*page.fills, *page.selects, page.click)), "")
    yield "[[login.steps]]"
    yield f"page = {page_table(page.url, page.title, first.partition(' >> ')[0] if '{patient' not in first else '')}"
    for key, entries in (("fill", page.fills), ("choose", page.selects)):
        if entries:
            written = [entry(selector, value) for selector, value in entries.items()]
            note = "   # write what to give: a text that was typed is not kept" if UNKNOWN in entries.values() else ""
            yield f"{key} = [{', '.join(written)}]{note}"
    if page.click.endswith(" >> press Enter"):
        yield f"press = {quoted(page.click.partition(' >> ')[0])}   # Enter, in this field"
    elif page.answers:
        yield from page.answers
    elif page.click:
        yield f"click = {quoted(page.click)}"


def as_text(steps: Sequence[str]) -> str:
    """The steps as a recipe file, or as a part of a target file: both have them in the same words."""
    return "\n\n".join(steps) + "\n"
