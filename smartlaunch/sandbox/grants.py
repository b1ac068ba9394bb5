"""Which of the requested scopes are granted.

A grant is what was asked, cut to what the app is registered for, then to what the person may delegate, then to the boxes that
stay ticked at consent.  What is cut is left out of ``scope``, so the answer always tells the truth.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smartlaunch.sandbox.scopes import INTERACTIONS, ResourceScope, as_version_2, covered, parse_resource_scope

if TYPE_CHECKING:
    from smartlaunch.sandbox.config import Client, User
    from smartlaunch.sandbox.core import Sandbox

IDENTITY = ("openid", "fhirUser", "profile")
CONTEXT = ("launch", "launch/patient", "launch/encounter")
REFRESH = ("offline_access", "online_access")
PLAIN_SCOPES = IDENTITY + CONTEXT + REFRESH
_PLACE = re.compile(r"launch/location(\?role=[!#-\[\]-~]+)?")
_MISSPELT = re.compile(r"((?:patient|user)/(?:\*|[A-Z][A-Za-z]*)\.)([cruds]{2,5})")


def split(scope: str) -> list[str]:
    """Return the scopes of a scope value, each once, in order."""
    return list(dict.fromkeys(scope.split()))


def is_known(scope: str) -> bool:
    """Say whether this server knows what the scope means."""
    return scope in PLAIN_SCOPES or _PLACE.fullmatch(scope) is not None or parse_resource_scope(scope) is not None


def _written(scope: ResourceScope, resource_type: str, interactions: frozenset[str]) -> str:
    letters = "".join(letter for letter in INTERACTIONS if letter in interactions)
    query = "&".join(f"{name}={value}" for name, value in scope.parameters)
    return f"{scope.level}/{resource_type}.{letters}" + (f"?{query}" if query else "")


def _cut_to_registration(scope: str, asked: ResourceScope, registered: tuple[str, ...]) -> list[str]:
    """Return the parts of one requested scope that lie within the registration."""
    if covered(scope, registered):
        return [scope]
    parts = []
    for row in registered:
        limit = parse_resource_scope(row)
        if limit is None or limit.level != asked.level:
            continue
        both = asked.interactions & limit.interactions
        if limit.resource_type == asked.resource_type or asked.resource_type == "*":
            resource_type = limit.resource_type
        elif limit.resource_type == "*":
            resource_type = asked.resource_type
        else:
            continue
        if both and set(limit.parameters) <= set(asked.parameters):
            parts.append(_written(asked, resource_type, both))
    return parts


def _cut_to_rights(sandbox: Sandbox, scope: str, user: User) -> list[str]:
    """Return what is left of a scope for what this person may do."""
    parsed = parse_resource_scope(scope)
    if parsed is None:
        return [scope]
    left = parsed.interactions & frozenset(user.rights)
    if left == parsed.interactions or sandbox.defects("delegates_more_than_the_user_may"):
        return [scope]
    return [_written(parsed, parsed.resource_type, left)] if left else []


def grant(sandbox: Sandbox, client: Client, user: User, requested: list[str]) -> list[str]:  # noqa: C901 - one rule after the other
    """Return the scopes a person could grant to this app, in the order they were asked."""
    defects, variant = sandbox.defects, sandbox.variant
    granted: list[str] = []
    for scope in requested:
        parsed = parse_resource_scope(scope)
        if parsed is None:
            if _PLACE.fullmatch(scope):
                if "launch/location" in client.scopes and not ("?" in scope and defects("drops_context_scopes_with_a_role")):
                    granted.append(scope)
                continue
            misspelt = _MISSPELT.fullmatch(scope)
            if misspelt and defects("grants_misspelt_scopes"):
                granted += [scope, misspelt[1] + "".join(letter for letter in INTERACTIONS if letter in misspelt[2])]
                continue
            if scope not in PLAIN_SCOPES:
                if defects("grants_unknown_scopes"):
                    granted.append(scope)
                continue
            if scope in client.scopes or defects("grants_unregistered_plain_scopes"):
                granted.append(scope)
            continue
        if parsed.level == "system":
            if defects("grants_system_scopes_to_apps_with_users"):
                granted.append(scope)
            continue
        if defects("drops_wildcard_scopes") and parsed.resource_type == "*":
            continue
        if defects("drops_granular_scopes") and parsed.parameters:
            continue
        if defects("drops_version_1_scopes") and parsed.version == 1:
            continue
        if defects("drops_version_2_scopes") and parsed.version == 2:  # noqa: PLR2004 - the version's name
            continue
        if defects("drops_user_scopes") and parsed.level == "user":
            continue
        if defects("drops_patient_scopes") and parsed.level == "patient":
            continue
        if variant("knows_version_1_scopes_only") and parsed.version != 1:
            continue
        if variant("knows_version_2_scopes_only") and parsed.version == 1:
            continue
        within = _cut_to_registration(scope, parsed, client.scopes)
        if within != [scope] and defects("grants_scopes_outside_registration"):
            within = [scope]
        for part in within:
            granted += _cut_to_rights(sandbox, part, user)
    if "fhirUser" in granted and user.fhir_user is None and not defects("grants_fhir_user_without_a_resource"):
        granted.remove("fhirUser")
    if "openid" not in granted:
        granted = [scope for scope in granted if scope not in {"fhirUser", "profile"}]
    if "offline_access" in granted and "online_access" in granted:
        granted.remove("online_access")
    if variant("does_not_offer_refresh_tokens"):
        granted = [scope for scope in granted if scope not in REFRESH]
    if variant("does_not_offer_openid"):
        granted = [scope for scope in granted if scope not in IDENTITY]
    if variant("answers_version_1_scopes_in_version_2") or defects("rewrites_version_1_scopes"):
        granted = [as_version_2(scope) for scope in granted]
    if defects("grants_read_of_version_1_as_read_only"):
        granted = [f"{scope[:-4]}r" if scope.endswith(".read") else scope for scope in granted]
    if variant("grants_read_only"):
        granted = [part for scope in granted for part in _read_only(scope)]
    return list(dict.fromkeys(granted))


def _read_only(scope: str) -> list[str]:
    parsed = parse_resource_scope(scope)
    if parsed is None:
        return [scope]
    left = parsed.interactions & {"r", "s"}
    if left == parsed.interactions:
        return [scope]
    return [_written(parsed, parsed.resource_type, frozenset(left))] if left else []


def grant_system(sandbox: Sandbox, client: Client, requested: list[str]) -> list[str]:
    """Return the scopes of a client that acts for itself: within its pre-authorization, nothing of a person."""
    granted: list[str] = []
    for scope in requested:
        parsed = parse_resource_scope(scope)
        if parsed is None:
            continue
        if parsed.level != "system":
            if sandbox.defects("grants_patient_scopes_to_backend_services"):
                granted.append(scope)
            continue
        within = _cut_to_registration(scope, parsed, client.scopes)
        if within != [scope] and sandbox.defects("grants_system_scopes_outside_preauthorization"):
            within = [scope]
        granted += within
    return list(dict.fromkeys(granted))


def needs_patient(scopes: list[str]) -> bool:
    """Say whether any scope is restricted to one patient, so that one has to be in context."""
    return any(scope == "launch/patient" or scope.startswith("patient/") for scope in scopes)


def reordered(scopes: list[str]) -> list[str]:
    """Return the scopes in another order that is the same for the same set."""
    return sorted(scopes, reverse=True)
