"""A front of raw sockets before the embedded EHR: it passes everything on, but misbehaves at the one place it is told."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import uvicorn

from smartlaunch.embedded_ehr.app import build_app, build_sandbox
from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.server import RunningSandbox
from smartlaunch.embedded_ehr.target_file import write_target

JSON, HTML = "application/json", "text/html"
PLACES = {
    "discovery": ("/.well-known/smart-configuration",),
    "openid-configuration": ("/.well-known/openid-configuration",),
    "jwks": ("/jwks",),
    "authorize": ("/oauth/authorize",),
    "token": ("/oauth/token",),
    "patient": ("/fhir/Patient",),
    "chart": ("/chart",),
}
_LIMIT_S = 30
SECRET = {
    *("password", "code", "code_verifier", "refresh_token", "client_secret", "client_assertion", "access_token", "token", "launch"),
    *("state", "transaction"),
}
"""Names under which secrets travel, in forms, in queries and in JSON."""
Fault = Callable[[socket.socket, threading.Event, str], None]


def _reply(body: bytes, media_type: str = JSON, *, status: str = "200 OK", length: int | None = None, extra: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {len(body) if length is None else length}\r\nConnection: close\r\n{extra}\r\n"
    return head.encode() + body


def _sends(data: bytes) -> Fault:
    return lambda connection, _over, _path: connection.sendall(data)


def _hangs(_connection: socket.socket, over: threading.Event, _path: str) -> None:
    over.wait(_LIMIT_S)


def _closes(_connection: socket.socket, _over: threading.Event, _path: str) -> None:
    return


def _streams(connection: socket.socket, over: threading.Event, _path: str) -> None:
    """Send blanks within a JSON object until the other side has enough."""
    connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: {JSON}\r\nConnection: close\r\n\r\n{{".encode())
    until = time.monotonic() + _LIMIT_S
    while not over.is_set() and time.monotonic() < until:
        connection.sendall(b" " * 65536)


def _drips(connection: socket.socket, over: threading.Event, _path: str) -> None:
    """Send one byte at a time, faster than any limit on silence."""
    connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: {JSON}\r\nConnection: close\r\n\r\n{{".encode())
    until = time.monotonic() + _LIMIT_S
    while not over.wait(0.1) and time.monotonic() < until:
        connection.sendall(b" ")


def _continues(connection: socket.socket, over: threading.Event, _path: str) -> None:
    """Promise an answer for ever."""
    until = time.monotonic() + _LIMIT_S
    while not over.wait(0.05) and time.monotonic() < until:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def _circles(connection: socket.socket, _over: threading.Event, path: str) -> None:
    connection.sendall(_reply(b"", "text/plain", status="302 Found", extra=f"Location: {path}\r\n"))


def _wanders(connection: socket.socket, _over: threading.Event, path: str) -> None:
    """Redirect to a new address each time, so that no address comes twice."""
    base, _, query = path.partition("?")
    connection.sendall(_reply(b"", "text/plain", status="302 Found", extra=f"Location: {base}?{query}&again=1\r\n"))


LATE = "kq7Wm2xR9tLz4vBn8cHd3"
"""What stands in an answer long before anything says that it is a secret."""
FAULTS: dict[str, Fault] = {
    "hangs": _hangs,
    "closes": _closes,
    "streams": _streams,
    "drips": _drips,
    "continues": _continues,
    "circles": _circles,
    "wanders": _wanders,
    "html": _sends(_reply(b"<!doctype html><title>Maintenance</title><h1>Back soon</h1>", HTML)),
    "10-MB": _sends(_reply(b'{"a": "' + b"x" * 10_000_000 + b'"}')),
    "bomb": _sends(_reply(gzip.compress(b" " * 50_000_000, 9), extra="Content-Encoding: gzip\r\n")),
    "no-gzip": _sends(_reply(b"{}", extra="Content-Encoding: gzip\r\n")),
    "bad-UTF-8": _sends(_reply(b'{"access_token": "\xff\xfe", "keys": "\xc3\x28", "resourceType": "\x80"}')),
    "lone-surrogate": _sends(
        _reply(rb'{"access_token": "\ud800", "token_type": "\udfff", "scope": "\ud800", "resourceType": "\ud800", "keys": ["\ud800"]}')
    ),
    "NUL": _sends(_reply(rb'{"access_token": "a\u0000b", "token_type": "Bearer\u0000", "scope": "\u0000", "issuer": "\u0000"}')),
    "late": _sends(
        _reply(
            json.dumps(
                {
                    "token_endpoint": f"//{LATE}/token",
                    "authorization_endpoint": f"see {LATE}",
                    "capabilities": [LATE],
                    "code_challenge_methods_supported": ["S256", LATE],
                }
            ).encode()
        )
    ),
    "deep": _sends(_reply(b"[" * 100_000)),
    "huge-number": _sends(_reply(b'{"expires_in": 1' + b"0" * 5000 + b', "access_token": 1e999, "token_type": NaN}')),
    "list": _sends(_reply(b"[]")),
    "null": _sends(_reply(b"null")),
    "numbers": _sends(
        _reply(
            b'{"access_token": 1, "token_type": 2, "scope": 3, "expires_in": "x", "keys": 4, "issuer": 5, "id_token": {}, "capabilities": 6}'
        )
    ),
    "empty": _sends(_reply(b"")),
    "204": _sends(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"),
    "long-length": _sends(_reply(b'{"access_token": "x"', length=100_000)),
    "short-length": _sends(_reply(b'{"access_token": "x", "token_type": "Bearer"}', length=5)),
    "no-HTTP": _sends(b"\x00\x01 nonsense\r\n\r\n"),
    "header-junk": _sends(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=no-such\r\nX-\xff: \xfe\r\nConnection: close\r\n\r\n{}"
    ),
    "500": _sends(_reply(b"<pre>NullPointerException</pre>", HTML, status="500 Internal Server Error")),
    "503-later": _sends(_reply(b"", "text/plain", status="503 Service Unavailable", extra="Retry-After: 86400\r\n")),
    "redirect-to-junk": _sends(_reply(b"", "text/plain", status="302 Found", extra="Location: http://[bad\r\n")),
    "401-basic": _sends(_reply(b"", "text/plain", status="401 Unauthorized", extra='WWW-Authenticate: Basic realm="x"\r\n')),
}


@dataclass
class Hostile:
    """The running front; ``place`` and ``fault`` say where it misbehaves and how, from the ``spared``-th request there on."""

    running: RunningSandbox
    place: str = ""
    fault: str = ""
    spared: int = 0
    seen: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)
    secrets: dict[str, set[str]] = field(default_factory=dict)
    """Every secret value that went by, by its name."""

    def misbehave(self, place: str, fault: str, spared: int = 0) -> None:
        """Misbehave from now on."""
        self.place, self.fault, self.spared, self.seen = place, fault, spared, 0

    def write_target(
        self, folder: Path, *, name: str = "hostile", request_s: float = 2, login_s: float = 8, body_bytes: int = 2_000_000
    ) -> Path:
        """Write a target file with short limits."""
        path = write_target(folder / f"{name}.toml", self.running, name=name, wait_for_expiry_s=0)
        text = path.read_text("utf-8")
        path.write_text(
            text.replace("request_s = 5", f"request_s = {request_s}\nbody_bytes = {body_bytes}").replace(
                "login_s = 30", f"login_s = {login_s}"
            ),
            "utf-8",
        )
        return path

    def _handle(self, connection: socket.socket, back: int) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(_LIMIT_S)
            head = b""
            while b"\r\n\r\n" not in head:
                part = connection.recv(65536)
                if not part:
                    return
                head += part
            path = head.split(b" ", 2)[1].decode("latin-1")
            here = path.split("?")[0]
            if self.place and any(here.endswith(end) or (end.startswith("/fhir/") and here.startswith(end)) for end in PLACES[self.place]):
                self.seen += 1
                if self.seen > self.spared:
                    FAULTS[self.fault](connection, self.over, path)
                    return
            self._relay(connection, head, back)

    def _relay(self, connection: socket.socket, request: bytes, back: int) -> None:
        """Pass one request on and its answer back; both sides then close."""
        head, _, body = request.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
        length = next((int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length:")), 0)
        while len(body) < length:
            body += connection.recv(65536)
        answer = b""
        with socket.create_connection(("127.0.0.1", back), timeout=_LIMIT_S) as inner:
            inner.sendall(b"\r\n".join([*lines, b"Connection: close", b"", b""]) + body)
            while part := inner.recv(65536):
                answer += part
        self._note(head.decode("latin-1"), body.decode("latin-1"), *answer.decode("latin-1").partition("\r\n\r\n")[::2])
        connection.sendall(answer)

    def _note(self, head: str, body: str, answer_head: str, answer: str) -> None:
        """Keep the secrets of one exchange."""
        pairs = parse_qsl(urlsplit(head.split(" ", 2)[1]).query)
        if "x-www-form-urlencoded" in head.lower():
            pairs += parse_qsl(body)
        for line in answer_head.split("\r\n"):
            name, _, value = line.partition(": ")
            if name.lower() == "location":
                pairs += parse_qsl(urlsplit(value).query)
            if name.lower() == "set-cookie":
                pairs.append(("cookie", value.split(";")[0].partition("=")[2]))
        pairs += [("authorization", value) for value in re.findall(r"(?im)^authorization: \w+ (\S+)", head)]
        with contextlib.suppress(ValueError):
            document = json.loads(answer)
            pairs += [(name, value) for name, value in document.items() if isinstance(value, str)] if isinstance(document, dict) else []
            pairs += [("id_token signature", document["id_token"].rsplit(".", 1)[1])] if "id_token" in document else []
        for name, value in pairs:
            if name in SECRET or name in ("authorization", "cookie", "id_token signature"):
                self.secrets.setdefault(name, set()).add(value)

    def accept(self, listener: socket.socket, back: int) -> None:
        """Serve until it is over."""
        listener.settimeout(0.2)
        while not self.over.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            thread = threading.Thread(target=self._handle, args=(connection, back), daemon=True)
            self.threads = [one for one in self.threads if one.is_alive()] + [thread]
            thread.start()


@contextlib.contextmanager
def hostile(options: SandboxOptions | None = None) -> Iterator[Hostile]:
    """An embedded EHR behind a front that can be told to misbehave."""
    with _listening() as public, _listening() as inner:
        base, back = f"http://127.0.0.1:{public.getsockname()[1]}", inner.getsockname()[1]
        sandbox = build_sandbox(options or SandboxOptions(), base)
        config = uvicorn.Config(
            build_app(sandbox=sandbox), log_config=None, log_level="error", access_log=False, lifespan="off", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        serving = threading.Thread(target=server.run, kwargs={"sockets": [inner]}, daemon=True)
        front = Hostile(RunningSandbox(base, sandbox, server, inner))
        accepting = threading.Thread(target=front.accept, args=(public, back), daemon=True)
        serving.start()
        accepting.start()
        try:
            until = time.monotonic() + 10
            while not server.started:
                assert time.monotonic() < until, "the embedded EHR did not start"
                time.sleep(0.01)
            yield front
        finally:
            front.over.set()
            server.should_exit = True
            for thread in (serving, accepting, *front.threads):
                thread.join(5)


@contextlib.contextmanager
def _listening() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield listener
