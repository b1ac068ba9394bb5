"""Who may do what at the FHIR server: the bearer token, the scope matrix, the patient compartment.

Three questions in this order.  Does the token hold (401)?  Do its scopes allow this interaction on this type (403)?  Do they allow
this very resource: the compartment of `patient/`, the patients of the user for `user/`, the search parameters of a granular scope?
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from smartlaunch.embedded_ehr import fhir_search
from smartlaunch.embedded_ehr.defects.fhir_access import (
    EXPIRED,
    OTHER_PATIENT,
    OTHER_VALUE,
    REVOKED,
    TOKENLESS,
    TRUSTED,
    UNGRANTED,
    Beyond,
    Tokenless,
)
from smartlaunch.embedded_ehr.defects.spoiling import excused
from smartlaunch.embedded_ehr.fhir_refusal import Refused
from smartlaunch.embedded_ehr.scopes import CREATE, DELETE, INTERACTIONS, READ, SEARCH, UPDATE, ResourceScope, resource_scopes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smartlaunch.embedded_ehr.defects import Defects, Variants
    from smartlaunch.embedded_ehr.state import AccessToken, State

Resource = dict[str, Any]

# Where a resource names the patient it belongs to. A type that is not here is shared by all, like a clinician or a place.
COMPARTMENT: dict[str, tuple[str, ...]] = {
    "AllergyIntolerance": ("patient",),
    "Basic": ("subject",),
    "Condition": ("subject",),
    "DocumentReference": ("subject",),
    "Encounter": ("subject",),
    "MedicationRequest": ("subject",),
    "Observation": ("subject",),
    "Patient": (),
    "RelatedPerson": ("patient",),
}
_PATIENT_OPTIONAL = frozenset({"Basic"})
_INCLUDES = ("include", "include iterate", "revinclude", "everything")


def insufficient_scope(text: str) -> Refused:
    """Return the refusal of a request whose token is good but does not reach that far."""
    return Refused(403, "forbidden", text, error="insufficient_scope")


def invalid_token(text: str) -> Refused:
    """Return the refusal of a token that does not hold."""
    return Refused(401, "login", text, error="invalid_token")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where the request carried a token, by each of the transports of RFC 6750."""

    header: str | None
    query: str | None
    form: str | None
    search: bool = False


def presented_token(credentials: Credentials, defects: Defects, variant: Variants) -> str | None:
    """Find the access token of a request; only the Authorization header counts, and no second one may come beside it."""
    twice = credentials.header and (credentials.query or credentials.form)
    if twice and not defects("accepts_token_sent_twice") and not variant("ignores_tokens_outside_the_header"):
        raise Refused(400, "invalid", "An access token is to be sent once, in the Authorization header.", error="invalid_request")
    if credentials.header:
        scheme, _, value = credentials.header.partition(" ")
        if not value and defects("fails_on_a_token_without_a_scheme"):
            raise Refused(500, "exception", "Internal error.")
        if scheme.lower() == "bearer" and value.strip():
            if scheme != "Bearer" and defects("demands_capitalised_bearer"):
                return None
            return value.strip()
        if value.strip() and defects("accepts_token_under_any_scheme"):
            return value.strip()
        if not value and defects("accepts_token_without_scheme"):
            return scheme
    if credentials.query and (defects("accepts_token_in_query") or defects("accepts_token_sent_twice")):
        return credentials.query
    if credentials.query and defects("lets_an_answer_to_a_token_in_the_query_be_shared"):
        return credentials.query
    if credentials.query and credentials.search and defects("accepts_token_in_query_of_search"):
        return credentials.query
    if credentials.form and variant("accepts_token_in_form_body"):
        return credentials.form
    return None


