"""No check passes what it did not see: each one that takes an answer is put to no answer, to "not now", to no body and to a page."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

import smartlaunch.checks
from smartlaunch.errors import Blocked
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response
from smartlaunch.finding import Side


def exchange(response: Response | None) -> Exchange:
    """A request with this answer, or with none."""
    request = Request("POST", "https://ehr.example/x", (("Content-Type", "application/x-www-form-urlencoded"),), b"scope=a")
    return Exchange("x1", Actor.APP, Endpoint.TOKEN, datetime(2026, 11, 28, tzinfo=UTC), 1.0, request, response, error="no connection")


PAGE = b"<html><title>Welcome</title></html>"
SILENT = {"no answer": exchange(None), **{f"status {status}": exchange(Response(status, (), b"{}")) for status in (429, 502, 503, 504)}}
EMPTY = {
    "no body": exchange(Response(200)),
    "a page": exchange(Response(200, (("Content-Type", "text/html"),), PAGE)),
    "an empty object": exchange(Response(200, (("Content-Type", "application/json"),), b"{}")),
}

OTHERS: Mapping[str, Any] = {
    "str": "word",
    "str | None": None,
    "int": 1,
    "float": 1.0,
    "bool": True,
    "bool | None": None,
    "object": "word",
    "tuple[str, str]": ("system", "code"),
    "Side": Side.FHIR_SERVER,
    "Callable[[object], str]": lambda _value: "",
    "Exchange | None": None,
    "Resource | None": None,
    "Sequence[RecordedExchange]": (),
}
CHOSEN: Mapping[tuple[str, str], Any] = {
    ("member", "form"): "an absolute URL",
    ("supports_a_capability_set", "name"): "",
    ("item_member", "name"): "reference",
}
"""Arguments that have to be one of some words."""


def checks() -> dict[str, Callable[..., Any]]:
    """Each check that takes an answer, by module and name."""
    found = {}
    for each in pkgutil.iter_modules(smartlaunch.checks.__path__):
        module = importlib.import_module(f"smartlaunch.checks.{each.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            signature = inspect.signature(function)
            takes = any("Exchange" in str(one.annotation) for one in signature.parameters.values())
            if function.__module__ == module.__name__ and not name.startswith("_") and takes and signature.return_annotation == "Findings":
                found[f"{each.name}.{name}"] = function
    return found


def put(check: Callable[..., Any], answer: Exchange) -> bool:
    """Whether a check says that its rule holds of an answer."""
    positional, named = [], {}
    for one in inspect.signature(check).parameters.values():
        kind = str(one.annotation)
        if kind in ("Exchange", "Sequence[Exchange]", "Mapping[str, Exchange]"):
            value: Any = {"Exchange": answer, "Sequence[Exchange]": [answer], "Mapping[str, Exchange]": {"word": answer}}[kind]
        elif kind in OTHERS:
            value = CHOSEN.get((check.__name__, one.name), OTHERS[kind])
        else:
            value = {} if kind.startswith(("Mapping", "dict", "Resource")) else ()
        if one.kind is one.VAR_POSITIONAL:
            positional.append("word")
        elif one.kind is one.KEYWORD_ONLY:
            named[one.name] = value
        else:
            positional.append(value)
    try:
        return check(*positional, **named) == []
    except Blocked:
        return False


RIGHT_OF_NOTHING = "the rule is that something is not there, and the answer, whatever it is, shows that it is not"
BY_ITS_STEP = "its step goes on only with the document or the member that it looks at, and is blocked or not applicable without"
BY_ITS_PROBE = "the probe brings only answers of success, of the form that is looked at"
TAKEN_OUT = "it judges values that were taken out of the answer before, where an answer without them is blocked"
ONE_STATUS = "it judges the status alone; what the body lacks is the failure of another scenario"

ON_SILENCE: Mapping[str, tuple[str, ...]] = {
    "nobody at a port that nobody should be at is right": ("tls.not_by_plain_http", "tls.takes_no_token"),
    "it looks at pages that were recorded, or at a later answer, and an empty list of them is not applicable": (
        "app_state.left_alone",
        "pages.forbids_framing",
        "pages.no_third_parties",
        "pages.not_reflected",
    ),
    TAKEN_OUT: (
        "app_state.lists_capability",
        "client_authentication.fetched_by_get",
        "id_token.authorized_party",
        "id_token.fhir_user_expected",
        "id_token.fhir_user_form",
        "id_token.fhir_user_leads",
        "id_token.fhir_user_withheld",
        "id_token.names_its_key",
        "id_token.no_key_headers",
        "id_token.not_unsigned",
        "id_token.same_subject",
        "launch_context.absent_context",
        "launch_context.asked_context",
        "oauth_uris.same_uris",
        "refresh.audience_kept",
        "refresh.keeps_scopes",
        "refresh.no_nonce",
        "refresh.no_wider",
        "refresh.same_claim",
        "refresh.same_nonce",
        "refresh.same_party",
        "refresh.same_person",
        "refresh.same_sign_in",
    ),
}
"""Checks that say nothing of a server that was not heard, and why that is right."""

ON_EMPTY: Mapping[str, tuple[str, ...]] = {
    RIGHT_OF_NOTHING: (
        "app_state.finds_none",
        "app_state.kept_or_refused",
        "backend_services.no_refresh_token",
        "backend_services.nothing_beyond",
        "backend_services.nothing_disclosed",
        "client_authentication.no_system_token",
        "client_authentication.no_token_by_good_practice",
        "cors.allows_no_origin",
        "cors.no_credentials",
        "fhir_access.fits_category",
        "fhir_access.keeps_existence",
        "fhir_access.tells_nothing",
        "fhir_access.withholds_ids",
        "fhir_access.withholds_patient",
        "fhir_access.withholds_type",
        "fhir_refusal.no_internals",
        "introspection.kept_from",
        "launch.of_its_own_launch",
        "refresh.ended",
        "refresh.ends_with_the_session",
        "refresh.reads_nothing_wider",
        "revocation.refresh_is_refused",
        "token_error.no_internals",
        "token_error.no_server_error",
        "token_error.no_token",
        "token_response.own_names",
        "token_response.scope_once",
        "token_response.without_id_token",
    ),
    BY_ITS_STEP: (
        "app_state.finds_as_sent",
        "backend_services.explains_itself",
        "backend_services.lives_at_most",
        "brands.absent_reasons",
        "brands.country_codes",
        "brands.endpoint_form",
        "brands.full_urls",
        "brands.identifier_present",
        "brands.last_updated",
        "brands.primary_brand",
        "brands.two_levels",
        "brands.web_site_identifiers",
        "brands.whole_extensions",
        "discovery.absolute_endpoints",
        "discovery.agrees",
        "discovery.associated_endpoints",
        "discovery.clock",
        "discovery.grant_types",
        "discovery.issuer_agrees",
        "discovery.known_capabilities",
        "discovery.lacks",
        "discovery.no_empty_members",
        "discovery.no_fragment",
        "discovery.utf8",
        "fhir_refusal.challenge_characters",
        "fhir_refusal.names_error",
        "fhir_refusal.names_no_error",
        "fhir_refusal.parameters_once",
        "fhir_rest.matches_are",
        "fhir_rest.matches_category",
        "fhir_rest.matches_patient",
        "fhir_rest.utf8",
        "id_token.access_token_hash",
        "id_token.freshly_issued",
        "id_token.issued_before",
        "id_token.not_expired",
        "introspection.accepts_bearer",
        "introspection.claim",
        "introspection.context",
        "introspection.expiry_agrees",
        "introspection.expiry_moves",
        "introspection.no_error",
        "introspection.not_active",
        "introspection.scope_string",
        "introspection.tells_nothing_else",
        "introspection.time_stamps",
        "jwks.bare_keys",
        "jwks.key_ids",
        "jwks.key_sizes",
        "jwks.no_private_parts",
        "jwks.use_given",
        "launch_context.absolute_member",
        "launch_context.boolean_member",
        "launch_context.encounter_of_patient",
        "launch_context.item_has_type",
        "launch_context.item_member",
        "launch_context.item_names_something",
        "launch_context.item_type_agrees",
        "launch_context.no_patient_without_role",
        "launch_context.own_roles_absolute",
        "launch_context.resource_id",
        "launch_context.role_not_empty",
        "launch_context.string_member",
        "members.charset_changes_nothing",
        "token_error.defined_error",
        "token_error.legal_error_text",
        "token_response.fits_a_header",
        "token_response.holds_no_secret",
        "token_response.json_types",
        "token_response.lifetime_is_true",
        "token_response.lives_an_hour_at_most",
        "token_response.scope_syntax",
        "token_response.token_characters",
        "token_response.unguessable",
    ),
    BY_ITS_PROBE: (
        "brands.timestamp_stays",
        "discovery.grant_types_known",
        "fhir_rest.finds_again",
        "launch_context.only_patient",
        "launch_context.style_stays",
        "launch_context.top_level",
        "refresh.refresh_token_expected",
        "refresh.same_context",
        "revocation.defined_error",
        "token_error.one_winner",
    ),
    ONE_STATUS: (
        "app_state.accepted",
        "backend_services.token_taken",
        "client_authentication.authenticated",
        "client_authentication.authenticated_by_listed",
        "fhir_access.carried_out",
        "fhir_rest.for_everybody",
        "launch_context.document_fetched",
        "revocation.answers_200",
        "revocation.takes_form",
    ),
    "it asks for what an empty object is": (
        "discovery.json_object",
        "discovery.json_whatever",
        "introspection.json_object",
        "token_response.json_body",
    ),
}
"""Checks that say nothing of an answer with status 200 that is empty or a page, and why that is right."""

ALL = checks()


@pytest.mark.parametrize("kind", SILENT)
def test_a_server_that_was_not_heard_passes_nothing(kind: str) -> None:
    let_through = {name for name, check in ALL.items() if put(check, SILENT[kind])}
    assert let_through == {name for names in ON_SILENCE.values() for name in names}


@pytest.mark.parametrize("kind", EMPTY)
def test_an_answer_that_holds_nothing_passes_nothing(kind: str) -> None:
    explained = {name for table in (ON_SILENCE, ON_EMPTY) for names in table.values() for name in names}
    assert {name for name, check in ALL.items() if put(check, EMPTY[kind])} - explained == set()


def test_no_check_is_explained_that_needs_no_explanation() -> None:
    let_through = {name for name, check in ALL.items() for answer in (*SILENT.values(), *EMPTY.values()) if put(check, answer)}
    assert {name for table in (ON_SILENCE, ON_EMPTY) for names in table.values() for name in names} - let_through == set()


def test_there_are_checks_to_put() -> None:
    assert len(ALL) > 250
