"""Phrases on refresh tokens: what a refresh brings, what it may not bring, and who may use one."""

from __future__ import annotations

from pytest_bdd import then, when

from smartlaunch.checks import refresh as checks
from smartlaunch.checks import token_error, token_response
from smartlaunch.checks.members import advice
from smartlaunch.client.app import App
from smartlaunch.client.engine import Engine
from smartlaunch.client.grant import Grant
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable
from smartlaunch.exchange import Exchange
from smartlaunch.oauth.token import TokenAnswer
from smartlaunch.plugin.judge import Judge
from smartlaunch.plugin.phrases import Phrase
from smartlaunch.probes.client_authentication import either
from smartlaunch.probes.refresh import access, right, wrong
from smartlaunch.probes.refresh.right import Refreshed, Renewed
from smartlaunch.probes.refresh.wrong import PartUse, Reuse, Widened
from smartlaunch.probes.token import Race

from .common import lifetime_is_true

# -- what the app has ---------------------------------------------------------------------------------------------------------


@when("the app is granted offline access", target_fixture="grant")
def granted_offline(app: App) -> Grant:
    return access.offline_grant(app)


@when("the app is granted online access", target_fixture="grant")
def granted_online(app: App) -> Grant:
    return access.online_grant(app)


@then("the grant has a refresh token if the app asked for one")
def refresh_token_expected(judge: Judge, engine: Engine, grant: Grant) -> None:
    judge(checks.refresh_token_expected(grant.token.exchange, grant.requested, declared=engine.target.expect.refresh_token))


@then(Phrase("the grant of {scope} has a refresh token", scope=("offline_access", "online_access")))
def grant_has_refresh_token(judge: Judge, grant: Grant, scope: str) -> None:
    judge(checks.has_refresh_token(judge.requirement, grant.token.exchange, scope))


# -- right refreshes ----------------------------------------------------------------------------------------------------------


@when("the app refreshes its grant", target_fixture="refreshed")
def refreshes(judge: Judge, app: App) -> Refreshed:
    return _answered_with_tokens(judge, right.refreshed(app))


def _answered_with_tokens(judge: Judge, refreshed: Refreshed, by: str = "refresh-access-token-works") -> Refreshed:
    """Go on only where the refresh was not refused: that it was is one failure, of the scenario on the new access token."""
    answer = refreshed.answer
    found = 200 <= answer.response.status < 300 and bool(answer.body) and not answer.error
    judge.needs(found, by, f"a right refresh brought nothing to look at: {answer.describe()}")
    return refreshed


@when("the app refreshes its grant with an empty scope", target_fixture="refreshed")
def refreshes_with_empty_scope(app: App) -> Refreshed:
    return right.with_empty_scope(app)


@when("the app refreshes its grant twice", target_fixture="refreshed")
def refreshes_twice(judge: Judge, app: App) -> Refreshed:
    return _answered_with_tokens(judge, right.again(app), "refresh-new-refresh-token-works")


@when("the app uses the refresh token that a refresh brought", target_fixture="refreshed")
def refreshes_again(app: App) -> Refreshed:
    return right.again(app)


@then("the second refresh brings an access token")
def second_refresh(judge: Judge, refreshed: Refreshed) -> None:
    judge(checks.yields_token(judge.requirement, refreshed.answer.exchange, "of the first refresh"))


@when("the app refreshes a part of its scopes", target_fixture="refreshed")
def refreshes_part(app: App) -> Refreshed:
    return right.part(app)


@when("the app uses the token of a refresh for a part beyond it", target_fixture="part_use")
def uses_part(app: App) -> PartUse:
    return wrong.beyond_the_part(app)


@when("the app refreshes a part of its scopes and then all of them", target_fixture="refreshed")
def refreshes_whole_after_part(app: App) -> Refreshed:
    return right.whole_after_part(app)


@when("the app refreshes a part of its scopes and then all of them with the same refresh token", target_fixture="refreshed")
def refreshes_whole_with_same_token(app: App) -> Refreshed:
    return right.whole_after_part(app, replaced=False)


@when("the app refreshes its grant after the browser is closed", target_fixture="refreshed")
def refreshes_without_browser(app: App) -> Refreshed:
    return access.without_browser(app)


