"""The pages people see: safe headers, labels on every field, nothing from outside; and the chart's way to an app."""

from __future__ import annotations

import asyncio
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from starlette.applications import Starlette

from smartlaunch.embedded_ehr import chart, data, pages
from smartlaunch.embedded_ehr.defects import Defects, Variants
from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.registry import Client, User
from smartlaunch.embedded_ehr.scopes import in_words
from smartlaunch.embedded_ehr.state import State

BASE = "http://ehr.test"
SCOPES = [
    {"value": value, "text": in_words(value), "required": value == "openid"}
    for value in ("openid", "patient/*.rs", "patient/Observation.rs")
]
CONTEXTS: dict[str, dict[str, Any]] = {
    "login": {"transaction": "t-1", "app": "Growth <Chart>", "error": "Wrong <password>"},
    "login_user": {"transaction": "t-1", "app": "Growth Chart"},
    "login_password": {"transaction": "t-1", "username": "lena"},
    "patient_picker": {"transaction": "t-1", "app": "Growth Chart", "patients": data.patient_summaries()},
    "encounter_picker": {"transaction": "t-1", "encounters": data.encounter_summaries("amelia-stone")},
    "consent": {
        "deniable": True,
        "transaction": "t-1",
        "app": "Growth Chart",
        "user": "Lena",
        "patient": {"name": "Amelia Stone"},
        "scopes": SCOPES,
    },
    "error": {"title": "Not known", "message": "<script>alert(1)</script>", "code": "invalid_request", "hint": "Look."},
    "message": {"title": "Your apps", "message": "None."},
    "signed_out": {},
    "home": {"urls": [("Chart", f"{BASE}/chart")], "users": [], "apps": [], "defects": ("omits_state",)},
}


