"""Makes a run that looks like a real one: 5 suites, launches, failures, warnings, blocked, hostile markup. No server is needed."""

from __future__ import annotations

import itertools
import json
import struct
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from smartlaunch.exchange import RecordedExchange
from smartlaunch.records.record import FindingRecord, ScenarioResult, StepResult
from smartlaunch.records.store import append_scenario, assemble, write_run

BASE = "https://ehr.example.org/fhir/r4/8d2c4a10"
AUTH = "https://auth.example.org/tenants/8d2c4a10"
MARKUP = '<script>window.pwned=1</script><img src=x onerror="window.pwned=1">\'"`${7*7}{{7*7}}'
START = datetime(2026, 11, 21, 22, 40, 3, tzinfo=UTC)

SUITES = (
    "standalone-public",
    "standalone-confidential-symmetric",
    "standalone-confidential-asymmetric",
    "ehr-launch-public",
    "ehr-launch-confidential-symmetric",
)

# feature, rule, title, requirement, slug
SCENARIOS = (
    (
        "SMART configuration",
        "The SMART configuration is JSON",
        "The SMART configuration is fetched",
        "SMART-2.2-conformance-well-known-e",
        "well-known-json",
    ),
    (
        "SMART configuration",
        "S256 is listed and plain is not",
        "S256 is listed",
        "SMART-2.2-conformance-metadata-code-challenge-methods-a",
        "s256-listed",
    ),
    (
        "SMART configuration",
        "Scopes supported are listed",
        "scopes_supported is present",
        "SMART-2.2-conformance-metadata-scopes-supported-a",
        "scopes-supported",
    ),
    (
        "Audience",
        "A request that names this FHIR server is served",
        "The app names the FHIR server as aud",
        "SMART-2.2-app-launch-aud-a",
        "aud-right",
    ),
    (
        "Audience",
        "A request that names another server gets no token",
        "The app names another host as aud",
        "SMART-2.2-app-launch-aud-b",
        "aud-other-host",
    ),
    ("Proof Key for Code Exchange", "S256 is supported", "A verifier of 43 characters", "SMART-2.2-app-launch-pkce-a", "pkce-43"),
    (
        "Proof Key for Code Exchange",
        "plain is not supported",
        "The app sends a plain challenge",
        "SMART-2.2-app-launch-pkce-b",
        "pkce-plain",
    ),
    (
        "Proof Key for Code Exchange",
        "A wrong verifier gets no token",
        "The app sends a wrong code verifier",
        "SMART-2.2-app-launch-pkce-d",
        "pkce-wrong",
    ),
    ("State", "state comes back unchanged", "state with reserved characters", "SMART-2.2-app-launch-state-a", "state-reserved"),
    ("Token response", "Tokens are not cached", "The token response forbids caching", "SMART-2.2-app-launch-cache-b", "no-cache"),
    ("Token response", "expires_in tells the lifetime", "expires_in is a number", "SMART-2.2-app-launch-token-response-d", "expires-in"),
    ("Scope grant", "Requested scopes are granted", "The scopes asked for are granted", "SMART-2.2-app-launch-token-response-f", "granted"),
    (
        "FHIR access",
        "A patient scope reaches the patient in context",
        "The patient in context is read",
        "SMART-2.2-scopes-and-launch-context-context-patient-b",
        "patient-read",
    ),
    (
        "FHIR access",
        "Another patient is out of reach",
        "Another patient's record is refused",
        "SMART-2.2-scopes-and-launch-context-patient-scope",
        "patient-other",
    ),
)

SLOTS = itertools.cycle(range(7))


