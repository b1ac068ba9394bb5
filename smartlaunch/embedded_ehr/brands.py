"""The User-access Brands of Lakeside: who the hospital is and at which endpoint its people find their records."""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from smartlaunch.embedded_ehr.defects.brands import BUNDLE, Brands
from smartlaunch.embedded_ehr.defects.spoiling import spoil

if TYPE_CHECKING:
    from starlette.requests import Request

    from smartlaunch.embedded_ehr.defects import Defects, Variants
    from smartlaunch.embedded_ehr.options import SandboxOptions
    from smartlaunch.embedded_ehr.state import State

BUNDLE_PATH = "/brands/bundle.json"
PRIMARY_IDENTIFIER = {"system": "urn:ietf:rfc:3986", "value": "https://lakeside.example"}
_SECOND_IDENTIFIER = {"system": "urn:ietf:rfc:3986", "value": "https://northbay.example"}
_EXTENSION = "http://hl7.org/fhir/StructureDefinition"
_LOGO = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
    "%3Crect width='32' height='32' rx='8' fill='%230b6b7d'/%3E%3C/svg%3E"
)


def bundle(state: State, defects: Defects, started: str) -> dict[str, Any]:
    """Return the brand bundle."""
    second = _SECOND_IDENTIFIER
    if defects("brands_repeat_primary_identifier"):
        second = PRIMARY_IDENTIFIER
    if defects("brands_identifier_is_no_web_site"):
        second = {"system": "urn:oid:2.16.840.1.113883.19.5.99999.2", "value": "northbay"}
    primary = (
        {**PRIMARY_IDENTIFIER, "value": "https://old-lakeside.example"} if defects("brands_lack_primary_brand") else PRIMARY_IDENTIFIER
    )
    organizations = [
        _brand("lakeside", "Lakeside Hospital", primary, "https://lakeside.example", "MyLakeside", "Lakeside", "05001", defects),
        _brand("northbay", "Northbay Children's Clinic", second, "https://northbay.example", None, "Northbay", "05033", defects),
    ]
    if defects("brands_are_nested_in_three_levels"):
        ward = {"system": _SECOND_IDENTIFIER["system"], "value": "https://ward.northbay.example"}
        third = _brand("ward", "Northbay Ward 3", ward, "https://ward.northbay.example", None, "Northbay", "05033", defects)
        organizations.append({**third, "partOf": {"reference": "Organization/northbay"}})
    resources = organizations if defects("brands_lack_endpoint") else [*organizations, _endpoint(state, defects)]
    made: dict[str, Any] = {
        "resourceType": "Bundle",
        "id": "lakeside-brands",
        "type": "searchset" if defects("brands_bundle_is_no_collection") else "collection",
        "timestamp": started,
        "entry": [{"fullUrl": f"{state.base_url}/brands/{found['resourceType']}/{found['id']}", "resource": found} for found in resources],
    }
    if defects("brands_have_an_empty_extension"):
        resources[-1].setdefault("extension", []).append({"url": f"{state.base_url}/fhir-extension"})
    if defects("brands_have_an_entry_without_full_url"):
        del made["entry"][-1]["fullUrl"]
    if defects("brands_lack_timestamp"):
        del made["timestamp"]
    for found in resources:
        if found["resourceType"] != "Organization" or not defects("brands_lack_last_updated"):
            found["meta"] = {"lastUpdated": started}
    spoil(defects, Brands(made), BUNDLE)
    return made


def _brand(
    resource_id: str, name: str, identifier: dict[str, str], website: str, portal: str | None, city: str, postal_code: str, defects: Defects
) -> dict[str, Any]:
    portal_name: dict[str, Any] = {"url": "portalName", "valueString": portal}
    if portal is None:
        reason = "not-applicable" if defects("brands_use_other_data_absent_reason") else "asked-unknown"
        absent = [{"url": f"{_EXTENSION}/data-absent-reason", "valueCode": reason}]
        portal_name = {"url": "portalName", "_valueString": {"extension": absent}}
    endpoint = {"reference": "Endpoint/lakeside-r4"}
    made: dict[str, Any] = {
        "resourceType": "Organization",
        "id": resource_id,
        "active": True,
        "name": name,
        "identifier": [identifier],
        "type": [
            {
                "coding": [
                    {"system": "http://terminology.hl7.org/CodeSystem/organization-type", "code": "prov", "display": "Healthcare Provider"}
                ]
            }
        ],
        "telecom": [{"system": "url", "value": website}],
        "address": [
            {
                "city": city,
                "state": "VT",
                "postalCode": postal_code,
                "country": "United States" if defects("brands_spell_countries_out") else "US",
            }
        ],
        "extension": [
            {"url": f"{_EXTENSION}/organization-brand", "extension": [{"url": "brandLogo", "valueUrl": _LOGO}]},
            {
                "url": f"{_EXTENSION}/organization-portal",
                "extension": [
                    portal_name,
                    {"url": "portalDescription", "valueMarkdown": "For patients and the people who care for them."},
                    {"url": "portalUrl", "valueUrl": f"{website}/portal"},
                    {"url": "portalEndpoint", "valueReference": endpoint},
                ],
            },
        ],
        "endpoint": [endpoint],
    }
    if defects("brands_lack_name"):
        del made["name"]
    if resource_id != "lakeside":
        made["partOf"] = {"reference": "Organization/lakeside"}
    if defects("brands_have_two_web_sites"):
        made["telecom"] = [*made["telecom"], {"system": "url", "value": f"{website}/en"}]
    if defects("brands_lack_website"):
        del made["telecom"]
    if defects("brands_portal_endpoint_not_in_organization"):
        del made["endpoint"]
    return made


