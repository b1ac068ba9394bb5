"""The HTML page, looked at by a real browser."""

from __future__ import annotations

import importlib.util
import os
import re
import time
from pathlib import Path

import pytest

from smartlaunch.browser import find_browser
from smartlaunch.catalogue import load
from smartlaunch.exchange import RecordedExchange
from smartlaunch.records.record import FindingRecord, Run, ScenarioResult
from smartlaunch.reporting.html import render_html, write_html
from smartlaunch.reporting.page.text import ticks

AXE = ("axe-core", "4.14.1", "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==")


@pytest.fixture(scope="module")
def html(run):
    return write_html(run, run.folder, load()).read_text()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    choice = find_browser()
    env = {**os.environ, **({"LD_LIBRARY_PATH": str(choice.library_path)} if choice.library_path else {})}
    with sync_playwright() as pw:
        browser = pw.chromium.launch(executable_path=choice.path, args=["--no-sandbox"], env=env)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, run, html):
    """A function that opens the page and watches what it does."""
    contexts = []

    def open_page(*, width=1400, scheme="light", fragment="", script=True, file=None):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script, reduced_motion="reduce"
        )
        contexts.append(context)
        page = context.new_page()
        page.errors, page.asked = [], []
        page.on("pageerror", lambda e: page.errors.append(str(e)))
        page.on("console", lambda m: page.errors.append(m.text) if m.type in ("error", "warning") else None)
        page.on("request", lambda r: page.asked.append(r.url))
        page.goto((file or run.folder / "index.html").as_uri() + fragment)
        return page

    yield open_page
    for context in contexts:
        context.close()


def test_order_verdict_unjudged_findings_matrix(html):
    order = [
        html.index(f'id="{name}"')
        for name in (
            "verdict-word",
            "failures",
            "advisories",
            "not-judged",
            "requirements",
            "launches",
            "scenarios",
            "course",
            "environment",
        )
    ]
    assert order == sorted(order)


def test_markup_of_a_server_stays_text(html):
    assert "<script>window.pwned" not in html
    assert "<img src=x" not in html
    assert "<b>sandbox</b>" not in html
    assert "&lt;b&gt;sandbox&lt;/b&gt;" in html


def test_page_names_no_outside_resource(html):
    assert not re.search(r"<(?:script|img|iframe|link|video|audio|source|object|embed)[^>]+(?:src|href)=[\"'](?!data:)", html)
    assert not re.search(r"url\((?!['\"]?(?:data:|#))", html)
    assert "@import" not in html


def test_findings_are_whole(html):
    card = html[html.index('id="cause-1"') : html.index('id="cause-2"')]
    for piece in (
        "Patient-level scopes",
        "200 with the Patient of the launch context",
        "no_scope_for_resource_path",
        "on the side of the app&#39;s registration",
        "Likely cause",
        "high confidence",
        "Then try",
        "curl --include",
        "ACCESS_TOKEN_2",
        'href="https://hl7.org/',
    ):
        assert piece in card, piece
    assert re.search(r"<mark>[^<]*no_scope_for_resource_path", card)


def test_what_blocks_has_its_diagnosis(html):
    part = html[html.index('id="not-judged"') : html.index('id="requirements"')]
    assert "The login page is built in a way the recipe does not know." in part
    assert "for: no field" not in part


def test_matrix_has_letters_and_says_them(html):
    matrix = html[html.index('<table class="matrix') : html.index("</table>", html.index('<table class="matrix'))]
    assert 'aria-label="failed, 1 scenario in standalone-public">F' in matrix
    assert 'aria-label="blocked, 1 scenario in standalone-confidential-asymmetric">B' in matrix
    assert matrix.count('scope="row"') > 100
    assert "Not put to a server" in matrix


def test_screenshots_are_inside_and_foreign_paths_are_not(html, run):
    assert html.count("data:image/png;base64,") >= 2
    assert 'href="attachments/page.txt"' in html
    odd = ScenarioResult(
        "s/a", "t", "f", "r", "s", (), "passed", attachments=("../../etc/passwd", "/etc/hosts", "javascript:alert(1)", "ok/a b.txt")
    )
    page = render_html(Run(header={}, scenarios=(odd,)), {})
    assert "etc/passwd" not in page
    assert "/etc/hosts" not in page
    assert "javascript:" not in page
    assert 'href="ok/a%20b.txt"' in page


