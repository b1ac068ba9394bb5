"""Acting on the page: when to, and how each thing is done."""

from __future__ import annotations

import time
from typing import Literal

from smartlaunch.browser.plan import Deselect
from smartlaunch.browser.recipes import Act, Obstacle, Op
from smartlaunch.browser.snapshot import ACT_SCRIPT, ELEMENT_SCRIPT, PageSnapshot
from smartlaunch.browser.walk.ending import picture, stopped_by, stuck
from smartlaunch.browser.walk.state import Acted, Walk, rest


def perhaps(walk: Walk, page: PageSnapshot, action: Act) -> bool:
    """Act now, or wait until a page that might move on by itself has come to rest."""
    if not _time_to_act(walk, page, action):
        return False
    walk.count()
    if walk.window.driver.pictures or (walk.capture and action.topic == "consent"):
        picture(walk, page, action.topic)
    if action.topic in ("login", "user"):
        guard_password(walk, page)
    walk.recording.fetch_bodies()
    walk.recording.recognized(action.topic)
    walk.acted = Acted(page.document, time.monotonic(), walk.recording.sent, action)
    done = _do(walk, page, action)
    if done != "done":
        walk.acted = None
        return done == "left"  # a form that was shown for a moment was not sent
    walk.memory.note(action)
    walk.steps.append(action.note)
    if action.topic == "consent" or action.consents:
        walk.asked_consent = True
        walk.denied = walk.denied or walk.plan.consent == "deny"
        walk.unticked = tuple(walk.plan.consent.scopes) if isinstance(walk.plan.consent, Deselect) else walk.unticked
        off = {op.control.ref for op in action.ops if op.kind == "check" and not op.on}
        walk.agreed += [f"{box.value} {box.label}".strip() for box in page.of_kind("checkbox") if box.ref not in off]
    let_it_begin(walk)
    return True


def _time_to_act(walk: Walk, page: PageSnapshot, action: Act) -> bool:
    here, early = walk.here(), walk.here() < min(2.0, walk.step_s)
    in_form = all(op.control.form >= 0 or op.control.kind == "link" for op in action.ops)
    if action.careful:
        if early and not (page.complete and walk.quiet() >= rest(page)):
            return False
        return not (page.refresh_s is not None and page.refresh_s < 3 and here < page.refresh_s + 1)
    return in_form or not early or (page.complete and walk.quiet() >= 0.05)


def let_it_begin(walk: Walk) -> None:
    """Wait a moment for the request of an action: a look at a page that is just leaving is held up until the next one is there."""
    acted = walk.acted
    until = time.monotonic() + 0.03
    while acted is not None and acted.sent == walk.recording.sent and walk.caught is None and time.monotonic() < until:
        walk.pump(2)


def guard_password(walk: Walk, page: PageSnapshot) -> None:
    """End the walk before credentials go to a host that refused them, or that calls the account locked."""
    ledger = walk.window.driver.ledger
    withheld = walk.window.driver.withheld(page.url)
    if withheld:
        stuck(walk, withheld)
    locked, held = ledger.locked(page.host, walk.plan), ledger.held_back(page.host, walk.plan)
    if locked:
        stopped_by(walk, Obstacle("locked", locked), "a page said so earlier in this run; nothing more is sent for it")
    if held:
        stuck(walk, f"{held}; they are not sent again, since accounts lock")
    walk.login_from = len(walk.recording.entries)


def press_enter_instead(walk: Walk) -> bool:
    """Press Enter in the form just filled when its button sent nothing at all; nothing is sent twice by that."""
    acted = walk.acted
    if acted is None or acted.action is None or acted.sent != walk.recording.sent or walk.entered:
        return False
    filled = [op for op in acted.action.ops if op.kind == "fill"]
    if not filled:
        return False
    walk.entered = True
    acted.at = time.monotonic()
    _apply(walk, Op("enter", filled[-1].control))
    walk.steps.append("pressed Enter, since the button did nothing")
    return True


def _do(walk: Walk, page: PageSnapshot, action: Act) -> Literal["done", "left", "changed"]:
    """Carry out an action, unless the page goes on by itself or changes under it.

    On a page without any script nothing can tell a set value from a typed one, so one round trip does it all. Every other page
    gets real key strokes and clicks.
    """
    from playwright.sync_api import Error

    pressing = True
    plain = not page.scripts and all(op.kind != "enter" and not op.control.opens for op in action.ops)
    try:
        if plain:
            carried = bool(walk.window.acting_frame().evaluate(ACT_SCRIPT, [_command(op) for op in action.ops]))
            return "done" if carried else "changed"
        for op in action.ops:
            pressing = op.kind in ("click", "enter")
            _apply(walk, op)
    except Error:
        walk.pump()
        if walk.caught is not None or walk.recording.waiting_for_document() is not None:
            return "done" if pressing else "left"
        return "done" if walk.actions > 3 else "changed"
    return "done"


def _apply(walk: Walk, op: Op) -> None:
    from playwright.sync_api import Error

    frame = walk.window.acting_frame()
    limit = min(3000.0, walk.step_s * 1000)
    if op.kind in ("check", "select") or (op.kind == "click" and not op.control.hit):
        frame.evaluate(ACT_SCRIPT, [_command(op)])
        return
    element = frame.evaluate_handle(ELEMENT_SCRIPT, op.control.ref).as_element()
    if element is None:
        raise Error("the element is gone")
    if op.kind == "fill":
        try:
            element.fill(op.value, timeout=limit, force=True)
        except Error:
            frame.evaluate(ACT_SCRIPT, [_command(op)])
    elif op.kind == "enter":
        element.press("Enter", timeout=limit, no_wait_after=True)
    else:
        element.click(timeout=limit, force=True, no_wait_after=True)


def _command(op: Op) -> list[object]:
    return [op.control.ref, op.kind, op.on if op.kind == "check" else op.value]
