"""Choosing a role: as a provider or as a patient, or one of several profiles."""

from __future__ import annotations

from smartlaunch.browser import lexicon as words
from smartlaunch.browser.lexicon import normal, says, wants_patient
from smartlaunch.browser.recipes.buttons import role_of
from smartlaunch.browser.recipes.choices import alike, take_choice
from smartlaunch.browser.recipes.consent import consent_pair
from smartlaunch.browser.recipes.situation import Action, Situation, quoted


def choose_role(s: Situation) -> Action | None:
    """Sign in as a provider or as a patient, or take one of several profiles."""
    allow, deny = consent_pair(s)
    if allow is not None and deny is not None:
        return None
    return _account(s) or _side(s) or _profile(s)


def _account(s: Situation) -> Action | None:
    """The account of this user among those that the browser is signed in with, or the way to another one.

    A page that shows a name only is taken at its word: each user of the target file has a browser context of their own.
    """
    other = next((c for c in s.page.of_kind("button", "link", "radio") if words.OTHER_ACCOUNT.search(c.caption)), None)
    if other is None or not s.plan.username:
        return None
    mine = normal(s.plan.username)
    named = next((c for c in s.page.of_kind("button", "link", "radio") if mine in normal(f"{c.text} {c.label} {c.context}")), None)
    if named is not None:
        return take_choice(s, (named, ""), "role", "chose the account of the user")
    if mine not in normal(s.page.text) and "@" in s.page.text:
        return take_choice(s, (other, ""), "role", f"left the account of somebody else, pressed {quoted(other)}")
    onward = [c for c in s.page.of_kind("button", "link") if c is not other and words.GO_ON_AS.search(c.caption)]
    return (
        take_choice(s, (onward[0], ""), "role", f"went on as who is signed in, pressed {quoted(onward[0])}") if len(onward) == 1 else None
    )


def _side(s: Situation) -> Action | None:
    """One of two ways in, for staff and for patients."""
    items = [
        c
        for c in s.page.of_kind("radio", "button", "link")
        if not c.outer and len(c.caption) <= 60 and not says(c, words.NEVER, deep=False)
    ]
    provider = [c for c in items if role_of(c) == "provider"]
    patient = [c for c in items if role_of(c) == "patient"]
    if not (provider and patient and len(provider) + len(patient) <= 6):
        return None
    chosen = (patient if wants_patient(s.plan.persona) else provider)[0]
    return take_choice(s, (chosen, ""), "role", f"chose the role {quoted(chosen)}")


def _profile(s: Situation) -> Action | None:
    """One of several profiles, places or tenants: the one that is named like the user, else the one that is chosen or the first."""
    if not (words.CHOOSE.search(s.wording) and words.ROLE.search(s.heading) and not words.PATIENT.search(s.heading)):
        return None
    choices = alike(s)
    if not choices:
        return None
    wanted = [normal(n) for n in (s.plan.username, s.plan.persona, *s.plan.patient_names) if n]
    named = next((c for w in wanted for c in choices if w in normal(f"{c.text} {c.label} {c.value}")), None)
    chosen = named or next((c for c in choices if c.checked), choices[0])
    return take_choice(s, (chosen, ""), "role", f"chose {quoted(chosen)}")
