"""Why a probe does not apply or cannot be judged: each reason is met once, and said in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest import mock

import httpx
import pytest

from smartlaunch.errors import Blocked, NotApplicable, TwinFailed
from smartlaunch.probes import (
    ahead,
    backend_services,
    brands,
    cors,
    discovery,
    id_token,
    introspection,
    launch_context,
    revocation,
    scopes,
    support_tickets,
    tls,
    token_response,
)
from smartlaunch.probes.app_state import changes, keeping, subjects
from smartlaunch.probes.client_authentication import assertion, clients, other_grants, published_keys, secret
from smartlaunch.probes.fhir_access import bearer_token, categories, granted, grants, interactions, patients, plain, samples, writing
from smartlaunch.probes.refresh import access, lines, right, wrong
from smartlaunch.target import EhrLaunch, Patients

from .conftest import World

Change = Callable[[World], World]
OWN = ("openid", "fhirUser", "launch/patient", "offline_access")


def scoped(*wanted: str) -> Change:
    """The app asks for other scopes."""
    return lambda w: w.with_client(scopes=wanted, ehr_launch_scopes=wanted)


def configured(**members: Any) -> Callable[[World], Any]:
    """The SMART configuration with members set; None leaves one out."""

    def change(world: World) -> World:
        fresh = world.again()
        document = {**fresh.engine.discovery.document, **members}
        body = json.dumps({k: v for k, v in document.items() if v is not None}).encode()
        known = fresh.engine.discovery.exchange
        fresh.engine.discovery.__dict__["exchange"] = replace(known, response=replace(known.answer, body=body))
        return fresh

    return change


def stated(document: dict[str, Any]) -> Change:
    """Another CapabilityStatement."""

    def change(world: World) -> World:
        fresh = world.again()
        known = fresh.engine.discovery.metadata
        fresh.engine.discovery.__dict__["metadata"] = replace(known, response=replace(known.answer, body=json.dumps(document).encode()))
        return fresh

    return change


def one_user(world: World) -> World:
    return world.again(users=dict(list(world.target.users.items())[:1]))


def of_unknown_patients(world: World) -> dict[str, Any]:
    return {name: replace(user, patients=None) for name, user in world.target.users.items()}


def nobody(world: World) -> World:
    return world.again(users={})


def no_userinfo(world: World) -> Any:
    known = world.engine.discovery.openid_configuration
    body = {k: v for k, v in known.answer.object.items() if k != "userinfo_endpoint"}
    world.engine.discovery.__dict__["openid_configuration"] = replace(known, response=replace(known.answer, body=json.dumps(body).encode()))
    return id_token.userinfo(world.engine, "x")


def no_pages(world: World) -> Any:
    app = world.app()
    app.shared_attempt()
    world.engine._walked.clear()
    return app


REASONS: list[tuple[str, Change, Callable[[World], Any], str]] = [
    (
        "no other patient",
        lambda w: w.again(patients=Patients(), users=of_unknown_patients(w)),
        lambda w: samples.other_patient(w.app()),
        "names no other patient",
    ),
    (
        "no patient at all",
        scoped("openid", "user/Observation.rs"),
        lambda w: samples.patient(w.again(patients=Patients(), clients=w.target.clients).app()),
        "no patient is in context",
    ),
    ("no data", scoped(*OWN), lambda w: samples.sample(w.app()), "fewer than 1"),
    ("no second type", scoped(*OWN, "patient/Observation.rs"), lambda w: samples.sample(w.app(), 1), "fewer than 2"),
    ("no data by id", scoped(*OWN), lambda w: plain.search_by_id(w.app()), "no resource of the patient"),
    ("no categories", scoped(*OWN), lambda w: categories.two_categories(w.app()), "no two resources"),
    ("no wildcard", scoped(*OWN), lambda w: interactions.wildcard(w.app()), "no type with data"),
    ("nothing to try", scoped(*OWN), lambda w: granted.own_requests(w.app()), "none of the granted scopes"),
    ("nothing included", scoped(*OWN), lambda w: interactions.included(w.app(), "search with _include"), "no type with data"),
    ("no two users", one_user, lambda w: patients.users(w.app()), "no two users"),
    ("no other user", one_user, lambda w: token_response.of_another_user(w.app()), "one user only"),
    ("no create", stated({"rest": [{"resource": [{"type": "Patient"}]}]}), lambda w: writing.kind_to_write(w.app()), "offers no create"),
    (
        "no update of new",
        stated({"rest": [{"resource": [{"type": "Observation", "updateCreate": False}]}]}),
        lambda w: writing.updated_new(w.app()),
        "does not create",
    ),
    ("no update claimed", stated({"rest": []}), lambda w: cors.preflight_of_update(w.app()), "claims no update"),
    ("no types listed", stated({}), lambda w: backend_services.unsupported_type(w.app("backend")), "lists no resource types"),
    ("no state", configured(capabilities=["launch-standalone"]), lambda w: subjects.base(w.app()), "does not claim"),
    ("no level", scoped(*OWN), lambda w: scopes.of_level(w.app(), "user"), "asks for no user/ scope"),
    (
        "level of another version",
        configured(capabilities=["launch-standalone", "permission-v1"]),
        lambda w: scopes.of_level(w.app(), "patient"),
        "in a version",
    ),
    ("nothing published", configured(scopes_supported=[]), lambda w: scopes.published(w.app()), "no scope of `scopes_supported`"),
    ("no narrow client", lambda w: w.without("public", "narrow"), lambda w: scopes.beyond_registration(w.app()), "use = 'narrow'"),
    (
        "narrow client unknown",
        lambda w: w.with_client(use="narrow", registered=replace(w.target.client("public", "narrow").registered, scopes=())),
        lambda w: scopes.beyond_registration(w.app()),
        "does not say what",
    ),
    (
        "registered for version 1",
        lambda w: w.with_client(registered=replace(w.target.client("public").registered, smart_version="v1")),
        lambda w: scopes.in_version(w.app(), 2),
        "registered for version 1",
    ),
    (
        "no identity scopes",
        scoped("launch/patient", "patient/Observation.rs"),
        lambda w: token_response.without_identity(w.app()),
        "do not have `openid`",
    ),
    (
        "openid not asked for",
        scoped("launch/patient", "patient/Observation.rs"),
        lambda w: token_response.require_scope(w.app(), "openid"),
        "do not have `openid`",
    ),
    ("no ID Token", scoped("launch/patient", "patient/Observation.rs"), lambda w: id_token.identity(w.app()), "do not have `openid`"),
    (
        "no refresh token",
        scoped("openid", "launch/patient", "patient/Observation.rs"),
        lambda w: token_response.having(w.app(), "refresh_token"),
        "no refresh token",
    ),
    (
        "nothing to refresh",
        scoped("openid", "launch/patient", "patient/Observation.rs"),
        lambda w: right.refreshed(w.app()),
        "no refresh token",
    ),
    (
        "no refresh token as bearer",
        scoped("openid", "launch/patient", "patient/Observation.rs"),
        lambda w: bearer_token.with_wrong_token(w.app(), "the refresh token"),
        "no refresh token",
    ),
    (
        "no ID Token as bearer",
        scoped("launch/patient", "patient/Observation.rs"),
        lambda w: bearer_token.with_wrong_token(w.app(), "the ID Token"),
        "no ID Token",
    ),
    (
        "no JWT to alter",
        lambda w: w.again(),
        lambda w: bearer_token.with_wrong_token(w.app(), "a token with other content"),
        "not a readable JWT",
    ),
    (
        "no JWT to cut",
        lambda w: w.again(),
        lambda w: bearer_token.with_wrong_token(w.app(), "a token without its signature"),
        "not a readable JWT",
    ),
    ("no spare scope", scoped(*OWN, "patient/Observation.rs"), lambda w: lines.spare_scope(w.app()), "two clinical scopes"),
    ("no offline access", scoped("openid", "launch/patient"), lambda w: access.offline_grant(w.app()), "do not have `offline_access`"),
    (
        "no online access",
        lambda w: w.with_client(registered=replace(w.target.client("public").registered, scopes=("openid",))),
        lambda w: access.online_grant(w.app()),
        "not registered for `online_access`",
    ),
    ("no revocation", configured(revocation_endpoint=None), lambda w: revocation.endpoint(w.app()), "no `revocation_endpoint`"),
    ("no introspection", configured(introspection_endpoint=None), lambda w: introspection.endpoint(w.app()), "no `introspection_endpoint`"),
    ("no issuer", configured(issuer=None), lambda w: discovery.openid_configuration(w.engine), "has no `issuer`"),
    ("no brands", configured(user_access_brand_bundle=None), lambda w: brands.answer(w.engine), "has no `user_access_brand_bundle`"),
    ("public client introspects", lambda w: w.again(), lambda w: introspection.by_bearer(w.app()), "cannot be known"),
    (
        "no context asked for",
        scoped("openid", "patient/Observation.rs"),
        lambda w: launch_context.asked(w.app()),
        "no scope for launch context",
    ),
    (
        "no patient scope",
        scoped("openid", "user/Observation.rs"),
        lambda w: launch_context.require_patient_scope(w.app()),
        "no `patient/` scope",
    ),
    ("no member", lambda w: w.again(), lambda w: launch_context.require_member(w.app(), "intent_of_nobody"), "optional here"),
    ("no chart", lambda w: w.again(), lambda w: launch_context.chart(w.app(), "patient"), "not launched from an EHR"),
    (
        "chart unknown",
        lambda w: w.again(ehr_launch=EhrLaunch("page", w.target.ehr_launch.url)),
        lambda w: launch_context.chart(w.app("public", "ehr"), "encounter"),
        "does not tell which encounter",
    ),
    ("nothing expected", lambda w: w.again(), lambda w: launch_context.expected(w.app(), "encounter"), "which encounter to expect"),
    (
        "no patient search",
        scoped("openid", "user/Observation.rs"),
        lambda w: launch_context.patient_search(w.app()),
        "lets the app search Patient",
    ),
    (
        "wider patient search",
        scoped(*OWN, "patient/Patient.rs", "user/Patient.rs"),
        lambda w: launch_context.patient_search(w.app()),
        "reaches beyond",
    ),
    ("no resource", lambda w: w.again(), lambda w: launch_context.read(w.app(), w.app().grant(), "Patient", ""), "names no Patient"),
    ("no right to read", lambda w: w.again(), lambda w: launch_context.read(w.app(), w.app().grant(), "Goal", "x"), "no granted scope"),
    ("no style", lambda w: w.again(), lambda w: launch_context.style(w.app()), "no absolute `smart_style_url`"),
    ("no UserInfo", lambda w: w.again(), no_userinfo, "no UserInfo endpoint"),
    ("no user of a password", nobody, lambda w: other_grants.password(w.app()), "no user with a password"),
    (
        "no secret",
        lambda w: w.with_client("confidential-symmetric", client_secret=None),
        lambda w: secret.redeem_by(w.apps.of_role("confidential-symmetric"), "client_secret_post"),
        "has no client_secret",
    ),
    (
        "no prover",
        lambda w: w.again(clients={n: c for n, c in w.target.clients.items() if c.role == "public"}),
        lambda w: clients.prover(w.apps),
        "confidential-asymmetric",
    ),
    (
        "no reserved characters",
        lambda w: w.again(clients={n: c for n, c in w.target.clients.items() if c.role == "public"}),
        lambda w: clients.reserved_app(w.apps),
        "confidential-symmetric",
    ),
    (
        "no key set of one's own",
        lambda w: w.again(clients={n: replace(c, jwks_uri="https://keys.example/jwks") for n, c in w.target.clients.items()}),
        lambda w: clients.publisher(w.apps),
        "not a loopback address",
    ),
    (
        "no key set at all",
        lambda w: w.again(clients={n: replace(c, jwks_uri="") for n, c in w.target.clients.items()}),
        lambda w: clients.registered_with(w.apps, url=True),
        "has a jwks_uri",
    ),
    (
        "no waiting for a bearer",
        lambda w: w.again(limits=replace(w.target.limits, wait_for_expiry_s=0)),
        lambda w: bearer_token.expired(w.app()),
        "waiting is not allowed",
    ),
    (
        "no waiting for a backend",
        lambda w: w.again(limits=replace(w.target.limits, wait_for_expiry_s=0)),
        lambda w: backend_services.expired(w.app("backend")),
        "waiting is not allowed",
    ),
    (
        "no waiting for introspection",
        lambda w: w.again(limits=replace(w.target.limits, wait_for_expiry_s=0)),
        lambda w: introspection.inactive(w.app(), "has expired"),
        "waiting is not allowed",
    ),
    (
        "bearer lives too long",
        lambda w: w.without("public", "short-lived"),
        lambda w: bearer_token.expired(w.app()),
        "the token ends after",
    ),
    (
        "backend lives too long",
        lambda w: w.without("backend", "short-lived"),
        lambda w: backend_services.expired(w.app("backend")),
        "it can be waited for",
    ),
    (
        "backend of one type",
        lambda w: w.with_client("backend", scopes=("system/Patient.rs",)),
        lambda w: backend_services.narrowed(w.app("backend")),
        "fewer than two",
    ),
    (
        "backend registration unknown",
        lambda w: w.with_client("backend", registered=replace(w.target.client("backend").registered, scopes=())),
        lambda w: backend_services.faulty(w.app("backend"), "every type"),
        "does not say what",
    ),
    (
        "native app has no origin",
        lambda w: w.with_client(redirect_uri="com.example.app:/cb"),
        lambda w: cors.origin_of(w.app()),
        "has no origin",
    ),
    (
        "native app on loopback",
        lambda w: w.with_client(redirect_uri="http://127.0.0.1/cb"),
        lambda w: cors.origin_of(w.app()),
        "native app",
    ),
    (
        "no app in a browser",
        lambda w: w.with_client(redirect_uri="com.example.app:/cb").without("public", "narrow"),
        lambda w: cors.public_document(w.again(clients={"x": w.target.client("backend")}).engine, "SMART configuration"),
        "no public client",
    ),
    ("no such ticket", lambda w: w.again(), lambda w: support_tickets.launched(w.apps, "vitals-board"), "no client is named"),
    ("no page by https", lambda w: w.again(), lambda w: tls.pages(no_pages(w)), "no page by https"),
    (
        "no management endpoint",
        configured(management_endpoint=None),
        lambda w: tls.address(w.engine, "management endpoint"),
        "no `management_endpoint`",
    ),
    (
        "own state allowed",
        scoped(*OWN, "patient/*.cruds", "user/*.cruds"),
        lambda w: changes.unauthorized(w.app(), "search", "a token for other data"),
        "cover App State",
    ),
    (
        "nothing left to refuse",
        lambda w: w.again(),
        lambda w: grants.require_uncovered(w.app().grant(), "Observation", "r"),
        "granted more",
    ),
    (
        "other patients reached",
        scoped(*OWN, "patient/Patient.rs", "user/Patient.rs"),
        lambda w: grants.require_patient_level(w.app().grant(), "Patient"),
        "may reach other patients",
    ),
    (
        "refused revocation",
        lambda w: w.again(),
        lambda w: revocation.Revoked(revocation.unknown(w.app())).tried,
        "the revocation was refused",
    ),
    (
        "refused revocation of a refresh token",
        lambda w: w.again(),
        lambda w: revocation.Revoked(revocation.unknown(w.app())).refreshed,
        "the revocation was refused",
    ),
    ("revocation carried out", lambda w: w.again(), lambda w: revocation.require_refusal(revocation.unknown(w.app())), "was not refused"),
    (
        "no other key",
        lambda w: w.again(clients={n: c for n, c in w.target.clients.items() if (c.role, c.use) == ("backend", "primary")}),
        lambda w: assertion.present(w.app("backend"), "the signature of another client"),
        "no other client",
    ),
    ("no second client", lambda w: w.without("public", "second"), lambda w: wrong.by_another_client(w.app()), "use = 'second'"),
]


@pytest.mark.parametrize(("name", "change", "ask", "why"), REASONS, ids=[r[0] for r in REASONS])
def test_a_reason_is_given(name: str, change: Change, ask: Callable[[World], Any], why: str, worlds: Any) -> None:
    world = change(worlds())
    with pytest.raises(NotApplicable, match=why):
        ask(world)


def answers(status: int, body: Any = None) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _request: httpx.Response(status, json=body)


TWINS: list[tuple[str, str, Callable[[httpx.Request], Any], Callable[[World], Any], str]] = [
    ("every search refused", "/fhir/", answers(403), lambda w: samples.samples(w.app()), "every search under the app's own grant"),
    (
        "good token refused",
        "/fhir/",
        answers(401),
        lambda w: bearer_token.good(w.app()),
        "that the granted scopes allow is answered with success",
    ),
    ("plain refused", "/oauth/token", answers(400, {"error": "invalid_grant"}), lambda w: w.app().fresh_grant(), "did not end with"),
    (
        "backend refused",
        "/oauth/token",
        answers(400, {"error": "invalid_client"}),
        lambda w: backend_services.require_right(w.again().app("backend")),
        "did not bring",
    ),
    (
        "backend response refused",
        "/oauth/token",
        answers(400, {"error": "invalid_client"}),
        lambda w: backend_services.right_response(w.again().app("backend")),
        "was refused",
    ),
    (
        "introspection fails",
        "/oauth/introspect",
        answers(500),
        lambda w: introspection.without_token(w.app()),
        "was answered with status 500",
    ),
    ("resource server refused", "/oauth/introspect", answers(401), lambda w: introspection.live(w.app()), "resource-server"),
    (
        "document not served",
        "/metadata",
        answers(500),
        lambda w: cors.public_document(w.again().engine, "CapabilityStatement"),
        "status 500",
    ),
    (
        "no brand bundle",
        "brand",
        answers(200, {"resourceType": "Patient"}),
        lambda w: brands.bundle(w.again().engine),
        "leads to no Bundle",
    ),
    ("state not kept", "/fhir/Basic", answers(422), lambda w: keeping.made(w.app()), "was not kept"),
]


@pytest.mark.parametrize(("name", "path", "answer", "ask", "why"), TWINS, ids=lambda v: v if isinstance(v, str) else "")
def test_what_has_to_succeed_first_does_not(name: str, path: str, answer: Any, ask: Any, why: str, worlds: Any) -> None:
    world = worlds(fresh=True)
    world.app().grant()
    with world.forged(path, answer), pytest.raises(Blocked, match=why):
        ask(world)


def test_a_refused_refresh_fails_the_twin(worlds: Any) -> None:
    world = worlds(fresh=True)
    app = world.app()
    line = lines.shared_line(app)

    def refuse(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(400, json={"error": "invalid_grant"}) if b"grant_type=refresh_token" in request.read() else None

    with world.forged("/oauth/token", refuse):
        for probe in (
            lambda: lines.shared_line(app),
            lambda: right.refreshed(app),
            lambda: wrong.after_revocation(app),
            lambda: wrong.reused(app),
        ):
            with pytest.raises(TwinFailed, match="a right refresh was refused"):
                probe()
    assert line.current


def test_what_time_ends_is_begun_ahead_and_asked_for_later(worlds: Any) -> None:
    world = worlds(fresh=True)
    app, service = world.app(), world.app("backend")
    for what in ahead.BEGINNINGS:
        ahead.begin(service if what.startswith("backend") else app, what)
    ahead.begin(world.without("public", "short-lived").app(), "access-token")
    dead = bearer_token.expired(app)
    assert dead.answer.status == 401
    assert introspection.inactive(app, "has expired").answer.object["active"] is False
    assert backend_services.expired(service).answer.status == 401


def test_the_app_of_a_ticket(worlds: Any) -> None:
    world = worlds(fresh=True)
    named = world.again(
        clients={**world.target.clients, "vitals-board": replace(world.target.client("public"), name="vitals-board", launch_uri="")}
    )
    ticket = support_tickets.launched(named.apps, "vitals-board")
    assert ticket.granted
    assert ticket.patient
    assert ticket.exchange
    assert ticket.came
    read = support_tickets.read_patient(ticket.app)
    assert support_tickets.told(read.answer) == "status 200, a Patient"
    message = replace(read.answer, body=b'{"message": "no scope"}')
    assert support_tickets.told(message).endswith("no scope")
    bare = named.with_client(scopes=("openid", "user/Practitioner.r"))
    with pytest.raises(NotApplicable, match="names no patient"):
        support_tickets.read_patient(bare.app())


def test_what_the_suite_wrote_is_deleted(worlds: Any) -> None:
    world = worlds(fresh=True)
    app = world.app()
    writing.created(app)
    keeping.several(app)
    for tidy in (writing.clean_up, keeping.clean_up):
        tidy(app)
    before = world.engine.recorder.next_id()
    for tidy in (writing.clean_up, keeping.clean_up):
        tidy(app)
    assert int(world.engine.recorder.next_id()[1:]) == int(before[1:]) + 1, "nothing is left to delete"


@pytest.mark.parametrize("kind", subjects.PERSONS)
def test_state_about_a_person(kind: str, right: World) -> None:
    if kind == "Person":
        with pytest.raises(NotApplicable, match=f"{kind}|does not grant"):
            keeping.about_person(right.app(), kind)
    else:
        assert keeping.about_person(right.app(), kind).accepted


def test_a_server_that_adds_no_scopes_up_is_searched_one_by_one(worlds: Any) -> None:
    world = worlds("only_first_scope_counts", fresh=True)
    assert samples.samples(world.app())


def test_values_say_what_came(right: World, worlds: Any) -> None:
    app = right.app()
    asked = scopes.nothing_but_unknown(app)
    assert asked.describe()
    assert asked.exchange
    assert asked.error or asked.granted or asked.refused
    assert scopes.with_wildcard(app).describe().startswith("a token for")
    live = introspection.live(app)
    assert live.id_token_claims["sub"]
    assert right.app("public", "ehr").grant().granted
    note = secret.encoding_note(right.apps.of_role("confidential-symmetric"), app.grant().token)
    assert "form-encoded" in note
    bad = worlds("does_not_form_decode_basic_credentials")
    reserved = clients.reserved_app(bad.apps)
    assert "joined as they are" in secret.encoding_note(reserved, secret.redeem_by_basic(reserved))


def test_a_key_that_was_withdrawn(right: World, monkeypatch: pytest.MonkeyPatch) -> None:
    found = published_keys.rotated(clients.publisher(right.apps))
    assert not found.old.succeeded
    assert found.new.succeeded
    monkeypatch.setattr(right.engine, "target", replace(right.target, limits=replace(right.target.limits, wait_for_expiry_s=0)))
    with pytest.raises(NotApplicable, match="too short"):
        published_keys.rotated(clients.publisher(right.apps))


def test_a_client_goes_on_where_its_set_is_kept_too_long(worlds: Any) -> None:
    app = clients.publisher(worlds("keeps_client_keys_longer_than_allowed").apps)
    assert not published_keys.rotated(app).new.succeeded
    app.prove()


def test_a_client_goes_on_with_the_key_that_every_set_holds(worlds: Any) -> None:
    app = clients.publisher(worlds("lets_backend_responses_be_cached").apps)
    first, server = app.keys.signing_key(app.client)["kid"], app.keys.server(app.client)
    restore = server.restore

    def kept(**wanted: Any) -> None:
        """Leave the set of a probe where it is, as a server does that keeps it."""
        if server.keys == server.registered:
            restore(**wanted)

    with mock.patch.object(server, "restore", side_effect=kept):
        published_keys.rotated(app)
    assert app.keys.signing_key(app.client)["kid"] not in (first, "")
    app.prove()
    assert published_keys.present(app, "a kid that two of its keys have").error == "invalid_client"
    app.prove()
