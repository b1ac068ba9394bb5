"""A run that is ended, or whose parts die, leaves its evidence, a line that says what happened, and nothing else."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
START_S = 90
SLOW_MACHINE = 4
"""How much longer than on a quiet machine everything may take here; the promise is five seconds."""


class Started:
    """A run on the embedded EHR, with a folder for temporary files of its own."""

    def __init__(self, tmp_path: Path, *more: str, out: str = "out") -> None:
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
            "--suite",
            "standalone-public",
            *more,
        ]
        self.process = subprocess.Popen(
            [*command, f"--out={self.folder}"], cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_the_run_with_its_reports(tmp_path, number):
    run = Started(tmp_path)
    run.reach(4)
    begun = time.monotonic()
    run.process.send_signal(number)
    code, out, err = run.end()
    assert time.monotonic() - begun < 5 * SLOW_MACHINE
    assert code == 128 + number
    assert err.strip().splitlines()[-1] == f"smartlaunch: interrupted ({number.name}); what was recorded until then is in out"
    assert "Traceback" not in out + err
    assert_rendered(run.folder, 4)
    assert run.left() == []


OPENED = {"*-attachment*": "an attachment of Allure", "*-result.json": "a result of Allure", "scenarios.jsonl": "a result"}


@pytest.fixture(scope="module")
def cut_while_writing(forked_runs):
    scenarios = ["standalone-public/smart-configuration-found", "standalone-public/smart-configuration-media-type"]
    cut = {"number": signal.SIGHUP}
    return forked_runs([{"name": OPENED[file], "allure": True, "scenarios": scenarios, "signal": {**cut, "file": file}} for file in OPENED])


@pytest.mark.parametrize("what", OPENED.values())
def test_a_signal_cuts_no_file(cut_while_writing, what):
    run = cut_while_writing[what]
    assert "KeyboardInterrupt" in run.said
    assert "Traceback" not in run.said
    assert "Warning" not in run.said  # which are errors there
    assert_rendered(run.folder, 1)
    assert not list(run.folder.rglob("*.tmp"))
    results = list((run.folder / "allure-results").glob("*.json"))
    assert len(results) >= 2
    for path in results:
        json.loads(path.read_text())


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
    run = Started(tmp_path, "--quick")
    run.reach(2)
    for browser in run.browsers():
        os.kill(browser, signal.SIGKILL)
    code, out, err = run.end()
    assert code in (0, 1, 3)
    assert "Traceback" not in out + err
    assert_rendered(run.folder, 4)
    assert run.left() == []


def test_a_second_run_is_kept_out_of_the_folder(tmp_path):
    first = Started(tmp_path)
    first.reach(2)
    second = Started(tmp_path)
    code, _, err = second.end()
    assert code == 2
    assert "another run is writing to this folder" in err
    first.process.send_signal(signal.SIGINT)
    assert first.end()[0] == 130
    assert_rendered(first.folder, 2)


def test_a_folder_that_goes_away_is_made_again(tmp_path):
    run = Started(tmp_path)
    run.reach(3)
    run.folder.rename(tmp_path / "gone")  # at once, so that nothing is written into what is being taken away
    run.reach(1)
    run.process.send_signal(signal.SIGTERM)
    code, out, err = run.end()
    assert code == 143
    assert "Traceback" not in out + err
    assert_rendered(run.folder, 3)
