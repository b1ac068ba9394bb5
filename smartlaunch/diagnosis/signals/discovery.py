"""Tenants, endpoints and audience against what is discovered."""

from __future__ import annotations

import re
from collections.abc import Iterator

from smartlaunch.diagnosis import scopes
from smartlaunch.diagnosis.inputs.weblinks import difference, host_of, tenant_of
from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.signals.signal import Signal, is_guid, predicate, saw
from smartlaunch.diagnosis.vendor import Vendor

_OF_SMART = frozenset({scopes.Kind.V1, scopes.Kind.V2, scopes.Kind.LAUNCH, scopes.Kind.ILL_FORMED})


@predicate
def tenants(m: Material, vendor: Vendor) -> Iterator[Signal]:
    """Tenants in the URLs against each other and against the form that the vendor uses."""
    places = {"authorize URL": m.authorize_url, "token endpoint": m.token_url, "aud": m.aud, "FHIR base": m.fhir_base}
    found = {where: tenant_of(url) for where, url in places.items() if url and tenant_of(url)}
    found |= {"error": str(m.facts["tenant_in_error"])} if m.facts.get("tenant_in_error") else {}
    if "uuid-tenants" in vendor.traits:
        for where, tenant in found.items():
            if not is_guid(tenant) and len(tenant) != 32 and "{" not in tenant and not tenant.startswith("<"):
                yield saw("tenant-malformed", f"the tenant in the {where} is no UUID: {tenant} ({len(tenant)} characters)", tenant=tenant)
    whole = {where: t for where, t in found.items() if "{" not in t and not t.startswith("<")}
    if len({t.lower() for t in whole.values()}) > 1:
        words = ", ".join(f"{where} {tenant}" for where, tenant in sorted(whole.items()))
        yield saw("tenants-differ", f"different tenants are named: {words}", tenants=words)
    hosts = [host_of(u) for u in (m.authorize_url, m.token_url) if u]
    base = host_of(m.aud or m.fhir_base or m.discovery_base)
    for pattern, tenant in vendor.host_tenants:
        for host in hosts:
            if re.search(pattern, host) and any(t == tenant for t in found.values()):
                yield saw("wrong-authorization-host", f"{host} does not serve tenant {tenant}", host=host)
    if hosts and base and vendor.environments:
        env = {name for name, pattern in vendor.environments for h in [hosts[0]] if re.search(pattern, h)}
        env_base = {name for name, pattern in vendor.environments if re.search(pattern, base)}
        if env and env_base and not env & env_base:
            yield saw("environments-differ", f"{hosts[0]} and {base} belong to different environments", host=hosts[0])


@predicate
def endpoints(m: Material, vendor: Vendor) -> Iterator[Signal]:
    """Endpoints that cannot be right."""
    for url in (m.authorize_url, m.token_url):
        for pattern, words in vendor.bad_paths:
            if re.search(pattern, url):
                yield saw("endpoint-does-not-exist", words)
    if m.facts.get("endpoint_as_discovered") is False:
        yield saw(
            "endpoint-not-discovered",
            "the authorization endpoint used is not the one in the SMART configuration",
            m.fact_of.get("endpoint_as_discovered", ""),
        )
    base = m.discovery_base or m.fhir_base
    if base:
        for pattern, words in vendor.open_hosts:
            if re.search(pattern, host_of(base)):
                yield saw("open-host", words)
    if m.statuses.get("authorize") == 404 or (m.statuses.get("any") == 404 and m.authorize_url and not m.fhir):
        yield saw("authorize-404", "the authorize URL answers 404")
    if m.statuses.get("token") == 404 or (m.statuses.get("any") == 404 and m.token_url and not m.fhir and not m.authorize_url):
        yield saw("token-404", "the token URL answers 404")
    status = m.statuses.get("discovery", 0) or (m.statuses.get("any", 0) if m.facts.get("discovery_request") else 0)
    if status >= 400:
        yield saw("discovery-failed", f"the discovery document was answered {status}", m.fact_of.get("status.discovery", ""))
    if status in (401, 403):
        yield saw("discovery-refused", f"the discovery document was answered {status}", m.fact_of.get("status.discovery", ""))
    base_path = re.sub(r"^https?://[^/]+", "", base or "").strip("/")
    if base and not base_path and (m.statuses.get("discovery", 0) >= 400 or m.facts.get("discovery_request")):
        yield saw("discovery-at-root", "the document was asked for at the root of the host, not under a FHIR base URL")
    if m.facts.get("discovery_html"):
        yield saw("discovery-failed", "the discovery document is a web page, not JSON", m.fact_of.get("discovery_html", ""))


