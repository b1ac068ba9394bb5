"""Phrases on launch context: what comes beside the access token, and whether it is what the launch was about."""

from __future__ import annotations

from pytest_bdd import given, then, when

from smartlaunch.checks import launch_context as checks
from smartlaunch.checks.members import advice
from smartlaunch.client.app import App
from smartlaunch.client.engine import Engine
from smartlaunch.client.grant import Attempt, Grant
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable
from smartlaunch.exchange import Exchange
from smartlaunch.oauth.token import TokenAnswer
from smartlaunch.plugin.judge import Judge
from smartlaunch.plugin.phrases import Phrase
from smartlaunch.probes import launch_context
from smartlaunch.probes.fhir_access import patients
from smartlaunch.probes.registered import CONTEXT, unless_asked
from smartlaunch.probes.token_response import readable, require_scope


@given(Phrase('the app was granted "{scope}"'))
def was_granted(app: App, scope: str) -> None:
    require_scope(app, scope)


@given("the app was granted a scope on the data of one patient")
def was_granted_patient_scope(app: App) -> None:
    launch_context.require_patient_scope(app)


@given(Phrase('the token response has "{name}"'))
def response_has(app: App, name: str) -> None:
    launch_context.require_member(app, name)


@given(Phrase('an item of fhirContext has "{name}"'))
def item_has(app: App, name: str) -> None:
    if not checks.items_with(readable(app).exchange, name):
        raise unless_asked(app, NotApplicable(f"no item of `fhirContext` has `{name}`, which is optional"), *CONTEXT)


@given(Phrase("the chart of a known {name} is open", name=launch_context.CONTEXT), target_fixture="charted")
def chart_of_known(app: App, name: str) -> tuple[str, bool]:
    return launch_context.chart(app, name), launch_context.promised(app, name)


@given("the app was granted scopes for launch context", target_fixture="asked_context")
def was_granted_context(app: App) -> list[str]:
    return launch_context.asked(app)


@given("the patient in context has an encounter")
def patient_has_encounter(app: App) -> None:
    launch_context.require_visible_encounter(app)


@given(Phrase("it is known which {name} to expect", name=launch_context.CONTEXT), target_fixture="expected_context")
def known_what_to_expect(app: App, name: str) -> tuple[str, bool]:
    return launch_context.expected(app, name)


@when("the app asks for scopes on the data of one patient and not for a patient", target_fixture="response")
def lone_patient_scopes(app: App) -> TokenAnswer:
    return launch_context.without_its_scope(app)


@when("the app is launched in one way", target_fixture="attempt")
def launched_in_one_way(app: App) -> Attempt:
    return app.shared_attempt()


@when("the app reads the patient of the launch", target_fixture="reading")
def read_patient(app: App) -> tuple[Grant, Exchange]:
    return launch_context.patient_read(app)


@when("the app reads the patient of a launch for another patient", target_fixture="reading")
def read_other_patient(app: App) -> tuple[Grant, Exchange]:
    return patients.read_of_other(app)


@when("the app reads the encounter of the launch", target_fixture="reading")
def read_encounter(app: App) -> tuple[Grant, Exchange]:
    return launch_context.encounter_read(app)


@when("the app reads the encounter of the launch with a scope that reaches far enough", target_fixture="reading")
def read_encounter_widely(app: App) -> tuple[Grant, Exchange]:
    return launch_context.encounter_read_widely(app)


@when("the app searches for patients", target_fixture="searching")
def search_patients(app: App) -> tuple[Grant, Exchange]:
    return launch_context.patient_search(app)


@when("the app fetches the style document", target_fixture="style")
def fetch_style(app: App) -> Exchange:
    return launch_context.style(app)


@when("the app fetches the style document twice", target_fixture="styles")
def fetch_style_twice(app: App) -> tuple[Exchange, Exchange]:
    return launch_context.style_again(app)


@then("both are the same")
def style_stays(judge: Judge, styles: tuple[Exchange, Exchange]) -> None:
    judge(checks.style_stays(judge.requirement, *styles))


@when("the app asks for a resource type in its launch context", target_fixture="asked")
def ask_for_type(app: App) -> tuple[str, TokenAnswer, bool]:
    resource_type, token = launch_context.with_type(app)
    return resource_type, token, launch_context.comes_unasked(app, resource_type)


