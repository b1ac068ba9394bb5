"""Compares a run with several workers to the same run in a row, on the embedded EHR behind a delay.

    python benchmarks/workers.py [--every N] [--workers N] [--delay-ms N] [--suite ID]...

The embedded EHR is served here and each of its answers held back, as a server far away does; both runs go against it one after the other.
Without options two things are measured, with every eighth scenario of the default selection: 4 workers with 200 ms before each answer,
and 2 without a delay. Targets: at most 0.35 of the time in a row, and 1.0; at most 4 logins more for each worker; the same outcomes.
Exit code 1 when one is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from run_against_floor import counts, measured

from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.server import begin, prepare
from smartlaunch.embedded_ehr.target_file import write_target
from smartlaunch.plugin.options import Options
from smartlaunch.plugin.selection import Selection
from smartlaunch.records.store import load_run

SLOW_MS, SLOW_WORKERS, QUICK_WORKERS = 200, 4, 2
SLOW_RATIO, QUICK_RATIO, LOGINS_EACH = 0.35, 1.0, 4


class Delayed:
    """An application whose answers begin so many seconds later."""

    def __init__(self, app: Any, delay_s: float) -> None:
        self.app, self.delay_s = app, delay_s

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on at once and its answer after a while."""

        async def late(message: Any) -> None:
            if message["type"] == "http.response.start":
                await asyncio.sleep(self.delay_s)
            await send(message)

        await self.app(scope, receive, late)


@contextlib.contextmanager
def served(delay_s: float, folder: Path) -> Iterator[Path]:
    """The target file of an embedded EHR that is that slow."""
    running = prepare(SandboxOptions())
    running.server.config.app = Delayed(running.server.config.app, delay_s)
    begin(running)
    try:
        yield write_target(folder / "slow.toml", running)
    finally:
        running.stop()


def chosen(every: int, suites: list[str]) -> list[str]:
    """The ids of every so manieth scenario of the default selection: some of each suite and group."""
    selection = Selection.of(Options(suite=tuple(suites)))
    return [name for plan in selection.plans() for name in selection.scenarios_of(plan)][::every]


def main() -> int:
    """Measure what was asked for and print a table each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--workers", type=int, help="so many instead of 4 behind a delay and 2 without one")
    parser.add_argument("--delay-ms", type=int, help="only with this delay before each answer")
    parser.add_argument("--every", type=int, default=8, metavar="N", help="every so manieth scenario (default 8); 1 for a whole run")
    parser.add_argument("--suite", action="append", default=[])
    args = parser.parse_args()
    ids = chosen(args.every, args.suite)
    print(f"{len(ids)} scenarios, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n", flush=True)
    delays = [args.delay_ms] if args.delay_ms is not None else [SLOW_MS, 0]
    missed = [delay for delay in delays if not compared(ids, args.workers or (SLOW_WORKERS if delay else QUICK_WORKERS), delay)]
    return int(bool(missed))


@dataclass(frozen=True)
class Measured:
    """What one run took and came to."""

    workers: int
    wall_s: float
    cpu_s: float
    logins: int
    outcomes: dict[str, str]


def compared(ids: list[str], workers: int, delay_ms: int) -> bool:
    """Run the scenarios in a row and with several workers, and say whether the targets are met."""
    runs = []
    for number in (1, workers):
        with tempfile.TemporaryDirectory() as place, served(delay_ms / 1000, Path(place)) as target:
            out, chosen_ids = Path(place) / "run", Path(place) / "some.ids"
            chosen_ids.write_text("\n".join(ids) + "\n", encoding="utf-8")
            words = [f"--target={target}", f"--workers={number}", f"--ids={chosen_ids}", f"--out={out}", "--no-allure", "--history=off"]
            cost, code, said = measured([sys.executable, "-m", "smartlaunch.cli", "run", *words])
            if code not in (0, 3):
                raise SystemExit(said)
            run = load_run(out)
            logins = counts([vars(exchange) for exchange in run.exchanges])["browser logins"]
            runs.append(Measured(number, cost.wall_s, cost.cpu_s, logins, {s.id: s.outcome for s in run.scenarios}))
    return told(*runs, delay_ms)


def told(alone: Measured, beside: Measured, delay_ms: int) -> bool:
    """Print the table; whether every target is met."""
    print(f"| workers, {delay_ms} ms before each answer | wall s | CPU s | logins |\n|---|---:|---:|---:|")
    for run in (alone, beside):
        print(f"| {run.workers} | {run.wall_s:.0f} | {run.cpu_s:.0f} | {run.logins} |")
    allowed, most = SLOW_RATIO if delay_ms else QUICK_RATIO, alone.logins + LOGINS_EACH * beside.workers
    other = sorted(n for n in alone.outcomes.keys() | beside.outcomes.keys() if alone.outcomes.get(n) != beside.outcomes.get(n))
    ratio = beside.wall_s / alone.wall_s
    print(f"\nratio {ratio:.2f} (at most {allowed}); {beside.logins} logins (at most {most}); {len(other)} with another outcome")
    for name in other[:10]:
        print(f"  {name}: {alone.outcomes.get(name)} -> {beside.outcomes.get(name)}")
    print(flush=True)
    return ratio <= allowed and beside.logins <= most and not other


if __name__ == "__main__":
    raise SystemExit(main())
