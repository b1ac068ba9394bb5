"""A refusal tells of the request only where right requests are answered before and after."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from smartlaunch.browser import Landing
from smartlaunch.checks.token_error import no_token
from smartlaunch.client.authorization import AuthorizationAnswer
from smartlaunch.client.proof import Proofs, doubtful
from smartlaunch.client.reading import candidates
from smartlaunch.errors import Blocked, TwinFailed, Unreachable
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response
from smartlaunch.finding import Kind
from smartlaunch.oauth.authorization import AuthorizationRequest
from smartlaunch.oauth.pkce import make_proof
from smartlaunch.probes import authorization
from tests.client.conftest import PEOPLE, PUBLIC, Server, came_back, refused


def landed(**more: Any) -> AuthorizationAnswer:
    return AuthorizationAnswer(AuthorizationRequest("https://ehr.example/authorize", (), make_proof()), Landing(**more))


@pytest.mark.parametrize(
    ("landing", "expected"),
    [
        ({"kind": "error-page", "status": 400, "text": "invalid_request: the redirect_uri is not registered"}, False),
        ({"kind": "error-page", "status": 403, "text": "This application may not do that"}, False),
        ({"kind": "error-page", "status": 403, "text": "Something went wrong"}, True),
        ({"kind": "error-page", "status": 500, "text": "client_id"}, True),
        ({"kind": "error-page", "status": 429, "text": "client_id"}, True),
        ({"kind": "no-way-on", "status": 200, "title": "Choose a new password"}, True),
        ({"kind": "caught", "caught_uri": "x", "params": (("error", "server_error"),)}, True),
        ({"kind": "caught", "caught_uri": "x", "params": (("error", "invalid_request"),)}, False),
        ({"kind": "unreachable"}, False),
    ],
)
def test_a_page_that_speaks_of_something_else_is_doubtful(landing: dict[str, Any], expected: bool) -> None:
    assert doubtful(landed(**landing)) is expected


def answer(status: int, body: bytes = b"", method: str = "POST") -> Exchange:
    request = Request(method, "https://ehr.example/token")
    return Exchange("x1", Actor.APP, Endpoint.TOKEN, datetime.now(UTC), 1.0, request, Response(status, (), body))


def test_a_firewall_and_a_wrong_address_refuse_nothing() -> None:
    assert Response(403, (), b"<h1>Request blocked</h1>Support ID is 1").of_firewall
    assert not Response(400, (), b'{"error": "invalid_request", "error_description": "request blocked"}').of_firewall
    for wrong in (answer(406, b"<p>The request was rejected. Your support ID is: 1</p>"), answer(404), answer(405)):
        with pytest.raises(Blocked):
            no_token("RFC6749-5.2-a", wrong, "a wrong code")
    assert no_token("RFC6749-5.2-a", answer(405, method="GET"), "a wrong code") == []
    assert no_token("RFC6749-5.2-a", answer(400, b'{"error": "invalid_grant"}'), "a wrong code") == []
    (stumbled,) = no_token("RFC6749-5.2-a", answer(500), "a wrong code")
    assert (stumbled.requirement, stumbled.kind) == ("HYGIENE-refusal-form", Kind.HYGIENE)


def test_what_rests_on_a_client_is_due_after_some_scenarios_and_gone_after_a_good_flow() -> None:
    went = []
    proofs = Proofs()
    proofs.refused("web", lambda: went.append("web"))
    assert proofs.seen() == {"web"}
    assert proofs.seen() == set()
    for number in range(3):
        proofs.rests("web", f"s{number}")
    assert (proofs.due(4), proofs.due(3)) == ([], ["web"])
    proofs.prove("web")
    assert went == ["web"]
    assert proofs.taken_back("web") == []


def wrong_then(server: Server, after: Callable[[str], Landing]) -> None:
    """A server that shows a page without a word to a request for another server's data; afterwards it lands elsewhere."""
    usual = server.lands

    def lands(url: str) -> Landing:
        if "other-organization" not in url:
            return usual(url)
        server.lands = after
        return Landing("error-page", status=403, title="Sorry")

    server.lands = lands


def test_a_page_after_which_right_requests_fail_too_is_no_refusal(run: Callable[..., Any], server: Server) -> None:
    app = run().apps.any()
    app.grant()
    wrong_then(server, lambda _url: Landing("no-way-on", status=200, title="Are you a robot?", controls=("I am not a robot",)))
    with pytest.raises(TwinFailed, match="a right request no longer succeeds"):
        authorization.ask_wrong_aud(app, "another host")


def test_a_page_after_which_right_requests_succeed_is_a_refusal_and_proved_once(run: Callable[..., Any], server: Server) -> None:
    app = run().apps.any()
    app.grant()
    before = server.logins()
    for _ in range(2):
        wrong_then(server, lambda url: came_back(url, code="c"))
        assert not authorization.ask(app, authorization.AUD["another host"]).code
    assert server.logins() - before == 3


def test_a_read_that_decides_is_one_that_was_answered(run: Callable[..., Any], server: Server) -> None:
    server.token = lambda _form, _request: httpx.Response(
        200,
        json={
            "access_token": "t",
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "user/Practitioner.rs user/Condition.rs",
            "patient": "7",
        },
    )
    server.fhir = lambda request: httpx.Response(200 if "Condition" in str(request.url) else 400, json={"resourceType": "Bundle"})
    app = run(PUBLIC.replace("patient/*.rs", "user/Practitioner.rs user/Condition.rs") + PEOPLE).apps.any()
    assert app.tokens.readable(app.grant()).answer.status == 200
    assert app.tokens.probe_path(app.grant().token) == "Condition?patient=7&_count=1"
    server.fhir = lambda _request: httpx.Response(400)
    with pytest.raises(TwinFailed, match="none of 2 reads"):
        app.tokens.readable(app.grant())


