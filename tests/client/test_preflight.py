"""The check before a run: one verdict with what to mend, and nothing said of what the scenarios judge."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from smartlaunch.client.preflight import preflight
from smartlaunch.exchange import Failure
from tests.client.conftest import BASE, PUBLIC, SECRET, Server


def verdicts(engine: Any, **more: Any) -> list[tuple[str, str]]:
    return [(line["verdict"], line["problem"]) for line in preflight(engine, **more)]


def answering(server: Server, **by_path: Any) -> None:
    usual = server.handle

    def handle(request: httpx.Request) -> httpx.Response:
        found = by_path.get(request.url.path.rsplit("/", 1)[1].replace("-", "_"))
        if isinstance(found, Exception):
            raise found
        return found if found is not None else usual(request)

    server.handle = handle  # type: ignore[method-assign]


def test_a_right_configuration_has_nothing_to_say(run: Callable[..., Any], server: Server) -> None:
    answering(server, authorize=httpx.Response(200, text="Sign in"))
    assert verdicts(run().engine) == []


def test_probes_are_told(run: Callable[..., Any], server: Server) -> None:
    answering(server, authorize=httpx.Response(302, headers={"Location": "/login"}))
    ((verdict, problem),) = verdicts(run().engine, intrusive=7)
    assert verdict == "note"
    assert "this run is passive: 7 scenarios" in problem
    assert "[probes] intrusive = true" in problem
    ((verdict, problem),) = verdicts(run(f"{PUBLIC}\n[probes]\nintrusive = true\n").engine, intrusive=7)
    assert verdict == "note"
    assert "sends 7 probes" in problem
    assert "Writing FHIR data: no" in problem


@pytest.mark.parametrize("wrong", ["patient/Observation.rsd", "patient/observation.rs", "user/Observation.rs,"])
def test_a_scope_in_no_form_is_named_before_the_run(run: Callable[..., Any], server: Server, wrong: str) -> None:
    answering(server, authorize=httpx.Response(200, text="Sign in"))
    ((verdict, problem),) = verdicts(run(PUBLIC.replace("launch/patient", f"{wrong} launch/patient")).engine)
    assert verdict == "note"
    assert f"scopes: {wrong} is in no form" in problem


def test_a_missing_secret_ends_the_check(run: Callable[..., Any], server: Server) -> None:
    made = run(SECRET.replace('"S"', '"NO_SUCH_VARIABLE"'))
    assert [verdict for verdict, _ in verdicts(made.engine)] == ["mend"]
    assert server.requests == []


@pytest.mark.parametrize(
    ("failure", "verdict"),
    [
        (Failure.DNS, "unreachable"),
        (Failure.TIMEOUT, "unreachable"),
        (Failure.TLS_UNTRUSTED, "untrusted"),
        (Failure.NOT_AN_ADDRESS, "mend"),
    ],
)
def test_no_answer_is_the_network_or_the_address(run: Callable[..., Any], monkeypatch: Any, failure: Failure, verdict: str) -> None:
    engine = run().engine
    monkeypatch.setattr("smartlaunch.client.http.failure_of", lambda _exc: failure)
    monkeypatch.setattr(engine.http._client, "send", lambda *_a, **_k: (_ for _ in ()).throw(httpx.ConnectError("x")))
    ((got, problem),) = verdicts(engine)
    assert got == verdict
    assert BASE in problem


def test_an_address_without_any_document_is_no_fhir_base_url(run: Callable[..., Any], server: Server) -> None:
    answering(server, smart_configuration=httpx.Response(404), metadata=httpx.Response(404))
    ((verdict, problem),) = verdicts(run().engine)
    assert verdict == "mend"
    assert "neither /.well-known/smart-configuration nor /metadata is there" in problem


def test_a_missing_configuration_alone_is_left_to_the_scenarios(run: Callable[..., Any], server: Server) -> None:
    answering(server, smart_configuration=httpx.Response(404), metadata=httpx.Response(200, json={"resourceType": "CapabilityStatement"}))
    assert verdicts(run().engine) == []


@pytest.mark.parametrize(("date", "told"), [("yesterday", False), ("", False), (0, False), (3600, True), (-3600, True)])
def test_a_clock_that_is_wrong_is_told(run: Callable[..., Any], server: Server, date: Any, told: bool) -> None:
    text = date if isinstance(date, str) else format_datetime(datetime.now(UTC) + timedelta(seconds=date))
    answering(server, smart_configuration=httpx.Response(200, json={}, headers={"Date": text} if text else {}))
    assert [verdict for verdict, _ in verdicts(run().engine)] == (["note"] if told else [])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(302, headers={"Location": "https://app.example/redirect?error=unauthorized_client"}), "error=unauthorized_client"),
        (
            httpx.Response(302, headers={"Location": "https://app.example/redirect?error=invalid_client&error_description=unknown"}),
            "error=invalid_client (unknown)",
        ),
        (httpx.Response(400, text="<style>x</style><h1>Unknown client</h1>"), "status 400: Unknown client"),
        (httpx.Response(302, headers={"Location": "https://app.example/redirect?error=invalid_scope"}), ""),
        (httpx.Response(400, text="The launch is over"), ""),
        (httpx.Response(500, text="client"), ""),
    ],
)
def test_only_a_refusal_that_names_the_registration_counts(
    run: Callable[..., Any], server: Server, answer: httpx.Response, words: str
) -> None:
    answering(server, authorize=answer)
    told = verdicts(run().engine)
    assert [verdict for verdict, _ in told] == (["mend"] if words else [])
    if words:
        assert words in told[0][1]
        assert "[clients.web]" in told[0][1]


def test_clients_without_an_authorization_request_are_left_out(run: Callable[..., Any], server: Server) -> None:
    answering(server, authorize=httpx.Response(400, text="Unknown client"))
    assert verdicts(run(PUBLIC.replace('role = "public"', 'role = "public"\nuse = "short-lived"')).engine) == []
    del server.configuration["authorization_endpoint"]
    assert verdicts(run().engine) == []