def judge_token(value: str | None, state: State, defects: Defects, *, app_state: bool, forms: frozenset[str] = frozenset()) -> AccessToken:
    """Return the token a request acts with, or refuse with 401."""
    if value is None:
        if excused(defects, Tokenless(app_state=app_state, forms=forms), TOKENLESS):
            return anybody(state)
        raise Refused(401, "login", "An access token is required.")
    token = state.lookup_access_token(value)
    if token is None and defects("compares_tokens_without_regard_to_case"):
        token = next((known for issued, known in state.access_tokens.items() if issued.lower() == value.lower()), None)
    if token is None and defects("accepts_token_with_something_behind_it"):
        token = next((known for issued, known in state.access_tokens.items() if value.startswith(issued)), None)
    if token is None and defects("ignores_the_end_of_a_token"):
        token = next((known for issued, known in state.access_tokens.items() if issued[:-4] == value[:-4]), None)
    if token is None:
        token = _taken_for_one(value, state, defects, forms)
        if token is None:
            raise invalid_token("The access token is not known here.")
        return token
    if token.seen and defects("accepts_token_only_once"):
        raise invalid_token("The access token was used already.")
    known = token.seen
    token.seen = True
    remembered = known and token.revoked and defects("remembers_tokens_that_were_used_before_their_revocation")
    if token.revoked and not remembered and not excused(defects, forms, REVOKED):
        raise invalid_token("The access token was revoked.")
    if token.user is None and defects("does_not_know_backend_tokens"):
        raise invalid_token("The access token is not known.")
    late = token.user is None and {"search", "search by post"} & forms and defects("accepts_expired_backend_token_for_searches")
    late = late or (bool(token.context.get("_renewed")) and defects("accepts_expired_token_of_a_refresh"))
    if state.now() >= token.expires_at and not late and not excused(defects, forms, EXPIRED):
        raise invalid_token("The access token has expired.")
    if token.aud.rstrip("/") != state.fhir_base_url and not defects("accepts_token_for_other_audience"):
        raise invalid_token("The access token is for another server.")
    if defects("refuses_every_token"):
        raise invalid_token("The access token is not accepted.")
    return token


def _taken_for_one(value: str, state: State, defects: Defects, forms: frozenset[str]) -> AccessToken | None:
    """Return the token that a broken server sees in something that is none."""
    refresh, code, beside = state.lookup_refresh_token(value), state.codes.get(value), state.lookup_id_token(value)
    if refresh is not None and defects("accepts_refresh_token_at_fhir"):
        context = (refresh.patient, refresh.encounter)
        return _made_up(state, refresh.client_id, refresh.scopes, *context, user=refresh.user, now=state.now())
    if code is not None and defects("accepts_code_at_fhir"):
        return _made_up(state, code.client_id, code.scopes, code.patient, code.encounter, user=code.user, now=state.now())
    if refresh is not None and "bundle" in forms and defects("accepts_refresh_token_for_batches"):
        context = (refresh.patient, refresh.encounter)
        return _made_up(state, refresh.client_id, refresh.scopes, *context, user=refresh.user, now=state.now())
    if beside is not None and {"search", "search by post"} & forms and defects("accepts_id_token_for_searches"):
        return beside
    if beside is not None and defects("accepts_id_token_at_fhir"):
        return beside
    if refresh is None and beside is None:
        altered = next((known for issued, known in state.access_tokens.items() if issued[:20] == value[:20]), None)
        if altered is not None and defects("accepts_altered_token"):
            return altered
        if defects("accepts_junk_token"):
            return anybody(state)
    return None


def _made_up(
    state: State, client_id: str, scopes: tuple[str, ...], patient: str | None, encounter: str | None, *, user: str | None, now: float
) -> AccessToken:
    from smartlaunch.embedded_ehr.state import AccessToken as Token

    return Token("", client_id, scopes, patient, encounter, None, user, state.fhir_base_url, now, now + 1)


def anybody(state: State) -> AccessToken:
    """Return a token that may do everything, for a server that looks at none."""
    return _made_up(state, "", ("system/*.cruds",), None, None, user=None, now=state.now())


def patients_of(resource: Resource, base_url: str) -> set[str]:
    """Return the ids of the patients whose compartment a resource is in."""
    if resource["resourceType"] == "Patient":
        return {str(resource.get("id", ""))}
    found = set()
    for path in COMPARTMENT.get(str(resource["resourceType"]), ()):
        reference = str((resource.get(path) or {}).get("reference", "")).removeprefix(f"{base_url}/")
        if reference.startswith("Patient/"):
            found.add(reference.removeprefix("Patient/"))
    return found


