"""Each check on the brand bundle passes the right bundle and names exactly what is wrong with a wrong one."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from smartlaunch.checks import brands as checks
from smartlaunch.checks.members import Findings
from smartlaunch.exchange import Actor, Endpoint, Exchange, Request, Response
from smartlaunch.finding import Outcome

REQ = "SMART-2.2-brands-primary-brand"
IDENTIFIER = {"system": "urn:ietf:rfc:3986", "value": "https://good-health.example"}
ABSENT = {"url": checks.ABSENT, "valueCode": "asked-unknown"}
BUNDLE: dict[str, Any] = {
    "resourceType": "Bundle",
    "type": "collection",
    "timestamp": "2026-01-01T10:00:00.123456789+01:00",
    "entry": [
        {
            "fullUrl": "urn:uuid:1",
            "resource": {
                "resourceType": "Organization",
                "id": "good",
                "meta": {"lastUpdated": "2026-01-01T10:00:00Z"},
                "name": "Good Health",
                "identifier": [IDENTIFIER],
                "telecom": [{"system": "url", "value": "https://www.good-health.example/home"}],
                "extension": [
                    {"url": checks.PORTAL, "extension": [{"url": "portalEndpoint", "valueReference": {"reference": "Endpoint/r4"}}]}
                ],
                "endpoint": [{"reference": "Endpoint/r4"}],
            },
        },
        {
            "fullUrl": "https://brands.example/Endpoint/r4",
            "resource": {
                "resourceType": "Endpoint",
                "id": "r4",
                "meta": {"lastUpdated": "2026-01-01T10:00:00Z"},
                "extension": [{"url": checks.FHIR_VERSION, "valueCode": "4.0.1"}],
                "contact": [{"system": "url", "value": "https://dev.good-health.example"}],
                "status": "active",
                "connectionType": {"system": checks.CONNECTION, "code": "hl7-fhir-rest"},
                "payloadType": [{"coding": [{"code": "none"}]}],
                "address": "https://fhir.good-health.example/r4",
            },
        },
    ],
}


def answer(body: object, *, status: int = 200, request: tuple[tuple[str, str], ...] = (), **headers: str) -> Exchange:
    """An answer with the given JSON body; header names have `_` for `-`."""
    sent = Request("GET", "https://brands.example/bundle.json", request)
    got = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Exchange("x0001", Actor.APP, Endpoint.BRANDS, datetime.now(UTC), 1.0, sent, Response(status, got, json.dumps(body).encode()))


def changed(change: str, value: object = None) -> Exchange:
    """The right bundle with one place changed: a path of keys and numbers; without a value the place is left out."""
    body = deepcopy(BUNDLE)
    *path, last = [int(key) if key.isdigit() else key for key in change.split("/")]
    place: Any = body
    for key in path:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return answer(body)


def configuration(identifier: object = None) -> Exchange:
    """A SMART configuration with or without a brand identifier."""
    return answer({} if identifier is None else {"user_access_brand_identifier": identifier})


def actual(findings: Findings) -> str:
    """The only finding's words."""
    assert len(findings) == 1, findings
    assert findings[0].requirement == REQ
    return findings[0].actual


def test_the_right_bundle_passes_every_check() -> None:
    bundle, named = answer(BUNDLE), configuration(IDENTIFIER)
    assert checks.brand_bundle(REQ, bundle) == []
    assert checks.brand_form(REQ, bundle) == []
    assert checks.endpoint_form(REQ, bundle) == []
    assert checks.primary_brand(REQ, bundle, IDENTIFIER) == []
    assert checks.primary_brand(REQ, bundle, None) == []
    assert checks.timestamp(REQ, bundle) == []
    assert checks.tracks_resources(bundle)
    assert checks.last_updated(REQ, bundle) == []
    assert checks.absent_reasons(REQ, bundle) == []
    assert checks.web_site_identifiers(REQ, bundle) == []
    assert checks.identifies_one(REQ, named, bundle) == []
    assert checks.identifier_present(REQ, named, bundle, several=False) == []
    assert checks.identifier_part(REQ, named, "value") == []


