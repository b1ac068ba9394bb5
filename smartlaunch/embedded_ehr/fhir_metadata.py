"""The CapabilityStatement of the FHIR server, with the OAuth addresses that apps of the first edition look for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smartlaunch.embedded_ehr import fhir_search
from smartlaunch.embedded_ehr.core import ONE_PATH
from smartlaunch.embedded_ehr.fhir_interaction import types_of

if TYPE_CHECKING:
    from smartlaunch.embedded_ehr.defects import Defects, Variants
    from smartlaunch.embedded_ehr.fhir_store import Resource
    from smartlaunch.embedded_ehr.options import SandboxOptions
    from smartlaunch.embedded_ehr.state import State

_OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_APP_STATE_SERVER = "http://hl7.org/fhir/smart-app-launch/CapabilityStatement/smart-app-state-server"
_SECURITY_SERVICE = "http://terminology.hl7.org/CodeSystem/restful-security-service"

_AS_A_CLIENT: dict[str, Any] = {
    "mode": "client",
    "documentation": "The server asks other servers for immunizations.",
    "resource": [{"type": "Immunization", "interaction": [{"code": "read"}, {"code": "search-type"}]}],
}


def capability_statement(state: State, defects: Defects, variant: Variants, options: SandboxOptions) -> Resource:
    """Return what this server can do, with the OAuth addresses that apps of the first edition look for."""
    base = state.base_url
    query = "?tenant=lakeside" if variant("has_endpoints_with_a_query") else ""
    whole = f"{base}{ONE_PATH}?op=" if variant("has_one_path_for_all_endpoints") else ""
    addresses = {
        "authorize": base + options.profile.authorize_path + query,
        "token": base + options.profile.token_path + query,
        "introspect": f"{base}/oauth/introspect",
        "revoke": f"{base}/oauth/revoke",
        "manage": f"{base}/oauth/manage",
    }
    if whole:
        addresses |= {name: f"{whole}{name}" for name in ("authorize", "token", "introspect", "revoke")}
    if defects("metadata_token_uri_differs"):
        addresses["token"] = f"{base}/oauth/v1/token"
    if defects("metadata_authorize_uri_differs"):
        addresses["authorize"] = f"{base}/oauth/v1/authorize"
    if defects("metadata_lacks_token_uri"):
        del addresses["token"]
    if variant("writes_metadata_uris_relative"):
        addresses = {name: address.removeprefix(base) for name, address in addresses.items()}
    service = {"coding": [{"system": _SECURITY_SERVICE, "code": "SMART-on-FHIR"}], "text": "OAuth2 using SMART-on-FHIR profile"}
    if defects("metadata_lacks_smart_service"):
        service = {"coding": [{"system": _SECURITY_SERVICE, "code": "OAuth"}], "text": "OAuth"}
    security: dict[str, Any] = {"cors": True, "service": [service]}
    if not defects("metadata_lacks_oauth_uris"):
        security["extension"] = [
            {"url": _OAUTH_URIS, "extension": [{"url": name, "valueUri": address} for name, address in addresses.items()]}
        ]
    interactions = ["read"] if variant("offers_no_search") else ["read", "search-type"]
    of_system = [] if variant("offers_no_search") else ["search-system"]
    if not variant("offers_no_writes"):
        interactions += ["create", "update", "patch", "delete"]
    if not (variant("offers_no_history") or variant("keeps_no_versions")):
        interactions += ["vread", "history-instance", "history-type"]
        of_system += ["history-system"]
    if not variant("offers_no_batch"):
        of_system += ["batch", "transaction"]
    statement: Resource = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-21",
        "publisher": "Lakeside Hospital",
        "kind": "instance",
        **({} if variant("keeps_no_app_state") else {"instantiates": [_APP_STATE_SERVER]}),
        "software": {"name": "Lakeside EHR"},
        "implementation": {"description": "Lakeside EHR, an embedded server for tests", "url": state.fhir_base_url},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "patchFormat": ["application/json-patch+json"],
        "rest": [
            *([_AS_A_CLIENT] if variant("tells_first_what_it_does_as_a_client") else []),
            {
                "mode": "server",
                "security": security,
                "resource": [
                    {
                        "type": kind,
                        "interaction": [{"code": code} for code in interactions],
                        "versioning": "no-version" if variant("keeps_no_versions") and kind != "Basic" else "versioned",
                        "readHistory": "vread" in interactions,
                        "updateCreate": "update" in interactions and not variant("chooses_every_id_itself"),
                        "searchInclude": [f"{kind}:{name}" for name in fhir_search.reference_names(kind)],
                        "searchParam": [
                            {"name": name, "type": definition[0]} for name, definition in sorted(fhir_search.PARAMETERS[kind].items())
                        ],
                    }
                    for kind in types_of(variant)
                ],
                "interaction": [{"code": code} for code in of_system],
            },
        ],
    }
    if variant("names_its_types_only"):
        for rest in statement["rest"]:
            rest["resource"] = [{"type": resource["type"]} for resource in rest["resource"]]
            rest.pop("interaction", None)
    return statement
