"""What the person at the browser knows and wants: credentials, a patient, an answer to the consent question, steps."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from smartlaunch.browser.lexicon import wants_patient
from smartlaunch.errors import UsageError

_FIELDS = {"page", "persona", "frame", "wait", "fill", "choose", "press", "click", "optional", "screenshot"}
_PAGE_FIELDS = {"url_contains", "title_contains", "has"}
_ENTRY_FIELDS = {"selector", "role", "value"}
FILLED = ("user", "password", "one-time-code", "patient", "encounter")
"""The roles of what goes into a page: the plan has the value, a recipe never has."""
PRESSED = ("allow", "deny", "untick", "logout")
"""The roles of what is pressed: which of them are, hangs on what the user wants in a walk."""


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
    """One element of a step: with the ``role`` of what goes into it or of pressing it, or with a ``value`` that is taken as it stands."""

    selector: str
    role: str = ""
    value: str = ""


@dataclass(frozen=True)
class LoginStep:
    """One step of a login script, done at most once per walk.

    Order within a step: wait, fill, choose, press (Enter in a field), click. Selectors are Playwright's (CSS, ``text=...``,
    ``role=...``) and have to fit one visible element; ``{patient}`` and ``{patient_name}`` in one stand for the plan's patient,
    ``{scope}`` and ``{resource}`` for a scope that is left out. ``frame`` selects the frame of the page that they are looked for in.
    Where an element of an ``optional`` step does not come, what is left of the step is not done; ``screenshot`` keeps a picture of the
    page as it is before the step. A click with a role is done where the user wants just that: ``allow`` and ``deny`` answer the
    question for consent, ``untick`` is done once for each scope that is left out, ``logout`` on the way out.
    """

    page: PageMatch = PageMatch()
    wait: str = ""
    fill: tuple[Entry, ...] = ()
    choose: tuple[Entry, ...] = ()
    press: str = ""
    click: tuple[Entry, ...] = ()
    persona: str = ""
    """For whose login it is: ``patient`` or ``clinician``; anybody's where it says neither."""
    frame: str = ""
    optional: bool = False
    screenshot: bool = False
    number: int = 1
    source: str = "the target file"
    """What the step is a step of, for messages."""
    place: str = ""
    """File and line, where they are known."""

    @property
    def name(self) -> str:
        """Which step it is, in words."""
        return f"step {self.number} of {self.source}"

    def pressed(self, plan: LoginPlan) -> tuple[Entry, ...]:
        """What is pressed in a walk with this plan."""
        wanted = "logout" if plan.leaving else "deny" if plan.consent == "deny" else "allow"
        unticks = wanted == "allow" and isinstance(plan.consent, Deselect)
        return tuple(e for e in self.click if e.role in ("", wanted) or (e.role == "untick" and unticks))

    def concerns(self, plan: LoginPlan) -> bool:
        """Whether it is for a walk with this plan: a step that answers something is for those who answer so, on the way out as in."""
        if self.persona and (self.persona == "patient") != wants_patient(plan.persona):
            return False
        roles = {entry.role for entry in self.click} - {""}
        if plan.leaving:
            return "logout" in roles
        if isinstance(plan.consent, Deselect) and "allow" in roles and "untick" not in roles:
            return False  # to allow less, something has to be unticked before
        return not roles or any(entry.role for entry in self.pressed(plan))

    def answers(self, consent: Consent) -> bool:
        """Whether it says how to answer the question for consent so."""
        wanted = "deny" if consent == "deny" else "untick" if isinstance(consent, Deselect) else "allow"
        return any(entry.role == wanted for entry in self.click)

    def selectors(self, plan: LoginPlan) -> list[str]:
        """Every selector that the step needs in a walk with this plan, in the order of use."""
        entries = (*self.fill, *self.choose)
        return [s for s in (self.wait, *(e.selector for e in entries), self.press, *(e.selector for e in self.pressed(plan))) if s]


@dataclass(frozen=True)
class Recipe:
    """The steps for the pages of one product, offered to a page that bears one of the marks; ``has`` of a mark is the id of a control."""

    name: str
    marks: tuple[PageMatch, ...]
    steps: tuple[LoginStep, ...]