def png(width: int = 320, height: int = 200) -> bytes:
    """A plain picture, made by hand so that no library is needed."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes((210 - y // 4, 226 - y // 5, 238)) * width for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Wire:
    """Hands out exchanges with rising ids and times."""

    def __init__(self) -> None:
        self.items: list[RecordedExchange] = []
        self.now = START + timedelta(seconds=1)

    def add(
        self,
        endpoint,
        method,
        url,
        *,
        actor="app",
        status=200,
        body="",
        request_body="",
        headers=(),
        request_headers=(),
        ms=18.0,
        redirect_of="",
        error="",
        **more,
    ):
        kind = "text/html; charset=utf-8" if body.startswith("<") else "application/json"
        item = RecordedExchange(
            id=f"x{len(self.items) + 1:04d}",
            actor=actor,
            endpoint=endpoint,
            started=self.now.isoformat(timespec="milliseconds"),
            duration_ms=ms,
            method=method,
            url=url,
            request_headers=[["user-agent", "smartlaunch/0.1"], ["accept", "application/json"], *map(list, request_headers)],
            request_body=request_body,
            status=0 if error else status,
            reason={200: "OK", 302: "Found", 303: "See Other", 400: "Bad Request", 403: "Forbidden", 401: "Unauthorized"}.get(status, ""),
            http_version="HTTP/1.1",
            response_headers=[] if error else [["content-type", kind], ["x-request-id", f"req-{len(self.items):06x}"], *map(list, headers)],
            response_body=body,
            redirect_of=redirect_of,
            error=error,
            tls="TLSv1.3",
            correlation={} if error else {"x-request-id": f"req-{len(self.items):06x}"},
            **more,
        )
        self.items.append(item)
        self.now += timedelta(milliseconds=ms + 9)
        return item.id


def launch(wire: Wire, number: int, *, ehr: bool, dropped: bool, pragma: bool = True) -> list[str]:
    """One whole launch, from discovery to the patient's data."""
    redirect = "https://app.example.com/callback"
    scope = "launch/patient openid fhirUser patient/Patient.rs patient/Observation.rs"
    granted = "openid fhirUser launch/patient" if dropped else scope
    ids = [
        wire.add(
            "discovery",
            "GET",
            f"{BASE}/.well-known/smart-configuration",
            body=json.dumps(
                {
                    "authorization_endpoint": f"{AUTH}/authorize",
                    "token_endpoint": f"{AUTH}/token",
                    "capabilities": ["launch-ehr", "launch-standalone"],
                    "code_challenge_methods_supported": ["S256"],
                }
            ),
        )
    ]
    if ehr:
        ids.append(wire.add("launch", "GET", f"https://app.example.com/launch?iss={BASE}&launch=<launch {number}>", actor="browser", ms=4))
    authorize = wire.add(
        "authorize",
        "GET",
        f"{AUTH}/authorize?response_type=code&client_id=3b0c1f5a&redirect_uri={redirect}&scope={scope.replace(' ', '+')}&state=<state {number} length 43>&aud={BASE}&code_challenge=<code_challenge {number}>&code_challenge_method=S256",
        actor="browser",
        status=302,
        headers=[("location", f"{AUTH}/login?session=<session {number}>")],
        ms=31,
    )
    ids.append(authorize)
    ids.append(
        wire.add(
            "page",
            "GET",
            f"{AUTH}/login?session=<session {number}>",
            actor="browser",
            body="<!doctype html><title>Sign in</title><h1>Sign in</h1>" + MARKUP,
            redirect_of=authorize,
            ms=22,
        )
    )
    ids.append(
        wire.add(
            "page",
            "POST",
            f"{AUTH}/login",
            actor="browser",
            status=303,
            request_body="username=dr-lee&password=<password 1>",
            headers=[("location", f"{AUTH}/consent")],
            ms=64,
        )
    )
    ids.append(wire.add("page", "GET", f"{AUTH}/consent", actor="browser", body="<!doctype html><title>Allow access?</title>", ms=14))
    back = wire.add(
        "page",
        "POST",
        f"{AUTH}/consent",
        actor="browser",
        status=303,
        headers=[("location", f"{redirect}?code=<code {number}>&state=<state {number} length 43>")],
        ms=26,
    )
    ids += [
        back,
        wire.add(
            "redirect", "GET", f"{redirect}?code=<code {number}>&state=<state {number} length 43>", actor="browser", redirect_of=back, ms=1
        ),
    ]
    token = {
        "access_token": f"<access_token {number}>",
        "token_type": "Bearer",
        "expires_in": 570,
        "scope": granted,
        "patient": "12724066",
        "id_token": f'<id_token {number} {{"alg":"RS256"}}>',
    }
    ids.append(
        wire.add(
            "token",
            "POST",
            f"{AUTH}/token",
            request_body=f"grant_type=authorization_code&code=<code {number}>&redirect_uri={redirect}&client_id=3b0c1f5a&code_verifier=<code_verifier {number}>",
            body=json.dumps(token),
            headers=[("cache-control", "no-store"), *([("pragma", "no-cache")] if pragma else [])],
            ms=48,
            facts={"verifier_matches_challenge": True, "scope_dropped": ["patient/Patient.rs"] if dropped else []},
        )
    )
    if dropped:
        ids.append(
            wire.add(
                "fhir",
                "GET",
                f"{BASE}/Patient/12724066",
                status=403,
                request_headers=[("authorization", f"Bearer <access_token {number}>")],
                body=json.dumps(
                    {
                        "resourceType": "OperationOutcome",
                        "issue": [{"severity": "error", "code": "forbidden", "diagnostics": "no_scope_for_resource_path"}],
                    }
                ),
                ms=37,
            )
        )
    else:
        ids.append(
            wire.add(
                "fhir",
                "GET",
                f"{BASE}/Patient/12724066",
                request_headers=[("authorization", f"Bearer <access_token {number}>")],
                body=json.dumps({"resourceType": "Patient", "id": "12724066", "name": "<patient data>"}),
                ms=37,
            )
        )
    return ids


