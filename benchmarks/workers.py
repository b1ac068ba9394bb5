"""Compares a run with several workers to the same run in a row, on the embedded EHR behind a delay.

    python benchmarks/workers.py [--workers N] [--delay-ms N] [--suite ID]...

The embedded EHR is served here and each of its answers held back, as a server far away does; both runs go against it one after the other.
Targets: with 4 workers and 200 ms at most 0.35 of the time; without a delay no slower than in a row; at most 4 logins more for each
worker; the same outcomes. Exit code 1 when one is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from run_against_floor import counts, measured

from smartlaunch.embedded_ehr.options import SandboxOptions
from smartlaunch.embedded_ehr.server import begin, prepare
from smartlaunch.embedded_ehr.target_file import write_target

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


def main() -> int:
    """Run both and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--delay-ms", type=int, default=200)
    parser.add_argument("--suite", action="append", default=[])
    args = parser.parse_args()
    rows: list[tuple[int, float, float, int, dict[str, str]]] = []
    for workers in (1, args.workers):
        with tempfile.TemporaryDirectory() as place, served(args.delay_ms / 1000, Path(place)) as target:
            out = Path(place) / "run"
            words = [f"--target={target}", f"--workers={workers}", f"--out={out}", "--no-allure", "--history=off"]
            cost, code, said = measured(
                [sys.executable, "-m", "smartlaunch.cli", "run", *words, *(f"--suite={suite}" for suite in args.suite)]
            )
            if code not in (0, 3):
                print(said)
                return 2
            record = json.loads((out / "run.json").read_text("utf-8"))
            outcomes = {s["id"]: s["outcome"] for s in record["scenarios"]}
            rows.append((workers, cost.wall_s, cost.cpu_s, counts(record["exchanges"])["browser logins"], outcomes))
    return report(rows, args.delay_ms)


def report(rows: list[tuple[int, float, float, int, dict[str, str]]], delay_ms: int) -> int:
    """Print the table; 1 when a target is missed."""
    (_, alone, _, logins, before), (workers, beside, _, more, after) = rows
    print(f"| workers, {delay_ms} ms before each answer | wall s | CPU s | logins |\n|---|---:|---:|---:|")
    for number, wall, cpu, signed_in, _ in rows:
        print(f"| {number} | {wall:.0f} | {cpu:.0f} | {signed_in} |")
    allowed = SLOW_RATIO if delay_ms else QUICK_RATIO
    other = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    print(f"\n{len(before)} scenarios, ratio {beside / alone:.2f} (at most {allowed}); {len(other)} with another outcome")
    for name in other[:10]:
        print(f"  {name}: {before.get(name)} -> {after.get(name)}")
    return int(beside / alone > allowed or more > logins + LOGINS_EACH * workers or bool(other))


if __name__ == "__main__":
    raise SystemExit(main())
