"""The page of a history, as text and in a real browser: light, dark, narrow."""

import json
import re

import pytest
from demo_history import NIGHTS, make
from playwright.sync_api import sync_playwright

from smartlaunch.browser import find_browser
from smartlaunch.catalogue import load
from smartlaunch.records.history import History
from smartlaunch.reporting.history_page import render_history, write_history_page


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    return make(folder), folder


def test_the_page_asks_nobody_and_has_no_script(demo):
    page = render_history(demo[0], load())
    assert "<script" not in page
    assert not re.search(r"(src|@import|url\()\s*=?\s*[\"']?https?:", page)
    assert page.count("<h2") == 3


def test_what_moved_is_shown_and_what_was_steady_is_counted(demo):
    history, _ = demo
    rules = [row.id for row in load().values() if row.binding][:40]
    page = render_history(history, load(), target="ehr-b")
    for number in (3, 5, 9, 11, 13):
        assert f">{rules[number]}<" in page
    for number in (0, 7, 17):
        assert f">{rules[number]}<" not in page
    assert "failed since 2026-11-15" in page
    assert "passed from 2026-11-01 to 2026-11-14" in page
    assert "35 more requirements" in page
    assert page.count("known deviation") > NIGHTS


def test_nights_without_an_answer_are_told(demo):
    page = render_history(demo[0], load(), target="ehr-c")
    assert page.count("did not answer") >= 3
    assert "blocked since" not in page


def test_text_of_a_server_is_text(tmp_path):
    from runs import scenario, write

    history = History(tmp_path / "h.sqlite")
    history.add(write(tmp_path / "r", scenario("x", "failed"), target="<script>alert(1)</script>"))
    page = render_history(history, load())
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_the_command_writes_the_page_and_json_and_prunes(cli, tmp_path, demo):
    history, folder = demo
    said = cli("history", "--history", str(history.path), "--out", "page.html")
    assert (said.code, said.out) == (0, "history  page.html\n")
    data = json.loads(cli("history", "--history", str(history.path), "--json", "--target", "ehr-a").out)
    assert [t["target"] for t in data] == ["ehr-a"]
    flaky = max(data[0]["scenarios"], key=lambda s: s["flakiness"])
    assert flaky["id"].endswith("/s7")
    assert cli("history", "--history", str(history.path), "--target", "nope").code == 2
    assert cli("history").code == 2
    assert cli("history", "--history", str(history.path), "--keep", "0").code == 2
    run = folder / "ehr-a-20"
    assert cli("history", "--history", "own.sqlite", "--add", str(run), "--out", "own.html").code == 0


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (380, "light")])
def test_the_page_in_a_browser(demo, tmp_path, width, scheme):
    path = write_history_page(demo[0], tmp_path / "history.html", load())
    choice = find_browser()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=choice.path)
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        assert asked == [path.as_uri()]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page itself never scrolls sideways"
        assert page.locator(".heat td .o-failed").first.is_visible()
        assert page.locator("svg circle").count() > 40
        browser.close()
