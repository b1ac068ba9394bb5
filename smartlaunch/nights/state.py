"""A night on disk: which targets it has, what became of each, and nothing that a kill could lose."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import RLock
from typing import Any

from smartlaunch.errors import UsageError
from smartlaunch.records.record import moment, record_of
from smartlaunch.records.store import new_run_folder, replace_file

NIGHT_FILE = "night.json"
LOCK_FILE = "night.lock"
SCHEMA = 1
FRESH = timedelta(hours=20)
"""A night that was left longer ago than this is over; the next one is another."""


@dataclass
class Entry:
    """One target of a night: ``given`` as it was written, ``state`` waiting, running or done, ``code`` what its run ended with."""

    given: str
    slug: str
    name: str = ""
    state: str = "waiting"
    attempts: int = 0
    code: int | None = None
    said: str = ""
    started: str = ""
    ended: str = ""


@dataclass
class Night:
    """A night in its folder. Threads may share it: every change is one whole file on disk."""

    folder: Path
    words: tuple[str, ...]
    entries: list[Entry]
    start: str = ""
    end: str = ""
    _lock: RLock = field(default_factory=RLock, repr=False, compare=False)

    @property
    def id(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def over(self) -> bool:
        """Whether every target is done."""
        return bool(self.end)

    def change(self, entry: Entry, **values: Any) -> None:
        """Note what became of a target, on disk at once."""
        with self._lock:
            for name, value in values.items():
                setattr(entry, name, value)
            self.save()

    def close(self) -> None:
        """Note that the night is over."""
        with self._lock:
            self.end = now()
            self.save()

    def save(self) -> None:
        """Write the night."""
        with self._lock:
            data = {
                "schema": SCHEMA,
                "id": self.id,
                "start": self.start,
                "end": self.end,
                "words": list(self.words),
                "targets": [asdict(entry) for entry in self.entries],
            }
            self.folder.mkdir(parents=True, exist_ok=True)
            replace_file(self.folder / NIGHT_FILE, json.dumps(data, indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Night:
        """Read a night; one that was killed had nothing running any more."""
        path = folder / NIGHT_FILE
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data["schema"] > SCHEMA:
                raise UsageError(f"{path} was written by a later version")
            entries = [record_of(Entry, each) for each in data["targets"]]
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise UsageError(f"{path} cannot be read as a night: {exc}") from None
        for entry in entries:
            entry.state = "done" if entry.state == "done" else "waiting"
        return cls(folder, tuple(data.get("words", ())), entries, str(data.get("start", "")), str(data.get("end", "")))


def open_night(out: str | None, base: Path, given: Sequence[str], words: Sequence[str], *, new: bool = False) -> Night:
    """The night to go on with, or a new one.

    A night of the same targets and options that was left lately and is not over goes on, unless a new one is asked for.
    """
    if out:
        folder = Path(out)
        if not (folder / NIGHT_FILE).is_file():
            if folder.is_dir() and any(folder.iterdir()):
                raise UsageError(f"--out {out}: the folder holds something else\n  try: a new folder")
            return _new(folder.resolve(), given, words)
        night = Night.load(folder.resolve())
        if night.over:
            raise UsageError(f"--out {out}: that night is over\n  try: a new folder, or smartlaunch history")
        _check_same(night, given, words)
        return night
    for folder in sorted((path.parent for path in base.glob(f"*/{NIGHT_FILE}")), reverse=True) if not new else ():
        with contextlib.suppress(UsageError):
            night = Night.load(folder)
            began = moment(night.start)
            fresh = began is not None and datetime.now(UTC) - began < FRESH
            if not night.over and fresh and _same(night, given, words) and not _taken(folder):
                return night
    return _new(new_run_folder(base).resolve(), given, words)


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Keep a second process out of a night; the lock goes with the process, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_FILE).open("a+") as lock:
        if not take_lock(lock.fileno()):
            raise UsageError(f"{folder}: this night is under way in another process")
        yield


def _taken(folder: Path) -> bool:
    try:
        with (folder / LOCK_FILE).open("a+") as lock:
            return not take_lock(lock.fileno())
    except OSError:
        return True


def take_lock(number: int) -> bool:
    """Try to take the lock of an open file, which ends with the process; without such locks (Windows) everybody gets it."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _same(night: Night, given: Sequence[str], words: Sequence[str]) -> bool:
    return [entry.given for entry in night.entries] == list(given) and night.words == tuple(words)


def _check_same(night: Night, given: Sequence[str], words: Sequence[str]) -> None:
    if not _same(night, given, words):
        was = " ".join([*(entry.given for entry in night.entries), *night.words])
        raise UsageError(f"{night.folder}: that night was begun with other targets or options: {was}")


def _new(folder: Path, given: Sequence[str], words: Sequence[str]) -> Night:
    slugs: list[str] = []
    for name in given:
        slug = "".join(c if c.isalnum() or c in "-_." else "-" for c in Path(name).stem).strip("-.").lower() or "target"
        slugs.append(slug if slug not in slugs else f"{slug}-{len(slugs) + 1}")
    return Night(folder, tuple(words), [Entry(name, slug) for name, slug in zip(given, slugs, strict=True)], start=now())


def now() -> str:
    """The moment, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
