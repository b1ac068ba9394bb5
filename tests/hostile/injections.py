"""A hundred and fifty single secrets, each planted at one place of somebody's HAR under a name of some product."""

from __future__ import annotations

import base64
import json
from typing import Any, NamedTuple

SECRET = "q7Zk2LmX9vTr4WpB8nYc3Hd6"
SHORT = "hunter2!"
"""A password that a person would type."""

NAMES = (
    "accessToken", "refreshToken", "clientSecret", "sessionToken", "idToken", "sig", "sid", "X-Amz-Signature", "X-Amz-Credential", "Private-Token",
    "X-Vault-Token", "X-Original-Authorization", "x-auth-key", "api-token", "userPassword", "db_password", "secretKey", "AWSSecretKey",
    "sessionID", "PHPSESSID", "ASP.NET_SessionId", "csrfToken", "X-CSRF", "bearerToken", "authToken", "ssoToken", "samlAssertion",
    "oauth.token", "upstream_secret", "launchToken",
)  # fmt: skip


class Injection(NamedTuple):
    place: str
    name: str
    entry: dict[str, Any]
    secret: str


def _entry(
    *, url: str = "https://h.example.org/app", method: str = "GET", sent: tuple[str, str] | None = None, got: tuple[str, str] = ("text/plain", "ok"),
    request: dict[str, str] | None = None, response: dict[str, str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    entry: dict[str, Any] = {
        "startedDateTime": "2026-01-02T03:04:05.000Z",
        "time": 5,
        "request": {"method": method, "url": url, "headers": [{"name": k, "value": v} for k, v in (request or {}).items()]},
        "response": {
            "status": 200,
            "headers": [{"name": k, "value": v} for k, v in (response or {}).items()],
            "content": {"mimeType": got[0], "text": got[1]},
        },
    }
    if sent is not None:
        entry["request"]["postData"] = {"mimeType": sent[0], "text": sent[1]}
    return entry


def _everywhere(name: str) -> list[Injection]:
    return [
        Injection("query", name, _entry(url=f"https://h.example.org/app?page=2&{name}={SECRET}"), SECRET),
        Injection("JSON", name, _entry(got=("application/json", json.dumps({"user": 7, "inner": {name: SECRET}}))), SECRET),
        Injection(
            "script", name, _entry(got=("text/html", f"<html><script>window.cfg = {{{name!r}: '{SECRET}'}};</script></html>")), SECRET
        ),
    ]


def _single() -> list[Injection]:
    b64 = base64.b64encode(json.dumps({"user": "a", "accessToken": SECRET}).encode()).decode()
    urlsafe = base64.urlsafe_b64encode(json.dumps({"client_secret": SECRET}).encode()).decode().rstrip("=")
    guid = "3f2b8c1e-9a4d-4e57-8b6c-0d1e2f3a4b5c"
    hexa = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    made: list[tuple[str, str, dict[str, Any], str]] = [
        *(("header", name, _entry(request={name: SECRET}), SECRET) for name in NAMES[9:15]),
        *(("form", name, _entry(method="POST", sent=("application/x-www-form-urlencoded", f"a=1&{name}={SECRET}")), SECRET) for name in NAMES[:10]),
        *(("answer header", name, _entry(response={name: SECRET}), SECRET) for name in ("X-Session-Token", "X-Auth-Token", "X-Api-Secret", "Authorization-Token")),
        ("cookie", "second of a joined header", _entry(response={"Set-Cookie": f"theme=dark; Path=/, auth={SECRET}; Path=/; HttpOnly"}), SECRET),
        ("cookie", "second of a header joined by a line", _entry(response={"Set-Cookie": f"theme=dark; Path=/\nauth={SECRET}; Path=/"}), SECRET),
        ("cookie", "with a date", _entry(response={"Set-Cookie": f"a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT, auth={SECRET}"}), SECRET),
        ("cookie", "request", _entry(request={"Cookie": f"theme=dark; auth={SECRET}"}), SECRET),
        ("HTML", "data-token", _entry(got=("text/html", f'<html><div data-token="{SECRET}">x</div></html>')), SECRET),
        ("HTML", "data-session-id", _entry(got=("text/html", f'<html><div data-session-id="{SECRET}">x</div></html>')), SECRET),
        ("HTML", "meta csrf-token", _entry(got=("text/html", f'<html><meta name="csrf-token" content="{SECRET}"></html>')), SECRET),
        ("HTML", "hidden field", _entry(got=("text/html", f'<form><input type="hidden" name="k" value="{SECRET}"></form>')), SECRET),
        ("HTML", "password field", _entry(got=("text/html", f'<form><input type="password" name="k" value="{SHORT}"></form>')), SHORT),
        ("HTML", "link", _entry(got=("text/html", f'<a href="/go?clientSecret={SECRET}">x</a>')), SECRET),
        ("HTML", "comment", _entry(got=("text/html", f"<html><!-- token {SECRET} --></html>")), SECRET),
        ("JSON", "password", _entry(got=("application/json", json.dumps({"userPassword": SHORT}))), SHORT),
        ("JSON", "list of tokens", _entry(got=("application/json", json.dumps({"apiTokens": [SECRET]}))), SECRET),
        ("JSON", "in a string", _entry(got=("application/json", json.dumps({"a": json.dumps({"refreshToken": SECRET})}))), SECRET),
        ("JSON", "one-time password as a number", _entry(got=("application/json", '{"otp": 48291375}')), "48291375"),
        ("JSON", "high entropy, no telling name", _entry(got=("application/json", json.dumps({"blob": SECRET}))), SECRET),
        ("JSON", "hexadecimal, no telling name", _entry(got=("application/json", json.dumps({"q": hexa}))), hexa),
        ("query", "high entropy, no telling name", _entry(url=f"https://h.example.org/app?z={SECRET}"), SECRET),
        ("header", "high entropy, no telling name", _entry(request={"X-Custom": SECRET}), SECRET),
        ("form", "high entropy, no telling name", _entry(method="POST", sent=("application/x-www-form-urlencoded", f"z={SECRET}")), SECRET),
        ("fragment", "accessToken", _entry(url=f"https://h.example.org/app#accessToken={SECRET}"), SECRET),
        ("user information", "password", _entry(url=f"https://me:{SHORT}@h.example.org/app"), SHORT),
        ("path", "jsessionid", _entry(url=f"https://h.example.org/app;jsessionid={SECRET}"), SECRET),
        ("path", "segment", _entry(url=f"https://h.example.org/reset/{SECRET}"), SECRET),
        ("base64 of JSON", "query", _entry(url=f"https://h.example.org/app?s={b64}"), b64),
        ("base64 of JSON", "JSON", _entry(got=("application/json", json.dumps({"ctx": urlsafe}))), urlsafe),
        ("base64 of JSON", "header", _entry(request={"X-Context": b64}), b64),
        ("base64 of JSON", "text", _entry(got=("text/plain", f"context is {b64} here")), b64),
        ("XML", "element", _entry(got=("application/xml", f"<a><accessToken>{SECRET}</accessToken></a>")), SECRET),
        ("XML", "attribute", _entry(got=("application/xml", f'<a sessionToken="{SECRET}"/>')), SECRET),
        ("multipart", "clientSecret", _entry(method="POST", sent=("multipart/form-data; boundary=b", f'--b\r\nContent-Disposition: form-data; name="clientSecret"\r\n\r\n{SECRET}\r\n--b--\r\n')), SECRET),
        ("header", "Authorization without a scheme", _entry(request={"Authorization": SECRET}), SECRET),
        ("header", "Authorization of a product", _entry(request={"Authorization": f"MAC id={SECRET}"}), SECRET),
        ("header", "Referer", _entry(request={"Referer": f"https://h.example.org/?sid={SECRET}"}), SECRET),
        ("header", "Location", _entry(response={"Location": f"/next?X-Amz-Signature={SECRET}"}), SECRET),
        ("script", "variable", _entry(got=("application/javascript", f"var authToken = '{SECRET}';")), SECRET),
        ("script", "call", _entry(got=("application/javascript", f'login({{sid: "{SECRET}"}})')), SECRET),
        ("text", "log line", _entry(got=("text/plain", f"login ok accessToken={SECRET} user=7")), SECRET),
        ("text", "bearer", _entry(got=("text/plain", f"sent Bearer {SECRET}")), SECRET),
        # What no rule can know: a GUID, a short word, a number, prose.
        ("query", "a GUID", _entry(url=f"https://h.example.org/app?ref={guid}"), guid),
        ("JSON", "a GUID", _entry(got=("application/json", json.dumps({"handle": guid}))), guid),
        ("JSON", "a word", _entry(got=("application/json", json.dumps({"answer": "fluffykitten"}))), "fluffykitten"),
        ("JSON", "a number", _entry(got=("application/json", json.dumps({"value": 48291375}))), "48291375"),
        ("text", "prose", _entry(got=("text/plain", "tell her the magic word is fluffykitten")), "fluffykitten"),
        ("text", "a bare value", _entry(got=("text/plain", f"it is {SHORT} today")), SHORT),
        ("query", "short, no telling name", _entry(url="https://h.example.org/app?v=hunter2!"), SHORT),
    ]  # fmt: skip
    return [Injection(*each) for each in made]


INJECTIONS = [each for name in NAMES for each in _everywhere(name)] + _single()
UNKNOWABLE = frozenset(
    {
        ("query", "a GUID"),
        ("JSON", "a GUID"),
        ("JSON", "a word"),
        ("JSON", "a number"),
        ("text", "prose"),
        ("text", "a bare value"),
        ("query", "short, no telling name"),
    }
)
"""What no rule can know; docs/evidence.md lists them."""
