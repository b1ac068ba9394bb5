"""The SMART configuration document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from smartlaunch.embedded_ehr.brands import BUNDLE_PATH, PRIMARY_IDENTIFIER
from smartlaunch.embedded_ehr.core import Sandbox, json_answer, json_media_type
from smartlaunch.embedded_ehr.plain_http import with_plain_http

if TYPE_CHECKING:
    from starlette.requests import Request

CAPABILITIES = (
    "launch-ehr",
    "launch-standalone",
    "authorize-post",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-banner",
    "context-style",
    "context-ehr-patient",
    "context-ehr-encounter",
    "context-standalone-patient",
    "context-standalone-encounter",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
    "smart-app-state",
)
SCOPES = (
    "openid",
    "fhirUser",
    "profile",
    "launch",
    "launch/patient",
    "launch/encounter",
    "launch/location",
    "offline_access",
    "online_access",
    "patient/*.rs",
    "patient/*.cruds",
    "user/*.rs",
    "user/*.cruds",
    "system/Patient.rs",
    "system/Observation.rs",
    "system/Encounter.rs",
    "system/Condition.rs",
)
_LATER_THAN_1_0 = frozenset(
    [
        "issuer",
        "jwks_uri",
        "grant_types_supported",
        "code_challenge_methods_supported",
        "token_endpoint_auth_signing_alg_values_supported",
        "authorization_response_iss_parameter_supported",
        "associated_endpoints",
        "user_access_brand_bundle",
        "user_access_brand_identifier",
    ]
)
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


def routes(sandbox: Sandbox) -> list[Route]:
    """Return the route of the document, to stand before the FHIR server's own."""

    async def answer(request: Request) -> Response:
        if sandbox.defects("serves_smart_configuration_at_the_host_only"):
            return json_answer({"message": "not found"}, status=404)
        return smart_configuration_answer(sandbox, request)

    async def answer_at_host(request: Request) -> Response:
        if sandbox.defects("serves_smart_configuration_at_the_host_only"):
            return smart_configuration_answer(sandbox, request)
        return json_answer({"message": "not found"}, status=404)

    return [
        Route("/fhir/.well-known/smart-configuration", answer, methods=["GET"]),
        Route("/.well-known/smart-configuration", answer_at_host, methods=["GET"]),
    ]


def smart_configuration_answer(sandbox: Sandbox, request: Request) -> Response:
    """Answer with JSON, whatever the Accept header asks for."""
    defects, accept = sandbox.defects, request.headers.get("accept", "*/*")
    document = smart_configuration(sandbox)
    wants_json = "json" in accept or "*/*" in accept
    if "authorization" not in request.headers and defects("smart_configuration_needs_a_token"):
        return json_answer({"error": "unauthorized"}, status=401, headers={"WWW-Authenticate": "Bearer"})
    if not wants_json and defects("refuses_other_accept_headers_for_smart_configuration"):
        return json_answer({"error": "not acceptable"}, status=406)
    if not wants_json and defects("follows_accept_header_for_smart_configuration"):
        return Response("<html><body>SMART configuration</body></html>", media_type="text/html")
    if "accept" not in request.headers and defects("refuses_smart_configuration_without_accept_header"):
        return json_answer({"error": "not acceptable"}, status=406)
    if defects("sends_json_in_latin_1"):
        text = json.dumps(document | {"x_operator": "Hôpital du Lac"}, ensure_ascii=False)
        return Response(text.encode("latin-1"), media_type="application/json")
    if defects("serves_smart_configuration_as_text"):
        return Response(json.dumps(document), media_type="text/plain")
    if defects("serves_smart_configuration_as_octets"):
        return Response(json.dumps(document), media_type="application/octet-stream")
    if defects("serves_broken_json_as_smart_configuration"):
        return Response(json.dumps(document)[:-1], media_type="application/json")
    if defects("wraps_smart_configuration_in_a_list"):
        return json_answer([document])
    return json_answer(document, headers={"Cache-Control": "max-age=60"}, media_type=json_media_type(sandbox))


