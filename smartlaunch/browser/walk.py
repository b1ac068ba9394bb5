"""One walk: from an address through whatever pages come to a landing.

The loop looks at the page, lets the recipes decide, acts, and looks again. Everything it waits for has a limit, and a page that
only needs time to load is told from one on which nothing can be done by the quiet of its network and of its content.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from smartlaunch.browser import recipes
from smartlaunch.browser.catcher import Caught, Net, response_params
from smartlaunch.browser.landing import Landing, LandingKind
from smartlaunch.browser.plan import LoginPlan, LoginStep
from smartlaunch.browser.recipes import Act, ChartGoal, Memory, Op, Refused, Stuck
from smartlaunch.browser.recording import Entry, Recording, failure_code, plain_failure
from smartlaunch.browser.snapshot import (
    ACT_SCRIPT,
    BLANK_SCRIPT,
    ELEMENT_SCRIPT,
    TEXT_LIMIT,
    PageSnapshot,
    parse_snapshot,
    take,
)
from smartlaunch.browser.watchdog import GRACE_S
from smartlaunch.errors import LoginStuck

if TYPE_CHECKING:
    from smartlaunch.browser.session import BrowserSession

TICK_MS = 4
SETTLED_S = 0.15
STILL_S = 0.03
SCRIPTED_IDLE_S = 1.5
UNCHANGED_S = 1.0
_PASSING = ("context was destroyed", "Cannot find context", "detached", "navigat", "has been closed", "was collected", "Unable to adopt")
"""Parts of the messages with which Playwright says that the page is being replaced."""
MAX_ACTIONS = 40
MAX_DOCUMENTS = 30
SHOT_QUALITY = 85
"""Of pictures, as JPEG: text stays sharp, at a quarter of the size of a PNG and a third of the time."""


class _End(Exception):
    """Carries the landing out of the loop."""

    def __init__(self, kind: LandingKind, reason: str = "") -> None:
        super().__init__(reason)
        self.kind, self.reason = kind, reason


@dataclass
class _Acted:
    """The last action, to tell a page that came back from one that has not moved yet."""

    document: str
    at: float
    sent: int
    action: Act | None
    first_look: tuple[object, ...] | None = None


@dataclass
class Walk:
    """The state of one call of ``go``."""

    session: BrowserSession
    net: Net
    plan: LoginPlan
    goal: ChartGoal | None
    stop_when: Callable[[PageSnapshot], bool] | None
    capture: bool
    step_s: float
    total_s: float
    recording: Recording
    stale: str = ""
    """The document that was there before; an answer without one leaves it in place."""
    memory: Memory = field(default_factory=Memory)
    caught: Caught | None = None
    failure: tuple[str, str] | None = None
    download: str = ""
    dialogs: list[str] = field(default_factory=list)
    crashed: bool = False
    steps: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    captures: list[str] = field(default_factory=list)
    last: PageSnapshot = field(default_factory=PageSnapshot)
    screenshot: str = ""
    _began: float = field(default_factory=time.monotonic)
    _deadline: float = 0.0
    _acted: _Acted | None = None
    _look: tuple[object, ...] = ()
    _changed: float = 0.0
    _arrived: float = 0.0
    _document: str = ""
    _shown: int = 0
    """Documents that came since the last action; more than a few mean that the pages send the browser round."""
    _answers: dict[str, Entry] = field(default_factory=dict)
    _answered: dict[str, Entry | None] = field(default_factory=dict)
    _last_answer: Entry | None = None
    _expecting: float | None = None
    _steps_done: set[int] = field(default_factory=set)
    _captured: set[str] = field(default_factory=set)
    _actions: int = 0
    _handed_over: bool = False
    _entered: bool = False

    # --- events, called by the session while Playwright is at work --------------------------------------------------------------

    def on_request(self, request: Any) -> None:
        """See a request that starts; a navigation may be the one to catch."""
        navigation = request.is_navigation_request()
        caught = self.net.judge(request.url, request.method, "") if navigation else None
        entry = self.recording.request(request, caught=caught is not None)
        if navigation:
            self._expecting = None
        if caught is not None and self.caught is None:
            form = entry.posted.decode("utf-8", "replace") if entry.method == "POST" else ""
            self.caught = Caught(caught.url, entry.method, form, caught.uri)

    def on_response(self, response: Any) -> None:
        """See the head of an answer."""
        entry = self.recording.response(response)
        if entry is not None and entry.navigation and not entry.caught and not entry.redirects:
            self._answers[entry.url.split("#")[0]] = entry
            self._last_answer = entry
            self._shown += 1
            if self._shown == MAX_DOCUMENTS + 1:
                self.session.browser.end_pages()  # a page that never stays holds up every call, even the one that closes it

    def on_finished(self, request: Any) -> None:
        """See the end of an answer."""
        self.recording.done(request)

    def on_failed(self, request: Any) -> None:
        """See a request that got no whole answer."""
        entry = self.recording.done(request, request.failure or "failed")
        if entry is None or not entry.navigation or entry.caught or self._in_frame(request):
            return
        if failure_code(entry.failure) not in ("ERR_ABORTED", "ERR_UNKNOWN_URL_SCHEME", "ERR_HTTP_RESPONSE_CODE_FAILURE"):
            self.failure = (entry.url, entry.failure)

    @staticmethod
    def _in_frame(request: Any) -> bool:
        from playwright.sync_api import Error

        try:
            return request.frame.parent_frame is not None
        except Error:
            return False

    def on_dialog(self, dialog: Any) -> None:
        """Answer a dialogue: agree to a question that follows our own click, dismiss the rest."""
        from playwright.sync_api import Error

        self.dialogs.append(" ".join(str(dialog.message).split())[:160])
        try:
            if dialog.type == "beforeunload" or (dialog.type == "confirm" and self._acted is not None):
                dialog.accept()
            else:
                dialog.dismiss()
        except Error:
            return  # the page went away with its dialogue

    # --- the walk --------------------------------------------------------------------------------------------------------------------

    def run(self, url: str, method: str, form: Sequence[tuple[str, str]]) -> Landing:
        """Open the address and walk on to a landing; raise LoginStuck when credentials were refused."""
        from playwright.sync_api import Error

        self._deadline = self._began + self.total_s
        try:
            try:
                self._open(url, method, form)
                while True:
                    self._tick()
            except Error as error:
                if self.crashed or "crashed" in str(error):
                    self._end_crashed()
                raise
        except _End as end:
            return self._landing(end.kind, end.reason)

    def _open(self, url: str, method: str, form: Sequence[tuple[str, str]]) -> None:
        from playwright.sync_api import Error
        from playwright.sync_api import TimeoutError as Late

        page = self.session.page()
        limit = self.step_s * 1000
        self._expecting = time.monotonic()
        self._beat()
        try:
            if method.upper() == "POST":
                page.goto("about:blank")
                page.evaluate(_POST_SCRIPT, [url, [list(pair) for pair in form]])
            else:
                page.goto(url, wait_until="commit", timeout=limit)
        except Late:
            self._end_if_caught()
            raise _End("timeout", f"{urlsplit(url).netloc} did not answer within {self.step_s:g} s") from None
        except Error as error:
            self._pump(1)
            self._end_if_caught()
            code = failure_code(str(error))
            if self.failure is None and code and code not in ("ERR_ABORTED", "ERR_UNKNOWN_URL_SCHEME"):
                self.failure = (url, code)
            elif not code and "interrupted by another navigation" not in str(error) and "Download" not in str(error):
                raise

    def _end_if_caught(self) -> None:
        if self.caught is not None:
            raise _End("caught")

    def _pump(self, milliseconds: float) -> None:
        """Let Playwright deliver its events for a moment."""
        self.session.any_page().wait_for_timeout(milliseconds)

    def _tick(self) -> None:
        self._beat()
        self._end_if_caught()
        now = time.monotonic()
        if now > self._deadline:
            raise _End("timeout", f"the walk did not end within {self.total_s:g} s")
        if self.failure is not None:
            self._end_unreachable()
        if self.crashed:
            self._end_crashed()
        if self._shown > MAX_DOCUMENTS:
            self._end_crashed()
        waiting = self.recording.waiting_for_document()
        if waiting is not None:
            if now - waiting.clock > self.step_s:
                raise _End("timeout", f"{urlsplit(waiting.url).netloc} did not answer within {self.step_s:g} s")
            self._pump(TICK_MS)
            return
        page = self._look_at()
        if page is None:
            self._pump(TICK_MS)
            return
        self._end_if_caught()
        if not self._consider(page):
            self._pump(TICK_MS)

    def _beat(self) -> None:
        self.session.browser.beat(self.step_s + GRACE_S)

    def _end_crashed(self) -> None:
        self.session.drop_page()
        if self._shown > MAX_DOCUMENTS:
            raise _End("unreachable", "the pages send the browser round in a circle")
        waiting = self.recording.waiting_for_document()
        if self.session.browser.bitten() and waiting is not None:
            raise _End("timeout", f"{urlsplit(waiting.url).netloc} did not answer within {self.step_s:g} s")
        if self.session.browser.bitten():
            raise _End("timeout", f"the page kept the browser busy and did not react within {self.step_s:g} s")
        raise _End("unreachable", "the page crashed the browser's tab")

    def _end_unreachable(self) -> None:
        assert self.failure is not None
        url, text = self.failure
        raise _End("unreachable", f"{urlsplit(url).netloc}: {plain_failure(text)}")

    # --- looking ---------------------------------------------------------------------------------------------------------------------

    def _look_at(self) -> PageSnapshot | None:
        """Describe the page in front, or None while it is being replaced."""
        from playwright.sync_api import Error

        page = self.session.front_page()
        self.session.learn(page)
        try:
            raw = take(page)
        except Error as error:
            if not any(word in str(error) for word in _PASSING):
                raise
            return None
        url = raw["url"]
        if raw["document"] not in self._answered:
            self._answered[raw["document"]] = self._answer_for(url)
        answer = self._answered[raw["document"]]
        if answer is None:
            look = parse_snapshot(raw, status=0, media_type="")
        else:
            look = parse_snapshot(raw, status=answer.status, media_type=answer.media_type)
            look = replace(look, refresh_s=_refresh_header(answer)) if look.refresh_s is None else look
        if not look.controls and len(page.frames) > 1:
            look = self._with_frames(page, look)
        now = time.monotonic()
        if look.document != self._document:
            self._arrive(look, now)
        if look.signature != self._look:
            self._look, self._changed = look.signature, now
        if look.document != self.stale:
            self.last = look
        return look

    def _answer_for(self, url: str) -> Entry | None:
        known = self._answers.get(url.split("#", maxsplit=1)[0])
        return self._last_answer if known is None and url.startswith("http") else known

    def _with_frames(self, page: Any, look: PageSnapshot) -> PageSnapshot:
        """Take the controls of a frame of another origin when the page itself has none."""
        from playwright.sync_api import Error

        for frame in page.frames[1:6]:
            try:
                raw = take(frame)
            except Error:
                continue
            inside = parse_snapshot(raw, status=look.status)
            if inside.controls:
                self.session.frame = frame
                return replace(look, controls=inside.controls, text=f"{look.text}\n{inside.text}"[:TEXT_LIMIT], headings=inside.headings)
        return look

    def _arrive(self, look: PageSnapshot, now: float) -> None:
        self._document, self._arrived, self._changed = look.document, now, now
        if look.url.startswith(("about:", "chrome-error:")) or look.document == self.stale:
            return
        name = look.title or urlsplit(look.url).path
        if not self.pages or self.pages[-1] != name:
            self.pages.append(name)

    # --- thinking --------------------------------------------------------------------------------------------------------------------

    def _consider(self, page: PageSnapshot) -> bool:
        """Act on the page when it is time to; say whether anything was done."""
        now = time.monotonic()
        if page.document == self.stale or (page.url.startswith(("about:", "chrome-error:")) and not page.controls):
            self._nothing_shown(now)
            return False
        if not self._moved(page, now):
            return False
        quiet = min(self.recording.quiet_for(), now - self._changed)
        if self.stop_when is not None and page.ready and self.stop_when(page):
            raise _End("stopped")
        if page.status >= 400 and not recipes.is_login(page):
            if (page.ready and quiet >= _rest(page)) or now - self._arrived > self.step_s:
                raise _End("error-page", f"the server answered with status {page.status}")
            return False
        if not page.ready:
            if now - self._arrived > self.step_s:
                raise _End("timeout", f"the page had not finished loading after {self.step_s:g} s")
            return False
        if self._handed_over:
            return False
        if self._scripted_step(page):
            return True
        if self.plan.only_steps and self.goal is None:
            self._idle(page, quiet, now, "no step of the target file names this page, and login.recipe is `steps`")
            return False
        action = recipes.decide(page, self.plan, self.memory, catch=self.net.uris, goal=self.goal)
        if isinstance(action, Act):
            return self._perhaps(page, action, quiet, now)
        if isinstance(action, Refused) and self._unsent():
            return True
        if isinstance(action, Refused) and self._acted is not None and self._acted.sent == self.recording.sent:
            self._give_up("the sign-in form was filled, but neither its button nor Enter sent anything")
            return False
        if isinstance(action, Refused):
            if quiet >= _rest(page) or now - self._arrived > 2:
                self._refused(page, action.reason)
            return False
        if isinstance(action, Stuck):
            if quiet >= _rest(page) * 2 or now - self._arrived > self.step_s:
                self._give_up(action.reason)
            return False
        self._idle(page, quiet, now)
        return False

    def _unsent(self) -> bool:
        """Press Enter in the form just filled when its button sent nothing at all; nothing is sent twice by that."""
        acted = self._acted
        if acted is None or acted.action is None or acted.sent != self.recording.sent or self._entered:
            return False
        filled = [op for op in acted.action.ops if op.kind == "fill"]
        if not filled:
            return False
        self._entered = True
        acted.at = time.monotonic()
        self._apply(Op("enter", filled[-1].control))
        self.steps.append("pressed Enter, since the button did nothing")
        return True

    def _nothing_shown(self, now: float) -> None:
        if self._expecting is not None:
            if now - self._expecting > self.step_s:
                raise _End("timeout", f"no navigation began within {self.step_s:g} s")
            return
        if self.recording.quiet_for() < SETTLED_S:
            return
        if self.download:
            raise _End("no-way-on", f"the server answered with a download ({self.download})")
        entry = self._last_answer
        if entry is not None and entry.status >= 400:
            raise _End("error-page", f"the server answered with status {entry.status} and nothing to show")
        if entry is not None and entry.status:
            kind = f" of type {entry.media_type}" if entry.media_type else ""
            raise _End("no-way-on", f"the server answered with status {entry.status} and nothing to show{kind}")
        raise _End("no-way-on", "the browser has nothing to show")

    def _moved(self, page: PageSnapshot, now: float) -> bool:
        """Whether the page is another than the one just acted upon, or has had its time to answer."""
        acted = self._acted
        if acted is None:
            return True
        if page.document != acted.document:
            self._acted = None
            return True
        if self.recording.quiet_for() == 0.0 and now - acted.at < self.step_s:
            return False
        if acted.first_look is None:
            acted.first_look = page.signature
        if page.signature != acted.first_look or self.recording.sent > acted.sent:
            if min(self.recording.quiet_for(), now - self._changed) < SETTLED_S and now - acted.at < self.step_s:
                return False
            # A page that shows nothing new although it asked its server may still be about to move.
            return page.signature != acted.first_look or now - acted.at > UNCHANGED_S
        return now - acted.at > UNCHANGED_S

    def _idle(self, page: PageSnapshot, quiet: float, now: float, why: str = "nothing on the page leads on") -> None:
        if self.download:
            if quiet >= SETTLED_S:
                raise _End("no-way-on", f"the server answered with a download ({self.download})")
            return
        here = now - self._arrived
        if here > self.step_s:
            self._give_up(why)
        if page.refresh_s is not None and here < page.refresh_s + 1:
            return
        if page.captcha and quiet >= SETTLED_S:
            self._give_up("the page asks for a captcha; no test can pass it")
        patience = SCRIPTED_IDLE_S if page.scripts else _rest(page)
        if quiet >= patience:
            self._give_up(why)

    # --- acting ----------------------------------------------------------------------------------------------------------------------

    def _perhaps(self, page: PageSnapshot, action: Act, quiet: float, now: float) -> bool:
        """Act now, or wait until a page that might move on by itself has come to rest."""
        in_form = all(op.control.form >= 0 or op.control.kind == "link" for op in action.ops)
        if action.careful:
            rested = page.complete and quiet >= _rest(page)
            if not rested and now - self._arrived < min(2.0, self.step_s):
                return False
        elif not in_form and not (page.complete and quiet >= 0.05) and now - self._arrived < min(2.0, self.step_s):
            return False
        if page.refresh_s is not None and page.refresh_s < 3 and action.careful and now - self._arrived < page.refresh_s + 1:
            return False
        self._count()
        if self.capture and action.topic == "consent" and page.document not in self._captured:
            self._captured.add(page.document)
            shot = self._shoot("consent")
            if shot:
                self.captures.append(shot)
        if action.topic == "login":
            self._guard_password(page)
        self.recording.fetch_bodies()
        self._acted = _Acted(page.document, time.monotonic(), self.recording.sent, action)
        if not self._do(page, action):
            self._acted = None
            return False
        self.memory.note(action)
        self.steps.append(action.note)
        self._let_it_begin()
        return True

    def _let_it_begin(self) -> None:
        """Wait a moment for the request of an action: a look at a page that is just leaving is held up until the next one is there."""
        acted = self._acted
        until = time.monotonic() + 0.03
        while acted is not None and acted.sent == self.recording.sent and self.caught is None and time.monotonic() < until:
            self._pump(2)

    def _count(self) -> None:
        self._actions += 1
        self._shown = 0
        if self._actions > MAX_ACTIONS:
            raise _End("no-way-on", f"{MAX_ACTIONS} things were done and no end is in sight")

    def _guard_password(self, page: PageSnapshot) -> None:
        if self.session.browser.was_refused(page.host, self.plan):
            self._refused(page, "user name and password were refused earlier in this run; they are not sent again, since accounts lock")

    def _do(self, page: PageSnapshot, action: Act) -> bool:
        """Carry out an action; false when the page changed under it.

        On a page without any script nothing can tell a set value from a typed one, so one round trip does it all. Every other page
        gets real key strokes and clicks.
        """
        from playwright.sync_api import Error

        plain = not page.scripts and all(op.kind != "enter" and not op.control.opens for op in action.ops)
        try:
            if plain:
                return bool(self.session.acting_frame().evaluate(ACT_SCRIPT, [_command(op) for op in action.ops]))
            for op in action.ops:
                self._apply(op)
        except Error:
            self._pump(TICK_MS)
            moving = self.caught is not None or self.recording.waiting_for_document() is not None
            return moving or self._actions > 3
        return True

    def _apply(self, op: Op) -> None:
        from playwright.sync_api import Error

        frame = self.session.acting_frame()
        limit = min(3000.0, self.step_s * 1000)
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

    # --- steps of the target file ------------------------------------------------------------------------------------------------

    def _scripted_step(self, page: PageSnapshot) -> bool:
        for number, step in enumerate(self.plan.steps or (), start=1):
            if number in self._steps_done or not self._applies(step, page):
                continue
            self._count()
            self._steps_done.add(number)
            self.recording.fetch_bodies()
            if any(entry.value == "password" for entry in step.fill):
                self._guard_password(page)
                self.memory.logins[f"{page.host}|step"] += 1
            self._acted = _Acted(page.document, time.monotonic(), self.recording.sent, None)
            self._run_step(step, number)
            self._let_it_begin()
            self.steps.append(f"step {number} of the target file")
            return True
        return False

    def _applies(self, step: LoginStep, page: PageSnapshot) -> bool:
        from playwright.sync_api import Error

        match = step.page
        if match.url_contains and match.url_contains not in page.url:
            return False
        if match.title_contains and match.title_contains.lower() not in page.title.lower():
            return False
        needed = match.has
        if not (match.url_contains or match.title_contains or match.has):
            needed = step.selectors[0]
        try:
            return not needed or bool(self.session.acting_frame().locator(needed).first.is_visible())
        except Error as error:
            if "selector" in str(error).lower():
                raise LoginStuck(f"the selector {needed!r} of [login.steps] is not valid", hint="mend it in the target file") from None
            return False

    def _run_step(self, step: LoginStep, number: int) -> None:
        from playwright.sync_api import Error

        frame = self.session.acting_frame()
        limit = self.step_s * 1000
        doing = ""
        self.session.browser.beat(limit / 1000 * len(step.selectors) + GRACE_S)
        try:
            if step.wait_for:
                doing = f"wait for {step.wait_for!r}"
                frame.locator(step.wait_for).first.wait_for(timeout=limit)
            for entry in step.fill:
                doing = f"fill {entry.selector!r}"
                frame.locator(entry.selector).first.fill(self._value(entry.value), timeout=limit)
            for entry in step.select:
                doing = f"select in {entry.selector!r}"
                frame.locator(entry.selector).first.select_option(self._value(entry.value), timeout=limit)
            if step.click:
                doing = f"click {step.click!r}"
                frame.locator(step.click).first.click(timeout=limit, no_wait_after=True)
        except Error:
            self._pump(TICK_MS)
            if self.caught is not None:
                return
            self.screenshot = self._shoot("stuck")
            raise LoginStuck(
                f"step {number} of [login.steps] cannot {doing}\n{self._landing('no-way-on').describe()}",
                waited_for=f"an element within {self.step_s:g} s",
                hint="compare the selector with the page's controls above",
                artifacts=(self.screenshot,) if self.screenshot else (),
            ) from None

    def _value(self, value: str) -> str:
        known = {
            "username": self.plan.username,
            "password": self.plan.password,
            "patient": self.plan.patient or "",
            "encounter": self.plan.encounter or "",
        }
        return known.get(value, value)

    # --- ending ----------------------------------------------------------------------------------------------------------------------

    def _give_up(self, reason: str) -> None:
        if self.dialogs:
            reason = f"{reason}; the page said in a dialogue: {self.dialogs[-1]}"
        if self._hand_over(reason):
            return
        raise _End("no-way-on", reason)

    def _refused(self, page: PageSnapshot, reason: str) -> None:
        if self._hand_over(reason):
            return
        self.session.browser.note_refusal(page.host, self.plan)
        self.screenshot = self._shoot("refused")
        raise LoginStuck(
            f"the sign-in was refused: {reason}\n{self._landing('no-way-on').describe()}",
            waited_for="a page after the sign-in",
            hint="check the user's name and password in the target file by hand, in a browser",
            artifacts=(self.screenshot,) if self.screenshot else (),
        )

    def _hand_over(self, reason: str) -> bool:
        """Ask the person at a headed browser to go on; they have until the login limit."""
        if not self.session.browser.headed:
            return False
        if not self._handed_over:
            self._handed_over = True
            self._deadline = time.monotonic() + self.total_s
            sys.stderr.write(
                f"\nsmartlaunch: the browser needs you: {reason}\n"
                f"  go on in its window until you are sent back to the app; waiting up to {self.total_s:g} s\n"
            )
            sys.stderr.flush()
        return True

    def _shoot(self, name: str) -> str:
        """Take a picture with passwords made invisible; an empty string when the browser cannot."""
        from playwright.sync_api import Error

        page = self.session.front_page()
        try:
            page.evaluate(BLANK_SCRIPT, self.plan.password)
            picture = page.screenshot(type="jpeg", quality=SHOT_QUALITY, timeout=4000, animations="disabled", caret="hide")
        except Error:
            return ""
        return self.session.browser.on_screenshot(f"{self.session.name}-{name}", picture)

    def _add_fragment(self, caught: Caught) -> None:
        """Complete the caught address by its fragment, which comes with the stopped request or the Location header."""
        if "#" in caught.url:
            return
        stopper = self.session.browser.stopper
        fragment = ""
        if caught.url.startswith("http") and stopper is not None:
            until = time.monotonic() + 0.5
            while caught.url not in stopper.fragments and time.monotonic() < until:
                self._pump(1)
            fragment = stopper.fragments.get(caught.url, "")
        if not fragment:
            before = next((e for e in reversed(self.recording.entries) if e.redirects), None)
            location = before.headers["location"] if before is not None else ""
            if location.split("#", maxsplit=1)[0] == caught.url:
                fragment = location.partition("#")[2]
        if fragment:
            self.caught = replace(caught, url=f"{caught.url}#{fragment.removeprefix('#')}")
            for entry in self.recording.entries:
                if entry.caught and entry.url == caught.url:
                    entry.url = self.caught.url

    def _landing(self, kind: LandingKind, reason: str = "") -> Landing:
        if (
            kind in ("no-way-on", "error-page", "timeout")
            and not self.screenshot
            and not self.last.url.startswith("about:")
            and self.last.url
        ):
            self.screenshot = self._shoot(kind)
        self.recording.fetch_bodies()
        url, method, member, fragment = self.last.url, "GET", "", False
        params: tuple[tuple[str, str], ...] = ()
        if kind == "caught" and self.caught is not None:
            self._add_fragment(self.caught)
            url, method, member = self.caught.url, self.caught.method, self.caught.uri
            params, fragment = response_params(self.caught.url, self.caught.body)
            if not member and not reason:
                reason = "the browser was sent to an address that is none of those expected"
        status = self.last.status or (self._last_answer.status if self._last_answer else 0)
        return Landing(
            kind=kind,
            caught_uri=member,
            url=url,
            method=method,
            params=params,
            fragment_used=fragment,
            status=status,
            title=self.last.title,
            text=self.last.text,
            controls=tuple(c.describe() for c in self.last.controls[:60]),
            page_url=self.last.url,
            reason=reason,
            screenshot=self.screenshot,
            captures=tuple(self.captures),
            pages=tuple(self.pages),
            steps=tuple(self.steps),
            duration_ms=round((time.monotonic() - self._began) * 1000, 1),
        )


def _refresh_header(answer: Entry) -> float | None:
    delay = answer.headers.get("refresh", "").split(";")[0].strip()
    return float(delay) if delay.isdigit() else None


def _rest(page: PageSnapshot) -> float:
    """How long a page must be quiet before it counts as settled: hardly at all when nothing on it could still happen."""
    return STILL_S if page.complete and not page.scripts and page.refresh_s is None else SETTLED_S


def _command(op: Op) -> list[object]:
    return [op.control.ref, op.kind, op.on if op.kind == "check" else op.value]


_POST_SCRIPT = """
([url, pairs]) => {
  const form = document.createElement('form');
  form.method = 'post';
  form.action = url;
  form.acceptCharset = 'utf-8';
  for (const [name, value] of pairs) {
    const field = document.createElement('input');
    field.type = 'hidden';
    field.name = name;
    field.value = value;
    form.appendChild(field);
  }
  document.body.appendChild(form);
  HTMLFormElement.prototype.submit.call(form);
}
"""
