"""Phrases on User-access Brands: the bundle that the SMART configuration links to."""

from __future__ import annotations

from pytest_bdd import parsers, then, when

from smartlaunch.checks import brands as checks
from smartlaunch.client.engine import Engine
from smartlaunch.errors import NotApplicable
from smartlaunch.exchange import Exchange
from smartlaunch.plugin.judge import Judge
from smartlaunch.probes import brands


@when("the app follows the link to the brand bundle", target_fixture="bundle")
def follow_link(engine: Engine) -> Exchange:
    return brands.answer(engine)


@when("the app fetches the brand bundle", target_fixture="bundle")
def fetch(engine: Engine) -> Exchange:
    return brands.bundle(engine)


@when("a page that the server does not know asks for the brand bundle", target_fixture="bundle")
def fetch_from_page(engine: Engine) -> Exchange:
    return brands.from_a_page(engine)


@when("the app fetches the brand bundle again", target_fixture="fetches")
def fetch_again(engine: Engine) -> tuple[Exchange, Exchange]:
    return brands.bundle(engine), brands.again(engine)


@when("a page that the server does not know asks for the brand bundle again", target_fixture="bundle")
def fetch_from_page_again(engine: Engine) -> Exchange:
    return brands.again(engine)


@when("the app fetches the brand bundle another time", target_fixture="fetches")
def fetch_twice(engine: Engine) -> tuple[Exchange, Exchange]:
    return brands.twice(engine)


@then("it links to the brand bundle when it names a brand")
def links(judge: Judge, engine: Engine, answer: Exchange) -> None:
    if brands.identifier(engine) is None:
        raise NotApplicable("the SMART configuration tells of no brand")
    judge(checks.linked(judge.requirement, answer, brands.identifier(engine)))


def _needs_brands(judge: Judge, bundle: Exchange) -> None:
    judge.needs(bool(checks.brands(bundle)), "brands-complete", "the bundle has no Brand to look at")


@then("it is a Bundle of type collection")
def is_collection(judge: Judge, bundle: Exchange) -> None:
    judge(checks.brand_bundle(judge.requirement, bundle))


@then("each brand has a name, a web site and its endpoints")
def brand_form(judge: Judge, bundle: Exchange) -> None:
    judge(checks.brand_form(judge.requirement, bundle))


@then("each endpoint has an address, a FHIR version and a contact")
def endpoint_form(judge: Judge, bundle: Exchange) -> None:
    if not checks.entries(bundle, "Endpoint"):
        raise NotApplicable("the bundle has no Endpoint")
    judge(checks.endpoint_form(judge.requirement, bundle))


@then("no brand is part of a brand that is itself part of another")
def hierarchy(judge: Judge, bundle: Exchange) -> None:
    if not checks.nested(bundle):
        raise NotApplicable("no Brand of the bundle is part of another")
    judge(checks.two_levels(judge.requirement, bundle))


@then("the countries of the brands are codes of two letters")
def countries(judge: Judge, bundle: Exchange) -> None:
    if not checks.countries(bundle):
        raise NotApplicable("no Brand of the bundle has an address with a country")
    judge(checks.country_codes(judge.requirement, bundle))


@then("the brands refer to every endpoint of the bundle, and to no other")
def primary_brand(judge: Judge, engine: Engine, bundle: Exchange) -> None:
    if not checks.entries(bundle, "Endpoint"):
        raise NotApplicable("the bundle has no Endpoint")
    judge(checks.primary_brand(judge.requirement, bundle, brands.identifier(engine)))


@then("each extension in it has a url, and a value or parts")
def whole_extensions(judge: Judge, bundle: Exchange) -> None:
    judge(checks.whole_extensions(judge.requirement, bundle))


@then("each entry of it has a fullUrl")
def full_urls(judge: Judge, bundle: Exchange) -> None:
    judge.needs(bool(bundle.answer.object.get("entry")), "brands-complete", "the bundle has no entry to look at")
    judge(checks.full_urls(judge.requirement, bundle))


@then("the bundle tells when it changed last")
def has_timestamp(judge: Judge, bundle: Exchange) -> None:
    judge(checks.timestamp(judge.requirement, bundle))


@then("an unchanged bundle has the same timestamp")
def timestamp_stays(judge: Judge, fetches: tuple[Exchange, Exchange]) -> None:
    judge(checks.timestamp_stays(judge.requirement, *fetches))


@then("every resource of it tells when it changed last")
def last_updated(judge: Judge, bundle: Exchange) -> None:
    if not checks.tracks_resources(bundle):
        raise NotApplicable("no resource of the bundle says when it changed: the publisher does not track single resources")
    judge(checks.last_updated(judge.requirement, bundle))


@then("the page can read it")
def page_reads(judge: Judge, bundle: Exchange) -> None:
    judge(checks.open_to_origin(judge.requirement, bundle))


@then("the answer has a weak ETag")
def weak_etag(judge: Judge, bundle: Exchange) -> None:
    judge(checks.weak_etag(judge.requirement, bundle))


@then("an unchanged bundle is not sent again")
def not_again(judge: Judge, fetches: tuple[Exchange, Exchange]) -> None:
    judge(checks.not_sent_again(judge.requirement, *fetches))


@then("no missing value has another mark than asked-declined and asked-unknown")
def absent_reasons(judge: Judge, bundle: Exchange) -> None:
    judge(checks.absent_reasons(judge.requirement, bundle))


@then("each brand is identified by its web site")
def identified(judge: Judge, bundle: Exchange) -> None:
    _needs_brands(judge, bundle)
    judge(checks.web_site_identifiers(judge.requirement, bundle))


@then("the SMART configuration names the brand of this server")
def names_brand(judge: Judge, engine: Engine, bundle: Exchange) -> None:
    judge(checks.identifier_present(judge.requirement, engine.discovery.exchange, bundle, several=False))


@then("the SMART configuration names the brand of this server if there are several")
def names_brand_of_several(judge: Judge, engine: Engine, bundle: Exchange) -> None:
    if len(checks.brands(bundle)) < 2:
        raise NotApplicable("the bundle has no more than one Brand")
    judge(checks.identifier_present(judge.requirement, engine.discovery.exchange, bundle, several=True))


@then(parsers.parse('its brand identifier has a "{name}"'))
def identifier_part(judge: Judge, answer: Exchange, name: str) -> None:
    if "user_access_brand_identifier" not in answer.answer.object:
        raise NotApplicable("the SMART configuration has no `user_access_brand_identifier`")
    judge(checks.identifier_part(judge.requirement, answer, name))


@then("exactly one brand has the identifier of the SMART configuration")
def exactly_one(judge: Judge, engine: Engine, bundle: Exchange) -> None:
    if not isinstance(brands.identifier(engine), dict) or not brands.identifier(engine).get("value"):
        raise NotApplicable("the SMART configuration gives no brand identifier with a value")
    judge(checks.identifies_one(judge.requirement, engine.discovery.exchange, bundle))
