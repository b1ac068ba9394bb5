"""Right flows of an app against a server in memory: one that answers rightly, one that answers wrongly, one that does not answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from smartlaunch.browser import Landing
from smartlaunch.client.situated import possible
from smartlaunch.client.situation import Situation
from smartlaunch.errors import Blocked, LoginStuck, NotConfigured, TwinFailed, Unreachable
from tests.client.conftest import PEOPLE, PUBLIC, SECRET, Server, came_back, form_of, refused

STUCK = Landing("no-way-on", title="Choose a tenant", status=200, controls=("a button",), reason="nothing fits")
EHR = PUBLIC.replace("launch/patient", "launch") + 'launch_uri = "https://app.example/launch"\n'
CHART = '[ehr_launch]\nkind = "page"\nurl = "https://ehr.example/chart"\n'
PASTED = '[ehr_launch]\nkind = "pasted"\niss = "https://ehr.example/fhir"\nlaunch = {}\n'


def token_requests(server: Server) -> list[httpx.Request]:
    return [request for request in server.requests if request.url.path == "/token"]


def test_a_grant_is_shared_and_comes_from_one_login(run: Callable[..., Any], server: Server) -> None:
    app = run().apps.launched("public", "standalone")
    grant = app.grant()
    assert app.grant() is grant
    assert app.shared_attempt().token is grant.token
    assert server.logins() == 1
    assert server.asked()["scope"] == "openid launch/patient patient/*.rs"
    assert form_of(token_requests(server)[0])["code_verifier"] == grant.authorization.request.proof.code_verifier
    assert server.people == ["ann"]
    assert app.grant(user=app.engine.target.users["ben"]) is not grant
    assert server.people == ["ann", "ben"]


def test_a_scenario_s_own_grant_is_another_login(run: Callable[..., Any], server: Server) -> None:
    app = run().apps.launched("public", "standalone")
    assert app.fresh_grant() is not app.grant()
    assert app.fresh_code().code == "c"
    assert server.logins() == 3


def test_a_dead_token_is_not_handed_out_again(run: Callable[..., Any], server: Server) -> None:
    app = run().apps.launched("public", "standalone")
    first = app.grant()
    app.tokens.suspect()
    assert app.grant() is first
    server.fhir = lambda _: httpx.Response(401)
    app.tokens.suspect()
    assert app.grant() is not first
    assert server.logins() == 2


def test_a_token_at_its_end_is_not_handed_out_again(run: Callable[..., Any], server: Server) -> None:
    server.token = lambda _form, _: httpx.Response(200, json={"access_token": "t", "expires_in": 0})
    app = run().apps.launched("public", "standalone")
    assert app.grant() is not app.grant()


def test_a_refused_login_blocks_what_builds_on_it_and_is_not_repeated(run: Callable[..., Any], server: Server) -> None:
    server.lands = lambda url: came_back(url, error="access_denied")
    app = run().apps.launched("public", "standalone")
    with pytest.raises(TwinFailed, match="error=access_denied"):
        app.grant()
    with pytest.raises(TwinFailed, match="that this scenario builds on did not succeed"):
        app.fresh_code()
    app.attempt(scope=list(reversed(app.scopes)))
    assert server.logins() == 1


def test_a_stuck_login_is_not_repeated_for_the_same_scopes(run: Callable[..., Any], server: Server) -> None:
    server.lands = lambda _: STUCK
    app = run().apps.launched("public", "standalone")
    for _ in range(3):
        with pytest.raises(LoginStuck, match="'Choose a tenant'"):
            app.attempt()
    with pytest.raises(LoginStuck):
        app.attempt(scope=["openid"])
    assert server.logins() == 2
    with pytest.raises(LoginStuck):
        app.attempt(change=lambda request: request.having(nonce="n"))
    assert server.logins() == 3


@pytest.mark.parametrize(
    "landing", [Landing("unreachable", reason="refused"), Landing("timeout"), Landing("error-page", obstacle="outage")]
)
def test_an_outage_passes_and_the_login_is_tried_again(run: Callable[..., Any], server: Server, landing: Landing) -> None:
    server.lands = lambda _: landing
    app = run().apps.launched("public", "standalone")
    with pytest.raises(Unreachable):
        app.grant()
    server.lands = lambda url: came_back(url, code="c")
    assert app.grant().access_token == "t-c"


@pytest.mark.parametrize("answer", [httpx.Response(503), httpx.ReadTimeout("late")])
def test_a_token_endpoint_that_is_away_is_asked_again(run: Callable[..., Any], server: Server, answer: Any) -> None:
    good = server.token

    def away(_form: dict[str, str], _request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code)

    server.token = away
    app = run().apps.launched("public", "standalone")
    with pytest.raises(Unreachable):
        app.grant()
    server.token = good
    assert app.grant().access_token == "t-c"


def test_a_refused_code_is_the_twin_that_failed(run: Callable[..., Any], server: Server) -> None:
    server.token = lambda _form, _request: refused("invalid_grant")
    app = run().apps.launched("public", "standalone")
    with pytest.raises(TwinFailed, match="invalid_grant"):
        app.grant()


@pytest.mark.parametrize(
    ("listed", "takes", "notes"),
    [
        (None, "basic", 0),
        (["client_secret_post"], "post", 0),
        (["client_secret_basic", "client_secret_post"], "basic", 0),
        (None, "post", 1),
        (["private_key_jwt"], "post", 1),
        (["client_secret_post"], "basic", 1),
    ],
)
def test_a_secret_is_sent_the_way_that_works(run: Callable[..., Any], server: Server, listed: Any, takes: str, notes: int) -> None:
    if listed is not None:
        server.configuration["token_endpoint_auth_methods_supported"] = listed
    good = server.token

    def token(form: dict[str, str], request: httpx.Request) -> httpx.Response:
        sent = "post" if "client_secret" in form else "basic" if "authorization" in request.headers else "none"
        return good(form, request) if sent == takes else refused("invalid_client", 401)

    server.token = token
    made = run(SECRET + PEOPLE)
    app = made.apps.launched("confidential-symmetric", "standalone")
    app.grant()
    app.fresh_grant()
    assert len(token_requests(server)) == 2 + notes
    assert len(made.engine.notes) == notes
    if notes:
        assert f'token_endpoint_auth_method = "client_secret_{takes}"' in made.engine.notes[0]


def test_the_target_file_decides_how_a_secret_is_sent(run: Callable[..., Any], server: Server) -> None:
    server.token = lambda _form, _request: refused("invalid_client", 401)
    app = run(SECRET + 'token_endpoint_auth_method = "client_secret_post"\n' + PEOPLE).apps.launched("confidential-symmetric", "standalone")
    with pytest.raises(TwinFailed, match="invalid_client"):
        app.grant()
    assert [form_of(request).get("client_secret") for request in token_requests(server)] == ["a-secret"]


def test_a_wrong_secret_is_tried_both_ways_once(run: Callable[..., Any], server: Server) -> None:
    server.token = lambda _form, _request: refused("invalid_client", 401)
    made = run(SECRET + PEOPLE)
    app = made.apps.launched("confidential-symmetric", "standalone")
    for _ in range(2):
        with pytest.raises(TwinFailed):
            app.grant()
    assert len(token_requests(server)) == 2
    assert made.engine.notes == []


def test_an_ehr_launch_carries_what_the_ehr_said(run: Callable[..., Any], server: Server) -> None:
    app = run(EHR + CHART + PEOPLE).apps.launched("public", "ehr")
    app.grant()
    assert (server.asked()["launch"], server.asked()["aud"]) == ("from-chart", "https://ehr.example/fhir")
    assert server.asked()["scope"] == "openid launch patient/*.rs"


def test_an_ehr_that_opens_the_app_without_a_launch_blocks(run: Callable[..., Any], server: Server) -> None:
    server.charts = lambda uri: Landing("caught", caught_uri=uri, url=uri, params=(("iss", "x"),))
    app = run(EHR + CHART + PEOPLE).apps.launched("public", "ehr")
    with pytest.raises(Blocked, match="without `launch`"):
        app.grant()
    server.charts = lambda _: Landing("no-way-on", title="Chart")
    with pytest.raises(LoginStuck, match="the EHR did not launch the app"):
        app.launches.open(app.client)


def test_an_ehr_that_opens_another_address_is_told(run: Callable[..., Any], server: Server) -> None:
    app = run(EHR + CHART + PEOPLE).apps.launched("public", "ehr")
    server.charts = lambda _: Landing("caught", url="https://app.example/other?iss=a")
    assert app.launches.open(app.client).elsewhere == "https://app.example/other"
    server.charts = lambda _: Landing("caught", url="https://app.example/launch/?iss=a")
    assert app.launches.open(app.client).elsewhere == ""


def test_a_person_starts_each_launch_where_the_browser_is_shown(run: Callable[..., Any], server: Server, capsys: Any) -> None:
    app = run(EHR + CHART.replace("page", "person") + PEOPLE).apps.launched("public", "ehr")
    with pytest.raises(NotConfigured, match="shows no browser") as caught:
        app.launches.open(app.client)
    assert "--headed" in caught.value.key
    server.headed = True
    app.grant()
    assert server.asked()["launch"] == "from-chart"
    assert "launch the app of [clients.web] from the EHR" in capsys.readouterr().err
    with pytest.raises(NotConfigured, match="one user and one patient"):
        app.launches.obtain(app.client, patient="another")


def test_a_person_who_does_not_come_is_asked_once(run: Callable[..., Any], server: Server, capsys: Any) -> None:
    server.headed = True
    server.charts = lambda _: Landing("no-way-on", title="Chart")
    app = run(EHR + CHART.replace("page", "person") + PEOPLE).apps.launched("public", "ehr")
    for _ in range(3):
        with pytest.raises(NotConfigured, match="nobody started one in time"):
            app.launches.open(app.client)
    assert capsys.readouterr().err.count("from the EHR") == 1


def test_pasted_launches_are_spent_one_by_one_and_the_rest_is_not_configured(run: Callable[..., Any], server: Server) -> None:
    app = run(EHR + PASTED.format('["one", "two"]') + PEOPLE).apps.launched("public", "ehr")
    assert app.launches.open(app.client).value("launch") == "one"
    app.grant()
    assert server.asked()["launch"] == "one"
    app.fresh_grant()
    assert server.asked()["launch"] == "two"
    assert app.launches.left(app.client) == 0
    with pytest.raises(NotConfigured, match="have spent all 2") as caught:
        app.fresh_code()
    assert "launch = [" in caught.value.key
    assert app.grant().access_token == "t-c"


def test_a_pasted_launch_that_is_too_old_gives_way_to_the_next(run: Callable[..., Any], server: Server) -> None:
    server.lands = lambda url: came_back(url, code="c") if "launch=two" in url else came_back(url, error="invalid_request")
    app = run(EHR + PASTED.format('["one", "two"]') + PEOPLE).apps.launched("public", "ehr")
    assert app.grant().launch.launch == "two"


def test_pasted_launches_that_are_all_too_old_block(run: Callable[..., Any], server: Server) -> None:
    server.lands = lambda url: came_back(url, error="invalid_request")
    app = run(EHR + PASTED.format('"one"') + PEOPLE).apps.launched("public", "ehr")
    for _ in range(2):
        with pytest.raises(Blocked, match="does not take the pasted launch"):
            app.grant()


def test_a_pasted_launch_is_of_one_user_and_one_patient(run: Callable[..., Any]) -> None:
    app = run(EHR + PASTED.format('"one"') + PEOPLE).apps.launched("public", "ehr")
    with pytest.raises(NotConfigured, match="of one user and one patient"):
        app.launched(app.engine.target.users["ben"])
    with pytest.raises(NotConfigured, match="of one user and one patient"):
        app.launched(patient="p2")


@pytest.mark.parametrize(
    ("scopes", "answer", "path"),
    [
        ("patient/*.rs", {"patient": "p1", "scope": "patient/*.rs"}, "Patient/p1"),
        ("patient/Observation.rs", {"patient": "p1", "scope": "patient/Observation.rs"}, "Observation?patient=p1&_count=1"),
        ("user/Observation.read", {"scope": "user/Observation.read"}, "Observation?_count=1"),
        ("user/Patient.s", {"scope": "user/Patient.s"}, "Patient?_count=1"),
        ("patient/Patient.r", {"scope": "patient/Patient.r"}, "Patient?_count=1"),
        ("patient/Patient.r", {"scope": "patient/Patient.r", "patient": "p1"}, "Patient/p1"),
    ],
)
def test_a_harmless_read_is_one_that_the_scopes_allow(
    run: Callable[..., Any], server: Server, scopes: str, answer: dict[str, str], path: str
) -> None:
    server.token = lambda _form, _request: httpx.Response(200, json={"access_token": "t", **answer})
    app = run(PUBLIC.replace("openid launch/patient patient/*.rs", scopes) + PEOPLE).apps.launched("public", "standalone")
    app.tokens.probe(app.grant())
    assert str(server.requests[-1].url) == f"https://ehr.example/fhir/{path}"


def test_without_a_scope_on_data_nothing_can_be_read_and_grants_are_handed_out_untried(run: Callable[..., Any], server: Server) -> None:
    server.token = lambda _form, _request: httpx.Response(200, json={"access_token": "t", "scope": "openid"})
    app = run(PUBLIC.replace("openid launch/patient patient/*.rs", "openid") + PEOPLE).apps.launched("public", "standalone")
    grant = app.grant()
    with pytest.raises(NotConfigured, match="no scope on FHIR data"):
        app.tokens.probe(grant)
    app.tokens.suspect()
    assert app.grant() is grant


def test_a_refresh_and_a_form_with_changes(run: Callable[..., Any], server: Server) -> None:
    app = run().apps.launched("public", "standalone")
    answer = app.grant().authorization
    app.refresh("r", scope="openid", extra=None)
    assert form_of(server.requests[-1]) == {"grant_type": "refresh_token", "refresh_token": "r", "scope": "openid", "client_id": "web-1"}
    assert dict(app.code_form(answer, code="other", redirect_uri=None)).keys() == {"grant_type", "code", "code_verifier"}


def test_nobody_signs_in_without_credentials(run: Callable[..., Any], server: Server) -> None:
    app = run().apps.launched("public", "standalone")
    app.engine.authorize_as_nobody(app.prepare(), catch=[app.client.redirect_uri])
    assert server.people == ["nobody"]


@pytest.mark.parametrize("claimed", [True, False])
def test_a_situation_goes_without_post_where_the_server_does_not_claim_to_take_it(
    claimed: bool, run: Callable[..., Any], server: Server
) -> None:
    if claimed:
        server.configuration["capabilities"].append("authorize-post")
    app = run().apps.launched("public", "standalone")
    there = possible(app, Situation(method="POST", user="other", scopes="v1"))
    assert (there.method, there.scopes) == ("POST" if claimed else "GET", "v1")
