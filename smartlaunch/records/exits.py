"""The exit codes, which are promised to users, and the one that a run ends with."""

from __future__ import annotations

from smartlaunch.finding import Outcome
from smartlaunch.records.record import Run

GOOD = 0
FAILED = 1
USAGE = 2
BLOCKED = 3
INTERNAL = 4
INTERRUPTED = 130


def exit_code(run: Run, *, strict: bool = False) -> int:
    """What ``smartlaunch run`` ends with: the first of 2, 1, 4, 3 that holds, else 0.

    2 the configuration is wrong (preflight); 1 something failed (or warned, when ``strict``); 4 our own error or a scenario
    without a result; 3 something blocked, nothing judged, or the target out of reach at preflight.
    """
    if run.preflight_verdict == "mend":
        return 2
    counts = run.counts
    if counts[Outcome.FAILED] or (strict and counts[Outcome.WARNING]):
        return 1
    unreachable = run.preflight_verdict == "unreachable"
    if unreachable and not run.judged:
        return 3
    if counts[Outcome.ERROR] or run.missing:
        return 4
    return 3 if counts[Outcome.BLOCKED] or not run.judged or unreachable else 0
