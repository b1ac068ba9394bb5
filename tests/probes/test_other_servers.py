"""Servers that answer later, in another place or on another page than the embedded EHR, shown to the probes: right, wrong and silent."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from smartlaunch.checks import authorization as authorization_checks
from smartlaunch.checks import client_authentication as client_checks
from smartlaunch.checks import fhir_access, fhir_answer, fhir_refusal
from smartlaunch.checks import refresh as refresh_checks
from smartlaunch.client.fhir import moved_by_a_slash
from smartlaunch.errors import NotApplicable, NotConfigured, Unreachable
from smartlaunch.finding import Kind
from smartlaunch.probes import introspection, tls
from smartlaunch.probes.app_state import keeping
from smartlaunch.probes.client_authentication import published_keys
from smartlaunch.probes.fhir_access import patients
from smartlaunch.probes.refresh import access

from .conftest import BASE, Session, World

Worlds = Callable[..., World]


def bundle(*resources: dict[str, Any], following: str = "") -> dict[str, Any]:
    link = [{"relation": "next", "url": following}] if following else []
    return {"resourceType": "Bundle", "type": "searchset", "link": link, "entry": [{"resource": one} for one in resources]}


def observation(patient: str) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": f"of-{patient}", "subject": {"reference": f"Patient/{patient}"}}


# -- pages of a search ----------------------------------------------------------------------------------------------------------------


def pages(*of: str) -> Callable[[httpx.Request], httpx.Response]:
    """A search whose pages hold one Observation each, of these patients."""

    def answer(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("page", "0"))
        following = f"{BASE}/fhir/Observation?page={number + 1}" if number + 1 < len(of) else ""
        return httpx.Response(200, json=bundle(observation(of[number]), following=following), request=request)

    return answer


@pytest.mark.parametrize(
    ("of", "leaks"),
    [(("own", "own", "other"), True), (("own", "own"), False), (("own",) * 9 + ("other",), False)],
    ids=["on the third page", "nowhere", "beyond what is looked through"],
)
def test_later_pages_are_looked_through_for_other_patients(right: World, of: tuple[str, ...], leaks: bool) -> None:
    world = right.again()
    app = world.app()
    token = app.grant().access_token
    with world.forged("/fhir/Observation", pages(*of)):
        first = app.engine.fhir.search("Observation", [], token)
        found = patients.leafed_through(app, first, token, frozenset({"other"}))
    seen = {one["subject"]["reference"] for one in fhir_answer.disclosed(found)}
    assert (seen == {"Patient/other"}) is leaks
    assert leaks or found is first


def test_a_page_that_is_never_answered_is_no_pass(right: World) -> None:
    world = right.again()
    app = world.app()
    token = app.grant().access_token
    with world.forged("/fhir/Observation", pages("own", "other")):
        first = app.engine.fhir.search("Observation", [], token)
    with world.silent("/fhir/Observation"), pytest.raises(Unreachable):
        patients.leafed_through(app, first, token, frozenset({"other"}))


def test_a_next_page_on_another_server_gets_no_token(right: World) -> None:
    world = right.again()
    app = world.app()
    elsewhere = bundle(observation("own"), following="https://elsewhere.example/fhir/Observation?page=2")
    with world.forged("/fhir/Observation", lambda request: httpx.Response(200, json=elsewhere, request=request)):
        first = app.engine.fhir.search("Observation", [], app.grant().access_token)
        assert patients.leafed_through(app, first, app.grant().access_token, frozenset({"other"})) is first


# -- an index that follows ------------------------------------------------------------------------------------------------------------


def late(app: Any, times: int) -> Callable[[httpx.Request], httpx.Response | None]:
    """A search that finds nothing for the first few times."""
    left = [times]

    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.method == "GET" and "smart-launch-conformance" in str(request.url) and left[0] > 0:
            left[0] -= 1
            return httpx.Response(200, json=bundle(), request=request)
        return None

    return answer


@pytest.mark.parametrize(("times", "found"), [(2, True), (99, False)], ids=["soon", "never"])
def test_state_is_searched_for_until_the_index_has_it(worlds: Worlds, monkeypatch: pytest.MonkeyPatch, times: int, found: bool) -> None:
    monkeypatch.setattr(keeping, "INDEXED_S", 0.2)
    world = worlds(fresh=True)
    app = world.app()
    keeping.several(app)
    with world.forged("/fhir/Basic", late(app, times)):
        search = keeping.found(app, "the patient")
    assert (search.wanted.id in {one.get("id") for one in fhir_answer.disclosed(search.exchange)}) is found
    keeping.clean_up(app)


# -- what a user may see --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "kinds"),
    [
        (200, bundle(observation("own")), []),
        (403, {"resourceType": "OperationOutcome"}, [Kind.HYGIENE]),
        (200, bundle(), [Kind.HYGIENE]),
        (401, {"resourceType": "OperationOutcome"}, [Kind.REQUIREMENT]),
        (500, {}, [Kind.REQUIREMENT]),
    ],
    ids=["data", "forbidden", "nothing", "no good token", "a crash"],
)
def test_policy_for_users_is_advice_and_a_dead_token_is_not(right: World, status: int, body: dict[str, Any], kinds: list[Kind]) -> None:
    world = right.again()
    app = world.app()
    with world.forged("/fhir/Observation", lambda request: httpx.Response(status, json=body, request=request)):
        read = app.engine.fhir.search("Observation", [], app.grant().access_token)
    assert [one.kind for one in fhir_access.discloses_unless_policy("R", read, "Observation", (), "search")] == kinds


# -- signing out ----------------------------------------------------------------------------------------------------------------------


def test_a_sign_out_page_that_only_asks_signs_nobody_out(worlds: Worlds) -> None:
    world = worlds(variants=("asks_no_consent", "chooses_the_patient_without_asking"), fresh=True)
    app = world.app()
    access.while_online(app)
    page = "<html><body>Do you want to log out? <button>Yes</button></body></html>"
    with (
        world.forged("/oauth/logout", lambda request: httpx.Response(200, html=page, request=request)),
        pytest.raises(NotApplicable, match="nobody was signed out"),
    ):
        access.online_after_sign_out(app)


def test_a_sign_out_page_that_signs_out_is_believed(right: World) -> None:
    assert not access.online_after_sign_out(right.app()).answer.succeeded


# -- keys that change -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("refused_after", "over"), [(0, True), (1, True), (99, False)], ids=["at once", "after a pause", "never"])
def test_a_pause_between_two_fetches_of_keys_is_waited_out(
    right: World, monkeypatch: pytest.MonkeyPatch, refused_after: int, over: bool
) -> None:
    monkeypatch.setattr(published_keys, "_PAUSE_S", 0.05)
    monkeypatch.setattr(published_keys, "_PATIENCE_S", 0.3)
    monkeypatch.setattr(published_keys, "_MARGIN_S", 0.0)
    asked = [0]

    def send(_app: Any, _form: Any, key: Any = None, **_header: Any) -> Any:
        fresh = key is not None
        asked[0] += not fresh
        done = asked[0] > refused_after
        return SimpleNamespace(succeeded=fresh == done, exchange=None)

    monkeypatch.setattr(published_keys, "_send", send)
    monkeypatch.setattr(published_keys, "_send_right", lambda *_: None)
    monkeypatch.setattr(published_keys, "_go_on", lambda *_: None)
    monkeypatch.setattr(published_keys, "_ready", lambda _app: list)
    nobody = SimpleNamespace(restore=lambda **_more: None, replace=lambda _keys: None)
    monkeypatch.setattr(published_keys, "_server", lambda _app: nobody)
    rotation = published_keys.rotated(right.again().apps.of_role("confidential-asymmetric"))
    assert rotation.over is over
    assert bool(rotation.late_s) is (refused_after > 0)


def test_a_late_fetch_warns() -> None:
    exchange: Any = SimpleNamespace(id="x1")
    assert client_checks.in_time("R", exchange, 0) == []
    assert [one.kind for one in client_checks.in_time("R", exchange, 30)] == [Kind.HYGIENE]


# -- addresses that move --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "place", "expected"),
    [
        (308, f"{BASE}/fhir/", f"{BASE}/fhir/"),
        (301, "/fhir/", f"{BASE}/fhir/"),
        (302, "/fhir/", ""),
        (307, "https://elsewhere.example/fhir/", ""),
        (307, "/login", ""),
        (200, "/fhir/", ""),
        (308, "", ""),
    ],
)
def test_only_a_slash_is_followed_with_a_token(right: World, status: int, place: str, expected: str) -> None:
    world = right.again()
    with world.forged("/fhir", lambda request: httpx.Response(status, headers={"location": place}, request=request)):
        exchange = world.engine.http.send("GET", f"{BASE}/fhir", endpoint=samples_endpoint())
    assert moved_by_a_slash(exchange) == expected


def samples_endpoint() -> Any:
    from smartlaunch.exchange import Endpoint

    return Endpoint.FHIR


def test_a_batch_reaches_a_server_that_wants_a_slash_at_its_base(right: World) -> None:
    world = right.again()
    app = world.app()
    came: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.method != "POST":
            return None
        came.append(request.url.path)
        if not request.url.path.endswith("/"):
            return httpx.Response(308, headers={"location": f"{request.url}/"}, request=request)
        if "authorization" not in request.headers:
            return httpx.Response(401, request=request)
        return httpx.Response(200, json=bundle(), request=request)

    with world.forged("/fhir", answer):
        exchange = app.engine.fhir.send("POST", "", app.grant().access_token, resource={"resourceType": "Bundle", "type": "batch"})
        anonymous = app.engine.fhir.send("POST", "", None, resource={"resourceType": "Bundle", "type": "batch"})
    assert (exchange.answer.status, anonymous.answer.status) == (200, 401)
    assert came == ["/fhir", "/fhir/", "/fhir", "/fhir/"]


# -- another base of the same server --------------------------------------------------------------------------------------------------


def launching_at(monkeypatch: pytest.MonkeyPatch, iss: str) -> None:
    usual = Session.open_chart

    def open_chart(self: Session, url: str, **more: Any) -> Any:
        landing = usual(self, url, **more)
        return replace(landing, params=tuple((name, iss if name == "iss" else value) for name, value in landing.params))

    monkeypatch.setattr(Session, "open_chart", open_chart)


def test_a_launch_at_another_base_of_the_server_is_a_matter_of_the_target_file(right: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world = right.again()
    document = json.loads(world.engine.discovery.exchange.answer.text)
    launching_at(monkeypatch, f"{BASE}/tenant/fhir")
    app = world.app("public", "ehr")
    with (
        world.forged("/tenant/fhir/.well-known", lambda request: httpx.Response(200, json=document, request=request)),
        pytest.raises(NotConfigured, match="another base URL"),
    ):
        world.apps.launches.obtain(app.client)


@pytest.mark.parametrize("iss", [f"{BASE}/fhir/", f"{BASE}/nowhere", "https://elsewhere.example/fhir"], ids=["slash", "nowhere", "foreign"])
def test_any_other_iss_is_left_to_the_rule_on_it(right: World, monkeypatch: pytest.MonkeyPatch, iss: str) -> None:
    launching_at(monkeypatch, iss)
    world = right.again()
    assert world.apps.launches.obtain(world.app("public", "ehr").client).iss == iss


# -- a resource server with a key -----------------------------------------------------------------------------------------------------


def test_a_resource_server_may_prove_itself_by_a_key(right: World) -> None:
    backend = next(c for c in right.target.clients.values() if c.role == "backend")
    known = {name: c for name, c in right.target.clients.items() if c.role != "resource-server"}
    world = right.again(clients={**known, "api": replace(backend, name="api", role="resource-server", use="primary")})
    credentials = introspection.resource_server(world.app())
    assert credentials is not None
    assert dict(credentials.form)["client_assertion_type"].endswith("jwt-bearer")


def test_no_resource_server_is_none(right: World) -> None:
    assert introspection.resource_server(right.without("resource-server").app()) is None


# -- small ones -----------------------------------------------------------------------------------------------------------------------


def test_the_address_of_userinfo_is_that_of_the_openid_configuration(right: World, worlds: Worlds) -> None:
    assert tls.address(right.engine, tls.USERINFO).url == f"{BASE}/oauth/userinfo"
    with pytest.raises(NotApplicable, match="no UserInfo endpoint"):
        tls.address(worlds(variants=("does_not_offer_userinfo",)).engine, tls.USERINFO)


@pytest.mark.parametrize(
    ("first", "second", "actual"),
    [
        ({}, {}, []),
        ({"azp": "a"}, {"azp": "a"}, []),
        ({"azp": "a"}, {"azp": "b"}, ["it has another value"]),
        ({"azp": "a"}, {}, ["it is absent"]),
        ({}, {"azp": "a"}, ["it is there"]),
    ],
)
def test_the_authorized_party_stays(first: dict[str, Any], second: dict[str, Any], actual: list[str]) -> None:
    exchange: Any = SimpleNamespace(id="x1")
    assert [one.actual for one in refresh_checks.same_party("R", exchange, first, second)] == actual


@pytest.mark.parametrize(
    ("first", "second", "holds"),
    [
        ({"auth_time": 100, "iat": 110}, {"auth_time": 100}, True),
        ({"auth_time": 100, "iat": 110}, {"auth_time": 900}, False),
        ({"iat": 110}, {"auth_time": 100}, True),
        ({"iat": 110}, {"auth_time": 900}, False),
        ({}, {"auth_time": 900}, True),
    ],
)
def test_the_time_of_the_sign_in_stays(first: dict[str, Any], second: dict[str, Any], holds: bool) -> None:
    exchange: Any = SimpleNamespace(id="x1")
    assert (refresh_checks.same_sign_in("R", exchange, first, second) == []) is holds


def test_a_post_that_nobody_claims_and_one_without_an_origin_warn() -> None:
    assert authorization_checks.takes_unclaimed_post("R", taken=True, actual="", exchange="x1") == []
    assert [f.kind for f in authorization_checks.takes_unclaimed_post("R", taken=False, actual="405", exchange="x1")] == [Kind.HYGIENE]
    assert [f.kind for f in authorization_checks.post_refused_by_origin("R", "403", "x1")] == [Kind.HYGIENE]


@pytest.mark.parametrize(
    ("header", "holds"), [("private", True), ("no-store", True), ("max-age=5, Private", True), ("public", False), ("", False)]
)
def test_an_answer_for_one_client(right: World, header: str, holds: bool) -> None:
    world = right.again()
    headers = {"cache-control": header} if header else {}
    with world.forged("/fhir", lambda request: httpx.Response(200, json={}, headers=headers, request=request)):
        exchange = world.engine.fhir.read("Patient/1", None)
    assert (fhir_refusal.is_private("R", exchange) == []) is holds
