"""Phrases on token introspection: who may ask, and what the answer says of a token."""

from __future__ import annotations

from pytest_bdd import then, when

from smartlaunch.checks import introspection as checks
from smartlaunch.checks import token_error
from smartlaunch.checks.members import advice, charset_changes_nothing
from smartlaunch.client.app import App
from smartlaunch.client.engine import Engine
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable
from smartlaunch.exchange import Exchange
from smartlaunch.plugin.judge import Judge
from smartlaunch.plugin.phrases import Phrase
from smartlaunch.probes import ended, introspection
from smartlaunch.probes.introspection import Introspected, Later, OfService

# -- queries ------------------------------------------------------------------------------------------------------------------


@when("the access token of the app is introspected", target_fixture="introspected")
def introspects(judge: Judge, app: App) -> Introspected:
    introspected = introspection.live(app)
    answer = introspected.exchange.answer
    found = answer.status == 200 and (bool(answer.object) or judge.scenario == "introspection-json")
    judge.needs(found, "introspection-form", f"the introspection response cannot be read: status {answer.status}")
    return introspected


@when("a token and the one that a refresh brought seconds later are introspected", target_fixture="later")
def introspects_renewed(app: App) -> Later:
    return introspection.of_renewed(app)


def _needs_expiry(judge: Judge, exchange: Exchange) -> None:
    judge.needs(not checks.expiry("introspection-exp", exchange), "introspection-exp", "the answer has no `exp` that is an integer")


@then("the later one expires later")
def expires_later(judge: Judge, later: Later) -> None:
    for exchange in (later.first, later.second):
        _needs_expiry(judge, exchange)
    judge(checks.expiry_moves(judge.requirement, later.second, later.first))


@then("the scope of the later one is that of its token response")
def scope_of_later(judge: Judge, later: Later) -> None:
    scope_of_grant(judge, later.renewed)


@then("it is told when the later one expires")
def expiry_of_later(judge: Judge, later: Later) -> None:
    judge(checks.expiry(judge.requirement, later.second))


@then("the launch context of the later one is that of its token response")
def context_of_later(judge: Judge, later: Later) -> None:
    context(judge, later.renewed)


@then(Phrase("the {name} of the later one is that of its ID Token", name=introspection.CLAIMS))
def claim_of_later(judge: Judge, later: Later, name: str) -> None:
    claim(judge, later.renewed, name)


@when("it is introspected in a form of the charset UTF-8", target_fixture="with_charset")
def introspects_with_charset(app: App) -> Exchange:
    return introspection.with_charset(app)


@then("both questions are answered in one way")
def answered_in_one_way(judge: Judge, introspected: Introspected, with_charset: Exchange) -> None:
    judge(charset_changes_nothing(judge.requirement, introspected.exchange, with_charset, "active"))


@when("a token from which the user left a scope out is introspected", target_fixture="introspected")
def introspects_less(app: App) -> Introspected:
    return introspection.of_less(app)


@when(Phrase('the access token of the app is introspected with the hint "{hint}"'), target_fixture="introspected")
def introspects_with_hint(app: App, hint: str) -> Introspected:
    return introspection.with_hint(app, hint)


@when("the app introspects its access token with that token as a bearer token", target_fixture="introspected")
def introspects_by_bearer(app: App) -> Introspected:
    return introspection.by_bearer(app)


@when("the app introspects its access token with the scheme bearer in lower case", target_fixture="introspected")
def introspects_by_lower_case(app: App) -> Introspected:
    return introspection.by_bearer_in_lower_case(app)


@when("a resource server introspects the access token of the app", target_fixture="introspected")
def introspects_foreign(app: App) -> Introspected:
    return introspection.of_another_client(app)


@when(Phrase("a token that {label} is introspected", label=introspection.INACTIVE), target_fixture="introspection_answer")
def introspects_inactive(app: App, label: str) -> Exchange:
    return introspection.inactive(app, label)


@when("a token that was introspected before is introspected after its revocation", target_fixture="introspection_answer")
def introspects_ended(app: App) -> Exchange:
    return ended.told(ended.after_revocation(app).introspection)


