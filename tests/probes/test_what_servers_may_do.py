"""What right servers do that a probe must not hold against them, and what it may not conclude from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from smartlaunch.checks import discovery as discovery_checks
from smartlaunch.checks.fhir_access import challenges, disclosed, something_works
from smartlaunch.errors import NotApplicable, NotConfigured
from smartlaunch.finding import Kind
from smartlaunch.oauth.client_authentication import new_key, public_part
from smartlaunch.probes import authorization, backend_services, redirect_uri, scopes, token
from smartlaunch.probes.faults import altered
from smartlaunch.probes.fhir_access import bearer_token, granted, patients, writing
from smartlaunch.target import Limits, Patients

from .conftest import Session, World

REQ = "SMART-2.2-app-launch-token-validation-b"


# -- consent that is remembered ---------------------------------------------------------------------------------------------------


def remembering(monkeypatch: Any, *, asks_again: bool) -> list[str]:
    """Servers that ask for consent once; some ask anew for ``prompt=consent``. Gives the requests that denied or unticked."""
    usual, asked = Session.go, []

    def go(self: Session, url: str, **more: Any) -> Any:
        plan = more["plan"]
        if plan.consent == "allow":
            return replace(usual(self, url, **more), asked_consent=True)
        asked.append(url)
        if asks_again and "prompt=consent" in url:
            return replace(usual(self, url, **more), asked_consent=True)
        return replace(usual(self, url, **{**more, "plan": replace(plan, consent="allow")}), denied=False, unticked=())

    monkeypatch.setattr(Session, "go", go)
    return asked


def test_a_consent_that_is_remembered_is_asked_for_anew(worlds: Callable[..., World], monkeypatch: Any) -> None:
    asked = remembering(monkeypatch, asks_again=True)
    app = worlds(fresh=True).app()
    answer = authorization.denied(app)
    assert answer.landing.denied
    assert answer.error == "access_denied"
    assert ["prompt=consent" in url for url in asked] == [False, True]
    left_out, answered = scopes.unticked(app)
    assert left_out not in answered.granted


def test_a_consent_that_cannot_be_asked_for_anew_is_said_to_be_remembered(worlds: Callable[..., World], monkeypatch: Any) -> None:
    remembering(monkeypatch, asks_again=False)
    app = worlds(fresh=True).app()
    for probe in (authorization.denied, scopes.unticked):
        with pytest.raises(NotApplicable, match="remembers an earlier consent"):
            probe(app)


# -- what is asked for ------------------------------------------------------------------------------------------------------------


def test_an_ip_address_has_no_neighbour_by_name() -> None:
    for label in ("a domain that ends with it", "a domain that begins with it", "a subdomain of it"):
        with pytest.raises(NotApplicable, match="IP address"):
            redirect_uri.neighbour(label, "https://10.1.2.3/redirect")
        assert "collector" in redirect_uri.neighbour(label, "https://app.example/redirect")


def test_a_redirect_uri_of_another_app_may_be_registered_for_this_one(worlds: Callable[..., World]) -> None:
    label = redirect_uri.OF_ANOTHER_APP
    world = worlds("accepts_redirect_uri_of_another_client", fresh=True)
    assert authorization.ask_wrong_redirect(world.app(), label).code
    app = world.app()
    forged = world.target.redirect_uri_of_another(app.client)
    known = replace(app.client.registered, redirect_uris=())
    with pytest.raises(NotConfigured, match="nothing says"):
        authorization.ask_wrong_redirect(world.with_client(registered=known).app(), label)
    both = replace(known, redirect_uris=(app.client.redirect_uri, forged))
    with pytest.raises(NotApplicable, match="registered for this client too"):
        authorization.ask_wrong_redirect(world.with_client(registered=both).app(), label)


def test_public_keys_say_nothing_of_what_the_private_one_is_for() -> None:
    assert "key_ops" not in public_part({**new_key("ES384"), "key_ops": ["sign"]})


def test_a_changed_character_differs_by_more_than_case() -> None:
    assert [altered(f"x{middle}x").lower() == f"x{middle}x".lower() for middle in "aAbB"] == [False] * 4


def test_each_write_is_of_something_new() -> None:
    first, again = (writing.body("Observation", "p") for _ in range(2))
    assert first["effectiveDateTime"] != again["effectiveDateTime"]
    assert writing.body("Condition", "p")["code"] != writing.body("Condition", "p")["code"]


def test_an_encounter_of_the_target_file_is_chosen(right: World) -> None:
    engine = right.engine
    setting = right.target.ehr_launch
    assert setting is not None
    assert engine.plan(None).encounter == setting.encounter
    assert engine.plan(None, patient=right.target.patients.other or "").encounter is None


def test_the_leeway_is_that_of_the_target_file(right: World) -> None:
    assert bearer_token.leeway(right.again(limits=Limits(leeway_s=300)).app()) == 300
    assert Limits().leeway_s == 60


# -- what is concluded ------------------------------------------------------------------------------------------------------------


def test_challenges_without_parameters_may_come_first(right: World) -> None:
    exchange = right.engine.discovery.exchange
    for value, expected in {
        'Negotiate, Bearer realm="x"': ["negotiate", "bearer"],
        'Bearer, Basic realm="z"': ["bearer", "basic"],
        'Basic realm="a", Bearer realm="b", error="invalid_token"': ["basic", "bearer"],
        "Bearer": ["bearer"],
    }.items():
        answer = replace(exchange.answer, headers=(("WWW-Authenticate", value),))
        assert [c.scheme for c in challenges(replace(exchange, response=answer))] == expected


def test_grant_types_of_nobody_warn_and_implicit_never_comes(worlds: Callable[..., World]) -> None:
    world = worlds(fresh=True)
    app = world.app()
    document = {**app.engine.discovery.document, "grant_types_supported": ["authorization_code", "implicit", "urn:example:device"]}
    known = app.engine.discovery.exchange
    app.engine.discovery.__dict__["exchange"] = replace(known, response=replace(known.answer, body=json.dumps(document).encode()))
    asked = token.ask_each_grant_type(app)
    assert list(asked.answers) == ["authorization_code", "urn:example:device"]
    (found,) = discovery_checks.grant_types_known(REQ, asked.answers, asked.usable)
    assert (found.kind, "urn:example:device" in found.expected) == (Kind.HYGIENE, True)


def refusing(condition: Callable[[httpx.Request], bool], status: int) -> Callable[[httpx.Request], httpx.Response | None]:
    return lambda request: httpx.Response(status, json={"resourceType": "OperationOutcome"}) if condition(request) else None


def test_a_search_by_post_is_not_expected(worlds: Callable[..., World]) -> None:
    world = worlds(fresh=True)
    with world.forged("/fhir/", refusing(lambda request: request.method == "POST", 405)):
        assert "search by POST" not in {trial.interaction for trial in granted.own_requests(world.app())}
        with pytest.raises(NotApplicable, match="does not offer"):
            bearer_token.without_token(world.app(), "search by POST")


def test_forbidden_searches_alone_warn(right: World) -> None:
    trials = granted.own_requests(right.app())
    search = next(t.exchange for t in trials if t.interaction == "search")
    read = next(t.exchange for t in trials if t.interaction == "read")

    def forbidden(exchange: Any) -> Any:
        return replace(exchange, response=replace(exchange.answer, status=403))

    (warned,) = something_works(REQ, [forbidden(search)], "x")
    (failed,) = something_works(REQ, [forbidden(search), forbidden(read)], "x")
    assert (warned.kind, failed.kind) == (Kind.HYGIENE, Kind.REQUIREMENT)


def test_a_type_that_nobody_can_search_shows_no_scope(worlds: Callable[..., World]) -> None:
    world = worlds("ignores_scopes_of_backend_clients", fresh=True)
    app = world.app("backend")
    _, _, other = backend_services.narrowed(app)
    with world.forged(f"/fhir/{other}", refusing(lambda _request: True, 400)), pytest.raises(NotApplicable, match="proves nothing"):
        backend_services.reach(app)


def test_nothing_of_a_patient_who_may_not_exist_is_no_pass(worlds: Callable[..., World]) -> None:
    world = worlds(fresh=True)
    app = world.again(patients=Patients(default=world.target.patients.default, other="no-such-patient")).app()
    with pytest.raises(NotConfigured, match="exists on this server"):
        patients.of_another(app, "read of the patient")


def test_the_sample_may_be_on_another_page(right: World) -> None:
    from smartlaunch.probes.fhir_access import interactions

    trial = interactions.within(right.app(), "rs", "search")
    found = {str(r["id"]) for r in disclosed(trial.exchange, trial.resource_type)}
    assert replace(trial, ids=frozenset({"on-page-7"})).expected & found
