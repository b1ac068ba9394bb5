"""The table of rule and form: every form of a request is put for every rule, or stands there with its reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from smartlaunch.checks.fhir_answer import belongs_to, categories_of, disclosed
from smartlaunch.errors import NotApplicable, NotConfigured, TwinFailed, Unreachable
from smartlaunch.probes import backend_reach
from smartlaunch.probes.fhir_access import every_form
from smartlaunch.probes.fhir_access.reads import EVERY_READ
from smartlaunch.probes.fhir_access.requests import Trial, each
from tests import forms

from .conftest import World


@pytest.mark.parametrize("rule", forms.OUTLINES)
def test_every_form_is_put_for_every_rule_or_left_out_for_a_reason(rule: str) -> None:
    alone = forms.alone(rule)
    together, left_out = set(every_form.forms(rule)), set(every_form.LEFT_OUT[rule])
    assert alone | together | left_out == set(EVERY_READ)
    assert not alone & together, "a form is put twice"
    assert not (alone | together) & left_out, "a form is put although a reason says that it is not"
    assert every_form.ALONE.get(rule, frozenset(alone)) == alone


def test_every_form_is_put_with_the_token_of_a_backend_service_or_left_out_for_a_reason() -> None:
    alone = forms.rows(forms.BACKEND)
    assert alone | {"read", "search"} == backend_reach.PUT_ALONE
    assert not backend_reach.PUT_ALONE & set(backend_reach.LEFT_OUT)


RULES: dict[str, Callable[[Any], list[Trial]]] = {
    "patient": every_form.of_another_patient,
    "type": every_form.of_another_type,
    "category": every_form.of_another_category,
    "user": every_form.beyond_the_user,
    "no token": every_form.without_token,
}
NOT_OFFERED = {"read with the type in lower case", "search with the type in lower case", "search by identifier"}
"""The clean embedded EHR has types in their own case only, and its observations have no identifier."""
NO_IDENTIFIER = {"type", "category", "user", "no token"}
"""Rules whose probes do not know the patient's identifier."""


@pytest.mark.parametrize("rule", RULES)
def test_a_right_server_is_asked_in_every_form_and_gives_nothing(right: World, rule: str) -> None:
    trials = RULES[rule](right.app())
    unknown = {"search by the identifier of the patient"} if rule in NO_IDENTIFIER else set()
    unknown |= {"operation $lastn"} if rule == "type" else set()  # what was not granted is no observation
    assert {one.interaction for one in trials} == set(every_form.forms(rule)) - NOT_OFFERED - unknown
    for one in trials:
        found = disclosed(one.exchange)
        if rule == "category":
            assert all(set(categories_of(r)) & set(one.wanted) for r in disclosed(one.exchange, one.resource_type))
        elif rule in ("patient", "user"):
            assert not any(belongs_to(r) & one.ids for r in found)
        else:
            assert not disclosed(one.exchange, one.resource_type)


def _trial(word: str) -> Trial:
    fails: dict[str, Exception] = {"na": NotApplicable("not offered"), "key": NotConfigured("a key", key="k")}
    fails |= {"twin": TwinFailed("open"), "away": Unreachable("nobody"), "gone": Unreachable("nobody again")}
    if word in fails:
        raise fails[word]
    return Trial(word, "Observation", None)  # type: ignore[arg-type]


def test_a_form_that_cannot_be_put_says_nothing_of_the_others() -> None:
    assert [one.interaction for one in each(["na", "read", "twin", "search", "away"], _trial)] == ["read", "search"]


@pytest.mark.parametrize(
    ("words", "why"),
    [(["na", "key"], NotApplicable), (["key", "na"], NotConfigured), (["na", "twin"], TwinFailed), (["read", "away", "gone"], Unreachable)],
)
def test_where_none_can_be_put_the_first_says_why(words: list[str], why: type[Exception]) -> None:
    with pytest.raises(why):
        each(words, _trial)
