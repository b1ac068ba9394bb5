"""How a walk ends: caught, given up, refused, out of time; and the picture and the landing that tell of it."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from urllib.parse import urlsplit

from smartlaunch.browser.catcher import Caught, response_params
from smartlaunch.browser.landing import Landing, LandingKind
from smartlaunch.browser.recording import plain_failure
from smartlaunch.browser.snapshot import BLANK_SCRIPT, PageSnapshot
from smartlaunch.browser.walk.state import MAX_DOCUMENTS, SETTLED_S, End, Walk, rest
from smartlaunch.errors import LoginStuck

SCRIPTED_IDLE_S = 1.5
SHOT_QUALITY = 85
"""Of pictures, as JPEG: text stays sharp, at a quarter of the size of a PNG and a third of the time."""


def end_if_caught(walk: Walk) -> None:
    """End the walk when the browser was sent to the app."""
    if walk.caught is not None:
        raise End("caught")


def end_if_over(walk: Walk) -> None:
    """End the walk when the browser was sent to the app, the time is up, or there is nothing left to walk on."""
    end_if_caught(walk)
    if time.monotonic() > walk.deadline:
        raise End("timeout", f"the walk did not end within {walk.total_s:g} s")
    if walk.failure is not None:
        url, text = walk.failure
        raise End("unreachable", f"{urlsplit(url).netloc}: {plain_failure(text)}")
    if walk.crashed or walk.shown > MAX_DOCUMENTS:
        end_crashed(walk)


def end_if_unanswered(walk: Walk) -> bool:
    """Whether a document is being waited for; too long ends the walk."""
    waiting = walk.recording.waiting_for_document()
    if waiting is None:
        return False
    if time.monotonic() - waiting.clock > walk.step_s:
        raise End("timeout", f"{urlsplit(waiting.url).netloc} did not answer within {walk.step_s:g} s")
    return True


def end_crashed(walk: Walk) -> None:
    """End a walk whose page is gone, and say what took it."""
    walk.window.drop_page()
    if walk.shown > MAX_DOCUMENTS:
        raise End("unreachable", "the pages send the browser round in a circle")
    waiting = walk.recording.waiting_for_document()
    if walk.window.driver.bitten() and waiting is not None:
        raise End("timeout", f"{urlsplit(waiting.url).netloc} did not answer within {walk.step_s:g} s")
    if walk.window.driver.bitten():
        raise End("timeout", f"the page kept the browser busy and did not react within {walk.step_s:g} s")
    raise End("unreachable", "the page crashed the browser's tab")


def error_page(walk: Walk, page: PageSnapshot) -> None:
    """End on a page with an error status, once it is whole or late."""
    if (page.ready and walk.quiet() >= rest(page)) or walk.here() > walk.step_s:
        raise End("error-page", f"the server answered with status {page.status}")


def end_if_slow(walk: Walk) -> None:
    """End on a page that does not finish loading."""
    if walk.here() > walk.step_s:
        raise End("timeout", f"the page had not finished loading after {walk.step_s:g} s")


def nothing_shown(walk: Walk) -> None:
    """End a walk whose server answered without a page, once that is sure."""
    if walk.expecting is not None:
        if time.monotonic() - walk.expecting > walk.step_s:
            raise End("timeout", f"no navigation began within {walk.step_s:g} s")
        return
    if walk.recording.quiet_for() < SETTLED_S:
        return
    if walk.download:
        raise End("no-way-on", f"the server answered with a download ({walk.download})")
    entry = walk.last_answer
    if entry is not None and entry.status >= 400:
        raise End("error-page", f"the server answered with status {entry.status} and nothing to show")
    if entry is not None and entry.status:
        kind = f" of type {entry.media_type}" if entry.media_type else ""
        raise End("no-way-on", f"the server answered with status {entry.status} and nothing to show{kind}")
    raise End("no-way-on", "the browser has nothing to show")


def idle(walk: Walk, page: PageSnapshot, why: str = "nothing on the page leads on") -> None:
    """Give a page on which nothing can be done its time, and then give up."""
    quiet, here = walk.quiet(), walk.here()
    if walk.download:
        if quiet >= SETTLED_S:
            raise End("no-way-on", f"the server answered with a download ({walk.download})")
        return
    if here > walk.step_s:
        give_up(walk, why)
    if page.refresh_s is not None and here < page.refresh_s + 1:
        return
    if page.captcha and quiet >= SETTLED_S:
        give_up(walk, "the page asks for a captcha; no test can pass it")
    if quiet >= (SCRIPTED_IDLE_S if page.scripts else rest(page)):
        give_up(walk, why)


def give_up(walk: Walk, reason: str) -> None:
    """End on a page with no way on, or leave it to the person at a headed browser."""
    if walk.dialogs:
        reason = f"{reason}; the page said in a dialogue: {walk.dialogs[-1]}"
    if _hand_over(walk, reason):
        return
    raise End("no-way-on", reason)


def refused(walk: Walk, page: PageSnapshot, reason: str) -> None:
    """End a walk whose credentials were refused, and see to it that they are not sent again."""
    if _hand_over(walk, reason):
        return
    walk.window.driver.note_refusal(page.host, walk.plan)
    walk.screenshot = shoot(walk, "refused")
    raise LoginStuck(
        f"the sign-in was refused: {reason}\n{landing(walk, 'no-way-on').describe()}",
        waited_for="a page after the sign-in",
        hint="check the user's name and password in the target file by hand, in a browser",
        artifacts=(walk.screenshot,) if walk.screenshot else (),
    )


def _hand_over(walk: Walk, reason: str) -> bool:
    """Ask the person at a headed browser to go on; they have until the login limit."""
    if not walk.window.driver.headed:
        return False
    if not walk.handed_over:
        walk.handed_over = True
        walk.deadline = time.monotonic() + walk.total_s
        sys.stderr.write(
            f"\nsmartlaunch: the browser needs you: {reason}\n"
            f"  go on in its window until you are sent back to the app; waiting up to {walk.total_s:g} s\n"
        )
        sys.stderr.flush()
    return True


def shoot(walk: Walk, name: str) -> str:
    """Take a picture with passwords made invisible; an empty string when the browser cannot."""
    from playwright.sync_api import Error

    page = walk.window.front_page()
    try:
        page.evaluate(BLANK_SCRIPT, walk.plan.password)
        picture = page.screenshot(type="jpeg", quality=SHOT_QUALITY, timeout=4000, animations="disabled", caret="hide")
    except Error:
        return ""
    return walk.window.driver.keep_screenshot(f"{walk.window.name}-{name}", picture)


def landing(walk: Walk, kind: LandingKind, reason: str = "") -> Landing:
    """Where the walk ended, with what a person would have seen."""
    shown = walk.last.url and not walk.last.url.startswith("about:")
    if kind in ("no-way-on", "error-page", "timeout") and not walk.screenshot and shown:
        walk.screenshot = shoot(walk, kind)
    walk.recording.fetch_bodies()
    where = Landing(kind=kind, url=walk.last.url, reason=reason)
    if kind == "caught" and walk.caught is not None:
        where = _caught(walk, walk.caught, reason)
    return replace(
        where,
        status=walk.last.status or (walk.last_answer.status if walk.last_answer else 0),
        title=walk.last.title,
        text=walk.last.text,
        controls=tuple(c.describe() for c in walk.last.controls[:60]),
        page_url=walk.last.url,
        screenshot=walk.screenshot,
        captures=tuple(walk.captures),
        pages=tuple(walk.pages),
        steps=tuple(walk.steps),
        duration_ms=round((time.monotonic() - walk.began) * 1000, 1),
    )


def _caught(walk: Walk, caught: Caught, reason: str) -> Landing:
    if "#" not in caught.url:
        caught = _with_fragment(walk, caught)
    params, fragment = response_params(caught.url, caught.body)
    if not caught.uri and not reason:
        reason = "the browser was sent to an address that is none of those expected"
    return Landing(
        kind="caught",
        caught_uri=caught.uri,
        url=caught.url,
        method=caught.method,
        params=params,
        fragment_used=fragment,
        reason=reason,
    )


def _with_fragment(walk: Walk, caught: Caught) -> Caught:
    """Complete the caught address by its fragment, which comes with the stopped request or the Location header."""
    fragment = _stopped_fragment(walk, caught.url) or _location_fragment(walk, caught.url)
    if not fragment:
        return caught
    whole = replace(caught, url=f"{caught.url}#{fragment.removeprefix('#')}")
    for entry in walk.recording.entries:
        if entry.caught and entry.url == caught.url:
            entry.url = whole.url
    walk.caught = whole
    return whole


def _stopped_fragment(walk: Walk, url: str) -> str:
    stopper = walk.window.driver.stopper
    if stopper is None or not url.startswith("http"):
        return ""
    until = time.monotonic() + 0.5
    while url not in stopper.fragments and time.monotonic() < until:
        walk.pump(1)
    return stopper.fragments.get(url, "")


def _location_fragment(walk: Walk, url: str) -> str:
    before = next((e for e in reversed(walk.recording.entries) if e.redirects), None)
    location = before.headers["location"] if before is not None else ""
    return location.partition("#")[2] if location.split("#", maxsplit=1)[0] == url else ""
