"""Phrases on identity: the ID Token, the keys that verify it, and the resource of the user."""

from __future__ import annotations

import secrets

from pytest_bdd import given, parsers, then, when

from smartlaunch.checks import id_token as checks
from smartlaunch.checks import jwks as key_checks
from smartlaunch.client.app import App
from smartlaunch.client.engine import Engine
from smartlaunch.client.grant import Grant
from smartlaunch.errors import NotApplicable, NotConfigured
from smartlaunch.exchange import Exchange
from smartlaunch.oauth.id_token import IdToken
from smartlaunch.oauth.token import TokenAnswer
from smartlaunch.plugin.judge import Judge
from smartlaunch.plugin.phrases import Phrase
from smartlaunch.probes import ended, id_token, token_response
from smartlaunch.probes.id_token import Identity

from .common import needs_claim


@given("the app was granted openid", target_fixture="response")
def granted_openid(app: App) -> TokenAnswer:
    return token_response.require_scope(app, "openid")


@given("the app was granted openid and fhirUser", target_fixture="identity")
def granted_fhir_user(judge: Judge, app: App) -> Identity:
    return decodable(judge, id_token.with_fhir_user(app))


@when("the app reads its ID Token", target_fixture="identity")
def read_id_token(judge: Judge, app: App) -> Identity:
    return decodable(judge, id_token.identity(app))


@when("the app reads the ID Token of a refresh", target_fixture="identity")
def read_refreshed_id_token(judge: Judge, app: App) -> Identity:
    return decodable(judge, id_token.identity_of_refresh(app))


def decodable(judge: Judge, identity: Identity) -> Identity:
    """Go on only with an ID Token that can be read: that it cannot is one failure, of the scenario on its form."""
    judge.needs(not identity.id_token.problem, "id-token-signed", f"the ID Token cannot be decoded: {identity.id_token.problem}")
    return identity


@when("the app reads the JWK Set of the server", target_fixture="jwks")
def read_jwks(judge: Judge, engine: Engine) -> Exchange:
    return with_keys(judge, id_token.jwks(engine))


def with_keys(judge: Judge, jwks: Exchange) -> Exchange:
    """Go on only with a JWK Set that has a key: that it has none is one failure, of the scenario on its publication."""
    status = jwks.answer.status
    judge.needs(status == 200 and key_checks.has_keys(jwks), "jwks-published", f"there is no JWK Set with keys: status {status}")
    return jwks


@when("the same user signs in once more", target_fixture="later")
def sign_in_again(judge: Judge, app: App) -> Identity:
    return decodable(judge, id_token.identity_of(app, token_response.of_second_login(app)))


@given("the OpenID configuration says that subjects are public")
def public_subjects(engine: Engine) -> None:
    id_token.require_public_subjects(engine)


@when("another app reads its ID Token of the same user", target_fixture="later")
def read_by_another_app(judge: Judge, app: App) -> Identity:
    return decodable(judge, id_token.identity(app.other()))


@when("the app reads the ID Token of a request by POST", target_fixture="identity")
def read_of_posted(judge: Judge, app: App) -> Identity:
    return decodable(judge, id_token.identity_of_posted(app))


@when("the app reads the ID Token of a request whose user mistyped the password first", target_fixture="identity")
def read_after_slip(judge: Judge, app: App) -> Identity:
    return decodable(judge, id_token.identity_after_slip(app))


@when("another user signs in", target_fixture="later")
def another_signs_in(judge: Judge, app: App) -> Identity:
    return decodable(judge, id_token.identity_of(app, token_response.of_another_user(app)))


@when("a user without a FHIR resource signs in", target_fixture="unresourced")
def unresourced_signs_in(app: App) -> Grant:
    return id_token.of_unresourced(app)


@when("the app reads the resource of the user", target_fixture="read")
def read_user(app: App, identity: Identity) -> Exchange:
    return id_token.fhir_user_read(app, identity)


@when("the app asks the UserInfo endpoint", target_fixture="userinfo")
def ask_userinfo(app: App) -> Exchange:
    return id_token.userinfo(app.engine, app.grant().access_token)


@when("the app asks the UserInfo endpoint with the scheme in lower case", target_fixture="userinfo")
def ask_userinfo_in_lower_case(app: App) -> Exchange:
    id_token.usual_userinfo(app)
    return id_token.userinfo(app.engine, app.grant().access_token, scheme="bearer")


