"""Pages that only want to be passed: stay signed in (no), cookies (only the needed), terms, warnings, durations."""

from __future__ import annotations

import re

from smartlaunch.browser import lexicon as words
from smartlaunch.browser.lexicon import says
from smartlaunch.browser.recipes.buttons import leads_on
from smartlaunch.browser.recipes.consent import unanswered
from smartlaunch.browser.recipes.situation import Act, Action, Op, Situation, quoted
from smartlaunch.browser.snapshot import Control


def notice(s: Situation) -> Action | None:
    """Pass a page with one way on, choosing what binds the least."""
    pressable = [c for c in s.page.of_kind("button", "link") if not c.outer]
    chosen = _stays_signed_out(s, pressable) or _needed_cookies(s, pressable) or _skips(pressable) or _closes(pressable)
    if chosen is not None:
        return _press(s, chosen)
    if _in_trouble(s):
        return None
    return _onward(s, pressable) or _unlocks(s) or _in_english(s, pressable) or _returns(s, pressable)


def _press(s: Situation, chosen: Control, how: str = "", before: tuple[Op, ...] = ()) -> Act:
    key = f"{s.page.host}|{s.page.title}|{s.page.headings[:1]}"
    return Act("notice", f"pressed {quoted(chosen)}{how}", (*before, Op("click", chosen)), careful=True, key=key)


def _stays_signed_out(s: Situation, pressable: list[Control]) -> Control | None:
    if not words.STAY.search(s.wording):
        return None
    return next((c for c in pressable if says(c, words.CANCEL) or says(c, words.SKIP) or says(c, words.DENY)), None)


def _needed_cookies(s: Situation, pressable: list[Control]) -> Control | None:
    if not (any(c.modal for c in pressable) and re.search(r"cookies?", s.wording, re.IGNORECASE)):
        return None
    return next((c for c in pressable if words.NECESSARY_ONLY.search(c.caption)), None)


def _skips(pressable: list[Control]) -> Control | None:
    return next((c for c in pressable if says(c, words.SKIP, deep=False) and not says(c, words.NEVER, deep=False)), None)


def _closes(pressable: list[Control]) -> Control | None:
    """What shuts a dialogue that lies over the page."""
    return next((c for c in pressable if c.modal and any(words.CLOSE.fullmatch(text) for text in (c.caption, c.label))), None)


def _unlocks(s: Situation) -> Act | None:
    """Tick what has to be read or agreed to before the button of its form can be pressed."""
    locked = {c.form for c in s.page.controls if c.kind == "button" and c.submit and c.disabled}
    boxes = [c for c in s.page.of_kind("checkbox") if not c.checked and c.form in locked and not says(c, words.REMEMBER)]
    ticks = [c for c in boxes if c.required or says(c, words.ALLOW) or words.TERMS.search(c.caption)]
    if not ticks:
        return None
    return Act("notice", f"ticked {quoted(ticks[0])}", tuple(Op("check", c) for c in ticks), key=f"{s.page.host}|ticks|{s.page.title}")


def _in_english(s: Situation, pressable: list[Control]) -> Act | None:
    """Take English where the page asks for a language."""
    if not words.LANGUAGE.search(s.heading):
        return None
    named = next((c for c in pressable if re.match(r"english\b", c.caption, re.IGNORECASE)), None)
    return _press(s, named) if named is not None else None


def _returns(s: Situation, pressable: list[Control]) -> Act | None:
    """Follow the one link back to the app on a page that has nothing else to do."""
    if s.page.of_kind("text", "password", "select", "radio", "checkbox"):
        return None
    back = [c for c in pressable if words.BACK_TO_APP.search(c.caption)]
    return _press(s, back[0]) if len(back) == 1 and len(pressable) == 1 else None


def _in_trouble(s: Situation) -> bool:
    """Whether the page tells of an error, so that going on would only hide it."""
    return bool(words.TROUBLE.search(s.heading)) or any(words.TROUBLE.search(error) for error in s.page.errors)


def _onward(s: Situation, pressable: list[Control]) -> Action | None:
    chosen, how = _way_on(s, pressable)
    if chosen is None or _wants_an_answer(s, chosen):
        return None
    boxes = [c for c in s.page.of_kind("checkbox") if not c.checked and not says(c, words.REMEMBER)]
    ticks = [Op("check", c) for c in boxes if c.required or says(c, words.ALLOW)]
    return _press(s, chosen, how, (*ticks, *unanswered(s, chosen)))


def _way_on(s: Situation, pressable: list[Control]) -> tuple[Control | None, str]:
    """The control that leads on, by its words or by being the only one, and how that was told."""
    onward = [c for c in pressable if leads_on(c) and (c.kind == "button" or words.CONTINUE.search(c.caption))]
    forward = [c for c in onward if says(c, words.CONTINUE) or says(c, words.ALLOW)]
    if forward:
        return min(forward, key=lambda c: (not c.submit, c.kind == "link", c.ref)), ""
    submits = [c for c in onward if c.submit]
    return (submits[0], ", the only button") if len(submits) == 1 and not s.page.of_kind("text") else (None, "")


def _wants_an_answer(s: Situation, chosen: Control) -> bool:
    """Whether the form has a field that must be filled and that nothing here can fill."""
    return any(c.required and not c.filled and not c.readonly and c.form == chosen.form for c in s.page.of_kind("text"))
