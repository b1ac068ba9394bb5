"""Phrases on discovery: the SMART configuration, the OpenID configuration, the CapabilityStatement."""

from __future__ import annotations

from pytest_bdd import given, then, when

from smartlaunch.checks import discovery as checks
from smartlaunch.checks.members import advice
from smartlaunch.client.app import App
from smartlaunch.client.apps import Apps
from smartlaunch.client.authorization import AuthorizationAnswer
from smartlaunch.client.engine import Engine
from smartlaunch.errors import NotApplicable
from smartlaunch.exchange import Exchange
from smartlaunch.plugin.judge import Judge
from smartlaunch.plugin.phrases import Phrase
from smartlaunch.probes import authorization, discovery, token
from smartlaunch.probes.discovery import Documents
from smartlaunch.probes.token import GrantTypes

from .common import configuration, needs_document

WIRE = ("smart-configuration-media-type", "openid-configuration-media-type", "json-is-utf-8", "server-clock")
"""Scenarios on how a document comes and not on what it says: they need it, but not that it can be parsed."""


OF_NAMED_ISSUER = ("openid-configuration-found", "openid-issuer-agrees")
"""Scenarios on the document below the issuer that the SMART configuration names, and on no other."""


@when("the app reads the SMART configuration", target_fixture="answer")
def read_configuration(judge: Judge, engine: Engine) -> Exchange:
    exchange = discovery.smart_configuration(engine)
    needs_document(judge, exchange, json=judge.scenario not in WIRE)
    return exchange


@when(Phrase("the app reads the SMART configuration with {accept}", accept=discovery.ACCEPT), target_fixture="answer")
def read_configuration_with(engine: Engine, accept: str) -> Exchange:
    return discovery.smart_configuration_with(engine, accept)


@when(Phrase("the app reads the SMART configuration and sends {label} along", label=discovery.BESIDE), target_fixture="answer")
def read_configuration_beside(judge: Judge, engine: Engine, label: str) -> Exchange:
    needs_document(judge, engine.discovery.exchange)
    return discovery.smart_configuration_beside(engine, label)


@then("it is the JSON document all the same, as good practice wants it")
def json_document_advised(judge: Judge, answer: Exchange) -> None:
    judge(advice(checks.json_whatever(judge.requirement, answer)))


@when("the app reads the OpenID configuration", target_fixture="answer")
def read_openid_configuration(judge: Judge, engine: Engine, apps: Apps) -> Exchange:
    of_named = judge.scenario in OF_NAMED_ISSUER
    exchange = discovery.openid_configuration(engine) if of_named else discovery.openid_configuration_there_is(apps)
    needs_document(judge, exchange, json=judge.scenario not in WIRE)
    return exchange


@when("the app reads the CapabilityStatement", target_fixture="answer")
def read_metadata(judge: Judge, engine: Engine, app: App) -> Exchange:
    exchange = discovery.capability_statement(engine, app)
    found = exchange.answer.status == 200 and exchange.answer.object.get("resourceType") == "CapabilityStatement"
    judge.needs(found, "fhir-metadata", f"there is no CapabilityStatement to look at: status {exchange.answer.status}")
    return exchange


@given(Phrase('the server claims one of the capabilities "{names}"'))
def claims_one_of(judge: Judge, engine: Engine, names: str) -> None:
    configuration(judge, engine)
    wanted = set(names.split(" "))
    if not wanted & engine.discovery.capabilities:
        raise NotApplicable(f"the server claims none of the capabilities {', '.join(sorted(wanted))}")


@given(Phrase('the server does not claim the capability "{name}"'))
def does_not_claim(judge: Judge, engine: Engine, name: str) -> None:
    configuration(judge, engine)
    if name in engine.discovery.capabilities:
        raise NotApplicable(f"the server claims the capability `{name}`")


@given(Phrase('the SMART configuration has "{name}"'))
def configuration_has(judge: Judge, engine: Engine, name: str) -> None:
    configuration(judge, engine)
    if name not in engine.discovery.document:
        raise NotApplicable(f"the SMART configuration has no `{name}`")


@then("it is a JSON object")
def is_json_object(judge: Judge, answer: Exchange) -> None:
    judge(checks.json_object(judge.requirement, answer))


@then("it is the JSON document all the same")
def json_document(judge: Judge, engine: Engine, answer: Exchange) -> None:
    needs_document(judge, engine.discovery.exchange)
    judge(checks.json_whatever(judge.requirement, answer))


@then(Phrase('it has "{name}" as {form}', form=checks.FORMS))
def has_member(judge: Judge, answer: Exchange, name: str, form: str) -> None:
    judge(checks.member(judge.requirement, answer, name, form, required=True))


