"""Requests with one thing wrong, by the words that features use for them.

Each variation changes a right request in exactly one place, so that a refusal proves that this place was looked at.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, urlsplit, urlunsplit

from smartlaunch.client.app import App
from smartlaunch.client.authorization import AuthorizationAnswer, require_settled
from smartlaunch.client.grant import Attempt
from smartlaunch.errors import NotApplicable
from smartlaunch.exchange import Exchange
from smartlaunch.fhir import describe
from smartlaunch.oauth import pkce
from smartlaunch.oauth.authorization import AuthorizationRequest
from smartlaunch.oauth.token import TokenAnswer
from smartlaunch.target import is_loopback

Variation = Callable[[AuthorizationRequest], AuthorizationRequest]

RESERVED_STATE = "a+b c/d=e&f?g#h%25i;j:k,l~m.n_o-p@q!r$s'(t)*"
"""Every character that is reserved or easily decoded twice (RFC 3986 section 2.2), in one state."""


MARKUP = '"><img src=x onerror=smartlaunch_probe>'
"""Markup that would be live on a page that returns it unescaped."""


def _proof(request: AuthorizationRequest, proof: pkce.Proof, **changes: str | None) -> AuthorizationRequest:
    return replace(request.having(code_challenge=proof.code_challenge, **changes), proof=proof)


def _plain(request: AuthorizationRequest, method: str | None) -> AuthorizationRequest:
    verifier = request.proof.code_verifier
    return _proof(request, pkce.Proof(verifier, verifier), code_challenge_method=method)


RIGHT: dict[str, Variation] = {
    "a code verifier of 43 characters": lambda r: _proof(r, pkce.make_proof(43)),
    "a code verifier of 128 characters": lambda r: _proof(r, pkce.make_proof(128)),
    "a code verifier of all legal characters": lambda r: _proof(r, pkce.make_proof_of_all_characters()),
    "a state of reserved characters": lambda r: r.having(state=RESERVED_STATE),
    "a state of 256 characters": lambda r: r.having(state=(r.state * 8)[:256]),
    "a state with percent signs": lambda r: r.having(state="%41%2B%20" + r.state),
    "a parameter it does not know": lambda r: r.having(x_unknown_parameter="x"),
    "an unknown parameter without a value": lambda r: r.having(x_unknown_parameter=""),
    "POST": lambda r: r.by("POST"),
    "GET": lambda r: r,
}
"""Unusual requests that are right and must succeed."""

PKCE_AT_AUTHORIZE: dict[str, Variation] = {
    "the method plain": lambda r: _plain(r, "plain"),
    "a plain challenge and no method": lambda r: _plain(r, None),
    "the method plain in capitals": lambda r: _plain(r, "PLAIN"),
    "no challenge": lambda r: r.having(code_challenge=None, code_challenge_method=None),
    "an empty challenge": lambda r: r.having(code_challenge=""),
    "a method and no challenge": lambda r: r.having(code_challenge=None),
    "a code verifier of 42 characters": lambda r: _proof(r, pkce.short_proof(42)),
    "a challenge in other case": lambda r: r.having(code_challenge=_swapcase(r.proof.code_challenge)),
    "a challenge with another end": lambda r: r.having(code_challenge=r.proof.code_challenge[:20] + pkce.make_proof().code_challenge[20:]),
    "an unknown method": lambda r: r.having(code_challenge_method="S512"),
}

AUD: dict[str, Variation] = {
    "another host": lambda r: r.having(aud="https://fhir.other-organization.example/r4"),
    "another path": lambda r: r.having(aud=r.get("aud").rstrip("/") + "-of-another-tenant"),
    "another port": lambda r: r.having(aud=_with_port(r.get("aud"))),
    "this host as a prefix": lambda r: r.having(aud=_with_host_suffix(r.get("aud"), ".evil.example")),
}

RESPONSE_TYPES: dict[str, Variation] = {
    "no response_type": lambda r: r.having(response_type=None),
    "an unknown response_type": lambda r: r.having(response_type="cod"),
    "the response_type token": lambda r: r.having(response_type="token"),
    "an empty response_type": lambda r: r.having(response_type=""),
}

CLIENTS: dict[str, Variation] = {
    "an unknown client_id": lambda r: r.having(client_id=r.get("client_id") + "-nobody"),
    "no client_id": lambda r: r.having(client_id=None),
    "an empty client_id": lambda r: r.having(client_id=""),
    "a client_id that holds markup": lambda r: r.having(client_id=MARKUP),
    "a redirect_uri that holds markup": lambda r: r.having(redirect_uri=r.redirect_uri + MARKUP),
    "a response_type that holds markup": lambda r: r.having(response_type="code" + MARKUP),
    "the client_id in other case": lambda r: r.having(client_id=_swapcase(r.get("client_id"))),
}

DOUBLED = ("response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method", "aud")


def doubled(name: str) -> Variation:
    """The parameter sent a second time with another value of the same form."""
    others = {
        "response_type": "token",
        "client_id": "another-client",
        "redirect_uri": "https://collector.example/redirect",
        "scope": "openid",
        "state": "another-state-another-state-another-state",
        "code_challenge": "A" * 43,
        "code_challenge_method": "plain",
        "aud": "https://fhir.other-organization.example/r4",
    }
    return lambda request: request.repeating(name, others[name])


def redirect_uri(label: str, registered: str) -> str:
    """A redirect URI that is close to a registered one but was never registered.

    ``NotApplicable`` where the registered URI has no such neighbour (a custom scheme has no port) or where the neighbour is permitted
    (another port on loopback, RFC 8252 section 7.3).
    """
    parts = urlsplit(registered)
    web = parts.scheme in ("http", "https")
    loopback = is_loopback(parts.hostname or "")
    if not web and label not in (
        "a path below it",
        "a longer path",
        "upper case in its path",
        "a query added",
        "another site",
        "a trailing slash",
    ):
        raise NotApplicable("the registered redirect URI has a custom scheme, which has no such neighbour")
    host, path = parts.netloc, parts.path
    if label == "another port" and loopback:
        raise NotApplicable("any port is permitted for a redirect URI on loopback (RFC 8252 section 7.3)")
    if label == "upper case in its path" and path.upper() == path:
        raise NotApplicable("the registered redirect URI has no path with lower case letters")
    if label == "the parent path" and path.strip("/").count("/") < 1 and path in ("", "/"):
        raise NotApplicable("the registered redirect URI has no path to go up from")
    if label in ("a domain that begins with it", "a subdomain of it", "its host as user information") and loopback:
        raise NotApplicable("the registered redirect URI is on loopback")
    bare = parts.hostname or ""
    with_port = f":{parts.port}" if parts.port else ""
    built = {
        "another site": "https://collector.example/redirect",
        "a path below it": urlunsplit(parts._replace(path=path.rstrip("/") + "/more")),
        "a longer path": urlunsplit(parts._replace(path=path.rstrip("/") + "2")),
        "the parent path": urlunsplit(parts._replace(path=path.rstrip("/").rsplit("/", 1)[0] or "/")),
        "a path that climbs": urlunsplit(parts._replace(path=path.rstrip("/") + "/../other")),
        "an encoded path that climbs": urlunsplit(parts._replace(path=path.rstrip("/") + "/%2e%2e/other")),
        "upper case in its path": urlunsplit(parts._replace(path=path.upper())),
        "a trailing slash": urlunsplit(parts._replace(path=path.rstrip("/") if path.endswith("/") and len(path) > 1 else path + "/")),
        "a query added": urlunsplit(parts._replace(query=(parts.query + "&" if parts.query else "") + "next=https://collector.example/")),
        "a fragment added": registered + "#collector",
        "another port": urlunsplit(parts._replace(netloc=f"{bare}:{(parts.port or 443) + 1}")),
        "the other scheme": urlunsplit(parts._replace(scheme="http" if parts.scheme == "https" else "https")),
        "a domain that begins with it": urlunsplit(parts._replace(netloc=f"{bare}.collector.example{with_port}")),
        "a subdomain of it": urlunsplit(parts._replace(netloc=f"collector.{host}")),
        "its host as user information": urlunsplit(parts._replace(netloc=f"{bare}{with_port}@collector.example")),
        "a domain that ends with it": urlunsplit(parts._replace(netloc=f"collector{host}")),
        "a newline at its end": registered + "%0d%0aX-Injected:1",
    }
    return built[label]


REDIRECT_LABELS = (
    "another site",
    "a path below it",
    "a longer path",
    "the parent path",
    "a path that climbs",
    "an encoded path that climbs",
    "upper case in its path",
    "a trailing slash",
    "a query added",
    "a fragment added",
    "another port",
    "the other scheme",
    "a domain that begins with it",
    "a subdomain of it",
    "its host as user information",
    "a domain that ends with it",
    "a newline at its end",
)


def right(label: str) -> Variation:
    """A permitted variation by its words."""
    return RIGHT[label]


def wrong(label: str) -> Variation:
    """A variation with one fault by its words."""
    for table in (PKCE_AT_AUTHORIZE, AUD, RESPONSE_TYPES, CLIENTS):
        if label in table:
            return table[label]
    if label.startswith("a second "):
        return doubled(label.removeprefix("a second "))
    if label == "an earlier redirect_uri":
        return lambda r: r.preceding("redirect_uri", "https://collector.example/redirect")
    raise KeyError(label)


def verifier(label: str, proof: pkce.Proof) -> str | None:
    """A code verifier that must not redeem the code, by its words; None leaves it out."""
    right_one = proof.code_verifier
    table: dict[str, str | None] = {
        "no code verifier": None,
        "an empty code verifier": "",
        "another code verifier": pkce.make_proof().code_verifier,
        "an altered code verifier": pkce.altered(right_one),
        "a code verifier cut short": right_one[:-1],
        "a code verifier with one character more": right_one + "A",
        "a code verifier in other case": _swapcase(right_one),
        "the code challenge as code verifier": proof.code_challenge,
        "a code verifier with a space at its end": right_one + " ",
    }
    return table[label]


def _swapcase(value: str) -> str:
    changed = value.swapcase()
    return changed if changed != value else value + "x"


def _with_port(url: str) -> str:
    parts = urlsplit(url)
    port = (parts.port or (443 if parts.scheme == "https" else 80)) + 1
    return urlunsplit(parts._replace(netloc=f"{parts.hostname}:{port}"))


def _with_host_suffix(url: str, suffix: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.hostname}{suffix}" + (f":{parts.port}" if parts.port else "")))


def legal_error_characters(value: str, *, code: bool = False) -> bool:
    """Whether ``error`` or ``error_description`` keeps to %x20-21 / %x23-5B / %x5D-7E (RFC 6749 section 4.1.2.1)."""
    allowed = {chr(c) for c in range(0x20, 0x7F)} - {'"', "\\"}
    return bool(value) and set(value) <= (allowed - set(string.whitespace.replace(" ", "")) if not code else allowed)


def encoded(value: str) -> str:
    """A value percent-encoded in full, for requests that put it into a path or query by hand."""
    return quote(value, safe="")


# -- put to the server ------------------------------------------------------------------------------------------------------


def vary(app: App, label: str) -> Attempt:
    """The right flow with an unusual but permitted request, as far as it goes; the usual one has to succeed first."""

    def make() -> Attempt:
        app.grant()
        return app.attempt(change=right(label))

    return app.once(f"authorize {label}", make)


def ask(app: App, fault: Variation, *, catch: Sequence[str] = ()) -> AuthorizationAnswer:
    """A request with one fault, put to the server once the right one has succeeded."""
    app.grant()
    return app.authorize(fault(app.prepare()), catch=catch)


def ask_wrong(app: App, label: str) -> AuthorizationAnswer:
    """A request with the fault that the words name."""
    return app.once(f"authorize {label}", lambda: ask(app, wrong(label)))


def ask_wrong_redirect(app: App, label: str) -> AuthorizationAnswer:
    """A request whose redirect URI is not a registered one, watched for at that address."""
    another = label == "the address of another app"
    uri = app.client.redirect_uri
    forged = app.engine.target.redirect_uri_of_another(app.client) if another else redirect_uri(label, uri)
    return app.once(f"redirect {label}", lambda: ask(app, lambda r: r.having(redirect_uri=forged), catch=[forged.split("#")[0]]))


def ask_open_redirector(app: App, label: str) -> AuthorizationAnswer:
    """A request with a fault that also names the redirect URI of another site, watched for at that site."""
    forged = "https://collector.example/redirect"
    return ask(app, lambda r: wrong(label)(r.having(redirect_uri=forged)), catch=[forged])


def denied(app: App) -> AuthorizationAnswer:
    """A right request that the user refuses at the consent page; ``NotApplicable`` when no such page is shown."""
    return app.once("denial", lambda: _denied(app))


def _denied(app: App) -> AuthorizationAnswer:
    app.grant()
    answer = app.authorize(app.prepare(), consent="deny", session=f"{app.client.name}-denial")
    if answer.code and not answer.landing.denied:
        raise NotApplicable("the server asked for no consent, so there was nothing to deny")
    if not answer.arrived and not answer.landing.denied:
        require_settled(answer)
    return answer


def signed_in_by_nobody(app: App) -> AuthorizationAnswer:
    """A right request in a browser without any session, whose user has no credentials to give."""
    app.grant()
    return app.engine.authorize_as_nobody(app.prepare(), catch=[app.client.redirect_uri])


# -- how far does it go -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EndState:
    """How far a flow went that should have been refused: ``refused`` < ``code`` < ``token`` < ``data``."""

    stage: str
    authorization: AuthorizationAnswer
    token: TokenAnswer | None = None
    read: Exchange | None = None

    def describe(self) -> str:
        """One sentence on the furthest step reached."""
        if self.read is not None:
            return f"an access token was issued and the FHIR server answered it with {describe(self.read.answer, self.read.error)}"
        if self.token is not None:
            return f"{self.authorization.describe()}; the token endpoint answered: {self.token.describe()}"
        return self.authorization.describe()

    @property
    def exchange(self) -> str:
        """The exchange that shows the furthest step."""
        if self.read is not None:
            return self.read.id
        return self.token.exchange.id if self.token is not None else self.authorization.exchange


def pursue(app: App, answer: AuthorizationAnswer, **changes: str | None) -> EndState:
    """Go on from an answer that should have been a refusal as far as the server lets the app."""
    if not answer.code:
        return EndState("refused", answer)
    token = app.token_request(app.code_form(answer, **changes))
    if not token.succeeded:
        return EndState("code", answer, token)
    read = app.probe(token)
    return EndState("data" if 200 <= read.answer.status < 300 else "token", answer, token, read)
