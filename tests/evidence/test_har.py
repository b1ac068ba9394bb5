"""HARs as browsers and proxies write them, whole and broken, and the ones this suite writes."""

from __future__ import annotations

import base64
import importlib.util
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from smartlaunch.evidence.har.entries import HarReport, read_entries
from smartlaunch.evidence.har.exchanges import read_har, recorded
from smartlaunch.evidence.har.window import HarError
from smartlaunch.evidence.har.writing import write_har
from smartlaunch.exchange import Actor, Endpoint, RecordedExchange

ROOT = Path(__file__).resolve().parents[2]


def item(url="https://as.example.org/token", method="GET", status=200, request=None, response=None, **members):
    made = {
        "startedDateTime": "2026-05-01T10:00:00.123Z",
        "time": 12.5,
        "request": {"method": method, "url": url, "headers": [], **(request or {})},
        "response": {"status": status, "statusText": "OK", "headers": [], "content": {"size": 0, "mimeType": ""}, **(response or {})},
    }
    return made | members


def har(*entries, **members):
    return {"log": {"version": "1.2", "creator": {"name": "test", "version": "1"}, "entries": list(entries), **members}}


@pytest.fixture
def read(tmp_path):
    def reader(content, **options):
        path = tmp_path / "a.har"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        report = HarReport()
        return list(read_har(path, report, **options)), report

    return reader


# --- variants ---------------------------------------------------------------------------------------------------------------------


def test_chrome(read):
    entry = item(
        "https://fhir.example.org/r4/Patient/1",
        request={
            "headers": [{"name": ":authority", "value": "fhir.example.org"}, {"name": "authorization", "value": "Bearer t"}],
            "httpVersion": "h2",
        },
        response={
            "headers": [{"name": "content-type", "value": "application/fhir+json"}],
            "content": {"size": 24, "mimeType": "application/fhir+json", "text": '{"resourceType":"Patient"}'},
            "httpVersion": "http/2.0",
        },
        _initiator={"type": "script"},
        _resourceType="fetch",
    )
    (got,), report = read(har(entry))
    assert (got.id, got.actor, got.endpoint) == ("h0001", Actor.APP, Endpoint.FHIR)
    assert got.request.headers == (("authorization", "Bearer t"),)
    assert got.answer.object == {"resourceType": "Patient"}
    assert got.started == datetime(2026, 5, 1, 10, 0, 0, 123000, tzinfo=UTC)
    assert (report.skipped, report.warnings, report.entries, report.creator) == ([], [], 1, "test 1")


def test_chrome_blocked_request_has_an_error_and_no_answer(read):
    (got,), _ = read(har(item(status=0, response={"statusText": "", "_error": "net::ERR_FAILED"})))
    assert got.response is None
    assert got.error == "net::ERR_FAILED"


def test_sanitized_chrome_har_has_no_bodies_and_no_credentials(read):
    (got,), report = read(har(item(response={"content": {"size": 300, "mimeType": "application/json"}})))
    assert got.answer.truncated
    assert got.answer.json is None
    assert "without their bodies" in report.warnings[0]


def test_firefox(read):
    entry = item(
        method="POST",
        request={
            "postData": {
                "mimeType": "application/x-www-form-urlencoded",
                "params": [{"name": "grant_type", "value": "authorization_code"}],
                "text": "",
            }
        },
        response={"content": {"mimeType": "application/json", "size": 2, "text": "{}"}, "redirectURL": ""},
        startedDateTime="2026-05-01T12:00:00.1+02:00",
        _securityState="secure",
    )
    (got,), _ = read(har(entry, pages=[{"id": "page_1"}], browser={"name": "Firefox"}))
    assert got.endpoint is Endpoint.TOKEN
    assert got.request.form == [("grant_type", "authorization_code")]
    assert got.answer.media_type == "application/json"
    assert got.started.astimezone(UTC).hour == 10


