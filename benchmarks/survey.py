"""How fast a survey is, as a ratio to a bare loop of httpx over the same endpoints in the same run, and what memory it takes.

    python benchmarks/survey.py [--endpoints 5000]

The endpoints are served here, each at a loopback address of its own: good, slow, dead, broken, endless, in circles. Every size runs in a
process of its own, so that its peak of memory is its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "survey")]

from farm import url  # noqa: E402

PARALLEL, LIMIT_S = 64, 20.0


async def bare(urls: list[str]) -> int:
    """The same requests by httpx alone: nothing is judged, nothing is kept."""
    import httpx

    room, answered = asyncio.Semaphore(PARALLEL), 0

    async def one(client: httpx.AsyncClient, address: str) -> None:
        nonlocal answered
        async with room:
            try:
                async with asyncio.timeout(LIMIT_S), client.stream("GET", f"{address}/.well-known/smart-configuration") as answer:
                    size = 0
                    async for chunk in answer.aiter_bytes():
                        size += len(chunk)
                        if size > 1_000_000:
                            break
                answered += 1
            except (httpx.HTTPError, TimeoutError, OSError):
                pass

    limits = httpx.Limits(max_connections=PARALLEL, max_keepalive_connections=0)
    async with httpx.AsyncClient(limits=limits, timeout=LIMIT_S, follow_redirects=True, max_redirects=5) as client:
        await asyncio.gather(*(one(client, address) for address in urls))
    return answered


def measure(what: str, number: int, port: int) -> dict[str, float]:
    """Time and peak memory of one way; called in a process of its own."""
    urls = [url(n, port) for n in range(number)]
    began = time.monotonic()
    if what == "bare":
        done = asyncio.run(bare(urls))
    else:
        from smartlaunch.catalogue import load
        from smartlaunch.survey.endpoints import Endpoint
        from smartlaunch.survey.gather import RESULTS, Gatherer, Manners
        from smartlaunch.survey.summary import write_summary

        folder = Path(tempfile.mkdtemp())
        catalogue = load()
        began = time.monotonic()
        gatherer = Gatherer(Manners(PARALLEL, host_rate=0, limit_s=LIMIT_S), catalogue)
        asyncio.run(gatherer.run((Endpoint(each) for each in urls), folder / RESULTS))
        done = write_summary(folder, folder / RESULTS, catalogue).total
    took = time.monotonic() - began
    return {"seconds": took, "done": done, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def apart(what: str, number: int, port: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, "--measure", what, str(number), str(port)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoints", type=int, default=5000)
    parser.add_argument("--measure", nargs=3)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.measure[0], int(args.measure[1]), int(args.measure[2]))))
        return 0
    farm = subprocess.Popen([sys.executable, str(ROOT / "tests" / "survey" / "farm.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert farm.stdin is not None
    assert farm.stdout is not None
    try:
        port, number = int(farm.stdout.readline()), args.endpoints
        loop, half, whole = apart("bare", number, port), apart("survey", number // 2, port), apart("survey", number, port)
    finally:
        farm.stdin.close()
        farm.wait(10)
    rate = loop["seconds"] / whole["seconds"]
    print(f"bare httpx   {number} endpoints in {loop['seconds']:.1f} s")
    print(f"survey       {number // 2} endpoints in {half['seconds']:.1f} s, {half['mb']:.0f} MB")
    print(f"survey       {number} endpoints in {whole['seconds']:.1f} s, {whole['mb']:.0f} MB, {whole['done']:.0f} accounted for")
    print(f"rate {rate:.2f} of the bare loop; twice the endpoints: {whole['seconds'] / half['seconds']:.2f} times as long,")
    print(f"{whole['mb'] - half['mb']:.0f} MB more")
    return int(rate < 0.7 or whole["done"] != number or whole["mb"] > half["mb"] * 1.15)


if __name__ == "__main__":
    raise SystemExit(main())
