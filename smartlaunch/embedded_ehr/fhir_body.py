"""What comes in the body of a FHIR request: a resource of a type, or a JSON Patch of one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from smartlaunch.embedded_ehr.core import parse_json
from smartlaunch.embedded_ehr.fhir_refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smartlaunch.embedded_ehr.fhir_store import Resource

_SHAPES = {
    **dict.fromkeys(("meta", "text", "code", "subject", "patient", "encounter", "valueQuantity", "class", "period"), dict),
    **dict.fromkeys(("category", "extension", "component", "dosageInstruction", "telecom"), list),
}
"""What the elements are that this server looks at, whatever the type of the resource."""


def resource_body(body: Any, kind: str) -> Resource:
    """Return the resource that a body holds, or refuse it."""
    if not isinstance(body, dict):
        raise Refused(400, "structure", "The request body has to be a resource.")
    if body.get("resourceType") != kind:
        raise Refused(400, "invalid", f"The request body has to be a {kind}.")
    _require_shape(body)
    return body


def _require_shape(body: Resource) -> None:
    """Refuse a member that is no FHIR where this server looks at it: what is stored is read by searches and by the chart."""
    for name, kind in _SHAPES.items():
        if name in body and not isinstance(body[name], kind):
            raise Refused(400, "structure", f"The element {name} has another structure.")
    inside: list[Any] = [body]
    while inside:
        one = inside.pop()
        if isinstance(one, dict):
            objects = [item for name in ("coding", "extension") if name in one for item in _items(one, name)]
            if not all(isinstance(item, dict) for item in objects) or not isinstance(one.get("reference", ""), str):
                raise Refused(400, "structure", "A coding, extension or reference has another structure.")
            inside += one.values()
        elif isinstance(one, list):
            inside += one


def _items(holder: Resource, name: str) -> list[Any]:
    found = holder[name]
    return found if isinstance(found, list) else [None]


def patched(resource: Resource, operations: list[Any]) -> Resource:
    """Apply a JSON Patch (RFC 6902: add, remove, replace, test)."""
    result: Any = json.loads(json.dumps(resource))
    for operation in operations:
        try:
            keys = [part.replace("~1", "/").replace("~0", "~") for part in str(operation["path"]).split("/")[1:]]
            holder = result
            for key in keys[:-1]:
                holder = holder[int(key)] if isinstance(holder, list) else holder[key]
            _patch_one(holder, keys[-1], operation)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise Refused(422, "processing", "The patch does not fit the resource.") from error
    if not isinstance(result, dict):
        raise Refused(422, "processing", "The patch does not leave a resource.")
    try:
        parse_json(json.dumps(result).encode())
    except ValueError as error:
        raise Refused(422, "processing", "The patch leaves a resource that is nested too deeply.") from error
    return result


def fhirpath_operations(body: Any) -> list[Any]:
    """Return the operations of a FHIRPath Patch as those of a JSON Patch, for paths that name single elements."""
    listed = body.get("parameter") if isinstance(body, dict) and body.get("resourceType") == "Parameters" else None
    if not isinstance(listed, list):
        raise Refused(400, "structure", "The body has to be a JSON Patch or a FHIRPath Patch.")
    found = []
    for one in listed:
        parts = one.get("part") if isinstance(one, dict) else None
        said = {str(part.get("name")): part for part in parts if isinstance(part, dict)} if isinstance(parts, list) else {}
        names = [str(said.get(name, {}).get(kind, "")) for name, kind in (("path", "valueString"), ("name", "valueString"))]
        keys = names[0].split(".")[1:] + ([names[1]] if names[1] else [])
        value = next((v for name, v in said.get("value", {}).items() if name.startswith("value")), None)
        verb = {"delete": "remove"}.get(str(said.get("type", {}).get("valueCode")), str(said.get("type", {}).get("valueCode")))
        found.append({"op": verb, "path": "/" + "/".join(keys), "value": value})
    return found


def _patch_one(holder: Any, key: str, operation: Mapping[str, Any]) -> None:
    verb = operation["op"]
    place: Any = key
    if isinstance(holder, list):
        place = len(holder) if key == "-" else int(key)
    if verb == "test":
        if holder[place] != operation["value"]:
            raise ValueError("the value differs")
    elif verb == "remove":
        del holder[place]
    elif verb == "replace":
        _ = holder[place]
        holder[place] = operation["value"]
    elif verb == "add":
        if isinstance(holder, list):
            holder.insert(place, operation["value"])
        else:
            holder[place] = operation["value"]
    else:
        raise ValueError(f"{verb} is not supported")
