"""A run that is ended, or whose parts die, leaves its evidence, a line that says what happened, and nothing else."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONG = ("aud-of-another-server", "state-returned-unusual", "wrong-verifier-refused", "doubled-parameter-refused", "redirect-uri-exact")
"""Some fifty scenarios, each with a walk of its own: whatever is done to the run, it is still going then."""
SHORT = ("authorization-code-issued", "aud-right", "state-returned-unusual")
START_S = 90
SLOW_MACHINE = 4
"""How much longer than on a quiet machine everything may take here; the promise is five seconds."""


class Started:
    """A run on the embedded EHR, with a folder for temporary files of its own."""

    def __init__(self, tmp_path: Path, slugs: tuple[str, ...] = LONG, *, out: str = "out", most_bytes: int = 0) -> None:
        self.folder, self.tmp = tmp_path / out, tmp_path / "tmp"
        self.tmp.mkdir(exist_ok=True)
        env = {**os.environ, "TMPDIR": str(self.tmp), "PYTHONPATH": str(ROOT)}
        command = [
            sys.executable,
            "-m",
            "smartlaunch.cli",
            "run",
            "--target=embedded",
            "--no-allure",
            *(f"--scenario=standalone-public/{slug}" for slug in slugs),
        ]
        limits = ["prlimit", f"--fsize={most_bytes}"] if most_bytes else []
        self.process = subprocess.Popen(
            [*limits, *command, f"--out={self.folder}"], cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def reach(self, scenarios: int) -> None:
        """Wait until so many scenarios have a result."""
        file, until = self.folder / "scenarios.jsonl", time.monotonic() + START_S
        while time.monotonic() < until and self.process.poll() is None:
            if file.is_file() and file.read_bytes().count(b"\n") >= scenarios:
                return
            time.sleep(0.05)
        raise AssertionError(f"the run did not get there: {self.process.poll()}")

    def child(self) -> int:
        return int(subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=True).stdout.split()[0])

    def browsers(self) -> list[int]:
        found = subprocess.run(["pgrep", "-f", f"user-data-dir={self.tmp}/"], capture_output=True, text=True, check=False).stdout.split()
        return [int(each) for each in found]

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err

    def left(self) -> list[str]:
        """What is still there once everything had a moment to go."""
        until, there = time.monotonic() + 12 * SLOW_MACHINE, ["?"]
        while there and time.monotonic() < until:
            there = [each.name for each in self.tmp.iterdir()] + [f"process {each}" for each in self.browsers()]
            time.sleep(0.2)
        return there


def is_gone(process: int) -> bool:
    """Whether a process has ended; where nobody waits for orphans it stays in the table."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def assert_rendered(folder: Path, scenarios: int) -> None:
    run = json.loads((folder / "run.json").read_text())
    assert len(run["scenarios"]) >= scenarios
    assert "<html" in (folder / "index.html").read_text()[:200]


@dataclass
class Signalled:
    """A run that a signal has ended."""

    run: Started
    number: int
    took_s: float
    code: int
    out: str
    err: str


def signalled(folder: Path, number: int, meanwhile: Callable[[Started], None] = lambda _run: None) -> Signalled:
    run = Started(folder)
    run.reach(4)
    meanwhile(run)
    begun = time.monotonic()
    run.process.send_signal(number)
    code, out, err = run.end()
    return Signalled(run, number, time.monotonic() - begun, code, out, err)


def kept_out(run: Started) -> None:
    """A second run wants to write into the folder of the first."""
    code, _, err = Started(run.folder.parent).end()
    assert code == 2
    assert "another run is writing to this folder" in err


def goes_away(run: Started) -> None:
    """The folder is taken away at once, so that nothing is written into what is half gone."""
    run.folder.rename(run.folder.parent / "gone")
    run.reach(1)


MEANWHILE = {signal.SIGINT: kept_out, signal.SIGTERM: goes_away, signal.SIGHUP: lambda _run: None}


@pytest.mark.parametrize("number", MEANWHILE, ids=["SIGINT, and a second run is kept out", "SIGTERM, and the folder had gone", "SIGHUP"])
def test_a_signal_ends_the_run_with_its_reports(tmp_path, number):
    ended = signalled(tmp_path, number, MEANWHILE[number])
    assert ended.took_s < 5 * SLOW_MACHINE
    assert ended.code == 128 + number
    assert ended.err.strip().splitlines()[-1] == f"smartlaunch: interrupted ({number.name}); what was recorded until then is in out"
    assert "Traceback" not in ended.out + ended.err
    assert_rendered(ended.run.folder, 4)
    assert ended.run.left() == []


