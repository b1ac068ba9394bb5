"""What the defects make of a refusal of the FHIR server, and the forms of a request that it lets pass without looking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smartlaunch.embedded_ehr.defects.spoiling import Change, anywhere

if TYPE_CHECKING:
    from smartlaunch.embedded_ehr.fhir_refusal import Refused

_TRACEBACK = (
    ' Traceback (most recent call last): File "/srv/lakeside/access.py", line 118, in authorize psycopg2.OperationalError: host=10.4.0.7'
)


@dataclass
class Told:
    """How a refusal is told: status, text and challenge; ``hidden`` turns it into a search that finds nothing."""

    refusal: Refused
    token: str
    status: int
    text: str
    challenge: str
    presented: bool
    hidden: bool = False


def _no_token(told: Told) -> bool:
    return told.refusal.status == 401 and not told.presented


def _bad_token(told: Told) -> bool:
    return told.refusal.status == 401 and told.presented


def _malformed(told: Told) -> bool:
    return told.refusal.status != 401 and told.refusal.error == "invalid_request"


def _beyond_scope(told: Told) -> bool:
    return told.refusal.status != 401 and told.refusal.error == "insufficient_scope"


def _status(status: int, where: Callable[[Told], bool]) -> Change[Told]:
    def change(told: Told) -> None:
        told.status = status

    return Change(change, where)


def _adds(text: Callable[[Told], str], where: Callable[[Told], bool] = anywhere) -> Change[Told]:
    def change(told: Told) -> None:
        told.text += text(told)

    return Change(change, where)


def _forbid_without_challenge(told: Told) -> None:
    told.status, told.challenge = 403, ""


def _hide(told: Told) -> None:
    told.hidden = True


def _no_challenge(told: Told) -> None:
    told.challenge = ""


REFUSAL: dict[str, Change[Told]] = {
    "answers_missing_token_with_403": Change(_forbid_without_challenge, _no_token),
    "answers_bad_token_with_403": _status(403, _bad_token),
    "answers_bad_token_with_400": _status(400, _bad_token),
    "refuses_a_bad_token_without_a_challenge": Change(_no_challenge, _bad_token),
    "answers_bad_token_with_500": _status(500, _bad_token),
    "answers_bad_token_with_empty_bundle": Change(_hide, _bad_token),
    "refusal_repeats_token": _adds(lambda told: f" Received: {told.token}", _bad_token),
    "answers_malformed_request_with_401": _status(401, _malformed),
    "answers_insufficient_scope_with_401": _status(401, _beyond_scope),
    "answers_insufficient_scope_with_500": _status(500, _beyond_scope),
    "refusal_discloses_internals": _adds(lambda _: _TRACEBACK),
}
"""What each defect does to a right refusal."""


# -- forms of a request -------------------------------------------------------------------------------------------------


def _written(form: str) -> Callable[[frozenset[str]], bool]:
    return lambda forms: form in forms


TRUSTED: dict[str, Callable[[frozenset[str]], bool]] = {
    "trusts_trailing_slashes": _written("trailing slash"),
    "trusts_percent_encoded_ids": _written("percent-encoded"),
    "trusts_types_in_lower_case": _written("lower case"),
    "trusts_reads_with_format": _written("_format"),
    "trusts_reads_with_elements": _written("_elements"),
    "trusts_searches_by_id": _written("_id"),
    "trusts_searches_by_identifier": _written("identifier"),
    "trusts_chained_searches": _written("chained"),
    "trusts_pages_after_the_first": _written("later page"),
    "trusts_system_history": _written("system history"),
    "trusts_operation_everything": _written("$everything"),
    "trusts_absolute_urls_in_a_batch": _written("absolute"),
    "trusts_head_requests": _written("HEAD"),
    "counts_what_no_scope_covers": _written("count"),
}
"""The forms in which each defect lets a request through, whatever its scopes and its patient."""


@dataclass(frozen=True)
class Tokenless:
    """A request without an access token: whether it is for App State, and in which unusual forms it is asked."""

    app_state: bool
    forms: frozenset[str]


TOKENLESS: dict[str, Callable[[Tokenless], bool]] = {
    "serves_later_pages_without_a_token": lambda asked: "later page" in asked.forms,
    "accepts_missing_token": lambda _: True,
    "app_state_needs_no_token": lambda asked: asked.app_state,
}
"""Which request without a token a defect lets pass."""
