"""The configuration check before a run: one verdict with what to mend, instead of hundreds of blocked lines.

It looks only at what would spoil every scenario: secrets, the FHIR base URL, trust, the clock, and whether the server knows each
client and its redirect URI. What the server gets wrong by itself is left to the scenarios.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from smartlaunch.exchange import Endpoint, Failure, Response
from smartlaunch.markup import words
from smartlaunch.oauth import scopes
from smartlaunch.oauth.authorization import AuthorizationRequest, make_request

if TYPE_CHECKING:
    from smartlaunch.client.engine import Engine
    from smartlaunch.target import Client, Target

_SKEW_S = 60
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
"""A browser's name: what is opened here is a page, which a firewall may keep from programs."""
_REGISTRATION = re.compile(r"client[_ ]?id|redirect[_ ]?ur[il]|unauthori[sz]ed_client|invalid_client|redirect_mismatch", re.IGNORECASE)
"""Words of OAuth for a client or redirect URI that is not known."""
_PERHAPS = re.compile(r"client|redirect|application|app\b|consumer", re.IGNORECASE)
"""Words that a page about anything may hold, too."""


def preflight(engine: Engine, *, intrusive: int = 0) -> list[dict[str, str]]:
    """Check and return lines ``{"verdict", "problem"}``.

    Verdicts: ``mend`` (the user has something to change), ``unreachable``, ``untrusted`` (a certificate: the run goes on and judges it),
    ``note`` (worth knowing, the run goes on).
    """
    target = engine.target
    lines = [{"verdict": "mend", "problem": text} for text in target.missing_secrets()]
    lines += [{"verdict": "note", "problem": text} for text in target.warnings]
    if not target.clients:
        lines.append(
            {"verdict": "mend", "problem": "the target file has no [clients.<name>]: add the app that is registered with the server"}
        )
    if any(line["verdict"] == "mend" for line in lines):
        return lines
    exchange = engine.discovery.exchange
    if exchange.response is None:
        untrusted = exchange.failure is Failure.TLS_UNTRUSTED
        verdict = "untrusted" if untrusted else "mend" if exchange.failure is Failure.NOT_AN_ADDRESS else "unreachable"
        return [
            *lines,
            {
                "verdict": verdict,
                "problem": f"fhir_base_url = {target.fhir_base_url!r}: {exchange.error}"
                "\n  try: open the address in a browser from this machine; check host, port and proxy",
            },
        ]
    lines += clock(exchange.response.header("date"), exchange.response.header("age") or "")
    if exchange.response.status == 404 and not exchange.response.object:
        metadata = engine.discovery.metadata
        if metadata.heard.status == 404 or metadata.response is None:
            lines.append(
                {
                    "verdict": "mend",
                    "problem": f"fhir_base_url = {target.fhir_base_url!r}: neither /.well-known/smart-configuration nor /metadata"
                    " is there (status 404)\n  try: give the FHIR base URL itself, the address to which /Patient is appended",
                }
            )
            return lines
    lines += [{"verdict": "note", "problem": f"another host than the FHIR server's: {said}"} for said in _elsewhere(engine)]
    for client in target.clients.values():
        lines += [*_ill_formed(client), *_client(engine, client)]
    lines += intrusive_note(target, intrusive)
    return lines


def _ill_formed(client: Client) -> list[dict[str, str]]:
    """What a client asks for that no server can understand: it may be dropped without a word, and all that rests on it with it."""
    ill = [scope for scope in dict.fromkeys((*client.scopes, *client.ehr_launch_scopes)) if scopes.is_ill_formed(scope)]
    if not ill:
        return []
    return [
        {
            "verdict": "note",
            "problem": f"[clients.{client.name}] scopes: {' '.join(ill)} is in no form that the guide knows"
            "\n  try: write patient/Observation.rs (v2) or patient/Observation.read (v1), with blanks between scopes and no commas",
        }
    ]


