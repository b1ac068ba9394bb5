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
"""By Ctrl-C; another signal adds its own number to 128, as shells have it: 143 for SIGTERM."""


MEANING = {
    GOOD: "nothing to complain of (warnings alone change nothing without `--strict`)",
    FAILED: "something failed, warned with `--strict`, or is an outdated deviation with `--strict-known`; with `--baseline`: became worse",
    USAGE: "the command or the configuration is wrong, also what the check before the run finds",
    BLOCKED: "something was blocked, nothing was judged, or the target could not be reached",
    INTERNAL: "an error of the suite: a scenario without a result, or a report that could not be written",
}
"""Where several hold, the first of 2, 1, 4, 3 counts."""


OUTDATED = ("expired", "gone")
"""The states of a deviation that should be taken out of its file."""


def exit_code(
    run: Run, *, strict: bool = False, strict_known: bool = False, regressed: bool | None = None, blocked_before: bool = False
) -> int:
    """What ``smartlaunch run`` ends with: the first of 2, 1, 4, 3 that holds, else 0.

    What a deviation says beforehand changes nothing, unless the deviation itself is outdated and ``strict_known`` asks for that.
    ``regressed`` says, where there is a run to compare with, whether something became worse: then only that is 1. ``blocked_before``
    says that nothing is blocked that was judged then, or that the target is down, which is told and is no change of the server's.
    """
    if run.preflight_verdict == "mend":
        return USAGE
    counts = run.counts
    failed = bool(run.unknown(Outcome.FAILED) or (strict and run.unknown(Outcome.WARNING)))
    if (failed if regressed is None else regressed) or (strict_known and any(d.get("state") in OUTDATED for d in run.deviations)):
        return FAILED
    unreachable = run.preflight_verdict == "unreachable"
    nothing_put = unreachable and not run.judged  # then no scenario can have a result, and that is no error of ours
    if counts[Outcome.ERROR] or run.unwritten or (run.missing and not nothing_put):
        return INTERNAL
    if blocked_before:
        return GOOD
    return BLOCKED if run.unknown(Outcome.BLOCKED) or not run.judged or unreachable else GOOD