def test_only_web_links_of_the_catalogue_are_links():
    class Row:
        id, text, url, strength, source = "R-1", "A rule.", "javascript:alert(1)", "SHALL", ""

    scenario = ScenarioResult("s/a", "t", "f", "r", "s", ("R-1",), "failed", findings=(FindingRecord("R-1", "x", "y", strength="SHALL"),))
    assert "javascript:" not in render_html(Run(header={}, scenarios=(scenario,)), {"R-1": Row()})


def test_an_empty_and_a_refused_run_have_a_page():
    assert "Nothing judged" in render_html(Run(header={}), {})
    page = render_html(Run(header={"preflight": [{"problem": "client id refused", "verdict": "mend", "fix": "see the portal"}]}), {})
    assert "client id refused" in page
    assert "see the portal" in page


@pytest.mark.parametrize(
    "body",
    [
        "{" * 5000,
        "[" * 900 + "]" * 900,
        '{"a": ' * 400 + "1" + "}" * 400,
        "\x00\x1b[2J\u202e",
        "a=1&b=<x>&c=" + "%" * 50,
        '{"a": NaN}',
        "\ud800",
    ],
)
def test_odd_bodies_do_not_break_the_page(body):
    exchange = RecordedExchange(
        "x0001",
        "app",
        "token",
        "2026-01-01T00:00:00+00:00",
        1.0,
        "POST",
        "https://[bad/",
        request_body=body,
        status=200,
        response_body=body,
    )
    scenario = ScenarioResult(
        "s/a",
        "t",
        "f",
        "r",
        "s",
        (),
        "failed",
        findings=(FindingRecord("R-1", "x", "y", exchange="x0001", pointer="/a/b"),),
        exchanges=("x0001",),
    )
    page = render_html(Run(header={}, scenarios=(scenario,), exchanges=(exchange,)), {})
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_a_body_of_10_mb_is_cut(tmp_path, sample):
    run = sample.build(tmp_path / "fat", scenarios=10, body_bytes=10_000_000)
    assert len(write_html(run, run.folder, load()).read_bytes()) < 3_000_000


def test_a_large_run_is_quick_and_stays_small(tmp_path, sample):
    run = sample.build(tmp_path / "large", scenarios=400, extra_exchanges=2950, body_bytes=2_000)
    rows = load()
    render_html(Run(header={}), rows)
    began = time.process_time()
    page = render_html(run, rows)
    assert time.process_time() - began < 2
    assert len(page.encode()) < 10_000_000


def test_ticks():
    assert ticks("a `<b>` c") == "a <code>&lt;b&gt;</code> c"
    assert ticks("one ` tick <i>") == "one ` tick &lt;i&gt;"