@dataclass(frozen=True)
class LoginPlan:
    """What to do on the pages between the authorization request and the redirect back.

    Steps of the target file come first, then those of the recipe of a product whose page it is; a page that neither names is left to the
    automatic recipe, unless ``only_steps``. ``leaving`` is the way out: nobody signs in, and what has the role ``logout`` is pressed. The
    password is kept out of ``repr`` so that no message can hold it.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    persona: str = ""
    patient: str | None = None
    patient_names: Sequence[str] = ()
    encounter: str | None = None
    consent: Consent = "allow"
    steps: Sequence[LoginStep] | None = None
    recipes: Sequence[Recipe] = ()
    only_steps: bool = False
    leaving: bool = False
    totp_secret: str = field(default="", repr=False)
    mistypes: bool = False
    """Whether another password is typed first, once: for what a server makes of the request of a person who makes a slip."""


def parse_steps(raw: object, *, where: str = "login.steps", source: str = "the target file", places: Sequence[str] = ()) -> list[LoginStep]:
    """Turn ``[[login.steps]]`` into steps, or say which key is wrong and what was probably meant.

    ``fill``, ``choose`` and ``click`` take one table or a list of tables, ``choose`` and ``click`` a selector as well; ``page`` is a table.
    """
    if not isinstance(raw, list):
        raise UsageError(f"{where}: a list of tables is wanted, written as [[{where}]]")
    lines = [*places, *[""] * (len(raw) - len(places))]
    return [_step(item, f"{where}[{number}]", number, source, lines[number - 1]) for number, item in enumerate(raw, start=1)]


def parse_match(raw: object, where: str) -> PageMatch:
    """Turn a table that tells a page into what it says."""
    page = _table(raw, where, _PAGE_FIELDS)
    return PageMatch(**{key: _text(value, f"{where}.{key}") for key, value in page.items()})


def _step(raw: object, where: str, number: int, source: str, place: str) -> LoginStep:
    table = _table(raw, where, _FIELDS)
    step = LoginStep(
        page=parse_match(table.get("page", {}), f"{where}.page"),
        wait=_text(table.get("wait", ""), f"{where}.wait", empty=True),
        fill=_entries(table.get("fill", []), f"{where}.fill", FILLED, needed=True),
        choose=_entries(table.get("choose", []), f"{where}.choose", FILLED),
        press=_text(table.get("press", ""), f"{where}.press", empty=True),
        click=_entries(table.get("click", []), f"{where}.click", PRESSED),
        persona=_text(table.get("persona", ""), f"{where}.persona", empty=True),
        frame=_text(table.get("frame", ""), f"{where}.frame", empty=True),
        optional=_switch(table.get("optional", False), f"{where}.optional"),
        screenshot=_switch(table.get("screenshot", False), f"{where}.screenshot"),
        number=number,
        source=source,
        place=place,
    )
    if not (step.wait or step.fill or step.choose or step.press or step.click):
        raise UsageError(f"{where}: the step does nothing; give it wait, fill, choose, press or click")
    return step


def _entries(raw: object, where: str, roles: Sequence[str], *, needed: bool = False) -> tuple[Entry, ...]:
    items = raw if isinstance(raw, list) else [raw]
    return tuple(_entry(item, where, roles, needed=needed) for item in items)


def _entry(raw: object, where: str, roles: Sequence[str], *, needed: bool) -> Entry:
    example = f'write {where} = {{ selector = "#id", role = "{roles[0]}" }}'
    if isinstance(raw, str) and not needed:
        return Entry(_text(raw, where))
    table = _table(raw, where, _ENTRY_FIELDS)
    if "selector" not in table:
        raise UsageError(f"{where}: selector is missing; {example}")
    selector = _text(table["selector"], f"{where}.selector")
    role = _text(table.get("role", ""), f"{where}.role", empty=True)
    value = _text(table.get("value", ""), f"{where}.value", empty=True)
    if role and role not in roles:
        close = difflib.get_close_matches(role, roles, n=1)
        hint = f", did you mean `{close[0]}`?" if close else f"; there are {', '.join(roles)}"
        raise UsageError(f"{where}.role: unknown role `{role}`{hint}")
    if "role" in table and "value" in table:
        raise UsageError(f"{where}: role and value are both given; a role has its value from the target file")
    if needed and not {"role", "value"} & set(table):
        raise UsageError(f"{where}: role or value is missing; {example}")
    return Entry(selector, role, value)


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
