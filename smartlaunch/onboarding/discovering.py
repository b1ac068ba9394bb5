"""What a FHIR base URL says of itself, or in one sentence why it is none: what is asked before a target file can be proposed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from smartlaunch.client.discovery import WELL_KNOWN, Discovery
from smartlaunch.client.http import Http
from smartlaunch.client.trust import Trust
from smartlaunch.errors import Unreachable, UsageError
from smartlaunch.evidence.recorder import Recorder
from smartlaunch.evidence.redaction import Redactor
from smartlaunch.exchange import Endpoint, Exchange, Failure

_TAILS = (WELL_KNOWN, "/metadata")
_TITLE = re.compile(r"<title[^>]*>([^<]{1,120})", re.IGNORECASE)


@dataclass(frozen=True)
class Server:
    """What was found at a FHIR base URL; ``document`` is the SMART configuration, empty where there is none."""

    base: str
    document: Mapping[str, Any] = field(default_factory=dict)
    oauth_uris: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def capabilities(self) -> frozenset[str]:
        """The capabilities it claims."""
        return frozenset(self.listed("capabilities"))

    def listed(self, member: str) -> list[str]:
        """The strings of an array member; anything else is no entry."""
        value = self.document.get(member)
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []

    @property
    def edition(self) -> str:
        """The edition to begin with: 1.0 where PKCE and scopes of version 2 are unknown to it, else the newest."""
        old = not self.document and bool(self.oauth_uris)
        return "1.0" if old or (self.document and "permission-v2" not in self.capabilities and not self._new) else "2.2"

    @property
    def _new(self) -> bool:
        return bool(self.listed("code_challenge_methods_supported") or self.listed("grant_types_supported"))


def base_of(given: str) -> str:
    """A FHIR base URL out of what a person pasted: an address of one of its documents counts as well."""
    text = given.strip()
    for tail in _TAILS:
        text = text.removesuffix(tail)
    return text if text.endswith("//") else text.rstrip("/")


def discover(given: str, *, ca_file: str = "", request_s: float = 15) -> Server:
    """Ask a FHIR base URL what it is; ``UsageError`` where it is none, ``Unreachable`` where nobody answers."""
    base = base_of(given)
    http = Http(Recorder(None, Redactor()), request_s=request_s, ca_file=ca_file, trust=Trust(base))
    try:
        return _found(base, Discovery(http, base), http)
    finally:
        http.close()


def _found(base: str, discovery: Discovery, http: Http) -> Server:
    exchange = discovery.exchange
    if exchange.response is None:
        kind = UsageError if exchange.failure in (Failure.NOT_AN_ADDRESS, Failure.TLS_UNTRUSTED, Failure.PLAIN_HTTP) else Unreachable
        raise kind(f"{base}: {exchange.error}\n  try: open the address in a browser from this machine; check host, port and proxy")
    if discovery.document:
        return Server(base, discovery.document, notes=tuple(_notes(base, discovery)))
    metadata = discovery.metadata
    if metadata.heard.object.get("resourceType") == "CapabilityStatement":
        elsewhere = _at_the_root(base, http)
        where = f"; there is one at {elsewhere}, where no app looks" if elsewhere else ""
        note = f"{base}{WELL_KNOWN} holds no SMART configuration (status {exchange.response.status}){where}: most rules cannot be judged"
        return Server(base, oauth_uris=discovery.oauth_uris, notes=(note,))
    raise UsageError(
        f"{base}: {_what_it_is(exchange, metadata)}\n  try: give the FHIR base URL itself, the address to which /Patient is appended"
    )


def _notes(base: str, discovery: Discovery) -> list[str]:
    out = [
        f"the SMART configuration of {base} has no `{member}`: no app can launch"
        for member in ("authorization_endpoint", "token_endpoint")
        if not discovery.has(member)
    ]
    if discovery.exchange.redirect_of:
        out.append(f"{base} forwards to {discovery.exchange.request.url.removesuffix(WELL_KNOWN)}: a registration may want that address")
    return out


def _what_it_is(exchange: Exchange, metadata: Exchange) -> str:
    answer = exchange.heard
    title = _TITLE.search(answer.text)
    if title or "html" in (answer.header("content-type") or "").lower():
        named = f' titled "{" ".join(title[1].split())}"' if title else ""
        return f"a web page{named} comes in place of the SMART configuration (status {answer.status})"
    if answer.status == 200:
        return f"{WELL_KNOWN} is there and holds no JSON object"
    return f"neither {WELL_KNOWN} (status {answer.status}) nor /metadata (status {metadata.heard.status}) is there"


def _at_the_root(base: str, http: Http) -> str:
    parts = urlsplit(base)
    if not parts.path.strip("/"):
        return ""
    url = f"{parts.scheme}://{parts.netloc}{WELL_KNOWN}"
    found = http.send("GET", url, endpoint=Endpoint.DISCOVERY, headers={"Accept": "application/json"})
    return url if found.heard.status == 200 and found.heard.object.get("token_endpoint") else ""
