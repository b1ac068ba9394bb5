"""Redacts bodies made to keep a redactor busy, and reads them as pages: time, growth, and ratio to reading the bytes.

    python benchmarks/redaction.py [--megabytes 5] [--write]

Targets: each under a second of CPU, and twice the size at most about twice the time. Exit code 1 when one is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "hostile")]
RESULTS = ROOT / "benchmarks" / "redaction.md"
LIMIT_S = 1.0
GROWTH = 2.6
"""Twice the size takes twice the time, and some more where it no longer fits the processor's caches."""


def main() -> int:
    from shapes import OTHER_SECRET, SECRET, SHAPES

    from smartlaunch import markup
    from smartlaunch.evidence import Redactor
    from smartlaunch.exchange import Endpoint

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=5)
    parser.add_argument("--write", action="store_true", help=f"write the table to {RESULTS.relative_to(ROOT)}")
    asked = parser.parse_args()
    size = int(asked.megabytes * 1_000_000)

    def known() -> Redactor:
        redactor = Redactor()
        redactor.learn("password", SECRET)
        redactor.learn("access_token", OTHER_SECRET)
        return redactor

    lines = [
        "| shape | reading ms | a whole message ms | ratio | outcome | known secrets in 0.4 MB ms | growth | as a page ms | growth |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    missed = []
    for name, shape in SHAPES.items():
        place = Endpoint.FHIR if "fhir" in shape.media else Endpoint.OTHER
        body = shape.body(size)
        reading = best(lambda body=body: read(body))
        said: list[str] = []
        whole = best(lambda s=shape, b=body, p=place, o=said: o.append(known().body(s.media, b, p)), rounds=2)
        text, twice = (shape.body(part).decode("utf-8", "replace") for part in (200_000, 400_000))
        scrub, scrub_twice = best(lambda t=text: known().scrub(t)), best(lambda t=twice: known().scrub(t))
        pages = [shape.body(part).decode("utf-8", "replace") for part in (size // 2, size)]
        half, page = (best(lambda t=each: markup.words(t), rounds=1) for each in pages)
        outcome = said[-1] if said[-1].startswith("<not kept") else f"{len(said[-1])} characters"
        growths = (scrub_twice / scrub, page / half)
        lines.append(
            f"| {name} | {reading * 1000:.1f} | {whole * 1000:.0f} | {whole / reading:.0f} | {outcome.strip('<>')}"
            f" | {scrub_twice * 1000:.0f} | {growths[0]:.1f} | {page * 1000:.0f} | {growths[1]:.1f} |"
        )
        print(lines[-1], flush=True)
        slow = whole > LIMIT_S or page > LIMIT_S or scrub_twice > LIMIT_S
        if slow or (growths[0] > GROWTH and scrub_twice > 0.02) or (growths[1] > GROWTH and page > 0.02):
            missed.append(name)
    if asked.write:
        head = f"# Redaction of {asked.megabytes:g} MB of what is hard to redact\n\nMilliseconds of CPU, the best of several.\n\n"
        RESULTS.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"missed: {', '.join(missed)}" if missed else "all within the targets")
    return 1 if missed else 0


def read(body: bytes) -> str:
    """What anybody has to do with an answer: get its bytes and make text of them."""
    with tempfile.TemporaryFile() as file:
        file.write(body)
        file.seek(0)
        return file.read().decode("utf-8", "replace")


def best(work: Callable[[], object], rounds: int = 3) -> float:
    taken = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return max(min(taken), 1e-6)


if __name__ == "__main__":
    sys.exit(main())
