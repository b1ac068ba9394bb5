"""What a browser kept from the app."""

from __future__ import annotations

import re
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
    address = f.get("cors_address") or ""
    step = f.get("cors_missing") or ""
    path = address.partition("?")[0].rstrip("/").lower()
    if step == "authorize" or re.search(r"/(?:authori[sz]e|authorization|openid-connect/auth|oauth2?/auth)$", path):
        yield saw("cors-at-authorize", "the refused address is the authorization endpoint", address=path or "the authorization endpoint")
    elif step in ("token", "introspect", "revoke") or re.search(
        r"/(?:token|introspect|revoke|revocation|userinfo|openid-configuration|jwks(?:\.json)?|certs)$", path
    ):
        yield saw(
            "cors-at-authorization-server", "the refused address is one of the authorization server", address=path or "its token endpoint"
        )
    if f.get("mixed_content"):
        address = str(f["mixed_content"]) if f["mixed_content"] is not True else ""
        yield saw("mixed-content", "the page is https and asks an address over http", **({"address": address} if address else {}))
    if f.get("console_status") and not f.get("console_cors"):
        yield saw("answer-readable", f"the console shows the status {f['console_status']} and no cross-origin refusal")
    if f.get("from_browser"):
        yield saw("from-browser", "the request was made by a script in a browser")
