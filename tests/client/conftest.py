"""A SMART server in memory: HTTP by a mock transport, the browser by a stand-in that lands where the server would send it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from smartlaunch.browser import Landing
from smartlaunch.client.apps import Apps
from smartlaunch.client.engine import Engine
from smartlaunch.evidence.recorder import Recorder
from smartlaunch.evidence.redaction import Redactor
from smartlaunch.target import Target, parse_target

BASE = "https://ehr.example/fhir"
HEAD = f'schema = 1\n[target]\nfhir_base_url = "{BASE}"\n'
PUBLIC = """\
[clients.web]
role = "public"
client_id = "web-1"
scopes = "openid launch/patient patient/*.rs"
redirect_uri = "https://app.example/redirect"
"""
SECRET = PUBLIC.replace("clients.web", "clients.server").replace('"public"', '"confidential-symmetric"') + 'client_secret = { env = "S" }\n'
AT_WILL = {"limits.rate": 0}
"""No test waits for the next request, as a run against another machine does."""
PEOPLE = '[users.ann]\nusername = "ann"\n[users.ben]\nusername = "ben"\n'


@dataclass
class Server:
    """What the server answers; a test changes what it needs."""

    configuration: dict[str, Any] = field(
        default_factory=lambda: {
            "authorization_endpoint": "https://ehr.example/authorize",
            "token_endpoint": "https://ehr.example/token",
            "capabilities": ["launch-standalone", "launch-ehr"],
        }
    )
    token: Callable[[dict[str, str], httpx.Request], httpx.Response] = field(
        default=lambda form, _request: httpx.Response(
            200, json={"access_token": f"t-{form.get('code')}", "token_type": "Bearer", "expires_in": 300, "scope": "openid patient/*.rs"}
        )
    )
    fhir: Callable[[httpx.Request], httpx.Response] = field(
        default=lambda _request: httpx.Response(200, json={"resourceType": "Patient", "id": "p"})
    )
    lands: Callable[[str], Landing] = field(default=lambda url: came_back(url, code="c"))
    requests: list[httpx.Request] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    charts: Callable[[str], Landing] = field(
        default=lambda uri: Landing("caught", caught_uri=uri, url=uri, params=(("iss", BASE), ("launch", "from-chart")))
    )

    headed: bool = False
    kept_state: None = None

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.path.endswith("/.well-known/smart-configuration"):
            return httpx.Response(200, json=self.configuration)
        if request.url.path == "/token":
            return self.token(dict(parse_qsl(request.content.decode())), request)
        return self.fhir(request)

    # -- the browser ------------------------------------------------------------------------------------------------------

    def session(self, name: str) -> Server:
        self.people.append(name)
        return self

    def fresh_session(self) -> Server:
        return self.session("nobody")

    def go(self, url: str, *, first: object = None, **_more: object) -> Landing:
        if first is not None:
            return self.charts("https://app.example/launch")
        self.opened.append(url)
        return self.lands(url)

    def open_chart(self, _url: str, *, catch: list[str], **_more: object) -> Landing:
        return self.charts(catch[0])

    def close(self) -> None:
        """Nothing is open."""

    def asked(self) -> dict[str, str]:
        """The parameters of the last authorization request."""
        return dict(parse_qsl(urlsplit(self.opened[-1]).query))

    def logins(self) -> int:
        return len(self.opened)


def came_back(url: str, **params: str) -> Landing:
    asked = dict(parse_qsl(urlsplit(url).query))
    uri = asked["redirect_uri"]
    return Landing("caught", caught_uri=uri, url=uri, params=(*params.items(), ("state", asked["state"])))


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def run(server: Server) -> Iterator[Callable[..., Any]]:
    """Makes the apps of a run against the server, from the tables of a target file."""
    made: list[Apps] = []

    def make(tables: str = PUBLIC + PEOPLE, **env: str) -> Any:
        target: Target = parse_target(HEAD + tables, env={"S": "a-secret", **env}, overrides={} if "rate" in tables else AT_WILL)
        engine = Engine(
            target,
            Recorder(None, Redactor()),
            server,  # type: ignore[arg-type]
            transport=httpx.MockTransport(server.handle),
        )
        apps = Apps(engine)
        made.append(apps)
        return SimpleNamespace(apps=apps, engine=engine, target=target)

    yield make
    for apps in made:
        apps.close()


def form_of(request: httpx.Request) -> dict[str, str]:
    return dict(parse_qsl(request.content.decode()))


def refused(error: str, status: int = 400) -> httpx.Response:
    return httpx.Response(status, content=json.dumps({"error": error}).encode(), headers={"Content-Type": "application/json"})
