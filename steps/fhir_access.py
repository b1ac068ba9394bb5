"""Phrases on access to the FHIR server: tokens, scopes put to the test, patients, users, and the form of refusals."""

from __future__ import annotations

from pytest_bdd import given, then, when

from smartlaunch.checks import challenge, fhir_access, fhir_answer, fhir_refusal, fhir_rest, oauth_uris
from smartlaunch.checks import refresh as refresh_checks
from smartlaunch.checks.members import Findings, advice
from smartlaunch.client.app import App
from smartlaunch.client.engine import Engine
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Side
from smartlaunch.plugin.judge import Judge
from smartlaunch.plugin.phrases import Phrase
from smartlaunch.probes import scopes
from smartlaunch.probes.authorization import EndState
from smartlaunch.probes.fhir_access import bearer_token, categories, every_form, granted, interactions, patients, plain, samples, writing
from smartlaunch.probes.fhir_access.grants import LEVELS
from smartlaunch.probes.fhir_access.reads import READS
from smartlaunch.probes.fhir_access.requests import INTERACTIONS, WRITES, Trial

from .common import honoured

# -- tokens -------------------------------------------------------------------------------------------------------------------


@when(Phrase("a {form} comes without an access token", form=bearer_token.WITHOUT), target_fixture="answer")
def without_token(app: App, form: str) -> Exchange:
    return bearer_token.without_token(app, form)


@when("HEAD is asked without an access token", target_fixture="answer")
def head_without_token(app: App) -> Exchange:
    return bearer_token.head_without_token(app)


@when("the app asks without an access token whether a resource has changed", target_fixture="answer")
def unchanged_without_token(app: App) -> Exchange:
    return bearer_token.unchanged_without_token(app)


@then("the answer does not say that there is something")
def tells_nothing_of_it(judge: Judge, answer: Exchange) -> None:
    judge(fhir_access.keeps_existence(judge.requirement, answer, "request without an access token"))


@when(Phrase("the {interaction} comes without an access token", interaction=writing.WITHOUT_TOKEN), target_fixture="trial")
def write_without_token(writer: App, interaction: str) -> Trial:
    return writing.without_token(writer, interaction)


@when(Phrase("a read is tried with {label}", label=bearer_token.WRONG), target_fixture="answer")
def with_wrong_token(app: App, label: str) -> Exchange:
    return bearer_token.with_wrong_token(app, label)


@when("a read comes with an authorization code that nobody has redeemed", target_fixture="answer")
def with_unused_code(app: App) -> Exchange:
    return bearer_token.with_unused_code(app)


@when("a read comes with the cookies of the login in place of an access token", target_fixture="answer")
def with_cookies(app: App) -> Exchange:
    return bearer_token.with_cookies(app)


@when("an access token is used after its expiry", target_fixture="answer")
def with_expired_token(app: App) -> Exchange:
    return bearer_token.expired(app)


@when("an access token of a refresh is used after its expiry", target_fixture="answer")
def with_expired_token_of_refresh(app: App) -> Exchange:
    return bearer_token.expired_of_refresh(app)


@when("the app refreshes after its access token has ended and uses what came", target_fixture="answer")
def with_token_of_late_refresh(app: App) -> Exchange:
    return bearer_token.revived(app)


@then("the token of the late refresh opens what the one before did")
def late_refresh_works(judge: Judge, answer: Exchange) -> None:
    answered(answer)
    judge(refresh_checks.accepted(judge.requirement, answer))


@when(Phrase("an access token is used for a {form} after its expiry", form=bearer_token.FORMS), target_fixture="answer")
def with_expired_token_in(app: App, form: str) -> Exchange:
    return bearer_token.expired_in(app, form)


@when(Phrase("an access token is used for a {form} after the app has revoked it", form=bearer_token.FORMS), target_fixture="answer")
def with_revoked_token_in(app: App, form: str) -> Exchange:
    return bearer_token.revoked_in(app, form)


