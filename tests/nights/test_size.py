"""A run is kept once: what is there twice is gone, what is large is packed, and a text says what each file is."""

import base64
import gzip
import json
from pathlib import Path

import jsonschema
import pytest
from runs import finding, scenario, write

from smartlaunch.diagnosis import load as read_input
from smartlaunch.errors import InternalError, UsageError
from smartlaunch.evidence.har.writing import write_har
from smartlaunch.exchange import RecordedExchange
from smartlaunch.plugin.finish import finish, slimmed
from smartlaunch.records import files, packing
from smartlaunch.records.record import Run
from smartlaunch.records.store import load_run, write_run

SCHEMA = json.loads((Path(__file__).parents[2] / "smartlaunch" / "schemas" / "run.schema.json").read_text())


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
    assert not (folder / files.SCENARIOS_FILE).exists()
    assert [x.id for x in load_run(folder).exchanges] == ["x0001", "x0002", "x0003"]


def test_a_long_run_is_packed_and_read_whole(tmp_path, monkeypatch):
    run, folder = made(tmp_path)
    finish(folder, lambda: run.header, scrub=str)
    plain = json.loads((folder / files.RUN_FILE).read_text())
    assert "packed" not in plain
    whole = load_run(folder)

    monkeypatch.setattr(packing, "ROOM", 10)
    write_run(whole, folder)
    data = json.loads((folder / files.RUN_FILE).read_text())
    jsonschema.validate(data, SCHEMA)
    rows = {row["id"]: row for row in data["exchanges"]}
    assert rows["x0002"] == plain["exchanges"][1], "a finding speaks of it"
    assert "facts" not in rows["x0001"]
    assert rows["x0001"]["url"] == "https://a.example/token"
    assert sorted(each["id"] for each in json.loads(gzip.decompress(base64.b64decode(data["packed"])))) == ["x0001", "x0003"]
    assert load_run(folder).exchanges == whole.exchanges
    for name in (files.RUN_FILE, files.HTML_FILE):
        assert "x0003" in packing.spread((folder / name).read_text()).replace((folder / name).read_text(), ""), name
    assert read_input(str(folder / files.RUN_FILE)).exchanges == list(whole.exchanges)


@pytest.mark.parametrize("packed", ["no base64!", base64.b64encode(b"no gzip").decode(), base64.b64encode(gzip.compress(b"[{")).decode()])
def test_what_cannot_be_unpacked_is_said(tmp_path, packed):
    run, folder = made(tmp_path)
    finish(folder, lambda: run.header, scrub=str)
    file = folder / files.RUN_FILE
    file.write_text(json.dumps(json.loads(file.read_text()) | {"packed": packed}))
    with pytest.raises(UsageError, match=r"is not a run\.json"):
        load_run(folder)


def test_room_goes_first_to_what_findings_speak_of_then_to_oauth(monkeypatch):
    rows = [vars(exchange(n)) | {"endpoint": "fhir" if n < 3 else "token"} for n in range(1, 6)]
    monkeypatch.setattr(packing, "ROOM", 2 * len(packing.line(rows[0])) + 10)
    lines, rest = packing.packed(rows, {"x0001"})
    assert [row["id"] for row in map(json.loads, lines) if "facts" in row] == ["x0001", "x0003"]
    assert [row["id"] for row in packing.unpacked([json.loads(each) for each in lines], rest)] == [row["id"] for row in rows]
    assert packing.unpacked([json.loads(each) for each in lines], rest) == rows


def test_pictures_of_ends_that_no_result_names_go(tmp_path):
    run = write(
        tmp_path / "r", scenario("x", "failed", findings=(finding(exchange="x0002"),), attachments=("attachments/a-error-page.jpg",))
    )
    (tmp_path / "r" / "run.json").unlink()
    place = tmp_path / "r" / "attachments"
    place.mkdir()
    for name in ("a-error-page.jpg", "a-error-page-2.jpg", "a-timeout.jpg", "a-step-1.jpg", "s-traceback.txt"):
        (place / name).write_bytes(b"jpg")
    finish(tmp_path / "r", lambda: run.header, scrub=str)
    assert sorted(path.name for path in place.iterdir()) == ["a-error-page.jpg", "a-step-1.jpg", "s-traceback.txt"]


def test_exchanges_stay_where_run_json_could_not_be_written(tmp_path, monkeypatch):
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
