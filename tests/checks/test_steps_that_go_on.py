"""A step whose check would hold of nothing goes on only where there is something, and says who judges that there is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from smartlaunch.catalogue import load
from smartlaunch.checks import backend_services as backend_checks
from smartlaunch.checks import discovery as discovery_checks
from smartlaunch.checks import fhir_access, fhir_answer, fhir_refusal, refresh, revocation, token_error
from smartlaunch.checks import id_token as id_token_checks
from smartlaunch.errors import Blocked, LimitExceeded, Missing, NotApplicable
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response
from smartlaunch.finding import Kind, Outcome
from smartlaunch.oauth.id_token import IdToken
from smartlaunch.oauth.token import TokenAnswer
from smartlaunch.plugin.binding import every_plan
from smartlaunch.plugin.judge import Judge
from smartlaunch.probes.app_state.keeping import State
from smartlaunch.probes.fhir_access.requests import Trial
from smartlaunch.probes.id_token import Identity
from smartlaunch.probes.refresh.right import Renewed
from steps import app_state, backend_services, brands, common, discovery, id_token, introspection, launch, launch_context, token
from steps import fhir_access as fhir_steps
from steps import refresh as refresh_steps
from steps import token_response as token_steps

REQ = "RFC6749-5.1-a"


def answer(
    body: object = None, *, status: int = 200, method: str = "POST", endpoint: Endpoint = Endpoint.TOKEN, cut: bool = False
) -> Exchange:
    """An answer with a JSON body, with these bytes, or with none."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    response = Response(status, (("Content-Type", "application/json"),), content, truncated=cut)
    return Exchange("x1", Actor.APP, endpoint, datetime(2026, 11, 28, tzinfo=UTC), 1.0, Request(method, "https://ehr.example/x"), response)


def judge() -> Judge:
    return Judge(load(), frozenset({REQ}), lambda text: text)


def response(**members: Any) -> TokenAnswer:
    return TokenAnswer(answer(members))


def refusal(**members: Any) -> TokenAnswer:
    return TokenAnswer(answer(members, status=400))


def identity(header: dict[str, Any] | None = None, **claims: Any) -> Identity:
    return Identity(response(access_token="t"), IdToken(header or {"alg": "RS256"}, claims), "n", ("openid",))


def renewed(first: dict[str, Any], second: dict[str, Any]) -> Renewed:
    grant: Any = SimpleNamespace()
    return Renewed(grant, response(), first, second, "n")


def introspected(**members: Any) -> Any:
    return SimpleNamespace(exchange=answer(members), body=members, expires_at=0.0)


def searched(body: object) -> Trial:
    return Trial("search", "Observation", answer(body), ())


def state(body: object = None, *, status: int = 201) -> State:
    return State({"resourceType": "Basic", "id": "mine"}, answer(body, status=status))


SEARCHSET = {"resourceType": "Bundle", "type": "searchset"}
BUNDLE = answer({"resourceType": "Bundle", "type": "collection"})
OPENED: Any = SimpleNamespace(value=lambda _name: "", exchange="x1")
NOBODY: Any = SimpleNamespace()
NO_SUB = (identity(), identity(sub="u1"))

