"""What one walk knows: where it is, what it did, what the browser told it meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from smartlaunch.browser.catcher import Caught, Net, Stopper
from smartlaunch.browser.credentials import Ledger
from smartlaunch.browser.landing import LandingKind, ObstacleKind
from smartlaunch.browser.plan import LoginPlan
from smartlaunch.browser.recipes import Act, ChartGoal, Memory
from smartlaunch.browser.recording import Entry, Recording, failure_code
from smartlaunch.browser.snapshot import PageSnapshot
from smartlaunch.browser.watchdog import GRACE_S
from smartlaunch.interruption import give_way

TICK_MS = 4
SETTLED_S = 0.15
STILL_S = 0.03
MAX_ACTIONS = 40
MAX_DOCUMENTS = 30


class End(Exception):
    """Carries the landing out of the loop."""

    def __init__(self, kind: LandingKind, reason: str = "") -> None:
        super().__init__(reason)
        self.kind, self.reason = kind, reason


class Driver(Protocol):
    """What a walk needs of the browser process."""

    headed: bool
    ledger: Ledger
    scrub: Callable[[str], str]
    people: bool
    pictures: bool
    withheld: Callable[[str], str]
    """Why credentials may not be typed on the page of an address."""

    @property
    def stopper(self) -> Stopper | None:
        """What stops the requests to the app."""

    def beat(self, seconds: float) -> None:
        """Tell the watchdog that the walk goes on and may take this long."""

    def bitten(self) -> bool:
        """Whether the watchdog had to end a page."""

    def end_pages(self) -> None:
        """End the processes that draw pages."""

    def keep_screenshot(self, name: str, picture: bytes) -> str:
        """Keep a picture and say where."""


class Window(Protocol):
    """What a walk needs of the session whose pages it walks through."""

    name: str
    frame: Any

    @property
    def driver(self) -> Driver:
        """The browser process behind it."""

    def page(self) -> Any:
        """The main page."""

    def any_page(self) -> Any:
        """A page that is open, to wait on."""

    def front_page(self) -> Any:
        """The page a person would look at."""

    def acting_frame(self) -> Any:
        """Where the last snapshot was taken."""

    def learn(self, page: Any) -> None:
        """Tell the watchdog which page is in front."""

    def drop_page(self) -> None:
        """Give up a page that no longer reacts."""


@dataclass
class Acted:
    """The last action, to tell a page that came back from one that has not moved yet."""

    document: str
    at: float
    sent: int
    action: Act | None
    first_look: tuple[object, ...] | None = None


@dataclass
class Walk:
    """The state of one call of ``go``, and what happens to it while Playwright delivers its events."""

    window: Window
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
    script_errors: list[str] = field(default_factory=list)
    crashed: bool = False
    steps: list[str] = field(default_factory=list)
    asked_consent: bool = False
    denied: bool = False
    unticked: tuple[str, ...] = ()
    agreed: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    captures: list[str] = field(default_factory=list)
    last: PageSnapshot = field(default_factory=PageSnapshot)
    screenshot: str = ""
    began: float = field(default_factory=time.monotonic)
    deadline: float = 0.0
    acted: Acted | None = None
    login_from: int = 0
    """How many entries the recording had when the last sign-in form was sent."""
    refused_sign_in: str = ""
    not_offered: bool = False
    no_denial: bool = False
    lacks: str = ""
    complaint: str = ""
    obstacle: ObstacleKind | Literal[""] = ""
    look: tuple[object, ...] = ()
    changed: float = 0.0
    arrived: float = 0.0
    document: str = ""
    shown: int = 0
    """Documents that came since the last action; more than a few mean that the pages send the browser round."""
    answers: dict[str, Entry] = field(default_factory=dict)
    answered: dict[str, Entry | None] = field(default_factory=dict)
    last_answer: Entry | None = None
    expecting: float | None = None
    steps_done: set[tuple[str, int]] = field(default_factory=set)
    given_up: set[str] = field(default_factory=set)
    """Recipes of products that did not fit in this walk."""
    captured: set[str] = field(default_factory=set)
    actions: int = 0
    handed_over: bool = False
    entered: bool = False

    # --- events, called by the session while Playwright is at work -------------------------------------------------------------------

    def on_request(self, request: Any) -> None:
        """See a request that starts; a navigation may be the one to catch."""
        navigation = request.is_navigation_request()
        caught = self.net.judge(request.url, request.method, "") if navigation else None
        entry = self.recording.request(request, caught=caught is not None)
        if navigation:
            self.expecting = None
        if caught is not None and self.caught is None:
            form = entry.posted.decode("utf-8", "replace") if entry.method == "POST" else ""
            self.caught = Caught(caught.url, entry.method, form, caught.uri)

    def on_response(self, response: Any) -> None:
        """See the head of an answer."""
        entry = self.recording.response(response)
        if entry is not None and entry.navigation and not entry.caught and not entry.redirects:
            self.answers[entry.url.split("#")[0]] = entry
            self.last_answer = entry
            self.shown += 1
            if self.shown == MAX_DOCUMENTS + 1:
                self.window.driver.end_pages()  # a page that never stays holds up every call, even the one that closes it

    def on_finished(self, request: Any) -> None:
        """See the end of an answer."""
        self.recording.done(request)

    def on_failed(self, request: Any) -> None:
        """See a request that got no whole answer."""
        entry = self.recording.done(request, request.failure or "failed")
        if entry is None or not entry.navigation or entry.caught or _in_frame(request):
            return
        if failure_code(entry.failure) not in ("ERR_ABORTED", "ERR_UNKNOWN_URL_SCHEME", "ERR_HTTP_RESPONSE_CODE_FAILURE"):
            self.failure = (entry.url, entry.failure)

    def on_script_error(self, error: Any) -> None:
        """Keep what a page's script failed at, a few times."""
        text = " ".join(str(error.error).split())[:200]
        if len(self.script_errors) < 3 and text not in self.script_errors:
            self.script_errors.append(text)

    def on_dialog(self, dialog: Any) -> None:
        """Answer a dialogue: agree to a question that follows our own click, dismiss the rest."""
        from playwright.sync_api import Error

        self.dialogs.append(" ".join(str(dialog.message).split())[:160])
        try:
            if dialog.type == "beforeunload" or (dialog.type == "confirm" and self.acted is not None):
                dialog.accept()
            else:
                dialog.dismiss()
        except Error:
            return  # the page went away with its dialogue

    # --- time ------------------------------------------------------------------------------------------------------------------------

    def pump(self, milliseconds: float = TICK_MS) -> None:
        """Let Playwright deliver its events for a moment."""
        give_way()
        self.window.any_page().wait_for_timeout(milliseconds)

    def beat(self) -> None:
        """Tell the watchdog that the walk goes on."""
        self.window.driver.beat(self.step_s + GRACE_S)

    def quiet(self) -> float:
        """Seconds since anything happened on the network or on the page."""
        return min(self.recording.quiet_for(), time.monotonic() - self.changed)

    def here(self) -> float:
        """Seconds since the page in front came."""
        return time.monotonic() - self.arrived

    def count(self) -> None:
        """Count an action; there is a limit to them."""
        self.actions += 1
        self.shown = 0
        if self.actions > MAX_ACTIONS:
            raise End("no-way-on", f"{MAX_ACTIONS} things were done and no end is in sight")


def rest(page: PageSnapshot) -> float:
    """How long a page must be quiet before it counts as settled: hardly at all when nothing on it could still happen."""
    return STILL_S if page.complete and not page.scripts and page.refresh_s is None else SETTLED_S


def _in_frame(request: Any) -> bool:
    from playwright.sync_api import Error

    try:
        return request.frame.parent_frame is not None
    except Error:
        return False
