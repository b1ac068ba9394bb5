"""The one recorder: every exchange of engine and browser goes through it, and no raw one leaves it.

Facts are derived first, from the raw message; then it is redacted, appended to ``exchanges.jsonl`` and flushed, so that a run that is
killed keeps its evidence.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TextIO

from smartlaunch.evidence.facts import FlowMemory, derive
from smartlaunch.evidence.redaction import Redactor, each_text, texts_in
from smartlaunch.exchange import Exchange, RecordedExchange

_TEXT_MEDIA: Final = ("text/", "application/json", "application/xml", "image/svg+xml", "application/x-ndjson")
_NAME: Final = "exchanges.jsonl"
_EXTENSIONS: Final = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "text/html": ".html",
    "text/plain": ".txt",
    "application/json": ".json",
    "application/xml": ".xml",
    "image/svg+xml": ".svg",
    "application/zip": ".zip",
}


@dataclass
class Scope:
    """The exchanges and attachments of one piece of work, such as a scenario or a launch that several scenarios share."""

    name: str
    ids: list[str] = field(default_factory=list)
    attachments: list[str] = field(default_factory=list)

    def add(self, ids: list[str]) -> None:
        """Add exchange ids that are not there yet, in order."""
        self.ids += [each for each in dict.fromkeys(ids) if each not in self.ids]


class Recorder:
    """Keeps the redacted exchanges of a run, in memory and on disk.

    Without a folder nothing is written. ``body_bytes`` bounds each recorded body; what is longer is cut and marked.
    """

    def __init__(self, folder: Path | None, redactor: Redactor, body_bytes: int = 262_144, *, prefix: str = "x") -> None:
        """Begin ``folder/exchanges.jsonl``; ``prefix`` begins every id."""
        self.folder, self.redactor, self.body_bytes = folder, redactor, body_bytes
        self.exchanges: list[RecordedExchange] = []
        self.attachments: list[str] = []
        self._numbers: dict[str, int] = {}
        self._lock = threading.RLock()
        self._memory = FlowMemory()
        self._prefix, self._count = prefix, 0
        self._local = threading.local()
        self._file: TextIO | None = None
        self._open = folder is not None
        self.lost: dict[str, str] = {}
        """What could not be written, by its name, and why."""
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                self._file = (folder / _NAME).open("w", encoding="utf-8")
            except OSError as exc:
                self.lost[_NAME] = str(exc.strerror or exc)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def next_id(self) -> str:
        """A new exchange id: ``x0001``, ``x0002``, ..."""
        with self._lock:
            self._count += 1
            return f"{self._prefix}{self._count:04d}"

    def record(self, exchange: Exchange) -> RecordedExchange:
        """Derive facts, redact, keep and append one exchange."""
        with self._lock:
            facts = derive(exchange, self._memory)
            recorded = self.redactor.exchange(exchange)
            recorded.facts = self.redactor.value(facts)
            self._cut(recorded)
            self._numbers[recorded.id] = len(self.exchanges)
            self.exchanges.append(recorded)
            for scope in self._scopes:
                scope.add([recorded.id])
            if self._file is not None:
                try:
                    self._file.write(_line(vars(recorded)) + "\n")
                    self._file.flush()
                except OSError as exc:  # it is kept, and written at the end with all that could not be
                    self.lost[_NAME] = str(exc.strerror or exc)
            return recorded

    @contextmanager
    def scope(self, name: str) -> Iterator[Scope]:
        """Collect the ids of what is recorded inside, in this thread; scopes nest, and an outer one sees all of the inner."""
        scope = Scope(name)
        self._scopes.append(scope)
        try:
            yield scope
        finally:
            self._scopes.remove(scope)

    def attach_to_current(self, ids: list[str]) -> None:
        """Add exchanges recorded earlier, such as those of a shared launch, to every open scope of this thread."""
        for scope in self._scopes:
            scope.add(ids)

    def get(self, identifier: str) -> RecordedExchange | None:
        """The recorded exchange of that id, or None."""
        number = self._numbers.get(identifier)
        return None if number is None else self.exchanges[number]

    def attach(self, name: str, data: bytes, media_type: str) -> str:
        """Store a file under ``attachments/`` and return its path relative to the run's folder, or "" without a folder.

        Text is scrubbed; images are stored as they are, so whoever takes a screenshot masks its fields first.
        """
        if self.folder is None:
            return ""
        media = media_type.partition(";")[0].strip().lower()
        if media.startswith(_TEXT_MEDIA) or media.endswith(("+json", "+xml")):
            data = self.redactor.text(data.decode("utf-8", "replace")).encode()
        with self._lock:
            target = self.folder / "attachments"
            target.mkdir(parents=True, exist_ok=True)
            stem = _safe_name(self.redactor.scrub(name))
            suffix = _EXTENSIONS.get(media, "")
            stem = stem.removesuffix(suffix) if suffix else stem
            number, path = 1, target / f"{stem}{suffix}"
            while path.exists():
                number += 1
                path = target / f"{stem}-{number}{suffix}"
            relative = f"attachments/{path.name}"
            try:
                path.write_bytes(data)
            except OSError as exc:  # evidence that there is no room for must not end the scenario
                self.lost[relative] = str(exc.strerror or exc)
                path.unlink(missing_ok=True)
                return ""
            self.attachments.append(relative)
            for scope in self._scopes:
                scope.attachments.append(relative)
            return relative

    def close(self) -> None:
        """Close the file, after hiding in its older lines what was learned to be a secret only later."""
        with self._lock:
            if not self._open or self.folder is None:
                return
            self._open = False
            path = self.folder / _NAME
            try:
                if self._file is not None:
                    self._file.close()
            except OSError as exc:
                self.lost[_NAME] = str(exc.strerror or exc)
            self._file = None
            late = _leaking(self.exchanges, self.redactor)
            for number in late:
                self.exchanges[number] = rescrubbed(self.exchanges[number], self.redactor)
            if late or _NAME in self.lost or not path.is_file():
                try:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text("".join(_line(vars(each)) + "\n" for each in self.exchanges), encoding="utf-8")
                except OSError as exc:
                    path.unlink(missing_ok=True)  # its older lines may hold what was learned late
                    self.lost[_NAME] = str(exc.strerror or exc)
                else:
                    self.lost.pop(_NAME, None)

    @property
    def _scopes(self) -> list[Scope]:
        scopes: list[Scope] | None = getattr(self._local, "scopes", None)
        if scopes is None:
            scopes = self._local.scopes = []
        return scopes

    def _cut(self, recorded: RecordedExchange) -> None:
        for name in ("request_body", "response_body"):
            body: str = getattr(recorded, name)
            if len(body) > self.body_bytes:
                setattr(recorded, name, body[: self.body_bytes] + f"\n… {len(body) - self.body_bytes} characters left out")
                recorded.truncated = True


def rescrubbed(recorded: RecordedExchange, redactor: Redactor) -> RecordedExchange:
    """The same exchange with every secret hidden that is known by now."""
    members = vars(recorded).items()
    return RecordedExchange(**{name: each_text(item, redactor.scrub) for name, item in members})  # the names are ours, whatever was learned


def _leaking(exchanges: Sequence[RecordedExchange], redactor: Redactor) -> list[int]:
    """The numbers of the exchanges that give a secret away; what stands in many of them is looked at once."""
    texts = [set(texts_in(vars(each))) for each in exchanges]
    suspect = {text for block in _blocks(set().union(*texts)) for text in redactor.registry.suspect(block, plainly=True)}
    return [number for number, found in enumerate(texts) if not suspect.isdisjoint(found)]


def _blocks(texts: Iterable[str], size: int = 200_000) -> Iterator[list[str]]:
    """The texts in parts of some size: one search in many costs far less than a search in each."""
    block: list[str] = []
    length = 0
    for text in sorted(texts):
        block.append(text)
        length += len(text)
        if length > size:
            yield block
            block, length = [], 0
    yield block


def _line(value: Any) -> str:
    """JSON in one line, also for readers that take other characters than a line feed for the end of a line."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("\x85", "\\u0085")


def _safe_name(name: str) -> str:
    """A file name that is one on every system: no separators, no leading dot, no device names, not too long."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "attachment"
    if safe.split(".")[0].upper() in {"CON", "PRN", "AUX", "NUL", *(f"{d}{n}" for d in ("COM", "LPT") for n in range(1, 10))}:
        safe = f"_{safe}"
    return safe[:100]
