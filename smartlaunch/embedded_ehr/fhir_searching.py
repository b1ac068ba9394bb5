"""Searches of the FHIR server: what is found within the access of a token, what comes with it, and the bundle that holds both."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from smartlaunch.embedded_ehr import fhir_search
from smartlaunch.embedded_ehr.fhir_access import COMPARTMENT, insufficient_scope
from smartlaunch.embedded_ehr.fhir_interaction import Answer, Interaction, instant, outcome, types_of
from smartlaunch.embedded_ehr.fhir_refusal import Refused
from smartlaunch.embedded_ehr.fhir_store import Resource, Store, new_id
from smartlaunch.embedded_ehr.scopes import READ, SEARCH, ResourceScope
from smartlaunch.embedded_ehr.state import new_secret

if TYPE_CHECKING:
    from smartlaunch.embedded_ehr.app_state import AppState
    from smartlaunch.embedded_ehr.defects import Defects, Variants
    from smartlaunch.embedded_ehr.fhir_access import Access

_PAGE = 50
_SMALL_PAGE = 3
_ON_THE_RESULT = frozenset({"_count", "_elements", "_sort", "_summary"})
_MORE_ON_THE_RESULT = frozenset({"_include", "_revinclude", "_sort", "_elements", "_summary", "_total"})
_FINDS_ONE = frozenset({"patient", "subject", "_id", "identifier", "_getpages"})


class Searches:
    """Searches of one store."""

    def __init__(self, base_url: str, defects: Defects, variant: Variants, store: Store, app_state: AppState) -> None:
        self.base_url, self.defects, self.variant, self.store, self.app_state = base_url, defects, variant, store, app_state
        self.types = types_of(variant)
        self.pages: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {}
        """The later pages that links lead to, by the opaque id in the link."""
        self.shown: set[str] = set()
        self.pages_opaquely = variant("pages_by_opaque_links") or variant("shows_each_page_of_a_search_once")

    def of_system(self, access: Access, asked: Interaction) -> Answer:
        """Search all types, or those that are named; or go on with an earlier search."""
        name = next((value for name, value in asked.parameters if name == "_getpages"), "")
        page = self.pages.get(name)
        if page is None and name in self.shown:
            raise Refused(410, "expired", "This page was shown already; search again.")
        if page is not None and self.variant("shows_each_page_of_a_search_once"):
            self.shown.add(name)
            del self.pages[name]
        if page is not None:
            kind, parameters = page
            return self.of_type(access, kind, replace(asked, parameters=parameters), "search")
        wanted = next((value for name, value in asked.parameters if name == "_type"), None)
        kinds = wanted.split(",") if wanted else list(self.types)
        unknown = [kind for kind in kinds if kind not in self.types]
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

    def of_type(self, access: Access, kind: str, asked: Interaction, operation: str) -> Answer:
        """Search one type."""
        if operation == "search-post" and self.variant("refuses_search_by_post"):
            raise Refused(405, "not-supported", "POST is not possible here.")
        asked = self._of_context(access, kind, self._understood(asked))
        self._require_patient(kind, asked)
        try:
            found = self._found(access, kind, asked.parameters, operation)
        except Refused as refusal:
            if refusal.status == 403 and access.token.user is None and self.defects("finds_nothing_outside_the_scopes_of_backend_services"):
                return Answer(200, self._search_bundle(kind, asked, [], []))
            raise
        if "handling=strict" in asked.header("prefer") or self.variant("refuses_unknown_search_parameters"):
            for name, _ in asked.parameters:
                plain = name.partition(":")[0]
                if plain not in fhir_search.RESULT_PARAMETERS and fhir_search.definition(kind, plain) is None:
                    raise Refused(400, "not-supported", f"{kind} cannot be searched by {plain}.")
        if kind == "Basic" and not found and self.defects("app_state_answers_a_search_without_matches_with_404"):
            raise Refused(404, "not-found", "There is no such App State.")
        included = self._included(access, kind, asked.parameters, found)
        return Answer(200, self._search_bundle(kind, asked, found, included))

    def _of_context(self, access: Access, kind: str, asked: Interaction) -> Interaction:
        """Return the search over the patient in context, where this server searches no other for an app that has one."""
        patient = access.token.patient
        if (
            not patient
            or kind not in COMPARTMENT
            or kind == "Basic"
            or not self.variant("searches_the_patient_in_context_whoever_is_named")
        ):
            return asked
        if any(scope.startswith("user/") for scope in access.token.scopes):
            return asked
        name = "_id" if kind == "Patient" else "patient"
        others = tuple(pair for pair in asked.parameters if pair[0].partition(":")[0].partition(".")[0] not in (name, "subject"))
        return replace(asked, parameters=((name, patient), *others))

    def _understood(self, asked: Interaction) -> Interaction:
        """Return the search without the parameters on its result that this server leaves aside."""
        refused = next((name for name, _ in asked.parameters if name.partition(":")[0] in _MORE_ON_THE_RESULT), "")
        if refused and self.variant("refuses_result_parameters"):
            raise Refused(400, "not-supported", f"{refused} is not possible here.")
        if not self.variant("ignores_result_parameters"):
            return asked
        return replace(asked, parameters=tuple(pair for pair in asked.parameters if pair[0] not in _ON_THE_RESULT))

    def _require_patient(self, kind: str, asked: Interaction) -> None:
        """Refuse a search over everybody's data, where this server serves searches of one patient only."""
        named = {name.partition(":")[0].partition(".")[0] for name, value in asked.parameters if value}
        wanted = _FINDS_ONE | ({"identifier", "name", "family", "given", "birthdate"} if kind == "Patient" else set())
        if kind in COMPARTMENT and kind != "Basic" and not named & wanted and self.variant("wants_a_patient_in_each_search"):
            raise Refused(400, "required", "A search has to name a patient, an _id or an identifier.")
        narrow = {"category", "code", "_id", "identifier"} & named
        if kind in ("Observation", "Condition") and not narrow and self.variant("wants_a_category_or_code_in_each_search"):
            raise Refused(400, "required", "A search has to name a category, a code or an _id.")

    def _found(self, access: Access, kind: str, parameters: tuple[tuple[str, str], ...], operation: str) -> list[Resource]:
        grants = access.require(SEARCH, kind, operation)
        if operation == "search" and any(name == "subject" for name, _ in parameters):
            operation = "search by subject"
        self._require_named_patients(access, grants, kind, parameters, operation)
        parameters = self._unchained(kind, parameters)
        filters = [(name, value) for name, value in parameters if value and fhir_search.definition(kind, name.partition(":")[0])]
        if any(name.partition(":")[0] in ("patient", "subject") for name, _ in filters) and self.defects(
            "search_ignores_patient_parameter"
        ):
            filters = [(name, value) for name, value in filters if name.partition(":")[0] not in ("patient", "subject")]
        if sum(name in ("patient", "subject") for name, _ in filters) > 1 and self.defects("heeds_one_of_two_patients_of_a_search"):
            filters = [pair for pair in filters if pair[0] != "patient"]
        if "patient twice" in access.forms and self.defects("heeds_the_last_of_two_values_of_a_patient"):
            last = [pair for pair in filters if pair[0] == "patient"][-1:]
            filters = [pair for pair in filters if pair[0] != "patient"] + last
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
                and (kind != "Basic" or not self.variant("finds_new_state_a_second_later") or _older_than_a_second(resource))
            ]
        except fhir_search.BadSearch as error:
            raise Refused(400, "invalid", str(error)) from error
        if "later page" in access.forms and self.defects("later_pages_show_other_patients"):
            found.reverse()
        if found and self.defects("search_omits_what_scopes_allow"):
            found = found[:-1]
        return found

    def _unchained(self, kind: str, parameters: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        """Return a search by the identifier of a patient behind a chain as one by those patients themselves."""
        kept = list[tuple[str, str]]()
        for name, value in parameters:
            first, _, chained = name.partition(".")
            parameter = first.partition(":")[0]
            if chained != "identifier" or fhir_search.definition(kind, parameter) is None:
                kept.append((name, value))
                continue
            patients = self.store.resources("Patient")
            kept.append(
                (
                    parameter,
                    ",".join(f"Patient/{p['id']}" for p in patients if fhir_search.matches(p, chained, value, self.base_url)) or "Patient/",
                )
            )
        return tuple(kept)

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
            open_grants = [replace(grant, resource_type="*", parameters=()) for grant in grants]
            if not access.reaches(open_grants, probe, operation) and not self.variant("finds_nothing_of_other_patients"):
                raise insufficient_scope("The granted scopes do not reach the patient named in this search.")

    def _included(self, access: Access, kind: str, parameters: tuple[tuple[str, str], ...], found: list[Resource]) -> list[Resource]:
        have = {(resource["resourceType"], resource["id"]) for resource in found}
        included: list[Resource] = []

        def add(resource: Resource, how: str) -> None:
            key = (resource["resourceType"], resource["id"])
            if key not in have and self.may_be_included(access, resource, how):
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
                                add(other, "include iterate" if name.endswith(":iterate") else "include")
            elif name.partition(":")[0] == "_revinclude" and source in self.types:
                pointers = {f"{resource['resourceType']}/{resource['id']}" for resource in found}
                for other in self.store.resources(source):
                    if pointers & set(fhir_search.references(other, wanted)):
                        add(other, "revinclude")
        return included

    def may_be_included(self, access: Access, resource: Resource, how: str) -> bool:
        """Say whether a resource that others point to may come with them."""
        kind = str(resource["resourceType"])
        if access.is_own_profile(kind, str(resource["id"])):
            return True
        for letter in (READ, SEARCH):
            try:
                grants = access.require(letter, kind, how)
            except Refused:
                continue
            if access.reaches(grants, resource, how):
                return True
        return False

    def _search_bundle(self, kind: str, asked: Interaction, found: list[Resource], included: list[Resource]) -> Resource:
        wanted = dict(asked.parameters)
        found = _sorted(found, wanted.get("_sort", ""))
        usual = _SMALL_PAGE if self.pages_opaquely else _PAGE
        count, offset = _whole(wanted.get("_count"), usual), _whole(wanted.get("_offset"), 0)
        if self.pages_opaquely:
            count = min(count, usual)
        shown = found[offset : offset + count]
        used = [
            (name, value)
            for name, value in asked.parameters
            if name in fhir_search.RESULT_PARAMETERS or not kind or fhir_search.definition(kind, name.partition(":")[0])
        ]
        bundle: Resource = {
            "resourceType": "Bundle",
            "id": new_id(),
            "meta": {"lastUpdated": instant(datetime.now(UTC))},
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
            if self.defects("forgets_the_patient_of_a_search_on_its_second_page"):
                paging = [pair for pair in paging if pair[0] != "patient"]
            bundle["link"].append({"relation": "next", "url": self._next(kind, paging)})
        entries = [self.entry(resource, "match") for resource in shown] + [self.entry(resource, "include") for resource in included]
        if self.variant("adds_an_outcome_to_searches"):
            words = outcome("informational", "Results of other sites are not included.", "information")
            entries.append({"resource": words, "search": {"mode": "outcome"}})
        if self.variant("puts_an_outcome_before_the_matches"):
            words = outcome("informational", "Results of other sites are not included.", "information")
            entries.insert(0, {"fullUrl": f"urn:uuid:{uuid.uuid4()}", "resource": words, "search": {"mode": "outcome"}})
        if self.variant("leaves_out_search_modes"):
            for entry in entries:
                if entry["search"]["mode"] == "match":
                    del entry["search"]
        if self.variant("adds_links_to_searches"):
            self._add_links(bundle, kind, used, entries)
        if entries:
            bundle["entry"] = entries
        return bundle

    def _add_links(self, bundle: Resource, kind: str, used: list[tuple[str, str]], entries: list[Resource]) -> None:
        """Add the links and scores that a Bundle may have."""
        first = [pair for pair in used if pair[0] != "_offset"]
        bundle["link"] = [{"relation": "first", "url": self._link(kind, first)}, *bundle["link"]]
        bundle["link"] += [{"relation": "last", "url": self._link(kind, first)}, {"relation": "describedby", "url": self.base_url}]
        for entry in entries:
            entry["link"] = [{"relation": "alternate", "url": f"{self.base_url}/$viewer"}]
            if entry.get("search", {}).get("mode") == "match":
                entry["search"]["score"] = 0.5

    def entry(self, resource: Resource, mode: str) -> Resource:
        """Return the entry of a bundle that holds a resource found."""
        full_url = f"{self.base_url}/{resource['resourceType']}/{resource['id']}"
        if resource["resourceType"] == "Basic" and self.defects("app_state_is_found_without_its_version"):
            resource = {name: value for name, value in resource.items() if name != "meta"}
        return {"fullUrl": full_url, "resource": resource, "search": {"mode": mode}}

    def _next(self, kind: str, paging: list[tuple[str, str]]) -> str:
        """Return the address of the next page, in which a server may write what it likes."""
        if not kind or not self.pages_opaquely:
            return self._link(kind, paging)
        name = new_secret()
        self.pages[name] = (kind, tuple(paging))
        return f"{self.base_url}?_getpages={name}"

    def _link(self, kind: str, parameters: list[tuple[str, str]]) -> str:
        query = urlencode(parameters, quote_via=quote, safe="/|:,*")
        return f"{self.base_url}/{kind}" + (f"?{query}" if query else "")


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


def _older_than_a_second(resource: Resource) -> bool:
    return (datetime.now(UTC) - datetime.fromisoformat(resource["meta"]["lastUpdated"])).total_seconds() > 1