def test_link_is_due_where_a_brand_is_named() -> None:
    assert checks.linked(REQ, answer({}), None) == []
    assert checks.linked(REQ, answer({"user_access_brand_bundle": "https://x.example"}), IDENTIFIER) == []
    assert actual(checks.linked(REQ, answer({}), IDENTIFIER)) == "it is absent"


def test_an_entry_without_full_url_is_named() -> None:
    assert checks.full_urls(REQ, answer(BUNDLE)) == []
    bare = deepcopy(BUNDLE)
    bare["entry"][0]["fullUrl"] = " "
    assert checks.full_urls(REQ, answer(bare))[0].pointer == "/entry/0"
    assert checks.full_urls(REQ, answer({})) == []
    bare["entry"][0]["fullUrl"] = "Organization/good"
    assert checks.full_urls(REQ, answer(bare))[0].actual == 'it is "Organization/good"'


def test_an_extension_that_says_nothing_is_named() -> None:
    assert checks.whole_extensions(REQ, answer(BUNDLE)) == []
    bare = deepcopy(BUNDLE)
    bare["entry"][0]["resource"]["extension"] = [{"url": "u", "valueCode": "x"}, {"url": "u"}, {"valueCode": "x"}]
    [finding] = checks.whole_extensions(REQ, answer(bare))
    assert (finding.pointer, finding.actual) == ("/entry/0/resource/extension/1", "neither value nor parts, and 1 more")
    bare["entry"][0]["resource"]["extension"] = [{"valueCode": "x"}]
    assert checks.whole_extensions(REQ, answer(bare))[0].actual == "no `url`"


def test_what_the_link_leads_to_is_a_collection() -> None:
    assert actual(checks.brand_bundle(REQ, answer({}, status=404))) == "status 404, resourceType null"
    assert actual(checks.brand_bundle(REQ, changed("type", "searchset"))) == 'it is "searchset"'


@pytest.mark.parametrize(
    ("change", "value", "said"),
    [
        ("entry/0/resource/name", None, "no `name`"),
        ("entry/0/resource/name", " ", "no `name`"),
        ("entry/0/resource/telecom", None, "no `telecom` of system `url`"),
        ("entry/0/resource/telecom", [{"system": "phone", "value": "1"}], "no `telecom` of system `url`"),
        ("entry/0/resource/endpoint", None, '"Endpoint/r4" stands in the portal only'),
    ],
)
def test_incomplete_brands_are_named(change: str, value: object, said: str) -> None:
    assert actual(checks.brand_form(REQ, changed(change, value))) == f"/entry/0/resource: {said}"


def test_marked_absence_is_no_absence() -> None:
    marked = [{"system": "url", "_value": {"extension": [ABSENT]}}]
    assert checks.brand_form(REQ, changed("entry/0/resource/telecom", marked)) == []
    assert checks.brand_form(REQ, changed("entry/0/resource/telecom", [{"extension": [ABSENT]}])) == []


def test_bundle_without_brands_is_found_and_many_wrong_ones_make_one_finding() -> None:
    assert actual(checks.brand_form(REQ, changed("entry"))) == "it holds no Organization"
    body = deepcopy(BUNDLE)
    body["entry"] += [{"resource": {"resourceType": "Organization", "telecom": BUNDLE["entry"][0]["resource"]["telecom"]}}] * 9
    assert actual(checks.brand_form(REQ, answer(body))).endswith(", and 6 more")


@pytest.mark.parametrize(
    ("member", "said"),
    [
        ("extension", "no extension `endpoint-fhir-version`"),
        ("contact", "no `contact` of system `url` with a URL"),
        ("address", "no `address`"),
    ],
)
def test_incomplete_endpoints_are_named(member: str, said: str) -> None:
    assert actual(checks.endpoint_form(REQ, changed(f"entry/1/resource/{member}"))) == f"/entry/1/resource: {said}"


