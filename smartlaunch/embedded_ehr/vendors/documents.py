"""The vendor's discovery documents, one for each FHIR host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smartlaunch.embedded_ehr.vendors.model import Vendor


def smart_configuration(vendor: Vendor, base_url: str, host: str, persona: str) -> dict[str, Any]:
    """Return the SMART configuration of a host: its endpoints are those of the host's persona."""
    discovery = vendor.raw["discovery"]

    def url(name: str) -> str:
        return base_url + vendor.path(name, host=host, persona=persona)

    scopes = [*discovery["scopes"], *discovery.get(f"scopes_of_{persona}", ())]
    for level in discovery[f"levels_of_{persona}"]:
        for kind in discovery["resource_types"]:
            scopes += [f"{level}/{kind}.read", f"{level}/{kind}.rs"]
    document: dict[str, Any] = {
        "issuer": url("issuer"),
        "authorization_endpoint": url("authorize"),
        "token_endpoint": url("token"),
        "revocation_endpoint": url("revoke"),
        "introspection_endpoint": url("introspect"),
        "management_endpoint": url("manage"),
        "jwks_uri": url("keys"),
        "scopes_supported": sorted(scopes),
        "capabilities": [*discovery["capabilities"], *discovery[f"capabilities_of_{persona}"]],
    }
    document.update(discovery["members"])
    return document


def openid_configuration(vendor: Vendor, base_url: str) -> dict[str, Any]:
    """Return the OpenID configuration; it lists no place for claims about the user."""

    def url(name: str) -> str:
        return base_url + vendor.path(name)

    return {
        "issuer": url("id_token_issuer"),
        "authorization_endpoint": url("authorize"),
        "token_endpoint": url("token"),
        "jwks_uri": url("keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "fhirUser", "profile"],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "name", "fhirUser", "profile"],
    }