@when("an access token is used after the app has revoked it", target_fixture="answer")
def with_revoked_token(app: App) -> Exchange:
    return bearer_token.revoked(app)


@when(Phrase("the access token travels in {way}", way=bearer_token.WAYS), target_fixture="answer")
def token_in(app: App, way: str) -> Exchange:
    return bearer_token.sent(app, way)


@when(Phrase("the access token stands under {way}", way=bearer_token.SCHEMES), target_fixture="answer")
def token_under(app: App, way: str) -> Exchange:
    return bearer_token.sent(app, way)


@when("the access token is sent as Bearer", target_fixture="answer")
def token_in_header(app: App) -> Exchange:
    return bearer_token.good(app)


@when("the app asks for a token for another resource server", target_fixture="end")
def token_for_other(app: App) -> EndState:
    return bearer_token.for_other_server(app)


@then("no token that works here comes of it")
def no_token_that_works(judge: Judge, end: EndState) -> None:
    end.require_tried()
    judge.expects(end.stage != "data", expected="no access token that this FHIR server takes", actual=end.describe(), exchange=end.exchange)


@then("the FHIR server gives the resource")
def gives_resource(judge: Judge, answer: Exchange) -> None:
    judge(fhir_access.discloses_sample(judge.requirement, answer, "", (), "a good access token"))


@then("the FHIR server gives no data")
def gives_no_data(judge: Judge, answer: Exchange) -> None:
    judge(fhir_access.withholds_type(judge.requirement, answer, "", "this token"))


@then("the FHIR server does not answer with success")
def no_success(judge: Judge, answer: Exchange) -> None:
    judge(fhir_access.carries_nothing_out(judge.requirement, answer, "request without an access token"))


@then("an answer with data is private")
def private(judge: Judge, answer: Exchange) -> None:
    if not 200 <= answer.answer.status < 300:
        raise NotApplicable("the FHIR server takes no token from the query")
    judge(fhir_refusal.is_private(judge.requirement, answer))


@then("the FHIR server gives no data and says how to authenticate")
def challenges(judge: Judge, answer: Exchange) -> None:
    judge(fhir_refusal.has_challenge(judge.requirement, answer))


# -- the form of refusals -----------------------------------------------------------------------------------------------------


@when("a request goes beyond the granted scopes", target_fixture="answer")
def beyond_scopes(app: App) -> Exchange:
    return interactions.other_type(app, "read").exchange


def _refused(answer: Exchange) -> None:
    if fhir_answer.disclosed(answer):
        raise NotApplicable("the request was not refused; the scenario on the refusal judges that")


def _challenged(answer: Exchange) -> None:
    _refused(answer)
    if challenge.bearer(answer) is None:
        raise NotApplicable("the refusal has no `Bearer` challenge; other scenarios judge that")


@then("its refusal says how to authenticate")
def refusal_challenges(judge: Judge, answer: Exchange) -> None:
    _refused(answer)
    judge(fhir_refusal.has_challenge(judge.requirement, answer))


@then("the challenge is one of Bearer with a parameter")
def bearer_challenge(judge: Judge, answer: Exchange) -> None:
    _refused(answer)
    if not answer.answer.all("www-authenticate"):
        raise NotApplicable("the refusal has no `WWW-Authenticate`; another scenario judges that")
    judge(fhir_refusal.bearer_challenge(judge.requirement, answer))


@then("no parameter of the challenge occurs twice")
def parameters_once(judge: Judge, answer: Exchange) -> None:
    _challenged(answer)
    judge(fhir_refusal.parameters_once(judge.requirement, answer))


@then("the parameters of the challenge have only legal characters")
def legal_characters(judge: Judge, answer: Exchange) -> None:
    _challenged(answer)
    judge(fhir_refusal.challenge_characters(judge.requirement, answer))


@then("the challenge names an error")
def names_error(judge: Judge, answer: Exchange) -> None:
    _challenged(answer)
    judge(fhir_refusal.names_error(judge.requirement, answer))