@pytest.mark.parametrize(
    ("params", "body"),
    [
        ([{"name": "a b", "value": "c&d"}], b"a+b=c%26d"),
        ([{"name": "redirect_uri", "value": "https%3A%2F%2Fa"}], b"redirect_uri=https%3A%2F%2Fa"),
        ([{"name": "x"}], b"x="),
        ([], b""),
        (None, b""),
    ],
)
def test_parameters_in_place_of_text(read, params, body):
    (got,), _ = read(har(item(method="POST", request={"postData": {"mimeType": "application/x-www-form-urlencoded", "params": params}})))
    assert got.request.body == body


def test_charles_and_fiddler_put_bodies_in_base64(read):
    text = base64.b64encode(b'{"access_token":"t"}').decode()
    (got, broken), report = read(
        har(
            item(response={"content": {"size": 20, "mimeType": "application/json", "text": text, "encoding": "base64"}}),
            item(response={"content": {"size": 20, "mimeType": "application/json", "text": "a", "encoding": "base64"}}),
        )
    )
    assert got.answer.object == {"access_token": "t"}
    assert broken.answer.body == b""
    assert report.warnings == ["entry 2: the base64 of its answer is broken; the body was left out"]


def test_mitmproxy_posts_in_base64_and_headers_as_object(read):
    posted = {"mimeType": "x", "text": base64.b64encode(b"grant_type=x").decode(), "encoding": "base64"}
    (got,), _ = read(har(item(method="post", request={"postData": posted, "headers": {"Accept": "*/*"}})))
    assert got.request.method == "POST"
    assert got.request.body == b"grant_type=x"
    assert got.request.header("accept") == "*/*"


def test_playwright_names_the_protocol(read):
    (got,), _ = read(har(item(_securityDetails={"protocol": "TLS 1.3"})))
    assert got.tls == "TLS 1.3"


def test_redirects_are_chained_and_redirect_url_stands_in_for_location(read):
    first = item("https://a.example.org/x", status=302, response={"redirectURL": "/y#f"})
    got, _ = read(har(first, item("https://b.example.org/"), item("https://a.example.org/y")))
    assert got[0].answer.header("location") == "/y#f"
    assert [each.redirect_of for each in got] == ["", "", "h0001"]


def test_endpoints_follow_discovery_and_parameters(read):
    base = "https://f.example.org/r4/t"
    document = {
        "authorization_endpoint": "https://as.example.org/go",
        "token_endpoint": "https://as.example.org/swap",
        "jwks_uri": "https://as.example.org/k",
    }
    urls = [
        ("https://app.example.org/launch?iss=https%3A%2F%2Ff.example.org%2Fr4%2Ft&launch=1", "GET"),
        (f"{base}/.well-known/smart-configuration", "GET"),
        ("https://as.example.org/go?response_type=code&client_id=c&state=1", "GET"),
        ("https://as.example.org/login", "GET"),
        ("https://app.example.org/cb?code=1&state=1", "GET"),
        ("https://as.example.org/swap", "POST"),
        ("https://as.example.org/k", "GET"),
        (f"{base}/Observation?code=1&patient=2", "GET"),
        (f"{base}/metadata", "GET"),
        ("https://cdn.example.org/app.js", "GET"),
        ("https://app.example.org/?error=access_denied&state=1", "GET"),
        ("https://o.example.org/fhir/Patient/1", "GET"),
        ("https://as.example.org/introspect", "POST"),
    ]
    entries = [item(url, method) for url, method in urls]
    entries[1]["response"]["content"] = {"mimeType": "application/json", "text": json.dumps(document), "size": 9}
    entries[3]["response"]["content"] = {"mimeType": "text/html", "text": "<html>", "size": 6}
    entries[12]["request"]["postData"] = {"mimeType": "application/x-www-form-urlencoded", "text": "token=1"}
    got, _ = read(har(*entries))
    assert [str(each.endpoint) for each in got] == [
        "launch", "discovery", "authorize", "page", "redirect", "token", "jwks", "fhir", "metadata", "other", "redirect", "fhir", "introspection",
    ]  # fmt: skip
    assert [str(each.actor) for each in got[:6]] == ["browser", "app", "browser", "browser", "browser", "app"]


