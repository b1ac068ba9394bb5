"""A server in memory for the probes, and an app that acts on it: no socket, no process, no browser of flesh.

The server is the embedded EHR's ASGI application behind a transport of httpx, so that each of its defects is at hand as a wrong answer;
``silent`` makes parts of it give none. The browser is a dozen lines that fill in its forms.
"""

from __future__ import annotations

import asyncio
import html
import re
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey

from smartlaunch.browser import Deselect, Landing, LoginPlan
from smartlaunch.client.app import App
from smartlaunch.client.apps import Apps
from smartlaunch.client.engine import Engine
from smartlaunch.embedded_ehr.app import build_app, build_sandbox
from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.target_file import write_target
from smartlaunch.evidence.recorder import Recorder
from smartlaunch.evidence.redaction import Redactor
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response
from smartlaunch.plugin.session import place_for_jwks
from smartlaunch.target import Target, load_target

BASE = "https://ehr.example"
_CONTEXT = ssl.create_default_context()


class Transport(httpx.BaseTransport):
    """Hands requests to an ASGI application in this thread; ``silent`` says which get no answer, ``forge`` which another one."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()
        self.silent: Callable[[httpx.Request], bool] = lambda _request: False
        self.forge: Callable[[httpx.Request], httpx.Response | None] = lambda _request: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.silent(request):
            raise httpx.ConnectError("nobody answers", request=request)
        forged = self.forge(request)
        if forged is not None:
            return forged
        sent: dict[str, Any] = {"status": 0, "headers": [], "body": b""}
        body = request.read()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.url.scheme,
            "path": request.url.path,
            "raw_path": request.url.raw_path.split(b"?")[0],
            "query_string": request.url.query,
            "root_path": "",
            "headers": [(k.lower(), v) for k, v in request.headers.raw],
            "client": ("127.0.0.1", 1),
            "server": (request.url.host, 443),
        }
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            return waiting.pop() if waiting else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                sent.update(status=message["status"], headers=message.get("headers", []))
            else:
                sent["body"] += message.get("body", b"")

        self._loop.run_until_complete(self._app(scope, receive, send))
        return httpx.Response(sent["status"], headers=sent["headers"], content=sent["body"], request=request)

    def stop(self) -> None:
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


@dataclass
class Session:
    """One person's cookies, and the way through the pages."""

    transport: Transport
    recorder: Recorder
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.Client(transport=self.transport, follow_redirects=False, trust_env=False)

    def close(self) -> None:
        self.client.cookies.clear()

    def go(self, url: str, *, catch: Sequence[str], plan: LoginPlan, method: str = "GET", form: Any = None, **_more: Any) -> Landing:
        steps: list[str] = []
        notes: dict[str, Any] = {}
        try:
            answer = self._send(method, url, form)
            for _ in range(20):
                where = str(answer.request.url)
                if answer.is_redirect:
                    target = urljoin(where, answer.headers["location"])
                    landing = self._caught(target, catch)
                    if landing is not None:
                        return replace(landing, steps=tuple(steps), **notes)
                    answer = self._send("GET", target)
                    continue
                action = re.search(r'<form[^>]*action="(/oauth/\w+|/chart/sign-in)"', answer.text)
                if answer.status_code >= 400 or action is None or not plan.username:
                    kind: Any = "error-page" if answer.status_code >= 400 else "no-way-on"
                    return Landing(kind, url=where, status=answer.status_code, title="a page", text=answer.text[:200], steps=tuple(steps))
                steps.append(action[1])
                answer = self._send("POST", BASE + action[1], self._filled(action[1], answer.text, plan, notes))
        except httpx.ConnectError as exc:
            return Landing("unreachable", reason=str(exc))
        return Landing("timeout", title="a page", status=200)

    def open_chart(self, _url: str, *, patient: str, client_id: str, catch: Sequence[str], plan: LoginPlan, **_more: Any) -> Landing:
        return self.go(f"{BASE}/chart/launch?client_id={client_id}&patient={patient}&encounter=", catch=catch, plan=plan)

    def _send(self, method: str, url: str, form: Any = None) -> httpx.Response:
        if isinstance(form, list):  # a parameter may come twice
            form = {name: [value for other, value in form if other == name] for name, _ in form}
        answer = self.client.request(method, url, data=form)
        endpoint = Endpoint.AUTHORIZE if "/oauth/authorize" in url else Endpoint.PAGE
        sent = Request(method, url, (), b"")
        got = Response(answer.status_code, tuple(answer.headers.items()), b"")  # no probe reads what a page says
        self.recorder.record(Exchange(self.recorder.next_id(), Actor.BROWSER, endpoint, datetime.now(UTC), 1.0, sent, got))
        return answer

    def _caught(self, target: str, catch: Sequence[str]) -> Landing | None:
        parts = urlsplit(target)
        exact = next((uri for uri in catch if uri and target.split("?", maxsplit=1)[0].split("#", maxsplit=1)[0] == uri.split("?")[0]), "")
        if not exact and target.startswith(BASE):
            return None
        params = tuple(parse_qsl(parts.query, keep_blank_values=True) + parse_qsl(parts.fragment, keep_blank_values=True))
        return Landing("caught", caught_uri=exact, url=target, params=params, status=302, fragment_used=bool(parts.fragment))

    def _filled(self, action: str, page: str, plan: LoginPlan, notes: dict[str, Any]) -> dict[str, Any]:
        hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
        values: dict[str, Any] = {name: html.unescape(value) for name, value in hidden if name != "scope"}
        if action in {"/oauth/login", "/chart/sign-in"}:
            values |= {"username": plan.username, "password": plan.password}
        elif action == "/oauth/patient":
            notes["chose_patient"] = True
            values["patient"] = plan.patient
        elif action == "/oauth/encounter":
            values["encounter"] = re.findall(r'name="encounter" value="([^"]+)"', page)[0]
        else:
            offered = [html.unescape(one) for one in re.findall(r'name="scope" value="([^"]*)"', page)]
            left_out = plan.consent.scopes if isinstance(plan.consent, Deselect) else ()
            values["scope"] = [one for one in offered if one not in left_out]
            values["decision"] = "deny" if plan.consent == "deny" else "allow"
            notes |= {"denied": plan.consent == "deny", "unticked": tuple(one for one in offered if one in left_out)}
            notes["agreed"] = tuple(values["scope"])
        return values


