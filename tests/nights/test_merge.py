"""Several runs as one: nothing lost, nothing doubled, no two secrets made equal."""

import json
from dataclasses import replace

import pytest
from runs import STATE, changed, finding, scenario, write

from smartlaunch.errors import UsageError
from smartlaunch.exchange import RecordedExchange
from smartlaunch.records.merging import merge
from smartlaunch.records.record import Run


def exchange(number, token=1):
    return RecordedExchange(
        id=f"x{number:04d}",
        actor="app",
        endpoint="token",
        started="2026-11-01T01:00:00+00:00",
        duration_ms=1.0,
        method="POST",
        url=f"https://a.example/token?t=<access_token {token}>",
        status=200,
    )


def test_numbers_of_a_later_run_are_moved(tmp_path):
    a = write(tmp_path / "a", scenario("x", "failed", findings=(finding(actual="x0002 had <access_token 2>", exchange="x0002"),)))
    b = write(tmp_path / "b", scenario("y", "failed", findings=(finding(actual="x0001 <access_token 1> not x0009", exchange="x0001"),)))
    a = Run(a.header, a.scenarios, (exchange(1), exchange(2, 2)), (), (), a.folder)
    b = Run(b.header, b.scenarios, (exchange(1),), (), (), b.folder)
    run = merge([a, b]).run
    assert [x.id for x in run.exchanges] == ["x0001", "x0002", "x0003"]
    assert [x.url.rpartition("=")[2] for x in run.exchanges] == ["<access_token 1>", "<access_token 2>", "<access_token 3>"]
    assert run.scenario_by_id["standalone-public/y"].findings[0].actual == "x0003 <access_token 3> not x0009"
    assert run.scenario_by_id["standalone-public/y"].findings[0].exchange == "x0003"
    assert run.scenario_by_id["standalone-public/x"].findings[0].actual == "x0002 had <access_token 2>"


def test_what_workers_told_each_other_of_stays_one(tmp_path):
    looked = replace(exchange(1), endpoint="discovery", url="https://a.example/.well-known/smart-configuration")
    runs = [write(tmp_path / n, scenario(n, "failed", findings=(finding(exchange="x0001"),), exchanges=("x0001", "x0002"))) for n in "ab"]
    runs = [Run(r.header, r.scenarios, (looked, exchange(2)), (), (), r.folder) for r in runs]
    run = merge(runs).run
    assert [x.id for x in run.exchanges] == ["x0001", "x0002", "x0004"]
    assert [s.exchanges for s in run.scenarios] == [("x0001", "x0002"), ("x0001", "x0004")]
    assert [s.findings[0].exchange for s in run.scenarios] == ["x0001", "x0001"]
    anew = [runs[0], replace(runs[1], exchanges=(replace(looked, started="2026-11-01T02:00:00+00:00"), exchange(2)))]
    assert [x.id for x in merge(anew).run.exchanges] == ["x0001", "x0002", "x0003", "x0004"]


@pytest.mark.parametrize(
    ("first", "second", "left"),
    [("blocked", "passed", "passed"), ("passed", "blocked", "passed"), ("passed", "failed", "failed"), ("blocked", "blocked", "blocked")],
)
def test_the_last_verdict_counts_and_none_takes_none_away(tmp_path, first, second, left):
    runs = [write(tmp_path / name, scenario("x", what)) for name, what in (("a", first), ("b", second))]
    assert [s.outcome for s in merge(runs).run.scenarios] == [left]


def test_the_selection_is_that_of_all_and_what_no_run_has_is_missing(tmp_path):
    a = write(tmp_path / "a", scenario("x"), selection=["standalone-public/x", "standalone-public/lost"])
    b = write(tmp_path / "b", scenario("y"))
    run = merge([a, b]).run
    assert run.missing == ("standalone-public/lost",)
    assert run.header["interrupted"] is True
    assert run.header["merged"] == ["a", "b"]
    assert merge([b]).run.header.get("interrupted") is None


def test_runs_of_different_targets_are_refused(tmp_path):
    a = write(tmp_path / "a", scenario("x"))
    with pytest.raises(UsageError, match="only runs of one target"):
        merge([a, write(tmp_path / "b", scenario("x"), base="https://b.example")])
    with pytest.raises(UsageError, match="no run"):
        merge([])
    local = [write(tmp_path / f"l{n}", scenario("x"), target="embedded", base=f"http://127.0.0.1:{n}/fhir") for n in (1, 2)]
    assert len(merge(local).run.scenarios) == 1


def test_a_deviation_is_gone_only_where_all_runs_say_so(tmp_path):
    def with_state(name, state, *scenarios):
        return write(tmp_path / name, *scenarios, deviations=[{"match": STATE, "reason": "r", "state": state, "scenarios": []}])

    known = scenario("x", "failed", findings=(finding(known=STATE),), known={"match": STATE, "reason": "r"})
    for number, (states, found) in enumerate({("gone", "gone"): "gone", ("gone", "not-judged"): "not-judged"}.items()):
        runs = [with_state(f"{number}{place}", state, scenario("y")) for place, state in enumerate(states)]
        assert merge(runs).run.deviations[0]["state"] == found
    assert merge([with_state("g", "gone", scenario("y")), with_state("s", "seen", known)]).run.deviations[0]["state"] == "seen"


def test_a_run_that_never_reached_its_target_counts_for_nothing_beside_one_that_did(tmp_path):
    down = write(tmp_path / "a", preflight=[{"problem": "no answer", "verdict": "unreachable"}], selection=["standalone-public/x"])
    run = merge([down, write(tmp_path / "b", scenario("x"))]).run
    assert (run.preflight_verdict, run.missing) == ("ok", ())
    assert merge([down]).run.preflight_verdict == "unreachable"
    assert changed(run, id="n").id == "n"


def test_the_command_writes_every_report_of_the_whole(cli, tmp_path):
    for name, shard in (
        ("a", scenario("x", "failed", attachments=("attachments/p.txt",))),
        ("b", scenario("y", attachments=("attachments/p.txt",))),
    ):
        write(tmp_path / name, shard)
        (tmp_path / name / "attachments").mkdir()
        (tmp_path / name / "attachments" / "p.txt").write_text(name)
    said = cli("merge", "a", "b", "--out", "whole")
    assert said.code == 1
    assert "2 scenarios" in said.out
    data = json.loads((tmp_path / "whole" / "run.json").read_text())
    attached = [tmp_path / "whole" / s["attachments"][0] for s in data["scenarios"]]
    assert [path.read_text() for path in attached] == ["a", "b"]
    assert data["header"]["id"] == "whole"
    assert data["diagnoses"]
    for name in ("index.html", "junit.xml", "run.har.gz", "manifest.sha256"):
        assert (tmp_path / "whole" / name).is_file()
