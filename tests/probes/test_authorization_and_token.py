"""Authorization and access token requests beyond the three answers: neighbours, launch values, how far a wrong request goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from smartlaunch.browser import Landing
from smartlaunch.errors import Blocked, NotApplicable, Unreachable
from smartlaunch.probes import authorization, launch, redirect_uri, token


@pytest.mark.parametrize("label", redirect_uri.ASKED)
def test_a_redirect_uri_that_nobody_registered_receives_nothing(label: str, right: Any, worlds: Any) -> None:
    try:
        answer = authorization.ask_wrong_redirect(right.app(), label)
    except NotApplicable:
        pytest.skip("no such neighbour")
    assert not answer.code
    if label == "a longer path":
        wrong = worlds("accepts_redirect_uri_with_registered_prefix")
        assert authorization.ask_wrong_redirect(wrong.app(), label).code


@pytest.mark.parametrize(
    ("probe", "defect"),
    [
        (launch.forged, "grants_foreign_patient_for_forged_launch"),
        (launch.altered, ""),
        (launch.of_another_app, "accepts_launch_of_another_client"),
        (launch.of_another_user, "accepts_launch_of_another_user"),
    ],
)
def test_launch_values_in_wrong_hands(probe: Any, defect: str, right: Any, worlds: Any) -> None:
    end = probe(right.app("public", "ehr")).end
    assert not (end.token is not None and end.token.succeeded and end.token.patient)
    assert end.exchange or end.stage == "refused"
    assert end.describe()
    if defect:
        wrong = probe(worlds(defect).app("public", "ehr")).end
        assert wrong.stage == "data"
        assert "access token was issued" in wrong.describe()
    world = worlds(fresh=True)
    world.app("public", "ehr").grant()
    with world.silent("/oauth/authorize"), pytest.raises(Unreachable):
        probe(world.app("public", "ehr"))


def test_a_launch_and_two(right: Any) -> None:
    app = right.app("public", "ehr")
    assert launch.opened(app).value("launch")
    first, second = launch.twice(app)
    assert first.launch != second.launch


def test_how_far_a_wrong_request_goes(right: Any, worlds: Any) -> None:
    app = worlds("accepts_missing_challenge").app()
    end = authorization.pursue(app, authorization.ask_wrong(app, "no challenge"), code_verifier=None)
    assert end.stage in ("code", "data")
    assert end.describe()
    assert end.exchange
    stopped = authorization.pursue(right.app(), authorization.ask_wrong(right.app(), "no challenge"))
    assert stopped.stage == "refused"


def test_pages_that_follow_a_foreign_aud_there(right: Any) -> None:
    answer = authorization.ask_wrong_aud(right.app(), "this host as a prefix")
    named = answer.request.get("aud")
    there = Landing("caught", url=named.replace("/fhir", "/authorize") + "?response_type=code")
    assert not authorization.strayed(answer)
    assert authorization.strayed(replace(answer, landing=there))
    assert not authorization.strayed(replace(answer, landing=replace(there, kind="unreachable")))
    assert not authorization.strayed(replace(answer, landing=replace(there, url=answer.request.redirect_uri + "/near")))


def test_what_edition_1_finds_nothing_wrong_with(worlds: Any) -> None:
    world = worlds(fresh=True).again(edition="1.0")
    with pytest.raises(NotApplicable, match="for edition 1"):
        authorization.ask_wrong(world.app(), "no challenge")


def test_what_is_no_cause_of_authentication(right: Any) -> None:
    app = right.app()
    bad = token.redeem(app, "no code")
    with pytest.raises(NotApplicable):
        token.require_refusal(app.grant().token)
    token.require_refusal(bad)
    with pytest.raises(Blocked, match="another reason"):
        token.require_no_other_cause(token.redeem(app, "an unknown grant_type"))


def test_waiting_has_to_be_allowed(worlds: Any) -> None:
    world = worlds(fresh=True)
    limits = world.target.limits
    never = world.again(limits=replace(limits, wait_for_expiry_s=0))
    with pytest.raises(NotApplicable, match="waiting is not allowed"):
        token.redeemed_late(never.app())
    short = world.without("public", "short-lived").again
    with pytest.raises(NotApplicable, match="codes may live"):
        token.redeemed_late(world.without("public", "short-lived").app())
    assert short
