"""What a story compares: one user with another, scopes of one version with those of the other.

Who writes that a thing works one way and not the other has done an experiment; what was different between the two is the cause.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from smartlaunch.diagnosis import scopes
from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.signals.signal import Signal, first_of, predicate, saw, shortened
from smartlaunch.diagnosis.vendor import Vendor

_CLAUSES = re.compile(r"(?<=[.!?:;])\s+|\n|[,;]?\s+(?=(?:but|however|while|whereas|yet|although|though)\b)", re.IGNORECASE)
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n")
_USER = r"(?:users?|accounts?|people|persons?|colleagues?|clinicians?|practitioners?|patients?|employees?|members?|logins?|testers?)"
_OTHERS = re.compile(
    rf"(?i)\b(?:other|another|different|second|new|some|most|all|any|every|normal|regular|ordinary|non-?admin|"
    rf"my colleague.?s?|somebody|someone)\b"
    rf"[^.\n]{{0,30}}\b{_USER}\b|\b(?:everybody|everyone|anybody|anyone|nobody|no one|somebody|someone) else\b|"
    rf"\bmy colleagues?\b|\bother than my\b"
)
_MINE = re.compile(
    rf"(?i)\b(?:my|mine|our|own|one|admin\w*|owner.?s?|first|certain|this|some|same) (?:\w+ )?{_USER}\b|\bfor me\b|"
    rf"\bas (?:an? |the )?(?:admin\w*|owner)\b|"
    r"\bI (?:can|am able to|myself)\b|\bwith my\b"
)
_WORKS = re.compile(
    r"(?i)\bworks?\b|\bworked\b|\bsuccess\w*|\bfine\b|\bable to\b|\bcan (?:read|see|access|get|log|sign|fetch|query)\w*|"
    r"\bno (?:problem|issue|error)s?\b|\bpass(?:es|ed)?\b"
)
_FAILS = re.compile(
    r"(?i)\b(?:401|403|unauthori[sz]ed|forbidden|denied|refus\w+|reject\w+|fail\w*|errors?|cannot|not (?:able|allowed|"
    r"permitted|work\w*))\b|n.t\b"
)
_NOT_WORKS = re.compile(r"(?i)\b(?:not|never|n.t|no longer)\b[^.\n]{0,16}\b(?:work|success|able|pass)")
_SCOPE = re.compile(r"(?<![\w/.-])(?:patient|user|system)/(?:[A-Z]\w*|\*)\.[a-z*]+")


def _clauses(m: Material) -> list[str]:
    texts = [said.text for said in m.said if said.who == "asker" or said.where in ("line", "quoted")]
    first = str(m.facts.get("first_line") or "")
    return [part for text in [first, *texts] for part in _CLAUSES.split(text)[:120] if part.strip()]


@predicate
def compared_users(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """One user gets through and another one does not."""
    if m.source != "text":
        return
    parts = _clauses(m)
    whole = [part for text in m.texts("asker") for part in _SENTENCES.split(text.text)[:120] if part.strip()]
    refused = next((p for p in [*parts, *whole] if _OTHERS.search(p) and _FAILS.search(p) and not _MINE.search(_OTHERS.sub("", p))), "")
    served = next((p for p in parts if p not in refused and _MINE.search(p) and _WORKS.search(p) and not _NOT_WORKS.search(p)), "")
    if not served:
        refused = refused or next((p for p in parts if _MINE.search(p) and _FAILS.search(p)), "")
        served = next((p for p in parts if p != refused and _OTHERS.search(p) and _WORKS.search(p) and not _NOT_WORKS.search(p)), "")
    if refused and served:
        yield saw("users-differ", f'one user gets through, another does not: "{shortened(refused)}"', by="asker")


@predicate
def compared_versions(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """Scopes of one version are served where those of the other are not."""
    if m.source != "text":
        return
    works: dict[scopes.Kind, str] = {}
    fails: dict[scopes.Kind, str] = {}
    for part in _clauses(m):
        named = {scopes.kind_of(name): name for name in _SCOPE.findall(part) if scopes.kind_of(name) in (scopes.Kind.V1, scopes.Kind.V2)}
        if len(named) != 1:
            continue
        served = _WORKS.search(part) is not None and not _NOT_WORKS.search(part)
        side = works if served else fails
        for kind, name in named.items():
            side.setdefault(kind, name)
    for kind, name in works.items():
        other = scopes.Kind.V2 if kind is scopes.Kind.V1 else scopes.Kind.V1
        if (other in fails and kind not in fails) or (other in fails and other not in works):
            yield saw(
                "one-version-works",
                f"with {name} it works, with {fails[other]} it does not",
                by="asker",
                served=name,
                unserved=fails[other],
            )
            return


_TWO_SCHEMES = re.compile(
    r"(?i)\bhttps?\b[^.\n]{0,60}?(?:\bnot\b|n.t\b|\binstead of\b|\brather than\b|\bto\b|\bbut\b|\bwhere ?as\b|\bwhile\b|"
    r"\bwhere\b|\bagainst\b|\bin place of\b|\bwhich is wrong\b|\band\b|\bwrong\b)"
    r"[^.\n]{0,60}?\bhttps?\b|\b(?:not|never|n.t)\b[^.\n]{0,30}\b(?:return\w*|us\w+|be\w*|has|have|with)\b[^.\n]{0,12}\bhttps\b|"
    r"\b(?:wrong|another|different|other) scheme\b|(?<!colour )(?<!color )\bscheme (?:changes|differs|is (?:wrong|different))"
)
_REDIRECT = re.compile(r"(?i)\bredirect\w*|\bcall-?back|\breply (?:url|address)|\b(?:return|response)_?url")
_PROXIED = re.compile(
    r"(?i)\bproxy\b|\bproxied\b|nginx|apache|caddy|traefik|haproxy|ingress|load ?balancer|cloud ?front|"
    r"SSL[- ]?(?:terminat\w+|offload\w*)|TLS[- ]?terminat\w+|"
    r"terminates? (?:SSL|TLS)|X-Forwarded|\bproduction\b|\bdeploy\w*|heroku|vercel|kubernetes|docker"
)


@predicate
def redirect_of_another_scheme(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """The redirect URI leaves the app with http where https is meant, or the other way round."""
    if m.source != "text":
        return
    texts = [str(m.facts.get("first_line") or ""), *(said.text for said in m.said)]
    parts = [part for text in texts for part in _SENTENCES.split(text)[:120]]
    whole = " ".join(texts)
    behind = _REDIRECT.search(whole) is not None and _PROXIED.search(whole) is not None
    both = next((p for p in parts if _TWO_SCHEMES.search(_bare(p)) and (behind or _REDIRECT.search(p))), "")
    if both:
        yield saw("redirect-scheme-told", f'the redirect URI has another scheme than is meant: "{shortened(both)}"', by="asker")


@predicate
def redirect_told(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """The story, or what is known of the request, is about the way back to the app."""
    if m.redirect_sent or m.redirect_registered or first_of(_REDIRECT, _clauses(m)):
        yield saw("redirect-told", "the redirect URI is spoken of", by="asker")


def _bare(text: str) -> str:
    """A sentence without the addresses in it, in which both schemes may stand by chance."""
    return re.sub(r"https?://[\w<{*]\S*", "", text) if text.count("://") > 1 else re.sub(r"(https?)://\S+", r"\1", text)


_OF_SIGN_IN = re.compile(
    r"(?i)\b(?:log(?:ging|ged|s)?[- ]?in|login|sign(?:ing|ed|s)?[- ]?in|sign-?on|authori[sz]\w*|consent|"
    r"token (?:endpoint|request)|identity (?:server|provider)|oauth2?)\b"
)
_OF_FHIR = re.compile(
    r"(?i)\bFHIR (?:server|api|base|endpoint|service)|/(?:fhir|r4|stu3|dstu2)/|/metadata\b|"
    r"/(?:Patient|Observation|Practitioner)\b"
)


@predicate
def step_told(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """Which of the two servers a story speaks of, where it speaks of one of them only."""
    if m.source != "text":
        return
    parts = " ".join(_clauses(m))
    fhir, sign_in = _OF_FHIR.search(parts), _OF_SIGN_IN.search(parts)
    if sign_in and not fhir and not m.fhir:
        yield saw("sign-in-told", f'the story is about the sign-in ("{sign_in.group(0)}")', by="asker")
    if (fhir or m.fhir) and not sign_in:
        yield saw("fhir-told", "the story is about the FHIR server", by="asker")


_NATIVE = re.compile(
    r"(?i)\b(?:android|iOS|iphones?|ipads?|react[- ]native|expo|flutter|ionic|capacitor|cordova|xamarin|maui|swift|"
    r"kotlin|AppAuth|custom tabs?|APK|"
    r"ASWebAuthenticationSession|SFSafariViewController|onActivityResult|intent[- ]filter|deep ?links?|universal links?|"
    r"WebBrowser\.\w+|AuthSession\w*)\b"
)


@predicate
def native_app(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """An app on a device, whose way back is a scheme or a link of the operating system."""
    if m.source == "text" and (found := first_of(_NATIVE, _clauses(m))):
        yield saw("native-app-told", f'the app is one on a device ("{found}")', by="asker")


@predicate
def addresses_joined(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """An address that was put together wrongly: a slash too many, or endpoints under the discovery document."""
    if joined := m.facts.get("address_joined"):
        yield saw("address-joined-wrong", f"an address is joined wrongly, at {joined}")
    if inner := m.facts.get("inner_address"):
        yield saw("inner-address-told", f"the address {inner} is known in one machine or network only", inner=str(inner))


@predicate
def sign_in_page(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """The authorization endpoint, or the sign-in page behind it, answers 5xx."""
    status = m.statuses.get("authorize", 0)
    if status >= 500:
        yield saw("sign-in-page-5xx", f"the authorization endpoint or its sign-in page answered {status}", status=str(status))