def intrusive_note(target: Target, number: int) -> list[dict[str, str]]:
    """What is worth knowing of the probes that a run sends, or leaves out for want of leave, where there are any."""
    if not number:
        return []
    if not target.probes.intrusive:
        return [
            {
                "verdict": "note",
                "probes": str(number),
                "problem": f"this run is passive: {number} scenarios that send what a right app never sends (wrong codes, secrets,"
                " redirect URIs) are not judged on another machine's server without leave"
                "\n  try: `[probes] intrusive = true` in the target file, where the server's owner agrees",
            }
        ]
    return [
        {
            "verdict": "note",
            "probes": str(number),
            "problem": f"this run sends {number} probes that a right app never sends (wrong codes, secrets, redirect URIs);"
            f" `--passive` leaves them out. Writing FHIR data: {'allowed' if target.probes.allow_writes else 'no'}.",
        }
    ]


def _elsewhere(engine: Engine) -> list[str]:
    return engine.trust.elsewhere(engine.discovery.document)


def clock(date: str | None, age: str = "") -> list[dict[str, str]]:
    """How far this machine's clock is from the server's, by the header of an answer."""
    try:
        theirs = parsedate_to_datetime(date or "")
    except (TypeError, ValueError):
        return []
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=UTC)
    kept = float(age) if age.isascii() and age.isdigit() else 0.0
    skew = (datetime.now(UTC) - theirs).total_seconds() - kept
    if abs(skew) <= _SKEW_S:
        return []
    return [
        {
            "verdict": "note",
            "problem": f"this machine's clock and the server's differ by {abs(skew):.0f} s: assertions and token lifetimes may be misjudged"
            "\n  try: set this machine's clock",
        }
    ]


def _client(engine: Engine, client: Client) -> list[dict[str, str]]:
    """Whether the authorization endpoint takes a client and its redirect URI; only a plain refusal that names them counts.

    A page that may be about something else counts where a client that nobody has is answered with the same words, and a firewall's page
    never does. An app that only the EHR launches is left out: without a launch its request may be refused for that.
    """
    if not client.redirect_uri or not engine.discovery.has("authorization_endpoint") or client.use not in ("primary", "second"):
        return []
    if "standalone" not in client.launches:
        return []
    request = make_request(
        engine.discovery.url("authorization_endpoint"),
        client_id=client.client_id,
        redirect_uri=client.redirect_uri,
        scope=" ".join(client.scopes),
        aud=engine.target.aud or engine.target.fhir_base_url,
    )
    answer = _opened(engine, request)
    if answer.status in (301, 302, 303, 307):
        values = dict(parse_qsl(urlsplit(answer.header("location") or "").query))
        if values.get("error") not in ("unauthorized_client", "invalid_client"):
            return []
        said = f"error={values['error']}" + (f" ({values['error_description']})" if values.get("error_description") else "")
    elif answer.status in (400, 401, 403) and not answer.of_firewall and _names_registration(engine, request, answer):
        said = f"status {answer.status}: {words(answer.text)[:300]}"
    else:
        return []
    return [
        {
            "verdict": "mend",
            "problem": f"[clients.{client.name}]: the authorization server does not take client_id = {client.client_id!r}"
            f" with redirect_uri = {client.redirect_uri!r}; it says {said}"
            "\n  try: compare both with the registration, character by character; a new registration may need minutes to become active",
        }
    ]


def _opened(engine: Engine, request: AuthorizationRequest) -> Response:
    return engine.http.send("GET", request.url, endpoint=Endpoint.AUTHORIZE, headers={"Accept": "text/html", "User-Agent": BROWSER}).heard


def _names_registration(engine: Engine, request: AuthorizationRequest, answer: Response) -> bool:
    """Whether a refusal is one of the client or its redirect URI."""
    said = words(answer.text)
    if _REGISTRATION.search(said):
        return True
    if not _PERHAPS.search(said):
        return False
    nobody = _opened(engine, request.having(client_id=f"{request.get('client_id')}-nobody"))
    return nobody.status == answer.status and words(nobody.text).replace("-nobody", "") == said
