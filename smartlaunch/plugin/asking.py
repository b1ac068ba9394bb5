"""Asking the person at the terminal, through the process that started this one: only that one may read from it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

VARIABLE = "SMARTLAUNCH_ASK"
"""The number of the open socket over which the starting process is asked; it is set where a person sits at a terminal."""
LIMIT_S = 200.0


def at_the_terminal() -> Callable[[str], str] | None:
    """What puts a question of one line and gives the line that was typed, or nothing; None where nobody can be asked."""
    number = os.environ.get(VARIABLE, "")
    if not number.isdigit():
        return None

    def ask(question: str) -> str:
        # Nothing is left open between two questions: what is only let go of counts as an error at the end of the run.
        try:
            with socket.socket(fileno=os.dup(int(number))) as line, line.makefile("r", encoding="utf-8") as answers:
                line.settimeout(LIMIT_S)
                line.sendall(f"{question}\n".encode())
                return answers.readline().strip()
        except OSError:  # nobody is there any more, or nobody typed anything in time
            return ""

    return ask
