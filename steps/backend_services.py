"""Phrases on backend services: their token requests, their tokens, and the data these open."""

from __future__ import annotations

import pytest
from pytest_bdd import given, then, when

from smartlaunch.checks import backend_services as checks
from smartlaunch.checks import fhir_access, members, token_response
from smartlaunch.checks.members import advice
from smartlaunch.client.app import App
from smartlaunch.client.apps import Apps
from smartlaunch.client.engine import Engine
from smartlaunch.client.http import answered
from smartlaunch.exchange import Exchange
from smartlaunch.oauth.token import TokenAnswer
from smartlaunch.plugin.judge import Judge
from smartlaunch.plugin.phrases import Phrase
from smartlaunch.probes import backend_reach
from smartlaunch.probes import backend_services as client_credentials
from smartlaunch.probes import token as token_requests
from smartlaunch.probes.backend_services import Reach
from smartlaunch.probes.client_authentication import assertion
from smartlaunch.probes.fhir_access.reads import READS
from smartlaunch.probes.fhir_access.requests import Trial

from .common import honoured, lifetime_is_true


@pytest.fixture
def service(apps: Apps) -> App:
    """The backend service of the target file."""
    return apps.of_role("backend")


@when("the backend service asks for a token", target_fixture="token")
def ask(service: App) -> TokenAnswer:
    return client_credentials.right(service)


@given("the backend service gets its token", target_fixture="token")
@when("the backend service gets its token", target_fixture="token")
def get(service: App) -> TokenAnswer:
    return client_credentials.right_response(service)


@when(Phrase("the backend service asks for a token with {label}", label=client_credentials.WRONG), target_fixture="token")
def ask_faulty(service: App, label: str) -> TokenAnswer:
    return client_credentials.faulty(service, label)


@when(Phrase("the backend service proves itself with {label}", label=assertion.PRESENTED), target_fixture="token")
def prove(service: App, label: str) -> TokenAnswer:
    return assertion.present(service, label)


@when("the backend service asks for one of its scopes only", target_fixture="token")
def ask_narrow(service: App) -> TokenAnswer:
    scope, _, _ = client_credentials.narrowed(service)
    return service.once("narrow token", lambda: client_credentials.token(service, scope))


@when("the backend service asks for one category of a type only", target_fixture="token")
def ask_for_category(service: App) -> TokenAnswer:
    return backend_reach.for_one_category(service)


@when(
    Phrase("the {interaction} is tried with a type that the backend token leaves out", interaction=backend_reach.FORMS),
    target_fixture="trial",
)
def outside_type(service: App, interaction: str) -> Trial:
    return backend_reach.outside(service, interaction)


@when("a type that the backend token leaves out is asked for in each rarer form", target_fixture="trials")
def outside_type_in_every_form(service: App) -> list[Trial]:
    return backend_reach.in_every_form(service)


@when(
    Phrase('a backend token for the letters "{letters}" of a type is used for what they do not allow', letters=backend_reach.LETTERS),
    target_fixture="trial",
)
def outside_letters(service: App, letters: str) -> Trial:
    return backend_reach.beyond_letters(service, letters)


@when(
    Phrase("a backend token for one category is used for the {interaction} of another category", interaction=READS), target_fixture="trial"
)
def outside_category(service: App, interaction: str) -> Trial:
    return backend_reach.outside_category(service, interaction)


@when("the backend service uses a token for one type", target_fixture="reach")
def use_narrow(service: App) -> Reach:
    return client_credentials.reach(service)


@when("the backend service searches a type that the server does not have", target_fixture="answer")
def search_unsupported(service: App) -> Exchange:
    return client_credentials.search_unsupported(service)


@given("a backend service that was granted scopes", target_fixture="granted")
def granted_scopes(service: App) -> str:
    return " ".join(client_credentials.right(service).scopes)


@when("the backend service uses its token", target_fixture="answer")
def use_token(service: App) -> Exchange:
    exchange = service.tokens.probe(client_credentials.token(service))
    answered(exchange)
    return exchange


@when("the backend service searches each type that its token covers", target_fixture="searches")
def search_each(service: App) -> list[Exchange]:
    return client_credentials.search_each(service)


@when("the backend service uses a token after its time", target_fixture="answer")
def use_expired(service: App) -> Exchange:
    exchange = client_credentials.expired(service)
    answered(exchange)
    return exchange


# -- the token ------------------------------------------------------------------------------------------------------------------


@then("the answer brings an access token")
def brings_access_token(judge: Judge, token: TokenAnswer) -> None:
    judge(token_response.access_token(judge.requirement, token.exchange))


@then("the token type is bearer")
def bearer(judge: Judge, token: TokenAnswer) -> None:
    judge(token_response.token_type(judge.requirement, token.exchange))


@then("the lifetime is stated in seconds")
def lifetime_stated(judge: Judge, token: TokenAnswer) -> None:
    judge(token_response.lifetime(judge.requirement, token.exchange))


@then("the stated lifetime is to come")
def true_lifetime(judge: Judge, token: TokenAnswer) -> None:
    lifetime_is_true(judge, token)


