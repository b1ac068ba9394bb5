"""Checks on the launch context beside the access token (SMART "Launch context arrives with your access_token").

Whether a member may be absent depends on the launch, so the step decides that; a check judges what is there, or that it is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from smartlaunch.checks.fhir_answer import describe, found, refused_read
from smartlaunch.checks.members import Findings, absent, absolute_url, advice, objects_in, show
from smartlaunch.checks.resource_types import BY_LOWER_CASE, RESOURCE_TYPES, is_id, relative_reference
from smartlaunch.checks.token_response import CONTEXT_MEMBERS
from smartlaunch.exchange import Exchange
from smartlaunch.finding import Finding, Kind, Outcome, Side

_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.\-]*:\S+$")
_GONE = (404, 410)
DEFINED_ROLES = frozenset({"launch"})
"""The roles of ``fhirContext`` items that the guide itself defines."""


_OF_DETAILS: dict[str, Callable[[object], bool]] = {
    "scope": lambda value: isinstance(value, str),
    "patient": is_id,
    "encounter": is_id,
    "fhirContext": lambda value: isinstance(value, list),
}
"""What an item of ``authorization_details`` may hold besides, as at the top level."""


def authorization_details(requirement: str, token: Exchange) -> Findings:
    """Each item of ``authorization_details`` tells its type, its FHIR servers and their versions."""
    value = token.answer.object.get("authorization_details")
    words = "`authorization_details`: objects with `type` `smart_on_fhir` and the arrays `locations` and `fhirVersions`"
    pointer = "/authorization_details"
    if not isinstance(value, list):
        return [Finding(requirement, words, f"it is {show(value)}", token.id, pointer)]
    problems: list[tuple[int, str]] = []
    for number, item in enumerate(value):
        if not isinstance(item, dict):
            problems.append((number, f"it is {show(item)}"))
        elif item.get("type") == "smart_on_fhir" or "locations" in item:
            problems += [(number, f"`type` is {show(item.get('type'))}")] if item.get("type") != "smart_on_fhir" else []
            problems += [
                (number, f"`{name}` is {show(item[name])}" if name in item else f"it has no `{name}`")
                for name in ("locations", "fhirVersions")
                if not isinstance(item.get(name), list) or not item[name] or not all(isinstance(v, str) for v in item[name])
            ]
            problems += [
                (number, f"`{name}` is {show(item[name])}") for name, fits in _OF_DETAILS.items() if name in item and not fits(item[name])
            ]
    return [Finding(requirement, words, problem, token.id, f"{pointer}/{number}") for number, problem in problems]


def present(requirement: str, token: Exchange, name: str, why: str) -> Findings:
    """A member of launch context is there."""
    if name in token.answer.object:
        return []
    return [Finding(requirement, f"`{name}` in the token response, {why}", absent(token), token.id, f"/{name}")]


def asked_context(requirement: str, token: Exchange, names: Iterable[str]) -> Findings:
    """Each member of launch context that the app asked for, and was granted, is there."""
    return [finding for name in names for finding in present(requirement, token, name, "because its scope was granted")]


def absent_context(token: Exchange, names: Iterable[str], declared: Iterable[str] = ()) -> Findings:
    """Context that was asked for and did not come: an expectation, which fails only where the target file declares it."""
    failing = set(declared)
    return [
        Finding(
            "EXPECT-context",
            f"`{name}` in the token response, because it was asked for",
            absent(token),
            token.id,
            f"/{name}",
            kind=Kind.EXPECTATION,
            side=Side.UNDECIDED,
            severity=Outcome.FAILED if name in failing else Outcome.WARNING,
        )
        for name in names
        if name not in token.answer.object
    ]


def top_level(requirement: str, token: Exchange) -> Findings:
    """Launch context stands at the top level of the token response and inside no other member."""
    body = token.answer.object
    return [
        Finding(requirement, f"`{name}` at the top level, beside `access_token`", f"it is inside `{outer}`", token.id, f"/{outer}/{name}")
        for outer, value in body.items()
        if isinstance(value, dict)
        for name in CONTEXT_MEMBERS
        if name in value and name not in body
    ]


def resource_id(requirement: str, token: Exchange, name: str, resource_type: str) -> Findings:
    """A member that names a resource by its id is a string with a FHIR id, no reference and no object."""
    value = token.answer.object.get(name)
    if name not in token.answer.object or is_id(value):
        return []
    hint = ", which is a reference and no id" if relative_reference(value) else ""
    return [
        Finding(requirement, f"`{name}`: a string with the id of the {resource_type}", f"it is {show(value)}{hint}", token.id, f"/{name}")
    ]


def boolean_member(requirement: str, token: Exchange, name: str) -> Findings:
    """A member, where it is there, is a JSON boolean."""
    value = token.answer.object.get(name)
    if name not in token.answer.object or isinstance(value, bool):
        return []
    return [Finding(requirement, f"`{name}`: true or false as JSON booleans", f"it is {show(value)}", token.id, f"/{name}")]


def string_member(requirement: str, token: Exchange, name: str) -> Findings:
    """A member, where it is there, is a JSON string."""
    value = token.answer.object.get(name)
    if name not in token.answer.object or isinstance(value, str):
        return []
    return [Finding(requirement, f"`{name}`: a JSON string", f"it is {show(value)}", token.id, f"/{name}")]


def absolute_member(requirement: str, token: Exchange, name: str) -> Findings:
    """A member, where it is there, is a string with an absolute URL."""
    body = token.answer.object
    problem = absolute_url(body[name]) if name in body else ""
    return [Finding(requirement, f"`{name}`: an absolute URL", problem, token.id, f"/{name}")] if problem else []


def document_fetched(requirement: str, answer: Exchange) -> Findings:
    """The document can be fetched without a token."""
    if 200 <= answer.answer.status < 300:
        return []
    return [Finding(requirement, "the style document, with status 200", f"status {answer.answer.status}", answer.id, "status")]


def style_document(requirement: str, answer: Exchange) -> Findings:
    """The style document is a JSON object with at least one style property."""
    document = answer.answer.json
    if isinstance(document, dict) and any(re.match(r"(color|dim|font)_", name) for name in document):
        return []
    actual = answer.answer.json_error or (
        "it has none of the properties" if isinstance(document, dict) else f"the body is {show(document)}"
    )
    return [Finding(requirement, "a JSON object with style properties such as `color_background`", actual, answer.id, "body")]


def style_stays(requirement: str, first: Exchange, second: Exchange) -> Findings:
    """What stands at a style URL stays what it is: the URL is the version of its contents."""
    one, two = first.answer.json, second.answer.json
    if not isinstance(one, dict) or not isinstance(two, dict) or one == two:
        return []
    changed = sorted(name for name in {*one, *two} if one.get(name) != two.get(name))
    said = f"{', '.join(f'`{name}`' for name in changed[:3])} changed while the URL stayed"
    return [Finding(requirement, "one style document at one URL", said, second.id, "body")]


def names_resource(requirement: str, read: Exchange, name: str, resource_type: str, wanted: str) -> Findings:
    """The id in the token response is that of a resource which the token reads.

    An absent or another resource breaks the rule. Any other refusal may be the server's policy and is an expectation only.
    """
    answer = read.answer
    words = f"the {resource_type} that `{name}` of the token response names"
    if answer.status in _GONE:
        return [Finding(requirement, words, describe(read), read.id, "status", side=Side.FHIR_SERVER)]
    body = answer.object
    if 200 <= answer.status < 300:
        if body.get("resourceType") == resource_type and body.get("id") == wanted:
            return []
        same = "another one" if body.get("resourceType") == resource_type else describe(read)
        return [Finding(requirement, words, f"the FHIR server answered with {same}", read.id, "body", side=Side.FHIR_SERVER)]
    return refused_read(read, words)


def only_patient(requirement: str, search: Exchange, patient: str) -> Findings:
    """A search of Patient under ``patient/`` scopes alone finds no patient but the one in context, and records linked to that one."""
    seen = found(search, "Patient")
    linked = {one for r in seen if r.get("id") == patient for one in _links(r)}
    others = [r for r in seen if r.get("id") != patient and r.get("id") not in linked and patient not in _links(r)]
    if not others:
        return []
    words = "`patient/` scopes that reach the patient whom the token response names"
    return [Finding(requirement, words, f"they reach {len(others)} other patients", search.id, "body", side=Side.FHIR_SERVER)]


def _links(resource: Mapping[str, Any]) -> set[str]:
    """The patients that a record says are the same person."""
    links = resource.get("link")
    others = [link.get("other") for link in links if isinstance(link, dict)] if isinstance(links, list) else []
    references = [other.get("reference") for other in others if isinstance(other, dict)]
    return {reference.split("/_history/")[0].rsplit("/", 1)[-1] for reference in references if isinstance(reference, str)}


def names_a_patient(read: Exchange) -> bool:
    """Whether an Encounter came whose subject is a patient by reference."""
    subject = next(iter(found(read, "Encounter")), {}).get("subject")
    reference = subject.get("reference") if isinstance(subject, dict) else None
    return isinstance(reference, str) and reference.split("/_history/")[0].split("/")[-2:-1] == ["Patient"]


def encounter_of_patient(requirement: str, read: Exchange, patient: str) -> Findings:
    """The Encounter's subject is the patient in context."""
    encounter = next(iter(found(read, "Encounter")), {})
    subject = encounter.get("subject")
    reference = subject.get("reference") if isinstance(subject, dict) else None
    if not isinstance(reference, str) or "/" not in reference:
        return []
    kind, identifier = reference.split("/_history/")[0].split("/")[-2:]
    if kind != "Patient" or identifier == patient:
        return []
    return [
        Finding(
            requirement, "an Encounter of the patient in context", "it is an Encounter of another patient", read.id, "/subject/reference"
        )
    ]


