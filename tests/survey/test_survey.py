"""A survey: every endpoint accounted for, polite, resumable, memory flat, nothing of a server taken for markup or a formula."""

import asyncio
import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from farm import GOOD, KINDS, url

from smartlaunch.catalogue import load
from smartlaunch.cli import main
from smartlaunch.cli.child import child_environment
from smartlaunch.errors import UsageError
from smartlaunch.plugin.binding import every_plan
from smartlaunch.survey.endpoints import Endpoint, LeftOut, read_endpoints
from smartlaunch.survey.gather import RESULTS, Gatherer, Manners, done_before, results
from smartlaunch.survey.rules import requirements
from smartlaunch.survey.summary import Summary, render, write_summary


@pytest.fixture(scope="module")
def farm():
    process = subprocess.Popen([sys.executable, str(Path(__file__).with_name("farm.py"))], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    yield int(process.stdout.readline())
    process.stdin.close()
    process.wait(10)
    process.stdout.close()


def test_every_rule_that_reads_the_smart_configuration_alone_is_put():
    put = set(requirements())
    for plan in every_plan():
        if plan.path.endswith("smart_configuration.feature") and plan.suite.default and "intrusive" not in plan.flags:
            when = [step.name for step in plan.template.steps if step.keyword.strip() == "When"]
            if when == ["the app reads the SMART configuration"]:
                assert put & set(plan.requirements), plan.id


def test_the_rules_are_in_the_catalogue():
    assert set(requirements()) <= set(load())


def ask(tmp_path, answer, endpoints=("https://a.example/fhir",), **manners):
    def handle(request):
        return answer(request) if callable(answer) else answer

    gatherer = Gatherer(Manners(host_rate=0, **manners), load(), transport=httpx.MockTransport(handle))
    asyncio.run(gatherer.run(iter(Endpoint(each) for each in endpoints), tmp_path / RESULTS))
    return list(results(tmp_path / RESULTS))


def document(**changes):
    return httpx.Response(200, json={k: v for k, v in {**GOOD, **changes}.items() if v is not None})


@pytest.mark.parametrize(
    ("changes", "requirement", "outcome"),
    [
        ({}, "SMART-2.2-conformance-metadata-code-challenge-methods-b", "passed"),
        (
            {"code_challenge_methods_supported": ["S256", "plain"]},
            "SMART-2.2-conformance-metadata-code-challenge-methods-b",
            "failed",
        ),
        ({"token_endpoint": None}, "SMART-2.2-conformance-metadata-token-endpoint", "failed"),
        ({"token_endpoint": "/token"}, "SMART-2.2-conformance-well-known-f", "failed"),
        ({"scopes_supported": None}, "SMART-2.2-conformance-metadata-scopes-supported-a", "warning"),
        ({"capabilities": [*GOOD["capabilities"], "sso-openid-connect"]}, "SMART-2.2-conformance-metadata-issuer", "failed"),
        ({"issuer": "https://a.example"}, "SMART-2.2-conformance-metadata-issuer-omitted", None),
        ({"authorization_endpoint": "https://a.example/a#b"}, "RFC6749-3.1-b", "failed"),
    ],
)
def test_an_endpoint_is_held_against_the_rules(tmp_path, changes, requirement, outcome):
    (result,) = ask(tmp_path, document(**changes))
    assert result["kind"] == "document"
    if outcome is None:
        assert result["outcomes"][requirement] != "passed"
    else:
        assert result["outcomes"][requirement] == outcome
    named = {f["requirement"] for f in result["findings"]}
    assert (requirement in named) is (outcome != "passed")


def test_a_rule_that_does_not_bind_has_no_outcome(tmp_path):
    (result,) = ask(tmp_path, document(capabilities=["client-public"], authorization_endpoint=None))
    assert "SMART-2.2-conformance-metadata-authorization-endpoint" not in result["outcomes"]


@pytest.mark.parametrize(
    ("answer", "kind", "failure"),
    [
        (httpx.Response(503), "not-now", ""),
        (httpx.Response(404, json={}), "no-document", ""),
        (httpx.Response(200, text="<html>"), "no-document", ""),
        (httpx.Response(200, content=b"x" * 2_000_000), "no-document", ""),
        (lambda _: (_ for _ in ()).throw(httpx.ConnectTimeout("late")), "no-answer", "timeout"),
    ],
)
def test_what_is_no_document_is_no_pass(tmp_path, answer, kind, failure):
    (result,) = ask(tmp_path, answer)
    assert (result["kind"], result["failure"]) == (kind, failure)
    assert "passed" not in result["outcomes"].values()


def test_few_at_one_host_and_not_too_often(tmp_path):
    now, most, times = Counter(), Counter(), []

    async def slow(request):
        now[request.url.host] += 1
        most[request.url.host] = max(most[request.url.host], now[request.url.host])
        times.append(time.monotonic())
        await asyncio.sleep(0.02)
        now[request.url.host] -= 1
        return httpx.Response(404)

    gatherer = Gatherer(Manners(per_host=2, host_rate=50), load(), transport=httpx.MockTransport(slow))
    asyncio.run(gatherer.run((Endpoint(f"https://a.example/{n}") for n in range(20)), tmp_path / RESULTS))
    assert most["a.example"] <= 2
    assert times[-1] - times[0] >= 19 / 50 * 0.9


def test_a_survey_goes_on_after_the_last_whole_line(tmp_path):
    asked = []

    def count(request):
        asked.append(str(request.url))
        return httpx.Response(404)

    ask(tmp_path, count, ["https://a.example/1", "https://a.example/2"])
    with (tmp_path / RESULTS).open("a") as out:
        out.write('{"url": "https://a.example/3", "na')
    found = ask(tmp_path, count, [f"https://a.example/{n}" for n in (1, 2, 3, 4)])
    assert [url.split("/")[3] for url in asked] == ["1", "2", "3", "4"]
    assert [r["url"][-1] for r in found] == ["1", "2", "3", "4"]
    assert len(done_before(tmp_path / RESULTS)) == 4


@pytest.mark.parametrize(
    ("name", "text", "urls"),
    [
        (
            "a.txt",
            "https://a.example/r4/\n# no\nhttps://b.example/r4 # b\nftp://c\n\nhttps://a.example/r4\n",
            ["https://a.example/r4", "https://b.example/r4"],
        ),
        ("a.csv", "Name,URL\nOne,https://a.example/r4\n", ["https://a.example/r4"]),
        ("a.csv", "x,https://u:p@a.example/r4?q=1#f\n", ["https://a.example/r4"]),
        (
            "a.json",
            json.dumps(
                {
                    "resourceType": "Bundle",
                    "entry": [
                        {"resource": {"resourceType": "Organization", "id": "o", "name": "Org"}},
                        {
                            "resource": {
                                "resourceType": "Endpoint",
                                "address": "https://a.example/r4/",
                                "managingOrganization": {"reference": "Organization/o"},
                            }
                        },
                        {"resource": {"resourceType": "Endpoint"}},
                        {"nothing": 1},
                    ],
                }
            ),
            ["https://a.example/r4"],
        ),
        (
            "a.ndjson",
            '{"resourceType": "Endpoint", "address": "https://a.example/1", "name": "A"}\n{"resourceType": "Endpoint", "address": "https://b.example"}\n',
            ["https://a.example/1", "https://b.example"],
        ),
    ],
)
def test_endpoints_are_read_from_what_vendors_publish(tmp_path, name, text, urls):
    (tmp_path / name).write_text(text)
    found = list(read_endpoints(tmp_path / name, LeftOut()))
    assert [e.url for e in found] == urls
    if name == "a.json":
        assert found[0].name == "Org"


def test_what_holds_no_endpoint_is_said(tmp_path):
    (tmp_path / "a.csv").write_text("Name,Town\nOne,Two\n")
    with pytest.raises(UsageError, match="no column"):
        list(read_endpoints(tmp_path / "a.csv", LeftOut()))
    (tmp_path / "a.json").write_text("{\n")
    with pytest.raises(UsageError, match="no JSON"):
        list(read_endpoints(tmp_path / "a.json", LeftOut()))


def test_what_is_no_web_address_is_counted_and_shown_without_credentials(tmp_path):
    (tmp_path / "a.txt").write_text(
        "https://a.example/r4\nhttps://a.example/r4/\nfhir.b.example\n\n# a note\nftp://me:planted-pw@c.example/r4\n"
    )
    left_out = LeftOut()
    assert [e.url for e in read_endpoints(tmp_path / "a.txt", left_out)] == ["https://a.example/r4"]
    assert (left_out.no_address, left_out.doubled) == (2, 1)
    (tmp_path / RESULTS).write_text("")
    write_summary(tmp_path, tmp_path / RESULTS, load(), left_out=left_out)
    page = (tmp_path / "index.html").read_text()
    assert "2 lines of the list are no address" in page
    assert "1 address stood in the list more than once and was asked once" in page
    assert "<code>ftp://c.example/r4</code>" in page
    assert "planted-pw" not in page
    assert json.loads((tmp_path / "survey.json").read_text())["left_out"] == {"no_web_address": 2, "doubled": 1}


def test_nothing_of_a_server_is_markup_or_a_formula(tmp_path):
    nasty = '=cmd()<script>alert(1)</script>"\x1b[31m\u202e'
    (tmp_path / RESULTS).write_text(
        json.dumps(
            {
                "url": "https://a.example/r4",
                "name": nasty,
                "status": 200,
                "ms": 1.0,
                "kind": "document",
                "failure": "",
                "error": "",
                "capabilities": [nasty],
                "outcomes": {"SMART-2.2-conformance-well-known-f": "failed"},
                "findings": [{"requirement": "SMART-2.2-conformance-well-known-f", "actual": nasty}],
            }
        )
        + "\n"
    )
    write_summary(tmp_path, tmp_path / RESULTS, load(), parquet=True)
    page = (tmp_path / "index.html").read_text()
    assert "<script" not in page
    with (tmp_path / "survey.csv").open(newline="") as lines:
        row = next(csv.DictReader(lines))
    assert row["name"].startswith("'=")
    assert "\x1b" not in row["name"]
    import pyarrow.parquet as pq

    table = pq.read_table(tmp_path / "survey.parquet").to_pylist()
    assert (table[0]["url"], table[0]["failed"]) == ("https://a.example/r4", 1)


def test_an_empty_survey_has_a_page():
    assert "0 of 0 endpoints" in render(Summary(), load())


def test_every_endpoint_is_accounted_for_and_a_killed_survey_goes_on(farm, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    number = 320
    Path("list.txt").write_text("".join(url(n, farm) + "\n" for n in range(number)))
    words = ["survey", "list.txt", "--out", "s", "--limit-s", "60", "--parallel", "32"]
    process = subprocess.Popen([sys.executable, "-m", "smartlaunch.cli", *words], env=child_environment(), stdout=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while time.monotonic() < until and not (Path("s") / RESULTS).is_file():
        time.sleep(0.05)
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert main(words) == 0
    found = list(results(Path("s") / RESULTS))
    assert sorted(r["url"] for r in found) == sorted(url(n, farm) for n in range(number))
    by_kind = {kind: Counter((r["kind"], r["failure"]) for r in found if f"/{kind}/" in r["url"]) for kind in KINDS}
    each = number // len(KINDS)
    assert by_kind["good"] == {("document", ""): 6 * each}
    assert by_kind["slow"] == {("document", ""): each}
    assert by_kind["dead"] == {("no-answer", "refused"): each} or by_kind["dead"] == {("no-answer", "no-connection"): each}
    assert by_kind["missing"] == by_kind["page"] == by_kind["deep"] == {("no-document", ""): each}
    assert set(by_kind["endless"]) <= {("no-document", ""), ("no-answer", "timeout")}
    assert set(by_kind["broken"]) == set(by_kind["loop"]) == {("no-answer", "protocol")}
    data = json.loads(Path("s/survey.json").read_text())
    assert data["endpoints"] == number
    rule = next(r for r in data["rules"] if r["id"] == "SMART-2.2-conformance-metadata-code-challenge-methods-b")
    assert rule["failed"] == each
    assert f"of {number} endpoints answered" in capsys.readouterr().out


def test_mistakes_end_with_2(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["survey", "gone.txt"]) == 2
    assert main(["survey", "https://a.example", "--parallel", "0"]) == 2
    capsys.readouterr()
