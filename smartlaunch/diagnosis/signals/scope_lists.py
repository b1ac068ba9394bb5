"""Scopes: what was asked for, what is registered, what was granted."""

from __future__ import annotations

import re
from collections.abc import Iterator

from smartlaunch.diagnosis import scopes
from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.scopes import Kind
from smartlaunch.diagnosis.signals.signal import Signal, listed, predicate, saw
from smartlaunch.diagnosis.vendor import Vendor

NAMES = {"launch": "requested-launch", "launch/patient": "requested-launch-patient", "offline_access": "requested-offline"}


@predicate
def requested_scopes(m: Material, vendor: Vendor) -> Iterator[Signal]:
    """What stands in the scope list that the app asked for."""
    if m.requested is None:
        return
    asked = m.requested
    for scope in asked.items:
        if scope in NAMES:
            yield saw(NAMES[scope], f"{scope} was requested")
    if wild := [s for s in asked.items if scopes.is_wildcard(s)]:
        yield saw("requested-wildcard", f"wildcard scopes were requested: {listed(wild)}", wildcards=listed(wild))
    if bad := _ill_formed(asked, vendor):
        yield saw(
            "requested-ill-formed", f"scopes outside the grammar of SMART 1 and 2 were requested: {listed(bad)}", ill_formed=listed(bad)
        )
    if asked.comma:
        yield saw("requested-comma", "the scopes are separated by commas")


