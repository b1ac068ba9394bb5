"""A key pair for an app that authenticates by assertion: one ES384 and one RS384 key, since a server may take only one of the two."""

from __future__ import annotations

import json
import secrets
from typing import Any

_RSA_BITS = 3072


def make_jwks() -> tuple[dict[str, Any], dict[str, Any]]:
    """A private and the public JWK Set that belongs to it."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from jwt.algorithms import ECAlgorithm, RSAAlgorithm

    pairs = (
        ("ES384", json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1())))),
        ("RS384", json.loads(RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, _RSA_BITS)))),
    )
    private = [{"alg": alg, "use": "sig", "kid": secrets.token_hex(8), **_without_operations(key)} for alg, key in pairs]
    return {"keys": private}, {"keys": [_public(key) for key in private]}


def _without_operations(key: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in key.items() if name != "key_ops"}


def _public(key: dict[str, Any]) -> dict[str, Any]:
    return {name: key[name] for name in ("kty", "crv", "x", "y", "n", "e", "alg", "use", "kid") if name in key}
