"""An in-memory store of FHIR resources that keeps every version."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a resource; a version without resource says that it was deleted then."""

    number: int
    at: datetime
    method: str
    resource: Resource | None


class Store:
    """Resources by type and id, each with its history, oldest first."""

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        self._versions: dict[tuple[str, str], list[Version]] = {}
        for resource in resources:
            self.put(resource, method="POST")

    def put(self, resource: Resource, *, method: str = "PUT") -> Resource:
        """Store a resource as the next version of its id, and return it with `meta` filled in."""
        key = (str(resource["resourceType"]), str(resource["id"]))
        history = self._versions.setdefault(key, [])
        at = datetime.now(UTC)
        number = len(history) + 1
        stored = copy.deepcopy(resource)
        stored["meta"] = {
            **stored.get("meta", {}),
            "versionId": str(number),
            "lastUpdated": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        history.append(Version(number, at, method, stored))
        return stored

    def create(self, resource: Resource, resource_id: str | None = None) -> Resource:
        """Store a resource under a new id that nobody can guess."""
        return self.put({**resource, "id": resource_id or new_id()}, method="POST")

    def delete(self, resource_type: str, resource_id: str) -> None:
        """Note that the resource is gone from now on; its history stays."""
        history = self._versions[(resource_type, resource_id)]
        history.append(Version(len(history) + 1, datetime.now(UTC), "DELETE", None))

    def history(self, resource_type: str, resource_id: str) -> list[Version]:
        """Return all versions, oldest first; an empty list for an id never used."""
        return list(self._versions.get((resource_type, resource_id), ()))

    def get(self, resource_type: str, resource_id: str) -> Resource | None:
        """Return the current version, or None when there is none or it was deleted."""
        history = self._versions.get((resource_type, resource_id))
        return history[-1].resource if history else None

    def resources(self, resource_type: str) -> Iterator[Resource]:
        """Go through the current resources of a type."""
        for (kind, _), history in list(self._versions.items()):
            current = history[-1].resource
            if kind == resource_type and current is not None:
                yield current

    def versions(self, resource_type: str | None = None) -> list[Version]:
        """Return every version of one type, or of all, newest first."""
        found = [version for (kind, _), history in self._versions.items() if resource_type in (None, kind) for version in history]
        return sorted(found, key=lambda version: version.at, reverse=True)

    def snapshot(self) -> dict[tuple[str, str], list[Version]]:
        """Return what `restore` needs to undo everything done since."""
        return {key: list(history) for key, history in self._versions.items()}

    def restore(self, snapshot: dict[tuple[str, str], list[Version]]) -> None:
        """Undo everything done since the snapshot was taken."""
        self._versions = snapshot


def new_id() -> str:
    """Return a new random resource id."""
    return secrets.token_hex(8)
