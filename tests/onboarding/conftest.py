"""The embedded EHR without its target file, as a person meets a server: an address, a registration, a login."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import socket
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn

from smartlaunch.browser import Browser
from smartlaunch.embedded_ehr.app import build_app, build_sandbox
from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.server import RunningSandbox, serve

ROOT = Path(__file__).resolve().parents[2]
REDIRECT, LAUNCH = "redirect_uri", "launch_uri"


@dataclass
class Known:
    """What somebody has who was given a login for a sandbox and has registered an app there."""

    base: str
    client_id: str
    redirect_uri: str
    launch_uri: str
    username: str
    password: str
    patient: str
    secret: str = ""
    ehr: object = None

    def launch(self) -> str:
        """A launch value, as one copies it from the address bar of an EHR launch."""
        return self.ehr.sandbox.state.create_launch(self.client_id, self.username, self.patient, None)


@pytest.fixture(scope="module")
def ehr():
    with serve(SandboxOptions()) as running:
        yield running


@contextlib.contextmanager
def behind(make_front):
    """An embedded EHR and what ``make_front`` puts before it, which both live as long as the block."""
    listener = socket.create_server(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    sandbox = build_sandbox(SandboxOptions(), base)
    front = make_front(build_app(sandbox=sandbox))
    server = uvicorn.Server(uvicorn.Config(front, log_level="critical", lifespan="off", ws="none", timeout_graceful_shutdown=1))
    running = RunningSandbox(base, sandbox, server, listener, threading.Thread(target=server.run, args=([listener],), daemon=True))
    running.thread.start()
    try:
        yield running, front
    finally:
        running.stop()


def known_of(ehr, role="public", persona="patient") -> Known:
    state = ehr.sandbox.state
    client = next(c for c in state.clients.values() if c.role == role and c.use == "primary")
    user = next(u for u in state.users.values() if u.persona == persona and u.patients)
    return Known(
        base=ehr.fhir_base_url,
        client_id=client.client_id,
        redirect_uri=client.redirect_uris[0] if client.redirect_uris else "",
        launch_uri=client.launch_uri or "",
        username=user.username,
        password=user.password,
        patient=user.patients[0],
        secret=client.secret or "",
        ehr=ehr,
    )


@pytest.fixture(scope="session", autouse=True)
def one_browser():
    """One browser program for the commands that the tests give in this process; each still gets sessions of its own, and none is left open.

    A command that wants another program, or starts it otherwise, gets its own.
    """
    start, close, kept = Browser.start, Browser.close, _Kept()

    def shared_start(browser):
        if browser._browser is None and not kept.lend(browser):
            kept.end()
        started = start(browser)
        kept.keep(browser)
        return started

    def shared_close(browser):
        for session in list(browser._all):
            session.close()
        browser.rest()
        browser._browser = browser._playwright = browser.stopper = browser._watchdog = None

    Browser.start, Browser.close = shared_start, shared_close
    yield
    Browser.start, Browser.close = start, close
    kept.end()


class _Kept:
    """The program that is open, and how it was started."""

    def __init__(self) -> None:
        self.how, self.parts = None, ()

    @staticmethod
    def _how(browser):
        return browser.headed, browser.choice, browser.proxy, tuple(browser.pins.arguments)

    def keep(self, browser) -> None:
        self.how, self.parts = self._how(browser), (browser._playwright, browser._browser, browser.stopper, browser._watchdog)

    def lend(self, browser) -> bool:
        if self.how != self._how(browser) or not self.parts[1].is_connected():
            return False
        browser._playwright, browser._browser, browser.stopper, browser._watchdog = self.parts
        return True

    def end(self) -> None:
        if self.parts:
            playwright, program, _, watchdog = self.parts
            watchdog.stop()
            program.close()
            playwright.stop()
        self.how, self.parts = None, ()


@pytest.fixture
def known(ehr) -> Known:
    return known_of(ehr)


class Terminal:
    """A person at a terminal: reads until a question stands there, and types."""

    def __init__(self, words: list[str], cwd: Path, env: dict[str, str] | None = None) -> None:
        pid, self.fd = pty.fork()
        if pid == 0:
            os.chdir(cwd)
            os.execve(
                sys.executable,
                [sys.executable, "-m", "smartlaunch.cli", *words],
                {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb", "COLUMNS": "200", **(env or {})},
            )
        self.pid, self.seen = pid, ""

    def until(self, text: str, limit_s: float = 60) -> str:
        """Read until the text is there; what stood before it since the last time."""
        end = time.monotonic() + limit_s
        while text not in self.seen:
            assert time.monotonic() < end, f"waited for {text!r}, saw:\n{self.seen}"
            if not self._read():
                assert text in self.seen, f"ended before {text!r}, saw:\n{self.seen}"
        before, _, self.seen = self.seen.partition(text)
        return before + text

    def answer(self, question: str, text: str) -> str:
        """Wait for a question and type the answer."""
        shown = self.until(question)
        os.write(self.fd, f"{text}\n".encode())
        return shown

    def end(self, limit_s: float = 120) -> tuple[int, str]:
        """Read to the end; the exit code and the rest of the output."""
        end = time.monotonic() + limit_s
        while self._read():
            assert time.monotonic() < end, f"no end, saw:\n{self.seen}"
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status), self.seen

    def _read(self) -> bool:
        ready, _, _ = select.select([self.fd], [], [], 1)
        if not ready:
            return True
        try:
            got = os.read(self.fd, 65536)
        except OSError:
            return False
        self.seen += got.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(got)


@pytest.fixture
def terminal(tmp_path):
    return lambda *words, env=None: Terminal(list(words), tmp_path, env)
