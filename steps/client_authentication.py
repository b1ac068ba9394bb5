"""Phrases on client authentication: secrets, signed assertions, and JWK Sets that the suite serves itself."""

from __future__ import annotations

import pytest
from pytest_bdd import given, then, when

from smartlaunch.checks import client_authentication as checks
from smartlaunch.checks import token_error
from smartlaunch.client.app import App
from smartlaunch.client.apps import Apps
from smartlaunch.client.engine import Engine
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable
from smartlaunch.exchange import Exchange
from smartlaunch.oauth.token import TokenAnswer
from smartlaunch.plugin.judge import Judge
from smartlaunch.plugin.phrases import Phrase
from smartlaunch.probes import token as token_requests
from smartlaunch.probes.client_authentication import assertion, clients, other_grants, published_keys, secret
from smartlaunch.probes.client_authentication.assertion import Tried
from smartlaunch.probes.client_authentication.published_keys import Fetches, Rotation
from smartlaunch.probes.token import Race

from .common import configuration

# -- secrets ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def secret_app(apps: Apps) -> App:
    """The app that has a client secret."""
    return apps.of_role("confidential-symmetric")


@pytest.fixture
def reserved_app(apps: Apps) -> App:
    """The app whose client secret has characters that form-encoding changes."""
    return clients.reserved_app(apps)


@when("the app with a secret redeems a code by Basic", target_fixture="token")
def redeem_by_basic(secret_app: App) -> TokenAnswer:
    return secret.redeem_by_basic(secret_app)


@when("the app with a secret redeems a code by Basic in lower case", target_fixture="token")
def redeem_by_basic_in_lower_case(secret_app: App) -> TokenAnswer:
    return secret.redeem_by_basic_in_lower_case(secret_app)


@when("the app whose secret has reserved characters redeems a code by Basic", target_fixture="token")
def redeem_by_encoded_basic(reserved_app: App) -> TokenAnswer:
    return secret.redeem_by_basic(reserved_app)


@when("it sends them joined as they are where that was refused", target_fixture="given_credentials")
def redeem_unencoded(reserved_app: App, token: TokenAnswer) -> str:
    token_requests.require_no_other_cause(token)
    return secret.encoding_note(reserved_app, token)


@when(Phrase("the app with a secret redeems a code with {label}", label=secret.REDEEMED), target_fixture="token")
def redeem_with_credentials(secret_app: App, label: str) -> TokenAnswer:
    return secret.redeem(secret_app, label)


@when(Phrase("the app with a secret refreshes with {label}", label=secret.WRONG), target_fixture="token")
def refresh_with_credentials(secret_app: App, label: str) -> TokenAnswer:
    return secret.refresh(secret_app, label)


@given(Phrase("the SMART configuration lists the client authentication method {method}", method=secret.METHODS), target_fixture="method")
def lists_method(judge: Judge, engine: Engine, method: str) -> str:
    configuration(judge, engine)
    if method not in engine.discovery.listed("token_endpoint_auth_methods_supported"):
        raise NotApplicable(f"the SMART configuration does not list `{method}`")
    return method


@when(Phrase("the app with a secret authenticates by {method}", method=secret.METHODS), target_fixture="token")
def authenticate_by(secret_app: App, method: str) -> TokenAnswer:
    return secret.redeem_by(secret_app, method)


@then("the token endpoint lets the client in by the listed method")
def lets_in_by_method(judge: Judge, token: TokenAnswer, method: str) -> None:
    token_requests.require_no_other_cause(token)
    judge(checks.authenticated_by_listed(judge.requirement, token.exchange, method))


@when("the public app redeems a code without its client_id", target_fixture="token")
def redeem_without_client_id(app: App) -> TokenAnswer:
    return token_requests.without_client_id(app)


@then("the token endpoint lets the client in")
def lets_in(judge: Judge, token: TokenAnswer) -> None:
    token_requests.require_no_other_cause(token)
    judge(checks.authenticated(judge.requirement, token.exchange, "right credentials"))


@then("the token endpoint decodes the credentials and lets the client in")
def decodes_credentials(judge: Judge, token: TokenAnswer, given_credentials: str) -> None:
    judge(checks.authenticated(judge.requirement, token.exchange, given_credentials))