@then("the challenge names no error")
def names_no_error(judge: Judge, answer: Exchange) -> None:
    _challenged(answer)
    judge(fhir_refusal.names_no_error(judge.requirement, answer))


@then(Phrase('the refusal has status {status:d} and the error "{error}"'))
def refusal_form(judge: Judge, answer: Exchange, status: int, error: str) -> None:
    _refused(answer)
    judge(fhir_refusal.refusal_form(judge.requirement, answer, status, error))


@then("the refusal has status 403 and names insufficient_scope")
def insufficient_scope(judge: Judge, answer: Exchange) -> None:
    _refused(answer)
    judge(fhir_refusal.names_insufficient_scope(judge.requirement, answer))


@then("the refusal is an OperationOutcome")
def is_operation_outcome(judge: Judge, answer: Exchange) -> None:
    _refused(answer)
    judge(fhir_refusal.operation_outcome(judge.requirement, answer))


@then("the refusal is a clear answer")
def clear_refusal(judge: Judge, answer: Exchange) -> None:
    _refused(answer)
    judge(fhir_refusal.clear_refusal(judge.requirement, answer))


@then("the refusal tells nothing of the server's inside and does not repeat the token")
def no_internals(judge: Judge, answer: Exchange) -> None:
    _refused(answer)
    judge(fhir_refusal.no_internals(judge.requirement, answer, (answer.request.header("authorization") or "").rpartition(" ")[2]))


# -- scopes put to the test ---------------------------------------------------------------------------------------------------


@when(Phrase('a token for "{letters}" of one type is used for the {interaction}', interaction=INTERACTIONS), target_fixture="trial")
def within(writer: App, letters: str, interaction: str) -> Trial:
    return interactions.within(writer, letters, interaction)


@when(Phrase('the app tries the {interaction} with a token for "{letters}" of one type', interaction=INTERACTIONS), target_fixture="trial")
def beyond(writer: App, letters: str, interaction: str) -> Trial:
    return interactions.beyond(writer, letters, interaction)


@when(Phrase("the app tries the {interaction} with a token that may only read one type", interaction=WRITES), target_fixture="trial")
def beyond_reading(writer: App, interaction: str) -> Trial:
    return interactions.beyond(writer, "rs", interaction, in_version=0)


@when(
    Phrase('a version 1 token for "{letters}" of one type is used for the {interaction}', interaction=INTERACTIONS), target_fixture="trial"
)
def within_v1(writer: App, letters: str, interaction: str) -> Trial:
    return interactions.within(writer, letters, interaction, in_version=1)


@when(
    Phrase('the app tries the {interaction} with a version 1 token for "{letters}" of one type', interaction=INTERACTIONS),
    target_fixture="trial",
)
def beyond_v1(writer: App, letters: str, interaction: str) -> Trial:
    return interactions.beyond(writer, letters, interaction, in_version=1)


@when(Phrase("the {interaction} is tried with a type that the granted scopes leave out", interaction=READS), target_fixture="trial")
def other_type(app: App, interaction: str) -> Trial:
    return interactions.other_type(app, interaction)


@when(
    Phrase("a {interaction} asks for a type that the granted scopes leave out", interaction=interactions.INCLUSIONS), target_fixture="trial"
)
def included(app: App, interaction: str) -> Trial:
    return interactions.included(app, interaction)


@when("an update makes a new resource under the update scope alone", target_fixture="trial")
def updated_new(writer: App) -> Trial:
    return writing.updated_new(writer)


@when(
    Phrase("a token for one category is used for the {interaction} of another category", interaction=categories.OUTSIDE),
    target_fixture="trial",
)
def other_category(writer: App, interaction: str) -> Trial:
    return categories.outside(writer, interaction)


@when(
    Phrase("a token for {order} is used for the {interaction} of what fits the category alone", order=categories.ORDERS, interaction=READS),
    target_fixture="trial",
)
def outside_one_of_two(app: App, order: str, interaction: str) -> Trial:
    return categories.outside_one_of_two(app, interaction, order)


