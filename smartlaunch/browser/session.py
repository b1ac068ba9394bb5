"""One browser for a run, and the sessions of the people who use it."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from smartlaunch.browser.catcher import Net, Stopper, origin_of
from smartlaunch.browser.choice import BrowserChoice
from smartlaunch.browser.credentials import Ledger
from smartlaunch.browser.landing import Landing
from smartlaunch.browser.plan import LoginPlan
from smartlaunch.browser.recipes import ChartGoal
from smartlaunch.browser.recording import Recording
from smartlaunch.browser.snapshot import WATCH_SCRIPT, PageSnapshot
from smartlaunch.browser.trust import Pins
from smartlaunch.browser.walk import Driver, Walk, run
from smartlaunch.browser.watchdog import Watchdog
from smartlaunch.errors import Blocked, UsageError
from smartlaunch.exchange import Endpoint, Exchange

_UNUSED_FEATURES = (
    "RenderDocument",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay",
    "MediaRouter",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "OptimizationHints",
    "NetworkTimeServiceQuerying",
    "AimEnabled",
    "PreconnectToSearch",
)
"""What is switched off in Chromium. The first makes a new frame for each page of a login, a third of a page's cost; the others are
those Playwright 1.65 switches off, named again because a second list takes the place of the first."""

_ONE_PROCESS = "--renderer-process-limit=1"
"""Pages of one site are drawn by one process, one after the other, as a login goes: to begin a process for each is a third of its cost."""

_ONE_EVENT = inspect.Signature([inspect.Parameter("event", inspect.Parameter.POSITIONAL_ONLY)])


_PASSED_ON = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TMP|TEMP|TMPDIR|DISPLAY|WAYLAND_\w+|XAUTHORITY|XDG_\w+|DBUS_SESSION_BUS_ADDRESS|"
    r"LD_LIBRARY_PATH|FONTCONFIG_\w+|SSL_CERT_\w+|(?:https?|no|all)_proxy|SYSTEMROOT|WINDIR|APPDATA|LOCALAPPDATA|PROGRAM\w*|COMSPEC",
    re.IGNORECASE,
)
"""What the browser needs of the environment; the rest, where secrets stand, is kept from it."""


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """The part of an environment that the browser gets."""
    return {name: value for name, value in env.items() if _PASSED_ON.fullmatch(name)}


class Browser:
    """One browser process, started when the first session needs it.

    ``on_exchange`` gets every exchange after the walk that made it, ``on_screenshot`` a name and a JPEG and returns where it was kept.
    ``scrub`` takes the run's secrets out of a text, for pictures; ``people`` says that those may show persons. ``home`` is
    the FHIR base URL of the server under test: no other link-local address than its own is reached.
    Certificates that the authority of ``ca_file`` has signed are trusted beside those that the browser knows.
    """

    def __init__(
        self,
        *,
        choice: BrowserChoice,
        headed: bool = False,
        on_exchange: Callable[[Exchange], None],
        next_id: Callable[[], str],
        on_screenshot: Callable[[str, bytes], str],
        step_timeout_s: float = 10.0,
        login_timeout_s: float = 60.0,
        body_limit: int = 1_000_000,
        ca_file: Path | None = None,
        scrub: Callable[[str], str] = str,
        people: bool = False,
        home: str = "",
        proxy: tuple[str, tuple[str, str] | None] | None = None,
    ) -> None:
        self.choice, self.headed = choice, headed
        self.on_exchange, self.next_id, self.on_screenshot = on_exchange, next_id, on_screenshot
        self.step_timeout_s, self.login_timeout_s = step_timeout_s, login_timeout_s
        self.proxy = proxy
        self.body_limit, self.pins = body_limit, Pins(ca_file)
        if home:
            self.pins.learn(home)
        self.scrub, self.people, self.home = scrub, people, urlsplit(home).hostname or ""
        self.withheld: Callable[[str], str] = lambda _url: ""
        """Why credentials may not be typed on the page of an address; empty where they may."""
        self.sandboxed = False
        self.kept_state: tuple[str, Path] | None = None
        """The session that begins with the cookies and storage of a file, and the file."""
        self.pictures = False
        """Whether a picture is taken of each page on which something is done."""
        self.stopper: Stopper | None = None
        self.ledger = Ledger()
        self._sessions: dict[str, BrowserSession] = {}
        self._fresh = 0
        self._all: list[BrowserSession] = []
        self._playwright: Any = None
        self._browser: Any = None
        self._watchdog: Watchdog | None = None
        self._bites = 0

    def state_of(self, session: str) -> dict[str, Any] | None:
        """Cookies and storage for a session to begin with: those that were kept, for the one person whose they are."""
        if self.kept_state is None or session != self.kept_state[0]:
            return None
        try:
            state: dict[str, Any] = json.loads(self.kept_state[1].read_text("utf-8"))
        except (OSError, ValueError) as exc:
            raise UsageError(
                f"{self.kept_state[1]} is no kept session ({type(exc).__name__})\n  try: smartlaunch login try --storage-state FILE"
            ) from None
        return state

    @property
    def version(self) -> str:
        """Name and version of the running browser, empty before it starts."""
        if self._browser is None:
            return ""
        return f"Chromium {self._browser.version}{'' if self.sandboxed else ' (without a sandbox of its own)'}"

    def start(self) -> Any:
        """Start the browser when it is not running; a browser that died is started again."""
        if self._browser is not None and self._browser.is_connected():
            return self._browser
        from playwright.sync_api import Error, sync_playwright

        if self._playwright is None:
            self._playwright = sync_playwright().start()
        env: dict[str, str | float | bool] = dict(environment(os.environ))
        if self.choice.library_path is not None:
            env["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, (str(self.choice.library_path), os.environ.get("LD_LIBRARY_PATH", ""))))
        try:
            self._browser = self._launch(env)
            self.stopper = Stopper(self._browser)
            if self._watchdog is not None:
                self._watchdog.stop()
            self._watchdog = Watchdog(self._browser)
        except Error as error:
            self._playwright.stop()
            self._playwright = self._browser = None
            lines = [line for line in str(error).splitlines() if line.strip()][:4]
            raise UsageError(
                f"the browser would not start ({self.choice.path or self.choice.how}):\n  "
                + "\n  ".join(lines)
                + "\n  try: smartlaunch setup",
            ) from None
        for session in self._all:
            session.forget()
        return self._browser

    def trust(self, url: str) -> bool:
        """Let the browser accept the certificate of an address that ``ca_file`` vouches for; true when it has to start anew for that."""
        from playwright.sync_api import Error

        if not self.pins.learn(url):
            return False
        if self._browser is not None:
            with contextlib.suppress(Error):
                self._browser.close()
        return True

    def _launch(self, env: dict[str, str | float | bool]) -> Any:
        """Start the program with a sandbox of its own where the kernel lets it; root never gets one."""
        from playwright.sync_api import Error

        for sandboxed in (True, False) if getattr(os, "geteuid", lambda: 1)() != 0 else (False,):
            try:
                browser = self._playwright.chromium.launch(
                    executable_path=self.choice.path,
                    headless=not self.headed,
                    env=env,
                    proxy=self._proxy(),
                    chromium_sandbox=sandboxed,
                    args=[f"--disable-features={','.join(_UNUSED_FEATURES)}", _ONE_PROCESS, *self.pins.arguments],
                )
            except Error as error:
                if not sandboxed or "sandbox" not in str(error).lower():
                    raise
            else:
                self.sandboxed = sandboxed
                return browser
        raise AssertionError  # the last try raises or returns

    def _proxy(self) -> dict[str, str] | None:
        """The proxy in Playwright's words; loopback addresses go through it as well, as the app's own requests do."""
        if self.proxy is None:
            return None
        address, login = self.proxy
        return {"server": address, **({"username": login[0], "password": login[1]} if login is not None else {})}

    def session(self, name: str = "default") -> BrowserSession:
        """The session of that name; its cookies are kept as long as it lives."""
        if name not in self._sessions:
            self._sessions[name] = self._add(name)
        return self._sessions[name]

    def fresh_session(self, name: str = "fresh") -> BrowserSession:
        """A session without cookies that nobody else gets; close it after use."""
        self._fresh += 1
        return self._add(f"{name}-{self._fresh}")

    def _add(self, name: str) -> BrowserSession:
        session = BrowserSession(self, name)
        self._all.append(session)
        return session

    def drop(self, session: BrowserSession) -> None:
        """Forget a closed session."""
        if session in self._all:
            self._all.remove(session)
        if self._sessions.get(session.name) is session:
            del self._sessions[session.name]

    def keep_screenshot(self, name: str, picture: bytes) -> str:
        """Keep a picture and say where."""
        return self.on_screenshot(name, picture)

    def beat(self, seconds: float) -> None:
        """Tell the watchdog that the walk goes on and may take this long."""
        if self._watchdog is not None:
            self._watchdog.beat(seconds)

    def rest(self) -> None:
        """Tell the watchdog that no walk goes on."""
        if self._watchdog is not None:
            self._bites = self._watchdog.bites
            self._watchdog.rest()

    def learn(self) -> None:
        """Let the watchdog see again which processes draw pages."""
        if self._watchdog is not None:
            self._watchdog.learn()

    def end_pages(self) -> None:
        """End the processes that draw pages; cookies stay, and each session opens a page anew."""
        if self._watchdog is not None:
            self._watchdog.end_pages()

    def bitten(self) -> bool:
        """Whether the watchdog had to end a page since the last rest."""
        return self._watchdog is not None and self._watchdog.bites > self._bites

    def close(self) -> None:
        """Close every session and the browser."""
        from playwright.sync_api import Error

        for session in list(self._all):
            session.close()
        if self._watchdog is not None:
            self._watchdog.stop()
        try:
            if self._browser is not None:
                self._browser.close()
        except Error:
            pass  # it is gone already
        finally:
            if self._playwright is not None:
                self._playwright.stop()
            self._browser = self._playwright = self.stopper = self._watchdog = None


class BrowserSession:
    """One person's cookies, and the page they look at."""

    def __init__(self, browser: Browser, name: str) -> None:
        self.browser, self.name = browser, name
        self.frame: Any = None
        self._context: Any = None
        self._page: Any = None
        self._pages: list[Any] = []
        self._dead: list[Any] = []
        self._walk: Walk | None = None
        self._stale = ""
        self._place: tuple[Any, str] = (None, "")

    def go(
        self,
        url: str,
        *,
        method: str = "GET",
        form: Sequence[tuple[str, str]] | None = None,
        catch: Sequence[str],
        plan: LoginPlan,
        stop_when: Callable[[PageSnapshot], bool] | None = None,
        capture: bool = False,
        first: Endpoint = Endpoint.AUTHORIZE,
        caught: Endpoint = Endpoint.REDIRECT,
        goal: ChartGoal | None = None,
        step_timeout_s: float | None = None,
        login_timeout_s: float | None = None,
        by_hand: bool = False,
        watch: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> Landing:
        """Open a URL, do what the plan says on the pages that come, and say where it ended.

        Raises LoginStuck when the server refuses the credentials or a step of the target file fails, Blocked when the browser itself
        goes away, UsageError when it will not start. Every other end is a landing. Exchanges reach ``on_exchange`` in any case.
        With ``by_hand`` nothing is done: a person does it; with ``watch``, too, and each thing done is told.
        """
        if watch is not None:
            self._tell(watch)
        self.browser.trust(url)
        for last in (False, True):
            landing, untrusted = self._walked(
                url,
                method,
                form or (),
                catch,
                plan,
                stop_when,
                capture,
                first,
                caught,
                goal,
                step_timeout_s,
                login_timeout_s,
                by_hand or watch is not None,
            )
            if last or not untrusted or not self.browser.trust(untrusted):
                break
        return landing

    def _walked(
        self,
        url: str,
        method: str,
        form: Sequence[tuple[str, str]],
        catch: Sequence[str],
        plan: LoginPlan,
        stop_when: Callable[[PageSnapshot], bool] | None,
        capture: bool,
        first: Endpoint,
        caught: Endpoint,
        goal: ChartGoal | None,
        step_timeout_s: float | None,
        login_timeout_s: float | None,
        watched: bool,
    ) -> tuple[Landing, str]:
        """One walk, and the address whose certificate stopped it, if one did."""
        from playwright.sync_api import Error

        self._ready()
        stopper = self.browser.stopper
        assert stopper is not None  # start() made it
        net = Net(tuple(catch), origin_of(url), self.browser.home)
        recording = Recording(body_limit=self.browser.body_limit)
        self._walk = walk = Walk(
            window=self,
            net=net,
            plan=plan,
            goal=goal,
            stop_when=stop_when,
            capture=capture,
            step_s=step_timeout_s or self.browser.step_timeout_s,
            total_s=login_timeout_s or self.browser.login_timeout_s,
            recording=recording,
            stale=self._stale,
        )
        walk.handed_over = watched
        ids: list[str] = []
        try:
            stopper.arm(net)
            landing = run(walk, url, method, form)
        except Error as error:
            raise Blocked(
                f"the browser failed: {_first_line(error, plan)}", waited_for="a page", hint="run again; if it stays, smartlaunch setup"
            ) from None
        finally:
            self._walk = None
            self.browser.beat(20)
            for exchange in self._exchanges(recording, first, caught):
                ids.append(exchange.id)
                self.browser.on_exchange(exchange)
            self._tidy(walk.last)
            self.browser.rest()
        refusal = ids[recording.made_before(walk.login_from) :] if landing.refused_sign_in else []
        where, why = walk.failure or ("", "")
        untrusted = where if landing.kind == "unreachable" and "ERR_CERT_AUTHORITY_INVALID" in why else ""
        return replace(landing, exchange_ids=tuple(ids), refusal_exchanges=tuple(refusal)), untrusted

    def open_chart(
        self,
        url: str,
        *,
        plan: LoginPlan,
        patient: str | None,
        app_name: str,
        catch: Sequence[str],
        client_id: str = "",
        capture: bool = False,
    ) -> Landing:
        """Sign in to an EHR's page, open the patient, press the app's launch control, and catch the launch URI.

        The launch control is found by ``client_id`` in its data or address, by the app's name on it or in its row, or by being the
        only one that says "Launch". Steps of the plan come first.
        """
        goal = ChartGoal(app_name=app_name, client_id=client_id, patient=patient)
        return self.go(url, catch=catch, plan=plan, goal=goal, capture=capture, first=Endpoint.PAGE, caught=Endpoint.LAUNCH)

    def cookies_for(self, url: str) -> str:
        """What the browser would send to an address as ``Cookie``, from a page of the same site; empty where it has none for it."""
        if self._context is None:
            return ""
        self._ready()
        return "; ".join(f"{one['name']}={one['value']}" for one in self._context.cookies(url))

    def _tell(self, watch: Callable[[Mapping[str, Any]], None]) -> None:
        """Let every page of this session tell what a person does on it."""
        self._ready()

        def saw(_source: object, event: object) -> None:
            if isinstance(event, Mapping):
                watch(event)

        self._context.expose_binding("smartlaunchSaw", saw)
        self._context.add_init_script(f"({WATCH_SCRIPT})()")

    def keep_state(self, path: Path) -> None:
        """Write who is signed in, cookies and storage, readable by its owner only."""
        if self._context is not None:
            state = json.dumps(self._context.storage_state())
            path.unlink(missing_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
                stream.write(state)

    def clear_cookies(self) -> None:
        """Forget who is signed in, keeping the page."""
        if self._context is not None:
            self._ready()
            self._context.clear_cookies()

    def close(self) -> None:
        """Close the session and forget its cookies."""
        from playwright.sync_api import Error

        context, self._context, self._page, self._pages = self._context, None, None, []
        self.browser.drop(self)
        if context is not None:
            try:
                context.close()
            except Error:
                return  # the browser is gone, and the session with it

    # --- for the walk ----------------------------------------------------------------------------------------------------------------

    @property
    def driver(self) -> Driver:
        """The browser process behind the session."""
        return self.browser

    def page(self) -> Any:
        """The main page, opened when there is none."""
        if self._page is not None and self._page in self._dead:
            self.drop_page()
        if self._page is None or self._page.is_closed():
            self._page = self._context.new_page()
        return self._page

    def any_page(self) -> Any:
        """A page that is open, to wait on."""
        return self._page if self._page is not None and not self._page.is_closed() else self.front_page()

    def front_page(self) -> Any:
        """The page a person would look at: the newest pop-up that shows something, else the main page."""
        self.frame = None
        self._pages = [p for p in self._pages if not p.is_closed()]
        shown = [p for p in self._pages if p is not self._page and p.url not in ("", "about:blank")]
        return shown[-1] if shown else self.page()

    def learn(self, page: Any) -> None:
        """Tell the watchdog when another page or one of another host is in front: another process may draw it."""
        place = (page, urlsplit(page.url).netloc)
        if place != self._place:
            self._place = place
            self.browser.learn()

    def acting_frame(self) -> Any:
        """Where the last snapshot was taken."""
        return self.frame or self.front_page().main_frame

    def drop_page(self) -> None:
        """Give up a page that no longer reacts; the next walk opens another."""
        from playwright.sync_api import Error

        page, self._page = self._page, None
        self._dead = [dead for dead in self._dead if dead is not page]
        try:
            if page is not None:
                page.close(run_before_unload=False)
        except Error:
            return  # it went away by itself

    def forget(self) -> None:
        """Drop what belonged to a browser that died."""
        self._context = self._page = self.frame = None
        self._pages, self._dead, self._place = [], [], (None, "")

    # --- inside ----------------------------------------------------------------------------------------------------------------------

    def _ready(self) -> None:
        browser = self.browser.start()
        if self._context is not None:
            return
        context = browser.new_context(
            locale="en-US",
            service_workers="block",
            accept_downloads=False,
            viewport={"width": 1200, "height": 900},
            storage_state=self.browser.state_of(self.name),
        )
        for event, handler in (
            ("request", Walk.on_request),
            ("response", Walk.on_response),
            ("requestfinished", Walk.on_finished),
            ("requestfailed", Walk.on_failed),
            ("weberror", Walk.on_script_error),
        ):
            context.on(event, self._forward(handler))
        context.on("dialog", self._dialog)
        context.on("page", self._opened)
        self._context = context

    def _forward(self, handler: Callable[[Walk, Any], None]) -> Callable[[Any], None]:
        def forward(event: Any) -> None:
            if self._walk is not None:
                handler(self._walk, event)

        forward.__signature__ = _ONE_EVENT  # type: ignore[attr-defined] # Playwright works it out anew for each of thousands of events
        return forward

    def _opened(self, page: Any) -> None:
        self._pages.append(page)
        page.on("download", self._downloads)
        page.on("crash", self._crashed)

    def _dialog(self, dialog: Any) -> None:
        if self._walk is not None:
            self._walk.on_dialog(dialog)
        else:
            dialog.dismiss()

    def _downloads(self, download: Any) -> None:
        if self._walk is not None:
            self._walk.download = str(download.suggested_filename)[:80]

    def _crashed(self, page: Any) -> None:
        self._dead.append(page)
        if self._walk is not None:
            self._walk.crashed = True

    def _exchanges(self, recording: Recording, first: Endpoint, caught: Endpoint) -> list[Exchange]:
        return recording.exchanges(self.browser.next_id, first=first, caught=caught)

    def _tidy(self, last: PageSnapshot) -> None:
        """Close pop-ups, and leave the last page when it could go on doing things in the background."""
        from playwright.sync_api import Error

        for page in [p for p in self._pages if p is not self._page]:
            with contextlib.suppress(Error):
                page.close(run_before_unload=False)
        self._pages = [p for p in self._pages if p is self._page]
        self._stale = last.document or self._stale
        if last.inert:
            return
        if self._page in self._dead:
            self.drop_page()
        try:
            if self._page is not None and not self._page.is_closed():
                self._page.goto("about:blank", timeout=3000, wait_until="commit")
        except Error:
            self.drop_page()


def _first_line(error: Exception, plan: LoginPlan) -> str:
    text = (str(error).splitlines() or ["no reason given"])[0]
    return text.replace(plan.password, "***") if plan.password else text
