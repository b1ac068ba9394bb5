"""What a run says on the terminal: a line while it goes, and the summary at its end.

The summary starts with the verdict, goes on with what failed and on whose side, then what was not judged and why, and ends with
the paths of the reports. It is plain text unless the stream is a terminal that takes colours.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from smartlaunch.fhir import left_behind
from smartlaunch.finding import Outcome
from smartlaunch.records.causes import Cause, Unjudged, group_findings, group_unjudged, wishes
from smartlaunch.records.record import Run
from smartlaunch.reporting.failure import render_finding, wrapped
from smartlaunch.reporting.words import (
    OUTCOME_WORDS,
    SIDE_WORDS,
    Rows,
    count,
    deviation_line,
    on_side,
    printable,
    seconds,
    sections,
    shortened,
    spent,
    verdict,
    wished,
)

NARROWEST, WIDEST = 40, 110
_NAMED = 3
_WISHES = 5
_ENOUGH = 20
MINUTE_S = 60.0
_FOLDED = (Outcome.NOT_CONFIGURED.value, Outcome.NOT_APPLICABLE.value)

_CODES = {
    "bold": "1",
    "dim": "2",
    Outcome.PASSED.value: "32",
    Outcome.FAILED.value: "31",
    Outcome.WARNING.value: "33",
    Outcome.BLOCKED.value: "35",
    Outcome.ERROR.value: "35",
    Outcome.NOT_APPLICABLE.value: "2",
    Outcome.NOT_CONFIGURED.value: "2",
}


@dataclass(frozen=True, slots=True)
class Style:
    """Colours or none."""

    colour: bool = False

    def __call__(self, text: str, *names: str) -> str:
        """The text in the named styles; unchanged without colours."""
        codes = ";".join(_CODES[n] for n in names if n in _CODES)
        return f"\x1b[{codes}m{text}\x1b[0m" if self.colour and codes else text


def takes_colour(stream: TextIO, environ: Mapping[str, str] | None = None) -> bool:
    """Whether a stream is a terminal and neither ``NO_COLOR`` nor a dumb terminal speaks against colours."""
    env = os.environ if environ is None else environ
    return bool(getattr(stream, "isatty", lambda: False)()) and not env.get("NO_COLOR") and env.get("TERM") != "dumb"


def terminal_width() -> int:
    """The width to write in: that of the terminal, within what can be read."""
    return max(NARROWEST, min(WIDEST, shutil.get_terminal_size((100, 24)).columns))


def render_summary(
    run: Run,
    rows: Rows,
    *,
    paths: Mapping[str, Path | str] | Iterable[tuple[str, Path | str]] = (),
    width: int | None = None,
    colour: bool = False,
    details: int = 12,
) -> str:
    """The summary of a run as text.

    ``paths`` names the reports; ``details`` is how many causes are written out, the rest are counted.
    """
    return "\n".join(_Summary(run, rows, width or terminal_width(), Style(colour), details).lines(dict(paths))) + "\n"


class _Summary:
    """Builds the lines; one method per part, in reading order."""

    def __init__(self, run: Run, rows: Rows, width: int, style: Style, details: int) -> None:
        self.run, self.rows, self.width, self.style, self.details = run, rows, width, style, details
        self.causes = group_findings(run)

    def lines(self, paths: Mapping[str, Path | str]) -> list[str]:
        return [
            *self._verdict(),
            *self._preflight(),
            *self._findings(),
            *self._deviations(),
            *self._unjudged(),
            *self._counts(),
            *self._left_behind(),
            *self._unwritten(),
            *self._paths(paths),
        ]

    def _verdict(self) -> list[str]:
        found = verdict(self.run)
        target = printable(self.run.target_name)
        lines = wrapped(f"{found.word.upper()}  {found.sentence}", self.width, indent="", hanging="  ")
        lines[0] = lines[0].replace(found.word.upper(), self.style(found.word.upper(), "bold", found.tone), 1)
        facts = [f for f in (target, str(self.run.header.get("target", {}).get("fhir_base_url", ""))) if f]
        if self.run.duration_s:
            parts = spent(self.run)
            facts.append(seconds(self.run.duration_s) + (f" ({parts})" if parts else ""))
        lines += wrapped("  ".join(facts), self.width, indent="", hanging="  ") if facts else []
        if self.run.header.get("interrupted"):
            lines.append(self.style("The run was ended before it was done.", Outcome.BLOCKED.value))
        return lines

    def _preflight(self) -> list[str]:
        lines: list[str] = []
        for line in self.run.preflight:
            lines += wrapped(str(line.get("problem", "")), self.width, indent="  - ", hanging="    ")
            if line.get("fix"):
                lines += wrapped(f"try: {line['fix']}", self.width, indent="    ", hanging="      ")
        return ["", self.style("Before the run", "bold"), *lines] if lines else []

    def _findings(self) -> list[str]:
        lines: list[str] = []
        left = self.details
        for title, causes in sections([c for c in self.causes if not c.known]):
            lines += ["", self._heading(title, len(causes))]
            written = causes[: max(left, 0)]
            for number, cause in enumerate(written):
                lines += ["", *self._cause(cause)] if number else self._cause(cause)
            if len(causes) > left:
                lines.append(self.style(f"  and {len(causes) - max(left, 0)} more, in the report", "dim"))
            left -= len(causes)
        return lines

    def _cause(self, cause: Cause) -> list[str]:
        finding = cause.first
        rendered = render_finding(
            finding,
            self.rows,
            exchange=self.run.exchange_by_id.get(finding.exchange),
            diagnosis=cause.diagnosis,
            width=self.width - 2,
        )
        rendered[0] = rendered[0].replace(finding.requirement, self.style(finding.requirement, "bold", cause.outcome), 1)
        also = [r for r in cause.requirements if r != finding.requirement]
        names = [s.id for s in cause.scenarios]
        shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
        lines = ["  " + line for line in rendered]
        lines += wrapped(shown, self.width, indent=f"    {'seen in':<14}", hanging="    " + " " * 14)
        if also:
            lines += wrapped(", ".join(also), self.width, indent=f"    {'also breaks':<14}", hanging="    " + " " * 14)
        return lines

    def _deviations(self) -> list[str]:
        """What the target file said beforehand, outdated lines first: they are what there is to do."""
        order = ("expired", "gone", "unknown", "seen", "not-judged")
        told = sorted(self.run.deviations, key=lambda d: order.index(str(d.get("state"))) if d.get("state") in order else len(order))
        lines = [line for deviation in told for line in self._item(deviation_line(deviation))]
        return ["", self._heading("Known deviations", len(told)), *lines] if lines else []

    def _unjudged(self) -> list[str]:
        groups = group_unjudged(self.run)
        if not groups and not self.run.missing:
            return []
        lines = ["", self._heading("Not judged", sum(len(g.scenarios) for g in groups) + len(self.run.missing))]
        for group in groups:
            if group.outcome not in _FOLDED:
                lines += self._group(group)
        if self.run.missing:
            more = ", ..." if len(self.run.missing) > _NAMED else ""
            lines += self._item(f"{len(self.run.missing):>4} without a result: {', '.join(self.run.missing[:_NAMED])}{more}")
        for outcome in _FOLDED:
            lines += self._folded(outcome, [g for g in groups if g.outcome == outcome])
        return lines + self._wishes()

    def _group(self, group: Unjudged) -> list[str]:
        """What went wrong, where it shows first, and what to do about it."""
        word = OUTCOME_WORDS[group.outcome]
        first = group.scenarios[0].id + (f" and {len(group.scenarios) - 1} more" if len(group.scenarios) > 1 else "")
        named = self._item(f"{len(group.scenarios):>4} {word}: {first}")
        lines = [named[0].replace(word, self.style(word, group.outcome), 1), *named[1:]]
        lines += wrapped(group.reason, self.width, indent="       ", hanging="       ")
        if group.diagnosis:
            told = f"likely cause: {group.diagnosis.cause} ({on_side(group.diagnosis.side)})"
            lines += wrapped(told, self.width, indent="       ", hanging="         ")
            lines += wrapped(f"what to try: {group.diagnosis.fix}", self.width, indent="       ", hanging="         ")
        return lines

    def _folded(self, outcome: str, groups: Sequence[Unjudged]) -> list[str]:
        """What is nobody's fault, in few lines."""
        word = OUTCOME_WORDS[outcome]
        lines = [line for g in groups[:_NAMED] for line in self._item(f"{len(g.scenarios):>4} {word}: {g.reason}")]
        if len(groups) > _NAMED:
            rest = sum(len(g.scenarios) for g in groups[_NAMED:])
            lines.append(f"  {rest:>4} {word} for {count(len(groups) - _NAMED, 'other reason')}, in the report")
        return lines

    def _wishes(self) -> list[str]:
        """The few lines of configuration that would let most be judged."""
        wanted = wishes(self.run)
        if not wanted:
            return []
        title, keys = wished(wish.key for wish in wanted)
        lines = ["", self.style(title, "bold")]
        for wish, key in list(zip(wanted, keys, strict=True))[:_WISHES]:
            lines += self._item(f"{key}: {count(len(wish.scenarios), 'more scenario')}", hanging="    ")
        if len(wanted) > _WISHES:
            lines.append(f"  and {count(len(wanted) - _WISHES, 'line')} more, in the report")
        return lines

    def _item(self, text: str, hanging: str = "       ") -> list[str]:
        return wrapped(text, self.width, indent="  ", hanging=hanging)

    def _counts(self) -> list[str]:
        lines, length = [""], 0
        for name, number in [(n, c) for n, c in self.run.counts.items() if c]:
            part = f"{number} {OUTCOME_WORDS[name] if name != Outcome.WARNING else 'with advisories only'}"
            start = f"{count(len(self.run.scenarios), 'scenario')}: " if length == 0 else ", "
            if length and length + len(start) + len(part) > self.width:
                lines[-1] += ","
                lines, start, length = [*lines, ""], "  ", 0
            lines[-1] += start + self.style(part, name)
            length += len(start) + len(part)
        if self.run.known:
            lines[-1] += f"; {len(self.run.known)} of them known deviations"
        sides = dict.fromkeys(SIDE_WORDS.get(c.side, c.side) for c in self.causes if c.outcome == Outcome.FAILED and not c.known)
        told = lines if length else ["no scenario ran"]
        return ["", *told, *(wrapped(f"failures on the side of: {', '.join(sides)}", self.width, indent="", hanging="  ") if sides else [])]

    def _left_behind(self) -> list[str]:
        """What the run wrote on the server and could not delete, with the requests that would."""
        left = left_behind(self.run.exchanges)
        if not left:
            return []
        said = f"{count(len(left), 'resource')} written by the run may still be on the server; with a token that may do so, send:"
        return ["", *wrapped(said, self.width, indent="", hanging="  "), *(f"  DELETE {url}" for url in left[:20])]

    def _unwritten(self) -> list[str]:
        return [
            line
            for lost in self.run.unwritten
            for line in wrapped(
                f"{lost.get('artefact', '')} could not be written: {lost.get('problem', '')}", self.width, indent="", hanging="  "
            )
        ]

    def _paths(self, paths: Mapping[str, Path | str]) -> list[str]:
        label = max((len(name) for name in paths), default=0)
        return ["", *(f"{name:<{label}}  {path}" for name, path in paths.items())] if paths else []

    def _heading(self, title: str, number: int) -> str:
        return self.style(f"{title} ({number})", "bold")