class Form(HTMLParser):
    """Collects the fields, labels and addresses of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fields: list[dict[str, str | None]] = []
        self.labelled: set[str | None] = set()
        self.addresses: list[str] = []
        self._labels = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "label":
            self._labels += 1
            self.labelled.add(found.get("for"))
        if tag in ("input", "select", "button"):
            self.fields.append({**found, "tag": tag, "inside": "label" if self._labels else ""})
        self.addresses += [value for name in ("href", "src", "action") if (value := found.get(name))]

    def handle_endtag(self, tag: str) -> None:
        self._labels -= tag == "label"


@pytest.mark.parametrize("name", CONTEXTS)
def test_page(name: str) -> None:
    response = pages.page(name, **CONTEXTS[name])
    html = bytes(response.body).decode()
    assert response.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert "<script>alert" not in html
    form = Form(html)
    for address in form.addresses:
        assert address.startswith(("/", "#", "data:image/", BASE)), address
    for field in form.fields:
        if field["tag"] != "button" and field.get("type") != "hidden":
            assert field["inside"] or field.get("id") in form.labelled, field
    assert html.count("<h1") == 1
    assert 'lang="en"' in html


def test_sign_in_fields_are_known_to_password_managers() -> None:
    fields = {field.get("name"): field for field in Form(bytes(pages.page("login", **CONTEXTS["login"]).body).decode()).fields}
    assert fields["username"]["autocomplete"] == "username"
    assert fields["password"]["autocomplete"] == "current-password"
    assert fields["username"]["aria-invalid"] == "true"
    assert fields["transaction"]["value"] == "t-1"


def test_consent_has_a_box_for_each_scope() -> None:
    fields = Form(bytes(pages.page("consent", **CONTEXTS["consent"]).body).decode()).fields
    boxes = [field for field in fields if field.get("type") == "checkbox"]
    assert [box["value"] for box in boxes] == [scope["value"] for scope in SCOPES]
    assert {field["value"] for field in fields if field.get("name") == "decision"} == {"allow", "deny"}
    assert [field["value"] for field in fields if field.get("type") == "hidden" and field.get("name") == "scope"] == ["openid"]


# -- chart --------------------------------------------------------------------------------------------------------------

CLIENTS = {
    "app": Client("app", "Growth Chart", "public", launch_uri="https://app.example/launch?kind=ehr"),
    "backend": Client("backend", "Export", "backend"),
}
USERS = {
    "lena": User("lena", "pw", "Dr. Lena Hart", "Practitioner/dr-lena-hart", "clinician", ("amelia-stone",)),
    "grace": User("grace", "pw", "Grace Lindqvist", None, "clinician", ()),
}


class Browser:
    """A browser without a window at the chart."""

    def __init__(self, *, variants: tuple[str, ...] = ()) -> None:
        self.state = State(BASE, clients=CLIENTS, users=USERS)
        rules = Defects(()), Variants(variants)
        routes = [*chart.routes(self.state, *rules, SandboxOptions()), *pages.routes(rules[0])]
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(Starlette(routes=routes)), base_url=BASE)

    def get(self, path: str) -> httpx.Response:
        return asyncio.run(self.client.get(path))

    def post(self, path: str, **form: str) -> httpx.Response:
        return asyncio.run(self.client.post(path, data=form))

    def sign_in(self, username: str = "lena", password: str = "pw", **more: str) -> httpx.Response:
        return self.post("/chart/sign-in", username=username, password=password, **more)


def test_launch_from_the_chart() -> None:
    browser = Browser()
    assert "Sign in" in browser.get("/chart").text
    assert browser.sign_in().status_code == 303
    assert "Amelia Stone" in browser.get("/chart").text
    opened = browser.get("/chart/patients/amelia-stone").text
    assert "Allergy to penicillin" in opened
    assert "Launch Growth Chart" in opened
    assert "Export" not in opened
    answer = browser.post("/chart/launch", client_id="app", patient="amelia-stone", encounter="amelia-stone-checkup")
    assert answer.status_code == 302
    sent = parse_qs(urlsplit(answer.headers["location"]).query)
    assert answer.headers["location"].startswith("https://app.example/launch?kind=ehr&")
    assert sent["iss"] == [f"{BASE}/fhir"]
    launch = browser.state.launches[sent["launch"][0]]
    assert (launch.client_id, launch.username, launch.patient, launch.encounter) == ("app", "lena", "amelia-stone", "amelia-stone-checkup")
    other = browser.post("/chart/launch", client_id="app", patient="amelia-stone", encounter="").headers["location"]
    assert other != answer.headers["location"]


def test_launch_by_a_link_asks_for_a_sign_in_first() -> None:
    browser = Browser()
    link = "/chart/launch?client_id=app&patient=amelia-stone&encounter="
    asked = browser.get(link)
    onward = next(field for field in Form(asked.text).fields if field.get("name") == "next")
    signed_in = browser.sign_in(next=str(onward["value"]))
    assert browser.get(signed_in.headers["location"]).status_code == 302


def test_what_the_chart_refuses() -> None:
    browser = Browser()
    assert browser.sign_in(password="wrong").status_code == 401
    assert browser.sign_in("nobody").status_code == 401
    assert browser.sign_in(next="https://evil.example/").headers["location"] == "/chart"
    assert browser.get("/chart/patients/bruno-castellano").status_code == 404
    assert browser.post("/chart/launch", client_id="app", patient="bruno-castellano").status_code == 404
    assert browser.post("/chart/launch", client_id="backend", patient="amelia-stone").status_code == 404
    assert (
        browser.post("/chart/launch", client_id="app", patient="amelia-stone", encounter="bruno-castellano-cardiology").status_code == 404
    )
    assert not browser.state.launches
    browser.post("/chart/sign-out")
    assert "Sign in" in browser.get("/chart").text
    browser.sign_in("grace")
    assert "No patient is on your list" in browser.get("/chart").text


def test_permitted_ways_to_open_an_app() -> None:
    form = {"client_id": "app", "patient": "amelia-stone", "encounter": ""}
    by_page = Browser(variants=("chart_launches_by_page",))
    by_page.sign_in()
    assert re.search(r"url=https://app\.example/launch\?kind=ehr&amp;iss=", by_page.post("/chart/launch", **form).text)
    slash = Browser(variants=("chart_iss_ends_with_slash",))
    slash.sign_in()
    assert parse_qs(urlsplit(slash.post("/chart/launch", **form).headers["location"]).query)["iss"] == [f"{BASE}/fhir/"]
    window = Browser(variants=("chart_opens_app_in_new_window",))
    window.sign_in()
    assert 'target="_blank"' in window.get("/chart/patients/amelia-stone").text


def test_files_of_the_pages() -> None:
    browser = Browser()
    assert browser.get("/static/lakeside.css").headers["content-type"].startswith("text/css")
    assert browser.get("/static/lakeside.js").status_code == 200
    assert browser.get("/static/../pages.py").status_code == 404
    assert browser.get("/static/..%2Fpages.py").status_code == 404
    assert browser.get(pages.SMART_STYLE_PATH).json()["color_highlight"].startswith("#")
