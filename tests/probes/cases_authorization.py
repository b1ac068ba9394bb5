"""Authorization and access token requests, right and wrong."""

from __future__ import annotations

from typing import Any

from smartlaunch.probes import authorization, token

from .cases import Case, issued, refused


def no_code(answer: Any) -> bool:
    return not answer.code


def flows(attempt: Any) -> bool:
    return attempt.token is not None and attempt.token.succeeded


def nowhere(answer: Any) -> bool:
    return answer.landing.kind != "caught" or bool(answer.landing.caught_uri == "https://app.example/cb")


def case(label: str, probe: Any, holds: Any, defect: str = "", silent: str = "/oauth/authorize") -> Case:
    return Case(f"{probe.__name__}: {label}", lambda w: probe(w.app(), label), holds, defect, silent)


LATER = ("a code verifier of 42 characters", "a challenge in other case", "a challenge with another end")
"""Requests that a server may find out at the token endpoint only."""
SWITCHES = {
    "no challenge": "accepts_missing_challenge",
    "the method plain": "accepts_plain_challenge",
    "an unknown client_id": "",
    "an unknown response_type": "ignores_response_type",
    "the response_type code in capitals": "ignores_case_of_response_type",
}
TOKEN_SWITCHES = {
    "the redirect_uri of another site": "ignores_redirect_uri_at_exchange",
    "an unknown grant_type": "accepts_unknown_grant_type_with_a_code",
    "the grant_type in capitals": "ignores_case_of_grant_type",
    "no grant_type": "accepts_missing_grant_type",
    "a second code": "accepts_repeated_token_parameters",
    "no redirect_uri": "accepts_exchange_without_redirect_uri",
}
RIGHT_FORMS = (
    "a parameter it does not know",
    "an unknown parameter without a value",
    "an empty scope",
    "an empty resource",
    "an empty client_assertion",
    "an empty refresh_token",
)
CASES = [
    *(case(label, authorization.vary, flows, "refuses_long_verifier" if "128" in label else "") for label in authorization.RIGHT),
    *(case(label, authorization.ask_wrong, no_code, SWITCHES.get(label, "")) for label in authorization.ASKED if label not in LATER),
    *(case(label, authorization.ask_wrong_aud, no_code, "ignores_aud" if label == "another host" else "") for label in authorization.AUD),
    Case("without aud", lambda w: authorization.ask_without_aud(w.app()), no_code, "accepts_missing_aud", "/oauth/authorize"),
    Case("denied", lambda w: authorization.denied(w.app()), no_code, "grants_access_after_denial", "/oauth/consent"),
    Case("nobody", lambda w: authorization.signed_in_by_nobody(w.app()), no_code, "", "/oauth/authorize"),
    case("an unknown client_id", authorization.ask_open_redirector, no_code),
    *(
        case(label, token.redeem, issued if label in RIGHT_FORMS else refused, TOKEN_SWITCHES.get(label, ""), "/oauth/token")
        for label in token.WITH
    ),
    *(case(label, token.redeem, refused, "accepts_get_at_token_endpoint" if label == "GET" else "", "/oauth/token") for label in token.BY),
    *(
        case(label, token.redeem_with_verifier, refused, "does_not_compare_verifier" if "another" in label else "", "/oauth/token")
        for label in token.VERIFIERS
    ),
    Case("a code made up", lambda w: token.redeem_junk(w.app()), refused, "accepts_any_code", "/oauth/token"),
    *(
        case(label, token.redeem_altered, refused, defect, "/oauth/token")
        for label, defect in {
            "one character changed": "",
            "its letters in the other case": "ignores_case_of_codes",
            "a blank at its end": "trims_codes",
        }.items()
    ),
    Case("a nobody redeems", lambda w: token.redeem_junk_as_nobody(w.app()), refused, "", "/oauth/token"),
    Case("no client_id", lambda w: token.without_client_id(w.app()), refused, "accepts_public_client_without_client_id", "/oauth/token"),
    Case(
        "another kind",
        lambda w: token.redeemed_by_another_kind(w.app()),
        refused,
        "gives_codes_of_public_clients_to_confidential_ones",
        "/oauth/token",
        lambda w: w.apps.of_role("confidential-symmetric").grant(),
    ),
    Case(
        "without after wrong",
        lambda w: token.redeem_without_verifier_after_a_wrong_one(w.app()),
        refused,
        "forgets_the_challenge_after_a_wrong_verifier",
        "/oauth/token",
    ),
    Case(
        "elsewhere after post",
        lambda w: token.redeem_elsewhere_after_post(w.app()),
        refused,
        "ignores_redirect_uri_at_exchange_of_posted_requests",
        "/oauth/token",
    ),
    Case("silently", lambda w: authorization.silent(w.app()), lambda answer: answer.get("state"), "omits_state_in_silent_errors"),
    Case("another client", lambda w: token.redeemed_by_second(w.app()), refused, "accepts_code_of_another_client", "/oauth/token"),
    Case("twice", lambda w: token.replayed(w.app()), lambda r: refused(r.second), "accepts_code_twice", "/oauth/token"),
    Case("after a refresh", lambda w: token.redeemed_after_refresh(w.app()), refused, "takes_a_code_again_after_a_refresh"),
    Case("under another name", lambda w: token.redeemed_under_another_name(w.app()), refused, "ignores_case_of_client_id"),
    Case(
        "each grant type",
        lambda w: token.ask_each_grant_type(w.app()),
        lambda found: all(x.answer.object["error"] != "unsupported_grant_type" for x in found.answers.values()),
        "lists_a_grant_type_it_does_not_take",
        "/oauth/token",
    ),
]
