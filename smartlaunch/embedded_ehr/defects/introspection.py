"""What the defects make of the description of a good token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smartlaunch.embedded_ehr.defects.spoiling import Change, anywhere

if TYPE_CHECKING:
    from smartlaunch.embedded_ehr.state import AccessToken

_LATER_S = 7200


@dataclass
class Description:
    """An introspection response before it is sent, and the token that it is about."""

    body: dict[str, Any]
    token: AccessToken
    first: AccessToken | None = None
    """The access token that the grant began with, where this one came by a refresh."""
    earlier_patient: str | None = None
    """The patient of an earlier token of the same person and app, where it is another one."""

    registered: tuple[str, ...] = ()
    """What a backend service is registered for, where the token is of one."""

    def names_its_person(self) -> bool:
        """Say whether there is a subject that an ID Token has named as well."""
        return "sub" in self.body and bool(self.token.context.get("_id_token"))

    def another_patient(self) -> str:
        """Return a patient who is not the one of the token."""
        return "chidi-okafor" if self.token.patient != "chidi-okafor" else "amelia-stone"


def _omits(member: str, where: Callable[[Description], bool] = anywhere) -> Change[Description]:
    return Change(lambda description: description.body.pop(member), lambda description: member in description.body and where(description))


def _renewed(description: Description) -> bool:
    return description.first is not None


def _gives(member: str, value: Callable[[Description], Any], where: Callable[[Description], bool] = anywhere) -> Change[Description]:
    def change(description: Description) -> None:
        description.body[member] = value(description)

    return Change(change, where)


_OMITTED = {
    "scope": "introspection_omits_scope",
    "client_id": "introspection_omits_client_id",
    "exp": "introspection_omits_exp",
    "patient": "introspection_omits_patient",
    "encounter": "introspection_omits_encounter",
    "need_patient_banner": "introspection_omits_need_patient_banner",
    "intent": "introspection_omits_intent",
    "tenant": "introspection_omits_tenant",
    "smart_style_url": "introspection_omits_smart_style_url",
    "fhirContext": "introspection_omits_fhir_context",
    "iss": "introspection_omits_iss",
    "sub": "introspection_omits_sub",
    "fhirUser": "introspection_omits_fhir_user",
    "active": "omits_active",
}
DESCRIPTION: dict[str, Change[Description]] = {
    **{defect: _omits(member) for member, defect in _OMITTED.items()},
    "introspection_sends_the_first_exp_after_a_refresh": _gives("exp", lambda it: int(it.first.expires_at) if it.first else 0, _renewed),
    "introspection_sends_the_first_scope_after_a_refresh": _gives(
        "scope", lambda it: " ".join(it.first.scopes) if it.first else "", _renewed
    ),
    "introspection_sends_the_preauthorization_of_backend_services": _gives(
        "scope", lambda it: " ".join(it.registered), lambda it: bool(it.registered) and set(it.registered) != set(it.token.scopes)
    ),
    "introspection_sends_the_scope_before_the_consent": _gives(
        "scope", lambda it: " ".join(it.token.offered), lambda it: bool(it.token.offered)
    ),
    "introspection_sends_the_patient_of_an_earlier_token": _gives(
        "patient", lambda it: it.earlier_patient, lambda it: bool(it.earlier_patient and it.body.get("patient"))
    ),
    "introspection_omits_sub_after_a_refresh": _omits("sub", _renewed),
    "introspection_omits_scope_after_a_refresh": _omits("scope", _renewed),
    "introspection_omits_exp_after_a_refresh": _omits("exp", _renewed),
    "introspection_omits_iss_after_a_refresh": _omits("iss", _renewed),
    "introspection_omits_fhir_user_after_a_refresh": _omits("fhirUser", _renewed),
    "introspection_omits_patient_after_a_refresh": _omits("patient", _renewed),
    "introspection_omits_client_id_of_backend_services": _omits("client_id", lambda it: it.token.user is None),
    "introspection_sends_exp_of_backend_services_as_string": _gives(
        "exp", lambda it: str(int(it.token.expires_at)), lambda it: it.token.user is None
    ),
    "introspection_sends_exp_in_milliseconds": _gives("exp", lambda it: int(it.token.expires_at) * 1000),
    "answers_active_as_string": _gives("active", lambda _: "true"),
    "introspection_sends_exp_as_string": _gives("exp", lambda description: str(int(description.token.expires_at))),
    "introspection_sends_iat_as_string": _gives("iat", lambda description: str(int(description.token.issued_at))),
    "introspection_sends_another_exp": _gives("exp", lambda description: int(description.token.expires_at) + _LATER_S),
    "introspection_sends_another_scope": _gives("scope", lambda _: "patient/*.cruds"),
    "introspection_sends_scope_as_list": _gives("scope", lambda description: list(description.token.scopes)),
    "introspection_sends_another_client_id": _gives("client_id", lambda _: "some-other-client"),
    "introspection_sends_another_patient": _gives(
        "patient", Description.another_patient, lambda description: bool(description.body.get("patient"))
    ),
    "introspection_sends_another_sub": _gives("sub", lambda _: "somebody-else", Description.names_its_person),
}
"""What each defect does to a right description."""