@when(Phrase("a user/ scope for one category is used for the {interaction} of another category", interaction=READS), target_fixture="trial")
def other_category_of_user(app: App, interaction: str) -> Trial:
    return categories.of_user(app, interaction)


@when(Phrase("a token for one category is used for the {interaction} of another patient", interaction=READS), target_fixture="trial")
def category_of_another(app: App, interaction: str) -> Trial:
    return categories.of_another_patient(app, interaction)


@when(Phrase("a {request} asks for data of another category", request=patients.EXISTENCE), target_fixture="trial")
def existence_of_category(app: App, request: str) -> Trial:
    return categories.existence(app, request)


@when(Phrase("the letters {what} are used for the {interaction}", interaction=INTERACTIONS, what=interactions.WIDE), target_fixture="trial")
def beyond_wide(writer: App, interaction: str, what: str) -> Trial:
    return interactions.beyond_wide(writer, what, interaction)


@when("each further type is tried that the granted scopes leave out", target_fixture="trials")
def further_types(app: App) -> list[Trial]:
    return interactions.further_types(app)


@when("a token for r of one type and s of another is used the other way round", target_fixture="trials")
def crossed(app: App) -> list[Trial]:
    return interactions.crossed(app)


@when("a token for a type is used for a type whose name begins with its name", target_fixture="trial")
def longer_type(app: App) -> Trial:
    return interactions.longer_type(app)


@when(
    Phrase(
        "the {interaction} of a type granted for the patient is tried for another patient, beside a type of the user", interaction=READS
    ),
    target_fixture="trial",
)
def beside_user_scope(app: App, interaction: str) -> Trial:
    return patients.beside_user_scope(app, interaction)


@when(
    Phrase(
        "{written} of the patient in context is used for the {interaction} of another patient", written=patients.WRITTEN, interaction=READS
    ),
    target_fixture="trial",
)
def under_other_scope(app: App, written: str, interaction: str) -> Trial:
    return patients.under(app, written, interaction)


@when("each further type is tried for another patient", target_fixture="trials")
def each_type_for_another(app: App) -> list[Trial]:
    return patients.of_another_by_type(app)


@then("none of them brings anything of that patient")
def nothing_of_patient_in_any(judge: Judge, trials: list[Trial]) -> None:
    for trial in trials:
        judge(fhir_access.withholds_patient(judge.requirement, trial.exchange, trial.ids, trial.words))


@when("another patient's data are asked for in each rarer form", target_fixture="trials")
def other_patient_in_every_form(app: App) -> list[Trial]:
    return every_form.of_another_patient(app)


@when("a type that the granted scopes leave out is asked for in each rarer form", target_fixture="trials")
def other_type_in_every_form(app: App) -> list[Trial]:
    return every_form.of_another_type(app)


@when("another category is asked for in each rarer form with a token for one category", target_fixture="trials")
def other_category_in_every_form(app: App) -> list[Trial]:
    return every_form.of_another_category(app)


@when("each rarer write is tried for another patient", target_fixture="trials")
def every_write_for_another(writer: App) -> list[Trial]:
    return every_form.written_for_another(writer)


@when("each rarer write is tried with a token that may only read", target_fixture="trials")
def every_write_with_reading_token(writer: App) -> list[Trial]:
    return every_form.written_with_a_reading_token(writer)


@when("each rarer write comes without an access token", target_fixture="trials")
def every_write_without_token(writer: App) -> list[Trial]:
    return every_form.written_without_token(writer)


@when("a create and an update come with an access token after its revocation", target_fixture="trials")
def writes_with_revoked_token(writer: App) -> list[Trial]:
    return writing.with_revoked_token(writer)


@when("each rarer write is tried for a patient whom the user may not see", target_fixture="trials")
def every_write_beyond_user(writer: App) -> list[Trial]:
    return every_form.written_beyond_the_user(writer)


