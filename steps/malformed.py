"""Phrases on requests that cannot be read, at the token, introspection and revocation endpoints."""

from __future__ import annotations

from pytest_bdd import then, when

from smartlaunch.checks import token_error as checks
from smartlaunch.client.app import App
from smartlaunch.exchange import Exchange
from smartlaunch.plugin.judge import Judge
from smartlaunch.plugin.phrases import Phrase
from smartlaunch.probes import malformed


@when(Phrase("a token request comes with {label}", label=malformed.UNREADABLE), target_fixture="unreadable")
def ask_token(app: App, label: str) -> Exchange:
    return malformed.ask_token(app, label)


@when(Phrase("an introspection request comes with {label}", label=malformed.UNREADABLE), target_fixture="unreadable")
def introspect(app: App, label: str) -> Exchange:
    return malformed.introspect(app, label)


@when(Phrase("a revocation request comes with {label}", label=malformed.UNREADABLE), target_fixture="unreadable")
def revoke(app: App, label: str) -> Exchange:
    return malformed.revoke(app, label)


@then("the unreadable request is refused with a status of the 4xx family")
def refused(judge: Judge, unreadable: Exchange) -> None:
    judge(checks.status_400(judge.requirement, unreadable))


@then("the answer tells nothing of the server's inside")
def no_internals(judge: Judge, unreadable: Exchange) -> None:
    judge(checks.no_internals(judge.requirement, unreadable))


@then("the answer is no server error")
def no_server_error(judge: Judge, unreadable: Exchange) -> None:
    judge(checks.no_server_error(judge.requirement, unreadable))