@then("the refusal is a 401 with a challenge for Basic")
def basic_challenge(judge: Judge, token: TokenAnswer) -> None:
    token_requests.require_refusal(token)
    judge(token_error.challenge_for_basic(judge.requirement, token.exchange))


# -- assertions ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def prover(apps: Apps) -> App:
    """The client that puts assertions to the server."""
    return clients.prover(apps)


@pytest.fixture
def key_pair_app(apps: Apps) -> App:
    """The app that has a key pair."""
    return apps.of_role("confidential-asymmetric")


@given("the server takes a right assertion", target_fixture="token")
def takes_right_assertion(prover: App) -> TokenAnswer:
    answer = assertion.right(prover)
    answered(answer.exchange)
    if not answer.succeeded:
        raise NotApplicable(f"the server did not authenticate the client by its key: {answer.describe()}")
    return answer


@when(Phrase("a client proves itself with {label}", label=assertion.PRESENTED), target_fixture="token")
def present_assertion(prover: App, label: str) -> TokenAnswer:
    return assertion.present(prover, label)


@when("a client uses an assertion with no more than the claims of the guide", target_fixture="token")
def use_the_guides_claims(prover: App) -> TokenAnswer:
    return assertion.with_the_guides_claims(prover)


@when("a client sends two requests at once with one assertion", target_fixture="race")
def race_with_assertion(prover: App) -> Race:
    return assertion.raced(prover)


@when("a client proves itself by each algorithm of the guide that it has a key for", target_fixture="tried")
def try_algorithms(prover: App) -> Tried:
    return assertion.algorithms(prover)


@when(Phrase("a client proves itself by the listed algorithm {name}", name=assertion.ALGORITHMS), target_fixture="token")
def try_listed_algorithm(prover: App, name: str) -> TokenAnswer:
    return assertion.listed(prover, name)


@then(Phrase("the token endpoint takes the listed algorithm {name}", name=assertion.ALGORITHMS))
def takes_listed_algorithm(judge: Judge, token: TokenAnswer, name: str) -> None:
    token_requests.require_no_other_cause(token)
    judge(checks.authenticated(judge.requirement, token.exchange, f"an assertion signed with {name}, which the SMART configuration lists"))


@when(Phrase("the app with a key pair redeems a code with {label}", label=assertion.PRESENTED), target_fixture="token")
def redeem_with_assertion(key_pair_app: App, label: str) -> TokenAnswer:
    return assertion.redeem(key_pair_app, label)


@when(Phrase("the app with a key pair refreshes with {label}", label=assertion.REFRESHED), target_fixture="token")
def refresh_with_assertion(key_pair_app: App, label: str) -> TokenAnswer:
    return assertion.refresh(key_pair_app, label)


@when(Phrase("the app with a key pair sends an assertion with {label}", label=assertion.ELSEWHERE), target_fixture="token")
def replay_elsewhere(key_pair_app: App, label: str) -> TokenAnswer:
    return assertion.replayed_elsewhere(key_pair_app, label)


@when("a client that registered the URL of its JWK Set proves itself", target_fixture="token")
def prove_by_url(apps: Apps) -> TokenAnswer:
    app = clients.registered_with(apps, url=True)
    return app.once("proof by URL", lambda: assertion.send_right(app))


@when("a client that registered the URL of its JWK Set proves itself without jku", target_fixture="token")
def prove_without_jku(apps: Apps) -> TokenAnswer:
    app = clients.registered_with(apps, url=True)
    return app.once("proof without jku", lambda: assertion.send_right(app, jku=None))


@when("a client that registered its JWK Set itself proves itself", target_fixture="token")
def prove_by_set(apps: Apps) -> TokenAnswer:
    app = clients.registered_with(apps, url=False)
    return app.once("proof by set", lambda: assertion.send_right(app))


@then("one of them is taken")
def one_taken(judge: Judge, tried: Tried) -> None:
    best = tried.best
    token_requests.require_no_other_cause(best)
    judge(checks.authenticated(judge.requirement, best.exchange, "an assertion signed with RS384 or ES384"))


@then("the SMART configuration lists the capability for assertions")
def lists_asymmetric(judge: Judge, answer: Exchange) -> None:
    judge(checks.lists_asymmetric(judge.requirement, answer))


