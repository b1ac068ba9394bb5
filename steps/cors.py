"""Phrases on Cross-Origin Resource Sharing: what a page in a browser may call and read."""

from __future__ import annotations

from pytest_bdd import then, when

from smartlaunch.checks import cors as checks
from smartlaunch.checks.members import advice
from smartlaunch.client.app import App
from smartlaunch.client.engine import Engine
from smartlaunch.errors import NotApplicable
from smartlaunch.exchange import Endpoint
from smartlaunch.finding import Side
from smartlaunch.plugin.judge import Judge
from smartlaunch.plugin.phrases import Phrase
from smartlaunch.probes import cors
from smartlaunch.probes.cors import Call


@when(Phrase("a page of any origin fetches the {document}", document=cors.DOCUMENTS), target_fixture="call")
def fetch_document(engine: Engine, document: str) -> Call:
    return cors.public_document(engine, document)


@when(Phrase("a page without an origin fetches the {document}", document=cors.DOCUMENTS), target_fixture="call")
def fetch_document_without_origin(engine: Engine, document: str) -> Call:
    return cors.public_document(engine, document, cors.NO_ORIGIN)


@when(Phrase("a page of the app calls the token endpoint with {label}", label=cors.REFUSED), target_fixture="call")
def refused_request(app: App, label: str) -> Call:
    return cors.refused_request(app, label)


@when("a page of the app redeems a code", target_fixture="call")
def redeem(app: App) -> Call:
    return cors.redeem(app)


@when("a page of the app refreshes its grant", target_fixture="call")
def refresh(app: App) -> Call:
    return cors.refresh(app)


@when("a page of the app redeems a made-up code", target_fixture="call")
def redeem_junk(app: App) -> Call:
    return cors.redeem_junk(app)


@when("a page of the app asks leave to post to the token endpoint", target_fixture="call")
def preflight_of_token_request(app: App) -> Call:
    return cors.preflight_of_token_request(app)


@when("a page of the app reads FHIR data", target_fixture="call")
def read(app: App) -> Call:
    return cors.read(app)


@when("a page of the app reads FHIR data with a made-up token", target_fixture="call")
def read_with_junk(app: App) -> Call:
    return cors.read_with_junk(app)


@when("a page of the app asks leave to read FHIR data", target_fixture="call")
def preflight_of_read(app: App) -> Call:
    return cors.preflight_of_read(app)


@when("a page of the app asks leave to update FHIR data", target_fixture="call")
def preflight_of_update(app: App) -> Call:
    return cors.preflight_of_update(app)


@when("a page of the app asks leave to send a resource as FHIR data", target_fixture="call")
def preflight_of_resource(app: App) -> Call:
    return cors.preflight_of_update(app, "content-type")


@when("a page of the app creates FHIR data", target_fixture="call")
def created(writer: App) -> Call:
    return cors.created(writer)


@when("a page of a foreign origin calls the authorization endpoint", target_fixture="call")
def foreign_authorization(app: App) -> Call:
    return cors.foreign_authorization(app)


@when(Phrase("a page of a foreign origin sends a request to {place}", place=cors.PLACES), target_fixture="call")
def foreign_call(app: App, place: str) -> Call:
    return cors.foreign_call(app, place)


@when(Phrase("a page of {page} calls the token endpoint and the FHIR server", page=cors.LOOKALIKES), target_fixture="calls")
def lookalike_calls(app: App, page: str) -> list[Call]:
    return cors.lookalike_calls(app, page)


@when(Phrase("a page of the app sends a {request} to the FHIR server", request=cors.FHIR_CALLS), target_fixture="call")
def fhir_call(app: App, request: str) -> Call:
    return cors.fhir_call(app, request)


@when("a page of the app sends further requests to the FHIR server", target_fixture="calls")
def further_calls(app: App) -> list[Call]:
    return cors.further_calls(app)


@when("a page of the app reads what its scopes do not cover", target_fixture="call")
def beyond_scopes(app: App) -> Call:
    return cors.beyond_scopes(app)


@then("the page can read each answer")
def each_readable(judge: Judge, calls: list[Call]) -> None:
    for call in calls:
        judge(checks.readable(judge.requirement, call.exchange, call.origin, side=_side(call)))


@then("neither allows it credentials")
def no_credentials_anywhere(judge: Judge, calls: list[Call]) -> None:
    for call in calls:
        judge(checks.no_credentials(judge.requirement, call.exchange, call.origin))


@then("the page can read the answer")
def readable(judge: Judge, call: Call) -> None:
    judge(checks.readable(judge.requirement, call.exchange, call.origin, side=_side(call)))


@then("the page can read the refusal")
def refusal_readable(judge: Judge, call: Call) -> None:
    judge(advice(checks.readable(judge.requirement, call.exchange, call.origin, side=_side(call))))


@then("the answer says that it varies by origin")
def varies_by_origin(judge: Judge, call: Call) -> None:
    if not checks.allowed_origin(call.exchange):
        raise NotApplicable("the answer allows no single origin; `cors-fhir-response` judges whether the page can read it")
    found = checks.varies_by_origin(judge.requirement, call.exchange, side=_side(call))
    if found and not checks.may_be_kept(call.exchange):
        raise NotApplicable("the answer says `no-store`, so no cache keeps it for a page of another origin")
    judge(found)


@then("leave is given")
def preflight_granted(judge: Judge, call: Call) -> None:
    judge(checks.preflight(judge.requirement, call.exchange, call.origin, call.method, call.header, side=_side(call)))


@then("leave is given as good practice wants it")
def preflight_advised(judge: Judge, call: Call) -> None:
    judge(advice(checks.preflight(judge.requirement, call.exchange, call.origin, call.method, call.header, side=_side(call))))


@then("no credentials are allowed to it")
def no_credentials(judge: Judge, call: Call) -> None:
    judge(checks.no_credentials(judge.requirement, call.exchange, call.origin))


@then("the answer allows no origin")
def allows_no_origin(judge: Judge, call: Call) -> None:
    judge(checks.allows_no_origin(judge.requirement, call.exchange))


def _side(call: Call) -> Side:
    return Side.FHIR_SERVER if call.exchange.endpoint in (Endpoint.FHIR, Endpoint.METADATA) else Side.AUTHORIZATION_SERVER
