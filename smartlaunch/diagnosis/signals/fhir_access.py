"""The FHIR request against the grant and its bearer token."""

from __future__ import annotations

import re
from collections.abc import Iterator

from smartlaunch.diagnosis import scopes
from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.signals.signal import Signal, predicate, saw
from smartlaunch.diagnosis.vendor import Vendor


@predicate
def fhir(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """The FHIR request against the grant."""
    f, at = m.facts, m.fact_of
    bad = [c for c in m.fhir if c.status in (0, 401, 403)]
    if f.get("bearer_kind") == "client_assertion" or f.get("bearer_looks_like_assertion"):
        yield saw(
            "assertion-as-bearer",
            "the bearer token of the FHIR request is a client assertion, not an access token",
            at.get("bearer_kind", "") or at.get("bearer_looks_like_assertion", ""),
        )
    elif f.get("bearer_kind") in ("id_token", "refresh_token", "code"):
        yield saw(
            "wrong-bearer",
            f"the bearer token of the FHIR request is the {f['bearer_kind']}",
            at.get("bearer_kind", ""),
            kind=str(f["bearer_kind"]),
        )
    if m.fhir and f.get("bearer_kind") == "access_token" and f.get("token_expired") is False:
        yield saw("fresh-own-token", "the bearer token is the access token of this flow, whole and in time", at.get("bearer_kind", ""))
    if m.fhir and f.get("bearer_present") is False:
        yield saw("bearer-missing", "the FHIR request has no Authorization: Bearer", at.get("bearer_present", ""))
    header = r"missing .{0,3}authorization.{0,3} header|no authorization header|authorization header (?:is )?(?:missing|required)"
    if m.fhir and any(re.search(header, said.text, re.IGNORECASE) for said in m.texts("server")):
        yield saw("fhir-header-missing", "the FHIR server says that the Authorization header is missing")
    if f.get("fhir_base_equal") is False:
        yield saw("other-fhir-base", "the FHIR request went to another base than the app was launched with", at.get("fhir_base_equal", ""))
    if m.granted is None or not bad:
        return
    for call in bad:
        if not call.resource:
            continue
        covered = scopes.covers(m.granted.items, call.resource, call.interaction)
        name = "fhir-covered" if covered else "fhir-not-covered"
        if covered or (m.granted.whole and m.granted.items):
            yield saw(
                name,
                f"{call.resource} {call.interaction or 'read'} is {'covered' if covered else 'not covered'} by the scopes granted",
                call.exchange,
                resource=call.resource,
            )
        if call.interaction == "search" and not covered and scopes.covers(m.granted.items, call.resource, "read"):
            yield saw(
                "search-with-r-only",
                f"the grant allows reading {call.resource} by id, not searching",
                call.exchange,
                resource=call.resource,
            )
