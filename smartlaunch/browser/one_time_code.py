"""One-time codes of an authenticator app (RFC 6238), from the secret that is shown when the second factor is set up."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
import time
from urllib.parse import parse_qs, urlsplit

from smartlaunch.errors import UsageError

_HASHES = {"SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA512": hashlib.sha512}
_PERIOD, _DIGITS = 30, 6


def one_time_code(secret: str, at: float | None = None) -> str:
    """The code for a moment, now by default; ``secret`` is the text in base32, or the whole ``otpauth://`` address."""
    text, algorithm, digits, period = secret.strip(), "SHA1", _DIGITS, _PERIOD
    try:
        if text.startswith("otpauth:"):
            given = {name: values[0] for name, values in parse_qs(urlsplit(text).query).items()}
            text, algorithm = given["secret"], given.get("algorithm", "SHA1").upper()
            digits, period = int(given.get("digits", _DIGITS)), int(given.get("period", _PERIOD))
        plain = text.replace(" ", "").replace("-", "").upper().rstrip("=")
        key = base64.b32decode(plain + "=" * (-len(plain) % 8))
        counter = struct.pack(">Q", int((time.time() if at is None else at) // period))
        digest = hmac.new(key, counter, _HASHES[algorithm]).digest()
    except (KeyError, ValueError, binascii.Error, ZeroDivisionError):
        raise UsageError("totp_secret is no secret of an authenticator app: give its base32 text, or the otpauth:// address") from None
    start = digest[-1] & 15
    number = struct.unpack(">I", digest[start : start + 4])[0] & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)
