"""What the CapabilityStatement says that the FHIR server offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smartlaunch.client.app import App


def offers(app: App, kind: str, code: str) -> bool:
    """Whether the CapabilityStatement lists an interaction for a type; one without interactions is taken to offer all."""
    stated = described(app, kind)
    if stated is None:
        return False
    listed = [i.get("code") for i in stated.get("interaction", []) if isinstance(i, dict)]
    return not listed or code in listed


def described(app: App, kind: str) -> dict[str, Any] | None:
    """What the CapabilityStatement says of a type; an empty object when there is no statement at all, None when the type is absent."""
    rest = app.engine.discovery.metadata.answer.object.get("rest")
    if not isinstance(rest, list):
        return {}
    rows = [r for part in rest if isinstance(part, dict) for r in part.get("resource", []) if isinstance(r, dict)]
    return next((r for r in rows if r.get("type") == kind), None if rows else {})
