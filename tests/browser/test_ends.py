"""Every way a walk can end other than well: named, within its limit, and leaving nothing behind."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

from smartlaunch.browser import LoginPlan, parse_steps
from smartlaunch.errors import LoginStuck, UsageError

PLAN = LoginPlan("u", "a secret word")


def walk(person, site, callback, path="/a", **more):
    person._ready()
    began = time.monotonic()
    landing = person.go(f"{site.base}{path}", catch=[callback], plan=more.pop("plan", PLAN), **more)
    took = time.monotonic() - began
    assert len(person._context.pages) <= 1
    return landing, took


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_an_error_page_ends_the_walk_soon(site, person, callback, status):
    site.html(
        "/a",
        "<h1>OAuth2 Error</h1><p>The redirect URI is not registered.</p><a href='/'>Home</a><button>Continue</button>",
        status=status,
        title="Error",
    )
    landing, took = walk(person, site, callback)
    assert (landing.kind, landing.status, landing.title) == ("error-page", status, "Error")
    assert "not registered" in landing.text
    assert landing.screenshot
    assert took < 6


def test_an_error_in_json_is_an_error_page(site, person, callback):
    site.on("/a", lambda _v: JSONResponse({"error": "invalid_request"}, status_code=400))
    landing, _ = walk(person, site, callback)
    assert (landing.kind, landing.status) == ("error-page", 400)
    assert "invalid_request" in landing.text


def test_an_error_page_with_status_200_is_no_way_on(site, person, callback):
    site.html(
        "/a", "<h1>OAuth2 Error</h1><p>Something went wrong.</p><a href='/help'>Help</a><form><button>OK</button></form>", title="Error"
    )
    landing, took = walk(person, site, callback)
    assert (landing.kind, landing.status) == ("no-way-on", 200)
    assert landing.controls == ('link "Help"', 'button "OK"')
    assert took < 6


def test_an_empty_script_page_gets_time_and_then_is_no_way_on(site, person, callback):
    site.html("/a", "<div id='root'></div><script>1</script>")
    landing, took = walk(person, site, callback)
    assert landing.kind == "no-way-on"
    assert 1.3 < took < 10


def test_a_page_that_loads_late_by_script_is_waited_for(site, person, callback):
    site.html("/a", f"<div id='root'>Loading</div><script>setTimeout(() => {{ location.href = '{callback}?code=1' }}, 1100)</script>")
    landing, _ = walk(person, site, callback)
    assert landing.caught


def test_a_plain_text_page_is_no_way_on(site, person, callback):
    site.on("/a", lambda _v: Response("hello", media_type="text/plain"))
    landing, took = walk(person, site, callback)
    assert landing.kind == "no-way-on"
    assert landing.text == "hello"
    assert took < 6


@pytest.mark.parametrize("status", [204, 205])
def test_an_empty_answer_is_no_way_on(site, person, callback, status):
    site.on("/a", lambda _v: Response(status_code=status))
    landing, took = walk(person, site, callback)
    assert landing.kind == "no-way-on"
    assert str(status) in landing.reason
    assert took < 6


def test_a_download_is_no_way_on(site, person, callback):
    site.on(
        "/a",
        lambda _v: Response(
            b"x" * 100, media_type="application/octet-stream", headers={"content-disposition": 'attachment; filename="code.bin"'}
        ),
    )
    landing, took = walk(person, site, callback)
    assert landing.kind == "no-way-on"
    assert "code.bin" in landing.reason
    assert took < 6


def test_redirects_in_a_circle(site, person, kept, callback):
    site.redirect("/a", f"{site.base}/b")
    site.redirect("/b", f"{site.base}/a")
    landing, took = walk(person, site, callback)
    assert landing.kind == "unreachable"
    assert "circle" in landing.reason
    assert len(kept.exchanges) > 5
    assert took < 12


def test_pages_that_send_each_other_round(site, person, callback):
    site.html("/a", "<script>location.href = '/b?' + Math.random()</script>")
    site.html("/b", "<script>location.href = '/a'</script>")
    landing, took = walk(person, site, callback)
    assert landing.kind == "unreachable"
    assert "circle" in landing.reason
    assert took < 20


def test_a_server_that_hangs(site, person, kept, callback):
    async def hang():
        await asyncio.sleep(3)
        return HTMLResponse("late")

    site.on("/a", lambda _v: hang())
    landing, took = walk(person, site, callback, step_timeout_s=1)
    assert landing.kind == "timeout"
    assert "did not answer within 1 s" in landing.reason
    assert took < 7
    assert kept.exchanges[0].response is None
    assert kept.exchanges[0].error


def test_a_server_that_hangs_after_the_sign_in(site, person, callback):
    async def hang():
        await asyncio.sleep(3)
        return HTMLResponse("late")

    site.html(
        "/a", "<form method='post' action='/b'><input name='u' id='user'><input name='p' type='password'><button>Sign in</button></form>"
    )
    site.on("/b", lambda _v: hang())
    landing, took = walk(person, site, callback, step_timeout_s=1)
    assert landing.kind == "timeout", f"{landing.describe()} {landing.reason}"
    assert landing.steps
    assert took < 10


def test_an_endless_answer(site, person, callback):
    async def drip():
        for _ in range(60):
            yield b"<p>more"
            await asyncio.sleep(0.05)

    site.on("/a", lambda _v: StreamingResponse(drip(), media_type="text/html"))
    landing, took = walk(person, site, callback, step_timeout_s=1)
    assert landing.kind == "timeout"
    assert "had not finished loading" in landing.reason
    assert took < 7


def test_an_endless_script(site, person, callback):
    site.html("/a", "<p>busy</p><script>setTimeout(() => { while (true) {} }, 20)</script>")
    site.redirect("/ok", f"{callback}?code=1")
    landing, took = walk(person, site, callback, step_timeout_s=0.5)
    assert landing.kind == "timeout", landing.describe()
    assert "did not react" in landing.reason
    assert took < 20
    assert walk(person, site, callback, "/ok")[0].caught


def test_ten_megabytes_of_page(site, person, kept, callback):
    filler = "<p>" + "lorem ipsum " * 80 + "</p>"
    site.html("/a", filler * 10_000 + f"<a href='{callback}?code=1'>Return to app</a>")
    landing, took = walk(person, site, callback, step_timeout_s=12)
    assert landing.kind in ("caught", "no-way-on", "timeout"), landing.describe()
    assert landing.text.startswith("lorem ipsum")
    assert len(landing.text) <= 2000
    assert kept.exchanges[0].answer.truncated
    assert len(kept.exchanges[0].answer.body) <= 1_000_000
    assert took < 37


def test_bad_utf8_is_no_trouble(site, person, callback):
    site.on("/a", lambda _v: Response(b"<h1>\xff\xfe\xc3( bad</h1>", media_type="text/html; charset=utf-8", status_code=500))
    assert walk(person, site, callback)[0].kind == "error-page"


def test_dialogues_are_answered_and_told(site, person, callback):
    site.html("/a", "<script>alert('Session expired'); prompt('x'); confirm('y')</script><h1>Bye</h1>")
    landing, took = walk(person, site, callback)
    assert landing.kind == "no-way-on"
    assert "dialogue" in landing.reason
    assert took < 12


@pytest.mark.parametrize(
    "script",
    [
        "Array.prototype.toJSON = function () { return '[' + this.join() + ']'; }",
        "JSON.stringify = () => 'junk'",
        "JSON.stringify = () => '{\"document\": 1}'",
        "JSON.stringify = () => { throw new Error('no'); }",
        "JSON = undefined",
    ],
)
def test_a_page_that_has_its_own_idea_of_json_is_read_all_the_same(site, person, callback, script):
    site.html(
        "/a", f"<h1>Welcome</h1><script>{script}</script><form action='{callback}'><button name='code' value='c-1'>Continue</button></form>"
    )
    landing, _ = walk(person, site, callback)
    assert (landing.kind, dict(landing.params)) == ("caught", {"code": "c-1"})


def test_pop_ups_are_closed(site, person, callback):
    site.html("/a", "<script>open('/b'); open('/b')</script><h1>Bye</h1>")
    site.html("/b", "<h1>An advertisement</h1>")
    assert walk(person, site, callback)[0].kind == "no-way-on"


@pytest.mark.parametrize(
    ("url", "words"), [("closed", "refused"), ("http://no-such-host.invalid/", "not known"), ("http://127.0.0.1:1/", "port")]
)
def test_no_connection(person, callback, url, words):
    if url == "closed":
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    landing = person.go(url, catch=[callback], plan=PLAN)
    assert landing.kind == "unreachable"
    assert words in landing.reason


def test_a_link_to_a_dead_host_in_the_middle(site, person, callback):
    site.html("/a", "<h1>Welcome</h1><form method='post' action='http://127.0.0.1:9/x'><button>Continue</button></form>")
    landing, _ = walk(person, site, callback)
    assert landing.kind == "unreachable"


def test_a_page_that_never_changes_is_left(site, person, callback):
    site.html("/a", "<h1>Notice</h1><form action='/a'><button>Continue</button></form>")
    landing, _ = walk(person, site, callback)
    assert landing.kind == "no-way-on"
    assert "came back unchanged" in landing.reason
    assert len(site.seen("/a")) == 3


def test_an_untrusted_certificate(person, callback):
    import contextlib
    import threading

    trustme = pytest.importorskip("trustme")
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(1)

    def serve():
        for _ in range(3):
            with contextlib.suppress(OSError), context.wrap_socket(listener.accept()[0], server_side=True) as conn:
                conn.recv(1000)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    landing = person.go(f"https://localhost:{listener.getsockname()[1]}/", catch=[callback], plan=PLAN)
    listener.close()
    thread.join(timeout=6)
    assert landing.kind == "unreachable"
    assert "not trusted" in landing.reason


def test_a_picture_shows_no_password(site, person, kept, callback):
    """What stands in a password field, or the password in any field, leaves no trace in the picture; another text does."""

    def picture(fields: str, password: str = "") -> bytes:
        site.html("/a", f"{fields}<h1>Stop</h1>", status=500)
        return kept.shots[person.go(f"{site.base}/a", catch=[callback], plan=LoginPlan(password=password)).screenshot]

    assert picture("<input type='password' value='a secret word'>") == picture("<input type='password'>")
    blank = picture("<input>", "geheim")
    assert picture("<input value='geheim'>", "geheim") == blank
    assert picture("<input value='another'>", "geheim") != blank


# --- steps of the target file ----------------------------------------------------------------------------------------------------


def test_steps_do_what_no_recipe_could(site, person, callback):
    site.html(
        "/a",
        "<h1>Hi</h1><div class='odd'><input id='x1'><input id='x2'><select id='s'><option>A</option><option value='lab'>Lab</option></select>"
        "<span id='go' style='display:none'>Enter</span></div><script>setTimeout(() => { go.style.display = 'block' }, 200);"
        "go.addEventListener('click', () => { location.href = '/b?' + new URLSearchParams({u: x1.value, p: x2.value, s: s.value}) })</script>",
        title="Strange door",
    )
    site.html("/b", "<h1>App wants access</h1><form action='/c'><button>Allow</button><button name='d' value='n'>Deny</button></form>")
    site.redirect("/c", f"{callback}?code=1")
    steps = parse_steps(
        [
            {
                "page": {"title_contains": "strange", "url_contains": "/a"},
                "wait": "#go",
                "fill": [{"selector": "#x1", "role": "user"}, {"selector": "#x2", "role": "password"}],
                "choose": {"selector": "#s", "value": "lab"},
                "click": "#go",
            },
        ]
    )
    landing, _ = walk(person, site, callback, plan=LoginPlan("u", "a secret word", steps=steps))
    assert landing.caught, landing.describe()
    assert site.one("/b").query == {"u": "u", "p": "a secret word", "s": "lab"}
    assert landing.steps[0] == "step 1 of the target file"


def test_a_step_in_a_frame_and_one_that_need_not_be(site, person, callback):
    site.html(
        "/a", "<h1>Portal</h1><input id='x1'><iframe id='door' src='/door' style='width:500px;height:300px'></iframe>", title="Portal"
    )
    site.html(
        "/door", "<div class='odd'><input id='x1'><span id='go' onclick=\"top.location.href = '/b?u=' + x1.value\">Enter</span></div>"
    )
    site.html("/b", "<div class='odd'><span id='on' onclick=\"location.href = '/c'\">On</span></div>", title="Between")
    site.redirect("/c", f"{callback}?code=1")
    steps = parse_steps(
        [
            {"page": {"title_contains": "portal"}, "frame": "#door", "fill": {"selector": "#x1", "role": "user"}, "click": "#go"},
            {"page": {"title_contains": "between"}, "wait": "#cookie-notice", "click": "#cookie-notice", "optional": True},
            {"page": {"title_contains": "between"}, "click": "#on", "screenshot": True},
        ]
    )
    landing, _ = walk(person, site, callback, plan=LoginPlan("u", "a secret word", steps=steps, only_steps=True))
    assert landing.caught, landing.describe()
    assert site.one("/b").query == {"u": "u"}
    assert list(landing.steps) == [f"step {number} of the target file" for number in (1, 2, 3)]


@pytest.mark.parametrize(("key", "value"), [("optional", "yes"), ("screenshot", 1), ("frame", 3)])
def test_a_switch_of_a_step_is_true_or_false(key, value):
    with pytest.raises(UsageError, match=rf"login.steps\[1\].{key}: "):
        parse_steps([{"click": "#a", key: value}])


def test_a_step_that_does_not_fit_is_named(site, person, callback):
    site.html("/a", "<input id='user'><input id='pw' type='password'>")
    steps = parse_steps([{"page": {"has": "#user"}, "fill": {"selector": "#user", "role": "user"}, "click": "#nothing"}])
    with pytest.raises(LoginStuck, match=r"step 1 of \[login.steps\] cannot click '#nothing'") as caught:
        walk(person, site, callback, plan=LoginPlan("u", "a secret word", steps=steps), step_timeout_s=0.6)
    assert 'password field "pw"' in str(caught.value)
    assert "secret word" not in str(caught.value)


def test_a_broken_selector_is_named(site, person, callback):
    site.html("/a", "<input id='user'>")
    steps = parse_steps([{"page": {"has": "##x["}, "click": "#user"}])
    with pytest.raises(LoginStuck, match="not valid"):
        walk(person, site, callback, plan=LoginPlan(steps=steps), step_timeout_s=0.6)


def test_a_person_at_a_headed_browser_can_go_on(site, person, browser, callback, monkeypatch, capsys):
    """The script stands for the person who does what no recipe can."""
    site.html("/a", f"<h1>Puzzle</h1><script>setTimeout(() => {{ location.href = '{callback}?code=1' }}, 2600)</script>")
    person._ready()
    monkeypatch.setattr(browser, "headed", True)
    landing, _ = walk(person, site, callback)
    assert landing.caught
    assert "the browser needs you: nothing on the page leads on" in capsys.readouterr().err


def test_a_header_refresh_is_waited_for(site, person, callback):
    site.html("/a", "<h1>Wait</h1>", headers={"Refresh": f"1; url={callback}?code=1"})
    assert walk(person, site, callback)[0].caught


def test_a_browser_that_dies_is_started_again(site, person, browser, callback):
    site.redirect("/ok", f"{callback}?code=1")
    assert walk(person, site, callback, "/ok")[0].caught
    browser._browser.close()
    assert walk(person, site, callback, "/ok")[0].caught