@when("the app refreshes offline access after the user has signed out", target_fixture="refreshed")
def refreshes_offline_after_sign_out(app: App) -> Refreshed:
    return access.offline_after_sign_out(app)


@when("the app refreshes online access while the user is online", target_fixture="refreshed")
def refreshes_online(app: App) -> Refreshed:
    return access.while_online(app)


@when("the app refreshes online access after the user has signed out", target_fixture="refreshed")
def refreshes_online_after_sign_out(app: App) -> Refreshed:
    return access.online_after_sign_out(app)


@when("it uses the access token that came", target_fixture="used")
def uses_what_came(app: App, refreshed: Refreshed) -> Exchange | None:
    answered(refreshed.answer.exchange)
    return right.require_alive(app, refreshed) if refreshed.answer.access_token else None


@then("the refresh brings an access token that works")
def refresh_works(judge: Judge, refreshed: Refreshed, used: Exchange | None) -> None:
    judge(checks.yields_token(judge.requirement, refreshed.answer.exchange, "of the grant"))
    judge(checks.accepted(judge.requirement, used) if used is not None else [])


@then("the refresh after the sign-out brings an access token, as good practice wants it")
def refresh_after_sign_out(judge: Judge, refreshed: Refreshed) -> None:
    judge(advice(checks.yields_token(judge.requirement, refreshed.answer.exchange, "of the grant")))


@then("the refresh response has a new access token")
def new_access_token(judge: Judge, refreshed: Refreshed) -> None:
    judge(checks.new_access_token(judge.requirement, refreshed.answer.exchange, refreshed.grant.access_token))


@then("the refresh response says that the token is a bearer token")
def token_type(judge: Judge, refreshed: Refreshed) -> None:
    judge(token_response.token_type(judge.requirement, refreshed.answer.exchange))


@then("the refresh response tells the lifetime in seconds")
def lifetime(judge: Judge, refreshed: Refreshed) -> None:
    judge(token_response.lifetime(judge.requirement, refreshed.answer.exchange))


@then("the lifetime that the refresh response tells is to come")
def true_lifetime(judge: Judge, refreshed: Refreshed) -> None:
    lifetime_is_true(judge, refreshed.answer)


@then("the refresh response lists the scopes")
def scope_listed(judge: Judge, refreshed: Refreshed) -> None:
    judge(token_response.scope_listed(judge.requirement, refreshed.answer.exchange))


@then("the refresh for a part lists the scopes")
def scope_of_part_listed(judge: Judge, refreshed: Refreshed) -> None:
    if not refreshed.answer.succeeded:
        raise NotApplicable("the refresh for a part brought no token; `refresh-part` judges that")
    judge(token_response.scope_listed(judge.requirement, refreshed.answer.exchange))


@then("the token of the refresh for a part opens nothing beyond it")
def part_enforced(judge: Judge, part_use: PartUse) -> None:
    judge(checks.reads_nothing_wider(judge.requirement, part_use.read, part_use.what))


@then("its scopes are those of the original grant")
def scopes_kept(judge: Judge, refreshed: Refreshed) -> None:
    judge(checks.keeps_scopes(judge.requirement, refreshed.answer.exchange, refreshed.lost, refreshed.gained))


@then("it is answered with the scopes of the original grant, as one without scope")
def answered_as_without_scope(judge: Judge, refreshed: Refreshed) -> None:
    answer = refreshed.answer
    taken = answer.succeeded
    judge.expects(
        taken, expected="a token, as without `scope`", actual=answer.describe(), exchange=answer.exchange.id, pointer="parameter: scope"
    )
    if taken:
        judge(checks.keeps_scopes(judge.requirement, answer.exchange, refreshed.lost, refreshed.gained))


@then("its scopes are the part that the app asked for, or all of the original grant")
def scopes_of_part(judge: Judge, refreshed: Refreshed) -> None:
    judge(checks.part_or_whole(judge.requirement, refreshed.answer.exchange, refreshed.lost, refreshed.gained))


@then("its launch context is that of the original grant")
def context_kept(judge: Judge, refreshed: Refreshed) -> None:
    judge(checks.same_context(judge.requirement, refreshed.answer.exchange, refreshed.grant.token.body))


