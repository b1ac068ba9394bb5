"""What a browser kept from the app."""

from __future__ import annotations

import re
from collections.abc import Iterator

from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.signals.signal import Signal, predicate, saw
from smartlaunch.diagnosis.vendor import Vendor

_OF_SIGN_IN = re.compile(
    r"(?i)(?<![\w-])/?(?:oauth2?/)?token[- ]?(?:end[- ]?point|url|uri|request|call|exchange|route|path|api)\b|/token\b|"
    r"end[- ]?point (?:of|for) tokens?\b|"
    r"\b(?:user[- ]?info|jwks(?:_uri)?|introspect\w*|revocation|openid-configuration)\b|\.well-known/(?:openid|oauth|"
    r"jwks)|discovery (?:document|endpoint|url)|"
    r"\bexchang\w+ (?:the |my |our |an? )?(?:auth\w* )?code|\b(?:get|fetch|request|obtain|retriev|refresh)\w* (?:an? |"
    r"the |my )?(?:\w+ )?(?:access |id )?tokens?\b"
)
"""Names of what an authorization server alone answers; the authorize address is not among them, for nobody is to fetch it."""
_OF_FHIR = re.compile(
    r"(?i)\bFHIR (?:server|api|base|endpoint|resource|service|request)|/metadata\b|smart-configuration|/(?:fhir|r4|stu3|dstu2)/|"
    r"\b(?:resource|data) (?:server|api)\b|/(?:Patient|Observation|Condition|Encounter)\b|\b(?:GET|read\w*|fetch\w*|"
    r"load\w*) (?:the |a )?(?:Patient|Observation)"
)
_OF_CORS = re.compile(r"(?i)\bCORS\b|cross[- ]origin|pre-?flight|Access-Control-|\bOPTIONS\b")
_SIGN_IN_TOLD = re.compile(
    r"(?i)\b(?:oidc|openid|open id connect|identity (?:server|provider)|id ?p|auth(?:ori[sz]ation|"
    r"entication)? ?(?:server|provider)|oauth2?|pkce|"
    r"sign(?:ing)?[- ]?in|log(?:ging)?[- ]?in|redirect\w* (?:back )?to (?:the |my )?app)\b"
)
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n")


def _where(m: Material, address: str, step: str) -> Iterator[Signal]:
    """Which server the browser was kept from: by the address, else by the sentences that speak of it, else by what the text is about."""
    path = address.partition("?")[0].rstrip("/").lower()
    if step == "authorize" or re.search(r"/(?:authori[sz]e|authorization|openid-connect/auth|oauth2?/auth)$", path):
        yield saw("cors-at-authorize", "the refused address is the authorization endpoint", address=path or "the authorization endpoint")
    elif step in ("token", "introspect", "revoke") or re.search(
        r"/(?:\w*access_?token(?:\.\w+)?|token|introspect|revoke|revocation|userinfo|openid-configuration|oauth-authorization-server|jwks(?:\.json)?|certs)$",
        path,
    ):
        yield saw(
            "cors-at-authorization-server", "the refused address is one of the authorization server", address=path or "its token endpoint"
        )
    elif not path and not step and (words := _told(m)):
        yield saw("cors-at-authorization-server", f'it is told of "{words}"', address=words)


def _told(m: Material) -> str:
    """The words by which a text shows that the authorization server is meant; nothing where it speaks of the FHIR server, or of neither."""
    texts = [said for said in m.said if said.who in ("server", "asker")]
    parts = [part for said in texts for part in _SENTENCES.split(said.text)[:80]] + [str(m.facts.get("first_line") or "")]
    near = [part for part in parts if _OF_CORS.search(part)]
    if not near or any(_OF_FHIR.search(part) for part in near):
        return ""
    found = next((hit for part in near if (hit := _OF_SIGN_IN.search(part)) is not None), None)
    if found is None and not any(_OF_FHIR.search(part) for part in parts):
        found = next((hit for words in (_OF_SIGN_IN, _SIGN_IN_TOLD) for part in parts if (hit := words.search(part)) is not None), None)
    return " ".join(found.group(0).split()) if found is not None else ""


@predicate
def cross_origin(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """What a browser kept from the app."""
    f, at = m.facts, m.fact_of
    if f.get("cors_wildcard_with_credentials"):
        yield saw(
            "cors-credentials",
            "a request with cookies was answered with Access-Control-Allow-Origin: *",
            at.get("cors_wildcard_with_credentials", ""),
        )
    if f.get("cors_missing"):
        yield saw(
            "cors-missing",
            f"the {f['cors_missing']} answer to a cross-origin request has no Access-Control-Allow-Origin",
            at.get("cors_missing", ""),
        )
    if f.get("cors_other_origin"):
        yield saw("cors-other-origin", "the answer allows another origin than the one that asked", at.get("cors_other_origin", ""))
    yield from _where(m, str(f.get("cors_address") or ""), str(f.get("cors_missing") or ""))
    if f.get("mixed_content"):
        address = str(f["mixed_content"]) if f["mixed_content"] is not True else ""
        yield saw("mixed-content", "the page is https and asks an address over http", **({"address": address} if address else {}))
    if f.get("console_status") and not f.get("console_cors"):
        yield saw("answer-readable", f"the console shows the status {f['console_status']} and no cross-origin refusal")
    if f.get("from_browser"):
        yield saw("from-browser", "the request was made by a script in a browser")
