"""The npm package `fhirclient`, which most SMART apps in a browser use, gets through the embedded EHR from a page of another origin."""

from __future__ import annotations

import functools
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, sync_playwright

from smartlaunch.browser import find_browser
from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.server import RunningSandbox, serve

HERE = Path(__file__).parent
VERSION = "2.6.3"
INTEGRITY = "sha512-CirZixcwWelbkIXxpxlNQx5+ZdJirl6F1s4y4yvA1X7hHAkr9n99aVHaMi0wX+97nATjKQ65X6NB5as/wZoJzg=="
SCOPES = (
    "openid",
    "fhirUser",
    "offline_access",
    "launch",
    "launch/patient",
    "patient/Patient.rs",
    "patient/Observation.rs",
    "user/Practitioner.rs",
)
FOUND = {
    "patient": "bruno-castellano",
    "user": "Practitioner/dr-lena-hart",
    "subjects": ["Patient/bruno-castellano"],
    "again": "bruno-castellano",
    "renewed": True,
}


@dataclass(frozen=True)
class Site:
    origin: str
    ehr: RunningSandbox
    page: Page

    def open(self, **query: str) -> None:
        self.page.goto(f"{self.origin}/launch.html?{urlencode(query)}")

    def sign_in(self) -> None:
        user = self.ehr.sandbox.state.users["lena.hart"]
        self.page.fill("#username", user.username)
        self.page.fill("#password", user.password)
        self.page.click("text=Sign in >> visible=true >> nth=-1")

    def allow(self) -> str:
        """Consent, and what the app says in the end."""
        self.page.click("button[value=allow]")
        self.page.wait_for_function("() => /done|failed/.test((document.getElementById('state') || {}).textContent || '')", timeout=15_000)
        return str(self.page.text_content("#state"))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, npm_package: Callable[[str, str, str], Path]) -> Iterator[str]:
    """The app's two pages and the library, served on a loopback port of their own."""
    package = npm_package("fhirclient", VERSION, INTEGRITY)
    folder = tmp_path_factory.mktemp("browser-app")
    for name in ("launch.html", "index.html"):
        shutil.copyfile(HERE / "fhirclient_js" / name, folder / name)
    shutil.copyfile(package / "build" / "fhir-client.min.js", folder / "fhir-client.min.js")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def site(pages: str) -> Iterator[Site]:
    """The pages, an EHR that knows them, and a browser."""

    def client(client_id: str, name: str, origins: tuple[str, ...]) -> dict[str, object]:
        return {
            "client_id": client_id,
            "name": name,
            "role": "public",
            "use": "other",
            "launch_uri": f"{pages}/launch.html",
            "redirect_uris": (f"{pages}/index.html",),
            "origins": origins,
            "scopes": SCOPES,
        }

    clients = (client("browser-app", "Readings", (pages,)),)
    choice = find_browser()
    with serve(SandboxOptions(extra_clients=clients)) as ehr, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=choice.path)
        yield Site(pages, ehr, browser.new_page())
        browser.close()


def _from_the_app(site: Site) -> None:
    site.open(fhirServiceUrl=site.ehr.fhir_base_url)
    site.sign_in()
    site.page.click("button[value=bruno-castellano]")


def _from_the_chart(site: Site) -> None:
    site.page.goto(f"{site.ehr.base_url}/chart/patients/bruno-castellano")
    site.sign_in()
    site.page.click("button[value=browser-app]")


@pytest.mark.parametrize("begin", [_from_the_app, _from_the_chart], ids=["standalone", "from-the-chart"])
def test_a_launch_reads_searches_and_refreshes(site: Site, begin: Callable[[Site], None]) -> None:
    begin(site)
    assert site.allow() == "done"
    found = json.loads(site.page.text_content("#found") or "")
    assert found.pop("observations") > 0
    assert found == FOUND


def test_a_page_of_an_unregistered_origin_gets_no_token(site: Site) -> None:
    registry = site.ehr.sandbox.state.clients
    for client_id, client in list(registry.items()):
        registry[client_id] = replace(client, origins=())
    _from_the_app(site)
    assert "Network request failed" in site.allow()  # the browser withholds the answer, which says nothing else
