"""What kind of app, launch and client it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from smartlaunch.diagnosis.inputs.weblinks import host_of
from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.signals.signal import Signal, predicate, saw
from smartlaunch.diagnosis.vendor import Vendor

BY_HAND = 15
"""From how many words of one's own on an address is taken for one that may have been shortened for reading."""


def by_hand(m: Material) -> bool:
    """Whether somebody tells a story in own words, in which addresses are shortened and ids hidden."""
    return m.source == "text" and sum(len(said.text.split()) for said in m.texts("asker")) >= BY_HAND


@predicate
def setting(m: Material, vendor: Vendor) -> Iterator[Signal]:
    """Kind of app, kind of launch, kind of client."""
    app = m.app_type
    system = app == "system" or m.grant_type == "client_credentials"
    if system:
        yield saw("is-system", "the app is a system app that uses client_credentials" if m.grant_type else "the app is a system app")
    if m.grant_type:
        yield saw(f"grant:{m.grant_type}", f"the token request uses grant_type {m.grant_type}")
    if m.persona == "provider" or app == "provider":
        yield saw("is-provider", "the app or the persona is provider")
    if m.persona and app in ("patient", "provider") and m.persona in ("patient", "provider") and m.persona != app:
        yield saw(
            "persona-differs", f"the app is of type {app}, the authorize path is of persona {m.persona}", persona=m.persona, app_type=app
        )
    if by_hand(m):
        yield saw("copied-by-hand", "the addresses stand in somebody's own words, where people cut them short")
    if m.privacy:
        yield saw(f"is-{m.privacy}", f"the client is {m.privacy}")
    if m.privacy == "public" and "public-no-refresh" in vendor.traits:
        yield saw("public-no-refresh", f"{vendor.name} gives no refresh token to public clients")
    if m.access_type:
        yield saw(f"access-{m.access_type}", f"the registration's type of access is {m.access_type}")
    kind = m.launch_type.lower()
    if re.search(r"\behr\b|console|portal|powerchart|mpage|embedded|iframe|hyperspace|within the ehr", kind) and not kind.startswith(
        "standalone"
    ):
        yield saw("is-ehr-launch", f"the launch is an EHR launch ({m.launch_type[:80]})")
    elif "standalone" in kind:
        yield saw("is-standalone", "the launch is standalone")
    if re.search(r"\bi-?frames?\b|\bframed?\b|embedded|within the ehr user interface|powerchart|hyperspace", kind) or m.facts.get("frame"):
        yield saw("in-frame", "the app runs inside a frame or an embedded browser", m.fact_of.get("frame", ""))
    if (m.launch_uri or m.redirect_sent).startswith("http://"):
        yield saw("plain-http-app", f"the app is served over plain http ({host_of(m.launch_uri or m.redirect_sent)})")
