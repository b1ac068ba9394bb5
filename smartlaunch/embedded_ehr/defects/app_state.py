"""What the defects make of App State as it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smartlaunch.embedded_ehr.defects.spoiling import Change

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Kept:
    """New state as it goes into the store."""

    resource: dict[str, Any]

    def extensions(self) -> Iterator[dict[str, Any]]:
        """Go through its top-level extensions."""
        yield from self.resource.get("extension", [])


def _first_extension_only(kept: Kept) -> None:
    kept.resource["extension"] = kept.resource["extension"][:1]


def _each_value(change: Any) -> Change[Kept]:
    def make(kept: Kept) -> None:
        for extension in kept.extensions():
            extension["valueString"] = change(extension["valueString"])

    return Change(make, _has("extension"))


def _has(member: str) -> Any:
    return lambda kept: member in kept.resource


def _no_system(kept: Kept) -> None:
    kept.resource["code"]["coding"][0].pop("system", None)


def _one_more_coding(kept: Kept) -> None:
    kept.resource["code"]["coding"].append({"system": "https://lakeside.example/state", "code": "app-setting"})


KEPT: dict[str, Change[Kept]] = {
    "app_state_keeps_the_first_extension_only": Change(_first_extension_only, _has("extension")),
    "app_state_cuts_long_values": _each_value(lambda value: value[:4000]),
    "app_state_escapes_values": _each_value(lambda value: value.replace("<", "&lt;").replace('"', "&quot;")),
    "app_state_loses_the_system_of_the_code": Change(_no_system),
    "app_state_adds_a_coding": Change(_one_more_coding),
}
"""What each defect keeps in place of what was sent."""
