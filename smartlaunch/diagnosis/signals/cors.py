"""What a browser kept from the app."""

from __future__ import annotations

from collections.abc import Iterator

from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.signals.signal import Signal, predicate, saw
from smartlaunch.diagnosis.vendor import Vendor


@predicate
def cross_origin(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """What a browser kept from the app."""
    f, at = m.facts, m.fact_of
    if f.get("cors_wildcard_with_credentials"):
        yield saw(
            "cors-credentials",
            "a request with cookies was answered with Access-Control-Allow-Origin: *",
            at.get("cors_wildcard_with_credentials", ""),
        )
    if f.get("cors_missing"):
        yield saw(
            "cors-missing",
            f"the {f['cors_missing']} answer to a cross-origin request has no Access-Control-Allow-Origin",
            at.get("cors_missing", ""),
        )
    if f.get("cors_other_origin"):
        yield saw("cors-other-origin", "the answer allows another origin than the one that asked", at.get("cors_other_origin", ""))
    if f.get("from_browser"):
        yield saw("from-browser", "the request was made by a script in a browser")