def same_value(requirement: str, token: Exchange, name: str, wanted: str, source: str) -> Findings:
    """A context member has the value that the launch is known to have."""
    actual = token.answer.object.get(name)
    if actual == wanted:
        return []
    words = f"it is {show(actual)}" if name in token.answer.object else absent(token)
    return [Finding(requirement, f"`{name}`: {show(wanted)}, {source}", words, token.id, f"/{name}")]


def expected_value(requirement: str, token: Exchange, name: str, wanted: str, source: str, *, declared: bool) -> Findings:
    """As ``same_value``, but of kind expectation: a warning unless the target file declares the value."""
    severity = Outcome.FAILED if declared else Outcome.WARNING
    return [
        Finding(f.requirement, f.expected, f.actual, f.exchange, f.pointer, kind=Kind.EXPECTATION, side=Side.UNDECIDED, severity=severity)
        for f in same_value(requirement, token, name, wanted, source)
    ]


# -- fhirContext ----------------------------------------------------------------------------------------------------------


def fhir_context_array(token: Exchange, edition: str) -> Findings:
    """``fhirContext`` as the edition has it; the rule that binds is named here because the edition decides which one does."""
    rule = "SMART-2.2-scopes-and-launch-context-fhir-context-a"
    return fhir_context_strings(f"{rule}-strings", token) if edition == "2.0" else fhir_context_objects(rule, token)


