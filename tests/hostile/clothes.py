"""Ways to write down a secret so that a search for it finds nothing, each with the places where it may stand."""

from __future__ import annotations

import base64
import html
import json
import textwrap
from collections.abc import Callable
from urllib.parse import quote

SECRET = "Zk9-tR4w/Qm7+Lx2Vb8Nc5Yd"


def _times(change: Callable[[str], str], number: int) -> Callable[[str], str]:
    def changed(text: str) -> str:
        for _ in range(number):
            text = change(text)
        return text

    return changed


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _percent(text: str) -> str:
    return quote(text, safe="")


def _every_octet(text: str) -> str:
    return "".join(f"%{octet:02x}" for octet in text.encode())


def _json(text: str) -> str:
    return json.dumps(text)[1:-1]


CLOTHES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in capitals": str.upper,
    "in small letters": str.lower,
    "base64": _b64,
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 of base64": _times(_b64, 2),
    "base64 of base64 of base64": _times(_b64, 3),
    "base64 over lines": lambda text: textwrap.fill(_b64("x" * 30 + text), 20),
    "base64 of a pair": lambda text: _b64(f"user:{text}"),
    "base64 of JSON": lambda text: _b64(json.dumps({"a": text})),
    "hexadecimal": lambda text: text.encode().hex(),
    "hexadecimal in capitals": lambda text: text.encode().hex().upper(),
    "hexadecimal of base64": lambda text: _b64(text).encode().hex(),
    "UTF-16": lambda text: text.encode("utf-16-le").decode("latin-1"),
    "UTF-16, the other order": lambda text: text.encode("utf-16-be").decode("latin-1"),
    "UTF-16 in base64": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    "UTF-16 in hexadecimal": lambda text: text.encode("utf-16-be").hex(),
    "percent-encoded": _percent,
    "percent-encoded twice": _times(_percent, 2),
    "percent-encoded ten times": _times(_percent, 10),
    "every octet percent-encoded": _every_octet,
    "every octet percent-encoded five times": lambda text: _times(_percent, 4)(_every_octet(text)),
    "entities": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "entities in hexadecimal": lambda text: "".join(f"&#x{ord(char):x};" for char in text),
    "entities of entities": lambda text: _times(html.escape, 3)("".join(f"&#{ord(char)};" for char in text)),
    "escapes of JSON": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "JSON in JSON in JSON": lambda text: _times(_json, 3)(text.replace("/", "\\/")),
    "percent of entities of JSON": lambda text: _percent(html.escape("".join(f"\\u{ord(char):04x}" for char in text))),
    "split by tags": lambda text: f"{text[:7]}<b>{text[7:13]}</b>{text[13:]}",
    "a tag for each letter": lambda text: "".join(f"<i>{char}</i>" for char in text),
    "zero-width characters": "\u200b".join,
    "soft hyphens": "\u00ad".join,
    "over lines": lambda text: textwrap.fill(text, 9),
    "letters apart": " ".join,
    "capitals, split and percent-encoded": lambda text: _percent("\u200b".join(text.upper())),
}
PLACES: dict[str, tuple[str, str]] = {
    "text": ("text/plain", "before it {} after it"),
    "JSON": ("application/json", '{{"note": "{}"}}'),
    "a page": ("text/html", '<html><h1 class="error">it is {} here</h1></html>'),
    "XML": ("application/xml", "<a><b>{}</b></a>"),
}


def naked(text: str) -> str:
    """What is left of a text when everything that hides a value is taken off."""
    import re
    from urllib.parse import unquote

    for _ in range(14):
        text = unquote(html.unescape(text))
        text = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda match: chr(int(match.group(1), 16)), text)
    bare = re.sub(r"<[^<>]*>|[\s\0\\\u00ad\u200b]", "", text)
    for run in re.findall(r"[A-Za-z0-9+/_-]{12,}", bare):
        for held in (run, *_opened(run, 3)):
            bare += "\n" + held.replace("\0", "")
    return bare.lower()


def _opened(run: str, depth: int) -> list[str]:
    import binascii

    found: list[str] = []
    for change in (lambda t: base64.b64decode(t.replace("-", "+").replace("_", "/") + "=" * (-len(t) % 4)), bytes.fromhex):
        try:
            held = change(run).decode("latin-1")
        except (binascii.Error, ValueError):
            continue
        found += [held, *(_opened(held, depth - 1) if depth else [])]
    return found
