"""What access tokens reach at the FHIR server: samples of the patient's data, grants of chosen scopes, requests tried with both.

Nothing of a server's data is assumed: what the app's own grant finds is what the probes use. Each probe that has to be refused has a
twin, the same request with a token whose scopes cover it; without the twin's success a refusal proves nothing.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from smartlaunch.checks.fhir_answer import done
from smartlaunch.client.app import Attempt, Grant, require_settled
from smartlaunch.client.http import answered
from smartlaunch.errors import NotApplicable, TwinFailed
from smartlaunch.fhir import describe, resources
from smartlaunch.oauth import scopes as words
from smartlaunch.oauth.id_token import decode

if TYPE_CHECKING:
    from smartlaunch.client.app import App
    from smartlaunch.exchange import Exchange
    from smartlaunch.target import User

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
)
"""Types that belong to one patient and are searched by ``patient``, the commonest first.

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

INCLUDES = {
    "Observation": (("encounter", "encounter"), ("performer", "performer")),
    "Condition": (("encounter", "encounter"),),
    "MedicationRequest": (("encounter", "encounter"), ("requester", "requester")),
    "Encounter": (("participant", "participant"), ("location", "location")),
    "DocumentReference": (("encounter", "context"), ("author", "author")),
    "Procedure": (("encounter", "encounter"), ("performer", "performer")),
    "DiagnosticReport": (("encounter", "encounter"), ("result", "result"), ("performer", "performer")),
    "Immunization": (("location", "location"),),
    "AllergyIntolerance": (("recorder", "recorder"),),
}
"""Search parameters of a type that refer to another one, with the element they look at."""

SHARED = {"generalPractitioner": "general-practitioner", "managingOrganization": "organization"}
"""Elements of Patient that point to what patients share, with their search parameters."""

BODIES: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "Observation": (
        {
            "status": "final",
            "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}],
            "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]},
            "effectiveDateTime": "2020-02-02T02:02:02Z",
            "valueQuantity": {"value": 61, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
        },
        [{"op": "replace", "path": "/status", "value": "amended"}],
    ),
    "Condition": (
        {
            "clinicalStatus": {
                "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "resolved"}],
            },
            "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "problem-list-item"}]}],
            "code": {"text": "Conformance test, to be deleted"},
        },
        [{"op": "add", "path": "/recordedDate", "value": "2020-02-02"}],
    ),
}
"""What the suite writes where it may: the body without its patient, and a patch of it."""

LETTERS = {
    "read": "r",
    "vread": "r",
    "instance history": "r",
    "search": "s",
    "search by subject": "s",
    "compartment search": "s",
    "search by POST": "s",
    "type history": "s",
    "system search": "s",
    "batch with a read": "r",
    "batch with a search": "s",
    "transaction with a read": "r",
    "create": "c",
    "update": "u",
    "patch": "u",
    "delete": "d",
    "update of a new id": "u",
    "batch with a create": "c",
    "transaction with a create": "c",
    "search with _include": "s",
    "search with _revinclude": "s",
}
"""The interactions by the words of the features, with the letter of the scope that each needs."""
WRITES = frozenset(word for word, letter in LETTERS.items() if letter in "cud")
_PATCH_TYPE = "application/json-patch+json"
_LEEWAY_S = 60


@dataclass(frozen=True)
class Sample:
    """A resource that the app's own grant found, and the search that found it."""

    resource: Mapping[str, Any]
    query: tuple[tuple[str, str], ...] = ()

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


@dataclass(frozen=True)
class Trial:
    """One request put to the FHIR server, with what the token was granted.

    ``resource_type`` and ``ids`` name what the request is after; ``twin`` is the same request with a token that covers it, None where
    the request itself has to succeed.
    """

    interaction: str
    resource_type: str
    exchange: Exchange
    granted: tuple[str, ...] = ()
    twin: Exchange | None = None
    ids: frozenset[str] = frozenset()
    scope: str = ""
    wanted: tuple[tuple[str, str], ...] = ()

    @property
    def words(self) -> str:
        """The request in words."""
        return f"{self.interaction} of {self.resource_type}" if self.resource_type else self.interaction


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