@when(
    Phrase('a token for "{letter}" of one type is used for each rarer write that it does not allow', letter=every_form.OTHER_LETTERS),
    target_fixture="trials",
)
def every_write_beyond_letter(writer: App, letter: str) -> list[Trial]:
    return every_form.written_beyond_the_letter(writer, letter)


@when("a patient whom the user may not see is asked for in each rarer form", target_fixture="trials")
def beyond_user_in_every_form(app: App) -> list[Trial]:
    return every_form.beyond_the_user(app)


@when(Phrase('a token for "{letter}" of one type is used for each rarer form of what it does not allow'), target_fixture="trials")
def beyond_letter_in_every_form(app: App, letter: str) -> list[Trial]:
    return every_form.beyond_the_letter(app, letter)


@when(Phrase("another patient's data are asked for in further forms under {written}", written=every_form.SCOPES), target_fixture="trials")
def other_scope_in_every_form(app: App, written: str) -> list[Trial]:
    return every_form.under_another_scope(app, written)


@when("each rarer form of a request comes without an access token", target_fixture="trials")
def every_form_without_token(app: App) -> list[Trial]:
    return every_form.without_token(app)


@when(Phrase("further forms of a request are tried with {label}", label=bearer_token.OF_ANOTHER_KIND), target_fixture="trials")
def every_form_with_wrong_token(app: App, label: str) -> list[Trial]:
    return every_form.with_wrong_token(app, label)


@when("an access token is used for further forms of a request after its expiry", target_fixture="trials")
def further_forms_expired(app: App) -> list[Trial]:
    return bearer_token.expired_in_further_forms(app)


@when("an access token is used for further forms of a request after its revocation", target_fixture="trials")
def further_forms_revoked(app: App) -> list[Trial]:
    return bearer_token.revoked_in_further_forms(app)


@then("none of them gives any data")
def none_gives_data(judge: Judge, trials: list[Trial]) -> None:
    for trial in trials:
        judge(fhir_access.withholds_type(judge.requirement, trial.exchange, trial.resource_type, f"the {trial.words} with this token"))


@then("only resources of the granted category come back from each of them")
def only_category_from_each(judge: Judge, trials: list[Trial]) -> None:
    for trial in trials:
        judge(fhir_access.fits_category(judge.requirement, trial.exchange, trial.resource_type, trial.wanted, trial.ids))


@when("a conditional create names what another patient has", target_fixture="trial")
def conditional_create(writer: App) -> Trial:
    return writing.found_of_another(writer)


@when("a token from which the system scope was left out is used for another patient", target_fixture="trial")
def without_system_scope(app: App) -> Trial:
    return scopes.without_system_scope(app)


@when("a token from which the user left a scope out is used for that type", target_fixture="trial")
def without_unticked_scope(app: App) -> Trial:
    return scopes.without_unticked(app)


@given("it is known what would give another patient away", target_fixture="telling")
def what_would_tell(app: App) -> tuple[str, ...]:
    return patients.telling(app)


@when(Phrase("the {interaction} is tried for another patient", interaction=patients.OF_ANOTHER), target_fixture="trial")
def other_patient(writer: App, interaction: str) -> Trial:
    return patients.of_another(writer, interaction)


@when(Phrase("the {interaction} is tried for a third patient", interaction=patients.OF_THE_PERSON_BY_ID), target_fixture="trial")
def third_patient(app: App, interaction: str) -> Trial:
    return patients.of_a_third(app, interaction)


@when(Phrase("a {request} asks for data of another patient", request=patients.EXISTENCE), target_fixture="trial")
def existence_of_another(app: App, request: str) -> Trial:
    return patients.existence(app, request)


@when(Phrase("a {request} asks for data of a type that the granted scopes leave out", request=patients.EXISTENCE), target_fixture="trial")
def existence_of_other_type(app: App, request: str) -> Trial:
    return interactions.existence(app, request)


