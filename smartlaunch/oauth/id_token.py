"""Reading and verifying an ID Token with PyJWT; what is wrong comes back as words, never as an exception."""

from __future__ import annotations

import base64
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from jwt.warnings import InsecureKeyLengthWarning

from smartlaunch.oauth.client_authentication import public_part

LEEWAY_S = 60


@dataclass(frozen=True)
class IdToken:
    """A decoded ID Token. ``problem`` says why it cannot be decoded; ``signature_problem`` why its signature does not hold."""

    header: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    signature_problem: str = ""

    @property
    def algorithm(self) -> str:
        """The ``alg`` of the header, or an empty string."""
        value = self.header.get("alg")
        return value if isinstance(value, str) else ""


def decode(token: str) -> IdToken:
    """Header and claims without any verification."""
    parts = token.split(".")
    if len(parts) != 3:
        return IdToken(problem=f"it has {len(parts)} parts where a signed JWT has three")
    try:
        header, claims = (json.loads(_b64(part)) for part in parts[:2])
    except ValueError:
        return IdToken(problem="its header or payload is not base64url-encoded JSON")
    if not isinstance(header, dict) or not isinstance(claims, dict):
        return IdToken(problem="its header or payload is not a JSON object")
    return IdToken(header, claims)


def verify(token: str, keys: Sequence[dict[str, Any]]) -> IdToken:
    """Decode and check the signature against a JWK Set (OpenID Connect Core section 3.1.3.7; the claims are judged by checks).

    With a ``kid`` only that key counts; without one every key of the right type is tried.
    """
    decoded = decode(token)
    if decoded.problem:
        return decoded
    algorithm = decoded.algorithm
    if algorithm in ("", "none"):
        return IdToken(decoded.header, decoded.claims, signature_problem="it is not signed")
    if algorithm.startswith("HS"):
        return IdToken(
            decoded.header, decoded.claims, signature_problem=f"it is signed with {algorithm}, which no published key can verify"
        )
    kid = decoded.header.get("kid")
    candidates = [k for k in keys if k.get("kid") == kid] or [k for k in keys if "kid" not in k] if kid is not None else list(keys)
    kind = "EC" if algorithm.startswith("ES") else "OKP" if algorithm == "EdDSA" else "RSA"
    candidates = [k for k in candidates if k.get("kty") == kind]
    if not candidates:
        named = f"with kid {kid!r} " if kid is not None else ""
        return IdToken(decoded.header, decoded.claims, signature_problem=f"the JWK Set has no {kind} key {named}that could verify it")
    last = ""
    for key in candidates:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", InsecureKeyLengthWarning)  # a rule of its own judges the size of keys
                _verify(token, key, algorithm)
        except jwt.PyJWTError as exc:
            last = str(exc)
        except (ValueError, TypeError, KeyError, UnsupportedAlgorithm) as exc:
            last = f"the key is malformed ({exc})"
        else:
            return decoded
    return IdToken(decoded.header, decoded.claims, signature_problem=last or "no key verifies it")


def _verify(token: str, key: Mapping[str, Any], algorithm: str) -> None:
    """Verify the signature and nothing else; raises what the library makes of the key or the signature."""
    unasked: Any = {f"verify_{name}": False for name in ("aud", "exp", "iat", "nbf", "iss", "sub", "jti")}
    public = jwt.PyJWK(public_part(key), algorithm).key
    jwt.decode(token, public, algorithms=[algorithm], options=unasked)


def _b64(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
