"""Phrases on client authentication: secrets, signed assertions, and JWK Sets that the suite serves itself."""

from __future__ import annotations

import pytest
from pytest_bdd import given, parsers, then, when

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
from smartlaunch.probes import client_assertion as variations_assertion
from smartlaunch.probes import client_secret as variations_secret
from smartlaunch.probes import published_keys as key_sets
from smartlaunch.probes import token as variations_token
from smartlaunch.probes.client_assertion import Tried
from smartlaunch.probes.published_keys import Fetches, PublishedKeys, Rotation

from .common import configuration

# -- secrets ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def secret_app(apps: Apps) -> App:
    """The app that has a client secret."""
    return variations_secret.secret_app(apps)


@pytest.fixture
def reserved_app(apps: Apps) -> App:
    """The app whose client secret has characters that form-encoding changes."""
    return variations_secret.reserved_app(apps)


@when("the app with a secret redeems a code by Basic", target_fixture="token")
def redeem_by_basic(secret_app: App) -> TokenAnswer:
    return variations_secret.redeem_by_basic(secret_app)


@when("the app whose secret has reserved characters redeems a code by Basic", target_fixture="token")
def redeem_by_encoded_basic(reserved_app: App) -> TokenAnswer:
    return variations_secret.redeem_by_basic(reserved_app)


@when(parsers.parse("the app with a secret redeems a code with {label}"), target_fixture="token")
def redeem_with_credentials(secret_app: App, label: str) -> TokenAnswer:
    return variations_secret.redeem(secret_app, label)


@when(parsers.parse("the app with a secret refreshes with {label}"), target_fixture="token")
def refresh_with_credentials(secret_app: App, label: str) -> TokenAnswer:
    return variations_secret.refresh(secret_app, label)


@given(parsers.parse("the SMART configuration lists the client authentication method {method}"), target_fixture="method")
def lists_method(judge: Judge, engine: Engine, method: str) -> str:
    configuration(judge, engine)
    if method not in engine.discovery.listed("token_endpoint_auth_methods_supported"):
        raise NotApplicable(f"the SMART configuration does not list `{method}`")
    return method


@when(parsers.parse("the app with a secret authenticates by {method}"), target_fixture="token")
def authenticate_by(secret_app: App, method: str) -> TokenAnswer:
    return variations_secret.redeem_by(secret_app, method)


@then("the token endpoint lets the client in by the listed method")
def lets_in_by_method(judge: Judge, token: TokenAnswer, method: str) -> None:
    variations_token.require_no_other_cause(token)
    judge(checks.authenticated_by_listed(judge.requirement, token.exchange, method))


@when("the public app redeems a code without its client_id", target_fixture="token")
def redeem_without_client_id(app: App) -> TokenAnswer:
    return variations_token.without_client_id(app)


@then("the token endpoint lets the client in")
def lets_in(judge: Judge, token: TokenAnswer) -> None:
    variations_token.require_no_other_cause(token)
    judge(checks.authenticated(judge.requirement, token.exchange, "right credentials"))


@then("the token endpoint decodes the credentials and lets the client in")
def decodes_credentials(judge: Judge, reserved_app: App, token: TokenAnswer) -> None:
    variations_token.require_no_other_cause(token)
    judge(checks.authenticated(judge.requirement, token.exchange, variations_secret.encoding_note(reserved_app, token)))


@then("the refusal is a 401 with a challenge for Basic")
def basic_challenge(judge: Judge, token: TokenAnswer) -> None:
    variations_token.require_refusal(token)
    judge(token_error.challenge_for_basic(judge.requirement, token.exchange))


# -- assertions ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def prover(apps: Apps) -> App:
    """The client that puts assertions to the server."""
    return variations_assertion.prover(apps)


@pytest.fixture
def key_pair_app(apps: Apps) -> App:
    """The app that has a key pair."""
    return variations_assertion.key_pair_app(apps)


@given("the server takes a right assertion", target_fixture="token")
def takes_right_assertion(prover: App) -> TokenAnswer:
    answer = variations_assertion.right(prover)
    answered(answer.exchange)
    if not answer.succeeded:
        raise NotApplicable(f"the server did not authenticate the client by its key: {answer.describe()}")
    return answer


@when(parsers.parse("a client proves itself with {label}"), target_fixture="token")
def present_assertion(prover: App, label: str) -> TokenAnswer:
    return variations_assertion.present(prover, label)


@when("a client proves itself by each algorithm of the guide that it has a key for", target_fixture="tried")
def try_algorithms(prover: App) -> Tried:
    return variations_assertion.algorithms(prover)


@when(parsers.parse("the app with a key pair redeems a code with {label}"), target_fixture="token")
def redeem_with_assertion(key_pair_app: App, label: str) -> TokenAnswer:
    return variations_assertion.redeem(key_pair_app, label)


