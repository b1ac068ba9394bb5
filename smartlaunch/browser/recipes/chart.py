"""An EHR's own pages: open the patient, press the launch control of the app."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from smartlaunch.browser import lexicon as words
from smartlaunch.browser.lexicon import normal
from smartlaunch.browser.recipes.buttons import submit_of
from smartlaunch.browser.recipes.fields import has_token
from smartlaunch.browser.recipes.patients import choose_patient, open_any_chart
from smartlaunch.browser.recipes.situation import Act, Action, ChartGoal, Op, Situation, quoted
from smartlaunch.browser.snapshot import Control


def launch_from_chart(s: Situation) -> Action | None:
    """Press the launch control of the app, once the patient is open."""
    if s.goal is None:
        return None
    if s.goal.patient and not s.memory.patient_chosen:
        opened = choose_patient(s)
        if isinstance(opened, Act):
            return opened
    return _chosen_from_list(s, s.goal) or _pressed(s, s.goal) or _menu(s) or open_any_chart(s)


def _chosen_from_list(s: Situation, goal: ChartGoal) -> Act | None:
    name = normal(goal.app_name)
    for control in s.page.of_kind("select") if name else ():
        option = next((o for o in control.options if name in normal(o.text) or o.value == goal.client_id), None)
        button = submit_of(s.page, control, words.LAUNCH, "") if option else None
        if option and button:
            ops = (Op("select", control, option.value), Op("click", button))
            return Act("launch", f"chose the app, pressed {quoted(button)}", ops, key="select")
    return None


def _pressed(s: Situation, goal: ChartGoal) -> Act | None:
    """The control of the app by its client id, by its name on it or in its row, or the only one that launches anything."""
    candidates = _of_the_app(s, goal)
    launching = [c for c in candidates if words.LAUNCH.search(c.caption)] or candidates
    if not launching:
        anyone = [c for c in s.page.of_kind("button", "link") if words.LAUNCH.search(c.caption) and not c.outer]
        launching = anyone if len(anyone) == 1 else []
    if not launching:
        return None
    return Act("launch", f"pressed {quoted(launching[0])}", (Op("click", launching[0]),), key=launching[0].caption)


def _of_the_app(s: Situation, goal: ChartGoal) -> list[Control]:
    items = s.page.of_kind("button", "link")
    name = normal(goal.app_name)
    return (
        _told_apart([c for c in items if goal.client_id and _has_client_id(c, goal.client_id)], goal.client_id)
        or [c for c in items if name and name in normal(f"{c.text} {c.label}")]
        or [c for c in items if name and name in normal(c.context)]
    )


def _has_client_id(control: Control, client_id: str) -> bool:
    return any(has_token(client_id, t) for t in (control.value, control.href, *(d.split("=", 1)[1] for d in control.data)))


def _told_apart(controls: list[Control], client_id: str) -> list[Control]:
    """Of several that name the client id, those whose own it is: a link may name every app that is installed beside the one it opens."""
    if len(controls) < 2:
        return controls
    pairs = [set(_values(control)) for control in controls]
    shared = set.intersection(*pairs)
    own = [c for c, held in zip(controls, pairs, strict=True) if any(value == client_id for _, value in held - shared)]
    named = [c for c in controls if has_token(client_id, f"{c.text} {c.label} {c.context}")]
    return own or named or controls


def _values(control: Control) -> list[tuple[str, str]]:
    """What a control carries, by name: the parameters of its link, its value, its data."""
    data = [(name, value) for name, _, value in (d.partition("=") for d in control.data)]
    return [*parse_qsl(urlsplit(control.href).query), ("value", control.value), *data]


def _menu(s: Situation) -> Act | None:
    """Open the menu of apps, once."""
    pattern = r"(smart )?apps?|applications|more( apps)?|launch app"
    menu = next((c for c in s.page.of_kind("button", "link") if re.fullmatch(pattern, normal(c.caption))), None)
    if menu is None or s.memory.times("menu", menu.caption):
        return None
    return Act("menu", f"opened {quoted(menu)}", (Op("click", menu),), careful=True, key=menu.caption)