@predicate
def audience(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """The aud parameter against the FHIR base."""
    if m.aud:
        yield saw("aud-known", f"aud was {m.aud}")
    if m.facts.get("aud_present") is False:
        yield saw("aud-missing", "the authorization request has no aud")
        plain_oauth = not _is_smart(m)
        if {"invalid_request", "access_denied"} & set(m.errors) and not m.urns and not plain_oauth:
            yield saw("refused-without-aud", "the authorization request was refused and has no aud")
    base = m.fhir_base
    if m.aud and base and m.aud != base:
        if m.aud.rstrip("/") == base.rstrip("/"):
            yield saw("aud-slash", "aud and FHIR base differ by a slash at the end")
        else:
            words = difference(m.aud, base)[1].replace("sent", "aud", 1).replace("registered", "FHIR base", 1)
            yield saw("aud-differs", f"aud is not the FHIR base: {words}", aud=m.aud, base=base)
    elif m.facts.get("aud_slash_differs"):
        yield saw("aud-slash", "aud and FHIR base differ by a slash at the end", m.fact_of.get("aud_slash_differs", ""))
    elif m.facts.get("aud_equals_base") is False:
        yield saw(
            "aud-differs",
            "aud is not the FHIR base the app was launched with",
            m.fact_of.get("aud_equals_base", ""),
            aud=m.aud,
            base="the FHIR base of the launch",
        )


def _is_smart(m: Material) -> bool:
    """Whether anything shows a launch of SMART, which needs aud, and not a sign-in of plain OAuth, which has none."""
    named = m.requested.items if m.requested is not None else ()
    if m.fhir_base or m.launch_uri or m.launch_value or m.launch_type or not (m.authorize_url or named):
        return True
    return "launch" in m.authorize_url or any(scopes.kind_of(name) in _OF_SMART or name == "fhirUser" for name in named)


@predicate
def hosts(m: Material, vendor: Vendor) -> Iterator[Signal]:
    """Hosts that are gone, and a token endpoint that has nothing to do with the FHIR server."""
    if m.authorize_url or m.token_url:
        yield saw("authorize-known", f"the address used is {(m.authorize_url or m.token_url).partition('?')[0]}")
    for url in (m.authorize_url, m.token_url, m.fhir_base, m.aud, m.discovery_base):
        host = host_of(url) if url else ""
        for pattern, because in vendor.retired_hosts:
            if host and re.search(pattern, host):
                yield saw("host-retired", f"{host}: {because}", because=f"{host}, {because}")
    token, fhir = host_of(m.token_url) if m.token_url else "", host_of(m.fhir_base or m.aud)
    if token and fhir and "{" not in m.token_url + m.fhir_base and _domain(token) != _domain(fhir) and m.facts.get("issuer") is None:
        yield saw("token-host-unrelated", f"the token endpoint is on {token}, the FHIR server on {fhir}", token_host=token, fhir_host=fhir)


def _domain(host: str) -> str:
    """The last two labels of a host: close enough to tell whether two hosts are of one owner."""
    return ".".join(host.split(".")[-2:])


@predicate
def configuration(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """A SMART configuration that was given, on its own."""
    if faults := m.facts.get("configuration_faults"):
        problem = "; ".join(str(fault) for fault in faults)
        yield saw("configuration-faulty", problem, m.fact_of.get("configuration_faults", ""), problem=problem)