def test_without_a_read_that_is_answered_nobody_says_whether_a_token_works(run: Callable[..., Any], server: Server) -> None:
    server.fhir = lambda _request: httpx.Response(400)
    end = authorization.ask_wrong_aud(run().apps.any(), "another host")
    state = authorization.pursue(run().apps.any(), end)
    assert state.stage == "token"
    with pytest.raises(TwinFailed):
        state.require_tried()


def test_patient_is_no_parameter_of_a_directory() -> None:
    assert candidates(["user/Practitioner.rs", "user/Observation.s"], "7") == ["Practitioner?_count=1", "Observation?patient=7&_count=1"]
    assert candidates(["patient/*.rs"], "7")[0] == "Patient/7"
    assert candidates(["openid", "user/Practitioner.r"], "7") == []


def test_a_token_that_was_good_is_dead_when_the_same_read_is_forbidden(run: Callable[..., Any], server: Server) -> None:
    app = run().apps.any()
    first = app.grant()
    app.tokens.readable(app.grant())
    app.tokens.suspect()
    dead = first.access_token
    server.token = lambda _form, _request: httpx.Response(
        200, json={"access_token": "new", "token_type": "Bearer", "expires_in": 300, "scope": "openid patient/*.rs"}
    )
    server.fhir = lambda request: httpx.Response(403 if dead in request.headers["authorization"] else 200, json={"resourceType": "Patient"})
    assert app.grant().access_token == "new"


def test_the_first_use_of_a_token_may_come_too_early(run: Callable[..., Any], server: Server, monkeypatch: Any) -> None:
    monkeypatch.setattr("smartlaunch.client.fhir._SPREAD_S", 0.01)
    answers = [httpx.Response(401), httpx.Response(200, json={"resourceType": "Patient"}), httpx.Response(401)]
    server.fhir = lambda _request: answers.pop(0)
    app = run().apps.any()
    assert app.tokens.probe(app.grant()).answer.status == 200
    assert app.tokens.probe(app.grant()).answer.status == 401


def test_where_later_logins_end_earlier_tokens_no_time_is_lost_on_each_of_them(
    run: Callable[..., Any], server: Server, monkeypatch: Any
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("smartlaunch.client.fhir.time.sleep", waits.append)
    fhir = run().engine.fhir
    server.fhir = lambda request: httpx.Response(200 if "latest" in request.headers["authorization"] else 401)
    for number in range(5):
        fhir.expect(f"earlier {number}")
    fhir.expect("of a backend service", "service")
    fhir.expect("latest")
    assert [fhir.read("Patient/7", f"earlier {number}").answer.status for number in range(5)] == [401] * 5
    assert len(waits) == 2, "the first ones might have been late; the server is known by then"
    assert fhir.read("Patient/7", "latest").answer.status == 200
    fhir.read("Patient/7", "of a backend service")
    assert len(waits) == 3, "nothing was issued to the service since"


def test_a_lent_grant_is_made_anew_where_a_later_login_ended_it(run: Callable[..., Any], server: Server) -> None:
    app, issued, alive = run().apps.any(), list[str](), set[str]()

    def token(_form: dict[str, str], _request: httpx.Request) -> httpx.Response:
        issued.append(f"t{len(issued)}.")
        alive.clear()
        alive.add(issued[-1])
        return httpx.Response(
            200, json={"access_token": issued[-1], "token_type": "Bearer", "expires_in": 300, "scope": "openid patient/*.rs"}
        )

    server.token = token
    server.fhir = lambda request: httpx.Response(200 if request.headers["authorization"][7:] in alive else 401, json={})
    held = app.grant().access_token
    app.attempt()
    assert app.tokens.current(held) == held, "nothing is known of the server yet"
    again = app.grant().access_token
    app.attempt()
    assert app.tokens.current(held) == app.tokens.current(again) == issued[-1] not in (held, again)
    assert app.tokens.current("one that was never lent") == "one that was never lent"


def test_a_client_that_is_refused_everything_proves_nothing(run: Callable[..., Any], server: Server) -> None:
    app = run().apps.any()
    app.grant()
    server.token = lambda _form, _request: refused("invalid_client", 401)
    with pytest.raises(TwinFailed):
        app.prove()
    server.token = lambda _form, _request: httpx.Response(429)
    app.engine.http._patience_s = 0
    with pytest.raises(Unreachable):
        app.prove()


@pytest.mark.parametrize(
    ("landing", "expected"),
    [
        ({"text": "No useful scopes requested!"}, True),
        ({"text": "Authorize", "controls": ('button "Authorize"',), "complaint": "This field is required."}, True),
        ({"text": "Authorize", "controls": ('button "Authorize"',)}, False),
        ({"text": "Wait", "controls": ('button "Authorize"',), "complaint": "Too many tries", "obstacle": "rate-limit"}, False),
    ],
)
def test_a_page_that_says_what_is_wrong_however_it_is_answered_turns_the_request_away(landing: dict[str, Any], expected: bool) -> None:
    answer = landed(kind="no-way-on", status=200, **landing)
    assert answer.turned_away is expected
    assert landing.get("complaint", "") in answer.describe()
