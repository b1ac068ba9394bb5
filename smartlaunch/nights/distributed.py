"""Attempts on other machines, by Dask distributed (optional extra ``distributed``).

Each target is one task that needs one ``browser`` of its worker. Its report comes back packed, so machines need no shared disk for
that. Dask gives a task of a worker that died to another; the run that was under way there ends by itself, its night being gone.
"""

from __future__ import annotations

import io
import shutil
import tempfile
import threading
import time
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from smartlaunch.errors import SmartLaunchError, UsageError
from smartlaunch.nights.attempt import Attempt, Ended, carry_out
from smartlaunch.records.exits import INTERRUPTED

RESOURCE = "browser"
_TRIES = 2
_CONNECT_S = 30
_POLL_S = 0.2
_MOST_BYTES = 2_000_000_000


@dataclass
class OnWorkers:
    """A runner that hands attempts to the workers of a scheduler; ``environment`` is what the runs see besides the worker's own."""

    address: str
    environment: Mapping[str, str] = field(default_factory=dict)
    _client: Any = None

    def __post_init__(self) -> None:
        """Connect; raises ``UsageError`` where there is no scheduler, no worker with a browser, or no Dask."""
        try:
            client = _dask().Client
        except ImportError:
            raise UsageError('--scheduler needs the optional extra: pip install "smart-launch-conformance[distributed]"') from None
        try:
            self._client = client(self.address, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as exc:
            raise UsageError(f"--scheduler {self.address}: no scheduler answers there ({type(exc).__name__})") from None
        if not self.browsers:
            self.close()
            raise UsageError(f'--scheduler {self.address}: no worker offers a browser\n  try: dask worker ... --resources "{RESOURCE}=1"')

    @property
    def browsers(self) -> int:
        """How many targets the workers can take at a time."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        return int(sum(worker.get("resources", {}).get(RESOURCE, 0) for worker in workers))

    def __call__(self, attempt: Attempt, stopped: threading.Event, log: Path) -> Ended:
        """Hand one attempt over, wait for it, and unpack what came back."""
        name = uuid.uuid4().hex
        stop = _dask().Event(name, client=self._client)
        future = self._client.submit(
            remote, attempt, dict(self.environment), name, resources={RESOURCE: 1}, retries=_TRIES, pure=False, key=f"smartlaunch-{name}"
        )
        asked = False
        while not future.done():
            if stopped.is_set() and not asked:
                stop.set()
                asked = True
            time.sleep(_POLL_S)
        if future.status != "finished":
            return Ended(INTERRUPTED, "the task was taken back") if future.cancelled() else self._failed(future)
        code, said, packed, words = future.result()
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            out.write(words)
        unpack(packed, Path(attempt.folder))
        return Ended(code, said)

    @staticmethod
    def _failed(future: Any) -> Ended:
        raise SmartLaunchError(f"no worker could carry it out: {type(future.exception()).__name__}")

    def close(self) -> None:
        """Leave the scheduler."""
        self._client.close()


def remote(attempt: Attempt, environment: dict[str, str], stop: str) -> tuple[int, str, bytes, bytes]:
    """What a worker does: the attempt in a folder of its own; exit code, last words, the folder packed, the log."""
    import os

    dask = _dask()
    event = dask.Event(stop, client=dask.get_client())
    scratch = Path(tempfile.mkdtemp(prefix="smartlaunch-night-"))
    asked = [0.0, False]

    def stopped() -> bool:
        if time.monotonic() - float(asked[0]) > 1:
            asked[:] = [time.monotonic(), event.is_set()]
        return bool(asked[1])

    try:
        folder, log = scratch / Path(attempt.folder).name, scratch / "log"
        ended = carry_out(replace(attempt, folder=str(folder)), stopped, {**os.environ, **environment}, log)
        return ended.code, ended.said, pack(folder), log.read_bytes()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _dask() -> Any:
    """The library, whose signatures are not typed throughout."""
    import distributed

    return distributed


def pack(folder: Path) -> bytes:
    """A folder as one ZIP."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.is_file() and not path.is_symlink():
                out.write(path, path.relative_to(folder).as_posix())
    return packed.getvalue()


def unpack(packed: bytes, folder: Path) -> None:
    """Put a packed folder in the place of what is there; nothing outside is written, and nothing endless."""
    with zipfile.ZipFile(io.BytesIO(packed)) as found:
        infos = found.infolist()
        root = folder.resolve()
        if sum(info.file_size for info in infos) > _MOST_BYTES:
            raise SmartLaunchError("the report that came back is larger than any report")
        if any(not (root / info.filename).resolve().is_relative_to(root) for info in infos):
            raise SmartLaunchError("the report that came back would be written outside its folder")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for info in infos:
            if not info.is_dir():
                place = root / info.filename
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(found.read(info))