# -- JWK Sets that the suite serves ---------------------------------------------------------------------------------------------


@pytest.fixture
def publisher(apps: Apps) -> App:
    """The client whose JWK Set the suite serves."""
    return clients.publisher(apps)


@when(Phrase("the client with a published JWK Set proves itself with {label}", label=published_keys.WRONG), target_fixture="token")
def present_published(publisher: App, label: str) -> TokenAnswer:
    return published_keys.present(publisher, label)


@when("the client with a published JWK Set proves itself", target_fixture="fetched")
def prove_published(publisher: App) -> tuple[TokenAnswer, list[str]]:
    return published_keys.methods(publisher)


@when("the client replaces its key and the time of the old JWK Set is over", target_fixture="rotation")
def rotate(publisher: App) -> Rotation:
    return published_keys.rotated(publisher)


@when("the client proves itself twice while its JWK Set may be kept", target_fixture="fetches")
def prove_twice(publisher: App) -> Fetches:
    return published_keys.fetched(publisher)


@then("the JWK Set was fetched by GET and the client let in")
def fetched_by_get(judge: Judge, fetched: tuple[TokenAnswer, list[str]]) -> None:
    token, methods = fetched
    if token.succeeded and not methods:
        raise NotApplicable("the server let the client in without fetching its JWK Set now: it kept it from before")
    judge(checks.fetched_by_get(judge.requirement, token.exchange, methods))
    token_requests.require_no_other_cause(token)
    judge(checks.authenticated(judge.requirement, token.exchange, "a key of its JWK Set"))


@then("the old key brings no token")
def old_key_refused(judge: Judge, rotation: Rotation) -> None:
    answered(rotation.old.exchange)
    judge(token_error.no_token(judge.requirement, rotation.old.exchange, "an assertion with a key that was withdrawn"))
    judge(checks.in_time(judge.requirement, rotation.old.exchange, rotation.late_s))


@then("the new key is taken")
def new_key_taken(judge: Judge, rotation: Rotation) -> None:
    token_requests.require_no_other_cause(rotation.new)
    judge(checks.authenticated(judge.requirement, rotation.new.exchange, "the key that its JWK Set now has"))


@then("the JWK Set was not fetched for the second time")
def fetched_once(judge: Judge, fetches: Fetches) -> None:
    judge(checks.kept(judge.requirement, fetches.exchange, fetches.first, fetches.second))


# -- grants that are not for everybody ------------------------------------------------------------------------------------------


@when(Phrase("the app with a secret asks for a client credentials token with {label}", label=other_grants.SCOPES), target_fixture="token")
def credentials_by_secret(secret_app: App, label: str) -> TokenAnswer:
    return other_grants.client_credentials(secret_app, label)


@when(Phrase("the public app asks for a client credentials token with {label}", label=other_grants.SCOPES), target_fixture="token")
def credentials_by_public(apps: Apps, label: str) -> TokenAnswer:
    return other_grants.client_credentials(apps.of_role("public"), label)


@when("the app asks for a token with the user's name and password", target_fixture="token")
def password_grant(app: App) -> TokenAnswer:
    return other_grants.password(app)


@then("the token endpoint issues no token for system scopes")
def no_system_token(judge: Judge, token: TokenAnswer) -> None:
    answered(token.exchange)
    judge(checks.no_system_token(judge.requirement, token.exchange))


@then("a careful token endpoint issues no token for it")
def no_token_by_good_practice(judge: Judge, token: TokenAnswer) -> None:
    answered(token.exchange)
    judge(checks.no_token_by_good_practice(judge.requirement, token.exchange, "this request"))


@then("the error says that the client may not use the grant type")
def unauthorized_client(judge: Judge, engine: Engine, token: TokenAnswer) -> None:
    token_requests.require_refusal(token)
    if token.error == "invalid_scope":
        raise NotApplicable("the server refused the scope and not the grant type")
    offered: Exchange = engine.discovery.exchange
    grant_types = offered.answer.object.get("grant_types_supported")
    lacks = not isinstance(grant_types, list) or "client_credentials" not in grant_types
    accepted = ("unauthorized_client", *(("unsupported_grant_type",) if lacks else ()))
    judge(token_error.error_is(judge.requirement, token.exchange, *accepted))
