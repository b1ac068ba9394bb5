"""The exchanges of a long run as ``run.json`` holds them.

Written out, those of a whole run are three quarters of all that it leaves on disk, and nobody reads most of them. So what a result speaks
of stands there whole, then whatever else there is room for; the rest stands in outline, and all that was outlined goes along whole in one
compressed text, so that the file by itself still tells everything.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

ROOM: Final = 600_000
"""How many characters of exchanges stand written out; a run with fewer is not packed at all."""
_LARGEST: Final = 300_000_000
_COMPRESSED: Final = re.compile(r"(?<=[\">])(?:H4sI|eJ|eN)[A-Za-z0-9+/]{40,}={0,2}(?=[\"<])")
"""Base64 of gzip or zlib, as it stands in a JSON string or an element."""
_OUTLINE: Final = ("id", "actor", "endpoint", "started", "duration_ms", "method", "url", "status")
_WHERE_TOLD: Final = ("error", "failure", "redirect_of")
_LATER: Final = frozenset({"fhir", "page", "style"})
"""What is written out last: the most of it, and the least of OAuth in it."""


def line(value: Any) -> str:
    """JSON without a blank that says nothing."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def packed(exchanges: Sequence[Mapping[str, Any]], spoken_of: Iterable[str]) -> tuple[list[str], str]:
    """A line of JSON for each exchange, and the compressed rest; what is spoken of is always written out."""
    lines = [line(each) for each in exchanges]
    if sum(map(len, lines)) <= ROOM:
        return lines, ""
    named = frozenset(spoken_of)
    order = sorted(range(len(exchanges)), key=lambda n: (exchanges[n]["id"] not in named, exchanges[n]["endpoint"] in _LATER))
    room, rest = ROOM, []
    for number in order:
        room -= len(lines[number])
        if room < 0 and exchanges[number]["id"] not in named:
            rest.append(number)
    if not rest:
        return lines, ""
    alike = sorted(rest, key=lambda n: (exchanges[n]["endpoint"], exchanges[n]["method"], len(lines[n]), lines[n]))  # half the size
    whole = ",".join(lines[number] for number in alike)
    for number in rest:
        lines[number] = line(_outline(exchanges[number]))
    return lines, base64.b64encode(gzip.compress(f"[{whole}]".encode("utf-8", "backslashreplace"), 6, mtime=0)).decode()


def unpacked(exchanges: Sequence[Mapping[str, Any]], text: str) -> list[Mapping[str, Any]]:
    """The exchanges, each whole again; raises ``ValueError`` when the compressed rest is not what it should be."""
    try:
        data = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(base64.b64decode(text, validate=True), _LARGEST)
    except zlib.error as exc:
        raise ValueError(f"its packed exchanges cannot be read: {exc}") from exc
    whole = {each["id"]: each for each in json.loads(data) if isinstance(each, Mapping) and "id" in each}
    return [whole.get(each.get("id"), each) for each in exchanges]


def spread(text: str) -> str:
    """A text of a run or a page with what is compressed in it written out behind it: for whoever looks for secrets in it."""
    parts = [text]
    for found in _COMPRESSED.finditer(text):
        try:
            data = zlib.decompressobj(32 + zlib.MAX_WBITS).decompress(base64.b64decode(found.group()), _LARGEST)
        except (zlib.error, ValueError):
            continue
        parts.append(data.decode("utf-8", "replace"))
    return "\n".join(parts)


def _outline(exchange: Mapping[str, Any]) -> dict[str, Any]:
    return {name: exchange[name] for name in _OUTLINE} | {name: exchange[name] for name in _WHERE_TOLD if exchange.get(name)}
