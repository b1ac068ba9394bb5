"""Signatures in the format of minisign: Ed25519 over the BLAKE2b digest of a file, with a comment that is signed as well.

Written here, so that a run can be signed and verified where nothing but this package is installed. A secret key may lie open
(``minisign -G -W``), or be locked with a password by scrypt, as minisign makes it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from smartlaunch.errors import UsageError

HEAD: Final = b"untrusted comment:"
"""How every file of minisign begins."""
_TRUSTED: Final = "trusted comment: "
_KIND, _HASHED, _SCRYPT, _OPEN, _SUM = b"Ed", b"ED", b"Sc", b"\0\0", b"B2"
_SECRET: Final = struct.Struct("<2s2s2s32sQQ104s")
"""Algorithm, how it is locked, how it is summed up, salt, the two costs of scrypt, and what may be locked."""
_KEY: Final = struct.Struct("<8s32s32s32s")
"""Number of the key, its seed, its public key, its sum."""
_PUBLIC: Final = struct.Struct("<2s8s32s")
_SIGNATURE: Final = struct.Struct("<2s8s64s")
_MOST_MEMORY: Final = 1 << 31


@dataclass(frozen=True)
class SecretKey:
    """A key that signs."""

    number: bytes
    seed: bytes

    def sign(self, data: bytes, comment: str) -> str:
        """The signature file of some data; the comment is signed with it."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        key = Ed25519PrivateKey.from_private_bytes(self.seed)
        signature = key.sign(hashlib.blake2b(data).digest())
        whole = key.sign(signature + comment.encode())
        head = f"{HEAD.decode()} signature of smartlaunch by a minisign key"
        lines = (head, _text(_SIGNATURE.pack(_HASHED, self.number, signature)), _TRUSTED + comment, _text(whole))
        return "\n".join(lines) + "\n"


def secret_key(content: bytes, password: Callable[[], str]) -> SecretKey:
    """The key of a secret key file; ``password`` is asked for where it is locked."""
    kind, lock, summed, salt, operations, memory, inner = _SECRET.unpack(_body(content, _SECRET, "secret key"))
    if kind != _KIND or summed != _SUM or lock not in (_OPEN, _SCRYPT):
        raise UsageError("this is a secret key of a kind of minisign that is not known here")
    if lock == _SCRYPT:
        stream = _stretched(password(), salt, operations, memory)
        inner = bytes(a ^ b for a, b in zip(inner, stream, strict=True))
    number, seed, public, total = _KEY.unpack(inner)
    if lock == _SCRYPT and not hmac.compare_digest(total, hashlib.blake2b(kind + number + seed + public, digest_size=32).digest()):
        raise UsageError("the password does not open this key of minisign")
    if _public_of(seed) != public:  # an open key has no sum
        raise UsageError("this key of minisign is damaged")
    return SecretKey(number, seed)


def is_locked(content: bytes) -> bool:
    """Whether a secret key file wants a password; ``UsageError`` for what is none."""
    return bool(_SECRET.unpack(_body(content, _SECRET, "secret key"))[1] == _SCRYPT)


def verifies(content: bytes, signed: bytes, data: bytes) -> bool:
    """Whether a signature file is one of some data, and of its own comment, by the key of a public key file."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    kind, number, public = _PUBLIC.unpack(_body(content, _PUBLIC, "public key"))
    lines = signed.decode("utf-8", "replace").splitlines()
    if kind != _KIND or len(lines) != 4 or not lines[0].encode().startswith(HEAD) or not lines[2].startswith(_TRUSTED):
        return False
    try:
        how, signer, signature = _SIGNATURE.unpack(_octets(lines[1]))
        whole = _octets(lines[3])
        if signer != number or how not in (_HASHED, _KIND):
            return False
        key = Ed25519PublicKey.from_public_bytes(public)
        key.verify(signature, hashlib.blake2b(data).digest() if how == _HASHED else data)
        key.verify(whole, signature + lines[2].removeprefix(_TRUSTED).encode())
    except (InvalidSignature, ValueError, struct.error):
        return False
    return True


def _public_of(seed: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def _body(content: bytes, form: struct.Struct, what: str) -> bytes:
    """The octets of a key file: its second line, or its only one."""
    lines = [line for line in content.decode("utf-8", "replace").splitlines() if line.strip()]
    if len(lines) in (1, 2):
        try:
            octets = _octets(lines[-1])
        except ValueError:
            octets = b""
        if len(octets) == form.size:
            return octets
    raise UsageError(f"this is no {what} of minisign")


def _octets(line: str) -> bytes:
    try:
        return base64.b64decode(line.strip(), validate=True)
    except binascii.Error:
        raise ValueError(line) from None


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _stretched(password: str, salt: bytes, operations: int, memory: int) -> bytes:
    """The octets that a password stands for, by scrypt with the costs that libsodium makes of its two limits."""
    r = 8
    operations = max(operations, 32768)
    if operations < memory // 32:
        p, log = 1, _log_of(operations // (r * 4))
    else:
        log = _log_of(memory // (r * 128))
        p = max(1, min((operations // 4) >> log, 0x3FFFFFFF) // r)
    needed = 128 * r * ((1 << log) + p + 2)
    if needed > _MOST_MEMORY:
        raise UsageError("this key of minisign is locked with more memory than is taken here")
    try:
        return hashlib.scrypt(password.encode(), salt=salt, n=1 << log, r=r, p=p, maxmem=needed, dklen=104)
    except (ValueError, MemoryError, OSError) as exc:
        raise UsageError(f"there is no room to unlock this key of minisign: {exc}") from None


def _log_of(most: int) -> int:
    return next((log for log in range(1, 63) if (1 << log) > most // 2), 62)
