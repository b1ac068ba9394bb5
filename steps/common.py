"""Phrases that many features share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from pytest_bdd import parsers, then, when

from smartlaunch.checks import fhir_access, members, token_response
from smartlaunch.client.app import App
from smartlaunch.client.engine import Engine
from smartlaunch.client.grant import Grant
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable
from smartlaunch.exchange import Endpoint, Exchange
from smartlaunch.oauth.token import TokenAnswer
from smartlaunch.plugin.judge import Judge
from smartlaunch.probes.app_state import keeping
from smartlaunch.probes.fhir_access import writing


@pytest.fixture(scope="session")
def writers() -> Iterator[dict[int, App]]:
    """The apps that may have written something; at the end of the run it is deleted."""
    apps: dict[int, App] = {}
    yield apps
    for app in apps.values():
        writing.clean_up(app)
        keeping.clean_up(app)


@pytest.fixture
def writer(app: App, writers: dict[int, App]) -> App:
    """The app of a scenario that may write, so that somebody tidies up after it."""
    writers[id(app)] = app
    return app


@when("the app is launched", target_fixture="grant")
def app_is_launched(app: App) -> Grant:
    return app.grant()


@then(parsers.parse('the answer has the media type "{media_type}"'))
def answer_has_media_type(judge: Judge, answer: Exchange, media_type: str) -> None:
    judge(members.media_type(judge.requirement, answer, media_type))


def needs_claim(identity_claims: Mapping[str, Any], name: str) -> None:
    """Raise ``NotApplicable`` where a claim is not there or no number: nothing to look at is no rule that holds."""
    value = identity_claims.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise NotApplicable(f"the ID Token has no `{name}` to look at; another scenario judges that")


def lifetime_is_true(judge: Judge, token: TokenAnswer) -> None:
    """Judge what a token response says of the lifetime; without a word on it there is nothing to judge."""
    answered(token.exchange)
    if token_response.seconds_of(token.body.get("expires_in")) is None:
        raise NotApplicable("the answer has no `expires_in` that counts seconds; another scenario judges that")
    judge(token_response.lifetime_is_true(judge.requirement, token.exchange))


def honoured(judge: Judge, exchanges: Sequence[Exchange], what: str) -> None:
    """Judge whether scopes give data at all; answers that tell neither of rights nor of data are no ground for a verdict."""
    for exchange in exchanges:
        answered(exchange)
    if not fhir_access.says_something(exchanges):
        raise NotApplicable(f"no request for {what} was understood: each answer is 400, 404, 405, 410, 422 or 429")
    judge(fhir_access.something_works(judge.requirement, exchanges, what))


def needs_document(judge: Judge, exchange: Exchange, *, json: bool = True) -> None:
    """Go on only where the document is there: that it is not is one failure, of the scenario that judges it."""
    found = exchange.answer.status == 200 and (not json or isinstance(exchange.answer.json, dict))
    name = {Endpoint.DISCOVERY: "SMART", Endpoint.OPENID_CONFIGURATION: "OpenID"}[exchange.endpoint]
    by = {"SMART": "smart-configuration-found", "OpenID": "openid-configuration-found"}[name]
    state = f"status {exchange.answer.status}" if exchange.answer.status != 200 else exchange.answer.json_error or "no JSON object"
    judge.needs(found, by, f"there is no {name} configuration to look at: {state}")


def configuration(judge: Judge, engine: Engine) -> None:
    """Go on only with a SMART configuration."""
    needs_document(judge, engine.discovery.exchange)
