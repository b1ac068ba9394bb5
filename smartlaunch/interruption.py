"""A signal that asks for an end is noted where it comes, and obeyed where it cuts nothing in the middle.

A handler of Python's runs between any two instructions of the main thread. An exception that it raises there would leave open the file that
was just being opened, and half written the one that was being written. So the handler only notes; the exception comes between two steps,
after an exchange, or where a wait of ours holds the run up (``at_rest``). What comes to no such place is cut after all, within a limit.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

SIGNALS: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
PATIENCE_S: Final = 1.2
"""How long the main thread may take to come to a place at which it can end; then it is interrupted where it stands."""


class _Interruption:
    """What was asked of this process, and where its main thread is."""

    asked = False
    obeyed = False
    """The exception was raised: whatever comes now is part of ending."""
    at_rest = False
    closing = False


_state = _Interruption()


def listen() -> None:
    """Note each signal that asks for an end, also where the parent had it ignored; from the main thread."""
    for name in ("asked", "obeyed", "at_rest", "closing"):
        setattr(_state, name, False)
    for number in SIGNALS:
        signal.signal(number, _note)
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, _out_of_patience)


def _note(_number: int, _frame: FrameType | None) -> None:
    again, _state.asked = _state.asked, True
    if _state.obeyed:
        return  # once is enough; whoever means it ends the process
    if again or _state.at_rest:
        _obey()
    if not _state.closing and hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)


def _out_of_patience(_number: int, _frame: FrameType | None) -> None:
    if not _state.obeyed and not _state.closing:
        _obey()


def _obey() -> None:
    _state.obeyed = True
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)
    raise KeyboardInterrupt


def give_way() -> None:
    """Here nothing is under way: end, if that was asked for and the end has not begun."""
    if _state.asked and not _state.obeyed and not _state.closing and threading.current_thread() is threading.main_thread():
        _obey()


@contextmanager
def at_rest() -> Iterator[None]:
    """Within the block nothing happens but waiting, so that a signal may end it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers run in the main thread, which is elsewhere
        return
    give_way()
    before, _state.at_rest = _state.at_rest, True
    try:
        yield
    finally:
        _state.at_rest = before


def close() -> None:
    """From now on the run is being closed and its reports are written: one signal asks for nothing more, a second one ends that too."""
    _state.closing = True