OPENED = {"*-attachment*": "an attachment of Allure", "scenarios.jsonl": "a result"}
FULL = (
    *("header.json", "scenarios.jsonl", "exchanges.jsonl", "diagnoses.json", "run.har.gz", "index.html", "junit.xml", "README.txt"),
    *("*.jpg", "*-result.json", "*-attachment*"),
)
"""What there is no room for while there is room for everything else."""
REPORTS = {"run.json", "run.har.gz", "index.html", "README.txt"}
BEGUN = ["standalone-public/smart-configuration-found", "standalone-public/smart-configuration-media-type"]


@pytest.fixture(scope="module")
def meddled_with(forked_runs):
    cut = [{"name": what, "meddle": {"signal_at": file, "number": signal.SIGHUP}} for file, what in OPENED.items()]
    full = [{"name": file, "meddle": {"full_at": file}} for file in (*FULL, "*")]
    shown = {"*.jpg": {"scenarios": ["standalone-public/aud-right"], "place": "authorize", "fault": "html"}}
    return forked_runs([{"allure": True, "scenarios": BEGUN, **shown.get(job["name"], {}), **job} for job in (*cut, *full)])


@pytest.mark.parametrize("what", OPENED.values())
def test_a_signal_cuts_no_file(meddled_with, what):
    run = meddled_with[what]
    assert "KeyboardInterrupt" in run.said
    assert "Traceback" not in run.said
    assert "Warning" not in run.said  # which are errors there
    assert_rendered(run.folder, 1)
    assert not list(run.folder.rglob("*.tmp"))
    results = list((run.folder / "allure").glob("*.json"))
    assert len(results) >= 2
    for path in results:
        json.loads(path.read_text())


@pytest.mark.parametrize("file", FULL)
def test_without_room_for_one_file_the_others_are_there(meddled_with, file):
    run = meddled_with[file]
    assert "Traceback" not in run.said
    assert run.code == 4, run.said
    named = [line["artefact"] for line in run.record["header"]["unwritten"]]
    assert len(named) == 1
    assert fnmatch(Path(named[0]).name, file) or (named[0] == "Allure" and file.startswith("*-")), named
    assert f"{named[0]} could not be written" in run.said
    assert "No space left" in run.said
    assert {path.name for path in run.folder.iterdir()} >= REPORTS - {file}
    assert len(run.outcomes) == (1 if file == "*.jpg" else 2)
    assert "error" not in run.outcomes.values()
    assert run.record["exchanges"]


def test_without_room_for_anything_it_is_said(meddled_with):
    run = meddled_with["*"]
    assert "Traceback" not in run.said
    assert run.code == 3  # pytest's own for an internal error, which `smartlaunch run` tells as 4
    assert "run.json could not be written" in run.said
    assert "No space left" in run.said


def test_the_command_names_what_there_was_no_room_for(tmp_path):
    run = Started(tmp_path, ("smart-configuration-found", "smart-configuration-media-type"), most_bytes=100_000)
    code, out, err = run.end()
    assert code == 4
    assert "Traceback" not in out + err
    assert "index.html could not be written: OSError: [Errno 27] File too large" in " ".join(out.split())
    assert not (run.folder / "index.html").exists()
    assert {path.name for path in run.folder.iterdir()} >= {"run.json", "run.har.gz", "junit.xml", "README.txt", "manifest.sha256"}
    assert run.left() == []


def test_a_second_ctrl_c_ends_at_once(tmp_path):
    run = Started(tmp_path)
    run.reach(4)
    run.process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    run.process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    code, out, err = run.end()
    assert time.monotonic() - begun < 1.5 * SLOW_MACHINE
    assert code == 130
    assert "Traceback" not in out + err
    assert (run.folder / "header.json").is_file()
    assert len((run.folder / "scenarios.jsonl").read_text().splitlines()) >= 4
    assert run.left() == []


def test_killing_the_command_ends_its_children(tmp_path):
    run = Started(tmp_path)
    run.reach(4)
    child = run.child()
    run.process.kill()
    run.end()
    assert run.left() == []
    assert is_gone(child)


def test_killing_pytest_leaves_a_report_and_says_so(tmp_path):
    run = Started(tmp_path)
    run.reach(4)
    os.kill(run.child(), signal.SIGKILL)
    code, out, err = run.end()
    assert code == 4 or code == 1
    assert "pytest ended with signal 9" in err
    assert "Traceback" not in out + err
    assert_rendered(run.folder, 4)
    assert run.left() == []


def test_killing_the_browser_blocks_or_starts_it_anew(tmp_path):
    run = Started(tmp_path, SHORT)
    run.reach(2)
    for browser in run.browsers():
        os.kill(browser, signal.SIGKILL)
    code, out, err = run.end()
    assert code in (0, 1, 3)
    assert "Traceback" not in out + err
    assert_rendered(run.folder, 4)
    assert run.left() == []