@when("the app asks for a resource type in a role that nobody knows", target_fixture="attempted")
def ask_for_role(app: App) -> tuple[str, Attempt]:
    return launch_context.with_unknown_role(app)


@then("the launch ends with an access token")
def launch_completes(judge: Judge, attempt: Attempt) -> None:
    if attempt.token is not None:
        answered(attempt.token.exchange)
    judge.expects(
        attempt.succeeded,
        expected="an access token at the end of a launch with nothing wrong in it, as the server claims to support it",
        actual=attempt.describe(),
        exchange=attempt.exchange,
    )


@then(Phrase('the token response tells "{name}"'))
def tells(judge: Judge, response: TokenAnswer, name: str) -> None:
    judge(checks.present(judge.requirement, response.exchange, name, "because the server promises it"))


@then("the token response tells the encounter of that patient")
def tells_encounter(judge: Judge, response: TokenAnswer) -> None:
    judge(checks.present(judge.requirement, response.exchange, "encounter", "as the app asked for it and the patient has one"))


@then("the token response tells the context that the app asked for")
def tells_asked_context(judge: Judge, response: TokenAnswer, asked_context: list[str]) -> None:
    judge(checks.asked_context(judge.requirement, response.exchange, asked_context))


@then("launch context stands at the top level only")
def top_level(judge: Judge, response: TokenAnswer) -> None:
    judge(checks.top_level(judge.requirement, response.exchange))


@then(Phrase('"{name}" is the id of a {resource_type}', resource_type=("Patient", "Encounter")))
def is_id_of(judge: Judge, response: TokenAnswer, name: str, resource_type: str) -> None:
    judge(checks.resource_id(judge.requirement, response.exchange, name, resource_type))


@then(Phrase('"{name}" is a JSON boolean'))
def is_boolean(judge: Judge, response: TokenAnswer, name: str) -> None:
    judge(checks.boolean_member(judge.requirement, response.exchange, name))


@then(Phrase('"{name}" is a JSON string'))
def is_string(judge: Judge, response: TokenAnswer, name: str) -> None:
    judge(checks.string_member(judge.requirement, response.exchange, name))


@then(Phrase('"{name}" is an absolute URL'))
def is_absolute_url(judge: Judge, response: TokenAnswer, name: str) -> None:
    judge(advice(checks.absolute_member(judge.requirement, response.exchange, name)))


@then("each of the authorization details tells type, servers and versions")
def authorization_details(judge: Judge, response: TokenAnswer) -> None:
    judge(checks.authorization_details(judge.requirement, response.exchange))


@then("the style document arrives")
def style_arrives(judge: Judge, style: Exchange) -> None:
    judge(checks.document_fetched(judge.requirement, style))


@then("it is a JSON object with style properties")
def style_document(judge: Judge, style: Exchange) -> None:
    judge.needs(200 <= style.answer.status < 300, "style-document-arrives", f"no style document arrived: status {style.answer.status}")
    judge(checks.style_document(judge.requirement, style))


@then("the FHIR server answers with that patient")
def answers_with_patient(judge: Judge, reading: tuple[Grant, Exchange]) -> None:
    grant, read = reading
    judge(checks.names_resource(judge.requirement, read, "patient", "Patient", grant.token.patient))


@then("the FHIR server answers with that encounter")
def answers_with_encounter(judge: Judge, reading: tuple[Grant, Exchange]) -> None:
    grant, read = reading
    judge(checks.names_resource(judge.requirement, read, "encounter", "Encounter", grant.token.encounter))


@then("the FHIR server finds nobody but the patient of the launch")
def finds_only_patient(judge: Judge, searching: tuple[Grant, Exchange]) -> None:
    grant, search = searching
    judge(checks.only_patient(judge.requirement, search, grant.token.patient))


@then("the encounter is one of the patient of the launch")
def encounter_of_patient(judge: Judge, reading: tuple[Grant, Exchange]) -> None:
    grant, read = reading
    if not checks.names_a_patient(read):
        raise NotApplicable("the Encounter names no patient, or was not read")
    judge(checks.encounter_of_patient(judge.requirement, read, grant.token.patient))


