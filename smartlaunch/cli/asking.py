"""The person at the terminal, asked on behalf of the run, which is a process of its own and may not read from it."""

from __future__ import annotations

import os
import select
import socket
import sys
import threading
from types import TracebackType
from typing import Self

from smartlaunch.plugin.asking import VARIABLE

__all__ = ["VARIABLE", "Asked", "somebody_is_there"]

_LIMIT_S = 180.0
_LONGEST = 8192


def somebody_is_there() -> bool:
    """Whether questions go to a terminal and answers come from one."""
    return sys.stdin.isatty() and sys.stderr.isatty() and not os.environ.get("CI")


class Asked:
    """Answers the questions of a run while it goes on; ``number`` is what the run is told of its end of the line."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def number(self) -> int:
        """The run's end of the line."""
        return self._theirs.fileno()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ours.close()
        self._theirs.close()

    def _serve(self) -> None:
        try:
            for question in self._ours.makefile("r", encoding="utf-8"):
                sys.stderr.write(f"\n{question.strip()}\n(Enter alone goes on without) > ")
                sys.stderr.flush()
                self._ours.sendall(f"{_typed()}\n".encode())
        except OSError:
            return  # the run is over


def _typed() -> str:
    """The next line that is typed, or nothing when none comes in time."""
    ready, _, _ = select.select([sys.stdin], [], [], _LIMIT_S)
    return sys.stdin.readline(_LONGEST).strip() if ready else ""
