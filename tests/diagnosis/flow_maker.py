"""Makes the messages of a launch, right in every point unless a test changes one."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from smartlaunch.evidence.facts import s256
from smartlaunch.evidence.recorder import Recorder
from smartlaunch.evidence.redaction import Redactor
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response

BASE = "https://ehr.example.org/fhir"
AUTH = "https://auth.example.org"
APP = "https://app.example.org"
VERIFIER = "vErIfIeR-0123456789-abcdefghijklmnopqrstuvwxyz"
CODE = "c0de-5ecret-7f3a9b21"
STATE = "s-9f8e7d6c5b4a39281706f5e4d3c2b1a0"
TOKEN = "t0ken-5ecret-6b1e0c5d4f3a2918"
LAUNCH = "launch-5ecret-31415926"
ORACLE_BASE = "https://fhir-ehr-code.cerner.com/r4/ec2458f2-1e24-41c8-b71b-0e701af7583d"
ORACLE_AUTH = (
    "https://authorization.cerner.com/tenants/ec2458f2-1e24-41c8-b71b-0e701af7583d/protocols/oauth2/profiles/smart-v1/personas/provider"
)
_FORBIDDEN = {
    "code": 403,
    "message": 'code="urn:cerner:error:oauth2:resource-access:insufficient-scopes", error="insufficient_scope", subcode="no_scope_for_resource_path"',
}
ORACLE = {
    "base": ORACLE_BASE,
    "auth": ORACLE_AUTH,
    "aud": ORACLE_BASE,
    "scope": "launch openid fhirUser patient/*.read",
    "granted": "fhirUser launch openid",
    "fhir_status": 403,
    "fhir_body": _FORBIDDEN,
}
"""A flow at Oracle Health whose wildcard scope is dropped, so that the read is refused."""
START = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)


def b64(data):
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


class Flow:
    """A list of plain dicts, one per message, that can be changed and then written as a HAR or recorded."""

    def __init__(self, **change):
        c = {
            "scope": "launch openid fhirUser patient/Patient.rs patient/Observation.rs",
            "granted": None,
            "fhir": "Patient/1",
            "fhir_status": 200,
            "fhir_body": {"resourceType": "Patient", "id": "1"},
            "fhir_after": 5,
            "redirect": f"{APP}/callback",
            "challenge": s256(VERIFIER),
            "verifier": VERIFIER,
            "returned_state": STATE,
            "launch": LAUNCH,
            "aud": BASE,
            "authorize_error": None,
            "token_status": 200,
            "token_error": None,
            "token_headers": [],
            "token_redirect": None,
            "exchange_after": 2,
            "twice": False,
            "bearer": TOKEN,
            "base": BASE,
            "auth": AUTH,
            "refresh": None,
            "origin": None,
            **change,
        }
        granted = c["scope"] if c["granted"] is None else c["granted"]
        self.now, self.items = START, []
        base, auth = c["base"], c["auth"]
        self.add("GET", f"{APP}/launch?" + urlencode({"iss": base, "launch": LAUNCH}), 302, location=f"{auth}/authorize")
        config = {
            "authorization_endpoint": f"{auth}/authorize",
            "token_endpoint": f"{auth}/token",
            "capabilities": ["launch-ehr"],
            "issuer": auth,
        }
        self.add("GET", f"{base}/.well-known/smart-configuration", 200, body=config)
        asked = {
            "response_type": "code",
            "client_id": "client-1",
            "redirect_uri": c["redirect"],
            "scope": c["scope"],
            "state": STATE,
            "aud": c["aud"],
        }
        if c["launch"] is not None:
            asked["launch"] = c["launch"]
        if c["challenge"]:
            asked |= {"code_challenge": c["challenge"], "code_challenge_method": "S256"}
        if c["authorize_error"]:
            back = c["redirect"] + "?" + urlencode({**c["authorize_error"], "state": STATE})
            self.add("GET", f"{auth}/authorize?" + urlencode(asked), 302, location=back)
            self.add("GET", back, 200, page=True)
            return
        self.add("GET", f"{auth}/authorize?" + urlencode(asked), 200, page=True)
        back = c["redirect"] + "?" + urlencode({"code": CODE, "state": c["returned_state"]})
        self.add("POST", f"{auth}/login", 302, form={"username": "portal", "password": "pa55word-5ecret"}, location=back)
        self.add("GET", back, 200, page=True)
        self.now += timedelta(seconds=c["exchange_after"])
        form = {
            "grant_type": "authorization_code",
            "code": CODE,
            "redirect_uri": c["token_redirect"] or c["redirect"],
            "client_id": "client-1",
        }
        if c["verifier"]:
            form["code_verifier"] = c["verifier"]
        answer = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 570, "scope": granted, "patient": "1"}
        headers = [*c["token_headers"], *([("Origin", c["origin"])] if c["origin"] else [])]
        for _ in range(2 if c["twice"] else 1):
            failed = c["token_status"] != 200
            self.add("POST", f"{auth}/token", c["token_status"], form=form, body=c["token_error"] if failed else answer, headers=headers)
            if c["twice"]:
                c["token_status"], c["token_error"] = 400, {"error": "invalid_grant", "error_description": "code already used"}
        if c["token_status"] != 200 and not c["twice"]:
            return
        self.now += timedelta(seconds=c["fhir_after"])
        if c["refresh"]:
            self.add(
                "POST",
                f"{auth}/token",
                c["refresh"][0],
                form={"grant_type": "refresh_token", "refresh_token": "r3fresh-5ecret-1234", "client_id": "client-1"},
                body=c["refresh"][1],
            )
        self.add(
            "GET",
            f"{base}/{c['fhir']}",
            c["fhir_status"],
            body=c["fhir_body"],
            headers=[("Authorization", f"Bearer {c['bearer']}")],
            media="application/fhir+json",
        )

    def add(self, method, url, status, *, body=None, form=None, headers=(), location=None, page=False, media="application/json"):
        self.now += timedelta(seconds=1)
        text = "<html><body>page</body></html>" if page else json.dumps(body) if body is not None else ""
        answer = [("Content-Type", "text/html" if page else media), ("X-Request-Id", f"req-{len(self.items) + 1}")]
        if location:
            answer.append(("Location", location))
        self.items.append(
            {
                "method": method,
                "url": url,
                "status": status,
                "form": form,
                "headers": list(headers),
                "answer": answer,
                "text": text,
                "started": self.now,
            }
        )

    def har(self, path: Path) -> Path:
        """Write the messages as a browser would save them."""
        entries = []
        for item in self.items:
            sent = item["headers"] + ([("Content-Type", "application/x-www-form-urlencoded")] if item["form"] else [])
            request = {
                "method": item["method"],
                "url": item["url"],
                "httpVersion": "HTTP/1.1",
                "headers": [{"name": k, "value": v} for k, v in sent],
                "queryString": [],
                "cookies": [],
                "headersSize": -1,
                "bodySize": -1,
            }
            if item["form"]:
                request["postData"] = {"mimeType": "application/x-www-form-urlencoded", "text": urlencode(item["form"])}
            response = {
                "status": item["status"],
                "statusText": "",
                "httpVersion": "HTTP/1.1",
                "headers": [{"name": k, "value": v} for k, v in item["answer"]],
                "cookies": [],
                "content": {"mimeType": item["answer"][0][1], "size": len(item["text"]), "text": item["text"]},
                "redirectURL": "",
                "headersSize": -1,
                "bodySize": -1,
            }
            entries.append(
                {
                    "startedDateTime": item["started"].isoformat(),
                    "time": 12,
                    "request": request,
                    "response": response,
                    "cache": {},
                    "timings": {"send": 0, "wait": 12, "receive": 0},
                }
            )
        path.write_text(
            json.dumps({"log": {"version": "1.2", "creator": {"name": "a browser", "version": "1"}, "entries": entries}}), encoding="utf-8"
        )
        return path

    def record(self, folder=None) -> Recorder:
        """Record the messages as a live run does."""
        recorder = Recorder(folder, Redactor())
        for item in self.items:
            recorder.record(self.exchange(item, recorder.next_id()))
        return recorder

    def exchange(self, item, identifier="x1") -> Exchange:
        url, query = item["url"], dict(parse_qsl(item["url"].partition("?")[2]))
        if "iss" in query:
            endpoint, actor = Endpoint.LAUNCH, Actor.BROWSER
        elif url.endswith("smart-configuration"):
            endpoint, actor = Endpoint.DISCOVERY, Actor.APP
        elif "/authorize?" in url:
            endpoint, actor = Endpoint.AUTHORIZE, Actor.BROWSER
        elif url.endswith("/token"):
            endpoint, actor = Endpoint.TOKEN, Actor.APP
        elif url.startswith(APP):
            endpoint, actor = Endpoint.REDIRECT, Actor.BROWSER
        elif "/login" in url:
            endpoint, actor = Endpoint.PAGE, Actor.BROWSER
        else:
            endpoint, actor = Endpoint.FHIR, Actor.APP
        headers = tuple(item["headers"]) + ((("Content-Type", "application/x-www-form-urlencoded"),) if item["form"] else ())
        request = Request(item["method"], url, headers, urlencode(item["form"]).encode() if item["form"] else b"")
        return Exchange(
            identifier,
            actor,
            endpoint,
            item["started"],
            12.0,
            request,
            Response(item["status"], tuple(item["answer"]), item["text"].encode()),
        )
