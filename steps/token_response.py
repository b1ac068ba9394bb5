"""Phrases on the answer of the token endpoint to a right request: its form, its members, and the strength of its tokens."""

from __future__ import annotations

from pytest_bdd import given, then, when

from smartlaunch.checks import members
from smartlaunch.checks import token_response as checks
from smartlaunch.client.app import App
from smartlaunch.client.engine import Engine
from smartlaunch.client.grant import Grant
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable
from smartlaunch.oauth.token import TokenAnswer
from smartlaunch.plugin.judge import Judge
from smartlaunch.plugin.phrases import Phrase
from smartlaunch.probes import token_response

from .common import lifetime_is_true


@when("the app redeems its code", target_fixture="response")
def redeem(judge: Judge, app: App) -> TokenAnswer:
    return readable(judge, token_response.token(app))


WIRE = tuple(f"token-response-{what}" for what in ("json-body", "status", "media-type", "no-store", "pragma"))
"""Scenarios on how the answer comes and not on what it says."""


def readable(judge: Judge, response: TokenAnswer) -> TokenAnswer:
    """Go on only with a JSON object where members are looked at: that it is none is one failure, of the scenario on the answer."""
    state = response.response.json_error or "the body is no JSON object"
    found = isinstance(response.response.json, dict) or judge.scenario in WIRE
    judge.needs(found, "token-response-holds-token", f"the token response cannot be read: {state}")
    return response


@when("the app refreshes its access token", target_fixture="response")
def refresh(app: App) -> TokenAnswer:
    return token_response.refreshed(app)


@when(Phrase("the app gets a token by {way}", way=token_response.FURTHER), target_fixture="response")
def further(app: App, way: str) -> TokenAnswer:
    return token_response.further(app, way)


@when("the app redeems a code that was never issued", target_fixture="response")
def redeem_unknown(app: App) -> TokenAnswer:
    answer = token_response.refused(app)
    answered(answer.exchange)
    return answer


@when("the app is launched without asking for identity", target_fixture="response")
def redeem_without_identity(app: App) -> TokenAnswer:
    return token_response.without_identity(app)


@when("the app is launched with one more scope that nobody knows", target_fixture="response")
def redeem_with_unknown_scope(app: App) -> TokenAnswer:
    return token_response.with_unknown_scope(app)


@given(Phrase("a launch has brought the {kind} token", kind=token_response.TOKENS), target_fixture="first")
def brought(app: App, kind: str) -> TokenAnswer:
    return token_response.having(app, token_response.TOKENS[kind])


@when("the same user launches the app once more", target_fixture="second")
def launch_again(app: App) -> Grant:
    return token_response.of_second_login(app)


@when("another user launches the app", target_fixture="second")
def launch_by_another(app: App) -> Grant:
    return token_response.of_another_user(app)


@then(Phrase("the token response has status {status:d}"))
def has_status(judge: Judge, response: TokenAnswer, status: int) -> None:
    judge(members.status(judge.requirement, response.exchange, status))


@then("the token response has the media type of JSON")
def has_media_type(judge: Judge, response: TokenAnswer) -> None:
    judge(members.media_type(judge.requirement, response.exchange, "application/json"))


@then("it is a JSON object with an access token or an error")
def holds_token_or_error(judge: Judge, response: TokenAnswer) -> None:
    judge(checks.holds_token_or_error(judge.requirement, response.exchange))


@then("its parameters are members of a JSON object")
def json_body(judge: Judge, response: TokenAnswer) -> None:
    judge(checks.json_body(judge.requirement, response.exchange))


@then("it has an access token")
def has_access_token(judge: Judge, response: TokenAnswer) -> None:
    judge(checks.access_token(judge.requirement, response.exchange))


@then("its token type is Bearer")
def has_token_type(judge: Judge, response: TokenAnswer) -> None:
    judge(checks.token_type(judge.requirement, response.exchange))


@then("it tells the lifetime of the access token in seconds")
def tells_lifetime(judge: Judge, response: TokenAnswer) -> None:
    judge(checks.lifetime(judge.requirement, response.exchange))


