"""A site whose pages each test writes, a listener that must stay unvisited, and one browser for all."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from smartlaunch.browser import Browser, BrowserSession, LoginPlan, find_browser
from smartlaunch.exchange import Exchange


@dataclass
class Visit:
    method: str
    path: str
    query: dict[str, str]
    form: list[tuple[str, str]]
    headers: dict[str, str]

    def value(self, name: str) -> str | None:
        return next((v for k, v in self.form if k == name), None)

    def values(self, name: str) -> list[str]:
        return [v for k, v in self.form if k == name]


@dataclass
class Site:
    """A server with pages by path; every visit is kept."""

    base: str = ""
    pages: dict[str, Callable[[Visit], Response]] = field(default_factory=dict)
    visits: list[Visit] = field(default_factory=list)

    def html(self, path: str, body: str, *, status: int = 200, title: str = "A page", headers: dict[str, str] | None = None) -> None:
        text = body if "<html" in body else f"<!doctype html><html><head><title>{title}</title></head><body>{body}</body></html>"
        self.pages[path] = lambda _visit: HTMLResponse(text, status_code=status, headers=headers)

    def redirect(self, path: str, to: str, status: int = 302) -> None:
        self.pages[path] = lambda _visit: RawRedirect(to, status)

    def on(self, path: str, handler: Callable[[Visit], Response]) -> None:
        self.pages[path] = handler

    def seen(self, path: str) -> list[Visit]:
        return [v for v in self.visits if v.path == path]

    def one(self, path: str) -> Visit:
        found = self.seen(path)
        assert len(found) == 1, f"{path} was visited {len(found)} times: {[v.path for v in self.visits]}"
        return found[0]

    def reset(self) -> None:
        self.pages.clear()
        self.visits.clear()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        body = (await request.body()).decode("utf-8", "replace")
        visit = Visit(
            request.method, request.url.path, dict(request.query_params), parse_qsl(body, keep_blank_values=True), dict(request.headers)
        )
        self.visits.append(visit)
        page = self.pages.get(visit.path)
        response: Any = PlainTextResponse("no such page", status_code=404) if page is None else page(visit)
        if asyncio.iscoroutine(response):
            response = await response
        await response(scope, receive, send)


class RawRedirect(RedirectResponse):
    """A redirect whose Location is sent as written, custom schemes and all."""

    def __init__(self, to: str, status: int) -> None:
        super().__init__("/", status_code=status)
        self.headers["location"] = to


@contextlib.contextmanager
def serving(app: Any) -> Iterator[int]:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1, ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.005)
    assert server.started
    try:
        yield sock.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(timeout=5)


@pytest.fixture(scope="session")
def running_site() -> Iterator[Site]:
    site = Site()
    with serving(site) as port:
        site.base = f"http://127.0.0.1:{port}"
        yield site


@pytest.fixture
def site(running_site: Site) -> Iterator[Site]:
    running_site.reset()
    yield running_site
    running_site.reset()


@pytest.fixture(scope="session")
def app_host() -> Iterator[Site]:
    """The app's own host, really listening: no test may reach it."""
    site = Site()
    with serving(site) as port:
        site.base = f"http://localhost:{port}"
        yield site
    assert site.visits == []


@dataclass
class Kept:
    exchanges: list[Exchange] = field(default_factory=list)
    shots: dict[str, bytes] = field(default_factory=dict)


@pytest.fixture(scope="session")
def kept() -> Kept:
    return Kept()


@pytest.fixture(scope="session")
def browser(kept: Kept) -> Iterator[Browser]:
    numbers = itertools.count(1)

    def keep(name: str, picture: bytes) -> str:
        path = f"screenshots/{name}-{len(kept.shots) + 1}.jpg"
        kept.shots[path] = picture
        return path

    browser = Browser(
        choice=find_browser(),
        on_exchange=kept.exchanges.append,
        next_id=lambda: f"x{next(numbers)}",
        on_screenshot=keep,
        step_timeout_s=4,
        login_timeout_s=15,
    )
    yield browser
    browser.close()


@pytest.fixture
def person(browser: Browser, kept: Kept) -> BrowserSession:
    """One shared session without cookies: opening a page anew for each test would cost more than the tests."""
    session = browser.session("tests")
    session.clear_cookies()
    browser.ledger.clear()
    kept.exchanges.clear()
    kept.shots.clear()
    return session


CALLBACK = "https://app.example/callback"


@pytest.fixture
def callback() -> str:
    return CALLBACK


@pytest.fixture
def plan() -> LoginPlan:
    return LoginPlan(username="lena.hart@example.org", password="correct horse", patient="amelia-stone", patient_names=["Amelia Stone"])
