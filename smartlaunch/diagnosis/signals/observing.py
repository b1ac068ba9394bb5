"""All predicates, run over one material."""

from __future__ import annotations

from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.signals import (
    authorization_request,
    client,
    cors,
    discovery,
    fhir_access,
    issuers,
    launch,
    quoted_values,
    redirect_uri,
    scope_lists,
    server,
    session,
    setting,
    token,
    told,
    words,
)
from smartlaunch.diagnosis.signals.signal import PREDICATES, Signal
from smartlaunch.diagnosis.vendor import Vendor

SUBJECTS = (
    authorization_request,
    quoted_values,
    client,
    cors,
    discovery,
    fhir_access,
    issuers,
    launch,
    redirect_uri,
    scope_lists,
    server,
    session,
    setting,
    token,
    told,
    words,
)
"""The modules whose predicates are run; importing them enters their predicates into the list."""


def observe(m: Material, vendor: Vendor) -> dict[str, Signal]:
    """Everything the predicates see; the first sighting of a name counts."""
    found: dict[str, Signal] = {}
    for look in PREDICATES:
        for signal in look(m, vendor):
            found.setdefault(signal.name, signal)
    return found
