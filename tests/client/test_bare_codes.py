"""Codes for which nobody has to choose a patient: only where the server grants such a flow, and never in an EHR launch."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from smartlaunch.client.app import App
from smartlaunch.errors import Blocked

SCOPES = ("openid", "fhirUser", "launch/patient", "offline_access", "patient/Observation.rs", "user/Practitioner.r", "user/Device.r")


class Flow(App):
    """An app whose server is a dictionary: what it answers to scopes without a context, and what it was asked."""

    def __init__(self, *, granted: tuple[str, ...] = SCOPES, launch_kind: str = "standalone", bare: Any = "refresh") -> None:
        super().__init__(SimpleNamespace(), SimpleNamespace(scopes=SCOPES, ehr_launch_scopes=SCOPES), launch_kind, *[None] * 3)  # type: ignore[arg-type]
        self.granted, self.answer = granted, bare
        self.tried: list[tuple[str, ...]] = []

    def grant(self, scope: Any = None, user: Any = None) -> Any:
        return SimpleNamespace(token=SimpleNamespace(scopes=list(self.granted), refresh_token="r"))

    def attempt(self, *, scope: Any = None, user: Any = None, session: str = "") -> Any:
        self.tried.append(scope)
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is None:
            return SimpleNamespace(token=None)
        return SimpleNamespace(
            token=SimpleNamespace(succeeded=self.answer != "refused", refresh_token=self.answer if self.answer == "refresh" else "")
        )

    def fresh_code(self, *, scope: Any = None) -> Any:
        return scope


def test_asks_for_what_needs_no_context_and_proves_it_once() -> None:
    app = Flow()
    assert [app.bare_code(), app.bare_code()] == [("openid", "fhirUser", "offline_access", "user/Practitioner.r", "user/Device.r")] * 2
    assert len(app.tried) == 1


def test_asks_for_nothing_that_was_not_granted() -> None:
    assert Flow(granted=("openid", "launch/patient", "offline_access", "user/Device.r")).bare_code() == (
        "openid",
        "offline_access",
        "user/Device.r",
    )


@pytest.mark.parametrize("answer", [None, "refused", "no refresh token", Blocked("the login got stuck")])
def test_asks_for_everything_where_the_server_gives_less(answer: Any) -> None:
    app = Flow(bare=answer)
    assert [app.bare_code(), app.bare_code()] == [None, None]
    assert len(app.tried) == 1


@pytest.mark.parametrize("app", [Flow(launch_kind="ehr"), Flow(granted=("openid", "launch/patient", "patient/Observation.rs"))])
def test_tries_nothing_where_a_context_comes_anyway_or_only_a_login_would_be_left(app: Flow) -> None:
    assert app.bare_code() is None
    assert app.tried == []