@then("the refresh brings a new refresh token")
def refresh_token_replaced(judge: Judge, refreshed: Refreshed) -> None:
    judge(checks.replaced(judge.requirement, refreshed.answer.exchange, refreshed.grant.token.refresh_token))


@then("online access has ended")
def online_access_ended(judge: Judge, refreshed: Refreshed) -> None:
    answered(refreshed.answer.exchange)
    judge(checks.ends_with_the_session(judge.requirement, refreshed.answer.exchange))


# -- the ID Token of a refresh ------------------------------------------------------------------------------------------------


@when("the app gets an ID Token with a refresh", target_fixture="renewed")
def renewed_id_token(app: App) -> Renewed:
    return right.renewed(app)


@when("the app gets an ID Token with a refresh after the user has signed in elsewhere", target_fixture="renewed")
def renewed_after_a_sign_in(app: App) -> Renewed:
    return right.renewed_after_a_sign_in(app)


@then(Phrase("its {claim} is that of the first ID Token", claim=right.KEPT_CLAIMS))
def claim_kept(judge: Judge, renewed: Renewed, claim: str) -> None:
    judge.needs(
        claim in renewed.first, {"iss": "id-token-iss-form", "sub": "id-token-sub-form"}[claim], f"the first ID Token has no `{claim}`"
    )
    judge(checks.same_claim(judge.requirement, renewed.exchange, renewed.first, renewed.second, claim))


@then("a fhirUser in it is that of the first ID Token")
def fhir_user_kept(judge: Judge, renewed: Renewed) -> None:
    if "fhirUser" not in renewed.second:
        raise NotApplicable("the ID Token of the refresh has no `fhirUser`")
    if "fhirUser" not in renewed.first:
        raise NotApplicable("the first ID Token has no `fhirUser`")
    judge(checks.same_person(judge.requirement, renewed.exchange, renewed.first, renewed.second))


def _needs_claims(judge: Judge, renewed: Renewed) -> None:
    """Go on only with claims: of an ID Token that cannot be decoded nobody can say what it has not."""
    judge.needs(bool(renewed.second), "refresh-id-token-iss", "the ID Token of the refresh cannot be decoded, or has no claims")


@then("its azp is that of the first ID Token, or absent in both")
def azp_kept(judge: Judge, renewed: Renewed) -> None:
    _needs_claims(judge, renewed)
    judge(checks.same_party(judge.requirement, renewed.exchange, renewed.first, renewed.second))


@then("an auth_time in it is that of the sign-in")
def auth_time_kept(judge: Judge, renewed: Renewed) -> None:
    if "auth_time" not in renewed.second:
        raise NotApplicable("the ID Token of the refresh has no `auth_time`")
    judge(checks.same_sign_in(judge.requirement, renewed.exchange, renewed.first, renewed.second))


@then("its audience contains that of the first ID Token")
def audience_kept(judge: Judge, renewed: Renewed) -> None:
    judge.needs("aud" in renewed.first, "id-token-aud", "the first ID Token has no `aud`")
    judge(checks.audience_kept(judge.requirement, renewed.exchange, renewed.first, renewed.second))


@then("its time of issue is its own")
def issued_now(judge: Judge, renewed: Renewed) -> None:
    judge(checks.issued_now(judge.requirement, renewed.exchange, renewed.second, renewed.first, renewed.received_at))


@then("a nonce in it is that of the authorization request")
def same_nonce(judge: Judge, renewed: Renewed) -> None:
    _needs_claims(judge, renewed)
    judge(checks.same_nonce(judge.requirement, renewed.exchange, renewed.second, renewed.nonce))


@then("it has no nonce")
def no_nonce(judge: Judge, renewed: Renewed) -> None:
    _needs_claims(judge, renewed)
    judge(checks.no_nonce(judge.requirement, renewed.exchange, renewed.second))


# -- wrong refreshes ----------------------------------------------------------------------------------------------------------


@when("the app refreshes without a refresh token", target_fixture="token")
def refresh_without_token(app: App) -> TokenAnswer:
    return wrong.without_token(app)


