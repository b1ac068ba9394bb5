"""How a walk ends: caught, given up, refused, out of time; and the picture and the landing that tell of it."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import urlsplit

from smartlaunch.browser import lexicon as words
from smartlaunch.browser.catcher import Caught, response_params
from smartlaunch.browser.landing import Landing, LandingKind, ObstacleKind, told
from smartlaunch.browser.pictures import take_picture
from smartlaunch.browser.proposing import propose
from smartlaunch.browser.recipes import Obstacle, blames_credentials, locked_words, obstacle_of
from smartlaunch.browser.recording import Entry, plain_failure
from smartlaunch.browser.snapshot import PageSnapshot
from smartlaunch.browser.walk.state import MAX_DOCUMENTS, SETTLED_S, End, Walk, rest
from smartlaunch.errors import SignInRefused

SCRIPTED_IDLE_S = 1.5
GOING_ON_S = 6.0
"""A page without any control that says it goes on by itself is believed for so long."""
_STOPPED: tuple[LandingKind, ...] = ("no-way-on", "error-page", "timeout")


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
        stopped_by(walk, Obstacle("captcha"), why)
    if quiet >= patience(page):
        said = told(page.errors[0] if page.errors else page.text)
        walk.complaint = called_out(walk) if all(control.kind in ("link", "button") for control in page.controls) else ""
        give_up(walk, f'{why}; the page says "{said}"' if said else why)


def patience(page: PageSnapshot) -> float:
    """How long a page that cannot be passed must be quiet; one with scripts may show a form for a moment and go on by itself."""
    if page.scripts and not page.controls and words.GOES_ON.search(page.text[:300]):
        return GOING_ON_S
    return SCRIPTED_IDLE_S if page.scripts else rest(page) * 2


def called_out(walk: Walk) -> str:
    """What the page in front calls an error, for a message."""
    return told(walk.last.errors[0]) if walk.last.errors else ""


def give_up(walk: Walk, reason: str) -> None:
    """End on a page with no way on, or leave it to the person at a headed browser."""
    if walk.dialogs:
        reason = f"{reason}; the page said in a dialogue: {walk.dialogs[-1]}"
    said = called_out(walk)
    if said and said not in reason:
        reason = f'{reason}; the page says "{said}"'
    reason += "".join(f"; no step of {source} ({place}) names a page of this login" for source, place in _unused(walk).items())
    if _hand_over(walk, reason):
        return
    raise End("no-way-on", reason)


def _unused(walk: Walk) -> dict[str, str]:
    """The recipes that the target file names and that knew no page, with where they begin: they may be for other pages."""
    named = {step.source: step.place for step in reversed(walk.plan.steps or ()) if step.source.endswith(".toml")}
    used = {source for source, _ in walk.steps_done}
    return {source: place for source, place in named.items() if source not in used}


def refused(walk: Walk, page: PageSnapshot, reason: str) -> None:
    """End a walk whose sign-in form came back, and see to it that no account is locked by it.

    Credentials that had worked on this host are good: then the server refuses this request, and the landing says so.
    """
    if _hand_over(walk, reason):
        return
    ledger = walk.window.driver.ledger
    worked, said, obstacle = ledger.worked(page.host, walk.plan), _refusal_words(walk, page), obstacle_of(page)
    ledger.note_refusal(page.host, walk.plan, blamed=blames_credentials(said))
    if obstacle is not None:
        stopped_by(walk, obstacle, reason)
    if not worked:
        stuck(walk, reason)
    walk.refused_sign_in = said or "no reason given"
    raise End("error-page", f"the server refused to sign in a user whom it let in before; it says: {walk.refused_sign_in}")


def stuck(walk: Walk, reason: str) -> None:
    """End a walk whose credentials are not to be sent again."""
    if _hand_over(walk, reason):
        return
    walk.screenshot = shoot(walk, "refused")
    raise SignInRefused(
        f"the sign-in was refused: {reason}\n{replace(landing(walk, 'no-way-on'), proposal='').describe()}",
        waited_for="a page after the sign-in",
        hint="check the user's name and password in the target file by hand, in a browser",
        artifacts=(walk.screenshot,) if walk.screenshot else (),
    )


def end_if_locked(walk: Walk, page: PageSnapshot) -> None:
    """End at once on a page that calls the account locked after a sign-in."""
    said = locked_words(page) if walk.memory.logins else ""
    if said:
        stopped_by(walk, Obstacle("locked", said), "nothing more is sent for it")


def stopped_by(walk: Walk, obstacle: Obstacle, more: str) -> None:
    """End a walk at something that is neither a refusal nor a success, or leave it to the person at a headed browser."""
    _note_lock(walk, obstacle)
    reason = f"{obstacle.sentence}; {more}"
    if _hand_over(walk, reason):
        return
    walk.obstacle = obstacle.kind
    raise End("no-way-on", reason)


def _note_lock(walk: Walk, obstacle: Obstacle) -> None:
    for host in walk.memory.login_hosts if obstacle.kind == "locked" else ():
        walk.window.driver.ledger.note_lock(host, walk.plan, obstacle.said or "locked")


def _refusal_words(walk: Walk, page: PageSnapshot) -> str:
    """What the page says, else what the answer to its script says, as one line."""
    if page.errors:
        return " ".join(page.errors[0].split())[:200]
    if walk.dialogs:
        return walk.dialogs[-1]
    walk.recording.fetch_bodies()
    asked = [e for e in walk.recording.entries[walk.login_from :] if e.status >= 400 and not e.navigation]
    return next((f"{e.method} {urlsplit(e.url).path} answered {e.status}{_message(e)}" for e in reversed(asked)), "")


def _message(entry: Entry) -> str:
    """The message of an error in JSON, under the names that OAuth, FHIR and web frameworks give it."""
    try:
        found = json.loads(entry.body or b"")
    except (ValueError, RecursionError):
        return ""
    texts = (_at(found, path) for path in _MESSAGES)
    text = next((t for t in texts if isinstance(t, str) and t.strip()), "")
    return f": {' '.join(text.split())[:160]}" if text else ""


_MESSAGES: tuple[tuple[str | int, ...], ...] = (
    ("error_description",),
    ("issue", 0, "details", "text"),
    ("issue", 0, "diagnostics"),
    ("message",),
    ("detail",),
    ("error",),
)


def _at(found: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        try:
            found = found[key]
        except (KeyError, IndexError, TypeError):
            return None
    return found


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
    """Take a picture without secrets and, as a rule, without persons; an empty string when the browser cannot."""
    from playwright.sync_api import Error

    page = walk.window.front_page()
    try:
        picture = take_picture(
            page,
            password=walk.plan.password,
            names=(*walk.plan.patient_names, walk.plan.patient or ""),
            picker=walk.goal is not None or bool(words.PATIENT.search(" ".join((walk.last.title, *walk.last.headings)))),
            scrub=walk.window.driver.scrub,
            people=walk.window.driver.people,
        )
    except Error:
        return ""
    return walk.window.driver.keep_screenshot(f"{walk.window.name}-{name}", picture)


def picture(walk: Walk, page: PageSnapshot, name: str) -> None:
    """Keep one picture of a document."""
    if page.document not in walk.captured:
        walk.captured.add(page.document)
        walk.captures.extend(filter(None, [shoot(walk, name)]))


def landing(walk: Walk, kind: LandingKind, reason: str = "") -> Landing:
    """Where the walk ended, with what a person would have seen."""
    shown = walk.last.url and not walk.last.url.startswith("about:")
    if kind in _STOPPED and not walk.screenshot and shown:
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
        refused_sign_in=walk.refused_sign_in,
        not_offered=walk.not_offered,
        no_denial=walk.no_denial,
        lacks=walk.lacks,
        complaint=walk.complaint,
        obstacle=walk.obstacle or (_in_the_way(walk) if kind in _STOPPED and shown else ""),
        proposal=_proposal(walk, kind),
        script_errors=tuple(walk.script_errors),
        captures=tuple(walk.captures),
        pages=tuple(walk.pages),
        steps=tuple(walk.steps),
        asked_consent=walk.asked_consent,
        denied=walk.denied,
        unticked=walk.unticked,
        agreed=tuple(walk.agreed),
        mistyped=walk.plan.mistypes and sum(walk.memory.logins.values()) > 1,
        chose_patient=walk.memory.patient_chosen,
        duration_ms=round((time.monotonic() - walk.began) * 1000, 1),
    )


def _proposal(walk: Walk, kind: LandingKind) -> str:
    """A step for a page on which nobody knew the way on; none where what is asked for is not there, or the password was wrong."""
    if (
        kind not in ("no-way-on", "timeout")
        or walk.not_offered
        or walk.lacks
        or walk.refused_sign_in
        or walk.last.status >= 400
        or walk.plan.consent != "allow"
    ):
        return ""
    return propose(walk.last, walk.plan)


def _in_the_way(walk: Walk) -> ObstacleKind | Literal[""]:
    """What the last page is when it is neither a refusal nor a success."""
    obstacle = obstacle_of(walk.last) if not walk.refused_sign_in else None
    if obstacle is None:
        return ""
    _note_lock(walk, obstacle)
    return obstacle.kind


def note_success(walk: Walk) -> None:
    """Remember that user name and password worked, once a page or a code shows that they did."""
    caught = walk.caught
    params = dict(response_params(caught.url, caught.body)[0]) if caught is not None and caught.uri else {}
    if walk.memory.signed_in or (walk.memory.logins and params.keys() & {"code", "access_token", "launch"}):
        for host in walk.memory.login_hosts:
            walk.window.driver.ledger.note_success(host, walk.plan)


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