@then(Phrase('"{name}" is that of the open chart'))
def is_that_of_chart(judge: Judge, response: TokenAnswer, charted: tuple[str, bool], name: str) -> None:
    value, promised = charted
    findings = checks.same_value(judge.requirement, response.exchange, name, value, "as in the open chart")
    judge(findings if name in response.body or promised else advice(findings))


@then(Phrase('"{name}" is the one that was expected'))
def is_expected(judge: Judge, response: TokenAnswer, expected_context: tuple[str, bool], name: str) -> None:
    wanted, declared = expected_context
    judge(checks.expected_value(judge.requirement, response.exchange, name, wanted, "as chosen or declared", declared=declared))


@then("every context that was asked for arrives")
def asked_context_arrives(judge: Judge, engine: Engine, response: TokenAnswer, asked_context: list[str]) -> None:
    judge(checks.absent_context(response.exchange, asked_context, launch_context.declared(engine.target)))


# -- fhirContext ----------------------------------------------------------------------------------------------------------


@then("fhirContext is an array as its edition has it")
def fhir_context_array(judge: Judge, engine: Engine, response: TokenAnswer) -> None:
    judge(checks.fhir_context_array(response.exchange, engine.target.edition))


@then("no Patient or Encounter is in fhirContext without a role of its own")
def no_patient_without_role(judge: Judge, response: TokenAnswer) -> None:
    _needs_array(judge, response, "fhir-context-array")
    judge(checks.no_patient_without_role(judge.requirement, response.exchange))


@then("each item of fhirContext refers to something")
def item_names_something(judge: Judge, response: TokenAnswer) -> None:
    _needs_array(judge, response, "fhir-context-array")
    judge(checks.item_names_something(judge.requirement, response.exchange))


@then(Phrase('"{name}" in fhirContext has its form'))
def item_member(judge: Judge, response: TokenAnswer, name: str) -> None:
    judge(checks.item_member(judge.requirement, response.exchange, name))


@then("items of fhirContext with an identifier or canonical tell their type")
def item_has_type(judge: Judge, response: TokenAnswer) -> None:
    _needs_array(judge, response, "fhir-context-array")
    judge(checks.item_has_type(judge.requirement, response.exchange))


@then("no type in fhirContext contradicts what its item refers to")
def item_type_agrees(judge: Judge, response: TokenAnswer) -> None:
    judge(checks.item_type_agrees(judge.requirement, response.exchange))


@then("roles in fhirContext that the guide does not define are absolute URIs")
def own_roles_absolute(judge: Judge, response: TokenAnswer) -> None:
    judge(checks.own_roles_absolute(judge.requirement, response.exchange))


@then("no role in fhirContext is empty")
def role_not_empty(judge: Judge, response: TokenAnswer) -> None:
    judge(checks.role_not_empty(judge.requirement, response.exchange))


@then("fhirContext has a resource of that type")
def holds_type(judge: Judge, asked: tuple[str, TokenAnswer, bool]) -> None:
    resource_type, token, unasked = asked
    _needs_array(judge, token)
    findings = checks.holds_type(judge.requirement, token.exchange, resource_type)
    judge(findings if unasked else advice(findings))


@then("the answer has fhirContext as its edition has it")
def asked_context_array(judge: Judge, engine: Engine, asked: tuple[str, TokenAnswer, bool]) -> None:
    _, token, _ = asked
    if "fhirContext" not in token.body:
        raise NotApplicable("the token response has no `fhirContext`")
    judge(checks.fhir_context_array(token.exchange, engine.target.edition))


@then("fhirContext has a resource of that type all the same")
def holds_type_for_role(judge: Judge, attempted: tuple[str, Attempt]) -> None:
    resource_type, attempt = attempted
    if attempt.token is None:
        judge.expects(
            holds=False,
            expected=f"a launch with a {resource_type} in `fhirContext`, in whatever role",
            actual=attempt.describe(),
            exchange=attempt.authorization.exchange,
        )
        return
    _needs_array(judge, attempt.token)
    judge(checks.holds_type(judge.requirement, attempt.token.exchange, resource_type))


def _needs_array(judge: Judge, token: TokenAnswer, by: str = "fhir-context-array-asked") -> None:
    """No item is looked for in a ``fhirContext`` that is no array; that it is none is the finding of another scenario."""
    value = token.body.get("fhirContext", [])
    judge.needs(isinstance(value, list), by, "`fhirContext` is no array, so no item of it has a type")