def test_endpoints_belong_to_brands_and_references_lead_somewhere() -> None:
    lonely = deepcopy(BUNDLE)
    lonely["entry"].append({"resource": {"resourceType": "Endpoint", "id": "r2"}})
    assert actual(checks.primary_brand(REQ, answer(lonely), IDENTIFIER)) == "no Brand refers to Endpoint/r2"
    lost = deepcopy(BUNDLE)
    lost["entry"][0]["resource"]["endpoint"].append({"reference": "Endpoint/gone"})
    assert actual(checks.primary_brand(REQ, answer(lost), IDENTIFIER)) == '"Endpoint/gone" is not in it'
    assert [f.severity for f in checks.primary_brand(REQ, answer(lost), IDENTIFIER)] == [Outcome.WARNING]


def test_brands_of_other_providers_may_hold_the_rest_but_not_all() -> None:
    shared = deepcopy(BUNDLE)
    other = {"resourceType": "Organization", "id": "other", "endpoint": [{"reference": "https://brands.example/Endpoint/r2"}]}
    shared["entry"] += [
        {"resource": other},
        {"fullUrl": "https://brands.example/Endpoint/r2", "resource": {"resourceType": "Endpoint", "id": "r2"}},
    ]
    assert checks.primary_brand(REQ, answer(shared), IDENTIFIER) == []
    other["identifier"], shared["entry"][0]["resource"]["identifier"] = [IDENTIFIER], []
    assert checks.primary_brand(REQ, answer(shared), IDENTIFIER) == []
    other["endpoint"] = [{"reference": "https://elsewhere.example/Endpoint/x"}]
    shared["entry"][0]["resource"]["endpoint"].append({"reference": "Endpoint/r2"})
    assert actual(checks.primary_brand(REQ, answer(shared), IDENTIFIER)) == "it refers to none of them"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "it is absent"),
        ("2026-01-01", '"2026-01-01" is not an instant with a time zone'),
        ("2026-01-01T10:00:00", '"2026-01-01T10:00:00" is not an instant with a time zone'),
        ("2026-13-01T10:00:00Z", '"2026-13-01T10:00:00Z" is no date and time that exists'),
        (5, "5 is not an instant with a time zone"),
    ],
)
def test_wrong_times_are_named(value: object, said: str) -> None:
    assert actual(checks.timestamp(REQ, changed("timestamp", value))) == said


def test_time_to_come_is_wrong() -> None:
    later = (datetime.now(UTC) + timedelta(days=2)).isoformat(timespec="seconds")
    assert actual(checks.timestamp(REQ, changed("timestamp", later))) == f'"{later}" is in the future'


def test_a_timestamp_before_the_last_change_of_an_entry_is_a_warning() -> None:
    found = checks.timestamp(REQ, changed("timestamp", "2025-12-30T10:00:00Z"))
    assert "/entry/0/resource/meta/lastUpdated" in actual(found)
    assert [finding.severity for finding in found] == [Outcome.WARNING]
    assert checks.timestamp(REQ, changed("timestamp", "2025-12-31T10:00:00Z")) == []


def test_some_resources_with_a_time_ask_for_it_in_all() -> None:
    assert actual(checks.last_updated(REQ, changed("entry/0/resource/meta"))) == "/entry/0/resource: no `meta.lastUpdated`"
    assert not checks.tracks_resources(answer({"entry": [{"resource": {"resourceType": "Organization"}}]}))


def test_origins() -> None:
    asked = (("Origin", "https://page.example"),)
    assert checks.open_to_origin(REQ, answer({}, request=asked, Access_Control_Allow_Origin="*")) == []
    assert checks.open_to_origin(REQ, answer({}, request=asked, Access_Control_Allow_Origin="https://page.example")) == []
    assert actual(checks.open_to_origin(REQ, answer({}, request=asked))) == "no `Access-Control-Allow-Origin` (status 200)"
    wrong = answer({}, request=asked, Access_Control_Allow_Origin="https://other.example")
    assert actual(checks.open_to_origin(REQ, wrong)) == "`Access-Control-Allow-Origin: https://other.example` (status 200)"


