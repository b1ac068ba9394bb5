"""Phrases that many features share."""

from __future__ import annotations

from pytest_bdd import given, parsers, then

from smartlaunch.checks import members
from smartlaunch.client.app import App, Grant
from smartlaunch.exchange import Exchange
from smartlaunch.plugin.judge import Judge


@given("the app has been launched", target_fixture="grant")
def app_has_been_launched(app: App) -> Grant:
    return app.grant()


@then(parsers.parse('the answer has the media type "{media_type}"'))
def answer_has_media_type(judge: Judge, answer: Exchange, media_type: str) -> None:
    judge(members.media_type(judge.requirement, answer, media_type))
