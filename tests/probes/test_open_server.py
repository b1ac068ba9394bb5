"""A server that gives data without any token, or tokens without any secret, is found open once; what nothing can show on it is blocked."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from smartlaunch.checks.fhir_answer import disclosed
from smartlaunch.client.app import App
from smartlaunch.errors import TwinFailed
from smartlaunch.oauth.token import TokenAnswer
from smartlaunch.probes import foreign_revocation, introspection, launch_context, token
from smartlaunch.probes.client_authentication import assertion, heeded, secret
from smartlaunch.probes.fhir_access import bearer_token, categories, interactions, patients
from smartlaunch.probes.refresh import wrong

OPEN, DEAF = "accepts_missing_token", "accepts_token_under_any_scheme"
PROBES: dict[str, Callable[[Any], Any]] = {
    "another scheme": lambda app: bearer_token.sent(app, "the scheme Basic"),
    "another type": lambda app: interactions.other_type(app, "read").exchange,
    "a search of another type": lambda app: interactions.other_type(app, "search by POST").exchange,
    "a search for patients": lambda app: launch_context.patient_search(app)[1],
    "another code": lambda app: categories.outside_one_of_two(app, "read", "a category and a code").exchange,
    "a third patient": lambda app: patients.of_a_third(app, "read of the patient").exchange,
}
"""Requests that a closed server refuses or narrows."""
WRONG = {
    "another scheme": DEAF,
    "a search for patients": "search_shows_other_patient",
    "another type": "ignores_scopes",
    "a search of another type": "ignores_scopes",
    "another code": "heeds_first_parameter_of_a_scope_only",
    "a third patient": "compares_patients_by_length_of_id",
}
EXISTENCE = {"HEAD request": "trusts_head_requests", "search with _summary=count": "counts_what_no_scope_covers"}
RACES: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "a code": (token.raced, "accepts_code_twice", "code-reuse-refused"),
    "an assertion": (
        assertion.raced,
        "accepts_replayed_assertion",
        "assertion-replay-refused",
    ),
    "a refresh token": (
        wrong.raced,
        "accepts_rotated_refresh_token",
        "refresh-reuse-refused",
    ),
}


@pytest.mark.parametrize("name", PROBES)
def test_what_an_open_server_gives_says_nothing_about_the_token(name: str, worlds: Any) -> None:
    world = worlds(*filter(None, (OPEN, WRONG.get(name))), fresh=True)
    with pytest.raises(TwinFailed, match="without any token") as raised:
        PROBES[name](world.app())
    assert raised.value.by == "bearer-no-token"


@pytest.mark.parametrize("name", WRONG)
def test_what_a_closed_server_gives_to_a_wrong_token_is_its_fault(name: str, worlds: Any) -> None:
    assert disclosed(PROBES[name](worlds(WRONG[name], fresh=True).app()))


def test_a_good_token_in_a_right_way_is_judged_on_an_open_server_too(worlds: Any) -> None:
    assert disclosed(bearer_token.sent(worlds(OPEN, fresh=True).app(), "the scheme in lower case"))


@pytest.mark.parametrize("request_", EXISTENCE)
@pytest.mark.parametrize("about", [interactions.existence, patients.existence])
def test_that_data_are_there_is_no_secret_of_an_open_server(request_: str, about: Callable[[Any, str], Any], worlds: Any) -> None:
    with pytest.raises(TwinFailed, match="without any token") as raised:
        about(worlds(OPEN, EXISTENCE[request_], fresh=True).app(), request_)
    assert raised.value.by == "bearer-no-token"


@pytest.mark.parametrize("what", RACES)
def test_two_at_once_are_no_race_where_one_after_the_other_does_as_well(what: str, worlds: Any, monkeypatch: Any) -> None:
    def in_turn(app: App, forms: Any, credentials: Any) -> list[TokenAnswer]:
        return [app.token_request(form, proof) for form, proof in zip(forms, credentials, strict=True)]

    monkeypatch.setattr(App, "token_requests_together", in_turn)  # the server of these tests takes one request at a time
    raced, again, by = RACES[what]
    role = "confidential-asymmetric" if what == "an assertion" else "public"
    with pytest.raises(TwinFailed, match="later") as raised:
        raced(worlds(again, fresh=True).app(role))
    assert raised.value.by == by


@pytest.mark.parametrize(
    ("sent", "open_", "by"),
    [
        (secret.redeem, "accepts_confidential_client_without_secret", "missing-secret-refused"),
        (secret.refresh, "refreshes_without_authentication", "refresh-client-authentication"),
    ],
)
def test_a_wrong_secret_says_nothing_where_none_is_needed(sent: Callable[[Any, str], Any], open_: str, by: str, worlds: Any) -> None:
    with pytest.raises(TwinFailed, match="without any") as raised:
        sent(worlds("accepts_any_client_secret", open_, fresh=True).app("confidential-symmetric"), "a wrong secret")
    assert raised.value.by == by
    assert sent(worlds("accepts_any_client_secret", fresh=True).app("confidential-symmetric"), "a wrong secret").succeeded


ANY_SECRET, WRONG_PROOF = "accepts_any_client_secret", "wrong client authentication"


@pytest.mark.parametrize("kind", ["standalone", "ehr"])
def test_a_server_that_takes_any_secret_is_found_where_a_code_is_redeemed(kind: str, worlds: Any) -> None:
    app = worlds(ANY_SECRET, fresh=True).without("resource-server").app("confidential-symmetric", kind)
    assert secret.redeem(app, "a wrong secret").succeeded
    for probe in (wrong.badly_authenticated, foreign_revocation.badly_authenticated):
        with pytest.raises(TwinFailed, match="a code brings a token with a wrong secret too") as raised:
            probe(app, WRONG_PROOF)
        assert raised.value.by == "wrong-secret-refused"
    with pytest.raises(TwinFailed) as raised:
        introspection.unauthorized(app, "a wrong secret")
    assert raised.value.by == "wrong-secret-refused"


def test_a_secret_that_is_looked_at_for_codes_only_is_found_elsewhere(worlds: Any) -> None:
    app = worlds("refreshes_without_authentication", fresh=True).app("confidential-symmetric")
    assert wrong.badly_authenticated(app, "a client_id alone").succeeded


def test_a_server_without_a_closed_door_for_apps_with_keys_is_found_where_a_code_is_redeemed(worlds: Any, monkeypatch: Any) -> None:
    app = worlds("refreshes_without_authentication", fresh=True).app("confidential-asymmetric")
    assert wrong.badly_authenticated(app, "a client_id alone").succeeded
    monkeypatch.setattr(heeded.assertion, "redeem", lambda _app, _words: SimpleNamespace(succeeded=True))
    with pytest.raises(TwinFailed) as raised:
        wrong.badly_authenticated(app, "a client_id alone")
    assert raised.value.by == "missing-assertion-refused"


@pytest.mark.parametrize("role", ["public", "confidential-symmetric", "confidential-asymmetric"])
@pytest.mark.parametrize("kind", ["standalone", "ehr"])
def test_a_server_that_looks_at_no_scope_is_found_by_a_type_that_was_not_granted(role: str, kind: str, worlds: Any) -> None:
    app = worlds("ignores_scopes").app(role, kind)
    assert disclosed(interactions.other_type(app, "search").exchange)
    for probe in (
        lambda: interactions.beyond(app, "r", "search"),
        lambda: interactions.beyond_wide(app, "r of a user/ scope", "search"),
        lambda: interactions.other_type(app, "batch with a read"),
        lambda: interactions.other_type(app, "transaction with a read"),
    ):
        with pytest.raises(TwinFailed, match="for which nothing was granted") as raised:
            probe()
        assert raised.value.by == "scope-other-type"


def test_a_server_that_mistakes_letters_or_batches_only_is_found_by_them(worlds: Any) -> None:
    assert disclosed(interactions.beyond(worlds("searches_with_read_scope").app(), "r", "search").exchange)
    assert disclosed(interactions.other_type(worlds("looks_at_the_first_entry_of_a_batch_only").app(), "batch with a second read").exchange)


def test_each_introspection_has_an_assertion_of_its_own(worlds: Any) -> None:
    app = worlds(fresh=True).without("resource-server").app("confidential-asymmetric")
    assert introspection.with_hint(app, "refresh_token").body.get("active") is True
