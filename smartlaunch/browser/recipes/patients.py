"""Choosing a patient: by id or name, by the search box, or the only one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from smartlaunch.browser import lexicon as words
from smartlaunch.browser.lexicon import field_words, normal, says, without_scopes
from smartlaunch.browser.recipes.buttons import submit_of
from smartlaunch.browser.recipes.choices import Choice, alike, offered, option_selected, take_choice
from smartlaunch.browser.recipes.consent import consent_pair, is_consent, is_scope_box
from smartlaunch.browser.recipes.fields import has_token, is_made_of, is_search
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
    known = wanted is not None or bool(names)
    return (_look_for(s, wanted, choices) or _turn(s, choices) if known else None) or _one_of(s, choices, known=known)


def open_any_chart(s: Situation) -> Action | None:
    """The first chart of a list of patients, where the target file names none and no app can be launched from the list itself."""
    if s.goal is None or s.memory.patient_chosen or any(_wanted(s)):
        return None
    listed = alike(s) if words.PATIENT.search(s.heading) and not words.ENCOUNTER.search(s.heading) else []
    choices = patient_choices(s) or [(control, "") for control in listed]
    return take_choice(s, choices[0], "patient", "opened the first chart, since no patient is configured") if choices else None


def _wanted(s: Situation) -> tuple[str | None, list[str]]:
    """The id and the names of the patient to choose."""
    wanted = s.goal.patient if s.goal and s.goal.patient else s.plan.patient
    return wanted, [normal(n) for n in s.plan.patient_names if n.strip()]


def _one_of(s: Situation, choices: list[Choice], *, known: bool) -> Action | None:
    """The only one that is offered, or any one where no patient is configured."""
    if not choices:
        nobody = s.memory.searches > 1 and _search_fields(s, listed=False)
        return Stuck("the search finds nobody, neither the configured patient nor anyone else") if nobody else None
    if len(choices) == 1:
        return take_choice(s, choices[0], "patient", "chose the only patient")
    if not known:
        first = next((c for c in choices if c[0].checked or (c[1] and option_selected(c))), choices[0])
        return take_choice(s, first, "patient", "chose the first patient, since none is configured")
    return Stuck(f"the configured patient is not among the {len(choices)} that the page offers", not_offered=True)


def _look_for(s: Situation, wanted: str | None, choices: list[Choice]) -> Act | None:
    """Use the page's search, once; when it finds nothing, ask for the whole list again."""
    fields = _search_fields(s, listed=bool(choices))
    if not fields or s.memory.searches > 1 or (s.memory.searches == 1 and choices):
        return None
    first = fields[0]
    button = submit_of(s.page, first, words.SEARCH, "") if first.form >= 0 else _beside(s.page, first)
    go = Op("click", button) if button else Op("enter", first)
    if s.memory.searches == 1:
        cleared = tuple(Op("fill", c, "") for c in fields if not c.required)
        return Act("search", "asked for the whole list, since the search found nothing", (*cleared, go), key="all") if cleared else None
    filled = tuple(Op("fill", c, text) for c in fields if (text := _search_text(s, c, wanted)))
    # A list that a script still fetches may hold the patient, so the search waits until the page has come to rest.
    return Act("search", "searched for the patient", (*filled, go), careful=bool(s.page.scripts), key=s.page.host) if filled else None


def _search_text(s: Situation, field: Control, wanted: str | None) -> str:
    """What to look for in one field of a search: the family name in most, the given name or the id where it is asked for."""
    said = field_words(field)
    name = max(s.plan.patient_names, key=len, default="").strip()
    family, _, given = name.partition(",") if "," in name else (name.rpartition(" ")[2], "", name.partition(" ")[0])
    if re.search(r"\b(?:first|given|fname)\b", said, re.IGNORECASE):
        return given.strip()
    if re.search(r"\b(?:middle|mname|birth|dob|date|phone|zip|postal)\b|e-?mail", said, re.IGNORECASE):
        return ""
    if re.search(r"\b(?:id|mrn|identifier|number)\b", said, re.IGNORECASE):
        return wanted or ""
    return family.strip() or wanted or ""


def _search_fields(s: Situation, *, listed: bool) -> list[Control]:
    """The fields of the page's search for patients; a search box of the frame around the page looks for anything."""
    if not (listed or s.goal or words.PATIENT.search(s.heading)):
        return []
    boxes = _search_boxes(s.page)
    first = min((c for c in boxes if not c.outer or _for_names(c)), key=lambda c: (not _for_names(c), c.ref), default=None)
    if first is None or first.form < 0:
        return [] if first is None else [first]
    return [c for c in boxes if c.form == first.form]


def _search_boxes(page: PageSnapshot) -> list[Control]:
    """Fields that say that they search, and those of a form whose button says so."""
    searching = {c.form for c in page.of_kind("button") if c.form >= 0 and words.SEARCH.search(c.caption)}
    return [c for c in page.of_kind("text") if not c.readonly and (c.form in searching or is_search(c))]


def _for_names(field: Control) -> bool:
    said = field_words(field)
    return bool(words.PATIENT.search(said) or re.search(r"name\b|lname|family", said, re.IGNORECASE))


def _turn(s: Situation, choices: list[Choice]) -> Act | None:
    """Turn to the next page of a list that does not show the patient, a few times."""
    onward = next((c for c in s.page.of_kind("button", "link") if c.pager and _ONWARD.search(c.caption)), None)
    if not choices or onward is None or s.memory.turns >= MAX_TURNS:
        return None
    return Act("page", "turned to the next page of patients", (Op("click", onward),), key=str(s.memory.turns))


MAX_TURNS = 15
_ONWARD = re.compile("^(?:next|more|\u203a|\u00bb|>)", re.IGNORECASE)


def _find_patient(s: Situation, wanted: str | None, names: list[str]) -> Action | None:
    allow, deny = consent_pair(s)
    # A page may ask for consent with one button only; its boxes for scopes say so, and the name on it is no choice.
    asking = allow is not None and (deny is not None or any(is_scope_box(box) for box in s.page.of_kind("checkbox")))
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
    if wanted and score < 5 and any(is_made_of(name, wanted) for name in (control.id, control.row)):
        score = 5
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
    said = without_scopes(s.page.text[:600])
    about = bool(words.PATIENT.search(s.heading)) or bool(words.CHOOSE.search(s.wording) and words.PATIENT.search(said))
    if is_consent(s.page):
        # A consent page names the patient, and asks more than one thing; only a heading that says so makes its choices patients.
        about = bool(words.PATIENT.search(s.heading) and words.CHOOSE.search(s.heading))
    return offered(s, words.PATIENT, about=about and not words.ENCOUNTER.search(s.heading))


def _beside(page: PageSnapshot, box: Control) -> Control | None:
    return next((c for c in page.of_kind("button") if c.ref > box.ref and words.SEARCH.search(c.caption)), None)