def test_etags() -> None:
    assert checks.weak_etag(REQ, answer({}, ETag='W/"1"')) == []
    assert actual(checks.weak_etag(REQ, answer({}))) == "no `ETag`"
    assert actual(checks.weak_etag(REQ, answer({}, ETag='"1"'))) == '`ETag: "1"`'
    first = answer(BUNDLE)
    assert checks.not_sent_again(REQ, first, answer(None, status=304)) == []
    assert checks.not_sent_again(REQ, first, changed("timestamp", "2026-02-01T10:00:00Z")) == []
    assert actual(checks.not_sent_again(REQ, first, answer(BUNDLE))) == "status 200"


def test_other_reasons_of_absence_are_named_with_their_place() -> None:
    assert checks.absent_reasons(REQ, changed("entry/0/resource/_name", {"extension": [ABSENT]})) == []
    found = checks.absent_reasons(REQ, changed("entry/0/resource/_name", {"extension": [{**ABSENT, "valueCode": "unknown"}]}))
    assert actual(found) == 'it is "unknown"'
    assert found[0].pointer == "/entry/0/resource/_name/extension/0"


@pytest.mark.parametrize(
    "value",
    ["https://www.x.example", "https://x.example/home", "http://x.example", "x.example", "https://[", "https://x.example?a=1", 7],
)
def test_what_is_no_web_site_is_named(value: object) -> None:
    wrong = changed("entry/0/resource/identifier", [{"system": "urn:ietf:rfc:3986", "value": value}])
    assert actual(checks.web_site_identifiers(REQ, wrong)) == f"/entry/0/resource: the identifier is {json.dumps(value)}"


def test_brand_without_a_uri_identifier_is_named() -> None:
    assert actual(checks.web_site_identifiers(REQ, changed("entry/0/resource/identifier"))).endswith(
        "no identifier of system `urn:ietf:rfc:3986`"
    )


def test_identifier_of_the_configuration() -> None:
    bundle, two = answer(BUNDLE), deepcopy(BUNDLE)
    two["entry"].append(two["entry"][0])
    assert checks.identifier_present(REQ, configuration(), bundle, several=True) == []
    assert actual(checks.identifier_present(REQ, configuration(), bundle, several=False)) == "it is absent, and the bundle has 1 Brand"
    assert actual(checks.identifier_present(REQ, configuration(), answer(two), several=True)) == "it is absent, and the bundle has 2 Brands"
    assert actual(checks.identifier_part(REQ, configuration({"value": "x"}), "system")) == "it is null"
    assert actual(checks.identifier_part(REQ, configuration("x"), "value")) == 'the identifier is "x"'
    assert checks.identifies_one(REQ, configuration({"value": IDENTIFIER["value"]}), bundle) == []
    assert actual(checks.identifies_one(REQ, configuration({"value": "y"}), bundle)) == "0 have it"
    assert actual(checks.identifies_one(REQ, configuration(IDENTIFIER), answer(two))) == "2 have it"


def _with(change: Any) -> Exchange:
    document = deepcopy(BUNDLE)
    change([e["resource"] for e in document["entry"]])
    return answer(document)


def test_profile_of_a_brand() -> None:
    def second(resources: list[dict[str, Any]]) -> None:
        brand = next(r for r in resources if r["resourceType"] == "Organization")
        brand["telecom"] = [*brand["telecom"], {"system": "phone", "value": "1"}]

    assert "2 `telecom`" in actual(checks.brand_form(REQ, _with(second)))


@pytest.mark.parametrize(
    ("member", "value", "said"),
    [
        ("connectionType", {"code": "hl7v2-mllp"}, "hl7v2-mllp"),
        ("connectionType", None, "null"),
        ("payloadType", [{"coding": [{"code": "none"}]}, {"coding": [{"code": "none"}]}], "2 of them"),
        ("payloadType", [{"coding": [{"code": "any"}]}], "any"),
        ("address", "fhir", "not an absolute"),
        ("contact", [{"system": "url", "value": "developers"}], "with a URL"),
    ],
)
def test_profile_of_an_endpoint(member: str, value: object, said: str) -> None:
    def change(resources: list[dict[str, Any]]) -> None:
        next(r for r in resources if r["resourceType"] == "Endpoint")[member] = value

    assert any(said in f.actual for f in checks.endpoint_form(REQ, _with(change)))


