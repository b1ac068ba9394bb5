"""Blocks that lie in the target file, not at the server: what the reports and the diagnosis say of them first."""

from __future__ import annotations

from smartlaunch.finding import Outcome
from smartlaunch.records.record import Run

SENTENCES = {
    "sign-in-refused": "The sign-in page does not take the user name and password of the target file.",
    "not-offered": "What the target file asks for is not among what the page offers to this user.",
}
"""By the kind of block."""


def sentences(run: Run) -> list[str]:
    """One sentence for each kind of block of this run that the target file causes, in the order of the run."""
    kinds = (str(r.block.get("kind", "")) for r in run.scenarios if r.outcome == Outcome.BLOCKED)
    return list(dict.fromkeys(SENTENCES[kind] for kind in kinds if kind in SENTENCES))
