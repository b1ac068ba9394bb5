"""Each check on granted scopes: a grant that passes, and those that make it speak."""

from __future__ import annotations

import pytest

from smartlaunch.checks import scopes as checks
from smartlaunch.finding import Kind, Outcome

REQ = "RFC6749-4.1.2.1-h"


def test_code_came() -> None:
    assert checks.code_came("EXPECT-authorization", came=True, actual="", exchange="x1") == []
    found = checks.code_came("EXPECT-authorization", came=False, actual="error=invalid_scope", exchange="x1")
    assert [(f.kind, f.severity, f.actual) for f in found] == [(Kind.EXPECTATION, Outcome.WARNING, "error=invalid_scope")]


def test_all_granted() -> None:
    assert checks.all_granted("EXPECT-scopes", [], "x1", granted=["openid"]) == []
    warned, failed = checks.all_granted("EXPECT-scopes", ["a", "b"], "x1", granted=["openid"], declared=["b"])
    assert (warned.kind, warned.severity, warned.pointer) == (Kind.EXPECTATION, Outcome.WARNING, "/scope")
    assert failed.severity is Outcome.FAILED
    assert "openid" in failed.actual


@pytest.mark.parametrize(
    ("refused", "error", "granted", "findings"),
    [
        (True, "invalid_scope", [], 0),
        (True, "invalid_request", [], 0),
        (True, "", [], 0),
        (True, "server_error", [], 1),
        (False, "", ["openid"], 0),
        (False, "", ["openid", "nonsense"], 1),
        (False, "", [], 1),
    ],
)
def test_left_out_or_refused(refused: bool, error: str, granted: list[str], findings: int) -> None:
    found = checks.left_out_or_refused(REQ, "nonsense", refused=refused, error=error, granted=granted, came="this", exchange="x1")
    assert [(f.requirement, f.actual, f.exchange) for f in found] == [(REQ, "this", "x1")] * findings


@pytest.mark.parametrize(
    ("refused", "error", "told", "kinds"),
    [
        (True, "invalid_scope", False, []),
        (True, "", False, []),
        (True, "invalid_request", False, [Kind.HYGIENE]),
        (True, "server_error", False, [Kind.REQUIREMENT]),
        (False, "", True, []),
        (False, "", False, [Kind.REQUIREMENT]),
    ],
)
def test_default_or_refused(refused: bool, error: str, told: bool, kinds: list[Kind]) -> None:
    found = checks.default_or_refused(REQ, refused=refused, error=error, told=told, came="this", exchange="x1")
    assert [f.kind for f in found] == kinds


def test_gains_nothing() -> None:
    scope = "patient/Observation.dus"
    assert checks.gains_nothing(REQ, scope, [], granted=["patient/Observation.rs"], exchange="x1") == []
    gained = checks.gains_nothing(REQ, scope, ["patient/Observation.uds"], granted=["patient/Observation.uds"], exchange="x1")
    assert ["uds" in f.actual for f in gained] == [True]
    echoed = checks.gains_nothing(REQ, scope, [], granted=[scope], exchange="x1")
    assert [f.actual for f in echoed] == ["it is granted"]


def test_covers() -> None:
    assert checks.covers(REQ, "a", covered=True, granted=["a"], exchange="x1") == []
    assert checks.covers(REQ, "a", covered=False, granted=[], exchange="x1")[0].actual == "granted: nothing"


def test_some_granted() -> None:
    assert checks.some_granted(REQ, ["a", "b"], ["b"], granted=["a"], exchange="x1") == []
    assert len(checks.some_granted(REQ, ["a", "b"], ["a", "b"], granted=["c"], exchange="x1")) == 1


def test_syntax_kept() -> None:
    assert checks.syntax_kept(REQ, [("openid", 0), ("patient/Observation.read", 1)], 1, "x1") == []
    assert "patient/Observation.rs" in checks.syntax_kept(REQ, [("patient/Observation.rs", 2)], 1, "x1")[0].actual


def test_not_granted() -> None:
    assert checks.not_granted(REQ, "a", covered=False, granted=[], exchange="x1") == []
    assert len(checks.not_granted(REQ, "a", covered=True, granted=["a"], exchange="x1")) == 1


@pytest.mark.parametrize(
    "scope",
    [
        "patient/Observation.rs",
        "user/*.cruds",
        "system/*.*",
        "patient/Patient.read",
        "patient/*.write",
        "patient/Observation.rs?category=http://x.example|y",
        "openid",
        "launch/patient",
        "https://vendor.example/scope",
    ],
)
def test_published_forms_pass(scope: str) -> None:
    assert checks.published_forms(REQ, [scope], "x1") == []


@pytest.mark.parametrize(
    "scope", ["patient/observation.rs", "patient/Patient.xyz", "patient/Patient.sr", "user/Patient", "patient/Patient."]
)
def test_published_forms_fail(scope: str) -> None:
    found = checks.published_forms(REQ, ["openid", scope], "x1")
    assert [f.pointer for f in found] == ["/scopes_supported"]
    assert scope in found[0].actual


def test_a_listed_scope_that_is_withheld_warns() -> None:
    assert checks.listed_but_withheld("R", "patient/A.rs", covered=True, granted=["patient/A.rs"], exchange="x1") == []
    found = checks.listed_but_withheld("R", "patient/A.rs", covered=False, granted=[], exchange="x1")
    assert [str(f.severity) for f in found] == ["warning"]
