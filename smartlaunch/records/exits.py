"""The exit codes, which are promised to users, and the one that a run ends with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smartlaunch.finding import Outcome

if TYPE_CHECKING:
    from smartlaunch.records.record import Run  # its records take longer to make than `--help` may

GOOD = 0
FAILED = 1
USAGE = 2
BLOCKED = 3
INTERNAL = 4
INTERRUPTED = 130


MEANING = {
    GOOD: "nothing to complain of (warnings alone change nothing without `--strict`)",
    FAILED: "something failed, or warned with `--strict`",
    USAGE: "the command or the configuration is wrong, also what the check before the run finds",
    BLOCKED: "something was blocked, nothing was judged, or the target could not be reached",
    INTERNAL: "an error of the suite: a scenario without a result, or a report that could not be written",
}
"""Where several hold, the first of 2, 1, 4, 3 counts."""


def exit_code(run: Run, *, strict: bool = False) -> int:
    """What ``smartlaunch run`` ends with: the first of 2, 1, 4, 3 that holds, else 0."""
    if run.preflight_verdict == "mend":
        return USAGE
    counts = run.counts
    if counts[Outcome.FAILED] or (strict and counts[Outcome.WARNING]):
        return FAILED
    unreachable = run.preflight_verdict == "unreachable"
    nothing_put = unreachable and not run.judged  # then no scenario can have a result, and that is no error of ours
    if counts[Outcome.ERROR] or run.unwritten or (run.missing and not nothing_put):
        return INTERNAL
    return BLOCKED if counts[Outcome.BLOCKED] or not run.judged or unreachable else GOOD
