"""Members of a HAR as they ought to be, whatever stands there."""

from __future__ import annotations

from typing import Any

from smartlaunch.exchange import Headers


def pairs_of(value: Any) -> Headers:
    """Headers of a list of names and values, or of an object; what is neither is left out."""
    if isinstance(value, list):
        try:
            pairs = [(each["name"], each["value"]) for each in value]
        except (TypeError, KeyError):
            pairs = [(object_of(each).get("name"), object_of(each).get("value")) for each in value]
        return tuple((n, v if isinstance(v, str) else text_of(v)) for n, v in pairs if isinstance(n, str) and n and n[0] != ":")
    if isinstance(value, dict):
        return tuple((name, text_of(item)) for name, item in value.items())
    return ()


def object_of(value: Any) -> dict[str, Any]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def text_of(value: Any) -> str:
    """The value as text; empty for nothing, true, false, lists and objects."""
    if isinstance(value, str):
        return value
    return "" if value is None or isinstance(value, (dict, list, bool)) else str(value)


def number_of(value: Any) -> float:
    """The value where it is a number of a sensible size, else 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 0.0
    return float(value) if abs(value) < 1e12 else 0.0
