"""The steps of the target file, and those of the recipe of a product whose page it is; both come before the automatic recipe."""

from __future__ import annotations

import time
from typing import Any

from smartlaunch.browser.one_time_code import one_time_code
from smartlaunch.browser.plan import Deselect, Entry, LoginStep, PageMatch
from smartlaunch.browser.recipes.consent import is_consent
from smartlaunch.browser.snapshot import PageSnapshot
from smartlaunch.browser.walk.acting import guard_password, let_it_begin
from smartlaunch.browser.walk.ending import landing, picture, shoot
from smartlaunch.browser.walk.looking import look_at
from smartlaunch.browser.walk.state import Acted, Walk
from smartlaunch.browser.watchdog import GRACE_S
from smartlaunch.errors import LoginStuck

MOVING_S = 1.0
OPTIONAL_S = 2.0
"""How long an element is waited for that need not come."""
_TAKE = """element => {
  const input = element.tagName === 'LABEL' && element.control ? element.control : element;
  if (input.tagName !== 'INPUT' || !['radio', 'checkbox'].includes(input.type)) return false;
  if (!input.checked) element.click();
  return true;
}"""
"""A box or a radio button that is chosen already stays so, whether it or its label is named."""
_UNTICK = """element => {
  if (element.tagName === 'INPUT' && element.type === 'checkbox') { if (element.checked) element.click(); } else element.click();
}"""


class _Misfit(Exception):
    """What a step wanted of the page, and what the page has instead."""


def scripted_step(walk: Walk, page: PageSnapshot) -> bool:
    """Do the first step that names this page and was not done yet; say whether there was one.

    A question for consent is answered by a step that says how to answer it so, else by the automatic recipe.
    """
    for step in walk.plan.steps or ():
        if _key(step) not in walk.steps_done and _applies(walk, step, page):
            return _do(walk, page, step)
    known = _of_product(walk, page)
    return known is not None and _do(walk, page, known, trusted=False)


def _key(step: LoginStep) -> tuple[str, int]:
    return step.source, step.number


def _of_product(walk: Walk, page: PageSnapshot) -> LoginStep | None:
    """The step of the one recipe that knows the page; two that think so know nothing."""
    found: dict[str, LoginStep] = {}
    for recipe in walk.plan.recipes:
        if recipe.name in walk.given_up or not any(_bears(page, mark) for mark in recipe.marks):
            continue
        step = next((s for s in recipe.steps if _key(s) not in walk.steps_done and _applies(walk, s, page)), None)
        if step is not None:
            found[recipe.name] = step
    if len(found) > 1:
        _leave(walk, found, f"{' and '.join(f'{name} ({step.place})' for name, step in found.items())} both know the page")
        return None
    return next(iter(found.values()), None)


def _bears(page: PageSnapshot, mark: PageMatch) -> bool:
    """Whether a page bears a mark, told from what was seen of it, since every page of every login is asked for many."""
    return (
        mark.url_contains in page.url
        and mark.title_contains.lower() in page.title.lower()
        and (not mark.has or any(f"#{control.id}" == mark.has for control in page.controls))
    )


def _leave(walk: Walk, recipes: dict[str, LoginStep], why: str) -> None:
    """Go on without recipes that do not fit, and say so."""
    walk.given_up.update(recipes)
    walk.steps.append(f"left to the automatic recipe: {why}")


def _do(walk: Walk, page: PageSnapshot, step: LoginStep, *, trusted: bool = True) -> bool:
    walk.count()
    walk.steps_done.add(_key(step))
    if walk.window.driver.pictures or step.screenshot:
        picture(walk, page, f"step-{step.number}")
    walk.recording.fetch_bodies()
    for topic in _topics(step, walk):
        walk.recording.recognized(topic)
    walk.acted = Acted(page.document, time.monotonic(), walk.recording.sent, None)
    try:
        done = _run_step(walk, page, step, hurry=step.optional or not trusted)
    except _Misfit as misfit:
        if trusted:
            raise _named(walk, step, str(misfit)) from None
        walk.acted = None
        _leave(walk, {step.source.removeprefix("the recipe "): step}, f"{step.name} ({step.place}) {misfit}")
        return False
    if done:
        let_it_begin(walk)
        walk.steps.append(step.name)
        _remember(walk, page, step)
    else:
        walk.acted = None
        walk.steps_done.discard(_key(step))
    return True


