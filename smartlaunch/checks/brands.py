"""Checks on the brand bundle (SMART App Launch 2.2, User-access Brands and Endpoints)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from smartlaunch.checks import brand_profiles as profiles
from smartlaunch.checks.brand_profiles import ABSENT, FHIR_VERSION, PORTAL, objects
from smartlaunch.checks.members import Findings, absolute_url, advice, show
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Finding

URI_SYSTEM = "urn:ietf:rfc:3986"
CONNECTION = "http://terminology.hl7.org/CodeSystem/endpoint-connection-type"
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")
_LEEWAY = timedelta(hours=1)
_A_DAY = timedelta(days=1)
_SHOWN = 3

Entry = tuple[str, str, dict[str, Any]]
"""Where an entry stands, its ``fullUrl``, and its resource."""


def entries(exchange: Exchange, resource_type: str) -> list[Entry]:
    """The entries of the bundle that hold a resource of one type."""
    found = []
    listed = exchange.answer.object.get("entry")
    for number, entry in enumerate(listed if isinstance(listed, list) else []):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and resource.get("resourceType") == resource_type:
            found.append((f"/entry/{number}/resource", str(entry.get("fullUrl", "")), resource))
    return found


def brands(exchange: Exchange) -> list[Entry]:
    """The Brands, which are Organizations."""
    return entries(exchange, "Organization")


def _each(requirement: str, exchange: Exchange, expected: str, found: list[Entry], wrong: Callable[[dict[str, Any]], str]) -> Findings:
    """One finding for all entries that are wrong in the same way: a bundle of thousands must not bury its report."""
    bad = [(pointer, problem) for pointer, _, resource in found if (problem := wrong(resource))]
    if not bad:
        return []
    more = f", and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
    said = "; ".join(f"{pointer}: {problem}" for pointer, problem in bad[:_SHOWN])
    return [Finding(requirement, expected, f"{said}{more}", exchange.id, bad[0][0])]


def linked(requirement: str, exchange: Exchange, identifier: object) -> Findings:
    """A server that names its Brand links to the bundle."""
    if identifier is None or "user_access_brand_bundle" in exchange.answer.object:
        return []
    return [
        Finding(
            requirement,
            "`user_access_brand_bundle` beside `user_access_brand_identifier`",
            "it is absent",
            exchange.id,
            "/user_access_brand_bundle",
        )
    ]


def full_urls(requirement: str, exchange: Exchange) -> Findings:
    """Each entry has a ``fullUrl``."""
    listed = exchange.answer.object.get("entry")
    found = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    lacking = [f"/entry/{i}" for i, entry in enumerate(found) if not isinstance(entry.get("fullUrl"), str) or not entry["fullUrl"].strip()]
    if not lacking:
        relative = [(i, e["fullUrl"]) for i, e in enumerate(found) if not re.match(r"[A-Za-z][A-Za-z0-9+.\-]*:", e["fullUrl"])]
        return [
            Finding(requirement, "an absolute `fullUrl` in each entry", f"it is {show(url)}", exchange.id, f"/entry/{i}/fullUrl")
            for i, url in relative[:1]
        ]
    said = f"{len(lacking)} of {len(found)} entries have none"
    return [Finding(requirement, "a `fullUrl` in each entry", said, exchange.id, lacking[0])]


def _extensions(node: object, pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every extension below a node, with its place."""
    if isinstance(node, list):
        for i, each in enumerate(node):
            yield from _extensions(each, f"{pointer}/{i}")
    elif isinstance(node, dict):
        for name, each in node.items():
            if name in ("extension", "modifierExtension"):
                yield from ((f"{pointer}/{name}/{i}", one) for i, one in enumerate(objects(each)))
            yield from _extensions(each, f"{pointer}/{name}")


