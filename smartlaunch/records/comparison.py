"""What changed from one run to another, or from what a history knows to a run.

Only a verdict on the server can become worse. A scenario that could not be judged says nothing: it is told as blocked, and what it
was before stays what is compared with the next time. What a deviation says beforehand is no change either.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from smartlaunch.finding import Outcome, Side
from smartlaunch.records.causes import group_findings, normalised
from smartlaunch.records.record import Run, ScenarioResult

_RANK = {Outcome.PASSED.value: 0, Outcome.WARNING.value: 1, Outcome.FAILED.value: 2}


class Change(StrEnum):
    """What became of a scenario."""

    REGRESSED = "regressed"
    FLAKY = "flaky"
    NEW = "new"
    REASON = "changed-reason"
    BLOCKED = "blocked"
    VANISHED = "vanished"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class Before:
    """What a scenario was before: its last verdict, why, when that was (ISO 8601), and whether it was known."""

    outcome: str
    reason: str = ""
    when: str = ""
    known: bool = False
    current: bool = True
    """Whether the last run had it at all; else it vanished before."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One scenario that is not what it was."""

    change: Change
    scenario: str
    before: str
    after: str
    requirements: tuple[str, ...] = ()
    side: str = ""
    reason: str = ""
    reason_before: str = ""
    since: str = ""
    """When it was last as it was before."""


@dataclass(frozen=True)
class Comparison:
    """A run against what was before; ``nights_down`` counts this run too, 0 when the target answers."""

    target: str
    before: str
    after: str
    when: str = ""
    when_before: str = ""
    entries: tuple[Entry, ...] = ()
    down: bool = False
    nights_down: int = 0
    first: bool = False
    still_failing: int = 0
    known: int = 0
    outdated: tuple[str, ...] = field(default=())

    def of(self, change: Change) -> tuple[Entry, ...]:
        """The entries of one kind."""
        return tuple(entry for entry in self.entries if entry.change is change)

    def regressions(self, *, strict: bool = False) -> tuple[Entry, ...]:
        """What became worse: failures, with ``strict`` warnings too."""
        return tuple(e for e in self.of(Change.REGRESSED) if strict or e.after == Outcome.FAILED)

    def red(self, *, strict: bool = False, down_nights: int = 3) -> bool:
        """Whether somebody has to be woken: something became worse, or the target has been down for so many nights."""
        return bool(self.regressions(strict=strict)) or (self.down and self.nights_down >= max(1, down_nights))


def reason_of(scenario: ScenarioResult) -> str:
    """Why a scenario is what it is, without what differs from one run to the next."""
    found = sorted({f"{f.requirement} {f.actual}" for f in scenario.findings if f.outcome == scenario.outcome})
    return normalised("\n".join(found) or scenario.reason.partition("\n")[0]) if scenario.outcome != Outcome.PASSED else ""


def is_down(run: Run) -> bool:
    """Whether nothing was judged because the target did not answer."""
    if run.judged:
        return False
    return run.preflight_verdict == "unreachable" or any(s.block.get("kind") == "unreachable" for s in run.scenarios)


def before_of(run: Run) -> dict[str, Before]:
    """What a run says of each of its scenarios."""
    when = str(run.header.get("start", ""))
    return {s.id: Before(s.outcome, reason_of(s), when, bool(s.known)) for s in run.scenarios}


def compare(
    before: Mapping[str, Before],
    run: Run,
    *,
    before_name: str = "",
    flaky: Collection[str] = (),
    nights_down_before: int = 0,
    first: bool = False,
) -> Comparison:
    """What changed; ``flaky`` are scenarios whose history goes up and down, which are told so and never as regressed."""
    sides = _sides(run)
    down = is_down(run)
    entries: list[Entry] = []
    if not down:
        entries = [e for s in run.scenarios if (e := _entry(before.get(s.id), s, sides, flaky)) is not None]
        ran = {s.id for s in run.scenarios} | set(run.missing)
        entries += [
            Entry(Change.VANISHED, name, b.outcome, "", since=b.when) for name, b in before.items() if b.current and name not in ran
        ]
    order = list(Change)
    return Comparison(
        target=run.target_name,
        before=before_name,
        after=run.id,
        when=str(run.header.get("start", "")),
        when_before=max((b.when for b in before.values()), default=""),
        entries=tuple(sorted(entries, key=lambda e: (order.index(e.change), -_RANK.get(e.after, -1)))),
        down=down,
        nights_down=nights_down_before + 1 if down else 0,
        first=first,
        still_failing=sum(s.outcome == Outcome.FAILED and not s.known for s in run.scenarios) - len(_failed_now(entries)),
        known=len(run.known),
        outdated=tuple(str(d.get("match", "")) for d in run.deviations if d.get("state") in ("expired", "gone")),
    )


def _failed_now(entries: Sequence[Entry]) -> list[Entry]:
    return [e for e in entries if e.after == Outcome.FAILED and e.change in (Change.REGRESSED, Change.NEW, Change.FLAKY)]


def _entry(before: Before | None, now: ScenarioResult, sides: Mapping[str, tuple[str, str]], flaky: Collection[str]) -> Entry | None:
    change = _change(before, now, flaky)
    if change is None:
        return None
    broken = tuple(dict.fromkeys(f.requirement for f in now.findings if f.outcome == now.outcome))
    side, reason = sides.get(now.id, ("", now.reason.partition("\n")[0]))
    return Entry(
        change,
        now.id,
        before.outcome if before else "",
        now.outcome,
        broken or now.requirements,
        side,
        reason,
        before.reason if before else "",
        before.when if before else "",
    )


def _change(before: Before | None, now: ScenarioResult, flaky: Collection[str]) -> Change | None:
    rank, was = _RANK.get(now.outcome), _RANK.get(before.outcome) if before else None
    if now.known:
        return None
    if before is None:
        return Change.NEW
    if rank is None:
        return Change.BLOCKED if now.outcome in (Outcome.BLOCKED, Outcome.ERROR) and was is not None else None
    if was is None:
        return Change.NEW if rank == _RANK[Outcome.FAILED] else None
    if before.known:
        return Change.FIXED if rank < was else None
    if rank == was:
        return Change.REASON if rank and before.reason != reason_of(now) else None
    if now.id in flaky:
        return Change.FLAKY
    return Change.REGRESSED if rank > was else Change.FIXED


def _sides(run: Run) -> dict[str, tuple[str, str]]:
    """Whose side it is and what is wrong, by scenario: the words of the cause that explains it."""
    found: dict[str, tuple[str, str]] = {}
    for cause in group_findings(run):
        for scenario, finding in cause.findings:
            if finding.outcome == scenario.outcome:
                found.setdefault(scenario.id, (cause.side or Side.UNDECIDED.value, finding.actual))
    return found