def _named(walk: Walk, step: LoginStep, problem: str) -> LoginStuck:
    """The step that does not fit, by file and line, with what the page has."""
    walk.screenshot = shoot(walk, "stuck")
    where = f"{step.place}: " if step.place else ""
    whose = "[login.steps]" if step.source == "the target file" else step.source
    return LoginStuck(
        f"{where}step {step.number} of {whose} {problem}\n{landing(walk, 'no-way-on').describe()}",
        waited_for=f"an element within {walk.step_s:g} s",
        hint="compare the selector with the page's controls above",
        artifacts=(walk.screenshot,) if walk.screenshot else (),
    )


def _topics(step: LoginStep, walk: Walk) -> list[str]:
    """What the page of a step is about, as the automatic recipe would call it."""
    filled = {entry.role for entry in (*step.fill, *step.choose)}
    pressed = {entry.role for entry in step.pressed(walk.plan)}
    patient = "patient" in filled or any("{patient" in selector for selector in step.selectors(walk.plan))
    return [
        topic
        for topic, holds in (
            ("login", "password" in filled),
            ("user", "user" in filled and "password" not in filled),
            ("code", "one-time-code" in filled),
            ("patient", patient),
            ("encounter", "encounter" in filled),
            ("consent", bool(pressed & {"allow", "deny"})),
        )
        if holds
    ]


def _remember(walk: Walk, page: PageSnapshot, step: LoginStep) -> None:
    """Keep what the step answered, as the automatic recipe does of what it answers."""
    topics = _topics(step, walk)
    walk.memory.since_login.update(topic for topic in topics if topic != "login")
    walk.memory.patient_chosen = walk.memory.patient_chosen or "patient" in topics
    if "consent" in topics or (walk.plan.consent == "allow" and any(not e.role for e in step.click) and is_consent(page)):
        walk.asked_consent = True
        walk.denied = walk.denied or walk.plan.consent == "deny"
        walk.unticked = walk.plan.consent.scopes if isinstance(walk.plan.consent, Deselect) else walk.unticked


def _applies(walk: Walk, step: LoginStep, page: PageSnapshot) -> bool:
    from playwright.sync_api import Error

    plan, match = walk.plan, step.page
    if not step.concerns(plan) or _wants_what_is_not_known(walk, step):
        return False
    if plan.consent != "allow" and not any(e.role for e in step.pressed(plan)) and is_consent(page):
        return False
    url, title = page.url, page.title
    try:
        if step.frame:  # what was looked at may be the frame itself; a step that names one tells its page from outside
            front = walk.window.front_page()
            url, title = front.url, front.title()
    except Error:
        return False
    if match.url_contains not in url or match.title_contains.lower() not in title.lower():
        return False
    needed = _selector(walk, match.has)
    if not (match.url_contains or match.title_contains or match.has):
        needed = _selector(walk, step.selectors(plan)[0])
    try:
        return (not needed or _visible(walk, step, needed)) and _can_untick(walk, step)
    except Error as error:
        if "selector" in str(error).lower():
            where = f"{step.place}: " if step.place else ""
            raise LoginStuck(f"{where}the selector {needed!r} of {step.name} is not valid", hint="mend it there") from None
        return False


def _visible(walk: Walk, step: LoginStep, selector: str) -> bool:
    return bool(_place(walk, step).locator(selector).filter(visible=True).count())


def _wants_what_is_not_known(walk: Walk, step: LoginStep) -> bool:
    """Whether a selector of it speaks of a patient whom nobody named: without a name it would fit everybody."""
    return not walk.plan.patient and any("{patient" in s for s in (step.page.has, *step.selectors(walk.plan)))


def _can_untick(walk: Walk, step: LoginStep) -> bool:
    """Whether each scope that is to be left out has its box; where one has none, the automatic recipe looks further, and says so."""
    if not isinstance(walk.plan.consent, Deselect):
        return True
    boxes = [entry for entry in step.pressed(walk.plan) if entry.role == "untick"]
    place = _place(walk, step)
    return all(
        any(place.locator(_of_scope(entry.selector, scope)).count() for entry in boxes) for scope in walk.plan.consent.scopes if boxes
    )


