"""Choosing an encounter: the configured one, else the one that is chosen or the first, else none."""

from __future__ import annotations

from smartlaunch.browser import lexicon as words
from smartlaunch.browser.lexicon import says, without_scopes
from smartlaunch.browser.recipes.choices import offered, option_selected, take_choice
from smartlaunch.browser.recipes.consent import is_consent
from smartlaunch.browser.recipes.patients import likeness
from smartlaunch.browser.recipes.situation import Act, Action, Op, Situation, Stuck, quoted


def choose_encounter(s: Situation) -> Action | None:
    """Choose the configured encounter, else the one that is chosen or the first, else go on without."""
    about = bool(words.ENCOUNTER.search(s.heading)) or bool(
        words.CHOOSE.search(s.heading) and words.ENCOUNTER.search(without_scopes(s.page.text[:400]))
    )
    if is_consent(s.page):
        about = bool(words.ENCOUNTER.search(s.heading) and words.CHOOSE.search(s.heading))
    choices = offered(s, words.ENCOUNTER, about=about)
    if not choices:
        return _without(s) if about and words.CHOOSE.search(s.wording) else None
    if s.plan.encounter:
        return _by_id(s, s.plan.encounter, len(choices))
    chosen = next((c for c in choices if c[0].checked or option_selected(c)), choices[0])
    return take_choice(s, chosen, "encounter", "chose the first encounter, since none is configured")


def _without(s: Situation) -> Action | None:
    skip = next((c for c in s.page.of_kind("button", "link") if says(c, words.SKIP, deep=False)), None)
    return Act("encounter", f"pressed {quoted(skip)}", (Op("click", skip),), key=s.page.host) if skip else None


def _by_id(s: Situation, wanted: str, offered_ones: int) -> Action:
    for control in s.page.controls:
        if control.kind in ("text", "password") or control.disabled:
            continue
        scored = likeness(control, wanted, [])
        if scored:
            return take_choice(s, scored[0][0], "encounter", "chose the encounter by id")
    return Stuck(f"the configured encounter is not among the {offered_ones} that the page offers", not_offered=True)
