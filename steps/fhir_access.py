"""Phrases on access to the FHIR server: tokens, scopes put to the test, patients, users, and the form of refusals."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_bdd import parsers, then, when

from smartlaunch.checks import fhir_access as checks
from smartlaunch.client.app import App, EndState
from smartlaunch.client.engine import Engine
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Side
from smartlaunch.plugin.judge import Judge
from smartlaunch.probes.fhir_access.bearer_token import Bearer
from smartlaunch.probes.fhir_access.reach import WRITES, Reach, Trial
from smartlaunch.probes.scopes import ScopeRequests

from .common import honoured


@pytest.fixture(scope="session")
def reaches() -> Iterator[dict[int, Reach]]:
    """The probes of each app; at the end of the run what they wrote is deleted."""
    made: dict[int, Reach] = {}
    yield made
    for reach in made.values():
        reach.clean_up()


@pytest.fixture
def reach(app: App, reaches: dict[int, Reach]) -> Reach:
    """The probes of the running scenario's app."""
    return reaches.setdefault(id(app), Reach(app))


@pytest.fixture
def bearer(app: App) -> Bearer:
    """The probes with odd tokens."""
    return Bearer(app)


# -- tokens -------------------------------------------------------------------------------------------------------------------


@when(parsers.parse("a {form} comes without an access token"), target_fixture="answer")
def without_token(bearer: Bearer, form: str) -> Exchange:
    return bearer.without_token(form)


@when(parsers.parse("a read is tried with {label}"), target_fixture="answer")
def with_wrong_token(bearer: Bearer, label: str) -> Exchange:
    return bearer.with_wrong_token(label)


@when("an access token is used after its expiry", target_fixture="answer")
def with_expired_token(bearer: Bearer) -> Exchange:
    return bearer.expired()


@when("an access token is used after the app has revoked it", target_fixture="answer")
def with_revoked_token(bearer: Bearer) -> Exchange:
    return bearer.revoked()


@when(parsers.parse("the access token travels in {way}"), target_fixture="answer")
def token_in(bearer: Bearer, way: str) -> Exchange:
    return bearer.sent(way)


@when(parsers.parse("the access token stands under {way}"), target_fixture="answer")
def token_under(bearer: Bearer, way: str) -> Exchange:
    return bearer.sent(way)


@when("the access token is sent as Bearer", target_fixture="answer")
def token_in_header(bearer: Bearer) -> Exchange:
    return bearer.good()


@when("the app asks for a token for another resource server", target_fixture="end")
def token_for_other(bearer: Bearer) -> EndState:
    return bearer.for_other_server()


@then("no token that works here comes of it")
def no_token_that_works(judge: Judge, end: EndState) -> None:
    judge.expects(end.stage != "data", expected="no access token that this FHIR server takes", actual=end.describe(), exchange=end.exchange)


@then("the FHIR server gives the resource")
def gives_resource(judge: Judge, answer: Exchange) -> None:
    judge(checks.discloses_sample(judge.requirement, answer, "", (), "a good access token"))


@then("the FHIR server gives no data")
def gives_no_data(judge: Judge, answer: Exchange) -> None:
    judge(checks.withholds_type(judge.requirement, answer, "", "this token"))


@then("the FHIR server gives no data and says how to authenticate")
def challenges(judge: Judge, answer: Exchange) -> None:
    judge(checks.has_challenge(judge.requirement, answer))


# -- the form of refusals -----------------------------------------------------------------------------------------------------


@when("a request goes beyond the granted scopes", target_fixture="answer")
def beyond_scopes(reach: Reach) -> Exchange:
    return reach.other_type("read").exchange


def _refused(answer: Exchange) -> None:
    if checks.disclosed(answer):
        raise NotApplicable("the request was not refused; the scenario on the refusal judges that")


def _challenged(answer: Exchange) -> None:
    _refused(answer)
    if checks.bearer(answer) is None:
        raise NotApplicable("the refusal has no `Bearer` challenge; other scenarios judge that")


@then("the challenge is one of Bearer with a parameter")
def bearer_challenge(judge: Judge, answer: Exchange) -> None:
    _refused(answer)
    if not answer.answer.all("www-authenticate"):
        raise NotApplicable("the refusal has no `WWW-Authenticate`; another scenario judges that")
    judge(checks.bearer_challenge(judge.requirement, answer))


