"""One attempt at one target: ``smartlaunch run`` as a process of its own, in a folder of its own."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT, SIGKILL

from smartlaunch.finding import Outcome
from smartlaunch.records.record import Run

_GRACE_S = 30.0
_POLL_S = 0.2


@dataclass(frozen=True)
class Attempt:
    """What is run: the target as it was written, the folder for it, further words of the command line, and for how long at most."""

    target: str
    folder: str
    words: tuple[str, ...] = ()
    limit_s: float = 3 * 3600.0

    @property
    def command(self) -> list[str]:
        """The command line."""
        own = ["run", f"--target={self.target}", f"--out={self.folder}", "--history=off"]
        return [sys.executable, "-P", "-m", "smartlaunch.nights.child", f"{self.folder}.lock", *own, *self.words]


@dataclass(frozen=True)
class Ended:
    """How an attempt ended: the exit code of its run, and the last that it said."""

    code: int
    said: str = ""


def carry_out(attempt: Attempt, stopped: threading.Event | Callable[[], bool], environment: dict[str, str], log: Path) -> Ended:
    """Run it to its end, its limit, or until the night is stopped; then it may still write its report."""
    is_stopped = stopped.is_set if isinstance(stopped, threading.Event) else stopped
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603 - our own command
            attempt.command, env=environment, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT, process_group=0
        )
        until = time.monotonic() + attempt.limit_s
        asked = 0.0
        while process.poll() is None:
            if not asked and (is_stopped() or time.monotonic() > until):
                process.send_signal(SIGINT)
                asked = time.monotonic()
            elif asked and time.monotonic() - asked > _GRACE_S:
                process.send_signal(SIGKILL)
            time.sleep(_POLL_S)
        if process.stdin is not None:
            process.stdin.close()
    return Ended(process.returncode, _tail(log))


def blocked_by_network(run: Run) -> list[str]:
    """The scenarios that no answer came for, and those that gave no result; all of them when the target was never reached."""
    if run.preflight_verdict == "mend":
        return []
    unreachable = [s.id for s in run.scenarios if s.outcome == Outcome.BLOCKED and s.block.get("kind") == "unreachable"]
    return [*unreachable, *run.missing]


def narrowed(words: Sequence[str], scenarios: Sequence[str]) -> tuple[str, ...]:
    """The words of a run that puts only these scenarios: what selects is replaced, the rest stays."""
    selecting = ("--scenario=", "--suite=", "--requirement=")
    kept = [word for word in words if not word.startswith(selecting) and word not in ("--quick", "--thorough")]
    return (*kept, *(f"--scenario={name}" for name in scenarios))


def _tail(log: Path) -> str:
    lines = log.read_bytes()[-4000:].decode("utf-8", "replace").splitlines() if log.is_file() else []
    return next((line.strip() for line in reversed(lines) if line.startswith("smartlaunch:")), "")
