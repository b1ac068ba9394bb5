"""What the defects make of a refusal of the FHIR server, and the forms of a request that it lets pass without looking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smartlaunch.embedded_ehr.defects.spoiling import Change, anywhere

if TYPE_CHECKING:
    from smartlaunch.embedded_ehr.fhir_refusal import Refused
    from smartlaunch.embedded_ehr.scopes import ResourceScope
    from smartlaunch.embedded_ehr.state import AccessToken

_TRACEBACK = (
    ' Traceback (most recent call last): File "/srv/lakeside/access.py", line 118, in authorize psycopg2.OperationalError: host=10.4.0.7'
)
_WRITES = ("PUT", "PATCH", "DELETE")


@dataclass
class Told:
    """How a refusal is told: status, text and challenge; ``hidden`` turns it into a search that finds nothing."""

    refusal: Refused
    token: str
    status: int
    text: str
    challenge: str
    presented: bool
    hidden: bool = False
    method: str = "GET"


def _no_token(told: Told) -> bool:
    return told.refusal.status == 401 and not told.presented


def _bad_token(told: Told) -> bool:
    return told.refusal.status == 401 and told.presented


def _malformed(told: Told) -> bool:
    return told.refusal.status != 401 and told.refusal.error == "invalid_request"


def _beyond_scope(told: Told) -> bool:
    return told.refusal.status != 401 and told.refusal.error == "insufficient_scope"


def _status(status: int, where: Callable[[Told], bool]) -> Change[Told]:
    def change(told: Told) -> None:
        told.status = status

    return Change(change, where)


def _adds(text: Callable[[Told], str], where: Callable[[Told], bool] = anywhere) -> Change[Told]:
    def change(told: Told) -> None:
        told.text += text(told)

    return Change(change, where)


def _forbid_without_challenge(told: Told) -> None:
    told.status, told.challenge = 403, ""


def _hide(told: Told) -> None:
    told.hidden = True


def _no_challenge(told: Told) -> None:
    told.challenge = ""


REFUSAL: dict[str, Change[Told]] = {
    "answers_missing_token_with_403": Change(_forbid_without_challenge, _no_token),
    "answers_bad_token_with_403": _status(403, _bad_token),
    "answers_bad_token_with_400": _status(400, _bad_token),
    "refuses_a_bad_token_without_a_challenge": Change(_no_challenge, _bad_token),
    "refuses_writes_without_a_challenge": Change(_no_challenge, lambda told: told.refusal.status == 401 and told.method in _WRITES),
    "answers_bad_token_with_500": _status(500, _bad_token),
    "answers_bad_token_with_empty_bundle": Change(_hide, _bad_token),
    "refusal_repeats_token": _adds(lambda told: f" Received: {told.token}", _bad_token),
    "answers_malformed_request_with_401": _status(401, _malformed),
    "answers_insufficient_scope_with_401": _status(401, _beyond_scope),
    "answers_insufficient_scope_with_500": _status(500, _beyond_scope),
    "refusal_discloses_internals": _adds(lambda _: _TRACEBACK),
}
"""What each defect does to a right refusal."""


# -- forms of a request -------------------------------------------------------------------------------------------------


def _written(form: str) -> Callable[[frozenset[str]], bool]:
    return lambda forms: form in forms


TRUSTED: dict[str, Callable[[frozenset[str]], bool]] = {
    "trusts_trailing_slashes": _written("trailing slash"),
    "trusts_percent_encoded_ids": _written("percent-encoded"),
    "trusts_types_in_lower_case": _written("lower case"),
    "trusts_reads_with_format": _written("_format"),
    "trusts_reads_with_elements": _written("_elements"),
    "trusts_searches_by_id": _written("_id"),
    "trusts_searches_by_identifier": _written("identifier"),
    "trusts_chained_searches": _written("chained"),
    "trusts_pages_after_the_first": _written("later page"),
    "trusts_system_history": _written("system history"),
    "trusts_operation_everything": _written("$everything"),
    "trusts_absolute_urls_in_a_batch": _written("absolute"),
    "trusts_head_requests": _written("HEAD"),
    "trusts_searches_by_has": _written("_has"),
    "trusts_searches_by_a_typed_subject": _written("subject:Patient"),
    "trusts_searches_by_the_reference_of_a_patient": _written("patient by reference"),
    "trusts_searches_by_post_with_a_query": _written("search by post with a query"),
    "trusts_searches_with_a_summary": _written("_summary"),
    "trusts_sorted_searches": _written("_sort"),
    "trusts_searches_of_the_system_by_post": _written("system search by post"),
    "counts_what_no_scope_covers": _written("count"),
    "trusts_doubled_slashes": _written("doubled slash"),
    "trusts_searches_by_the_address_of_a_patient": _written("patient by address"),
    "trusts_percent_encoded_types": _written("percent-encoded type"),
    "trusts_matrix_parameters": _written("matrix parameter"),
    "trusts_reads_with_if_modified_since": _written("If-Modified-Since"),
}
"""The forms in which each defect lets a request through, whatever its scopes and its patient."""


@dataclass(frozen=True)
class Tokenless:
    """A request without an access token: whether it is for App State, and in which unusual forms it is asked."""

    app_state: bool
    forms: frozenset[str]


TOKENLESS: dict[str, Callable[[Tokenless], bool]] = {
    "serves_searches_by_post_without_a_token": lambda asked: "search by post" in asked.forms,
    "serves_head_without_a_token": lambda asked: "HEAD" in asked.forms,
    "serves_histories_without_a_token": lambda asked: "history" in asked.forms,
    "takes_batches_without_a_token": lambda asked: "bundle" in asked.forms,
    "takes_writes_without_a_token": lambda asked: "write" in asked.forms and not asked.app_state,
    "app_state_is_found_without_a_token": lambda asked: asked.app_state and "search" in asked.forms,
    "serves_later_pages_without_a_token": lambda asked: "later page" in asked.forms,
    "serves_compartments_without_a_token": lambda asked: bool(asked.forms & {"compartment", "$everything"}),
    "serves_what_lies_behind_metadata_without_a_token": lambda asked: "dot segments" in asked.forms,
    "takes_fhirpath_patches_without_a_token": lambda asked: "FHIRPath patch" in asked.forms,
    "serves_what_names_a_public_document_without_a_token": lambda asked: "names a public document" in asked.forms,
    "accepts_missing_token": lambda _: True,
    "app_state_needs_no_token": lambda asked: asked.app_state,
}
"""Which request without a token a defect lets pass."""


def _in_forms(*forms: str) -> Callable[[frozenset[str]], bool]:
    return lambda asked: bool(asked & set(forms))


EXPIRED: dict[str, Callable[[frozenset[str]], bool]] = {
    "accepts_expired_token": anywhere,
    "accepts_expired_token_for_searches": _in_forms("search", "search by post"),
    "accepts_expired_token_for_searches_by_post": _in_forms("search by post"),
    "accepts_expired_token_for_batches": _in_forms("bundle"),
    "accepts_expired_token_for_histories": _in_forms("history"),
    "accepts_expired_token_for_writes": _in_forms("write"),
    "accepts_expired_token_for_head": _in_forms("HEAD"),
    "accepts_expired_token_for_compartments": _in_forms("compartment", "$everything"),
}
"""The forms of a request in which a defect takes an expired token."""

REVOKED: dict[str, Callable[[frozenset[str]], bool]] = {
    "accepts_revoked_token": anywhere,
    "accepts_revoked_token_for_searches": _in_forms("search", "search by post"),
    "accepts_revoked_token_for_histories_of_types": _in_forms("type history"),
    "accepts_revoked_token_for_batches": _in_forms("bundle"),
    "accepts_revoked_token_for_searches_by_post": _in_forms("search by post"),
    "accepts_revoked_token_for_head": _in_forms("HEAD"),
    "accepts_revoked_token_for_writes": _in_forms("write"),
}
"""The forms of a request in which a defect takes a revoked token."""


# -- what no scope reaches ----------------------------------------------------------------------------------------------

_INCLUDED = ("include", "include iterate", "revinclude")
_LEVELS = ("patient", "user", "system")
_WRITTEN = ("create", "update", "delete")
_HISTORIES = ("vread", "history", "type history")
_SEARCHES = ("search", "search by subject", "compartment search", "search-post")


@dataclass(frozen=True)
class Beyond:
    """What a token does not reach: which interaction with what, by which scopes of which token."""

    letter: str
    kind: str
    operation: str
    wrapper: str
    forms: frozenset[str]
    token: AccessToken
    scopes: tuple[ResourceScope, ...]
    scope: ResourceScope | None = None
    """The scope that covers the type, but not this patient or not this value."""
    patients: frozenset[str] = frozenset()

    @property
    def of_backend(self) -> bool:
        """Tell whether the token is that of a backend service."""
        return self.token.user is None

    @property
    def renewed(self) -> bool:
        """Tell whether the token comes from a refresh."""
        return bool(self.token.context.get("_renewed"))

    def held(self, *levels: str) -> set[str]:
        """Return the interactions that scopes of a level hold for the type."""
        return {one for scope in self.scopes if scope.level in levels and scope.covers_type(self.kind) for one in scope.interactions}

    def level(self, name: str) -> bool:
        """Tell whether the scope that covers the type is of this level."""
        return self.scope is not None and self.scope.level == name


Excuse = Callable[[Beyond], bool]


def _by(*operations: str) -> Excuse:
    return lambda it: it.operation in operations


def _at_level(name: str, *operations: str) -> Excuse:
    return lambda it: it.level(name) and (not operations or it.operation in operations)


UNGRANTED: dict[str, Excuse] = {
    "backend_scopes_do_not_tell_reads_from_searches": lambda it: it.letter in "rs" and bool(it.held("system") & {"r", "s"}),
    "backend_scopes_do_not_tell_reads_from_writes": lambda it: it.letter in "cud" and bool(it.held("system")),
    "backend_batches_ignore_scopes": lambda it: it.of_backend and bool(it.wrapper),
    "backend_searches_by_post_ignore_scopes": lambda it: it.of_backend and it.operation == "search-post",
    "backend_includes_ignore_scopes": lambda it: it.of_backend and it.operation in _INCLUDED,
    "user_scopes_do_not_tell_interactions_apart": lambda it: bool(it.held("user")),
    "wildcard_scopes_allow_writes": lambda it: it.letter in "cud" and any(scope.resource_type == "*" for scope in it.scopes),
    "leaves_one_type_out_of_the_scopes": lambda it: it.kind == "AllergyIntolerance",
    "mixes_types_and_interactions_of_scopes": lambda it: (
        any(it.letter in scope.interactions for scope in it.scopes) and any(scope.covers_type(it.kind) for scope in it.scopes)
    ),
    "compares_the_beginning_of_a_type": lambda it: any(
        it.kind.startswith(scope.resource_type) and it.letter in scope.interactions for scope in it.scopes
    ),
    "forgets_the_scopes_of_refreshed_tokens": lambda it: it.renewed,
    "looks_at_the_first_entry_of_a_batch_only": lambda it: it.wrapper == "batch" and "later entry" in it.forms,
    "searches_in_a_batch_ignore_scopes": lambda it: it.wrapper == "batch" and it.letter == "s",
    "writes_in_a_batch_ignore_scopes": lambda it: it.wrapper == "batch" and it.letter in "cud",
    "searches_by_post_with_read_scope": lambda it: it.operation == "search-post" and "r" in it.held("patient", "user", "system"),
    "compartment_searches_ignore_scopes": _by("compartment search"),
    "system_searches_ignore_scopes": lambda it: "system search" in it.forms,
    "revinclude_ignores_scopes": _by("revinclude"),
    "includes_of_everything_ignore_scopes": lambda it: it.operation == "include" and "include of everything" in it.forms,
    "histories_in_a_batch_ignore_scopes": lambda it: it.wrapper == "batch" and it.operation in ("vread", "history", "type history"),
    "iterated_includes_ignore_scopes": _by("include iterate"),
    "everything_ignores_scopes": _by("everything"),
    "conditional_deletes_ignore_scopes": _by("conditional delete"),
    "conditional_updates_ignore_scopes": _by("conditional update"),
    "writes_in_a_transaction_ignore_scopes": lambda it: it.wrapper == "transaction" and it.letter in "cud",
    "everything_of_a_type_ignores_scopes": lambda it: it.operation == "everything" and "everything of a type" in it.forms,
    "joins_the_interactions_of_scopes_beside_a_wildcard": lambda it: (
        any(scope.resource_type == "*" for scope in it.scopes) and any(it.letter in scope.interactions for scope in it.scopes)
    ),
    "includes_of_searches_by_post_ignore_scopes": lambda it: it.operation in _INCLUDED and "search by post" in it.forms,
    "includes_in_a_batch_ignore_scopes": lambda it: it.operation in _INCLUDED and it.wrapper == "batch",
    "leaves_prescriptions_out_of_the_scopes": lambda it: it.kind == "MedicationRequest",
    "backend_versions_ignore_scopes": lambda it: it.of_backend and it.operation in ("vread", "history"),
    "searches_in_a_batch_with_read_scope": lambda it: it.wrapper == "batch" and it.letter == "s" and "r" in it.held(*_LEVELS),
    "compartment_searches_with_read_scope": lambda it: it.operation == "compartment search" and "r" in it.held(*_LEVELS),
    "reads_in_a_batch_with_search_scope": lambda it: it.wrapper == "batch" and it.letter == "r" and "s" in it.held(*_LEVELS),
    "searches_with_a_trailing_slash_ignore_scopes": lambda it: "search with a trailing slash" in it.forms,
    "backend_searches_with_elements_ignore_scopes": lambda it: it.of_backend and "search with _elements" in it.forms,
    "backend_histories_in_a_batch_ignore_scopes": lambda it: it.of_backend and it.wrapper == "batch" and it.operation == "type history",
    "fhirpath_patches_ignore_scopes": lambda it: it.operation == "patch" and "FHIRPath patch" in it.forms,
    "deletes_in_a_transaction_ignore_scopes": lambda it: it.wrapper == "transaction" and it.letter == "d",
    "conditional_patches_need_the_letter_c_only": lambda it: it.operation == "conditional patch" and "c" in it.held(*_LEVELS),
    "deletes_in_a_batch_need_the_letter_u_only": lambda it: it.wrapper == "batch" and it.letter == "d" and "u" in it.held(*_LEVELS),
    "conditional_updates_need_the_letter_d_only": lambda it: it.operation == "conditional update" and "d" in it.held(*_LEVELS),
    "everything_by_post_ignores_scopes": lambda it: it.operation == "everything" and "everything by post" in it.forms,
    "histories_of_types_need_the_letter_r_only": lambda it: it.operation == "type history" and "r" in it.held("patient", "user", "system"),
    "histories_of_resources_need_the_letter_s_only": lambda it: it.operation == "history" and "s" in it.held("patient", "user", "system"),
    "conditional_deletes_need_the_letter_u_only": lambda it: (
        it.operation == "conditional delete" and "u" in it.held("patient", "user", "system")
    ),
    "backend_system_searches_ignore_scopes": lambda it: it.of_backend and "system search" in it.forms,
}
"""What each defect lets through although no scope allows it."""

OTHER_PATIENT: dict[str, Excuse] = {
    "searches_that_name_no_patient_show_all": lambda it: (
        it.level("patient") and it.operation in ("search", "search-post") and "names a patient" not in it.forms
    ),
    "patient_searches_show_other_patients": lambda it: (
        it.level("patient") and it.kind == "Patient" and it.operation in ("search", "search-post") and "names a patient" not in it.forms
    ),
    "forgets_the_patient_of_allergies": lambda it: it.kind == "AllergyIntolerance" and it.level("patient"),
    "wildcard_scopes_reach_every_patient": lambda it: it.level("patient") and it.scope is not None and it.scope.resource_type == "*",
    "scopes_of_version_1_reach_every_patient": lambda it: it.level("patient") and it.scope is not None and it.scope.version == 1,
    "granular_scopes_reach_every_patient": lambda it: it.level("patient") and it.scope is not None and bool(it.scope.parameters),
    "refreshed_tokens_reach_every_patient": lambda it: it.renewed and it.level("patient"),
    "tokens_of_an_ehr_launch_reach_every_patient": lambda it: "need_patient_banner" in it.token.context and it.level("patient"),
    "patient_scopes_beside_user_scopes_reach_every_patient": lambda it: (
        it.level("patient") and any(scope.level == "user" for scope in it.scopes)
    ),
    "revinclude_shows_other_patients": _at_level("patient", "revinclude"),
    "system_searches_show_other_patients": lambda it: "system search" in it.forms and it.level("patient"),
    "transaction_ignores_compartment": lambda it: it.wrapper == "transaction",
    "upserts_for_other_patients": lambda it: it.operation == "upsert",
    "heeds_one_of_two_patients_of_a_search": lambda it: "two patients" in it.forms,
    "heeds_the_first_patient_of_a_list_only": lambda it: "list of patients" in it.forms,
    "opens_the_record_of_one_patient_to_all": lambda it: it.level("patient") and it.patients == {"chidi-okafor"},
    "user_searches_by_post_show_all_patients": _at_level("user", "search-post"),
    "user_scope_vreads_all_patients": _at_level("user", "vread", "history"),
    "user_scope_writes_to_all_patients": _at_level("user", "create", "update", "patch", "delete"),
    "user_searches_for_patients_show_all": lambda it: it.level("user") and it.kind == "Patient" and it.operation in _SEARCHES,
    "user_includes_show_all_patients": _at_level("user", *_INCLUDED),
    "conditional_creates_find_other_patients": _by("conditional create"),
    "conditional_deletes_reach_other_patients": _by("conditional delete"),
    "conditional_updates_reach_other_patients": _by("conditional update"),
    "forgets_the_patient_of_app_state": lambda it: it.kind == "Basic" and it.level("patient"),
    "later_pages_show_other_patients": lambda it: "later page" in it.forms and it.level("patient"),
    "creates_for_other_patients_by_url": lambda it: it.operation == "create" and "absolute subject" in it.forms and it.kind != "Basic",
    "searches_by_a_list_of_ids_show_other_patients": lambda it: "list of ids" in it.forms and it.level("patient"),
    "patient_searches_by_identifier_show_other_patients": lambda it: (
        it.kind == "Patient" and "identifier" in it.forms and it.level("patient")
    ),
    "searches_by_encounter_show_other_patients": lambda it: "encounter" in it.forms and it.level("patient"),
    "conditional_creates_for_other_patients": lambda it: it.operation == "create" and "If-None-Exist" in it.forms,
    "updates_by_version_reach_other_patients": lambda it: it.operation == "update" and "If-Match" in it.forms and it.kind != "Basic",
    "updates_of_patients_reach_all": lambda it: it.kind == "Patient" and it.operation in ("update", "patch") and it.level("patient"),
    "forgets_the_patient_of_encounters": lambda it: it.kind == "Encounter" and it.level("patient"),
    "user_record_shows_all_patients": lambda it: it.level("user") and "$everything" in it.forms,
    "user_searches_of_the_system_show_all_patients": lambda it: it.level("user") and "system search" in it.forms,
    "user_writes_in_a_batch_reach_all_patients": lambda it: it.level("user") and it.wrapper == "batch" and it.operation in _WRITTEN,
    "wildcard_scopes_reach_every_patient_in_histories": lambda it: (
        it.level("patient") and it.operation in _HISTORIES and it.scope is not None and it.scope.resource_type == "*"
    ),
    "scopes_of_version_1_reach_every_patient_by_post": lambda it: (
        it.level("patient") and it.operation == "search-post" and it.scope is not None and it.scope.version == 1
    ),
    "granular_scopes_reach_every_patient_in_a_batch": lambda it: (
        it.level("patient") and it.wrapper == "batch" and it.scope is not None and bool(it.scope.parameters)
    ),
    "patient_scopes_beside_user_scopes_reach_every_patient_in_searches_of_the_system": lambda it: (
        it.level("patient") and "system search" in it.forms and any(scope.level == "user" for scope in it.scopes)
    ),
    "deletes_by_version_reach_other_patients": lambda it: it.operation == "delete" and "If-Match" in it.forms and it.kind != "Basic",
    "updates_in_a_batch_reach_other_patients": lambda it: it.wrapper == "batch" and it.operation == "update",
    "updates_by_an_absolute_reference_reach_other_patients": lambda it: (
        it.operation == "update" and "absolute subject" in it.forms and it.kind != "Basic"
    ),
    "the_last_observations_are_of_every_patient": lambda it: "$lastn" in it.forms and it.level("patient"),
    "heeds_the_last_of_two_values_of_a_patient": lambda it: "patient twice" in it.forms and it.level("patient"),
    "searches_by_the_identifier_of_a_patient_show_others": lambda it: "chained by identifier" in it.forms and it.level("patient"),
    "searches_with_elements_show_other_patients": lambda it: "search with _elements" in it.forms and it.level("patient"),
    "searches_in_a_batch_show_other_patients": lambda it: it.wrapper == "batch" and it.operation in _SEARCHES,
    "conditional_patches_reach_other_patients": _by("conditional patch"),
    "conditional_references_reach_other_patients": lambda it: it.operation == "create" and "conditional reference" in it.forms,
    "user_histories_of_types_show_all_patients": _at_level("user", "type history"),
}
"""What each defect lets through although it is of a patient whom the scope does not reach."""

OTHER_VALUE: dict[str, Excuse] = {
    "granular_parameters_ignored_in_searches_by_post": _by("search-post"),
    "granular_parameters_ignored_on_vread": _by("vread"),
    "granular_parameters_ignored_in_histories": _by("history"),
    "granular_parameters_ignored_in_histories_of_types": _by("type history"),
    "granular_parameters_ignored_on_later_pages": lambda it: "later page" in it.forms,
    "granular_parameters_ignored_in_scopes_of_users": _at_level("user"),
    "granular_parameters_ignored_in_scopes_of_systems": _at_level("system"),
    "granular_parameters_ignored_after_a_refresh": lambda it: it.renewed,
    "granular_parameters_ignored_on_create": _by("create"),
    "granular_parameters_ignored_on_update": _by("update", "upsert"),
    "granular_parameters_ignored_on_patch": _by("patch"),
    "granular_parameters_ignored_on_delete": _by("delete"),
    "granular_parameters_ignored_in_a_batch": lambda it: it.wrapper == "batch",
    "granular_parameters_ignored_for_what_is_included": _by(*_INCLUDED),
    "granular_parameters_ignored_in_compartments": _by("compartment search"),
    "granular_parameters_ignored_in_searches_by_id": lambda it: it.operation in _SEARCHES and "_id" in it.forms,
    "granular_parameters_ignored_by_head": lambda it: "HEAD" in it.forms,
    "granular_parameters_ignored_in_everything": _by("everything"),
    "granular_parameters_ignored_for_what_points_at_a_resource": _by("revinclude"),
    "several_granular_scopes_of_a_type_narrow_nothing": lambda it: (
        len([scope for scope in it.scopes if scope.parameters and scope.covers_type(it.kind)]) > 1
    ),
    "app_state_ignores_the_code_of_a_scope": lambda it: it.kind == "Basic",
    "granular_parameters_ignored_with_elements": lambda it: "search with _elements" in it.forms,
    "granular_parameters_ignored_in_histories_since_a_moment": lambda it: "_since" in it.forms,
    "granular_parameters_ignored_in_searches_of_the_system": lambda it: "system search" in it.forms,
}
"""What each defect lets through although it does not fit the search parameters of the scope."""
