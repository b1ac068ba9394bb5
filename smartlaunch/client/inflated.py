"""A body whose content encodings are undone piece by piece, so that no stage of a chain grows past the limit.

A few kilobytes in two layers of gzip become gigabytes; a library that undoes one layer as a whole has them in memory before anybody
can look at their size.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import httpx

_LAYERS = 4
"""No server has a reason for more; each costs time for every byte."""
_GZIP, _EITHER = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS


class Inflated:
    """The body so far; ``encodings`` are the values of ``Content-Encoding`` in the order in which they were applied (RFC 9110 8.4).

    What is no gzip or deflate stays as it came. ``httpx.DecodingError`` when the bytes do not fit the encodings or there are too many.
    """

    def __init__(self, encodings: Sequence[str], limit: int) -> None:
        names = [name for name in (encoding.strip().lower() for encoding in encodings) if name not in ("", "identity")]
        known = all(name in ("gzip", "x-gzip", "deflate") for name in names)
        if known and len(names) > _LAYERS:
            raise httpx.DecodingError(f"{len(names)} content encodings on top of each other")
        self._layers = [_Layer(name) for name in reversed(names)] if known else []
        self._limit, self._parts, self._size = limit, list[bytes](), 0

    @property
    def full(self) -> bool:
        """Whether the limit is passed."""
        return self._size > self._limit

    @property
    def body(self) -> bytes:
        """What has come so far."""
        return b"".join(self._parts)

    def take(self, chunk: bytes) -> None:
        """Undo the encodings of the next piece, no further than one byte past the limit."""
        pending = [chunk]
        for layer in self._layers:
            room = self._limit + 1
            made: list[bytes] = []
            for piece in pending:
                out = layer.undo(piece, room)
                made.append(out)
                room -= len(out)
                if room <= 0:
                    break
            pending = made
        for piece in pending:
            self._parts.append(piece)
            self._size += len(piece)


class _Layer:
    def __init__(self, name: str) -> None:
        self._plain = name == "deflate"
        self._inflate = zlib.decompressobj(_EITHER if self._plain else _GZIP)
        self._begun = False

    def undo(self, data: bytes, room: int) -> bytes:
        """The next bytes below this layer, at most ``room`` of them."""
        try:
            out = self._inflate.decompress(data, room)
        except zlib.error as exc:
            if not self._plain or self._begun:
                raise httpx.DecodingError(str(exc)) from exc
            self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)  # many servers send deflate without the zlib frame that the RFC asks for
            try:
                out = self._inflate.decompress(data, room)
            except zlib.error as second:
                raise httpx.DecodingError(str(second)) from second
        self._begun = True
        return out
