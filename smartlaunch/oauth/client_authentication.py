"""How a client proves who it is at the token endpoint (RFC 6749 section 2.3, RFC 7523, SMART client authentication)."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import quote_plus

import jwt
from jwt.algorithms import get_default_algorithms

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFETIME_S = 240
"""Seconds until an assertion expires: below the five minutes the guide allows, with room for a slow clock."""


@dataclass(frozen=True)
class Credentials:
    """What goes with a token request: headers and form parameters."""

    headers: tuple[tuple[str, str], ...] = ()
    form: tuple[tuple[str, str], ...] = ()


def none(client_id: str) -> Credentials:
    """A public client: its ``client_id`` in the form."""
    return Credentials(form=(("client_id", client_id),))


def basic(client_id: str, client_secret: str) -> Credentials:
    """``client_secret_basic``: both parts form-encoded first, then base64 (RFC 6749 section 2.3.1)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    return Credentials(headers=(("Authorization", "Basic " + base64.b64encode(pair.encode()).decode()),))


def post(client_id: str, client_secret: str) -> Credentials:
    """``client_secret_post``: both in the form."""
    return Credentials(form=(("client_id", client_id), ("client_secret", client_secret)))


@dataclass(frozen=True)
class Assertion:
    """A client assertion before it is signed: change what a negative needs, then ``credentials()``.

    ``claims`` and ``header`` of None leave a member out.
    """

    key: Mapping[str, Any]
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS384"
    assertion_type: str | None = ASSERTION_TYPE
    client_id: str | None = None

    def having(self, claims: Mapping[str, Any] | None = None, header: Mapping[str, Any] | None = None, **changes: Any) -> Assertion:
        """A copy with claims, header members or fields changed."""
        from dataclasses import replace

        return replace(self, claims={**self.claims, **(claims or {})}, header={**self.header, **(header or {})}, **changes)

    def sign(self) -> str:
        """The compact JWT."""
        claims = {k: v for k, v in self.claims.items() if v is not None}
        header = {k: v for k, v in {"typ": "JWT", **self.header}.items() if v is not None}
        return encode(header, claims, self.key, self.algorithm)

    def credentials(self, signed: str | None = None) -> Credentials:
        """The form parameters that carry the assertion."""
        form: list[tuple[str, str]] = []
        if self.client_id is not None:
            form.append(("client_id", self.client_id))
        if self.assertion_type is not None:
            form.append(("client_assertion_type", self.assertion_type))
        form.append(("client_assertion", signed if signed is not None else self.sign()))
        return Credentials(form=tuple(form))


def make_assertion(client_id: str, token_endpoint: str, key: Mapping[str, Any], *, jwks_uri: str = "") -> Assertion:
    """A right assertion as the guide lays down: iss and sub the client, aud the token endpoint, fresh jti, exp in four minutes."""
    now = int(time.time())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": token_endpoint,
        "iat": now,
        "exp": now + LIFETIME_S,
        "jti": secrets.token_urlsafe(24),
    }
    header = {"kid": key.get("kid")}
    if jwks_uri:
        header["jku"] = jwks_uri
    return Assertion(key, claims, header, algorithm_of(key))


def algorithm_of(key: Mapping[str, Any]) -> str:
    """The algorithm of a JWK: its ``alg``, else RS384 for RSA and ES384 for P-384."""
    if key.get("alg"):
        return str(key["alg"])
    return {"RSA": "RS384", "EC": {"P-256": "ES256", "P-521": "ES512"}.get(str(key.get("crv")), "ES384")}.get(str(key.get("kty")), "RS384")


def encode(header: Mapping[str, Any], claims: Mapping[str, Any], key: Mapping[str, Any] | bytes, algorithm: str) -> str:
    """A compact JWT with exactly this header and these claims; ``algorithm`` may be ``none`` and is what really signs."""
    head = {"alg": algorithm, **header}
    signing_input = f"{_b64(json.dumps(head).encode())}.{_b64(json.dumps(claims).encode())}"
    if algorithm == "none":
        return signing_input + "."
    engine = get_default_algorithms()[algorithm]
    if isinstance(key, bytes):
        import hashlib
        import hmac

        name = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}[algorithm]
        return f"{signing_input}.{_b64(hmac.new(key, signing_input.encode(), name).digest())}"
    return f"{signing_input}.{_b64(engine.sign(signing_input.encode(), _prepared(json.dumps({**key, 'alg': algorithm}), algorithm)))}"


@lru_cache(maxsize=64)
def _prepared(jwk: str, algorithm: str) -> Any:
    """The key object of a JWK; reading an RSA key takes longer than signing with it."""
    return jwt.PyJWK(json.loads(jwk), algorithm).key


def new_key(algorithm: str = "RS384") -> dict[str, Any]:
    """A fresh private JWK of the algorithm's type, with a ``kid``."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    engine = get_default_algorithms()[algorithm]
    private: Any = (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        if algorithm.startswith(("RS", "PS"))
        else ec.generate_private_key({"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1()}[algorithm])
    )
    jwk: dict[str, Any] = engine.to_jwk(private, as_dict=True)
    jwk.pop("key_ops", None)
    return {**jwk, "kid": secrets.token_hex(8), "alg": algorithm, "use": "sig"}


def certificate(jwk: Mapping[str, Any]) -> str:
    """A certificate that a key has made for itself, as it stands in ``x5c`` (RFC 7515 section 4.1.6)."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA384
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    key: Any = _prepared(json.dumps(dict(jwk)), algorithm_of(jwk))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "smart-launch-conformance")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(hours=1), now + timedelta(hours=1))
    return base64.b64encode(made.sign(key, SHA384()).public_bytes(Encoding.DER)).decode()


def public_part(jwk: Mapping[str, Any]) -> dict[str, Any]:
    """A JWK without its private members (RFC 7518 sections 6.2.2 and 6.3.2).

    ``key_ops`` goes too: those of the private key say "sign", and a server rightly refuses a public key that is not for verifying.
    """
    return {k: v for k, v in jwk.items() if k not in {"d", "p", "q", "dp", "dq", "qi", "oth", "k", "key_ops"}}


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
