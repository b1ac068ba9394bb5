"""Messages that break a rule whatever the client did."""

from __future__ import annotations

from collections.abc import Iterator

from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.signals.signal import Signal, predicate, saw
from smartlaunch.diagnosis.vendor import Vendor


@predicate
def server_faults(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """Messages that break a rule whatever the client did."""
    f, at = m.facts, m.fact_of
    if f.get("id_token_issuer_differs"):
        yield saw(
            "id-token-issuer-differs",
            "the iss claim of the ID Token is not the issuer that was discovered",
            at.get("id_token_issuer_differs", ""),
        )
    if f.get("token_without_scope"):
        yield saw("token-without-scope", "the token answer has no scope", at.get("token_without_scope", ""))
    if f.get("token_not_json"):
        yield saw("token-not-json", "the token answer is not JSON", at.get("token_not_json", ""))
    if f.get("unreachable"):
        yield saw("unreachable", f"no answer came: {f['unreachable']}", at.get("unreachable", ""))
