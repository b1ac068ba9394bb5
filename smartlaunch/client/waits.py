"""Time that a run lets pass: until something ends or ripens, and where a server asks for patience. The report tells how long."""

from __future__ import annotations

import time

from smartlaunch.interruption import at_rest


class Waits:
    """How long this process let time pass, in seconds; one process puts one run."""

    passed_s = 0.0


def let_pass(seconds: float) -> None:
    """Wait so long; nothing below zero."""
    if seconds > 0:
        Waits.passed_s += seconds
        with at_rest():
            time.sleep(seconds)
