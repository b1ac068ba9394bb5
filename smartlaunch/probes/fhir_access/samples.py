"""Samples of the patient's data, found with the app's own grant: nothing of a server's data is assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smartlaunch.checks.fhir_answer import disclosed
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable, NotConfigured, TwinFailed
from smartlaunch.exchange import TRANSIENT
from smartlaunch.fhir import describe, link, resources
from smartlaunch.oauth.id_token import decode
from smartlaunch.probes.fhir_access.grants import covering, covers, scope
from smartlaunch.probes.fhir_access.offered import offers
from smartlaunch.probes.registered import unless_named

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.client.fhir import Fhir
    from smartlaunch.client.grant import Grant
    from smartlaunch.exchange import Exchange

Query = tuple[tuple[str, str], ...]

PREFERRED = (
    "Observation",
    "Condition",
    "AllergyIntolerance",
    "MedicationRequest",
    "Procedure",
    "Immunization",
    "DiagnosticReport",
    "DocumentReference",
    "CarePlan",
    "Goal",
    "Encounter",
    "ExplanationOfBenefit",
    "Coverage",
    "ServiceRequest",
    "MedicationStatement",
    "MedicationDispense",
    "CareTeam",
    "QuestionnaireResponse",
)
"""Types that belong to one patient and are searched by ``patient``, the commonest first; a payer has other ones than a clinic.

Clinicians, places and Patient itself are not here: servers may open them to every app, so their refusal cannot be demanded.
"""

NEEDED = {
    "Observation": ("vital-signs", "laboratory", "social-history"),
    "Condition": ("problem-list-item", "encounter-diagnosis", "health-concern"),
    "DocumentReference": ("clinical-note",),
    "CarePlan": ("assess-plan",),
    "DiagnosticReport": ("LAB",),
}
"""Categories to search by where a server refuses a search without one."""

_ENOUGH = 3


@dataclass(frozen=True)
class Sample:
    """A resource of the server, with the search that found it, a link that was given for it, and one that the token does reach."""

    resource: Mapping[str, Any]
    query: Query = ()
    link: str = ""
    beside: Sample | None = None
    identifier: str = ""
    """An identifier of its patient, as a search writes it."""

    @property
    def type(self) -> str:
        """The resource type."""
        return str(self.resource.get("resourceType", ""))

    @property
    def id(self) -> str:
        """The logical id."""
        return str(self.resource.get("id", ""))

    @property
    def reference(self) -> str:
        """``Type/id``."""
        return f"{self.type}/{self.id}"

    @property
    def version(self) -> str:
        """The version, or an empty string."""
        meta = self.resource.get("meta")
        return str(meta.get("versionId", "")) if isinstance(meta, dict) else ""

    @property
    def categories(self) -> tuple[tuple[str, str], ...]:
        """The codings of its ``category``, as system and code."""
        return categories(self.resource)


def categories(resource: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The codings of a resource's ``category``, as system and code."""
    found = []
    listed = resource.get("category")
    for concept in listed if isinstance(listed, list) else [listed]:
        coding = concept.get("coding") if isinstance(concept, dict) else None
        for one in coding if isinstance(coding, list) else []:
            if isinstance(one, dict) and isinstance(one.get("code"), str):
                found.append((str(one.get("system", "")), one["code"]))
    return tuple(dict.fromkeys(found))


def identifier_of(resource: Mapping[str, Any]) -> str:
    """An identifier of a resource as a search writes it, or an empty string."""
    listed = resource.get("identifier")
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict) and one.get("value"):
            return f"{one.get('system', '')}|{one['value']}"
    return ""


# -- whose data ---------------------------------------------------------------------------------------------------------------


def patient(app: App) -> str:
    """The patient in context."""
    found = app.grant().token.patient or app.engine.target.patients.default
    if not found:
        raise NotConfigured("no patient is in context and the target file names none in [patients] default", key="[patients] default")
    return found


def other_patient(app: App) -> str:
    """A patient other than the one in context, by the target file; one whom the app's user sees where it names such a one.

    A second user may see others than the first, and only a patient on the user's own list can be chosen to show that the data are there.
    """
    patients, seen = app.engine.target.patients, (app.user.patients if app.user is not None else None) or ()
    named = [p for p in (patients.other, patients.default, *seen) if p and p != patient(app)]
    found = next((p for p in named if p in seen), named[0] if named else "")
    if not found:
        raise NotConfigured("the target file names no other patient in [patients] other", key="[patients] other")
    return found


def fhir_user(app: App) -> str:
    """The signed-in user's resource as ``Type/id``, or an empty string; ``fhirUser`` may open it beside all scopes."""
    token, user = app.grant().token, app.user
    claim = decode(token.id_token).claims.get("fhirUser") if token.id_token else None
    text = claim if isinstance(claim, str) else (user.fhir_user if user is not None else "") or ""
    return "/".join(text.rstrip("/").split("/")[-2:])


# -- finding them -------------------------------------------------------------------------------------------------------------


def search(app: App, kind: str, patient: str, token: str) -> tuple[Exchange, Query]:
    """Search a type for one patient, with a category where the server will not search without one."""
    return searched(app.engine.fhir, kind, (("patient", patient),) if kind != "Patient" else (("_id", patient),), token)