def fhir_context_objects(requirement: str, token: Exchange) -> Findings:
    """``fhirContext`` is an array of objects (from the edition after 2.0 on)."""
    value = token.answer.object.get("fhirContext")
    words = "`fhirContext`: an array of objects"
    if not isinstance(value, list):
        return [Finding(requirement, words, f"it is {show(value)}", token.id, "/fhirContext")]
    return [
        Finding(requirement, words, f"item {number} is {show(item)}", token.id, f"/fhirContext/{number}")
        for number, item in enumerate(value)
        if not isinstance(item, dict)
    ]


def fhir_context_strings(requirement: str, token: Exchange) -> Findings:
    """``fhirContext`` is an array of relative references to other types than Patient and Encounter (edition 2.0)."""
    value = token.answer.object.get("fhirContext")
    words = "`fhirContext`: an array of relative references such as `Appointment/123`, none to a Patient or Encounter"
    if not isinstance(value, list):
        return [Finding(requirement, words, f"it is {show(value)}", token.id, "/fhirContext")]
    found: Findings = []
    for number, item in enumerate(value):
        parsed = relative_reference(item)
        if parsed is None or parsed[0] in ("Patient", "Encounter"):
            found.append(Finding(requirement, words, f"item {number} is {show(item)}", token.id, f"/fhirContext/{number}"))
    return found


def no_patient_without_role(requirement: str, token: Exchange) -> Findings:
    """A Patient or Encounter stands in ``fhirContext`` only with a role other than launch."""
    return [
        Finding(
            requirement,
            f"no {kind} in `fhirContext` unless its `role` is another than `launch`",
            f"item {number} is a {kind} with {'the role launch' if item.get('role') else 'no role'}",
            token.id,
            f"/fhirContext/{number}",
        )
        for number, item in objects_in(token, "fhirContext")
        for kind in [_type_of(item)]
        if kind in ("Patient", "Encounter") and item.get("role") in (None, "", "launch")
    ]


def item_names_something(requirement: str, token: Exchange) -> Findings:
    """Each item has ``reference``, ``canonical`` or ``identifier``."""
    return [
        Finding(
            requirement,
            "`reference`, `canonical` or `identifier` in each item",
            f"item {number} has {', '.join(sorted(item)) or 'no members'}",
            token.id,
            f"/fhirContext/{number}",
        )
        for number, item in objects_in(token, "fhirContext")
        if not {"reference", "canonical", "identifier"} & set(item)
    ]


def item_member(requirement: str, token: Exchange, name: str) -> Findings:
    """A member of the items has its form wherever it is there."""
    words, rule = _FORMS[name]
    return [
        Finding(requirement, f"`{name}`: {words}", f"item {number} has {show(item[name])}", token.id, f"/fhirContext/{number}/{name}")
        for number, item in objects_in(token, "fhirContext")
        if name in item and not rule(item[name])
    ]