@then("no parameter of the challenge occurs twice")
def parameters_once(judge: Judge, answer: Exchange) -> None:
    _challenged(answer)
    judge(checks.parameters_once(judge.requirement, answer))


@then("the parameters of the challenge have only legal characters")
def legal_characters(judge: Judge, answer: Exchange) -> None:
    _challenged(answer)
    judge(checks.challenge_characters(judge.requirement, answer))


@then("the challenge names an error")
def names_error(judge: Judge, answer: Exchange) -> None:
    _challenged(answer)
    judge(checks.names_error(judge.requirement, answer))


@then("the challenge names no error")
def names_no_error(judge: Judge, answer: Exchange) -> None:
    _challenged(answer)
    judge(checks.names_no_error(judge.requirement, answer))


@then(parsers.parse('the refusal has status {status:d} and the error "{error}"'))
def refusal_form(judge: Judge, answer: Exchange, status: int, error: str) -> None:
    _refused(answer)
    judge(checks.refusal_form(judge.requirement, answer, status, error))


@then("the refusal has status 403 and names insufficient_scope")
def insufficient_scope(judge: Judge, answer: Exchange) -> None:
    _refused(answer)
    judge(checks.names_insufficient_scope(judge.requirement, answer))


@then("the refusal is an OperationOutcome")
def is_operation_outcome(judge: Judge, answer: Exchange) -> None:
    _refused(answer)
    judge(checks.operation_outcome(judge.requirement, answer))


@then("the refusal is a clear answer")
def clear_refusal(judge: Judge, answer: Exchange) -> None:
    _refused(answer)
    judge(checks.clear_refusal(judge.requirement, answer))


@then("the refusal tells nothing of the server's inside and does not repeat the token")
def no_internals(judge: Judge, answer: Exchange) -> None:
    _refused(answer)
    judge(checks.no_internals(judge.requirement, answer, (answer.request.header("authorization") or "").rpartition(" ")[2]))


# -- scopes put to the test ---------------------------------------------------------------------------------------------------


@when(parsers.parse('a token for "{letters}" of one type is used for the {interaction}'), target_fixture="trial")
def within(reach: Reach, letters: str, interaction: str) -> Trial:
    return reach.within(letters, interaction)


@when(parsers.parse('a token for "{letters}" of one type goes beyond it with the {interaction}'), target_fixture="trial")
def beyond(reach: Reach, letters: str, interaction: str) -> Trial:
    return reach.beyond(letters, interaction)


@when(parsers.parse("a token that may only read one type goes beyond it with the {interaction}"), target_fixture="trial")
def beyond_reading(reach: Reach, interaction: str) -> Trial:
    return reach.beyond("rs", interaction, version=0)


@when(parsers.parse('a version 1 token for "{letters}" of one type is used for the {interaction}'), target_fixture="trial")
def within_v1(reach: Reach, letters: str, interaction: str) -> Trial:
    return reach.within(letters, interaction, version=1)


@when(parsers.parse('a version 1 token for "{letters}" of one type goes beyond it with the {interaction}'), target_fixture="trial")
def beyond_v1(reach: Reach, letters: str, interaction: str) -> Trial:
    return reach.beyond(letters, interaction, version=1)


@when(parsers.parse("the {interaction} is tried with a type that the granted scopes leave out"), target_fixture="trial")
def other_type(reach: Reach, interaction: str) -> Trial:
    return reach.other_type(interaction)


@when(parsers.parse("a {interaction} asks for a type that the granted scopes leave out"), target_fixture="trial")
def included(reach: Reach, interaction: str) -> Trial:
    return reach.included(interaction)


@when("an update makes a new resource under the update scope alone", target_fixture="trial")
def updated_new(reach: Reach) -> Trial:
    return reach.updated_new()


@when(parsers.parse("a token for one category is used for the {interaction} of another category"), target_fixture="trial")
def other_category(reach: Reach, interaction: str) -> Trial:
    return reach.granular(interaction)


