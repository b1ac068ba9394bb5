"""App State: small settings that an app keeps at the EHR, as `Basic` resources.

The FHIR server asks here for the rules that hold for `Basic` alone: what a new one may carry, that a change names the version it is
based on, and what stays fixed for its life.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from smartlaunch.embedded_ehr.defects.app_state import KEPT, Kept
from smartlaunch.embedded_ehr.defects.spoiling import spoil
from smartlaunch.embedded_ehr.fhir_refusal import Refused

if TYPE_CHECKING:
    from datetime import datetime

    from smartlaunch.embedded_ehr.defects import Defects, Variants
    from smartlaunch.embedded_ehr.fhir_store import Version
    from smartlaunch.embedded_ehr.state import State

Resource = dict[str, Any]

SIZE_LIMIT = 256 * 1024
_SUBJECT_TYPES = ("Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Person")


class AppState:
    """The rules of App State; it also knows which app keeps which state, because one app never sees another's."""

    def __init__(self, state: State, defects: Defects, variant: Variants) -> None:
        self._state = state
        self._variant = variant
        self._defects = defects
        self._owners: dict[str, str] = {}

    def note_owner(self, resource: Resource, client_id: str) -> None:
        """Remember which app keeps this state."""
        self._owners[str(resource["id"])] = client_id

    def visible(self, resource: Resource, client_id: str) -> bool:
        """Tell whether the app may see this state."""
        if not client_id:
            return True  # a request without any token came this far: a broken rule has opened the state to everybody
        return self._owners.get(str(resource["id"]), client_id) == client_id or self._defects("app_state_shown_to_other_apps")

    def check_new(self, body: Resource) -> Resource:
        """Refuse what cannot be kept in full; else return the body to store."""
        defects = self._defects
        if len(json.dumps(body, separators=(",", ":")).encode()) > SIZE_LIMIT:
            raise Refused(413, "too-long", "App State is limited to 256 KB.")
        if "id" in body and not defects("app_state_takes_id_from_app"):
            raise Refused(400, "invalid", "New App State must not carry an id.")
        if "versionId" in body.get("meta", {}):
            raise Refused(400, "invalid", "New App State must not carry a versionId.")
        codings = (body.get("code") or {}).get("coding")
        if not isinstance(codings, list) or len(codings) != 1:
            raise Refused(400, "required", "App State needs exactly one coding.")
        self._check_subject(body)
        dropped = []
        for extension in body.get("extension", []):
            if set(extension) - {"id", "url"} != {"valueString"} and self._defects("app_state_drops_what_it_cannot_keep"):
                dropped.append(extension)
            elif set(extension) - {"id", "url"} != {"valueString"}:
                raise Refused(422, "not-supported", "Extensions of App State hold a valueString.")
        kept = dict(body)
        if dropped:
            kept["extension"] = [extension for extension in body["extension"] if extension not in dropped]
        if "extension" in kept and defects("app_state_loses_extensions"):
            del kept["extension"]
        if "subject" in kept and defects("app_state_loses_subject"):
            del kept["subject"]
        kept = copy.deepcopy(kept)
        spoil(defects, Kept(kept), KEPT)
        return kept

    def require_open(self) -> None:
        """Refuse new state where none is taken at all."""
        if self._defects("app_state_cannot_be_created"):
            raise Refused(405, "not-supported", "POST is not possible here.")

    def check_room(self, kept: list[Resource], body: Resource) -> None:
        """Refuse new state when there is no room for it; there is always room for every code and subject."""
        if any(one.get("code") == body.get("code") for one in kept) and self._defects("app_state_has_room_for_one_subject_of_a_code"):
            raise Refused(409, "conflict", "There is App State with this code.")
        if kept and self._defects("app_state_has_room_for_one_state"):
            raise Refused(422, "too-costly", "There is no room for more App State.")

    def _check_subject(self, body: Resource) -> None:
        reference = (body.get("subject") or {}).get("reference")
        if reference is None:
            return
        base = f"{self._state.fhir_base_url}/"
        if not str(reference).startswith(base) or str(reference).removeprefix(base).partition("/")[0] not in _SUBJECT_TYPES:
            raise Refused(422, "invalid", "The subject of App State is an absolute reference to a person at this server.")
        if f"{base}RelatedPerson/" in str(reference) and self._defects("app_state_is_not_about_relatives"):
            raise Refused(422, "not-supported", "The subject of App State is a patient or a clinician.")
        if not str(reference).startswith(f"{base}Patient/") and self._defects("app_state_is_about_patients_only"):
            raise Refused(422, "not-supported", "The subject of App State is a patient.")

    def check_change(
        self, if_match: str, history: list[Version], current: Resource | None, body: Resource | None, *, arrived: datetime | None = None
    ) -> None:
        """Refuse an update or a deletion that is not based on the latest version, or changes what is fixed."""
        defects = self._defects
        if current is None:
            self.check_gone(history)
            if history or (body is not None and defects("app_state_makes_new_state_by_update")):
                return
            raise Refused(412, "conflict", "There is no App State with this id.")
        if not if_match:
            if body is not None and defects("app_state_updates_without_if_match"):
                return
            if body is None and defects("app_state_deletes_without_if_match"):
                return
            raise Refused(428 if self._variant("wants_if_match_by_428") else 400, "required", "A change of App State needs If-Match.")
        latest = f'W/"{current["meta"]["versionId"]}"'
        if defects("app_state_etag_is_not_the_version"):
            latest = latest.replace('"', '"v', 1)
        if if_match != latest:
            together = arrived is not None and history[-1].at > arrived
            if together and body is not None and defects("app_state_lets_two_updates_at_once_both_win"):
                return
            if body is not None and not defects("app_state_overwrites_newer_version"):
                raise self._stale("app_state_answers_outdated_updates_with_409")
            if body is None and not defects("app_state_deletes_newer_version"):
                raise self._stale("app_state_answers_outdated_deletes_with_409")
        if body is None:
            return
        if body.get("code") != current.get("code") and not defects("app_state_lets_code_change"):
            status = 422 if defects("app_state_answers_a_changed_code_with_422") else 412
            raise Refused(status, "conflict", "The code of App State cannot change.")
        lost = "subject" in current and "subject" not in body
        if lost and defects("app_state_lets_the_subject_be_dropped"):
            return
        if body.get("subject") != current.get("subject") and not defects("app_state_lets_subject_change"):
            raise Refused(412, "conflict", "The subject of App State cannot change.")

    def check_gone(self, history: list[Version]) -> None:
        """Refuse a request about state that was deleted as a failed precondition."""
        if history and history[-1].resource is None and not self._defects("app_state_accepts_changes_after_delete"):
            status = 410 if self._defects("app_state_answers_changes_after_delete_with_410") else 412
            raise Refused(status, "conflict", "This App State was deleted.")

    def _stale(self, defect: str) -> Refused:
        return Refused(409 if self._defects(defect) else 412, "conflict", "The App State was changed meanwhile.")

    def stored(self, current: Resource, body: Resource) -> Resource:
        """Return what an update leaves in the store."""
        if self._defects("app_state_update_keeps_the_old_extensions"):
            return {**body, "extension": current.get("extension", [])}
        return body

    def filters(self, filters: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the search parameters that count."""
        kept = filters
        if any(name == "code" for name, _ in kept) and self._defects("app_state_search_ignores_code"):
            kept = [pair for pair in kept if pair[0] != "code"]
        if any(name == "code" and "|" in value for name, value in kept) and self._defects("app_state_search_ignores_the_system_of_a_code"):
            kept = [(name, value.rpartition("|")[2] if name == "code" else value) for name, value in kept]
        if any(name == "subject" for name, _ in kept) and self._defects("app_state_search_ignores_subject"):
            kept = [pair for pair in kept if pair[0] != "subject"]
        if any(name == "subject" for name, _ in kept) and self._defects("app_state_is_not_found_by_absolute_subject"):
            kept = [(name, value + "#" if name == "subject" and "://" in value else value) for name, value in kept]
        if any(name == "subject:missing" for name, _ in kept) and self._defects("app_state_search_ignores_missing"):
            kept = [pair for pair in kept if pair[0] != "subject:missing"]
        return kept