def test_nesting() -> None:
    def part(*links: tuple[str, str]) -> Exchange:
        made = [{"resourceType": "Organization", "id": "top"}]
        made += [
            {"resourceType": "Organization", "id": c, "partOf": {"reference": f"https://x.example/Organization/{p}"}} for c, p in links
        ]
        return answer({"resourceType": "Bundle", "entry": [{"resource": r} for r in made]})

    assert not checks.nested(part())
    assert checks.nested(part(("a", "top")))
    assert checks.two_levels(REQ, part(("a", "top"), ("b", "top"))) == []
    assert "Organization/b" in actual(checks.two_levels(REQ, part(("a", "top"), ("b", "a"))))
    urns = {name: f"urn:uuid:{number}" for number, name in enumerate(("top", "a", "b"))}
    deep = [
        {
            "fullUrl": urns[one],
            "resource": {"resourceType": "Organization", "id": one, **({"partOf": {"reference": urns[of]}} if of else {})},
        }
        for one, of in (("top", ""), ("a", "top"), ("b", "a"))
    ]
    assert "Organization/b" in actual(checks.two_levels(REQ, answer({"resourceType": "Bundle", "entry": deep})))
    assert checks.two_levels(REQ, answer({"resourceType": "Bundle", "entry": deep[:2]})) == []


def test_countries() -> None:
    def at(*countries: object) -> Exchange:
        brand = {"resourceType": "Organization", "address": [{"country": c} if c else {} for c in countries]}
        return answer({"resourceType": "Bundle", "entry": [{"resource": brand}]})

    assert checks.countries(at(None)) == []
    assert checks.country_codes(REQ, at("US", "DE", None)) == []
    assert "USA" in actual(checks.country_codes(REQ, at("US", "USA")))


_ORGANIZATION, _ENDPOINT = "entry/0/resource", "entry/1/resource"


@pytest.mark.parametrize(
    ("change", "value", "words"),
    [
        ("alias", "Goodie", 'it is "Goodie" and no array of strings'),
        ("alias", [], "it is [] and no array of strings"),
        ("alias", ["Goodie", 7], "it holds 7, which is no string"),
        ("active", "true", 'it is "true" and no boolean'),
        ("partOf", [{"reference": "Organization/x"}], "and no object"),
        ("telecom", [{"system": "url", "value": "https://a.example", "use": "home"}], "is never of use `home`"),
        ("telecom", [{"system": "web", "value": "https://a.example"}], '"web" is no system of a ContactPoint'),
        ("telecom", [{"system": ["url"], "value": "https://a.example"}], '["url"] is no system of a ContactPoint'),
        ("telecom", [{"system": "url", "value": "https://a.example", "use": "official"}], '"official" is no use of a ContactPoint'),
        ("identifier", [{**IDENTIFIER, "use": "primary"}], '"primary" is no use of an Identifier'),
        ("address", [{"use": "home"}], "is never of use `home`"),
        ("address", [{"use": "office"}], '"office" is no use of an Address'),
        ("address", [{"type": "mailing"}], '"mailing" is no type of an Address'),
        ("address", [{"line": "Harbour Lane 1"}], "no array of strings"),
        ("endpoint", [{"reference": "Endpoint/r4"}, {"reference": "Endpoint/r5"}], '"Endpoint/r5" is not in it'),
        (
            "extension",
            [{"url": checks.profiles.BRAND, "extension": [{"url": "brandLogo", "valueString": "https://a.example/l.svg"}]}],
            "`brandLogo` has `valueString`, and its type is `valueUrl`",
        ),
        (
            "extension",
            [{"url": checks.PORTAL, "extension": [{"url": "portalName", "valueString": name} for name in ("One", "Two")]}],
            "`portalName` stands there twice",
        ),
    ],
)
def test_a_brand_that_breaks_its_profile_is_named(change: str, value: object, words: str) -> None:
    assert any(words in finding.actual for finding in checks.brand_form(REQ, changed(f"{_ORGANIZATION}/{change}", value)))


