"""Runs other people's installers: with a limit, without a question, and with their last words kept for the message."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LAST_WORDS, _LONGEST = 3, 400
_ERROR = re.compile(r"error|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|unable to|not found|denied", re.IGNORECASE)
_GRACE_S = 5


@dataclass(frozen=True)
class Done:
    """How a command ended; ``said`` is its last lines."""

    ok: bool
    said: str


def run(command: Sequence[str], *, limit_s: float, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Done:
    """Run a command without standard input, in a group of its own that is ended as a whole when the limit is over."""
    try:
        process = subprocess.Popen(  # noqa: S603 - the commands are this package's own
            list(command),
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as exc:
        return Done(ok=False, said=f"{command[0]} cannot be started ({exc.strerror})")
    try:
        output, _ = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        _end(process)
        return Done(ok=False, said=f"{Path(command[0]).name} did not end within {limit_s:.0f} s")
    except BaseException:
        _end(process)
        raise
    return Done(process.returncode == 0, _gist(output))


def _gist(output: str) -> str:
    """Return the line that names the error where one does, else the last lines; stack traces say nothing to a user."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    named = [line for line in lines if _ERROR.search(line) and not line.startswith("at ")]
    return (named[0] if named else "; ".join(lines[-_LAST_WORDS:]))[:_LONGEST]


def _end(process: subprocess.Popen[str]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (OSError, AttributeError):
        process.kill()
    try:
        process.communicate(timeout=_GRACE_S)
    except subprocess.TimeoutExpired:
        if process.stdout is not None:
            process.stdout.close()


def on_path(name: str) -> str | None:
    """Return the program of this name on the PATH, or None."""
    return shutil.which(name)


def playwrights_node() -> Path | None:
    """Return the Node that Playwright's wheel brings, or None."""
    from importlib.util import find_spec

    found = find_spec("playwright")
    if found is None or found.origin is None:
        return None
    driver = Path(found.origin).parent / "driver"
    return next((path for path in (driver / "node", driver / "node.exe") if path.is_file()), None)


def cache_folder() -> Path:
    """Return the folder for things that are fetched once for all projects."""
    base = os.environ.get("XDG_CACHE_HOME") or ""
    return (Path(base) if base else Path.home() / ".cache") / "smartlaunch"