@when("the app asks the UserInfo endpoint by POST", target_fixture="userinfo")
def ask_userinfo_by_post(app: App) -> Exchange:
    return id_token.userinfo_by_post(app)


@when("the app asks the UserInfo endpoint with a token that was never issued", target_fixture="userinfo")
def ask_userinfo_with_junk(app: App) -> Exchange:
    id_token.userinfo(app.engine, app.grant().access_token)
    return id_token.userinfo(app.engine, secrets.token_urlsafe(32))


@when("the app asks the UserInfo endpoint with a token that was revoked", target_fixture="userinfo")
def ask_userinfo_with_revoked(app: App) -> Exchange:
    return id_token.userinfo_of_revoked(app)


@when("the app asks the UserInfo endpoint with a token that it took before and that was revoked then", target_fixture="userinfo")
def ask_userinfo_with_ended(app: App) -> Exchange:
    return ended.told(ended.after_revocation(app).userinfo)


@when(
    Phrase("the app asks the UserInfo endpoint with {value} in place of its access token", value=id_token.OTHERS), target_fixture="userinfo"
)
def ask_userinfo_with_other(app: App, value: str) -> Exchange:
    return id_token.userinfo_of_other(app, value)


@then("the UserInfo endpoint takes the token")
def takes_token(judge: Judge, userinfo: Exchange) -> None:
    answer = userinfo.answer
    judge.expects(
        200 <= answer.status < 300,
        expected="status 200, as with the usual spelling",
        actual=f"status {answer.status}",
        exchange=userinfo.id,
    )


@then("the token response has an ID Token")
def has_id_token(judge: Judge, response: TokenAnswer) -> None:
    judge(checks.present(judge.requirement, response.exchange))


@then("the ID Token is signed")
def is_signed(judge: Judge, identity: Identity) -> None:
    exchange = identity.token.exchange
    judge(checks.signed(judge.rule("OIDC-Core-2-g"), exchange, identity.header, identity.id_token.problem))
    judge(checks.not_unsigned(judge.rule("OIDC-Core-2-h"), exchange, identity.header, identity.id_token.problem))


@then("the server signs ID Tokens with RS256 or lists it")
def supports_rs256(judge: Judge, engine: Engine, identity: Identity) -> None:
    used = identity.header.get("alg")
    listed = [] if used == "RS256" else checks.listed_algorithms(engine.discovery.openid)
    if listed is None:
        raise NotApplicable("the ID Token has another algorithm, and no OpenID configuration lists those that the server supports")
    judge(checks.supports_rs256(judge.requirement, identity.token.exchange, used, listed))


@then("the ID Token is signed with RS256")
def is_rs256(judge: Judge, identity: Identity) -> None:
    judge(checks.algorithm(judge.requirement, identity.token.exchange, identity.header))


@then("the ID Token carries no key and no address of a key")
def no_key_headers(judge: Judge, identity: Identity) -> None:
    judge(checks.no_key_headers(judge.requirement, identity.token.exchange, identity.header))


@then("the ID Token names its key where the server has several")
def names_its_key(judge: Judge, jwks: Exchange, identity: Identity) -> None:
    judge(checks.names_its_key(judge.requirement, identity.token.exchange, identity.header, key_checks.signing_keys(jwks)))


@when("the app verifies it with the published keys", target_fixture="verified")
def verify(engine: Engine, identity: Identity) -> IdToken:
    return id_token.verified(engine, identity)


@then("a published key verifies the signature")
def verifies(judge: Judge, identity: Identity, verified: IdToken) -> None:
    judge(checks.signature_verifies(judge.requirement, identity.token.exchange, verified.signature_problem))


@then("its issuer is an https URL")
def issuer_form(judge: Judge, identity: Identity) -> None:
    judge(checks.issuer_form(judge.requirement, identity.token.exchange, identity.claims))


@then("its issuer is the published one")
def issuer_is(judge: Judge, engine: Engine, identity: Identity) -> None:
    judge(checks.issuer_is(judge.requirement, identity.token.exchange, identity.claims, id_token.issuer(engine)))


@then("its issuer is the one of the SMART configuration")
def issuer_is_configured(judge: Judge, engine: Engine, identity: Identity) -> None:
    judge(checks.issuer_is(judge.requirement, identity.token.exchange, identity.claims, engine.discovery.url("issuer")))


@then("its subject is a short string")
def subject_form(judge: Judge, identity: Identity) -> None:
    judge(checks.subject_form(judge.requirement, identity.token.exchange, identity.claims))


