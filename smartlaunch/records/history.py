"""The history of all runs in one SQLite file: what each scenario was, night by night, at each target.

One transaction a run, with the file's own lock: two writers wait for each other, and a kill leaves either all of a run or nothing of
it. The version of the schema is in the file; an older one is brought up to date, a later one is refused.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC
from itertools import pairwise, takewhile
from pathlib import Path
from urllib.parse import urlsplit

from smartlaunch.errors import LookupFailed, UsageError
from smartlaunch.finding import Outcome
from smartlaunch.records.comparison import Before, is_down, reason_of
from smartlaunch.records.record import Run, moment
from smartlaunch.records.store import is_run

VERSION = 1
WAIT_S = 60.0
FLIPS, WINDOW = 3, 10
"""A scenario that changed its verdict so often in so many judged nights is flaky."""

_JUDGED = (Outcome.PASSED.value, Outcome.WARNING.value, Outcome.FAILED.value)
_NONE = 2**62
_LOOPBACK = ("127.", "localhost", "::1")


def _first_schema(connection: sqlite3.Connection) -> None:
    for statement in _TABLES:
        connection.execute(statement)


_TABLES = (
    "CREATE TABLE target (id INTEGER PRIMARY KEY, name TEXT NOT NULL, base TEXT NOT NULL, UNIQUE (name, base))",
    """CREATE TABLE run (
        id INTEGER PRIMARY KEY AUTOINCREMENT, target INTEGER NOT NULL REFERENCES target, name TEXT NOT NULL, start TEXT NOT NULL,
        seconds REAL NOT NULL, down INTEGER NOT NULL, folder TEXT NOT NULL, UNIQUE (target, name, start))""",
    "CREATE TABLE scenario (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, title TEXT NOT NULL, requirements TEXT NOT NULL)",
    """CREATE TABLE result (
        run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE, scenario INTEGER NOT NULL REFERENCES scenario, outcome TEXT NOT NULL,
        known INTEGER NOT NULL, seconds REAL NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (run, scenario)) WITHOUT ROWID""",
    "CREATE INDEX run_of_target ON run (target)",
)
"""Runs are in the order in which they were added, not by their clocks: a clock that jumps must not turn the nights around."""

_STEPS: tuple[Callable[[sqlite3.Connection], None], ...] = (_first_schema,)
"""What brings a file from each version to the next."""


@dataclass(frozen=True, slots=True)
class Night:
    """One run in the history."""

    name: str
    start: str
    seconds: float
    down: bool
    folder: str
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Course:
    """One scenario at one target: its results by night (start of the run, outcome, whether known), the oldest first."""

    scenario: str
    title: str
    requirements: tuple[str, ...]
    results: tuple[tuple[str, str, bool], ...]
    seconds: float

    @property
    def first_seen(self) -> str:
        """The night of its first result."""
        return self.results[0][0] if self.results else ""

    @property
    def last_passed(self) -> str:
        """The night on which it last passed, empty for never."""
        return next((night for night, outcome, _ in reversed(self.results) if outcome == Outcome.PASSED), "")

    @property
    def flips(self) -> int:
        """How often the verdict changed in the last judged nights."""
        judged = [outcome for _, outcome, _ in self.results if outcome in _JUDGED][-WINDOW:]
        return sum(a != b for a, b in pairwise(judged))

    @property
    def flakiness(self) -> float:
        """Changes of verdict for each step from one judged night to the next: 0 is steady, 1 changes every night."""
        judged = sum(outcome in _JUDGED for _, outcome, _ in self.results[-WINDOW:])
        return min(1.0, self.flips / (judged - 1)) if judged > 1 else 0.0


class History:
    """One file; every method opens it for itself, so that a value can be shared by threads."""

    def __init__(self, path: Path) -> None:
        """Bring the file up to date, making it where there is none."""
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._writing() as connection:
                _bring_up_to_date(connection, path)
        except (sqlite3.Error, OSError) as exc:
            raise UsageError(f"{path} cannot be used as a history: {exc}") from None

    def add(self, run: Run, folder: Path | None = None) -> None:
        """Keep a run; the same run again takes the place of the first."""
        place = folder or run.folder
        with self._writing() as connection:
            target = _id(connection, "target", {"name": run.target_name, "base": _base(run)})
            values = (target, run.id, _start(run), run.duration_s, is_down(run), str(place.resolve()) if place else "")
            connection.execute(
                "INSERT INTO run (target, name, start, seconds, down, folder) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (target, name, start)"
                " DO UPDATE SET seconds = excluded.seconds, down = excluded.down, folder = excluded.folder",
                values,
            )
            number = _number(connection, run)
            connection.execute("DELETE FROM result WHERE run = ?", (number,))
            connection.executemany(
                "INSERT INTO scenario (name, title, requirements) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
                " title = excluded.title, requirements = excluded.requirements",
                [(s.id, s.title, json.dumps(s.requirements)) for s in run.scenarios],
            )
            connection.executemany(
                "INSERT INTO result SELECT ?, id, ?, ?, ?, ? FROM scenario WHERE name = ?",
                [(number, s.outcome, bool(s.known), s.duration_s, reason_of(s)[:1000], s.id) for s in run.scenarios],
            )

    def targets(self) -> list[tuple[str, str]]:
        """Name and FHIR base URL of every target, by name."""
        with self._reading() as connection:
            return [(str(n), str(b)) for n, b in connection.execute("SELECT name, base FROM target ORDER BY name, base")]

    def before(self, run: Run) -> dict[str, Before]:
        """The last verdict on each scenario of the run's target before that run; a night without a verdict changes nothing."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT scenario.name, result.outcome, result.reason, run.start, result.known, run.id FROM result"
                " JOIN run ON run.id = result.run JOIN target ON target.id = run.target JOIN scenario ON scenario.id = result.scenario"
                " WHERE target.name = ? AND target.base = ? AND run.id < ? ORDER BY run.id",
                (run.target_name, _base(run), _number(connection, run)),
            )
            found: dict[str, Before] = {}
            seen: dict[str, int] = {}
            last = 0
            for name, outcome, reason, start, known, number in rows:
                last = seen[name] = number
                if outcome in _JUDGED or name not in found or found[name].outcome not in _JUDGED:
                    found[name] = Before(outcome, reason, start, bool(known))
        return {name: replace(before, current=seen[name] == last) for name, before in found.items()}

    def nights_down(self, run: Run) -> int:
        """For how many runs in a row, the last before this one, the target did not answer."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT down FROM run JOIN target ON target.id = run.target WHERE target.name = ? AND base = ? AND run.id < ?"
                " ORDER BY run.id DESC",
                (run.target_name, _base(run), _number(connection, run)),
            )
            return sum(1 for _ in takewhile(lambda row: row[0], rows))

    def flaky(self, run: Run) -> set[str]:
        """The scenarios whose verdict went up and down before this run."""
        with self._reading() as connection:
            number = _number(connection, run)
        courses = self.courses(run.target_name, _base(run), until=number)
        return {course.scenario for course in courses if course.flips >= FLIPS}

    def nights(self, target: str, base: str, *, last: int = 60) -> list[Night]:
        """The last runs against a target, the oldest first."""
        with self._reading() as connection:
            runs = connection.execute(
                "SELECT run.id, run.name, start, seconds, down, folder FROM run JOIN target ON target.id = run.target"
                " WHERE target.name = ? AND base = ? ORDER BY run.id DESC LIMIT ?",
                (target, base, last),
            ).fetchall()
            found = []
            for number, name, start, seconds, down, folder in reversed(runs):
                counts = connection.execute("SELECT outcome, count(*) FROM result WHERE run = ? GROUP BY outcome", (number,))
                found.append(Night(name, start, seconds, bool(down), folder, dict(counts.fetchall())))
        return found

    def courses(self, target: str, base: str, *, until: int = _NONE, last: int = 0) -> list[Course]:
        """Every scenario of a target with its results, before a run and in the last runs where that is asked for."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT scenario.name, scenario.title, scenario.requirements, run.start, result.outcome, result.known, result.seconds"
                " FROM result JOIN run ON run.id = result.run JOIN target ON target.id = run.target"
                " JOIN scenario ON scenario.id = result.scenario"
                " WHERE target.name = ? AND base = ? AND run.id < ? AND run.id >= ? ORDER BY run.id",
                (target, base, until, _oldest(connection, target, base, last) if last else 0),
            )
            gathered: dict[str, list[tuple[str, str, bool]]] = defaultdict(list)
            told: dict[str, tuple[str, str]] = {}
            took: dict[str, list[float]] = defaultdict(list)
            for name, title, requirements, start, outcome, known, seconds in rows:
                gathered[name].append((start, outcome, bool(known)))
                told[name] = (title, requirements)
                took[name].append(seconds)
        return [
            Course(name, told[name][0], tuple(json.loads(told[name][1])), tuple(results), sum(took[name]) / len(took[name]))
            for name, results in gathered.items()
        ]

    def prune(self, keep: int, within: Path) -> list[Path]:
        """Delete the folders of all but the last runs of each target, as far as they lie in ``within``; what they said stays here."""
        gone = []
        root = within.resolve()
        with self._writing() as connection:
            for (target,) in connection.execute("SELECT id FROM target").fetchall():
                rows = connection.execute("SELECT id, folder FROM run WHERE target = ? AND folder != '' ORDER BY id DESC", (target,))
                for number, name in rows.fetchall()[max(keep, 1) :]:
                    folder = Path(name)
                    if folder.is_relative_to(root) and folder != root and is_run(folder) and not folder.is_symlink():
                        shutil.rmtree(folder, ignore_errors=True)
                        gone.append(folder)
                    connection.execute("UPDATE run SET folder = '' WHERE id = ?", (number,))
        return gone

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=WAIT_S, isolation_level=None)
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
        finally:
            connection.close()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=WAIT_S)
        try:
            yield connection
        finally:
            connection.close()


