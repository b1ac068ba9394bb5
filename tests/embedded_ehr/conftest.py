"""Drives the embedded EHR over HTTP, with no code of the suite: a person's browser, and an app's back end."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import re
import secrets
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, urljoin, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import import_key

from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.server import RunningSandbox, serve

SCOPES = "openid fhirUser launch/patient offline_access patient/Patient.rs patient/Observation.rs"
LIMIT_S = 5
_NO_TLS = ssl.create_default_context()  # made once: each client would spend 20 ms on its own


@dataclass
class Ehr:
    """A running embedded EHR with one browser."""

    running: RunningSandbox
    browser: httpx.Client
    back_end: httpx.Client
    username: str = "lena.hart"
    patient: str = "amelia-stone"
    ticked: set[str] | None = None
    decision: str = "allow"
    trail: list[str] = field(default_factory=list)

    @property
    def base(self) -> str:
        return self.running.base_url

    @property
    def fhir(self) -> str:
        return self.running.fhir_base_url

    @property
    def state(self) -> Any:
        return self.running.sandbox.state

    def client(self, client_id: str) -> Any:
        return self.state.clients[client_id]

    def assertion(self, client_id: str, *, alg: str = "ES384", key: Any = None, kid: Any = "", header: Any = None, **claims: Any) -> str:
        """Return a right client assertion of an app, with changes; None leaves a member out."""
        private = self.client(client_id).private_jwks["keys"]
        chosen = key or next(one for one in private if one["kty"] == ("EC" if alg.startswith("ES") else "RSA"))
        values: dict[str, Any] = {
            "iss": client_id,
            "sub": client_id,
            "aud": self.base + "/oauth/token",
            "exp": int(time.time()) + 120,
            "jti": str(time.perf_counter_ns()),
        } | claims
        values = {name: value for name, value in values.items() if value is not None}
        head: dict[str, Any] = {"alg": alg, "typ": "JWT", "kid": chosen["kid"] if kid == "" else kid} | (header or {})
        head = {name: value for name, value in head.items() if value is not None}
        plain = {name: value for name, value in chosen.items() if name not in {"key_ops", "use", "alg"}}
        return jwt.encode(head, values, import_key(plain), algorithms=[alg])

    def request(self, client_id: str = "public-primary", **changes: Any) -> dict[str, str]:
        """Return the parameters of a right authorization request, with changes; None leaves one out."""
        self.verifier = secrets.token_urlsafe(48)
        values = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": self.client(client_id).redirect_uris[0] if client_id in self.state.clients else "https://nobody.example/cb",
            "scope": SCOPES,
            "state": "s+1/2 3&=%é",
            "aud": self.fhir,
            "code_challenge": s256(self.verifier),
            "code_challenge_method": "S256",
            "nonce": "n-1",
        } | changes
        return {name: value for name, value in values.items() if value is not None}

    def go(self, response: httpx.Response) -> httpx.Response:
        """Follow pages and forms until the browser leaves this server or a page has no form."""
        for _ in range(20):
            self.trail.append(response.request.url.path)
            if response.is_redirect:
                target = urljoin(str(response.request.url), response.headers["location"])
                if not target.startswith(self.base):
                    return response
                response = self.browser.get(target)
                continue
            form = re.search(r'<form[^>]*action="(/oauth/\w+|/chart/sign-in)"', response.text)
            if response.status_code >= 400 or form is None:
                return response
            response = self.browser.post(self.base + form[1], data=self.fill(form[1], response.text))
        raise AssertionError("the pages do not end: " + " ".join(self.trail))

    def fill(self, action: str, page: str) -> dict[str, Any]:
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
        values: dict[str, Any] = {name: html.unescape(value) for name, value in hidden.items() if name != "scope"}
        if action in {"/oauth/login", "/chart/sign-in"}:
            if 'name="username"' in page:
                values["username"] = self.username
            if 'name="password"' in page:
                values["password"] = self.state.users[self.username].password
        elif action == "/oauth/patient":
            values["patient"] = self.patient
        elif action == "/oauth/encounter":
            values["encounter"] = re.findall(r'name="encounter" value="([^"]+)"', page)[0]
        else:
            offered = [html.unescape(one) for one in re.findall(r'name="scope" value="([^"]*)"', page)]
            values["scope"] = [one for one in offered if self.ticked is None or one in self.ticked]
            values["decision"] = self.decision
        return values

    def authorize(self, client_id: str = "public-primary", *, method: str = "GET", **changes: Any) -> dict[str, str]:
        """Run an authorization and return the answer's parameters; a page gives its status and text."""
        return self.ask(self.request(client_id, **changes), method=method)

    def ask(self, values: Any, *, method: str = "GET") -> dict[str, str]:
        address = self.base + "/oauth/authorize"
        first = self.browser.get(address, params=values) if method == "GET" else self.browser.post(address, data=values)
        return self.answer(self.go(first))

    def answer(self, last: httpx.Response) -> dict[str, str]:
        if not last.is_redirect:
            return {"page": str(last.status_code), "text": last.text}
        place = last.headers["location"]
        self.landed = place
        found = parse_qs(urlsplit(place).query or urlsplit(place).fragment, keep_blank_values=True)
        return {name: value[0] for name, value in found.items()}

    def token(self, app: str = "public-primary", /, *, auth: Any = None, **form: Any) -> httpx.Response:
        client, client_id = self.client(app), app
        if client.public and "client_id" not in form:
            form["client_id"] = client_id
        if client.secret and auth is None and not {"client_id", "client_assertion"} & set(form):
            auth = (quote(client_id, safe=""), quote(client.secret, safe=""))
        form = {name: value for name, value in form.items() if value is not None}
        return self.back_end.post(self.base + "/oauth/token", data=form, auth=auth or None)

    def exchange(self, code: str, client_id: str = "public-primary", /, **changes: Any) -> httpx.Response:
        values = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.client(client_id).redirect_uris[0] if self.client(client_id).redirect_uris else None,
            "code_verifier": self.verifier,
        }
        return self.token(client_id, **(values | changes))

    def grant(self, client_id: str = "public-primary", **changes: Any) -> dict[str, Any]:
        """Return the token response of a whole right flow."""
        answer = self.authorize(client_id, **changes)
        response = self.exchange(answer["code"], client_id)
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.json()
        return body

    def launch(self, client_id: str, patient: str = "amelia-stone", encounter: str = "") -> dict[str, str]:
        """Press Launch in the chart and return the parameters that the app is given."""
        query = {"client_id": client_id, "patient": patient, "encounter": encounter}
        last = self.go(self.browser.get(self.base + "/chart/launch", params=query))
        return self.answer(last)

    def read(self, path: str, token: str) -> httpx.Response:
        return self.back_end.get(f"{self.fhir}/{path}", headers={"Authorization": f"Bearer {token}"})


def s256(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


@contextlib.contextmanager
def visiting(running: RunningSandbox) -> Iterator[Ehr]:
    """Yield a fresh browser and back end for a running server."""
    with httpx.Client(timeout=LIMIT_S, verify=_NO_TLS) as browser, httpx.Client(timeout=LIMIT_S, verify=_NO_TLS) as back_end:
        yield Ehr(running, browser, back_end)


@pytest.fixture(scope="module")
def right_server() -> Iterator[RunningSandbox]:
    """One server without defects for all tests of a module."""
    with serve(SandboxOptions()) as running:
        yield running


@pytest.fixture
def ehr(right_server: RunningSandbox) -> Iterator[Ehr]:
    """The right server, with a fresh browser."""
    with visiting(right_server) as visitor:
        yield visitor


@pytest.fixture
def start_ehr() -> Iterator[Any]:
    """Return a function that starts a server with defects or variants."""
    with contextlib.ExitStack() as stack:

        def start(**options: Any) -> Ehr:
            return stack.enter_context(visiting(stack.enter_context(serve(SandboxOptions(**options)))))

        yield start
