"""The token of a launch is for the chart that it came from."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from smartlaunch.checks import launch as checks
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response

REQ = "SMART-2.2-app-launch-ehr-launch-c"


def token(**body: str) -> Exchange:
    request = Request("POST", "https://ehr.example/token")
    return Exchange("x1", Actor.APP, Endpoint.TOKEN, datetime.now(UTC), 1.0, request, Response(200, (), json.dumps(body).encode()))


def test_a_later_launch_takes_nothing_from_an_earlier_one() -> None:
    assert checks.of_its_own_launch(REQ, token(patient="first"), "second") == []
    assert checks.of_its_own_launch(REQ, token(), "second") == [], "context that is missing is judged elsewhere"
    [finding] = checks.of_its_own_launch(REQ, token(patient="second"), "second")
    assert finding.pointer == "/patient"
    assert "second" not in finding.actual
