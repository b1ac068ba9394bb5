"""The faults of an authorization request, looked for in the request alone.

Each fault names the parameter, what it is and what it should be; where a character is the fault, its place. Values of state, launch and
verifier are never repeated. It is looked at as it was typed, before anything is taken out of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus, urlsplit

from smartlaunch.addresses import is_inner
from smartlaunch.diagnosis import scopes
from smartlaunch.diagnosis.scopes import Kind

SHORTEST_STATE = 22
"""122 bits of randomness need this many characters of base64url."""
NEEDED = ("response_type", "client_id", "redirect_uri", "scope", "state", "aud")
_SHOULD = {
    "response_type": "code",
    "client_id": "the client id of the registration",
    "redirect_uri": "one of the registered redirect URIs",
    "scope": "the scopes the app needs",
    "state": "an unpredictable value, new for each request",
    "aud": "the FHIR base URL, as it came in iss",
}
_TOKEN_ONLY = ("grant_type", "code", "code_verifier", "client_secret", "client_assertion", "refresh_token")
UNFILLED = frozenset({"undefined", "null", "None", "nil", "[object Object]"})
"""What a program sends in the place of a value that it does not have."""
_METHODS = {"s256", "sha256", "sha-256", "s-256"}


def _parameters(url: str) -> list[tuple[str, str]]:
    query = url.partition("?")[2].partition("#")[0]
    return parse_qsl(query, keep_blank_values=True)


def _hidden(value: str) -> bool:
    """Whether a value was taken out before, so that its length and letters say nothing."""
    return value.startswith("<") or "REDACTED" in value.upper() or set(value) <= {"*", "x", "X"}


def is_placeholder(value: str) -> bool:
    """Whether a person wrote a blank in the place of a value, so that nothing follows from how it looks."""
    return (
        re.fullmatch(
            r"[\[<{(*%]+[\w .:/-]*[\])>}*%]+|"
            r"[xX*.…]{3,}|(?i:my|your|our|the)[_ -]?(?:redirect|callback|url|uri)\w*|(?i:\w+[_ -]here)|REDACTED|"
            r"\$(?:\w+|[({].*)|(?=[A-Z_]{6,60}$)[A-Z]{2,}(?:_[A-Z]+)+",
            value.strip(),
        )
        is not None
    )


@dataclass(frozen=True, slots=True)
class Fault:
    """What is at fault (a parameter, or a kind such as ``doubled``; behind a colon the particular fault) and the sentence that says how."""

    kind: str
    problem: str
    lacks: bool = False
    """A parameter is not there, which of an address that somebody shortened says nothing."""
    blank: bool = False
    """A person left a blank in the place of the value, which of a story says nothing."""


_Faults = Iterator[Fault]


def faults_of(url: str) -> tuple[Fault, ...]:
    """Every fault of a request, in the order of the checks; an address without parameters has none."""
    if "?" not in url:
        return ()
    r = _Request(_parameters(url), url)
    looks = (_missing, _doubled, _wrong_endpoint, _client_id, _redirect_uri, _response_type, _scope, _launch, _pkce, _state, _aud, _blanks)
    return tuple(fault for look in looks for fault in look(r))


@dataclass(frozen=True, slots=True)
class _Request:
    """The parameters as sent, with the address and what else is known of the flow."""

    sent: list[tuple[str, str]]
    url: str

    def value(self, name: str) -> str:
        return next((v for n, v in self.sent if n == name), "")

    @property
    def smart(self) -> bool:
        """Whether anything of SMART is asked for; what only SMART demands is no fault of another request."""
        asked = scopes.from_parameter(self.value("scope"))
        launch = any(s.startswith("launch") or s == "fhirUser" or "/" in s for s in asked.items)
        return not asked.items or launch or self.has("launch")

    def has(self, name: str) -> bool:
        return any(n == name for n, _ in self.sent)


def _missing(r: _Request) -> _Faults:
    names = {n for n, v in r.sent if v}
    near = {n.lower().replace("-", "_").replace("clientid", "client_id").replace("redirecturi", "redirect_uri"): n for n, _ in r.sent}
    if "request" in names or "request_uri" in names:
        return
    for name in NEEDED:
        if name in names or (name == "aud" and (names & {"audience", "resource"} or not r.smart)):
            continue
        if name == "redirect_uri" and not (names & {"client_id", "response_type"}):
            continue
        written = near.get(name)
        wrong = f"it is written {written}" if written and written != name else "it is missing" if not r.has(name) else "it is empty"
        yield Fault(name, f"{name}: {wrong}; it should be {_SHOULD[name]}", lacks=wrong == "it is missing")


def _doubled(r: _Request) -> _Faults:
    for name, times in Counter(n for n, _ in r.sent).items():
        if times > 1 and name != "resource":
            yield Fault("doubled", f"{name}: it is sent {times} times; each parameter may be sent once")


def _wrong_endpoint(r: _Request) -> _Faults:
    wrong = [n for n, _ in r.sent if n in _TOKEN_ONLY]
    if wrong:
        yield Fault(
            "endpoint",
            f"{', '.join(dict.fromkeys(wrong))}: it belongs to the token request, not to this address; POST it to token_endpoint",
        )


def _client_id(r: _Request) -> _Faults:
    value = r.value("client_id")
    blank = re.fullmatch(r"(?i)(?:your|my|our|the)?[ _-]?(?:client[ _-]?id|app[ _-]?id)(?:[ _-]here)?|\{+\w+\}+|<[\w -]+>", value)
    if (blank or value.lower() in ("undefined", "null")) and not re.fullmatch(r"<client_id \d+>", value):
        problem = f"client_id: it is {value!r}, a place that was never filled in; it should be {_SHOULD['client_id']}"
        yield Fault("client_id", problem, blank=blank is not None)
    elif value != value.strip():
        yield Fault("client_id", "client_id: it has a blank at its beginning or end")


def _redirect_uri(r: _Request) -> _Faults:
    value = r.value("redirect_uri")
    if not value or _hidden(value) or is_placeholder(value):
        return
    if "#" in value:
        yield Fault(
            "redirect_uri",
            f"redirect_uri: it has a fragment (character {value.index('#') + 1}, {value[value.index('#') :]!r}); a redirect URI has none",
        )
    if not re.match(r"^[A-Za-z][A-Za-z0-9+.-]*:", value):
        yield Fault("redirect_uri", f"redirect_uri: it is {value!r}, which is relative; it should be a whole URI such as https://host/path")
    if re.search(r"%[0-9A-Fa-f]{2}", value) and "://" not in value:
        yield Fault("redirect_uri", f"redirect_uri: it is encoded twice ({value!r} after decoding once); encode it once")
    if (plain := re.match(r"http://(\[[^\]]*\]|[^/:?#]+)", value)) is not None and not is_inner(plain.group(1)):
        yield Fault(
            "redirect-http",
            f"redirect_uri: http on the host {plain.group(1)}; most servers take https only; a proxy that ends TLS makes apps build it so",
        )
    blank = re.search(r"\s", value)
    if blank:
        yield Fault("redirect_uri", f"redirect_uri: it has a blank at character {blank.start() + 1}")


def _response_type(r: _Request) -> _Faults:
    value = r.value("response_type")
    if value and value != "code":
        kind = "response_type:hybrid" if set(value.split()) == {"code", "id_token"} else "response_type"
        yield Fault(kind, f"response_type: it is {value!r}; SMART asks for 'code'")


def _scope(r: _Request) -> _Faults:
    value = r.value("scope")
    if "," in value:
        yield Fault(
            "scope",
            f"scope: the scopes are separated by commas (the first at character {value.index(',') + 1}); separate them by one blank",
        )
    if (strange := re.search(r"[^\x20-\x7e]", value)) is not None:
        name = unicodedata.name(strange.group(), f"U+{ord(strange.group()):04X}")
        yield Fault(
            "scope", f"scope: character {strange.start() + 1} is no plain one ({name}); scopes are ASCII with one blank between two"
        )
    if "+" in value:
        yield Fault(
            "scope",
            f"scope: character {value.index('+') + 1} is '+', sent as %2B, which joins two scopes; a blank belongs there",
        )
        return
    bad = list(scopes.from_parameter(value).of(Kind.ILL_FORMED))
    if bad:
        kind = "scope:dotted" if all(scopes.is_dotted(s) for s in bad) else "scope"
        yield Fault(
            kind,
            f"scope: {' '.join(bad[:5])} is outside SMART's grammar; write patient/Observation.rs (v2) or patient/Observation.read (v1)",
        )
    kinds = {scopes.context_of(s) for s in scopes.from_parameter(value).resources}
    if "system" in kinds and r.value("response_type"):
        yield Fault("scope", "scope: system/ scopes belong to client_credentials, not to an authorization request of a person")


def _launch(r: _Request) -> _Faults:
    asked, given = scopes.from_parameter(r.value("scope")), r.value("launch")
    if given in UNFILLED:
        yield Fault(
            "launch", f"launch: it is {given!r}, a place that was never filled in; it should be the value that came to the launch URI"
        )
    if "launch" in asked and not given:
        yield Fault(
            "launch",
            "launch: it is missing beside the scope launch; it should be the value that came to the launch URI, or leave the scope out",
            lacks=True,
        )
    elif given and asked.items and "launch" not in asked:
        yield Fault("launch", "launch: a launch value is sent without the scope launch; ask for launch as well")
    if given and any(s.startswith("launch/") for s in asked.items):
        yield Fault(
            "launch-mixed",
            "launch: both styles are mixed, a launch value of an EHR launch and launch/... scopes of a standalone launch; keep one",
        )
    if given and not _hidden(given) and (blank := re.search(r"\s", given)):
        yield Fault(
            "launch",
            f"launch: it has a blank at character {blank.start() + 1}, most often a + that was decoded on the way; encode + as %2B",
        )


def _pkce(r: _Request) -> _Faults:
    challenge, method = r.value("code_challenge"), r.value("code_challenge_method")
    if method and method not in ("S256", "plain"):
        should = " (letter case counts)" if method.lower() in _METHODS else ""
        yield Fault("pkce", f"code_challenge_method: it is {method!r}; it should be 'S256'{should}")
    if method == "plain" or (challenge and not method):
        problem = f"code_challenge_method: it is {method or 'missing, which means plain'}; SMART asks for 'S256'"
        yield Fault("pkce:method", problem, lacks=not method)
    if not challenge:
        if method:
            yield Fault("pkce", "code_challenge: it is missing, although a method is named", lacks=True)
        elif r.smart:
            yield Fault("pkce-absent", "code_challenge: it is missing; SMART asks for PKCE with S256", lacks=True)
    elif not _hidden(challenge):
        yield from _challenge(challenge, method)


def _challenge(challenge: str, method: str) -> _Faults:
    odd = re.search(r"[^A-Za-z0-9_.~-]", challenge)
    if challenge.endswith("="):
        yield Fault(
            "pkce",
            f"code_challenge: character {len(challenge.rstrip('=')) + 1} is '=', a padding; base64url of PKCE has none",
        )
    elif odd:
        instead = {"+": "-", "/": "_", " ": "-"}.get(odd.group(0), "a letter of base64url")
        yield Fault(
            "pkce", f"code_challenge: character {odd.start() + 1} is {odd.group(0)!r}; it should be {instead} (base64url, not base64)"
        )
    elif method == "S256" and len(challenge) != 43:
        yield Fault("pkce", f"code_challenge: it has {len(challenge)} characters; a SHA-256 in base64url has 43")


def _state(r: _Request) -> _Faults:
    value = r.value("state")
    if value and not _hidden(value) and len(value) < SHORTEST_STATE:
        yield Fault(
            "state-short", f"state: it has {len(value)} characters; {SHORTEST_STATE} are the least that hold 122 bits of randomness"
        )


def _aud(r: _Request) -> _Faults:
    value = r.value("aud")
    if value and not re.match(r"^https?://", value):
        yield Fault("aud", f"aud: it is {value[:80]!r}; it should be the FHIR base URL with its scheme")
    elif (tail := re.search(r"/(?:metadata|\.well-known/[\w-]+|authorize|token)/?(?:\?.*)?$", value)) is not None:
        yield Fault("aud", f"aud: it ends with {tail.group(0)!r} (character {tail.start() + 1}); it should be the FHIR base URL itself")


def _blanks(r: _Request) -> _Faults:
    for name, value in r.sent:
        if (
            name not in ("scope", "launch", "client_id", "redirect_uri", "code_challenge", "response_type", "prompt")
            and value != value.strip()
        ):
            yield Fault("encoding", f"{name}: it has a blank at its beginning or end")
    try:
        raw = urlsplit(r.url).query
    except ValueError:
        return
    if re.search(r"&amp;", raw):
        yield Fault("encoding", "the parameters are joined by &amp; (HTML) where a URL has &")
    if re.search(r"%25(?:2[0-9A-F]|3[ADF])", raw, re.IGNORECASE) and not re.search(r"error_uri|login_hint", unquote_plus(raw)):
        yield Fault("encoding", "a value is percent-encoded twice (%25 where % was meant)")
