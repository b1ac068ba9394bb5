"""Key pairs of the authorization server and of the registered apps.

Making an RSA key takes a noticeable part of a start, so one process makes each key once and every server it starts shares it.
"""

from __future__ import annotations

import itertools
import warnings
from functools import cache
from typing import Any

from joserfc.jwk import ECKey, RSAKey

_RSA_BITS = 2048


@cache
def rsa_key(purpose: str, bits: int = _RSA_BITS, alg: str = "RS256") -> RSAKey:
    """Return the process's RSA key for a purpose; the purpose becomes its key id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a defect wants a key that joserfc warns of
        return RSAKey.generate_key(bits, {"kid": purpose, "use": "sig", "alg": alg}, private=True, auto_kid=False)


@cache
def ec_key(purpose: str, curve: str = "P-384", alg: str = "ES384") -> ECKey:
    """Return the process's elliptic curve key for a purpose."""
    return ECKey.generate_key(curve, {"kid": purpose, "use": "sig", "alg": alg}, private=True, auto_kid=False)


def client_key_set(*algorithms: str) -> dict[str, Any]:
    """Return a developer's private JWK Set with one key for each algorithm."""
    made = [rsa_key("app-rs384", alg="RS384").as_dict(private=True) if name == "RS384" else _fresh_ec() for name in algorithms]
    return {"keys": [dict(key) | {"key_ops": ["sign"]} for key in made]}


_numbers = itertools.count(1)


def _fresh_ec() -> dict[str, Any]:
    return dict(ec_key(f"app-es384-{next(_numbers)}").as_dict(private=True))


def public_key_set(private: dict[str, Any]) -> dict[str, Any]:
    """Return the half of a JWK Set that a developer registers."""
    secret_members = {"d", "p", "q", "dp", "dq", "qi", "oth"}
    return {"keys": [{k: v for k, v in key.items() if k not in secret_members} | {"key_ops": ["verify"]} for key in private["keys"]]}