def _endpoint(state: State, defects: Defects) -> dict[str, Any]:
    made: dict[str, Any] = {
        "resourceType": "Endpoint",
        "id": "lakeside-r4",
        "extension": [{"url": f"{_EXTENSION}/endpoint-fhir-version", "valueCode": "4.0.1"}],
        "status": "active",
        "connectionType": {"system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type", "code": "hl7-fhir-rest"},
        "name": "FHIR R4 endpoint of Lakeside Hospital",
        "contact": [{"system": "url", "value": "https://developers.lakeside.example"}],
        "payloadType": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/endpoint-payload-type", "code": "none"}]}],
        "address": state.fhir_base_url,
    }
    if defects("brands_endpoint_is_of_another_kind"):
        made["connectionType"] = {**made["connectionType"], "code": "hl7v2-mllp"}
    if defects("brands_endpoint_lacks_fhir_version"):
        del made["extension"]
    if defects("brands_endpoint_lacks_contact"):
        del made["contact"]
    if defects("brands_endpoint_address_is_wrong"):
        made["address"] = "https://fhir.other.example/r4"
    return made


def routes(state: State, defects: Defects, variant: Variants, options: SandboxOptions) -> list[Route]:  # noqa: ARG001 - one signature for all parts
    """Return the route of the brand bundle, open to everyone and to every origin."""
    started = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    async def brands(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=_preflight_headers(defects))
        if "authorization" not in request.headers and defects("brands_need_a_token"):
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer", "Access-Control-Allow-Origin": "*"})
        if defects("brands_lead_nowhere"):
            return Response("Not found", status_code=404, media_type="text/plain", headers={"Access-Control-Allow-Origin": "*"})
        made = bundle(state, defects, started)
        body = json.dumps(_with_uuids(made) if variant("names_its_brands_by_uuid") else made).encode()
        etag = f'W/"{hashlib.sha256(body).hexdigest()[:16]}"'
        headers = {"Cache-Control": "public, max-age=60"}
        if not defects("brands_lack_cors"):
            headers["Access-Control-Allow-Origin"] = "*"
            headers["Access-Control-Expose-Headers"] = "ETag"
        if not defects("brands_lack_etag"):
            headers["ETag"] = etag.removeprefix("W/") if defects("brands_etag_is_strong") else etag
        sent = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
        if etag.removeprefix("W/") in sent and not defects("brands_ignore_if_none_match"):
            if defects("brands_lack_cors_when_not_modified"):
                headers = {name: value for name, value in headers.items() if not name.startswith("Access-Control")}
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/fhir+json; charset=utf-8", headers=headers)

    return [Route(BUNDLE_PATH, brands, methods=["GET", "OPTIONS"])]


def _with_uuids(made: dict[str, Any]) -> dict[str, Any]:
    """Return the bundle with a UUID as the full URL of each entry, and references to those."""
    text = json.dumps(made)
    for entry in made["entry"]:
        found = entry["resource"]
        urn = uuid.uuid5(uuid.NAMESPACE_URL, entry["fullUrl"]).urn
        text = text.replace(json.dumps(entry["fullUrl"]), json.dumps(urn))
        text = text.replace(json.dumps(f"{found['resourceType']}/{found['id']}"), json.dumps(urn))
    renamed: dict[str, Any] = json.loads(text)
    return renamed


def _preflight_headers(defects: Defects) -> dict[str, str]:
    """Return what lets a page of any origin send `If-None-Match`."""
    if defects("brands_lack_cors"):
        return {}
    return {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "GET",
        "Access-Control-Allow-Headers": "Accept, If-None-Match",
    }
