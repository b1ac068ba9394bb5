"""All predicates, run over one material."""

from __future__ import annotations

from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.signals import (  # noqa: F401 - importing a module enters its predicates into the list
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


def observe(m: Material, vendor: Vendor) -> dict[str, Signal]:
    """Everything the predicates see; the first sighting of a name counts."""
    found: dict[str, Signal] = {}
    for look in PREDICATES:
        for signal in look(m, vendor):
            found.setdefault(signal.name, signal)
    return found
