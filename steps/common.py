"""Phrases that many features share."""

from __future__ import annotations

from pytest_bdd import given, parsers, then

from smartlaunch.app import App, Grant
from smartlaunch.checks import members
from smartlaunch.exchange import Exchange
from smartlaunch.plugin.judge import Judge


@given("the app has been launched", target_fixture="grant")
def app_has_been_launched(app: App) -> Grant:
    return app.grant()


@given("the app has been launched afresh", target_fixture="grant")
def app_has_been_launched_afresh(app: App) -> Grant:
    return app.fresh_grant()


@then(parsers.parse("the answer has status {status:d}"))
def answer_has_status(judge: Judge, answer: Exchange, status: int) -> None:
    judge(members.status(judge.requirement, answer, status))


@then(parsers.parse('the answer has the media type "{media_type}"'))
def answer_has_media_type(judge: Judge, answer: Exchange, media_type: str) -> None:
    judge(members.media_type(judge.requirement, answer, media_type))


@then(parsers.parse('the answer has the header "{name}" with "{directive}"'))
def answer_has_header(judge: Judge, answer: Exchange, name: str, directive: str) -> None:
    judge(members.require_header(judge.requirement, answer, name, directive))
