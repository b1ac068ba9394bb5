"""What the defects make of the OpenID configuration and of the claims of an ID Token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from smartlaunch.embedded_ehr.defects.spoiling import Change, anywhere

ID_TOKEN_LIFETIME_S = 300
_AN_HOUR_S = 3600


# -- the OpenID configuration -------------------------------------------------------------------------------------------


@dataclass
class Metadata:
    """The document before it is sent, and the address of the server."""

    document: dict[str, Any]
    base_url: str


def _member(name: str, value: Callable[[Metadata], Any]) -> Change[Metadata]:
    def change(metadata: Metadata) -> None:
        metadata.document[name] = value(metadata)

    return Change(change)


def _no_member(name: str) -> Change[Metadata]:
    return Change(lambda metadata: metadata.document.pop(name, None))


OPENID_CONFIGURATION: dict[str, Change[Metadata]] = {
    "openid_configuration_omits_issuer": _no_member("issuer"),
    "openid_configuration_omits_authorization_endpoint": _no_member("authorization_endpoint"),
    "openid_configuration_omits_token_endpoint": _no_member("token_endpoint"),
    "openid_configuration_omits_jwks_uri": _no_member("jwks_uri"),
    "openid_configuration_omits_response_types_supported": _no_member("response_types_supported"),
    "openid_configuration_omits_subject_types_supported": _no_member("subject_types_supported"),
    "openid_configuration_omits_id_token_signing_alg_values_supported": _no_member("id_token_signing_alg_values_supported"),
    "openid_configuration_omits_scopes_supported": _no_member("scopes_supported"),
    "openid_configuration_omits_claims_supported": _no_member("claims_supported"),
    "openid_configuration_names_another_issuer": _member("issuer", lambda metadata: f"{metadata.base_url}/identity"),
    "openid_configuration_names_another_jwks_uri": _member("jwks_uri", lambda metadata: f"{metadata.base_url}/oauth/keys"),
    "openid_configuration_has_empty_arrays": _member("acr_values_supported", lambda _: []),
    "sends_iss_parameter_without_saying_so": _no_member("authorization_response_iss_parameter_supported"),
    "takes_the_secret_in_the_body_only_without_saying_so": _no_member("token_endpoint_auth_methods_supported"),
    "openid_configuration_lacks_rs256": _member("id_token_signing_alg_values_supported", lambda _: ["ES384"]),
    "signs_id_tokens_with_es384_only": _member("id_token_signing_alg_values_supported", lambda _: ["ES384"]),
}
"""What each defect does to the right document."""


# -- the claims ---------------------------------------------------------------------------------------------------------


@dataclass
class Claims:
    """The claims of an ID Token before it is signed; ``renewed`` says that it comes with a refresh."""

    values: dict[str, Any]
    base_url: str
    now: int
    subject: str
    renewed: bool = False
    first_iat: int | None = None
    first_at_hash: str | None = None
    is_patient: bool = False
    of_launch: bool = False
    patient: str | None = None
    last_sign_in: int = 0

    def has_a_chart_for_its_user(self) -> bool:
        """Say whether somebody else than the patient was launched from a patient's chart."""
        return self.of_launch and bool(self.patient) and not self.is_patient and "fhirUser" in self.values


def _renewed(claims: Claims) -> bool:
    return claims.renewed


def _gives(name: str, value: Callable[[Claims], Any], where: Callable[[Claims], bool] = anywhere) -> Change[Claims]:
    def change(claims: Claims) -> None:
        claims.values[name] = value(claims)

    return Change(change, where)


def _omits(name: str, where: Callable[[Claims], bool] = anywhere) -> Change[Claims]:
    return Change(lambda claims: claims.values.pop(name, None), where)


def _has_nonce(claims: Claims) -> bool:
    return "nonce" in claims.values


def _times(times: Callable[[Claims], tuple[Any, Any]]) -> Change[Claims]:
    def change(claims: Claims) -> None:
        claims.values["iat"], claims.values["exp"] = times(claims)

    return Change(change)