@then("its audience is the app")
def audience(judge: Judge, app: App, identity: Identity) -> None:
    judge(checks.audience(judge.requirement, identity.token.exchange, identity.claims, app.client.client_id))


@then("its authorized party is the app")
def authorized_party(judge: Judge, app: App, identity: Identity) -> None:
    if "azp" not in identity.claims:
        raise NotApplicable("the ID Token has no `azp`, which is optional")
    judge(checks.authorized_party(judge.requirement, identity.token.exchange, identity.claims, app.client.client_id))


@then(parsers.parse('its "{name}" is a number of seconds'))
def numeric_date(judge: Judge, identity: Identity, name: str) -> None:
    judge(checks.numeric_date(judge.requirement, identity.token.exchange, identity.claims, name))


def _needs_seconds(judge: Judge, identity: Identity, name: str) -> None:
    judge.needs(checks.in_seconds(identity.claims[name]), f"id-token-{name}-form", f"`{name}` of the ID Token is in milliseconds")


@then("it has not expired on arrival")
def not_expired(judge: Judge, identity: Identity) -> None:
    needs_claim(identity.claims, "exp")
    _needs_seconds(judge, identity, "exp")
    judge(checks.not_expired(judge.requirement, identity.token.exchange, identity.claims, identity.token.received_at))


@then("the login that it tells of came before it")
def login_before(judge: Judge, identity: Identity) -> None:
    if "auth_time" not in identity.claims:
        raise NotApplicable("the ID Token has no `auth_time`, which is optional where no `max_age` was asked for")
    judge(checks.login_before(judge.requirement, identity.token.exchange, identity.claims))


@then("it is in force on arrival")
def in_force(judge: Judge, identity: Identity) -> None:
    if "nbf" not in identity.claims:
        raise NotApplicable("the ID Token has no `nbf`, which is optional")
    judge(checks.in_force(judge.requirement, identity.token.exchange, identity.claims, identity.token.received_at))


@then("it was issued before its arrival")
def issued_before(judge: Judge, identity: Identity) -> None:
    needs_claim(identity.claims, "iat")
    _needs_seconds(judge, identity, "iat")
    judge(checks.issued_before(judge.requirement, identity.token.exchange, identity.claims, identity.token.received_at))


@then("it was issued just before its arrival")
def freshly_issued(judge: Judge, identity: Identity) -> None:
    needs_claim(identity.claims, "iat")
    judge(checks.freshly_issued(judge.requirement, identity.token.exchange, identity.claims, identity.token.received_at))


@then("its nonce is the one that the app sent")
def nonce(judge: Judge, identity: Identity) -> None:
    judge(checks.nonce(judge.requirement, identity.token.exchange, identity.claims, identity.nonce))


@then("its at_hash is that of the access token")
def access_token_hash(judge: Judge, identity: Identity) -> None:
    if "at_hash" not in identity.claims:
        raise NotApplicable("the ID Token has no `at_hash`, which is optional in this flow")
    if not checks.names_hash(identity.header):
        raise NotApplicable("the algorithm of the ID Token does not say by which hash `at_hash` is made")
    judge.needs(bool(identity.token.access_token), "token-response-access-token", "there is no access token that `at_hash` could be of")
    judge(checks.access_token_hash(judge.requirement, identity.token.exchange, identity.header, identity.claims))


def _need_subjects(judge: Judge, *identities: Identity) -> None:
    told = all(isinstance(one.claims.get("sub"), str) and one.claims["sub"] for one in identities)
    judge.needs(told, "id-token-sub-form", "an ID Token has no `sub` to compare")


@then("both ID Tokens have one subject")
def same_subject(judge: Judge, identity: Identity, later: Identity) -> None:
    _need_subjects(judge, identity, later)
    judge(checks.same_subject(judge.requirement, later.token.exchange, identity.claims, later.claims))


@then("the ID Tokens have two subjects")
def other_subject(judge: Judge, identity: Identity, later: Identity) -> None:
    _need_subjects(judge, identity, later)
    judge(checks.other_subject(judge.requirement, later.token.exchange, identity.claims, later.claims))


@then("the ID Token has the claim fhirUser")
def fhir_user_present(judge: Judge, identity: Identity) -> None:
    judge(checks.fhir_user_present(judge.requirement, identity.token.exchange, identity.claims))


