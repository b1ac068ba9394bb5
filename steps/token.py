"""Phrases on the token endpoint: codes that are spent, late, foreign or made up, and how refusals look."""

from __future__ import annotations

from pytest_bdd import then, when

from smartlaunch.checks import members, revocation
from smartlaunch.checks import token_error as checks
from smartlaunch.client.app import App
from smartlaunch.client.apps import Apps
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable
from smartlaunch.oauth.token import TokenAnswer
from smartlaunch.plugin.judge import Judge
from smartlaunch.plugin.phrases import Phrase
from smartlaunch.probes import refusals
from smartlaunch.probes import token as token_requests
from smartlaunch.probes.registered import no_refresh_token
from smartlaunch.probes.token import Race, Replay


@when(
    Phrase("the app redeems a fresh code with {label}", label=token_requests.VERIFIERS),
    target_fixture="token",
)
def redeem_with_verifier(app: App, label: str) -> TokenAnswer:
    return token_requests.redeem_with_verifier(app, label)


@when("a code for which the password was mistyped first is redeemed with another code verifier", target_fixture="token")
def redeem_after_slip(app: App) -> TokenAnswer:
    return token_requests.redeem_with_wrong_verifier_after_a_slip(app)


@when("the app redeems a code without a code verifier after a wrong one", target_fixture="token")
def redeem_after_wrong_verifier(app: App) -> TokenAnswer:
    return token_requests.redeem_without_verifier_after_a_wrong_one(app)


@when(Phrase("the app sends an access token request with {label}", label=token_requests.WITH), target_fixture="token")
def redeem_with_fault(app: App, label: str) -> TokenAnswer:
    return token_requests.redeem(app, label)


@when(Phrase("the app sends an access token request by {label}", label=token_requests.BY), target_fixture="token")
def redeem_by(app: App, label: str) -> TokenAnswer:
    return token_requests.redeem(app, label)


@when("the app redeems a code it made up", target_fixture="token")
def redeem_junk(app: App) -> TokenAnswer:
    return token_requests.redeem_junk(app)


@when("the app redeems a code it made up in a form of the charset UTF-8", target_fixture="with_charset")
def redeem_junk_with_charset(app: App) -> TokenAnswer:
    return token_requests.redeem_junk_with_charset(app)


@then("both are refused in one way")
def refused_in_one_way(judge: Judge, token: TokenAnswer, with_charset: TokenAnswer) -> None:
    refused(judge, token)
    judge(members.charset_changes_nothing(judge.requirement, token.exchange, with_charset.exchange, "error"))


@when(Phrase("the app redeems a code with {label}", label=token_requests.ALTERED), target_fixture="token")
def redeem_altered(app: App, label: str) -> TokenAnswer:
    return token_requests.redeem_altered(app, label)


@when("a client that nobody knows redeems a code it made up", target_fixture="token")
def redeem_junk_as_nobody(app: App) -> TokenAnswer:
    return token_requests.redeem_junk_as_nobody(app)


@when("another client redeems the app's code", target_fixture="token")
def redeem_foreign(app: App) -> TokenAnswer:
    return token_requests.redeemed_by_second(app)


@when("the app redeems a code after its time", target_fixture="token")
def redeem_late(app: App) -> TokenAnswer:
    return token_requests.redeemed_late(app)


@when("the app redeems a code twice", target_fixture="replay")
def redeem_twice(app: App) -> Replay:
    return token_requests.replayed(app)


@when("the app redeems a code again whose refresh token was used", target_fixture="token")
def redeem_after_refresh(app: App) -> TokenAnswer:
    return token_requests.redeemed_after_refresh(app)


@when(Phrase("the token endpoint refuses {what}", what=refusals.REFUSED), target_fixture="token")
def refuses(apps: Apps, app: App, what: str) -> TokenAnswer:
    return refusals.refused(apps, app, what)


@when("the app redeems a code for the second time", target_fixture="token")
def redeem_second_time(app: App) -> TokenAnswer:
    return token_requests.replayed(app).second


@when("the app redeems the code of a request by POST with the redirect_uri of another site", target_fixture="token")
def redeem_elsewhere_after_post(app: App) -> TokenAnswer:
    return token_requests.redeem_elsewhere_after_post(app)


@when("the public app redeems a code with its client_id in the other case", target_fixture="token")
def redeem_under_another_name(app: App) -> TokenAnswer:
    return token_requests.redeemed_under_another_name(app)


@when("a client of another kind redeems the app's code", target_fixture="token")
def redeem_as_another_kind(app: App) -> TokenAnswer:
    return token_requests.redeemed_by_another_kind(app)


@when("the app redeems a code by two requests at once", target_fixture="race")
def redeem_at_once(app: App) -> Race:
    return token_requests.raced(app)


@then(Phrase("one token at most comes of {what}", what=("one code", "one refresh token", "one assertion")))
def one_winner(judge: Judge, race: Race, what: str) -> None:
    judge(checks.one_winner(judge.requirement, race.uses, what))


