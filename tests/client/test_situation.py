"""What a right app may choose, and nothing else, differs in a situation."""

import pytest

from smartlaunch.client.situation import PLAIN, Situation


def test_the_plain_situation_changes_nothing() -> None:
    scopes = ("openid", "launch/patient", "patient/Observation.rs")
    assert PLAIN.slug == PLAIN.words == ""
    assert PLAIN.scopes_for(scopes) == scopes
    assert PLAIN.fewer(scopes) is None


@pytest.mark.parametrize(
    ("written", "scope", "expected"),
    [
        ("v1", "patient/Observation.rs", "patient/Observation.read"),
        ("v1", "patient/Observation.cruds", "patient/Observation.*"),
        ("v1", "patient/Observation.read", "patient/Observation.read"),
        ("v1", "patient/Observation.s", "patient/Observation.s"),
        ("v1", "patient/Observation.rs?category=a|b", "patient/Observation.rs?category=a|b"),
        ("v1", "launch/patient", "launch/patient"),
        ("wildcard", "patient/Observation.rs", "patient/*.rs"),
        ("wildcard", "user/Observation.cruds", "user/*.rs"),
        ("wildcard", "patient/Observation.read", "patient/*.read"),
        ("wildcard", "patient/Observation.c", "patient/Observation.c"),
        ("wildcard", "openid", "openid"),
    ],
)
def test_scopes_are_written_so_that_they_mean_no_more_than_may_be_asked(written: str, scope: str, expected: str) -> None:
    assert Situation(scopes=written).scopes_for([scope]) == (expected,)


def test_scopes_that_become_the_same_are_asked_for_once() -> None:
    assert Situation(scopes="wildcard").scopes_for(["patient/Observation.rs", "openid", "patient/Patient.rs"]) == ("patient/*.rs", "openid")


def test_a_narrowing_refresh_leaves_out_one_scope_on_data_and_keeps_the_rest() -> None:
    narrowed = Situation(token="narrowed")
    assert narrowed.fewer(["openid", "patient/Patient.rs", "patient/Observation.rs", "launch/patient"]) == [
        "openid",
        "patient/Patient.rs",
        "launch/patient",
    ]
    assert narrowed.fewer(["openid", "patient/Patient.rs"]) is None
    assert Situation(token="refreshed").fewer(["patient/Patient.rs", "patient/Observation.rs"]) is None


def test_slug_and_words_name_every_part() -> None:
    situation = Situation(method="POST", user="other", patient="other", token="narrowed", scopes="v1")
    assert situation.slug == "posted+other-user+other-patient+narrowed+v1"
    assert situation.words == (
        "the authorization request sent by POST, as another user, for another patient, with a token refreshed for fewer scopes,"
        " with scopes in the syntax of version 1"
    )
