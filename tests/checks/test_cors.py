"""Each check on Cross-Origin Resource Sharing passes the right answer and names exactly what is wrong with a wrong one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from smartlaunch.checks import cors as checks
from smartlaunch.checks import members
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response
from smartlaunch.finding import Kind, Outcome

REQ = "SMART-2.2-app-launch-cors-b"
ORIGIN = "https://app.example"
ALLOW = ("Access-Control-Allow-Origin", ORIGIN)
HEADERS = ("Access-Control-Allow-Headers", "Content-Type, authorization")
METHODS = ("Access-Control-Allow-Methods", "GET, PUT")


def answer(*headers: tuple[str, str], status: int = 200) -> Exchange:
    """An answer with these headers."""
    request = Request("GET", "https://ehr.example/token")
    return Exchange("x1", Actor.APP, Endpoint.TOKEN, datetime.now(UTC), 1.0, request, Response(status, headers))


@pytest.mark.parametrize("value", [ORIGIN, "*"])
def test_an_allowed_origin_can_read(value: str) -> None:
    assert checks.readable(REQ, answer(("access-control-allow-origin", value)), ORIGIN) == []


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("Access-Control-Allow-Origin", "https://other.example"),),
        (("Access-Control-Allow-Origin", f"{ORIGIN}, {ORIGIN}"),),
        (ALLOW, ALLOW),
    ],
)
def test_any_other_value_keeps_the_page_out(headers: tuple[tuple[str, str], ...]) -> None:
    [finding] = checks.readable(REQ, answer(*headers), ORIGIN)
    assert finding.pointer == "header: Access-Control-Allow-Origin"
    assert finding.actual == ("no `Access-Control-Allow-Origin` header" if not headers else finding.actual)


def test_an_answer_for_one_origin_says_that_it_varies() -> None:
    assert checks.varies_by_origin(REQ, answer(ALLOW, ("Vary", "Accept, origin"))) == []
    assert checks.varies_by_origin(REQ, answer(ALLOW, ("Vary", "*"))) == []
    assert checks.varies_by_origin(REQ, answer(ALLOW))[0].actual == "no `Vary` header"
    assert checks.varies_by_origin(REQ, answer(ALLOW, ("Vary", "Accept")))[0].actual == "`Vary: Accept`"
    assert checks.allowed_origin(answer(ALLOW)) == ORIGIN
    assert checks.allowed_origin(answer(("Access-Control-Allow-Origin", "*"))) == checks.allowed_origin(answer()) == ""
    assert checks.may_be_kept(answer())
    assert not checks.may_be_kept(answer(("Cache-Control", "private, no-store")))


def test_a_preflight_is_granted() -> None:
    assert checks.preflight(REQ, answer(ALLOW, HEADERS, METHODS, status=204), ORIGIN, "PUT", "authorization") == []
    assert checks.preflight(REQ, answer(ALLOW, HEADERS, status=204), ORIGIN, "GET", "authorization") == []
    everything = (("Access-Control-Allow-Headers", "*"), ("Access-Control-Allow-Methods", "*"))
    assert checks.preflight(REQ, answer(ALLOW, *everything), ORIGIN, "PUT", "content-type") == []


def test_a_preflight_that_lacks_something_says_what() -> None:
    right = {"origin": ORIGIN, "method": "PUT", "header": "authorization"}
    [finding] = checks.preflight(REQ, answer(ALLOW, HEADERS, METHODS, status=401), **right)
    assert finding.actual == "status 401"
    [finding] = checks.preflight(REQ, answer(HEADERS, METHODS), **right)
    assert finding.actual == "no `Access-Control-Allow-Origin` header"
    [finding] = checks.preflight(REQ, answer(ALLOW, ("Access-Control-Allow-Headers", "*"), METHODS), **right)
    assert finding.expected == "`Access-Control-Allow-Headers` with `authorization`"
    [finding] = checks.preflight(REQ, answer(ALLOW, HEADERS, ("Access-Control-Allow-Methods", "GET")), **right)
    assert finding.actual == "`Access-Control-Allow-Methods: GET`"


def test_advice_warns() -> None:
    [finding] = members.advice(checks.readable(REQ, answer(), ORIGIN))
    assert (finding.kind, finding.severity) == (Kind.HYGIENE, Outcome.WARNING)


def test_foreign_origins_get_no_credentials() -> None:
    credentials = ("Access-Control-Allow-Credentials", "true")
    assert checks.no_credentials(REQ, answer(), ORIGIN) == []
    assert checks.no_credentials(REQ, answer(ALLOW), ORIGIN) == []
    assert checks.no_credentials(REQ, answer(credentials), ORIGIN) == []
    [finding] = checks.no_credentials(REQ, answer(ALLOW, credentials), ORIGIN)
    assert finding.pointer == "header: Access-Control-Allow-Credentials"


def test_the_authorization_endpoint_allows_no_origin() -> None:
    assert checks.allows_no_origin(REQ, answer()) == []
    [finding] = checks.allows_no_origin(REQ, answer(("Access-Control-Allow-Origin", "*")))
    assert finding.actual == "`Access-Control-Allow-Origin: *`"
