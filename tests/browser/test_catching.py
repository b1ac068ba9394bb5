"""Every way to send a browser to an app, and every kind of address an app may have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from smartlaunch.browser import LoginPlan
from smartlaunch.browser.catcher import Net, origin_of, response_params, same_target

ROOT = Path(__file__).resolve().parents[2]
PARAMS = "code=c%2B1%20x&state=s%26%3D%23"
DECODED = [("code", "c+1 x"), ("state", "s&=#")]


def ways(site, target):
    joined = f"{target}{'&' if '?' in target else '?'}{PARAMS}"
    html = joined.replace("&", "&amp;")
    site.redirect("/way/302", joined)
    site.redirect("/way/303", joined, 303)
    site.redirect("/way/307", joined, 307)
    site.redirect("/way/two-hops", f"{site.base}/way/302")
    site.html("/way/meta", f'<html><head><meta http-equiv="refresh" content="0; url={html}"></head><body>one moment</body></html>')
    site.html("/way/href", f'<script>location.href = "{joined}"</script>')
    site.html("/way/replace", f'<script>setTimeout(() => location.replace("{joined}"), 30)</script>')
    site.html(
        "/way/form-post",
        f'<body onload="document.forms[0].submit()"><form method="post" action="{target}">'
        '<input type="hidden" name="code" value="c+1 x"><input type="hidden" name="state" value="s&amp;=#">'
        "<noscript><button>Continue</button></noscript></form>",
    )
    site.html("/way/link", f'<h1>Almost there</h1><p><a href="{html}">Return to the app</a></p>')
    site.html("/way/pop-up", '<script>window.open("/way/302")</script><p>A window opens</p>')
    site.html("/way/pop-up-script", '<script>window.open("/way/href")</script><p>A window opens</p>')


WAYS = ["302", "303", "307", "two-hops", "meta", "href", "replace", "form-post", "link", "pop-up", "pop-up-script"]


@pytest.fixture(params=["unknown-host", "closed-port", "custom-scheme", "scheme-without-host"])
def target(request, app_host):
    return {
        "unknown-host": "https://app.example/callback?tenant=a%20b",
        "closed-port": f"{app_host.base}/callback",
        "custom-scheme": "myapp://callback",
        "scheme-without-host": "org.example.app:/callback",
    }[request.param]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_is_caught_for_every_kind_of_address(site, person, target, way, app_host):
    ways(site, target)
    landing = person.go(f"{site.base}/way/{way}", catch=[target], plan=LoginPlan())
    assert landing.kind == "caught", landing.describe()
    assert landing.caught_uri == target
    assert [p for p in landing.params if p[0] in ("code", "state")] == DECODED
    assert landing.method == ("POST" if way == "form-post" else "GET")
    assert app_host.visits == []


def test_a_307_carries_the_form_to_the_app_and_it_is_read(site, person, callback):
    site.redirect("/a", callback, 307)
    landing = person.go(f"{site.base}/a", method="POST", form=[("x", "1"), ("y", "ü&=")], catch=[callback], plan=LoginPlan())
    assert landing.method == "POST"
    assert list(landing.params) == [("x", "1"), ("y", "ü&=")]


def test_parameters_of_the_fragment_are_read_and_marked(site, person, callback):
    site.redirect("/a", f"{callback}?q=1#access_token=t&state=s")
    landing = person.go(f"{site.base}/a", catch=[callback], plan=LoginPlan())
    assert landing.fragment_used
    assert list(landing.params) == [("q", "1"), ("access_token", "t"), ("state", "s")]


@pytest.mark.parametrize(
    "variant",
    [
        "https://app.example/callback/",
        "https://app.example/callback/../evil",
        "https://app.example/CALLBACK",
        "https://app.example:8443/callback",
        "http://app.example/callback",
        "https://app.example.evil.example/callback",
        "https://sub.app.example/callback",
        "https://app.example/callback?extra=1",
        "https://app.example/callback%2Fx",
        "myapp://callback/extra",
        "myapp://other",
    ],
)
def test_variants_are_told_apart_and_none_is_reached(site, person, callback, variant):
    site.redirect("/a", f"{variant}{'&' if '?' in variant else '?'}code=1")
    landing = person.go(f"{site.base}/a", catch=[callback, variant, "myapp://callback"], plan=LoginPlan())
    assert landing.kind == "caught"
    if "?" in variant:
        assert landing.caught_uri == callback
    elif ".." in variant:
        assert landing.caught_uri == "", "the browser resolves the dots before it goes there"
        assert landing.url.startswith("https://app.example/evil")
    else:
        assert landing.caught_uri == variant


def test_a_near_miss_on_the_host_of_the_app_is_caught_but_not_as_the_address(site, person, callback):
    site.redirect("/a", "https://app.example/elsewhere?code=1")
    landing = person.go(f"{site.base}/a", catch=[callback], plan=LoginPlan())
    assert (landing.kind, landing.caught_uri, landing.caught) == ("caught", "", False)
    assert "none of those expected" in landing.reason


def test_an_unlisted_custom_scheme_ends_the_walk_at_once(site, person, callback):
    site.redirect("/a", "other.app://x?code=1")
    landing = person.go(f"{site.base}/a", catch=[callback], plan=LoginPlan())
    assert (landing.kind, landing.caught_uri, landing.url) == ("caught", "", "other.app://x?code=1")


def test_an_address_on_the_server_itself_is_caught_without_stopping_its_other_pages(site, person):
    target = f"{site.base}/app/callback"
    site.html("/start", '<script src="/app/callback.js"></script><a href="/app/callback?code=1">Continue to the app</a>')
    site.html("/app/callback.js", "")
    landing = person.go(f"{site.base}/start", catch=[target], plan=LoginPlan())
    assert landing.caught_uri == target
    assert [v.path for v in site.visits] == ["/start", "/app/callback.js"]


def test_pictures_of_the_app_on_a_page_do_not_reach_it_and_are_no_catch(site, person, app_host):
    site.html(
        "/a",
        f'<h1>Consent</h1><img src="{app_host.base}/logo.png"><p>The app wants access</p><form action="/b"><button>Allow</button>'
        '<button name="d" value="no">Deny</button></form>',
    )
    site.redirect("/b", f"{app_host.base}/callback?code=1")
    landing = person.go(f"{site.base}/a", catch=[f"{app_host.base}/callback"], plan=LoginPlan())
    assert landing.caught
    assert app_host.visits == []


def test_an_authorization_request_can_be_posted(site, person, callback):
    site.redirect("/a", f"{callback}?code=1", 303)
    landing = person.go(
        f"{site.base}/a", method="POST", form=[("state", "a b\"<>'&é"), ("scope", "x"), ("scope", "y")], catch=[callback], plan=LoginPlan()
    )
    assert landing.caught
    visit = site.one("/a")
    assert visit.method == "POST"
    assert visit.form == [("state", "a b\"<>'&é"), ("scope", "x"), ("scope", "y")]


def test_exchanges_tell_the_whole_way(site, person, kept, callback):
    site.redirect("/a", f"{site.base}/b")
    site.html(
        "/b",
        '<img src="/logo.png"><script>fetch("/data").then(() => document.forms[0].submit())</script><form method="post" action="/c">'
        '<input name="note" value="é"></form>',
        title="Moving on",
    )
    site.html("/data", "{}", headers={"content-type": "application/json", "X-Request-Id": "r-1"})
    site.redirect("/c", f"{callback}?code=1", 303)
    landing = person.go(f"{site.base}/a?client_id=x", catch=[callback], plan=LoginPlan())
    made = kept.exchanges
    assert landing.exchange_ids == tuple(e.id for e in made)
    told = [(e.endpoint, e.request.method, e.request.url.replace(site.base, "").split("?")[0], e.heard.status) for e in made]
    assert told == [
        ("authorize", "GET", "/a", 302),
        ("page", "GET", "/b", 200),
        ("page", "GET", "/data", 200),
        ("page", "POST", "/c", 303),
        ("redirect", "GET", callback, 0),
    ]
    first, second, data, post, last = made
    assert [e.redirect_of for e in made] == ["", first.id, "", "", post.id]
    assert first.answer.header("location") == f"{site.base}/b"
    assert second.answer.media_type == "text/html"
    assert data.answer.header("x-request-id") == "r-1"
    assert post.request.form == [("note", "é")]
    assert "nothing was sent" in last.error
    assert all(e.started.tzinfo is not None and e.actor == "browser" and e.duration_ms >= 0 for e in made)


def test_nothing_sets_a_route():
    """One Playwright route hides every redirect to a custom scheme, so none may ever be set."""
    for path in [*ROOT.joinpath("smartlaunch").rglob("*.py"), *ROOT.joinpath("steps").rglob("*.py"), ROOT / "conftest.py"]:
        if path.exists() and "sandbox" not in path.parts:
            assert not re.search(r"\.(route|route_from_har|unroute)\(", path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize(
    ("uri", "url", "same"),
    [
        ("https://a.example/cb", "https://a.example/cb?code=1", True),
        ("https://a.example/cb", "https://A.EXAMPLE:443/cb?code=1#x", True),
        ("https://a.example", "https://a.example/?code=1", True),
        ("https://a.example/cb", "https://a.example/cb/", False),
        ("https://a.example/cb", "https://a.example/cB", False),
        ("https://a.example/cb", "http://a.example/cb", False),
        ("https://a.example/cb", "https://a.example:444/cb", False),
        ("https://a.example/cb", "https://a.example.b/cb", False),
        ("https://a.example/cb?t=1", "https://a.example/cb?code=2&t=1", True),
        ("https://a.example/cb?t=1", "https://a.example/cb?code=2", False),
        ("https://a.example/cb?t=1", "https://a.example/cb?t=2", False),
        ("app:/cb", "app:/cb?code=1", True),
        ("app:/cb", "app:///cb?code=1", True),
        ("app:/cb", "app:/cbx", False),
        ("app://cb", "app://cb?code=1", True),
        ("app://cb", "app:/cb", False),
        ("http://127.0.0.1:80/cb", "http://127.0.0.1/cb", True),
        ("http://[::1]:5000/cb", "http://[::1]:5000/cb?x=1", True),
        ("https://bücher.example/cb", "https://xn--bcher-kva.example/cb", True),
    ],
)
def test_addresses_are_compared_by_their_parts(uri, url, same):
    assert same_target(uri, url) is same


def test_the_net_covers_foreign_hosts_whole_and_the_own_host_exactly():
    net = Net(
        ["https://app.example/cb", "https://app.example:8443/x", "http://srv.example/own?x=1", "my:/x"],
        origin_of("http://srv.example/authorize"),
    )
    assert net.patterns() == ["http://srv.example/own*", "https://app.example/*", "https://app.example:8443/*"]
    assert net.stops("https://app.example/favicon.ico")
    assert not net.stops("http://srv.example/own2")
    assert net.judge("http://srv.example/other", "GET", "") is None
    assert net.judge("about:blank", "GET", "") is None


def test_parameters_keep_order_and_repetition():
    assert response_params("https://a/b?x=1&x=2#y=3", "z=%20&z=") == ((("x", "1"), ("x", "2"), ("y", "3"), ("z", " "), ("z", "")), True)
