"""A run is kept once: what is there twice is gone, what is large is packed, and a text says what each file is."""

import gzip
import json

from runs import finding, scenario, write

from smartlaunch.diagnosis import load as read_input
from smartlaunch.evidence.har.writing import write_har
from smartlaunch.exchange import RecordedExchange
from smartlaunch.plugin.finish import finish, slimmed
from smartlaunch.records import files
from smartlaunch.records.record import Run
from smartlaunch.records.store import load_run


def exchange(number):
    return RecordedExchange(
        id=f"x{number:04d}",
        actor="app",
        endpoint="token",
        started="2026-11-01T01:00:00+00:00",
        duration_ms=1.0,
        method="POST",
        url="https://a.example/token",
        status=200,
        request_body="a=b",
        response_body='{"a": 1}',
        facts={"pkce": True},
    )


def made(tmp_path):
    run = write(tmp_path / "r", scenario("x", "failed", findings=(finding(exchange="x0002"),)), scenario("y", exchanges=("x0001",)))
    (tmp_path / "r" / "exchanges.jsonl").write_text("".join(json.dumps(vars(exchange(n))) + "\n" for n in (1, 2, 3)))
    (tmp_path / "r" / "run.json").unlink()
    return run, tmp_path / "r"


def test_exchanges_are_kept_once(tmp_path):
    run, folder = made(tmp_path)
    finish(folder, lambda: run.header, scrub=str)
    assert not (folder / files.EXCHANGES_FILE).exists()
    assert [x.id for x in load_run(folder).exchanges] == ["x0001", "x0002", "x0003"]


def test_exchanges_stay_where_run_json_could_not_be_written(tmp_path, monkeypatch):
    import pytest

    from smartlaunch.errors import InternalError
    from smartlaunch.plugin import finish as module

    run, folder = made(tmp_path)

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(module, "write_run", full)
    with pytest.raises(InternalError):
        finish(folder, lambda: run.header, scrub=str)
    assert (folder / files.EXCHANGES_FILE).is_file()
    monkeypatch.undo()
    assert len(load_run(folder).exchanges) == 3


def test_a_slim_run_keeps_what_findings_speak_of_and_every_fact(tmp_path):
    run, folder = made(tmp_path)
    finish(folder, lambda: run.header, scrub=str, slim=True)
    found = load_run(folder)
    bodies = {x.id: (x.request_body, x.response_body, x.truncated, x.facts) for x in found.exchanges}
    assert bodies["x0002"] == ("a=b", '{"a": 1}', False, {"pkce": True})
    assert bodies["x0001"] == ("", "", True, {"pkce": True})
    assert found.header["slim"] is True
    assert slimmed(Run({}, found.scenarios, found.exchanges)).exchanges == found.exchanges


def test_the_har_is_packed_and_read_as_it_is(tmp_path):
    path = write_har([exchange(1)], tmp_path / "alone.har.gz")
    assert len(json.loads(gzip.decompress(path.read_bytes()))["log"]["entries"]) == 1
    assert read_input(str(path)).report() is not None


def test_a_text_says_what_each_file_is(tmp_path):
    run, folder = made(tmp_path)
    finish(folder, lambda: run.header, scrub=str)
    text = (folder / files.README_FILE).read_text()
    for path in folder.iterdir():
        assert path.name in text
    assert files.EXCHANGES_FILE not in text
    assert set(files.MEANING) <= files.EVERY