@then("the lifetime it tells is to come")
def true_lifetime(judge: Judge, response: TokenAnswer) -> None:
    lifetime_is_true(judge, response)


@then("the access token lives an hour at most")
def lives_an_hour(judge: Judge, response: TokenAnswer) -> None:
    if checks.seconds_of(response.body.get("expires_in")) is None:
        raise NotApplicable("the answer has no `expires_in` that counts seconds; another scenario judges that")
    judge(checks.lives_an_hour_at_most(judge.requirement, response.exchange))


@then("its text members are JSON strings and its numbers JSON numbers")
def json_types(judge: Judge, response: TokenAnswer) -> None:
    judge(checks.json_types(judge.requirement, response.exchange))


@then("it lists the granted scopes")
def lists_scopes(judge: Judge, response: TokenAnswer) -> None:
    judge(checks.scope_listed(judge.requirement, response.exchange))


@then("its scope follows the syntax of RFC 6749")
def scope_syntax(judge: Judge, response: TokenAnswer) -> None:
    if not isinstance(response.body.get("scope"), str):
        raise NotApplicable("the token response has no `scope` string; another scenario judges that")
    judge(checks.scope_syntax(judge.requirement, response.exchange))
    judge(checks.scope_listed(judge.requirement, response.exchange))


@then("it lists each granted scope once")
def scope_once(judge: Judge, response: TokenAnswer) -> None:
    if not isinstance(response.body.get("scope"), str):
        raise NotApplicable("the token response has no `scope` string; another scenario judges that")
    judge(checks.scope_once(judge.requirement, response.exchange))


@then(Phrase('it has the header "{name}" with "{directive}"'))
def has_header(judge: Judge, response: TokenAnswer, name: str, directive: str) -> None:
    judge(members.require_header(judge.requirement, response.exchange, name, directive))


def _needs_token(judge: Judge, response: TokenAnswer) -> None:
    judge.needs(bool(response.access_token), "token-response-access-token", "the token response has no access token to look at")


@then("the access token has only characters that a header can carry")
def token_characters(judge: Judge, response: TokenAnswer) -> None:
    _needs_token(judge, response)
    judge(checks.token_characters(judge.requirement, response.exchange))


@then("the access token fits into a header")
def token_size(judge: Judge, response: TokenAnswer) -> None:
    _needs_token(judge, response)
    judge(checks.fits_a_header(judge.requirement, response.exchange))


@then("no secret can be read from the access token")
def token_secrets(judge: Judge, engine: Engine, response: TokenAnswer) -> None:
    _needs_token(judge, response)
    names = {user.username.lower() for user in engine.target.users.values()} | {"password", "secret", "changeme"}
    secrets = [value for secret in engine.target.secrets if secret.available and (value := secret.reveal()).lower() not in names]
    judge(checks.holds_no_secret(judge.requirement, response.exchange, secrets))


@then("there is no ID Token")
def no_id_token(judge: Judge, response: TokenAnswer) -> None:
    judge(checks.without_id_token(judge.requirement, response.exchange))


@then("launch context and scopes of the server's own have a name that cannot clash")
def own_names(judge: Judge, response: TokenAnswer) -> None:
    judge(checks.own_names(judge.requirement, response.exchange))


def _needs_second(second: Grant, name: str) -> None:
    if not second.token.text(name):
        raise NotApplicable(f"the token response has no `{name}`")


@then(Phrase("neither {kind} token helps to guess the other of that user", kind=token_response.TOKENS))
def unguessable_for_user(judge: Judge, first: TokenAnswer, second: Grant, kind: str) -> None:
    _needs_second(second, token_response.TOKENS[kind])
    judge(checks.unguessable(judge.requirement, first.exchange, second.token.exchange, token_response.TOKENS[kind], same_user=True))


@then(Phrase("neither {kind} token helps to guess the one of another user", kind=token_response.TOKENS))
def unguessable_for_others(judge: Judge, first: TokenAnswer, second: Grant, kind: str) -> None:
    _needs_second(second, token_response.TOKENS[kind])
    judge(checks.unguessable(judge.requirement, first.exchange, second.token.exchange, token_response.TOKENS[kind], same_user=False))