CLAIMS: dict[str, Change[Claims]] = {
    "omits_nonce": _omits("nonce", _has_nonce),
    "alters_nonce": _gives("nonce", lambda claims: claims.values["nonce"].upper() + "0", _has_nonce),
    "id_token_omits_iss": _omits("iss"),
    "id_token_omits_sub": _omits("sub"),
    "id_token_omits_aud": _omits("aud"),
    "id_token_omits_exp": _omits("exp"),
    "id_token_omits_iat": _omits("iat"),
    "id_token_names_another_issuer": _gives("iss", lambda claims: f"{claims.base_url}/identity"),
    "id_token_is_for_another_client": _gives("aud", lambda _: "some-other-client"),
    "id_token_names_another_authorized_party": _gives("azp", lambda _: "some-other-client"),
    "id_token_is_already_expired": _times(lambda claims: (claims.now - 2 * _AN_HOUR_S, claims.now - _AN_HOUR_S)),
    "id_token_is_issued_in_the_future": _times(lambda claims: (claims.now + _AN_HOUR_S, claims.now + 2 * _AN_HOUR_S)),
    "id_token_has_times_as_strings": _times(lambda claims: (str(claims.values.get("iat")), str(claims.values.get("exp")))),
    "id_token_has_times_in_milliseconds": _times(lambda claims: (claims.now * 1000, (claims.now + ID_TOKEN_LIFETIME_S) * 1000)),
    "id_token_tells_of_a_login_to_come": _gives("auth_time", lambda claims: claims.now + _AN_HOUR_S),
    "id_token_has_auth_time_in_milliseconds": _gives("auth_time", lambda claims: claims.values["auth_time"] * 1000),
    "id_token_is_not_in_force_yet": _gives("nbf", lambda claims: claims.now + _AN_HOUR_S),
    "refreshed_id_token_has_another_iss": _gives("iss", lambda claims: f"{claims.base_url}/identity", _renewed),
    "refreshed_id_token_has_another_sub": _gives("sub", lambda claims: f"{claims.subject}-2", _renewed),
    "refreshed_id_token_has_the_first_iat": _gives("iat", lambda claims: claims.first_iat, lambda claims: claims.first_iat is not None),
    "refreshed_id_token_omits_aud": _omits("aud", _renewed),
    "refreshed_id_token_has_another_aud": _gives("aud", lambda _: "some-other-client", _renewed),
    "refreshed_id_token_has_a_nonce_of_its_own": _gives("nonce", lambda _: "n-0S6_WzA2Mj", _renewed),
    "refreshed_id_token_gains_an_azp": _gives("azp", lambda claims: claims.values.get("aud"), _renewed),
    "refreshed_id_token_has_another_auth_time": _gives("auth_time", lambda claims: claims.now, _renewed),
    "refreshed_id_token_tells_of_the_last_sign_in": _gives("auth_time", lambda claims: claims.last_sign_in, _renewed),
    "refreshed_id_token_has_the_first_at_hash": _gives(
        "at_hash", lambda claims: claims.first_at_hash, lambda claims: claims.renewed and claims.first_at_hash is not None
    ),
    "refreshed_id_token_has_times_in_milliseconds": Change(
        lambda claims: claims.values.update(iat=claims.now * 1000, exp=(claims.now + ID_TOKEN_LIFETIME_S) * 1000), _renewed
    ),
    "refreshed_id_token_is_not_in_force_yet": _gives("nbf", lambda claims: claims.now + _AN_HOUR_S, _renewed),
    "id_token_of_ehr_launches_is_already_expired": _gives("exp", lambda claims: claims.now - _AN_HOUR_S, lambda claims: claims.of_launch),
    "refreshed_id_token_is_already_expired": _gives("exp", lambda claims: claims.now - _AN_HOUR_S, _renewed),
    "refreshed_id_token_has_another_fhir_user": _gives(
        "fhirUser", lambda claims: f"{claims.values['fhirUser']}-7", lambda claims: claims.renewed and "fhirUser" in claims.values
    ),
    "sends_the_patient_of_a_launch_as_fhir_user": _gives(
        "fhirUser", lambda it: f"{it.values['fhirUser'].rpartition('/Pr')[0]}/Patient/{it.patient}", Claims.has_a_chart_for_its_user
    ),
    "omits_fhir_user_claim_of_patients": _omits("fhirUser", lambda claims: claims.is_patient and "fhirUser" in claims.values),
    "id_token_has_wrong_at_hash": _gives("at_hash", lambda _: "AAAAAAAAAAAAAAAAAAAAAA"),
}
"""What each defect does to right claims."""