def _needs_fhir_user(judge: Judge, identity: Identity, *, readable: bool = False) -> None:
    """Go on only with the claim, and where it is compared only with one that names a person."""
    judge.needs("fhirUser" in identity.claims, "fhir-user-present", "the ID Token has no `fhirUser`")
    named = not readable or checks.user_reference(identity.claims["fhirUser"]) is not None
    judge.needs(named, "fhir-user-form", "`fhirUser` names no person by type and id")


@then("fhirUser names a person by resource type and id")
def fhir_user_form(judge: Judge, identity: Identity) -> None:
    _needs_fhir_user(judge, identity)
    judge(checks.fhir_user_form(judge.requirement, identity.token.exchange, identity.claims))


@then("fhirUser is the person who signed in")
def fhir_user_expected(judge: Judge, identity: Identity) -> None:
    if identity.user is None or not identity.user.fhir_user:
        raise NotConfigured("the target file does not tell the FHIR resource of the user", key="[users.<name>] fhir_user")
    _needs_fhir_user(judge, identity, readable=True)
    judge(checks.fhir_user_expected(judge.requirement, identity.token.exchange, identity.claims, identity.user.fhir_user))


@then("fhirUser is on the FHIR server of the launch")
def fhir_user_here(judge: Judge, engine: Engine, identity: Identity) -> None:
    _needs_fhir_user(judge, identity, readable=True)
    judge(checks.fhir_user_here(identity.token.exchange, elsewhere=id_token.is_elsewhere(engine, identity)))


@then("the FHIR server answers with the resource of the user")
def fhir_user_leads(judge: Judge, identity: Identity, read: Exchange) -> None:
    _needs_fhir_user(judge, identity, readable=True)
    judge(checks.fhir_user_leads(judge.requirement, read, identity.claims))


@when("the app reads the resource of that user", target_fixture="read")
def read_unresourced(app: App, unresourced: Grant) -> Exchange | None:
    read = id_token.unresourced_read(app, unresourced)
    if "fhirUser" in unresourced.granted and id_token.unreadable(app, unresourced, read):
        raise NotApplicable("`fhirUser` names a resource that no granted scope lets the app read, so the user may have one")
    return read


@then("fhirUser is not granted, or leads to a resource after all")
def fhir_user_withheld(judge: Judge, unresourced: Grant, read: Exchange | None) -> None:
    judge(checks.fhir_user_withheld(judge.requirement, unresourced.token.exchange, unresourced.granted, read))


@then("the UserInfo response has the subject of the ID Token")
def userinfo_subject(judge: Judge, identity: Identity, userinfo: Exchange) -> None:
    judge(checks.userinfo_subject(judge.requirement, userinfo, identity.claims))


@then("the UserInfo response has the media type of JSON or of a JWT")
def userinfo_media_type(judge: Judge, app: App, userinfo: Exchange) -> None:
    judge(checks.userinfo_media_type(judge.requirement, id_token.as_usual(app, userinfo)))


@then("the UserInfo endpoint refuses it")
def userinfo_refuses(judge: Judge, userinfo: Exchange) -> None:
    judge(checks.userinfo_refuses(judge.requirement, userinfo))


@then("the JWK Set has a key for signatures")
def jwks_published(judge: Judge, jwks: Exchange) -> None:
    judge(key_checks.published(judge.requirement, jwks))


@then("the key of the ID Token is published")
def signing_key(judge: Judge, jwks: Exchange, identity: Identity) -> None:
    judge(key_checks.signing_key(judge.requirement, jwks, identity.header))


@then("the JWK Set has public keys only")
def no_private_parts(judge: Judge, jwks: Exchange) -> None:
    judge(key_checks.no_private_parts(judge.requirement, jwks))


@then("each key has its material in members of its own")
def bare_keys(judge: Judge, jwks: Exchange) -> None:
    judge(key_checks.bare_keys(judge.requirement, jwks))


@then("keys of both kinds tell their use")
def use_given(judge: Judge, jwks: Exchange) -> None:
    judge(key_checks.use_given(judge.requirement, jwks))


@then("RSA keys have 2048 bits or more")
def key_sizes(judge: Judge, jwks: Exchange) -> None:
    judge(key_checks.key_sizes(judge.requirement, jwks))


@then("each key has an id of its own")
def key_ids(judge: Judge, jwks: Exchange) -> None:
    judge(key_checks.key_ids(judge.requirement, jwks))
