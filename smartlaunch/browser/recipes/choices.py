"""Choosing one of several things: which things a page offers, and how to take one of them."""

from __future__ import annotations

import re

from smartlaunch.browser import lexicon as words
from smartlaunch.browser.lexicon import field_words, normal, says, split_name
from smartlaunch.browser.recipes.buttons import submit_of
from smartlaunch.browser.recipes.consent import consent, consent_pair
from smartlaunch.browser.recipes.situation import Act, Action, Memory, Op, Situation, Stuck, quoted
from smartlaunch.browser.snapshot import Control

Choice = tuple[Control, str]
"""A control and, for a select, the value to choose."""


def option_selected(choice: Choice) -> bool:
    """Whether the option of a select is the one that is chosen already."""
    return any(o.selected and o.value == choice[1] for o in choice[0].options)


def offered(s: Situation, subject: re.Pattern[str], *, about: bool) -> list[Choice]:
    """What a page offers of a subject; ``about`` says that the page's words are about choosing one."""
    options = _options(s, subject, about=about)
    if options:
        return options
    rows = _rows(s, subject)
    if rows and (about or any(c.kind == "radio" or c.data for c in rows)):
        return [(c, "") for c in rows]
    if about and words.CHOOSE.search(s.wording):
        return [(c, "") for c in alike(s)]
    return []


def _options(s: Situation, subject: re.Pattern[str], *, about: bool) -> list[Choice]:
    selects = s.page.of_kind("select")
    for control in selects:
        said = field_words(control)
        if subject.search(said) or (about and len(selects) == 1 and not words.ROLE.search(said) and not words.ASIDE.search(said)):
            options = [(control, o.value) for o in control.options if o.value and not o.disabled]
            if options and not all(_is_an_answer(o.text) for o in control.options if o.value and not o.disabled):
                return options
    return []


def _rows(s: Situation, subject: re.Pattern[str]) -> list[Control]:
    """Controls whose name, class or data names the subject: radio buttons, else rows, else buttons with a value of their own."""
    named = [c for c in s.page.of_kind("radio", "button", "link") if _names(c, subject) and not _leads_past(c)]
    return (
        [c for c in named if c.kind == "radio"]
        or [c for c in named if c.data or c.tag in ("tr", "li")]
        or [c for c in named if not c.submit or c.value]
    )


def _names(control: Control, subject: re.Pattern[str]) -> bool:
    keys = (split_name(d.split("=")[0]) for d in control.data)
    return not control.outer and bool(subject.search(" ".join((split_name(control.name), split_name(control.classes), *keys))))


def _leads_past(control: Control, *others: re.Pattern[str]) -> bool:
    """Whether it stands for not choosing: cancel, skip, help, an empty list."""
    never = (words.NEVER, words.CANCEL, words.SKIP, words.NOBODY, *others)
    return control.pager or any(says(control, pattern, deep=False) for pattern in never)


def alike(s: Situation) -> list[Control]:
    """The things of one sort among which a page asks to choose: radio buttons, else rows, else buttons, else links."""
    radios = s.page.of_kind("radio")
    if radios:
        return [c for c in radios if not _is_an_answer(c.caption)]
    pressable = [c for c in s.page.of_kind("button", "link") if not c.outer and not _leads_past(c, words.DENY, words.OTHER_PROVIDER)]
    # What sends off a form with a field to choose from or to fill belongs to that field.
    filled = {c.form for c in s.page.controls if c.form >= 0 and (c.kind == "select" or (c.kind in ("text", "password") and c.required))}
    pressable = [c for c in pressable if not (c.submit and not c.value and c.form in filled)]
    rows = [c for c in pressable if c.tag in ("tr", "li", "div", "article", "td", "span")]
    if rows:
        return rows
    return [c for c in pressable if _is_choice(c)] or [c for c in pressable if c.kind == "link"]


def _is_an_answer(text: str) -> bool:
    """Whether it answers another question than whom or what to choose: yes, no, for how long."""
    said = normal(text)
    return bool(words.PERIOD.fullmatch(said) or words.ALLOW.fullmatch(said) or words.DENY.fullmatch(said))


def _is_choice(control: Control) -> bool:
    """Whether a button is one of several rather than the one that goes on; in a row of a list any is."""
    caption = normal(control.caption)
    if control.kind != "button" or words.SEARCH.fullmatch(caption):
        return False
    return not words.CONTINUE.fullmatch(caption) or bool(control.context)


def take_choice(s: Situation, choice: Choice, topic: str, note: str) -> Action:
    """Take one of several things, with the button that goes with it."""
    control, value = choice
    key = f"{s.page.host}|{control.name or control.id or topic}|{len(s.page.controls)}"
    if control.kind == "select":
        ops = [] if option_selected(choice) else [Op("select", control, value)]
        return _and_submit(s, control, topic, note, ops, key)
    if control.kind in ("radio", "checkbox"):
        return _and_submit(s, control, topic, note, [Op("check", control)] if not control.checked else [], key)
    return Act(topic, note, (Op("click", control),), careful=control.form < 0 and control.kind != "link", key=key)


def _and_submit(s: Situation, control: Control, topic: str, note: str, ops: list[Op], key: str) -> Action:
    allow, deny = consent_pair(s)
    if allow is not None and deny is not None:
        answer = consent(Situation(s.page, s.plan, Memory(), s.catch, None))
        if isinstance(answer, Stuck):
            return answer
        if isinstance(answer, Act):
            rest = [op for op in answer.ops if not (op.kind == "check" and control.kind == "radio" and op.control.name == control.name)]
            return Act(topic, f"{note}, {answer.note}", (*ops, *rest), key=key, consents=True)
    button = submit_of(s.page, control, words.CONTINUE, s.plan.persona) or allow
    if button is not None:
        return Act(topic, f"{note}, pressed {quoted(button)}", (*ops, Op("click", button)), key=key)
    return Act(topic, note, tuple(ops or [Op("check", control)]), key=key)