@when("introspection is asked for without a token", target_fixture="introspection_answer")
def introspects_nothing(app: App) -> Exchange:
    return introspection.without_token(app)


@when(
    Phrase("the access token of the app is introspected by a caller with {label}", label=introspection.CALLERS),
    target_fixture="introspection_answer",
)
def introspects_unauthorized(app: App, label: str) -> Exchange:
    return introspection.unauthorized(app, label)


# -- answers on a token in force ----------------------------------------------------------------------------------------------


@then("the SMART configuration names an introspection endpoint")
def endpoint_named(judge: Judge, engine: Engine, answer: Exchange) -> None:
    judge.expects(
        engine.discovery.has("introspection_endpoint"),
        expected="`introspection_endpoint`",
        actual="it is absent",
        exchange=answer.id,
        pointer="/introspection_endpoint",
    )


@then("the query is answered")
def query_answered(judge: Judge, introspected: Introspected) -> None:
    judge(checks.answers_form(judge.requirement, introspected.exchange))


@then("the introspection response is a JSON object")
def json_object(judge: Judge, introspected: Introspected) -> None:
    judge(checks.json_object(judge.requirement, introspected.exchange))


@then("active is a boolean")
def active_boolean(judge: Judge, introspected: Introspected) -> None:
    judge(checks.active_is_boolean(judge.requirement, introspected.exchange))


@then("the token is active, whatever an unregistered hint says")
def active_all_the_same(judge: Judge, introspected: Introspected) -> None:
    judge(advice(checks.active(judge.requirement, introspected.exchange)))


@then("the token is active")
def active(judge: Judge, introspected: Introspected) -> None:
    judge(checks.active(judge.requirement, introspected.exchange))


@then("its time stamps are integers")
def time_stamps(judge: Judge, introspected: Introspected) -> None:
    if not {"exp", "iat", "nbf"} & set(introspected.body):
        raise NotApplicable("the introspection response has none of `exp`, `iat` and `nbf`")
    judge(checks.time_stamps(judge.requirement, introspected.exchange))


@then("its scope is a string")
def scope_string(judge: Judge, introspected: Introspected) -> None:
    if "scope" not in introspected.body:
        raise NotApplicable("the introspection response has no `scope`; another scenario judges that")
    judge(checks.scope_string(judge.requirement, introspected.exchange))


@then("its scope is that of the token response")
def scope_of_grant(judge: Judge, introspected: Introspected) -> None:
    judge(checks.scope_of_grant(judge.requirement, introspected.exchange, introspected.lost, introspected.gained))


@then("its client_id is that of the app")
def client_id(judge: Judge, app: App, introspected: Introspected) -> None:
    judge(checks.client_id(judge.requirement, introspected.exchange, app.client.client_id))


@then("it tells when the token expires")
def expiry(judge: Judge, introspected: Introspected) -> None:
    judge(checks.expiry(judge.requirement, introspected.exchange))


@then("the expiry agrees with the lifetime in the token response")
def expiry_agrees(judge: Judge, introspected: Introspected) -> None:
    _needs_expiry(judge, introspected.exchange)
    judge(checks.expiry_agrees(judge.requirement, introspected.exchange, introspected.expires_at))


@then("it has the launch context of the token response")
def context(judge: Judge, introspected: Introspected) -> None:
    judge(checks.context(judge.requirement, introspected.exchange, introspected.context))


@then(Phrase("it has the {name} of the ID Token", name=introspection.CLAIMS))
def claim(judge: Judge, introspected: Introspected, name: str) -> None:
    if name not in introspected.id_token_claims:
        raise NotApplicable(f"the ID Token has no `{name}` to compare with")
    judge(checks.claim(judge.requirement, introspected.exchange, introspected.id_token_claims, name))


@then("the endpoint takes the bearer token")
def takes_bearer(judge: Judge, introspected: Introspected) -> None:
    status = introspected.exchange.answer.status
    judge.needs(status != 200 or "active" in introspected.body, "introspection-form", "the answer does not speak of a token")
    judge(checks.accepts_bearer(judge.requirement, introspected.exchange))


