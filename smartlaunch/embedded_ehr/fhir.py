"""The FHIR R4 server of the embedded EHR.

`FhirServer.perform` carries out one interaction with one token and knows nothing of HTTP transport; the entries of a batch go through
the same door as single requests, so that no rule can be forgotten for one of them. `fhir_endpoint` turns requests into interactions and
refusals into answers.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from smartlaunch.embedded_ehr import app_state, fhir_search
from smartlaunch.embedded_ehr.fhir_access import (
    COMPARTMENT,
    Access,
    anybody,
    insufficient_scope,
    patients_of,
)
from smartlaunch.embedded_ehr.fhir_body import fhirpath_operations, patched, resource_body
from smartlaunch.embedded_ehr.fhir_interaction import TYPES, Answer, Interaction, instant, outcome, types_of, version_headers
from smartlaunch.embedded_ehr.fhir_refusal import Refused
from smartlaunch.embedded_ehr.fhir_searching import Searches
from smartlaunch.embedded_ehr.fhir_store import Resource, Store, Version, new_id
from smartlaunch.embedded_ehr.scopes import CREATE, DELETE, READ, SEARCH, UPDATE, ResourceScope

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from smartlaunch.embedded_ehr.defects import Defects, Variants
    from smartlaunch.embedded_ehr.state import State

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


class FhirServer:
    """Carries out interactions on the store, each within the access of its token."""

    def __init__(self, state: State, defects: Defects, variant: Variants, store: Store) -> None:
        self.state = state
        self.defects = defects
        self.variant = variant
        self.store = store
        self._opened = set[str]()
        self.types = types_of(variant)
        self.app_state = app_state.AppState(state, defects, variant)
        self.searches = Searches(state.fhir_base_url, defects, variant, store, self.app_state)

    @property
    def base_url(self) -> str:
        """The FHIR base URL."""
        return self.state.fhir_base_url

    def answer(self, access: Access, asked: Interaction, address: str) -> Answer:
        """Carry out what a request asks; ``address`` is that of one that only looks."""
        known = bool(address) and address in self._opened
        if known and self.defects("remembers_for_all_tokens_what_one_of_them_opened"):
            access = replace(access, token=anybody(self.state))
        answer = self.perform(access, asked)
        self._opened.add(address)
        return answer

    def perform(self, access: Access, asked: Interaction) -> Answer:
        """Carry out one interaction, or raise `Refused`."""
        access = replace(access, forms=asked.forms)
        parts = [part for part in asked.path.split("/") if part]
        if parts and parts[0] not in TYPES and self.defects("trusts_types_in_lower_case"):
            parts[0] = next((kind for kind in TYPES if kind.lower() == parts[0]), parts[0])
        self._require_offered(asked.method, parts)
        match asked.method, parts:
            case "POST", []:
                return self._bundle(access, asked.body)
            case (_, []) | ("POST", ["_search"]):
                return self.searches.of_system(access, asked)
            case "GET", ["_history"]:
                return self._history_of_types(access, self.types)
        kind, rest = parts[0], parts[1:]
        if kind not in self.types:
            if self.defects("answers_unknown_types_with_an_empty_bundle") and asked.method == "GET" and not rest:
                return Answer(200, {"resourceType": "Bundle", "type": "searchset", "total": 0})
            raise Refused(404, "not-supported", f"This server has no {kind}.")
        if rest == ["$lastn"] and kind == "Observation" and asked.method == "GET":
            return self.searches.of_type(access, kind, asked, "search")
        if rest and rest[0] not in ("_search", "_history") and not _ID.fullmatch(rest[0]):
            raise Refused(404, "not-supported", "This server has no such operation.")
        answer = self._look(access, kind, rest, asked) if asked.method == "GET" else self._change(access, kind, rest, asked)
        if answer is None:
            status = 405 if len(rest) < 2 else 404
            raise Refused(status, "not-supported", f"{asked.method} is not possible here.", headers={"Allow": ", ".join(_METHODS)})
        return answer

    def _look(self, access: Access, kind: str, rest: list[str], asked: Interaction) -> Answer | None:
        """Carry out what only looks at resources of a type; None when it is nothing that can be asked."""
        match rest:
            case []:
                return self.searches.of_type(access, kind, asked, "search")
            case ["_history"]:
                return self._history_of_types(access, (kind,))
            case [resource_id, "$everything"] if kind == "Patient":
                return self._everything(access, resource_id, asked)
            case [resource_id, "*"] if kind == "Patient":
                kinds = ",".join(one for one in self.types if fhir_search.definition(one, "patient") is not None)
                within = replace(asked, parameters=(("patient", resource_id), ("_type", kinds), *asked.parameters))
                return self.searches.of_system(access, within)
            case [resource_id, target] if kind == "Patient" and fhir_search.definition(target, "patient") is not None:
                within = replace(asked, parameters=(("patient", resource_id), *asked.parameters))
                return self.searches.of_type(access, target, within, "compartment search")
            case [resource_id]:
                return self._read(access, kind, resource_id, asked)
            case [resource_id, "_history"]:
                return self._history(access, kind, resource_id)
            case [resource_id, "_history", number]:
                return self._vread(access, kind, resource_id, number)
        return None

    def _change(self, access: Access, kind: str, rest: list[str], asked: Interaction) -> Answer | None:
        """Carry out what changes a resource of a type, or searches by POST; None when it is nothing that can be asked."""
        match asked.method, rest:
            case "POST", ["_search"]:
                return self.searches.of_type(access, kind, asked, "search-post")
            case "POST", [resource_id, "$everything"] if kind == "Patient":
                return self._everything(access, resource_id, replace(asked, parameters=_parameters(asked.body)))
            case "POST", [resource_id, target, "_search"] if kind == "Patient" and fhir_search.definition(target, "patient") is not None:
                within = replace(asked, parameters=(("patient", resource_id), *asked.parameters))
                return self.searches.of_type(access, target, within, "compartment search")
            case "POST", []:
                return self._create(access, kind, asked)
            case "PATCH", [] if asked.parameters and kind != "Basic":
                return self._conditional_patch(access, kind, asked)
            case (("PUT" | "DELETE"), []) if asked.parameters and kind != "Basic":
                return self._conditional(access, kind, asked)
            case "PUT", [resource_id]:
                return self._update(access, kind, resource_id, asked)
            case "PATCH", [resource_id]:
                return self._patch(access, kind, resource_id, asked)
            case "DELETE", [resource_id]:
                return self._delete(access, kind, resource_id, asked)
        return None

    def _require_offered(self, method: str, parts: list[str]) -> None:
        """Refuse what this server chose not to offer to anybody."""
        writes = method in ("PUT", "PATCH", "DELETE") or (method == "POST" and len(parts) == 1 and parts[0] != "_search")
        if writes and parts[:1] != ["Basic"] and self.variant("offers_no_writes"):
            raise Refused(405, "not-supported", "This server is read-only.", headers={"Allow": "GET, HEAD"})
        if method == "POST" and not parts and self.variant("offers_no_batch"):
            raise Refused(405, "not-supported", "This server takes no batches.", headers={"Allow": "GET, HEAD"})
        if parts[:1] != ["Basic"] and self._is_search(method, parts) and self.variant("offers_no_search"):
            raise Refused(405, "not-supported", "This server reads by id only.", headers={"Allow": "GET, HEAD"})
        if "_history" in parts and (self.variant("offers_no_history") or (self.variant("keeps_no_versions") and parts[0] != "Basic")):
            raise Refused(404, "not-supported", "This server keeps no history.")

    def _is_search(self, method: str, parts: list[str]) -> bool:
        """Say whether a request searches: everything, a type, or a type within a compartment."""
        if "_search" in parts:
            return True
        return method == "GET" and ((len(parts) < 2 and parts != ["_history"]) or (len(parts) == 3 and parts[2] in ("*", *self.types)))

    # -- read, vread, history -------------------------------------------------------------------------------------------

    def _read(self, access: Access, kind: str, resource_id: str, asked: Interaction) -> Answer:
        own = access.is_own_profile(kind, resource_id)
        if own and self.defects("refuses_fhir_user_read"):
            raise Refused(404, "not-found", f"There is no {kind} with this id.")
        if asked.header("if-none-match") and self.defects("tells_anybody_that_a_resource_is_unchanged"):
            known = self.unchanged(asked)
            if known is not None:
                return known
        if self.defects("tells_anybody_that_nothing_has_changed_since"):
            stored = self.store.get(kind, resource_id)
            if stored is not None and _unmodified(stored, asked.header("if-modified-since")):
                return Answer(304, None)
        grants = () if own else access.require(READ, kind, "read")
        if not self.store.history(kind, resource_id) and self.defects("missing_resource_answered_with_200"):
            return Answer(200, outcome("not-found", f"There is no {kind} with this id."))
        resource = self._current(kind, resource_id)
        if not own:
            self._require_reach(access, grants, resource, "read")
        if kind == "Patient" and resource_id == access.token.patient and self.defects("refuses_patient_in_context"):
            raise Refused(404, "not-found", f"There is no {kind} with this id.")
        if kind == "Encounter" and resource_id == access.token.encounter and self.defects("refuses_encounter_in_context"):
            raise Refused(404, "not-found", f"There is no {kind} with this id.")
        if kind in COMPARTMENT and self.defects("answers_read_with_another_resource"):
            resource = next((other for other in self.store.resources(kind) if other["id"] != resource_id), resource)
        if self.defects("omits_id_of_resource"):
            resource = {name: value for name, value in resource.items() if name != "id"}
        version = f'W/"{resource["meta"]["versionId"]}"'
        if asked.header("if-none-match") == version or _unmodified(resource, asked.header("if-modified-since")):
            return Answer(304, None, {"ETag": version})
        headers = version_headers(resource)
        if self.defects("read_lacks_etag"):
            del headers["ETag"]
        return Answer(200, resource, headers)

    def unchanged(self, asked: Interaction) -> Answer | None:
        """Say that a read finds what the app has already; None where it does not."""
        known = self.store.get(*asked.path.split("/")) if asked.path.count("/") == 1 else None
        tag = f'W/"{known["meta"]["versionId"]}"' if known is not None else ""
        return Answer(304, None, {"ETag": tag}) if tag and asked.header("if-none-match") == tag else None

    def _everything(self, access: Access, patient_id: str, asked: Interaction) -> Answer:
        """Return the record of one patient, as far as the scopes go."""
        grants = access.require(READ, "Patient", "read")
        kinds = next((value.split(",") for name, value in asked.parameters if name == "_type"), list(COMPARTMENT))
        person = self._current("Patient", patient_id)
        self._require_reach(access, grants, person, "read")
        found = [
            resource
            for kind in COMPARTMENT
            for resource in self.store.resources(kind)
            if kind != "Basic"
            and kind in kinds
            and patient_id in patients_of(resource, self.base_url)
            and self.searches.may_be_included(access, resource, "everything")
        ]
        entries = [self.searches.entry(resource, "match") for resource in found]
        link = [{"relation": "self", "url": f"{self.base_url}/Patient/{patient_id}/$everything"}]
        return Answer(200, {"resourceType": "Bundle", "type": "searchset", "total": len(found), "link": link, "entry": entries})

    def _current(self, kind: str, resource_id: str) -> Resource:
        history = self.store.history(kind, resource_id)
        if not history:
            raise Refused(404, "not-found", f"There is no {kind} with this id.")
        resource = history[-1].resource
        if resource is None:
            if self.defects("reads_deleted_resource"):
                return next(version.resource for version in reversed(history) if version.resource is not None)
            gone = 404 if self.variant("answers_deleted_with_404") else 410
            raise Refused(gone, "deleted", f"This {kind} was deleted.")
        return resource

    def _require_reach(self, access: Access, grants: tuple[ResourceScope, ...], resource: Resource, operation: str) -> None:
        if access.reaches(grants, resource, operation):
            return
        if self.variant("hides_other_patients_as_not_found"):
            raise Refused(404, "not-found", f"There is no {resource['resourceType']} with this id.")
        if self.variant("answers_401_to_what_a_token_does_not_reach"):
            raise Refused(401, "forbidden", "The access token does not reach this resource.", error="insufficient_scope")
        text = f"The granted scopes do not reach this {resource['resourceType']}."
        if self.defects("refusal_shows_patient_data"):
            text += " " + json.dumps({name: value for name, value in resource.items() if name not in ("meta", "text")})
        raise insufficient_scope(text)

    def _vread(self, access: Access, kind: str, resource_id: str, number: str) -> Answer:
        grants = access.require(READ, kind, "vread")
        for version in self.store.history(kind, resource_id):
            if str(version.number) == number:
                if version.resource is None:
                    raise Refused(410, "deleted", f"This {kind} was deleted.")
                self._require_reach(access, grants, version.resource, "vread")
                return Answer(200, version.resource, version_headers(version.resource))
        raise Refused(404, "not-found", f"There is no such version of this {kind}.")

    def _history(self, access: Access, kind: str, resource_id: str) -> Answer:
        grants = access.require(READ, kind, "history")
        versions = self.store.history(kind, resource_id)
        if not versions:
            raise Refused(404, "not-found", f"There is no {kind} with this id.")
        for version in versions:
            if version.resource is not None:
                self._require_reach(access, grants, version.resource, "history")
        return Answer(200, self._history_bundle([(kind, resource_id, version) for version in reversed(versions)]))

    def _history_of_types(self, access: Access, kinds: Iterable[str]) -> Answer:
        kinds = tuple(kinds)
        found: list[tuple[str, str, Version]] = []
        refusals = []
        for kind in kinds:
            try:
                grants = access.require(SEARCH, kind, "type history")
            except Refused as refusal:
                refusals.append(refusal)
                continue
            for version in self.store.versions(kind):
                resource = version.resource
                if resource is not None and access.reaches(grants, resource, "type history"):
                    found.append((kind, str(resource["id"]), version))
        if len(refusals) == len(kinds):
            raise refusals[0]
        return Answer(200, self._history_bundle(found))

    def _history_bundle(self, versions: list[tuple[str, str, Version]]) -> Resource:
        entries = []
        for kind, resource_id, version in versions:
            entry: dict[str, Any] = {"fullUrl": f"{self.base_url}/{kind}/{resource_id}"}
            if version.resource is not None:
                entry["resource"] = version.resource
            entry["request"] = {"method": version.method, "url": kind if version.method == "POST" else f"{kind}/{resource_id}"}
            entry["response"] = {
                "status": {"POST": "201", "DELETE": "204"}.get(version.method, "200"),
                "lastModified": instant(version.at),
            }
            entries.append(entry)
        return {"resourceType": "Bundle", "type": "history", "total": len(entries), "entry": entries}

    # -- writes ---------------------------------------------------------------------------------------------------------

    def _create(self, access: Access, kind: str, asked: Interaction, resource_id: str | None = None) -> Answer:
        grants = access.require(CREATE, kind, "create")
        body = resource_body(asked.body, kind)
        if kind == "Basic":
            self.app_state.require_open()
            body = self.app_state.check_new(body)
            if "subject" not in body and self.variant("keeps_global_state_to_administrators"):
                raise Refused(403, "forbidden", "State of the whole hospital is set by administrators.")
        self._require_reach(access, grants, body, "create")
        condition = asked.header("if-none-exist")
        if condition and kind != "Basic":
            found = self._matching(access, grants, kind, parse_qsl(condition), "conditional create")
            if found:
                return Answer(200, found[0], version_headers(found[0]))
        if kind == "Basic":
            self.app_state.check_room(list(self.store.resources(kind)), body)
        kept_id = str(body["id"]) if kind == "Basic" and "id" in body else resource_id
        stored = self.store.create(body, kept_id)
        if kind == "Basic":
            self.app_state.note_owner(stored, access.token.client_id)
        if self.defects("create_answers_200"):
            return Answer(200, stored)
        return Answer(201, stored, self._stored_headers(stored))

    def _conditional(self, access: Access, kind: str, asked: Interaction) -> Answer:
        """Update or delete the one resource that a search finds; what the scopes do not reach is as if it were not there."""
        delete = asked.method == "DELETE"
        operation = "conditional delete" if delete else "conditional update"
        grants = access.require(DELETE if delete else UPDATE, kind, operation)
        found = self._matching(access, grants, kind, asked.parameters, operation)
        if len(found) > 1:
            raise Refused(412, "multiple-matches", "Several resources fit.")
        if delete:
            for one in found:
                self.store.delete(kind, str(one["id"]))
            return Answer(204)
        body = resource_body(asked.body, kind)
        self._require_reach(access, grants, body, operation)
        if not found:
            access.require(CREATE, kind, "create")
        stored = self.store.put({**body, "id": found[0]["id"]}) if found else self.store.create(body)
        return Answer(200 if found else 201, stored, self._stored_headers(stored))

    def _conditional_patch(self, access: Access, kind: str, asked: Interaction) -> Answer:
        """Patch the one resource that a search finds."""
        grants = access.require(UPDATE, kind, "conditional patch")
        found = self._matching(access, grants, kind, asked.parameters, "conditional patch")
        if len(found) != 1:
            raise Refused(412 if found else 404, "multiple-matches" if found else "not-found", "Not one resource fits.")
        body = patched(found[0], asked.body if isinstance(asked.body, list) else fhirpath_operations(asked.body))
        self._require_reach(access, grants, body, "conditional patch")
        stored = self.store.put({**body, "id": found[0]["id"]}, method="PATCH")
        return Answer(200, stored, self._stored_headers(stored))

    def _matching(
        self, access: Access, grants: tuple[ResourceScope, ...], kind: str, parameters: Iterable[tuple[str, str]], operation: str
    ) -> list[Resource]:
        """Return what a condition finds within the reach of the token."""
        filters = [(name, value) for name, value in parameters if fhir_search.definition(kind, name.partition(":")[0])]
        if not filters:
            raise Refused(412, "invalid", "A condition needs a search parameter that this server knows.")
        return [
            resource
            for resource in self.store.resources(kind)
            if all(fhir_search.matches(resource, name, value, self.base_url) for name, value in filters)
            and access.reaches(grants, resource, operation)
        ]

    def _update(self, access: Access, kind: str, resource_id: str, asked: Interaction) -> Answer:
        grants = access.require(UPDATE, kind, "update")
        body = resource_body(asked.body, kind)
        if body.get("id") != resource_id:
            raise Refused(400, "invalid", "The id in the body differs from the one in the address.")
        current = self.store.get(kind, resource_id)
        if current is not None:
            self._require_reach(access, grants, current, "update")
        elif kind != "Basic" and self.defects("update_needs_create_scope_for_new_id"):
            access.require(CREATE, kind, "create")
        moves = current is not None and (
            self.defects("updates_move_resources_to_other_patients")
            or (grants[0].level == "user" and self.defects("updates_of_users_move_resources_to_all_patients"))
        )
        leaves = current is not None and patients_of(current, self.base_url) == patients_of(body, self.base_url)
        if not moves and not (leaves and kind != "Basic" and self.defects("updates_take_resources_out_of_the_scope")):
            self._require_reach(access, grants, body, "update" if current is not None else "upsert")
        self._check_version(kind, resource_id, asked, current, body)
        if kind == "Basic" and current is not None:
            kept = self.app_state.stored(current, body)
            told = self.store.put(kept)
            return Answer(200, {**told, **{name: body[name] for name in ("extension",) if name in body}}, self._stored_headers(told))
        if current is None and kind != "Basic" and self.variant("chooses_every_id_itself"):
            raise Refused(405, "not-supported", f"There is no {kind} with this id, and ids are given here only.")
        stored = self.store.put(body)
        return Answer(200 if current is not None else 201, stored, self._stored_headers(stored))

    def _patch(self, access: Access, kind: str, resource_id: str, asked: Interaction) -> Answer:
        grants = access.require(UPDATE, kind, "patch")
        current = self._current(kind, resource_id)
        self._require_reach(access, grants, current, "patch")
        body = patched(current, asked.body if isinstance(asked.body, list) else fhirpath_operations(asked.body))
        if body.get("id") != resource_id or body.get("resourceType") != kind:
            raise Refused(422, "business-rule", "A patch cannot change type or id.")
        moves = self.defects("patches_move_resources_to_other_patients")
        moves = moves or ("FHIRPath patch" in asked.forms and self.defects("fhirpath_patches_move_resources_to_other_patients"))
        leaves = patients_of(current, self.base_url) == patients_of(body, self.base_url)
        if not moves and not (leaves and kind != "Basic" and self.defects("patches_take_resources_out_of_the_scope")):
            self._require_reach(access, grants, body, "patch")
        self._check_version(kind, resource_id, asked, current, body)
        stored = self.store.put(body, method="PATCH")
        return Answer(200, stored, self._stored_headers(stored))

    def _delete(self, access: Access, kind: str, resource_id: str, asked: Interaction) -> Answer:
        grants = access.require(DELETE, kind, "delete")
        current = self.store.get(kind, resource_id)
        if current is None:
            if kind == "Basic":
                self.app_state.check_gone(self.store.history(kind, resource_id))
            if not self.store.history(kind, resource_id):
                raise Refused(404, "not-found", f"There is no {kind} with this id.")
            return Answer(204)
        self._require_reach(access, grants, current, "delete")
        self._check_version(kind, resource_id, asked, current, None)
        if kind == "Basic" and self.defects("app_state_finds_what_was_deleted"):
            return Answer(204)
        self.store.delete(kind, resource_id)
        return Answer(202 if kind != "Basic" and self.variant("answers_deletes_with_202") else 204)

    def _check_version(self, kind: str, resource_id: str, asked: Interaction, current: Resource | None, body: Resource | None) -> None:
        if_match = asked.header("if-match")
        if kind == "Basic":
            self.app_state.check_change(if_match, self.store.history(kind, resource_id), current, body, arrived=asked.arrived)
        elif if_match and current is not None and if_match not in (f'W/"{current["meta"]["versionId"]}"', "*"):
            raise Refused(412, "conflict", "The resource was changed by somebody else meanwhile.")

    def _stored_headers(self, stored: Resource) -> dict[str, str]:
        version = stored["meta"]["versionId"]
        headers = version_headers(stored)
        if stored["resourceType"] == "Basic" and self.defects("app_state_create_tells_no_location"):
            return headers
        if stored["resourceType"] == "Basic" and self.defects("app_state_answers_lack_etag"):
            del headers["ETag"]
        if stored["resourceType"] == "Basic" and self.defects("app_state_etag_is_not_the_version"):
            headers["ETag"] = f'W/"v{version}"'
        if stored["resourceType"] == "Basic" and version != "1" and self.defects("app_state_update_repeats_the_old_etag"):
            headers["ETag"] = f'W/"{int(version) - 1}"'
        return {**headers, "Location": f"{self.base_url}/{stored['resourceType']}/{stored['id']}/_history/{version}"}

    # -- batch and transaction ------------------------------------------------------------------------------------------

    def _bundle(self, access: Access, body: Any) -> Answer:
        if not isinstance(body, dict) or body.get("resourceType") != "Bundle" or body.get("type") not in ("batch", "transaction"):
            raise Refused(400, "structure", "A batch or a transaction is needed here.")
        kind = str(body["type"])
        inner = Access(access.token, access.state, access.defects, access.variant, wrapper=kind)
        entries = body.get("entry", [])
        if not isinstance(entries, list) or not all(
            isinstance(entry, dict) and isinstance(entry.get("request"), dict) for entry in entries
        ):
            raise Refused(400, "structure", "Each entry needs a request.")
        answers = (
            self._transaction(inner, entries)
            if kind == "transaction"
            else [self._batch_entry(inner, entry, place) for place, entry in enumerate(entries)]
        )
        if kind == "batch" and self.defects("batch_response_lacks_entries"):
            answers = [answer for answer in answers if answer["response"]["status"] < "300"]
        return Answer(200, {"resourceType": "Bundle", "type": f"{kind}-response", "entry": answers})

    def _batch_entry(self, access: Access, entry: Resource, place: int) -> Resource:
        try:
            answer = _entry_of(self.perform(access, replace(self._interaction(entry), place=place)))
        except Refused as refusal:
            answer = {"response": {"status": str(refusal.status), "outcome": outcome(refusal.code, refusal.text)}}
        if self.variant("writes_phrases_behind_statuses"):
            answer["response"]["status"] += " " + HTTPStatus(int(answer["response"]["status"])).phrase
        return answer

    def _transaction(self, access: Access, entries: list[Resource]) -> list[Resource]:
        """Carry out all entries or none, in the order FHIR gives: deletes, creates, updates, reads."""
        names: dict[str, str] = {}
        chosen: dict[int, str] = {}
        for index, entry in enumerate(entries):
            full_url, url = str(entry.get("fullUrl", "")), str(entry["request"].get("url", ""))
            if entry["request"].get("method") == "POST" and full_url.startswith("urn:"):
                chosen[index] = new_id()
                names[full_url] = f"{url.strip('/')}/{chosen[index]}"
        rank = {"DELETE": 0, "POST": 1, "PUT": 2, "PATCH": 2, "GET": 3, "HEAD": 3}
        answers: list[Resource] = [{} for _ in entries]
        before = self.store.snapshot()
        try:
            for index, entry in sorted(enumerate(entries), key=lambda pair: rank.get(str(pair[1]["request"].get("method")), 4)):
                asked = self._interaction(self._pointed(_renamed(entry, names)))
                if index in chosen:
                    answers[index] = _entry_of(self._create(access, asked.path.strip("/"), asked, chosen[index]))
                else:
                    answers[index] = _entry_of(self.perform(access, asked))
        except Refused:
            self.store.restore(before)
            raise
        return answers

    def _pointed(self, entry: Resource) -> Resource:
        """Return an entry whose subject is named by a search, with the one resource that it finds in its place."""
        body = entry.get("resource")
        reference = str((body.get("subject") or {}).get("reference", "")) if isinstance(body, dict) else ""
        kind, mark, query = reference.partition("?")
        if not mark or kind not in self.types:
            return entry
        wanted = parse_qsl(query)
        found = [
            one
            for one in self.store.resources(kind)
            if wanted and all(fhir_search.matches(one, name, value, self.base_url) for name, value in wanted)
        ]
        if len(found) != 1:
            raise Refused(412, "multiple-matches", "A reference by a search has to find one resource.")
        return {**entry, "pointed": True, "resource": {**entry["resource"], "subject": {"reference": f"{kind}/{found[0]['id']}"}}}

    def _interaction(self, entry: Resource) -> Interaction:
        request = entry["request"]
        url = str(request.get("url", "")).removeprefix(f"{self.base_url}/").lstrip("/")
        path, _, query = url.partition("?")
        if not path:
            raise Refused(400, "not-supported", "An entry has to name a resource type.")
        named = (("ifMatch", "if-match"), ("ifNoneMatch", "if-none-match"), ("ifNoneExist", "if-none-exist"))
        headers = {header: str(request[name]) for name, header in named if name in request}
        written = str(request.get("url", ""))
        raw = "absolute " if written.startswith(self.base_url) else "slash " if written.startswith("/") else ""
        raw = "conditional reference " if entry.get("pointed") else raw
        return Interaction(str(request.get("method", "")), path, tuple(parse_qsl(query)), headers, entry.get("resource"), raw)


def _parameters(body: Any) -> tuple[tuple[str, str], ...]:
    """Return the parameters of an operation that came in a body."""
    listed = body.get("parameter") if isinstance(body, dict) else None
    return tuple(
        (str(one["name"]), str(next((value for name, value in one.items() if name.startswith("value")), "")))
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict) and "name" in one
    )


def _unmodified(resource: Resource, since: str) -> bool:
    """Tell whether a resource has not changed since a moment as HTTP writes it; one that cannot be read counts for nothing."""
    try:
        moment = parsedate_to_datetime(since) if since else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        return False
    return datetime.fromisoformat(resource["meta"]["lastUpdated"]).replace(microsecond=0) <= moment


def _entry_of(answer: Answer) -> Resource:
    response: Resource = {"status": str(answer.status)}
    for header, name in (("Location", "location"), ("ETag", "etag")):
        if header in answer.headers:
            response[name] = answer.headers[header]
    entry: Resource = {"response": response}
    if answer.resource is not None:
        entry["resource"] = answer.resource
    return entry


def _renamed(entry: Resource, names: Mapping[str, str]) -> Resource:
    if not names or "resource" not in entry:
        return entry
    text = json.dumps(entry["resource"])
    for urn, reference in names.items():
        text = text.replace(json.dumps(urn), json.dumps(reference))
    return {**entry, "resource": json.loads(text)}
