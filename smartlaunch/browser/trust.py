"""Certificates of the target's own authority: each host's key is pinned once its chain has been verified, and nothing else is waived.

Chromium takes no file of authorities on the command line, but it can be told keys to accept. So the chain of a host is verified here
against ``ca_file``, with its name and its dates, and the key of that certificate alone is told to the browser.
"""

from __future__ import annotations

import base64
import hashlib
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HANDSHAKE_S = 5.0


class Pins:
    """The keys of hosts whose certificates the authority of ``ca_file`` has signed."""

    def __init__(self, ca_file: Path | None) -> None:
        self._ca_file = ca_file
        self._keys: dict[tuple[str, int], str] = {}

    def learn(self, url: str) -> bool:
        """Verify the certificate of an address and keep its key; true when the key is a new one."""
        parts = urlsplit(url)
        place = (parts.hostname or "", parts.port or 443)
        if self._ca_file is None or parts.scheme != "https" or place in self._keys:
            return False
        self._keys[place] = key = _verified_key(*place, self._ca_file)
        return bool(key)

    @property
    def arguments(self) -> list[str]:
        """What the browser is told of them."""
        keys = sorted({key for key in self._keys.values() if key})
        return [f"--ignore-certificate-errors-spki-list={','.join(keys)}"] if keys else []


def _verified_key(host: str, port: int, ca_file: Path) -> str:
    """The hash of the key in a host's certificate, or an empty string when the authority does not vouch for it."""
    try:
        context = ssl.create_default_context(cafile=str(ca_file))
        with (
            socket.create_connection((host, port), timeout=HANDSHAKE_S) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            certificate = secured.getpeercert(binary_form=True)
    except (OSError, ValueError):
        return ""
    if certificate is None:
        return ""
    key = x509.load_der_x509_certificate(certificate).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key).digest()).decode("ascii")
