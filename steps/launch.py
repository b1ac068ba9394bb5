"""Phrases on the EHR launch: the launch parameters, and launch values in wrong hands."""

from __future__ import annotations

from pytest_bdd import then, when

from smartlaunch.checks import launch as checks
from smartlaunch.checks.launch_context import names_resource
from smartlaunch.checks.refresh import same_context
from smartlaunch.client.app import App
from smartlaunch.client.engine import Engine
from smartlaunch.client.launch import Opened
from smartlaunch.errors import NotApplicable
from smartlaunch.exchange import Exchange
from smartlaunch.oauth.authorization import Launch
from smartlaunch.oauth.token import TokenAnswer
from smartlaunch.plugin.judge import Judge
from smartlaunch.probes import launch
from smartlaunch.probes.launch import Misused


@when("the EHR launches the app", target_fixture="opened")
def ehr_launches(app: App) -> Opened:
    return launch.opened(app)


@when("the EHR launches the app twice", target_fixture="launches")
def ehr_launches_twice(app: App) -> list[Launch]:
    return launch.twice(app)


@when("the app asks for authorization with a forged launch value", target_fixture="misused")
def forged(app: App) -> Misused:
    return launch.forged(app)


@when("the app asks for authorization with an altered launch value", target_fixture="misused")
def altered(app: App) -> Misused:
    return launch.altered(app)


@when("the app asks for authorization with the launch value of another app", target_fixture="misused")
def foreign(app: App) -> Misused:
    return launch.of_another_app(app)


@when("the app asks for authorization with the launch value of another user", target_fixture="misused")
def of_another_user(app: App) -> Misused:
    return launch.of_another_user(app)


@when("the app follows the iss launch parameter", target_fixture="found")
def follow_iss(engine: Engine, opened: Opened) -> Exchange | None:
    iss = opened.value("iss")
    return engine.discovery.read(base=iss.rstrip("/")) if iss is not None and checks.discoverable(iss) else None


@then("its iss launch parameter leads to the SMART configuration of this server")
def iss_leads(judge: Judge, engine: Engine, opened: Opened, found: Exchange | None) -> None:
    iss, base = opened.value("iss"), engine.target.fhir_base_url
    judge(checks.iss(judge.requirement, iss, base, engine.discovery.exchange, found, opened.exchange))


@then("the browser opens the launch URI")
def opens_launch_uri(judge: Judge, opened: Opened) -> None:
    judge.expects(
        not opened.elsewhere,
        expected="a navigation to the launch URI that the app registered",
        actual=f"a navigation to {opened.elsewhere}",
        exchange=opened.exchange,
    )


@then("it has a launch parameter")
def has_launch(judge: Judge, opened: Opened) -> None:
    judge(checks.launch(judge.requirement, opened.value("launch"), opened.exchange))


@then("its launch parameter names neither patient nor encounter")
def launch_opaque(judge: Judge, app: App, opened: Opened) -> None:
    judge.needs(bool((opened.value("launch") or "").strip()), "launch-value", "there is no `launch` parameter to look into")
    context = [value for value in app.launches.context(app.client) if value]
    judge(checks.launch_opaque(judge.requirement, opened.value("launch") or "", context, opened.exchange))


@then("the launch parameters differ")
def launches_differ(judge: Judge, launches: list[Launch]) -> None:
    first, again = launches
    judge.expects(
        first.launch != again.launch,
        expected="a launch value of its own for each launch",
        actual="both launches have the same value",
        exchange=again.exchanges[-1] if again.exchanges else "",
        pointer="parameter: launch",
    )


@when("the app asks for authorization with a launch that another one has overtaken", target_fixture="overtaken")
def overtaken(app: App) -> launch.Overtaken:
    return launch.overtaken(app)


@when("the app reads with the tokens of two launches for two patients", target_fixture="readings")
def apart(app: App) -> list[launch.Reading]:
    return launch.apart(app)


@then("each token reads the patient that it names")
def each_reads_its_own(judge: Judge, readings: list[launch.Reading]) -> None:
    for reading in readings:
        judge(names_resource(judge.requirement, reading.exchange, "patient", "Patient", reading.patient))


@when("the app refreshes the grant of a launch after another one", target_fixture="two_answers")
def refreshed_apart(app: App) -> tuple[TokenAnswer, TokenAnswer]:
    return launch.refreshed_apart(app)


@then("the refresh response names the patient of that launch")
def refresh_of_its_own_launch(judge: Judge, two_answers: tuple[TokenAnswer, TokenAnswer]) -> None:
    first, refreshed = two_answers
    judge(same_context(judge.requirement, refreshed.exchange, first.body))


@then("the token is for the patient of its own launch")
def of_its_own_launch(judge: Judge, overtaken: launch.Overtaken) -> None:
    if not overtaken.token.succeeded:
        raise NotApplicable(f"the server ends a launch when another chart is opened: {overtaken.token.describe()}")
    judge(checks.of_its_own_launch(judge.requirement, overtaken.token.exchange, overtaken.other))


@then("no launch context comes of it")
def no_context(judge: Judge, misused: Misused) -> None:
    token = misused.end.token
    judge(
        checks.no_context(
            judge.requirement,
            token.body if token is not None and token.succeeded else {},
            launched=misused.launched,
            known=misused.known,
            exchange=misused.end.exchange,
            forged=misused.forged,
        )
    )
