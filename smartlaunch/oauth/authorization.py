"""The authorization request (RFC 6749 section 4.1.1 with SMART's parameters) and what the browser came back with."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from smartlaunch.oauth.pkce import Proof, make_proof

if TYPE_CHECKING:
    from smartlaunch.browser import Landing

Parameters = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class AuthorizationRequest:
    """One authorization request; ``parameters`` keep their order and may repeat."""

    endpoint: str
    parameters: Parameters
    proof: Proof
    method: str = "GET"

    def get(self, name: str) -> str:
        """The first value of a parameter, or an empty string."""
        return next((value for key, value in self.parameters if key == name), "")

    def having(self, **changes: str | None) -> AuthorizationRequest:
        """The request with parameters set; None leaves one out. Order is kept, new ones come last."""
        kept = [(k, changes.get(k, v)) for k, v in self.parameters]
        new = [(k, v) for k, v in changes.items() if k not in dict(self.parameters)]
        return replace(self, parameters=tuple((k, v) for k, v in kept + new if v is not None))

    def repeating(self, name: str, value: str) -> AuthorizationRequest:
        """The request with a parameter sent once more."""
        return replace(self, parameters=(*self.parameters, (name, value)))

    def preceding(self, name: str, value: str) -> AuthorizationRequest:
        """The request with a parameter sent once more, before its own."""
        return replace(self, parameters=((name, value), *self.parameters))

    def by(self, method: str) -> AuthorizationRequest:
        """The request with another HTTP method."""
        return replace(self, method=method)

    @property
    def url(self) -> str:
        """The address to open: with the parameters for GET, the bare endpoint for POST."""
        if self.method != "GET":
            return self.endpoint
        joint = "&" if urlsplit(self.endpoint).query else "?"
        return f"{self.endpoint}{joint}{urlencode(self.parameters, quote_via=quote)}"

    @property
    def state(self) -> str:
        """The ``state`` sent."""
        return self.get("state")

    @property
    def redirect_uri(self) -> str:
        """The ``redirect_uri`` sent."""
        return self.get("redirect_uri")

    @property
    def scopes(self) -> list[str]:
        """The scopes asked for."""
        return self.get("scope").split()


def make_request(
    endpoint: str, *, client_id: str, redirect_uri: str, scope: str, aud: str, launch: str = "", nonce: bool = True
) -> AuthorizationRequest:
    """A right request with a fresh state (256 bits), nonce and S256 proof."""
    proof = make_proof()
    parameters = [
        ("response_type", "code"),
        ("client_id", client_id),
        ("redirect_uri", redirect_uri),
        ("scope", scope),
        ("state", secrets.token_urlsafe(32)),
        ("aud", aud),
        ("code_challenge", proof.code_challenge),
        ("code_challenge_method", "S256"),
    ]
    if launch:
        parameters.append(("launch", launch))
    if nonce and "openid" in scope.split():
        parameters.append(("nonce", secrets.token_urlsafe(24)))
    return AuthorizationRequest(endpoint, tuple(parameters), proof)


@dataclass(frozen=True)
class AuthorizationAnswer:
    """What became of an authorization request in the browser.

    ``landing`` says where the browser ended; ``exchanges`` are the ids of all that went over the wire for it.
    """

    request: AuthorizationRequest
    landing: Landing
    exchanges: tuple[str, ...] = ()
    obtained_at: float = 0.0

    def get(self, name: str) -> str:
        """The first value of a response parameter, or an empty string."""
        return next((value for key, value in self.landing.params if key == name), "")

    @property
    def arrived(self) -> bool:
        """Whether the browser came exactly to one of the addresses the app watches."""
        return self.landing.caught

    @property
    def code(self) -> str:
        """The authorization code, or an empty string."""
        return self.get("code") if self.arrived else ""

    @property
    def error(self) -> str:
        """The error code of an error redirect, or an empty string."""
        return self.get("error") if self.arrived else ""

    @property
    def exchange(self) -> str:
        """The id of the last exchange, the one that shows the answer."""
        return self.exchanges[-1] if self.exchanges else ""

    @property
    def chose_patient(self) -> bool:
        """Whether a page let the user choose the patient on the way."""
        return any("patient" in step.lower() and "chose" in step.lower() for step in self.landing.steps)

    def describe(self) -> str:
        """One sentence on where the browser ended, free of secrets but for values the judge scrubs."""
        landing = self.landing
        if landing.kind == "caught" and not landing.caught:
            return f"the browser was sent to {landing.url.split('?')[0].split('#')[0]}, which is not the redirect URI"
        if landing.kind == "caught":
            if self.code:
                return "the browser came back with an authorization code"
            if self.error:
                return f"the browser came back with error={self.error}" + (
                    f" ({self.get('error_description')})" if self.get("error_description") else ""
                )
            names = ", ".join(sorted({k for k, _ in landing.params})) or "no parameters"
            return f"the browser came back with neither code nor error ({names})"
        page = f" (status {landing.status}, title {landing.title!r})" if landing.title or landing.status else ""
        words = {
            "error-page": "the authorization server showed an error page",
            "no-way-on": "the authorization server showed a page with no way on",
            "timeout": "the login did not end within its limit",
            "unreachable": "the browser got no answer",
        }
        return words.get(landing.kind, landing.kind) + page


@dataclass(frozen=True)
class Launch:
    """What an EHR hands to the app: ``iss`` and ``launch``, with the context the EHR is known to have open."""

    iss: str
    launch: str
    patient: str = ""
    encounter: str = ""
    user: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    exchanges: tuple[str, ...] = field(default=())
    pasted: bool = False
    """A person put it in the target file, so it may be spent or too old."""


def digest(value: str) -> str:
    """A short fingerprint by which two secret values can be told apart without showing them."""
    return base64.urlsafe_b64encode(hashlib.sha256(value.encode()).digest())[:8].decode()
