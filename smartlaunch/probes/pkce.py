"""Proof keys in authorization and token requests: unusual but right ones, and wrong ones (RFC 7636)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from smartlaunch.oauth import pkce
from smartlaunch.oauth.authorization import AuthorizationRequest
from smartlaunch.probes.faults import altered, other_case

Variation = Callable[[AuthorizationRequest], AuthorizationRequest]


def _proof(request: AuthorizationRequest, proof: pkce.Proof, **changes: str | None) -> AuthorizationRequest:
    return replace(request.having(code_challenge=proof.code_challenge, **changes), proof=proof)


def _plain(request: AuthorizationRequest, method: str | None) -> AuthorizationRequest:
    verifier = request.proof.code_verifier
    return _proof(request, pkce.Proof(verifier, verifier), code_challenge_method=method)


RIGHT: Mapping[str, Variation] = {
    "a code verifier of 43 characters": lambda r: _proof(r, pkce.make_proof(43)),
    "a code verifier of 128 characters": lambda r: _proof(r, pkce.make_proof(128)),
    "a code verifier of all legal characters": lambda r: _proof(r, pkce.make_proof_of_all_characters()),
}
"""Unusual authorization requests that are right and must succeed."""

WRONG: Mapping[str, Variation] = {
    "the method plain": lambda r: _plain(r, "plain"),
    "a plain challenge and no method": lambda r: _plain(r, None),
    "the method plain in capitals": lambda r: _plain(r, "PLAIN"),
    "no challenge": lambda r: r.having(code_challenge=None, code_challenge_method=None),
    "an empty challenge": lambda r: r.having(code_challenge=""),
    "a method and no challenge": lambda r: r.having(code_challenge=None),
    "a code verifier of 42 characters": lambda r: _proof(r, pkce.short_proof(42)),
    "a challenge in other case": lambda r: r.having(code_challenge=other_case(r.proof.code_challenge)),
    "a challenge with another end": lambda r: r.having(code_challenge=r.proof.code_challenge[:20] + pkce.make_proof().code_challenge[20:]),
    "an unknown method": lambda r: r.having(code_challenge_method="S512"),
}
"""Authorization requests with one fault in their challenge."""

VERIFIERS: Mapping[str, Callable[[pkce.Proof], str | None]] = {
    "no code verifier": lambda _right: None,
    "an empty code verifier": lambda _right: "",
    "another code verifier": lambda _right: pkce.make_proof().code_verifier,
    "an altered code verifier": lambda right: altered(right.code_verifier),
    "a code verifier cut short": lambda right: right.code_verifier[:-1],
    "a code verifier with one character more": lambda right: right.code_verifier + "A",
    "a code verifier in other case": lambda right: other_case(right.code_verifier),
    "the code challenge as code verifier": lambda right: right.code_challenge,
    "a code verifier with a space at its end": lambda right: right.code_verifier + " ",
    "a code verifier with a line break at its end": lambda right: right.code_verifier + "\n",
    "a code verifier with padding at its end": lambda right: right.code_verifier + "=",
}
"""Code verifiers that must not redeem a code; None leaves it out."""
