"""How a client authenticates: the right credentials of one registration at each endpoint (RFC 6749 section 2.3, RFC 7523)."""

from __future__ import annotations

from smartlaunch.client.engine import Engine
from smartlaunch.client.keys import Keys
from smartlaunch.errors import NotApplicable
from smartlaunch.oauth import client_authentication as authentication
from smartlaunch.oauth.client_authentication import Credentials
from smartlaunch.target import Client


class Authentication:
    """The right client authentication of one registration."""

    def __init__(self, engine: Engine, client: Client, keys: Keys) -> None:
        self.engine, self.client, self.keys = engine, client, keys

    def credentials_at(self, endpoint: str) -> Credentials:
        """The right credentials at another endpoint than the token endpoint, by a method that the metadata name for it.

        ``NotApplicable`` where they name none that this client can use: the endpoint is for other clients then.
        """
        methods = self.engine.discovery.listed(f"{endpoint}_endpoint_auth_methods_supported")
        secret = self.client.client_secret
        own = self.client.token_endpoint_auth_method
        if not methods or own in methods:
            return self.credentials()
        if self.client.role == "public" and "none" in methods:
            return self.credentials()
        if secret is not None:
            for name, make in (("client_secret_basic", authentication.basic), ("client_secret_post", authentication.post)):
                if name in methods:
                    return make(self.client.client_id, secret.reveal())
        if self.client.role in ("confidential-asymmetric", "backend") and "private_key_jwt" in methods:
            return self.credentials()
        raise NotApplicable(f"the {endpoint} endpoint takes {', '.join(methods)}, by none of which this client authenticates")

    def credentials(self) -> Credentials:
        """The right credentials of this client for one token request."""
        role, secret = self.client.role, self.client.client_secret
        if role == "public":
            return authentication.none(self.client.client_id)
        if role in ("confidential-symmetric", "resource-server") and secret is not None:
            make = authentication.post if self.secret_method == "client_secret_post" else authentication.basic
            return make(self.client.client_id, secret.reveal())
        return self.assertion().credentials()

    @property
    def secret_method(self) -> str:
        """How this client sends its secret: as the target file says, as was learned, else as the metadata say, by Basic if they do not."""
        known = self.client.token_endpoint_auth_method or self.engine.secret_methods.get(self.client.name, "")
        if known:
            return known
        listed = self.engine.discovery.listed("token_endpoint_auth_methods_supported")
        return "client_secret_post" if "client_secret_post" in listed and "client_secret_basic" not in listed else "client_secret_basic"

    @property
    def secret_method_is_open(self) -> bool:
        """Whether nobody has said yet how this client sends its secret, so that the other way may be the right one."""
        client = self.client
        return (
            client.role == "confidential-symmetric"
            and not client.token_endpoint_auth_method
            and client.name not in self.engine.secret_methods
        )

    def assertion(self, algorithm: str = "") -> authentication.Assertion:
        """A right client assertion, with the key of the given algorithm or the one the server says it verifies."""
        self.keys.serve(self.client)
        return authentication.make_assertion(
            self.client.client_id,
            self.engine.discovery.url("token_endpoint"),
            self.keys.signing_key(self.client, algorithm),
            jwks_uri=self.client.jwks_uri or "",
        )