def build(
    folder: Path, *, scenarios: int = 70, extra_exchanges: int = 0, clean: bool = False, interrupted: bool = False, body_bytes: int = 0
):
    """Write a run into ``folder`` as a run does, and return it."""
    wire = Wire()
    results: list[ScenarioResult] = []
    shots = folder / "attachments"
    shots.mkdir(parents=True, exist_ok=True)
    (shots / "login-stuck.png").write_bytes(png())
    (shots / "consent.png").write_bytes(png(480, 300))
    shared = {
        suite: launch(wire, n, ehr="ehr" in suite, dropped=not clean and "confidential-symmetric" in suite, pragma=clean or n > 2)
        for n, suite in enumerate(SUITES, 1)
    }
    for number in range(scenarios):
        suite = SUITES[number % len(SUITES)]
        feature, rule, title, requirement, slug = SCENARIOS[(number // len(SUITES)) % len(SCENARIOS)]
        turn = number // (len(SUITES) * len(SCENARIOS))
        label = f"[case {turn}]" if turn else ""
        started = START + timedelta(seconds=1.2 + number * 0.21)
        fields = {
            "id": f"{suite}/{slug}{label}",
            "title": title + (f" ({label[1:-1]})" if label else ""),
            "feature": feature,
            "rule": rule,
            "suite": suite,
            "requirements": (requirement,),
            "outcome": "passed",
            "duration_s": 0.05 + (number % 7) * 0.11,
            "exchanges": tuple(shared[suite]),
            "tags": (f"@id:{slug}", f"@req:{requirement}"),
            "inferno": ("smart_discovery",) if number % 9 == 0 else (),
            "started": started.isoformat(timespec="milliseconds"),
            "steps": [
                StepResult("Given", "the app has launched"),
                StepResult("When", "the app sends its request"),
                StepResult("Then", "the answer is as the guide says"),
            ],
        }
        dropped = slug in ("granted", "patient-read") and "confidential-symmetric" in suite
        if not clean and dropped and slug == "granted":
            fields |= {
                "outcome": "warning",
                "reason": "2 of 5 requested scopes were not granted",
                "findings": [
                    FindingRecord(
                        requirement,
                        "every requested scope in the grant, or a scope of equal meaning",
                        "granted: fhirUser launch/patient openid; missing: patient/Observation.rs patient/Patient.rs",
                        kind="expectation",
                        strength="MAY",
                        outcome="warning",
                        exchange=shared[suite][-2],
                        pointer="/scope",
                        side="registration",
                    )
                ],
            }
        elif not clean and dropped:
            fields |= {
                "outcome": "failed",
                "reason": "the patient in context could not be read",
                "findings": [
                    FindingRecord(
                        requirement,
                        "200 with the Patient of the launch context",
                        "403 with an OperationOutcome: no_scope_for_resource_path",
                        strength="SHALL",
                        exchange=shared[suite][-1],
                        pointer="/issue/0/diagnostics",
                        side="registration",
                    )
                ],
            }
        elif not clean and slug == "no-cache" and suite in SUITES[:2]:
            fields |= {
                "outcome": "failed",
                "reason": "the token response may be cached",
                "findings": [
                    FindingRecord(
                        requirement,
                        "a Pragma header with no-cache",
                        f"no Pragma header in the answer to exchange {shared[suite][-2]}",
                        strength="SHALL",
                        exchange=shared[suite][-2],
                        pointer="header: Pragma",
                    )
                ],
            }
        elif not clean and slug == "pkce-plain" and suite == SUITES[0]:
            probe = wire.add(
                "token",
                "POST",
                f"{AUTH}/token",
                request_body="grant_type=authorization_code&code=<code 9>&code_verifier=<code_verifier 9>",
                body=json.dumps({"access_token": "<access_token 9>", "token_type": "Bearer", "note": MARKUP}),
            )
            fields |= {
                "title": f"The app sends a plain challenge {MARKUP}",
                "outcome": "failed",
                "reason": "a token came",
                "exchanges": (*shared[suite], probe),
                "findings": [
                    FindingRecord(
                        requirement,
                        "no access token in the end: an error at the authorization endpoint, at the redirect URI or at the token endpoint",
                        f"200 with an access token and {MARKUP}",
                        strength="SHALL NOT",
                        exchange=probe,
                        pointer="/access_token",
                    )
                ],
                "steps": [
                    StepResult("Given", "the app asks with the code challenge method plain"),
                    StepResult("When", "the app sends the code and the code verifier"),
                    StepResult("Then", "no access token is issued", "failed"),
                    StepResult("And", "the answer names the error", "skipped"),
                ],
            }
        elif not clean and slug == "scopes-supported":
            fields |= {
                "outcome": "warning",
                "reason": "scopes_supported is absent",
                "findings": [
                    FindingRecord(
                        requirement,
                        "an array of scopes",
                        "the member is absent",
                        strength="SHOULD",
                        outcome="warning",
                        exchange=shared[suite][0],
                        pointer="/scopes_supported",
                    )
                ],
            }
        elif not clean and suite == SUITES[2] and feature in ("State", "Audience"):
            fields |= {
                "outcome": "blocked",
                "reason": "the login page showed no control that the recipe knows\nwaited for: a field for the user name\ntry: [login] steps in the target file, or --headed",
                "attachments": ("attachments/login-stuck.png", "attachments/page.txt"),
                "steps": [StepResult("Given", "the app has launched", "failed"), StepResult("Then", "state is returned", "skipped")],
            }
        elif suite == SUITES[3] and feature == "SMART configuration":
            fields |= {"outcome": "not-applicable", "reason": "judged once, in suite standalone-public"}
        elif not clean and slug == "expires-in" and suite == SUITES[4]:
            fields |= {"outcome": "error", "reason": "KeyError: 'expires_in' in checks/token.py line 41"}
        if slug == "aud-right" and suite == SUITES[0]:
            fields |= {"attachments": ("attachments/consent.png",)}
        results.append(ScenarioResult(**fields))
    (shots / "page.txt").write_text("Sign in\n" + MARKUP)
    for number in range(extra_exchanges):
        filler = json.dumps({"resourceType": "Bundle", "entry": [{"n": number}], "note": "x" * max(400, body_bytes)})
        x = wire.add("fhir", "GET", f"{BASE}/Observation?_page={number % 50}", body=filler)
        target = number % len(results)
        results[target] = ScenarioResult(
            **{
                **{f: getattr(results[target], f) for f in ScenarioResult.__dataclass_fields__},
                "exchanges": (*results[target].exchanges, x),
            }
        )
    if body_bytes:
        wire.add("fhir", "GET", f"{BASE}/Observation", body="<" + "A" * body_bytes, truncated=True)
    wire.add("fhir", "GET", f"{BASE}/Encounter", error="no answer within 15 s")
    with (folder / "exchanges.jsonl").open("w") as out:
        out.writelines(json.dumps({f: getattr(x, f) for f in RecordedExchange.__dataclass_fields__}) + "\n" for x in wire.items)
    (folder / "scenarios.jsonl").unlink(missing_ok=True)
    for result in results:
        append_scenario(folder, result)
    explained = [
        r.id
        for r in results
        if "confidential-symmetric" in r.suite and r.findings and r.id.split("/")[1].split("[")[0] in ("granted", "patient-read")
    ]
    diagnoses = (
        []
        if clean
        else [
            {
                "rule": "scope.dropped.not-registered",
                "category": "scope-registration",
                "side": "registration",
                "cause": "The clinical scopes were asked for but not granted, and the 403 follows from that: the registration of this app does not list them.",
                "fix": "Add Patient and Observation (read, search) to the app's registration, then ask for exactly those scopes.",
                "next": "Launch again with only openid fhirUser launch/patient patient/Patient.rs and compare the scope in the token response.",
                "confidence": "high",
                "evidence": ["x0009: scope in the token response lacks patient/Patient.rs", "x0010: 403 no_scope_for_resource_path"],
                "scenarios": explained,
                "requirements": ["SMART-2.2-app-launch-token-response-f", "SMART-2.2-scopes-and-launch-context-context-patient-b"],
            },
            {
                "rule": "login.unknown-page",
                "category": "other",
                "side": "undecided",
                "cause": "The login page is built in a way the recipe does not know.",
                "fix": "Give the steps of this login in the target file.",
                "next": "Run one suite with --headed.",
                "confidence": "medium",
                "evidence": ["for: no field for a user name"],
                "scenarios": [r.id for r in results if r.outcome == "blocked"],
                "requirements": [],
            },
        ]
    )
    (folder / "diagnoses.json").write_text(json.dumps(diagnoses))
    header = {
        "id": folder.name,
        "suite": {"version": "0.1.0", "commit": "47b39c7"},
        "target": {
            "name": f"Example EHR {'' if clean else '<b>sandbox</b>'}".strip(),
            "fhir_base_url": BASE,
            "edition": "2.2",
            "vendor": "generic",
            "hash": "5f1c0c9be1",
            "clients": {"public": {"client_id": "3b0c1f5a"}},
        },
        "editions": ["2.2"],
        "start": START.isoformat(timespec="seconds"),
        "end": None if interrupted else (START + timedelta(seconds=18.4)).isoformat(timespec="seconds"),
        "zone": "UTC",
        "environment": {
            "python": "3.11.7",
            "platform": "Linux",
            "browser": "chromium-headless-shell on PATH",
            "libraries": {"httpx": "0.28.1", "playwright": "1.65.2", "PyJWT": "2.15.1", "pytest": "9.2.0"},
        },
        "passive": False,
        "selection": [r.id for r in results] + (["standalone-public/never-ran"] if interrupted else []),
        "preflight": [],
        "coverage": {"binding": 190, "selected": 14, "judged": 14},
    }
    run = assemble(folder, header)
    write_run(run, folder)
    return run
