"""Looking at the page in front, and telling one that came from one that has not moved yet."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from smartlaunch.browser.recording import Entry
from smartlaunch.browser.snapshot import TEXT_LIMIT, PageSnapshot, parse_snapshot, take
from smartlaunch.browser.walk.state import SETTLED_S, Walk

UNCHANGED_S = 1.0
_PASSING = ("context was destroyed", "Cannot find context", "detached", "navigat", "has been closed", "was collected", "Unable to adopt")
"""Parts of the messages with which Playwright says that the page is being replaced."""


def look_at(walk: Walk) -> PageSnapshot | None:
    """Describe the page in front, or None while it is being replaced."""
    from playwright.sync_api import Error

    page = walk.window.front_page()
    walk.window.learn(page)
    try:
        raw = take(page)
    except Error as error:
        if not any(word in str(error) for word in _PASSING):
            raise
        return None
    look = _described(walk, raw)
    if not look.controls and len(page.frames) > 1:
        look = _with_frames(walk, page, look)
    now = time.monotonic()
    if look.document != walk.document:
        _arrive(walk, look, now)
    if look.signature != walk.look:
        walk.look, walk.changed = look.signature, now
    if look.document != walk.stale:
        walk.last = look
    return look


def _described(walk: Walk, raw: dict[str, Any]) -> PageSnapshot:
    """The page with the status and the media type of the answer that it came with."""
    if raw["document"] not in walk.answered:
        walk.answered[raw["document"]] = _answer_for(walk, raw["url"])
    answer = walk.answered[raw["document"]]
    if answer is None:
        return parse_snapshot(raw, status=0, media_type="")
    look = parse_snapshot(raw, status=answer.status, media_type=answer.media_type)
    return replace(look, refresh_s=_refresh_header(answer)) if look.refresh_s is None else look


def _answer_for(walk: Walk, url: str) -> Entry | None:
    known = walk.answers.get(url.split("#", maxsplit=1)[0])
    return walk.last_answer if known is None and url.startswith("http") else known


def _refresh_header(answer: Entry) -> float | None:
    delay = answer.headers.get("refresh", "").split(";")[0].strip()
    return float(delay) if delay.isdigit() else None


def _with_frames(walk: Walk, page: Any, look: PageSnapshot) -> PageSnapshot:
    """Take the controls of a frame of another origin when the page itself has none."""
    from playwright.sync_api import Error

    for frame in page.frames[1:6]:
        try:
            raw = take(frame)
        except Error:
            continue
        inside = parse_snapshot(raw, status=look.status)
        if inside.controls:
            walk.window.frame = frame
            return replace(look, controls=inside.controls, text=f"{look.text}\n{inside.text}"[:TEXT_LIMIT], headings=inside.headings)
    return look


def _arrive(walk: Walk, look: PageSnapshot, now: float) -> None:
    walk.document, walk.arrived, walk.changed = look.document, now, now
    if look.url.startswith(("about:", "chrome-error:")) or look.document == walk.stale:
        return
    name = look.title or urlsplit(look.url).path
    if not walk.pages or walk.pages[-1] != name:
        walk.pages.append(name)


def moved(walk: Walk, page: PageSnapshot) -> bool:
    """Whether the page is another than the one just acted upon, or has had its time to answer."""
    acted, now = walk.acted, time.monotonic()
    if acted is None:
        return True
    if page.document != acted.document:
        walk.acted = None
        return True
    if walk.recording.quiet_for() == 0.0 and now - acted.at < walk.step_s:
        return False
    if acted.first_look is None:
        acted.first_look = page.signature
    if page.signature != acted.first_look or walk.recording.sent > acted.sent:
        if walk.quiet() < SETTLED_S and now - acted.at < walk.step_s:
            return False
        # A page that shows nothing new although it asked its server may still be about to move.
        return page.signature != acted.first_look or now - acted.at > UNCHANGED_S
    return now - acted.at > UNCHANGED_S
