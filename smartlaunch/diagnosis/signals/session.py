"""State, cookies and frames."""

from __future__ import annotations

from collections.abc import Iterator

from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.signals.signal import Signal, predicate, saw
from smartlaunch.diagnosis.vendor import Vendor


@predicate
def sessions(m: Material, _vendor: Vendor) -> Iterator[Signal]:
    """State, cookies and who is signed in."""
    f, at = m.facts, m.fact_of
    if f.get("state_returned") is False and f.get("state_present"):
        name = "state-not-in-error" if m.errors else "state-not-returned"
        yield saw(name, "the server did not send the state back", at.get("state_returned", ""))
    elif f.get("state_returned_equal") is False and f.get("state_present", True):
        yield saw("state-changed", "the state that came back is not the one sent", at.get("state_returned_equal", ""))
    if f.get("cookie_lost"):
        yield saw("cookie-lost", "the app's session cookie set at the launch was not sent to the redirect URI", at.get("cookie_lost", ""))
    if f.get("third_party_cookie"):
        yield saw(
            "third-party-cookie",
            "the app sets its session cookie in a frame without SameSite=None; Secure",
            at.get("third_party_cookie", ""),
        )
    if f.get("frame_refused"):
        yield saw("frame-refused", "a page answered in a frame forbids being framed", at.get("frame_refused", ""))
