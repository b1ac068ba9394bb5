"""Right servers that behave as some products do: what a probe asks for is asked in a way that they take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from smartlaunch.checks.fhir_access import disclosed
from smartlaunch.errors import NotApplicable
from smartlaunch.oauth import scopes as words
from smartlaunch.probes import backend_reach, backend_services, foreign_revocation, id_token, introspection, scopes
from smartlaunch.probes.fhir_access import bearer_token, categories, interactions
from smartlaunch.probes.refresh import access

from .conftest import World

BY_CATEGORY = ("wants_a_category_or_code_in_each_search",)


def test_a_sign_in_elsewhere_is_no_end_of_online_access(worlds: Callable[..., World]) -> None:
    world = worlds(variants=("keeps_one_session_for_each_user",), fresh=True)
    app = world.app("public", "ehr")
    access.online_grant(app)
    app.fresh_grant(session="another browser")
    assert access.while_online(app).answer.succeeded
    assert not access.online_after_sign_out(app).answer.succeeded


def test_online_access_that_outlives_the_sign_out_is_still_seen(worlds: Callable[..., World]) -> None:
    world = worlds("keeps_online_access_after_logout", variants=("keeps_one_session_for_each_user",), fresh=True)
    app = world.app("public", "ehr")
    access.online_grant(app)
    app.fresh_grant(session="another browser")
    assert access.online_after_sign_out(app).answer.succeeded


def test_two_categories_are_found_where_each_search_has_to_name_one(worlds: Callable[..., World]) -> None:
    app = worlds(variants=BY_CATEGORY, fresh=True).app("public")
    one, two = categories.two_categories(app)
    assert not set(one.categories) & set(two.categories)
    assert not disclosed(categories.outside(app, "search for the other category").exchange)
    assert not disclosed(interactions.other_type(app, "compartment search").exchange)


def test_a_wrong_server_is_seen_where_each_search_has_to_name_a_category(worlds: Callable[..., World]) -> None:
    app = worlds("ignores_scopes", "granular_parameters_ignored_on_search", variants=BY_CATEGORY, fresh=True).app("public")
    assert disclosed(interactions.other_type(app, "compartment search").exchange)
    assert disclosed(categories.outside(app, "search for the other category").exchange)


WRONG_FOR_SERVICES = ("ignores_scopes_of_backend_clients", "granular_parameters_ignored_in_scopes_of_systems")


@pytest.mark.parametrize("defects", [(), WRONG_FOR_SERVICES])
def test_a_backend_service_is_judged_where_each_search_has_to_name_a_category(
    defects: tuple[str, ...], worlds: Callable[..., World]
) -> None:
    app = worlds(*defects, variants=BY_CATEGORY, fresh=True).app("backend")
    assert bool(disclosed(backend_reach.outside(app, "search").exchange)) == bool(defects)
    assert bool(disclosed(backend_reach.outside_category(app, "search").exchange)) == bool(defects)
    assert backend_reach.for_one_category(app).succeeded
    assert any(disclosed(one) for one in backend_services.search_each(app))


def test_a_backend_service_is_judged_where_each_token_ends_the_one_before(worlds: Callable[..., World]) -> None:
    app = worlds(variants=("keeps_one_token_for_each_backend_service",), fresh=True).app("backend")
    assert not any(disclosed(backend_reach.outside(app, form).exchange) for form in ("read", "search", "search by POST"))
    assert not disclosed(backend_reach.beyond_letters(app, "s").exchange)
    assert backend_reach.outside_category(app, "search").exchange.answer.status == 200
    assert backend_services.reach(app).inside.answer.status == 200


def test_another_client_tries_the_kind_of_token_that_the_server_revokes(worlds: Callable[..., World]) -> None:
    app = worlds(variants=("revokes_refresh_tokens_only",), fresh=True).app("public")
    assert foreign_revocation.refresh_token_by_another_client(app).succeeded
    with pytest.raises(NotApplicable, match="revokes no access_token"):
        foreign_revocation.by_another_client(app)


def test_a_token_in_the_query_of_a_search_is_tried_where_a_category_is_wanted(worlds: Callable[..., World]) -> None:
    app = worlds(variants=BY_CATEGORY, fresh=True).app("public")
    assert not disclosed(bearer_token.sent(app, "the query of a search"))


def test_a_token_whose_time_is_over_is_not_taken_for_what_it_leads_to(right: World) -> None:
    app = right.again().app("public")
    identity = id_token.identity(app)
    assert app.in_force(identity.token) == identity.token.access_token
    late = replace(identity.token, received_at=identity.token.received_at - (identity.token.expires_in or 0) + 1)
    app.fresh_grant()
    assert app.in_force(late) == app.grant().access_token
    assert 200 <= id_token.fhir_user_read(app, replace(identity, token=late)).answer.status < 300


def test_the_token_that_is_introspected_with_a_hint_is_one_in_force(worlds: Callable[..., World]) -> None:
    app = worlds(variants=("gives_access_tokens_a_minute",), fresh=True).app("public")
    introspection.live(app)
    assert introspection.with_hint(app, "refresh_token").body.get("active") is True


def test_a_wider_scope_that_the_page_showed_was_agreed_to(worlds: Callable[..., World]) -> None:
    with pytest.raises(NotApplicable, match="which nobody asked for"):
        scopes.unticked(worlds(variants=("grants_all_that_an_app_is_registered_for",), fresh=True).app("public"))
    left_out, asked = scopes.unticked(worlds("adds_unrequested_scopes", fresh=True).app("public"))
    assert words.covered(left_out, asked.granted)
    left_out, asked = scopes.unticked(worlds(fresh=True).app("public"))
    assert not words.covered(left_out, asked.granted)