def whole_extensions(requirement: str, exchange: Exchange) -> Findings:
    """Each extension has a ``url``, and a value or extensions of its own (invariant ext-1)."""
    wrong = []
    for pointer, one in _extensions(exchange.answer.object):
        says = any(name == "extension" or name.startswith(("value", "_value")) for name, value in one.items() if value)
        if not isinstance(one.get("url"), str) or not one["url"] or not says:
            wrong.append((pointer, "no `url`" if not one.get("url") else "neither value nor parts"))
    if not wrong:
        return []
    more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return [Finding(requirement, "a `url`, and a value or parts, in each extension", f"{wrong[0][1]}{more}", exchange.id, wrong[0][0])]


def brand_bundle(requirement: str, exchange: Exchange) -> Findings:
    """What the link leads to is a Bundle of type ``collection``."""
    answer = exchange.answer
    if answer.status != 200 or answer.object.get("resourceType") != "Bundle":
        actual = answer.json_error or f"status {answer.status}, resourceType {show(answer.object.get('resourceType'))}"
        return [Finding(requirement, "status 200 with a Bundle", actual, exchange.id, "body")]
    kind = answer.object.get("type")
    if kind != "collection":
        return [Finding(requirement, "a Bundle of type `collection`", f"it is {show(kind)}", exchange.id, "/type")]
    wrong = list(profiles.collection(answer.object))
    if not wrong:
        return []
    more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return [Finding(requirement, "a Bundle as a collection is", f"{wrong[0][1]}{more}", exchange.id, wrong[0][0])]


def _whole(problems: Iterator[profiles.Problem]) -> str:
    """The first of some problems in words, with its place."""
    first = next(problems, None)
    return f"`{first[0][1:]}`: {first[1]}" if first else ""


def _has_website(resource: Mapping[str, Any]) -> bool:
    return any(
        t.get("system") == "url" and (isinstance(t.get("value"), str) or ABSENT in _urls(t.get("_value")))
        for t in objects(resource.get("telecom"))
    ) or any(ABSENT in _urls(t) for t in objects(resource.get("telecom")))


def _urls(element: object) -> set[str]:
    return {str(e.get("url")) for e in objects(element.get("extension"))} if isinstance(element, dict) else set()


def brand_form(requirement: str, exchange: Exchange) -> Findings:
    """Each Brand has what a card needs: a name and a web site, or the mark that the provider gave none."""

    def named(resource: dict[str, Any]) -> str:
        name = resource.get("name")
        return "" if (isinstance(name, str) and name.strip()) or ABSENT in _urls(resource.get("_name")) else "no `name`"

    def sited(resource: dict[str, Any]) -> str:
        telecom = objects(resource.get("telecom"))
        if len(telecom) > 1:
            return f"{len(telecom)} `telecom`, and the profile has one"
        return "" if _has_website(resource) else "no `telecom` of system `url`"

    found = brands(exchange)
    bundled = {name for _, full, one in entries(exchange, "Endpoint") for name in (full, f"Endpoint/{one.get('id')}")} - {""}
    if not found:
        return [Finding(requirement, "at least one Brand in the bundle", "it holds no Organization", exchange.id, "/entry")]
    return [
        *_each(requirement, exchange, "a `name` in each Brand", found, named),
        *_each(requirement, exchange, "the web site of each Brand as `telecom` of system `url`", found, sited),
        *_each(requirement, exchange, "each endpoint of a portal among the Brand's own `endpoint`", found, _portal_only),
        *_each(requirement, exchange, "each `endpoint` of a Brand in the bundle", found, lambda one: _not_bundled(one, bundled)),
        *_each(requirement, exchange, "each Brand as its profile has it", found, lambda one: _whole(profiles.brand(one))),
    ]


def _not_bundled(resource: dict[str, Any], bundled: set[str]) -> str:
    """A reference to an Endpoint that is not in this bundle, which is where the profile wants it."""
    lost = [r for r in _own_references(resource) if _local(r, bundled) not in bundled]
    return f"{show(lost[0])} is not in it" if lost else ""