@when(Phrase("the app refreshes with {label}, which it sends as well", label=wrong.DOUBLED), target_fixture="token")
def refresh_with_doubled(app: App, label: str) -> TokenAnswer:
    return wrong.with_doubled(app, label)


@when("the app refreshes by GET", target_fixture="token")
def refresh_by_get(app: App) -> TokenAnswer:
    return wrong.by_get(app)


@when(Phrase("the app refreshes with {label} in place of its refresh token", label=wrong.WRONG), target_fixture="token")
def refresh_with_wrong_token(app: App, label: str) -> TokenAnswer:
    return wrong.with_token(app, label)


@when("the app refreshes with a refresh token that was revoked", target_fixture="token")
def refresh_with_revoked(app: App) -> TokenAnswer:
    return wrong.after_revocation(app)


@when("the app refreshes with a refresh token whose successor was revoked", target_fixture="token")
def refresh_with_predecessor(app: App) -> TokenAnswer:
    return wrong.predecessor_after_revocation(app)


@when("the app refreshes with a refresh token that was replaced", target_fixture="token")
def refresh_with_replaced(app: App) -> TokenAnswer:
    return wrong.reused(app).replay


@when("the app refreshes with a refresh token whose successor was replaced", target_fixture="token")
def refresh_with_first_of_three(app: App) -> TokenAnswer:
    return wrong.first_of_three(app)


@when("a client of another kind refreshes with the refresh token of the app", target_fixture="token")
def refresh_as_another_kind(app: App) -> TokenAnswer:
    return wrong.by_another_kind(app)


@when("another client refreshes with the refresh token of the app", target_fixture="token")
def refresh_by_another(app: App) -> TokenAnswer:
    return wrong.by_another_client(app)


@when(Phrase("somebody refreshes with the refresh token of the app and {label}", label=either.WRONG), target_fixture="token")
def refresh_badly_authenticated(app: App, label: str) -> TokenAnswer:
    return wrong.badly_authenticated(app, label)


@when(Phrase("the app refreshes its grant with {label} added", label=wrong.WIDER), target_fixture="widened")
def refresh_wider(app: App, label: str) -> Widened:
    return wrong.wider(app, label)


@when("the app refreshes a grant of one category for every category", target_fixture="widened")
def refresh_for_every_category(app: App) -> Widened:
    return wrong.for_every_category(app)


@when("the app refreshes a grant from which the user left a scope out", target_fixture="widened")
def refresh_what_is_left(app: App) -> Widened:
    return wrong.of_what_is_left(app)


@when("the app refreshes its grant for a scope that the user left out", target_fixture="widened")
def refresh_for_what_was_left_out(app: App) -> Widened:
    return wrong.with_what_was_left_out(app)


@when(Phrase("the app asks a refresh for {label}", label=wrong.WIDER), target_fixture="token")
def refresh_wider_token(app: App, label: str) -> TokenAnswer:
    return wrong.wider(app, label).refreshed.answer


@then("the refresh brings no wider access")
def no_wider_access(judge: Judge, widened: Widened) -> None:
    refreshed, read = widened.refreshed, widened.read
    answered(refreshed.answer.exchange)
    judge(checks.no_wider(judge.requirement, refreshed.answer.exchange, widened.gained))
    judge(checks.reads_nothing_wider(judge.requirement, read, "a search") if read is not None else [])


@when("the app refreshes by two requests at once", target_fixture="race")
def refresh_at_once(app: App) -> Race:
    return wrong.raced(app)


@when("the app uses a refresh token again that was replaced", target_fixture="reuse")
def reuse(app: App) -> Reuse:
    return wrong.reused(app)


@then("the second use brings no token")
def reuse_refused(judge: Judge, reuse: Reuse) -> None:
    answered(reuse.replay.exchange)
    judge(token_error.no_token(judge.requirement, reuse.replay.exchange, "a refresh token that was replaced"))


@then("the tokens that came from it have ended")
def reuse_ends_all(judge: Judge, reuse: Reuse) -> None:
    answered(reuse.after.exchange)
    judge(checks.ended(judge.requirement, reuse.after.exchange, "the refresh token that replaced it"))
    judge(checks.ended(judge.requirement, reuse.use.judged, "the access token that came with it"))
