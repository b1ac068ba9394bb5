"""One browser for a run, and the sessions of the people who use it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from smartlaunch.browser.choice import BrowserChoice
from smartlaunch.browser.landing import Landing
from smartlaunch.browser.plan import LoginPlan
from smartlaunch.browser.snapshot import PageSnapshot
from smartlaunch.exchange import Endpoint, Exchange


class Browser:
    """One browser process, started when the first session needs it."""

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
    ) -> None:
        self.choice, self.headed = choice, headed
        self.on_exchange, self.next_id, self.on_screenshot = on_exchange, next_id, on_screenshot
        self.step_timeout_s, self.login_timeout_s = step_timeout_s, login_timeout_s
        self._sessions: dict[str, BrowserSession] = {}
        self._playwright: Any = None
        self._browser: Any = None

    def start(self) -> Any:
        """Start the browser when it is not running."""
        if self._browser is None:
            from playwright.sync_api import sync_playwright

            self._playwright = sync_playwright().start()
            self._browser = self._playwright.chromium.launch(executable_path=self.choice.path, headless=not self.headed)
        return self._browser

    def session(self, name: str = "default") -> BrowserSession:
        """The session of that name; cookies are kept as long as the session lives."""
        if name not in self._sessions:
            self._sessions[name] = BrowserSession(self, name)
        return self._sessions[name]

    def fresh_session(self) -> BrowserSession:
        """A session without cookies that no other name shares; close it after use."""
        return BrowserSession(self, "fresh")

    def close(self) -> None:
        """Close every session and the browser."""
        for session in list(self._sessions.values()):
            session.close()
        if self._browser is not None:
            self._browser.close()
            self._playwright.stop()
            self._browser = self._playwright = None


class BrowserSession:
    """One person's cookies and one page."""

    def __init__(self, browser: Browser, name: str) -> None:
        self.browser, self.name = browser, name
        self._context: Any = None

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
    ) -> Landing:
        """Open a URL, do what the plan says on the pages that come, and say where it ended."""
        del method, form, plan, stop_when, capture, first, caught
        if self._context is None:
            self._context = self.browser.start().new_context()
        page = self._context.new_page()
        hits: list[str] = []
        page.on("request", lambda r: hits.append(r.url) if any(r.url.startswith(uri) for uri in catch) else None)
        page.goto(url, wait_until="commit")
        page.close()
        return Landing(kind="caught", url=hits[0]) if hits else Landing(kind="no-way-on", url=url)

    def open_chart(self, url: str, *, plan: LoginPlan, patient: str | None, app_name: str, catch: Sequence[str], client_id: str = "") -> Landing:
        """Sign in to an EHR's page, open the patient, press the app's launch control, and catch the launch URI."""
        del patient, app_name, client_id
        return self.go(url, catch=catch, plan=plan, first=Endpoint.PAGE, caught=Endpoint.LAUNCH)

    def close(self) -> None:
        """Close the session and forget its cookies."""
        if self._context is not None:
            self._context.close()
            self._context = None
