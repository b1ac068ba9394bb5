"""Which names mean a secret by their shape, and which values look like one whatever they are called.

A list of exact names cannot hold those of every product, so a name counts by the word that it ends with, however its words are joined:
``accessToken``, ``X-Vault-Token``, ``client.secret``. What stands there must then look like a secret: ``token_endpoint`` and
``token_type`` do not end so, and ``"session": "expired"`` is a word. In a file from elsewhere, also a value counts that nobody would type,
under a name that is not known to be open.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from smartlaunch.evidence.vocabulary import CORRELATION_HEADERS, RESERVED_WORDS

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_ENDINGS: Final = frozenset(
    {
        "token",
        "tokens",
        "secret",
        "secrets",
        "password",
        "passwords",
        "passwd",
        "passphrase",
        "passcode",
        "pwd",
        "pass",
        "credential",
        "credentials",
        "signature",
        "sig",
        "sid",
        "session",
        "cookie",
        "cookies",
        "csrf",
        "xsrf",
        "otp",
        "totp",
        "jwt",
        "jws",
        "jwe",
        "assertion",
        "bearer",
        "apikey",
        "authkey",
        "accesskey",
        "privatekey",
        "sessionid",
        "sessid",
        "sessiontoken",
        "accesstoken",
        "refreshtoken",
        "idtoken",
        "authtoken",
        "clientsecret",
        "authorization",
        "auth",
        "saml",
        "verifier",
        "pkce",
        "ticket",
        "sharedkey",
        "hmac",
        "mac",
        "proof",
        "seed",
        "phpsessid",
        "jsessionid",
        "stoken",
        "utoken",
        "atoken",
        "rtoken",
        "securitytoken",
        "csrftoken",
        "xsrftoken",
        "viewstate",
        "eventvalidation",
    }
)
_PAIRS: Final = frozenset(
    {
        ("api", "key"),
        ("auth", "key"),
        ("access", "key"),
        ("private", "key"),
        ("secret", "key"),
        ("signing", "key"),
        ("shared", "key"),
        ("subscription", "key"),
        ("encryption", "key"),
        ("session", "key"),
        ("session", "id"),
        ("session", "code"),
        ("session", "data"),
        ("session", "state"),
        ("secret", "value"),
        ("token", "value"),
        ("token", "id"),
        ("token", "hash"),
        ("cookie", "value"),
        ("auth", "code"),
        ("authorization", "code"),
        ("access", "code"),
        ("device", "code"),
        ("user", "code"),
        ("recovery", "code"),
        ("client", "principal"),
        ("security", "context"),
        ("launch", "id"),
        ("launch", "context"),
        ("request", "verification"),
    }
)
_OPEN: Final = frozenset(
    {
        "id",
        "kid",
        "n",
        "e",
        "x",
        "y",
        "jti",
        "nonce",
        "etag",
        "hash",
        "md5",
        "sha",
        "sha1",
        "sha256",
        "digest",
        "checksum",
        "integrity",
        "fingerprint",
        "thumbprint",
        "version",
        "build",
        "commit",
        "revision",
        "uri",
        "url",
        "href",
        "src",
        "aud",
        "iss",
        "scope",
        "scopes",
        "challenge",
        "method",
        "endpoint",
        "type",
        "alg",
        "algorithm",
        "enc",
        "use",
        "crv",
        "kty",
        "x5t",
        "x5c",
        "code",
        "state",
        "title",
        "name",
        "display",
        "date",
        "time",
        "timestamp",
        "user",
        "agent",
        "host",
        "path",
        "filename",
        "file",
        "boundary",
        "reference",
        "instance",
        "etags",
        "trace",
        "span",
        "ray",
        "via",
    }
)
_OPEN_NAMES: Final = CORRELATION_HEADERS | frozenset(
    {
        "at_hash",
        "c_hash",
        "s_hash",
        "if-none-match",
        "if-match",
        "user-agent",
        "accept",
        "accept-language",
        "content-type",
        "content-security-policy",
        "report-to",
        "nel",
        "alt-svc",
        "server-timing",
        "server",
        "x-powered-by",
        "strict-transport-security",
        "permissions-policy",
        "sec-ch-ua",
        "sec-websocket-key",
        "sec-websocket-accept",
        "content-md5",
        "last-modified",
    }
)
_WORDLIKE = re.compile(r"[A-Za-z]?[a-z]*(?:[ _./:-][A-Za-z]?[a-z]*)*|[A-Z]+(?:[_-][A-Z]+)*|[0-9]{1,5}|[0-9]+(?:\.[0-9]+)+|true|false|null")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}:(?://|[a-z0-9])|urn:|/[A-Za-z]")
_OPAQUE = re.compile(r"[A-Za-z0-9+/_~.=-]{20,}")
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]{32,}")
_SHORTEST: Final = 6
ENCODED_JSON: Final = re.compile(r"(?<![A-Za-z0-9+/_-])(?:eyJ|eyA|ewo|ewk|W3s|WyJ)[A-Za-z0-9+/_-]{16,}={0,2}(?![A-Za-z0-9+/_.-])")
"""Where base64 of a JSON object or array stands in a text, and no JWT."""


def means_secret(name: str) -> bool:
    """Whether a name ends like that of a secret."""
    return _means_secret(name[-80:])


@lru_cache(maxsize=4096)
def _means_secret(name: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words:
        return False
    while len(words) > 1 and (words[-1].isdigit() or words[-1] in ("header", "cookie", "param", "field", "str", "string", "raw", "value")):
        if words[-1] in _ENDINGS or (words[-2], words[-1]) in _PAIRS:
            return True
        words.pop()
    return words[-1] in _ENDINGS or tuple(words[-2:]) in _PAIRS or "".join(words[-2:]) in _ENDINGS


def looks_secret(value: str) -> bool:
    """Whether a value that stands under such a name can be one: no word, no address, nothing with blanks."""
    return (
        len(value) >= _SHORTEST
        and not value.startswith("<")
        and value.split(None, 1) == [value]
        and value not in RESERVED_WORDS
        and not _WORDLIKE.fullmatch(value[:200])
        and not _ADDRESS.match(value)
    )


def is_opaque(name: str, value: str) -> bool:
    """Whether a value is one that nobody would type, under a name that is not known to be open."""
    if len(value) < 20 or not _OPAQUE.fullmatch(value[:2000]) or _GUID.fullmatch(value) or _ADDRESS.match(value):
        return False
    lower = name.lower()
    words = [word.lower() for word in _WORDS.findall(name[-80:])]
    if lower in _OPEN_NAMES or (words and words[-1] in _OPEN):
        return False
    kinds = (any(c.isdigit() for c in value), any(c.islower() for c in value), any(c.isupper() for c in value))
    return bool(_HEXADECIMAL.fullmatch(value)) or (all(kinds) and len(set(value)) >= 10)
