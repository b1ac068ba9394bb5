"""The authorization request (RFC 6749 section 4.1.1 with SMART's parameters), and the launch it may come from."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlencode, urlsplit

from smartlaunch.oauth.pkce import Proof, make_proof

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
        parameters.append(("nonce", secrets.token_urlsafe(48)))
    return AuthorizationRequest(endpoint, tuple(parameters), proof)


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
