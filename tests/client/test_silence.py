"""An answer that never came is judged nowhere: whoever looks at it hears that nothing came."""

from datetime import UTC, datetime

import pytest

from smartlaunch.checks import members, token_error
from smartlaunch.errors import Unreachable
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request

REQUEST = Request("POST", "https://as.example/token?secret=1")
SILENT = Exchange("x1", Actor.APP, Endpoint.TOKEN, datetime.now(UTC), 1.0, REQUEST, None, error="timed out")


def test_a_refusal_is_not_concluded_from_silence() -> None:
    with pytest.raises(Unreachable, match="timed out") as caught:
        token_error.no_token("RFC6749-5.2-b", SILENT, "a code")
    assert "secret" not in str(caught.value)


def test_no_fault_is_concluded_from_silence() -> None:
    with pytest.raises(Unreachable):
        members.status("RFC6749-5.2-b", SILENT, 200)


def test_evidence_keeps_silence_as_status_0() -> None:
    assert SILENT.heard.status == 0
