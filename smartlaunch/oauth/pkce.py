"""Proof Key for Code Exchange (RFC 7636): verifiers and challenges, right ones and wrong ones."""

from __future__ import annotations

import base64
import hashlib
import string
from dataclasses import dataclass

import pkce

UNRESERVED = string.ascii_letters + string.digits + "-._~"
"""Every character a code verifier may have (RFC 7636 section 4.1)."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A code verifier and the S256 challenge made of it."""

    code_verifier: str
    code_challenge: str


def make_proof(length: int = 64) -> Proof:
    """A fresh proof whose verifier has the given length, 43 to 128 characters."""
    verifier, challenge = pkce.generate_pkce_pair(length)
    return Proof(verifier, challenge)


def proof_of(code_verifier: str) -> Proof:
    """The proof of a given verifier."""
    return Proof(code_verifier, pkce.get_code_challenge(code_verifier))


def make_proof_of_all_characters() -> Proof:
    """A fresh 128-character proof whose verifier has each of the 66 legal characters at least once.

    A server that rejects, decodes or trims ``-``, ``.``, ``_`` or ``~`` shows here.
    """
    random_part = pkce.generate_code_verifier(128 - len(UNRESERVED))
    return proof_of(random_part + "~" + UNRESERVED.replace("~", ""))


def short_proof(length: int) -> Proof:
    """A proof whose verifier is shorter than RFC 7636 allows; made by hand, as the library rightly refuses to."""
    verifier = pkce.generate_code_verifier(43)[:length]
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return Proof(verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"))