def _portal_only(resource: dict[str, Any]) -> str:
    missing = [r for r in _portal_references(resource) if r not in _own_references(resource)]
    return f"{show(missing[0])} stands in the portal only" if missing else ""


def _own_references(resource: Mapping[str, Any]) -> list[str]:
    return [str(e["reference"]) for e in objects(resource.get("endpoint")) if "reference" in e]


def _portal_references(resource: Mapping[str, Any]) -> list[str]:
    found = []
    for portal in objects(resource.get("extension")):
        for part in objects(portal.get("extension")) if portal.get("url") == PORTAL else []:
            reference = part.get("valueReference")
            if part.get("url") == "portalEndpoint" and isinstance(reference, dict) and "reference" in reference:
                found.append(str(reference["reference"]))
    return found


def endpoint_form(requirement: str, exchange: Exchange) -> Findings:
    """Each Endpoint tells its address, its FHIR version, and where developers turn to."""

    def version(resource: dict[str, Any]) -> str:
        return "" if FHIR_VERSION in _urls(resource) else "no extension `endpoint-fhir-version`"

    def contact(resource: dict[str, Any]) -> str:
        good = any(c.get("system") == "url" and not absolute_url(c.get("value")) for c in objects(resource.get("contact")))
        return "" if good else "no `contact` of system `url` with a URL"

    def address(resource: dict[str, Any]) -> str:
        return absolute_url(resource["address"]) if "address" in resource else "no `address`"

    def connection(resource: dict[str, Any]) -> str:
        kind = resource.get("connectionType")
        code, system = (kind.get("code"), kind.get("system")) if isinstance(kind, dict) else (None, None)
        if code != "hl7-fhir-rest":
            return f"the code is {show(code)}"
        return "" if system == CONNECTION else f"the system is {show(system)}"

    def payload(resource: dict[str, Any]) -> str:
        codes = [c.get("code") for kind in objects(resource.get("payloadType")) for c in objects(kind.get("coding"))]
        if len(objects(resource.get("payloadType"))) > 1:
            return f"{len(resource['payloadType'])} of them"
        return "" if not codes or "none" in codes else f"the code is {show(codes[0])}"

    found = entries(exchange, "Endpoint")
    return [
        *_each(requirement, exchange, "`connectionType` with the code `hl7-fhir-rest`", found, connection),
        *_each(requirement, exchange, "one `payloadType` at most, with the code `none`", found, payload),
        *_each(requirement, exchange, "the FHIR base URL of each Endpoint as `address`", found, address),
        *_each(requirement, exchange, "the FHIR version of each Endpoint", found, version),
        *_each(requirement, exchange, "a web site for developers as `contact` of each Endpoint", found, contact),
        *_each(requirement, exchange, "each Endpoint as its profile has it", found, lambda one: _whole(profiles.endpoint(one))),
    ]


def _parents(exchange: Exchange) -> dict[str, str]:
    """For each Brand that is part of another, the name of that one; names are type and id."""
    parents: dict[str, str] = {}
    names = {full: f"Organization/{resource.get('id')}" for _, full, resource in brands(exchange) if full}
    for _, _, resource in brands(exchange):
        part = resource.get("partOf")
        reference = part.get("reference") if isinstance(part, dict) else None
        if isinstance(reference, str) and resource.get("id"):
            parents[f"Organization/{resource['id']}"] = names.get(reference) or "/".join(reference.split("/")[-2:])
    return parents


def nested(exchange: Exchange) -> bool:
    """Whether a Brand is part of another."""
    return bool(_parents(exchange))


def two_levels(requirement: str, exchange: Exchange) -> Findings:
    """A Brand may be part of another; that one is part of none."""
    parents = _parents(exchange)
    deep = sorted(child for child, parent in parents.items() if parent in parents)
    if not deep:
        return []
    return [
        Finding(requirement, "two levels of Brands at most", f"{deep[0]} is part of a Brand that is part of another", exchange.id, "/entry")
    ]


