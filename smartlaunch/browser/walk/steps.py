"""The steps of the target file, which come before any recipe."""

from __future__ import annotations

import time
from typing import Any

from smartlaunch.browser.one_time_code import one_time_code
from smartlaunch.browser.plan import LoginStep
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


def scripted_step(walk: Walk, page: PageSnapshot) -> bool:
    """Do the first step that names this page and was not done yet; say whether there was one.

    Steps say how to allow, so a question for consent that is to be answered otherwise is left to the recipe.
    """
    if walk.plan.consent != "allow" and is_consent(page):
        return False
    for number, step in enumerate(walk.plan.steps or (), start=1):
        if number in walk.steps_done or not _applies(walk, step, page):
            continue
        walk.count()
        walk.steps_done.add(number)
        if walk.window.driver.pictures or step.screenshot:
            picture(walk, page, f"step-{number}")
        walk.recording.fetch_bodies()
        if any(entry.value == "password" for entry in step.fill):
            guard_password(walk, page)
            walk.memory.note_login(f"{page.host}|step")
        walk.acted = Acted(page.document, time.monotonic(), walk.recording.sent, None)
        if _run_step(walk, step, number):
            let_it_begin(walk)
            walk.steps.append(f"step {number} of the target file")
        else:
            walk.acted = None
            walk.steps_done.discard(number)
        return True
    return False


def _applies(walk: Walk, step: LoginStep, page: PageSnapshot) -> bool:
    from playwright.sync_api import Error

    match = step.page
    url, title = page.url, page.title
    try:
        if step.frame:  # what was looked at may be the frame itself; a step that names one tells its page from outside
            front = walk.window.front_page()
            url, title = front.url, front.title()
    except Error:
        return False
    if match.url_contains and match.url_contains not in url:
        return False
    if match.title_contains and match.title_contains.lower() not in title.lower():
        return False
    needed = match.has
    if not (match.url_contains or match.title_contains or match.has):
        needed = _selector(walk, step.selectors[0])
    try:
        return not needed or bool(_place(walk, step).locator(needed).first.is_visible())
    except Error as error:
        if "selector" in str(error).lower():
            raise LoginStuck(f"the selector {needed!r} of [login.steps] is not valid", hint="mend it in the target file") from None
        return False


def _run_step(walk: Walk, step: LoginStep, number: int) -> bool:
    """Do a step; false when the page went on by itself meanwhile, since one that was shown for a moment needs nothing."""
    from playwright.sync_api import Error

    frame = _place(walk, step)
    limit = (OPTIONAL_S if step.optional else walk.step_s) * 1000
    doing = ""
    walk.window.driver.beat(walk.step_s * len(step.selectors) + GRACE_S)
    try:
        if step.wait_for:
            doing = f"wait for {step.wait_for!r}"
            frame.locator(step.wait_for).first.wait_for(timeout=limit)
        for entry in step.fill:
            doing = f"fill {entry.selector!r}"
            frame.locator(entry.selector).first.fill(_value(walk, entry.value), timeout=limit)
        for entry in step.select:
            doing = f"select in {entry.selector!r}"
            frame.locator(entry.selector).first.select_option(_value(walk, entry.value), timeout=limit)
        if step.press:
            doing = f"press Enter in {step.press!r}"
            frame.locator(_selector(walk, step.press)).first.press("Enter", timeout=limit, no_wait_after=True)
        if step.click:
            doing = f"click {step.click!r}"
            frame.locator(_selector(walk, step.click)).first.click(timeout=limit, no_wait_after=True)
    except Error:
        if _goes_on(walk):
            return False
        if step.optional:
            return True
        walk.screenshot = shoot(walk, "stuck")
        raise LoginStuck(
            f"step {number} of [login.steps] cannot {doing}\n{landing(walk, 'no-way-on').describe()}",
            waited_for=f"an element within {walk.step_s:g} s",
            hint="compare the selector with the page's controls above",
            artifacts=(walk.screenshot,) if walk.screenshot else (),
        ) from None
    return True


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
    name = next(iter(walk.plan.patient_names), walk.plan.patient or "")
    return selector.replace("{patient}", walk.plan.patient or "").replace("{patient_name}", name)


def _value(walk: Walk, value: str) -> str:
    known = {
        "username": walk.plan.username,
        "password": walk.plan.password,
        "one_time_code": one_time_code(walk.plan.totp_secret) if value == "one_time_code" and walk.plan.totp_secret else "",
        "patient": walk.plan.patient or "",
        "encounter": walk.plan.encounter or "",
    }
    return known.get(value, value)
