"""Which of the requested scopes the vendor grants; the rest is left out without an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smartlaunch.embedded_ehr.scopes import parse_resource_scope

if TYPE_CHECKING:
    from smartlaunch.embedded_ehr.scopes import ResourceScope
    from smartlaunch.embedded_ehr.vendors.model import App, Vendor

_READ = frozenset("rs")


def granted(vendor: Vendor, app: App, requested: list[str]) -> list[str]:
    """Return the scopes that are granted, in alphabetical order as the vendor's answers have them."""
    return sorted({scope for scope in requested if _is_granted(vendor, app, scope)})


def _is_granted(vendor: Vendor, app: App, scope: str) -> bool:
    rules = vendor.raw["granting"]
    parsed = parse_resource_scope(scope)
    if parsed is not None:
        return _resource_is_granted(vendor, app, parsed)
    if scope in rules["only_of_persona"]:
        return bool(rules["only_of_persona"][scope] == app.type)
    if scope in rules["only_of_access"]:
        return bool(rules["only_of_access"][scope] == app.access)
    return scope in rules["always"] and app.type != "system"


def _resource_is_granted(vendor: Vendor, app: App, asked: ResourceScope) -> bool:
    rules = vendor.raw["granting"]
    if asked.resource_type == "*" or asked.text.endswith(".*"):
        return bool(rules["wildcards"])
    if f"v{asked.version}" != app.smart_version and not rules["other_version"]:
        return False
    if (asked.level == "system") != (app.type == "system") or asked.parameters:
        return False
    if rules["unregistered"]:
        return True
    boxes = app.boxes.get(asked.level, {})
    reading = not asked.interactions & _READ or asked.resource_type in boxes.get("read", ())
    writing = asked.interactions <= _READ or asked.resource_type in boxes.get("write", ())
    return reading and writing
