"""What the embedded EHR holds of an app and of a person."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Client:
    """A registered app.

    ``role`` and ``use`` are the words of the target file.  ``auth_methods`` are the token endpoint's names for how the client
    authenticates; ``none`` for a public client.  ``private_jwks`` is the developer's half, kept here only so that a target
    file can be written.
    """

    client_id: str
    name: str
    role: str
    use: str = "primary"
    launch_uri: str | None = None
    redirect_uris: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    grant_types: tuple[str, ...] = ("authorization_code", "refresh_token")
    auth_methods: tuple[str, ...] = ("none",)
    secret: str | None = None
    jwks: dict[str, Any] | None = None
    jwks_uri: str | None = None
    private_jwks: dict[str, Any] | None = None
    code_lifetime_s: float | None = None
    token_lifetime_s: float | None = None
    post_logout_uris: tuple[str, ...] = ()

    @property
    def public(self) -> bool:
        """Say whether the client has no credentials."""
        return self.auth_methods == ("none",)


@dataclass(frozen=True)
class User:
    """Someone who can sign in; ``rights`` are the letters of the interactions the EHR lets them delegate."""

    username: str
    password: str
    display: str
    fhir_user: str | None
    persona: str
    patients: tuple[str, ...]
    rights: str = "cruds"
    subject: str = field(default_factory=lambda: secrets.token_hex(12))