class Progress:
    """How far a run is: on a terminal one line that is written over, elsewhere and in CI one line a minute.

    The line tells how many are done and left, how many did not pass, and what is waited for; on a terminal also about how long it
    will take. It never raises: a stream that was closed meanwhile makes it quiet.
    """

    def __init__(
        self,
        stream: TextIO,
        total: int,
        quiet: bool | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the stream, the number of scenarios, and ``quiet`` to overrule what the stream and the environment say."""
        env = os.environ if environ is None else environ
        terminal = bool(getattr(stream, "isatty", lambda: False)()) and env.get("TERM") != "dumb"
        self.quiet = bool(quiet)
        self._minutes = bool(env.get("CI")) or not terminal
        self._over = threading.Event()
        self._stream, self._total, self._clock = stream, total, clock
        self._began, self._painted = clock(), 0.0
        self._done, self._bad, self._now, self._between = 0, 0, "", ""
        if self._minutes and not self.quiet:
            threading.Thread(target=self._each_minute, daemon=True).start()  # a scenario may wait for longer than a minute

    def doing(self, what: str) -> None:
        """Something other than a scenario begins: the line names it until the next scenario."""
        self._between = what
        self._paint(at_once=True)

    def scenario(self, title: str) -> None:
        """A scenario begins."""
        self._now, self._between = title, ""
        self._paint()

    def done(self, outcome: str) -> None:
        """A scenario has ended."""
        self._done += 1
        self._bad += outcome in (Outcome.FAILED.value, Outcome.ERROR.value, Outcome.BLOCKED.value)
        self._paint()

    def reached(self, done: int, what: str) -> None:
        """So many have ended, counted by somebody else."""
        self._done, self._between = done, what
        self._paint()

    def close(self) -> None:
        """Wipe the line, so that the summary starts on a clean one."""
        self._over.set()
        if not self._minutes:
            self._write("\r\x1b[K")

    def clear(self) -> None:
        """Wipe the line for a message of someone else; the next event paints it again."""
        if not self._minutes:
            self._write("\r\x1b[K")
        self._painted = 0.0

    @property
    def line(self) -> str:
        """The line as it reads now."""
        elapsed = int(self._clock() - self._began)
        bad = f", {self._bad} not passed" if self._bad else ""
        doing = self._between or self._now
        size = len(str(self._total))
        left = self._time_left(elapsed)
        return printable(f"{self._done:>{size}}/{self._total} {elapsed // 60:02}:{elapsed % 60:02}{left}{bad}  {doing}".replace("\n", " "))

    @property
    def minute_line(self) -> str:
        """The line where nothing is written over."""
        elapsed = seconds(self._clock() - self._began)
        waits = f"; now: {self._between or self._now}" if self._between or self._now else ""
        told = f"{elapsed}: {self._done} done, {self._total - self._done} left, {self._bad} not passed so far{waits}"
        return printable(shortened(told.replace("\n", " "), 300))

    def _time_left(self, elapsed: int) -> str:
        """About how long it will take yet, once enough is done to say so."""
        if self._done < _ENOUGH or self._done >= self._total or elapsed < 10:
            return ""
        return f", about {seconds(max(10.0, round(elapsed / self._done * (self._total - self._done), -1)))} left"

    def _each_minute(self) -> None:
        while not self._over.wait(MINUTE_S):
            self._write(f"{self.minute_line}\n")

    def _paint(self, *, at_once: bool = False) -> None:
        now = self._clock()
        if self.quiet or self._minutes or (not at_once and now - self._painted < 0.1):
            return
        self._painted = now
        self._write("\r\x1b[K" + shortened(self.line, shutil.get_terminal_size((80, 24)).columns - 1))

    def _write(self, text: str) -> None:
        if self.quiet:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self.quiet = True
