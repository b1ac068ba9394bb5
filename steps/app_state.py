"""Phrases on App State: what an app keeps at the EHR."""

from __future__ import annotations

from pytest_bdd import then, when

from smartlaunch.checks import app_state as checks
from smartlaunch.checks import fhir_access, fhir_rest
from smartlaunch.client.app import App
from smartlaunch.client.engine import Engine
from smartlaunch.errors import NotApplicable
from smartlaunch.exchange import Exchange
from smartlaunch.fhir import resources
from smartlaunch.finding import Side
from smartlaunch.plugin.judge import Judge
from smartlaunch.plugin.phrases import Phrase
from smartlaunch.probes.app_state import changes, keeping
from smartlaunch.probes.app_state.changes import Change
from smartlaunch.probes.app_state.keeping import Search, State
from smartlaunch.probes.app_state.subjects import CAPABILITY, PERSONS, WHO
from smartlaunch.probes.fhir_access.requests import Trial

from .common import configuration

SERVER_STATEMENT = "http://hl7.org/fhir/smart-app-launch/CapabilityStatement/smart-app-state-server"
BASIC_PROFILE = "http://hl7.org/fhir/smart-app-launch/StructureDefinition/smart-app-state-basic"


# -- right requests -----------------------------------------------------------------------------------------------------------


@when("the app keeps state about the patient", target_fixture="state")
def keep(writer: App) -> State:
    return keeping.created(writer)


@when("the app has kept state about the patient", target_fixture="state")
def kept(writer: App) -> State:
    return keeping.shared(writer)


@when("the app updates its state", target_fixture="state")
def update(writer: App) -> State:
    return keeping.updated_once(writer)


@when(Phrase("the app keeps state about a {kind}", kind=PERSONS), target_fixture="state")
def keep_about(writer: App, kind: str) -> State:
    return keeping.about_person(writer, kind)


@when(Phrase("the app sends new state with {oddity}", oddity=changes.ODDITIES), target_fixture="state")
def keep_odd(writer: App, oddity: str) -> State:
    return changes.odd(writer, oddity)


@when(Phrase("the app looks for its state about {who} among others", who=WHO), target_fixture="search")
def look_for(writer: App, who: str) -> Search:
    return keeping.found(writer, who)


@when("the app keeps state under several codes and about several subjects", target_fixture="states")
def keep_several(writer: App) -> list[State]:
    return keeping.several(writer)


@when("the app makes, finds, changes and deletes its state", target_fixture="steps_of_state")
def round_trip(writer: App) -> list[tuple[str, Exchange]]:
    return keeping.round_trip(writer)


# -- wrong requests -----------------------------------------------------------------------------------------------------------


@when(Phrase("the {action} of state comes without If-Match", action=changes.CHANGES), target_fixture="change")
def without_if_match(writer: App, action: str) -> Change:
    return changes.without_if_match(writer, action)


@when(Phrase("the {action} of state names an outdated version", action=changes.CHANGES), target_fixture="change")
def outdated(writer: App, action: str) -> Change:
    return changes.outdated(writer, action)


@when("two updates of state at once name one version", target_fixture="updates")
def raced(writer: App) -> list[Exchange]:
    return changes.raced(writer)


@then("one of them at most is carried out")
def one_update(judge: Judge, updates: list[Exchange]) -> None:
    done = [one for one in updates if 200 <= one.answer.status < 300]
    judge.needs(bool(done), "app-state-update-answer", "neither of two updates of the present version was carried out")
    judge.expects(
        len(done) < 2,
        expected="status 412 for the update that comes second: its `If-Match` is then of an outdated version",
        actual=f"both are answered with success ({', '.join(str(one.answer.status) for one in updates)})",
        exchange=updates[-1].id,
        pointer="status",
        side=Side.FHIR_SERVER,
    )


@when(Phrase("an update would give state {what}", what=changes.FIXED), target_fixture="change")
def rewritten(writer: App, what: str) -> Change:
    return changes.rewritten(writer, what)


@when(Phrase("the {action} of state comes after it was deleted", action=changes.CHANGES), target_fixture="change")
def after_delete(writer: App, action: str) -> Change:
    return changes.after_delete(writer, action)


@when(Phrase("the {action} of state comes with {bearer}", action=changes.ACTIONS, bearer=changes.TOKENS), target_fixture="change")
def unauthorized(writer: App, action: str, bearer: str) -> Change:
    return changes.unauthorized(writer, action, bearer)


# -- judgements ---------------------------------------------------------------------------------------------------------------


@then("the state is taken")
def taken(judge: Judge, state: State) -> None:
    judge(checks.created(judge.requirement, state.exchange))


@then("the state has a new id and a version")
def new_id(judge: Judge, state: State) -> None:
    judge(checks.has_new_id(judge.requirement, state.exchange))


@then("the server does not keep the id that the app chose")
def not_chosen_id(judge: Judge, state: State) -> None:
    told = not 200 <= state.exchange.answer.status < 300 or bool(state.stored)
    judge.needs(told, "app-state-create-answer", "the answer does not have the stored state, so nobody sees which id it got")
    judge(checks.ignores_chosen_id(judge.requirement, state.sent, state.exchange))


@then("the state has subject, code and extensions as they were sent")
def as_sent(judge: Judge, state: State) -> None:
    judge(checks.keeps(judge.requirement, state.sent, state.exchange))