def test_bom_utf16_and_unusual_order_of_members(read):
    text = json.dumps(
        {"log": {"entries": [item()], "extra": {"a": [1, "]}"]}, "creator": {"name": "é"}, "version": "1.2"}, "more": -1.5e3},
        ensure_ascii=False,
    )
    for encoding in ("utf-8-sig", "utf-16"):
        got, report = read(text.encode(encoding))
        assert len(got) == 1
        assert report.creator == "é"
        assert report.warnings == []


def test_empty_har(read):
    assert read(har()) == ([], HarReport(creator="test 1", version="1.2"))


@pytest.mark.parametrize("version", ["", "1.1", "1.2", "1.3"])
def test_versions_that_are_read(read, version):
    assert len(read(har(item(), version=version))[0]) == 1


# --- broken -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"<html>no</html>", "not a HAR, it begins with"),
        (b"[1]", "not a HAR"),
        (b"{}", "no log.entries"),
        (b'{"log": 5}', "log is no object"),
        (b'{"log": {"entries": {}}}', "log.entries is no array"),
        (b'{"resourceType": "Patient", "id": "1"}', "no log.entries"),
        (b'{"log": {"version": "2.0", "entries": []}}', "HAR version '2.0'"),
        (b'{"log": {"version": 7, "entries": []}}', "HAR version '7'"),
        (b'{"log": {"version": "1.2", "entries": [', "cut off before"),
        (b'{"log": {"version": "1.2", "entries": [{"request": ', "cut off before"),
        (b'{"log": {"version": "1.2", oops, "entries": [                   ]}}', "not JSON at character"),
        (b'{"log": {"entries": [{"request": nope, "padding": "xxxxxxxxxxxxxxxxxxxxxxxx"}]}}', "not JSON at character"),
    ],
)
def test_what_is_no_har_is_said_so(read, content, words):
    with pytest.raises(HarError) as caught:
        read(content)
    assert words in str(caught.value)


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "absent.har", tmp_path):
        with pytest.raises(HarError, match="cannot be opened"):
            list(read_har(path))