def target_key(history: History, name: str) -> tuple[str, str]:
    """The target of a name in a history; unknown names are answered with those that there are."""
    found = next((each for each in history.targets() if each[0] == name), None)
    if found is None:
        raise LookupFailed("target in the history", name, sorted({each[0] for each in history.targets()}))
    return found


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise UsageError(f"{path} was written by a later version (schema {version}, this one reads up to {VERSION})")
    if version == 0 and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise UsageError(f"{path} is a database of something else")
    for number, step in enumerate(_STEPS[version:], version + 1):
        step(connection)
        connection.execute(f"PRAGMA user_version = {number}")


def _id(connection: sqlite3.Connection, table: str, values: Mapping[str, str]) -> int:
    """The number of a row, which is added where it is new."""
    names = ", ".join(values)
    marks = ", ".join("?" * len(values))
    connection.execute(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))  # noqa: S608 - our own names
    where = " AND ".join(f"{name} = ?" for name in values)
    found = connection.execute(f"SELECT id FROM {table} WHERE {where}", tuple(values.values())).fetchone()  # noqa: S608 - our own names
    return int(found[0])


def _number(connection: sqlite3.Connection, run: Run) -> int:
    """The number of a run; that of the next one when it is not in the history."""
    found = connection.execute(
        "SELECT run.id FROM run JOIN target ON target.id = run.target WHERE target.name = ? AND base = ? AND run.name = ? AND start = ?",
        (run.target_name, _base(run), run.id, _start(run)),
    ).fetchone()
    return int(found[0]) if found else _NONE


def _oldest(connection: sqlite3.Connection, target: str, base: str, last: int) -> int:
    """The number of the oldest of the last runs against a target."""
    rows = connection.execute(
        "SELECT run.id FROM run JOIN target ON target.id = run.target WHERE target.name = ? AND base = ? ORDER BY run.id DESC LIMIT ?",
        (target, base, last),
    ).fetchall()
    return int(rows[-1][0]) if rows else 0


def _start(run: Run) -> str:
    """When a run began, in one zone, so that texts sort as times."""
    found = moment(run.header.get("start"))
    return found.astimezone(UTC).isoformat(timespec="seconds") if found else str(run.header.get("start", ""))


def _base(run: Run) -> str:
    """The FHIR base URL; on this machine without it, for the port is another one each time."""
    target = run.header.get("target")
    base = str(target.get("fhir_base_url", "")) if isinstance(target, Mapping) else ""
    host = urlsplit(base).hostname or ""
    return "" if host.startswith(_LOOPBACK) else base
