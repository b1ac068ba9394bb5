"""The launch value and what it has to do with the scopes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from smartlaunch.diagnosis import scopes
from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.signals.signal import Signal, predicate, saw
from smartlaunch.diagnosis.vendor import Vendor


@predicate
def launch(m: Material, vendor: Vendor) -> Iterator[Signal]:
    """The launch value and what it has to do with the scopes."""
    f, at = m.facts, m.fact_of
    asked = m.requested
    if m.launch_value:
        yield saw("launch-value-given", "a launch value was sent", at.get("launch_present", ""))
    if m.launch_value == "" and asked is not None and "launch" in asked:
        yield saw("launch-scope-without-value", "the launch scope was requested without a launch value", at.get("launch_present", ""))
        if m.source not in ("har", "run") and not m.errors and not m.urns and not any(m.texts("server")):
            yield saw("request-alone", "nothing but the request is known, and it may be cut off")
    if m.launch_value and asked is not None and asked.whole and "launch" not in asked:
        yield saw("launch-value-without-scope", "a launch value was sent without the launch scope", at.get("launch_present", ""))
    if f.get("launch_equal") is False:
        yield saw("launch-value-invented", "the launch value sent is not the one the EHR gave", at.get("launch_equal", ""))
    if f.get("launch_reused"):
        yield saw("launch-value-reused", "the launch value was used in an earlier authorization request", at.get("launch_reused", ""))
    if f.get("launch_opened_bare"):
        yield saw("opened-without-iss", "the launch URL was opened without iss and launch", at.get("launch_opened_bare", ""))
    if m.launch_uri and m.source == "url" and "iss" not in f:
        yield saw("opened-without-iss", "the URL has no iss")
    if re.search(r"\b404\b|not found|refused to connect|cannot get\b", m.launch_uri, re.IGNORECASE):
        yield saw("launch-page-missing", f"the launch URI does not answer: {m.launch_uri[:120]}")
    for pattern, because in vendor.bad_launches:
        if re.search(pattern, m.launch_uri):
            yield saw("launch-link-malformed", because, because=because)
    context = f.get("context")
    wants = asked is not None and any(s in ("launch", "launch/patient") or scopes.context_of(s) == "patient" for s in asked.items)
    if isinstance(context, list) and "patient" not in context and f.get("token_issued") and wants:
        yield saw("token-without-patient", "the token answer names no patient", at.get("context", ""))