def test_truncated_har_gives_what_is_whole(read):
    whole = json.dumps(har(item("https://a.example.org/1"), item("https://a.example.org/2"), item("https://a.example.org/3"))).encode()
    for cut in (60, 300, len(whole) // 2, 1):
        got, report = read(whole[:-cut])
        assert 1 <= len(got) <= 3
        assert "cut off" in report.warnings[0]


def test_entries_without_use_are_named(read):
    got, report = read(har(5, None, {}, {"request": 1}, {"request": {"url": ""}}, {"request": {"url": "https://a.example.org/"}}))
    assert len(got) == 1
    assert got[0].response is None
    assert len(report.skipped) == 5
    assert report.skipped[2] == "entry 3 has no request with a URL"


@pytest.mark.parametrize("junk", [None, 5, "x", [], {}, [None], {"a": None}, True, 1e300])
@pytest.mark.parametrize(
    "place", ["headers", "postData", "content", "status", "time", "startedDateTime", "_smartlaunch", "redirectURL", "response"]
)
def test_junk_in_any_member(read, place, junk):
    entry = item(status=302)
    target = {"headers": entry["request"], "postData": entry["request"], "content": entry["response"], "status": entry["response"]}.get(
        place, entry
    )
    target[place] = junk
    got, _ = read(har(entry))
    assert len(got) == 1


def test_an_entry_over_the_limit_is_named_and_the_rest_is_read(read):
    big = item("https://big.example.org/x?code=secret", response={"content": {"mimeType": "a", "text": 'quo"te\\ {[' * 900_000, "size": 9}})
    got, report = read(har(item("https://a.example.org/1"), big, item("https://a.example.org/3")), largest_entry=6_000_000)
    assert [each.request.url for each in got] == ["https://a.example.org/1", "https://a.example.org/3"]
    assert report.skipped == ["entry 2 (GET https://big.example.org/x) is larger than 5 MB"]
    assert len(read(har(item(), big))[0]) == 2


def test_deep_nesting_and_endless_numbers_are_stepped_over(read):
    deep = json.dumps(har(item())).replace('"cookies"', '"x"').encode()
    entry = b'{"request":{"url":"https://a.example.org/","method":"GET"},"x":' + b"[" * 200_000 + b"]" * 200_000 + b"},"
    number = b'{"request":{"url":"https://a.example.org/"},"time":' + b"9" * 9000 + b"},"
    content = deep.replace(b'"entries": [', b'"entries": [' + entry + number)
    got, report = read(content)
    assert len(got) == 1
    assert report.skipped == [
        "entry 1 (GET https://a.example.org/) is nested too deeply",
        "entry 2 (https://a.example.org/) holds a number that is too long",
    ]


# --- our own ----------------------------------------------------------------------------------------------------------------------


OWN = RecordedExchange(
    id="x0001",
    actor="app",
    endpoint="token",
    started="2026-05-01T10:00:00.000+00:00",
    duration_ms=3.25,
    method="POST",
    url="https://as.example.org/token?state=<state 1 length 43>",
    request_headers=[["Content-Type", "application/x-www-form-urlencoded"]],
    request_body="grant_type=authorization_code&code=<code 1>",
    status=302,
    reason="Found",
    http_version="HTTP/1.1",
    response_headers=[["Location", "https://app.example.org/cb"], ["X-Request-Id", "r1"], ["Set-Cookie", "a=<cookie 1>"]],
    response_body='{"a": "é"}',
    truncated=True,
    tls="TLSv1.3",
    facts={"verifier_matches_challenge": True, "scope_dropped": ["launch"]},
    correlation={"X-Request-Id": "r1"},
)


def test_written_har_comes_back_whole(tmp_path):
    failed = RecordedExchange(
        "x0002", "browser", "page", "2026-05-01T10:00:01.000+00:00", 0.0, "GET", "https://a.example.org/", error="refused"
    )
    path = write_har([OWN, failed], tmp_path / "run.har", title="scenario é")
    report = HarReport()
    assert [recorded(entry) for _, entry in read_entries(path, report)] == [OWN, failed]
    document = json.loads(path.read_text(encoding="utf-8"))["log"]
    assert (document["version"], document["comment"]) == ("1.2", "scenario é")
    first = document["entries"][0]
    assert first["response"]["redirectURL"] == "https://app.example.org/cb"
    assert first["comment"] == "x0001 app token; X-Request-Id: r1"
    for member in ("startedDateTime", "time", "request", "response", "cache", "timings"):
        assert member in first
    exchanges = list(read_har(path))
    assert [(e.id, e.endpoint, e.actor, e.error) for e in exchanges] == [
        ("x0001", "token", "app", ""),
        ("x0002", "page", "browser", "refused"),
    ]
    assert exchanges[0].tls == "TLSv1.3"
    assert exchanges[1].response is None


def test_foreign_entries_are_not_taken_for_our_own():
    assert recorded(item()) is None
    assert recorded({"_smartlaunch": {"id": 5}}) is None


def test_empty_run_writes_a_har(tmp_path):
    assert list(read_har(write_har([], tmp_path / "e.har"))) == []


# --- size -------------------------------------------------------------------------------------------------------------------------


def test_a_large_har_is_read_in_bounded_memory(tmp_path):
    spec = importlib.util.spec_from_file_location("har_reading", ROOT / "benchmarks" / "har_reading.py")
    assert spec is not None
    assert spec.loader is not None
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    path = tmp_path / "large.har"
    entries = benchmark.generate(path, 40)
    loaded, streamed = benchmark.compare(path, rounds=1)
    assert streamed[2] == loaded[2] == entries
    assert streamed[1] < 150
