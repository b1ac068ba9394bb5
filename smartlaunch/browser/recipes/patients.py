"""Choosing a patient: by id or name, by the search box, or the only one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from smartlaunch.browser import lexicon as words
from smartlaunch.browser.lexicon import field_words, normal, says
from smartlaunch.browser.recipes.buttons import submit_of
from smartlaunch.browser.recipes.choices import Choice, offered, option_selected, take_choice
from smartlaunch.browser.recipes.consent import consent_pair, is_consent, is_scope_box
from smartlaunch.browser.recipes.fields import has_token, is_search
from smartlaunch.browser.recipes.situation import Act, Action, Op, Situation, Stuck
from smartlaunch.browser.snapshot import Control, PageSnapshot


def choose_patient(s: Situation) -> Action | None:
    """Choose the configured patient by id or name; look for it with the search box; else the only one."""
    if s.goal and s.memory.patient_chosen:
        return None
    wanted, names = _wanted(s)
    found = _find_patient(s, wanted, names) if wanted or names else None
    if found is not None:
        return found
    if s.goal and wanted is None:
        return None
    if is_consent(s.page) and not s.page.of_kind("radio", "select"):
        return None  # a consent page that names the patient is no picker; only its own question is to be answered
    choices = patient_choices(s)
    return _look_for(s, wanted, names, listed=bool(choices)) or _one_of(s, choices, known=wanted is not None or bool(names))


def _wanted(s: Situation) -> tuple[str | None, list[str]]:
    """The id and the names of the patient to choose."""
    wanted = s.goal.patient if s.goal and s.goal.patient else s.plan.patient
    return wanted, [normal(n) for n in s.plan.patient_names if n.strip()]


def _one_of(s: Situation, choices: list[Choice], *, known: bool) -> Action | None:
    """The only one that is offered, or any one where no patient is configured."""
    if not choices:
        return None
    if len(choices) == 1:
        return take_choice(s, choices[0], "patient", "chose the only patient")
    if not known:
        first = next((c for c in choices if c[0].checked or (c[1] and option_selected(c))), choices[0])
        return take_choice(s, first, "patient", "chose the first patient, since none is configured")
    return Stuck(f"the configured patient is not among the {len(choices)} that the page offers")


def _look_for(s: Situation, wanted: str | None, names: list[str], *, listed: bool) -> Act | None:
    """Use the page's search box, once."""
    box = _patient_search(s, listed)
    if box is None or s.memory.searched or not (wanted or names):
        return None
    text = (max(s.plan.patient_names, key=len).split()[-1] if names else wanted) or ""
    button = submit_of(s.page, box, words.SEARCH, "") if box.form >= 0 else _beside(s.page, box)
    go = Op("click", button) if button else Op("enter", box)
    return Act("search", "searched for the patient", (Op("fill", box, text), go), key=s.page.host)


def _find_patient(s: Situation, wanted: str | None, names: list[str]) -> Action | None:
    allow, deny = consent_pair(s)
    asking = allow is not None and deny is not None
    scored = [
        (score, -control.ref, choice)
        for control in s.page.controls
        if _may_be_a_patient(control, asking=asking)
        for choice, score in likeness(control, wanted, names)
    ]
    if not scored:
        return None
    score, _, choice = max(scored, key=lambda item: item[:2])
    return take_choice(s, choice, "patient", f"chose the patient {'by id' if score >= 4 else 'by name'}")


def _may_be_a_patient(control: Control, *, asking: bool) -> bool:
    """Whether a control could stand for a patient; on a page that asks for consent no button and no link does."""
    if control.disabled or control.outer or control.kind in ("text", "password"):
        return False
    if control.kind in ("button", "link"):
        return not asking and not says(control, words.DENY, deep=False)
    return not (control.kind == "checkbox" and is_scope_box(control))


def likeness(control: Control, wanted: str | None, names: list[str]) -> list[tuple[Choice, int]]:
    """How much each choice that a control offers is like the wanted patient, by id or by name."""
    if control.kind == "select":
        scored = []
        for option in control.options:
            score = _match(wanted, names, exact=(option.value,), loose=(option.value,), shown=option.text, context="")
            if score:
                scored.append(((control, option.value), score))
        return scored
    data = tuple(d.split("=", 1)[1] for d in control.data if "=" in d)
    score = _match(
        wanted,
        names,
        exact=(control.value, control.id, *data),
        loose=(control.value, control.href, control.id, f"{control.text} {control.label}"),
        shown=f"{control.text} {control.label}",
        context="" if says(control, words.NEVER, deep=False) else control.context,
    )
    return [((control, ""), score)] if score else []


def _match(wanted: str | None, names: list[str], *, exact: Sequence[str], loose: Sequence[str], shown: str, context: str) -> int:
    if wanted and any(value in (wanted, f"Patient/{wanted}") for value in exact):
        return 6
    if wanted and any(has_token(wanted, value) for value in loose):
        return 5
    if wanted and has_token(wanted, context):
        return 4
    if any(_has_name(name, shown) for name in names):
        return 3
    if any(_has_name(name, context) for name in names):
        return 2
    return 0


def _has_name(name: str, text: str) -> bool:
    have = set(re.findall(r"[^\W_]+(?:['-][^\W_]+)*", normal(text)))
    parts = re.findall(r"[^\W_]+(?:['-][^\W_]+)*", name)
    return bool(parts) and all(part in have for part in parts)


def patient_choices(s: Situation) -> list[Choice]:
    """The patients that the page offers, when it is a page for choosing one."""
    about = bool(words.PATIENT.search(s.heading)) or bool(words.CHOOSE.search(s.wording) and words.PATIENT.search(s.page.text[:600]))
    return offered(s, words.PATIENT, about=about and not words.ENCOUNTER.search(s.heading))


def _patient_search(s: Situation, listed: bool) -> Control | None:
    boxes = [c for c in s.page.of_kind("text") if is_search(c) and not c.readonly]
    about = listed or bool(words.PATIENT.search(s.heading)) or bool(s.goal)
    named = [c for c in boxes if words.PATIENT.search(field_words(c)) or re.search(r"name\b|lname|family", field_words(c), re.IGNORECASE)]
    return (named or boxes)[0] if about and boxes else None


def _beside(page: PageSnapshot, box: Control) -> Control | None:
    return next((c for c in page.of_kind("button") if c.ref > box.ref and words.SEARCH.search(c.caption)), None)
