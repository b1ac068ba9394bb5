"""What a body is, by its media type and its first bytes."""

from __future__ import annotations

import re
from typing import Final

_LATIN: Final = frozenset({"iso-8859-1", "latin1", "latin-1", "windows-1252", "us-ascii", "utf-16", "utf-16le", "utf-16be"})


def charset_of(content_type: str) -> str:
    """The charset that a `Content-Type` names, where it is one that real servers send; else UTF-8."""
    match = re.search(r"(?i)charset\s*=\s*\"?([\w.:-]+)", content_type)
    if match and match.group(1).lower() in _LATIN:
        return match.group(1)
    return "utf-8"


def is_text(media: str, data: bytes) -> bool:
    """Whether a body can be read as text."""
    if media.startswith(("image/", "audio/", "video/", "font/")) and media != "image/svg+xml":
        return False
    if media in ("application/pdf", "application/zip", "application/gzip", "application/octet-stream") or b"\0" in data[:1024]:
        return media.startswith("text/") or media.endswith("json") or charset_of(media) != "utf-8"
    return True
