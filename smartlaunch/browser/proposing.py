"""A step of the target file for a page that stopped a login: for exactly this page, with selectors from its controls, ready to paste."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from smartlaunch.browser import lexicon as words
from smartlaunch.browser.landing import told
from smartlaunch.browser.lexicon import field_words, says
from smartlaunch.browser.plan import FILLED, LoginPlan
from smartlaunch.browser.recipes.buttons import leads_on, submit_of
from smartlaunch.browser.recipes.consent import consent_pair, is_consent, is_scope_box
from smartlaunch.browser.recipes.fields import is_one_time, is_search, user_score
from smartlaunch.browser.recipes.situation import Memory, Situation
from smartlaunch.browser.snapshot import Control, PageSnapshot

_PLAIN_ID = re.compile(r"[A-Za-z][\w-]*")
_MADE = re.compile(r"\d{4,}|[0-9a-f]{8,}|:r", re.IGNORECASE)
"""An id that a script has made up holds for one visit only."""
_MOST_FIELDS = 6
_SCOPE = re.compile(
    r"(?:patient|user|system)/[A-Za-z*]+\.[a-z*]+|\b(?:openid|fhirUser|offline_access|online_access|launch(?:/\w+)?|profile)\b"
)
UNKNOWN = "..."


def propose(page: PageSnapshot, plan: LoginPlan) -> str:
    """The step in TOML, or an empty text for a page on which nothing can be done; what is not known is written ``...``."""
    if is_consent(page) and not _patient(page, plan):
        return "\n".join(["[[login.steps]]", f"page = {_page(page, consent_pair(Situation(page, plan, Memory()))[0])}", *answers(page)])
    fields = list(_fields(page, plan))
    selects = list(_selects(page, plan))
    button = _button(page, plan, [control for control, _ in fields] or [control for control, _ in selects])
    chosen = _patient(page, plan) if not fields and not selects else ""
    if not fields and not selects and button is None and not chosen:
        return ""
    first = next((control for control, _ in (*fields, *selects)), button)
    lines = ["[[login.steps]]", f"page = {_page(page, None if chosen else first)}"]
    lines += _entries("fill", fields)
    lines += _entries("choose", selects)
    if chosen:
        lines.append(f"click = {quoted(chosen)}")
    elif button is not None:
        lines.append(f"click = {quoted(selector(button))}")
    return "\n".join(lines)


def answers(page: PageSnapshot) -> list[str]:
    """The presses that answer a question for consent, each with its role, as lines of TOML."""
    allow, deny = consent_pair(Situation(page, LoginPlan(), Memory()))
    boxes = [c for c in page.of_kind("checkbox") if is_scope_box(c)]
    found = [(box, "untick") for box in sorted({_box(c) for c in boxes} - {""})]
    found += [(selector(control), role) for control, role in ((allow, "allow"), (deny, "deny")) if control is not None]
    return ["click = [", *(f"  {{ selector = {quoted(element)}, role = {quoted(role)} }}," for element, role in found), "]"]


def _box(control: Control) -> str:
    """What finds the box of any scope, where the box has the scope in its value, its name or its id."""
    for attribute, value in (("value", control.value), ("name", control.name), ("id", control.id)):
        found = _SCOPE.search(value)
        if found is not None:
            before, after = value[: found.start()], value[found.end() :]
            return f'{control.tag or "input"}[type="checkbox"][{attribute}="{before}{{scope}}{after}"]'
    return ""


def selector(control: Control) -> str:
    """What finds a control again: its id, its name, else what a person reads on it."""
    if _PLAIN_ID.fullmatch(control.id) and not _MADE.search(control.id):
        return f"#{control.id}"
    tag = control.tag or {"button": "button", "link": "a", "select": "select"}.get(control.kind, "input")
    shown = told(control.caption)
    if control.kind in ("button", "link") and shown and "..." not in shown and tag != "input":
        return f"{tag}:has-text({quoted(shown)})"
    test_id = next((pair.partition("=")[2] for pair in control.data if pair.startswith(("data-testid=", "testid="))), "")
    for name, value in (
        ("name", control.name),
        ("data-testid", test_id),
        ("value", control.value if tag == "input" else ""),
        ("type", control.type),
    ):
        if value and not (name == "value" and control.kind not in ("button", "link")):
            return f"{tag}[{name}={quoted(value)}]"
    return tag


def quoted(text: str) -> str:
    """A text as TOML, and CSS, has it."""
    return json.dumps(text, ensure_ascii=False)


def page_table(url: str, title: str, has: str = "") -> str:
    """What names a page: its path, its title where that is about no person, an element."""
    path = urlsplit(url).path
    parts = [f"url_contains = {quoted(path)}"] if len(path) > 1 and not _MADE.search(path) else []
    said = told(title)
    if said and "..." not in said:
        parts.append(f"title_contains = {quoted(said)}")
    if has:
        parts.append(f"has = {quoted(has)}")
    return f"{{ {', '.join(parts)} }}"


def _page(page: PageSnapshot, first: Control | None) -> str:
    return page_table(page.url, page.title, selector(first) if first is not None else "")


def _fields(page: PageSnapshot, plan: LoginPlan) -> Iterator[tuple[Control, str]]:
    usable = [c for c in page.of_kind("text", "password") if not c.readonly and not is_search(c)]
    secret = any(c.kind == "password" for c in usable)
    best = max((user_score(c) for c in usable if c.kind == "text"), default=0)
    for control in usable[:_MOST_FIELDS]:
        if is_one_time(control):
            yield control, "one-time-code"
        elif control.kind == "password":
            yield control, "password"
        elif user_score(control) == best and (best or secret):
            best = -1  # one field is for the user
            yield control, "user"
        elif plan.patient and words.PATIENT.search(field_words(control)):
            yield control, "patient"
        elif control.required or not control.filled:
            yield control, UNKNOWN


def _selects(page: PageSnapshot, plan: LoginPlan) -> Iterator[tuple[Control, str]]:
    for control in page.of_kind("select"):
        about = field_words(control)
        if plan.patient and (words.PATIENT.search(about) or any(o.value == plan.patient for o in control.options)):
            yield control, "patient"
        elif not any(o.selected and o.value for o in control.options):
            usable = [o.value for o in control.options if o.value and not o.disabled]
            yield control, usable[0] if len(usable) == 1 and usable[0] not in FILLED else UNKNOWN


def _button(page: PageSnapshot, plan: LoginPlan, near: Sequence[Control]) -> Control | None:
    if near:
        found = submit_of(page, near[-1], words.SIGN_IN, plan.persona)
        if found is not None:
            return found
    usable = [c for c in page.of_kind("button", "link") if leads_on(c) and not c.outer]
    for meaning in (words.ALLOW, words.CONTINUE, words.SIGN_IN):
        for control in usable:
            if says(control, meaning):
                return control
    return next((c for c in usable if c.kind == "button"), None)


def _patient(page: PageSnapshot, plan: LoginPlan) -> str:
    """What chooses the patient of the plan, where a control has the id or the name; both are left to the file."""
    for control in page.of_kind("button", "link", "radio"):
        tag = control.tag or "a"
        for attribute, value in (("id", control.id), ("href", control.href), ("value", control.value)):
            if plan.patient and plan.patient in value:
                return f'{tag}[{attribute}*="{{patient}}"]'
        if any(name and name in control.caption for name in plan.patient_names):
            return f'{tag}:has-text("{{patient_name}}")'
    return ""


def entry(element: str, what: str) -> str:
    """One element with what goes into it: a role, else a text."""
    return f"{{ selector = {quoted(element)}, {'role' if what in FILLED else 'value'} = {quoted(what)} }}"


def _entries(key: str, entries: Sequence[tuple[Control, str]]) -> list[str]:
    if not entries:
        return []
    written = [entry(selector(control), value) for control, value in entries]
    unknown = [control.caption for control, value in entries if value == UNKNOWN]
    note = f"   # write what to give for {', '.join(quoted(told(c) or 'this') for c in unknown)}" if unknown else ""
    return [f"{key} = [{', '.join(written)}]{note}"]