@then("the answer does not say that there are some")
def keeps_existence(judge: Judge, trial: Trial) -> None:
    judge(fhir_access.keeps_existence(judge.requirement, trial.exchange, trial.words, trial.granted))


@when("a search of what patients share asks for their patients", target_fixture="trial")
def other_patient_included(app: App) -> Trial:
    return patients.of_another_included(app)


@when(
    Phrase("the {interaction} is tried for a patient whom the user may not see", interaction=patients.BEYOND_USER), target_fixture="trial"
)
def beyond_user(writer: App, interaction: str) -> Trial:
    return patients.beyond_user(writer, interaction)


@when("a user/ scope is used for the patient in context", target_fixture="trial")
def of_user(app: App) -> Trial:
    return patients.of_user(app)


@then("it is refused")
def trial_refused(judge: Judge, trial: Trial) -> None:
    judge(_carried_out_or_given(judge.requirement, trial))


def _carried_out_or_given(requirement: str, trial: Trial) -> Findings:
    """What is wrong where a request had to be refused: a write that was carried out, data that were given."""
    if trial.interaction in WRITES or trial.interaction in writing.MOVES:
        return [] if trial.undone else fhir_access.carries_nothing_out(requirement, trial.exchange, trial.words, trial.granted)
    return fhir_access.withholds_type(requirement, trial.exchange, trial.resource_type, trial.words, trial.granted)


@then("it is refused, and the refusal says how to authenticate")
def write_challenged(judge: Judge, trial: Trial) -> None:
    judge(fhir_access.carries_nothing_out(judge.requirement, trial.exchange, trial.words, trial.granted))
    if not fhir_answer.done(trial.exchange):
        judge(fhir_refusal.has_challenge(judge.requirement, trial.exchange))


@then("each of them is refused")
def trials_refused(judge: Judge, trials: list[Trial]) -> None:
    for trial in trials:
        judge(_carried_out_or_given(judge.requirement, trial))


@then("its search parameter keeps from that too")
def write_refused_by_parameter(judge: Judge, trial: Trial) -> None:
    judge(advice(fhir_access.carries_nothing_out(judge.requirement, trial.exchange, trial.words, trial.granted)))


@then("it gives nothing outside the scope")
def nothing_outside(judge: Judge, trial: Trial) -> None:
    judge(fhir_access.withholds_ids(judge.requirement, trial.exchange, trial.ids, trial.words, trial.granted))


@then("it succeeds, unless the server's own rules keep the user from it")
def succeeds_within_policy(judge: Judge, trial: Trial) -> None:
    judge(fhir_access.discloses_unless_policy(judge.requirement, trial.exchange, trial.resource_type, trial.expected, trial.words))


@then("it succeeds")
def trial_succeeds(judge: Judge, trial: Trial) -> None:
    if trial.interaction in WRITES:
        judge(fhir_access.carried_out(judge.requirement, trial.exchange, trial.words))
    else:
        judge(fhir_access.discloses_sample(judge.requirement, trial.exchange, trial.resource_type, trial.expected, trial.words))


@then("nothing of that type comes with it")
def nothing_included(judge: Judge, trial: Trial) -> None:
    judge(fhir_access.withholds_type(judge.requirement, trial.exchange, trial.resource_type, trial.words, trial.granted))


@then("nothing of that patient comes back")
def nothing_of_patient(judge: Judge, trial: Trial) -> None:
    rule = judge.rule("SMART-2.2-scopes-and-launch-context-batch")
    judge(fhir_access.withholds_patient(rule, trial.exchange, trial.ids, trial.words))


@then("the refusal holds no data of that patient")
def refusal_tells_nothing(judge: Judge, trial: Trial, telling: tuple[str, ...]) -> None:
    _refused(trial.exchange)
    if not telling:
        raise NotApplicable("nothing of the other patient's record is known that would give it away")
    judge(fhir_access.tells_nothing(judge.requirement, trial.exchange, telling, trial.words))


