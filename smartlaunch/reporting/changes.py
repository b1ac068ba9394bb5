"""What changed, in words: one sentence first, then the scenarios by what became of them. As text, Markdown and JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from smartlaunch.finding import Outcome
from smartlaunch.records.comparison import Change, Comparison, Entry
from smartlaunch.reporting.words import OUTCOME_WORDS, Rows, count, on_side, printable, shortened

WORDS = {
    Change.REGRESSED: "Regressed",
    Change.FLAKY: "Flaky: up and down in the last nights",
    Change.NEW: "New",
    Change.REASON: "Failing for another reason",
    Change.BLOCKED: "No longer judged",
    Change.VANISHED: "Vanished",
    Change.FIXED: "Fixed",
}
_NAMED = 20


def headline(found: Comparison, rows: Rows, *, strict: bool = False) -> str:
    """One sentence for one target: what changed for the worse, since when, on whose side; else that nothing did."""
    target = printable(found.target) or "the target"
    if found.down:
        nights = "" if found.nights_down <= 1 else f" for {count(found.nights_down, 'night')} in a row"
        return f"{target} does not answer{nights}; nothing was judged, and that is no regression"
    worse = found.regressions(strict=strict)
    if worse:
        return f"{target}: {_worse(worse, rows)}"
    failing = sum(e.after == Outcome.FAILED for e in found.of(Change.NEW))
    if found.first:
        said = f"{count(failing, 'scenario')} failed" if failing else "nothing failed"
        return f"{target}: first run, nothing to compare with; {said}"
    parts = [
        (failing, f"{count(failing, 'new scenario')} failing"),
        (n := len(found.of(Change.FIXED)), f"{n} fixed"),
        (n := len(found.of(Change.FLAKY)), f"{n} flaky"),
        (n := len(found.of(Change.BLOCKED)), f"{n} no longer judged"),
        (n := len(found.of(Change.REASON)), f"{n} failing for another reason"),
        (n := len(found.of(Change.VANISHED)), f"{n} vanished"),
        (found.still_failing, f"{found.still_failing} still failing"),
        (n := len(found.outdated), f"{count(n, 'deviation')} outdated"),
    ]
    rest = ", ".join(text for number, text in parts if number)
    return f"{target}: nothing became worse" + (f" ({rest})" if rest else "")


def failing_at_first(found: Comparison) -> int:
    """How many scenarios fail where there was nothing to compare with."""
    return sum(e.after == Outcome.FAILED for e in found.of(Change.NEW)) if found.first else 0


def _failing(number: int) -> str:
    return f", {count(number, 'scenario')} of theirs failed" if number else ""


def _worse(entries: Sequence[Entry], rows: Rows) -> str:
    """What became worse: the requirement that most of it breaks, when that was last met, on whose side."""
    (requirement, number), *_ = Counter(e.requirements[0] if e.requirements else e.scenario for e in entries).most_common(1)
    shown = next(e for e in entries if (e.requirements[0] if e.requirements else e.scenario) == requirement)
    row = rows.get(requirement)
    rule = f"{requirement} ({shortened(printable(row.text), 160).rstrip('.')})" if row else requirement
    since = f", last met {shown.since[:16].replace('T', ' ')}" if shown.since else ""
    rest = f"; {count(len(entries) - number, 'more scenario')} with other rules" if len(entries) > number else ""
    word = "no longer met" if shown.after == Outcome.FAILED else "now warns"
    actual = shortened(printable(shown.reason), 160).rstrip(".")
    return f"{rule} {word} in {count(number, 'scenario')}{since}, {on_side(shown.side)}: {actual}{rest}"


def night_headline(found: Sequence[Comparison], rows: Rows, *, strict: bool = False, down_nights: int = 3) -> str:
    """One sentence for many targets: the worst first, alone where it is alone."""
    worse = [c for c in found if c.regressions(strict=strict)]
    down = [c for c in found if c.down]
    long_down = [c for c in down if c.red(down_nights=down_nights)]
    if worse:
        first = headline(worse[0], rows, strict=strict)
        return first + (f"; and {len(worse) - 1} more of {count(len(found), 'target')} became worse" if len(worse) > 1 else "")
    if long_down:
        return headline(long_down[0], rows) + (f"; and {count(len(long_down) - 1, 'more target')}" if len(long_down) > 1 else "")
    if len(found) == 1:
        return headline(found[0], rows)
    fixed = sum(len(c.of(Change.FIXED)) for c in found)
    first_runs = [c for c in found if c.first]
    parts = [
        (fixed, f"{fixed} fixed"),
        (n := sum(c.still_failing for c in found), f"{n} still failing"),
        (len(down), f"{count(len(down), 'target')} not answering"),
        (len(first_runs), f"{count(len(first_runs), 'target')} for the first time{_failing(sum(map(failing_at_first, first_runs)))}"),
    ]
    rest = ", ".join(text for number, text in parts if number)
    return f"nothing became worse at {count(len(found), 'target')}" + (f" ({rest})" if rest else "")


def as_text(found: Comparison, rows: Rows, *, strict: bool = False) -> str:
    """The whole comparison for a terminal."""
    lines = [headline(found, rows, strict=strict)]
    if found.before:
        lines.append(f"  {found.before} -> {found.after}")
    for change, entries in _groups(found):
        lines += ["", f"{WORDS[change]} ({len(entries)})"]
        lines += [f"  {_line(entry)}" for entry in entries[:_NAMED]]
        if len(entries) > _NAMED:
            lines.append(f"  and {len(entries) - _NAMED} more")
    return "\n".join(lines) + "\n"


def as_markdown(found: Iterable[Comparison], rows: Rows, *, strict: bool = False, title: str = "") -> str:
    """Comparisons as Markdown, each under its sentence."""
    lines = [f"**{_escaped(title)}**", ""] if title else []
    for each in found:
        lines += [f"- {_escaped(headline(each, rows, strict=strict))}"]
        for change, entries in _groups(each):
            lines.append(f"  - {WORDS[change]} ({len(entries)})")
            lines += [f"    - `{printable(e.scenario).replace('`', ' ')}` {_escaped(_what(e))}" for e in entries[:_NAMED]]
            if len(entries) > _NAMED:
                lines.append(f"    - and {len(entries) - _NAMED} more")
    return "\n".join(lines) + "\n"


def as_json(found: Comparison, rows: Rows, *, strict: bool = False) -> dict[str, Any]:
    """The comparison for programs."""
    return {
        "headline": headline(found, rows, strict=strict),
        "target": found.target,
        "before": found.before,
        "after": found.after,
        "down": found.down,
        "nights_down": found.nights_down,
        "first": found.first,
        "still_failing": found.still_failing,
        "known": found.known,
        "outdated": list(found.outdated),
        "changes": [
            {
                "change": entry.change.value,
                "scenario": entry.scenario,
                "before": entry.before,
                "after": entry.after,
                "requirements": list(entry.requirements),
                "side": entry.side,
                "reason": entry.reason,
                "reason_before": entry.reason_before,
                "since": entry.since,
            }
            for entry in found.entries
        ],
    }


def _groups(found: Comparison) -> list[tuple[Change, tuple[Entry, ...]]]:
    """The entries by kind; what is new and passes is not worth a line each, and neither is all of a first run."""
    groups = []
    for change in Change:
        entries = found.of(change)
        if change is Change.NEW:
            entries = tuple(e for e in entries if e.after in (Outcome.FAILED, Outcome.WARNING))
        if entries:
            groups.append((change, entries))
    return groups


def _line(entry: Entry) -> str:
    return f"{printable(entry.scenario)}  {_what(entry)}"


def _what(entry: Entry) -> str:
    was = OUTCOME_WORDS.get(entry.before, entry.before)
    now = OUTCOME_WORDS.get(entry.after, entry.after)
    steps = f"{was} -> {now}" if was and now and was != now else now or f"was {was}"
    why = shortened(printable(entry.reason).replace("\n", " "), 200)
    side = f", {on_side(entry.side)}" if entry.side else ""
    return f"{steps}{side}" + (f": {why}" if why else "")


def _escaped(text: str) -> str:
    """A text whose marks Markdown does not take for its own, nor for HTML."""
    plain = printable(text).replace("\n", " ")
    for mark in ("\\", "`", "*", "_", "[", "]", "<", ">", "|", "#"):
        plain = plain.replace(mark, "\\" + mark)
    return plain