def item_has_type(requirement: str, token: Exchange) -> Findings:
    """An item with ``identifier`` or ``canonical`` tells its ``type``."""
    return [
        Finding(
            requirement, "`type` beside `identifier` or `canonical`", f"item {number} has no `type`", token.id, f"/fhirContext/{number}"
        )
        for number, item in objects_in(token, "fhirContext")
        if {"identifier", "canonical"} & set(item) and "reference" not in item and "type" not in item
    ]


def item_type_agrees(requirement: str, token: Exchange) -> Findings:
    """The ``type`` of an item is that of its ``reference``; a canonical whose path names another type only looks so, and is advice."""
    found: Findings = []
    for number, item in objects_in(token, "fhirContext"):
        kind = item.get("type")
        for name in ("reference", "canonical"):
            parts = urlsplit(str(item.get(name, ""))).path.split("/_history/")[0].rstrip("/").split("/")
            named = parts[-2] if len(parts) > 1 and parts[-2] in RESOURCE_TYPES else ""
            if isinstance(kind, str) and kind in RESOURCE_TYPES and named and named != kind:
                one = Finding(
                    requirement,
                    f"the `type` of what `{name}` names",
                    f"item {number} has the type {kind} and names a {named}",
                    token.id,
                    f"/fhirContext/{number}/type",
                )
                found += [one] if name == "reference" else advice([one])
    return found


def own_roles_absolute(requirement: str, token: Exchange) -> Findings:
    """A role that the guide does not define is an absolute URI."""
    return [
        Finding(
            requirement, "`launch`, or an absolute URI", f"item {number} has the role {show(role)}", token.id, f"/fhirContext/{number}/role"
        )
        for number, item in objects_in(token, "fhirContext")
        for role in [item.get("role")]
        if isinstance(role, str) and role and role not in DEFINED_ROLES and not _SCHEME.match(role)
    ]


def role_not_empty(requirement: str, token: Exchange) -> Findings:
    """No ``role`` is the empty string."""
    return [
        Finding(
            requirement,
            "a `role` that is not empty, or none",
            f"item {number} has an empty `role`",
            token.id,
            f"/fhirContext/{number}/role",
        )
        for number, item in objects_in(token, "fhirContext")
        if item.get("role") == ""
    ]


def holds_type(requirement: str, token: Exchange, resource_type: str) -> Findings:
    """``fhirContext`` has an item of a type."""
    if resource_type in context_types(token):
        return []
    actual = f"it has {', '.join(sorted(context_types(token))) or 'no types'}" if "fhirContext" in token.answer.object else absent(token)
    return [Finding(requirement, f"`fhirContext` with an item of the type {resource_type}", actual, token.id, "/fhirContext")]


def context_types(token: Exchange) -> set[str]:
    """The resource types of the items of ``fhirContext``, as far as they tell: objects, or the relative references of edition 2.0."""
    value = token.answer.object.get("fhirContext")
    items = value if isinstance(value, list) else []
    referred = {parsed[0] for item in items if isinstance(item, str) for parsed in [relative_reference(item)] if parsed}
    return referred | {kind for item in items if isinstance(item, dict) for kind in [_type_of(item)] if kind}


def items_with(token: Exchange, name: str) -> int:
    """How many items of ``fhirContext`` have a member."""
    return sum(name in item for _, item in objects_in(token, "fhirContext"))


def scope_type(scope: str) -> str:
    """The resource type that a ``launch/<type>`` scope asks for, or an empty string for Patient, Encounter and other scopes."""
    head, _, tail = scope.partition("/")
    name = BY_LOWER_CASE.get(tail.partition("?")[0], "")
    return name if head == "launch" and name not in ("Patient", "Encounter") else ""


def _type_of(item: Mapping[str, Any]) -> str:
    if isinstance(item.get("type"), str):
        return str(item["type"])
    reference = item.get("reference")
    if not isinstance(reference, str):
        return ""
    parts = urlsplit(reference).path.split("/_history/")[0].strip("/").split("/")
    return parts[-2] if len(parts) > 1 and parts[-2] in RESOURCE_TYPES else ""


def _is_identifier(value: object) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and set(value) <= {"id", "extension", "use", "type", "system", "_system", "value", "_value", "period", "assigner"}
    )


_FORMS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "reference": ("a relative reference such as `Appointment/123`", lambda v: relative_reference(v) is not None),
    "canonical": ("a string with a canonical URL", lambda v: isinstance(v, str) and bool(_SCHEME.match(v))),
    "identifier": ("a FHIR Identifier object", _is_identifier),
    "type": ("the name of a FHIR resource type", lambda v: isinstance(v, str) and v in RESOURCE_TYPES),
    "role": ("a string with a URI", lambda v: isinstance(v, str) and not re.search(r"[\s<>\"{}|\\^`]", v)),
}
