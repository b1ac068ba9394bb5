"""Keys that no library likes: what is wrong with them is the server's, never an error of ours."""

from __future__ import annotations

import base64
import json
import warnings
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from smartlaunch.oauth.id_token import verify


def _header(algorithm: str) -> str:
    return base64.urlsafe_b64encode(json.dumps({"alg": algorithm, "kid": "1"}).encode()).decode().rstrip("=")


def test_a_short_key_verifies_and_its_size_is_judged_elsewhere() -> None:
    private = rsa.generate_private_key(65537, 1024)
    public = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key())), "kid": "1"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        token = jwt.encode({"iss": "https://ehr.example"}, private, "RS256", headers={"kid": "1"})
    assert verify(token, [public]).signature_problem == ""
    assert verify(token[:-8] + "AAAAAAAA", [public]).signature_problem


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("ES256", {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA"}),
        ("ES256", {"kty": "EC", "crv": ["P-256"], "x": 3, "y": None}),
        ("EdDSA", {"kty": "OKP", "crv": "X448", "x": "AA"}),
        ("RS256", {"kty": "RSA", "n": "AA", "e": "AA"}),
        ("RS256", {"kty": "RSA", "n": 5, "e": []}),
        ("RS256", {"kty": "RSA"}),
    ],
)
def test_keys_that_are_none(algorithm: str, key: dict[str, Any]) -> None:
    assert verify(f"{_header(algorithm)}.e30.AAAA", [{**key, "kid": "1"}]).signature_problem
