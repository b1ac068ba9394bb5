"""Log lines of every library, without the run's secrets: ``--log-cli-level=DEBUG`` shows addresses and headers as they go out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any


def keep_secrets_out(scrub: Callable[[str], str]) -> Callable[[], None]:
    """Let each record be made with a clean message; gives what undoes it."""
    usual = logging.getLogRecordFactory()

    def made(*args: Any, **more: Any) -> logging.LogRecord:
        record = usual(*args, **more)
        try:
            record.msg = scrub(record.getMessage())
        except Exception as exc:  # noqa: BLE001 - whatever is wrong with a line of somebody's log is no reason to stop or to show it
            record.msg = f"a line that could not be read: {type(exc).__name__}"
        record.args = ()
        if record.exc_info and record.exc_info[0] is not None:
            record.msg = f"{record.msg} ({record.exc_info[0].__name__})"
            record.exc_info = None
        return record

    logging.setLogRecordFactory(made)
    return lambda: logging.setLogRecordFactory(usual)
