"""The FHIR R4 server of the embedded EHR.

`FhirServer.perform` carries out one interaction with one token and knows nothing of HTTP transport; the entries of a batch go through
the same door as single requests, so that no rule can be forgotten for one of them. The endpoint below turns requests into
interactions and refusals into answers.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from smartlaunch.embedded_ehr import app_state, fhir_search
from smartlaunch.embedded_ehr.core import parse_json
from smartlaunch.embedded_ehr.data import seed_store
from smartlaunch.embedded_ehr.defects.fhir_access import REFUSAL, Told
from smartlaunch.embedded_ehr.defects.spoiling import spoil
from smartlaunch.embedded_ehr.fhir_access import (
    COMPARTMENT,
    Access,
    Credentials,
    insufficient_scope,
    judge_token,
    patients_of,
    presented_token,
)
from smartlaunch.embedded_ehr.fhir_refusal import Refused
from smartlaunch.embedded_ehr.fhir_store import Resource, Store, Version, new_id
from smartlaunch.embedded_ehr.scopes import CREATE, DELETE, READ, SEARCH, UPDATE, ResourceScope

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.requests import Request

    from smartlaunch.embedded_ehr.defects import Defects, Variants
    from smartlaunch.embedded_ehr.options import SandboxOptions
    from smartlaunch.embedded_ehr.state import AccessToken, State

FHIR_JSON = "application/fhir+json; charset=utf-8"
_FORM = "application/x-www-form-urlencoded"
_BODY_LIMIT = 2 * 1024 * 1024
_PAGE = 50
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
_OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_APP_STATE_SERVER = "http://hl7.org/fhir/smart-app-launch/CapabilityStatement/smart-app-state-server"
_SECURITY_SERVICE = "http://terminology.hl7.org/CodeSystem/restful-security-service"
_SHAPES = {
    **dict.fromkeys(("meta", "text", "code", "subject", "patient", "encounter", "valueQuantity", "class", "period"), dict),
    **dict.fromkeys(("category", "extension", "component", "dosageInstruction", "telecom"), list),
}
"""What the elements are that this server looks at, whatever the type of the resource."""
TYPES = tuple(sorted(fhir_search.PARAMETERS))


@dataclass(frozen=True)
class Interaction:
    """One thing asked of the server: a request, or an entry of a batch."""

    method: str
    path: str
    parameters: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    raw: str = ""
    """The method and the address as they were sent."""

    @property
    def forms(self) -> frozenset[str]:
        """In which unusual forms this is asked: rules are forgotten for one of them and kept for the rest."""
        path, names = [part for part in self.path.split("/") if part], {name for name, _ in self.parameters}
        kind = path[0] if path else ""
        found = {
            "trailing slash": len(path) > 1 and self.path.endswith("/"),
            "percent-encoded": "%" in self.raw.partition("?")[0],
            "lower case": bool(kind) and kind[0].isalpha() and kind not in TYPES,
            "_format": "_format" in names,
            "_elements": "_elements" in names,
            "_id": "_id" in names and kind != "Patient",
            "identifier": "identifier" in names,
            "chained": any("." in name for name in names),
            "later page": "_offset" in names,
            "system history": path == ["_history"],
            "$everything": path[-1:] == ["$everything"],
            "absolute": self.raw.startswith("absolute "),
            "HEAD": self.raw.startswith("HEAD "),
            "count": ("_summary", "count") in self.parameters,
        }
        return frozenset(form for form, there in found.items() if there)

    def header(self, name: str) -> str:
        """Return a header by its lower-case name, or an empty text."""
        return self.headers.get(name, "")


@dataclass
class Answer:
    """What came of an interaction."""

    status: int
    resource: Resource | None = None
    headers: dict[str, str] = field(default_factory=dict)


def outcome(code: str, text: str, severity: str = "error") -> Resource:
    """Return an OperationOutcome with one issue."""
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": code, "diagnostics": text}]}


class FhirServer:
    """Carries out interactions on the store, each within the access of its token."""

    def __init__(self, state: State, defects: Defects, variant: Variants, store: Store) -> None:
        self.state = state
        self.defects = defects
        self.variant = variant
        self.store = store
        self.app_state = app_state.AppState(state, defects)

    @property
    def base_url(self) -> str:
        """The FHIR base URL."""
        return self.state.fhir_base_url

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
                return self._search_system(access, asked)
            case "GET", ["_history"]:
                return self._history_of_types(access, TYPES)
        kind, rest = parts[0], parts[1:]
        if kind not in TYPES:
            if self.defects("answers_unknown_types_with_an_empty_bundle") and asked.method == "GET" and not rest:
                return Answer(200, {"resourceType": "Bundle", "type": "searchset", "total": 0})
            raise Refused(404, "not-supported", f"This server has no {kind}.")
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
                return self._search(access, kind, asked, "search")
            case ["_history"]:
                return self._history_of_types(access, (kind,))
            case [resource_id, "$everything"] if kind == "Patient":
                return self._everything(access, resource_id)
            case [resource_id, target] if kind == "Patient" and fhir_search.definition(target, "patient") is not None:
                within = replace(asked, parameters=(("patient", resource_id), *asked.parameters))
                return self._search(access, target, within, "compartment search")
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
                return self._search(access, kind, asked, "search-post")
            case "POST", []:
                return self._create(access, kind, asked)
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
        if "_history" in parts and self.variant("offers_no_history"):
            raise Refused(404, "not-supported", "This server keeps no history.")

    # -- read, vread, history -------------------------------------------------------------------------------------------

    def _read(self, access: Access, kind: str, resource_id: str, asked: Interaction) -> Answer:
        own = access.is_own_profile(kind, resource_id)
        if own and self.defects("refuses_fhir_user_read"):
            raise Refused(404, "not-found", f"There is no {kind} with this id.")
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
        if asked.header("if-none-match") == version:
            return Answer(304, None, {"ETag": version})
        headers = _version_headers(resource)
        if self.defects("read_lacks_etag"):
            del headers["ETag"]
        return Answer(200, resource, headers)

    def _everything(self, access: Access, patient_id: str) -> Answer:
        """Return the record of one patient, as far as the scopes go."""
        grants = access.require(READ, "Patient", "read")
        person = self._current("Patient", patient_id)
        self._require_reach(access, grants, person, "read")
        found = [
            resource
            for kind in COMPARTMENT
            for resource in self.store.resources(kind)
            if kind != "Basic" and patient_id in patients_of(resource, self.base_url) and self._may_be_included(access, resource)
        ]
        entries = [self._entry(resource, "match") for resource in found]
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
                return Answer(200, version.resource, _version_headers(version.resource))
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
                "lastModified": _instant(version.at),
            }
            entries.append(entry)
        return {"resourceType": "Bundle", "type": "history", "total": len(entries), "entry": entries}

    # -- search ---------------------------------------------------------------------------------------------------------

    def _search_system(self, access: Access, asked: Interaction) -> Answer:
        wanted = next((value for name, value in asked.parameters if name == "_type"), None)
        kinds = wanted.split(",") if wanted else list(TYPES)
        unknown = [kind for kind in kinds if kind not in TYPES]
        if unknown:
            raise Refused(400, "not-supported", f"This server has no {unknown[0]}.")
        found: list[Resource] = []
        refusals = []
        for kind in kinds:
            try:
                found += self._found(access, kind, asked.parameters, "search")
            except Refused as refusal:
                refusals.append(refusal)
        if len(refusals) == len(kinds):
            raise refusals[0]
        return Answer(200, self._search_bundle("", asked, found, []))

    def _search(self, access: Access, kind: str, asked: Interaction, operation: str) -> Answer:
        if operation == "search-post" and self.defects("refuses_search_by_post"):
            raise Refused(405, "not-supported", "POST is not possible here.")
        try:
            found = self._found(access, kind, asked.parameters, operation)
        except Refused as refusal:
            if refusal.status == 403 and access.token.user is None and self.defects("finds_nothing_outside_the_scopes_of_backend_services"):
                return Answer(200, self._search_bundle(kind, asked, [], []))
            raise
        if "handling=strict" in asked.header("prefer"):
            for name, _ in asked.parameters:
                plain = name.partition(":")[0]
                if plain not in fhir_search.RESULT_PARAMETERS and fhir_search.definition(kind, plain) is None:
                    raise Refused(400, "not-supported", f"{kind} cannot be searched by {plain}.")
        included = self._included(access, kind, asked.parameters, found)
        return Answer(200, self._search_bundle(kind, asked, found, included))

    def _found(self, access: Access, kind: str, parameters: tuple[tuple[str, str], ...], operation: str) -> list[Resource]:
        grants = access.require(SEARCH, kind, operation)
        if operation == "search" and any(name == "subject" for name, _ in parameters):
            operation = "search by subject"
        self._require_named_patients(access, grants, kind, parameters, operation)
        filters = [(name, value) for name, value in parameters if value and fhir_search.definition(kind, name.partition(":")[0])]
        if any(name.partition(":")[0] in ("patient", "subject") for name, _ in filters) and self.defects(
            "search_ignores_patient_parameter"
        ):
            filters = [(name, value) for name, value in filters if name.partition(":")[0] not in ("patient", "subject")]
        if any(name == "category" for name, _ in filters) and self.defects("search_ignores_category_parameter"):
            filters = [(name, value) for name, value in filters if name != "category"]
        if kind == "Basic":
            filters = self.app_state.filters(filters)
        try:
            found = [
                resource
                for resource in self.store.resources(kind)
                if all(fhir_search.matches(resource, name, value, self.base_url) for name, value in filters)
                and access.reaches(grants, resource, operation)
                and (kind != "Basic" or self.app_state.visible(resource, access.token.client_id))
            ]
        except fhir_search.BadSearch as error:
            raise Refused(400, "invalid", str(error)) from error
        if found and self.defects("search_omits_what_scopes_allow"):
            found = found[:-1]
        return found

    def _require_named_patients(
        self, access: Access, grants: tuple[ResourceScope, ...], kind: str, parameters: tuple[tuple[str, str], ...], operation: str
    ) -> None:
        """Refuse a search that names a patient none of the scopes reaches, or leave it to find nothing."""
        named = {
            value.removeprefix(f"{self.base_url}/").removeprefix("Patient/")
            for name, values in parameters
            for value in values.split(",")
            if name in ("patient", "patient._id", "subject:Patient")
            or (name == "subject" and "Patient/" in value)
            or (name == "_id" and kind == "Patient")
        }
        named.discard("")
        for patient_id in named:
            probe = {"resourceType": "Patient", "id": patient_id}
            open_grants = [ResourceScope(grant.text, grant.level, "*", grant.interactions) for grant in grants]
            if not access.reaches(open_grants, probe, operation) and not self.variant("finds_nothing_of_other_patients"):
                raise insufficient_scope("The granted scopes do not reach the patient named in this search.")

    def _included(self, access: Access, kind: str, parameters: tuple[tuple[str, str], ...], found: list[Resource]) -> list[Resource]:
        have = {(resource["resourceType"], resource["id"]) for resource in found}
        included: list[Resource] = []

        def add(resource: Resource) -> None:
            key = (resource["resourceType"], resource["id"])
            if key not in have and self._may_be_included(access, resource):
                have.add(key)
                included.append(resource)

        for name, value in parameters:
            source, _, rest = value.partition(":")
            wanted, _, target = rest.partition(":")
            if name.partition(":")[0] == "_include" and source == kind:
                for resource in found:
                    for parameter in fhir_search.reference_names(kind) if wanted == "*" else [wanted]:
                        for reference in fhir_search.references(resource, parameter):
                            other_kind, _, other_id = reference.removeprefix(f"{self.base_url}/").partition("/")
                            other = self.store.get(other_kind, other_id)
                            if other is not None and target in ("", other_kind):
                                add(other)
            elif name.partition(":")[0] == "_revinclude" and source in TYPES:
                pointers = {f"{resource['resourceType']}/{resource['id']}" for resource in found}
                for other in self.store.resources(source):
                    if pointers & set(fhir_search.references(other, wanted)):
                        add(other)
        return included

    def _may_be_included(self, access: Access, resource: Resource) -> bool:
        kind = str(resource["resourceType"])
        if access.is_own_profile(kind, str(resource["id"])):
            return True
        for letter in (READ, SEARCH):
            try:
                grants = access.require(letter, kind, "include")
            except Refused:
                continue
            if access.reaches(grants, resource, "include"):
                return True
        return False

    def _search_bundle(self, kind: str, asked: Interaction, found: list[Resource], included: list[Resource]) -> Resource:
        wanted = dict(asked.parameters)
        found = _sorted(found, wanted.get("_sort", ""))
        count, offset = _whole(wanted.get("_count"), _PAGE), _whole(wanted.get("_offset"), 0)
        shown = found[offset : offset + count]
        used = [
            (name, value)
            for name, value in asked.parameters
            if name in fhir_search.RESULT_PARAMETERS or not kind or fhir_search.definition(kind, name.partition(":")[0])
        ]
        bundle: Resource = {
            "resourceType": "Bundle",
            "id": new_id(),
            "meta": {"lastUpdated": _instant(datetime.now(UTC))},
            "type": "collection" if self.defects("search_answers_with_collection") else "searchset",
            "total": len(found),
            "link": [{"relation": "self", "url": self._link(kind, used)}],
        }
        if wanted.get("_summary") == "count":
            return bundle
        if self.variant("omits_total_of_search"):
            del bundle["total"]
        if count and offset + count < len(found):
            paging = [pair for pair in used if pair[0] != "_offset"] + [("_offset", str(offset + count))]
            bundle["link"].append({"relation": "next", "url": self._link(kind, paging)})
        entries = [self._entry(resource, "match") for resource in shown] + [self._entry(resource, "include") for resource in included]
        if entries:
            bundle["entry"] = entries
        return bundle

    def _entry(self, resource: Resource, mode: str) -> Resource:
        return {"fullUrl": f"{self.base_url}/{resource['resourceType']}/{resource['id']}", "resource": resource, "search": {"mode": mode}}

    def _link(self, kind: str, parameters: list[tuple[str, str]]) -> str:
        query = urlencode(parameters, quote_via=quote, safe="/|:,*")
        return f"{self.base_url}/{kind}" + (f"?{query}" if query else "")

    # -- writes ---------------------------------------------------------------------------------------------------------

    def _create(self, access: Access, kind: str, asked: Interaction, resource_id: str | None = None) -> Answer:
        grants = access.require(CREATE, kind, "create")
        body = _resource_body(asked.body, kind)
        if kind == "Basic":
            self.app_state.require_open()
            body = self.app_state.check_new(body)
        self._require_reach(access, grants, body, "create")
        if kind == "Basic":
            self.app_state.check_room(list(self.store.resources(kind)))
        kept_id = str(body["id"]) if kind == "Basic" and "id" in body else resource_id
        stored = self.store.create(body, kept_id)
        if kind == "Basic":
            self.app_state.note_owner(stored, access.token.client_id)
        if self.defects("create_answers_200"):
            return Answer(200, stored)
        return Answer(201, stored, self._stored_headers(stored))

    def _update(self, access: Access, kind: str, resource_id: str, asked: Interaction) -> Answer:
        grants = access.require(UPDATE, kind, "update")
        body = _resource_body(asked.body, kind)
        if body.get("id") != resource_id:
            raise Refused(400, "invalid", "The id in the body differs from the one in the address.")
        current = self.store.get(kind, resource_id)
        if current is not None:
            self._require_reach(access, grants, current, "update")
        elif kind != "Basic" and self.defects("update_needs_create_scope_for_new_id"):
            access.require(CREATE, kind, "create")
        if current is None or not self.defects("updates_move_resources_to_other_patients"):
            self._require_reach(access, grants, body, "update")
        self._check_version(kind, resource_id, asked, current, body)
        stored = self.store.put(body)
        return Answer(200 if current is not None else 201, stored, self._stored_headers(stored))

    def _patch(self, access: Access, kind: str, resource_id: str, asked: Interaction) -> Answer:
        grants = access.require(UPDATE, kind, "patch")
        current = self._current(kind, resource_id)
        self._require_reach(access, grants, current, "patch")
        if not isinstance(asked.body, list):
            raise Refused(400, "structure", "The body has to be a JSON Patch.")
        body = _patched(current, asked.body)
        if body.get("id") != resource_id or body.get("resourceType") != kind:
            raise Refused(422, "business-rule", "A patch cannot change type or id.")
        if not self.defects("patches_move_resources_to_other_patients"):
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
        self.store.delete(kind, resource_id)
        return Answer(204)

    def _check_version(self, kind: str, resource_id: str, asked: Interaction, current: Resource | None, body: Resource | None) -> None:
        if_match = asked.header("if-match")
        if kind == "Basic":
            self.app_state.check_change(if_match, self.store.history(kind, resource_id), current, body)
        elif if_match and current is not None and if_match not in (f'W/"{current["meta"]["versionId"]}"', "*"):
            raise Refused(412, "conflict", "The resource was changed by somebody else meanwhile.")

    def _stored_headers(self, stored: Resource) -> dict[str, str]:
        version = stored["meta"]["versionId"]
        headers = _version_headers(stored)
        if stored["resourceType"] == "Basic" and self.defects("app_state_answers_lack_etag"):
            del headers["ETag"]
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
        answers = self._transaction(inner, entries) if kind == "transaction" else [self._batch_entry(inner, entry) for entry in entries]
        if kind == "batch" and self.defects("batch_response_lacks_entries"):
            answers = [answer for answer in answers if answer["response"]["status"] < "300"]
        return Answer(200, {"resourceType": "Bundle", "type": f"{kind}-response", "entry": answers})

    def _batch_entry(self, access: Access, entry: Resource) -> Resource:
        try:
            return _entry_of(self.perform(access, self._interaction(entry)))
        except Refused as refusal:
            return {"response": {"status": str(refusal.status), "outcome": outcome(refusal.code, refusal.text)}}

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
                asked = self._interaction(_renamed(entry, names))
                if index in chosen:
                    answers[index] = _entry_of(self._create(access, asked.path.strip("/"), asked, chosen[index]))
                else:
                    answers[index] = _entry_of(self.perform(access, asked))
        except Refused:
            self.store.restore(before)
            raise
        return answers

    def _interaction(self, entry: Resource) -> Interaction:
        request = entry["request"]
        url = str(request.get("url", "")).removeprefix(f"{self.base_url}/").lstrip("/")
        path, _, query = url.partition("?")
        if not path:
            raise Refused(400, "not-supported", "An entry has to name a resource type.")
        headers = {
            header: str(request[name]) for name, header in (("ifMatch", "if-match"), ("ifNoneMatch", "if-none-match")) if name in request
        }
        raw = "absolute " if str(request.get("url", "")).startswith(self.base_url) else ""
        return Interaction(str(request.get("method", "")), path, tuple(parse_qsl(query)), headers, entry.get("resource"), raw)


def routes(state: State, defects: Defects, variant: Variants, options: SandboxOptions, store: Store | None = None) -> list[Route]:
    """Return the routes of the FHIR server, with their full paths from `/fhir` on."""
    server = FhirServer(state, defects, variant, store if store is not None else seed_store())

    def _token_of(value: str | None, asked: Interaction) -> AccessToken:
        return judge_token(value, state, defects, app_state=asked.path.startswith("Basic"), forms=asked.forms)

    async def endpoint(request: Request) -> Response:
        presented = False
        try:
            asked, credentials, problem = await _read_request(request)
            value = presented_token(credentials, defects, variant)
            presented = value is not None
            access = Access(_token_of(value, asked), state, defects, variant)
            if problem is not None:
                raise problem
            response = _answer_response(server.perform(access, asked), defects)
        except Refused as refusal:
            response = _refusal_response(refusal, options, defects, presented=presented, token=request.headers.get("authorization", ""))
        _add_common_headers(response, variant)
        return response

    async def metadata(request: Request) -> Response:
        if defects("metadata_demands_token") and not request.headers.get("authorization"):
            response = _refusal_response(Refused(401, "login", "An access token is required."), options, defects, presented=False, token="")
        else:
            response = _json(200, capability_statement(state, defects, variant, options))
        _add_common_headers(response, variant)
        return response

    return [
        Route("/fhir/metadata", metadata, methods=["GET"]),
        Route("/fhir", endpoint, methods=_METHODS),
        Route("/fhir/{path:path}", endpoint, methods=_METHODS),
    ]


def capability_statement(state: State, defects: Defects, variant: Variants, options: SandboxOptions) -> Resource:
    """Return what this server can do, with the OAuth addresses that apps of the first edition look for."""
    base = state.base_url
    addresses = {
        "authorize": base + options.profile.authorize_path,
        "token": base + options.profile.token_path,
        "introspect": f"{base}/oauth/introspect",
        "revoke": f"{base}/oauth/revoke",
        "manage": f"{base}/oauth/manage",
    }
    if defects("metadata_token_uri_differs"):
        addresses["token"] = f"{base}/oauth/v1/token"
    if defects("metadata_authorize_uri_differs"):
        addresses["authorize"] = f"{base}/oauth/v1/authorize"
    if defects("metadata_lacks_token_uri"):
        del addresses["token"]
    if variant("writes_metadata_uris_relative"):
        addresses = {name: address.removeprefix(base) for name, address in addresses.items()}
    service = {"coding": [{"system": _SECURITY_SERVICE, "code": "SMART-on-FHIR"}], "text": "OAuth2 using SMART-on-FHIR profile"}
    if defects("metadata_lacks_smart_service"):
        service = {"coding": [{"system": _SECURITY_SERVICE, "code": "OAuth"}], "text": "OAuth"}
    security: dict[str, Any] = {"cors": True, "service": [service]}
    if not defects("metadata_lacks_oauth_uris"):
        security["extension"] = [
            {"url": _OAUTH_URIS, "extension": [{"url": name, "valueUri": address} for name, address in addresses.items()]}
        ]
    interactions = ["read", "search-type"]
    of_system = ["search-system"]
    if not variant("offers_no_writes"):
        interactions += ["create", "update", "patch", "delete"]
    if not variant("offers_no_history"):
        interactions += ["vread", "history-instance", "history-type"]
        of_system += ["history-system"]
    if not variant("offers_no_batch"):
        of_system += ["batch", "transaction"]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-21",
        "publisher": "Lakeside Hospital",
        "kind": "instance",
        **({} if variant("keeps_no_app_state") else {"instantiates": [_APP_STATE_SERVER]}),
        "software": {"name": "Lakeside EHR"},
        "implementation": {"description": "Lakeside EHR, an embedded server for tests", "url": state.fhir_base_url},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "patchFormat": ["application/json-patch+json"],
        "rest": [
            {
                "mode": "server",
                "security": security,
                "resource": [
                    {
                        "type": kind,
                        "interaction": [{"code": code} for code in interactions],
                        "versioning": "versioned",
                        "readHistory": "vread" in interactions,
                        "updateCreate": "update" in interactions,
                        "searchInclude": [f"{kind}:{name}" for name in fhir_search.reference_names(kind)],
                        "searchParam": [
                            {"name": name, "type": definition[0]} for name, definition in sorted(fhir_search.PARAMETERS[kind].items())
                        ],
                    }
                    for kind in TYPES
                ],
                "interaction": [{"code": code} for code in of_system],
            }
        ],
    }


# -- requests and answers -----------------------------------------------------------------------------------------------


async def _read_request(request: Request) -> tuple[Interaction, Credentials, Refused | None]:
    """Return what is asked, the tokens sent along, and what is wrong with the request apart from those."""
    path = str(request.path_params.get("path", ""))
    parameters = request.query_params.multi_items()
    query_token = request.query_params.get("access_token")
    body: Any = None
    form_token = None
    raw = await request.body()
    if len(raw) > _BODY_LIMIT:
        raise Refused(413, "too-long", "The request body is too large.")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    problem: Refused | None = None
    if raw and media_type == _FORM:
        form = parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True)
        form_token = next((value for name, value in form if name == "access_token"), None)
        if path.rstrip("/").endswith("_search"):
            parameters = [*parameters, *form]
        else:
            problem = Refused(415, "not-supported", "A form is accepted for a search only.")
    elif raw and request.method in ("POST", "PUT", "PATCH"):
        try:
            body = parse_json(raw)
        except ValueError:
            problem = Refused(400, "structure", "The request body is not JSON that can be read.")
        if media_type not in ("application/fhir+json", "application/json", "application/json-patch+json"):
            problem = Refused(415, "not-supported", f"This server cannot read {media_type or 'a body without type'}.")
    search = request.method == "GET" and "/" not in path.strip("/")
    credentials = Credentials(request.headers.get("authorization"), query_token, form_token, search)
    accept = f"{request.headers.get('accept', '')} {request.query_params.get('_format', '')}"
    if "xml" in accept and "json" not in accept and "*/*" not in accept:
        problem = problem or Refused(406, "not-supported", "This server answers in JSON only.")
    method = "GET" if request.method == "HEAD" else request.method
    kept = tuple((name, value) for name, value in parameters if name != "access_token")
    sent = f"{request.method} {request.scope.get('raw_path', b'').decode('latin-1')}"
    return Interaction(method, path, kept, dict(request.headers.items()), body, sent), credentials, problem


def _answer_response(answer: Answer, defects: Defects) -> Response:
    if answer.resource is None:
        return Response(status_code=answer.status, headers=answer.headers)
    response = _json(answer.status, answer.resource)
    if defects("answers_fhir_in_latin_1"):
        body = json.dumps(answer.resource, ensure_ascii=False).encode("latin-1", "replace")
        response = Response(body, status_code=answer.status, media_type="application/fhir+json; charset=iso-8859-1")
    if defects("answers_fhir_as_html"):
        response.headers["Content-Type"] = "text/html; charset=utf-8"
    response.headers.update(answer.headers)
    return response


def _refusal_response(refusal: Refused, options: SandboxOptions, defects: Defects, *, presented: bool, token: str) -> Response:
    """Turn a refusal into an answer; the form of RFC 6750 for 401 and 403, an OperationOutcome for all."""
    if refusal.status == 401 and not presented and defects("redirects_missing_token_to_login"):
        return RedirectResponse("/chart", status_code=302)
    challenge = ""
    if refusal.status == 401 or refusal.error:
        challenge = _challenge(refusal, options, defects, presented=presented)
    told = Told(refusal, token, refusal.status, refusal.text, challenge, presented=presented)
    spoil(defects, told, REFUSAL)
    if told.hidden:
        return _json(200, {"resourceType": "Bundle", "type": "searchset", "total": 0})
    response: Response = _json(told.status, outcome(refusal.code, told.text))
    if defects("refuses_without_operation_outcome"):
        response = Response(f"<h1>{told.status}</h1>", status_code=told.status, media_type="text/html")
    response.headers.update(refusal.headers)
    if told.challenge:
        response.headers["WWW-Authenticate"] = told.challenge
    return response


def _challenge(refusal: Refused, options: SandboxOptions, defects: Defects, *, presented: bool) -> str:
    if refusal.status == 401 and defects("omits_www_authenticate"):
        return ""
    scheme = "Basic" if refusal.status == 401 and defects("challenges_with_basic") else "Bearer"
    if refusal.status == 401 and defects("challenge_has_no_parameters"):
        return scheme
    parts = [f'realm="{options.profile.realm}"']
    error = refusal.error
    if refusal.status == 401 and not presented and defects("challenge_names_error_without_token"):
        error = "invalid_token"
    if error == "invalid_token" and presented:
        if defects("challenge_lacks_error_for_bad_token"):
            error = ""
        elif defects("challenge_names_wrong_error"):
            error = "invalid_request"
    if error == "insufficient_scope" and defects("challenge_lacks_insufficient_scope"):
        error = ""
    if error:
        parts.append(f'error="{error}"')
        if error == "invalid_token" and defects("challenge_repeats_error"):
            parts.append('error="invalid_request"')
        if error == "invalid_token" and defects("challenge_has_foreign_characters"):
            return f"{scheme} " + ", ".join([*parts, 'error_description="Le jeton est expiré"'])
        description = refusal.text.partition(".")[0].replace('"', "'")
        parts.append(f'error_description="{description}"')
    return f"{scheme} " + ", ".join(parts)


def _add_common_headers(response: Response, variant: Variants) -> None:
    if not variant("sends_no_request_id"):
        response.headers["X-Request-Id"] = secrets.token_hex(8)
    response.headers.setdefault("Cache-Control", "no-store")


def _json(status: int, resource: Resource) -> Response:
    return JSONResponse(resource, status_code=status, media_type=FHIR_JSON)


def _version_headers(resource: Resource) -> dict[str, str]:
    modified = datetime.fromisoformat(resource["meta"]["lastUpdated"])
    return {"ETag": f'W/"{resource["meta"]["versionId"]}"', "Last-Modified": format_datetime(modified.astimezone(UTC), usegmt=True)}


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


def _resource_body(body: Any, kind: str) -> Resource:
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


def _patched(resource: Resource, operations: list[Any]) -> Resource:
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


def _sorted(resources: list[Resource], order: str) -> list[Resource]:
    keys = {"date": "effectiveDateTime", "_lastUpdated": "meta", "birthdate": "birthDate", "authoredon": "authoredOn", "_id": "id"}
    for name in reversed([part for part in order.split(",") if part]):
        key = keys.get(name.lstrip("-"))
        if key:
            resources = sorted(resources, key=lambda resource, key=key: _sort_text(resource, key), reverse=name.startswith("-"))  # type: ignore[misc]
    return resources


def _sort_text(resource: Resource, key: str) -> str:
    value = resource.get(key) or resource.get("period") or resource.get("date") or ""
    if isinstance(value, dict):
        value = value.get("lastUpdated") or value.get("start") or ""
    return str(value)


def _whole(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isdecimal():
        raise Refused(400, "invalid", f"{text} is no number of results.")
    return int(text)


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