@pytest.mark.parametrize(
    ("change", "value", "words"),
    [
        ("status", None, "there is no `status`"),
        ("status", "live", '"live" is no status of an Endpoint'),
        ("status", ["active"], 'it is ["active"] and no string'),
        ("payloadType", None, "there is no `payloadType`"),
        ("connectionType", {"code": "hl7-fhir-rest"}, "the system is null"),
        ("extension", [{"url": checks.FHIR_VERSION, "valueCode": "R4"}], 'the FHIR version is "R4"'),
        ("extension", [{"url": checks.FHIR_VERSION, "valueString": "4.0.1"}], "the FHIR version is null"),
        ("contact", [{"system": "url", "value": "https://d.example"}, {"value": "7"}], "a `value` without a `system`"),
    ],
)
def test_an_endpoint_that_breaks_its_profile_is_named(change: str, value: object, words: str) -> None:
    assert any(words in finding.actual for finding in checks.endpoint_form(REQ, changed(f"{_ENDPOINT}/{change}", value)))


@pytest.mark.parametrize(
    ("change", "value", "words"),
    [
        ("total", 2, "`total` is for searches and histories"),
        ("meta", {"profile": ["https://p.example"]}, "there is no `lastUpdated` in it, which the profile requires"),
        ("entry/0/search", {"mode": "match"}, "`search` is not for an entry of a collection"),
        ("entry/1/fullUrl", "urn:uuid:1", "another entry has the same `fullUrl`"),
        ("entry/1/resource", None, "the entry has no resource"),
        ("entry/1/fullUrl", "https://brands.example/Endpoint/r4/_history/2", "the `fullUrl` names a version"),
    ],
)
def test_a_bundle_that_is_no_collection_is_named(change: str, value: object, words: str) -> None:
    assert actual(checks.brand_bundle(REQ, changed(change, value))) == words


def test_what_the_profiles_leave_open_passes() -> None:
    body = deepcopy(BUNDLE)
    brand, endpoint = (entry["resource"] for entry in body["entry"])
    brand |= {"alias": ["Goodie", None], "_alias": [None, {"extension": [ABSENT]}], "active": False, "x-own": 7}
    brand["telecom"] = [{"_system": {"extension": [ABSENT]}, "value": "https://a.example", "use": "work"}]
    brand["extension"][0]["extension"] += [{"url": "portalColour", "valueString": "teal"}, {"url": "portalName", "_valueString": {}}]
    brand["extension"] += [{"url": checks.profiles.BRAND}, {"url": "https://own.example", "valueCode": "x"}]
    endpoint |= {"_status": {"extension": [ABSENT]}, "header": ["X-Own: 1"]}
    endpoint["extension"] = [{"url": checks.FHIR_VERSION, "_valueCode": {"extension": [ABSENT]}}, {"url": "u", "valueCode": "x"}]
    del endpoint["status"]
    assert list(checks.profiles.brand(brand)) == []
    assert list(checks.profiles.endpoint(endpoint)) == []
    brand["address"] = [{"use": "work", "type": "both"}, {"use": "billing"}]
    brand["identifier"] = [{**IDENTIFIER, "use": "official"}]
    assert list(checks.profiles.brand(brand)) == []
    body |= {"meta": {"lastUpdated": "2026-01-01T10:00:00Z"}}
    body["entry"] += [{"fullUrl": "urn:uuid:1", "resource": {**brand, "meta": {"versionId": "2"}}}]
    assert checks.brand_bundle(REQ, answer(body)) == []


def test_a_timestamp_that_is_that_of_the_request_is_named() -> None:
    later = changed("timestamp", "2026-01-02T10:00:00Z")
    assert checks.timestamp_stays(REQ, answer(BUNDLE), answer(BUNDLE)) == []
    assert "for the same entries" in actual(checks.timestamp_stays(REQ, answer(BUNDLE), later))
    other = deepcopy(BUNDLE)
    other |= {"timestamp": "2026-01-02T10:00:00Z"}
    other["entry"][0]["resource"]["meta"]["lastUpdated"] = "2026-01-02T10:00:00Z"
    assert checks.timestamp_stays(REQ, answer(BUNDLE), answer(other)) != []
    other["entry"].pop()
    assert checks.timestamp_stays(REQ, answer(BUNDLE), answer(other)) == []
