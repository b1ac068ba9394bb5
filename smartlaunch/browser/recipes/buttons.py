"""What a button or link does, told by its words: which one submits a form, which role it stands for, whether it leads on."""

from __future__ import annotations

import re

from smartlaunch.browser import lexicon as words
from smartlaunch.browser.lexicon import says, split_name, wants_patient
from smartlaunch.browser.snapshot import Control, PageSnapshot


def role_of(control: Control) -> str:
    """Which role a control stands for: ``patient``, ``provider`` or neither; its value is asked when its caption does not say."""
    said = [control.caption] if control.kind == "link" else [control.caption, split_name(control.value)]
    for text in said:
        patient, provider = words.PATIENT_ROLE.search(text), words.PROVIDER_ROLE.search(text)
        if patient and not (provider and text is said[0]):
            return "patient"
        if provider and not patient:
            return "provider"
    return ""


def leads_on(control: Control) -> bool:
    """Whether pressing it may bring the walk forward, so neither help nor a way back, another provider, a search."""
    if (
        control.pager
        or control.menu
        or any(says(control, p, deep=False) for p in (words.NEVER, words.DENY, words.CANCEL, words.OTHER_PROVIDER, words.SEARCH))
    ):
        return False
    return not (control.href.startswith(("mailto:", "tel:", "javascript:void")) or "logout" in split_name(control.href))


def submit_of(page: PageSnapshot, near: Control, wanted: re.Pattern[str], persona: str) -> Control | None:
    """The control that submits the form of ``near``: of several, the one whose words fit, else the first that leads on."""
    inside = [c for c in page.of_kind("button") if near.form >= 0 and c.form == near.form]
    if not inside:
        return _loose(page, near, wanted)
    usable = [c for c in inside if (c.submit or says(c, wanted)) and leads_on(c)]
    of_role = _for_persona(usable, persona) if len(usable) > 1 and persona else None
    return of_role or next((c for c in usable if says(c, wanted)), next(iter(usable), None))


def _for_persona(buttons: list[Control], persona: str) -> Control | None:
    role = "patient" if wants_patient(persona) else "provider"
    return next((c for c in buttons if role_of(c) == role), None)


def _loose(page: PageSnapshot, near: Control, wanted: re.Pattern[str]) -> Control | None:
    """The button for a field outside of any form: the first with fitting words after it, else the first."""
    fitting = [c for c in page.of_kind("button") if c.form < 0 and not c.outer and says(c, wanted) and leads_on(c)]
    return next((c for c in fitting if c.ref > near.ref), next(iter(fitting), None))