def _run_step(walk: Walk, page: PageSnapshot, step: LoginStep, *, hurry: bool) -> bool:
    """Do a step; false when the page went on by itself meanwhile, since one that was shown for a moment needs nothing."""
    from playwright.sync_api import Error

    frame = _place(walk, step)
    limit = min(OPTIONAL_S, walk.step_s) * 1000 if hurry else walk.step_s * 1000
    doing = ""
    walk.window.driver.beat(walk.step_s * len(step.selectors(walk.plan)) + GRACE_S)
    secret = any(entry.role == "password" for entry in step.fill)
    try:
        if step.wait:
            doing = f"wait for {step.wait!r}"
            frame.locator(step.wait).filter(visible=True).first.wait_for(timeout=limit)
        if secret:
            guard_password(walk, page)
        for entry in step.fill:
            doing = f"fill {entry.selector!r}"
            _one(walk, frame, entry.selector, limit).fill(_value(walk, entry), timeout=limit)
        for entry in step.choose:
            doing = f"choose {entry.selector!r}"
            _choose(walk, _one(walk, frame, entry.selector, limit), entry, limit)
        for entry in [e for e in step.pressed(walk.plan) if e.role == "untick"]:
            doing = f"untick {entry.selector!r}"
            _untick(walk, frame, entry)
        pressing = [("press Enter in", step.press)] if step.press else []
        pressing += [("click", entry.selector) for entry in step.pressed(walk.plan) if entry.role != "untick"]
        for how, selector in pressing:
            doing = f"{how} {selector!r}"
            element = _one(walk, frame, selector, limit)
            if secret:
                walk.memory.note_login(f"{page.host}|step")
                secret = False
            if how == "click":
                element.click(timeout=limit, no_wait_after=True)
            else:
                element.press("Enter", timeout=limit, no_wait_after=True)
        if secret:
            walk.memory.note_login(f"{page.host}|step")
    except (Error, _Misfit) as problem:
        if _goes_on(walk):
            return False
        if step.optional:
            return True
        more = f": {problem}" if isinstance(problem, _Misfit) else ""
        raise _Misfit(f"cannot {doing}{more}") from None
    return True


def _one(walk: Walk, frame: Any, selector: str, limit: float) -> Any:
    """The one visible element that a selector fits; with two of them nobody knows which was meant."""
    shown = frame.locator(_selector(walk, selector)).filter(visible=True)
    shown.first.wait_for(timeout=limit)
    count = shown.count()
    if count > 1:
        raise _Misfit(f"it fits {count} elements of the page; make it fit one, or add ` >> nth=0` for the first")
    return shown.first


def _choose(walk: Walk, element: Any, entry: Entry, limit: float) -> None:
    """Take an entry of a list by value or label, tick a radio button or a box, or press what stands for the choice."""
    if element.evaluate("element => element.tagName === 'SELECT'"):
        element.select_option(_value(walk, entry), timeout=limit)
    elif not element.evaluate(_TAKE):
        element.click(timeout=limit, no_wait_after=True)


def _untick(walk: Walk, frame: Any, entry: Entry) -> None:
    for scope in walk.plan.consent.scopes if isinstance(walk.plan.consent, Deselect) else ():
        for box in frame.locator(_of_scope(entry.selector, scope)).all():
            box.evaluate(_UNTICK)


def _place(walk: Walk, step: LoginStep) -> Any:
    """Where the selectors of a step are looked for: the page, or the frame in it that the step names."""
    return walk.window.front_page().frame_locator(step.frame) if step.frame else walk.window.acting_frame()


def _goes_on(walk: Walk) -> bool:
    """Whether another page comes, or the app is reached, without anything being done; a short wait for it."""
    until = time.monotonic() + MOVING_S
    while time.monotonic() < until:
        walk.pump()
        if walk.caught is not None or walk.recording.waiting_for_document() is not None:
            return True
        look = look_at(walk)
        if look is not None and walk.acted is not None and look.document != walk.acted.document:
            return True
    return False


def _selector(walk: Walk, selector: str) -> str:
    """A selector with the plan's patient in its place, by id or by name."""
    patient = walk.plan.patient or ""
    name = next(iter(walk.plan.patient_names), patient)
    return selector.replace("{patient}", _quotable(patient)).replace("{patient_name}", _quotable(name))


def _of_scope(selector: str, scope: str) -> str:
    """A selector with a scope in its place, whole or by its resource type."""
    resource = scope.partition("/")[2].partition(".")[0] or scope
    return selector.replace("{scope}", _quotable(scope)).replace("{resource}", _quotable(resource))


def _quotable(text: str) -> str:
    """A text that stays within the quotes of a selector."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("'", "\\'")


def _value(walk: Walk, entry: Entry) -> str:
    """What goes into a page for a role; a value stands for itself."""
    plan = walk.plan
    if entry.role == "one-time-code":
        return one_time_code(plan.totp_secret) if plan.totp_secret else ""
    known = {"user": plan.username, "password": plan.password, "patient": plan.patient or "", "encounter": plan.encounter or ""}
    return known.get(entry.role, entry.value)
