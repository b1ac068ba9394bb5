"""A pasted authorization request, checked on its own.

A request that was answered with a code had none of the faults that count here, so it is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from smartlaunch.diagnosis.inputs.weblinks import host_of
from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.request_faults import NEEDED, Fault, faults_of
from smartlaunch.diagnosis.signals.setting import by_hand
from smartlaunch.diagnosis.signals.signal import Signal, predicate, saw
from smartlaunch.diagnosis.vendor import Vendor

_PERMITTED = {"scope:dotted": "dotted-scopes", "response_type:hybrid": "hybrid"}
"""Forms that are a fault only where the vendor does not document them, by the vendor's trait."""

_ALWAYS_SENT = frozenset(NEEDED) - {"scope"}
SHORTENED = 3
"""From how many of the parameters that every app sends an address lacks on it is taken for one that somebody shortened."""


@predicate
def request(m: Material, vendor: Vendor) -> Iterator[Signal]:
    """The faults of the request, by parameter; several of one parameter are one signal."""
    if m.facts.get("token_request_at_authorize"):
        problem = "the address of the request with grant_type is that of the authorization endpoint"
        yield saw("request:endpoint", problem, m.fact_of.get("token_request_at_authorize", ""), problem=problem)
        return
    if not _judged(m):
        return
    faults: dict[str, list[str]] = {}
    found = m.request_faults or faults_of(m.authorize_url)
    shortened = by_hand(m) and sum(fault.kind in _ALWAYS_SENT and fault.lacks for fault in found) >= SHORTENED
    for fault in found:
        if (shortened and fault.lacks) or (fault.blank and by_hand(m)):
            continue
        if _PERMITTED.get(fault.kind, "") not in vendor.traits and not _known_better(fault, m):
            faults.setdefault(fault.kind.partition(":")[0], []).append(fault.problem)
    base = m.discovery_base or (m.fhir_base if m.fhir_base != m.aud else "")
    if m.aud and base and host_of(m.aud) != host_of(base):
        faults.setdefault("aud", []).append(
            f"aud: its host is {host_of(m.aud)}, the FHIR base URL is on {host_of(base)}; it should be the FHIR base URL"
        )
    for name, problems in faults.items():
        yield saw(f"request:{name}", "; ".join(problems), m.fact_of.get("launch_present", ""), problem="; ".join(problems))


def _judged(m: Material) -> bool:
    """Only a whole request that is not known to have been answered with a code."""
    cut = (by_hand(m) and m.authorize_url.endswith("=")) or any(
        s.where == "authorize_url" and re.search(r"\bcut\b|\.\.\.|…", s.text) for s in m.said
    )
    exchanged = m.grant_type == "authorization_code" and m.source in ("har", "run")
    answered = bool(m.granted is not None or m.facts.get("token_issued") or m.succeeded or exchanged)
    return bool(m.authorize_url) and not cut and not answered


_PRESENT = {
    "pkce-absent": "code_challenge_present",
    "pkce:method": "code_challenge_method",
    "state": "state_present",
    "aud": "aud_present",
    "client_id": "client_id_present",
}


def _known_better(fault: Fault, m: Material) -> bool:
    """Whether a fact, taken before anything was removed from the address, says that there is no such fault."""
    return fault.lacks and bool(m.facts.get(_PRESENT.get(fault.kind, "")))
