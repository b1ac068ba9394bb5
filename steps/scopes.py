"""Phrases on scopes: what was asked for, what was granted, what a consent page took away."""

from __future__ import annotations

from pytest_bdd import given, then, when

from smartlaunch.checks import scopes as checks
from smartlaunch.client.app import App
from smartlaunch.client.engine import Engine
from smartlaunch.client.grant import Attempt, Grant
from smartlaunch.errors import NotApplicable
from smartlaunch.oauth import scopes as words
from smartlaunch.plugin.judge import Judge
from smartlaunch.plugin.phrases import Phrase
from smartlaunch.probes import scopes
from smartlaunch.probes.fhir_access.grants import LEVELS
from smartlaunch.probes.scopes import Asked

from .common import configuration


@when("the app asks for all that it is configured for", target_fixture="attempt")
def ask_for_all(app: App) -> Attempt:
    return app.shared_attempt()


@then("the request is answered with a code")
def answered_with_code(judge: Judge, attempt: Attempt) -> None:
    answer = attempt.authorization
    judge(checks.code_came(judge.requirement, came=bool(answer.code), actual=answer.describe(), exchange=answer.exchange))


@when(Phrase("the app adds a scope with {flaw} to its request", flaw=scopes.UNKNOWN), target_fixture="asked")
def ask_with_unknown(app: App, flaw: str) -> Asked:
    return scopes.unknown_among_known(app, flaw)


@when("an app asks for a scope that it is not registered for", target_fixture="asked")
def ask_beyond_registration(app: App) -> Asked:
    return scopes.beyond_registration(app)


@then("that scope is not among those granted")
def not_among_granted(judge: Judge, asked: Asked) -> None:
    granted = [] if asked.refused else asked.granted
    judge.expects(
        asked.unknown not in granted,
        expected=f"a grant without `{asked.unknown}`, or a refusal",
        actual=asked.describe(),
        exchange=asked.exchange,
        pointer="/scope",
    )


@when("the app asks for nothing but a scope that nobody knows", target_fixture="asked")
def ask_for_nothing_known(app: App) -> Asked:
    return scopes.nothing_but_unknown(app)


@when("the app asks without scope", target_fixture="asked")
def ask_without_scope(app: App) -> Asked:
    return scopes.without_scope(app)


@then("that scope is left out of the grant or the request is refused as an invalid scope")
def left_out_or_refused(judge: Judge, asked: Asked) -> None:
    judge(
        checks.left_out_or_refused(
            judge.requirement,
            asked.unknown,
            refused=asked.refused,
            error=asked.error,
            granted=asked.granted,
            came=asked.describe(),
            exchange=asked.exchange,
        )
    )


@then("it is granted a default that it is told or refused as an invalid scope")
def default_or_refused(judge: Judge, asked: Asked) -> None:
    judge(
        checks.default_or_refused(
            judge.requirement,
            refused=asked.refused,
            error=asked.error,
            told=bool(asked.granted),
            came=asked.describe(),
            exchange=asked.exchange,
        )
    )


@when(Phrase('the app asks for "{letters}" besides a scope in due form'), target_fixture="undefined")
def ask_with_undefined(app: App, letters: str) -> tuple[Asked, str, list[str]]:
    return scopes.with_undefined(app, letters)


@then("it gets no interactions beyond those asked for in due form")
def undefined_letters(judge: Judge, undefined: tuple[Asked, str, list[str]]) -> None:
    asked, scope, usual = undefined
    gained = [s for s in words.added(usual, asked.granted) if {"c", "u", "d"} & (p.interactions if (p := words.parse(s)) else frozenset())]
    judge(checks.gains_nothing(judge.requirement, scope, gained, granted=asked.granted, exchange=asked.exchange))


@then("every scope that the app asked for is granted")
def every_scope_granted(judge: Judge, engine: Engine, grant: Grant) -> None:
    for scope in words.added(grant.requested, grant.granted):
        judge.note(f"the server granted {scope}, which goes beyond what was asked for; it may")
    declared = engine.target.expect.scopes
    judge(checks.all_granted(judge.requirement, grant.lacking, grant.token.exchange.id, granted=grant.granted, declared=declared))


@when("an app that is registered for a wildcard scope asks for it", target_fixture="asked")
def ask_with_wildcard(app: App) -> Asked:
    return scopes.with_wildcard(app)