def countries(exchange: Exchange) -> list[object]:
    """The countries of the Brands' addresses."""
    found = [address.get("country") for _, _, resource in brands(exchange) for address in objects(resource.get("address"))]
    return [country for country in found if country is not None]


def country_codes(requirement: str, exchange: Exchange) -> Findings:
    """A country is told by two capital letters."""

    def wrong(resource: dict[str, Any]) -> str:
        told = [a["country"] for a in objects(resource.get("address")) if a.get("country") is not None]
        bad = [c for c in told if not isinstance(c, str) or not re.fullmatch(r"[A-Z]{2}", c)]
        return f"`country` is {show(bad[0])}" if bad else ""

    return _each(requirement, exchange, "`Address.country`: two letters of ISO 3166-1", brands(exchange), wrong)


def matching(exchange: Exchange, identifier: object) -> list[Entry]:
    """The Brands that carry an identifier; without a ``system`` the value alone counts."""
    wanted = identifier if isinstance(identifier, dict) else {}

    def fits(one: dict[str, Any]) -> bool:
        return one.get("value") == wanted.get("value") and ("system" not in wanted or one.get("system") == wanted["system"])

    return [entry for entry in brands(exchange) if any(fits(one) for one in objects(entry[2].get("identifier")))]


def primary_brand(requirement: str, exchange: Exchange, identifier: object) -> Findings:
    """Every Endpoint of the bundle is referred to by a Brand, the primary Brand refers to one; a reference that leads nowhere warns.

    The duty speaks of the endpoints that are in the bundle. It may hold other providers' Brands as well, and the primary Brand does
    not refer to their endpoints.
    """
    found, endpoints = brands(exchange), entries(exchange, "Endpoint")
    primaries = matching(exchange, identifier) if identifier is not None else found
    names = {pointer: {full, f"Endpoint/{resource.get('id')}"} - {""} for pointer, full, resource in endpoints}
    known = set().union(*names.values()) if names else set()

    def referred(resource: Mapping[str, Any]) -> set[str]:
        return {_local(r, known) for r in (*_own_references(resource), *_portal_references(resource))}

    everything = set().union(*(referred(resource) for _, _, resource in found)) if found else set()
    findings = [
        Finding(requirement, "each Endpoint referred to by a Brand", f"no Brand refers to {max(names[pointer])}", exchange.id, pointer)
        for pointer, _, _ in endpoints
        if not names[pointer] & everything
    ][:_SHOWN]
    for pointer, _, resource in found:
        lost = sorted(r for r in referred(resource) if r not in known and not r.startswith(("http://", "https://")))
        if lost:
            findings += advice(
                [Finding(requirement, "references to Endpoints of this bundle", f"{show(lost[0])} is not in it", exchange.id, pointer)]
            )
    if endpoints and primaries and not any(referred(resource) & known for _, _, resource in primaries):
        findings.append(
            Finding(
                requirement, "a primary Brand that refers to its FHIR endpoints", "it refers to none of them", exchange.id, primaries[0][0]
            )
        )
    return findings


def _local(reference: str, known: set[str]) -> str:
    """A reference as the bundle names its target: as it stands, or as type and id."""
    if reference in known:
        return reference
    short = "/".join(reference.split("/")[-2:])
    return short if short in known else reference


def timestamp(requirement: str, exchange: Exchange) -> Findings:
    """``Bundle.timestamp`` is an instant that has passed; a warning where an entry says that it changed more than a day later.

    A publisher may store an entry again without a change to it, so that alone breaks no duty.
    """
    value = exchange.answer.object.get("timestamp")
    problem = "it is absent" if value is None else _instant_problem(value, exchange.started)
    expected = "`Bundle.timestamp`: the time of the last change"
    if problem:
        return [Finding(requirement, expected, problem, exchange.id, "/timestamp")]
    stated = _moment(str(value))
    for entry in _all(exchange):
        changed = _moment(str(_meta(entry).get("lastUpdated", "")))
        if stated and changed and changed > stated + _A_DAY:
            said = f"{show(value)}, and `{entry[0]}/meta/lastUpdated` is {changed.isoformat()}"
            return advice([Finding(requirement, expected, said, exchange.id, "/timestamp")])
    return []


