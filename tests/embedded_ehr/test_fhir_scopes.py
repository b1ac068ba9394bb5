"""The meaning of SMART scopes: syntax, equality of versions, containment, plain words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartlaunch.embedded_ehr.scopes import INTERACTIONS, as_version_2, covered, covers, in_words, parse_resource_scope

LEVELS = st.sampled_from(["patient", "user", "system"])
TYPES = st.sampled_from(["*", "Observation", "Patient"])
LETTERS = st.sets(st.sampled_from(INTERACTIONS), min_size=1).map(
    lambda found: "".join(letter for letter in INTERACTIONS if letter in found)
)
SCOPES = st.builds(lambda level, kind, letters: f"{level}/{kind}.{letters}", LEVELS, TYPES, LETTERS)


@pytest.mark.parametrize(
    "text",
    [
        "patient/Observation.sr",
        "patient/Observation.dus",
        "patient/Observation.",
        "patient/Observation",
        "patient/observation.r",
        "patients/Observation.r",
        "patient/Observation.rr",
        "patient/Observation.rs?",
        "patient/Observation.read?category=x",
        "Patient/Observation.r",
        "patient/*.r ",
        "launch/patient",
        "openid",
    ],
)
def test_what_is_no_resource_scope(text: str) -> None:
    assert parse_resource_scope(text) is None


def test_parameters_of_a_granular_scope() -> None:
    scope = parse_resource_scope("patient/Observation.rs?category=http://a|b&code=c%20d")
    assert scope is not None
    assert scope.parameters == (("category", "http://a|b"), ("code", "c d"))


@pytest.mark.parametrize(
    ("old", "new"),
    [("patient/*.read", "patient/*.rs"), ("user/A.write", "user/A.cud"), ("system/*.*", "system/*.cruds"), ("openid", "openid")],
)
def test_versions_mean_the_same(old: str, new: str) -> None:
    assert as_version_2(old) == new
    assert covers(old, new)
    assert covers(new, old)


@given(SCOPES)
def test_a_scope_covers_itself_and_its_narrower_forms(text: str) -> None:
    assert covers(text, text)
    assert covers(text, f"{text}?category=x")
    assert not covers(f"{text}?category=x", text)


@given(SCOPES, SCOPES)
def test_two_scopes_that_cover_each_other_allow_the_same(one: str, other: str) -> None:
    if covers(one, other) and covers(other, one):
        assert one == other


@given(SCOPES)
def test_single_letters_together_cover_the_whole(text: str) -> None:
    head, _, letters = text.rpartition(".")
    assert covered(text, [f"{head}.{letter}" for letter in letters])
    assert covered(text, ["openid"]) is False


def test_words() -> None:
    assert in_words("patient/Observation.rs") == "See measurements and results of this patient"
    assert in_words("user/Condition.cud") == "Add, change and delete problems and diagnoses you can see"
    assert "laboratory results" in in_words("patient/Observation.rs?category=http://x|laboratory")
    assert in_words("offline_access") == "Stay connected when you are signed out"
