"""Which of the requested scopes are granted.

A grant is what was asked, cut to what the app is registered for, then to what the person may delegate, then to the boxes that
stay ticked at consent.  What is cut is left out of ``scope``, so the answer always tells the truth.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smartlaunch.embedded_ehr.fhir_interaction import types_of
from smartlaunch.embedded_ehr.scopes import INTERACTIONS, ResourceScope, as_version_2, covered, parse_resource_scope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smartlaunch.embedded_ehr.core import Sandbox
    from smartlaunch.embedded_ehr.registry import Client, User

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
        if asked.resource_type in (limit.resource_type, "*"):
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


def _granted_of(sandbox: Sandbox, client: Client, user: User, scope: str) -> list[str]:
    """Return what is granted for one requested scope: itself, parts of it, or nothing."""
    defects = sandbox.defects
    parsed = parse_resource_scope(scope)
    if parsed is None:
        return _granted_of_plain(sandbox, client, scope)
    if parsed.level == "system":
        return [scope] if defects("grants_system_scopes_to_apps_with_users") else []
    if _left_out(sandbox, parsed):
        return []
    within = _cut_to_registration(scope, parsed, client.scopes)
    if within != [scope] and defects("grants_scopes_outside_registration"):
        within = [scope]
    return [part for one in within for part in _cut_to_rights(sandbox, one, user)]


def _granted_of_plain(sandbox: Sandbox, client: Client, scope: str) -> list[str]:
    """Judge a scope that is not for FHIR resources."""
    defects = sandbox.defects
    if _PLACE.fullmatch(scope):
        refused = "?" in scope and defects("drops_context_scopes_with_a_role")
        return [scope] if "launch/location" in client.scopes and not refused else []
    misspelt = _MISSPELT.fullmatch(scope)
    if misspelt and defects("grants_misspelt_scopes"):
        return [scope, misspelt[1] + "".join(letter for letter in INTERACTIONS if letter in misspelt[2])]
    if scope not in PLAIN_SCOPES:
        malformed = '"' in scope and defects("accepts_malformed_scope_value")
        return [scope] if malformed or defects("grants_unknown_scopes") else []
    return [scope] if scope in client.scopes else []


def _left_out(sandbox: Sandbox, asked: ResourceScope) -> bool:
    """Say whether this server leaves out a whole kind of scopes."""
    defects, variant = sandbox.defects, sandbox.variant
    return (
        (asked.resource_type == "*" and (defects("drops_wildcard_scopes") or variant("grants_no_wildcard_scopes")))
        or (bool(asked.parameters) and (defects("drops_granular_scopes") or variant("knows_no_granular_scopes")))
        or asked.resource_type not in ("*", *types_of(variant))
        or (asked.version == 1 and (defects("drops_version_1_scopes") or variant("knows_version_2_scopes_only")))
        or (asked.version == 2 and (defects("drops_version_2_scopes") or variant("knows_version_1_scopes_only")))
        or (asked.version == 2 and variant("is_of_edition_1_0"))
        or (asked.level == "user" and (defects("drops_user_scopes") or variant("grants_no_user_scopes")))
        or (asked.level == "patient" and defects("drops_patient_scopes"))
    )


def grant(sandbox: Sandbox, client: Client, user: User, requested: list[str]) -> list[str]:
    """Return the scopes a person could grant to this app, in the order they were asked."""
    defects, variant = sandbox.defects, sandbox.variant
    if variant("grants_all_that_an_app_is_registered_for"):
        requested = [*requested, *(scope for scope in client.scopes if parse_resource_scope(scope) is not None)]
    granted = [part for scope in requested for part in _granted_of(sandbox, client, user, scope)]
    if "fhirUser" in granted and user.fhir_user is None and not defects("grants_fhir_user_without_a_resource"):
        granted.remove("fhirUser")
    if "openid" not in granted:
        granted = [scope for scope in granted if scope not in {"fhirUser", "profile"}]
    if "offline_access" in granted and "online_access" in granted:
        granted.remove("online_access")
    if variant("does_not_offer_refresh_tokens"):
        granted = [scope for scope in granted if scope not in REFRESH]
    for lasting in ("offline_access", "online_access"):
        if lasting in granted and variant(f"grants_no_{lasting}"):
            granted.remove(lasting)
    if variant("does_not_offer_openid"):
        granted = [scope for scope in granted if scope not in IDENTITY]
    if variant("answers_version_1_scopes_in_version_2") or defects("rewrites_version_1_scopes"):
        granted = [as_version_2(scope) for scope in granted]
    if variant("expands_wildcard_scopes"):
        granted = [part for scope in granted for part in _for_each_type(sandbox, scope)]
    for context, kind in (("launch/encounter", "Encounter"), ("launch/location", "Location")):
        if kind not in types_of(variant):
            granted = [scope for scope in granted if scope.partition("?")[0] != context]
    if variant("grants_read_only"):
        granted = [part for scope in granted for part in _read_only(scope)]
    if variant("merges_scopes_of_a_type"):
        granted = _merged(granted)
    return list(dict.fromkeys(granted))


def _merged(scopes: list[str]) -> list[str]:
    """Return the scopes in their shortest form: those that differ in their interactions only are one."""
    letters: dict[tuple[str, str, tuple[tuple[str, str], ...]], frozenset[str]] = {}
    first: dict[tuple[str, str, tuple[tuple[str, str], ...]], ResourceScope] = {}
    kept: list[str] = []
    for scope in scopes:
        parsed = parse_resource_scope(scope)
        if parsed is None or parsed.version != 2:
            kept.append(scope)
            continue
        key = (parsed.level, parsed.resource_type, parsed.parameters)
        first.setdefault(key, parsed)
        letters[key] = letters.get(key, frozenset()) | parsed.interactions
    return [*kept, *(_written(first[key], key[1], letters[key]) for key in letters)]


def _read_only(scope: str) -> list[str]:
    parsed = parse_resource_scope(scope)
    if parsed is None:
        return [scope]
    left = parsed.interactions & {"r", "s"}
    if left == parsed.interactions:
        return [scope]
    return [_written(parsed, parsed.resource_type, frozenset(left))] if left else []


def _for_each_type(sandbox: Sandbox, scope: str) -> list[str]:
    """Return a wildcard scope as the types that this server has, each by its name."""
    parsed = parse_resource_scope(scope)
    if parsed is None or parsed.resource_type != "*":
        return [scope]
    return [scope.replace("/*.", f"/{kind}.", 1) for kind in types_of(sandbox.variant)]


def grant_system(sandbox: Sandbox, client: Client, requested: list[str]) -> list[str]:
    """Return the scopes of a client that acts for itself: within its pre-authorization, nothing of a person."""
    granted: list[str] = []
    for scope in requested:
        if scope != requested[0] and requested[0] in granted and sandbox.defects("looks_at_the_first_scope_of_backend_services_only"):
            granted.append(scope)
            continue
        parsed = parse_resource_scope(scope)
        if parsed is None:
            continue
        if parsed.level != "system":
            if sandbox.defects("grants_patient_scopes_to_backend_services"):
                granted.append(scope)
            continue
        if parsed.resource_type not in ("*", *types_of(sandbox.variant)):
            continue
        within = _cut_to_registration(scope, parsed, client.scopes)
        if within != [scope] and sandbox.defects("grants_system_scopes_outside_preauthorization"):
            within = [scope]
        if parsed.resource_type == "*" and within != [scope] and sandbox.defects("grants_wildcards_outside_preauthorization"):
            within = [scope]
        if within and within != [scope] and sandbox.defects("grants_interactions_outside_preauthorization"):
            within = [scope]
        if parsed.version == 1 and within != [scope] and sandbox.defects("compares_no_version_1_scopes_of_backend_services"):
            within = [scope]
        if parsed.parameters and within and sandbox.defects("widens_granular_scopes_of_backend_services"):
            within = [scope.partition("?")[0]]
        granted += within
    return list(dict.fromkeys(granted))


def needs_patient(scopes: list[str]) -> bool:
    """Say whether any scope is restricted to one patient, so that one has to be in context."""
    return any(scope == "launch/patient" or scope.startswith("patient/") for scope in scopes)


def listed(sandbox: Sandbox, scopes: Iterable[str]) -> list[str]:
    """Return the scopes that answers about a token list."""
    without_context = sandbox.variant("leaves_launch_scopes_out_of_the_answer")
    without_lasting = sandbox.variant("leaves_offline_access_out_of_the_answer")
    kept = [one for one in scopes if not without_context or one.partition("/")[0] != "launch"]
    return [one for one in kept if not without_lasting or one != "offline_access"]


def reordered(scopes: list[str]) -> list[str]:
    """Return the scopes in another order that is the same for the same set."""
    return sorted(scopes, reverse=True)
