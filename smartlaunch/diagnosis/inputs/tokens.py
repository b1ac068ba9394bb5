"""Read a JWT that somebody pasted: header and the claims that name no person. The signature is looked at by nobody and kept nowhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeGuard

from smartlaunch.diagnosis import scopes
from smartlaunch.diagnosis.inputs.weblinks import host_of
from smartlaunch.diagnosis.material import Material
from smartlaunch.evidence.facts import split_jwt

PATTERN = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{6,20000}\.[A-Za-z0-9_-]{4,20000}(?:\.[A-Za-z0-9_-]*)?")
_SHOWN = ("iss", "aud", "exp", "iat", "nbf", "azp", "client_id", "appid", "scope", "scp", "jti", "nonce", "typ", "token_use", "tid")


def read(token: str, m: Material) -> str:
    """Take what a token says of itself into the material, and name the kind of token it looks like."""
    parts = split_jwt(token)
    if parts is None:
        return ""
    header, claims = parts
    m.structured.add("jwt")
    kind, told = kind_of(header, claims), _shown(header, claims)
    m.facts["jwt"], shown = told, told["claims"]
    if kind == "client assertion":
        _assertion(m, header, claims)
    granted = claims.get("scope") or claims.get("scp")
    if kind == "access token" and m.granted is None and granted:
        text = " ".join(str(v) for v in granted) if isinstance(granted, list) else str(granted)
        listed = scopes.from_parameter(text)
        m.granted = listed if listed.resources else None
    issued, expires = claims.get("iat"), claims.get("exp")
    if kind != "client assertion" and isinstance(issued, (int, float)) and isinstance(expires, (int, float)):
        m.facts.setdefault("expires_in", expires - issued)
    m.hear("setting", "jwt", f"{kind}: iss {shown.get('iss', 'absent')}, aud {shown.get('aud', 'absent')}")
    return kind


_LAST_TIME = 4_102_444_800
"""The year 2100: a later end is none."""


def told_of(claims: Mapping[str, Any]) -> str:
    """Of whom a token is, for whom, and until when, in a few words."""
    told = [f"{word} {_host_or_start(claims[name])}" for name, word in (("iss", "of"), ("aud", "for")) if claims.get(name)]
    if _number(expires := claims.get("exp")) and 0 < expires < _LAST_TIME:
        told.append(f"valid until {datetime.fromtimestamp(expires, UTC):%Y-%m-%d %H:%M} UTC")
    return f" ({', '.join(told)})" if told else ""


def _host_or_start(value: Any) -> str:
    first = str(value[0] if isinstance(value, list) else value)
    return (host_of(first) if "://" in first else "") or re.sub(r"[^\w.:/-]", "", first)[:60]


def _shown(header: dict[str, Any], claims: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": kind_of(header, claims),
        "header": {k: header[k] for k in ("alg", "kid", "typ", "jku") if isinstance(header.get(k), str)},
        "claims": {k: claims[k] for k in _SHOWN if isinstance(claims.get(k), (str, int, float, list)) and k not in ("jti", "nonce")},
    }


def shown_of(token: str) -> dict[str, Any]:
    """What a bearer token that is a JWT says of itself; nothing of one that is none, or that is a client assertion."""
    parts = split_jwt(token) if PATTERN.fullmatch(token) else None
    return {} if parts is None or kind_of(*parts) == "client assertion" else _shown(*parts)


def read_bearer(token: str, m: Material) -> None:
    """Take the claims of a bearer token that is a JWT; a client assertion in its place is told by another fact."""
    parts = split_jwt(token) if PATTERN.fullmatch(token) else None
    if parts is not None and kind_of(*parts) != "client assertion":
        read(token, m)


def read_date(value: str, m: Material) -> None:
    """The server's clock, which says whether a token had run out when it was used."""
    if (answered := date_of(value)) is not None:
        m.facts["answered_at"] = answered


def date_of(value: str) -> float | None:
    """The time that a ``Date`` header names, or None."""
    with suppress(ValueError, TypeError, OverflowError):
        return parsedate_to_datetime(value.strip()).timestamp()
    return None


def kind_of(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """The kind of token, by its claims: what a client signs has itself as issuer and subject."""
    if "iss" in claims and claims.get("iss") == claims.get("sub"):
        return "client assertion"
    if "scope" in claims or "scp" in claims or str(header.get("typ", "")).lower() == "at+jwt":
        return "access token"
    if "nonce" in claims or "at_hash" in claims or "fhirUser" in claims:
        return "ID Token"
    return "token"


def _assertion(m: Material, header: dict[str, Any], claims: dict[str, Any]) -> None:
    m.client_auth = m.client_auth or "private_key_jwt"
    m.facts["assertion"] = {"header": {k: header[k] for k in ("alg", "kid", "typ", "jku") if k in header}, "claims": {}}
    m.facts["assertion_iss_equals_sub"] = True
    if _number(claims.get("exp")) and _number(claims.get("iat")):
        m.facts["assertion_lifetime_s"] = claims["exp"] - claims["iat"]
    aud = claims.get("aud")
    if isinstance(aud, str) and aud.startswith("http"):
        m.facts["assertion_aud"] = aud


def _number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
