"""All predicates, run over one material."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from smartlaunch.diagnosis import signals
from smartlaunch.diagnosis.material import Material
from smartlaunch.diagnosis.signals.signal import PREDICATES, Signal
from smartlaunch.diagnosis.vendor import Vendor

for _module in iter_modules(signals.__path__):
    import_module(f"{signals.__name__}.{_module.name}")  # which enters its predicates into the list


def observe(m: Material, vendor: Vendor) -> dict[str, Signal]:
    """Everything the predicates see; the first sighting of a name counts."""
    found: dict[str, Signal] = {}
    for look in PREDICATES:
        for signal in look(m, vendor):
            found.setdefault(signal.name, signal)
    return found