@then("every scope that it asked for is granted")
def asked_granted(judge: Judge, asked: Asked) -> None:
    judge(checks.all_granted(judge.requirement, asked.lacking, asked.exchange, granted=asked.granted))


@when(Phrase("the app asks for scopes of version {version:d}"), target_fixture="asked")
def ask_in_version(app: App, version: int) -> Asked:
    return scopes.in_version(app, version)


@then("the app is granted what these scopes mean")
def meaning_granted(judge: Judge, asked: Asked) -> None:
    scope = asked.requested[-1]
    covered = words.covered(scope, asked.granted)
    judge(checks.covers(judge.requirement, scope, covered=covered, granted=asked.granted, exchange=asked.exchange))


@then("the app is granted the resources that the parameter names")
def parameter_granted(judge: Judge, app: App, engine: Engine, asked: Asked) -> None:
    scope = asked.requested[-1]
    promised = scope in (*app.client.registered.scopes, *engine.discovery.listed("scopes_supported"))
    covered = words.covered(scope, asked.granted)
    judge(
        checks.covers_parameter(
            judge.requirement, scope, covered=covered, promised=promised, granted=asked.granted, exchange=asked.exchange
        )
    )


@when("the app asks for a scope with a search parameter", target_fixture="asked")
def ask_with_parameter(app: App) -> Asked:
    return scopes.with_parameter(app)


@then(Phrase("the granted scopes are of version {version:d}"))
def syntax_kept(judge: Judge, asked: Asked, version: int) -> None:
    if not words.covered(asked.requested[-1], asked.granted):
        raise NotApplicable("the scope is not granted; another scenario judges that")
    kept = asked.requested[-1] in asked.granted
    granted = [] if kept else [(scope, words.version_of(scope)) for scope in asked.granted]
    judge(checks.syntax_kept(judge.requirement, granted, version, asked.exchange))


@when(Phrase("the app asks for its {level}/ scopes", level=LEVELS), target_fixture="of_level")
def ask_for_level(app: App, level: str) -> tuple[list[str], Grant]:
    return scopes.of_level(app, level)


@then(Phrase("the granted {level}/ scopes are some of those that the app asked for", level=LEVELS))
def level_granted(judge: Judge, of_level: tuple[list[str], Grant]) -> None:
    wanted, grant = of_level
    missing = words.missing(wanted, grant.granted)
    judge(checks.some_granted(judge.requirement, wanted, missing, granted=grant.granted, exchange=grant.token.exchange.id))


@given("the SMART configuration lists scopes")
def lists_scopes(judge: Judge, engine: Engine) -> None:
    configuration(judge, engine)
    if not engine.discovery.listed("scopes_supported"):
        raise NotApplicable("the SMART configuration has no `scopes_supported`")


@then("each listed scope on FHIR data follows the syntax of the guide")
def listed_forms(judge: Judge, engine: Engine) -> None:
    engine.recorder.attach_to_current([engine.discovery.exchange.id])
    judge(checks.published_forms(judge.requirement, engine.discovery.listed("scopes_supported"), engine.discovery.exchange.id))


@when("the app asks for the listed scopes that it is registered for", target_fixture="asked")
def ask_for_published(app: App) -> Asked:
    return scopes.published(app)


@then("each of them is granted")
def listed_granted(judge: Judge, asked: Asked) -> None:
    for scope in (s for s in asked.requested if words.parse(s) is not None):
        covered = words.covered(scope, asked.granted)
        judge(checks.listed_but_withheld(judge.requirement, scope, covered=covered, granted=asked.granted, exchange=asked.exchange))


@when("the user leaves a scope out at the consent page", target_fixture="choice")
def leave_out(app: App) -> tuple[str, Asked]:
    return scopes.unticked(app)


@then("that scope is not granted")
def left_out(judge: Judge, choice: tuple[str, Asked]) -> None:
    scope, asked = choice
    covered = words.covered(scope, asked.granted)
    judge(checks.not_granted(judge.requirement, scope, covered=covered, granted=asked.granted, exchange=asked.exchange))


@then("the SMART configuration lists the capability permission-v1")
def lists_v1(judge: Judge, engine: Engine) -> None:
    configuration(judge, engine)
    engine.recorder.attach_to_current([engine.discovery.exchange.id])
    judge.expects(
        "permission-v1" in engine.discovery.capabilities,
        expected="`permission-v1` in `capabilities`",
        actual="it is not listed",
        exchange=engine.discovery.exchange.id,
        pointer="/capabilities",
    )