BLOCKED: list[tuple[str, Callable[..., None], tuple[Any, ...]]] = [
    ("backend-expires-in", backend_services.five_minutes, (response(access_token="t"),)),
    ("backend-expires-in", backend_services.an_hour, (response(access_token="t", expires_in={}),)),
    ("backend-error-body", backend_services.explains_itself, (refusal(),)),
    ("token-error-body", token.defined_error, (refusal(),)),
    ("token-error-body", token.legal_text, (refusal(error_description="why"),)),
    ("token-response-access-token", token_steps.token_characters, (response(token_type="Bearer"),)),
    ("token-response-access-token", token_steps.token_size, (response(access_token=7),)),
    ("token-response-access-token", token_steps.token_secrets, (NOBODY, response())),
    ("id-token-sub-form", id_token.same_subject, NO_SUB),
    ("id-token-sub-form", id_token.same_subject, (identity(), identity())),
    ("id-token-sub-form", id_token.other_subject, NO_SUB),
    ("fhir-user-present", id_token.fhir_user_form, (identity(),)),
    ("fhir-user-form", id_token.fhir_user_here, (NOBODY, identity(fhirUser="me"))),
    ("fhir-user-form", id_token.fhir_user_leads, (identity(fhirUser=7), answer({}))),
    ("id-token-exp-form", id_token.not_expired, (identity(exp=1_800_000_000_000),)),
    ("id-token-iat-form", id_token.issued_before, (identity(iat=1_800_000_000_000),)),
    ("id-token-iss-form", refresh_steps.claim_kept, (renewed({}, {"iss": "x"}), "iss")),
    ("id-token-aud", refresh_steps.audience_kept, (renewed({}, {"aud": "x"}),)),
    ("refresh-id-token-iss", refresh_steps.no_nonce, (renewed({"iss": "x"}, {}),)),
    ("refresh-id-token-iss", refresh_steps.same_nonce, (renewed({"iss": "x"}, {}),)),
    ("refresh-id-token-iss", refresh_steps.azp_kept, (renewed({"iss": "x"}, {}),)),
    ("introspection-inactive-boolean", introspection.not_active, (answer({}),)),
    ("introspection-inactive-boolean", introspection.not_active, (answer(b"<html>"),)),
    ("introspection-inactive-boolean", introspection.no_error, (answer(b"<html>"),)),
    ("introspection-inactive-boolean", introspection.tells_nothing_else, (answer({"active": "false", "sub": "u"}),)),
    ("introspection-inactive", introspection.tells_nothing_else, (answer({"active": True}),)),
    ("introspection-exp", introspection.expiry_agrees, (introspected(active=True),)),
    ("introspection-exp", introspection.expires_later, (SimpleNamespace(first=answer({}), second=answer({"exp": 5})),)),
    ("introspection-form", introspection.takes_bearer, (introspected(),)),
    ("launch-value", launch.launch_opaque, (NOBODY, OPENED)),
    ("fhir-context-array", launch_context.no_patient_without_role, (response(fhirContext={"reference": "Patient/1"}),)),
    ("fhir-context-array", launch_context.item_names_something, (response(fhirContext="x"),)),
    ("fhir-context-array", launch_context.item_has_type, (response(fhirContext=None),)),
    (
        "s256-listed",
        discovery.member_lacks,
        (answer({"code_challenge_methods_supported": "plain"}), "code_challenge_methods_supported", "plain"),
    ),
    ("capabilities-listed", discovery.capabilities_known, (answer({"capabilities": "launch-ehr"}),)),
    ("token-endpoint-listed", discovery.no_fragment, (answer({"token_endpoint": 7}), "token_endpoint")),
    ("app-state-create-answer", app_state.not_chosen_id, (state(),)),
    ("app-state-found", app_state.finds_changed, ((state(), answer({"resourceType": "OperationOutcome"}, status=500)),)),
    ("app-state-update-answer", app_state.one_update, ([answer(status=412), answer(status=412)],)),
    ("brands-complete", brands.full_urls, (BUNDLE,)),
    ("brands-complete", brands.identified, (BUNDLE,)),
    ("fhir-search", fhir_steps.matches_fit, ("p1", searched(b"<html>"))),
    ("fhir-read", fhir_steps.is_utf8, (searched(b"<html>"),)),
]
"""A scenario, a step that it blocks, and what the step is given, of which its check would say nothing."""

NOT_APPLICABLE: list[tuple[str, Callable[..., None], tuple[Any, ...]]] = [
    ("counts seconds", common.lifetime_is_true, (response(access_token="t", expires_in="soon"),)),
    ("counts seconds", token_steps.lives_an_hour, (response(access_token="t", expires_in=None),)),
    ("no `refresh_token`", token_steps.unguessable_for_user, (response(), SimpleNamespace(token=response()), "refresh")),
    ("no `refresh_token`", token_steps.unguessable_for_others, (response(), SimpleNamespace(token=response()), "refresh")),
    ("by which hash", id_token.access_token_hash, (identity({"alg": "EdDSA"}, at_hash="x"),)),
    ("status 500", introspection.not_active, (answer({}, status=500),)),
    ("status 401", introspection.tells_nothing_else, (answer({"error": "invalid_client"}, status=401),)),
    ("no `code_challenge", discovery.member_lacks, (answer({}), "code_challenge_methods_supported", "plain")),
    ("no Endpoint", brands.endpoint_form, (BUNDLE,)),
    ("no Endpoint", brands.primary_brand, (NOBODY, BUNDLE)),
    ("would give it away", fhir_steps.refusal_tells_nothing, (searched({}), ())),
    ("ends a launch", launch.of_its_own_launch, (SimpleNamespace(token=refusal(error="invalid_grant"), other="p2"),)),
]
"""What a step says of it, the step, and what it is given, of which its check would say nothing although a server may do so."""


