"""What the defects make of the brand bundle."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from smartlaunch.embedded_ehr.defects.spoiling import Change

if TYPE_CHECKING:
    from collections.abc import Callable

_EXTENSION = "http://hl7.org/fhir/StructureDefinition"
Resource = dict[str, Any]


@dataclass
class Brands:
    """The right bundle: two Organizations, of which the second has no portal of its own, and one Endpoint."""

    bundle: Resource

    def _resources(self, kind: str) -> list[Resource]:
        return [entry["resource"] for entry in self.bundle["entry"] if entry["resource"]["resourceType"] == kind]

    @property
    def primary(self) -> Resource:
        """The Organization that the SMART configuration names."""
        return self._resources("Organization")[0]

    @property
    def second(self) -> Resource:
        """The second Organization."""
        return self._resources("Organization")[1]

    @property
    def endpoint(self) -> Resource:
        """The Endpoint."""
        return self._resources("Endpoint")[0]

    def part(self, extension: str, name: str) -> Resource:
        """Return a part of an extension of the second Organization."""
        found = next(one for one in self.second["extension"] if one["url"].endswith(extension))
        return next(one for one in found["extension"] if one["url"] == name)

    def whole(self, extension: str) -> list[Resource]:
        """Return the parts of an extension of the second Organization."""
        parts: list[Resource] = next(one for one in self.second["extension"] if one["url"].endswith(extension))["extension"]
        return parts


def _has_endpoint(brands: Brands) -> bool:
    return any(entry["resource"]["resourceType"] == "Endpoint" for entry in brands.bundle["entry"])


def _endpoint(make: Callable[[Resource], object]) -> Change[Brands]:
    def change(brands: Brands) -> None:
        make(brands.endpoint)

    return Change(change, _has_endpoint)


def _second(make: Callable[[Resource], object]) -> Change[Brands]:
    def change(brands: Brands) -> None:
        make(brands.second)

    return Change(change)


def _bundle(make: Callable[[Resource], object]) -> Change[Brands]:
    def change(brands: Brands) -> None:
        make(brands.bundle)

    return Change(change)


def _another_endpoint(bundle: Resource) -> None:
    entry = bundle["entry"][-1]
    more = {**entry["resource"], "id": "lakeside-r2"}
    bundle["entry"].append({"fullUrl": entry["fullUrl"].replace("lakeside-r4", "lakeside-r2"), "resource": more})


def _no_endpoint_of_primary(brands: Brands) -> None:
    brands.primary.pop("endpoint", None)
    for one in brands.primary["extension"]:
        one["extension"] = [part for part in one["extension"] if part["url"] != "portalEndpoint"]


def _second_endpoint(brands: Brands, *owners: Resource) -> Resource:
    """Add an Endpoint of an older edition, which some brands refer to."""
    _another_endpoint(brands.bundle)
    made: Resource = brands.bundle["entry"][-1]["resource"]
    reference = {"reference": "Endpoint/lakeside-r2"}
    for owner in owners:
        owner["endpoint"] = [*owner["endpoint"], reference]
    return made


def _typed_otherwise(brands: Brands) -> None:
    logo = brands.part("organization-brand", "brandLogo")
    logo["valueString"] = logo.pop("valueUrl")


def _two_portal_names(brands: Brands) -> None:
    brands.whole("organization-portal").append({"url": "portalUrl", "valueUrl": "https://northbay.example/portal-2"})


def _foreign_portal_endpoint(brands: Brands) -> None:
    brands.whole("organization-portal").append({"url": "portalEndpoint", "valueReference": {"reference": "Endpoint/northbay-r4"}})


def _absent_website(second: Resource) -> None:
    absent = {"url": f"{_EXTENSION}/data-absent-reason", "valueCode": "unknown"}
    second["telecom"] = [{"system": "url", "_value": {"extension": [absent]}}]


def _full_url_again(bundle: Resource) -> None:
    bundle["entry"][1]["fullUrl"] = bundle["entry"][0]["fullUrl"]


BUNDLE: dict[str, Change[Brands]] = {
    "brands_primary_brand_refers_to_no_endpoint": Change(_no_endpoint_of_primary, _has_endpoint),
    "brands_second_endpoint_lacks_fhir_version": Change(
        lambda it: _second_endpoint(it, it.primary, it.second).pop("extension"), _has_endpoint
    ),
    "brands_second_brand_lacks_website": _second(lambda it: it.pop("telecom", None)),
    "brands_second_brand_lacks_name": _second(lambda it: it.pop("name", None)),
    "brands_second_brand_has_empty_name": _second(lambda it: it.update(name="")),
    "brands_second_brand_has_an_unlisted_portal_endpoint": Change(_foreign_portal_endpoint),
    "brands_second_brand_refers_outside_the_bundle": _second(
        lambda it: it["endpoint"].append({"reference": "https://fhir.other.example/Endpoint/7"})
    ),
    "brands_website_has_no_system": _second(lambda it: it.update(telecom=[{"value": "https://northbay.example"}])),
    "brands_website_is_of_a_home": _second(
        lambda it: it.update(telecom=[{"system": "url", "value": "https://northbay.example", "use": "home"}])
    ),
    "brands_website_is_an_object": _second(lambda it: it.update(telecom={"system": "url", "value": "https://northbay.example"})),
    "brands_website_is_absent_for_another_reason": _second(_absent_website),
    "brands_website_has_an_unknown_use": _second(
        lambda it: it.update(telecom=[{"system": "url", "value": "https://northbay.example", "use": "official"}])
    ),
    "brands_identifier_has_an_unknown_use": _second(lambda it: it["identifier"][0].update(use="primary")),
    "brands_address_has_an_unknown_type": _second(lambda it: it["address"][0].update(type="mailing")),
    "brands_alias_is_a_string": _second(lambda it: it.update(alias="Northbay Kids")),
    "brands_active_is_a_string": _second(lambda it: it.update(active="true")),
    "brands_address_is_of_a_home": _second(lambda it: it["address"][0].update(use="home")),
    "brands_logo_is_no_url": Change(_typed_otherwise),
    "brands_portal_has_two_urls": Change(_two_portal_names),
    "brands_endpoint_lacks_payload_type": _endpoint(lambda it: it.pop("payloadType")),
    "brands_endpoint_has_another_payload_type": _endpoint(lambda it: it["payloadType"][0]["coding"][0].update(code="any")),
    "brands_endpoint_has_two_payload_types": _endpoint(lambda it: it.update(payloadType=it["payloadType"] * 2)),
    "brands_endpoint_lacks_status": _endpoint(lambda it: it.pop("status")),
    "brands_endpoint_has_an_unknown_status": _endpoint(lambda it: it.update(status="live")),
    "brands_endpoint_lacks_address": _endpoint(lambda it: it.pop("address")),
    "brands_endpoint_has_a_relative_address": _endpoint(lambda it: it.update(address="/fhir")),
    "brands_endpoint_contact_is_an_email_only": _endpoint(
        lambda it: it.update(contact=[{"system": "email", "value": "api@lakeside.example"}])
    ),
    "brands_endpoint_contact_has_no_value": _endpoint(lambda it: it.update(contact=[{"system": "url"}])),
    "brands_endpoint_connection_type_has_no_system": _endpoint(lambda it: it["connectionType"].pop("system")),
    "brands_endpoint_fhir_version_is_a_string": _endpoint(
        lambda it: it.update(extension=[{"url": f"{_EXTENSION}/endpoint-fhir-version", "valueString": "4.0.1"}])
    ),
    "brands_endpoint_fhir_version_is_unknown": _endpoint(lambda it: it["extension"][0].update(valueCode="R4")),
    "brands_hold_an_endpoint_of_no_brand": _bundle(_another_endpoint),
    "brands_repeat_a_full_url": _bundle(_full_url_again),
    "brands_full_url_is_relative": _bundle(lambda it: it["entry"][0].update(fullUrl="Organization/lakeside")),
    "brands_full_url_names_a_version": _bundle(lambda it: it["entry"][0].update(fullUrl=it["entry"][0]["fullUrl"] + "/_history/1")),
    "brands_have_a_total": _bundle(lambda it: it.update(total=3)),
    "brands_entries_have_a_search_mode": _bundle(lambda it: it["entry"][0].update(search={"mode": "match"})),
    "brands_entries_have_a_request": _bundle(lambda it: it["entry"][0].update(request={"method": "GET", "url": "Organization/lakeside"})),
    "brands_meta_tells_no_change": _bundle(
        lambda it: it.update(meta={"profile": ["http://hl7.org/fhir/smart-app-launch/StructureDefinition/user-access-brands-bundle"]})
    ),
    "brands_timestamp_is_a_date": _bundle(lambda it: it.update(timestamp=str(it["timestamp"])[:10])),
    "brands_timestamp_is_older_than_an_entry": _bundle(lambda it: it.update(timestamp="2024-03-01T08:00:00.000Z")),
    "brands_timestamp_is_of_the_request": _bundle(lambda it: it.update(timestamp=datetime.now(UTC).isoformat(timespec="microseconds"))),
    "brands_entry_has_no_resource": _bundle(lambda it: it["entry"].append({"fullUrl": "https://lakeside.example/brands/empty"})),
}
"""What each defect makes of the right bundle."""
