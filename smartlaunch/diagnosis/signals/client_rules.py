"""What the app's own messages break of the guide's rules for clients, with the requirement id."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from urllib.parse import urlsplit

from smartlaunch.addresses import is_loopback
from smartlaunch.diagnosis import scopes
from smartlaunch.diagnosis.model import ClientFinding
from smartlaunch.diagnosis.request_faults import SHORTEST_STATE
from smartlaunch.exchange import Endpoint, RecordedExchange

_SCOPE_PAGE = frozenset({135})
"""Statements of the page on scopes; all others asked for here stand on the page on app launch."""


@cache
def requirement(number: int) -> str:
    """The catalogue id of a client statement of the 2.2.0 list, by its number; the list's own number when no row has it."""
    from smartlaunch.catalogue import load

    for row in load().values():
        if str(getattr(row, "actor", "")).endswith("client") and number in getattr(row, "source_ids", ()):
            return str(row.id)
    return f"SMART-2.2-{'scopes-and-launch-context' if number in _SCOPE_PAGE else 'app-launch'}#{number}"


def client_findings(exchanges: Iterable[RecordedExchange]) -> list[ClientFinding]:
    """Every rule broken, each once, at the first exchange that shows it."""
    found: dict[str, ClientFinding] = {}
    for item in exchanges:
        for number, text in _look(item):
            finding = ClientFinding(requirement(number), text, item.id)
            found.setdefault(f"{finding.requirement} {text}", finding)
    return list(found.values())


def _look(item: RecordedExchange) -> Iterator[tuple[int, str]]:
    f = item.facts
    exposed = f.get("secret_in_url")
    if exposed:
        yield 1, f"{', '.join(exposed)} in the URL of a request: URLs end up in logs and histories"
    parts = urlsplit(item.url) if "://" in item.url else None
    plain = parts is not None and parts.scheme == "http" and not is_loopback(parts.hostname or "")
    if plain and item.endpoint in (Endpoint.TOKEN, Endpoint.FHIR, Endpoint.AUTHORIZE):
        yield 1, f"the {item.endpoint} request went over plain http"
    if item.endpoint == Endpoint.AUTHORIZE and "client_id" in f:
        yield from _authorize(item)
    elif item.endpoint == Endpoint.TOKEN and item.method != "OPTIONS":
        yield from _token(item)
    elif item.endpoint == Endpoint.FHIR and f.get("secret_in_url"):
        yield 93, "the access token was not sent in the Authorization header"


def _authorize(item: RecordedExchange) -> Iterator[tuple[int, str]]:
    f = item.facts
    if f.get("state_present") is False:
        yield 3, "the authorization request has no state"
    elif isinstance(f.get("state_length"), int) and f["state_length"] < SHORTEST_STATE:
        yield 40, f"state has {f['state_length']} characters; fewer than {SHORTEST_STATE} cannot hold 122 bits of randomness"
    if f.get("state_reused"):
        yield 40, "state was used in an earlier authorization request"
    if f.get("code_challenge_present") is False:
        yield 44, "the authorization request has no code_challenge (PKCE)"
    elif f.get("code_challenge_method") != "S256":
        yield 45, f"code_challenge_method is {f.get('code_challenge_method', 'absent')}, not S256"
    elif f.get("code_challenge_base64url") is False:
        yield 44, "the code challenge is not base64url"
    if not f.get("aud"):
        yield 41, "the authorization request has no aud"
    elif f.get("aud_equals_base") is False and not f.get("aud_slash_differs"):
        yield 41, "aud is not the FHIR base URL of the launch"
    if f.get("launch_equal") is False:
        yield 35, "launch is not the value that the EHR gave"
    bad = [s for s in f.get("scope_requested") or [] if scopes.kind_of(s) is scopes.Kind.ILL_FORMED and not scopes.is_dotted(s)]
    if bad:
        yield 135, f"scopes outside the grammar: {' '.join(bad[:5])}"


def _token(item: RecordedExchange) -> Iterator[tuple[int, str]]:
    f = item.facts
    if f.get("grant_type") == "authorization_code":
        if f.get("verifier_present") is False:
            yield 70, "the token request has no code_verifier (PKCE)"
        elif f.get("verifier_unreserved") is False or (isinstance(f.get("verifier_length"), int) and not 43 <= f["verifier_length"] <= 128):
            yield 70, "the code verifier is not 43 to 128 unreserved characters"
        if f.get("redirect_uri_equal") is False:
            yield 69, "redirect_uri is not the one of the authorization request"
        if f.get("client_auth") == "none" and "client_id" not in f:
            yield 71, "a public client sent no client_id"
    origin = f.get("origin")
    if origin and f.get("client_auth") in ("client_secret_basic", "client_secret_post") and re.match(r"https?://", str(origin)):
        yield 10, "a client secret was sent by a script in the browser: everybody who opens the app can read it"
    if item.method != "POST":
        yield 62, f"the token request was sent with {item.method}, not POST"
