"""What right servers do that a probe must not hold against them, and what it may not conclude from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Self

import httpx
import pytest

from smartlaunch.checks import discovery as discovery_checks
from smartlaunch.checks import id_token as id_token_checks
from smartlaunch.checks import refresh as refresh_checks
from smartlaunch.checks.app_state import lost
from smartlaunch.checks.challenge import challenges
from smartlaunch.checks.fhir_access import something_works
from smartlaunch.checks.fhir_answer import disclosed, done
from smartlaunch.client.preflight import clock
from smartlaunch.errors import Blocked, NotApplicable, NotConfigured, TwinFailed, Unreachable
from smartlaunch.finding import Kind
from smartlaunch.oauth.client_authentication import new_key, public_part
from smartlaunch.oauth.id_token import verify
from smartlaunch.probes import authorization, backend_services, id_token, launch_context, redirect_uri, scopes, tls, token
from smartlaunch.probes.faults import altered
from smartlaunch.probes.fhir_access import bearer_token, granted, grants, patients, samples, writes
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
    first, again = (writes.body("Observation", "p") for _ in range(2))
    assert first["effectiveDateTime"] != again["effectiveDateTime"]
    assert writes.body("Condition", "p")["code"] != writes.body("Condition", "p")["code"]


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
    users = {name: replace(user, patients=None) for name, user in world.target.users.items()}
    app = world.again(patients=Patients(default=world.target.patients.default, other="no-such-patient"), users=users).app()
    with pytest.raises(NotConfigured, match="exists on this server"):
        patients.of_another(app, "read of the patient")


def test_the_sample_may_be_on_another_page(right: World) -> None:
    from smartlaunch.probes.fhir_access import interactions

    trial = interactions.within(right.app(), "rs", "search")
    found = {str(r["id"]) for r in disclosed(trial.exchange, trial.resource_type)}
    assert replace(trial, ids=frozenset({"on-page-7"})).expected & found


# -- clocks, references, keys -----------------------------------------------------------------------------------------------------


def dated(exchange: Any, seconds: float, age: int = 0) -> Any:
    """The exchange with a ``Date`` so many seconds ahead, from a cache that has kept it for a while."""
    when = exchange.started + timedelta(milliseconds=exchange.duration_ms, seconds=seconds - age)
    headers = (("Date", format_datetime(when.astimezone(UTC), usegmt=True)), ("Age", str(age)))
    return replace(exchange, response=replace(exchange.answer, headers=headers))


def test_times_are_those_of_the_servers_clock(right: World) -> None:
    exchange = right.app().grant().token.exchange
    now = exchange.started.timestamp()
    for claims in ({"exp": now - 120 + 60, "iat": now - 130}, {"exp": now + 3600, "iat": now + 130}):
        behind = -130 if claims["iat"] < now else 130
        assert id_token_checks.not_expired(REQ, dated(exchange, behind), claims, now) == []
        assert id_token_checks.freshly_issued(REQ, dated(exchange, behind), claims, now) == []
        assert refresh_checks.issued_now(REQ, dated(exchange, behind), claims, {"iat": now - 4000}, now) == []
    assert id_token_checks.freshly_issued(REQ, dated(exchange, 0), {"iat": now + 130}, now)


def test_an_answer_from_a_cache_is_as_old_as_it_says(right: World) -> None:
    exchange = right.engine.discovery.exchange
    assert discovery_checks.clock(REQ, dated(exchange, 0, age=500)) == []
    assert discovery_checks.clock(REQ, dated(exchange, -500))
    assert clock((datetime.now(UTC) - timedelta(seconds=500)).strftime("%a, %d %b %Y %H:%M:%S GMT"), "500") == []
    assert clock((datetime.now(UTC) - timedelta(seconds=500)).strftime("%a, %d %b %Y %H:%M:%S GMT"))


def test_a_reference_to_itself_may_lose_its_base() -> None:
    sent, kept = ({"subject": {"reference": text}} for text in ("https://ehr.example/fhir/Patient/1", "Patient/1"))
    other = {"subject": {"reference": "Patient/11"}}
    pointers = [[p for p, _ in lost(one, two)] for one, two in ((sent, kept), (kept, sent), (sent, other))]
    assert ["/subject/reference" in found for found in pointers] == [False, False, True]


def test_an_error_in_the_outcome_is_no_success(right: World) -> None:
    exchange = right.engine.discovery.metadata
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden"}]}
    assert not done(replace(exchange, response=replace(exchange.answer, status=200, body=json.dumps(outcome).encode())))
    outcome["issue"][0]["severity"] = "information"  # type: ignore[index]
    assert done(replace(exchange, response=replace(exchange.answer, status=200, body=json.dumps(outcome).encode())))


def test_a_key_without_a_name_may_be_the_one(right: World) -> None:
    token_, keys = right.app().grant().token.id_token, right.engine.discovery.keys
    nameless = [{k: v for k, v in key.items() if k != "kid"} for key in keys]
    assert verify(token_, nameless).signature_problem == ""
    assert "no RSA key" in verify(token_, [{**key, "kid": "another"} for key in keys]).signature_problem


def test_a_fhir_user_is_here_however_the_address_is_written() -> None:
    written = (
        "https://EHR.example:443/fhir/Practitioner/1",
        "https://ehr.example/fhir/Practitioner/1/",
        "https://ehr.example/fhir2/Practitioner/1",
    )
    assert [id_token.stands_below(url, "https://ehr.example/fhir") for url in written] == [True, True, False]


# -- silence and order ------------------------------------------------------------------------------------------------------------


def test_one_slow_type_does_not_keep_the_others(worlds: Callable[..., World]) -> None:
    world = worlds(fresh=True)
    world.app().grant()
    with world.silent("/fhir/Observation"):
        assert "Observation" not in samples.samples(world.app())
    again = worlds(fresh=True)
    again.app().grant()
    with again.silent("/fhir/"), pytest.raises(Unreachable):
        samples.samples(again.app())


def test_a_server_that_stumbles_over_a_scope_has_not_chosen_to_refuse_it(worlds: Callable[..., World]) -> None:
    world = worlds(fresh=True)
    world.app().grant()
    with world.forged("/oauth/token", refusing(lambda _request: True, 500)), pytest.raises(TwinFailed, match="stumbles"):
        grants.granted(world.app(), ["patient/Observation.r"])


def test_methods_of_another_endpoint_are_its_own(worlds: Callable[..., World]) -> None:
    def told(methods: list[str], role: str) -> Any:
        world = worlds(fresh=True)
        app = world.apps.of_role(role)
        document = {**app.engine.discovery.document, "revocation_endpoint_auth_methods_supported": methods}
        known = app.engine.discovery.exchange
        app.engine.discovery.__dict__["exchange"] = replace(known, response=replace(known.answer, body=json.dumps(document).encode()))
        return app.authentication.credentials_at("revocation")

    assert told(["client_secret_post"], "confidential-symmetric").headers == ()
    assert told(["client_secret_basic", "none"], "public").form[0][0] == "client_id"
    with pytest.raises(NotApplicable, match="by none of which"):
        told(["client_secret_basic"], "public")


def test_a_dropped_hello_is_a_refusal(monkeypatch: Any) -> None:
    class Silent:
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            """Nothing is open."""

    def wrap(*_args: object, **_more: object) -> None:
        raise TimeoutError

    monkeypatch.setattr("socket.create_connection", lambda *_a, **_k: Silent())
    where = tls.Address("token endpoint", "https://ehr.example/token")
    context: Any = type("Context", (), {"wrap_socket": wrap})()
    assert tls.shake(where, context, 1, silence="no answer").version == ""
    with pytest.raises(Blocked):
        tls.shake(where, context, 1)


@pytest.mark.parametrize(
    ("encounter", "expected"),
    [
        ({"status": "in-progress"}, True),
        ({"status": "finished", "period": {"end": "2020-01-01"}}, False),
        ({"status": "finished"}, False),
        ({"status": "unknown", "period": {"start": "2020-01-01"}}, True),
        ({"status": "planned"}, False),
    ],
)
def test_an_encounter_that_is_over_is_not_due(encounter: dict[str, Any], expected: bool) -> None:
    assert launch_context.under_way(encounter) is expected


def test_a_grant_for_what_nobody_knows_an_id_of_is_handed_out_again(worlds: Callable[..., World]) -> None:
    """Its token reads no Patient, as it should not; that refusal is no sign that the token is over."""
    app = worlds(fresh=True).app("public")
    app.tokens.probe(app.grant())
    scopes = ("openid", "fhirUser", "user/Observation.cru")
    first = app.grant(scopes)
    app.fresh_grant()
    assert app.grant(scopes).access_token == first.access_token
