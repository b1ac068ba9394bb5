"""The bridge to allure-pytest and the rendered page."""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from smartlaunch.reporting.allure_bridge import AllureBridge
from smartlaunch.reporting.allure_html import Renderer, begin_rendering, find_renderer, without_tracker
from smartlaunch.reporting.allure_packing import packed
from smartlaunch.reporting.allure_results import STATUS, write_results

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("reporting_allure_project", Path(__file__).with_name("allure_project.py"))
project = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(project)


@pytest.fixture(scope="module")
def ran(tmp_path_factory, sample):
    """A finished session of a small project with the bridge, as (run folder, results folder)."""
    base = tmp_path_factory.mktemp("allure")
    for name, text in (
        ("conftest.py", project.CONFTEST),
        ("test_it.py", project.TESTS),
        ("one.feature", project.FEATURE),
        ("pytest.ini", project.INI),
    ):
        (base / name).write_text(text)
    run_dir = base / "run"
    (run_dir / "attachments").mkdir(parents=True)
    (run_dir / "attachments" / "login.png").write_bytes(sample.png(40, 30))
    (base / "outside.txt").write_text("must stay outside")
    wire = sample.Wire()
    wire.add("discovery", "GET", "https://ehr.example.org/.well-known/smart-configuration", body="{}")
    wire.add("token", "POST", "https://ehr.example.org/token", request_body="code=<code 1>", body='{"access_token": "<access_token 1>"}')
    (run_dir / "exchanges.jsonl").write_text("".join(json.dumps(vars(x)) + "\n" for x in wire.items))
    results = base / "results"
    env = os.environ | {
        "SMARTLAUNCH_RUN_DIR": str(run_dir),
        "SMARTLAUNCH_ALLURE": "off",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(ROOT),
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "pytest_bdd.plugin",
        "-p",
        "allure_pytest.plugin",
        "-p",
        "no:cacheprovider",
        f"--alluredir={results}",
        "--rootdir",
        str(base),
    ]
    done = subprocess.run(command, cwd=base, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert "2 failed" in done.stdout, done.stdout + done.stderr
    return run_dir, results


def by_name(results):
    found = [json.loads(p.read_text()) for p in results.glob("*-result.json")]
    return {r["fullName"].split("/")[-1].split("#")[-1]: r for r in found}


def test_results_tell_the_scenario(ran):
    _, results = ran
    failed = by_name(results)["test_fails"]
    assert failed["name"] == "Title of test_fails"
    assert failed["status"] == "failed"
    assert [(s["name"], s["status"]) for s in failed["steps"]] == [
        ("Given the app has launched", "passed"),
        ("When it asks", "passed"),
        ("Then it holds", "failed"),
        ("And more", "skipped"),
    ]
    labels = [(x["name"], x["value"]) for x in failed["labels"]]
    assert labels == sorted(labels)
    assert {
        ("epic", "standalone-public"),
        ("feature", "Token response"),
        ("story", "Tokens are not cached"),
        ("requirement", "SMART-2.2-app-launch-cache-b"),
        ("severity", "critical"),
    } <= set(labels)
    assert failed["links"][0]["name"] == "SMART-2.2-app-launch-cache-b"
    assert failed["links"][0]["url"].startswith("https://")
    message = failed["statusDetails"]["message"]
    assert message.index("expected") < message.index("actual") < message.index("evidence")
    assert "trace" not in failed["statusDetails"]


@pytest.mark.parametrize(("name", "status"), [("test_warns", "passed"), ("test_blocked", "broken"), ("test_skips", "skipped")])
def test_outcomes_become_statuses(ran, name, status):
    assert by_name(ran[1])[name]["status"] == status


def test_warnings_carry_a_tag(ran):
    labels = by_name(ran[1])["test_warns"]["labels"]
    assert {"name": "tag", "value": "advisory"} in labels


def test_exchanges_and_pictures_are_attached(ran):
    _, results = ran
    attached = by_name(results)["test_fails"]["attachments"]
    assert [a["name"] for a in attached] == ["x0002 POST token 200", "x0001 GET discovery 200", "login.png"]
    assert "curl" in (results / attached[0]["source"]).read_text()
    assert all((results / a["source"]).stat().st_size for a in attached)


def test_nothing_raw_gets_out(ran):
    texts = [p.read_bytes() for p in ran[1].iterdir()]
    assert not any(b"canary" in t or b"must stay outside" in t for t in texts)


def test_no_fixture_noise_and_ordinary_tests_stay(ran):
    _, results = ran
    assert not list(results.glob("*-container.json"))
    assert by_name(results)["test_ordinary"]["status"] == "passed"


def test_environment_and_categories(ran):
    assert "target=Example EHR" in (ran[1] / "environment.properties").read_text()
    assert len(json.loads((ran[1] / "categories.json").read_text())) == 7


class _Config:
    option = None

    def getoption(self, name, default=None):
        return default


def test_without_allure_the_bridge_does_nothing():
    bridge = AllureBridge(_Config())
    assert not bridge.active
    bridge.pytest_sessionfinish()
    bridge.pytest_unconfigure()


# --- the rendered page


def test_rendered_page_makes_no_request(ran, tmp_path):
    renderer = find_renderer()
    browser_path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if renderer is None:
        pytest.skip("the Allure renderer is not installed: smartlaunch setup")
    rendering = begin_rendering(ran[1], tmp_path / "allure.html", title="Example EHR", renderer=renderer)
    assert rendering is not None
    page_file = rendering.finish()
    assert page_file is not None
    held = re.search(r'id="packed">([^<]+)<', page_file.read_text())
    assert held is not None, "the renderer lays out its pages in another way than is known"
    text = zlib.decompress(base64.b64decode(held[1])).decode()
    assert "googletagmanager" not in page_file.read_text() + text
    results = [t for name, t in json.loads(text)["texts"].items() if name.startswith("data/test-results/")]
    assert sum('"missed":false' in t for t in results) > 1
    assert not any('"missed":true' in t for t in results), "a file is shown with the first result that names it only"
    if browser_path is None:
        pytest.skip("no browser on the path")
    from playwright.sync_api import sync_playwright

    asked = []
    with sync_playwright() as pw:
        browser = pw.chromium.launch(executable_path=browser_path)
        page = browser.new_page()
        page.on("request", lambda r: asked.append(r.url))
        page.goto(page_file.as_uri())
        page.get_by_text("standalone-public").first.wait_for(timeout=15_000)
        page.wait_for_timeout(500)
        browser.close()
    outside = [u for u in asked if not u.startswith(("file:", "data:", "blob:"))]
    assert outside == []


def test_a_page_that_keeps_a_tracker_is_not_kept():
    assert without_tracker("<p>fine</p>") == "<p>fine</p>"
    known = '<script async src="https://www.googletagmanager.com/gtag/js?id=G-1"></script>\n<script>window.dataLayer=[];function gtag(){};gtag("config","G-1")</script><p>fine</p>'
    assert without_tracker(known) == "<p>fine</p>"
    assert without_tracker("<script>load('https://www.googletagmanager.com/x')</script>") is None


def page_of(**pieces: bytes) -> str:
    given = ",".join(f'd("{name}.json","{base64.b64encode(data).decode()}")' for name, data in pieces.items())
    script = base64.b64encode(b"start()").decode()
    return (
        f'<p>before</p>\n<script   src="data:text/javascript;base64,{script}"></script>\n<script defer>\n  Promise.allSettled([{given}])\n'
        "    .then(function(){\n      window.allureReportDataReady = true;\n    })\n</script>\n<p>after</p>"
    )


def test_a_page_is_packed_as_a_whole():
    html = packed(page_of(one='{"a": "é</script>"}'.encode(), two=b'{"b": 1}', again=b'{"b": 1}', picture=b"\xff\xd8"))
    held = re.search(r'id="packed">([A-Za-z0-9+/=]+)</script>', html)
    assert held is not None
    data = json.loads(zlib.decompress(base64.b64decode(held[1])))
    assert data["texts"]["one.json"] == '{"a": "é</script>"}'
    assert sorted([*data["texts"], *data["alike"]]) == ["again.json", "one.json", "two.json"]
    assert data["rest"] == {"picture.json": base64.b64encode(b"\xff\xd8").decode()}
    assert data["scripts"] == ["start()"]
    assert (html.startswith("<p>before</p>"), html.endswith("<p>after</p>")) == (True, True)
    assert "allSettled" not in html


@pytest.mark.parametrize("html", ["<p>nothing</p>", page_of(), page_of(one=b"{}").replace("DataReady", "Ready")])
def test_a_page_of_another_make_stays(html):
    assert packed(html) == html


def test_results_are_written_from_the_record(run, tmp_path):
    write_results(run, tmp_path, tmp_path / "results")
    results = {r["fullName"]: r for r in (json.loads(p.read_text()) for p in (tmp_path / "results").glob("*-result.json"))}
    assert sorted(results) == sorted(s.id for s in run.scenarios)
    sources: list[str] = []
    for scenario in run.scenarios:
        result = results[scenario.id]
        assert result["status"] == STATUS[scenario.outcome]
        assert len(result.get("steps", ())) == len(scenario.steps)
        sources += [a["source"] for a in result.get("attachments", ())]
    assert len(sources) == len(set(sources)) > 0
    assert all((tmp_path / "results" / source).is_file() for source in sources)
    assert (tmp_path / "results" / "categories.json").is_file()


def test_no_renderer_is_no_error(tmp_path):
    assert find_renderer({"SMARTLAUNCH_ALLURE": "off"}) is None
    assert find_renderer({"HOME": str(tmp_path)}) is None
    (tmp_path / "a-result.json").write_text("{}")
    assert begin_rendering(tmp_path, tmp_path / "out.html", renderer=Renderer("/nonexistent/node", tmp_path / "cli.js")) is None
    assert not (tmp_path / "out.html").exists()


def test_a_renderer_that_fails_leaves_no_page(tmp_path):
    (tmp_path / "a-result.json").write_text("{}")
    rendering = begin_rendering(tmp_path, tmp_path / "out.html", renderer=Renderer("/bin/false", tmp_path / "cli.js"))
    assert rendering is not None
    assert rendering.finish() is None
    assert not (tmp_path / "out.html").exists()
