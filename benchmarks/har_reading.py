"""Reads a large HAR as a stream and compares with json.load: time and resident memory, each in a process of its own.

    python benchmarks/har_reading.py [--megabytes 200] [--shape mixed|small|large]

Targets: under 300 MB resident, at most twice the time of json.load. Exit code 1 when one is missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MEASURE = """
seconds = time.perf_counter() - begun
try:
    used = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:")) / 1024
except OSError:
    import resource
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([seconds, used, found]))
"""
"""The peak is read from the process's own memory where that can be had: ``ru_maxrss`` begins with what the parent used."""
LOAD = f"""
import json, sys, time
begun = time.perf_counter()
found = len(json.load(open(sys.argv[1], encoding="utf-8"))["log"]["entries"])
{MEASURE}
"""
STREAM = f"""
import json, sys, time
from pathlib import Path
from smartlaunch.evidence.har.exchanges import read_har
begun = time.perf_counter()
found = sum(1 for _ in read_har(Path(sys.argv[1])))
{MEASURE}
"""


def generate(path: Path, megabytes: int, shape: str = "mixed") -> int:
    """Write a HAR of about that size and return its number of entries; ``small`` has many entries of 2 kB, ``large`` bodies of 1 MB."""
    headers = [{"name": f"x-header-{n}", "value": f"value {n} of a header as servers send it"} for n in range(12)]
    body = {"small": 200, "large": 1_000_000, "mixed": 20_000}[shape]
    text = json.dumps({"resourceType": "Bundle", "note": 'quoted "text" with \\ and é € ' * (body // 30)})
    written = number = 0
    with path.open("w", encoding="utf-8") as file:
        file.write('{"log": {"version": "1.2", "creator": {"name": "generator", "version": "1"}, "pages": [], "entries": [')
        while written < megabytes * 1_000_000:
            item = {
                "startedDateTime": f"2026-05-01T10:{number // 60 % 60:02d}:{number % 60:02d}.123Z",
                "time": 12.5,
                "request": {
                    "method": "GET",
                    "url": f"https://fhir.example.org/r4/Observation?_id={number}",
                    "httpVersion": "h2",
                    "headers": headers,
                    "queryString": [{"name": "_id", "value": str(number)}],
                    "cookies": [],
                    "headersSize": -1,
                    "bodySize": 0,
                },
                "response": {
                    "status": 200,
                    "statusText": "OK",
                    "httpVersion": "h2",
                    "headers": headers,
                    "cookies": [],
                    "content": {"size": len(text), "mimeType": "application/fhir+json", "text": text},
                    "redirectURL": "",
                    "headersSize": -1,
                    "bodySize": -1,
                },
                "cache": {},
                "timings": {"send": 0, "wait": 12, "receive": 0.5},
            }
            line = json.dumps(item, ensure_ascii=number % 2 == 0, indent=1 if number % 3 == 0 else None)
            file.write(("," if number else "") + line)
            written += len(line)
            number += 1
        file.write("]}}")
    return number


def measure(program: str, path: Path) -> tuple[float, float, int]:
    """Run a program on a file and return its seconds, its largest resident size in MB and the entries it found."""
    out = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(path)], check=True, capture_output=True, text=True, cwd=ROOT, timeout=300
    )
    seconds, megabytes, found = json.loads(out.stdout)
    return seconds, megabytes, found


def compare(path: Path, rounds: int = 3) -> tuple[tuple[float, float, int], tuple[float, float, int]]:
    """The best of some rounds of json.load and of the stream, taken in turn so that both see the same machine."""
    pairs = [(measure(LOAD, path), measure(STREAM, path)) for _ in range(rounds)]
    return min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)


def main() -> int:
    """Generate, measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--shape", choices=("mixed", "small", "large"), default="mixed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.har"
        entries = generate(path, options.megabytes, options.shape)
        loaded, streamed = compare(path)
    print(f"HAR of {options.megabytes} MB, {entries} entries, {options.shape}")
    print(f"json.load   {loaded[0]:7.2f} s   {loaded[1]:7.0f} MB resident")
    print(f"read_har    {streamed[0]:7.2f} s   {streamed[1]:7.0f} MB resident   ratio {streamed[0] / loaded[0]:.2f}")
    return 0 if streamed[0] <= 2 * loaded[0] and streamed[1] < 300 and streamed[2] == loaded[2] == entries else 1


if __name__ == "__main__":
    raise SystemExit(main())
