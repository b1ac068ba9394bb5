"""Checks on a published JWK Set (RFC 7517, OpenID Connect Core section 10.1, SMART on bare keys)."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping
from typing import Any

from smartlaunch.checks.members import Findings, objects_in, show
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Finding

PRIVATE_MEMBERS = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
_MATERIAL = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
SMALLEST_RSA_BITS = 2048


def published(requirement: str, exchange: Exchange) -> Findings:
    """The JWK Set is a JSON object with at least one key that may verify signatures."""
    words = "a JWK Set with at least one key for signatures"
    answer = exchange.answer
    if answer.status != 200:
        return [Finding(requirement, words, f"status {answer.status}", exchange.id, "status")]
    keys = answer.object.get("keys")
    if not isinstance(keys, list):
        return [Finding(requirement, words, answer.json_error or "it has no array `keys`", exchange.id, "/keys")]
    if any(isinstance(key, dict) and key.get("kty") in _MATERIAL and key.get("use", "sig") == "sig" for key in keys):
        return []
    return [Finding(requirement, words, "no keys" if not keys else "no key for signatures among its keys", exchange.id, "/keys")]


def has_keys(exchange: Exchange) -> bool:
    """Whether there is any key to look at; without one, rules on keys would hold of nothing."""
    return bool(objects_in(exchange, "keys"))


def no_private_parts(requirement: str, exchange: Exchange) -> Findings:
    """No key is symmetric and none has private members; their values are never shown."""
    found: Findings = []
    for number, key in objects_in(exchange, "keys"):
        shown = [name for name in PRIVATE_MEMBERS if name in key]
        if key.get("kty") == "oct" or shown:
            actual = "it is a symmetric key" if key.get("kty") == "oct" else f"it has the private members `{'`, `'.join(shown)}`"
            found.append(Finding(requirement, "public keys only", actual, exchange.id, f"/keys/{number}"))
    return found


def bare_keys(requirement: str, exchange: Exchange) -> Findings:
    """Each key has its material in members of its own; certificates may come in addition only."""
    return [
        Finding(
            requirement,
            f"the {key['kty']} key's material in `{'`, `'.join(_MATERIAL[key['kty']])}`",
            f"it lacks `{'`, `'.join(missing)}`",
            exchange.id,
            f"/keys/{number}",
        )
        for number, key in objects_in(exchange, "keys")
        if isinstance(key.get("kty"), str) and key["kty"] in _MATERIAL
        for missing in [[name for name in _MATERIAL[key["kty"]] if not isinstance(key.get(name), str) or not key[name]]]
        if missing
    ]


def use_given(requirement: str, exchange: Exchange) -> Findings:
    """Where keys for signatures and for encryption stand side by side, each tells its ``use``."""
    keys = objects_in(exchange, "keys")
    if not any(_encrypts(key) for _, key in keys) or all(_encrypts(key) for _, key in keys):
        return []
    return [
        Finding(requirement, "`use` in each key, because keys of both kinds are published", "it is absent", exchange.id, f"/keys/{number}")
        for number, key in keys
        if "use" not in key
    ]


def key_sizes(requirement: str, exchange: Exchange) -> Findings:
    """RSA keys have 2048 bits or more."""
    return [
        Finding(requirement, f"an RSA key of {SMALLEST_RSA_BITS} bits or more", f"it has {bits} bits", exchange.id, f"/keys/{number}/n")
        for number, key in objects_in(exchange, "keys")
        if key.get("kty") == "RSA" and isinstance(key.get("n"), str)
        for bits in [_bits(key["n"])]
        if bits < SMALLEST_RSA_BITS
    ]


def key_ids(requirement: str, exchange: Exchange) -> Findings:
    """Each of several keys has a ``kid`` and no two have the same; one ``kid`` for two key types is allowed (RFC 7517 section 4.5)."""
    keys = objects_in(exchange, "keys")
    found = [
        Finding(requirement, "a `kid` in each of several keys", "it is absent", exchange.id, f"/keys/{number}")
        for number, key in keys
        if not key.get("kid") and len(keys) > 1
    ]
    counted = Counter((str(key["kid"]), str(key.get("kty"))) for _, key in keys if key.get("kid"))
    found += [
        Finding(requirement, "a `kid` of its own for each key", f"{count} keys have the kid {show(kid)}", exchange.id, "/keys")
        for (kid, _), count in counted.items()
        if count > 1
    ]
    return found


def signing_keys(exchange: Exchange) -> int:
    """How many published keys may verify signatures."""
    return sum(key.get("kty") in _MATERIAL and not _encrypts(key) for _, key in objects_in(exchange, "keys"))


def signing_key(requirement: str, exchange: Exchange, header: Mapping[str, Any]) -> Findings:
    """The key that an ID Token names is published, and not for encryption alone."""
    kid = header.get("kid")
    keys = objects_in(exchange, "keys")
    named = [key for _, key in keys if kid is None or key.get("kid") == kid]
    if not named:
        actual = f"no key has the kid {show(kid)}" if keys else "the JWK Set has no keys"
        return [Finding(requirement, "the key that signs ID Tokens among the published ones", actual, exchange.id, "/keys")]
    if all(_encrypts(key) for key in named):
        return [
            Finding(requirement, "the key that signs ID Tokens, for signatures", "it is published with `use`: `enc`", exchange.id, "/keys")
        ]
    return []


def _encrypts(key: Mapping[str, Any]) -> bool:
    algorithm = key.get("alg")
    return key.get("use") == "enc" or (isinstance(algorithm, str) and algorithm.startswith(("RSA-OAEP", "RSA1_5", "ECDH-ES")))


def _bits(modulus: str) -> int:
    try:
        raw = base64.urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))
    except ValueError:
        return 0
    return int.from_bytes(raw, "big").bit_length()
