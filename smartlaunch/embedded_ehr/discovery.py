"""The SMART configuration document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from smartlaunch.embedded_ehr.brands import BUNDLE_PATH, PRIMARY_IDENTIFIER
from smartlaunch.embedded_ehr.core import Sandbox, add_registered_members, json_answer, json_media_type, list_for_others
from smartlaunch.embedded_ehr.defects.discovery import SMART_CONFIGURATION, Draft
from smartlaunch.embedded_ehr.defects.spoiling import Change, spoil
from smartlaunch.embedded_ehr.fhir_interaction import types_of
from smartlaunch.embedded_ehr.plain_http import with_plain_http
from smartlaunch.embedded_ehr.scopes import parse_resource_scope

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

    others = sandbox.variant("lists_members_of_other_standards")

    async def apart(_: Request) -> Response:
        return json_answer({"error": "invalid_client"}, status=401, headers={"WWW-Authenticate": 'Basic realm="Lakeside"'})

    async def register(_: Request) -> Response:
        challenge = 'Bearer realm="Registration", error="invalid_token"'
        return json_answer({"error": "invalid_token"}, status=401, headers={"WWW-Authenticate": challenge})

    return [
        *([Route(path, apart, methods=["POST"]) for path in ("/oauth/par", "/oauth/device", "/mtls/token")] if others else []),
        *(
            [Route("/oauth/register", register, methods=["GET", "POST"])]
            if sandbox.variant("names_a_guarded_registration_endpoint")
            else []
        ),
        Route("/fhir/.well-known/smart-configuration", answer, methods=["GET"]),
        Route("/.well-known/smart-configuration", answer_at_host, methods=["GET"]),
    ]


def _turned_away(sandbox: Sandbox, request: Request) -> Response | None:
    """Return what a broken server answers where something comes along, or is missed, that the document does not depend on."""
    defects = sandbox.defects
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    unknown = scheme.lower() == "bearer" and sandbox.state.lookup_access_token(value) is None
    if (
        (not scheme and defects("smart_configuration_needs_a_token"))
        or (unknown and defects("smart_configuration_refuses_unknown_tokens"))
        or (scheme.lower() == "basic" and defects("smart_configuration_refuses_basic_credentials"))
    ):
        return json_answer({"error": "unauthorized"}, status=401, headers={"WWW-Authenticate": "Bearer"})
    if "if-none-match" in request.headers and defects("calls_every_copy_of_the_smart_configuration_fresh"):
        return Response(status_code=304)
    if "cookie" in request.headers and defects("smart_configuration_sends_cookies_to_the_sign_in"):
        return Response("<html><body>Sign in</body></html>", media_type="text/html")
    return None


def smart_configuration_answer(sandbox: Sandbox, request: Request) -> Response:
    """Answer with JSON, whatever the Accept header asks for."""
    defects, accept = sandbox.defects, request.headers.get("accept", "*/*")
    document = smart_configuration(sandbox)
    wants_json = "json" in accept or "*/*" in accept
    turned_away = _turned_away(sandbox, request)
    if turned_away is not None:
        return turned_away
    if not wants_json and defects("refuses_other_accept_headers_for_smart_configuration"):
        return json_answer({"error": "not acceptable"}, status=406)
    if not wants_json and defects("follows_accept_header_for_smart_configuration"):
        return Response("<html><body>SMART configuration</body></html>", media_type="text/html")
    if defects("serves_smart_configuration_as_fhir"):
        return json_answer(document, media_type="application/fhir+json")
    if "application/fhir+json" in accept and defects("sends_smart_configuration_as_fhir_when_asked"):
        return json_answer(document, media_type="application/fhir+json")
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


def smart_configuration(sandbox: Sandbox) -> dict[str, Any]:
    """Return the document of the running server: the right one, as its variants and then its defects have it."""
    draft = Draft(sandbox, _right(sandbox))
    spoil(sandbox.variant, draft, _VARIANTS)
    list_for_others(sandbox, draft.document)
    add_registered_members(sandbox, draft.document)
    _list_offered_scopes_only(draft)
    spoil(sandbox.defects, draft, SMART_CONFIGURATION)
    return with_plain_http(draft.document, sandbox.defects)


def _right(sandbox: Sandbox) -> dict[str, Any]:
    state = sandbox.state
    return {
        "issuer": state.issuer,
        "jwks_uri": f"{state.base_url}/oauth/jwks",
        "authorization_endpoint": sandbox.authorize_url,
        "token_endpoint": sandbox.token_url,
        "introspection_endpoint": sandbox.introspection_url,
        "revocation_endpoint": sandbox.revocation_url,
        "management_endpoint": f"{state.base_url}/oauth/manage",
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "response_types_supported": ["code"],
        "scopes_supported": list(SCOPES),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        "authorization_response_iss_parameter_supported": True,
        **brand_members(sandbox),
        "capabilities": list(CAPABILITIES),
    }


# -- variants -----------------------------------------------------------------------------------------------------------


def _lacks(members: tuple[str, ...] = (), capabilities: tuple[str, ...] = ()) -> Change[Draft]:
    def change(draft: Draft) -> None:
        for member in members:
            draft.document.pop(member, None)
        draft.without(*capabilities)

    return Change(change)


def _lists(member: str, *values: str) -> Change[Draft]:
    def change(draft: Draft) -> None:
        draft.document[member] = list(values)

    return Change(change)


def _offers_no_refresh_tokens(draft: Draft) -> None:
    draft.without("permission-offline", "permission-online")
    draft.document["grant_types_supported"] = ["authorization_code", "client_credentials"]


def _keeps_app_state_elsewhere(draft: Draft) -> None:
    draft.without("smart-app-state")
    place = {"url": draft.sandbox.state.fhir_base_url, "capabilities": ["smart-app-state"]}
    draft.document["associated_endpoints"] = [place]


def _adds_members(draft: Draft) -> None:
    draft.document |= {"x_release": "2026.11", "associated_endpoints": []}
    draft.document["capabilities"].append("https://lakeside.example/capability/wayfinding")


def _goes_back_to_1_0(draft: Draft) -> None:
    """Leave what the first edition had, under the names it had then."""
    document = draft.document
    later = {"authorize-post", "client-confidential-asymmetric", "permission-online", "permission-v1", "permission-v2", "smart-app-state"}
    renamed = {"context-banner": "context-passthrough-banner", "context-style": "context-passthrough-style"}
    document["capabilities"] = [renamed.get(name, name) for name in document["capabilities"] if name not in later]
    for name in [name for name in document if name in _LATER_THAN_1_0]:
        del document[name]
    document["token_endpoint_auth_methods_supported"] = ["client_secret_basic", "client_secret_post"]
    document["scopes_supported"] = [scope.replace(".rs", ".read").replace(".cruds", ".*") for scope in SCOPES if "system/" not in scope]


def _is_for_backend_services(draft: Draft) -> None:
    """Leave what a server without people has: no launches, no sign-in, one way of client authentication."""
    for name in _OF_PEOPLE:
        draft.document.pop(name, None)
    draft.document |= {
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "scopes_supported": [scope for scope in SCOPES if scope.startswith("system/")],
        "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
    }


_OF_PEOPLE = (
    *("issuer", "jwks_uri", "authorization_endpoint", "introspection_endpoint", "revocation_endpoint", "management_endpoint"),
    *("response_types_supported", "code_challenge_methods_supported", "authorization_response_iss_parameter_supported"),
)
_ENCOUNTERS = ("context-ehr-encounter", "context-standalone-encounter")
_STANDALONE = ("launch-standalone", "context-standalone-patient", "context-standalone-encounter")
_FROM_THE_EHR = ("launch-ehr", "context-ehr-patient", "context-ehr-encounter", "context-banner", "context-style", "permission-online")
_OPTIONAL = ("management_endpoint", "response_types_supported", "introspection_endpoint", "revocation_endpoint")
_VARIANTS: dict[str, Change[Draft]] = {
    "does_not_offer_introspection": _lacks(("introspection_endpoint",)),
    "does_not_offer_revocation": _lacks(("revocation_endpoint",)),
    "does_not_offer_openid": _lacks(("issuer",), ("sso-openid-connect",)),
    "does_not_offer_refresh_tokens": Change(_offers_no_refresh_tokens),
    "grants_no_user_scopes": _lacks(capabilities=("permission-user",)),
    "grants_no_offline_access": _lacks(capabilities=("permission-offline",)),
    "grants_no_online_access": _lacks(capabilities=("permission-online",)),
    "gives_id_tokens_without_claiming_single_sign_on": _lacks(("issuer",), ("sso-openid-connect",)),
    "takes_post_without_claiming_it": _lacks(capabilities=("authorize-post",)),
    "offers_ehr_launch_only": _lacks(capabilities=_STANDALONE),
    "offers_standalone_launch_only": _lacks(capabilities=_FROM_THE_EHR),
    "keeps_no_app_state": _lacks(capabilities=("smart-app-state",)),
    "keeps_app_state_at_an_associated_endpoint": Change(_keeps_app_state_elsewhere),
    "knows_version_1_scopes_only": _lacks(capabilities=("permission-v2",)),
    "knows_version_2_scopes_only": _lacks(capabilities=("permission-v1",)),
    "does_not_send_iss_parameter": _lacks(("authorization_response_iss_parameter_supported",)),
    "names_iss_support_in_openid_configuration_only": _lacks(("authorization_response_iss_parameter_supported",)),
    "takes_rs384_only": _lists("token_endpoint_auth_signing_alg_values_supported", "RS384"),
    "takes_es384_only": _lists("token_endpoint_auth_signing_alg_values_supported", "ES384"),
    "claims_only_what_is_required": _lacks(_OPTIONAL),
    "adds_members_everywhere": Change(_adds_members),
    "lists_capabilities_of_other_hl7_guides": Change(
        lambda draft: draft.document["capabilities"].append("https://hl7.example/capability/exchange")
    ),
    "names_a_guarded_registration_endpoint": Change(
        lambda draft: draft.document.update(registration_endpoint=draft.address("/oauth/register"))
    ),
    "is_of_edition_1_0": Change(_goes_back_to_1_0),
    "offers_backend_services_only": Change(_is_for_backend_services),
    "has_no_encounters": _lacks(capabilities=_ENCOUNTERS),
    "has_patients_and_conditions_only": _lacks(capabilities=(*_ENCOUNTERS, "smart-app-state")),
    "takes_secrets_in_the_header_only": _lists("token_endpoint_auth_methods_supported", "client_secret_basic", "private_key_jwt"),
}
"""What each permitted choice makes of the document."""


def _list_offered_scopes_only(draft: Draft) -> None:
    if "scopes_supported" in draft.document:
        draft.document["scopes_supported"] = [name for name in draft.document["scopes_supported"] if _offered(draft.sandbox, name)]


def _offered(sandbox: Sandbox, scope: str) -> bool:
    variant = sandbox.variant
    asked = parse_resource_scope(scope)
    if asked is not None and (
        asked.resource_type not in ("*", *types_of(variant)) or (asked.resource_type == "*" and variant("grants_no_wildcard_scopes"))
    ):
        return False
    if scope in {"launch/encounter", "launch/location"} and scope.rpartition("/")[2].capitalize() not in types_of(variant):
        return False
    if scope in {"offline_access", "online_access"}:
        return not variant("does_not_offer_refresh_tokens") and not variant(f"grants_no_{scope}")
    if scope.startswith("user/"):
        return not variant("grants_no_user_scopes")
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
    if defects("gives_brand_identifier_of_another_system"):
        members["user_access_brand_identifier"] = {**PRIMARY_IDENTIFIER, "system": "https://lakeside.example/brands"}
    if defects("gives_brand_identifier_without_value"):
        members["user_access_brand_identifier"] = {"system": PRIMARY_IDENTIFIER["system"]}
    if defects("gives_brand_identifier_without_system"):
        members["user_access_brand_identifier"] = {"value": PRIMARY_IDENTIFIER["value"]}
    if defects("gives_brand_identifier_as_string"):
        members["user_access_brand_identifier"] = PRIMARY_IDENTIFIER["value"]
    if defects("gives_brand_identifier_as_array"):
        members["user_access_brand_identifier"] = [dict(PRIMARY_IDENTIFIER)]
    if defects("gives_relative_brand_bundle"):
        members["user_access_brand_bundle"] = BUNDLE_PATH
    return members
