"""Each check on a JWK Set passes public keys and names exactly what is wrong with others, without showing key material."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from smartlaunch.checks import jwks as checks
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response

REQ = "OIDC-Core-10.1-b"
MODULUS = base64.urlsafe_b64encode(b"\x80" + b"\x01" * 255).decode().rstrip("=")
SHORT = base64.urlsafe_b64encode(b"\x80" + b"\x01" * 127).decode().rstrip("=")
RSA: dict[str, Any] = {"kty": "RSA", "kid": "a", "use": "sig", "n": MODULUS, "e": "AQAB"}
EC: dict[str, Any] = {"kty": "EC", "kid": "b", "crv": "P-384", "x": "eA", "y": "eQ"}


def keys(*listed: object, status: int = 200) -> Exchange:
    """A JWK Set with these keys."""
    request = Request("GET", "https://ehr.example/jwks")
    response = Response(status, (("Content-Type", "application/json"),), json.dumps({"keys": list(listed)}).encode())
    return Exchange("x0001", Actor.APP, Endpoint.JWKS, datetime.now(UTC), 1.0, request, response)


RIGHT = keys(RSA, EC)


def test_public_keys_pass() -> None:
    for check in (checks.published, checks.no_private_parts, checks.bare_keys, checks.use_given, checks.key_sizes, checks.key_ids):
        assert check(REQ, RIGHT) == []
    assert checks.signing_key(REQ, RIGHT, {"kid": "a"}) == []
    assert checks.signing_key(REQ, keys(RSA), {}) == []
    assert checks.signing_keys(RIGHT) == 2
    assert checks.key_ids(REQ, keys(RSA, {**EC, "kid": "a"})) == []
    assert checks.bare_keys(REQ, keys({**RSA, "x5c": ["MII"]})) == []
    assert checks.bare_keys(REQ, keys({"kty": "AKP"})) == []


@pytest.mark.parametrize(
    ("name", "exchange", "pointer"),
    [
        ("published", keys(), "/keys"),
        ("published", keys({**RSA, "use": "enc"}), "/keys"),
        ("published", keys(RSA, status=404), "status"),
        ("no_private_parts", keys({**RSA, "d": "c2VjcmV0"}), "/keys/0"),
        ("no_private_parts", keys(RSA, {"kty": "oct", "k": "c2VjcmV0"}), "/keys/1"),
        ("bare_keys", keys({"kty": "RSA", "x5t": "abc"}), "/keys/0"),
        ("bare_keys", keys({**EC, "y": ""}), "/keys/0"),
        ("use_given", keys(EC, {**RSA, "use": "enc"}), "/keys/0"),
        ("use_given", keys(EC, {**RSA, "use": "sig", "alg": "RSA-OAEP"}), "/keys/0"),
        ("key_sizes", keys({**RSA, "n": SHORT}), "/keys/0/n"),
        ("key_ids", keys({k: v for k, v in RSA.items() if k != "kid"}, EC), "/keys/0"),
        ("key_ids", keys(RSA, RSA), "/keys"),
    ],
)
def test_what_is_wrong_is_one_finding(name: str, exchange: Exchange, pointer: str) -> None:
    found = getattr(checks, name)(REQ, exchange)
    assert [(f.requirement, f.pointer) for f in found] == [(REQ, pointer)]
    assert all("c2VjcmV0" not in f.actual for f in found)


@pytest.mark.parametrize(("listed", "header"), [([RSA], {"kid": "z"}), ([], {}), ([{**RSA, "use": "enc"}], {"kid": "a"})])
def test_the_signing_key_is_missing(listed: list[object], header: dict[str, str]) -> None:
    assert len(checks.signing_key(REQ, keys(*listed), header)) == 1


def test_a_body_without_keys() -> None:
    request = Request("GET", "https://ehr.example/jwks")
    page = Exchange("x", Actor.APP, Endpoint.JWKS, datetime.now(UTC), 1.0, request, Response(200, (), b"<html>"))
    assert len(checks.published(REQ, page)) == 1
    assert [f.actual for f in checks.key_sizes(REQ, keys({**RSA, "n": "*"}))] == ["it has 0 bits"]