@predicate
def requested_contexts(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """Whether the contexts of the scopes asked for fit each other, and the kind of the app."""
    if m.requested is None:
        return
    asked = m.requested
    contexts = {scopes.context_of(s) for s in asked.resources} - {""}
    if "system" in contexts and len(contexts) > 1:
        yield saw("requested-mixed-contexts", f"scopes of several contexts were requested together: {', '.join(sorted(contexts))}")
    system = m.app_type == "system" or m.grant_type == "client_credentials"
    person = [s for s in asked.items if scopes.context_of(s) in ("patient", "user") or s.startswith("launch")]
    if system and person:
        yield saw(
            "system-asks-person-scopes",
            f"a system app asked for scopes of a person or a launch: {listed(person)}",
            person_scopes=listed(person),
        )
    if "patient" in contexts and not any(s.startswith("launch") for s in asked.items) and asked.whole:
        yield saw("patient-scopes-without-launch-scope", "patient/ scopes were requested, but neither launch nor launch/patient")


@predicate
def never_requested(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """What a whole scope list leaves out."""
    asked = m.requested
    if asked is None or not asked.items or not asked.whole:
        return
    if "offline_access" not in asked and "online_access" not in asked:
        yield saw("no-refresh-scope-requested", "neither offline_access nor online_access was requested")
    if "openid" not in asked:
        yield saw("requested-without-openid", "openid was not requested")
    elif "fhirUser" not in asked and "profile" not in asked:
        yield saw("openid-without-fhiruser", "openid was requested without fhirUser")


@predicate
def requested_version(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """The form of the scopes asked for, and the length that they give the request."""
    if m.requested is None:
        return
    version = _version_of(m, m.requested)
    if version:
        yield saw(f"requested-only-{version}", f"the resource scopes asked for are all in the {version} form")
        if m.smart_version and m.smart_version != version:
            yield saw(
                "version-differs",
                f"the app is registered for SMART {m.smart_version}, the scopes asked for are {version}",
                registered=m.smart_version,
                asked=version,
            )
    if m.authorize_url and len(m.authorize_url) > LONG_URL:
        yield saw("very-long-request", f"the authorization request is {len(m.authorize_url)} characters long")


LONG_URL = 6000


def _ill_formed(asked: scopes.ScopeList, vendor: Vendor) -> list[str]:
    return [s for s in asked.of(Kind.ILL_FORMED) if not (scopes.is_dotted(s) and "dotted-scopes" in vendor.traits)]


def _version_of(m: Material, asked: scopes.ScopeList) -> str:
    """The one SMART version all plain resource scopes are written in, or an empty string."""
    v1, v2 = asked.of(Kind.V1), asked.of(Kind.V2)
    if not v1 and not v2:
        text = next((s.text for s in m.said if s.where == "requested_scopes"), "")
        if re.search(r"\bv1\b", text) and not re.search(r"\bv2\b", text):
            return "v1"
        return "v2" if re.search(r"\bv2\b", text) and not re.search(r"\bv1\b", text) else ""
    return "v1" if not v2 else "v2" if not v1 else ""


def dropped(m: Material) -> list[str] | None:
    """Requested scopes that were not granted, or None when the lists do not tell."""
    if m.requested is None or m.granted is None:
        return None
    absent = [s for s in m.requested.items if s in m.granted.absent or any(a.startswith(".") and s.endswith(a) for a in m.granted.absent)]
    absent += [s for s in m.requested.items if scopes.resource_of(s) and scopes.resource_of(s) in m.granted.absent and s not in absent]
    if not m.granted.items:
        return absent or None
    if m.granted.whole and not m.granted.verbs:
        absent += [s for s in m.requested.items if s not in m.granted and s not in absent and not _covered(s, m.granted)]
    return absent


def _covered(scope: str, granted: scopes.ScopeList) -> bool:
    """Whether another spelling in the grant gives the same, as ``patient/Patient.rs`` for ``patient/Patient.read``."""
    resource, rights = scopes.resource_of(scope), set(scopes.rights_of(scope))
    if not resource or not rights or scopes.kind_of(scope) not in (Kind.V1, Kind.V2):
        return False
    have = {
        r
        for g in granted.resources
        if scopes.resource_of(g) in (resource, "*") and scopes.context_of(g) == scopes.context_of(scope)
        for r in scopes.rights_of(g)
    }
    return rights <= have


@predicate
def granted_scopes(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """What became of the scopes on the way to the grant."""
    if m.granted is None:
        return
    lost = dropped(m)
    if m.granted.whole and m.granted.items and not m.granted.resources and not m.granted.verbs:
        yield saw(
            "granted-no-resource",
            f"no resource scope was granted, only {listed(list(m.granted.items))}",
            m.fact_of.get("scope_granted", ""),
        )
    if "offline_access" in m.granted.absent and "offline_access" not in (lost or []):
        yield saw("dropped-offline", "offline_access was not granted")
    if not lost:
        return
    at = m.fact_of.get("scope_granted", "")
    yield saw("dropped-any", f"requested but not granted: {listed(lost)}", at, dropped=listed(lost))
    for scope, name in DROPPED_NAMES:
        if scope in lost:
            yield saw(name, f"{scope} was requested and not granted", at)
    contexts = [scope for scope in lost if scope == "fhirUser" or scope.split("/")[0] == "launch"]
    if "fhirUser" in contexts and len(contexts) > 1 and not any("/" in scope for scope in m.granted.items):
        yield saw("dropped-smart", f"of all that is SMART's own nothing was granted; lost: {listed(lost)}", at, dropped=listed(lost))


DROPPED_NAMES = (
    ("offline_access", "dropped-offline"),
    ("online_access", "dropped-online"),
    ("openid", "dropped-openid"),
    ("launch/patient", "dropped-launch-patient"),
    ("launch", "dropped-launch"),
    ("fhirUser", "dropped-fhiruser"),
)


@predicate
def granted_resource_scopes(m: Material, vendor: Vendor) -> Iterator[Signal]:
    """Which resource scopes were lost: by their form, and beside what was kept."""
    lost = dropped(m)
    if not lost or m.requested is None or m.granted is None:
        return
    at = m.fact_of.get("scope_granted", "")
    ill_formed = _ill_formed(m.requested, vendor)
    lost_resources = [s for s in lost if scopes.is_resource(s)]
    wild = [s for s in lost_resources if scopes.is_wildcard(s)]
    plain = [s for s in lost_resources if s not in ill_formed and s not in wild]
    if lost_resources:
        yield saw("dropped-resource", f"resource scopes were not granted: {listed(lost_resources)}", at, dropped=listed(lost_resources))
    if wild:
        yield saw("dropped-wildcard", f"the wildcard scopes {listed(wild)} were not granted", at, wildcards=listed(wild))
        if not plain:
            yield saw("dropped-only-wildcards", "every resource scope that was lost is a wildcard", at)
    if bad := [s for s in lost if s in ill_formed]:
        yield saw("dropped-ill-formed", f"scopes outside the grammar were not granted: {listed(bad)}", at, ill_formed=listed(bad))
    if plain:
        yield from _lost_plain(plain, m.granted, m, at)


def _lost_plain(plain: list[str], granted: scopes.ScopeList, m: Material, at: str) -> Iterator[Signal]:
    """Lost plain scopes: all of them with nothing kept, or some beside others of the same or the other form."""
    if not granted.resources and not granted.verbs:
        yield saw("dropped-all-plain", f"all plain resource scopes were lost: {listed(plain)}", at, dropped=listed(plain))
        version = _version_of(m, scopes.ScopeList(tuple(plain)))
        if version:
            yield saw(
                f"dropped-all-{version}",
                f"everything that was lost is in the {version} form, and no resource scope is left",
                at,
                asked=version,
            )
        return
    kinds_kept = {scopes.kind_of(s) for s in granted.resources}
    same = [s for s in plain if not kinds_kept or scopes.kind_of(s) in kinds_kept]
    if same:
        yield saw("dropped-some-plain", f"scopes of the same form as granted ones were lost: {listed(same)}", at, dropped=listed(same))
    else:
        yield saw("dropped-other-version", f"only scopes of the other SMART version were lost: {listed(plain)}", at, dropped=listed(plain))


@predicate
def registered_scopes(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """The request against the registration."""
    if m.registered is None or m.requested is None or not m.registered.items:
        return
    outside = [s for s in m.requested.items if s not in m.registered and not _covered(s, m.registered)]
    if outside:
        yield saw("requested-not-registered", f"requested but not registered: {listed(outside)}", not_registered=listed(outside))
    elif unlike := [s for s in m.requested.items if s not in m.registered]:
        yield saw(
            "requested-unlike-registered",
            f"requested, but registered in another spelling that covers them: {listed(unlike)}",
            unlike=listed(unlike),
            registered=listed(m.registered.resources),
        )
    elif m.registered.whole:
        yield saw("requested-all-registered", "every requested scope is registered")
    if any(scopes.is_wildcard(s) for s in m.registered.items):
        yield saw("wildcard-registered", "the registration itself holds a wildcard")
    lost = dropped(m) or []
    held = [s for s in lost if s in m.registered]
    if held:
        yield saw("dropped-though-registered", f"registered, requested and still not granted: {listed(held)}", dropped=listed(held))