@then(Phrase('it has no "{name}"'))
def has_no_member(judge: Judge, answer: Exchange, name: str) -> None:
    judge.expects(name not in answer.answer.object, expected=f"no `{name}`", actual="it is there", exchange=answer.id, pointer=f"/{name}")


@then(Phrase('its "{name}" contains "{value}"'))
def member_contains(judge: Judge, answer: Exchange, name: str, value: str) -> None:
    judge(checks.contains(judge.requirement, answer, name, value))


@then(Phrase('its "{name}" contains one of "{values}"'))
def member_contains_one_of(judge: Judge, answer: Exchange, name: str, values: str) -> None:
    judge(checks.contains(judge.requirement, answer, name, *values.split(" "), any_of=True))


@then(Phrase('its "{name}" does not contain "{value}"'))
def member_lacks(judge: Judge, answer: Exchange, name: str, value: str) -> None:
    if name not in answer.answer.object:
        raise NotApplicable(f"the SMART configuration has no `{name}`")
    judge.needs(isinstance(answer.answer.object[name], list), "s256-listed", f"`{name}` is no array")
    judge(checks.lacks(judge.requirement, answer, name, value))


@then("every endpoint in it is an absolute URL")
def endpoints_absolute(judge: Judge, answer: Exchange) -> None:
    judge(checks.absolute_endpoints(judge.requirement, answer))


@then("its grant types fit its capabilities")
def grant_types_fit(judge: Judge, answer: Exchange) -> None:
    judge(checks.grant_types(judge.requirement, answer))


@then("each capability is one of the guide or a full URI")
def capabilities_known(judge: Judge, answer: Exchange) -> None:
    judge.needs(isinstance(answer.answer.object.get("capabilities"), list), "capabilities-listed", "there is no array `capabilities`")
    judge(checks.known_capabilities(judge.requirement, answer))


@then("it claims a complete capability set")
def claims_capability_set(judge: Judge, answer: Exchange) -> None:
    judge(checks.supports_a_capability_set(judge.requirement, answer))


@then("each associated endpoint has a URL and capabilities")
def associated_endpoints(judge: Judge, answer: Exchange) -> None:
    judge(checks.associated_endpoints(judge.requirement, answer))


@when("the app reads both configurations and asks wherever they part", target_fixture="documents")
def read_both_documents(apps: Apps) -> Documents:
    return discovery.both_documents(apps)


@then("its issuer is an https URL without query and fragment")
def issuer_form(judge: Judge, answer: Exchange) -> None:
    judge(checks.issuer_form(judge.requirement, answer))


@then("its issuer is the one it was found below")
def issuer_agrees(judge: Judge, engine: Engine, answer: Exchange) -> None:
    judge(checks.issuer_agrees(judge.requirement, engine.discovery.exchange, answer))


@then("both documents name the same endpoints")
def agrees(judge: Judge, documents: Documents) -> None:
    needs_document(judge, documents.openid)
    both = documents.configuration, documents.openid
    judge(checks.agrees(judge.requirement, *both, discovery.ENDPOINTS, reached=documents.reached))


@then("members with several values are arrays that are not empty")
def arrays_not_empty(judge: Judge, answer: Exchange) -> None:
    judge(checks.no_empty_members(judge.requirement, answer))


@when("the app asks the token endpoint for each listed grant type", target_fixture="asked")
def ask_each_grant_type(app: App) -> GrantTypes:
    return token.ask_each_grant_type(app)


@when("the app asks for authorization with each other listed response type", target_fixture="types_asked")
def ask_each_response_type(app: App) -> dict[str, AuthorizationAnswer]:
    return authorization.ask_listed_response_types(app)


@then("none of these response types is answered as unsupported")
def response_types_known(judge: Judge, types_asked: dict[str, AuthorizationAnswer]) -> None:
    told = {name: (answer.error, answer.exchange) for name, answer in types_asked.items()}
    judge(checks.response_types_known(judge.requirement, told))


@then("none of them is answered as unsupported")
def grant_types_known(judge: Judge, asked: GrantTypes) -> None:
    judge(checks.grant_types_known(judge.requirement, asked.answers, asked.usable))


@then(Phrase('its "{name}" has no fragment'))
def no_fragment(judge: Judge, answer: Exchange, name: str) -> None:
    by = f"{name.replace('_', '-')}-listed"
    judge.needs(isinstance(answer.answer.object.get(name), str), by, f"`{name}` is no string")
    judge(checks.no_fragment(judge.requirement, answer, name))


@then("its Date header is within a minute of the present time")
def clock(judge: Judge, answer: Exchange) -> None:
    if answer.answer.header("date") is None:
        raise NotApplicable("the answer has no Date header")
    judge(checks.clock(judge.requirement, answer))


@then("the answer is UTF-8")
def utf8(judge: Judge, answer: Exchange) -> None:
    judge(checks.utf8(judge.requirement, answer))
