"""The FHIR request against the grant and its bearer token."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from smartlaunch.diagnosis import scopes
from smartlaunch.diagnosis.inputs.weblinks import host_of
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
    if f.get("token_in_address"):
        yield saw("token-in-address", "the address of the request carries access_token")
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


@predicate
def token_claims(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """What a JWT that was sent to the FHIR server says of itself, against the addresses of this flow and the time of the answer."""
    token = m.facts.get("jwt")
    if not isinstance(token, dict) or token.get("kind") == "client assertion":
        return
    claims: dict[str, Any] = token.get("claims", {})
    here = str(m.facts.get("fhir_host") or host_of(m.fhir_base))
    audiences = claims.get("aud") if isinstance(claims.get("aud"), list) else [claims.get("aud")]
    named = [a for a in audiences or [] if isinstance(a, str) and re.match(r"https?://", a)]
    if here and named and len(named) == len(audiences or []) and all(host_of(a) != here for a in named):
        words = ", ".join(a[:120] for a in named[:3])
        yield saw("jwt-of-other-audience", f"aud of the token is {words}, the FHIR server is {here}", token_aud=words, fhir_host=here)
    issuer, known = claims.get("iss"), m.facts.get("issuer")
    if isinstance(issuer, str) and isinstance(known, str) and known and host_of(issuer) != host_of(known):
        yield saw(
            "jwt-of-other-issuer",
            f"iss of the token is {issuer[:120]}, not {known[:120]}",
            token_iss=issuer[:120],
            known_issuer=known[:120],
        )
    expires, now = claims.get("exp"), m.facts.get("answered_at")
    if isinstance(expires, (int, float)) and isinstance(now, (int, float)) and now > expires and m.facts.get("token_expired") is None:
        yield saw("token-expired", f"exp of the token lies {now - expires:.0f} s before the time of the answer")
