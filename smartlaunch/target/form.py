"""The form of a target file: its published schema, and what does not keep to it in the words of the file."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from smartlaunch.target.problems import Place, Problems, named, section


def schema() -> dict[str, Any]:
    """Return the published JSON Schema of the target file."""
    text = resources.files("smartlaunch").joinpath("schemas/target.schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def check_form(document: dict[str, Any], problems: Problems) -> None:
    """Note what does not keep to the schema, and numbers that are none."""
    for error in _validator().iter_errors(document):
        _explain(error, problems)
    for path, value in _numbers(document):
        if isinstance(value, float) and not math.isfinite(value):
            problems.add(path, f"{named(path)} must be a finite number")


def check_form_of_deviations(document: dict[str, Any], problems: Problems) -> None:
    """The same for a file that holds nothing but ``[[deviations]]``."""
    whole = schema()
    rule = {**whole, "properties": {name: whole["properties"][name] for name in ("schema", "deviations")}, "required": ["deviations"]}
    for error in _validator().evolve(schema=rule).iter_errors(document):
        _explain(error, problems)


def recipe_schema() -> dict[str, Any]:
    """Return the JSON Schema of a recipe file: the steps of a target file, and what the file says of itself."""
    whole = schema()
    steps = {"type": "object", "additionalProperties": False, "required": ["steps"], "properties": {"steps": {"$ref": "#/$defs/steps"}}}
    own = {"schema": whole["properties"]["schema"], "recipe": {"$ref": "#/$defs/recipe"}, "login": steps}
    head = {
        "$id": "urn:smartlaunch:schema:recipe:1",
        "title": "Recipe file of smartlaunch",
        "description": "How a browser gets through the pages of one product, from an authorization request to its answer. In TOML.",
    }
    return {**whole, **head, "properties": own, "required": ["login"]}


def check_form_of_recipe(document: dict[str, Any], problems: Problems) -> None:
    """The same for a recipe file."""
    for error in _validator().evolve(schema=recipe_schema()).iter_errors(document):
        _explain(error, problems)


def _explain(error: Any, problems: Problems) -> None:
    """Turn one error of the schema into a sentence; values are shown only where they cannot be secrets."""
    path: Place = tuple(error.absolute_path)
    name = named(path)
    parent = error.schema
    if error.validator == "additionalProperties":
        known = list(parent.get("properties", {}))
        for key in (key for key in error.instance if key not in known):
            problems.add((*path, key), f"unknown key `{key}` {section(path)}{suggestion(key, known)}", _known_keys(known))
    elif error.validator == "required":
        misspelt = {_closest(key, list(parent.get("properties", {}))) for key in error.instance if key not in parent.get("properties", {})}
        for key in (key for key in error.validator_value if key not in error.instance and key not in misspelt):
            text = f"key `{key}` is missing {section(path)}"
            problems.add(
                path,
                text if path or key != "schema" else "key `schema` is missing at the top of the file",
                "schema = 1" if key == "schema" else "",
            )
    elif "x-expected" in parent:
        problems.add(path, f"{name} must be {parent['x-expected']}")
    elif error.validator == "type":
        kinds = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
        problems.add(path, f"{name} must be {' or '.join(_KINDS[kind] for kind in kinds)}, not {_kind_of(error.instance)}")
    elif error.validator == "enum":
        values = [str(value) for value in error.validator_value]
        shown = f"{name} is {error.instance!r}" if isinstance(error.instance, str) else f"{name} is {_kind_of(error.instance)}"
        close = difflib.get_close_matches(str(error.instance), values, n=1)
        problems.add(path, f"{shown}, must be one of {', '.join(values)}" + (f"; did you mean `{close[0]}`?" if close else ""))
    elif error.validator == "const":
        problems.add(path, f"{name} must be {error.validator_value!r}, the version of the format that this program reads")
    elif error.validator in ("minimum", "exclusiveMinimum", "maximum"):
        words = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most"}
        problems.add(path, f"{name} is {error.instance}, must be {words[error.validator]} {error.validator_value}")
    elif error.validator in ("minLength", "minProperties"):
        problems.add(path, f"{name} is empty")
    elif error.context and all(i.validator == "type" and i.absolute_path == error.absolute_path for i in error.context):
        wanted = " or ".join(dict.fromkeys(_KINDS[inner.validator_value] for inner in error.context))
        problems.add(path, f"{name} must be {wanted}, not {_kind_of(error.instance)}")
    elif nearer := [inner for inner in error.context or () if inner.absolute_path != error.absolute_path or inner.validator != "type"]:
        _explain(max(nearer, key=lambda inner: len(inner.absolute_path)), problems)
    else:
        problems.add(path, f"{name} does not have the right form; {parent.get('description', 'see smartlaunch schema target')}")


_KINDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a table",
}


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    for kind, words in ((str, "a text"), (int, "a number"), (float, "a number"), (list, "a list"), (dict, "a table")):
        if isinstance(value, kind):
            return words
    return "a date or time"


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema())


def rule_of(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the schema says, wherever it says it."""
    reference = rule.get("$ref")
    if reference is None:
        return rule
    found: Mapping[str, Any] = _validator().schema["$defs"][reference.removeprefix("#/$defs/")]
    return found


def _closest(key: str, known: Sequence[str]) -> str:
    """Return the known key that a misspelt one is most likely to mean, or an empty text."""
    squeezed = {name.replace("_", ""): name for name in known}
    plain = key.lower().replace("-", "").replace("_", "")
    if plain in squeezed:
        return squeezed[plain]
    return next(iter(difflib.get_close_matches(key.lower(), known, n=1, cutoff=0.6)), "")


def suggestion(key: str, known: Sequence[str]) -> str:
    """A question for the known key that was probably meant, or an empty text."""
    close = _closest(key, known)
    return f", did you mean `{close}`?" if close else ""


def _known_keys(known: Sequence[str]) -> str:
    return f"keys there: {', '.join(known)}"


def _numbers(value: Any, path: Place = ()) -> Iterator[tuple[Place, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _numbers(item, (*path, key))
    elif isinstance(value, int | float):
        yield path, value