@then("the second time the token endpoint issues no token")
def second_time_refused(judge: Judge, replay: Replay) -> None:
    answered(replay.second.exchange)
    judge(checks.no_token(judge.requirement, replay.second.exchange, "a code that was used before"))


@then("the third time the token endpoint issues no token either")
def third_time_refused(judge: Judge, replay: Replay) -> None:
    answered(replay.third.exchange)
    again = replay.second.succeeded and replay.third.succeeded
    judge.needs(not again, "code-reuse-refused", "the second use of the code was not refused, so nothing was before the third")
    judge(checks.no_token(judge.requirement, replay.third.exchange, "a code that was used and refused before"))


@then("the refresh token of the first time brings no token")
def first_refresh_token_revoked(judge: Judge, app: App, replay: Replay) -> None:
    if replay.refreshed is None:
        raise no_refresh_token(app)
    answered(replay.refreshed.exchange)
    judge(revocation.refresh_is_refused(judge.requirement, replay.refreshed.exchange, "whose code was used again"))


@then("the token of the first time is refused by the FHIR server")
def first_token_revoked(judge: Judge, replay: Replay) -> None:
    judge(revocation.read_is_refused(judge.requirement, replay.use.judged, "as the tokens of a replayed code are revoked"))


@then("the token endpoint issues no token for it")
def no_token(judge: Judge, token: TokenAnswer) -> None:
    answered(token.exchange)
    judge(checks.no_token(judge.requirement, token.exchange, "this request"))


@then("the token endpoint issues a token for it")
def issues_token(judge: Judge, token: TokenAnswer) -> None:
    judge.expects(token.succeeded, expected="status 200 with an access token", actual=token.describe(), exchange=token.exchange.id)


@then(Phrase('the error of the token endpoint is "{accepted}"'))
def error_is(judge: Judge, token: TokenAnswer, accepted: str) -> None:
    refused(judge, token)
    judge(checks.error_is(judge.requirement, token.exchange, *accepted.split(" or ")))


@then(Phrase('the error of the token endpoint fits as "{accepted}"'))
def error_fits(judge: Judge, token: TokenAnswer, accepted: str) -> None:
    refused(judge, token)
    judge(checks.error_fits(judge.requirement, token.exchange, accepted))


@then("the refusal has a status of the 4xx family")
def status_400(judge: Judge, token: TokenAnswer) -> None:
    refused(judge, token)
    judge(checks.status_400(judge.requirement, token.exchange))


@then("the refusal has status 400 or 401")
def exact_status(judge: Judge, token: TokenAnswer) -> None:
    refused(judge, token)
    judge(checks.status_by_error(judge.requirement, token.exchange))


@then("the refusal is a JSON object with an error")
def has_error(judge: Judge, token: TokenAnswer) -> None:
    refused(judge, token)
    judge(checks.has_error(judge.requirement, token.exchange))


@then("the refusal has the media type of JSON")
def error_media_type(judge: Judge, token: TokenAnswer) -> None:
    refused(judge, token)
    judge(members.media_type(judge.requirement, token.exchange, "application/json"))


@then("the error is one that the specifications define")
def defined_error(judge: Judge, token: TokenAnswer) -> None:
    refused(judge, token)
    _needs_error(judge, token, "token-error-body")
    judge(checks.defined_error(judge.requirement, token.exchange))


@then("the error text keeps to the legal characters")
def legal_text(judge: Judge, token: TokenAnswer) -> None:
    refused(judge, token)
    _needs_error(judge, token, "junk-code-error-body" if judge.scenario == "token-error-characters" else "token-error-body")
    judge(checks.legal_error_text(judge.requirement, token.exchange))


@then("the error_uri of the token endpoint is a URI reference")
def error_uri(judge: Judge, token: TokenAnswer) -> None:
    refused(judge, token)
    if "error_uri" not in token.body:
        raise NotApplicable("the refusal has no `error_uri`")
    judge(checks.error_uri(judge.requirement, token.exchange))


@then("the refusal tells nothing of the server's inside")
def no_internals(judge: Judge, token: TokenAnswer) -> None:
    refused(judge, token)
    judge(checks.no_internals(judge.requirement, token.exchange))


@then("the refusal is no server error")
def clear_refusal(judge: Judge, token: TokenAnswer) -> None:
    refused(judge, token)
    judge(checks.clear_refusal(judge.requirement, token.exchange))


def _needs_error(judge: Judge, token: TokenAnswer, by: str) -> None:
    judge.needs(bool(token.error), by, f"the refusal has no `error` to look at: {token.describe()}")


def refused(judge: Judge, token: TokenAnswer) -> None:
    """Rules on the form of a refusal bind when there is one; that there is none, another scenario judges."""
    token_requests.require_refusal(token)
    del judge
