"""What a run knows of its own side: the target file, and who signs in. It is said first, and no vendor is asked about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smartlaunch.diagnosis.model import Category, Confidence, Diagnosis, Evidence
from smartlaunch.errors import LoginStuck
from smartlaunch.finding import Outcome, Side
from smartlaunch.records import commands
from smartlaunch.records.own_side import SENTENCES
from smartlaunch.records.record import Run, ScenarioResult

CERTAIN = 100
_BLOCKS: dict[str, tuple[Category, str, str]] = {
    "sign-in-refused": (
        Category.IDENTITY_SESSION,
        SENTENCES["sign-in-refused"],
        "Mend username or password of this user in the target file (a file may end with a blank or be of another environment).",
    ),
    "not-offered": (
        Category.LAUNCH_CONTEXT,
        SENTENCES["not-offered"],
        "Mend [patients], the patients of the user, or [ehr_launch] patient and encounter in the target file.",
    ),
}
"""By the kind of block: category, cause and what to mend."""


def of_preflight(run: Run) -> list[Diagnosis]:
    """What the check of the configuration found wrong, one entry each."""
    found = []
    for line in run.preflight:
        if line.get("verdict") == "mend":
            found.append(_of_line(line, run))
    return found


def _of_line(line: Mapping[str, Any], run: Run) -> Diagnosis:
    problem, _, hint = str(line.get("problem", "")).partition("\n")
    words = hint.strip().removeprefix("try:").strip()
    target = run.header.get("target")
    name = str(target.get("given") or target.get("name") or "TARGET") if isinstance(target, Mapping) else "TARGET"
    return Diagnosis(
        rule="target-file",
        category=Category.CLIENT_REGISTRATION if "[clients" in problem[:20] else Category.OTHER,
        side=Side.TARGET_FILE,
        cause=problem[:400],
        fix=str(line.get("fix") or words or "Mend the target file as the line says."),
        next=f"smartlaunch doctor --target={name}",
        confidence=Confidence.HIGH,
        weight=CERTAIN,
        evidence=[Evidence("the check before the run")],
    )


def of_block(result: ScenarioResult, run: Run) -> Diagnosis | None:
    """The cause of a block that lies in the target file, told by the kind of the block."""
    known = _BLOCKS.get(str(result.block.get("kind", ""))) if result.outcome == Outcome.BLOCKED else None
    if known is None:
        return None
    category, cause, fix = known
    said = (str(result.block.get("cause", "")) or result.reason.partition("\n")[0]).partition(" Visible controls:")[0]
    return Diagnosis(
        rule="target-file",
        category=category,
        side=Side.TARGET_FILE,
        cause=cause if result.block.get("kind") == "not-offered" else f"{cause} ({said[:300]})",
        fix=fix,
        next=commands.again(result, run),
        confidence=Confidence.HIGH,
        weight=CERTAIN,
        evidence=[Evidence(said[:300], exchange=result.exchanges[-1] if result.exchanges else "")],
        scenarios=[result.id],
    )


def of_stuck_login(result: ScenarioResult, run: Run) -> Diagnosis | None:
    """The block of a page on which nobody knew the way on, for when no message tells more."""
    if result.outcome != Outcome.BLOCKED or result.block.get("kind") != LoginStuck.kind:
        return None
    said = str(result.block.get("cause", "")).partition(" Visible controls:")[0]
    return Diagnosis(
        rule="login-stuck",
        category=Category.IDENTITY_SESSION,
        side=Side.UNDECIDED,
        cause="A page of the login was reached from which nothing known leads on.",
        fix="Go through the login by hand in a browser. Where a person comes through, give the steps as [[login.steps]] "
        "(`smartlaunch login record` writes them); where a person is stopped as well, mend what the page names, such as a permission "
        "of this user or a setting of the app.",
        next=commands.again(result, run),
        confidence=Confidence.LOW,
        weight=CERTAIN // 2,
        evidence=[Evidence(said[:400], exchange=result.exchanges[-1] if result.exchanges else "")],
        scenarios=[result.id],
    )
