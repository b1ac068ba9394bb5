"""Rules put in the rarer forms of a request, all of them in one scenario for each rule.

The common forms have scenarios of their own, so that a report names them. A form that joins `reads.FURTHER` is put for every rule here,
and a test holds the rows of the features and these tables against each other: what is put nowhere has its reason in `LEFT_OUT`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from smartlaunch.probes.fhir_access import bearer_token, categories, interactions, patients, writing
from smartlaunch.probes.fhir_access.reads import BY_HAS, EVERYTHING, FURTHER, NEXT_PAGE, OTHERWISE_WRITTEN, READS
from smartlaunch.probes.fhir_access.requests import TWINS, Trial, each, letter_of
from smartlaunch.probes.fhir_access.writes import BY_SEARCH, FURTHER_SENT
from smartlaunch.probes.fhir_access.writing import FURTHER_MOVES

if TYPE_CHECKING:
    from smartlaunch.client.app import App

_OF_THE_PERSON = ("read of the patient", "search by the patient")
_FOR_TWO = tuple(one for one in TWINS if one != "search by a list of ids")
_OPERATIONS = tuple(one for one in (*READS, *FURTHER) if one.startswith("operation"))

_WRITTEN_ELSEWHERE = dict.fromkeys(OTHERWISE_WRITTEN, "how a request is written is put for another patient, another type and no token")

LEFT_OUT: Mapping[str, Mapping[str, str]] = {
    "patient": {},
    "type": {
        **dict.fromkeys(("search by the patient", *_FOR_TWO), "what is looked for is the same patient"),
        "search by subject": "a search by subject is put typed and by the reference",
        "search without a patient": "a search of the type finds it, whoever is named",
        "search by a list of ids": "the type that was granted and the one that was not are in no one list",
        BY_HAS: "it finds the patient, not what there is about the patient",
    },
    "category": {
        **_WRITTEN_ELSEWHERE,
        **dict.fromkeys((*_OF_THE_PERSON, *_FOR_TWO), "it is about the patient and not about what there is"),
        BY_HAS: "it finds the patient, not what there is about the patient",
    },
    "user": {
        **_WRITTEN_ELSEWHERE,
        "search by the patient": "it is the search for all patients of which one is hidden",
        BY_HAS: "it finds the patient, not what there is about the patient",
    },
    "letters": {
        **_WRITTEN_ELSEWHERE,
        **dict.fromkeys((*_OF_THE_PERSON, *_OPERATIONS), "no letter is named for it, or it needs a scope on the patient beside the letter"),
        **dict.fromkeys(TWINS, "no single token covers it as a whole"),
        BY_HAS: "it finds the patient, not what there is about the patient",
        "search by POST with a query": "it is put as a search by POST",
    },
    "no token": {
        **dict.fromkeys((*_OF_THE_PERSON, *TWINS, "batch with a second read"), "without a token it is no other request than the plain one"),
        BY_HAS: "it finds the patient, not what there is about the patient",
    },
}
"""For each rule the forms in which it is not put, and why."""

ALONE: Mapping[str, frozenset[str]] = {
    "category": frozenset(
        {
            *("read", "vread", "instance history", "batch with a read", "search", "search by POST", "search by _id"),
            *("search by a list of ids", "search by the encounter", "compartment search", NEXT_PAGE, "system search", "type history"),
            *(EVERYTHING, f"{EVERYTHING} of its type"),
        }
    ),
    "user": frozenset(
        {
            *("read of the patient", "read", "search", "search by POST", "search without a patient", "batch with a read", "vread"),
            *("instance history", "type history", "compartment search", "search for two patients", "search by a list of ids"),
            "search by the encounter",
        }
    ),
    "letters": frozenset(
        {"read", "vread", "instance history", "search", "search by POST", "type history", "system search"},
    ),
    "no token": frozenset(
        {
            *("read", "search", "search by POST", "batch with a read", NEXT_PAGE, "vread", "instance history", "type history"),
            *("compartment search", EVERYTHING),
        }
    ),
}
"""The forms that have scenarios of their own; for the rules that are not here all forms but those of `FURTHER` have."""


BESIDE: Mapping[str, tuple[str, ...]] = {
    "patient": ("batch with an instance history", "transaction with a search"),
    "type": ("search by POST with a query", "transaction with a search"),
}
"""The forms that are put beside those of `FURTHER` for these rules."""


def forms(rule: str) -> tuple[str, ...]:
    """The forms in which a rule is put together."""
    known = (*READS, *FURTHER) if rule in ALONE else (*FURTHER, *BESIDE[rule])
    return tuple(one for one in known if one not in ALONE.get(rule, ()) and one not in LEFT_OUT[rule])


def of_another_patient(app: App) -> list[Trial]:
    """Another patient's data under ``patient/`` scopes."""
    return each(forms("patient"), partial(patients.of_another, app))