# --- in the browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_opens_from_disk_alone_and_fits(opened, scheme, width):
    page = opened(width=width, scheme=scheme)
    assert page.errors == []
    assert [u for u in page.asked if not u.startswith(("file:", "data:"))] == []
    assert page.evaluate("window.pwned") is None
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1600, 1000)])
def test_the_first_failure_stands_on_the_first_screen(opened, width, height):
    page = opened(width=width)
    first = page.locator("#failures .row").first.bounding_box()
    assert first["y"] < height - 40, first


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(opened, scheme):
    page = opened(scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    poor = page.evaluate(CONTRAST)
    assert poor == []


CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (c) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); const d = canvas.getImageData(0, 0, 1, 1).data; return [d[0], d[1], d[2], d[3] / 255]; };
  const over = (a, b) => a.slice(0, 3).map((v, i) => v * a[3] + b[i] * (1 - a[3]));
  const light = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
  const seen = new Set();
  const poor = [];
  for (const node of document.querySelectorAll("body *")) {
    if (![...node.childNodes].some((c) => c.nodeType === 3 && c.textContent.trim())) continue;
    if (!node.getClientRects().length || node.closest("svg, script, style, .hidden, .skip, button:disabled")) continue;
    const style = getComputedStyle(node);
    const layers = [];
    for (let n = node; n; n = n.parentElement) { const c = rgba(getComputedStyle(n).backgroundColor); if (c[3]) layers.push(c); if (c[3] === 1) break; }
    const back = layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
    const front = over(rgba(style.color), back);
    const [a, b] = [light(front), light(back)].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    const key = style.color + back;
    if (ratio < 4.5 && !seen.has(key)) { seen.add(key); poor.push(`${ratio.toFixed(2)} ${node.tagName}.${node.className} ${node.textContent.trim().slice(0, 30)}`); }
  }
  return poor;
}"""


def test_a_screen_reader_finds_its_way(opened):
    page = opened()
    facts = page.evaluate("""() => ({
      lang: document.documentElement.lang,
      main: document.querySelectorAll("main").length,
      h1: document.querySelectorAll("h1").length,
      jumps: [...document.querySelectorAll("main :is(h1,h2,h3,h4)")].map((h) => +h.tagName[1]).reduce((bad, level, i, all) => bad + (i && level > all[i - 1] + 1 ? 1 : 0), 0),
      tables: [...document.querySelectorAll("table")].filter((t) => !t.caption || !t.caption.textContent.trim()).length,
      ids: document.querySelectorAll("[id]").length - new Set([...document.querySelectorAll("[id]")].map((n) => n.id)).size,
      labels: [...document.querySelectorAll("input, select")].filter((n) => !n.labels.length).length,
      names: [...document.querySelectorAll("a[href], button, summary")].filter((n) => !(n.textContent.trim() || n.ariaLabel)).length,
      targets: [...document.querySelectorAll("a[href^='#']")].filter((a) => !document.getElementById(a.hash.slice(1)) && !/^#x\\d+$/.test(a.hash)).length,
      alts: [...document.images].filter((i) => !i.alt).length,
      drawings: [...document.querySelectorAll("svg:not([aria-hidden])")].filter((s) => !s.querySelector("title") || !s.querySelector("desc")).length,
      labelled: [...document.querySelectorAll("[aria-labelledby]")].filter((n) => n.getAttribute("aria-labelledby").split(" ").some((i) => !document.getElementById(i))).length,
    })""")
    assert facts == {
        "lang": "en",
        "main": 1,
        "h1": 1,
        "jumps": 0,
        "tables": 0,
        "ids": 0,
        "labels": 0,
        "names": 0,
        "targets": 0,
        "alts": 0,
        "drawings": 0,
        "labelled": 0,
    }


def test_keyboard_alone(opened):
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    search = page.locator("#matrix-filter input[type=search]")
    search.focus()
    page.keyboard.type("pragma")
    assert page.locator("#matrix-filter output").inner_text() == "1 requirement shown"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "strength"
    summary = page.locator("#scenarios details.scenario summary").first
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("#scenarios details.scenario").first.evaluate("d => d.open")


def test_matrix_filters(opened):
    page = opened()
    out = page.locator("#matrix-filter output")
    assert out.inner_text() == "14 requirements shown"
    page.select_option("#matrix-filter [name=outcome]", "failed")
    assert out.inner_text() == "3 requirements shown"
    page.select_option("#matrix-filter [name=strength]", "SHALL NOT")
    assert out.inner_text() == "1 requirement shown"
    page.select_option("#matrix-filter [name=outcome]", "")
    page.select_option("#matrix-filter [name=strength]", "")
    page.check("#matrix-filter [name=all]")
    assert int(out.inner_text().split()[0]) > 150
    page.select_option("#matrix-filter [name=document]", "1")
    assert page.locator("#matrix tbody:visible").count() == 1


def test_scenario_filters_and_legend(opened):
    page = opened()
    page.click(".legend a[data-outcome=blocked]")
    page.wait_for_function(
        "document.querySelector('#scenario-filter output').textContent === '3 scenarios shown'"
    )  # a hash is followed a moment later
    page.select_option("#scenario-filter [name=outcome]", "")
    page.fill("#scenario-filter [name=q]", "pkce-b")
    assert page.locator(".scenario:visible").count() == 5


def test_what_is_filtered_stands_in_the_address(opened):
    page = opened()
    page.select_option("#scenario-filter [name=suite]", "standalone-public")
    page.select_option("#scenario-filter [name=side]", "authorization-server")
    shown = page.locator("#scenario-filter output").inner_text()
    fragment = page.evaluate("location.hash")
    assert fragment == "#scenarios?suite=standalone-public&side=authorization-server"
    assert page.locator(".scenario:visible").count() == int(shown.split()[0]) > 0
    again = opened(fragment=fragment)
    assert again.locator("#scenario-filter output").inner_text() == shown
    again.select_option("#scenario-filter [name=side]", "")
    again.select_option("#scenario-filter [name=group]", "Audience")
    assert again.locator(".feature:visible").count() == 1


def test_a_slash_searches(opened):
    page = opened()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.form.id") == "scenario-filter"
    page.keyboard.type("a/b")
    assert page.input_value("#scenario-filter [name=q]") == "a/b"


def test_the_first_screen_names_the_failures_and_how_much_was_judged(opened):
    page = opened()
    assert re.fullmatch(r"\d+\s% judged", page.locator(".share p").first.inner_text())
    first = page.locator("details.cause").first
    assert first.bounding_box()["y"] < 900
    assert first.locator(".line").inner_text().strip()
    assert "on the side of" in first.locator(".meta").inner_text()
    first.locator("> summary").click()
    assert first.locator(".commands pre").first.inner_text().startswith("smartlaunch run ")
    assert first.locator(".commands pre").nth(1).inner_text().startswith("smartlaunch ticket ")
    assert first.locator(".log tbody tr").count()


def test_times_are_told_in_the_readers_zone(browser, run, html):
    context = browser.new_context(timezone_id="Asia/Tokyo", locale="en-GB")
    page = context.new_page()
    page.goto((run.folder / "index.html").as_uri())
    assert "22 November 2026" in page.locator("time").first.inner_text(), "it began at 22:40 UTC of the day before"
    context.close()


def _npm_package(name, version, integrity):
    spec = importlib.util.spec_from_file_location("npm_packages", Path(__file__).parents[1] / "peers" / "npm_packages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    try:
        return module.unpacked(name, version, integrity)
    except module.CannotFetch as exc:
        pytest.skip(str(exc))


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (390, "dark")])
def test_axe_finds_nothing(opened, width, scheme):
    script = (_npm_package(*AXE) / "axe.min.js").read_text()
    page = opened(width=width, scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    found = page.evaluate(
        f"{script}; axe.run().then((r) => r.violations.map((v) => [v.id, v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160))]))"
    )
    assert found == []


def test_an_exchange_opens_closes_and_shows_only_text(opened):
    page = opened(fragment="#x0048")
    dialog = page.locator("dialog#exchange")
    assert dialog.is_visible()
    assert "window.pwned" in dialog.inner_text()
    assert page.evaluate("window.pwned") is None
    assert page.evaluate("document.activeElement.id") == "exchange-h"
    page.click("dialog [data-go='-1']")
    assert page.locator("#exchange-h").inner_text().startswith("x0047")
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert page.evaluate("location.hash") == ""
    assert page.errors == []


def test_a_matrix_cell_leads_to_its_scenario(opened):
    page = opened()
    page.select_option("#scenario-filter [name=outcome]", "passed")
    page.click("#matrix td.o-failed a >> nth=0")
    target = page.locator(page.evaluate("location.hash"))
    assert target.evaluate("d => d.open")
    assert target.is_visible()


def test_colours_can_be_chosen(opened):
    page = opened(scheme="light")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    assert page.get_attribute("#theme", "aria-pressed") == "true"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before


def test_without_script_the_findings_are_all_there(opened):
    page = opened(script=False)
    assert page.locator("h1").inner_text() == "Failed"
    assert page.locator("details.cause").count() == 4
    assert page.locator("#matrix tbody tr:not(.doc):visible").count() == 14
    assert not page.locator("#matrix-filter").is_visible()
    page.click("#cause-1 > summary")
    page.click("#cause-1 details.message summary >> nth=0")
    assert page.get_by_text("no_scope_for_resource_path").last.is_visible()


def test_prints(opened):
    page = opened(scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert not page.locator(".side nav").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#cause-1 details.message").first.evaluate("d => d.open")
