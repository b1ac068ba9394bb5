"""Every test of the project, each folder of tests in a pytest of its own, as many at a time as there are cores.

    python tests/run_all.py [FOLDER...]

Apart, because a browser that one folder keeps open holds an event loop in its process, which tests of another folder need for themselves.
Ends with one line: how many passed, failed and were skipped. The output of a folder is shown when it is done; a folder that goes
over its limit is killed and counts as failed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIRST = (
    "hostile",
    "matrix",
    "peers",
    "browser",
    "packaging",
    "cli",
    "support_tickets",
    "reporting",
    "tls",
    "evidence",
    "diagnosis",
    "sandbox",
)
LIMIT_S = 1200


def run(folder: str) -> tuple[str, int, str, float]:
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", str(HERE / folder), "-q", "-rfE"]
    try:
        done = subprocess.run(
            command, cwd=HERE.parent, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired as late:
        text = late.stdout.decode("utf-8", "replace") if isinstance(late.stdout, bytes) else late.stdout or ""
        return folder, 1, f"{text}\nno end within {LIMIT_S} s", time.monotonic() - began
    return folder, done.returncode, done.stdout + done.stderr, time.monotonic() - began


def count(text: str, word: str) -> int:
    last = next((line for line in reversed(text.splitlines()) if re.search(r"\d+ (passed|failed|error|skipped)", line)), "")
    found = re.search(rf"(\d+) {word}", last)
    return int(found[1]) if found else 0


def main() -> int:
    every = sorted(path.name for path in HERE.iterdir() if path.is_dir() and any(path.rglob("test_*.py")))
    folders = sys.argv[1:] or [f for f in FIRST if f in every] + [f for f in every if f not in FIRST]
    passed = failed = skipped = 0
    with ThreadPoolExecutor(max_workers=max(1, os.cpu_count() or 1)) as pool:
        for folder, code, text, took in pool.map(run, folders):
            wrong = count(text, "failed") + count(text, "error")
            if code not in (0, 5) and not wrong:
                wrong = 1
            passed, failed, skipped = passed + count(text, "passed"), failed + wrong, skipped + count(text, "skipped")
            shown = text if wrong else "\n".join(text.strip().splitlines()[-1:])
            print(f"== tests/{folder}: {'FAILED' if wrong else 'ok'}, {took:.0f} s\n{shown}", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