@pytest.mark.parametrize(("by", "step", "given"), BLOCKED)
def test_what_is_absent_blocks_by_the_scenario_that_judges_it(by: str, step: Callable[..., None], given: tuple[Any, ...]) -> None:
    with pytest.raises(Missing) as raised:
        step(judge(), *given)
    assert raised.value.by == by
    assert by in {plan.slug for plan in every_plan()}


@pytest.mark.parametrize(("why", "step", "given"), NOT_APPLICABLE)
def test_what_may_be_absent_is_not_applicable(why: str, step: Callable[..., None], given: tuple[Any, ...]) -> None:
    with pytest.raises(NotApplicable, match=why):
        step(judge(), *given)


# -- checks ---------------------------------------------------------------------------------------------------------------------

NEITHER = [
    answer(b"<html>Sign in</html>"),
    answer(b"access_token=t"),
    answer({"access_token": "t"}, cut=True),
    answer(status=302),
    answer(status=404),
]
"""Answers to a POST that are neither a token that can be seen nor a refusal."""


@pytest.mark.parametrize("neither", NEITHER, ids=lambda one: str(one.answer.status))
def test_an_answer_that_is_no_refusal_is_none(neither: Exchange) -> None:
    for check in (token_error.no_token, revocation.refresh_is_refused, refresh.ended):
        with pytest.raises(Blocked):
            check(REQ, neither, "it")
    with pytest.raises(Blocked):
        backend_checks.nothing_beyond(REQ, neither, [], "the registration")


def test_another_method_may_be_answered_with_a_page() -> None:
    assert token_error.no_token(REQ, answer(b"<html>", method="GET"), "it") == []


def test_a_stumble_over_a_dead_token_warns() -> None:
    stumbled = answer({}, status=500, endpoint=Endpoint.FHIR)
    for findings in (
        revocation.read_is_refused(REQ, stumbled),
        refresh.ended(REQ, stumbled, "it"),
        revocation.is_refused(REQ, stumbled, "it"),
    ):
        assert [(one.kind, one.severity) for one in findings] == [(Kind.HYGIENE, Outcome.WARNING)]
    assert revocation.read_is_refused(REQ, answer({}, status=401)) == []
    with pytest.raises(Blocked, match="looked at"):
        backend_checks.token_taken(REQ, stumbled)


def test_a_revocation_that_nobody_took_was_not_refused() -> None:
    with pytest.raises(Blocked):
        revocation.is_refused(REQ, answer(status=404), "it")
    assert revocation.is_refused(REQ, answer(status=401), "it") == []


@pytest.mark.parametrize("status", [200, 302, 500])
def test_a_refusal_is_of_the_4xx_family(status: int) -> None:
    assert len(fhir_refusal.clear_refusal("HYGIENE-refusal-form", answer({}, status=status))) == 1


def test_a_page_with_status_200_says_not_how_to_authenticate() -> None:
    assert [one.pointer for one in fhir_refusal.has_challenge(REQ, answer(b"<html>"))] == ["header: WWW-Authenticate"]
    assert fhir_refusal.has_challenge(REQ, answer(SEARCHSET)) == []


def test_a_page_with_status_200_is_no_data() -> None:
    page = answer(b"<html>", method="GET", endpoint=Endpoint.FHIR)
    assert len(refresh.accepted(REQ, page)) == len(revocation.read_is_answered(REQ, page, "somebody")) == 1
    assert len(fhir_access.granted_works(REQ, page, "search", "patient/*.rs")) == len(fhir_access.something_works(REQ, [page], "it")) == 1
    assert fhir_access.granted_works(REQ, answer(SEARCHSET, method="GET"), "search", "patient/*.rs") == []


def test_of_an_answer_that_was_cut_nobody_says_what_is_not_in_it() -> None:
    cut = answer({"resourceType": "Patient", "id": "p1"}, cut=True)
    for look in (fhir_answer.found, fhir_answer.disclosed):
        with pytest.raises(LimitExceeded):
            look(cut)
    with pytest.raises(LimitExceeded):
        fhir_access.withholds_type(REQ, cut, "", "it")


def test_null_is_no_array_of_endpoints() -> None:
    assert len(discovery_checks.associated_endpoints(REQ, answer({"associated_endpoints": None}))) == 1
    assert discovery_checks.associated_endpoints(REQ, answer({})) == []


def test_two_answers_without_sub_do_not_agree() -> None:
    assert [one.actual for one in id_token_checks.userinfo_subject(REQ, answer({"name": "x"}), {})] == ["`sub` is absent"]