def smart_configuration(sandbox: Sandbox) -> dict[str, Any]:  # noqa: PLR0915 - one member, one rule after the other
    """Return the document of the running server."""
    state, defects = sandbox.state, sandbox.defects
    capabilities = list(CAPABILITIES)
    document: dict[str, Any] = {
        "issuer": state.issuer,
        "jwks_uri": f"{state.base_url}/oauth/jwks",
        "authorization_endpoint": sandbox.authorize_url,
        "token_endpoint": sandbox.token_url,
        "introspection_endpoint": f"{state.base_url}/oauth/introspect",
        "revocation_endpoint": f"{state.base_url}/oauth/revoke",
        "management_endpoint": f"{state.base_url}/oauth/manage",
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "response_types_supported": ["code"],
        "scopes_supported": list(SCOPES),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        "authorization_response_iss_parameter_supported": True,
    }
    document |= brand_members(sandbox)
    _apply_variants(sandbox, document, capabilities)
    for name, defect in _OMITTED.items():
        if name in document | {"capabilities": 0} and defects(defect):
            document.pop(name, None)
    if defects("lists_plain_challenge_method"):
        document["code_challenge_methods_supported"] = ["S256", "plain"]
    if defects("lists_no_s256_challenge_method"):
        document["code_challenge_methods_supported"] = []
    if defects("gives_relative_authorization_endpoint"):
        document["authorization_endpoint"] = sandbox.profile.authorize_path
    if defects("gives_relative_token_endpoint"):
        document["token_endpoint"] = sandbox.profile.token_path
    if defects("gives_relative_introspection_endpoint"):
        document["introspection_endpoint"] = "/oauth/introspect"
    if defects("gives_relative_jwks_uri"):
        document["jwks_uri"] = "/oauth/jwks"
    if defects("gives_blank_token_endpoint"):
        document["token_endpoint"] = ""
    if defects("gives_blank_authorization_endpoint"):
        document["authorization_endpoint"] = " "
    if defects("gives_another_issuer_than_openid_configuration"):
        document["issuer"] = f"{state.base_url}/identity"
    if defects("gives_another_jwks_uri_than_openid_configuration"):
        document["jwks_uri"] = f"{state.base_url}/oauth/keys"
    if defects("gives_another_token_endpoint_than_openid_configuration"):
        document["token_endpoint"] = f"{state.base_url}/oauth/token2"
    if defects("lists_no_authorization_code_grant"):
        document["grant_types_supported"] = ["client_credentials"]
    if defects("lists_no_client_credentials_grant"):
        document["grant_types_supported"] = ["authorization_code", "refresh_token"]
    if defects("lists_a_grant_type_it_does_not_take"):
        document["grant_types_supported"] = [*document.get("grant_types_supported", ()), "urn:ietf:params:oauth:grant-type:device_code"]
    if defects("gives_grant_types_as_string"):
        document["grant_types_supported"] = "authorization_code client_credentials"
    if defects("lists_no_code_response_type"):
        document["response_types_supported"] = ["token"]
    if defects("lists_no_private_key_jwt"):
        document["token_endpoint_auth_methods_supported"] = ["client_secret_basic", "client_secret_post"]
    if defects("lists_no_client_secret_method"):
        document["token_endpoint_auth_methods_supported"] = ["private_key_jwt"]
    if defects("gives_auth_methods_as_string"):
        document["token_endpoint_auth_methods_supported"] = "client_secret_basic private_key_jwt"
    if defects("gives_registration_endpoint_as_object"):
        document["registration_endpoint"] = {"url": f"{state.base_url}/oauth/register"}
    if defects("gives_associated_endpoints_as_strings"):
        document["associated_endpoints"] = [f"{state.base_url}/fhir"]
    if defects("gives_authorization_endpoint_with_a_fragment"):
        document["authorization_endpoint"] = f"{sandbox.authorize_url}#sign-in"
    if defects("gives_token_endpoint_with_a_fragment"):
        document["token_endpoint"] = f"{sandbox.token_url}#token"
    if defects("sends_iss_parameter_without_saying_so"):
        document.pop("authorization_response_iss_parameter_supported", None)
    if defects("lists_signing_algorithms_without_rs384_and_es384"):
        document["token_endpoint_auth_signing_alg_values_supported"] = ["HS256"]
    if defects("lists_malformed_scopes"):
        document["scopes_supported"] = ["patient/observation.rs", "patient/Patient.xyz"]
    if defects("lists_unknown_simple_capability"):
        capabilities.append("lakeside-magic")
    if defects("lists_capabilities_of_no_set"):
        capabilities = [name for name in capabilities if not name.startswith(("client-", "permission-patient"))]
    if defects("lists_half_of_a_capability_set"):
        capabilities = [name for name in capabilities if name != "permission-patient"]
    if defects("lists_no_client_confidential_asymmetric"):
        capabilities = [name for name in capabilities if name != "client-confidential-asymmetric"]
    if defects("lists_no_smart_app_state"):
        capabilities = [name for name in capabilities if name != "smart-app-state"]
    if defects("lists_no_permission_v1"):
        capabilities = [name for name in capabilities if name != "permission-v1"]
    if defects("keeps_issuer_without_openid_connect"):
        capabilities = [name for name in capabilities if name != "sso-openid-connect"]
    if defects("lists_blank_capability"):
        capabilities.append("")
    if "capabilities" not in document:
        if not defects("smart_configuration_omits_capabilities"):
            document["capabilities"] = capabilities
        if defects("gives_capabilities_as_string"):
            document["capabilities"] = " ".join(capabilities)
    return with_plain_http(document, defects)


