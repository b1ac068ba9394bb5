"""Codes, verifiers and tokens: PKCE and lifetimes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.signals.setting import by_hand
from smartlaunch.diagnosis.signals.signal import Signal, predicate, saw
from smartlaunch.diagnosis.vendor import Vendor

LATE_CODE_S = 60
_OF_REFRESH = re.compile(r"(?i)refresh|offline|expir|renew|after (?:an?|one|\d+) (?:hours?|min)")
"""Words by which a story is about the end of a token's life, and not only shows an answer that has no refresh token."""


@predicate
def refresh(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """A refresh token that came in this very flow."""
    if m.facts.get("refresh_token_known") is True and m.grant_type == "refresh_token":
        yield saw("refresh-token-known", "the refresh token is one that came in this flow", m.fact_of.get("refresh_token_known", ""))


@predicate
def pkce(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """Verifier and challenge."""
    f, at = m.facts, m.fact_of
    if f.get("verifier_unreserved") is False:
        yield saw("verifier-ill-formed", "the code verifier has characters outside A-Z a-z 0-9 - . _ ~", at.get("verifier_unreserved", ""))
    if "verifier_length" not in f and "code_challenge_base64url" not in f:
        yield saw("values-not-seen", "neither code verifier nor code challenge was given")
    if f.get("code_challenge_base64url") is False:
        yield saw("challenge-ill-formed", "the code challenge is not base64url", at.get("code_challenge_base64url", ""))
    if isinstance(f.get("verifier_length"), int) and not 43 <= f["verifier_length"] <= 128:
        yield saw(
            "verifier-length",
            f"the code verifier has {f['verifier_length']} characters, 43 to 128 are allowed",
            at.get("verifier_length", ""),
        )
    elif f.get("verifier_length") and f.get("verifier_unreserved") and f.get("verifier_matches_challenge"):
        yield saw("verifier-right", "the code verifier is legal and hashes to the code challenge", at.get("verifier_matches_challenge", ""))
    if f.get("verifier_matches_challenge") is False:
        padded = f.get("verifier_match_unpadded")
        name = "verifier-padded" if padded else "verifier-mismatch"
        yield saw(
            name,
            "the code verifier does not hash to the code challenge" + (", except for the padding or alphabet" if padded else ""),
            at.get("verifier_matches_challenge", ""),
        )
    if f.get("verifier_present") is False and m.grant_type in ("authorization_code", ""):
        yield saw("verifier-missing", "the token request has no code_verifier", at.get("verifier_present", ""))
        refused = m.granted is None and (m.status in (400, 401) or {"invalid_grant", "invalid_request"} & set(m.errors))
        refused = refused and "invalid_client" not in m.errors
        if refused and not any(_OTHER_REASON.search(s.text) and not _OF_CODE.search(s.text) for s in m.texts("server")):
            yield saw("unverified-refusal", "the token request was refused and has no code_verifier", at.get("verifier_present", ""))
        if not f.get("challenge_sent") and not any(_OF_CODE.search(s.text) for s in m.texts("server")):
            yield saw("challenge-not-seen", "whether a code challenge was sent is not seen")
        if f.get("challenge_sent"):
            yield saw("verifier-missing-after-challenge", "a code challenge was sent, a verifier was not", at.get("verifier_present", ""))
    if f.get("verifier_present") and f.get("challenge_sent") is False:
        yield saw("challenge-missing-before-verifier", "a code verifier was sent, a challenge was not", at.get("challenge_sent", ""))
    if f.get("code_challenge_method") == "S256" and f.get("code_challenge_base64url") and f.get("code_challenge_present"):
        yield saw("challenge-right", "the code challenge is an S256 one in base64url", at.get("code_challenge_method", ""))
    if f.get("code_challenge_present") is False:
        yield saw("challenge-missing", "the authorization request has no code_challenge", at.get("code_challenge_present", ""))
    if f.get("code_challenge_method") == "plain":
        yield saw("challenge-plain", "the code challenge method is plain", at.get("code_challenge_method", ""))


_OTHER_REASON = re.compile(
    r"(?i)redirect|client[_ ]?(?:id|secret|auth)|credential|\bscopes?\b|grant[_ ]?type|audience|\baud\b|\bissuer\b|signature|expired"
)
_OF_CODE = re.compile(r"(?i)verifier|pkce|challenge|expired, revoked|invalid, expired")
"""What a server says of another thing than the proof of the code; the stock sentence of ``invalid_grant`` names several at once."""


@predicate
def lifetimes(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """Codes and tokens against the clock."""
    f, at = m.facts, m.fact_of
    if f.get("code_reused"):
        yield saw("code-reused", "the code was sent a second time", at.get("code_reused", ""))
    late = f.get("seconds_since_code")
    if isinstance(late, (int, float)) and late > LATE_CODE_S:
        yield saw(
            "code-late", f"the code was exchanged {late:.0f} s after it was given", at.get("seconds_since_code", ""), seconds=f"{late:.0f}"
        )
    age, life = f.get("token_age_s"), f.get("expires_in")
    if f.get("token_expired") or (isinstance(age, (int, float)) and isinstance(life, (int, float)) and age >= life):
        yield saw(
            "token-expired",
            f"the access token was {age:.0f} s old and lives {life:.0f} s"
            if isinstance(age, (int, float)) and isinstance(life, (int, float))
            else "the access token had expired",
            at.get("token_expired", ""),
        )
    elif isinstance(age, (int, float)) and isinstance(life, (int, float)):
        yield saw("token-fresh", f"the access token was {age:.0f} s old and lives {life:.0f} s", at.get("token_age_s", ""))
    if f.get("refresh_token_present") is False:
        yield saw("no-refresh-token", "the token answer has no refresh token", **_life(f))
        if not by_hand(m) or any(_OF_REFRESH.search(said.text) for said in m.said):
            yield saw("no-refresh-in-question", "the token answer has no refresh token", **_life(f))


def _life(facts: Mapping[str, Any]) -> dict[str, str]:
    life = facts.get("expires_in")
    return {"life": f"{life:.0f}"} if isinstance(life, (int, float)) else {}