def searched(fhir: Fhir, kind: str, query: Query, token: str) -> tuple[Exchange, Query]:
    """Put a search, with a category where the server will not search without one; gives the query that it came to."""
    exchange = fhir.search(kind, query, token)
    if exchange.heard.status in (400, 422):
        for category in NEEDED.get(kind, ()):
            narrower = (*query, ("category", category))
            again = fhir.search(kind, narrower, token)
            if 200 <= again.heard.status < 300:
                return again, narrower
    return exchange, query


def gather(fhir: Fhir, kind: str, query: Query, token: str) -> tuple[Exchange, list[Sample]]:
    """What a search finds, of each category where the server will not search without one or its first page has one only."""
    exchange, narrowed = searched(fhir, kind, query, token)
    found = {str(r["id"]): Sample(r, narrowed) for r in resources(exchange.heard, kind) if r.get("id")}
    more = link(exchange.heard, "next") and len({one.categories for one in found.values()}) < _SOME
    further = [(*query, ("category", one)) for one in NEEDED.get(kind, ())] if narrowed != query or more else []
    for other in further:
        if other != narrowed:
            for resource in resources(fhir.search(kind, other, token).heard, kind):
                if resource.get("id"):
                    found.setdefault(str(resource["id"]), Sample(resource, other))
    return exchange, list(found.values())


_SOME = 2


def samples(app: App) -> dict[str, list[Sample]]:
    """Resources of the patient in context by type, found with the app's own grant: up to three types with data."""
    return app.once("samples of the patient", lambda: _samples(app, app.grant(), patient(app)))


def sample(app: App, number: int = 0) -> Sample:
    """A resource of the type at this place among those with data; 0 is the one that narrow scopes name, 1 the one they leave out."""
    found = list(samples(app).values())
    if number >= len(found):
        few = NotApplicable(f"fewer than {number + 1} types with data of the patient can be read and searched with the app's own grant")
        raise unless_named(app, number + 1, few)
    return found[number][0]


_MANY = 12


def kinds(app: App) -> list[str]:
    """Every type of patients' data that the app's own grant or its registration covers, the commonest first."""
    own = [*app.grant().granted, *app.client.registered.scopes]
    listed = (*PREFERRED[: _MANY - 1], "RelatedPerson", *PREFERRED[_MANY - 1 :])
    return [kind for kind in listed if all(covers(own, kind, letter) for letter in "rs")][:_MANY]


def _samples(app: App, grant: Grant, whose: str) -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = {}
    refusals: list[str] = []
    silent: list[Exchange] = []
    for kind in PREFERRED:
        if not all(covers(grant.granted, kind, letter) for letter in "rs"):
            continue
        exchange, matches = _found(app, kind, whose, grant.access_token)
        if exchange.heard.status in (0, *TRANSIENT):
            silent.append(exchange)
        if matches:
            found[kind] = matches
        elif not 200 <= exchange.heard.status < 300:
            refusals.append(f"{kind}: {describe(exchange.heard, exchange.error)}")
        if len(found) == _ENOUGH:
            break
    if not found and refusals:
        found = _one_by_one(app, grant, whose)
    if not found and silent:
        answered(silent[0])
    if not found and refusals and not any(offers(app, kind, "search-type") for kind in PREFERRED):
        read = app.engine.fhir.read(f"Patient/{whose}", grant.access_token)
        if disclosed(read, "Patient"):
            return {"Patient": [Sample(read.answer.object, (("_id", whose),))]}  # all that a server without searches lets be found
        raise NotApplicable("the CapabilityStatement offers no search of any type with data of a patient, and every search was refused")
    if not found and refusals:
        raise TwinFailed(
            f"every search under the app's own grant was refused: {'; '.join(refusals)}",
            waited_for="data that the granted scopes cover",
            hint="the scenario on granted access of this suite shows the answers",
        )
    return found


def _one_by_one(app: App, own: Grant, whose: str) -> dict[str, list[Sample]]:
    """Resources found under one scope at a time, where the whole grant finds nothing: the server may not add scopes up."""
    found: dict[str, list[Sample]] = {}
    for kind in [k for k in PREFERRED if covers(own.granted, k, "s")][:2]:
        try:
            grant = covering(app, [scope(app, kind, "rs")])
        except NotApplicable:
            continue
        _, matches = _found(app, kind, whose, grant.access_token)
        if matches:
            found[kind] = matches
    return found


def _found(app: App, kind: str, whose: str, token: str) -> tuple[Exchange, list[Sample]]:
    exchange, matches = gather(app.engine.fhir, kind, (("patient", whose),), token)
    if exchange.response is None or exchange.response.status in TRANSIENT:
        return exchange, []  # one type whose back end is slow or away says nothing of the others
    return exchange, matches


# -- what is in them ----------------------------------------------------------------------------------------------------------


def references_in(value: object) -> list[str]:
    """The relative references anywhere inside an element; absolute ones are cut to type and id."""
    if isinstance(value, list):
        return [r for one in value for r in references_in(one)]
    if not isinstance(value, dict):
        return []
    found = [r for key, one in value.items() if key != "reference" for r in references_in(one)]
    reference = value.get("reference")
    if isinstance(reference, str) and "/" in reference and not reference.startswith(("#", "urn:")):
        found.append("/".join(reference.rstrip("/").split("/_history")[0].split("/")[-2:]))
    return found


def texts_in(value: object) -> list[str]:
    """The texts anywhere inside an element."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [t for key, one in value.items() if key not in ("use", "system", "country", "state") for t in texts_in(one)]
    return [t for one in value for t in texts_in(one)] if isinstance(value, list) else []
