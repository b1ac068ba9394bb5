"""The folder of a run: where it is, that one run has it at a time, what an earlier one left there."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smartlaunch.cli.output import shown
from smartlaunch.errors import UsageError
from smartlaunch.records import files
from smartlaunch.records.store import new_run_folder


def folder_of(out: str | None) -> Path:
    """The folder of a run: the one that is named, cleared of an earlier run, else a new one."""
    if not out:
        return new_run_folder(Path.cwd() / files.REPORTS)
    folder = Path(out)
    try:
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"--out {out}: this is a file, a folder is wanted")
        folder.mkdir(parents=True, exist_ok=True)
        with alone(folder):
            _clear(folder)
    except OSError as exc:
        raise UsageError(f"--out {out}: the folder cannot be used ({exc.strerror})") from None
    return folder.resolve()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep a second run out of the folder; the lock goes with the process that holds it."""
    try:
        import fcntl
    except ImportError:  # no such locks here
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / files.LOCK_FILE).open("wb")
    except OSError as exc:
        raise UsageError(f"{shown(folder)}: the folder cannot be written ({exc.strerror})") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(f"{shown(folder)}: another run is writing to this folder\n  try: another --out") from None
        try:
            yield
        finally:
            (folder / files.LOCK_FILE).unlink(missing_ok=True)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for the temporary files of a run, the browser's profile among them; what killed runs left goes too."""
    from smartlaunch.plugin.ending import SCRATCH, remove

    base = Path(tempfile.gettempdir())
    for old in base.glob(f"{SCRATCH}*"):
        if not _is_alive(old.name.removeprefix(SCRATCH).partition("-")[0]):
            shutil.rmtree(old, ignore_errors=True)
    try:
        made = Path(tempfile.mkdtemp(prefix=f"{SCRATCH}{os.getpid()}-"))
    except OSError as exc:
        raise UsageError(f"the folder for temporary files, {base}, cannot be written ({exc.strerror})\n  try: TMPDIR=...") from None
    try:
        yield made
    finally:
        remove(made)


def _is_alive(number: str) -> bool:
    try:
        os.kill(int(number), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def _clear(folder: Path) -> None:
    """Take an earlier run out of its folder; a folder with anything else in it is left alone."""
    foreign = sorted(path.name for path in folder.iterdir() if path.name not in files.EVERY)
    if foreign:
        raise UsageError(f"--out {folder}: the folder holds {foreign[0]}, which is no part of a run\n  try: a new folder")
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != files.LOCK_FILE:
            path.unlink()
