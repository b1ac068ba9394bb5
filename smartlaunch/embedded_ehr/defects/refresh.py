"""What the defects make of refresh tokens and of the answer to a refresh."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smartlaunch.embedded_ehr.defects.spoiling import Change, anywhere

if TYPE_CHECKING:
    from smartlaunch.embedded_ehr.state import RefreshToken, State


@dataclass
class Refreshed:
    """The body that answers a refresh before it is sent, and the refresh token that was shown."""

    body: dict[str, Any]
    token: RefreshToken
    state: State

    def first_access_token(self) -> str:
        """Return the access token that the grant began with."""
        return next(one.value for one in self.state.access_tokens.values() if one.grant == self.token.grant)

    def is_for_a_part(self) -> bool:
        """Say whether fewer scopes are granted than the refresh token has."""
        return set(str(self.body.get("scope", "")).split()) != set(self.token.scopes)

    def is_again(self) -> bool:
        """Say whether the refresh token came of a refresh itself."""
        return any(one.used for one in self.state.refresh_tokens.values() if one.grant == self.token.grant and one is not self.token)

    def another_patient(self) -> str:
        """Return a patient who is not the one of the grant."""
        return next(one for one in ("bruno-castellano", "amelia-stone") if one != self.token.patient)


def _omits(member: str, where: Callable[[Refreshed], bool] = anywhere) -> Change[Refreshed]:
    return Change(lambda refreshed: refreshed.body.pop(member, None), where)


def _gives(member: str, value: Callable[[Refreshed], object], where: Callable[[Refreshed], bool] = anywhere) -> Change[Refreshed]:
    def change(refreshed: Refreshed) -> None:
        refreshed.body[member] = value(refreshed)

    return Change(change, where)


def _has(member: str) -> Callable[[Refreshed], bool]:
    return lambda refreshed: member in refreshed.body


REFRESH_RESPONSE: dict[str, Change[Refreshed]] = {
    "changes_patient_at_refresh": _gives("patient", Refreshed.another_patient, lambda refreshed: bool(refreshed.body.get("patient"))),
    "returns_the_old_access_token_at_refresh": _gives("access_token", Refreshed.first_access_token),
    "sends_another_token_type_at_refresh": _gives("token_type", lambda _: "mac"),
    "returns_no_new_access_token_at_refresh": _omits("access_token"),
    "omits_token_type_at_refresh": _omits("token_type"),
    "omits_expires_in_at_refresh": _omits("expires_in"),
    "omits_scope_at_refresh": _omits("scope"),
    "sends_expires_in_in_milliseconds_at_refresh": _gives("expires_in", lambda refreshed: refreshed.body["expires_in"] * 1000),
    "sends_expires_in_as_string_at_refresh": _gives("expires_in", lambda refreshed: str(refreshed.body["expires_in"])),
    "omits_scope_of_a_refresh_for_a_part": _omits("scope", lambda refreshed: refreshed.is_for_a_part()),
    "sends_patient_as_reference_at_refresh": _gives("patient", lambda it: f"Patient/{it.body['patient']}", _has("patient")),
    "sends_need_patient_banner_as_string_at_refresh": _gives("need_patient_banner", lambda _: "false", _has("need_patient_banner")),
    "gives_another_patient_at_a_second_refresh": _gives(
        "patient", Refreshed.another_patient, lambda it: _has("patient")(it) and it.is_again()
    ),
    "gives_another_patient_at_a_refresh_for_a_part": _gives(
        "patient", Refreshed.another_patient, lambda it: _has("patient")(it) and it.is_for_a_part()
    ),
    "gives_another_encounter_at_refresh": _gives("encounter", lambda it: f"{it.body['encounter']}-2", _has("encounter")),
    "sends_fhir_context_as_object_at_refresh": _gives("fhirContext", lambda it: it.body["fhirContext"][0], _has("fhirContext")),
}
"""What each defect does to a right answer."""
