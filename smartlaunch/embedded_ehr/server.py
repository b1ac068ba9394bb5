"""Runs the embedded EHR: in a thread of this process, or as the process itself."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import uvicorn

from smartlaunch.embedded_ehr.app import build_app, build_sandbox
from smartlaunch.embedded_ehr.defects import Variants, load_defects
from smartlaunch.embedded_ehr.guard import Guard, PunctualProtocol
from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.plain_http import answers_plain_http
from smartlaunch.embedded_ehr.tls import TlsFront, make_certificates, server_context

if TYPE_CHECKING:
    from smartlaunch.embedded_ehr.core import Sandbox

_START_LIMIT_S = 10.0
_STOP_LIMIT_S = 5.0


class SandboxDidNotStart(RuntimeError):
    """The server was not ready within its limit."""


@dataclass
class RunningSandbox:
    """A server that answers at ``base_url`` until `stop` is called.

    ``authority`` is the certificate, in PEM, that a client has to trust when the server speaks TLS.
    """

    base_url: str
    sandbox: Sandbox
    server: uvicorn.Server
    listener: socket.socket
    thread: threading.Thread | None = None
    front: TlsFront | None = None
    authority: str = ""

    @property
    def fhir_base_url(self) -> str:
        """The FHIR base URL."""
        return self.sandbox.state.fhir_base_url

    def stop(self) -> None:
        """Stop serving and wait, within a limit, until the thread has ended."""
        if self.front is not None:
            self.front.stop()
        self.server.should_exit = True
        if self.thread is not None:
            self.thread.join(_STOP_LIMIT_S)
        self.listener.close()


def prepare(options: SandboxOptions | None = None) -> RunningSandbox:
    """Bind the loopback port and build the server, without serving yet."""
    chosen = _with_tls_where_needed(options or SandboxOptions())
    with contextlib.ExitStack() as opened:
        public = opened.enter_context(_bound(chosen.port))
        listener = opened.enter_context(_bound(0)) if chosen.tls else public
        scheme = "https" if chosen.tls else "http"
        base_url = f"{scheme}://127.0.0.1:{public.getsockname()[1]}"
        sandbox = build_sandbox(chosen, base_url)
        config = uvicorn.Config(
            Guard(build_app(sandbox=sandbox), base_url),
            http=PunctualProtocol,
            log_config=None,
            log_level="error",
            access_log=False,
            lifespan="off",
            loop="asyncio",
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=1,
        )
        running = RunningSandbox(base_url, sandbox, uvicorn.Server(config), listener)
        if chosen.tls:
            certificates = make_certificates(sandbox.defects)
            context = server_context(certificates, sandbox.defects)
            running.authority = certificates.authority
            running.front = TlsFront(public, context, listener.getsockname()[1], plain_too=answers_plain_http(sandbox.defects))
            # Listening before the first byte is passed on: the server behind takes its time to start.
            listener.listen(128)
            running.front.start()
        opened.pop_all()
        return running


def _with_tls_where_needed(options: SandboxOptions) -> SandboxOptions:
    """Return the options with TLS when a broken rule shows only there, so that whoever names the rule need not know."""
    variant, table = Variants(options.variants), load_defects()
    needed = any("tls" in table[name].needs for name in options.defects if name in table)
    return replace(options, tls=True) if needed or variant("serves_by_https") else options


def _bound(port: int) -> socket.socket:
    # The protocol has to be named: asyncio turns Nagle's delay off only on sockets that say they are TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.close()
        raise
    return listener


def start(options: SandboxOptions | None = None) -> RunningSandbox:
    """Serve in a thread and return when the server is ready."""
    return begin(prepare(options))


def begin(running: RunningSandbox) -> RunningSandbox:
    """Let a prepared server serve in a thread; the same server, once it is ready."""
    running.thread = threading.Thread(target=running.server.run, kwargs={"sockets": [running.listener]}, name="embedded-ehr", daemon=True)
    running.thread.start()
    limit = time.monotonic() + _START_LIMIT_S
    while not running.server.started:
        if not running.thread.is_alive() or time.monotonic() > limit:
            running.stop()
            message = "the embedded EHR did not start"
            raise SandboxDidNotStart(message)
        time.sleep(0.002)
    return running


@contextlib.contextmanager
def serve(options: SandboxOptions | None = None) -> Iterator[RunningSandbox]:
    """Serve for the length of a ``with`` block."""
    running = start(options)
    try:
        yield running
    finally:
        running.stop()
