"""A signal is noted where it comes and obeyed where it cuts nothing in the middle: no file is left open or half written by it."""

import gc
import http.server
import io
import os
import random
import signal
import ssl
import subprocess
import sys
import threading
import time
import traceback
import warnings

import pytest
from allure_commons.logger import AllureFileLogger

from smartlaunch import interruption
from smartlaunch.cli.child import child_environment, pytest_command
from smartlaunch.client.http import Http
from smartlaunch.client.waits import let_pass
from smartlaunch.evidence.recorder import Recorder
from smartlaunch.evidence.redaction import Redactor
from smartlaunch.exchange import Endpoint

MOMENTS = 20


@pytest.fixture
def listening():
    """Signals of this process go to the module that is looked at, and back to whoever had them."""
    numbers = (*interruption.SIGNALS, signal.SIGALRM)
    before = {number: signal.getsignal(number) for number in numbers}
    interruption.listen()
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def complaints(monkeypatch):
    """What Python has to say of things that nobody closed."""
    said = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    gc.collect()
    gc.freeze()  # what was there before is not looked through again and again
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield said
    gc.unfreeze()


@pytest.fixture
def server():
    """A server that answers at once, and under /slow when it is told to stop."""
    over = threading.Event()

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/slow":
                over.wait(20)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_arguments):
            pass

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    over.set()
    running.shutdown()
    running.server_close()


def ask(number=signal.SIGTERM):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", interruption.SIGNALS, ids=lambda number: number.name)
@pytest.mark.usefixtures("listening")
def test_a_file_that_is_being_opened_is_written_and_closed(tmp_path, monkeypatch, complaints, number):
    really = io.open

    def opening(*arguments, **named):
        opened = really(*arguments, **named)
        ask(number)  # here nobody else holds the file yet
        return opened

    monkeypatch.setattr("builtins.open", opening)
    AllureFileLogger(tmp_path).report_attached_data(b"what was recorded", "one-attachment.txt")
    assert (tmp_path / "one-attachment.txt").read_bytes() == b"what was recorded"
    with pytest.raises(KeyboardInterrupt):
        interruption.give_way()
    gc.collect()
    assert complaints == []


def work(server, folder):
    """What a run does between two steps: exchanges that are recorded, attachments, a file of its own."""
    recorder = Recorder(folder, Redactor())
    client = Http(recorder)
    try:
        for number in range(3):
            client.send("GET", f"{server}/{number}", endpoint=Endpoint.FHIR)
            recorder.attach(f"picture-{number}", b"x" * 2000, "image/jpeg")
            AllureFileLogger(folder / "allure").report_attached_data("text", f"{number}-attachment.txt")
            interruption.give_way()
    finally:
        client.close()
        recorder.close()


def calls_of(function, *arguments):
    """How many calls of Python functions it takes."""
    made = [0]

    def count(_frame, event, _argument):
        made[0] += event == "call"

    sys.setprofile(count)
    try:
        function(*arguments)
    finally:
        sys.setprofile(None)
    return made[0]


@pytest.mark.usefixtures("listening")
def test_at_whatever_moment_it_comes_nothing_is_cut(tmp_path, monkeypatch, complaints, server):
    context = ssl.create_default_context()
    monkeypatch.setattr(ssl, "create_default_context", lambda: context)  # reading all authorities takes longer than the rest
    (tmp_path / "whole").mkdir()
    work(server, tmp_path / "whole")
    calls = calls_of(work, server, tmp_path / "whole")
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    ended = 0
    for moment in sorted(chance.sample(range(1, calls), MOMENTS)):
        interruption.listen()
        left = [moment]

        def count(_frame, event, _argument, left=left):
            left[0] -= event == "call"
            if event == "call" and left[0] == 0:
                sys.setprofile(None)
                ask()

        folder = tmp_path / str(moment)
        folder.mkdir()
        sys.setprofile(count)
        try:
            work(server, folder)
        except KeyboardInterrupt as exc:
            ended += 1
            places = [frame.name for frame in traceback.extract_tb(exc.__traceback__)]
            assert {"give_way", "read"} & set(places), (seed, moment, places)
        finally:
            sys.setprofile(None)
        gc.collect()
        assert complaints == [], (seed, moment)
        assert not list(folder.rglob("*.tmp")), (seed, moment)
        for path in folder.glob("allure/*"):
            assert path.read_text() == "text", (seed, moment)
    assert ended > MOMENTS / 2


@pytest.mark.usefixtures("listening")
def test_a_wait_is_ended_at_once():
    threading.Timer(0.1, ask).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        let_pass(30)
    assert time.monotonic() - began < 5


@pytest.mark.usefixtures("listening")
def test_an_exchange_that_nobody_answers_is_ended_at_once(tmp_path, complaints, server):
    client = Http(Recorder(tmp_path, Redactor()), request_s=30)
    threading.Timer(0.2, ask).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        client.send("GET", f"{server}/slow", endpoint=Endpoint.FHIR)
    assert time.monotonic() - began < 5
    client.close()
    gc.collect()
    assert complaints == []


@pytest.mark.usefixtures("listening")
def test_what_comes_to_no_such_place_is_cut_after_all(monkeypatch):
    monkeypatch.setattr(interruption, "PATIENCE_S", 0.05)
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - it comes from nowhere
        ask()
        while True:
            time.sleep(0.01)


@pytest.mark.usefixtures("listening")
def test_a_second_signal_does_not_wait():
    ask()
    with pytest.raises(KeyboardInterrupt):
        ask()


@pytest.mark.usefixtures("listening")
def test_what_belongs_to_the_end_is_not_ended_again():
    ask()
    with pytest.raises(KeyboardInterrupt):
        interruption.give_way()
    ask(signal.SIGINT)
    interruption.give_way()
    let_pass(0.001)


@pytest.mark.usefixtures("listening")
def test_a_run_that_is_being_closed_is_not_cut_by_one_signal(monkeypatch):
    monkeypatch.setattr(interruption, "PATIENCE_S", 0.01)
    interruption.close()
    ask()
    interruption.give_way()
    time.sleep(0.05)
    with pytest.raises(KeyboardInterrupt):
        ask()


LEAKING = """
import warnings
def test_it(tmp_path):
    warnings.warn("a library will change", DeprecationWarning)
    open(tmp_path / "left-open", "w")
class Kept:
    def __init__(self):
        self.file, self.itself = open("left-open-to-the-end", "w"), self
Kept()
"""


def test_warnings_are_no_errors_of_a_run(tmp_path):
    leaking = tmp_path / "test_leaking.py"
    leaking.write_text(LEAKING)
    command = pytest_command(["-q"], paths=[leaking])
    done = subprocess.run(command, cwd=tmp_path, env=child_environment(), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "warning" not in done.stdout