@when(parsers.parse("the app with a key pair refreshes with {label}"), target_fixture="token")
def refresh_with_assertion(key_pair_app: App, label: str) -> TokenAnswer:
    return variations_assertion.refresh(key_pair_app, label)


@when("a client that registered the URL of its JWK Set proves itself", target_fixture="token")
def prove_by_url(apps: Apps) -> TokenAnswer:
    app = variations_assertion.registered_with(apps, url=True)
    return app.once("proof by URL", lambda: variations_assertion.send_right(app))


@when("a client that registered the URL of its JWK Set proves itself without jku", target_fixture="token")
def prove_without_jku(apps: Apps) -> TokenAnswer:
    app = variations_assertion.registered_with(apps, url=True)
    return app.once("proof without jku", lambda: variations_assertion.send_right(app, jku=None))


@when("a client that registered its JWK Set itself proves itself", target_fixture="token")
def prove_by_set(apps: Apps) -> TokenAnswer:
    app = variations_assertion.registered_with(apps, url=False)
    return app.once("proof by set", lambda: variations_assertion.send_right(app))


@then("one of them is taken")
def one_taken(judge: Judge, tried: Tried) -> None:
    best = tried.best
    variations_token.require_no_other_cause(best)
    judge(checks.authenticated(judge.requirement, best.exchange, "an assertion signed with RS384 or ES384"))


@then("the SMART configuration lists the capability for assertions")
def lists_asymmetric(judge: Judge, engine: Engine) -> None:
    configuration(judge, engine)
    judge(checks.lists_asymmetric(judge.requirement, engine.discovery.exchange))


# -- JWK Sets that the suite serves ---------------------------------------------------------------------------------------------


@pytest.fixture
def published(apps: Apps) -> PublishedKeys:
    """The client whose JWK Set the suite serves."""
    return key_sets.published(apps)


@when(parsers.parse("the client with a published JWK Set proves itself with {label}"), target_fixture="token")
def present_published(published: PublishedKeys, label: str) -> TokenAnswer:
    return published.present(label)


@when("the client with a published JWK Set proves itself", target_fixture="fetched")
def prove_published(published: PublishedKeys) -> tuple[TokenAnswer, list[str]]:
    return published.methods()


@when("the client replaces its key and the time of the old JWK Set is over", target_fixture="rotation")
def rotate(published: PublishedKeys, engine: Engine) -> Rotation:
    return published.rotated(engine.target.limits.wait_for_expiry_s)


@when("the client proves itself twice while its JWK Set may be kept", target_fixture="fetches")
def prove_twice(published: PublishedKeys) -> Fetches:
    return published.fetched()


@then("the JWK Set was fetched by GET and the client let in")
def fetched_by_get(judge: Judge, fetched: tuple[TokenAnswer, list[str]]) -> None:
    token, methods = fetched
    judge(checks.fetched_by_get(judge.requirement, token.exchange, methods))
    variations_token.require_no_other_cause(token)
    judge(checks.authenticated(judge.requirement, token.exchange, "a key of its JWK Set"))


@then("the old key brings no token")
def old_key_refused(judge: Judge, rotation: Rotation) -> None:
    answered(rotation.old.exchange)
    judge(token_error.no_token(judge.requirement, rotation.old.exchange, "an assertion with a key that was withdrawn"))


@then("the new key is taken")
def new_key_taken(judge: Judge, rotation: Rotation) -> None:
    variations_token.require_no_other_cause(rotation.new)
    judge(checks.authenticated(judge.requirement, rotation.new.exchange, "the key that its JWK Set now has"))


@then("the JWK Set was not fetched for the second time")
def fetched_once(judge: Judge, fetches: Fetches) -> None:
    judge(checks.kept(judge.requirement, fetches.exchange, fetches.first, fetches.second))


# -- grants that are not for everybody ------------------------------------------------------------------------------------------


@when(parsers.parse("the app with a secret asks for a client credentials token with {label}"), target_fixture="token")
def credentials_by_secret(secret_app: App, label: str) -> TokenAnswer:
    return variations_secret.client_credentials(secret_app, label)


@when(parsers.parse("the public app asks for a client credentials token with {label}"), target_fixture="token")
def credentials_by_public(apps: Apps, label: str) -> TokenAnswer:
    return variations_secret.client_credentials(variations_secret.public_app(apps), label)


@when("the app asks for a token with the user's name and password", target_fixture="token")
def password_grant(app: App) -> TokenAnswer:
    return variations_secret.password(app)


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
    variations_token.require_refusal(token)
    offered: Exchange = engine.discovery.exchange
    grant_types = offered.answer.object.get("grant_types_supported")
    lacks = not isinstance(grant_types, list) or "client_credentials" not in grant_types
    accepted = ("unauthorized_client", *(("unsupported_grant_type",) if lacks else ()))
    judge(token_error.error_is(judge.requirement, token.exchange, *accepted))