def _apply_variants(sandbox: Sandbox, document: dict[str, Any], capabilities: list[str]) -> None:
    variant = sandbox.variant

    def without(*names: str) -> None:
        capabilities[:] = [name for name in capabilities if name not in names]

    if variant("does_not_offer_introspection"):
        document.pop("introspection_endpoint")
    if variant("does_not_offer_revocation"):
        del document["revocation_endpoint"]
    if variant("does_not_offer_openid"):
        without("sso-openid-connect")
        del document["issuer"]
    if variant("does_not_offer_refresh_tokens"):
        without("permission-offline", "permission-online")
        document["grant_types_supported"] = ["authorization_code", "client_credentials"]
    if variant("offers_ehr_launch_only"):
        without("launch-standalone", "context-standalone-patient", "context-standalone-encounter")
    if variant("offers_standalone_launch_only"):
        without("launch-ehr", "context-ehr-patient", "context-ehr-encounter", "context-banner", "context-style", "permission-online")
    if variant("keeps_no_app_state"):
        without("smart-app-state")
    if variant("keeps_app_state_at_an_associated_endpoint"):
        without("smart-app-state")
        document["associated_endpoints"] = [{"url": sandbox.state.fhir_base_url, "capabilities": ["smart-app-state"]}]
    if variant("knows_version_1_scopes_only"):
        without("permission-v2")
    if variant("knows_version_2_scopes_only"):
        without("permission-v1")
    if variant("does_not_send_iss_parameter"):
        del document["authorization_response_iss_parameter_supported"]
    if variant("claims_only_what_is_required"):
        for name in ("management_endpoint", "response_types_supported", "introspection_endpoint", "revocation_endpoint"):
            document.pop(name, None)
    if variant("adds_members_everywhere"):
        document |= {"x_release": "2026.11", "associated_endpoints": []}
        capabilities.append("https://lakeside.example/capability/wayfinding")
    if variant("lists_capabilities_of_other_hl7_guides"):
        capabilities.append("https://hl7.example/capability/exchange")
    if variant("is_of_edition_1_0"):
        _go_back_to_1_0(document, capabilities)
    known = [name for name in document.get("scopes_supported", ()) if _offered(sandbox, name)]
    if "scopes_supported" in document:
        document["scopes_supported"] = known


def _go_back_to_1_0(document: dict[str, Any], capabilities: list[str]) -> None:
    """Leave what the first edition had, under the names it had then."""
    later = {"authorize-post", "client-confidential-asymmetric", "permission-online", "permission-v1", "permission-v2", "smart-app-state"}
    renamed = {"context-banner": "context-passthrough-banner", "context-style": "context-passthrough-style"}
    capabilities[:] = [renamed.get(name, name) for name in capabilities if name not in later]
    for name in [name for name in document if name in _LATER_THAN_1_0]:
        del document[name]
    document["token_endpoint_auth_methods_supported"] = ["client_secret_basic", "client_secret_post"]
    document["scopes_supported"] = [scope.replace(".rs", ".read").replace(".cruds", ".*") for scope in SCOPES if "system/" not in scope]


def _offered(sandbox: Sandbox, scope: str) -> bool:
    variant = sandbox.variant
    if scope in {"offline_access", "online_access"}:
        return not variant("does_not_offer_refresh_tokens")
    if scope in {"openid", "fhirUser", "profile"}:
        return not variant("does_not_offer_openid")
    return True


def brand_members(sandbox: Sandbox) -> dict[str, Any]:
    """Return the members that lead to the brand bundle."""
    defects = sandbox.defects
    members: dict[str, Any] = {
        "user_access_brand_bundle": sandbox.state.base_url + BUNDLE_PATH,
        "user_access_brand_identifier": dict(PRIMARY_IDENTIFIER),
    }
    if sandbox.variant("publishes_no_brands"):
        return {}
    if defects("smart_configuration_omits_user_access_brand_bundle"):
        del members["user_access_brand_bundle"]
    if defects("smart_configuration_omits_user_access_brand_identifier"):
        del members["user_access_brand_identifier"]
    if defects("gives_brand_identifier_of_another_brand"):
        members["user_access_brand_identifier"] = {"system": "urn:ietf:rfc:3986", "value": "https://elsewhere.example"}
    if defects("gives_brand_identifier_without_value"):
        members["user_access_brand_identifier"] = {"system": PRIMARY_IDENTIFIER["system"]}
    if defects("gives_brand_identifier_without_system"):
        members["user_access_brand_identifier"] = {"value": PRIMARY_IDENTIFIER["value"]}
    if defects("gives_brand_identifier_as_string"):
        members["user_access_brand_identifier"] = PRIMARY_IDENTIFIER["value"]
    if defects("gives_relative_brand_bundle"):
        members["user_access_brand_bundle"] = BUNDLE_PATH
    return members
