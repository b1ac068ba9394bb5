"""Phrases on token revocation: who may revoke what, and what is left of it."""

from __future__ import annotations

from pytest_bdd import then, when

from smartlaunch.checks import members, token_error
from smartlaunch.checks import revocation as checks
from smartlaunch.client.app import App
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable
from smartlaunch.exchange import Exchange
from smartlaunch.oauth.token import TokenAnswer
from smartlaunch.plugin.judge import Judge
from smartlaunch.plugin.phrases import Phrase
from smartlaunch.probes import foreign_revocation, revocation
from smartlaunch.probes.client_authentication import either
from smartlaunch.probes.refresh import wrong
from smartlaunch.probes.revocation import Revoked, Use


@when("the app revokes its access token", target_fixture="revoked")
def revokes_access_token(app: App) -> Revoked:
    return revocation.access_token(app)


@when("the app revokes its refresh token", target_fixture="revoked")
def revokes_refresh_token(app: App) -> Revoked:
    return revocation.refresh_token(app)


@when("the app revokes the refresh token of a grant", target_fixture="revoked")
def revokes_grant(app: App) -> Revoked:
    return revocation.refresh_token_of_grant(app)


@when("the app revokes the refresh token that a refresh brought", target_fixture="use")
def revokes_renewed(app: App) -> Use:
    return wrong.access_token_of_revoked_line(app)


@then("the access token of that refresh is refused by the FHIR server")
def renewed_refused(judge: Judge, use: Use) -> None:
    judge(checks.read_is_refused(judge.requirement, use.judged))


@when(Phrase('the app revokes its access token with the hint "{hint}"'), target_fixture="revoked")
def revokes_access_token_with_hint(app: App, hint: str) -> Revoked:
    return revocation.access_token(app, hint)


@when(Phrase('the app revokes its refresh token with the hint "{hint}"'), target_fixture="revoked")
def revokes_refresh_token_with_hint(app: App, hint: str) -> Revoked:
    return revocation.refresh_token(app, hint)


@when("the app revokes a token that was never issued", target_fixture="revocation_answer")
def revokes_unknown(app: App) -> Exchange:
    return revocation.unknown(app)


@when("the app revokes such a token in a form of the charset UTF-8", target_fixture="with_charset")
def revokes_with_charset(app: App) -> Exchange:
    return revocation.unknown_with_charset(app)


@then("both revocations are answered in one way")
def revoked_in_one_way(judge: Judge, revocation_answer: Exchange, with_charset: Exchange) -> None:
    judge(members.charset_changes_nothing(judge.requirement, revocation_answer, with_charset))


@when("the app revokes its access token for the second time", target_fixture="revocation_answer")
def revokes_again(app: App) -> Exchange:
    return revocation.again(app)


@when("the app sends a revocation request without a token", target_fixture="revocation_answer")
def revokes_nothing(app: App) -> Exchange:
    return revocation.without_token(app)


@when(Phrase("somebody revokes the access token of the app with {label}", label=either.WRONG), target_fixture="revoked")
def revokes_badly_authenticated(app: App, label: str) -> Revoked:
    return foreign_revocation.badly_authenticated(app, label)


@when("the backend service revokes a token of its own", target_fixture="revoked")
def service_revokes(service: App) -> Revoked:
    return revocation.of_service(service)


@when("another client revokes the access token of the app", target_fixture="revoked")
def revokes_foreign(app: App) -> Revoked:
    return foreign_revocation.by_another_client(app)


@when("it revokes the refresh token of the app", target_fixture="revoked_refresh")
def revokes_foreign_refresh_token(app: App) -> TokenAnswer:
    return foreign_revocation.refresh_token_by_another_client(app)


@then("the refresh token of the app stays in force")
def refresh_token_stays(judge: Judge, revoked_refresh: TokenAnswer) -> None:
    judge(checks.refresh_is_answered(judge.requirement, revoked_refresh.exchange, "another client"))


@then("the revocation is refused")
def revocation_refused(judge: Judge, revoked: Revoked) -> None:
    judge(checks.is_refused(judge.requirement, revoked.answer, "a client that did not authenticate"))


@then("the refusal of the revocation is a 401 with a challenge for Basic")
def revocation_challenged(judge: Judge, revoked: Revoked) -> None:
    revocation.require_refusal(revoked.answer)
    if not any(value.startswith("Basic ") for _, value in revoked.answer.request.headers):
        raise NotApplicable("the client does not authenticate by the header")
    judge(token_error.challenge_for_basic(judge.requirement, revoked.answer))


@then("the revocation endpoint takes the form")
def takes_form(judge: Judge, revoked: Revoked) -> None:
    _supported(revoked)
    judge(checks.takes_form(judge.requirement, revoked.answer))


@then("the revocation is answered with 200")
def answered_200(judge: Judge, revoked: Revoked) -> None:
    _supported(revoked)
    judge(checks.answers_200(judge.requirement, revoked.answer, "a token of the client"))


def _supported(revoked: Revoked) -> None:
    """Access tokens SHOULD be revocable; a server that cannot says so by an error that was made for that (RFC 7009 section 2.2.1)."""
    if revoked.answer.answer.object.get("error") == "unsupported_token_type":
        raise NotApplicable("the server does not revoke tokens of this kind, and says so as RFC 7009 section 2.2.1 lays down")


@then("the unknown token is answered with 200")
def unknown_answered_200(judge: Judge, revocation_answer: Exchange) -> None:
    answered(revocation_answer)
    judge(checks.answers_200(judge.requirement, revocation_answer, "a token that the server does not know"))


@then("the access token is refused by the FHIR server")
def access_token_refused(judge: Judge, revoked: Revoked) -> None:
    judge(checks.read_is_refused(judge.requirement, revoked.tried))


@then("the refresh token brings no token")
def refresh_token_refused(judge: Judge, revoked: Revoked) -> None:
    judge(checks.refresh_is_refused(judge.requirement, revoked.refreshed))


@then("the hint does not keep it from being revoked")
def hint_does_no_harm(judge: Judge, revoked: Revoked) -> None:
    _supported(revoked)
    if revoked.read is None:
        judge(checks.taken_despite_hint(judge.requirement, revoked.answer))
    elif revoked.refresh is not None:
        judge(checks.refresh_is_refused(judge.requirement, revoked.refreshed))
    else:
        judge(checks.read_is_refused(judge.requirement, revoked.tried))


@then("the access token of the app stays in force")
def access_token_stays(judge: Judge, revoked: Revoked) -> None:
    judge(checks.read_is_answered(judge.requirement, revoked.tried, "someone else"))


@then("the refusal of the revocation has an error that is defined")
def error_defined(judge: Judge, revocation_answer: Exchange) -> None:
    revocation.require_refusal(revocation_answer)
    judge(checks.defined_error(judge.requirement, revocation_answer))


@then("the refusal of the foreign revocation has an error that is defined")
def foreign_error_defined(judge: Judge, revoked: Revoked) -> None:
    revocation.require_refusal(revoked.answer)
    judge(checks.defined_error(judge.requirement, revoked.answer))