@when(parsers.parse("the {interaction} is tried for another patient"), target_fixture="trial")
def other_patient(reach: Reach, interaction: str) -> Trial:
    return reach.other_patients(interaction)


@when("a search of what patients share asks for their patients", target_fixture="trial")
def other_patient_included(reach: Reach) -> Trial:
    return reach.other_patient_included()


@when(parsers.parse("the {interaction} is tried for a patient whom the user may not see"), target_fixture="trial")
def beyond_user(reach: Reach, interaction: str) -> Trial:
    return reach.beyond_user(interaction)


@when("a user/ scope is used for the patient in context", target_fixture="trial")
def of_user(reach: Reach) -> Trial:
    return reach.of_user()


@then("it is refused")
def trial_refused(judge: Judge, trial: Trial) -> None:
    if trial.interaction in WRITES:
        judge(checks.carries_nothing_out(judge.requirement, trial.exchange, trial.words, trial.granted))
    else:
        judge(checks.withholds_type(judge.requirement, trial.exchange, trial.resource_type, trial.words, trial.granted))


@then("it succeeds")
def trial_succeeds(judge: Judge, trial: Trial) -> None:
    if trial.interaction in WRITES:
        judge(checks.carried_out(judge.requirement, trial.exchange, trial.words))
    else:
        judge(checks.discloses_sample(judge.requirement, trial.exchange, trial.resource_type, trial.ids, trial.words))


@then("nothing of that type comes with it")
def nothing_included(judge: Judge, trial: Trial) -> None:
    judge(checks.withholds_type(judge.requirement, trial.exchange, trial.resource_type, trial.words, trial.granted))


@then("nothing of that patient comes back")
def nothing_of_patient(judge: Judge, trial: Trial) -> None:
    rule = judge.rule("SMART-2.2-scopes-and-launch-context-batch")
    judge(checks.withholds_patient(rule, trial.exchange, trial.ids, trial.words))


@then("the refusal holds no data of that patient")
def refusal_tells_nothing(judge: Judge, reach: Reach, trial: Trial) -> None:
    telling = reach.telling()
    _refused(trial.exchange)
    judge(checks.tells_nothing(judge.requirement, trial.exchange, telling, trial.words))


@then("only resources of the granted category come back")
def only_category(judge: Judge, trial: Trial) -> None:
    judge(checks.fits_category(judge.requirement, trial.exchange, trial.resource_type, trial.wanted))


@then("resources of the granted category can be read and found")
def category_works(judge: Judge, reach: Reach) -> None:
    for trial in reach.granular_within():
        judge(checks.discloses_sample(judge.requirement, trial.exchange, trial.resource_type, trial.ids, trial.words))


@then(parsers.parse("{form} granted together give what each of them gives"))
def union_works(judge: Judge, reach: Reach, form: str) -> None:
    for trial in reach.union(form):
        judge(checks.discloses_sample(judge.requirement, trial.exchange, trial.resource_type, trial.ids, trial.words))


@then("a wildcard scope gives every type that the app's own scopes give")
def wildcard_works(judge: Judge, reach: Reach) -> None:
    for trial in reach.wildcard():
        judge(checks.discloses_sample(judge.requirement, trial.exchange, trial.resource_type, trial.ids, trial.words))


# -- what was granted ---------------------------------------------------------------------------------------------------------


@then("each request that a granted scope covers succeeds")
def granted_works(judge: Judge, engine: Engine, reach: Reach) -> None:
    for trial in reach.own_requests():
        declared = trial.scope in engine.target.expect.scopes
        judge(checks.granted_works(judge.requirement, trial.exchange, trial.words, trial.scope, declared=declared))


@then(parsers.parse("the granted {level}/ scopes give data"))
def level_works(judge: Judge, scope_requests: ScopeRequests, level: str) -> None:
    trials = scope_requests.level_requests(level)
    honoured(judge, [t.exchange for t in trials], f"the granted {level}/ scopes")


@then(parsers.parse("the granted scopes of version {version:d} give data"))
def version_works(judge: Judge, scope_requests: ScopeRequests, version: int) -> None:
    trials = scope_requests.version_requests(version)
    honoured(judge, [t.exchange for t in trials], f"the granted scopes of version {version}")


# -- FHIR R4 ------------------------------------------------------------------------------------------------------------------


