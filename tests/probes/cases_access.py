"""What tokens reach at the FHIR server, scopes, App State."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from smartlaunch.checks.app_state import finds_as_sent
from smartlaunch.checks.fhir_access import tells_of_data
from smartlaunch.checks.fhir_answer import disclosed, done
from smartlaunch.probes import scopes
from smartlaunch.probes.app_state import changes, keeping
from smartlaunch.probes.fhir_access import bearer_token, categories, granted, interactions, patients, plain, writing

from .cases import Case, given, none_of_patient, status, trial_given, trial_refused, withheld

FHIR = "/fhir"


def warm_samples(world: Any) -> None:
    """Everything that a probe needs before the request that is judged."""
    from smartlaunch.probes.fhir_access import samples

    samples.samples(world.app())


def case(name: str, probe: Any, *arguments: Any, holds: Any, defect: str = "", **more: Any) -> Case:
    words = " ".join(map(str, arguments))
    return Case(f"{name} {words}".strip(), lambda w: probe(w.app(), *arguments, **more), holds, defect, FHIR if defect else "")


def all_given(trials: Any) -> bool:
    return bool(trials) and all(trial_given(t) for t in trials)


def all_of_nobody(trials: Any) -> bool:
    return bool(trials) and all(none_of_patient(t) for t in trials)


def all_refused(trials: Any) -> bool:
    return bool(trials) and all(trial_refused(t) for t in trials)


def nothing_more(asked: Any) -> bool:
    return asked.refused or asked.unknown not in asked.granted


def accepted(state: Any) -> bool:
    return state.accepted


def not_done(change: Any) -> bool:
    return not done(change.exchange)


def silent_on_data(trial: Any) -> bool:
    return not tells_of_data(trial.exchange)


def not_among(trial: Any) -> bool:
    return not {r.get("id") for r in disclosed(trial.exchange)} & trial.ids


FORMS = {
    "read with a trailing slash": "trusts_trailing_slashes",
    "read with a percent-encoded id": "trusts_percent_encoded_ids",
    "read with a doubled slash": "trusts_doubled_slashes",
    "operation $everything of its type": "",
    "search by the encounter": "",
    "read with _format": "trusts_reads_with_format",
    "read with _elements": "trusts_reads_with_elements",
    "search by _id": "trusts_searches_by_id",
    "chained search": "trusts_chained_searches",
    "next page of a search": "trusts_pages_after_the_first",
    "system history": "trusts_system_history",
    "operation $everything": "trusts_operation_everything",
    "batch with an absolute URL": "trusts_absolute_urls_in_a_batch",
    "search by a typed subject": "trusts_searches_by_a_typed_subject",
    "search by the reference of the patient": "trusts_searches_by_the_reference_of_a_patient",
    "search with _summary": "trusts_searches_with_a_summary",
    "search with _sort": "trusts_sorted_searches",
    "system search by POST": "trusts_searches_of_the_system_by_post",
    "batch with a vread": "",
}
EXISTENCE = {
    "HEAD request": "trusts_head_requests",
    "read with If-None-Match": "tells_anybody_that_a_resource_is_unchanged",
    "read with If-Modified-Since": "tells_anybody_that_nothing_has_changed_since",
    "search with _summary=count": "counts_what_no_scope_covers",
}
JWT_ONLY = ("a token without its signature", "a token with other content")
BEARER = [
    Case("bearer good", lambda w: bearer_token.good(w.app()), given),
    *(
        case("bearer without", bearer_token.without_token, form, holds=withheld, defect="accepts_missing_token" if form == "read" else "")
        for form in bearer_token.WITHOUT
    ),
    *(
        case("bearer wrong", bearer_token.with_wrong_token, label, holds=withheld, defect=defect)
        for label, defect in {
            "a token that was never issued": "accepts_junk_token",
            "an altered token": "accepts_altered_token",
            "half a token": "",
            "a token in the other case": "compares_tokens_without_regard_to_case",
            "a token with more behind it": "accepts_token_with_something_behind_it",
            "the authorization code": "",
            "the refresh token": "accepts_refresh_token_at_fhir",
            "the ID Token": "accepts_id_token_at_fhir",
        }.items()
    ),
    case("bearer sent", bearer_token.sent, "the query alone", holds=withheld, defect="accepts_token_in_query"),
    case("bearer sent", bearer_token.sent, "the header and the query", holds=withheld, defect="accepts_token_sent_twice"),
    case("bearer sent", bearer_token.sent, "the scheme in lower case", holds=given, defect="demands_capitalised_bearer"),
    case("bearer sent", bearer_token.sent, "the scheme Basic", holds=withheld, defect="accepts_token_under_any_scheme"),
    case("bearer sent", bearer_token.sent, "the scheme Token", holds=withheld),
    case("bearer sent", bearer_token.sent, "no scheme", holds=withheld, defect="accepts_token_without_scheme"),
    case("bearer sent", bearer_token.sent, "the query of a search", holds=withheld, defect="accepts_token_in_query_of_search"),
    case("bearer code", bearer_token.with_unused_code, holds=withheld, defect="accepts_code_at_fhir"),
    case("bearer revoked", bearer_token.revoked, holds=withheld, defect="accepts_revoked_token"),
    *(
        case("bearer revoked in", bearer_token.revoked_in, form, holds=withheld, defect=defect)
        for form, defect in {
            "search": "accepts_revoked_token_for_searches",
            "search by POST": "",
            "batch": "accepts_revoked_token_for_batches",
            "instance history": "",
        }.items()
    ),
    case(
        "bearer unchanged",
        bearer_token.unchanged_without_token,
        holds=status(401),
        defect="tells_without_a_token_that_a_resource_is_unchanged",
    ),
    case("bearer head", bearer_token.head_without_token, holds=status(401), defect="serves_head_without_a_token"),
    case("bearer elsewhere", bearer_token.for_other_server, holds=lambda end: end.stage != "data", defect=""),
]

WITHIN = {"r": ("read", "vread", "instance history"), "s": ("search", "search by POST", "type history", "system search")}
BEYOND = {
    "r": {"search": "searches_with_read_scope", "type history": "", "system search": "", "create": "creates_with_read_scope"},
    "s": {"read": "reads_with_search_scope", "vread": "", "delete": ""},
    "c": {"read": "", "update": ""},
    "u": {"create": "creates_with_update_scope", "delete": "deletes_with_update_scope"},
    "d": {"update": ""},
}
SCOPED = [
    *(case("within", interactions.within, letters, word, holds=trial_given) for letters, words in WITHIN.items() for word in words),
    *(
        case("within", interactions.within, letters, word, holds=trial_given)
        for letters, word in [("c", "create"), ("u", "update"), ("u", "patch"), ("d", "delete")]
    ),
    *(
        case("beyond", interactions.beyond, letters, word, holds=trial_refused, defect=defect)
        for letters, words in BEYOND.items()
        for word, defect in words.items()
    ),
    Case(
        "beyond rs batch with a create",
        lambda w: interactions.beyond(w.app(), "rs", "batch with a create", in_version=0),
        trial_refused,
        "batch_ignores_scopes",
    ),
    Case("version 1 rs read", lambda w: interactions.within(w.app(), "rs", "read", in_version=1), trial_given),
    *(
        case("other type", interactions.other_type, word, holds=trial_refused, defect=defect)
        for word, defect in {
            "read": "read_ignores_scopes",
            "vread": "vread_ignores_scopes",
            "search": "search_ignores_scopes",
            "search by POST": "post_search_ignores_scopes",
            "system search": "",
            "batch with a read": "batch_ignores_scopes",
            "batch with a search": "",
            "transaction with a read": "transaction_ignores_scopes",
            "read of the patient": "opens_the_patient_to_every_scope",
            "search by identifier": "",
            "batch with a second read": "looks_at_the_first_entry_of_a_batch_only",
            **FORMS,
        }.items()
    ),
    *(
        case("other existence", interactions.existence, request, holds=silent_on_data, defect=defect)
        for request, defect in EXISTENCE.items()
    ),
    case("scope unticked", scopes.without_unticked, holds=trial_refused, defect="honours_scopes_that_the_user_left_out"),
    *(
        case("two parameters", categories.outside_one_of_two, word, order, holds=not_among, defect=defect)
        for word, order, defect in [
            ("read", "a category and a code", "heeds_first_parameter_of_a_scope_only"),
            ("vread", "a code and a category, beside another category", "several_granular_scopes_of_a_type_narrow_nothing"),
        ]
    ),
    *(
        case("included", interactions.included, word, holds=trial_refused, defect="include_ignores_scopes" if "_inc" in word else "")
        for word in interactions.INCLUSIONS
    ),
    *(
        case("union", interactions.union, form, holds=all_given, defect=defect)
        for form, defect in {
            "two letters": "",
            "two types": "",
            "two categories": "granular_scopes_are_intersected",
            "two versions": "ignores_v1_scopes_beside_those_of_v2",
            "a scope twice": "",
            "a wildcard and a category": "granular_scope_narrows_a_wider_one",
        }.items()
    ),
    case("wildcard", interactions.wildcard, holds=all_given),
    case(
        "wide",
        interactions.beyond_wide,
        "r of a user/ scope",
        "search",
        holds=trial_refused,
        defect="user_scopes_do_not_tell_interactions_apart",
    ),
    case("wide", interactions.beyond_wide, "rs of a user/ scope", "create", holds=trial_refused),
    *(
        case("wide", interactions.beyond_wide, "rs of a wildcard scope", word, holds=trial_refused, defect=defect)
        for word, defect in {
            "create": "wildcard_scopes_allow_writes",
            "update": "joins_the_interactions_of_scopes_beside_a_wildcard",
        }.items()
    ),
    case("further types", interactions.further_types, holds=all_refused, defect="leaves_one_type_out_of_the_scopes"),
    case("crossed", interactions.crossed, holds=all_refused, defect="mixes_types_and_interactions_of_scopes"),
    case("longer type", interactions.longer_type, holds=trial_refused, defect="compares_the_beginning_of_a_type"),
    case("category of user", categories.of_user, "search", holds=not_among, defect="granular_parameters_ignored_in_scopes_of_users"),
    case("category existence", categories.existence, "HEAD request", holds=silent_on_data, defect="granular_parameters_ignored_by_head"),
    *(
        case("category of another", categories.of_another_patient, word, holds=none_of_patient, defect=defect)
        for word, defect in {"read": "granular_scopes_reach_every_patient", "search": ""}.items()
    ),
    *(
        case("category", categories.outside, word, holds=holds, defect=defect)
        for word, holds, defect in [
            ("read", trial_refused, "granular_parameters_ignored_on_read"),
            ("batch with a read", trial_refused, ""),
            ("create", trial_refused, "granular_parameters_ignored_on_write"),
            ("search for the other category", trial_refused, "granular_parameters_ignored_on_search"),
            ("search by a list of ids", not_among, ""),
            ("search by the encounter", not_among, ""),
            ("operation $everything of its type", not_among, ""),
            ("search by _id", not_among, "granular_parameters_ignored_in_searches_by_id"),
            ("compartment search", not_among, "granular_parameters_ignored_in_compartments"),
            ("next page of a search", not_among, ""),
            ("search with _revinclude", not_among, "granular_parameters_ignored_for_what_is_included"),
            ("operation $everything", not_among, "granular_parameters_ignored_in_everything"),
            ("update", trial_refused, "granular_parameters_ignored_on_update"),
            ("patch", trial_refused, "granular_parameters_ignored_on_patch"),
            ("delete", trial_refused, "granular_parameters_ignored_on_delete"),
        ]
    ),
    case("category within", categories.within, holds=all_given),
    case("granted", granted.own_requests, holds=lambda trials: all(t.exchange.answer.status == 200 for t in trials)),
]

ANOTHER = {
    "read of the patient": "reads_other_patient",
    "read": "",
    "vread": "vreads_other_patient",
    "instance history": "history_shows_other_patient",
    "search by the patient": "",
    "search": "search_shows_other_patient",
    "search by subject": "search_by_subject_shows_other_patient",
    "compartment search": "compartment_search_shows_other_patient",
    "search by POST": "post_search_shows_other_patient",
    "search without a patient": "",
    "system search": "",
    "batch with a read": "batch_ignores_compartment",
    "search by identifier": "trusts_searches_by_identifier",
    "search by _has": "trusts_searches_by_has",
    "search for two patients": "heeds_the_first_patient_of_a_list_only",
    "batch with a second read": "",
    **FORMS,
    "search by a list of ids": "searches_by_a_list_of_ids_show_other_patients",
    "search by the encounter": "searches_by_encounter_show_other_patients",
}
PATIENTS = [
    *(case("another patient", patients.of_another, word, holds=none_of_patient, defect=defect) for word, defect in ANOTHER.items()),
    *(
        case("another patient", patients.of_another, word, holds=trial_refused, defect=defect)
        for word, defect in {
            "create": "creates_for_other_patient",
            "update": "updates_other_patient",
            "delete": "",
            "update that moves it": "updates_move_resources_to_other_patients",
            "patch that moves it": "patches_move_resources_to_other_patients",
            "update of a new id": "upserts_for_other_patients",
            "conditional update": "conditional_updates_reach_other_patients",
            "create on a condition": "conditional_creates_for_other_patients",
            "create with an absolute reference": "creates_for_other_patients_by_url",
            "update with If-Match": "updates_by_version_reach_other_patients",
        }.items()
    ),
    case(
        "another patient",
        patients.of_another,
        "conditional delete",
        holds=lambda trial: trial.undone or not done(trial.exchange),
        defect="conditional_deletes_reach_other_patients",
    ),
    case("conditional create", writing.found_of_another, holds=none_of_patient, defect="conditional_creates_find_other_patients"),
    *(
        case("under", patients.under, written, "read", holds=none_of_patient, defect=defect)
        for written, defect in {
            "a wildcard scope": "wildcard_scopes_reach_every_patient",
            "a scope of version 1": "scopes_of_version_1_reach_every_patient",
        }.items()
    ),
    *(
        case("beside user scope", patients.beside_user_scope, word, holds=none_of_patient, defect=defect)
        for word, defect in {"read": "patient_scopes_beside_user_scopes_reach_every_patient", "search": ""}.items()
    ),
    *(
        case("without token", writing.without_token, word, holds=trial_refused, defect=defect)
        for word, defect in {"create": "takes_writes_without_a_token", "update": "", "delete": ""}.items()
    ),
    case(
        "with a revoked token",
        writing.with_revoked_token,
        holds=lambda trials: bool(trials) and all(map(trial_refused, trials)),
        defect="accepts_revoked_token_for_writes",
    ),
    *(
        case("beyond user", patients.beyond_user, word, holds=trial_refused, defect=defect)
        for word, defect in {
            "create": "user_scope_writes_to_all_patients",
            "update": "",
            "patch": "",
            "update that moves it": "updates_of_users_move_resources_to_all_patients",
        }.items()
    ),
    *(
        case("third patient", patients.of_a_third, word, holds=none_of_patient, defect="compares_patients_by_length_of_id")
        for word in patients.OF_THE_PERSON_BY_ID
    ),
    *(case("another existence", patients.existence, request, holds=silent_on_data, defect=defect) for request, defect in EXISTENCE.items()),
    case("system left-out", scopes.without_system_scope, holds=none_of_patient, defect="honours_system_scopes_that_it_left_out"),
    case("another included", patients.of_another_included, holds=none_of_patient, defect="include_shows_other_patient"),
    case("another by type", patients.of_another_by_type, holds=all_of_nobody, defect="forgets_the_patient_of_allergies"),
    case("telling", patients.telling, holds=lambda texts: len(texts) > 1),
    case("of user", patients.of_user, holds=trial_given),
    *(
        case("beyond user", patients.beyond_user, word, holds=none_of_patient, defect=defect)
        for word, defect in {
            "read of the patient": "user_scope_reaches_all_patients",
            "search": "",
            "search without a patient": "",
            "search for two patients": "",
        }.items()
    ),
]

_INCLUDED_BEYOND_USER = case(
    "beyond user", patients.beyond_user, "search with _revinclude", holds=none_of_patient, defect="user_includes_show_all_patients"
)
_FOUND_BEYOND_USER = case(
    "beyond user", patients.beyond_user, "search for patients", holds=none_of_patient, defect="user_searches_for_patients_show_all"
)
PATIENTS += [_INCLUDED_BEYOND_USER, _FOUND_BEYOND_USER]

PLAIN = [
    case("plain read", plain.read, holds=trial_given, defect=""),
    case("plain search", plain.search, holds=trial_given),
    case("plain category", plain.search_by_category, holds=trial_given),
    case("plain id", plain.search_by_id, holds=trial_given),
    case("plain absent", plain.absent_read, holds=status(404, 410), defect="missing_resource_answered_with_200"),
    case("plain batch", plain.mixed_batch, holds=lambda x: len(x.answer.object["entry"]) == 2, defect="batch_response_lacks_entries"),
    case("writing deleted", writing.deleted_read, holds=status(404, 410), defect="reads_deleted_resource"),
    case("writing created", writing.created, holds=status(201), defect="create_answers_200"),
    case("writing updated new", writing.updated_new, holds=trial_given),
]

ASKED = [
    *(
        case(
            "scopes unknown",
            scopes.unknown_among_known,
            label,
            holds=nothing_more,
            defect="grants_unknown_scopes" if "nobody" in label else "",
        )
        for label in scopes.UNKNOWN
    ),
    case("scopes narrow", scopes.beyond_registration, holds=nothing_more, defect="grants_scopes_outside_registration"),
    case("scopes only unknown", scopes.nothing_but_unknown, holds=nothing_more),
    case("scopes none", scopes.without_scope, holds=lambda asked: asked.refused or bool(asked.granted)),
    case("scopes undefined", scopes.with_undefined, "dus", holds=lambda found: set(found[0].granted) <= {*found[2], found[1]}),
    *(case("scopes version", scopes.in_version, number, holds=lambda asked: bool(asked.granted)) for number in (1, 2)),
    *(case("scopes version used", scopes.version_requests, number, holds=bool) for number in (1, 2)),
    case("scopes parameter", scopes.with_parameter, holds=lambda asked: "?" in " ".join(asked.granted), defect=""),
    case("scopes wildcard", scopes.with_wildcard, holds=lambda asked: "*" in " ".join(asked.granted)),
    case("scopes level", scopes.level_requests, "patient", holds=bool),
    case("scopes published", scopes.published, holds=lambda asked: bool(asked.granted)),
    case(
        "scopes unticked",
        scopes.unticked,
        holds=lambda found: found[0] not in found[1].granted,
        defect="ignores_unticked_scopes",
    ),
]

STATE = [
    case("state created", keeping.created, holds=accepted, defect=""),
    case("state updated", keeping.updated_once, holds=lambda s: s.accepted and s.before != s.tag),
    case("state round trip", keeping.round_trip, holds=lambda steps: [n for n, _ in steps] == ["create", "search", "update", "delete"]),
    case("state several", keeping.several, holds=lambda states: all(s.accepted for s in states)),
    *(
        case("state found", keeping.found, who, holds=lambda s: [r["id"] for r in disclosed(s.exchange)] == [s.wanted.id], defect=defect)
        for who, defect in {
            "the patient": "app_state_search_ignores_code",
            "the user": "app_state_search_ignores_subject",
            "nobody": "",
        }.items()
    ),
    *(case("state odd", changes.odd, what, holds=lambda s: s.exchange.response is not None) for what in changes.ODDITIES),
    case(
        "state of another system",
        keeping.by_another_system,
        holds=withheld,
        defect="app_state_search_ignores_the_system_of_a_code",
    ),
    case("state without", changes.without_if_match, "update", holds=not_done, defect="app_state_updates_without_if_match"),
    case("state without", changes.without_if_match, "delete", holds=not_done, defect="app_state_deletes_without_if_match"),
    case("state outdated", changes.outdated, "update", holds=not_done, defect="app_state_overwrites_newer_version"),
    case("state outdated", changes.outdated, "delete", holds=not_done, defect="app_state_deletes_newer_version"),
    case("state gone", changes.after_delete, "update", holds=not_done, defect="app_state_accepts_changes_after_delete"),
    case("state gone", changes.after_delete, "delete", holds=not_done),
    case("state fixed", changes.rewritten, "another code", holds=not_done, defect="app_state_lets_code_change"),
    case("state fixed", changes.rewritten, "another subject", holds=not_done, defect="app_state_lets_subject_change"),
    case("state fixed", changes.rewritten, "no subject", holds=not_done),
    *(
        case("state unauthorized", changes.unauthorized, action, "no token", holds=not_done, defect=defect)
        for action, defect in {"create": "app_state_needs_no_token", "search": "", "update": "", "delete": ""}.items()
    ),
    case("state updated and found", keeping.found_updated, holds=lambda found: not finds_as_sent("", found[0].sent, found[1], found[0].id)),
    case("state never made", changes.never_made, holds=not_done, defect="app_state_makes_new_state_by_update"),
    case("state none", changes.found_none, holds=lambda found: found[1].answer.status == 200 and not disclosed(found[1])),
    case("state of another", changes.about_another_patient, "create", holds=trial_refused, defect="forgets_the_patient_of_app_state"),
    case("state of another", changes.about_another_patient, "search", holds=trial_refused),
    case("state of a code", changes.outside_code, holds=not_among, defect="app_state_ignores_the_code_of_a_scope"),
    case("state unauthorized", changes.unauthorized, "search", "a token for other data", holds=not_done),
    case("state unauthorized", changes.unauthorized, "create", "a token that nobody issued", holds=not_done),
]

CASES = [
    Case(
        "another patient seen",
        lambda w: patients.read_of_other(w.app()),
        lambda found: withheld(found[1]) is False,
        "keeps_to_the_first_patient_whoever_is_chosen",
        "/fhir",
    ),
    *(replace(one, warm=warm_samples) if one.silent else one for one in (*BEARER, *SCOPED, *PATIENTS, *PLAIN, *STATE)),
    *(replace(one, warm=warm_samples, silent="/oauth/token") if one.silent else one for one in ASKED),
]
