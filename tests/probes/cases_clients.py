"""Client authentication by secret, assertion and published keys; grants that are not for everybody; backend services."""

from __future__ import annotations

from typing import Any

from smartlaunch.probes import backend_reach, backend_services
from smartlaunch.probes.client_authentication import assertion, clients, other_grants, published_keys, secret

from .cases import Case, issued, refused, status, trial_refused, withheld

TOKEN = "/oauth/token"


def symmetric(world: Any) -> Any:
    return world.apps.of_role("confidential-symmetric")


def asymmetric(world: Any) -> Any:
    return world.apps.of_role("confidential-asymmetric")


def backend(world: Any) -> Any:
    return world.app("backend")


def warm(world: Any) -> None:
    symmetric(world).grant()
    asymmetric(world).grant()
    backend_services.right(backend(world))


def by(app: Any, name: str, probe: Any, label: str, holds: Any, defect: str = "") -> Case:
    return Case(f"{name} {label}", lambda w: probe(app(w), label), holds, defect, TOKEN, warm)


SECRETS = {
    "a wrong secret": "accepts_any_client_secret",
    "an empty secret": "accepts_empty_client_secret",
    "the beginning of its secret": "accepts_the_beginning_of_a_client_secret",
    "its secret in the other case": "ignores_case_of_client_secret",
    "the secret of another client": "accepts_client_secret_of_another_client",
    "its secret in the header and in the body": "accepts_two_ways_of_authentication_at_once",
    "no secret": "accepts_confidential_client_without_secret",
}
FAULTS = {
    "no iss claim": "accepts_assertion_without_iss",
    "the iss claim of another client": "",
    "no sub claim": "accepts_assertion_without_sub",
    "no aud claim": "accepts_assertion_without_aud",
    "no exp claim": "accepts_assertion_without_exp",
    "an exp claim in the past": "accepts_expired_assertion",
    "an altered signature": "does_not_verify_assertion_signature",
    "the signature of another client": "accepts_assertion_signed_by_another_client",
    "the algorithm none": "accepts_unsigned_assertion",
    "the algorithm none in other case": "accepts_unsigned_assertion_in_another_spelling",
    "a critical header that nobody knows": "ignores_crit_of_assertion",
    "the signature of a key certified in its own header": "trusts_the_certificate_inside_the_assertion",
    "an exp claim that is a string of digits": "takes_exp_as_a_string",
    "a jti used before": "remembers_assertions_by_their_exp",
    "an iss claim and a sub claim in the other case": "ignores_case_of_the_issuer_of_an_assertion",
    "a kid in the other case": "ignores_case_of_kid",
    "the same assertion after a request that was refused": "forgets_assertions_of_refused_requests",
    "the same assertion after a revocation": "forgets_assertions_of_revocations",
    "the same assertion after an introspection": "forgets_assertions_of_introspections",
    "the same assertion a third time": "takes_an_assertion_again_after_refusing_it",
    "HS256 and the public key as secret": "accepts_assertion_signed_with_the_public_key_as_secret",
    "the signature of a key in its own header": "trusts_the_key_inside_the_assertion",
    "the kid of a key of another type": "accepts_kid_of_a_key_of_another_type",
    "the same assertion again": "accepts_replayed_assertion",
    "no jti claim": "accepts_assertion_without_jti",
    "no assertion": "accepts_backend_service_without_assertion",
}
CASES = [
    *(by(symmetric, "secret", secret.redeem, label, refused, SECRETS.get(label, "")) for label in secret.REDEEMED),
    by(symmetric, "secret refresh", secret.refresh, "a wrong secret", refused, "accepts_any_client_secret"),
    by(symmetric, "secret method", secret.redeem_by, "client_secret_basic", issued, "refuses_basic_authentication"),
    by(symmetric, "secret method", secret.redeem_by, "client_secret_post", issued, "refuses_client_secret_in_the_body"),
    by(symmetric, "secret lower case", lambda app, _: secret.redeem_by_basic_in_lower_case(app), "", issued, "demands_capitalised_basic"),
    Case(
        "secret reserved",
        lambda w: secret.redeem_by_basic(clients.reserved_app(w.apps)),
        issued,
        "does_not_form_decode_basic_credentials",
        TOKEN,
        warm,
    ),
    *(by(backend, "assertion", assertion.present, label, refused, FAULTS.get(label, "")) for label in assertion.PRESENTED),
    *(by(asymmetric, "app assertion", assertion.present, label, refused) for label in ("an altered claim", *assertion.AGAIN)),
    by(asymmetric, "assertion redeem", assertion.redeem, "no assertion", refused, "accepts_asymmetric_client_without_assertion"),
    by(asymmetric, "assertion refresh", assertion.refresh, "an altered signature", refused, "does_not_verify_assertion_signature"),
    by(asymmetric, "assertion refresh", assertion.refresh, "the same assertion again", refused, "knows_no_replays_at_refresh"),
    *(
        by(asymmetric, "assertion elsewhere", assertion.replayed_elsewhere, label, refused, "remembers_assertions_by_their_grant_type")
        for label in assertion.ELSEWHERE
    ),
    Case("assertion right", lambda w: assertion.right(clients.prover(w.apps)), issued, "refuses_backend_services", TOKEN),
    Case(
        "assertion of the guide",
        lambda w: assertion.with_the_guides_claims(clients.prover(w.apps)),
        issued,
        "demands_iat_in_assertions",
        TOKEN,
    ),
    Case("assertion right of an app", lambda w: assertion.right(asymmetric(w)), issued),
    Case(
        "assertion algorithms",
        lambda w: assertion.algorithms(clients.prover(w.apps)).best,
        issued,
        "refuses_rs384_and_es384_assertions",
        TOKEN,
    ),
    Case("assertion by URL", lambda w: assertion.send_right(clients.registered_with(w.apps, url=True)), issued),
    Case("assertion by set", lambda w: assertion.send_right(clients.registered_with(w.apps, url=False)), issued),
    Case("assertion of an app sent", lambda w: assertion.send_right(asymmetric(w)), issued),
    *(
        Case(f"published {label}", lambda w, label=label: published_keys.present(clients.publisher(w.apps), label), refused, defect)
        for label, defect in dict.fromkeys(published_keys.WRONG, "").items()
    ),
    Case("published methods", lambda w: published_keys.methods(clients.publisher(w.apps)), lambda found: issued(found[0])),
    Case(
        "published fetches",
        lambda w: published_keys.fetched(clients.publisher(w.apps)),
        lambda found: found.second == 0,
        "fetches_client_keys_every_time",
    ),
    *(
        by(symmetric, "client credentials", other_grants.client_credentials, label, refused, defect)
        for label, defect in {"system scopes": "gives_client_credentials_to_every_client", "its own scopes": "", "no scope": ""}.items()
    ),
    Case("password", lambda w: other_grants.password(w.app()), refused, "offers_password_grant", TOKEN),
    *(
        by(backend, "backend", backend_services.faulty, label, holds, defect)
        for label, holds, defect in [
            ("an unknown grant_type", refused, "accepts_unknown_grant_type_of_backend_services"),
            ("no grant_type", refused, ""),
            ("a scope that nobody knows", refused, ""),
            ("a type outside its registration", refused, "grants_system_scopes_outside_preauthorization"),
            ("a patient scope", refused, "grants_patient_scopes_to_backend_services"),
            ("a user scope", refused, ""),
        ]
    ),
    *(
        Case(
            f"backend beyond {label}",
            lambda w, label=label: backend_services.beyond_registration(backend(w).client, backend_services.faulty(backend(w), label)),
            lambda excess: not excess,
        )
        for label in ("every type", "more interactions than it is registered for", "a type outside its registration beside its own scopes")
    ),
    Case(
        "backend narrow",
        lambda w: backend_services.beyond_request(backend_services.token(backend(w), "system/Patient.rs")),
        lambda excess: not excess,
        "gives_backend_services_more_than_they_ask",
        TOKEN,
        warm,
    ),
    Case(
        "backend reach", lambda w: backend_services.reach(backend(w)).outside, withheld, "ignores_scopes_of_backend_clients", "/fhir", warm
    ),
    *(
        Case(f"backend outside {form}", lambda w, form=form: backend_reach.outside(backend(w), form), trial_refused, defect, "/fhir", warm)
        for form, defect in {
            "search by POST": "backend_searches_by_post_ignore_scopes",
            "batch with a second read": "backend_batches_ignore_scopes",
            "search with _revinclude": "backend_includes_ignore_scopes",
        }.items()
    ),
    *(
        Case(
            f"backend letters {letters}",
            lambda w, letters=letters: backend_reach.beyond_letters(backend(w), letters),
            trial_refused,
            defect,
        )
        for letters, defect in {
            "r": "backend_scopes_do_not_tell_reads_from_searches",
            "s": "",
            "rs": "backend_scopes_do_not_tell_reads_from_writes",
        }.items()
    ),
    Case(
        "backend category",
        lambda w: backend_reach.outside_category(backend(w), "read"),
        trial_refused,
        "granular_parameters_ignored_in_scopes_of_systems",
    ),
    Case("backend each", lambda w: backend_services.search_each(backend(w))[0], status(200), "", "", warm),
    Case(
        "backend unsupported",
        lambda w: backend_services.search_unsupported(backend(w)),
        status(400, 403, 404),
        "",
        "/fhir",
        warm,
        quiet=True,
    ),
    Case("backend right", lambda w: backend_services.right_response(backend(w)), issued, "", TOKEN, lambda w: None, quiet=True),
]