@dataclass
class Access:
    """What one token may do, with the broken rules of this server applied where each rule stands.

    `operation` names what is being done in words finer than the five letters (`vread`, `history`, `patch`, `search-post` ...), because
    servers forget the rule for one of them and keep it for the rest.
    """

    token: AccessToken
    state: State
    defects: Defects
    variant: Variants
    wrapper: str = ""
    forms: frozenset[str] = frozenset()
    scopes: tuple[ResourceScope, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.scopes = resource_scopes(self.token.enforced or self.token.scopes)

    # -- type level -----------------------------------------------------------------------------------------------------

    def require(self, letter: str, resource_type: str, operation: str) -> tuple[ResourceScope, ...]:
        """Return the scopes that allow the interaction on the type, or refuse with 403."""
        if excused(self.defects, self.forms, TRUSTED):
            return (ResourceScope("", "system", "*", frozenset(INTERACTIONS)),)
        versions = {scope.version for scope in self.scopes}
        if len(versions) > 1 and self.defects("ignores_v1_scopes_beside_those_of_v2"):
            self.scopes = tuple(scope for scope in self.scopes if scope.version == max(versions))
        counting = self.scopes[:1] if len(self.scopes) > 1 and self.defects("only_first_scope_counts") else self.scopes
        found = tuple(scope for scope in counting if scope.allows(letter, resource_type))
        found = self._kept(found, letter, resource_type)
        if found or self._let_through(letter, resource_type, operation):
            return found or (self._everything(),)
        granted = " ".join(scope.text for scope in self.scopes) or "none"
        raise insufficient_scope(f"The granted scopes do not allow {operation} of {resource_type}. Granted: {granted}.")

    def _kept(self, found: tuple[ResourceScope, ...], letter: str, resource_type: str) -> tuple[ResourceScope, ...]:
        """Drop what a server that is stricter than its own grant refuses to honour."""
        defects = self.defects
        if found and all(scope.version == 1 for scope in found):
            if defects("refuses_v1_scopes"):
                return ()
            if letter == SEARCH and defects("v1_read_lacks_search"):
                return ()
            if letter == DELETE and defects("v1_write_lacks_delete"):
                return ()
            if letter == CREATE and defects("v1_write_lacks_create"):
                return ()
            if letter == UPDATE and defects("v1_write_lacks_update"):
                return ()
        if found and all(scope.version == 2 for scope in found) and defects("refuses_v2_scopes"):
            return ()
        if found and all(scope.resource_type == "*" for scope in found):
            left_out = resource_type == "DocumentReference" and defects("wildcard_scopes_leave_out_documents")
            if left_out or defects("refuses_wildcard_scopes"):
                return ()
        if found and all(scope.parameters for scope in found) and defects("refuses_granular_scopes"):
            return ()
        if found and all(scope.level == "user" for scope in found) and defects("refuses_user_scopes"):
            return ()
        if found and all(scope.level == "system" for scope in found) and defects("refuses_system_scopes"):
            return ()
        if found and resource_type != "Patient" and letter in (READ, SEARCH) and defects("refuses_all_but_patient_resource"):
            return ()
        return found

    def _let_through(self, letter: str, resource_type: str, operation: str) -> bool:
        """Tell whether a broken rule lets an interaction through that no scope allows."""
        defects = self.defects
        if defects("ignores_scopes"):
            return True
        if excused(defects, Beyond(letter, resource_type, operation, self.wrapper, self.forms, self.token, self.scopes), UNGRANTED):
            return True
        if self.token.user is None and defects("ignores_scopes_of_backend_clients"):
            return True
        if self.wrapper == "batch" and defects("batch_ignores_scopes"):
            return True
        if self.wrapper == "transaction" and defects("transaction_ignores_scopes"):
            return True
        if resource_type == "Patient" and letter in (READ, SEARCH) and defects("opens_the_patient_to_every_scope"):
            return True
        held = {kind for scope in self.scopes if scope.covers_type(resource_type) for kind in scope.interactions}
        held_of_v1 = {
            kind for scope in self.scopes if scope.covers_type(resource_type) and scope.version == 1 for kind in scope.interactions
        }
        if any(letter in scope.interactions for scope in self.scopes) and defects("ignores_resource_type_of_scope"):
            return True
        if READ in held_of_v1 and letter in (CREATE, UPDATE, DELETE) and defects("v1_read_includes_write"):
            return True
        if UPDATE in held_of_v1 and letter in (READ, SEARCH) and defects("v1_write_includes_read"):
            return True
        return {
            "read": lambda: (SEARCH in held and defects("reads_with_search_scope")) or defects("read_ignores_scopes"),
            "vread": lambda: defects("vread_ignores_scopes"),
            "history": lambda: defects("history_ignores_scopes"),
            "search": lambda: (READ in held and defects("searches_with_read_scope")) or defects("search_ignores_scopes"),
            "search-post": lambda: defects("post_search_ignores_scopes"),
            "type history": lambda: defects("type_history_ignores_scopes"),
            "create": lambda: (
                (UPDATE in held and defects("creates_with_update_scope"))
                or (READ in held and defects("creates_with_read_scope"))
                or defects("create_ignores_scopes")
            ),
            "update": lambda: (
                (CREATE in held and defects("updates_with_create_scope"))
                or (READ in held and defects("updates_with_read_scope"))
                or defects("update_ignores_scopes")
            ),
            "patch": lambda: defects("patch_ignores_scopes"),
            "delete": lambda: (
                (UPDATE in held and defects("deletes_with_update_scope"))
                or (READ in held and defects("deletes_with_read_scope"))
                or defects("delete_ignores_scopes")
            ),
            **dict.fromkeys(_INCLUDES, lambda: defects("include_ignores_scopes")),
        }.get(operation, lambda: False)()

    def _everything(self) -> ResourceScope:
        """Return the reach of a request that a broken rule let through: the patient in context, else the user, else all."""
        level = "patient" if self.token.patient else "user" if self.token.user else "system"
        return ResourceScope("", level, "*", frozenset(INTERACTIONS))

    # -- resource level -------------------------------------------------------------------------------------------------

    def reaches(self, grants: Iterable[ResourceScope], resource: Resource, operation: str) -> bool:
        """Tell whether any of the scopes reaches this very resource."""
        grants = tuple(grants)
        return any(self._within_reach(scope, resource, operation) and self._fits(scope, grants, resource, operation) for scope in grants)

    def require_reach(self, grants: Iterable[ResourceScope], resource: Resource, operation: str) -> None:
        """Refuse with 403, and with nothing of the resource, unless a scope reaches it."""
        if not self.reaches(grants, resource, operation):
            raise insufficient_scope(f"The granted scopes do not reach this {resource['resourceType']}.")

    def patient_ids(self, scope: ResourceScope) -> tuple[str, ...] | None:
        """Return the patients a scope is limited to; None for no limit."""
        if scope.level == "patient":
            return (self.token.patient,) if self.token.patient else ()
        if scope.level == "user":
            user = self.state.users.get(self.token.user or "")
            return user.patients if user else ()
        return None

    def _within_reach(self, scope: ResourceScope, resource: Resource, operation: str) -> bool:
        limit = self.patient_ids(scope)
        if limit is None:
            return True
        if resource["resourceType"] not in COMPARTMENT:
            return scope.level != "patient" or not self.variant("keeps_back_shared_resources")
        belongs_to = patients_of(resource, self.state.fhir_base_url)
        if not belongs_to:
            return resource["resourceType"] in _PATIENT_OPTIONAL
        if belongs_to <= set(limit):
            return True
        if excused(self.defects, self._beyond(resource, operation, scope, belongs_to), OTHER_PATIENT):
            return True
        if scope.level == "patient" and {*map(len, belongs_to)} <= {*map(len, limit)} and self.defects("compares_patients_by_length_of_id"):
            return True
        return self._ignores_limit(scope, operation)

    def _beyond(self, resource: Resource, operation: str, scope: ResourceScope, patients: Iterable[str] = ()) -> Beyond:
        kind, asked = str(resource["resourceType"]), (self.wrapper, self.forms, self.token, self.scopes)
        return Beyond("", kind, operation, *asked, scope, frozenset(patients))

    def _ignores_limit(self, scope: ResourceScope, operation: str) -> bool:
        """Tell whether a broken rule lets a scope reach a patient it is not limited to."""
        defects = self.defects
        if self.wrapper and defects("batch_ignores_compartment"):
            return True
        if scope.level == "user":
            if operation in ("search", "search by subject", "compartment search", "search-post"):
                return defects("user_search_shows_all_patients")
            return defects("user_scope_reaches_all_patients") or defects("delegates_more_than_the_user_may")
        return {
            "read": lambda: defects("reads_other_patient"),
            "vread": lambda: defects("vreads_other_patient"),
            "history": lambda: defects("history_shows_other_patient"),
            "search": lambda: defects("search_shows_other_patient"),
            "compartment search": lambda: defects("search_shows_other_patient") or defects("compartment_search_shows_other_patient"),
            "search by subject": lambda: defects("search_shows_other_patient") or defects("search_by_subject_shows_other_patient"),
            "search-post": lambda: defects("post_search_shows_other_patient"),
            "type history": lambda: defects("type_history_shows_other_patient"),
            **dict.fromkeys(_INCLUDES, lambda: defects("include_shows_other_patient")),
            "create": lambda: defects("creates_for_other_patient"),
            **dict.fromkeys(("update", "upsert"), lambda: defects("updates_other_patient")),
            "patch": lambda: defects("patches_other_patient"),
            "delete": lambda: defects("deletes_of_other_patient"),
        }.get(operation, lambda: False)()

    def _fits(self, scope: ResourceScope, grants: tuple[ResourceScope, ...], resource: Resource, operation: str) -> bool:
        """Tell whether the search parameters of a granular scope fit the resource."""
        mixed = any(other.parameters for other in grants) and not all(other.parameters for other in grants)
        if mixed and self.defects("granular_scope_narrows_a_wider_one"):
            return all(self._parameters_match(other, resource) for other in grants)
        if not scope.parameters:
            return True
        if len(grants) > 1:
            if scope is not grants[0] and self.defects("granular_union_stops_at_first_scope"):
                return False
            if self.defects("granular_scopes_are_intersected"):
                return all(self._parameters_match(other, resource) for other in grants)
        if self._parameters_match(scope, resource):
            return True
        if excused(self.defects, self._beyond(resource, operation, scope), OTHER_VALUE):
            return True
        if operation in ("search", "search by subject", "compartment search", "search-post"):
            return self.defects("granular_parameters_ignored_on_search")
        if operation in ("read", "vread", "history"):
            return self.defects("granular_parameters_ignored_on_read")
        if operation in ("create", "update", "upsert", "patch", "delete"):
            return self.defects("granular_parameters_ignored_on_write")
        return False

    def _parameters_match(self, scope: ResourceScope, resource: Resource) -> bool:
        base_url, counting = self.state.fhir_base_url, scope.parameters
        if len(counting) > 1 and self.defects("heeds_first_parameter_of_a_scope_only"):
            counting = counting[:1]
        elif len(counting) > 1 and self.defects("heeds_last_parameter_of_a_scope_only"):
            counting = counting[-1:]
        if any("|" not in value for _, value in counting) and self.defects("ignores_search_parameters_without_a_system"):
            counting = tuple(pair for pair in counting if "|" in pair[1])
        try:
            return all(fhir_search.matches(resource, name, value, base_url) for name, value in counting)
        except fhir_search.BadSearch:
            return False

    def is_own_profile(self, resource_type: str, resource_id: str) -> bool:
        """Tell whether this is the resource of the signed-in user, which `fhirUser` lets the app read."""
        if self.token.fhir_user is None or not {"fhirUser", "profile"} & set(self.token.scopes):
            return False
        return self.token.fhir_user.removeprefix(f"{self.state.fhir_base_url}/") == f"{resource_type}/{resource_id}"
