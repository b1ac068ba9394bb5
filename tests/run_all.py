"""Every test of the project, each folder of tests in a pytest of its own, three times as many at a time as there are cores.

    python tests/run_all.py [FOLDER...]

Apart, because a browser that one folder keeps open holds an event loop in its process, which tests of another folder need for themselves.
Three times as many, because a run of the suites waits most of its time: for pages, for time-outs, for tokens to end.
Ends with one line: how many passed, failed and were skipped. The output of a folder is shown when it is done; a folder that goes
over its limit is killed and counts as failed.

The folders of tests that stay in one process are measured while they run: which branches of the measured packages they take. The figures
are printed by package, and fewer than the floor in `pyproject.toml` ([tool.coverage.report]) count as a failure.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIRST = (
    "peers/test_servers.py -k django_server",
    "peers/test_oidc_provider.py",
    "peers/test_servers.py -k oauth2_server",
    "peers/test_servers.py -k authlib_server",
    "browser",
    "probes",
    "nights",
    "order",
    "hostile/test_ends.py",
    "onboarding",
    "support_tickets",
    "cli",
    "hostile/test_hostile_servers.py",
    "plugin",
    "hostile/test_wrong_settings.py",
)
"""What takes longest begins first."""
FILE_BY_FILE = ("peers", "hostile")
"""Folders whose files each make long runs of their own: the files go side by side."""
PART_BY_PART = {"peers/test_servers.py": ("authlib_server", "django_server", "oauth2_server")}
"""Files whose tests each rest on one of several long runs: the runs go side by side."""
MEASURING = ("probes", "client", "checks", "evidence")
"""Folders of tests that are measured, and packages of the same names that they are measured on."""
LIMIT_S = 1200


def uses_hypothesis(place: Path) -> bool:
    return any("hypothesis" in path.read_text("utf-8") for path in ([place] if place.is_file() else place.rglob("*.py")))


def run(folder: str, figures: Path) -> tuple[str, int, str, float]:
    began = time.monotonic()
    measured = ["-m", "coverage", "run", "--parallel-mode"] if folder in MEASURING else []
    place, *chosen = folder.split()
    unused = [] if uses_hypothesis(HERE / place) else ["-p", "no:hypothesispytest"]  # it would import all of itself to say nothing
    command = [sys.executable, *measured, "-m", "pytest", str(HERE / place), *chosen, "-q", "-rfE", *unused]
    environment = {**os.environ, **({"COVERAGE_FILE": str(figures / "figures")} if measured else {})}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # some hundred processes begin here, and each would compile every module anew
    try:
        done = subprocess.run(
            command,
            cwd=HERE.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        text = late.stdout.decode("utf-8", "replace") if isinstance(late.stdout, bytes) else late.stdout or ""
        return folder, 1, f"{text}\nno end within {LIMIT_S} s", time.monotonic() - began
    return folder, done.returncode, done.stdout + done.stderr, time.monotonic() - began


def jobs(folders: list[str]) -> list[str]:
    """What is run by itself: folders, and single files of some."""
    found: list[str] = []
    for folder in folders:
        files = [f"{folder}/{path.name}" for path in sorted((HERE / folder).glob("test_*.py"))]
        for name in files if folder in FILE_BY_FILE else [folder]:
            found += [f"{name} -k {part}" for part in PART_BY_PART.get(name, ())] or [name]
    return sorted(found, key=lambda job: FIRST.index(job) if job in FIRST else len(FIRST))


def count(text: str, word: str) -> int:
    last = next((line for line in reversed(text.splitlines()) if re.search(r"\d+ (passed|failed|error|skipped)", line)), "")
    found = re.search(rf"(\d+) {word}", last)
    return int(found[1]) if found else 0


def coverage(figures: Path) -> int:
    """Print which part of each measured package the tests reach; 1 when all of them together are below the floor."""
    environment = {**os.environ, "COVERAGE_FILE": str(figures / "figures")}

    def ask(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "coverage", *command],
            cwd=HERE.parent,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    ask("combine", "--quiet")
    parts = [
        f"{name} {ask('report', '--format=total', '--fail-under=0', f'--include=smartlaunch/{name}/*').stdout.strip()}"
        for name in MEASURING
    ]
    whole = ask("report", "--format=total")
    print(f"== branch coverage in 100: {', '.join(parts)}; together {whole.stdout.strip()}")
    if whole.returncode:
        print(f"== branch coverage: FAILED\n{whole.stderr.strip() or 'below the floor in pyproject.toml'}")
    return int(whole.returncode != 0)


def main() -> int:
    every = sorted(path.name for path in HERE.iterdir() if path.is_dir() and any(path.rglob("test_*.py")))
    folders = sys.argv[1:] or every
    passed = failed = skipped = 0
    with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor(max_workers=3 * (os.cpu_count() or 1)) as pool:
        figures = Path(place)
        for folder, code, text, took in pool.map(lambda folder: run(folder, figures), jobs(folders)):
            wrong = count(text, "failed") + count(text, "error")
            if code not in (0, 5) and not wrong:
                wrong = 1
            passed, failed, skipped = passed + count(text, "passed"), failed + wrong, skipped + count(text, "skipped")
            shown = text if wrong else "\n".join(text.strip().splitlines()[-1:])
            print(f"== tests/{folder}: {'FAILED' if wrong else 'ok'}, {took:.0f} s\n{shown}", flush=True)
        if set(MEASURING) <= set(folders):
            failed += coverage(figures)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
