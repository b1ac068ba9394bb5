import pytest

from smartlaunch.checks import pages
from smartlaunch.exchange import RecordedExchange


def page(body="", *headers, status=200) -> RecordedExchange:
    return RecordedExchange(
        "x1",
        "browser",
        "page",
        "",
        1,
        "GET",
        "https://e.example/login",
        status=status,
        response_body=body,
        response_headers=[["Content-Type", "text/html"], *map(list, headers)],
    )


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ([("X-Frame-Options", "DENY")], 0),
        ([("x-frame-options", "sameorigin")], 0),
        ([("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'")], 0),
        ([("Content-Security-Policy", "frame-ancestors *")], 1),
        ([("X-Frame-Options", "ALLOWALL")], 1),
        ([], 1),
    ],
)
def test_framing(headers, found) -> None:
    assert len(pages.forbids_framing("R", [page("", *headers)])) == found


def test_third_parties() -> None:
    foreign = '<img src="https://ads.example/p.gif">'
    assert pages.no_third_parties("R", [page(foreign)]) == []
    assert pages.no_third_parties("R", [page(foreign, ("Referrer-Policy", "no-referrer"))]) == []
    assert pages.no_third_parties("R", [page('<img src="/p.gif">', ("Referrer-Policy", "no-referrer-when-downgrade"))]) == []
    assert "ads.example" in pages.no_third_parties("R", [page(foreign, ("Referrer-Policy", "unsafe-url"))])[0].actual


def test_reflection() -> None:
    assert pages.not_reflected("R", [page("&lt;img src=x onerror=smartlaunch_probe&gt;", status=400)]) == []
    assert pages.not_reflected("R", [page('<img src="x" onerror="smartlaunch_probe">', status=400)])


def test_a_referrer_policy_that_gives_the_address_away() -> None:
    assert pages.no_third_parties("R", [page("<p>", ("Referrer-Policy", "unsafe-url"))])
    assert not pages.no_third_parties("R", [page("<p>", ("Referrer-Policy", "no-referrer-when-downgrade"))])
    assert not pages.no_third_parties("R", [page("<p>")])