def of_another_type(app: App) -> list[Trial]:
    """Data of a type that the granted scopes leave out."""
    return each(forms("type"), partial(interactions.other_type, app))


def of_another_category(app: App) -> list[Trial]:
    """Data of a category that the scope leaves out."""
    return each(forms("category"), partial(categories.outside, app))


def beyond_the_user(app: App) -> list[Trial]:
    """Data of a patient whom the signed-in user may not see."""
    return each(forms("user"), partial(patients.beyond_user, app))


def beyond_the_letter(app: App, letter: str) -> list[Trial]:
    """What the other one of the letters r and s allows."""
    return each((one for one in forms("letters") if letter_of(one) != letter), partial(interactions.beyond, app, letter))


SCOPES = (*patients.WRITTEN, "a scope for one category", "a scope beside one of the user")
"""Scopes on the patient in context under which another patient's data are asked for."""

UNDER_OTHER_SCOPES = (
    *("vread", "instance history", "search by POST", "compartment search", "search without a patient", "type history"),
    *("system search", "search by _id", "batch with a read", "batch with a search"),
)
"""The forms in which they are."""


def under_another_scope(app: App, written: str) -> list[Trial]:
    """Another patient's data under a scope that is written in another way."""
    match written:
        case "a scope for one category":
            return each(UNDER_OTHER_SCOPES, partial(categories.of_another_patient, app))
        case "a scope beside one of the user":
            return each(UNDER_OTHER_SCOPES, partial(patients.beside_user_scope, app))
    return each(UNDER_OTHER_SCOPES, partial(patients.under, app, written))


WRITTEN: Mapping[str, tuple[str, ...]] = {
    "for another patient": (*FURTHER_SENT, *FURTHER_MOVES),
    "with a token that may only read": (*FURTHER_SENT, "update of a new id", "update with If-Match", "batch with a create"),
    "without a token": (*FURTHER_SENT, "patch", "conditional update", "conditional delete"),
    "beyond the user": tuple(one for one in FURTHER_SENT if one != BY_SEARCH),
}
"""The rarer writes, by the rule that each of them is put for."""


def written_for_another(app: App) -> list[Trial]:
    """Writes for another patient under ``patient/`` scopes."""
    return each(WRITTEN["for another patient"], partial(patients.of_another, app))


def written_with_a_reading_token(app: App) -> list[Trial]:
    """Writes with a token that may only read."""
    return each(WRITTEN["with a token that may only read"], lambda one: interactions.beyond(app, "rs", one, in_version=0))


def written_without_token(app: App) -> list[Trial]:
    """Writes without any token."""
    return each(WRITTEN["without a token"], partial(writing.without_token, app))


def written_beyond_the_user(app: App) -> list[Trial]:
    """Writes for a patient whom the signed-in user may not see."""
    return each(WRITTEN["beyond the user"], partial(patients.beyond_user, app))


OTHER_LETTERS: Mapping[str, tuple[str, ...]] = {
    "c": ("conditional update", "conditional delete", "conditional patch", "batch with an update", "batch with a delete", "FHIRPath patch"),
    "u": ("conditional delete", "create on a condition", "batch with a create", "batch with a delete", "delete with If-Match"),
    "d": ("conditional update", "conditional patch", "create on a condition", "batch with a create", "batch with an update"),
}
"""Writes that the letter of another write does not allow."""


def written_beyond_the_letter(app: App, letter: str) -> list[Trial]:
    """What the letters of other writes allow."""
    return each(OTHER_LETTERS[letter], partial(interactions.beyond, app, letter))


def without_token(app: App) -> list[Trial]:
    """What the app's token opens, without any token."""
    return each(forms("no token"), partial(bearer_token.bare, app))


def with_wrong_token(app: App, label: str) -> list[Trial]:
    """What the app's token opens, with one that is none."""
    return each(bearer_token.COMMON, partial(bearer_token.in_form, app, label))