def disclosed(exchange: Exchange, resource_type: str = "") -> list[dict[str, Any]]:
    """The resources of an answer, those of Bundles inside a Bundle too; OperationOutcomes do not count."""

    def walk(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        kept: list[dict[str, Any]] = []
        for one in found:
            if one.get("resourceType") == "Bundle":
                inner = one.get("entry")
                kept += walk([e["resource"] for e in inner or [] if isinstance(e, dict) and isinstance(e.get("resource"), dict)])
            elif one.get("resourceType") != "OperationOutcome":
                kept.append(one)
        return kept

    return [r for r in walk(resources(exchange.answer)) if not resource_type or r.get("resourceType") == resource_type]


@dataclass
class Reach:
    """The probes of one app; every answer is fetched once in a run."""

    app: App
    _grants: dict[str, Grant | NotApplicable] = field(default_factory=dict)
    _made: list[tuple[str, Grant]] = field(default_factory=list)

    # -- tokens -------------------------------------------------------------------------------------------------------------

    @property
    def own(self) -> Grant:
        """The grant of the scopes the app is configured with."""
        return self.app.grant()

    @property
    def patient(self) -> str:
        """The patient in context."""
        found = self.own.token.patient or self.app.engine.target.patients.default
        if not found:
            raise NotApplicable("no patient is in context and the target file names none in [patients] default")
        return found

    @property
    def other_patient(self) -> str:
        """A patient other than the one in context, by the target file."""
        patients = self.app.engine.target.patients
        found = next((p for p in (patients.other, patients.default) if p and p != self.patient), "")
        if not found:
            raise NotApplicable("the target file names no other patient in [patients] other")
        return found

    @property
    def level(self) -> str:
        """``patient`` where the app asks for such scopes, else ``user``."""
        return "patient" if any(p is not None and p.level == "patient" for p in map(words.parse, self.app.scopes)) else "user"

    @property
    def version(self) -> int:
        """The version of scopes that the app writes."""
        written = [words.version_of(s) for s in self.app.scopes]
        return 1 if 1 in written and 2 not in written else 2

    def scope(self, resource_type: str, letters: str, level: str = "", version: int = 0) -> str:
        """A scope in the app's own version of the syntax."""
        text = f"{level or self.level}/{resource_type}.{letters}"
        return words.other_version(text) if (version or self.version) == 1 else text

    def base(self, level: str) -> list[str]:
        """The scopes beside those on FHIR data; without patient scopes no patient is asked for."""
        left_out = {"offline_access", "online_access", "launch/encounter"} | ({"launch/patient"} if level == "user" else set())
        plain = [s for s in self.app.scopes if words.parse(s) is None and s not in left_out]
        if level == "patient" and not {"launch", "launch/patient"} & set(plain):
            plain.append("launch/patient")
        return plain

    def granted(self, scopes: Sequence[str], *, user: User | None = None, patient: str = "") -> Grant:
        """A living grant of these scopes on FHIR data; ``NotApplicable`` when the server refuses the request.

        A server need not grant what the app asks for, so a refusal here is no breach by itself.
        """
        self.app.grant()
        key = f"{' '.join(scopes)} of {user.name if user else ''} for {patient}"
        kept = self._grants.get(key)
        if isinstance(kept, NotApplicable):
            raise kept
        if kept is not None and self.app.living(kept):
            self.app.engine.recorder.attach_to_current(list(kept.exchanges))
            return kept
        try:
            self._grants[key] = made = self._launched(scopes, user, patient)
        except NotApplicable as exc:
            self._grants[key] = exc
            raise
        return made

    def _launched(self, scopes: Sequence[str], user: User | None, patient: str) -> Grant:
        level = "patient" if any(s.startswith("patient/") for s in scopes) else "user"
        attempt = self.attempt([*self.base(level), *scopes], user=user, patient=patient)
        answer, token = attempt.authorization, attempt.token
        if token is None or not token.succeeded:
            if token is not None:
                answered(token.exchange)
            actual = token.describe() if token is not None else answer.describe()
            raise NotApplicable(f"the server gives no token for {' '.join(scopes)}: {actual}")
        return Grant(answer, token, attempt.launch, attempt.exchanges)

    def attempt(
        self,
        scopes: Sequence[str] | None,
        *,
        user: User | None = None,
        patient: str = "",
        consent: str | Sequence[str] = "allow",
        session: str = "",
    ) -> Attempt:
        """The right flow with another ``scope``, as far as it goes; None leaves ``scope`` out."""
        app, engine = self.app, self.app.engine
        browser = session or (f"{app.client.name}-{patient}" if patient else "")
        with engine.recorder.scope("launch") as used:
            launch = engine.launches.obtain(app, user, patient=patient, session=browser) if app.launch_kind == "ehr" else None
            request = app.request(scope=scopes or (), launch=launch)
            if scopes is None:
                request = request.having(scope=None)
            answer = app.authorize(request, user=user, patient=patient, session=browser, consent=consent)
            if consent == "allow":
                require_settled(answer)
            token = app.exchange(answer) if answer.code else None
        return Attempt(answer, token, launch, tuple(used.ids))

    def covering(self, scopes: Sequence[str], *, user: User | None = None, patient: str = "") -> Grant:
        """A grant whose scopes cover these; ``NotApplicable`` names those the server left out."""
        grant = self.granted(scopes, user=user, patient=patient)
        absent = words.missing(scopes, grant.granted)
        if absent:
            raise NotApplicable(f"the server does not grant {' '.join(absent)}; it grants {' '.join(grant.granted) or 'nothing'}")
        return grant

    # -- samples ------------------------------------------------------------------------------------------------------------

    def samples(self) -> dict[str, list[Sample]]:
        """Resources of the patient in context by type, found with the app's own grant: up to three types with data."""
        return self.app.once("samples of the patient", lambda: self._samples(self.own, self.patient))

    def _samples(self, grant: Grant, patient: str) -> dict[str, list[Sample]]:
        found: dict[str, list[Sample]] = {}
        refusals = []
        for kind in PREFERRED:
            if not all(covers(grant.granted, kind, letter) for letter in "rs"):
                continue
            exchange, query = self.search(kind, patient, grant.access_token)
            matches = [Sample(r, query) for r in resources(answered(exchange), kind) if r.get("id")]
            if matches:
                found[kind] = matches
            elif not 200 <= exchange.answer.status < 300:
                refusals.append(f"{kind}: {describe(exchange.answer, exchange.error)}")
            if len(found) == 3:
                break
        if not found and refusals:
            found = self._samples_one_by_one(patient)
        if not found and refusals:
            raise TwinFailed(
                f"every search under the app's own grant was refused: {'; '.join(refusals)}",
                waited_for="data that the granted scopes cover",
                hint="the scenario on granted access of this suite shows the answers",
            )
        return found

    def _samples_one_by_one(self, patient: str) -> dict[str, list[Sample]]:
        """Resources found under one scope at a time, where the whole grant finds nothing: the server may not add scopes up."""
        found: dict[str, list[Sample]] = {}
        for kind in [k for k in PREFERRED if covers(self.own.granted, k, "s")][:2]:
            try:
                grant = self.covering([self.scope(kind, "rs")])
            except NotApplicable:
                continue
            exchange, query = self.search(kind, patient, grant.access_token)
            matches = [Sample(r, query) for r in resources(answered(exchange), kind) if r.get("id")]
            if matches:
                found[kind] = matches
        return found

    def search(self, kind: str, patient: str, token: str) -> tuple[Exchange, tuple[tuple[str, str], ...]]:
        """Search a type for one patient, with a category where the server will not search without."""
        query: tuple[tuple[str, str], ...] = (("patient", patient),) if kind != "Patient" else (("_id", patient),)
        exchange = self.app.engine.fhir.search(kind, query, token)
        if exchange.answer.status in (400, 422):
            for category in NEEDED.get(kind, ()):
                narrower = (*query, ("category", category))
                again = self.app.engine.fhir.search(kind, narrower, token)
                if 200 <= again.answer.status < 300:
                    return again, narrower
        return exchange, query

    def sample(self, number: int = 0) -> Sample:
        """A resource of the type at this place among those with data; 0 is the one that narrow scopes name, 1 the one they leave out."""
        found = list(self.samples().values())
        if number >= len(found):
            raise NotApplicable(f"fewer than {number + 1} types with data of the patient can be read and searched with the app's own grant")
        return found[number][0]

    # -- requests -----------------------------------------------------------------------------------------------------------

    def send(self, interaction: str, sample: Sample, token: str) -> Exchange:
        """The request that the words name, for a resource of the patient in context or of another one."""
        fhir, search = self.app.engine.fhir, f"{sample.type}?{urlencode(sample.query)}"
        if interaction in ("read", "read of the patient"):
            return fhir.read(sample.reference, token)
        if interaction == "vread":
            if not sample.version:
                raise NotApplicable(f"the server gives {sample.type} no version")
            return fhir.read(f"{sample.reference}/_history/{sample.version}", token)
        if interaction == "instance history":
            return fhir.read(f"{sample.reference}/_history", token)
        if interaction in ("search", "search by the patient"):
            return fhir.search(sample.type, sample.query, token)
        if interaction == "search by subject":
            return fhir.search(sample.type, [("subject", f"Patient/{v}") if k == "patient" else (k, v) for k, v in sample.query], token)
        if interaction == "compartment search":
            patient = next((v for k, v in sample.query if k == "patient"), "")
            if not patient:
                raise NotApplicable(f"the search of {sample.type} names no patient, so there is no compartment to search")
            return fhir.read(f"Patient/{patient}/{sample.type}", token)
        if interaction == "search by POST":
            return fhir.search_by_post(sample.type, sample.query, token)
        if interaction == "search without a patient":
            rest = [pair for pair in sample.query if pair[0] not in ("patient", "_id")]
            return fhir.search(sample.type, [*rest, ("_count", "200")], token)
        if interaction == "type history":
            return fhir.read(f"{sample.type}/_history", token)
        if interaction == "system search":
            return fhir.read(f"{fhir.base_url}?{urlencode([('_type', sample.type), *sample.query])}", token)
        kind, _, inner = interaction.partition(" with a ")
        if inner in ("read", "search"):
            entry = {"request": {"method": "GET", "url": sample.reference if inner == "read" else search}}
            return fhir.send("POST", "", token, resource={"resourceType": "Bundle", "type": kind, "entry": [entry]})
        raise KeyError(interaction)

    def _tried(self, key: str, make: Callable[[], Trial]) -> Trial:
        return self.app.once(f"trial {key}", make)

    def _twin(self, interaction: str, sample: Sample, token: str) -> Exchange:
        """The request with a token that covers it; ``NotApplicable`` when the server does not offer it at all."""
        twin = self.send(interaction, sample, token)
        answered(twin)
        if twin.answer.status == 401:
            raise TwinFailed(f"the {interaction} of {sample.type} was refused to a token that covers it: {describe(twin.answer)}")
        if not disclosed(twin, sample.type):
            raise NotApplicable(
                f"the server does not offer the {interaction} of {sample.type} to a token that covers it: {describe(twin.answer)}"
            )
        return twin

    # -- scopes: what the letters and types allow -----------------------------------------------------------------------------

    def within(self, letters: str, interaction: str, *, version: int = 2) -> Trial:
        """An interaction that the scope with these letters allows, under that scope alone."""
        if interaction in WRITES:
            return self._write_under(letters, interaction, version=version)
        return self._tried(f"{version} {letters} {interaction}", lambda: self._read_under(letters, interaction, version))

    def beyond(self, letters: str, interaction: str, *, version: int = 2) -> Trial:
        """An interaction that the scope with these letters does not allow; what it does allow has to work first."""
        if interaction in WRITES:
            return self._write_under(letters, interaction, version=version, forbidden=True)
        return self._tried(f"{version} {letters} {interaction}", lambda: self._read_under(letters, interaction, version, forbidden=True))

    def _read_under(self, letters: str, interaction: str, version: int, *, forbidden: bool = False) -> Trial:
        sample = self.sample()
        twin = self._twin(interaction, sample, self.own.access_token)
        grant = self.covering([self.scope(sample.type, letters, version=version)])
        if forbidden:
            self._require_uncovered(grant, sample.type, LETTERS[interaction])
            self._require_works(grant, sample, letters)
        exchange = self.send(interaction, sample, grant.access_token)
        answered(exchange)
        return Trial(interaction, sample.type, exchange, tuple(grant.granted), twin, frozenset({sample.id}))

    def _require_uncovered(self, grant: Grant, kind: str, letter: str) -> None:
        if covers(grant.granted, kind, letter):
            raise NotApplicable(f"the server granted more than was asked for, so nothing is left to refuse: {' '.join(grant.granted)}")

    def _require_works(self, grant: Grant, sample: Sample, letters: str) -> None:
        """The narrow token works for what it was granted, else its refusals prove nothing; for writes their own scenario shows it."""
        word = "read" if "r" in letters else "search" if "s" in letters else ""
        if not word:
            return
        exchange = self.app.once(f"works {' '.join(grant.granted)} {grant.expires_at}", lambda: self.send(word, sample, grant.access_token))
        if not disclosed(exchange, sample.type):
            raise TwinFailed(f"the token does not work for what it was granted ({' '.join(grant.granted)}): {describe(answered(exchange))}")

    def other_type(self, interaction: str) -> Trial:
        """An interaction with a type that the granted scopes leave out."""
        return self._tried(f"other type {interaction}", lambda: self._other_type(interaction))

    def _other_type(self, interaction: str) -> Trial:
        inside, outside = self._inside(), self.sample(1)
        if interaction in WRITES:
            raise KeyError(interaction)
        twin = self._twin(interaction, outside, self.own.access_token)
        grant = self.covering([self.scope(inside.type, "rs")])
        self._require_uncovered(grant, outside.type, LETTERS[interaction])
        self._require_works(grant, inside, "rs")
        exchange = self.send(interaction, outside, grant.access_token)
        answered(exchange)
        return Trial(interaction, outside.type, exchange, tuple(grant.granted), twin, frozenset({outside.id}))

    def _inside(self) -> Sample:
        return self.sample()

    def included(self, interaction: str) -> Trial:
        """A search that asks for resources of a type beside its matches which the granted scopes leave out."""
        return self._tried(interaction, lambda: self._included(interaction))

    def _included(self, interaction: str) -> Trial:
        own, reasons = self.own.access_token, []
        for kind, target, ids, send in self._inclusions(interaction):
            twin = send(own)
            answered(twin)
            seen = (
                frozenset(str(r.get("id")) for r in disclosed(twin, target)) & ids
                if ids
                else frozenset(str(r.get("id")) for r in disclosed(twin, target))
            )
            if not seen or target == kind:
                reasons.append(f"{interaction} from {kind} to {target} brings none: {describe(twin.answer)}")
                continue
            grant = self.covering([self.scope(kind, "rs")])
            if any(covers(grant.granted, target, letter) for letter in "rs"):
                reasons.append(f"the server granted {target} too")
                continue
            exchange = send(grant.access_token)
            answered(exchange)
            if not disclosed(exchange, kind):
                raise NotApplicable(
                    f"the search with {interaction.rsplit(maxsplit=1)[-1]} is refused as a whole: {describe(exchange.answer)}"
                )
            return Trial(interaction, target, exchange, tuple(grant.granted), twin, seen)
        raise NotApplicable("; ".join(reasons) or "no type with data refers to another one that the app may see")

    def _inclusions(self, interaction: str) -> list[tuple[str, str, frozenset[str], Callable[[str], Exchange]]]:
        """Searches that may take in another type: the type searched, the type taken in, which resources of it, and the request."""
        fhir, found = self.app.engine.fhir, self.samples()
        plans: list[tuple[str, str, frozenset[str], Callable[[str], Exchange]]] = []
        if interaction == "search with _revinclude":
            for kind in found:
                extra: tuple[tuple[str, str], ...] = (("_id", self.patient), ("_revinclude", f"{kind}:patient"))
                plans.append(("Patient", kind, frozenset(), lambda token, extra=extra: fhir.search("Patient", extra, token)))  # type: ignore[misc]
            return plans
        own_user = self.fhir_user()
        for kind, matches in found.items():
            for parameter, element in INCLUDES.get(kind, ()):
                references = [r for m in matches for r in references_in(m.resource.get(element)) if r != own_user]
                for target in dict.fromkeys(r.partition("/")[0] for r in references):
                    ids = frozenset(r.partition("/")[2] for r in references if r.startswith(f"{target}/"))
                    extra = (*matches[0].query, ("_include", f"{kind}:{parameter}"))
                    plans.append((kind, target, ids, lambda token, kind=kind, extra=extra: fhir.search(kind, extra, token)))  # type: ignore[misc]
        return plans

    def fhir_user(self) -> str:
        """The signed-in user's resource as ``Type/id``, or an empty string; ``fhirUser`` may open it beside all scopes."""
        claim = decode(self.own.token.id_token).claims.get("fhirUser") if self.own.token.id_token else None
        text = claim if isinstance(claim, str) else (self.app.engine.user() and self.app.engine.user().fhir_user) or ""  # type: ignore[union-attr]
        return "/".join(str(text).rstrip("/").split("/")[-2:])

    def union(self, form: str) -> list[Trial]:
        """What several scopes allow together: two letters of one type, two types, or two categories."""
        return self.app.once(f"union {form}", lambda: self._union(form))

    def _union(self, form: str) -> list[Trial]:
        first = self.sample()
        if form == "two categories":
            one, two = self._two_categories()
            wanted = [(word, sample, "") for sample in (one, two) for word in ("read", "search")]
            scopes = [self._granular(one), self._granular(two)]
        elif form == "two letters":
            scopes = [self.scope(first.type, "r", version=2), self.scope(first.type, "s", version=2)]
            wanted = [("read", first, scopes[0]), ("search", first, scopes[1])]
        else:
            second = self.sample(1)
            scopes = [self.scope(first.type, "rs"), self.scope(second.type, "rs")]
            wanted = [(w, sample, scope) for sample, scope in zip((first, second), scopes, strict=True) for w in ("read", "search")]
        grant = self.covering(scopes)
        trials = []
        for word, sample, alone in wanted:
            token = self.covering([alone]).access_token if alone else self.own.access_token
            twin = self._twin(word, sample, token)
            exchange = self.send(word, sample, grant.access_token)
            answered(exchange)
            trials.append(Trial(word, sample.type, exchange, tuple(grant.granted), twin, frozenset({sample.id})))
        return trials

    def wildcard(self) -> list[Trial]:
        """Reads and searches of every type with data under a wildcard scope alone."""
        return self.app.once("wildcard", self._wildcard)

    def _wildcard(self) -> list[Trial]:
        found = self.samples()
        if not found:
            raise NotApplicable("no type with data of the patient can be read and searched with the app's own grant")
        grant = self.granted([self.scope("*", "rs")])
        if not any(p is not None and p.resource == "*" for p in map(words.parse, grant.granted)):
            raise NotApplicable(f"the server grants no wildcard scope; it grants {' '.join(grant.granted) or 'nothing'}")
        trials = []
        for kind, matches in found.items():
            for word in ("read", "search"):
                if covers(grant.granted, kind, LETTERS[word]):
                    twin = self._twin(word, matches[0], self.own.access_token)
                    exchange = self.send(word, matches[0], grant.access_token)
                    answered(exchange)
                    trials.append(Trial(word, kind, exchange, tuple(grant.granted), twin, frozenset({matches[0].id})))
        return trials

    # -- scopes with search parameters ----------------------------------------------------------------------------------------

    def _two_categories(self) -> tuple[Sample, Sample]:
        """Two resources of one type of which neither has a category of the other."""
        for matches in self.samples().values():
            for one in matches:
                for two in matches:
                    if one.categories and two.categories and not set(one.categories) & set(two.categories):
                        return one, two
        raise NotApplicable("the patient has no two resources of one type with different categories")

    def _granular(self, sample: Sample, letters: str = "rs") -> str:
        system, code = sample.categories[0]
        return f"{self.level}/{sample.type}.{letters}?category={system}|{code}"

    def granular_scope(self) -> str:
        """A scope with a category of the patient's data as search parameter."""
        return self._granular(self._two_categories()[0])

    def granular(self, interaction: str) -> Trial:
        """A request for a resource of another category under a scope that names one category."""
        return self._tried(f"granular {interaction}", lambda: self._granular_trial(interaction))

    def _granular_trial(self, interaction: str) -> Trial:
        inside, outside = self._two_categories()
        if interaction == "create":
            return self._granular_create(inside, outside)
        grant = self._granular_grant(inside)
        if not disclosed(self.send("read", inside, grant.access_token), inside.type):
            raise TwinFailed("the token does not work for the category that it was granted")
        wanted = Sample(outside.resource, (*outside.query, ("category", "|".join(outside.categories[0]))))
        if interaction != "search for the other category":
            wanted = outside
        word = "search" if interaction == "search for the other category" else interaction
        twin = self._twin(word, wanted, self.own.access_token)
        exchange = self.send(word, wanted, grant.access_token)
        answered(exchange)
        return Trial(interaction, inside.type, exchange, tuple(grant.granted), twin, frozenset({outside.id}), wanted=inside.categories[:1])

    def _granular_grant(self, inside: Sample, letters: str = "rs") -> Grant:
        scope = self._granular(inside, letters)
        grant = self.covering([scope])
        for letter in letters:
            self._require_uncovered(grant, inside.type, letter)
        return grant

    def granular_within(self) -> list[Trial]:
        """Read and search of a resource that fits the granted search parameter."""
        return self.app.once("granular within", self._granular_within)

    def _granular_within(self) -> list[Trial]:
        inside, _ = self._two_categories()
        grant = self._granular_grant(inside)
        trials = []
        for word in ("read", "search"):
            twin = self._twin(word, inside, self.own.access_token)
            exchange = self.send(word, inside, grant.access_token)
            answered(exchange)
            trials.append(Trial(word, inside.type, exchange, tuple(grant.granted), twin, frozenset({inside.id})))
        return trials

    def _granular_create(self, inside: Sample, outside: Sample) -> Trial:
        kind = inside.type
        if kind not in BODIES:
            raise NotApplicable(f"the suite has no {kind} to write")
        twin, _ = self._created(kind, self.patient)
        grant = self._granular_grant(inside, "cruds")
        body = {**self._body(kind, self.patient), "category": outside.resource.get("category")}
        exchange = self.app.engine.fhir.send("POST", kind, grant.access_token, resource=body)
        self._remember(exchange, grant)
        answered(exchange)
        return Trial("create", kind, exchange, tuple(grant.granted), twin)

    # -- patients -------------------------------------------------------------------------------------------------------------

    def of_other(self) -> tuple[Grant, Sample, Sample]:
        """A grant with the other patient in context, that patient's own resource, and a clinical one; ``NotApplicable`` without login."""
        return self.app.once("the other patient", self._of_other)

    def _of_other(self) -> tuple[Grant, Sample, Sample]:
        kind, other = self.sample().type, self.other_patient
        grant = self.covering([self.scope("Patient", "rs", "patient"), self.scope(kind, "rs", "patient")], patient=other)
        if grant.token.patient != other:
            raise NotApplicable(f"no login brings the patient {other} into context, so nothing shows that this patient's data are there")
        read = self.app.engine.fhir.read(f"Patient/{other}", grant.access_token)
        exchange, query = self.search(kind, other, grant.access_token)
        found = resources(answered(exchange), kind)
        if not found or not disclosed(read, "Patient"):
            raise NotApplicable(f"the patient {other} has no {kind} that could be asked for")
        return grant, Sample(read.answer.object, (("_id", other),)), Sample(found[0], query)

    def other_patients(self, interaction: str) -> Trial:
        """A request for another patient's data under ``patient/`` scopes; the same under that patient's own token has to succeed."""
        if interaction in WRITES:
            return self._write_for_other(interaction)
        return self._tried(f"other patient {interaction}", lambda: self._other_patients(interaction))

    def _other_patients(self, interaction: str) -> Trial:
        kind, other = self.sample().type, self.other_patient
        scopes = [self.scope("Patient", "rs", "patient"), self.scope(kind, "rs", "patient")]
        grant = self.covering(scopes)
        self._require_patient_level(grant, "Patient", kind)
        if not disclosed(self.send("read", self.sample(), grant.access_token), kind):
            raise TwinFailed(f"the token does not work for the patient in context ({' '.join(grant.granted)})")
        twin: Exchange | None = None
        try:
            other_grant, person, resource = self.of_other()
        except NotApplicable:
            if interaction not in ("read of the patient", "search by the patient"):
                raise
            person = Sample({"resourceType": "Patient", "id": other}, (("_id", other),))
            resource = Sample({"resourceType": kind}, tuple((k, other if k == "patient" else v) for k, v in self.sample().query))
        else:
            wanted = person if interaction == "read of the patient" else resource
            twin = self._twin(interaction, wanted, other_grant.access_token)
        wanted = person if interaction == "read of the patient" else resource
        exchange = self.send(interaction, wanted, grant.access_token)
        answered(exchange)
        return Trial(interaction, wanted.type, exchange, tuple(grant.granted), twin, frozenset({other}))

    def _require_patient_level(self, grant: Grant, *kinds: str) -> None:
        wider = [s for s in grant.granted if (p := words.parse(s)) is not None and p.level != "patient" and p.resource in ("*", *kinds)]
        if wider:
            raise NotApplicable(f"the server also granted {' '.join(wider)}, which may reach other patients")

    def other_patient_included(self) -> Trial:
        """A search of what patients share that takes in another patient's own resource."""
        return self._tried("other patient included", self._other_patient_included)

    def _other_patient_included(self) -> Trial:
        other_grant, person, _ = self.of_other()
        reasons = []
        for element, parameter in SHARED.items():
            for reference in references_in(person.resource.get(element)):
                kind, _, identifier = reference.partition("/")
                scopes = [self.scope("Patient", "rs", "patient"), self.scope(kind, "rs", "patient")]
                query = (("_id", identifier), ("_revinclude", f"Patient:{parameter}"))
                fhir = self.app.engine.fhir
                try:
                    grant = self.covering(scopes)
                    theirs = self.covering(scopes, patient=self.other_patient)
                except NotApplicable as exc:
                    reasons.append(str(exc))
                    continue
                self._require_patient_level(grant, "Patient")
                twin = fhir.search(kind, query, theirs.access_token)
                if self.other_patient not in {r.get("id") for r in disclosed(twin, "Patient")}:
                    reasons.append(f"the search of {kind} with _revinclude brings no patient: {describe(twin.answer, twin.error)}")
                    continue
                exchange = fhir.search(kind, query, grant.access_token)
                answered(exchange)
                return Trial("search with _revinclude", "Patient", exchange, tuple(grant.granted), twin, frozenset({self.other_patient}))
        _ = other_grant
        raise NotApplicable("; ".join(dict.fromkeys(reasons)) or "the other patient's resource refers to nothing that patients share")

    def telling(self) -> tuple[str, ...]:
        """Texts by which the other patient's data can be known again in an answer: names, numbers, addresses."""
        _, person, _ = self.of_other()
        found: list[str] = []
        for element in ("name", "birthDate", "telecom", "address"):
            found += [t for t in texts_in(person.resource.get(element)) if len(t) > 4]
        own = str(self.app.engine.fhir.read(f"Patient/{self.patient}", self.own.access_token).answer.text)
        return tuple(t for t in dict.fromkeys(found) if t not in own and t not in self.other_patient)

    # -- users ----------------------------------------------------------------------------------------------------------------

    def users(self) -> tuple[User, User, str]:
        """A user, a second one, and a patient whom only the first may see, by the target file."""
        known = [u for u in self.app.engine.target.users.values() if u.patients]
        for first in known:
            for second in known:
                hidden = [p for p in first.patients or () if p not in (second.patients or ())]
                if first.persona == second.persona and hidden:
                    return first, second, hidden[0]
        raise NotApplicable("the target file names no two users of one persona of whom one may see a patient that the other may not")

    def of_user(self) -> Trial:
        """A search for the patient in context under a ``user/`` scope; the app's own grant has found the same before."""

        def make() -> Trial:
            sample = self.sample()
            twin = self._twin("search", sample, self.own.access_token)
            grant = self.covering([self.scope("Patient", "rs", "user"), self.scope(sample.type, "rs", "user")])
            exchange = self.send("search", sample, grant.access_token)
            answered(exchange)
            return Trial("search", sample.type, exchange, tuple(grant.granted), twin, frozenset({sample.id}))

        return self._tried("of the user", make)

    def beyond_user(self, interaction: str) -> Trial:
        """A request for a patient whom the signed-in user may not see, under ``user/`` scopes; a user who may has to succeed first."""
        return self._tried(f"beyond the user {interaction}", lambda: self._beyond_user(interaction))

    def _beyond_user(self, interaction: str) -> Trial:
        first, second, hidden = self.users()
        kind = self.sample().type
        scopes = [self.scope("Patient", "rs", "user"), self.scope(kind, "rs", "user")]
        allowed = self.covering(scopes, user=first)
        limited = self.covering(scopes, user=second)
        found, query = self.search(kind, hidden, allowed.access_token)
        theirs = resources(answered(found), kind)
        if not theirs:
            raise NotApplicable(f"the user who may see the patient {hidden} finds no {kind}: {describe(found.answer)}")
        wanted = Sample(theirs[0], query)
        if interaction == "read of the patient":
            wanted = Sample({"resourceType": "Patient", "id": hidden}, (("_id", hidden),))
        twin = self._twin(interaction, wanted, allowed.access_token)
        seen = (second.patients or ("",))[0]
        own, _ = self.search(kind, seen, limited.access_token)
        if not resources(answered(own), kind):
            raise TwinFailed(f"the second user's token does not find the {kind} of a patient whom that user may see")
        exchange = self.send(interaction, wanted, limited.access_token)
        answered(exchange)
        return Trial(interaction, wanted.type, exchange, tuple(limited.granted), twin, frozenset({hidden}))

    # -- what was granted -----------------------------------------------------------------------------------------------------

    def granted_requests(self, grant: Grant, key: str) -> list[Trial]:
        """Each granted scope on FHIR data tried once for each way of reading that it allows."""
        return self.app.once(f"granted requests {key}", lambda: self._granted_requests(grant))

    def _granted_requests(self, grant: Grant) -> list[Trial]:
        trials: list[Trial] = []
        patient = grant.token.patient or self.app.engine.target.patients.default
        own_user = self.fhir_user()
        fhir, token, posted = self.app.engine.fhir, grant.access_token, False
        for scope in grant.granted:
            parsed = words.parse(scope)
            if parsed is None or parsed.parameters or (parsed.level == "patient" and not patient):
                continue
            for kind in (*PREFERRED[:2], "Patient") if parsed.resource == "*" else (parsed.resource,):
                identifier = own_user.partition("/")[2] if own_user.startswith(f"{kind}/") else ""
                identifier = patient if kind == "Patient" and patient else identifier
                identifier = grant.token.encounter if kind == "Encounter" else identifier
                if "s" in parsed.interactions and patient and kind in (*PREFERRED, "Patient"):
                    exchange, query = self.search(kind, patient, token)
                    trials.append(Trial("search", kind, exchange, tuple(grant.granted), scope=scope))
                    found = resources(exchange.answer, kind)
                    identifier = identifier or (str(found[0].get("id", "")) if found else "")
                    if not posted:
                        posted = True
                        exchange = fhir.search_by_post(kind, query, token)
                        trials.append(Trial("search by POST", kind, exchange, tuple(grant.granted), scope=scope))
                if "r" in parsed.interactions and identifier:
                    exchange = fhir.read(f"{kind}/{identifier}", token)
                    trials.append(Trial("read", kind, exchange, tuple(grant.granted), scope=scope, ids=frozenset({identifier})))
        for trial in trials:
            answered(trial.exchange)
        if not trials:
            raise NotApplicable(f"none of the granted scopes can be tried: {' '.join(grant.granted) or 'none was granted'}")
        return trials

    def own_requests(self) -> list[Trial]:
        """The requests that the app's own grant allows."""
        grant = self.own
        return self.granted_requests(grant, "of the app's own grant")

    # -- plain FHIR -----------------------------------------------------------------------------------------------------------

    def plain_read(self) -> Trial:
        """A read of a resource of the patient."""
        return self._tried("plain read", lambda: self._plain("read", self.sample()))

    def plain_search(self) -> Trial:
        """A search of one type for the patient."""
        return self._tried("plain search", lambda: self._plain("search", self.sample()))

    def category_search(self) -> Trial:
        """A search of one type for the patient and one of two categories that the data have."""

        def make() -> Trial:
            one, _ = self._two_categories()
            query = (*(pair for pair in one.query if pair[0] != "category"), ("category", "|".join(one.categories[0])))
            return self._plain("search", Sample(one.resource, query), one.categories[:1])

        return self._tried("category search", make)

    def search_by_id(self) -> Trial:
        """A search by ``_id`` for up to three resources, each of which a read yields."""

        def make() -> Trial:
            matches, token = next(iter(self.samples().values()), [])[:3], self.own.access_token
            readable = [m for m in matches if disclosed(self.send("read", m, token), m.type)]
            if not readable:
                raise NotApplicable("no resource of the patient can be read by its id")
            first, ids = readable[0], frozenset(m.id for m in readable)
            trial = self._plain("search", Sample(first.resource, (*first.query, ("_id", ",".join(sorted(ids))))))
            return replace(trial, ids=ids)

        return self._tried("search by id", make)

    def _plain(self, word: str, sample: Sample, wanted: tuple[tuple[str, str], ...] = ()) -> Trial:
        exchange = self.send(word, sample, self.own.access_token)
        answered(exchange)
        if not 200 <= exchange.answer.status < 300:
            raise NotApplicable(
                f"the {word} of {sample.type} is refused: {describe(exchange.answer)}; the scenario on granted access tells it"
            )
        return Trial(word, sample.type, exchange, tuple(self.own.granted), ids=frozenset({sample.id}), wanted=wanted)

    def absent_read(self) -> Exchange:
        """A read of an id that does not exist."""
        kind = self.sample().type
        return self.app.once("absent read", lambda: self._answered(f"{kind}/conformance-{secrets.token_hex(8)}", self.own.access_token))

    def deleted_read(self) -> Exchange:
        """A read of a resource that the suite made and deleted."""
        kind = self._kind_to_write()
        _, own = self._created(kind, self.patient)
        token = self._writer(kind).access_token
        gone = self.write("delete", kind, own, self.patient, token)
        if not done(gone):
            raise NotApplicable(f"the server does not let the app delete a {kind}: {describe(gone.answer, gone.error)}")
        return self._answered(own.reference, token)

    def _answered(self, reference: str, token: str) -> Exchange:
        exchange = self.app.engine.fhir.read(reference, token)
        answered(exchange)
        return exchange

    def mixed_batch(self) -> Exchange:
        """A batch of a read that succeeds and one that cannot; ``NotApplicable`` when the server takes no batches."""

        def make() -> Exchange:
            sample = self.sample()
            urls = (sample.reference, f"{sample.type}/conformance-{secrets.token_hex(8)}")
            entries = [{"request": {"method": "GET", "url": url}} for url in urls]
            bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
            exchange = self.app.engine.fhir.send("POST", "", self.own.access_token, resource=bundle)
            answered(exchange)
            if not 200 <= exchange.answer.status < 300:
                raise NotApplicable(f"the server takes no batch: {describe(exchange.answer)}")
            return exchange

        return self.app.once("mixed batch", make)

    # -- writing --------------------------------------------------------------------------------------------------------------

    def _kind_to_write(self) -> str:
        found = self.sample().type
        kind = found if found in BODIES else next(iter(BODIES))
        if not self.offers(kind, "create"):
            raise NotApplicable(f"the CapabilityStatement offers no create of {kind}")
        return kind

    def offers(self, kind: str, code: str) -> bool:
        """Whether the CapabilityStatement lists an interaction for a type; one without interactions is taken to offer all."""
        described = self.described(kind)
        if described is None:
            return False
        listed = [i.get("code") for i in described.get("interaction", []) if isinstance(i, dict)]
        return not listed or code in listed

    def described(self, kind: str) -> dict[str, Any] | None:
        """What the CapabilityStatement says of a type; an empty object when there is no statement at all, None when the type is absent."""
        rest = self.app.engine.discovery.metadata.answer.object.get("rest")
        if not isinstance(rest, list):
            return {}
        rows = [r for part in rest if isinstance(part, dict) for r in part.get("resource", []) if isinstance(r, dict)]
        return next((r for r in rows if r.get("type") == kind), None if rows else {})

    def _body(self, kind: str, patient: str) -> dict[str, Any]:
        return {"resourceType": kind, **BODIES[kind][0], "subject": {"reference": f"Patient/{patient}"}}

    def _writer(self, kind: str, patient: str = "") -> Grant:
        return self.covering([self.scope(kind, "cruds", "patient")], patient=patient)

    def _created(self, kind: str, patient: str) -> tuple[Exchange, Sample]:
        """A resource of the suite's own, created with a token that may."""
        writer = self._writer(kind, "" if patient == self.patient else patient)
        exchange = self.app.engine.fhir.send("POST", kind, writer.access_token, resource=self._body(kind, patient))
        answered(exchange)
        made = self._remember(exchange, writer)
        if made is None:
            raise NotApplicable(f"the server does not let the app create a {kind} of its own: {describe(exchange.answer)}")
        return exchange, made

    def _remember(self, exchange: Exchange, grant: Grant) -> Sample | None:
        """The resource that a create made, to be deleted at the end; None when none was made."""
        if not done(exchange):
            return None
        found = next(iter(disclosed(exchange)), None)
        if found is None or not found.get("id"):
            location = exchange.answer.header("location") or ""
            parts = [p for p in location.split("/_history")[0].split("/") if p]
            if len(parts) < 2:
                return None
            found = {"resourceType": parts[-2], "id": parts[-1]}
        sample = Sample(found)
        self._made.append((sample.reference, grant))
        return sample

    def clean_up(self) -> None:
        """Delete what the suite wrote; what cannot be deleted stays, the run's exchanges name it."""
        for reference, grant in self._made:
            self.app.engine.fhir.send("DELETE", reference, grant.access_token)
        self._made.clear()

    def write(self, interaction: str, kind: str, own: Sample, patient: str, token: str) -> Exchange:
        """The write that the words name, of a resource that the suite made."""
        fhir, body = self.app.engine.fhir, self._body(kind, patient)
        match interaction:
            case "create":
                return fhir.send("POST", kind, token, resource=body)
            case "update":
                return fhir.send("PUT", own.reference, token, resource={**body, "id": own.id})
            case "patch":
                return fhir.send("PATCH", own.reference, token, resource=BODIES[kind][1], headers={"Content-Type": _PATCH_TYPE})
            case "delete":
                return fhir.send("DELETE", own.reference, token)
            case "update of a new id":
                new = f"conformance-{int(time.time() * 1000) % 10**9}"
                return fhir.send("PUT", f"{kind}/{new}", token, resource={**body, "id": new})
        wrapper = interaction.partition(" with a ")[0]
        entry = {"resource": body, "request": {"method": "POST", "url": kind}}
        return fhir.send("POST", "", token, resource={"resourceType": "Bundle", "type": wrapper, "entry": [entry]})

    def _write_under(self, letters: str, interaction: str, *, version: int, forbidden: bool = False) -> Trial:
        kind = self._kind_to_write()
        grant = self.covering([self.scope(kind, letters, "patient", version)])
        letter = LETTERS[interaction]
        if forbidden:
            self._require_uncovered(grant, kind, letter)
        elif not covers(grant.granted, kind, letter):
            raise NotApplicable(f"the server does not grant {letter} of {kind}; it grants {' '.join(grant.granted)}")
        twin, own = self._write_twin(interaction, kind, self.patient)
        exchange = self.write(interaction, kind, own, self.patient, grant.access_token)
        if letter == "c" or interaction == "update of a new id":
            self._remember(exchange, self._writer(kind))
        answered(exchange)
        return Trial(interaction, kind, exchange, tuple(grant.granted), twin, frozenset({own.id}))

    def _write_twin(self, interaction: str, kind: str, patient: str) -> tuple[Exchange, Sample]:
        """The same write with a token that may, of another resource of the suite's own; and the resource for the trial."""
        twin, own = self._created(kind, patient)
        if interaction == "create":
            return twin, own
        writer = self._writer(kind, "" if patient == self.patient else patient)
        _, spare = self._created(kind, patient)
        twin = self.write(interaction, kind, spare, patient, writer.access_token)
        answered(twin)
        if LETTERS[interaction] == "c" or interaction == "update of a new id":
            self._remember(twin, writer)
        if not done(twin):
            raise NotApplicable(f"the server does not offer the {interaction} of {kind} to a token that covers it: {describe(twin.answer)}")
        return twin, own

    def _write_for_other(self, interaction: str) -> Trial:
        kind, other = self._kind_to_write(), self.other_patient
        grant = self._writer(kind)
        self._require_patient_level(grant, kind)
        theirs = self._writer(kind, other)
        if theirs.token.patient != other:
            raise NotApplicable(f"no login brings the patient {other} into context")
        twin, own = self._write_twin(interaction, kind, other)
        exchange = self.write(interaction, kind, own, other, grant.access_token)
        if interaction == "create":
            self._remember(exchange, theirs)
        answered(exchange)
        return Trial(interaction, kind, exchange, tuple(grant.granted), twin, frozenset({own.id}))

    def updated_new(self) -> Trial:
        """An update that creates a resource, under the update scope alone, where the server says that updates may create."""
        kind = self._kind_to_write()
        described = self.described(kind) or {}
        if described.get("updateCreate") is False:
            raise NotApplicable(f"the CapabilityStatement says that an update does not create a {kind}")
        return self._write_under("u", "update of a new id", version=2)

    def created(self) -> Exchange:
        """A create by a token that may."""
        return self._created(self._kind_to_write(), self.patient)[0]


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


def covers(granted: Sequence[str], kind: str, letter: str) -> bool:
    """Whether the granted scopes allow an interaction on a type at any level."""
    return any(words.allows(granted, level, kind, letter) for level in ("patient", "user", "system"))


def leeway(lifetime: float) -> float:
    """How long after its end a token may still be taken: clocks differ by up to a minute, but never more than its life."""
    return min(_LEEWAY_S, lifetime)


__all__ = ["LETTERS", "WRITES", "Reach", "Sample", "Trial", "categories", "disclosed", "leeway"]
