"""Get at the bytes of an input: a file, a pipe, standard input, and what is inside of gzip or ZIP.

Everything has a limit, and nothing waits for ever.
"""

from __future__ import annotations

import os
import select
import stat
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from smartlaunch.errors import UsageError

LARGEST_PIPE = 64_000_000
LARGEST_UNPACKED = 512_000_000
LARGEST_MEMBERS = 2000
WAIT_S = 20.0
_CHUNK = 1 << 16
_ENDINGS = (".har", ".json", ".txt", ".log", ".xml", ".html", ".jsonl")


@dataclass
class Opened:
    """An ordinary file that holds the input, and what was noticed on the way to it."""

    path: Path
    warnings: list[str] = field(default_factory=list)


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """The input as an ordinary file; a pipe is read into one, an archive unpacked. Raises ``UsageError`` for what cannot be read."""
    with tempfile.TemporaryDirectory(prefix="smartlaunch-") as folder:
        found = Opened(path)
        mode = _mode(path)
        if not stat.S_ISREG(mode):
            if not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)):
                raise UsageError(f"{path}: neither a file nor a pipe, so it cannot be read")
            found.path = Path(folder, "piped")
            found.path.write_bytes(_piped(path))
        _unpack(found, Path(folder), path.name)
        yield found


def standard_input() -> bytes:
    """What comes on standard input, up to the limit."""
    if sys.stdin is not None and sys.stdin.isatty():
        sys.stderr.write("reading what you paste; end with Ctrl-D on a line of its own\n")
    raw = getattr(sys.stdin, "buffer", None)
    if raw is None:
        return sys.stdin.read(LARGEST_PIPE).encode("utf-8", "replace")
    data: bytes = raw.read(LARGEST_PIPE + 1)
    if len(data) > LARGEST_PIPE:
        raise UsageError(f"standard input: more than {LARGEST_PIPE // 1_000_000} MB; save it as a file")
    return data


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError as exc:
        raise UsageError(f"{path}: cannot be opened ({exc.strerror or type(exc).__name__})") from exc


def _piped(path: Path) -> bytes:
    """Read a pipe or device; one that nobody writes to, or that never ends, is refused by name."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as exc:
        raise UsageError(f"{path}: cannot be opened ({exc.strerror or type(exc).__name__})") from exc
    parts: list[bytes] = []
    size, until = 0, time.monotonic() + WAIT_S
    try:
        while True:
            ready, _, _ = select.select([handle], [], [], WAIT_S)
            if not ready:
                raise UsageError(f"{path}: a pipe or device that gave nothing for {WAIT_S:.0f} s; save what it gives as a file")
            part = os.read(handle, _CHUNK)
            if not part and not parts and stat.S_ISFIFO(os.fstat(handle).st_mode) and time.monotonic() < until:
                time.sleep(0.05)
                continue
            if not part:
                if not parts and time.monotonic() >= until:
                    raise UsageError(f"{path}: nobody writes to this pipe; save what it should give as a file")
                return b"".join(parts)
            parts.append(part)
            size += len(part)
            if size > LARGEST_PIPE:
                raise UsageError(
                    f"{path}: a pipe or device that gives more than {LARGEST_PIPE // 1_000_000} MB; save a part of it as a file"
                )
    except OSError as exc:
        raise UsageError(f"{path}: cannot be read ({exc.strerror or type(exc).__name__})") from exc
    finally:
        os.close(handle)


def _unpack(found: Opened, folder: Path, name: str) -> None:
    """Replace gzip and ZIP by what is inside, twice at most: a ZIP of a gzip is met, deeper nesting is not."""
    for depth in range(2):
        try:
            with found.path.open("rb") as file:
                head = file.read(4)
        except OSError as exc:
            raise UsageError(f"{name}: cannot be read ({exc.strerror or type(exc).__name__})") from exc
        target = folder / f"unpacked{depth}"
        if head[:2] == b"\x1f\x8b":
            _inflate(found.path, target, name)
            found.path = target
        elif head == b"PK\x03\x04":
            inner = _member(found, target, name)
            found.path = target.rename(target.with_name(f"{depth}-{inner}"))
        else:
            return


def _inflate(path: Path, target: Path, name: str) -> None:
    """Unpack gzip as far as it goes: of a file that was cut off, what is there is of use."""
    machine, size = zlib.decompressobj(wbits=31), 0
    try:
        with path.open("rb") as source, target.open("wb") as out:
            while part := source.read(_CHUNK):
                while part:
                    plain = machine.decompress(part, _CHUNK * 16)
                    size += len(plain)
                    if size > LARGEST_UNPACKED:
                        raise UsageError(f"{name}: unpacks to more than {LARGEST_UNPACKED // 1_000_000} MB")
                    out.write(plain)
                    if machine.eof:
                        part = machine.unused_data
                        machine = zlib.decompressobj(wbits=31)
                        part = part if part.startswith(b"\x1f\x8b") else b""
                    else:
                        part = machine.unconsumed_tail
    except (OSError, zlib.error) as exc:
        if not size:
            raise UsageError(f"{name}: cannot be unpacked ({exc})") from exc


def _member(found: Opened, target: Path, name: str) -> str:
    try:
        with zipfile.ZipFile(found.path) as archive:
            members = [i for i in archive.infolist()[:LARGEST_MEMBERS] if not i.is_dir() and "__MACOSX" not in i.filename]
            ranked = sorted(members, key=lambda i: (_rank(i.filename), -i.file_size))
            if not ranked or _rank(ranked[0].filename) == len(_ENDINGS):
                raise UsageError(f"{name}: the ZIP holds no HAR, JSON or text")
            chosen = ranked[0]
            if chosen.flag_bits & 1:
                raise UsageError(f"{name}: the ZIP is locked with a password; unpack it first")
            with archive.open(chosen) as inner:
                _copy(inner, target, name)
            others = [i.filename for i in ranked[1:] if _rank(i.filename) < len(_ENDINGS)]
            if others:
                found.warnings.append(
                    f"of the ZIP, {_short(chosen.filename)} was read; also in it: {', '.join(_short(o) for o in others[:5])}"
                )
            return Path(chosen.filename).name[-60:] or "member"
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, zlib.error) as exc:
        raise UsageError(f"{name}: the ZIP cannot be read ({exc})") from exc


def _rank(filename: str) -> int:
    return next((n for n, ending in enumerate(_ENDINGS) if filename.lower().endswith(ending)), len(_ENDINGS))


def _short(filename: str) -> str:
    return Path(filename).name[:60]


def _copy(source: object, target: Path, name: str) -> None:
    """Copy what is unpacked, up to the limit: a small file may unpack to more than any disk holds."""
    size = 0
    try:
        with target.open("wb") as out:
            while part := source.read(_CHUNK):  # type: ignore[attr-defined]
                size += len(part)
                if size > LARGEST_UNPACKED:
                    raise UsageError(f"{name}: unpacks to more than {LARGEST_UNPACKED // 1_000_000} MB")
                out.write(part)
    except (OSError, EOFError, zlib.error) as exc:
        if not size:
            raise UsageError(f"{name}: cannot be unpacked ({exc})") from exc