@then("the granted scopes are stated")
def scopes_stated(judge: Judge, token: TokenAnswer) -> None:
    judge(token_response.scope_listed(judge.requirement, token.exchange))


def _needs_lifetime(judge: Judge, token: TokenAnswer) -> None:
    told = token_response.seconds_of(token.body.get("expires_in")) is not None
    judge.needs(told, "backend-expires-in", "the answer has no `expires_in` that counts seconds")


@then("the lifetime is five minutes at most")
def five_minutes(judge: Judge, token: TokenAnswer) -> None:
    _needs_lifetime(judge, token)
    judge(checks.lives_at_most(judge.requirement, token.exchange, checks.LIFETIME_S))


@then("the lifetime is an hour at most")
def an_hour(judge: Judge, token: TokenAnswer) -> None:
    _needs_lifetime(judge, token)
    judge(checks.lives_at_most(judge.requirement, token.exchange, checks.SHORT_S))


@then("the answer to the backend service has the media type of JSON")
def has_media_type(judge: Judge, token: TokenAnswer) -> None:
    judge(members.media_type(judge.requirement, token.exchange, "application/json"))


@then("the answer to the backend service has the Cache-Control directive no-store")
def no_store(judge: Judge, token: TokenAnswer) -> None:
    judge(members.require_header(judge.requirement, token.exchange, "Cache-Control", "no-store"))


@then("the answer to the backend service has the Pragma no-cache")
def pragma(judge: Judge, token: TokenAnswer) -> None:
    judge(members.require_header(judge.requirement, token.exchange, "Pragma", "no-cache"))


@then("the text in the answer to the backend service is JSON strings and its numbers JSON numbers")
def json_types(judge: Judge, token: TokenAnswer) -> None:
    judge(token_response.json_types(judge.requirement, token.exchange))


@then("the answer brings no refresh token")
def no_refresh_token(judge: Judge, token: TokenAnswer) -> None:
    judge(checks.no_refresh_token(judge.requirement, token.exchange))


@then("nothing is granted that the service is not registered for")
def nothing_beyond_registration(judge: Judge, service: App, token: TokenAnswer) -> None:
    answered(token.exchange)
    excess = client_credentials.beyond_registration(service.client, token)
    findings = checks.nothing_beyond(judge.requirement, token.exchange, excess, "the registration of the client")
    judge(advice(findings) if client_credentials.wildcards_only(excess) else findings)


@then("nothing is granted that was not asked for")
def nothing_beyond_request(judge: Judge, token: TokenAnswer) -> None:
    answered(token.exchange)
    excess = client_credentials.beyond_request(token)
    judge(checks.nothing_beyond(judge.requirement, token.exchange, excess, "those asked for"))


@then("the refusal explains itself")
def explains_itself(judge: Judge, token: TokenAnswer) -> None:
    token_requests.require_refusal(token)
    judge.needs("error" in token.body, "backend-error-body", f"the refusal has no `error` to explain: {token.describe()}")
    judge(checks.explains_itself(judge.requirement, token.exchange))


@then("it meets the discovery rules of asymmetric client authentication")
def meets_discovery(judge: Judge, engine: Engine, answer: Exchange) -> None:
    client_credentials.require_offered(engine)
    judge(checks.meets_asymmetric_discovery(judge.requirement, answer))


# -- the data -------------------------------------------------------------------------------------------------------------------


@then("the FHIR server answers the backend service")
def answers_service(judge: Judge, answer: Exchange, granted: str) -> None:
    judge(fhir_access.granted_works(judge.requirement, answer, "request", granted))


@then("the FHIR server takes the token of the backend service")
def takes_token(judge: Judge, answer: Exchange) -> None:
    judge(checks.token_taken(judge.requirement, answer))


@then("the granted system/ scopes open the data of a type")
def system_scopes_honoured(judge: Judge, searches: list[Exchange]) -> None:
    honoured(judge, searches, "the granted system/ scopes")


@when(Phrase("the backend service uses a token for a {form} after its time", form=client_credentials.OF_DATA), target_fixture="answer")
def use_expired_in(service: App, form: str) -> Exchange:
    exchange = client_credentials.expired_in(service, form)
    answered(exchange)
    return exchange


@then("the FHIR server discloses nothing of another type")
def discloses_nothing_else(judge: Judge, reach: Reach) -> None:
    judge(checks.nothing_disclosed(judge.requirement, reach.outside, reach.what))
    judge(checks.nothing_disclosed(judge.requirement, reach.outside_read, reach.what) if reach.outside_read is not None else [])


@then("the search of another type fails")
def search_fails(judge: Judge, reach: Reach) -> None:
    judge(checks.fails(judge.requirement, reach.outside, f"a search {reach.what}"))


@then("the search fails")
def unsupported_fails(judge: Judge, answer: Exchange) -> None:
    judge(checks.fails(judge.requirement, answer, "a search of a type that the server does not list"))


@then("the FHIR server discloses nothing")
def discloses_nothing(judge: Judge, answer: Exchange) -> None:
    judge(checks.nothing_disclosed(judge.requirement, answer, "for a token whose time is over"))