@then("only resources of the granted category come back")
def only_category(judge: Judge, trial: Trial) -> None:
    judge(fhir_access.fits_category(judge.requirement, trial.exchange, trial.resource_type, trial.wanted))


@when("a token for one category is used to read and find that category", target_fixture="trials")
def within_category(app: App) -> list[Trial]:
    return categories.within(app)


@when(Phrase("a token for {form} is used for all that they give", form=interactions.UNIONS), target_fixture="trials")
def union(app: App, form: str) -> list[Trial]:
    return interactions.union(app, form)


@when("a token for a wildcard scope is used for every type that the app's own scopes give", target_fixture="trials")
def wildcard(app: App) -> list[Trial]:
    return interactions.wildcard(app)


@then("all of them succeed")
def all_succeed(judge: Judge, trials: list[Trial]) -> None:
    for trial in trials:
        judge(fhir_access.discloses_sample(judge.requirement, trial.exchange, trial.resource_type, trial.expected, trial.words))


# -- what was granted ---------------------------------------------------------------------------------------------------------


@when("the app tries what its granted scopes cover", target_fixture="trials")
def try_granted(app: App) -> list[Trial]:
    return granted.own_requests(app)


@when(Phrase("the app tries what its granted {level}/ scopes cover", level=LEVELS), target_fixture="trials")
def try_level(app: App, level: str) -> list[Trial]:
    return scopes.level_requests(app, level)


@when(Phrase("the app tries what its granted scopes of version {version:d} cover"), target_fixture="trials")
def try_version(app: App, version: int) -> list[Trial]:
    return scopes.version_requests(app, version)


@then("each request that a granted scope covers succeeds")
def granted_works(judge: Judge, engine: Engine, trials: list[Trial]) -> None:
    if not fhir_access.says_something([trial.exchange for trial in trials]):
        raise NotApplicable("no request that a granted scope covers was understood: each answer is 400, 404, 405, 410 or 422")
    for trial in trials:
        declared = trial.scope in engine.target.expect.scopes
        judge(fhir_access.granted_works(judge.requirement, trial.exchange, trial.words, trial.scope, declared=declared))


@then(Phrase("the granted {level}/ scopes give data", level=LEVELS))
def level_works(judge: Judge, trials: list[Trial], level: str) -> None:
    honoured(judge, [t.exchange for t in trials], f"the granted {level}/ scopes")


@then(Phrase("the granted scopes of version {version:d} give data"))
def version_works(judge: Judge, trials: list[Trial], version: int) -> None:
    honoured(judge, [t.exchange for t in trials], f"the granted scopes of version {version}")


# -- FHIR R4 ------------------------------------------------------------------------------------------------------------------


@then("it is a CapabilityStatement")
def is_capability_statement(judge: Judge, engine: Engine, answer: Exchange) -> None:
    judge(fhir_rest.capability_statement(judge.requirement, answer))
    judge(fhir_rest.for_everybody(judge.requirement, engine.discovery.metadata))


@when("the app reads a resource of the patient", target_fixture="trial")
def read_sample(app: App) -> Trial:
    return plain.read(app)


@then("it is the resource that the address names")
def is_that_resource(judge: Judge, trial: Trial) -> None:
    judge(fhir_rest.resource_read(judge.requirement, trial.exchange, f"{trial.resource_type}/{next(iter(trial.ids))}"))


@then("the answer is JSON in UTF-8")
def is_utf8(judge: Judge, trial: Trial) -> None:
    problem = trial.exchange.answer.json_error
    judge.needs(not problem or "UTF-8" in problem, "fhir-read", f"the answer to the read cannot be looked at: {problem}")
    judge(fhir_rest.utf8(judge.requirement, trial.exchange))


@when("the app reads a resource that does not exist", target_fixture="answer")
def read_absent(app: App) -> Exchange:
    return plain.absent_read(app)


@when("the app reads a resource that it has deleted", target_fixture="answer")
def read_deleted(writer: App) -> Exchange:
    return writing.deleted_read(writer)