# -- tokens of backend services --------------------------------------------------------------------------------------------------


@when("the token of the backend service is introspected", target_fixture="of_service")
def service_introspected(service: App) -> OfService:
    return introspection.of_service(service)


@when("a token of the backend service for one scope is introspected", target_fixture="of_service")
def service_introspected_for_less(service: App) -> OfService:
    return introspection.of_service_for_less(service)


@then("the client_id that it tells is that of the service")
def client_id_of_service(judge: Judge, service: App, of_service: OfService) -> None:
    judge(checks.client_id(judge.requirement, of_service.exchange, service.client.client_id))


@then("the scope that it tells is that of the token of the service")
def scope_of_service(judge: Judge, of_service: OfService) -> None:
    judge(checks.scope_of_grant(judge.requirement, of_service.exchange, of_service.lost, of_service.gained))


@then("it tells when the token of the service expires")
def expiry_of_service(judge: Judge, of_service: OfService) -> None:
    judge(checks.expiry(judge.requirement, of_service.exchange))


# -- other answers ------------------------------------------------------------------------------------------------------------


def _needs_answer(judge: Judge, exchange: Exchange) -> None:
    """Go on only where the answer speaks of the token at all: an error, or a page, calls nothing active or inactive."""
    if exchange.answer.status != 200:
        raise NotApplicable(f"the query is answered with status {exchange.answer.status}; another scenario judges that")
    judge.needs("active" in exchange.answer.object, "introspection-inactive-boolean", "the answer has no `active`")


@then("the answer does not call the token active")
def not_active(judge: Judge, introspection_answer: Exchange) -> None:
    _needs_answer(judge, introspection_answer)
    judge(checks.not_active(judge.requirement, introspection_answer))


@then("the answer says that the token is not active")
def says_false(judge: Judge, introspection_answer: Exchange) -> None:
    if introspection_answer.answer.status != 200:
        raise NotApplicable(f"the query is answered with status {introspection_answer.answer.status}; another scenario judges that")
    judge(checks.says_false(judge.requirement, introspection_answer))


@then("the answer about the token is no error")
def no_error(judge: Judge, introspection_answer: Exchange) -> None:
    answer = introspection_answer.answer
    judge.needs(answer.status != 200 or "active" in answer.object, "introspection-inactive-boolean", "the answer has no `active`")
    judge(checks.no_error(judge.requirement, introspection_answer))


@then("the answer about the token is a JSON object")
def inactive_json(judge: Judge, introspection_answer: Exchange) -> None:
    if introspection_answer.answer.status != 200:
        raise NotApplicable(f"the query is answered with status {introspection_answer.answer.status}; another scenario judges that")
    judge(checks.json_object(judge.requirement, introspection_answer))


@then("the answer tells nothing else")
def tells_nothing_else(judge: Judge, introspection_answer: Exchange) -> None:
    _needs_answer(judge, introspection_answer)
    said = introspection_answer.answer.object["active"]
    by = "introspection-inactive" if said is True else "introspection-inactive-boolean"
    judge.needs(said is False, by, "the answer does not say that the token is not active")
    judge(checks.tells_nothing_else(judge.requirement, introspection_answer))


@then("the query is refused")
def refused(judge: Judge, introspection_answer: Exchange) -> None:
    answered(introspection_answer)
    judge(checks.refused(judge.requirement, introspection_answer))


@then("the caller learns nothing")
def kept_from(judge: Judge, introspection_answer: Exchange) -> None:
    answered(introspection_answer)
    judge(checks.kept_from(judge.requirement, introspection_answer, "no right to ask"))


@then("the caller is challenged for Basic")
def challenged(judge: Judge, introspection_answer: Exchange) -> None:
    if answered(introspection_answer).status != 401:
        raise NotApplicable(f"the query is answered with status {introspection_answer.answer.status}; another scenario judges that")
    judge(token_error.challenge_for_basic(judge.requirement, introspection_answer))


@then("the caller is answered with 401")
def refused_with_401(judge: Judge, introspection_answer: Exchange) -> None:
    answered(introspection_answer)
    judge(checks.refused_with_401(judge.requirement, introspection_answer))