@then("it is a CapabilityStatement")
def is_capability_statement(judge: Judge, answer: Exchange) -> None:
    judge(checks.capability_statement(judge.requirement, answer))


@when("the app reads a resource of the patient", target_fixture="trial")
def read_sample(reach: Reach) -> Trial:
    return reach.plain_read()


@then("it is the resource that the address names")
def is_that_resource(judge: Judge, trial: Trial) -> None:
    judge(checks.resource_read(judge.requirement, trial.exchange, f"{trial.resource_type}/{next(iter(trial.ids))}"))


@then("the answer is JSON in UTF-8")
def is_utf8(judge: Judge, trial: Trial) -> None:
    judge(checks.utf8(judge.requirement, trial.exchange))


@when("the app reads a resource that does not exist", target_fixture="answer")
def read_absent(reach: Reach) -> Exchange:
    return reach.absent_read()


@when("the app reads a resource that it has deleted", target_fixture="answer")
def read_deleted(reach: Reach) -> Exchange:
    return reach.deleted_read()


@then(parsers.parse("the answer says that there is none"))
def says_none(judge: Judge, answer: Exchange) -> None:
    judge.expects(
        answer.answer.status in (404, 410),
        expected="status 404, or 410 for a deleted resource",
        actual=f"status {answer.answer.status}",
        exchange=answer.id,
        pointer="status",
        side=Side.FHIR_SERVER,
    )


@when("the app searches for a type of the patient", target_fixture="trial")
def search_sample(reach: Reach) -> Trial:
    return reach.plain_search()


@when("the app searches for a category of the patient's data", target_fixture="trial")
def search_category(reach: Reach) -> Trial:
    return reach.category_search()


@when("the app searches by id for what it can read", target_fixture="trial")
def search_by_id(reach: Reach) -> Trial:
    return reach.search_by_id()


@then("it is a searchset")
def is_searchset(judge: Judge, trial: Trial) -> None:
    judge(checks.searchset(judge.requirement, trial.exchange))


@then("every match fits the search")
def matches_fit(judge: Judge, reach: Reach, trial: Trial) -> None:
    judge(checks.matches_are(judge.requirement, trial.exchange, trial.resource_type))
    judge(checks.matches_patient(judge.requirement, trial.exchange, reach.patient))
    for category in trial.wanted:
        judge(checks.matches_category(judge.requirement, trial.exchange, category))


@then("every one of them is a match")
def finds_again(judge: Judge, trial: Trial) -> None:
    judge(checks.finds_again(judge.requirement, trial.exchange, trial.ids))


@when("the app sends a batch of which one entry is refused", target_fixture="answer")
def mixed_batch(reach: Reach) -> Exchange:
    return reach.mixed_batch()


@then(parsers.parse("the answer has {count:d} entries, each with a status"))
def entries_with_status(judge: Judge, answer: Exchange, count: int) -> None:
    judge(checks.batch_entries(judge.requirement, answer, count))


@when("the app creates a resource", target_fixture="answer")
def create(reach: Reach) -> Exchange:
    return reach.created()


@then("the answer has status 201 and tells where the resource is")
def is_created(judge: Judge, answer: Exchange) -> None:
    judge(checks.created(judge.requirement, answer))


# -- the OAuth URIs of SMART 1.0 ----------------------------------------------------------------------------------------------


@then("it names the security service SMART-on-FHIR")
def names_service(judge: Judge, answer: Exchange) -> None:
    judge(checks.smart_service(judge.requirement, answer))


@then("it tells the addresses of authorization and token endpoint")
def tells_addresses(judge: Judge, engine: Engine, answer: Exchange) -> None:
    judge(checks.oauth_uris(judge.requirement, answer, engine.discovery.oauth_uris))


@then("its addresses are those of the SMART configuration")
def same_addresses(judge: Judge, engine: Engine, answer: Exchange) -> None:
    answered(engine.discovery.exchange)
    if not engine.discovery.oauth_uris:
        raise NotApplicable("the CapabilityStatement has no `oauth-uris`; another scenario judges that")
    judge(checks.same_uris(judge.requirement, answer, engine.discovery.oauth_uris, engine.discovery.document))