@then(Phrase("the answer says that there is none"))
def says_none(judge: Judge, answer: Exchange) -> None:
    judge.expects(
        answer.answer.status in (400, 403, 404, 410),
        expected="status 404, or 410 for a deleted resource; 400 for an id of another form, 403 for what may be another's",
        actual=f"status {answer.answer.status}",
        exchange=answer.id,
        pointer="status",
        side=Side.FHIR_SERVER,
    )


@given("an app that sees the data of a patient", target_fixture="patient")
def patient_seen(app: App) -> str:
    return samples.patient(app)


@when("the app searches for a type of the patient", target_fixture="trial")
def search_sample(app: App) -> Trial:
    return plain.search(app)


@when("the app turns to the second page of a search for the patient", target_fixture="trial")
def second_page(app: App) -> Trial:
    return patients.second_page(app)


@when("the app searches for a category of the patient's data", target_fixture="trial")
def search_category(app: App) -> Trial:
    return plain.search_by_category(app)


@when("the app searches by id for what it can read", target_fixture="trial")
def search_by_id(app: App) -> Trial:
    return plain.search_by_id(app)


@then("it is a searchset")
def is_searchset(judge: Judge, trial: Trial) -> None:
    judge(fhir_rest.searchset(judge.requirement, trial.exchange))


@then("every match fits the search")
def matches_fit(judge: Judge, patient: str, trial: Trial) -> None:
    if trial.exchange.answer.status == 403:
        raise NotApplicable("the server refuses the search by its own rules, so there is no match to look at")
    judge.needs(not fhir_rest.searchset("fhir-search", trial.exchange), "fhir-search", "the answer to the search is no searchset")
    judge(fhir_rest.matches_are(judge.requirement, trial.exchange, trial.resource_type))
    judge(fhir_rest.matches_patient(judge.requirement, trial.exchange, patient))
    for category in trial.wanted:
        if not fhir_rest.used(trial.exchange, "category"):
            raise NotApplicable("the self link of the answer does not say that the server used `category`, which it may ignore")
        judge(fhir_rest.matches_category(judge.requirement, trial.exchange, category))


@then("every one of them is a match")
def finds_again(judge: Judge, trial: Trial) -> None:
    judge(fhir_rest.finds_again(judge.requirement, trial.exchange, trial.ids))


@when("the app sends a batch of which one entry is refused", target_fixture="answer")
def mixed_batch(app: App) -> Exchange:
    return plain.mixed_batch(app)


@then(Phrase("the answer has {count:d} entries, each with a status"))
def entries_with_status(judge: Judge, answer: Exchange, count: int) -> None:
    judge(fhir_rest.batch_entries(judge.requirement, answer, count))


@when("the app creates a resource", target_fixture="answer")
def create(writer: App) -> Exchange:
    return writing.created(writer)


@then("the answer has status 201 and tells where the resource is")
def is_created(judge: Judge, answer: Exchange) -> None:
    judge(fhir_rest.created(judge.requirement, answer))


# -- the OAuth URIs of SMART 1.0 ----------------------------------------------------------------------------------------------


@then("it names the security service SMART-on-FHIR")
def names_service(judge: Judge, answer: Exchange) -> None:
    judge(oauth_uris.smart_service(judge.requirement, answer))


@then("it tells the addresses of authorization and token endpoint")
def tells_addresses(judge: Judge, engine: Engine, answer: Exchange) -> None:
    judge(oauth_uris.oauth_uris(judge.requirement, answer, engine.discovery.oauth_uris))


@then("its addresses are those of the SMART configuration")
def same_addresses(judge: Judge, engine: Engine, answer: Exchange) -> None:
    answered(engine.discovery.exchange)
    if not engine.discovery.oauth_uris:
        raise NotApplicable("the CapabilityStatement has no `oauth-uris`; another scenario judges that")
    judge(oauth_uris.same_uris(judge.requirement, answer, engine.discovery.oauth_uris, engine.discovery.document))