@then("the answer has an ETag and the stored state")
def answer_form(judge: Judge, state: State) -> None:
    judge(checks.answer_form(judge.requirement, state.exchange))


@then("the answer has a new ETag and the changed state")
def update_form(judge: Judge, state: State) -> None:
    judge(checks.answer_form(judge.requirement, state.exchange, state.before))
    judge(checks.keeps(judge.requirement, state.sent, state.exchange))


@then("the state is kept in full or refused")
def in_full(judge: Judge, state: State) -> None:
    judge(checks.kept_or_refused(judge.requirement, state.sent, state.exchange))


def _end(judge: Judge, change: Change) -> None:
    judge(checks.left_alone(judge.requirement, "request", change.exchange, change.after, change.state.id, change.tried))


@then("nothing is carried out")
def nothing(judge: Judge, change: Change) -> None:
    judge(checks.not_carried_out(judge.requirement, "request", change.exchange))
    _end(judge, change)


@then("the request is a failed precondition, or answered as core FHIR does")
def gone(judge: Judge, change: Change) -> None:
    judge(checks.gone(judge.requirement, change.exchange))


@then("the request is a failed precondition")
def failed_precondition(judge: Judge, change: Change) -> None:
    judge(checks.precondition_failed(judge.requirement, "this request", change.exchange))
    _end(judge, change)


@when("an update names state that was never made", target_fixture="change")
def update_of_nothing(writer: App) -> Change:
    return changes.never_made(writer)


@then("the answer tells where the state is")
def tells_location(judge: Judge, state: State) -> None:
    judge(fhir_rest.created(judge.requirement, state.exchange))


@when("the app updates its state and looks for it", target_fixture="updated_search")
def update_and_look(writer: App) -> tuple[State, Exchange]:
    return keeping.found_updated(writer)


@then("it finds the changed state")
def finds_changed(judge: Judge, updated_search: tuple[State, Exchange]) -> None:
    state, exchange = updated_search
    found = any(one.get("id") == state.id for one in resources(exchange.answer, "Basic"))
    judge.needs(found, "app-state-found", f"the search does not find the state that was updated: status {exchange.answer.status}")
    judge(checks.finds_as_sent(judge.requirement, state.sent, exchange, state.id))


@when("the app looks for state that it has deleted", target_fixture="empty_search")
def look_for_deleted(writer: App) -> tuple[State, Exchange]:
    return changes.found_none(writer)


@then("the answer is a Bundle without it")
def finds_no_deleted(judge: Judge, empty_search: tuple[State, Exchange]) -> None:
    state, exchange = empty_search
    judge(checks.empty_bundle(judge.requirement, exchange, state.id))


@when(
    Phrase("the {action} of state about another patient is tried with scopes of the patient in context", action=changes.ABOUT_ANOTHER),
    target_fixture="trial",
)
def state_of_another(writer: App, action: str) -> Trial:
    return changes.about_another_patient(writer, action)


@when("the app looks for state of a code that its scope leaves out", target_fixture="trial")
def state_of_another_code(writer: App) -> Trial:
    return changes.outside_code(writer)


@then("the state is kept from the app")
def kept_from_app(judge: Judge, trial: Trial) -> None:
    if trial.interaction == "create":
        judge(fhir_access.carries_nothing_out(judge.requirement, trial.exchange, "create of state about another patient", trial.granted))
    else:
        judge(
            fhir_access.withholds_ids(judge.requirement, trial.exchange, trial.ids, "search for state about another patient", trial.granted)
        )


@when("the app looks for its state by the same code of another system", target_fixture="stray_search")
def looks_elsewhere(app: App) -> Exchange:
    return keeping.by_another_system(app)


@then("no state of the app is found")
def finds_nothing(judge: Judge, stray_search: Exchange) -> None:
    judge(checks.finds_none(judge.requirement, stray_search))


@then("its state is found and no other")
def is_found(judge: Judge, search: Search) -> None:
    judge(checks.finds(judge.requirement, search.exchange, search.wanted.id, search.code, search.subject))
    judge(checks.finds_as_sent(judge.requirement, search.wanted.sent, search.exchange, search.wanted.id))


@then("every state is kept beside the others")
def all_kept(judge: Judge, states: list[State]) -> None:
    judge([f for state in states for f in checks.accepted(judge.requirement, "create", state.exchange)])


@then("every step is carried out")
def all_steps(judge: Judge, steps_of_state: list[tuple[str, Exchange]]) -> None:
    judge([f for name, exchange in steps_of_state for f in checks.accepted(judge.requirement, name, exchange)])


@then("a server that keeps App State lists the capability")
def lists_capability(judge: Judge, engine: Engine, answer: Exchange) -> None:
    configuration(judge, engine)
    listed = CAPABILITY in engine.discovery.capabilities or any(
        CAPABILITY in (e.get("capabilities") or ())
        for e in engine.discovery.document.get("associated_endpoints") or ()
        if isinstance(e, dict)
    )
    claim = checks.claims_state(answer.answer.object, SERVER_STATEMENT, BASIC_PROFILE)
    if not claim and not listed:
        raise NotApplicable("nothing says that the server keeps App State")
    judge(checks.lists_capability(judge.requirement, engine.discovery.exchange, claim, listed=listed))
