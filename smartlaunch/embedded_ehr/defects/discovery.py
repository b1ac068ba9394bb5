"""What the defects make of the SMART configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smartlaunch.embedded_ehr.defects.spoiling import Change

if TYPE_CHECKING:
    from smartlaunch.embedded_ehr.core import Sandbox


@dataclass
class Draft:
    """The document before it is sent, and the server that it speaks of."""

    sandbox: Sandbox
    document: dict[str, Any]

    def address(self, path: str) -> str:
        """Return the absolute address of a path on this server."""
        return self.sandbox.state.base_url + path

    def without(self, *capabilities: str) -> None:
        """Take capabilities out of the list."""
        kept = [name for name in self.document.get("capabilities", ()) if name not in capabilities]
        self.document["capabilities"] = kept


Value = Callable[[Draft], Any]


def _omits(member: str) -> Change[Draft]:
    def change(draft: Draft) -> None:
        del draft.document[member]

    return Change(change, lambda draft: member in draft.document)


def _gives(member: str, value: Value | Any) -> Change[Draft]:
    def change(draft: Draft) -> None:
        draft.document[member] = value(draft) if callable(value) else value

    return Change(change)


def _without(*capabilities: str) -> Change[Draft]:
    return Change(lambda draft: draft.without(*capabilities))


def _adds(capability: object) -> Change[Draft]:
    return _gives("capabilities", lambda draft: [*draft.document.get("capabilities", ()), capability])


def _of_no_set(draft: Draft) -> list[str]:
    return [name for name in draft.document.get("capabilities", ()) if not name.startswith(("client-", "permission-patient"))]


def _app_state_elsewhere(draft: Draft) -> None:
    draft.without("smart-app-state")
    draft.document["associated_endpoints"] = [{"url": draft.address("/app-state"), "capabilities": ["smart-app-state"]}]


_AUTHORIZE, _TOKEN = "authorization_endpoint", "token_endpoint"
_GRANTS, _METHODS = "grant_types_supported", "token_endpoint_auth_methods_supported"
_ISS = "authorization_response_iss_parameter_supported"
_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
_ALGORITHMS = "token_endpoint_auth_signing_alg_values_supported"
_OMITTED = {
    "issuer": "smart_configuration_omits_issuer",
    "jwks_uri": "smart_configuration_omits_jwks_uri",
    "authorization_endpoint": "smart_configuration_omits_authorization_endpoint",
    "token_endpoint": "smart_configuration_omits_token_endpoint",
    "grant_types_supported": "smart_configuration_omits_grant_types_supported",
    "capabilities": "smart_configuration_omits_capabilities",
    "code_challenge_methods_supported": "smart_configuration_omits_code_challenge_methods_supported",
    "scopes_supported": "smart_configuration_omits_scopes_supported",
    "response_types_supported": "smart_configuration_omits_response_types_supported",
    "management_endpoint": "smart_configuration_omits_management_endpoint",
    "introspection_endpoint": "smart_configuration_omits_introspection_endpoint",
    "revocation_endpoint": "smart_configuration_omits_revocation_endpoint",
    "token_endpoint_auth_methods_supported": "smart_configuration_omits_token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported": "smart_configuration_omits_token_endpoint_auth_signing_alg_values_supported",
}
SMART_CONFIGURATION: dict[str, Change[Draft]] = {
    "lists_plain_challenge_method": _gives("code_challenge_methods_supported", ["S256", "plain"]),
    "lists_no_s256_challenge_method": _gives("code_challenge_methods_supported", []),
    "gives_relative_authorization_endpoint": _gives(_AUTHORIZE, lambda draft: draft.sandbox.profile.authorize_path),
    "gives_relative_token_endpoint": _gives(_TOKEN, lambda draft: draft.sandbox.profile.token_path),
    "gives_relative_introspection_endpoint": _gives("introspection_endpoint", "/oauth/introspect"),
    "gives_relative_jwks_uri": _gives("jwks_uri", "/oauth/jwks"),
    "gives_blank_token_endpoint": _gives(_TOKEN, ""),
    "gives_blank_authorization_endpoint": _gives(_AUTHORIZE, " "),
    "gives_another_issuer_than_openid_configuration": _gives("issuer", lambda draft: draft.address("/identity")),
    "gives_another_jwks_uri_than_openid_configuration": _gives("jwks_uri", lambda draft: draft.address("/oauth/keys")),
    "gives_another_token_endpoint_than_openid_configuration": _gives(_TOKEN, lambda draft: draft.address("/oauth/token2")),
    "neither_claims_nor_takes_post": Change(lambda draft: draft.without("authorize-post")),
    "lists_no_authorization_code_grant": _gives(_GRANTS, ["client_credentials"]),
    "lists_no_client_credentials_grant": _gives(_GRANTS, ["authorization_code", "refresh_token"]),
    "lists_a_grant_type_it_does_not_take": _gives(_GRANTS, lambda draft: [*draft.document.get(_GRANTS, ()), _DEVICE]),
    "gives_grant_types_as_string": _gives(_GRANTS, "authorization_code client_credentials"),
    "lists_no_code_response_type": _gives("response_types_supported", ["token"]),
    "lists_no_private_key_jwt": _gives(_METHODS, ["client_secret_basic", "client_secret_post"]),
    "lists_no_client_secret_method": _gives(_METHODS, ["private_key_jwt"]),
    "gives_auth_methods_as_string": _gives(_METHODS, "client_secret_basic private_key_jwt"),
    "gives_registration_endpoint_as_object": _gives("registration_endpoint", lambda draft: {"url": draft.address("/oauth/register")}),
    "gives_associated_endpoints_as_strings": _gives("associated_endpoints", lambda draft: [draft.address("/fhir")]),
    "gives_authorization_endpoint_with_a_fragment": _gives(_AUTHORIZE, lambda draft: f"{draft.sandbox.authorize_url}#sign-in"),
    "gives_token_endpoint_with_a_fragment": _gives(_TOKEN, lambda draft: f"{draft.sandbox.token_url}#token"),
    "sends_iss_parameter_without_saying_so": Change(lambda draft: draft.document.pop(_ISS, None)),
    "lists_signing_algorithms_without_rs384_and_es384": _gives(_ALGORITHMS, ["HS256"]),
    "lists_a_signing_algorithm_it_does_not_take": _gives(_ALGORITHMS, lambda draft: [*draft.document.get(_ALGORITHMS, ()), "RS512"]),
    "lists_a_response_type_it_does_not_take": _gives("response_types_supported", ["code", "code id_token"]),
    "lists_malformed_scopes": _gives("scopes_supported", ["patient/observation.rs", "patient/Patient.xyz"]),
    "keeps_app_state_at_a_dead_address": Change(_app_state_elsewhere),
    "lists_unknown_simple_capability": _adds("lakeside-magic"),
    "lists_capabilities_of_no_set": _gives("capabilities", _of_no_set),
    "gives_relative_revocation_endpoint": _gives("revocation_endpoint", "/oauth/revoke"),
    "gives_relative_management_endpoint": _gives("management_endpoint", "/oauth/manage"),
    "gives_relative_registration_endpoint": _gives("registration_endpoint", "/oauth/register"),
    "gives_relative_associated_endpoint": _gives("associated_endpoints", [{"url": "/fhir", "capabilities": ["smart-app-state"]}]),
    "gives_associated_endpoint_without_capabilities": _gives("associated_endpoints", lambda draft: [{"url": draft.address("/fhir")}]),
    "gives_associated_endpoints_as_object": _gives(
        "associated_endpoints", lambda draft: {"url": draft.address("/fhir"), "capabilities": ["smart-app-state"]}
    ),
    "spells_s256_in_lower_case": _gives("code_challenge_methods_supported", ["s256"]),
    "gives_scopes_supported_as_string": _gives("scopes_supported", lambda draft: " ".join(draft.document.get("scopes_supported", ()))),
    "gives_no_grant_types": _gives(_GRANTS, []),
    "lists_a_capability_that_is_no_string": _adds(7),
    "lists_half_of_a_capability_set": _without("permission-patient"),
    "lists_no_client_confidential_asymmetric": _without("client-confidential-asymmetric"),
    "lists_no_smart_app_state": _without("smart-app-state"),
    "lists_no_permission_v1": _without("permission-v1"),
    "keeps_issuer_without_openid_connect": _without("sso-openid-connect"),
    "lists_blank_capability": _adds(""),
    "takes_the_secret_in_the_body_only_without_saying_so": _omits(_METHODS),
    "gives_no_capabilities": _gives("capabilities", []),
    "gives_capabilities_as_string": _gives("capabilities", lambda draft: " ".join(draft.document.get("capabilities", ()))),
    **{defect: _omits(member) for member, defect in _OMITTED.items()},
}
"""What each defect does to the right document; members are left out last, so that nothing brings one back."""