@dataclass
class FakeBrowser:
    """The sessions of a run."""

    transport: Transport
    recorder: Recorder
    made: dict[str, Session] = field(default_factory=dict)
    kept_state: None = None

    def session(self, name: str) -> Session:
        return self.made.setdefault(name, Session(self.transport, self.recorder))

    def fresh_session(self) -> Session:
        return Session(self.transport, self.recorder)

    def close(self) -> None:
        for one in self.made.values():
            one.client.close()


@dataclass
class World:
    """One server, its target, and the apps of a run against it."""

    transport: Transport
    target: Target
    apps: Apps

    @property
    def engine(self) -> Engine:
        return self.apps.engine

    def app(self, role: str = "public", kind: str = "standalone") -> App:
        """The app of a role; a backend service is launched in no way."""
        return self.apps.of_role("backend") if role == "backend" else self.apps.launched(role, kind)

    def again(self, **changes: Any) -> World:
        """A new run against the same server: nothing is remembered; ``changes`` are to the target."""
        target = replace(self.target, **changes)
        recorder = Recorder(None, Redactor())
        browser: Any = FakeBrowser(self.transport, recorder)
        with mock.patch("smartlaunch.client.http.ssl.create_default_context", return_value=_CONTEXT):
            apps = Apps(Engine(target, recorder, browser, transport=self.transport))
        return World(self.transport, target, apps)

    def with_client(self, role: str = "public", use: str = "primary", **changes: Any) -> World:
        """A new run whose target file says something else of this client."""
        clients = {n: replace(c, **changes) if (c.role, c.use) == (role, use) else c for n, c in self.target.clients.items()}
        return self.again(clients=clients)

    def without(self, role: str, use: str = "primary") -> World:
        """A new run whose target file has not this client."""
        return self.again(clients={name: c for name, c in self.target.clients.items() if (c.role, c.use) != (role, use)})

    @contextmanager
    def silent(self, *paths: str, methods: Sequence[str] = ()) -> Iterator[None]:
        """No answer to requests for these paths."""

        def matches(request: httpx.Request) -> bool:
            return any(part in request.url.path for part in paths) and (not methods or request.method in methods)

        before, self.transport.silent = self.transport.silent, matches
        try:
            yield
        finally:
            self.transport.silent = before

    @contextmanager
    def forged(self, path: str, answer: Callable[[httpx.Request], httpx.Response | None]) -> Iterator[None]:
        """Another answer to requests for a path."""

        def forge(request: httpx.Request) -> httpx.Response | None:
            return answer(request) if path in request.url.path else None

        before, self.transport.forge = self.transport.forge, forge
        try:
            yield
        finally:
            self.transport.forge = before


@pytest.fixture(scope="session", autouse=True)
def _keys_once() -> Iterator[None]:
    """RSA keys of one purpose are made once, for all servers: they take longer than everything else about a server."""
    made: dict[str, RSAKey] = {}
    generate = RSAKey.generate_key

    def generated(bits: int, parameters: dict[str, Any], **more: Any) -> RSAKey:
        key = f"{bits} {sorted(parameters.items())}"
        if key not in made:
            made[key] = generate(bits, parameters, **more)
        return made[key]

    with mock.patch.object(RSAKey, "generate_key", generated):
        yield


@pytest.fixture(scope="session")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., World]]:
    """Worlds by the defects and variants of their server, each made once; ``fresh`` gives one with nothing remembered."""
    made: dict[tuple[Any, ...], World] = {}
    sockets = []

    def world(*defects: str, variants: tuple[str, ...] = (), fresh: bool = False) -> World:
        key = (defects, variants)
        if key not in made:
            place, jwks_uri = place_for_jwks()
            sandbox = build_sandbox(SandboxOptions(defects=defects, variants=variants, client_jwks_uri=jwks_uri), BASE)
            transport = Transport(build_app(sandbox=sandbox))
            running: Any = SimpleNamespace(sandbox=sandbox, base_url=BASE, fhir_base_url=sandbox.state.fhir_base_url, authority="")
            path: Path = tmp_path_factory.mktemp("target") / "embedded.toml"
            target = load_target(write_target(path, running, wait_for_expiry_s=4))
            sockets.append(place)
            first = World(transport, target, Apps.__new__(Apps)).again()
            first.apps.keys.keep(place)
            made[key] = first
        return made[key].again() if fresh else made[key]

    yield world
    for one in made.values():
        one.apps.close()
        one.transport.stop()
    for place in sockets:
        place.close()


@pytest.fixture(scope="session")
def right(worlds: Callable[..., World]) -> World:
    """The right server, with all that a run remembers of it."""
    return worlds()