def timestamp_stays(requirement: str, first: Exchange, second: Exchange) -> Findings:
    """The timestamp of a bundle whose entries are the same is the same: it tells the last change, not the time of asking."""
    one, two = (exchange.answer.object.get("timestamp") for exchange in (first, second))
    if one == two or not same_entries(first, second):
        return []
    said = f"{show(one)}, then {show(two)} for the same entries"
    return [Finding(requirement, "`Bundle.timestamp`: the time of the last change", said, second.id, "/timestamp")]


def same_entries(first: Exchange, second: Exchange) -> bool:
    """Whether two answers hold the same entries, whenever they say that these were updated."""
    one, two = (_without_times(exchange.answer.object.get("entry")) for exchange in (first, second))
    return bool(one == two)


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_times(inner) for name, inner in value.items() if name != "lastUpdated"}
    return [_without_times(inner) for inner in value] if isinstance(value, list) else value


def _instant_problem(value: object, now: datetime) -> str:
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        return f"{show(value)} is not an instant with a time zone"
    moment = _moment(value)
    if moment is None:
        return f"{show(value)} is no date and time that exists"
    return f"{show(value)} is in the future" if moment > now.astimezone(UTC) + _LEEWAY else ""


def _moment(value: str) -> datetime | None:
    """The moment that an instant names; None where it is no instant, or one that does not exist."""
    if not _INSTANT.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(re.sub(r"\.(\d{1,6})\d*", lambda m: "." + m[1].ljust(6, "0"), value)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def tracks_resources(exchange: Exchange) -> bool:
    """Whether the publisher tracks single resources: at least one says when it changed."""
    return any("lastUpdated" in meta for meta in map(_meta, _all(exchange)))


def _all(exchange: Exchange) -> list[Entry]:
    return [*brands(exchange), *entries(exchange, "Endpoint")]


def _meta(entry: Entry) -> dict[str, Any]:
    meta = entry[2].get("meta")
    return meta if isinstance(meta, dict) else {}


def last_updated(requirement: str, exchange: Exchange) -> Findings:
    """Every resource says when it changed."""

    def wrong(resource: dict[str, Any]) -> str:
        value = _meta(("", "", resource)).get("lastUpdated")
        return "no `meta.lastUpdated`" if value is None else _instant_problem(value, exchange.started)

    return _each(requirement, exchange, "`meta.lastUpdated` in each resource, as in others of the bundle", _all(exchange), wrong)


def open_to_origin(requirement: str, exchange: Exchange) -> Findings:
    """A page of the origin that asked may read the answer."""
    origin = exchange.request.header("origin") or ""
    values = exchange.answer.all("access-control-allow-origin")
    if values in (["*"], [origin]):
        return []
    actual = f"`Access-Control-Allow-Origin: {', '.join(values)}`" if values else "no `Access-Control-Allow-Origin`"
    return [
        Finding(
            requirement,
            f"`Access-Control-Allow-Origin: *`, or `{origin}`",
            f"{actual} (status {exchange.answer.status})",
            exchange.id,
            "header: Access-Control-Allow-Origin",
        )
    ]


def weak_etag(requirement: str, exchange: Exchange) -> Findings:
    """The answer has a weak ``ETag``."""
    value = exchange.answer.header("etag")
    if value is not None and re.fullmatch(r'W/"[^"]*"', value.strip()):
        return []
    actual = f"`ETag: {value}`" if value else "no `ETag`"
    return [Finding(requirement, 'a weak `ETag`, as in `W/"1"`', actual, exchange.id, "header: ETag")]


def not_sent_again(requirement: str, first: Exchange, second: Exchange) -> Findings:
    """What did not change is not sent again to those who name its ``ETag``; a new ``ETag`` says that it changed."""
    answer = second.answer
    if answer.status == 304 or (answer.status == 200 and answer.body != first.answer.body):
        return []
    return [Finding(requirement, "status 304 for `If-None-Match` with the ETag just sent", f"status {answer.status}", second.id, "status")]


def absent_reasons(requirement: str, exchange: Exchange) -> Findings:
    """Missing values are marked as ``asked-declined`` or ``asked-unknown`` and in no other way."""
    wrong = [(pointer, code) for pointer, code in _reasons(exchange.answer.json, "") if code not in ("asked-declined", "asked-unknown")]
    return [
        Finding(requirement, "no Data Absent Reason but `asked-declined` and `asked-unknown`", f"it is {show(code)}", exchange.id, pointer)
        for pointer, code in wrong[:_SHOWN]
    ]


def _reasons(value: object, pointer: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        if value.get("url") == ABSENT:
            yield pointer, value.get("valueCode")
        for name, inner in value.items():
            yield from _reasons(inner, f"{pointer}/{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _reasons(inner, f"{pointer}/{number}")


def web_site_identifiers(requirement: str, exchange: Exchange) -> Findings:
    """Each Brand has its web site as identifier: https, no ``www.``, no path."""

    def wrong(resource: dict[str, Any]) -> str:
        sites = [i.get("value") for i in objects(resource.get("identifier")) if i.get("system") == URI_SYSTEM]
        if any(_is_site(site) for site in sites):
            return ""
        return f"the identifier is {show(sites[0])}" if sites else f"no identifier of system `{URI_SYSTEM}`"

    expected = f"an identifier of system `{URI_SYSTEM}` with an https URL without `www.` and without a path in each Brand"
    return _each(requirement, exchange, expected, brands(exchange), wrong)


def _is_site(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    host = (parts.hostname or "").lower()
    return parts.scheme == "https" and bool(host) and not host.startswith("www.") and not (parts.path or parts.query or parts.fragment)


def identifier_present(requirement: str, configuration: Exchange, bundle: Exchange, *, several: bool) -> Findings:
    """The SMART configuration names its Brand; ``several``: only where there are several to choose from."""
    count = len(brands(bundle))
    if configuration.answer.object.get("user_access_brand_identifier") is not None or (several and count < 2):
        return []
    return [
        Finding(
            requirement,
            "`user_access_brand_identifier` in the SMART configuration",
            f"it is absent, and the bundle has {count} Brand{'s' if count != 1 else ''}",
            configuration.id,
            "/user_access_brand_identifier",
        )
    ]


def identifier_part(requirement: str, configuration: Exchange, name: str) -> Findings:
    """``value`` or ``system`` of the identifier is a non-blank string."""
    identifier = configuration.answer.object.get("user_access_brand_identifier")
    value = identifier.get(name) if isinstance(identifier, dict) else None
    if isinstance(value, str) and value.strip():
        return []
    actual = f"it is {show(value)}" if isinstance(identifier, dict) else f"the identifier is {show(identifier)}"
    return [
        Finding(
            requirement,
            f"a `{name}` in `user_access_brand_identifier`",
            actual,
            configuration.id,
            f"/user_access_brand_identifier/{name}",
        )
    ]


def identifies_one(requirement: str, configuration: Exchange, bundle: Exchange) -> Findings:
    """Exactly one Brand has the identifier of the SMART configuration."""
    identifier = configuration.answer.object.get("user_access_brand_identifier")
    count = len(matching(bundle, identifier))
    if count == 1:
        return []
    return [Finding(requirement, f"exactly one Brand with the identifier {show(identifier)}", f"{count} have it", bundle.id, "/entry")]
