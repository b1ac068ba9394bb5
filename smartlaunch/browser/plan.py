"""What the person at the browser knows and wants: credentials, a patient, an answer to the consent question, steps."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from smartlaunch.errors import UsageError

_FIELDS = {"page", "frame", "fill", "select", "press", "click", "wait_for", "optional", "screenshot"}
_PAGE_FIELDS = {"url_contains", "title_contains", "has"}
_ENTRY_FIELDS = {"selector", "value"}
KEYWORDS = ("username", "password", "one_time_code", "patient", "encounter")


@dataclass(frozen=True)
class Deselect:
    """Allow at the consent page, but untick these scopes first."""

    scopes: tuple[str, ...]

    def __init__(self, scopes: Sequence[str]) -> None:
        """Take any sequence of scope strings."""
        object.__setattr__(self, "scopes", tuple(scopes))


Consent = Literal["allow", "deny"] | Deselect


@dataclass(frozen=True)
class PageMatch:
    """On which page a step applies; every part that is given must hold, and no part means any page that has the step's elements."""

    url_contains: str = ""
    title_contains: str = ""
    has: str = ""


@dataclass(frozen=True)
class Entry:
    """One value for one element: ``username``, ``password``, ``one_time_code``, ``patient`` and ``encounter`` stand for the plan's own."""

    selector: str
    value: str


@dataclass(frozen=True)
class LoginStep:
    """One step of a target file's login script, done at most once per walk.

    Order within a step: wait, fill, select, press (Enter in a field), click. Selectors are Playwright's (CSS, ``text=...``,
    ``role=...``); ``{patient}`` and ``{patient_name}`` in one stand for the plan's patient. ``frame`` selects the frame of the page that
    they are looked for in. Where an element of an ``optional`` step does not come, what is left of the step is not done; ``screenshot``
    keeps a picture of the page as it is before the step.
    """

    page: PageMatch = PageMatch()
    fill: tuple[Entry, ...] = ()
    select: tuple[Entry, ...] = ()
    press: str = ""
    click: str = ""
    wait_for: str = ""
    frame: str = ""
    optional: bool = False
    screenshot: bool = False

    @property
    def selectors(self) -> list[str]:
        """Every selector the step needs, in the order of use."""
        return [
            s for s in (self.wait_for, *(e.selector for e in self.fill), *(e.selector for e in self.select), self.press, self.click) if s
        ]


@dataclass(frozen=True)
class LoginPlan:
    """What to do on the pages between the authorization request and the redirect back.

    Steps of the target file come first; a page that no step names is left to the automatic recipe, unless ``only_steps``. The password
    is kept out of ``repr`` so that no message can hold it.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    persona: str = ""
    patient: str | None = None
    patient_names: Sequence[str] = ()
    encounter: str | None = None
    consent: Consent = "allow"
    steps: Sequence[LoginStep] | None = None
    only_steps: bool = False
    totp_secret: str = field(default="", repr=False)


def parse_steps(raw: object, *, where: str = "login.steps") -> list[LoginStep]:
    """Turn ``[[login.steps]]`` of a target file into steps, or say which key is wrong and what was probably meant.

    ``fill`` and ``select`` take one table or a list of tables; ``page`` is a table.
    """
    if not isinstance(raw, list):
        raise UsageError(f"{where}: a list of tables is wanted, written as [[{where}]]")
    return [_step(item, f"{where}[{number}]") for number, item in enumerate(raw, start=1)]


def _step(raw: object, where: str) -> LoginStep:
    table = _table(raw, where, _FIELDS)
    page = _table(table.get("page", {}), f"{where}.page", _PAGE_FIELDS)
    step = LoginStep(
        page=PageMatch(**{key: _text(value, f"{where}.page.{key}") for key, value in page.items()}),
        fill=_entries(table.get("fill", []), f"{where}.fill"),
        select=_entries(table.get("select", []), f"{where}.select"),
        press=_text(table.get("press", ""), f"{where}.press", empty=True),
        click=_text(table.get("click", ""), f"{where}.click", empty=True),
        wait_for=_text(table.get("wait_for", ""), f"{where}.wait_for", empty=True),
        frame=_text(table.get("frame", ""), f"{where}.frame", empty=True),
        optional=_switch(table.get("optional", False), f"{where}.optional"),
        screenshot=_switch(table.get("screenshot", False), f"{where}.screenshot"),
    )
    if not step.selectors:
        raise UsageError(f"{where}: the step does nothing; give it fill, select, press, click or wait_for")
    return step


def _entries(raw: object, where: str) -> tuple[Entry, ...]:
    items = raw if isinstance(raw, list) else [raw]
    entries = []
    for item in items:
        table = _table(item, where, _ENTRY_FIELDS)
        missing = _ENTRY_FIELDS - set(table)
        if missing:
            raise UsageError(
                f'{where}: {" and ".join(sorted(missing))} is missing; write {where} = {{ selector = "#id", value = "username" }}'
            )
        entries.append(Entry(_text(table["selector"], f"{where}.selector"), _text(table["value"], f"{where}.value", empty=True)))
    return tuple(entries)


def _table(raw: object, where: str, known: set[str]) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise UsageError(f"{where}: a table is wanted, not {type(raw).__name__}")
    for key in raw:
        if key not in known:
            close = difflib.get_close_matches(str(key), sorted(known), n=1)
            hint = f", did you mean `{close[0]}`?" if close else f"; there are {', '.join(sorted(known))}"
            raise UsageError(f"{where}: unknown key `{key}`{hint}")
    return raw


def _switch(raw: object, where: str) -> bool:
    if not isinstance(raw, bool):
        raise UsageError(f"{where}: true or false is wanted")
    return raw


def _text(raw: object, where: str, *, empty: bool = False) -> str:
    if not isinstance(raw, str) or not (raw or empty):
        raise UsageError(f"{where}: a text is wanted")
    return raw
